"use strict";
{
  const collator = new Intl.Collator("en", { numeric: true });
  const plain = (text) => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase();

  /* A table whose cells stand below each other is one for screen readers as well. */
  const keepRoles = (table) => {
    table.setAttribute("role", "table");
    for (const part of table.querySelectorAll("thead, tbody")) part.setAttribute("role", "rowgroup");
    for (const row of table.rows) row.setAttribute("role", "row");
    for (const cell of table.querySelectorAll("thead th")) cell.setAttribute("role", "columnheader");
    for (const cell of table.querySelectorAll("tbody th")) cell.setAttribute("role", "rowheader");
    for (const cell of table.querySelectorAll("td")) cell.setAttribute("role", "cell");
  };

  /* Numbers as numbers, texts as texts, what is missing last whichever way. */
  const compare = (number, sign) => (one, other) => {
    const [a, b] = [one, other].map((cell) => (number ? cell.dataset.number : cell.textContent.trim()) ?? "");
    if (a === "" || b === "") return (a === "") - (b === "");
    return sign * (number ? Number(a) - Number(b) : collator.compare(a, b));
  };

  const makeSortable = (table) => {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, place) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const way = head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
        for (const each of heads) each.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", way);
        const order = compare(head.dataset.kind === "number", way === "ascending" ? 1 : -1);
        const rows = [...table.tBodies[0].rows];
        rows.sort((one, other) => order(one.cells[place], other.cells[place]));
        table.tBodies[0].append(...rows);
      });
    });
  };

  const makeSearchable = (table, controls) => {
    const search = controls.querySelector("input");
    const choices = [...controls.querySelectorAll("select")];
    const rows = [...table.tBodies[0].rows].map((row) => ({ row, text: plain(row.textContent) }));
    const count = (number) => number.toLocaleString("en");
    const show = () => {
      const words = plain(search.value).split(/\s+/);
      let found = 0;
      for (const { row, text } of rows) {
        const chosen = choices.every(
          (choice) => !choice.value || row.cells[choice.dataset.column].textContent === choice.value);
        row.hidden = !(chosen && words.every((word) => text.includes(word)));
        found += !row.hidden;
      }
      controls.querySelector("output").textContent = `${count(found)} of ${count(rows.length)} rows`;
    };
    search.addEventListener("input", show);
    for (const choice of choices) choice.addEventListener("change", show);
    show();
    controls.hidden = false;
  };

  for (const controls of document.querySelectorAll(".controls[data-table]")) {
    const table = document.getElementById(controls.dataset.table);
    table.classList.add("sortable");
    keepRoles(table);
    makeSortable(table);
    makeSearchable(table, controls);
  }
}

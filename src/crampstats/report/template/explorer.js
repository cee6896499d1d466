{
  const data = JSON.parse(document.getElementById("cut-off-data").textContent);
  const by = (name) => document.getElementById(`explore-${name}`);
  const state = { set: data[0], sex: "all", age: "all", step: 0 };
  const group = () => state.set.groups.find((each) => each.sex === state.sex && each.age === state.age);
  const level = (step) => {
    const [reported, mmol] = state.set.cutoffs[step];
    return `${reported} ${state.set.unit} (${mmol} mmol/L)`;
  };

  const fill = (select, values, chosen, named = (value) => value) => {
    select.replaceChildren(...values.map((value) => new Option(named(value), value, false, value === chosen)));
  };

  /* The step of the data set chosen whose level in mmol/L is nearest. */
  const nearest = (mmol) => {
    const distances = state.set.cutoffs.map((each) => Math.abs(Number(each[1]) - mmol));
    return distances.indexOf(Math.min(...distances));
  };

  const tell = () => {
    const { people, steps } = group();
    const [share, low, high, , verdict] = steps[state.step];
    const beside = [["lower", steps[state.step - 1]], ["higher", steps[state.step + 1]]].filter(([, step]) => step)
      .map(([word, step]) => `one step ${word} ${step[0]} %`);
    by("told").textContent =
      `At most ${level(state.step)}: ${share} % (${low} to ${high} %) of ${people}; ${beside.join(", ")}.` +
      (verdict ? ` ${verdict[0].toUpperCase()}${verdict.slice(1)}${verdict.endsWith(".") ? "" : "."}` : "");
  };

  const add = (parent, tag, attributes, text = "") => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.textContent = text;
    parent.append(element);
    return element;
  };

  const draw = () => {
    const picture = by("picture");
    const [width, height, left, right, top, bottom] = [picture.clientWidth || 320, 340, 46, 14, 14, 68];
    const { people, steps } = group();
    const levels = state.set.cutoffs.map((each) => Number(each[0]));
    const last = levels.length - 1;
    const end = levels[last] + (levels[last] - levels[last - 1]);
    const x = (value) => left + (width - left - right) * (value - levels[0]) / (end - levels[0]);
    const y = (share) => top + (height - top - bottom) * (1 - share / 100);
    const span = (step) => [x(levels[step]), x(step < last ? levels[step + 1] : end)];
    picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    picture.replaceChildren();
    add(picture, "title", { id: "explore-title" }, `Staircase of the share of ${people} in ${state.set.name} at most each cut-off`);
    for (const share of [0, 25, 50, 75, 100]) {
      add(picture, "line", { class: "grid", x1: left, x2: width - right, y1: y(share), y2: y(share) });
      add(picture, "text", { x: left - 6, y: y(share) + 4, "text-anchor": "end" }, `${share} %`);
    }
    drawScale(picture, { x, height, bottom, width, left });
    for (const [step, [, low, high]] of steps.entries()) {
      const [from, to] = span(step);
      add(picture, "rect", { class: "interval", x: from, width: to - from, y: y(high), height: y(low) - y(high) });
    }
    const points = steps.flatMap(([share], step) => span(step).map((at) => `${at},${y(share)}`));
    add(picture, "polyline", { class: "stairs", points: points.join(" ") });
    const [from, to] = span(state.step);
    const [share, low, high] = steps[state.step];
    add(picture, "line", { class: "chosen", x1: from, x2: to, y1: y(share), y2: y(share) });
    for (const limit of [low, high]) {
      add(picture, "line", { class: "limit", x1: from - 5, x2: from + 5, y1: y(limit), y2: y(limit) });
    }
    add(picture, "line", { class: "limit", x1: from, x2: from, y1: y(low), y2: y(high) });
    add(picture, "circle", { class: "point", cx: from, cy: y(share), r: 5 });
    const leftwards = from > width / 2;
    add(picture, "text", {
      class: "told", x: from + (leftwards ? -10 : 10), y: Math.max(top + 10, y(high) - 8), "text-anchor": leftwards ? "end" : "start",
    }, `${share} %`);
  };

  /* Reported values, and below them the same in mmol/L, as many as there is room for. */
  const drawScale = (picture, { x, height, bottom, width, left }) => {
    const room = 52;
    let free = -Infinity;
    for (const [step, [reported, mmol]] of state.set.cutoffs.entries()) {
      const at = x(Number(reported));
      const whole = /^\d+\.\d0?$/.test(reported) && at >= free && at < width - 20;
      add(picture, "line", { class: "axis", x1: at, x2: at, y1: height - bottom, y2: height - bottom + (whole ? 8 : 4) });
      if (!whole) continue;
      add(picture, "text", { x: at, y: height - bottom + 22, "text-anchor": "middle" }, reported);
      add(picture, "text", { class: "second", x: at, y: height - bottom + 38, "text-anchor": "middle" }, mmol);
      free = at + room;
    }
    add(picture, "text", { x: left, y: height - 8 }, `cut-off, ${state.set.unit} (below: mmol/L)`);
  };

  const show = () => {
    const ages = [...new Set(state.set.groups.map((each) => each.age))];
    if (!ages.includes(state.age)) state.age = "all";
    fill(by("data"), data.map((each) => each.key), state.set.key, (key) => data.find((each) => each.key === key).name);
    fill(by("sex"), [...new Set(state.set.groups.map((each) => each.sex))], state.sex);
    fill(by("age"), ages, state.age);
    const last = state.set.cutoffs.length - 1;
    by("step").max = last;
    by("step").value = state.step;
    by("step").setAttribute("aria-valuetext", level(state.step));
    by("previous").setAttribute("aria-disabled", state.step === 0);
    by("next").setAttribute("aria-disabled", state.step === last);
    tell();
    draw();
  };

  const keep = () => {
    const words = { data: state.set.key, sex: state.sex, age: state.age, at: state.set.cutoffs[state.step][0] };
    history.replaceState(null, "", `#${new URLSearchParams(words)}`);
  };

  /* What the address says, as far as the table has it; else 0.70 mmol/L of all adults in the first data set. */
  const read = () => {
    const words = new URLSearchParams(location.hash.slice(1));
    state.set = data.find((each) => each.key === words.get("data")) ?? data[0];
    const has = (name) => state.set.groups.some((each) => each[name] === words.get(name));
    state.sex = has("sex") ? words.get("sex") : "all";
    state.age = has("age") ? words.get("age") : "all";
    const step = state.set.cutoffs.findIndex((each) => each[0] === words.get("at"));
    state.step = step < 0 ? nearest(0.7) : step;
    show();
  };

  const change = (how) => () => {
    how();
    show();
    keep();
  };
  /* A button at the end of the scale keeps the focus, so it is not disabled for the browser. */
  const move = (steps) => change(() => {
    state.step = Math.min(Math.max(state.step + steps, 0), state.set.cutoffs.length - 1);
  });
  by("data").addEventListener("change", change(() => {
    const mmol = Number(state.set.cutoffs[state.step][1]);
    state.set = data.find((each) => each.key === by("data").value);
    state.step = nearest(mmol);
  }));
  by("sex").addEventListener("change", change(() => { state.sex = by("sex").value; }));
  by("age").addEventListener("change", change(() => { state.age = by("age").value; }));
  by("step").addEventListener("input", change(() => { state.step = Number(by("step").value); }));
  by("previous").addEventListener("click", move(-1));
  by("next").addEventListener("click", move(1));
  addEventListener("hashchange", read);
  addEventListener("resize", draw);
  document.getElementById("explorer").hidden = false;
  read();
}

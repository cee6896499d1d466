"""Tables in documents, read back by what reads such documents; nasty texts; nothing half written."""

import html
import re
import sys
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import docx
import mistune
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import crampstats as cs
from crampstats.descriptions import characteristics
from crampstats.errors import CrampstatsError
from crampstats.tables import export
from crampstats.tables.documents import _html, _latex, _markdown, _texts, _word

NASTY = "<b>&|_%$#{}~^\\ \"'`[*]"
NASTY_LATEX = (
    r"\textless{}b\textgreater{}\&\textbar{}\_\%\$\#\{\}\textasciitilde{}\textasciicircum{}\textbackslash{} "
    "\"'"
    r"\textasciigrave{}{[}{*}{]}"
)
NASTY_MARKDOWN = r"""\<b\>\&\|\_%\$#{}\~^\\ "'\`\[\*\]"""
FRAME = pd.DataFrame(
    {
        "group": ["women", NASTY, "two\nlines"],
        "n": [1_234_567, 2, 3],
        "value": [0.123456789, np.nan, -1e-9],
        NASTY: ["30.9 (29.0–32.8)", "-5.2 (-7.6 to -2.7)", "–"],
        "note": ["", "[0.5em]", None],
    }
)
CELLS = [
    ["group", "n", "value", NASTY, "note"],
    ["women", "1234567", "0.123457", "30.9 (29.0–32.8)", ""],
    [NASTY, "2", "", "-5.2 (-7.6 to -2.7)", "[0.5em]"],
    ["two\nlines", "3", "-1e-09", "–", ""],
]
CAPTION = f"Who {NASTY}"
NOTES = (f"1. {NASTY}", "- second")
RIGHT = [False, True, True, True, False]


class Reader(HTMLParser):
    """Reads a table: tags in their order, texts of cells, caption and footer, alignments."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.headers: list[str] = []
        self.right: list[bool] = []
        self.caption = ""
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        told = dict(attrs)
        if tag == "br":
            self.rows[-1][-1] += "\n"
            return
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in {"th", "td"}:
            self.rows[-1].append("")
            self.headers += [told.get("scope", "")] if tag == "th" else []
            self.right.append(told.get("style") == "text-align: right")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in {"th", "td"}:
            self.rows[-1][-1] += data
        elif self.open and self.open[-1] == "caption":
            self.caption += data
        else:
            assert not data.strip()


def read_html(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


def split_markdown(line: str) -> list[str]:
    """Split a line at the bars that no backslash escapes, and take the backslashes away."""
    cells = re.findall(r"((?:\\.|[^\\|])*)\|", line.removeprefix("|"))
    return [re.sub(r"\\(.)", r"\1", cell[1:-1].replace("<br>", "\n")) for cell in cells]


def read_word(path: Path) -> tuple[list[str], list[list[str]]]:
    document = docx.Document(str(path))
    (table,) = document.tables
    return [each.text for each in document.paragraphs], [[cell.text for cell in row.cells] for row in table.rows]


PRINTED = {
    r"\textbackslash{}": "\\",
    r"\textasciitilde{}": "~",
    r"\textasciicircum{}": "^",
    r"\textless{}": "<",
    r"\textgreater{}": ">",
    r"\textbar{}": "|",
    r"\textasciigrave{}": "`",
    r"\quad{}": "\u2003",
    "{[}": "[",
    "{]}": "]",
    "{*}": "*",
    r"$\leq$": "≤",
    "$-$": "−",
    **{f"\\{letter}": letter for letter in "&%$#_{}"},
}


def printed(latex: str) -> str:
    """Return what LaTeX prints, refusing every special letter that is left."""
    pattern = "|".join(map(re.escape, sorted(PRINTED, key=len, reverse=True)))
    parts = re.split(f"({pattern})", re.sub(r"([-',])\{\}(?=\1)", r"\1", latex))
    assert not set("\\~^<>|`&%$#_{}[]*") & set("".join(parts[::2])), parts
    return "".join(PRINTED.get(part, part) for part in parts)


def test_html_read_back(tmp_path: Path) -> None:
    export(FRAME, tmp_path / "t.html", caption=CAPTION, notes=NOTES)
    reader = read_html((tmp_path / "t.html").read_text(encoding="utf-8"))
    assert reader.rows == [*CELLS, [NOTES[0]], [NOTES[1]]]
    assert reader.caption == CAPTION
    assert reader.headers == ["col"] * 5 + ["row"] * 3
    assert reader.right == RIGHT * 4 + [False, False]


def test_markdown_read_back(tmp_path: Path) -> None:
    export(FRAME, tmp_path / "t.md", caption=CAPTION, notes=NOTES)
    lines = (tmp_path / "t.md").read_text(encoding="utf-8").split("\n")
    assert [split_markdown(line) for line in [lines[2], *lines[4:7]]] == CELLS
    assert lines[3] == "| :--- | ---: | ---: | ---: | :--- |"
    assert lines[0] == f"**Who {NASTY_MARKDOWN}**"
    assert lines[7:] == ["", f"1\\. {NASTY_MARKDOWN}", "", r"\- second", ""]


def test_a_reader_of_markdown_shows_what_was_meant(tmp_path: Path) -> None:
    export(FRAME, tmp_path / "t.md", caption=CAPTION, notes=NOTES)
    read = mistune.create_markdown(plugins=["table", "strikethrough", "math"], escape=False)
    shown = read((tmp_path / "t.md").read_text(encoding="utf-8"))
    start, end = shown.index("<table>"), shown.index("</table>") + len("</table>")
    assert read_html(shown[start:end]).rows == CELLS
    plain = [html.unescape(re.sub("<[^>]*>", "", part)).strip() for part in (shown[:start], *shown[end:].split("</p>"))]
    assert plain == [CAPTION, *NOTES, ""]
    assert "<strong>" in shown[:start]


def test_latex_read_back(tmp_path: Path) -> None:
    export(FRAME, tmp_path / "t.tex", caption=CAPTION, notes=NOTES)
    text = (tmp_path / "t.tex").read_text(encoding="utf-8")
    lines = text.split("\n")
    assert lines[:5] == [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{Who {NASTY_LATEX}}}",
        r"\begin{tabular}{lrrrl}",
        r"\toprule",
    ]
    assert (lines[6], lines[10:12], lines[-2:]) == (
        r"\midrule",
        [r"\bottomrule", r"\end{tabular}"],
        [r"\end{table}", ""],
    )
    rows = [line.removesuffix(r" \\").split(" & ") for line in [lines[5], *lines[7:10]]]
    assert [[printed(cell) for cell in row] for row in rows] == [
        [cell.replace("\n", " ") for cell in row] for row in CELLS
    ]
    notes = [re.fullmatch(r"\\par\\smallskip\{\\footnotesize (.*)\\par\}", line)[1] for line in lines[12:14]]
    assert [printed(note) for note in notes] == list(NOTES)
    plain = re.sub(r"\\[\\{}]", "", text)
    assert plain.count("{") == plain.count("}")


def test_word_read_back(tmp_path: Path) -> None:
    export(FRAME, tmp_path / "t.docx", caption=CAPTION, notes=NOTES)
    paragraphs, rows = read_word(tmp_path / "t.docx")
    assert rows == CELLS
    assert paragraphs == [CAPTION, *NOTES]
    document = docx.Document(str(tmp_path / "t.docx"))
    table = document.tables[0]
    repeated = [bool(row._tr.xpath("./w:trPr/w:tblHeader")) for row in table.rows]
    assert repeated == [True, False, False, False]
    assert all(row._tr.xpath("./w:trPr/w:cantSplit") for row in table.rows)
    assert [str(cell.paragraphs[0].alignment) for cell in table.rows[1].cells] == [
        "RIGHT (2)" if right else "None" for right in RIGHT
    ]
    assert document.paragraphs[0].style.name == "Caption"
    about = document.core_properties
    assert (about.title, about.author, about.comments, about.created.year) == (CAPTION, "", "", 1980)


@pytest.mark.parametrize("ending", ["html", "md", "tex", "docx"])
def test_the_same_bytes_each_time(tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    export(FRAME, tmp_path / f"one.{ending}", caption="c", notes=NOTES)
    monkeypatch.setattr("time.time", lambda: 1_900_000_000.0)
    export(FRAME, str(tmp_path / f"other.{ending.upper()}"), caption="c", notes=NOTES)
    one = (tmp_path / f"one.{ending}").read_bytes()
    assert one == (tmp_path / f"other.{ending.upper()}").read_bytes()
    if ending == "docx":
        with zipfile.ZipFile(tmp_path / "one.docx") as parts:
            assert {part.date_time for part in parts.infolist()} == {(1980, 1, 1, 0, 0, 0)}
            assert parts.testzip() is None
    else:
        assert one.endswith(b"\n")
        assert b"\r" not in one


@pytest.fixture
def cramps() -> cs.Survey:
    return cs.datasets.nhanes_cramps()


def test_characteristics_by_sex_in_every_format(tmp_path: Path, cramps: cs.Survey) -> None:
    found = characteristics(
        cramps.define(often="cramp_class >= 3"),
        ["age_group", "often"],
        by="sex",
        names={"age_group": "Age group, years", "often": "Cramps, ≥ 5 nights"},
        differences="smd",
    )
    table = found.table()
    cells = [table.columns.tolist(), *table.to_numpy().tolist()]
    notes = ["From the sample.", *found.notes]
    for ending in ("html", "md", "tex", "docx"):
        export(found, tmp_path / f"t.{ending}", caption="Table 1", notes=notes[:1])
    assert read_html((tmp_path / "t.html").read_text(encoding="utf-8")).rows == [*cells, *([note] for note in notes)]
    assert read_word(tmp_path / "t.docx") == (["Table 1", *notes], cells)
    lines = (tmp_path / "t.md").read_text(encoding="utf-8").split("\n")
    assert [split_markdown(line) for line in [lines[2], *lines[4 : 3 + len(cells)]]] == cells
    latex = (tmp_path / "t.tex").read_text(encoding="utf-8")
    assert r"\quad{}20-39 & 3,833 (37.8)" in latex
    assert r"Cramps, $\geq$ 5 nights, n (\%) & " in latex
    assert r"\begin{tabular}{lrrrr}" in latex


def test_tables_of_estimates(tmp_path: Path, cramps: cs.Survey) -> None:
    shown = cs.tables.prevalence_table(cs.prevalence(cramps.observed("cramp_class"), "cramp_class >= 3", by=["sex"]))
    export(shown, tmp_path / "t.html", caption="Cramps")
    assert read_html((tmp_path / "t.html").read_text(encoding="utf-8")).rows[1:] == shown.to_numpy().tolist()


def test_an_estimate_itself_is_refused(tmp_path: Path, survey: cs.Survey) -> None:
    with pytest.raises(
        CrampstatsError,
        match=r"table has to be a frame, not a result of the kind Estimate: first call prevalence_table",
    ):
        export(cs.mean(survey, "age_years"), tmp_path / "t.md", caption="Age")


class Broken:
    """A value that cannot be written."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize("ending", ["html", "md", "tex", "docx"])
@pytest.mark.parametrize("value", [Broken(), "bell\x07", "half\ud800"])
def test_nothing_is_half_written(tmp_path: Path, ending: str, value: object) -> None:
    path = tmp_path / f"t.{ending}"
    export(FRAME, path, caption="before")
    before = path.read_bytes()
    with pytest.raises((RuntimeError, CrampstatsError), match=r"no text|column 'x': .* which no document can show"):
        export(pd.DataFrame({"x": ["fine", value]}, dtype=object), path, caption="after")
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.glob("*.*")] == [path.name]


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        (FRAME.set_index("n"), {}, r"the index \['n'\] is no column and would be lost; first call reset_index\(\)"),
        (FRAME.iloc[:0], {}, "the table has 0 rows and 5 columns"),
        (FRAME[[]], {}, "the table has 3 rows and 0 columns"),
        (FRAME, {"caption": " \n"}, "caption is empty: say in a few words what the table shows"),
        (FRAME, {"notes": "one"}, r"notes='one' has to be a list of sentences, as in notes=\['one'\]"),
        (FRAME, {"notes": [1]}, "notes: 1 has to be a text"),
        (FRAME, {"caption": "a\x00"}, "caption: .* holds '.x00', which no document can show"),
        (pd.concat({"a": FRAME}, axis=1), {}, "several rows of headings"),
    ],
)
def test_tables_that_cannot_be_written(tmp_path: Path, table: pd.DataFrame, options: dict, message: str) -> None:
    with pytest.raises(CrampstatsError, match=message):
        export(table, tmp_path / "t.md", **{"caption": "c", **options})
    assert list(tmp_path.glob("*.md")) == []


@pytest.mark.parametrize("name", ["t.pdf", "t", "t.doc", ".md"])
def test_other_endings_are_refused_with_the_choices(tmp_path: Path, name: str) -> None:
    with pytest.raises(CrampstatsError, match=r"has to end in one of \.html, \.md, \.tex, \.docx: it names the format"):
        export(FRAME, tmp_path / name, caption="c")
    assert not (tmp_path / name).exists()


def test_without_python_docx_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "docx", None)
    with pytest.raises(
        CrampstatsError, match="needs python-docx, of the extra 'files': python -m pip install python-docx"
    ):
        export(FRAME, tmp_path / "t.docx", caption="c")
    assert not (tmp_path / "t.docx").exists()
    export(FRAME, tmp_path / "t.md", caption="c")


def test_other_values_of_cells() -> None:
    frame = pd.DataFrame({"x": [np.float32(0.1), 10**20, True, pd.NA, pd.Timestamp("2026-01-02"), 1e6, 12345678.0]})
    frame = frame.astype(object)
    cells = [row[0] for row in _texts(frame, "c", ()).rows]
    assert cells == ["0.1", "100000000000000000000", "True", "", "2026-01-02 00:00:00", "1e+06", "1.23457e+07"]
    integers = pd.DataFrame({"x": pd.array([1, None], dtype="Int64")})
    assert _texts(integers, "c", ()).rows == (("1",), ("",))


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("a--b---c", "a-{}-b-{}-{}-c"),
        ("1,234-5", "1,234-5"),
        ("''", "'{}'"),
        ("x ≤ −1\u00a0%", r"x $\leq$ $-$1~\%"),
        ("\u2003x", r"\quad{}x"),
    ],
)
def test_latex_of_letters(text: str, latex: str) -> None:
    written = _latex(_texts(pd.DataFrame({"x": [text]}), "c", ())).decode()
    assert f"\n{latex} \\\\\n" in written


# Letters as they come, among them all that mean something to one of the formats.
texts = st.text(
    st.one_of(st.sampled_from(NASTY + "-\n,.()!/:=+"), st.characters(exclude_categories=["C", "Z"])), max_size=12
)


@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=4), texts)
def test_any_text_is_read_back(rows: list[tuple[str, str]], note: str) -> None:
    frame = pd.DataFrame(rows, columns=["one", "other"], dtype=object)
    written = _texts(frame, "caption", (note,))
    expected = [["one", "other"], *map(list, rows)]
    below = [[" ".join(note.split())]] if note.split() else []
    assert read_html(_html(written).decode()).rows == expected + below
    lines = _markdown(written).decode().split("\n")
    assert [split_markdown(line) for line in [lines[2], *lines[4 : 4 + len(rows)]]] == expected
    latex = _latex(written).decode()
    between = latex.split("\\midrule\n")[1].split("\\bottomrule")[0].rstrip("\n").split("\n")
    cells = [line.removesuffix(r" \\").split(" & ") for line in between]
    known = set("αβμχ≥≠≈") & set("".join(map("".join, rows)))
    if not known:
        assert [[printed(cell) for cell in row] for row in cells] == [
            [cell.replace("\n", " ") for cell in row] for row in rows
        ]


def test_word_holds_any_text() -> None:
    letters = "".join(chr(code) for code in range(0x20, 0x2100) if not 0x7F <= code < 0xA0)
    assert _word(_texts(pd.DataFrame({"x": [letters]}), "c", ())).startswith(b"PK")

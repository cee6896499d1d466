"""Tables as parts of documents: HTML, Markdown, LaTeX and Word."""

from __future__ import annotations

import html
import io
import re
import zipfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from crampstats.descriptions import Characteristics
from crampstats.errors import CrampstatsError
from crampstats.output import write_whole
from crampstats.tables.numbers import FLOAT_FORMAT

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

# A column of these is set to the right: numbers, perhaps with something in brackets after them, or a dash for none.
NUMBER = re.compile(r"[-−+]?[\d.,]+(e[-+]?\d+)?( ?%)?( \(.*\))?|–|", re.DOTALL)
# Letters that neither XML nor a terminal can hold.
UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
MARKDOWN = re.compile(r"[\\`*_\[\]<>&~$|]")
# What would begin a list, a heading or a rule, were it the beginning of a paragraph.
MARKDOWN_START = re.compile(r"^(\d*)([-+#=.)])")
LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
    # After the end of a row these would be its options.
    **{letter: f"{{{letter}}}" for letter in "[]*"},
    "\n": " ",
    "\u00a0": "~",
    "\u2003": r"\quad{}",
    "\u2009": r"\,",
    "\u202f": r"\,",
    "−": "$-$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "≠": r"$\neq$",
    "≈": r"$\approx$",
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "μ": r"$\mu$",
    "χ": r"$\chi$",
}
# Two of them would become one dash or one quotation mark.
LIGATURE = re.compile(r"([-',])(?=\1)")
# Word and the zip format cannot do without a time; this one is the first that a zip file can hold.
TIME = datetime(1980, 1, 1)


@dataclass(frozen=True)
class _Written:
    """A table as texts."""

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]

    @property
    def to_the_right(self) -> tuple[bool, ...]:
        """Which columns are set to the right: all of numbers but the first."""
        columns = zip(*self.rows, strict=True)
        return tuple(
            place > 0 and all(NUMBER.fullmatch(cell) for cell in column) and any(column)
            for place, column in enumerate(columns)
        )


def export(
    table: pd.DataFrame | Characteristics, path: str | os.PathLike[str], *, caption: str, notes: Sequence[str] = ()
) -> None:
    r"""Write a table as a part of a document, in the format that the ending of the file names.

    Parameters
    ----------
    table
        `Characteristics`, written as their `table` and followed by their notes; or a frame such as `prevalence_table`
        and `ratio_table` make, of which the columns. Texts stand as they are, other numbers with up to six significant
        digits; a missing value is an empty cell.
    path
        Ends in ``.html`` (a ``<table>`` to stand in a page), ``.md`` (a table of GitHub's Markdown), ``.tex`` (a
        floating ``table`` that needs ``\usepackage{booktabs}``) or ``.docx`` (Word, with the heading again on every
        page; needs python-docx). The file is written whole or not at all, and anew if there is one; the same table gives
        the same bytes.
    caption
        Of the table, in plain words.
    notes
        Below the table, a paragraph each, in plain words.

    Raises
    ------
    CrampstatsError
        If the ending is another one, python-docx is needed and not there, the table has no column, no row or a named
        index (which would be lost), or a text holds control characters.

    Notes
    -----
    Every text is taken as such: what a format would read as a command, a tag or the end of a cell is escaped. A line
    break stays one within a cell of HTML, Markdown and Word, and is a space elsewhere.

    Examples
    --------
    >>> import crampstats as cs, tempfile
    >>> cramps = cs.datasets.nhanes_cramps().observed("cramp_class")
    >>> shown = cs.tables.prevalence_table(cs.prevalence(cramps, {"any": "cramp_class >= 1"}, by=["sex"]))
    >>> file = Path(tempfile.mkdtemp()) / "cramps.md"
    >>> export(shown, file, caption="Cramps in the past month")
    >>> print(file.read_text(encoding="utf-8"))
    **Cramps in the past month**
    <BLANKLINE>
    | term | sex | n | % (95 % CI) |
    | :--- | :--- | ---: | ---: |
    | any | male | 5,293 | 28.2 (25.7–30.8) |
    | any | female | 5,609 | 33.4 (31.4–35.4) |
    <BLANKLINE>
    """
    path = Path(path)
    ending = path.suffix.lower()
    if ending not in _WRITERS:
        raise CrampstatsError(f"path={str(path)!r} has to end in one of {', '.join(_WRITERS)}: it names the format.")
    if isinstance(notes, str):
        raise CrampstatsError(f"notes={notes!r} has to be a list of sentences, as in notes=[{notes!r}].")
    if isinstance(table, Characteristics):
        written = _texts(table.table(), caption, (*notes, *table.notes))
    elif isinstance(table, pd.DataFrame):
        written = _texts(table, caption, tuple(notes))
    else:
        raise CrampstatsError(
            f"table has to be a frame, not a result of the kind {type(table).__name__}: first call prevalence_table(), "
            "ratio_table() or its to_frame()."
        )
    write_whole(path, _WRITERS[ending](written))


def _texts(frame: pd.DataFrame, caption: str, notes: tuple[str, ...]) -> _Written:
    """Return a frame as texts that every format can hold."""
    if lost := [name for name in frame.index.names if name is not None]:
        raise CrampstatsError(f"export: the index {lost} is no column and would be lost; first call reset_index().")
    if frame.shape[0] == 0 or frame.shape[1] == 0:
        raise CrampstatsError(
            f"export: the table has {frame.shape[0]} rows and {frame.shape[1]} columns; nothing is left."
        )
    if frame.columns.nlevels > 1:
        raise CrampstatsError("export: the table has several rows of headings; give each column one name.")
    line = " ".join(_plain(caption, "caption").split())
    if not line:
        raise CrampstatsError("caption is empty: say in a few words what the table shows.")
    headings = tuple(_plain(str(name), "a heading") for name in frame.columns)
    columns = [
        [_plain(_cell(value), f"column {name!r}") for value in frame.iloc[:, place].astype(object)]
        for place, name in enumerate(headings)
    ]
    below = tuple(" ".join(_plain(note, "notes").split()) for note in notes)
    return _Written(line, headings, tuple(zip(*columns, strict=True)), tuple(filter(None, below)))


def _cell(value: Any) -> str:
    """Return a value as it is read."""
    if isinstance(value, str):
        return value
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return ""
    return FLOAT_FORMAT % value if isinstance(value, float) else str(value)


def _plain(text: str, where: str) -> str:
    """Return a text whose only control characters are line breaks, or raise."""
    if not isinstance(text, str):
        raise CrampstatsError(f"{where}: {text!r} has to be a text.")
    text = re.sub("\r\n?|[\x85\u2028\u2029]", "\n", text).replace("\t", " ")
    if found := UNPRINTABLE.search(text):
        raise CrampstatsError(f"{where}: {text!r} holds {found[0]!r}, which no document can show.")
    return text


def _html(written: _Written) -> bytes:
    """Return the table as HTML."""

    def cell(tag: str, text: str, right: bool) -> str:
        align = "right" if right else "left"
        inside = html.escape(text).replace("\n", "<br>")
        return f'<{tag} style="text-align: {align}">{inside}</{tag.split()[0]}>'

    def row(texts: Sequence[str], tags: Sequence[str]) -> str:
        cells = zip(tags, texts, written.to_the_right, strict=True)
        return f"<tr>{''.join(cell(*each) for each in cells)}</tr>"

    others = len(written.headings) - 1
    lines = ["<table>", f"<caption>{html.escape(written.caption)}</caption>"]
    lines += ["<thead>", row(written.headings, ['th scope="col"'] * (others + 1)), "</thead>"]
    lines += ["<tbody>", *(row(texts, ['th scope="row"', *["td"] * others]) for texts in written.rows), "</tbody>"]
    if written.notes:
        below = [f'<tr><td colspan="{others + 1}">{html.escape(note)}</td></tr>' for note in written.notes]
        lines += ["<tfoot>", *below, "</tfoot>"]
    return "\n".join([*lines, "</table>", ""]).encode()


def _escaped_markdown(text: str) -> str:
    """Return a text that Markdown shows as it is."""
    return MARKDOWN.sub(r"\\\g<0>", text).replace("\n", "<br>")


def _markdown(written: _Written) -> bytes:
    """Return the table as GitHub's Markdown."""

    def row(texts: Sequence[str]) -> str:
        return f"| {' | '.join(texts)} |"

    lines = [f"**{_escaped_markdown(written.caption)}**", "", row([*map(_escaped_markdown, written.headings)])]
    lines.append(row(["---:" if right else ":---" for right in written.to_the_right]))
    lines += [row([*map(_escaped_markdown, texts)]) for texts in written.rows]
    for note in written.notes:
        lines += ["", MARKDOWN_START.sub(r"\1\\\2", _escaped_markdown(note))]
    return "\n".join([*lines, ""]).encode()


def _escaped_latex(text: str) -> str:
    """Return a text that LaTeX prints as it is."""
    return LIGATURE.sub(r"\g<0>{}", "".join(LATEX.get(letter, letter) for letter in text))


def _latex(written: _Written) -> bytes:
    """Return the table as LaTeX with the rules of booktabs."""

    def row(texts: Sequence[str]) -> str:
        return f"{' & '.join(map(_escaped_latex, texts))} \\\\"

    columns = "".join("r" if right else "l" for right in written.to_the_right)
    lines = [r"\begin{table}", r"\centering", rf"\caption{{{_escaped_latex(written.caption)}}}"]
    lines += [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", row(written.headings), r"\midrule"]
    lines += [*map(row, written.rows), r"\bottomrule", r"\end{tabular}"]
    lines += [rf"\par\smallskip{{\footnotesize {_escaped_latex(note)}\par}}" for note in written.notes]
    return "\n".join([*lines, r"\end{table}", ""]).encode()


def _word(written: _Written) -> bytes:
    """Return a Word document of the caption, the table and the notes."""
    try:
        import docx
    except ImportError:
        raise CrampstatsError(
            "a .docx needs python-docx, of the extra 'files': python -m pip install python-docx"
        ) from None
    document = docx.Document()
    about = document.core_properties
    about.title, about.author, about.comments = written.caption, "", ""
    about.created = about.modified = TIME
    caption = document.add_paragraph(written.caption, style="Caption")
    caption.paragraph_format.keep_with_next = True
    table = document.add_table(rows=1 + len(written.rows), cols=len(written.headings), style="Table Grid")
    _fill_word(table, written)
    for note in written.notes:
        document.add_paragraph(note)
    saved = io.BytesIO()
    document.save(saved)
    return _without_time(saved.getvalue())


def _fill_word(table: Any, written: _Written) -> None:
    """Write headings and rows into a table of Word, no row broken between pages, the headings again on each page."""
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.oxml import OxmlElement

    for row, texts in zip(table.rows, (written.headings, *written.rows), strict=True):
        heading = texts is written.headings
        properties = row._tr.get_or_add_trPr()
        properties.append(OxmlElement("w:cantSplit"))
        if heading:
            properties.append(OxmlElement("w:tblHeader"))
        for cell, text, right in zip(row.cells, texts, written.to_the_right, strict=True):
            paragraph = cell.paragraphs[0]
            paragraph.add_run(text).bold = heading or None
            if right:
                paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT


def _without_time(content: bytes) -> bytes:
    """Return a zip file whose parts carry no time of their own."""
    saved = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(saved, "w") as new:
        for name in old.namelist():
            part = zipfile.ZipInfo(name, TIME.timetuple()[:6])
            # As on Unix, whatever system writes it.
            part.create_system = 3
            part.external_attr = 0o644 << 16
            new.writestr(part, old.read(name), zipfile.ZIP_DEFLATED)
    return saved.getvalue()


_WRITERS: dict[str, Callable[[_Written], bytes]] = {".html": _html, ".md": _markdown, ".tex": _latex, ".docx": _word}

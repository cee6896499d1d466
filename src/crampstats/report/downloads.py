"""Files that lie beside the pages: tables, figures, the packaged data, and all of it as one archive."""

from __future__ import annotations

import csv
import html
import io
import re
import zipfile
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from crampstats.output import write_whole
from crampstats.report.listings import Column, listing, number_column, text_column
from crampstats.report.notebook_pages import pictures_of, title_of
from crampstats.report.pages import Page, template_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from crampstats.report.listings import Row

FOLDER = "files"
ARCHIVE = f"{FOLDER}/crampstats-results.zip"
# The earliest time that an archive can hold, so that the same files make the same archive.
NO_TIME = (1980, 1, 1, 0, 0, 0)
ENDINGS = {"tables": (".csv",), "figures": (".svg", ".png")}
PACKAGED = {"reference": "crampstats.reference", "data": "crampstats.datasets"}


@dataclass(frozen=True)
class File:
    """A file that readers may have.

    Attributes
    ----------
    name
        Its path beside the pages, such as ``files/tables/01-three-steps.csv``.
    content
        All of it.
    """

    name: str
    content: bytes

    @property
    def kind(self) -> str:
        """Return the folder that it lies in: tables, figures, reference or data."""
        return self.name.split("/")[1]

    @property
    def stem(self) -> str:
        """Return its name without folders and ending."""
        return self.name.rsplit("/", 1)[1].rsplit(".", 1)[0]


def downloads(results: Path) -> list[File]:
    """Return the files of results, and the tables that come with the package.

    Parameters
    ----------
    results
        The folder with ``tables/`` and ``figures/``.
    """
    made = [
        File(f"{FOLDER}/{kind}/{path.name}", path.read_bytes())
        for kind, endings in ENDINGS.items()
        for path in sorted((results / kind).glob("*"))
        if path.suffix in endings and path.name[0] != "."
    ]
    return made + packaged_files()


def packaged_files() -> list[File]:
    """Return the tables that come with the package."""
    return [
        File(f"{FOLDER}/{kind}/{path.name}", path.read_bytes())
        for kind, package in PACKAGED.items()
        for path in sorted((resources.files(package) / "tables").iterdir(), key=lambda path: path.name)
        if path.name.endswith((".csv", ".toml"))
    ]


def archive(files: Sequence[File]) -> bytes:
    """Return a ZIP archive, the same whenever the files are the same.

    Parameters
    ----------
    files
        What it holds.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in files:
            entry = zipfile.ZipInfo(file.name.removeprefix(f"{FOLDER}/"), NO_TIME)
            entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, 0o644 << 16
            packed.writestr(entry, file.content)
    return buffer.getvalue()


def write_downloads(files: Sequence[File], folder: Path) -> None:
    """Write files and their archive beside the pages, and remove those that are no longer among them.

    Parameters
    ----------
    files
        As from `downloads`.
    folder
        Of the pages.
    """
    everything = [*files, File(ARCHIVE, archive(files))]
    for file in everything:
        write_whole(folder / file.name, file.content)
    kept = {folder / file.name for file in everything}
    for path in (folder / FOLDER).rglob("*"):
        if path.is_file() and path not in kept:
            path.unlink()


def notebook_of(name: str, notebooks: Mapping[str, Any]) -> str:
    """Return the name of the notebook whose code makes a table or figure, or nothing.

    Parameters
    ----------
    name
        Of the result, without ending.
    notebooks
        By their names without ending.
    """
    made = re.compile(rf"""["']{re.escape(name)}["']""")
    for notebook, content in notebooks.items():
        if any(cell.cell_type == "code" and made.search(cell.source) for cell in content.cells):
            return notebook
    return ""


def size_text(size: int) -> str:
    """Return the size of a file."""
    return f"{size:,} bytes" if size < 1000 else f"{size / 1000:,.0f} kB" if size < 1e6 else f"{size / 1e6:,.1f} MB"


def _shape(content: bytes) -> tuple[int, int]:
    """Return how many rows and columns a CSV file has."""
    rows = list(csv.reader(io.StringIO(content.decode())))
    return max(len(rows) - 1, 0), len(rows[0]) if rows else 0


def _link(row: Row) -> str:
    """Return the link to a file."""
    return f'<a href="{quote(row["name"])}" download>{html.escape(row["name"].rsplit("/", 1)[1])}</a>'


def _made_by(row: Row) -> str:
    """Return the link to the page of the notebook that makes a file."""
    if not row["notebook"]:
        return "no notebook names it"
    return f'<a href="{quote(row["notebook"])}.html">{html.escape(row["title"])}</a>'


_FILE = Column("file", _link)
_SIZE = Column("size", lambda row: size_text(row["size"]), lambda row: row["size"])
_MADE_BY = Column("made by", _made_by)
_ROWS, _COLUMNS = number_column("rows"), number_column("columns")
TABLES = (_FILE, _ROWS, _COLUMNS, _SIZE, _MADE_BY)
FIGURES = (_FILE, text_column("alt", "what it shows"), _SIZE, _MADE_BY)
PACKAGE = (_FILE, _ROWS, _COLUMNS, _SIZE)
PARTS = (
    ("tables", "Tables of the results", TABLES),
    ("figures", "Figures of the results", FIGURES),
    ("reference", "Numbers from print, as packaged", PACKAGE),
    ("data", "Survey data, as packaged", PACKAGE),
)


def _rows(files: Sequence[File], notebooks: Mapping[str, Any]) -> list[Row]:
    """Return what the page says of each file."""
    pictures = pictures_of(notebooks)
    rows: list[Row] = []
    for file in files:
        notebook = notebook_of(file.stem, notebooks) if file.kind in ENDINGS else ""
        is_table = file.name.endswith(".csv")
        count, columns = _shape(file.content) if is_table else (None, None)
        rows.append(
            {
                "name": file.name,
                "kind": file.kind,
                "size": len(file.content),
                "notebook": notebook,
                "title": title_of(notebooks[notebook]) if notebook else "",
                "alt": pictures.get(file.stem, ("", ""))[1],
                "rows": count,
                "columns": columns,
            }
        )
    return rows


def downloads_page(files: Sequence[File], notebooks: Mapping[str, Any]) -> Page:
    """Return the page that leads to the files.

    Parameters
    ----------
    files
        As from `downloads`.
    notebooks
        Executed, by their names without ending.
    """
    rows = _rows(files, notebooks)
    parts = "\n".join(
        f"<h2>{heading}</h2>\n{listing(kind, heading, columns, [row for row in rows if row['kind'] == kind])}"
        for kind, heading, columns in PARTS
    )
    size = size_text(len(archive(files)))
    body = (
        "<h1>Downloads</h1>\n<p>Tables are CSV files in UTF-8 with a row of headings; shares go from 0 to 1. Survey data are cells "
        "tabulated from public-use files of the US National Center for Health Statistics, for statistical use only. Checksums: "
        '<a href="provenance.html">provenance</a>.</p>\n'
        f'<p><a href="{ARCHIVE}" download>All {len(files)} files as one ZIP archive</a> ({size})</p>\n{parts}'
    )
    return Page("downloads.html", "Downloads", body, script=template_text("table.js"))

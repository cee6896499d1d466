"""Where the results come from: version, commit, packages, seeds, checksums, and how to make them again."""

from __future__ import annotations

import hashlib
import html
import platform
import re
import subprocess
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import crampstats
from crampstats.datasets.download import NHANES_FIRST_YEAR, SHA256
from crampstats.report.downloads import File, packaged_files
from crampstats.report.listings import Column, listing, number_column, text_column
from crampstats.report.notebook_pages import title_of
from crampstats.report.pages import Page, template_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from crampstats.report.listings import Row

PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
SEED = re.compile(r"""\b(seed|rng)["']?\s*[=:]\s*(\d[\d_]*)""")
TOP_LINE = re.compile(r'^([a-z-]+): "?(.*?)"?$', re.MULTILINE)
REPRODUCE = """python3 run.py reproduce    # runs the notebooks and compares every table, figure and output with the committed one
python3 run.py test         # runs the tests"""


@dataclass(frozen=True)
class Commit:
    """The commit that a checkout is at.

    Attributes
    ----------
    name
        Its hash; empty if nobody knows.
    date
        Of the commit, such as ``2026-11-29``.
    clean
        Whether the files are those of the commit.
    """

    name: str = ""
    date: str = ""
    clean: bool = False

    def as_text(self) -> str:
        """Return the commit in words."""
        if not self.name:
            return "unknown (no git, or not a checkout)"
        changed = "" if self.clean else ", with changes that are not committed"
        return f"{self.name} of {self.date}{changed}"


def commit_of(root: Path) -> Commit:
    """Return the commit of a checkout, an empty one without git or where the folder lies in another project's checkout.

    Parameters
    ----------
    root
        Of the checkout.
    """
    top = _git(root, "rev-parse", "--show-toplevel")
    if top is None or not root.samefile(top):
        return Commit()
    told = _git(root, "log", "-1", "--format=%H %cs")
    changes = _git(root, "status", "--porcelain")
    if told is None or changes is None:
        return Commit()
    name, date = told.split()
    return Commit(name, date, not changes)


def _git(root: Path, *words: str) -> str | None:
    """Return what git says; None if it is not there or refuses."""
    command = ["git", "--no-optional-locks", "-C", str(root), *words]
    try:
        done = subprocess.run(command, capture_output=True, check=True, encoding="utf-8")
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def pinned_packages(lock: str) -> list[Row]:
    """Return the packages of a lock file that are installed: ``package``, ``pinned``, ``installed``.

    Parameters
    ----------
    lock
        The text of requirements.lock.
    """
    rows: list[Row] = []
    for name, pinned in PINNED.findall(lock):
        try:
            rows.append({"package": name, "pinned": pinned, "installed": metadata.version(name)})
        except metadata.PackageNotFoundError:
            continue  # pinned for another platform or another version of Python
    return rows


def seeds(notebooks: Mapping[str, Any]) -> list[Row]:
    """Return the seeds that notebooks state in their code: ``notebook``, ``title``, ``seed``, ``times``.

    Parameters
    ----------
    notebooks
        By their names without ending.
    """
    rows: list[Row] = []
    for name, notebook in notebooks.items():
        code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
        found = [int(value) for _, value in SEED.findall(code)]
        rows += [
            {"notebook": name, "title": title_of(notebook), "seed": seed, "times": found.count(seed)}
            for seed in sorted(set(found))
        ]
    return rows


def checksums(committed: Path, shown: Mapping[str, bytes]) -> list[Row]:
    """Return the SHA-256 of each committed table and figure, and whether the report shows the same bytes.

    Parameters
    ----------
    committed
        The folder with ``tables/`` and ``figures/``.
    shown
        The content of what the report offers, by ``tables/<name>`` and ``figures/<name>``.
    """
    kept = {
        f"{kind}/{path.name}": path.read_bytes()
        for kind in ("tables", "figures")
        for path in sorted((committed / kind).glob("*"))
        if path.name[0] != "."
    }
    return [
        {
            "file": name,
            "sha256": sha256(kept[name]) if name in kept else "not committed",
            "shown": "same bytes" if shown.get(name) == kept.get(name) else _other(shown.get(name)),
        }
        for name in sorted(kept.keys() | shown.keys())
    ]


def _other(content: bytes | None) -> str:
    """Say what the report shows instead of a committed file."""
    return "not made" if content is None else f"other bytes: {sha256(content)}"


def sha256(content: bytes) -> str:
    """Return a checksum in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def citation(text: str) -> str:
    """Return how to cite, from the text of CITATION.cff.

    Parameters
    ----------
    text
        With lines ``title:`` and ``version:``.
    """
    known = dict(TOP_LINE.findall(text))
    authors = ", ".join(re.findall(r'^  - (?:name|family-names): "?(.*?)"?$', text, re.MULTILINE))
    return f"{authors}. {known.get('title', '')}. Version {known.get('version', '')}."


def _code(key: str, heading: str) -> Column:
    return Column(heading, lambda row: f"<code>{html.escape(row[key])}</code>")


PACKAGES = (text_column("package"), text_column("pinned"), text_column("installed"))
SEEDS = (
    Column("notebook", lambda row: f'<a href="{quote(row["notebook"])}.html">{html.escape(row["title"])}</a>'),
    Column("seed", lambda row: str(row["seed"]), lambda row: row["seed"]),
    number_column("times", "times stated"),
)
RESULTS = (text_column("file"), _code("sha256", "SHA-256"), text_column("shown", "in this report"))
PACKAGED = (text_column("file"), _code("sha256", "SHA-256"))
OFFICIAL = (text_column("file"), text_column("survey", "in the folder of"), _code("sha256", "SHA-256"))


def provenance_page(root: Path, notebooks: Mapping[str, Any], files: list[File]) -> Page:
    """Return the page that says where the results come from.

    Parameters
    ----------
    root
        Of the checkout.
    notebooks
        Executed, by their names without ending.
    files
        That the report offers, as from `crampstats.report.downloads.downloads`.
    """
    packages = pinned_packages((root / "requirements.lock").read_text(encoding="utf-8"))
    shown = {file.name.split("/", 1)[1]: file.content for file in files if file.kind in ("tables", "figures")}
    packaged = [{"file": file.name.split("/", 1)[1], "sha256": sha256(file.content)} for file in packaged_files()]
    official = [
        {"file": f"{name}.xpt", "survey": str(NHANES_FIRST_YEAR[name[-1]]), "sha256": digest}
        for name, digest in SHA256.items()
    ]
    tables = {
        "Seeds": listing("seeds", "Seeds that the notebooks state", SEEDS, seeds(notebooks)),
        "Results": listing("results", "Committed tables and figures", RESULTS, checksums(root / "results", shown)),
        "Packaged data": listing("packaged", "Tables that come with the package", PACKAGED, packaged),
        "Official data": listing("official", "Files of NHANES that packaged cells were made from", OFFICIAL, official),
        "Packages": listing("packages", "Packages of requirements.lock that are installed", PACKAGES, packages),
    }
    body = (
        f"<h1>Provenance</h1>\n{_facts(root)}\n<h2>How to make it again</h2>\n<p>On a fresh checkout of this commit, with "
        f"Python 3.11 or newer and git:</p>\n<pre>{html.escape(REPRODUCE)}</pre>\n<h2>How to cite</h2>\n{_how_to_cite(root)}\n"
    ) + "\n".join(f"<h2>{heading}</h2>\n{table}" for heading, table in tables.items())
    return Page("provenance.html", "Provenance", body, script=template_text("table.js"))


def _facts(root: Path) -> str:
    """Return version, commit, Python and licence."""
    facts = {
        "crampstats": crampstats.__version__,
        "commit": commit_of(root).as_text(),
        "Python": platform.python_version(),
        "licence": "BSD-3-Clause",
    }
    return (
        '<dl class="facts">'
        + "".join(f"<dt>{key}</dt><dd>{html.escape(text)}</dd>" for key, text in facts.items())
        + "</dl>"
    )


def _how_to_cite(root: Path) -> str:
    """Return the citation, or that there is none."""
    path = root / "CITATION.cff"
    if not path.exists():
        return "<p>The checkout has no CITATION.cff.</p>"
    text = path.read_text(encoding="utf-8")
    return (
        f"<p>{html.escape(citation(text))} Cite the surveys and studies that a result comes from as well: "
        '<a href="sources.html">sources</a>.</p>\n'
        f'<details class="code"><summary>CITATION.cff</summary>\n<pre>{html.escape(text)}</pre></details>'
    )

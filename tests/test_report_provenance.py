"""Provenance: commit, packages, seeds and checksums, the same on every machine."""

import hashlib
import platform
import re
import shutil
import socket
import subprocess
from importlib import metadata
from pathlib import Path

import nbformat
import pytest
from places import ROOT

from crampstats.datasets.download import SHA256
from crampstats.report.downloads import downloads
from crampstats.report.notebooks import read_notebook
from crampstats.report.pages import Page
from crampstats.report.provenance import checksums, citation, commit_of, pinned_packages, provenance_page, seeds


def made_page() -> Page:
    notebooks = {path.stem: read_notebook(path) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
    return provenance_page(ROOT, notebooks, downloads(ROOT / "results"))


@pytest.fixture(scope="module")
def page() -> Page:
    return made_page()


def git(folder: Path, *words: str) -> str:
    name = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *name, *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout of one commit."""
    root = tmp_path / "checkout"
    root.mkdir()
    git(root, "init", "--quiet")
    (root / "a.txt").write_text("a")
    git(root, "add", "a.txt")
    git(root, "commit", "--quiet", "-m", "a", "--date", "2026-01-02T03:04:05+00:00")
    return root


def test_the_commit_is_that_of_git(checkout: Path) -> None:
    commit = commit_of(checkout)
    assert commit.name == git(checkout, "rev-parse", "HEAD")
    assert commit.date == git(checkout, "log", "-1", "--format=%cs")
    assert commit.clean
    assert commit.as_text() == f"{commit.name} of {commit.date}"


@pytest.mark.parametrize("changed", ["a.txt", "new.txt"])
def test_changes_and_new_files_are_told(changed: str, checkout: Path) -> None:
    (checkout / changed).write_text("b")
    assert not commit_of(checkout).clean
    assert commit_of(checkout).as_text().endswith(", with changes that are not committed")


def test_a_folder_within_another_checkout_has_no_commit(checkout: Path) -> None:
    (checkout / "unpacked").mkdir()
    assert commit_of(checkout / "unpacked").name == ""


def test_without_commits_or_without_git_it_is_unknown(
    tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert commit_of(tmp_path).as_text() == "unknown (no git, or not a checkout)"
    (tmp_path / "empty").mkdir()
    git(tmp_path / "empty", "init", "--quiet")
    assert commit_of(tmp_path / "empty").name == ""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("git") is None
    assert commit_of(checkout).name == ""


def test_packages_are_those_of_the_lock_that_are_installed() -> None:
    rows = pinned_packages(
        "numpy==0.0.1 \\\n    --hash=sha256:aa\nno-such-package==1.0\npandas==2 ; python_version < '4' \\\n"
    )
    assert rows == [
        {"package": "numpy", "pinned": "0.0.1", "installed": metadata.version("numpy")},
        {"package": "pandas", "pinned": "2", "installed": metadata.version("pandas")},
    ]


def test_seeds_are_found_however_they_are_written() -> None:
    code = ['f(seed=1, rng=20_261)\nx = {"seed": 20261125}', "g(seed=1)\nseeds = 7\nreseed = 3"]
    cells = [nbformat.v4.new_markdown_cell("# Title\n\nseed=9"), *map(nbformat.v4.new_code_cell, code)]
    rows = seeds({"01-a": nbformat.v4.new_notebook(cells=cells)})
    assert [(row["title"], row["seed"], row["times"]) for row in rows] == [
        ("Title", 1, 2),
        ("Title", 20261, 1),
        ("Title", 20261125, 1),
    ]


def test_checksums_are_of_the_committed_files_and_differences_are_told(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    for name, text in {"same.csv": "a", "other.csv": "b", "gone.csv": "c"}.items():
        (tmp_path / "tables" / name).write_text(text)
    rows = checksums(tmp_path, {"tables/same.csv": b"a", "tables/other.csv": b"x", "figures/new.svg": b"n"})
    sha = {text: hashlib.sha256(text.encode()).hexdigest() for text in "abcxn"}
    assert [(row["file"], row["sha256"], row["shown"]) for row in rows] == [
        ("figures/new.svg", "not committed", f"other bytes: {sha['n']}"),
        ("tables/gone.csv", sha["c"], "not made"),
        ("tables/other.csv", sha["b"], f"other bytes: {sha['x']}"),
        ("tables/same.csv", sha["a"], "same bytes"),
    ]


def test_the_page_has_the_checksum_of_every_file(page: Page) -> None:
    results = [
        path for kind in ("tables", "figures") for path in (ROOT / "results" / kind).iterdir() if path.name[0] != "."
    ]
    packaged = [
        path for room in ("reference", "datasets") for path in (ROOT / "src/crampstats" / room / "tables").iterdir()
    ]
    expected = [hashlib.sha256(path.read_bytes()).hexdigest() for path in results + packaged] + list(SHA256.values())
    assert sorted(re.findall(r"<code>([0-9a-f]{64})</code>", page.body)) == sorted(expected)


def test_the_page_says_how_to_reproduce_and_to_cite(page: Page) -> None:
    assert "python3 run.py reproduce" in page.body
    assert "python3 run.py test" in page.body
    assert "BSD-3-Clause" in page.body
    assert (
        "The crampstats authors. crampstats: epidemiology of serum magnesium and muscle cramps. Version 0.1.0."
        in page.body
    )
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("BSD 3-Clause License")


def test_a_citation_is_read_from_its_file() -> None:
    text = 'title: "a: b"\nauthors:\n  - name: "X"\n  - family-names: Y\nversion: 1.2\n'
    assert citation(text) == "X, Y. a: b. Version 1.2."


def test_without_a_citation_file_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "requirements.lock").touch()
    assert "no CITATION.cff" in provenance_page(tmp_path, {}, []).body


def test_nothing_on_the_page_tells_of_the_machine(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("node", "platform"):
        monkeypatch.setattr(platform, name, lambda: "this-machine")
    monkeypatch.setattr(socket, "gethostname", lambda: "this-machine")
    assert made_page() == page
    assert not any(word in page.body for word in (str(ROOT), "this-machine", "/tmp/", "/usr/", "/home/"))
    assert re.findall(r"\d\d:\d\d", page.body) == []

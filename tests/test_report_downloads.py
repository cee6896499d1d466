"""Downloads: every file as it is, one archive that is the same each time, and the notebook that makes each."""

import io
import re
import zipfile
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import nbformat
import pytest
from places import ROOT

from crampstats.report.downloads import (
    ARCHIVE,
    File,
    archive,
    downloads,
    downloads_page,
    notebook_of,
    size_text,
    write_downloads,
)
from crampstats.report.notebooks import read_notebook


@pytest.fixture(scope="module")
def notebooks() -> dict[str, Any]:
    return {path.stem: read_notebook(path) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}


@pytest.fixture(scope="module")
def files() -> list[File]:
    return downloads(ROOT / "results")


def test_every_result_and_packaged_table_is_offered_as_it_is(files: list[File]) -> None:
    results = [path for path in (ROOT / "results").rglob("*") if path.is_file() and path.name[0] != "."]
    expected = {f"files/{path.relative_to(ROOT / 'results').as_posix()}": path for path in results}
    package = ROOT / "src" / "crampstats"
    for kind, room in (("reference", "reference"), ("data", "datasets")):
        expected |= {f"files/{kind}/{path.name}": path for path in (package / room / "tables").iterdir()}
    assert {file.name for file in files} == set(expected)
    assert all(file.content == expected[file.name].read_bytes() for file in files)


def test_the_page_leads_to_every_file_and_names_its_notebook(
    tmp_path: Path, files: list[File], notebooks: dict[str, Any]
) -> None:
    page = downloads_page(files, notebooks)
    write_downloads(files, tmp_path)
    links = [unescape(unquote(link)) for link in re.findall(r'href="(files/[^"]*)"', page.body)]
    assert sorted(links) == sorted([ARCHIVE, *(file.name for file in files)])
    assert all((tmp_path / link).is_file() for link in links)
    assert "no notebook names it" not in page.body


def test_a_result_belongs_to_the_notebook_whose_number_it_has(files: list[File], notebooks: dict[str, Any]) -> None:
    results = [file for file in files if file.kind in ("tables", "figures")]
    assert {notebook_of(file.stem, notebooks)[:2] == file.stem[:2] for file in results} == {True}


def test_a_result_that_no_notebook_names_is_said_to_be_one() -> None:
    cells = [nbformat.v4.new_markdown_cell("'01-x'"), nbformat.v4.new_code_cell("save(a, '01-x-more')")]
    notebooks = {"01-a": nbformat.v4.new_notebook(cells=cells)}
    assert notebook_of("01-x", notebooks) == ""
    assert notebook_of("01-x-more", notebooks) == "01-a"
    assert "no notebook names it" in downloads_page([File("files/tables/01-x.csv", b"a\n1\n")], notebooks).body


def test_hostile_names_and_empty_tables_do_no_harm() -> None:
    page = downloads_page([File("files/tables/<b>'&\".csv", b"")], {})
    assert "<b>" not in page.body
    assert 'href="files/tables/%3Cb%3E%27%26%22.csv"' in page.body


def test_the_archive_is_the_same_each_time_and_holds_everything(files: list[File]) -> None:
    packed = archive(files)
    assert packed == archive(downloads(ROOT / "results"))
    with zipfile.ZipFile(io.BytesIO(packed)) as opened:
        assert opened.testzip() is None
        assert {f"files/{name}": opened.read(name) for name in opened.namelist()} == {
            file.name: file.content for file in files
        }
        assert {entry.date_time for entry in opened.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_files_that_are_gone_are_removed_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("mine")
    write_downloads([File("files/tables/a.csv", b"a"), File("files/tables/b.csv", b"b")], tmp_path)
    write_downloads([File("files/tables/b.csv", b"c")], tmp_path)
    left = {path.relative_to(tmp_path).as_posix(): path for path in tmp_path.rglob("*") if path.is_file()}
    assert sorted(left) == [ARCHIVE, "files/tables/b.csv", "other.txt"]
    assert left["files/tables/b.csv"].read_bytes() == b"c"


@pytest.mark.parametrize(("size", "text"), [(999, "999 bytes"), (12_400, "12 kB"), (1_300_000, "1.3 MB")])
def test_sizes_are_said_in_words(size: int, text: str) -> None:
    assert size_text(size) == text

"""Where results go, and that a file is written whole or not at all."""

from pathlib import Path

import pytest

from crampstats.errors import CrampstatsError
from crampstats.output import check_name, output_folder, write_whole


@pytest.fixture
def _unnamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CRAMPSTATS_OUTPUT")


def test_the_variable_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CRAMPSTATS_OUTPUT", str(tmp_path / "elsewhere"))
    assert output_folder() == tmp_path / "elsewhere"


@pytest.mark.usefixtures("_unnamed")
@pytest.mark.parametrize("below", [".", "notebooks", "notebooks/drafts"])
def test_results_go_to_the_project_around_the_working_folder(
    below: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "project" / below).mkdir(parents=True)
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "project" / "pyproject.toml").touch()
    monkeypatch.chdir(tmp_path / "project" / below)
    assert output_folder() == tmp_path / "project" / "build" / "results"


@pytest.mark.usefixtures("_unnamed")
def test_without_a_project_results_go_to_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert output_folder() == tmp_path / "build" / "results"


def test_an_empty_variable_names_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRAMPSTATS_OUTPUT", "")
    monkeypatch.chdir(tmp_path)
    assert output_folder() == tmp_path / "build" / "results"


def test_a_file_is_written_with_its_folder_and_can_be_read_by_others(tmp_path: Path) -> None:
    path = tmp_path / "tables" / "one.csv"
    write_whole(path, b"a,b\n")
    assert path.read_bytes() == b"a,b\n"
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_bytes(b"a longer content than the new one\n")
    write_whole(path, b"new\n")
    assert path.read_bytes() == b"new\n"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("failing", ["chmod", "replace"])
def test_a_failure_leaves_the_earlier_file_and_nothing_half_written(
    failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "one.csv"
    path.write_bytes(b"old\n")

    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(Path, failing, full)
    with pytest.raises(OSError, match="no space left"):
        write_whole(path, b"new\n")
    assert path.read_bytes() == b"old\n"
    assert list(tmp_path.iterdir()) == [path]


def test_content_that_is_no_bytes_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="bytes-like object is required"):
        write_whole(tmp_path / "one.csv", "text")
    assert list(tmp_path.iterdir()) == []


def test_interruption_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "one.csv", b"new\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["03-cramp-classes", "A_1", "größe"])
def test_names_of_files(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", "a b", "../a", "a/b", "a.csv", "a\n", ".hidden", "C:a"])
def test_names_that_are_refused(name: str) -> None:
    with pytest.raises(CrampstatsError, match=r"name='.*' has to be letters, digits, '-' and '_': it names a file\."):
        check_name(name)

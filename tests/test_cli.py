"""The command, and that importing crampstats costs nothing before something is asked for."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import crampstats as cs
from crampstats import cli

HEAVY = (
    "numpy",
    "pandas",
    "scipy",
    "statsmodels",
    "formulaic",
    "matplotlib",
    "seaborn",
    "pooch",
    "nbformat",
    "nbclient",
)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8")


@pytest.mark.parametrize("module", ["crampstats", "crampstats.cli", "crampstats.errors"])
def test_import_loads_nothing_heavy(module: str) -> None:
    ran = run("-c", f"import sys, {module}; print(*sorted(sys.modules))")
    assert ran.returncode == 0, ran.stderr
    loaded = ran.stdout.split()
    assert module in loaded
    assert [name for name in HEAVY if name in loaded] == []


def test_estimates_need_no_pictures() -> None:
    code = (
        "import sys, crampstats as cs; cs.prevalence(cs.datasets.nhanes_cramps(), 'sex == \"female\"'); "
        "print(*sorted(sys.modules))"
    )
    loaded = run("-c", code).stdout.split()
    assert "pandas" in loaded
    assert [name for name in ("matplotlib", "seaborn", "statsmodels", "pooch", "nbformat") if name in loaded] == []


@pytest.mark.parametrize("name", cs.__all__)
def test_every_public_name_is_there(name: str) -> None:
    found = getattr(cs, name)
    assert name in dir(cs)
    assert found is getattr(cs, name)
    assert getattr(found, "__name__", "").rpartition(".")[2] == name


def test_public_names_are_sorted_and_complete() -> None:
    assert list(cs.__all__) == sorted(cs.__all__)
    assert set(cs.__all__) == {*cs._HOMES, *cs._ROOMS}
    assert set(dir(cs)) == {*cs.__all__, "__version__"}


def test_an_unknown_name_is_answered_with_those_that_exist() -> None:
    with pytest.raises(AttributeError, match=r"crampstats has no 'prevalance'; it has Beta, .* prevalence, "):
        cs.prevalance  # noqa: B018


def test_the_version_is_that_of_the_installation() -> None:
    assert cs.__version__ == version("crampstats")


def test_version_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"crampstats {cs.__version__}\n"


def test_help_names_the_tasks() -> None:
    ran = run("-m", "crampstats.cli", "--help")
    assert ran.returncode == 0
    assert "usage: crampstats [-h] [--version] TASK" in ran.stdout
    for task, text in cli.TASKS.items():
        assert task in ran.stdout
        assert text in " ".join(ran.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: TASK"),
        (["reprodce"], "invalid choice: 'reprodce'"),
        (["accept", "--force"], "unrecognized arguments: --force"),
    ],
)
def test_what_cannot_be_understood(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(arguments)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "usage: crampstats" in shown.err
    assert message in shown.err


def test_the_exit_code_reaches_the_shell(tmp_path: Path) -> None:
    ran = run("-m", "crampstats.cli", "reproduce", "--project", str(tmp_path))
    assert ran.returncode == 2
    assert ran.stdout == ""
    assert f"{tmp_path} is no checkout of crampstats" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_without_the_packages_for_notebooks_the_command_says_what_to_install() -> None:
    code = "import sys; sys.modules['nbformat'] = None; from crampstats.cli import main; sys.exit(main(['reproduce']))"
    ran = run("-c", code)
    assert ran.returncode == 2
    assert ran.stderr == "crampstats reproduce needs nbformat: pip install 'crampstats[lab]'.\n"


def test_the_task_is_run_on_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from crampstats.report import build

    calls = []
    monkeypatch.setattr(build, "main", lambda task, root: calls.append((task, root)) or 1)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["accept"]) == 1
    assert cli.main(["reproduce", "--project", "below"]) == 1
    assert calls == [("accept", tmp_path), ("reproduce", tmp_path / "below")]

"""run.py: tasks, exit codes, and when the environment is made anew."""

import importlib.util
import re
import subprocess
import sys
from collections import namedtuple
from pathlib import Path
from types import ModuleType

import pytest
from places import ROOT


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return run.py as a module of an invented checkout, which calls nothing but lists what it would call."""
    spec = importlib.util.spec_from_file_location("run", ROOT / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("requirements.lock", "pyproject.toml"):
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "STAMP", tmp_path / ".venv" / ".stamp")
    monkeypatch.setattr(module, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    module.calls, module.codes = [], {}

    def call(*command: object) -> int:
        words = [str(part) for part in command]
        module.calls.append(words)
        return next((code for word, code in module.codes.items() if word in words), 0)

    def create_venv() -> list[str]:
        module.VENV.mkdir()
        return ["pip"]

    module.true_create_venv = module.create_venv
    monkeypatch.setattr(module, "call", call)
    monkeypatch.setattr(module, "create_venv", create_venv)
    return module


@pytest.fixture
def ready(run: ModuleType) -> ModuleType:
    """Return the same with an environment that fits."""
    run.set_up()
    run.calls.clear()
    return run


PIP = ["pip", "install", "--quiet", "--quiet", "--disable-pip-version-check"]
LOCKED = [*PIP, "--require-hashes", "--only-binary", ":all:", "-r", "requirements.lock"]
PACKAGE = [*PIP, "--no-deps", "--no-build-isolation", "-e", "."]


def test_set_up_installs_the_lock_and_then_the_package(run: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    run.set_up()
    assert run.calls == [LOCKED, PACKAGE]
    assert run.STAMP.read_text() == run.fingerprint()
    assert "setting up .venv from requirements.lock" in capsys.readouterr().out


def test_set_up_does_nothing_when_the_stamp_fits(ready: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    ready.set_up()
    assert ready.calls == []
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["requirements.lock", "pyproject.toml"])
def test_another_lock_or_project_makes_the_environment_anew(name: str, ready: ModuleType) -> None:
    before = ready.fingerprint()
    (ready.VENV / "left-over").touch()
    (ready.ROOT / name).write_text("changed")
    assert ready.fingerprint() != before
    ready.set_up()
    assert ready.calls == [LOCKED, PACKAGE]
    assert not (ready.VENV / "left-over").exists()
    assert ready.STAMP.read_text() == ready.fingerprint()


def test_another_python_or_folder_makes_the_environment_anew(
    ready: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prints = [ready.fingerprint()]
    with monkeypatch.context() as other:
        other.setattr(sys, "version", "3.99.0 (main)")
        prints.append(ready.fingerprint())
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("requirements.lock", "pyproject.toml"):
        (moved / name).write_text(name)
    monkeypatch.setattr(ready, "ROOT", moved)
    prints.append(ready.fingerprint())
    assert len(set(prints)) == 3


@pytest.mark.parametrize(("failing", "calls"), [("requirements.lock", [LOCKED]), ("-e", [LOCKED, PACKAGE])])
def test_a_failed_installation_leaves_no_stamp(failing: str, calls: list[list[str]], ready: ModuleType) -> None:
    (ready.ROOT / "pyproject.toml").write_text("changed")
    ready.codes[failing] = 1
    with pytest.raises(
        SystemExit, match=r"set-up failed: see pip's message above; nothing outside \.venv/ was changed"
    ):
        ready.main(["lint"])
    assert ready.calls == calls
    assert not ready.STAMP.exists()
    ready.codes.clear()
    ready.set_up()
    assert ready.STAMP.exists()


Finished = namedtuple("Finished", "returncode stdout stderr")


def test_an_environment_has_its_own_pip_where_python_can_make_it(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = []
    monkeypatch.setattr(run.subprocess, "run", lambda command, **_: commands.append(command) or Finished(0, "", ""))
    assert run.true_create_venv() == [str(run.PYTHON), "-m", "pip"]
    assert commands == [[sys.executable, "-m", "venv", str(run.VENV)]]


def test_without_ensurepip_a_pip_outside_fills_the_environment(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run.subprocess, "run", lambda *_, **__: Finished(1, "", "ensurepip is not available"))
    monkeypatch.setattr(run.importlib.util, "find_spec", lambda name: name)
    assert run.true_create_venv() == [sys.executable, "-m", "pip", "--python", str(run.PYTHON)]
    assert run.calls == [[sys.executable, "-m", "venv", "--without-pip", str(run.VENV)]]


def test_without_any_pip_the_message_says_what_to_install(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run.subprocess, "run", lambda *_, **__: Finished(1, "", "ensurepip is not available"))
    monkeypatch.setattr(run.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        SystemExit, match=r"(?s)ensurepip is not available.*install its venv module \(Debian: python3-venv\)"
    ):
        run.true_create_venv()
    assert run.calls == []


TASKS = {
    "reproduce": [["-m", "crampstats.cli", "reproduce"]],
    "accept": [["-m", "crampstats.cli", "accept"]],
    "test": [["-m", "pytest", "-n", "auto"]],
    "lint": [["-m", "ruff", "check", "."], ["-m", "ruff", "format", "--check", "."], ["-m", "mypy"]],
    "lab": [["-m", "jupyter", "lab", "--notebook-dir", "notebooks"]],
}


@pytest.mark.parametrize("task", TASKS)
def test_tasks_run_in_the_environment(task: str, ready: ModuleType) -> None:
    assert ready.main([task]) == 0
    assert ready.calls == [[str(ready.PYTHON), *command] for command in TASKS[task]]


def test_the_first_task_sets_up(run: ModuleType) -> None:
    assert run.main(["test"]) == 0
    assert run.calls == [LOCKED, PACKAGE, [str(run.PYTHON), *TASKS["test"][0]]]


def test_further_arguments_go_to_pytest(ready: ModuleType) -> None:
    assert ready.main(["test", "-k", "cramps", "--lf"]) == 0
    assert ready.calls == [[str(ready.PYTHON), *TASKS["test"][0], "-k", "cramps", "--lf"]]


@pytest.mark.parametrize(("task", "failing"), [("test", "pytest"), ("reproduce", "reproduce"), ("lint", "mypy")])
def test_the_exit_code_is_that_of_the_task(task: str, failing: str, ready: ModuleType) -> None:
    ready.codes[failing] = 3
    assert ready.main([task]) == 3


@pytest.mark.parametrize("code", [1, -9])
def test_lint_checks_everything_even_after_a_failure(code: int, ready: ModuleType) -> None:
    ready.codes["ruff"] = code
    assert ready.main(["lint"]) == code
    assert len(ready.calls) == len(TASKS["lint"])


def test_clean_removes_what_tasks_made_and_sets_nothing_up(run: ModuleType) -> None:
    for made in ("build/html", ".venv/bin", ".mypy_cache", ".ruff_cache", ".pytest_cache", "notebooks"):
        (run.ROOT / made).mkdir(parents=True)
    assert run.main(["clean"]) == 0
    assert run.calls == []
    assert sorted(path.name for path in run.ROOT.iterdir()) == ["notebooks", "pyproject.toml", "requirements.lock"]


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help(option: str, run: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main([option]) == 0
    shown = capsys.readouterr().out
    assert "usage: python3 run.py TASK [ARGUMENT ...]" in shown
    assert set(re.findall(r"^  (\w+)  ", shown, re.MULTILINE)) == {*TASKS, "clean"}
    assert run.calls == []


def test_without_a_task_the_usage_is_shown(run: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main([]) == 2
    assert "usage: python3 run.py TASK" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["reprodce"], ["lint", "src"], ["reproduce", "--fast"]])
def test_what_cannot_be_understood(arguments: list[str], run: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "usage: python3 run.py TASK" in shown.err
    assert run.calls == []
    assert not run.VENV.exists()


def test_an_older_python_is_refused(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 9))
    with pytest.raises(SystemExit, match=r"crampstats needs Python 3\.11 or newer; this is 3\.\d+"):
        run.main(["test"])
    assert run.calls == []


def test_commands_run_in_the_checkout_and_give_their_exit_code(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("run", ROOT / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    code = f"import os, sys; sys.exit(5 if os.path.samefile(os.getcwd(), {str(ROOT)!r}) else 6)"
    assert module.call(Path(sys.executable), "-c", code) == 5
    assert (module.ROOT, module.VENV, module.STAMP) == (ROOT, ROOT / ".venv", ROOT / ".venv" / ".stamp")


def test_run_as_a_script_without_any_package() -> None:
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-W", "error", str(ROOT / "run.py"), "nonsense"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    assert ran.stdout == ""
    assert "usage: python3 run.py TASK" in ran.stderr

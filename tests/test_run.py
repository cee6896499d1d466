"""run.py: tasks, exit codes, when an environment is made anew; and the locks that they are made from."""

import importlib.util
import re
import subprocess
import sys
import tomllib
from collections import namedtuple
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.version import Version
from places import ROOT

FILES = ("pyproject.toml", "requirements-oldest.lock", "requirements.lock")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return run.py as a module of an invented checkout, which calls nothing but lists what it would call."""
    spec = importlib.util.spec_from_file_location("run", ROOT / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in FILES:
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    module.calls, module.codes = [], {}

    def call(*command: object) -> int:
        words = [str(part) for part in command]
        module.calls.append(words)
        return next((code for word, code in module.codes.items() if word in words), 0)

    def create_venv(environment: Any) -> list[str]:
        environment.folder.mkdir()
        return ["pip"]

    module.true_create_venv = module.create_venv
    monkeypatch.setattr(module, "call", call)
    monkeypatch.setattr(module, "create_venv", create_venv)
    return module


@pytest.fixture(params=["USUAL", "OLDEST"])
def environment(request: pytest.FixtureRequest, run: ModuleType) -> Any:
    """Return one of the environments that run.py knows."""
    return getattr(run, request.param)


@pytest.fixture
def ready(run: ModuleType) -> ModuleType:
    """Return run.py with both environments as they have to be."""
    run.set_up(run.USUAL)
    run.set_up(run.OLDEST)
    run.calls.clear()
    return run


@pytest.fixture
def lowest_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Python be as old as it may be."""
    monkeypatch.setattr(sys, "version_info", (3, 11, 7))


PIP = ["pip", "install", "--quiet", "--quiet", "--disable-pip-version-check"]
PACKAGE = [*PIP, "--no-deps", "--no-build-isolation", "-e", "."]


def locked(lock: str) -> list[str]:
    return [*PIP, "--require-hashes", "--only-binary", ":all:", "-r", lock]


def test_each_environment_has_a_folder_and_a_lock(run: ModuleType, tmp_path: Path) -> None:
    assert (run.USUAL.folder, run.USUAL.lock) == (tmp_path / ".venv", "requirements.lock")
    assert (run.OLDEST.folder, run.OLDEST.lock) == (tmp_path / ".venv-oldest", "requirements-oldest.lock")
    assert run.OLDEST.python.is_relative_to(run.OLDEST.folder)


def test_set_up_installs_the_lock_and_then_the_package(
    run: ModuleType, environment: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run.set_up(environment)
    assert run.calls == [locked(environment.lock), PACKAGE]
    assert environment.stamp.read_text() == environment.fingerprint()
    assert f"setting up {environment.name} from {environment.lock} " in capsys.readouterr().out
    assert [path.name for path in run.ROOT.glob(".venv*")] == [environment.name]


def test_set_up_does_nothing_when_the_stamp_fits(
    ready: ModuleType, environment: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    ready.set_up(environment)
    assert ready.calls == []
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("changed", ["lock", "pyproject.toml"])
def test_another_lock_or_project_makes_the_environment_anew(changed: str, ready: ModuleType, environment: Any) -> None:
    before = environment.fingerprint()
    (environment.folder / "left-over").touch()
    (ready.ROOT / (environment.lock if changed == "lock" else changed)).write_text("changed")
    assert environment.fingerprint() != before
    ready.set_up(environment)
    assert ready.calls == [locked(environment.lock), PACKAGE]
    assert not (environment.folder / "left-over").exists()
    assert environment.stamp.read_text() == environment.fingerprint()


@pytest.mark.parametrize(("mine", "others"), [("USUAL", "OLDEST"), ("OLDEST", "USUAL")])
def test_the_lock_of_the_other_environment_changes_nothing(mine: str, others: str, ready: ModuleType) -> None:
    (ready.ROOT / getattr(ready, others).lock).write_text("changed")
    ready.set_up(getattr(ready, mine))
    assert ready.calls == []


def test_another_python_or_folder_makes_the_environment_anew(
    ready: ModuleType, environment: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prints = [environment.fingerprint()]
    with monkeypatch.context() as other:
        other.setattr(sys, "version", "3.99.0 (main)")
        prints.append(environment.fingerprint())
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in FILES:
        (moved / name).write_text(name)
    monkeypatch.setattr(ready, "ROOT", moved)
    prints.append(environment.fingerprint())
    assert len(set(prints)) == 3


@pytest.mark.parametrize(("failing", "tried"), [("--require-hashes", 1), ("-e", 2)])
def test_a_failed_installation_leaves_no_stamp(failing: str, tried: int, ready: ModuleType, environment: Any) -> None:
    (ready.ROOT / "pyproject.toml").write_text("changed")
    ready.codes[failing] = 1
    message = f"set-up failed: see pip's message above; nothing outside {re.escape(environment.name)}/ was changed"
    with pytest.raises(SystemExit, match=message):
        ready.set_up(environment)
    assert ready.calls == [locked(environment.lock), PACKAGE][:tried]
    assert not environment.stamp.exists()
    ready.codes.clear()
    ready.set_up(environment)
    assert environment.stamp.exists()


Finished = namedtuple("Finished", "returncode stdout stderr")


def test_an_environment_has_its_own_pip_where_python_can_make_it(
    run: ModuleType, environment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = []
    monkeypatch.setattr(run.subprocess, "run", lambda command, **_: commands.append(command) or Finished(0, "", ""))
    assert run.true_create_venv(environment) == [str(environment.python), "-m", "pip"]
    assert commands == [[sys.executable, "-m", "venv", str(environment.folder)]]


def test_without_ensurepip_a_pip_outside_fills_the_environment(
    run: ModuleType, environment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run.subprocess, "run", lambda *_, **__: Finished(1, "", "ensurepip is not available"))
    monkeypatch.setattr(run.importlib.util, "find_spec", lambda name: name)
    assert run.true_create_venv(environment) == [sys.executable, "-m", "pip", "--python", str(environment.python)]
    assert run.calls == [[sys.executable, "-m", "venv", "--without-pip", str(environment.folder)]]


def test_without_any_pip_the_message_says_what_to_install(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run.subprocess, "run", lambda *_, **__: Finished(1, "", "ensurepip is not available"))
    monkeypatch.setattr(run.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        SystemExit, match=r"(?s)ensurepip is not available.*install its venv module \(Debian: python3-venv\)"
    ):
        run.true_create_venv(run.USUAL)
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
    assert ready.calls == [[str(ready.USUAL.python), *command] for command in TASKS[task]]


def test_the_first_task_sets_up(run: ModuleType) -> None:
    assert run.main(["test"]) == 0
    assert run.calls == [locked("requirements.lock"), PACKAGE, [str(run.USUAL.python), *TASKS["test"][0]]]
    assert not run.OLDEST.folder.exists()


@pytest.mark.usefixtures("lowest_python")
def test_the_oldest_versions_are_tested_in_their_own_environment(run: ModuleType) -> None:
    command = [str(run.OLDEST.python), *TASKS["test"][0], "-k", "cramps"]
    assert run.main(["test", "--oldest", "-k", "cramps"]) == 0
    assert run.calls == [locked("requirements-oldest.lock"), PACKAGE, command]
    assert not run.USUAL.folder.exists()
    run.codes["pytest"] = 3
    assert run.main(["test", "--oldest"]) == 3


@pytest.mark.parametrize("version", [(3, 12, 0), (3, 13, 5), (4, 11, 0)])
def test_the_oldest_versions_want_the_oldest_python(
    version: tuple[int, int, int], run: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    monkeypatch.setattr(sys, "version", "{}.{}.{} (main)".format(*version))
    message = r"the oldest versions are tested with the oldest Python, 3\.11; this is {}\.{}\.{}\.".format(*version)
    with pytest.raises(SystemExit, match=message):
        run.main(["test", "--oldest"])
    assert run.calls == []


def test_further_arguments_go_to_jupyter(ready: ModuleType) -> None:
    assert ready.main(["lab", "--no-browser"]) == 0
    assert ready.calls == [[str(ready.USUAL.python), *TASKS["lab"][0], "--no-browser"]]


def test_further_arguments_go_to_pytest(ready: ModuleType) -> None:
    assert ready.main(["test", "-k", "cramps", "--lf"]) == 0
    assert ready.calls == [[str(ready.USUAL.python), *TASKS["test"][0], "-k", "cramps", "--lf"]]


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
    for made in (
        "build/html",
        ".venv/bin",
        ".venv-oldest/bin",
        ".mypy_cache",
        ".ruff_cache",
        ".pytest_cache",
        "notebooks",
    ):
        (run.ROOT / made).mkdir(parents=True)
    assert run.main(["clean"]) == 0
    assert run.calls == []
    assert sorted(path.name for path in run.ROOT.iterdir()) == ["notebooks", *FILES]


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


@pytest.mark.parametrize("arguments", [["reprodce"], ["lint", "src"], ["reproduce", "--fast"], ["lint", "--oldest"]])
def test_what_cannot_be_understood(arguments: list[str], run: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "usage: python3 run.py TASK" in shown.err
    assert run.calls == []
    assert list(run.ROOT.glob(".venv*")) == []


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
    assert (module.ROOT, module.USUAL.stamp) == (ROOT, ROOT / ".venv" / ".stamp")


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


def pinned_for_the_lowest_python(lock: str) -> dict[str, Version]:
    """Return the versions that a lock gives to Python 3.11, by name."""
    lines = re.findall(r"^([^\s#].*?) \\$", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE)
    pins = [Requirement(line) for line in lines]
    python = {"python_version": "3.11", "python_full_version": "3.11.0"}
    return {
        pin.name.lower(): Version(str(pin.specifier).removeprefix("=="))
        for pin in pins
        if pin.marker is None or pin.marker.evaluate(python)
    }


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
ASKED = [
    Requirement(text)
    for text in [*PROJECT["project"]["dependencies"], *EXTRAS["lab"], *EXTRAS["files"], *EXTRAS["dev"]]
    if not text.startswith("crampstats")
]


@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: asked.name)
def test_the_oldest_lock_has_the_lowest_version_that_is_allowed(asked: Requirement) -> None:
    (lowest,) = [bound.version for bound in asked.specifier if bound.operator == ">="]
    assert pinned_for_the_lowest_python("requirements-oldest.lock")[asked.name] == Version(lowest)


def test_the_oldest_lock_has_hashes_and_no_address() -> None:
    lock = (ROOT / "requirements-oldest.lock").read_text(encoding="utf-8")
    entries = re.split(r"^(?=[A-Za-z0-9._-]+==)", lock, flags=re.MULTILINE)[1:]
    assert len(entries) > len(ASKED)
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in lock
    assert "--index-url" not in lock


def test_what_builds_the_package_is_asked_for_twice_in_the_same_way() -> None:
    (builder,) = PROJECT["build-system"]["requires"]
    assert builder in EXTRAS["dev"]


def test_the_lowest_python_is_that_of_the_project(run: ModuleType) -> None:
    assert PROJECT["project"]["requires-python"] == ">={}.{}".format(*run.LOWEST_PYTHON)

"""The house as a whole: which module may import which, and that the project's papers say what is true."""

import ast
import importlib.util
import inspect
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pandas as pd
import pytest
import yaml
from places import ROOT

import crampstats as cs
from crampstats import cli
from crampstats.datasets.own.telling import StudyWarning

PACKAGE = ROOT / "src" / "crampstats"
# A room imports only from rooms before it.
ORDER = [
    "errors",
    "units",
    "reference",
    "schema",
    "numerics",
    "questions",
    "formulas",
    "design",
    "survey",
    "population",
    "participation",
    "intervals",
    "estimates",
    "proportions",
    "quantiles",
    "descriptions",
    "cutoffs",
    "regression",
    "effects",
    "missing",
    "synthesis",
    "measurement",
    "multiverse",
    "diagnostics",
    "planning",
    "datasets",
    "output",
    "figures",
    "tables",
    "report",
    "cli",
]
READS_OR_WRITES = {
    "open",
    "read_bytes",
    "read_text",
    "read_csv",
    "read_sas",
    "write_bytes",
    "write_text",
    "to_csv",
    "savefig",
}
MAY_READ_OR_WRITE = {"reference", "datasets", "output", "figures", "tables", "report"}
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


MODULES = [path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"]


def imported(path: Path) -> list[str]:
    """Return the full names of modules that a file imports, wherever in it."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def test_every_room_has_its_place() -> None:
    assert {room_of(path) for path in MODULES} == set(ORDER)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_from_rooms_before_it(path: Path) -> None:
    mine = room_of(path)
    before = ORDER[: ORDER.index(mine)]
    rooms = [name.split(".")[1] for name in imported(path) if name.startswith("crampstats.")]
    assert [room for room in rooms if room not in before and room != mine and room in ORDER] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_figures_draws(path: Path) -> None:
    drawing = [name for name in imported(path) if name.split(".")[0] in {"matplotlib", "seaborn"}]
    assert drawing == [] or room_of(path) == "figures"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_are_read_and_written_in_their_rooms(path: Path) -> None:
    called = [node.func for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    names = {call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "") for call in called}
    assert not (names & READS_OR_WRITES) or room_of(path) in MAY_READ_OR_WRITE


def test_notebooks_do_not_reach_what_their_fingerprint_leaves_out() -> None:
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        assert not re.search(
            r"crampstats(\.| import )(report|cli)|cs\.(report|cli)", path.read_text(encoding="utf-8")
        ), path


def test_nothing_is_evaluated() -> None:
    for path in MODULES:
        calls = [
            node.func for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)
        ]
        names = {call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "") for call in calls}
        assert not names & {"eval", "exec", "query"}, path


def test_no_name_is_both_module_and_function() -> None:
    functions = [name for name in cs.__all__ if callable(getattr(cs, name))]
    assert set(functions) & {path.stem for path in MODULES} == set()


@pytest.mark.parametrize("name", [name for name in cs.__all__ if not inspect.ismodule(getattr(cs, name))])
def test_public_docstrings_have_an_example(name: str) -> None:
    text = inspect.getdoc(getattr(cs, name))
    assert "Examples\n--------\n>>> " in text
    assert "Parameters\n----------" in text or "Attributes\n----------" in text


def requirement(text: str) -> tuple[str, frozenset[str]]:
    """Split a requirement of either file into its name and its bounds."""
    match = re.fullmatch(r"\s*([A-Za-z0-9._-]+)\s*([<>=!~,.0-9\s]*)", text)
    assert match, text
    return match[1], frozenset(bound.strip() for bound in match[2].split(",") if bound.strip())


def test_environment_yml_holds_the_ranges_of_pyproject() -> None:
    project = PYPROJECT["project"]
    extras = project["optional-dependencies"]
    asked = [*project["dependencies"], *extras["lab"], *extras["files"], *extras["dev"], *extras["bench"]]
    expected = dict(requirement(text) for text in asked if not text.startswith("crampstats"))
    expected["matplotlib-base"] = expected.pop("matplotlib")
    expected["python"] = requirement("python" + project["requires-python"])[1]
    expected["pip"] = frozenset()
    listed = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    *by_conda, last = listed["dependencies"]
    *by_pip, itself = last["pip"]
    assert dict(requirement(text) for text in [*by_conda, *by_pip]) == expected
    assert itself == "-e ."


def test_the_lock_pins_every_dependency_with_hashes_and_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pinned = {name.lower() for name in re.findall(r"^([A-Za-z0-9._-]+)==", lock, re.MULTILINE)}
    extras = PYPROJECT["project"]["optional-dependencies"]
    asked = [*PYPROJECT["project"]["dependencies"], *extras["lab"], *extras["files"], *extras["dev"]]
    assert {requirement(text)[0] for text in asked if not text.startswith("crampstats")} <= pinned
    entries = re.split(r"^(?=[A-Za-z0-9._-]+==)", lock, flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in lock
    assert "--index-url" not in lock


def test_versions_agree() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert citation["version"] == PYPROJECT["project"]["version"] == cs.__version__
    assert f"## {cs.__version__} " in changelog
    newest = changelog.split("\n## ")[1]
    assert re.findall(r"^### (.*)$", newest, re.MULTILINE) == ["Added", "Changed", "Fixed", "Numbers changed"]


def test_the_data_dictionary_is_that_of_the_schemas() -> None:
    spec = importlib.util.spec_from_file_location("make_readme", ROOT / "data" / "make_readme.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / "data" / "README.md").read_text(encoding="utf-8") == module.dictionary()


README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_example_of_the_readme_prints_what_it_shows() -> None:
    code, shown = re.search(r"```python\n(.*?)```\n\n```text\n(.*?)```", README, re.DOTALL).groups()
    assert len([line for line in code.splitlines() if line]) <= 10
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True, encoding="utf-8"
    )
    assert ran.stdout == shown


def test_the_second_example_of_the_readme_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[1]
    monkeypatch.chdir(ROOT)
    result: dict[str, object] = {}
    with pytest.warns(StudyWarning, match="empty, left out"):
        exec(compile(code, "README.md", "exec"), result)
    assert result["low"].to_frame()["n"].tolist() == [310, 304]
    assert capsys.readouterr().out.endswith("10.2 (6.5–14.9)\n")


def test_the_third_example_of_the_readme_goes_behind_the_number(capsys: pytest.CaptureFixture[str]) -> None:
    code = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[2]
    result: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), result)
    shown = capsys.readouterr().out
    assert "usual magnesium_mg_dl <= 1.7" in shown
    assert result["smooth"].prevalence([0.70], unit="mmol/L").value == pytest.approx([0.0681], abs=5e-5)
    assert result["low"].value == pytest.approx([0.0985], abs=5e-5)


def test_the_fourth_example_of_the_readme_tells_who_is_biased(capsys: pytest.CaptureFixture[str]) -> None:
    code = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[3]
    assert (
        re.findall(r"^### .*$", README[: README.index(code)], re.MULTILINE)[-1] == "### 4. People whose truth is known"
    )
    result: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), result)
    shown = capsys.readouterr().out
    assert "Performance in 100 samples" in shown
    assert "unweighted" in shown
    assert not [column for column in result["survey"].data if column.startswith("true_")]
    assert result["effect"].value < 0


def test_the_fifth_example_of_the_readme_pools_and_plans(capsys: pytest.CaptureFixture[str]) -> None:
    code = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[4]
    result: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), result)
    shown = capsys.readouterr().out
    assert "two studies" in shown
    assert result["effects"]["study"].tolist() == ["Roguin Maor 2017", "Frusso 1999"]
    assert "324 + 324" in shown
    assert "updated meta-analysis" in shown


def test_the_commands_of_the_readme_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = re.findall(r"^    (crampstats .*)$", README, re.MULTILINE)
    shutil.copytree(ROOT / "data" / "example", tmp_path / "data" / "example")
    monkeypatch.chdir(tmp_path)
    assert [cli.main(shlex.split(command)[1:]) for command in commands] == [0, 0, 0]
    assert pd.read_csv("frequent.csv")["n"].sum() == 10_902
    assert len(pd.read_parquet("people.parquet")) == 20_000


@pytest.mark.parametrize("paper", ["README.md", "CONTRIBUTING.md", "data/README.md", "docs/methods.md"])
def test_links_lead_somewhere(paper: str) -> None:
    text = (ROOT / paper).read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#]+)\)", text)
    assert [target for target in targets if not ((ROOT / paper).parent / target).exists()] == []


def test_every_task_of_run_py_that_papers_name_is_there() -> None:
    papers = README + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8") + (ROOT / ".ci/run").read_text()
    named = set(re.findall(r"python3 run\.py (\w+)", papers))
    usage = (ROOT / "run.py").read_text(encoding="utf-8").split('"""')[1]
    assert named <= set(re.findall(r"^  (\w+) ", usage, re.MULTILINE))
    assert named >= {"reproduce", "test", "lint", "accept", "lab"}


def test_the_readme_says_how_much_of_the_population_is_assumed() -> None:
    table = cs.Population().to_frame()
    share = round(100 * (table["status"] == "assumed").mean())
    assert f"Of the model's {len(table)} numbers {share} % are assumed" in README
    assert f"a causal model of {len(cs.Population().names)} variables" in README

"""The command, and that importing crampstats costs nothing before something is asked for."""

import csv
import html.parser
import inspect
import io
import json
import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import get_args

import pandas as pd
import pytest
from places import ROOT

import crampstats as cs
from crampstats import cli
from crampstats.cli import arguments, wording

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
        (["check"], "the following arguments are required: FILE"),
        (["prevalence", "study.csv"], "the following arguments are required: QUESTION"),
        (["prevalence", "study.csv", "x > 1", "--interval-method", "exact"], "invalid choice: 'exact'"),
        (["simulate", "--n", "10", "--output", "people.csv"], "the following arguments are required: --seed"),
        (["simulate", "--n", "ten", "--seed", "1", "--output", "people.csv"], "invalid int value: 'ten'"),
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


def test_without_the_packages_for_notebooks_the_command_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "requirements.lock").touch()
    task = ["reproduce", "--project", str(tmp_path)]
    code = f"import sys; sys.modules['nbformat'] = None; from crampstats.cli import main; sys.exit(main({task}))"
    ran = run("-c", code)
    assert ran.returncode == 2
    assert ran.stderr == (
        "crampstats reproduce needs nbformat; in the checkout: python -m pip install '.[lab]', or python3 run.py reproduce\n"
    )


def test_outside_of_a_checkout_nothing_is_asked_to_be_installed(tmp_path: Path) -> None:
    task = ["reproduce", "--project", str(tmp_path)]
    code = f"import sys; sys.modules['nbformat'] = None; from crampstats.cli import main; sys.exit(main({task}))"
    ran = run("-c", code)
    assert ran.returncode == 2
    assert "is no checkout of crampstats" in ran.stderr
    assert "pip" not in ran.stderr


def test_the_task_is_run_on_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from crampstats.report import build

    for root in (tmp_path, tmp_path / "below"):
        (root / "notebooks").mkdir(parents=True)
        (root / "requirements.lock").touch()
    calls = []
    monkeypatch.setattr(build, "main", lambda task, root: calls.append((task, root)) or 1)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["accept"]) == 1
    assert cli.main(["reproduce", "--project", "below"]) == 1
    assert calls == [("accept", tmp_path), ("reproduce", tmp_path / "below")]


EXAMPLE = ROOT / "data" / "example"
STUDY = str(EXAMPLE / "study.csv")
CLINIC = str(EXAMPLE / "clinic_export.csv")
BROKEN = str(EXAMPLE / "broken_export.csv")
DESIGN = ("--weight", "weight", "--stratum", "region", "--cluster", "village", "--column", "diuretic=diuretic_kind")
CLINIC_DESIGN = ("--weight", "Gewichtung", "--stratum", "Region", "--cluster", "Ort-Nr.")
LOW = ("magnesium_mmol_l < 0.745", "--observed", "magnesium_mmol_l")
CRAMPS = ("nhanes_cramps", "cramp_class >= 3")


def typed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Run a task here and return its exit code and what it wrote."""
    code = cli.main(list(words))
    shown = capsys.readouterr()
    return code, shown.out, shown.err


@pytest.mark.parametrize("task", ["", *cli.TASKS])
def test_help_loads_nothing_heavy_and_names_the_exit_codes(task: str) -> None:
    words = [*task.split(), "--help"]
    code = (
        "import sys\nfrom crampstats.cli import main\n"
        f"try:\n    main({words})\nfinally:\n    print(*sorted(sys.modules), file=sys.stderr)"
    )
    ran = run("-c", code)
    assert ran.returncode == 0, ran.stderr
    assert "exit codes:" in ran.stdout
    assert [name for name in (*HEAVY, "pyarrow") if name in ran.stderr.split()] == []


def test_choices_are_those_of_the_package() -> None:
    from crampstats.datasets.own.cells import Censored
    from crampstats.datasets.own.decimals import Decimal
    from crampstats.datasets.own.plan import OnFault, OtherUnit
    from crampstats.datasets.own.texts import Delimiter
    from crampstats.design import LonelyRule
    from crampstats.intervals import METHODS, PROPORTION_METHODS
    from crampstats.survey import ClusterLabels

    assert get_args(ClusterLabels) == arguments.CLUSTER_LABELS
    assert get_args(LonelyRule) == arguments.LONELY
    assert get_args(Censored) == arguments.CENSORED
    assert get_args(OtherUnit) == arguments.OTHER_UNIT
    assert get_args(OnFault) == arguments.ON_FAULT
    assert set(get_args(Decimal)) == set(arguments.DECIMAL)
    assert {"\t" if mark == "tab" else mark for mark in arguments.DELIMITERS} == set(get_args(Delimiter))
    assert set(arguments.INTERVALS) == {*PROPORTION_METHODS, "wald"} <= set(METHODS)
    packaged = [
        name for name in cs.datasets.__all__ if "source" in inspect.signature(getattr(cs.datasets, name)).parameters
    ]
    assert sorted(arguments.PACKAGED) == sorted(packaged)


def test_a_prevalence_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    words = (
        *CRAMPS,
        "--observed",
        "cramp_class",
        "--by",
        "sex",
        "age_group",
        "--level",
        "0.9",
        "--interval-method",
        "logit",
    )
    code, out, err = typed(capsys, "prevalence", *words, "--format", "json")
    survey = cs.datasets.nhanes_cramps().observed("cramp_class")
    expected = cs.prevalence(survey, CRAMPS[1], by=["sex", "age_group"], interval_method="logit").to_frame(level=0.9)
    assert (code, err) == (0, "")
    assert json.loads(out) == expected.to_dict("records")
    assert list(json.loads(out)[0])[-6:] == ["n", "estimate", "std_error", "conf_low", "conf_high", "note"]


def test_a_prevalence_is_shown_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = typed(capsys, "prevalence", *CRAMPS, "--observed", "cramp_class", "--by", "sex")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "cramp_class >= 3",
        "NHANES 2005-2008 [observed cramp_class]: 10,902 of 10,914 people, 62 clusters in 31 strata, 31 df",
        "",
        "sex         n    % (95 % CI)",
        "male    5,293  4.3 (3.4–5.3)",
        "female  5,609  7.5 (6.5–8.5)",
        "",
        "Intervals by the method korn_graubard.",
    ]


@pytest.mark.parametrize("ending", ["csv", "json", "jsonl", "parquet"])
def test_a_written_prevalence_reads_back_equal(ending: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / f"low.{ending}"
    words = ("prevalence", STUDY, *LOW, "--by", "sex", *DESIGN, "--output", str(path))
    code, out, _ = typed(capsys, *words)
    assert (code, out) == (0, f"{path}: 2 estimates.\n")
    read = {
        "csv": lambda: pd.read_csv(path, keep_default_na=False),
        "json": lambda: pd.DataFrame(json.loads(path.read_text(encoding="utf-8"))),
        "jsonl": lambda: pd.DataFrame([json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]),
        "parquet": lambda: pd.read_parquet(path),
    }
    survey = cs.Survey(pd.read_csv(STUDY), weight="weight", stratum="region", cluster="village")
    expected = cs.prevalence(survey.observed("magnesium_mmol_l"), LOW[0], by=["sex"]).to_frame()
    found = read[ending]().sort_values("sex", ignore_index=True)
    pd.testing.assert_frame_equal(
        found.astype({"sex": "str"}), expected.sort_values("sex", ignore_index=True), check_dtype=False, rtol=1e-12
    )


def test_the_clinic_and_the_study_say_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    _, study, _ = typed(capsys, "prevalence", STUDY, *LOW, "--by", "sex", *DESIGN, "--format", "csv")
    code, clinic, told = typed(capsys, "prevalence", CLINIC, *LOW, "--by", "sex", *CLINIC_DESIGN, "--format", "csv")
    assert code == 0
    frames = [pd.read_csv(io.StringIO(text)) for text in (clinic, study)]
    pd.testing.assert_frame_equal(*frames, rtol=1e-12)  # strata in another order are added up in another order
    assert "empty, left out (row 103: '')" in told
    assert "polyneuropathie, diuretikum_art, alkohol" in told


def test_groups_and_conditions(capsys: pytest.CaptureFixture[str]) -> None:
    words = (
        "--group",
        "decade=age_years",
        "20",
        "60",
        "--where",
        "sex == 'female'",
        "--by",
        "decade",
        "--format",
        "csv",
    )
    code, out, _ = typed(capsys, "prevalence", CLINIC, *LOW, *words, *CLINIC_DESIGN)
    assert code == 0
    assert [row["decade"] for row in csv.DictReader(io.StringIO(out))] == ["20-59", "60+"]
    assert sum(int(row["n"]) for row in csv.DictReader(io.StringIO(out))) == 304


def test_who_counts_alike_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = typed(capsys, "prevalence", CLINIC, *LOW)
    assert code == 0
    assert "No --weight is named: everybody counts alike." in out
    assert "No --stratum or --cluster is named" in out


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (CRAMPS, 2, "no answer in 12 of 1,511 rows of NHANES 2005-2008: --observed cramp_class asks only about"),
        (("nhanes_cramps", "cramp_clas >= 3"), 2, "did you mean 'cramp_class'?"),
        ((*CRAMPS, "--weight", "weight", "--unit", "a=b"), 2, "its own design: leave out --weight, --unit."),
        ((*CRAMPS, "--group", "age_group", "20"), 2, "'age_group' already: say --group NAME=age_group."),
        ((CLINIC, "sex == 'female'", "--group", "age_years", "young"), 2, "as in --group age_years 20 40 60."),
        ((*CRAMPS, "--observed", "cramp_class", "--level", "95"), 2, "level=95.0 has to lie between 0 and 1"),
        (("nothing.csv", "sex == 'female'"), 2, "nothing.csv: there is no such file."),
        ((CLINIC, "sex == 'female'", "--weight", "Gewicht"), 2, "--weight: 'Gewicht' is no column of the file"),
        ((CLINIC, "sex == 'female'", "--unit", "magnesium"), 2, "--unit 'magnesium' has to be as in magnesium=mg/dL."),
        ((CLINIC, "sex == 'female'", "--codes", "sex"), 2, "--codes sex says no code"),
        ((BROKEN, "sex == 'female'"), 1, "Alter (Jahre): outside the plausible range (row 8: '1948')"),
        ((CLINIC, "sex == 'female'", "--output", "low.xls"), 2, "choose from .csv, .json, .jsonl, .parquet."),
        ((CLINIC, "sex == 'female'", "--output", "low.csv", "--format", "json"), 2, "say two things"),
        ((CLINIC, "sex == 'female'", "--output", str(ROOT)), 2, "is unknown: choose from"),
    ],
)
def test_what_gives_no_prevalence(
    words: tuple[str, ...], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found, out, err = typed(capsys, "prevalence", *words)
    assert (found, out) == (code, "")
    assert message in err
    assert "crampstats prevalence: " in err
    assert "Traceback" not in err


def test_rows_with_faults_are_left_out_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("cramps_per_week >= 1", "--observed", "cramps_per_week", "--on-fault", "drop")
    code, out, err = typed(capsys, "prevalence", BROKEN, *words)
    assert code == 0
    assert "14 of 24 rows left out for faults" in out
    assert "14 of 24 rows are left out for faults:" in err
    assert "--other-unit keep keeps them as they stand" in err


def test_a_check_tells_what_was_understood(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = typed(capsys, "check", CLINIC, *CLINIC_DESIGN)
    assert (code, err) == (0, "")
    lines = {re.split("  +", line)[0]: re.split("  +", line)[1:] for line in out.splitlines()}
    assert lines["Mg i.S. [mg/dL]"] == ["magnesium_mmol_l", "number", "mg/dL → mmol/L", "614", "31", "0.6501 to 1.029"]
    assert lines["Geschlecht (m/w/d)"] == ["sex", "category", "645", "0", "male: 322, female: 323"]
    assert lines["schwanger"] == ["pregnant", "yes/no", "645", "0", "no: 638, yes: 7"]
    assert lines["Polyneuropathie"] == ["polyneuropathie *", "text", "645", "0", "ja: 32, nein: 613"]
    assert lines["Entnahmedatum"] == ["sample_date", "date", "645", "0", "2025-01-02 to 2025-12-31"]
    assert lines["Bemerkung"] == ["bemerkung *", "text", "184", "461", "6 different"]
    assert "Estimates: yes: 645 of 645 people, 32 clusters in 4 strata, 28 df." in out


def test_a_check_lists_every_fault(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = typed(capsys, "check", BROKEN)
    assert code == 1
    assert ": 14 faults in 14 of 24 rows." in out.splitlines()[0]
    with pytest.raises(cs.errors.SchemaError) as raised:
        cs.datasets.read_study(BROKEN)
    assert [line for line in out.splitlines() if line.startswith("  - ")] == [
        f"  - {wording.in_options(str(fault))}" for fault in raised.value.faults
    ]
    assert "10 people, 1 stratum, 9 df" in out


def test_a_check_as_csv_and_json_lists_each_value(capsys: pytest.CaptureFixture[str]) -> None:
    _, table, _ = typed(capsys, "check", BROKEN, "--format", "csv")
    code, text, _ = typed(capsys, "check", BROKEN, "--format", "json")
    assert code == 1
    rows = list(csv.DictReader(io.StringIO(table)))
    faults = {(row["column"], row["row"], row["value"]) for row in rows if row["kind"] == "fault"}
    assert faults >= {
        ("Mg i.S. [mg/dL]", "4", "hämolytisch"),
        ("Fallnummer", "20", "P0020"),
        ("Fallnummer", "21", "P0020"),
    }
    report = json.loads(text)
    assert (report["file"], report["rows"], report["estimates"]["possible"]) == (BROKEN, 24, False)
    assert [["" if value is None else str(value) for value in row.values()] for row in report["findings"]] == [
        list(row.values()) for row in rows
    ]
    magnesium = next(column for column in report["columns"] if column["column"] == "magnesium_mmol_l")
    assert magnesium == {
        "header": "Mg i.S. [mg/dL]",
        "column": "magnesium_mmol_l",
        "known": True,
        "type": "number",
        "unit_in_file": "mg/dL",
        "unit": "mmol/L",
        "values": 19,
        "missing": 0,
        "faulty": 4,
        "range": "0.7118 to 0.9093",
    }


def test_options_settle_what_the_file_does_not_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "lab.csv"
    path.write_text("Mg AU\tg\tAlter\n2,07\t1\t44\n1,90\t2\t-9\n1,82\t2\t51\n", encoding="utf-8")
    words = (
        "--column",
        "Mg AU=magnesium",
        "--unit",
        "magnesium=mg/dL",
        "--column",
        "g=sex",
        "--codes",
        "sex",
        "1=male",
    )
    code, out, _ = typed(
        capsys,
        "check",
        str(path),
        *words,
        "2=female",
        "--missing",
        "-9",
        "--delimiter",
        "tab",
        "--decimal",
        ",",
        "--format",
        "json",
    )
    assert code == 0
    columns = {column["column"]: column for column in json.loads(out)["columns"]}
    assert columns["magnesium_mmol_l"]["range"] == "0.7488 to 0.8517"
    assert columns["sex"]["range"] == "male: 1, female: 2"
    assert (columns["age_years"]["values"], columns["age_years"]["missing"]) == (2, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Mg,Alter\n0.8,44\n0.9,45\n", "1 fault of a column or of the whole file.|--unit magnesium_mmol_l=UNIT"),
        ("a,b\n1,2\n", "no column of the study among 'a', 'b'|--column 'header in the file=magnesium'"),
        ("Alter,Geschlecht\n999,w\n", "1 fault in 1 of 1 rows.|not before the faults are settled"),
    ],
)
def test_files_that_give_no_estimates(
    text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "lab.csv"
    path.write_text(text, encoding="utf-8")
    code, out, _ = typed(capsys, "check", str(path))
    assert code == 1
    assert [part for part in message.split("|") if part not in out] == []


def test_a_design_without_variance_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "lab.csv"
    path.write_text("Alter,region,village\n50,a,1\n51,a,2\n52,b,1\n53,b,2\n", encoding="utf-8")
    words = ("check", str(path), "--stratum", "region", "--cluster", "village")
    code, out, _ = typed(capsys, *words)
    assert code == 1
    assert "no faults in the file, but no estimates under this design." in out
    assert "say --cluster-labels nested." in out
    code, out, _ = typed(capsys, *words, "--cluster-labels", "nested")
    assert code == 0
    assert "Estimates: yes: 4 of 4 people, 4 clusters in 2 strata, 2 df; everybody counts alike" in out


class Page(html.parser.HTMLParser):
    """The tags of a page, its texts, and whether each tag is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_what_stands_in_a_file_is_text_in_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evil = "<script>alert('1')</script>"
    path = tmp_path / '<img src=x onerror="alert(2)">.csv'
    if os.name == "nt":
        pytest.skip("such a file has no name there")
    path.write_text(f'Alter,"{evil}","</td>\u202e[2J&amp;"\n44,"{evil}",a\n"{evil}",b,c\n45,d,e\n', encoding="utf-8")
    page_path = tmp_path / "report.html"
    code, _, _ = typed(capsys, "check", str(path), "--output", str(page_path))
    assert code == 1
    text = page_path.read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    assert {tag for tag, _ in page.tags} == {
        *("html", "head", "meta", "title", "style", "body", "main", "h1", "p", "div"),
        *("table", "caption", "thead", "tbody", "tr", "th", "td"),
    }
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert page.texts.count(evil) >= 2
    assert "</td>\\u202e[2J&amp;" in page.texts
    assert "\u202e" not in text
    shown = typed(capsys, "check", str(path))[1]
    assert evil in shown
    assert "\u202e" not in shown


def test_the_page_is_whole_and_can_be_read_aloud(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "report.html"
    assert typed(capsys, "check", BROKEN, "--output", str(path))[0] == 1
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert text.startswith("<!DOCTYPE html>")
    assert ("html", {"lang": "en"}) in page.tags
    tags = [tag for tag, _ in page.tags]
    assert (tags.count("h1"), tags.count("main"), tags.count("title")) == (1, 1, 1)
    assert tags.count("caption") == tags.count("table") == 2
    assert {attributes.get("scope") for tag, attributes in page.tags if tag == "th"} == {"row", "col"}
    assert all(
        attributes["tabindex"] == "0" and attributes["aria-label"] for tag, attributes in page.tags if tag == "div"
    )
    assert "http" not in text.replace("http-equiv", "")


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_simulated_people_read_back_equal(ending: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / f"people.{ending}"
    names = ["age_years", "sex", "magnesium_mmol_l", "true_body_store"]
    words = ("simulate", "--n", "50", "--seed", "1", "--do", "diuretic=none", "ppi=0", "--columns", *names)
    code, out, err = typed(capsys, *words, "--output", str(path))
    assert (code, err) == (0, "")
    assert out == (
        f"{path}: 50 simulated people, 4 columns, 1 of them (true_...) known only of simulated people. None of them exists.\n"
    )
    read = {
        "csv": lambda: pd.read_csv(path),
        "jsonl": lambda: pd.DataFrame([json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]),
        "parquet": lambda: pd.read_parquet(path),
    }
    expected = cs.simulate(cs.Population(), 50, seed=1, do={"diuretic": "none", "ppi": 0}, columns=names)
    # pandas 3.0 reads the last digit of a CSV otherwise than Python does.
    pd.testing.assert_frame_equal(
        read[ending]().astype({"sex": "str"}), expected.astype({"sex": "str"}), rtol=1e-14, check_dtype=False
    )


def test_an_analyst_gets_no_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "people.csv"
    assert typed(capsys, "simulate", "--n", "5", "--seed", "1", "--without-truth", "--output", str(path))[0] == 0
    known = [column.name for column in cs.Population().schema.columns if not column.truth]
    assert list(pd.read_csv(path).columns) == known


def test_numbers_of_a_file_change_the_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parameter = cs.Population().parameters["diabetes.intercept"]
    file, path = tmp_path / "numbers.toml", tmp_path / "people.csv"
    table = f'["diabetes.intercept"]\nvalue = 20.0\nunit = "{parameter.unit}"\nstatus = "assumed"\nnote = "everybody"\n'
    file.write_text(table, encoding="utf-8")
    words = ("simulate", "--n", "20", "--seed", "1", "--columns", "diabetes", "--output", str(path))
    assert typed(capsys, *words, "--parameters", str(file))[0] == 0
    assert pd.read_csv(path)["diabetes"].tolist() == [1] * 20


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--n", "0"), "n: is 0; expected a whole number of at least 1"),
        (("--do", "diuretic"), "--do 'diuretic' has to be as in --do diuretic=none."),
        (("--do", "diuretic=x"), "diuretic: cannot be forced to 'x'; expected one of none, thiazide, loop"),
        (("--do", "ppi=yes"), "ppi: cannot be forced to 'yes'; expected 0 or 1"),
        (("--do", "ppi=0", "ppi=1"), "--do names 'ppi' twice."),
        (
            ("--columns", "true_body_store", "--without-truth"),
            "--columns true_body_store is what --without-truth leaves out",
        ),
        (("--parameters", "nothing.toml"), "nothing.toml: cannot be read"),
        (("--output", "people.xls"), "choose from .csv, .json, .jsonl, .parquet."),
        (("--output", str(Path(__file__))), "the ending '.py' is unknown"),
        (("--output", STUDY), "is there already: --force writes over it."),
    ],
)
def test_what_is_not_simulated(
    words: tuple[str, ...],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = typed(capsys, "simulate", "--n", "5", "--seed", "1", "--output", "people.csv", *words)
    assert (code, out) == (2, "")
    assert message in err
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_written_over_only_by_force(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "people.csv"
    path.write_text("mine", encoding="utf-8")
    words = ("simulate", "--n", "2", "--seed", "1", "--columns", "sex", "--output", str(path))
    assert typed(capsys, *words)[0] == 2
    assert path.read_text(encoding="utf-8") == "mine"
    assert typed(capsys, *words, "--force")[0] == 0
    assert path.read_text(encoding="utf-8").startswith("sex\n")


def test_a_place_that_cannot_be_written_is_a_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    path = tmp_path / "file" / "people.csv"
    code, _, err = typed(capsys, "simulate", "--n", "2", "--seed", "1", "--columns", "sex", "--output", str(path))
    assert code == 2
    assert err.startswith(f"crampstats simulate: {tmp_path / 'file'}")


def test_without_pyarrow_nothing_is_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = str(tmp_path / "x.parquet")
    for words in (("prevalence", "nothing.csv", "x > 1"), ("simulate", "--n", "1000000000000", "--seed", "1")):
        code, _, err = typed(capsys, *words, "--output", path)
        assert code == 2
        assert "a .parquet needs pyarrow: pip install 'crampstats[files]'." in err


def test_interrupted_it_ends_quietly(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(chosen: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_run", interrupt)
    assert typed(capsys, "check", STUDY) == (130, "", "")


@pytest.mark.skipif(os.name == "nt", reason="pipes break otherwise there")
def test_a_reader_that_goes_away_is_no_error() -> None:
    command = [sys.executable, "-X", "dev", "-W", "error", "-m", "crampstats.cli", "prevalence", *CRAMPS]
    with subprocess.Popen(
        [*command, "--observed", "cramp_class"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 141


def test_letters_reach_a_screen_that_knows_only_ascii() -> None:
    environment = {**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    command = [sys.executable, "-W", "error", "-m", "crampstats.cli", "check", CLINIC]
    ran = subprocess.run(command, capture_output=True, check=False, env=environment)
    assert ran.returncode == 0, ran.stderr
    assert "Magnesiumpräparat" in ran.stdout.decode("utf-8")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("decimal='.' or decimal=','", "--decimal . or --decimal ,"),
        ("neither the header nor units= says the unit", "neither the header nor --unit says the unit"),
        ("names that differ; give them with columns=", "names that differ; give them with --column"),
        ("units['Mg']='stone' is unknown for it", "--unit Mg=stone is unknown for it"),
        ("codes['sex']['x']='y' has to be", "--codes sex x=y has to be"),
        ("say which with sheet='Daten', 'Notizen'.", "say which with --sheet Daten, 'Notizen'."),
        ("choose lonely='adjust', 'certainty'", "choose --lonely adjust, 'certainty'"),
        ("columns={\"Mg i.S. ['x']\": 'mg'}", "--column 'Mg i.S. ['\"'\"'x'\"'\"']=mg'"),
        ("first ask observed('a', 'b c').", "--observed a 'b c' asks only about those who have one."),
    ],
)
def test_messages_speak_of_options(said: str, meant: str) -> None:
    assert wording.in_options(said) == meant


def test_a_unit_that_is_not_said_leaves_values_unread(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "lab.csv"
    path.write_text("Mg,Alter\n0.8,44\n,45\n0.9,46\n", encoding="utf-8")
    code, out, _ = typed(capsys, "check", str(path), "--format", "json")
    assert code == 1
    magnesium = json.loads(out)["columns"][0]
    assert [magnesium[name] for name in ("unit_in_file", "unit", "values", "missing", "faulty", "range")] == [
        *("unknown", "mmol/L"),
        *(0, 1, 2),
        "",
    ]


def test_what_is_typed_reaches_the_reader_of_files() -> None:
    from crampstats.cli.reading import study_arguments

    words = "--weight w --stratum s --cluster c --cluster-labels nested --population-size N --lonely adjust --decimal ,"
    words += " --censored limit --other-unit keep --encoding cp1252 --delimiter tab --sheet Daten --missing -9 k.A."
    words += " --column A=B=magnesium --unit magnesium=mg/dL --codes sex 1=male 2= --codes ppi x=1"
    typed_words = arguments.parser().parse_args(["check", "study.csv", *words.split()])
    read = study_arguments(typed_words)
    assert read == {
        "weight": "w",
        "stratum": "s",
        "cluster": "c",
        "cluster_labels": "nested",
        "population_size": "N",
        "lonely": "adjust",
        "decimal": ",",
        "censored": "limit",
        "other_unit": "keep",
        "encoding": "cp1252",
        "delimiter": "\t",
        "sheet": "Daten",
        "missing": ["-9", "k.A."],
        "columns": {"A=B": "magnesium"},
        "units": {"magnesium": "mg/dL"},
        "codes": {"sex": {"1": "male", "2": None}, "ppi": {"x": 1.0}},
    }
    assert set(read) | {"path", "on_fault", "name"} == set(inspect.signature(cs.datasets.read_study).parameters)
    assert study_arguments(arguments.parser().parse_args(["check", "study.csv"])) == {}


@pytest.mark.parametrize("name", arguments.PACKAGED)
def test_the_help_names_columns_that_are_there(name: str) -> None:
    described = re.search(rf"^  {name} +.*?: (\w+(?:,\s+\w+)+)", arguments.PREVALENCE, re.MULTILINE)
    columns = set(getattr(cs.datasets, name)().data)
    assert columns - {"stratum", "cluster", "n", "weight"} == set(re.split(r",\s+", described[1]))

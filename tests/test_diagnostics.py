"""Studies repeated: that the measures are those of Morris, White and Crowther, and that nothing is lost on the way."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

import crampstats as cs
from crampstats.diagnostics import (
    Analysis,
    Coefficients,
    Mean,
    Performance,
    Prevalence,
    StandardizedContrast,
    Study,
    diagnose,
)
from crampstats.diagnostics.measures import measures
from crampstats.diagnostics.replicates import terms_of
from crampstats.errors import CrampstatsError, DesignError, QuestionError, SchemaError
from crampstats.population import Response, SamplingPlan
from crampstats.population.populations import Population

if TYPE_CHECKING:
    from pathlib import Path

SEED = 20261125
MEAN, VILLAGES = 0.85, 40


@dataclass(frozen=True)
class VillageStudy(Study):
    """Villages whose people are alike, 10 of them drawn; the truth of all who might live is `MEAN`."""

    def simulated(self, seed: int) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        village = np.arange(self.people) % VILLAGES
        level = MEAN + 0.05 * rng.standard_normal(VILLAGES)[village] + 0.05 * rng.standard_normal(self.people)
        return pd.DataFrame(
            {
                "village": village,
                "region": np.where(village < VILLAGES // 2, "north", "south"),
                "sex": np.where(rng.random(self.people) < 0.5, "female", "male"),
                "magnesium_mmol_l": level,
                "true_level": level,
            }
        )

    def drawn(self, people: pd.DataFrame, *, rng: np.random.Generator) -> cs.Survey:
        """Return 5 villages of each region, labelled from 0 in each, those of the north with a smaller weight."""
        chosen = np.concatenate([rng.choice(20, 5, replace=False), 20 + rng.choice(20, 5, replace=False)])
        sample = people[people["village"].isin(chosen)].drop(columns=[] if self.truth_columns else "true_level")
        sample = sample.assign(label=sample["village"] % 20, weight=np.where(sample["region"] == "north", 1.0, 3.0))
        sample = sample.reset_index(drop=True).assign(villages=20)
        return cs.Survey(
            sample,
            weight="weight",
            stratum="region",
            cluster="label",
            cluster_labels="nested",
            population_size="villages" if self.target == "finite population" else None,
        )


@dataclass(frozen=True)
class NormalStudy(Study):
    """Everybody is asked, nobody is like another: the t interval of the mean is exact."""

    def simulated(self, seed: int) -> pd.DataFrame:
        return pd.DataFrame({"x": np.random.default_rng(seed).normal(MEAN, 0.1, self.people)})

    def drawn(self, people: pd.DataFrame, *, rng: np.random.Generator) -> cs.Survey:
        return cs.Survey(people)


def plan() -> SamplingPlan:
    """Return a plan that studies need and those above do not look at."""
    return SamplingPlan(people=10)


def normal_study(analyses: dict, people: int = 30, **changes: object) -> NormalStudy:
    return NormalStudy(Population(), people, plan(), analyses, "superpopulation", **changes)


def village_study(analyses: dict, target: str = "superpopulation", **changes: object) -> VillageStudy:
    return VillageStudy(Population(), 400, plan(), analyses, target, **changes)


def fails_sometimes(survey: cs.Survey) -> cs.Estimate:
    """Return the mean, or refuse to where it is high."""
    estimate = cs.mean(survey, "x" if "x" in survey.data else "magnesium_mmol_l")
    if estimate.value[0] > MEAN:
        raise DesignError(f"the mean of {len(survey)} people is high.")
    return estimate


def fails_always(survey: cs.Survey) -> cs.Estimate:
    raise DesignError("this never works.")


def crashes(survey: cs.Survey) -> cs.Estimate:
    raise ZeroDivisionError("a fault of the estimator")


def returns_a_number(survey: cs.Survey) -> float:
    return 1.0


def twice(survey: cs.Survey) -> cs.Estimate:
    both = cs.prevalence(survey, {"a": "x > 0.8", "b": "x > 0.9"})
    return replace(both, labels=both.labels.assign(term="a"))


def not_a_number(survey: cs.Survey) -> cs.Estimate:
    """Return two terms, the first of them NaN where the mean is high, with numpy's warning of it."""
    both = cs.prevalence(survey, {"a": "x > 0.8", "b": "x > 0.9"}, interval_method="wald")
    high = np.array([float(survey.data["x"].mean() > MEAN), 0.0])
    return replace(both, value=both.value + np.array(0.0) / (1 - high) * high)


def has_a_term_sometimes(survey: cs.Survey) -> cs.Estimate:
    cases = {"always": "x > 0.8"} | ({"rare": "x > 0.9"} if survey.data["x"].mean() > MEAN else {})
    return cs.prevalence(survey, cases)


def test_measures_are_those_computed_by_hand() -> None:
    told = measures(
        np.array([1.0, 2.0, 4.0]),
        np.array([1.0, 1.0, 2.0]),
        np.array([0.0, 2.0, 2.2]),
        np.array([1.9, 3.0, 6.0]),
        truth=2.0,
        null=0.0,
    )
    ratio = np.sqrt(2) / np.sqrt(7 / 3)
    expected = {
        "truth": 2,
        "truth_error": 0,
        "mean": 7 / 3,
        "bias": 1 / 3,
        "bias_error": np.sqrt(7) / 3,
        "bias_z": 1 / np.sqrt(7),
        "empirical_se": np.sqrt(7 / 3),
        "empirical_se_error": np.sqrt(7 / 3) / 2,
        "model_se": np.sqrt(2),
        "model_se_error": np.sqrt(1 / 8),
        "relative_error_pct": 100 * (ratio - 1),
        "relative_error_pct_error": 25 * ratio * np.sqrt(5),
        "mse": 5 / 3,
        "mse_error": np.sqrt(13) / 3,
        "coverage": 1 / 3,  # an end belongs to its interval: the second one holds 2
        "coverage_error": np.sqrt(2 / 27),
        "bias_eliminated_coverage": 2 / 3,
        "bias_eliminated_coverage_error": np.sqrt(2 / 27),
        "power": 2 / 3,
        "power_error": np.sqrt(2 / 27),
    }
    assert told.pop("note") == ""
    assert list(told) == list(expected)
    assert told == pytest.approx(expected, rel=1e-12)


def test_the_error_of_the_truth_enters_the_error_of_the_bias_alone() -> None:
    arguments = [np.array([1.0, 2.0, 4.0]), np.ones(3), np.zeros(3), np.full(3, 3.0)]
    exact, found = measures(*arguments, truth=2.0), measures(*arguments, truth=2.0, truth_error=1.5)
    assert found["bias_error"] == pytest.approx(np.sqrt(7 / 9 + 1.5**2))
    assert {name for name in exact if exact[name] != found[name]} == {"truth_error", "bias_error", "bias_z"}


def test_monte_carlo_errors_are_the_spread_of_the_measures() -> None:
    """2,000 simulation studies of 200 normal replicates: an error has to be the spread of its measure over them."""
    rng, told = np.random.default_rng(SEED), []
    for _ in range(2000):
        samples = rng.normal(0, 1, (200, 12))
        value, error = samples.mean(axis=1), samples.std(axis=1, ddof=1) / np.sqrt(12)
        told.append(measures(value, error, value - 2.2 * error, value + 2.2 * error, truth=0.1, null=0.7))
    table = pd.DataFrame(told)
    for name in ("bias", "empirical_se", "model_se", "relative_error_pct", "mse", "coverage", "power"):
        # The spread of 2,000 numbers is itself known to 1/sqrt(4000), 1.6 %.
        assert table[f"{name}_error"].mean() / table[name].std() == pytest.approx(1, abs=0.06), name


@pytest.mark.parametrize(
    ("size", "note", "known"),
    [
        (0, "no replicate gives an estimate", set()),
        (1, "one replicate only: it has no spread", {"mean", "bias", "model_se", "mse", "coverage", "power"}),
    ],
)
def test_what_few_replicates_cannot_tell_is_missing_and_said(size: int, note: str, known: set[str]) -> None:
    told = measures(*np.ones((4, size)), truth=1.0, null=0.0)
    assert told.pop("note") == note
    there = {name for name, value in told.items() if np.isfinite(value)}
    shares = {"coverage_error", "bias_eliminated_coverage", "bias_eliminated_coverage_error", "power_error"}
    assert there == {"truth", "truth_error"} | known | (shares if known else set())


def test_replicates_that_are_alike_are_told() -> None:
    told = measures(np.ones(3), np.zeros(3), np.ones(3), np.ones(3), truth=1.0)
    assert told["note"] == "all replicates give the same estimate; all standard errors are 0"
    assert np.isnan(told["bias_z"])
    assert np.isnan(told["relative_error_pct"])
    assert told["bias"] == told["empirical_se"] == told["model_se"] == 0


def test_a_mean_of_normal_values_keeps_what_it_promises() -> None:
    repeats = 1000
    study = normal_study({"mean": Mean("x")})
    result = diagnose(study, truth=MEAN, repeats=repeats, seed=SEED, null=MEAN)
    (row,) = result.to_frame().to_dict("records")
    assert row["coverage"] == pytest.approx(0.95, abs=3 * np.sqrt(0.95 * 0.05 / repeats))
    assert row["power"] == pytest.approx(1 - row["coverage"])
    assert row["empirical_se"] == pytest.approx(0.1 / np.sqrt(30), abs=3 * row["empirical_se_error"])
    assert row["model_se"] == pytest.approx(0.1 / np.sqrt(30), abs=3 * row["model_se_error"])
    assert row["relative_error_pct"] == pytest.approx(0, abs=3 * row["relative_error_pct_error"])
    assert abs(row["bias_z"]) < 3
    assert (row["failures"], row["failure_rate"], row["note"]) == (0, 0, "")
    narrow = diagnose(study, truth=MEAN, repeats=repeats, seed=SEED, level=0.5).to_frame().loc[0]
    assert narrow["coverage"] == pytest.approx(0.5, abs=3 * np.sqrt(0.25 / repeats))


def test_each_replicate_is_simulated_drawn_and_estimated_from_its_own_seed() -> None:
    study = village_study({"mean": Mean("magnesium_mmol_l")})
    result = diagnose(study, truth=MEAN, repeats=3, seed=SEED)
    for index, row in enumerate(result.replicates.to_dict("records")):
        people, sample = np.random.SeedSequence(SEED, spawn_key=(index,)).spawn(2)
        survey = study.drawn(
            study.simulated(int(people.generate_state(1, np.uint64)[0])), rng=np.random.default_rng(sample)
        )
        expected = cs.mean(survey, "magnesium_mmol_l").to_frame().loc[0]
        assert row["replicate"] == index
        assert all(row[name] == expected[name] for name in ("estimate", "std_error", "conf_low", "conf_high"))


def test_the_target_decides_whether_new_people_live() -> None:
    """Where everybody is asked, replicates of one finite population are all alike."""
    fixed = NormalStudy(Population(), 30, plan(), {"mean": Mean("x")}, "finite population")
    new = normal_study({"mean": Mean("x")})
    alike, unlike = (diagnose(study, truth=MEAN, repeats=5, seed=1).replicates["estimate"] for study in (fixed, new))
    assert [len(set(alike)), len(set(unlike))] == [1, 5]


@pytest.mark.parametrize("target", ["superpopulation", "finite population"])
def test_two_workers_give_the_same_bits(target: str) -> None:
    analyses = {
        "right": Mean("magnesium_mmol_l", by=["sex"]),
        "naive": Analysis(Mean("magnesium_mmol_l", by=["sex"]), ignore=("cluster", "weight")),
        "failing": fails_sometimes,
    }
    study = village_study(analyses, target, columns=None)
    truth = {name: {f"magnesium_mmol_l (sex = {sex})": MEAN for sex in ("female", "male")} for name in analyses}
    truth["failing"] = 1.0
    alone, together = (diagnose(study, truth=truth, repeats=40, seed=SEED, workers=n) for n in (1, 2))
    assert len(alone.failures) > 0
    for name in ("replicates", "failures", "expected"):
        pd.testing.assert_frame_equal(getattr(alone, name), getattr(together, name), check_exact=True)
    numbers = alone.replicates.select_dtypes("number").to_numpy()
    assert np.array_equal(numbers, together.replicates.select_dtypes("number").to_numpy())


def test_a_replicate_does_not_depend_on_how_many_there_are() -> None:
    study = village_study({"mean": Mean("magnesium_mmol_l")})
    few, many = (diagnose(study, truth=MEAN, repeats=n, seed=SEED).replicates for n in (4, 9))
    pd.testing.assert_frame_equal(few, many.head(4), check_exact=True)
    other = diagnose(study, truth=MEAN, repeats=4, seed=SEED + 1).replicates
    assert not set(few["estimate"]) & set(other["estimate"])


def test_ignoring_clusters_gives_errors_that_are_too_small_on_the_same_draws() -> None:
    mean = Mean("magnesium_mmol_l")
    analyses = {
        "right": mean,
        "without clusters": Analysis(mean, ignore=("cluster",)),
        "without weights": Analysis(mean, ignore=("weight",)),
        "without strata": Analysis(mean, ignore=("stratum",)),
    }
    result = diagnose(village_study(analyses), truth=MEAN, repeats=100, seed=SEED)
    wide = result.replicates.pivot_table(index="replicate", columns="analysis", values=["estimate", "std_error"])
    values, errors = wide["estimate"], wide["std_error"]
    np.testing.assert_allclose(values["right"], values["without clusters"], rtol=1e-12)
    np.testing.assert_allclose(values["right"], values["without strata"], rtol=1e-12)
    assert (values["right"] - values["without weights"]).abs().min() > 1e-6
    assert errors["without clusters"].mean() < 0.5 * errors["right"].mean()
    # Labels start again in each region: with clusters merged across regions there would be 4 to 9 degrees of freedom.
    assert (errors["without strata"] / errors["right"]).between(0.8, 2.5).all()
    table = result.to_frame().set_index("analysis")
    assert table.loc["right", "coverage"] == pytest.approx(0.95, abs=3 * np.sqrt(0.95 * 0.05 / 100))
    assert table.loc["without clusters", "coverage"] < 0.85
    assert table.loc["without clusters", "relative_error_pct"] < -20


def test_what_is_ignored_is_gone_and_the_rest_stays() -> None:
    study = village_study({"mean": Mean("magnesium_mmol_l")}, "finite population")
    sample = study.drawn(study.simulated(1), rng=np.random.default_rng(1))
    assert Analysis(Mean("x")).seen(sample) is sample

    def design(*ignore: str) -> tuple:
        seen = Analysis(Mean("x"), ignore=ignore).seen(sample)
        return seen.weight, seen.stratum, seen.cluster, seen.population_size, seen.design.clusters

    assert design("weight") == (None, "region", "label", "villages", 10)
    assert design("cluster") == ("weight", "region", None, None, 100)
    assert design("stratum") == ("weight", None, "label of region", None, 10)
    assert design("population_size") == ("weight", "region", "label", None, 10)
    assert design("weight", "stratum", "cluster") == (None, None, None, None, 100)


def test_a_census_asks_everybody_once() -> None:
    analyses = {
        "right": Mean("magnesium_mmol_l", by=["sex"]),
        "naive": Analysis(Mean("magnesium_mmol_l", by=["sex"]), ignore=("cluster", "weight", "stratum")),
    }
    study = village_study(analyses, "finite population", define={"low": "magnesium_mmol_l < 0.8"}, where="low == 0")
    result = diagnose(study, truth="census", repeats=4, seed=SEED)
    people = study.simulated(int(np.random.SeedSequence(SEED).generate_state(1, np.uint64)[0]))
    means = people[people["magnesium_mmol_l"] >= 0.8].groupby("sex")["magnesium_mmol_l"].mean()
    table = result.to_frame()
    assert table["term"].tolist() == ["magnesium_mmol_l (sex = female)", "magnesium_mmol_l (sex = male)"] * 2
    np.testing.assert_allclose(table["truth"], [*means, *means], rtol=1e-12)
    assert (table["truth_error"] == 0).all()
    assert result.target == "finite population"
    assert "target finite population" in repr(result)


def test_a_census_covers_in_a_finite_population() -> None:
    study = village_study({"mean": Mean("magnesium_mmol_l")}, "finite population")
    table = diagnose(study, truth="census", repeats=200, seed=SEED).to_frame()
    # The weights of the study are not those of its draws, so the mean is off; its spread is what the design says.
    assert table.loc[0, "relative_error_pct"] == pytest.approx(0, abs=3 * table.loc[0, "relative_error_pct_error"])
    assert table.loc[0, "bias_eliminated_coverage"] == pytest.approx(0.95, abs=3 * np.sqrt(0.95 * 0.05 / 200))


def test_a_census_that_fails_says_all_that_fail() -> None:
    analyses = {"one": fails_always, "two": Coefficients("x ~ nobody", "gaussian"), "three": Mean("x")}
    study = NormalStudy(Population(), 30, plan(), analyses, "finite population")
    with pytest.raises(SchemaError, match=r"truth='census': 2 faults(.|\n)*one: fails on all people: this never works"):
        diagnose(study, truth="census", repeats=2, seed=1)


def test_failures_are_counted_and_kept_with_their_reasons() -> None:
    study = normal_study({"fails": fails_sometimes, "works": Mean("x")})
    result = diagnose(study, truth=MEAN, repeats=60, seed=SEED)
    works = result.replicates[result.replicates["analysis"] == "works"]
    high = works.loc[works["estimate"] > MEAN, "replicate"].tolist()
    assert 0 < len(high) < 60
    assert result.failures["replicate"].tolist() == high
    assert set(result.failures["analysis"]) == {"fails"}
    assert set(result.failures["message"]) == {"the mean of 30 people is high."}
    table = result.to_frame().set_index("analysis")
    share = len(high) / 60
    assert table.loc["fails", "failures"] == len(high)
    assert table.loc["fails", "failure_rate"] == share
    assert table.loc["fails", "failure_rate_error"] == pytest.approx(np.sqrt(share * (1 - share) / 60))
    assert table.loc["works", "failures"] == 0
    assert table.loc["fails", "mean"] == pytest.approx(works.loc[works["estimate"] <= MEAN, "estimate"].mean())
    assert "failures" in repr(result)


def test_what_is_no_number_is_a_failure_and_no_warning() -> None:
    result = diagnose(normal_study({"a": not_a_number}), truth={"a": 0.7, "b": 0.3}, repeats=40, seed=SEED)
    assert set(result.failures["term"]) == {"a"}
    assert result.failures["message"].str.startswith("not a finite number: estimate nan, std_error 0.").all()
    table = result.to_frame().set_index("term")
    assert table.loc["a", "failures"] == len(result.failures) > 0
    assert table.loc["b", "failures"] == 0
    assert np.isfinite(result.replicates.select_dtypes("number").to_numpy()).all()


def test_a_term_that_a_sample_lacks_is_a_failure() -> None:
    result = diagnose(normal_study({"a": has_a_term_sometimes}), truth={"always": 0.7, "rare": 0.3}, repeats=40, seed=1)
    assert set(result.failures["term"]) == {"rare"}
    assert set(result.failures["message"]) == {"the sample gives no estimate of this term"}
    table = result.to_frame().set_index("term")
    assert len(result.failures) == table.loc["rare", "failures"]
    assert 0 < table.loc["rare", "failures"] < 40
    assert table.loc["always", "failures"] == 0


def test_failing_in_all_replicates_is_one_error() -> None:
    study = normal_study({"never": fails_always, "works": Mean("x"), "typo": Mean("z")})
    with pytest.raises(CrampstatsError) as caught:
        diagnose(study, truth=MEAN, repeats=5, seed=1)
    lines = str(caught.value).splitlines()
    assert lines[0] == "2 analyses failed in all 5 replicates."
    assert lines[1] == "  - never: this never works."
    assert lines[2].startswith("  - typo: ")


def test_a_domain_that_is_empty_fails_every_analysis() -> None:
    study = normal_study({"a": Mean("x"), "b": Prevalence("x > 0.8")}, where="x > 5")
    with pytest.raises(CrampstatsError, match="2 analyses failed in all 3 replicates"):
        diagnose(study, truth=MEAN, repeats=3, seed=1)


@pytest.mark.parametrize("workers", [1, 2])
def test_other_exceptions_end_the_run_and_say_where(workers: int) -> None:
    with pytest.raises(ZeroDivisionError, match="a fault of the estimator") as caught:
        diagnose(normal_study({"a": crashes}), truth=MEAN, repeats=4, seed=1, workers=workers)
    assert caught.value.__notes__[0].startswith("In replicate ")
    assert caught.value.__notes__[0].endswith(", analysis 'a'.")


SCRIPT = """
import crampstats as cs
from crampstats.diagnostics import Mean, Study, diagnose
from crampstats.population.populations import Population
from crampstats.population import SamplingPlan

def mine(survey):
    return cs.mean(survey, "age_years")

study = Study(Population(), 100, SamplingPlan(people=50), {"a": ESTIMATOR}, "finite population", columns=["age_years"])
diagnose(study, truth="census", repeats=4, seed=1, workers=2)
"""


@pytest.mark.parametrize(
    ("estimator", "as_file", "said"),
    [
        ("Mean('age_years')", True, "In a script the call has to stand below"),
        ("mine", False, "does not find an estimator"),
    ],
)
def test_what_workers_cannot_do_is_told_and_does_not_wait(
    estimator: str, as_file: bool, said: str, tmp_path: Path
) -> None:
    """A script without a guarded main part, and an estimator of a session that no worker can import."""
    text, file = SCRIPT.replace("ESTIMATOR", estimator), tmp_path / "script.py"
    file.write_text(text, encoding="utf-8")
    call = [sys.executable, *([str(file)] if as_file else ["-c", text])]
    ran = subprocess.run(call, capture_output=True, text=True, check=False, timeout=120, encoding="utf-8")
    assert ran.returncode == 1
    assert [line for line in ran.stderr.splitlines() if said in line and "CrampstatsError" in line] != []


@pytest.mark.parametrize(
    ("estimator", "said"), [(returns_a_number, "not a float"), (twice, "two estimates the name 'a'")]
)
def test_what_an_estimator_may_not_return(estimator: object, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        diagnose(normal_study({"a": estimator}), truth={"a": 1.0}, repeats=2, seed=1)


def test_nothing_is_written_where_no_terminal_is(capfd: pytest.CaptureFixture[str]) -> None:
    study = normal_study({"a": Mean("x")})
    first = diagnose(study, truth=MEAN, repeats=3, seed=1)
    second = diagnose(study, truth=MEAN, repeats=3, seed=1, progress=False)
    pd.testing.assert_frame_equal(first.to_frame(), second.to_frame(), check_exact=True)
    assert capfd.readouterr() == ("", "")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("progress", [True, False])
def test_a_terminal_shows_a_bar_with_the_failures_unless_told_not_to(
    progress: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr("tqdm.std.tqdm.monitor_interval", 0)  # no thread that outlives the test
    diagnose(normal_study({"a": fails_sometimes}), truth=MEAN, repeats=20, seed=1, progress=progress)
    assert ("| 0/20 [" in terminal.getvalue()) == progress
    assert (terminal.getvalue() == "") != progress


def test_every_fault_of_the_arguments_is_told_at_once() -> None:
    study = normal_study({"a": lambda survey: cs.mean(survey, "x"), "b": Mean("x")})
    with pytest.raises(SchemaError) as caught:
        diagnose(study, truth={"a": {"x": 1.0}, "c": "x"}, null=np.nan, repeats=1, seed=-1, workers=2, level=95)
    assert [fault.column for fault in caught.value.faults] == [
        "repeats",
        "seed",
        "level",
        "truth",
        "truth",
        "truth",
        "null",
        "workers",
    ]
    with pytest.raises(SchemaError, match="no census of the target 'superpopulation'"):
        diagnose(study, truth="census", repeats=2, seed=1)
    with pytest.raises(CrampstatsError, match="has to be a Study"):
        diagnose("study", truth=1.0, repeats=2, seed=1)


@pytest.mark.parametrize(
    ("truth", "said"),
    [
        ({"low": 0.1}, ["'a' has no truth for its term 'high'", "'b' has no truth for its term 'other'"]),
        (0.1, ["analysis 'a' has several terms"]),
        ({"a": {"low": 0.1, "high": 0.1}, "b": {"else": 0.1}}, ["'b' has no truth for its term 'other'"]),
    ],
)
def test_terms_without_a_truth_are_told_at_once(truth: object, said: list[str]) -> None:
    study = normal_study({"a": Prevalence({"low": "x < 0.8", "high": "x > 0.9"}), "b": Prevalence({"other": "x > 1"})})
    with pytest.raises(SchemaError) as caught:
        diagnose(study, truth=truth, repeats=2, seed=1)
    assert [text for text, fault in zip(said, caught.value.faults, strict=True) if text not in str(fault)] == []


@dataclass(frozen=True)
class FoundTruth:
    value: float
    std_error: float


def test_truths_come_in_several_forms() -> None:
    analyses = {"a": Prevalence({"low": "x < 0.8"}), "b": Mean("x")}
    study = normal_study(analyses)
    forms = [
        {"a": 0.3, "b": FoundTruth(0.85, 0.01)},
        {"low": np.float64(0.3), "x": FoundTruth(0.85, 0.01)},
        {"a": {"low": 0.3}, "b": {"x": FoundTruth(0.85, 0.01)}},
    ]
    tables = [diagnose(study, truth=form, null={"low": 0, "x": 1}, repeats=4, seed=1).to_frame() for form in forms]
    assert tables[0]["truth"].tolist() == [0.3, 0.85]
    assert tables[0]["truth_error"].tolist() == [0, 0.01]
    assert tables[0]["power"].tolist() == [1, 1]
    exact = tables[0].loc[1, "empirical_se"] / 2
    assert tables[0].loc[1, "bias_error"] == pytest.approx(np.hypot(exact, 0.01))
    for table in tables[1:]:
        pd.testing.assert_frame_equal(table, tables[0], check_exact=True)


def test_every_fault_of_a_study_is_told_at_once() -> None:
    with pytest.raises(SchemaError) as caught:
        NormalStudy("people", 0, None, {"a": 1}, "everybody", {"low": "x <"}, "x", "and", "ppi", "x")
    assert [fault.column for fault in caught.value.faults] == [
        "population",
        "plan",
        "people",
        "target",
        "do",
        "observed",
        "columns",
        "analyses",
        "low",
        "where",
    ]
    with pytest.raises(SchemaError, match="analyses: is empty"):
        normal_study({})
    with pytest.raises(SchemaError, match=r"Analysis: 2 faults(.|\n)*'sex' is unknown(.|\n)*cannot be called"):
        Analysis(3, ignore="sex")


def test_a_study_is_a_value_that_does_not_follow_what_it_was_made_of() -> None:
    analyses, define = {"a": Mean("x")}, {"low": "x < 0.8"}
    study = normal_study(analyses, define=define)
    analyses["b"], define["high"] = Mean("x"), "x > 1"
    assert list(study.analyses) == ["a"]
    assert list(study.define) == ["low"]
    assert study.analyses["a"] == Analysis(Mean("x"))
    assert pickle.loads(pickle.dumps(study)) == study


def test_samples_carry_no_truth_unless_asked() -> None:
    study = village_study({"a": Mean("true_level")}, "finite population")
    with pytest.raises(SchemaError, match="true_level"):
        diagnose(study, truth="census", repeats=2, seed=1)
    asked = replace(study, truth_columns=True)
    assert len(diagnose(asked, truth="census", repeats=2, seed=1).replicates) == 2


def test_estimators_say_what_the_functions_say() -> None:
    cramps = cs.datasets.nhanes_cramps().observed("cramp_class").define(frequent="cramp_class >= 3")
    model = cs.fit(cramps, "frequent ~ sex + age_group", family="poisson")
    women, men = (cs.g_formula(model, {"sex": sex}) for sex in ("female", "male"))
    settings = {"exposed": {"sex": "female"}, "reference": {"sex": "male"}}
    formula = "frequent ~ sex + age_group"
    pairs = [
        (
            Prevalence("frequent", by=["sex"], interval_method="logit"),
            cs.prevalence(cramps, "frequent", by=["sex"], interval_method="logit"),
        ),
        (Mean("cramp_class", by=["sex"]), cs.mean(cramps, "cramp_class", by=["sex"])),
        (Coefficients(formula, "poisson"), model.coefficients),
        (StandardizedContrast(formula, "poisson", **settings), cs.difference(women, men)),
        (
            StandardizedContrast(formula, "poisson", **settings, measure="ratio", label="women / men"),
            cs.ratio(women, men),
        ),
    ]
    for estimator, expected in pairs:
        found = pickle.loads(pickle.dumps(estimator))(cramps)
        pd.testing.assert_frame_equal(
            found.to_frame().drop(columns="term"), expected.to_frame().drop(columns="term"), check_exact=True
        )
    some = Coefficients(formula, "poisson", terms=["age_group[T.60+]", "sex[T.female]"])(cramps)
    assert some.labels["term"].tolist() == ["sex[T.female]", "age_group[T.60+]"]
    assert terms_of(pairs[1][1]) == ("cramp_class (sex = male)", "cramp_class (sex = female)")
    assert terms_of(pairs[4][0](cramps)) == ("women / men",)


def test_estimators_refuse_what_they_cannot_do() -> None:
    survey = cs.Survey(pd.DataFrame({"x": [1.0, 2, 4, 3], "y": [0.0, 1, 0, 1]}))
    with pytest.raises(QuestionError, match="no coefficient 'z', 'w'; it has 'Intercept', 'y'"):
        Coefficients("x ~ y", "gaussian", terms=["z", "y", "w"])(survey)
    with pytest.raises(QuestionError, match="terms='y' has to be a list"):
        Coefficients("x ~ y", "gaussian", terms="y")
    with pytest.raises(CrampstatsError, match="choose from difference, ratio"):
        StandardizedContrast("x ~ y", "gaussian", {"y": 1}, {"y": 0}, measure="odds")
    with pytest.raises(QuestionError, match="has to be a list of columns"):
        Mean("x", by="y")(survey)


@pytest.mark.parametrize("reference", [{"diabetes": False}, {"diabetes": 0.0}, {"diabetes": "diabetes * 0"}])
def test_settings_of_other_kinds_share_a_matrix(reference: dict) -> None:
    classes = cs.datasets.nhanes_magnesium("packaged_diabetes").observed("magnesium_class", "diabetes")
    people = classes.define(low="magnesium_class in ['at most 1.6', '1.7']")
    asked = "low ~ sex + diabetes", "binomial"
    found = StandardizedContrast(*asked, {"diabetes": True}, reference)(people)
    model = cs.fit(people, asked[0], family=asked[1])
    expected = cs.difference(cs.g_formula(model, {"diabetes": 1}), cs.g_formula(model, {"diabetes": 0}))
    assert found.value == pytest.approx(expected.value, rel=1e-12)
    assert found.std_error == pytest.approx(expected.std_error, rel=1e-10)


SAMPLED = SamplingPlan(stratum="region", cluster="village", clusters=6, cluster_chance="size", people=10)


def real_study(target: str, **changes: object) -> Study:
    """Return a small two-stage survey of the packaged population."""
    low = Prevalence({"low": "low_magnesium"})
    settings = {
        "people": 4000,
        "plan": SAMPLED,
        "analyses": {
            "right": low,
            "naive": Analysis(low, ignore=("weight", "stratum", "cluster")),
            "odds": Coefficients("low_magnesium ~ sex + age_group", "binomial", terms=["sex[T.female]"]),
            "risk": StandardizedContrast(
                "low_magnesium ~ sex + age_group", "binomial", {"sex": "female"}, {"sex": "male"}, label="risk"
            ),
        },
        "define": {"low_magnesium": "magnesium_mg_dl <= 1.9"},
        "where": "age_years < 80",
        "columns": ["sex", "age_group"],
    }
    return Study(Population(), target=target, **{**settings, **changes})


def test_the_simulated_population_is_studied_alike_by_one_and_two() -> None:
    study = real_study("finite population")
    alone, together = (diagnose(study, truth="census", repeats=12, seed=SEED, workers=n) for n in (1, 2))
    for name in ("replicates", "failures", "expected"):
        pd.testing.assert_frame_equal(getattr(alone, name), getattr(together, name), check_exact=True)
    people = study.simulated(int(np.random.SeedSequence(SEED).generate_state(1, np.uint64)[0]))
    asked = people[people["age_years"] < 80]
    table = alone.to_frame().set_index("analysis")
    assert table.loc["right", "truth"] == pytest.approx((asked["magnesium_mg_dl"] <= 1.9).mean(), rel=1e-12)
    assert (table["bias_z"].drop("naive").abs() < 4).all()
    assert len(alone.failures) == 0


def test_a_study_simulates_what_it_names_and_no_more() -> None:
    study = real_study("superpopulation")
    few, all_of_them = study.simulated(1), replace(study, columns=None).simulated(1)
    assert set(few.columns) == {"sex", "age_group", "region", "village", "age_years", "magnesium_mg_dl"}
    pd.testing.assert_frame_equal(few, all_of_them[list(few.columns)], check_exact=True)
    forced = replace(study, do={"sex": "female"}).simulated(1)
    assert (forced["sex"] == "female").all()


def test_the_analyses_may_ask_for_known_values_first() -> None:
    plan_with_gaps = SamplingPlan(people=200, item_response={"magnesium_mg_dl": Response(chance=0.8)})
    changes = {"plan": plan_with_gaps, "analyses": {"mean": Mean("magnesium_mg_dl")}, "define": {}, "where": None}
    lacking = real_study("superpopulation", **changes)
    with pytest.raises(CrampstatsError, match=r"failed in all 2 replicates.(.|\n)*first ask observed"):
        diagnose(lacking, truth=2.0, repeats=2, seed=1)
    known = replace(lacking, observed=["magnesium_mg_dl"])
    assert len(diagnose(known, truth=2.0, repeats=2, seed=1).replicates) == 2


def test_a_plan_that_cannot_be_carried_out_is_told() -> None:
    study = real_study("superpopulation", plan=replace(SAMPLED, clusters=10_000))
    with pytest.raises(CrampstatsError, match=r"4 analyses failed in all 2 replicates(.|\n)*no sample: "):
        diagnose(study, truth=0.1, repeats=2, seed=1)


def test_a_performance_shows_itself_briefly() -> None:
    result = diagnose(normal_study({"a": Mean("x")}), truth=MEAN, repeats=5, seed=7, level=0.9)
    assert isinstance(result, Performance)
    assert repr(result).startswith(
        "<Performance in 5 samples: target superpopulation, 90 % intervals, seed 7>\nanalysis term"
    )
    assert "power" not in result.to_frame()
    page = result._repr_html_()
    assert page.count("<tr") == 2
    assert "target superpopulation" in page
    assert "bias_eliminated" not in page

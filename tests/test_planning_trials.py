"""Trials that are repeated: their analyses, their diagnosis, and power over sizes."""

import math

import numpy as np
import pandas as pd
import pytest
from declared import small_population

from crampstats import figures
from crampstats.diagnostics import Coefficients, Mean, MeanContrast, TrialStudy, diagnose
from crampstats.errors import CrampstatsError, SchemaError
from crampstats.figures.power_curves import draw_power
from crampstats.planning import ProportionComparison, RateComparison, conditional_power, power_curve, power_of
from crampstats.planning.power_curves import FirstPeople
from crampstats.population import Arm, TrialPlan, simulate_trial
from crampstats.survey import Survey

OFTEN = "run_in_cramps >= 4"
PLACEBO, TABLET = Arm(name="placebo"), Arm(name="tablet", rate_ratio=0.5)


def plan(**options: object) -> TrialPlan:
    return TrialPlan(**({"arms": [PLACEBO, TABLET], "eligible": OFTEN, "rate": "true_rate"} | options))


def trial(n: int = 200, columns: tuple[str, ...] = ()) -> pd.DataFrame:
    return simulate_trial(small_population(), plan(), n=n, seed=3, columns=columns)


CHANGE = MeanContrast("cramps / weeks - run_in_cramps / run_in_weeks", "arm", "tablet", "placebo")
RATES = Coefficients("cramps ~ arm", "poisson", terms=["arm[T.tablet]"], exposure="weeks")
WITHIN = MeanContrast("cramps / weeks", "arm", "tablet", "placebo")


def study(people: int = 100, analyses: dict | None = None, **options: object) -> TrialStudy:
    return TrialStudy(small_population(), people, plan(**options), analyses or {"change": CHANGE, "rates": RATES})


def test_a_mean_contrast_is_the_difference_of_two_means() -> None:
    survey = Survey(trial().drop(columns=["true_rate", "true_rate_per_week"]))
    found = CHANGE(survey)
    change = survey.data["cramps"] / 4 - survey.data["run_in_cramps"] / 2
    arms = [change[survey.data["arm"] == arm] for arm in ("tablet", "placebo")]
    assert found.value[0] == pytest.approx(arms[0].mean() - arms[1].mean(), rel=1e-12)
    error = math.sqrt(sum(arm.var(ddof=0) / len(arm) for arm in arms) * 200 / 199)
    assert found.std_error[0] == pytest.approx(error, rel=1e-12)
    assert found.labels["term"].tolist() == ["tablet − placebo"]
    ratio = MeanContrast("cramps", "arm", "tablet", "placebo", measure="ratio")(survey)
    assert ratio.value[0] == pytest.approx(
        survey.data.groupby("arm", observed=True)["cramps"].mean()["tablet"]
        / survey.data.groupby("arm", observed=True)["cramps"].mean()["placebo"]
    )
    with pytest.raises(CrampstatsError, match="measure='odds' is unknown: choose from difference, ratio"):
        MeanContrast("cramps", "arm", "tablet", "placebo", measure="odds")


def test_in_a_crossover_the_contrast_is_paired_by_the_clusters() -> None:
    one = study(60, {"within": WITHIN}, design="crossover")
    survey = one.drawn(one.simulated(1), rng=np.random.default_rng(1))
    wide = survey.data.pivot_table(index="person", columns="arm", values="cramps", aggfunc="first", observed=True)
    differences = (wide["tablet"] - wide["placebo"]).astype(float) / 4
    found = WITHIN(survey)
    assert found.value[0] == pytest.approx(differences.mean(), rel=1e-12)
    assert found.std_error[0] == pytest.approx(differences.std(ddof=1) / math.sqrt(60), rel=1e-12)
    assert found.df[0] == 59


def test_an_analyst_sees_no_truth_and_columns_that_questions_name() -> None:
    one = TrialStudy(
        small_population(),
        50,
        plan(),
        {"older": CHANGE},
        where="old == 1",
        define={"old": "age_years >= 50"},
        columns=["sex"],
    )
    seen = one.drawn(one.simulated(1), rng=np.random.default_rng(1))
    assert {"sex", "age_years"} < set(seen.data.columns)
    assert not [name for name in seen.data.columns if name.startswith("true_")]
    asked = one.asked(seen)
    assert 0 < asked.people == int((seen.data["age_years"] >= 50).sum()) < 50


def test_a_trial_is_diagnosed_like_any_study() -> None:
    done = diagnose(
        study(120),
        truth={"change": {"tablet − placebo": -1.0}, "rates": {"arm[T.tablet]": math.log(0.5)}},
        repeats=20,
        seed=1,
        null=0.0,
    )
    table = done.to_frame().set_index("analysis")
    assert table["repeats"].tolist() == [20, 20]
    assert table.loc["rates", "bias_z"] == pytest.approx(0, abs=3)
    assert (table["power"] > 0.2).all()
    with pytest.raises(SchemaError, match="there is no census of the target 'superpopulation'"):
        diagnose(study(), truth="census", repeats=2, seed=1)


def test_processes_find_the_same() -> None:
    options = {"truth": {"tablet − placebo": -1.0}, "repeats": 4, "seed": 1}
    alone, together = (diagnose(study(40, {"change": CHANGE}), workers=workers, **options) for workers in (1, 2))
    pd.testing.assert_frame_equal(alone.replicates, together.replicates)


def test_a_trial_study_that_cannot_be() -> None:
    with pytest.raises(SchemaError) as caught:
        TrialStudy(small_population(), 0, None, {}, columns="sex", observed=None)
    for told in (
        "plan: None is none; expected a TrialPlan",
        "people: is 0; expected a whole number of at least 1",
        "columns: is 'sex'; expected a list, as in ['sex']",
        "observed: is None; expected a list of columns",
        "analyses: is empty",
    ):
        assert told in str(caught.value)


def test_a_power_curve_is_that_of_trials_of_each_size() -> None:
    sizes, repeats = [20, 60], 25
    curve = power_curve(study(), sizes, null=0, repeats=repeats, seed=5).to_frame()
    assert curve["term"].tolist() == ["change", "change", "rates", "rates"]
    assert curve["n"].tolist() == sizes * 2
    for n in sizes:
        alone = diagnose(study(n), truth=0.0, repeats=repeats, seed=5, null=0.0).to_frame()
        assert curve.loc[curve["n"] == n, "estimate"].tolist() == alone["power"].tolist()
    share = curve["estimate"].iloc[0]
    assert curve["std_error"].iloc[0] == pytest.approx(math.sqrt(share * (1 - share) / repeats))
    assert (curve["conf_low"] < curve["estimate"]).all()
    assert curve["closed_form"].isna().all()
    assert (curve["note"] == "").all()


def test_a_power_curve_puts_the_closed_form_beside() -> None:
    form = RateComparison(rate=5.0, rate_ratio=0.5, time=4.0, dispersion=0.8)
    found = power_curve(
        study(), [40, 80], null={"change": 0, "rates": 0}, repeats=3, seed=5, closed_form={"rates": form}
    )
    curve = found.to_frame()
    assert curve["closed_form"].tolist()[2:] == [power_of(form, 40), power_of(form, 80)]
    assert repr(found).startswith("<PowerCurve of 3 trials, seed 5>\n")
    assert "note" not in repr(found)
    assert found._repr_html_().startswith("<table")


def test_an_analysis_that_fails_found_nothing() -> None:
    # With one person in an arm or none of its cramps, a rate ratio has no solution.
    rare = study(60, {"rates": RATES}, arms=[PLACEBO, Arm(name="tablet", rate_ratio=0.02)], weeks=0.5)
    curve = power_curve(rare, [4, 60], null=0, repeats=20, seed=1).to_frame()
    told = curve["note"].tolist()[0]
    assert told.endswith(" of 20 trials without an estimate")
    assert curve["estimate"].iloc[0] <= 1 - int(told.split()[0]) / 20


def test_the_first_people_keep_their_domain() -> None:
    table = trial(60, columns=("sex",)).drop(columns=["true_rate", "true_rate_per_week"])
    found = FirstPeople(Mean("cramps"), 30)(Survey(table).where("sex == 'male'"))
    alone = Mean("cramps")(Survey(table[table["person"] < 30].reset_index(drop=True)).where("sex == 'male'"))
    assert (found.value[0], found.std_error[0], found.n[0]) == (alone.value[0], alone.std_error[0], alone.n[0])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"sizes": [60, 20]}, "sizes: is [60, 20]; expected whole numbers of people in a list, ascending"),
        ({"sizes": 60}, "sizes: is 60; expected whole numbers"),
        ({"null": {"change": 0}}, "null: analysis 'rates' has none; expected a number"),
        (
            {"closed_form": {"odds": ProportionComparison(control=0.1, treated=0.2)}},
            "closed_form: 'odds' is no analysis; expected one of change, rates",
        ),
        ({"study": 3}, "study: is 3; expected a TrialStudy"),
    ],
)
def test_a_power_curve_that_cannot_be(options: dict, told: str) -> None:
    given = {"study": study(), "sizes": [20], "null": 0, "repeats": 2, "seed": 1} | options
    with pytest.raises(SchemaError) as caught:
        power_curve(**given)
    assert told in str(caught.value)


def test_power_is_of_one_estimate() -> None:
    with pytest.raises(SchemaError, match="has several terms"):
        power_curve(study(40, {"arms": Mean("cramps", by=["arm"])}), [20], null=0, repeats=2, seed=1)


# ---- figure -------------------------------------------------------------------------------------------------------------


def powers(**columns: object) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "term": ["change", "change", "rates", "rates"],
            "n": [50, 100, 50, 100],
            "estimate": [0.2, 0.4, 0.5, 0.9],
            "conf_low": [0.15, 0.35, 0.45, 0.85],
            "conf_high": [0.25, 0.45, 0.55, 0.95],
            "closed_form": [np.nan, np.nan, 0.52, 0.88],
        }
    )
    return frame.assign(**columns)


def test_power_is_drawn_with_its_band_and_the_closed_form_dashed() -> None:
    _, (ax,) = figures.canvas()
    drawn = draw_power(powers(), ax=ax, xlabel="people", ylabel="significant", title="Trials")
    pd.testing.assert_frame_equal(drawn, powers())
    goal, change, rates, form = ax.lines
    assert goal.get_ydata()[0] == 80
    assert [line.get_label() for line in (change, rates)] == ["change", "rates"]
    np.testing.assert_allclose(change.get_xydata(), [[50, 20], [100, 40]])
    np.testing.assert_allclose(form.get_ydata(), [52, 88])
    assert form.get_linestyle() == "--"
    assert form.get_color() == rates.get_color() != change.get_color()
    corners = ax.collections[0].get_paths()[0].vertices
    assert {(50.0, 15.0), (50.0, 25.0), (100.0, 35.0), (100.0, 45.0)} <= {
        tuple(each) for each in corners.round(9).tolist()
    }
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_ylim()) == ("people", "significant", (0, 100))
    assert ax.get_title(loc="left") == "Trials"


def test_power_that_cannot_be_drawn() -> None:
    _, (ax,) = figures.canvas()
    many = pd.concat([powers(term=str(index)) for index in range(5)])
    with pytest.raises(CrampstatsError, match="5 terms are too many; draw at most 4"):
        draw_power(many, ax=ax, xlabel="", ylabel="")
    with pytest.raises(CrampstatsError, match=r"goal=80 has to be a share between 0 and 1, or None\."):
        draw_power(powers(), ax=ax, xlabel="", ylabel="", goal=80)


def test_a_power_curve_is_drawn_as_it_is() -> None:
    curve = power_curve(study(40, {"change": CHANGE}), [20, 40], null=0, repeats=4, seed=1)
    _, (ax,) = figures.canvas()
    drawn = draw_power(curve, ax=ax, xlabel="people", ylabel="significant", goal=None)
    pd.testing.assert_frame_equal(drawn, curve.to_frame()[list(drawn.columns)])
    assert len(ax.lines) == 1


def test_limits_of_further_trials_are_dotted() -> None:
    future = conditional_power(-0.18, 0.34, tau2=0.1, sd=4.3, sizes=[100, 1000])
    _, (ax,) = figures.canvas()
    drawn = draw_power(future, ax=ax, xlabel="people", ylabel="benefit", goal=None)
    assert drawn["conf_low"].isna().all()
    alone, update, limit_alone, limit = ax.lines
    np.testing.assert_allclose(update.get_xydata(), [[n, 100 * future.power(n)] for n in (100, 1000)])
    assert alone.get_label() == "trial alone"
    # Limits are drawn to a tenth of a per cent, so that equal ones are one line.
    np.testing.assert_allclose(limit_alone.get_ydata()[0], 100 * future.power(math.inf, of="trial"), atol=0.05)
    np.testing.assert_allclose(limit.get_ydata()[0], 100 * future.power(math.inf), atol=0.05)
    assert (limit.get_linestyle(), limit.get_color()) == (":", update.get_color())
    assert not ax.collections

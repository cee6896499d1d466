"""Latent classes: against R, Hui and Walter's example, known truths, what must not change them, and what is refused.

tests/golden/latent.R made the expected values.
"""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import beta
from scipy.stats import f as fisher

import crampstats as cs
from crampstats.errors import (
    ConvergenceError,
    CrampstatsError,
    DesignError,
    IdentifiabilityError,
    IntervalError,
    QuestionError,
)
from crampstats.measurement import latent_classes
from crampstats.measurement.latent_bounds import latent_class_bounds
from crampstats.measurement.latent_classes import latent_class
from crampstats.measurement.posteriors import Beta

FOLDER = Path(__file__).parent / "golden"
DATA = pd.read_csv(FOLDER / "latent_input.csv")
EXPECTED = pd.read_csv(FOLDER / "latent_expected.csv", keep_default_na=False)
NESTED = {"weight": "weight", "stratum": "stratum", "cluster": "cluster", "cluster_labels": "nested"}
TUBERCULIN = pd.DataFrame(
    {
        "mantoux": [1, 1, 0, 0] * 2,
        "tine": [1, 0, 1, 0] * 2,
        "region": ["first"] * 4 + ["second"] * 4,
        "people": [14, 4, 9, 528, 887, 31, 37, 367],
    }
)
CLUSTERS = cs.Survey(DATA, **NESTED)
SURVEYS = {
    "clusters": CLUSTERS,
    "simple": cs.Survey(DATA),
    "south": CLUSTERS.where("region == 'south'"),
    "tuberculin": cs.Survey(TUBERCULIN, count="people"),
}
CASES = list(EXPECTED.groupby(["case", "markers", "by"], sort=False))
FOUR = ["serum", "ionised", "urine", "retention"]
PRIORS = {
    "sensitivity serum": Beta(15, 5),
    "specificity serum": Beta(18, 2),
    "sensitivity urine": Beta(8, 2),
    "specificity urine": Beta(17, 3),
}


def expected_table(prevalence: float, pairs: list[tuple[float, float]], people: int = 1_000_000) -> pd.DataFrame:
    """Return the patterns of independent markers m0, m1, ... with the number of people to be expected in each."""
    patterns = np.array(list(product((0, 1), repeat=len(pairs))))
    found, cleared = np.array(pairs).T
    ill = np.where(patterns == 1, found, 1 - found).prod(axis=1)
    well = np.where(patterns == 1, 1 - cleared, cleared).prod(axis=1)
    table = pd.DataFrame(patterns, columns=[f"m{index}" for index in range(len(pairs))])
    return table.assign(n=np.round(people * (prevalence * ill + (1 - prevalence) * well)).astype(int))


def drawn(rng: np.random.Generator, n: int, prevalence: float, pairs: list[tuple[float, float]]) -> pd.DataFrame:
    state = rng.random(n) < prevalence
    return pd.DataFrame(
        {
            f"m{index}": np.where(state, rng.random(n) < found, rng.random(n) < 1 - cleared).astype(int)
            for index, (found, cleared) in enumerate(pairs)
        }
    )


def assert_same(one: cs.Estimate, other: cs.Estimate, rtol: float = 1e-9) -> None:
    """Check values and errors, to what is left of digits where a maximum is sought from another side."""
    assert_allclose(one.value, other.value, rtol=rtol)
    assert_allclose(one.std_error, other.std_error, rtol=rtol)


@pytest.mark.parametrize(("key", "rows"), CASES, ids=["-".join(key) for key, _ in CASES])
def test_equals_r(key: tuple[str, str, str], rows: pd.DataFrame) -> None:
    case, markers, by = key
    found = latent_class(SURVEYS[case], markers.split(), populations=by or None)
    table = found.to_frame()
    assert table["term"].tolist() == rows["term"].tolist()
    if by:
        assert table[by].tolist() == rows["population"].tolist()
    pairs = {"estimate": "value", "std_error": "std_error", "conf_low": "conf_low", "conf_high": "conf_high"}
    for own, theirs in pairs.items():
        assert_allclose(table[own], rows[theirs], rtol=rows["tolerance"].max())
    assert_allclose(found.estimate.df, rows["df"])


@pytest.mark.parametrize(("key", "rows"), CASES, ids=["-".join(key) for key, _ in CASES])
def test_the_misfit_is_what_r_finds_less_the_saturated_model(key: tuple[str, str, str], rows: pd.DataFrame) -> None:
    case, markers, by = key
    survey = SURVEYS[case]
    found = latent_class(survey, markers.split(), populations=by or None)
    k, j = (2 if by else 1), len(markers.split())
    degrees = k * (2**j - 1) - k - 2 * j
    if degrees == 0:
        assert found.misfit is None
        assert len(found.residuals) == 0
        assert "cannot be tested" in found.to_frame()["note"][0]
        return
    inside = survey.data if survey.domain is None else survey.data[survey.domain]
    inside = inside if case != "simple" else inside.assign(weight=1.0)
    cells = inside.groupby([*([by] if by else []), *markers.split()])["weight"].sum()
    totals = cells.groupby(by).transform("sum") if by else cells.sum()
    saturated = 2 * float((cells * np.log(cells / totals)).sum()) * len(inside) / inside["weight"].sum()
    assert found.misfit.degrees == degrees
    assert_allclose(found.misfit.likelihood_ratio, saturated - float(rows["fit"].iloc[0]), atol=1e-8)


def test_hui_and_walter() -> None:
    # The estimates of Biometrics 1980;36:167-171: prevalences, one less the errors beta, one less the errors alpha.
    found = latent_class(SURVEYS["tuberculin"], ["mantoux", "tine"], populations="region").estimate.value
    published = [0.0268, 0.7168, 1 - 0.0339, 1 - 0.0312, 1 - 0.0067, 1 - 0.0159]
    assert_allclose(found, published, atol=5.1e-5)  # four decimals in print


def test_three_markers_by_hand() -> None:
    # Of three independent markers covariances are v d0 d1, v d0 d2, v d1 d2, and the third moment is v (1 - 2p) d0 d1 d2,
    # with v = p (1 - p) and d the distance of sensitivity from the rate of false positives.
    people = DATA[FOUR[:3]].to_numpy(dtype=float)
    means, centred = people.mean(axis=0), people - people.mean(axis=0)
    cov = centred.T @ centred / len(people)
    third = centred.prod(axis=1).mean()
    skew = third / np.sqrt(cov[0, 1] * cov[0, 2] * cov[1, 2])  # (1 - 2p) / sqrt(v)
    prevalence = (1 - skew / np.sqrt(4 + skew**2)) / 2
    distance = np.array(
        [cov[0, 1] * cov[0, 2] / cov[1, 2], cov[0, 1] * cov[1, 2] / cov[0, 2], cov[0, 2] * cov[1, 2] / cov[0, 1]]
    )
    distance = np.sqrt(distance / (prevalence * (1 - prevalence)))
    false = means - prevalence * distance
    found = latent_class(cs.Survey(DATA), FOUR[:3])
    assert_allclose(found.estimate.value, [prevalence, *(false + distance), *(1 - false)], rtol=1e-10)


@settings(max_examples=50)
@given(
    prevalence=st.floats(0.05, 0.9),
    pairs=st.lists(st.tuples(st.floats(0.65, 0.97), st.floats(0.65, 0.97)), min_size=3, max_size=4),
)
def test_expected_counts_give_the_truth(prevalence: float, pairs: list[tuple[float, float]]) -> None:
    table = expected_table(prevalence, pairs, people=10**12)
    found = latent_class(cs.Survey(table, count="n"), [f"m{index}" for index in range(len(pairs))])
    # Counts are rounded to whole people, one in 10^12, which weakly identified parameters magnify.
    assert_allclose(found.estimate.value, [prevalence, *np.array(pairs).T.ravel()], atol=1e-7)


TRUTH = [(0.8, 0.92), (0.7, 0.95), (0.75, 0.9), (0.85, 0.88)]


@pytest.mark.parametrize("markers", [3, 4])
def test_values_errors_and_misfit_of_many_samples(markers: int) -> None:
    rng, repeats = np.random.default_rng(20261125 + markers), 300
    pairs = TRUTH[:markers]
    truth = np.array([0.2, *np.array(pairs).T.ravel()])
    found = [
        latent_class(cs.Survey(drawn(rng, 2500, 0.2, pairs)), [f"m{index}" for index in range(markers)])
        for _ in range(repeats)
    ]
    values = np.stack([one.estimate.value for one in found])
    errors = np.stack([one.estimate.std_error for one in found])
    spread = values.std(axis=0, ddof=1)
    # Four Monte Carlo errors; the bias of a nonlinear estimate is a small share of its error at this size.
    assert np.abs((values.mean(axis=0) - truth) / spread).max() == pytest.approx(0, abs=4 / np.sqrt(repeats) + 0.1)
    assert_allclose(np.sqrt(np.mean(errors**2, axis=0)), spread, rtol=4 / np.sqrt(2 * repeats))
    limits = [one.estimate.interval() for one in found]
    covered = np.mean([(one.low <= truth) & (truth <= one.high) for one in limits], axis=0)
    assert_allclose(covered, 0.95, atol=4 * np.sqrt(0.95 * 0.05 / repeats))
    if markers == 4:
        scaled = [one.misfit.pearson / one.misfit.design_effect for one in found]
        assert np.mean(scaled) == pytest.approx(6, abs=4 * np.sqrt(12 / repeats))
        assert np.mean([one.misfit.p_value < 0.05 for one in found]) == pytest.approx(
            0.05, abs=4 * np.sqrt(0.0475 / repeats)
        )


def test_errors_of_clustered_samples() -> None:
    # 60 clusters whose prevalences differ: errors that took people for independent would be too small.
    rng, repeats = np.random.default_rng(5), 300
    cluster = np.repeat(np.arange(60), 40)
    found, naive = [], []
    for _ in range(repeats):
        share = rng.beta(2, 6, 60)[cluster]
        state = rng.random(len(cluster)) < share
        people = pd.DataFrame({"psu": cluster}).assign(
            **{
                f"m{index}": np.where(state, rng.random(len(state)) < a, rng.random(len(state)) < 1 - b).astype(int)
                for index, (a, b) in enumerate(TRUTH[:3])
            }
        )
        found.append(latent_class(cs.Survey(people, cluster="psu"), ["m0", "m1", "m2"]).prevalence)
        if len(naive) < 50:
            naive.append(latent_class(cs.Survey(people), ["m0", "m1", "m2"]).prevalence)
    spread = np.std([one.value[0] for one in found], ddof=1)
    assert np.mean([one.value[0] for one in found]) == pytest.approx(
        0.25, abs=4 * spread / np.sqrt(repeats) + 0.1 * spread
    )
    assert np.sqrt(np.mean([one.std_error[0] ** 2 for one in found])) == pytest.approx(
        spread, rel=4 / np.sqrt(2 * repeats)
    )
    assert np.sqrt(np.mean([one.std_error[0] ** 2 for one in naive])) / spread < 0.75


SIX = [*TRUTH, (0.8, 0.85), (0.72, 0.93)]


def dependent_table(markers: int, covariance: float, people: int = 20_000) -> pd.DataFrame:
    """Return markers of a state of prevalence 0.2, the first two wrong together in people who have it not."""
    table = expected_table(0.2, SIX[:markers], people)
    yes = table.drop(columns="n").to_numpy()
    cleared = np.array(SIX[2:markers])[:, 1]
    sign = np.where(yes[:, 0] == yes[:, 1], 1, -1)
    rest = np.where(yes[:, 2:] == 1, 1 - cleared, cleared).prod(axis=1)
    return table.assign(n=np.round(table["n"] + people * 0.8 * covariance * sign * rest).astype(int))


def test_markers_that_are_wrong_together_mislead() -> None:
    survey = cs.Survey(dependent_table(4, 0.03), count="n")
    three = latent_class(survey, ["m0", "m1", "m2"])
    limits = three.prevalence.interval()
    # 20,000 people, and the truth, 0.2, is far outside; nothing in three markers can tell.
    assert not limits.low[0] <= 0.2 <= limits.high[0]
    assert abs(three.prevalence.value[0] - 0.2) > 5 * three.prevalence.std_error[0]
    assert three.misfit is None
    names = ["m0", "m1", "m2", "m3"]
    four = latent_class(survey, names)
    assert four.misfit.p_value < 1e-6
    assert "does not fit" in four.to_frame()["note"][0]
    # Bounds without independence hold the truth.
    bounds = latent_class_bounds(survey, names, least_accuracy=dict(zip(names, TRUTH, strict=True)), dependence="any")
    assert bounds.low - 1e-3 <= 0.2 <= bounds.high + 1e-3  # counts are whole people


def test_residuals_do_not_show_which_of_four_markers_depend_but_may_of_six() -> None:
    four = latent_class(cs.Survey(dependent_table(4, 0.03), count="n"), ["m0", "m1", "m2", "m3"]).residuals
    suspects = four[four["z"] > 3]
    assert suspects[["marker", "other"]].to_numpy().tolist() == [["m0", "m1"], ["m2", "m3"]]
    # The innocent pair is the more conspicuous one.
    assert suspects["z"].iloc[1] > 2 * suspects["z"].iloc[0]
    six = latent_class(cs.Survey(dependent_table(6, 0.01), count="n"), [f"m{index}" for index in range(6)]).residuals
    assert six.loc[six["z"] > 3, ["marker", "other"]].to_numpy().tolist() == [["m0", "m1"]]


def test_residuals_of_independent_markers_are_none() -> None:
    found = latent_class(cs.Survey(expected_table(0.2, TRUTH, 10**9), count="n"), ["m0", "m1", "m2", "m3"])
    assert_allclose(found.residuals["residual"], 0, atol=1e-7)  # counts are whole people
    assert_allclose(found.residuals["observed"], found.residuals["fitted"], atol=1e-7)
    assert found.misfit.design_effect == pytest.approx(1, abs=1e-6)
    assert found.misfit.pearson == pytest.approx(0, abs=1e-5)


@settings(max_examples=20)
@given(scale=st.floats(1e-6, 1e6), seed=st.integers(0, 1000))
def test_weights_are_relative_and_rows_in_no_order(scale: float, seed: int) -> None:
    once = latent_class(CLUSTERS, FOUR, populations="region")
    other = DATA.assign(weight=DATA["weight"] * scale).sample(frac=1, random_state=seed)
    again = latent_class(cs.Survey(other, **NESTED), FOUR, populations="region")
    assert_same(again.estimate, once.estimate)
    assert_allclose(again.misfit.pearson, once.misfit.pearson, rtol=1e-8)


def test_rows_split_in_two_with_half_the_weight() -> None:
    halves = pd.concat([DATA.assign(weight=DATA["weight"] / 2)] * 2)
    assert_same(latent_class(cs.Survey(halves, **NESTED), FOUR).estimate, latent_class(CLUSTERS, FOUR).estimate)


@pytest.mark.parametrize("survey", ["clusters", "simple", "south"])
def test_tabulated_people(survey: str) -> None:
    asked = SURVEYS[survey]
    table, rows = asked.tabulate([*FOUR]), asked
    one, other = latent_class(table, FOUR), latent_class(rows, FOUR)
    assert_same(one.estimate, other.estimate)
    assert_allclose(one.estimate.n, other.estimate.n)
    assert_allclose(one.estimate.df, other.estimate.df)
    assert_allclose(
        [one.misfit.pearson, one.misfit.design_effect, one.misfit.p_value],
        [other.misfit.pearson, other.misfit.design_effect, other.misfit.p_value],
        rtol=1e-8,
    )
    assert_allclose(one.residuals["std_error"], other.residuals["std_error"], rtol=1e-7)


def test_everybody_twice_in_a_cluster_is_everybody_once() -> None:
    people = DATA[FOUR].assign(psu=np.arange(len(DATA)))
    once = latent_class(cs.Survey(people), FOUR)
    twice = latent_class(cs.Survey(pd.concat([people, people]), cluster="psu"), FOUR)
    assert_same(twice.estimate, once.estimate)
    assert twice.misfit.pearson == pytest.approx(2 * once.misfit.pearson, rel=1e-9)
    assert twice.misfit.design_effect == pytest.approx(2 * once.misfit.design_effect, rel=1e-9)
    assert twice.misfit.p_value == pytest.approx(once.misfit.p_value, rel=1e-9)
    assert_allclose(twice.residuals["std_error"], once.residuals["std_error"], rtol=1e-8)


def test_the_order_and_the_names_of_markers_do_not_matter() -> None:
    once = latent_class(CLUSTERS, FOUR).to_frame().set_index("term")
    turned = latent_class(CLUSTERS, FOUR[::-1]).to_frame().set_index("term")
    columns = ["estimate", "std_error", "conf_low", "conf_high"]
    assert_allclose(turned.loc[once.index, columns], once[columns], rtol=1e-9)
    questions = latent_class(CLUSTERS, [f"{marker} == 1" for marker in FOUR])
    assert_same(questions.estimate, latent_class(CLUSTERS, FOUR).estimate)
    assert questions.estimate.labels["term"][1] == "sensitivity serum == 1"


def test_a_marker_that_is_coded_the_other_way_round_is_told() -> None:
    once = latent_class(CLUSTERS, FOUR)
    turned = latent_class(CLUSTERS.define(urine="1 - urine"), FOUR)
    value, k = once.estimate.value.copy(), 3
    value[[k, k + 4]] = 1 - value[[k, k + 4]]
    assert_allclose(turned.estimate.value, value, rtol=1e-9)
    told = turned.to_frame().loc[lambda table: table["note"].str.contains("other way round"), "term"]
    assert told.tolist() == ["sensitivity urine", "specificity urine"]


def test_people_outside_the_domain_mean_nothing() -> None:
    spoiled = DATA.assign(serum=DATA["serum"].where(DATA["region"] == "south", 7))
    asked = cs.Survey(spoiled, **NESTED).where("region == 'south'")
    assert_same(latent_class(asked, FOUR).estimate, latent_class(SURVEYS["south"], FOUR).estimate)
    lacking = DATA.assign(serum=DATA["serum"].where(DATA["region"] == "south"))
    observed = cs.Survey(lacking, **NESTED).observed("serum")
    assert_same(latent_class(observed, FOUR).estimate, latent_class(SURVEYS["south"], FOUR).estimate)


def test_estimates_can_be_compared() -> None:
    found = latent_class(CLUSTERS, FOUR, populations="region")
    prevalence = found.prevalence
    gap = cs.difference(prevalence.where("region == 'south'"), prevalence.where("region == 'north'"), label="gap")
    spread = prevalence.covariance
    assert gap.std_error[0] == pytest.approx(np.sqrt(spread[0, 0] + spread[1, 1] - 2 * spread[0, 1]), rel=1e-10)
    assert found.to_frame()["n"].tolist() == [360, 360] + [720] * 8


def test_how_it_shows_itself() -> None:
    found = latent_class(CLUSTERS, FOUR[:3])
    assert repr(found).startswith("<LatentClass of serum, ionised, urine in survey>\n")
    assert "<table" in found._repr_html_()
    assert list(found.to_frame().columns) == ["term", "n", "estimate", "std_error", "conf_low", "conf_high", "note"]
    assert "independent given the state" in repr(latent_class_bounds(CLUSTERS, FOUR[:2]))


# What is not identified


def test_two_markers_in_one_population_have_bounds_only() -> None:
    with pytest.raises(
        IdentifiabilityError, match="2 markers in 1 population give 3 free shares, and there are 5 unknown"
    ) as told:
        latent_class(CLUSTERS, ["serum", "urine"])
    assert told.value.bounds.low == latent_class_bounds(CLUSTERS, ["serum", "urine"]).low
    assert 0 < told.value.bounds.low < told.value.bounds.high < 1


@pytest.mark.parametrize(("populations", "parameters"), [(None, "3 unknown"), ("region", "4 unknown")])
def test_one_marker_never_suffices(populations: str | None, parameters: str) -> None:
    with pytest.raises(IdentifiabilityError, match=parameters) as told:
        latent_class(CLUSTERS, ["serum"], populations=populations)
    assert (told.value.bounds.low, told.value.bounds.high) == (0, 1)


def two_populations(first: float, second: float, people: int = 2000) -> cs.Survey:
    tables = [
        expected_table(share, TRUTH[:2], people).assign(site=site) for site, share in (("a", first), ("b", second))
    ]
    return cs.Survey(pd.concat(tables, ignore_index=True), count="n")


def test_populations_that_are_alike_do_not_identify() -> None:
    for second in (0.2, 0.21):
        with pytest.raises(IdentifiabilityError, match="levels of site cannot be told apart") as told:
            latent_class(two_populations(0.2, second), ["m0", "m1"], populations="site")
        assert told.value.bounds.low < 0.2 < told.value.bounds.high
    found = latent_class(two_populations(0.1, 0.5, 10**6), ["m0", "m1"], populations="site")
    assert_allclose(found.prevalence.value, [0.1, 0.5], atol=1e-4)  # counts are whole people


def test_populations_that_are_alike_are_mostly_refused() -> None:
    rng, refused = np.random.default_rng(8), 0
    for _ in range(100):
        people = drawn(rng, 1000, 0.25, TRUTH[:2]).assign(site=np.repeat(["a", "b"], 500))
        try:
            latent_class(cs.Survey(people), ["m0", "m1"], populations="site")
        except (IdentifiabilityError, ConvergenceError):
            refused += 1
    assert 96 <= refused <= 100  # the test has level 0.01


def test_populations_of_few_clusters_are_compared_by_hotelling() -> None:
    # Four clusters of 30 in each of two sites; people with both markers, the first one alone, the second one alone.
    cells = {
        "a": [(1, 3, 1), (2, 2, 4), (4, 3, 3), (3, 5, 2)],
        "b": [(7, 4, 4), (9, 4, 6), (5, 6, 4), (10, 2, 4)],
    }
    rows = [
        (site, f"{site}{psu}", *pattern, n)
        for site, clusters in cells.items()
        for psu, counts in enumerate(clusters)
        for pattern, n in zip([(1, 1), (1, 0), (0, 1), (0, 0)], [*counts, 30 - sum(counts)], strict=True)
    ]
    people = pd.DataFrame(rows, columns=["site", "psu", "m0", "m1", "n"])
    survey = cs.Survey(people, count="n", stratum="site", cluster="psu")
    # Hotelling's test of the clusters' means, which are as many people each.
    one, other = (np.array([(x + y, x + z) for x, y, z in cells[site]]) / 30 for site in "ab")
    gap = other.mean(axis=0) - one.mean(axis=0)
    pooled = (np.cov(one.T) + np.cov(other.T)) / 2
    squared = gap @ np.linalg.solve(pooled * (1 / 4 + 1 / 4), gap)
    p_value = fisher.sf(squared * (8 - 2 - 1) / ((8 - 2) * 2), 2, 8 - 2 - 1)
    assert p_value > 0.01 > fisher.sf(squared / 2, 2, 8 - 2 - 1)
    with pytest.raises(IdentifiabilityError, match=rf"cannot be told apart by m0 and m1 \(p = {p_value:.2g}\)"):
        latent_class(survey, ["m0", "m1"], populations="site")


def test_a_start_that_gets_stuck_does_no_harm_unless_it_got_highest(monkeypatch: pytest.MonkeyPatch) -> None:
    once = latent_class(CLUSTERS, FOUR[:3]).estimate
    # With so few steps two of the four best starts arrive.
    monkeypatch.setattr(latent_classes, "EM_STEPS", 5)
    monkeypatch.setattr(latent_classes, "MOST_ITERATIONS", 4)
    assert_same(latent_class(CLUSTERS, FOUR[:3]).estimate, once)
    monkeypatch.setattr(latent_classes, "MOST_ITERATIONS", 1)
    with pytest.raises(ConvergenceError, match="serum, ionised, urine did not converge in 1 steps"):
        latent_class(CLUSTERS, FOUR[:3])
    # Three starts arrive at a lower maximum than the fourth one is on the way to.
    table = pd.DataFrame(list(product((0, 1), repeat=4)), columns=["m0", "m1", "m2", "m3"])
    table["n"] = [29, 31, 10, 17, 11, 22, 35, 48, 6, 36, 15, 2, 10, 8, 15, 5]
    monkeypatch.setattr(latent_classes, "EM_STEPS", 10)
    monkeypatch.setattr(latent_classes, "MOST_ITERATIONS", 12)
    with pytest.raises(ConvergenceError, match="did not converge in 12 steps"):
        latent_class(cs.Survey(table, count="n"), ["m0", "m1", "m2", "m3"])


def test_a_marker_of_nothing_does_not_identify() -> None:
    table = expected_table(0.3, [(0.8, 0.9), (0.75, 0.85), (0.4, 0.6)], 10**6)
    with pytest.raises((IdentifiabilityError, ConvergenceError), match=r"is not identified|greatest at its edge"):
        latent_class(cs.Survey(table, count="n"), ["m0", "m1", "m2"])


def test_a_standard_error_that_says_nothing() -> None:
    table = expected_table(0.3, [(0.55, 0.6), (0.6, 0.55), (0.6, 0.6)], 1000)
    with pytest.raises(IdentifiabilityError, match="more than that of a number drawn evenly"):
        latent_class(cs.Survey(table, count="n"), ["m0", "m1", "m2"])


def test_an_accuracy_of_one_has_no_error() -> None:
    table = expected_table(0.3, [(0.8, 1.0), (0.75, 0.9), (0.7, 0.9)], 10_000)
    table = table[table["n"] > 0]
    table.loc[(table["m0"] == 1) & (table["m1"] == 0) & (table["m2"] == 0), "n"] -= 20
    with pytest.raises(ConvergenceError, match="specificity m0 is 1"):
        latent_class(cs.Survey(table, count="n"), ["m0", "m1", "m2"])


@pytest.mark.parametrize(
    ("changed", "markers", "populations", "message"),
    [
        ({"serum": 2}, FOUR, None, "'serum' has to be a column of 0 and 1"),
        ({"serum": 1}, FOUR, None, "'serum' is 1 for everybody in survey: it marks nothing"),
        ({"serum": np.nan}, FOUR, None, r"observed\('serum'\)"),
        ({}, "serum", None, "has to be a list of 1 to 10 columns"),
        ({}, [], None, "has to be a list of 1 to 10 columns"),
        ({}, ["serum", "serum", "urine"], None, "names a marker twice"),
        ({}, ["serum", "region", "urine"], None, "'region' is a text"),
        ({}, ["serum", "other", "urine"], None, "'other'"),
        ({}, FOUR, "site", "'site'"),
        ({"note": 1}, FOUR, "note", "is a column of every result"),
    ],
)
def test_questions_that_do_not_fit(changed: dict, markers: list[str], populations: str | None, message: str) -> None:
    with pytest.raises(QuestionError, match=message):
        latent_class(cs.Survey(DATA.assign(**changed), **NESTED), markers, populations=populations)


def test_a_domain_without_degrees_of_freedom() -> None:
    alone = CLUSTERS.where("stratum == 1 and cluster == 1")
    with pytest.raises(DesignError, match="no degrees of freedom"):
        latent_class(alone, FOUR)


# Bounds

SHARES = [
    "serum == 0 and urine == 0",
    "serum == 0 and urine == 1",
    "serum == 1 and urine == 0",
    "serum == 1 and urine == 1",
]


def test_bounds_of_two_markers_by_hand() -> None:
    found = latent_class_bounds(CLUSTERS, ["serum", "urine"])
    shares = cs.prevalence(CLUSTERS, {question: question for question in SHARES})

    def ends(p: np.ndarray) -> np.ndarray:
        determinant = p[3] * p[0] - p[2] * p[1]
        return np.array([determinant / p[0], 1 - determinant / p[3]])

    by_hand = cs.transform(shares, ends, label="bound")
    # The slopes of the one are exact, those of the other numerical.
    assert_same(found.estimate, by_hand, rtol=1e-7)
    assert_allclose(found.estimate.df, CLUSTERS.degrees_of_freedom)


@pytest.mark.parametrize("least", [0.0, 0.5, 0.7, {"serum": (0.7, 0.9)}, {"urine": (0.5, 0.85), "serum": (0.72, 0.5)}])
def test_bounds_are_sharp_on_the_surface_of_what_agrees(least: float | dict) -> None:
    p = cs.prevalence(CLUSTERS, {question: question for question in SHARES}).value
    first, second, both = p[2] + p[3], p[1] + p[3], p[3]
    floor = (
        {"serum": (0.0, 0.0), "urine": (0.0, 0.0), **least}
        if isinstance(least, dict)
        else dict.fromkeys(("serum", "urine"), (least, least))
    )
    # All sensitivities and rates of false positives of the first marker; the rest follows from three equations.
    found, false = np.meshgrid(np.linspace(first, 1, 1502)[1:], np.linspace(0, first, 1502)[:-1])
    share = (first - false) / (found - false)
    distance = (both - first * second) / (share * (1 - share) * (found - false))
    other_false, other_found = second - share * distance, second + (1 - share) * distance
    agrees = (
        (found >= floor["serum"][0])
        & (1 - false >= floor["serum"][1])
        & (other_found >= floor["urine"][0])
        & (1 - other_false >= floor["urine"][1])
        & (other_found <= 1)
        & (other_false >= 0)
    )
    bounds = latent_class_bounds(CLUSTERS, ["serum", "urine"], least_accuracy=least)
    # The grid's step, and prevalence falls by at most some units in each direction.
    assert share[agrees].min() == pytest.approx(bounds.low, abs=3e-3)
    assert share[agrees].max() == pytest.approx(bounds.high, abs=3e-3)
    assert share[agrees].min() >= bounds.low - 1e-12
    assert share[agrees].max() <= bounds.high + 1e-12


AGAINST = pd.DataFrame({"a": [0, 0, 1, 1], "b": [0, 1, 0, 1], "n": [3000, 6000, 950, 50]})


def test_bounds_of_markers_that_go_against_each_other_by_hand() -> None:
    # Of people with the state, x have a alone, y both, and z b alone. a is found in half of them, b at least as often as in
    # all people; y is at most p11, so that prevalence * (1/2 + p_b - 1) is at most p11.
    survey = cs.Survey(AGAINST, count="n")
    found = latent_class_bounds(survey, ["a", "b"], least_accuracy={"a": (0.5, 0.0)}, dependence="any")
    assert_allclose(found.estimate.value, [0, 0.005 / 0.105], atol=1e-12)
    shares = cs.prevalence(survey, {"both": "a == 1 and b == 1", "b": "b == 1"})
    by_hand = cs.transform(shares, lambda p: p[:1] / (p[1:] - 0.5), label="highest")
    assert_allclose(found.estimate.std_error, [0, by_hand.std_error[0]], rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize(
    "least",
    [
        {"a": (0.5, 0.0)},
        {"a": (0.3, 0.8), "b": (0.7, 0.0)},
        {"a": (0.0, 0.95)},
        {"a": (0.0, 0.92), "b": (0.6, 0.45)},
        {"a": (0.4, 0.0), "b": (0.3, 0.0)},
    ],
)
@pytest.mark.parametrize("counts", [[3000, 6000, 950, 50], [4500, 2000, 1500, 2000], [1000, 4000, 4500, 500]])
def test_bounds_with_any_dependence_are_sharp_on_a_grid(counts: list[int], least: dict) -> None:
    survey = cs.Survey(AGAINST.assign(n=counts), count="n")
    p00, p01, p10, p11 = np.array(counts) / 10_000
    (found_a, cleared_a), (found_b, cleared_b) = ({"a": (0.0, 0.0), "b": (0.0, 0.0)} | least).values()
    # All prevalences, and of people with the state all shares with a and with b that accuracies allow; those with both are
    # free within what the four patterns leave.
    share, steps, rounding = np.linspace(0, 1, 802)[1:-1, None, None], np.linspace(0, 1, 61), 1e-9

    def allowed(p: float, found: float, cleared: float) -> tuple[np.ndarray, np.ndarray]:
        low = np.maximum(np.maximum(found, p) * share, p - (1 - share) * (1 - cleared))
        high = np.minimum(share, p)
        return low + (high - low) * steps, low <= high + rounding

    (a, fits_a), (b, fits_b) = allowed(p10 + p11, found_a, cleared_a), allowed(p01 + p11, found_b, cleared_b)
    b = b.swapaxes(1, 2)
    least_both = np.maximum(np.maximum(a - p10, b - p01), np.maximum(a + b - share, 0))
    most_both = np.minimum(np.minimum(a, b), np.minimum(p11, p00 + a + b - share))
    agrees = fits_a & fits_b & (least_both <= most_both + rounding)
    asked = {"least_accuracy": least, "dependence": "any"}
    if not agrees.any():
        with pytest.raises(CrampstatsError, match="no prevalence agrees"):
            latent_class_bounds(survey, ["a", "b"], **asked)
        return
    bounds = latent_class_bounds(survey, ["a", "b"], **asked)
    seen = np.broadcast_to(share, agrees.shape)[agrees]
    # One step of the grid, or two where what agrees is a thin wedge.
    assert seen.min() == pytest.approx(bounds.low, abs=2 / 801)
    assert seen.max() == pytest.approx(bounds.high, abs=2 / 801)
    assert seen.min() >= bounds.low - 1e-7
    assert seen.max() <= bounds.high + 1e-7


@pytest.mark.parametrize("dependence", ["independent", "any"])
@given(
    prevalence=st.floats(0.02, 0.98),
    pairs=st.lists(st.tuples(st.floats(0.55, 0.99), st.floats(0.55, 0.99)), min_size=2, max_size=2),
    slack=st.floats(0, 0.5),
)
def test_the_truth_lies_within_its_bounds(dependence: str, prevalence: float, pairs: list, slack: float) -> None:
    survey = cs.Survey(expected_table(prevalence, pairs, 10**10), count="n")
    least = {f"m{index}": tuple(max(one - slack, 0.0) for one in pair) for index, pair in enumerate(pairs)}
    try:
        bounds = latent_class_bounds(survey, ["m0", "m1"], least_accuracy=least, dependence=dependence)
    except CrampstatsError:
        # With no slack the whole people of a table may contradict the accuracies by a rounding error.
        assume(slack > 1e-3)
        raise
    assert bounds.low - 1e-6 <= prevalence <= bounds.high + 1e-6
    assert bounds.low <= bounds.high + 1e-6


def test_dependence_widens_bounds_and_more_markers_narrow_them() -> None:
    asked = {"least_accuracy": 0.7, "dependence": "any"}
    independent = latent_class_bounds(CLUSTERS, ["serum", "urine"], least_accuracy=0.7)
    two = latent_class_bounds(CLUSTERS, ["serum", "urine"], **asked)
    three = latent_class_bounds(CLUSTERS, ["serum", "urine", "ionised"], **asked)
    assert two.low <= independent.low <= independent.high <= two.high
    assert two.low - 1e-12 <= three.low <= three.high <= two.high + 1e-12
    assert two.high - two.low > independent.high - independent.low


def test_bounds_of_one_marker_by_hand() -> None:
    share = cs.prevalence(CLUSTERS, "serum == 1")
    found = latent_class_bounds(CLUSTERS, ["serum"], least_accuracy={"serum": (0.6, 0.9)})
    assert_allclose(found.estimate.value, [(share.value[0] - 0.1) / 0.9, share.value[0] / 0.6], rtol=1e-10)
    assert_allclose(found.estimate.std_error, share.std_error[0] / np.array([0.9, 0.6]), rtol=1e-10)


@pytest.mark.parametrize(
    ("data", "least"),
    [
        (DATA, 0.7),
        # Against each other, so that sensitivity of the one is but the rate of its false positives.
        (DATA.assign(urine=1 - DATA["urine"]), {"serum": (0.6, 0.0)}),
        (DATA.assign(urine=1 - DATA["urine"]), {"serum": (0.0, 0.95)}),
    ],
)
def test_linear_programs_have_the_slopes_of_their_bounds(data: pd.DataFrame, least: float | dict) -> None:
    asked = {"least_accuracy": least, "dependence": "any"}
    markers = ["serum", "urine"]
    found = latent_class_bounds(cs.Survey(data, **NESTED), markers, **asked)
    # A person's influence: the bound with that person's cluster weighed a little more.
    steps, influence = 1e-4, []
    codes = DATA["stratum"] * 10 + DATA["cluster"]
    for code in sorted(codes.unique()):
        ends = [
            latent_class_bounds(
                cs.Survey(data.assign(weight=data["weight"] * np.where(codes == code, 1 + step, 1)), **NESTED),
                markers,
                **asked,
            ).estimate.value
            for step in (steps, -steps)
        ]
        influence.append((ends[0] - ends[1]) / (2 * steps))
    # Differences of linear programs' values, which carry 1e-9 or so, over steps of 1e-4.
    assert_allclose(found.estimate.components[0].contributions, np.array(influence), atol=1e-6)


def test_the_interval_of_bounds_holds_the_prevalence() -> None:
    bounds = latent_class_bounds(CLUSTERS, ["serum", "urine"])
    low, high = bounds.interval()
    wald = bounds.estimate.interval(method="wald")
    # One-sided on either side, as far apart as the bounds are.
    t = 1.745883676  # the 0.95 quantile with 16 degrees of freedom
    assert low == pytest.approx(bounds.low - t * bounds.estimate.std_error[0], rel=1e-6)
    assert high == pytest.approx(bounds.high + t * bounds.estimate.std_error[1], rel=1e-6)
    assert wald.low[0] < low
    with pytest.raises(IntervalError, match="level=95 has to lie between 0 and 1"):
        bounds.interval(level=95)
    assert latent_class_bounds(CLUSTERS, ["serum"]).interval() == (0, 1)


def test_bounds_that_are_refused() -> None:
    with pytest.raises(CrampstatsError, match="choose from independent, any"):
        latent_class_bounds(CLUSTERS, ["serum"], dependence="some")
    with pytest.raises(QuestionError, match="3 independent markers identify"):
        latent_class_bounds(CLUSTERS, FOUR[:3])
    for least in (1.5, "a", {"serum": (0.3, 2)}, {"serum": (0.3,)}, {"serum": 0.3}, {"serum": "ab"}, np.nan):
        with pytest.raises(CrampstatsError, match="has to be one number from 0 to 1"):
            latent_class_bounds(CLUSTERS, ["serum"], least_accuracy=least)
    with pytest.raises(CrampstatsError, match="names 'urine', which is none of serum"):
        latent_class_bounds(CLUSTERS, ["serum"], least_accuracy={"urine": (0.3, 0.9)})
    for dependence in ("independent", "any"):
        with pytest.raises(CrampstatsError, match="no prevalence agrees with the data and least_accuracy"):
            latent_class_bounds(CLUSTERS, ["serum", "urine"], least_accuracy=0.99, dependence=dependence)
    turned = CLUSTERS.define(urine="1 - urine")
    with pytest.raises(CrampstatsError, match="do not go together"):
        latent_class_bounds(turned, ["serum", "urine"])
    with pytest.raises(IdentifiabilityError, match="do not go together") as told:
        latent_class(turned, ["serum", "urine"])
    assert told.value.bounds is None


# Priors


def test_the_posterior_equals_quadrature_in_five_dimensions() -> None:
    counts = {(1, 1): 12, (1, 0): 5, (0, 1): 8, (0, 0): 35}
    table = pd.DataFrame([(*key, n) for key, n in counts.items()], columns=["serum", "urine", "n"])
    found = latent_class(cs.Survey(table, count="n"), ["serum", "urine"], priors={**PRIORS, "prevalence": Beta(2, 3)})
    assert found.n_effective == pytest.approx(60, rel=1e-12)
    nodes, weights = np.polynomial.legendre.leggauss(20)
    nodes, weights = (nodes + 1) / 2, weights / 2
    axes = [
        Beta(2, 3),
        PRIORS["sensitivity serum"],
        PRIORS["sensitivity urine"],
        PRIORS["specificity serum"],
        PRIORS["specificity urine"],
    ]
    priors = [weights * beta.pdf(nodes, prior.a, prior.b) for prior in axes]
    share, first, second, clear_first, clear_second = np.ix_(*[nodes] * 5)
    density = np.einsum("a,b,c,d,e->abcde", *priors)
    for (a, b), n in counts.items():
        ill = (first if a else 1 - first) * (second if b else 1 - second)
        well = (1 - clear_first if a else clear_first) * (1 - clear_second if b else clear_second)
        density = density * (share * ill + (1 - share) * well) ** n
    density = density / density.sum()
    marginals = [density.sum(axis=tuple(axis for axis in range(5) if axis != kept)) for kept in range(5)]
    means = np.array([marginal @ nodes for marginal in marginals])
    spreads = np.sqrt([marginal @ (nodes - mean) ** 2 for marginal, mean in zip(marginals, means, strict=True)])
    # 65,536 quasi-random points; and the quadrature lets sensitivity and specificity add up to less than 1, which these
    # priors hardly believe.
    assert_allclose(found.value, means, atol=1e-3)
    assert_allclose(found.std_error, spreads, atol=1e-3)
    assert found.terms == (
        "prevalence",
        *[f"{what} {marker}" for what in ("sensitivity", "specificity") for marker in ("serum", "urine")],
    )


def test_the_posterior_is_told_as_such_and_is_always_the_same() -> None:
    found = latent_class(CLUSTERS, ["serum", "urine"], priors=PRIORS)
    assert not isinstance(found, cs.Estimate)
    table = found.to_frame()
    assert set(table["note"]) == {"with priors"}
    assert "with priors" in repr(found)
    assert found.weight.sum() == pytest.approx(1, rel=1e-12)
    with pytest.raises(IntervalError, match="level=95 has to lie between 0 and 1"):
        found.to_frame(level=95)
    again = latent_class(CLUSTERS, ["serum", "urine"], priors=PRIORS)
    assert_allclose(again.value, found.value, rtol=0)
    middle = found.quantile(0.5)
    assert (table["conf_low"] < middle).all()
    assert (middle < table["conf_high"]).all()
    # A weight of a term below its 2.5 % quantile is 2.5 %.
    below = [found.weight[found.points[:, index] <= low].sum() for index, low in enumerate(table["conf_low"])]
    assert_allclose(below, 0.025, atol=1e-3)  # one point has at most 0.1 % of the weight


def test_the_order_of_markers_does_not_matter_to_the_posterior() -> None:
    once = latent_class(CLUSTERS, ["serum", "urine"], priors=PRIORS).to_frame().set_index("term")
    turned = latent_class(CLUSTERS, ["urine", "serum"], priors=PRIORS).to_frame().set_index("term")
    columns = ["estimate", "std_error", "conf_low", "conf_high"]
    # The same posterior on other points of a finite grid.
    assert_allclose(turned.loc[once.index, columns], once[columns], atol=2e-3)


@pytest.mark.parametrize("moved", [1, 0], ids=["almost alike", "alike"])
def test_clusters_that_are_alike_tell_no_more_than_people_do(moved: int) -> None:
    counts = np.array([[81, 9, 4, 6]] * 8)
    counts[0] += [moved, -moved, 0, 0]
    table = pd.DataFrame(list(product((0, 1), repeat=2)) * 8, columns=["serum", "urine"])
    table = table.assign(psu=np.repeat(np.arange(8), 4), n=counts.ravel())
    found = latent_class(cs.Survey(table, count="n", cluster="psu"), ["serum", "urine"], priors=PRIORS)
    simple = latent_class(cs.Survey(table, count="n"), ["serum", "urine"], priors=PRIORS)
    assert found.n_effective == 800
    assert_allclose(found.value, simple.value, rtol=1e-9)
    assert_allclose(found.std_error, simple.std_error, rtol=1e-9)


def test_clusters_widen_a_posterior_and_more_people_do_not_make_priors_vanish() -> None:
    assert latent_class(CLUSTERS, ["serum", "urine"], priors=PRIORS).n_effective < 720
    spreads = []
    for people in (10**3, 10**5, 10**7):
        table = expected_table(0.3, [(0.75, 0.9), (0.8, 0.85)], people).rename(columns={"m0": "serum", "m1": "urine"})
        found = latent_class(cs.Survey(table, count="n"), ["serum", "urine"], priors=PRIORS)
        spreads.append(found.std_error[0])
    assert spreads[0] > spreads[1] > spreads[2]
    assert spreads[2] / spreads[1] == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    ("markers", "populations", "priors", "message"),
    [
        (FOUR[:3], None, PRIORS, "two markers in one population, not for 3 in 1"),
        (["serum", "urine"], "region", PRIORS, "not for 2 in 2"),
        (
            ["serum", "urine"],
            None,
            {"sensitivity serum": Beta(1, 1)},
            "have to name 'sensitivity serum', 'sensitivity urine'",
        ),
        (["serum", "urine"], None, 5, "they name 5"),
        (["serum", "urine"], None, {**PRIORS, "other": Beta(1, 1)}, "have to name"),
        (
            ["serum", "urine"],
            None,
            {**PRIORS, "prevalence": (2.0, 3.0)},
            r"\(2.0, 3.0\) has to be a Beta, as in Beta\(17, 3\)",
        ),
        (["serum", "urine"], None, {**PRIORS, "prevalence": 0.5}, "=0.5 has to be a Beta"),
    ],
)
def test_priors_that_do_not_fit(markers: list[str], populations: str | None, priors: dict, message: str) -> None:
    with pytest.raises(QuestionError, match=message):
        latent_class(CLUSTERS, markers, populations=populations, priors=priors)


def test_priors_that_the_data_contradict() -> None:
    sure = {
        **PRIORS,
        "sensitivity serum": Beta(1e5, 10),
        "specificity serum": Beta(1e5, 10),
        "specificity urine": Beta(1e5, 10),
    }
    with pytest.raises(ConvergenceError, match="hardly any accuracies that the priors believe in"):
        latent_class(CLUSTERS, ["serum", "urine"], priors=sure)

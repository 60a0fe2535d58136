"""Back-tests: exact size and power, a common factor, and a score month by month."""

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, special, stats

from riskkit import metrics, monitoring
from riskkit.monitoring.common_factor import factor_p_value
from riskkit.partitions import add_counts

NAN = float("nan")


# -- size and power --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "probability", "size"), [(100, 0.01, 0.0794), (50, 0.01, 0.0894), (500, 0.01, 0.0671)]
)
def test_the_exact_size_of_jeffreys_and_binomial(n, probability, size):
    """Summed over every number of bads, and by simulation."""
    bads = np.arange(n + 1)
    chances = stats.binom.pmf(bads, n, probability)
    row = monitoring.rejection_table([n], [probability]).iloc[0]
    for test, p_values in (
        ("jeffreys", metrics.jeffreys_p_value(bads, n, probability)),
        ("binomial", metrics.binomial_p_value(bads, n, probability)),
    ):
        exact = chances[p_values <= 0.05].sum()
        assert row[f"{test}_rate"] == pytest.approx(exact)
        assert row[f"{test}_least_bad"] == bads[p_values <= 0.05].min()
    assert row["jeffreys_rate"] == pytest.approx(size, abs=5e-5)
    assert row["binomial_rate"] <= 0.05
    drawn = np.random.default_rng(n).binomial(n, probability, 20_000)
    rejected = metrics.jeffreys_p_value(drawn, n, probability) <= 0.05
    assert abs(rejected.mean() - size) < 4 * np.sqrt(size * (1 - size) / 20_000)
    by_binomial = metrics.binomial_p_value(drawn, n, probability) <= 0.05
    assert by_binomial.mean() <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / 20_000)


def test_power_against_a_quarter_more():
    table = monitoring.rejection_table([10_000] * 3, [0.005, 0.01, 0.02], true_ratio=1.25)
    assert table["jeffreys_rate"].round(2).tolist() == [0.54, 0.78, 0.96]


@pytest.mark.parametrize("level", [0.01, 0.05, 0.2])
def test_the_binomial_rejects_at_most_at_its_level(level):
    n = np.repeat([1, 10, 100, 1_000, 30_000], 5)
    probability = np.tile([0.0005, 0.01, 0.1, 0.5, 0.99], 5)
    table = monitoring.rejection_table(n.tolist(), probability.tolist(), level=level)
    assert (table["binomial_rate"] <= level + 1e-12).all()
    assert (table["jeffreys_least_bad"] <= table["binomial_least_bad"]).all()


def test_a_grade_without_loans_or_probability_has_no_size():
    table = monitoring.rejection_table([0, 100], [0.01, NAN])
    assert table[["jeffreys_rate", "binomial_rate"]].isna().all().all()
    with pytest.raises(ValueError, match="one length"):
        monitoring.rejection_table([1, 2], [0.1])
    with pytest.raises(ValueError, match="true_ratio"):
        monitoring.rejection_table([1], [0.9], true_ratio=2)
    with pytest.raises(ValueError, match="correlation"):
        monitoring.rejection_table([1], [0.9], correlation=1)


# -- a common factor -------------------------------------------------------------------------------


def test_the_factor_is_vasiceks_integral():
    n, bad, p, rho = 300, 12, 0.02, 0.1

    def at(z):
        conditional = special.ndtr((special.ndtri(p) - np.sqrt(rho) * z) / np.sqrt(1 - rho))
        return stats.binom.sf(bad - 1, n, conditional) * stats.norm.pdf(z)

    exact = integrate.quad(at, -9, 9, limit=200)[0]
    assert float(factor_p_value(bad, n, p, correlation=rho)) == pytest.approx(exact, rel=1e-6)
    assert float(factor_p_value(0, n, p, correlation=rho)) == pytest.approx(1)
    independent = metrics.binomial_p_value(bad, n, p)
    assert float(factor_p_value(bad, n, p, correlation=0)) == pytest.approx(independent)


@pytest.mark.parametrize("rho", [0.01, 0.05, 0.12])
def test_a_common_factor_inflates_the_rejections_as_computed(rho):
    """A grade whose probability is right, in years that share a factor, by simulation."""
    n, p, years = 400, 0.03, 4_000
    rng = np.random.default_rng(6)
    start = special.ndtri(p) - np.sqrt(rho) * rng.standard_normal(years)
    drawn = rng.binomial(n, special.ndtr(start / np.sqrt(1 - rho)))
    row = monitoring.rejection_table([n], [p], correlation=rho).iloc[0]
    for test, p_value in (
        ("jeffreys", metrics.jeffreys_p_value),
        ("binomial", metrics.binomial_p_value),
    ):
        seen = (p_value(drawn, n, p) <= 0.05).mean()
        exact = row[f"{test}_rate"]
        assert exact > 0.06
        assert abs(seen - exact) < 4 * np.sqrt(exact * (1 - exact) / years)
    # the test that allows for the factor holds its level
    bads = np.arange(n + 1)
    least = bads[factor_p_value(bads, n, p, correlation=rho) <= 0.05].min()
    assert (drawn >= least).mean() <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / years)


def test_the_factor_of_a_history_is_found_and_none_is_not():
    rng = np.random.default_rng(8)
    start = special.ndtri(0.04) - np.sqrt(0.03) * rng.standard_normal(30)
    found = monitoring.factor_correlation(
        rng.binomial(3_000, special.ndtr(start / np.sqrt(0.97))), np.full(30, 3_000)
    )
    assert found["correlation_low"] < 0.03 < found["correlation_high"]
    assert found["p_value"] < 1e-4
    covered = [
        monitoring.factor_correlation(rng.binomial(500, 0.05, 12), np.full(12, 500))
        for _ in range(10)
    ]
    assert sum(one["correlation_low"] == 0 for one in covered) >= 8
    for bad, n in (([1, 2], [10, 20]), ([0] * 6, [10] * 6), ([10] * 6, [10] * 6)):
        assert np.isnan(monitoring.factor_correlation(bad, n)["correlation"])


def test_the_test_of_no_factor_is_half_a_chi_square():
    """The likelihoods by numerical integration; ρ = 0 is an end of its range."""
    bad, n = np.array([30, 51, 29, 40, 28, 62]), 1000
    found = monitoring.factor_correlation(bad, np.full(6, n))
    p, rho = bad.sum() / 6_000, found["correlation"]

    def likelihood(d):
        def at(z):
            moved = special.ndtri(p) - np.sqrt(rho) * z
            conditional = special.ndtr(moved / np.sqrt(1 - rho))
            return stats.binom.pmf(d, n, conditional) * stats.norm.pdf(z)

        return integrate.quad(at, -8, 8, limit=200)[0]

    best = np.log([likelihood(d) for d in bad]).sum()
    none = stats.binom.logpmf(bad, n, p).sum()
    assert found["p_value"] == pytest.approx(stats.chi2.sf(2 * (best - none), 1) / 2, rel=1e-4)


# -- by grade --------------------------------------------------------------------------------------


def scale(**probabilities):
    starts = [*(600 - 20 * k for k in range(len(probabilities) - 1)), -np.inf]
    index = pd.Index(list(probabilities), name="grade")
    return pd.DataFrame({"score_low": starts, "probability": [*probabilities.values()]}, index)


def outcomes(*cells):
    """Score counts of (score, loans, bads)."""
    index = pd.Index([cell[0] for cell in cells], name="score")
    good, bad = ([c[1] - c[2] for c in cells], [c[2] for c in cells])
    return pd.DataFrame({"good": good, "bad": bad}, index).sort_index()


def test_each_grade_is_told_and_the_factor_may_excuse_it():
    counts = outcomes((610, 2000, 20), (590, 1000, 55), (570, 500, 10), (500, 20, 3))
    table = monitoring.backtest(counts, scale(A=0.01, B=0.04, C=0.06, D=0.1))
    assert table["told"].to_dict() == {
        "A": "holds",
        "B": "understated",
        "C": "overstated",
        "D": "too few to say",
    }
    assert table.loc["B", "jeffreys_p_value"] == metrics.jeffreys_p_value(55, 1000, 0.04)
    assert table.loc["B", "factor_p_value"] == pytest.approx(
        metrics.binomial_p_value(55, 1000, 0.04)
    )
    excused = monitoring.backtest(counts, scale(A=0.01, B=0.04, C=0.06, D=0.1), correlation=0.05)
    assert excused.loc["B", "told"] == "understated, unless by the common factor"
    assert (excused["rejected_factor_rate"] > table["rejected_factor_rate"]).all()
    found = monitoring.backtest_findings(table)
    assert [(text[:7], red) for _, text, red in found] == [("Grade B", True), ("Grade C", False)]
    assert [red for _, _, red in monitoring.backtest_findings(excused)] == [False, False]
    factor = monitoring.factor_correlation([20, 60, 30, 70], [1000] * 4)
    text = monitoring.backtest_text(excused, factor)
    assert "**2 of 3 grades are off:**" in text
    assert "Too few to say: D." in text
    assert "though its probability is right" in text


def test_grades_nobody_is_in_say_nothing():
    nothing = monitoring.backtest(outcomes((610, 50, 0)), scale(A=0.01, B=NAN))
    assert nothing["told"].tolist() == ["too few to say"] * 2
    assert monitoring.backtest_text(nothing).startswith("No grade has enough loans")
    assert monitoring.backtest_findings(nothing) == []
    none_bad = monitoring.backtest(outcomes((610, 2000, 0)), scale(A=0.01))
    assert none_bad["told"].tolist() == ["overstated"]
    sure = monitoring.backtest(outcomes((610, 100, 95)), scale(A=0.95))
    assert sure["told"].tolist() == ["holds"]


def test_of_twenty_right_scales_about_one_is_off():
    rng = np.random.default_rng(10)
    off = 0
    for _ in range(50):
        bads = rng.binomial(1000, [0.01, 0.03, 0.06, 0.12])
        cells = zip((610, 590, 570, 500), [1000] * 4, bads, strict=True)
        table = monitoring.backtest(outcomes(*cells), scale(A=0.01, B=0.03, C=0.06, D=0.12))
        off += bool((table["told"] != "holds").any())
    low, high = stats.binom.interval(0.999, 50, 0.05)
    assert low <= off <= high


# -- month by month --------------------------------------------------------------------------------


def world(n_months, n, seed, over=0.0, fade=0.0):
    """Loans of a score whose log-odds rise by `over` and flatten by `fade` from month to month."""
    rng = np.random.default_rng(seed)
    frames = []
    for k in range(n_months):
        score = rng.normal(600, 40, n).round()
        logit = -2.5 - (score - 600) / 29 * (1 - fade * k) + over * k
        day = pd.Timestamp("2022-01-01") + pd.DateOffset(months=k)
        bad = (rng.random(n) < special.expit(logit)).astype(float)
        frames.append(pd.DataFrame({"score": score, "bad": bad, "day": day}))
    return pd.concat(frames, ignore_index=True)


def promised(score):
    return special.expit(-2.5 - (np.asarray(score) - 600) / 29)


def test_what_comes_true_is_not_said_to_drift_and_counts_add_up():
    loans = world(14, 700, 1)
    counts = monitoring.outcome_counts(loans["score"], loans["bad"], loans["day"])
    calibration, ranking = (
        monitoring.calibration_months(counts, promised),
        monitoring.gini_months(counts),
    )
    assert (calibration["told"] == "may be chance").all()
    first = loans[loans["day"] == loans["day"].min()]
    row = calibration.iloc[0]
    assert (row["n"], row["bad"]) == (700, first["bad"].sum())
    assert row["expected_bad"] == pytest.approx(promised(first["score"]).sum())
    exact = stats.binomtest(int(row["bad"]), 700, row["expected_bad"] / 700)
    assert row["p_value"] == pytest.approx(min(1, 2 * min(exact.pvalue, *_tails(row))), rel=0.5)
    gini = metrics.gini(metrics.score_counts(first["score"], first["bad"]))
    assert ranking["gini"].iloc[0] == pytest.approx(gini)
    assert monitoring.model_months_findings(calibration, ranking) == []
    text = monitoring.model_months_text(calibration, ranking)
    assert "**in no month by more than chance**" in text
    half = loans.index % 2 == 0
    parts = [
        monitoring.outcome_counts(*(loans.loc[rows, name] for name in ("score", "bad", "day")))
        for rows in (half, ~half)
    ]
    assert add_counts(*parts).equals(counts)


def _tails(row):
    p = row["expected_bad"] / row["n"]
    at_least = stats.binom.sf(row["bad"] - 1, row["n"], p)
    return at_least, stats.binom.cdf(row["bad"], row["n"], p)


def test_a_drift_and_a_fading_score_are_told():
    loans = world(12, 2000, 2, over=0.1, fade=0.05)
    counts = monitoring.outcome_counts(loans["score"], loans["bad"], loans["day"])
    calibration, ranking = (
        monitoring.calibration_months(counts, promised),
        monitoring.gini_months(counts),
    )
    assert calibration["told"].iloc[-1] == "more bads than promised"
    found = monitoring.model_months_findings(calibration, ranking)
    assert [(topic, red) for topic, _, red in found] == [
        ("Calibration", True),
        ("Calibration", False),
        ("Ranking", False),
    ]
    text = monitoring.model_months_text(calibration, ranking)
    assert "**rises**" in text
    assert "**falls**" in text


@pytest.mark.parametrize("understated", [1, 3])
def test_a_trend_holds_its_level_even_where_its_errors_are_understated(understated):
    rng = np.random.default_rng(5)
    months = pd.date_range("2022-01-01", periods=12, freq="MS")
    found = 0
    for _ in range(300):
        error = rng.uniform(0.01, 0.05, 12)
        value = pd.Series(0.5 + error * rng.standard_normal(12), months)
        trend = monitoring.month_trend(value, pd.Series(error / understated, months))
        found += trend["p_value"] <= 0.05
    # a spread below 1 is not taken, so that it errs on the safe side
    assert found <= stats.binom.ppf(0.999, 300, 0.05)
    assert found >= (stats.binom.ppf(0.001, 300, 0.05) if understated > 1 else 0)


def test_the_mean_gini_is_not_pulled_to_months_that_happen_to_rank_well():
    """DeLong's error is smallest where the Gini is highest; the mean is the plain one here."""
    months = pd.date_range("2022-01-01", periods=8, freq="MS")
    gini, half = np.tile([0.3, 0.7], 4), np.tile([0.30, 0.15], 4)
    counted = {"n": 400, "bad": 20}
    ranking = pd.DataFrame(
        {**counted, "gini": gini, "gini_low": gini - half, "gini_high": gini + half}, months
    )
    calibration = pd.DataFrame(
        {**counted, "expected_bad": 20.0, "ratio": 1.0, "told": "may be chance"}, months
    )
    text = monitoring.model_months_text(calibration, ranking)
    assert "The Gini of 8 months is 0.500 on average." in text


def test_a_month_ranked_right_or_the_wrong_way_round_is_shown_and_warns_of_nothing():
    day = pd.Timestamp("2024-01-01")
    y = np.repeat([1, 0], 20)
    for score, gini in ((np.arange(40), 1.0), (np.arange(40)[::-1], -1.0)):
        counts = monitoring.outcome_counts(score, y, pd.Series([day] * 40))
        row = monitoring.gini_months(counts).loc[day]
        assert row["gini"] == gini
        assert row[["gini_low", "gini_high"]].isna().all()


def test_few_bads_and_few_months_say_nothing():
    loans = world(3, 30, 3)
    for bad in (loans["bad"], loans["bad"] * 0, loans["bad"] * np.nan):
        counts = monitoring.outcome_counts(loans["score"], bad, loans["day"])
        calibration = monitoring.calibration_months(counts, lambda score: np.full(len(score), 0.05))
        ranking = monitoring.gini_months(counts)
        assert monitoring.model_months_findings(calibration, ranking) == []
        text = monitoring.model_months_text(calibration, ranking)
        assert "Too few bads" in text
        assert "Too few months" in text
    with pytest.raises(ValueError, match="score must be known"):
        monitoring.outcome_counts([NAN], [1], pd.Series([pd.Timestamp("2024-01-01")]))

"""Age, calendar and cohort: what is identified comes back, what is not is said."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from riskkit import hazards
from riskkit.hazards.effects import _hazard_regression

FIRST = pd.Period("2021-01", "M")


def counts_of(log_ratio, *, n=10**7, n_cohorts=24, last=30, rng=None):
    """Counts whose hazards are a curve of age times exp(log_ratio(age, cohort month))."""
    rows = {}
    for born in range(n_cohorts):
        at_risk = n
        for age in range(min(14, last - born + 1)):
            link = np.log(0.004) - ((age - 6) / 4) ** 2 + log_ratio(age, born)
            hazard = -np.expm1(-np.exp(link)) if age >= 4 else 0.0
            events = round(at_risk * hazard) if rng is None else rng.binomial(at_risk, hazard)
            prepaid = at_risk // 40
            rows[(FIRST + born).start_time, age] = (at_risk, events, events + prepaid)
            at_risk -= events + prepaid
    index = pd.MultiIndex.from_tuples(rows, names=["cohort", "mob"])
    table = pd.DataFrame(list(rows.values()), index, ["at_risk", "events", "exits"])
    ends = table.groupby("cohort").tail(1).index
    table.loc[ends, "exits"] = table.loc[ends, "at_risk"]
    return pd.DataFrame(
        {
            "ever_default_loans": table["events"], "exit_default_loans": table["exits"],
            "prepaid_default_loans": 0, "censored_loans": 0,
            "loans": table["at_risk"].where(index.get_level_values("mob") == 0, 0),
        }
    )  # fmt: skip


def test_a_straight_trend_is_found_and_has_no_bends():
    table = hazards.effect_table(counts_of(lambda age, born: 0.02 * born))
    trend = table.loc[("trend", "a year")]
    assert trend["ratio"] == pytest.approx(np.exp(0.24), rel=1e-3)
    assert trend["ratio_low"] < trend["ratio"] < trend["ratio_high"]
    np.testing.assert_allclose(table.loc[["calendar", "cohort"], "ratio"], 1, atol=2e-3)
    # put on the cohorts the trend is theirs, put on the calendar the cohorts are alike
    cohorts = table.loc["cohort"]
    assert cohorts["ratio_if_cohort"].is_monotonic_increasing
    np.testing.assert_allclose(cohorts["ratio_if_calendar"], 1, atol=2e-3)
    calendar = table.loc["calendar"]
    assert calendar["ratio_if_calendar"].is_monotonic_increasing
    np.testing.assert_allclose(calendar["ratio_if_cohort"], 1, atol=2e-3)


def test_a_trend_of_the_calendar_and_one_of_the_cohorts_cannot_be_told_apart():
    by_cohort = hazards.effect_table(counts_of(lambda age, born: 0.02 * born))
    by_calendar = hazards.effect_table(counts_of(lambda age, born: 0.02 * (born + age)))
    one, other = (t.loc[["calendar", "cohort", "trend"], "ratio"] for t in (by_cohort, by_calendar))
    np.testing.assert_allclose(one, other, rtol=3e-3)
    told = hazards.effect_text(by_cohort)
    assert "hazards **rise** from year to year by × 1.27" in told
    assert "no data can tell" in told
    assert "month = cohort + age" in told


def test_a_bad_quarter_of_the_calendar_is_no_cohorts():
    def shock(age, born):
        return 0.4 if 15 <= born + age < 18 else 0.0

    table = hazards.effect_table(counts_of(shock))
    # the shock less its straight line, over the same events
    rows = counts_of(shock)
    months = (
        rows.index.get_level_values("mob")
        + 12 * (rows.index.get_level_values("cohort").year - 2021)
        + rows.index.get_level_values("cohort").month
        - 1
    )
    keep = rows.index.get_level_values("mob") >= 4
    month, weight = months[keep].to_numpy(float), rows["ever_default_loans"][keep].to_numpy(float)
    height = np.where((month >= 15) & (month < 18), 0.4, 0.0)
    slope, level = np.polyfit(month, height, 1, w=np.sqrt(weight))
    bend = pd.Series(height - level - slope * month).groupby(month // 3).agg("mean")
    found = np.log(table.loc["calendar", "ratio"])
    # within a quarter the line goes on, which levels do not: their mean month by events
    assert found["2022Q2"] == pytest.approx(bend[5.0], abs=0.01)
    np.testing.assert_allclose(table.loc["cohort", "ratio"], 1, atol=0.01)
    assert table.loc[("trend", "a year"), "ratio"] == pytest.approx(np.exp(12 * slope), rel=0.02)
    sure = table["p_adjusted"] <= 0.05
    assert sure[("calendar", "2022Q2")]
    assert "calendar 2022Q2" in hazards.effect_text(table)


def test_chance_alone_seldom_names_a_quarter():
    rng, named = np.random.default_rng(0), 0
    for _ in range(20):
        table = hazards.effect_table(counts_of(lambda age, born: 0.0, n=2_000, rng=rng))
        named += (table.loc[["calendar", "cohort", "trend"], "p_adjusted"] <= 0.05).any()
    # 5 % of 20, beyond what a binomial brings once in a thousand
    assert named <= stats.binom.ppf(0.999, 20, 0.05)


def test_levels_with_few_events_are_taken_together():
    rng = np.random.default_rng(3)
    table = hazards.effect_table(counts_of(lambda age, born: 0.0, n=300, rng=rng))
    levels = table.loc[["age", "calendar", "cohort"], "events"]
    assert (levels >= 10).all()
    for effect in ("age", "calendar", "cohort"):
        assert levels[effect].sum() == table.loc[("trend", "a year"), "events"]
    assert any(" to " in level for _, level in levels.index)


def test_too_few_defaults_or_cohorts_give_no_rows():
    few = counts_of(lambda age, born: 0.0, n=300, n_cohorts=3, rng=np.random.default_rng(0))
    assert hazards.effect_table(few).empty
    one = counts_of(lambda age, born: 0.0, n_cohorts=1)
    assert hazards.effect_table(one).empty
    assert "to tell age, calendar and cohort apart" in hazards.effect_text(
        hazards.effect_table(one)
    )
    with pytest.raises(ValueError, match="freq must be 'M', 'Q' or 'Y', got 'W'"):
        hazards.effect_table(one, freq="W")


def test_the_regression_gives_back_the_rates_of_a_level_each_and_their_error():
    at_risk, events = np.array([400.0, 900.0, 250.0]), np.array([12.0, 70.0, 3.0])
    fit, covariance = _hazard_regression(np.eye(3), at_risk, events)
    rate = events / at_risk
    np.testing.assert_allclose(-np.expm1(-np.exp(fit)), rate, rtol=1e-8)
    # the delta method on log(-log(1 - rate))
    error = np.sqrt(rate / (at_risk * (1 - rate))) / -np.log1p(-rate)
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), error, rtol=1e-8)

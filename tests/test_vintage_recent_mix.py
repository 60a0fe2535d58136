"""Recent cohorts against what their mix let expect at the age they have."""

import numpy as np
import pandas as pd
import pytest

from riskkit import vintage
from riskkit.vintage.recent import recent_findings

QUARTERS = pd.to_datetime(["2023-01-01", "2023-04-01", "2023-07-01", "2023-10-01"])
SEEN = (12, 12, 6, 3)  # months on book that each quarter has come to
RATES = {"safe": 0.04, "risky": 0.16}


def book(seed: int, n: int = 2_000, *, risky=(0.3, 0.3, 0.3, 0.3), times=(1, 1, 1, 1)):
    """Loans of two kinds; a third of the bads come by month 3, the rest by month 6."""
    rng = np.random.default_rng(seed)
    quarter = np.repeat(np.arange(4), n)
    kind = np.where(rng.random(4 * n) < np.array(risky)[quarter], "risky", "safe")
    rate = np.array([RATES[name] for name in kind]) * np.array(times)[quarter]
    is_bad = rng.random(4 * n) < rate
    at = rng.choice([2, 4, 5], 4 * n)
    seen = np.array(SEEN)[quarter]
    is_bad &= at <= seen
    return pd.DataFrame({
        "loan_id": np.arange(4 * n), "cohort": QUARTERS[quarter], "amount": 1, "kind": kind,
        "event": np.where(is_bad, "default", "censored"),
        "event_mob": np.where(is_bad, at, seen)})  # fmt: skip


def table_of(outcomes, month=12):
    return vintage.recent_mix_table(vintage.cohort_counts(outcomes, by="kind"), month)


def test_expected_bads_are_a_recount_at_the_rates_of_the_matured():
    outcomes = book(1)
    table = table_of(outcomes)
    assert table.index.get_level_values("cohort").tolist() == [
        "2023Q3", "2023Q3 to 2023Q4", "2023Q4"
    ]  # fmt: skip
    assert table["mob"].tolist() == [6, 3, 3]
    for (cohort, _), row in table.iterrows():
        first, last = cohort.split(" to ")[0], cohort.split(" to ")[-1]
        period = pd.DatetimeIndex(outcomes["cohort"]).to_period("Q").astype(str)
        own = outcomes[(period >= first) & (period <= last)]
        matured = outcomes[outcomes["cohort"] <= QUARTERS[1]]
        early = matured["event"].eq("default") & (matured["event_mob"] <= row["mob"])
        rates = early.groupby(matured["kind"]).mean()
        assert row["loans"] == len(own)
        bad = own["event"].eq("default") & (own["event_mob"] <= row["mob"])
        assert row["bad"] == bad.sum()
        assert row["expected_bad"] == pytest.approx(own["kind"].map(rates).sum())
        assert row["others_rate"] == pytest.approx(early.mean())
        assert row["departure_rate"] == pytest.approx(row["mix_rate"] + row["risk_rate"])


def test_a_cohort_of_weaker_applicants_is_worse_by_its_mix_not_its_risk():
    table = table_of(book(2, risky=(0.3, 0.3, 0.7, 0.3)))
    row = table.loc[("2023Q3", "default")]
    assert row["told"] == "may be chance"
    assert row["mix_rate"] > 0.02
    assert abs(row["risk_rate"]) < 0.03  # three standard errors
    assert "**No recent cohort is worse or better" in vintage.recent_mix_text(table, "kind")
    assert recent_findings(pd.DataFrame({"p_adjusted": [], "bad_rate": [], "earlier_rate": []}),
                           12, table, "kind") == []  # fmt: skip


@pytest.mark.parametrize(("times", "told"), [(2.0, "worse"), (0.4, "better")])
def test_a_cohort_whose_risk_has_moved_is_told(times, told):
    table = table_of(book(3, times=(1, 1, times, 1)))
    assert table.loc[("2023Q3", "default"), "told"] == f"{told} for its mix"
    text = vintage.recent_mix_text(table, "kind")
    assert f"**{told.capitalize()} for its mix:** 2023Q3" in text
    assert "of the same kind, adjusted p-value below 0.001, among" in text
    none = pd.DataFrame({"p_adjusted": [], "bad_rate": [], "earlier_rate": []})
    found = recent_findings(none, 12, table, "kind")
    assert [topic for topic, *_ in found] == ["Early signs"] * (told == "worse")


def test_too_few_are_said():
    table = table_of(book(4, 60))
    text = vintage.recent_mix_text(table, "kind")
    assert (table["told"] == "too few to say").any()
    assert table.loc[table["told"] == "too few to say", "p_value"].isna().all()
    assert "too few to say" in text.lower()


def test_by_chance_alone_few_cohorts_are_told():
    """Of 15 books of four alike quarters, some 5 % have any sign: more than three by 1 in 180."""
    tables = [table_of(book(seed, 300)) for seed in range(15)]
    assert sum(table["told"].str.contains("for its mix").any() for table in tables) <= 3


def test_thin_strata_are_pooled_with_others():
    outcomes = book(5)
    # a stratum that the matured cohorts have three loans of
    recent = np.flatnonzero(outcomes["cohort"] == QUARTERS[2])[:900]
    outcomes.loc[recent, "kind"] = "new"
    outcomes.loc[:2, "kind"] = "new"
    row = table_of(outcomes).loc[("2023Q3", "default")]
    assert row["alike_rate"] < 0.8
    assert row["told"] == "too few to say"


def test_without_a_month_or_recent_cohorts_there_is_nothing():
    assert table_of(book(6), 0).empty
    assert table_of(book(6)[lambda rows: rows["cohort"] <= QUARTERS[1]]).empty
    assert vintage.recent_mix_text(table_of(book(6), 0), "kind").startswith("No recent cohort can")

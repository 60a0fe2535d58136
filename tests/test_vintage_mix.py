"""The matured cohorts, and whether mix or risk sets them apart."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from riskkit import vintage

RATES = np.array([0.01, 0.03, 0.06, 0.12, 0.2])  # of five bands, by the milestone
WEAK = [0.05, 0.1, 0.15, 0.3, 0.4]  # shares of the bands in a cohort of weak applicants


def counts_of(loans, bads, months=6):
    """Counts of quarters (rows) by band (columns); the bads come in month 6."""
    quarters = pd.date_range("2022-01-01", periods=len(loans), freq="QS")
    bands = [f"band {i + 1}" for i in range(np.shape(loans)[1])]
    cells = pd.MultiIndex.from_product([quarters, bands, [0, months]])
    frame = pd.DataFrame(0, cells, ["ever_default_loans", "exit_default_loans", "censored_loans"])
    frame["loans"] = np.column_stack([np.ravel(loans), np.zeros(np.size(loans), int)]).ravel()
    bad = np.column_stack([np.zeros(np.size(bads), int), np.ravel(bads)]).ravel()
    frame["ever_default_loans"] = frame["exit_default_loans"] = bad
    frame.index.names = ["cohort", "score band", "mob"]
    return frame.reorder_levels(["score band", "cohort", "mob"]).sort_index()


def world(rng, *, quarters=6, size=600, shares=None, risk=1.0):
    """Loans and true rates where the fourth quarter, or the last of fewer, has another mix or risk.

    Applicants and fates are drawn; a world differs from the next by both.
    """
    at = min(3, quarters - 1)
    mix = np.full((quarters, len(RATES)), 0.2)
    mix[at] = mix[at] if shares is None else shares
    loans = np.array([rng.multinomial(size, row) for row in mix])
    rates = np.tile(RATES, (quarters, 1))
    rates[at] *= risk
    return loans, rates


def true_ratio(loans, rates):
    """What the ratio estimates: true bads over those at the true rates of the other quarters."""
    bads = loans * rates
    others = (bads.sum(axis=0) - bads) / (loans.sum(axis=0) - loans)
    return bads.sum(axis=1) / (loans * others).sum(axis=1)


def table_of(rng, *, level=0.95, **given):
    loans, rates = world(rng, **given)
    table = vintage.mix_table(counts_of(loans, rng.binomial(loans, rates)), 6, level=level)
    return table, true_ratio(loans, rates)


LOANS = np.array([[100, 100], [100, 100], [50, 150]])
BADS = np.array([[5, 10], [3, 14], [2, 30]])


def test_expected_and_both_parts_are_those_counted_by_hand():
    table = vintage.mix_table(counts_of(LOANS, BADS), 6)
    assert table.index.tolist() == ["2022Q1", "2022Q2", "2022Q3"]
    assert table["bad"].tolist() == [15, 17, 32]
    # the third is held against the first two alone: 8 of 200 and 24 of 200
    row = table.loc["2022Q3"]
    assert row["expected_bad"] == pytest.approx(50 * 8 / 200 + 150 * 24 / 200)
    assert row["ratio"] == pytest.approx(32 / 20)
    assert row["others_rate"] == pytest.approx(32 / 400)
    assert row["mix_rate"] == pytest.approx(20 / 200 - 0.08)
    assert row["risk_rate"] == pytest.approx(0.16 - 0.1)
    both = table["mix_rate"] + table["risk_rate"]
    np.testing.assert_allclose(both, table["departure_rate"], rtol=0, atol=1e-15)
    error = np.sqrt((0.25**2 * 0.04 * 0.96 + 0.25**2 * 0.12 * 0.88) / 200)
    assert row["mix_high"] - row["mix_rate"] == pytest.approx(stats.norm.ppf(0.975) * error)


def test_beside_endless_others_the_interval_is_garwoods():
    # Garwood's limits of 15 events are 8.40 and 24.74: chi-square of 30 and of 32 degrees, halved
    many = 10_000_000
    loans, bads = [[1_000], [many], [many]], [[15], [many // 100], [many // 100]]
    row = vintage.mix_table(counts_of(loans, bads), 6, level=1 - 3 * 0.05).iloc[0]
    assert row["expected_bad"] == pytest.approx(10)
    assert (round(10 * row["ratio_low"], 2), round(10 * row["ratio_high"], 2)) == (8.40, 24.74)
    assert row["ratio_low"] == pytest.approx(stats.chi2.ppf(0.025, 30) / 20, rel=1e-4)
    assert row["ratio_high"] == pytest.approx(stats.chi2.ppf(0.975, 32) / 20, rel=1e-4)
    # both tails alike, twice the upper, as the interval is; Holm multiplies the least by three
    assert row["p_value"] == pytest.approx(min(3 * 2 * stats.poisson.sf(14, 10), 1), rel=1e-3)


def test_one_stratum_is_the_exact_comparison_of_two_poisson_counts():
    # scipy's conditional binomial: 20 of 200 loans beside 30 of 600
    loans, bads = [[200], [600]], [[20], [30]]
    table = vintage.mix_table(counts_of(loans, bads), 6, level=0.9)
    low, high = stats.binomtest(20, 50, 0.25).proportion_ci(0.95, "exact")
    row = table.iloc[0]
    assert row["ratio_low"] == pytest.approx(low / (1 - low) * 3)
    assert row["ratio_high"] == pytest.approx(high / (1 - high) * 3)
    upper = stats.binomtest(20, 50, 0.25, "greater").pvalue
    assert row["p_value"] == pytest.approx(2 * 2 * upper)


def test_where_only_the_mix_changed_no_risk_is_found_and_where_only_the_risk_no_mix():
    rng = np.random.default_rng(7)
    mixed = [table_of(rng, size=1_500, shares=WEAK)[0].loc["2022Q4"] for _ in range(25)]
    risky = [table_of(rng, size=1_500, risk=1.7)[0].loc["2022Q4"] for _ in range(25)]
    assert [row["cause"] for row in mixed].count("mix") >= 23
    assert [row["cause"] for row in risky].count("risk") >= 23
    # on average the parts are what the worlds were made of
    assert np.mean([row["risk_rate"] for row in mixed]) == pytest.approx(0, abs=0.006)
    weaker = (np.array(WEAK) - 0.2) @ RATES
    assert np.mean([row["mix_rate"] for row in mixed]) == pytest.approx(weaker, abs=0.003)
    assert np.mean([row["mix_rate"] for row in risky]) == pytest.approx(0, abs=0.003)
    assert np.mean([row["risk_rate"] for row in risky]) == pytest.approx(
        0.7 * RATES.mean(), abs=0.006
    )


@pytest.mark.parametrize(
    "given",
    [{"shares": WEAK, "size": 200}, {"risk": 1.7, "size": 200}, {"quarters": 2, "size": 400}],
    ids=["mix", "risk", "few others"],
)
def test_intervals_cover_the_true_ratio(given):
    rng = np.random.default_rng(3)
    quarters = given.get("quarters", 6)
    inside = []
    for _ in range(40 if quarters == 6 else 120):
        table, true = table_of(rng, level=1 - 0.05 * quarters, **given)  # each interval 95 %
        assert (table["cause"] != "too few").all()
        inside.extend(table["ratio_low"].le(true) & table["ratio_high"].ge(true))
    assert len(inside) == 240
    assert stats.binomtest(sum(inside), 240, 0.95, alternative="less").pvalue > 0.01


def test_alike_quarters_are_rarely_called_worse():
    rng = np.random.default_rng(5)
    tables = [table_of(rng, size=400)[0] for _ in range(40)]
    alarms = [len(vintage.mix_findings(table, 6, "band")) > 0 for table in tables]
    assert stats.binomtest(sum(alarms), 40, 0.1, alternative="greater").pvalue > 0.01
    words = vintage.mix_text(tables[alarms.index(False)], 6, "band")
    assert "**no matured cohort is worse than the others by more than chance**; highest" in words


def test_few_bads_are_too_few_to_say_and_take_no_part_in_the_adjustment():
    loans = np.array([[400, 400], [400, 400], [20, 20]])
    bads = np.array([[8, 40], [8, 40], [4, 8]])
    table = vintage.mix_table(counts_of(loans, bads), 6)
    assert table["cause"].tolist() == ["chance", "chance", "too few"]
    assert np.isnan(table.loc["2022Q3", "p_value"])
    assert vintage.mix_text(table, 6, "band").endswith("Too few to say: 2022Q3.")
    few = vintage.mix_table(counts_of(loans // 20, bads // 20), 6)
    assert "too few loans are bad, or alike, to say which is worst" in vintage.mix_text(
        few, 6, "band"
    )
    assert vintage.mix_figures(few, 6) == {}
    assert vintage.mix_findings(few, 6, "band") == []


def test_a_product_that_no_other_quarter_sold_is_not_judged_by_others():
    loans = np.array([[500, 500, 0], [500, 500, 0], [300, 300, 400]])
    bads = np.array([[25, 50, 0], [25, 50, 0], [15, 30, 120]])
    table = vintage.mix_table(counts_of(loans, bads), 6)
    assert table["alike_rate"].tolist() == pytest.approx([0.5, 0.5, 0.3])
    assert table["cause"].tolist() == ["too few"] * 3
    # where it is small, its loans are pooled and the rest is judged
    some = loans.copy(), bads.copy()
    some[0][2, 2], some[1][2, 2] = 10, 3
    table = vintage.mix_table(counts_of(*some), 6)
    assert table["alike_rate"].between(0.4, 1).all()


def test_words_name_the_worst_and_what_makes_it_so():
    rng = np.random.default_rng(1)
    risky, _ = table_of(rng, size=3_000, risk=1.7)
    row = risky.loc["2022Q4"]
    text = vintage.mix_text(risky, 6, "score band and term")
    assert text.startswith("By month 6 the worst matured cohort is **2022Q4**, **by risk**: ")
    assert f"{row['ratio']:.2f} ({row['ratio_low']:.2f} to {row['ratio_high']:.2f}) times" in text
    assert "p-value below 0.001 after Holm" in text
    (label, told), *_ = vintage.mix_figures(risky, 6).items()
    assert label == "Worst matured cohort by month 6"
    assert told.startswith("2022Q4, by risk (")
    ((topic, found, red),) = vintage.mix_findings(risky, 6, "score band and term")
    assert (topic, red) == ("Matured cohorts", False)
    assert found.startswith("2022Q4 has ")
    # the newest of them is what may still be sold
    newest, _ = table_of(rng, size=3_000, risk=1.7, quarters=4)
    assert [red for *_, red in vintage.mix_findings(newest, 6, "band")] == [True]
    mixed, _ = table_of(rng, size=3_000, shares=WEAK, quarters=4)
    assert "is **2022Q4**, **by mix**: " in vintage.mix_text(mixed, 6, "band")
    assert [red for *_, red in vintage.mix_findings(mixed, 6, "band")] == [False]


def test_a_risk_that_a_strong_mix_hides_is_told_all_the_same():
    strong = [0.4, 0.3, 0.15, 0.1, 0.05]
    table, _ = table_of(np.random.default_rng(2), size=6_000, shares=strong, risk=1.9, quarters=4)
    assert table.loc["2022Q4", "departure_p_value"] > 0.05
    assert table.loc["2022Q4", "cause"] == "risk, which its mix hides"
    assert "**2022Q4**, **by risk, which its mix hides**: " in vintage.mix_text(table, 6, "band")
    ((_, found, red),) = vintage.mix_findings(table, 6, "band")
    assert red
    assert found.startswith("2022Q4 has ")


def test_cohorts_that_have_not_reached_the_month_are_left_out():
    counts = counts_of(LOANS, BADS)
    young = counts.index.get_level_values("cohort") == pd.Timestamp("2022-07-01")
    late = young & (counts.index.get_level_values("mob") == 6)
    counts.loc[young, "censored_loans"] = np.where(late[young], 0, 1)
    table = vintage.mix_table(counts, 6)
    assert table.index.tolist() == ["2022Q1", "2022Q2"]
    assert vintage.mix_month(counts) == 6
    nobody = vintage.mix_table(counts, 12)
    assert nobody.empty
    assert "no two cohorts have reached a milestone" in vintage.mix_text(nobody, 12, "band")
    assert vintage.mix_figures(nobody, 12) == {}
    assert vintage.mix_findings(nobody, 12, "band") == []
    assert vintage.mix_month(counts.iloc[:0]) == 0


def test_strata_are_fifths_of_the_booked_by_score_and_term():
    booked = np.arange(10) < 5
    loans = pd.DataFrame(
        {
            "application_id": range(10),
            "term_months": [3, 12] * 5,
            "scorecard": [500, 510, 520, 530, 540, 490, 505, 515, 600, np.nan],
            "channel": "app",
            "booked": booked,
        }
    )
    found = vintage.risk_strata(loans)
    assert found.name == "score band and term"
    bands = found.str.split(", ").str[0]
    assert bands.tolist() == [f"band {i}" for i in (1, 2, 3, 4, 5, 1, 1, 2, 5)] + ["no score"]
    assert found[1] == "band 2, 12 months"
    # a monotone map of the score changes nothing: its order alone is used
    again = vintage.risk_strata(loans.assign(scorecard=loans["scorecard"] ** 3))
    pd.testing.assert_series_equal(again, found)
    plain = vintage.risk_strata(loans.drop(columns="scorecard"))
    assert (plain.name, plain[0]) == ("channel and term", "app, 3 months")

"""Is the matrix the same in all periods: against scipy, on degenerate rows, by false alarms."""

import numpy as np
import pandas as pd
import pytest
from migration_panels import panel_of
from scipy import stats

from riskkit.migration import (
    stability_findings,
    stability_table,
    stability_text,
    transition_counts,
)
from riskkit.migration.buckets import bucket_label
from riskkit.synthetic import Lender, simulate

M0, M1, M2 = (bucket_label(k) for k in range(3))
QUARTERS = pd.to_datetime(["2023-03-31", "2023-06-30", "2023-09-30"])


def counts_of(**rows):
    """Counts of moves by quarter; of each bucket, a list of moves to M0, M1, M2 a quarter."""
    cells = {
        (month, bucket_label(int(name[1:])), to): n
        for name, quarters in rows.items()
        for month, moves in zip(QUARTERS, quarters, strict=False)
        for to, n in zip((M0, M1, M2), moves, strict=True)
    }
    index = pd.MultiIndex.from_tuples(cells, names=["month_end", "from_bucket", "to_bucket"])
    return pd.DataFrame({"loans": list(cells.values())}, index=index)


STEADY = [(900, 100, 0), (1800, 200, 0), (905, 95, 0)]
WORSE = [(50, 30, 40), (55, 33, 41), (20, 20, 90)]


def test_each_row_is_the_chi_square_of_its_table_and_rows_add_up():
    table = stability_table(counts_of(M0=STEADY, M1=WORSE))

    # an independent reckoning; the state nobody moved to takes no degree of freedom
    steady = stats.chi2_contingency(np.array(STEADY)[:, :2], correction=False)
    worse = stats.chi2_contingency(np.array(WORSE), correction=False)
    assert table["chi2"].tolist() == pytest.approx(
        [steady.statistic, worse.statistic, steady.statistic + worse.statistic]
    )
    assert table["df"].tolist() == [2, 4, 6]
    assert table["p_value"].tolist()[:2] == pytest.approx([steady.pvalue, worse.pvalue])
    assert table["p_value"].iloc[2] == pytest.approx(stats.chi2.sf(table["chi2"].iloc[2], 6))
    assert table["p_adjusted"].iloc[1] == pytest.approx(2 * worse.pvalue)
    assert table["told"].tolist() == ["within chance", *["changed beyond chance"] * 2]
    assert table.index.tolist() == [M0, M1, "all buckets"]
    row = table.loc[M1]
    assert row[["period", "to_bucket"]].tolist() == ["2023Q3", M2]
    assert (row["there_rate"], row["others_rate"]) == pytest.approx((90 / 130, 81 / 249))
    text = stability_text(table)
    assert text.startswith("**The matrix is not the same in all periods**: of 2 buckets tested, 1")
    assert "of which in 2023Q3 69.2% went to M2 2nd month past due against 32.5% else" in text
    ((topic, told, red),) = stability_findings(table)
    assert (topic, red) == ("Migration", False)
    assert "69.2%" in told


def test_a_stable_matrix_is_told_to_be_so():
    table = stability_table(counts_of(M0=STEADY))
    assert table["told"].tolist() == ["within chance"] * 2
    assert stability_text(table).startswith("**The matrix is stable within chance**")
    assert stability_findings(table) == []


def test_rows_that_cannot_be_tested_are_not_told_to_be_stable():
    cases = {
        "one period": counts_of(M0=STEADY[:1]),
        "one state": counts_of(M0=[(100, 0, 0)] * 3),
        "few moves": counts_of(M0=[(3, 1, 0)] * 3),
        "none": counts_of(M0=[(0, 0, 0)] * 3),
    }
    for name, counts in cases.items():
        table = stability_table(counts)
        assert table["told"].tolist() == ["too few to say"] * 2, name
        assert table[["chi2", "df", "p_value", "p_adjusted"]].isna().all(axis=None)
        assert stability_text(table).startswith("Too few loans have moved")
    empty = stability_table(counts_of(M0=STEADY).iloc[:0])
    assert empty.index.tolist() == ["all buckets"]
    assert empty["loans"].tolist() == [0]
    mixed = stability_table(counts_of(M0=STEADY, M1=cases["few moves"].to_numpy().reshape(3, 3)))
    assert mixed["df"].tolist()[::2] == [2, 2]
    assert "Of 1 more there are too few moves to say." in stability_text(mixed)


def test_rare_states_and_small_periods_are_taken_together():
    # the second quarter has 12 moves: it goes with the smaller neighbour, the third
    table = stability_table(counts_of(M1=[(100, 40, 50), (6, 3, 3), (60, 30, 30)]))
    together = stats.chi2_contingency([[100, 40, 50], [66, 33, 33]], correction=False)
    assert table["chi2"].iloc[0] == pytest.approx(together.statistic)
    assert table["periods"].iloc[0] == 2
    # two loans in all moved to M2: they are told with the next rarest state
    table = stability_table(counts_of(M1=[(100, 40, 1), (100, 50, 0), (60, 70, 1)]))
    together = stats.chi2_contingency([[100, 41], [100, 50], [60, 71]], correction=False)
    assert table["chi2"].iloc[0] == pytest.approx(together.statistic)
    assert table["states"].iloc[0] == 2
    assert table["to_bucket"].iloc[0] in (M0, f"{M1} or {M2}")
    # what goes together is named
    three = stability_table(counts_of(M1=[(6, 3, 3), (6, 3, 3), (100, 140, 50)]))
    assert three["periods"].iloc[0] == 2
    assert three["period"].iloc[0] in ("2023Q1 to 2023Q2", "2023Q3")


def test_counts_of_months_are_put_into_quarters():
    rows = [(100, 0, "current")] * 6
    moves = transition_counts(panel_of([(0, rows), (2, rows)]), split=["month_end"])
    stacked = pd.concat([moves] * 200)
    table = stability_table(stacked, freq="Q")
    assert table.loc[M0, "loans"] == 2000
    with pytest.raises(ValueError, match=r"not split by month_end, but by \[\]"):
        stability_table(moves.droplevel("month_end"))


def test_a_book_that_grows_older_has_not_changed():
    young, old = counts_of(M0=[(900, 100, 0)] * 3), counts_of(M0=[(60, 40, 0)] * 3)
    grows = {"2023-03-31": 1, "2023-06-30": 5, "2023-09-30": 20}
    times = old.index.get_level_values("month_end").strftime("%Y-%m-%d").map(grows)
    old["loans"] *= times.to_numpy()
    aged = pd.concat({1: young, 9: old}, names=["mob"])
    assert stability_table(aged.groupby(level=[1, 2, 3]).sum()).loc[M0, "told"] != "within chance"
    with pytest.raises(ValueError, match="not split by mob"):
        stability_table(young, within=["mob"])
    apart = stability_table(aged, within=["mob"]).loc[M0]
    assert (apart["told"], apart["chi2"], apart["df"]) == ("within chance", 0, 4)
    old.loc[("2023-09-30", M0, M1), "loans"] += 200
    worse = stability_table(pd.concat({1: young, 9: old}, names=["mob"]), within=["mob"])
    wide = old["loans"].unstack()[[M0, M1]]
    assert worse.loc[M0, "chi2"] == pytest.approx(stats.chi2_contingency(wide).statistic)
    assert worse.loc[M0, "among"] == "month 9 on book"
    assert "M0 current, month 9 on book, of which in 2023Q3" in stability_text(worse)


def test_what_no_bucket_shows_alone_all_may_show_together():
    table = stability_table(counts_of(M0=STEADY, M1=[(60, 40, 20), (50, 46, 24), (60, 38, 22)]))
    table.loc["all buckets", ["told", "p_value"]] = "changed beyond chance", 0.03
    text = stability_text(table)
    assert text.startswith("**The matrix is not quite the same in all periods**")
    assert "though none of 2 buckets tested does alone" in text


def test_false_alarms_are_as_rare_as_promised():
    # at 5 % of 400 rows alike, at most 32 have a p-value below with a probability of 99.5 %
    rng = np.random.default_rng(3)
    assert stats.binom.ppf(0.995, 400, 0.05) == 32
    low = 0
    for _ in range(40):
        moves = [rng.multinomial(n, (0.9, 0.07, 0.03), size=10) for n in (300, 80, 500)]
        rows = {f"M{k}": np.stack([part[k] for part in moves]) for k in range(10)}
        low += (stability_table(counts_of(**rows))["p_value"].iloc[:-1] < 0.05).sum()
    assert 8 <= low <= 32


def test_the_downturn_of_the_synthetic_lender_shows_where_loans_fall_behind():
    lender = Lender(scenario="downturn")
    panel = simulate(lender, 15_000, seed=2).performance
    table = stability_table(transition_counts(panel, split=["month_end"]), freq="Y")
    assert table.loc[M0, "told"] == "changed beyond chance"
    # deep arrears go on to charge-off as before
    assert table["told"].iloc[3] == "within chance"

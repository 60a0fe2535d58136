"""A month's matrix against the next month: its mean, both errors, coverage, a book that fails."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from riskkit.migration import (
    forecast_findings,
    forecast_summary,
    forecast_table,
    forecast_text,
    transition_counts,
)
from riskkit.migration.buckets import bucket_label
from riskkit.synthetic import Lender, simulate

M0, M1, M2 = (bucket_label(k) for k in range(3))
STATES = (M0, M1, "charged off", "prepaid")
SHARES = {M0: (0.88, 0.07, 0, 0.05), M1: (0.3, 0.4, 0.25, 0.05)}


def book(rng, n_months, sizes=(1_000, 60), shares=SHARES, spread=0.0):
    """Counts of moves by month of loans that move by one matrix, or by one that months shift."""
    cells = {}
    for month in pd.date_range("2020-01-31", periods=n_months, freq="ME"):
        for bucket, n, share in zip(shares, sizes, shares.values(), strict=True):
            worse = np.array(share) * np.exp([0, spread * rng.standard_normal(), 0, 0])
            for state, moved in zip(STATES, rng.multinomial(n, worse / worse.sum()), strict=True):
                cells[month, bucket, state] = moved
    index = pd.MultiIndex.from_tuples(cells, names=["month_end", "from_bucket", "to_bucket"])
    return pd.DataFrame({"loans": list(cells.values())}, index=index)


def test_expected_is_the_book_times_the_matrix_of_the_months_before():
    counts = book(np.random.default_rng(1), 5)

    table = forecast_table(counts, months=2, seed=4)

    months = counts.index.unique("month_end")
    assert table.index.unique("month_end").tolist() == months[2:].tolist()
    for month in (2, 4):
        before = counts.loc[months[month - 2] : months[month - 1]].groupby(level=[1, 2]).sum()
        matrix = before["loans"].unstack()
        matrix = matrix.div(matrix.sum(axis=1), axis=0)
        now = counts.loc[months[month], "loans"].unstack()
        expected = now.sum(axis=1) @ matrix
        row = table.loc[months[month]]
        np.testing.assert_allclose(row["expected"], expected[row.index])
        assert row["came"].to_dict() == now.sum().to_dict()
        inside = (row["low"] <= row["came"]) & (row["came"] <= row["high"])
        assert row["inside"].tolist() == inside.tolist()
    assert (table["left_out"] == 0).all()
    pd.testing.assert_frame_equal(forecast_table(counts, months=2, seed=4), table)
    assert not forecast_table(counts, months=2, seed=5)["high"].equals(table["high"])


def test_the_interval_has_both_errors_in_it():
    # all loans in one bucket, as many as the matrix was counted on: twice the variance of the
    # process alone
    counts = book(np.random.default_rng(2), 2, sizes=(4_000,), shares={M0: SHARES[M0]})
    row = forecast_table(counts).xs(M1, level="to_bucket").iloc[0]
    share = row["expected"] / 4_000
    width = 2 * 1.96 * np.sqrt(2 * 4_000 * share * (1 - share))
    assert row["high"] - row["low"] == pytest.approx(width, rel=0.12)


def test_a_book_that_moves_by_one_matrix_is_covered():
    # small buckets, too: of 59 forecasts of each state, 95 % inside to within chance
    counts = book(np.random.default_rng(5), 60, sizes=(1_000, 40))
    summary = forecast_summary(forecast_table(counts))
    assert summary["told"].tolist() == ["holds"] * 4
    assert summary["months"].tolist() == [59] * 4
    covered = summary["inside"].sum() / 236
    assert 0.92 < covered <= 0.985
    assert (summary["error_rate"].abs() < 0.05).all()
    text = forecast_text(summary)
    assert text.startswith("**The book holds to its matrix.** Over 59 months")
    assert forecast_findings(summary) == []
    low, high = summary[["coverage_low", "coverage_high"]].iloc[0]
    inside = summary["inside"].iloc[0]
    assert low == pytest.approx(stats.beta.ppf(0.025, inside + 0.5, 59 - inside + 0.5))
    assert low < inside / 59 < high


def test_a_book_that_months_shift_fails_and_says_so():
    counts = book(np.random.default_rng(6), 40, sizes=(10_000, 60), spread=0.3)
    summary = forecast_summary(forecast_table(counts))
    assert summary.loc[M1, "told"] == "fails"
    p_value = stats.binom.cdf(summary.loc[M1, "inside"], 39, 0.95)
    assert summary.loc[M1, "p_value"] == pytest.approx(p_value)
    text = forecast_text(summary)
    assert text.startswith("**The book fails the back-test of its matrix.** Over 39 months")
    ((topic, told, red),) = forecast_findings(summary)
    assert (topic, red) == ("Migration", False)
    assert told.startswith("A month's matrix does not foretell the next month: ")


def test_a_bucket_nobody_was_seen_in_is_left_out_and_counted():
    index = pd.MultiIndex.from_tuples(
        [
            (pd.Timestamp("2024-01-31"), M0, M0),
            (pd.Timestamp("2024-02-29"), M0, M0),
            (pd.Timestamp("2024-02-29"), M1, M2),
            # a month not seen breaks the window
            (pd.Timestamp("2024-04-30"), M0, M0),
        ],
        names=["month_end", "from_bucket", "to_bucket"],
    )
    table = forecast_table(pd.DataFrame({"loans": [50, 60, 7, 55]}, index=index))
    assert table.index.unique("month_end").tolist() == [pd.Timestamp("2024-02-29")]
    assert table["left_out"].tolist() == [7, 7]
    assert table["expected"].tolist() == [60, 0]
    assert table["came"].tolist() == [60, 0]
    summary = forecast_summary(table)
    assert summary["told"].tolist() == ["too few to say"] * 2
    assert np.isnan(summary["error_rate"].iloc[1])
    assert forecast_text(summary).startswith("There are too few forecasts")


def test_too_young_a_book_and_wrong_settings():
    counts = book(np.random.default_rng(1), 1)
    empty = forecast_table(counts)
    assert len(empty) == 0
    assert len(forecast_summary(empty)) == 0
    assert forecast_text(forecast_summary(empty)).startswith("There are too few forecasts")
    assert len(forecast_table(counts.iloc[:0])) == 0
    with pytest.raises(ValueError, match="months must be >= 1, got 0"):
        forecast_table(counts, months=0)
    with pytest.raises(ValueError, match="not split by month_end"):
        forecast_table(counts.droplevel("month_end"))
    with pytest.raises(ValueError, match="level"):
        forecast_table(counts, level=1)


def test_maturing_needs_the_age_of_the_synthetic_lenders_loans():
    lender = Lender()
    panel = simulate(lender, 20_000, seed=5).performance
    months = transition_counts(panel, split=["month_end"], max_bucket=6)
    plain = forecast_summary(forecast_table(months, months=6))
    table = forecast_table(
        transition_counts(panel, split=["month_end", "mob"], max_bucket=6), months=6
    )
    by_age = forecast_summary(table)

    assert plain.loc["matured", "told"] == "fails"
    assert by_age.loc["matured", "told"] == "holds"
    # three times the error where the book's growing older is a surprise
    assert plain.loc["matured", "error_rate"] > 3 * abs(by_age.loc["matured", "error_rate"])
    # every loan is forecast somewhere: what comes adds up to what was expected
    sums = table.groupby(level="month_end")[["expected", "came"]].sum()
    np.testing.assert_allclose(sums["expected"], sums["came"])


def test_deep_buckets_of_few_loans_are_covered():
    # nine in ten roll on: a month in which all of 20 did must not be taken for sure
    shares = {M0: SHARES[M0], M1: (0.08, 0.92, 0, 0)}
    counts = book(np.random.default_rng(8), 120, sizes=(500, 20), shares=shares)
    only = counts[counts.index.get_level_values("from_bucket") == M1]
    summary = forecast_summary(forecast_table(only))
    assert summary.loc[M0, "coverage_rate"] > 0.9
    assert summary.loc[M0, "told"] == "holds"

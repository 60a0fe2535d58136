"""Recent cohorts by amount: how many go bad, or how large they are."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from riskkit import vintage
from riskkit.vintage.by_amount import _p_values
from riskkit.vintage.recent import recent_findings

QUARTERS = pd.to_datetime(["2023-01-01", "2023-04-01", "2023-07-01", "2023-10-01"])


def outcomes(rng, n=400, *, rate=(0.05, 0.05, 0.05, 0.05), large=(1, 1, 1, 1)) -> pd.DataFrame:
    """Four quarters of loans of many sizes; the last two are seen for six months only."""
    quarter = np.repeat(np.arange(4), n)
    amount = np.exp(rng.normal(12, 0.8, 4 * n)).astype(np.int64)
    is_bad = rng.random(4 * n) < np.array(rate)[quarter]
    amount = np.where(is_bad, amount * np.array(large)[quarter], amount)
    return pd.DataFrame({
        "loan_id": np.arange(4 * n), "cohort": QUARTERS[quarter], "amount": amount,
        "event": np.where(is_bad, "default", "censored"),
        "event_mob": np.where(is_bad, rng.integers(2, 6, 4 * n), np.where(quarter < 2, 12, 6)),
    })  # fmt: skip


def recent_of(book: pd.DataFrame) -> pd.DataFrame:
    counts = vintage.cohort_counts(book, squares=True)
    return vintage.recent_table(counts, 12, (3, 6, 9, 12))


def test_squares_are_those_of_each_loan():
    rng = np.random.default_rng(1)
    amount, paid = rng.integers(10_000, 900_000, 60), rng.integers(1_000, 9_000, 60)
    late = rng.random(60) < 0.4
    book = pd.DataFrame({
        "loan_id": np.repeat(np.arange(60), 3), "cohort": QUARTERS[0],
        "mob": np.tile([0, 1, 2], 60), "status": "current",
        "dpd": np.stack([0 * late, 95 * late, 120 * late], axis=1).ravel(),
        "balance": np.stack([amount, amount - paid, amount - 2 * paid], axis=1).ravel(),
        "paid_amount": 0})  # fmt: skip
    counts = vintage.cohort_counts(book, dpd=(90,), squares=True).groupby(level="mob").sum()

    rows = [(int(a), int(a - p)) for a, p in zip(amount[late], paid[late], strict=True)]
    assert counts["ever_90_square"].tolist() == [0, sum(y * y // 10_000 for _, y in rows), 0]
    assert counts["ever_90_cross"].tolist() == [0, sum(a * y // 10_000 for a, y in rows), 0]
    assert counts["square"].tolist() == [sum(int(a) ** 2 // 10_000 for a in amount), 0, 0]


def test_squares_are_counted_only_where_asked_for_and_add_up():
    book = outcomes(np.random.default_rng(2), 50)
    whole = vintage.cohort_counts(book, squares=True)
    halves = [vintage.cohort_counts(part, squares=True) for part in (book[::2], book[1::2])]
    added = pd.concat(halves).groupby(level=["cohort", "mob"]).sum()
    pd.testing.assert_frame_equal(added, whole)
    assert not vintage.cohort_counts(book).filter(like="square").columns.size
    assert "bad_amount_rate" not in vintage.recent_table(vintage.cohort_counts(book), 12, (3, 6))


def test_rates_by_amount_are_sums_over_sums_with_the_error_of_a_ratio():
    book = outcomes(np.random.default_rng(3))
    row = recent_of(book).loc[("default", 6, "2023Q3")]
    own = book[book["cohort"] == QUARTERS[2]]
    y = np.where(own["event"] == "default", own["amount"], 0) / 100
    a = own["amount"].to_numpy() / 100
    rate = y.sum() / a.sum()
    error = np.sqrt(((y - rate * a) ** 2).sum()) / a.sum()
    assert row["bad_amount_rate"] == pytest.approx(rate)
    # of so many loans of one size as would have this error
    n = rate * (1 - rate) / error**2
    ends = stats.beta.ppf([0.025, 0.975], rate * n + 0.5, (1 - rate) * n + 0.5)
    assert [row["bad_amount_low"], row["bad_amount_high"]] == pytest.approx(ends, rel=1e-3)
    assert row["bad_mean_amount"] == pytest.approx(100 * y[y > 0].mean())
    assert row["mean_amount"] == pytest.approx(100 * a.mean())


def test_of_loans_of_one_size_the_test_is_that_of_two_shares():
    bad, n, d, m = 30, 400, 80, 2000
    own, earlier = (np.array([[k, k, b, b, b]], dtype=float) for k, b in ((n, bad), (m, d)))
    rate = (bad + d) / (n + m)
    z = (bad / n - d / m) / np.sqrt(rate * (1 - rate) * (1 / n + 1 / m))
    assert _p_values(own, earlier)[0] == pytest.approx(2 * stats.norm.sf(abs(z)))


def test_by_chance_alone_one_test_in_twenty_is_below_five_percent():
    """4,000 pairs of cohorts of lognormal sizes, 5 % bad: 5 % ± 1 point."""
    rng = np.random.default_rng(4)

    def sums(n: int) -> np.ndarray:
        a = np.exp(rng.normal(8, 0.8, (4_000, n)))
        y = a * rng.uniform(0.3, 1, a.shape) * (rng.random(a.shape) < 0.05)
        parts = (a, a * a, y, y * y, y * a)
        return np.stack([part.sum(axis=1) for part in parts], axis=1)

    below = (_p_values(sums(400), sums(2_000)) < 0.05).mean()
    assert below == pytest.approx(0.05, abs=0.01)


def test_a_cohort_whose_large_loans_go_bad_is_a_sign_by_amount_alone():
    table = recent_of(outcomes(np.random.default_rng(5), 1_500, large=(1, 1, 4, 1)))
    row = table.loc[("default", 6, "2023Q3")]
    assert row["amount_p_adjusted"] < 0.01
    assert row["p_adjusted"] > 0.5
    text = vintage.recent_text(table, 12, "CNY")
    assert "There is **no early sign**" in text
    assert "**By amount there is a sign for the worse:** 2023Q3 with" in text
    assert "**by loans it may be chance**" in text
    more = row["bad_rate"] / row["earlier_rate"]
    larger = row["bad_amount_rate"] / row["earlier_amount_rate"] / more
    assert f"× {more:.2f} are of the number of bad loans and × {larger:.2f} of their size" in text
    ((topic, told, is_red),) = recent_findings(table, 12)
    assert (topic, is_red) == ("Early signs", False)
    assert told.startswith("2023Q3, 12 months, by amount:")


def test_a_cohort_of_which_more_loans_go_bad_is_a_sign_by_both():
    table = recent_of(outcomes(np.random.default_rng(6), rate=(0.05, 0.05, 0.16, 0.05)))
    text = vintage.recent_text(table, 12)
    assert text.startswith("**Early sign:** by month")
    assert "; as it is by loans," in text
    assert len(recent_findings(table, 12)) == 1


def test_without_a_departure_or_bads_by_amount_it_is_said():
    table = recent_of(outcomes(np.random.default_rng(7)))
    assert "**By amount** there is no sign for the worse among" in vintage.recent_text(table, 12)
    few = recent_of(outcomes(np.random.default_rng(8), 20))
    assert few["amount_p_adjusted"].isna().all()
    assert "**By amount** there are too few bads to say" in vintage.recent_text(few, 12)

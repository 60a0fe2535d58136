"""Roll to loss, the product of flows, arrears of then and now: the OCC's figures and recounts."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from in_blocks import InBlocks
from migration_panels import gapped_panels, panel_of
from scipy import stats

from riskkit.checks import DataContractError
from riskkit.migration import (
    bucket,
    bucket_balances,
    charge_off_bucket,
    delinquency_findings,
    delinquency_table,
    delinquency_text,
    flow_rates,
    gross_loss_table,
    gross_loss_text,
    loss_flow_counts,
    roll_to_loss,
    transition_counts,
)
from riskkit.migration.buckets import bucket_label
from riskkit.synthetic import Lender, simulate

# OCC, Comptroller's Handbook, Retail Lending Examination Procedures, Appendix G: current, 30, 60,
# 90 and 120 days past due, in millions, and the roll rates behind its loss factors
OUTSTANDING = [987.4, 30.2, 11.8, 8.2, 5.9]
ROLLS = [0.034, 0.426, 0.671, 0.721, 1.0]


def test_roll_to_loss_of_the_occ():
    table = roll_to_loss(OUTSTANDING, ROLLS)

    assert (100 * table["loss_rate"]).round(1).tolist() == [0.7, 20.6, 48.4, 72.1, 100.0]
    assert f"{100 * table['loss_rate'][0]:.2f}" == "0.70"
    assert table["balance"].sum() == pytest.approx(1_043.5)
    # as printed, each product rounded to 0.1
    printed = table["loss_amount"].round(1).sum()
    assert printed == pytest.approx(30.6)
    assert f"{printed / 1_043.5:.2%}" == "2.93%"
    whole = table["loss_amount"].sum()
    assert f"{whole:.2f}" == "30.66"
    assert f"{whole / 1_043.5:.2%}" == "2.94%"


def test_roll_to_loss_keeps_names_and_refuses_unlike_lengths():
    named = pd.Series(OUTSTANDING[:2], index=["current", "late"])
    assert roll_to_loss(named, [0.1, 0.5]).index.tolist() == ["current", "late"]
    assert roll_to_loss([], []).empty
    with pytest.raises(ValueError, match=r"one value a bucket, got shapes \(2,\) and \(5,\)"):
        roll_to_loss(named, ROLLS)


def losses_by_loop(panel, loss_bucket):
    """Balance by month-end and bucket before loss, and what was newly lost, row by row."""
    days = bucket(panel["dpd"].to_numpy(), panel["month_end"].to_numpy())
    found = {}
    for i, row in enumerate(panel.itertuples()):
        cells = found.setdefault(row.month_end, [0] * (loss_bucket + 1))
        if row.status in ("current", "delinquent") and days[i] < loss_bucket:
            cells[days[i]] += row.balance
        if i == 0:
            continue
        before = panel.iloc[i - 1]
        follows = (
            before["loan_id"] == row.loan_id
            and (row.month_end.to_period("M") - before["month_end"].to_period("M")).n == 1
        )
        was_open = before["status"] in ("current", "delinquent") and days[i - 1] < loss_bucket
        lost = row.status == "charged_off" or (
            row.status in ("current", "delinquent") and days[i] >= loss_bucket
        )
        if follows and was_open and lost:
            cells[-1] += before["balance"]
    return found


@settings(max_examples=20, deadline=None)
@given(gapped_panels(), st.integers(2, 4), st.integers(0, 8))
def test_losses_match_loop_and_add_up_with_gaps(panel, loss_bucket, n_loans):
    if panel.empty:
        return
    counts = loss_flow_counts(panel, loss_bucket=loss_bucket, by="months")

    by_loop = losses_by_loop(panel, loss_bucket)
    found = {month: row.tolist() for month, row in counts.iterrows()}
    assert found == by_loop
    first = panel["loan_id"] < f"L{n_loans:03d}"
    blocks = InBlocks(*(part for part in (panel[first], panel[~first]) if len(part)))
    whole = loss_flow_counts(blocks, loss_bucket=loss_bucket, by="months")
    pd.testing.assert_frame_equal(whole, counts)


# due on the 15th and never paid from December on; charged off in its third month past due, March
LOST = panel_of(
    [
        (0, [(600, 0, "current"), (600, 16, "delinquent"), (600, 47, "delinquent"),
             (600, 76, "charged_off"), (500, 107, "charged_off")]),
        (0, [(400, 0, "current")] * 5),
    ]
)  # fmt: skip


def test_gross_loss_of_small_panel_by_hand():
    moves = transition_counts(LOST)
    assert charge_off_bucket(moves) == 3
    counts = loss_flow_counts(LOST, loss_bucket=3)
    assert counts.to_numpy().tolist() == [
        [1000, 0, 0, 0], [400, 600, 0, 0], [400, 0, 600, 0], [400, 0, 0, 600], [400, 0, 0, 0],
    ]  # fmt: skip

    table = gross_loss_table(counts, months=3)

    assert table.columns.tolist()[:3] == ["M0→M1", "M1→M2", "M2→loss"]
    march = table.loc["2024-02-29"]
    # of 1,000 + 400 + 400 current, 600 fell behind; 600 of 600 each went on
    assert march[["M0→M1", "M1→M2", "M2→loss"]].tolist() == pytest.approx([600 / 1800, 1, 1])
    assert march["gross_loss_rate"] == pytest.approx(1 / 3)
    assert march["book_loss_amount"] == pytest.approx(400 / 3)
    assert np.isnan(table["realised_rate"]).all()
    monthly = gross_loss_table(counts, months=1)
    # what was current in November was lost three months on, in February; nothing of December's
    assert monthly.loc["2023-12-31", "realised_rate"] == 0
    assert gross_loss_table(counts.iloc[:2], months=3).empty
    broken = gross_loss_table(counts.drop(pd.Timestamp("2024-01-31")), months=2)
    assert broken.empty


def test_flows_are_those_of_flow_rates():
    panel = simulate(Lender(), 4_000, seed=3).performance
    assert charge_off_bucket(transition_counts(panel, max_bucket=10)) == 7
    counts = loss_flow_counts(panel, loss_bucket=7)
    table = gross_loss_table(counts, months=1)
    flows = flow_rates(panel, max_bucket=6)
    pd.testing.assert_frame_equal(table[flows.columns], flows, check_freq=False)
    product = table.iloc[:, :7].prod(axis=1, skipna=False)
    np.testing.assert_allclose(table["gross_loss_rate"], product)
    # the way over all buckets, or down from each
    last = counts.iloc[-1]
    rolled = roll_to_loss(last.iloc[:-1].to_numpy(), table.iloc[-1, :7].to_numpy())
    assert rolled["loss_amount"].sum() == pytest.approx(table["book_loss_amount"].iloc[-1])


def test_the_product_of_flows_is_borne_out_by_the_synthetic_lender():
    panel = simulate(Lender(), 20_000, seed=5).performance
    table = gross_loss_table(loss_flow_counts(panel, loss_bucket=7))
    both = table[["gross_loss_rate", "realised_rate"]].dropna()
    assert len(both) == 22
    # single months are off by a third, their mean is not
    assert both["gross_loss_rate"].mean() == pytest.approx(both["realised_rate"].mean(), rel=0.15)
    text = gross_loss_text(table)
    assert "In the 22 months of which it is known what came" in text
    assert "good for some nine months" in text
    assert "takes 7 months" in text


def test_books_without_loss_say_so():
    current = panel_of([(0, [(100, 0, "current")] * 3)])
    assert charge_off_bucket(transition_counts(current)) is None
    table = gross_loss_table(loss_flow_counts(current, loss_bucket=3), months=1)
    assert table["gross_loss_rate"].isna().all()
    assert gross_loss_text(table).startswith("There is no flow from current to loss yet")
    assert table["book_loss_amount"].isna().all()
    empty = loss_flow_counts(current.iloc[:0], loss_bucket=3)
    assert empty.shape == (0, 4)
    assert gross_loss_table(empty).empty
    with pytest.raises(ValueError, match="counts must reach deeper than charge-off: most loans"):
        charge_off_bucket(transition_counts(LOST, max_bucket=2))
    with pytest.raises(ValueError, match="loss_bucket must be >= 2, got 1"):
        loss_flow_counts(current, loss_bucket=1)
    with pytest.raises(ValueError, match="months must be >= 1, got 0"):
        gross_loss_table(empty, months=0)
    with pytest.raises(DataContractError, match="missing columns balance"):
        loss_flow_counts(current.drop(columns="balance"), loss_bucket=3)


COLUMNS = [*(bucket_label(k) for k in range(3)), bucket_label(3, and_worse=True), "charged off"]


def book(rows):
    """Balances, or loans, by month from January 2024 on."""
    ends = pd.date_range("2024-01-31", periods=len(rows), freq="ME", name="month_end")
    return pd.DataFrame(rows, columns=COLUMNS, index=ends)


def test_growth_that_hides_losses_is_told():
    # the book doubles in each half year; what is bad doubles half a year later, and then more
    rows = [[1000, 20, 30, 20, 99]] * 6 + [[2000, 50, 60, 40, 99]] * 6 + [[4000, 80, 90, 105, 99]]
    balances, loans = book(rows) * 1_000, book(rows)

    table = delinquency_table(balances, loans)

    last = table.iloc[-1]
    assert last["balance_amount"] == 4_275_000
    assert last["bad_amount"] == 195_000
    assert last["coincident_rate"] == pytest.approx(195 / 4275)
    assert last["lagged_rate"] == pytest.approx(195 / 2150)
    low, high = stats.chi2.ppf(0.025, 2 * 195) / 2, stats.chi2.ppf(0.975, 2 * 196) / 2
    ends = last[["lagged_low", "lagged_high"]].tolist()
    assert ends == pytest.approx([low / 2150, high / 2150])
    # the identity behind it
    assert last["lagged_rate"] == pytest.approx(last["coincident_rate"] * (1 + last["growth_rate"]))
    assert last["gap_rate"] == pytest.approx(last["lagged_rate"] - last["coincident_rate"])
    assert table["lagged_rate"].isna().tolist() == [True] * 6 + [False] * 7
    text = delinquency_text(table, "more than one month past due")
    assert (
        "is more than one month past due, of the balance of 6 months ago **9.07% (7.84% to" in text
    )
    assert "the book has grown by 99% since" in text
    # half a year ago: 100 of 2,150, and of 1,070
    assert "6 months ago they were 4.65% and 9.35%" in text
    assert "has not moved by more than chance" in text
    assert delinquency_findings(table, "30+") == []
    worse = [*rows[:-1], [7000, 80, 150, 150, 99]]
    hidden = delinquency_table(book(worse), book(worse))
    assert "**Growth hides arrears:**" in delinquency_text(hidden, "30+")
    ((topic, told, red),) = delinquency_findings(hidden, "30+")
    assert (topic, red) == ("Arrears", False)
    assert "30+ is 4.07% of today's balance, 4.65% 6 months ago, but 13.95%" in told


def test_the_other_verdicts():
    steady = [[1000, 20, 30, 20, 0]] * 12
    for last, words in (
        ([1000, 20, 60, 50, 0], "**Payment gets worse:**"),
        ([1000, 20, 15, 15, 0], "**Payment gets better:**"),
        ([1000, 20, 32, 20, 0], "has not moved by more than chance"),
    ):
        table = delinquency_table(book([*steady, last]), book([*steady, last]))
        assert words in delinquency_text(table, "30+")
    # slowly enough that no half year shows it
    rises = [[1000, 20, 30 + 2 * month, 20 + month, 0] for month in range(19)]
    slow = delinquency_text(delinquency_table(book(rises), book(rises)), "30+")
    assert "has not moved by more than chance" in slow
    assert "**Within a year it has risen beyond chance**: it was 6." in slow
    shrunk = delinquency_table(book([*steady, [500, 0, 30, 20, 0]]), book([*steady, steady[0]]))
    assert "the book has shrunk by 49% since" in delinquency_text(shrunk, "30+")


def test_too_few_loans_or_months_say_nothing():
    few = book([[1000, 20, 3, 2, 0]] * 14)
    for table in (
        delinquency_table(few, few),
        delinquency_table(few.iloc[:8] * 100, few.iloc[:8] * 100),
        delinquency_table(few.iloc[:0], few.iloc[:0]),
        delinquency_table(few * 100, few * 100).drop(index=pd.Timestamp("2024-08-31")),
    ):
        assert "cannot be told from payment yet" in delinquency_text(table, "30+")
        assert delinquency_findings(table, "30+") == []
    none = delinquency_table(book([[0] * 5] * 8), book([[0] * 5] * 8))
    assert none["coincident_rate"].isna().all()
    with pytest.raises(ValueError, match="months must be >= 1"):
        delinquency_table(few, few, months=0)
    with pytest.raises(ValueError, match="balances must reach M4"):
        delinquency_table(few, few, from_bucket=4)
    with pytest.raises(ValueError, match="of the same months and buckets"):
        delinquency_table(few, few.iloc[1:])


def test_the_book_of_a_panel_by_loans_and_by_balance():
    panel = simulate(Lender(), 1_000, seed=1).performance
    loans = bucket_balances(panel, measure="loans")
    open_loans = panel[panel["status"].isin(["current", "delinquent", "charged_off"])]
    assert loans.sum(axis=1).to_dict() == open_loans.groupby("month_end").size().to_dict()
    thin = panel.drop(columns="balance")
    pd.testing.assert_frame_equal(bucket_balances(thin, measure="loans"), loans)
    assert flow_rates(loans).shape == flow_rates(panel).shape
    with pytest.raises(ValueError, match="measure must be 'balance' or 'loans', got 'amount'"):
        bucket_balances(panel, measure="amount")

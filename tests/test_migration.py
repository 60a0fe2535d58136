from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from in_blocks import InBlocks
from migration_panels import A_DAY, A_MONTH, last_day, panel_of, panels
from scipy import stats

from riskkit.checks import DataContractError
from riskkit.migration import (
    bucket,
    bucket_balances,
    bucket_label,
    bucket_reading,
    flow_rates,
    reading_text,
    roll_counts,
    roll_rates,
    roll_text,
    transition_counts,
    transition_matrix,
)
from riskkit.migration.rolls import point_of_no_return
from riskkit.synthetic import Lender, simulate

M0, M1, M2, M3 = (bucket_label(k) for k in range(4))
M4_UP = bucket_label(4, and_worse=True)
# observed November 2023 to March 2024; the first is never paid from its instalment due on
# 15 December on, the second cures and is prepaid, the third is charged off and has rows since
SMALL = panel_of(
    [
        (
            0,
            [
                (1000, 0, "current"),
                (1000, 16, "delinquent"),
                (1000, 47, "delinquent"),
                (1000, 76, "delinquent"),
                (1000, 107, "delinquent"),
            ],
        ),
        (0, [(500, 0, "current"), (500, 16, "delinquent"), (400, 0, "current"), (0, 0, "prepaid")]),
        (
            1,
            [
                (300, 0, "current"),
                (300, 16, "charged_off"),
                (200, 45, "charged_off"),
                (200, 76, "charged_off"),
            ],
        ),
        (2, [(700, 0, "current"), (0, 0, "matured")]),
    ]
)


@pytest.fixture(scope="module")
def simulated():
    lender = Lender()
    return simulate(lender, 3_000, seed=5).performance, lender.observed_to


@pytest.mark.parametrize("day", range(1, 32))
def test_never_payer_moves_one_bucket_a_month_whatever_the_due_date(day):
    months = np.arange("2023-01", "2025-01", dtype="datetime64[M]")
    due_dates = months.astype("datetime64[D]") + (day - 1) * A_DAY
    # the 31st exists in some months only
    for due in due_dates[due_dates.astype("datetime64[M]") == months]:
        ends = last_day(due.astype("datetime64[M]") + np.arange(24) * A_MONTH)
        days = (ends - due).astype(np.int64)

        buckets = bucket(days, ends)

        assert (np.diff(buckets) == 1).all()
        # on the due day itself nothing is past due yet
        assert buckets[0] == (days[0] > 0)


def test_due_on_the_first_does_not_jump_from_m2_to_m4():
    ends = np.array(["2024-06-30", "2024-07-31", "2024-08-31"], dtype="datetime64[D]")
    days = (ends - np.datetime64("2024-06-01")).astype(int)

    assert np.ceil(days / 30).tolist() == [1, 2, 4]
    assert bucket(days, ends).tolist() == [1, 2, 3]


def test_bucket_of_nobody_late_or_nobody_at_all():
    assert bucket([0, 0], pd.to_datetime(["2024-01-31", "2024-01-15"])).tolist() == [0, 0]
    assert bucket([], np.array([], dtype="datetime64[D]")).tolist() == []
    assert bucket([0, 31], np.datetime64("2024-03-31")).tolist() == [0, 1]


def test_bucket_refuses_what_it_cannot_place():
    with pytest.raises(ValueError, match="dpd must be >= 0, got -1"):
        bucket([-1], np.datetime64("2024-03-31"))
    with pytest.raises(ValueError, match="last day of a month, got 2024-03-30 and 0 more"):
        bucket([5, 5], np.array(["2024-03-31", "2024-03-30"], dtype="datetime64[D]"))
    with pytest.raises(ValueError, match="k must be >= 0"):
        bucket_label(-1)


def test_labels_say_what_a_bucket_holds():
    assert [M0, M1, M2, M3, M4_UP] == [
        "M0 current",
        "M1 1st month past due",
        "M2 2nd month past due",
        "M3 3rd month past due",
        "M4+ 4th month past due or later",
    ]
    assert [bucket_label(k).split()[1] for k in (11, 12, 13, 21, 22)] == [
        "11th", "12th", "13th", "21st", "22nd",
    ]  # fmt: skip
    assert bucket_label(0, by="days") == "M0 current"
    assert bucket_label(4, by="days") == "M4 91–120 days"
    assert bucket_label(4, by="days", and_worse=True) == "M4+ 91 days or more"
    with pytest.raises(ValueError, match="by must be 'months' or 'days', got 'weeks'"):
        bucket_label(4, by="weeks")


def counting_months(*months_late):
    """Panel of one loan of a lender that writes months past due as 0, 30, 60, ... days."""
    rows = [(1000, 30 * k, "delinquent" if k else "current") for k in months_late]
    return panel_of([(0, rows)])


def test_a_lender_that_counts_months_is_not_misread_in_february():
    ends = np.array(["2023-02-28", "2023-03-31", "2024-02-29", "2023-01-31"], dtype="M8[D]")

    assert bucket([30, 60, 30, 90], ends, by="days").tolist() == [1, 2, 1, 3]
    # by calendar month, 30 days on 28 February reach back into January
    assert bucket([30, 60, 30, 90], ends).tolist() == [2, 3, 2, 3]
    with pytest.raises(ValueError, match="by must be 'months' or 'days', got 'weeks'"):
        bucket([30], ends[:1], by="weeks")


def test_a_panel_of_multiples_of_thirty_is_read_by_days_and_says_so():
    panel = counting_months(0, 0, 1, 2, 3)  # months past due, November to March

    assert bucket_reading(panel) == "days"
    assert bucket_reading(InBlocks(panel.iloc[:2], panel.iloc[2:])) == "days"
    counts = transition_counts(panel)
    assert counts.index[counts["loans"] > 0].tolist() == [
        (M0, M0), (M0, "M1 1–30 days"), ("M1 1–30 days", "M2 31–60 days"),
        ("M2 31–60 days", "M3 61–90 days"),
    ]  # fmt: skip
    flows = flow_rates(panel)
    assert flows.loc["2024-01-31"].tolist()[0] == 1
    assert flows.loc["2024-02-29"].tolist()[1] == 1
    rolls = roll_counts(panel, "2024-03-31", months=1)
    assert rolls["loans"].sum() == 4
    assert roll_rates(rolls).index[1] == "M1 1–30 days"
    assert "begins at two months" in reading_text("days")
    assert "by calendar month" in reading_text("months")
    with pytest.raises(ValueError, match="by must be"):
        reading_text("weeks")


def test_one_row_that_is_no_multiple_of_thirty_makes_the_panel_one_of_days_past_due():
    panel = counting_months(0, 0, 1, 2, 3)
    late = panel.assign(dpd=[0, 0, 30, 60, 91])

    assert bucket_reading(late) == "months"
    assert bucket_reading(panel.assign(dpd=0)) == "months"
    # the reading of the whole is given to its parts: the first has multiples of 30 alone
    parts = [transition_counts(part, by="months") for part in (late.iloc[:4], late.iloc[:0])]
    assert parts[0].index.equals(transition_counts(late).index)
    assert not transition_counts(late.iloc[:4]).index.equals(transition_counts(late).index)


def test_without_balances_loans_are_counted_all_the_same():
    thin = SMALL.drop(columns="balance")

    counts = transition_counts(thin)

    assert counts.columns.tolist() == ["loans"]
    assert counts["loans"].equals(transition_counts(SMALL)["loans"])
    rolls = roll_counts(thin, "2024-03-31", months=1)
    assert roll_rates(rolls).equals(roll_rates(roll_counts(SMALL, "2024-03-31", months=1)))
    with pytest.raises(ValueError, match="measure='balance' needs balances"):
        transition_matrix(counts, measure="balance")
    with pytest.raises(ValueError, match="measure='balance' needs balances"):
        roll_rates(rolls, measure="balance")
    with pytest.raises(DataContractError, match="missing columns balance"):
        flow_rates(thin)


def test_transitions_of_small_panel_by_hand():
    counts = transition_counts(SMALL)

    seen = counts[counts["loans"] > 0]
    assert dict(zip(seen.index, seen.to_numpy().tolist(), strict=True)) == {
        (M0, M1): [2, 1500],
        (M0, "charged off"): [1, 300],
        (M0, "prepaid"): [1, 400],
        (M0, "matured"): [1, 700],
        (M1, M0): [1, 500],
        (M1, M2): [1, 1000],
        (M2, M3): [1, 1000],
        (M3, M4_UP): [1, 1000],
    }
    assert (counts.dtypes == "int64").all()
    assert counts.index.names == ["from_bucket", "to_bucket"]
    assert len(counts) == 5 * 8


def test_matrix_of_small_panel_by_hand():
    matrix = transition_matrix(transition_counts(SMALL))

    assert matrix.index.tolist() == [M0, M1, M2, M3, M4_UP]
    assert matrix.columns.tolist() == [M0, M1, M2, M3, M4_UP, "charged off", "prepaid", "matured"]
    np.testing.assert_allclose(matrix.loc[M0], [0, 0.4, 0, 0, 0, 0.2, 0.2, 0.2])
    np.testing.assert_allclose(matrix.loc[M1], [0.5, 0, 0.5, 0, 0, 0, 0, 0])
    assert matrix.loc[M3, M4_UP] == 1
    # nobody was seen in it
    assert matrix.loc[M4_UP].isna().all()
    by_balance = transition_matrix(transition_counts(SMALL), measure="balance")
    np.testing.assert_allclose(by_balance.loc[M1, [M0, M2]], [1 / 3, 2 / 3])


def test_worst_bucket_takes_all_deeper_ones_in():
    matrix = transition_matrix(transition_counts(SMALL, max_bucket=2))

    assert matrix.index.tolist() == [M0, M1, "M2+ 2nd month past due or later"]
    assert matrix.loc["M2+ 2nd month past due or later", "M2+ 2nd month past due or later"] == 1


def test_more_than_nine_buckets_keep_their_order():
    counts = transition_counts(InBlocks(SMALL.iloc[:5], SMALL.iloc[5:]), max_bucket=11)

    matrix = transition_matrix(counts)

    assert [label.split()[0] for label in matrix.index] == [*(f"M{k}" for k in range(11)), "M11+"]


@settings(max_examples=40, deadline=None)
@given(panels())
def test_transitions_match_loop_over_loans(panel):
    labels = {"charged_off": "charged off", "prepaid": "prepaid", "matured": "matured"}
    days = bucket(panel["dpd"].to_numpy(), panel["month_end"].to_numpy())
    names = [bucket_label(k) if k < 4 else M4_UP for k in days]
    states = [labels.get(status, name) for status, name in zip(panel["status"], names, strict=True)]
    loans, balances = Counter(), Counter()
    for i in range(len(panel) - 1):
        same_loan = panel["loan_id"][i] == panel["loan_id"][i + 1]
        if same_loan and states[i] not in labels.values():
            loans[states[i], states[i + 1]] += 1
            balances[states[i], states[i + 1]] += panel["balance"][i]

    counts = transition_counts(panel, by="months")

    assert counts["loans"][counts["loans"] > 0].to_dict() == dict(loans)
    assert counts["balance"][counts["loans"] > 0].to_dict() == dict(balances)


@settings(max_examples=40, deadline=None)
@given(panels())
def test_rows_of_the_matrix_sum_to_one(panel):
    matrix = transition_matrix(transition_counts(panel, by="months"))

    total = matrix.sum(axis=1)
    seen = matrix.notna().all(axis=1)
    np.testing.assert_allclose(total[seen], 1)
    assert matrix[~seen].isna().all(axis=None)
    assert seen.any() == panel["loan_id"].duplicated().any()


@settings(max_examples=40, deadline=None)
@given(panels(), st.integers(0, 8))
def test_counts_of_two_parts_add_up(panel, n_loans):
    first = panel["loan_id"] < f"L{n_loans:03d}"
    parts = panel[first], panel[~first]

    moves = transition_counts(panel, by="months")
    balances = bucket_balances(panel, by="months")

    pd.testing.assert_frame_equal(
        transition_counts(parts[0], by="months") + transition_counts(parts[1], by="months"), moves
    )
    pd.testing.assert_frame_equal(transition_counts(InBlocks(*parts), by="months"), moves)
    pd.testing.assert_frame_equal(bucket_balances(InBlocks(*parts), by="months"), balances)
    stacked = pd.concat([transition_counts(part, by="months") for part in parts])
    pd.testing.assert_frame_equal(transition_matrix(stacked), transition_matrix(moves))


@settings(max_examples=40, deadline=None)
@given(panels())
def test_balances_are_the_book(panel):
    balances = bucket_balances(panel, by="months")

    book = panel.groupby("month_end")["balance"].sum()
    assert balances.sum(axis=1).to_dict() == book.to_dict()


def test_flow_rates_of_small_panel_by_hand():
    rates = flow_rates(SMALL)

    assert rates.index.tolist() == list(
        pd.to_datetime(["2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31"])
    )
    assert rates.columns.tolist() == ["M0→M1", "M1→M2", "M2→M3", "M3→M4"]
    # December: 1,500 of the 1,500 current in November; January: the loan charged off at once
    # leaves 300 current in December that are in no bucket after it
    np.testing.assert_allclose(
        rates,
        [
            [1, np.nan, np.nan, np.nan],
            [0, 1000 / 1500, np.nan, np.nan],
            [0, np.nan, 1, np.nan],
            [np.nan, np.nan, np.nan, 1],
        ],
    )
    pd.testing.assert_frame_equal(flow_rates(bucket_balances(SMALL)), rates)
    assert flow_rates(SMALL, max_bucket=2).columns.tolist() == ["M0→M1", "M1→M2"]


def test_last_flow_goes_into_its_own_bucket_not_into_a_stock():
    # two never-payers a month apart: in April the first is in M5, the second moves from M3 to M4
    days = [0, 16, 47, 76, 107, 137]
    rows = [(100, d, "delinquent" if d else "current") for d in days]
    later = [(100, d, "delinquent" if d else "current") for d in [0, 16, 45, 76, 106]]
    panel = panel_of([(0, rows), (1, later)])

    assert flow_rates(panel)["M3→M4"].tolist()[-2:] == [1, 1]
    assert bucket_balances(panel).loc["2024-04-30"].tolist() == [0, 0, 0, 0, 100, 100, 0]


def test_missing_month_gives_no_flow():
    balances = bucket_balances(SMALL).drop(pd.Timestamp("2023-12-31"))

    rates = flow_rates(balances)

    assert rates.loc["2024-01-31"].isna().all()
    assert rates.loc["2024-02-29", "M2→M3"] == 1


def test_empty_panel_has_no_moves_and_no_months():
    empty = SMALL.iloc[:0]

    assert transition_counts(empty).sum().tolist() == [0, 0]
    assert transition_matrix(transition_counts(empty)).isna().all(axis=None)
    assert len(bucket_balances(empty)) == 0
    assert len(flow_rates(empty)) == 0
    assert len(flow_rates(SMALL.iloc[:1])) == 0


def dpd_rows(*days, end=None):
    """Rows of 100 fen with these days past due, then perhaps an end."""
    rows = [(100, d, "delinquent" if d else "current") for d in days]
    return rows if end is None else [*rows, (0 if end != "charged_off" else 100, 0, end)]


# with windows of two months and all seen to 31 March 2024, looked at on 31 January (remarks), and
# on 30 November, when one is in M2 already; days past due of loans due on the 15th: 16 in December,
# 47 in January, 76 in February, 107 in March
ROLLS = panel_of(
    [
        (0, dpd_rows(0, 16, 47, 76, 107)),  # worst M2, then M4: worse
        (0, dpd_rows(0, 16, 0, 0, 0)),  # cured by the end of January: M1, then M0
        (0, dpd_rows(46, 16, 16, 16, 16)),  # M2 in November lies before the window: M1, then M1
        (0, dpd_rows(0, 16, 47, 76, end="matured")),  # fell to M3, but paid off: M2, then matured
        (0, dpd_rows(0, 16, 47, end="charged_off")),  # in February
        (0, dpd_rows(0, 16, 47, 76)),  # no row in March, not ended: not known
        (2, dpd_rows(0, 0, 0)),  # disbursed in January: M0 in its whole life
        (3, dpd_rows(0, 0)),  # not there yet
        (0, dpd_rows(0, end="prepaid")),  # ended before
    ]
)


def test_rolls_of_small_panel_by_hand():
    counts = roll_counts(ROLLS, "2024-03-31", months=2)

    seen = counts[counts["loans"] > 0]
    assert dict(zip(seen.index, seen.to_numpy().tolist(), strict=True)) == {
        (M0, M0): [1, 100],
        (M0, M1): [1, 100],
        (M0, M2): [4, 400],
        (M0, "prepaid"): [1, 100],
        (M1, M0): [1, 100],
        (M1, M1): [1, 100],
        (M2, M1): [1, 100],
        (M2, M4_UP): [1, 100],
        (M2, "charged off"): [1, 100],
        (M2, "matured"): [1, 100],
    }
    assert (counts.dtypes == "int64").all()
    assert counts.index.equals(transition_counts(ROLLS).index)


def test_roll_rates_of_small_panel_by_hand():
    counts = roll_counts(ROLLS, pd.Timestamp("2024-03-05"), months=2)

    rates = roll_rates(counts)

    assert rates.columns.tolist() == [
        "loans", "repaid_rate", "better_rate", "same_rate", "worse_rate", "charged_off_rate",
        "no_return_rate", "no_return_low", "no_return_high",
    ]  # fmt: skip
    assert rates.index.tolist() == [M0, M1, M2, M3, M4_UP]
    assert rates["loans"].tolist() == [7, 2, 4, 0, 0]
    np.testing.assert_allclose(rates.loc[M0].iloc[1:7], np.array([1, 0, 1, 5, 0, 0]) / 7)
    np.testing.assert_allclose(rates.loc[M1].iloc[1:7], [0, 0.5, 0.5, 0, 0, 0])
    np.testing.assert_allclose(rates.loc[M2].iloc[1:7], np.array([1, 1, 0, 1, 1, 2]) / 4)
    ends = ["no_return_low", "no_return_high"]
    np.testing.assert_allclose(rates.loc[M2, ends], stats.beta(2.5, 2.5).ppf([0.025, 0.975]))
    np.testing.assert_allclose(rates.loc[M1, ends], [0, stats.beta(0.5, 2.5).ppf(0.975)])
    assert rates.loc[[M3, M4_UP]].iloc[:, 1:].isna().all(axis=None)
    heavy = ROLLS.assign(balance=ROLLS["balance"] * (1 + 2 * (ROLLS["loan_id"] == "L000")))
    by_balance = roll_rates(roll_counts(heavy, "2024-03-31", months=2), measure="balance")
    assert by_balance["balance"].tolist() == [900, 200, 600, 0, 0]
    np.testing.assert_allclose(by_balance.loc[M2].iloc[1:], np.array([1, 1, 0, 3, 1, 4]) / 6)


def test_no_return_is_the_deepest_bucket_or_charged_off():
    counts = roll_counts(ROLLS, "2024-03-31", months=2, max_bucket=1)

    rates = roll_rates(counts)

    late = bucket_label(1, and_worse=True)
    # in January cured, charged off, matured, twice still late; in November still late
    assert rates.loc[late, "loans"] == 6
    np.testing.assert_allclose(rates.loc[late].iloc[1:7], np.array([1, 1, 3, 0, 1, 4]) / 6)


def test_looks_lie_so_far_apart_that_no_month_is_counted_twice():
    # one loan over seven months, windows of two: looks at months 4, 2 and 0, not at 5, 3, 1
    panel = panel_of([(0, dpd_rows(0, 0, 16, 16, 16, 0, 0))])

    counts = roll_counts(panel, panel["month_end"].max(), months=2)

    days = bucket(panel["dpd"].to_numpy(), panel["month_end"].to_numpy())
    assert days.tolist() == [0, 0, 1, 1, 1, 0, 0]
    assert counts[counts["loans"] > 0]["loans"].to_dict() == {(M0, M1): 1, (M1, M1): 1, (M1, M0): 1}


def rolls_by_loop(panel, observed, months, max_bucket=4):
    """Counts of rolls, one loan and look at a time."""
    ends = {"charged_off": "charged off", "prepaid": "prepaid", "matured": "matured"}
    found = Counter()
    for _, loan in panel.groupby("loan_id"):
        buckets = bucket(loan["dpd"].to_numpy(), loan["month_end"].to_numpy())
        life = []  # (month, bucket or end)
        for month, k, status in zip(loan["month_end"], buckets, loan["status"], strict=True):
            life.append((month.to_period("M").ordinal, ends.get(status, min(k, max_bucket))))
            if status in ends:
                break
        for look in range(observed - months, observed - 600, -months):
            before = [k for month, k in life if look - months < month <= look]
            after = [k for month, k in life if look < month <= look + months]
            if life[-1][0] < look or look not in [month for month, _ in life] or not after:
                continue
            if isinstance(before[-1], str):
                continue
            if isinstance(after[-1], str):
                found[max(before), after[-1]] += 1
            elif len(after) == months:
                found[max(before), max(after)] += 1
    return found


@settings(max_examples=60, deadline=None)
@given(panels(), st.integers(1, 4), st.integers(-2, 2))
def test_rolls_match_loop_over_loans(panel, months, later):
    observed = panel["month_end"].max() + pd.offsets.MonthEnd(later) if later else None
    observed = observed or panel["month_end"].max()

    counts = roll_counts(panel, observed, months=months, by="months")

    labels = [M0, M1, M2, M3, M4_UP]
    expected = {
        (labels[a], labels[b] if isinstance(b, (int, np.integer)) else b): n
        for (a, b), n in rolls_by_loop(panel, observed.to_period("M").ordinal, months).items()
    }
    assert counts["loans"][counts["loans"] > 0].to_dict() == expected


@settings(max_examples=40, deadline=None)
@given(panels(), st.integers(0, 8))
def test_rolls_of_two_parts_add_up(panel, n_loans):
    first = panel["loan_id"] < f"L{n_loans:03d}"
    parts, observed = (panel[first], panel[~first]), panel["month_end"].max()

    counts = roll_counts(panel, observed, months=2, by="months")

    by_part = [roll_counts(part, observed, months=2, by="months") for part in parts]
    pd.testing.assert_frame_equal(by_part[0] + by_part[1], counts)
    whole = roll_counts(InBlocks(*parts), observed, months=2, by="months")
    pd.testing.assert_frame_equal(whole, counts)
    pd.testing.assert_frame_equal(roll_rates(pd.concat(by_part)), roll_rates(counts))
    shares = roll_rates(counts).iloc[:, 1:6].sum(axis=1, min_count=1)
    np.testing.assert_allclose(shares.dropna(), 1)


def test_rolls_of_the_simulated_book_match_the_loop(simulated):
    panel, observed = simulated

    counts = roll_counts(panel, observed)

    by_loop = rolls_by_loop(panel, observed.to_period("M").ordinal, 6)
    labels = [M0, M1, M2, M3, M4_UP]
    found = {
        (labels[a], labels[b] if isinstance(b, (int, np.integer)) else b): n
        for (a, b), n in by_loop.items()
    }
    assert counts["loans"][counts["loans"] > 0].to_dict() == found
    assert counts["loans"].sum() > 500
    # its late loans roll on to charge-off more and more surely
    rates = roll_rates(counts)
    assert rates["no_return_rate"].iloc[:3].is_monotonic_increasing
    # M2 has more than a half, too, but of so few loans that chance may have done it
    assert rates["no_return_low"].iloc[2] < 0.5 < rates["no_return_rate"].iloc[2]
    assert point_of_no_return(rates) == 3


def rates_of(*rates, loans=10_000):
    """Roll rates of so many loans in each bucket."""
    lost = np.array(rates, dtype=float) * loans
    low, high = stats.beta(lost + 0.5, loans - lost + 0.5).ppf([[0.025], [0.975]])
    table = {"loans": loans, "no_return_rate": rates, "no_return_low": low, "no_return_high": high}
    return pd.DataFrame(table, index=[M0, M1, M2, M3, M4_UP][: len(rates)])


def test_point_of_no_return_holds_for_all_deeper_buckets():
    def point(*rates, share=0.5):
        return point_of_no_return(rates_of(*rates), share=share)

    assert point(0, 0.2, 0.6, 0.9) == 2
    assert point(0, 0.6, 0.4, 0.9) == 3
    assert point(0.6, 0.4, 0.9) == 2
    assert point(0, 0.6, np.nan, 0.9) == 1
    # a half of ten thousand says neither
    assert point(0.6, 0.5, 0.9) == 0
    assert point(0, 0.5, np.nan, np.nan) is None
    assert point(0, 0.2, 0.6, 0.9, share=0.8) == 3
    assert point(0.9, 0.9) == 0


def test_two_loans_make_no_point_of_no_return():
    few = rates_of(0.0, 0.2, 1.0, 0.8, 0.9)
    few.loc[M2] = rates_of(1.0, loans=2).to_numpy()[0]
    few.loc[M2, ["no_return_low", "no_return_high"]] = stats.beta(2.5, 0.5).ppf([0.025, 0.975])
    assert point_of_no_return(few) == 3
    text = roll_text(few, 30)
    assert "From **M3 3rd month past due** on" in text
    low, high = few.loc[M2, ["no_return_low", "no_return_high"]]
    there = f"(100% of 2 do not come back, {low:.0%} to {high:.0%}): **too few to say**"
    assert f"of which they do not tell whether most come back {there}" in text


def test_a_bucket_surely_lost_is_not_too_few_to_say():
    text = roll_text(rates_of(0.0, 0.95, 0.1, 0.9), 0)
    assert "From **M3 3rd month past due** on" in text
    assert "from which most do not come back (95% of 10,000 do not come back" in text
    assert "yet from a deeper bucket they do" in text
    assert "too few" not in text


def test_text_says_whether_the_definition_begins_where_loans_are_lost():
    rates = rates_of(0.0, 0.2, 0.6, 0.8, 0.9)

    assert roll_text(rates, 90) == (
        "From **M2 2nd month past due** on, more than 50% do not come back (60% of 10,000 there, "
        "59% to 61%). The definition begins with M4+ 4th month past due or later, past that point: "
        "the roll rates **support** it, and would support an earlier one."
    )
    assert "M2 2nd month past due, just there: the roll rates **support** it." in roll_text(
        rates, 30
    )
    # the 16th day lies in M1
    assert "M1 1st month past due, **earlier** than the roll rates support" in roll_text(rates, 15)
    assert "M3 3rd month past due, **earlier** than" in roll_text(rates, 60, share=0.85)
    assert "a charge-off, past that point" in roll_text(rates, None)
    mild = rates_of(0.0, 0.02, 0.06, 0.08, 0.09)
    assert roll_text(mild, 90).startswith("There is no bucket from which on surely more than 50%")
    assert "**earlier** than" in roll_text(mild, 90)
    assert "a charge-off, what nobody comes back from." in roll_text(mild, None)
    with pytest.raises(ValueError, match="rates must reach M5, got 5 buckets"):
        roll_text(rates, 120)


def test_a_loan_that_has_ended_is_not_looked_at_again():
    rows = [*dpd_rows(0, end="charged_off"), *dpd_rows(0, 16, 16)]
    panel = panel_of([(0, rows)])

    counts = roll_counts(panel, "2024-03-31", months=1)

    assert counts[counts["loans"] > 0]["loans"].to_dict() == {(M0, "charged off"): 1}


def test_empty_or_young_panel_has_no_rolls():
    for panel in (ROLLS.iloc[:0], ROLLS[ROLLS["mob"] == 0].iloc[:2]):
        counts = roll_counts(panel, "2023-11-30")

        assert counts.sum().tolist() == [0, 0]
        assert len(counts) == 40
        assert roll_rates(counts).iloc[:, 1:].isna().all(axis=None)


def test_wrong_settings_of_rolls_are_refused():
    with pytest.raises(ValueError, match="months must be >= 1, got 0"):
        roll_counts(ROLLS, "2024-03-31", months=0)
    with pytest.raises(ValueError, match="max_bucket must be >= 1"):
        roll_counts(ROLLS, "2024-03-31", max_bucket=0)
    with pytest.raises(DataContractError, match="missing columns status"):
        roll_counts(ROLLS.drop(columns="status"), "2024-03-31")
    with pytest.raises(ValueError, match="measure must be"):
        roll_rates(roll_counts(ROLLS, "2024-03-31"), measure="amount")
    for share in (0, 1):
        with pytest.raises(ValueError, match=r"share must be in \(0, 1\)"):
            point_of_no_return(rates_of(0.5), share=share)


def test_broken_panel_and_wrong_settings_are_refused():
    with pytest.raises(DataContractError, match="missing columns dpd; present: loan_id, mob"):
        transition_counts(SMALL.drop(columns="dpd"))
    with pytest.raises(DataContractError, match="repeat a month of the loan or go back"):
        transition_counts(SMALL.iloc[[0, 2, 1, 3, 4]])
    with pytest.raises(DataContractError, match="repeat a month of the loan or go back"):
        flow_rates(SMALL.iloc[[0, 2, 1, 3, 4]])
    with pytest.raises(ValueError, match="max_bucket must be >= 1"):
        transition_counts(SMALL, max_bucket=0)
    with pytest.raises(ValueError, match="measure must be"):
        transition_matrix(transition_counts(SMALL), measure="amount")

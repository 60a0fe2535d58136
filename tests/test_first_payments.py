"""First payment defaults: oracles by hand, recounts row by row, the synthetic lender, errors."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from first_payment_books import OBSERVED, books, paid_by
from hypothesis import given, settings
from hypothesis import strategies as st
from in_blocks import InBlocks
from scipy import stats

from riskkit.checks import DataContractError
from riskkit.first_payments import (
    collection_counts,
    payment_default_counts,
    payment_default_rates,
    payment_reading,
    payment_text,
)
from riskkit.synthetic import Lender, simulate


def instalments(*rows):
    """Rows of (loan, number, due date, days late or None, paid of 100)."""
    records = []
    for loan, number, due, late, paid in rows:
        date = None if late is None else pd.Timestamp(due) + pd.Timedelta(days=late)
        records.append((loan, number, due, 100, date, 0 if late is None else paid))
    names = ["loan_id", "number", "due_date", "due_amount", "paid_date", "paid_amount"]
    frame = pd.DataFrame(records, columns=names)
    return frame.astype({"due_date": "M8[us]", "paid_date": "M8[us]"})


SMALL = instalments(
    ("a", 1, "2024-03-05", 8, 100),  # late by 8 days, then on the day
    ("a", 2, "2024-04-05", 0, 100),
    ("b", 1, "2024-03-06", 0, 100),  # settles in March what is due in April
    ("b", 2, "2024-04-06", -20, 100),
    ("c", 1, "2024-03-05", None, 0),  # never pays
    ("c", 2, "2024-04-05", None, 0),
    ("d", 1, "2024-03-05", 0, 60),  # pays in part
    ("e", 2, "2024-04-05", 10, 100),  # its first instalment is not in the table
    ("f", 1, "2024-04-08", None, 0),  # 7 days old on 15 April, so not more than 7
)
DAY = "2024-04-15"


def cell(table, *key):
    return table.loc[key].tolist()


def test_small_book_by_hand():
    counts = payment_default_counts(SMALL, DAY, numbers=[1, 2], days=[7])

    # loans, missed, traced, first missed, young
    march5, march6 = pd.Timestamp("2024-03-05"), pd.Timestamp("2024-03-06")
    april5, april6 = pd.Timestamp("2024-04-05"), pd.Timestamp("2024-04-06")
    assert cell(counts, march5, 1, 7) == [3, 3, 3, 3, 0]
    assert cell(counts, march6, 1, 7) == [1, 0, 1, 0, 0]
    assert cell(counts, pd.Timestamp("2024-04-08"), 1, 7) == [0, 0, 0, 0, 1]
    # c missed again, which is no first miss; e went 10 days over, but its past is not known
    assert cell(counts, april5, 2, 7) == [3, 2, 2, 0, 0]
    assert cell(counts, april6, 2, 7) == [1, 0, 1, 0, 0]
    assert len(counts) == 5
    assert (counts.dtypes == "int64").all()


def test_rates_add_days_up_and_keep_what_is_not_old_enough_apart():
    counts = payment_default_counts(SMALL, DAY, numbers=[1, 2], days=[7])

    rates = payment_default_rates(counts, freq="M")

    april, march = pd.Timestamp("2024-04-01"), pd.Timestamp("2024-03-01")
    assert rates.loc[(march, 1, 7), "missed_rate"] == 0.75
    low, high = rates.loc[(march, 1, 7), ["missed_low", "missed_high"]]
    assert (low, high) == pytest.approx(stats.beta(3.5, 1.5).ppf([0.025, 0.975]))
    assert rates.loc[(april, 1, 7)].isna().sum() == 6
    assert rates.loc[(april, 1, 7), "young_loans"] == 1
    assert rates.loc[(april, 2, 7), "missed_rate"] == 0.5
    # of the three loans whose first instalment is known, none missed the second first
    assert rates.loc[(april, 2, 7), ["traced_loans", "first_rate", "first_low"]].tolist() == [
        3,
        0,
        0,
    ]
    weeks = payment_default_rates(counts, freq="W").index.unique("period")
    assert [str(day.date()) for day in weeks] == ["2024-03-04", "2024-04-01", "2024-04-08"]


def test_more_than_n_days_begins_on_the_day_after():
    for late, missed in ((7, 0), (8, 1)):
        book = instalments(("a", 1, "2024-03-05", late, 100))
        for observed, loans in (("2024-03-12", 0), ("2024-03-13", 1)):
            counts = payment_default_counts(book, observed, numbers=[1], days=[7])
            assert counts["loans"].sum() == loans
            assert counts["missed"].sum() == loans * missed


def test_what_is_paid_after_the_day_of_observation_is_not_paid_yet():
    book = instalments(("a", 1, "2024-03-05", 20, 100))
    counts = payment_default_counts(book, "2024-03-20", numbers=[1], days=[7])
    assert counts["missed"].tolist() == [1]
    assert payment_default_counts(book, "2024-03-20", days=[15], numbers=[1])["young_loans"].sum()


def test_by_disbursal_and_by_part():
    disbursed = pd.Series(pd.to_datetime(["2024-02-10", "2024-02-11"]), index=["a", "c"])
    channel = pd.Series(["app", "app", "sms"], index=["a", "b", "c"], name="channel")

    counts = payment_default_counts(
        SMALL, DAY, numbers=[2], days=[7], disbursed=disbursed, parts=channel
    )
    assert counts.index.names == ["channel", "disbursed", "number", "days"]
    rates = payment_default_rates(counts, by="channel")
    february = pd.Timestamp("2024-02-01")
    assert rates.loc[("app", february, 2, 7), "missed_rate"] == 0
    assert rates.loc[("sms", february, 2, 7), ["missed_rate", "first_rate"]].tolist() == [1, 0]
    assert rates["loans"].sum() == 2  # the others have no date of disbursal
    everyone = payment_default_counts(SMALL, DAY, numbers=[1], days=[7], parts=channel)
    assert everyone.groupby(level="channel", dropna=False)["loans"].sum().tolist() == [2, 1, 1]


def counts_by_loop(book, observed, numbers, days):
    """Counts, one loan at a time."""
    found = Counter()
    for _, loan in book.groupby("loan_id"):
        rows = {row.number: row for row in loan.itertuples()}
        for number in numbers:
            row = rows.get(number)
            if row is None or row.due_date > observed:
                continue
            for n in days:
                key = row.due_date, number, n
                if (observed - row.due_date).days <= n:
                    found[(*key, "young_loans")] += 1
                    continue

                def missed(one, n=n):
                    return not paid_by(one, one.due_date + pd.Timedelta(days=n), observed)

                earlier = [rows.get(k) for k in range(1, number)]
                traced = all(one is not None for one in earlier)
                found[(*key, "loans")] += 1
                found[(*key, "missed")] += missed(row)
                found[(*key, "traced_loans")] += traced
                found[(*key, "first_missed")] += (
                    traced and missed(row) and not any(missed(one) for one in earlier)
                )
    return {key: count for key, count in found.items() if count}


@settings(max_examples=20, deadline=None)
@given(books(), st.integers(0, 6))
def test_counts_match_loop_over_loans_and_add_up(book, n_loans):
    numbers, days = [1, 2, 3], [0, 7, 30]

    counts = payment_default_counts(book, OBSERVED, numbers=numbers, days=days)

    seen = {
        (*key, name): count
        for name in counts
        for key, count in counts[name][counts[name] > 0].items()
    }
    assert seen == counts_by_loop(book, OBSERVED, numbers, days)
    first = book["loan_id"] < f"L{n_loans}"
    blocks = InBlocks(book[first], book[~first])
    whole = payment_default_counts(blocks, OBSERVED, numbers=numbers, days=days)
    pd.testing.assert_frame_equal(whole, counts)
    reading = payment_reading(book, OBSERVED)
    pd.testing.assert_series_equal(payment_reading(blocks, OBSERVED), reading)
    assert reading["partly"] == sum(
        row.due_date <= OBSERVED and row.paid_date <= OBSERVED and 0 < amount < row.due_amount
        for row in book.itertuples()
        for amount in [0 if pd.isna(row.paid_amount) else row.paid_amount]
    )


def test_the_panel_and_the_instalments_of_the_synthetic_lender_tell_the_same():
    lender = Lender()
    portfolio = simulate(lender, 2_000, seed=8)

    counts = payment_default_counts(portfolio.instalments, lender.observed_to, days=[30])

    # more than 30 days past due at the month-end after that of the first instalment
    panel = portfolio.performance
    second = panel[(panel["mob"] == 2) & (panel["status"] != "matured")]
    first = counts.xs((1, 30), level=("number", "days"))
    dues = portfolio.instalments[portfolio.instalments["number"] == 1].set_index("loan_id")
    age = (second["month_end"] - second["loan_id"].map(dues["due_date"])).dt.days
    old = second[(age > 30).to_numpy()]
    late = old.set_index("loan_id")["dpd"] > 30
    paid = dues["paid_date"].reindex(late.index) - dues["due_date"].reindex(late.index)
    unpaid = ~(paid.dt.days <= 30)
    # of those, all that the panel shows past due on the first instalment were missed
    assert late.sum() > 5
    assert unpaid[late].all()
    assert first["missed"].sum() >= late.sum()
    assert first["loans"].sum() == ((lender.observed_to - dues["due_date"]).dt.days > 30).sum()


def test_partly_paid_undated_and_unsaid_amounts_are_told():
    told = payment_text(payment_reading(SMALL, DAY))
    assert told.startswith("Of 9 instalments due so far, 1 were settled")
    assert "1 are paid **in part**" in told
    assert "taken" not in told
    thin = SMALL.drop(columns="paid_amount")
    assert "6 have a date of payment without an amount" in payment_text(payment_reading(thin, DAY))
    # the date of the part is then taken for that of the whole
    assert payment_default_counts(thin, DAY, numbers=[1], days=[7])["missed"].sum() == 2


def test_what_was_nothing_is_not_due_and_said():
    """The sentence counts what the table of what comes in counts."""
    free = SMALL.assign(due_amount=SMALL["due_amount"].where(SMALL["number"] > 1, 0))
    reading = payment_reading(free, DAY)
    whole = payment_reading(SMALL, DAY)
    assert reading["nothing"] > 0
    assert reading["due"] + reading["nothing"] == whole["due"]
    assert reading["due"] == collection_counts(free, DAY)["due_loans"].sum()
    assert f"Of {reading['nothing']} more nothing was due" in payment_text(reading)
    assert "nothing was due" not in payment_text(whole)


def test_no_instalments_and_no_first_ones():
    counts = payment_default_counts(SMALL.iloc[:0], DAY)
    assert len(counts) == 0
    assert len(payment_default_rates(counts)) == 0
    assert payment_reading(SMALL.iloc[:0], DAY).sum() == 0
    late_entry = SMALL[SMALL["number"] == 2]
    assert len(payment_default_counts(late_entry, DAY, numbers=[1])) == 0
    assert payment_default_counts(late_entry, DAY, numbers=[2])["traced_loans"].sum() == 0


def test_broken_tables_and_settings_are_refused():
    def counted(frame):
        return payment_default_counts(frame, DAY)

    with pytest.raises(DataContractError, match="missing columns paid_date"):
        counted(SMALL.drop(columns="paid_date"))
    with pytest.raises(DataContractError, match="number: 1 rows repeat an instalment"):
        counted(SMALL.iloc[[1, 0]])
    with pytest.raises(DataContractError, match="loan_id: rows of 1 loans are not together"):
        counted(SMALL.iloc[[0, 2, 1]])
    with pytest.raises(DataContractError, match="due_date: 1 rows fall due before"):
        counted(SMALL.iloc[:2].assign(due_date=pd.to_datetime(["2024-05-05", "2024-04-05"])))
    with pytest.raises(DataContractError, match="missing beside an amount paid in 1 rows"):
        counted(SMALL.iloc[[4]].assign(paid_amount=10))
    with pytest.raises(DataContractError, match="loan_id, due_date: missing in 2 rows"):
        counted(SMALL.iloc[:2].assign(due_date=pd.NaT))
    with pytest.raises(ValueError, match="numbers must be different ones of at least 1"):
        payment_default_counts(SMALL, DAY, numbers=[0, 1])
    with pytest.raises(ValueError, match="days must be different ones of at least 0"):
        payment_default_counts(SMALL, DAY, days=[7, 7])
    twice = pd.Series(["app", "sms"], index=["a", "a"], name="channel")
    with pytest.raises(ValueError, match="parts have more than one row for a loan"):
        payment_default_counts(SMALL, DAY, parts=twice)
    with pytest.raises(ValueError, match="parts must not be named days"):
        payment_default_counts(SMALL, DAY, parts=twice.iloc[:1].rename("days"))
    with pytest.raises(ValueError, match="disbursed has more than one date"):
        payment_default_counts(SMALL, DAY, disbursed=twice)
    counts = payment_default_counts(SMALL, DAY)
    with pytest.raises(ValueError, match="freq must be 'D', 'W' or 'M', got 'Q'"):
        payment_default_rates(counts, freq="Q")
    with pytest.raises(ValueError, match=r"counts are not by channel, but by \[\]"):
        payment_default_rates(counts, by="channel")


def test_a_categorical_id_and_a_missing_part_are_read_alike():
    as_codes = SMALL.assign(loan_id=SMALL["loan_id"].astype("category"))
    pd.testing.assert_frame_equal(
        payment_default_counts(as_codes, DAY), payment_default_counts(SMALL, DAY)
    )
    parts = pd.DataFrame({"channel": ["app", np.nan], "partner": ["x", "y"]}, index=["a", "b"])
    counts = payment_default_counts(SMALL, DAY, numbers=[1], days=[7], parts=parts)
    assert counts["loans"].sum() == 4
    assert counts.index.names[:2] == ["channel", "partner"]

"""What fell due, entered collection and came in: by hand, row by row, and in words."""

import numpy as np
import pandas as pd
import pytest
from first_payment_books import OBSERVED, books, paid_by
from hypothesis import given, settings
from hypothesis import strategies as st
from in_blocks import InBlocks
from scipy import stats

from riskkit import first_payments as first
from riskkit.synthetic import Lender, simulate

DAYS = (0, 1, 3, 7, 30)


def rows_of(book, observed):
    """What fell due, one row at a time."""
    found = {}
    for _, loan in book.groupby("loan_id"):
        rows = list(loan.itertuples())
        for place, row in enumerate(rows):
            if row.due_date > observed or row.due_amount == 0:
                continue
            day, eve = row.due_date, row.due_date - pd.Timedelta(days=1)
            fresh = all(paid_by(one, eve, observed) for one in rows[:place])
            cells = found.setdefault(day, dict.fromkeys(NAMES, 0))

            def add(name, loans, amount, cells=cells):
                cells[f"{name}_loans"] += loans
                cells[f"{name}_amount"] += amount

            def came(last, row=row):
                if pd.isna(row.paid_date) or row.paid_date > min(last, observed):
                    return 0
                paid = row.due_amount if pd.isna(row.paid_amount) else row.paid_amount
                return min(paid, row.due_amount)

            add("due", 1, row.due_amount)
            add("settled", paid_by(row, eve, observed), came(eve))
            if fresh:
                add("fresh", 1, row.due_amount)
                unpaid = not paid_by(row, day, observed)
                add("fresh_unpaid", unpaid, row.due_amount - came(day))
            for n in DAYS:
                last = day + pd.Timedelta(days=n)
                add(f"paid_{n}", paid_by(row, last, observed), came(last))
    return found


NAMES = [
    f"{name}_{measure}"
    for name in ("due", "settled", "fresh", "fresh_unpaid", *(f"paid_{n}" for n in DAYS))
    for measure in ("loans", "amount")
]


@settings(max_examples=20, deadline=None)
@given(books(), st.integers(0, 6))
def test_counts_match_loop_over_rows_and_add_up(book, n_loans):
    counts = first.collection_counts(book, OBSERVED)

    assert list(counts.columns) == NAMES
    assert counts.to_dict("index") == rows_of(book, OBSERVED)
    parts = book["loan_id"] < f"L{n_loans}"
    blocks = InBlocks(book[parts], book[~parts])
    pd.testing.assert_frame_equal(first.collection_counts(blocks, OBSERVED), counts)
    table = first.collection_table(counts, OBSERVED, freq="D")
    np.testing.assert_allclose(table["entered_rate"], 1 - table["collected_0_rate"])
    rates = [f"collected_{n}_rate" for n in DAYS]
    assert (table[rates].diff(axis=1).iloc[:, 1:].fillna(0) >= 0).all(axis=None)


SMALL = pd.DataFrame(
    {
        "loan_id": ["a", "a", "b", "c", "d"],
        "number": [1, 2, 1, 1, 1],
        "due_date": pd.to_datetime(
            ["2024-03-05", "2024-04-05", "2024-03-05", "2024-03-06", "2024-03-29"]
        ),
        "due_amount": [100, 100, 300, 200, 100],
        # a is in arrears with its first when its second falls due; b pays a third on the next day
        "paid_date": pd.to_datetime(["2024-04-20", "2024-04-20", "2024-03-06", "2024-02-28", None]),
        "paid_amount": [100, 100, 100, 200, 0],
    }
)
DAY = "2024-04-28"


def test_small_book_by_hand():
    counts = first.collection_counts(SMALL, DAY)

    loans = first.collection_table(counts, DAY)
    march, april = loans.index
    assert loans["due"].tolist() == [4, 1]
    assert loans.loc[march, ["settled_rate", "entered_rate", "collected_3_rate"]].tolist() == [
        0.25, 0.75, 0.25,
    ]  # fmt: skip
    assert loans.loc[march, ["entered_low", "entered_high"]].tolist() == pytest.approx(
        stats.beta(3.5, 1.5).ppf([0.025, 0.975])
    )
    # the 29th of March is 30 days old on the 28th of April, but the 31st is not
    assert np.isnan(loans.loc[march, "collected_30_rate"])
    later = first.collection_table(first.collection_counts(SMALL, "2024-04-30"), "2024-04-30")
    assert later.loc[march, "collected_30_rate"] == 0.25
    # April has not ended on the 28th; a owed its first when its second fell due
    assert loans.loc[april].isna().sum() == len(loans.columns) - 1
    assert np.isnan(later.loc[april, "newly_entered_rate"])
    assert later.loc[april, "entered_rate"] == 1
    amounts = first.collection_table(counts, DAY, measure="amount")
    assert amounts.loc[march, "due"] == 700
    assert amounts.loc[march, "entered_rate"] == pytest.approx(5 / 7)
    assert amounts.loc[march, "collected_1_rate"] == pytest.approx(3 / 7)
    assert "entered_low" not in amounts


def test_words_of_what_came_in():
    table = first.collection_table(first.collection_counts(SMALL, "2024-05-31"), "2024-05-31")
    text = first.collection_text(table)
    assert text.startswith("Of the 1 instalments due in the period from 01 April 2024 on, **100.0%")
    assert (
        "0.0% came in on the day or before, 0.0% within 1, 0.0% within 3, 0.0% within 7, " in text
    )
    young = first.collection_table(first.collection_counts(SMALL, "2024-03-20"), "2024-03-20")
    assert first.collection_text(young).startswith("No period has ended")


def test_newest_due_weeks_of_the_synthetic_lender():
    lender = Lender()
    book = simulate(lender, 5_000, seed=4).instalments
    counts = first.collection_counts(book, lender.observed_to)

    table = first.collection_weeks(counts, lender.observed_to)

    assert table.index.tolist() == [
        "due and unpaid at the day's end",
        "due and unpaid 1 day later",
        *(f"due and unpaid {n} days later" for n in (3, 7, 30)),
    ]
    # observed to Tuesday, 31 December: the week to the 29th has ended, but is not 3 days old
    assert table["last"].dt.strftime("%m-%d").tolist() == [
        "12-23",
        "12-23",
        *["12-16"] * 2,
        "11-25",
    ]
    due = book[book["due_date"].between("2024-12-02", "2024-12-29")]
    late = ~((due["paid_date"] - due["due_date"]).dt.days <= 0)
    assert table["missed"].iloc[0] == late.sum()
    assert "no warning" in first.newest_text(table)
    # on a day on which a holiday shut the banks, what fell due came in later
    shut = book["paid_date"].mask(
        book["due_date"].between("2024-12-02", "2024-12-29"),
        book["due_date"] + pd.Timedelta(days=1),
    )
    counts = first.collection_counts(book.assign(paid_date=shut), lender.observed_to)
    worse = first.collection_weeks(counts, lender.observed_to)
    assert worse["told"].iloc[0] == "worse beyond chance"
    assert "due and unpaid at the day's end is 100.00%" in first.newest_text(worse)


def test_nothing_due_and_wrong_settings():
    empty = first.collection_counts(SMALL.iloc[:0], DAY)
    assert len(empty) == 0
    assert len(first.collection_table(empty, DAY)) == 0
    assert first.collection_weeks(empty, DAY).empty
    with pytest.raises(ValueError, match="days must be different ones of at least 0, with 0"):
        first.collection_counts(SMALL, DAY, days=[1, 3])
    counts = first.collection_counts(SMALL, DAY)
    with pytest.raises(ValueError, match="measure must be 'loans' or 'amount', got 'euros'"):
        first.collection_table(counts, DAY, measure="euros")
    with pytest.raises(ValueError, match="freq must be"):
        first.collection_table(counts, DAY, freq="Q")
    with pytest.raises(ValueError, match="weeks must be >= 1"):
        first.collection_weeks(counts, DAY, weeks=0)


def test_what_nobody_can_say_is_left_out_of_the_text():
    dues = pd.DataFrame({
        "loan_id": "a", "number": [1, 2], "due_amount": 100, "paid_date": pd.NaT,
        "due_date": pd.to_datetime(["2024-01-05", "2024-02-05"]),
    })  # fmt: skip
    table = first.collection_table(first.collection_counts(dues, OBSERVED), OBSERVED)
    text = first.collection_text(table)
    assert "nan" not in text
    assert "owed nothing from before" not in text
    one = first.collection_table(first.collection_counts(dues, OBSERVED, days=[0]), OBSERVED)
    assert first.collection_text(one).endswith("came in on the day or before (回款率).")

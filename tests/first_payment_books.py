"""Small odd books of instalments, and how one reads them row by row."""

import pandas as pd
from hypothesis import strategies as st

OBSERVED = pd.Timestamp("2024-06-14")


@st.composite
def books(draw):
    """Instalments of a few loans: late, paid in part, settled early, of 0, with a row missing."""
    records = []
    for loan in range(draw(st.integers(1, 6))):
        first = pd.Timestamp("2024-01-20") + pd.Timedelta(days=draw(st.integers(0, 120)))
        skip = draw(st.sampled_from([None, None, None, 1, 2]))
        for number in range(1, draw(st.integers(1, 5)) + 1):
            due = first + pd.DateOffset(months=number - 1)
            owed = draw(st.sampled_from([100, 100, 100, 70, 0]))
            late = draw(st.sampled_from([None, -40, -1, 0, 0, 0, 1, 2, 7, 8, 15, 16, 31, 200]))
            paid = draw(st.sampled_from([owed, owed, owed, owed + 5, 30, None]))
            date = pd.NaT if late is None else due + pd.Timedelta(days=late)
            amount = 0 if late is None else paid
            if number != skip:
                records.append((f"L{loan}", number, due, owed, date, amount))
    names = ["loan_id", "number", "due_date", "due_amount", "paid_date", "paid_amount"]
    book = pd.DataFrame(records, columns=names)
    return book.astype(
        {"due_date": "M8[us]", "paid_date": "M8[us]", "paid_amount": "Int64", "due_amount": "int64"}
    )


def paid_by(row, day, observed):
    """Whether all of an instalment was paid by the end of a day, as far as seen."""
    if row.due_amount == 0 and day >= row.due_date:
        return True
    if pd.isna(row.paid_date) or row.paid_date > min(day, observed):
        return False
    return pd.isna(row.paid_amount) or row.paid_amount >= row.due_amount

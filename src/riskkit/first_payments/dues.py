"""Instalments as they stood on one day: how late each was paid, and what is not known of it.

Takes the contract's table of instalments; gives arrays, and how payments were read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskkit.checks import DataContractError, require_columns
from riskkit.tables import Table

__all__ = ["READ", "UNPAID", "Dues", "payment_reading", "payment_text", "read_dues"]

NEEDED = ("loan_id", "number", "due_date", "due_amount", "paid_date")
READ = (*NEEDED, "paid_amount")  # what this room reads, as far as it is there
UNPAID = np.iinfo(np.int64).max  # days late of what is not paid


@dataclass(frozen=True, kw_only=True)
class Dues:
    """Rows of instalments, sorted by loan and number, as they were seen on a day.

    Parameters
    ----------
    loan_ids : sequence of shape (n_loans,)
    starts : int array of shape (n_loans,)
        Row of each loan's first instalment.
    number : int64 array of shape (n_rows,)
    due : datetime64[D] array
    age : int64 array
        Days from the due date to the day of observation; negative where that is still to come.
    days_late : int64 array
        Days from the due date to the payment that made it whole, negative where that came before;
        :data:`UNPAID` where none had.
    due_amount, paid_amount : int64 arrays
        Fen; paid by the day of observation.
    payment_late : int64 array
        Days from the due date to the payment, whole or partly; :data:`UNPAID` without any.
    """

    loan_ids: Any
    starts: NDArray[np.intp]
    number: NDArray[np.int64]
    due: NDArray[np.datetime64]
    age: NDArray[np.int64]
    days_late: NDArray[np.int64]
    due_amount: NDArray[np.int64]
    paid_amount: NDArray[np.int64]
    payment_late: NDArray[np.int64]

    @property
    def loan(self) -> NDArray[np.intp]:
        """Place of each row's loan."""
        length = np.diff(np.append(self.starts, len(self.number)))
        return np.repeat(np.arange(len(self.starts)), length)


def read_dues(instalments: pd.DataFrame, observed_to: pd.Timestamp | str) -> Dues:
    """Instalments as they stood at the end of a day.

    An instalment is paid once all of it is: one that was paid in part is open, and the date given
    with it is that of its last payment. Where an amount is not given beside a date, in a column or
    a row, the date says that all was paid. What was paid after the day is not paid yet. An
    instalment of 0 is paid when it falls due.

    Raises
    ------
    DataContractError
        A missing column or value; rows not sorted by loan and number, or whose due dates go back
        within a loan; an amount paid without a date; dates in a time zone.
    """
    require_columns(instalments, list(NEEDED), "instalments")
    dates = instalments[["due_date", "paid_date"]]
    if zoned := list(dates.select_dtypes("datetimetz").columns):
        told = f"{', '.join(zoned)}: in a time zone, dates without one are expected"
        raise DataContractError("instalments", [told])
    number = instalments["number"].to_numpy(np.int64)
    due = instalments["due_date"].to_numpy().astype("datetime64[D]")
    new = _first_rows(instalments["loan_id"])
    day = np.datetime64(pd.Timestamp(observed_to), "D")
    paid_date = instalments["paid_date"].to_numpy().astype("datetime64[D]")
    due_amount = instalments["due_amount"].to_numpy(np.int64)
    amounts = _paid_amounts(instalments, due_amount)
    violations = _violations(instalments, new, number, due)
    dated = ~np.isnat(paid_date)
    undated = int((~dated & (amounts > 0) & (due_amount > 0)).sum()) if _has(instalments) else 0
    if undated:
        violations.append(f"paid_date: missing beside an amount paid in {undated:,} rows")
    if violations:
        raise DataContractError("instalments sorted by loan_id and number", violations)
    seen = dated & (paid_date <= day)
    # a day that is missing is a number, too, and not taken
    late = np.where(seen, (paid_date - due).astype(np.int64), UNPAID)
    paid = np.where(seen, amounts, 0)
    nothing_due = due_amount == 0
    whole = np.where(seen & (paid >= due_amount), late, UNPAID)
    starts = np.flatnonzero(new)
    return Dues(
        loan_ids=instalments["loan_id"].iloc[starts],
        starts=starts,
        number=number,
        due=due,
        age=(day - due).astype(np.int64),
        days_late=np.where(nothing_due, np.minimum(whole, 0), whole).astype(np.int64),
        due_amount=due_amount,
        paid_amount=paid,
        payment_late=late.astype(np.int64),
    )


def _first_rows(loan_id: pd.Series) -> NDArray[np.bool_]:
    """Whether each row is the first of its loan."""
    # the labels are compared in their own type: as Python objects it would take seconds
    ids: Any = loan_id.array
    if isinstance(ids, pd.Categorical):
        ids = ids.codes
    new = np.ones(len(loan_id), dtype=bool)
    new[1:] = np.asarray(ids[1:] != ids[:-1], dtype=bool)
    return new


def _has(instalments: pd.DataFrame) -> bool:
    return "paid_amount" in instalments.columns


def _paid_amounts(instalments: pd.DataFrame, due_amount: NDArray[np.int64]) -> NDArray[np.int64]:
    """Fen paid; all that was due where the table does not say."""
    if not _has(instalments):
        return due_amount
    values = instalments["paid_amount"]
    missing = values.isna().to_numpy()
    if not missing.any():
        return values.to_numpy(np.int64)
    return np.where(missing, due_amount, values.fillna(0).to_numpy(np.int64))


def _violations(
    instalments: pd.DataFrame,
    new: NDArray[np.bool_],
    number: NDArray[np.int64],
    due: NDArray[np.datetime64],
) -> list[str]:
    """What is wrong with the rows and their order; no id is shown."""
    found = []
    missing = instalments["loan_id"].isna().to_numpy() | np.isnat(due)
    if missing.any():
        found.append(f"loan_id, due_date: missing in {int(missing.sum()):,} rows")
        return found
    inner = ~new[1:]
    for name, back in (
        ("number: {} rows repeat an instalment of the loan or go back", np.diff(number) <= 0),
        ("due_date: {} rows fall due before the loan's instalment before", due[1:] < due[:-1]),
    ):
        rows = np.flatnonzero(inner & back) + 1
        if len(rows):
            found.append(f"{name.format(f'{len(rows):,}')}, for example row {rows[0] + 1:,}")
    heads = instalments["loan_id"][new]
    # ascending labels, the usual case, need no hash table
    if not heads.is_monotonic_increasing and not heads.is_unique:
        rows = np.flatnonzero(new)[heads.duplicated()]
        found.append(
            f"loan_id: rows of {len(rows):,} loans are not together, for example row "
            f"{rows[0] + 1:,}"
        )
    return found


def payment_reading(
    instalments: pd.DataFrame | Table, observed_to: pd.Timestamp | str
) -> pd.Series:
    """How many instalments there are whose payment is read in one way of several.

    Parameters
    ----------
    instalments : DataFrame or Table
        Of the contract, sorted by loan and number. A Table is read block by block.
    observed_to : date
        The day up to which payments were seen; what was paid after it is not paid yet.

    Returns
    -------
    Series of int64
        `due` (instalments that have fallen due by then), `nothing` (others by then, of which
        nothing was due), `partly` (of those due paid in part, which leaves them open), `assumed`
        (of those due dated without an amount, taken as paid in full), `settled` (of those due paid
        before the day). They add up over blocks.

    Raises
    ------
    DataContractError
        A missing column or value; rows not sorted by loan and number, or whose due dates go back
        within a loan; an amount paid without a date.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> instalments = pd.DataFrame({
    ...     "loan_id": "a", "number": [1, 2], "due_amount": [100, 100], "paid_amount": [100, 40],
    ...     "due_date": pd.to_datetime(["2024-01-05", "2024-02-05"]),
    ...     "paid_date": pd.to_datetime(["2024-01-02", "2024-02-09"])})
    >>> payment_reading(instalments, "2024-03-31").to_dict()
    {'due': 2, 'nothing': 0, 'partly': 1, 'assumed': 0, 'settled': 1}
    """
    blocks = [instalments] if isinstance(instalments, pd.DataFrame) else instalments.blocks()
    kinds = ["due", "nothing", "partly", "assumed", "settled"]
    totals = pd.Series(0, index=kinds, dtype=np.int64)
    for block in blocks:
        dues = read_dues(block, observed_to)
        by_now = dues.age >= 0
        fallen = by_now & (dues.due_amount > 0)
        paid = dues.payment_late != UNPAID
        unsaid = block["paid_amount"].isna().to_numpy() if _has(block) else True
        totals += [
            int(fallen.sum()),
            int((by_now & ~fallen).sum()),
            int((fallen & (dues.paid_amount > 0) & (dues.days_late == UNPAID)).sum()),
            int((fallen & paid & unsaid).sum()),
            int((fallen & paid & (dues.payment_late < 0)).sum()),
        ]
    return totals


def payment_text(reading: pd.Series) -> str:
    """Sentences on how payments were read, as Markdown.

    Parameters
    ----------
    reading : Series
        Of :func:`payment_reading`.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> payment_text(pd.Series({"due": 0, "nothing": 0, "partly": 0, "assumed": 0, "settled": 0}))
    'No instalment has fallen due yet.'
    """
    if not reading["due"]:
        return "No instalment has fallen due yet."
    text = (
        f"Of {reading['due']:,} instalments due so far, {reading['settled']:,} were settled before "
        "they fell due and stay in every base as good."
    )
    if reading["nothing"]:
        text += (
            f" Of {reading['nothing']:,} more nothing was due: their loans count as good on that "
            "day, and what comes in is told without them."
        )
    if reading["partly"]:
        text += (
            f" {reading['partly']:,} are paid **in part**: one counts as open, by loans, until all "
            "of it is paid; by amount its part counts from the date given, that of its last "
            "payment, so what came in pieces before is counted late."
        )
    if reading["assumed"]:
        text += (
            f" {reading['assumed']:,} have a date of payment without an amount and are **taken as "
            "paid in full**: whether they were is not known."
        )
    return text

"""The book as it stood on a day: what was seen after it is not there.

Takes the performance panel or the outcomes; gives the same table cut at the day of observation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from riskkit.checks import require_columns, whole_loans
from riskkit.columns import calendar_months
from riskkit.partitions import collected
from riskkit.tables import BLOCK_ROWS, Table

__all__ = [
    "BookAsOf",
    "applications_as_of",
    "book_as_of",
    "check_day",
    "outcomes_as_of",
    "panel_as_of",
]


class BookAsOf(NamedTuple):
    """A book as it stood on a day; of :func:`book_as_of`.

    Parameters
    ----------
    book : Table
        The panel, or the outcomes, without what was seen later.
    day : Timestamp or None
        Payments are seen up to its end; None where the source names no last day.
    month_end : Timestamp or None
        The last month-end seen: `day`, or the one before it.
    cut_at : Timestamp or None
        `day`, where anything is left out for it.
    """

    book: Table
    day: pd.Timestamp | None
    month_end: pd.Timestamp | None
    cut_at: pd.Timestamp | None = None


def check_day(parameters: Mapping[str, Any]) -> None:
    """Refuse a day of observation that is no day.

    Parameters
    ----------
    parameters : mapping of str to Any
        `observed_to`: a date such as "2024-06-30", or "" for the last day of the data.

    Raises
    ------
    ValueError
        Names the parameter, what it may be and the value.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> check_day({"observed_to": "June"})
    Traceback (most recent call last):
    ValueError: observed_to must be a day such as 2024-06-30, or empty, got 'June'
    """
    given = parameters.get("observed_to", "")
    try:
        # pandas would take "June", and a bare number, for days of this year or of 1970
        if not isinstance(given, str) or (given and len(given) != 10):
            raise ValueError
        if given:
            pd.Timestamp(np.datetime64(given, "D"))
    except ValueError:
        message = f"observed_to must be a day such as 2024-06-30, or empty, got {given!r}"
        raise ValueError(message) from None


def book_as_of(book: Table, observed_to: str, last_day: pd.Timestamp | None) -> BookAsOf:
    """The book as it stood on a day, and that day.

    Parameters
    ----------
    book : Table
        The performance panel, or outcomes (they have a column `event`).
    observed_to : str
        A day such as "2024-06-30"; "" is the last day of the data, and cuts nothing.
    last_day : Timestamp or None
        Up to which the source was seen; None where it does not say: the last month of the book.

    Returns
    -------
    BookAsOf
        A book that is cut is held in memory, and so is one that fits a single block, which is then
        read once for all that is counted on it.

    Raises
    ------
    ValueError
        A day that is no day, before the first month-end of the book, or after the last day.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> panel = pd.DataFrame({
    ...     "loan_id": ["a", "a", "a", "b"], "mob": [0, 1, 2, 0],
    ...     "month_end": pd.to_datetime(["2024-01-31", "2024-02-29", "2024-03-31", "2024-03-31"])})
    >>> found = book_as_of(Table(panel, whole="loan_id"), "2024-03-15", pd.Timestamp("2024-03-31"))
    >>> len(found.book), f"{found.month_end:%d %B}"
    (2, '29 February')
    """
    check_day({"observed_to": observed_to})
    if not observed_to:
        if len(book) <= BLOCK_ROWS:
            book = Table(book.frame(), whole=book.whole)
        return BookAsOf(book, last_day, last_day)
    day = pd.Timestamp(observed_to)
    first, last = _ends(book)
    last = last if last_day is None else last_day
    if not first <= day <= last:
        raise ValueError(
            f"observed_to must lie between {first:%Y-%m-%d}, the first month-end of the book, and "
            f"{last:%Y-%m-%d}, the last day seen, got {observed_to!r}"
        )
    if day == last:
        return book_as_of(book, "", last)
    cut = outcomes_as_of if "event" in book.columns else panel_as_of
    whole = collected(partial(cut, day=day), whole_loans(book))
    return BookAsOf(Table(whole, whole=book.whole), day, _last_month_end(day), day)


def panel_as_of(panel: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    """Rows of a performance panel up to a day.

    Parameters
    ----------
    panel : DataFrame
        `month_end`.
    day : Timestamp

    Raises
    ------
    DataContractError
        No `month_end`.

    Source
    ------
    riskkit definition.
    """
    require_columns(panel, ["month_end"], "performance")
    return panel[(panel["month_end"] <= day).to_numpy()]


def outcomes_as_of(outcomes: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    """Outcomes as they were known on a day: who had not ended by its month was open still.

    An event is known at the end of its month. A loan whose event came later is censored in the last
    month seen; loans granted after that month are not there.

    Parameters
    ----------
    outcomes : DataFrame
        `cohort`, `event`, `event_mob`.
    day : Timestamp

    Raises
    ------
    DataContractError
        A column is missing.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> outcomes = pd.DataFrame({
    ...     "loan_id": ["a", "b"], "cohort": pd.to_datetime(["2024-01-01", "2024-06-01"]),
    ...     "event": ["default", "matured"], "event_mob": [5, 3]})
    >>> outcomes_as_of(outcomes, pd.Timestamp("2024-05-01"))[["event", "event_mob"]].to_numpy()
    array([['censored', 3]], dtype=object)
    """
    require_columns(outcomes, ["cohort", "event", "event_mob"], "outcomes")
    age = calendar_months([_last_month_end(day)])[0] - calendar_months(outcomes["cohort"])
    later = (outcomes["event_mob"] > age).to_numpy()
    known = outcomes.assign(
        event=outcomes["event"].astype(object).mask(later, "censored").astype("str"),
        event_mob=np.where(later, age, outcomes["event_mob"]),
    )
    return known[age >= 0]


def applications_as_of(
    applications: pd.DataFrame | Table,
    day: pd.Timestamp | None,
    columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Applications, or their scores, of those who had applied by a day.

    Parameters
    ----------
    applications : DataFrame or Table
        Without `applied_at` all are known: who has no loan by then is in no count anyhow. Of a
        Table with `booked`, therefore, those that became loans alone, whichever its size.
    day : Timestamp or None
        None: all.
    columns : sequence of str, optional
        Those to give, where they are there; by default all.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> applications = pd.DataFrame({
    ...     "application_id": ["a", "b"],
    ...     "applied_at": pd.to_datetime(["2024-01-05", "2024-03-01"])})
    >>> applications_as_of(applications, pd.Timestamp("2024-01-31"), ["application_id", "grade"])
      application_id
    0              a
    """
    there = list(applications.columns)
    wanted = there if columns is None else [name for name in columns if name in there]
    if isinstance(applications, pd.DataFrame):
        return _known(applications, day=day, wanted=wanted)
    read = {*wanted, *({"applied_at", "booked"} & {*there})}
    task = partial(_known_loans, day=day, wanted=wanted)
    return collected(task, applications, columns=[name for name in there if name in read])


def _known_loans(
    applications: pd.DataFrame, day: pd.Timestamp | None, wanted: list[str]
) -> pd.DataFrame:
    if "booked" in applications:
        applications = applications[applications["booked"].fillna(False).to_numpy(bool)]
    return _known(applications, day=day, wanted=wanted)


def _known(applications: pd.DataFrame, day: pd.Timestamp | None, wanted: list[str]) -> pd.DataFrame:
    if "applied_at" not in applications or day is None:
        return applications[wanted]
    by_then = (applications["applied_at"] < day.normalize() + pd.Timedelta(days=1)).to_numpy()
    return applications.loc[by_then, wanted]


def _last_month_end(day: pd.Timestamp) -> pd.Timestamp:
    return day if day.is_month_end else day - pd.offsets.MonthEnd(1)


def _ends(book: Table) -> tuple[pd.Timestamp, pd.Timestamp]:
    """First month-end of a book, and the last."""
    if "event" in book.columns:
        rows = book.frame(["cohort", "event_mob"])
        months = calendar_months(rows["cohort"])
        first, last = months.min(initial=0), (months + rows["event_mob"]).max()
        ends = [pd.Period(ordinal=int(month), freq="M").end_time for month in (first, last)]
        return ends[0].normalize(), ends[1].normalize()
    month_end = book.frame(["month_end"])["month_end"]
    return month_end.min(), month_end.max()

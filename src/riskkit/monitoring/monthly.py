"""The business by month: one table of counts, from which rates, lights and tests follow.

Takes the contract's tables; gives whole counts by month, which add up over parts split by loan.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from riskkit.checks import DataContractError, require_columns, same_rows, whole_loans
from riskkit.loan_values import LoanValues
from riskkit.migration import bucket_reading
from riskkit.monitoring.month_sums import (
    NONE,
    asked_sums,
    book_sums,
    disbursed_sums,
    due_sums,
    first_due_sums,
    lent_column,
    young_sums,
)
from riskkit.partitions import total
from riskkit.policy import fired
from riskkit.schema import PolicyFile
from riskkit.tables import Table

__all__ = ["monthly_counts"]

_ASKED = (
    *("application_id", "applied_at", "approved", "booked", "booked_amount", "amount"),
    *("override", "explored", "default_flag"),
)
_PANEL = ("loan_id", "cohort", "mob", "month_end", "dpd", "status", "balance", "amount")
_DUES = ("loan_id", "number", "due_date", "due_amount", "paid_date", "paid_amount")


def monthly_counts(
    applications: pd.DataFrame | Table,
    *,
    observed_to: pd.Timestamp | str,
    performance: pd.DataFrame | Table | None = None,
    instalments: pd.DataFrame | Table | None = None,
    score: ArrayLike | str | None = None,
    exceptions: ArrayLike | None = None,
    rules: PolicyFile | None = None,
    special_codes: Mapping[str, Collection[float]] | None = None,
    by: str | None = None,
) -> pd.DataFrame:
    """Counts of the business by month: numerators and denominators of every rate.

    Counts of two parts of a portfolio that share no application add up to those of the whole
    (:func:`riskkit.partitions.add_counts`). A column whose table or column the source lacks is
    absent, never 0. What cannot have been seen yet is 0 in numerator and denominator alike. The
    last month may be incomplete: its end lies after `observed_to`.

    Parameters
    ----------
    applications : DataFrame of shape (n,) or Table
        `application_id` and, as far as known, `applied_at`, `approved`, `booked`, `amount`,
        `booked_amount`, `override`, `explored`, `default_flag`. A Table, and then those below, are
        counted block by block.
    observed_to : date
    performance : DataFrame or Table, optional
        The panel, sorted by loan and month; outcomes give what was disbursed alone.
    instalments : DataFrame or Table, optional
        Sorted by loan and number.
    score : array of shape (n,), or of a Table the name of its column, optional
        Whole points, missing where there is none.
    exceptions : bool array of shape (n,), optional
        Whom a rule of the policy declines; who was approved all the same, neither by hand nor at
        random, is a policy exception. Of a Table, `rules` and `special_codes` tell it.
    rules : PolicyFile, optional
    special_codes : mapping of column to numbers, optional
        As :func:`riskkit.policy.fired` takes them.
    by : str, optional
        A column of the applications to count apart, such as the channel.

    Returns
    -------
    DataFrame, index month, or (`by`, month); int64, fen
        By the month of application: `applications`, `approved`, `booked`, `booked_amount`;
        `scored`, `score_sum`, `score_squares`; `overrides`, `exceptions`; `labelled`, `bad`.
        By the month of disbursal: `disbursed`, `disbursed_amount`, `disbursed_squares` (of whole
        units of the currency). By the month due: `fpd{n}_due`, loans whose first instalment is more
        than n days old, and `fpd{n}_missed` (n = 1, 7, 30); `due_instalments`, `due_amount`,
        `entered` (unpaid at the due day's end); `due_{n}_amount`, due at least n days ago, and
        `collected_{n}_amount`, of it paid by the n-th day after (n = 0, 1, 3, 7). By the month in
        which a cohort's loans are three months old: `mob3_loans` and `mob3_30`, of them ever 30+.
        By the month-end: `open_loans`, `open_30`, `balance`, `balance_30`; of loans in M0 a month
        before and seen again `m0_loans`, `m0_balance`, and `m0_m1_loans`, `m0_m1_balance`, those in
        M1, deeper or charged off now, with what they owe now; likewise `m1_…`, `m2_…`. Every month
        from the first to the last is a row.

    Raises
    ------
    DataContractError
        A missing key column, an application that stands twice, or rows that are not sorted.
    ValueError
        Lengths differ, a score is not whole, `observed_to` is not known, or a date is missing or
        in a time zone.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> asked = pd.DataFrame({
    ...     "application_id": list("abc"), "approved": [True, True, False],
    ...     "booked": [True, False, False], "amount": 100_000,
    ...     "applied_at": pd.to_datetime(["2024-01-05", "2024-01-09", "2024-03-01"])})
    >>> monthly_counts(asked, observed_to="2024-03-31")[["applications", "approved", "disbursed"]]
    ... # doctest: +NORMALIZE_WHITESPACE
                applications  approved  disbursed
    month
    2024-01-01             2         2          1
    2024-02-01             0         0          0
    2024-03-01             1         0          0
    """
    observed = pd.Timestamp(observed_to)
    if pd.isna(observed):
        raise ValueError("observed_to must be a day: without it nobody knows what is over")
    require_columns(applications, ["application_id", *([] if by is None else [by])], "applications")
    if not isinstance(applications, pd.DataFrame):
        points = None if score is None else str(score)
        asked = partial(_asked_block, score=points, rules=rules, special_codes=special_codes, by=by)
        return _of_tables(applications, performance, instalments, asked, observed, by)
    same_rows(applications=applications, score=score, exceptions=exceptions)
    twice = int(applications["application_id"].duplicated().sum())
    if twice:
        raise DataContractError("applications", [f"application_id: {twice:,} rows repeat an id"])
    parts = _parts(applications, by)
    is_panel = performance is not None and "dpd" in performance.columns
    tables = [asked_sums(applications, parts, score, exceptions)]
    tables.append(disbursed_sums(applications, parts, performance))
    if instalments is not None and len(instalments):
        tables += [
            first_due_sums(instalments, parts, observed),
            due_sums(instalments, parts, observed),
        ]
    if performance is not None and is_panel and len(performance):
        tables += [young_sums(performance, parts, observed), book_sums(performance, parts)]
    return _together([table for table in tables if table is not None], by)


def _of_tables(
    applications: Table,
    performance: Table | None,
    instalments: Table | None,
    asked: partial[pd.DataFrame],
    observed: pd.Timestamp,
    by: str | None,
) -> pd.DataFrame:
    """The same, piece by piece: a piece holds whole loans."""
    has_book = performance is not None and "cohort" in performance.columns and len(performance) > 0
    keywords = asked.keywords
    columns = [*_ASKED, *([by] if by else []), *([keywords["score"]] if keywords["score"] else [])]
    columns += keywords["rules"].columns if keywords["rules"] else []
    columns = [name for name in dict.fromkeys(columns) if name in applications.columns]
    lent = lent_column(applications.columns)
    of_loans = [name for name in (lent, by) if name]
    known = LoanValues.from_table(applications, of_loans) if of_loans else None
    about: dict[str, Any] = {"known": known, "by": by}
    count = partial(asked, has_book=has_book)
    tables = [total(count, applications, columns=columns)]
    if instalments is not None and len(instalments):
        count = partial(_dues_block, observed=observed, **about)
        tables.append(total(count, whole_loans(instalments), columns=_DUES))
    if has_book and performance is not None:
        reading = bucket_reading(performance) if "dpd" in performance.columns else None
        count = partial(_panel_block, observed=observed, reading=reading, **about)
        found = total(count, whole_loans(performance), columns=[*_PANEL, "event"])
        at_once = [name for name in found if name.startswith("disbursed")]
        tables[1:1] = [found[at_once]]
        tables.append(found.drop(columns=at_once))
    return _together(tables, by)


def _parts(applications: pd.DataFrame, by: str | None) -> pd.Series | None:
    """What each application is counted apart by."""
    if by is None:
        return None
    labels = applications[by].astype("string").fillna(NONE).astype(object).to_numpy()
    return pd.Series(labels, pd.Index(applications["application_id"]), name=by)


def _asked_block(
    applications: pd.DataFrame,
    score: str | None,
    rules: PolicyFile | None,
    special_codes: Mapping[str, Collection[float]] | None,
    by: str | None,
    has_book: bool,
) -> pd.DataFrame:
    points = None if score is None else applications[score]
    fires = None if rules is None else fired(applications, rules, special_codes).any(axis=1)
    parts = _parts(applications, by)
    tables = [asked_sums(applications, parts, points, fires)]
    if not has_book:
        tables.append(disbursed_sums(applications, parts, None))
    return _side_by_side(tables, by)


def _dues_block(
    instalments: pd.DataFrame, known: LoanValues | None, by: str | None, observed: pd.Timestamp
) -> pd.DataFrame:
    parts = _parts(_applications_of(instalments, known), by)
    tables = [first_due_sums(instalments, parts, observed), due_sums(instalments, parts, observed)]
    return _side_by_side(tables, by)


def _panel_block(
    panel: pd.DataFrame,
    known: LoanValues | None,
    by: str | None,
    observed: pd.Timestamp,
    reading: Any,
) -> pd.DataFrame:
    applications = _applications_of(panel, known)
    parts = _parts(applications, by)
    tables = [disbursed_sums(applications, parts, panel)]
    if reading is not None:
        tables += [young_sums(panel, parts, observed), book_sums(panel, parts, reading)]
    return _side_by_side(tables, by)


def _applications_of(rows: pd.DataFrame, known: LoanValues | None) -> pd.DataFrame:
    """What is known of the applications of the loans that some rows are of."""
    ids = rows["loan_id"].drop_duplicates()
    told = pd.DataFrame(index=ids.index) if known is None else pd.DataFrame(known.of(ids))
    return told.assign(application_id=ids)


def _side_by_side(tables: list[pd.DataFrame | None], by: str | None) -> pd.DataFrame:
    names = ["month"] if by is None else [by, "month"]
    told = [table.rename_axis(names) for table in tables if table is not None]
    if not told:
        empty = pd.DatetimeIndex([], name="month")
        index = empty if by is None else pd.MultiIndex.from_arrays([[], empty], names=names)
        return pd.DataFrame(index=index)
    return pd.concat(told, axis=1, sort=True).fillna(0).astype(np.int64)


def _together(tables: list[pd.DataFrame], by: str | None) -> pd.DataFrame:
    """All columns beside each other, without a hole between two months."""
    names = ["month"] if by is None else [by, "month"]
    filled = [table for table in tables if len(table)]
    if not filled:
        nothing = pd.DatetimeIndex([], name="month")
        at_all = nothing if by is None else pd.MultiIndex.from_arrays([[], nothing], names=names)
        return pd.DataFrame(index=at_all)
    filled = [table.rename_axis(names) for table in filled]
    months = pd.concat([table.index.get_level_values("month").to_series() for table in filled])
    every = pd.date_range(months.min(), months.max(), freq="MS").astype("datetime64[us]")
    index: pd.Index = every.rename("month")
    if by is not None:
        labels = set().union(*(table.index.get_level_values(by) for table in filled))
        index = pd.MultiIndex.from_product([sorted(labels), every], names=names)
    # table by table: beside each other they would be filled with NaN, and sums be floats
    columns = {
        name: part.reindex(index, fill_value=0).astype(np.int64)
        for table in filled
        for name, part in table.items()
    }
    return pd.DataFrame(columns, index=index)

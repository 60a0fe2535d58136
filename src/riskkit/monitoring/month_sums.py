"""What is counted of applications, instalments and the panel, each by a month of its own.

Takes rows of the contract's tables; gives whole sums by month, or by part and month, which add up
over parts split by loan.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from riskkit.checks import flag_array, loan_starts
from riskkit.first_payments import collection_counts, payment_default_counts
from riskkit.migration import bucket, bucket_reading
from riskkit.monitoring.moved_mix import months_of, whole_points
from riskkit.vintage import cohort_counts

__all__ = [
    "NONE",
    "asked_sums",
    "book_sums",
    "disbursed_sums",
    "due_sums",
    "first_due_sums",
    "lent_column",
    "young_sums",
]

FPD_DAYS = (1, 7, 30)
COLLECTED_DAYS = (0, 1, 3, 7)
MATURE_MOB = 3
DEEPEST = 3  # moves are counted from M0 to M2
OPEN = ("current", "delinquent")
NONE = "none"  # the part of an application without one


def _grouped(month: pd.DatetimeIndex, part: Any, columns: dict[str, Any]) -> pd.DataFrame:
    keys = [month] if part is None else [pd.Index(part), month]
    return (
        pd.DataFrame({k: np.asarray(v).astype(np.int64) for k, v in columns.items()})
        .groupby(keys)
        .sum()
    )


def asked_sums(
    applications: pd.DataFrame,
    parts: pd.Series | None,
    score: ArrayLike | None,
    exceptions: ArrayLike | None,
) -> pd.DataFrame | None:
    """What is counted by the month of application."""
    if "applied_at" not in applications:
        return None
    n = len(applications)
    columns: dict[str, Any] = {"applications": np.ones(n)}
    flags = {
        name: flag_array(applications[name], name, n)
        for name in ("approved", "booked")
        if name in applications
    }
    columns |= flags
    if "booked" in flags and (amount := _amount(applications)) is not None:
        columns["booked_amount"] = np.where(flags["booked"], amount, 0)
    if score is not None:
        whole, known = whole_points(score, n)
        columns |= {"scored": known, "score_sum": whole, "score_squares": whole**2}
    if "approved" in flags:
        by_hand, at_random = (_flag(applications, name) for name in ("override", "explored"))
        if "override" in applications:
            columns["overrides"] = flags["approved"] & by_hand & ~at_random
        if exceptions is not None:
            fires = flag_array(exceptions, "exceptions", n)
            columns["exceptions"] = flags["approved"] & fires & ~by_hand & ~at_random
    if "default_flag" in applications:
        outcome = applications["default_flag"].to_numpy(float, na_value=np.nan)
        columns |= {"labelled": ~np.isnan(outcome), "bad": outcome == 1}
    part = None if parts is None else parts.to_numpy()
    return _grouped(months_of(applications["applied_at"]), part, columns)


def _flag(applications: pd.DataFrame, name: str) -> Any:
    if name not in applications:
        return np.zeros(len(applications), dtype=bool)
    return applications[name].fillna(False).to_numpy(bool)


def lent_column(columns: Any) -> str | None:
    """The column of the applications that says what was lent."""
    return next((name for name in ("booked_amount", "amount") if name in columns), None)


def _amount(applications: pd.DataFrame) -> Any:
    name = lent_column(applications)
    if name is None:
        return None
    return applications[name].to_numpy(float, na_value=0).astype(np.int64)


def disbursed_sums(
    applications: pd.DataFrame, parts: pd.Series | None, book: pd.DataFrame | None
) -> pd.DataFrame | None:
    """Loans and money by the month of disbursal; without a book, by that of the application."""
    amount = _amount(applications)
    if book is not None and "cohort" in book.columns and len(book):
        rows = loan_starts(book) if "mob" in book.columns else np.arange(len(book))
        loans = book.iloc[rows]
        month = months_of(loans["cohort"])
        place = pd.Index(applications["application_id"]).get_indexer(loans["loan_id"])
        if "amount" in loans:
            amount = loans["amount"].to_numpy(np.int64)
        elif amount is not None:
            # one more at the end, where a place of −1 finds the loan without an application
            amount = np.append(amount, 0)[place]
        part = None if parts is None else _part_of(parts, loans["loan_id"])
    elif {"applied_at", "booked"} <= set(applications.columns):
        booked = flag_array(applications["booked"], "booked", len(applications))
        month = months_of(applications["applied_at"])[booked]
        amount = None if amount is None else amount[booked]
        part = None if parts is None else parts.to_numpy()[booked]
    else:
        return None
    columns: dict[str, Any] = {"disbursed": np.ones(len(month))}
    if amount is not None:
        columns |= {"disbursed_amount": amount, "disbursed_squares": (amount // 100) ** 2}
    return _grouped(month, part, columns)


def _part_of(parts: pd.Series, loans: pd.Series) -> Any:
    """Part of each loan; of one without an application "none"."""
    place = parts.index.get_indexer(loans)
    return np.append(parts.to_numpy(), NONE)[place]


def first_due_sums(
    instalments: pd.DataFrame, parts: pd.Series | None, observed: pd.Timestamp
) -> pd.DataFrame:
    """First payment defaults by the month due."""
    counts = payment_default_counts(instalments, observed, numbers=[1], days=FPD_DAYS, parts=parts)
    month = months_of(counts.index.get_level_values("due_date").to_series())
    keys = [month] if parts is None else [counts.index.get_level_values(0).fillna(NONE), month]
    tables = []
    for n in FPD_DAYS:
        of_day = counts.index.get_level_values("days") == n
        some = counts.loc[of_day, ["loans", "missed"]].groupby([key[of_day] for key in keys]).sum()
        tables.append(some.set_axis([f"fpd{n}_due", f"fpd{n}_missed"], axis=1))
    return pd.concat(tables, axis=1).fillna(0).astype(np.int64)


def _by_part(
    rows: pd.DataFrame, parts: pd.Series | None, count: Callable[[pd.DataFrame], pd.DataFrame]
) -> pd.DataFrame:
    """A table of each part's rows, under one another; of all rows where there are no parts."""
    if parts is None:
        return count(rows)
    part = _part_of(parts, rows["loan_id"])
    return pd.concat({label: count(rows[part == label]) for label in sorted(pd.unique(part))})


def due_sums(
    instalments: pd.DataFrame, parts: pd.Series | None, observed: pd.Timestamp
) -> pd.DataFrame:
    """What fell due and came in, by the month due."""

    def count(rows: pd.DataFrame) -> pd.DataFrame:
        by_day = collection_counts(rows, observed, days=COLLECTED_DAYS)
        columns = {
            "due_instalments": by_day["due_loans"],
            "due_amount": by_day["due_amount"],
            "entered": by_day["due_loans"] - by_day["paid_0_loans"],
        }
        age = (observed.normalize() - by_day.index).days
        for n in COLLECTED_DAYS:
            columns[f"due_{n}_amount"] = by_day["due_amount"].where(age >= n, 0)
            columns[f"collected_{n}_amount"] = by_day[f"paid_{n}_amount"].where(age >= n, 0)
        return pd.DataFrame(columns).groupby(months_of(by_day.index.to_series())).sum()

    return _by_part(instalments, parts, count)


def young_sums(
    panel: pd.DataFrame, parts: pd.Series | None, observed: pd.Timestamp
) -> pd.DataFrame:
    """Loans three months old and those ever 30+ by then, by the month they are so old in."""

    def count(rows: pd.DataFrame) -> pd.DataFrame:
        counts = cohort_counts(rows, dpd=(30,))
        in_time = counts.index.get_level_values("mob") <= MATURE_MOB
        late = counts["ever_30_loans"].where(in_time, 0)
        sums = pd.DataFrame({"mob3_loans": counts["loans"], "mob3_30": late})
        table = sums.groupby(level="cohort").sum()
        table.index = months_of(table.index.to_series()) + pd.DateOffset(months=MATURE_MOB)
        ends = table.index + pd.offsets.MonthEnd(0)
        return table[ends <= observed.normalize()].rename_axis("month")

    return _by_part(panel, parts, count)


def book_sums(panel: pd.DataFrame, parts: pd.Series | None, by: Any = None) -> pd.DataFrame:
    """The open loans at each month-end, and those that moved a bucket deeper since the last."""
    month = months_of(panel["month_end"])
    part = None if parts is None else _part_of(parts, panel["loan_id"])
    is_open = panel["status"].isin(OPEN).to_numpy(bool)
    late = is_open & (panel["dpd"].to_numpy() > 30)
    has_balance = "balance" in panel.columns
    owed = panel["balance"].to_numpy(np.int64) if has_balance else np.zeros(len(panel), np.int64)
    columns: dict[str, Any] = {"open_loans": is_open, "open_30": late}
    if has_balance:
        columns |= {"balance": np.where(is_open, owed, 0), "balance_30": np.where(late, owed, 0)}
    reading = by or bucket_reading(panel)
    depth = bucket(panel["dpd"].to_numpy(), panel["month_end"].to_numpy(), by=reading)
    follows = np.ones(len(panel), dtype=bool)
    follows[loan_starts(panel)] = False
    follows[1:] &= np.diff(panel["mob"].to_numpy(np.int64)) == 1
    before = np.where(follows, np.roll(depth, 1), -1)
    before[~np.roll(is_open, 1)] = -1
    lost = (panel["status"] == "charged_off").to_numpy(bool)
    deeper = (is_open & (depth > before)) | lost
    for k in range(DEEPEST):
        seen = before == k
        columns[f"m{k}_loans"] = seen
        columns[f"m{k}_m{k + 1}_loans"] = seen & deeper
        if has_balance:
            columns[f"m{k}_balance"] = np.where(seen, np.roll(owed, 1), 0)
            columns[f"m{k}_m{k + 1}_balance"] = np.where(seen & deeper, owed, 0)
    return _grouped(month, part, columns)

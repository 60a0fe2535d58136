"""Buckets of arrears: which one a loan is in, and what it is called."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

__all__ = ["ABSORBING", "NEEDED", "bucket", "bucket_label", "bucket_labels", "order_of", "states"]

A_DAY = np.timedelta64(1, "D")
NEEDED = ("loan_id", "mob", "month_end", "balance", "dpd", "status")
# label of each status in which a loan stays
ABSORBING = {"charged_off": "charged off", "prepaid": "prepaid", "matured": "matured"}


def bucket(dpd: ArrayLike, month_end: ArrayLike) -> NDArray[np.int64]:
    """Months past due, counted by calendar month: 0 current, 1 = M1, 2 = M2, ...

    The bucket is the number of months from the month of the first day past due
    (`month_end` − `dpd` + 1 day) to that of `month_end`, + 1. A loan that is never paid moves
    exactly one bucket a month whatever its due day. By days past due it would not: due on 1 June
    it jumps from 31–60 days over 61–90 to 91–120.

    Parameters
    ----------
    dpd : array of int, in days
        Days past due of the oldest unpaid instalment at the month-end, >= 0.
    month_end : array of datetime64, the same length, or one date
        Last days of months.

    Returns
    -------
    array of int64, the length of `dpd`
        Empty for empty input.

    Raises
    ------
    ValueError
        A `dpd` below 0; a loan past due at a date that is not the last day of a month.

    Source
    ------
    riskkit definition.

    Examples
    --------
    Due on 1 June and never paid:

    >>> month_ends = np.array(["2024-06-30", "2024-07-31", "2024-08-31"], dtype="datetime64[D]")
    >>> bucket([29, 60, 91], month_ends).tolist()
    [1, 2, 3]
    """
    days = np.asarray(dpd, dtype=np.int64)
    result = np.zeros(days.shape, np.int64)
    # most loans are current: only the others are looked at
    late = np.flatnonzero(days)
    if len(late) == 0:
        return result
    late_days = days[late]
    if np.min(late_days) < 0:
        raise ValueError(f"dpd must be >= 0, got {np.min(late_days)}")
    ends = np.broadcast_to(np.asarray(month_end), days.shape)[late].astype("datetime64[D]")
    month = ends.astype("datetime64[M]")
    not_last = (ends + A_DAY).astype("datetime64[M]") == month
    if not_last.any():
        raise ValueError(
            f"month_end must be the last day of a month, got {ends[not_last][0]} "
            f"and {int(not_last.sum()) - 1:,} more"
        )
    # From the first day past due, not from the due date: a loan due on the last day of a month
    # is not past due on it, and would go from M0 to M2.
    first_late_month = (ends - late_days.astype("timedelta64[D]") + A_DAY).astype("datetime64[M]")
    result[late] = (month - first_late_month).astype(np.int64) + 1
    return result


def bucket_label(k: int, *, and_worse: bool = False) -> str:
    """Label of bucket M`k` with its days past due.

    The bounds are those of months of 30 days, the field's shorthand for completed months: a loan
    in M3 on 31 March may be 59 to 92 days past due.

    Parameters
    ----------
    k : int
    and_worse : bool
        The bucket takes all deeper ones in.

    Raises
    ------
    ValueError
        `k` below 0.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> bucket_label(0), bucket_label(2), bucket_label(4, and_worse=True)
    ('M0 current', 'M2 31–60 days', 'M4+ 91 days or more')
    """
    if k < 0:
        raise ValueError(f"k must be >= 0, got {k!r}")
    if and_worse:
        return f"M{k}+ {30 * k - 29} days or more" if k else "M0+ all"
    return f"M{k} {30 * k - 29}–{30 * k} days" if k else "M0 current"


def bucket_labels(max_bucket: int) -> list[str]:
    """Labels of M0 to M`max_bucket`, the last with all deeper ones."""
    own = [bucket_label(k) for k in range(max_bucket)]
    return [*own, bucket_label(max_bucket, and_worse=True)]


def order_of(label: str) -> int:
    """Place of a state: buckets by number, then the absorbing ones."""
    number = re.match(r"M(\d+)", label)
    return int(number[1]) if number else 1_000 + list(ABSORBING.values()).index(label)


def states(performance: pd.DataFrame, max_bucket: int) -> NDArray[np.int64]:
    """State of each row: its bucket, then charged off, prepaid, matured."""
    state = bucket(performance["dpd"].to_numpy(), performance["month_end"].to_numpy())
    np.minimum(state, max_bucket, out=state)
    for place, status in enumerate(ABSORBING, start=max_bucket + 1):
        state[(performance["status"] == status).to_numpy(dtype=bool)] = place
    return state

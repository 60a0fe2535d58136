"""Buckets of arrears: which one a loan is in, what it is called, and how a panel is read."""

from __future__ import annotations

import re
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from riskkit.checks import require_columns
from riskkit.tables import Table

__all__ = [
    "ABSORBING",
    "NEEDED",
    "Reading",
    "bucket",
    "bucket_label",
    "bucket_labels",
    "bucket_reading",
    "order_of",
    "reading_text",
    "states",
]

A_DAY = np.timedelta64(1, "D")
MONTH_DAYS = 30  # of a lender that counts months as days
NEEDED = ("loan_id", "mob", "month_end", "dpd", "status")
# label of each status in which a loan stays
ABSORBING = {"charged_off": "charged off", "prepaid": "prepaid", "matured": "matured"}

Reading = Literal["months", "days"]
"""Buckets by the calendar month past due, or by days past due in steps of 30."""


def bucket(dpd: ArrayLike, month_end: ArrayLike, *, by: Reading = "months") -> NDArray[np.int64]:
    """Months past due: 0 current, 1 = M1, 2 = M2, ...

    By months, the bucket is the number of calendar months from that of the first day past due
    (`month_end` − `dpd` + 1 day) to that of `month_end`, + 1. A loan that is never paid moves
    exactly one bucket a month whatever its due day. By days it would not: due on 1 June it jumps
    from 31–60 days over 61–90 to 91–120.

    By days, it is `dpd` ÷ 30, rounded up: right where a lender counts months and writes them as
    0, 30, 60, ... days. By months, its 30 days on 28 February would reach back into January, and
    one month past due would be two.

    Parameters
    ----------
    dpd : array of int, in days
        Days past due of the oldest unpaid instalment at the month-end, >= 0.
    month_end : array of datetime64, the same length, or one date
        Last days of months.
    by : {"months", "days"}

    Returns
    -------
    array of int64, the length of `dpd`
        Empty for empty input.

    Raises
    ------
    ValueError
        A `dpd` below 0; a loan past due at a date that is not the last day of a month; an unknown
        `by`.

    Source
    ------
    riskkit definition.

    Examples
    --------
    Due on 1 June and never paid:

    >>> month_ends = np.array(["2024-06-30", "2024-07-31", "2024-08-31"], dtype="datetime64[D]")
    >>> bucket([29, 60, 91], month_ends).tolist()
    [1, 2, 3]

    One and two months past due, of a lender that counts months:

    >>> month_ends = np.array(["2023-02-28", "2023-03-31"], dtype="datetime64[D]")
    >>> bucket([30, 60], month_ends, by="days").tolist()
    [1, 2]
    """
    _check_reading(by)
    days = np.asarray(dpd, dtype=np.int64)
    result = np.zeros(days.shape, np.int64)
    # most loans are current: only the others are looked at
    late = np.flatnonzero(days)
    if len(late) == 0:
        return result
    late_days = days[late]
    if np.min(late_days) < 0:
        raise ValueError(f"dpd must be >= 0, got {np.min(late_days)}")
    if by == "days":
        result[late] = -(-late_days // MONTH_DAYS)
        return result
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


def bucket_reading(performance: pd.DataFrame | Table) -> Reading:
    """How the buckets of a panel are to be read, from its days past due.

    By days where all days past due are multiples of 30: such a lender counts months. By months
    otherwise, and where nobody is past due.

    Parameters
    ----------
    performance : DataFrame or Table
        The whole panel: a part of it may hold multiples of 30 by chance.

    Raises
    ------
    DataContractError
        There are no days past due.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> bucket_reading(pd.DataFrame({"dpd": [0, 30, 60]}))
    'days'
    >>> bucket_reading(pd.DataFrame({"dpd": [0, 30, 61]}))
    'months'
    """
    require_columns(performance, ["dpd"], "performance")
    blocks = [performance] if isinstance(performance, pd.DataFrame) else performance.blocks(["dpd"])
    anyone = False
    for block in blocks:
        days = block["dpd"].to_numpy()
        if (days % MONTH_DAYS != 0).any():
            return "months"
        anyone = anyone or bool((days > 0).any())
    return "days" if anyone else "months"


def reading_text(by: Reading) -> str:
    """Sentences on how the buckets of a panel were read, as Markdown.

    Raises
    ------
    ValueError
        An unknown `by`.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> print(reading_text("months"))  # doctest: +NORMALIZE_WHITESPACE
    Buckets go **by calendar month**: M1 is the month in which a loan falls behind, M2 the next, so
    one that is never paid moves one bucket a month whatever its due day.
    """
    _check_reading(by)
    if by == "months":
        return (
            "Buckets go **by calendar month**: M1 is the month in which a loan falls behind, M2 "
            "the next, so one that is never paid moves one bucket a month whatever its due day."
        )
    return (
        "All days past due of this panel are multiples of 30: it counts months. Buckets go **by "
        "days**, 30 to a month: M1 is one month past due, M2 two. *More than 30 days past due* "
        "does not hold 30 itself, so it begins at two months."
    )


def bucket_label(k: int, *, and_worse: bool = False, by: Reading = "months") -> str:
    """Label of bucket M`k` with what it holds.

    Parameters
    ----------
    k : int
    and_worse : bool
        The bucket takes all deeper ones in.
    by : {"months", "days"}

    Raises
    ------
    ValueError
        `k` below 0, or an unknown `by`.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> bucket_label(0), bucket_label(2), bucket_label(4, and_worse=True)
    ('M0 current', 'M2 2nd month past due', 'M4+ 4th month past due or later')
    >>> bucket_label(2, by="days"), bucket_label(4, and_worse=True, by="days")
    ('M2 31–60 days', 'M4+ 91 days or more')
    """
    _check_reading(by)
    if k < 0:
        raise ValueError(f"k must be >= 0, got {k!r}")
    if k == 0:
        return "M0+ all" if and_worse else "M0 current"
    if by == "days":
        last, first = MONTH_DAYS * k, MONTH_DAYS * (k - 1) + 1
        return f"M{k}+ {first} days or more" if and_worse else f"M{k} {first}–{last} days"
    ending = "th" if 10 < k % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(k % 10, "th")
    label = f"M{k}{'+' if and_worse else ''} {k}{ending} month past due"
    return f"{label} or later" if and_worse else label


def bucket_labels(max_bucket: int, by: Reading) -> list[str]:
    """Labels of M0 to M`max_bucket`, the last with all deeper ones."""
    own = [bucket_label(k, by=by) for k in range(max_bucket)]
    return [*own, bucket_label(max_bucket, and_worse=True, by=by)]


def order_of(label: object) -> tuple[int, Any]:
    """Place of a state: buckets by number, then the absorbing ones; raw codes as they sort."""
    if not isinstance(label, str):
        return 0, label
    number = re.match(r"M(\d+)\b", label)
    if number:
        return 0, int(number[1])
    ends = list(ABSORBING.values())
    return (1, ends.index(label)) if label in ends else (2, label)


def states(performance: pd.DataFrame, max_bucket: int, by: Reading) -> NDArray[np.int64]:
    """State of each row: its bucket, then charged off, prepaid, matured."""
    state = bucket(performance["dpd"].to_numpy(), performance["month_end"].to_numpy(), by=by)
    np.minimum(state, max_bucket, out=state)
    for place, status in enumerate(ABSORBING, start=max_bucket + 1):
        state[(performance["status"] == status).to_numpy(dtype=bool)] = place
    return state


def _check_reading(by: str) -> None:
    if by not in ("months", "days"):
        raise ValueError(f"by must be 'months' or 'days', got {by!r}")

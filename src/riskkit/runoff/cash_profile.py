"""On which day of the month what comes in within it comes in.

Takes the contract's table of instalments, where there is one; gives the share that has come by each
day of a month.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from riskkit.checks import Array, require_columns
from riskkit.partitions import total
from riskkit.tables import Table

__all__ = ["cash_profile", "cash_profile_text", "spread_over_days"]

LOOKBACK_MONTHS = 12
_LONGEST = 31
# a profile of fewer payments is of a few borrowers
_LEAST_PAYMENTS = 100


def cash_profile(instalments: pd.DataFrame | Table | None, day: pd.Timestamp | str) -> pd.Series:
    """Share of a month's cash that has come by each day of it, from the last twelve months.

    By days of payment; where fewer than 100 are known, by due days; where these are not known
    either, evenly.

    Parameters
    ----------
    instalments : DataFrame or Table, optional
        Of the contract: due_date, due_amount, and paid_date, paid_amount. A Table is counted block
        by block.
    day : date
        Nothing that was paid, or fell due, after it is read.

    Returns
    -------
    Series of float, index day of the month, 1 to 31
        Ascending, the last is 1. Its name says what it is read from: "days of payment", "due days"
        or "evenly".

    Raises
    ------
    DataContractError
        A missing column.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> cash_profile(None, "2024-05-31")[[1, 31]].round(3).tolist()
    [0.032, 1.0]
    """
    nth = pd.RangeIndex(1, _LONGEST + 1, name="day")
    evenly = pd.Series(np.arange(1, _LONGEST + 1) / _LONGEST, index=nth, name="evenly")
    if instalments is None:
        return evenly
    needed = ["due_date", "due_amount", "paid_date", "paid_amount"]
    require_columns(instalments, needed, "instalments")
    count = partial(_by_day_of_month, last=pd.Timestamp(day))
    sums = total(count, instalments, columns=needed)
    for name, about in (("paid", "days of payment"), ("due", "due days")):
        if sums[f"{name}_rows"].sum() >= _LEAST_PAYMENTS:
            came = sums[f"{name}_amount"].to_numpy(float)
            return pd.Series(came[1:].cumsum() / came.sum(), index=nth, name=about)
    return evenly


def _by_day_of_month(instalments: pd.DataFrame, last: pd.Timestamp) -> pd.DataFrame:
    """Rows and amounts by day of the month, paid and due, of the last twelve months."""
    first = last - pd.DateOffset(months=LOOKBACK_MONTHS)
    sums = {}
    for name in ("paid", "due"):
        date = instalments[f"{name}_date"]
        amount = instalments[f"{name}_amount"].fillna(0).to_numpy(float)
        rows = ((date > first) & (date <= last)).to_numpy(dtype=bool) & (amount > 0)
        nth = date[rows].dt.day.to_numpy(np.int64)
        sums[f"{name}_rows"] = np.bincount(nth, minlength=_LONGEST + 1)
        sums[f"{name}_amount"] = np.bincount(nth, weights=amount[rows], minlength=_LONGEST + 1)
    return pd.DataFrame(sums)


def cash_profile_text(profile: pd.Series) -> str:
    """A sentence on when in a month cash comes, as Markdown.

    Parameters
    ----------
    profile : Series
        Of :func:`cash_profile`.
    """
    if profile.name == "evenly":
        return "When in a month cash comes is not known: it is spread evenly over its days."
    by = profile.loc[[10, 20]]
    return (
        f"By {profile.name} of the last twelve months, {by.iloc[0]:.0%} of a month's cash has come "
        f"by the 10th and {by.iloc[1]:.0%} by the 20th."
    )


def spread_over_days(amounts: Array, days: pd.DatetimeIndex, profile: pd.Series) -> Array:
    """Whole months' amounts by day, to the last fen.

    What a short month has no day for comes on its last.

    Parameters
    ----------
    amounts : int64 array of shape (n_paths, H)
        Fen of the months that begin with that of `days[0]`.
    days : DatetimeIndex of shape (n_days,)
        One after the other, from the first of a month on.
    profile : Series
        Of :func:`cash_profile`.

    Returns
    -------
    int64 array of shape (n_paths, n_days)

    Raises
    ------
    ValueError
        Days that do not begin with a month, or more months of days than of amounts.
    """
    if len(days) and days[0].day != 1:
        raise ValueError(f"days must begin with the first of a month, got {days[0]:%Y-%m-%d}")
    month = np.asarray(days.year * 12 + days.month, dtype=np.int64)
    month -= month[:1]
    if len(days) and month[-1] >= amounts.shape[1]:
        raise ValueError(f"days of {month[-1] + 1} months need as many, got {amounts.shape[1]}")
    share = profile.to_numpy(float)
    nth = np.asarray(days.day)
    by_today = np.where(days.is_month_end, 1.0, share[nth - 1])
    by_yesterday = np.where(nth == 1, 0.0, share[np.maximum(nth - 2, 0)])
    whole = amounts[:, month]
    come: Array = np.floor(whole * by_today).astype(np.int64)
    return come - np.floor(whole * by_yesterday).astype(np.int64)

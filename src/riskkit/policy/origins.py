"""Where applications came from, and which of two periods they are of.

Takes applications, or their dates; gives a label a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd

from riskkit.partitions import collected, total
from riskkit.tables import Table

__all__ = ["NO_TRAFFIC", "compared_rows", "traffic", "two_periods"]

NO_TRAFFIC = "all"
OTHERS = "others"
_READ = ("channel", "partner")


def traffic(
    applications: pd.DataFrame, *, least: float = 0.005, of_all: Table | None = None
) -> pd.Series:
    """Where each application came from: its channel and, where there is one, its partner.

    Parameters
    ----------
    applications : DataFrame
        channel and partner, where there are any.
    least : float
        Origins of a smaller share of the applications are taken together as "others".
    of_all : Table, optional
        All applications, whose shares count, where these are some of them.

    Returns
    -------
    Series of shape (n,), str

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> asked = pd.DataFrame({"channel": ["app", "partner"], "partner": [None, "dune"]})
    >>> traffic(asked).tolist()
    ['app', 'partner, dune']
    """
    origin = _origin(applications)
    counts = total(_origins, applications if of_all is None else of_all, columns=_READ)["n"]
    share = origin.map(counts / max(counts.sum(), 1))
    return origin.where((share >= least).to_numpy(bool), OTHERS)


def _origins(applications: pd.DataFrame) -> pd.DataFrame:
    return _origin(applications).value_counts().rename("n").to_frame()


def _origin(applications: pd.DataFrame) -> pd.Series:
    origin = pd.Series(NO_TRAFFIC, index=applications.index, dtype="str", name="traffic")
    if "channel" in applications:
        channel = applications["channel"]
        origin = channel.astype("str").where(channel.notna(), "unknown").rename("traffic")
    if "partner" in applications:
        partner = applications["partner"]
        told = partner.astype("str")
        joined = told if "channel" not in applications else origin + ", " + told
        origin = joined.where(partner.notna(), origin).rename("traffic")
    if (origin != NO_TRAFFIC).any():
        # the sum of all is called so
        origin = origin.mask(origin == NO_TRAFFIC, f"called {NO_TRAFFIC}")
    return origin


def two_periods(
    applied_at: pd.Series, months: int, *, span: tuple[float, float] | None = None
) -> pd.Series:
    """Whether an application is of the last months or of as many before them.

    Parameters
    ----------
    applied_at : Series of dates, shape (n,)
    months : int
        At least 1; half of the months there are, where they are fewer than twice as many.
    span : pair of numbers, optional
        First and last month of all applications (12 × year + month), where these are some of them.

    Returns
    -------
    Series of shape (n,), boolean
        True in the later period, False in the earlier one, missing before both and where there is
        no date; all missing where there is only one month.

    Raises
    ------
    ValueError
        months is below 1 or no whole number, or applied_at holds no dates.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> dates = pd.Series(pd.to_datetime(["2024-01-31", "2024-02-01", "2024-03-31"]))
    >>> two_periods(dates, 1).tolist()
    [<NA>, False, True]
    """
    check_months(months)
    month = month_numbers(applied_at)
    period = np.full(len(month), -1, dtype=np.int64)
    if (~np.isnan(month)).any():
        first, last = (np.nanmin(month), np.nanmax(month)) if span is None else span
        width = min(months, int(last - first + 1) // 2)
        age = np.where(np.isnan(month), np.inf, last - month)
        period = np.where(age < width, 1, np.where(age < 2 * width, 0, -1))
    # months without any application may leave one period alone
    if not ((period == 0).any() and (period == 1).any()) and span is None:
        period = np.full(len(month), -1)
    flags = pd.array(period == 1, dtype="boolean")
    flags[period < 0] = pd.NA
    return pd.Series(flags, index=applied_at.index, name="later")


def compared_rows(applications: Table, months: int, columns: Sequence[str]) -> pd.DataFrame:
    """All applications of the last months and of as many before them.

    Parameters
    ----------
    applications : Table
        With applied_at.
    months : int
        As for :func:`two_periods`.
    columns : sequence of str
        Those wanted, as far as the table has them.

    Returns
    -------
    DataFrame
        The columns wanted, and `later` (bool) of :func:`two_periods`; no row where all are missing.

    Raises
    ------
    ValueError
        As :func:`two_periods`.

    Source
    ------
    riskkit definition.
    """
    check_months(months)
    spans = collected(_span, applications, columns=["applied_at"])
    span = (spans["first"].min(), spans["last"].max())
    wanted = [name for name in columns if name in applications.columns]
    cut = partial(_compared, months=months, span=span, columns=wanted)
    rows = collected(cut, applications, columns=list(dict.fromkeys(["applied_at", *wanted])))
    return rows if rows["later"].nunique() == 2 else rows.iloc[:0]


def check_months(months: int) -> None:
    """Refuse a number of months that is none.

    Raises
    ------
    ValueError
    """
    if not (months >= 1 and months == int(months)):
        raise ValueError(f"months must be at least 1, a whole number, got {months!r}")


def month_numbers(applied_at: pd.Series) -> np.ndarray:
    """12 × year + month of each date, NaN where it is missing.

    Raises
    ------
    ValueError
        There are no dates.
    """
    if not pd.api.types.is_datetime64_any_dtype(applied_at.dtype):
        raise ValueError(f"applied_at must be dates, got {applied_at.dtype}")
    return (applied_at.dt.year * 12 + applied_at.dt.month).to_numpy(float)


def _span(applications: pd.DataFrame) -> pd.DataFrame:
    month = pd.Series(month_numbers(applications["applied_at"]))
    return pd.DataFrame({"first": [month.min()], "last": [month.max()]})


def _compared(
    applications: pd.DataFrame, months: int, span: tuple[float, float], columns: list[str]
) -> pd.DataFrame:
    later = two_periods(applications["applied_at"], months, span=span)
    own = applications.loc[later.notna(), columns]
    return own.assign(later=later[later.notna()].astype(bool))

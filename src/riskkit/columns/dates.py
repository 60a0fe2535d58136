"""Dates as whole months, so that differences of them are months."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

__all__ = ["calendar_months", "last_month_end", "month_texts"]


def calendar_months(dates: Any) -> np.ndarray:
    """Months since January 1970 of each date, so that differences are whole months.

    Examples
    --------
    >>> calendar_months(["1970-03-31", "1971-01-01"]).tolist()
    [2, 12]

    Raises
    ------
    ValueError
        Dates in a time zone.
    """
    dtype = getattr(dates, "dtype", None)
    if isinstance(dtype, pd.DatetimeTZDtype):
        # midnight there may be the month before in universal time
        raise ValueError(f"dates must have no time zone, got dates in {dtype.tz}")
    return np.asarray(dates, dtype="datetime64[M]").astype(np.int64)


def month_texts(dates: pd.Series) -> pd.Series:
    """The month of each date as "2024-01"; missing where the date is.

    Each month is written once: ``dt.strftime`` writes that of each row.

    Parameters
    ----------
    dates : Series of datetime64

    Examples
    --------
    >>> month_texts(pd.Series(pd.to_datetime(["2024-01-31", None]))).tolist()
    ['2024-01', nan]

    Raises
    ------
    ValueError
        Dates in a time zone.
    """
    code, months = pd.factorize(calendar_months(dates))
    starts = pd.DatetimeIndex(months.astype("datetime64[M]").astype("datetime64[s]"))
    texts = pd.Index(starts.strftime("%Y-%m"), dtype="str")
    return pd.Series(texts.take(code), index=dates.index)


def last_month_end(observed_to: pd.Timestamp | str | None) -> pd.Timestamp:
    """The last month-end seen by that day; NaT where the day is not known.

    Of a month that is still running nobody knows yet who has paid.

    Parameters
    ----------
    observed_to : date or None

    Examples
    --------
    >>> [str(last_month_end(day).date()) for day in ("2024-03-31", "2024-03-30")]
    ['2024-03-31', '2024-02-29']
    """
    day = pd.Timestamp(observed_to)
    if pd.isna(day):
        return pd.NaT
    return (day + pd.Timedelta(days=1)).normalize() - pd.offsets.MonthEnd(1)

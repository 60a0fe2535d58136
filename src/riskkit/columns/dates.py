"""Dates as whole months, so that differences of them are months."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

__all__ = ["calendar_months"]


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

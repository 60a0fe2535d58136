"""Dates as whole months, so that differences of them are months."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["calendar_months"]


def calendar_months(dates: Any) -> np.ndarray:
    """Months since January 1970 of each date, so that differences are whole months.

    Examples
    --------
    >>> calendar_months(["1970-03-31", "1971-01-01"]).tolist()
    [2, 12]
    """
    return np.asarray(dates, dtype="datetime64[M]").astype(np.int64)

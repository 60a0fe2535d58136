"""Where applications came from, and which of two periods they are of.

Takes applications, or their dates; gives a label a row.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["NO_TRAFFIC", "traffic", "two_periods"]

NO_TRAFFIC = "all"
OTHERS = "others"


def traffic(applications: pd.DataFrame, *, least: float = 0.005) -> pd.Series:
    """Where each application came from: its channel and, where there is one, its partner.

    Parameters
    ----------
    applications : DataFrame
        channel and partner, where there are any.
    least : float
        Origins of a smaller share of the applications are taken together as "others".

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
    share = origin.map(origin.value_counts(normalize=True))
    return origin.where((share >= least).to_numpy(bool), OTHERS)


def two_periods(applied_at: pd.Series, months: int) -> pd.Series:
    """Whether an application is of the last months or of as many before them.

    Parameters
    ----------
    applied_at : Series of dates, shape (n,)
    months : int
        At least 1; half of the months there are, where they are fewer than twice as many.

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
    if not (months >= 1 and months == int(months)):
        raise ValueError(f"months must be at least 1, a whole number, got {months!r}")
    if not pd.api.types.is_datetime64_any_dtype(applied_at.dtype):
        raise ValueError(f"applied_at must be dates, got {applied_at.dtype}")
    month = (applied_at.dt.year * 12 + applied_at.dt.month).to_numpy(float)
    period = np.full(len(month), -1, dtype=np.int64)
    if (~np.isnan(month)).any():
        last = np.nanmax(month)
        width = min(months, int(last - np.nanmin(month) + 1) // 2)
        age = np.where(np.isnan(month), np.inf, last - month)
        period = np.where(age < width, 1, np.where(age < 2 * width, 0, -1))
    # months without any application may leave one period alone
    if not ((period == 0).any() and (period == 1).any()):
        period = np.full(len(month), -1)
    flags = pd.array(period == 1, dtype="boolean")
    flags[period < 0] = pd.NA
    return pd.Series(flags, index=applied_at.index, name="later")

"""What a share of simulated paths does not exceed, and how sure that is of so many paths.

Takes one amount a path; gives its quantile with an interval by order statistics.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from riskkit.checks import Array

__all__ = ["quantile_interval"]


def quantile_interval(
    values: Array, share: float, level: float = 0.95
) -> tuple[float, float, float]:
    """Quantile of some values, and an interval of it by order statistics.

    Parameters
    ----------
    values : array of shape (n,)
        Of at least one path, in any order.
    share : float
        In (0, 1).
    level : float
        Of the interval.

    Returns
    -------
    tuple of value, low, high
        The least value that a `share` of all does not exceed; an end is NaN where there are too few
        values to have one on its side (of the share 0.99 at 95 %: above, fewer than 368).

    Source
    ------
    Conover (1999), Practical Nonparametric Statistics, section 3.2; Hahn, Meeker (1991),
    Statistical Intervals, section 5.2.

    Examples
    --------
    >>> quantile_interval(np.arange(1, 2001), 0.99)
    (1980.0, 1971.0, 1989.0)
    """
    ordered = np.sort(values)
    n, tail = len(ordered), (1 - level) / 2
    # 0.99 · 300 is 297, whatever its last digit
    at = max(int(np.ceil(n * share - 1e-9)), 1)
    # the r-th smallest is below the quantile with the probability that r or more lie below it
    low, high = (int(place) for place in stats.binom.ppf([tail, 1 - tail], n, share))
    return (
        float(ordered[at - 1]),
        float(ordered[low - 1]) if low >= 1 else np.nan,
        float(ordered[high]) if high < n else np.nan,
    )

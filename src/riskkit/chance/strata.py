"""Whether a part of the loans goes bad more often than the others of its strata.

Takes loans and bads by stratum; gives what is expected, its variance, and p-values.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from riskkit.checks import Array

__all__ = ["beside_others", "mantel_haenszel", "mirrored"]

LEAST_BADS = 5  # expected of a part, and of the others beside it


def beside_others(n: Array, bad: Array, all_n: Array, all_bad: Array) -> dict[str, float]:
    """Sums over strata of a part's loans and bads, what is expected of it, and the others' rate.

    Parameters
    ----------
    n, bad : arrays of shape (n_strata,)
        Loans and bads of the part.
    all_n, all_bad : arrays of shape (n_strata,)
        Those of all loans, the part among them.

    Returns
    -------
    dict
        `loans`, `bad`; `expected` at the rate of all loans of each stratum, and its `variance`
        (hypergeometric); `others_rate`, of the other loans of each stratum weighed by the part's,
        NaN where there are none.

    Source
    ------
    Mantel, Haenszel (1959), Journal of the National Cancer Institute 22(4).
    """
    others = all_n - n
    beside = (n > 0) & (others > 0)
    mixed = np.where(all_n > 1, all_n**2 * (all_n - 1), 1.0)
    variance = np.where(all_n > 1, n * others * all_bad * (all_n - all_bad) / mixed, 0.0)
    expected = np.divide(n * all_bad, all_n, out=np.zeros(len(n)), where=all_n > 0)
    weights = n[beside]
    rate = np.nan
    if weights.sum():
        rate = float((weights * (all_bad - bad)[beside] / others[beside]).sum() / weights.sum())
    return {
        "loans": n.sum(),
        "bad": bad.sum(),
        "expected": float(expected.sum()),
        "variance": float(variance.sum()),
        "others_rate": rate,
    }


def mantel_haenszel(bad: Array, expected: Array, variance: Array) -> Array:
    """Two-sided p-values with continuity correction; NaN where too few are expected on either side.

    Examples
    --------
    >>> mantel_haenszel(np.array([20.0, 2.0]), np.array([10.0, 2.0]), np.array([8.0, 2.0])).round(4)
    array([0.0008,    nan])
    """
    p_values = np.full(len(bad), np.nan)
    # the variance is small where either side has few loans, few bads or few goods
    tested = (expected >= LEAST_BADS) & (variance >= LEAST_BADS / 2)
    off = np.maximum(np.abs(bad - expected)[tested] - 0.5, 0)
    p_values[tested] = special.chdtrc(1, off**2 / variance[tested])
    return p_values


def mirrored(counts: list[Array], total: Array) -> NDArray[np.int64]:
    """Place of the first part that is the same loans as each, or all but them; else its own.

    A part and the rest beside it are one comparison, not two.

    Parameters
    ----------
    counts : list of arrays of one shape
        Of each part, in cells fine enough to tell parts apart.
    total : array
        Of all loans, in the same cells.

    Examples
    --------
    >>> mirrored([np.array([3, 1]), np.array([2, 4]), np.array([0, 5])], np.array([5, 5])).tolist()
    [0, 0, 2]
    """
    seen: dict[bytes, int] = {}
    first = np.arange(len(counts))
    for place, cells in enumerate(counts):
        own, rest = (np.ascontiguousarray(part).tobytes() for part in (cells, total - cells))
        first[place] = seen.get(own, seen.get(rest, place))
        seen.setdefault(own, place)
    return first

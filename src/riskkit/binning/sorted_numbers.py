"""Numbers in ascending order, in about half the time of a plain sort.

Takes floats in any order; gives those that are not missing, sorted.
"""

from __future__ import annotations

import numpy as np

__all__ = ["ascending"]

# fewer values are sorted as fast as a sample of them is looked at
_LEAST_VALUES = 20_000
_SAMPLE_SIZE = 1_000
_LAST_PLACE = 2**16 - 1
# where few neighbours in the sample that differ share a place, a place holds few values
_MOST_TOGETHER = 0.05


def ascending(values: np.ndarray) -> np.ndarray:
    """Values in ascending order, without the missing ones.

    Many values are dealt first, by a line through them, to 65,536 places that a radix sort puts in
    order; what is left out of order lies close together, which a merge sort needs few steps for.
    Where a line would crowd the values, as it does amounts with a few huge ones among them, they
    are sorted as they are.

    Parameters
    ----------
    values : float array of shape (n_values,)
        NaN is missing, infinities are values.

    Examples
    --------
    >>> ascending(np.array([2.0, np.nan, -np.inf, 1.0])).tolist()
    [-inf, 1.0, 2.0]
    """
    is_missing = np.isnan(values)
    known = values[~is_missing] if is_missing.any() else values
    if len(known) < _LEAST_VALUES:
        return np.sort(known)
    sample = np.sort(known[:: len(known) // _SAMPLE_SIZE])
    low, high = sample[2], sample[-3]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        scale = _LAST_PLACE / (high - low)
        if not 0 < scale < np.inf:
            return np.sort(known)
        together = np.diff(_dealt(sample, low, scale)) == 0
        if (together & (sample[1:] > sample[:-1])).mean() > _MOST_TOGETHER:
            return np.sort(known)
        found: np.ndarray = known[np.argsort(_dealt(known, low, scale), kind="stable")]
    found.sort(kind="stable")
    return found


def _dealt(values: np.ndarray, low: float, scale: float) -> np.ndarray:
    """Place of each value, which never falls as values rise."""
    places = values - low
    places *= scale
    return np.clip(places, 0, _LAST_PLACE, out=places).astype(np.uint16)

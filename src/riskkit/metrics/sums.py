"""The small sums that metrics share: groups, ratios, totals at a probability, an interval.

Takes checked arrays; gives arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from riskkit.checks import Array

__all__ = [
    "bads_at_probability",
    "distinct_positions",
    "jeffreys_interval",
    "plain",
    "quantile_groups",
    "ratio",
]

# Counting over an integer range costs memory by the range, not by the rows: above this many
# score points (or four a row) sorting is the better way.
DENSE_RANGE = 1_000_000


def bads_at_probability(
    outcome: Array, probability: Array, weight: Array
) -> tuple[Array, Array, Array]:
    """Distinct probabilities ascending, the loans and the bads at each."""
    distinct, position = distinct_positions(probability)
    size = np.bincount(position, weights=weight, minlength=len(distinct))
    bad = np.bincount(position, weights=outcome * weight, minlength=len(distinct))
    return distinct[size > 0], size[size > 0], bad[size > 0]


def distinct_positions(values: Array) -> tuple[Array, Array]:
    """Sorted candidates for the distinct values, and each row's place among them."""
    if values.dtype.kind == "b":
        values = values.astype(np.int64)
    if values.dtype.kind in "iu" and len(values):
        low, high = int(values.min()), int(values.max())
        if high - low < max(DENSE_RANGE, 4 * len(values)) and high <= np.iinfo(np.int64).max:
            return np.arange(low, high + 1), values.astype(np.int64) - low
    if values.dtype == np.float64 and len(values):
        # whole numbers that became floats beside a missing one
        first, last = float(values.min()), float(values.max())
        dense = last - first < max(DENSE_RANGE, 4 * len(values)) and max(-first, last) < 2**52
        if dense and first.is_integer():
            above = values - first
            position = above.astype(np.int64)
            if (position == above).all():
                return np.arange(first, last + 1), position
    distinct, position = np.unique(values, return_inverse=True)
    return distinct, position


def quantile_groups(size: Array, n_groups: int) -> Array:
    """Group of each cell in order, by where its middle lies in the running total."""
    if not len(size):
        return np.empty(0, dtype=np.int64)
    middle = (2 * size.cumsum() - size) * n_groups // (2 * size.sum())
    return np.minimum(middle, n_groups - 1).astype(np.int64)


def ratio(part: Any, whole: Any) -> Any:
    """Part ÷ whole, NaN where the whole is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.asarray(whole) > 0, np.divide(part, whole), np.nan)


def plain(values: Array) -> Any:
    """A float for a scalar, else the array."""
    return float(values) if np.ndim(values) == 0 else values


def jeffreys_interval(bad: Array, n: Array, level: float) -> tuple[Array, Array]:
    """Jeffreys interval of a rate, closed at 0 and at 1 where that was seen."""
    tail = (1 - level) / 2
    low = special.betaincinv(bad + 0.5, n - bad + 0.5, tail)
    high = special.betaincinv(bad + 0.5, n - bad + 0.5, 1 - tail)
    return np.where(bad == 0, 0.0, low), np.where(bad == n, 1.0, high)

"""What every metric asks of its input, and the small sums they share."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import special

Array = NDArray[Any]

# Counting over an integer range costs memory by the range, not by the rows: above this many
# score points (or four a row) sorting is the better way.
DENSE_RANGE = 1_000_000


def numeric_array(values: ArrayLike, name: str, n: int | None = None) -> Array:
    """One-dimensional numeric array, a missing value being NaN."""
    array = np.asarray(values)
    if array.dtype.kind == "O":
        # numbers beside None or pd.NA; text that looks like a number is still text
        kind = pd.api.types.infer_dtype(array.ravel(), skipna=True)
        if kind in ("empty", "boolean", "integer", "floating", "mixed-integer-float", "decimal"):
            flat = pd.array(array.ravel(), dtype="Float64")
            array = flat.to_numpy(dtype=float, na_value=np.nan).reshape(array.shape)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must be numeric, got dtype {array.dtype}")
    if array.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, got shape {array.shape}")
    if n is not None and len(array) != n:
        raise ValueError(f"{name} must have {n} rows like the other columns, got {len(array)}")
    return array


def refuse_missing(values: Array, name: str) -> None:
    """Raise where a value is NaN."""
    if values.dtype.kind != "f":
        return
    # the sum is NaN whenever a value is (or both infinities are there), and much cheaper than a
    # mask of all rows
    with np.errstate(invalid="ignore"):
        suspect = np.isnan(values.sum())
    if suspect and np.isnan(values).any():
        missing = int(np.isnan(values).sum())
        raise ValueError(f"{name} must not be missing, got NaN in {missing} of {len(values)} rows")


def flag_array(values: ArrayLike, name: str, n: int) -> Array:
    """Boolean array of values that are all true or false."""
    flags = numeric_array(values, name, n)
    if flags.dtype.kind != "b" and not np.isin(flags, (0, 1)).all():
        raise ValueError(f"{name} must be true or false everywhere")
    return flags.astype(bool)


def weight_array(values: ArrayLike, n: int) -> Array:
    """Float array of finite weights of at least 0."""
    weight = numeric_array(values, "weight", n).astype(float)
    if not (np.isfinite(weight).all() and (weight >= 0).all()):
        raise ValueError("weight must be finite and >= 0 everywhere")
    return weight


def outcome_state(y: Array) -> Array:
    """0 unknown, 1 good, 2 bad, as int8."""
    bad = y == 1
    state = (y == 0).view(np.int8) + 2 * bad.view(np.int8)
    unknown = np.isnan(y) if y.dtype.kind == "f" else np.zeros(len(y), dtype=bool)
    strange = (state == 0) & ~unknown
    if strange.any():
        raise ValueError(
            f"y must be 0, 1 or missing, got {y[strange][0]!r} in {int(strange.sum())} rows"
        )
    return state


def known_rows(
    y: ArrayLike | pd.DataFrame, probability: ArrayLike, weight: ArrayLike | None
) -> tuple[Array, Array, Array]:
    """Outcome, probability and weight of the rows whose outcome is known.

    Score counts are rows too: the goods of each score, then the bads, weighted by their number.
    """
    if isinstance(y, pd.DataFrame):
        require(y, ("good", "bad"))
        if weight is not None:
            raise ValueError("weight must be left out with counts, which hold their own")
        p = np.tile(numeric_array(probability, "probability", len(y)), 2)
        outcome = np.repeat([0.0, 1.0], len(y))
        row_weight = np.concatenate([y["good"].to_numpy(), y["bad"].to_numpy()])
        known = row_weight > 0
        row_weight = row_weight[known]
    else:
        outcome = numeric_array(y, "y")
        known = outcome_state(outcome) > 0
        p = numeric_array(probability, "probability", len(outcome))
        if weight is None:
            row_weight = np.ones(int(known.sum()), dtype=np.int64)
        else:
            row_weight = weight_array(weight, len(outcome))[known]
    p = p[known].astype(float)
    refuse_missing(p, "probability")
    if np.any((p < 0) | (p > 1)):
        raise ValueError(f"probability must lie in [0, 1], got {p.min()} to {p.max()}")
    return outcome[known].astype(float), p, row_weight


def bads_at_probability(
    outcome: Array, probability: Array, weight: Array
) -> tuple[Array, Array, Array]:
    """Distinct probabilities ascending, the loans and the bads at each."""
    distinct, position = distinct_positions(probability)
    size = np.bincount(position, weights=weight, minlength=len(distinct))
    bad = np.bincount(position, weights=outcome * weight, minlength=len(distinct))
    return distinct[size > 0], size[size > 0], bad[size > 0]


def bads_of(bad: ArrayLike, n: ArrayLike, probability: ArrayLike) -> tuple[Array, Array, Array]:
    """Bads, sizes and probabilities, broadcast and checked."""
    d, size, p = np.broadcast_arrays(
        np.asarray(bad, dtype=float), np.asarray(n, dtype=float), np.asarray(probability, float)
    )
    if not ((d >= 0) & (d <= size)).all():
        raise ValueError(f"bad must lie between 0 and n, got {bad!r} of {n!r}")
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"probability must lie in [0, 1], got {probability!r}")
    return d, size, p


def require(table: pd.DataFrame, columns: tuple[str, ...], what: str = "counts") -> None:
    """Raise where counts, or grades, lack a column."""
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise ValueError(f"{what} lack {missing}, they have {list(table.columns)}")


def ascending(counts: pd.DataFrame) -> pd.DataFrame:
    """Counts by ascending score."""
    return counts if counts.index.is_monotonic_increasing else counts.sort_index()


def goods_and_bads(counts: pd.DataFrame) -> tuple[Array, Array, Array]:
    """Scores ascending, goods, bads."""
    require(counts, ("good", "bad"))
    if not counts.index.is_unique:
        raise ValueError("counts must have one row a score, got duplicates; see add_counts")
    counts = ascending(counts)
    return (
        counts.index.to_numpy(),
        counts["good"].to_numpy(dtype=float),
        counts["bad"].to_numpy(dtype=float),
    )


def both_classes(good: Array, bad: Array, what: str) -> bool:
    """Whether there are goods and bads; warns where not."""
    if good.sum() > 0 and bad.sum() > 0:
        return True
    warn(f"{what} is undefined: {good.sum():g} goods, {bad.sum():g} bads")
    return False


def warn_if_reversed(value: float, lead: float, n_good: float, n_bad: float) -> None:
    """Warn where an AUC below 0.5 is more than chance, or goods score lower everywhere."""
    chance = np.sqrt((n_good + n_bad + 1) / (12 * n_good * n_bad))
    if value < 0.5 and (lead <= 1e-12 or value < 0.5 - 1.645 * chance):
        warn(f"score looks reversed: AUC {value:.3f}; a higher score must be safer")


def warn(message: str) -> None:
    """Warn at the caller of the public function."""
    # past the helper and the public function, about where the caller's line is
    warnings.warn(message, UserWarning, stacklevel=4)


def check_level(level: float) -> None:
    """Raise where a confidence level is no probability."""
    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1), got {level!r}")


def check_groups(n_groups: int, name: str = "n_groups") -> None:
    """Raise where there would be no group."""
    if not n_groups >= 1:
        raise ValueError(f"{name} must be >= 1, got {n_groups!r}")


def ratio(part: Any, whole: Any) -> Any:
    """Part ÷ whole, NaN where the whole is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.asarray(whole) > 0, np.divide(part, whole), np.nan)


def plain(values: Array) -> Any:
    """A float for a scalar, else the array."""
    return float(values) if np.ndim(values) == 0 else values


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


def jeffreys_interval(bad: Array, n: Array, level: float) -> tuple[Array, Array]:
    """Jeffreys interval of a rate, closed at 0 and at 1 where that was seen."""
    tail = (1 - level) / 2
    low = special.betaincinv(bad + 0.5, n - bad + 0.5, tail)
    high = special.betaincinv(bad + 0.5, n - bad + 0.5, 1 - tail)
    return np.where(bad == 0, 0.0, low), np.where(bad == n, 1.0, high)

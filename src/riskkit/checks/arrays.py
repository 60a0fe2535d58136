"""Arrays, labels and weights: whether what came in is what it must be, in one wording.

Takes array-likes and their names; gives arrays, or a ValueError with the name, the rule and what
was found instead.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Array",
    "bad_flags",
    "check_groups",
    "check_level",
    "check_seed",
    "flag_array",
    "known_groups",
    "numeric_array",
    "outcome_state",
    "probability_array",
    "refuse_missing",
    "row_array",
    "same_rows",
    "weight_array",
]

Array = NDArray[Any]
LARGEST_SUM = 1e100  # of weights: their squares are added up, too


def same_rows(**given: Any) -> None:
    """Refuse what would be paired by position though its index says that the rows are others.

    Only a Series and a DataFrame carry an index. Everything else, None among it, is taken by
    position, as is whatever stands beside it.

    Parameters
    ----------
    **given : Series, DataFrame or anything else
        What belongs together, by the name the caller knows it by.

    Raises
    ------
    ValueError
        Two indexes differ, in their length, their labels or the order of these. The first labels
        that differ are told, but not those of an index with a name, which may be an id.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> X = pd.DataFrame({"age": [20, 30, 40]}, index=[7, 8, 9])
    >>> same_rows(X=X, y=[0, 1, 0])
    >>> same_rows(X=X, y=pd.Series([0, 1, 0], index=[7, 9, 8]))
    Traceback (most recent call last):
        ...
    ValueError: X and y carry different indexes: first at position 1, 8 against 9; align them, \
or pass y.to_numpy()
    """
    carrying = {
        name: value.index
        for name, value in given.items()
        if isinstance(value, pd.Series | pd.DataFrame)
    }
    if len(carrying) < 2:
        return
    (first, expected), *others = carrying.items()
    for name, index in others:
        if index is expected or index.equals(expected):
            continue
        if len(index) != len(expected):
            raise ValueError(_other_length(name, len(index), len(expected), first))
        place = _first_difference(expected, index)
        if place is None:  # the same labels in another type
            continue
        here, there = expected[place], index[place]
        named = expected.name is not None or index.name is not None or index.nlevels > 1
        labels = "" if named else f", {str(here)[:40]} against {str(there)[:40]}"
        raise ValueError(
            f"{first} and {name} carry different indexes: first at position {place}{labels}; "
            f"align them, or pass {name}.to_numpy()"
        )


def _first_difference(one: pd.Index, other: pd.Index) -> int | None:
    """Place of the first labels that differ, None where they are the same in another type."""
    for place, (here, there) in enumerate(zip(one, other, strict=True)):
        numbers = isinstance(here, int | float) and isinstance(there, int | float)
        if str(here) != str(there) and not (numbers and here == there):
            return place
    return None


def _other_length(name: str, found: int, expected: int, like: str) -> str:
    return f"{name} must have {expected} rows like {like}, got {found}"


def numeric_array(
    values: ArrayLike, name: str, n: int | None = None, *, like: str = "the other columns"
) -> Array:
    """One-dimensional numeric array, a missing value being NaN.

    Parameters
    ----------
    values : array of shape (n,)
    name : str
        What the caller calls it.
    n : int, optional
        Rows it must have, like `like`.
    like : str
        What has so many, for the message.

    Raises
    ------
    ValueError
        Text, another shape, or another length.
    """
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.filled(values.astype(float), np.nan)
    array = np.asarray(values)
    if array.dtype == np.float16:
        array = array.astype(np.float64)  # pandas has no index of halves
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
        raise ValueError(_other_length(name, len(array), n, like))
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


def _refuse(wrong: Array, values: Array, rule: str) -> None:
    """Raise where any row is wrong, with the rule, the first such value and how many there are."""
    if wrong.any():
        raise ValueError(f"{rule}, got {values[wrong][0]:g} in {int(wrong.sum())} rows")


def flag_array(values: ArrayLike, name: str, n: int) -> Array:
    """Boolean array of values that are all true or false."""
    flags = numeric_array(values, name, n)
    if flags.dtype.kind != "b":
        _refuse(~np.isin(flags, (0, 1)), flags, f"{name} must be true or false everywhere")
    return flags.astype(bool)


def weight_array(values: ArrayLike, n: int, name: str = "weight") -> Array:
    """Float array of finite weights of at least 0."""
    weight = numeric_array(values, name, n).astype(float, copy=False)
    _refuse(~((weight >= 0) & (weight < np.inf)), weight, f"{name} must be finite and >= 0")
    with np.errstate(over="ignore"):
        largest = float(weight.max(initial=0)) * max(len(weight), 1)
    if largest > LARGEST_SUM:
        raise ValueError(
            f"{name} must add up to less than {LARGEST_SUM:g}, got up to {weight.max():g} in a row"
        )
    return weight


def probability_array(
    values: ArrayLike, name: str, n: int | None = None, rows: Array | slice = slice(None)
) -> Array:
    """Float array whose given rows, by default all, lie in [0, 1]."""
    probability = numeric_array(values, name, n).astype(float)
    checked = probability[rows]
    _refuse(~((checked >= 0) & (checked <= 1)), checked, f"{name} must lie in [0, 1]")
    return probability


def bad_flags(y: ArrayLike | None, n: int) -> Array:
    """Whether each row is bad, from labels that must be 0 or 1 in every row."""
    if y is None:
        raise ValueError("riskkit requires y to be passed, but the target y is None")
    labels = numeric_array(y, "y", n, like="X")
    bad = labels == 1
    # the two masks are cheaper than a list of what is neither
    if not (bad | (labels == 0)).all():
        rule = "y must be 1 (bad) or 0 (good) in every row; drop rows without a label"
        _refuse(~(bad | (labels == 0)), labels, rule)
    return bad


def outcome_state(y: Array) -> Array:
    """0 unknown, 1 good, 2 bad, as int8, from labels that are 0, 1 or missing."""
    bad = y == 1
    state = (y == 0).view(np.int8) + 2 * bad.view(np.int8)
    unknown = np.isnan(y) if y.dtype.kind == "f" else np.zeros(len(y), dtype=bool)
    _refuse((state == 0) & ~unknown, y, "y must be 0, 1 or missing")
    return state


def row_array(values: ArrayLike, name: str, n: int, *, like: str = "the other columns") -> Array:
    """Array of anything, one entry a row."""
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, got shape {array.shape}")
    if len(array) != n:
        raise ValueError(_other_length(name, len(array), n, like))
    return array


def known_groups(
    values: ArrayLike, name: str, n: int, *, like: str = "the other columns"
) -> tuple[Array, Array]:
    """Place of each row's group among the groups in ascending order, and these, none missing."""
    places, groups = pd.factorize(row_array(values, name, n, like=like), sort=True)
    if (places < 0).any():
        raise ValueError(f"{name} must be known in every row, missing in {(places < 0).sum()}")
    return places, groups


def check_seed(name: str, seed: int) -> None:
    """Refuse a seed that not every generator of random numbers takes.

    Raises
    ------
    ValueError
    """
    if not 0 <= seed < 2**31:
        raise ValueError(f"{name} must be >= 0 and below 2^31, got {seed!r}")


def check_level(level: float) -> None:
    """Raise where a confidence level is no probability."""
    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1), got {level!r}")


def check_groups(n_groups: int, name: str = "n_groups") -> None:
    """Raise where there would be no group."""
    if not n_groups >= 1:
        raise ValueError(f"{name} must be >= 1, got {n_groups!r}")

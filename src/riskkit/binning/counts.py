"""Goods and bads per fine cell of each feature: all that binning needs to know of the rows.

Takes a frame of features and a label; gives counts on fine edges, which add up over parts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd

__all__ = ["CategoryCounts", "FeatureCounts", "NumericCounts", "count_features"]

N_POINTS = 4000


@dataclass(frozen=True, eq=False)
class NumericCounts:
    """Counts of one numeric feature.

    Parameters
    ----------
    edges : float array of shape (n_edges,)
        Ascending; cell i holds values in [edges[i-1], edges[i]), the outer cells are open.
    cells : array of shape (n_edges + 1, 2)
        Weighted goods and bads.
    special_codes : tuple of float
    special : array of shape (n_codes, 2)
    missing : array of shape (2,)
    """

    edges: np.ndarray
    cells: np.ndarray
    special_codes: tuple[float, ...]
    special: np.ndarray
    missing: np.ndarray

    def __add__(self, other: NumericCounts) -> NumericCounts:
        if not isinstance(other, NumericCounts):
            return NotImplemented
        if not np.array_equal(self.edges, other.edges):
            raise ValueError(
                f"counts add up on equal edges only, got {len(self.edges)} and "
                f"{len(other.edges)} edges that differ; count both parts with edges=…"
            )
        if self.special_codes != other.special_codes:
            raise ValueError(
                f"counts add up on equal special codes only, got {self.special_codes} and "
                f"{other.special_codes}"
            )
        return NumericCounts(
            self.edges,
            self.cells + other.cells,
            self.special_codes,
            self.special + other.special,
            self.missing + other.missing,
        )

    @property
    def total(self) -> np.ndarray:
        """Goods and bads in all, shape (2,)."""
        return self.cells.sum(axis=0) + self.special.sum(axis=0) + self.missing


@dataclass(frozen=True, eq=False)
class CategoryCounts:
    """Counts of one categorical feature.

    Parameters
    ----------
    levels : tuple of str
        Sorted.
    cells : array of shape (n_levels, 2)
        Weighted goods and bads.
    missing : array of shape (2,)
    """

    levels: tuple[str, ...]
    cells: np.ndarray
    missing: np.ndarray

    def __add__(self, other: CategoryCounts) -> CategoryCounts:
        if not isinstance(other, CategoryCounts):
            return NotImplemented
        levels = tuple(sorted({*self.levels, *other.levels}))
        place = {level: row for row, level in enumerate(levels)}
        cells = np.zeros((len(levels), 2), dtype=np.result_type(self.cells, other.cells))
        for counts in (self, other):
            cells[[place[level] for level in counts.levels]] += counts.cells
        return CategoryCounts(levels, cells, self.missing + other.missing)

    @property
    def total(self) -> np.ndarray:
        """Goods and bads in all, shape (2,)."""
        return self.cells.sum(axis=0) + self.missing


@dataclass(frozen=True, eq=False)
class FeatureCounts(Mapping[str, NumericCounts | CategoryCounts]):
    """Counts of several features over the same rows; ``a + b`` are the counts of both parts."""

    features: Mapping[str, NumericCounts | CategoryCounts]

    def __getitem__(self, name: str) -> NumericCounts | CategoryCounts:
        return self.features[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.features)

    def __len__(self) -> int:
        return len(self.features)

    def __add__(self, other: FeatureCounts) -> FeatureCounts:
        if not isinstance(other, FeatureCounts):
            return NotImplemented
        if list(self) != list(other):
            raise ValueError(
                f"counts add up on equal features only, got {list(self)} and {list(other)}"
            )
        added = {}
        for name, counts in self.items():
            try:
                # two kinds of counts do not add, which is the TypeError below
                added[name] = counts + other[name]  # type: ignore[operator]
            except (ValueError, TypeError) as error:
                raise ValueError(f"feature {name}: {error}") from error
        return FeatureCounts(added)

    @property
    def edges(self) -> dict[str, np.ndarray]:
        """Fine edges of the numeric features, to count another part on."""
        return {n: c.edges for n, c in self.items() if isinstance(c, NumericCounts)}


def count_features(
    X: pd.DataFrame,
    y: np.ndarray | pd.Series,
    edges: Mapping[str, np.ndarray] | None = None,
    *,
    sample_weight: np.ndarray | pd.Series | None = None,
    special_codes: Mapping[str, Sequence[float]] | None = None,
    n_points: int = N_POINTS,
) -> FeatureCounts:
    """Goods and bads of each feature per fine cell, each column read once.

    Numbers (also booleans and nullable numbers) are counted between the `n_points` quantiles of
    their values, or between all distinct values where there are fewer; text and pandas categories
    per level. NaN is missing; infinities are ordinary extreme values.

    Parameters
    ----------
    X : DataFrame of shape (n_rows, n_features)
    y : array of shape (n_rows,)
        1 = bad, 0 = good.
    edges : mapping of feature to ascending float array, optional
        Fine edges to count on, so that the counts of two parts add up.
    sample_weight : array of shape (n_rows,), optional
        At least 0. Without it the counts are whole numbers.
    special_codes : mapping of feature to codes, optional
        Values that are no measurement, counted apart.
    n_points : int
        Greatest number of cells per numeric feature.

    Returns
    -------
    FeatureCounts

    Raises
    ------
    ValueError
        A label that is not 0 or 1, unequal lengths, a negative weight.
    TypeError
        A column that is no feature, such as dates.

    Examples
    --------
    >>> X = pd.DataFrame({"age": [20.0, 30.0, 30.0, None]})
    >>> counts = count_features(X, np.array([1, 0, 1, 0]))
    >>> counts["age"].cells.tolist(), counts["age"].missing.tolist()
    ([[0, 1], [1, 1]], [1, 0])
    """
    bad = bad_flags(y, len(X))
    weight = None
    if sample_weight is not None:
        weight = np.asarray(sample_weight, dtype=np.float64)
        if weight.shape != bad.shape or not (weight >= 0).all():
            raise ValueError("sample_weight must be at least 0, one per row")
    codes = special_codes or {}

    def count(name: str) -> NumericCounts | CategoryCounts:
        column = X[name]
        if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_complex_dtype(column):
            values = column.to_numpy(np.float64, na_value=np.nan)
            given = None if edges is None else edges.get(name)
            return _count_numbers(values, bad, weight, tuple(codes.get(name, ())), given, n_points)
        if isinstance(column.dtype, pd.CategoricalDtype) or column.dtype.kind in "OSUT":
            return _count_levels(column, bad, weight)
        raise TypeError(
            f"feature {name}: {column.dtype} is no feature; turn it into a number or a category"
        )

    # sorting releases the interpreter lock, so columns are counted side by side
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return FeatureCounts(dict(zip(X.columns, pool.map(count, X.columns), strict=True)))


def bad_flags(y: np.ndarray | pd.Series, n_rows: int) -> np.ndarray:
    """Whether each row is bad, from labels that must be 0 or 1 in every row."""
    y = np.asarray(y)
    if len(y) != n_rows:
        raise ValueError(f"y must have one label per row, got {len(y)} labels for {n_rows} rows")
    bad = y == 1
    if not (bad | (y == 0)).all():
        raise ValueError("y must be 1 (bad) or 0 (good) in every row; drop rows without a label")
    return bad


def level_text(values: pd.Series) -> pd.Series:
    """Levels as text, whatever they are stored as; missing stays missing."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        # the levels, not the values: a missing value would turn 1 into "1.0"
        values = values.cat.rename_categories(values.cat.categories.astype("str"))
    return values.astype("str")


def _good_bad(bad: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    if weight is None:
        n_bad = int(np.count_nonzero(bad))
        return np.array([len(bad) - n_bad, n_bad])
    bad_weight = weight[bad].sum()
    return np.array([weight.sum() - bad_weight, bad_weight])


def _fine_edges(ordered: np.ndarray, n_points: int) -> np.ndarray:
    """Distinct values at the quantiles of sorted values, without the smallest value."""
    if len(ordered) == 0:
        return np.empty(0)
    is_new = np.flatnonzero(np.diff(ordered)) + 1
    if len(is_new) >= n_points:
        steps = np.linspace(0, len(ordered), n_points, endpoint=False).astype(np.int64)
        found = np.unique(ordered[steps])
        found = found[found > ordered[0]]
    else:
        found = ordered[is_new]
    return found[np.isfinite(found)]


def _below(values: np.ndarray, weight: np.ndarray | None, edges: np.ndarray) -> np.ndarray:
    """Weight below each edge, and all of it last; `values` need not be sorted."""
    if weight is None:
        places = np.searchsorted(np.sort(values), edges, side="left")
        return np.append(places, len(values))
    order = np.argsort(values, kind="stable")
    running = np.concatenate([[0.0], np.cumsum(weight[order])])
    places = np.searchsorted(values[order], edges, side="left")
    return running[np.append(places, len(values))]


def _count_numbers(
    values: np.ndarray,
    bad: np.ndarray,
    weight: np.ndarray | None,
    codes: tuple[float, ...],
    edges: np.ndarray | None,
    n_points: int,
) -> NumericCounts:
    def apart(mask: np.ndarray) -> np.ndarray:
        return _good_bad(bad[mask], None if weight is None else weight[mask])

    is_missing = np.isnan(values)
    set_apart = is_missing.copy()
    special = np.zeros((len(codes), 2), dtype=np.int64 if weight is None else np.float64)
    for row, code in enumerate(codes):
        mask = values == code
        special[row] = apart(mask)
        set_apart |= mask
    keep = ~set_apart
    clean, is_bad = values[keep], bad[keep]
    clean_weight = None if weight is None else weight[keep]
    if edges is None:
        edges = _fine_edges(np.sort(clean), n_points)
    else:
        edges = np.asarray(edges, dtype=np.float64)
        if not (np.diff(edges) > 0).all():
            raise ValueError("edges must be ascending without repeats")
    below = np.stack(
        [
            _below(clean[side], None if clean_weight is None else clean_weight[side], edges)
            for side in (~is_bad, is_bad)
        ],
        axis=1,
    )
    cells = np.diff(below, axis=0, prepend=np.zeros((1, 2), dtype=below.dtype))
    return NumericCounts(edges, cells, codes, special, apart(is_missing))


def _count_levels(column: pd.Series, bad: np.ndarray, weight: np.ndarray | None) -> CategoryCounts:
    codes, levels = pd.factorize(level_text(column), sort=True)
    size = len(levels) + 1
    # a missing value has code -1, which ends in the last cell
    flat = np.where(codes < 0, len(levels), codes) * 2 + bad
    cells = np.bincount(flat, weights=weight, minlength=2 * size).reshape(size, 2)
    return CategoryCounts(tuple(map(str, levels)), cells[:-1], cells[-1])

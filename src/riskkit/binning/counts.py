"""Goods and bads per fine cell of each feature: all that binning needs to know of the rows.

Takes a frame or a Table of features and a label; gives counts on fine edges, which add up over
parts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from riskkit.binning.sorted_numbers import ascending
from riskkit.binning.special_codes import GivenCodes, SpecialCodes
from riskkit.checks import bad_flags, same_rows, weight_array
from riskkit.columns import feature_kinds, level_codes, numbers
from riskkit.partitions import total
from riskkit.tables import Table

__all__ = ["CategoryCounts", "FeatureCounts", "NumericCounts", "count_features"]

N_POINTS = 4000
MAX_LEVELS = 10_000
_SAMPLE_ROWS = 100_000
# from this many rows on, a category without two rows alike is an id
_ROWS_OF_AN_ID = 100


@dataclass(frozen=True, eq=False)
class NumericCounts:
    """Counts of one numeric feature.

    Parameters
    ----------
    edges : float array of shape (n_edges,)
        Ascending; cell i holds values in [edges[i-1], edges[i]), the outer cells are open.
    cells : array of shape (n_edges + 1, 2)
        Weighted goods and bads.
    lowest, highest : float array of shape (n_edges + 1,)
        Least and greatest value seen in each cell; ∞ and −∞ where there is none.
    special_codes : tuple of float
    special : array of shape (n_codes, 2)
    missing : array of shape (2,)
    n_rows : int
        Rows counted, whatever their weight.
    is_boolean : bool
        The column holds true and false, counted as 1 and 0.
    """

    edges: np.ndarray
    cells: np.ndarray
    lowest: np.ndarray
    highest: np.ndarray
    special_codes: tuple[float, ...]
    special: np.ndarray
    missing: np.ndarray
    n_rows: int
    is_boolean: bool = False

    def __add__(self, other: NumericCounts) -> NumericCounts:
        if not isinstance(other, NumericCounts):
            return NotImplemented
        if not np.array_equal(self.edges, other.edges):
            raise ValueError(
                f"counts add up on equal edges only, got {len(self.edges)} and "
                f"{len(other.edges)} edges that differ; count both parts with edges=…"
            )
        if self.special_codes != other.special_codes:
            if self._says_nothing or other._says_nothing:
                # a part without any value could be of true and false, which have no codes, or not
                told, silent = (other, self) if self._says_nothing else (self, other)
                return replace(
                    told, missing=told.missing + silent.missing, n_rows=told.n_rows + silent.n_rows
                )
            raise ValueError(
                f"counts add up on equal special codes only, got {self.special_codes} and "
                f"{other.special_codes}"
            )
        return NumericCounts(
            self.edges,
            self.cells + other.cells,
            np.minimum(self.lowest, other.lowest),
            np.maximum(self.highest, other.highest),
            self.special_codes,
            self.special + other.special,
            self.missing + other.missing,
            self.n_rows + other.n_rows,
            # a part without any value could be either
            (self.is_boolean or other.is_boolean)
            and all(part.is_boolean or not part.has_values for part in (self, other)),
        )

    @property
    def _says_nothing(self) -> bool:
        return not self.has_values and not self.special.any()

    @property
    def has_values(self) -> bool:
        """Whether any row holds an ordinary value."""
        return bool((self.lowest <= self.highest).any())

    @property
    def total(self) -> np.ndarray:
        """Goods and bads in all, shape (2,)."""
        return self.cells.sum(axis=0) + self.special.sum(axis=0) + self.missing

    def boundary(self, at: float) -> tuple[int, float]:
        """Cell before which an edge at a value cuts, and the edge.

        The edge stays as it is where it is a fine edge, or where no counted value lies between it
        and one. Else the counts cannot tell both sides apart, and it moves to the nearest.

        Parameters
        ----------
        at : float

        Returns
        -------
        (int, float)
            0 or the number of cells: no value is below, or none is at or above. (0, −∞) where
            there is no edge to move to.
        """
        at = float(at)
        cell = int(np.searchsorted(self.edges, at, side="right"))
        if (cell and self.edges[cell - 1] == at) or at <= self.lowest[cell]:
            return cell, at
        if at > self.highest[cell]:
            return cell + 1, at
        near = self.edges[max(cell - 1, 0) : cell + 1]
        if len(near) == 0:
            return 0, -np.inf
        nearest = float(near[np.abs(near - at).argmin()])
        return int(np.searchsorted(self.edges, nearest, side="right")), nearest


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
    n_rows : int
        Rows counted, whatever their weight.
    """

    levels: tuple[str, ...]
    cells: np.ndarray
    missing: np.ndarray
    n_rows: int

    def __add__(self, other: CategoryCounts) -> CategoryCounts:
        if not isinstance(other, CategoryCounts):
            return NotImplemented
        levels = tuple(sorted({*self.levels, *other.levels}))
        place = {level: row for row, level in enumerate(levels)}
        cells = np.zeros((len(levels), 2), dtype=np.result_type(self.cells, other.cells))
        for counts in (self, other):
            cells[[place[level] for level in counts.levels]] += counts.cells
        return CategoryCounts(
            levels, cells, self.missing + other.missing, self.n_rows + other.n_rows
        )

    @property
    def total(self) -> np.ndarray:
        """Goods and bads in all, shape (2,)."""
        return self.cells.sum(axis=0) + self.missing


@dataclass(frozen=True, eq=False)
class FeatureCounts(Mapping[str, NumericCounts | CategoryCounts]):
    """Counts of several features over the same rows; ``a + b`` are the counts of both parts.

    Counts of rows, and of weights that are whole numbers, are exact in any order; those of other
    weights up to the rounding of their sum.
    """

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
    X: pd.DataFrame | Table,
    y: np.ndarray | pd.Series | str,
    edges: Mapping[str, np.ndarray] | None = None,
    *,
    features: Sequence[str] | None = None,
    sample_weight: np.ndarray | pd.Series | str | None = None,
    special_codes: GivenCodes | None = None,
    boundaries: Mapping[str, Sequence[float]] | None = None,
    n_points: int = N_POINTS,
    by: str = "application_id",
    executor: Executor | None = None,
) -> FeatureCounts:
    """Goods and bads of each feature per fine cell, each column read once.

    Numbers (booleans, decimals and nullable numbers among them) are counted between the `n_points`
    quantiles of their values, each moved to the roundest number near it, or between all distinct
    values where there are fewer; text and pandas categories per level. NaN is missing; infinities
    are ordinary extreme values. A constant column is one cell; one without any value is a number of
    which all is missing.

    A Table is counted block by block, on edges from the 100,000 of its rows with the smallest hash
    of `by`, so that no order or partition of its rows changes a count.

    Parameters
    ----------
    X : DataFrame of shape (n_rows, n_features), or Table
    y : array of shape (n_rows,), or str
        1 = bad, 0 = good, in every row. The name of a column of `X` leaves out the rows in which
        it is missing; a Table needs a name.
    edges : mapping of feature to ascending float array, optional
        Fine edges to count on, so that the counts of two parts add up.
    features : sequence of str, optional
        Columns to count; by default all but those named as label, weight and, of a Table, `by`.
    sample_weight : array of shape (n_rows,), or str, optional
        At least 0 and finite. Without it the counts are whole numbers.
    special_codes : list of float, or mapping of feature to such a list, optional
        Values that are no measurement, counted apart; a list is of every number. A mapping of code
        to meaning may stand for a list.
    boundaries : mapping of feature to values, optional
        Values that must be among the fine edges.
    n_points : int
        Greatest number of cells per numeric feature, those of `boundaries` apart.
    by : str
        Id by whose hash a Table is sampled.
    executor : Executor, optional
        For the blocks of a Table, as in :func:`riskkit.partitions.total`.

    Returns
    -------
    FeatureCounts

    Raises
    ------
    ValueError
        A label that is not 0 or 1, unequal lengths, indexes that differ, a weight that is negative
        or infinite, a special code that is NaN, or codes of a column there is not.
    TypeError
        Columns that are no features, all of them named: dates, mixtures, integers beyond 2**53, a
        category of more than 10,000 levels or, from 100 rows on, without two rows alike.

    Examples
    --------
    >>> X = pd.DataFrame({"age": [20.0, 30.0, 30.0, None]})
    >>> counts = count_features(X, np.array([1, 0, 1, 0]))
    >>> counts["age"].cells.tolist(), counts["age"].missing.tolist()
    ([[0, 1], [1, 1]], [1, 0])
    """
    same_rows(X=X, y=y, sample_weight=sample_weight)
    named = [name for name in (y, sample_weight) if isinstance(name, str)]
    task = partial(
        _count_frame,
        y=y,
        sample_weight=sample_weight,
        special_codes=SpecialCodes.read(special_codes, X.columns),
        n_points=n_points,
    )
    if isinstance(X, Table):
        if not isinstance(y, str) or not (sample_weight is None or isinstance(sample_weight, str)):
            raise TypeError("label and weight of a Table are named by their columns")
        if features is None:
            features = [name for name in X.columns if name not in {*named, by}]
        columns = [*features, *named]
        if edges is None:
            sample = X.sample(_SAMPLE_ROWS, columns=columns, by=by)
            fine = task(sample, features=features, boundaries=boundaries or {}, edges=None)
            edges = fine.edges
        run = partial(
            task, features=features, boundaries=boundaries or {}, edges=edges, n_threads=1
        )
        counts = total(run, X, executor, columns=columns)
    else:
        if features is None:
            features = [name for name in X.columns if name not in named]
        counts = task(X, features=features, boundaries=boundaries or {}, edges=edges)
    _refuse_ids(counts, whole=edges is None or isinstance(X, Table))
    return counts


def _count_frame(
    frame: pd.DataFrame,
    *,
    y: Any,
    sample_weight: Any,
    features: Sequence[str],
    special_codes: SpecialCodes,
    boundaries: Mapping[str, Sequence[float]],
    edges: Mapping[str, np.ndarray] | None,
    n_points: int,
    n_threads: int | None = None,
) -> FeatureCounts:
    """Counts of one frame's columns, side by side: sorting releases the interpreter lock."""
    if isinstance(y, str):
        known = frame[y].notna().to_numpy()
        if not known.all():
            frame = frame[known]
        y = frame[y]
    if isinstance(sample_weight, str):
        sample_weight = frame[sample_weight]
    bad = bad_flags(y, len(frame))
    weight = None
    if sample_weight is not None:
        weight = weight_array(sample_weight, len(bad), "sample_weight")
        if not weight.all():  # a row of no weight is as good as absent
            frame, bad, weight = frame[weight > 0], bad[weight > 0], weight[weight > 0]
    kinds = feature_kinds(frame[list(features)])

    def count(name: str) -> NumericCounts | CategoryCounts:
        column = frame[name]
        # a block in which a category is missing throughout looks like numbers
        lost = edges is not None and name not in edges and not column.notna().any()
        if kinds[name] == "category" or lost:
            return _count_levels(column, bad, weight)
        return _count_numbers(
            numbers(column),
            bad,
            weight,
            codes=special_codes.of(name, kinds[name]),
            edges=None if edges is None else edges.get(name),
            boundaries=boundaries.get(name, ()),
            n_points=n_points,
            is_boolean=kinds[name] == "boolean",
        )

    with ThreadPoolExecutor(max_workers=n_threads or os.cpu_count()) as pool:
        return FeatureCounts(dict(zip(features, pool.map(count, features), strict=True)))


def _refuse_ids(counts: FeatureCounts, *, whole: bool) -> None:
    """Refuse categories that name rows instead of describing them; in a part, levels may be new."""
    refused = []
    for name, found in counts.items():
        if isinstance(found, CategoryCounts):
            n_levels, n_rows = len(found.levels), found.n_rows
            if n_levels > MAX_LEVELS:
                refused.append(f"feature {name}: {n_levels:,} levels are no category; group them")
            elif whole and n_levels == n_rows >= _ROWS_OF_AN_ID:
                refused.append(
                    f"feature {name}: each of {n_levels:,} rows has its own level; an id"
                )
    if refused:
        raise TypeError("; ".join(refused))


def _good_bad(bad: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    """Goods and bads of rows, weighted."""
    return _weighted(bad, weight, 2)


def _weighted(place: np.ndarray, weight: np.ndarray | None, size: int) -> np.ndarray:
    """Weight in each of so many places."""
    kind = np.int64 if weight is None else np.float64
    # of no rows numpy counts whole numbers, whatever the weights
    return np.bincount(place, weights=weight, minlength=size).astype(kind, copy=False)


def _roundest(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The number of fewest digits in (low, high], so that edges read well."""
    result = high.copy()
    with np.errstate(over="ignore", invalid="ignore"):
        gap = high - low
    # powers of ten beyond these are no floats
    wide = (gap > 1e-300) & (gap < 1e300)
    exponent = np.zeros(len(high))
    exponent[wide] = np.floor(np.log10(gap[wide]))
    for power in np.unique(exponent[wide]):
        rows = np.flatnonzero(wide & (exponent == power))
        left, right = low[rows], high[rows]
        found = right.copy()
        # at most one multiple of the larger step lies within; from the plainest to the finest
        for step, place in ((1.0, power), (5.0, power), (1.0, power + 1)):
            # dividing by a power of ten gives the nearest decimal, multiplying by its inverse not
            up, down = (10.0**-place, 1.0) if place < 0 else (1.0, 10.0**place)
            times = np.floor(right * up / (step * down))
            for shift in (-1, 0, 1):  # the floor may be one off
                candidate = (times + shift) * (step * down) / up
                found = np.where((candidate > left) & (candidate <= right), candidate, found)
        result[rows] = found
    return result


def _fine_edges(ordered: np.ndarray, n_points: int) -> np.ndarray:
    """Edges of about equal numbers of sorted values, or every distinct value but the smallest."""
    if len(ordered) == 0:
        return np.empty(0)
    starts = ordered[1:] != ordered[:-1]
    if np.count_nonzero(starts) < n_points:
        found = ordered[1:][starts]
    else:
        steps = np.linspace(0, len(ordered), 2 * n_points, endpoint=False).astype(np.intp)
        halves = ordered[steps]
        found = np.unique(_roundest(halves[1::2][:-1], halves[2::2]))
        found = found[found > ordered[0]]
    return found[np.isfinite(found)]


def _count_numbers(
    values: np.ndarray,
    bad: np.ndarray,
    weight: np.ndarray | None,
    *,
    codes: tuple[float, ...],
    edges: np.ndarray | None,
    boundaries: Sequence[float],
    n_points: int,
    is_boolean: bool,
) -> NumericCounts:
    n_rows = len(values)
    special = np.zeros((len(codes), 2), dtype=np.int64 if weight is None else np.float64)
    for row, code in enumerate(codes):
        mask = values == code
        special[row] = _good_bad(bad[mask], None if weight is None else weight[mask])
        keep = ~mask
        values, bad = values[keep], bad[keep]
        weight = None if weight is None else weight[keep]
    ordered = ascending(values)
    known = len(ordered)
    if edges is None:
        edges = _fine_edges(ordered, n_points)
    edges = np.asarray(edges, dtype=np.float64) + 0.0  # no edge reads -0
    if len(boundaries):
        edges = np.union1d(edges, np.asarray(boundaries, dtype=np.float64))
    if not (np.diff(edges) > 0).all():
        raise ValueError("edges must be ascending without repeats")
    ends = np.append(np.searchsorted(ordered, edges), known)
    starts = np.append(0, ends[:-1])
    filled = ends > starts
    lowest, highest = np.full(len(ends), np.inf), np.full(len(ends), -np.inf)
    lowest[filled], highest[filled] = ordered[starts[filled]], ordered[ends[filled] - 1]
    if weight is None:
        # the bads are few: sorting them again is cheaper than carrying the label along
        of_bads = values[bad]
        bads = ascending(of_bads)
        bads_below = np.append(np.searchsorted(bads, edges), len(bads))
        below = np.stack([ends - bads_below, bads_below], axis=1)
        cells = np.diff(below, axis=0, prepend=np.zeros((1, 2), dtype=below.dtype))
        n_missing, bad_missing = len(values) - known, len(of_bads) - len(bads)
        missing = np.array([n_missing - bad_missing, bad_missing])
    else:
        # the cell of NaN is one past the last
        size = len(edges) + 2
        cell = np.where(np.isnan(values), size - 1, np.searchsorted(edges, values, side="right"))
        cells = _weighted(cell * 2 + bad, weight, 2 * size).reshape(size, 2)
        cells, missing = cells[:-1], cells[-1]
    return NumericCounts(edges, cells, lowest, highest, codes, special, missing, n_rows, is_boolean)


def _count_levels(column: pd.Series, bad: np.ndarray, weight: np.ndarray | None) -> CategoryCounts:
    codes, levels = level_codes(column)
    # a missing value has code -1, which ends in the last cell
    codes = np.where(codes < 0, len(levels), codes)
    size = len(levels) + 1
    cells = _weighted(codes * 2 + bad, weight, 2 * size).reshape(size, 2)
    rows = np.bincount(codes, minlength=size)
    order = np.argsort(levels)
    order = order[rows[order] > 0]  # pandas knows unused levels, too
    return CategoryCounts(tuple(map(str, levels[order])), cells[order], cells[-1], len(bad))

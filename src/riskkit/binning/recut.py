"""Bins of one feature from its fine counts: cut at edges, grouped by levels, or merged.

Takes counts and where to cut; gives :class:`FeatureBins`, without reading a row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from riskkit.binning.bins import FeatureBins
from riskkit.binning.counts import CategoryCounts, NumericCounts

__all__ = ["cut", "grouped", "merged"]


def merged(bins: FeatureBins, i: int, j: int) -> FeatureBins:
    """Bins with two of them made one.

    Ordinary bins of a number must be neighbours; levels' bins, special codes and missing may go
    with any.
    """
    n = len(bins.counts)
    for number in (i, j):
        if not 0 <= number < n:
            raise ValueError(f"feature {bins.name} has bins 0 to {n - 1}, got {number!r}")
    i, j = sorted((i, j))
    if i == j:
        raise ValueError(f"two bins are needed to merge, got {i} twice")
    edges, groups = bins.edges, bins.groups
    if j < bins.n_bins:
        if edges is not None:
            if j != i + 1:
                raise ValueError(
                    f"only neighbouring bins of numbers can be merged, got {i} and {j}"
                )
            edges = np.delete(edges, i)
        else:
            assert groups is not None
            both = tuple(sorted(groups[i] + groups[j]))
            groups = (*groups[:i], both, *groups[i + 1 : j], *groups[j + 1 :])
    counts = bins.counts.copy()
    counts[i] += counts[j]
    return FeatureBins(
        name=bins.name,
        edges=edges,
        groups=groups,
        special_codes=bins.special_codes,
        counts=np.delete(counts, j, axis=0),
        apart=tuple(i if row == j else row - (row > j) for row in bins.apart),
        is_boolean=bins.is_boolean,
    )


def cut(
    name: str,
    counts: NumericCounts,
    edges: Sequence[float] | np.ndarray,
    apart: Sequence[int] | None = None,
) -> FeatureBins:
    """Bins of a number between given edges; an edge that the counts cannot hold moves to the next.

    Parameters
    ----------
    edges : sequence of float
        Ascending without repeats.
    apart : sequence of int, optional
        As in :class:`FeatureBins`; by default a bin of its own for each special code and missing.

    Raises
    ------
    ValueError
        Edges out of order, not finite, or too close for the counts to tell apart.
    """
    wanted = np.asarray(edges, dtype=np.float64)
    if wanted.ndim != 1 or not np.isfinite(wanted).all() or not (np.diff(wanted) > 0).all():
        raise ValueError(
            f"feature {name}: edges must be finite numbers, ascending without repeats, "
            f"got {wanted.tolist()}"
        )
    found = [counts.boundary(edge) for edge in wanted]
    kept = [edge for _, edge in found]
    if not (np.isfinite(kept).all() and (np.diff(kept) > 0).all()):
        raise ValueError(
            f"feature {name}: the counts cannot tell all of {wanted.tolist()} apart; the nearest "
            f"they know are {sorted(set(kept) - {-np.inf})}"
        )
    running = np.vstack([np.zeros((1, 2), counts.cells.dtype), np.cumsum(counts.cells, axis=0)])
    ends = [0, *(cell for cell, _ in found), len(counts.cells)]
    return _with_apart(
        name, np.diff(running[ends], axis=0), counts, apart, edges=np.array(kept, dtype=np.float64)
    )


def grouped(
    name: str,
    counts: CategoryCounts,
    groups: Sequence[Sequence[str]],
    apart: Sequence[int] | None = None,
) -> FeatureBins:
    """Bins of a category in given groups; every level of the counts belongs to one.

    Raises
    ------
    ValueError
        A level that is in no group, or in two; an empty group.
    """
    named = Counter(level for group in groups for level in group)
    twice = sorted(level for level, times in named.items() if times > 1)
    left = sorted(set(counts.levels) - set(named))
    problems = []
    if twice:
        problems.append(f"in two groups: {twice}")
    if left:
        problems.append(f"in no group: {left}")
    # of nothing but missing values there is one bin, without a level
    if counts.levels and not all(len(group) for group in groups):
        problems.append("a group is empty")
    if problems:
        raise ValueError(f"feature {name}: each level belongs to one group; {'; '.join(problems)}")
    place = {level: row for row, level in enumerate(counts.levels)}
    cells = [
        counts.cells[[place[level] for level in group if level in place]].sum(axis=0)
        for group in groups
    ]
    texts = tuple(tuple(sorted(group)) for group in groups)
    return _with_apart(name, np.array(cells).reshape(-1, 2), counts, apart, groups=texts)


def _with_apart(
    name: str,
    cells: np.ndarray,
    counts: NumericCounts | CategoryCounts,
    apart: Sequence[int] | None,
    *,
    edges: np.ndarray | None = None,
    groups: tuple[tuple[str, ...], ...] | None = None,
) -> FeatureBins:
    """Bins of ordinary values with special codes and missing added to where they belong."""
    codes: tuple[float, ...] = ()
    extra = [counts.missing]
    if isinstance(counts, NumericCounts):
        codes = counts.special_codes
        extra = [*counts.special, counts.missing]
    if apart is None:
        apart = range(len(cells), len(cells) + len(extra))
    rows = np.zeros((max(len(cells), *(row + 1 for row in apart)), 2), dtype=counts.cells.dtype)
    rows[: len(cells)] = cells
    for row, count in zip(apart, extra, strict=True):
        rows[row] += count
    return FeatureBins(
        name=name,
        edges=edges,
        groups=groups,
        special_codes=codes,
        counts=rows,
        apart=tuple(apart),
        is_boolean=isinstance(counts, NumericCounts) and counts.is_boolean,
    )

"""The bins of one feature that a request allows and that tell the most.

Takes fine counts and a request; gives bins, or one bin and the constraint that forbids more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from riskkit.binning.bins import FeatureBins
from riskkit.binning.counts import CategoryCounts, NumericCounts
from riskkit.binning.recut import cut, grouped, merged
from riskkit.binning.solve import Limits, best_cuts, why_one_bin

__all__ = [
    "MISSING",
    "Choice",
    "Request",
    "broken_limit",
    "choose_bins",
    "limits_of",
    "rare_levels",
]

MISSING = ("own_bin", "riskiest")
# levels of fewer rows stand together, or chance would order them
_LEAST_LEVEL_ROWS, _LEAST_LEVEL_SHARE = 20, 0.005
# a level's bad rate is drawn towards the average as if this many average rows were added, so that
# a handful of rows does not put a rare level at either end of the risk order
_LEVEL_PRIOR_ROWS = 20.0
_TINY = float(np.finfo(float).tiny)


@dataclass(frozen=True)
class Request:
    """What is asked of one feature's bins; the words are those of :class:`WoeBinner`."""

    max_bins: int
    min_bin_size: float
    min_bads: float
    trend: str
    missing: str
    candidate_edges: Sequence[float] | None = None
    fixed_edges: Sequence[float] | None = None


@dataclass(frozen=True)
class Choice:
    """Bins, why there is only one of ordinary values, and what of the request could not be met."""

    bins: FeatureBins
    one_bin: str = ""
    infeasible: str = ""


def choose_bins(name: str, counts: NumericCounts | CategoryCounts, request: Request) -> Choice:
    """Best bins of one feature.

    Raises
    ------
    ValueError
        Fixed edges that break a limit or a stated trend.
    """
    limits = limits_of(counts, request)
    if isinstance(counts, CategoryCounts):
        bins, one_bin = _of_levels(name, counts, limits)
    elif request.fixed_edges is not None:
        bins, one_bin = cut(name, counts, request.fixed_edges), ""
        broken = broken_limit(bins, limits, request.trend)
        if broken:
            raise ValueError(f"feature {name}: fixed_edges give {broken}")
    else:
        bins, one_bin = _of_numbers(name, counts, limits, request)
    infeasible = one_bin if one_bin.startswith("trend") else ""
    bads = counts.cells[:, 1].sum()
    if bads < request.min_bads and counts.cells.any():
        infeasible = f"min_bads={request.min_bads:g}, and its ordinary values have {bads:g} in all"
    if request.missing == "riskiest":
        bins = merged(bins, int(bins.woe[: bins.n_bins].argmin()), bins.apart[-1])
    return Choice(bins, one_bin, infeasible)


def limits_of(counts: NumericCounts | CategoryCounts, request: Request) -> Limits:
    """What the request asks of every bin, in weights of these counts."""
    weight = float(counts.total.sum())
    return Limits(
        max_bins=request.max_bins,
        min_rows=request.min_bin_size * weight,
        min_bads=float(request.min_bads),
        # weights are repetitions, but those of less than a row say how much it counts
        weight_per_row=min(weight / counts.n_rows, 1.0),
    )


def rare_levels(counts: CategoryCounts, limits: Limits) -> np.ndarray:
    """Whether each level has too few rows to stand alone, bool."""
    share = counts.cells.sum(axis=1) / counts.total.sum()
    rows = counts.cells.sum(axis=1) / limits.weight_per_row
    return (share < _LEAST_LEVEL_SHARE) | (rows < _LEAST_LEVEL_ROWS)


def _of_levels(name: str, counts: CategoryCounts, limits: Limits) -> tuple[FeatureBins, str]:
    """Groups of levels in ascending order of their bad rate."""
    is_rare = rare_levels(counts, limits)
    parts = [np.array([i]) for i in np.flatnonzero(~is_rare)]
    if is_rare.any() or not parts:
        parts.append(np.flatnonzero(is_rare))
    cells = np.array([counts.cells[part].sum(axis=0) for part in parts])
    prior = _LEVEL_PRIOR_ROWS * limits.weight_per_row
    average = counts.total[1] / counts.total.sum()
    risk = (cells[:, 1] + prior * average) / np.maximum(cells.sum(axis=1) + prior, _TINY)
    order = np.argsort(risk, kind="stable")
    cuts, one_bin = _cuts(cells[order], counts.total, limits, "none")
    groups = [np.concatenate([parts[i] for i in run]) for run in np.split(order, cuts)]
    goods, bads = np.array([counts.cells[group].sum(axis=0) for group in groups]).T
    by_risk = np.argsort(bads / np.maximum(goods + bads, _TINY), kind="stable")
    texts = [[counts.levels[i] for i in groups[row]] for row in by_risk]
    return grouped(name, counts, texts), one_bin


def _of_numbers(
    name: str, counts: NumericCounts, limits: Limits, request: Request
) -> tuple[FeatureBins, str]:
    """Runs of values under the trend."""
    edges, candidates = counts.edges, np.arange(1, len(counts.cells))
    if request.candidate_edges is not None:
        found = sorted({counts.boundary(edge) for edge in request.candidate_edges})
        inside = {cell: edge for cell, edge in found if 0 < cell < len(counts.cells)}
        candidates = np.array(list(inside), dtype=np.intp)
        edges = edges.copy()
        edges[candidates - 1] = list(inside.values())
    cuts, one_bin = _cuts(counts.cells, counts.total, limits, request.trend, candidates)
    return cut(name, counts, edges[cuts - 1]), one_bin


def _cuts(
    cells: np.ndarray,
    total: np.ndarray,
    limits: Limits,
    trend: str,
    candidates: np.ndarray | None = None,
) -> tuple[np.ndarray, str]:
    """Cells at which a bin begins, and why there is none."""
    if len(cells) < 2:
        return np.empty(0, dtype=np.intp), "one value" if cells.any() else "no ordinary value"
    if candidates is not None and len(candidates) == 0:
        return np.empty(0, dtype=np.intp), "no candidate edge lies between its values"
    cuts = best_cuts(cells, total, limits, trend, candidates)
    if len(cuts):
        return cuts, ""
    why = why_one_bin(cells, total, limits, trend, candidates)
    return cuts, f"{why} leaves no split" if why else "no split has goods and bads, at two rates"


def broken_limit(bins: FeatureBins, limits: Limits, trend: str) -> str:
    """What given bins do not satisfy, in words; empty where they do."""
    if bins.n_bins > limits.max_bins:
        return f"{bins.n_bins} bins, more than max_bins={limits.max_bins}"
    for label, (goods, bads) in zip(bins.labels, bins.counts[: bins.n_bins], strict=False):
        if goods + bads < limits.min_rows * (1 - 1e-9):
            return f"{goods + bads:g} rows in {label}, less than min_bin_size: {limits.min_rows:g}"
        if bads < limits.min_bads:
            return f"{bads:g} bads in {label}, less than min_bads={limits.min_bads:g}"
    allowed = {trend, "flat"}
    if trend in ("peak", "valley"):
        allowed |= {"ascending", "descending"}  # the turn may lie at either end
    if trend not in ("auto", "none") and bins.trend not in allowed:
        return f"the course {bins.trend}, not the trend {trend}"
    return ""

"""The bins of one feature that a request allows and that tell the most.

Takes fine counts and a request; gives bins, or one bin and the constraint that forbids more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from riskkit.binning.bins import FeatureBins
from riskkit.binning.counts import CategoryCounts, NumericCounts
from riskkit.binning.recut import cut, grouped, merged
from riskkit.binning.solve import (
    Asked,
    Limits,
    cuts_of_each,
    many_cuts,
    trend_words,
    why_one_bin,
)

__all__ = [
    "BELOW_MIN_BADS",
    "MISSING",
    "Choice",
    "Fine",
    "Request",
    "broken_limit",
    "candidate_cells",
    "choose_bins",
    "choose_each",
    "course_of_levels",
    "cut_levels",
    "finished",
    "limits_of",
    "rare_levels",
]

MISSING = ("own_bin", "riskiest")
BELOW_MIN_BADS = ("neutral", "riskiest")
Fine = NumericCounts | CategoryCounts
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
    max_p_value: float | None = None
    reversal_level: float = 0.05
    min_period_gap: float | None = None
    below_min_bads: str = "neutral"


@dataclass(frozen=True)
class Choice:
    """Bins, why there is only one of ordinary values, and what of the request could not be met."""

    bins: FeatureBins
    one_bin: str = ""
    infeasible: str = ""


def choose_bins(
    name: str,
    counts: Fine,
    request: Request,
    periods: Sequence[Fine] | None = None,
    *,
    judged: bool = True,
) -> Choice:
    """Best bins of one feature.

    Parameters
    ----------
    name : str
    counts : NumericCounts or CategoryCounts
    request : Request
    periods : sequence of the same, optional
        The counts of each period, oldest first, on the same fine edges; they add up to `counts`.
    judged : bool
        Whether fixed edges must keep the limits: of a part of the rows they may not.

    Raises
    ------
    ValueError
        Fixed edges that break a limit or a stated trend.
    """
    seen = None if periods is None else [{name: period} for period in periods]
    return choose_each({name: counts}, {name: request}, seen, judged=judged)[name]


def choose_each(
    counts: Mapping[str, Fine],
    requests: Mapping[str, Request],
    periods: Sequence[Mapping[str, Fine]] | None = None,
    *,
    judged: bool = True,
) -> dict[str, Choice]:
    """Best bins of many features side by side, each as :func:`choose_bins` gives them.

    Parameters
    ----------
    counts : mapping of feature to counts
    requests : mapping of feature to Request
        Those to bin, in their order.
    periods : sequence of mappings of feature to counts, optional
    judged : bool

    Raises
    ------
    ValueError
        As there, of the first such feature.
    """
    plans = {}
    for name, request in requests.items():
        if isinstance(counts[name], CategoryCounts) or request.fixed_edges is None:
            seen = None if periods is None else [period[name] for period in periods]
            plans[name] = _plan(name, counts[name], request, seen)
    solved = cuts_of_each([plan.asked for plan in plans.values()])
    cuts = dict(zip(plans, solved, strict=True))
    choices = {}
    for name, request in requests.items():
        fine = counts[name]
        if name in plans:
            bins = plans[name].bins_at(cuts[name])
            one_bin = "" if len(cuts[name]) else _why_one_bin(plans[name].asked)
        else:
            bins, one_bin = _at_fixed_edges(name, fine, request, judged), ""
        # of all constraints, a trend is named first
        infeasible = one_bin if one_bin.startswith(_asking_for(trend_words(request.trend))) else ""
        bads = fine.cells[:, 1].sum()
        if bads < request.min_bads and fine.cells.any():
            infeasible = (
                f"min_bads={request.min_bads:g}, and its ordinary values have {bads:g} in all"
            )
        choices[name] = Choice(finished(bins, request), one_bin, infeasible)
    return choices


@dataclass(frozen=True)
class _Plan:
    """What is asked of the cells of a feature, and its bins once they are cut."""

    asked: Asked
    bins_at: Callable[[np.ndarray], FeatureBins]


def _plan(name: str, counts: Fine, request: Request, periods: Sequence[Fine] | None) -> _Plan:
    limits = limits_of(counts, request)
    if isinstance(counts, CategoryCounts):
        return _of_levels(name, counts, limits, periods)
    edges, candidates = candidate_cells(counts, request)
    by_period = None if periods is None else np.array([period.cells for period in periods])
    asked = Asked(counts.cells, counts.total, limits, request.trend, candidates, by_period)
    return _Plan(asked, lambda cuts: cut(name, counts, edges[cuts - 1]))


def _at_fixed_edges(name: str, counts: Fine, request: Request, judged: bool) -> FeatureBins:
    assert isinstance(counts, NumericCounts)
    assert request.fixed_edges is not None
    bins = cut(name, counts, request.fixed_edges)
    broken = broken_limit(bins, limits_of(counts, request), request.trend)
    if broken and judged:
        raise ValueError(f"feature {name}: fixed_edges give {broken}")
    return bins


def _asking_for(constraint: str) -> str:
    return f"asking for {constraint}"


def finished(bins: FeatureBins, request: Request) -> FeatureBins:
    """Bins with what is asked of missing values and of bins with few bads."""
    if request.missing == "riskiest":
        bins = merged(bins, int(bins.woe[: bins.n_bins].argmin()), bins.apart[-1])
    return replace(bins, min_bads=request.min_bads, below_min_bads=request.below_min_bads)


def limits_of(counts: Fine, request: Request) -> Limits:
    """What the request asks of every bin, in weights of these counts."""
    weight = float(counts.total.sum())
    gap = request.min_period_gap
    return Limits(
        max_bins=request.max_bins,
        min_rows=request.min_bin_size * weight,
        min_bads=float(request.min_bads),
        # weights are repetitions, but those of less than a row say how much it counts
        weight_per_row=min(weight / counts.n_rows, 1.0),
        max_p_value=1.0 if request.max_p_value is None else request.max_p_value,
        max_reversal_p_value=request.reversal_level,
        min_period_gap=-np.inf if gap is None else gap,
    )


def course_of_levels(limits: Limits) -> str:
    """Course of the bad rate over levels in the order of their risk."""
    # where neighbours must differ, they must do so in the order of risk
    return "ascending" if limits.max_p_value < 1 else "none"


def rare_levels(counts: CategoryCounts, limits: Limits) -> np.ndarray:
    """Whether each level has too few rows to stand alone, bool."""
    rows = counts.cells.sum(axis=1)
    is_rare = rows / counts.total.sum() < _LEAST_LEVEL_SHARE
    is_rare |= rows < _LEAST_LEVEL_ROWS * limits.weight_per_row * (1 - 1e-9)
    return is_rare


def _levels_in_order(
    counts: CategoryCounts, cells: np.ndarray, limits: Limits
) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
    """Cells of levels in ascending order of risk, the rare ones as one.

    Parameters
    ----------
    cells : array of shape (n_sets, n_levels, 2)

    Returns
    -------
    array of shape (n_sets, n_parts, 2), list of int arrays, int array of shape (n_sets, n_parts)
        The cells in order; the levels of each part; and the order of the parts.
    """
    is_rare = rare_levels(counts, limits)
    parts = [np.array([i]) for i in np.flatnonzero(~is_rare)]
    if is_rare.any() or not parts:
        parts.append(np.flatnonzero(is_rare))
    cells = np.stack([cells[:, part].sum(axis=1) for part in parts], axis=1)
    prior = _LEVEL_PRIOR_ROWS * limits.weight_per_row
    average = counts.total[1] / counts.total.sum()
    risk = (cells[..., 1] + prior * average) / np.maximum(cells.sum(axis=2) + prior, _TINY)
    order = np.argsort(risk, axis=1, kind="stable")
    return np.take_along_axis(cells, order[..., None], axis=1), parts, order


def cut_levels(
    counts: CategoryCounts, cells: np.ndarray, limits: Limits
) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
    """Levels of many sets of counts in ascending order of risk, and in bins.

    Parameters
    ----------
    counts : CategoryCounts
        Of as many rows a level as each set.
    cells : array of shape (n_sets, n_levels, 2)
    limits : Limits

    Returns
    -------
    array of shape (n_sets, n_parts, 2), list of int arrays, int array of shape (n_sets, n_levels)
        The cells in order, the rare levels as one; where a bin begins; and the bin of each level.
    """
    ordered, parts, order = _levels_in_order(counts, cells, limits)
    course = course_of_levels(limits)
    cuts = many_cuts(ordered, counts.total, limits, [course])[course]
    place = np.empty(cells.shape[:2], dtype=np.int64)
    for k, at in enumerate(cuts):
        numbers = np.searchsorted(at, np.arange(len(parts)), side="right")
        for part, number in zip(order[k], numbers, strict=True):
            place[k, parts[part]] = number
    return ordered, cuts, place


def _of_levels(
    name: str, counts: CategoryCounts, limits: Limits, periods: Sequence[Fine] | None
) -> _Plan:
    """Groups of levels in ascending order of their bad rate."""
    (cells,), parts, (order,) = _levels_in_order(counts, counts.cells[None], limits)
    by_period = None
    if periods is not None:
        of_levels = np.array([_of_known_levels(period, counts.levels) for period in periods])
        by_period = np.stack([of_levels[:, parts[i]].sum(axis=1) for i in order], axis=1)

    def bins_at(cuts: np.ndarray) -> FeatureBins:
        groups = [np.concatenate([parts[i] for i in run]) for run in np.split(order, cuts)]
        goods, bads = np.array([counts.cells[group].sum(axis=0) for group in groups]).T
        by_risk = np.argsort(bads / np.maximum(goods + bads, _TINY), kind="stable")
        texts = [[counts.levels[i] for i in groups[row]] for row in by_risk]
        return grouped(name, counts, texts)

    course = course_of_levels(limits)
    return _Plan(Asked(cells, counts.total, limits, course, periods=by_period), bins_at)


def _of_known_levels(counts: Fine, levels: Sequence[str]) -> np.ndarray:
    """Cells of these levels, in their order, in a part of the rows."""
    assert isinstance(counts, CategoryCounts)
    own = dict(zip(counts.levels, counts.cells, strict=True))
    return np.array([own.get(level, np.zeros(2)) for level in levels])


def candidate_cells(counts: NumericCounts, request: Request) -> tuple[np.ndarray, np.ndarray]:
    """Fine edges, and the cells at which a bin may begin."""
    edges, candidates = counts.edges, np.arange(1, len(counts.cells))
    if request.candidate_edges is not None:
        found = sorted({counts.boundary(edge) for edge in request.candidate_edges})
        inside = {cell: edge for cell, edge in found if 0 < cell < len(counts.cells)}
        candidates = np.array(list(inside), dtype=np.intp)
        edges = edges.copy()
        edges[candidates - 1] = list(inside.values())
    return edges, candidates


def _why_one_bin(asked: Asked) -> str:
    """Why no bin begins inside, in words."""
    if len(asked.cells) < 2:
        return "one value" if asked.cells.any() else "no ordinary value"
    if len(asked.inner) == 0:
        return "no candidate edge lies between its values"
    why = why_one_bin(
        asked.cells, asked.total, asked.limits, asked.trend, asked.candidates, asked.periods
    )
    if why:
        return f"{_asking_for(why)} leaves no split"
    return "no split has goods and bads, at two rates"


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

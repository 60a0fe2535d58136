"""A second opinion on bins: what optbinning makes of the same counts under the same limits.

Takes a fitted binner; gives a table of both bins side by side, and what the difference comes from:
each reason is found by solving again without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from riskkit.binning.bins import FeatureBins
from riskkit.binning.choose import (
    Request,
    broken_limit,
    choose_bins,
    course_of_levels,
    finished,
    limits_of,
    rare_levels,
)
from riskkit.binning.counts import CategoryCounts, NumericCounts
from riskkit.binning.optbinning import PeerCuts, peer_cuts, tests_neighbours
from riskkit.binning.recut import cut, grouped
from riskkit.binning.solve import Limits, best_cuts, chance_per_turn
from riskkit.binning.woe import WoeBinner
from riskkit.checks import refuse_unknown

__all__ = ["second_opinion"]

# optbinning maximises an IV in millionths, each bin's cut off
_ROUNDING = 1e-5
_TURNS = {"ascending": 0, "descending": 0, "flat": 0, "peak": 1, "valley": 1}
_COLUMNS = ["iv", "their_iv", "share", "n_bins", "their_n_bins", "cuts", "their_cuts"]
_COLUMNS += ["trend", "their_trend", "why"]


def second_opinion(binner: WoeBinner, features: Sequence[str]) -> pd.DataFrame:
    """Bins beside those that optbinning makes of the same counts, and why they differ.

    optbinning is bound to the binner's limits: `max_bins`, `min_bin_size`, `min_bads`, `trend`, and
    `max_p_value` where weights are rows; it knows no periods.
    Only its cuts are taken; both IVs are of the binner's counts, special codes and missing values
    among them. Levels are offered to it in the order of their bad rates, as numbers of which it is
    to keep the order, since it ignores weights when it orders levels itself.

    Parameters
    ----------
    binner : WoeBinner
        With its counts: fitted, not loaded.
    features : sequence of str
        None asks nothing, and does not need optbinning.

    Returns
    -------
    DataFrame, index feature
        iv and their_iv; share, the first by the second (NaN where theirs is 0); n_bins and
        their_n_bins, of ordinary values; cuts and their_cuts, in words; trend and their_trend, as
        found; why, what the difference comes from.

    Raises
    ------
    ImportError
        optbinning is not installed.
    ValueError
        An unknown feature, or a binner without its counts.

    Source
    ------
    riskkit definition; optbinning as in Navas-Palencia (2020), arXiv:2001.08025.
    """
    check_is_fitted(binner, "bins_")
    refuse_unknown("features", features, binner.bins_)
    if not hasattr(binner, "counts_"):
        raise ValueError(
            "this binner has no fine counts, being loaded or taken over; fit one to the rows with "
            "edits=binner.log_"
        )
    rows = [_row(binner, name) for name in features]
    return pd.DataFrame(rows, columns=_COLUMNS, index=pd.Index(features, name="feature"))


def _row(binner: WoeBinner, name: str) -> list[object]:
    ours, request = binner.bins_[name], binner.request(name)
    opinion = _Opinion(name, binner.counts_[name], request)
    theirs = opinion.as_shown(opinion.theirs)
    by_hand = [edit.action for edit in binner.log_ if edit.feature == name]
    return [
        ours.iv,
        theirs.iv,
        ours.iv / theirs.iv if theirs.iv > 0 else np.nan,
        ours.n_bins,
        theirs.n_bins,
        _cuts_in_words(ours),
        _cuts_in_words(theirs),
        ours.trend,
        theirs.trend,
        "; ".join(opinion.reasons(ours, by_hand)),
    ]


def _cuts_in_words(bins: FeatureBins) -> str:
    if bins.groups is not None:
        return " | ".join(bins.labels[: bins.n_bins])
    assert bins.edges is not None
    return ", ".join(f"{edge:.6g}" for edge in bins.edges) or "none"


def _ordinary_iv(bins: FeatureBins) -> float:
    """IV of the bins of ordinary values, of shares of these alone: what optbinning maximises."""
    goods, bads = (bins.counts[: bins.n_bins] / bins.counts[: bins.n_bins].sum(axis=0)).T
    return float(((goods - bads) * np.log(goods / bads)).sum())


def _some(texts: Sequence[str]) -> str:
    """A few texts, and how many more there are."""
    named = ", ".join(texts[:4])
    return named if len(texts) <= 4 else f"{named} and {len(texts) - 4} more"


@dataclass(frozen=True, eq=False)
class _Opinion:
    """One feature as both solvers see it: filled cells in the order of the values or of risk."""

    name: str
    counts: NumericCounts | CategoryCounts
    request: Request

    @cached_property
    def limits(self) -> Limits:
        """What both are bound to."""
        limits = limits_of(self.counts, self.request)
        shared = tests_neighbours(self.cells, limits)
        return limits if shared else replace(limits, max_p_value=1.0)

    @cached_property
    def trend(self) -> str:
        """Course that ours follow over these cells."""
        if isinstance(self.counts, CategoryCounts):
            return course_of_levels(self.limits)
        return self.request.trend

    @cached_property
    def order(self) -> np.ndarray:
        """Places in the counts of the filled cells."""
        rows = self.counts.cells.sum(axis=1)
        filled = np.flatnonzero(rows > 0)
        if isinstance(self.counts, NumericCounts):
            return filled
        rate = self.counts.cells[filled, 1] / rows[filled]
        return filled[np.argsort(rate, kind="stable")]

    @cached_property
    def cells(self) -> np.ndarray:
        return self.counts.cells[self.order]

    @cached_property
    def peer(self) -> PeerCuts:
        trend = "ascending" if isinstance(self.counts, CategoryCounts) else self.trend
        size = self.request.min_bin_size
        return peer_cuts(self.cells, self.counts.total, self.limits, size, trend)

    @cached_property
    def theirs(self) -> FeatureBins:
        return self.bins(self.peer.cuts)

    def bins(self, cuts: np.ndarray) -> FeatureBins:
        """Bins that begin at some of the filled cells."""
        if isinstance(self.counts, NumericCounts):
            return cut(self.name, self.counts, self.counts.edges[self.order[cuts] - 1])
        levels = self.counts.levels
        empty = np.setdiff1d(np.arange(len(levels)), self.order)
        runs = np.split(np.append(self.order, empty), cuts)
        return grouped(self.name, self.counts, [[levels[i] for i in run] for run in runs])

    def bare(self, bins: FeatureBins) -> FeatureBins:
        """The same bins with special codes and missing values apart, as both solvers see them."""
        if isinstance(self.counts, NumericCounts):
            assert bins.edges is not None
            return cut(self.name, self.counts, bins.edges)
        return grouped(self.name, self.counts, [group for group in bins.groups or () if group])

    def as_shown(self, bins: FeatureBins) -> FeatureBins:
        """The same bins with what the request asks of missing values and of few bads."""
        return finished(bins, self.request)

    def solved(
        self, trend: str, candidates: np.ndarray | None = None, total: np.ndarray | None = None
    ) -> FeatureBins:
        """Our bins under another trend, of other candidates, or of shares of another total."""
        total = self.counts.total if total is None else total
        return self.bins(best_cuts(self.cells, total, self.limits, trend, candidates))

    def places(self, bins: FeatureBins) -> np.ndarray:
        """Number of each filled cell's bin."""
        if isinstance(self.counts, CategoryCounts):
            return np.array([bins.place(self.counts.levels[i]) for i in self.order])
        assert bins.edges is not None
        return np.searchsorted(bins.edges, self.counts.lowest[self.order], side="right")

    def same(self, one: FeatureBins, other: FeatureBins, among: np.ndarray | None = None) -> bool:
        """Whether two bins part the cells alike."""
        pairs = np.column_stack([self.places(one), self.places(other)])
        pairs = pairs if among is None else pairs[among]
        n_pairs = len(np.unique(pairs, axis=0))
        return all(len(np.unique(column)) == n_pairs for column in pairs.T)

    # -- reasons -----------------------------------------------------------------------------------

    def reasons(self, ours: FeatureBins, by_hand: Sequence[str]) -> Iterator[str]:
        """What the difference comes from; first what only our bins were bound to."""
        request = self.request
        alike = ours.apart == self.as_shown(self.theirs).apart
        ours = self.bare(ours)
        if self.same(ours, self.theirs):
            yield "the same bins" + ("" if alike else " but for special codes and missing values")
            return
        bound = self._bound_alone(by_hand)
        free = replace(request, fixed_edges=None, candidate_edges=None)
        if self.limits.max_p_value == 1:
            free = replace(free, max_p_value=None)
        unbound = self.bare(choose_bins(self.name, self.counts, free).bins)
        if not bound and not self.same(ours, unbound):
            bound = ["ours keep their order in every period (stable_over)"]
        if bound:
            yield from bound
            ours = unbound
            if self.same(ours, self.theirs):
                yield "without that, the same bins"
                return
            yield f"without that, our IV is {ours.iv:.4f}"
        if abs(self.as_shown(self.theirs).iv - self.theirs.iv) > _ROUNDING:
            yield "with special codes and missing values apart, as both solvers see them"
        yield from self._of_solver()
        if isinstance(self.counts, CategoryCounts):
            yield from self._of_levels(self.counts, ours)
        else:
            yield from self._of_course(ours)

    def _bound_alone(self, by_hand: Sequence[str]) -> list[str]:
        """What only our bins were bound to."""
        request = self.request
        bound = [f"ours were decided by hand ({', '.join(by_hand)})"] if by_hand else []
        if request.fixed_edges is not None:
            bound.append("ours are the fixed_edges")
        if request.candidate_edges is not None:
            bound.append("ours begin at candidate_edges alone")
        asked = self.request.max_p_value
        if asked is not None and asked < 1 and self.limits.max_p_value == 1:
            bound.append(f"ours have neighbours that differ at p ≤ {asked:g}, judged by weight")
        return bound

    def _of_solver(self) -> Iterator[str]:
        """What their bins break, or their solver did not do."""
        if self.peer.status != "OPTIMAL":
            yield f"their solver ends with {self.peer.status}"
        stated = "none" if isinstance(self.counts, CategoryCounts) else self.trend
        broken = broken_limit(self.theirs, self.limits, stated)
        if broken and self.theirs.n_bins > 1:
            yield f"theirs break a limit: {broken}"

    def _of_course(self, ours: FeatureBins) -> Iterator[str]:
        """The course of the bad rate, then what remains within their course."""
        trend, theirs = self.trend, self.theirs
        if ours.trend != theirs.trend and theirs.n_bins > 1 and ours.n_bins > 1:
            trend = "none" if theirs.trend in ("mixed", "flat") else theirs.trend
            bound = self.solved(trend)
            yield f"the course: ours {ours.trend}, theirs {theirs.trend}{self._turns(ours, bound)}"
            if self.same(bound, theirs):
                yield "bound to theirs, we have the same bins"
                return
            yield f"bound to theirs, our IV is {bound.iv:.4f}"
            ours = bound
        yield from self._of_cuts(ours, trend)

    def _turns(self, ours: FeatureBins, bound: FeatureBins) -> str:
        """What "auto" asks of a course with more turns, where theirs gains less."""
        n_turns = [_TURNS.get(bins.trend, 2) for bins in (ours, self.theirs)]
        asked = (n_turns[1] - n_turns[0]) * chance_per_turn(self.counts.total, self.limits)
        gain = bound.iv - ours.iv
        if self.request.trend != "auto" or not 0 < gain < asked:
            return f", both allowed by {self.request.trend!r}"
        gains = f"its turn gains an IV of {gain:.4f}, and 'auto' asks for {asked:.4f}"
        return f"; {gains}, as chance may give as much"

    def _of_levels(self, counts: CategoryCounts, ours: FeatureBins) -> Iterator[str]:
        is_rare = rare_levels(counts, self.limits)[self.order]
        text = "the order of levels: in ours, rates of few rows are drawn towards the average"
        if is_rare.any():
            rare = [counts.levels[i] for i, few in zip(self.order, is_rare, strict=True) if few]
            text = f"rare levels, which stand together in ours: {_some(rare)}"
            if self.same(ours, self.theirs, ~is_rare):
                yield f"{text}; the others are parted alike"
                return
        bound = self.solved(self.trend)
        if not self.same(ours, bound):
            yield text
            if self.same(bound, self.theirs):
                yield "in their order, we have the same bins"
                return
            yield f"in their order, our IV is {bound.iv:.4f}"
        yield from self._of_cuts(bound, self.trend)

    def _of_cuts(self, ours: FeatureBins, trend: str) -> Iterator[str]:
        """The cuts either had to choose from, and the shares theirs are of."""
        theirs, prebins = self.theirs, self.peer.prebins
        if ours.n_bins == 1:
            free = replace(self.request, fixed_edges=None, candidate_edges=None)
            yield "ours are one bin: " + choose_bins(self.name, self.counts, free).one_bin
        if theirs.iv > ours.iv + _ROUNDING:
            found = self.solved(trend, self.peer.cuts)
            if found.iv > ours.iv + _ROUNDING:
                yield (
                    "our search: it looks at some sixty cells of equal weight first; of their cuts "
                    f"alone it makes an IV of {found.iv:.4f}"
                )
                return
        coarse = self.solved(trend, prebins)
        lacking = np.setdiff1d(np.flatnonzero(np.diff(self.places(ours))) + 1, prebins)
        if len(lacking):
            text = f"their pre-binning: {len(prebins)} cuts, without ours at {self._at(lacking)}"
            yield text
            if self.same(coarse, theirs):
                yield "bound to theirs, we have the same bins"
                return
            yield f"bound to theirs, our IV is {coarse.iv:.4f}"
        ordinary = self.solved(trend, prebins, self.cells.sum(axis=0))
        more = _ordinary_iv(ordinary) - _ordinary_iv(theirs)
        if more > _ROUNDING:
            yield (
                f"their solver passes over bins of these cuts, within all limits, of an IV of "
                f"{ordinary.iv:.4f}"
            )
        elif abs(coarse.iv - theirs.iv) <= _ROUNDING:
            yield "both IVs are the same to the rounding of their solver, a hundred-thousandth"
        else:
            yield "their shares are of ordinary values alone, without special and missing ones"

    def _at(self, cuts: np.ndarray) -> str:
        if isinstance(self.counts, CategoryCounts):
            return _some([self.counts.levels[i] for i in self.order[cuts]])
        return _some([f"{edge:.6g}" for edge in self.counts.edges[self.order[cuts] - 1]])

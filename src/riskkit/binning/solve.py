"""The best bins of one feature, exactly: dynamic programming over fine counts.

Takes weighted goods and bads per fine cell; gives the cells at which a new bin begins, so that the
IV is largest under the limits and the trend. Many sets of counts of one feature, such as those of
permuted labels, are solved side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

__all__ = [
    "TRENDS",
    "Limits",
    "best_cuts",
    "chance_per_turn",
    "many_cuts",
    "rate_gaps",
    "thinned",
    "trend_words",
    "why_one_bin",
]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

TRENDS = ("auto", "ascending", "descending", "peak", "valley", "none")
# the program runs over this many cells of equal weight; then each cut moves on the fine cells
_COARSE_CELLS = 64
# of many sets a cut moves on so many; what chance gives is 3 to 5 % less than on all
_FINE_CELLS_OF_MANY = 1024
_SWEEPS = 8
# the simplest trend is taken that keeps this share of the IV the best one has beyond chance; a turn
# of the course counts as chance of this many degrees of freedom. Six gave the best 5-fold AUC
# over German credit, Taiwan and Lending Club among 0, 3, 6 and 12
_SHARE_OF_IV = 0.99
_CHANCE_PER_TURN = 6.0
# periods are joined until both bins of a pair have so many bads in each
_LEAST_PERIOD_BADS = 20.0
# each course: what its last step may be (up, down or either), and which course it may turn from
_UP, _DOWN, _EITHER = range(3)
_COURSES = {
    "ascending": (_UP, "ascending"),
    "descending": (_DOWN, "descending"),
    "peak": (_DOWN, "ascending"),
    "valley": (_UP, "descending"),
    "none": (_EITHER, "none"),
}


@dataclass(frozen=True)
class Limits:
    """What every bin of ordinary values must have, and every two neighbours.

    Parameters
    ----------
    max_bins : int
        Most bins.
    min_rows, min_bads : float
        Least weight of rows and of bads in a bin.
    weight_per_row : float
        At most 1, the weight of a repeated row; smaller where weights only say how much a row
        counts beside the others. What may be chance is judged by it.
    max_p_value : float
        Greatest p-value of two neighbours' bad rates being one, χ² with one degree of freedom;
        1 allows any.
    max_reversal_p_value : float
        Least p-value, over all periods after Holm, of two neighbours having changed places in one;
        0 asks of no period. Where counts come by period.
    min_period_gap : float
        Least difference of two neighbours' bad rates in each period, in the direction of their sum.
    """

    max_bins: int
    min_rows: float
    min_bads: float
    weight_per_row: float = 1.0
    max_p_value: float = 1.0
    max_reversal_p_value: float = 0.0
    min_period_gap: float = -np.inf


def rate_gaps(first: Array, second: Array) -> Array:
    """Bad rates of the second less those of the first, in standard errors if both were one.

    Parameters
    ----------
    first, second : arrays of shape (…, 2)
        Goods and bads, which broadcast.

    Returns
    -------
    array of shape (…,)
        0 where neither has, or both have only, bads.
    """
    # the sum of two columns is much cheaper than one along each short row
    first_rows, second_rows = first[..., 0] + first[..., 1], second[..., 0] + second[..., 1]
    rows = first_rows + second_rows
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = (first[..., 1] + second[..., 1]) / rows
        error = np.sqrt(rate * (1 - rate) * rows / (first_rows * second_rows))
        gap = second[..., 1] / second_rows - first[..., 1] / first_rows
        return np.where(error > 0, gap / error, 0.0)


def _score(counts: Array, total: Array, limits: Limits) -> tuple[Array, Array]:
    """IV and bad rate of bins, shape (…, 2); −inf and NaN where not allowed.

    A bin without goods or without bads is never made: its WoE would be an invention.
    """
    good, bad = counts[..., 0], counts[..., 1]
    rows = good + bad
    # a hair less, lest the rounding of weights refuse a bin of exactly the least size
    allowed = (rows >= limits.min_rows * (1 - 1e-9)) & (good > 0) & (bad > 0)
    allowed &= bad >= limits.min_bads * (1 - 1e-9)
    with np.errstate(divide="ignore", invalid="ignore"):
        of_goods, of_bads = good / total[0], bad / total[1]
        iv = np.where(allowed, (of_goods - of_bads) * np.log(of_goods / of_bads), -np.inf)
        rate = np.where(allowed, bad / rows, np.nan)
    return iv, rate


def best_cuts(
    cells: np.ndarray,
    total: np.ndarray,
    limits: Limits,
    trend: str = "auto",
    candidates: np.ndarray | None = None,
    periods: np.ndarray | None = None,
) -> np.ndarray:
    """Cells at which a new bin begins, so that the IV is largest.

    Over some sixty cells of equal weight the answer is exact, by dynamic programming over the last
    bin, the number of bins and the side of the peak; then each cut moves on the fine cells between
    its neighbours as long as the IV grows.

    Parameters
    ----------
    cells : array of shape (n_cells, 2)
        Weighted goods and bads in ascending order of the values.
    total : array of shape (2,)
        Goods and bads of all rows, those with missing and special values included.
    limits : Limits
    trend : str
        Course of the bad rate. "auto" is the simplest of a direction, a peak or valley, and none
        that keeps 99 % of the IV which the best course has beyond chance.
    candidates : int array, optional
        Cells at which a bin may begin; by default any but the first.
    periods : array of shape (n_periods, n_cells, 2), optional
        The cells of each period, oldest first, which add up to `cells`.

    Returns
    -------
    int array of shape (n_bins - 1,)
        Ascending; empty where no split is allowed.

    Source
    ------
    riskkit definition; the problem as in Navas-Palencia (2020), arXiv:2001.08025.
    """
    sets = _Sets.of(cells[None], total, limits, periods)
    return _solved(sets, [trend], candidates)[trend][0]


def many_cuts(
    cells: np.ndarray,
    total: np.ndarray,
    limits: Limits,
    trends: Sequence[str],
    candidates: np.ndarray | None = None,
) -> dict[str, list[np.ndarray]]:
    """What :func:`best_cuts` gives for each of many sets of counts with the same totals.

    Each cut moves on a thousand of the fine cells, where there are more.

    Parameters
    ----------
    cells : array of shape (n_sets, n_cells, 2)
    trends : sequence of str
        Each is asked of every set.
    total, limits, candidates
        As there, of every set.

    Returns
    -------
    dict of trend to list of int arrays
    """
    if candidates is None:
        candidates = np.arange(1, cells.shape[1])
    candidates = thinned(candidates, _FINE_CELLS_OF_MANY)
    return _solved(_Sets.of(cells, total, limits), trends, candidates)


def thinned(candidates: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the cells at which a bin may begin, evenly among them."""
    if len(candidates) <= most:
        return candidates
    return candidates[np.rint(np.linspace(0, len(candidates) - 1, most)).astype(np.intp)]


def _solved(
    sets: _Sets, trends: Sequence[str], candidates: np.ndarray | None
) -> dict[str, list[np.ndarray]]:
    if candidates is None:
        candidates = np.arange(1, sets.running.shape[1] - 1)
    if len(candidates) == 0:
        none = [np.empty(0, dtype=np.intp)] * len(sets.running)
        return dict.fromkeys(trends, none)
    coarse = np.array([_coarse(running, sets.limits, candidates) for running in sets.running])
    found = {}
    for trend, chosen in _choose(sets, coarse, trends).items():
        cuts = [cuts for cuts, _ in chosen]
        if coarse.shape[1] - 2 < len(candidates):
            free = np.array([name == "none" for _, name in chosen])
            cuts = _polish(sets, cuts, candidates, free)
        found[trend] = cuts
    return found


def chance_per_turn(total: np.ndarray, limits: Limits) -> float:
    """IV that "auto" asks of a course for each of its turns, since chance gives as much.

    One degree of freedom adds 1 / goods + 1 / bads to the IV by chance.
    """
    return _CHANCE_PER_TURN * float((1 / total).sum()) * limits.weight_per_row


def trend_words(trend: str) -> str:
    """What a stated trend asks of the bad rate."""
    courses = {"ascending": "a rising bad rate", "descending": "a falling bad rate"}
    return courses.get(trend, f"a {trend} of the bad rate")


def why_one_bin(
    cells: np.ndarray,
    total: np.ndarray,
    limits: Limits,
    trend: str,
    candidates: np.ndarray | None = None,
    periods: np.ndarray | None = None,
) -> str:
    """The constraint, in words, without which there would be more bins; "" where no split is any.

    Where several forbid it only together, all of them.

    Parameters are those of :func:`best_cuts`, which found no cut.
    """
    relaxed: dict[str, tuple[Limits, str, np.ndarray | None]] = {}
    if trend not in ("auto", "none"):
        relaxed[trend_words(trend)] = (limits, "none", periods)
    if limits.max_p_value < 1:
        any_gap = replace(limits, max_p_value=1.0)
        relaxed[f"neighbours that differ at p ≤ {limits.max_p_value:g}"] = (any_gap, trend, periods)
    if periods is not None:
        relaxed["neighbours that never change places"] = (limits, trend, None)
    if limits.min_bads > 0:
        fewer = replace(limits, min_bads=0)
        relaxed[f"{limits.min_bads:g} bads a bin"] = (fewer, trend, periods)
    relaxed["loans enough in each bin"] = (replace(limits, min_rows=0), trend, periods)
    for constraint, (other, course, seen) in relaxed.items():
        if len(best_cuts(cells, total, other, course, candidates, seen)):
            return constraint
    first, *others = relaxed
    none = replace(limits, min_bads=0, min_rows=0, max_p_value=1.0)
    if others and len(best_cuts(cells, total, none, "none", candidates)):
        return f"{first} together with {' and '.join(others)}"
    return ""


@dataclass(frozen=True)
class _Sets:
    """Running counts of sets of cells, and what two neighbours must satisfy.

    Parameters
    ----------
    running : array of shape (n_sets, n_cells + 1, 2)
    by_period : array of shape (n_periods, n_cells + 1, 2) or None
        The same of each period, of a single set.
    total : array of shape (2,)
    limits : Limits
    """

    running: Array
    by_period: Array | None
    total: Array
    limits: Limits

    @classmethod
    def of(
        cls,
        cells: np.ndarray,
        total: np.ndarray,
        limits: Limits,
        periods: np.ndarray | None = None,
    ) -> _Sets:
        def running(counts: np.ndarray) -> Array:
            padded = np.zeros((len(counts), counts.shape[1] + 1, 2))
            np.cumsum(counts, axis=1, out=padded[:, 1:])
            return padded

        by_period = None if periods is None else running(periods)
        return cls(running(cells), by_period, total.astype(np.float64), limits)

    def counts(self, which: np.ndarray, first: np.ndarray, last: np.ndarray) -> Array:
        """Goods and bads of the bins of cells first … last − 1 of the sets `which`."""
        found: Array = self.running[which, last] - self.running[which, first]
        return found

    def score(
        self, which: np.ndarray, first: np.ndarray, last: np.ndarray
    ) -> tuple[Array, Array, Array]:
        """Counts, IV and bad rate of bins."""
        counts = self.counts(which, first, last)
        return counts, *_score(counts, self.total, self.limits)

    @property
    def judges_pairs(self) -> bool:
        """Whether two neighbours must do more than follow the trend."""
        return self.limits.max_p_value < 1 or self.by_period is not None

    def may_meet(
        self, before: Array, after: Array, start: np.ndarray, cut: np.ndarray, end: np.ndarray
    ) -> Mask:
        """Whether bins of these counts, from start to cut and from there to end, may be neighbours.

        They differ by more than chance over all periods, and have changed places in none.
        """
        least = special.chdtri(1, self.limits.max_p_value) * self.limits.weight_per_row
        # the square of `rate_gaps`, without a division or a root for each pair
        rows, more_rows = before[..., 0] + before[..., 1], after[..., 0] + after[..., 1]
        bads, both = before[..., 1] + after[..., 1], rows + more_rows
        gap = after[..., 1] * rows - before[..., 1] * more_rows
        fits: Mask = gap * gap * both >= least * (rows * more_rows) * (bads * (both - bads))
        if self.by_period is not None:
            fits = fits & self._hold(np.sign(gap), start, cut, end)
        return fits

    def _hold(self, direction: Array, start: np.ndarray, cut: np.ndarray, end: np.ndarray) -> Mask:
        """Whether no period, joined with the next ones while it is thin, speaks against a pair."""
        assert self.by_period is not None
        shape = np.broadcast_shapes(start.shape, cut.shape, end.shape)
        weight = self.limits.weight_per_row
        lowest, smallest, n_periods = (
            np.full(shape, np.inf),
            np.full(shape, np.inf),
            np.zeros(shape),
        )

        def judge(pairs: Array, ready: Mask) -> None:
            with np.errstate(divide="ignore", invalid="ignore"):
                rates = pairs[..., 1] / pairs.sum(axis=-1)
            z = direction * rate_gaps(pairs[0], pairs[1]) / np.sqrt(weight)
            lowest[ready] = np.minimum(lowest, z)[ready]
            smallest[ready] = np.fmin(smallest, direction * (rates[1] - rates[0]))[ready]
            n_periods[ready] += 1

        # the periods being joined, and the last joined ones, which wait for what may be left over
        joined, waiting = np.zeros((2, *shape, 2)), np.zeros((2, *shape, 2))
        for running in self.by_period:
            joined[0] += running[cut] - running[start]
            joined[1] += running[end] - running[cut]
            full = np.min(joined[..., 1], axis=0) >= _LEAST_PERIOD_BADS * weight
            judge(waiting, full & (waiting.sum(axis=(0, -1)) > 0))
            waiting = np.where(full[..., None], joined, waiting)
            joined = np.where(full[..., None], 0.0, joined)
        judge(waiting + joined, waiting.sum(axis=(0, -1)) > 0)
        reversed_ = special.ndtr(lowest) * n_periods <= self.limits.max_reversal_p_value
        holds: Mask = ~reversed_ & (smallest >= self.limits.min_period_gap)
        return holds | (n_periods == 0)


def _coarse(running: Array, limits: Limits, candidates: np.ndarray) -> np.ndarray:
    """Boundaries for the program, both ends among them: about equal weight between neighbours.

    Of every set of counts equally many, some of them twice.
    """
    last = len(running) - 1
    if len(candidates) > _COARSE_CELLS:
        weight = running.sum(axis=1)
        wanted = np.concatenate(
            [
                np.linspace(0, weight[-1], _COARSE_CELLS + 1)[1:-1],
                # the outermost bins are best just large enough
                [limits.min_rows, weight[-1] - limits.min_rows],
            ]
        )
        place = np.searchsorted(weight[candidates], wanted)
        candidates = np.sort(candidates[np.minimum(place, len(candidates) - 1)])
    return np.concatenate([[0], candidates, [last]])


def _choose(
    sets: _Sets, coarse: np.ndarray, trends: Sequence[str]
) -> dict[str, list[tuple[np.ndarray, str]]]:
    """Best cuts of each set under each trend asked for, and the course they follow."""
    which, n_sets = np.arange(len(coarse)), len(coarse)
    counts, iv, rate = sets.score(which[:, None, None], coarse[:, :, None], coarse[:, None, :])
    iv[:, np.arange(iv.shape[1])[:, None] >= np.arange(iv.shape[1])] = -np.inf
    program = _Program(sets, coarse, counts, iv, rate)
    courses = program.best([*_COURSES] if "auto" in trends else trends)
    per_turn = chance_per_turn(sets.total, sets.limits)

    def simplest(b: int) -> str:
        free = courses["none"][b][0]
        ends = np.array([0, *free, iv.shape[1] - 1])
        steps = np.sign(np.diff(rate[b, ends[:-1], ends[1:]]))
        turns = {"peak": 1, "valley": 1, "none": int((np.diff(steps) != 0).sum())}
        beyond_chance = {
            name: found[b][1] - turns.get(name, 0) * per_turn for name, found in courses.items()
        }
        enough = _SHARE_OF_IV * max(beyond_chance.values())
        for simple in (("ascending", "descending"), ("peak", "valley")):
            name = max(simple, key=lambda course: beyond_chance[course])
            if beyond_chance[name] >= enough:
                return name
        return "none"

    found = {}
    for trend in trends:
        names = [simplest(b) if trend == "auto" else trend for b in range(n_sets)]
        found[trend] = [(coarse[b, courses[name][b][0]], name) for b, name in enumerate(names)]
    return found


# where bins begin, and the IV
_Course = tuple[np.ndarray, float]


class _Program:
    """Best runs of coarse cells into bins under a course, of all sets side by side.

    Parameters
    ----------
    sets : _Sets
    coarse : int array of shape (n_sets, n_boundaries)
    counts : array of shape (n_sets, n_boundaries, n_boundaries, 2)
        Of the bin from one boundary to another.
    iv, rate : arrays of shape (n_sets, n_boundaries, n_boundaries)
        −inf and NaN where there is no such bin.
    """

    def __init__(self, sets: _Sets, coarse: np.ndarray, counts: Array, iv: Array, rate: Array):
        self.sets, self.coarse, self.counts, self.iv, self.rate = sets, coarse, counts, iv, rate
        self.end = iv.shape[1] - 1
        self.starts = [
            np.flatnonzero(np.isfinite(iv[:, :i, i]).any(axis=0)) for i in range(self.end)
        ]
        self.stops = [np.flatnonzero(np.isfinite(iv[:, i]).any(axis=0)) for i in range(self.end)]
        self._steps: dict[tuple[int, int], Mask] = {}
        self._met: dict[int, Mask] = {}

    def steps(self, i: int, kind: int) -> Mask:
        """Which bins that end at boundary i may be followed by which that begin there.

        Of shape (n_sets, n_starts, n_stops); of a step up, down or either.
        """
        if (i, kind) in self._steps:
            return self._steps[i, kind]
        h, j = self.starts[i], self.stops[i]
        if kind == _EITHER:
            found = self.steps(i, _UP) | self.steps(i, _DOWN)
        else:
            before, after = self.rate[:, h, i, None], self.rate[:, i, j][:, None]
            found = before < after if kind == _UP else before > after
            if self.sets.judges_pairs:
                found = found & self._meetings(i, h, j)
        self._steps[i, kind] = found
        return found

    def _meetings(self, i: int, h: np.ndarray, j: np.ndarray) -> Mask:
        if i not in self._met:
            where = (self.coarse[:, h, None], self.coarse[:, i, None, None])
            counts = self.counts[:, h, i, None], self.counts[:, i, j][:, None]
            self._met[i] = self.sets.may_meet(*counts, *where, self.coarse[:, None, j])
        return self._met[i]

    def best(self, courses: Sequence[str]) -> dict[str, list[_Course]]:
        """Boundaries at which bins begin, and their IV, of each set under each course.

        No cut and an IV of −inf where none fit.
        """
        every = np.arange(len(self.iv))
        # with any number of bins first: it is the answer wherever that number is allowed
        found = self._reach(every, courses, 0)
        most = self.sets.limits.max_bins
        many = {c: [b for b in every if len(found[c][b][0]) >= most] for c in courses}
        again = sorted({b for sets in many.values() for b in sets})
        if again:
            fewer = self._reach(np.array(again), [c for c in courses if many[c]], most)
            for course, answers in fewer.items():
                for b, answer in zip(again, answers, strict=True):
                    found[course][b] = answer
        return found

    def _reach(
        self, which: np.ndarray, courses: Sequence[str], max_bins: int
    ) -> dict[str, list[_Course]]:
        """Best bins of some sets: at most so many, or with 0 any number."""
        names = [*dict.fromkeys(name for c in courses for name in (_COURSES[c][1], c))]
        own, turned = np.arange(len(names)), [names.index(_COURSES[name][1]) for name in names]
        kinds = [_COURSES[name][0] for name in names]
        iv = self.iv[which]
        # best[c, b, k, i, j]: best IV of k + 1 bins up to boundary j, the last of them from i, of
        # a course; with any number of bins, k is 0 throughout
        shape = (len(names), len(which), max(max_bins, 1), self.end + 1, self.end + 1)
        best = np.full(shape, -np.inf)
        best[own == turned, :, 0, 0] = iv[:, 0]
        some = slice(None) if len(which) == len(self.iv) else which
        into, out_of = (slice(1, None), slice(None, -1)) if max_bins else (slice(None),) * 2
        for i in range(1, self.end):
            h, j = self.starts[i], self.stops[i]
            if len(h) == 0 or len(j) == 0:
                continue
            before = best[:, :, out_of, h, i]
            before = np.maximum(before, before[turned])
            fits = np.stack([self.steps(i, kind)[some] for kind in kinds])[:, :, None]
            reached = np.where(fits, before[..., None], -np.inf).max(axis=3)
            best[:, :, into, i, j] = reached + iv[:, None, i, j]
        found = {}
        for course in courses:
            both = [names.index(course), names.index(_COURSES[course][1])]
            two = [kinds[c] for c in both]
            found[course] = [
                self._traced(b, two, best[both, row], bool(max_bins)) for row, b in enumerate(which)
            ]
        return found

    def _traced(self, b: int, kinds: Sequence[int], best: Array, counted: bool) -> _Course:
        """The way back from the best end, of a course and of the one it turns from."""
        ends = best[..., self.end].swapaxes(0, 1)
        top = float(ends.max())
        if not np.isfinite(top):
            return np.empty(0, dtype=np.intp), top
        # a bin more must gain more than the rounding of a sum
        k, turned, i = (int(found[0]) for found in np.nonzero(ends >= top - 1e-12))
        cuts, j = [], self.end
        while i > 0:
            cuts.append(i)
            h = self.starts[i]
            fits = self.steps(i, kinds[turned])[b, :, np.searchsorted(self.stops[i], j)]
            k -= counted
            earlier = np.where(fits, best[turned:, k][:, h, i], -np.inf)
            turn, at = np.unravel_index(int(earlier.argmax()), earlier.shape)
            turned, i, j = turned + int(turn), int(h[at]), i
        return np.array(cuts[::-1], dtype=np.intp), top


def _polish(
    sets: _Sets, cuts: list[np.ndarray], candidates: np.ndarray, free: Mask
) -> list[np.ndarray]:
    """Each cut moved between its neighbours to where the IV is largest, the course kept."""
    n_cuts = np.array([len(found) for found in cuts])
    ends = np.full((len(cuts), n_cuts.max() + 2), sets.running.shape[1] - 1)
    ends[:, 0] = 0
    for b, found in enumerate(cuts):
        ends[b, 1 : len(found) + 1] = found
    which = np.arange(len(cuts))[:, None]
    counts, iv, rate = sets.score(which, ends[:, :-1], ends[:, 1:])
    course = np.where(free[:, None], 0.0, np.sign(np.diff(rate)))
    unsettled = n_cuts > 0

    def may_follow(
        k: int, of: np.ndarray, bins: tuple[tuple[Array, Array], tuple[Array, Array]], at: Any
    ) -> Mask:
        (before, before_rate), (after, after_rate) = bins
        fits: Mask = (course[of, k] == 0) | (course[of, k] * (after_rate - before_rate) > 0)
        return fits & sets.may_meet(before, after, *at) if sets.judges_pairs else fits

    for _ in range(_SWEEPS):
        moved = np.zeros(len(cuts), dtype=bool)
        for k in range(1, n_cuts.max() + 1):
            owners = np.flatnonzero(unsettled & (n_cuts >= k))
            if len(owners) == 0:
                continue
            # the places between the neighbours of each set's cut, one set after another
            lowest = np.searchsorted(candidates, ends[owners, k - 1], side="right")
            n_places = np.searchsorted(candidates, ends[owners, k + 1], side="left") - lowest
            begins = np.cumsum(n_places) - n_places
            place = candidates[np.repeat(lowest - begins, n_places) + np.arange(n_places.sum())]
            of = np.repeat(owners, n_places)
            low, high = ends[of, k - 1], ends[of, k + 1]
            left, iv_left, rate_left = sets.score(of, low, place)
            right, iv_right, rate_right = sets.score(of, place, high)
            both = iv_left + iv_right
            sides = (left, rate_left), (right, rate_right)
            both[~may_follow(k - 1, of, sides, (low, place, high))] = -np.inf
            if k > 1:
                pair = (counts[of, k - 2], rate[of, k - 2]), sides[0]
                at = (ends[of, k - 2], low, place)
                both[~may_follow(k - 2, of, pair, at)] = -np.inf
            more = np.flatnonzero(n_cuts[of] > k)
            if len(more):
                some = of[more]
                pair = (right[more], rate_right[more]), (counts[some, k + 1], rate[some, k + 1])
                at = (place[more], high[more], ends[some, k + 2])
                both[more[~may_follow(k, some, pair, at)]] = -np.inf
            top = np.maximum.reduceat(both, begins)
            better = top > iv[owners, k - 1] + iv[owners, k] + 1e-12
            if not better.any():
                continue
            hits = np.flatnonzero(both == np.repeat(np.where(better, top, np.inf), n_places))
            first = hits[np.unique(of[hits], return_index=True)[1]]
            gained = owners[better]
            ends[gained, k] = place[first]
            iv[gained, k - 1], iv[gained, k] = iv_left[first], iv_right[first]
            rate[gained, k - 1], rate[gained, k] = rate_left[first], rate_right[first]
            counts[gained, k - 1], counts[gained, k] = left[first], right[first]
            moved[gained] = True
        unsettled &= moved
        if not unsettled.any():
            break
    return [ends[b, 1 : n + 1] for b, n in enumerate(n_cuts)]

"""The best bins of features, exactly: dynamic programming over fine counts, then finer cuts.

Takes weighted goods and bads per fine cell; gives the cells at which a new bin begins, so that the
IV is largest under the limits and the trend. Many sets of counts, of one feature with its labels
permuted or of many features, are solved side by side.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from riskkit.binning.bin_sets import Limits, Sets, rate_gaps
from riskkit.binning.courses import COURSES, Program
from riskkit.binning.finer_cuts import moved_cuts

__all__ = [
    "TRENDS",
    "Asked",
    "Limits",
    "best_cuts",
    "chance_per_turn",
    "cuts_of_each",
    "many_cuts",
    "rate_gaps",
    "thinned",
    "trend_words",
    "why_one_bin",
]

TRENDS = ("auto", *COURSES)
# the program runs over this many cells of equal weight; then each cut moves on the fine cells
_COARSE_CELLS = 64
# of many sets a cut moves on so many; what chance gives is 3 to 5 % less than on all
_FINE_CELLS_OF_MANY = 1024
# more sets than these side by side outgrow the cache, and save no more time
_SETS_AT_ONCE = 16
# the simplest trend is taken that keeps this share of the IV the best one has beyond chance; a turn
# of the course counts as chance of this many degrees of freedom. Six gave the best 5-fold AUC
# over German credit, Taiwan and Lending Club among 0, 3, 6 and 12
_SHARE_OF_IV = 0.99
_CHANCE_PER_TURN = 6.0


@dataclass(frozen=True, eq=False)
class Asked:
    """Fine counts of one feature, and what is asked of its bins.

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
    """

    cells: np.ndarray
    total: np.ndarray
    limits: Limits
    trend: str = "auto"
    candidates: np.ndarray | None = None
    periods: np.ndarray | None = None

    @property
    def inner(self) -> np.ndarray:
        """Cells at which a bin may begin."""
        if self.candidates is None:
            return np.arange(1, len(self.cells))
        return self.candidates


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
    cells, total, limits, trend, candidates, periods
        As in :class:`Asked`.

    Returns
    -------
    int array of shape (n_bins - 1,)
        Ascending; empty where no split is allowed.

    Source
    ------
    riskkit definition; the problem as in Navas-Palencia (2020), arXiv:2001.08025.
    """
    return cuts_of_each([Asked(cells, total, limits, trend, candidates, periods)])[0]


def cuts_of_each(asked: Sequence[Asked]) -> list[np.ndarray]:
    """What :func:`best_cuts` gives for each of several features, of which the like go together.

    The same as of each alone, at a fraction of the time.
    """
    found = [np.empty(0, dtype=np.intp)] * len(asked)
    for group in _alike(asked):
        first = asked[group[0]]
        periods = [some for i in group if (some := asked[i].periods) is not None]
        sets = Sets.of([asked[i].cells for i in group], first.total, first.limits, periods or None)
        cuts = _solved(sets, [first.trend], [asked[i].inner for i in group])[first.trend]
        for i, own in zip(group, cuts, strict=True):
            found[i] = own
    return found


def _alike(asked: Sequence[Asked]) -> Iterator[list[int]]:
    """Numbers of those with a place to cut that can be solved side by side."""
    groups: dict[object, list[int]] = {}
    for i, one in enumerate(asked):
        if n_places := len(one.inner):
            # the fewer the places, the smaller the program
            size = min(n_places, _COARSE_CELLS).bit_length()
            n_periods = None if one.periods is None else len(one.periods)
            key = (one.trend, one.limits, tuple(one.total.tolist()), n_periods, size)
            groups.setdefault(key, []).append(i)
    for group in groups.values():
        for start in range(0, len(group), _SETS_AT_ONCE):
            yield group[start : start + _SETS_AT_ONCE]


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
    found: dict[str, list[np.ndarray]] = {trend: [] for trend in trends}
    for start in range(0, len(cells), _SETS_AT_ONCE):
        sets = Sets.of(cells[start : start + _SETS_AT_ONCE], total, limits)
        for trend, cuts in _solved(sets, trends, [candidates] * len(sets.first)).items():
            found[trend] += cuts
    return found


def thinned(candidates: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the cells at which a bin may begin, evenly among them."""
    if len(candidates) <= most:
        return candidates
    return candidates[np.rint(np.linspace(0, len(candidates) - 1, most)).astype(np.intp)]


def _solved(
    sets: Sets, trends: Sequence[str], candidates: Sequence[np.ndarray]
) -> dict[str, list[np.ndarray]]:
    """Best cuts of each set under each trend, of its own candidates."""
    if not any(map(len, candidates)):
        return dict.fromkeys(trends, [np.empty(0, dtype=np.intp)] * len(candidates))
    places = [first + own for first, own in zip(sets.first, candidates, strict=True)]
    each = [_coarse(sets, b, own) for b, own in enumerate(places)]
    most = max(map(len, each))
    coarse = np.array([np.append(own, np.repeat(own[-1], most - len(own))) for own in each])
    is_rough = np.array([len(a) - 2 < len(b) for a, b in zip(each, places, strict=True)])
    found = {}
    for trend, chosen in _choose(sets, coarse, trends).items():
        cuts = [cuts for cuts, _ in chosen]
        if is_rough.any():
            free = np.array([name == "none" for _, name in chosen])
            cuts = moved_cuts(sets, cuts, np.concatenate(places), free, is_rough)
        found[trend] = [own - first for own, first in zip(cuts, sets.first, strict=True)]
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


def _coarse(sets: Sets, b: int, candidates: np.ndarray) -> np.ndarray:
    """Boundaries of a set for the program, both ends among them: about equal weight between them.

    As many for each set with more candidates than these; some of them twice.
    """
    first, last = sets.first[b], sets.last[b]
    if len(candidates) > _COARSE_CELLS:
        whole, least = sets.running[:, last].sum(), sets.limits.min_rows
        weight = sets.running[0, candidates] + sets.running[1, candidates]
        wanted = np.concatenate(
            [
                np.linspace(0, whole, _COARSE_CELLS + 1)[1:-1],
                # the outermost bins are best just large enough
                [least, whole - least],
            ]
        )
        place = np.searchsorted(weight, wanted)
        candidates = np.sort(candidates[np.minimum(place, len(candidates) - 1)])
    return np.concatenate([[first], candidates, [last]])


def _choose(
    sets: Sets, coarse: np.ndarray, trends: Sequence[str]
) -> dict[str, list[tuple[np.ndarray, str]]]:
    """Best cuts of each set under each trend asked for, and the course they follow."""
    program = Program(sets, coarse)
    courses = program.best([*COURSES] if "auto" in trends else trends)
    per_turn = chance_per_turn(sets.total, sets.limits)

    def simplest(b: int) -> str:
        free = courses["none"][b][0]
        ends = np.array([0, *free, program.end])
        steps = np.sign(np.diff(program.rate[b, ends[:-1], ends[1:]]))
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
        names = [simplest(b) if trend == "auto" else trend for b in range(len(coarse))]
        found[trend] = [(coarse[b, courses[name][b][0]], name) for b, name in enumerate(names)]
    return found

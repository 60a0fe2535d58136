"""The best runs of some sixty cells into bins, exactly: dynamic programming under a course.

Takes sets of counts and the boundaries at which bins of each may begin; gives the cuts with the
largest IV of each set under each course of the bad rate.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from riskkit.binning.bin_sets import Array, Mask, Sets

__all__ = ["COURSES", "Course", "Program"]

# each course: what its last step may be (up, down or either), and which course it may turn from
_UP, _DOWN, _EITHER = range(3)
COURSES = {
    "ascending": (_UP, "ascending"),
    "descending": (_DOWN, "descending"),
    "peak": (_DOWN, "ascending"),
    "valley": (_UP, "descending"),
    "none": (_EITHER, "none"),
}
# numbers of the boundaries at which bins begin, and the IV
Course = tuple[np.ndarray, float]


class Program:
    """Best runs of coarse cells into bins under a course, of all sets side by side.

    Parameters
    ----------
    sets : Sets
    coarse : int array of shape (n_sets, n_boundaries)
        Boundaries of each set, both ends among them; some may come twice.

    Attributes
    ----------
    iv, rate : arrays of shape (n_sets, n_boundaries, n_boundaries)
        Of the bin from one boundary to another; −inf and NaN where there is no such bin.
    """

    def __init__(self, sets: Sets, coarse: np.ndarray):
        self.sets, self.coarse = sets, coarse
        self.counts, self.iv, self.rate = sets.score(coarse[:, :, None], coarse[:, None, :])
        places = np.arange(coarse.shape[1])
        self.iv[:, places[:, None] >= places] = -np.inf
        self.end = len(places) - 1
        there = np.asarray(np.isfinite(self.iv).any(axis=0))
        self.starts = [_span(there[:i, i]) for i in places]
        self.stops = [_span(there[i]) for i in places]
        # most bins that end at each boundary, in any set
        self.n_bins = np.zeros(len(places), dtype=int)
        for i in places[1:]:
            h = np.flatnonzero(there[:i, i])
            h = h[(h == 0) | (self.n_bins[h] > 0)]
            self.n_bins[i] = 1 + self.n_bins[h].max() if len(h) else 0
        self._met: dict[int, Mask] = {}
        self._ranks: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}

    def best(self, courses: Sequence[str]) -> dict[str, list[Course]]:
        """Boundaries at which bins begin, and their IV, of each set under each course.

        No cut and an IV of −inf where none fit.
        """
        every = np.arange(len(self.iv))
        # with any number of bins first: it is the answer wherever that number is allowed
        found = self._reach(every, courses, 0)
        most = self.sets.limits.max_bins
        many = {c: {b for b in every.tolist() if len(found[c][b][0]) >= most} for c in courses}
        again = sorted(set().union(*many.values()))
        if again:
            fewer = self._reach(np.array(again), [c for c in courses if many[c]], most)
            for course, answers in fewer.items():
                for b, answer in zip(again, answers, strict=True):
                    if b in many[course]:
                        found[course][b] = answer
        return found

    def _reach(
        self, which: np.ndarray, courses: Sequence[str], max_bins: int
    ) -> dict[str, list[Course]]:
        """Best bins of some sets: at most so many, or with 0 any number."""
        names = [*dict.fromkeys(name for c in courses for name in (COURSES[c][1], c))]
        own, turned = np.arange(len(names)), [names.index(COURSES[name][1]) for name in names]
        kinds = np.array([COURSES[name][0] for name in names])
        iv = self.iv[which]
        # best[j, c, k, b, i]: best IV of k + 1 bins up to boundary j, the last of them from i, of
        # a course and a set; with any number of bins, k is 0 throughout
        n_boundaries = self.end + 1
        shape = (n_boundaries, len(names), max(max_bins, 1), len(which), n_boundaries)
        best = np.full(shape, -np.inf)
        best[:, own == turned, 0, :, 0] = iv[:, 0].T
        for i in range(1, self.end):
            h, j = self.starts[i], self.stops[i]
            n_counted = min(self.n_bins[i], max_bins - 1) if max_bins else min(self.n_bins[i], 1)
            if n_counted == 0 or j.stop == 0:
                continue
            before = best[i, :, :n_counted, :, h]
            before = np.maximum(before, before[turned])
            reached = self._stepped(i, which, before, kinds) + iv[:, i, j]
            into = slice(1, n_counted + 1) if max_bins else slice(None)
            best[j, :, into, :, i] = np.moveaxis(reached, -1, 0)
        found = {}
        for course in courses:
            both = [names.index(course), names.index(COURSES[course][1])]
            found[course] = self._traced(which, both, kinds[both], best, bool(max_bins))
        return found

    def _stepped(self, i: int, which: np.ndarray, before: Array, kinds: np.ndarray) -> Array:
        """Best of what ends at boundary i and may be followed by each bin that begins there.

        Parameters
        ----------
        before : array of shape (n_names, n_counted, n_sets, n_starts)
        kinds : int array of shape (n_names,)
            Steps up, down or either.

        Returns
        -------
        array of shape (n_names, n_counted, n_sets, n_stops)
        """
        if self.sets.judges_pairs:
            return self._stepped_by_pairs(i, which, before, kinds)
        order, n_lower, n_higher = (rank[which] for rank in self._ranked(i))
        n_sets, n_starts = order.shape
        flat = (order + n_starts * np.arange(n_sets)[:, None]).ravel()
        # in ascending order of the bad rates; those of no bin come last and are −inf
        ranked = before.reshape(-1, n_sets * n_starts).take(flat, axis=1)
        ranked = ranked.reshape(*before.shape[:2], n_sets, n_starts)
        found = np.full((*before.shape[:3], n_lower.shape[1]), -np.inf)
        for kind, run, n_first in (
            (_UP, ranked, n_lower),
            (_DOWN, ranked[..., ::-1], n_higher),
        ):
            some = np.flatnonzero((kinds == kind) | (kinds == _EITHER))
            if len(some):
                # the best of the first so many of each set, of none −inf
                top = np.full((len(some), *before.shape[1:3], n_starts + 1), -np.inf)
                np.maximum.accumulate(run[some], axis=-1, out=top[..., 1:])
                place = (n_first + (n_starts + 1) * np.arange(n_sets)[:, None]).ravel()
                top = top.reshape(-1, n_sets * (n_starts + 1)).take(place, axis=1)
                found[some] = np.maximum(found[some], top.reshape(len(some), *found.shape[1:]))
        return found

    def _ranked(self, i: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Order of the bad rates of bins that end at boundary i, and how many of them come first.

        Of each bin that begins there: how many are lower, and how many, from the other end, are
        higher or of no bin.
        """
        if i not in self._ranks:
            before, after = self.rate[:, self.starts[i], i], self.rate[:, i, self.stops[i]]
            lower = before[:, :, None] < after[:, None]
            higher = before[:, :, None] > after[:, None]
            n_none = np.isnan(before).sum(axis=1, keepdims=True)
            self._ranks[i] = (
                np.argsort(before, axis=1),
                lower.view(np.uint8).sum(axis=1, dtype=np.uint8).astype(np.intp),
                higher.view(np.uint8).sum(axis=1, dtype=np.uint8) + n_none,
            )
        return self._ranks[i]

    def _stepped_by_pairs(
        self, i: int, which: np.ndarray, before: Array, kinds: np.ndarray
    ) -> Array:
        """:meth:`_stepped` where more than the bad rates of two bins decides whether they meet."""
        met, (h, j) = self._meetings(i), (self.starts[i], self.stops[i])
        found = np.empty((*before.shape[:3], j.stop - j.start))
        for row, b in enumerate(which):
            fits = self._fits(kinds[:, None, None], self.rate[b, h, i, None], self.rate[b, i, j])
            fits &= met[b]
            steps = np.where(fits[:, None], before[:, :, row, :, None], -np.inf)
            found[:, :, row] = steps.max(axis=2)
        return found

    def _meetings(self, i: int) -> Mask:
        """Which bins that end at boundary i may meet which that begin there, by set."""
        if i not in self._met:
            h, j = self.starts[i], self.stops[i]
            where = (self.coarse[:, h, None], self.coarse[:, i, None, None])
            counts = self.counts[:, :, h, i, None], self.counts[:, :, i, j][:, :, None]
            self._met[i] = self.sets.may_meet(*counts, *where, self.coarse[:, None, j])
        return self._met[i]

    @staticmethod
    def _fits(kinds: np.ndarray, before: Array, after: Array) -> Mask:
        """Whether steps from one bad rate to another go where they may."""
        up, down = before < after, before > after
        fits: Mask = (up & (kinds != _DOWN)) | (down & (kinds != _UP))
        return fits

    def _traced(
        self, which: np.ndarray, both: list[int], kinds: np.ndarray, best: Array, counted: bool
    ) -> list[Course]:
        """The way back from each set's best end, of a course and of the one it turns from."""
        rows = np.arange(len(which))
        ends = np.moveaxis(best[self.end, both], 2, 0).swapaxes(1, 2)
        flat = ends.reshape(len(rows), -1)
        tops = flat.max(axis=1)
        # a bin more must gain more than the rounding of a sum
        with np.errstate(invalid="ignore"):
            first = (flat >= tops[:, None] - 1e-12).argmax(axis=1)
        k, turned, i = np.unravel_index(first, ends.shape[1:])
        i = np.where(np.isfinite(tops), i, 0)
        j, cuts = np.full(len(rows), self.end), []
        while i.any():
            cuts.append(i)
            k = np.maximum(k - counted, 0)
            earlier = best[i[:, None], both, k[:, None], rows[:, None]]
            after = self.rate[which, i, j][:, None]
            fits = self._fits(kinds[turned][:, None], self.rate[which, :, i], after)
            if self.sets.judges_pairs:
                counts = self.counts[:, which, :, i].swapaxes(0, 1), self.counts[:, which, i, j]
                coarse = self.coarse[which]
                where = (coarse, coarse[rows, i][:, None], coarse[rows, j][:, None])
                fits &= self.sets.may_meet(counts[0], counts[1][..., None], *where)
            fits = fits[:, None] & (turned[:, None] <= np.arange(2))[..., None]
            earlier = np.where(fits, earlier, -np.inf).reshape(len(rows), -1)
            is_on = i > 0
            turned, h = np.where(is_on, np.divmod(earlier.argmax(axis=1), self.end + 1), 0)
            i, j = h, i
        steps = np.array(cuts[::-1], dtype=np.intp).reshape(len(cuts), len(rows))
        return [(steps[steps[:, b] > 0, b], float(tops[b])) for b in rows]


def _span(there: Mask) -> slice:
    """From the first to the last that is there."""
    places = np.flatnonzero(there)
    return slice(int(places[0]), int(places[-1]) + 1) if len(places) else slice(0, 0)

"""Cuts moved on the fine cells, each between its neighbours, as long as the IV grows.

Takes sets of counts and the cuts of each; gives the cuts after they have moved.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from riskkit.binning.bin_sets import Array, Mask, Sets

__all__ = ["moved_cuts"]

_SWEEPS = 8


def moved_cuts(
    sets: Sets, cuts: Sequence[np.ndarray], places: np.ndarray, free: Mask, may_move: Mask
) -> list[np.ndarray]:
    """Each cut moved between its neighbours to where the IV is largest, the course kept.

    Parameters
    ----------
    sets : Sets
    cuts : sequence of int arrays
        Boundaries of each set, ascending.
    places : int array
        Boundaries of all sets to which cuts may move, ascending.
    free : bool array of shape (n_sets,)
        Sets without a course.
    may_move : bool array of shape (n_sets,)
    """
    return _Cuts(sets, cuts, places, free).moved(may_move)


class _Cuts:
    """Cuts of sets side by side, and the bins between them."""

    def __init__(
        self, sets: Sets, cuts: Sequence[np.ndarray], places: np.ndarray, free: Mask
    ) -> None:
        self.sets, self.places = sets, places
        self.n_cuts = np.array([len(own) for own in cuts])
        self.most = int(self.n_cuts.max(initial=0))
        # both ends of the cells, and what lies between them
        self.ends = np.repeat(sets.last[:, None], self.most + 2, axis=1)
        self.ends[:, 0] = sets.first
        for own, ends in zip(cuts, self.ends, strict=True):
            ends[1 : len(own) + 1] = own
        self.counts, self.iv, self.rate = sets.score(self.ends[:, :-1], self.ends[:, 1:])
        self.course = np.where(free[:, None], 0.0, np.sign(np.diff(self.rate)))
        # whether a cut, or what it is judged by, has moved since it was last looked at
        self.is_stale = np.ones((len(cuts), self.most + 2), dtype=bool)

    def moved(self, may_move: Mask) -> list[np.ndarray]:
        """The cuts once none moves any more, or after eight rounds."""
        unsettled = may_move & (self.n_cuts > 0)
        for _ in range(_SWEEPS):
            has_moved = np.zeros(len(self.ends), dtype=bool)
            for k in range(1, self.most + 1):
                owners = np.flatnonzero(unsettled & (self.n_cuts >= k) & self.is_stale[:, k])
                if len(owners):
                    has_moved[self._move(k, owners)] = True
            unsettled &= has_moved
            if not unsettled.any():
                break
        return [ends[1 : n + 1] for ends, n in zip(self.ends, self.n_cuts, strict=True)]

    def _move(self, k: int, owners: np.ndarray) -> np.ndarray:
        """Move cut k of these sets to its best place; gives those where that was another."""
        ends, iv = self.ends, self.iv
        self.is_stale[owners, k] = False
        # the places between the neighbours of each set's cut, one set after another
        lowest = np.searchsorted(self.places, ends[owners, k - 1], side="right")
        n_places = np.searchsorted(self.places, ends[owners, k + 1], side="left") - lowest
        begins = np.cumsum(n_places) - n_places
        place = self.places[np.repeat(lowest - begins, n_places) + np.arange(n_places.sum())]
        of = np.repeat(owners, n_places)
        left = self.sets.score(ends[of, k - 1], place)
        right = self.sets.score(place, ends[of, k + 1])
        both = left[1] + right[1]
        both[~self._may_stand(k, of, place, (left[0], left[2]), (right[0], right[2]))] = -np.inf
        top = np.maximum.reduceat(both, begins)
        better = top > iv[owners, k - 1] + iv[owners, k] + 1e-12
        if not better.any():
            return owners[better]
        hits = np.flatnonzero(both == np.repeat(np.where(better, top, np.inf), n_places))
        first = hits[np.unique(of[hits], return_index=True)[1]]
        gained = owners[better]
        ends[gained, k] = place[first]
        for bin_, (counts, own, rate) in ((k - 1, left), (k, right)):
            self.counts[:, gained, bin_] = counts[:, first]
            iv[gained, bin_], self.rate[gained, bin_] = own[first], rate[first]
        for other in (k - 2, k - 1, k + 1, k + 2):
            if 0 < other <= self.most:
                self.is_stale[gained, other] = True
        return gained

    def _may_stand(
        self,
        k: int,
        of: np.ndarray,
        place: np.ndarray,
        left: tuple[Array, Array],
        right: tuple[Array, Array],
    ) -> Mask:
        """Whether cut k may stand at each place: its two bins beside each other and the next.

        Parameters
        ----------
        of : int array
            Set of each place.
        left, right : pairs of arrays
            Counts and bad rate of the bins on both sides of the place.
        """
        ends = self.ends
        low, high = ends[of, k - 1], ends[of, k + 1]
        fits = self._may_follow(k - 1, of, left, right, (low, place, high))
        if k > 1:
            before = self.counts[:, of, k - 2], self.rate[of, k - 2]
            fits &= self._may_follow(k - 2, of, before, left, (ends[of, k - 2], low, place))
        more = np.flatnonzero(self.n_cuts[of] > k)
        if len(more):
            own = of[more]
            side = right[0][:, more], right[1][more]
            after = self.counts[:, own, k + 1], self.rate[own, k + 1]
            at = (place[more], high[more], ends[own, k + 2])
            fits[more] &= self._may_follow(k, own, side, after, at)
        return fits

    def _may_follow(
        self,
        k: int,
        of: np.ndarray,
        before: tuple[Array, Array],
        after: tuple[Array, Array],
        at: tuple[np.ndarray, np.ndarray, np.ndarray],
    ) -> Mask:
        """Whether the bins before and after cut k + 1 follow the course, and may meet."""
        course = self.course[of, k]
        fits: Mask = (course == 0) | (course * (after[1] - before[1]) > 0)
        if self.sets.judges_pairs:
            start, cut, end = at
            fits &= self.sets.may_meet(before[0], after[0], start, cut, end)
        return fits

"""Which features to move to which bins, so that a score reaches its cutoff by the least move.

Takes what each bin would be to each applicant; gives the bin each feature moves to: exactly by
points, where a score is a sum of them, and by trying every way, where it is not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
import pandas as pd

from riskkit.binning import FeatureBins
from riskkit.columns import numbers

__all__ = ["FALLS", "RISES", "BinMoves", "least_by_points", "least_by_search"]

FALLS, RISES = "falls", "rises"
# ways scored for each applicant in the first round, and how many times more in each that follows
_FIRST_WAYS, _MORE = 16, 4


@dataclass(frozen=True)
class BinMoves:
    """Which bins of a feature each applicant can reach, and how far each is.

    Parameters
    ----------
    name : str
    bins : FeatureBins
        Of a number.
    way : str
        "falls" or "rises".
    now : array of shape (n,)
        The numbers.
    at : int array of shape (n,)
        Bin of each; 0 of what is missing or a special code, which cannot move.
    reachable : bool array of shape (n, n_bins)
    distances : array of shape (n, n_bins)
        Share of the loans between the middles of the bins.
    """

    name: str
    bins: FeatureBins
    way: str
    now: np.ndarray
    at: np.ndarray
    reachable: np.ndarray
    distances: np.ndarray

    @classmethod
    def of(cls, bins: FeatureBins, way: str, column: pd.Series) -> BinMoves:
        """What one feature of some applicants can be moved to."""
        values = numbers(column)
        stays = np.isnan(values) | np.isin(values, bins.special_codes)
        at = np.where(stays, 0, bins.assign(column))
        loans = bins.counts[: bins.n_bins].sum(axis=1)
        middle = (np.cumsum(loans) - loans / 2) / max(loans.sum(), 1)
        every = np.arange(bins.n_bins)
        reachable = every < at[:, None] if way == FALLS else every > at[:, None]
        distances = np.abs(middle - middle[at][:, None])
        return cls(bins.name, bins, way, values, at, reachable & ~stays[:, None], distances)

    def values(self, column: pd.Series) -> np.ndarray:
        """What the feature would be in each bin: of the numbers seen there the nearest one.

        A bin in which none is seen is taken at its end.
        """
        assert self.bins.edges is not None
        seen = numbers(column)
        seen = seen[~np.isin(seen, self.bins.special_codes)]
        told = []
        for low, high in pairwise([-np.inf, *self.bins.edges, np.inf]):
            there = seen[(seen >= low) & (seen < high)]
            if self.way == FALLS:
                told.append(there.max() if len(there) else np.nextafter(high, low))
            else:
                told.append(there.min() if len(there) else low)
        return np.array(told)


def least_by_points(
    moves: Sequence[BinMoves], gains: Sequence[np.ndarray], missing: np.ndarray
) -> list[np.ndarray]:
    """Bin each feature of each applicant is moved to, −1 where it stays: an exact knapsack.

    Parameters
    ----------
    moves : sequence of BinMoves
    gains : sequence of int arrays of shape (n, n_bins)
        Points of each move, 0 where it cannot be made or gains nothing.
    missing : int array of shape (n,)
        Points up to the cutoff, at least 1.
    """
    n, most = len(missing), int(missing.max(initial=0))
    needs = np.arange(most + 1)
    # cost[i, r]: the least distance by which the features so far gain applicant i r points or more
    cost = np.full((n, most + 1), np.inf)
    cost[:, 0] = 0.0
    choices = []
    for move, gained in zip(moves, gains, strict=True):
        best, choice = cost.copy(), np.full(cost.shape, -1, dtype=np.int8)
        for bin_ in range(gained.shape[1]):
            gain = gained[:, bin_]
            rows = np.flatnonzero(gain > 0)
            before = np.maximum(needs - gain[rows][:, None], 0)
            reached = cost[rows[:, None], before] + move.distances[rows, bin_][:, None]
            nearer = reached < best[rows] - 1e-12
            best[rows] = np.where(nearer, reached, best[rows])
            choice[rows] = np.where(nearer, bin_, choice[rows])
        cost = best
        choices.append(choice)
    left = missing.copy()
    rows = np.arange(n)
    possible = np.isfinite(cost[rows, left])
    taken = []
    for gained, choice in zip(reversed(gains), reversed(choices), strict=True):
        target = np.where(possible, choice[rows, left], -1)
        gain = np.where(target >= 0, gained[rows, np.maximum(target, 0)], 0)
        left = np.maximum(left - gain, 0)
        taken.append(target)
    return taken[::-1]


def least_by_search(
    moves: Sequence[BinMoves],
    bound: Sequence[bool],
    passes: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> np.ndarray:
    """Bin each feature of each applicant is moved to, −1 where it stays: every way, nearest first.

    Who does not pass with each bound feature moved as far as it goes, whatever the others do,
    passes in no way; of the rest the ways are tried in the order of their distance.

    Parameters
    ----------
    moves : sequence of BinMoves
    bound : sequence of bool
        Whether moving a feature further never lowers the score.
    passes : callable
        Of an int array of places of applicants and as many ways, an array of shape (n, n_moves) of
        bins, −1 where a feature stays: whether each reaches the cutoff.

    Returns
    -------
    int array of shape (n, n_moves)
    """
    n = len(moves[0].now)
    targets = np.full((n, len(moves)), -1)
    # who can reach the same bins has the same ways, at the same distances
    at = [np.where(move.reachable.any(axis=1), move.at, -1) for move in moves]
    kind, _ = pd.MultiIndex.from_arrays(at).factorize()
    _, first = np.unique(kind, return_index=True)
    farthest = [_ways(moves, row, bound) for row in first]
    who, _ = _tried(np.arange(n), kind, farthest, passes)
    nearest = [_ways(moves, row, [False] * len(moves)) for row in first]
    start, step, pending = 0, _FIRST_WAYS, who
    while len(pending):
        now = [ways[start : start + step] for ways in nearest]
        who, chosen = _tried(pending, kind, now, passes)
        targets[who] = chosen
        start, step = start + step, step * _MORE
        more = np.array([len(ways) > start for ways in nearest])
        pending = np.setdiff1d(pending[more[kind[pending]]], who)
    return targets


def _ways(moves: Sequence[BinMoves], row: int, at_their_end: Sequence[bool]) -> np.ndarray:
    """Every way of an applicant, the nearest first; features at their end go as far as they can."""
    options, distances = [], []
    for move, at_end in zip(moves, at_their_end, strict=True):
        bins = np.flatnonzero(move.reachable[row])
        if at_end and len(bins):
            options.append(bins[:1] if move.way == FALLS else bins[-1:])
        else:
            options.append(np.array([-1, *bins]))
        far = np.append(move.distances[row], 0.0)  # the last is that of −1, which stays
        distances.append(far[options[-1]])
    ways = np.array(list(product(*options)))
    total = np.array(list(product(*distances))).sum(axis=1)
    order = np.lexsort(((ways >= 0).sum(axis=1), total))
    return ways[order]


def _tried(
    rows: np.ndarray,
    kind: np.ndarray,
    ways: Sequence[np.ndarray],
    passes: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Who of the rows passes in any of the ways of their kind, and the first such way of each."""
    parts = [ways[kind[row]] for row in rows]
    who = np.repeat(rows, [len(part) for part in parts])
    way = np.concatenate([ways[0][:0], *parts])
    passing = np.flatnonzero(passes(who, way)) if len(who) else who
    found, first = np.unique(who[passing], return_index=True)
    return found, way[passing[first]]

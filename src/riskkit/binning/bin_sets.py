"""Possible bins of many sets of counts side by side: their counts, IV and bad rate.

Takes weighted goods and bads per fine cell of each set, which may have as many cells as it likes;
gives what a bin has, whether it is allowed, and which two may be neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

__all__ = ["Array", "Limits", "Mask", "Sets", "rate_gaps"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# periods are joined until both bins of a pair have so many bads in each
_LEAST_PERIOD_BADS = 20.0


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


@dataclass(frozen=True)
class Sets:
    """Running counts of sets of cells, one set after another, and what bins must satisfy.

    A boundary is a place in them: set b has those from `first[b]`, before its first cell, to
    `last[b]`, after its last.

    Parameters
    ----------
    running : array of shape (2, n_boundaries)
        Goods and bads of the set's cells before each boundary.
    first, last : int arrays of shape (n_sets,)
    by_period : array of shape (n_periods, n_boundaries, 2) or None
        The same of each period.
    total : array of shape (2,)
        Goods and bads of all rows, of every set.
    limits : Limits
    """

    running: Array
    first: np.ndarray
    last: np.ndarray
    by_period: Array | None
    total: Array
    limits: Limits

    @classmethod
    def of(
        cls,
        cells: Sequence[np.ndarray] | np.ndarray,
        total: np.ndarray,
        limits: Limits,
        periods: Sequence[np.ndarray] | None = None,
    ) -> Sets:
        """Sets of these cells, each of shape (n_cells, 2); periods have one axis more in front."""
        n_boundaries = np.array([len(own) + 1 for own in cells])
        last = np.cumsum(n_boundaries) - 1
        first = last - n_boundaries + 1
        running = np.zeros((2, int(n_boundaries.sum())))
        for own, begin, end in zip(cells, first, last, strict=True):
            np.cumsum(own.T, axis=1, out=running[:, begin + 1 : end + 1])
        by_period = None
        if periods is not None:
            by_period = np.zeros((len(periods[0]), running.shape[1], 2))
            for counts, begin, end in zip(periods, first, last, strict=True):
                np.cumsum(counts, axis=1, out=by_period[:, begin + 1 : end + 1])
        return cls(running, first, last, by_period, total.astype(np.float64), limits)

    def score(self, start: np.ndarray, end: np.ndarray) -> tuple[Array, Array, Array]:
        """Counts, IV and bad rate of bins between boundaries; −inf and NaN where not allowed.

        A bin without goods or without bads is never made: its WoE would be an invention.

        Returns
        -------
        array of shape (2, …), arrays of shape (…,)
        """
        counts: Array = np.take(self.running, end, axis=1) - np.take(self.running, start, axis=1)
        good, bad = counts
        rows = good + bad
        # a hair less, lest the rounding of weights refuse a bin of exactly the least size
        allowed = (rows >= self.limits.min_rows * (1 - 1e-9)) & (good > 0) & (bad > 0)
        allowed &= bad >= self.limits.min_bads * (1 - 1e-9)
        with np.errstate(divide="ignore", invalid="ignore"):
            of_goods, of_bads = good / self.total[0], bad / self.total[1]
            iv = np.where(allowed, (of_goods - of_bads) * np.log(of_goods / of_bads), -np.inf)
            rate = np.where(allowed, bad / rows, np.nan)
        return counts, iv, rate

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
        rows, more_rows = before[0] + before[1], after[0] + after[1]
        bads, both = before[1] + after[1], rows + more_rows
        gap = after[1] * rows - before[1] * more_rows
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

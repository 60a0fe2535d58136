"""How many bads a score expects, and whether those seen differ beyond chance.

Takes scores and outcomes; gives a line and p-values.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import special

from riskkit.checks import Array
from riskkit.metrics import logistic_line

__all__ = ["exact_p_value", "expected_line", "expected_p_value"]


class ScoreLine(NamedTuple):
    """A line of logit P(bad) on the score, and how sure it is."""

    intercept: float
    slope: float
    centre: float
    variances: tuple[float, float]  # of the level at the centre, and of the slope

    def probability(self, score: Array) -> Array:
        """Probability of bad that the line gives each score."""
        return np.asarray(special.expit(self.intercept + self.slope * score))

    def spread(self, score: Array) -> float:
        """Standard deviation of the expected bads of loans, as the line is not sure."""
        fitted = self.probability(score)
        pull = fitted * (1 - fitted)
        # level and slope are uncorrelated at the centre
        gradient = np.array([pull.sum(), np.dot(pull, score - self.centre)])
        return float(np.sqrt(np.dot(gradient**2, self.variances)))


def expected_line(score: Array, flag: Array, teaches: Array) -> ScoreLine | None:
    """Line of logit P(bad) on the score, fitted on some of the loans; None where there is none."""
    rows = teaches & ~np.isnan(flag) & ~np.isnan(score)
    if not rows.any():
        return None
    x = score[rows]
    line = logistic_line(x, flag[rows], np.ones(len(x)))
    if line is None:
        return None
    fitted = special.expit(line[0] + line[1] * x)
    curvature = fitted * (1 - fitted)
    centre = float(np.average(x, weights=curvature))
    of_slope = 1 / float(np.dot(curvature, (x - centre) ** 2))
    return ScoreLine(*line, centre, (1 / float(curvature.sum()), of_slope))


def expected_p_value(bad: int, score: Array, line: ScoreLine) -> float:
    """Two-sided p-value of a number of bads among loans of these scores; NaN of nobody.

    Exact given the line (:func:`exact_p_value`), with the line's own error added: where the score
    is beyond those that taught it, the line is less sure, and so is the test.
    """
    if not len(score):
        return np.nan
    distinct, times = np.unique(score, return_counts=True)
    mass, spread = _mass(line.probability(distinct), times), line.spread(score)
    reach = int(np.ceil(6 * spread))
    ends = np.arange(-reach, reach + 2) - 0.5
    error = np.diff(special.ndtr(ends / spread)) if reach else np.ones(1)
    return _as_unlikely(np.convolve(mass, error), bad + reach)


def exact_p_value(bad: int, probability: Array) -> float:
    """Two-sided p-value of a number of bads among loans of these probabilities; NaN of nobody.

    The distribution is the exact one of a sum of unequal coins, by its characteristic function;
    the p-value is the probability of all numbers that are no likelier than the one seen.

    Source
    ------
    Hong (2013), Computational Statistics & Data Analysis 59.

    Examples
    --------
    >>> round(exact_p_value(0, np.array([0.5, 0.5])), 3), exact_p_value(1, np.array([0.5, 0.5]))
    (0.5, 1.0)
    """
    if not len(probability):
        return np.nan
    distinct, times = np.unique(probability, return_counts=True)
    return _as_unlikely(_mass(distinct, times), bad)


def _mass(chance: Array, times: Array) -> Array:
    """Probability of each number of bads: `times` coins of each chance."""
    n = int(times.sum())
    half = n // 2 + 1  # the other half mirrors it
    turn = np.exp(2j * np.pi * np.arange(half + 1) / (n + 1))
    logs = np.zeros(half + 1, dtype=complex)
    for p, k in zip(chance, times, strict=True):
        factor = 1 - p + p * turn
        logs += k * np.log(np.where(factor == 0, 1e-300, factor))
    mass = np.fft.irfft(np.exp(logs).conj()[: (n + 1) // 2 + 1], n + 1)
    return np.clip(mass, 0, 1)


def _as_unlikely(mass: Array, bad: int) -> float:
    return float(min(1.0, mass[mass <= mass[bad] * (1 + 1e-7)].sum().round(12)))

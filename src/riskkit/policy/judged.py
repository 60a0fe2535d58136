"""Whether counts of bads differ beyond chance: intervals, exact tests, what a score expects.

Takes counts; gives columns, p-values and words.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from riskkit.checks import Array
from riskkit.columns import interval_text
from riskkit.metrics import jeffreys_interval, logistic_line

__all__ = [
    "MIN_BADS",
    "exact_p_value",
    "expected_line",
    "expected_p_value",
    "fisher_p_value",
    "holm",
    "p_text",
    "rate_columns",
    "rate_text",
    "seen_counts",
]

MIN_BADS = 30  # fewer are too few to say


def seen_counts(flag: ArrayLike, rows: Array) -> tuple[int, int]:
    """Bads and loans of known outcome among some rows."""
    values = np.asarray(flag, dtype=float)[rows]
    return int((values == 1).sum()), int((~np.isnan(values)).sum())


def rate_columns(bad: int, n: int, name: str, level: float) -> dict[str, float]:
    """A rate with its Jeffreys interval as columns; NaN of nobody."""
    if not n:
        return dict.fromkeys([f"{name}_rate", f"{name}_rate_low", f"{name}_rate_high"], np.nan)
    low, high = jeffreys_interval(np.array([bad]), np.array([n]), level)
    return {
        f"{name}_rate": bad / n,
        f"{name}_rate_low": float(low[0]),
        f"{name}_rate_high": float(high[0]),
    }


def rate_text(bad: float, n: float) -> str:
    """A bad rate in words, with its 95 % interval and what it rests on.

    Examples
    --------
    >>> rate_text(30, 700), rate_text(1, 1), rate_text(0, 0)
    ('4.3% (3.0% to 6.0%), 30 bads of 700', '100.0% (14.7% to 100.0%), 1 bad of 1', 'not known')
    """
    if not n:
        return "not known"
    low, high = jeffreys_interval(np.array([bad]), np.array([n]), 0.95)
    told = interval_text(bad / n, low[0], high[0], "percent")
    return f"{told}, {bad:,.0f} bad{'' if bad == 1 else 's'} of {n:,.0f}"


def p_text(p_value: float) -> str:
    """A p-value to three digits; one that would be told as 0 is below 0.001."""
    return "p-value below 0.001" if p_value < 0.001 else f"p-value {p_value:.3f}"


def fisher_p_value(bad: int, n: int, other_bad: int, others: int, side: str = "two-sided") -> float:
    """Fisher's exact test of a rate against that of others; NaN where either is of nobody."""
    if not (n and others):
        return np.nan
    table = [[bad, n - bad], [other_bad, others - other_bad]]
    return float(stats.fisher_exact(table, alternative=side).pvalue)


def holm(p_values: ArrayLike) -> Array:
    """After Holm (1979), over those that are not NaN.

    Examples
    --------
    >>> holm([0.01, float("nan"), 0.04]).tolist()
    [0.02, nan, 0.04]
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")[: int((~np.isnan(p)).sum())]
    adjusted = np.full(len(p), np.nan)
    stepped = np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


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

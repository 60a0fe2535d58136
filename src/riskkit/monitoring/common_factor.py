"""Loans that default together: how many bads a grade may have though its probability is right.

Takes a probability of default, a number of loans and how far a common factor moves them (Vasicek's
model of one factor); gives exact tail probabilities, the size and power of back-tests, and the
factor that a history of rates shows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import optimize, special

from riskkit.checks import Array, check_level
from riskkit.metrics import binomial_p_value, jeffreys_p_value

__all__ = ["factor_correlation", "factor_p_value", "rejection_table"]

MOST_CORRELATED = 0.5
_TESTS = {"jeffreys": jeffreys_p_value, "binomial": binomial_p_value}
# the factor, normal: weights of a fine even grid, which steps of large grades do not fool
_GRID = np.linspace(-8, 8, 1601)
_WEIGHTS = np.exp(-(_GRID**2) / 2) / np.exp(-(_GRID**2) / 2).sum()


def _check_correlation(correlation: float) -> None:
    if not 0 <= correlation < 1:
        raise ValueError(f"correlation must lie in [0, 1), got {correlation!r}")


def _conditional(probability: Array, correlation: float) -> Array:
    """Probability of default at each value of the factor, a new last axis."""
    start = special.ndtri(probability)[..., np.newaxis]
    return special.ndtr((start - np.sqrt(correlation) * _GRID) / np.sqrt(1 - correlation))


def _at_least(bad: Array, n: Array, probability: Array) -> Array:
    """P(X ≥ bad) of a binomial."""
    some = np.maximum(bad, 1)
    return np.where(bad <= 0, 1.0, special.betainc(some, np.maximum(n - some + 1, 1), probability))


def factor_p_value(
    bad: ArrayLike, n: ArrayLike, probability: ArrayLike, *, correlation: float
) -> Array:
    """Probability of at least as many bads, were the prediction true and a factor common to all.

    ∫ P(X ≥ bad | p(z)) φ(z) dz with p(z) = Φ((Φ⁻¹(p) − √ρ·z) ÷ √(1 − ρ)).

    Parameters
    ----------
    bad, n, probability : array
        As of :func:`riskkit.metrics.binomial_p_value`.
    correlation : float
        ρ, of the assets of two borrowers, in [0, 1); 0 gives the binomial test.

    Returns
    -------
    float array of the broadcast shape
        In [0, 1]; NaN where a probability is.

    Raises
    ------
    ValueError
        `correlation` outside [0, 1).

    Source
    ------
    Vasicek (2002), Loan portfolio value, Risk 15(12); Basel Committee on Banking Supervision
    (2005), Working Paper 14, on tests that allow for correlation.

    Examples
    --------
    >>> [round(float(factor_p_value(5, 100, 0.03, correlation=rho)), 4) for rho in (0, 0.05)]
    [0.1821, 0.219]
    """
    _check_correlation(correlation)
    d, size, p = np.broadcast_arrays(
        *(np.asarray(values, dtype=float) for values in (bad, n, probability))
    )
    if correlation == 0:
        return _at_least(d, size, p)
    tails = _at_least(d[..., None], size[..., None], _conditional(p, correlation))
    return tails @ _WEIGHTS


def rejection_table(
    n: Sequence[int],
    probability: Sequence[float],
    *,
    true_ratio: float = 1.0,
    correlation: float = 0.0,
    level: float = 0.05,
) -> pd.DataFrame:
    """How often a back-test rejects a grade: its exact size, its power, what a factor makes of it.

    Parameters
    ----------
    n, probability : sequence of the same length
        Loans of each grade, and the probability of default it states.
    true_ratio : float
        The true probability over the stated one: 1 gives the size, 1.25 a power.
    correlation : float
        Of the common factor, as in :func:`factor_p_value`.
    level : float
        At which the tests reject, in (0, 1).

    Returns
    -------
    DataFrame, index (n, probability)
        For each test ("jeffreys", "binomial"): `{test}_least_bad`, the fewest bads at which it
        rejects (n + 1: at none), and `{test}_rate`, how often it does. A probability of NaN, or no
        loans, give NaN.

    Raises
    ------
    ValueError
        Lengths differ, `level` or `correlation` out of range, a true probability above 1.

    Source
    ------
    Sums of the binomial; Vasicek (2002), Risk 15(12), for the factor.

    Examples
    --------
    >>> rejection_table([100, 50, 500], [0.01] * 3).round(4)["jeffreys_rate"].tolist()
    [0.0794, 0.0894, 0.0671]
    """
    check_level(level)
    _check_correlation(correlation)
    size, p = np.asarray(n, dtype=float), np.asarray(probability, dtype=float)
    if size.shape != p.shape or size.ndim != 1:
        raise ValueError(f"n and probability must be of one length, got {size.shape} and {p.shape}")
    true = p * true_ratio
    if np.any(true > 1) or not true_ratio >= 0:
        raise ValueError(f"true_ratio must give probabilities in [0, 1], got {true_ratio!r}")
    index = pd.MultiIndex.from_arrays([size.astype(np.int64), p], names=["n", "probability"])
    table = pd.DataFrame(index=index)
    known = (size > 0) & ~np.isnan(p)
    for test in _TESTS:
        least, rate = np.full(len(p), np.nan), np.full(len(p), np.nan)
        least[known] = _least_bad(test, size[known], p[known], level)
        rate[known] = factor_p_value(
            least[known], size[known], true[known], correlation=correlation
        )
        beyond = known & (least > size)
        table[f"{test}_least_bad"], table[f"{test}_rate"] = least, np.where(beyond, 0.0, rate)
    return table


def _least_bad(test: str, n: Array, p: Array, level: float) -> Array:
    """Fewest bads that a test rejects, by halving: its p-value falls with every bad."""
    low, high = np.full(len(n), -1.0), n + 1
    while np.any(high - low > 1):
        middle = np.clip(np.floor((low + high) / 2), 0, n)
        rejects = np.asarray(_TESTS[test](middle, n, p)) <= level
        apart = high - low > 1
        high = np.where(apart & rejects, middle, high)
        low = np.where(apart & ~rejects, middle, low)
    return high


def factor_correlation(bad: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> pd.Series:
    """How far a common factor moves the bad rates of several periods, by maximum likelihood.

    Parameters
    ----------
    bad, n : array of shape (n_periods,)
        Bads and loans of each period, such as a quarter of origination. The mix should be that of
        one risk: what policy moved is taken for the factor's doing.
    level : float
        Of the likelihood interval, in (0, 1).

    Returns
    -------
    Series
        `periods`, `probability` (of the whole history), `correlation` with `correlation_low`,
        `correlation_high`, and `p_value` of none (likelihood ratio, a half of χ² with one degree of
        freedom since ρ = 0 is an end). NaN with fewer than four periods or without goods or bads.

    Source
    ------
    Gordy, Heitfield (2002), Estimating default correlations from short panels of credit rating
    performance data; Self, Liang (1987), JASA 82, for the test at the end.

    Examples
    --------
    >>> shown = ["periods", "correlation"]
    >>> factor_correlation([30, 31, 29, 30, 28, 32], [1000] * 6)[shown].tolist()
    [6.0, 0.0]
    """
    check_level(level)
    d, size = np.asarray(bad, dtype=float), np.asarray(n, dtype=float)
    d, size = d[size > 0], size[size > 0]
    names = ["correlation", "correlation_low", "correlation_high", "p_value"]
    result = {"periods": float(len(d)), "probability": np.nan, **dict.fromkeys(names, np.nan)}
    if len(d) < 4 or not 0 < d.sum() < size.sum():
        return pd.Series(result, name="factor")
    p = d.sum() / size.sum()
    fixed = special.gammaln(size + 1) - special.gammaln(d + 1) - special.gammaln(size - d + 1)

    def loss(correlation: float) -> float:
        at = _conditional(np.full(len(d), p), correlation)
        log = (
            fixed[:, None]
            + special.xlogy(d[:, None], at)
            + special.xlog1py((size - d)[:, None], -at)
        )
        return -float(special.logsumexp(log, b=_WEIGHTS, axis=1).sum())

    none = loss(0.0)
    found = optimize.minimize_scalar(loss, bounds=(0, MOST_CORRELATED), options={"xatol": 1e-6})
    best, least = (float(found.x), float(found.fun)) if found.fun < none - 1e-6 else (0.0, none)
    limit = least + special.chdtri(1, 1 - level) / 2

    def over(correlation: float) -> float:
        return loss(correlation) - limit

    low = 0.0 if none <= limit else float(optimize.brentq(over, 0.0, best))
    at_most = over(MOST_CORRELATED) <= 0
    high = MOST_CORRELATED if at_most else float(optimize.brentq(over, best, MOST_CORRELATED))
    p_value = 1.0 if best == 0 else float(special.chdtrc(1, 2 * (none - least))) / 2
    result |= {"probability": p, "p_value": p_value}
    result |= dict(zip(names, (best, low, high), strict=False))
    return pd.Series(result, name="factor")

"""Whether probabilities come true.

Takes outcomes and probabilities; gives calibration tables and tests.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special

from riskkit.metrics.checks import (
    Array,
    bads_of,
    check_groups,
    distinct_positions,
    jeffreys_interval,
    known_rows,
    plain,
    quantile_groups,
    warn,
)

__all__ = ["binomial_p_value", "brier", "calibration_fit", "calibration_table", "jeffreys_p_value"]


def calibration_table(
    y: ArrayLike,
    probability: ArrayLike,
    *,
    n_groups: int = 10,
    weight: ArrayLike | None = None,
) -> pd.DataFrame:
    """Predicted probability against observed bad rate, by groups of predicted probability.

    Groups hold about equal numbers of loans; equal probabilities are never split.

    Parameters
    ----------
    y : array of shape (n,)
        1 bad, 0 good; rows with a missing y are dropped.
    probability : array of shape (n,)
        Predicted probability of bad, in [0, 1].
    n_groups : int
        Groups aimed at.
    weight : array of shape (n,), optional
        Read as numbers of loans.

    Returns
    -------
    DataFrame of shape (at most n_groups,), index `group` from 1, the safest
        `n`, `mean_probability`, `bad_rate`, `bad_rate_low`, `bad_rate_high` (95 % Jeffreys
        interval of the bad rate, closed at 0 without bads and at 1 without goods), `bad`. No known
        outcomes give an empty table.

    Raises
    ------
    ValueError
        A probability is missing or outside [0, 1] where y is known, or `n_groups` is below 1.

    Source
    ------
    Brown, Cai, DasGupta (2001), Statistical Science 16(2), on the Jeffreys interval.

    Examples
    --------
    >>> calibration_table([0, 0, 1, 0, 1, 1], [0.1, 0.1, 0.1, 0.8, 0.8, 0.8], n_groups=2).round(3)
    ... # doctest: +NORMALIZE_WHITESPACE
           n  mean_probability  bad_rate  bad_rate_low  bad_rate_high  bad
    group
    1      3               0.1     0.333         0.039          0.823    1
    2      3               0.8     0.667         0.177          0.961    2
    """
    check_groups(n_groups)
    outcome, p, row_weight = known_rows(y, probability, weight)
    distinct, position = distinct_positions(p)
    size = np.bincount(position, weights=row_weight, minlength=len(distinct))
    bad = np.bincount(position, weights=outcome * row_weight, minlength=len(distinct))
    distinct, size, bad = distinct[size > 0], size[size > 0], bad[size > 0]
    table = (
        pd.DataFrame({"n": size, "mean_probability": size * distinct, "bad": bad})
        .groupby(quantile_groups(size, n_groups))
        .sum()
    )
    table.index = pd.RangeIndex(1, len(table) + 1, name="group")
    table["mean_probability"] /= table["n"]
    table["bad_rate"] = table["bad"] / table["n"]
    low, high = jeffreys_interval(table["bad"].to_numpy(), table["n"].to_numpy(), 0.95)
    table["bad_rate_low"], table["bad_rate_high"] = low, high
    if weight is None:
        table = table.astype({"n": "int64", "bad": "int64"})
    return table[["n", "mean_probability", "bad_rate", "bad_rate_low", "bad_rate_high", "bad"]]


def calibration_fit(
    y: ArrayLike, probability: ArrayLike, *, weight: ArrayLike | None = None
) -> pd.Series:
    """Intercept and slope of the logistic recalibration of a probability.

    logit P(bad) = intercept + slope · logit(probability), by maximum likelihood; a calibrated
    probability has intercept 0 and slope 1, a slope below 1 says it is too extreme.

    Parameters
    ----------
    y : array of shape (n,)
        1 bad, 0 good; rows with a missing y are dropped.
    probability : array of shape (n,)
        Predicted probability of bad, strictly between 0 and 1.
    weight : array of shape (n,), optional
        At least 0.

    Returns
    -------
    Series
        `intercept`, `slope`; both NaN, with a warning, where the maximum does not exist: one
        class only, one probability only, or classes that the probability separates.

    Raises
    ------
    ValueError
        A probability is missing, or not strictly between 0 and 1, where y is known.

    Source
    ------
    Cox (1958), Biometrika 45(3/4).

    Examples
    --------
    >>> fit = calibration_fit([0, 0, 1, 0, 1, 1], [0.1, 0.1, 0.1, 0.8, 0.8, 0.8])
    >>> fit.round(3).to_dict()
    {'intercept': 0.157, 'slope': 0.387}
    """
    outcome, p, row_weight = known_rows(y, probability, weight)
    seen = row_weight > 0
    outcome, p, row_weight = outcome[seen], p[seen], row_weight[seen]
    if np.any((p <= 0) | (p >= 1)):
        raise ValueError("probability must lie strictly between 0 and 1 for a fit on log-odds")
    x = special.logit(p)
    nowhere = pd.Series({"intercept": np.nan, "slope": np.nan}, name="calibration")
    bads, goods = x[outcome == 1], x[outcome == 0]
    separated = (
        not len(bads)
        or not len(goods)
        or x.min() == x.max()
        or bads.min() >= goods.max()
        or goods.min() >= bads.max()
    )
    if separated:
        warn(
            "calibration fit is undefined: y has one class, or the probability is constant or "
            "separates goods from bads"
        )
        return nowhere
    # centred and scaled, Newton's steps do not depend on the level of the log-odds
    centre, spread = x.mean(), x.std()
    z = (x - centre) / spread
    a, b = float(special.logit(np.average(outcome, weights=row_weight))), 0.0
    loss = _log_loss(a + b * z, outcome, row_weight)
    for _ in range(100):
        fitted = special.expit(a + b * z)
        residual = row_weight * (outcome - fitted)
        curvature = row_weight * fitted * (1 - fitted)
        hessian = np.array(
            [
                [curvature.sum(), (curvature * z).sum()],
                [(curvature * z).sum(), (curvature * z * z).sum()],
            ]
        )
        step = np.linalg.solve(hessian, [residual.sum(), (residual * z).sum()])
        # the likelihood is concave, but a full step may overshoot on a steep slope
        while (new := _log_loss(a + step[0] + (b + step[1]) * z, outcome, row_weight)) > loss * (
            1 + 1e-12
        ):
            step /= 2
        a, b, loss = a + step[0], b + step[1], new
        if np.abs(step).max() < 1e-10:
            break
    slope = b / spread
    return pd.Series({"intercept": a - slope * centre, "slope": slope}, name="calibration")


def brier(y: ArrayLike, probability: ArrayLike) -> float:
    """Mean squared distance of the predicted probability from the outcome.

    Parameters
    ----------
    y : array of shape (n,)
        1 bad, 0 good; rows with a missing y are dropped.
    probability : array of shape (n,)
        Predicted probability of bad, in [0, 1].

    Returns
    -------
    float
        In [0, 1], lower is better; NaN with a warning where no outcome is known.

    Raises
    ------
    ValueError
        A probability is missing or outside [0, 1] where y is known.

    Source
    ------
    Brier (1950), Monthly Weather Review 78(1).

    Examples
    --------
    >>> brier([1, 0, None], [0.8, 0.4, 0.5])
    0.1
    """
    outcome, p, _ = known_rows(y, probability, None)
    if not len(p):
        warn("Brier score is undefined: no outcome is known")
        return float("nan")
    return float(np.mean((p - outcome) ** 2))


def jeffreys_p_value(bad: ArrayLike, n: ArrayLike, probability: ArrayLike) -> Any:
    """Posterior probability that the true rate is at most the predicted one.

    F_Beta(probability; bad + ½, n − bad + ½): small where defaults exceed the prediction.

    Parameters
    ----------
    bad, n : number or array
        Defaults and loans, 0 <= bad <= n.
    probability : number or array
        Predicted probability of default, in [0, 1].

    Returns
    -------
    float, or array of the broadcast shape
        In [0, 1].

    Raises
    ------
    ValueError
        A count or a probability is out of range.

    Source
    ------
    European Central Bank (2019), Instructions for reporting the validation results of internal
    models, PD back-testing.

    Examples
    --------
    >>> round(jeffreys_p_value(5, 100, 0.03), 6)
    0.123562
    """
    d, size, p = bads_of(bad, n, probability)
    return plain(special.betainc(d + 0.5, size - d + 0.5, p))


def binomial_p_value(bad: ArrayLike, n: ArrayLike, probability: ArrayLike) -> Any:
    """Probability of at least as many defaults as seen, were the prediction true.

    P(X >= bad) for X ~ Binomial(n, probability), one-sided: small where defaults exceed the
    prediction.

    Parameters
    ----------
    bad, n : number or array
        Defaults and loans, 0 <= bad <= n.
    probability : number or array
        Predicted probability of default, in [0, 1].

    Returns
    -------
    float, or array of the broadcast shape
        In [0, 1]; 1 without defaults.

    Raises
    ------
    ValueError
        A count or a probability is out of range.

    Source
    ------
    Basel Committee on Banking Supervision (2005), Working Paper 14.

    Examples
    --------
    >>> round(binomial_p_value(5, 100, 0.03), 6)
    0.182145
    """
    d, size, p = bads_of(bad, n, probability)
    tail = special.betainc(np.maximum(d, 1), size - np.maximum(d, 1) + 1, p)
    return plain(np.where(d == 0, 1.0, tail))


def _log_loss(log_odds: Array, outcome: Array, weight: Array) -> float:
    return float(np.dot(weight, np.logaddexp(0, log_odds) - outcome * log_odds))

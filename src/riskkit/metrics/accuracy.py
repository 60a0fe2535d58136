"""How far probabilities lie from what happened.

Takes outcomes and probabilities, by row or as score counts; gives proper scores, lower is better.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special

from riskkit.checks import Array, check_groups, warn
from riskkit.metrics.outcomes import known_rows
from riskkit.metrics.sums import bads_at_probability, quantile_groups

__all__ = ["brier", "brier_decomposition", "log_loss"]

_PARTS = ("brier", "reliability", "resolution", "uncertainty", "within")


def brier(
    y: ArrayLike | pd.DataFrame, probability: ArrayLike, *, weight: ArrayLike | None = None
) -> float:
    """Mean squared distance of the predicted probability from the outcome.

    Parameters
    ----------
    y : array of shape (n,), or DataFrame of score counts
        1 bad, 0 good; rows with a missing y are dropped. Or `good`, `bad` of
        :func:`score_counts`.
    probability : array of shape (n,)
        Predicted probability of bad, in [0, 1], of each row or at each score.
    weight : array of shape (n,), optional
        At least 0; counts hold their own.

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
    outcome, p, row_weight = known_rows(y, probability, weight)
    return _mean((p - outcome) ** 2, row_weight, "Brier score")


def brier_decomposition(
    y: ArrayLike | pd.DataFrame,
    probability: ArrayLike,
    *,
    n_groups: int | None = None,
    weight: ArrayLike | None = None,
) -> pd.Series:
    """Brier score, and what of it is miscalibration, what is told apart, what is the task's own.

    Brier = reliability − resolution + uncertainty + within, over groups k of mean probability p_k
    with bad rate o_k, n_k loans of n: reliability Σ n_k (p_k − o_k)² ÷ n, resolution Σ n_k
    (o_k − o)² ÷ n, uncertainty o (1 − o), within what differing probabilities of one group add.
    A perfect probability has a reliability of about Σ o_k (1 − o_k) ÷ n by chance alone, and as
    much more resolution: small groups, such as those of every score, show little else.

    Parameters
    ----------
    y, probability, weight
        As for :func:`brier`.
    n_groups : int, optional
        Groups as in :func:`calibration_table`; by default one for each distinct probability, and
        within is 0.

    Returns
    -------
    Series
        `brier`, `reliability` (0 is calibrated), `resolution` (higher is better, at most the
        uncertainty), `uncertainty`, `within`; NaN with a warning where no outcome is known.

    Raises
    ------
    ValueError
        A probability is missing or outside [0, 1] where y is known, or `n_groups` is below 1.

    Source
    ------
    Murphy (1973), Journal of Applied Meteorology 12(4); within: Stephenson, Coelho, Jolliffe
    (2008), Weather and Forecasting 23(4).

    Examples
    --------
    >>> parts = brier_decomposition([0, 0, 1, 0, 1, 1], [0.1, 0.1, 0.1, 0.8, 0.8, 0.8])
    >>> parts.round(4).to_dict() # doctest: +NORMALIZE_WHITESPACE
    {'brier': 0.2583, 'reliability': 0.0361, 'resolution': 0.0278, 'uncertainty': 0.25,
     'within': 0.0}
    """
    outcome, p, row_weight = known_rows(y, probability, weight)
    distinct, size, bad = bads_at_probability(outcome, p, row_weight)
    if not len(size):
        warn("Brier score is undefined: no outcome is known")
        return pd.Series(dict.fromkeys(_PARTS, np.nan), name="brier")
    if n_groups is not None:
        check_groups(n_groups)
        # a large cell spans several groups, and leaves those it does not lie in empty
        group = np.unique(quantile_groups(size, n_groups), return_inverse=True)[1]
        sums = [np.bincount(group, weights=part) for part in (size * distinct, size, bad)]
        distinct, size, bad = sums[0] / sums[1], sums[1], sums[2]
    rate, overall = bad / size, bad.sum() / size.sum()
    whole = np.average((p - outcome) ** 2, weights=row_weight)
    reliability = np.average((distinct - rate) ** 2, weights=size)
    resolution = np.average((rate - overall) ** 2, weights=size)
    uncertainty = overall * (1 - overall)
    rest = whole - (reliability - resolution + uncertainty)
    within = 0.0 if n_groups is None else rest
    parts = (whole, reliability, resolution, uncertainty, within)
    return pd.Series(dict(zip(_PARTS, parts, strict=True)), name="brier")


def log_loss(
    y: ArrayLike | pd.DataFrame, probability: ArrayLike, *, weight: ArrayLike | None = None
) -> float:
    """Mean negative log-likelihood of the outcomes under the predicted probability.

    −(y·ln p + (1 − y)·ln(1 − p)), natural logarithm.

    Parameters
    ----------
    y, probability, weight
        As for :func:`brier`.

    Returns
    -------
    float
        At least 0, lower is better; infinite where what was called impossible happened; NaN with a
        warning where no outcome is known.

    Raises
    ------
    ValueError
        A probability is missing or outside [0, 1] where y is known.

    Source
    ------
    Good (1952), Journal of the Royal Statistical Society B 14(1).

    Examples
    --------
    >>> round(log_loss([1, 0, None], [0.8, 0.4, 0.5]), 6)
    0.366985
    """
    outcome, p, row_weight = known_rows(y, probability, weight)
    loss = -special.xlogy(outcome, p) - special.xlog1py(1 - outcome, -p)
    return _mean(loss, row_weight, "log loss")


def _mean(loss: Array, weight: Array, what: str) -> float:
    if not weight.sum() > 0:
        warn(f"{what} is undefined: no outcome is known")
        return float("nan")
    # a weight of 0 must not turn an infinite loss into NaN
    return float(np.average(loss[weight > 0], weights=weight[weight > 0]))

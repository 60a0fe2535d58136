"""Whether probabilities come true.

Takes outcomes and probabilities, by row or as score counts; gives the calibration table, the
recalibration, the Hosmer–Lemeshow test, and all of it side by side for several models.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special

from riskkit.checks import Array, check_groups, check_level, same_rows, warn
from riskkit.metrics.accuracy import brier_decomposition, log_loss
from riskkit.metrics.outcomes import bads_of, known_rows
from riskkit.metrics.sums import bads_at_probability, jeffreys_interval, quantile_groups

__all__ = [
    "accuracy_table",
    "calibration_fit",
    "calibration_table",
    "hosmer_lemeshow",
    "logistic_line",
]

# bads and goods that a group of a χ² test must expect
MIN_EXPECTED = 5.0
_LINE = tuple(f"{name}{end}" for name in ("intercept", "slope") for end in ("", "_low", "_high"))


def calibration_table(
    y: ArrayLike | pd.DataFrame,
    probability: ArrayLike,
    *,
    n_groups: int = 10,
    weight: ArrayLike | None = None,
    min_expected: float = 0.0,
) -> pd.DataFrame:
    """Predicted probability against observed bad rate, by groups of predicted probability.

    Groups hold about equal numbers of loans; equal probabilities are never split.

    Parameters
    ----------
    y : array of shape (n,), or DataFrame of score counts
        1 bad, 0 good; rows with a missing y are dropped. Or `good`, `bad` of
        :func:`score_counts`.
    probability : array of shape (n,)
        Predicted probability of bad, in [0, 1], of each row or at each score.
    n_groups : int
        Groups aimed at.
    weight : array of shape (n,), optional
        Read as numbers of loans; counts hold their own.
    min_expected : float
        Neighbours are merged, from the safest on, until each expects so many bads and goods.

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
    distinct, size, bad = bads_at_probability(outcome, p, row_weight)
    table = (
        pd.DataFrame({"n": size, "mean_probability": size * distinct, "bad": bad})
        .groupby(quantile_groups(size, n_groups))
        .sum()
    )
    if min_expected > 0:
        table = table.groupby(_filled(table, min_expected)).sum()
    table.index = pd.RangeIndex(1, len(table) + 1, name="group")
    table["mean_probability"] /= table["n"]
    table["bad_rate"] = table["bad"] / table["n"]
    low, high = jeffreys_interval(table["bad"].to_numpy(), table["n"].to_numpy(), 0.95)
    table["bad_rate_low"], table["bad_rate_high"] = low, high
    if row_weight.dtype.kind in "iu":
        table = table.astype({"n": "int64", "bad": "int64"})
    return table[["n", "mean_probability", "bad_rate", "bad_rate_low", "bad_rate_high", "bad"]]


def calibration_fit(
    y: ArrayLike | pd.DataFrame,
    probability: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    level: float = 0.95,
) -> pd.Series:
    """Intercept and slope of the logistic recalibration of a probability.

    logit P(bad) = intercept + slope · logit(probability), by maximum likelihood; a calibrated
    probability has intercept 0 and slope 1, a slope below 1 says it is too extreme.

    Parameters
    ----------
    y : array of shape (n,), or DataFrame of score counts
        1 bad, 0 good; rows with a missing y are dropped. Or `good`, `bad` of
        :func:`score_counts`.
    probability : array of shape (n,)
        Predicted probability of bad, strictly between 0 and 1, of each row or at each score.
    weight : array of shape (n,), optional
        At least 0, read as numbers of loans; counts hold their own.
    level : float
        Confidence level, in (0, 1).

    Returns
    -------
    Series
        `intercept`, `intercept_low`, `intercept_high`, `slope`, `slope_low`, `slope_high` (Wald,
        by the likelihood's curvature); all NaN, with a warning, where the maximum does not exist:
        one class only, one probability only, or classes that the probability separates.

    Raises
    ------
    ValueError
        A probability is missing, or not strictly between 0 and 1, where y is known, or `level` is
        outside (0, 1).

    Source
    ------
    Cox (1958), Biometrika 45(3/4).

    Examples
    --------
    >>> fit = calibration_fit([0, 0, 1, 0, 1, 1], [0.1, 0.1, 0.1, 0.8, 0.8, 0.8])
    >>> fit[["intercept", "slope", "slope_low", "slope_high"]].round(3).to_dict()
    {'intercept': 0.157, 'slope': 0.387, 'slope_low': -0.56, 'slope_high': 1.334}
    """
    check_level(level)
    outcome, p, row_weight = known_rows(y, probability, weight)
    seen = row_weight > 0
    outcome, p, row_weight = outcome[seen], p[seen], row_weight[seen]
    if np.any((p <= 0) | (p >= 1)):
        raise ValueError("probability must lie strictly between 0 and 1 for a fit on log-odds")
    x = special.logit(p)
    line = logistic_line(x, outcome, row_weight)
    if line is None:
        warn(
            "calibration fit is undefined: y has one class, or the probability is constant or "
            "separates goods from bads"
        )
        return pd.Series(dict.fromkeys(_LINE, np.nan), name="calibration")
    fitted = special.expit(line[0] + line[1] * x)
    curvature = row_weight * fitted * (1 - fitted)
    total, mean = curvature.sum(), np.average(x, weights=curvature)
    of_slope = 1 / np.dot(curvature, (x - mean) ** 2)
    z = float(special.ndtri(0.5 + level / 2))
    ends = []
    for value, variance in zip(line, (1 / total + mean**2 * of_slope, of_slope), strict=True):
        half = z * float(np.sqrt(variance))
        ends += [value, value - half, value + half]
    return pd.Series(dict(zip(_LINE, ends, strict=True)), name="calibration")


def logistic_line(x: Array, outcome: Array, weight: Array) -> tuple[float, float] | None:
    """Intercept and slope of logit P(bad) = intercept + slope · x, by maximum likelihood.

    Parameters
    ----------
    x, outcome, weight : arrays of shape (n,)
        Finite; 0 or 1; above 0.

    Returns
    -------
    (float, float), or None
        None where the maximum does not exist: one class, one x, or an x that separates the classes.
    """
    bads, goods = x[outcome == 1], x[outcome == 0]
    separated = (
        not len(bads)
        or not len(goods)
        or x.min() == x.max()
        or bads.min() >= goods.max()
        or goods.min() >= bads.max()
    )
    if separated:
        return None
    # centred and scaled, Newton's steps do not depend on the level of the log-odds
    centre, spread = x.mean(), x.std()
    z = (x - centre) / spread
    a, b = float(special.logit(np.average(outcome, weights=weight))), 0.0
    loss = _log_loss(a + b * z, outcome, weight)
    for _ in range(100):
        fitted = special.expit(a + b * z)
        residual = weight * (outcome - fitted)
        curvature = weight * fitted * (1 - fitted)
        hessian = np.array(
            [
                [curvature.sum(), (curvature * z).sum()],
                [(curvature * z).sum(), (curvature * z * z).sum()],
            ]
        )
        step = np.linalg.solve(hessian, [residual.sum(), (residual * z).sum()])
        # the likelihood is concave, but a full step may overshoot on a steep slope
        while (new := _log_loss(a + step[0] + (b + step[1]) * z, outcome, weight)) > loss * (
            1 + 1e-12
        ):
            step /= 2
        a, b, loss = a + step[0], b + step[1], new
        if np.abs(step).max() < 1e-10:
            break
    slope = b / spread
    return float(a - slope * centre), float(slope)


def hosmer_lemeshow(
    bad: ArrayLike, n: ArrayLike, probability: ArrayLike, *, in_training: bool = False
) -> pd.Series:
    """Hosmer–Lemeshow test of predicted against observed defaults, by group.

    χ² = Σ (bad − n·p)² ÷ (n·p·(1 − p)) over groups, two-sided. On the sample that the probability
    was fitted on it has groups − 2 degrees of freedom, on any other sample as many as groups.

    Parameters
    ----------
    bad, n : array of shape (n_groups,)
        Defaults and loans, 0 <= bad <= n, such as a :func:`calibration_table` or a
        :func:`grade_table` holds. Groups without loans are left out.
    probability : number or array of shape (n_groups,)
        Mean predicted probability of default in the group, in [0, 1].
    in_training : bool
        Whether the probability was fitted on these loans.

    Returns
    -------
    Series
        `statistic` (infinite where what was called impossible happened), `degrees_of_freedom`,
        `p_value`. The p-value is NaN, with a warning, where no degree of freedom is left; it falls
        with the number of loans, however small the miscalibration.

    Raises
    ------
    ValueError
        A count or a probability is out of range.

    Source
    ------
    Hosmer, Lemeshow (2000), Applied Logistic Regression, 2nd edition, section 5.2.2, and 5.3 on
    other samples.

    Examples
    --------
    >>> hosmer_lemeshow([1, 4], [50, 50], [0.02, 0.05]).round(4).to_dict()
    {'statistic': 0.9474, 'degrees_of_freedom': 2.0, 'p_value': 0.6227}
    """
    d, size, p = (np.ravel(values) for values in bads_of(bad, n, probability))
    d, size, p = d[size > 0], size[size > 0], p[size > 0]
    miss, spread = (d - size * p) ** 2, size * p * (1 - p)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(miss > 0, miss / spread, 0.0)
    freedom = len(terms) - 2 * in_training
    value = float(terms.sum())
    p_value = float("nan")
    if freedom < 1:
        warn(f"Hosmer–Lemeshow test is undefined: {len(terms)} groups leave no degree of freedom")
    else:
        p_value = float(special.chdtrc(freedom, value))
    result = {"statistic": value, "degrees_of_freedom": float(freedom), "p_value": p_value}
    return pd.Series(result, name="hosmer_lemeshow")


def accuracy_table(y: ArrayLike, probabilities: pd.DataFrame) -> pd.DataFrame:
    """How right several models' probabilities are, on the same loans.

    Parameters
    ----------
    y : array of shape (n,)
        1 bad, 0 good, missing unknown.
    probabilities : DataFrame of shape (n, n_models)
        Predicted probability of bad, strictly between 0 and 1.

    Returns
    -------
    DataFrame, index model
        `brier`, `reliability`, `resolution` (:func:`brier_decomposition` over ten groups),
        `log_loss`, `intercept` and `slope` with intervals (:func:`calibration_fit`),
        `hosmer_lemeshow` (statistic over ten groups, neighbours merged until each expects five bads
        and five goods) and its `p_value`. Without a line, such as
        of a model that says the same of everybody, its columns are NaN, with no warning.

    Raises
    ------
    ValueError
        As in these functions.
    """
    same_rows(y=y, probabilities=probabilities)
    rows = {}
    for model in probabilities.columns:
        p = probabilities[model].to_numpy()
        groups = calibration_table(y, p, min_expected=MIN_EXPECTED)
        test = hosmer_lemeshow(groups["bad"], groups["n"], groups["mean_probability"])
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "calibration fit is undefined", UserWarning)
            line = calibration_fit(y, p)
        rows[model] = {
            **brier_decomposition(y, p, n_groups=10)[["brier", "reliability", "resolution"]],
            "log_loss": log_loss(y, p),
            **line,
            "hosmer_lemeshow": test["statistic"],
            "p_value": test["p_value"],
        }
    return pd.DataFrame(rows).T.rename_axis("model")


def _filled(groups: pd.DataFrame, least: float) -> Array:
    """Number of the merged group that each group belongs to; the last takes what is left over.

    Source
    ------
    Cochran (1954), Some methods for strengthening the common χ² tests, Biometrics 10(4): where few
    are expected, the statistic is no χ².
    """
    # until the means are taken, the column holds the bads expected
    expected = groups["mean_probability"].to_numpy(float)
    rows = np.column_stack([expected, groups["n"].to_numpy(float) - expected])
    numbers, number, waiting = [], 0, np.zeros(2)
    for row in rows:
        numbers.append(number)
        waiting = waiting + row
        if waiting.min() >= least:
            number, waiting = number + 1, np.zeros(2)
    return np.minimum(numbers, max(number - 1, 0))


def _log_loss(log_odds: Array, outcome: Array, weight: Array) -> float:
    return float(np.dot(weight, np.logaddexp(0, log_odds) - outcome * log_odds))

"""The regression behind the points: logit P(bad) on WoE, no coefficient above 0.

Takes WoE and labels; gives coefficients, their information matrix, and which features to take.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

__all__ = [
    "Fit",
    "bootstrap_covariance",
    "fit_bounded",
    "gradient_at",
    "information_at",
    "stepwise",
    "why_unfit",
]

Array = NDArray[np.float64]

# a coefficient this close to its bound of 0 sits on it
ON_BOUND = 1e-6
# beyond so many rows the first estimate comes from a sample
_SAMPLE_ROWS = 100_000
_BLOCK_ROWS = 1 << 13
# of the mean gradient of a row; glum's own tolerance is the same
_GRADIENT_TOLERANCE = 1e-7
# of a start: far less than what the sample itself is off
_START_TOLERANCE = 1e-5
_MAX_STEPS = 20
# a resample lacks the only good or bad with probability 1/e, so it never comes to this
_DRAWS_PER_REFIT = 100


@dataclass(frozen=True)
class Fit:
    """Intercept and coefficients, none above 0."""

    intercept: float
    coefficients: Array

    @property
    def on_bound(self) -> NDArray[np.bool_]:
        """Whether a coefficient sits on its bound of 0."""
        return self.coefficients > -ON_BOUND


def gradient_at(fit: Fit, woe: Array, y: Array, weight: Array | None) -> Array:
    """Gradient of the log-likelihood, intercept first.

    Parameters
    ----------
    fit : Fit
    woe : array of shape (n_rows, n_features)
    y : array of shape (n_rows,)
    weight : array of shape (n_rows,), optional

    Returns
    -------
    array of shape (n_features + 1,)
    """

    def of_rows(rows: slice) -> Array:
        miss = y[rows] - _probability(fit, woe[rows])
        if weight is not None:
            miss *= weight[rows]
        return np.concatenate([[miss.sum()], miss @ woe[rows]])

    return _sum_over(of_rows, len(y))


def information_at(fit: Fit, woe: Array, weight: Array | None) -> Array:
    """Information matrix of the log-likelihood, intercept first; arguments as `gradient_at`."""

    def of_rows(rows: slice) -> Array:
        bad = _probability(fit, woe[rows])
        spread = bad * (1 - bad)
        if weight is not None:
            spread *= weight[rows]
        root = np.sqrt(spread)
        design = np.empty((len(root), woe.shape[1] + 1))
        design[:, 0] = root
        np.multiply(woe[rows], root[:, None], out=design[:, 1:])
        return design.T @ design

    return _sum_over(of_rows, len(woe))


def _probability(fit: Fit, woe: Array) -> Array:
    return special.expit(fit.intercept + woe @ fit.coefficients)


def _sum_over(of_rows: Callable[[slice], Array], n: int) -> Array:
    """Sum over blocks small enough for the cache, in as many threads as cores."""
    blocks = [slice(start, start + _BLOCK_ROWS) for start in range(0, n, _BLOCK_ROWS)]
    with ThreadPoolExecutor(min(len(blocks), os.cpu_count() or 1)) as pool:
        # in the order of the rows, whoever is done first
        return np.sum(list(pool.map(of_rows, blocks)), axis=0)


def fit_bounded(woe: Array, y: Array, weight: Array | None, penalty: float = 0.0) -> Fit:
    """Maximum of the likelihood with every coefficient at most 0.

    Of many rows, the bounded maximum of a sample is where the search on all of them starts. Where
    it ends with every coefficient below 0 no bound matters, and since the likelihood is concave
    that is the bounded maximum too; else the bounded fit is made on all rows.

    Parameters
    ----------
    woe : array of shape (n_rows, n_features)
    y : array of shape (n_rows,)
    weight : array of shape (n_rows,), optional
    penalty : float
        Half of it times the sum of squared coefficients is added to the mean loss of a row.
    """
    step = len(y) // _SAMPLE_ROWS
    if step > 1:
        found = _from_sample(step, woe, y, weight, penalty)
        if found is not None and not found.on_bound.any():
            return found
    return _fit_glum(woe, y, weight, penalty)


def _fit_glum(
    woe: Array,
    y: Array,
    weight: Array | None,
    penalty: float,
    tolerance: float = _GRADIENT_TOLERANCE,
) -> Fit:
    from glum import GeneralizedLinearRegressor

    regression = GeneralizedLinearRegressor(
        family="binomial",
        alpha=penalty,
        upper_bounds=np.zeros(woe.shape[1]),
        gradient_tol=tolerance,
        max_iter=200,
    )
    # glum would copy columns that lie apart, with a warning
    regression.fit(np.ascontiguousarray(woe), y, sample_weight=weight)
    return Fit(float(regression.intercept_), np.asarray(regression.coef_))


def _from_sample(
    step: int, woe: Array, y: Array, weight: Array | None, penalty: float
) -> Fit | None:
    """Unbounded maximum near that of every `step`-th row; None where these do not lead to it.

    The sample's information stands for that of all rows, which it meets within a percent or so:
    each step, a gradient alone, leaves that part of the distance.
    """
    some = None if weight is None else weight[::step]
    labels = y[::step] if some is None else y[::step][some > 0]
    if len(np.unique(labels)) < 2:
        return None
    fit = _fit_glum(woe[::step], y[::step], some, penalty, _START_TOLERANCE)
    total, sampled = (
        float(n if w is None else np.sum(w)) for n, w in ((len(y), weight), (len(y[::step]), some))
    )
    ridge = np.full(woe.shape[1] + 1, penalty * total)
    ridge[0] = 0.0
    curvature = information_at(fit, woe[::step], some) * (total / sampled) + np.diag(ridge)
    for _ in range(_MAX_STEPS):
        at = np.concatenate([[fit.intercept], fit.coefficients])
        gradient = gradient_at(fit, woe, y, weight) - ridge * at
        if np.abs(gradient).max() <= _GRADIENT_TOLERANCE * total:
            return fit
        try:
            at = at + np.linalg.solve(curvature, gradient)
        except np.linalg.LinAlgError:
            return None
        fit = Fit(float(at[0]), at[1:])
    return None


def why_unfit(woe: Array, y: Array, penalty: float) -> str:
    """Why a feature has no coefficient of its own; empty where it has one.

    Parameters
    ----------
    woe, y : arrays of shape (n_rows,)
    penalty : float
        As in :func:`fit_bounded`.
    """
    if np.ptp(woe) == 0:
        return "one bin only"
    if penalty == 0 and woe[y == 0].min() >= woe[y == 1].max():
        # the likelihood grows for ever with the coefficient
        return "no finite estimate: its bins separate goods from bads"
    return ""


def bootstrap_covariance(
    woe: Array, y: Array, weight: Array | None, penalty: float, n_refits: int, seed: int
) -> Array:
    """Covariance of the intercept and the coefficients over refits on resampled rows.

    Parameters
    ----------
    woe : array of shape (n_rows, n_features)
    y : array of shape (n_rows,)
    weight : array of shape (n_rows,), optional
    penalty : float
        As in :func:`fit_bounded`.
    n_refits : int
        At least 2. Resamples without a good or without a bad are drawn again.
    seed : int

    Returns
    -------
    array of shape (n_features + 1, n_features + 1)

    Source
    ------
    Efron (1979), Bootstrap methods: another look at the jackknife, Annals of Statistics 7(1), with
    Poisson counts in place of multinomial ones.
    """
    rng = np.random.default_rng(seed)
    refits: list[list[float]] = []
    for _ in range(_DRAWS_PER_REFIT * n_refits):
        # Poisson counts resample rows without moving them
        drawn = rng.poisson(1, len(y)).astype(np.float64)
        if weight is not None:
            drawn *= weight
        some = drawn > 0
        if not 0 < y[some].sum() < some.sum():
            continue
        refit = fit_bounded(woe[some], y[some], drawn[some], penalty)
        refits.append([refit.intercept, *refit.coefficients])
        if len(refits) == n_refits:
            break
    return np.cov(np.array(refits).T)


def stepwise(
    woe: Array,
    y: Array,
    weight: Array | None,
    features: Sequence[str],
    max_p_value: float,
    penalty: float = 0.0,
) -> tuple[list[str], dict[str, str], pd.DataFrame]:
    """Features that enter one by one, each the one that the data ask for most.

    Of the features outside, the one with the greatest score statistic enters if it pulls its
    coefficient below 0 and its p-value is at most `max_p_value`; then those leave whose coefficient
    would have the wrong sign or whose Wald p-value has risen above it. What has left stays out, so
    it ends. p-values are those of a test made once; the best of many passes it more often. Weights
    are read as numbers of loans.

    Returns
    -------
    features, dropped, steps : list, dict, DataFrame
        In the order of entry; why each other is out; per step (index step from 1) feature, action
        ("enters" or "leaves"), statistic (chi-square with one degree of freedom) and p_value.

    Source
    ------
    Rao (1948), Large sample tests of statistical hypotheses, Proceedings of the Cambridge
    Philosophical Society 44 (score test); Hosmer, Lemeshow, Sturdivant (2013), Applied Logistic
    Regression, ch. 4 (stepwise selection).
    """
    place = {name: k for k, name in enumerate(features)}
    chosen: list[str] = []
    dropped: dict[str, str] = {}
    steps = []
    rate = np.average(y, weights=weight)
    fit = Fit(float(special.logit(rate)), np.zeros(0))
    while True:
        full = np.zeros(len(features))
        full[[place[name] for name in chosen]] = fit.coefficients
        inside = [0, *(place[name] + 1 for name in chosen)]
        statistic, gradient = _score_statistics(
            gradient_at(Fit(fit.intercept, full), woe, y, weight),
            information_at(Fit(fit.intercept, full), woe, weight),
            inside,
        )
        outside = [n for n in features if n not in chosen and n not in dropped]
        asking = [n for n in outside if gradient[place[n] + 1] < 0]
        best = max(asking, key=lambda name: statistic[place[name] + 1], default=None)
        chance = 1.0 if best is None else float(special.chdtrc(1, statistic[place[best] + 1]))
        if best is None or chance > max_p_value:
            break
        chosen.append(best)
        steps.append((best, "enters", statistic[place[best] + 1], chance))
        while True:
            columns = [place[name] for name in chosen]
            fit = fit_bounded(woe[:, columns], y, weight, penalty)
            leaving = _leaves(fit, woe[:, columns], weight, max_p_value)
            if leaving is None:
                break
            k, wald, chance, why = leaving
            steps.append((chosen[k], "leaves", wald, chance))
            dropped[chosen.pop(k)] = why
            if not chosen:
                fit = Fit(float(special.logit(rate)), np.zeros(0))
                break
    for name in features:
        if name not in chosen and name not in dropped:
            p = float(special.chdtrc(1, statistic[place[name] + 1]))
            wrong = gradient[place[name] + 1] > 0
            dropped[name] = (
                "coefficient would have the wrong sign" if wrong else f"adds nothing, p = {p:.2g}"
            )
    table = pd.DataFrame(steps, columns=["feature", "action", "statistic", "p_value"])
    return chosen, dropped, table.set_axis(pd.RangeIndex(1, len(steps) + 1, name="step"))


def _score_statistics(
    gradient: Array, information: Array, inside: list[int]
) -> tuple[Array, Array]:
    """Score statistic of each column given those inside, and its gradient."""
    own = np.diag(information).copy()
    across = information[inside]
    known = np.einsum(
        "ij,ij->j", across, np.linalg.solve(information[np.ix_(inside, inside)], across)
    )
    left = own - known
    # a column that those inside say already has nothing left to tell
    tells = left > 1e-9 * own
    statistic = np.zeros(len(own))
    np.divide(gradient**2, left, out=statistic, where=tells)
    return statistic, np.where(tells, gradient, 0.0)


def _leaves(
    fit: Fit, woe: Array, weight: Array | None, max_p_value: float
) -> tuple[int, float, float, str] | None:
    """Place, Wald statistic, p-value and reason of the feature to leave, if one must."""
    if fit.on_bound.any():
        k = int(np.argmax(fit.coefficients))
        return k, 0.0, 1.0, "coefficient would have the wrong sign"
    variance = np.diag(np.linalg.inv(information_at(fit, woe, weight)))[1:]
    wald = fit.coefficients**2 / variance
    k = int(np.argmin(wald))
    chance = float(special.chdtrc(1, wald[k]))
    if chance <= max_p_value:
        return None
    return k, float(wald[k]), chance, f"told by the others, p = {chance:.2g}"

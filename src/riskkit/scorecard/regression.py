"""The regression behind the points: logit P(bad) on WoE, no coefficient above 0.

Takes WoE and labels; gives coefficients and their information matrix.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize, special

__all__ = [
    "Fit",
    "bootstrap_covariance",
    "fit_bounded",
    "gradient_at",
    "information_at",
    "refit_bounded",
    "why_unfit",
]

Array = NDArray[np.float64]

# a coefficient this close to its bound of 0 sits on it
ON_BOUND = 1e-6
# beyond so many rows the first estimate comes from a sample
_SAMPLE_ROWS = 100_000
_BLOCK_ROWS = 1 << 13
# a thread takes longer to start than so few to sum
_BLOCKS_WITHOUT_THREADS = 4
# of the mean gradient of a row; glum's own tolerance is the same
_GRADIENT_TOLERANCE = 1e-7
# of a start: far less than what the sample itself is off
_START_TOLERANCE = 1e-5
_MAX_STEPS = 20
_MAX_NEWTON_STEPS = 60
# of twice the log-likelihood: no p-value shows it
_NEWTON_GAIN = 1e-7
_LEAST_STEP = 1e-6
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
    if len(blocks) <= _BLOCKS_WITHOUT_THREADS:
        return np.sum([of_rows(rows) for rows in blocks], axis=0)
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


def refit_bounded(
    start: Fit, woe: Array, y: Array, weight: Array | None, penalty: float = 0.0
) -> Fit:
    """What :func:`fit_bounded` gives, from a start near it: many times as fast.

    Newton steps, each to the bounded maximum of the quadratic approximation, halved where the
    likelihood would fall.

    Parameters
    ----------
    start : Fit
        Of as many features.
    woe, y, weight, penalty
        As there.

    Source
    ------
    Lee, Lee, Abbeel, Ng (2006), Efficient L1 regularized logistic regression, AAAI: iteratively
    reweighted least squares under constraints.
    """
    total = float(len(y) if weight is None else weight.sum())
    ridge = np.full(woe.shape[1] + 1, penalty * total)
    ridge[0] = 0.0

    def loss(at: Array) -> float:
        logit = at[0] + woe @ at[1:]
        rows = np.logaddexp(0, logit) - y * logit
        return float(rows.sum() if weight is None else weight @ rows) + 0.5 * float(ridge @ at**2)

    at = np.concatenate([[start.intercept], start.coefficients])
    reached = loss(at)
    for _ in range(_MAX_NEWTON_STEPS):
        fit = Fit(float(at[0]), at[1:])
        curvature = information_at(fit, woe, weight) + np.diag(ridge)
        pull = gradient_at(fit, woe, y, weight) - ridge * at
        aim = _bounded_solution(curvature, curvature @ at + pull)
        step = aim - at
        # twice what the quadratic approximation promises
        if float(pull @ step) <= _NEWTON_GAIN:
            break
        size = 1.0
        while (found := loss(at + size * step)) > reached and size > _LEAST_STEP:
            size /= 2
        if found > reached:
            break
        at, reached = at + size * step, found
    return Fit(float(at[0]), at[1:])


def _bounded_solution(curvature: Array, right: Array) -> Array:
    """Maximum of right·b − ½ b·curvature·b with every entry but the first at most 0."""
    across = curvature[0, 1:] / curvature[0, 0]
    inner = curvature[1:, 1:] - np.outer(across, curvature[0, 1:])
    # columns that say the same leave no curvature between them
    along = np.diag(inner) + 1e-10 * np.diag(curvature)[1:]
    # nor does a constant: any other than 0 keeps its slope where it is, at 0
    inner[np.diag_indices_from(inner)] = np.where(along > 0, along, 1.0)
    wanted = right[1:] - across * right[0]
    slopes = np.zeros(0)
    if len(wanted):
        slopes = linalg.solve(inner, wanted, assume_a="pos")
    if (slopes > 0).any():
        # scipy's nnls would be faster, but 1.15 to 1.17 may return another point than the best
        root = linalg.cholesky(inner)
        target = linalg.solve_triangular(root, wanted, trans="T")
        slopes = optimize.lsq_linear(root, target, (-np.inf, 0.0), method="bvls").x
    return np.concatenate([[right[0] / curvature[0, 0] - across @ slopes], slopes])


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

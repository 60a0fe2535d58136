"""How the climate moves the odds of getting worse: of the month itself, and of those before.

Takes counted moves and the climate by calendar month; gives slopes, and what the moves had felt.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit, logit

from riskkit.arrears.moves_in_arrears import DEFAULT, N_STATES, TO_COLUMNS
from riskkit.checks import Array

__all__ = ["TINY", "WORSE", "ClimateEffects", "fit_climate", "log_odds"]

# means and standard deviations, before any loan is seen, of the slopes on the climate of a month
# and on what was lived through before it
_SLOPE_PRIOR = (0.5, 0.0), (0.5, 1.0)
TINY = 1e-9
# moves to a worse state than the one moved from: of state s, those into columns s + 1 .. default
WORSE = np.array([[s < to <= DEFAULT for to in range(len(TO_COLUMNS))] for s in range(N_STATES)])


@dataclass(frozen=True)
class ClimateEffects:
    """How the climate moves the log-odds of getting worse, and what the counted moves had felt.

    Parameters
    ----------
    slopes, slope_errors : float arrays of shape (N_STATES, 2)
        Per unit of climate in the month of a move, and per unit of what a loan has lived through
        before; NaN errors without climate.
    usual : float array of shape (n_kinds, n_mobs, N_STATES, 2)
        Both, in which the moves of a cell were seen: of the first the log-mean of
        exp(slope × climate) ÷ slope.
    lived : float array of shape (n_kinds, n_mobs)
        Lived through by a loan of that age in the last month counted.
    worse_rates : float array of shape (n_kinds, n_mobs)
        Share of loans without arrears that get worse in a month.
    """

    slopes: Array
    slope_errors: Array
    usual: Array
    lived: Array
    worse_rates: Array

    def logits(self, kind: Array, mob: Array, climate: ArrayLike, lived: ArrayLike) -> Array:
        """What is added to the log-odds of each state's moves, of shape (..., n, N_STATES)."""
        felt = np.stack(np.broadcast_arrays(climate, lived), axis=-1)[..., None, :]
        return ((felt - self.usual[kind, mob]) * self.slopes).sum(axis=-1)


def fit_climate(
    monthly: pd.DataFrame,
    age_moves: Array,
    cell: tuple[Array, Array, Array],
    offset: Array,
    climate: pd.Series | None,
) -> ClimateEffects:
    """Effects of the climate on getting worse within kind and age, bands held apart.

    Who has got so far without arrears through bad months is better than he would be after good
    ones: the worst have left. Lived through is Σ climate × worse_rates over the months before, so
    that its slope is, for frailties that multiply the odds, about minus their variance. Slopes have
    normal priors, of mean 0.5 and sd 0.5, and of mean 0 and sd 1.

    Parameters
    ----------
    monthly : DataFrame
        Of :func:`riskkit.arrears.moves_in_arrears.monthly_moves`.
    age_moves : float array of shape (n_kinds, n_mobs, N_STATES, 6)
        Moves by age.
    cell : three int arrays
        Kind, month on book and state of each row of `monthly`.
    offset : float array
        Log-odds of each row's band beside its cell.
    climate : Series, index of months, or None

    Raises
    ------
    ValueError
        A month in which moves were counted has no climate.

    Source
    ------
    riskkit definition; selection by unobserved frailty: Vaupel, Manton, Stallard (1979),
    Demography 16(3).
    """
    shape = age_moves.shape[:3]
    worse_rates = (age_moves[:, :, 0] * WORSE[0]).sum(axis=-1)
    slopes = np.tile([_SLOPE_PRIOR[0][0], 0.0], (N_STATES, 1))
    if climate is None:
        nothing = np.zeros((*shape, 2))
        errors = np.full_like(slopes, np.nan)
        return ClimateEffects(slopes, errors, nothing, np.zeros(shape[:2]), worse_rates)
    kind, mob, state = cell
    month = monthly.index.get_level_values("month").to_numpy()
    known = _values_by_month(climate, month, shape[1])
    now = known[month - month.min() + shape[1]]
    lived = _lived_through(known, worse_rates)
    felt = np.stack([now, lived[kind, mob, month - month.min()]], axis=1)
    counts = monthly[TO_COLUMNS].to_numpy(float)
    n = counts.sum(axis=1)
    worse = (counts * WORSE[state]).sum(axis=1)
    errors, usual = np.zeros_like(slopes), np.zeros((*shape, 2))
    for s in range(N_STATES):
        rows = np.flatnonzero(state == s)
        at = kind[rows] * shape[1] + mob[rows]
        group, _ = pd.factorize(at)
        slopes[s], errors[s] = _slopes(felt[rows], worse[rows], n[rows], group, offset[rows])
        usual[:, :, s] = _usual_climate(felt[rows], n[rows], at, slopes[s, 0], shape[:2])
    return ClimateEffects(slopes, errors, usual, lived[:, :, -1], worse_rates)


def _lived_through(known: Array, worse_rates: Array) -> Array:
    """Σ climate × rate of the months before, by kind, age and month; the last: after all months."""
    n_mobs = worse_rates.shape[1]
    n_months = len(known) - n_mobs + 1
    lived = np.zeros((len(worse_rates), n_mobs, n_months))
    for mob in range(1, n_mobs):
        # a loan of this age was a month younger a month ago, and moved from there in that month
        before = np.arange(n_months) + n_mobs - 1
        earlier = np.append(np.zeros((len(worse_rates), 1)), lived[:, mob - 1, :-1], axis=1)
        lived[:, mob] = earlier + worse_rates[:, [mob - 1]] * known[before]
    return lived


def _usual_climate(felt: Array, n: Array, at: Array, slope: float, shape: tuple[int, int]) -> Array:
    size = shape[0] * shape[1]
    loans = np.bincount(at, n, size)
    overall = np.average(felt, axis=0, weights=n) if len(n) else np.zeros(2)
    with np.errstate(divide="ignore", invalid="ignore"):
        level = np.log(np.bincount(at, n * np.exp(slope * felt[:, 0]), size) / loans) / slope
        lived = np.bincount(at, n * felt[:, 1], size) / loans
    usual = np.where(loans[:, None] > 0, np.stack([level, lived], axis=1), overall)
    return usual.reshape(*shape, 2)


def _slopes(
    felt: Array, worse: Array, n: Array, group: Array, offset: Array
) -> tuple[Array, Array]:
    """Slopes of log-odds within groups, each with an intercept of its own; Newton's method."""
    mean, sd = np.array(_SLOPE_PRIOR)
    n_groups = int(np.max(group, initial=-1)) + 1
    totals = np.bincount(group, n, n_groups), np.bincount(group, worse, n_groups)
    intercept = log_odds((totals[1] + 0.5) / (totals[0] + 1))
    slopes, information = mean.copy(), np.diag(1 / sd**2)
    for _ in range(40):
        p = expit(intercept[group] + offset + felt @ slopes)
        weight = n * p * (1 - p)
        of_group = np.maximum(np.bincount(group, weight, n_groups), TINY)
        residual = worse - n * p
        centre = np.stack(
            [np.bincount(group, weight * one, n_groups) / of_group for one in felt.T], axis=1
        )
        around = felt - centre[group]
        information = around.T @ (weight[:, None] * around) + np.diag(1 / sd**2)
        step = np.linalg.solve(information, around.T @ residual - (slopes - mean) / sd**2)
        gap = np.bincount(group, residual, n_groups) / of_group
        intercept = np.clip(intercept + np.clip(gap, -1, 1) - centre @ step, -15, 15)
        slopes = slopes + np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-8:
            break
    return slopes, np.diag(np.linalg.inv(information)) ** 0.5


def _values_by_month(climate: pd.Series, months: Array, n_before: int) -> Array:
    """Climate of every month from so many before the first counted on to the last counted.

    What is not known of a month before the first is taken as the mean of those counted in.
    """
    known = pd.Series(
        climate.to_numpy(float), index=np.asarray(climate.index, "datetime64[M]").astype(np.int64)
    )
    counted = known.reindex(np.unique(months))
    if counted.isna().any():
        lacking = np.datetime64(int(counted.index[counted.isna()][0]), "M")
        raise ValueError(f"climate must be known in every month of the panel, missing in {lacking}")
    every = np.arange(months.min() - n_before, months.max() + 1)
    return known.reindex(every).fillna(counted.mean()).to_numpy()


def log_odds(p: Array) -> Array:
    """Log-odds of probabilities, those of 0 and 1 kept finite."""
    return logit(np.clip(p, TINY, 1 - TINY))

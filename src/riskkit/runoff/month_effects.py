"""How far calendar months differ in the odds of getting worse, beyond binomial chance.

Takes the counted moves of :func:`riskkit.arrears.monthly_moves`; gives each month's effect, and
what the effects tell of the spread and the persistence of the climate behind them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit, logit, ndtri

from riskkit.arrears import DEFAULT, N_STATES
from riskkit.chance import MIN_BADS
from riskkit.checks import Array

__all__ = ["CHAIN_SLOPE", "MonthEffects", "fit_months", "month_effects"]

# what a unit of climate adds to the log-odds of getting worse in a chain fitted without one
CHAIN_SLOPE = 0.5
# log-odds of getting worse: no estimate may lie above the last
_SDS = np.append(0.0, np.geomspace(0.004, 1.5, 360))
# above the last the climate of some years is as good as its level, which the chain holds already
_PERSISTENCES = np.arange(20) / 20
_LEAST_MONTHS = 6
_LEVEL = 0.95
_DROP = ndtri(0.5 + _LEVEL / 2) ** 2 / 2
_TINY = 1e-9


@dataclass(frozen=True)
class MonthEffects:
    """Effects of calendar months, by :func:`fit_months`, and the likelihood of what is behind.

    Parameters
    ----------
    table : DataFrame, index month (a month-end)
        As :func:`month_effects` gives it.
    worse : int
        Moves to a worse state, of cells that tell months apart.
    mean_slope : float
        Of these moves; of all states where there is none.
    likelihood : float array of shape (n_sds, n_persistences)
        Log, of the effects under each standard deviation (of climate) and each persistence; of no
        column where too few moves were counted.
    sds, persistences : float arrays
    """

    table: pd.DataFrame
    worse: int
    mean_slope: float
    likelihood: Array
    sds: Array
    persistences: Array

    def sd(self) -> tuple[float, float, float]:
        """Likeliest standard deviation and its 95 % interval; NaN where it is not known.

        The upper limit is NaN where no value is too high.
        """
        if not self.likelihood.size:
            return np.nan, np.nan, np.nan
        return _profile(self.likelihood.max(axis=1), self.sds)

    def persistence(self) -> tuple[float, float, float]:
        """Likeliest persistence and its 95 % interval; NaN where no month differs."""
        if not self.likelihood.size or not self.sd()[0] > 0:
            return np.nan, np.nan, np.nan
        best, low, high = _profile(self.likelihood.max(axis=0), self.persistences)
        return best, low, self.persistences[-1] if np.isnan(high) else high


def month_effects(monthly: pd.DataFrame, *, slopes: ArrayLike = CHAIN_SLOPE) -> pd.DataFrame:
    """Effect of each calendar month on getting worse, within kind, band, age and state.

    Parameters
    ----------
    monthly, slopes
        As in :func:`riskkit.runoff.estimate_factor`.

    Returns
    -------
    DataFrame, index month (a month-end)
        `loans` that could get worse, `worse`, `expected` (worse, were all months alike), `climate`
        with `climate_low` and `climate_high`: the month's own, beside the mean of all, drawn
        towards it as far as binomial chance blurs it, in units of climate. NaN where too few moves
        were counted.

    Source
    ------
    Breslow, Clayton (1993), Journal of the American Statistical Association 88(421): penalised
    quasi-likelihood.
    """
    return fit_months(monthly, slopes=slopes).table


def fit_months(monthly: pd.DataFrame, *, slopes: ArrayLike = CHAIN_SLOPE) -> MonthEffects:
    """Month effects and the likelihood of their spread; see :class:`MonthEffects`.

    Logit of getting worse = αᵢ + slope × fₜ, with a level αᵢ of each kind, band, age and state, and
    f ~ N(0, sd² R), R = persistence^|t − u|. The levels are maximised and f is integrated out by
    the normal approximation around its mode, in turns with sd and persistence.
    """
    of_state = np.broadcast_to(np.asarray(slopes, dtype=float), N_STATES)
    moves = _Moves.of(monthly, of_state)
    if not moves.mean_slope > 0:
        raise ValueError(f"slopes must be > 0 on average, got {of_state.tolist()}")
    if len(moves.months) < _LEAST_MONTHS or moves.y.sum() < MIN_BADS:
        unknown = np.full(len(moves.months), np.nan)
        return moves.effects(unknown, unknown, np.zeros((0, 0)), np.zeros(0))
    lags = np.abs(moves.months[:, None] - moves.months)
    sds = _SDS / moves.mean_slope
    correlations = [np.where(lags == 0, 1.0, one) ** np.maximum(lags, 1) for one in _PERSISTENCES]
    alpha, effects = moves.levels(), np.zeros(len(moves.months))
    penalty = np.eye(len(effects)) * moves.mean_slope**2  # sd 1 to begin with
    before = -1, -1
    for _ in range(12):
        alpha, effects, information, gradient = moves.mode(alpha, effects, penalty)
        score = information @ effects + gradient
        likelihood = np.stack(
            [_likelihood(information, score, one, sds) for one in correlations], axis=1
        )
        at = divmod(int(likelihood.argmax()), likelihood.shape[1])
        if at == before:
            break
        before = at
        # a spread of zero has no mode to look around: the least there is
        sd = max(sds[at[0]], sds[1])
        penalty = np.linalg.inv(sd**2 * correlations[at[1]])
    errors = np.diag(np.linalg.inv(information + penalty)) ** 0.5
    return moves.effects(effects, errors, likelihood, sds)


@dataclass(frozen=True)
class _Moves:
    """Counted moves, one entry a row: its cell, month, loans, worse ones and slope."""

    cell: Array
    at: Array
    n: Array
    y: Array
    slope: Array
    months: Array
    mean_slope: float

    @classmethod
    def of(cls, monthly: pd.DataFrame, slopes: Array) -> _Moves:
        parts = monthly.groupby(["kind", "band", "mob", "state"], sort=False).ngroup().to_numpy()
        state = monthly.index.get_level_values("state").to_numpy(np.int64)
        counts = monthly.to_numpy(float)
        worse = np.arange(counts.shape[1]) > state[:, None]
        worse &= np.arange(counts.shape[1]) <= DEFAULT
        n, y = counts.sum(axis=1), (counts * worse).sum(axis=1)
        size = int(np.max(parts, initial=-1)) + 1
        total, bad = np.bincount(parts, n, size), np.bincount(parts, y, size)
        # a cell of one row, or where all or none get worse, tells no month from another
        tells = (bad > 0) & (bad < total) & (np.bincount(parts, minlength=size) > 1)
        rows = np.flatnonzero(tells[parts] & (slopes[state] != 0))
        month = monthly.index.get_level_values("month").to_numpy(np.int64)[rows]
        months, at = np.unique(month, return_inverse=True)
        cell, _ = pd.factorize(parts[rows])
        of_row = slopes[state[rows]]
        mean = np.average(of_row, weights=y[rows]) if len(rows) else slopes.mean()
        return cls(cell, at, n[rows], y[rows], of_row, months, float(mean))

    def levels(self) -> Array:
        total, bad = np.bincount(self.cell, self.n), np.bincount(self.cell, self.y)
        return logit((bad + 0.5) / (total + 1))

    def mode(
        self, alpha: Array, effects: Array, penalty: Array
    ) -> tuple[Array, Array, Array, Array]:
        """Levels and effects of highest penalised likelihood; information on effects, gradient."""
        n_cells, n_months = len(alpha), len(effects)
        place = self.cell * n_months + self.at
        for _ in range(50):
            p = expit(alpha[self.cell] + self.slope * effects[self.at])
            weight = np.maximum(self.n * p * (1 - p), _TINY)
            residual = self.y - self.n * p
            of_cell = np.bincount(self.cell, weight, n_cells)
            gap = np.bincount(self.cell, residual, n_cells)
            cross = np.bincount(place, weight * self.slope, n_cells * n_months)
            cross = cross.reshape(n_cells, n_months)
            own = np.bincount(self.at, weight * self.slope**2, n_months)
            information = np.diag(own) - cross.T @ (cross / of_cell[:, None])
            of_month = np.bincount(self.at, residual * self.slope, n_months)
            gradient = of_month - cross.T @ (gap / of_cell)
            step = np.linalg.solve(information + penalty, gradient - penalty @ effects)
            if max(np.abs(step).max(), np.abs(gap / of_cell).max()) < 1e-7:
                break
            step = np.clip(step, -1, 1)
            alpha = np.clip(alpha + np.clip((gap - cross @ step) / of_cell, -1, 1), -15, 15)
            effects = effects + step
        return alpha, effects, information, gradient

    def effects(self, effects: Array, errors: Array, likelihood: Array, sds: Array) -> MonthEffects:
        """What was found, with a row a month."""
        n_months = len(self.months)
        rate = np.bincount(self.cell, self.y) / np.bincount(self.cell, self.n)
        days = (self.months + 1).astype("datetime64[M]").astype("datetime64[s]")
        index = pd.DatetimeIndex(days, name="month") - pd.Timedelta(days=1)
        width = ndtri(0.5 + _LEVEL / 2) * errors
        table = pd.DataFrame(
            {
                "loans": np.bincount(self.at, self.n, n_months).astype(np.int64),
                "worse": np.bincount(self.at, self.y, n_months).astype(np.int64),
                "expected": np.bincount(self.at, self.n * rate[self.cell], n_months),
                "climate": effects,
                "climate_low": effects - width,
                "climate_high": effects + width,
            },
            index=index,
        )
        return MonthEffects(
            table, int(self.y.sum()), self.mean_slope, likelihood, sds, _PERSISTENCES
        )


def _likelihood(information: Array, score: Array, correlation: Array, sds: Array) -> Array:
    """Log-likelihood of each spread, beside none, with the effects integrated out.

    ∫ exp(b'f − f'Hf ÷ 2) dN(f; 0, sd² R), in the axes in which R^½ H R^½ is diagonal.
    """
    root = np.linalg.cholesky(correlation)
    values, axes = np.linalg.eigh(root.T @ information @ root)
    values = np.maximum(values, 0)
    along = axes.T @ (root.T @ score)
    square = sds[:, None] ** 2
    return 0.5 * (square * along**2 / (1 + square * values) - np.log1p(square * values)).sum(axis=1)


def _profile(likelihood: Array, values: Array) -> tuple[float, float, float]:
    """Best value and those that are not less likely by more than half a χ² quantile."""
    inside = np.flatnonzero(likelihood >= likelihood.max() - _DROP)
    best, low = values[likelihood.argmax()], values[inside[0]]
    high = np.nan if inside[-1] == len(values) - 1 else values[inside[-1]]
    return float(best), float(low), float(high)

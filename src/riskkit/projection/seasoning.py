"""The hazard model of cohorts: seasoning by age, each cohort's own level, and the calendar's drift.

Takes the counts of :func:`riskkit.vintage.cohort_counts`; gives a fitted :class:`HazardModel`, from
which ends are drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import linalg

from riskkit.checks import Array, check_seed
from riskkit.projection.ageing import Ageing, ageing_of

__all__ = ["HazardModel", "fit_hazards"]

# Spreads that are tried, as standard deviations of log hazards; what lies between two of them is
# counted to the nearer.
COHORT_SDS = np.array([0.01, 0.04, 0.08, 0.13, 0.19, 0.27, 0.38, 0.55, 0.8])
CALENDAR_SDS = np.array([0.003, 0.01, 0.02, 0.035, 0.055, 0.085, 0.14, 0.25, 0.45])
# What is believed before anything is seen: exponential, above these in one case of twenty. Cohorts
# of one lender seldom lie more than a factor of e^±1 apart, nor does a month change the hazards of
# all by a sixth.
COHORT_SD_SELDOM, CALENDAR_SD_SELDOM, SELDOM = 0.5, 0.15, 0.05
SEASONING_SD = 3.0  # of a month's log hazard around the mean: next to nothing is believed of it
MOST_STEPS, CLOSE = 50, 1e-6  # steps, and the gain in log-likelihood that is none


@dataclass(frozen=True)
class HazardModel:
    """What is believed of hazards, as draws: each row is one world that the counts allow.

    Parameters
    ----------
    ageing : Ageing
        What it was fitted on.
    first_mob, end_mob : int
        Months on book between which events come; before the first, none was ever seen.
    seasoning : array of shape (n_draws, end_mob + 1)
        Log of the cumulative hazard of a month, of a cohort and a calendar month at their start;
        −inf where none comes.
    cohort : array of shape (n_draws, n_cohorts)
        What a cohort adds to it.
    calendar : array of shape (n_draws, n_cohorts + end_mob)
        What a calendar month adds, counted from the month of the first cohort, the months to come
        among them.
    ended_rate : array of shape (n_draws, end_mob + 1)
        Share of those without an event that are prepaid or mature in a month.
    cohort_sd, calendar_sd : arrays of shape (n_draws,)
        Spread of the cohorts, and of the calendar's step from month to month.
    seed : int
        The events drawn from these worlds are the same for the same seed.
    """

    ageing: Ageing
    first_mob: int
    end_mob: int
    seasoning: Array
    cohort: Array
    calendar: Array
    ended_rate: Array
    cohort_sd: Array
    calendar_sd: Array
    seed: int

    @property
    def n_draws(self) -> int:
        """Number of worlds drawn."""
        return len(self.cohort_sd)

    def hazard(self, rows: Array, mob: Array) -> Array:
        """Probability of a first event of some cohorts, each at a month on book of its own.

        Parameters
        ----------
        rows : int array of shape (n,)
            Places of the cohorts.
        mob : int array of shape (n,)

        Returns
        -------
        array of shape (n_draws, n)
        """
        log_hazard = self.seasoning[:, mob] + self.cohort[:, rows] + self.calendar[:, rows + mob]
        return -np.expm1(-np.exp(log_hazard))


def fit_hazards(
    counts: pd.DataFrame,
    *,
    dpd: int = 90,
    observed_to: pd.Timestamp | str | None = None,
    hidden_months: int = 0,
    n_draws: int = 4_000,
    seed: int = 0,
) -> HazardModel | None:
    """Hazards by month on book, by cohort and by calendar month, with all that is unsure of them.

    h(c, m) = 1 − exp(−exp(a(m) + u(c) + v(c + m))): proportional hazards in months. a is the
    seasoning, pooled over cohorts; u ~ N(0, τ²) is the frailty of a cohort, drawn towards 0 the
    more, the fewer its events; v, the calendar, is a random walk of steps N(0, σ²), which goes on
    into the months to come. Each of age, cohort and calendar is given by the other two, so that a
    trend may be laid to any: here it is laid to the calendar, which goes on from where it stands
    without a slope. The projection rests on that, as it would on any other choice; a drift of a(m)
    or of u(c) cannot be read from this model.

    τ and σ are not estimated but averaged over: at each pair of a grid the mode and the normal
    approximation around it are found, and pairs count by their marginal likelihood (Laplace) and
    an exponential prior. Prepayment and maturity compete; their share by month on book is pooled
    over cohorts.

    Parameters
    ----------
    counts : DataFrame, index (cohort, mob)
        Of :func:`riskkit.vintage.cohort_counts`, of loans of one term. Loans lost from view before
        the last month are at risk no longer.
    dpd : int, in days
        One of the thresholds counted; counts of outcomes ignore it.
    observed_to : date, optional
        Any day of the last month seen; default, the latest in the counts.
    hidden_months : int
        So many months before it are hidden.
    n_draws : int
        At least 100.
    seed : int

    Returns
    -------
    HazardModel or None
        None where no loan has had an event: then nothing can be said of those to come.

    Raises
    ------
    ValueError
        Counts made `by` a column, a threshold that was not counted, or an option out of range.

    Source
    ------
    Prentice, Gloeckler (1978), Biometrics 34, for hazards in months; Rue, Martino, Chopin (2009),
    JRSS B 71(2), for the average over a grid; Simpson et al. (2017), Statistical Science 32(1),
    for the priors; Clayton, Schifflers (1987), Statistics in Medicine 6, for what cannot be told
    apart.
    """
    if n_draws < 100:
        raise ValueError(f"n_draws must be at least 100, got {n_draws!r}")
    check_seed("seed", seed)
    ageing = ageing_of(counts, dpd=dpd, observed_to=observed_to, hidden_months=hidden_months)
    if not ageing.events.any():
        return None
    rng = np.random.default_rng(seed)
    by_mob = ageing.events.sum(axis=0)
    first, end = int(np.flatnonzero(by_mob).min()), ageing.end_mob
    cells = _cells_of(ageing, first, int(np.flatnonzero(by_mob).max()))
    fits: list[_Fit] = []
    for cohort_sd in COHORT_SDS:
        for calendar_sd in CALENDAR_SDS:
            # the last mode lies near the next
            start = fits[-1].effects if fits else None
            fits.append(_mode_of(cells, cohort_sd, calendar_sd, start))
    log_weight = np.array([fit.log_likelihood for fit in fits]) + np.log(_prior_masses()).ravel()
    weight = np.exp(log_weight - log_weight.max())
    chosen = np.repeat(np.arange(len(fits)), rng.multinomial(n_draws, weight / weight.sum()))
    draws = np.concatenate(
        [
            _draws_of(fits[place], int(n), rng)
            for place, n in zip(*np.unique(chosen, return_counts=True), strict=True)
        ]
    )
    cohort_sds, calendar_sds = (
        grid.ravel()[chosen] for grid in np.meshgrid(COHORT_SDS, CALENDAR_SDS, indexing="ij")
    )
    seasoning, cohort, calendar = _laid_out(draws, cells, ageing, end, calendar_sds, rng)
    at_risk, events, ended = (
        grid[:, : end + 1].sum(axis=0) for grid in (ageing.at_risk, ageing.events, ageing.ended)
    )
    return HazardModel(
        ageing=ageing,
        first_mob=first,
        end_mob=end,
        seasoning=seasoning,
        cohort=cohort,
        calendar=calendar,
        ended_rate=rng.beta(ended + 0.5, at_risk - events - ended + 0.5, (n_draws, end + 1)),
        cohort_sd=cohort_sds,
        calendar_sd=calendar_sds,
        seed=seed,
    )


@dataclass(frozen=True)
class _Cells:
    """Cells with loans at risk, by place among the effects.

    `mob`, `cohort` and `calendar` are the places of a cell's effects among all; a calendar month
    that is the first has none (its effect is 0).
    """

    at_risk: Array
    events: Array
    mob: Array
    cohort: Array
    calendar: Array
    first_mob: int
    n_mobs: int
    n_cohorts: int
    first_calendar: int
    n_calendar: int
    mean: float

    @property
    def n_effects(self) -> int:
        return self.n_mobs + self.n_cohorts + self.n_calendar


def _cells_of(ageing: Ageing, first: int, last: int) -> _Cells:
    cohort, place = np.nonzero(ageing.at_risk[:, first : last + 1])
    mob = place + first
    at_risk, events = ageing.at_risk[cohort, mob], ageing.events[cohort, mob]
    month = cohort + mob
    n_mobs, n_cohorts = last - first + 1, ageing.n_cohorts
    return _Cells(
        at_risk=at_risk,
        events=events,
        mob=place,
        cohort=n_mobs + cohort,
        calendar=n_mobs + n_cohorts + month - int(month.min()) - 1,
        first_mob=first,
        n_mobs=n_mobs,
        n_cohorts=n_cohorts,
        first_calendar=int(month.min()),
        n_calendar=int(month.max() - month.min()),
        mean=float(np.log(-np.log1p(-(events.sum() + 0.5) / (at_risk.sum() + 1)))),
    )


@dataclass(frozen=True)
class _Fit:
    """Mode of all effects given their spreads, the Cholesky factor there, and how likely it is."""

    effects: Array
    factor: Array
    log_likelihood: float


def _mode_of(
    cells: _Cells, cohort_sd: float, calendar_sd: float, start: Array | None = None
) -> _Fit:
    """The most likely effects given their spreads, by Fisher scoring."""
    prior = _precision(cells, cohort_sd, calendar_sd)
    centre = np.zeros(cells.n_effects)
    centre[: cells.n_mobs] = cells.mean
    effects = centre if start is None else start
    for _ in range(MOST_STEPS):
        likelihood, slope, weight = _likelihood(cells, effects)
        score = _gathered(cells, slope) - prior @ (effects - centre)
        factor = linalg.cholesky(prior + _information(cells, weight), lower=True)
        step = linalg.cho_solve((factor, True), score)
        # a month of no event pulls far at first
        effects = effects + step / max(np.abs(step).max() / 2, 1)
        if score @ step < CLOSE:
            break
    off = effects - centre
    log_prior = cells.n_cohorts * np.log(cohort_sd) + cells.n_calendar * np.log(calendar_sd)
    marginal = likelihood - off @ prior @ off / 2 - log_prior - np.log(np.diag(factor)).sum()
    return _Fit(effects=effects, factor=factor, log_likelihood=float(marginal))


def _precision(cells: _Cells, cohort_sd: float, calendar_sd: float) -> Array:
    """Inverse covariance of the effects before anything is seen."""
    prior = np.zeros((cells.n_effects, cells.n_effects))
    mobs = np.arange(cells.n_mobs)
    prior[mobs, mobs] = 1 / SEASONING_SD**2
    cohorts = cells.n_mobs + np.arange(cells.n_cohorts)
    prior[cohorts, cohorts] = 1 / cohort_sd**2
    months = cells.n_mobs + cells.n_cohorts + np.arange(cells.n_calendar)
    # each step is from the month before; the first is from 0, and the last month ends one only
    prior[months, months] = 2 / calendar_sd**2
    prior[months[-1:], months[-1:]] = 1 / calendar_sd**2
    prior[months[1:], months[:-1]] = prior[months[:-1], months[1:]] = -1 / calendar_sd**2
    return prior


def _log_hazard(cells: _Cells, effects: Array) -> Array:
    first = cells.calendar < cells.n_mobs + cells.n_cohorts
    calendar = np.where(first, 0.0, effects[np.where(first, 0, cells.calendar)])
    return effects[cells.mob] + effects[cells.cohort] + calendar


def _likelihood(cells: _Cells, effects: Array) -> tuple[float, Array, Array]:
    """Log-likelihood, its slope in each cell's log hazard, and the information of each."""
    rate = np.exp(np.clip(_log_hazard(cells, effects), -30, 5))
    hazard = -np.expm1(-rate)
    n, d = cells.at_risk, cells.events
    likelihood = float((d * np.log(hazard) - (n - d) * rate).sum())
    return likelihood, rate * (d / hazard - n), n * rate**2 * (1 - hazard) / hazard


def _gathered(cells: _Cells, values: Array) -> Array:
    """Sums of the cells' values by effect."""
    n = cells.n_effects
    started = cells.calendar >= cells.n_mobs + cells.n_cohorts
    return (
        np.bincount(cells.mob, values, n)
        + np.bincount(cells.cohort, values, n)
        + np.bincount(cells.calendar[started], values[started], n)
    )


def _information(cells: _Cells, weight: Array) -> Array:
    """Information of the effects; two effects meet in one cell at most."""
    n = cells.n_effects
    started = cells.calendar >= cells.n_mobs + cells.n_cohorts
    total = np.zeros((n, n))
    total[cells.mob, cells.cohort] = weight
    total[cells.mob[started], cells.calendar[started]] = weight[started]
    total[cells.cohort[started], cells.calendar[started]] = weight[started]
    total += total.T
    total[np.arange(n), np.arange(n)] = _gathered(cells, weight)
    return total


def _prior_masses() -> Array:
    """Share of the prior that each pair of spreads stands for."""
    masses = []
    for values, seldom in ((COHORT_SDS, COHORT_SD_SELDOM), (CALENDAR_SDS, CALENDAR_SD_SELDOM)):
        ends = np.concatenate([[0.0], (values[1:] + values[:-1]) / 2, [np.inf]])
        masses.append(-np.diff(np.exp(np.log(SELDOM) * ends / seldom)))
    return np.outer(*masses)


def _draws_of(fit: _Fit, n: int, rng: np.random.Generator) -> Array:
    noise = rng.standard_normal((len(fit.effects), n))
    return fit.effects + linalg.solve_triangular(fit.factor, noise, lower=True, trans=1).T


def _laid_out(
    draws: Array,
    cells: _Cells,
    ageing: Ageing,
    end: int,
    calendar_sd: Array,
    rng: np.random.Generator,
) -> tuple[Array, Array, Array]:
    """Draws of the seasoning, the cohorts and the calendar, the months to come drawn on."""
    n_draws = len(draws)
    starts = cells.n_mobs, cells.n_mobs + cells.n_cohorts
    seasoning = np.full((n_draws, end + 1), -np.inf)
    seasoning[:, cells.first_mob : cells.first_mob + cells.n_mobs] = draws[:, : starts[0]]
    calendar = np.zeros((n_draws, ageing.n_cohorts + end))
    known = slice(cells.first_calendar + 1, cells.first_calendar + 1 + cells.n_calendar)
    calendar[:, known] = draws[:, starts[1] :]
    to_come = calendar.shape[1] - known.stop
    steps = rng.standard_normal((n_draws, to_come)) * calendar_sd[:, np.newaxis]
    calendar[:, known.stop :] = calendar[:, [known.stop - 1]] + steps.cumsum(axis=1)
    return seasoning, draws[:, starts[0] : starts[1]], calendar

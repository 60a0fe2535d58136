"""What another cutoff, and other hazards, would gain on later loans that did not choose them.

Takes scores and profits, or counts of cohorts; gives the gain with its interval.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special

from riskkit.chance import normal_interval
from riskkit.checks import Array, check_level, same_rows
from riskkit.refresh.gain import LEAST_BADS, N_FOLDS, Gain, measured
from riskkit.vintage import risk_sets

__all__ = ["cutoff_gain", "hazard_gain"]


def cutoff_gain(
    score: ArrayLike,
    profit_fen: ArrayLike,
    cutoff: float,
    *,
    customers: ArrayLike | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Gain:
    """What a higher cutoff would have earned on later loans, chosen on other folds of them.

    Only raising can be judged: below the cutoff in use there are no loans, or few and chosen.

    Parameters
    ----------
    score : array of shape (n,)
        Of later loans of known outcome.
    profit_fen : array of shape (n,)
        What each brought.
    cutoff : float
        In use; loans below it are left out.
    customers, level, seed
        As for :func:`recalibration_gain`.

    Returns
    -------
    Gain
        In fen, all later loans together. The sign is the profit of the loans within 10 points above
        the cutoff (neutral: 0): below it, a loan there costs money. NaN with fewer than 30 loans.

    Source
    ------
    riskkit definition.
    """
    check_level(level)
    same_rows(score=score, profit_fen=profit_fen, customers=customers)
    points, money = np.asarray(score, dtype=float), np.asarray(profit_fen, dtype=float)
    used = (points >= cutoff) & ~np.isnan(money)
    points, money = points[used], money[used]
    n = len(points)
    if n < LEAST_BADS:
        return Gain(loans=n)
    people = np.arange(n) if customers is None else np.asarray(customers)[used]
    numbers = pd.factorize(people)[0]
    dealt = np.random.default_rng(seed).permutation(numbers.max() + 1) % N_FOLDS
    fold = dealt[numbers]
    spared = np.zeros(n)
    for k in range(N_FOLDS):
        best = _best_cutoff(points[fold != k], money[fold != k], cutoff)
        held = fold == k
        spared[held] = np.where(points[held] < best, -money[held], 0.0)
    near = points < cutoff + 10
    sums = []
    for part in (np.where(near, money, 0.0), spared):
        low, high = normal_interval(part.sum(), (part**2).sum(), n, level)
        sums.append((float(part.sum()), float(low), float(high)))
    return measured(sums[0], 0.0, sums[1], loans=n)


def _best_cutoff(points: Array, money: Array, cutoff: float) -> float:
    """Of the cutoffs from the one in use up, that which earns the most; of equals the lowest."""
    distinct, place = np.unique(points, return_inverse=True)
    above = np.bincount(place, weights=money)[::-1].cumsum()[::-1]
    if not len(distinct) or above.max() <= money.sum():
        return cutoff
    return float(distinct[int(np.argmax(above))])


def hazard_gain(
    counts: pd.DataFrame,
    development_to: pd.Timestamp | str,
    *,
    dpd: int = 90,
    observed_to: pd.Timestamp | str | None = None,
    level: float = 0.95,
) -> Gain:
    """What new hazards gain: log likelihood a thousand loan-months of later cohorts, cross-fitted.

    In use are the hazards by month on book of the cohorts up to a day; a refit multiplies them by
    what the other half of the later cohorts, every second one, had over them.

    Parameters
    ----------
    counts : DataFrame
        Of :func:`riskkit.vintage.cohort_counts`, best `by` the term, which hazards are kept apart
        for.
    development_to : date
        The last day of disbursals that made the hazards.
    dpd : int
    observed_to : date, optional
    level : float

    Returns
    -------
    Gain
        The sign is later defaults over those expected (neutral: 1), with an exact Poisson interval.
        NaN without 30 later defaults, or without earlier ones.

    Source
    ------
    Garwood (1936), Biometrika 28, for the interval; riskkit definition.
    """
    check_level(level)
    sets = risk_sets(counts, dpd=dpd, observed_to=observed_to)
    levels = [name for name in sets.index.names if name != "cohort"]
    cohort = pd.DatetimeIndex(sets.index.get_level_values("cohort"))
    is_late = np.asarray(cohort > pd.Timestamp(development_to))
    cells = sets[["at_risk", "events"]]
    taught = cells[~is_late].groupby(level=levels).sum()
    known = taught[taught["at_risk"] > 0]
    hazard = (known["events"] / known["at_risk"]).rename("hazard")
    later = cells[is_late].join(hazard, on=levels)
    later = later[(later["hazard"] > 0) & (later["hazard"] < 1)]
    n, d, h = (later[name].to_numpy(float) for name in ("at_risk", "events", "hazard"))
    bad, expected = d.sum(), (n * h).sum()
    if bad < LEAST_BADS or expected == 0:
        return Gain(neutral=1.0, loans=int(n.sum()))
    low = special.gammaincinv(bad, (1 - level) / 2) / expected
    high = special.gammaincinv(bad + 1, (1 + level) / 2) / expected
    sign = float(bad / expected), float(low), float(high)
    months = pd.DatetimeIndex(later.index.get_level_values("cohort")).to_period("M")
    half = pd.factorize(months, sort=True)[0] % 2
    if len(np.unique(half)) < 2:
        return measured(sign, 1.0, loans=int(n.sum()))
    new = h.copy()
    for k in (0, 1):
        other = half != k
        over = d[other].sum() / (n * h)[other].sum()
        new[half == k] = np.clip(h[half == k] * max(over, 0.01), 1e-9, 0.999)
    gained = special.xlogy(d, new / h) + (n - d) * np.log((1 - new) / (1 - h))
    variance = (n * new * (1 - new) * (np.log(new / h) - np.log((1 - new) / (1 - h))) ** 2).sum()
    per = 1000 / n.sum()
    off = special.ndtri(0.5 + level / 2) * np.sqrt(variance)
    total = gained.sum()
    gain = float(total * per), float((total - off) * per), float((total + off) * per)
    return measured(sign, 1.0, gain, loans=int(n.sum()))

"""When in a loan's life defaults come: hazards by month on book, and their words.

Takes the counts of :func:`riskkit.vintage.cohort_counts`; gives a row per month on book.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from riskkit.metrics import jeffreys_interval
from riskkit.tables import Table
from riskkit.vintage import risk_sets

__all__ = ["hazard_figures", "hazard_table", "hazard_text", "pooled_by_month"]

SIGNIFICANT = 0.05


def hazard_table(
    counts_or_outcomes: pd.DataFrame | Table,
    *,
    dpd: int | Literal["loss"] = 90,
    observed_to: pd.Timestamp | str | None = None,
    vanished: Literal["censored", "event"] = "censored",
) -> pd.DataFrame:
    """First events by month on book among the loans still at risk, pooled over cohorts.

    hazard(m) = first events in month m ÷ loans neither defaulted, prepaid nor matured at m − 1 and
    observed to m. Early pay-off and maturity are competing events, not censoring:
    `cumulative_incidence` is the share that has defaulted where those that ended cannot any more,
    while 1 − `survival` is the share that would have, had nobody ended. Late entrants are at risk
    from the month after they are first seen, see :func:`riskkit.vintage.risk_sets`.

    Parameters
    ----------
    counts_or_outcomes : DataFrame or Table
        Counts from :func:`riskkit.vintage.cohort_counts`, or a book (panel or outcomes).
    dpd : int, in days, or "loss"
        As in :func:`riskkit.vintage.vintage_table`; outcomes ignore it.
    observed_to : date, optional
        Any day of the last month observed; default, all that was counted.
    vanished : {"censored", "event"}
        What a loan is whose rows stop, past due, before `observed_to`.

    Returns
    -------
    DataFrame of shape (n_months,), index mob
        Loans `at_risk`, first `events` among them, and `ended` (prepaid or matured); `hazard`
        with its Jeffreys 95 % interval `hazard_low`, `hazard_high`; `survival` = Π(1 − hazard);
        `cumulative_incidence` = Σ hazard(m) · share neither defaulted nor ended at m − 1. Months
        after the last with anybody at risk are no rows; of a month before it with nobody at risk
        the hazard is NaN, and so are survival and incidence from it on. No events give a hazard of
        0 with `hazard_low` 0. Counts made `by` a column keep it as the first index level.

    Raises
    ------
    ValueError
        A threshold that was not counted, an unknown `vanished`.

    Source
    ------
    Aalen, Johansen (1978), Scandinavian Journal of Statistics 5(3), for the cumulative incidence;
    Brown, Cai, DasGupta (2001), Statistical Science 16(2), for the interval.

    Examples
    --------
    >>> outcomes = pd.DataFrame({
    ...     "loan_id": ["a", "b", "c"], "cohort": pd.to_datetime(["2024-01-01"] * 3),
    ...     "amount": [100, 200, 300], "event": ["default", "prepaid", "censored"],
    ...     "event_mob": [1, 1, 2]})
    >>> hazard_table(outcomes)[["at_risk", "events", "ended", "hazard"]].round(4).to_dict("list")
    {'at_risk': [3, 3, 1], 'events': [0, 1, 0], 'ended': [0, 1, 0], 'hazard': [0.0, 0.3333, 0.0]}
    """
    sets = risk_sets(counts_or_outcomes, dpd=dpd, observed_to=observed_to, vanished=vanished)
    pooled = pooled_by_month(sets)
    if list(pooled.index.names) == ["mob"]:
        return _hazards(pooled)
    parts = {part: _hazards(rows.droplevel(0)) for part, rows in pooled.groupby(level=0)}
    return pd.concat(parts, names=[pooled.index.names[0]])


def pooled_by_month(sets: pd.DataFrame) -> pd.DataFrame:
    """Risk sets of all cohorts together, index ([by,] mob), without a hole between two months."""
    levels = [name for name in sets.index.names if name != "cohort"]
    pooled = sets.groupby(level=levels).sum()
    pooled = pooled[pooled["at_risk"] > 0]
    if levels == ["mob"]:
        return _from_the_first(pooled)
    parts = {part: _from_the_first(rows.droplevel(0)) for part, rows in pooled.groupby(level=0)}
    return pd.concat(parts, names=levels[:1]) if parts else pooled


def _from_the_first(pooled: pd.DataFrame) -> pd.DataFrame:
    n_months = int(pooled.index.max()) + 1 if len(pooled) else 0
    return pooled.reindex(pd.RangeIndex(n_months, name="mob"), fill_value=0)


def _hazards(pooled: pd.DataFrame) -> pd.DataFrame:
    """Hazards by month from pooled risk sets."""
    at_risk, events = pooled["at_risk"].to_numpy(), pooled["events"].to_numpy()
    ended = (pooled["prepaid"] + pooled["matured"]).to_numpy()
    anyone = np.where(at_risk > 0, at_risk, np.nan)
    hazard = events / anyone
    low, high = jeffreys_interval(events, at_risk, 0.95)
    still_there = np.cumprod(1 - (events + ended) / anyone)
    there_before = np.concatenate([[1.0], still_there[:-1]])[: len(pooled)]
    return pd.DataFrame(
        {
            "at_risk": at_risk,
            "events": events,
            "ended": ended,
            "hazard": hazard,
            "hazard_low": np.where(at_risk > 0, low, np.nan),
            "hazard_high": np.where(at_risk > 0, high, np.nan),
            "survival": np.cumprod(1 - hazard),
            "cumulative_incidence": np.cumsum(hazard * there_before),
        },
        index=pd.Index(pooled.index.to_numpy(np.int64), name="mob"),
    )


def hazard_text(hazards: pd.DataFrame) -> str:
    """Sentence on the months in which most loans fail, or that none has.

    A month is named alone only where it has more defaults than each other by more than chance.

    Parameters
    ----------
    hazards : DataFrame, index mob
        Of :func:`hazard_table`, counted without `by`.

    Source
    ------
    riskkit definition; of two counts that are Poisson with equal means, the one is binomial given
    their sum: Przyborowski, Wilenski (1940), Biometrika 31.

    Examples
    --------
    >>> hazard_text(pd.DataFrame({"events": [0, 30, 8]}))
    'Most defaults come in month 1 on book, more than in any other by more than chance.'
    >>> hazard_text(pd.DataFrame({"events": [0, 62, 64, 8]}))
    'Most defaults come in months 1 to 2 on book, about alike: 62 to 64 a month.'
    >>> hazard_text(pd.DataFrame({"events": [0, 0]}))
    'No loan has defaulted so far.'
    """
    events = hazards["events"]
    if not events.any():
        return "No loan has defaulted so far."
    alike = _peak_months(events)
    if not len(alike):
        n = int(events.sum())
        return f"Too few loans have defaulted ({n:,}) to say in which month most do."
    if len(alike) == 1:
        return (
            f"Most defaults come in month {alike[0]} on book, more than in any other by more than "
            "chance."
        )
    least, most = events[alike].min(), events[alike].max()
    return (
        f"Most defaults come in months {_runs(alike)} on book, about alike: {least:,} to "
        f"{most:,} a month."
    )


def hazard_figures(hazards: pd.DataFrame, term_months: int) -> dict[str, str]:
    """Label to text of what :func:`hazard_text` says; nothing where too few have failed.

    Parameters
    ----------
    hazards : DataFrame, index mob
        Of :func:`hazard_table`, counted without `by`.
    term_months : int
        Of the loans.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> hazard_figures(pd.DataFrame({"events": [0, 62, 64, 8]}), 12)
    {'Most defaults of 12 months, in months on book': '1 to 2, about alike'}
    """
    alike = _peak_months(hazards["events"])
    if not len(alike):
        return {}
    told = _runs(alike) + (", about alike" if len(alike) > 1 else "")
    return {f"Most defaults of {term_months} months, in months on book": told}


def _peak_months(events: pd.Series) -> list[int]:
    """Months whose defaults cannot be told from the most of a month; none if one of no default."""
    if not events.any():
        return []
    most = int(events.max())
    p_values = [stats.binomtest(most, most + int(n)).pvalue for n in events]
    alike = [int(m) for m, p in zip(events.index, p_values, strict=True) if p > SIGNIFICANT]
    return [] if (events[alike] == 0).any() else alike


def _runs(months: list[int]) -> str:
    """Months in a row as "4 to 6", such runs joined by "and"."""
    parts: list[list[int]] = []
    for month in months:
        if parts and month == parts[-1][-1] + 1:
            parts[-1].append(month)
        else:
            parts.append([month])
    told = [str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in parts]
    return " and ".join([", ".join(told[:-1]), told[-1]] if len(told) > 1 else told)

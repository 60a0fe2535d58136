"""Vintage curves by cohort, and default hazards by month on book.

Takes the counts of :func:`riskkit.vintage.cohort_counts`; gives curves and hazards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from riskkit.checks import warn
from riskkit.columns import calendar_months
from riskkit.metrics import jeffreys_interval
from riskkit.tables import Table
from riskkit.vintage.counts import cohort_counts, first_days, mobs

__all__ = [
    "check_vintages",
    "curve_choices",
    "hazard_figures",
    "hazard_table",
    "hazard_text",
    "until_still",
    "vintage_table",
]

SIGNIFICANT = 0.05
COHORT_MONTHS = {"M": 1, "Q": 3, "Y": 12}


def check_vintages(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Refuse cohorts and terms that no loan could have; no parameter is without effect.

    Parameters
    ----------
    parameters : mapping of str to Any
        `cohort_freq`, `term_months` (0: the commonest); one that is not there is not checked.

    Raises
    ------
    ValueError
        Names the parameter, what it may be and the value.

    Source
    ------
    riskkit definition.
    """
    freq, term = parameters.get("cohort_freq", "M"), parameters.get("term_months", 0)
    if freq not in COHORT_MONTHS:
        raise ValueError(f"cohort_freq must be one of {list(COHORT_MONTHS)}, got {freq!r}")
    if term < 0:
        raise ValueError(f"term_months must be >= 0, got {term!r}")
    return {}


def vintage_table(
    counts_or_outcomes: pd.DataFrame | Table,
    *,
    dpd: int = 30,
    measure: Literal["loans", "amount"] = "loans",
    ever: bool = True,
    cohort_freq: Literal["M", "Q", "Y"] = "M",
    observed_to: pd.Timestamp | str | None = None,
) -> pd.DataFrame:
    """Share of each cohort's original base past `dpd` days, by month on book.

    curve(m) = numerator at month m ÷ the cohort's original loans or amount, which never changes:
    a loan paid off early stays in the base. *Ever* counts a loan from the month it first passes
    `dpd` on, by amount at its balance at that month-end, so the curve never falls; *current*
    (``ever=False``) counts the loans past `dpd` at the month-end itself.

    Parameters
    ----------
    counts_or_outcomes : DataFrame or Table
        Counts from :func:`cohort_counts`, or a book (panel or outcomes) to count first.
    dpd : int, in days
        Past due by more than this many days, or charged off; one of the thresholds counted.
        Outcomes ignore it: their one event is the default.
    measure : {"loans", "amount"}
    ever : bool
        Outcomes hold first events only and know no ``ever=False``.
    cohort_freq : {"M", "Q", "Y"}
        Months, quarters or years of disbursal.
    observed_to : date, optional
        Any day of the last month whose month-end was observed; younger cohorts are left out.
        Default: for a panel, the latest month in the counts; for outcomes, none.

    Returns
    -------
    DataFrame of shape (n_cohorts, n_months), index cohort (first day), columns mob 0, 1, ...
        Fractions, NaN where not every loan of the cohort has reached the month: where a monthly
        cohort in it plus the month lies after `observed_to`, or after the first month at which
        a loan of it was censored. Outcomes without censored loans are matured up to the largest
        month of any event. Counts made `by` a column keep it as the first index level, with
        curves of their own. An empty book gives an empty table; a base of 0 warns and is NaN.

    Raises
    ------
    ValueError
        A threshold that was not counted, an unknown `measure` or `cohort_freq`, current curves
        of outcomes, amounts of a panel without balances.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> outcomes = pd.DataFrame({
    ...     "loan_id": ["a", "b", "c"], "cohort": pd.to_datetime(["2024-01-01"] * 3),
    ...     "amount": [100, 200, 300], "event": ["default", "prepaid", "censored"],
    ...     "event_mob": [1, 1, 2]})
    >>> vintage_table(outcomes).round(4).to_numpy().tolist()
    [[0.0, 0.3333, 0.3333]]
    """
    if measure not in ("loans", "amount"):
        raise ValueError(f"measure must be 'loans' or 'amount', got {measure!r}")
    check_vintages({"cohort_freq": cohort_freq})
    counts = _as_counts(counts_or_outcomes, dpd)
    event = event_of(counts, dpd)
    if event == "default" and not ever:
        raise ValueError("ever=False needs a performance panel: outcomes hold first events only")
    if measure not in counts.columns:
        raise ValueError(
            "measure='amount' needs balances and original amounts: the panel counted has no "
            "balance, or neither amount nor paid_amount"
        )
    counts, observed = _observed(counts, observed_to)
    if counts.empty:
        no_cohort = cast(pd.MultiIndex, counts.index).droplevel("mob")
        return pd.DataFrame(index=no_cohort, columns=mobs(0), dtype=float)

    values = _grid(counts, f"{'ever' if ever else 'now'}_{event}_{measure}")
    matured_to = _matured_to(counts, event, observed)
    months = calendar_months(values.index.get_level_values("cohort"))
    step = COHORT_MONTHS[cohort_freq]
    keys: list[Any] = [values.index.get_level_values(i) for i in range(values.index.nlevels - 1)]
    keys.append(first_days(months // step * step))
    base = _grid(counts, measure)[0].groupby(keys).sum()
    matured_to = matured_to.groupby(keys).min()
    values = values.groupby(keys).sum()
    if (base == 0).any():
        warn(f"{int((base == 0).sum())} cohorts have a base of 0 {measure}")

    curves = (values.cumsum(axis=1) if ever else values).div(base.where(base > 0), axis=0)
    mob = curves.columns.to_numpy()
    curves = curves.where(mob[np.newaxis, :] <= matured_to.to_numpy()[:, np.newaxis])
    return curves.loc[:, mob <= matured_to.max()]


def curve_choices(
    counts: pd.DataFrame,
    *,
    dpds: Sequence[int] = (30, 60, 90),
    cohort_freq: Literal["M", "Q", "Y"] = "Q",
) -> pd.DataFrame:
    """Every vintage curve that the counts can give: by term, days past due and measure.

    Parameters
    ----------
    counts : DataFrame
        Of :func:`cohort_counts`, made `by` the term.
    dpds : sequence of int, in days
        Thresholds that were counted; outcomes know one event only.
    cohort_freq : {"M", "Q", "Y"}

    Returns
    -------
    DataFrame, index (term, event, measure, cohort)
        `loans` of the cohort, then a column a month on book as :func:`vintage_table` gives it.
        `event` is the threshold as text, such as "30", or "default"; `measure` is "loans",
        "amount", or "now", the loans past due at the month-end itself.

    Source
    ------
    riskkit definition.
    """
    terms = sorted(counts.index.unique(level=0))
    outcomes = "ever_default_loans" in counts
    events = {"default": 0} if outcomes else {str(dpd): dpd for dpd in dpds}
    measures: dict[str, dict[str, Any]] = {"loans": {}}
    if "amount" in counts:
        measures["amount"] = {"measure": "amount"}
    if not outcomes:
        measures["now"] = {"ever": False}
    found = {}
    for term in terms:
        own = counts.loc[term]
        starts = pd.DatetimeIndex(own.index.get_level_values("cohort"))
        loans = own["loans"].groupby(starts.to_period(cohort_freq)).sum()
        for event, dpd in events.items():
            for measure, view in measures.items():
                curves = vintage_table(own, dpd=dpd, cohort_freq=cohort_freq, **view)
                curves.index = pd.DatetimeIndex(curves.index).to_period(cohort_freq)
                curves.insert(0, "loans", loans.reindex(curves.index))
                found[term, event, measure] = curves.rename(index=str)
    return pd.concat(found, names=["term", "event", "measure", "cohort"])


def until_still(curves: pd.DataFrame) -> pd.DataFrame:
    """The months in which a curve still moves, and one more.

    Past the term, no loan is left to fail: a flat line for years says nothing.

    Parameters
    ----------
    curves : DataFrame, columns month on book

    Examples
    --------
    >>> until_still(pd.DataFrame([[0.0, 0.1, 0.1, 0.1, 0.1]])).columns.tolist()
    [0, 1, 2]
    """
    moves = (curves.diff(axis=1).fillna(0) != 0).any().to_numpy()
    last = int(np.flatnonzero(moves).max(initial=0))
    return curves.iloc[:, : max(last + 2, 2)]


def hazard_table(
    counts_or_outcomes: pd.DataFrame | Table,
    *,
    dpd: int = 90,
    observed_to: pd.Timestamp | str | None = None,
) -> pd.DataFrame:
    """First events by month on book among the loans still at risk, pooled over cohorts.

    hazard(m) = first events in month m ÷ loans neither defaulted, prepaid nor matured at m − 1 and
    observed to m. Early pay-off and maturity are competing events, not censoring:
    `cumulative_incidence` is the share that has defaulted where those that ended cannot any more,
    while 1 − `survival` is the share that would have, had nobody ended.

    Parameters
    ----------
    counts_or_outcomes : DataFrame or Table
        Counts from :func:`cohort_counts`, or a book (panel or outcomes) to count first.
    dpd : int, in days
        As in :func:`vintage_table`; outcomes ignore it.
    observed_to : date, optional
        Any day of the last month observed; default, all that was counted.

    Returns
    -------
    DataFrame of shape (n_months,), index mob
        Loans `at_risk`, first `events` among them, and `ended` (prepaid or matured); `hazard`
        with its Jeffreys 95 % interval `hazard_low`, `hazard_high`; `survival` = Π(1 − hazard);
        `cumulative_incidence` = Σ hazard(m) · share neither defaulted nor ended at m − 1. Months
        with nobody at risk are no rows; no events give a hazard of 0 with `hazard_low` 0. Counts
        made `by` a column keep it as the first index level.

    Raises
    ------
    ValueError
        A threshold that was not counted.

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
    counts = _as_counts(counts_or_outcomes, dpd)
    event = event_of(counts, dpd)
    counts, _ = _observed(counts, observed_to)
    if counts.empty:
        nobody = np.zeros(0, np.int64)
        return _hazards(nobody, nobody, nobody)

    first = _grid(counts, f"ever_{event}_loans")
    cells, mob, events = first.index, first.columns.to_numpy(), first.to_numpy()
    exits = _grid(counts, f"exit_{event}_loans").to_numpy()
    ended = exits - events - _grid(counts, _censored_column(event)).to_numpy()
    base = _grid(counts, "loans").to_numpy()[:, [0]]
    # a loan that exits in month m is still at risk in it
    at_risk = base - (exits.cumsum(axis=1) - exits)
    if observed_to is not None:
        last = calendar_months([observed_to])[0] - calendar_months(cells.get_level_values("cohort"))
        seen = mob[np.newaxis, :] <= last[:, np.newaxis]
        at_risk, events, ended = at_risk * seen, events * seen, ended * seen

    def pooled(rows: Any) -> pd.DataFrame:
        return _hazards(*(grid[rows].sum(axis=0) for grid in (at_risk, events, ended)))

    if cells.nlevels == 1:
        return pooled(slice(None))
    part = cells.get_level_values(0)
    return pd.concat({value: pooled(part == value) for value in part.unique()}, names=[part.name])


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


def _as_counts(book: pd.DataFrame | Table, dpd: int) -> pd.DataFrame:
    if not isinstance(book, pd.DataFrame) or "mob" not in book.index.names:
        return cohort_counts(book, dpd=(dpd,))
    # counts of parts laid one below the other are not added up yet
    return book if book.index.is_unique else book.groupby(level=book.index.names).sum()


def event_of(counts: pd.DataFrame, dpd: int) -> str:
    """How the event's columns are named."""
    if "ever_default_loans" in counts.columns:
        return "default"
    if f"ever_{dpd}_loans" in counts.columns:
        return str(dpd)
    counted = [name.split("_")[1] for name in counts.columns if name.startswith("ever_")]
    thresholds = ", ".join(dict.fromkeys(counted)) or "none"
    raise ValueError(f"dpd must be one of the thresholds counted ({thresholds}), got {dpd!r}")


def _censored_column(event: str) -> str:
    return "censored_loans" if event == "default" else f"censored_{event}_loans"


def _observed(
    counts: pd.DataFrame, observed_to: pd.Timestamp | str | None
) -> tuple[pd.DataFrame, int | None]:
    """Part of the counts whose cohorts exist at `observed_to`, and its month; None if open."""
    cohort = calendar_months(counts.index.get_level_values("cohort"))
    if observed_to is not None:
        return counts[cohort <= calendar_months([observed_to])[0]], calendar_months([observed_to])[
            0
        ]
    if counts.empty or "ever_default_loans" in counts.columns:
        return counts, None
    return counts, int((cohort + counts.index.get_level_values("mob").to_numpy()).max())


def _matured_to(counts: pd.DataFrame, event: str, observed: int | None) -> pd.Series:
    """Last month that every loan of each ([by,] cohort) has reached."""
    censored = _grid(counts, _censored_column(event))
    mob = censored.columns.to_numpy()
    anyone = censored.to_numpy() > 0
    last = np.full(len(censored), mob[-1])
    if observed is not None:
        last = observed - calendar_months(censored.index.get_level_values("cohort"))
    lost = np.where(anyone.any(axis=1), mob[anyone.argmax(axis=1)], last)
    return pd.Series(np.minimum(last, lost), index=censored.index)


def _hazards(
    at_risk: NDArray[np.int64], events: NDArray[np.int64], ended: NDArray[np.int64]
) -> pd.DataFrame:
    """Hazards by month from pooled counts."""
    # who is at risk can only become fewer, so the months left out are the last ones
    n_months = int((at_risk > 0).sum())
    at_risk, events, ended = at_risk[:n_months], events[:n_months], ended[:n_months]
    hazard = events / at_risk
    low, high = jeffreys_interval(events, at_risk, 0.95)
    still_there = np.cumprod(1 - (events + ended) / at_risk)
    there_before = np.concatenate([[1.0], still_there[:-1]])[:n_months]
    return pd.DataFrame(
        {
            "at_risk": at_risk,
            "events": events,
            "ended": ended,
            "hazard": hazard,
            "hazard_low": low,
            "hazard_high": high,
            "survival": np.cumprod(1 - hazard),
            "cumulative_incidence": np.cumsum(hazard * there_before),
        },
        index=mobs(n_months),
    )


def _grid(counts: pd.DataFrame, column: str) -> pd.DataFrame:
    """One column of counts as ([by,] cohort) × mob, 0 where there was no cell."""
    wide = counts[column].unstack("mob", fill_value=0)
    return wide.reindex(columns=mobs(int(wide.columns.max()) + 1), fill_value=0)

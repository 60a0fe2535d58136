"""Vintage curves by cohort, with the share of each cohort that was followed to each month.

Takes the counts of :func:`riskkit.vintage.cohort_counts`; gives curves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

import numpy as np
import pandas as pd

from riskkit.as_of import check_day
from riskkit.checks import check_level, warn
from riskkit.columns import calendar_months
from riskkit.metrics import jeffreys_interval
from riskkit.tables import Table
from riskkit.vintage.cohort_grids import (
    as_counts,
    censored_column,
    check_vanished,
    cohort_grids,
    event_of,
    observed_counts,
    shifted,
    tall,
)
from riskkit.vintage.counts import Passed, first_days, mobs

__all__ = [
    "CURVE_MEASURES",
    "check_vintages",
    "curve_choices",
    "event_text",
    "until_still",
    "vintage_cells",
    "vintage_table",
]

COHORT_MONTHS = {"M": 1, "Q": 3, "Y": 12}
# what a curve is a share of, by the measure of :func:`curve_choices`
CURVE_MEASURES = {
    "loans": "share of loans, ever",
    "amount": "share of the amount, ever",
    "now": "share of loans, at the month-end",
}


def check_vintages(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Refuse cohorts and terms that no loan could have; no parameter is without effect.

    Parameters
    ----------
    parameters : mapping of str to Any
        `cohort_freq`, `term_months` (0: the commonest), `appetite_rate`, and `observed_to`, a day
        such as "2024-06-30" ("": the last of the data); one that is not there is not checked. That
        the day lies within the data is checked where they are read, by
        :func:`riskkit.as_of.book_as_of`.

    Raises
    ------
    ValueError
        Names the parameter, what it may be and the value.

    Source
    ------
    riskkit definition.
    """
    check_day(parameters)
    freq, term = parameters.get("cohort_freq", "M"), parameters.get("term_months", 0)
    if freq not in COHORT_MONTHS:
        raise ValueError(f"cohort_freq must be one of {list(COHORT_MONTHS)}, got {freq!r}")
    if term < 0:
        raise ValueError(f"term_months must be >= 0, got {term!r}")
    if not 0 <= parameters.get("appetite_rate", 0.0) <= 1:
        raise ValueError(f"appetite_rate must lie in [0, 1], got {parameters['appetite_rate']!r}")
    return {}


def vintage_table(
    counts_or_outcomes: pd.DataFrame | Table,
    *,
    dpd: Passed = 30,
    measure: Literal["loans", "amount"] = "loans",
    ever: bool = True,
    cohort_freq: Literal["M", "Q", "Y"] = "M",
    observed_to: pd.Timestamp | str | None = None,
    least_share: float = 1.0,
    vanished: Literal["censored", "event"] = "censored",
    open_only: bool = False,
) -> pd.DataFrame:
    """Share of each cohort's original base past `dpd` days, by month on book.

    curve(m) = numerator at month m ÷ the cohort's original loans or amount, which never changes:
    a loan paid off early stays in the base. *Ever* counts a loan from the month it first passes
    `dpd` on, by amount at its balance at that month-end, so the curve never falls; *current*
    (``ever=False``) counts the loans past `dpd` at the month-end itself. Late entrants are in
    neither numerator nor base.

    Parameters
    ----------
    counts_or_outcomes : DataFrame or Table
        Counts from :func:`cohort_counts`, or a book (panel or outcomes) to count first.
    dpd : int, in days, or "loss"
        Past due by more than this many days, or charged off; "loss": charged off. One of the
        thresholds counted. Outcomes ignore it: their one event is the default.
    measure : {"loans", "amount"}
    ever : bool
        Outcomes hold first events only and know no ``ever=False``.
    cohort_freq : {"M", "Q", "Y"}
        Months, quarters or years of disbursal.
    observed_to : date, optional
        Any day of the last month whose month-end was observed; younger cohorts are left out.
        Default: for a panel, the latest month in the counts; for outcomes, none.
    least_share : float, in [0, 1]
        Share of a cohort's loans that must have been followed to a month for its cell to be shown.
        1: matured cells only. A partial cell goes on from the one before by what the monthly
        cohorts that have reached the month added to their base in it (of a current curve it is
        their rate), so it never falls; loans lost from view stay in the base as not bad since.
        :func:`vintage_cells` gives the share of each.
    vanished : {"censored", "event"}
        What a loan is whose rows stop, past due, before `observed_to`: lost from view, or past
        `dpd` in the month after. The two curves are the ends of what is known.
    open_only : bool
        Only the months in which a loan of the cohort could still move its curve: it ends where its
        last loan does.

    Returns
    -------
    DataFrame of shape (n_cohorts, n_months), index cohort (first day), columns mob 0, 1, ...
        Fractions, NaN where less than `least_share` of the cohort was followed to the month: where
        a monthly cohort in it plus the month lies after `observed_to`, or after the month in which
        a loan of it was censored; of a current curve also in a month left out of a loan. Outcomes
        without censored loans are matured up to the largest month of any event. Counts made `by` a
        column keep it as the first index level, with curves of their own. A cohort of late entrants
        alone is no row, and an empty book gives an empty table; a base of 0 warns and is NaN.

    Raises
    ------
    ValueError
        A threshold that was not counted, an unknown `measure`, `cohort_freq` or `vanished`, a
        `least_share` out of range, current curves of outcomes or with vanished loans as events,
        amounts of a panel without balances.

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
    if not 0 <= least_share <= 1:
        raise ValueError(f"least_share must lie in [0, 1], got {least_share!r}")
    grids = _curve_grids(
        counts_or_outcomes, dpd=dpd, measure=measure, ever=ever, cohort_freq=cohort_freq,
        observed_to=observed_to, vanished=vanished,
    )  # fmt: skip
    if grids["past"].empty:
        return grids["past"].astype(float)
    base, share = grids["base"], grids["followed_share"]
    if (base[0] == 0).any():
        warn(f"{int((base[0] == 0).sum())} cohorts have a base of 0 {measure}")
    seen = (share >= least_share) & (share > 0)
    if open_only:
        seen &= grids["open"] > 0
    curves = grids["rate"].where(seen)
    return curves.loc[:, : int(np.flatnonzero(seen.any().to_numpy()).max(initial=-1))]


def vintage_cells(
    counts_or_outcomes: pd.DataFrame | Table,
    *,
    dpd: Passed = 30,
    measure: Literal["loans", "amount"] = "loans",
    ever: bool = True,
    cohort_freq: Literal["M", "Q", "Y"] = "M",
    observed_to: pd.Timestamp | str | None = None,
    vanished: Literal["censored", "event"] = "censored",
    open_only: bool = False,
    level: float = 0.95,
) -> pd.DataFrame:
    """Every cell of the vintage curves, partial ones too, with its interval and followed share.

    Parameters
    ----------
    counts_or_outcomes, dpd, measure, ever, cohort_freq, observed_to, vanished, open_only
        As for :func:`vintage_table`.
    level : float
        Of the interval, in (0, 1).

    Returns
    -------
    DataFrame of shape (n_cells,), index ([by,] cohort, mob)
        `loans` of the cohort; `past` and `base`, of the monthly cohorts that have reached the
        month, loans or fen; `past_rate` as :func:`vintage_table` has it, past ÷ base where all are
        reached; of loans with its Jeffreys interval for the loans in `base`, `past_low` and
        `past_high` (by amount NaN: counts do not tell how amounts vary);
        `followed_share` of the cohort's loans; `is_matured`, where that is all of them. Cells to
        which no loan was followed are left out.

    Raises
    ------
    ValueError
        As :func:`vintage_table`, or `level` out of range.

    Source
    ------
    riskkit definition; Brown, Cai, DasGupta (2001), Statistical Science 16(2), for the interval.

    Examples
    --------
    >>> outcomes = pd.DataFrame({
    ...     "loan_id": ["a", "b", "c"], "cohort": pd.to_datetime(["2024-01-01"] * 3),
    ...     "amount": [100, 200, 300], "event": ["default", "prepaid", "censored"],
    ...     "event_mob": [2, 2, 1]})
    >>> cells = vintage_cells(outcomes)
    >>> cells["past"].tolist(), cells["followed_share"].round(2).tolist()
    ([0, 0, 1], [1.0, 1.0, 0.67])
    """
    check_level(level)
    grids = _curve_grids(
        counts_or_outcomes, dpd=dpd, measure=measure, ever=ever, cohort_freq=cohort_freq,
        observed_to=observed_to, vanished=vanished,
    )  # fmt: skip
    columns = ["loans", "past", "base", "rate", "followed_share"]
    values = {name: grids[name].to_numpy() for name in columns}
    table = tall(values, grids["past"].index, grids["past"].columns)
    shown = table["followed_share"].to_numpy() > 0
    if open_only:
        shown &= grids["open"].to_numpy().ravel() > 0
    table = table[shown]
    base, rate = (table.pop(name).to_numpy(dtype=float) for name in ("base", "rate"))
    table.insert(2, "base", base.astype(np.int64))
    low, high = np.full((2, len(table)), np.nan)
    if measure == "loans":
        low, high = jeffreys_interval(rate * base, base, level)
    for place, (name, values) in enumerate(
        {"past_rate": rate, "past_low": low, "past_high": high}.items(), start=3
    ):
        table.insert(place, name, values)
    return table.assign(is_matured=table["followed_share"] == 1)


def _curve_grids(
    counts_or_outcomes: pd.DataFrame | Table,
    *,
    dpd: Passed,
    measure: str,
    ever: bool,
    cohort_freq: str,
    observed_to: pd.Timestamp | str | None,
    vanished: str,
) -> dict[str, pd.DataFrame]:
    """What curves are made of, each ([by,] cohort) × mob: loans, past, base, rate, share, open.

    `past` and `base` are of the monthly cohorts that have reached the month.
    """
    if measure not in ("loans", "amount"):
        raise ValueError(f"measure must be 'loans' or 'amount', got {measure!r}")
    check_vanished(vanished, ever=ever)
    check_vintages({"cohort_freq": cohort_freq})
    counts = as_counts(counts_or_outcomes, dpd)
    event = event_of(counts, dpd)
    if event == "default" and not ever:
        raise ValueError("ever=False needs a performance panel: outcomes hold first events only")
    if measure not in counts.columns:
        raise ValueError(
            "measure='amount' needs balances and original amounts: the panel counted has no "
            "balance, or neither amount nor paid_amount"
        )
    counts, observed = observed_counts(counts, observed_to)
    parts = ("loans", "past", "base", "rate", "followed_share", "open")
    if counts.empty or not counts["loans"].any():
        no_cohort = cast(pd.MultiIndex, counts.index[:0]).droplevel("mob")
        return {name: pd.DataFrame(index=no_cohort, columns=mobs(0), dtype=int) for name in parts}

    # a loan that vanishes in the last month of all is an event one later
    grids_of = cohort_grids(counts, one_more=vanished == "event")
    loans = grids_of.of("loans")[:, :1]
    mob = np.arange(grids_of.width)
    months = calendar_months(grids_of.cohorts.get_level_values("cohort"))
    last = np.full(len(months), grids_of.width - 1) if observed is None else observed - months
    reached = mob[np.newaxis, :] <= last[:, np.newaxis]
    past = grids_of.of(f"{'ever' if ever else 'now'}_{event}_{measure}")
    lost = grids_of.of(censored_column(event) if ever else "lost_loans")
    if vanished == "event" and event != "default":
        # at the last month everybody's rows end
        before = mob[np.newaxis, :] < last[:, np.newaxis]
        past = past + shifted(grids_of.of(f"vanished_{event}_{measure}") * before)
        lost = lost - grids_of.of(f"vanished_{event}_loans") * before
    followed = loans - (lost.cumsum(axis=1) - lost)
    if not ever:
        followed = followed - grids_of.of("unseen_loans")
    exits = grids_of.of(f"exit_{event}_loans")
    grids = {
        "loans": np.broadcast_to(loans, reached.shape),
        "past": (past.cumsum(axis=1) if ever else past) * reached,
        "added": past * reached,
        "base": grids_of.of(measure)[:, :1] * reached,
        "followed_share": followed * reached,
        "open": loans - (exits.cumsum(axis=1) - exits) if ever else grids_of.has_rows(),
    }
    step = COHORT_MONTHS[cohort_freq]
    keys: list[Any] = [
        grids_of.cohorts.get_level_values(i) for i in range(counts.index.nlevels - 2)
    ]
    keys.append(first_days(months // step * step))
    groups = pd.MultiIndex.from_arrays(keys) if len(keys) > 1 else keys[0]
    # nobody of the other cohorts was seen from month 0
    has_base = np.flatnonzero(loans[:, 0])
    group, names = groups[has_base].factorize(sort=True)
    names = names.set_names(groups.names)
    sums = {}
    for name, grid in grids.items():
        sums[name] = np.zeros((len(names), grids_of.width), np.int64)
        np.add.at(sums[name], group, grid[has_base])
    base = np.where(sums["base"] > 0, sums["base"], np.nan)
    rate = sums["past"] / base
    added = sums.pop("added")
    if ever:
        # a cohort's base ends with its months: what is not a number has no number behind it
        whole = sums["base"] == sums["base"][:, :1]
        rate = np.where(whole, rate, (added / base).cumsum(axis=1))
    share = sums["followed_share"] / sums["loans"]
    columns = mobs(grids_of.width)
    return {
        name: pd.DataFrame(grid, index=names, columns=columns)
        for name, grid in (sums | {"rate": rate, "followed_share": share}).items()
    }


def event_text(event: str) -> str:
    """What a curve counts, in words: "90" days past due, or "default".

    Examples
    --------
    >>> event_text("90")
    'more than 90 days past due'
    """
    return "in default" if event == "default" else f"more than {event} days past due"


def curve_choices(
    counts: pd.DataFrame,
    *,
    dpds: Sequence[Passed] = (30, 60, 90),
    cohort_freq: Literal["M", "Q", "Y"] = "Q",
) -> pd.DataFrame:
    """Every vintage curve that the counts can give: by term, days past due and measure.

    Parameters
    ----------
    counts : DataFrame
        Of :func:`cohort_counts`, made `by` the term.
    dpds : sequence of int, in days, or "loss"
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
    events: dict[str, Passed] = {"default": 0} if outcomes else {str(dpd): dpd for dpd in dpds}
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

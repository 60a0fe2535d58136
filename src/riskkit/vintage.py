"""How do loans granted in the same month go bad as they age: vintage curves and hazards.

Table in: the performance panel (a row per loan and month-end) or, where there is none, outcomes
(a row per loan). :func:`cohort_counts` reads it once into counts by cohort and month on book,
which add up over parts of the portfolio split by loan. Tables out: curves by cohort
(:func:`vintage_table`) and hazards by month on book (:func:`hazard_table`), both from the counts.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import partial
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import betaincinv

from riskkit.partitions import total
from riskkit.schema import DataContractError, Table

__all__ = ["cohort_counts", "hazard_table", "loan_starts", "vintage_table"]

ENDED_STATUSES = ("prepaid", "matured")
EVENTS = ("default", "prepaid", "matured", "censored")
COHORT_MONTHS = {"M": 1, "Q": 3, "Y": 12}

# A column of counts before it is tabulated: loan positions, months on book, and what is summed
# (None where the loans themselves are counted).
_Entry = tuple[NDArray[np.intp], NDArray[np.int64], NDArray[np.int64] | None]


def cohort_counts(
    book: pd.DataFrame | Table, *, dpd: Sequence[int] = (30, 60, 90), by: str | None = None
) -> pd.DataFrame:
    """Table of counts by cohort and month on book, from which vintages and hazards follow.

    One pass over the rows. Counts of two parts of a portfolio that share no loan add up to the
    counts of the whole (:func:`riskkit.partitions.add_counts`). "Past n" means `dpd` > n at a
    month-end, or charged off.

    Parameters
    ----------
    book : DataFrame or Table
        The performance panel, sorted by loan and month, or the outcomes (it has a column
        `event`). A Table is counted block by block; a block holds whole loans.
    dpd : sequence of int, in days
        Thresholds n. Outcomes know one event, their default, and ignore this.
    by : str, optional
        A column of `book` to count apart, constant within a loan, e.g. "term_months".

    Returns
    -------
    DataFrame of shape (n_cells,), index ([by,] cohort, mob), int64 columns
        A row for each month on book that any loan of the cohort reached. From a panel, for each n:

        - `ever_{n}_loans`, `ever_{n}_amount`: loans first past n in this month, and their balance
          at that month-end in fen;
        - `now_{n}_loans`, `now_{n}_amount`: loans past n at this month-end, and their balance;
          a charged-off loan counts as long as it has rows;
        - `exit_{n}_loans`: loans that leave the risk set in this month, by first passing n, by
          being prepaid or matured, or because their rows end;
        - `censored_{n}_loans`: those of them whose rows end while they are still at risk.

        From outcomes: `ever_default_loans`, `ever_default_amount` (the *original* amount: outcomes
        carry no balance), `exit_default_loans`, `censored_loans`. From both, in month 0 only:
        `loans` and `amount`, the original base. A panel's `amount` column is used if it has one;
        else the original amount is the balance at the end of month 0, plus what was paid if the
        loan ended in that month. An empty book gives an empty table.

    Raises
    ------
    DataContractError
        A missing column, a panel not sorted by loan and month from month 0, rows after a loan
        ended, a loan twice in outcomes, an unknown event.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> outcomes = pd.DataFrame({
    ...     "loan_id": ["a", "b", "c"], "cohort": pd.to_datetime(["2024-01-01"] * 3),
    ...     "amount": [100, 200, 300], "event": ["default", "prepaid", "censored"],
    ...     "event_mob": [1, 1, 2]})
    >>> cohort_counts(outcomes).T.to_numpy().tolist()
    [[0, 1, 0], [0, 100, 0], [0, 2, 1], [0, 0, 1], [3, 0, 0], [600, 0, 0]]
    """
    thresholds = [int(n) for n in dpd]
    if not thresholds or len(set(thresholds)) < len(thresholds) or min(thresholds) < 0:
        raise ValueError(f"dpd must be different thresholds in days >= 0, got {dpd!r}")
    if not isinstance(book, pd.DataFrame):
        return total(partial(cohort_counts, dpd=thresholds, by=by), book.blocks())
    if "event" in book.columns:
        return _count_outcomes(book, by)
    return _count_panel(book, thresholds, by)


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
        of outcomes.

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
    if cohort_freq not in COHORT_MONTHS:
        raise ValueError(f"cohort_freq must be one of {list(COHORT_MONTHS)}, got {cohort_freq!r}")
    counts = _as_counts(counts_or_outcomes, dpd)
    event = _event(counts, dpd)
    if event == "default" and not ever:
        raise ValueError("ever=False needs a performance panel: outcomes hold first events only")
    counts, observed = _observed(counts, observed_to)
    if counts.empty:
        no_cohort = cast(pd.MultiIndex, counts.index).droplevel("mob")
        return pd.DataFrame(index=no_cohort, columns=_mobs(0), dtype=float)

    values = _grid(counts, f"{'ever' if ever else 'now'}_{event}_{measure}")
    matured_to = _matured_to(counts, event, observed)
    months = _months(values.index.get_level_values("cohort"))
    step = COHORT_MONTHS[cohort_freq]
    keys: list[Any] = [values.index.get_level_values(i) for i in range(values.index.nlevels - 1)]
    keys.append(_first_days(months // step * step))
    base = _grid(counts, measure)[0].groupby(keys).sum()
    matured_to = matured_to.groupby(keys).min()
    values = values.groupby(keys).sum()
    if (base == 0).any():
        warnings.warn(f"{int((base == 0).sum())} cohorts have a base of 0 {measure}", stacklevel=2)

    curves = (values.cumsum(axis=1) if ever else values).div(base.where(base > 0), axis=0)
    mob = curves.columns.to_numpy()
    curves = curves.where(mob[np.newaxis, :] <= matured_to.to_numpy()[:, np.newaxis])
    return curves.loc[:, mob <= matured_to.max()]


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
    event = _event(counts, dpd)
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
        last = _month(observed_to) - _months(cells.get_level_values("cohort"))
        seen = mob[np.newaxis, :] <= last[:, np.newaxis]
        at_risk, events, ended = at_risk * seen, events * seen, ended * seen

    def pooled(rows: Any) -> pd.DataFrame:
        return _hazards(*(grid[rows].sum(axis=0) for grid in (at_risk, events, ended)))

    if cells.nlevels == 1:
        return pooled(slice(None))
    part = cells.get_level_values(0)
    return pd.concat({value: pooled(part == value) for value in part.unique()}, names=[part.name])


def loan_starts(performance: pd.DataFrame) -> NDArray[np.intp]:
    """Positions of each loan's first row, in a panel sorted by loan and month on book.

    Parameters
    ----------
    performance : DataFrame
        `loan_id`, together for each loan, and `mob`, from 0 without a gap.

    Returns
    -------
    array of shape (n_loans,)

    Raises
    ------
    DataContractError
        A missing column, a loan that does not begin at month 0 or skips or repeats a month, rows
        of one loan that are not together.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> loan_starts(pd.DataFrame({"loan_id": ["a", "a", "b"], "mob": [0, 1, 0]})).tolist()
    [0, 2]
    """
    _require(performance, ["loan_id", "mob"])
    if performance.empty:
        return np.zeros(0, np.intp)
    # the labels are compared in their own type: as Python objects it would take seconds
    ids: Any = performance["loan_id"].array
    if isinstance(ids, pd.Categorical):
        ids = ids.codes
    mob = performance["mob"].to_numpy()
    new = np.ones(len(mob), dtype=bool)
    new[1:] = np.asarray(ids[1:] != ids[:-1], dtype=bool)
    starts = np.flatnonzero(new)

    def example(row: int) -> str:
        return f"for example loan {performance['loan_id'].iloc[row]} at mob {mob[row]}"

    violations = []
    late = starts[mob[starts] != 0]
    if len(late):
        violations.append(f"mob: {len(late):,} loans do not begin at month 0, {example(late[0])}")
    gaps = np.flatnonzero(~new[1:] & (mob[1:] != mob[:-1] + 1)) + 1
    if len(gaps):
        violations.append(
            f"mob: {len(gaps):,} rows do not follow the month before, {example(gaps[0])}"
        )
    heads = ids[starts]
    # ascending labels, the usual case, need no hash table
    if not (heads[1:] > heads[:-1]).all() and not pd.Series(heads).is_unique:
        twice = starts[pd.Series(heads).duplicated().to_numpy()]
        violations.append(
            f"loan_id: rows of {len(twice):,} loans are not together, {example(twice[0])}"
        )
    if violations:
        raise DataContractError("performance sorted by loan_id and mob", violations)
    return starts


def _count_panel(panel: pd.DataFrame, thresholds: list[int], by: str | None) -> pd.DataFrame:
    # without an `amount`, the base needs `paid_amount`
    base = "amount" if "amount" in panel.columns else "paid_amount"
    _require(panel, ["loan_id", "cohort", "mob", "balance", "dpd", "status", base], by)
    starts = loan_starts(panel)
    ends = np.append(starts[1:], len(panel))[: len(starts)] - 1
    mob = panel["mob"].to_numpy(np.int64)
    balance = panel["balance"].to_numpy(np.int64)
    days = panel["dpd"].to_numpy()
    status = panel["status"]
    charged_off = (status == "charged_off").to_numpy(dtype=bool)
    ended_rows = (status == ENDED_STATUSES[0]) | (status == ENDED_STATUSES[1])
    ended = ended_rows.to_numpy(dtype=bool)[ends]
    _check_loans(panel, starts, ends, int(ended_rows.sum() - ended.sum()), by)

    loans = np.arange(len(starts))
    last_mob = mob[ends]
    # everything below touches only the few rows past the lowest threshold
    rows = np.flatnonzero((days > min(thresholds)) | charged_off)
    loan = np.searchsorted(starts, rows, side="right") - 1
    entries: dict[str, _Entry] = {}
    for n in thresholds:
        past = (days[rows] > n) | charged_off[rows]
        now_rows, now_loans = rows[past], loan[past]
        first = np.ones(len(now_loans), dtype=bool)
        first[1:] = now_loans[1:] != now_loans[:-1]
        ever_rows, ever_loans = now_rows[first], now_loans[first]
        exit_mob = last_mob.copy()
        exit_mob[ever_loans] = mob[ever_rows]
        censored = ~ended
        censored[ever_loans] = False
        entries[f"ever_{n}_loans"] = ever_loans, mob[ever_rows], None
        entries[f"ever_{n}_amount"] = ever_loans, mob[ever_rows], balance[ever_rows]
        entries[f"now_{n}_loans"] = now_loans, mob[now_rows], None
        entries[f"now_{n}_amount"] = now_loans, mob[now_rows], balance[now_rows]
        entries[f"exit_{n}_loans"] = loans, exit_mob, None
        entries[f"censored_{n}_loans"] = loans[censored], last_mob[censored], None
    if "amount" in panel.columns:
        original = panel["amount"].to_numpy(np.int64)[starts]
    else:
        paid = panel["paid_amount"].to_numpy(np.int64)[starts]
        original = balance[starts] + np.where(ended & (starts == ends), paid, 0)
    cells = panel[["cohort"] if by is None else ["cohort", by]].iloc[starts]
    return _tabulate(cells, entries, original, last_mob, by)


def _count_outcomes(outcomes: pd.DataFrame, by: str | None) -> pd.DataFrame:
    _require(outcomes, ["loan_id", "cohort", "amount", "event", "event_mob"], by)
    event = outcomes["event"]
    mob = outcomes["event_mob"].to_numpy(np.int64)
    violations = _missing_values(outcomes, by)
    twice = outcomes["loan_id"].duplicated()
    if twice.any():
        example = outcomes["loan_id"][twice].iloc[0]
        violations.append(f"loan_id: {int(twice.sum()):,} repeated, for example {example}")
    strange = ~event.isin(EVENTS)
    if strange.any():
        violations.append(
            f"event: {int(strange.sum()):,} rows are none of {', '.join(EVENTS)}, "
            f"for example {event[strange].iloc[0]!r}"
        )
    if (mob < 0).any():
        violations.append(f"event_mob: {int((mob < 0).sum()):,} rows are negative")
    if violations:
        raise DataContractError("outcomes", violations)

    amount = outcomes["amount"].to_numpy(np.int64)
    loans = np.arange(len(outcomes))
    default = np.flatnonzero(event == "default")
    censored = np.flatnonzero(event == "censored")
    entries: dict[str, _Entry] = {
        "ever_default_loans": (default, mob[default], None),
        "ever_default_amount": (default, mob[default], amount[default]),
        "exit_default_loans": (loans, mob, None),
        "censored_loans": (censored, mob[censored], None),
    }
    return _tabulate(outcomes, entries, amount, mob, by)


def _tabulate(
    loans: pd.DataFrame,
    entries: dict[str, _Entry],
    original_amount: NDArray[np.int64],
    last_mob: NDArray[np.int64],
    by: str | None,
) -> pd.DataFrame:
    """Table of the entries by ([by,] cohort, mob); `loans` has a row per loan."""
    month, months = pd.factorize(_months(loans["cohort"]), sort=True)
    names = ["cohort", "mob"]
    part, parts = np.zeros(len(loans), np.int64), pd.Index([0])
    if by is not None:
        names = [by, *names]
        part, parts = pd.factorize(pd.Index(loans[by]), sort=True)
    # only the pairs that occur get cells, so that a `by` with many values stays small
    group, pairs = pd.factorize(part * len(months) + month, sort=True)
    longest = np.zeros(len(pairs), np.int64)
    np.maximum.at(longest, group, last_mob)
    width = int(longest.max(initial=0)) + 1
    first_month = np.zeros(len(loans), np.int64)
    everyone = np.arange(len(loans))
    entries = {
        **entries,
        "loans": (everyone, first_month, None),
        "amount": (everyone, first_month, original_amount),
    }

    reached = (np.arange(width) <= longest[:, np.newaxis]).ravel()
    columns = {}
    for name, (loan, mob, amount) in entries.items():
        key = group[loan] * width + mob
        if amount is None:
            cells = np.bincount(key, minlength=len(reached))
        else:
            # bincount would sum in floats, exact only to 2^53 fen
            cells = np.zeros(len(reached), np.int64)
            np.add.at(cells, key, amount)
        columns[name] = cells[reached].astype(np.int64)
    rows = np.repeat(pairs, longest + 1)
    levels: list[Any] = [
        _first_days(months[rows % max(len(months), 1)]),
        np.tile(np.arange(width), len(pairs))[reached],
    ]
    if by is not None:
        levels.insert(0, parts[rows // max(len(months), 1)])
    return pd.DataFrame(columns, index=pd.MultiIndex.from_arrays(levels, names=names))


def _require(book: pd.DataFrame, columns: list[str], by: str | None = None) -> None:
    wanted = columns if by is None else [*columns, by]
    missing = [name for name in wanted if name not in book.columns]
    if missing:
        absent, present = ", ".join(missing), ", ".join(map(str, book.columns))
        raise DataContractError("book", [f"missing columns {absent}; present: {present}"])


def _missing_values(loans: pd.DataFrame, by: str | None, rows: Any = slice(None)) -> list[str]:
    names = ["loan_id", "cohort"] if by is None else ["loan_id", "cohort", by]
    found = [(name, int(loans[name].isna().to_numpy()[rows].sum())) for name in names]
    return [f"{name}: missing for {count:,} loans" for name, count in found if count]


def _check_loans(
    panel: pd.DataFrame,
    starts: NDArray[np.intp],
    ends: NDArray[np.intp],
    n_after_end: int,
    by: str | None,
) -> None:
    violations = _missing_values(panel, by, starts)
    if n_after_end:
        violations.append(
            f"status: {n_after_end:,} prepaid or matured rows are not the loan's last"
        )
    for name in ["cohort"] if by is None else ["cohort", by]:
        values: Any = panel[name].array
        changed = np.asarray(values[1:] != values[:-1], dtype=bool)
        n_changed = int(changed.sum() - changed[starts[1:] - 1].sum())
        if n_changed:
            violations.append(f"{name}: changes within a loan in {n_changed:,} rows")
    if violations:
        raise DataContractError("performance", violations)


def _as_counts(book: pd.DataFrame | Table, dpd: int) -> pd.DataFrame:
    if not isinstance(book, pd.DataFrame) or "mob" not in book.index.names:
        return cohort_counts(book, dpd=(dpd,))
    # counts of parts laid one below the other are not added up yet
    return book if book.index.is_unique else book.groupby(level=book.index.names).sum()


def _event(counts: pd.DataFrame, dpd: int) -> str:
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
    cohort = _months(counts.index.get_level_values("cohort"))
    if observed_to is not None:
        return counts[cohort <= _month(observed_to)], _month(observed_to)
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
        last = observed - _months(censored.index.get_level_values("cohort"))
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
    low = betaincinv(events + 0.5, at_risk - events + 0.5, 0.025)
    high = betaincinv(events + 0.5, at_risk - events + 0.5, 0.975)
    still_there = np.cumprod(1 - (events + ended) / at_risk)
    there_before = np.concatenate([[1.0], still_there[:-1]])[:n_months]
    return pd.DataFrame(
        {
            "at_risk": at_risk,
            "events": events,
            "ended": ended,
            "hazard": hazard,
            "hazard_low": np.where(events == 0, 0.0, low),
            "hazard_high": np.where(events == at_risk, 1.0, high),
            "survival": np.cumprod(1 - hazard),
            "cumulative_incidence": np.cumsum(hazard * there_before),
        },
        index=_mobs(n_months),
    )


def _grid(counts: pd.DataFrame, column: str) -> pd.DataFrame:
    """One column of counts as ([by,] cohort) × mob, 0 where there was no cell."""
    wide = counts[column].unstack("mob", fill_value=0)
    return wide.reindex(columns=_mobs(int(wide.columns.max()) + 1), fill_value=0)


def _mobs(n_months: int) -> pd.Index:
    return pd.Index(np.arange(n_months), name="mob")


def _months(dates: Any) -> NDArray[np.int64]:
    """Calendar months since 1970-01."""
    return np.asarray(dates, dtype="datetime64[M]").astype(np.int64)


def _month(date: pd.Timestamp | str) -> int:
    when = pd.Timestamp(date)
    return (when.year - 1970) * 12 + when.month - 1


def _first_days(months: NDArray[np.int64]) -> pd.DatetimeIndex:
    days = months.astype("datetime64[M]").astype("datetime64[us]")
    return pd.DatetimeIndex(days, name="cohort")

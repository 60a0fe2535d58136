"""The book counted by cohort and month on book: what every curve and hazard is made of.

Takes the performance panel or the outcomes; gives counts that add up over parts split by loan.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskkit.checks import DataContractError, loan_starts, require_columns
from riskkit.columns import calendar_months
from riskkit.partitions import total
from riskkit.tables import Table

__all__ = ["cohort_counts"]

ENDED_STATUSES = ("prepaid", "matured")
EVENTS = ("default", "prepaid", "matured", "censored")

# A column of counts before it is tabulated: loan positions, months on book, and what is summed
# (None where the loans themselves are counted).
_Entry = tuple[NDArray[np.intp], NDArray[np.int64], NDArray[np.int64] | None]


def cohort_counts(
    book: pd.DataFrame | Table,
    *,
    dpd: Sequence[int] = (30, 60, 90),
    by: str | pd.Series | None = None,
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
    by : str or Series, optional
        What to count apart: a column of `book`, constant within a loan, e.g. "term_months", or
        where the book has none, a named Series of its values, index loan_id.

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

        The columns by amount are there if the panel has balances and the original amounts follow
        from it.

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
    if isinstance(by, pd.Series):
        require_columns(book, ["loan_id"], "outcomes" if "event" in book.columns else "performance")
        book, by = book.assign(**{str(by.name): book["loan_id"].map(by)}), str(by.name)
    if "event" in book.columns:
        return _count_outcomes(book, by)
    return _count_panel(book, thresholds, by)


def _count_panel(panel: pd.DataFrame, thresholds: list[int], by: str | None) -> pd.DataFrame:
    require_columns(
        panel, ["loan_id", "cohort", "mob", "dpd", "status", *_named(by)], "performance"
    )
    starts = loan_starts(panel)
    ends = np.append(starts[1:], len(panel))[: len(starts)] - 1
    mob = panel["mob"].to_numpy(np.int64)
    days = panel["dpd"].to_numpy()
    status = panel["status"]
    charged_off = (status == "charged_off").to_numpy(dtype=bool)
    ended_rows = (status == ENDED_STATUSES[0]) | (status == ENDED_STATUSES[1])
    ended = ended_rows.to_numpy(dtype=bool)[ends]
    _check_loans(panel, starts, ends, int(ended_rows.sum() - ended.sum()), by)

    loans = np.arange(len(starts))
    last_mob = mob[ends]
    original = _original_amount(panel, starts, ended & (starts == ends))
    balance = None if original is None else panel["balance"].to_numpy(np.int64)
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
        if balance is not None:
            entries[f"ever_{n}_amount"] = ever_loans, mob[ever_rows], balance[ever_rows]
        entries[f"now_{n}_loans"] = now_loans, mob[now_rows], None
        if balance is not None:
            entries[f"now_{n}_amount"] = now_loans, mob[now_rows], balance[now_rows]
        entries[f"exit_{n}_loans"] = loans, exit_mob, None
        entries[f"censored_{n}_loans"] = loans[censored], last_mob[censored], None
    cells = panel[["cohort", *_named(by)]].iloc[starts]
    return _tabulate(cells, entries, original, last_mob, by)


def _original_amount(
    panel: pd.DataFrame, starts: NDArray[np.intp], ended_at_once: NDArray[np.bool_]
) -> NDArray[np.int64] | None:
    """What was lent to each loan; None where the panel does not tell, or tells no balance."""
    if "balance" not in panel.columns:
        return None
    if "amount" in panel.columns:
        return panel["amount"].to_numpy(np.int64)[starts]
    if "paid_amount" not in panel.columns:
        return None
    paid = panel["paid_amount"].to_numpy(np.int64)[starts]
    return panel["balance"].to_numpy(np.int64)[starts] + np.where(ended_at_once, paid, 0)


def _count_outcomes(outcomes: pd.DataFrame, by: str | None) -> pd.DataFrame:
    require_columns(
        outcomes, ["loan_id", "cohort", "amount", "event", "event_mob", *_named(by)], "outcomes"
    )
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
    original_amount: NDArray[np.int64] | None,
    last_mob: NDArray[np.int64],
    by: str | None,
) -> pd.DataFrame:
    """Table of the entries by ([by,] cohort, mob); `loans` has a row per loan."""
    month, months = pd.factorize(calendar_months(loans["cohort"]), sort=True)
    names = ["cohort", "mob"]
    part, parts = np.zeros(len(loans), np.int64), pd.Index([0])
    if by is not None:
        names = [by, *names]
        part, parts = pd.factorize(pd.Index(loans[by]), sort=True)
    # only the pairs that occur get cells, so that a `by` with many values stays small
    group, pairs = pd.factorize(part * len(months) + month, sort=True)
    longest = np.zeros(len(pairs), np.int64)
    np.maximum.at(longest, group, last_mob)
    width = int(np.max(longest, initial=0)) + 1
    first_month = np.zeros(len(loans), np.int64)
    everyone = np.arange(len(loans))
    entries = {
        **entries,
        "loans": (everyone, first_month, None),
    }
    if original_amount is not None:
        entries["amount"] = everyone, first_month, original_amount

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
        first_days(months[rows % max(len(months), 1)]),
        np.tile(np.arange(width), len(pairs))[reached],
    ]
    if by is not None:
        levels.insert(0, parts[rows // max(len(months), 1)])
    return pd.DataFrame(columns, index=pd.MultiIndex.from_arrays(levels, names=names))


def _missing_values(loans: pd.DataFrame, by: str | None, rows: Any = slice(None)) -> list[str]:
    names = ["loan_id", "cohort", *_named(by)]
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
    for name in ["cohort", *_named(by)]:
        values: Any = panel[name].array
        changed = np.asarray(values[1:] != values[:-1], dtype=bool)
        n_changed = int(changed.sum() - changed[starts[1:] - 1].sum())
        if n_changed:
            violations.append(f"{name}: changes within a loan in {n_changed:,} rows")
    if violations:
        raise DataContractError("performance", violations)


def _named(by: str | None) -> list[str]:
    return [] if by is None else [by]


def first_days(months: NDArray[np.int64]) -> pd.DatetimeIndex:
    """First day of each calendar month, as an index named cohort."""
    days = months.astype("datetime64[M]").astype("datetime64[us]")
    return pd.DatetimeIndex(days, name="cohort")


def mobs(n_months: int) -> pd.Index:
    """Months on book from 0 on, as an index named mob."""
    return pd.Index(np.arange(n_months), name="mob")

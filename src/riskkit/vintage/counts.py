"""The book counted by cohort and month on book: what every curve and hazard is made of.

Takes the performance panel or the outcomes; gives counts that add up over parts split by loan.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskkit.checks import (
    DataContractError,
    loan_starts,
    require_columns,
    whole_loans,
)
from riskkit.columns import calendar_months
from riskkit.loan_values import BOOK_COLUMNS, LoanValues
from riskkit.partitions import total
from riskkit.tables import Table

__all__ = ["Passed", "cohort_counts"]

Passed = int | Literal["loss"]
"""Days past due that are passed, or the charge-off alone."""

ENDED_STATUSES = ("prepaid", "matured")
EVENTS = ("default", "prepaid", "matured", "censored")
A_SQUARE = 100**2  # fen² in a squared unit of the currency

# A column of counts before it is tabulated: loan positions, months on book, and what is summed
# (None where the loans themselves are counted).
_Entry = tuple[NDArray[np.intp], NDArray[np.int64], NDArray[np.int64] | None]


def cohort_counts(
    book: pd.DataFrame | Table,
    *,
    dpd: Sequence[Passed] = (30, 60, 90),
    by: str | pd.Series | LoanValues | None = None,
    squares: bool = False,
) -> pd.DataFrame:
    """Table of counts by cohort and month on book, from which vintages and hazards follow.

    One pass over the rows. Counts of two parts of a portfolio that share no loan add up to the
    counts of the whole (:func:`riskkit.partitions.add_counts`). "Past n" means `dpd` > n at a
    month-end, or charged off.

    A loan first seen after month 0 (a late entrant) is in no cohort's base and on no curve: who was
    like it and ended before is not in the data. It is counted apart, at risk from the month after
    its entry on. Months left out of a loan are unseen: what it first passed there is dated at the
    first month it is seen past, if it still is.

    Parameters
    ----------
    book : DataFrame or Table
        The performance panel, sorted by loan and month, or the outcomes (it has a column
        `event`). A Table is counted block by block; a block holds whole loans.
    dpd : sequence of int, in days, or "loss"
        Thresholds n; "loss" is the charge-off whatever the days. Outcomes know one event, their
        default, and ignore this.
    by : str, Series or LoanValues, optional
        What to count apart: a column of `book`, constant within a loan, e.g. "term_months", or
        where the book has none, a named Series of its values, index loan_id, or named LoanValues.
    squares : bool
        Count what the error of a rate by amount rests on, too, where amounts are known.

    Returns
    -------
    DataFrame of shape (n_cells,), index ([by,] cohort, mob), int64 columns
        A row for each month on book that any loan of the cohort reached. From a panel, for each n,
        of the loans seen from month 0:

        - `ever_{n}_loans`, `ever_{n}_amount`: loans first past n in this month, and their balance
          at that month-end in fen;
        - `now_{n}_loans`, `now_{n}_amount`: loans past n at this month-end, and their balance;
          a charged-off loan counts as long as it has rows;
        - `exit_{n}_loans`: loans that leave the risk set in this month, by first passing n, by
          being prepaid or matured, or because their rows end; of them
        - `prepaid_{n}_loans`, and
        - `censored_{n}_loans`: those whose rows end while they are still at risk, of which
        - `vanished_{n}_loans`, `vanished_{n}_amount`: those past due in their last row.

        Of late entrants, `entrant_{n}_loans` in the month of their entry, if they are then neither
        ended nor past n, and of these `entrant_ever_{n}_loans`, `entrant_exit_{n}_loans`,
        `entrant_prepaid_{n}_loans`, `entrant_censored_{n}_loans`, `entrant_vanished_{n}_loans`.

        Whatever n, `lost_loans`: whose rows end in this month without any end, charge-off too, and
        `unseen_loans`, in a month left out; `entrants`: all late entrants, in the month of entry.

        The columns by amount are there if the panel has balances and the original amounts follow
        from it; with `squares` also `ever_{n}_square` and `ever_{n}_cross`, of the loans first past
        n the squares of their balances, and balance × original amount, and in month 0 `square`, of
        the original amounts; in units of the currency, squared, each loan's rounded down.

        From outcomes: `ever_default_loans`, `ever_default_amount` (the *original* amount: outcomes
        carry no balance), `exit_default_loans`, `prepaid_default_loans`, `censored_loans`. From
        both, in month 0 only: `loans` and `amount`, the original base. A panel's `amount` column is
        used if it has one; else the original amount is the balance at the end of month 0, plus what
        was paid if the loan ended in that month. An empty book gives an empty table.

    Raises
    ------
    DataContractError
        A missing column or value, a panel not sorted by loan and month, a block that ends within a
        loan, rows after a loan ended, a loan twice in outcomes, an unknown event.
    ValueError
        Thresholds that are repeated or negative, a `by` named as what is counted.

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
    [[0, 1, 0], [0, 100, 0], [0, 2, 1], [0, 1, 0], [0, 0, 1], [3, 0, 0], [600, 0, 0]]
    """
    thresholds: list[Passed] = [n if n == "loss" else int(n) for n in dpd]
    days = [days_of(n) for n in thresholds]
    if not days or len(set(days)) < len(days) or min(days) < 0:
        raise ValueError(f"dpd must be different thresholds in days >= 0 or 'loss', got {dpd!r}")
    if not isinstance(book, pd.DataFrame):
        own = LoanValues.of_index(by)
        count = partial(cohort_counts, dpd=thresholds, by=own, squares=squares)
        named = [by] if isinstance(by, str) else []
        return total(count, whole_loans(book), columns=[*BOOK_COLUMNS, *named])
    if isinstance(by, pd.Series | LoanValues):
        require_columns(book, ["loan_id"], "outcomes" if "event" in book.columns else "performance")
        if by.name in BOOK_COLUMNS:
            raise ValueError(f"by must not be named as a column that is counted, {by.name!r}")
        ids = book["loan_id"]
        values = by.of(ids) if isinstance(by, LoanValues) else ids.map(by)
        book, by = book.assign(**{str(by.name): values}), str(by.name)
    if "event" in book.columns:
        return _count_outcomes(book, by, squares)
    return _count_panel(book, thresholds, by, squares)


def days_of(n: Passed) -> float:
    """Days past due that a threshold is passed by; no number of them is a loss."""
    return math.inf if n == "loss" else n


def _count_panel(
    panel: pd.DataFrame, thresholds: list[Passed], by: str | None, squares: bool
) -> pd.DataFrame:
    require_columns(
        panel, ["loan_id", "cohort", "mob", "dpd", "status", *_named(by)], "performance"
    )
    starts = loan_starts(panel)
    ends = np.append(starts[1:], len(panel))[: len(starts)] - 1
    mob = panel["mob"].to_numpy(np.int64)
    days = panel["dpd"].to_numpy()
    status = panel["status"]
    charged_off = (status == "charged_off").to_numpy(dtype=bool)
    prepaid_rows = (status == ENDED_STATUSES[0]).to_numpy(dtype=bool)
    ended_rows = prepaid_rows | (status == ENDED_STATUSES[1]).to_numpy(dtype=bool)
    ended = ended_rows[ends]
    _check_loans(panel, starts, ends, int(ended_rows.sum() - ended.sum()), by)

    original = _original_amount(panel, starts, ended & (starts == ends))
    loans = _Loans(
        entry_mob=mob[starts],
        last_mob=mob[ends],
        ended=ended,
        prepaid=prepaid_rows[ends],
        late_at_last=(days[ends] > 0) & ~ended,
        ended_at_entry=ended & (starts == ends),
        last_balance=None if original is None else panel["balance"].to_numpy(np.int64)[ends],
    )
    # everything below touches only the few rows past the lowest threshold
    rows = np.flatnonzero((days > min(days_of(n) for n in thresholds)) | charged_off)
    past = _PastRows(
        loan=np.searchsorted(starts, rows, side="right") - 1,
        mob=mob[rows],
        days=np.where(charged_off[rows], math.inf, days[rows]),
        balance=None if original is None else panel["balance"].to_numpy(np.int64)[rows],
    )
    entries = _unseen_entries(loans, starts, mob, charged_off[ends])
    for n in thresholds:
        entries |= _entries_past(n, loans, past)
        if squares and original is not None:
            entries |= _squares(str(n), entries[f"ever_{n}_amount"], original)
    if squares and original is not None:
        entries["square"] = _of(loans.entry_mob == 0, 0 * loans.last_mob, _square(original))
    cells = panel[["cohort", *_named(by)]].iloc[starts]
    return _tabulate(cells, entries, original, loans.last_mob, by, loans.entry_mob == 0)


@dataclass(frozen=True, kw_only=True)
class _Loans:
    """What is known of each loan whatever the threshold."""

    entry_mob: NDArray[np.int64]
    last_mob: NDArray[np.int64]
    ended: NDArray[np.bool_]
    prepaid: NDArray[np.bool_]
    late_at_last: NDArray[np.bool_]
    ended_at_entry: NDArray[np.bool_]
    last_balance: NDArray[np.int64] | None


@dataclass(frozen=True, kw_only=True)
class _PastRows:
    """The rows past the lowest threshold; a charged-off one is past any."""

    loan: NDArray[np.intp]
    mob: NDArray[np.int64]
    days: NDArray[np.float64]
    balance: NDArray[np.int64] | None


def _entries_past(n: Passed, loans: _Loans, past: _PastRows) -> dict[str, _Entry]:
    """Entries of one threshold: curves of loans seen from month 0, risk sets of both kinds."""
    # a charged-off row is past any number of days, and an infinite one is charged off
    of_n = (
        np.flatnonzero(past.days > days_of(n))
        if n != "loss"
        else np.flatnonzero(np.isinf(past.days))
    )
    loan, month = past.loan[of_n], past.mob[of_n]
    first = np.ones(len(loan), dtype=bool)
    first[1:] = loan[1:] != loan[:-1]
    from_start = loans.entry_mob[loan] == 0
    ever, now = first & from_start, from_start
    exit_mob = loans.last_mob.copy()
    exit_mob[loan[first]] = month[first]
    passed = np.zeros(len(exit_mob), dtype=bool)
    passed[loan[first]] = True
    base = loans.entry_mob == 0
    # an entrant that is past n or has ended when first seen was never seen at risk
    entrant = ~base & ~loans.ended_at_entry & ~(passed & (exit_mob == loans.entry_mob))
    entries: dict[str, _Entry] = {
        f"ever_{n}_loans": (loan[ever], month[ever], None),
        f"now_{n}_loans": (loan[now], month[now], None),
        f"entrant_{n}_loans": _of(entrant, loans.entry_mob),
        f"entrant_ever_{n}_loans": _of(entrant & passed, exit_mob),
    }
    if past.balance is not None:
        balance = past.balance[of_n]
        entries[f"ever_{n}_amount"] = loan[ever], month[ever], balance[ever]
        entries[f"now_{n}_amount"] = loan[now], month[now], balance[now]
    for kind, members in (("", base), ("entrant_", entrant)):
        censored = members & ~loans.ended & ~passed
        vanished = censored & loans.late_at_last
        entries[f"{kind}exit_{n}_loans"] = _of(members, exit_mob)
        entries[f"{kind}prepaid_{n}_loans"] = _of(members & loans.prepaid & ~passed, exit_mob)
        entries[f"{kind}censored_{n}_loans"] = _of(censored, exit_mob)
        entries[f"{kind}vanished_{n}_loans"] = _of(vanished, exit_mob)
        if not kind and loans.last_balance is not None:
            entries[f"vanished_{n}_amount"] = _of(vanished, exit_mob, loans.last_balance)
    return entries


def _squares(event: str, ever: _Entry, original: NDArray[np.int64]) -> dict[str, _Entry]:
    """Entries that the error of a rate by amount rests on."""
    loan, mob, balance = ever
    assert balance is not None
    cross = balance * original[loan] // A_SQUARE
    return {
        f"ever_{event}_square": (loan, mob, _square(balance)),
        f"ever_{event}_cross": (loan, mob, cross),
    }


def _square(amount: NDArray[np.int64]) -> NDArray[np.int64]:
    """Squares in units of the currency: of fen, those of a large book would not fit 64 bits."""
    return amount**2 // A_SQUARE


def _of(
    members: NDArray[np.bool_], mob: NDArray[np.int64], amount: NDArray[np.int64] | None = None
) -> _Entry:
    loan = np.flatnonzero(members)
    return loan, mob[loan], None if amount is None else amount[loan]


def _unseen_entries(
    loans: _Loans,
    starts: NDArray[np.intp],
    mob: NDArray[np.int64],
    charged_off_at_last: NDArray[np.bool_],
) -> dict[str, _Entry]:
    """Entries of late entrants, of loans lost, and of the months left out of a loan."""
    base = loans.entry_mob == 0
    step = np.diff(mob)
    step[starts[1:] - 1] = 1
    after_gap = np.flatnonzero(step > 1) + 1
    loan = np.searchsorted(starts, after_gap, side="right") - 1
    after_gap, loan = after_gap[base[loan]], loan[base[loan]]
    missing = mob[after_gap] - mob[after_gap - 1] - 1
    # 1, 2, ... in each gap
    place = np.arange(missing.sum()) - np.repeat(missing.cumsum() - missing, missing) + 1
    unseen_mob = np.repeat(mob[after_gap - 1], missing) + place
    return {
        "entrants": _of(~base, loans.entry_mob),
        "lost_loans": _of(base & ~loans.ended & ~charged_off_at_last, loans.last_mob),
        "unseen_loans": (np.repeat(loan, missing), unseen_mob, None),
    }


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


def _count_outcomes(outcomes: pd.DataFrame, by: str | None, squares: bool) -> pd.DataFrame:
    require_columns(
        outcomes, ["loan_id", "cohort", "amount", "event", "event_mob", *_named(by)], "outcomes"
    )
    violations = _missing_values(outcomes, by, also=("amount", "event", "event_mob"))
    if violations:
        raise DataContractError("outcomes", violations)
    event = outcomes["event"]
    mob = outcomes["event_mob"].to_numpy(np.int64)
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
        "prepaid_default_loans": _of((event == "prepaid").to_numpy(dtype=bool), mob),
        "censored_loans": (censored, mob[censored], None),
    }
    if squares:
        entries |= _squares("default", entries["ever_default_amount"], amount)
        entries["square"] = loans, 0 * mob, _square(amount)
    return _tabulate(outcomes, entries, amount, mob, by, np.ones(len(outcomes), dtype=bool))


def _tabulate(
    loans: pd.DataFrame,
    entries: dict[str, _Entry],
    original_amount: NDArray[np.int64] | None,
    last_mob: NDArray[np.int64],
    by: str | None,
    base: NDArray[np.bool_],
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
    entries = {**entries, "loans": _of(base, first_month)}
    if original_amount is not None:
        entries["amount"] = _of(base, first_month, original_amount)

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


def _missing_values(
    loans: pd.DataFrame, by: str | None, rows: Any = slice(None), also: Sequence[str] = ()
) -> list[str]:
    names = ["loan_id", "cohort", *_named(by), *also]
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

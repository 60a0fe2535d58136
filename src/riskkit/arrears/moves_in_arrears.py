"""The arrears of every loan-month as one state, and moves between states counted by age.

Table in: the performance panel. Tables out: moves by kind of loan, band, age, state and calendar
month, and the same moves by the state in which the loan was found earlier (a *landmark*). Both add
up over parts of the portfolio split by loan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd

from riskkit.checks import Array, DataContractError, loan_starts, require_columns, whole_loans
from riskkit.columns import calendar_months
from riskkit.loan_values import LoanValues
from riskkit.migration import bucket, bucket_reading
from riskkit.partitions import total
from riskkit.tables import Table

__all__ = [
    "DEFAULT",
    "DEFAULT_DPD",
    "ENDED",
    "N_STATES",
    "TO_COLUMNS",
    "Months",
    "Reading",
    "landmark_moves",
    "loan_months",
    "monthly_moves",
    "panel_amounts",
    "rows_later",
    "rows_until",
]

# more than 90 days past due is a default, which a loan reaches with so many months in arrears
DEFAULT_DPD = 90
N_STATES = DEFAULT_DPD // 30 + 1  # current, M1, M2, M3
DEFAULT, ENDED = N_STATES, N_STATES + 1  # absorbing
TO_COLUMNS = [*(f"to_{state}" for state in range(N_STATES)), "to_default", "to_ended"]
_N_TO = len(TO_COLUMNS)
Reading = Literal["months", "days"]
_NEEDED = ("loan_id", "cohort", "mob", "month_end", "dpd", "status")


@dataclass(frozen=True)
class Months:
    """A panel as arrays, one entry a row unless said otherwise.

    Parameters
    ----------
    starts : int array of shape (n_loans,)
        First row of each loan.
    loan : int array
        Position of the row's loan.
    mob, month : int arrays
        Month on book, and calendar month since January 1970.
    state : int8 array
        Months in arrears 0..3 of a loan that has not been in default, DEFAULT from the first
        month-end more than 90 days past due or charged off on, ENDED where paid off or matured.
    first_default : int array of shape (n_loans,)
        Row of the first default, -1 where there is none.
    """

    starts: Array
    loan: Array
    mob: Array
    month: Array
    state: Array
    first_default: Array


def loan_months(performance: pd.DataFrame, *, by: Reading | None = None) -> Months:
    """States of a panel sorted by loan and month; see :class:`Months`.

    Parameters
    ----------
    performance : DataFrame
        loan_id, cohort, mob, month_end, dpd, status.
    by : {"months", "days"}, optional
        How buckets are read, see :func:`riskkit.migration.bucket`.

    Raises
    ------
    DataContractError
        A missing column, or a panel that is not sorted by loan and month.

    Source
    ------
    riskkit definition; 90 days: IFRS 9, B5.5.37.
    """
    require_columns(performance, _NEEDED, "performance")
    starts = loan_starts(performance)
    n = len(performance)
    loan = np.zeros(n, dtype=np.int64)
    loan[starts[1:]] = 1
    loan = np.cumsum(loan)
    (dpd,) = panel_amounts(performance, ["dpd"])
    status = performance["status"]
    reading = by or bucket_reading(performance)
    arrears = bucket(dpd, performance["month_end"].to_numpy(), by=reading)
    bad = (dpd > DEFAULT_DPD) | (status == "charged_off").to_numpy(dtype=bool)
    ended = status.isin(["prepaid", "matured"]).to_numpy(dtype=bool)
    first_default = np.full(len(starts), -1)
    rows = np.flatnonzero(bad)[::-1]
    first_default[loan[rows]] = rows  # the earliest is written last
    since = (first_default[loan] >= 0) & (np.arange(n) >= first_default[loan])
    state = np.minimum(arrears, N_STATES - 1)
    state = np.where(since, DEFAULT, np.where(ended, ENDED, state)).astype(np.int8)
    return Months(
        starts=starts,
        loan=loan,
        mob=performance["mob"].to_numpy(np.int64),
        month=calendar_months(performance["month_end"]),
        state=state,
        first_default=first_default,
    )


def panel_amounts(performance: pd.DataFrame, names: Sequence[str]) -> list[Array]:
    """Columns of a panel as int64 arrays, of amounts in fen or of days.

    Raises
    ------
    DataContractError
        A missing column, or a value that is missing, infinite or below 0: each with its rows.
    """
    require_columns(performance, names, "performance")
    faults, arrays = [], []
    for name in names:
        values = performance[name].to_numpy()
        if values.dtype.kind not in "iu":
            values = performance[name].to_numpy(float, na_value=np.nan)
        wrong = np.flatnonzero(~((values >= 0) & (values < np.inf)))
        if len(wrong):
            example = f"for example {values[wrong[0]]:g} in row {wrong[0] + 1}"
            faults.append(f"{name}: {len(wrong):,} rows are not numbers of 0 or more, {example}")
            continue
        arrays.append(performance[name].to_numpy(np.int64))
    if faults:
        raise DataContractError("performance", faults)
    return arrays


def rows_later(months: Months, rows: Array, lag: int) -> Array:
    """Row of the same loan so many months after each row, -1 where the loan was not seen then.

    Parameters
    ----------
    months : Months
    rows : int array
    lag : int
        Months on book, not rows; negative for months before.

    Returns
    -------
    int array, the shape of `rows`
    """
    last = len(months.mob) - 1
    found = np.clip(rows + lag, 0, last)
    wanted = months.mob[rows] + lag
    hit = (months.loan[found] == months.loan[rows]) & (months.mob[found] == wanted)
    result = np.where(hit, found, -1)
    # as many rows on is as many months on, but for loans with months left out
    ends = np.append(months.starts[1:], last + 1) - 1
    has_gaps = months.mob[ends] - months.mob[months.starts] > ends - months.starts
    look = np.flatnonzero(has_gaps[months.loan[rows]] & ~hit)
    if len(look):
        width = int(months.mob.max()) + 1
        # of two loans the keys never meet: months outside of a loan's own are not looked up
        look = look[(wanted[look] >= 0) & (wanted[look] < width)]
        keys = months.loan * width + months.mob
        asked = months.loan[rows[look]] * width + wanted[look]
        at = np.minimum(np.searchsorted(keys, asked), last)
        result[look] = np.where(keys[at] == asked, at, -1)
    return result


def monthly_moves(
    performance: pd.DataFrame | Table,
    kinds: pd.DataFrame | LoanValues | None = None,
    *,
    by: Reading | None = None,
    as_of: pd.Timestamp | None = None,
) -> pd.DataFrame:
    """Moves of loans not yet in default from one month-end to the next, by age and month.

    Counts of two parts of a portfolio that share no loan add up to those of the whole. Only rows
    of one loan a month apart are a move: what happened in months that were not seen is none. A
    default in one of them is dated where it shows.

    Parameters
    ----------
    performance : DataFrame or Table
        The panel, sorted by loan and month. A Table is counted block by block.
    kinds : DataFrame, index loan_id, or LoanValues, optional
        `kind`, such as the term, and `band`, such as a band of the score, as text; a loan that it
        does not know has the kind and band "".
    by : {"months", "days"}, optional
        As in :func:`riskkit.migration.transition_counts`.
    as_of : Timestamp, optional
        A month-end; rows after it are not read.

    Returns
    -------
    DataFrame, index (kind, band, mob, state, month), int64
        `to_0` .. `to_3`, `to_default`, `to_ended`: loans found so a month later. `mob` and `state`
        (months in arrears, 3 at most) are those moved from, `month` is the calendar month moved
        in, counted since January 1970. Cells never seen have no row.

    Raises
    ------
    DataContractError
        As :func:`loan_months`, or a block of a Table that ends within a loan.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> panel = pd.DataFrame({
    ...     "loan_id": "a", "cohort": pd.Timestamp("2024-01-01"), "mob": [0, 1, 2],
    ...     "month_end": pd.to_datetime(["2024-01-31", "2024-02-29", "2024-03-31"]),
    ...     "dpd": [0, 9, 40], "status": ["current", "delinquent", "delinquent"]})
    >>> monthly_moves(panel)[["to_1", "to_2"]].to_numpy().tolist()
    [[1, 0], [0, 1]]
    """
    if not isinstance(performance, pd.DataFrame):
        by = by or bucket_reading(performance)
        count = partial(monthly_moves, kinds=kinds, by=by, as_of=as_of)
        return total(count, whole_loans(performance), columns=_NEEDED)
    performance = rows_until(performance, as_of)
    months = loan_months(performance, by=by)
    rows = _moved_from(months)
    kind, band = _parts(performance, months, kinds)
    levels = [
        (kind[0][months.loan[rows]], kind[1], "kind"),
        (band[0][months.loan[rows]], band[1], "band"),
        (months.mob[rows], None, "mob"),
        (months.state[rows].astype(np.int64), None, "state"),
        (months.month[rows + 1], None, "month"),
    ]
    return _table(levels, months.state[rows + 1])


def landmark_moves(
    performance: pd.DataFrame | Table,
    kinds: pd.DataFrame | LoanValues | None = None,
    *,
    by: Reading | None = None,
    as_of: pd.Timestamp | None = None,
) -> pd.DataFrame:
    """The moves of :func:`monthly_moves` by where the loan was found at each earlier month-end.

    A move is counted once for every month-end before it at which its loan was seen, so that what a
    loan found in arrears at some age does later is read off loans that were found so, not off all
    that are where it gets.

    Parameters
    ----------
    performance, kinds, by, as_of
        As in :func:`monthly_moves`; bands are not told apart.

    Returns
    -------
    DataFrame, index (kind, found_mob, found_state, mob, state), int64
        Columns as in :func:`monthly_moves`; `mob` > `found_mob`, since the first move from a
        landmark is that of its own state.

    Source
    ------
    Putter, Spitoni (2018), Statistical Methods in Medical Research 27(7): the landmark
    Aalen–Johansen estimator.
    """
    if not isinstance(performance, pd.DataFrame):
        by = by or bucket_reading(performance)
        count = partial(landmark_moves, kinds=kinds, by=by, as_of=as_of)
        return total(count, whole_loans(performance), columns=_NEEDED)
    performance = rows_until(performance, as_of)
    months = loan_months(performance, by=by)
    rows = _moved_from(months)
    (codes, names), _ = _parts(performance, months, kinds)
    longest = int(np.max(months.mob, initial=0)) + 1
    state = months.state.astype(np.int64)
    shape = (max(len(names), 1), longest, N_STATES, longest, N_STATES, _N_TO)
    cells = np.zeros(int(np.prod(shape)), dtype=np.int64)
    for lag in range(1, longest):
        rows = rows[months.mob[rows] >= lag]
        if not len(rows):
            break
        found = rows_later(months, rows, -lag)
        moved, found = rows[found >= 0], found[found >= 0]
        at = (
            codes[months.loan[moved]], months.mob[found], state[found],
            months.mob[moved], state[moved], state[moved + 1],
        )  # fmt: skip
        cells += np.bincount(np.ravel_multi_index(at, shape), minlength=len(cells))
    table = cells.reshape(-1, _N_TO)
    seen = np.flatnonzero(table.any(axis=1))
    places = np.unravel_index(seen, shape[:-1])
    index = pd.MultiIndex.from_arrays(
        [names.take(places[0]) if len(names) else [], *places[1:]],
        names=["kind", "found_mob", "found_state", "mob", "state"],
    )
    return pd.DataFrame(table[seen], index=index, columns=TO_COLUMNS)


def rows_until(performance: pd.DataFrame, as_of: pd.Timestamp | None) -> pd.DataFrame:
    """Rows of a panel up to a month-end; all of them where there is none."""
    return performance if as_of is None else performance[performance["month_end"] <= as_of]


def _moved_from(months: Months) -> Array:
    """Rows of a loan not yet in default or ended that its row of the next month follows."""
    there = np.flatnonzero(months.state < DEFAULT)
    there = there[there < len(months.state) - 1]
    follows = months.loan[there + 1] == months.loan[there]
    return there[follows & (months.mob[there + 1] - months.mob[there] == 1)]


def _parts(
    performance: pd.DataFrame, months: Months, kinds: pd.DataFrame | LoanValues | None
) -> list[tuple[Array, pd.Index]]:
    """Code of each loan's kind and band, and their names."""
    ids = performance["loan_id"].iloc[months.starts]
    found = []
    looked_up = kinds.of(ids) if isinstance(kinds, LoanValues) else None
    for name in ("kind", "band"):
        if looked_up is not None:
            values = looked_up[name].astype("str").fillna("")
        elif not isinstance(kinds, pd.DataFrame) or name not in kinds:
            values = pd.Series("", index=ids)
        else:
            values = ids.map(kinds[name].astype("str")).fillna("")
        found.append(pd.factorize(pd.Index(values.astype(object)), sort=True))
    return found


def _table(levels: list[tuple[Array, pd.Index | None, str]], to: Array) -> pd.DataFrame:
    """Counts by the levels that occur together, a column for each state moved to."""
    lows = [int(np.min(codes, initial=0)) for codes, _, _ in levels]
    sizes = [
        int(np.max(codes, initial=low)) - low + 1
        for (codes, _, _), low in zip(levels, lows, strict=True)
    ]
    shifted = [codes - low for (codes, _, _), low in zip(levels, lows, strict=True)]
    key = np.ravel_multi_index(shifted, sizes) if len(to) else np.zeros(0, np.int64)
    place, keys = pd.factorize(key, sort=True)
    cells = np.bincount(place * _N_TO + to, minlength=len(keys) * _N_TO).reshape(-1, _N_TO)
    codes = np.unravel_index(keys.astype(np.int64), sizes)
    arrays = [
        at + low if names is None else names.take(at)
        for at, low, (_, names, _) in zip(codes, lows, levels, strict=True)
    ]
    index = pd.MultiIndex.from_arrays(arrays, names=[name for _, _, name in levels])
    return pd.DataFrame(cells.astype(np.int64), index=index, columns=TO_COLUMNS)

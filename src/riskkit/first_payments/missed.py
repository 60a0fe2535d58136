"""Who misses the first instalments: counts by day, and the rates of any weeks or months.

Takes the contract's table of instalments; gives counts that add up over parts split by loan, and
from them FPD, SPD, TPD and 4PD.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskkit.checks import check_level, whole_loans
from riskkit.first_payments.dues import DUE_COLUMNS, Dues, read_dues
from riskkit.loan_values import LoanValues
from riskkit.metrics import jeffreys_interval
from riskkit.partitions import total
from riskkit.tables import Table

__all__ = [
    "KEYS",
    "day_level",
    "label_of",
    "parts_of",
    "payment_default_counts",
    "payment_default_rates",
    "starts_of",
]

NUMBERS = (1, 2, 3, 4)
DAYS = (1, 7, 15, 30)
SHORT = {1: "FPD", 2: "SPD", 3: "TPD"}
BY_DAY = ("due_date", "disbursed")
KEYS = [*BY_DAY, "number", "days"]
COUNTS = ["loans", "missed", "traced_loans", "first_missed", "young_loans"]


def label_of(number: int, days: int) -> str:
    """Name of a default on an instalment.

    Examples
    --------
    >>> label_of(1, 7), label_of(4, 30)
    ('FPD7', '4PD30')
    """
    return f"{SHORT.get(number, f'{number}PD')}{days}"


def payment_default_counts(
    instalments: pd.DataFrame | Table,
    observed_to: pd.Timestamp | str,
    *,
    numbers: Sequence[int] = NUMBERS,
    days: Sequence[int] = DAYS,
    disbursed: pd.Series | None = None,
    parts: pd.DataFrame | pd.Series | LoanValues | None = None,
) -> pd.DataFrame:
    """Loans whose instalment went more than so many days past due, by day.

    Only loans whose instalment is more than n days old at the day of observation are counted, each
    by its own age. A loan that settled early has paid: it stays as good, from the day on which the
    instalment would have been old enough. One without a row for the instalment, because it is not
    due yet, was charged off before or has a shorter term, is not counted. Counts of two parts of a
    portfolio that share no loan add up to those of the whole.

    Parameters
    ----------
    instalments : DataFrame or Table
        Of the contract, sorted by loan and number. A Table is counted block by block.
    observed_to : date
        The day up to which payments were seen; what was paid after it is not paid yet.
    numbers : sequence of int
        Which instalments: 1 is FPD, 2 SPD, 3 TPD, 4 4PD.
    days : sequence of int
        Thresholds n.
    disbursed : Series, optional
        Index loan_id, dates: loans are counted by the day of disbursal, else by the day on which
        the instalment fell due. A loan without a date is not counted.
    parts : DataFrame, Series or LoanValues, optional
        Index loan_id, named: what to count apart, such as the channel. Missing is a value.

    Returns
    -------
    DataFrame, index ([parts ...,] due_date or disbursed, number, days), int64
        `loans`; `missed`, whose instalment was not wholly paid within `days` days of its due date;
        `traced_loans`, whose earlier instalments are all in the table; `first_missed`, of those the
        loans that missed this instalment and none before it by so many days; `young_loans`, whose
        instalment is in the table but not old enough, and which are in none of the others. Only
        what occurs; no instalments give no rows.

    Raises
    ------
    DataContractError
        As :func:`payment_reading`.
    ValueError
        No or repeated numbers or days, a number below 1, days below 0, a date or part given twice
        for a loan.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> instalments = pd.DataFrame({
    ...     "loan_id": ["a", "a", "b"], "number": [1, 2, 1], "due_amount": 100,
    ...     "due_date": pd.to_datetime(["2024-01-05", "2024-02-05", "2024-01-05"]),
    ...     "paid_date": pd.to_datetime(["2024-01-20", None, "2024-01-05"])})
    >>> payment_default_counts(instalments, "2024-03-31", numbers=[1, 2], days=[7])
    ... # doctest: +NORMALIZE_WHITESPACE
                            loans  missed  traced_loans  first_missed  young_loans
    due_date   number days
    2024-01-05 1      7         2       1             2             1            0
    2024-02-05 2      7         1       1             1             0            0
    """
    for name, values, least in (("numbers", numbers, 1), ("days", days, 0)):
        if not len(values) or len(set(values)) < len(values) or min(values) < least:
            raise ValueError(f"{name} must be different ones of at least {least}, got {values!r}")
    kinds = parts if isinstance(parts, LoanValues) else _kinds(parts)
    if disbursed is not None and not disbursed.index.is_unique:
        raise ValueError("disbursed has more than one date for a loan")
    if not isinstance(instalments, pd.DataFrame):
        count = partial(
            payment_default_counts,
            observed_to=observed_to,
            numbers=tuple(numbers),
            days=tuple(days),
            disbursed=disbursed,
            parts=LoanValues.of_index(kinds),
        )
        return total(count, whole_loans(instalments), columns=DUE_COLUMNS)
    dues = read_dues(instalments, observed_to)
    late, age, due = _by_number(dues, max(numbers))
    start, by_day = None, BY_DAY[disbursed is not None]
    if disbursed is not None:
        start = disbursed.reindex(pd.Index(dues.loan_ids)).to_numpy("M8[D]")
    loan_ids = pd.Series(dues.loan_ids)
    if isinstance(kinds, LoanValues):
        of_loan = pd.DataFrame(kinds.of(loan_ids))
    else:
        of_loan = kinds.reindex(pd.Index(loan_ids)).reset_index(drop=True)
    part, part_rows = _combinations(of_loan)
    tables = []
    for number in numbers:
        day = due[:, number - 1] if start is None else start
        # by due date, what is still to come is of no day that was seen
        known = ~np.isnat(due[:, number - 1]) & ~np.isnat(day)
        known = np.flatnonzero(known if start is not None else known & (age[:, number - 1] >= 0))
        day_code, all_days = pd.factorize(day[known], sort=True)
        cell, cells = pd.factorize(part[known] * len(all_days) + day_code, sort=True)
        index = part_rows.iloc[cells // max(len(all_days), 1)].reset_index(drop=True)
        index = index.assign(**{by_day: all_days[cells % max(len(all_days), 1)]}, number=number)
        traced = ~np.isnat(due[known, : number - 1]).any(axis=1)
        for n in days:
            old = age[known, number - 1] > n
            missed = old & (late[known, number - 1] > n)
            first = missed & traced & ~(late[known, : number - 1] > n).any(axis=1)
            flags = dict(zip(COUNTS, (old, missed, old & traced, first, ~old), strict=True))
            sums = {
                name: np.bincount(cell[flag], minlength=len(cells)) for name, flag in flags.items()
            }
            tables.append(index.assign(days=n, **sums))
    found = pd.concat(tables, ignore_index=True)
    found[by_day] = found[by_day].astype("datetime64[us]")
    found = found.set_index([*kinds.columns, by_day, "number", "days"])[COUNTS].astype(np.int64)
    return found.sort_index()


def _combinations(of_loan: pd.DataFrame) -> tuple[NDArray[np.int64], pd.DataFrame]:
    """Which combination of parts each loan has, and the combinations."""
    if not len(of_loan.columns):
        return np.zeros(len(of_loan), np.int64), pd.DataFrame(index=range(1))
    groups = of_loan.groupby(list(of_loan.columns), dropna=False, observed=True)
    codes = groups.ngroup().to_numpy(np.int64)
    rows = of_loan.assign(_code=codes).drop_duplicates("_code").sort_values("_code")
    return codes, rows.drop(columns="_code").reset_index(drop=True)


def _by_number(
    dues: Dues, last: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.datetime64]]:
    """Days late, age and due date by loan and number; without a due date where there is no row."""
    rows = np.flatnonzero(dues.number <= last)
    at = dues.loan[rows], dues.number[rows] - 1
    shape = len(dues.starts), last
    late, age = np.zeros((2, *shape), np.int64)
    due = np.full(shape, np.datetime64("NaT", "D"))
    late[at], age[at], due[at] = dues.days_late[rows], dues.age[rows], dues.due[rows]
    return late, age, due


def _kinds(parts: pd.DataFrame | pd.Series | None) -> pd.DataFrame:
    """What loans are counted apart by, in columns."""
    if parts is None:
        return pd.DataFrame()
    kinds = parts.to_frame() if isinstance(parts, pd.Series) else parts
    if not kinds.index.is_unique:
        raise ValueError("parts have more than one row for a loan")
    if clash := sorted(set(kinds.columns) & {*KEYS, *COUNTS, "_code"}):
        raise ValueError(f"parts must not be named {', '.join(clash)}")
    return kinds


def day_level(counts: pd.DataFrame) -> str:
    """Level of the days that counts are by."""
    return next(name for name in BY_DAY if name in counts.index.names)


def parts_of(counts: pd.DataFrame, names: Sequence[str]) -> None:
    """Refuse levels that are none of the parts counted.

    Raises
    ------
    ValueError
        Names them, and those that there are.
    """
    parts = [name for name in counts.index.names if name not in KEYS]
    if absent := [name for name in names if name not in parts]:
        raise ValueError(f"counts are not by {', '.join(absent)}, but by {parts!r}")


def starts_of(days: pd.Index, freq: str) -> pd.DatetimeIndex:
    """First day of the week (Monday), month or day that each day lies in."""
    if freq not in ("D", "W", "M"):
        raise ValueError(f"freq must be 'D', 'W' or 'M', got {freq!r}")
    return pd.DatetimeIndex(days).to_period(freq).start_time.astype("datetime64[us]")


def payment_default_rates(
    counts: pd.DataFrame,
    *,
    freq: Literal["D", "W", "M"] = "M",
    by: str | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """FPD, SPD, TPD and 4PD by week or month, and by one part where wanted.

    Parameters
    ----------
    counts : DataFrame
        Of :func:`payment_default_counts`, or a sum of such.
    freq : {"D", "W", "M"}
        Days, weeks from Monday on, or months, named by their first day.
    by : str, optional
        A level of the parts counted; all others are summed over.
    level : float
        Confidence of the Jeffreys intervals, in (0, 1).

    Returns
    -------
    DataFrame, index ([by,] period, number, days)
        `loans`, `missed`, `missed_rate` with `missed_low`, `missed_high`; `traced_loans`,
        `first_missed`, `first_rate` with `first_low`, `first_high`. The first instalment's two
        rates are one. NaN where no loan is traced.

    Raises
    ------
    ValueError
        An unknown `freq` or `by`, or `level` outside (0, 1).

    Source
    ------
    riskkit definition; Brown, Cai, DasGupta (2001), Statistical Science 16(2), for the interval.

    Examples
    --------
    >>> counts = pd.DataFrame(
    ...     {"loans": [60, 40], "missed": [1, 4], "traced_loans": [60, 40], "first_missed": [1, 4],
    ...      "young_loans": 0},
    ...     index=pd.MultiIndex.from_product(
    ...         [pd.to_datetime(["2024-01-05", "2024-01-09"]), [1], [7]],
    ...         names=["due_date", "number", "days"]))
    >>> payment_default_rates(counts)["missed_rate"].to_dict()
    {(Timestamp('2024-01-01 00:00:00'), 1, 7): 0.05}
    """
    check_level(level)
    levels = counts.index.get_level_values
    if by is not None:
        parts_of(counts, [by])
    period = pd.Index(starts_of(levels(day_level(counts)), freq), name="period")
    keys = [period, levels("number"), levels("days")]
    if by is not None:
        keys.insert(0, levels(by))
    table = counts[COUNTS].groupby(keys, dropna=False).sum()
    for name, part, whole in (
        ("missed", "missed", "loans"),
        ("first", "first_missed", "traced_loans"),
    ):
        bad, n = (table[column].to_numpy(dtype=float) for column in (part, whole))
        low, high = jeffreys_interval(bad, n, level)
        at = table.columns.get_loc(part) + 1
        rate = np.divide(bad, n, out=np.full(len(n), np.nan), where=n > 0)
        for place, (ending, values) in enumerate((("rate", rate), ("low", low), ("high", high))):
            table.insert(at + place, f"{name}_{ending}", np.where(n > 0, values, np.nan))
    return table

"""How much of what falls due comes in, and how much of it enters collection.

Takes the contract's table of instalments; gives counts by due day, which add up over parts split by
loan, and from them both rates by day, week or month.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskkit.checks import check_level, whole_loans
from riskkit.columns import interval_text
from riskkit.first_payments.dues import READ, UNPAID, Dues, read_dues
from riskkit.first_payments.missed import starts_of
from riskkit.first_payments.newest import check_weeks, weekly_signals
from riskkit.metrics import jeffreys_interval
from riskkit.partitions import total
from riskkit.tables import Table

__all__ = ["collection_counts", "collection_table", "collection_text", "collection_weeks"]

DAYS = (0, 1, 3, 7, 30)
MEASURES = ("loans", "amount")
ENTERED = "due and unpaid at the day's end"


def collection_counts(
    instalments: pd.DataFrame | Table,
    observed_to: pd.Timestamp | str,
    *,
    days: Sequence[int] = DAYS,
) -> pd.DataFrame:
    """What fell due on each day, and what of it was paid within so many days.

    Counts of two parts of a portfolio that share no loan add up to those of the whole. An
    instalment of 0 does not fall due.

    Parameters
    ----------
    instalments : DataFrame or Table
        Of the contract, sorted by loan and number. A Table is counted block by block.
    observed_to : date
        The day up to which payments were seen; what was paid after it is not paid yet.
    days : sequence of int
        Days after the due day; 0, the due day itself, must be among them.

    Returns
    -------
    DataFrame, index due_date, int64
        A row for each day on which anything fell due, up to `observed_to`, and columns in pairs,
        `_loans` and `_amount` (fen): `due`; `settled`, of it paid before the day; `paid_{n}`, paid
        by the end of the n-th day after, what was settled included; `fresh`, due of loans that owed
        nothing from before when the day began, and `fresh_unpaid`, of it not paid by its end. By
        loans, an instalment is paid once all of it is; by amount, a part counts from the day of the
        last payment on. A loan with two instalments due counts twice. No instalments, no rows.

    Raises
    ------
    DataContractError
        As :func:`payment_reading`.
    ValueError
        Days that are repeated, below 0, or without 0.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> instalments = pd.DataFrame({
    ...     "loan_id": ["a", "b"], "number": 1, "due_amount": 100, "paid_amount": [100, 100],
    ...     "due_date": pd.to_datetime(["2024-01-05"] * 2),
    ...     "paid_date": pd.to_datetime(["2024-01-05", "2024-01-07"])})
    >>> counts = collection_counts(instalments, "2024-01-31", days=[0, 1, 3])
    >>> counts[["due_loans", "paid_0_loans", "paid_1_loans", "paid_3_loans"]].to_numpy().tolist()
    [[2, 1, 1, 2]]
    """
    after = [int(n) for n in days]
    if 0 not in after or len(set(after)) < len(after) or min(after) < 0:
        raise ValueError(f"days must be different ones of at least 0, with 0, got {days!r}")
    if not isinstance(instalments, pd.DataFrame):
        count = partial(collection_counts, observed_to=observed_to, days=tuple(after))
        return total(count, whole_loans(instalments), columns=READ)
    dues = read_dues(instalments, observed_to)
    fresh = _owed_nothing(dues)
    rows = np.flatnonzero((dues.age >= 0) & (dues.due_amount > 0))
    day, all_days = pd.factorize(dues.due[rows], sort=True)
    due, paid = dues.due_amount[rows], np.minimum(dues.paid_amount, dues.due_amount)[rows]
    whole_late, any_late, fresh = dues.days_late[rows], dues.payment_late[rows], fresh[rows]
    everyone = np.ones(len(rows), dtype=bool)
    in_time = {n: np.where(any_late <= n, paid, 0) for n in [-1, *after]}
    columns: dict[str, tuple[NDArray[np.bool_], NDArray[np.int64]]] = {
        "due": (everyone, due),
        "settled": (whole_late < 0, in_time[-1]),
        "fresh": (fresh, np.where(fresh, due, 0)),
        "fresh_unpaid": (fresh & (whole_late > 0), np.where(fresh, due - in_time[0], 0)),
    }
    columns |= {f"paid_{n}": (whole_late <= n, in_time[n]) for n in after}
    sums: dict[str, NDArray[np.int64]] = {}
    for name, (flag, amount) in columns.items():
        sums[f"{name}_loans"] = np.bincount(day[flag], minlength=len(all_days)).astype(np.int64)
        # bincount would sum in floats, exact only to 2^53 fen
        sums[f"{name}_amount"] = np.zeros(len(all_days), np.int64)
        np.add.at(sums[f"{name}_amount"], day, amount)
    index = pd.DatetimeIndex(all_days.astype("datetime64[us]"), name="due_date")
    return pd.DataFrame(sums, index=index)


def _owed_nothing(dues: Dues) -> NDArray[np.bool_]:
    """Whether, when a row's due day began, all instalments of its loan from before were paid."""
    if not len(dues.number):
        return np.zeros(0, dtype=bool)
    day = dues.due.astype(np.int64)
    # the day each was wholly paid; far off where it was not
    far = int(day.max()) + int(max(dues.age.max(), 0)) + 2
    paid = np.where(dues.days_late == UNPAID, far, day + dues.days_late)
    lowest = int(min(paid.min(), day.min()))
    # a running maximum within each loan: every loan's days lie above those of the loan before
    step = dues.loan * (far - lowest + 1)
    latest = np.maximum.accumulate(paid - lowest + step) - step + lowest
    before = np.empty_like(latest)
    before[1:] = latest[:-1]
    before[dues.starts] = lowest - 1
    return before < day


def collection_table(
    counts: pd.DataFrame,
    observed_to: pd.Timestamp | str,
    *,
    freq: Literal["D", "W", "M"] = "M",
    measure: Literal["loans", "amount"] = "loans",
    level: float = 0.95,
) -> pd.DataFrame:
    """Shares of what fell due that entered collection (入催率), and that came in (回款率).

    Parameters
    ----------
    counts : DataFrame
        Of :func:`collection_counts`, or a sum of such.
    observed_to : date
        That they were counted for.
    freq : {"D", "W", "M"}
        By due day, week from Monday on, or month, named by its first day.
    measure : {"loans", "amount"}
    level : float
        Of the Jeffreys intervals, in (0, 1).

    Returns
    -------
    DataFrame, index period
        `due` (loans, or fen); `settled_rate`, paid before the due day; `entered_rate`, not paid by
        its end, 1 − `collected_0_rate`, and by loans `entered_low` and `entered_high`;
        `newly_entered_rate`, the same of loans that owed nothing from before, NaN without any;
        `collected_{n}_rate`, paid by the end of the n-th day after it. A cell is NaN until every
        day of its period is n days old. By amount there are no intervals: few large loans weigh.

    Raises
    ------
    ValueError
        An unknown `freq` or `measure`, or `level` outside (0, 1).

    Source
    ------
    riskkit definition; Brown, Cai, DasGupta (2001), Statistical Science 16(2), for the interval.

    Examples
    --------
    >>> counts = pd.DataFrame(
    ...     {"due_loans": [50], "settled_loans": [5], "fresh_loans": [40],
    ...      "fresh_unpaid_loans": [4], "paid_0_loans": [41], "paid_30_loans": [48]},
    ...     index=pd.DatetimeIndex(["2024-01-05"], name="due_date"))
    >>> table = collection_table(counts, "2024-02-10")
    >>> table[["entered_rate", "newly_entered_rate", "collected_30_rate"]].round(2).iloc[0].tolist()
    [0.18, 0.1, nan]
    """
    check_level(level)
    if measure not in MEASURES:
        raise ValueError(f"measure must be 'loans' or 'amount', got {measure!r}")
    ending = f"_{measure}"
    own = [name for name in counts.columns if name.endswith(ending)]
    period = pd.DatetimeIndex(starts_of(counts.index, freq), name="period")
    sums = counts[own].groupby(period).sum()
    sums.columns = [name.removesuffix(ending) for name in own]
    last = pd.DatetimeIndex(sums.index).to_period(freq).end_time.normalize()
    age = (pd.Timestamp(observed_to).normalize() - last).days
    due, fresh = (sums[name].to_numpy(dtype=float) for name in ("due", "fresh"))
    ended = age >= 0
    unpaid = due - sums["paid_0"].to_numpy(dtype=float)
    columns = {"due": sums["due"], "settled_rate": _share(sums["settled"], due, ended)}
    columns["entered_rate"] = _share(unpaid, due, ended)
    if measure == "loans":
        for name, end in zip(
            ("entered_low", "entered_high"), jeffreys_interval(unpaid, due, level), strict=True
        ):
            columns[name] = np.where(ended, end, np.nan)
    columns["newly_entered_rate"] = _share(sums["fresh_unpaid"], fresh, ended)
    for n in _days_counted(sums.columns):
        columns[f"collected_{n}_rate"] = _share(sums[f"paid_{n}"], due, age >= n)
    return pd.DataFrame(columns, index=sums.index)


def _share(part: pd.Series | NDArray, whole: NDArray, ended: NDArray) -> NDArray:
    """Part ÷ whole where all is seen, NaN elsewhere and where there is none."""
    shares = np.full(len(whole), np.nan)
    return np.divide(np.asarray(part, float), whole, out=shares, where=ended & (whole > 0))


def _days_counted(names: pd.Index) -> list[int]:
    return sorted(int(name.removeprefix("paid_")) for name in names if name.startswith("paid_"))


def collection_weeks(
    counts: pd.DataFrame,
    observed_to: pd.Timestamp | str,
    *,
    weeks: int = 4,
    earlier_weeks: int = 52,
    level: float = 0.95,
) -> pd.DataFrame:
    """The newest due weeks against the weeks before: whether less comes in.

    Parameters
    ----------
    counts : DataFrame
        Of :func:`collection_counts`.
    observed_to : date
        That they were counted for.
    weeks, earlier_weeks, level
        As for :func:`newest_table`. Only whole weeks that are old enough are compared.

    Returns
    -------
    DataFrame, index sign
        The columns of :func:`newest_table`, `loans` being what fell due: a row for what was unpaid
        at the due day's end, and one for what was unpaid after each n days.

    Raises
    ------
    ValueError
        As :func:`newest_table`.

    Source
    ------
    riskkit definition.
    """
    check_level(level)
    check_weeks(weeks, earlier_weeks)
    week = pd.DatetimeIndex(starts_of(counts.index, "W"), name="week")
    sums = counts.groupby(week).sum()
    age = (pd.Timestamp(observed_to).normalize() - sums.index).days - 6
    signs = {}
    for n in _days_counted(counts.filter(regex=r"^paid_\d+_loans$").columns.str[:-6]):
        name = ENTERED if n == 0 else f"due and unpaid {n} day{'' if n == 1 else 's'} later"
        old = sums[age >= n]
        missed = old["due_loans"] - old[f"paid_{n}_loans"]
        signs[name] = pd.DataFrame({"loans": old["due_loans"], "missed": missed})
    order = list(signs)
    table = weekly_signals(pd.concat(signs, names=["sign"]), ["sign"], weeks, earlier_weeks, level)
    return table.loc[[name for name in order if name in table.index]]


def collection_text(table: pd.DataFrame) -> str:
    """Sentences on what came in of what fell due in the last months, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`collection_table`, by loans.

    Source
    ------
    riskkit definition.
    """
    ended = table[table["entered_rate"].notna()]
    if ended.empty:
        return "No period has ended in which an instalment fell due."
    row = ended.iloc[-1]
    entered = interval_text(row["entered_rate"], row["entered_low"], row["entered_high"], "percent")
    text = (
        f"Of the {row['due']:,.0f} instalments due in the period from {row.name:%d %B %Y} on, "
        f"**{entered}** were unpaid at the end of their day and entered collection (入催率)"
    )
    if pd.notna(row["newly_entered_rate"]):
        text += f"; of loans that owed nothing from before, {row['newly_entered_rate']:.1%}"
    days = sorted(
        int(name.split("_")[1]) for name in table.columns if name.startswith("collected_")
    )
    whole = table[table[f"collected_{days[-1]}_rate"].notna()]
    if len(whole):
        last = whole.iloc[-1]
        steps = ", ".join(f"{last[f'collected_{n}_rate']:.1%} within {n}" for n in days[1:])
        text += (
            f". Of those from {last.name:%d %B %Y} on, {last['collected_0_rate']:.1%} came in on "
            f"the day or before{f', {steps} days of it' if steps else ''} (回款率)"
        )
    return f"{text}."

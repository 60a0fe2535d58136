"""Where do loans go next month: buckets, transition matrices and flow rates.

Table in: the performance panel, a row per loan and month-end. Tables out: counts of moves between
buckets (:func:`transition_counts`) and balances by bucket and month (:func:`bucket_balances`),
which both add up over parts of the portfolio split by loan; from them the transition matrix and
the flow rates.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from riskkit.partitions import total
from riskkit.schema import Table, calendar_months, loan_starts, require_columns

__all__ = [
    "bucket",
    "bucket_balances",
    "bucket_label",
    "flow_rates",
    "transition_counts",
    "transition_matrix",
]

A_DAY = np.timedelta64(1, "D")
NEEDED = ("loan_id", "mob", "month_end", "balance", "dpd", "status")
# label of each status in which a loan stays
ABSORBING = {"charged_off": "charged off", "prepaid": "prepaid", "matured": "matured"}


def bucket(dpd: ArrayLike, month_end: ArrayLike) -> NDArray[np.int64]:
    """Months past due, counted by calendar month: 0 current, 1 = M1, 2 = M2, ...

    The bucket is the number of months from the month of the first day past due
    (`month_end` − `dpd` + 1 day) to that of `month_end`, + 1. A loan that is never paid moves
    exactly one bucket a month whatever its due day. By days past due it would not: due on 1 June
    it jumps from 31–60 days over 61–90 to 91–120.

    Parameters
    ----------
    dpd : array of int, in days
        Days past due of the oldest unpaid instalment at the month-end, >= 0.
    month_end : array of datetime64, the same length, or one date
        Last days of months.

    Returns
    -------
    array of int64, the length of `dpd`
        Empty for empty input.

    Raises
    ------
    ValueError
        A `dpd` below 0; a loan past due at a date that is not the last day of a month.

    Source
    ------
    riskkit definition.

    Examples
    --------
    Due on 1 June and never paid:

    >>> month_ends = np.array(["2024-06-30", "2024-07-31", "2024-08-31"], dtype="datetime64[D]")
    >>> bucket([29, 60, 91], month_ends).tolist()
    [1, 2, 3]
    """
    days = np.asarray(dpd, dtype=np.int64)
    result = np.zeros(days.shape, np.int64)
    # most loans are current: only the others are looked at
    late = np.flatnonzero(days)
    if len(late) == 0:
        return result
    late_days = days[late]
    if np.min(late_days) < 0:
        raise ValueError(f"dpd must be >= 0, got {np.min(late_days)}")
    ends = np.broadcast_to(np.asarray(month_end), days.shape)[late].astype("datetime64[D]")
    month = ends.astype("datetime64[M]")
    not_last = (ends + A_DAY).astype("datetime64[M]") == month
    if not_last.any():
        raise ValueError(
            f"month_end must be the last day of a month, got {ends[not_last][0]} "
            f"and {int(not_last.sum()) - 1:,} more"
        )
    # From the first day past due, not from the due date: a loan due on the last day of a month
    # is not past due on it, and would go from M0 to M2.
    first_late_month = (ends - late_days.astype("timedelta64[D]") + A_DAY).astype("datetime64[M]")
    result[late] = (month - first_late_month).astype(np.int64) + 1
    return result


def bucket_label(k: int, *, and_worse: bool = False) -> str:
    """Label of bucket M`k` with its days past due.

    The bounds are those of months of 30 days, the field's shorthand for completed months: a loan
    in M3 on 31 March may be 59 to 92 days past due.

    Parameters
    ----------
    k : int
    and_worse : bool
        The bucket takes all deeper ones in.

    Raises
    ------
    ValueError
        `k` below 0.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> bucket_label(0), bucket_label(2), bucket_label(4, and_worse=True)
    ('M0 current', 'M2 31–60 days', 'M4+ 91 days or more')
    """
    if k < 0:
        raise ValueError(f"k must be >= 0, got {k!r}")
    if and_worse:
        return f"M{k}+ {30 * k - 29} days or more" if k else "M0+ all"
    return f"M{k} {30 * k - 29}–{30 * k} days" if k else "M0 current"


def transition_counts(performance: pd.DataFrame | Table, *, max_bucket: int = 4) -> pd.DataFrame:
    """Loans and balances that moved from one bucket to another within a month.

    A move is a pair of consecutive months of one loan. Charged off, prepaid and matured end a
    loan's moves: rows that follow a charge-off (recoveries) are none. Counts of two parts of a
    portfolio that share no loan add up to the counts of the whole.

    Parameters
    ----------
    performance : DataFrame or Table
        The panel, sorted by loan and month. A Table is counted block by block.
    max_bucket : int
        The worst bucket, which takes all deeper ones in.

    Returns
    -------
    DataFrame of shape ((max_bucket + 1) · (max_bucket + 4),), index (from_bucket, to_bucket)
        Every pair in the order of the buckets, then charged off, prepaid, matured, also those
        never seen. `loans`: number of moves; `balance`: outstanding principal at the month moved
        *from*, in fen. Both int64; all 0 for an empty panel.

    Raises
    ------
    DataContractError
        A missing column, or a panel not sorted by loan and month from month 0.
    ValueError
        `max_bucket` below 1.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> panel = pd.DataFrame({
    ...     "loan_id": "a", "mob": [0, 1, 2], "dpd": [0, 16, 0], "balance": [300, 300, 0],
    ...     "month_end": pd.to_datetime(["2024-01-31", "2024-02-29", "2024-03-31"]),
    ...     "status": ["current", "delinquent", "prepaid"]})
    >>> counts = transition_counts(panel)
    >>> counts[counts["loans"] > 0].index.tolist()
    [('M0 current', 'M1 1–30 days'), ('M1 1–30 days', 'prepaid')]
    """
    if max_bucket < 1:
        raise ValueError(f"max_bucket must be >= 1, got {max_bucket!r}")
    buckets = _bucket_labels(max_bucket)
    states = [*buckets, *ABSORBING.values()]
    index = pd.MultiIndex.from_product([buckets, states], names=["from_bucket", "to_bucket"])
    if not isinstance(performance, pd.DataFrame):
        count = partial(transition_counts, max_bucket=max_bucket)
        # a sum comes in the order of the labels' letters
        return total(count, performance.blocks()).reindex(index)

    require_columns(performance, NEEDED, "performance")
    is_start = np.zeros(len(performance) + 1, dtype=bool)
    is_start[loan_starts(performance)] = True
    is_start[-1] = True
    state = _states(performance, max_bucket)
    # the row after the last one begins another loan, so every `moves + 1` is a row
    moves = np.flatnonzero(~is_start[1:] & (state <= max_bucket))
    pair = state[moves] * len(states) + state[moves + 1]
    balance = np.zeros(len(index), np.int64)
    np.add.at(balance, pair, performance["balance"].to_numpy(np.int64)[moves])
    loans = np.bincount(pair, minlength=len(index)).astype(np.int64)
    return pd.DataFrame({"loans": loans, "balance": balance}, index=index)


def transition_matrix(
    counts: pd.DataFrame, *, measure: Literal["loans", "balance"] = "loans"
) -> pd.DataFrame:
    """Probability of each bucket next month, given the bucket now.

    Entry (i, j) = loans that moved i → j ÷ loans seen in i. A row with observations sums to 1.

    Parameters
    ----------
    counts : DataFrame, index (from_bucket, to_bucket)
        From :func:`transition_counts`, or a sum of such.
    measure : {"loans", "balance"}
        What is counted; a balance moves whole, at its amount in the month moved from.

    Returns
    -------
    DataFrame of shape (n_buckets, n_buckets + 3), index from_bucket, columns to_bucket
        Fractions in [0, 1]; a bucket never seen is a row of NaN. Charged off, prepaid and matured
        are columns only: they start no move, and a chain that needs a square matrix adds the
        identity for them itself.

    Raises
    ------
    ValueError
        An unknown `measure`.

    Source
    ------
    Cyert, Davidson, Thompson (1962), Management Science 8(3).

    Examples
    --------
    >>> counts = pd.DataFrame(
    ...     {"loans": [6, 2, 1, 1]},
    ...     index=pd.MultiIndex.from_product(
    ...         [["M0 current", "M1 1–30 days"]] * 2, names=["from_bucket", "to_bucket"]))
    >>> transition_matrix(counts).to_numpy().tolist()
    [[0.75, 0.25], [0.5, 0.5]]
    """
    if measure not in ("loans", "balance"):
        raise ValueError(f"measure must be 'loans' or 'balance', got {measure!r}")
    # parts laid one below the other are added up first
    moves = counts[measure].groupby(level=["from_bucket", "to_bucket"]).sum()
    square = moves.unstack("to_bucket", fill_value=0)
    square = square.loc[sorted(square.index, key=_order), sorted(square.columns, key=_order)]
    return square.div(square.sum(axis=1), axis=0)


def bucket_balances(performance: pd.DataFrame | Table, *, max_bucket: int = 4) -> pd.DataFrame:
    """Outstanding balance of the book in each bucket, by month-end.

    Balances of two parts of a portfolio that share no loan add up to those of the whole.

    Parameters
    ----------
    performance : DataFrame or Table
        The panel, sorted by loan and month. A Table is counted block by block.
    max_bucket : int
        The last bucket of its own.

    Returns
    -------
    DataFrame of shape (n_months, max_bucket + 3), index month_end
        int64 fen: a column for each of M0 to M`max_bucket`, one for all deeper ones, and
        "charged off" (the balance of charged-off loans as long as they have rows). No rows for an
        empty panel.

    Raises
    ------
    DataContractError
        A missing column, or a panel not sorted by loan and month from month 0.
    ValueError
        `max_bucket` below 1.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> panel = pd.DataFrame({
    ...     "loan_id": "a", "mob": [0, 1], "dpd": [0, 16], "balance": [300, 300],
    ...     "month_end": pd.to_datetime(["2024-01-31", "2024-02-29"]),
    ...     "status": ["current", "delinquent"]})
    >>> bucket_balances(panel, max_bucket=1).to_numpy().tolist()
    [[300, 0, 0, 0], [0, 300, 0, 0]]
    """
    if max_bucket < 1:
        raise ValueError(f"max_bucket must be >= 1, got {max_bucket!r}")
    if not isinstance(performance, pd.DataFrame):
        return total(partial(bucket_balances, max_bucket=max_bucket), performance.blocks())
    require_columns(performance, NEEDED, "performance")
    loan_starts(performance)
    columns = [*_bucket_labels(max_bucket + 1), ABSORBING["charged_off"]]
    state = _states(performance, max_bucket + 1)
    # prepaid and matured loans have no balance left
    rows = np.flatnonzero(state < len(columns))
    month, months = pd.factorize(calendar_months(performance["month_end"]), sort=True)
    cells = np.zeros(len(months) * len(columns), np.int64)
    key = month[rows] * len(columns) + state[rows]
    np.add.at(cells, key, performance["balance"].to_numpy(np.int64)[rows])
    last_days = (months + 1).astype("datetime64[M]").astype("datetime64[D]") - A_DAY
    return pd.DataFrame(
        cells.reshape(len(months), len(columns)),
        index=pd.DatetimeIndex(last_days.astype("datetime64[us]"), name="month_end"),
        columns=columns,
    )


def flow_rates(
    performance_or_balances: pd.DataFrame | Table, *, max_bucket: int = 4
) -> pd.DataFrame:
    """Share of each bucket's balance found one bucket deeper a month later.

    Mk→Mk+1 at month t = balance in bucket k+1 at t ÷ balance in bucket k at t − 1. Every bucket
    here is one of its own, so that the last one is no stock of older arrears; charged-off balances
    are in no bucket.

    Parameters
    ----------
    performance_or_balances : DataFrame or Table
        The panel, or the table of :func:`bucket_balances`.
    max_bucket : int
        The last bucket flowed into; with a table of balances, the table's own counts instead.

    Returns
    -------
    DataFrame of shape (n_months − 1, max_bucket), index month_end (t), columns "M0→M1", ...
        Fractions; above 1 only where balances grew. NaN where the bucket was empty or the month
        before is missing. No rows for a book of less than two months.

    Raises
    ------
    DataContractError
        As :func:`bucket_balances`.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> balances = pd.DataFrame(
    ...     {"M0 current": [1000, 800], "M1 1–30 days": [0, 50], "M2+ 31 days or more": [0, 0]},
    ...     index=pd.DatetimeIndex(["2024-01-31", "2024-02-29"], name="month_end"))
    >>> flow_rates(balances)["M0→M1"].tolist()
    [0.05]
    """
    balances = performance_or_balances
    if not isinstance(balances, pd.DataFrame) or "loan_id" in balances.columns:
        balances = bucket_balances(balances, max_bucket=max_bucket)
    own = [name for name in balances.columns if re.match(r"M\d+ ", name)]
    month = calendar_months(balances.index)
    follows = (month[1:] == month[:-1] + 1)[:, np.newaxis]
    before = balances[own[:-1]].to_numpy(dtype=float)[:-1]
    after = balances[own[1:]].to_numpy(dtype=float)[1:]
    rates = np.full(before.shape, np.nan)
    np.divide(after, before, out=rates, where=follows & (before > 0))
    names = [f"M{k}→M{k + 1}" for k in range(len(own) - 1)]
    return pd.DataFrame(rates, index=balances.index[1:], columns=names)


def _bucket_labels(max_bucket: int) -> list[str]:
    own = [bucket_label(k) for k in range(max_bucket)]
    return [*own, bucket_label(max_bucket, and_worse=True)]


def _order(label: str) -> int:
    """Place of a state: buckets by number, then the absorbing ones."""
    number = re.match(r"M(\d+)", label)
    return int(number[1]) if number else 1_000 + list(ABSORBING.values()).index(label)


def _states(performance: pd.DataFrame, max_bucket: int) -> NDArray[np.int64]:
    """State of each row: its bucket, then charged off, prepaid, matured."""
    state = bucket(performance["dpd"].to_numpy(), performance["month_end"].to_numpy())
    np.minimum(state, max_bucket, out=state)
    for place, status in enumerate(ABSORBING, start=max_bucket + 1):
        state[(performance["status"] == status).to_numpy(dtype=bool)] = place
    return state

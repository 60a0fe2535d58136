"""Where do late loans go: buckets, transition matrices, flow rates and roll rates.

Table in: the performance panel, a row per loan and month-end. Tables out: counts of moves between
buckets within a month (:func:`transition_counts`) or between the worst of some months and of the
next (:func:`roll_counts`), and balances by bucket and month (:func:`bucket_balances`), which all
add up over parts of the portfolio split by loan; from them the transition matrix, the roll rates
and the flow rates.
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
    "point_of_no_return",
    "roll_counts",
    "roll_rates",
    "roll_text",
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
    index = _moves(max_bucket)
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
    return _count_moves(performance, index, moves, state[moves], state[moves + 1])


def transition_matrix(
    counts: pd.DataFrame, *, measure: Literal["loans", "balance"] = "loans"
) -> pd.DataFrame:
    """Probability of each bucket next month, given the bucket now.

    Entry (i, j) = loans that moved i → j ÷ loans seen in i. A row with observations sums to 1.

    Parameters
    ----------
    counts : DataFrame, index (from_bucket, to_bucket)
        From :func:`transition_counts`, or a sum of such. Those of :func:`roll_counts` give the
        same from the worst bucket of one window to that of the next.
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


def roll_counts(
    performance: pd.DataFrame | Table,
    observed_to: pd.Timestamp | str,
    *,
    months: int = 6,
    max_bucket: int = 4,
) -> pd.DataFrame:
    """Loans by their worst bucket in the months up to a month-end and what the next months bring.

    The book is looked at every `months` months, the last time so long before `observed_to` that
    the months after it are all seen: every month of a loan's life is counted once at most as
    before and once as after. Counted are the loans open at such a month-end. Before it lie the
    `months` month-ends up to it, itself among them; a younger loan has fewer, its whole life.
    After it comes what the loan ended as within the next `months`, or its worst bucket there if it
    is still open: a loan that fell behind and then paid off has come back. Counts of two parts of
    a portfolio that share no loan add up to the counts of the whole.

    Parameters
    ----------
    performance : DataFrame or Table
        The panel, sorted by loan and month. A Table is counted block by block.
    observed_to : date
        Any day of the last month whose month-end was observed.
    months : int
        Length of both windows.
    max_bucket : int
        The worst bucket, which takes all deeper ones in.

    Returns
    -------
    DataFrame of shape ((max_bucket + 1) · (max_bucket + 4),), index (from_bucket, to_bucket)
        As of :func:`transition_counts`: `loans`, and `balance` at the month-end in the middle, in
        fen. A loan whose rows stop within the next months, though it has not ended, is not known
        and not counted. All 0 for an empty panel, or one seen for less than `months` months.

    Raises
    ------
    DataContractError
        A missing column, or a panel not sorted by loan and month from month 0.
    ValueError
        `months` or `max_bucket` below 1.

    Source
    ------
    Siddiqi (2006), Credit Risk Scorecards, chapter 4, roll rate analysis.

    Examples
    --------
    >>> panel = pd.DataFrame({
    ...     "loan_id": "a", "mob": [0, 1, 2, 3], "dpd": [0, 16, 0, 15], "balance": 300,
    ...     "month_end": pd.to_datetime(["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"]),
    ...     "status": ["current", "delinquent", "current", "delinquent"]})
    >>> counts = roll_counts(panel, "2024-04-30", months=1)
    >>> counts.loc[counts["loans"] > 0, "loans"].to_dict()
    ... # doctest: +NORMALIZE_WHITESPACE
    {('M0 current', 'M1 1–30 days'): 2, ('M1 1–30 days', 'M0 current'): 1}
    """
    if months < 1:
        raise ValueError(f"months must be >= 1, got {months!r}")
    index = _moves(max_bucket)
    if not isinstance(performance, pd.DataFrame):
        count = partial(roll_counts, observed_to=observed_to, months=months, max_bucket=max_bucket)
        return total(count, performance.blocks()).reindex(index)

    require_columns(performance, NEEDED, "performance")
    starts = loan_starts(performance)
    state = _states(performance, max_bucket)
    # the last row of each loan's life: what follows an end (recoveries) is none of it
    last_rows = np.append(starts[1:], len(performance))[: len(starts)] - 1
    ends = np.flatnonzero(state > max_bucket)
    np.minimum.at(last_rows, np.searchsorted(starts, ends, side="right") - 1, ends)
    to_come = calendar_months([observed_to])[0] - calendar_months(performance["month_end"])
    rows = np.flatnonzero((to_come >= months) & (to_come % months == 0) & (state <= max_bucket))
    loan = np.searchsorted(starts, rows, side="right") - 1
    # the rows of a loan follow each other by month: where a window reaches past its life, the
    # outermost row is looked at again
    before, after = state[rows], np.zeros(len(rows), np.int64)
    for step in range(1, months + 1):
        if step < months:
            np.maximum(before, state[np.maximum(rows - step, starts[loan])], out=before)
        np.maximum(after, state[np.minimum(rows + step, last_rows[loan])], out=after)
    ahead = last_rows[loan] - rows
    known = (ahead >= months) | ((ahead > 0) & (after > max_bucket))
    rows, before, after = rows[known], before[known], after[known]
    return _count_moves(performance, index, rows, before, after)


def roll_rates(
    counts: pd.DataFrame, *, measure: Literal["loans", "balance"] = "loans"
) -> pd.DataFrame:
    """Shares that get better or worse, given the worst bucket so far.

    Parameters
    ----------
    counts : DataFrame, index (from_bucket, to_bucket)
        From :func:`roll_counts`, or a sum of such.
    measure : {"loans", "balance"}

    Returns
    -------
    DataFrame of shape (max_bucket + 1,), index worst_before
        `loans` or `balance`, and fractions of it that sum to 1: `repaid_rate` (matured or
        prepaid), `better_rate` (still open, the worst bucket a lower one), `same_rate`,
        `worse_rate`, `charged_off_rate`. `no_return_rate` is the share in the deepest bucket or
        charged off: part of the four last. A bucket never seen is a row of NaN.

    Raises
    ------
    ValueError
        An unknown `measure`.

    Source
    ------
    Siddiqi (2006), Credit Risk Scorecards, chapter 4, roll rate analysis.

    Examples
    --------
    >>> counts = pd.DataFrame(
    ...     {"loans": [6, 2, 1, 3]},
    ...     index=pd.MultiIndex.from_product(
    ...         [["M0 current", "M1+ 1 days or more"]] * 2, names=["from_bucket", "to_bucket"]))
    >>> roll_rates(counts)["no_return_rate"].tolist()
    [0.25, 0.75]
    """
    shares = transition_matrix(counts, measure=measure)
    n = len(shares)
    cells = shares.reindex(columns=[*shares.index, *ABSORBING.values()], fill_value=0.0).to_numpy()
    buckets, ends = cells[:, :n], dict(zip(ABSORBING, cells[:, n:].T, strict=True))
    seen = counts[measure].groupby(level="from_bucket").sum()
    return pd.DataFrame(
        {
            measure: seen.reindex(shares.index),
            "repaid_rate": ends["prepaid"] + ends["matured"],
            "better_rate": (buckets * np.tri(n, k=-1)).sum(axis=1),
            "same_rate": np.diagonal(buckets),
            "worse_rate": (buckets * np.tri(n, k=-1).T).sum(axis=1),
            "charged_off_rate": ends["charged_off"],
            "no_return_rate": buckets[:, -1] + ends["charged_off"],
        },
        index=shares.index.rename("worst_before"),
    )


def point_of_no_return(rates: pd.DataFrame, *, share: float = 0.5) -> int | None:
    """First bucket from which on more than `share` of the loans do not come back.

    Parameters
    ----------
    rates : DataFrame
        From :func:`roll_rates`.
    share : float
        In (0, 1).

    Returns
    -------
    int or None
        k of the first bucket Mk whose `no_return_rate`, and that of all deeper ones, is above
        `share`; None where there is none. A bucket never seen says nothing either way.

    Raises
    ------
    ValueError
        `share` out of range.

    Source
    ------
    Siddiqi (2006), Credit Risk Scorecards, chapter 4: the "point of no return".

    Examples
    --------
    >>> point_of_no_return(pd.DataFrame({"no_return_rate": [0.01, 0.3, 0.7, 0.95]}))
    2
    """
    if not 0 < share < 1:
        raise ValueError(f"share must be in (0, 1), got {share!r}")
    rate = rates["no_return_rate"].to_numpy(dtype=float)
    return_rows = np.flatnonzero(rate <= share)
    beyond = np.flatnonzero(rate > share)
    beyond = beyond[beyond > np.max(return_rows, initial=-1)]
    return int(beyond[0]) if len(beyond) else None


def roll_text(rates: pd.DataFrame, dpd: int | None, *, share: float = 0.5) -> str:
    """Sentences on whether the roll rates support calling a loan bad past `dpd` days, as Markdown.

    They do if bad begins at the :func:`point_of_no_return` or deeper.

    Parameters
    ----------
    rates : DataFrame
        From :func:`roll_rates`, down to the bucket in which bad begins or deeper.
    dpd : int or None
        Days past due that bad loans exceed; None = charged off only.
    share : float
        In (0, 1).

    Raises
    ------
    ValueError
        `share` out of range, or `rates` that do not reach as deep as `dpd`.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> rates = pd.DataFrame(
    ...     {"no_return_rate": [0.01, 0.6]}, index=["M0 current", "M1+ 1 days or more"])
    >>> roll_text(rates, None).split(". ")[0]
    'From **M1+ 1 days or more** on, more than 50% do not come back'
    """
    # the bucket of the first day that is bad
    start = len(rates) if dpd is None else dpd // 30 + 1
    if dpd is not None and start >= len(rates):
        raise ValueError(f"rates must reach {bucket_label(start)}, got {len(rates)} buckets")
    point = point_of_no_return(rates, share=share)
    if point is None:
        turn = f"There is no bucket from which on more than {share:.0%} do not come back"
    else:
        turn = f"From **{rates.index[point]}** on, more than {share:.0%} do not come back"
    begins = "a charge-off" if dpd is None else str(rates.index[start])
    if point is None or start < point:
        verdict = "**earlier** than the roll rates support: many it calls bad come back"
    elif start == point:
        verdict = "just there: the roll rates **support** it"
    else:
        verdict = "past that point: the roll rates **support** it, and would an earlier one"
    if dpd is None and point is None:
        verdict = "what nobody comes back from"
    return f"{turn}. The definition begins with {begins}, {verdict}."


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


def _moves(max_bucket: int) -> pd.MultiIndex:
    """Every pair of a bucket and what can follow it."""
    if max_bucket < 1:
        raise ValueError(f"max_bucket must be >= 1, got {max_bucket!r}")
    buckets = _bucket_labels(max_bucket)
    states = [*buckets, *ABSORBING.values()]
    return pd.MultiIndex.from_product([buckets, states], names=["from_bucket", "to_bucket"])


def _count_moves(
    performance: pd.DataFrame,
    index: pd.MultiIndex,
    rows: NDArray[np.intp],
    before: NDArray[np.int64],
    after: NDArray[np.int64],
) -> pd.DataFrame:
    """Loans, and their balances in `rows`, by the places of two states in `index`."""
    pair = before * len(index.levels[1]) + after
    balance = np.zeros(len(index), np.int64)
    np.add.at(balance, pair, performance["balance"].to_numpy(np.int64)[rows])
    loans = np.bincount(pair, minlength=len(index)).astype(np.int64)
    return pd.DataFrame({"loans": loans, "balance": balance}, index=index)


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

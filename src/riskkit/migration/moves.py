"""Moves of loans between buckets within a month: counts, and the matrix of their shares.

Table in: the performance panel. Tables out: counts that add up over parts split by loan, and the
transition matrix.
"""

from __future__ import annotations

from functools import partial
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskkit.checks import loan_starts, require_columns, whole_loans
from riskkit.migration.buckets import (
    ABSORBING,
    NEEDED,
    Reading,
    bucket_labels,
    bucket_reading,
    order_of,
    states,
)
from riskkit.partitions import total
from riskkit.tables import Table

__all__ = ["count_moves", "moves_index", "transition_counts", "transition_matrix"]


def transition_counts(
    performance: pd.DataFrame | Table, *, max_bucket: int = 4, by: Reading | None = None
) -> pd.DataFrame:
    """Loans and balances that moved from one bucket to another within a month.

    A move is a pair of consecutive months of one loan; over months left out of it none is counted.
    Charged off, prepaid and matured end a loan's moves: rows that follow a charge-off (recoveries)
    are none. Counts of two parts of a portfolio that share no loan add up to those of the whole.

    Parameters
    ----------
    performance : DataFrame or Table
        The panel, sorted by loan and month. A Table is counted block by block.
    max_bucket : int
        The worst bucket, which takes all deeper ones in.
    by : {"months", "days"}, optional
        How buckets are read, see :func:`bucket`; by default as :func:`bucket_reading` finds of the
        whole table. Counts of parts add up only where they are read alike.

    Returns
    -------
    DataFrame of shape ((max_bucket + 1) · (max_bucket + 4),), index (from_bucket, to_bucket)
        Every pair in the order of the buckets, then charged off, prepaid, matured, also those
        never seen. `loans`: number of moves; `balance`: outstanding principal at the month moved
        *from*, in fen, of a panel that has it. Both int64; all 0 for an empty panel.

    Raises
    ------
    DataContractError
        A missing column, or a panel not sorted by loan and month.
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
    [('M0 current', 'M1 1st month past due'), ('M1 1st month past due', 'prepaid')]
    """
    by = by or bucket_reading(performance)
    index = moves_index(max_bucket, by)
    if not isinstance(performance, pd.DataFrame):
        count = partial(transition_counts, max_bucket=max_bucket, by=by)
        # a sum comes in the order of the labels' letters
        return total(count, whole_loans(performance.blocks())).reindex(index)

    require_columns(performance, NEEDED, "performance")
    is_start = np.zeros(len(performance) + 1, dtype=bool)
    is_start[loan_starts(performance)] = True
    is_start[-1] = True
    state = states(performance, max_bucket, by)
    # months left out of a loan: what it moved to in the next was not seen
    is_start[1:-1] |= np.diff(performance["mob"].to_numpy(np.int64)) != 1
    # the row after the last one begins another loan, so every `moves + 1` is a row
    moves = np.flatnonzero(~is_start[1:] & (state <= max_bucket))
    return count_moves(performance, index, moves, state[moves], state[moves + 1])


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
        An unknown `measure`, or balances of counts without any.

    Source
    ------
    Cyert, Davidson, Thompson (1962), Management Science 8(3).

    Examples
    --------
    >>> counts = pd.DataFrame(
    ...     {"loans": [6, 2, 1, 1]},
    ...     index=pd.MultiIndex.from_product(
    ...         [["M0 current", "M1+ late"]] * 2, names=["from_bucket", "to_bucket"]))
    >>> transition_matrix(counts).to_numpy().tolist()
    [[0.75, 0.25], [0.5, 0.5]]
    """
    if measure not in ("loans", "balance"):
        raise ValueError(f"measure must be 'loans' or 'balance', got {measure!r}")
    if measure not in counts.columns:
        raise ValueError("measure='balance' needs balances: the panel counted has no balance")
    # parts laid one below the other are added up first
    moves = counts[measure].groupby(level=["from_bucket", "to_bucket"]).sum()
    square = moves.unstack("to_bucket", fill_value=0)
    square = square.loc[sorted(square.index, key=order_of), sorted(square.columns, key=order_of)]
    return square.div(square.sum(axis=1), axis=0)


def moves_index(max_bucket: int, by: Reading) -> pd.MultiIndex:
    """Every pair of a bucket and what can follow it."""
    if max_bucket < 1:
        raise ValueError(f"max_bucket must be >= 1, got {max_bucket!r}")
    buckets = bucket_labels(max_bucket, by)
    states = [*buckets, *ABSORBING.values()]
    return pd.MultiIndex.from_product([buckets, states], names=["from_bucket", "to_bucket"])


def count_moves(
    performance: pd.DataFrame,
    index: pd.MultiIndex,
    rows: NDArray[np.intp],
    before: NDArray[np.int64],
    after: NDArray[np.int64],
) -> pd.DataFrame:
    """Loans, and any balances in `rows`, by the places of two states in `index`."""
    pair = before * len(index.levels[1]) + after
    loans = np.bincount(pair, minlength=len(index)).astype(np.int64)
    counts = pd.DataFrame({"loans": loans}, index=index)
    if "balance" in performance.columns:
        balance = np.zeros(len(index), np.int64)
        np.add.at(balance, pair, performance["balance"].to_numpy(np.int64)[rows])
        counts["balance"] = balance
    return counts

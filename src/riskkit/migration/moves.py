"""Moves of loans between buckets within a month: counts, and the matrix of their shares.

Table in: the performance panel. Tables out: counts that add up over parts split by loan, and the
transition matrix, of all moves or by month, age and the like.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskkit.checks import require_columns, whole_loans
from riskkit.columns import calendar_months
from riskkit.loan_values import LoanValues
from riskkit.migration.adjacent import run_starts
from riskkit.migration.buckets import (
    A_DAY,
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

__all__ = [
    "count_moves",
    "moves_index",
    "square_matrix",
    "summed_moves",
    "transition_counts",
    "transition_matrix",
]

SPLITS = ("month_end", "mob", "duration")
FROM, TO = "from_bucket", "to_bucket"


def transition_counts(
    performance: pd.DataFrame | Table,
    *,
    max_bucket: int = 4,
    by: Reading | None = None,
    split: Sequence[str] = (),
    part: pd.Series | LoanValues | None = None,
) -> pd.DataFrame:
    """Loans and balances that moved from one bucket to another within a month.

    A move is a pair of rows of one loan a calendar month apart; over a month that was not seen
    there is none. Charged off, prepaid and matured end a loan's moves: rows that follow a
    charge-off (recoveries) are none. Counts of two parts of a portfolio that share no loan add up
    to the counts of the whole.

    Parameters
    ----------
    performance : DataFrame or Table
        The panel, sorted by loan and month. A Table is counted block by block.
    max_bucket : int
        The worst bucket, which takes all deeper ones in.
    by : {"months", "days"}, optional
        How buckets are read, see :func:`bucket`; by default as :func:`bucket_reading` finds of the
        whole table. Counts of parts add up only where they are read alike.
    split : sequence of {"month_end", "mob", "duration"}
        What moves are counted apart by: the month-end moved *to*; the month on book moved *from*;
        for how many months the loan had been in the bucket it moves from, 1 where it came there
        just then, 0 where that is not known because the loan was first seen in it after month 0.
    part : Series, optional
        Named, index loan_id: values to count apart, such as the term. A loan without one is not
        counted.

    Returns
    -------
    DataFrame, index ([part,] [split ...,] from_bucket, to_bucket)
        Every pair in the order of the buckets, then charged off, prepaid, matured, also those
        never seen, (max_bucket + 1) · (max_bucket + 4) of them for each value of `part` and
        `split` that occurs. `loans`: number of moves; `balance`: outstanding principal at the
        month moved *from*, in fen, of a panel that has it. Both int64; all 0 for an empty panel.

    Raises
    ------
    DataContractError
        A missing column, or a panel not sorted by loan and month.
    ValueError
        `max_bucket` below 1, an unknown `split`.

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
    unknown = [name for name in split if name not in SPLITS]
    if unknown or len(set(split)) < len(split):
        raise ValueError(f"split must be different ones of {', '.join(SPLITS)}, got {split!r}")
    by = by or bucket_reading(performance)
    index = moves_index(max_bucket, by)
    if not isinstance(performance, pd.DataFrame):
        own = LoanValues.of_index(part)
        count = partial(
            transition_counts, max_bucket=max_bucket, by=by, split=tuple(split), part=own
        )
        columns = [*NEEDED, "balance"]
        return _in_order(total(count, whole_loans(performance), columns=columns), index)

    require_columns(performance, NEEDED, "performance")
    is_start = np.zeros(len(performance) + 1, dtype=bool)
    is_start[run_starts(performance)] = True
    is_start[-1] = True
    state = states(performance, max_bucket, by)
    # the row after the last one begins another loan, so every `moves + 1` is a row
    moves = np.flatnonzero(~is_start[1:] & (state <= max_bucket))
    keys: dict[str, pd.Index] = {}
    if part is not None:
        of = performance["loan_id"].iloc[moves]
        value = (part.of(of) if isinstance(part, LoanValues) else of.map(part)).to_numpy()
        known = ~pd.isna(value)
        moves = moves[known]
        keys[str(part.name)] = pd.Index(value[known])
    keys |= {name: _split_by(name, performance, state, is_start, moves) for name in split}
    return count_moves(performance, index, moves, state[moves], state[moves + 1], keys)


def transition_matrix(
    counts: pd.DataFrame,
    *,
    measure: Literal["loans", "balance"] = "loans",
    each: str | Sequence[str] = (),
) -> pd.DataFrame:
    """Probability of each bucket next month, given the bucket now.

    Entry (i, j) = loans that moved i → j ÷ loans seen in i. A row with observations sums to 1.

    Parameters
    ----------
    counts : DataFrame, index ([...,] from_bucket, to_bucket)
        From :func:`transition_counts`, or a sum of such. Those of :func:`roll_counts` give the
        same from the worst bucket of one window to that of the next, those of
        :func:`code_transition_counts` from one raw code to another.
    measure : {"loans", "balance"}
        What is counted; a balance moves whole, at its amount in the month moved from.
    each : name or names of levels
        Of what counts were split by: a matrix for each value, such as each month on book ("mob").
        All other levels are summed over.

    Returns
    -------
    DataFrame of shape (n_buckets, n_buckets + 3), index ([each ...,] from), columns to
        Fractions in [0, 1]; a bucket never seen is a row of NaN. Charged off, prepaid and matured
        are columns only, since they start no move: :func:`square_matrix` adds their rows.

    Raises
    ------
    ValueError
        An unknown `measure`, balances of counts without any, or a level that was not counted.

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
    square = summed_moves(counts, [each] if isinstance(each, str) else list(each), measure)
    return square.div(square.sum(axis=1), axis=0)


def summed_moves(counts: pd.DataFrame, each: Sequence[str], measure: str = "loans") -> pd.DataFrame:
    """Moves with a row for each level value and state moved from, a column for each moved to.

    Parts laid one below the other are added up.

    Raises
    ------
    ValueError
        A level that was not counted.
    """
    *split, source, target = counts.index.names
    absent = [name for name in each if name not in split]
    if absent:
        raise ValueError(f"counts are not split by {', '.join(absent)}, but by {split!r}")
    moves = counts[measure].groupby(level=[*each, source, target], observed=True).sum()
    wide = moves.unstack(target, fill_value=0)
    wide = wide[sorted(wide.columns, key=order_of)]
    if not each:
        return wide.loc[sorted(wide.index, key=order_of)]
    rows = wide.index.to_frame(index=False)
    place = {label: k for k, label in enumerate(sorted(rows[source].unique(), key=order_of))}
    rows[source] = rows[source].map(place)
    return wide.iloc[rows.sort_values([*each, source], kind="stable").index]


def square_matrix(matrix: pd.DataFrame) -> pd.DataFrame:
    """The matrix with the rows of the ends: what is charged off, prepaid or matured stays so.

    Its n-th power says where loans are n months on, if every month is like those counted and it
    does not matter how old a loan is or how it came where it is.

    Parameters
    ----------
    matrix : DataFrame of shape (n_buckets, n_buckets + n_ends)
        Of :func:`transition_matrix`, without `each`.

    Returns
    -------
    DataFrame of shape (n_buckets + n_ends, n_buckets + n_ends)
        A bucket never seen is a row of NaN still.

    Source
    ------
    Cyert, Davidson, Thompson (1962), Management Science 8(3).

    Examples
    --------
    >>> matrix = pd.DataFrame(
    ...     [[0.9, 0.1]], index=["M0 current"], columns=["M0 current", "prepaid"])
    >>> square_matrix(matrix).to_numpy().tolist()
    [[0.9, 0.1], [0.0, 1.0]]
    """
    labels = list(matrix.columns)
    square = matrix.reindex(labels)
    for end in [label for label in labels if label not in matrix.index]:
        square.loc[end] = np.where(matrix.columns == end, 1.0, 0.0)
    return square.rename_axis(index=matrix.index.name)


def moves_index(max_bucket: int, by: Reading) -> pd.MultiIndex:
    """Every pair of a bucket and what can follow it."""
    if max_bucket < 1:
        raise ValueError(f"max_bucket must be >= 1, got {max_bucket!r}")
    buckets = bucket_labels(max_bucket, by)
    states = [*buckets, *ABSORBING.values()]
    return pd.MultiIndex.from_product([buckets, states], names=[FROM, TO])


def count_moves(
    performance: pd.DataFrame,
    index: pd.MultiIndex,
    rows: NDArray[np.intp],
    before: NDArray[np.int64],
    after: NDArray[np.int64],
    keys: dict[str, pd.Index] | None = None,
) -> pd.DataFrame:
    """Loans, and any balances in `rows`, by the places of two states in `index`, and by `keys`."""
    group, groups, values = np.zeros(len(rows), np.int64), (np.zeros(1, np.int64),), []
    if keys:
        factors = [pd.factorize(key, sort=True) for key in keys.values()]
        values = [levels for _, levels in factors]
        shape = [max(len(levels), 1) for levels in values]
        # only what occurs gets cells
        together = np.ravel_multi_index([code for code, _ in factors], shape)
        group, occurs = pd.factorize(together, sort=True)
        groups = np.unravel_index(occurs, shape)
    n_groups = len(groups[0])
    cell = (group * len(index.levels[0]) + before) * len(index.levels[1]) + after
    loans = np.bincount(cell, minlength=n_groups * len(index)).astype(np.int64)
    counts = pd.DataFrame({"loans": loans})
    if "balance" in performance.columns:
        # bincount would sum in floats, exact only to 2^53 fen
        balance = np.zeros(len(loans), np.int64)
        np.add.at(balance, cell, performance["balance"].to_numpy(np.int64)[rows])
        counts["balance"] = balance
    if not keys:
        return counts.set_axis(index)
    codes = [np.repeat(code, len(index)) for code in groups]
    return counts.set_axis(
        pd.MultiIndex(
            levels=[*values, *index.levels],
            codes=[*codes, *(np.tile(code, n_groups) for code in index.codes)],
            names=[*keys, *index.names],
        )
    )


def _split_by(
    name: str,
    performance: pd.DataFrame,
    state: NDArray[np.int64],
    is_start: NDArray[np.bool_],
    moves: NDArray[np.intp],
) -> pd.Index:
    """What each move is counted apart by."""
    if name == "month_end":
        month = calendar_months(performance["month_end"].iloc[moves + 1])
        last = (month + 1).astype("datetime64[M]").astype("datetime64[D]") - A_DAY
        return pd.DatetimeIndex(last.astype("datetime64[us]"))
    mob = performance["mob"].to_numpy(np.int64)
    if name == "mob":
        return pd.Index(mob[moves])
    entered = is_start[:-1].copy()
    entered[1:] |= state[1:] != state[:-1]
    since = np.maximum.accumulate(np.where(entered, np.arange(len(state)), 0))[moves]
    seen = ~is_start[since] | (mob[since] == 0)
    return pd.Index(np.where(seen, moves - since + 1, 0))


def _in_order(counts: pd.DataFrame, index: pd.MultiIndex) -> pd.DataFrame:
    """A sum, which comes in the order of the labels' letters, in that of the buckets."""
    n_split = counts.index.nlevels - 2
    if not n_split:
        return counts.reindex(index)
    pair = index.get_indexer(counts.index.droplevel(list(range(n_split))))
    codes = [pd.factorize(counts.index.get_level_values(k), sort=True)[0] for k in range(n_split)]
    return counts.iloc[np.lexsort([pair, *codes[::-1]])]

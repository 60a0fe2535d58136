"""The transition matrix by month on book: whether a loan's age changes where it goes.

Takes counts of moves split by month on book; gives a row per bucket and age, and what they say in
words.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from riskkit.columns import interval_text, verbatim
from riskkit.metrics import jeffreys_interval
from riskkit.migration.moves import FROM, summed_moves

__all__ = ["age_matrix", "age_text"]

AGES = (0, 3, 6, 9, 12)  # first month on book of each band
LEAST_LOANS = 30  # moves of a band, else it is not told of


def age_matrix(counts: pd.DataFrame, ages: Sequence[int] = AGES) -> pd.DataFrame:
    """Where loans go from each bucket, by month on book in bands; each row with its moves.

    Parameters
    ----------
    counts : DataFrame
        Of :func:`riskkit.migration.transition_counts` with `split` holding "mob".
    ages : sequence of int
        Rising first months on book of the bands, from 0 on; the last has no end.

    Returns
    -------
    DataFrame, index (from_bucket, mob), columns `loans` and the states moved to
        `mob` names the band moved *from*, such as "3 to 5" and "12 on". `loans` is the number of
        moves, the states are fractions that sum to 1. A bucket without moves at an age is no row.

    Raises
    ------
    ValueError
        Counts that are not split by "mob", or ages that do not rise from 0.

    Source
    ------
    Cyert, Davidson, Thompson (1962), Management Science 8(3), whose matrix knows no age.

    Examples
    --------
    >>> index = pd.MultiIndex.from_product(
    ...     [[2, 3], ["M1 late"], ["M0 current", "M1 late"]],
    ...     names=["mob", "from_bucket", "to_bucket"])
    >>> age_matrix(pd.DataFrame({"loans": [8, 2, 5, 5]}, index=index))
    ... # doctest: +NORMALIZE_WHITESPACE
    to_bucket           loans  M0 current  M1 late
    from_bucket mob
    M1 late     0 to 2     10         0.8      0.2
                3 to 5     10         0.5      0.5
    """
    bands = list(ages)
    if not bands or bands[0] != 0 or (np.diff(bands) <= 0).any():
        raise ValueError(f"ages must rise from 0 on, got {ages!r}")
    moves = summed_moves(counts, ["mob"])
    place = np.searchsorted(bands, moves.index.get_level_values("mob"), side="right") - 1
    source = moves.index.get_level_values(FROM)
    order = pd.Index(dict.fromkeys(summed_moves(counts, []).index))
    keys = [pd.Index(order.get_indexer(source), name=FROM), pd.Index(place, name="mob")]
    sums = moves.groupby(keys, sort=True).sum()
    sums = sums[sums.sum(axis=1) > 0]
    loans = sums.sum(axis=1).astype(np.int64)
    names = [f"{low} to {high - 1}" for low, high in pairwise(bands)]
    names.append(f"{bands[-1]} on")
    sums = sums.div(loans, axis=0)
    sums.insert(0, "loans", loans)
    sums.index = pd.MultiIndex.from_arrays(
        [
            order.take(sums.index.get_level_values(0)),
            pd.Index(names).take(sums.index.get_level_values(1)),
        ],
        names=[FROM, "mob"],
    )
    return sums


def age_text(table: pd.DataFrame) -> str:
    """Sentences on how the way back from arrears changes with age, as Markdown.

    Told of is the first bucket past due: the share that has paid up, current again, prepaid or
    matured, youngest against oldest band of at least thirty loans, with 95 % Jeffreys intervals.

    Parameters
    ----------
    table : DataFrame
        Of :func:`age_matrix`.

    Source
    ------
    riskkit definition; Brown, Cai, DasGupta (2001), Statistical Science 16(2), for the interval.

    Examples
    --------
    >>> age_text(pd.DataFrame({"loans": []}))
    'Too few loans were late at two ages to say whether age changes the way back.'
    """
    nothing = "Too few loans were late at two ages to say whether age changes the way back."
    if table.empty:
        return nothing
    buckets = list(dict.fromkeys(table.index.get_level_values(0)))
    late = [bucket for bucket in buckets if bucket.startswith("M1")]
    paid_up = [
        name
        for name in table.columns
        if str(name).startswith("M0") or name in ("prepaid", "matured")
    ]
    if not late or not paid_up:
        return nothing
    rows = table.xs(late[0], level=0)
    rows = rows[rows["loans"] >= LEAST_LOANS]
    if len(rows) < 2:
        return nothing
    ends = rows.iloc[[0, -1]]
    n, rate = ends["loans"].to_numpy(float), ends[paid_up].sum(axis=1).to_numpy(float)
    low, high = jeffreys_interval(rate * n, n, 0.95)
    told = [interval_text(rate[k], low[k], high[k], "percent") for k in (0, 1)]
    apart = low[0] > high[1] or low[1] > high[0]
    changes = "Whether age changes the way back is not sure"
    if apart:
        changes = "**Age changes the way back**"
    return (
        f"{changes}: of loans in {verbatim(late[0])} in months {ends.index[0]} on book, {told[0]} "
        f"have paid up a month later, of those in months {ends.index[1]} {told[1]}. A matrix of "
        "all ages is an average of these, weighed by how old the book is."
    )

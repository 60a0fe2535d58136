"""Rolls: the worst bucket of some months against the next, and who never comes back."""

from __future__ import annotations

from functools import partial
from typing import Literal

import numpy as np
import pandas as pd

from riskkit.checks import require_columns, whole_loans
from riskkit.columns import calendar_months
from riskkit.metrics import jeffreys_interval
from riskkit.migration.adjacent import run_starts
from riskkit.migration.buckets import (
    ABSORBING,
    NEEDED,
    Reading,
    bucket_reading,
    states,
)
from riskkit.migration.moves import count_moves, moves_index, transition_matrix
from riskkit.partitions import total
from riskkit.tables import Table

__all__ = ["point_of_no_return", "roll_counts", "roll_rates", "roll_text"]


def roll_counts(
    performance: pd.DataFrame | Table,
    observed_to: pd.Timestamp | str,
    *,
    months: int = 6,
    max_bucket: int = 4,
    by: Reading | None = None,
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
    by : {"months", "days"}, optional
        How buckets are read, see :func:`bucket`; by default as :func:`bucket_reading` finds of the
        whole table. Counts of parts add up only where they are read alike.

    Returns
    -------
    DataFrame of shape ((max_bucket + 1) · (max_bucket + 4),), index (from_bucket, to_bucket)
        As of :func:`transition_counts`: `loans`, and where the panel has it `balance` at the
        month-end in the middle, in fen. A loan whose rows stop or skip a month within the next
        months, though it has not ended, is not known and not counted; nor is one of whose months
        before some were not seen, because it entered late or after a gap. All 0 for an empty
        panel, or one seen for less than `months` months.

    Raises
    ------
    DataContractError
        A missing column, or a panel not sorted by loan and month.
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
    {('M0 current', 'M1 1st month past due'): 2, ('M1 1st month past due', 'M0 current'): 1}
    """
    if months < 1:
        raise ValueError(f"months must be >= 1, got {months!r}")
    by = by or bucket_reading(performance)
    index = moves_index(max_bucket, by)
    if not isinstance(performance, pd.DataFrame):
        count = partial(
            roll_counts, observed_to=observed_to, months=months, max_bucket=max_bucket, by=by
        )
        return total(count, whole_loans(performance), columns=[*NEEDED, "balance"]).reindex(index)

    require_columns(performance, NEEDED, "performance")
    starts = run_starts(performance)
    state = states(performance, max_bucket, by)
    # the last row of each run of months: what follows an end (recoveries) is none of it
    last_rows = np.append(starts[1:], len(performance))[: len(starts)] - 1
    ends = np.flatnonzero(state > max_bucket)
    np.minimum.at(last_rows, np.searchsorted(starts, ends, side="right") - 1, ends)
    to_come = calendar_months([observed_to])[0] - calendar_months(performance["month_end"])
    rows = np.flatnonzero((to_come >= months) & (to_come % months == 0) & (state <= max_bucket))
    run = np.searchsorted(starts, rows, side="right") - 1
    # what came before a run that does not begin with the loan was not seen
    whole = (rows - starts[run] >= months - 1) | (performance["mob"].to_numpy()[starts[run]] == 0)
    rows, run = rows[whole], run[whole]
    # the rows of a run follow each other by month: where a window reaches past it, the outermost
    # row is looked at again
    before, after = state[rows], np.zeros(len(rows), np.int64)
    for step in range(1, months + 1):
        if step < months:
            np.maximum(before, state[np.maximum(rows - step, starts[run])], out=before)
        np.maximum(after, state[np.minimum(rows + step, last_rows[run])], out=after)
    ahead = last_rows[run] - rows
    known = (ahead >= months) | ((ahead > 0) & (after > max_bucket))
    rows, before, after = rows[known], before[known], after[known]
    return count_moves(performance, index, rows, before, after)


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
        charged off: part of the four last; of loans with its Jeffreys 95 % interval,
        `no_return_low` and `no_return_high`. A bucket never seen is a row of NaN.

    Raises
    ------
    ValueError
        An unknown `measure`, or balances of counts without any.

    Source
    ------
    Siddiqi (2006), Credit Risk Scorecards, chapter 4, roll rate analysis.

    Examples
    --------
    >>> counts = pd.DataFrame(
    ...     {"loans": [6, 2, 1, 3]},
    ...     index=pd.MultiIndex.from_product(
    ...         [["M0 current", "M1+ late"]] * 2, names=["from_bucket", "to_bucket"]))
    >>> roll_rates(counts)["no_return_rate"].tolist()
    [0.25, 0.75]
    """
    shares = transition_matrix(counts, measure=measure)
    n = len(shares)
    cells = shares.reindex(columns=[*shares.index, *ABSORBING.values()], fill_value=0.0).to_numpy()
    buckets, ends = cells[:, :n], dict(zip(ABSORBING, cells[:, n:].T, strict=True))
    seen = counts[measure].groupby(level="from_bucket").sum()
    table = pd.DataFrame(
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
    if measure == "loans":
        n_seen = table["loans"].to_numpy(dtype=float)
        lost = np.rint(np.nan_to_num(table["no_return_rate"] * n_seen))
        ends_of = jeffreys_interval(lost, n_seen, 0.95)
        for name, end in zip(("no_return_low", "no_return_high"), ends_of, strict=True):
            table[name] = np.where(n_seen > 0, end, np.nan)
    return table


def point_of_no_return(rates: pd.DataFrame, *, share: float = 0.5) -> int | None:
    """First bucket from which on more than `share` of the loans do not come back, beyond chance.

    Parameters
    ----------
    rates : DataFrame
        Of loans, from :func:`roll_rates`.
    share : float
        In (0, 1).

    Returns
    -------
    int or None
        k of the first bucket Mk whose `no_return_low` is above `share` and after which none has a
        `no_return_high` below it; None where there is none. A bucket never seen, or whose interval
        holds `share`, says nothing either way.

    Raises
    ------
    ValueError
        `share` out of range.

    Source
    ------
    Siddiqi (2006), Credit Risk Scorecards, chapter 4: the "point of no return"; that chance must
    not explain it is riskkit's.

    Examples
    --------
    >>> point_of_no_return(pd.DataFrame(
    ...     {"no_return_low": [0, 0.2, 0.6, 0.9], "no_return_high": [0.01, 0.4, 0.8, 1]}))
    2
    """
    if not 0 < share < 1:
        raise ValueError(f"share must be in (0, 1), got {share!r}")
    come_back = np.flatnonzero(rates["no_return_high"].to_numpy(dtype=float) <= share)
    lost = np.flatnonzero(rates["no_return_low"].to_numpy(dtype=float) > share)
    lost = lost[lost > np.max(come_back, initial=-1)]
    return int(lost[0]) if len(lost) else None


def roll_text(rates: pd.DataFrame, dpd: int | None, *, share: float = 0.5) -> str:
    """Sentences on whether the roll rates support calling a loan bad past `dpd` days, as Markdown.

    They do if bad begins at the :func:`point_of_no_return` or deeper, and do not if more than
    `share` come back from where it begins; where chance explains either, they say nothing.

    Parameters
    ----------
    rates : DataFrame
        Of loans, from :func:`roll_rates`, down to the bucket in which bad begins or deeper.
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
    ...     {"loans": [900, 40], "no_return_rate": [0.01, 0.7], "no_return_low": [0.01, 0.55],
    ...     "no_return_high": [0.02, 0.82]}, index=["M0 current", "M1+ late"])
    >>> roll_text(rates, None).split(". ")[0]
    'From **M1+ late** on, more than 50% do not come back (70% of 40 there, 55% to 82%)'
    """
    # the bucket of the first day that is bad
    start = len(rates) if dpd is None else dpd // 30 + 1
    if dpd is not None and start >= len(rates):
        raise ValueError(f"rates must reach M{start}, got {len(rates)} buckets")
    point = point_of_no_return(rates, share=share)
    seen = rates["no_return_rate"].notna().to_numpy()
    if not seen[1:].any():
        return (
            "No loan was past due in these months: there is nothing to support a definition with."
        )
    if point is None:
        turn = f"There is no bucket from which on surely more than {share:.0%} do not come back"
    else:
        there = _of_how_many(rates.iloc[point], "there")
        turn = f"From **{rates.index[point]}** on, more than {share:.0%} do not come back ({there})"
    begins = "a charge-off" if dpd is None else str(rates.index[start])
    if dpd is None:
        verdict = "what nobody comes back from"
        if point is not None:
            verdict = (
                "past that point: the roll rates **support** it, and would support an earlier one"
            )
    elif point is not None and start > point:
        verdict = "past that point: the roll rates **support** it, and would support an earlier one"
    elif start == point:
        verdict = "just there: the roll rates **support** it"
    elif not seen[start]:
        verdict = "where no loan was seen: the roll rates say nothing of it"
    elif rates["no_return_high"].iloc[start] <= share:
        there = _of_how_many(rates.iloc[start], "do not")
        verdict = f"**earlier** than the roll rates support: many it calls bad come back ({there})"
    elif rates["no_return_low"].iloc[start] > share:
        there = _of_how_many(rates.iloc[start], "do not come back")
        verdict = f"from which most do not come back ({there}), yet from a deeper bucket they do"
    else:
        there = _of_how_many(rates.iloc[start], "do not come back")
        verdict = f"of which they do not tell whether most come back ({there}): **too few to say**"
    return f"{turn}. The definition begins with {begins}, {verdict}."


def _of_how_many(row: pd.Series, words: str) -> str:
    """A share with its loans and interval."""
    low, high = row["no_return_low"], row["no_return_high"]
    return f"{row['no_return_rate']:.0%} of {row['loans']:,.0f} {words}, {low:.0%} to {high:.0%}"

"""What becomes of loans that fall behind: cured and collected, by the month in which they did.

Takes the performance panel; gives counts by entry cohort and month since, which add up over parts
split by loan, curves with intervals, and words.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import special

from riskkit.chance import MIN_BADS
from riskkit.checks import check_level, require_columns, whole_loans
from riskkit.collection_actions.cases import ENDED, LoanMonths
from riskkit.columns import calendar_months, interval_text, last_month_end
from riskkit.metrics import jeffreys_interval
from riskkit.partitions import total
from riskkit.tables import Table

__all__ = ["recovery_counts", "recovery_table", "recovery_text"]

MONTHS = 12
_NEEDED = ("loan_id", "mob", "month_end", "dpd", "status")
_AMOUNTS = ("balance", "paid_amount", "recovered_amount")


def recovery_counts(book: pd.DataFrame | Table, *, months: int = MONTHS) -> pd.DataFrame:
    """Loans that fell behind for the first time, by month, and what came of them month by month.

    A loan enters once: at the first month-end of its life at which anything is past due (it may
    already be more than a month by then). A loan first seen past due has no entry. It is cured at
    the first later month-end with nothing past due, or with its end; falling behind again does not
    undo it. Counts of two parts of a portfolio that share no loan add up.

    Parameters
    ----------
    book : DataFrame or Table
        The contract's panel, sorted by loan and month. A Table is counted block by block.
    months : int
        Months after the entry.

    Returns
    -------
    DataFrame, index (entry_month, month), month from 0 to `months`
        `loans` that entered; of them `seen_loans`, seen in that month or ended by then; of those
        `cured_loans` by then. With amounts: `balance_amount` at entry and `collected_amount` since,
        of the seen, in fen, and sums of squares and products of both (`balance_squares`,
        `collected_squares`, `products`, in units of the currency squared), for the interval.

    Raises
    ------
    DataContractError
        A missing column, or a panel not sorted by loan and month.
    ValueError
        `months` below 1.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> panel = pd.DataFrame({
    ...     "loan_id": ["a"] * 3, "mob": range(3), "dpd": [0, 20, 0],
    ...     "month_end": pd.date_range("2024-01-31", periods=3, freq="ME"),
    ...     "status": ["current", "delinquent", "current"]})
    >>> recovery_counts(panel, months=1)["cured_loans"].tolist()
    [0, 1]
    """
    if months < 1:
        raise ValueError(f"months must be >= 1, got {months!r}")
    if not isinstance(book, pd.DataFrame):
        count = partial(recovery_counts, months=months)
        return total(count, whole_loans(book), columns=[*_NEEDED, *_AMOUNTS])
    require_columns(book, _NEEDED, "performance")
    rows = LoanMonths.of(book)
    starts, loan = rows.starts, rows.loan
    lost = (book["status"] == "charged_off").to_numpy(bool)
    late = (book["dpd"].to_numpy() > 0) & book["status"].isin(["current", "delinquent"]).to_numpy()
    so_far = np.cumsum(late)
    first = late & (so_far - (so_far - late)[starts][loan] == 1)
    first[starts] = False
    entry = np.flatnonzero(first)
    ended = book["status"].isin(ENDED).to_numpy(bool)
    well = ended | (~late & ~lost)
    amounts = [name for name in ("paid_amount", "recovered_amount") if name in book]
    has_amounts = bool(amounts) and "balance" in book
    money = (
        book[amounts].to_numpy(float, na_value=0.0).sum(axis=1) / 100
        if has_amounts
        else np.zeros(len(book))
    )
    owed = book["balance"].to_numpy(float, na_value=0.0)[entry] / 100 if has_amounts else None
    cured, over = np.zeros(len(entry), bool), np.zeros(len(entry), bool)
    collected = np.zeros(len(entry))
    calendar = book["month_end"].to_numpy().astype("datetime64[M]")[entry].astype("datetime64[s]")
    parts = []
    for month in range(months + 1):
        there, inside = rows.away(entry, month)
        cured |= inside & well[there]
        over |= inside & ended[there]
        if month:
            collected += np.where(inside, money[there], 0.0)
        # recoveries of a charged-off loan end, and so do its rows
        over |= inside & lost[there]
        seen = inside | over
        counts: dict[str, Any] = {
            "loans": 1,
            "seen_loans": seen.astype(np.int64),
            "cured_loans": (seen & cured).astype(np.int64),
        }
        if owed is not None:
            at_entry, came = np.where(seen, owed, 0.0), np.where(seen, collected, 0.0)
            counts |= {
                "balance_amount": np.rint(100 * at_entry).astype(np.int64),
                "collected_amount": np.rint(100 * came).astype(np.int64),
                "balance_squares": at_entry**2,
                "collected_squares": came**2,
                "products": at_entry * came,
            }
        keys = {"entry_month": calendar, "month": np.full(len(entry), month)}
        parts.append(pd.DataFrame(keys | counts))
    return pd.concat(parts).groupby(["entry_month", "month"]).sum()


def recovery_table(
    counts: pd.DataFrame,
    observed_to: pd.Timestamp | str,
    *,
    months: Sequence[int] = (1, 3, 6, 12),
    freq: Literal["M", "Q", "Y"] = "Q",
    level: float = 0.95,
) -> pd.DataFrame:
    """Shares cured and collected by so many months after falling behind, by entry cohort.

    Parameters
    ----------
    counts : DataFrame
        Of :func:`recovery_counts`.
    observed_to : date
        Last month-end seen: a cohort is shown at a month that all of it has reached.
    months : sequence of int
        Of those counted.
    freq : {"M", "Q", "Y"}
        Entry cohorts.
    level : float
        Confidence of the intervals, each for itself, in (0, 1).

    Returns
    -------
    DataFrame, index (cohort, month), oldest first
        `loans`, `seen_loans` (the others were lost from view and are left out), `cured_loans`,
        `cured_rate` with Jeffreys interval; with amounts `collected_rate`, all that was collected
        since ÷ the balances at entry (interest counts, so it may pass 1), with the interval of a
        ratio of sums. Fewer than 30 loans seen: NaN rates. No cohort that has come so far, no rows.

    Raises
    ------
    ValueError
        A month that was not counted, or `level` outside (0, 1).

    Source
    ------
    riskkit definition; Cochran (1977), Sampling Techniques, 3rd edition, section 6.4, for the
    ratio.
    """
    check_level(level)
    counted = counts.index.get_level_values("month")
    unknown = sorted(set(months) - set(counted)) if len(counts) else []
    if unknown:
        raise ValueError(f"months {unknown} were not counted, which go to {counted.max()}")
    entry = counts.index.get_level_values("entry_month")
    last = calendar_months([last_month_end(observed_to).to_datetime64()])[0]
    cohort = pd.PeriodIndex(entry, freq=freq)
    # of a quarter, its last month has come so far, too
    newest = calendar_months(cohort.end_time.to_numpy())
    ripe = (newest + counted.to_numpy() <= last) & counted.isin(list(months))
    index = [cohort[ripe].astype(str), counted[ripe]]
    table = counts[ripe].groupby(index).sum().rename_axis(index=["cohort", "month"])
    n, cured = table["seen_loans"].to_numpy(), table["cured_loans"].to_numpy()
    enough = n >= MIN_BADS
    low, high = jeffreys_interval(cured, np.maximum(n, 1), level)
    found = table[["loans", "seen_loans", "cured_loans"]].assign(
        cured_rate=np.where(enough, cured / np.maximum(n, 1), np.nan),
        cured_low=np.where(enough, low, np.nan),
        cured_high=np.where(enough, high, np.nan),
    )
    if "balance_amount" not in table:
        return found
    balance = table["balance_amount"].to_numpy(float) / 100
    came = table["collected_amount"].to_numpy(float) / 100
    ratio = came / np.where(enough & (balance > 0), balance, np.nan)
    squares, products = (table[name].to_numpy() for name in ("balance_squares", "products"))
    spread = table["collected_squares"].to_numpy() - 2 * ratio * products + ratio**2 * squares
    error = np.sqrt(np.maximum(spread, 0)) / balance * special.ndtri(0.5 + level / 2)
    return found.assign(
        collected_rate=ratio,
        collected_low=np.maximum(ratio - error, 0),
        collected_high=ratio + error,
    )


def recovery_text(table: pd.DataFrame, month: int) -> str:
    """Sentences on the newest cohort at a month beside the one before, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`recovery_table`.
    month : int
        After falling behind.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> empty = pd.DataFrame(index=pd.MultiIndex.from_arrays([[], []], names=["cohort", "month"]))
    >>> recovery_text(empty, 3)
    'No cohort of loans that fell behind has been watched for 3 months, or they are too few to say.'
    """
    some = table[table.index.get_level_values("month") == month]
    some = some[some["cured_rate"].notna()] if "cured_rate" in some else some[:0]
    if some.empty:
        return (
            f"No cohort of loans that fell behind has been watched for {month} months, or they are "
            "too few to say."
        )
    some = some.droplevel("month")

    def told(row: pd.Series, name: str) -> str:
        rate, low, high = (row[f"{name}_{end}"] for end in ("rate", "low", "high"))
        return interval_text(rate, low, high, "percent")

    newest = some.iloc[-1]
    text = (
        f"Of {newest['seen_loans']:,.0f} loans that first fell behind in {newest.name}, "
        f"**{told(newest, 'cured')}** had nothing past due, or had ended, at one of the {month} "
        "month-ends after"
    )
    if "collected_rate" in some:
        text += f"; {told(newest, 'collected')} of their balance was collected by then"
    if len(some) > 1:
        before = some.iloc[-2]
        apart = newest["cured_low"] > before["cured_high"]
        apart |= newest["cured_high"] < before["cured_low"]
        text += f" ({before.name}: {told(before, 'cured')} cured, "
        text += "apart beyond chance)" if apart else "not apart beyond chance)"
    return f"{text}."

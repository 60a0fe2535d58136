"""From current to lost: the flow rates of the whole way, their product, and roll to loss.

Takes the performance panel; gives balances and losses by month, which add up over parts split by
loan, and from them the gross loss that their flows foretell, beside what came.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from riskkit.checks import Array, require_columns, whole_loans
from riskkit.columns import calendar_months
from riskkit.migration.balances import bucket_balances
from riskkit.migration.buckets import ABSORBING, NEEDED, Reading, bucket_reading, order_of
from riskkit.migration.moves import FROM, TO, transition_counts
from riskkit.partitions import total
from riskkit.tables import Table

__all__ = [
    "charge_off_bucket",
    "gross_loss_table",
    "gross_loss_text",
    "loss_flow_counts",
    "roll_to_loss",
]

LOST = "lost"


def charge_off_bucket(counts: pd.DataFrame) -> int | None:
    """Bucket that loans would come to in the month they are charged off; None where none are.

    One deeper than the bucket out of which most of the charged-off loans came.

    Parameters
    ----------
    counts : DataFrame
        Of :func:`transition_counts`, with a `max_bucket` deeper than charge-off.

    Raises
    ------
    ValueError
        Most came out of the deepest bucket, which takes all deeper ones in: count more buckets.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> index = pd.MultiIndex.from_product(
    ...     [["M0 current", "M1 1st", "M2+ deeper"], ["charged off"]],
    ...     names=["from_bucket", "to_bucket"])
    >>> charge_off_bucket(pd.DataFrame({"loans": [1, 7, 2]}, index=index))
    2
    """
    moves = counts["loans"].groupby(level=[FROM, TO]).sum().unstack(TO, fill_value=0)
    charged_off = moves.get(ABSORBING["charged_off"])
    if charged_off is None or charged_off.sum() == 0:
        return None
    label = str(charged_off.idxmax())
    if "+" in label.split()[0]:
        raise ValueError(
            f"counts must reach deeper than charge-off: most loans charged off come from {label}"
        )
    return order_of(label)[1] + 1


def loss_flow_counts(
    performance: pd.DataFrame | Table, *, loss_bucket: int, by: Reading | None = None
) -> pd.DataFrame:
    """Balance in each bucket before loss, and what was newly lost, by month-end.

    Lost is a balance whose loan moved into bucket M`loss_bucket` or deeper, or was charged off. One
    that comes back and is lost again is lost twice: the loss is gross. Those of two parts of a
    portfolio that share no loan add up to those of the whole.

    Parameters
    ----------
    performance : DataFrame or Table
        The panel, sorted by loan and month. A Table is counted block by block.
    loss_bucket : int
        The month past due in which a loan is lost, such as :func:`charge_off_bucket` finds.
    by : {"months", "days"}, optional
        As in :func:`bucket_balances`.

    Returns
    -------
    DataFrame of shape (n_months, loss_bucket + 1), index month_end
        int64 fen: a column for each of M0 to M(`loss_bucket` − 1), and "lost", the balance a month
        before of what was lost since. No rows for an empty panel.

    Raises
    ------
    DataContractError
        As :func:`bucket_balances`.
    ValueError
        `loss_bucket` below 2.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> panel = pd.DataFrame({
    ...     "loan_id": "a", "mob": [0, 1, 2], "dpd": [0, 16, 45], "balance": [300, 300, 300],
    ...     "month_end": pd.to_datetime(["2024-01-31", "2024-02-29", "2024-03-31"]),
    ...     "status": ["current", "delinquent", "delinquent"]})
    >>> loss_flow_counts(panel, loss_bucket=2).to_numpy().tolist()
    [[300, 0, 0], [0, 300, 0], [0, 0, 300]]
    """
    if loss_bucket < 2:
        raise ValueError(f"loss_bucket must be >= 2, got {loss_bucket!r}")
    require_columns(performance, ["dpd", "balance"], "performance")
    by = by or bucket_reading(performance)
    if not isinstance(performance, pd.DataFrame):
        return total(
            partial(loss_flow_counts, loss_bucket=loss_bucket, by=by),
            whole_loans(performance),
            columns=[*NEEDED, "balance"],
        )
    balances = bucket_balances(performance, max_bucket=loss_bucket - 1, by=by)
    # the last two columns are stocks of what is lost
    book = balances.iloc[:, :-2]
    moves = transition_counts(performance, max_bucket=loss_bucket, by=by, split=["month_end"])
    source, target = (moves.index.get_level_values(name) for name in (FROM, TO))
    deepest = source.str.startswith(f"M{loss_bucket}+")
    into = target.str.startswith(f"M{loss_bucket}+") | (target == ABSORBING["charged_off"])
    lost = moves["balance"][~deepest & into].groupby(level="month_end").sum()
    return book.assign(**{LOST: lost.reindex(book.index, fill_value=0)})


def gross_loss_table(counts: pd.DataFrame, *, months: int = 3) -> pd.DataFrame:
    """Flow rates from current to lost, and the share of current balances that they let expect lost.

    The flow Mk→Mk+1 is the balance found in bucket k + 1 over that found in bucket k a month
    before, the last one what was newly lost over the deepest bucket, each as a ratio of sums over
    `months` months. Their product is the gross loss rate: of what is current, so much flows through
    to loss, if the flows stay and the current balance does. So it says nothing of loans not yet
    granted, and lags where the current balance changes: in a book that grows, arrears come from a
    smaller one.

    Parameters
    ----------
    counts : DataFrame
        Of :func:`loss_flow_counts`.
    months : int
        That each flow is taken over, at least 1.

    Returns
    -------
    DataFrame of shape (n_months − months, loss_bucket + 3), index month_end
        A column for each flow, "M0→M1" to "M5→loss"; `gross_loss_rate`, their product;
        `realised_rate`, what was lost `loss_bucket` months later over what is current now: what a
        current balance takes to get there; NaN where that is not yet known; `book_loss_amount`,
        every bucket's balance of the month times the flows it still has to pass, in fen. A flow
        out of an empty bucket is NaN and what rests on it too; a month whose `months` before are
        not all there has no row.

    Raises
    ------
    ValueError
        `months` below 1.

    Source
    ------
    OCC, Comptroller's Handbook, Retail Lending Examination Procedures, Appendix G, for rolls and
    their product; what is held against it is riskkit's.

    Examples
    --------
    >>> counts = pd.DataFrame(
    ...     {"M0 current": [1000, 1000, 1000], "M1 1st": [0, 100, 100], "lost": [0, 0, 50]},
    ...     index=pd.DatetimeIndex(["2024-01-31", "2024-02-29", "2024-03-31"], name="month_end"))
    >>> gross_loss_table(counts, months=1)["gross_loss_rate"].tolist()
    [nan, 0.05]
    """
    if months < 1:
        raise ValueError(f"months must be >= 1, got {months!r}")
    amounts = counts.to_numpy(dtype=float)
    n, depth = amounts.shape[0], amounts.shape[1] - 1
    month = calendar_months(counts.index)
    at = np.arange(months, n)
    at = at[month[at] - month[at - months] == months]
    # sums over the months up to each, of what came, and of what it came from
    sums = np.vstack([np.zeros(depth + 1), np.cumsum(amounts, axis=0)])
    came = (sums[at + 1] - sums[at + 1 - months])[:, 1:]
    source = (sums[at] - sums[at - months])[:, :depth]
    flows = np.full(came.shape, np.nan)
    np.divide(came, source, out=flows, where=source > 0)
    current = pd.Series(amounts[:, 0], index=month)
    lost = pd.Series(amounts[:, depth], index=month)
    with np.errstate(divide="ignore", invalid="ignore"):
        realised = lost.reindex(month[at] + depth).to_numpy() / current.reindex(month[at])
    names = [f"M{k}→M{k + 1}" for k in range(depth - 1)] + [f"M{depth - 1}→loss"]
    factors = _loss_factors(flows)
    book = amounts[at, :depth]
    # an empty bucket adds nothing, however it would flow
    to_come = np.where(book > 0, book * factors, 0.0).sum(axis=1)
    return pd.DataFrame(flows, index=counts.index[at], columns=names).assign(
        gross_loss_rate=factors[:, 0],
        realised_rate=realised.where(np.isfinite(realised)).to_numpy(),
        book_loss_amount=to_come,
    )


def roll_to_loss(balance: ArrayLike, roll_rate: ArrayLike) -> pd.DataFrame:
    """What each bucket of a book still loses, by the rates at which balances roll on.

    The loss factor of a bucket is the product of its own roll rate and those of all deeper ones.

    Parameters
    ----------
    balance : array of shape (n_buckets,)
        Outstanding in each bucket, current first; a Series names the rows.
    roll_rate : array of shape (n_buckets,)
        Fraction of each that rolls into the next, of the last into loss.

    Returns
    -------
    DataFrame of shape (n_buckets,)
        `balance`, `roll_rate`, `loss_rate` (the factor), `loss_amount` in the balance's unit,
        unrounded. No buckets give no rows.

    Raises
    ------
    ValueError
        Of unlike length.

    Source
    ------
    OCC, Comptroller's Handbook, Retail Lending Examination Procedures, Appendix G.

    Examples
    --------
    >>> roll_to_loss([900, 100], [0.1, 0.5])["loss_amount"].tolist()
    [45.0, 50.0]
    """
    amounts, rates = np.asarray(balance, dtype=float), np.asarray(roll_rate, dtype=float)
    if amounts.ndim != 1 or amounts.shape != rates.shape:
        raise ValueError(
            f"balance and roll_rate must have one value a bucket, got shapes {amounts.shape} "
            f"and {rates.shape}"
        )
    factors = _loss_factors(rates[np.newaxis])[0]
    columns = {"balance": amounts, "roll_rate": rates, "loss_rate": factors}
    index = balance.index if isinstance(balance, pd.Series) else None
    return pd.DataFrame(columns, index=index).assign(loss_amount=amounts * factors)


def _loss_factors(rates: Array) -> Array:
    """Products of each rate of a row and all that follow it."""
    return np.cumprod(rates[:, ::-1], axis=1)[:, ::-1]


def gross_loss_text(table: pd.DataFrame) -> str:
    """Sentences on the gross loss that the flows foretell, and its limits, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`gross_loss_table`.

    Source
    ------
    riskkit definition.
    """
    known = table["gross_loss_rate"].dropna()
    if known.empty:
        return "There is no flow from current to loss yet: a bucket on the way was always empty."
    depth = table.columns.get_loc("gross_loss_rate")
    text = (
        f"By the flows of {known.index[-1]:%B %Y} and before, **{known.iloc[-1]:.2%}** of what is "
        f"current flows through to loss, which takes {depth} months"
    )
    both = table[["gross_loss_rate", "realised_rate"]].dropna()
    if len(both):
        foretold, came = both["gross_loss_rate"].mean(), both["realised_rate"].mean()
        miss = (both["gross_loss_rate"] - both["realised_rate"]).abs().mean()
        text += (
            f". In the {len(both)} months of which it is known what came, the product said "
            f"{foretold:.2%} on average and {came:.2%} came; a single month was "
            f"{100 * miss:.2f} percentage points off"
        )
    return (
        f"{text}. A product of flows is good for some nine months: it knows the loans on the book "
        "only, takes today's flows for lasting, and lags where the current balance changes, since "
        "today's deeper arrears come from the current balance of months ago. A book that grows is "
        "full of loans too young to be late: of those it says too little."
    )

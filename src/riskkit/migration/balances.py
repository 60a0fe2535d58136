"""The book by bucket and month, and what of it flows one bucket deeper.

Table in: the performance panel. Tables out: balances or loans that add up over parts split by loan,
and the flow rates.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd

from riskkit.checks import require_columns, whole_loans
from riskkit.columns import calendar_months
from riskkit.migration.adjacent import run_starts
from riskkit.migration.buckets import (
    A_DAY,
    ABSORBING,
    NEEDED,
    Reading,
    bucket_labels,
    bucket_reading,
    states,
)
from riskkit.partitions import total
from riskkit.tables import Table

__all__ = ["bucket_balances", "flow_rates"]


def bucket_balances(
    performance: pd.DataFrame | Table,
    *,
    max_bucket: int = 4,
    by: Reading | None = None,
    measure: Literal["balance", "loans"] = "balance",
) -> pd.DataFrame:
    """Outstanding balance of the book in each bucket, or its loans, by month-end.

    Those of two parts of a portfolio that share no loan add up to those of the whole.

    Parameters
    ----------
    performance : DataFrame or Table
        The panel, sorted by loan and month. A Table is counted block by block.
    max_bucket : int
        The last bucket of its own.
    by : {"months", "days"}, optional
        How buckets are read, see :func:`bucket`; by default as :func:`bucket_reading` finds of the
        whole table. Counts of parts add up only where they are read alike.
    measure : {"balance", "loans"}
        Fen, or how many loans, which a panel without balances tells too.

    Returns
    -------
    DataFrame of shape (n_months, max_bucket + 3), index month_end
        int64: a column for each of M0 to M`max_bucket`, one for all deeper ones, and "charged off"
        (charged-off loans as long as they have rows). No rows for an empty panel.

    Raises
    ------
    DataContractError
        A missing column, or a panel not sorted by loan and month.
    ValueError
        `max_bucket` below 1, or an unknown `measure`.

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
    if measure not in ("balance", "loans"):
        raise ValueError(f"measure must be 'balance' or 'loans', got {measure!r}")
    weighed = ["balance"] if measure == "balance" else []
    require_columns(performance, [*NEEDED, *weighed], "performance")
    by = by or bucket_reading(performance)
    if not isinstance(performance, pd.DataFrame):
        count = partial(bucket_balances, max_bucket=max_bucket, by=by, measure=measure)
        return total(count, whole_loans(performance), columns=[*NEEDED, "balance"])
    run_starts(performance)
    columns = [*bucket_labels(max_bucket + 1, by), ABSORBING["charged_off"]]
    state = states(performance, max_bucket + 1, by)
    # prepaid and matured loans have no balance left
    rows = np.flatnonzero(state < len(columns))
    month, months = pd.factorize(calendar_months(performance["month_end"]), sort=True)
    cells = np.zeros(len(months) * len(columns), np.int64)
    key = month[rows] * len(columns) + state[rows]
    np.add.at(cells, key, performance["balance"].to_numpy(np.int64)[rows] if weighed else 1)
    last_days = (months + 1).astype("datetime64[M]").astype("datetime64[D]") - A_DAY
    return pd.DataFrame(
        cells.reshape(len(months), len(columns)),
        index=pd.DatetimeIndex(last_days.astype("datetime64[us]"), name="month_end"),
        columns=columns,
    )


def flow_rates(
    performance_or_balances: pd.DataFrame | Table,
    *,
    max_bucket: int = 4,
    by: Reading | None = None,
) -> pd.DataFrame:
    """Share of each bucket's balance found one bucket deeper a month later.

    Mk→Mk+1 at month t = balance in bucket k+1 at t ÷ balance in bucket k at t − 1. Every bucket
    here is one of its own, so that the last one is no stock of older arrears; charged-off balances
    are in no bucket. A loan whose month was not seen is in no bucket then: gaps make flows out of
    the month before look lower, and those out of it higher.

    Parameters
    ----------
    performance_or_balances : DataFrame or Table
        The panel, or the table of :func:`bucket_balances`, of balances or of loans.
    max_bucket : int
        The last bucket flowed into; with a table of balances, the table's own counts instead.
    by : {"months", "days"}, optional
        As in :func:`bucket_balances`.

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
        balances = bucket_balances(balances, max_bucket=max_bucket, by=by)
    own = [name for name in balances.columns if re.match(r"M\d+ ", name)]
    month = calendar_months(balances.index)
    follows = (month[1:] == month[:-1] + 1)[:, np.newaxis]
    before = balances[own[:-1]].to_numpy(dtype=float)[:-1]
    after = balances[own[1:]].to_numpy(dtype=float)[1:]
    rates = np.full(before.shape, np.nan)
    np.divide(after, before, out=rates, where=follows & (before > 0))
    names = [f"M{k}→M{k + 1}" for k in range(len(own) - 1)]
    return pd.DataFrame(rates, index=balances.index[1:], columns=names)

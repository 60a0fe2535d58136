"""Which loans of a book are looked at one by one: those on the books lately, and those in default.

Takes the performance panel, of any size; gives the few ids, or rows, that need more than counting.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd

from riskkit.arrears.moves_in_arrears import DEFAULT_DPD
from riskkit.checks import Array, loan_starts, whole_loans
from riskkit.partitions import collected
from riskkit.tables import Table

__all__ = ["defaulted_loans", "loans_in_view"]

_READ = ("loan_id", "mob", "month_end", "dpd", "status")
_CASH = (
    *("loan_id", "cohort", "mob", "month_end", "dpd", "status"),
    *("balance", "paid_amount", "recovered_amount"),
)


def defaulted_loans(performance: pd.DataFrame | Table) -> pd.DataFrame:
    """All rows of the loans that were ever in default: what losses are read off.

    Parameters
    ----------
    performance : DataFrame or Table
        The panel, sorted by loan and month. A Table is read block by block, the columns alone that
        tell a loss.

    Returns
    -------
    DataFrame
        In the panel's order, counted from 0.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> panel = pd.DataFrame({
    ...     "loan_id": ["a", "a", "b"], "mob": [0, 1, 0], "dpd": [0, 95, 0],
    ...     "month_end": pd.to_datetime(["2024-01-31", "2024-02-29", "2024-02-29"]),
    ...     "status": ["current", "delinquent", "current"]})
    >>> defaulted_loans(panel)["loan_id"].tolist()
    ['a', 'a']
    """
    return collected(_in_default, whole_loans(performance), columns=_CASH).reset_index(drop=True)


def loans_in_view(
    performance: pd.DataFrame | Table, month_ends: Sequence[pd.Timestamp]
) -> pd.Index:
    """Ids of the loans that were ever in default, or have a row at one of some month-ends.

    Parameters
    ----------
    performance : DataFrame or Table
        The panel, sorted by loan and month. A Table is read block by block.
    month_ends : sequence of Timestamp
        Such as :func:`riskkit.arrears.last_month_ends`.

    Source
    ------
    riskkit definition.
    """
    seen = partial(_seen_at, month_ends=list(month_ends))
    return pd.Index(collected(seen, whole_loans(performance), columns=_READ)["loan_id"])


def _seen_at(performance: pd.DataFrame, month_ends: list[pd.Timestamp]) -> pd.DataFrame:
    starts = loan_starts(performance)
    wanted = _is_bad(performance) | performance["month_end"].isin(month_ends).to_numpy(bool)
    return performance[["loan_id"]].iloc[starts[_any_of_loan(wanted, starts)]]


def _in_default(performance: pd.DataFrame) -> pd.DataFrame:
    starts = loan_starts(performance)
    bad = _any_of_loan(_is_bad(performance), starts)
    return performance[np.repeat(bad, np.diff(np.append(starts, len(performance))))]


def _is_bad(performance: pd.DataFrame) -> Array:
    late = performance["dpd"].to_numpy() > DEFAULT_DPD
    return late | (performance["status"] == "charged_off").to_numpy(bool)


def _any_of_loan(rows: Array, starts: Array) -> Array:
    """Which loans have such a row."""
    return np.logical_or.reduceat(rows, starts) if len(starts) else np.zeros(0, dtype=bool)

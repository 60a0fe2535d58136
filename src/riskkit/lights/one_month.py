"""The applications of one month, out of all.

Takes applications, of any size; gives those of a month, of which more is asked than counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pandas as pd

from riskkit.partitions import collected
from riskkit.tables import Table

__all__ = ["applied_in", "values_seen"]


def applied_in(
    applications: pd.DataFrame | Table, month: pd.Period, columns: Sequence[str]
) -> pd.DataFrame:
    """Applications of a month, in the order of the table, counted from 0.

    Parameters
    ----------
    applications : DataFrame or Table
        applied_at. A Table is read block by block.
    month : Period
    columns : sequence of str
        Those to give, as far as there are.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> asked = pd.DataFrame({"applied_at": pd.to_datetime(["2024-01-31", "2024-02-01"])})
    >>> len(applied_in(asked, pd.Period("2024-02"), ["applied_at", "channel"]))
    1
    """
    wanted = [name for name in columns if name in applications.columns]
    read = list(dict.fromkeys([*wanted, "applied_at"]))
    found = collected(partial(_in_month, month=month), applications, columns=read)
    return found[wanted].reset_index(drop=True)


def _in_month(applications: pd.DataFrame, month: pd.Period) -> pd.DataFrame:
    at = applications["applied_at"]
    return applications[(at >= month.start_time) & (at <= month.end_time)]


def values_seen(applications: pd.DataFrame | Table, column: str) -> list[str]:
    """Values of a column that there are, as text, in order; none where it is not there.

    Parameters
    ----------
    applications : DataFrame or Table
        A Table is read block by block.
    column : str
        Of few values, such as the channel.

    Source
    ------
    riskkit definition.
    """
    if column not in applications.columns:
        return []
    found = collected(partial(_different, column=column), applications, columns=[column])
    return sorted(found[column].astype("str").unique())


def _different(applications: pd.DataFrame, column: str) -> pd.DataFrame:
    return applications[[column]].dropna().drop_duplicates()

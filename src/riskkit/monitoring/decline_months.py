"""Why applications are declined, month by month, channel by channel.

Takes applications; gives counts by month and reason, which add up over any parts, and from them the
newest month against those before.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from riskkit.checks import require_columns
from riskkit.monitoring.month_rates import MonthlyRate, month_signals
from riskkit.monitoring.moved_mix import months_of
from riskkit.partitions import total
from riskkit.tables import Table

__all__ = ["decline_counts", "decline_table"]

NONE = "none"
_READ = ("applied_at", "approved", "declined_reason")


def decline_counts(applications: pd.DataFrame | Table, *, by: str | None = None) -> pd.DataFrame:
    """Applications by month, and how many of them were declined for which reason.

    Counts of any two parts of the applications add up, once a reason that one of them lacks is 0
    in it: :func:`riskkit.partitions.add_counts` of `counts.stack()`.

    Parameters
    ----------
    applications : DataFrame or Table
        `applied_at`, `approved`, `declined_reason` (missing: "none"). A Table is counted
        block by block.
    by : str, optional
        A column to count apart, such as the channel.

    Returns
    -------
    DataFrame, index ([by,] month), int64
        `applications`, and a column for each reason, the most frequent first. Without dates or
        reasons, no rows.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> asked = pd.DataFrame({
    ...     "applied_at": pd.to_datetime(["2024-01-05", "2024-01-09", "2024-02-01"]),
    ...     "approved": [True, False, False], "declined_reason": [None, "rule", "rule"]})
    >>> decline_counts(asked).to_numpy().tolist()
    [[2, 1], [1, 1]]
    """
    names = ["month"] if by is None else [by, "month"]
    if not {"applied_at", "approved", "declined_reason"} <= set(applications.columns):
        empty = pd.DatetimeIndex([], name="month")
        index = empty if by is None else pd.MultiIndex.from_arrays([[], empty], names=names)
        return pd.DataFrame(index=index)
    if not isinstance(applications, pd.DataFrame):
        read = [*_READ, *([] if by is None else [by])]
        count = partial(_by_reason, by=by)
        long = total(count, applications, columns=read)["n"].unstack("reason", fill_value=0)
        order = long.drop(columns="").sum().sort_values(ascending=False, kind="stable").index
        return long.rename(columns={"": "applications"})[["applications", *order]].rename_axis(
            columns=None
        )
    keys: list[Any] = [months_of(applications["applied_at"])]
    if by is not None:
        require_columns(applications, [by], "applications")
        keys.insert(0, applications[by].astype("string").fillna(NONE).astype(object).to_numpy())
    declined = ~applications["approved"].to_numpy(bool)
    reason = applications["declined_reason"].astype("string").fillna(NONE).astype(object)
    reasons = reason[declined].value_counts().index
    columns = {"applications": np.ones(len(applications), dtype=np.int64)}
    for name in reasons:
        columns[str(name)] = (declined & (reason == name).to_numpy()).astype(np.int64)
    return pd.DataFrame(columns).groupby(keys).sum().rename_axis(names)


def _by_reason(applications: pd.DataFrame, by: str | None) -> pd.DataFrame:
    """Applications by month and reason, "" of all."""
    counts = decline_counts(applications, by=by).rename(columns={"applications": ""})
    long = counts.melt(var_name="reason", value_name="n", ignore_index=False)
    return long.set_index("reason", append=True)


def decline_table(
    counts: pd.DataFrame, observed_to: pd.Timestamp | str, *, months: int = 12
) -> pd.DataFrame:
    """Share of all applications declined for each reason: the newest month against those before.

    Parameters
    ----------
    counts : DataFrame
        Of :func:`decline_counts`.
    observed_to : date
    months : int
        As for :func:`month_signals`.

    Returns
    -------
    DataFrame, index ([part,] rate), the rate being the reason
        As of :func:`month_signals`; neither way is worse.

    Source
    ------
    riskkit definition.
    """
    reasons = [name for name in counts.columns if name != "applications"]
    rates = {str(name): MonthlyRate(str(name), "applications", str(name)) for name in reasons}
    return month_signals(counts, observed_to, rates=rates, months=months)

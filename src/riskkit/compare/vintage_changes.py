"""Whether the same cohorts stand alike in two runs, and what has matured since.

Takes vintage curves with the loans of their cohorts; gives a row per cohort and month on book.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from riskkit import metrics

__all__ = [
    "MILESTONES",
    "cohort_milestones",
    "cohort_names",
    "matured_milestones",
    "vintage_changes",
]

MILESTONES = (3, 6, 9, 12, 18, 24, 36)


def cohort_milestones(
    curves: pd.DataFrame, loans: pd.Series, months: Sequence[int] = MILESTONES
) -> pd.DataFrame:
    """Share of each cohort gone bad by each milestone that all of its loans have reached.

    Parameters
    ----------
    curves : DataFrame, index cohort (first day), columns mob
        Of :func:`riskkit.vintage.vintage_table`, by loans.
    loans : Series, index cohort
    months : sequence of int

    Returns
    -------
    DataFrame, index (cohort, mob)
        loans, bad, bad_rate, low, high (Jeffreys, 95 %).
    """
    reached = curves[curves.columns.intersection(list(months))]
    long = reached.rename_axis("cohort").reset_index().melt("cohort", var_name="mob")
    rates = (
        long.astype({"mob": "int64"}).set_index(["cohort", "mob"])["value"].dropna().sort_index()
    )
    n = loans.reindex(rates.index.get_level_values("cohort")).to_numpy(dtype=float)
    bad = np.round(rates.to_numpy(dtype=float) * n)
    low, high = metrics.jeffreys_interval(bad, n, 0.95)
    table = pd.DataFrame({"loans": n, "bad": bad}, index=rates.index)
    return table.assign(bad_rate=rates, low=low, high=high)


def cohort_names(table: pd.DataFrame, cohort_freq: str) -> pd.DataFrame:
    """The table with its cohorts named as 05 names them: "2024Q1", or "2024-01" and "2024".

    Examples
    --------
    >>> names = ["cohort", "mob"]
    >>> index = pd.MultiIndex.from_tuples([(pd.Timestamp("2024-01-01"), 6)], names=names)
    >>> cohort_names(pd.DataFrame(index=index), "Q").index.tolist()
    [('2024Q1', 6)]
    """
    starts = pd.DatetimeIndex(table.index.get_level_values("cohort"))
    names = starts.to_period(cohort_freq).astype(str)
    index = pd.MultiIndex.from_arrays(
        [names, table.index.get_level_values("mob")], names=["cohort", "mob"]
    )
    return table.set_axis(index)


def vintage_changes(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """Milestones that both runs know.

    Parameters
    ----------
    a, b : DataFrame
        Of :func:`cohort_milestones`.

    Returns
    -------
    DataFrame, index (cohort, mob)
        The columns of both with _a and _b; difference (B less A); changed: whether loans or bads
        are others; added: whether loans that B has more may be all that is. A cohort's past does
        not change: what changed and was not added to, is a change in the data.
    """
    table = a.add_suffix("_a").join(b.add_suffix("_b"), how="inner")
    table["difference"] = table["bad_rate_b"] - table["bad_rate_a"]
    table["changed"] = (table["loans_a"] != table["loans_b"]) | (table["bad_a"] != table["bad_b"])
    more_loans, more_bads = table["loans_b"] - table["loans_a"], table["bad_b"] - table["bad_a"]
    table["added"] = table["changed"] & more_bads.between(0, more_loans) & (more_loans > 0)
    return table


def matured_milestones(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """Milestones that only B knows: of new cohorts, and of cohorts that have aged.

    Returns
    -------
    DataFrame, index (cohort, mob)
        loans, bad, bad_rate, low, high, and new: whether A knows no milestone of the cohort.
    """
    table = b[~b.index.isin(a.index)].copy()
    known = a.index.get_level_values("cohort")
    table["new"] = ~table.index.get_level_values("cohort").isin(known)
    return table

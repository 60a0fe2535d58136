"""What is measured each month: the signs that lights are lit by.

Takes tables of monthly counts, or applications; gives a row per sign and month with what was
counted, and when it was known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from riskkit.partitions import total
from riskkit.schema import LimitsFile
from riskkit.tables import Table

__all__ = ["SIGNS", "Sign", "join_signs", "monthly_signs", "share_signs"]

KINDS = ("number", "rate", "amount_rate", "mean", "amount")
_ALL = "all applications"
COLUMNS = ["numerator", "denominator", "squares", "kind", "known"]


@dataclass(frozen=True)
class Sign:
    """Which columns of monthly counts make a figure, and how it varies.

    Parameters
    ----------
    numerator : str
    denominator : str
        Empty of a plain number.
    kind : {"number", "rate", "amount_rate", "mean", "amount"}
        How single loans move it: a number as Poisson's, a rate of counts as the binomial, a mean by
        the sum of squares. Rates of money and amounts have no such law; how months differ is all
        that is known of them.
    squares : str
        Sum of squares of a mean.
    lag_days : int
        So many days after the month's end all of it is known.
    """

    numerator: str
    denominator: str = ""
    kind: str = "rate"
    squares: str = ""
    lag_days: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {self.kind!r}")
        if (self.kind in ("number", "amount")) != (not self.denominator):
            raise ValueError(f"a {self.kind} takes no denominator, all others one")


SIGNS: Mapping[str, Sign] = {
    "applications": Sign("applications", kind="number"),
    "disbursed_amount": Sign("disbursed_amount", kind="amount"),
    "approval": Sign("approved", "applications"),
    "booking": Sign("booked", "approved"),
    "override": Sign("overrides", "approved"),
    "exception": Sign("exceptions", "approved"),
    "bad": Sign("bad", "labelled"),
    "fpd1": Sign("fpd1_missed", "fpd1_due", lag_days=1),
    "fpd7": Sign("fpd7_missed", "fpd7_due", lag_days=7),
    "fpd30": Sign("fpd30_missed", "fpd30_due", lag_days=30),
    "entered": Sign("entered", "entered_due", lag_days=1),
    "collected_0": Sign("collected_0_amount", "due_0_amount", kind="amount_rate"),
    "collected_1": Sign("collected_1_amount", "due_1_amount", kind="amount_rate", lag_days=1),
    "collected_3": Sign("collected_3_amount", "due_3_amount", kind="amount_rate", lag_days=3),
    "collected_7": Sign("collected_7_amount", "due_7_amount", kind="amount_rate", lag_days=7),
    "mob3_30": Sign("mob3_30", "mob3_loans"),
    "m0_m1": Sign("m0_m1_loans", "m0_loans"),
    "m1_m2": Sign("m1_m2_loans", "m1_loans"),
    "m2_m3": Sign("m2_m3_loans", "m2_loans"),
    "m0_m1_balance": Sign("m0_m1_balance", "m0_balance", kind="amount_rate"),
    "m1_m2_balance": Sign("m1_m2_balance", "m1_balance", kind="amount_rate"),
    "m2_m3_balance": Sign("m2_m3_balance", "m2_balance", kind="amount_rate"),
    "open_30": Sign("open_30", "open_loans"),
    "balance_30": Sign("balance_30", "balance", kind="amount_rate"),
    "mean_score": Sign("score_sum", "scored", kind="mean", squares="score_squares"),
    "mean_ticket": Sign("disbursed_amount", "disbursed", kind="mean", squares="disbursed_squares"),
}
# sums of money are in hundredths of the currency, their squares in whole units of it
IN_HUNDREDTHS = ("disbursed_amount", "mean_ticket")


def monthly_signs(counts: pd.DataFrame, observed_to: pd.Timestamp | str) -> pd.DataFrame:
    """What each sign counted in each month, as far as the counts tell it.

    Parameters
    ----------
    counts : DataFrame, index month (first day)
        Columns of whole counts and sums as :data:`SIGNS` names them; a sign whose columns are not
        there is no row.
    observed_to : date
        Last day seen. A month that is not over by then, or whose figures are not all known, is
        left out.

    Returns
    -------
    DataFrame, index (light, month)
        `numerator`, `denominator` (NaN of a plain number), `squares` (NaN but of a mean), `kind`
        of the :class:`Sign`, `known` (day from which all of the month is known). A month without
        a denominator tells nothing and is left out.

    Raises
    ------
    ValueError
        The index is not of months.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> months = pd.date_range("2024-01-01", periods=2, freq="MS", name="month")
    >>> counts = pd.DataFrame({"approved": [40, 50], "applications": [80, 80]}, index=months)
    >>> monthly_signs(counts, "2024-02-29")[["numerator", "denominator", "kind"]]
    ... # doctest: +NORMALIZE_WHITESPACE
                             numerator  denominator    kind
    light        month
    applications 2024-01-01       80.0          NaN  number
                 2024-02-01       80.0          NaN  number
    approval     2024-01-01       40.0         80.0    rate
                 2024-02-01       50.0         80.0    rate
    """
    if not isinstance(counts.index, pd.DatetimeIndex):
        raise ValueError(f"counts must be indexed by month, got {counts.index.names}")
    parts = {}
    for name, sign in SIGNS.items():
        wanted = [sign.numerator, sign.denominator, sign.squares]
        if not {column for column in wanted if column} <= set(counts.columns):
            continue
        scale = 100 if name in IN_HUNDREDTHS else 1
        parts[name] = pd.DataFrame(
            {
                "numerator": counts[sign.numerator].to_numpy(float) / scale,
                "denominator": counts[sign.denominator].to_numpy(float)
                if sign.denominator
                else np.nan,
                "squares": counts[sign.squares].to_numpy(float) if sign.squares else np.nan,
                "kind": sign.kind,
                "known": counts.index + pd.offsets.MonthEnd(0) + pd.Timedelta(days=sign.lag_days),
            },
            index=counts.index,
        )
    return _known_signs(parts, observed_to)


def share_signs(
    applications: pd.DataFrame | Table, limits: LimitsFile, observed_to: pd.Timestamp | str
) -> pd.DataFrame:
    """Shares of the applications of each month that lights of the limits file ask for.

    Parameters
    ----------
    applications : DataFrame or Table
        `applied_at` and, as far as there are, `channel` and `declined_reason`. A Table is counted
        block by block.
    limits : LimitsFile
        A light "channel_partner" asks for applications whose `channel` is "partner"; of a value
        that no application has, the share is 0.
    observed_to : date
        As in :func:`monthly_signs`.

    Returns
    -------
    DataFrame
        As of :func:`monthly_signs`. A light whose column is not there has no row.

    Source
    ------
    riskkit definition.
    """
    asked = [name for name in limits.lights if name.startswith(LimitsFile.SHARES)]
    asked = [name for name in asked if _column_of(name) in applications.columns]
    if not asked or "applied_at" not in applications.columns or not len(applications):
        return _known_signs({}, observed_to)
    columns = ["applied_at", *dict.fromkeys(map(_column_of, asked))]
    counts = total(partial(_with_values, asked=asked), applications, columns=columns)
    first, last = counts.index.min(), counts.index.max()
    months = pd.date_range(first, last, freq="MS", name="month")
    counts = counts.reindex(months, fill_value=0)
    parts = {}
    for name in asked:
        parts[name] = pd.DataFrame(
            {
                "numerator": counts[name].astype(float),
                "denominator": counts[_ALL].to_numpy(float),
                "squares": np.nan,
                "kind": "rate",
                "known": months + pd.offsets.MonthEnd(0),
            },
            index=months,
        )
    return _known_signs(parts, observed_to)


def _with_values(applications: pd.DataFrame, asked: list[str]) -> pd.DataFrame:
    """Applications by month, and those of each value asked for."""
    month = applications["applied_at"].dt.to_period("M").dt.to_timestamp()
    chosen = {_ALL: np.ones(len(month), dtype=bool)}
    for name in asked:
        column = _column_of(name)
        values = applications[column]
        # a value may be called "None"; a missing one is none
        is_asked = values.notna() & (values.astype("str") == name[len(column) + 1 :])
        chosen[name] = is_asked.to_numpy(bool)
    return pd.DataFrame(chosen).astype(np.int64).groupby(month.to_numpy()).sum()


def join_signs(*tables: pd.DataFrame) -> pd.DataFrame:
    """Several tables of signs as one; a sign that stands in two is refused.

    Raises
    ------
    ValueError
        Names the sign.
    """
    some = [table for table in tables if len(table)]
    if not some:
        return _known_signs({}, pd.Timestamp("2000-01-01"))
    joined = pd.concat(some)
    twice = joined.index[joined.index.duplicated()]
    if len(twice):
        raise ValueError(f"each sign once a month, got twice: {twice[0][0]}, {twice[0][1]:%Y-%m}")
    return joined


def _column_of(light: str) -> str:
    """Column of the applications whose value's share a light is."""
    return next(start for start in LimitsFile.SHARES if light.startswith(start)).removesuffix("_")


def _known_signs(
    parts: Mapping[str, pd.DataFrame], observed_to: pd.Timestamp | str
) -> pd.DataFrame:
    """Parts by sign as one table, without what is not known yet or tells nothing."""
    if not parts:
        index = pd.MultiIndex.from_arrays([[], pd.DatetimeIndex([])], names=["light", "month"])
        return pd.DataFrame(columns=COLUMNS, index=index)
    table = pd.concat(parts, names=["light", "month"])
    seen = table["known"] <= pd.Timestamp(observed_to)
    return table[seen & ((table["denominator"] > 0) | table["denominator"].isna())]

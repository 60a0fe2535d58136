"""Yesterday and the seven days that end with it, beside the eight weeks before.

Takes applications and instalments; gives a row a figure, and what they say in words. A day says
little by itself: it is shown, and whole weeks are compared.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special

from riskkit.chance import holm, p_text
from riskkit.checks import check_level, require_columns
from riskkit.columns import number_text
from riskkit.first_payments import collection_counts
from riskkit.partitions import total
from riskkit.tables import Table

__all__ = ["days_shown", "days_table", "days_text"]

WEEK, WEEKS = 7, 8
LEAST_WEEKS = 5  # of the weeks before with anything to count, to know how weeks differ
TOO_FEW, BEYOND, CHANCE = "too few to say", "beyond chance", "may be chance"
APPLICATIONS, APPROVAL, LENT = "applications", "approved, of applications", "amount lent"
DUE, COLLECTED = "amount due", "collected by the due day, of the amount due"
# what falls due in a week follows from the day of the month, not from how business goes
_NOT_TESTED = (DUE,)
_READ = ("applied_at", "approved", "booked", "booked_amount", "amount")
_Pair = tuple[pd.Series, pd.Series | None]
COLUMNS = ["day", "yesterday", "week", "before", "low", "high", "p_value", "p_adjusted", "told"]


def days_table(
    applications: pd.DataFrame | Table,
    observed_to: pd.Timestamp | str,
    *,
    instalments: pd.DataFrame | Table | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """The last day, the seven days that end with it, and the eight weeks before these.

    Whole weeks are compared, so that weekdays do not matter: Student's interval for one more week
    of the kind of the eight before, on their mean and standard deviation, and the p-value of the
    week that came.

    Parameters
    ----------
    applications : DataFrame or Table
        `applied_at`, and where there are any `approved`, `booked`, `amount` or `booked_amount`. A
        Table is counted block by block.
    observed_to : date
        The last day seen.
    instalments : DataFrame or Table, optional
        Of the contract.
    level : float
        Of the interval, in (0, 1).

    Returns
    -------
    DataFrame, index figure
        `day` (the last one); `yesterday`, what was counted on it; `week`, the mean of its seven
        days (a share: of all cases in them); `before`, the mean of the eight weeks, in the same
        unit a day; `low`, `high`, where such a week lies; `p_value` (two-sided), `p_adjusted` after
        Holm; `told`: "beyond chance", "may be chance", or "too few to say", with NaN, where fewer
        than five of the weeks before have any case, they do not differ, or the figure follows from
        the calendar (what falls due). Amounts in units of the currency. Figures that the source
        does not tell are no rows; without applications there are none.

    Raises
    ------
    DataContractError
        No `applied_at`; instalments that are none.
    ValueError
        `level` outside (0, 1).

    Source
    ------
    riskkit definition; Hahn, Meeker (1991), Statistical Intervals, section 4.7.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", "2024-03-31")
    >>> applied = days.repeat(np.where(days > "2024-03-24", 20, 9 + np.arange(len(days)) % 5))
    >>> table = days_table(pd.DataFrame({"applied_at": applied}), "2024-03-31")
    >>> table["week"].tolist(), table["told"].tolist()
    ([20.0], ['beyond chance'])
    """
    check_level(level)
    require_columns(applications, ["applied_at"], "applications")
    day = pd.Timestamp(observed_to).normalize()
    parts = _of_applications(applications)
    if instalments is not None and len(instalments):
        counts = collection_counts(instalments, day, days=[0])
        parts[DUE] = counts["due_amount"] / 100, None
        parts[COLLECTED] = counts["paid_0_amount"] / 100, counts["due_amount"] / 100
    days = pd.date_range(end=day, periods=WEEK * (WEEKS + 1))
    rows = {
        name: _row(name, _on(sums, days), None if whole is None else _on(whole, days), level)
        for name, (sums, whole) in parts.items()
        if len(applications)
    }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=COLUMNS[1:7])
    table = table.rename_axis("figure").astype(float)
    table.insert(0, "day", day)
    table["p_adjusted"] = holm(table["p_value"])
    is_known = table["p_value"].notna()
    table["told"] = np.where(
        is_known, np.where(table["p_adjusted"] < 1 - level, BEYOND, CHANCE), TOO_FEW
    )
    return table


def days_shown(table: pd.DataFrame) -> pd.DataFrame:
    """The table as a page shows it: each figure in its own unit, the interval in one cell.

    Parameters
    ----------
    table : DataFrame
        Of :func:`days_table`.

    Source
    ------
    riskkit definition.
    """
    told = {
        name: [
            *(_written(name, row[column]) for column in ("yesterday", "week", "before")),
            "–"
            if pd.isna(row["low"])
            else f"{_written(name, row['low'])} to {_written(name, row['high'])}",
            row["told"],
        ]
        for name, row in table.iterrows()
    }
    columns = ["yesterday", "last 7 days, a day", "8 weeks before", "usual", "verdict"]
    return pd.DataFrame.from_dict(told, orient="index", columns=columns).rename_axis("figure")


def days_text(table: pd.DataFrame) -> str:
    """What of the last seven days lies beyond the usual spread of weeks, in words.

    Parameters
    ----------
    table : DataFrame
        Of :func:`days_table`.

    Source
    ------
    riskkit definition.
    """
    if table.empty:
        return "Nobody has applied, so no day can be told."
    known = table[table["told"] != TOO_FEW]
    if known.empty:
        return "There are **too few** weeks before, or too few cases, to say whether a week is odd."
    odd = known[known["told"] == BEYOND]
    if odd.empty:
        return (
            f"None of {len(known)} figures of the last seven days lies **beyond** what weeks "
            "differ by: a single day beside them says nothing by itself."
        )
    shown = odd[["week", "before", "low", "high"]].apply(
        lambda row: [_written(row.name, value) for value in row], axis=1
    )
    told = "; ".join(
        f"**{name}** {week} against {before} before ({low} to {high} is usual, adjusted "
        f"{p_text(odd.loc[name, 'p_adjusted'])})"
        for name, (week, before, low, high) in shown.items()
    )
    return f"The last seven days lie beyond what weeks differ by: {told}."


def _written(figure: object, value: float) -> str:
    """A figure as it is told: a share per cent, a count or an amount in whole units."""
    return number_text(value, "percent" if figure in (APPROVAL, COLLECTED) else "whole")


def _of_applications(applications: pd.DataFrame) -> dict[str, _Pair]:
    """Each figure that applications tell, by day: its count or sum, and what it is a share of."""
    sums = total(_by_day, applications, columns=_READ)
    found: dict[str, _Pair] = {APPLICATIONS: (sums[APPLICATIONS], None)}
    if APPROVAL in sums:
        found[APPROVAL] = sums[APPROVAL], sums[APPLICATIONS]
    if LENT in sums:
        found[LENT] = sums[LENT] / 100, None
    return found


def _by_day(applications: pd.DataFrame) -> pd.DataFrame:
    """Applications, approved ones and what was lent, fen, by day."""
    columns = {APPLICATIONS: np.ones(len(applications), dtype=np.int64)}
    if "approved" in applications:
        columns[APPROVAL] = applications["approved"].fillna(False).to_numpy(bool).astype(np.int64)
    amount = next((name for name in ("booked_amount", "amount") if name in applications), None)
    if "booked" in applications and amount:
        booked = applications["booked"].fillna(False).to_numpy(bool)
        columns[LENT] = applications[amount].where(booked, 0).to_numpy()
    applied = applications["applied_at"].dt.normalize().to_numpy()
    return pd.DataFrame(columns).groupby(applied).sum()


def _on(counted: pd.Series, days: pd.DatetimeIndex) -> np.ndarray:
    """By week and day, 0 where nothing was counted."""
    return counted.reindex(days).fillna(0).to_numpy(dtype=float).reshape(-1, WEEK)


def _row(name: str, sums: np.ndarray, whole: np.ndarray | None, level: float) -> list[float]:
    """The figures of one row; NaN where there is too little to say."""
    with np.errstate(invalid="ignore", divide="ignore"):
        if whole is None:
            values, yesterday = sums.mean(axis=1), sums[-1, -1]
            has_cases = sums.sum(axis=1) > 0
        else:
            values, yesterday = sums.sum(axis=1) / whole.sum(axis=1), sums[-1, -1] / whole[-1, -1]
            has_cases = whole.sum(axis=1) > 0
    before = values[:-1][has_cases[:-1]]
    mean = before.mean() if len(before) else np.nan
    row = [yesterday, values[-1], mean]
    spread = before.std(ddof=1) * np.sqrt(1 + 1 / len(before)) if len(before) > 1 else 0.0
    if len(before) < LEAST_WEEKS or not spread or name in _NOT_TESTED or np.isnan(values[-1]):
        return [*row, np.nan, np.nan, np.nan]
    degrees = len(before) - 1
    width = special.stdtrit(degrees, 0.5 + level / 2) * spread
    p_value = 2 * special.stdtr(degrees, -abs(values[-1] - mean) / spread)
    return [*row, mean - width, mean + width, p_value]

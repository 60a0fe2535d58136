"""What will be lent, for a page: sums ahead beside what came, weeks for a picture, and words.

Takes lending by day and its paths; gives tables, and Markdown.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from riskkit.checks import Array, check_level
from riskkit.columns import interval_text
from riskkit.runoff.daily_lending import LEAST_WEEKS, lending_paths

__all__ = ["lending_table", "lending_text", "lending_weeks"]

_HORIZONS = (30, 91, 365)
_WEEKS_SHOWN = 52
_TABLE = [
    "paid_out_amount", "paid_out_low", "paid_out_high", "came_amount", "foretold_amount",
    "foretold_low", "foretold_high", "was_inside",
]  # fmt: skip


def lending_table(
    daily: pd.DataFrame, paths: Array, *, level: float = 0.9, seed: int = 1
) -> pd.DataFrame:
    """What will be paid out within some days, and whether the same forecast held before.

    Parameters
    ----------
    daily : DataFrame
        Of :func:`daily_lending`.
    paths : int64 array of shape (n_paths, n_days)
        Of :func:`lending_paths`, from the day after the last of `daily`.
    level : float
        Of the intervals, which are those of prediction.
    seed : int
        Of the forecast as it would have been.

    Returns
    -------
    DataFrame, index days (30, 91 and 365, as far as the paths reach)
        `paid_out_amount` (mean), `paid_out_low`, `paid_out_high`; of the same number of days up to
        the last: `came_amount`, and what would have been foretold of it the day before they began,
        `foretold_amount`, `foretold_low`, `foretold_high`, NaN where nothing was known then; all in
        fen. `was_inside`, missing where nothing was foretold.

    Raises
    ------
    ValueError
        `level` outside (0, 1).

    Source
    ------
    riskkit definition.
    """
    check_level(level)
    ends = [0.5 - level / 2, 0.5 + level / 2]
    came = daily["paid_out_amount"]
    rows = {}
    for days in [n for n in _HORIZONS if n <= paths.shape[1]]:
        sums = paths[:, :days].sum(axis=1)
        low, high = np.quantile(sums, ends)
        row = {"paid_out_amount": sums.mean(), "paid_out_low": low, "paid_out_high": high}
        row["came_amount"] = float(came.iloc[-days:].sum()) if len(came) >= days else np.nan
        told = dict.fromkeys(["foretold_amount", "foretold_low", "foretold_high"], np.nan)
        before = daily.iloc[: -days or None]
        if len(before) >= 7 * LEAST_WEEKS:
            earlier = lending_paths(before, days, len(paths), seed).sum(axis=1)
            told = dict(zip(told, [earlier.mean(), *np.quantile(earlier, ends)], strict=True))
        inside = told["foretold_low"] <= row["came_amount"] <= told["foretold_high"]
        unknown = np.isnan(told["foretold_amount"])
        rows[days] = row | told | {"was_inside": pd.NA if unknown else inside}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=_TABLE).rename_axis("days")
    return table.astype({"was_inside": "boolean"})


def lending_weeks(daily: pd.DataFrame, paths: Array, *, level: float = 0.9) -> pd.DataFrame:
    """What was paid out week by week in the last year, and what may be, for a picture.

    Parameters
    ----------
    daily, paths, level
        As for :func:`lending_table`.

    Returns
    -------
    DataFrame, index week (its last day; weeks end with the weekday of the last of `daily`)
        Whole weeks: `paid_out_amount` of those behind, NaN ahead; `foretold_amount` (mean of the
        paths), `foretold_low`, `foretold_high` of those ahead, NaN behind. Fen.

    Raises
    ------
    ValueError
        `level` outside (0, 1).
    """
    check_level(level)
    n_behind, n_ahead = min(len(daily) // 7, _WEEKS_SHOWN), paths.shape[1] // 7
    came = daily["paid_out_amount"].to_numpy(float)[len(daily) - 7 * n_behind :]
    ahead = paths[:, : 7 * n_ahead].reshape(len(paths), n_ahead, 7).sum(axis=2)
    low, high = np.quantile(ahead, [0.5 - level / 2, 0.5 + level / 2], axis=0)
    behind, beyond = np.full(n_behind, np.nan), np.full(n_ahead, np.nan)
    columns = {"paid_out_amount": (came.reshape(n_behind, 7).sum(axis=1), beyond)}
    for end, values in (("amount", ahead.mean(axis=0)), ("low", low), ("high", high)):
        columns[f"foretold_{end}"] = (behind, values)
    index = pd.DatetimeIndex([], name="week")
    if len(daily):
        first = daily.index[-1] - pd.Timedelta(weeks=n_behind - 1)
        index = pd.date_range(first, periods=n_behind + n_ahead, freq="7D", name="week")
    return pd.DataFrame(
        {name: np.concatenate(parts) for name, parts in columns.items()}, index=index
    )


def lending_text(daily: pd.DataFrame, table: pd.DataFrame, currency: str) -> str:
    """Sentences on what will be lent and how far that can be known, as Markdown.

    Parameters
    ----------
    daily : DataFrame
        Of :func:`daily_lending`.
    table : DataFrame
        Of :func:`lending_table`.
    currency : str
    """
    if table.empty:
        return "How much will be lent is **not known**: the days behind are too few."
    last = table.iloc[-1]
    amount, low, high = (last[f"paid_out_{end}"] / 100 for end in ("amount", "low", "high"))
    sure = interval_text(amount, low, high, "whole")
    text = f"Within {table.index[-1]} days **{sure} {currency}** will be paid out, fees withheld "
    text += "taken off; the interval holds nine times of ten"
    told = table[table["was_inside"].notna()]
    if len(told):
        missed = told.index[~told["was_inside"].astype(bool)]
        text += ". The same forecast, made so many days ago, held"
        if len(missed):
            named = ", ".join(str(days) for days in missed)
            text += f" not for {named} days: **the stream has turned, or it was the chance of one "
            text += "in ten**"
        else:
            text += f" for {', '.join(str(days) for days in told.index)} days"
    text += ". A loan counts on the day of its application"
    if bool(daily["is_spread"].any()):
        text += "; of this source months alone are known, spread evenly over their days, so that "
        text += "bursts within a month are not seen"
    return f"{text}."

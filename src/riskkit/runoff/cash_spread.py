"""How far cash scatters over the paths, and how much of it a common climate adds.

Takes simulated :class:`riskkit.runoff.FutureCash`, named; gives a table by horizon, and words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from riskkit.checks import Array
from riskkit.columns import interval_text
from riskkit.runoff.future_cash import FutureCash
from riskkit.runoff.path_quantiles import quantile_interval

__all__ = ["spread_table", "spread_text"]

_RARE = 0.01


def spread_table(
    courses: Mapping[str, FutureCash], *, horizons: Sequence[int] = (1, 3, 12)
) -> pd.DataFrame:
    """Scatter of the cash collected by some horizons, in each of some simulations.

    Parameters
    ----------
    courses : mapping of name to FutureCash
        Of the same loans and months, such as without and with a common climate; the first is what
        the others are held against.
    horizons : sequence of int
        Months ahead; those beyond the months simulated are left out.

    Returns
    -------
    DataFrame, index (months, course)
        Of the cash collected in so many months together, fen: `mean_amount`, `sd_amount`,
        `low_amount` (fallen short of on 1 path of 100) with its 95 % interval `low_amount_low`,
        `low_amount_high` by order statistics (NaN where there are too few paths), `gap_amount`
        (mean less low) and `gap_ratio` (of the first course's; NaN where that is 0).

    Raises
    ------
    ValueError
        No simulation, or one of a single path.

    Source
    ------
    :func:`riskkit.runoff.quantile_interval`.
    """
    if not courses or min(cash.n_paths for cash in courses.values()) < 2:
        raise ValueError("courses must be simulations of two paths or more")
    n_months = min(len(cash.months) for cash in courses.values())
    collected = {
        name: cash.total("collected_amount").cumsum(axis=1) for name, cash in courses.items()
    }
    rows = {
        (horizon, name): _spread(values[:, horizon - 1])
        for horizon in horizons
        if horizon <= n_months
        for name, values in collected.items()
    }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(_spread(np.zeros(2))))
    table.index = pd.MultiIndex.from_tuples(list(rows), names=["months", "course"])
    first = table["gap_amount"].groupby(level="months").transform("first")
    return table.assign(gap_ratio=table["gap_amount"] / first.where(first > 0))


def spread_text(table: pd.DataFrame, currency: str) -> str:
    """Sentences on what the last course adds to the scatter of the first, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`spread_table`; its last course is told beside its first.
    currency : str
    """
    if table.empty:
        return "No month ahead was simulated."
    first, name = table.index[0][1], table.index[-1][1]
    parts = []
    for months, row in table.xs(name, level="course").iloc[::-1].iterrows():
        span = f"{months} month{'' if months == 1 else 's'}"
        amount, low, high = (row[f"low_amount{end}"] / 100 for end in ("", "_low", "_high"))
        text = f"- within {span} {row['mean_amount'] / 100:,.0f} {currency} are expected; "
        text += (
            f"one path of a hundred brings less than {interval_text(amount, low, high, 'whole')}"
        )
        if name != first and not np.isnan(row["gap_ratio"]):
            text += f", {_apart(table.loc[(months, first)], row)}"
        parts.append(f"{text}.")
    return f"{name[:1].upper()}{name[1:]}:\n\n" + "\n".join(parts)


def _apart(first: pd.Series, row: pd.Series) -> str:
    """How many times as far the rare amount lies below the mean, if chance does not explain it."""
    ends = (
        (row["mean_amount"] - row[f"low_amount_{own}"])
        / (first["mean_amount"] - first[f"low_amount_{other}"])
        for own, other in (("high", "low"), ("low", "high"))
    )
    low, high = ends
    told = f"{row['gap_ratio']:.2f} times"
    if np.isnan(low):
        return f"{told} as far below as {first.name[1]}"
    told += f" ({low:.2f} to {high:.2f})"
    if low <= 1 <= high:
        return f"{told} as far below as {first.name[1]}, no more than chance explains"
    return f"**{told}** as far below as {first.name[1]}"


def _spread(amounts: Array) -> dict[str, float]:
    mean, low = float(amounts.mean()), float(np.quantile(amounts, _RARE))
    ends = quantile_interval(amounts, _RARE)[1:]
    known = not np.isnan(ends).any()
    return {
        "mean_amount": mean,
        "sd_amount": float(amounts.std(ddof=1)),
        "low_amount": low,
        "low_amount_low": ends[0] if known else np.nan,
        "low_amount_high": ends[1] if known else np.nan,
        "gap_amount": mean - low,
    }

"""Recent cohorts by amount: whether the loans that go bad are many, or large.

Takes the counts of :func:`riskkit.vintage.cohort_counts` with their squares, and what is compared;
gives columns for :func:`riskkit.vintage.recent_table`, and what they say in words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from riskkit.chance import holm, p_text
from riskkit.checks import Array
from riskkit.columns import interval_text
from riskkit.metrics import jeffreys_interval

__all__ = ["amount_columns", "amount_sign", "amount_text"]

FEN = 100
LEAST_BADS = 5  # expected of a cohort, else there are too few to say
SIGNIFICANT = 0.05
PARTS = ("amount", "square", "past_amount", "past_square", "past_cross")


def amount_columns(
    counts: pd.DataFrame,
    table: pd.DataFrame,
    sides: Mapping[Any, tuple[pd.Index, pd.Index]],
    cohort_freq: str,
    level: float,
) -> dict[str, Array]:
    """Rate by amount of each comparison, with its interval and its test against the earlier.

    A rate by amount R = Σy ÷ Σa, with y what a loan owed when it went bad, else 0, and a what was
    lent, is a ratio of sums: its variance is Σ(y − R·a)² ÷ (Σa)², since a few large loans weigh as
    much as many small ones. The interval is Jeffreys' for so many loans of one size as would have
    this variance. The test is that of two rates with Σ(y − R·a)² of all loans at their common R,
    shared out by Σa².

    Parameters
    ----------
    counts : DataFrame
        Of :func:`riskkit.vintage.cohort_counts` with `squares`, without `by`.
    table : DataFrame, index (event, mob, cohort)
        `loans`, `bad`, `earlier_loans` and `earlier_bad` of each comparison.
    sides : mapping of a row's label to two indexes of periods
        Its own cohorts, and the earlier ones.
    cohort_freq : {"M", "Q", "Y"}
    level : float

    Returns
    -------
    dict of str to array
        `bad_amount_rate` with `bad_amount_low` and `bad_amount_high`, `earlier_amount_rate`;
        `bad_mean_amount` and `earlier_bad_mean_amount`, what a bad loan owed on average, and
        `mean_amount` and `earlier_mean_amount`, what was lent, in fen; `amount_p_value`
        (two-sided) and `amount_p_adjusted` (after Holm over all rows), NaN where fewer than five
        bads would be expected if all were alike.

    Source
    ------
    Cochran (1977), Sampling Techniques, 3rd edition, section 6.4, for the variance of a ratio;
    Korn, Graubard (1998), Survey Methodology 24(2), for an effective number in an interval; Holm
    (1979), Scandinavian Journal of Statistics 6(2).
    """
    starts = pd.DatetimeIndex(counts.index.get_level_values("cohort")).to_period(cohort_freq)
    own, earlier = np.zeros((2, len(table), len(PARTS)))
    for place, key in enumerate(table.index):
        event, month, _ = key
        sums = _sums(counts, starts, event.removesuffix("+"), month)
        own[place], earlier[place] = (sums.loc[side].sum() for side in sides[key])
    low_high = _interval(own, level)
    n, bad, m, d = (
        table[name].to_numpy(float) for name in ("loans", "bad", "earlier_loans", "earlier_bad")
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        enough = n * (bad + d) / (n + m) >= LEAST_BADS
        p_value = np.where(enough, _p_values(own, earlier), np.nan)
        return {
            "bad_amount_rate": own[:, 2] / own[:, 0],
            "bad_amount_low": low_high[0],
            "bad_amount_high": low_high[1],
            "earlier_amount_rate": earlier[:, 2] / earlier[:, 0],
            "bad_mean_amount": FEN * own[:, 2] / bad,
            "earlier_bad_mean_amount": FEN * earlier[:, 2] / d,
            "mean_amount": FEN * own[:, 0] / n,
            "earlier_mean_amount": FEN * earlier[:, 0] / m,
            "amount_p_value": p_value,
            "amount_p_adjusted": holm(p_value),
        }


def _sums(counts: pd.DataFrame, starts: pd.PeriodIndex, event: str, month: int) -> pd.DataFrame:
    """What was lent to each cohort, and owed by its bads by a month; units of the currency."""
    ever = [f"ever_{event}_{part}" for part in ("amount", "square", "cross")]
    in_time = counts.index.get_level_values("mob") <= month
    sums = counts.loc[in_time, ["amount", "square", *ever]].groupby(starts[in_time]).sum()
    return sums.set_axis(list(PARTS), axis=1).astype(float) / [FEN, 1, FEN, 1, 1]


def _squared(sums: Array, rate: Array) -> Array:
    """Σ(y − rate·a)², from the sums."""
    return sums[:, 3] - 2 * rate * sums[:, 4] + rate**2 * sums[:, 1]


def _interval(sums: Array, level: float) -> tuple[Array, Array]:
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = sums[:, 2] / sums[:, 0]
        variance = _squared(sums, rate) / sums[:, 0] ** 2
        # where nothing is bad, so many loans of one size as tell as much as these
        alike = sums[:, 0] ** 2 / sums[:, 1]
        n = np.where((variance > 0) & (rate < 1), rate * (1 - rate) / variance, alike)
        low, high = jeffreys_interval(rate * n, n, level)
    return np.minimum(low, rate), np.maximum(high, rate)


def _p_values(own: Array, earlier: Array) -> Array:
    """Two-sided, of two rates by amount."""
    both = own + earlier
    rate = both[:, 2] / both[:, 0]
    spread = np.maximum(_squared(both, rate), 0) / both[:, 1]
    variance = spread * (own[:, 1] / own[:, 0] ** 2 + earlier[:, 1] / earlier[:, 0] ** 2)
    apart = own[:, 2] / own[:, 0] - earlier[:, 2] / earlier[:, 0]
    return 2 * stats.norm.sf(np.abs(apart) / np.sqrt(variance))


def amount_sign(table: pd.DataFrame) -> pd.Series | None:
    """Row of the most certain sign for the worse by amount; None where there is none."""
    if "amount_p_adjusted" not in table:
        return None
    worse = table[
        (table["amount_p_adjusted"] <= SIGNIFICANT)
        & (table["bad_amount_rate"] > table["earlier_amount_rate"])
    ]
    return worse.loc[worse["amount_p_value"].idxmin()] if len(worse) else None


def amount_text(table: pd.DataFrame, currency: str = "") -> str:
    """Sentences on the most certain sign by amount, beside what loans say of it, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`riskkit.vintage.recent_table`.
    currency : str
        Of the amounts in words.

    Source
    ------
    riskkit definition.
    """
    if "amount_p_adjusted" not in table or table.empty:
        return ""
    tested = table[table["amount_p_adjusted"].notna()]
    if tested.empty:
        return f"**By amount** there are too few bads to say: at least {LEAST_BADS} are expected."
    row = amount_sign(tested)
    if row is None:
        row = tested.loc[tested["amount_p_value"].idxmin()]
        return (
            f"**By amount** there is no sign for the worse among {len(tested)} comparisons, "
            f"adjusted apart; nearest to one, or better, stands {_told(row)}. {_why(row, currency)}"
        )
    by_loans = (row["p_adjusted"] <= SIGNIFICANT) & (row["bad_rate"] > row["earlier_rate"])
    beside = "as it is by loans" if by_loans else "**by loans it may be chance**"
    return (
        f"**By amount there is a sign for the worse:** {_told(row)}, after Holm over "
        f"{len(tested)} comparisons; {beside}, {row['bad_rate']:.2%} against "
        f"{row['earlier_rate']:.2%}. {_why(row, currency)}"
    )


def _told(row: pd.Series) -> str:
    event, month, cohort = row.name
    rate = interval_text(
        row["bad_amount_rate"], row["bad_amount_low"], row["bad_amount_high"], "percent2"
    )
    return (
        f"{cohort} with {rate} of the amount {'in default' if event == 'default' else event} by "
        f"month {month}, against {row['earlier_amount_rate']:.2%}, adjusted "
        f"{p_text(row['amount_p_adjusted'])}"
    )


def _why(row: pd.Series, currency: str) -> str:
    """How much of a departure by amount is of more bad loans, and how much of larger ones."""
    names = ("bad_rate", "earlier_rate", "bad_amount_rate", "earlier_amount_rate")
    if not all(row[name] > 0 for name in names):
        return "Nothing was bad on one side, so many cannot be told from large."
    more = row["bad_rate"] / row["earlier_rate"]
    larger = row["bad_amount_rate"] / row["earlier_amount_rate"] / more
    unit = f" {currency}" if currency else ""
    owed, lent = (
        f"{row[name] / FEN:,.0f}{unit} against {row[f'earlier_{name}'] / FEN:,.0f}"
        for name in ("bad_mean_amount", "mean_amount")
    )
    return (
        f"Beside the earlier cohorts, × {more:.2f} are of the number of bad loans and × "
        f"{larger:.2f} of their size: a bad one owed {owed} on average, and {lent} was lent."
    )

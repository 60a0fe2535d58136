"""What chance gives where several cohorts, or months, are looked at together.

Takes p-values and counts; gives adjusted p-values, tables of loans held against others, and words.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special, stats

from riskkit.chance import holm
from riskkit.checks import Array
from riskkit.metrics import jeffreys_interval

__all__ = [
    "MILESTONES",
    "against_earlier",
    "fisher_p_values",
    "ratio_interval",
    "ratio_p_values",
]

MILESTONES = (3, 6, 9, 12, 18, 24, 36)


def fisher_p_values(
    bad: ArrayLike, loans: ArrayLike, other_bad: ArrayLike, other_loans: ArrayLike
) -> Array:
    """Fisher's exact test of each rate against that of others, two-sided."""
    bads, n, others, m = (np.asarray(part) for part in (bad, loans, other_bad, other_loans))
    cells = np.column_stack([bads, n - bads, others, m - others])
    tables = cells.astype(np.int64).reshape(-1, 2, 2)
    return np.array([float(stats.fisher_exact(table).pvalue) for table in tables])


def against_earlier(
    table: pd.DataFrame,
    *,
    level: float = 0.95,
    least_bads: float = 0,
    untested: Array | None = None,
) -> pd.DataFrame:
    """The table with rates, intervals and p-values of loans and bads against the earlier ones.

    A row where fewer than `least_bads` would be expected if all were alike, or of no loans on one
    side, or `untested`, is not tested: its p-values are NaN.
    """
    loans, bad, n, d = (
        table[name].to_numpy(dtype=float)
        for name in ("loans", "bad", "earlier_loans", "earlier_bad")
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        rate, earlier = bad / loans, d / n
        expected = loans * (bad + d) / (loans + n)
    low, high = jeffreys_interval(bad, loans, level)
    tested = (loans > 0) & (n > 0) & (expected >= least_bads)
    if untested is not None:
        tested &= ~untested
    p_values = np.full(len(table), np.nan)
    p_values[tested] = fisher_p_values(bad[tested], loans[tested], d[tested], n[tested])
    table = table.astype(dict.fromkeys(["loans", "bad", "earlier_loans", "earlier_bad"], "int64"))
    table.insert(table.columns.get_loc("bad") + 1, "bad_rate", rate)
    table.insert(table.columns.get_loc("bad") + 2, "bad_rate_low", low)
    table.insert(table.columns.get_loc("bad") + 3, "bad_rate_high", high)
    return table.assign(earlier_rate=earlier, p_value=p_values, p_adjusted=holm(p_values))


def ratio_interval(bad: Array, expected: Array, known: Array, tail: float) -> tuple[Array, Array]:
    """Limits of actual ÷ expected: of two Poisson counts, `bad` and `known`, given their sum."""
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = known / expected
        low = special.betaincinv(bad, known + 1, tail / 2)
        high = special.betaincinv(bad + 1, known, 1 - tail / 2)
        return np.where(bad > 0, low / (1 - low) * scale, 0.0), high / (1 - high) * scale


def ratio_p_values(bad: Array, expected: Array, known: Array) -> Array:
    """Two-sided, of the same comparison as the interval."""
    with np.errstate(divide="ignore", invalid="ignore"):
        chance = expected / (expected + known)
        as_many = np.where(bad > 0, special.betainc(bad, known + 1, chance), 1.0)
        as_few = 1 - special.betainc(bad + 1, known, chance)
    return np.minimum(2 * np.minimum(as_many, as_few), 1.0)

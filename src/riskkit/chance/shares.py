"""A share of bads with its interval, and whether two shares differ beyond chance.

Takes counts; gives columns, p-values and words.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from riskkit.checks import Array
from riskkit.columns import interval_text
from riskkit.metrics import jeffreys_interval

__all__ = [
    "MIN_BADS",
    "fisher_p_value",
    "holm",
    "p_text",
    "rate_columns",
    "rate_text",
    "seen_counts",
]

MIN_BADS = 30  # fewer are too few to say


def seen_counts(flag: ArrayLike, rows: Array) -> tuple[int, int]:
    """Bads and loans of known outcome among some rows."""
    values = np.asarray(flag, dtype=float)[rows]
    return int((values == 1).sum()), int((~np.isnan(values)).sum())


def rate_columns(bad: int, n: int, name: str, level: float) -> dict[str, float]:
    """A rate with its Jeffreys interval as columns; NaN of nobody."""
    if not n:
        return dict.fromkeys([f"{name}_rate", f"{name}_rate_low", f"{name}_rate_high"], np.nan)
    low, high = jeffreys_interval(np.array([bad]), np.array([n]), level)
    return {
        f"{name}_rate": bad / n,
        f"{name}_rate_low": float(low[0]),
        f"{name}_rate_high": float(high[0]),
    }


def rate_text(bad: float, n: float) -> str:
    """A bad rate in words, with its 95 % interval and what it rests on.

    Examples
    --------
    >>> rate_text(30, 700), rate_text(1, 1), rate_text(0, 0)
    ('4.3% (3.0% to 6.0%), 30 bads of 700', '100.0% (14.7% to 100.0%), 1 bad of 1', 'not known')
    """
    if not n:
        return "not known"
    low, high = jeffreys_interval(np.array([bad]), np.array([n]), 0.95)
    told = interval_text(bad / n, low[0], high[0], "percent")
    return f"{told}, {bad:,.0f} bad{'' if bad == 1 else 's'} of {n:,.0f}"


def p_text(p_value: float) -> str:
    """A p-value to three digits; one that would be told as 0 is below 0.001."""
    return "p-value below 0.001" if p_value < 0.001 else f"p-value {p_value:.3f}"


def fisher_p_value(bad: int, n: int, other_bad: int, others: int, side: str = "two-sided") -> float:
    """Fisher's exact test of a rate against that of others; NaN where either is of nobody."""
    if not (n and others):
        return np.nan
    table = [[bad, n - bad], [other_bad, others - other_bad]]
    return float(stats.fisher_exact(table, alternative=side).pvalue)


def holm(p_values: ArrayLike) -> Array:
    """After Holm (1979), over those that are not NaN.

    Examples
    --------
    >>> holm([0.01, float("nan"), 0.04]).tolist()
    [0.02, nan, 0.04]
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")[: int((~np.isnan(p)).sum())]
    adjusted = np.full(len(p), np.nan)
    stepped = np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted

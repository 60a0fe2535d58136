"""Outcomes as metrics take them: of rows, of score counts, or of groups of loans.

Takes what the caller gives; gives arrays of goods and bads, and warns where they say nothing.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from riskkit.checks import (
    Array,
    numeric_array,
    outcome_state,
    probability_array,
    refuse_missing,
    same_rows,
    warn,
    weight_array,
)

__all__ = [
    "ascending",
    "bads_of",
    "both_classes",
    "goods_and_bads",
    "known_rows",
    "require",
    "warn_if_reversed",
]


def known_rows(
    y: ArrayLike | pd.DataFrame, probability: ArrayLike, weight: ArrayLike | None
) -> tuple[Array, Array, Array]:
    """Outcome, probability and weight of the rows whose outcome is known.

    Score counts are rows too: the goods of each score, then the bads, weighted by their number.
    """
    same_rows(y=y, probability=probability, weight=weight)
    if isinstance(y, pd.DataFrame):
        require(y, ("good", "bad"))
        if weight is not None:
            raise ValueError("weight must be left out with counts, which hold their own")
        p = np.tile(numeric_array(probability, "probability", len(y)), 2)
        outcome = np.repeat([0.0, 1.0], len(y))
        row_weight = np.concatenate([y["good"].to_numpy(), y["bad"].to_numpy()])
        known = row_weight > 0
        row_weight = row_weight[known]
    else:
        outcome = numeric_array(y, "y")
        known = outcome_state(outcome) > 0
        p = numeric_array(probability, "probability", len(outcome))
        if weight is None:
            row_weight = np.ones(int(known.sum()), dtype=np.int64)
        else:
            row_weight = weight_array(weight, len(outcome))[known]
    p = p[known].astype(float)
    refuse_missing(p, "probability")
    return outcome[known].astype(float), probability_array(p, "probability"), row_weight


def bads_of(bad: ArrayLike, n: ArrayLike, probability: ArrayLike) -> tuple[Array, Array, Array]:
    """Bads, sizes and probabilities, broadcast and checked."""
    same_rows(bad=bad, n=n, probability=probability)
    d, size, p = np.broadcast_arrays(
        np.asarray(bad, dtype=float), np.asarray(n, dtype=float), np.asarray(probability, float)
    )
    if not ((d >= 0) & (d <= size)).all():
        raise ValueError(f"bad must lie between 0 and n, got {bad!r} of {n!r}")
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"probability must lie in [0, 1], got {probability!r}")
    return d, size, p


def require(table: pd.DataFrame, columns: tuple[str, ...], what: str = "counts") -> None:
    """Raise where counts, or grades, are no table, or lack a column."""
    if not isinstance(table, pd.DataFrame):
        raise TypeError(
            f"{what} must be a DataFrame, such as score_counts gives, got {type(table).__name__}"
        )
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise ValueError(f"{what} lack {missing}, they have {list(table.columns)}")


def ascending(counts: pd.DataFrame) -> pd.DataFrame:
    """Counts by ascending score."""
    return counts if counts.index.is_monotonic_increasing else counts.sort_index()


def goods_and_bads(counts: pd.DataFrame) -> tuple[Array, Array, Array]:
    """Scores ascending, goods, bads."""
    require(counts, ("good", "bad"))
    if not counts.index.is_unique:
        raise ValueError("counts must have one row a score, got duplicates; see add_counts")
    counts = ascending(counts)
    return (
        counts.index.to_numpy(),
        counts["good"].to_numpy(dtype=float),
        counts["bad"].to_numpy(dtype=float),
    )


def both_classes(good: Array, bad: Array, what: str) -> bool:
    """Whether there are goods and bads; warns where not."""
    if good.sum() > 0 and bad.sum() > 0:
        return True
    warn(f"{what} is undefined: {good.sum():g} goods, {bad.sum():g} bads")
    return False


def warn_if_reversed(value: float, lead: float, n_good: float, n_bad: float) -> None:
    """Warn where an AUC below 0.5 is more than chance, or goods score lower everywhere."""
    chance = np.sqrt((n_good + n_bad + 1) / (12 * n_good * n_bad))
    if value < 0.5 and (lead <= 1e-12 or value < 0.5 - 1.645 * chance):
        warn(f"score looks reversed: AUC {value:.3f}; a higher score must be safer")

"""What every method asks of its input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from riskkit.metrics.checks import flag_array, numeric_array

Array = NDArray[Any]


def applicants(y: ArrayLike, declined: ArrayLike) -> tuple[Array, Array, Array]:
    """Outcome, who has one, and who was declined."""
    outcome = numeric_array(y, "y").astype(float)
    turned_down = flag_array(declined, "declined", len(outcome))
    labelled = ~np.isnan(outcome)
    strange = labelled & ~np.isin(outcome, (0, 1))
    if strange.any():
        raise ValueError(
            f"y must be 0, 1 or missing, got {outcome[strange][0]:g} in {strange.sum()} rows"
        )
    if not turned_down.any():
        raise ValueError("declined must hold somewhere: there is nobody to infer")
    known = (turned_down & labelled).sum()
    if known:
        raise ValueError(f"the declined must have no outcome, got one in {known} rows")
    goods, bads = (outcome == 0).sum(), (outcome == 1).sum()
    if not (goods and bads):
        raise ValueError(f"the accepted need goods and bads, got {goods} goods and {bads} bads")
    return outcome, labelled, turned_down


def explored_rows(explored: ArrayLike, labelled: Array, declined: Array) -> Array:
    """Flags of the explored, some of whom, but not all the labelled, have an outcome."""
    asked = flag_array(explored, "explored", len(declined))
    both = (asked & declined).sum()
    if both:
        raise ValueError(f"the explored must be approved, got {both} declined")
    if not (asked & labelled).any():
        raise ValueError("explored must hold for applicants with an outcome, got none")
    if not (labelled & ~asked).any():
        raise ValueError("explored must not hold for all applicants with an outcome")
    return asked


def probability_array(
    values: ArrayLike, name: str, n: int, rows: Array | slice = slice(None)
) -> Array:
    """Float array whose given rows lie in [0, 1]."""
    probability = numeric_array(values, name, n).astype(float)
    checked = probability[rows]
    wrong = ~((checked >= 0) & (checked <= 1))
    if wrong.any():
        raise ValueError(
            f"{name} must lie in [0, 1], got {checked[wrong][0]:g} in {wrong.sum()} rows"
        )
    return probability


def key_array(key: ArrayLike, n: int) -> Array:
    """Keys, one a row."""
    keys = np.asarray(key)
    if len(keys) != n:
        raise ValueError(f"key must have {n} rows like y, got {len(keys)}")
    return keys


def checked_uplifts(uplifts: Sequence[float]) -> list[float]:
    """Factors, all finite and above 0."""
    for uplift in uplifts:
        if not (uplift > 0 and np.isfinite(uplift)):
            raise ValueError(f"uplift must be finite and > 0, got {uplift!r}")
    return [float(uplift) for uplift in uplifts]


def uplifted(rate: Array, uplift: float) -> Array:
    """Rates times a factor, at most 1."""
    (factor,) = checked_uplifts([uplift])
    return np.minimum(rate * factor, 1.0)

"""What every method of reject inference asks of its applicants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from riskkit.checks import Array, flag_array, numeric_array, outcome_state, same_rows

__all__ = ["applicants", "checked_uplifts", "explored_rows", "uplifted"]


def applicants(y: ArrayLike, declined: ArrayLike, **beside: Any) -> tuple[Array, Array, Array]:
    """Outcome, who has one, and who was declined; whatever is beside them must be of their rows."""
    same_rows(y=y, declined=declined, **beside)
    outcome = numeric_array(y, "y").astype(float)
    turned_down = flag_array(declined, "declined", len(outcome))
    labelled = outcome_state(outcome) > 0
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

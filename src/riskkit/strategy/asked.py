"""What may be asked of the cutoffs' notebook, before a run begins.

Takes its parameters; gives those without effect, or a ValueError.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from riskkit.strategy.economics import check_rate

__all__ = ["check_cutoffs"]

_SHARES = (
    *("loss_rate", "target_approval_rate", "max_bad_rate", "max_declined_rate"),
    *("band_low", "band_high", "max_crossed_rate"),
)
_MOST_GRADES = 100
# a year's funding, or a loan's whole margin, of more than ten times what is lent is a slip
_MOST = {"funding_rate": 10.0, "margin_rate": 10.0}


def check_cutoffs(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Refuse economics and goals that no loan could have; none is without effect.

    Parameters
    ----------
    parameters : mapping of str to Any
        Values of the notebook's parameters, by name; one that is not there is not checked.

    Raises
    ------
    ValueError
        Names the parameter, its range and the value.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> check_cutoffs({"loss_rate": 60.0})
    Traceback (most recent call last):
        ...
    ValueError: loss_rate must lie in [0, 1], got 60.0
    """
    for name in _SHARES:
        if not 0 <= parameters.get(name, 0.0) <= 1:
            raise ValueError(f"{name} must lie in [0, 1], got {parameters[name]!r}")
    for name, most in _MOST.items():
        if not 0 <= parameters.get(name, 0.0) <= most:
            raise ValueError(f"{name} must lie in [0, {most:g}], got {parameters[name]!r}")
    share = parameters.get("min_grade_share", 0.1)
    if not 0 < share < 0.5:
        raise ValueError(f"min_grade_share must lie in (0, 0.5), got {share!r}")
    if not 1 <= parameters.get("n_grades", 1) <= _MOST_GRADES:
        raise ValueError(
            f"n_grades must lie in [1, {_MOST_GRADES}], got {parameters['n_grades']!r}"
        )
    low, high = parameters.get("band_low", 0.0), parameters.get("band_high", 1.0)
    if not low < high:
        raise ValueError(f"band_low must be below band_high, got {low!r} and {high!r}")
    if parameters.get("approval_months", 1) < 1:
        raise ValueError(
            f"approval_months must be at least 1, got {parameters['approval_months']!r}"
        )
    check_rate("cost_amount", parameters.get("cost_amount", 0.0))
    return {}

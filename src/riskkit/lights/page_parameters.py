"""Whether the parameters of the notebook on monitoring can be.

Takes them by name; gives those without effect, or refuses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from riskkit.collection_actions import EXAMPLE_ACTIONS, read_actions
from riskkit.early_warning import WarningDefinition

__all__ = ["check_monitoring"]

_FRACTIONS = ("loss_rate", "margin_rate", "funding_rate", "tolerated_shift")
_LEAST = {"reminder_capacity": 1, "working_days": 1, "least_people": 2}


def check_monitoring(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Refuse rates, capacities and actions that cannot be; no parameter is without effect.

    Parameters
    ----------
    parameters : mapping of str to Any
        `tolerated_shift`, `loss_rate`, `margin_rate` and `funding_rate` (fractions), `cost_amount`
        (units of the currency), `warning_dpd` and `warning_months` of
        :class:`riskkit.early_warning.WarningDefinition`, `reminder_capacity`, `working_days` and
        `least_people` (whole numbers), `actions` of
        :func:`riskkit.collection_actions.read_actions`; one that is not there is not checked.

    Raises
    ------
    ValueError
        Names the parameter, what it may be and the value.

    Examples
    --------
    >>> check_monitoring({"loss_rate": 0.6})
    {}
    """
    for name in _FRACTIONS:
        if not 0 <= parameters.get(name, 0) <= 1:
            raise ValueError(f"{name} must be a fraction in [0, 1], got {parameters[name]!r}")
    if not parameters.get("cost_amount", 0) >= 0:
        raise ValueError(f"cost_amount must be >= 0, got {parameters['cost_amount']!r}")
    for name, least in _LEAST.items():
        if not parameters.get(name, least) >= least:
            raise ValueError(f"{name} must be >= {least}, got {parameters[name]!r}")
    warning = {"dpd": "warning_dpd", "horizon_months": "warning_months"}
    WarningDefinition(**{key: parameters[n] for key, n in warning.items() if n in parameters})
    read_actions(parameters.get("actions") or EXAMPLE_ACTIONS)
    return {}

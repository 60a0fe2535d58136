"""Whether the parameters of the notebook on provisions can be.

Takes them by name; gives those without effect, or refuses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from riskkit.provisions.cohort_profit import LendingCosts
from riskkit.provisions.staging import StageRules

__all__ = ["check_provisions"]

_RULES = (
    "significant_ratio", "least_rise", "backstop_dpd", "backstop_probability", "cure_months",
    "probation_months",
)  # fmt: skip
_FREQS = ("M", "Q", "Y")


def check_provisions(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Refuse stage rules, costs and factors that cannot be; no parameter is without effect.

    Parameters
    ----------
    parameters : mapping of str to Any
        Those of :class:`riskkit.provisions.StageRules`, `recovery_months`, `downturn_lgd_factor`,
        `funding_rate`, `acquisition_cost` and `servicing_cost` (units of the currency),
        `cohort_freq`; one that is not there is not checked.

    Raises
    ------
    ValueError
        Names the parameter, what it may be and the value.

    Examples
    --------
    >>> check_provisions({"significant_ratio": 2.0})
    {}
    """
    StageRules(**{name: parameters[name] for name in _RULES if name in parameters})
    factor = parameters.get("downturn_lgd_factor", 1.0)
    if not 0 <= factor <= 5:
        raise ValueError(f"downturn_lgd_factor must lie in [0, 5], got {factor!r}")
    months = parameters.get("recovery_months", 12)
    if not months >= 1:
        raise ValueError(f"recovery_months must be >= 1, got {months!r}")
    if "funding_rate" in parameters:
        LendingCosts(funding_rate=parameters["funding_rate"])
    for name in ("acquisition_cost", "servicing_cost"):
        if not parameters.get(name, 0) >= 0:
            raise ValueError(f"{name} must be >= 0, got {parameters[name]!r}")
    freq = parameters.get("cohort_freq", "Q")
    if freq not in _FREQS:
        raise ValueError(f"cohort_freq must be one of {list(_FREQS)}, got {freq!r}")
    return {}

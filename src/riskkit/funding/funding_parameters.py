"""Whether the parameters of the notebook on provisions and funding can be.

Takes them by name; gives those without effect, or refuses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from riskkit.provisions import check_provisions

__all__ = ["check_funding"]

# what a path takes in memory grows with both
_MOST_PATHS, _MOST_MONTHS = 100_000, 120
# of fewer a platform is a few hundred loans, and chance writes its story
_LEAST_APPLICANTS = 1_000
# of fewer loans followed for all, the luck of single ones would be told far too large
_LEAST_FOLLOWED, _MOST_FOLLOWED = 1_000, 10_000_000


def check_funding(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Refuse settings of the simulation that cannot be, and what provisions refuse.

    Parameters
    ----------
    parameters : mapping of str to Any
        Those of :func:`riskkit.provisions.check_provisions`; `n_paths` (paths simulated),
        `most_loans` (followed one by one),
        `horizon_months` (months ahead), `lookback_months` (of which new loans are like the
        planned ones), `simulation_seed`, `partner_capital_rate`, `growth_applicants` (of the
        platform's case); one that is not there is not checked.

    Raises
    ------
    ValueError
        Names the parameter, what it may be and the value.

    Examples
    --------
    >>> check_funding({"n_paths": 2_000, "funding_rate": 0.06})
    {}
    """
    bounds = {
        # of fewer the chance of one in a hundred is never seen
        "n_paths": (100, _MOST_PATHS),
        "most_loans": (_LEAST_FOLLOWED, _MOST_FOLLOWED),
        "horizon_months": (12, _MOST_MONTHS),
        "lookback_months": (1, 36),
        "simulation_seed": (0, 2**31 - 1),
        "partner_capital_rate": (0, 1),
        "growth_applicants": (_LEAST_APPLICANTS, 1_000_000),
        # fractions: who writes 6 means 0.06
        "funding_rate": (0, 1),
    }
    for name, (least, most) in bounds.items():
        if name in parameters and not least <= parameters[name] <= most:
            raise ValueError(f"{name} must lie in [{least}, {most}], got {parameters[name]!r}")
    return check_provisions(parameters)

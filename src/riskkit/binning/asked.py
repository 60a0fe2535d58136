"""What may be asked of the binning notebook, before a run begins.

Takes its parameters; gives those without effect, or a ValueError.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from riskkit.binning.chance import check_permutations
from riskkit.binning.selection import check_limits
from riskkit.binning.woe import WoeBinner
from riskkit.checks import check_seed, told_as
from riskkit.target import check_test_share

__all__ = ["PERIODS", "check_binning"]

PERIODS = {"quarter": "Q", "year": "Y"}
_LIMITS = ("min_iv", "max_correlation", "max_vif", "max_psi")


def check_binning(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Refuse parameters that no bins could be made or chosen by; none is without effect.

    Parameters
    ----------
    parameters : mapping of str to Any
        Values of the notebook's parameters, by name; one that is not there is not checked.

    Raises
    ------
    ValueError
        Names the parameter, its range and the value; the ranges are those of the settings.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> check_binning({"max_bins": 1})
    Traceback (most recent call last):
        ...
    ValueError: max_bins must be at least 2, got 1
    """
    given = dict(parameters)
    names = ("max_bins", "min_bin_size", "min_bads", "below_min_bads")
    WoeBinner(**{name: given[name] for name in names if name in given}).check_settings()
    with told_as("max_p_value", "neighbour_p_value"):
        WoeBinner(max_p_value=given.get("neighbour_p_value", 1.0)).check_settings()
    with told_as("max_p_value", "chance_p_value"):
        check_limits(
            max_p_value=given.get("chance_p_value", 0.05),
            **{name: given[name] for name in _LIMITS if name in given},
        )
    check_permutations(given.get("n_permutations", 1))
    check_test_share(given.get("test_share", 0.5))
    check_seed("sample_seed", given.get("sample_seed", 0))
    periods = given.get("stable_over", "")
    if periods and periods not in PERIODS:
        raise ValueError(f"stable_over must be one of {', '.join(PERIODS)}, got {periods!r}")
    day = given.get("out_of_time_from", "")
    if day:
        try:
            pd.Timestamp(pd.to_datetime(day, format="%Y-%m-%d"))
        except ValueError:
            raise ValueError(f"out_of_time_from must be YYYY-MM-DD, got {day!r}") from None
    return {}

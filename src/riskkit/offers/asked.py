"""What may be asked of the offers' notebook, before a run begins.

Takes its parameters; gives those without effect, or a ValueError.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from riskkit.checks import LONGEST_NAME, check_seed, is_plain_name
from riskkit.offers.price import GOALS
from riskkit.trials import check_demand

__all__ = ["check_offers"]

_SHARES = (
    "loss_rate",
    "loss_budget_rate",
    "stated_haircut_rate",
    "debt_service_rate",
    "free_share",
)
_RATES = ("funding_rate", "wanted_margin_rate", "list_apr")
_ANSWERS = ("take_up_logit", "take_up_logit_per_apr", "take_up_risk_slope", "price_logit")
_AMOUNTS = ("acquisition_amount", "servicing_amount", "living_cost_amount")
FIRST_DAY, LAST_DAY = pd.Timestamp("1990-01-01"), pd.Timestamp("2100-01-01")  # as of loans
_DAYS = ("loss_rate_as_of", "offer_date")
_MOST_LOGIT = 1_000.0  # a log-odds beyond is a slip
_MOST_RATE = 10.0  # a price of more than ten times a year what is lent is a slip


def check_offers(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Refuse economics, days, levels and numbers that no offer could have.

    Parameters
    ----------
    parameters : mapping of str to Any
        Values of the notebook's parameters, by name; one that is not there is not checked.

    Returns
    -------
    dict of str to str
        Parameters without effect, with the reason: there are none.

    Raises
    ------
    ValueError
        Names the parameter, its range and the value.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> check_offers({"loss_rate": 60.0})
    Traceback (most recent call last):
        ...
    ValueError: loss_rate must lie in [0, 1], got 60.0
    >>> check_offers({"limit_levels": "500 1000 x"})
    Traceback (most recent call last):
        ...
    ValueError: limit_levels must be ascending numbers separated by blanks, got '500 1000 x'
    """
    check_seed("segment_seed", parameters.get("segment_seed", 0))
    check_demand(parameters.get("demand_from", "assumed"))
    for names, most in ((_SHARES, 1.0), (_RATES, _MOST_RATE)):
        for name in names:
            if not 0 <= parameters.get(name, 0.0) <= most:
                raise ValueError(f"{name} must lie in [0, {most:g}], got {parameters[name]!r}")
    if not parameters.get("free_share", 1.0) > 0:
        raise ValueError(f"free_share must lie in (0, 1], got {parameters['free_share']!r}")
    for name in ("late_fee_rate", "early_fee_rate"):
        if not 0 <= parameters.get(name, 0.0) < 1:
            raise ValueError(f"{name} must lie in [0, 1), got {parameters[name]!r}")
    for name in _ANSWERS:
        if not -_MOST_LOGIT <= parameters.get(name, 0.0) <= _MOST_LOGIT:
            raise ValueError(
                f"{name} must lie in [-{_MOST_LOGIT:g}, {_MOST_LOGIT:g}], got {parameters[name]!r}"
            )
    for name in _ANSWERS[2:]:
        if parameters.get(name, 0.0) < 0:
            raise ValueError(f"{name} must be at least 0, got {parameters[name]!r}")
    if not is_plain_name(str(parameters.get("lender_name", "lender"))):
        raise ValueError(
            f"lender_name must be a name of at most {LONGEST_NAME} signs that can be seen, got "
            f"{str(parameters['lender_name'])[:60]!r}"
        )
    for name in _AMOUNTS:
        value = parameters.get(name, 0.0)
        if not (np.isfinite(value) and value >= 0):
            raise ValueError(f"{name} must be finite and >= 0, got {value!r}")
    for name in _DAYS:
        _check_day(name, parameters.get(name, "2026-01-01"))
    if parameters.get("n_segments", 0) not in (0, *range(2, 13)):
        raise ValueError(f"n_segments must be 0 or 2 to 12, got {parameters['n_segments']!r}")
    if parameters.get("limit_seen_loans", 1) < 0:
        raise ValueError(
            f"limit_seen_loans must be at least 0, got {parameters['limit_seen_loans']!r}"
        )
    if parameters.get("take_up_logit_per_apr", 0.0) > 0:
        raise ValueError(
            "take_up_logit_per_apr must be at most 0, as a dearer loan is taken less, got "
            f"{parameters['take_up_logit_per_apr']!r}"
        )
    if parameters.get("price_goal", GOALS[0]) not in GOALS:
        raise ValueError(
            f"price_goal must be one of {', '.join(GOALS)}, got {parameters['price_goal']!r}"
        )
    _check_levels(parameters.get("limit_levels", "1 2"))
    return {}


def _check_day(name: str, value: str) -> None:
    day = pd.to_datetime(value, format="%Y-%m-%d", errors="coerce")
    if len(value) != len("2026-01-01") or not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError(
            f"{name} must be a date YYYY-MM-DD, got {value!r}; there are loans from "
            f"{FIRST_DAY:%Y-%m-%d} to {LAST_DAY:%Y-%m-%d}"
        )


def _check_levels(text: str) -> None:
    try:
        levels = [float(word) for word in text.split()]
    except ValueError:
        levels = []
    ascending = len(levels) > 1 and bool((np.diff(levels) > 0).all()) and levels[0] > 0
    if not ascending or not np.isfinite(levels).all():
        raise ValueError(
            f"limit_levels must be ascending numbers separated by blanks, got {text!r}"
        )

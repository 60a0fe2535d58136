"""How a price moves who takes a loan and who repays it.

Takes a price above the list price and a grade's risk; gives the share that takes the offer, and
what the price adds to the log-odds of default.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

__all__ = ["Demand"]

HIGHEST_RISK = 3.0  # log-odds from the mean grade at which sensitivity no longer changes


@dataclass(frozen=True, kw_only=True)
class Demand:
    """Take-up and adverse selection by price; assumptions, until prices are tested at random.

    What such tests tell is of :func:`riskkit.trials.demand_from_tests`.

    Parameters
    ----------
    list_apr : float
        Price at which probabilities of default were measured, a fraction per year.
    take_up_logit : float
        Log-odds that an offer at the list price is taken.
    take_up_logit_per_apr : float
        What one unit of APR (100 percentage points) above the list price adds to it; not positive.
    take_up_risk_slope : float
        One unit of risk makes a borrower exp(−slope) times as sensitive to the price; not negative.
    price_logit : float
        What one unit of APR above the list price adds to the log-odds of default in each month:
        a dear loan is taken by those who find no other, and is harder to repay; not negative.

    Raises
    ------
    ValueError
        Names the parameter, the rule and the value.

    Source
    ------
    Phillips (2018), Pricing credit products, on price response and adverse selection; parameters
    as of :class:`riskkit.synthetic.Lender`.

    Examples
    --------
    >>> demand = Demand(list_apr=0.24, take_up_logit=2.3, take_up_logit_per_apr=-6,
    ...     take_up_risk_slope=0.4, price_logit=1.5)
    >>> demand.take_up_rate([0.18, 0.24, 0.30], 0.0).round(3)
    array([0.935, 0.909, 0.874])
    """

    list_apr: float
    take_up_logit: float
    take_up_logit_per_apr: float
    take_up_risk_slope: float
    price_logit: float

    def __post_init__(self) -> None:
        rules = {
            "list_apr": (0 <= self.list_apr <= 10, "in [0, 10]"),
            "take_up_logit": (True, "finite"),
            "take_up_logit_per_apr": (self.take_up_logit_per_apr <= 0, "<= 0"),
            "take_up_risk_slope": (self.take_up_risk_slope >= 0, ">= 0"),
            "price_logit": (self.price_logit >= 0, ">= 0"),
        }
        for name, (holds, rule) in rules.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and holds):
                raise ValueError(f"{name} must be {rule}, got {value!r}")

    def take_up_rate(self, apr: np.ndarray, risk: np.ndarray) -> np.ndarray:
        """Share that takes an offer at a price, by log-odds of default above the mean grade's."""
        calm = np.exp(-self.take_up_risk_slope * np.clip(risk, -HIGHEST_RISK, HIGHEST_RISK))
        above = np.asarray(apr, dtype=float) - self.list_apr
        rate: np.ndarray = expit(self.take_up_logit + self.take_up_logit_per_apr * calm * above)
        return rate

    def selection_logit(self, apr: np.ndarray) -> np.ndarray:
        """What a price adds to the log-odds of default of those who take the loan."""
        return self.price_logit * (np.asarray(apr, dtype=float) - self.list_apr)

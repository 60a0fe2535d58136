"""The parameters of the synthetic world, in one place.

Takes numbers with units; gives a checked, frozen :class:`Lender` with the calendar it implies.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import numpy as np
import pandas as pd

from riskkit.synthetic.draws import normal

__all__ = ["CHARGE_OFF_ARREARS", "LONGEST_TERM_MONTHS", "RECOVERY_MONTHS", "Lender"]

LONGEST_TERM_MONTHS = 12
CHARGE_OFF_ARREARS = 7  # the oldest unpaid instalment is then more than 180 days past due
RECOVERY_MONTHS = 12  # rows kept after charge-off
# the last instalment can be charged off this late, and then still recovered from
LAST_MOB = LONGEST_TERM_MONTHS + CHARGE_OFF_ARREARS - 1 + RECOVERY_MONTHS

SCENARIOS = ("base", "downturn")


@dataclass(frozen=True, kw_only=True)
class Lender:
    """All parameters of the synthetic lender, its market and its customers.

    Parameters
    ----------
    start_month : str
        First month of applications, "YYYY-MM".
    n_months : int
        Months of applications; the book is observed to the end of the last one.
    scenario : {"base", "downturn"}
        With "downturn" the climate worsens from `shock_month` on.
    shock_month : str, optional
        "YYYY-MM" within the months of applications; their middle by default. Only "downturn"
        reads it.
    shock_logit : float
        What the shock adds to the log-odds of a missed payment once it is complete.
    shock_ramp_months : int
        Months over which it builds up.
    macro_logit : float
        Height of the mild cycle in the log-odds of a missed payment in normal times.
    macro_cycle_months : int
        Length of that cycle.
    macro_noise_logit : float
        Standard deviation of the month's own noise around the cycle.
    monthly_growth_rate : float
        Growth of applications from month to month, a fraction.
    drift_scale : float
        Factor on the features' yearly drift; 0 = a population that stays as it is.
    returning_rate : float
        Share of applications that look for a customer among the eight before them; nearly all who
        look find one.
    cutoff_points : float
        The old policy declines above this many risk points.
    review_points : float
        Width of the band above the cutoff in which an underwriter looks again.
    override_rate : float
        Share of that band the underwriter approves, on what no column shows.
    manual_decline_rate : float
        Share of those below the cutoff the underwriter declines, on what no column shows.
    explore_rate : float
        Share of applications approved at random, whatever the policy says.
    take_up_logit : float
        Log-odds that an offer at the list price is taken.
    take_up_logit_per_apr : float
        What one unit of APR (100 percentage points) above the list price adds to it; negative.
    list_apr : float
        Nominal yearly rate of the reference offer, a fraction.
    offer_aprs : tuple of 5 floats
        Yearly rates offered by band of risk points, safest band first, fractions.
    roll_logits : tuple of 7 floats
        Log-odds that nothing is paid in a month, by months in arrears 0..6, for average risk.
    roll_slopes : tuple of 7 floats
        What one unit of risk adds to them.
    stay_logits : tuple of 7 floats
        Log-odds that one instalment rather than everything owed is paid, given something is; the
        first, for the loan that owes nothing, is not read.
    first_months_logit : float
        Added to the log-odds of a missed first payment, halving every month.
    burden_logit : float
        Added per unit of log(instalment / income) above a tenth of the income.
    price_logit : float
        Added per unit of APR above the list price.
    prepay_logit : float
        Log-odds that a loan without arrears is paid off early in a month.
    recovery_logit : float
        Log-odds that a charged-off loan recovers something in a month.

    Raises
    ------
    ValueError
        Names the rule and the value.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> Lender(start_month="2023-01", n_months=3).observed_to
    Timestamp('2023-03-31 00:00:00')
    """

    start_month: str = "2022-01"
    n_months: int = 36
    scenario: str = "base"
    shock_month: str | None = None
    shock_logit: float = 0.6
    shock_ramp_months: int = 4
    macro_logit: float = 0.08
    macro_cycle_months: int = 30
    macro_noise_logit: float = 0.04
    monthly_growth_rate: float = 0.01
    drift_scale: float = 1.0
    returning_rate: float = 0.12
    cutoff_points: float = 1.5
    review_points: float = 0.8
    override_rate: float = 0.12
    manual_decline_rate: float = 0.03
    explore_rate: float = 0.015
    take_up_logit: float = 2.1
    take_up_logit_per_apr: float = -6.0
    list_apr: float = 0.24
    offer_aprs: tuple[float, ...] = (0.18, 0.22, 0.26, 0.30, 0.34)
    roll_logits: tuple[float, ...] = (-3.6, -0.75, 0.45, 1.3, 1.7, 2.0, 2.3)
    roll_slopes: tuple[float, ...] = (1.0, 0.45, 0.30, 0.25, 0.25, 0.25, 0.25)
    stay_logits: tuple[float, ...] = (0.0, -0.6, 0.3, 0.6, 0.8, 0.8, 0.8)
    first_months_logit: float = 0.3
    burden_logit: float = 0.25
    price_logit: float = 1.5
    prepay_logit: float = -3.6
    recovery_logit: float = -2.2

    def __post_init__(self) -> None:
        for name in ("start_month", "shock_month"):
            value = getattr(self, name)
            if not (value is None and name == "shock_month") and not _is_month(value):
                raise ValueError(f'{name} must be a month "YYYY-MM", got {value!r}')
        for name in ("n_months", "shock_ramp_months", "macro_cycle_months"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 600:
                raise ValueError(f"{name} must be a whole number in 1..600, got {value!r}")
        if self.scenario not in SCENARIOS:
            raise ValueError(
                f"scenario must be one of {', '.join(SCENARIOS)}, got {self.scenario!r}"
            )
        if not 0 <= self.shock_index < self.n_months:
            raise ValueError(
                f"shock_month must lie in the {self.n_months} months from {self.start_month}, "
                f"got {self.shock_month!r}"
            )
        for name in (
            "returning_rate",
            "override_rate",
            "manual_decline_rate",
            "explore_rate",
        ):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(f"{name} must be a fraction in [0, 1], got {value!r}")
        for name in ("macro_noise_logit", "drift_scale", "review_points"):
            value = getattr(self, name)
            if not 0 <= value < np.inf:
                raise ValueError(f"{name} must be >= 0, got {value!r}")
        if not -0.5 < self.monthly_growth_rate < 0.5:
            raise ValueError(
                f"monthly_growth_rate must lie in (-0.5, 0.5), got {self.monthly_growth_rate!r}"
            )
        for name, length in (
            ("offer_aprs", 5),
            ("roll_logits", CHARGE_OFF_ARREARS),
            ("roll_slopes", CHARGE_OFF_ARREARS),
            ("stay_logits", CHARGE_OFF_ARREARS),
        ):
            values = getattr(self, name)
            if not isinstance(values, tuple) or len(values) != length:
                raise ValueError(f"{name} must be a tuple of {length} numbers, got {values!r}")
        for apr in (self.list_apr, *self.offer_aprs):
            if not 0 <= apr <= 1:
                raise ValueError(
                    f"list_apr and offer_aprs must be fractions in [0, 1], got {apr!r}"
                )
        if not 0 <= self.take_up_logit_per_apr * -1 < np.inf:
            raise ValueError(
                f"take_up_logit_per_apr must be <= 0, got {self.take_up_logit_per_apr!r}"
            )
        for name in (field for field in self.__dataclass_fields__ if field.endswith("_logit")):
            if not isfinite(getattr(self, name)):
                raise ValueError(f"{name} must be finite, got {getattr(self, name)!r}")

    @property
    def first_month(self) -> np.datetime64:
        """First month of applications."""
        return np.datetime64(self.start_month, "M")

    @property
    def observed_to(self) -> pd.Timestamp:
        """Last day of the last month: the day the book is seen."""
        return pd.Timestamp(self.start_month) + pd.offsets.MonthEnd(self.n_months)

    @property
    def shock_index(self) -> int:
        """Month of the shock, counted from the first month of applications."""
        if self.shock_month is None:
            return self.n_months // 2
        return int((np.datetime64(self.shock_month, "M") - self.first_month).astype(int))

    def macro_path(self, seed: int) -> np.ndarray:
        """Climate of each calendar month, in log-odds of a missed payment.

        Parameters
        ----------
        seed : int
            The realised noise is part of the world.

        Returns
        -------
        float64 array of shape (n_months + LAST_MOB,)
            From the first month of applications on; past the observed months because true
            probabilities of late cohorts look ahead.
        """
        month = np.arange(self.n_months + LAST_MOB)
        path = self.macro_logit * np.sin(2 * np.pi * month / self.macro_cycle_months)
        path += self.macro_noise_logit * normal(seed, month, "macro")
        if self.scenario == "downturn":
            built_up = (month - self.shock_index + 1) / self.shock_ramp_months
            path += self.shock_logit * np.clip(built_up, 0, 1)
        return path


def _is_month(value: object) -> bool:
    if not isinstance(value, str) or len(value) != 7:
        return False
    try:
        month = np.datetime64(value, "M")
    except ValueError:
        return False
    return bool(np.datetime64("1990-01") <= month <= np.datetime64("2090-01"))

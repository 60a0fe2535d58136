"""The parameters of the synthetic world, in one place.

Takes numbers with units; gives a checked, frozen :class:`Lender` with the calendar it implies.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import numpy as np
import pandas as pd

from riskkit.synthetic.draws import normal

__all__ = [
    "CHARGE_OFF_ARREARS",
    "FAMILIES",
    "LEAST_RECOVERED",
    "LONGER_TERMS_MONTHS",
    "RECOVERED_SPREAD",
    "RECOVERY_MONTHS",
    "SCENARIOS",
    "Lender",
]

USUAL_TERM_MONTHS = 12  # the longest term of the default world
LONGER_TERMS_MONTHS = (18, 24)
CHARGE_OFF_ARREARS = 7  # the oldest unpaid instalment is then more than 180 days past due
RECOVERY_MONTHS = 12  # rows kept after charge-off
# of what is left, a recovery brings a share that is uniform from the least on
LEAST_RECOVERED, RECOVERED_SPREAD = 0.05, 0.55

SCENARIOS = ("base", "growth", "downturn", "fraud_ring")
FAMILIES = ("application", "telecom", "device", "payment", "bureau", "repeat")


@dataclass(frozen=True, kw_only=True)
class Lender:
    """All parameters of the synthetic lender, its market and its customers.

    A log-odds ("logit") of a missed payment is added to, so 0.7 doubles small odds. The features,
    the channels and what is bought are tables of their own, in `features` and `market`.

    Parameters
    ----------
    start_month : str
        First month of applications, "YYYY-MM".
    n_months : int
        Months of applications; the book is observed to the end of the last one.
    scenario : {"base", "growth", "downturn", "fraud_ring"}
        What changes from `onset_month` on: nothing; a loosened policy that buys traffic from
        partners; the climate; bands that apply with one phone and hardly pay.
    onset_month : str, optional
        "YYYY-MM" within the months of applications; their middle by default.
    onset_ramp_months : int
        Months over which the change of "growth" and "downturn" builds up.
    downturn_logit : float
        "downturn": added to the log-odds of a missed payment.
    growth_points : float
        "growth": raises the old policy's cutoff by so many risk points.
    growth_partner_share : float
        "growth": weight added to the partners' share before all shares are scaled to one.
    growth_thin_shift : float
        "growth": shift towards thin files, in standard deviations of what makes a file thin.
    growth_volume_rate : float
        "growth": additional applications a month, as a fraction of those there would be; of a given
        number of applicants more come after the onset, then, and fewer before.
    ring_rate : float
        "fraud_ring": share of the groups of 64 consecutive applications that a ring is part of.
    ring_member_rate : float
        "fraud_ring": share of such a group that belongs to the ring.
    fraud_rate : float
        Share of people who never mean to pay, rings apart.
    fraud_logit : float
        What that adds to the log-odds of a missed payment.
    macro_logit : float
        Height of the mild cycle in the log-odds of a missed payment in normal times.
    macro_cycle_months : int
        Length of that cycle.
    macro_noise_logit : float
        Standard deviation of the month's own noise around the cycle.
    monthly_growth_rate : float
        Growth of applications from month to month, a fraction.
    drift_scale : float
        Factor on the yearly drift of features and channels; 0 = a population that stays as it is.
    returning_rate : float
        Share of applications by a customer who applied before, within the last 12 months; where
        the group of 64 has none, by somebody new.
    families : tuple of str
        Feature families that are collected, of "application", "telecom", "device", "payment",
        "bureau" and "repeat". Another choice leaves out columns and changes nothing else: the old
        policy decided, and the borrowers behave, as if all were there.
    longer_term_rates : tuple of 2 floats
        Shares of applications for 18 and for 24 months, of those of every term alike; together at
        most 1. The default world lends for 12 months at most.
    cutoff_points : float
        The old policy declines above this many risk points.
    review_points : float
        Width of the band above the cutoff in which an underwriter looks again.
    override_rate : float
        Share of all applicants who impress the underwriter so well, on what no column shows, that
        they are approved in that band; fewer than that share of the band itself.
    manual_decline_rate : float
        Share of all applicants who impress so badly that they are declined below the cutoff; fewer
        than that share of those below it.
    explore_rate : float
        Share of applications approved at random, whatever the policy says.
    price_test_rate, limit_test_rate : float
        Shares of the offers that bear a price dealt at random to a test of price, and to one of
        limits: one half of each lower, one half higher than the policy has it. All others of these
        offers are the control group; plans without interest are in no test. Together at most 1.
    price_test_apr : float
        What a test of price takes off the yearly price or adds to it, a fraction.
    limit_test_factor : float
        By what a test of limits divides or multiplies the limit; above 1.
    list_apr : float
        Price of the reference offer, as of the first month: the yearly rate, 12 times the monthly
        internal rate on what the borrower receives, as a fraction.
    offer_aprs : tuple of 5 floats
        Prices by band of risk points, safest band first, in the same terms.
    apr_per_year : float
        Drift of all prices but promotions, per year.
    fee_share : float
        Part of a loan's cost that is deducted up front, in the channels that do, as far as the
        price covers it.
    take_up_logit : float
        Log-odds that the requested amount at the list price is taken.
    take_up_logit_per_apr : float
        What one unit of APR (100 percentage points) above the list price adds to it; not positive.
    take_up_logit_per_shortfall : float
        What one unit of log(limit / requested amount) adds where the limit is lower; not negative.
    take_up_risk_slope : float
        One unit of risk makes a borrower exp(−slope) times as sensitive to the price: those who
        are turned away elsewhere take what they get.
    roll_logits : tuple of 7 floats
        Log-odds that nothing is paid in a month, by months in arrears 0..6, for a risk of zero.
    roll_slopes : tuple of 7 floats
        What one unit of risk adds to them.
    stay_logits : tuple of 7 floats
        Log-odds that one instalment rather than everything owed is paid, given something is; the
        first, for the loan that owes nothing, is not read.
    collection_intensity : tuple of 7 floats
        Reminders before the due day, then collections by months in arrears 1..6: 1 = today's
        practice, 0 = none. What one loan gets never depends on how many others there are.
    collection_logits : tuple of 7 floats
        What one unit of intensity takes off the log-odds that nothing is paid.
    collection_holdout_rate : float
        Share of the loans in arrears at a month-end that collections leave alone in the next month,
        drawn anew for each loan and month, so that within a bucket the two groups differ by nothing
        else in any month. 0: nobody is, and no log of collections is kept.
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
    late_logit : float
        Log-odds that an instalment paid in its month is paid after its due day, for a risk of zero.
    late_days : float
        Mean time it is then late, in days, rounded up to whole ones, the month-end permitting.
    treatment_rate : float
        Probability that a loan two or three months in arrears at a month-end is re-aged, extended,
        restructured or settled in the next one; once in its life. What is done changes what is
        reported, not whether the borrower pays, but that a settlement ends the loan.
    treatment_shares : tuple of 4 floats
        In which proportion: re-ages, extensions, restructurings, settlements.
    settled_share : float
        Part of the principal owed that a settlement brings; the rest is given up.

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
    onset_month: str | None = None
    onset_ramp_months: int = 4
    downturn_logit: float = 0.6
    growth_points: float = 0.5
    growth_partner_share: float = 0.25
    growth_thin_shift: float = 0.4
    growth_volume_rate: float = 0.6
    ring_rate: float = 0.05
    ring_member_rate: float = 0.35
    fraud_rate: float = 0.0015
    fraud_logit: float = 8.0

    macro_logit: float = 0.06
    macro_cycle_months: int = 30
    macro_noise_logit: float = 0.04
    monthly_growth_rate: float = 0.01
    drift_scale: float = 1.0
    returning_rate: float = 0.18
    families: tuple[str, ...] = FAMILIES
    longer_term_rates: tuple[float, ...] = (0.0, 0.0)

    cutoff_points: float = 1.6
    review_points: float = 0.8
    override_rate: float = 0.12
    manual_decline_rate: float = 0.03
    explore_rate: float = 0.015
    price_test_rate: float = 0.0
    price_test_apr: float = 0.04
    limit_test_rate: float = 0.0
    limit_test_factor: float = 1.5

    list_apr: float = 0.24
    offer_aprs: tuple[float, ...] = (0.18, 0.22, 0.26, 0.30, 0.34)
    apr_per_year: float = -0.01
    fee_share: float = 0.25
    take_up_logit: float = 2.3
    take_up_logit_per_apr: float = -6.0
    take_up_logit_per_shortfall: float = 1.5
    take_up_risk_slope: float = 0.4

    roll_logits: tuple[float, ...] = (-3.65, -0.45, 1.2, 2.0, 2.2, 2.4, 2.6)
    roll_slopes: tuple[float, ...] = (1.0, 0.45, 0.30, 0.25, 0.25, 0.25, 0.25)
    stay_logits: tuple[float, ...] = (0.0, -1.2, -0.3, 0.2, 0.5, 0.5, 0.5)
    collection_intensity: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    collection_logits: tuple[float, ...] = (0.3, 0.4, 0.4, 0.3, 0.2, 0.1, 0.1)
    collection_holdout_rate: float = 0.0
    first_months_logit: float = -0.8
    burden_logit: float = 0.25
    price_logit: float = 1.5
    prepay_logit: float = -3.6
    recovery_logit: float = -2.2
    late_logit: float = -1.8
    late_days: float = 5.0
    treatment_rate: float = 0.0
    treatment_shares: tuple[float, ...] = (0.4, 0.3, 0.2, 0.1)
    settled_share: float = 0.5

    def __post_init__(self) -> None:
        for name in ("start_month", "onset_month"):
            value = getattr(self, name)
            if not (value is None and name == "onset_month") and not _is_month(value):
                raise ValueError(f'{name} must be a month "YYYY-MM", got {value!r}')
        for name in ("n_months", "onset_ramp_months", "macro_cycle_months"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 600:
                raise ValueError(f"{name} must be a whole number in 1..600, got {value!r}")
        if self.scenario not in SCENARIOS:
            raise ValueError(
                f"scenario must be one of {', '.join(SCENARIOS)}, got {self.scenario!r}"
            )
        if not 0 <= self.onset_index < self.n_months:
            raise ValueError(
                f"onset_month must lie in the {self.n_months} months from {self.start_month}, "
                f"got {self.onset_month!r}"
            )
        if not isinstance(self.families, tuple) or not set(self.families) <= set(FAMILIES):
            raise ValueError(
                f"families must be a tuple of some of {', '.join(FAMILIES)}, got {self.families!r}"
            )
        if not self.families:
            raise ValueError("families must name at least one family, got ()")
        self._check_numbers()

    def _check_numbers(self) -> None:
        """Every number is finite and in its range."""
        for name, field in self.__dataclass_fields__.items():
            value = getattr(self, name)
            if field.type == "float" and not (_is_number(value) and isfinite(value)):
                raise ValueError(f"{name} must be a finite number, got {value!r}")
        _check_tuple("offer_aprs", self.offer_aprs, 5)
        _check_tuple("longer_term_rates", self.longer_term_rates, len(LONGER_TERMS_MONTHS))
        if min(self.longer_term_rates) < 0 or sum(self.longer_term_rates) > 1:
            raise ValueError(
                "longer_term_rates must be fractions that sum to at most 1, "
                f"got {self.longer_term_rates!r}"
            )
        _check_tuple("treatment_shares", self.treatment_shares, 4)
        if min(self.treatment_shares) < 0 or not sum(self.treatment_shares) > 0:
            raise ValueError(
                f"treatment_shares must be >= 0, and one > 0, got {self.treatment_shares!r}"
            )
        for name in (
            "roll_logits",
            "roll_slopes",
            "stay_logits",
            "collection_intensity",
            "collection_logits",
        ):
            _check_tuple(name, getattr(self, name), CHARGE_OFF_ARREARS)
        for apr in (self.list_apr, *self.offer_aprs):
            if not 0 <= apr <= 1:
                raise ValueError(
                    f"list_apr and offer_aprs must be fractions in [0, 1], got {apr!r}"
                )
        for level in self.collection_intensity:
            if not level >= 0:
                raise ValueError(f"collection_intensity must be >= 0, got {level!r}")
        if not -0.5 < self.monthly_growth_rate < 0.5:
            raise ValueError(
                f"monthly_growth_rate must lie in (-0.5, 0.5), got {self.monthly_growth_rate!r}"
            )
        if self.take_up_logit_per_apr > 0:
            raise ValueError(
                f"take_up_logit_per_apr must be <= 0, got {self.take_up_logit_per_apr!r}"
            )
        for name in (
            "returning_rate",
            "override_rate",
            "manual_decline_rate",
            "explore_rate",
            "price_test_rate",
            "price_test_apr",
            "limit_test_rate",
            "ring_rate",
            "ring_member_rate",
            "fraud_rate",
            "growth_partner_share",
            "fee_share",
            "treatment_rate",
            "settled_share",
            "collection_holdout_rate",
        ):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(f"{name} must be a fraction in [0, 1], got {value!r}")
        for name in (
            "macro_noise_logit",
            "drift_scale",
            "review_points",
            "growth_volume_rate",
            "take_up_logit_per_shortfall",
            "take_up_risk_slope",
            "late_days",
        ):
            value = getattr(self, name)
            if value < 0:
                raise ValueError(f"{name} must be >= 0, got {value!r}")

        tested = self.price_test_rate + self.limit_test_rate
        if tested > 1:
            raise ValueError(
                f"price_test_rate and limit_test_rate must be at most 1 together, got {tested!r}"
            )
        if not self.limit_test_factor > 1:
            raise ValueError(f"limit_test_factor must be > 1, got {self.limit_test_factor!r}")

    @property
    def first_month(self) -> np.datetime64:
        """First month of applications."""
        return np.datetime64(self.start_month, "M")

    @property
    def observed_to(self) -> pd.Timestamp:
        """Last day of the last month: the day the book is seen."""
        return pd.Timestamp(self.start_month) + pd.offsets.MonthEnd(self.n_months)

    @property
    def longest_term_months(self) -> int:
        """Longest term that anybody applies for."""
        rates = zip(LONGER_TERMS_MONTHS, self.longer_term_rates, strict=True)
        return max([USUAL_TERM_MONTHS, *(term for term, rate in rates if rate)])

    @property
    def last_state_mob(self) -> int:
        """Month on book by which every loan has ended or is charged off."""
        return self.longest_term_months + CHARGE_OFF_ARREARS - 1

    @property
    def last_mob(self) -> int:
        """Last month on book that any loan can have a row of, recoveries included."""
        return self.last_state_mob + RECOVERY_MONTHS

    @property
    def onset_index(self) -> int:
        """Month of the scenario's onset, counted from the first month of applications."""
        if self.onset_month is None:
            return self.n_months // 2
        return int((np.datetime64(self.onset_month, "M") - self.first_month).astype(int))

    def built_up(self, scenario: str, n_months: int) -> np.ndarray:
        """How far the change of a scenario has come in each month.

        Parameters
        ----------
        scenario : str
            Of another scenario than the lender's own, nothing ever comes.
        n_months : int
            Months from the first month of applications on.

        Returns
        -------
        float64 array of shape (n_months,)
            0 before the onset, rising to 1 over the ramp.
        """
        if self.scenario != scenario:
            return np.zeros(n_months)
        month = np.arange(n_months)
        return np.clip((month - self.onset_index + 1) / self.onset_ramp_months, 0, 1)

    def macro_path(self, seed: int) -> np.ndarray:
        """Climate of each calendar month, in log-odds of a missed payment.

        Parameters
        ----------
        seed : int
            The realised noise is part of the world.

        Returns
        -------
        float64 array of shape (n_months + last_mob,)
            From the first month of applications on; past the observed months because true
            probabilities of late cohorts look ahead.
        """
        month = np.arange(self.n_months + self.last_mob)
        path = self.macro_logit * np.sin(2 * np.pi * month / self.macro_cycle_months)
        path += self.macro_noise_logit * normal(seed, month, "macro")
        return path + self.downturn_logit * self.built_up("downturn", len(month))


def _check_tuple(name: str, values: object, length: int) -> None:
    if (
        not isinstance(values, tuple)
        or len(values) != length
        or not all(_is_number(value) and isfinite(value) for value in values)
    ):
        raise ValueError(f"{name} must be a tuple of {length} numbers, got {values!r}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_month(value: object) -> bool:
    if not isinstance(value, str) or len(value) != 7:
        return False
    try:
        month = np.datetime64(value, "M")
    except ValueError:
        return False
    return bool(np.datetime64("1990-01") <= month <= np.datetime64("2090-01"))

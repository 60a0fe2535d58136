"""The catalogue of features: what each means, and how latent factors and chance make its values.

It serves twice: to generate (:data:`RECIPES`, for :mod:`riskkit.synthetic.applicants`), and to
describe the columns to whoever models them (:data:`FEATURES`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from riskkit.schema import Feature
from riskkit.synthetic.lender import FAMILIES
from riskkit.synthetic.marginals import Amounts, Levels, Marginal, Shares
from riskkit.synthetic.people import factor_weight

__all__ = [
    "FEATURES",
    "HISTORY",
    "NO_LOAN",
    "NO_RECORD",
    "OCCUPATION",
    "RECIPES",
    "SELF_EMPLOYED",
    "Recipe",
    "families_without",
    "features_of",
]

NO_RECORD = -9.0
NO_LOAN = -8.0
SPECIAL_CODES = {
    "bureau": {NO_RECORD: "no bureau record"},
    "repeat": {NO_LOAN: "no earlier loan"},
}


@dataclass(frozen=True)
class Recipe:
    """One feature and how it is drawn: z = loadings · factors + own noise + drift, then a marginal.

    Parameters
    ----------
    feature : Feature
        What it is called and means.
    marginal : Amounts, Shares or Levels
        From a standard normal score to values.
    loadings : mapping
        Weight of each latent factor in z; own noise fills the variance up to one.
    drift_per_year : float
        Shift of z per calendar year.
    missing_rate : float
        Share of plain missing values at average factors; loadings add to it.
    missing_loadings : mapping
        What makes missing likelier (positive) or rarer, on the normal scale.
    of_person : bool
        Drawn once per person, so a returning customer keeps it.
    on_top_of : str
        Feature whose values are added: what a longer window sees besides a shorter one.
    at_most : str
        Feature that bounds the values from above.
    """

    feature: Feature
    marginal: Marginal
    loadings: Mapping[str, float] = field(default_factory=dict)
    drift_per_year: float = 0.0
    missing_rate: float = 0.0
    missing_loadings: Mapping[str, float] = field(default_factory=dict)
    of_person: bool = False
    on_top_of: str = ""
    at_most: str = ""

    @cached_property
    def own_weight(self) -> float:
        """Weight of the feature's own noise."""
        return float(np.sqrt(1 - factor_weight(dict(self.loadings))))


def _feature(name: str, label: str, family: str, **facts: Any) -> Feature:
    return Feature(
        name=name,
        label=label,
        family=family,
        special_codes=SPECIAL_CODES.get(family, {}),
        protected=family == "protected",
        **facts,
    )


def _recipe(
    name: str,
    label: str,
    family: str,
    marginal: Marginal,
    loadings: Mapping[str, float] | None = None,
    *,
    unit: str = "",
    risk: int = 0,
    **settings: Any,
) -> Recipe:
    text = isinstance(marginal, Levels) and isinstance(marginal.levels[0], str)
    kind = "category" if text else "numeric"
    feature = _feature(name, label, family, unit=unit, kind=kind, risk_direction=risk)
    return Recipe(feature, marginal, loadings or {}, **settings)


SELF_EMPLOYED = "self_employed"
# fmt: off
OCCUPATION = Levels(
    ("none", "gig_worker", "student_graduate", SELF_EMPLOYED, "service", "office", "civil_servant"),
    (0.06, 0.14, 0.10, 0.18, 0.24, 0.20, 0.08))
_PROTECTED = (
    _recipe("age", "Age", "protected", Amounts(31, 0.24, 18, 60), {"seniority": 1.0},
            unit="years", of_person=True),
    _recipe("gender", "Gender", "protected", Levels(("female", "male"), (0.44, 0.56)),
            {"willingness": -0.10}, of_person=True),
    _recipe("city_tier", "City tier", "protected",
            Levels(("tier_4", "tier_3", "tier_2", "tier_1"), (0.24, 0.33, 0.28, 0.15)),
            {"capacity": 0.35}, of_person=True),
    _recipe("region", "Region", "protected",
            Levels(("northeast", "west", "central", "north", "east", "south"),
                   (0.08, 0.18, 0.22, 0.14, 0.24, 0.14)),
            {"capacity": 0.15}, of_person=True),
)
_APPLICATION = (
    _recipe("occupation", "Occupation", "application", OCCUPATION,
            {"capacity": 0.50, "willingness": 0.20}, of_person=True),
    _recipe("stated_income", "Stated monthly income", "application",
            Amounts(6_500, 0.45, 1_500, 60_000, 100),
            {"capacity": 0.80, "willingness": -0.10, "fraud_intent": 0.10},
            unit="CNY", risk=-1, missing_rate=0.06, missing_loadings={"willingness": -0.4}),
    _recipe("verified_income", "Verified monthly income", "application",
            Amounts(5_800, 0.45, 1_000, 60_000, 100), {"capacity": 0.92},
            unit="CNY", risk=-1, missing_rate=0.40,
            missing_loadings={"capacity": -0.2, "fraud_intent": 0.2}),
    _recipe("amount_requested", "Requested amount", "application",
            Amounts(4_800, 0.65, 500, 50_000, 100), {"capacity": 0.35, "pressure": 0.30},
            unit="CNY"),
    _recipe("term_months", "Requested term", "application",
            Levels((1, 3, 6, 9, 12), (0.07, 0.13, 0.32, 0.12, 0.36)), {"liquidity": -0.15},
            unit="months"),
    _recipe("application_hour", "Hour of application", "application",
            Levels((3, 2, 4, 1, 0, 5, 23, 22, 6, 21, 20, 12, 13, 19, 18, 7, 14, 17, 15, 16, 8, 11,
                    9, 10),
                   (1, 1, 1, 1, 2, 1, 3, 5, 2, 6, 7, 6, 5, 7, 6, 3, 6, 6, 6, 6, 4, 5, 5, 5)),
            {"willingness": 0.30, "liquidity": 0.15, "fraud_intent": -0.15}, unit="o'clock"),
    _recipe("name_phone_match", "Name, phone and ID match", "application",
            Levels(("none", "partial", "full"), (0.04, 0.16, 0.80)),
            {"willingness": 0.45, "fraud_intent": -0.15}),
    _recipe("face_match_score", "Face match", "application", Shares(3.0, 1.00),
            {"fraud_intent": -0.35}, unit="fraction", risk=-1, missing_rate=0.03),
)
_TELECOM = (
    _recipe("months_on_number", "Months on this phone number", "telecom",
            Amounts(36, 0.85, 0, 240), {"willingness": 0.50, "seniority": 0.35},
            unit="months", risk=-1, of_person=True),
    _recipe("monthly_phone_bill", "Monthly phone bill", "telecom",
            Amounts(62, 0.50, 5, 600), {"capacity": 0.45}, unit="CNY", drift_per_year=-0.18),
    _recipe("phone_arrears_count", "Phone bills paid late in 12 months", "telecom",
            Levels((0, 1, 2, 3, 4, 6), (0.62, 0.19, 0.09, 0.05, 0.03, 0.02)),
            {"willingness": -0.50, "liquidity": -0.35}, risk=1, missing_rate=0.08),
    _recipe("contacts_stability_share", "Share of regular contacts kept over 6 months", "telecom",
            Shares(0.8, 0.70), {"willingness": 0.45, "fraud_intent": -0.20},
            unit="fraction", risk=-1, missing_rate=0.08),
    _recipe("roaming_days", "Days of roaming in 6 months", "telecom",
            Amounts(4, 1.10, 0, 180), {"capacity": 0.20}, unit="days"),
)
_DEVICE = (
    _recipe("device_price_tier", "Price tier of the phone", "device",
            Levels(("entry", "low", "middle", "high", "flagship"), (0.14, 0.26, 0.30, 0.20, 0.10)),
            {"capacity": 0.45, "liquidity": 0.25}, of_person=True),
    _recipe("device_age_months", "Age of the phone", "device",
            Amounts(16, 0.70, 0, 96), {"capacity": -0.25, "liquidity": -0.15}, unit="months"),
    _recipe("finance_apps_count", "Finance apps on the phone", "device",
            Amounts(4.5, 0.65, 0, 60), {"pressure": 0.70}, risk=1, drift_per_year=0.18,
            missing_rate=0.05),
    _recipe("device_shared_count", "Earlier applicants anywhere with this phone", "device",
            Levels((0, 1, 2, 3), (0.93, 0.05, 0.015, 0.005)), {"fraud_intent": 0.35}, risk=1),
)
_PAYMENT = (
    _recipe("orders_6m", "Orders in 6 months", "payment",
            Amounts(22, 0.80, 0, 500), {"capacity": 0.35, "liquidity": 0.40}, risk=-1),
    _recipe("spend_6m", "Spend in 6 months", "payment",
            Amounts(5_200, 0.80, 0, 300_000, 10), {"capacity": 0.60, "liquidity": 0.25},
            unit="CNY", missing_rate=0.05),
    _recipe("spend_volatility", "Volatility of monthly spend", "payment",
            Amounts(0.42, 0.50, 0.02, 4.0, 0.001), {"liquidity": -0.40, "willingness": -0.15},
            unit="times the mean", risk=1),
    _recipe("refund_share", "Share of orders refunded", "payment",
            Shares(-2.8, 0.80), {"willingness": -0.20, "liquidity": -0.20}, unit="fraction"),
    _recipe("night_spend_share", "Share of spend at night", "payment",
            Shares(-2.0, 0.80), {"willingness": -0.50, "seniority": -0.15},
            unit="fraction", risk=1),
    _recipe("utilities_on_time_share", "Share of utilities paid on time", "payment",
            Shares(2.4, 1.30), {"willingness": 0.60, "liquidity": 0.30},
            unit="fraction", risk=-1, missing_rate=0.15, missing_loadings={"seniority": -0.4}),
)
_BUREAU = (
    _recipe("inquiries_7d", "Credit inquiries in 7 days", "bureau",
            Levels((0, 1, 2, 3, 5), (0.68, 0.20, 0.07, 0.04, 0.01)), {"pressure": 0.60}, risk=1,
            drift_per_year=0.08),
    _recipe("inquiries_30d", "Credit inquiries in 30 days", "bureau",
            Levels((0, 1, 2, 3, 4, 6, 8), (0.40, 0.26, 0.15, 0.09, 0.05, 0.04, 0.01)),
            {"pressure": 0.70}, risk=1, drift_per_year=0.12, on_top_of="inquiries_7d"),
    _recipe("inquiries_90d", "Credit inquiries in 90 days", "bureau",
            Levels((0, 1, 2, 3, 4, 6, 9, 14), (0.26, 0.22, 0.18, 0.13, 0.09, 0.07, 0.04, 0.01)),
            {"pressure": 0.65}, risk=1, drift_per_year=0.12, on_top_of="inquiries_30d"),
    _recipe("inquiries_180d", "Credit inquiries in 180 days", "bureau",
            Levels((0, 1, 2, 3, 4, 6, 9, 14), (0.22, 0.20, 0.18, 0.14, 0.11, 0.09, 0.05, 0.01)),
            {"pressure": 0.60}, risk=1, drift_per_year=0.12, on_top_of="inquiries_90d"),
    _recipe("lenders_7d", "Distinct lenders in 7 days", "bureau",
            Levels((0, 1, 2, 3), (0.20, 0.60, 0.15, 0.05)), {"pressure": 0.35}, risk=1,
            at_most="inquiries_7d"),
    _recipe("lenders_30d", "Distinct lenders in 30 days", "bureau",
            Levels((0, 1, 2, 3, 4), (0.30, 0.40, 0.18, 0.08, 0.04)), {"pressure": 0.55}, risk=1,
            on_top_of="lenders_7d", at_most="inquiries_30d"),
    _recipe("lenders_90d", "Distinct lenders in 90 days", "bureau",
            Levels((0, 1, 2, 3, 4, 6), (0.30, 0.30, 0.19, 0.11, 0.07, 0.03)),
            {"pressure": 0.65, "liquidity": -0.10}, risk=1,
            on_top_of="lenders_30d", at_most="inquiries_90d"),
    _recipe("lenders_180d", "Distinct lenders in 180 days", "bureau",
            Levels((0, 1, 2, 3, 4, 6), (0.32, 0.30, 0.18, 0.11, 0.06, 0.03)), {"pressure": 0.60},
            risk=1, on_top_of="lenders_90d", at_most="inquiries_180d"),
    _recipe("concurrent_exposure", "Debt with other lenders", "bureau",
            Amounts(9_000, 1.00, 0, 500_000, 100), {"pressure": 0.60, "capacity": 0.15},
            unit="CNY", risk=1),
    _recipe("utilisation", "Utilisation of credit lines", "bureau",
            Shares(0.1, 1.40), {"liquidity": -0.70, "pressure": 0.15}, unit="fraction", risk=1),
    _recipe("worst_status_24m", "Worst arrears in 24 months", "bureau",
            Levels((0, 1, 2, 3, 4), (0.66, 0.20, 0.08, 0.04, 0.02)),
            {"willingness": -0.60, "liquidity": -0.25}, unit="months in arrears", risk=1),
    _recipe("oldest_account_months", "Age of the oldest account", "bureau",
            Amounts(40, 0.75, 1, 360), {"seniority": 0.60, "willingness": 0.25},
            unit="months", risk=-1),
)
# fmt: on
RECIPES: tuple[Recipe, ...] = _PROTECTED + _APPLICATION + _TELECOM + _DEVICE + _PAYMENT + _BUREAU

_RATIO = _feature(
    "amount_to_income",
    "Requested amount over stated monthly income",
    "application",
    unit="months of income",
    risk_direction=1,
)
# what this lender saw itself: loans up to the day, their payments up to the last month-end
HISTORY = (
    _feature("earlier_loans", "Earlier loans from this lender", "repeat", risk_direction=-1),
    _feature(
        "earlier_worst_arrears",
        "Worst arrears on earlier loans",
        "repeat",
        unit="months in arrears",
        risk_direction=1,
    ),
    _feature(
        "months_since_loan",
        "Time since the last loan",
        "repeat",
        unit="months",
    ),
)

FEATURES: tuple[Feature, ...] = (*(recipe.feature for recipe in RECIPES), _RATIO, *HISTORY)


def features_of(families: tuple[str, ...]) -> tuple[Feature, ...]:
    """Features of some families, and the protected attributes, which are always there."""
    return tuple(f for f in FEATURES if f.family in families or f.family == "protected")


def families_without(without_families: str) -> tuple[str, ...]:
    """Feature families but those named, for :class:`Lender`.

    Parameters
    ----------
    without_families : str
        Families left out, separated by blanks; empty: none.

    Returns
    -------
    tuple of str
        The others, in their order.

    Raises
    ------
    ValueError
        There is no family of that name, or none would be left.

    Examples
    --------
    >>> families_without("telecom bureau")
    ('application', 'device', 'payment', 'repeat')
    """
    left_out = without_families.split()
    unknown = [name for name in left_out if name not in FAMILIES]
    if unknown:
        raise ValueError(
            f"without_families must be some of {', '.join(FAMILIES)}, got {unknown[0]!r}"
        )
    families = tuple(name for name in FAMILIES if name not in left_out)
    if not families:
        raise ValueError(
            f"without_families must leave at least one family, got {without_families!r}"
        )
    return families

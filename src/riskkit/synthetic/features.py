"""The catalogue of features: what each means, and how latent factors and chance make its values.

It serves twice: to generate (:data:`RECIPES`, for :mod:`riskkit.synthetic.applicants`), and to
describe the columns to whoever models them (:data:`FEATURES`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.special import expit, ndtri

from riskkit.schema import Feature

__all__ = [
    "CORRELATION",
    "FACTORS",
    "FEATURES",
    "NO_RECORD",
    "RECIPES",
    "Amounts",
    "Levels",
    "Recipe",
    "Shares",
    "texts",
]

NO_RECORD = -9.0
THIN = {NO_RECORD: "no bureau record"}

# What moves a person, as standard normals. Higher capacity, willingness and liquidity are safer,
# higher pressure (debts with several lenders) is riskier; seniority is what age shows, and
# circumstance what no feature shows: it sets how far below the truth the best model must stay.
FACTORS = ("capacity", "willingness", "liquidity", "pressure", "seniority", "circumstance")
CORRELATION = np.array(
    [
        [1.00, 0.20, 0.40, -0.25, 0.30, 0.00],
        [0.20, 1.00, 0.25, -0.30, 0.10, 0.00],
        [0.40, 0.25, 1.00, -0.45, 0.05, 0.00],
        [-0.25, -0.30, -0.45, 1.00, -0.05, 0.00],
        [0.30, 0.10, 0.05, -0.05, 1.00, 0.00],
        [0.00, 0.00, 0.00, 0.00, 0.00, 1.00],
    ]
)


@dataclass(frozen=True)
class Amounts:
    """Log-normal quantity: median·exp(spread·z), clipped, in whole steps."""

    median: float
    spread: float
    low: float
    high: float
    step: float = 1.0

    def values(self, z: np.ndarray) -> np.ndarray:
        """Quantity at standard normal scores."""
        raw = np.clip(self.median * np.exp(self.spread * z), self.low, self.high)
        # the second rounding takes back what 0.001 as a float adds
        return np.round(np.round(raw / self.step) * self.step, 6)


@dataclass(frozen=True)
class Shares:
    """Fraction: logistic of a normal."""

    center_logit: float
    spread: float

    def values(self, z: np.ndarray) -> np.ndarray:
        """Fraction at standard normal scores, to a thousandth."""
        return np.round(expit(self.center_logit + self.spread * z), 3)


@dataclass(frozen=True)
class Levels:
    """Few values in order, each with its share of the population."""

    levels: tuple
    shares: tuple[float, ...]

    @cached_property
    def cuts(self) -> np.ndarray:
        """Normal scores at which one level ends and the next begins."""
        cumulated = np.cumsum(self.shares)
        return ndtri(cumulated[:-1] / cumulated[-1])

    def codes(self, z: np.ndarray) -> np.ndarray:
        """Position of the level at standard normal scores."""
        return np.searchsorted(self.cuts, z).astype(np.int8)

    def values(self, z: np.ndarray) -> np.ndarray | pd.api.extensions.ExtensionArray:
        """Level at standard normal scores."""
        if isinstance(self.levels[0], str):
            return texts(self.levels, self.codes(z))
        return np.array(self.levels, dtype=float)[self.codes(z)]


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
        Share of plain missing values.
    missing_loadings : mapping
        What makes missing likelier (positive) or rarer, on the normal scale.
    of_person : bool
        Drawn once per person, so a returning customer keeps it.
    """

    feature: Feature
    marginal: Amounts | Shares | Levels
    loadings: Mapping[str, float] = field(default_factory=dict)
    drift_per_year: float = 0.0
    missing_rate: float = 0.0
    missing_loadings: Mapping[str, float] = field(default_factory=dict)
    of_person: bool = False

    @cached_property
    def own_weight(self) -> float:
        """Weight of the feature's own noise."""
        weights = np.array([self.loadings.get(name, 0.0) for name in FACTORS])
        return float(np.sqrt(1 - weights @ CORRELATION @ weights))


def texts(levels: tuple[str, ...], codes: np.ndarray) -> pd.api.extensions.ExtensionArray:
    """Text column from level codes; −1 is missing."""
    return pd.array(list(levels), dtype="str").take(codes, allow_fill=True)


def _recipe(
    name: str,
    label: str,
    family: str,
    marginal: Amounts | Shares | Levels,
    loadings: Mapping[str, float] | None = None,
    *,
    unit: str = "",
    risk: int = 0,
    protected: bool = False,
    drift_per_year: float = 0.0,
    missing_rate: float = 0.0,
    missing_loadings: Mapping[str, float] | None = None,
    of_person: bool = False,
) -> Recipe:
    text = isinstance(marginal, Levels) and isinstance(marginal.levels[0], str)
    return Recipe(
        Feature(
            name=name,
            label=label,
            family=family,
            unit=unit,
            kind="category" if text else "numeric",
            risk_direction=risk,
            special_codes=THIN if family == "bureau" else {},
            protected=protected,
        ),
        marginal,
        loadings or {},
        drift_per_year,
        missing_rate,
        missing_loadings or {},
        of_person,
    )


# fmt: off
RECIPES: tuple[Recipe, ...] = (
    _recipe("age", "Age", "protected", Amounts(31, 0.24, 18, 60), {"seniority": 1.0},
            unit="years", protected=True, of_person=True),
    _recipe("gender", "Gender", "protected", Levels(("female", "male"), (0.44, 0.56)),
            {"willingness": -0.10}, protected=True, of_person=True),
    _recipe("city_tier", "City tier", "protected",
            Levels(("tier_4", "tier_3", "tier_2", "tier_1"), (0.24, 0.33, 0.28, 0.15)),
            {"capacity": 0.35}, protected=True, of_person=True),
    _recipe("region", "Region", "protected",
            Levels(("northeast", "west", "central", "north", "east", "south"),
                   (0.08, 0.18, 0.22, 0.14, 0.24, 0.14)),
            {"capacity": 0.15}, protected=True, of_person=True),
    _recipe("occupation", "Occupation", "application",
            Levels(("none", "gig_worker", "student_graduate", "self_employed", "service",
                    "office", "civil_servant"),
                   (0.06, 0.14, 0.10, 0.18, 0.24, 0.20, 0.08)),
            {"capacity": 0.50, "willingness": 0.20}, of_person=True),
    _recipe("stated_income", "Stated monthly income", "application",
            Amounts(6_500, 0.45, 1_500, 60_000, 100), {"capacity": 0.80, "willingness": -0.10},
            unit="yuan", risk=-1, missing_rate=0.06, missing_loadings={"willingness": -0.4}),
    _recipe("amount_requested", "Requested amount", "application",
            Amounts(4_800, 0.65, 500, 50_000, 100), {"capacity": 0.35, "pressure": 0.30},
            unit="yuan"),
    _recipe("term_months", "Requested term", "application",
            Levels((1, 3, 6, 9, 12), (0.07, 0.13, 0.32, 0.12, 0.36)), {"liquidity": -0.15},
            unit="months"),
    _recipe("application_hour", "Hour of application", "application",
            Levels((3, 2, 4, 1, 0, 5, 23, 22, 6, 21, 20, 12, 13, 19, 18, 7, 14, 17, 15, 16, 8, 11,
                    9, 10),
                   (1, 1, 1, 1, 2, 1, 3, 5, 2, 6, 7, 6, 5, 7, 6, 3, 6, 6, 6, 6, 4, 5, 5, 5)),
            {"willingness": 0.30, "liquidity": 0.15}, unit="hour of day"),
    _recipe("name_phone_match", "Name, phone and ID match", "application",
            Levels(("none", "partial", "full"), (0.04, 0.16, 0.80)), {"willingness": 0.45}),
    _recipe("months_on_number", "Months on this phone number", "telecom",
            Amounts(36, 0.85, 0, 240), {"willingness": 0.50, "seniority": 0.35},
            unit="months", risk=-1, of_person=True),
    _recipe("monthly_phone_bill", "Monthly phone bill", "telecom",
            Amounts(62, 0.50, 5, 600), {"capacity": 0.45}, unit="yuan", drift_per_year=-0.18),
    _recipe("phone_arrears_count", "Phone bills paid late in 12 months", "telecom",
            Levels((0, 1, 2, 3, 4, 6), (0.62, 0.19, 0.09, 0.05, 0.03, 0.02)),
            {"willingness": -0.50, "liquidity": -0.35}, risk=1, missing_rate=0.08),
    _recipe("device_price_tier", "Price tier of the phone", "device",
            Levels(("entry", "low", "middle", "high", "flagship"), (0.14, 0.26, 0.30, 0.20, 0.10)),
            {"capacity": 0.45, "liquidity": 0.25}, of_person=True),
    _recipe("finance_apps_count", "Finance apps on the phone", "device",
            Amounts(4.5, 0.65, 0, 60), {"pressure": 0.70}, risk=1, drift_per_year=0.18,
            missing_rate=0.05),
    _recipe("orders_6m", "Orders in six months", "payment",
            Amounts(22, 0.80, 0, 500), {"capacity": 0.35, "liquidity": 0.40}, risk=-1),
    _recipe("spend_volatility", "Volatility of monthly spend", "payment",
            Amounts(0.42, 0.50, 0.02, 4.0, 0.001), {"liquidity": -0.65, "willingness": -0.15},
            unit="standard deviation over mean", risk=1),
    _recipe("night_spend_share", "Share of spend at night", "payment",
            Shares(-2.0, 0.80), {"willingness": -0.50, "seniority": -0.15},
            unit="fraction", risk=1),
    _recipe("utilities_on_time_share", "Share of utilities paid on time", "payment",
            Shares(2.4, 1.30), {"willingness": 0.60, "liquidity": 0.30},
            unit="fraction", risk=-1, missing_rate=0.15, missing_loadings={"seniority": -0.4}),
    _recipe("inquiries_30d", "Credit inquiries in 30 days", "bureau",
            Levels((0, 1, 2, 3, 4, 6, 8, 12), (0.30, 0.24, 0.17, 0.11, 0.08, 0.06, 0.03, 0.01)),
            {"pressure": 0.75}, risk=1, drift_per_year=0.15),
    _recipe("lenders_90d", "Distinct lenders in 90 days", "bureau",
            Levels((0, 1, 2, 3, 4, 5, 7, 10), (0.26, 0.25, 0.19, 0.12, 0.08, 0.06, 0.03, 0.01)),
            {"pressure": 0.70, "liquidity": -0.15}, risk=1),
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

_RATIO = Feature(
    name="amount_to_income",
    label="Requested amount over stated monthly income",
    family="application",
    unit="months of income",
    risk_direction=1,
)

FEATURES: tuple[Feature, ...] = (*(recipe.feature for recipe in RECIPES), _RATIO)

"""Who applies: latent factors, arrival, purchase, channel and the features of each application.

Takes application numbers; gives their visible columns, and beside them what stays hidden.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from riskkit.synthetic.draws import normal, uniform
from riskkit.synthetic.features import (
    CORRELATION,
    FACTORS,
    NO_RECORD,
    RECIPES,
    Levels,
    texts,
)
from riskkit.synthetic.lender import Lender

__all__ = ["Applicants", "draw_applicants"]

RISK_LOADINGS = {
    "capacity": -0.12,
    "willingness": -0.20,
    "liquidity": -0.06,
    "pressure": 0.06,
    "circumstance": 0.40,
}

# No bureau record: the young, and those who never needed or never got a bank's credit.
THIN_INTERCEPT = -0.92
THIN_LOADINGS = {"seniority": -0.45, "capacity": -0.30, "willingness": -0.15}

PURCHASES = (
    "education", "medical_aesthetics", "electronics", "travel", "rent", "car_accessories",
    "daily_spending",
)  # fmt: skip
PURCHASE_SHARES = (0.09, 0.10, 0.26, 0.09, 0.12, 0.06, 0.28)
PURCHASE_AMOUNT_SHIFT = np.array([1.0, 0.7, 0.1, 0.2, 0.3, 0.2, -0.8])  # in spreads of the amount

CHANNELS = ("sms_link", "app", "merchant", "partner")
CHANNEL_SHARES = (0.27, 0.38, 0.20, 0.15)
CHANNEL_RISK = np.array([0.12, -0.08, 0.0, 0.06])
PARTNERS = ("amber", "birch", "cobalt", "dune")
PARTNER_RISK = np.array([-0.20, -0.05, 0.10, 0.35])


@dataclass(frozen=True)
class Applicants:
    """What is drawn for a block of applications, visible and hidden.

    Parameters
    ----------
    index : int array
        Number of each application.
    person : int array
        Number of the application that first brought this customer.
    month : int array
        Month of application, from the first month on.
    frame : DataFrame
        Identifiers, date, channel, purchase and features: what the lender may see.
    factors : dict of float arrays
        The latent factors.
    risk : float array
        Borrower's own part of the log-odds of a missed payment.
    income : float array
        True monthly income, yuan.
    """

    index: np.ndarray
    person: np.ndarray
    month: np.ndarray
    frame: pd.DataFrame
    factors: dict[str, np.ndarray]
    risk: np.ndarray
    income: np.ndarray


def draw_applicants(lender: Lender, index: np.ndarray, seed: int) -> Applicants:
    """Applications of the given numbers, as they arrive at the lender.

    Parameters
    ----------
    lender : Lender
    index : int array of shape (n,)
        Numbers of the applications, from 0.
    seed : int

    Returns
    -------
    Applicants
        Each row depends on its own number and seed alone.
    """
    person = _person(lender, index, seed)
    time = _arrival(lender, index, person, seed)
    month = np.minimum(time.astype(np.int64), lender.n_months - 1)
    calendar = lender.first_month + np.arange(lender.n_months + 1).astype("timedelta64[M]")
    first_day = calendar.astype("datetime64[D]")
    days = np.diff(first_day).astype(np.int64)
    day = np.floor((time - month) * days[month]).astype(np.int64)
    applied_at = first_day[month] + np.minimum(day, days[month] - 1)

    factors = _factors(person, seed)
    purchase = Levels(PURCHASES, PURCHASE_SHARES).codes(normal(seed, index, "purchase"))
    channel = Levels(CHANNELS, CHANNEL_SHARES).codes(normal(seed, index, "channel"))
    partner = np.floor(uniform(seed, index, "partner") * len(PARTNERS)).astype(np.int8)
    partner = np.where(channel == CHANNELS.index("partner"), partner, -1)

    frame: dict[str, Any] = {
        "application_id": _ids("A", index),
        "customer_id": _ids("C", person),
        "applied_at": applied_at.astype("datetime64[s]"),
        "channel": texts(CHANNELS, channel),
        "partner": texts(PARTNERS, partner),
        "scenario": texts(PURCHASES, purchase),
    }
    thin_score = THIN_INTERCEPT + _weighted(THIN_LOADINGS, factors)
    thin = normal(seed, person, "thin_file") < thin_score
    years = time / 12 * lender.drift_scale
    scores: dict[str, np.ndarray] = {}
    for recipe in RECIPES:
        name = recipe.feature.name
        own = normal(seed, person if recipe.of_person else index, name)
        z = _weighted(recipe.loadings, factors) + recipe.own_weight * own
        if recipe.drift_per_year:
            z = z + recipe.drift_per_year * years
        if name == "amount_requested":
            z = z + PURCHASE_AMOUNT_SHIFT[purchase]
        elif name == "term_months":
            z = z + 0.3 * scores["amount_requested"]
        scores[name] = z
        values: Any = recipe.marginal.values(z)
        if recipe.feature.family == "bureau":
            values = np.where(thin, NO_RECORD, values)
        if recipe.missing_rate:
            gap_score = ndtri(recipe.missing_rate) + _weighted(recipe.missing_loadings, factors)
            gap = normal(seed, index, f"{name}.missing") < gap_score
            values = np.where(gap, np.nan, values)
        frame[name] = values
    frame["amount_to_income"] = np.round(frame["amount_requested"] / frame["stated_income"], 3)
    frame["term_months"] = frame["term_months"].astype(np.int64)
    frame["amount"] = np.rint(frame["amount_requested"] * 100).astype(np.int64)
    return Applicants(
        index=index,
        person=person,
        month=month,
        frame=pd.DataFrame(frame),
        factors=factors,
        risk=_risk(factors, scores, thin, channel, partner),
        income=6_000 * np.exp(0.45 * factors["capacity"]),
    )


def _risk(
    factors: Mapping[str, np.ndarray],
    scores: Mapping[str, np.ndarray],
    thin: np.ndarray,
    channel: np.ndarray,
    partner: np.ndarray,
) -> np.ndarray:
    """Borrower's own part of the log-odds of a missed payment, about zero on average."""
    risk = _weighted(RISK_LOADINGS, factors)
    # Bends a card that adds up one feature at a time cannot follow: debts hurt those without
    # liquid means, and a cheap phone tells something only where no bureau does.
    squeeze = np.maximum(factors["pressure"], 0) * np.maximum(-factors["liquidity"], 0)
    juggling = np.maximum(np.minimum(scores["finance_apps_count"], scores["spend_volatility"]), 0)
    adrift = np.maximum(np.minimum(scores["night_spend_share"], -scores["months_on_number"]), 0)
    risk = risk + 0.20 * squeeze + 1.0 * juggling + 0.9 * adrift
    risk += np.where(thin, -0.50, 0.0) * scores["device_price_tier"] + 0.10 * thin
    risk += CHANNEL_RISK[channel] + np.where(partner >= 0, PARTNER_RISK[partner], 0.0)
    return risk


def _weighted(weights: Mapping[str, float], factors: Mapping[str, np.ndarray]) -> np.ndarray:
    # a plain sum in fixed order: a matrix product may round differently for another block size
    total = np.zeros(len(factors[FACTORS[0]]))
    for name, weight in weights.items():
        total += weight * factors[name]
    return total


def _factors(person: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    root = np.linalg.cholesky(CORRELATION)
    noise = [normal(seed, person, f"factor.{name}") for name in FACTORS]
    factors = {}
    for i, name in enumerate(FACTORS):
        total = np.zeros(len(person))
        for j in range(i + 1):
            total += root[i, j] * noise[j]
        factors[name] = total
    return factors


def _person(lender: Lender, index: np.ndarray, seed: int) -> np.ndarray:
    """Number of the application that brought the customer; a few numbers back where they return."""
    back = 1 + np.floor(uniform(seed, index, "returning.back") * 8).astype(np.int64)
    earlier = np.maximum(index - back, 0)
    returning = uniform(seed, index, "returning") < lender.returning_rate
    # only one step back, to someone who is new, so that no other row has to be known
    new_then = uniform(seed, earlier, "returning") >= lender.returning_rate
    return np.where(returning & new_then & (index >= back), earlier, index)


def _arrival(lender: Lender, index: np.ndarray, person: np.ndarray, seed: int) -> np.ndarray:
    """Time of application in months from the start; a returning customer comes later."""
    share = uniform(seed, index, "arrival")
    first = uniform(seed, person, "arrival")
    share = np.where(person == index, share, first + (1 - first) * share)
    growth, n = lender.monthly_growth_rate, lender.n_months
    if growth == 0:
        return share * n
    return np.log1p(share * np.expm1(n * np.log1p(growth))) / np.log1p(growth)


def _ids(letter: str, numbers: np.ndarray) -> pd.api.extensions.ExtensionArray:
    """Identifiers such as A000000123."""
    width = 10
    letters = np.empty((len(numbers), width), dtype=np.uint8)
    letters[:, 0] = ord(letter)
    rest = numbers.astype(np.int64)
    for place in range(width - 1, 0, -1):
        rest, digit = np.divmod(rest, 10)
        letters[:, place] = ord("0") + digit
    return pd.array(letters.view(f"S{width}").ravel().astype(f"U{width}"), dtype="str")

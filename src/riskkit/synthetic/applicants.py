"""Who applies: when, for what, and the features of each application.

Takes application numbers; gives their visible columns, and beside them what stays hidden.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, ndtri

from riskkit.instalments import METHODS
from riskkit.synthetic.draws import normal, uniform
from riskkit.synthetic.features import NO_RECORD, OCCUPATION, RECIPES, SELF_EMPLOYED, Recipe
from riskkit.synthetic.lender import LONGER_TERMS_MONTHS, Lender
from riskkit.synthetic.marginals import texts
from riskkit.synthetic.market import CHANNELS, PARTNERS, PURCHASES, Choices, choose
from riskkit.synthetic.people import People, draw_people

__all__ = ["Applicants", "draw_applicants"]

# No bureau record: the young, and those who never needed or never got a bank's credit.
THIN_INTERCEPT = -0.92
THIN_LOADINGS = {"seniority": -0.45, "capacity": -0.30, "willingness": -0.15}

RISK_LOADINGS = {
    "capacity": -0.14,
    "willingness": -0.22,
    "liquidity": -0.06,
    "pressure": 0.08,
    "circumstance": 0.78,
}
# Bends that a card, which adds up one feature at a time, cannot follow: what is harmless alone is
# not together. Each is the lesser of two scores, where it passes a height, and what that adds to
# the log-odds; none is so large that one feature alone would give it away. And phone and number
# tell something only where no bureau does.
BENDS = (
    ("finance_apps_count", "spend_volatility", 1, 0.90, 2.75),  # the debts of a juggler
    ("night_spend_share", "orders_6m", -1, 0.78, 2.40),  # the orders of somebody adrift
    ("inquiries_90d", "contacts_stability_share", -1, 0.90, 1.00),  # asks everywhere, known nowhere
)
BEND_STEEPNESS = 12.0
THIN_RISK_SCORES = {"device_price_tier": -0.55, "months_on_number": -0.30}


@dataclass(frozen=True)
class Applicants:
    """What is drawn for a block of applications, visible and hidden.

    Parameters
    ----------
    people : People
    choices : Choices
    month : int array of shape (n,)
        Month of application, from the first month on.
    frame : DataFrame
        Identifiers, date, channel, purchase and features: what the lender may see, but for what it
        remembers of a customer's earlier loans.
    risk : float array
        Borrower's own part of the log-odds of a missed payment.
    income : float array
        True monthly income, yuan.
    """

    people: People
    choices: Choices
    month: np.ndarray
    frame: pd.DataFrame
    risk: np.ndarray
    income: np.ndarray

    @property
    def index(self) -> np.ndarray:
        """Number of each application."""
        return self.people.index


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
    people = draw_people(lender, index, seed)
    factors = people.factors
    month = np.minimum(people.time.astype(np.int64), lender.n_months - 1)
    growing = lender.growth_thin_shift * lender.built_up("growth", lender.n_months)
    thin_score = THIN_INTERCEPT + _weighted(THIN_LOADINGS, factors) + growing[month]
    thin = normal(seed, people.person, "thin_file") < thin_score
    years = people.time / 12 * lender.drift_scale

    def score(recipe: Recipe) -> np.ndarray:
        name = recipe.feature.name
        own = normal(seed, people.person if recipe.of_person else index, name)
        z = _weighted(recipe.loadings, factors) + recipe.own_weight * own
        return z + recipe.drift_per_year * years if recipe.drift_per_year else z

    scores = {recipe.feature.name: score(recipe) for recipe in RECIPES}
    self_employed = OCCUPATION.codes(scores["occupation"]) == OCCUPATION.levels.index(SELF_EMPLOYED)
    choices = choose(lender, index, month, self_employed, seed)
    shifts = np.array([purchase.amount_shift for purchase in PURCHASES])
    scores["amount_requested"] += shifts[choices.purchase]
    scores["term_months"] += 0.3 * scores["amount_requested"]

    frame: dict[str, Any] = {
        "application_id": _ids("A", index),
        "customer_id": _ids("C", people.person),
        "device_id": _ids("D", people.phone),
        "applied_at": _dates(lender, people.time, month),
        "channel": texts(tuple(c.name for c in CHANNELS), choices.channel),
        "partner": texts(tuple(p.name for p in PARTNERS), choices.partner),
        "scenario": texts(tuple(p.name for p in PURCHASES), choices.purchase),
        "product": texts(METHODS, choices.plan),
    }
    for recipe in RECIPES:
        name = recipe.feature.name
        values: Any = recipe.marginal.values(scores[name])
        if recipe.on_top_of:
            values = values + np.maximum(frame[recipe.on_top_of], 0)
        if recipe.at_most:
            values = np.minimum(values, np.maximum(frame[recipe.at_most], 0))
        if recipe.feature.family == "bureau":
            values = np.where(thin, NO_RECORD, values)
        if recipe.missing_rate:
            gap_score = ndtri(recipe.missing_rate) + _weighted(recipe.missing_loadings, factors)
            values = np.where(normal(seed, index, f"{name}.missing") < gap_score, np.nan, values)
        frame[name] = values
    shared = frame["device_shared_count"]
    frame["device_shared_count"] = np.where(people.ring >= 0, people.ring_rank, shared)
    frame["amount_to_income"] = np.round(frame["amount_requested"] / frame["stated_income"], 3)
    frame["term_months"] = _terms(lender, index, frame["term_months"], seed)
    frame["amount"] = np.rint(frame["amount_requested"] * 100).astype(np.int64)
    return Applicants(
        people=people,
        choices=choices,
        month=month,
        frame=pd.DataFrame(frame),
        risk=_risk(lender, people, choices, scores, thin),
        income=6_000 * np.exp(0.45 * factors["capacity"]),
    )


def _terms(lender: Lender, index: np.ndarray, usual: np.ndarray, seed: int) -> np.ndarray:
    """Terms applied for: as usual, or one of the longer ones."""
    terms = usual.astype(np.int64)
    if not any(lender.longer_term_rates):
        return terms
    ends = np.cumsum(lender.longer_term_rates)
    drawn = np.searchsorted(ends, uniform(seed, index, "longer_term"), side="right")
    return np.where(drawn < len(ends), np.append(LONGER_TERMS_MONTHS, 0)[drawn], terms)


def _risk(
    lender: Lender,
    people: People,
    choices: Choices,
    scores: Mapping[str, np.ndarray],
    thin: np.ndarray,
) -> np.ndarray:
    """Borrower's own part of the log-odds of a missed payment."""
    risk = _weighted(RISK_LOADINGS, people.factors)
    for first, second, direction, height, logit in BENDS:
        lesser = np.minimum(scores[first], direction * scores[second])
        risk += logit * expit(BEND_STEEPNESS * (lesser - height))
    risk += np.where(thin, _weighted(THIN_RISK_SCORES, scores), 0.0)
    risk += np.array([channel.risk for channel in CHANNELS])[choices.channel]
    by_partner = np.array([partner.risk for partner in PARTNERS])[choices.partner]
    risk += np.where(choices.partner >= 0, by_partner, 0.0)
    return risk + lender.fraud_logit * people.fraud


def _weighted(weights: Mapping[str, float], factors: Mapping[str, np.ndarray]) -> np.ndarray:
    # a plain sum in fixed order: a matrix product may round differently for another block size
    total: Any = 0.0
    for name, weight in weights.items():
        total = total + weight * factors[name]
    return total


def _dates(lender: Lender, time: np.ndarray, month: np.ndarray) -> np.ndarray:
    """Day of application, datetime64[s]."""
    calendar = lender.first_month + np.arange(lender.n_months + 1).astype("timedelta64[M]")
    first_day = calendar.astype("datetime64[D]")
    days = np.diff(first_day).astype(np.int64)
    day = np.floor((time - month) * days[month]).astype(np.int64)
    # numpy steps dates by dated steps only
    step = np.minimum(day, days[month] - 1).astype("timedelta64[D]")
    return (first_day[month] + step).astype("datetime64[s]")


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

"""What the old policy decides: decline reasons, hidden overrides, offers and take-up.

Takes the applicants; gives one decision per application. Part of it rests on columns everyone can
see (points with hard limits), part on an underwriter's impression that no column holds, and a small
share is approved at random.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import expit, ndtri

from riskkit.synthetic.applicants import Applicants
from riskkit.synthetic.draws import normal, uniform
from riskkit.synthetic.features import NO_RECORD, texts
from riskkit.synthetic.lender import Lender

__all__ = ["REASONS", "decide", "risk_points"]

REASONS = ("age", "identity", "bureau_status", "points", "manual_review")

MATCH_POINTS = {"none": 1.5, "partial": 0.4, "full": 0.0}
LOWEST_AGE, HIGHEST_AGE = 20, 55
WORST_STATUS_LIMIT = 3
BAND_POINTS = (0.6, 1.1, 1.6, 2.1)  # bounds of the offer bands
LIMIT_INCOMES = np.array([3.0, 2.5, 2.0, 1.5, 1.0])  # monthly incomes lent at most, by band


def risk_points(frame: pd.DataFrame) -> np.ndarray:
    """Points of the old policy's rough rule, more is riskier.

    Parameters
    ----------
    frame : DataFrame
        Features; missing values and thin files get fixed points.

    Returns
    -------
    float64 array of shape (n_applications,)

    Source
    ------
    riskkit definition.
    """
    thin = (frame["inquiries_30d"] == NO_RECORD).to_numpy()
    bureau = (
        0.22 * frame["inquiries_30d"].clip(upper=6)
        + 0.45 * frame["worst_status_24m"]
        + 0.90 * frame["utilisation"]
    ).to_numpy()
    points = np.where(thin, 1.3, bureau)
    points += 0.30 * frame["phone_arrears_count"].clip(upper=3).fillna(1).to_numpy()
    points += frame["name_phone_match"].map(MATCH_POINTS).to_numpy(dtype=float)
    income = frame["stated_income"].fillna(4_000).to_numpy()
    points -= 0.60 * np.log(income / 6_500)
    points += 0.25 * np.log(frame["amount_requested"].to_numpy() / income + 0.2)
    return points


def decide(lender: Lender, applicants: Applicants, seed: int) -> pd.DataFrame:
    """Decision, offer and take-up of each application.

    Parameters
    ----------
    lender : Lender
    applicants : Applicants
    seed : int

    Returns
    -------
    DataFrame of shape (n_applications,)
        `approved`, `declined_reason` (str, missing where approved), `override` (approved by hand
        above the cutoff), `explored` (in the random share approved whatever the policy says),
        `offer_apr` (fraction, NaN where declined), `offer_limit` (fen, 0 where declined), `booked`.

    Source
    ------
    riskkit definition.
    """
    frame, index = applicants.frame, applicants.index
    points = risk_points(frame)
    impression = 0.7 * applicants.factors["willingness"] + np.sqrt(1 - 0.7**2) * normal(
        seed, index, "impression"
    )
    # the first rule that fires gives the reason
    rules = (
        ~frame["age"].between(LOWEST_AGE, HIGHEST_AGE).to_numpy(),
        (frame["name_phone_match"] == "none").to_numpy(),
        (frame["worst_status_24m"] >= WORST_STATUS_LIMIT).to_numpy(),
        points > lender.cutoff_points,
        impression < ndtri(lender.manual_decline_rate),
    )
    reason = np.select(rules, range(len(REASONS)), default=-1)
    in_review = points <= lender.cutoff_points + lender.review_points
    above_cutoff = reason == REASONS.index("points")
    override = above_cutoff & in_review & (impression > ndtri(1 - lender.override_rate))
    explored = uniform(seed, index, "explore") < lender.explore_rate
    override &= ~explored
    reason = np.where(override | explored, -1, reason)
    approved = reason == -1

    band = np.searchsorted(BAND_POINTS, points)
    apr = np.array(lender.offer_aprs)[band]
    amount = frame["amount"].to_numpy()
    income = frame["stated_income"].fillna(4_000).to_numpy() * 100
    limit = np.maximum(amount, np.rint(LIMIT_INCOMES[band] * income / 10_000) * 10_000)
    # who is squeezed by other lenders takes what is offered
    takes = lender.take_up_logit + lender.take_up_logit_per_apr * (apr - lender.list_apr)
    takes = takes + 0.25 * applicants.factors["pressure"]
    booked = approved & (uniform(seed, index, "take_up") < expit(takes))
    return pd.DataFrame(
        {
            "approved": approved,
            "declined_reason": texts(REASONS, reason),
            "override": override,
            "explored": explored,
            "offer_apr": np.where(approved, apr, np.nan),
            "offer_limit": np.where(approved, limit, 0).astype(np.int64),
            "booked": booked,
        }
    )

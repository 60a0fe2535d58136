"""What the old policy decides: decline reasons, hidden overrides, offers.

Takes the applicants; gives one decision per application. Part of it rests on columns everyone can
see (points with hard limits), part on an underwriter's impression that no column holds, and a small
share is approved at random.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtri

from riskkit.instalments import instalment
from riskkit.synthetic.applicants import Applicants
from riskkit.synthetic.dealt import deal
from riskkit.synthetic.draws import normal, uniform
from riskkit.synthetic.features import NO_RECORD
from riskkit.synthetic.lender import Lender
from riskkit.synthetic.marginals import texts
from riskkit.synthetic.market import CHANNELS

__all__ = ["COLUMNS", "REASONS", "decide", "highest_fee_rate", "list_aprs", "risk_points"]

REASONS = (
    "age",
    "identity",
    "device",
    "bureau_status",
    "own_arrears",
    "points",
    "manual_review",
)

COLUMNS = (
    "age",
    "name_phone_match",
    "device_shared_count",
    "phone_arrears_count",
    "inquiries_30d",
    "worst_status_24m",
    "utilisation",
    "verified_income",
    "stated_income",
    "amount_requested",
    "term_months",
    "product",
)

MATCH_POINTS = {"none": 1.5, "partial": 0.4, "full": 0.0}
LOWEST_AGE, HIGHEST_AGE = 20, 55
SHARED_DEVICE_LIMIT = 8
WORST_STATUS_LIMIT = 3
BAND_POINTS = (0.6, 1.1, 1.6, 2.1)  # bounds of the offer bands
LIMIT_INCOMES = np.array([3.0, 2.5, 2.0, 1.5, 1.0])  # monthly incomes lent at most, by band
LOWEST_LIMIT = 50_000  # fen


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
        0.18 * frame["inquiries_30d"].clip(upper=8)
        + 0.45 * frame["worst_status_24m"]
        + 0.90 * frame["utilisation"]
    ).to_numpy()
    points = np.where(thin, 1.3, bureau)
    points += 0.30 * frame["phone_arrears_count"].clip(upper=3).fillna(1).to_numpy()
    points += frame["name_phone_match"].map(MATCH_POINTS).to_numpy(dtype=float)
    income = _income(frame)
    points -= 0.60 * np.log(income / 6_500)
    points += 0.25 * np.log(frame["amount_requested"].to_numpy() / income + 0.2)
    arrears = frame["earlier_worst_arrears"].to_numpy()
    # without an earlier loan the special code says nothing either way
    points += np.where(arrears >= 0, 0.6 * np.minimum(arrears, 3) - 0.4, 0.0)
    return points


def decide(
    lender: Lender, applicants: Applicants, frame: pd.DataFrame, in_arrears: np.ndarray, seed: int
) -> pd.DataFrame:
    """Decision and offer of each application.

    Parameters
    ----------
    lender : Lender
    applicants : Applicants
    frame : DataFrame
        What the policy looks at: COLUMNS, and what the lender remembers of earlier loans.
    in_arrears : bool array of shape (n,)
        Whether the customer owed an instalment of an earlier loan at the last month-end.
    seed : int

    Returns
    -------
    DataFrame of shape (n,)
        `approved`, `declined_reason` (str, missing where approved), `override` (approved by hand
        above the cutoff), `explored` (in the random share approved whatever the policy says),
        `offer_apr` (fraction, NaN where declined), `offer_fee_rate` (share of the principal
        deducted up front), `offer_limit` (fen, 0 where declined). Where the lender tests prices or
        limits also `test_group`, as in the data contract, missing where in no test.

    Source
    ------
    riskkit definition.
    """
    index = applicants.index
    points = risk_points(frame)
    willingness = applicants.people.factors["willingness"]
    impression = 0.7 * willingness + np.sqrt(1 - 0.7**2) * normal(seed, index, "impression")
    loosened = lender.growth_points * lender.built_up("growth", lender.n_months)
    cutoff = lender.cutoff_points + loosened[applicants.month]
    # the first rule that fires gives the reason
    rules = (
        ~frame["age"].between(LOWEST_AGE, HIGHEST_AGE).to_numpy(),
        (frame["name_phone_match"] == "none").to_numpy(),
        (frame["device_shared_count"] >= SHARED_DEVICE_LIMIT).to_numpy(),
        (frame["worst_status_24m"] >= WORST_STATUS_LIMIT).to_numpy(),
        in_arrears,
        points > cutoff,
        impression < ndtri(lender.manual_decline_rate),
    )
    reason = np.select(rules, range(len(REASONS)), default=-1)
    in_review = points <= cutoff + lender.review_points
    above_cutoff = reason == REASONS.index("points")
    override = above_cutoff & in_review & (impression > ndtri(1 - lender.override_rate))
    explored = uniform(seed, index, "explore") < lender.explore_rate
    override &= ~explored
    reason = np.where(override | explored, -1, reason)
    approved = reason == -1

    band = np.searchsorted(BAND_POINTS, points)
    drift = list_aprs(lender, applicants.month) - lender.list_apr
    apr = np.clip(np.array(lender.offer_aprs)[band] + drift, 0, 1)
    apr = np.where(applicants.choices.promoted, 0.0, np.round(apr, 4))
    income = _income(frame) * 100
    limit = np.rint(LIMIT_INCOMES[band] * income / 10_000) * 10_000
    limit = np.maximum(limit, LOWEST_LIMIT)
    group, apr, limit = deal(lender, index, approved & (apr > 0), apr, limit, seed)
    limit = np.maximum(limit, LOWEST_LIMIT)
    decision = pd.DataFrame(
        {
            "approved": approved,
            "declined_reason": texts(REASONS, reason),
            "override": override,
            "explored": explored,
            "offer_apr": np.where(approved, apr, np.nan),
            "offer_fee_rate": np.where(approved, _fee_rate(lender, applicants, frame, apr), 0.0),
            "offer_limit": np.where(approved, limit, 0).astype(np.int64),
        }
    )
    return decision if group is None else decision.assign(test_group=group)


def list_aprs(lender: Lender, month: np.ndarray) -> np.ndarray:
    """Price of the reference offer in each month of application, a fraction per year."""
    return np.clip(lender.list_apr + lender.apr_per_year * month / 12, 0, 1)


def highest_fee_rate(apr: np.ndarray, term: np.ndarray, method: np.ndarray) -> np.ndarray:
    """Fee, as a fraction of the principal, that is all the price there is; more is no price."""
    annuity = instalment(1.0, np.clip(apr, 0, 1) / 12, term)
    return np.where(method == "interest_only", apr / 12 / annuity, 1 - 1 / (term * annuity))


def _fee_rate(
    lender: Lender, applicants: Applicants, frame: pd.DataFrame, apr: np.ndarray
) -> np.ndarray:
    """Fee as a fraction of the principal: a part of what the loan costs over its mean life."""
    has_fee = np.array([channel.fee for channel in CHANNELS])[applicants.choices.channel]
    term = frame["term_months"].to_numpy()
    mean_life_months = np.where((frame["product"] == "interest_only"), term, (term + 1) / 2)
    fee_rate = np.round(lender.fee_share * apr / 12 * mean_life_months, 4)
    most = highest_fee_rate(apr, term, frame["product"].to_numpy(dtype=str))
    return np.where(has_fee, np.minimum(fee_rate, np.floor(most * 1e4) / 1e4), 0.0)


def _income(frame: pd.DataFrame) -> np.ndarray:
    """Income the policy reckons with, yuan: verified, else stated, else a low guess."""
    verified, stated = frame["verified_income"], frame["stated_income"]
    return verified.fillna(stated).fillna(4_000).to_numpy()

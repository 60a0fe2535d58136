"""What a borrower is offered, whether it is taken, and the loan it makes.

Takes applicants and the columns that state an offer; gives loans for the chain and contracts for
the ledger. The declined get the reference offer: amount, term and plan as requested, at list price.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

from riskkit.instalments import contract_rate, instalment
from riskkit.synthetic.applicants import Applicants
from riskkit.synthetic.chain import Loans
from riskkit.synthetic.draws import uniform
from riskkit.synthetic.lender import Lender
from riskkit.synthetic.policy import list_aprs

__all__ = [
    "OFFER_COLUMNS",
    "Offers",
    "loans_under",
    "offers_in",
    "taken_up",
]

OFFER_COLUMNS = {
    "approved": "boolean",
    "amount": "integer",
    "term_months": "integer",
    "product": "text",
    "offer_apr": "number",
    "offer_fee_rate": "number",
    "offer_limit": "integer",
}


@dataclass(frozen=True)
class Offers:
    """Terms of each application's loan, were it taken.

    Parameters
    ----------
    amount : int64 array of shape (n,)
        Lent, fen: what is requested, but not above the limit.
    shortfall : float array
        log(amount / what the applicant asked for) where that is more, else 0.
    term : int array
        Number of instalments.
    method : str array
        Of :data:`riskkit.instalments.METHODS`.
    apr : float array
        Yearly price, fee included, a fraction.
    above_list : float array
        APR less the list price of the month.
    monthly_rate : float array
        Rate in the contract: of the balance, or for a flat fee of the amount.
    """

    amount: np.ndarray
    shortfall: np.ndarray
    term: np.ndarray
    method: np.ndarray
    apr: np.ndarray
    above_list: np.ndarray
    monthly_rate: np.ndarray


def offers_in(lender: Lender, applicants: Applicants, frame: pd.DataFrame) -> Offers:
    """Offers that the columns OFFER_COLUMNS of a frame state, row by row for the applicants.

    Returns
    -------
    Offers
        Of the declined the reference offer: their `amount`, `term_months` and `product` at the list
        price, whatever price, fee or limit the frame holds.
    """
    approved = frame["approved"].to_numpy()
    requested = frame["amount"].to_numpy()
    wish = applicants.frame["amount_requested"].to_numpy() * 100
    limit = np.where(approved, frame["offer_limit"].to_numpy(), requested)
    reference = list_aprs(lender, applicants.month)
    apr = np.where(approved, frame["offer_apr"].to_numpy(), reference)
    fee_rate = np.where(approved, frame["offer_fee_rate"].to_numpy(), 0.0)
    method = frame["product"].to_numpy(dtype=str)
    term = frame["term_months"].to_numpy()
    amount = np.minimum(requested, limit)
    return Offers(
        amount=amount,
        shortfall=np.log(np.minimum(amount / wish, 1.0)),
        term=term,
        method=method,
        apr=apr,
        above_list=apr - reference,
        monthly_rate=contract_rate(apr / 12, term, method, fee_rate=fee_rate),
    )


def taken_up(lender: Lender, applicants: Applicants, offers: Offers, seed: int) -> np.ndarray:
    """Whether each offer would be taken: rarer at a higher price or a limit below the wish.

    The risky take what they get: price weighs less with them, and who owes others takes more.
    """
    sensitivity = lender.take_up_logit_per_apr * np.exp(
        -lender.take_up_risk_slope * np.clip(applicants.risk, -3, 3)
    )
    log_odds = lender.take_up_logit + sensitivity * offers.above_list
    log_odds += lender.take_up_logit_per_shortfall * offers.shortfall
    log_odds += 0.25 * applicants.people.factors["pressure"]
    return uniform(seed, applicants.index, "take_up") < expit(log_odds)


def loans_under(lender: Lender, applicants: Applicants, offers: Offers) -> Loans:
    """Every application as a loan under its offer."""
    regular = instalment(offers.amount / 100, offers.monthly_rate, offers.term, offers.method)
    balloon = offers.amount / 100 * (1 + offers.monthly_rate)
    last = np.where(offers.method == "interest_only", balloon, regular)
    base = applicants.risk + lender.price_logit * offers.above_list
    log_odds, last_log_odds = (
        # who earns little lives from more than the instalment shows: no burden beyond all income
        base + lender.burden_logit * np.log(np.clip(due / applicants.income, 0.01, 1.0) / 0.1)
        for due in (regular, last)
    )
    liquidity = applicants.people.factors["liquidity"]
    return Loans(
        index=applicants.index,
        term=offers.term.astype(np.int8),
        log_odds=log_odds.astype(np.float32),
        last_log_odds=last_log_odds.astype(np.float32),
        cohort=applicants.month,
        prepay=expit(lender.prepay_logit + 0.4 * liquidity).astype(np.float32),
    )

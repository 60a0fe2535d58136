"""What flows, month by month, between a lender and loans of which some default and some prepay.

Takes shares of loans that default and prepay in each month, and a price; gives expected cash flows
of a loan of 1, and what they are worth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from riskkit.instalments import contract_rate, instalment
from riskkit.offers.hazards import dense_hazards, event_shares

__all__ = ["LoanCosts", "LossGivenDefault", "expected_flows", "worth"]


@dataclass(frozen=True)
class LossGivenDefault:
    """Share of a defaulted balance that is lost, as of a day, and who says so.

    Parameters
    ----------
    rate : float
        In [0, 1], recoveries discounted to the default and costs of collection deducted.
    as_of : str
        Date, "YYYY-MM-DD".
    source : str
        Shown beside every price that rests on it.

    Raises
    ------
    ValueError
        A rate outside [0, 1], no date, or no source.

    Examples
    --------
    >>> LossGivenDefault(0.6, "2024-12-31", "assumed").rate
    0.6
    """

    rate: float
    as_of: str
    source: str

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 1:
            raise ValueError(f"loss given default must lie in [0, 1], got {self.rate!r}")
        try:
            np.datetime64(self.as_of, "D")
            dated = len(self.as_of) == len("2024-12-31")
        except ValueError:
            dated = False
        if not dated:
            raise ValueError(f"as_of must be a date YYYY-MM-DD, got {self.as_of!r}")
        if not self.source.strip():
            raise ValueError("source must say who states the loss given default, got nothing")


@dataclass(frozen=True, kw_only=True)
class LoanCosts:
    """What lending costs beside the price, in units of the currency and fractions a year.

    Parameters
    ----------
    lgd : LossGivenDefault
    funding_rate : float
        Cost a year of what is lent, twelve times that of a month.
    acquisition_amount : float
        Spent on every loan when it is granted.
    servicing_amount : float
        Spent on every loan each month until it is repaid; a loan in default goes on costing it
        until its last instalment would have been due.
    margin_rate : float
        Wanted a year on what is lent, above funding.
    delay_months : int
        Instalments that are unpaid when a loan defaults in month m: those of months
        m − delay + 1 to m. A loan more than 90 days past due at the end of month m has not paid
        those of months m − 3 to m: 4. A default before that month is one of that month.

    Raises
    ------
    ValueError
        A rate or an amount is negative or not finite, or a delay below 1.
    """

    lgd: LossGivenDefault
    funding_rate: float
    acquisition_amount: float
    servicing_amount: float
    margin_rate: float = 0.0
    delay_months: int = 4

    def __post_init__(self) -> None:
        names = ("funding_rate", "acquisition_amount", "servicing_amount", "margin_rate")
        for name in names:
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} must be finite and >= 0, got {value!r}")
        if not (isinstance(self.delay_months, int) and self.delay_months >= 1):
            raise ValueError(f"delay_months must be a whole number >= 1, got {self.delay_months!r}")

    @property
    def monthly_hurdle(self) -> float:
        """Rate a month that must be earned: funding and margin."""
        return (self.funding_rate + self.margin_rate) / 12


def expected_flows(
    hazards: pd.DataFrame,
    cell: tuple[object, int],
    apr: float,
    costs: LoanCosts,
    *,
    amount: float,
    method: str = "equal_instalment",
) -> pd.DataFrame:
    """Cash that a loan of one grade and term is expected to bring and cost, month by month.

    Parameters
    ----------
    hazards : DataFrame, index (grade, term_months, mob)
        Of :func:`grade_hazards`.
    cell : tuple
        Grade and term.
    apr : float
        Price a year, twelve times the monthly rate of return of the contract.
    costs : LoanCosts
    amount : float
        Lent, in units of the currency.
    method : str
        Of :data:`riskkit.instalments.METHODS`.

    Returns
    -------
    DataFrame, index mob, units of the currency
        `lent_amount`, `principal_amount` (of instalments), `interest_amount`, `prepaid_amount`,
        `recovered_amount` (in the month of default), `defaulted_amount` (principal unpaid by loans
        that default in the month, no cash), `cost_amount`, `net_amount` (cash to the lender before
        funding). Lent = principal + prepaid + defaulted; recovered = defaulted × (1 − loss).

    Raises
    ------
    KeyError
        A cell that the hazards lack.
    ValueError
        As :func:`riskkit.instalments.contract_rate`.

    Source
    ------
    riskkit definition; what is late but paid is taken for paid on time.
    """
    grade, term = cell
    own = hazards.loc[[grade]].droplevel("grade").loc[[term]]
    index = pd.MultiIndex.from_tuples([cell], names=["grade", "term_months"])
    hazard, prepayment, terms = dense_hazards(own, index)
    shares = event_shares(hazard, prepayment, terms)
    prices = np.array([float(apr)])
    parts = _parts(shares, prices, terms, method, costs)
    serving = _serving(shares, terms)
    table = pd.DataFrame({name: amount * values[0] for name, values in parts.items()})
    table.index.name = "mob"
    table.insert(0, "lent_amount", np.where(table.index == 0, float(amount), 0.0))
    table["cost_amount"] = costs.servicing_amount * serving[0]
    table.loc[0, "cost_amount"] += costs.acquisition_amount
    inflows = ["principal_amount", "interest_amount", "prepaid_amount", "recovered_amount"]
    table["net_amount"] = table[inflows].sum(axis=1) - table["cost_amount"] - table["lent_amount"]
    return table


def worth(
    shares: tuple[np.ndarray, np.ndarray, np.ndarray],
    apr: np.ndarray,
    terms: np.ndarray,
    method: str,
    costs: LoanCosts,
    amount: np.ndarray,
) -> np.ndarray:
    """Net present value of loans of 1 at the hurdle rate, a number for each cell."""
    parts = _parts(shares, apr, terms, method, costs)
    inflow = sum(values for name, values in parts.items() if name != "defaulted_amount")
    discounts = (1 + costs.monthly_hurdle) ** -np.arange(shares[0].shape[1], dtype=float)
    served = _serving(shares, terms) @ discounts
    spent = (costs.acquisition_amount + costs.servicing_amount * served) / amount
    value: np.ndarray = inflow @ discounts - 1 - spent
    return value


def _parts(
    shares: tuple[np.ndarray, np.ndarray, np.ndarray],
    apr: np.ndarray,
    terms: np.ndarray,
    method: str,
    costs: LoanCosts,
) -> dict[str, np.ndarray]:
    """Expected principal, interest, prepayments, recoveries and unpaid principal of a loan of 1."""
    defaults, prepaid, _ = shares
    width = defaults.shape[1]
    interest, balance = _profile(apr, terms, method, width)
    repaid = np.zeros_like(balance)
    repaid[:, 1:] = balance[:, :-1] - balance[:, 1:]
    months, delay = np.arange(width), costs.delay_months
    # an instalment is paid by all but those who default within the delay or have prepaid before
    gone = np.cumsum(defaults, axis=1)[:, np.minimum(months + delay - 1, width - 1)]
    settled = np.zeros_like(prepaid)
    settled[:, 1:] = np.cumsum(prepaid, axis=1)[:, :-1]
    paying = np.clip(1 - gone - settled, 0.0, 1.0)
    # a default before the delay is over is one of its last month
    first = min(delay, width - 1)
    unpaid = defaults * balance[:, np.maximum(months - delay, 0)]
    unpaid[:, first] += unpaid[:, :first].sum(axis=1)
    unpaid[:, :first] = 0.0
    return {
        "principal_amount": paying * repaid,
        "interest_amount": paying * interest,
        "prepaid_amount": prepaid * balance,
        "recovered_amount": (1 - costs.lgd.rate) * unpaid,
        "defaulted_amount": unpaid,
    }


def _serving(shares: tuple[np.ndarray, np.ndarray, np.ndarray], terms: np.ndarray) -> np.ndarray:
    """Share of loans that cost their servicing in each month: all but the prepaid."""
    prepaid = shares[1]
    months = np.arange(prepaid.shape[1])
    settled = np.cumsum(prepaid, axis=1) - prepaid
    due = (months >= 1) & (months <= terms[:, np.newaxis])
    return np.where(due, 1 - settled, 0.0)


def _profile(
    apr: np.ndarray, terms: np.ndarray, method: str, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """Interest and balance of a loan of 1 by month, unrounded; month 0 is the disbursal."""
    rate = contract_rate(apr / 12, terms, method)
    due = instalment(1.0, rate, terms, method)
    balance = np.zeros((len(terms), width))
    interest = np.zeros_like(balance)
    balance[:, 0] = 1.0
    for month in range(1, width):
        left = balance[:, month - 1]
        charged = rate if method == "flat_fee" else rate * left
        interest[:, month] = np.where(month <= terms, charged, 0.0)
        part = 1 / terms if method in ("flat_fee", "equal_principal") else due - charged
        balance[:, month] = np.where(month < terms, left - part, 0.0)
    return interest, balance

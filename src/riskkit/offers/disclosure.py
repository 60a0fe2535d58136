"""What a borrower must be told of an offer: every payment, every cost, and what it is a year.

Takes the terms of an offer, and caps; gives its schedule to the cent and what follows from it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd

from riskkit.instalments import (
    METHODS,
    Method,
    annualised,
    contract_rate,
    fen_below,
    irr,
    schedule,
    xirr,
)
from riskkit.offers.caps import cap_test

__all__ = ["Charge", "Disclosure", "Offer", "disclosure"]

Basis = Literal["upfront", "monthly", "overdue", "early"]
BASES: tuple[Basis, ...] = get_args(Basis)
LATE_EXAMPLE_DAYS = 30
MOST_FEN = 10**13  # beyond it amounts times rates are no longer exact to the fen
LONGEST_TERM_MONTHS = 480  # as of the contract's loans
LAST_DAY = pd.Timestamp("2100-01-01")


@dataclass(frozen=True, kw_only=True)
class Charge:
    """A cost beside the interest: how much of what, and who collects it.

    Parameters
    ----------
    name : str
        As it stands in the contract.
    basis : {"upfront", "monthly", "overdue", "early"}
        A share of the principal deducted from the disbursal; a share of the principal with each
        instalment; a share of an overdue instalment for each day that it is overdue; a share of
        what is repaid before it is due.
    rate : float
        That share, a fraction.
    collected_by : str
    name_zh : str
        As it stands in the Chinese contract; by default the same.

    Raises
    ------
    ValueError
        An empty text, an unknown basis, or a rate that is negative, not finite or, of what is
        deducted, 1 or more.
    """

    name: str
    basis: Basis
    rate: float
    collected_by: str
    name_zh: str = ""

    def __post_init__(self) -> None:
        for field in ("name", "collected_by"):
            if not getattr(self, field).strip():
                raise ValueError(f"{field} of a charge must say something, got nothing")
        if self.basis not in BASES:
            raise ValueError(f"basis must be one of {', '.join(BASES)}, got {self.basis!r}")
        if not (math.isfinite(self.rate) and 0 <= self.rate < 1):
            raise ValueError(f"rate of {self.name} must lie in [0, 1), got {self.rate!r}")


@dataclass(frozen=True, kw_only=True)
class Offer:
    """Terms on which a loan is offered.

    Parameters
    ----------
    principal_fen : int
        Contract principal, fen.
    monthly_rate : float
        Of the balance, or with `flat_fee` of the original principal, a fraction.
    term_months : int
    method : str
        Of :data:`riskkit.instalments.METHODS`.
    disbursed_on : str
        Date, "YYYY-MM-DD"; instalments fall due on that day of each month, or its last.
    lender : str
        Who collects the interest.
    charges : tuple of Charge
        All there are beside the interest.

    Raises
    ------
    ValueError
        No lender, no date, an unknown method, or charges that take the whole principal.
    """

    principal_fen: int
    monthly_rate: float
    term_months: int
    method: Method = "equal_instalment"
    disbursed_on: str
    lender: str
    charges: tuple[Charge, ...] = ()

    def __post_init__(self) -> None:
        if not self.lender.strip():
            raise ValueError("lender must say who lends, got nothing")
        if not self.principal_fen >= 1:
            raise ValueError(f"principal_fen must be at least 1 fen, got {self.principal_fen!r}")
        if self.principal_fen != int(self.principal_fen) or self.principal_fen > MOST_FEN:
            raise ValueError(
                f"principal_fen must be whole and at most {MOST_FEN:,}, got {self.principal_fen!r}"
            )
        if not 1 <= self.term_months <= LONGEST_TERM_MONTHS:
            raise ValueError(
                f"term_months must lie in [1, {LONGEST_TERM_MONTHS}], got {self.term_months!r}"
            )
        if self.method not in METHODS:
            raise ValueError(f"method must be one of {', '.join(METHODS)}, got {self.method!r}")
        day = pd.to_datetime(self.disbursed_on, format="%Y-%m-%d", errors="coerce")
        if len(self.disbursed_on) != len("2026-01-01") or not day <= LAST_DAY:
            raise ValueError(
                f"disbursed_on must be a date, got {self.disbursed_on!r}; YYYY-MM-DD up to "
                f"{LAST_DAY:%Y-%m-%d}"
            )
        if self._of("upfront") >= 1:
            raise ValueError("charges must leave something of the principal, got all of it")

    @classmethod
    def at_apr(
        cls,
        apr: float,
        *,
        principal_fen: int,
        term_months: int,
        method: Method = "equal_instalment",
        disbursed_on: str,
        lender: str,
        charges: tuple[Charge, ...] = (),
    ) -> Offer:
        """The offer whose interest and charges together cost so much a year.

        Parameters
        ----------
        apr : float
            Twelve times the monthly rate of return on what is received, as in a price table.
        principal_fen, term_months, method, disbursed_on, lender, charges
            As of an offer; what is deducted up front lowers the interest.

        Raises
        ------
        ValueError
            A monthly charge, or one deducted that alone costs more than `apr`.

        Examples
        --------
        >>> offer = Offer.at_apr(0.24, principal_fen=1_000_000, term_months=12,
        ...     disbursed_on="2026-08-01", lender="Bank")
        >>> round(offer.monthly_rate, 6)
        0.02
        """
        if any(charge.basis == "monthly" for charge in charges):
            raise ValueError("an offer by its APR takes no monthly charge: give its monthly_rate")
        if not math.isfinite(apr):
            raise ValueError(f"apr must be finite, got {apr!r}")
        deducted = sum(charge.rate for charge in charges if charge.basis == "upfront")
        rate = contract_rate(apr / 12, term_months, method, fee_rate=deducted)
        return cls(
            principal_fen=principal_fen,
            monthly_rate=float(rate),
            term_months=term_months,
            method=method,
            disbursed_on=disbursed_on,
            lender=lender,
            charges=charges,
        )

    def _of(self, basis: Basis) -> float:
        return sum(charge.rate for charge in self.charges if charge.basis == basis)


@dataclass(frozen=True, kw_only=True)
class Disclosure:
    """What is told of an offer.

    Parameters
    ----------
    offer : Offer
    schedule : DataFrame, index `number`
        `due_date`, and in fen `due_amount` (all that is paid), `principal_amount`,
        `interest_amount`, `charges_amount`, `balance`.
    costs : DataFrame, index `name`
        In normal performance: `basis` (interest, upfront, monthly), `rate`, `amount` in fen over
        the whole loan, `collected_by`.
    on_default : DataFrame, index `name`
        `rate` a day of an overdue instalment, `amount` in fen of the first instalment paid 30 days
        late, `collected_by`.
    on_early : DataFrame, index `name`
        `rate` of what is repaid early, `collected_by`; without rows early repayment is free.
    received_amount, paid_amount, cost_amount : int
        Fen: handed over, paid back in all, and what the one is more than the other.
    apr, ear, xirr : float
        On what is received: twelve times the monthly rate of return ("simple"); that compounded
        over twelve months; the rate of return of the dated payments.
    caps : DataFrame
        Of :func:`cap_test`; without rows where none was given or none is in force.
    """

    offer: Offer
    schedule: pd.DataFrame
    costs: pd.DataFrame
    on_default: pd.DataFrame
    on_early: pd.DataFrame
    received_amount: int
    paid_amount: int
    cost_amount: int
    apr: float
    ear: float
    xirr: float
    caps: pd.DataFrame

    @property
    def figures(self) -> dict[str, float | int | bool]:
        """What is told in one row of a table, amounts in units of the currency."""
        return {
            "term_months": self.offer.term_months,
            "principal_amount": self.offer.principal_fen / 100,
            "first_amount": self.schedule["due_amount"].iloc[0] / 100,
            "cost_amount": self.cost_amount / 100,
            "apr": self.apr,
            "ear": self.ear,
            "within_caps": bool(self.caps.empty or self.caps["within"].all()),
        }


def disclosure(
    offer: Offer, *, caps: pd.DataFrame | None = None, scope: str | None = None
) -> Disclosure:
    """All that a borrower must be told of an offer, to the cent.

    Every amount is rounded down to whole fen, so that what is told a year is never above the rates
    of the offer, nor above a cap that they keep to.

    Parameters
    ----------
    offer : Offer
    caps : DataFrame, optional
        Of :func:`riskkit.schema.read_caps`; tested on the day of disbursal.
    scope : str, optional
        Needed with `caps`, as in :func:`cap_on`.

    Returns
    -------
    Disclosure

    Raises
    ------
    ValueError
        Caps without a scope, or as :func:`riskkit.instalments.schedule`.

    Source
    ------
    riskkit definition, after the all-in financing cost statement (综合融资成本明示表) for personal
    loans in China from 2026-08-01: principal, each cost with how it is charged, how much and by
    whom, the annualised cost in normal performance, costs on default.

    Examples
    --------
    >>> fee = Charge(name="Service fee", basis="upfront", rate=0.02, collected_by="Platform")
    >>> told = disclosure(Offer(principal_fen=1_000_000, monthly_rate=0.015, term_months=12,
    ...     disbursed_on="2026-08-01", lender="Bank", charges=(fee,)))
    >>> f"{told.apr:.2%} {told.ear:.2%} {told.received_amount}"
    '21.91% 24.25% 980000'
    """
    if caps is not None and scope is None:
        raise ValueError("caps need a scope: which lender and borrower they are tested for")
    principal, n = int(offer.principal_fen), offer.term_months
    plan = schedule(
        principal, offer.monthly_rate, n, method=offer.method, rounding="down"
    ).set_index("number")
    # pairs: two charges may be equal, and both are paid
    amounts = [(charge, int(fen_below(principal * charge.rate))) for charge in offer.charges]
    monthly = sum(fen for charge, fen in amounts if charge.basis == "monthly")
    upfront = sum(fen for charge, fen in amounts if charge.basis == "upfront")
    plan["charges_amount"] = monthly
    plan["due_amount"] += monthly
    start = pd.Timestamp(offer.disbursed_on)
    plan["due_date"] = [start + pd.DateOffset(months=int(k)) for k in plan.index]
    flows = np.append(-(principal - upfront), plan["due_amount"])
    apr, ear = annualised(irr(flows)) if flows.sum() > 0 else (0.0, 0.0)
    dated = xirr([start, *plan["due_date"]], flows) if flows.sum() > 0 else 0.0
    tested = pd.DataFrame()
    if caps is not None and scope is not None:
        tested = cap_test(caps, start, scope, apr=apr, ear=ear, xirr=dated)
    columns = ["due_date", "due_amount", "principal_amount", "interest_amount", "charges_amount"]
    return Disclosure(
        offer=offer,
        schedule=plan[[*columns, "balance"]],
        costs=_costs(offer, amounts, int(plan["interest_amount"].sum())),
        on_default=_on_default(offer, int(plan["due_amount"].iloc[0])),
        on_early=_on_early(offer),
        received_amount=principal - upfront,
        paid_amount=int(plan["due_amount"].sum()),
        cost_amount=int(flows.sum()),
        apr=apr,
        ear=ear,
        xirr=dated,
        caps=tested,
    )


def _costs(offer: Offer, amounts: Sequence[tuple[Charge, int]], interest: int) -> pd.DataFrame:
    rows = [("", "", "interest", offer.monthly_rate, interest, offer.lender)]
    for charge, fen in amounts:
        if charge.basis in ("upfront", "monthly"):
            times = offer.term_months if charge.basis == "monthly" else 1
            named = (charge.name, charge.name_zh, charge.basis)
            rows.append((*named, charge.rate, fen * times, charge.collected_by))
    columns = ["name", "name_zh", "basis", "rate", "amount", "collected_by"]
    return pd.DataFrame(rows, columns=columns).set_index("name")


def _on_default(offer: Offer, first_due: int) -> pd.DataFrame:
    rows = [
        (
            charge.name,
            charge.name_zh,
            charge.rate,
            int(fen_below(first_due * charge.rate * LATE_EXAMPLE_DAYS)),
            charge.collected_by,
        )
        for charge in offer.charges
        if charge.basis == "overdue"
    ]
    columns = ["name", "name_zh", "rate", "amount", "collected_by"]
    return pd.DataFrame(rows, columns=columns).set_index("name")


def _on_early(offer: Offer) -> pd.DataFrame:
    rows = [
        (charge.name, charge.name_zh, charge.rate, charge.collected_by)
        for charge in offer.charges
        if charge.basis == "early" and charge.rate > 0
    ]
    columns = ["name", "name_zh", "rate", "collected_by"]
    return pd.DataFrame(rows, columns=columns).set_index("name")

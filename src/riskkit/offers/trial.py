"""What new terms would have brought: the same borrowers, the same luck, other offers.

Takes the synthetic lender's portfolio under the old offers and under the new ones; gives money
earned, bad rate, take-up and approval of both, each difference with a paired interval.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtri

from riskkit.checks import DataContractError, check_level, require_columns, same_rows
from riskkit.columns import verbatim
from riskkit.synthetic import Portfolio

__all__ = ["loan_earnings", "new_offers", "offer_trial", "trial_rows", "trial_text"]

# the longest term, and until an unpaid last instalment is charged off
MONTHS_TO_END = 12 + 6


def new_offers(
    applications: pd.DataFrame,
    decisions: pd.DataFrame,
    prices: pd.DataFrame,
    limit_amount: pd.Series | None = None,
) -> pd.DataFrame:
    """Applications with the new decision, price and limit in place of the old ones.

    Approved is whom the decision approves, whose grade and term has a price, and who may borrow
    something. The price is all there is: nothing is deducted up front. An interest-free plan that a
    merchant pays stays one.

    Parameters
    ----------
    applications : DataFrame of shape (n,)
        Of the synthetic lender.
    decisions : DataFrame
        application_id, approved, grade; a row for each application.
    prices : DataFrame, index (grade, term_months)
        offer_apr, missing where nothing is offered.
    limit_amount : Series, index as of `applications`, optional
        Units of the currency; 0 or missing: nothing. Without it the old limit stays, or for those
        declined before, the amount asked for.

    Returns
    -------
    DataFrame, as `applications`

    Raises
    ------
    DataContractError
        An application has no decision, or two.
    """
    require_columns(decisions, ["application_id", "approved", "grade"], "decisions")
    known = decisions.set_index("application_id")
    if known.index.has_duplicates:
        raise DataContractError("decisions", ["application_id: expected each once"])
    lacking = ~applications["application_id"].isin(known.index)
    if lacking.any():
        text = f"application_id: {lacking.sum():,} applications have no decision"
        raise DataContractError("decisions", [text])
    decided = known.reindex(applications["application_id"])
    cell = pd.MultiIndex.from_arrays([decided["grade"], applications["term_months"]])
    apr = prices["offer_apr"].reindex(cell).to_numpy(float)
    promoted = (applications["offer_apr"] == 0).to_numpy()
    has_price = ~np.isnan(apr)
    apr = np.where(promoted, 0.0, np.round(apr, 4))
    asked = applications["amount"].to_numpy()
    if limit_amount is None:
        old = applications["offer_limit"].to_numpy()
        limit = np.where(old > 0, old, asked)
    else:
        same_rows(applications=applications, limit_amount=limit_amount)
        limit = np.rint(limit_amount.fillna(0).to_numpy(float) * 100).astype(np.int64)
    approved = decided["approved"].to_numpy(bool) & has_price & (limit > 0)
    return applications.assign(
        approved=approved,
        offer_apr=np.where(approved, apr, np.nan),
        offer_fee_rate=0.0,
        offer_limit=np.where(approved, limit, 0).astype(np.int64),
    )


def loan_earnings(portfolio: Portfolio, *, funding_rate: float, cost_amount: float) -> pd.Series:
    """What each application has earned: the worth on its first day of all cash it moved.

    Everything paid and recovered, discounted month by month at the cost of funding, less what was
    paid out (the amount less the fee deducted up front) and what a loan costs to make; 0 of an
    application without a loan.

    Parameters
    ----------
    portfolio : Portfolio
    funding_rate : float
        Cost a year of what is lent, a fraction.
    cost_amount : float
        Of granting and serving a loan, in units of the currency.

    Returns
    -------
    Series, index application_id
        Units of the currency. Money not yet paid at the end of the panel is not in it.

    Raises
    ------
    ValueError
        A rate or a cost is negative.
    """
    for name, value in (("funding_rate", funding_rate), ("cost_amount", cost_amount)):
        if not value >= 0:
            raise ValueError(f"{name} must be >= 0, got {value!r}")
    panel, asked = portfolio.performance, portfolio.applications
    cash = panel["paid_amount"] + panel["recovered_amount"]
    worth = cash * (1 + funding_rate / 12) ** -panel["mob"].astype(float)
    received = worth.groupby(panel["loan_id"]).sum()
    lent = asked["booked_amount"] * (1 - asked["offer_fee_rate"].fillna(0.0))
    spent = np.where(asked["booked"], lent + 100 * cost_amount, 0.0)
    ids = asked["application_id"]
    earned = received.reindex(ids).fillna(0.0).to_numpy() - spent
    return pd.Series(earned / 100, index=pd.Index(ids, name="application_id"), name="earned_amount")


def trial_rows(applications: pd.DataFrame, observed_to: pd.Timestamp) -> pd.Series:
    """Which applications a trial is judged on: whose loans, old or new, have all come to their end.

    Applied for at least 18 months before the end (the longest term, and until its last instalment
    is charged off), and not on a plan whose interest a merchant pays, as nobody knows what that
    brings.

    Parameters
    ----------
    applications : DataFrame
        applied_at and the old offer_apr.
    observed_to : Timestamp
    """
    ended = applications["applied_at"] <= observed_to - pd.DateOffset(months=MONTHS_TO_END)
    return ended & (applications["offer_apr"] != 0)


def offer_trial(
    old: Portfolio,
    new: Portfolio,
    observed_to: pd.Timestamp,
    *,
    funding_rate: float,
    cost_amount: float,
    level: float = 0.95,
) -> pd.DataFrame:
    """Old and new offers side by side, on the same applications.

    Parameters
    ----------
    old, new : Portfolio
        Of the same applications in the same order.
    observed_to : Timestamp
        The last day seen; what counts is what :func:`trial_rows` says.
    funding_rate, cost_amount
        As for :func:`loan_earnings`.
    level : float
        Confidence level of the intervals, in (0, 1).

    Returns
    -------
    DataFrame, index measure
        old, new, difference, low, high (paired: a customer's applications are drawn together),
        is_beyond_chance (the interval does not hold 0); measures approval_rate, take_up_rate
        (loans ÷ approved), bad_rate (bads ÷ loans of known outcome), lent_amount, profit_amount (of
        all), profit_per_application.
        Attributes ``applications`` and ``loans``, ``bad`` of both.

    Raises
    ------
    ValueError
        The portfolios are of other applications, or no row counts.

    Source
    ------
    Cochran (1977), Sampling Techniques, chapter 6 (ratios, by linearisation) and 9 (clusters).
    """
    check_level(level)
    ids = old.applications["application_id"]
    if not ids.reset_index(drop=True).equals(
        new.applications["application_id"].reset_index(drop=True)
    ):
        raise ValueError("old and new must hold the same applications in the same order")
    counted = trial_rows(old.applications, observed_to).to_numpy(bool)
    if not counted.any():
        raise ValueError(
            f"no application has come to its end: the first is of "
            f"{old.applications['applied_at'].min():%Y-%m-%d}, and a loan is watched for "
            f"{MONTHS_TO_END} months, to {observed_to:%Y-%m-%d} at most"
        )
    customer = pd.factorize(old.applications["customer_id"][counted])[0]
    earned = {"funding_rate": funding_rate, "cost_amount": cost_amount}
    sums = [_sums(portfolio, counted, **earned) for portfolio in (old, new)]
    half = ndtri((1 + level) / 2)
    measures = {}
    for name, (top, bottom, scale) in MEASURES.items():
        values = [_ratio(part, top, bottom) for part in sums]
        pulls = [_pull(part, top, bottom, value) for part, value in zip(sums, values, strict=True)]
        factor = counted.sum() if scale else 1
        by_customer = np.bincount(customer, weights=pulls[1] - pulls[0])
        n = len(by_customer)
        error = np.sqrt(n / max(n - 1, 1) * (by_customer**2).sum()) * factor
        before, after = (value * factor for value in values)
        low, high = after - before - half * error, after - before + half * error
        measures[name] = {
            "old": before,
            "new": after,
            "difference": after - before,
            "low": low,
            "high": high,
            "is_beyond_chance": bool(low > 0 or high < 0),
        }
    table = pd.DataFrame.from_dict(measures, orient="index").rename_axis("measure")
    table.attrs = {
        "applications": int(counted.sum()),
        "loans": tuple(int(part["booked"].sum()) for part in sums),
        "bad": tuple(int(part["bad"].sum()) for part in sums),
    }
    return table


# measure → numerator, denominator, and whether it is shown for all applications together
MEASURES = {
    "approval_rate": ("approved", "one", False),
    "take_up_rate": ("booked", "approved", False),
    "bad_rate": ("bad", "known", False),
    "lent_amount": ("lent", "one", True),
    "profit_amount": ("earned", "one", True),
    "profit_per_application": ("earned", "one", False),
}


def _sums(
    portfolio: Portfolio, counted: np.ndarray, *, funding_rate: float, cost_amount: float
) -> dict[str, np.ndarray]:
    earned = loan_earnings(portfolio, funding_rate=funding_rate, cost_amount=cost_amount)
    asked = portfolio.applications[counted]
    flag = asked["default_flag"].to_numpy(float)
    return {
        "one": np.ones(len(asked)),
        "approved": asked["approved"].to_numpy(float),
        "booked": asked["booked"].to_numpy(float),
        "known": (~np.isnan(flag)).astype(float),
        "bad": np.nan_to_num(flag),
        "lent": asked["booked_amount"].to_numpy(float) / 100,
        "earned": earned.to_numpy()[counted],
    }


def _ratio(sums: dict[str, np.ndarray], top: str, bottom: str) -> float:
    whole = sums[bottom].sum()
    return float(sums[top].sum() / whole) if whole else np.nan


def _pull(sums: dict[str, np.ndarray], top: str, bottom: str, value: float) -> np.ndarray:
    """How far each application pulls a ratio, to first order."""
    whole = sums[bottom].sum()
    pull: np.ndarray = (sums[top] - value * sums[bottom]) / whole if whole else sums[top] * np.nan
    return pull


def trial_text(trial: pd.DataFrame, currency: str) -> str:
    """Sentences on whether the new offers earn more, as Markdown.

    Judged by profit, which was chosen beforehand; the other measures say how it came about.

    Parameters
    ----------
    trial : DataFrame
        Of :func:`offer_trial`.
    currency : str
    """
    unit = verbatim(currency)
    profit, bad = trial.loc["profit_amount"], trial.loc["bad_rate"]
    approval, take_up = trial.loc["approval_rate"], trial.loc["take_up_rate"]
    between = (
        f"{profit['difference']:+,.0f} {unit} ({profit['low']:+,.0f} to {profit['high']:+,.0f})"
    )
    if not profit["is_beyond_chance"]:
        verdict = f"The new offers earn **no more and no less beyond chance**: {between}"
    elif profit["difference"] > 0:
        verdict = f"**The new offers earn more**: {between}"
    else:
        verdict = f"**The new offers earn less**: {between}"
    n_bad = min(trial.attrs["bad"])
    few = " (fewer than 30 bads on a side: too few to say)" if n_bad < 30 else ""
    return (
        f"On {trial.attrs['applications']:,} applications whose loans have all come to their end, "
        f"with the same borrowers and the same random numbers: {verdict}, from "
        f"{profit['old']:,.0f} to {profit['new']:,.0f} {unit}. Approved are {approval['new']:.1%} "
        f"instead of {approval['old']:.1%}; of the offers {take_up['new']:.1%} instead of "
        f"{take_up['old']:.1%} are taken; {bad['new']:.2%} instead of {bad['old']:.2%} of the "
        f"loans turn bad ({bad['low'] * 100:+.2f} to {bad['high'] * 100:+.2f} points){few}."
    )

"""What new terms would have brought: the same borrowers, the same luck, other offers.

Takes the synthetic lender's applications under the old offers and, step by step, under new ones;
gives money earned, bad rate, take-up and approval of each, every difference with a paired interval.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.special import ndtri

from riskkit.checks import DataContractError, check_level, require_columns, same_rows
from riskkit.columns import among
from riskkit.synthetic import Portfolio, World, perform

__all__ = [
    "LAWFUL",
    "PART",
    "TAKEN",
    "lawful_offers",
    "loan_earnings",
    "new_offers",
    "offer_trial",
    "trial_rows",
    "trial_steps",
]

LAWFUL = "today, made lawful"  # the step that only clips today's prices at the cap
# measures of a part of the applications, before its name
PART, TAKEN = "profit_amount, ", "take_up_rate, "
# the longest term, and until an unpaid last instalment is charged off
MONTHS_TO_END = 12 + 6


def new_offers(
    applications: pd.DataFrame,
    decisions: pd.DataFrame,
    prices: pd.DataFrame | None = None,
    limit_amount: pd.Series | None = None,
    *,
    cap_apr: float | None = None,
) -> pd.DataFrame:
    """Applications with the new decision, price and limit in place of the old ones.

    Approved is whom the decision approves, whose grade and term has a price, and who may borrow
    something. A new price is all there is: nothing is deducted up front. An interest-free plan that
    a merchant pays stays one.

    Parameters
    ----------
    applications : DataFrame of shape (n,)
        Of the synthetic lender.
    decisions : DataFrame
        application_id, approved, grade; a row for each application.
    prices : DataFrame, index (grade, term_months), optional
        offer_apr, missing where nothing is offered. Without it the old price and fee stay; those
        declined before are offered the median price of the old offers of their term, no fee.
    limit_amount : Series, index as of `applications`, optional
        Units of the currency; 0 or missing: nothing. Without it the old limit stays, or for those
        declined before, the amount asked for.
    cap_apr : float, optional
        Most that an old price may be, where it stays, as in :func:`lawful_offers`.

    Returns
    -------
    DataFrame, as `applications`

    Raises
    ------
    DataContractError
        An application has no decision, or two.
    ValueError
        The old price is to stay, and there was no old offer.
    """
    require_columns(decisions, ["application_id", "approved", "grade"], "decisions")
    known = decisions.set_index("application_id")
    if known.index.has_duplicates:
        raise DataContractError("decisions", ["application_id: expected each once"])
    lacking = ~among(applications["application_id"], known.index)
    if lacking.any():
        text = f"application_id: {lacking.sum():,} applications have no decision"
        raise DataContractError("decisions", [text])
    decided = known.reindex(applications["application_id"])
    if prices is None:
        apr, fee_rate = _old_prices(applications), applications["offer_fee_rate"].fillna(0.0)
        apr, fee_rate = _clipped(apr, fee_rate.to_numpy(float), cap_apr)
    else:
        cell = pd.MultiIndex.from_arrays([decided["grade"], applications["term_months"]])
        apr, fee_rate = prices["offer_apr"].reindex(cell).to_numpy(float).round(4), 0.0
    has_price = ~np.isnan(apr)
    apr = np.where((applications["offer_apr"] == 0).to_numpy(), 0.0, apr)
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
        offer_fee_rate=np.where(approved, fee_rate, 0.0),
        offer_limit=np.where(approved, limit, 0).astype(np.int64),
    )


def lawful_offers(applications: pd.DataFrame, cap_apr: float) -> pd.DataFrame:
    """The offers made, each dearer than the cap at the cap; who got one, and how much, stays.

    Parameters
    ----------
    applications : DataFrame
        offer_apr, all-in: twelve times the monthly rate of return on what is paid out, so that the
        fee deducted up front is in it; offer_fee_rate, which is lowered in proportion.
    cap_apr : float
    """
    apr, fee_rate = _clipped(
        applications["offer_apr"].to_numpy(float),
        applications["offer_fee_rate"].to_numpy(float),
        cap_apr,
    )
    return applications.assign(offer_apr=apr, offer_fee_rate=fee_rate)


def _clipped(
    apr: np.ndarray, fee_rate: np.ndarray, cap_apr: float | None
) -> tuple[np.ndarray, np.ndarray]:
    if cap_apr is None:
        return apr, fee_rate
    above = apr > cap_apr
    share = np.divide(cap_apr, apr, out=np.ones(len(apr)), where=above)
    return np.where(above, cap_apr, apr), fee_rate * share


def _old_prices(applications: pd.DataFrame) -> np.ndarray:
    """The old price of each, and of those declined then the median of their term, else of all."""
    old = applications["offer_apr"].where(applications["approved"])
    listed = old.where(old > 0)
    if listed.isna().all():
        raise ValueError("there was no old offer whose price could stay")
    of_term = listed.groupby(applications["term_months"]).transform("median")
    prices: np.ndarray = old.fillna(of_term).fillna(listed.median()).round(4).to_numpy(float)
    return prices


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
    _check_same(old, new)
    counted = _counted(old, observed_to)
    earned = {"funding_rate": funding_rate, "cost_amount": cost_amount}
    sums = [_sums(portfolio, counted, **earned) for portfolio in (old, new)]
    return _beside(sums[0], sums[1], _customers(old, counted), level)


def _check_same(old: Portfolio, new: Portfolio) -> None:
    ids = old.applications["application_id"]
    if not ids.reset_index(drop=True).equals(
        new.applications["application_id"].reset_index(drop=True)
    ):
        raise ValueError("old and new must hold the same applications in the same order")


def _counted(old: Portfolio, observed_to: pd.Timestamp) -> np.ndarray:
    counted = trial_rows(old.applications, observed_to).to_numpy(bool)
    if not counted.any():
        raise ValueError(
            f"no application has come to its end: the first is of "
            f"{old.applications['applied_at'].min():%Y-%m-%d}, and a loan is watched for "
            f"{MONTHS_TO_END} months, to {observed_to:%Y-%m-%d} at most"
        )
    return counted


def _customers(old: Portfolio, counted: np.ndarray) -> np.ndarray:
    return pd.factorize(old.applications["customer_id"][counted])[0]


def _beside(
    old: dict[str, np.ndarray], new: dict[str, np.ndarray], customer: np.ndarray, level: float
) -> pd.DataFrame:
    """Measures of two sides on the same applications, of parts of them, too."""
    sums = (old, new)
    half = ndtri((1 + level) / 2)
    measures = {}
    parts: dict[str, tuple[str, str, bool]] = {}
    for name in old:
        if name.startswith(PART):
            approved = _APPROVED + name.removeprefix(PART)
            parts |= {name: (name, "one", True)}
            parts |= {TAKEN + name.removeprefix(PART): (_BOOKED + approved, approved, False)}
    for name, (top, bottom, scale) in (MEASURES | parts).items():
        values = [_ratio(part, top, bottom) for part in sums]
        pulls = [_pull(part, top, bottom, value) for part, value in zip(sums, values, strict=True)]
        factor = len(customer) if scale else 1
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
        "applications": len(customer),
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
    portfolio: Portfolio,
    counted: np.ndarray,
    parts: pd.Series | None = None,
    *,
    funding_rate: float,
    cost_amount: float,
) -> dict[str, np.ndarray]:
    earned = loan_earnings(portfolio, funding_rate=funding_rate, cost_amount=cost_amount)
    asked = portfolio.applications[counted]
    flag = asked["default_flag"].to_numpy(float)
    own = earned.to_numpy()[counted]
    part = np.full(len(asked), "") if parts is None else parts.to_numpy(str)[counted]
    sums = {
        "one": np.ones(len(asked)),
        "approved": asked["approved"].to_numpy(float),
        "booked": asked["booked"].to_numpy(float),
        "known": (~np.isnan(flag)).astype(float),
        "bad": np.nan_to_num(flag),
        "lent": asked["booked_amount"].to_numpy(float) / 100,
        "earned": own,
    }
    for name in np.unique(part[part != ""]):
        of_part = part == name
        sums[f"{PART}{name}"] = np.where(of_part, own, 0.0)
        sums[f"{_APPROVED}{name}"] = np.where(of_part, sums["approved"], 0.0)
        sums[f"{_BOOKED}{_APPROVED}{name}"] = np.where(of_part, sums["booked"], 0.0)
    return sums


_APPROVED, _BOOKED = "approved, ", "booked of "


def _ratio(sums: dict[str, np.ndarray], top: str, bottom: str) -> float:
    whole = sums[bottom].sum()
    return float(sums[top].sum() / whole) if whole else np.nan


def _pull(sums: dict[str, np.ndarray], top: str, bottom: str, value: float) -> np.ndarray:
    """How far each application pulls a ratio, to first order."""
    whole = sums[bottom].sum()
    pull: np.ndarray = (sums[top] - value * sums[bottom]) / whole if whole else sums[top] * np.nan
    return pull


def trial_steps(
    applications: pd.DataFrame,
    steps: Mapping[str, pd.DataFrame],
    world: World,
    *,
    funding_rate: float,
    cost_amount: float,
    cap_apr: float | None = None,
    parts: pd.Series | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """New offers against the old ones, one change after another, on the same borrowers.

    Parameters
    ----------
    applications : DataFrame
        Of the synthetic lender, with the old offers.
    steps : mapping of name to DataFrame
        Of :func:`new_offers`, each with one change more than the one before it.
    world : World
        That the applications come from.
    cap_apr : float, optional
        Where given, a step :data:`LAWFUL` goes before all: the old offers, none dearer. So what
        the law takes is told apart from what is decided.
    parts : Series, index as of `applications`, optional
        Names of parts of the applications, "" of none: profit and take-up of each are measures of
        their own, "profit_amount, " and "take_up_rate, " before its name.
    funding_rate, cost_amount, level
        As for :func:`offer_trial`.

    Returns
    -------
    DataFrame, index (step, measure)
        Columns of :func:`offer_trial`, against the old offers; `added` with `added_low`,
        `added_high`: against the step before, of the first against the old offers, in intervals
        that hold for all steps together (Bonferroni), and of parts for all parts; `lawful`,
        `lawful_low`, `lawful_high`: against the lawful ones of today, NaN without a cap.
        Attributes ``applications`` (judged) and ``bad``: the fewest bads of any side.

    Raises
    ------
    ValueError
        There is no step, or as :func:`offer_trial`.
    """
    if not steps:
        raise ValueError("steps must hold one at least, got none")
    check_level(level)
    end = world.lender.observed_to
    # whoever does not count need not be performed
    counts = trial_rows(applications, end).to_numpy(bool)
    rows = counts if counts.any() else np.ones(len(counts), dtype=bool)
    first = {} if cap_apr is None else {LAWFUL: lawful_offers(applications, cap_apr)}
    steps = first | dict(steps)
    of_each = 1 - (1 - level) / len(steps)
    about = {"funding_rate": funding_rate, "cost_amount": cost_amount}
    own = None if parts is None else parts[rows]
    old = perform(applications[rows], world.lender, world.seed)
    counted = _counted(old, end)
    customer = _customers(old, counted)
    before = today = _sums(old, counted, own, **about)
    n_parts = sum(name.startswith(PART) for name in today)
    lawful = None
    tables, bads = {}, []
    for name, changed in steps.items():
        portfolio = perform(changed[rows], world.lender, world.seed)
        _check_same(old, portfolio)
        new = _sums(portfolio, counted, own, **about)
        lawful = new if name == LAWFUL else lawful
        table = _beside(today, new, customer, level)
        bads += table.attrs["bad"]
        added = _beside(before, new, customer, of_each)[_DIFFERENCE]
        if n_parts:
            of_parts = _beside(before, new, customer, 1 - (1 - of_each) / n_parts)[_DIFFERENCE]
            is_part = added.index.str.startswith((PART, TAKEN))
            added = pd.concat([added[~is_part], of_parts[is_part]])
        table = table.join(added.set_axis(["added", "added_low", "added_high"], axis=1))
        above = table[_DIFFERENCE] * np.nan
        if lawful is not None:
            above = _beside(lawful, new, customer, level)[_DIFFERENCE]
        tables[name] = table.join(above.set_axis(["lawful", "lawful_low", "lawful_high"], axis=1))
        before = new
    found = pd.concat(tables, names=["step"])
    found.attrs = {"applications": int(rows.sum()), "bad": min(bads)}
    return found


_DIFFERENCE = ["difference", "low", "high"]

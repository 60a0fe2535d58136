"""What a loan brings if it repays, loses if it does not, and costs in any case.

Takes amounts, prices and terms; gives money per loan, in fen, that adds up over loans and blocks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from riskkit.checks import flag_array, numeric_array, outcome_state, same_rows, weight_array
from riskkit.instalments import instalment

__all__ = ["MONEY", "Economics", "loan_values", "money_of", "profit_sums"]

_MOST_FEN = 2.0**62
# sums of score counts that a profit is made of; the last, in fen², tells how far chance moves it
MONEY = ("margin_fen", "loss_fen", "cost_fen", "profit_squares")


@dataclass(frozen=True)
class Economics:
    """What every loan brings or costs where all are alike, in one unit of money, none negative.

    Parameters
    ----------
    margin_amount : float
        Earned on a good loan over its life, after funding, before the cost per loan.
    loss_amount : float
        Lost on a bad loan, after recoveries.
    cost_amount : float
        Spent on every loan: acquisition, bureau, servicing.

    Examples
    --------
    >>> Economics(margin_amount=60, loss_amount=600, cost_amount=5)
    Economics(margin_amount=60, loss_amount=600, cost_amount=5)
    """

    margin_amount: float
    loss_amount: float
    cost_amount: float

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            check_rate(each.name, value)


def check_rate(name: str, value: float) -> None:
    """Refuse what is no amount and no rate.

    Raises
    ------
    ValueError
    """
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{name} must be finite and >= 0, got {value!r}")


def loan_values(
    amount: ArrayLike,
    *,
    loss_rate: float,
    cost_amount: float,
    margin_rate: float | None = None,
    apr: ArrayLike | None = None,
    term_months: ArrayLike | None = None,
    interest_only: ArrayLike | None = None,
    funding_rate: float = 0.0,
) -> pd.DataFrame:
    """What each loan earns if it is good, loses if it is bad, and costs.

    With a price, a good loan earns interest on what it still owes, month by month, less the cost of
    funding that: a loan of one month at 20 % a year brings a sixtieth of its amount. Where some
    lack a price, as the declined do, they get the median one. Without any price a loan earns
    `margin_rate` of its amount.

    Parameters
    ----------
    amount : int array of shape (n,)
        Lent, or asked for, in fen.
    loss_rate : float
        Lost on a bad loan after recoveries, as a fraction of its amount.
    cost_amount : float
        Cost of granting and serving a loan, in units of the currency (100 fen).
    margin_rate : float, optional
        Earned on a good loan over its life, as a fraction of its amount, where no price is known.
    apr : float array of shape (n,), optional
        Price a year, twelve times the monthly internal rate of return, fees included.
    term_months : int array of shape (n,), optional
        Needed with `apr`.
    interest_only : bool array of shape (n,), optional
        Loans whose principal is due at the end; by default all are repaid in equal instalments.
    funding_rate : float
        Cost a year of what is lent, a fraction.

    Returns
    -------
    DataFrame of shape (n, 5), int64
        margin_fen (below 0 where funding costs more than the price), loss_fen, cost_fen; and what
        the margin is made of, to the fen: revenue_fen (interest of a good loan) less funding_fen.
        Of `margin_rate`, which is after funding, the revenue is the margin and the funding 0.

    Raises
    ------
    ValueError
        A rate, an amount or a cost is negative or not finite, lengths differ, no price is known and
        no `margin_rate` is given, or a price comes without terms.

    Source
    ------
    The annuity formula; riskkit definition.

    Examples
    --------
    >>> loan_values([1_000_000] * 2, apr=[0.2, 0.2], term_months=[1, 12], loss_rate=0.6,
    ...     cost_amount=30, funding_rate=0.06).to_dict("list")  # doctest: +NORMALIZE_WHITESPACE
    {'margin_fen': [11667, 78130], 'loss_fen': [600000, 600000], 'cost_fen': [3000, 3000],
     'revenue_fen': [16667, 111614], 'funding_fen': [5000, 33484]}
    """
    stated = {"loss_rate": loss_rate, "cost_amount": cost_amount, "funding_rate": funding_rate}
    if margin_rate is not None:
        stated["margin_rate"] = margin_rate
    for name, value in stated.items():
        check_rate(name, value)
    same_rows(amount=amount, apr=apr, term_months=term_months, interest_only=interest_only)
    n = len(numeric_array(amount, "amount"))
    lent = weight_array(amount, n, "amount")
    price = np.full(n, np.nan) if apr is None else numeric_array(apr, "apr", n).astype(np.float64)
    weight_array(np.where(np.isnan(price), 0.0, price), n, "apr")
    at_the_end = flag_array(
        np.zeros(n) if interest_only is None else interest_only, "interest_only", n
    )
    if np.isnan(price).all():
        if margin_rate is None and len(lent):
            raise ValueError("no price is known: give margin_rate")
        revenue = margin = lent * (margin_rate or 0.0)
    else:
        if term_months is None:
            raise ValueError("apr needs term_months")
        price = np.where(np.isnan(price), np.nanmedian(price), price)
        months = weight_array(term_months, n, "term_months")
        owed = _owed_months(lent, price / 12, months)
        owed = np.where(at_the_end, lent * months, owed)
        revenue, margin = owed * price / 12, owed * (price - funding_rate) / 12
    values = {
        "margin_fen": margin,
        "loss_fen": lent * loss_rate,
        "cost_fen": np.full(len(lent), 100.0 * cost_amount),
        "revenue_fen": revenue,
    }
    for name, money in values.items():
        if not np.abs(money).max(initial=0.0) < _MOST_FEN:
            raise ValueError(f"{name} must stay below 2^62, got {np.abs(money).max():g}")
    whole = {name: np.rint(money).astype(np.int64) for name, money in values.items()}
    # what the two differ by, so that they add up to the fen
    whole["funding_fen"] = whole["revenue_fen"] - whole["margin_fen"]
    index = amount.index if isinstance(amount, pd.Series) else None
    return pd.DataFrame(whole, index=index)


def _owed_months(lent: np.ndarray, rate: np.ndarray, months: np.ndarray) -> np.ndarray:
    """Fen owed, added up over the months of a loan that keeps to its schedule."""
    interest = months * instalment(lent, rate, months) - lent
    # below such a rate the interest is lost in the rounding of the instalment
    with np.errstate(divide="ignore", invalid="ignore"):
        owed: np.ndarray = np.where(rate > 1e-9, interest / rate, lent * (months + 1) / 2)
    return owed


def profit_sums(values: pd.DataFrame, y: ArrayLike) -> pd.DataFrame:
    """Money of loans of known outcome, to be summed by :func:`riskkit.metrics.score_counts`.

    Parameters
    ----------
    values : DataFrame of shape (n, 3 or more)
        Of :func:`loan_values`; revenue_fen and funding_fen may be missing.
    y : array of shape (n,)
        1 bad, 0 good, missing where unknown; such a loan adds nothing.

    Returns
    -------
    DataFrame of shape (n, 6), or 4 of values without a revenue
        margin_fen of the good, loss_fen of the bad, cost_fen of both, whole fen; profit_squares,
        the square of a loan's profit in fen²; revenue_fen and funding_fen of the good, whole fen.

    Examples
    --------
    >>> values = loan_values([1_000] * 3, margin_rate=0.1, loss_rate=0.6, cost_amount=0.1)
    >>> profit_sums(values, [0, 1, None]).to_dict("list")
    ... # doctest: +NORMALIZE_WHITESPACE
    {'margin_fen': [100, 0, 0], 'loss_fen': [0, 600, 0], 'cost_fen': [10, 10, 0],
     'profit_squares': [8100.0, 372100.0, 0.0], 'revenue_fen': [100, 0, 0],
     'funding_fen': [0, 0, 0]}
    """
    same_rows(values=values, y=y)
    state = outcome_state(numeric_array(y, "y", len(values)))
    good, bad = state == 1, state == 2
    sums = pd.DataFrame(
        {
            "margin_fen": values["margin_fen"].to_numpy() * good,
            "loss_fen": values["loss_fen"].to_numpy() * bad,
            "cost_fen": values["cost_fen"].to_numpy() * (good | bad),
        },
        index=values.index,
    )
    profit = sums["margin_fen"] - sums["loss_fen"] - sums["cost_fen"]
    sums["profit_squares"] = profit.astype(np.float64) ** 2
    if {"revenue_fen", "funding_fen"} <= set(values):
        for name in ("revenue_fen", "funding_fen"):
            sums[name] = values[name].to_numpy() * good
    return sums


def money_of(counts: pd.DataFrame, economics: Economics | None) -> pd.DataFrame:
    """Margin, loss, cost and squared profit of the loans at each score, in one unit of money.

    From the counts' own :data:`MONEY` sums, in units of the currency; or of equal loans, in the
    unit of the economics.
    """
    if economics is None:
        missing = [name for name in MONEY if name not in counts]
        if missing:
            raise ValueError(
                f"counts lack {missing}: count with sums=profit_sums(…), or give economics, where "
                "all loans are alike"
            )
        found = pd.DataFrame({name: counts[name] / 100 for name in MONEY[:3]})
        found["profit_squares"] = counts["profit_squares"] / 100**2
    else:
        taken = [name for name in MONEY if name in counts]
        if taken:
            raise ValueError(f"counts have {taken} of each loan: economics would be another's")
        good, bad = counts["good"], counts["bad"]
        earned = economics.margin_amount - economics.cost_amount
        lost = economics.loss_amount + economics.cost_amount
        found = pd.DataFrame(
            {
                "margin_fen": good * economics.margin_amount,
                "loss_fen": bad * economics.loss_amount,
                "cost_fen": (good + bad) * economics.cost_amount,
                "profit_squares": good * earned**2 + bad * lost**2,
            }
        )
    return found.set_axis(["margin", "loss", "cost", "squares"], axis=1)

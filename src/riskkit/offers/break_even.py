"""The price at which a loan of a grade and term earns what it costs, and not less.

Takes grades with their probabilities, hazards by term and costs; gives a rate for each grade and
term, with the interval that its probability's gives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from riskkit.checks import require_columns
from riskkit.offers.flows import LoanCosts, worth
from riskkit.offers.hazards import by_cell, dense_hazards, event_shares, odds_shift, shifted

__all__ = ["HIGHEST_APR", "break_even_table", "subsidy_table"]

HIGHEST_APR = 2.0  # beyond such a price no loan is looked for
ENDS = ("probability", "probability_low", "probability_high")
JUDGED = "judged_probability"  # of loans that did not choose the grades, where there are any


def break_even_table(
    grades: pd.DataFrame,
    base: pd.DataFrame,
    costs: LoanCosts,
    *,
    method: str = "equal_instalment",
    window_months: int = 12,
    highest_apr: float = HIGHEST_APR,
) -> pd.DataFrame:
    """Least price of each grade and term that pays for funding, losses, costs and their margin.

    The rate at which expected cash flows, discounted at funding and margin, are worth what is lent
    and spent: instalments of those who pay, the balance of those who prepay, and of a loan that
    defaults what it paid before and what is recovered.

    Parameters
    ----------
    grades : DataFrame, index grade, or (grade, term_months)
        `probability` of default within `window_months`; its interval `probability_low`,
        `probability_high` (if absent, there is none); `judged_probability`, where other loans tell;
        `mean_amount` of a loan, units of the currency; other columns are kept.
    base : DataFrame, index (term_months, mob)
        Of :func:`term_hazards`.
    costs : LoanCosts
    method : str
        Of :data:`riskkit.instalments.METHODS`.
    window_months : int
    highest_apr : float
        No price above is looked for.

    Returns
    -------
    DataFrame, index (grade, term_months)
        Columns of `grades`, then `break_even_apr`, and `break_even_low`, `break_even_high` at the
        ends of the probability's interval, and `break_even_judged` where there is a judged one:
        twelve times the monthly rate of return. NaN where no price up to `highest_apr` pays, which
        means decline, and where the term has no hazards.

    Raises
    ------
    ValueError
        A column is missing, an amount is not positive, a probability outside [0, 1], a term
        without hazards, a method unknown.

    Source
    ------
    Net present value of expected cash flows; riskkit definition. With prepayment held, a higher
    probability never has a lower price, as long as interest of a month is at least the hurdle on
    the balance, less what is lost of it (a flat fee's first months need a loss above about 5 %).

    Examples
    --------
    >>> from riskkit.offers import LossGivenDefault
    >>> index = pd.MultiIndex.from_tuples([(1, 1)], names=["term_months", "mob"])
    >>> base = pd.DataFrame({"hazard": [0.1], "prepayment_rate": [0.0]}, index=index)
    >>> grades = pd.DataFrame({"probability": [0.05], "mean_amount": 100.0}, index=["A"])
    >>> lgd = LossGivenDefault(1.0, "2024-12-31", "assumed")
    >>> costs = LoanCosts(lgd=lgd, funding_rate=0, acquisition_amount=1, servicing_amount=0,
    ...     delay_months=1)
    >>> table = break_even_table(grades.rename_axis("grade"), base, costs)
    >>> round(table["break_even_apr"].item() / 12, 6) == round((0.01 + 0.05) / (1 - 0.05), 6)
    True
    """
    cells = checked_cells(grades, base)
    hazard, prepayment, terms = dense_hazards(base, cells.index)
    amount = cells["mean_amount"].to_numpy(dtype=float)
    table = cells.copy()
    for end in (*ENDS, *([JUDGED] if JUDGED in cells else [])):
        if end not in cells:
            table[break_even_column(end)] = np.nan
            continue
        shares = _scaled_shares(hazard, prepayment, terms, cells[end].to_numpy(), window_months)

        def value(apr: np.ndarray, shares: tuple = shares) -> np.ndarray:
            return worth(shares, apr, terms, method, costs, amount)

        table[break_even_column(end)] = _root(value, len(cells), highest_apr)
    return table


def subsidy_table(
    grades: pd.DataFrame,
    base: pd.DataFrame,
    costs: LoanCosts,
    plan_aprs: Sequence[float] = (0.0, 0.029),
    *,
    method: str = "equal_instalment",
    window_months: int = 12,
) -> pd.DataFrame:
    """What a merchant must pay for a plan below cost, so that the lender breaks even on it.

    Parameters
    ----------
    grades, base, costs, method, window_months
        As in :func:`break_even_table`.
    plan_aprs : sequence of float
        Prices that borrowers pay, such as 0 (interest-free) and 0.029.

    Returns
    -------
    DataFrame, index (plan_apr, grade, term_months)
        `probability`, `mean_amount`; `subsidy_rate`, paid with the disbursal, a fraction of the
        amount, 0 where the plan pays for itself; `subsidy_low`, `subsidy_high` at the ends of the
        probability's interval; `subsidy_amount` of a loan, units of the currency.

    Raises
    ------
    ValueError
        As :func:`break_even_table`, or a negative price.

    Source
    ------
    riskkit definition: minus the net present value, where that is below 0.
    """
    cells = checked_cells(grades, base)
    hazard, prepayment, terms = dense_hazards(base, cells.index)
    amount = cells["mean_amount"].to_numpy(dtype=float)
    if not len(plan_aprs) or not all(0 <= apr < np.inf for apr in plan_aprs):
        raise ValueError(f"plan_aprs must be finite and >= 0, at least one, got {[*plan_aprs]}")
    plans = {}
    for plan_apr in plan_aprs:
        table = cells[["probability", "mean_amount"]].copy()
        price = np.full(len(cells), float(plan_apr))
        for end in ENDS:
            name = break_even_column(end).replace("break_even_apr", "subsidy_rate")
            name = name.replace("break_even", "subsidy")
            if end in cells:
                shares = _scaled_shares(
                    hazard, prepayment, terms, cells[end].to_numpy(), window_months
                )
                value = worth(shares, price, terms, method, costs, amount)
                table[name] = np.maximum(-value, 0.0)
            else:
                table[name] = np.nan
        table["subsidy_amount"] = table["subsidy_rate"] * table["mean_amount"]
        plans[float(plan_apr)] = table
    return pd.concat(plans, names=["plan_apr"])


def checked_cells(grades: pd.DataFrame, base: pd.DataFrame) -> pd.DataFrame:
    """Grades by term, refused where a probability or an amount cannot be."""
    require_columns(grades, ["probability", "mean_amount"], "grades")
    cells = by_cell(grades, base)
    amount = cells["mean_amount"].to_numpy(dtype=float)
    wrong = ~(amount > 0) | ~np.isfinite(amount)
    if wrong.any():
        raise ValueError(f"mean_amount must be finite and > 0, got {amount[wrong][0]:g}")
    return cells


def break_even_column(end: str) -> str:
    """Column of the price at a probability or an end of its interval."""
    named = {"probability": "break_even_apr", JUDGED: "break_even_judged"}
    return named.get(end, end.replace("probability", "break_even"))


def _scaled_shares(
    hazard: np.ndarray,
    prepayment: np.ndarray,
    terms: np.ndarray,
    probability: np.ndarray,
    window: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    shift = odds_shift(hazard, prepayment, terms, probability, window)
    return event_shares(shifted(hazard, shift), prepayment, terms)


def _root(value: Callable[[np.ndarray], np.ndarray], n: int, highest: float) -> np.ndarray:
    """Where a rising function of the price crosses 0, cell by cell; NaN where it does not."""
    low, high = np.zeros(n), np.full(n, float(highest))
    found = value(high) >= 0
    for _ in range(52):
        middle = (low + high) / 2
        short = value(middle) < 0
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    # at 0 the price already pays, or nothing below the bound does
    return np.where(found, np.where(high < 1e-12, 0.0, high), np.nan)

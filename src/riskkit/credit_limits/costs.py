"""What each bound on the limits costs: what was ever lent, what incomes carry, a budget of losses.

Takes applicants, grades and a budget; gives what would be lent, lost and earned as bound after
bound is added.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from riskkit.columns import verbatim
from riskkit.credit_limits.choice import SUMS, choose_limits
from riskkit.credit_limits.limit_options import limit_options

__all__ = ["bound_text", "limit_bounds"]

ASKED, PAYS = "all that is asked for", "what pays"
LARGEST, KNOWN = "+ the largest ever lent", "+ what known incomes carry"
UNKNOWN, BUDGET = "+ the least where no income is known", "+ the budget"
ENDS = ("profit_low", "profit_high")


def limit_bounds(
    applicants: pd.DataFrame,
    grades: pd.DataFrame,
    levels: Sequence[float],
    budget_amount: float,
    *,
    loss_rate: float,
    cost_amount: float,
) -> pd.DataFrame:
    """Lent, lost and earned without a bound, and with one bound after another.

    Each row is the best table of limits under its bound and all above it, on the same applicants,
    prices and take-up; but the first lends all that is asked for, up to the highest level, whether
    or not it pays: what the price table expects. A bound lowers what is earned, unless it keeps
    loans from being made that are too small to pay for their cost.

    Parameters
    ----------
    applicants, grades, levels, loss_rate, cost_amount
        As for :func:`limit_options`.
    budget_amount : float
        Expected losses at most, as for :func:`choose_limits`; infinite: none was stated, no row.

    Returns
    -------
    DataFrame, index bound
        applicants whom the bound concerns (who ask for more than it, NaN of the first two and of
        the budget); expected loans, lent_amount, expected_loss_amount, profit_amount, with
        profit_low and profit_high where known; added_amount (profit, against the row above) and
        profit_difference (against the first row). Take-up is held; that a lighter instalment is
        paid more often is not counted.

    Source
    ------
    riskkit definition.
    """
    about = {"loss_rate": loss_rate, "cost_amount": cost_amount}
    carried = applicants["principal_amount"]
    unbound = grades.drop(columns="seen_amount", errors="ignore")
    free = applicants.assign(principal_amount=np.inf)
    known = applicants.assign(principal_amount=carried.fillna(np.inf))
    asked = applicants["amount"]
    smallest = min(level for level in levels if level > 0)
    whole = limit_options(free, unbound, levels, **about)
    tables = {
        ASKED: whole.xs(max(levels), level="limit_amount"),
        PAYS: choose_limits(whole, np.inf),
    }
    concerned: dict[str, float] = {}
    if "seen_amount" in grades:
        tables[LARGEST] = choose_limits(limit_options(free, grades, levels, **about), np.inf)
        seen = applicants["grade"].map(grades["seen_amount"]).astype(float)
        concerned[LARGEST] = int((asked > seen).sum())
    tables[KNOWN] = choose_limits(limit_options(known, grades, levels, **about), np.inf)
    concerned[KNOWN] = int((asked > carried).sum())
    bound = limit_options(applicants, grades, levels, **about)
    tables[UNKNOWN] = choose_limits(bound, np.inf)
    concerned[UNKNOWN] = int((carried.isna() & (asked > smallest)).sum())
    if np.isfinite(budget_amount):
        tables[BUDGET] = choose_limits(bound, budget_amount)
    columns = [*SUMS, *(end for end in ENDS if end in bound)]
    found = pd.DataFrame({name: table[columns].sum() for name, table in tables.items()}).T
    found.insert(0, "applicants", pd.Series(concerned, dtype=float).reindex(found.index))
    found["added_amount"] = found["profit_amount"].diff()
    found["profit_difference"] = found["profit_amount"] - found["profit_amount"].iloc[0]
    return found.rename_axis("bound")


def bound_text(bounds: pd.DataFrame, currency: str) -> str:
    """Sentences on what each bound costs, as Markdown.

    Parameters
    ----------
    bounds : DataFrame
        Of :func:`limit_bounds`.
    currency : str
    """
    unit = verbatim(currency)
    whole, last = bounds.loc[ASKED], bounds.iloc[-1]

    def told(change: float) -> str:
        if abs(change) < 0.5:
            return "changes nothing"
        share = abs(change) / max(abs(whole["profit_amount"]), 1e-9)
        return f"{'costs' if change < 0 else 'brings'} {abs(change):,.0f} {unit} ({share:.1%})"

    def earned(row: pd.Series) -> str:
        ends = [row.get(end, np.nan) for end in ENDS]
        between = "" if np.isnan(ends).any() else f" ({ends[0]:,.0f} to {ends[1]:,.0f})"
        return f"{row['profit_amount']:,.0f} {unit}{between}"

    words = {
        PAYS: "to lend only what pays {}",
        LARGEST: "to lend no more than was ever lent to the grade {}, of {} who ask for more",
        KNOWN: "to lend no more than a known income carries {}, of {} who ask for more",
        UNKNOWN: "to lend no more than the smallest limit where no income is known {}, of {}",
        BUDGET: "the budget of losses {}",
    }
    steps = "; ".join(
        text.format(told(bounds.at[name, "added_amount"]), f"{bounds.at[name, 'applicants']:,.0f}")
        for name, text in words.items()
        if name in bounds.index
    )
    budget = "" if BUDGET in bounds.index else " No budget of losses was stated, so none costs."
    return (
        f"All that is asked for is expected to earn {earned(whole)}, reckoned as under *What is "
        f"offered?*. One bound after another, of that: {steps}. With all of them {earned(last)} is "
        f"left, {told(last['profit_difference']).replace('costs', 'less by')}.{budget}"
    )

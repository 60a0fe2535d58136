"""What each bound on the limits costs: what incomes carry, and a budget of losses.

Takes applicants, grades and a budget; gives what would be lent, lost and earned under each bound.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from riskkit.columns import verbatim
from riskkit.credit_limits.choice import SUMS, choose_limits, limit_options

__all__ = ["bound_text", "limit_bounds"]

BOUNDS = ("all that is asked for", "what incomes carry", "the budget", "both")


def limit_bounds(
    applicants: pd.DataFrame,
    grades: pd.DataFrame,
    levels: Sequence[float],
    budget_amount: float,
    *,
    loss_rate: float,
    cost_amount: float,
    take_up_rate: float = 1.0,
) -> pd.DataFrame:
    """Lent, lost and earned without a bound, with each alone, and with both.

    Parameters
    ----------
    applicants, grades, levels, loss_rate, cost_amount, take_up_rate
        As for :func:`limit_options`.
    budget_amount : float
        Expected losses at most, as for :func:`choose_limits`.

    Returns
    -------
    DataFrame, index bound, of :data:`BOUNDS`
        Expected loans, lent_amount, expected_loss_amount, profit_amount; profit_difference to what
        no bound would earn. Take-up is held; that a lighter instalment is paid more often is not
        counted.

    Source
    ------
    riskkit definition. "All that is asked for" lends up to the highest level, whether or not it
    pays.
    """
    about = {"loss_rate": loss_rate, "cost_amount": cost_amount, "take_up_rate": take_up_rate}
    free = applicants.assign(principal_amount=np.inf)
    options = {
        name: limit_options(each, grades, levels, **about)
        for name, each in (("free", free), ("carried", applicants))
    }
    top = max(levels)
    tables = {
        BOUNDS[0]: options["free"].xs(top, level="limit_amount"),
        BOUNDS[1]: options["carried"].xs(top, level="limit_amount"),
        BOUNDS[2]: choose_limits(options["free"], budget_amount),
        BOUNDS[3]: choose_limits(options["carried"], budget_amount),
    }
    sums = {name: table[[*SUMS]].sum() for name, table in tables.items()}
    found = pd.DataFrame(sums).T.rename_axis("bound")
    found["profit_difference"] = found["profit_amount"] - found["profit_amount"].iloc[0]
    return found


def bound_text(bounds: pd.DataFrame, currency: str) -> str:
    """Sentences on what each bound costs, as Markdown.

    Parameters
    ----------
    bounds : DataFrame
        Of :func:`limit_bounds`.
    currency : str
    """
    unit = verbatim(currency)
    whole, carried, budget, both = (bounds.loc[name] for name in BOUNDS)

    def told(row: pd.Series) -> str:
        change = row["profit_difference"]
        share = abs(change) / max(abs(whole["profit_amount"]), 1e-9)
        verb = "cost" if change < 0 else "save"
        return f"{verb} {abs(change):,.0f} {unit} ({share:.1%}) of expected profit"

    less = 1 - carried["lent_amount"] / max(whole["lent_amount"], 1e-9)
    return (
        f"Were all lent what they ask for, {whole['lent_amount']:,.0f} {unit} would be lent. To "
        f"lend no more than incomes carry is to lend {less:.1%} less; alone it would "
        f"{told(carried)}. The budget alone would {told(budget)}, both together {told(both)}. No "
        "more is ever lent than an income carries, whatever it earns; the budget is a choice."
    )

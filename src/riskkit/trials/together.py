"""All tests at random there are, each group beside the control group and with what it cost.

Takes applications that were dealt to groups; gives a row a group, and the sentences on them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from riskkit.trials.cost import ALL_ARMS, trial_cost
from riskkit.trials.groups import CONTROL, TESTS, arms_of, trial_table, trial_text
from riskkit.trials.taught import cost_text

__all__ = ["all_trials", "all_trials_text"]


def all_trials(
    applications: pd.DataFrame,
    *,
    score: pd.Series | np.ndarray | None = None,
    profit_amount: pd.Series | np.ndarray,
    level: float = 0.95,
) -> pd.DataFrame:
    """Every group of every test of price and of limits, beside the control group.

    Parameters
    ----------
    applications : DataFrame of shape (n,)
        As for :func:`trial_table` and :func:`trial_cost`, with test_group.
    score, profit_amount, level
        As for both.

    Returns
    -------
    DataFrame, index (test, group)
        Columns of :func:`trial_table`; offers, loans and bad, profit_per_offer_amount,
        difference_amount, _low, _high and few of :func:`trial_cost`, on the offers whose outcome
        could be known. Group "both arms" has the latter alone. No row without a test.

    Source
    ------
    riskkit definition.
    """
    tables = {}
    for what in TESTS:
        group = arms_of(applications, what)
        cost = trial_cost(applications, what, profit_amount, level=level)
        if group is None or cost is None:
            continue
        beside = trial_table(
            applications,
            group,
            control=CONTROL,
            score=score,
            profit_amount=profit_amount,
            level=level,
        )
        tables[what] = beside.drop(columns=["loans", "bad"]).reindex(cost.index).join(cost)
    if not tables:
        nobody = pd.MultiIndex.from_arrays([[], []], names=["test", "group"])
        return pd.DataFrame(index=nobody)
    return pd.concat(tables, names=["test"])


def all_trials_text(table: pd.DataFrame, currency: str) -> str:
    """What the tests teach of each group, and what they cost, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`all_trials` at its usual level.
    currency : str

    Source
    ------
    riskkit definition.
    """
    told = []
    for what in TESTS:
        if what not in table.index.get_level_values("test"):
            told.append(trial_text(None, what))
            continue
        of_test = table.xs(what, level="test")
        cost = cost_text(of_test, what, currency)
        told.append(f"{trial_text(of_test.drop(index=ALL_ARMS), what)}\n\n{cost}")
    return "\n\n".join(told)

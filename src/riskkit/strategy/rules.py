"""What was recommended, as a table that later notebooks and documents read.

Takes a :class:`Recommendation`; gives a row a rule.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from riskkit.strategy.recommend import POLICIES, Choice, Recommendation

__all__ = ["rules_table"]

_GAIN = ("amount", "low", "high")


def rules_table(found: Recommendation, *, is_assumed: bool = False) -> pd.DataFrame:
    """Whom each rule approves, and which of them is recommended.

    Parameters
    ----------
    found : Recommendation
    is_assumed : bool
        Whether nobody stated the economics that the money rests on.

    Returns
    -------
    DataFrame, index policy
        The first policy of the recommendation, then the cutoff alone and the cutoff behind today's
        policy, as far as there are any. `model` and `cutoff` (a rule approves from it on; empty and
        NaN of the first policy, which asks no model), `cutoff_low` and `cutoff_high` (between which
        95 of 100 other draws of the loans put it), `model_again_rate` (share of the draws that take
        this model), `is_behind` (bool: only those whom today's policy approves), `gain_amount`,
        `gain_low`, `gain_high` (profit less that of the first policy, in units of the currency) and
        `is_expected` (bool: with those never booked), `optimism_amount` (of that profit, what is
        the luck of the choice), `is_taken` (bool: the best rule found), `is_recommended` (bool:
        that one where it earns more beyond chance, else the first policy), `is_assumed`.

    Source
    ------
    riskkit definition.
    """
    first = str(found.policies.index[0])
    rows = {first: _row(found, first, None)}
    for policy, choice in ((POLICIES[1], found.alone), (POLICIES[2], found.behind)):
        if choice is not None:
            rows[policy] = _row(found, policy, choice)
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("policy")
    best = found.gain[0] if found.is_proven else first
    return table.assign(is_recommended=table.index == best, is_assumed=is_assumed)


def _row(found: Recommendation, policy: str, choice: Choice | None) -> dict[str, Any]:
    is_expected = policy == POLICIES[1] and found.behind is not None
    gain = "expected_gain" if is_expected else "gain"
    told = found.policies.loc[policy]
    return {
        "model": choice.model if choice else "",
        "cutoff": choice.cutoff if choice else np.nan,
        "cutoff_low": choice.low if choice else np.nan,
        "cutoff_high": choice.high if choice else np.nan,
        "model_again_rate": choice.model_again if choice else np.nan,
        "is_behind": policy in (POLICIES[0], POLICIES[2]),
        **{f"gain_{end}": float(told[f"{gain}_{end}"]) for end in _GAIN},
        "is_expected": is_expected,
        "optimism_amount": choice.optimism_amount if choice else 0.0,
        "is_taken": choice is not None and choice is found.taken,
    }

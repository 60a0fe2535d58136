"""Which rule on the score is in force: the one that was signed, else the best one found.

Takes a decision and a recommendation; gives model, cutoff, and whether it stands behind today's
policy.
"""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from riskkit import strategy

__all__ = ["ScoreRule", "policy_text", "rule_in_force"]


class ScoreRule(NamedTuple):
    """From which score of which model on to approve, of all or of those today's policy approves."""

    model: str
    cutoff: float
    is_behind: bool


def rule_in_force(
    signed: strategy.Decision | None,
    best: tuple[str, float, bool] | None,
    scores: pd.DataFrame,
) -> ScoreRule:
    """The rule that was signed, else the best one found, else one that declines nobody more.

    Parameters
    ----------
    signed : Decision or None
    best : (model, cutoff, is_behind) or None
        ``best_rule`` of :func:`riskkit.strategy.recommend`.
    scores : DataFrame of shape (n, n_models)
        The simpler model first.

    Returns
    -------
    ScoreRule
    """
    if signed is not None:
        return ScoreRule(*signed.rule)
    if best is not None:
        return ScoreRule(*best)
    first = str(scores.columns[0])
    return ScoreRule(first, float(scores[first].min()), True)


def policy_text(rule: ScoreRule, *, n_rules: int, is_signed: bool) -> str:
    """The whole policy in words, such as "7 rules, then the scorecard from 573 on, signed".

    Examples
    --------
    >>> policy_text(ScoreRule("scorecard", 573.0, True), n_rules=7, is_signed=False)
    "7 rules, today's policy, then the scorecard from 573 on (best found, not signed)"
    """
    parts = [f"{n_rules} rule{'s' if n_rules > 1 else ''}"] if n_rules else []
    parts += ["today's policy"] if rule.is_behind else []
    last = f"the {rule.model} from {rule.cutoff:.10g} on"
    told = f"{', '.join(parts)}, then {last}" if parts else last
    return f"{told} ({'signed' if is_signed else 'best found, not signed'})"

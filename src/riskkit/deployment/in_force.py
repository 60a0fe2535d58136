"""Which rule on the score is in force: the one that was signed, else the best one found.

Takes a decision and a recommendation; gives model, cutoff, and whether it stands behind today's
policy.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import pandas as pd

from riskkit import strategy
from riskkit.partitions import collected
from riskkit.tables import Table

__all__ = ["ScoreRule", "policy_text", "rule_in_force"]


class ScoreRule(NamedTuple):
    """From which score of which model on to approve, of all or of those today's policy approves."""

    model: str
    cutoff: float
    is_behind: bool

    @property
    def read(self) -> list[str]:
        """Columns that :meth:`passes` reads."""
        return [self.model, "approved"]

    def passes(self, scores: pd.DataFrame) -> pd.Series:
        """Whether the score, and today's policy where it is kept, approves each application.

        Parameters
        ----------
        scores : DataFrame of shape (n, n_columns)
            The model's score, and approved (bool, by today's policy).
        """
        return (scores[self.model] >= self.cutoff) & (scores["approved"] | (not self.is_behind))


def rule_in_force(
    signed: strategy.Decision | None,
    best: tuple[str, float, bool] | None,
    scores: pd.DataFrame | Table,
    model: str = "",
) -> ScoreRule:
    """The rule that was signed, else the one recommended, else one that declines nobody more.

    Parameters
    ----------
    signed : Decision or None
    best : (model, cutoff, is_behind) or None
        ``best_rule`` of :func:`riskkit.strategy.recommend`; None where none is recommended.
    scores : DataFrame of shape (n, n_models) or Table
        The simpler model first.
    model : str
        The simpler model, of a table with more columns than the scores.

    Returns
    -------
    ScoreRule
        One that declines nobody more has the cutoff at the lowest score there is.
    """
    if signed is not None:
        return ScoreRule(*signed.rule)
    if best is not None:
        return ScoreRule(*best)
    first = model or str(scores.columns[0])
    lowest = collected(partial(_lowest, model=first), scores, columns=[first])
    return ScoreRule(first, float(lowest[first].min()), True)


def _lowest(scores: pd.DataFrame, model: str) -> pd.DataFrame:
    return scores[[model]].min().to_frame().T


def policy_text(rule: ScoreRule, *, n_rules: int, is_signed: bool, is_advised: bool = True) -> str:
    """The whole policy in words, such as "7 rules, then the scorecard from 573 on (signed)".

    Parameters
    ----------
    rule : ScoreRule
    n_rules : int
        Rules that decline before any score.
    is_signed, is_advised : bool
        Whether somebody has signed it, or it is at least recommended.

    Examples
    --------
    >>> policy_text(ScoreRule("scorecard", 573.0, True), n_rules=7, is_signed=False)
    "7 rules, today's policy, then the scorecard from 573 on (recommended, not signed)"
    >>> policy_text(ScoreRule("scorecard", 401.0, True), n_rules=0, is_signed=False,
    ...     is_advised=False)
    "today's policy, and no cutoff: none earns more beyond chance"
    """
    parts = [f"{n_rules} rule{'s' if n_rules > 1 else ''}"] if n_rules else []
    parts += ["today's policy"] if rule.is_behind else []
    if not (is_signed or is_advised):
        return f"{', '.join(parts)}, and no cutoff: none earns more beyond chance"
    last = f"the {rule.model} from {rule.cutoff:.10g} on"
    told = f"{', '.join(parts)}, then {last}" if parts else last
    return f"{told} ({'signed' if is_signed else 'recommended, not signed'})"

"""Who is declined by which rule, what that costs and spares, and why approval moved.

Takes applications, a policy file (:func:`riskkit.schema.read_policy`) and what the lender decided;
gives which rules fire on whom, the funnel, what each rule costs and spares, rules mined from the
bins, why the approval rate moved, and how decisions by hand, past a rule and at random turned out.
"""

from riskkit.policy.effects import effects_of_all, effects_text, rule_effects
from riskkit.policy.firing import (
    applicable,
    condition_table,
    declined_by,
    fired,
    policy_table,
)
from riskkit.policy.found import policy_findings
from riskkit.policy.funnel import COLUMNS, funnel_table, funnel_text, lost_today, lost_under
from riskkit.policy.mined import judge_mined, mined_policy, mined_text
from riskkit.policy.mining import mine_rules
from riskkit.policy.moves import approval_moves, moves_text
from riskkit.policy.origins import compared_rows, traffic, two_periods
from riskkit.policy.overrides import (
    exploration_table,
    exploration_text,
    override_table,
    override_text,
)
from riskkit.policy.shifts import band_findings, reason_shift, reasons_text

__all__ = [
    "COLUMNS",
    "applicable",
    "approval_moves",
    "band_findings",
    "compared_rows",
    "condition_table",
    "declined_by",
    "effects_of_all",
    "effects_text",
    "exploration_table",
    "exploration_text",
    "fired",
    "funnel_table",
    "funnel_text",
    "judge_mined",
    "lost_today",
    "lost_under",
    "mine_rules",
    "mined_policy",
    "mined_text",
    "moves_text",
    "override_table",
    "override_text",
    "policy_findings",
    "policy_table",
    "reason_shift",
    "reasons_text",
    "rule_effects",
    "traffic",
    "two_periods",
]

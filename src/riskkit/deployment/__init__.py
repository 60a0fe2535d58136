"""How the whole decision runs elsewhere, and what would turn a decline.

Takes which rules fire, a score, a rating scale and where to cut; gives what is decided on each
application, the same as a table for people and as SQL, and for a declined applicant the smallest
change that would cross the cutoff.
"""

from riskkit.deployment.decided import (
    ALL,
    approved_rows,
    decide,
    decide_rows,
    decision_table,
    decline_table,
)
from riskkit.deployment.decision_sql import decision_sql, save_decision
from riskkit.deployment.in_force import ScoreRule, policy_text, rule_in_force
from riskkit.deployment.smallest_change import changes_table, changes_text, smallest_changes

__all__ = [
    "ALL",
    "ScoreRule",
    "approved_rows",
    "changes_table",
    "changes_text",
    "decide",
    "decide_rows",
    "decision_sql",
    "decision_table",
    "decline_table",
    "policy_text",
    "rule_in_force",
    "save_decision",
    "smallest_changes",
]

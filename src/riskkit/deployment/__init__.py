"""How the whole decision runs elsewhere, and what would turn a decline.

Takes which rules fire, a score, a rating scale and where to cut; gives what is decided on each
application, the same as a table for people and as SQL, and for a declined applicant the smallest
change that would cross the cutoff.
"""

from riskkit.deployment.decided import ALL, decide, decision_table
from riskkit.deployment.decision_sql import decision_sql
from riskkit.deployment.smallest_change import smallest_changes

__all__ = ["ALL", "decide", "decision_sql", "decision_table", "smallest_changes"]

"""Who is declined by which rule, what that costs and spares, and why approval moved.

Takes applications, a policy file (:func:`riskkit.schema.read_policy`) and what the lender decided;
gives which rules fire on whom, the funnel, and what each rule costs and spares.
"""

from riskkit.policy.firing import condition_table, declined_by, fired
from riskkit.policy.funnel import LOST_AT, funnel_table, lost_today, lost_under

__all__ = [
    "LOST_AT",
    "condition_table",
    "declined_by",
    "fired",
    "funnel_table",
    "lost_today",
    "lost_under",
]

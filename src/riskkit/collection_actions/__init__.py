"""What collections bring, and who should be treated how.

Table in: the performance panel, with its log of collections where there is one.
:func:`recovery_counts` and :func:`recovery_table` say what becomes of loans that fall behind, by
the month in which they did; :func:`collection_cases` makes one row of each loan and month-end past
due, from which :func:`effect_table` tells what collections achieve, by the cases left alone by a
draw and by them alone, and :func:`fit_outlook` and :func:`treatment_plan` choose an action for each
open case. :func:`realised_gain` performs a plan on the synthetic lender's own borrowers.
"""

from riskkit.collection_actions.actions import (
    EXAMPLE_ACTIONS,
    Action,
    action_table,
    read_actions,
)
from riskkit.collection_actions.case_outlook import Outlook, fit_outlook
from riskkit.collection_actions.cases import collection_cases, has_control
from riskkit.collection_actions.control_effect import effect_findings, effect_table, effect_text
from riskkit.collection_actions.entry_cohorts import (
    recovery_counts,
    recovery_table,
    recovery_text,
)
from riskkit.collection_actions.plan_realised import realised_gain, realised_text
from riskkit.collection_actions.treatment_plan import (
    current_plan,
    past_plans,
    plan_gain,
    plan_summary,
    plan_text,
    treatment_plan,
)
from riskkit.collection_actions.workload import quality_table, quality_text, workload_table

__all__ = [
    "EXAMPLE_ACTIONS",
    "Action",
    "Outlook",
    "action_table",
    "collection_cases",
    "current_plan",
    "effect_findings",
    "effect_table",
    "effect_text",
    "fit_outlook",
    "has_control",
    "past_plans",
    "plan_gain",
    "plan_summary",
    "plan_text",
    "quality_table",
    "quality_text",
    "read_actions",
    "realised_gain",
    "realised_text",
    "recovery_counts",
    "recovery_table",
    "recovery_text",
    "treatment_plan",
    "workload_table",
]

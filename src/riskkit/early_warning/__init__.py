"""Which loans that still perform will soon fall behind, and is it known better than without this.

Table in: the performance panel and, where there are any, instalments and what is known of
borrowers. :func:`landmark_panel` makes one row of each running loan and month-end: what was known
that day, and what then happened. :func:`judge_warning` fits a score to the outcomes that were over
and judges it on the months after (:func:`lift_table`); :func:`score_today` and
:func:`reminder_list` say whom to remind first.
"""

from riskkit.early_warning.landmarks import (
    BEHAVIOUR,
    WarningDefinition,
    borrowers_of,
    landmark_panel,
)
from riskkit.early_warning.reminders import (
    reminder_list,
    reminder_profile,
    reminder_text,
    score_today,
)
from riskkit.early_warning.warning_lift import lift_findings, lift_table, lift_text
from riskkit.early_warning.warning_score import WarningScore, fit_warning, judge_warning

__all__ = [
    "BEHAVIOUR",
    "WarningDefinition",
    "WarningScore",
    "borrowers_of",
    "fit_warning",
    "judge_warning",
    "landmark_panel",
    "lift_findings",
    "lift_table",
    "lift_text",
    "reminder_list",
    "reminder_profile",
    "reminder_text",
    "score_today",
]

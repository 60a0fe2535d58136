"""What a validator asks of a model: for whom it works, what it rests on, and whom it treats how.

Takes scores, outcomes and who the applicants are, or a way to fit the model anew; gives tables in
which no difference stands without its interval.
"""

from riskkit.evidence.declines import (
    declines_by_group,
    heavy_reasons,
    rules_on_attributes,
    share_difference,
)
from riskkit.evidence.fairness import (
    FOUR_FIFTHS,
    RECOMMENDED,
    TODAY,
    check_validation,
    fairness_at_rate,
    fairness_of_rules,
    fairness_table,
    protected_groups,
)
from riskkit.evidence.grades import calibration_bands, stated_grades
from riskkit.evidence.group_words import below_text, group_text, months_text
from riskkit.evidence.judged import judged_applications
from riskkit.evidence.ratio_changes import impact_changes, impact_changes_text
from riskkit.evidence.refits import (
    OWN_FAMILIES,
    compare_splits,
    families_of,
    family_worth,
    learning_curve,
    refit,
    scores_with,
)
from riskkit.evidence.segments import (
    calibration_by_segment,
    ranking_by_segment,
    segments,
)

__all__ = [
    "FOUR_FIFTHS",
    "OWN_FAMILIES",
    "RECOMMENDED",
    "TODAY",
    "below_text",
    "calibration_bands",
    "calibration_by_segment",
    "check_validation",
    "compare_splits",
    "declines_by_group",
    "fairness_at_rate",
    "fairness_of_rules",
    "fairness_table",
    "families_of",
    "family_worth",
    "group_text",
    "heavy_reasons",
    "impact_changes",
    "impact_changes_text",
    "judged_applications",
    "learning_curve",
    "months_text",
    "protected_groups",
    "ranking_by_segment",
    "refit",
    "rules_on_attributes",
    "scores_with",
    "segments",
    "share_difference",
    "stated_grades",
]

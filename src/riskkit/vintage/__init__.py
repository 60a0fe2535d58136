"""How do loans granted in the same month go bad as they age: vintage curves and hazards.

Table in: the performance panel (a row per loan and month-end) or, where there is none, outcomes
(a row per loan). :func:`cohort_counts` reads it once into counts by cohort and month on book,
which add up over parts of the portfolio split by loan. Tables out: curves by cohort
(:func:`vintage_table`), the newest cohorts against the earlier (:func:`milestone_table`), every
recent one at each age (:func:`recent_table`), every matured cohort against what its mix let expect
(:func:`mix_table`) and hazards by month on book (:func:`hazard_table`), all from the counts.
"""

from riskkit.vintage.at_risk import risk_sets
from riskkit.vintage.counts import cohort_counts
from riskkit.vintage.curves import (
    check_vintages,
    curve_choices,
    until_still,
    vintage_cells,
    vintage_table,
)
from riskkit.vintage.milestones import (
    milestone_figures,
    milestone_findings,
    milestone_table,
    milestone_text,
)
from riskkit.vintage.mix import (
    mix_figures,
    mix_findings,
    mix_month,
    mix_table,
    mix_text,
    risk_strata,
)
from riskkit.vintage.recent import (
    agreement_text,
    recent_findings,
    recent_table,
    recent_text,
    strongest_sign,
)
from riskkit.vintage.where import where_table, where_text

__all__ = [
    "agreement_text",
    "check_vintages",
    "cohort_counts",
    "curve_choices",
    "milestone_figures",
    "milestone_findings",
    "milestone_table",
    "milestone_text",
    "mix_figures",
    "mix_findings",
    "mix_month",
    "mix_table",
    "mix_text",
    "recent_findings",
    "recent_table",
    "recent_text",
    "risk_sets",
    "risk_strata",
    "strongest_sign",
    "until_still",
    "vintage_cells",
    "vintage_table",
    "where_table",
    "where_text",
]

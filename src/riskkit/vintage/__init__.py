"""How do loans granted in the same month go bad as they age: vintage curves.

Table in: the performance panel (a row per loan and month-end) or, where there is none, outcomes
(a row per loan). :func:`cohort_counts` reads it once into counts by cohort and month on book,
which add up over parts of the portfolio split by loan; what was not seen of it is counted by
:func:`panel_gaps`. Tables out: curves by cohort (:func:`vintage_table`, each cell with its interval
in :func:`vintage_cells`), the newest cohorts against the earlier (:func:`milestone_table`), every
recent one at each age (:func:`recent_table`), every matured cohort against what its mix let expect
(:func:`mix_table`, of recent ones :func:`recent_mix_table`), and who was at risk when
(:func:`risk_sets`), all from the counts.
"""

from riskkit.vintage.at_risk import risk_sets
from riskkit.vintage.counts import cohort_counts
from riskkit.vintage.curves import (
    CURVE_MEASURES,
    check_vintages,
    curve_choices,
    event_text,
    until_still,
    vintage_cells,
    vintage_table,
)
from riskkit.vintage.gaps import gaps_text, panel_gaps
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
from riskkit.vintage.recent_mix import recent_mix_table, recent_mix_text
from riskkit.vintage.where import where_table, where_text

__all__ = [
    "CURVE_MEASURES",
    "agreement_text",
    "check_vintages",
    "cohort_counts",
    "curve_choices",
    "event_text",
    "gaps_text",
    "milestone_figures",
    "milestone_findings",
    "milestone_table",
    "milestone_text",
    "mix_figures",
    "mix_findings",
    "mix_month",
    "mix_table",
    "mix_text",
    "panel_gaps",
    "recent_findings",
    "recent_mix_table",
    "recent_mix_text",
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

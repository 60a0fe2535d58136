"""What changed between two runs, and is it more than chance.

Takes the folders of two finished runs; gives one page. Each of its sections is a table of its own:
functions from tables of run A, the earlier, and run B, the later, to what differs.
"""

from riskkit.compare.bin_changes import bin_changes, population_shift
from riskkit.compare.card_changes import coefficient_changes, points_changes, scale_settings
from riskkit.compare.changes import RunChanges, run_changes
from riskkit.compare.cutoff_changes import best_cutoffs, policies_by_run, swap_sets
from riskkit.compare.inputs import (
    Overlap,
    common_applications,
    differing_settings,
    file_hashes,
    outcome_changes,
    population_table,
    value_changes,
)
from riskkit.compare.run_page import comparison_sections
from riskkit.compare.run_tables import RunTables, cohort_loans, read_run
from riskkit.compare.score_changes import (
    grade_changes,
    judging_loans,
    paired_scores,
    ranking_changes,
    score_shift,
)
from riskkit.compare.vintage_changes import cohort_milestones, matured_milestones, vintage_changes
from riskkit.compare.writing import compare_runs

__all__ = [
    "Overlap",
    "RunChanges",
    "RunTables",
    "best_cutoffs",
    "bin_changes",
    "coefficient_changes",
    "cohort_loans",
    "cohort_milestones",
    "common_applications",
    "compare_runs",
    "comparison_sections",
    "differing_settings",
    "file_hashes",
    "grade_changes",
    "judging_loans",
    "matured_milestones",
    "outcome_changes",
    "paired_scores",
    "points_changes",
    "policies_by_run",
    "population_shift",
    "population_table",
    "ranking_changes",
    "read_run",
    "run_changes",
    "scale_settings",
    "score_shift",
    "swap_sets",
    "value_changes",
    "vintage_changes",
]

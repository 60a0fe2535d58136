"""What counts as bad, the evidence for it, and which application belongs to which sample.

Takes the monthly panel or the outcomes; gives labels, samples, and what other definitions say.
"""

from riskkit.target.definition import (
    alternative_definitions,
    bad_timing,
    definition_table,
    definition_text,
    indeterminate_table,
    window_maturity,
    window_text,
    windows_to_compare,
)
from riskkit.target.folds import deal_folds, group_numbers, most_folds
from riskkit.target.label_causes import label_table, label_text
from riskkit.target.labels import (
    SAMPLES,
    BadDefinition,
    assign_samples,
    check_test_share,
    default_flags,
    samples_present,
    window_coverage,
)
from riskkit.target.roles import (
    SampleRoles,
    choosing_rows,
    deciding_rows,
    held_out_rows,
    judging_rows,
)
from riskkit.target.unseen import check_scored_loans, expected_loans

__all__ = [
    "SAMPLES",
    "BadDefinition",
    "SampleRoles",
    "alternative_definitions",
    "assign_samples",
    "bad_timing",
    "check_scored_loans",
    "check_test_share",
    "choosing_rows",
    "deal_folds",
    "deciding_rows",
    "default_flags",
    "definition_table",
    "definition_text",
    "expected_loans",
    "group_numbers",
    "held_out_rows",
    "indeterminate_table",
    "judging_rows",
    "label_table",
    "label_text",
    "most_folds",
    "samples_present",
    "window_coverage",
    "window_maturity",
    "window_text",
    "windows_to_compare",
]

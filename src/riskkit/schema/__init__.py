"""The data contract: what a table must look like, where tables live, and how others map to it.

Takes files, SQL queries and mappings; gives validated pandas frames in the contract's columns.
"""

from riskkit.schema.contract import (
    DataContractError,
    calendar_months,
    check_target,
    loan_starts,
    require_columns,
    type_violations,
    validate_applications,
    validate_outcomes,
    validate_performance,
)
from riskkit.schema.definition import (
    alternative_definitions,
    bad_timing,
    definition_table,
    definition_text,
    indeterminate_table,
    window_maturity,
    window_text,
    windows_to_compare,
)
from riskkit.schema.features import (
    Feature,
    feature_table,
    features_from_table,
    offered_features,
    protected_note,
    risk_trends,
)
from riskkit.schema.files import part_path, write_table
from riskkit.schema.labels import (
    SAMPLES,
    BadDefinition,
    assign_samples,
    default_flags,
    judging_rows,
    samples_present,
    window_coverage,
)
from riskkit.schema.mapping import check_source, source_files
from riskkit.schema.models import JsonModel
from riskkit.schema.profile import (
    application_rates,
    code_profile,
    decline_reasons,
    family_profile,
    feature_profile,
    period_text,
    sample_sizes,
    segment_rates,
    table_sizes,
)
from riskkit.schema.sample import hash_ids
from riskkit.schema.sources import Source, SourceFacts, load_source
from riskkit.schema.tables import Table, read_table

__all__ = [
    "SAMPLES",
    "BadDefinition",
    "DataContractError",
    "Feature",
    "JsonModel",
    "Source",
    "SourceFacts",
    "Table",
    "alternative_definitions",
    "application_rates",
    "assign_samples",
    "bad_timing",
    "calendar_months",
    "check_source",
    "check_target",
    "code_profile",
    "decline_reasons",
    "default_flags",
    "definition_table",
    "definition_text",
    "family_profile",
    "feature_profile",
    "feature_table",
    "features_from_table",
    "hash_ids",
    "indeterminate_table",
    "judging_rows",
    "load_source",
    "loan_starts",
    "offered_features",
    "part_path",
    "period_text",
    "protected_note",
    "read_table",
    "require_columns",
    "risk_trends",
    "sample_sizes",
    "samples_present",
    "segment_rates",
    "source_files",
    "table_sizes",
    "type_violations",
    "validate_applications",
    "validate_outcomes",
    "validate_performance",
    "window_coverage",
    "window_maturity",
    "window_text",
    "windows_to_compare",
    "write_table",
]

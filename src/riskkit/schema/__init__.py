"""The data contract: what a table must look like, where tables live, and how others map to it.

Takes files, SQL queries and mappings; gives validated pandas frames in the contract's columns.
"""

from riskkit.schema.contract import (
    DataContractError,
    Feature,
    calendar_months,
    check_target,
    feature_table,
    features_from_table,
    loan_starts,
    require_columns,
    risk_trends,
    type_violations,
    validate_applications,
    validate_outcomes,
    validate_performance,
)
from riskkit.schema.labels import (
    SAMPLES,
    BadDefinition,
    assign_samples,
    default_flags,
    window_coverage,
)
from riskkit.schema.mapping import check_source, source_files
from riskkit.schema.models import JsonModel
from riskkit.schema.profile import (
    application_rates,
    decline_reasons,
    family_profile,
    feature_profile,
    sample_sizes,
    segment_rates,
    table_sizes,
)
from riskkit.schema.sources import Source, SourceFacts, load_source
from riskkit.schema.tables import Table, read_table, write_table

__all__ = [
    "SAMPLES",
    "BadDefinition",
    "DataContractError",
    "Feature",
    "JsonModel",
    "Source",
    "SourceFacts",
    "Table",
    "application_rates",
    "assign_samples",
    "calendar_months",
    "check_source",
    "check_target",
    "decline_reasons",
    "default_flags",
    "family_profile",
    "feature_profile",
    "feature_table",
    "features_from_table",
    "load_source",
    "loan_starts",
    "read_table",
    "require_columns",
    "risk_trends",
    "sample_sizes",
    "segment_rates",
    "source_files",
    "table_sizes",
    "type_violations",
    "validate_applications",
    "validate_outcomes",
    "validate_performance",
    "window_coverage",
    "write_table",
]

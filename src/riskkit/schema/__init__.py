"""The data contract: what a table must look like, and how others' data map to it.

Takes mappings and the files they name; gives validated pandas frames in the contract's columns.
"""

from riskkit.checks import DataContractError
from riskkit.schema.caps_file import read_caps
from riskkit.schema.contract import (
    CONTRACT,
    check_target,
    validate_applications,
    validate_outcomes,
    validate_performance,
)
from riskkit.schema.facts import Source, SourceFacts
from riskkit.schema.feature_cells import application_values, as_named, mapped_column
from riskkit.schema.features import (
    Feature,
    features_from_table,
    offered_features,
    protected_note,
    risk_trends,
)
from riskkit.schema.funding_file import FundingFile, read_funding
from riskkit.schema.limits_file import LimitsFile, read_limits
from riskkit.schema.mapping import SourceMapping, read_mapping
from riskkit.schema.policy_file import PolicyFile, read_policy
from riskkit.schema.provisions_file import read_provisions
from riskkit.schema.sources import check_source, load_source
from riskkit.tables import read_table, write_table

__all__ = [
    "CONTRACT",
    "DataContractError",
    "Feature",
    "FundingFile",
    "LimitsFile",
    "PolicyFile",
    "Source",
    "SourceFacts",
    "SourceMapping",
    "application_values",
    "as_named",
    "check_source",
    "check_target",
    "features_from_table",
    "load_source",
    "mapped_column",
    "offered_features",
    "protected_note",
    "read_caps",
    "read_funding",
    "read_limits",
    "read_mapping",
    "read_policy",
    "read_provisions",
    "read_table",
    "risk_trends",
    "validate_applications",
    "validate_outcomes",
    "validate_performance",
    "write_table",
]

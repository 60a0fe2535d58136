"""Checks of what comes in: frames, arrays, labels, weights, and the error that lists violations."""

from riskkit.checks.arrays import (
    Array,
    bad_flags,
    check_groups,
    check_level,
    check_seed,
    flag_array,
    known_groups,
    numeric_array,
    outcome_state,
    probability_array,
    refuse_missing,
    row_array,
    same_rows,
    weight_array,
)
from riskkit.checks.contract import (
    IS_TYPE,
    DataContractError,
    loan_starts,
    missing_columns,
    require_columns,
    type_violations,
)
from riskkit.checks.names import (
    LONGEST_NAME,
    is_plain_name,
    nearest_name,
    refuse_unknown,
    require_signed,
    told_as,
)
from riskkit.checks.secrets import may_hold_password, password_places
from riskkit.checks.warned import warn

__all__ = [
    "IS_TYPE",
    "LONGEST_NAME",
    "Array",
    "DataContractError",
    "bad_flags",
    "check_groups",
    "check_level",
    "check_seed",
    "flag_array",
    "is_plain_name",
    "known_groups",
    "loan_starts",
    "may_hold_password",
    "missing_columns",
    "nearest_name",
    "numeric_array",
    "outcome_state",
    "password_places",
    "probability_array",
    "refuse_missing",
    "refuse_unknown",
    "require_columns",
    "require_signed",
    "row_array",
    "same_rows",
    "told_as",
    "type_violations",
    "warn",
    "weight_array",
]

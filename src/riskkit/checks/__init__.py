"""Checks of what comes in: frames, arrays, labels, weights, and the error that lists violations."""

from riskkit.checks.contract import (
    IS_TYPE,
    DataContractError,
    loan_starts,
    missing_columns,
    require_columns,
    type_violations,
)

__all__ = [
    "IS_TYPE",
    "DataContractError",
    "loan_starts",
    "missing_columns",
    "require_columns",
    "type_violations",
]

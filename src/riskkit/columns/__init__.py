"""What a column is: numbers, levels, dates, or no feature at all."""

from riskkit.columns.dates import calendar_months
from riskkit.columns.kinds import (
    feature_kinds,
    is_missing,
    level_codes,
    level_of,
    level_text,
    numbers,
    require_features,
)

__all__ = [
    "calendar_months",
    "feature_kinds",
    "is_missing",
    "level_codes",
    "level_of",
    "level_text",
    "numbers",
    "require_features",
]

"""What a column is: numbers, levels, dates, or no feature at all."""

from riskkit.columns.among import among
from riskkit.columns.cell_rule import LOOKS_MISSING, SHOWN_CHARACTERS, CellRule, Fault, shown
from riskkit.columns.cells import ReadCells, parse_text, read_cells
from riskkit.columns.dates import calendar_months, last_month_end, month_texts
from riskkit.columns.described import Described, Description
from riskkit.columns.kinds import (
    feature_kinds,
    has_value,
    is_missing,
    level_codes,
    level_of,
    level_text,
    numbers,
    require_features,
)
from riskkit.columns.markdown import verbatim, visible
from riskkit.columns.number_text import NUMBER_FORMATS, interval_text, number_text

__all__ = [
    "LOOKS_MISSING",
    "NUMBER_FORMATS",
    "SHOWN_CHARACTERS",
    "CellRule",
    "Described",
    "Description",
    "Fault",
    "ReadCells",
    "among",
    "calendar_months",
    "feature_kinds",
    "has_value",
    "interval_text",
    "is_missing",
    "last_month_end",
    "level_codes",
    "level_of",
    "level_text",
    "month_texts",
    "number_text",
    "numbers",
    "parse_text",
    "read_cells",
    "require_features",
    "shown",
    "verbatim",
    "visible",
]

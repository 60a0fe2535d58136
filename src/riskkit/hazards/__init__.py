"""When do loans end, and by what: hazards and cumulative incidence with competing prepayment."""

from riskkit.hazards.by_month import hazard_figures, hazard_table, hazard_text

__all__ = [
    "hazard_figures",
    "hazard_table",
    "hazard_text",
]

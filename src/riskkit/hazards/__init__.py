"""When do loans end, and by what: hazards and cumulative incidence with competing prepayment.

Table in: the counts of :func:`riskkit.vintage.cohort_counts`, or a book to count first. Tables out:
default hazards by month on book (:func:`hazard_table`), the shares defaulted, prepaid and matured
by each month (:func:`incidence_table`), and what of the hazard is age, calendar or cohort
(:func:`effect_table`).
"""

from riskkit.hazards.by_month import hazard_figures, hazard_table, hazard_text
from riskkit.hazards.effects import effect_table, effect_text
from riskkit.hazards.incidence import incidence_table, incidence_text

__all__ = [
    "effect_table",
    "effect_text",
    "hazard_figures",
    "hazard_table",
    "hazard_text",
    "incidence_table",
    "incidence_text",
]

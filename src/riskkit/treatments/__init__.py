"""What was done for loans in arrears, did it help, and what would the curves show without it.

Table in: the performance panel whose column `treatment` names re-ages, extensions, restructurings
and settlements in the month in which each was granted. :func:`treatment_counts` reads it once into
counts by month and kind, which add up over parts of the portfolio split by loan. Tables out: what
was done in each month (:func:`treatment_months`), how many of the treated went bad again
(:func:`redefault_table`), and each cohort's bads as reported and with every treated loan bad from
the month it was treated (:func:`hidden_table`), since a treatment hides arrears.
"""

from riskkit.treatments.hidden_bads import (
    at_treatment,
    at_treatment_counts,
    hidden_findings,
    hidden_table,
    hidden_text,
)
from riskkit.treatments.redefaults import (
    redefault_findings,
    redefault_table,
    redefault_text,
    treatment_counts,
    treatment_months,
)

__all__ = [
    "at_treatment",
    "at_treatment_counts",
    "hidden_findings",
    "hidden_table",
    "hidden_text",
    "redefault_findings",
    "redefault_table",
    "redefault_text",
    "treatment_counts",
    "treatment_months",
]

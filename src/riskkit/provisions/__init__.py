"""What must be set aside for the loans on the books.

Table in: the performance panel and the applications. Tables out: the expected credit loss by loan,
stage and scenario (:func:`loan_ecl`) with what a default loses, last month's provision led over to
this one's (:func:`month_movement`), the five categories beside it, and the profit and loss of each
cohort.

Files, in the order the data walks through them: `staging`, `credit_loss` (the formula), `book_loss`
(all of it together), `sensitivity`, `movement`, `overlays`, `realised_recoveries`,
`five_categories`, `cohort_profit`, `truth_errors`, `provision_words`, `provision_parameters`.
"""

from riskkit.provisions.book_loss import (
    LossModel,
    Outlook,
    counted_kinds,
    fit_losses,
    kinds_of,
    loan_ecl,
    stage_table,
)
from riskkit.provisions.cohort_profit import (
    LendingCosts,
    break_even_table,
    break_even_text,
    cohort_profit,
)
from riskkit.provisions.five_categories import (
    category_table,
    coverage_table,
    five_category,
    rules_in_force,
    stage_by_category,
)
from riskkit.provisions.movement import budget_table, month_movement, movement_text
from riskkit.provisions.overlays import overlay_table
from riskkit.provisions.provision_parameters import check_provisions
from riskkit.provisions.provision_words import (
    category_text,
    ecl_text,
    lgd_text,
    provision_figures,
    provision_findings,
)
from riskkit.provisions.realised_recoveries import recovery_check
from riskkit.provisions.sensitivity import sensitivity_table
from riskkit.provisions.staging import StageRules
from riskkit.provisions.truth_errors import truth_errors

__all__ = [
    "LendingCosts",
    "LossModel",
    "Outlook",
    "StageRules",
    "break_even_table",
    "break_even_text",
    "budget_table",
    "category_table",
    "category_text",
    "check_provisions",
    "cohort_profit",
    "counted_kinds",
    "coverage_table",
    "ecl_text",
    "fit_losses",
    "five_category",
    "kinds_of",
    "lgd_text",
    "loan_ecl",
    "month_movement",
    "movement_text",
    "overlay_table",
    "provision_figures",
    "provision_findings",
    "recovery_check",
    "rules_in_force",
    "sensitivity_table",
    "stage_by_category",
    "stage_table",
    "truth_errors",
]

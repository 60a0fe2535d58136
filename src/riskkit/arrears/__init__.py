"""Where a loan on the books goes from its arrears, what it then owes, and what a default loses.

Table in: the performance panel and the applications. Out: counted moves between months in arrears
(:func:`monthly_moves`), a chain fitted to them and what it foretells (:func:`fit_chain`,
:func:`default_probabilities`), the loans on the books of a day (:func:`book_at`) and the loss given
default (:func:`fit_lgd`).

Files, in the order the data walks through them: `moves_in_arrears` (states and counted moves),
`climate_effects` (what a bad month does), `default_chain` (when a loan is first in default),
`chain_moves` (moves month by month, for whoever follows loans himself), `exposures` (loans on the
books, and what each will owe), `loans_in_view` (which loans need more than counting), `workouts`
(what loans bring from a default on), `loss_given_default`.
"""

from riskkit.arrears.chain_moves import ChainMoves
from riskkit.arrears.default_chain import (
    ArrearsChain,
    default_probabilities,
    fit_chain,
    performing_probabilities,
)
from riskkit.arrears.exposures import (
    NOT_SEEN,
    book_at,
    default_exposures,
    how_they_left,
    last_month_ends,
    loan_terms,
)
from riskkit.arrears.loans_in_view import defaulted_loans, loans_in_view
from riskkit.arrears.loss_given_default import LossGivenDefault, fit_lgd, lgd_cohorts, positions_of
from riskkit.arrears.moves_in_arrears import (
    DEFAULT,
    DEFAULT_DPD,
    N_STATES,
    landmark_moves,
    monthly_moves,
    panel_amounts,
)

__all__ = [
    "DEFAULT",
    "DEFAULT_DPD",
    "NOT_SEEN",
    "N_STATES",
    "ArrearsChain",
    "ChainMoves",
    "LossGivenDefault",
    "book_at",
    "default_exposures",
    "default_probabilities",
    "defaulted_loans",
    "fit_chain",
    "fit_lgd",
    "how_they_left",
    "landmark_moves",
    "last_month_ends",
    "lgd_cohorts",
    "loan_terms",
    "loans_in_view",
    "monthly_moves",
    "panel_amounts",
    "performing_probabilities",
    "positions_of",
]

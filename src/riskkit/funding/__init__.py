"""Whether the lender can pay: what it takes, what it must hold, and what breaks first.

Takes loans that still have to pay and how they move, what lending costs, and the funding file;
gives cash, losses and profit under what may go wrong (:func:`stress`), and how bad it must get
until the lender's means are gone (:func:`reverse_stress`).

Files, in the order the data walks through them: `stress_paths` (what a scenario moves, month by
month), `stressed_loans` (loans and moves under it), `stressed_lender` (cash, provision and profit
of one course of things), `stress_table` (all scenarios), `reverse_search` (how bad it must get),
`stress_words`, `funding_parameters` (whether the notebook's parameters can be).
"""

from riskkit.funding.funding_parameters import check_funding
from riskkit.funding.reverse_search import reverse_stress
from riskkit.funding.stress_table import stress, stress_summary
from riskkit.funding.stress_words import stress_findings, stress_text
from riskkit.funding.stressed_lender import StressedLender

__all__ = [
    "StressedLender",
    "check_funding",
    "reverse_stress",
    "stress",
    "stress_findings",
    "stress_summary",
    "stress_text",
]

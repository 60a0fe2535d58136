"""The synthetic lender: a small phone lender whose true default probabilities are known.

Takes a :class:`Lender` (all parameters of the world), a number of applicants and a seed; gives a
:class:`Portfolio` of applications, monthly performance and, apart from them, the truth.

Files, in the order the data walks through them: `lender` (parameters), `draws` (counter-based
random numbers), `features` (the catalogue), `applicants` (who applies), `policy` (what is decided),
`chain` (what happens month by month, and its exact probabilities), `book` (the ledger),
`portfolio` (all of it together), `source` (as the notebooks read it).
"""

from riskkit.synthetic.features import FACTORS, FEATURES
from riskkit.synthetic.lender import Lender
from riskkit.synthetic.portfolio import Portfolio, blocks, simulate, true_hazards
from riskkit.synthetic.source import as_source, truth_by_decision

__all__ = [
    "FACTORS",
    "FEATURES",
    "Lender",
    "Portfolio",
    "as_source",
    "blocks",
    "simulate",
    "true_hazards",
    "truth_by_decision",
]

"""The synthetic lender: a small phone lender whose true default probabilities are known.

Takes a :class:`Lender` (all parameters of the world), a number of applicants and a seed; gives a
:class:`Portfolio` of applications, performance and instalments and, apart from them, the truth.

Files, in the order the data walks through them: `lender` (parameters), `draws` (counter-based
random numbers), `people` (who is behind an application), `marginals` and `features` (the
catalogue), `market` (channels and purchases), `applicants` (who applies), `policy` (what is
decided), `dealt` (which offers are dealt to tests at random), `collection_log` (who is left alone
in arrears, and what is done with the others), `chain` (what happens month by month,
and its exact probabilities), `offers` (what is taken), `history` (what is remembered), `relief`
(what is done for loans in arrears), `book` (the ledger), `losses` (what a loan of today is expected
to lose), `portfolio` (all of it together), `truth` (what it says of a book), `source` (as the
notebooks read it), `world` (kept, to be asked again); `rows` takes parallel things apart and
together.
"""

from riskkit.synthetic.features import FEATURES, families_without
from riskkit.synthetic.lender import FAMILIES, SCENARIOS, Lender
from riskkit.synthetic.people import FACTORS
from riskkit.synthetic.portfolio import Portfolio, blocks, perform, simulate, write_portfolio
from riskkit.synthetic.source import as_source, check_world
from riskkit.synthetic.truth import true_curves, true_hazards, true_probability, truth_by_decision
from riskkit.synthetic.world import World

__all__ = [
    "FACTORS",
    "FAMILIES",
    "FEATURES",
    "SCENARIOS",
    "Lender",
    "Portfolio",
    "World",
    "as_source",
    "blocks",
    "check_world",
    "families_without",
    "perform",
    "simulate",
    "true_curves",
    "true_hazards",
    "true_probability",
    "truth_by_decision",
    "write_portfolio",
]

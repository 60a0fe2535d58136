"""What cash the loans on the books and those to come will bring, on average and by simulation.

Files, in the order the data walks through them: `open_loans` (loans that still have to pay),
`loans_of_book`, `planned_lending` (those of today and those to come), `moves` (how they move),
`future_cash` (what comes of them, by path, group and month), `loan_classes` (loans that move
alike), `expected_cash` (the mean), `provisions_ahead` (what is set aside for them), `path_blocks`
and `simulated_cash` (many courses of things).
"""

from riskkit.runoff.expected_cash import expected_cash
from riskkit.runoff.future_cash import AMOUNTS, FutureCash
from riskkit.runoff.loans_of_book import open_loans
from riskkit.runoff.moves import Moves
from riskkit.runoff.open_loans import OpenLoans, joined
from riskkit.runoff.planned_lending import planned_loans
from riskkit.runoff.provisions_ahead import provisions_ahead
from riskkit.runoff.simulated_cash import simulated_cash

__all__ = [
    "AMOUNTS",
    "FutureCash",
    "Moves",
    "OpenLoans",
    "expected_cash",
    "joined",
    "open_loans",
    "planned_loans",
    "provisions_ahead",
    "simulated_cash",
]

"""What cash the loans on the books and those to come will bring, on average and by simulation.

Files, in the order the data walks through them: `open_loans` (loans that still have to pay),
`future_cash` (what comes of them, by path, group and month).
"""

from riskkit.runoff.future_cash import AMOUNTS, FutureCash
from riskkit.runoff.open_loans import OpenLoans

__all__ = ["AMOUNTS", "FutureCash", "OpenLoans"]

"""What cash the loans on the books and those to come will bring, on average and by simulation.

Files, in the order the data walks through them: `open_loans` (loans that still have to pay),
`month_effects` (how far months differed), `climate_factor` (the climate that all loans share
ahead), `future_cash` (what comes of them, by path, group and month).
"""

from riskkit.runoff.climate_factor import (
    ClimateFactor,
    estimate_factor,
    factor_of,
    factor_text,
)
from riskkit.runoff.future_cash import AMOUNTS, FutureCash
from riskkit.runoff.month_effects import month_effects
from riskkit.runoff.open_loans import OpenLoans

__all__ = [
    "AMOUNTS",
    "ClimateFactor",
    "FutureCash",
    "OpenLoans",
    "estimate_factor",
    "factor_of",
    "factor_text",
    "month_effects",
]

"""Cost of a loan, month by month and per year.

Takes a principal, a monthly rate and a number of months (or dated cash flows); gives the repayment
schedule in whole fen, one row per instalment, and the rates of return: IRR, APR, EAR, XIRR; and the
other way round, the contract rate that earns a given IRR; the ways of repaying side by side.
"""

from riskkit.instalments.methods import methods_table
from riskkit.instalments.rates import annualised, contract_rate, irr, nominal_apr, xirr
from riskkit.instalments.schedules import (
    METHODS,
    Method,
    cashflows,
    fen_below,
    instalment,
    schedule,
    schedules,
)

__all__ = [
    "METHODS",
    "Method",
    "annualised",
    "cashflows",
    "contract_rate",
    "fen_below",
    "instalment",
    "irr",
    "methods_table",
    "nominal_apr",
    "schedule",
    "schedules",
    "xirr",
]

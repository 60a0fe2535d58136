"""The ways of repaying one loan side by side: the price is equal, what is paid is not.

Takes a principal, a yearly price and a number of months; gives a row for each way.
"""

from __future__ import annotations

import pandas as pd

from riskkit.instalments.rates import annualised, contract_rate, irr
from riskkit.instalments.schedules import METHODS, cashflows, fen_below, schedule

__all__ = ["methods_table"]


def methods_table(
    principal_fen: int, apr: float, term_months: int, *, fee_rate: float = 0.0
) -> pd.DataFrame:
    """The four ways of repaying a loan of one price side by side.

    Parameters
    ----------
    principal_fen : int
        Contract principal, fen.
    apr : float
        Twelve times the monthly rate of return on what is received.
    term_months : int
    fee_rate : float
        Share of the principal deducted from the disbursal.

    Returns
    -------
    DataFrame, index method
        `monthly_rate` in the contract (of the balance, of a flat fee of the principal);
        `first_amount`, `last_amount` and `cost_amount` (all that is paid more than received), in
        units of the currency; `apr`, `ear` of the schedule as rounded, down: never above `apr`.

    Raises
    ------
    ValueError
        As :func:`contract_rate` and :func:`schedule`.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> methods_table(1_200_000, 0.24, 12)["cost_amount"].round(0).astype(int).to_dict()
    ... # doctest: +NORMALIZE_WHITESPACE
    {'equal_instalment': 1617, 'interest_only': 2880, 'flat_fee': 1617, 'equal_principal': 1560}
    """
    fee = int(fen_below(principal_fen * fee_rate))
    rows = {}
    for method in METHODS:
        rate = contract_rate(apr / 12, term_months, method, fee_rate=fee_rate)
        plan = schedule(
            principal_fen, rate, term_months, method=method, fee_amount=fee, rounding="down"
        )
        flows = cashflows(plan)
        found = annualised(irr(flows)) if flows.sum() > 0 else (0.0, 0.0)
        rows[method] = {
            "monthly_rate": rate,
            "first_amount": flows[1] / 100,
            "last_amount": flows[-1] / 100,
            "cost_amount": flows.sum() / 100,
            "apr": found[0],
            "ear": found[1],
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("method")

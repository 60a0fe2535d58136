"""Cash of the loans of a deal as expected and under each scenario of the funding file.

Takes the lender of the stress test, the deal and its loans; gives cash by scenario.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from riskkit import runoff
from riskkit.funding.deal import Deal
from riskkit.funding.stress_table import shocks_of
from riskkit.funding.stressed_lender import StressedLender
from riskkit.funding.stressed_loans import RememberedMoves, stressed_loans

__all__ = ["deal_scenarios"]


def deal_scenarios(
    lender: StressedLender,
    deal: Deal | None,
    in_pool: pd.Series,
    pool_amount: int | None = None,
) -> dict[str, runoff.FutureCash]:
    """Expected cash of the loans of a deal, in the base and under each scenario, until they end.

    What a scenario moves, it moves as in :func:`riskkit.funding.stress`: the climate of all loans,
    new loans and prices of those that the deal buys. A funder that leaves moves none of them. The
    expected climate ahead of the lender's stays as it is in its last month.

    Parameters
    ----------
    lender : StressedLender
    deal : Deal or None
        Where there is none there are no scenarios of it.
    in_pool : bool Series, index loan_id
        Of :func:`riskkit.funding.select_pool`.
    pool_amount : int, optional
        As of :meth:`riskkit.funding.Deal.open_loans`.

    Returns
    -------
    dict of str to FutureCash
        "base" first; groups as of :meth:`riskkit.funding.Deal.open_loans`. A scenario that this
        source cannot be put under is not there.

    Raises
    ------
    ValueError
        As :meth:`riskkit.funding.Deal.open_loans`.

    Source
    ------
    riskkit definition.
    """
    if deal is None:
        return {}
    mine = deal.open_loans(lender.loans, in_pool, pool_amount)
    n_months = mine.n_months
    # most scenarios leave the climate alone: their moves are the same
    moves = RememberedMoves(lender.moves)
    own = replace(lender, loans=mine, moves=moves, climate=None, n_months=n_months)
    own = replace(own, number=None, provision=None)
    usual = np.zeros(1) if lender.climate is None else lender.climate
    usual = np.pad(usual, (0, n_months - len(usual)), mode="edge")
    cash = {}
    for name, shock in shocks_of(own).items():
        loans, _, stressed = stressed_loans(mine, own.numbers, moves, shock)
        climate = usual + own.climate_under(shock)
        cash[name] = runoff.expected_cash(
            loans, stressed, climate=climate, day=own.day, lgd_factor=shock.lgd_factor
        )
    return cash

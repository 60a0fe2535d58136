"""The pool where money leaves: early repayment, and funders that go.

Takes the scenarios of the funding file; gives the pool's flows in each that takes money out of it.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from riskkit.checks import Array
from riskkit.funding.pool_cash import PoolCash, pool_cash
from riskkit.funding.stressed_loans import prepaying_moves
from riskkit.runoff import FutureCash, Moves, OpenLoans, simulated_cash
from riskkit.schema import FundingFile

__all__ = ["leaving_courses"]

# of a wave of early repayments: 99 % is known well enough, and each costs a simulation
_WAVE_PATHS = 500
REPAID = ", lines repaid from it"


def leaving_courses(
    file: FundingFile,
    owing: OpenLoans,
    moves: Moves,
    climates: Array,
    paths: FutureCash,
    lending: Array,
    daily: pd.DataFrame,
    profile: pd.Series,
    *,
    seed: int,
    **about: Any,
) -> dict[str, PoolCash]:
    """Flows of the pool in each stress that has early repayment or exits.

    Parameters
    ----------
    file : FundingFile
        Stresses with `prepay_logit` or `exits`; what else moves in them is left as expected.
    owing, moves, climates, seed
        What `paths` were simulated from: loans, moves, climate of shape (n_paths, H), seed.
    paths : FutureCash
    lending, daily, profile
        As :func:`riskkit.funding.pool_cash` takes them.
    about
        Its other settings.

    Returns
    -------
    dict of course to PoolCash
        Each early repayment, on 500 paths at most, with lines that stay and with
        lines repaid from it; and each exit from lines that still run. Where a stress has both,
        lines leave in its courses of early repayment.

    Source
    ------
    riskkit definition.
    """
    courses = {}
    day = daily.index[-1]
    running = file.lines_on(day)
    for name, stress in file.stress.items():
        # of a line that has ended nobody can leave any more
        gone = {**about, "exits": [line for line in stress.exits if line in running]}
        if stress.prepay_logit:
            logit = stress.prepay_logit * stress.course(climates.shape[1])
            wave = prepaying_moves(moves, owing, logit)
            cash = simulated_cash(owing, wave, climates[:_WAVE_PATHS], day, seed=seed)
            some = lending[:_WAVE_PATHS]
            courses[name] = pool_cash(cash, some, daily, profile, **gone)
            paid = {**gone, "repays_prepaid": True}
            courses[f"{name}{REPAID}"] = pool_cash(cash, some, daily, profile, **paid)
        elif gone["exits"]:
            courses[name] = pool_cash(paths, lending, daily, profile, **gone)
    return courses

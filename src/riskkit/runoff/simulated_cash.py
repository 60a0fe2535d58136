"""What loans bring in many courses of things: every loan rolled on by chance, month by month.

Takes open loans, their moves and a climate for each path; gives :class:`riskkit.runoff.FutureCash`.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from riskkit.checks import Array, check_seed
from riskkit.runoff.drawn_recoveries import GoneLuck, workout_pattern
from riskkit.runoff.expected_cash import in_default_cash
from riskkit.runoff.future_cash import FutureCash
from riskkit.runoff.loan_classes import rates_after_factor
from riskkit.runoff.moves import Moves, climate_array, month_ends, month_moves
from riskkit.runoff.open_loans import OpenLoans
from riskkit.runoff.path_blocks import SUMS, PathBlock, month_tables, new_block, roll_on

__all__ = ["simulated_cash"]

# paths rolled on together: their loans fit into a core's cache, and each has random numbers of
# its own, so that nothing depends on how many threads there are
_BLOCK_PATHS = 64
# moves are worked out for so many climates a month, evenly from the lowest to the highest path's
_N_LEVELS = 41


def simulated_cash(
    loans: OpenLoans,
    moves: Moves,
    climate: Array,
    day: pd.Timestamp | str,
    *,
    seed: int,
    lgd_factor: float = 1.0,
    n_threads: int | None = None,
) -> FutureCash:
    """Cash of the months ahead on each of some paths, in whole fen.

    On every path every loan moves on its own, by the moves of its cell in the path's climate of
    the month: loans of one path have nothing in common but that climate. What happens to a loan
    between two month-ends is as in :func:`riskkit.runoff.expected_cash`, so that the mean over
    paths of one climate comes to what that gives.

    After a default each loan repeats a past workout, drawn at random: its cash month by month,
    multiplied so that the mean over all workouts is what the loan brings on average in the month. A
    loan in default today repeats one of loans that were where it is. Where no workouts are known,
    it pays all that it owes in one month, or nothing, of the same mean: on the safe side, since no
    cash scatters more. Loans in default of which only the sum is known bring that. The climate has
    no say in what comes after a default. Nothing is capped, which would lower the mean: a loan that
    brings much on average may bring more than it owes.

    Where more than 41 climates occur in a month, each path's is moved to the nearest of 41 from the
    lowest to the highest.

    Parameters
    ----------
    loans : OpenLoans
    moves : Moves
        Such as :class:`riskkit.arrears.ChainMoves` of the loans' cells.
    climate : float array of shape (n_paths, H)
        Log-odds of a missed payment added to the usual one, of each path and month ahead.
    day : Timestamp or str
        Today.
    seed : int
        The same seed gives the same cash, whatever the number of threads.
    lgd_factor : float
        Multiplies what every default loses, past and to come, up to the whole; of loans in default
        today, up to the whole of their group's.
    n_threads : int, optional
        As many as there are processors unless given.

    Returns
    -------
    FutureCash
        int64 fen. Cash of loans after their default is rounded so that its sum since today is off
        by less than a fen in every month, path and group. `loss_amount` is what is expected at each
        default, whatever is drawn to come of it.

    Raises
    ------
    ValueError
        A climate that is longer than the loans are followed for, moves of another shape, a
        negative factor or seed.

    Source
    ------
    riskkit definition; a common factor of independent defaults: Vasicek (2002), Risk 15(12).
    """
    check_seed("seed", seed)
    asked = climate_array(climate, loans.n_months, n_dims=2)
    n_paths, n_months = asked.shape
    n_groups = len(loans.groups)
    rates = rates_after_factor(loans, lgd_factor)
    sums = {name: np.zeros((n_paths, n_groups, n_months)) for name in SUMS}
    blocks = [
        new_block(loans, slice(first, min(first + _BLOCK_PATHS, n_paths)), (seed, number), n_months)
        for number, first in enumerate(range(0, n_paths, _BLOCK_PATHS))
    ]
    n_cells = int(np.max(loans.cell, initial=-1)) + 1
    lent, fee = np.zeros((2, n_groups, n_months))
    pattern = workout_pattern(loans.workouts, loans.recovery_lags)
    in_default = partial(_recover_gone, _gone_luck(loans, lgd_factor, n_months))
    with ThreadPoolExecutor(n_threads or os.cpu_count()) as pool:
        list(pool.map(in_default, blocks))
        for month in range(1, n_months + 1):
            values, level = _levels(asked[:, month - 1])
            tables = month_tables(
                loans,
                month_moves(moves, month, values, n_cells),
                month,
                rates[:, month - 1],
                pattern,
                n_months - month,
            )
            of_paths = [level[block.paths] for block in blocks]
            step = partial(roll_on, loans=loans, tables=tables)
            for block, found in zip(blocks, pool.map(step, blocks, of_paths), strict=True):
                for name, amounts in found.items():
                    sums[name][block.paths, :, month - 1] = amounts.T
            new = np.flatnonzero(loans.start == month)
            lent[:, month - 1] = np.bincount(loans.group[new], loans.owed[new, 0], n_groups)
            fee[:, month - 1] = np.bincount(loans.group[new], loans.fee[new], n_groups)
            for block in blocks:
                block.on_plan[new] = (loans.left[new] > 0)[:, None]
    today = loans.start == 0
    opening = np.bincount(loans.group[today], loans.owed[today, 0], n_groups)
    recovered = np.zeros((n_paths, n_groups, n_months))
    for block in blocks:
        recovered[block.paths] = block.recovered.transpose(1, 0, 2)
    if loans.gone is None:
        recovered += in_default_cash(loans, lgd_factor)[:, :n_months]
    return FutureCash(
        months=month_ends(day, n_months),
        groups=loans.groups,
        opening=opening.astype(np.int64),
        amounts=_amounts(sums, lent, fee, recovered),
    )


def _levels(climate: Array) -> tuple[Array, Array]:
    """Climates that moves are worked out for, and which of them each path is in."""
    values, level = np.unique(climate, return_inverse=True)
    if len(values) <= _N_LEVELS:
        return values, level
    low, high = values[0], values[-1]
    grid = np.linspace(low, high, _N_LEVELS)
    return grid, np.rint((climate - low) / (high - low) * (_N_LEVELS - 1)).astype(np.int64)


def _gone_luck(loans: OpenLoans, lgd_factor: float, n_months: int) -> GoneLuck | None:
    """The luck of loans in default today, of the mean that is left where so much is lost."""
    if loans.gone is None:
        return None
    cash = loans.gone.cash[:, :n_months]
    if lgd_factor != 1:
        after, before = in_default_cash(loans, lgd_factor), loans.in_default
        scale = np.divide(after, before, out=np.zeros(after.shape), where=before > 0)
        cash = cash * scale[loans.gone.group, :n_months]
    return GoneLuck.of(replace(loans.gone, cash=cash))


def _recover_gone(luck: GoneLuck | None, block: PathBlock) -> None:
    """Draw what loans in default today bring on the block's paths."""
    if luck is not None:
        n_groups, n_paths, _ = block.recovered.shape
        block.recovered[:] += luck.drawn(block.luck, n_groups, n_paths)


def _amounts(sums: dict[str, Array], lent: Array, fee: Array, recovered: Array) -> dict[str, Array]:
    """All amounts in whole fen from the sums of every path, group and month."""
    whole = {name: values.astype(np.int64) for name, values in sums.items() if name != "brought"}
    shape = sums["brought"].shape
    to_date = np.rint(np.cumsum(recovered, axis=-1)).astype(np.int64)
    of_all = {"lent_amount": lent, "fee_amount": fee}
    lent_fen, fee_fen = (
        np.broadcast_to(values.astype(np.int64), shape).copy() for values in of_all.values()
    )
    return {
        "lent_amount": lent_fen,
        "fee_amount": fee_fen,
        "interest_amount": whole["paid"] - whole["principal"],
        "principal_amount": whole["principal"],
        "prepaid_amount": whole["prepaid"],
        "default_amount": whole["default"],
        "loss_amount": whole["default"] - np.rint(sums["brought"]).astype(np.int64),
        "recovered_amount": np.diff(to_date, axis=-1, prepend=0),
        "balance": whole["balance"] + lent_fen,
    }

"""How loans move month by month, whoever knows it: a fitted chain, the truth, or a test.

Takes what gives probabilities by cell, month and climate; gives them in the form that cash needs.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pandas as pd

from riskkit.arrears import N_STATES
from riskkit.checks import Array

__all__ = ["Moves", "climate_array", "month_ends", "month_moves"]

_N_TO = N_STATES + 2


class Moves(Protocol):
    """Moves of cells of loans, as of :class:`riskkit.arrears.ChainMoves`."""

    def at(self, ahead: int, climate: Array) -> Array:
        """Probabilities of shape (n_climates, n_cells, 4, 6) of the moves of one month ahead."""
        ...


def month_moves(moves: Moves, ahead: int, climate: Array, n_cells: int) -> Array:
    """Moves of a month in which no loan falls behind by more than the one instalment that fell due.

    Where a chain has counted such moves, as when a month was left out of the panel or days past
    due jumped, they are moves to the next state: what was paid cannot be taken back.

    Parameters
    ----------
    moves : Moves
    ahead : int
    climate : float array of shape (n_climates,)
    n_cells : int
        Cells that loans are of, at least.

    Returns
    -------
    float array of shape (n_climates, n_cells or more, 4, 6)

    Raises
    ------
    ValueError
        Moves of another shape.
    """
    found = moves.at(ahead, climate)
    n, *others = found.shape
    if n != len(climate) or others[1:] != [N_STATES, _N_TO] or others[0] < n_cells:
        shape = len(climate), n_cells, N_STATES, _N_TO
        raise ValueError(f"moves must be of shape {shape}, or of more cells, got {found.shape}")
    for state in range(N_STATES - 2):
        further = found[:, :, state, state + 2 : N_STATES]
        if further.any():
            found = found.copy()
            found[:, :, state, state + 1] += further.sum(axis=-1)
            found[:, :, state, state + 2 : N_STATES] = 0
    return found


def climate_array(climate: Array, n_months: int, n_dims: int) -> Array:
    """A climate by month ahead as floats, refused where loans are not followed for so long."""
    values = np.asarray(climate, dtype=float)
    if values.ndim != n_dims or not 1 <= values.shape[-1] <= n_months:
        shape = "(H,)" if n_dims == 1 else "(n_paths, H)"
        raise ValueError(
            f"climate must be of shape {shape} with H in 1..{n_months}, the months that the loans "
            f"are followed for, got {values.shape}"
        )
    if not np.isfinite(values).all():
        raise ValueError("climate must be finite")
    return values


def month_ends(day: pd.Timestamp | str, n_months: int) -> pd.DatetimeIndex:
    """Month-ends after a day, the first of them at the end of the month that follows it.

    Examples
    --------
    >>> month_ends("2024-12-31", 2).strftime("%Y-%m-%d").tolist()
    ['2025-01-31', '2025-02-28']
    """
    first = pd.Timestamp(day).to_period("M") + 1
    ends = pd.period_range(first, periods=n_months, freq="M").to_timestamp(how="end")
    return pd.DatetimeIndex(ends.normalize(), name="month")

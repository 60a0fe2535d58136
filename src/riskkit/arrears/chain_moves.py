"""Moves of loans in each month ahead, in any climate: what cash is forecast and simulated with.

Takes a fitted chain and a table of the cells of loans that move alike; gives probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from riskkit.arrears.default_chain import (
    ArrearsChain,
    OddsOfMoves,
    band_levels,
    cell_codes,
    moves_in_month,
)
from riskkit.arrears.moves_in_arrears import N_STATES
from riskkit.checks import Array, require_columns

__all__ = ["ChainMoves"]


@dataclass(frozen=True, eq=False)
class ChainMoves:
    """Moves of cells of loans between months in arrears, by month ahead and climate.

    In the usual climate they are those of :func:`riskkit.arrears.default_probabilities`. A climate
    is in log-odds of a missed payment added to the usual one, as in the scenarios of
    :class:`riskkit.provisions.Outlook`: it moves the log-odds of getting worse from every state by
    the chain's slopes, 0.5 a unit of a chain fitted without climate. One of a chain fitted with
    it is added to the chain's `usual_climate`, and what a loan has lived through by then is that of
    the usual climate, so that the moves of a month depend on that month alone.

    Parameters
    ----------
    chain : ArrearsChain
    cells : DataFrame, a row for each cell
        `kind`, `band`, `mob` and `state` at which its loans are found, `start` (months ahead of
        that; 0: today). Other columns are not read.
    n_months : int
        How far ahead moves are asked for.

    Raises
    ------
    ValueError
        A kind that the chain was not fitted on, or a state or start out of range.

    Source
    ------
    riskkit definition.
    """

    chain: ArrearsChain
    cells: pd.DataFrame
    n_months: int
    # worked out once: positions in the chain, and by (month since found, cell) what is added
    _codes: list[Array] = field(init=False, repr=False)
    _band: Array = field(init=False, repr=False)
    _start: Array = field(init=False, repr=False)
    _levels: Array = field(init=False, repr=False)
    _lived: Array = field(init=False, repr=False)
    # and by month ahead, once asked for
    _usual: dict[int, OddsOfMoves] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.n_months < 1:
            raise ValueError(f"n_months must be >= 1, got {self.n_months!r}")
        require_columns(self.cells, ["kind", "band", "mob", "state", "start"], "cells")
        if not self.cells["state"].between(0, N_STATES - 1).all():
            raise ValueError(f"state must lie in 0..{N_STATES - 1} in every cell")
        if not (self.cells[["mob", "start"]] >= 0).all(axis=None):
            raise ValueError("mob and start must be >= 0 in every cell")
        codes, band = cell_codes(self.chain, self.cells)
        felt = self.chain.climate
        mob = np.minimum(codes[1] + np.arange(self.n_months)[:, None], felt.lived.shape[1] - 1)
        rates = felt.worse_rates[codes[0], mob]
        before = (np.cumsum(rates, axis=0) - rates) * self.chain.usual_climate
        worked_out = {
            "_codes": codes,
            "_band": band,
            "_start": self.cells["start"].to_numpy(np.int64),
            "_levels": band_levels(self.chain, codes, band, self.n_months),
            "_lived": felt.lived[codes[0], codes[1]] + before,
            "_usual": {},
        }
        for name, value in worked_out.items():
            object.__setattr__(self, name, value)

    def at(self, ahead: int, climate: ArrayLike) -> Array:
        """Probabilities of the moves in one month ahead, for each of some climates.

        Parameters
        ----------
        ahead : int
            1 is the first month after the day.
        climate : float array of shape (n_climates,)

        Returns
        -------
        float array of shape (n_climates, n_cells, 4, 6)
            From months in arrears 0..3 to 0..3, default and ended; rows sum to 1. Those of a cell
            whose loans are not lent before the month are of no meaning.

        Raises
        ------
        ValueError
            A month that is not asked for in `n_months`.
        """
        if not 1 <= ahead <= self.n_months:
            raise ValueError(f"ahead must lie in 1..{self.n_months}, got {ahead!r}")
        if ahead not in self._usual:
            self._usual[ahead] = self._in_usual_climate(ahead)
        slopes = self.chain.climate.slopes[:, 0]
        climates = np.asarray(climate, dtype=float)[:, None, None]
        return self._usual[ahead].shifted(climates * slopes)

    def _in_usual_climate(self, ahead: int) -> OddsOfMoves:
        """Moves of a month ahead in the usual climate."""
        age = np.maximum(ahead - 1 - self._start, 0)
        each = np.arange(len(age))
        level = self._levels[age, each]
        odds = moves_in_month(self.chain, self._codes, self._band, level, age)
        kind, found_mob, _ = self._codes
        mob = np.minimum(found_mob + age, self.chain.moves.shape[1] - 1)
        usual, lived = self.chain.usual_climate, self._lived[age, each]
        logits = self.chain.climate.logits(kind, mob, usual, lived)
        return replace(odds, worse=odds.worse + logits)

"""The same loans under a shock: worse new ones, some that never pay, other prices and volumes.

Takes loans, their moves and a shock; gives loans and moves that the engine follows as any others.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from riskkit.arrears import DEFAULT, N_STATES
from riskkit.checks import Array
from riskkit.funding.stress_paths import Shock
from riskkit.runoff import Moves, OpenLoans

__all__ = [
    "ONE_LOAN",
    "RememberedMoves",
    "StressedMoves",
    "condensed",
    "nothing_in_default",
    "prepaying_moves",
    "sampled_loans",
    "stressed_loans",
    "taken",
    "with_counts",
]

ENDED = DEFAULT + 1
# what a loan counts as where loans are counted as money is, so that parts of one can be told
ONE_LOAN = 1_000_000
_MONTHS_A_YEAR = 12
# months of moves that are kept at hand: of some courses of things, each of few years
_MOST_KNOWN = 100
_MONEY = "due", "owed", "fee"
_RATES = "recovered_rate", "effective_rate"
_OF_LOAN = ("group", "start", "state", "cell", "left", *_MONEY, *_RATES)


@dataclass(frozen=True, kw_only=True)
class StressedMoves:
    """Moves of cells that came from others, in a climate of their own.

    Parameters
    ----------
    moves : Moves
    origin : int array of shape (n_cells,)
        The cell of `moves` that each was part of.
    step : int array of shape (n_cells,)
        Position in `offsets`.
    offsets : float array of shape (n_steps,)
        Log-odds of a missed payment added to the climate that a cell's loans feel.
    prepay_logit : float array of shape (H,)
        Added, of loans without arrears that miss no payment, to the log-odds of being paid off.
    never_pays : bool array of shape (n_cells,)
        Loans that get a month further into arrears every month.
    """

    moves: Moves
    origin: Array
    step: Array
    offsets: Array
    prepay_logit: Array
    never_pays: Array

    def at(self, ahead: int, climate: Array) -> Array:
        """Of shape (n_climates, n_cells, N_STATES, 6)."""
        felt = np.add.outer(climate, self.offsets)
        found = self.moves.at(ahead, felt.ravel())
        moves = found.reshape(*felt.shape, *found.shape[1:])[:, self.step, self.origin]
        if self.prepay_logit[ahead - 1]:
            stays, ends = moves[:, :, 0, 0], moves[:, :, 0, ENDED]
            either = stays + ends
            part = np.divide(ends, either, out=np.zeros_like(ends), where=either > 0)
            with np.errstate(divide="ignore"):
                more = expit(logit(np.minimum(part, 1)) + self.prepay_logit[ahead - 1])
            moves[:, :, 0, 0], moves[:, :, 0, ENDED] = either * (1 - more), either * more
        if self.never_pays.any():
            moves[:, self.never_pays] = np.eye(N_STATES, ENDED + 1, 1)
        return moves


@dataclass(frozen=True, eq=False)
class RememberedMoves:
    """The same moves, those last asked for at hand: cash, provision and chance share them.

    Parameters
    ----------
    moves : Moves
    """

    moves: Moves
    _known: dict[tuple[int, bytes], Array] = field(default_factory=dict, repr=False)

    def at(self, ahead: int, climate: Array) -> Array:
        """Of shape (n_climates, n_cells, N_STATES, 6)."""
        values, place = np.unique(climate, return_inverse=True)
        key = ahead, values.tobytes()
        # the last asked for is the last to be forgotten
        known = self._known.pop(key) if key in self._known else self.moves.at(ahead, values)
        self._known[key] = known
        if len(self._known) > _MOST_KNOWN:
            del self._known[next(iter(self._known))]
        return known if len(climate) == 1 else known[place]


def prepaying_moves(moves: Moves, loans: OpenLoans, prepay_logit: Array) -> StressedMoves:
    """The same moves but for early repayment: see `prepay_logit` of :class:`StressedMoves`."""
    n_cells = int(np.max(loans.cell, initial=-1)) + 1
    return StressedMoves(
        moves=moves,
        origin=np.arange(n_cells),
        step=np.zeros(n_cells, dtype=np.int64),
        offsets=np.zeros(1),
        prepay_logit=prepay_logit,
        never_pays=np.zeros(n_cells, dtype=bool),
    )


def stressed_loans(
    loans: OpenLoans, number: Array, moves: Moves, shock: Shock
) -> tuple[OpenLoans, Array, StressedMoves]:
    """Loans and moves whose expected cash is that under a shock, and how many loans each row is.

    A row of which a share never pays is two, which owe the two parts of it; the money of loans lent
    in a month of another volume is multiplied. A loan at a price above a cap repays as planned and
    pays interest at the cap, with no fee: that is what it then costs a year, however it is repaid.

    Parameters
    ----------
    loans : OpenLoans
    number : float array of shape (n,)
        Loans that each row is.
    moves : Moves
    shock : Shock
    """
    loans = _at_capped_prices(loans, shock)
    added, never_rate, volume = _changed(loans, shock)
    some = np.flatnonzero((never_rate > 0) & (never_rate < 1))
    whole, part = _money(loans, volume), _money(loans, volume * never_rate)
    for name, values in whole.items():
        values[some] -= part[name][some]
    split_number = number * volume
    never_number = (split_number * never_rate)[some]
    split_number[some] -= never_number
    rows = np.append(np.arange(len(volume)), some)
    order = np.argsort(loans.start[rows], kind="stable")
    money = {name: np.append(whole[name], part[name][some], axis=0)[order] for name in _MONEY}
    never = np.append(never_rate >= 1, np.ones(len(some), dtype=bool))
    both, stressed = _split(
        taken(loans, rows[order], **money), moves, shock, added[rows[order]], never[order]
    )
    return both, np.append(split_number, never_number)[order], stressed


def sampled_loans(
    loans: OpenLoans, moves: Moves, shock: Shock, rng: np.random.Generator
) -> tuple[OpenLoans, StressedMoves]:
    """The same with whole loans: which never pay, and which are lent once more or not, by lot.

    Parameters
    ----------
    loans : OpenLoans
    moves : Moves
    shock : Shock
    rng : Generator
    """
    loans = _at_capped_prices(loans, shock)
    added, never_rate, volume = _changed(loans, shock)
    times = np.floor(volume + rng.random(len(volume))).astype(np.int64)
    rows = np.repeat(np.arange(len(times)), times)
    never = rng.random(len(rows)) < never_rate[rows]
    return _split(taken(loans, rows), moves, shock, added[rows], never)


def with_counts(loans: OpenLoans, number: Array) -> OpenLoans:
    """The same loans in one group, and as many in another that count them.

    Each loan of the second group owes `ONE_LOAN` until it has ended: what they owe, default and are
    lent is the number of loans that run, default and are lent.

    Parameters
    ----------
    loans : OpenLoans
    number : float array of shape (n,)
        Loans that each row is.
    """
    n = len(loans.ids)
    runs = np.arange(loans.owed.shape[1]) < loans.left[:, None]
    one = np.rint(ONE_LOAN * number).astype(np.int64)
    rows = np.argsort(np.append(loans.start, loans.start), kind="stable")
    money = {
        "due": np.append(loans.due, np.zeros_like(loans.due), axis=0)[rows],
        "owed": np.append(loans.owed, np.where(runs, one[:, None], 0), axis=0)[rows],
        "fee": np.append(loans.fee, np.zeros_like(loans.fee))[rows],
    }
    twice = {
        name: np.append(getattr(loans, name), getattr(loans, name), axis=0)[rows]
        for name in ("start", "state", "cell", "left", *_RATES)
    }
    idle = {name: np.zeros_like(getattr(loans, name).sum(axis=0)) for name in _IN_DEFAULT}
    return replace(
        loans,
        ids=loans.ids.append(loans.ids).take(rows),
        group=np.repeat([0, 1], n)[rows],
        groups=pd.Index(["money", "loans"]),
        gone=loans.gone and loans.gone.moved(np.zeros(len(loans.groups), dtype=np.int64)),
        **twice,
        **money,
        **{name: np.stack([getattr(loans, name).sum(axis=0), none]) for name, none in idle.items()},
    )


_IN_DEFAULT = "in_default", "in_default_owed", "in_default_loss"


def nothing_in_default(n_groups: int, n_months: int) -> dict[str, Any]:
    """What is in default today, and brings, of so many groups: nothing."""
    return {
        "gone": None,
        "in_default": np.zeros((n_groups, n_months)),
        "in_default_owed": np.zeros(n_groups),
        "in_default_loss": np.zeros((n_groups, n_months + 1)),
    }


def condensed(loans: OpenLoans, number: Array, shock: Shock) -> tuple[OpenLoans, Array, Shock]:
    """Loans of one price that a shock leaves alike as one row each, how many it is, and the shock.

    Their expected cash is the same: of a price, defaults of a cell bring alike. Groups of loans
    that run are not told apart, and all are of the first.

    Parameters
    ----------
    loans : OpenLoans
    number : float array of shape (n,)
        Loans that each row is.
    shock : Shock
        Of any severity: loans are told apart by what it covers.
    """
    parts = [loans.start, loans.cell, loans.state.astype(np.int64), loans.left]
    parts += [one.covers.astype(np.int64) for one in shock.new_loans]
    parts.append(np.unique(loans.effective_rate, return_inverse=True)[1])
    key = np.zeros(len(loans.ids), dtype=np.int64)
    for part in parts:
        # codes of what has been told apart so far, so that keys stay small
        key = np.unique(key, return_inverse=True)[1] * (int(np.max(part, initial=0)) + 1) + part
    _, first, place = np.unique(key, return_index=True, return_inverse=True)
    n = len(first)
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(n))

    def sums(values: Array) -> Array:
        return np.add.reduceat(values[order], starts, axis=0) if n else values

    money = {name: sums(getattr(loans, name)) for name in _MONEY}
    owed = np.maximum(loans.owed[:, 0], 1).astype(float)
    brought = sums(loans.recovered_rate * owed[:, None]) / sums(owed)[:, None]
    alike = np.zeros(n, dtype=loans.group.dtype)
    rows = taken(loans, first, **money, recovered_rate=brought, group=alike)
    worse = tuple(replace(one, covers=one.covers[first]) for one in shock.new_loans)
    together = np.bincount(place, weights=number, minlength=n)
    return rows, together, replace(shock, new_loans=worse)


def _changed(loans: OpenLoans, shock: Shock) -> tuple[Array, Array, Array]:
    """Log-odds added to each loan, the share of it that never pays, and how much of it is lent."""
    new = np.flatnonzero(loans.start > 0)
    month = _month_lent(loans, new, shock)
    added, pays, volume = (np.full(len(loans.ids), one) for one in (0.0, 1.0, 1.0))
    for worse in shock.new_loans:
        hit = worse.covers[new]
        added[new] += np.where(hit, worse.logit[month], 0)
        pays[new] *= np.where(hit, 1 - worse.never_paying_rate[month], 1)
    volume[new] = shock.volume_factor[month]
    return added, 1 - pays, volume


def _month_lent(loans: OpenLoans, new: Array, shock: Shock) -> Array:
    """Position in a path of the months ahead at which each of some new loans is lent."""
    return np.minimum(loans.start[new] - 1, len(shock.climate) - 1)


def _at_capped_prices(loans: OpenLoans, shock: Shock) -> OpenLoans:
    """Interest at the cap of the month in which a loan is lent, where it would cost more."""
    new = np.flatnonzero(loans.start > 0)
    cap = shock.cap_apr[_month_lent(loans, new, shock)] / _MONTHS_A_YEAR
    dear = np.flatnonzero(loans.effective_rate[new] > cap)
    if not len(dear):
        return loans
    at, cap = new[dear], cap[dear]
    owed = loans.owed[at]
    interest = np.rint(cap[:, None] * owed[:, :-1]).astype(np.int64)
    due, fee, rate = loans.due.copy(), loans.fee.copy(), loans.effective_rate.copy()
    due[at, 1:] = np.cumsum(interest, axis=1) + owed[:, :1] - owed[:, 1:]
    fee[at], rate[at] = 0, cap
    return replace(loans, due=due, fee=fee, effective_rate=rate)


def _money(loans: OpenLoans, factor: Array) -> dict[str, Array]:
    """What is due, owed and withheld, multiplied, to the nearest fen."""
    money = {}
    for name in _MONEY:
        values = getattr(loans, name)
        if (factor == 1).all():
            money[name] = values.copy()
            continue
        by = factor.reshape(-1, *[1] * (values.ndim - 1))
        money[name] = np.rint(values * by).astype(np.int64)
    return money


def taken(loans: OpenLoans, rows: Array, **other: Array) -> OpenLoans:
    """Some of the loans, some more than once, and what of them is other than it was."""
    parts = {name: getattr(loans, name)[rows] for name in _OF_LOAN}
    return replace(loans, ids=loans.ids[rows], **(parts | other))


def _split(
    loans: OpenLoans, moves: Moves, shock: Shock, added: Array, never: Array
) -> tuple[OpenLoans, StressedMoves]:
    """Cells split into loans that move alike under the shock, too."""
    steps, step = np.unique(added, return_inverse=True)
    n_cells = int(np.max(loans.cell, initial=-1)) + 1
    shape = max(n_cells, 1), max(len(steps), 1), 2
    key = np.ravel_multi_index((loans.cell, step, never.astype(np.int64)), shape)
    keys, cell = np.unique(key, return_inverse=True)
    origin, step, never_pays = np.unravel_index(keys, shape)
    stressed = StressedMoves(
        moves=moves,
        origin=origin,
        step=step,
        offsets=steps,
        prepay_logit=shock.prepay_logit,
        never_pays=never_pays.astype(bool),
    )
    return replace(loans, cell=cell), stressed

"""The same loans under a shock: worse new ones, some that never pay, other prices and volumes.

Takes loans, their moves and a shock; gives loans and moves that the engine follows as any others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit, logit

from riskkit.arrears import DEFAULT, N_STATES
from riskkit.checks import Array
from riskkit.funding.stress_paths import Shock
from riskkit.runoff import Moves, OpenLoans

__all__ = [
    "ONE_LOAN",
    "StressedMoves",
    "counted",
    "nothing_in_default",
    "sampled_loans",
    "stressed_loans",
]

ENDED = DEFAULT + 1
# of state s to a worse one, as against staying, getting better and being paid off
_WORSE = np.array([[s < to <= DEFAULT for to in range(ENDED + 1)] for s in range(N_STATES)])
# what a loan counts as where loans are counted as money is, so that parts of one can be told
ONE_LOAN = 1_000_000


@dataclass(frozen=True, kw_only=True)
class StressedMoves:
    """Moves of cells that came from others, with other odds.

    Parameters
    ----------
    moves : Moves
    origin : int array of shape (n_cells,)
        The cell of `moves` that each was part of.
    logit : float array of shape (n_cells,)
        Added to the log-odds of getting worse.
    prepay_logit : float array of shape (H,)
        Added, of loans that do not get worse, to the log-odds of being paid off in the month.
    never_pays : bool array of shape (n_cells,)
        Loans that get a month further into arrears every month.
    """

    moves: Moves
    origin: Array
    logit: Array
    prepay_logit: Array
    never_pays: Array

    def at(self, ahead: int, climate: Array) -> Array:
        """Of shape (n_climates, n_cells, N_STATES, 6)."""
        moves = self.moves.at(ahead, climate)[:, self.origin]
        moved = np.flatnonzero(self.logit)
        if len(moved):
            worse = (moves[:, moved] * _WORSE).sum(axis=-1)
            higher = _raised(worse, self.logit[moved][:, None])
            moves[:, moved] = _reshaped(moves[:, moved], _WORSE, worse, higher)
        if self.prepay_logit[ahead - 1]:
            worse = (moves * _WORSE).sum(axis=-1)
            ended = moves[..., ENDED]
            rest = 1 - worse
            part = np.divide(ended, rest, out=np.zeros_like(ended), where=rest > 0)
            more = rest * _raised(np.minimum(part, 1.0), self.prepay_logit[ahead - 1])
            # out of those that stay or get better, so that no more payments are missed
            others = np.zeros(_WORSE.shape[1], dtype=bool)
            others[ENDED] = True
            kept = np.where(_WORSE, moves, 0)
            moves = kept + _reshaped(moves - kept, others[None], ended, more, total=rest)
        if self.never_pays.any():
            moves[:, self.never_pays] = np.eye(N_STATES, ENDED + 1, 1)
        return moves


def stressed_loans(
    loans: OpenLoans,
    moves: Moves,
    shock: Shock,
    capped: Callable[[float], OpenLoans] | None = None,
) -> tuple[OpenLoans, StressedMoves, Array]:
    """Loans and moves whose expected cash is that under a shock, and how much of a loan each is.

    A loan of which a share never pays is two, which owe the two parts of it; the money of a loan
    lent in a month of another volume is multiplied.

    Parameters
    ----------
    loans : OpenLoans
    moves : Moves
    shock : Shock
    capped : callable of a highest price a year to OpenLoans, optional
        The same new loans, in the same order, none at a higher price.

    Raises
    ------
    ValueError
        Prices are capped and nothing says what the loans would be.
    """
    loans, added, never_rate, volume = _changed(loans, shock, capped)
    some = np.flatnonzero((never_rate > 0) & (never_rate < 1))
    whole, part = _money(loans, volume), _money(loans, volume * never_rate)
    for name, values in whole.items():
        values[some] -= part[name][some]
    money = {name: np.append(whole[name], part[name][some], axis=0) for name in _MONEY}
    weight = np.append(volume, (volume * never_rate)[some])
    weight[some] -= weight[len(volume) :]
    rows = np.append(np.arange(len(volume)), some)
    never = np.append(never_rate >= 1, np.ones(len(some), dtype=bool))
    order = np.argsort(loans.start[rows], kind="stable")
    both = _taken(loans, rows[order], {name: values[order] for name, values in money.items()})
    split, stressed = _split(both, moves, shock, added[rows[order]], never[order])
    return split, stressed, weight[order]


def sampled_loans(
    loans: OpenLoans,
    moves: Moves,
    shock: Shock,
    rng: np.random.Generator,
    capped: Callable[[float], OpenLoans] | None = None,
) -> tuple[OpenLoans, StressedMoves]:
    """The same with whole loans: which never pay, and which are lent once more or not, by lot.

    Parameters
    ----------
    loans, moves, shock, capped
        As in :func:`stressed_loans`.
    rng : Generator
    """
    loans, added, never_rate, volume = _changed(loans, shock, capped)
    times = np.floor(volume + rng.random(len(volume))).astype(np.int64)
    rows = np.repeat(np.arange(len(times)), times)
    never = rng.random(len(rows)) < never_rate[rows]
    return _split(_taken(loans, rows, {}), moves, shock, added[rows], never)


def counted(loans: OpenLoans, weight: Array) -> OpenLoans:
    """The same loans, each owing `ONE_LOAN` until it has ended: its balance counts those that run.

    Parameters
    ----------
    loans : OpenLoans
    weight : float array of shape (n,)
        How much of a loan each is.
    """
    runs = np.arange(loans.owed.shape[1]) < loans.left[:, None]
    one = np.rint(ONE_LOAN * weight).astype(np.int64)
    return replace(
        loans,
        due=np.zeros_like(loans.due),
        owed=np.where(runs, one[:, None], 0),
        fee=np.zeros_like(loans.fee),
        recovered_rate=np.zeros_like(loans.recovered_rate),
        **nothing_in_default(len(loans.groups), loans.n_months),
    )


def nothing_in_default(n_groups: int, n_months: int) -> dict[str, Array]:
    """What is in default today, and brings, of so many groups: nothing."""
    return {
        "in_default": np.zeros((n_groups, n_months)),
        "in_default_owed": np.zeros(n_groups),
        "in_default_loss": np.zeros((n_groups, n_months + 1)),
    }


_MONEY = "due", "owed", "fee"
_OF_LOAN = "group", "start", "state", "cell", "left", *_MONEY, "recovered_rate", "effective_rate"


def _changed(
    loans: OpenLoans, shock: Shock, capped: Callable[[float], OpenLoans] | None
) -> tuple[OpenLoans, Array, Array, Array]:
    """Loans at other prices; and log-odds, share that never pays and volume of each."""
    new = np.flatnonzero(loans.start > 0)
    month = np.clip(loans.start[new] - 1, 0, len(shock.climate) - 1)
    loans = _at_capped_prices(loans, new, shock.cap_apr[month], capped)
    added, pays, volume = (np.full(len(loans.ids), one) for one in (0.0, 1.0, 1.0))
    for worse in shock.new_loans:
        hit = worse.covers[new]
        added[new] += np.where(hit, worse.logit[month], 0)
        pays[new] *= np.where(hit, 1 - worse.never_paying_rate[month], 1)
    volume[new] = shock.volume_factor[month]
    return loans, added, 1 - pays, volume


def _at_capped_prices(
    loans: OpenLoans, new: Array, cap: Array, capped: Callable[[float], OpenLoans] | None
) -> OpenLoans:
    """Due, owed and withheld of new loans under the cap of the month in which each is lent."""
    caps = np.unique(cap[np.isfinite(cap)])
    if not len(caps) or not len(new):
        return loans
    if capped is None:
        raise ValueError("a cap on prices needs new loans at other prices, got none")
    money = {name: getattr(loans, name).copy() for name in _MONEY}
    for highest in caps:
        cheaper = capped(float(highest))
        if list(cheaper.ids) != list(loans.ids[new]):
            raise ValueError("loans under a cap must be the new loans in the same order")
        at = np.flatnonzero(cap == highest)
        for name, values in money.items():
            given = getattr(cheaper, name)[at]
            if given.ndim > 1:  # level after the last instalment of the longest
                width = np.minimum(np.arange(values.shape[1]), given.shape[1] - 1)
                given = given[:, width]
            values[new[at]] = given
    return replace(loans, **money)


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


def _taken(loans: OpenLoans, rows: Array, money: dict[str, Array]) -> OpenLoans:
    """Some of the loans, some more than once, and what they owe where it is another amount."""
    parts = {name: getattr(loans, name)[rows] for name in _OF_LOAN}
    return replace(loans, ids=loans.ids[rows], **(parts | money))


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
        logit=steps[step],
        prepay_logit=shock.prepay_logit,
        never_pays=never_pays.astype(bool),
    )
    return replace(loans, cell=cell), stressed


def _raised(p: Array, added: Array | float) -> Array:
    """Probabilities whose log-odds are so much higher; 0 and 1 stay."""
    with np.errstate(divide="ignore"):
        return expit(logit(p) + added)


def _reshaped(
    moves: Array, among: Array, now: Array, then: Array, *, total: Array | float = 1.0
) -> Array:
    """Moves whose sum over some columns is no longer `now` but `then`, all else in proportion."""
    rest, left = total - now, total - then
    up = np.divide(then, now, out=np.ones_like(now), where=now > 0)
    down = np.divide(left, rest, out=np.ones_like(now), where=rest > 0)
    return moves * np.where(among, up[..., None], down[..., None])

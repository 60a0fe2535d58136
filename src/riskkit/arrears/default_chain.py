"""When a loan will first be in default: a chain of arrears by age, fitted to counts of moves.

Takes the moves of :mod:`riskkit.arrears.moves_in_arrears` and, where one is at hand, the climate by
calendar month; gives an :class:`ArrearsChain`, and from it probabilities by month ahead.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import expit

from riskkit.arrears.climate_effects import TINY, WORSE, ClimateEffects, fit_climate, log_odds
from riskkit.arrears.moves_in_arrears import DEFAULT, N_STATES, TO_COLUMNS
from riskkit.checks import Array

__all__ = [
    "ArrearsChain",
    "OddsOfMoves",
    "band_levels",
    "cell_codes",
    "default_probabilities",
    "fit_chain",
    "moves_in_month",
    "performing_probabilities",
]

_N_TO = len(TO_COLUMNS)
# standard deviation of a band's log-odds of rolling on before any loan is seen
_BAND_SD = 0.5
# and of what it is at some ages beside all ages: a score tells less the longer ago it was given
_BAND_AGE_SD = 0.25


@dataclass(frozen=True)
class ArrearsChain:
    """Moves of loans between months in arrears, by age, fitted by :func:`fit_chain`.

    Parameters
    ----------
    kinds, bands : Index
        Kinds of loans told apart by moves of their own; bands by the odds of getting worse.
    moves : float array of shape (n_kinds, n_mobs, N_STATES, n_mobs, N_STATES, 6)
        Probability of each move of a loan found at `found_mob` in `found_state`, by the age and
        state moved from.
    band_logits : float array of shape (n_bands, n_mobs, N_STATES)
        Added to the log-odds of getting worse, by age and state moved from.
    band_shares : float array of shape (n_kinds, n_mobs, N_STATES, n_bands)
        Of the loans found so, which share was of each band.
    climate : ClimateEffects
    """

    kinds: pd.Index
    bands: pd.Index
    moves: Array
    band_logits: Array
    band_shares: Array
    climate: ClimateEffects

    @property
    def usual_climate(self) -> float:
        """Mean over the cells of the climate in which moves were seen; 0 without climate."""
        return float(np.mean(self.climate.usual[:, :, 0, 0]))


def fit_chain(
    monthly: pd.DataFrame,
    landmarks: pd.DataFrame,
    *,
    climate: pd.Series | None = None,
    least_loans: float = 10.0,
) -> ArrearsChain:
    """Chain of arrears from counted moves, each cell drawn towards a wider one where it is thin.

    A move's probability is that of loans of the kind that were found in the same state at the same
    age, p = (n·own + w·wider) ÷ (n + w). Wider than a landmark's own moves are those of loans found
    in its state at any earlier age; wider than these, those of all loans of the kind at that age in
    that state; wider than these, those of all kinds with as many months left; wider than these,
    those of the state.

    Parameters
    ----------
    monthly : DataFrame
        Of :func:`riskkit.arrears.monthly_moves`.
    landmarks : DataFrame
        Of :func:`riskkit.arrears.landmark_moves`.
    climate : Series, index of months "YYYY-MM" or dates, optional
        In log-odds of a missed payment, or any index that rises with them, for every month in which
        moves were counted. Its slopes are estimated, from a normal prior of mean and sd 0.5.
    least_loans : float
        w: a cell of so many loans counts as much as the wider one.

    Returns
    -------
    ArrearsChain

    Raises
    ------
    ValueError
        No move was counted, `least_loans` is not positive, or a month has no climate.

    Source
    ------
    riskkit definition; landmarks after Putter, Spitoni (2018).
    """
    if monthly.empty:
        raise ValueError("a chain needs moves, got a panel without two months of any loan")
    if not least_loans > 0:
        raise ValueError(f"least_loans must be > 0, got {least_loans!r}")
    kinds, bands = (monthly.index.unique(name).sort_values() for name in ("kind", "band"))
    n_mobs = int(monthly.index.get_level_values("mob").max()) + 2
    kind, band, mob, state = _codes(monthly, kinds, bands)
    counts = monthly[TO_COLUMNS].to_numpy(float)

    by_age = np.zeros((len(kinds), n_mobs, N_STATES, _N_TO))
    np.add.at(by_age, (kind, mob, state), counts)
    age_moves = _shrunk_by_age(by_age, least_loans)
    cell = kind, mob, state
    band_logits = _band_logits(age_moves, counts, cell, band, len(bands))
    felt = fit_climate(monthly, age_moves, cell, band_logits[band, mob, state], climate)
    moves = _landmark_moves(landmarks, kinds, age_moves, least_loans)

    found = np.zeros((len(kinds), n_mobs, N_STATES, len(bands)))
    np.add.at(found, (kind, mob, state, band), counts.sum(axis=1))
    of_state = found.sum(axis=(0, 1)) + TINY
    shares = _mixed(found, of_state / of_state.sum(axis=1, keepdims=True), least_loans)
    return ArrearsChain(
        kinds=kinds,
        bands=bands,
        moves=moves,
        band_logits=band_logits,
        band_shares=shares,
        climate=felt,
    )


def default_probabilities(
    chain: ArrearsChain,
    loans: pd.DataFrame,
    n_months: int,
    *,
    climate: Array | None = None,
) -> pd.DataFrame:
    """Probability that each kind of loan is first in default h months ahead.

    Parameters
    ----------
    chain : ArrearsChain
    loans : DataFrame
        `kind`, `band`, `mob`, `state` (months in arrears, 0..3); any number of rows, each distinct
        combination of which is followed once.
    n_months : int
        How far ahead.
    climate : array of shape (n_months,), optional
        Of the months ahead; as in the past where it is not given.

    Returns
    -------
    DataFrame of shape (n_rows, n_months), the index of `loans`, columns 1..n_months
        Fractions; a row sums to at most 1.

    Raises
    ------
    ValueError
        A kind that the chain was not fitted on.

    Source
    ------
    Forward (Chapman–Kolmogorov) recursion of a finite Markov chain.
    """
    return _followed(chain, loans, n_months, climate)[0].set_axis(range(1, n_months + 1), axis=1)


def performing_probabilities(
    chain: ArrearsChain, loans: pd.DataFrame, n_months: int
) -> pd.DataFrame:
    """Probability that each kind of loan runs h months ahead, and was never in default.

    Parameters
    ----------
    chain, loans, n_months
        As in :func:`default_probabilities`, in the climate of the past.

    Returns
    -------
    DataFrame of shape (n_rows, n_months + 1), the index of `loans`, columns 0..n_months
        Fractions, 1 in column 0.

    Source
    ------
    Forward (Chapman–Kolmogorov) recursion of a finite Markov chain.
    """
    running = _followed(chain, loans, n_months, None)[1]
    return running.set_axis(range(n_months + 1), axis=1)


def cell_codes(chain: ArrearsChain, loans: pd.DataFrame) -> tuple[list[Array], Array]:
    """Positions of loans in a chain's moves: (kind, mob, state), and band, -1 of none it knows.

    Parameters
    ----------
    chain : ArrearsChain
    loans : DataFrame
        `kind`, `band`, `mob`, `state`.

    Raises
    ------
    ValueError
        A kind that the chain was not fitted on.
    """
    kind = chain.kinds.get_indexer(pd.Index(loans["kind"]))
    if (kind < 0).any():
        strange = loans["kind"][kind < 0].iloc[0]
        raise ValueError(f"kind must be one the chain knows, got {strange!r}")
    band = chain.bands.get_indexer(pd.Index(loans["band"]))
    mob = np.minimum(loans["mob"].to_numpy(np.int64), chain.moves.shape[1] - 1)
    return [kind, mob, loans["state"].to_numpy(np.int64)], band


def band_levels(chain: ArrearsChain, cells: list[Array], band: Array, n_months: int) -> Array:
    """Constants added to the log-odds of getting worse, by month ahead, loan and state moved from.

    A band's loans are better or worse than the others by its log-odds plus constants of the cell,
    which keep the mean over the cell's bands at what was counted in every month ahead: the counts
    hold already that the worse bands leave first.

    Parameters
    ----------
    chain : ArrearsChain
    cells, band
        Of :func:`cell_codes`.
    n_months : int

    Returns
    -------
    float array of shape (n_months, n_loans, N_STATES)
        0 for loans of no band, and where the chain knows one band only.
    """
    level = np.zeros((n_months, len(band), N_STATES))
    if len(chain.bands) > 1:
        pairs, of_cell = np.unique(np.stack(cells), axis=1, return_inverse=True)
        level = _levels(chain, pairs, n_months)[:, of_cell]
        level[:, band < 0] = 0
    return level


@dataclass(frozen=True)
class OddsOfMoves:
    """Moves told by the odds of getting worse, which may be shifted, all else in proportion.

    Parameters
    ----------
    worse : float array of shape (..., N_STATES)
        Log-odds of getting worse.
    none_worse : float array of shape (..., N_STATES, 6)
        The moves if none got worse.
    all_worse : float array of the same shape
        What is added to them if all did. Nothing of a state in which all or none do: it stays.
    """

    worse: Array
    none_worse: Array
    all_worse: Array

    @classmethod
    def of(cls, moves: Array) -> OddsOfMoves:
        """Of moves of shape (..., N_STATES, 6)."""
        worse = (moves * WORSE).sum(axis=-1)
        is_sure = ((worse <= 0) | (worse >= 1))[..., None]
        whole = np.where(WORSE, worse[..., None], 1 - worse[..., None])
        shares = moves / np.where(is_sure, 1, whole)
        return cls(
            worse=log_odds(worse),
            none_worse=np.where(is_sure | ~WORSE, shares, 0),
            all_worse=np.where(is_sure, 0, np.where(WORSE, shares, -shares)),
        )

    def shifted(self, logits: Array) -> Array:
        """Moves whose log-odds of getting worse are so much higher, of shape (..., N_STATES, 6)."""
        moves: Array = self.none_worse + self.all_worse * expit(self.worse + logits)[..., None]
        return moves


def moves_in_month(
    chain: ArrearsChain, cells: list[Array], band: Array, level: Array, age: int | Array
) -> OddsOfMoves:
    """Moves of loans that were found so many months ago, in the climate in which they were seen.

    Parameters
    ----------
    chain : ArrearsChain
    cells, band
        Of :func:`cell_codes`, n loans.
    level : float array of shape (n, N_STATES)
        Of :func:`band_levels`, in that month.
    age : int, or int array of shape (n,)
        Months from the month-end at which a loan was found to the one moved from.

    Returns
    -------
    OddsOfMoves
        Of shape (n, N_STATES).
    """
    kind, found_mob, found_state = cells
    last = chain.moves.shape[1] - 1
    # the row after the last is of those of no band, whose code is -1
    of_band = np.concatenate([chain.band_logits, np.zeros((1, last + 1, N_STATES))])
    mob = np.minimum(found_mob + age, last)
    odds = OddsOfMoves.of(chain.moves[kind, found_mob, found_state, mob])
    return replace(odds, worse=odds.worse + level + of_band[band, mob])


def _followed(
    chain: ArrearsChain, loans: pd.DataFrame, n_months: int, climate: Array | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """First defaults and running loans by month ahead, each combination followed once."""
    (kind, mob, state), band = cell_codes(chain, loans)
    shape = len(chain.kinds), chain.moves.shape[1], N_STATES, len(chain.bands) + 1
    key = np.ravel_multi_index((kind, mob, state, band + 1), shape)
    place, keys = pd.factorize(key)
    cells = [np.asarray(part) for part in np.unravel_index(keys, shape)]
    ahead = None if climate is None else np.asarray(climate, dtype=float)
    found = _paths(chain, cells[:3], cells[3] - 1, n_months, ahead)
    defaults, running = (pd.DataFrame(part[place], index=loans.index) for part in found)
    return defaults, running


def _paths(
    chain: ArrearsChain,
    cells: list[Array],
    band: Array,
    n_months: int,
    climate: Array | None,
) -> tuple[Array, Array]:
    """First defaults and running loans by month ahead of cells (kind, mob, state) and bands."""
    kind, found_mob, found_state = cells
    level = band_levels(chain, cells, band, n_months)
    n = len(kind)
    mass = np.zeros((n, N_STATES))
    mass[np.arange(n), found_state] = 1
    result, running = np.zeros((n, n_months)), np.ones((n, n_months + 1))
    felt = chain.climate
    lived = felt.lived[kind, found_mob]
    for ahead in range(n_months):
        logits = np.zeros((n, N_STATES))
        if climate is not None:
            mob = np.minimum(found_mob + ahead, chain.moves.shape[1] - 1)
            logits = felt.logits(kind, mob, climate[ahead], lived)
            lived = lived + felt.worse_rates[kind, mob] * climate[ahead]
        moves = moves_in_month(chain, cells, band, level[ahead], ahead).shifted(logits)
        after = np.einsum("ns,nst->nt", mass, moves)
        result[:, ahead] = after[:, DEFAULT]
        mass = after[:, :N_STATES]
        running[:, ahead + 1] = mass.sum(axis=1)
    return result, running


def _levels(chain: ArrearsChain, cells: Array, n_months: int) -> Array:
    """Constants that keep the mean over bands at the moves counted, by month, cell and state."""
    kind, found_mob, found_state = cells
    n, last = len(kind), chain.moves.shape[1] - 1
    shares = chain.band_shares[kind, found_mob, found_state]
    mass = np.zeros((n, len(chain.bands), N_STATES))
    mass[np.arange(n), :, found_state] = shares
    levels = np.zeros((n_months, n, N_STATES))
    for ahead in range(n_months):
        mob = np.minimum(found_mob + ahead, last)
        moves = chain.moves[kind, found_mob, found_state, mob]
        own = chain.band_logits[:, mob].transpose(1, 0, 2)
        target = (moves * WORSE).sum(axis=-1)
        weight = mass / np.maximum(mass.sum(axis=1, keepdims=True), TINY)
        base = log_odds(target)[:, None] + own
        for _ in range(5):
            p = expit(base + levels[ahead][:, None])
            slope = np.maximum((weight * p * (1 - p)).sum(axis=1), TINY)
            gap = (target - (weight * p).sum(axis=1)) * (weight.sum(axis=1) > 0.5)
            levels[ahead] += np.clip(gap / slope, -1, 1)
        shifted = OddsOfMoves.of(moves[:, None]).shifted(own + levels[ahead][:, None])
        mass = np.einsum("nbs,nbst->nbt", mass, shifted)[..., :N_STATES]
    return levels


def _shrunk_by_age(counts: Array, weight: float) -> Array:
    """Moves by (kind, mob, state): own, else of all kinds as far from their end, else the state."""
    n_mobs = counts.shape[1]
    of_state = counts.sum(axis=(0, 1))
    prior = np.full((N_STATES, _N_TO), TINY)
    prior[:, 0] = 1  # nothing was ever seen: paid up
    of_state = (of_state + prior * TINY) / (of_state.sum(axis=1, keepdims=True) + TINY)
    of_state /= of_state.sum(axis=1, keepdims=True)
    # loans of one kind run equally long: align kinds by their last age without arrears
    current = counts[:, :, 0].sum(axis=2) > 0
    end = np.where(current.any(axis=1), n_mobs - 1 - current[:, ::-1].argmax(axis=1), 0)
    left = end[:, None] - np.arange(n_mobs)[None, :] + n_mobs
    by_left = np.zeros((2 * n_mobs + 1, N_STATES, _N_TO))
    np.add.at(by_left, left, counts)
    wide = _mixed(by_left, of_state[None], weight)
    return _mixed(counts, wide[left], weight)


def _mixed(counts: Array, wider: Array, weight: float) -> Array:
    n = counts.sum(axis=-1, keepdims=True)
    return (counts + weight * wider) / (n + weight)


def _landmark_moves(
    landmarks: pd.DataFrame, kinds: pd.Index, age_moves: Array, weight: float
) -> Array:
    n_mobs = age_moves.shape[1]
    shape = (len(kinds), n_mobs, N_STATES, n_mobs, N_STATES, _N_TO)
    counts = np.zeros(shape)
    index = landmarks.index
    at = (
        kinds.get_indexer(index.get_level_values("kind")),
        *(index.get_level_values(name) for name in ("found_mob", "found_state", "mob", "state")),
    )
    np.add.at(counts, at, landmarks[TO_COLUMNS].to_numpy(float))
    ever_found = _mixed(counts.sum(axis=1), age_moves[:, None], weight)
    own = _mixed(counts, ever_found[:, None], weight)
    # the first move from a landmark is one of all loans found there, which no earlier state splits
    mobs = np.arange(n_mobs)
    for state in range(N_STATES):
        own[:, mobs, state, mobs, state] = age_moves[:, :, state]
    return own


def _band_logits(
    age_moves: Array, counts: Array, cell: tuple[Array, Array, Array], band: Array, n_bands: int
) -> Array:
    """Log-odds of getting worse of each band beside all loans of the cell, by age and state.

    A band's effect is drawn towards none, and that of an age towards the band's at all ages.
    """
    n_mobs = age_moves.shape[1]
    if n_bands < 2:
        return np.zeros((n_bands, n_mobs, N_STATES))
    base = log_odds((age_moves * WORSE).sum(axis=-1))[cell]
    n = counts.sum(axis=1)
    worse = (counts * WORSE[cell[2]]).sum(axis=1)
    # ages taken together that lie between one power of two and the next: 0, 1 to 2, 3 to 6, ...
    ages = np.log2(np.arange(n_mobs) + 1).astype(np.int64)
    group = band * N_STATES + cell[2]
    overall = _drawn_effects(base, worse, n, group, n_bands * N_STATES, _BAND_SD)
    by_age = group * (ages[-1] + 1) + ages[cell[1]]
    size = n_bands * N_STATES * (ages[-1] + 1)
    own = _drawn_effects(base + overall[group], worse, n, by_age, size, _BAND_AGE_SD)
    found = overall.reshape(n_bands, N_STATES, 1) + own.reshape(n_bands, N_STATES, -1)
    return found[:, :, ages].transpose(0, 2, 1)


def _drawn_effects(
    base: Array, worse: Array, n: Array, group: Array, size: int, sd: float
) -> Array:
    """Log-odds of each group beside its base, from a normal prior around none; Newton's method."""
    result = np.zeros(size)
    for _ in range(25):
        p = expit(base + result[group])
        slope = np.bincount(group, n * p * (1 - p), size) + 1 / sd**2
        gap = np.bincount(group, worse - n * p, size) - result / sd**2
        step = np.clip(gap / slope, -1, 1)
        result += step
        if np.abs(step).max(initial=0) < 1e-8:
            break
    return result


def _codes(
    monthly: pd.DataFrame, kinds: pd.Index, bands: pd.Index
) -> tuple[Array, Array, Array, Array]:
    index = monthly.index
    return (
        kinds.get_indexer(index.get_level_values("kind")),
        bands.get_indexer(index.get_level_values("band")),
        index.get_level_values("mob").to_numpy(),
        index.get_level_values("state").to_numpy(),
    )

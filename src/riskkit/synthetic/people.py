"""Who is behind an application: customers who return, rings, arrival, and what moves a person.

Takes application numbers; gives what does not show in any column. Whatever links applications lies
within one group of consecutive numbers and looks backwards only, so that a group can be drawn
alone, and the first n applications are those of any larger world.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from riskkit.synthetic.draws import normal, uniform
from riskkit.synthetic.lender import Lender

__all__ = ["FACTORS", "GROUP", "People", "draw_people", "factor_weight"]

GROUP = 64  # consecutive applications within which people return and rings form
MOST_APPLICATIONS = 4  # of one customer
RETURN_MONTHS = 12  # after which nobody returns
RING_GAP = 1e-4  # of the whole period: a ring of 20 strikes within two days of three years

# What moves a person, as standard normals. Higher capacity, willingness and liquidity are safer,
# higher pressure (debts with several lenders) is riskier, and above a threshold of fraud intent
# hardly anything is ever paid; seniority is what age shows, and circumstance what no feature shows:
# it sets how far below the truth the best model must stay.
FACTORS = (
    "capacity",
    "willingness",
    "liquidity",
    "pressure",
    "fraud_intent",
    "seniority",
    "circumstance",
)
CORRELATION = np.array(
    [
        [1.00, 0.20, 0.40, -0.25, 0.00, 0.30, 0.00],
        [0.20, 1.00, 0.25, -0.30, -0.20, 0.10, 0.00],
        [0.40, 0.25, 1.00, -0.45, 0.00, 0.05, 0.00],
        [-0.25, -0.30, -0.45, 1.00, 0.00, -0.05, 0.00],
        [0.00, -0.20, 0.00, 0.00, 1.00, 0.00, 0.00],
        [0.30, 0.10, 0.05, -0.05, 0.00, 1.00, 0.00],
        [0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 1.00],
    ]
)


@dataclass(frozen=True)
class People:
    """What is behind a block of applications.

    Parameters
    ----------
    index : int array of shape (n,)
        Number of each application.
    earlier : list of int arrays of shape (n,)
        Number of the customer's last application before this one, of the one before that, …;
        −1 where there is none.
    person : int array
        Number of the application that first brought the customer.
    time : float array
        Moment of application in months from the first month on.
    ring : int array
        Number of the group whose ring the customer belongs to, −1 where to none.
    ring_rank : int array
        How many of the ring applied before, 0 for who is in none.
    phone : int array
        Number of the person whose phone it is; a ring shares its first member's.
    factors : dict of float arrays
        By name, from FACTORS.
    fraud : bool array
        Whether the person never means to pay.
    """

    index: np.ndarray
    earlier: list[np.ndarray]
    person: np.ndarray
    time: np.ndarray
    ring: np.ndarray
    ring_rank: np.ndarray
    phone: np.ndarray
    factors: dict[str, np.ndarray]
    fraud: np.ndarray

    @property
    def n_before(self) -> np.ndarray:
        """How many applications of the same customer came before each."""
        count = np.zeros(len(self.index), dtype=np.int64)
        for earlier in self.earlier:
            count += earlier >= 0
        return count


def draw_people(lender: Lender, index: np.ndarray, seed: int) -> People:
    """People behind the applications of the given numbers.

    Parameters
    ----------
    lender : Lender
    index : int array of shape (n,)
        From 0.
    seed : int

    Returns
    -------
    People
        Each row depends on its own group and seed alone, and on nobody after it.
    """
    groups, position = np.unique(index // GROUP, return_inverse=True)
    drawn = _groups(lender, groups, seed)
    place = index % GROUP
    person = groups[position] * GROUP + drawn.first[position, place]
    in_ring = drawn.in_ring[position, place]
    ring_phone = groups[position] * GROUP + drawn.in_ring.argmax(axis=1)[position]
    threshold = ndtri(1 - np.clip(lender.fraud_rate, 1e-6, 1 - 1e-6))
    factors = _factors(person, seed)
    of_ring = threshold + np.abs(factors["fraud_intent"])
    factors["fraud_intent"] = np.where(in_ring, of_ring, factors["fraud_intent"])
    return People(
        index=index,
        earlier=[
            np.where(at >= 0, groups[position] * GROUP + at, -1)
            for at in _earlier_places(drawn.before, position, place)
        ],
        person=person,
        time=drawn.time[position, place],
        ring=np.where(in_ring, groups[position], -1),
        ring_rank=drawn.ring_rank[position, place],
        phone=np.where(in_ring, ring_phone, person),
        factors=factors,
        fraud=factors["fraud_intent"] > threshold,
    )


def factor_weight(loadings: dict[str, float]) -> float:
    """Variance that loadings on the factors amount to."""
    weights = np.array([loadings.get(name, 0.0) for name in FACTORS])
    return float(weights @ CORRELATION @ weights)


@dataclass(frozen=True)
class _Groups:
    """Whole groups of applications; arrays of shape (n_groups, GROUP), by place in the group.

    Parameters
    ----------
    first : int array
        Place of the customer's first application.
    before : int array
        Place of the customer's last application before this one, −1 where there is none.
    time : float array
        Months from the first month on.
    in_ring : bool array
    ring_rank : int array
        How many of the ring came before; 0 for who is in none.
    """

    first: np.ndarray
    before: np.ndarray
    time: np.ndarray
    in_ring: np.ndarray
    ring_rank: np.ndarray


def _groups(lender: Lender, groups: np.ndarray, seed: int) -> _Groups:
    """Arrival, rings and returning customers, place by place, all groups at once."""
    numbers = groups[:, None] * GROUP + np.arange(GROUP)

    def draw(purpose: str) -> np.ndarray:
        return uniform(seed, numbers.ravel(), purpose).reshape(numbers.shape)

    arrived = _arrived(lender)
    share = draw("arrival")
    in_ring = np.zeros(numbers.shape, dtype=bool)
    if lender.scenario == "fraud_ring":
        struck = uniform(seed, groups, "ring") < lender.ring_rate
        in_ring = struck[:, None] & (draw("ring.member") < lender.ring_member_rate)
    ring_rank = np.where(in_ring, np.cumsum(in_ring, axis=1) - 1, 0)
    # a ring strikes once, after the onset, one member soon after another
    start = arrived[lender.onset_index]
    strike = start + (1 - start) * 0.95 * uniform(seed, groups, "ring.strike")
    share = np.where(in_ring, strike[:, None] + ring_rank * RING_GAP, share)
    time = np.interp(share, arrived, np.arange(lender.n_months + 1))

    returns = (draw("returning") < lender.returning_rate) & ~in_ring
    choice = draw("returning.to")
    first = np.tile(np.arange(GROUP), (len(groups), 1))
    before = np.full_like(first, -1)
    n_applications = np.ones_like(first)
    is_latest = ~in_ring  # of its customer, who may come again
    for place in range(1, GROUP):
        wait = time[:, place, None] - time[:, :place]
        may = is_latest[:, :place] & (wait > 0) & (wait <= RETURN_MONTHS)
        n_candidates = may.sum(axis=1)
        rows = np.flatnonzero(returns[:, place] & (n_candidates > 0))
        chosen = np.floor(choice[rows, place] * n_candidates[rows])
        at = (np.cumsum(may[rows], axis=1) <= chosen[:, None]).sum(axis=1)
        first[rows, place], before[rows, place] = first[rows, at], at
        n_applications[rows, place] = n_applications[rows, at] + 1
        is_latest[rows, at] = False
        is_latest[rows, place] = n_applications[rows, place] < MOST_APPLICATIONS
    return _Groups(first, before, time, in_ring, ring_rank)


def _earlier_places(
    before: np.ndarray, position: np.ndarray, place: np.ndarray
) -> list[np.ndarray]:
    """Places of the customer's earlier applications, the latest first; −1 where there is none."""
    lineage: list[np.ndarray] = []
    at: np.ndarray = before[position, place]
    while (at >= 0).any():
        lineage.append(at)
        at = np.where(at >= 0, before[position, at], -1)
    return lineage


def _arrived(lender: Lender) -> np.ndarray:
    """Share of all applications that have come by each month's start, shape (n_months + 1,)."""
    volume = (1 + lender.monthly_growth_rate) ** np.arange(lender.n_months)
    volume = volume * (1 + lender.growth_volume_rate * lender.built_up("growth", lender.n_months))
    return np.concatenate([[0.0], np.cumsum(volume) / volume.sum()])


def _factors(person: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    root = np.linalg.cholesky(CORRELATION)
    noise = [normal(seed, person, f"factor.{name}") for name in FACTORS]
    factors = {}
    for i, name in enumerate(FACTORS):
        # a plain sum in fixed order: a matrix product may round differently for another block size
        total = np.zeros(len(person))
        for j in range(i + 1):
            if root[i, j]:
                total += root[i, j] * noise[j]
        factors[name] = total
    return factors

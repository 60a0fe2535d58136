"""What is done for loans in arrears: re-ages, extensions, restructurings and settlements.

Takes the states of booked loans as they would be if nothing were done; gives which loan is granted
what, in which month, and by how many months its due dates move.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskkit.schema import CONTRACT
from riskkit.synthetic.draws import uniform
from riskkit.synthetic.lender import Lender

__all__ = ["TREATMENTS", "Relief", "granted"]

TREATMENTS = CONTRACT["performance"]["treatment"].one_of
TREATED_ARREARS = (2, 3)  # months in arrears at which something is done
EXTENSION_MONTHS = 1
RESPITE_MONTHS = 3  # a restructured plan starts this long after the arrears it takes in
RE_AGE, EXTENSION, RESTRUCTURING, SETTLEMENT = range(len(TREATMENTS))


@dataclass(frozen=True)
class Relief:
    """What was granted to each loan, once in its life at most.

    Parameters
    ----------
    kind : int8 array of shape (n,)
        Position in :data:`TREATMENTS`, −1 of loans that are granted nothing.
    mob : int array
        Month on book in which it is granted; beyond the last where nothing is.
    months : int array
        By how many months the due dates of all unpaid instalments move from then on.
    """

    kind: np.ndarray
    mob: np.ndarray
    months: np.ndarray

    @property
    def settled(self) -> np.ndarray:
        """Which loans end with a settlement."""
        return self.kind == SETTLEMENT

    def moved(self, loan: np.ndarray, mob: np.ndarray) -> np.ndarray:
        """Months by which due dates have moved, of given loans in given months on book."""
        return np.where(mob >= self.mob[loan], self.months[loan], 0)


def granted(lender: Lender, index: np.ndarray, states: np.ndarray, seed: int) -> Relief:
    """Which loans are treated, when and how, by their arrears at the month-end before.

    Whether a borrower pays is drawn as if nothing were done, so that arrears only look better: a
    re-age moves the due dates by the months in arrears, so that none are left; an extension by one
    month; a restructuring by three months more than the arrears. A settlement ends the loan.

    Parameters
    ----------
    lender : Lender
    index : int array of shape (n,)
        Numbers of the applications.
    states : int8 array of shape (n, lender.last_state_mob + 1)
        From :func:`riskkit.synthetic.chain.sample_states`.
    seed : int

    Source
    ------
    riskkit definition; the kinds after FFIEC (2000), Uniform Retail Credit Classification and
    Account Management Policy, 65 FR 36903.
    """
    n = len(index)
    kind = np.full(n, -1, dtype=np.int8)
    mob = np.full(n, lender.last_mob + 1)
    months = np.zeros(n, dtype=np.int64)
    if not lender.treatment_rate:
        return Relief(kind=kind, mob=mob, months=months)
    ends = np.cumsum(lender.treatment_shares)
    for month in range(min(TREATED_ARREARS) + 1, lender.last_state_mob + 1):
        arrears = states[:, month - 1]
        rows = np.flatnonzero(np.isin(arrears, TREATED_ARREARS) & (kind < 0))
        rows = rows[uniform(seed, index[rows], "treatment", month) < lender.treatment_rate]
        drawn = uniform(seed, index[rows], "treatment.kind") * ends[-1]
        kind[rows] = np.searchsorted(ends[:-1], drawn, side="right")
        mob[rows] = month
        owed = arrears[rows].astype(np.int64)
        months[rows] = np.select(
            [kind[rows] == RE_AGE, kind[rows] == EXTENSION, kind[rows] == RESTRUCTURING],
            [owed, EXTENSION_MONTHS, owed + RESPITE_MONTHS],
            0,
        )
    return Relief(kind=kind, mob=mob, months=months)

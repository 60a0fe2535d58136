"""What the lender remembers of a customer: loans so far, and how they stood at the last month-end.

Filled generation by generation, since a second loan is decided on what the first one did.
"""

from __future__ import annotations

import numpy as np

from riskkit.synthetic.features import HISTORY, NO_LOAN
from riskkit.synthetic.people import People

__all__ = ["History"]


class History:
    """Loans of a block's applications so far.

    Parameters
    ----------
    index : int array of shape (n,), ascending
        Numbers of the applications that will ever be added.
    last_mob : int
        Last month on book that has a state.
    """

    def __init__(self, index: np.ndarray, last_mob: int):
        self.index = index
        self.month = np.zeros(len(index), dtype=np.int64)
        self.booked = np.zeros(len(index), dtype=bool)
        self.states = np.zeros((len(index), last_mob + 1), dtype=np.int8)

    def add(
        self, index: np.ndarray, month: np.ndarray, states: np.ndarray, booked: np.ndarray
    ) -> None:
        """Enter decided applications: month, states by month on book, whether booked."""
        at = np.searchsorted(self.index, index)
        self.month[at], self.booked[at], self.states[at] = month, booked, states

    def seen_by(
        self, people: People, month: np.ndarray
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Features of the customers' earlier loans, and whether one of them is in arrears.

        Parameters
        ----------
        people : People
        month : int array of shape (n,)
            Month of application; payments are seen up to the month-end before it.

        Returns
        -------
        features : dict of float arrays of shape (n,)
            Those of HISTORY; NO_LOAN throughout for who had no loan.
        in_arrears : bool array of shape (n,)
            At that month-end, or charged off.
        """
        n = len(month)
        loans, worst, since = np.zeros(n), np.zeros(n), np.full(n, np.inf)
        in_arrears = np.zeros(n, dtype=bool)
        for earlier in people.earlier:
            at = np.searchsorted(self.index, np.maximum(earlier, 0))
            at = np.minimum(at, len(self.index) - 1)
            had_loan = (earlier >= 0) & self.booked[at]
            age = month - self.month[at]
            seen = np.clip(age - 1, 0, self.states.shape[1] - 1)
            states = np.maximum(self.states[at], 0)
            worst_so_far = np.maximum.accumulate(states, axis=1)[np.arange(n), seen]
            loans += had_loan
            worst = np.where(had_loan, np.maximum(worst, worst_so_far), worst)
            since = np.where(had_loan, np.minimum(since, age), since)
            in_arrears |= had_loan & (states[np.arange(n), seen] > 0)
        found = dict(zip((feature.name for feature in HISTORY), (loans, worst, since), strict=True))
        return {name: np.where(loans > 0, v, NO_LOAN) for name, v in found.items()}, in_arrears

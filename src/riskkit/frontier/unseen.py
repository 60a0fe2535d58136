"""How those would repay whom nobody has seen repay: like known loans of the same scores.

Takes scores and the money of each application; gives probabilities, and what each application is
expected to add.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from riskkit.checks import numeric_array, outcome_state
from riskkit.target import check_scored_loans, expected_loans

__all__ = ["MONEY", "Expected", "Unseen", "check_applications"]

MONEY = ("margin_fen", "loss_fen", "cost_fen")
_MOST_STEPS, _LONGEST_STEP, _DRAW_STEPS = 25, 2.0, 2


def check_applications(scores: pd.DataFrame, loans: pd.DataFrame) -> None:
    """Refuse scores and loans that do not belong together or that no policy could have made.

    Raises
    ------
    ValueError
        There is no model or no application, a column is missing, lengths differ, a score or a sum
        is not finite, a loan was booked but not approved or is known but was not booked, or an
        outcome is neither 0 nor 1.
    """
    if not scores.shape[1] or not len(scores):
        raise ValueError(f"there must be a model and an application, got shape {scores.shape}")
    check_scored_loans(scores, loans, MONEY)
    outcome_state(numeric_array(loans["default_flag"], "default_flag"))


class Unseen:
    """Probability of bad of applications without an outcome, refitted to any draw of the known.

    A logistic regression of bad on all models' scores together, so that one applicant has one
    probability whichever model would let him in.

    Parameters
    ----------
    scores : DataFrame of shape (n, n_models)
    outcome : float array of shape (n,)
        1 bad, 0 good, NaN unknown.
    unseen : bool array of shape (n,)
        Whose probability is asked for.
    """

    def __init__(self, scores: pd.DataFrame, outcome: np.ndarray, unseen: np.ndarray) -> None:
        self.known, self.unseen = ~np.isnan(outcome), unseen
        x = scores.to_numpy(dtype=float)
        spread = x[self.known].std(axis=0) if self.known.any() else np.zeros(x.shape[1])
        centre = x[self.known].mean(axis=0) if self.known.any() else spread
        z = (x - centre) / np.where(spread > 0, spread, 1.0)
        z = np.column_stack([np.ones(len(z)), z])
        self.bad, self.z_known, self.z_unseen = outcome[self.known], z[self.known], z[unseen]
        self.has_line = 0 < self.bad.sum() < len(self.bad)
        pairs = [(i, j) for i in range(z.shape[1]) for j in range(i, z.shape[1])]
        self.pairs = pairs
        self.products = np.column_stack([self.z_known[:, i] * self.z_known[:, j] for i, j in pairs])
        self.start = np.zeros((1, z.shape[1]))
        ones = np.ones((1, len(self.bad)))
        for _ in range(_MOST_STEPS if self.has_line else 0):
            moved = self._step(ones, self.start)
            self.start = self.start + moved
            if np.abs(moved).max() < 1e-10:
                break

    def chances(self, times: np.ndarray, uplift: float = 1.0) -> np.ndarray:
        """Probability of each unseen application, a row a draw; NaN without goods or bads known.

        Parameters
        ----------
        times : float array of shape (n_draws, n)
            How often each application is drawn.
        uplift : float
            Times the odds.
        """
        line = np.repeat(self.start, len(times), axis=0)
        if not self.has_line:
            return np.full((len(times), len(self.z_unseen)), np.nan)
        drawn = times[:, self.known]
        if not (drawn == 1).all():
            for _ in range(_DRAW_STEPS):
                line = line + self._step(drawn, line)
        found: np.ndarray = special.expit(line @ self.z_unseen.T + np.log(uplift))
        return found

    def _step(self, drawn: np.ndarray, line: np.ndarray) -> np.ndarray:
        """Newton's step of each draw from its line, none longer than two standard deviations."""
        chance = special.expit(line @ self.z_known.T)
        pull = (drawn * (self.bad - chance)) @ self.z_known
        bends = (drawn * chance * (1 - chance)) @ self.products
        size = pull.shape[1]
        bend = np.zeros((len(drawn), size, size))
        for place, (i, j) in enumerate(self.pairs):
            bend[:, i, j] = bend[:, j, i] = bends[:, place]
        # two scores that say the same have no line of their own each
        bend += 1e-9 * (1 + bends[:, :1, None]) * np.eye(size)
        step = np.linalg.solve(bend, pull[:, :, None])[:, :, 0]
        found: np.ndarray = np.clip(step, -_LONGEST_STEP, _LONGEST_STEP)
        return found


@dataclass(frozen=True, eq=False)
class Expected:
    """What each application is expected to add to a policy that approves it.

    Parameters
    ----------
    frame : DataFrame of shape (n, 4), index of the applications
        `loans` (1 of a known outcome, else how many it stands for), `bad` and `profit_amount`
        (known, or expected), `known` (bool).
    line : Unseen
    worse : float array of shape (n_unseen,)
        What each unseen application earns less for a unit more of its logit.
    """

    frame: pd.DataFrame
    line: Unseen
    worse: np.ndarray

    @classmethod
    def of(cls, scores: pd.DataFrame, loans: pd.DataFrame, *, uplift: float = 1.0) -> Expected:
        """Expected loans, bads and profit of these applications.

        Parameters
        ----------
        scores : DataFrame of shape (n, n_models)
        loans : DataFrame of shape (n, 6 or more)
            As in :func:`draw_curves`.
        uplift : float
            Times the odds of bad of those unseen.

        Raises
        ------
        ValueError
            As :func:`draw_curves`; or somebody is unseen and no good, or no bad, is known.
        """
        check_applications(scores, loans)
        outcome = loans["default_flag"].to_numpy(dtype=float)
        known, stands = ~np.isnan(outcome), expected_loans(loans)
        unseen = stands > 0
        line = Unseen(scores, outcome, unseen)
        if unseen.any() and not line.has_line:
            raise ValueError("those unseen can be judged only where goods and bads are known")
        margin, loss, cost = (loans[name].to_numpy(dtype=float) / 100 for name in MONEY)
        risk = np.where(known, outcome, 0.0)
        risk[unseen] = line.chances(np.ones((1, len(loans))), uplift)[0]
        size = np.where(known, 1.0, stands)
        frame = pd.DataFrame(
            {
                "loans": size,
                "bad": size * risk,
                "profit_amount": size * ((1 - risk) * margin - risk * loss - cost),
                "known": known,
            },
            index=loans.index,
        )
        worse = size * (margin + loss) * risk * (1 - risk)
        return cls(frame, line, worse[unseen])

    def profit(self, weight: np.ndarray) -> tuple[float, float]:
        """Expected profit of weighted applications, and its standard error.

        By the delta method: what an application adds itself, and what a known one adds by moving
        the line that judges those unseen.
        """
        line = self.line
        added = weight * self.frame["profit_amount"].to_numpy()
        total = float(added.sum())
        if line.has_line and len(self.worse):
            pull = -(self.worse * weight[line.unseen]) @ line.z_unseen
            chance = special.expit(line.z_known @ line.start[0])
            bend = (line.z_known.T * (chance * (1 - chance))) @ line.z_known
            moved = line.z_known @ np.linalg.lstsq(bend, pull, rcond=None)[0]
            added[line.known] += (line.bad - chance) * moved
        squares = float(added @ added) - total**2 / max(len(added), 1)
        return total, float(np.sqrt(max(squares, 0.0)))

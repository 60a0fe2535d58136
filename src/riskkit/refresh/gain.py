"""What a refit gains, and what every judgement of one needs: folds, and a mean with its interval.

Takes outcomes; gives folds of loans, and the record of a gain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from riskkit.checks import Array
from riskkit.target import deal_folds, group_numbers, most_folds

__all__ = ["LEAST_BADS", "N_FOLDS", "Gain", "dealt_folds", "mean_interval", "measured", "too_few"]

LEAST_BADS = 30  # of the later loans, and goods
N_FOLDS = 3
Triple = tuple[float, float, float]  # a figure and the two ends of its interval


@dataclass(frozen=True)
class Gain:
    """What a part shows of the need for a refit, and what the refit gains; NaN where unknown.

    Parameters
    ----------
    loans : int
        Later loans, or loan-months, that it was judged on.
    sign, sign_low, sign_high : float
        How far the part in use is off, with its interval, and
    neutral : float
        what it would be if it were right.
    gain, gain_low, gain_high : float
        Of the refit on later loans that did not teach it.
    """

    loans: int = 0
    sign: float = np.nan
    sign_low: float = np.nan
    sign_high: float = np.nan
    neutral: float = 0.0
    gain: float = np.nan
    gain_low: float = np.nan
    gain_high: float = np.nan

    def __post_init__(self) -> None:
        if self.loans < 0:
            raise ValueError(f"loans must be >= 0, got {self.loans!r}")


def measured(sign: Triple, neutral: float, gain: Triple | None = None, *, loans: int) -> Gain:
    """A gain from a sign and a gain, each with its interval."""
    own = {} if gain is None else dict(zip(("gain", "gain_low", "gain_high"), gain, strict=True))
    return Gain(
        loans=loans, sign=sign[0], sign_low=sign[1], sign_high=sign[2], neutral=neutral, **own
    )


def too_few(y: Array) -> bool:
    """Whether there are too few bads or goods to say."""
    return min(int((y == 1).sum()), int((y == 0).sum())) < LEAST_BADS


def dealt_folds(y: Array, customers: ArrayLike | None, seed: int) -> Array | None:
    """Fold of each loan, a customer's together; None where they cannot be dealt."""
    everyone = np.ones(len(y), dtype=bool)
    groups = np.arange(len(y)) if customers is None else group_numbers(customers, everyone)
    n_folds = min(N_FOLDS, most_folds(y, groups))
    return deal_folds(y, n_folds, seed, groups) if n_folds > 1 else None


def mean_interval(values: Array, level: float) -> tuple[float, float, float]:
    """Mean of the loans' values with its normal interval."""
    half = special.ndtri(0.5 + level / 2) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean()), float(values.mean() - half), float(values.mean() + half)

"""From a standard normal score to a feature's values: the shapes a feature can have."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.special import expit, ndtri

__all__ = ["Amounts", "Levels", "Marginal", "Shares", "texts"]


@dataclass(frozen=True)
class Amounts:
    """Log-normal quantity: median·exp(spread·z), clipped, in whole steps."""

    median: float
    spread: float
    low: float
    high: float
    step: float = 1.0

    def values(self, z: np.ndarray) -> np.ndarray:
        """Quantity at standard normal scores."""
        raw = np.clip(self.median * np.exp(self.spread * z), self.low, self.high)
        # the second rounding takes back what 0.001 as a float adds
        return np.round(np.round(raw / self.step) * self.step, 6)


@dataclass(frozen=True)
class Shares:
    """Fraction: logistic of a normal."""

    center_logit: float
    spread: float

    def values(self, z: np.ndarray) -> np.ndarray:
        """Fraction at standard normal scores, to a thousandth."""
        return np.round(expit(self.center_logit + self.spread * z), 3)


@dataclass(frozen=True)
class Levels:
    """Few values in order, each with its share of the population."""

    levels: tuple
    shares: tuple[float, ...]

    @cached_property
    def cuts(self) -> np.ndarray:
        """Normal scores at which one level ends and the next begins."""
        cumulated = np.cumsum(self.shares)
        return ndtri(cumulated[:-1] / cumulated[-1])

    def codes(self, z: np.ndarray) -> np.ndarray:
        """Position of the level at standard normal scores."""
        # few cuts: as many comparisons are faster than a search
        codes = np.zeros(len(z), dtype=np.int8)
        for cut in self.cuts:
            codes += z > cut
        return codes

    def values(self, z: np.ndarray) -> np.ndarray | pd.api.extensions.ExtensionArray:
        """Level at standard normal scores."""
        if isinstance(self.levels[0], str):
            return texts(self.levels, self.codes(z))
        return np.array(self.levels, dtype=float)[self.codes(z)]


Marginal = Amounts | Shares | Levels


def texts(levels: tuple[str, ...], codes: np.ndarray) -> pd.api.extensions.ExtensionArray:
    """Text column from level codes; −1 is missing."""
    return pd.array(list(levels), dtype="str").take(codes, allow_fill=True)

"""From what trees say to probabilities of bad.

Takes raw scores of rows the trees have not seen, with their labels; gives a map to log-odds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.isotonic import IsotonicRegression

from riskkit.metrics import logistic_line

__all__ = [
    "CALIBRATIONS",
    "UNCALIBRATED",
    "Isotonic",
    "Platt",
    "calibration_from",
    "fit_calibration",
]

CALIBRATIONS = ("platt", "isotonic", "none")
# fewer bads leave steps that are chance
MIN_ISOTONIC_BADS = 1_000
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Platt:
    """A line on the log-odds: `intercept` + `slope` · raw."""

    intercept: float
    slope: float

    def log_odds(self, raw: Array) -> Array:
        """Log-odds of bad at raw scores."""
        return self.intercept + self.slope * raw

    def moved(self, intercept: float, slope: float) -> Platt:
        """A line on the log-odds that it gives."""
        return Platt(intercept + slope * self.intercept, slope * self.slope)

    @property
    def mean_slope(self) -> float:
        """Log-odds per raw unit."""
        return self.slope

    def values(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"kind": "platt", "intercept": self.intercept, "slope": self.slope}


UNCALIBRATED = Platt(0.0, 1.0)


@dataclass(frozen=True)
class Isotonic:
    """Steps that never fall: log-odds at ascending raw scores, straight lines between."""

    raw: Sequence[float]
    bad_log_odds: Sequence[float]

    def log_odds(self, raw: Array) -> Array:
        """Log-odds of bad at raw scores."""
        return np.interp(raw, self.raw, self.bad_log_odds)

    def moved(self, intercept: float, slope: float) -> Isotonic:
        """A line on the log-odds that it gives."""
        return Isotonic(self.raw, tuple(intercept + slope * one for one in self.bad_log_odds))

    @property
    def mean_slope(self) -> float:
        """Log-odds per raw unit from the lowest step to the highest."""
        run = self.raw[-1] - self.raw[0]
        return (self.bad_log_odds[-1] - self.bad_log_odds[0]) / run if run > 0 else 0.0

    def values(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"kind": "isotonic", "raw": list(self.raw), "log_odds": list(self.bad_log_odds)}


def calibration_from(values: Mapping[str, Any]) -> Platt | Isotonic:
    """Calibration of its plain values."""
    if values["kind"] == "isotonic":
        return Isotonic(tuple(values["raw"]), tuple(values["log_odds"]))
    return Platt(values["intercept"], values["slope"])


def fit_calibration(kind: str, raw: Array, y: NDArray[Any], weight: Array) -> Platt | Isotonic:
    """Calibration on rows that the trees have not seen; `UNCALIBRATED` where they show no order.

    Parameters
    ----------
    kind : str
        "platt", "isotonic", or "none", which is `UNCALIBRATED`.
    raw : array of shape (n_rows,)
        Log-odds of bad as the trees see them.
    y, weight : arrays of shape (n_rows,)

    Raises
    ------
    ValueError
        Isotonic regression of fewer than 1,000 bads.

    Source
    ------
    Platt (1999), Probabilistic outputs for support vector machines; Zadrozny, Elkan (2002),
    Transforming classifier scores into accurate multiclass probability estimates, KDD. Isotonic
    probabilities are clipped to [1/(2n), 1 − 1/(2n)], since no n rows prove a rate of 0.
    """
    if kind == "none":
        return UNCALIBRATED
    if kind == "isotonic":
        n_bads = int((y == 1).sum())
        if n_bads < MIN_ISOTONIC_BADS:
            raise ValueError(
                f"isotonic calibration needs at least {MIN_ISOTONIC_BADS:,} bads, got {n_bads:,}"
            )
        least = 1 / (2 * len(y))
        steps = IsotonicRegression(y_min=least, y_max=1 - least).fit(raw, y, sample_weight=weight)
        return Isotonic(
            tuple(map(float, steps.X_thresholds_)), tuple(map(float, logit(steps.y_thresholds_)))
        )
    line = logistic_line(raw, y, weight)
    # a slope below 0 would turn the ranking, and every direction, round
    return UNCALIBRATED if line is None or line[1] <= 0 else Platt(*line)

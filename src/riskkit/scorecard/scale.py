"""Points against odds, and what every classifier on a score scale shares.

Takes a probability or a score; gives the other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin

from riskkit.schema import JsonModel

__all__ = ["ScoreClassifier", "ScoreScale"]


@dataclass(frozen=True, kw_only=True)
class ScoreScale:
    """Points against odds: score = offset + factor · ln(odds good:bad).

    Parameters
    ----------
    pdo : float
        Points that double the odds, above 0.
    target_score : float
        Score at `target_odds`.
    target_odds : float
        Goods to one bad, above 0.

    Source
    ------
    Siddiqi (2006), Credit Risk Scorecards, ch. 6.

    Examples
    --------
    >>> scale = ScoreScale()
    >>> round(scale.factor, 6), round(float(scale.score(0.05)), 3)
    (28.853901, 572.081)
    """

    pdo: float = 20.0
    target_score: float = 600.0
    target_odds: float = 50.0

    def __post_init__(self) -> None:
        for name in ("pdo", "target_odds"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be > 0, got {getattr(self, name)!r}")

    @property
    def factor(self) -> float:
        """Points per unit of log-odds: PDO / ln 2."""
        return self.pdo / math.log(2)

    @property
    def offset(self) -> float:
        """Score at even odds."""
        return self.target_score - self.factor * math.log(self.target_odds)

    def score(self, probability: np.ndarray | float) -> np.ndarray:
        """Unrounded score of a probability of bad; 0 and 1 give ±inf."""
        p = np.asarray(probability, dtype=np.float64)
        with np.errstate(divide="ignore"):
            return self.offset + self.factor * (np.log1p(-p) - np.log(p))

    def probability(self, score: np.ndarray | float) -> np.ndarray:
        """Probability of bad at a score."""
        odds = (np.asarray(score, dtype=np.float64) - self.offset) / self.factor
        return 1.0 / (1.0 + np.exp(odds))


class ScoreClassifier(JsonModel, ClassifierMixin, BaseEstimator):
    """What every classifier on a score scale shares; a subclass has `scale` and its own scores."""

    scale: ScoreScale | None

    @property
    def score_scale(self) -> ScoreScale:
        """The scale in use: `scale`, or the default one."""
        return self.scale if self.scale is not None else ScoreScale()

    def score_and_probability(self, X: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Whole-number score (higher is safer) and probability of bad of each row, in one pass."""
        raise NotImplementedError

    def credit_score(self, X: pd.DataFrame) -> np.ndarray:
        """Whole-number score of each row; higher is safer.

        Returns
        -------
        int array of shape (n_rows,)
        """
        return self.score_and_probability(X)[0]

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Probabilities of good and bad, shape (n_rows, 2)."""
        bad = self.score_and_probability(X)[1]
        return np.column_stack([1 - bad, bad])

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """1 where bad is the likelier, else 0; a lender uses a cutoff on the score instead."""
        return (self.score_and_probability(X)[1] > 0.5).astype(np.int64)

    def _labels(self, y: np.ndarray | pd.Series) -> np.ndarray:
        """Label of both classes as floats; also names the classes."""
        labels = np.asarray(y, dtype=np.float64)
        if not np.isin(labels, (0, 1)).all() or len(np.unique(labels)) < 2:
            found = np.unique(labels).tolist()
            raise ValueError(f"y needs goods (0) and bads (1), got labels {found}")
        self.classes_ = np.array([0, 1])
        return labels

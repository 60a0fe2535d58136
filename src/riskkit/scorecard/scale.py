"""Points against odds, and what every classifier on a score scale shares.

Takes a probability or a score; gives the other.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from riskkit.checks import bad_flags, same_rows, weight_array
from riskkit.columns import Described, require_features
from riskkit.tables import JsonModel

__all__ = [
    "CREDIT_SCORE",
    "ScoreClassifier",
    "ScoreScale",
    "require_text_names",
    "spread_base",
]

CREDIT_SCORE, PROBABILITY = "credit_score", "default_probability"
# beyond it points overflow, and nobody reads them
MOST = 1_000_000_000.0


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

    Raises
    ------
    ValueError
        A value that is not finite or beyond ±1,000,000,000, or `pdo` or `target_odds` of 0 or less.

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
        for name in ("pdo", "target_score", "target_odds"):
            value = float(getattr(self, name))  # JSON knows no numbers of numpy's
            if not math.isfinite(value):
                raise ValueError(f"{name} must be finite, got {value!r}")
            if abs(value) > MOST:
                raise ValueError(f"{name} must lie within ±{MOST:,.0f}, got {value!r}")
            if value <= 0 and name != "target_score":
                raise ValueError(f"{name} must be > 0, got {value!r}")
            object.__setattr__(self, name, value)

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
        with np.errstate(over="ignore"):  # far out the probability is 0
            return 1.0 / (1.0 + np.exp(odds))


def spread_base(
    points: Mapping[str, NDArray[np.int64]], base_points: int
) -> dict[str, NDArray[np.int64]]:
    """Points of each feature's bins with the base among them.

    First each feature gets what lifts its lowest points to 0; they share the rest alike.

    Parameters
    ----------
    points : mapping of feature to int array of shape (n_bins,)
    base_points : int

    Raises
    ------
    ValueError
        The base is too low, so that some points would be negative.
    """
    lowest = {name: int(own.min()) for name, own in points.items()}
    rest = base_points + sum(lowest.values())
    if rest < 0:
        raise ValueError(
            f"the lowest score is {rest}, so some attribute would have negative points; raise "
            f"target_score by {-rest} or more"
        )
    share, left = divmod(rest, len(lowest))
    return {
        name: points[name] - least + share + (row < left)
        for row, (name, least) in enumerate(lowest.items())
    }


class ScoreClassifier(Described, JsonModel, ClassifierMixin, BaseEstimator):
    """What every classifier on a score scale shares; a subclass has `scale` and its own scores."""

    scale: ScoreScale | None

    @property
    def _scale_words(self) -> str:
        scale = self.score_scale
        return (
            f"{scale.target_score:g} points at {scale.target_odds:g} goods to one bad, "
            f"{scale.pdo:g} points double the odds"
        )

    @property
    def score_scale(self) -> ScoreScale:
        """The scale in use: `scale`, or the default one."""
        return self.scale if self.scale is not None else ScoreScale()

    def scored(self, X: pd.DataFrame) -> pd.DataFrame:
        """Credit score and probability of bad of each row, in one pass.

        Returns
        -------
        DataFrame, index of `X`
            credit_score (whole points, higher is safer), default_probability.
        """
        raise NotImplementedError

    def _table(self, X: pd.DataFrame, score: np.ndarray, bad: np.ndarray) -> pd.DataFrame:
        return pd.DataFrame({CREDIT_SCORE: score, PROBABILITY: bad}, index=X.index)

    def credit_score(self, X: pd.DataFrame) -> pd.Series:
        """Credit score of each row in whole points; higher is safer.

        Returns
        -------
        Series of int, index of `X`, named credit_score
        """
        return self.scored(X)[CREDIT_SCORE]

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Probabilities of good and bad, shape (n_rows, 2)."""
        bad = self.scored(X)[PROBABILITY].to_numpy()
        return np.column_stack([1 - bad, bad])

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """1 where bad is the likelier, else 0; a lender uses a cutoff on the score instead."""
        return (self.scored(X)[PROBABILITY].to_numpy() > 0.5).astype(np.int64)

    def score(
        self,
        X: pd.DataFrame,
        y: np.ndarray | pd.Series,
        sample_weight: np.ndarray | pd.Series | None = None,
    ) -> float:
        """Accuracy, as scikit-learn means it; the credit score is :meth:`credit_score`."""
        same_rows(X=X, y=y, sample_weight=sample_weight)
        return super().score(X, y, sample_weight)

    def _training_rows(
        self,
        X: pd.DataFrame,
        y: np.ndarray | pd.Series,
        sample_weight: np.ndarray | pd.Series | None,
    ) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64] | None]:
        """Which rows weigh something, and their labels and weights; also names the classes.

        Raises
        ------
        TypeError
            `X` is no DataFrame.
        ValueError
            Unequal lengths, indexes that differ, a weight that is negative or not finite, no weight
            above 0, or labels that are not 0 and 1, or of one class.
        """
        require_features(X, ())
        same_rows(X=X, y=y, sample_weight=sample_weight)
        labels = bad_flags(y, len(X)).astype(np.float64)
        taken = np.ones(len(labels), dtype=bool)
        weight = None
        if sample_weight is not None:
            weight = weight_array(sample_weight, len(X), "sample_weight")
            taken = weight > 0
            if not taken.any():
                raise ValueError("sample_weight is zero in every row")
            labels, weight = labels[taken], weight[taken]
        found = np.unique(labels)
        if len(found) < 2:
            raise ValueError(f"y needs goods (0) and bads (1), got labels {found.tolist()}")
        self.classes_ = np.array([0, 1])
        return taken, labels, weight

    def _settings(self, *but: str) -> dict[str, Any]:
        """What the constructor was given, as plain values for JSON."""
        given = self.get_params(deep=False).items()
        return {name: _plain(value) for name, value in given if name not in but}


def require_text_names(names: Iterable[object]) -> None:
    """Refuse features whose names are not text: points, reasons, files and JSON go by them.

    Raises
    ------
    TypeError
        Lists the names.
    """
    other = [name for name in names if not isinstance(name, str)]
    if other:
        raise TypeError(
            f"names of features must be text, got {other}; X.columns.astype(str) makes them so"
        )


def _plain(value: Any) -> Any:
    """A parameter in JSON's own types."""
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_plain(one) for one in value]
    return value.item() if isinstance(value, np.generic) else value

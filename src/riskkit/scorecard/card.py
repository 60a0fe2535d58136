"""The scorecard: a logistic regression on WoE as whole points that add up to a score.

Takes features and a label; gives a classifier whose score is a sum of points from a printed table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from riskkit.binning import WoeBinner, require_features
from riskkit.scorecard.scale import ScoreClassifier, ScoreScale

__all__ = ["Scorecard"]

# a coefficient this close to its bound of 0 sits on it
_ON_BOUND = 1e-6


class Scorecard(ScoreClassifier):
    """Sign-constrained logistic regression on WoE, scaled and rounded to whole points.

    The rounded card is the model: probabilities are those of the whole-number score. WoE is
    positive for safer bins, so a coefficient in logit P(bad) above 0 would turn a feature's order
    round; it is bounded by 0, and a feature on that bound is dropped.

    Parameters
    ----------
    binner : WoeBinner, optional
        A fitted one is used as it is, so that the bins an analyst has accepted stay; an unfitted
        one (or none: the default binner) is fitted to the training rows. scikit-learn's `clone`
        keeps its settings, not its bins.
    features : sequence of str, optional
        Features to offer; by default all of the binner's.
    scale : ScoreScale, optional
    penalty : float
        Ridge penalty per row on the coefficients, at least 0.

    Attributes
    ----------
    binner_ : WoeBinner
    intercept_ : float
    coefficients_ : Series, index feature
        Of the features on the card.
    dropped_ : dict of str to str
        Feature → why it is not on the card.
    base_points_ : int
    points_ : dict of str to int array
        Points of each bin in the binner's order, the unseen last.
    classes_ : array, (0, 1)

    References
    ----------
    Siddiqi (2006), Credit Risk Scorecards, ch. 6; sign constraints, riskkit definition.
    """

    json_kind = "riskkit.Scorecard"

    def __init__(
        self,
        binner: WoeBinner | None = None,
        *,
        features: Sequence[str] | None = None,
        scale: ScoreScale | None = None,
        penalty: float = 0.0,
    ):
        self.binner = binner
        self.features = features
        self.scale = scale
        self.penalty = penalty

    def fit(
        self,
        X: pd.DataFrame,
        y: np.ndarray | pd.Series,
        sample_weight: np.ndarray | pd.Series | None = None,
    ) -> Scorecard:
        """Fit to rows.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_features)
        y : array of shape (n_rows,)
            1 = bad, 0 = good.
        sample_weight : array of shape (n_rows,), optional

        Raises
        ------
        ValueError
            A label of one class, an unknown feature, or no feature with a coefficient below 0.
        """
        y = self._labels(y)
        if self.penalty < 0:
            raise ValueError(f"penalty must be at least 0, got {self.penalty!r}")
        binner = self.binner if self.binner is not None else WoeBinner()
        if not hasattr(binner, "bins_"):
            binner = clone(binner).fit(
                X if self.features is None else X[list(self.features)], y, sample_weight
            )
        self.binner_: WoeBinner = binner
        known = list(binner.bins_)
        offered = known if self.features is None else list(self.features)
        unknown = sorted(set(offered) - set(known))
        if unknown:
            raise ValueError(f"features {unknown} are not binned; binned: {known}")
        self.dropped_: dict[str, str] = {}
        woe = self.binner_.transform(X)[offered]
        for name in offered:
            if np.ptp(woe[name].to_numpy()) == 0:
                self.dropped_[name] = "one bin only"
        kept = [name for name in offered if name not in self.dropped_]
        while True:
            if not kept:
                raise ValueError("no feature is left on the card: none separates goods from bads")
            intercept, coefficients = self._regress(woe[kept].to_numpy(), y, sample_weight)
            on_bound = coefficients > -_ON_BOUND
            if not on_bound.any():
                break
            for name, bound in zip(kept, on_bound, strict=True):
                if bound:
                    self.dropped_[name] = "coefficient would have the wrong sign"
            kept = [name for name in kept if name not in self.dropped_]
        self.intercept_ = float(intercept)
        self.coefficients_ = pd.Series(
            coefficients, index=pd.Index(kept, name="feature"), name="coefficient"
        )
        self._round_to_points()
        return self

    def _regress(
        self, woe: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | pd.Series | None
    ) -> tuple[float, np.ndarray]:
        """Intercept and bounded coefficients of logit P(bad) on WoE."""
        from glum import GeneralizedLinearRegressor

        regression = GeneralizedLinearRegressor(
            family="binomial",
            alpha=self.penalty,
            upper_bounds=np.zeros(woe.shape[1]),
            gradient_tol=1e-7,
            max_iter=200,
        )
        # glum would copy columns that lie apart, with a warning
        regression.fit(np.ascontiguousarray(woe), y, sample_weight=sample_weight)
        return regression.intercept_, regression.coef_

    def _round_to_points(self) -> None:
        scale = self._scale
        self.base_points_ = round(scale.offset - scale.factor * self.intercept_)
        self.points_ = {
            str(name): np.rint(-scale.factor * slope * self.binner_.bins_[name].woe).astype(
                np.int64
            )
            for name, slope in self.coefficients_.items()
        }
        self.feature_names_in_ = np.array(list(self.points_), dtype=object)
        self.n_features_in_ = len(self.points_)

    def credit_score(self, X: pd.DataFrame) -> np.ndarray:
        """Score of each row: base points plus the points of its bins; higher is safer.

        Returns
        -------
        int array of shape (n_rows,)
        """
        check_is_fitted(self, "points_")
        require_features(X, self.points_)
        score = np.full(len(X), self.base_points_, dtype=np.int64)
        for name, points in self.points_.items():
            score += self.binner_.bins_[name].look_up(X[name], points)
        return score

    def _probability(self, X: pd.DataFrame) -> np.ndarray:
        # at the whole-number score: the rounded card is the model
        return self._scale.probability(self.credit_score(X))

    def coefficients(self) -> pd.DataFrame:
        """Regression behind the points.

        Returns
        -------
        DataFrame, index feature
            coefficient (of WoE in logit P(bad)), iv, points_range (most minus fewest points).
        """
        check_is_fitted(self, "points_")
        table = self.coefficients_.to_frame()
        table["iv"] = self.binner_.iv.reindex(table.index)
        table["points_range"] = [int(np.ptp(self.points_[name])) for name in table.index]
        return table.sort_values("points_range", ascending=False, kind="stable")

    def points_table(self) -> pd.DataFrame:
        """The card as one would print it.

        Returns
        -------
        DataFrame, index (feature, bin)
            points, share, bad_rate, woe. The first row is the base; the score is the base plus
            the points of one bin per feature.
        """
        check_is_fitted(self, "points_")
        base = pd.DataFrame(
            {"points": [self.base_points_], "share": [1.0]},
            index=pd.MultiIndex.from_tuples([("base", "every applicant")]),
        )
        tables = [base]
        for name in self.coefficients().index:
            table = self.binner_.table(name)[["share", "bad_rate", "woe"]]
            table.insert(0, "points", self.points_[name][:-1])
            table.index = pd.MultiIndex.from_product([[name], table.index])
            tables.append(table)
        return pd.concat(tables).rename_axis(["feature", "bin"])

    def _values(self) -> dict[str, Any]:
        check_is_fitted(self, "points_")
        return {
            "scale": asdict(self._scale),
            "penalty": self.penalty,
            "intercept": self.intercept_,
            "coefficients": self.coefficients_.to_dict(),
            "dropped": self.dropped_,
            "base_points": self.base_points_,
            "points": {name: points.tolist() for name, points in self.points_.items()},
            "binner": self.binner_.to_json(),
        }

    @classmethod
    def _from_values(cls, values: Mapping[str, Any]) -> Self:
        binner = WoeBinner.from_json(values["binner"])
        card = cls(binner, scale=ScoreScale(**values["scale"]), penalty=values["penalty"])
        card.binner_ = binner
        card.classes_ = np.array([0, 1])
        card.intercept_ = values["intercept"]
        card.coefficients_ = pd.Series(values["coefficients"], name="coefficient", dtype=float)
        card.coefficients_.index.name = "feature"
        card.dropped_ = dict(values["dropped"])
        card._round_to_points()
        card.base_points_ = values["base_points"]
        card.points_ = {name: np.array(points) for name, points in values["points"].items()}
        return card

"""The challenger: LightGBM under the bins' risk directions, calibrated, on the score scale.

Takes features and a label; gives a classifier with a whole-number score like the scorecard's.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Self, cast

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.utils.validation import check_is_fitted

from riskkit.binning import level_text, require_features
from riskkit.metrics import calibration_fit
from riskkit.scorecard import ScoreClassifier, ScoreScale

__all__ = ["Challenger"]

_DIRECTIONS = {"ascending": 1, "descending": -1}
_MAX_ROUNDS = 2000


class Challenger(ScoreClassifier):
    """LightGBM with monotone constraints, Platt-calibrated, its PD put on the score scale.

    The training rows are dealt into folds, and one booster a fold learns from the other folds. The
    number of rounds is the one at which their mean log-loss on the rows they have not seen is
    least; the calibration is fitted on the scores of those rows, so on every row once. The model
    itself then learns that number of rounds from all rows. A special code becomes a missing value
    plus a column of its own, so that a code such as −9 never takes part in a direction.

    Rows are sorted by label, features and weight before anything is drawn, so the order of the rows
    does not change the model, not by one bit; the order of the columns and the seed do. Equal rows
    are dealt to different folds like any others, since different loans may well look alike: a
    row that stands for several belongs in `sample_weight`, not in copies that end up on both sides
    of a fold.

    Parameters
    ----------
    trends : mapping of feature to str, optional
        "ascending" or "descending" bind the trees; other trends leave a feature free.
    special_codes : mapping of feature to codes, optional
    scale : ScoreScale, optional
    n_leaves : int
        Leaves of a tree.
    learning_rate : float
    min_leaf_rows : int
        Least rows in a leaf.
    n_folds : int
        Folds the training rows are dealt into, of each class its share; at least 2.
    patience_rounds : int
        Rounds without gain on the folds after which boosting stops.
    seed : int
        Deals the folds and draws the rows and columns of each tree.

    Attributes
    ----------
    booster_ : lightgbm.Booster
    calibration_ : (intercept, slope) on the log-odds
    levels_ : dict of feature to tuple of str
        Levels seen in fit; others are missing.
    n_rounds_ : int
        Trees in the booster.
    classes_ : array, (0, 1)

    References
    ----------
    Ke et al. (2017), LightGBM, NeurIPS; Platt (1999), Probabilistic outputs for support vector
    machines, whose section 2.1 fits the sigmoid on cross-validated scores; Stone (1974),
    Cross-validatory choice, JRSS B 36(2).
    """

    json_kind = "riskkit.Challenger"

    def __init__(
        self,
        trends: Mapping[str, str] | None = None,
        *,
        special_codes: Mapping[str, Sequence[float]] | None = None,
        scale: ScoreScale | None = None,
        n_leaves: int = 8,
        learning_rate: float = 0.03,
        min_leaf_rows: int = 50,
        n_folds: int = 4,
        patience_rounds: int = 100,
        seed: int = 0,
    ):
        self.trends = trends
        self.special_codes = special_codes
        self.scale = scale
        self.n_leaves = n_leaves
        self.learning_rate = learning_rate
        self.min_leaf_rows = min_leaf_rows
        self.n_folds = n_folds
        self.patience_rounds = patience_rounds
        self.seed = seed

    def fit(
        self,
        X: pd.DataFrame,
        y: np.ndarray | pd.Series,
        sample_weight: np.ndarray | pd.Series | None = None,
    ) -> Challenger:
        """Fit to rows.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_features)
            Numbers and text; text is a category.
        y : array of shape (n_rows,)
            1 = bad, 0 = good.
        sample_weight : array of shape (n_rows,), optional

        Raises
        ------
        ValueError
            A label of one class, fewer rows of one than folds, fewer than two folds, or unequal
            lengths.
        TypeError
            A column of dates.
        """
        import lightgbm

        y = self._labels(y)
        if self.n_folds < 2:
            raise ValueError(f"n_folds must be >= 2, got {self.n_folds!r}")
        weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, float)
        if not len(X) == len(y) == len(weight):
            raise ValueError(
                f"X, y and sample_weight need one length, got {len(X)}, {len(y)}, {len(weight)}"
            )
        for name in X.columns:
            if X[name].dtype.kind in "mM":
                raise TypeError(f"feature {name}: {X[name].dtype} is no feature")
        self.feature_names_in_ = np.array(list(X.columns), dtype=object)
        self.n_features_in_ = X.shape[1]
        self.levels_ = {
            name: tuple(sorted(level_text(X[name].dropna()).unique()))
            for name in X.columns
            if not pd.api.types.is_numeric_dtype(X[name])
        }
        self.special_codes_ = {
            name: tuple(float(code) for code in codes)
            for name, codes in (self.special_codes or {}).items()
            if codes and name in X.columns and name not in self.levels_
        }
        matrix, columns = self._matrix(X)
        # what is drawn by position is then drawn by content: ties are equal in all that counts
        order = np.lexsort((weight, *matrix.T, y))
        matrix, y, weight = matrix[order], y[order], weight[order]
        fold = self._folds(y)
        trends = self.trends or {}
        parameters = {
            "objective": "binary",
            "num_leaves": self.n_leaves,
            "learning_rate": self.learning_rate,
            "min_data_in_leaf": self.min_leaf_rows,
            "feature_fraction": 0.7,
            "bagging_fraction": 0.8,
            "bagging_freq": 1,
            "lambda_l2": 5.0,
            "cat_smooth": 20.0,
            "monotone_constraints": [
                _DIRECTIONS.get(trends.get(name, ""), 0) if is_value else 0
                for name, is_value in columns
            ],
            "deterministic": True,
            "force_row_wise": True,
            # threads that wait for one another crawl on a busy machine; the trees are the same
            "num_threads": 1,
            "seed": self.seed,
            "verbosity": -1,
        }
        rows = lightgbm.Dataset(
            matrix,
            y,
            weight=weight,
            categorical_feature=[i for i, (n, _) in enumerate(columns) if n in self.levels_],
        )
        seen = [fold != number for number in range(self.n_folds)]
        crossed = lightgbm.cv(
            parameters,
            rows,
            num_boost_round=_MAX_ROUNDS,
            folds=[(np.flatnonzero(others), np.flatnonzero(~others)) for others in seen],
            callbacks=[lightgbm.early_stopping(self.patience_rounds, verbose=False)],
            return_cvbooster=True,
        )
        trained = cast("lightgbm.CVBooster", crossed["cvbooster"])
        self.n_rounds_ = int(trained.best_iteration)
        raw = np.empty(len(y))
        for booster, others in zip(trained.boosters, seen, strict=True):
            raw[~others] = booster.predict(
                matrix[~others], raw_score=True, num_iteration=self.n_rounds_
            )
        self.booster_ = lightgbm.train(parameters, rows, num_boost_round=self.n_rounds_)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # said below, in this model's words
            fit = calibration_fit(y, expit(raw), weight=weight)
        # a slope below 0 would turn the ranking, and every direction, round
        if not fit["slope"] > 0:
            warnings.warn(
                "the challenger stays uncalibrated: its scores of rows not seen show no risk order",
                UserWarning,
                stacklevel=2,
            )
            fit["intercept"], fit["slope"] = 0.0, 1.0
        self.calibration_ = (float(fit["intercept"]), float(fit["slope"]))
        return self

    def _folds(self, y: np.ndarray) -> np.ndarray:
        """Fold of each row, dealt class by class, so that each has its share of the bads.

        Raises
        ------
        ValueError
            A fold would have no good or no bad.
        """
        fold = np.empty(len(y), dtype=np.int64)
        generator = np.random.default_rng(self.seed)
        for side, name in enumerate(("goods", "bads")):
            rows = generator.permutation(np.flatnonzero(y == side))
            if len(rows) < self.n_folds:
                raise ValueError(f"too few {name} for {self.n_folds} folds: {len(rows)}")
            fold[rows] = np.arange(len(rows)) % self.n_folds
        return fold

    def _matrix(self, X: pd.DataFrame) -> tuple[np.ndarray, list[tuple[str, bool]]]:
        """Numbers for the trees; of each column its feature, and whether it holds its values."""
        require_features(X, self.feature_names_in_)
        columns, origin = [], []
        for name in map(str, self.feature_names_in_):
            if name in self.levels_:
                levels = pd.Index(self.levels_[name], dtype="str")
                values = levels.get_indexer(level_text(X[name])).astype(np.float64)
                values[(values < 0) | X[name].isna().to_numpy()] = np.nan
            else:
                values = X[name].to_numpy(np.float64, na_value=np.nan, copy=True)
            columns.append(values)
            origin.append((name, True))
            codes = self.special_codes_.get(name, ())
            if codes:
                marks = np.zeros(len(X))
                for number, code in enumerate(codes, start=1):
                    marks[values == code] = number
                values[marks > 0] = np.nan
                columns.append(marks)
                origin.append((name, False))
        return np.column_stack(columns), origin

    def _raw(self, matrix: np.ndarray) -> np.ndarray:
        raw = self.booster_.predict(matrix, raw_score=True, num_iteration=self.n_rounds_)
        return np.asarray(raw)

    def _log_odds(self, X: pd.DataFrame) -> np.ndarray:
        """Calibrated log-odds of bad."""
        check_is_fitted(self, "booster_")
        intercept, slope = self.calibration_
        return intercept + slope * self._raw(self._matrix(X)[0])

    def _probability(self, X: pd.DataFrame) -> np.ndarray:
        return expit(self._log_odds(X))

    def credit_score(self, X: pd.DataFrame) -> np.ndarray:
        """Score of each row on the scale, rounded; higher is safer.

        Returns
        -------
        int array of shape (n_rows,)
        """
        scale = self._scale
        return np.rint(scale.offset - scale.factor * self._log_odds(X)).astype(np.int64)

    def importance(self) -> pd.Series:
        """Share of the trees' gain by feature, largest first; a special code's column included."""
        check_is_fitted(self, "booster_")
        # the special codes' own columns count for their feature
        names = [
            str(name)
            for name in self.feature_names_in_
            for _ in range(2 if self.special_codes_.get(name) else 1)
        ]
        gain = pd.Series(
            self.booster_.feature_importance("gain", iteration=self.n_rounds_), index=names
        )
        gain = gain.groupby(level=0).sum().rename_axis("feature").rename("gain_share")
        return (gain / gain.sum()).sort_values(ascending=False, kind="stable")

    def _values(self) -> dict[str, Any]:
        check_is_fitted(self, "booster_")
        return {
            "scale": asdict(self._scale),
            "features": list(self.feature_names_in_),
            "levels": self.levels_,
            "special_codes": self.special_codes_,
            "trends": dict(self.trends or {}),
            "calibration": self.calibration_,
            "n_rounds": self.n_rounds_,
            # LightGBM's own text
            "booster": self.booster_.model_to_string(num_iteration=self.n_rounds_).splitlines(),
        }

    @classmethod
    def _from_values(cls, values: Mapping[str, Any]) -> Self:
        import lightgbm

        model = cls(values["trends"], scale=ScoreScale(**values["scale"]))
        model.classes_ = np.array([0, 1])
        model.feature_names_in_ = np.array(values["features"], dtype=object)
        model.n_features_in_ = len(values["features"])
        model.levels_ = {name: tuple(levels) for name, levels in values["levels"].items()}
        model.special_codes_ = {n: tuple(codes) for n, codes in values["special_codes"].items()}
        intercept, slope = values["calibration"]
        model.calibration_ = (intercept, slope)
        model.n_rounds_ = values["n_rounds"]
        model.booster_ = lightgbm.Booster(model_str="\n".join(values["booster"]) + "\n")
        return model

"""The challenger: LightGBM under the bins' risk directions, calibrated, on the score scale.

Takes features and a label; gives a classifier with a whole-number score like the scorecard's.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Self

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

    A part of the training rows is held back: boosting stops when they no longer gain, and the
    calibration is fitted on them; which rows those are, and so the model, depends on the order of
    the rows and on the seed. A special code becomes a missing value plus a column of its
    own, so that a code such as −9 never takes part in a direction.

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
    holdback_share : float
        Share of the training rows held back, in (0, 1).
    patience_rounds : int
        Rounds without gain after which boosting stops.
    seed : int

    Attributes
    ----------
    booster_ : lightgbm.Booster
    calibration_ : (intercept, slope) on the log-odds
    levels_ : dict of feature to tuple of str
        Levels seen in fit; others are missing.
    n_rounds_ : int
    classes_ : array, (0, 1)

    References
    ----------
    Ke et al. (2017), LightGBM, NeurIPS; Platt (1999), Probabilistic outputs for support vector
    machines.
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
        holdback_share: float = 0.25,
        patience_rounds: int = 100,
        seed: int = 0,
    ):
        self.trends = trends
        self.special_codes = special_codes
        self.scale = scale
        self.n_leaves = n_leaves
        self.learning_rate = learning_rate
        self.min_leaf_rows = min_leaf_rows
        self.holdback_share = holdback_share
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
            A label of one class, too few of one to hold a part back, or unequal lengths.
        TypeError
            A column of dates.
        """
        import lightgbm

        y = self._labels(y)
        if not 0 < self.holdback_share < 1:
            raise ValueError(f"holdback_share must be in (0, 1), got {self.holdback_share!r}")
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
        held = self._hold_back(y)
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
            "num_threads": 2,
            "seed": self.seed,
            "verbosity": -1,
        }
        train = lightgbm.Dataset(
            matrix[~held],
            y[~held],
            weight=weight[~held],
            categorical_feature=[i for i, (n, _) in enumerate(columns) if n in self.levels_],
            free_raw_data=True,
        )
        self.booster_ = lightgbm.train(
            parameters,
            train,
            num_boost_round=_MAX_ROUNDS,
            valid_sets=[train.create_valid(matrix[held], y[held], weight=weight[held])],
            callbacks=[lightgbm.early_stopping(self.patience_rounds, verbose=False)],
        )
        self.n_rounds_ = int(self.booster_.best_iteration)
        raw = self._raw(matrix[held])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # said below, in this model's words
            fit = calibration_fit(y[held], expit(raw), weight=weight[held])
        # a slope below 0 would turn the ranking, and every direction, round
        if not fit["slope"] > 0:
            warnings.warn(
                "the challenger stays uncalibrated: its held-back part shows no risk order",
                UserWarning,
                stacklevel=2,
            )
            fit["intercept"], fit["slope"] = 0.0, 1.0
        self.calibration_ = (float(fit["intercept"]), float(fit["slope"]))
        return self

    def _hold_back(self, y: np.ndarray) -> np.ndarray:
        """Rows held back, of each class its share, so that a small sample keeps bads on both sides.

        Raises
        ------
        ValueError
            One side would have no good or no bad.
        """
        held = np.zeros(len(y), dtype=bool)
        shuffled = np.random.default_rng(self.seed).permutation(len(y))
        for side, name in enumerate(("goods", "bads")):
            rows = shuffled[y[shuffled] == side]
            n_held = round(self.holdback_share * len(rows))
            if not 0 < n_held < len(rows):
                raise ValueError(f"too few {name} to hold a part back: {len(rows)}")
            held[rows[:n_held]] = True
        return held

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

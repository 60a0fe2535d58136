"""Boosted trees as a classifier with a whole-number score.

Takes features and a label; gives scores, and what each feature adds to them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from sklearn.utils.validation import check_is_fitted

from riskkit.binning import level_text, require_features
from riskkit.challenger.calibration import CALIBRATIONS, calibration_from, fit_calibration
from riskkit.scorecard import ScoreClassifier, ScoreScale, reasons_table

if TYPE_CHECKING:
    import lightgbm

__all__ = ["Challenger", "Crossed", "Learning"]

_DIRECTIONS = {"ascending": 1, "descending": -1}
_MAX_ROUNDS = 2000
# rows that one thread scores at a time
_BLOCK_ROWS = 50_000
# LightGBM keeps the number of threads of its latest call for the whole process, and a fit beside it
# in another thread of ours then writes past its buffers: so every call names the same number. One
# also never crawls where the machine is busy, and the trees are the same.
_N_THREADS = 1
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Learning:
    """Rows in an order of their own, as the trees learn from them."""

    matrix: Array
    y: Array
    weight: Array
    fold: NDArray[np.int64]
    directions: list[int]
    categorical: list[int]

    def dataset(self) -> lightgbm.Dataset:
        """A Dataset of its own for each fit, since a fit changes it."""
        import lightgbm

        return lightgbm.Dataset(
            self.matrix, self.y, weight=self.weight, categorical_feature=self.categorical
        )


@dataclass(frozen=True)
class Crossed:
    """What boosters said of rows they had not seen, after the number of rounds that was best."""

    n_rounds: int
    raw: Array


class Challenger(ScoreClassifier):
    """LightGBM with monotone constraints, calibrated, its PD put on the score scale.

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
    feature_share : float
        Share of the features a tree may use, drawn for each, in (0, 1].
    calibration : str
        "platt", a line on the log-odds, or "isotonic", steps, from 1,000 bads on.
    n_folds : int
        Folds the training rows are dealt into, of each class its share; at least 2.
    patience_rounds : int
        Rounds without gain on the folds after which boosting stops.
    seed : int
        Deals the folds and draws the rows and columns of each tree.

    Attributes
    ----------
    booster_ : lightgbm.Booster
    calibration_ : Platt or Isotonic
        With ``log_odds(raw)``.
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
        feature_share: float = 1.0,
        calibration: str = "platt",
        n_folds: int = 4,
        patience_rounds: int = 50,
        seed: int = 0,
    ):
        self.trends = trends
        self.special_codes = special_codes
        self.scale = scale
        self.n_leaves = n_leaves
        self.learning_rate = learning_rate
        self.min_leaf_rows = min_leaf_rows
        self.feature_share = feature_share
        self.calibration = calibration
        self.n_folds = n_folds
        self.patience_rounds = patience_rounds
        self.seed = seed

    def fit(
        self,
        X: pd.DataFrame,
        y: np.ndarray | pd.Series,
        sample_weight: np.ndarray | pd.Series | None = None,
        *,
        groups: ArrayLike | None = None,
    ) -> Challenger:
        """Fit to rows.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_features)
            Numbers and text; text is a category.
        y : array of shape (n_rows,)
            1 = bad, 0 = good.
        sample_weight : array of shape (n_rows,), optional
        groups : array of shape (n_rows,), optional
            Rows of one group, such as the loans of one customer, go to one fold: each other's
            company in training would make them look easier to tell than a stranger's.

        Raises
        ------
        ValueError
            A label of one class, fewer rows or groups of one than folds, fewer than two folds,
            unequal lengths, or too few bads for an isotonic calibration.
        TypeError
            A column of dates.
        """
        import lightgbm

        learning = self._learn(X, y, sample_weight, groups)
        crossed = self._cross(learning)
        self.n_rounds_ = crossed.n_rounds
        self.calibration_ = fit_calibration(
            self.calibration, crossed.raw, learning.y, learning.weight
        )
        self.booster_ = lightgbm.train(
            self._parameters(learning), learning.dataset(), num_boost_round=self.n_rounds_
        )
        return self

    def _learn(
        self,
        X: pd.DataFrame,
        y: np.ndarray | pd.Series,
        sample_weight: np.ndarray | pd.Series | None,
        groups: ArrayLike | None = None,
    ) -> Learning:
        """Check the rows, remember their features, deal the folds."""
        y = self._labels(y)
        if self.n_folds < 2:
            raise ValueError(f"n_folds must be >= 2, got {self.n_folds!r}")
        if not 0 < self.feature_share <= 1:
            raise ValueError(f"feature_share must lie in (0, 1], got {self.feature_share!r}")
        if self.calibration not in CALIBRATIONS:
            raise ValueError(f"calibration must be one of {CALIBRATIONS}, got {self.calibration!r}")
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
        matrix = self._matrix(X)
        columns = self._columns()
        # what is drawn by position is then drawn by content: ties are equal in all that counts
        member = np.zeros(len(y)) if groups is None else np.unique(groups, return_inverse=True)[1]
        order = np.lexsort((member, weight, *matrix.T, y))
        matrix, y, weight = matrix[order], y[order], weight[order]
        trends = self.trends or {}
        return Learning(
            matrix=matrix,
            y=y,
            weight=weight,
            fold=self._folds(y, None if groups is None else member[order]),
            directions=[
                _DIRECTIONS.get(trends.get(name, ""), 0) if is_value else 0
                for name, is_value in columns
            ],
            categorical=[i for i, (name, _) in enumerate(columns) if name in self.levels_],
        )

    def _parameters(self, learning: Learning) -> dict[str, Any]:
        return {
            "objective": "binary",
            "num_leaves": self.n_leaves,
            # bins of a feature: 255 rank no better and take half as long again
            "max_bin": 63,
            "learning_rate": self.learning_rate,
            "min_data_in_leaf": self.min_leaf_rows,
            "feature_fraction": self.feature_share,
            "bagging_fraction": 0.8,
            "bagging_freq": 1,
            "lambda_l2": 5.0,
            "cat_smooth": 20.0,
            "monotone_constraints": learning.directions,
            "deterministic": True,
            "force_row_wise": True,
            "seed": self.seed,
            "verbosity": -1,
            "num_threads": _N_THREADS,
        }

    def _cross(self, learning: Learning) -> Crossed:
        """Raw scores of every row by the booster that has not seen its fold."""
        import lightgbm

        seen = [learning.fold != number for number in range(self.n_folds)]
        crossed = lightgbm.cv(
            self._parameters(learning),
            learning.dataset(),
            num_boost_round=_MAX_ROUNDS,
            folds=[(np.flatnonzero(others), np.flatnonzero(~others)) for others in seen],
            callbacks=[lightgbm.early_stopping(self.patience_rounds, verbose=False)],
            return_cvbooster=True,
        )
        trained = cast("lightgbm.CVBooster", crossed["cvbooster"])
        n_rounds = int(trained.best_iteration)
        raw = np.empty(len(learning.y))
        for booster, others in zip(trained.boosters, seen, strict=True):
            raw[~others] = _predict(booster, learning.matrix[~others], n_rounds, raw_score=True)
        return Crossed(n_rounds, raw)

    def _folds(self, y: np.ndarray, groups: np.ndarray | None = None) -> np.ndarray:
        """Fold of each row, dealt so that each has its share of the bads; a group stays together.

        Groups with a bad are dealt first, then the others.

        Raises
        ------
        ValueError
            A fold would have no good or no bad.
        """
        # a row of no group is one of its own
        member = np.arange(len(y)) if groups is None else np.unique(groups, return_inverse=True)[1]
        has_bad = np.bincount(member, weights=y == 1) > 0
        fold = np.empty(len(has_bad), dtype=np.int64)
        generator = np.random.default_rng(self.seed)
        for side, name in ((False, "goods"), (True, "bads")):
            dealt = generator.permutation(np.flatnonzero(has_bad == side))
            if len(dealt) < self.n_folds:
                raise ValueError(f"too few {name} for {self.n_folds} folds: {len(dealt)}")
            fold[dealt] = np.arange(len(dealt)) % self.n_folds
        return fold[member]

    def _columns(self) -> list[tuple[str, bool]]:
        """Of each column of the matrix its feature, and whether it holds that feature's values."""
        return [
            (name, is_value)
            for name in map(str, self.feature_names_in_)
            for is_value in ((True, False) if self.special_codes_.get(name) else (True,))
        ]

    def _matrix(self, X: pd.DataFrame) -> Array:
        """Numbers for the trees, in the order of :meth:`_columns`."""
        require_features(X, self.feature_names_in_)
        columns = []
        for name in map(str, self.feature_names_in_):
            if name in self.levels_:
                levels = pd.Index(self.levels_[name], dtype="str")
                values = levels.get_indexer(level_text(X[name])).astype(np.float64)
                values[(values < 0) | X[name].isna().to_numpy()] = np.nan
            else:
                values = X[name].to_numpy(np.float64, na_value=np.nan, copy=True)
            columns.append(values)
            codes = self.special_codes_.get(name, ())
            if codes:
                marks = np.zeros(len(X))
                for number, code in enumerate(codes, start=1):
                    marks[values == code] = number
                values[marks > 0] = np.nan
                columns.append(marks)
        return np.column_stack(columns)

    def _log_odds(self, X: pd.DataFrame) -> Array:
        """Calibrated log-odds of bad."""
        check_is_fitted(self, "booster_")
        raw = _predict(self.booster_, self._matrix(X), self.n_rounds_, raw_score=True)
        return self.calibration_.log_odds(raw)

    def score_and_probability(self, X: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Score, rounded, and probability of bad of each row.

        Returns
        -------
        int array and float array of shape (n_rows,)
        """
        log_odds, scale = self._log_odds(X), self.score_scale
        score = np.rint(scale.offset - scale.factor * log_odds).astype(np.int64)
        return score, expit(log_odds)

    def importance(self) -> pd.Series:
        """Share of the trees' gain by feature, largest first; a special code's column included."""
        check_is_fitted(self, "booster_")
        gain = pd.Series(
            self.booster_.feature_importance("gain", iteration=self.n_rounds_),
            index=[name for name, _ in self._columns()],
        )
        gain = gain.groupby(level=0).sum().rename_axis("feature").rename("gain_share")
        return (gain / gain.sum()).sort_values(ascending=False, kind="stable")

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Points that each feature adds to, or takes from, the average score.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_features)

        Returns
        -------
        DataFrame, index of `X`
            base (the average over the training rows, on the log-odds), then a column for each
            feature, in points: a row sums to its score before rounding. An isotonic calibration is
            no sum: what its steps add to the line from its lowest to its highest is dealt out in
            proportion to the size of each contribution.

        Source
        ------
        Lundberg et al. (2020), From local explanations to global understanding with explainable AI
        for trees, Nature Machine Intelligence 2: the tree SHAP values that LightGBM computes.
        """
        check_is_fitted(self, "booster_")
        shap = _predict(self.booster_, self._matrix(X), self.n_rounds_, pred_contrib=True)
        raw, average = shap.sum(axis=1), shap[:, -1]
        shap = shap[:, :-1]
        scale = self.score_scale
        base = scale.offset - scale.factor * self.calibration_.log_odds(average)
        score = scale.offset - scale.factor * self.calibration_.log_odds(raw)
        parts = -scale.factor * self.calibration_.mean_slope * shap
        size = np.abs(shap)
        total = size.sum(axis=1)
        rest = np.zeros(len(raw))
        np.divide(score - base - parts.sum(axis=1), total, out=rest, where=total > 0)
        parts += rest[:, None] * size
        points = pd.DataFrame(index=X.index, columns=["base", *self.feature_names_in_], dtype=float)
        points["base"] = base
        points.iloc[:, 1:] = 0.0
        for place, (name, _) in enumerate(self._columns()):
            points[name] += parts[:, place]
        return points

    def reasons(
        self, X: pd.DataFrame, n: int = 4, *, labels: Mapping[str, str] | None = None
    ) -> pd.DataFrame:
        """What cost each applicant the most points, against the average of the training rows.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_features)
        n : int
            At most so many reasons a row.
        labels : mapping of feature to str, optional
            Plain words; by default the feature's name.

        Returns
        -------
        DataFrame, index (row, rank)
            As :meth:`Scorecard.reasons`; points are :meth:`contributions`, the reference 0. The
            reason is the label and the applicant's own value, since trees have no bins; a special
            code is called one, as by the card.
        """
        names = list(map(str, self.feature_names_in_))
        points = self.contributions(X)[names].to_numpy()
        words = labels or {}

        def word(row: int, column: int) -> str:
            name = names[column]
            value = X[name].iloc[row]
            if pd.isna(value):
                text = "missing"
            elif name in self.levels_:
                text = str(value)
            elif value in self.special_codes_.get(name, ()):
                text = f"special {value:g}"
            else:
                text = f"{value:,.6g}"
            return f"{words.get(name, name)}: {text}"

        return reasons_table(X.index, names, points, np.zeros(len(names)), word, n)

    def _values(self) -> dict[str, Any]:
        check_is_fitted(self, "booster_")
        return {
            "scale": asdict(self.score_scale),
            "features": list(self.feature_names_in_),
            "levels": self.levels_,
            "special_codes": self.special_codes_,
            "trends": dict(self.trends or {}),
            "calibration": self.calibration_.values(),
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
        model.calibration_ = calibration_from(values["calibration"])
        model.n_rounds_ = values["n_rounds"]
        model.booster_ = lightgbm.Booster(model_str="\n".join(values["booster"]) + "\n")
        return model


def _predict(booster: lightgbm.Booster, matrix: Array, n_rounds: int, **kind: Any) -> Array:
    """What the trees say of each row, block by block in threads of our own."""

    def of_block(start: int) -> Array:
        block = matrix[start : start + _BLOCK_ROWS]
        said = booster.predict(block, num_iteration=n_rounds, num_threads=_N_THREADS, **kind)
        return np.asarray(said)

    if len(matrix) <= _BLOCK_ROWS:
        return of_block(0)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return np.concatenate(list(pool.map(of_block, range(0, len(matrix), _BLOCK_ROWS))))

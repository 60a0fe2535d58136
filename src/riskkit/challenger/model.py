"""Boosted trees as a classifier with a whole-number score.

Takes features and a label; gives scores, and what each feature adds to them.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit
from sklearn.utils.validation import check_is_fitted

from riskkit.binning import (
    CategoryCounts,
    GivenCodes,
    SpecialCodes,
    codes_from_json,
    codes_to_json,
    count_features,
)
from riskkit.challenger.calibration import (
    CALIBRATIONS,
    UNCALIBRATED,
    calibration_from,
    fit_calibration,
)
from riskkit.challenger.rows import (
    Array,
    Learning,
    matrix_columns,
    matrix_of,
)
from riskkit.challenger.stored import StoredTrees, require_whole
from riskkit.checks import refuse_unknown, same_rows
from riskkit.columns import Description, feature_kinds, level_of, require_features
from riskkit.schema import Feature
from riskkit.scorecard import (
    ScoreClassifier,
    ScoreScale,
    catalogue,
    feature_label,
    number_words,
    reasons_table,
    require_text_names,
    special_words,
)
from riskkit.target import deal_folds, group_numbers

if TYPE_CHECKING:
    import lightgbm

__all__ = ["MAX_ROUNDS", "Challenger", "Crossed"]

_DIRECTIONS = {"ascending": 1, "descending": -1}
MAX_ROUNDS = 2000
# rows that one thread scores at a time
_BLOCK_ROWS = 5_000
# LightGBM keeps the number of threads of its latest call for the whole process, and a fit beside it
# in another thread of ours then writes past its buffers: so every call names the same number. One
# also never crawls where the machine is busy, and the trees are the same.
_N_THREADS = 1


@dataclass(frozen=True)
class Crossed:
    """What boosters said of rows they had not seen, after the number of rounds that was best."""

    n_rounds: int
    raw: Array  # NaN in folds left out


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
        "ascending" or "descending" bind the trees; other trends leave a feature free. A category
        has no direction.
    special_codes : list of float, or mapping of feature to such a list, optional
        As in :class:`riskkit.binning.WoeBinner`.
    features : sequence of str, optional
        Columns to learn from, by default all; settings may speak of the others.
    scale : ScoreScale, optional
    n_leaves : int
        Leaves of a tree.
    learning_rate : float
    min_leaf_rows : int
        Least rows in a leaf.
    feature_share : float
        Share of the features a tree may use, drawn for each, in (0, 1].
    calibration : str
        "platt", a line on the log-odds, "isotonic", steps, from 1,000 bads on, or "none": the
        trees' own log-odds, which rank as well.
    n_folds : int
        Folds the training rows are dealt into, of each class its share; at least 2.
    patience_rounds : int
        Rounds without gain on the folds after which boosting stops.
    n_rounds : int, optional
        Trees to grow, where it is known; together with no calibration no fold is asked, and a fit
        takes a fifth of its time.
    seed : int
        Deals the folds and draws the rows and columns of each tree.

    Attributes
    ----------
    booster_ : lightgbm.Booster
    calibration_ : Platt or Isotonic
        With ``log_odds(raw)``.
    levels_ : dict of feature to tuple of str
        Levels of each category, as the binner sees them in fit; others are missing.
    booleans_ : tuple of str
        Features of true and false.
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
    json_version = 4  # with features, with n_rounds, under a checksum
    json_shape = StoredTrees

    def __init__(
        self,
        trends: Mapping[str, str] | None = None,
        *,
        special_codes: GivenCodes | None = None,
        features: Sequence[str] | None = None,
        scale: ScoreScale | None = None,
        n_leaves: int = 8,
        learning_rate: float = 0.03,
        min_leaf_rows: int = 50,
        feature_share: float = 1.0,
        calibration: str = "platt",
        n_folds: int = 4,
        patience_rounds: int = 50,
        n_rounds: int | None = None,
        seed: int = 0,
    ):
        self.trends = trends
        self.special_codes = special_codes
        self.features = features
        self.scale = scale
        self.n_leaves = n_leaves
        self.learning_rate = learning_rate
        self.min_leaf_rows = min_leaf_rows
        self.feature_share = feature_share
        self.calibration = calibration
        self.n_folds = n_folds
        self.patience_rounds = patience_rounds
        self.n_rounds = n_rounds
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
            Numbers and categories, told apart as by :class:`riskkit.binning.WoeBinner`.
        y : array of shape (n_rows,)
            1 = bad, 0 = good.
        sample_weight : array of shape (n_rows,), optional
            At least 0 and finite. Only their ratios count; a row of weight 0 takes no part.
        groups : array of shape (n_rows,), optional
            Rows of one group, such as the loans of one customer, go to one fold: each other's
            company in training would make them look easier to tell than a stranger's. A row whose
            group is missing is a group of its own.

        Raises
        ------
        ValueError
            A label of one class, fewer rows or groups of one than folds, a parameter out of range,
            unequal lengths, indexes that differ, a weight that is negative or not finite, no
            columns, a setting that names a column there is not, or too few bads for an isotonic
            calibration.
        TypeError
            `X` is no DataFrame; a name that is not text or occurs twice; or columns that are no
            features, such as dates, mixtures and ids, all of them named.
        """
        learning = self._learn(X, y, sample_weight, groups)
        if self.n_rounds is not None and self.calibration == "none":
            crossed = Crossed(self.n_rounds, np.full(len(learning.y), np.nan))
        else:
            crossed = self._cross(learning)
        self.n_rounds_ = crossed.n_rounds
        if self.n_rounds is None and self.n_rounds_ >= MAX_ROUNDS:
            warnings.warn(
                f"boosting still gained after {MAX_ROUNDS:,} rounds; raise learning_rate, now "
                f"{self.learning_rate:g}",
                stacklevel=2,
            )
        self.calibration_ = fit_calibration(
            self.calibration, crossed.raw, learning.y, learning.weight
        )
        self.booster_ = self._grow(learning, self.n_rounds_)
        return self

    @property
    def is_calibrated(self) -> bool:
        """Whether there is a calibration: False where rows not seen show no order of risk."""
        check_is_fitted(self, "calibration_")
        return self.calibration_ != UNCALIBRATED

    def recalibrated(self, intercept: float, slope: float) -> Challenger:
        """The same trees with a line on the log-odds of bad that they gave.

        Raises
        ------
        ValueError
            The slope is not above 0, which would turn the ranking round.
        """
        check_is_fitted(self, "calibration_")
        if not slope > 0:
            raise ValueError(f"slope must be > 0, got {slope!r}")
        moved = copy(self)
        moved.calibration_ = self.calibration_.moved(intercept, slope)
        return moved

    def _learn(
        self,
        X: pd.DataFrame,
        y: np.ndarray | pd.Series,
        sample_weight: np.ndarray | pd.Series | None,
        groups: ArrayLike | None = None,
    ) -> Learning:
        """Check the rows, remember their features, deal the folds."""
        self._check_settings()
        taken, y, weight = self._training_rows(X, y, sample_weight)
        same_rows(X=X, groups=groups)
        group = np.full(len(y), -1) if groups is None else group_numbers(groups, taken)
        if not taken.all():
            X = X[taken]
        # the penalties of leaves are absolute
        weight = np.ones(len(y)) if weight is None else weight / weight.mean()
        if X.shape[1] == 0:
            raise ValueError("X has no columns; at least one feature is needed")
        require_text_names(X.columns)
        trends = self.trends or {}
        refuse_unknown("trends", trends, X.columns)
        codes = SpecialCodes.read(self.special_codes, X.columns)
        if self.features is not None:
            require_features(X, self.features)
            X = X[list(self.features)]
        kinds = feature_kinds(X)
        categories = [name for name, kind in kinds.items() if kind == "category"]
        # the binner's own count refuses ids
        counts = count_features(X, y, features=categories)
        self.feature_names_in_ = np.array(list(X.columns), dtype=object)
        self.n_features_in_ = X.shape[1]
        self.levels_ = {
            name: found.levels
            for name, found in counts.items()
            if isinstance(found, CategoryCounts)
        }
        self.booleans_ = tuple(name for name, kind in kinds.items() if kind == "boolean")
        self.special_codes_ = {
            name: found
            for name, kind in kinds.items()
            if kind != "category" and (found := codes.of(name, kind))
        }
        matrix = self._matrix(X)
        columns = self._columns()
        # what is drawn by position is then drawn by content: ties are equal in all that counts
        order = np.lexsort((group, weight, *matrix.T, y))
        matrix, y, weight = matrix[order], y[order], weight[order]
        return Learning(
            matrix=matrix,
            y=y,
            weight=weight,
            fold=deal_folds(y, self.n_folds, self.seed, group[order]),
            directions=self._directions(trends),
            categorical=[i for i, (name, _) in enumerate(columns) if name in self.levels_],
        )

    def _directions(self, trends: Mapping[str, str]) -> list[int]:
        """Direction of each column of the matrix."""
        # LightGBM ends the whole process where a category has a direction
        return [
            _DIRECTIONS.get(trends.get(name, ""), 0) if is_value and name not in self.levels_ else 0
            for name, is_value in self._columns()
        ]

    def _bindable(self, trends: Mapping[str, str]) -> dict[str, str]:
        """Those that could bind the trees, of features that the challenger's own leave free."""
        own = self.trends or {}
        return {
            name: trends[name]
            for name in self.feature_names_in_
            if name not in own and name not in self.levels_ and trends.get(name) in _DIRECTIONS
        }

    def _check_settings(self) -> None:
        for name, least in (
            ("n_leaves", 2),
            ("min_leaf_rows", 1),
            ("n_folds", 2),
            ("patience_rounds", 1),
        ):
            value = getattr(self, name)
            if not value >= least:
                raise ValueError(f"{name} must be >= {least}, got {value!r}")
        rounds = self.n_rounds
        if rounds is not None and (isinstance(rounds, bool) or not isinstance(rounds, int)):
            raise TypeError(f"n_rounds must be a whole number, got {rounds!r}")
        if rounds is not None and rounds < 1:
            raise ValueError(f"n_rounds must be at least 1, got {rounds!r}")
        if not 0 < self.learning_rate < np.inf:
            raise ValueError(f"learning_rate must be > 0 and finite, got {self.learning_rate!r}")
        if not 0 < self.feature_share <= 1:
            raise ValueError(f"feature_share must lie in (0, 1], got {self.feature_share!r}")
        if self.calibration not in CALIBRATIONS:
            raise ValueError(f"calibration must be one of {CALIBRATIONS}, got {self.calibration!r}")

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

    def _cross(self, learning: Learning, n_folds: int | None = None) -> Crossed:
        """Raw scores of every row in the first folds, by the booster that has not seen its fold."""
        import lightgbm

        seen = [learning.fold != number for number in range(n_folds or self.n_folds)]
        crossed = lightgbm.cv(
            self._parameters(learning),
            learning.dataset(),
            num_boost_round=self.n_rounds or MAX_ROUNDS,
            folds=[(np.flatnonzero(others), np.flatnonzero(~others)) for others in seen],
            callbacks=[]
            if self.n_rounds
            else [lightgbm.early_stopping(self.patience_rounds, verbose=False)],
            return_cvbooster=True,
        )
        trained = cast("lightgbm.CVBooster", crossed["cvbooster"])
        n_rounds = self.n_rounds or int(trained.best_iteration)
        raw = np.full(len(learning.y), np.nan)
        for booster, others in zip(trained.boosters, seen, strict=True):
            raw[~others] = _predict(booster, learning.matrix[~others], n_rounds, raw_score=True)
        return Crossed(n_rounds, raw)

    def _grow(self, learning: Learning, n_rounds: int) -> lightgbm.Booster:
        """A booster that has seen all rows."""
        import lightgbm

        parameters = self._parameters(learning)
        return lightgbm.train(parameters, learning.dataset(), num_boost_round=n_rounds)

    def _columns(self) -> list[tuple[str, bool]]:
        return matrix_columns(list(self.feature_names_in_), self.special_codes_)

    def _matrix(self, X: pd.DataFrame) -> Array:
        names = list(self.feature_names_in_)
        return matrix_of(X, names, self.levels_, self.special_codes_)

    def _log_odds(self, X: pd.DataFrame) -> Array:
        """Calibrated log-odds of bad."""
        check_is_fitted(self, "booster_")
        raw = _predict(self.booster_, self._matrix(X), self.n_rounds_, raw_score=True)
        return self.calibration_.log_odds(raw)

    def scored(self, X: pd.DataFrame) -> pd.DataFrame:
        """Credit score, rounded, and probability of bad, not rounded, of each row.

        Returns
        -------
        DataFrame, index of `X`
            credit_score, default_probability.
        """
        log_odds, scale = self._log_odds(X), self.score_scale
        score = np.rint(scale.offset - scale.factor * log_odds).astype(np.int64)
        return self._table(X, score, expit(log_odds))

    def importance(self) -> pd.Series:
        """Share of the trees' gain by feature, largest first; a special code's column included.

        All are 0 where no tree has a split.
        """
        check_is_fitted(self, "booster_")
        gain = pd.Series(
            self.booster_.feature_importance("gain", iteration=self.n_rounds_),
            index=[name for name, _ in self._columns()],
        )
        gain = gain.groupby(level=0).sum().rename_axis("feature").rename("gain_share")
        return (gain / (gain.sum() or 1.0)).sort_values(ascending=False, kind="stable")

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

        Raises
        ------
        ValueError
            A feature is called "base", as the average is.

        Source
        ------
        Lundberg et al. (2020), From local explanations to global understanding with explainable AI
        for trees, Nature Machine Intelligence 2: the tree SHAP values that LightGBM computes.
        """
        check_is_fitted(self, "booster_")
        if "base" in self.feature_names_in_:
            raise ValueError('contributions name the average "base": rename the feature "base"')
        base, parts = self._parts(X)
        points = pd.DataFrame(parts, index=X.index, columns=list(self.feature_names_in_))
        points.insert(0, "base", base)
        return points

    def _parts(self, X: pd.DataFrame) -> tuple[Array, Array]:
        """Points of the average, and of each feature, shape (n_rows, n_features)."""
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
        points = np.zeros((len(raw), self.n_features_in_))
        place = {name: k for k, name in enumerate(self.feature_names_in_)}
        for k, (name, _) in enumerate(self._columns()):
            points[:, place[name]] += parts[:, k]
        return base, points

    def reasons(
        self, X: pd.DataFrame, n: int = 4, *, features: Sequence[Feature] | None = None
    ) -> pd.DataFrame:
        """What cost each applicant the most points, against the average of the training rows.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_features)
        n : int
            At most so many reasons a row.
        features : sequence of Feature, optional
            The catalogue, for labels, units and the meaning of special codes; without it, reasons
            name features by their columns.

        Returns
        -------
        DataFrame, index (row, rank)
            As :meth:`Scorecard.reasons`; points are :meth:`contributions`, the reference 0. The
            reason is the label and the applicant's own value, since trees have no bins, such as
            "Requested term: 24 months".
        """
        check_is_fitted(self, "booster_")
        names = list(self.feature_names_in_)
        points = self._parts(X)[1]
        told = catalogue(features)

        def word(row: int, column: int) -> str:
            name = names[column]
            value, feature = X[name].iloc[row], told.get(name)
            if pd.isna(value):
                text = "missing"
            elif name in self.levels_:
                text = level_of(value)
            elif name in self.booleans_:
                text = "yes" if value else "no"
            elif float(value) in self.special_codes_.get(name, ()):
                text = special_words(float(value), feature)
            else:
                text = number_words(float(value), feature)
            return f"{feature_label(name, feature)}: {text}"

        return reasons_table(X.index, names, points, np.zeros(len(names)), word, n)

    def describe(self) -> Description:
        """What the trees are grown on, or that none are yet, and what to call next."""
        if not hasattr(self, "booster_"):
            return self._not_fitted()
        names = self.feature_names_in_
        bound = sum((self.trends or {}).get(name) in _DIRECTIONS for name in names)
        gain = self.importance()
        calibration = self.calibration if self.is_calibrated else "none"
        facts = {
            "features": f"{len(names)}, {bound} of them bound to a direction",
            "trees": f"{self.n_rounds_:,} of at most {self.n_leaves} leaves",
            "most gain": f"{gain.index[0]}, {gain.iloc[0]:.0%} of all" if gain.any() else "",
            "calibration": calibration,
            "scale": self._scale_words,
        }
        calls = [".credit_score(X)", ".importance()", ".contributions(X)", ".reasons(X)"]
        return Description("Challenger", facts, [*calls, '.save("challenger.json")'])

    def _values(self) -> dict[str, Any]:
        check_is_fitted(self, "booster_")
        return {
            "scale": asdict(self.score_scale),
            "settings": self._settings("scale")
            | {"special_codes": codes_to_json(self.special_codes)},
            "features": list(self.feature_names_in_),
            "levels": self.levels_,
            "booleans": self.booleans_,
            "special_codes": self.special_codes_,
            "calibration": self.calibration_.values(),
            "n_rounds": self.n_rounds_,
            # LightGBM's own text
            "booster": self.booster_.model_to_string(num_iteration=self.n_rounds_).splitlines(),
        }

    @classmethod
    def _from_values(cls, values: Mapping[str, Any]) -> Self:
        import lightgbm

        columns = matrix_columns(values["features"], values["special_codes"])
        require_whole(values, len(columns))
        settings = dict(values["settings"])
        settings["special_codes"] = codes_from_json(settings["special_codes"])
        model = cls(scale=ScoreScale(**values["scale"]), **settings)
        model._check_settings()
        model.classes_ = np.array([0, 1])
        model.feature_names_in_ = np.array(values["features"], dtype=object)
        model.n_features_in_ = len(values["features"])
        model.levels_ = {name: tuple(levels) for name, levels in values["levels"].items()}
        model.booleans_ = tuple(values["booleans"])
        model.special_codes_ = {n: tuple(codes) for n, codes in values["special_codes"].items()}
        model.calibration_ = calibration_from(values["calibration"])
        model.n_rounds_ = values["n_rounds"]
        try:
            model.booster_ = lightgbm.Booster(model_str="\n".join(values["booster"]) + "\n")
        except lightgbm.basic.LightGBMError as error:
            raise ValueError(f"booster: {error}") from error
        return model


def _predict(booster: lightgbm.Booster, matrix: Array, n_rounds: int, **kind: Any) -> Array:
    """What the trees say of each row, block by block in threads of our own."""

    def of_block(start: int) -> Array:
        block = matrix[start : start + _BLOCK_ROWS]
        said = booster.predict(block, num_iteration=n_rounds, num_threads=_N_THREADS, **kind)
        return np.asarray(said)

    if len(matrix) == 0:  # LightGBM divides by their number
        return np.empty((0, matrix.shape[1] + 1) if "pred_contrib" in kind else 0)
    if len(matrix) <= _BLOCK_ROWS:
        return of_block(0)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return np.concatenate(list(pool.map(of_block, range(0, len(matrix), _BLOCK_ROWS))))

"""The WoE binner: optimal bins from fine counts, and each row's WoE.

Takes features and a label, or their counts; gives a fitted transformer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from riskkit.binning.bins import FeatureBins
from riskkit.binning.counts import CategoryCounts, FeatureCounts, NumericCounts, count_features
from riskkit.schema import JsonModel

__all__ = ["WoeBinner", "require_features"]

TRENDS = ("auto", "ascending", "descending", "peak", "valley", "none")
# a level's bad rate is drawn towards the average as if this many average rows were added, so that
# a handful of rows does not put a rare level at either end of the risk order
_LEVEL_PRIOR_ROWS = 20.0
_LEAST_LEVEL_SHARE = 0.01
_MAX_PREBINS, _PREBIN_SIZE = 20, 0.05
# optbinning floors the weight of a bin: counts of this size lose nothing by it
_SOLVER_WEIGHT = 1e9


def require_features(X: pd.DataFrame, names: Iterable[str]) -> None:
    """Refuse what is no frame, or lacks features, naming them.

    Raises
    ------
    TypeError, ValueError
    """
    if not isinstance(X, pd.DataFrame):
        raise TypeError(f"X must be a DataFrame with named columns, got {type(X).__name__}")
    missing = [name for name in names if name not in X.columns]
    if missing:
        raise ValueError(f"X lacks the columns {missing}; it has {list(X.columns)}")


class WoeBinner(JsonModel, TransformerMixin, BaseEstimator):
    """Optimal binning under a trend, and WoE = ln(share of goods ÷ share of bads) per bin.

    Missing values and special codes have bins of their own, with their empirical WoE. A level
    never seen in fit, and a missing value where none was seen, gets the riskiest bin's WoE.

    Parameters
    ----------
    max_bins : int
        Most bins of ordinary values per feature.
    min_bin_size : float
        Least share of all rows in a bin of ordinary values, in (0, 0.5).
    trend : str or mapping of feature to str
        Course of the bad rate over rising values: "auto" (a direction, peak or valley where the
        data show one), "ascending", "descending", "peak", "valley", "none". A feature the mapping
        does not name is "auto".
    special_codes : mapping of feature to codes, optional

    Attributes
    ----------
    bins_ : dict of str to FeatureBins
    counts_ : FeatureCounts
        The fine counts; not after :meth:`load`.
    feature_names_in_ : array of str
    n_features_in_ : int

    References
    ----------
    Siddiqi (2006), Credit Risk Scorecards, ch. 6; bins by Navas-Palencia (2020), Optimal binning:
    mathematical programming formulation, arXiv:2001.08025.

    Examples
    --------
    >>> X = pd.DataFrame({"age": [20.0] * 40 + [30.0] * 40 + [40.0] * 40})
    >>> y = np.tile([1, 0, 0, 0, 0, 1, 0, 0, 0, 0], 12)
    >>> y[:20] = [1, 0] * 10
    >>> binner = WoeBinner().fit(X, y)
    >>> binner.edges["age"].tolist()
    [30.0]
    """

    json_kind = "riskkit.WoeBinner"

    def __init__(
        self,
        *,
        max_bins: int = 8,
        min_bin_size: float = 0.05,
        trend: str | Mapping[str, str] = "auto",
        special_codes: Mapping[str, Sequence[float]] | None = None,
    ):
        self.max_bins = max_bins
        self.min_bin_size = min_bin_size
        self.trend = trend
        self.special_codes = special_codes

    def fit(
        self,
        X: pd.DataFrame,
        y: np.ndarray | pd.Series,
        sample_weight: np.ndarray | pd.Series | None = None,
    ) -> WoeBinner:
        """Fit to rows.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_features)
        y : array of shape (n_rows,)
            1 = bad, 0 = good.
        sample_weight : array of shape (n_rows,), optional
        """
        counts = count_features(X, y, sample_weight=sample_weight, special_codes=self.special_codes)
        return self.fit_counts(counts)

    def fit_counts(self, counts: FeatureCounts) -> WoeBinner:
        """Fit to counts of :func:`count_features`, however many rows are behind them.

        Raises
        ------
        ValueError
            A parameter out of range, one class only, or limits that no bins can satisfy.
        """
        if self.max_bins < 2:
            raise ValueError(f"max_bins must be at least 2, got {self.max_bins!r}")
        if not 0 < self.min_bin_size < 0.5:
            raise ValueError(f"min_bin_size must be in (0, 0.5), got {self.min_bin_size!r}")
        trends = {"": self.trend} if isinstance(self.trend, str) else self.trend
        for name, trend in trends.items():
            if trend not in TRENDS:
                raise ValueError(f"trend of {name or 'all'} must be one of {TRENDS}, got {trend!r}")
        self.bins_ = {name: self._bin(name, counts[name]) for name in counts}
        self.counts_ = counts
        self._name_features(list(counts))
        return self

    def _name_features(self, names: Sequence[str]) -> None:
        self.feature_names_in_ = np.array(names, dtype=object)
        self.n_features_in_ = len(names)

    def _bin(self, name: str, counts: NumericCounts | CategoryCounts) -> FeatureBins:
        if (counts.total == 0).any():
            raise ValueError(
                f"feature {name}: goods and bads are both needed, got {counts.total.tolist()}"
            )
        if isinstance(counts, CategoryCounts):
            # levels too rare to be told apart stand together, or chance would order them
            share = counts.cells.sum(axis=1) / counts.total.sum()
            parts = [np.array([i]) for i in np.flatnonzero(share >= _LEAST_LEVEL_SHARE)]
            rare = np.flatnonzero(share < _LEAST_LEVEL_SHARE)
            if len(rare):
                parts.append(rare)
            cells = np.array([counts.cells[part].sum(axis=0) for part in parts]).reshape(-1, 2)
            rank = np.argsort(self._level_risk(cells, counts.total), kind="stable")
            splits = self._solve(name, cells[rank], float(counts.total.sum()), "ascending")
            groups = [
                np.concatenate([parts[i] for i in group]) if len(group) else np.empty(0, np.intp)
                for group in np.split(rank, splits)
            ]
            cells = np.array([counts.cells[group].sum(axis=0) for group in groups])
            return FeatureBins(
                name=name,
                edges=None,
                groups=tuple(tuple(counts.levels[i] for i in sorted(g)) for g in groups),
                special_codes=(),
                counts=np.vstack([cells, counts.missing]),
            )
        trend = self.trend if isinstance(self.trend, str) else self.trend.get(name, "auto")
        splits = self._solve(name, counts.cells, float(counts.total.sum()), trend)
        cells = np.add.reduceat(counts.cells, np.append(0, splits).astype(np.intp), axis=0)
        return FeatureBins(
            name=name,
            edges=counts.edges[splits - 1],
            groups=None,
            special_codes=counts.special_codes,
            counts=np.vstack([cells, counts.special, counts.missing]),
        )

    @staticmethod
    def _level_risk(cells: np.ndarray, total: np.ndarray) -> np.ndarray:
        n = cells.sum(axis=1)
        average = total[1] / total.sum()
        return (cells[:, 1] + _LEVEL_PRIOR_ROWS * average) / (n + _LEVEL_PRIOR_ROWS)

    def _solve(self, name: str, cells: np.ndarray, n_rows: float, trend: str) -> np.ndarray:
        """Numbers of the cells at which a new bin begins, ascending."""
        from optbinning import OptimalBinning

        n_clean = cells.sum()
        if len(cells) < 2 or n_clean == 0:
            return np.empty(0, dtype=np.intp)
        # the limits are shares of all rows, the solver sees the ordinary values only
        # (a hair less, lest rounding of the weights refuse a bin of exactly the least size)
        scale = (1 - 1e-6) * n_rows / n_clean
        least = min(self.min_bin_size * scale, 0.5)
        point = np.repeat(np.arange(len(cells), dtype=np.float64), 2)
        weight = cells.ravel() * (_SOLVER_WEIGHT / n_clean)
        seen = weight > 0
        solver = OptimalBinning(
            dtype="numerical",
            max_n_prebins=_MAX_PREBINS,
            min_prebin_size=min(_PREBIN_SIZE * scale, least),
            max_n_bins=self.max_bins,
            min_bin_size=least,
            monotonic_trend=None if trend == "none" else trend,
        )
        label = np.tile([0, 1], len(cells))
        solver.fit(point[seen], label[seen], sample_weight=weight[seen])
        if solver.status not in ("OPTIMAL", "FEASIBLE"):
            raise ValueError(
                f"feature {name}: no bins satisfy max_bins={self.max_bins}, "
                f"min_bin_size={self.min_bin_size}, trend={trend!r} ({solver.status})"
            )
        return np.ceil(np.asarray(solver.splits, dtype=np.float64)).astype(np.intp)

    def _columns(self, X: pd.DataFrame) -> list[str]:
        check_is_fitted(self, "bins_")
        require_features(X, self.feature_names_in_)
        return list(self.feature_names_in_)

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """WoE of each value.

        Parameters
        ----------
        X : DataFrame
            At least the columns of fit.

        Returns
        -------
        DataFrame of shape (n_rows, n_features), float64
            Columns as in fit, index of `X`.
        """
        return pd.DataFrame(
            {
                name: self.bins_[name].woe[self.bins_[name].assign(X[name])]
                for name in self._columns(X)
            },
            index=X.index,
        )

    def bin_numbers(self, X: pd.DataFrame) -> pd.DataFrame:
        """Number of each value's bin, in the order of :meth:`table`; int16."""
        return pd.DataFrame(
            {name: self.bins_[name].assign(X[name]) for name in self._columns(X)}, index=X.index
        )

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:
        """Names of the columns that :meth:`transform` gives: those of fit."""
        check_is_fitted(self, "bins_")
        return self.feature_names_in_

    def table(self, feature: str) -> pd.DataFrame:
        """Bin table of one feature; see :meth:`FeatureBins.table`."""
        check_is_fitted(self, "bins_")
        return self.bins_[feature].table()

    @property
    def iv(self) -> pd.Series:
        """Information value of each feature, largest first."""
        check_is_fitted(self, "bins_")
        values = {name: bins.iv for name, bins in self.bins_.items()}
        return pd.Series(values, name="iv").sort_values(ascending=False, kind="stable")

    @property
    def edges(self) -> dict[str, np.ndarray]:
        """Edges of each numeric feature."""
        check_is_fitted(self, "bins_")
        return {n: bins.edges for n, bins in self.bins_.items() if bins.edges is not None}

    @property
    def trends(self) -> dict[str, str]:
        """Course of the bad rate over each feature's bins, as found."""
        check_is_fitted(self, "bins_")
        return {name: bins.trend for name, bins in self.bins_.items()}

    def _values(self) -> dict[str, Any]:
        check_is_fitted(self, "bins_")
        parameters = self.get_params(deep=False)
        if self.special_codes is not None:
            parameters["special_codes"] = {k: list(v) for k, v in self.special_codes.items()}
        if not isinstance(self.trend, str):
            parameters["trend"] = dict(self.trend)
        return {
            "parameters": parameters,
            "features": [bins.to_json() for bins in self.bins_.values()],
        }

    @classmethod
    def _from_values(cls, values: Mapping[str, Any]) -> Self:
        binner = cls(**values["parameters"])
        binner.bins_ = {f["name"]: FeatureBins.from_json(f) for f in values["features"]}
        binner._name_features(list(binner.bins_))
        return binner

"""The WoE binner: optimal bins from fine counts, and each row's WoE.

Takes features and a label, or their counts; gives a fitted transformer.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from riskkit.binning.bins import FeatureBins
from riskkit.binning.choose import BELOW_MIN_BADS, MISSING, Request, choose_each
from riskkit.binning.counts import CategoryCounts, FeatureCounts, count_features
from riskkit.binning.edits import Edit, Editable, replayed, taken_over
from riskkit.binning.grouped_counts import Group, counts_by
from riskkit.binning.leakage import one_class_iv
from riskkit.binning.optbinning import bins_of_fitted
from riskkit.binning.solve import TRENDS
from riskkit.binning.special_codes import GivenCodes, codes_from_json, codes_to_json
from riskkit.binning.sql import lookup_select
from riskkit.binning.stored import StoredBinner, require_sound
from riskkit.checks import known_groups, refuse_unknown, same_rows, weight_array
from riskkit.columns import Described, Description, require_features
from riskkit.tables import JsonModel, Table

__all__ = ["WoeBinner"]

# parameters that map features to something
_OF_FEATURES = ("trend", "missing", "candidate_edges", "fixed_edges")
_ROWS_FOR_THREADS = 20_000
_N_THREADS = os.cpu_count() or 1


def _array_names(n_features: int) -> list[str]:
    """Names of an array's columns, as scikit-learn's own."""
    return [f"x{i}" for i in range(n_features)]


def _require_plain_names(names: Iterable[Hashable]) -> None:
    """Refuse names that a file of JSON cannot hold."""
    odd = [
        name
        for name in names
        if not isinstance(name, str | int | np.integer) or isinstance(name, bool | np.bool_)
    ]
    if odd:
        raise TypeError(f"names of features must be text or whole numbers, got {odd[:3]}")


class WoeBinner(Described, Editable, JsonModel, TransformerMixin, BaseEstimator):
    """Optimal binning under a trend, and WoE = ln(share of goods ÷ share of bads) per bin.

    Missing values and special codes have bins of their own, with their empirical WoE. A level
    never seen in fit, and a missing value where none was seen, gets the riskiest bin's WoE.
    A setting that names a column there is not is refused.

    Parameters
    ----------
    max_bins : int
        Most bins of ordinary values per feature.
    min_bin_size : float
        Least share of all rows in a bin of ordinary values, in (0, 0.5).
    min_bads : float
        Least weight of bads in a bin of ordinary values, which has goods and bads in any case; a
        bin of a special code or of missing values with fewer takes the WoE `below_min_bads` names.
    below_min_bads : str
        "neutral", a WoE of 0, or "riskiest", that of the riskiest bin there is.
    max_p_value : float, optional
        Neighbouring bins differ in their bad rates, χ² with one degree of freedom, at this level;
        by default any difference will do. Neighbours of a number are bins of neighbouring values,
        those of a category follow each other in risk. The edges are chosen on the same rows, so
        this is a measure of how much two bins must differ, not the chance of an error.
    trend : str or mapping of feature to str
        Course of the bad rate over rising values: "auto" (a direction where the data show one,
        else a peak or valley, else none), "ascending", "descending", "peak", "valley",
        "none". A feature the mapping does not name is "auto". Levels have no course.
    special_codes : list of float, or mapping of feature to such a list, optional
        Numbers that are no measurement; a list is of every number. A mapping of code to meaning may
        stand for a list.
    missing : str or mapping of feature to str
        "own_bin", or "riskiest": missing values join the bin of the highest bad rate.
        :meth:`merge_bins` puts them into any other.
    candidate_edges : mapping of feature to sequence of float, optional
        The only values at which a bin may begin; the best of them are chosen.
    fixed_edges : mapping of feature to sequence of float, optional
        All the edges of a feature; nothing is chosen, and they must satisfy the limits.
    reversal_level : float
        Where fit is given periods: neighbours that change places in one of them at this level,
        after Holm over the periods, are not made. Periods are joined until both bins have 20 bads.
    min_period_gap : float, optional
        Where fit is given periods: the bad rates of neighbours are apart by at least so much, in
        the order of all periods, in each.
    infeasible : str
        What to do where a stated trend leaves a feature no split, or its ordinary values have
        fewer than `min_bads` bads in all: "raise", or "one_bin", which :attr:`one_bin_` explains.
    edits : sequence of Edit, optional
        Decisions of an earlier binner, its :attr:`log_`, to be made again on these rows.

    Attributes
    ----------
    bins_ : dict of str to FeatureBins
    counts_ : FeatureCounts
        The fine counts, on which bins are edited; not after :meth:`load`.
    log_ : tuple of Edit
        Every edit, oldest first; :meth:`edit_log` is its table.
    one_bin_ : dict of str to str
        Features that were not split, and why.
    leakage_ : dict of str to float
        Features of which one class alone holds most, and the IV of that with half counts; see
        :func:`riskkit.binning.leakage.one_class_iv`. Bins may not show it, since one of ordinary
        values has goods and bads in any case.
    feature_names_in_ : array of str
        Only where the features have names.
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
    json_version = 2  # under a checksum
    json_shape = StoredBinner

    def __init__(
        self,
        *,
        max_bins: int = 8,
        min_bin_size: float = 0.05,
        min_bads: float = 0,
        trend: str | Mapping[str, str] = "auto",
        special_codes: GivenCodes | None = None,
        missing: str | Mapping[str, str] = "own_bin",
        candidate_edges: Mapping[str, Sequence[float]] | None = None,
        fixed_edges: Mapping[str, Sequence[float]] | None = None,
        infeasible: str = "raise",
        edits: Sequence[Edit] | None = None,
        max_p_value: float | None = None,
        below_min_bads: str = "neutral",
        reversal_level: float = 0.05,
        min_period_gap: float | None = None,
    ):
        self.max_bins = max_bins
        self.min_bin_size = min_bin_size
        self.min_bads = min_bads
        self.trend = trend
        self.special_codes = special_codes
        self.missing = missing
        self.candidate_edges = candidate_edges
        self.fixed_edges = fixed_edges
        self.infeasible = infeasible
        self.edits = edits
        self.max_p_value = max_p_value
        self.below_min_bads = below_min_bads
        self.reversal_level = reversal_level
        self.min_period_gap = min_period_gap

    def fit(
        self,
        X: pd.DataFrame | Table,
        y: np.ndarray | pd.Series | str,
        sample_weight: np.ndarray | pd.Series | str | None = None,
        *,
        features: Sequence[str] | None = None,
        stable_over: np.ndarray | pd.Series | Group | None = None,
    ) -> WoeBinner:
        """Fit to rows.

        Parameters
        ----------
        X : DataFrame or array of shape (n_rows, n_features), or Table
            A Table is counted block by block, as by :func:`count_features`.
        y : array of shape (n_rows,), or str
            1 = bad, 0 = good. The name of a column of `X`, which a Table needs: then it is none of
            the features.
        sample_weight : array of shape (n_rows,), or str, optional
        features : sequence of str, optional
            Columns to bin, by default all; settings may speak of the others.
        stable_over : array of shape (n_rows,), or function of rows that gives it, optional
            Period of each row, such as its quarter, in the order of its values: no neighbouring
            bins are made that change places in one of them; see `reversal_level`. That they
            differ is judged over all periods. Of a Table, a function.

        Raises
        ------
        ValueError
            As in :func:`count_features` and :meth:`fit_counts`.
        """
        if isinstance(X, Table):
            return self._fit_table(X, y, sample_weight, features, stable_over)
        if isinstance(y, str):
            features = [name for name in X.columns if name != y] if features is None else features
            y = X[y]
        stable_over = stable_over(X) if callable(stable_over) else stable_over
        same_rows(X=X, y=y, sample_weight=sample_weight, stable_over=stable_over)
        X = self._frame(X, fit=True)
        _require_plain_names(X.columns if features is None else features)
        # rows of an array have no index of their own
        labels: Any = y if y is None else np.asanyarray(y)
        sample_weight = None if sample_weight is None else np.asanyarray(sample_weight)
        if (
            sample_weight is not None
            and not weight_array(sample_weight, len(X), "sample_weight").any()
        ):
            raise ValueError("sample_weight is zero in every row")
        count = partial(
            count_features,
            special_codes=self.special_codes,
            boundaries=self.boundaries(),
            features=features,
        )
        counts = count(X, labels, sample_weight=sample_weight)
        periods = None
        if stable_over is not None:
            place, names = known_groups(stable_over, "stable_over", len(X), like="X")
            periods = []
            for number in range(len(names)):
                rows = place == number
                weight = None if sample_weight is None else sample_weight[rows]
                periods.append(
                    count(X[rows], labels[rows], edges=counts.edges, sample_weight=weight)
                )
        return self._fit_counts(counts, list(X.columns), periods)

    def _fit_table(
        self,
        X: Table,
        y: Any,
        sample_weight: Any,
        features: Sequence[str] | None,
        stable_over: Any,
    ) -> WoeBinner:
        codes, boundaries = self.special_codes, self.boundaries()
        counts = count_features(
            X,
            y,
            features=features,
            sample_weight=sample_weight,
            special_codes=codes,
            boundaries=boundaries,
        )
        periods = None
        if stable_over is not None:
            if not callable(stable_over) or sample_weight is not None:
                raise TypeError(
                    "stable_over of a Table is a function of rows, which have no weights"
                )
            by_period = counts_by(
                X,
                y,
                stable_over,
                counts.edges,
                features=list(counts),
                columns=X.columns,
                special_codes=codes,
                boundaries=boundaries,
            )
            periods = list(by_period.values())
        return self._fit_counts(counts, X.columns, periods)

    def fit_counts(
        self, counts: FeatureCounts, *, stable_over: Sequence[FeatureCounts] | None = None
    ) -> WoeBinner:
        """Fit to counts of :func:`count_features`, however many rows are behind them.

        Parameters
        ----------
        counts : FeatureCounts
        stable_over : sequence of FeatureCounts, optional
            Those of each period, oldest first, on the edges of `counts`, to which they add up.

        Raises
        ------
        ValueError
            A parameter out of range, one class only, an unknown feature in a parameter, or
            requests that no bins can satisfy; every such feature is named, with the constraint.
        """
        return self._fit_counts(counts, list(counts), stable_over)

    def _fit_counts(
        self,
        counts: FeatureCounts,
        known: Sequence[str],
        periods: Sequence[FeatureCounts] | None = None,
        *,
        judged: bool = True,
    ) -> WoeBinner:
        """Fit to counts of columns, of which there may be more; fixed edges are judged or taken."""
        self._check_parameters(counts, known)
        accepted = {edit.feature: edit for edit in self.edits or ()}
        self.bins_: dict[str, FeatureBins] = {}
        self.one_bin_: dict[str, str] = {}
        self.leakage_: dict[str, float] = {}
        infeasible = []
        for name, found in counts.items():
            if (found.total == 0).any():
                raise ValueError(
                    f"feature {name}: goods and bads are both needed, got 1 class: "
                    f"{found.total.tolist()}"
                )
        requests = {name: self.request(name) for name in counts if name not in accepted}
        choices = choose_each(counts, requests, periods, judged=judged)
        for name, found in counts.items():
            if leak := one_class_iv(found):
                self.leakage_[name] = leak
            if name in accepted:
                bins = replayed(accepted[name], found)
                self.bins_[name] = replace(
                    bins, min_bads=float(self.min_bads), below_min_bads=self.below_min_bads
                )
                continue
            choice = choices[name]
            self.bins_[name] = choice.bins
            if choice.one_bin:
                self.one_bin_[name] = choice.one_bin
            if choice.infeasible:
                infeasible.append(f"feature {name}: {choice.infeasible}")
        if infeasible and self.infeasible == "raise":
            raise ValueError("; ".join(infeasible))
        self.counts_ = counts
        self.log_: tuple[Edit, ...] = tuple(self.edits or ())
        self._name_features(list(counts))
        return self

    @classmethod
    def from_optbinning(cls, fitted: Any, *, name: str | None = None) -> Self:
        """Binner with the bins that optbinning has fitted, and their counts.

        :meth:`transform` gives optbinning's WoE, which has the same sign, ln(share of goods ÷ share
        of bads), to the rounding of floats: that of ``fitted.transform(X, metric="woe",
        metric_special="empirical", metric_missing="empirical")``. It differs

        - for special codes and missing values, which optbinning gives 0 unless told "empirical";
        - where a bin has no goods or no bads: optbinning gives 0, we the WoE smoothed by half a
          count, and that of the riskiest bin where it has no rows at all;
        - for levels never seen, `cat_unknown` or about 0 to optbinning: the riskiest bin's WoE.

        Special codes of a list share a bin, as do those under one key; those of a category become
        levels. The levels under `cat_cutoff` stay together. A column of true and false is known
        as a number. There are no fine counts, so bins can be merged, not split; but each feature's
        bins stand in :attr:`log_` and `edits`: ``sklearn.base.clone(binner).fit(X, y)`` counts them
        on other rows, and ``riskkit run -p edits=FILE`` takes the saved binner's. Leakage is not
        looked for.

        Parameters
        ----------
        fitted : BinningProcess, OptimalBinning, its binning_table, or DataFrame
            Of a binary target. Of a process, the variables it transforms. A DataFrame is what
            ``binning_table.build()`` gives of a category; that of a number rounds its edges.
        name : str, optional
            The feature, where the object names none.

        Raises
        ------
        TypeError, ValueError
            What cannot be taken over: other targets, piecewise bins, codes counted twice, texts
            that two levels share, fixed WoE in `binning_transform_params`.
        ImportError
            optbinning is not installed, and `fitted` is no DataFrame.
        """
        bins = bins_of_fitted(fitted, name)
        log = tuple(taken_over(found) for found in bins.values())
        codes = {name: list(b.special_codes) for name, b in bins.items() if b.special_codes}
        binner = cls(special_codes=codes or None, edits=log)
        binner.bins_ = bins
        binner.one_bin_ = {n: "optbinning made one" for n, b in bins.items() if b.n_bins == 1}
        binner.leakage_ = {}
        binner.log_ = log
        binner._name_features(list(bins))
        return binner

    def check_settings(self) -> None:
        """Refuse settings that no counts could be binned by.

        Raises
        ------
        ValueError
            Names the setting, its range and the value.
        """
        if self.max_bins < 2:
            raise ValueError(f"max_bins must be at least 2, got {self.max_bins!r}")
        if not 0 < self.min_bin_size < 0.5:
            raise ValueError(f"min_bin_size must be in (0, 0.5), got {self.min_bin_size!r}")
        if not self.min_bads >= 0:
            raise ValueError(f"min_bads must be at least 0, got {self.min_bads!r}")
        if self.max_p_value is not None and not 0 < self.max_p_value <= 1:
            raise ValueError(f"max_p_value must lie in (0, 1], got {self.max_p_value!r}")
        if self.below_min_bads not in BELOW_MIN_BADS:
            raise ValueError(
                f"below_min_bads must be one of {BELOW_MIN_BADS}, got {self.below_min_bads!r}"
            )
        if not 0 <= self.reversal_level < 1:
            raise ValueError(f"reversal_level must lie in [0, 1), got {self.reversal_level!r}")
        if self.min_period_gap is not None and not 0 <= self.min_period_gap < 1:
            raise ValueError(f"min_period_gap must lie in [0, 1), got {self.min_period_gap!r}")
        if self.infeasible not in ("raise", "one_bin"):
            raise ValueError(f"infeasible must be raise or one_bin, got {self.infeasible!r}")
        for what, given, allowed in (
            ("trend", self.trend, TRENDS),
            ("missing", self.missing, MISSING),
        ):
            choices = {"": given} if isinstance(given, str) else given
            for name, choice in choices.items():
                if choice not in allowed:
                    raise ValueError(
                        f"{what} of {name or 'all'} must be one of {allowed}, got {choice!r}"
                    )

    def _check_parameters(self, counts: FeatureCounts, known: Sequence[str]) -> None:
        self.check_settings()
        for what, given in (("trend", self.trend), ("missing", self.missing)):
            if not isinstance(given, str):
                refuse_unknown(what, given, known)
        edited = {edit.feature: edit for edit in self.edits or ()}
        for what, named in (
            ("candidate_edges", self.candidate_edges),
            ("fixed_edges", self.fixed_edges),
            ("edits", edited),
        ):
            refuse_unknown(what, named or {}, known)
            levels = [n for n in named or {} if isinstance(counts.get(n), CategoryCounts)]
            if levels and what != "edits":
                raise ValueError(f"{what} names {levels}, which are categories and have no edges")

    def request(self, name: str) -> Request:
        """What is asked of one feature."""
        return Request(
            max_bins=self.max_bins,
            min_bin_size=self.min_bin_size,
            min_bads=self.min_bads,
            trend=self.trend if isinstance(self.trend, str) else self.trend.get(name, "auto"),
            missing=self.missing
            if isinstance(self.missing, str)
            else self.missing.get(name, "own_bin"),
            candidate_edges=(self.candidate_edges or {}).get(name),
            fixed_edges=(self.fixed_edges or {}).get(name),
            max_p_value=self.max_p_value,
            reversal_level=self.reversal_level,
            min_period_gap=self.min_period_gap,
            below_min_bads=self.below_min_bads,
        )

    def is_decided(self, name: str) -> bool:
        """Whether an analyst, not the counts, has chosen a feature's bins."""
        return name in self.decisions or name in (self.fixed_edges or {})

    @property
    def decisions(self) -> dict[str, Edit]:
        """The last edit of each feature that an analyst has decided on."""
        return {edit.feature: edit for edit in getattr(self, "log_", self.edits or ())}

    def boundaries(self) -> dict[str, list[float]]:
        """Edges that counts must be able to cut at."""
        found: dict[str, list[float]] = {}
        edited = {name: edit.edges or () for name, edit in self.decisions.items()}
        for given in (self.candidate_edges, self.fixed_edges, edited):
            for name, edges in (given or {}).items():
                found.setdefault(name, []).extend(edges)
        return found

    def _name_features(self, names: Sequence[str]) -> None:
        self.n_features_in_ = len(names)
        of_frame = all(isinstance(name, str) for name in names)
        if of_frame and list(names) != _array_names(len(names)):
            self.feature_names_in_: np.ndarray = np.array(names, dtype=object)
        elif hasattr(self, "feature_names_in_"):  # of an earlier fit
            del self.feature_names_in_

    def _frame(self, X: Any, *, fit: bool = False) -> pd.DataFrame:
        """Features as a frame with the columns of fit; those of an array are called x0, x1, …."""
        if isinstance(X, np.ma.MaskedArray):
            X = np.ma.filled(X.astype(float), np.nan)
        if not isinstance(X, pd.DataFrame):
            X = validate_data(self, X, reset=fit, dtype=None, ensure_all_finite=False)
            # of a fit on names, of which scikit-learn has warned, the columns go by their order
            named = None if fit else getattr(self, "feature_names_in_", None)
            X = pd.DataFrame(X, columns=_array_names(X.shape[1]) if named is None else named)
            return X.infer_objects() if X.dtypes.eq(object).any() else X
        if X.shape[1] == 0:
            raise ValueError(f"0 feature(s) (shape={X.shape}) while a minimum of 1 is required.")
        if not fit:
            require_features(X, self.bins_)
        return X

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """WoE of each value.

        Parameters
        ----------
        X : DataFrame or array
            A frame has at least the columns of fit, in any order; an array those of fit.

        Returns
        -------
        DataFrame of shape (n_rows, n_features), float64
            Columns as in fit, index of `X`.
        """
        return self._per_value(X, np.float64, lambda bins: bins.woe)

    def bin_numbers(self, X: pd.DataFrame) -> pd.DataFrame:
        """Number of each value's bin, in the order of :meth:`table`; int16."""
        return self._per_value(
            X, np.int16, lambda bins: np.arange(len(bins.counts) + 1, dtype=np.int16)
        )

    def _per_value(
        self, X: Any, dtype: type, of_bins: Callable[[FeatureBins], np.ndarray]
    ) -> pd.DataFrame:
        check_is_fitted(self, "bins_")
        X = self._frame(X)
        # one row a feature, so that each column is written in one stretch
        found: np.ndarray = np.empty((len(self.bins_), len(X)), dtype=dtype)

        # all columns are picked out first: among the look-ups, each would have to be fetched anew
        left = iter(
            list(zip(found, self.bins_.values(), (X[name] for name in self.bins_), strict=True))
        )

        def look_up() -> None:
            for row, bins, column in left:  # each thread takes the next
                bins.look_up(column, of_bins(bins), row)

        # this thread is one of them
        n_threads = _N_THREADS if len(X) > _ROWS_FOR_THREADS else 1
        with ThreadPoolExecutor(n_threads) as pool:
            others = [pool.submit(look_up) for _ in range(n_threads - 1)]
            look_up()
            for other in others:
                other.result()
        return pd.DataFrame(found.T, index=X.index, columns=list(self.bins_), copy=False)

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:
        """Names of the columns that :meth:`transform` gives: those of fit."""
        check_is_fitted(self, "bins_")
        return np.array(list(self.bins_), dtype=object)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.transformer_tags.preserves_dtype = []  # WoE is float64, whatever comes in
        return tags

    def table(self, feature: str) -> pd.DataFrame:
        """Bin table of one feature; see :meth:`FeatureBins.table`."""
        check_is_fitted(self, "bins_")
        return self.bins_[feature].table()

    @property
    def iv(self) -> pd.Series:
        """Information value of each feature, largest first; no less than that in `leakage_`."""
        check_is_fitted(self, "bins_")
        leaks = self.leakage_
        values = {name: max(bins.iv, leaks.get(name, 0.0)) for name, bins in self.bins_.items()}
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

    def to_sql(
        self,
        table: str | Sequence[str],
        dialect: str = "duckdb",
        *,
        keys: Sequence[str] = (),
    ) -> str:
        """One SELECT that gives what :meth:`transform` gives, row for row.

        Parameters
        ----------
        table : str or sequence of str
            Name of the table, or its parts where it stands in a schema.
        dialect : str
            "duckdb" or "postgres".
        keys : sequence of str
            Columns to pass on, such as ``application_id``, before those of the features.

        Returns
        -------
        str
            NaN is treated as NULL. Names and levels are quoted. A number must be one in the
            database, too, and a category text or whole numbers: databases write other values in
            their own way.

        Raises
        ------
        ValueError
            An unknown dialect, or a name or level that the database cannot hold.
        """
        check_is_fitted(self, "bins_")
        woe = {name: bins.woe for name, bins in self.bins_.items()}
        return lookup_select(self.bins_, woe, table, dialect=dialect, keys=keys)

    def describe(self) -> Description:
        """What was binned into what, or that nothing is yet, and what to call next."""
        if not hasattr(self, "bins_"):
            return self._not_fitted()
        iv = self.iv
        good, bad = next((b.counts.sum(axis=0) for b in self.bins_.values()), (0.0, 0.0))
        n_bins = [bins.n_bins for bins in self.bins_.values()]
        facts = {"fitted to": f"{good + bad:,.0f} rows, {bad:,.0f} of them bad"}
        facts["features"] = f"{len(iv)} in {sum(n_bins):,} bins of ordinary values"
        if len(iv):
            facts["IV"] = f"{iv.iloc[-1]:.3f} to {iv.iloc[0]:.3f}, the largest of {iv.index[0]}"
        facts["not split"] = f"{len(self.one_bin_)}: .one_bin_ says why" if self.one_bin_ else ""
        facts["leakage"] = f"suspected in {', '.join(map(str, self.leakage_))}"
        facts["leakage"] = facts["leakage"] if self.leakage_ else ""
        facts["edits"] = f"{len(self.log_)}: .edit_log() lists them" if self.log_ else ""
        first = repr(iv.index[0]) if len(iv) else "feature"
        calls = [f".table({first})", ".iv", "plots.plot_iv(binner)", "Scorecard(binner).fit(X, y)"]
        return Description("WoeBinner", facts, calls)

    def _values(self) -> dict[str, Any]:
        check_is_fitted(self, "bins_")
        parameters = self.get_params(deep=False)
        for name in _OF_FEATURES:
            given = parameters[name]
            if given is not None and not isinstance(given, str):
                parameters[name] = {
                    key: value if isinstance(value, str) else np.asarray(value).tolist()
                    for key, value in given.items()
                }
        parameters["special_codes"] = codes_to_json(self.special_codes)
        parameters["edits"] = [edit.to_json() for edit in self.edits or ()] or None
        return {
            "parameters": parameters,
            "features": [bins.to_json() for bins in self.bins_.values()],
            "one_bin": self.one_bin_,
            "leakage": self.leakage_,
            "log": [edit.to_json() for edit in self.log_],
        }

    @classmethod
    def _from_values(cls, values: Mapping[str, Any]) -> Self:
        for feature in values["features"]:
            require_sound(feature, BELOW_MIN_BADS)
        bins = {f["name"]: FeatureBins.from_json(f) for f in values["features"]}
        if not 0 < len(bins) == len(values["features"]):
            raise ValueError("expected features, each once")
        names = {str(name): name for name in bins}  # JSON has no key but text

        def named(given: Mapping[str, Any]) -> dict[Any, Any]:
            return {names.get(key, key): value for key, value in given.items()}

        parameters = dict(values["parameters"])
        for key in _OF_FEATURES:
            if isinstance(parameters[key], Mapping):
                parameters[key] = named(parameters[key])
        codes = codes_from_json(parameters["special_codes"])
        parameters["special_codes"] = named(codes) if isinstance(codes, Mapping) else codes
        if parameters["edits"] is not None:
            parameters["edits"] = tuple(Edit.from_json(edit) for edit in parameters["edits"])
        binner = cls(**parameters)
        binner.check_settings()
        binner.bins_ = bins
        binner.one_bin_ = named(values["one_bin"])
        binner.leakage_ = named(values["leakage"])
        binner.log_ = tuple(Edit.from_json(edit) for edit in values["log"])
        binner._name_features(list(binner.bins_))
        return binner

"""What a feature tells of rows that did not choose its bins.

Takes a binner and rows; gives each row's WoE by bins made on the other folds, and what chance would
make of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import overload

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from riskkit.binning.bins import FeatureBins
from riskkit.binning.choose import Fine, choose_bins, limits_of
from riskkit.binning.counts import FeatureCounts, count_features
from riskkit.binning.edits import replayed
from riskkit.binning.grouped_counts import counts_by
from riskkit.binning.permuted import chance_scores, chance_scores_of_given
from riskkit.binning.stability import bin_counts
from riskkit.binning.woe import WoeBinner
from riskkit.checks import same_rows
from riskkit.partitions import total
from riskkit.tables import Table, hash_ids
from riskkit.target import deal_folds, group_numbers, most_folds

__all__ = ["CrossFitted", "cross_fitted"]


@dataclass(frozen=True, eq=False)
class CrossFitted:
    """WoE of rows by bins made on other rows.

    Parameters
    ----------
    woe : DataFrame of shape (n_rows, n_features)
        As of :meth:`WoeBinner.transform`; NaN where there are too few goods or bads for two folds.
    fold : int array of shape (n_rows,)
    counts : tuple of FeatureCounts
        Of each fold, on the same fine cells; empty where there are no two folds.
    binner : WoeBinner
        Whose settings and edits made the bins.
    seed : int
        Dealt the folds, and deals the labels of :meth:`chance_scores`.
    labels : array of shape (n_rows,), optional
        1 = bad, 0 = good.
    """

    woe: pd.DataFrame
    fold: np.ndarray
    counts: tuple[FeatureCounts, ...]
    binner: WoeBinner
    seed: int
    labels: np.ndarray | None = None

    def iv(self, y: np.ndarray | pd.Series | None = None) -> pd.Series:
        """IV by bins made on other rows: the mean WoE of goods less that of bads.

        Parameters
        ----------
        y : array of shape (n_rows,), optional
            By default the labels of the rows.

        Returns
        -------
        Series, index feature
            About 0, or less, for a feature that tells nothing.

        Source
        ------
        riskkit definition: Σ (share of goods − share of bads)·WoE, the shares and the WoE of
        different rows.
        """
        bad = np.asarray(self.labels if y is None else y) == 1
        values = self.woe.to_numpy()
        gap = values[~bad].mean(axis=0) - values[bad].mean(axis=0)
        return pd.Series(gap, index=self.woe.columns.rename("feature"), name="cross_fitted")

    def chance_scores(self, name: str, n_permutations: int = 99) -> np.ndarray:
        """What chance makes of a test of a feature's WoE: standard normal it is not.

        The WoE of one fold's rows rests on those of the others, and theirs on that fold's: what
        chance gives the one it gives the other, too, so the statistic varies about twice as much as
        of independent rows, and the more so the more bins there were to choose from. Labels are
        permuted within each fold, and the bins of the other folds chosen anew, over fewer cells.

        Parameters
        ----------
        name : str
        n_permutations : int

        Returns
        -------
        float array of shape (n_permutations,), ascending
            Signed roots of the likelihood ratio of a logistic regression on the WoE alone; above 0
            where a safer WoE has fewer bads. Asked once, told again.
        """
        asked = name, n_permutations
        if asked not in self._told:
            self._told[asked] = np.sort(self._scores_by_chance(*asked))
        return self._told[asked]

    @cached_property
    def _told(self) -> dict[tuple[str, int], np.ndarray]:
        return {}

    def _scores_by_chance(self, name: str, n_permutations: int) -> np.ndarray:
        rng = np.random.default_rng([self.seed, *str(name).encode()])
        parts = [counts[name] for counts in self.counts]
        request = self.binner.request(name)
        if self.binner.is_decided(name):
            given = [self._given(name, part) for part in parts]
            weight = limits_of(sum(parts[1:], parts[0]), request).weight_per_row
            return chance_scores_of_given(given, weight, n_permutations, rng)
        return chance_scores(parts, request, n_permutations, rng)

    def _given(self, name: str, part: Fine) -> FeatureBins:
        edit, request = self.binner.decisions.get(name), self.binner.request(name)
        if edit is not None:
            bins = replayed(edit, part)
            return replace(bins, min_bads=request.min_bads, below_min_bads=request.below_min_bads)
        return choose_bins(name, part, request, judged=False).bins


@dataclass(frozen=True, eq=False)
class CrossFittedParts:
    """The same of rows in parts, of which counts by fold are kept and no rows.

    Parameters
    ----------
    bins : tuple of dict of feature to FeatureBins
        Of each fold, made on the others; empty where there are no two folds.
    counts : DataFrame, index (feature, fold, bin)
        good, bad, of each fold in the bins made on the others.
    features : tuple of str
    """

    bins: tuple[Mapping[str, FeatureBins], ...]
    counts: pd.DataFrame
    features: tuple[str, ...]

    def iv(self) -> pd.Series:
        """As :meth:`CrossFitted.iv`, from the counts."""
        found = {}
        for name in self.features if self.bins else ():
            cells = self.counts.loc[name]
            woe = np.array([self.bins[fold][name].woe[row] for fold, row in cells.index])
            means = (
                woe @ cells[["good", "bad"]].to_numpy() / cells[["good", "bad"]].sum().to_numpy()
            )
            found[name] = means[0] - means[1]
        index = pd.Index(self.features, name="feature")
        return pd.Series(found, index=index, dtype=float, name="cross_fitted")


@overload
def cross_fitted(
    binner: WoeBinner,
    X: Table,
    y: str,
    sample_weight: None = None,
    *,
    groups: str,
    features: Sequence[str] | None = None,
    n_folds: int = 5,
    seed: int = 1,
) -> CrossFittedParts: ...


@overload
def cross_fitted(
    binner: WoeBinner,
    X: pd.DataFrame,
    y: np.ndarray | pd.Series | str,
    sample_weight: np.ndarray | None = None,
    *,
    groups: ArrayLike | str | None = None,
    features: Sequence[str] | None = None,
    n_folds: int = 5,
    seed: int = 1,
) -> CrossFitted: ...


def cross_fitted(
    binner: WoeBinner,
    X: pd.DataFrame | Table,
    y: np.ndarray | pd.Series | str,
    sample_weight: np.ndarray | None = None,
    *,
    groups: ArrayLike | str | None = None,
    features: Sequence[str] | None = None,
    n_folds: int = 5,
    seed: int = 1,
) -> CrossFitted | CrossFittedParts:
    """WoE of each row by bins made on the other folds: it did not help to choose them.

    Parameters
    ----------
    binner : WoeBinner
        Its settings and its edits; fitted or not.
    X : DataFrame of shape (n_rows, n_features), or Table
        Of a Table, whichever its parts, the fold of a row is a hash of its group.
    y : array of shape (n_rows,), or str
        1 = bad, 0 = good. The name of a column of `X`, which a Table needs.
    sample_weight : array of shape (n_rows,), optional
        Not of a Table.
    groups : array of shape (n_rows,), or str, optional
        Such as the customer, whose rows stay in one fold, whatever the features are. Without them
        rows are dealt by what they hold. The name of a column of `X`, which a Table needs.
    features : sequence of str, optional
        By default all of the binner's.
    n_folds : int
        Fewer where there are not as many goods or bads, or groups of them.
    seed : int
        Deals the folds, and the labels of :meth:`CrossFitted.chance_scores`.

    Returns
    -------
    CrossFitted
        Of a Table CrossFittedParts, which has its IV.

    Raises
    ------
    ValueError
        As in :meth:`WoeBinner.fit`.
    """
    if isinstance(X, Table):
        if not isinstance(y, str) or not isinstance(groups, str) or sample_weight is not None:
            raise TypeError("of a Table, y and groups are columns' names, and rows have no weights")
        names = list(binner.bins_ if features is None else features)
        return _of_parts(binner, X, y, groups, names, n_folds, seed)
    y = X[y] if isinstance(y, str) else y
    groups = X[groups] if isinstance(groups, str) else groups
    same_rows(X=X, y=y, groups=groups)
    labels = np.asarray(y)
    names = list(getattr(binner, "bins_", X.columns) if features is None else features)
    # so that neither the order of the rows nor that of the columns matters
    content = pd.util.hash_pandas_object(X[sorted(names, key=str)], index=False).to_numpy()
    owner = content if groups is None else pd.util.hash_array(np.asarray(groups, dtype=object))
    every = np.ones(len(X), dtype=bool)
    number = np.full(len(X), -1) if groups is None else group_numbers(groups, every)
    n_folds = min(n_folds, most_folds(labels, number))
    if n_folds < 2:
        unknown = pd.DataFrame(np.nan, index=X.index, columns=names)
        return CrossFitted(unknown, np.zeros(len(X), dtype=np.int64), (), binner, seed, labels)
    weight = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight)
    order = np.lexsort((weight, content, owner, labels))
    fold = np.empty(len(X), dtype=np.int64)
    fold[order] = deal_folds(labels[order], n_folds, seed, number[order])
    count = partial(
        count_features,
        features=names,
        special_codes=binner.special_codes,
        boundaries=binner.boundaries(),
    )
    edges = count(X, labels, sample_weight=sample_weight).edges
    parts = []
    for k in range(n_folds):
        rows = fold == k
        some = None if sample_weight is None else weight[rows]
        parts.append(count(X[rows], labels[rows], edges, sample_weight=some))
    edits = tuple(binner.decisions.values()) or None
    unfitted = clone(binner).set_params(infeasible="one_bin", edits=edits)
    known = [*dict.fromkeys([*getattr(binner, "bins_", ()), *X.columns])]
    woe = np.empty((len(X), len(names)))
    for k in range(n_folds):
        rows = fold == k
        others = [part for other, part in enumerate(parts) if other != k]
        fitted = unfitted._fit_counts(sum(others[1:], others[0]), known, judged=False)
        woe[rows] = fitted.transform(X[rows])[names]
    unseen = pd.DataFrame(woe, index=X.index, columns=names)
    return CrossFitted(unseen, fold, tuple(parts), binner, seed, labels)


def _of_parts(
    binner: WoeBinner, X: Table, y: str, groups: str, names: list[str], n_folds: int, seed: int
) -> CrossFittedParts:
    """Counts of each fold in bins made on the others; of so many folds as have goods and bads."""
    codes, boundaries = binner.special_codes, binner.boundaries()
    fine = count_features(X, y, features=names, special_codes=codes, boundaries=boundaries)
    for n in range(n_folds, 1, -1):
        folds = partial(_fold_of, groups=groups, n_folds=n, seed=seed)
        parts = counts_by(
            X,
            y,
            folds,
            fine.edges,
            features=names,
            columns=[groups],
            special_codes=codes,
            boundaries=boundaries,
        )
        if len(parts) == n and all((part[names[0]].total > 0).all() for part in parts.values()):
            break
    else:
        return CrossFittedParts((), pd.DataFrame(columns=["good", "bad"]), tuple(names))
    edits = tuple(binner.decisions.values()) or None
    unfitted = clone(binner).set_params(infeasible="one_bin", edits=edits)
    known = [*dict.fromkeys([*getattr(binner, "bins_", ()), *X.columns])]
    bins = []
    for fold in range(n):
        others = [part for other, part in parts.items() if other != fold]
        fitted = clone(unfitted)._fit_counts(sum(others[1:], others[0]), known, judged=False)
        bins.append(fitted.bins_)
    count = partial(_in_bins_of_others, bins=bins, y=y, folds=folds)
    counted = total(count, X, columns=[*names, y, groups])
    return CrossFittedParts(tuple(bins), counted, tuple(names))


def _fold_of(rows: pd.DataFrame, groups: str, n_folds: int, seed: int) -> NDArray[np.int64]:
    # the ids as they are would give the hashes by which test and training rows are told apart
    hashes = hash_ids(f"fold {seed} " + rows[groups].astype("str"))
    return (hashes % np.uint64(n_folds)).astype(np.int64)


def _in_bins_of_others(
    rows: pd.DataFrame,
    bins: Sequence[Mapping[str, FeatureBins]],
    y: str,
    folds: Callable[[pd.DataFrame], NDArray[np.int64]],
) -> pd.DataFrame:
    """Goods and bads by feature, fold and bin."""
    fold = folds(rows)
    parts = []
    for number, of_others in enumerate(bins):
        own = rows[fold == number]
        parts.append(bin_counts(of_others, own, own[y], np.full(len(own), number)))
    return pd.concat(parts).rename_axis(["feature", "fold", "bin"])

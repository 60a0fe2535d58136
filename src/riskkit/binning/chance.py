"""What a feature would tell by chance, and what it tells of rows that did not choose its bins.

Takes a fitted binner; gives its IV beside that of permuted labels, and each row's WoE by bins made
on other rows.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from riskkit.binning.bins import FeatureBins
from riskkit.binning.choose import chance_ivs, deal_bads
from riskkit.binning.counts import count_features
from riskkit.binning.woe import WoeBinner
from riskkit.checks import same_rows
from riskkit.target import deal_folds, group_numbers, most_folds

__all__ = ["chance_iv", "cross_fitted", "cross_fitted_iv"]


def chance_iv(binner: WoeBinner, *, n_permutations: int = 99, seed: int = 1) -> pd.DataFrame:
    """IV of each feature beside the one it would have if it had nothing to do with the label.

    The labels of the rows are permuted and the bins chosen anew, under the same limits and trends,
    on the fine counts. So the p-value knows that bins were chosen, and how many levels or values
    there were to choose from. Where the course of a number is left to the data, a single direction
    is tested beside it, since many courses hide what a plain one tells; the rarer of both counts,
    as rare as it is among permutations. Bins that an analyst decided on are kept. Periods that bins
    must hold in are not asked for again, which makes chance look a little larger than it is.

    Parameters
    ----------
    binner : WoeBinner
        With the counts of its fit.
    n_permutations : int
        The least p-value is 1 / (n_permutations + 1).
    seed : int

    Returns
    -------
    DataFrame, index feature, largest IV first
        iv; iv_error (its standard error); by_chance (mean over the permutations); by_chance_high
        (what chance exceeds one time in twenty); beyond_chance (iv less by_chance); p_value (share
        of permutations, this sample among them, that reach its IV); n_values (fine cells or levels,
        of which bins were chosen).

    Raises
    ------
    ValueError
        A binner without its counts, or no permutation.

    Source
    ------
    riskkit definition; the p-value as in Phipson, Smyth (2010), Statistical Applications in
    Genetics and Molecular Biology 9(1): exact at any number of permutations.
    """
    check_is_fitted(binner, "bins_")
    if not hasattr(binner, "counts_"):
        raise ValueError("a loaded binner has no fine counts; fit one to the rows")
    if n_permutations < 1:
        raise ValueError(f"n_permutations must be at least 1, got {n_permutations!r}")
    rng = np.random.default_rng(seed)
    dealt: dict[tuple[int, int], np.ndarray] = {}
    edited = {edit.feature for edit in binner.log_}

    def of_feature(name: str) -> np.ndarray:
        bins, counts = binner.bins_[name], binner.counts_[name]
        places = dealt[_size(counts.total, counts.n_rows)]
        if name in edited or binner.request(name).fixed_edges is not None:
            return _ivs_of_given(bins, counts.n_rows, places)
        return chance_ivs(counts, binner.request(name), places)

    for counts in binner.counts_.values():
        size = _size(counts.total, counts.n_rows)
        if size not in dealt:
            draws = [rng.choice(*size, replace=False, shuffle=False) for _ in range(n_permutations)]
            dealt[size] = np.sort(np.array(draws), axis=1)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = dict(zip(binner.bins_, pool.map(of_feature, binner.bins_), strict=True))
    iv = binner.iv
    rows = {}
    for name in iv.index:
        by_chance = found[name][1:, 0]
        counts = binner.counts_[name]
        rows[name] = {
            "iv": iv[name],
            "iv_error": binner.bins_[name].iv_error,
            "by_chance": by_chance.mean(),
            "by_chance_high": np.quantile(by_chance, 0.95),
            "beyond_chance": iv[name] - by_chance.mean(),
            "p_value": _p_value(found[name]),
            "n_values": len(counts.cells),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("feature")


def _size(total: np.ndarray, n_rows: int) -> tuple[int, int]:
    """Rows in all and bads among them; weights below one row only say how much it counts."""
    weight = min(float(total.sum()) / n_rows, 1.0)
    return round(float(total.sum()) / weight), round(float(total[1]) / weight)


def _ivs_of_given(bins: FeatureBins, n_rows: int, places: np.ndarray) -> np.ndarray:
    """IV of bins that nobody chooses, on permuted labels."""
    weight = min(float(bins.counts.sum()) / n_rows, 1.0)
    dealt = deal_bads(bins.counts / weight, places) * weight
    return np.array([[replace(bins, counts=counts).iv] for counts in [bins.counts, *dealt]])


def _p_value(ivs: np.ndarray) -> float:
    """Share of the rows, the first among them, that are as rare as the first in any column."""
    # a hair less, of equal IVs by the rounding of their sums
    reach = ivs[None] >= ivs[:, None] * (1 - 1e-9)
    rarest = reach.mean(axis=1).min(axis=1)
    return float((rarest <= rarest[0]).mean())


def cross_fitted(
    binner: WoeBinner,
    X: pd.DataFrame,
    y: np.ndarray | pd.Series,
    sample_weight: np.ndarray | None = None,
    *,
    groups: ArrayLike | None = None,
    features: Sequence[str] | None = None,
    n_folds: int = 5,
    seed: int = 1,
) -> pd.DataFrame:
    """WoE of each row by bins made on the other folds: it did not help to choose them.

    Parameters
    ----------
    binner : WoeBinner
        Its settings and its edits; fitted or not.
    X : DataFrame of shape (n_rows, n_features)
    y : array of shape (n_rows,)
        1 = bad, 0 = good.
    sample_weight : array of shape (n_rows,), optional
    groups : array of shape (n_rows,), optional
        Such as the customer, whose rows stay in one fold, whatever the features are. Without them
        rows are dealt by what they hold.
    features : sequence of str, optional
        By default all of the binner's.
    n_folds : int
        Fewer where there are not as many goods or bads, or groups of them.
    seed : int
        Deals the folds.

    Returns
    -------
    DataFrame of shape (n_rows, n_features)
        As of :meth:`WoeBinner.transform`; in its attrs, "fold". NaN throughout where there are too
        few goods or bads for two folds.

    Raises
    ------
    ValueError
        As in :meth:`WoeBinner.fit`.
    """
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
        return pd.DataFrame(np.nan, index=X.index, columns=names)
    order = np.lexsort((content, owner, labels))
    fold = np.empty(len(X), dtype=np.int64)
    fold[order] = deal_folds(labels[order], n_folds, seed, number[order])
    edited = {edit.feature: edit.edges for edit in getattr(binner, "log_", ()) if edit.edges}
    count = partial(
        count_features, features=names, special_codes=binner.special_codes, boundaries=edited
    )
    edges = count(X, labels, sample_weight=sample_weight).edges
    parts = []
    for k in range(n_folds):
        rows = fold == k
        weight = None if sample_weight is None else sample_weight[rows]
        parts.append(count(X[rows], labels[rows], edges, sample_weight=weight))
    unfitted = clone(binner).set_params(infeasible="one_bin", edits=getattr(binner, "log_", None))
    known = [*dict.fromkeys([*getattr(binner, "bins_", ()), *X.columns])]
    woe = np.empty((len(X), len(names)))
    for k in range(n_folds):
        rows = fold == k
        others = [part for other, part in enumerate(parts) if other != k]
        fitted = unfitted._fit_counts(sum(others[1:], others[0]), known)
        woe[rows] = fitted.transform(X[rows])[names]
    found = pd.DataFrame(woe, index=X.index, columns=names)
    found.attrs["fold"] = fold
    return found


def cross_fitted_iv(woe: pd.DataFrame, y: np.ndarray | pd.Series) -> pd.Series:
    """IV by bins made on other rows: the mean WoE of goods less that of bads.

    Parameters
    ----------
    woe : DataFrame of shape (n_rows, n_features)
        Of :func:`cross_fitted`.
    y : array of shape (n_rows,)

    Returns
    -------
    Series, index feature
        About 0, or less, for a feature that tells nothing.

    Source
    ------
    riskkit definition: Σ (share of goods − share of bads)·WoE, the shares and the WoE of different
    rows.
    """
    bad = np.asarray(y) == 1
    values = woe.to_numpy()
    gap = values[~bad].mean(axis=0) - values[bad].mean(axis=0)
    return pd.Series(gap, index=woe.columns.rename("feature"), name="cross_fitted")

"""What a feature would tell by chance.

Takes a fitted binner; gives its IV beside that of permuted labels.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from riskkit.binning.bins import FeatureBins
from riskkit.binning.permuted import chance_ivs, deal_bads
from riskkit.binning.woe import WoeBinner

__all__ = ["chance_iv", "check_permutations"]

MOST_PERMUTATIONS = 9_999


def check_permutations(n_permutations: int) -> None:
    """Refuse a number of permutations that says nothing, or takes hours.

    Raises
    ------
    ValueError
    """
    if not 1 <= n_permutations <= MOST_PERMUTATIONS:
        raise ValueError(
            f"n_permutations must be from 1 to {MOST_PERMUTATIONS:,}, got {n_permutations!r}"
        )


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
    check_permutations(n_permutations)
    rng = np.random.default_rng(seed)
    dealt: dict[tuple[int, int], np.ndarray] = {}

    def of_feature(name: str) -> np.ndarray:
        bins, counts = binner.bins_[name], binner.counts_[name]
        places = dealt[_size(counts.total, counts.n_rows)]
        if binner.is_decided(name):
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

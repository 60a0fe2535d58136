"""How often other draws of the loans would cut a feature at the same places.

Takes a fitted binner with its counts; gives for each cut how often resampled counts choose it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from riskkit.binning.bins import FeatureBins
from riskkit.binning.choose import (
    Fine,
    Request,
    candidate_cells,
    cut_levels,
    limits_of,
)
from riskkit.binning.counts import CategoryCounts, FeatureCounts, NumericCounts
from riskkit.binning.solve import many_cuts, thinned
from riskkit.binning.woe import WoeBinner
from riskkit.checks import refuse_unknown

__all__ = ["cut_frequencies"]

# resampled cells of a number, its own cuts apart
_CELLS = 512


def cut_frequencies(
    binner: WoeBinner,
    features: Sequence[str] | None = None,
    *,
    counts: FeatureCounts | None = None,
    n_resamples: int = 200,
    seed: int = 1,
) -> pd.DataFrame:
    """How often bins of resampled loans are cut where these are.

    The fine counts are drawn anew, goods and bads apart, and the bins chosen again under the same
    limits and trend; periods that bins must hold in are not asked for again. A feature whose bins
    an analyst decided on is left out.

    Parameters
    ----------
    binner : WoeBinner
    features : sequence of str, optional
        By default all.
    counts : FeatureCounts, optional
        Of the loans that made the bins; by default those that the binner keeps from its fit.
    n_resamples : int
    seed : int

    Returns
    -------
    DataFrame, index (feature, bin)
        A row for each pair of neighbouring ordinary bins, of which `bin` is the first: cut (a
        number's edge, NaN for a category); neighbours (both labels); chosen_again (share of the
        resamples: of a number, those with a cut from which this one is no more than half of
        `min_bin_size` of the loans away; of a category, those in which most pairs of loans, one of
        each bin, are apart); low, high (where the nearest cut lies in 95 of 100 resamples; NaN for
        a category and where there is none).

    Raises
    ------
    ValueError
        A loaded binner and no counts, counts that lack a feature, an unknown feature, or fewer than
        one resample.

    Source
    ------
    riskkit definition, on the bootstrap of Efron (1979), Annals of Statistics 7(1).
    """
    check_is_fitted(binner, "bins_")
    if counts is None:
        if not hasattr(binner, "counts_"):
            raise ValueError("a loaded binner has no fine counts; give those of its loans")
        counts = binner.counts_
    if n_resamples < 1:
        raise ValueError(f"n_resamples must be at least 1, got {n_resamples!r}")
    refuse_unknown("features", features or (), binner.bins_)
    names = [
        name
        for name in (binner.bins_ if features is None else features)
        if not binner.is_decided(name)
    ]

    lacking = [name for name in names if name not in counts]
    if lacking:
        raise ValueError(f"counts lack the features {lacking}; they have {list(counts)}")

    def of_feature(name: str) -> pd.DataFrame:
        bins, fine, request = binner.bins_[name], counts[name], binner.request(name)
        # the same draws of a feature, whichever others are asked about
        rng = np.random.default_rng([seed, *str(name).encode()])
        found = _of_levels if isinstance(fine, CategoryCounts) else _of_numbers
        table = found(bins, fine, request, n_resamples, rng)
        labels = bins.labels[: bins.n_bins]
        table.insert(1, "neighbours", [f"{a} | {b}" for a, b in pairwise(labels)])
        return table.rename_axis("bin")

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        tables = dict(zip(names, pool.map(of_feature, names), strict=True))
    tables = {name: table for name, table in tables.items() if len(table)}
    if not tables:
        none = pd.MultiIndex.from_arrays([[], []], names=["feature", "bin"])
        return pd.DataFrame(
            columns=["cut", "neighbours", "chosen_again", "low", "high"], index=none
        )
    return pd.concat(tables, names=["feature"])


def _drawn(
    cells: np.ndarray, weight_per_row: float, n: int, rng: np.random.Generator
) -> np.ndarray:
    """Cells of as many goods and bads, drawn anew n times; shape (n, n_cells, 2)."""
    drawn = np.empty((n, *cells.shape))
    for label in (0, 1):
        total = cells[:, label].sum()
        share = cells[:, label] / total
        drawn[:, :, label] = rng.multinomial(round(total / weight_per_row), share, n)
        drawn[:, :, label] *= weight_per_row
    return drawn


def _of_numbers(
    bins: FeatureBins, counts: Fine, request: Request, n: int, rng: np.random.Generator
) -> pd.DataFrame:
    assert isinstance(counts, NumericCounts)
    limits = limits_of(counts, request)
    assert bins.edges is not None
    edges, candidates = candidate_cells(counts, request)
    own = np.array([counts.boundary(edge)[0] for edge in bins.edges], dtype=np.intp)
    candidates = np.union1d(thinned(candidates, _CELLS), own)
    cells = np.add.reduceat(counts.cells, [0, *candidates])
    every = np.vstack([cells, counts.special, counts.missing])
    drawn = _drawn(every, limits.weight_per_row, n, rng)[:, : len(cells)]
    found = many_cuts(drawn, counts.total, limits, [request.trend])[request.trend]
    # how many of the loans lie below each candidate
    below = np.cumsum(cells.sum(axis=1))[:-1] / counts.total.sum()
    values = edges[candidates - 1]
    records = []
    for cell in own:
        place = np.searchsorted(candidates, cell)
        near = [at[np.abs(below[at - 1] - below[place]).argmin()] - 1 for at in found if len(at)]
        away = np.abs(below[near] - below[place])
        low, high = (
            np.quantile(values[near], [0.025, 0.975], method="nearest")
            if near
            else (np.nan, np.nan)
        )
        records.append(
            {
                "cut": values[place],
                "chosen_again": (away <= request.min_bin_size / 2).sum() / n,
                "low": low,
                "high": high,
            }
        )
    return pd.DataFrame(records, columns=["cut", "chosen_again", "low", "high"])


def _of_levels(
    bins: FeatureBins, counts: Fine, request: Request, n: int, rng: np.random.Generator
) -> pd.DataFrame:
    assert isinstance(counts, CategoryCounts)
    limits = limits_of(counts, request)
    every = np.vstack([counts.cells, counts.missing])
    drawn = _drawn(every, limits.weight_per_row, n, rng)[:, :-1]
    _, _, bin_of = cut_levels(counts, drawn, limits)
    place = {level: i for i, level in enumerate(counts.levels)}
    rows = counts.cells.sum(axis=1)
    records = []
    for pair in pairwise(bins.groups or ()):
        first, second = ([place[level] for level in group if level in place] for group in pair)
        apart = bin_of[:, first, None] != bin_of[:, None, second]
        weight = np.outer(rows[first], rows[second])
        share = (apart * weight).sum(axis=(1, 2)) / weight.sum()
        records.append({"cut": np.nan, "chosen_again": (share > 0.5).mean()})
    table = pd.DataFrame(records, columns=["cut", "chosen_again"])
    return table.assign(low=np.nan, high=np.nan)

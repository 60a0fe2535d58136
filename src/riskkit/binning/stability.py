"""Whether bins hold: against chance, and from one period to the next.

Takes a fitted binner and rows, or their counts by period; gives tables by bin and by feature.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from riskkit.binning.bins import FeatureBins
from riskkit.binning.grouped_counts import Group
from riskkit.binning.recut import merged
from riskkit.binning.solve import rate_gaps
from riskkit.binning.woe import WoeBinner
from riskkit.checks import bad_flags, known_groups, same_rows
from riskkit.columns import require_features
from riskkit.metrics import psi, psi_critical
from riskkit.partitions import total
from riskkit.tables import Table

__all__ = [
    "bin_counts",
    "bin_stability",
    "edit_effect",
    "period_counts",
    "stability",
    "weak_neighbours",
]

# one-sided 99 %: of a feature's bins in two years of months some would flip by chance at 95 %
_FLIP_Z = 2.326


def weak_neighbours(
    binner: WoeBinner, *, min_p_value: float = 0.05, features: Sequence[str] | None = None
) -> pd.DataFrame:
    """Neighbouring bins whose bad rates may differ by chance only, the most doubtful first.

    Neighbours of a number are bins of neighbouring values; those of a category follow each other
    in risk. The test of two rates is χ² with one degree of freedom; since the edges were chosen on
    the same rows, a small p-value is no proof.

    Parameters
    ----------
    binner : WoeBinner
    min_p_value : float
        Pairs below it are left out.
    features : sequence of str, optional
        By default all of the binner's.

    Returns
    -------
    DataFrame of shape (n_pairs,), index (feature, i, j)
        Of rows i and j of the bin table: bin, next_bin, bad_rate, next_bad_rate, p_value; iv (the
        feature's) and iv_lost (by merging the two).
    """
    records = []
    for name in binner.bins_ if features is None else features:
        bins = binner.bins_[name]
        rows = bins.counts.sum(axis=1)
        order = np.arange(bins.n_bins)
        if bins.groups is not None:
            order = np.argsort(-bins.woe[: bins.n_bins], kind="stable")
        for i, j in pairwise(order[rows[order] > 0].tolist()):
            z = rate_gaps(bins.counts[i], bins.counts[j])
            records.append(
                {
                    "feature": name,
                    "i": i,
                    "j": j,
                    "bin": bins.labels[i],
                    "next_bin": bins.labels[j],
                    "bad_rate": bins.counts[i, 1] / rows[i],
                    "next_bad_rate": bins.counts[j, 1] / rows[j],
                    "p_value": float(special.chdtrc(1, z**2)),
                    "iv": bins.iv,
                    "iv_lost": bins.iv - merged(bins, i, j).iv,
                }
            )
    columns = ["feature", "i", "j", "bin", "next_bin", "bad_rate", "next_bad_rate"]
    table = pd.DataFrame(records, columns=[*columns, "p_value", "iv", "iv_lost"])
    table = table[table["p_value"] >= min_p_value]
    table = table.sort_values("p_value", ascending=False, kind="stable")
    return table.set_index(["feature", "i", "j"])


def period_counts(
    binner: WoeBinner,
    X: pd.DataFrame | Table,
    y: np.ndarray | pd.Series | str,
    period: np.ndarray | pd.Series | Group,
    *,
    features: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Goods and bads of each bin in each period; counts of two parts of the rows add up.

    Parameters
    ----------
    binner : WoeBinner
    X : DataFrame of shape (n_rows, n_features), or Table
        A Table is counted block by block.
    y : array of shape (n_rows,), or str
        1 = bad, 0 = good. The name of a column of `X`, which a Table needs.
    period : array of shape (n_rows,), or function of rows that gives it
        Month, quarter or any other label, in the order of its values. Of a Table, a function.
    features : sequence of str, optional
        By default all of the binner's.

    Returns
    -------
    DataFrame, index (feature, period, bin)
        good, bad; bin is the row in the bin table, one more for values never seen in fit. Bins
        without a row are left out.
    """
    names = list(binner.bins_ if features is None else features)
    bins = {name: binner.bins_[name] for name in names}
    if isinstance(X, Table):
        if not isinstance(y, str) or not callable(period):
            raise TypeError("of a Table, y is a column's name and period a function of rows")
        # what the function reads is none of the features, or one of those counted
        others = [name for name in X.columns if name not in binner.bins_]
        counted = total(partial(bin_counts, bins, y=y, period=period), X, columns=[*names, *others])
        # sums come in the order of the names
        return pd.concat([counted.loc[[name]] for name in names])
    return bin_counts(bins, X, y, period)


def bin_counts(
    bins: Mapping[str, FeatureBins], X: pd.DataFrame, y: Any, period: Any
) -> pd.DataFrame:
    """The table of :func:`period_counts` of rows in these bins."""
    require_features(X, bins)
    y = X[y] if isinstance(y, str) else y
    period = period(X) if callable(period) else period
    same_rows(X=X, y=y, period=period)
    flags = bad_flags(y, len(X)).astype(np.int64)
    periods, labels = known_groups(period, "period", len(X), like="X")
    tables = {}
    for name, of_feature in bins.items():
        size = len(of_feature.counts) + 1
        flat = (periods * size + of_feature.assign(X[name])) * 2 + flags
        cells = np.bincount(flat, minlength=len(labels) * size * 2).reshape(-1, 2)
        index = pd.MultiIndex.from_product([labels, range(size)], names=["period", "bin"])
        table = pd.DataFrame(cells, index=index, columns=["good", "bad"])
        tables[name] = table[cells.sum(axis=1) > 0]
    return pd.concat(tables, names=["feature"])


def bin_stability(binner: WoeBinner, counts: pd.DataFrame) -> pd.DataFrame:
    """Share and WoE of each bin in each period, beside those of fit.

    A bin flips where it changes places with its neighbour in the order of risk of fit, by more than
    chance would move it in one case of a hundred.

    Parameters
    ----------
    binner : WoeBinner
    counts : DataFrame, index (feature, period, bin)
        Of :func:`period_counts`.

    Returns
    -------
    DataFrame, index (feature, period, bin)
        label, rows, share (of the period's rows), fitted_share, bad_rate, woe (NaN without goods or
        without bads), fitted_woe, flips.
    """
    tables = {}
    for name, of_feature in counts.groupby(level="feature", sort=False):
        bins = binner.bins_[name]
        # one frame a feature: a frame a period takes ten times as long
        by_period = of_feature.groupby(level="period", sort=False)
        full = {period: _cells(cells, bins) for period, cells in by_period}
        cells = np.array(list(full.values()))
        rows = cells.sum(axis=2)
        expected = np.append(bins.counts.sum(axis=1), 0)
        n_periods, n_bins = rows.shape
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = cells / cells.sum(axis=1, keepdims=True)
            woe = np.log(shares[..., 0] / shares[..., 1])
            columns = {
                "rows": rows,
                "share": rows / rows.sum(axis=1, keepdims=True),
                "fitted_share": np.tile(expected / expected.sum(), (n_periods, 1)),
                "bad_rate": cells[..., 1] / rows,
                "woe": np.where(np.isfinite(woe), woe, np.nan),
                "fitted_woe": np.tile(bins.woe, (n_periods, 1)),
                "flips": np.array([_flips(one, bins) for one in cells]),
            }
        index = pd.MultiIndex.from_product([full, range(n_bins)], names=["period", "bin"])
        table = pd.DataFrame({key: found.ravel() for key, found in columns.items()}, index=index)
        table.insert(0, "label", [*bins.labels, "unseen"] * n_periods)
        tables[name] = table[((rows > 0) | (expected > 0)).ravel()]
    return pd.concat(tables, names=["feature"])


def _cells(cells: pd.DataFrame, bins: FeatureBins) -> np.ndarray:
    """Goods and bads of every bin and the unseen, zero where a period has none."""
    full = np.zeros((len(bins.counts) + 1, 2), dtype=np.int64)
    full[cells.index.get_level_values("bin")] = cells[["good", "bad"]].to_numpy()
    return full


def _flips(cells: np.ndarray, bins: FeatureBins) -> np.ndarray:
    """Whether each bin changed places with a neighbour in the order of risk of fit."""
    flips = np.zeros(len(cells), dtype=bool)
    seen = (cells[:-1].sum(axis=1) > 0) & (bins.counts.sum(axis=1) > 0)
    order = np.flatnonzero(seen)[np.argsort(-bins.woe[:-1][seen], kind="stable")]
    for safer, riskier in pairwise(order):
        differed = bins.woe[safer] > bins.woe[riskier]
        if differed and rate_gaps(cells[safer], cells[riskier]) < -_FLIP_Z:
            flips[[safer, riskier]] = True
    return flips


def stability(
    binner: WoeBinner,
    X: pd.DataFrame | Table,
    y: np.ndarray | pd.Series | str,
    period: np.ndarray | pd.Series | Group,
    *,
    features: Sequence[str] | None = None,
) -> pd.DataFrame:
    """How each feature's bins move over periods, against the bins' counts in fit.

    Parameters are those of :func:`period_counts`.

    Returns
    -------
    DataFrame, index (feature, period)
        rows; psi of the shares of the bins; psi_critical, its 95 % value if nothing moved;
        woe_correlation, of the period's WoE with the fitted WoE over bins with goods and bads,
        weighted by rows (1 = the same risk order, below 0 = reversed, NaN with under two bins);
        order_holds, false where a bin flips as in :func:`bin_stability`.
    """
    counts = period_counts(binner, X, y, period, features=features)
    records = {}
    for (name, label), cells in counts.groupby(level=["feature", "period"], sort=False):
        bins = binner.bins_[name]
        full = _cells(cells, bins)
        expected = np.append(bins.counts.sum(axis=1), 0)
        actual = full.sum(axis=1)
        used = (expected > 0) | (actual > 0)
        moved, critical = 0.0, np.nan
        if used.sum() > 1:
            moved = psi(expected[used], actual[used])
            critical = psi_critical(float(expected.sum()), float(actual.sum()), int(used.sum()))
        records[name, label] = {
            "rows": int(actual.sum()),
            "psi": moved,
            "psi_critical": critical,
            "woe_correlation": _woe_correlation(full, bins.woe),
            "order_holds": not _flips(full, bins).any(),
        }
    table = pd.DataFrame.from_dict(records, orient="index")
    return table.rename_axis(["feature", "period"])


def _woe_correlation(cells: np.ndarray, woe: np.ndarray) -> float:
    both = (cells > 0).all(axis=1)
    if both.sum() < 2 or np.ptp(woe[both]) == 0:
        return float("nan")
    now = np.log(cells[both, 0] / cells[both, 1])
    weight = cells[both].sum(axis=1)
    covariance = np.cov(np.stack([now, woe[both]]), aweights=weight)
    scale = np.sqrt(covariance[0, 0] * covariance[1, 1])
    return float(covariance[0, 1] / scale) if scale > 0 else float("nan")


def edit_effect(
    before: WoeBinner,
    after: WoeBinner,
    X: pd.DataFrame | Table,
    y: np.ndarray | pd.Series | str,
    period: np.ndarray | pd.Series | Group,
) -> pd.DataFrame:
    """What the edited features gain and lose: IV against stability.

    Parameters
    ----------
    before, after : WoeBinner
        The second made from the first by editing.
    X, y, period
        As for :func:`period_counts`; rows of later periods say most.

    Returns
    -------
    DataFrame, index (feature, binner)
        binner is before or after; n_bins, iv, trend, largest_psi and periods_out_of_order over the
        periods.
    """
    edited = [n for n, bins in after.bins_.items() if bins is not before.bins_[n]]
    records = {}
    for name in edited:
        for label, binner in (("before", before), ("after", after)):
            moves = stability(binner, X, y, period, features=[name])
            records[name, label] = {
                "n_bins": len(binner.bins_[name].counts),
                "iv": binner.bins_[name].iv,
                "trend": binner.bins_[name].trend,
                "largest_psi": moves["psi"].max(),
                "periods_out_of_order": int((~moves["order_holds"]).sum()),
            }
    columns = ["n_bins", "iv", "trend", "largest_psi", "periods_out_of_order"]
    table = pd.DataFrame(list(records.values()), columns=columns)
    table.index = pd.MultiIndex.from_tuples(list(records), names=["feature", "binner"])
    return table

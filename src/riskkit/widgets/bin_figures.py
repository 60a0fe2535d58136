"""What the bin editor shows of one feature: its bins on training and on test loans, and by month.

Takes a binner and the loans in time; gives tables. Nothing of later loans is in them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from riskkit import binning, metrics

__all__ = ["LoansInTime"]

_MOST_CUTS = 200  # places on the axis of values
_LEVEL = 0.95


class LoansInTime:
    """Training and test loans: what the editor may look at.

    Parameters
    ----------
    applications : DataFrame
        `default_flag` and the features; with `applied_at`, months are told apart.
    sample : array of shape (n_rows,)
        Of :func:`riskkit.target.assign_samples`; rows of ``train`` and ``test`` are kept, no other.

    Raises
    ------
    ValueError
        No training loans, or not one sample a row.
    """

    def __init__(self, applications: pd.DataFrame, sample: Any) -> None:
        kinds = np.asarray(sample, dtype=object)
        if len(kinds) != len(applications):
            raise ValueError(
                f"sample and applications must have one length, got {len(kinds)} and "
                f"{len(applications)}"
            )
        kept = np.isin(kinds, ["train", "test"])
        if not (kinds == "train").any():
            raise ValueError("sample must hold training loans, and there are none")
        self.rows = applications[kept]
        self.is_test = kinds[kept] == "test"
        self.flags = self.rows["default_flag"].to_numpy().astype(np.int64)
        self.months: list[str] = []
        self._month = np.zeros(len(self.rows), dtype=np.int64)
        if "applied_at" in self.rows:
            days = self.rows["applied_at"].to_numpy().astype("datetime64[M]").astype(np.int64)
            distinct, self._month = np.unique(days, return_inverse=True)
            self.months = [str(np.datetime64(int(month), "M")) for month in distinct]
        # the features of late are kept as numbers or codes, since texts are slow to look up
        self._column = lru_cache(maxsize=4)(self._read)
        self.counts = lru_cache(maxsize=8)(self._count)

    def _read(self, feature: str) -> pd.Series:
        column = self.rows[feature]
        return column.astype("category") if column.dtype in ("str", "object") else column

    def _count(self, bins: binning.FeatureBins) -> pd.DataFrame:
        """Goods and bads of each bin, the unseen last, on test loans and in each month.

        Columns good and bad, index (feature, period, bin), as of
        :func:`riskkit.binning.period_counts`; the periods are ``test`` and the months of training
        and test loans together.
        """
        size, n_months = len(bins.counts) + 1, max(len(self.months), 1)
        place = bins.assign(self._column(bins.name)).astype(np.int64)
        group = self._month + n_months * self.is_test
        flat = (group * size + place) * 2 + self.flags
        cells = np.bincount(flat, minlength=2 * n_months * size * 2)
        of_train, of_test = cells.reshape(2, n_months, size, 2)
        by_month = (of_train + of_test)[: len(self.months)]
        stacked = np.concatenate([of_test.sum(axis=0)[None], by_month]).reshape(-1, 2)
        index = pd.MultiIndex.from_product(
            [[bins.name], ["test", *self.months], range(size)], names=["feature", "period", "bin"]
        )
        return pd.DataFrame(stacked, index, ["good", "bad"])

    def _of(self, period: str, bins: binning.FeatureBins) -> pd.DataFrame:
        """Goods and bads of each bin in a period of :meth:`_count`."""
        return self.counts(bins).xs(period, level="period")

    def bin_table(self, binner: binning.WoeBinner, feature: str) -> pd.DataFrame:
        """The bin table with what the test loans say of each bin.

        Returns
        -------
        DataFrame, index bin
            Columns of :meth:`WoeBinner.table`, bad_rate_low and bad_rate_high; test_loans,
            test_bad, test_rate, test_low and test_high; next_row, the row of the next bin in the
            order of :func:`riskkit.binning.weak_neighbours`, −1 where there is none, and
            next_p_value, of the χ² test of the two.
        """
        bins = binner.bins_[feature]
        table = bins.table()
        table["bad_rate_low"], table["bad_rate_high"] = _interval(
            bins.counts[:, 1], bins.counts.sum(axis=1)
        )
        test = self._of("test", bins).iloc[:-1]
        n = (test["good"] + test["bad"]).to_numpy()
        table["test_loans"], table["test_bad"] = n, test["bad"].to_numpy()
        with np.errstate(invalid="ignore"):
            table["test_rate"] = table["test_bad"] / n
        table["test_low"], table["test_high"] = _interval(table["test_bad"].to_numpy(), n)
        following, p_values = np.full(len(table), -1), np.full(len(table), np.nan)
        pairs = binning.weak_neighbours(binner, min_p_value=0, features=[feature])
        for (_, i, j), p_value in pairs["p_value"].items():
            following[i], p_values[i] = j, p_value
        return table.assign(next_row=following, next_p_value=p_values)

    def test_iv(self, bins: binning.FeatureBins) -> tuple[float, float]:
        """IV of the test loans by the WoE of the bins, and its standard error.

        The mean WoE of goods less that of bads: about 0, or less, for a feature that tells nothing,
        since the test loans had no part in the WoE. NaN without goods or without bads.

        Source
        ------
        riskkit definition, as of :meth:`riskkit.binning.CrossFitted.iv`; the error is that of a
        difference of two means.
        """
        cells = self._of("test", bins).to_numpy(dtype=float)
        total = cells.sum(axis=0)
        if not (total > 0).all():
            return float("nan"), float("nan")
        shares = cells / total
        means = bins.woe @ shares
        spread = bins.woe**2 @ shares - means**2
        return float(means[0] - means[1]), float(np.sqrt(np.maximum(spread / total, 0).sum()))

    def by_month(self, binner: binning.WoeBinner, feature: str) -> pd.DataFrame:
        """How the bins move by month, against the training loans.

        Returns
        -------
        DataFrame, index month; empty without dates
            psi, its 95 % value by chance psi_critical, and out_of_order: how many bins changed
            places with a neighbour beyond chance, as of :func:`riskkit.binning.bin_stability`.
        """
        bins = binner.bins_[feature]
        counts = self.counts(bins)
        order = binning.bin_stability(binner, counts)["flips"].groupby(level="period").sum()
        expected = np.append(bins.counts.sum(axis=1), 0)
        records = {}
        for month in self.months:
            actual = self._of(month, bins).sum(axis=1).to_numpy()
            used = (expected > 0) | (actual > 0)
            moved = critical = 0.0
            if used.sum() > 1:
                moved = metrics.psi(expected[used], actual[used])
                critical = metrics.psi_critical(
                    float(expected.sum()), float(actual.sum()), int(used.sum())
                )
            records[month] = (moved, critical, int(order.get(month, 0)))
        columns = ["psi", "psi_critical", "out_of_order"]
        table = pd.DataFrame.from_dict(records, orient="index", columns=columns)
        return table.rename_axis("month")

    def cuts(self, counts: binning.NumericCounts) -> pd.DataFrame:
        """Where a number may be cut: values, and the share of training loans below each.

        Returns
        -------
        DataFrame of at most 200 rows
            value, share_below, bad_rate (of the loans from the cut before up to this one).
        """
        rows, bads = counts.cells.sum(axis=1).cumsum(), counts.cells[:, 1].cumsum()
        edges = counts.edges
        if not len(edges) or not rows[-1]:
            return pd.DataFrame({"value": [], "share_below": [], "bad_rate": []})
        wanted = np.linspace(0, rows[-1], _MOST_CUTS + 1)[1:-1]
        at = np.unique(np.minimum(np.searchsorted(rows[:-1], wanted), len(edges) - 1))
        below, bad_below = rows[at], bads[at]
        with np.errstate(invalid="ignore"):
            rate = np.diff(bad_below, prepend=0) / np.diff(below, prepend=0)
        return pd.DataFrame({"value": edges[at], "share_below": below / rows[-1], "bad_rate": rate})


def _interval(bad: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Jeffreys interval of each bad rate, NaN of no loan."""
    low, high = metrics.jeffreys_interval(bad, n, _LEVEL)
    return np.where(n > 0, low, np.nan), np.where(n > 0, high, np.nan)

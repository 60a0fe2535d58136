"""The bins of one feature: edges or level groups, their counts, WoE and IV.

Takes counts on final bins; gives the bin table and the place of any value in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from riskkit.binning.counts import level_text

__all__ = ["FeatureBins"]


def _shortened(levels: Sequence[str]) -> str:
    """Names of a few levels, and how many more there are."""
    named = ", ".join(levels[:6])
    return named if len(levels) <= 6 else f"{named} and {len(levels) - 6} more"


@dataclass(frozen=True, eq=False)
class FeatureBins:
    """Bins of one feature, in the order: values, special codes, missing.

    Parameters
    ----------
    name : str
    edges : float array of shape (n_bins - 1,) or None
        For a number: bin i holds [edges[i-1], edges[i]).
    groups : tuple of tuples of str or None
        For a category: the levels of each bin.
    special_codes : tuple of float
        One bin each.
    counts : array of shape (n_bins + n_special_codes + 1, 2)
        Weighted goods and bads; the last row is missing.
    """

    name: str
    edges: np.ndarray | None
    groups: tuple[tuple[str, ...], ...] | None
    special_codes: tuple[float, ...]
    counts: np.ndarray

    @property
    def n_bins(self) -> int:
        """Number of bins of ordinary values."""
        return len(self.counts) - len(self.special_codes) - 1

    @cached_property
    def labels(self) -> list[str]:
        """Name of each bin."""
        if self.edges is not None:
            if len(self.edges) == 0:
                values = ["any value"]
            else:
                text = [f"{edge:.10g}" for edge in self.edges]
                inner = [f"[{a}, {b})" for a, b in pairwise(text)]
                values = [f"< {text[0]}", *inner, f"≥ {text[-1]}"]
        else:
            assert self.groups is not None
            values = [_shortened(group) for group in self.groups]
        return [*values, *(f"special {code:g}" for code in self.special_codes), "missing"]

    @cached_property
    def adjusted(self) -> np.ndarray:
        """Where a bin has rows but no good or no bad, so its WoE is smoothed by half a count."""
        return (self.counts.sum(axis=1) > 0) & (self.counts == 0).any(axis=1)

    @cached_property
    def woe(self) -> np.ndarray:
        """WoE of each bin, then of anything unseen: the riskiest bin's.

        A bin without any row, such as missing where nothing was missing, counts as unseen.
        """
        total = self.counts.sum(axis=0)
        smooth = self.counts + 0.5 * self.adjusted[:, None]
        filled = self.counts.sum(axis=1) > 0
        woe = np.zeros(len(self.counts))
        if (total > 0).all():
            shares = smooth[filled] / total
            woe[filled] = np.log(shares[:, 0] / shares[:, 1])
        riskiest = np.min(woe[filled]) if filled.any() else 0.0
        woe[~filled] = riskiest
        return np.append(woe, riskiest)

    @cached_property
    def iv_parts(self) -> np.ndarray:
        """IV of each bin: the unadjusted difference of shares times its WoE."""
        total = self.counts.sum(axis=0)
        if not (total > 0).all():
            return np.zeros(len(self.counts))
        shares = self.counts / total
        return (shares[:, 0] - shares[:, 1]) * self.woe[:-1]

    @property
    def iv(self) -> float:
        """Information value."""
        return float(self.iv_parts.sum())

    @property
    def trend(self) -> str:
        """Course of the bad rate over the ordinary bins.

        One of ascending, descending, peak, valley, mixed, flat; a category is unordered.
        """
        if self.groups is not None:
            return "unordered"
        steps = np.sign(np.diff(-self.woe[: self.n_bins]).round(12))
        steps = steps[steps != 0]
        if len(steps) == 0:
            return "flat"
        turns = int((np.diff(steps) != 0).sum())
        if turns == 0:
            return "ascending" if steps[0] > 0 else "descending"
        if turns == 1:
            return "peak" if steps[0] > 0 else "valley"
        return "mixed"

    def assign(self, values: pd.Series) -> np.ndarray:
        """Bin number of each value, int16; the last number + 1 is an unseen level.

        Parameters
        ----------
        values : Series of shape (n_rows,)
        """
        missing = len(self.counts) - 1
        if self.edges is not None:
            numbers = values.to_numpy(np.float64, na_value=np.nan)
            # comparing with a dozen edges beats a binary search per value
            place = np.zeros(len(numbers), dtype=np.int16)
            for edge in self.edges:
                place += numbers >= edge
            for row, code in enumerate(self.special_codes):
                place[numbers == code] = self.n_bins + row
            place[np.isnan(numbers)] = missing
            return place
        assert self.groups is not None
        levels = [level for group in self.groups for level in group]
        bins = [row for row, group in enumerate(self.groups) for _ in group]
        lookup = np.array([*bins, missing + 1], dtype=np.int16)
        # unknown levels have position -1, which is the last entry
        place = lookup[pd.Index(levels, dtype="str").get_indexer(level_text(values))]
        place[values.isna().to_numpy()] = missing
        return place

    def table(self) -> pd.DataFrame:
        """Bin table, index bin.

        Columns low, high (numbers only, NaN for the open ends), good, bad, share (of all rows),
        bad_rate, woe, iv, adjusted.
        """
        n = self.counts.sum(axis=1)
        low = np.full(len(n), np.nan)
        high = np.full(len(n), np.nan)
        if self.edges is not None:
            low[1 : self.n_bins] = self.edges
            high[: self.n_bins - 1] = self.edges
        with np.errstate(invalid="ignore"):
            return pd.DataFrame(
                {
                    "low": low,
                    "high": high,
                    "good": self.counts[:, 0],
                    "bad": self.counts[:, 1],
                    "share": n / n.sum(),
                    "bad_rate": self.counts[:, 1] / n,
                    "woe": self.woe[:-1],
                    "iv": self.iv_parts,
                    "adjusted": self.adjusted,
                },
                index=pd.Index(self.labels, name="bin"),
            )

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "name": self.name,
            "edges": None if self.edges is None else self.edges.tolist(),
            "groups": self.groups,
            "special_codes": self.special_codes,
            "counts": self.counts.tolist(),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> FeatureBins:
        """Bins of :meth:`to_json`."""
        edges: Sequence[float] | None = values["edges"]
        groups = values["groups"]
        return cls(
            name=values["name"],
            edges=None if edges is None else np.array(edges, dtype=np.float64),
            groups=None if groups is None else tuple(tuple(group) for group in groups),
            special_codes=tuple(values["special_codes"]),
            counts=np.array(values["counts"]),
        )

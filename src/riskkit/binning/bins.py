"""The bins of one feature: edges or level groups, their counts, WoE and IV.

Takes fine counts and where to cut them; gives the bin table and the place of any value in it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from riskkit.columns import is_missing, level_codes, level_of, numbers

__all__ = ["FeatureBins", "woe_of"]

# comparisons at a time
_CELLS = 2**19
# from this many rows on, and for no more entries, a table of their pairs is worth its making
_ROWS_FOR_PAIRS = 20_000
_ENTRIES_IN_PAIRS = 32
_Z95 = 1.959963984540054


def _shortened(levels: Sequence[str]) -> str:
    """Names of a few levels, and how many more there are."""
    named = ", ".join(levels[:6])
    return named if len(levels) <= 6 else f"{named} and {len(levels) - 6} more"


def _texts(numbers: Sequence[float]) -> list[str]:
    """Numbers in ten digits, or in all of theirs where that would make two alike."""
    texts = [f"{number:.10g}" for number in numbers]
    return texts if len(set(texts)) == len(texts) else [repr(number) for number in numbers]


def _in_pairs(entries: np.ndarray) -> np.ndarray | None:
    """Two entries at a time by the number of the first + 256 × that of the second, if they are few.

    Looking up two neighbouring rows at once takes half as long.
    """
    n = len(entries)
    if n > _ENTRIES_IN_PAIRS:
        return None
    pairs = np.zeros((n, 2**8, 2), dtype=entries.dtype)
    pairs[:, :n, 0] = entries
    pairs[:, :n, 1] = entries[:, None]
    return pairs.reshape(-1).view(np.dtype((np.void, 2 * entries.itemsize)))


def _take(
    entries: np.ndarray, pairs: np.ndarray | None, place: np.ndarray, out: np.ndarray
) -> None:
    """Fill `out` with the entry of each place, two at a time where there is a table of pairs."""
    if pairs is not None and out.flags.c_contiguous:
        if len(place) % 2:
            out[-1] = entries[place[-1]]
            place, out = place[:-1], out[:-1]
        entries, place, out = pairs, place.view("<u2"), out.view(pairs.dtype)
    np.take(entries, place, out=out, mode="clip")


def woe_of(
    counts: np.ndarray, apart: np.ndarray, min_bads: float, below_min_bads: str
) -> tuple[np.ndarray, np.ndarray]:
    """WoE of bins, and the riskiest that is measured, of as many features as there are.

    Parameters
    ----------
    counts : array of shape (…, n_rows, 2)
        Weighted goods and bads.
    apart : bool array of shape (n_rows,)
        Whether a row is of special codes or missing alone.
    min_bads, below_min_bads
        As in :class:`FeatureBins`.

    Returns
    -------
    array of shape (…, n_rows), array of shape (…,)
    """
    total = counts.sum(axis=-2, keepdims=True)
    empty = counts.sum(axis=-1) == 0
    assumed = ~empty & apart & (counts[..., 1] < min_bads * (1 - 1e-9))
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = (counts + 0.5 * (counts == 0).any(axis=-1, keepdims=True)) / total
        woe = np.log(shares[..., 0] / shares[..., 1])
    woe[~np.isfinite(woe)] = 0.0
    unknown = empty | assumed
    riskiest = np.min(woe, axis=-1, where=~unknown, initial=np.inf)
    riskiest = np.where(np.isinf(riskiest), 0.0, riskiest)
    default = riskiest[..., None]
    woe = np.where(empty, default, woe)
    return np.where(assumed, default if below_min_bads == "riskiest" else 0.0, woe), riskiest


@dataclass(frozen=True, eq=False)
class FeatureBins:
    """Bins of one feature: of ordinary values first, then of special codes and missing.

    Parameters
    ----------
    name : str
    edges : float array of shape (n_bins - 1,) or None
        For a number: bin i holds [edges[i-1], edges[i]).
    groups : tuple of tuples of str or None
        For a category: the levels of each bin.
    special_codes : tuple of float
    counts : array of shape (n_rows, 2)
        Weighted goods and bads of each bin.
    apart : tuple of int
        Bin of each special code, then that of missing: one of their own, or any other they share.
        By default one each, after the ordinary ones.
    is_boolean : bool
        The numbers are true and false.
    min_bads : float
        A bin of special codes or missing alone with fewer bads has no WoE of its own.
    below_min_bads : str
        What it has instead: "neutral", which is 0, or that of the "riskiest" of the others.
    """

    name: str
    edges: np.ndarray | None
    groups: tuple[tuple[str, ...], ...] | None
    special_codes: tuple[float, ...]
    counts: np.ndarray
    apart: tuple[int, ...] = ()
    is_boolean: bool = False
    min_bads: float = 0.0
    below_min_bads: str = "neutral"

    def __post_init__(self) -> None:
        if not self.apart:
            own = range(self.n_bins, self.n_bins + len(self.special_codes) + 1)
            object.__setattr__(self, "apart", tuple(own))

    @property
    def n_bins(self) -> int:
        """Number of bins of ordinary values."""
        if self.edges is not None:
            return len(self.edges) + 1
        assert self.groups is not None
        return len(self.groups)

    @cached_property
    def labels(self) -> list[str]:
        """Name of each bin."""
        if self.edges is not None:
            if len(self.edges) == 0:
                values = ["any value"]
            else:
                text = _texts(self.edges.tolist())
                inner = [f"[{a}, {b})" for a, b in pairwise(text)]
                values = [f"< {text[0]}", *inner, f"≥ {text[-1]}"]
        else:
            assert self.groups is not None
            values = [_shortened(group) for group in self.groups]
        parts = [[value] for value in values]
        parts += [[] for _ in range(len(self.counts) - len(values))]
        names = [*(f"special {code}" for code in _texts(self.special_codes)), "missing"]
        for name, row in zip(names, self.apart, strict=True):
            parts[row].append(name)
        return [", ".join(part) for part in parts]

    @cached_property
    def adjusted(self) -> np.ndarray:
        """Where a bin has rows but no good or no bad, so its WoE is smoothed by half a count."""
        return self._filled & (self.counts == 0).any(axis=1)

    @cached_property
    def assumed(self) -> np.ndarray:
        """Where a bin of special codes or missing has too few bads for a WoE of its own."""
        apart = np.arange(len(self.counts)) >= self.n_bins
        return apart & self._filled & (self.counts[:, 1] < self.min_bads * (1 - 1e-9))

    @property
    def _filled(self) -> np.ndarray:
        return self.counts.sum(axis=1) > 0

    @cached_property
    def woe(self) -> np.ndarray:
        """WoE of each bin, then of anything unseen: the riskiest bin's.

        A bin without any row, such as missing where nothing was missing, counts as unseen.
        """
        apart = np.arange(len(self.counts)) >= self.n_bins
        woe, riskiest = woe_of(self.counts, apart, self.min_bads, self.below_min_bads)
        return np.append(woe, riskiest)

    @cached_property
    def woe_error(self) -> np.ndarray:
        """Standard error of each bin's WoE; NaN where it is not measured. Weights are loans.

        Source
        ------
        The variance of a log ratio of two multinomial shares, by the delta method.
        """
        total = self.counts.sum(axis=0)
        smooth = self.counts + 0.5 * self.adjusted[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = (1 / smooth - 1 / total).sum(axis=1)
        return np.where(self._filled & ~self.assumed, np.sqrt(np.maximum(variance, 0)), np.nan)

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
    def iv_error(self) -> float:
        """Standard error of the information value, as if the bins had been given.

        Near an IV of 0 it is too small: what chance gives there is told by
        :func:`riskkit.binning.chance_iv`.

        Source
        ------
        Delta method on the shares of goods and of bads, which are multinomial.
        """
        total = self.counts.sum(axis=0)
        if not (total > 0).all():
            return np.nan
        woe = self.woe[:-1]
        share = self.counts / total
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = np.array(
                [woe + 1 - share[:, 1] / share[:, 0], -woe + 1 - share[:, 0] / share[:, 1]]
            )
        slope[:, self.assumed] = np.array([[1], [-1]]) * woe[self.assumed]
        variance = 0.0
        for label, n in enumerate(total):
            # no loan is in a bin of share 0, so its slope does not matter
            p, f = share[:, label], np.where(share[:, label] > 0, slope[label], 0.0)
            variance += float(p @ f**2 - (p @ f) ** 2) / float(n)
        return float(np.sqrt(variance))

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

        Raises
        ------
        TypeError
            Text where fit saw numbers.
        """
        return self.look_up(values, np.arange(len(self.counts) + 1, dtype=np.int16))

    def look_up(
        self, values: pd.Series, of_bins: np.ndarray, out: np.ndarray | None = None
    ) -> np.ndarray:
        """Entry of a table, such as WoE or points, that belongs to each value's bin.

        Parameters
        ----------
        values : Series of shape (n_rows,)
        of_bins : array of shape (len(counts) + 1,)
            One entry a bin, the unseen last.
        out : array of shape (n_rows,), optional
            Filled and returned.
        """
        if out is None:
            out = np.empty(len(values), dtype=of_bins.dtype)
        if self.groups is not None:
            np.take(of_bins, self._level_places(values), out=out, mode="clip")
            return out
        column = numbers(values)
        entries = np.concatenate([of_bins[self.apart[-1]][None], of_bins])
        pairs = _in_pairs(entries) if len(column) >= _ROWS_FOR_PAIRS else None
        n_rows = min(max(_CELLS // len(self._bounds), 1), len(column))
        reaches = np.empty((len(self._bounds), n_rows), dtype=bool)
        place = np.empty(n_rows, dtype=np.uint8 if len(entries) <= 2**8 else np.uint16)
        for start in range(0, len(column), n_rows or 1):  # what fits the cache is read once
            block = column[start : start + n_rows]
            if len(block) < n_rows:
                reaches, place = reaches[:, : len(block)], place[: len(block)]
            # to compare with a dozen bounds beats a binary search for each value
            np.greater_equal(block, self._bounds, out=reaches)
            np.add.reduce(reaches.view(np.uint8), axis=0, dtype=place.dtype, out=place)
            for code, row in zip(self.special_codes, self.apart, strict=False):
                place[block == code] = row + 1
            _take(entries, pairs, place, out[start : start + n_rows])
        return out

    @cached_property
    def _bounds(self) -> np.ndarray:
        """How many a value reaches is 0 for a missing one, else 1 more than the number of its bin.

        Of shape (n_bins, 1).
        """
        assert self.edges is not None
        return np.append(-np.inf, self.edges)[:, None]

    def place(self, value: Any) -> int:
        """Bin number of one value, as :meth:`assign` gives it, without the cost of a Series.

        Raises
        ------
        TypeError
            Something other than a number where fit saw numbers.
        """
        if is_missing(value):
            return self.apart[-1]
        if self.groups is not None:
            return self._row_of_level.get(level_of(value), len(self.counts))
        if isinstance(value, str | bytes) or not hasattr(value, "__float__"):
            raise TypeError(f"feature {self.name}: expected a number, found {value!r}")
        number = float(value)
        for code, row in zip(self.special_codes, self.apart, strict=False):
            if number == code:
                return row
        return bisect_right(self._edge_list, number)

    @cached_property
    def _edge_list(self) -> list[float]:
        assert self.edges is not None
        return self.edges.tolist()

    @cached_property
    def _row_of_level(self) -> dict[str, int]:
        assert self.groups is not None
        return {level: row for row, group in enumerate(self.groups) for level in group}

    def _level_places(self, values: pd.Series) -> np.ndarray:
        assert self.groups is not None
        codes, levels = level_codes(values)
        unseen = len(self.counts)
        # a missing value has code -1, which is the last entry
        places = [*(self._row_of_level.get(level, unseen) for level in levels), self.apart[-1]]
        return np.array(places, dtype=np.intp)[codes]

    def table(self) -> pd.DataFrame:
        """Bin table, index bin.

        Columns low, high (numbers only, NaN for the open ends), good, bad, share (of all rows),
        bad_rate, woe, woe_low, woe_high (its 95 % interval, NaN where it is not measured), iv,
        adjusted (half a count added), assumed (too few bads, so the WoE is a stated one).
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
                    "woe_low": self.woe[:-1] - _Z95 * self.woe_error,
                    "woe_high": self.woe[:-1] + _Z95 * self.woe_error,
                    "iv": self.iv_parts,
                    "adjusted": self.adjusted,
                    "assumed": self.assumed,
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
            "apart": self.apart,
            "is_boolean": self.is_boolean,
            "min_bads": self.min_bads,
            "below_min_bads": self.below_min_bads,
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
            apart=tuple(values["apart"]),
            is_boolean=values["is_boolean"],
            min_bads=values["min_bads"],
            below_min_bads=values["below_min_bads"],
        )

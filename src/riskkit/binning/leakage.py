"""Features that only bads, or only goods, have: no risk is as clear as that before the decision.

Takes the fine counts of a feature; gives the IV of what one class alone holds.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from riskkit.binning.counts import CategoryCounts, NumericCounts

__all__ = ["LEAKAGE_IV", "one_class_iv"]

# Siddiqi (2006) calls an IV above 0.5 suspicious: too good to be known before the decision
LEAKAGE_IV = 0.5
# a cell belongs to one class where its share of that class is so many times that of the other: a
# few rows booked wrongly do not hide a leak
_TIMES_AS_LIKELY = 50.0
# one-class cells that chance would make once in so many features count for nothing
_ODDS_OF_CHANCE = 1_000.0
# where few loans turn bad, a fair share of the goods may well have a value that no bad has; and the
# few loans at the far end of a strong feature may have turned bad one and all
_LEAST_SHARE_OF_GOODS = 0.5
_LEAST_SHARE_OF_BADS = 0.25


def one_class_iv(counts: NumericCounts | CategoryCounts) -> float:
    """IV of the cells that one class alone holds against the rest; 0 where that is no leakage.

    Cells are runs of neighbouring values, levels, special codes and missing. A cell counts where
    it holds one class only, or next to nothing of the other, and where chance would hardly make
    it: a rare level with goods only is nothing special. It is leakage where the IV of such cells is
    above 0.5; those of the goods count where they hold half of all goods, those of the bads a
    quarter of all bads. No limit on bins comes into it.

    Parameters
    ----------
    counts : NumericCounts or CategoryCounts
        With goods and bads.

    Returns
    -------
    float
        Over three parts, what bads hold, what goods hold and the rest: Σ (share of goods − share
        of bads)·WoE, a part without a good or a bad having half a count more of both in its WoE.

    Source
    ------
    riskkit definition; chance is judged by the likelihood-ratio statistic of each cell against the
    rest.

    Examples
    --------
    >>> cells = np.array([[900, 0], [0, 100]])
    >>> paid = CategoryCounts(("no", "yes"), cells, np.zeros(2), 1_000)
    >>> round(one_class_iv(paid), 3)
    12.799
    """
    total = counts.total.astype(np.float64)
    cells = _runs(counts, total)
    # weights are repetitions, but those of less than a row say how much it counts
    weight_per_row = min(total.sum() / counts.n_rows, 1.0)
    beyond = _statistic(cells, total) / weight_per_row > 2 * np.log(_ODDS_OF_CHANCE * len(cells))
    side = np.where(beyond, _side(cells, total), 0)
    parts = np.array([cells[side == which].sum(axis=0) for which in (-1, 0, 1)])
    for part, label, least in ((0, 0, _LEAST_SHARE_OF_GOODS), (2, 1, _LEAST_SHARE_OF_BADS)):
        if parts[part, label] < least * total[label]:
            parts[1] += parts[part]
            parts[part] = 0.0
    shares = parts / total
    one_class = (parts == 0).any(axis=1) & (parts > 0).any(axis=1)
    smooth = (parts + 0.5 * one_class[:, None]) / total
    there = (smooth > 0).all(axis=1)
    woe = np.log(smooth[there, 0] / smooth[there, 1])
    iv = float(((shares[there, 0] - shares[there, 1]) * woe).sum())
    return iv if iv > LEAKAGE_IV else 0.0


def _side(cells: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Whose each cell is: 1 the bads', −1 the goods', 0 neither's alone."""
    good, bad = cells[:, 0] / total[0], cells[:, 1] / total[1]
    return (bad > _TIMES_AS_LIKELY * good).astype(np.int8) - (good > _TIMES_AS_LIKELY * bad)


def _runs(counts: NumericCounts | CategoryCounts, total: np.ndarray) -> np.ndarray:
    """Cells to judge, none empty: neighbouring values of one class are one cell."""
    if isinstance(counts, CategoryCounts):
        return _filled(np.vstack([counts.cells, counts.missing]))
    values = _filled(counts.cells)
    apart = _filled(np.vstack([counts.special, counts.missing]))
    if len(values) == 0:
        return apart
    side = _side(values, total)
    begins = np.flatnonzero(np.append(True, side[1:] != side[:-1]))
    return np.vstack([np.add.reduceat(values, begins, axis=0), apart])


def _filled(cells: np.ndarray) -> np.ndarray:
    # the sum of two columns is much cheaper than any() along each short row
    return cells[cells[:, 0] + cells[:, 1] > 0]


def _statistic(cells: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Likelihood ratio of each cell against the rest, chi-square with one degree of freedom."""
    rest = total - cells
    found = special.xlogy(cells, cells).sum(axis=1) + special.xlogy(rest, rest).sum(axis=1)
    rows = cells.sum(axis=1)
    others = total.sum() - rows
    expected = special.xlogy(rows, rows) + special.xlogy(others, others)
    whole = special.xlogy(total, total).sum() - special.xlogy(total.sum(), total.sum())
    return 2 * (found - expected - whole)

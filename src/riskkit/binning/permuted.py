"""Bins of permuted labels: many sets of counts of one feature, each binned as the feature is.

Takes fine counts and a request; gives the IV, and the score of rows that did not choose the bins,
of each permutation.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import expit, logit

from riskkit.binning.bins import FeatureBins, woe_of
from riskkit.binning.choose import (
    Fine,
    Request,
    candidate_cells,
    cut_levels,
    limits_of,
)
from riskkit.binning.counts import CategoryCounts
from riskkit.binning.solve import many_cuts, thinned

__all__ = ["chance_ivs", "chance_scores", "chance_scores_of_given", "deal_bads"]

# cells of a number, of about equal weight, in which the score of chance is told
_SCORE_CELLS = 32
# on ten bads the roots are within .004 of their limit, on twenty within .00001
_NEWTON_STEPS = 4


def chance_ivs(counts: Fine, request: Request, bads_at: np.ndarray) -> np.ndarray:
    """IV of the bins that are chosen, and that would be if labels had nothing to do with a feature.

    Parameters
    ----------
    counts : NumericCounts or CategoryCounts
    request : Request
    bads_at : int array of shape (n_permutations, n_bads)
        Which rows, of all in any order, are bad; ascending. As many as there are bads.

    Returns
    -------
    float array of shape (n_permutations + 1, 1 or 2)
        First of the labels as they are. Where the course is left to the data, the second column is
        that of the better direction: fewer courses to choose from, so less of it is chance.
    """
    limits = limits_of(counts, request)
    special = getattr(counts, "special", np.empty((0, 2)))
    every = np.vstack([counts.cells, special, counts.missing]) / limits.weight_per_row
    dealt = np.concatenate([every[None], deal_bads(every, bads_at)]) * limits.weight_per_row
    cells, apart = np.split(dealt, [len(counts.cells)], axis=1)
    if isinstance(counts, CategoryCounts):
        ordered, cuts, _ = cut_levels(counts, cells, limits)
        return _ivs(ordered, cuts, apart, request)[:, None]
    _, candidates = candidate_cells(counts, request)
    courses = [[request.trend]]
    if request.trend == "auto":
        courses.append(["ascending", "descending"])
    asked = [course for some in courses for course in some]
    found = many_cuts(cells, counts.total, limits, asked, candidates)
    ivs = {course: _ivs(cells, cuts, apart, request) for course, cuts in found.items()}
    return np.array([np.max([ivs[c] for c in some], axis=0) for some in courses]).T


def chance_scores(
    parts: Sequence[Fine], request: Request, n_permutations: int, rng: np.random.Generator
) -> np.ndarray:
    """Signed roots of the likelihood ratio of cross-fitted WoE, labels permuted in each fold.

    Parameters
    ----------
    parts : sequence of NumericCounts or of CategoryCounts
        Of each fold, numbers on the same fine cells.
    request : Request
    n_permutations : int
    rng : Generator

    Returns
    -------
    float array of shape (n_permutations,)
        Of weights below one row as if each were one.
    """
    total = sum(parts[1:], parts[0])
    weight_per_row = limits_of(total, request).weight_per_row
    candidates = np.empty(0, dtype=np.intp)
    if not isinstance(total, CategoryCounts):
        candidates = thinned(candidate_cells(total, request)[1], _SCORE_CELLS)
    rows = [_rows_of(part, total, candidates) for part in parts]
    dealt = [_dealt_anew(own, weight_per_row, n_permutations, rng) for own in rows]
    every, woes = np.sum(dealt, axis=0), []
    for k, own in enumerate(dealt):
        others = [part for other, part in enumerate(parts) if other != k]
        woes.append(_woe_of_rows(every - own, sum(others[1:], others[0]), total, request))
    return _signed_roots(dealt, woes) / np.sqrt(weight_per_row)


def _rows_of(part: Fine, total: Fine, candidates: np.ndarray) -> np.ndarray:
    """Goods and bads of the cells between the candidates, or of all levels, then of the rest."""
    cells = part.cells
    if isinstance(part, CategoryCounts):
        assert isinstance(total, CategoryCounts)
        cells = np.zeros((len(total.levels), 2))
        cells[np.searchsorted(total.levels, part.levels)] = part.cells
    elif len(cells):
        cells = np.add.reduceat(cells, [0, *candidates])
    codes, special = getattr(total, "special_codes", ()), getattr(part, "special", ())
    # a part without any value may know other codes
    special = special if len(special) == len(codes) > 0 else np.zeros((len(codes), 2))
    return np.vstack([cells, special, part.missing])


def _woe_of_rows(rows: np.ndarray, counts: Fine, total: Fine, request: Request) -> np.ndarray:
    """WoE of each row of :func:`_rows_of`, in each set, by bins chosen on counts of these sizes."""
    n_apart = 1 + len(getattr(total, "special_codes", ()))
    cells, apart = np.split(rows, [rows.shape[1] - n_apart], axis=1)
    limits, n_sets = limits_of(counts, request), len(rows)
    if isinstance(counts, CategoryCounts):
        assert isinstance(total, CategoryCounts)
        known = np.searchsorted(total.levels, counts.levels)
        place = np.full(cells.shape[:2], -1)
        ordered, cuts, place[:, known] = cut_levels(counts, cells[:, known], limits)
    else:
        ordered = cells
        cuts = many_cuts(cells, counts.total, limits, [request.trend])[request.trend]
        numbers = np.arange(cells.shape[1])
        place = np.array([np.searchsorted(at, numbers, side="right") for at in cuts])
    binned, most = _binned(ordered, cuts, apart)
    woe = _woe(binned, most, request)
    # a level that these counts do not know is the riskiest
    place = np.where(place < 0, woe.argmin(axis=1)[:, None], place)
    own = np.tile(most + np.arange(n_apart), (n_sets, 1))
    return np.take_along_axis(woe, np.hstack([place, own]), axis=1)


def chance_scores_of_given(
    parts: Sequence[FeatureBins],
    weight_per_row: float,
    n_permutations: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """What :func:`chance_scores` gives of bins that nobody chooses: the same ones in each fold."""
    dealt = [_dealt_anew(part.counts, weight_per_row, n_permutations, rng) for part in parts]
    every, first = np.sum(dealt, axis=0), parts[0]
    apart = np.arange(len(first.counts)) >= first.n_bins
    woes = [woe_of(every - own, apart, first.min_bads, first.below_min_bads)[0] for own in dealt]
    return _signed_roots(dealt, woes) / np.sqrt(weight_per_row)


def _dealt_anew(
    rows: np.ndarray, weight_per_row: float, n: int, rng: np.random.Generator
) -> np.ndarray:
    """Counts with their labels permuted n times."""
    whole = rows / weight_per_row
    size, n_bads = round(float(whole.sum())), round(float(whole[:, 1].sum()))
    draws = [rng.choice(size, n_bads, replace=False, shuffle=False) for _ in range(n)]
    return deal_bads(whole, np.sort(np.array(draws), axis=1)) * weight_per_row


def _signed_roots(dealt: Sequence[np.ndarray], woes: Sequence[np.ndarray]) -> np.ndarray:
    """Root of the likelihood ratio of a logistic regression on WoE alone, of each set.

    Above 0 where a safer WoE has fewer bads.
    """
    counts, woe = np.concatenate(dealt, axis=1), np.concatenate(woes, axis=1)
    rows, bads = counts.sum(axis=2), counts[..., 1]
    mean = (rows * woe).sum(axis=1, keepdims=True) / rows.sum(axis=1, keepdims=True)
    x = woe - mean
    rate = bads.sum(axis=1) / rows.sum(axis=1)
    varies = np.flatnonzero((rows * x**2).sum(axis=1) > 0)
    x, rows, bads = x[varies], rows[varies], bads[varies]
    start = logit(rate[varies])
    intercept, slope = start.copy(), np.zeros(len(varies))
    for _ in range(_NEWTON_STEPS):
        bad = expit(intercept[:, None] + slope[:, None] * x)
        miss, spread = bads - rows * bad, rows * bad * (1 - bad)
        pull, turn = miss.sum(axis=1), (miss * x).sum(axis=1)
        flat, tilt, bend = (
            spread.sum(axis=1),
            (spread * x).sum(axis=1),
            (spread * x**2).sum(axis=1),
        )
        scale = flat * bend - tilt**2
        intercept += (bend * pull - tilt * turn) / scale
        slope += (flat * turn - tilt * pull) / scale
    reached = intercept[:, None] + slope[:, None] * x
    gain = (bads * (reached - start[:, None])).sum(axis=1)
    gain -= (rows * (np.logaddexp(0, reached) - np.logaddexp(0, start)[:, None])).sum(axis=1)
    roots = np.zeros(len(woe))
    roots[varies] = -np.sign(slope) * np.sqrt(np.maximum(2 * gain, 0.0))
    return roots


def _binned(
    cells: np.ndarray, cuts: Sequence[np.ndarray], apart: np.ndarray
) -> tuple[np.ndarray, int]:
    """Counts of each set in its bins, padded by empty ones, and how many bins are ordinary."""
    most = 1 + max(map(len, cuts))
    ordinary = np.zeros((len(cells), most, 2))
    if cells.shape[1]:
        for k, at in enumerate(cuts):
            ordinary[k, : len(at) + 1] = np.add.reduceat(cells[k], [0, *at])
    return np.concatenate([ordinary, apart], axis=1), most


def _woe(rows: np.ndarray, most: int, request: Request) -> np.ndarray:
    """WoE of padded bins, the missing ones joined with the riskiest where that is asked."""
    is_apart = np.arange(rows.shape[1]) >= most
    if request.missing == "riskiest":
        woe, _ = woe_of(rows, is_apart, 0.0, request.below_min_bads)
        filled = rows[:, :most].sum(axis=2) > 0
        riskiest = np.where(filled, woe[:, :most], np.inf).argmin(axis=1)
        rows[np.arange(len(rows)), riskiest] += rows[:, -1]
        rows[:, -1] = 0.0
    return woe_of(rows, is_apart, request.min_bads, request.below_min_bads)[0]


def _ivs(
    cells: np.ndarray, cuts: Sequence[np.ndarray], apart: np.ndarray, request: Request
) -> np.ndarray:
    """IV of each set of counts in its bins, as of :func:`finished` ones."""
    rows, most = _binned(cells, cuts, apart)
    woe = _woe(rows, most, request)
    shares = rows / rows.sum(axis=1, keepdims=True)
    found: np.ndarray = ((shares[..., 0] - shares[..., 1]) * woe).sum(axis=1)
    return found


def deal_bads(cells: np.ndarray, bads_at: np.ndarray) -> np.ndarray:
    """Cells of as many rows as there are, the bads among them where they are put.

    Parameters
    ----------
    cells : array of shape (n_cells, 2)
        Goods and bads; weights are rounded to whole rows.
    bads_at : int array of shape (n_permutations, n_bads)
        Ascending places among all rows.

    Returns
    -------
    float array of shape (n_permutations, n_cells, 2)
    """
    ends = np.rint(np.cumsum(cells.sum(axis=1)))
    below = np.array([np.searchsorted(places, ends, side="left") for places in bads_at])
    bads = np.diff(below, axis=1, prepend=0).astype(np.float64)
    rows = np.diff(ends, prepend=0)
    return np.stack([rows - bads, bads], axis=2)

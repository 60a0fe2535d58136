"""What a declined applicant would have to change, at least, to reach the cutoff.

Takes a card and the applicants below its cutoff; gives, for each, the least change of the features
that an applicant can change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from riskkit.binning import FeatureBins
from riskkit.columns import numbers
from riskkit.schema import Feature
from riskkit.scorecard import Scorecard, catalogue, feature_label, number_words

__all__ = ["changes_table", "changes_text", "smallest_changes"]

FALLS, RISES = "falls", "rises"
_COLUMNS = ["feature", "label", "now", "needed", "points", "distance"]
# rows whose ways are weighed at a time
_BLOCK = 20_000


def smallest_changes(
    card: Scorecard,
    X: pd.DataFrame,
    cutoff: ArrayLike,
    changeable: Mapping[str, str],
    *,
    features: Sequence[Feature] | None = None,
) -> pd.DataFrame:
    """The least change by which each applicant below the cutoff would reach it.

    How far a change goes is the share of the loans behind the card's bins that lie between what the
    feature is and what it would have to be, from the middle of one bin to that of the other; of all
    ways to gain enough points the one of the least sum is taken, exactly.

    Parameters
    ----------
    card : Scorecard
    X : DataFrame of shape (n, n_features)
        Applicants; those who reach the cutoff need nothing.
    cutoff : float or array of shape (n,)
    changeable : mapping of feature to {"falls", "rises"}
        Numbers that an applicant can change, and which way. One that is not on the card changes no
        score. What is missing or a special code stays as it is.
    features : sequence of Feature, optional
        The catalogue, for labels and units.

    Returns
    -------
    DataFrame, index (row, rank)
        row as in the index of `X`, rank from 1, the greatest gain first; feature, label, now,
        needed (in words, such as "below 6 months"), points gained, distance (a share of the loans).
        Nobody who cannot reach the cutoff by such changes, or has reached it, has an entry.

    Raises
    ------
    ValueError
        A feature is absent, or a way is neither falls nor rises; a feature of the card that is no
        number; an index with repeats; a cutoff that is not finite.

    Source
    ------
    Ustun, Spangher, Liu (2019), Actionable recourse in linear classification, FAT* '19, for the
    question and the distance in shares; an exact knapsack over whole points.
    """
    names = _changeable_on(card, changeable)
    if not X.index.is_unique:
        raise ValueError("X needs an index without repeats: each row is told by its label")
    score = card.credit_score(X).to_numpy()
    asked = np.ceil(np.asarray(cutoff, dtype=float))
    if asked.shape not in ((), (len(X),)) or not np.isfinite(asked).all():
        raise ValueError(
            f"cutoff must be finite, one number or {len(X)}, got shape {asked.shape} and "
            f"{int((~np.isfinite(asked)).sum())} that are not finite"
        )
    missing = np.broadcast_to(asked, len(X)) - score
    below = np.flatnonzero(missing > 0)
    told = catalogue(features)
    parts = []
    for start in range(0, len(below), _BLOCK):
        rows = below[start : start + _BLOCK]
        moves = [_moves(card, name, changeable[name], X[name].iloc[rows]) for name in names]
        # beyond what all changes gain together nothing is to be weighed
        most = 1 + sum(int(move.gains.max(initial=0)) for move in moves)
        taken = _cheapest(moves, np.minimum(missing[rows], most).astype(np.int64))
        parts += [
            _told(move, bins, X.index[rows], told.get(move.name))
            for move, bins in zip(moves, taken, strict=True)
        ]
    if not parts:
        index = pd.MultiIndex.from_arrays([X.index[:0], []], names=["row", "rank"])
        return pd.DataFrame(columns=_COLUMNS, index=index)
    table = pd.concat(parts, ignore_index=True)
    place = pd.Series(np.arange(len(X)), index=X.index)
    order = np.lexsort([-table["points"].to_numpy(), place.loc[table["row"]].to_numpy()])
    table = table.iloc[order]
    rank = table.groupby("row", sort=False).cumcount() + 1
    index = pd.MultiIndex.from_arrays([table["row"], rank], names=["row", "rank"])
    return table[_COLUMNS].set_axis(index)


def _changeable_on(card: Scorecard, changeable: Mapping[str, str]) -> list[str]:
    wrong = {name: way for name, way in changeable.items() if way not in (FALLS, RISES)}
    if wrong:
        raise ValueError(f"a changeable feature falls or rises, got {wrong}")
    names = [name for name in card.points_ if name in changeable]
    levels = [name for name in names if card.binner_.bins_[name].edges is None]
    if levels:
        raise ValueError(f"only numbers fall or rise, and these are categories: {levels}")
    return names


@dataclass(frozen=True)
class _Moves:
    """What each bin of a feature would gain each applicant, and how far it is."""

    name: str
    bins: FeatureBins
    way: str
    now: np.ndarray
    gains: np.ndarray  # (n_rows, n_bins), 0 where the bin cannot be reached or gains nothing
    distances: np.ndarray


def _moves(card: Scorecard, name: str, way: str, column: pd.Series) -> _Moves:
    bins = card.binner_.bins_[name]
    points, n_bins = card.points_[name], card.binner_.bins_[name].n_bins
    values = numbers(column)
    stays = np.isnan(values) | np.isin(values, bins.special_codes)
    at = np.where(stays, 0, bins.assign(column))
    loans = bins.counts[:n_bins].sum(axis=1)
    middle = (np.cumsum(loans) - loans / 2) / max(loans.sum(), 1)
    every = np.arange(n_bins)
    reachable = every < at[:, None] if way == FALLS else every > at[:, None]
    gains = np.where(reachable & ~stays[:, None], points[:n_bins] - points[at][:, None], 0)
    gains = np.maximum(gains, 0).astype(np.int64)
    distances = np.abs(middle - middle[at][:, None])
    return _Moves(name, bins, way, values, gains, distances)


def _cheapest(moves: Sequence[_Moves], missing: np.ndarray) -> list[np.ndarray]:
    """Bin each feature of each applicant is moved to, −1 where it stays, of the cheapest way."""
    n, most = len(missing), int(missing.max(initial=0))
    needs = np.arange(most + 1)
    # cost[i, r]: the least distance by which the features so far gain applicant i r points or more
    cost = np.full((n, most + 1), np.inf)
    cost[:, 0] = 0.0
    choices = []
    for move in moves:
        best, choice = cost.copy(), np.full(cost.shape, -1, dtype=np.int8)
        for bin_ in range(move.gains.shape[1]):
            gain = move.gains[:, bin_]
            rows = np.flatnonzero(gain > 0)
            before = np.maximum(needs - gain[rows][:, None], 0)
            reached = cost[rows[:, None], before] + move.distances[rows, bin_][:, None]
            nearer = reached < best[rows] - 1e-12
            best[rows] = np.where(nearer, reached, best[rows])
            choice[rows] = np.where(nearer, bin_, choice[rows])
        cost = best
        choices.append(choice)
    left = missing.copy()
    rows = np.arange(n)
    possible = np.isfinite(cost[rows, left])
    taken = []
    for move, choice in zip(reversed(moves), reversed(choices), strict=True):
        target = np.where(possible, choice[rows, left], -1)
        gain = np.where(target >= 0, move.gains[rows, np.maximum(target, 0)], 0)
        left = np.maximum(left - gain, 0)
        taken.append(target)
    return taken[::-1]


def _told(
    move: _Moves, target: np.ndarray, names: pd.Index, feature: Feature | None
) -> pd.DataFrame:
    """A row for each applicant whose feature moves."""
    rows = np.flatnonzero(target >= 0)
    to = target[rows]
    edges = move.bins.edges
    assert edges is not None
    if move.way == FALLS:
        needed = [f"below {number_words(float(edges[bin_]), feature)}" for bin_ in to]
    else:
        needed = [f"{number_words(float(edges[bin_ - 1]), feature)} or more" for bin_ in to]
    return pd.DataFrame(
        {
            "row": names[rows],
            "feature": move.name,
            "label": feature_label(move.name, feature),
            "now": [number_words(float(value), feature) for value in move.now[rows]],
            "needed": needed,
            "points": move.gains[rows, to],
            "distance": move.distances[rows, to],
        }
    )


def changes_table(changes: pd.DataFrame) -> pd.DataFrame:
    """Which changes are asked of how many, the commonest first.

    Parameters
    ----------
    changes : DataFrame, index (row, rank)
        Of :func:`smallest_changes`.

    Returns
    -------
    DataFrame, index (feature, needed)
        label; applications that would need it; points gained at the median.
    """
    grouped = changes.groupby(["feature", "needed"], sort=False)
    table = grouped.agg(
        label=("label", "first"), applications=("points", "size"), points=("points", "median")
    )
    return table.sort_values("applications", ascending=False, kind="stable")


def changes_text(changes: pd.DataFrame, n_declined: int) -> str:
    """For how many of the declined some change is enough, as Markdown.

    Parameters
    ----------
    changes : DataFrame, index (row, rank)
        Of :func:`smallest_changes`.
    n_declined : int
        Applications that the score declines.
    """
    if not n_declined:
        return "The score declines nobody."
    rows = changes.index.get_level_values("row")
    n, n_one = rows.nunique(), int((rows.value_counts() == 1).sum())
    return (
        f"Of {n_declined:,} whom the score declines, {n:,} ({n / n_declined:.1%}) would pass if "
        f"they changed what can be changed: {n_one:,} of them one thing alone. The other "
        f"{n_declined - n:,} would not, whatever of it they change."
    )

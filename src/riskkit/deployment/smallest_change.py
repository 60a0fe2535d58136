"""What a declined applicant would have to change, at least, to reach the cutoff.

Takes a model and the applicants below its cutoff; gives, for each, the least change of the features
that an applicant can change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from riskkit.binning import FeatureBins
from riskkit.challenger import Challenger
from riskkit.deployment.least_moves import (
    FALLS,
    RISES,
    BinMoves,
    least_by_points,
    least_by_search,
)
from riskkit.schema import Feature
from riskkit.scorecard import Scorecard, catalogue, feature_label, number_words

__all__ = ["changes_table", "changes_text", "smallest_changes"]

_COLUMNS = ["feature", "label", "now", "needed", "points", "distance"]
# trends of the risk under which a move further never lowers the score
_BOUND = {FALLS: "ascending", RISES: "descending"}
# rows whose ways are weighed at a time
_BLOCK = 20_000


def smallest_changes(
    model: Scorecard | Challenger,
    X: pd.DataFrame,
    cutoff: ArrayLike,
    changeable: Mapping[str, str],
    *,
    bins: Mapping[str, FeatureBins] | None = None,
    features: Sequence[Feature] | None = None,
) -> pd.DataFrame:
    """The least change by which each applicant below the cutoff would reach it.

    How far a change goes is the share of the loans behind the bins that lie between what the
    feature is and what it would have to be, from the middle of one bin to that of the other; of all
    ways that reach the cutoff the one of the least sum is taken, exactly. The score of trees is no
    sum: every way is tried, a feature standing in a bin at the value nearest to the applicant that
    any row of `X` has there.

    Parameters
    ----------
    model : Scorecard or Challenger
    X : DataFrame of shape (n, n_features)
        Applicants; those who reach the cutoff need nothing.
    cutoff : float or array of shape (n,)
        −inf of whom nothing is asked.
    changeable : mapping of feature to {"falls", "rises"}
        Numbers that an applicant can change, and which way. One that the model does not read
        changes no score. What is missing or a special code stays as it is.
    bins : mapping of feature to FeatureBins, optional
        Of the binner, needed of a challenger; a card has its own. A feature without bins stays.
    features : sequence of Feature, optional
        The catalogue, for labels and units.

    Returns
    -------
    DataFrame, index (row, rank)
        row as in the index of `X`, rank from 1, the greatest gain first; feature, label, now,
        needed (in words, such as "below 6 months"), points (gained by that change alone, on a card
        a sum), distance (a share of the loans). Nobody who cannot reach the cutoff by such changes,
        or has reached it, has an entry.

    Raises
    ------
    ValueError
        A feature is absent, or a way is neither falls nor rises; a feature that is no number; a
        challenger comes without bins; an index with repeats; a cutoff that nobody could reach.

    Source
    ------
    Ustun, Spangher, Liu (2019), Actionable recourse in linear classification, FAT* '19, for the
    question and the distance in shares; a knapsack over whole points, or a search of all ways.
    """
    if not X.index.is_unique:
        raise ValueError("X needs an index without repeats: each row is told by its label")
    asked = np.ceil(np.asarray(cutoff, dtype=float))
    if asked.shape not in ((), (len(X),)) or np.isnan(asked).any() or (asked == np.inf).any():
        raise ValueError(
            f"cutoff must be finite, one number or {len(X)}, got shape {asked.shape} and "
            f"{int((~np.isfinite(asked)).sum())} that are not finite"
        )
    if isinstance(model, Scorecard):
        bins, read = model.binner_.bins_, list(model.points_)
    elif bins is None:
        raise ValueError("the changes of a challenger need bins")
    else:
        read = [name for name in model.feature_names_in_ if name in bins]
    names = _changeable(read, bins, changeable)
    needed = np.broadcast_to(asked, len(X))
    missing = needed - model.credit_score(X).to_numpy()
    below = np.flatnonzero(missing > 0) if names else np.arange(0)
    told = catalogue(features)
    parts = []
    for start in range(0, len(below), _BLOCK):
        rows = below[start : start + _BLOCK]
        moves = [BinMoves.of(bins[name], changeable[name], X[name].iloc[rows]) for name in names]
        if isinstance(model, Scorecard):
            gains = [_gains(move, model.points_[move.name]) for move in moves]
            # beyond what all changes gain together nothing is to be weighed
            most = 1 + sum(int(gain.max(initial=0)) for gain in gains)
            taken = least_by_points(moves, gains, np.minimum(missing[rows], most).astype(np.int64))
        else:
            taken, gains = _searched(model, X, rows, moves, needed[rows])
        parts += [
            _told(move, gained, target, X.index[rows], told.get(move.name))
            for move, gained, target in zip(moves, gains, taken, strict=True)
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


def _changeable(
    read: Sequence[str], bins: Mapping[str, FeatureBins], changeable: Mapping[str, str]
) -> list[str]:
    """Features that the model reads and the applicant can change."""
    wrong = {name: way for name, way in changeable.items() if way not in (FALLS, RISES)}
    if wrong:
        raise ValueError(f"a changeable feature falls or rises, got {wrong}")
    names = [name for name in read if name in changeable]
    levels = [name for name in names if bins[name].edges is None]
    if levels:
        raise ValueError(f"only numbers fall or rise, and these are categories: {levels}")
    return names


def _gains(move: BinMoves, points: np.ndarray) -> np.ndarray:
    """Points that a card gives for each move, 0 where it cannot be made or gains nothing."""
    gains = points[: move.bins.n_bins] - points[move.at][:, None]
    return np.maximum(np.where(move.reachable, gains, 0), 0).astype(np.int64)


def _searched(
    model: Challenger,
    X: pd.DataFrame,
    rows: np.ndarray,
    moves: Sequence[BinMoves],
    needed: np.ndarray,
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Bin each feature moves to, and the points each of these changes gains alone."""
    asked = X.iloc[rows]
    values = [move.values(X[move.name]) for move in moves]

    def scored(who: np.ndarray, ways: np.ndarray) -> np.ndarray:
        moved = {
            move.name: np.where(way >= 0, value[way], move.now[who])
            for move, value, way in zip(moves, values, ways.T, strict=True)
        }
        return model.credit_score(asked.iloc[who].assign(**moved)).to_numpy()

    trends = model.trends or {}
    bound = [trends.get(move.name) == _BOUND[move.way] for move in moves]
    taken = least_by_search(moves, bound, lambda who, ways: scored(who, ways) >= needed[who])
    gains = [np.zeros(move.reachable.shape, dtype=np.int64) for move in moves]
    for number, gained in enumerate(gains):
        who = np.flatnonzero(taken[:, number] >= 0)
        alone = np.where(np.arange(len(moves)) == number, taken[who], -1)
        before = scored(who, np.full_like(alone, -1))
        gained[who, taken[who, number]] = scored(who, alone) - before
    return list(taken.T), gains


def _told(
    move: BinMoves,
    gains: np.ndarray,
    target: np.ndarray,
    names: pd.Index,
    feature: Feature | None,
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
            "points": gains[rows, to],
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


def changes_text(changes: pd.DataFrame, n_declined: int, n_looked: int | None = None) -> str:
    """For how many of the declined some change is enough, as Markdown.

    Parameters
    ----------
    changes : DataFrame, index (row, rank)
        Of :func:`smallest_changes`.
    n_declined : int
        Applications that the score declines.
    n_looked : int, optional
        So many of them were looked at, drawn at random; by default all.
    """
    if not n_declined:
        return "The score declines nobody."
    whom = f"{n_declined:,} whom the score declines"
    if n_looked is not None and n_looked < n_declined:
        whom, n_declined = f"{n_looked:,} drawn at random from the {whom}", n_looked
    rows = changes.index.get_level_values("row")
    n, n_one = rows.nunique(), int((rows.value_counts() == 1).sum())
    return (
        f"Of {whom}, {n:,} ({n / n_declined:.1%}) would pass if "
        f"they changed what can be changed: {n_one:,} of them one thing alone. The other "
        f"{n_declined - n:,} would not, whatever of it they change."
    )

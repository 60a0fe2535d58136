"""What a model rests on: fitted anew with fewer rows, without a supplier's data, or in parts.

Takes a way to fit and the rows; gives paired differences on rows that taught nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from riskkit import metrics
from riskkit.binning import WoeBinner
from riskkit.checks import refuse_unknown, same_rows
from riskkit.evidence.segments import reversed_is_told
from riskkit.schema import Feature
from riskkit.scorecard import NoFeatureLeft, ScoreClassifier
from riskkit.tables import hash_ids

__all__ = [
    "OWN_FAMILIES",
    "compare_splits",
    "families_of",
    "family_worth",
    "learning_curve",
    "refit",
    "scores_with",
]

# the applicant's own form, and what a lender knows of its own customers: nobody sells them
OWN_FAMILIES = frozenset(
    {"application", "person", "account", "history", "repeat", "bills", "payments"}
    | {"payment status", "repayment", "decision"}
)
SPLIT_COMPARISON = ("auc_split", "auc_one", "difference", "low", "high", "p_value")

Fit = Callable[[pd.DataFrame, pd.Series], ScoreClassifier]


def refit(
    model: ScoreClassifier, X: pd.DataFrame, y: pd.Series, *, groups: pd.Series | None = None
) -> ScoreClassifier:
    """A model of the same settings, fitted to these rows.

    Groups, such as customers, are for a model whose fit deals folds; they may be those of more
    rows, and are found by the rows' index.
    """
    from sklearn.base import clone

    dealt = {} if groups is None else {"groups": groups.loc[X.index]}
    return clone(model).fit(X, y, **dealt)


def scores_with(
    model: ScoreClassifier,
    X: pd.DataFrame,
    y: pd.Series,
    judged: pd.DataFrame,
    names: Sequence[str],
    *,
    groups: pd.Series | None = None,
    binner: WoeBinner | None = None,
) -> NDArray[Any]:
    """Scores of the judged rows by a model of these features; all 0 where none of them tells.

    The features keep the order of `X`, on which boosted trees hang: with all of them the model is
    the one that was fitted to `X`, with the same groups. A card takes the bins of a fitted binner
    of these rows, where there is one: those of a feature do not hang on the others.
    """
    from sklearn.base import clone

    taken = set(names)
    offered = [name for name in X.columns if name in taken]
    # the rows keep all columns: the model's settings may speak of those that are not offered
    fewer = clone(model).set_params(features=offered)
    if binner is None:
        return _scores_of(partial(refit, fewer, groups=groups), X, y, judged)
    # a clone of the card would forget the bins
    dealt = {} if groups is None else {"groups": groups.loc[X.index]}
    fit = partial(fewer.set_params(binner=binner).fit, **dealt)
    return _scores_of(fit, X, y, judged)


def _scores_of(fit: Fit, X: pd.DataFrame, y: pd.Series, judged: pd.DataFrame) -> NDArray[Any]:
    try:
        return np.asarray(fit(X, y).credit_score(judged))
    except NoFeatureLeft:
        return np.zeros(len(judged))


@reversed_is_told()
def learning_curve(
    fits: Mapping[str, Fit],
    X: pd.DataFrame,
    y: pd.Series,
    judged: pd.DataFrame,
    judged_y: ArrayLike,
    *,
    ids: ArrayLike,
    shares: Sequence[float] = (0.1, 0.2, 0.4, 0.7, 1.0),
    min_bads: int = 50,
    whole: Mapping[str, ArrayLike] | None = None,
    executor: Executor | None = None,
) -> pd.DataFrame:
    """AUC on the same judged rows after learning from more and more rows.

    The rows come in the order of a hash of their ids, so each share holds the smaller ones, and no
    order of the table changes it. A curve that still rises at its end asks for more loans.

    Parameters
    ----------
    fits : mapping of model name to callable
        From rows and labels to a fitted model with ``credit_score``, such as a
        :func:`functools.partial` of :func:`refit`.
    X, y : training rows
    judged, judged_y : rows and labels that teach nothing
    ids : array of shape (n_training_rows,)
    shares : sequence of float
        In (0, 1].
    min_bads : int
        A share with fewer bads, or goods, teaches next to nothing and is left out; the largest
        never is. A card that finds no feature in a share tells nobody apart.
    whole : mapping of model name to array of shape (n_judged_rows,), optional
        Scores by the model of all training rows, where they are known: it is not fitted again.
    executor : concurrent.futures.Executor, optional
        Threads.

    Returns
    -------
    DataFrame, index (model, share)
        rows, bad (learned from); auc, auc_low, auc_high (DeLong); gain, gain_low, gain_high over
        the next smaller share (paired; NaN for the smallest).

    Raises
    ------
    ValueError
        A share outside (0, 1], or too few rows for a fit.
    """
    if not all(0 < share <= 1 for share in shares):
        raise ValueError(f"shares must lie in (0, 1], got {list(shares)}")
    same_rows(X=X, y=y, ids=ids)
    same_rows(judged=judged, judged_y=judged_y)
    refuse_unknown("whole", whole or {}, fits)
    for name, known in (whole or {}).items():
        same_rows(judged=judged, **{f"whole of {name}": known})
    order = np.argsort(hash_ids(pd.Series(ids)), kind="stable")
    taught = {share: order[: round(share * len(order))] for share in sorted(shares)}
    bads = {share: int(y.iloc[rows].sum()) for share, rows in taught.items()}
    enough = [s for s, n in bads.items() if min(n, len(taught[s]) - n) >= min_bads]
    used = sorted({*enough, max(shares)})
    tasks = [(name, share) for name in fits for share in used]

    def score(task: tuple[str, float]) -> NDArray[Any]:
        rows = taught[task[1]]
        if task[1] == 1 and whole and task[0] in whole:
            return np.asarray(whole[task[0]])
        return _scores_of(fits[task[0]], X.iloc[rows], y.iloc[rows], judged)

    scores = dict(zip(tasks, _map(executor, score, tasks), strict=True))
    records = []
    for name, share in tasks:
        counts = metrics.score_counts(scores[name, share], judged_y)
        found = metrics.discrimination(counts, n_boot=0)
        record = {"rows": len(taught[share]), "bad": bads[share]}
        record |= {part: found[part] for part in ("auc", "auc_low", "auc_high")}
        smaller = [s for s in used if s < share]
        gain = dict.fromkeys(("gain", "gain_low", "gain_high"), np.nan)
        if smaller:
            paired = metrics.compare(judged_y, scores[name, share], scores[name, max(smaller)])
            gain = dict(zip(gain, paired[["difference", "low", "high"]], strict=True))
        records.append(record | gain)
    return pd.DataFrame(records, index=pd.MultiIndex.from_tuples(tasks, names=["model", "share"]))


def families_of(features: Sequence[Feature], names: Collection[str]) -> dict[str, list[str]]:
    """Names by family, in the order of the features; families without any of them are left out."""
    families: dict[str, list[str]] = {}
    for feature in features:
        if feature.name in names:
            families.setdefault(feature.family, []).append(feature.name)
    return families


@reversed_is_told()
def family_worth(
    scores_of: Mapping[str, Callable[[list[str]], ArrayLike]],
    families: Mapping[str, Sequence[str]],
    y: ArrayLike,
    *,
    executor: Executor | None = None,
) -> pd.DataFrame:
    """What each family of features adds to a model that has all the others.

    Families tell part of the same story, so their worth does not add up to the model's. Without
    its only family a model tells nobody apart.

    Parameters
    ----------
    scores_of : mapping of model name to callable
        From features to scores of the judged rows by the model fitted to these features, such as a
        :func:`functools.partial` of :func:`scores_with`.
    families : mapping of family to features
    y : array of shape (n_judged_rows,)
    executor : concurrent.futures.Executor, optional
        Threads.

    Returns
    -------
    DataFrame, index (model, family), the worthiest first within a model
        features (number left out), auc_with, auc_without, difference (with − without), low, high,
        p_value (paired DeLong).
    """
    everything = [name for family in families.values() for name in family]
    tasks: list[tuple[str, str | None]] = [
        (model, family) for model in scores_of for family in (None, *families)
    ]

    def score(task: tuple[str, str | None]) -> NDArray[Any]:
        model, left_out = task
        without = set() if left_out is None else set(families[left_out])
        used = [name for name in everything if name not in without]
        return np.asarray(scores_of[model](used)) if used else np.zeros(len(np.asarray(y)))

    scores = dict(zip(tasks, _map(executor, score, tasks), strict=True))
    tables = {}
    for model in scores_of:
        rows = {}
        for family, names in families.items():
            found = metrics.compare(y, scores[model, None], scores[model, family])
            rows[family] = {"features": len(names), **found.drop("z")}
        table = pd.DataFrame(rows).T.rename(columns={"auc_a": "auc_with", "auc_b": "auc_without"})
        table["features"] = table["features"].astype("int64")
        tables[model] = table.sort_values("difference", ascending=False, kind="stable")
    return pd.concat(tables, names=["model", "family"])


def compare_splits(
    fit: Fit,
    X: pd.DataFrame,
    y: pd.Series,
    segments: pd.DataFrame,
    judged: pd.DataFrame,
    judged_y: ArrayLike,
    judged_segments: pd.DataFrame,
    *,
    min_bads: int = 30,
    max_segments: int = 4,
) -> pd.DataFrame:
    """One model for all against one model a segment, on the same judged rows.

    The parts stand on one score scale, so all rows are ranked together as they would be decided on.
    Within a segment the comparison shows whether its own model ranks it better; over all, also
    whether the parts fit together. Splitting pays where the interval over all lies above 0.

    Parameters
    ----------
    fit : callable
        From rows and labels to a fitted model; it makes its own bins.
    X, y : training rows
    segments : DataFrame of shape (n_training_rows, n_splits)
        Of :func:`segments`; a column of more than `max_segments` values is passed over, and one
        in which fewer than two have `min_bads` bads and goods.
    judged, judged_y, judged_segments : rows that teach nothing
        Their segments from the same table as those of training; a value that training does not
        know keeps the model of all.
    min_bads : int
        A segment with fewer bads, or goods, in training keeps the model of all, as does one in
        which no feature is left for a card of its own.
    max_segments : int

    Returns
    -------
    DataFrame, index (split, segment), each split ending with segment "all"
        training_bad, own_model (bool), loans, bad (judged), auc_split, auc_one, difference (split −
        one), low, high, p_value (paired DeLong); NaN where goods or bads are fewer than ten. Empty
        where no column is left.
    """
    same_rows(X=X, y=y, segments=segments)
    same_rows(judged=judged, judged_y=judged_y, judged_segments=judged_segments)
    flags = np.asarray(judged_y, dtype=float)
    one = None
    tables = {}
    for name in segments.columns:
        bads = y.groupby(segments[name].to_numpy(object)).agg(["sum", "size"])
        own = bads[np.minimum(bads["sum"], bads["size"] - bads["sum"]) >= min_bads].index
        if len(own) < 2 or len(bads) > max_segments:
            continue
        if one is None:
            one = _scores_of(fit, X, y, judged)
        split = one.copy()
        here = judged_segments[name].to_numpy(object)
        for value in list(own):
            rows, asked = (segments[name] == value).to_numpy(), here == value
            if not asked.any():
                continue
            try:
                split[asked] = fit(X[rows], y[rows]).credit_score(judged[asked])
            except NoFeatureLeft:
                own = own.drop(value)
        tables[name] = _split_table(flags, split, one, here, bads["sum"], own)
    columns = ["training_bad", "own_model", "loans", "bad", *SPLIT_COMPARISON]
    if not tables:
        empty = pd.MultiIndex.from_arrays([[], []], names=["split", "segment"])
        return pd.DataFrame(columns=columns, index=empty)
    return pd.concat(tables, names=["split", "segment"])[columns]


@reversed_is_told()
def _split_table(
    flags: NDArray[Any],
    split: NDArray[Any],
    one: NDArray[Any],
    segment: NDArray[Any],
    training_bad: pd.Series,
    own: pd.Index,
) -> pd.DataFrame:
    everybody = np.full(len(flags), "all", dtype=object)
    compared = metrics.comparison_table(flags, split, one, by=segment, min_each=10)
    whole = metrics.comparison_table(flags, split, one, by=everybody, min_each=10)
    table = pd.concat([compared.reindex(training_bad.index), whole]).rename_axis("segment")
    table = table.rename(columns={"auc_a": "auc_split", "auc_b": "auc_one"})
    known = ~np.isnan(flags)
    here = [known & (segment == value) for value in training_bad.index] + [known]
    table["loans"] = [int(rows.sum()) for rows in here]
    table["bad"] = [int(flags[rows].sum()) for rows in here]
    table["own_model"] = [*training_bad.index.isin(own), False]
    table["training_bad"] = [*training_bad.astype("int64"), int(training_bad.sum())]
    return table


def _map(executor: Executor | None, fn: Callable[[Any], Any], tasks: Sequence[Any]) -> list[Any]:
    return list(executor.map(fn, tasks) if executor else map(fn, tasks))

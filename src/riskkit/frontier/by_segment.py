"""One cutoff, or one for each segment: whether that pays on loans that did not choose it.

Takes scores, the money of each application and its segments; gives what cutoffs by segment earn
more than a single one chosen likewise. Protected attributes are refused as segments.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special

from riskkit.checks import check_level, numeric_array, refuse_missing, same_rows
from riskkit.frontier.program import NoCutoff, SegmentChoice, segment_cutoffs, segment_labels
from riskkit.frontier.unseen import Expected
from riskkit.schema import Feature

__all__ = [
    "check_segment",
    "judge_segments",
    "segment_gains",
]

# fewer known loans, or bads, that move say too little of a difference in profit, as in strategy
_SETTLED = 0.9  # of the wrong guesses of one that knowing the other spares
_MIN_MOVED, _MIN_MOVED_BADS = 20, 10


def check_segment(
    segment: pd.Series, features: Sequence[Feature], applications: pd.DataFrame | None = None
) -> None:
    """Refuse a segment that is a protected attribute, or follows from one.

    Parameters
    ----------
    segment : Series of shape (n,)
    features : sequence of Feature
        Those protected are refused, by their name and by their label.
    applications : DataFrame of shape (n, n_columns), optional
        With it, a segment is refused too that some protected attribute of it settles, but for one
        guess in ten (as bands of the age are, or a copy with a few rows changed), or that settles
        the attribute (as sex by channel does). Only of what repeats, five applications a value or
        more.

    Raises
    ------
    ValueError
        Names the segment and the attribute.

    Source
    ------
    Goodman, Kruskal (1954), Journal of the American Statistical Association 49, for λ.
    """
    for feature in features:
        if not feature.protected:
            continue
        if _plain(segment.name) in (_plain(feature.name), _plain(feature.label)):
            raise ValueError(
                f"segment {segment.name!r} is a protected attribute: no cutoff may hang on it"
            )
        if applications is None or feature.name not in applications:
            continue
        same_rows(segment=segment, applications=applications)
        values, labels = applications[feature.name], segment_labels(segment)
        known = values.notna()
        counts = pd.crosstab(values[known].to_numpy(), labels[known].to_numpy()).to_numpy()
        for way, table in (("follows from", counts), ("tells", counts.T)):
            if 5 * len(table) <= len(values) and _better_guess(table) >= _SETTLED:
                raise ValueError(
                    f"segment {segment.name!r} {way} {feature.name!r}, a protected attribute: "
                    "no cutoff may hang on it"
                )


def _plain(name: object) -> str:
    """A name as it is heard: without capitals, blanks and lines."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", str(name)).casefold())


def _better_guess(counts: np.ndarray) -> float:
    """Share of wrong guesses of the column that knowing the row spares: Goodman, Kruskal's λ."""
    total = counts.sum()
    wrong = total - counts.sum(axis=0).max(initial=0)
    spared = counts.max(axis=1, initial=0).sum() - counts.sum(axis=0).max(initial=0)
    return float(spared / wrong) if wrong else 0.0


def judge_segments(
    choice: SegmentChoice,
    score: ArrayLike,
    expected: Expected,
    segment: pd.Series,
    *,
    level: float = 0.95,
) -> pd.Series:
    """What the segments' cutoffs earn more than the single one on other loans, paired.

    Parameters
    ----------
    choice : SegmentChoice
    score, expected, segment
        As in :func:`segment_cutoffs`, of loans that did not choose.
    level : float
        Confidence level, in (0, 1).

    Returns
    -------
    Series
        `approval_rate`, `bad_rate` of the segments' cutoffs and `single_approval_rate`,
        `single_bad_rate`, expected; `gain_amount`, expected, with `gain_low`, `gain_high`;
        `seen_gain_amount` with its ends, of known outcomes alone; `moved`, the known loans on which
        the two decide differently, and `moved_bad`, the bads among them. Below 20 moved, or
        10 bads, the intervals are NaN: too few to say.

    Raises
    ------
    ValueError
        A score is missing, lengths differ, or `level` is out of range.

    Source
    ------
    riskkit definition: the variance of a sum of paired differences, by the delta method where some
    are expected.
    """
    check_level(level)
    values = expected.frame
    same_rows(score=score, values=values, segment=segment)
    points = numeric_array(score, "score", len(values)).astype(float)
    refuse_missing(points, "score")
    by_segment, by_single = points >= choice.of(segment), points >= choice.single
    found: dict[str, float] = {}
    for prefix, within in (("", by_segment), ("single_", by_single)):
        loans = float(values["loans"].to_numpy() @ within)
        found[f"{prefix}approval_rate"] = float(within.mean())
        bad = float(values["bad"].to_numpy() @ within)
        found[f"{prefix}bad_rate"] = bad / loans if loans > 0 else np.nan
    apart = by_segment.astype(float) - by_single
    known = values["known"].to_numpy(dtype=bool)
    moved = int((apart != 0)[known].sum())
    bads = float(values["bad"].to_numpy() @ ((apart != 0) & known))
    is_told = moved >= _MIN_MOVED and bads >= _MIN_MOVED_BADS
    for name, weight in (("gain", apart), ("seen_gain", apart * known)):
        total, error = expected.profit(weight)
        width = special.ndtri(0.5 + level / 2) * error if is_told else np.nan
        found |= {
            f"{name}_amount": total,
            f"{name}_low": total - width,
            f"{name}_high": total + width,
        }
    return pd.Series(found | {"moved": float(moved), "moved_bad": bads})


def segment_gains(
    scores: pd.DataFrame,
    loans: pd.DataFrame,
    segments: pd.DataFrame,
    *,
    model: str,
    choosing: ArrayLike,
    judging: ArrayLike,
    features: Sequence[Feature],
    applications: pd.DataFrame | None = None,
    max_bad_rate: float = 1.0,
    min_approval: float = 0.0,
    n_grid: int = 40,
    min_bads: int = 30,
    level: float = 0.95,
) -> tuple[pd.DataFrame, dict[str, SegmentChoice]]:
    """Whether cutoffs by segment pay out of time, of each way to cut the applicants into segments.

    Parameters
    ----------
    scores : DataFrame of shape (n, n_models)
    loans : DataFrame of shape (n, 6 or more)
        As in :func:`draw_curves`.
    segments : DataFrame of shape (n, n_ways)
        Labels, a column a way.
    model : str
        Whose score is cut.
    choosing, judging : bool array of shape (n,)
        :func:`riskkit.target.choosing_rows` and :func:`riskkit.target.judging_rows`; none is both.
    features : sequence of Feature
        Protected ones are refused as segments (:func:`check_segment`).
    applications : DataFrame of shape (n, n_columns), optional
        With the protected attributes.
    max_bad_rate, min_approval, n_grid, min_bads
        As in :func:`segment_cutoffs`.
    level : float
        Of all ways tried together (Bonferroni).

    Returns
    -------
    table : DataFrame, index way
        `segments` (with a cutoff of their own), `pooled` (names of those taken together), columns
        of :func:`judge_segments`, `choosing_gain_amount` (on the loans that chose), `tried` (ways),
        `pays`: the lower end of the gain is above 0. A way without enough bads in two segments, or
        all where no single cutoff keeps the limits, has 0 segments, NaN and a `reason`.
    choices : dict of way to SegmentChoice
        Of the others.

    Raises
    ------
    ValueError
        A segment is protected, a row both chooses and judges, the model has no score, or as
        :func:`segment_cutoffs`.

    Source
    ------
    riskkit definition.
    """
    check_level(level)
    same_rows(scores=scores, loans=loans, segments=segments, choosing=choosing, judging=judging)
    if model not in scores:
        raise ValueError(f"scores lack {model!r}, they have {list(scores.columns)}")
    rows = {"choosing": np.asarray(choosing, bool), "judging": np.asarray(judging, bool)}
    if (rows["choosing"] & rows["judging"]).any():
        both = int((rows["choosing"] & rows["judging"]).sum())
        raise ValueError(f"no application may choose and judge, got {both} that do both")
    for name in segments:
        check_segment(segments[name], features, applications)
    expected = {part: Expected.of(scores[own], loans[own]) for part, own in rows.items()}
    each = 1 - (1 - level) / max(segments.shape[1], 1)
    limits = {"max_bad_rate": max_bad_rate, "min_approval": min_approval}
    told, choices = {}, {}
    for name in segments:
        score = {part: scores.loc[own, model] for part, own in rows.items()}
        label = {part: segments.loc[own, name] for part, own in rows.items()}
        try:
            choice = segment_cutoffs(
                score["choosing"],
                expected["choosing"],
                label["choosing"],
                **limits,
                n_grid=n_grid,
                min_bads=min_bads,
            )
            reason = "fewer than two segments have bads enough to choose a cutoff"
        except NoCutoff as error:
            choice, reason = None, str(error)
        if choice is None:
            told[name] = pd.Series({"segments": 0, "pooled": "", "reason": reason})
            continue
        choices[str(name)] = choice
        judged = judge_segments(
            choice, score["judging"], expected["judging"], label["judging"], level=each
        )
        told[name] = pd.concat(
            [
                pd.Series({"segments": len(choice.table), "pooled": ", ".join(choice.pooled)}),
                judged,
                pd.Series({"choosing_gain_amount": choice.gain_amount, "reason": ""}),
            ]
        )
    table = pd.DataFrame.from_dict(told, orient="index").reindex(columns=_GAINS)
    table = table.rename_axis("way").infer_objects()
    table["tried"] = segments.shape[1]
    table["pays"] = (table["gain_low"] > 0).to_numpy(dtype=bool)
    return table, choices


_GAINS = [
    *("segments", "pooled", "approval_rate", "bad_rate", "single_approval_rate"),
    *("single_bad_rate", "gain_amount", "gain_low", "gain_high", "seen_gain_amount"),
    *("seen_gain_low", "seen_gain_high", "moved", "moved_bad", "choosing_gain_amount", "reason"),
]

"""One cutoff, or one for each segment: chosen together, and judged on other loans.

Takes the score, the money of each application and what segment it belongs to; gives a cutoff per
segment by one constrained choice, and what that earns more than a single cutoff chosen likewise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import optimize, special

from riskkit.checks import check_level, numeric_array, refuse_missing, same_rows
from riskkit.frontier.unseen import Expected
from riskkit.schema import Feature

__all__ = [
    "SegmentChoice",
    "check_segment",
    "judge_segments",
    "segment_cutoffs",
    "segment_gains",
    "segment_labels",
]

POOLED = "small segments"
_VALUES = ("loans", "bad", "profit_amount", "known")
# of the last digit of a sum of floats
_SLACK = 1e-9
# fewer known loans that move say too little of a difference in profit, as in strategy
_MIN_MOVED = 20


@dataclass(frozen=True, eq=False)
class SegmentChoice:
    """Cutoffs that were chosen together, and the single one beside them.

    Parameters
    ----------
    table : DataFrame, index segment
        `cutoff`; `applications`, `bad` (known bads) of the segment; of those at or above its
        cutoff `approval_rate` (÷ the segment's), `bad_rate` and `profit_amount`, expected. The
        pool of those with few bads is called "small segments".
    single : float
        The one cutoff, chosen under the same limits.
    pooled : tuple of str
        Segments taken together as "small segments".
    max_bad_rate, min_approval : float
        Limits that both keep on the loans that chose them.
    gain_amount : float
        What the segments' cutoffs earn more than the single one on these loans: it flatters them.
    """

    table: pd.DataFrame
    single: float
    pooled: tuple[str, ...]
    max_bad_rate: float
    min_approval: float
    gain_amount: float

    def of(self, segment: pd.Series) -> np.ndarray:
        """Cutoff of each application; of a segment that the choice has not seen, the single one."""
        labels = segment_labels(segment)
        labels = labels.where(~labels.isin(self.pooled), POOLED)
        found: np.ndarray = labels.map(self.table["cutoff"]).fillna(self.single).to_numpy(float)
        return found


def segment_labels(segment: pd.Series) -> pd.Series:
    """Segments as text, "unknown" where missing."""
    return segment.astype(object).where(segment.notna(), "unknown").astype(str).astype(object)


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
        With it, a segment is refused too that some protected attribute of it settles: in which
        every value of the attribute lies in one segment alone, as bands of the age do. Only of
        attributes that repeat, five applications a value or more.

    Raises
    ------
    ValueError
        Names the segment and the attribute.
    """
    for feature in features:
        if not feature.protected:
            continue
        if str(segment.name).casefold() in (feature.name.casefold(), feature.label.casefold()):
            raise ValueError(
                f"segment {segment.name!r} is a protected attribute: no cutoff may hang on it"
            )
        if applications is None or feature.name not in applications:
            continue
        same_rows(segment=segment, applications=applications)
        values, labels = applications[feature.name], segment_labels(segment)
        n_values, n_labels = len(values.dropna().unique()), len(labels.unique())
        if min(n_values, n_labels) < 2 or 5 * n_values > len(values):
            continue
        if labels.groupby(values, observed=True).nunique().max() == 1:
            raise ValueError(
                f"segment {segment.name!r} follows from {feature.name!r}, a protected attribute: "
                "no cutoff may hang on it"
            )


def segment_cutoffs(
    score: ArrayLike,
    expected: Expected,
    segment: pd.Series,
    *,
    max_bad_rate: float = 1.0,
    min_approval: float = 0.0,
    n_grid: int = 40,
    min_bads: int = 30,
) -> SegmentChoice | None:
    """Cutoffs of all segments by one choice: the most profit under two limits of them all.

    One binary variable per segment and candidate cutoff, one of each segment's being 1: maximise
    Σ profit subject to Σ (bad − max_bad_rate · loans) ≤ 0 and Σ approved ≥ min_approval · n, each
    sum over those at or above the cutoffs: a mixed-integer linear program, solved exactly. The
    single cutoff is the same program of one segment. Candidates are the same for all: distinct
    scores or, of more than `n_grid`, their quantiles.

    Parameters
    ----------
    score : array of shape (n,)
        Higher is safer.
    expected : Expected
        Of these applications, none of which is to judge the choice.
    segment : Series of shape (n,)
        Missing is a segment of its own, "unknown".
    max_bad_rate, min_approval : float
        Ceiling of the expected bad rate of all approved, floor of the approval rate, fractions; by
        default none.
    n_grid : int
        Candidate cutoffs, at most.
    min_bads : int
        Segments with fewer known bads are taken together as "small segments"; if these have
        fewer still, they keep the single cutoff.

    Returns
    -------
    SegmentChoice or None
        None where fewer than two segments have bads enough: there is nothing to choose.

    Raises
    ------
    ValueError
        A score is missing, lengths differ, a limit lies outside [0, 1], an option is out of range,
        or no single cutoff keeps both limits: the message names the nearest.

    Source
    ------
    riskkit definition; Dantzig (1963) for the program, HiGHS (Huangfu, Hall, 2018) solves it.
    """
    values = expected.frame
    same_rows(score=score, values=values, segment=segment)
    points = numeric_array(score, "score", len(values)).astype(float)
    refuse_missing(points, "score")
    for name, limit in (("max_bad_rate", max_bad_rate), ("min_approval", min_approval)):
        if not 0 <= limit <= 1:
            raise ValueError(f"{name} must be a fraction in [0, 1], got {limit!r}")
    for name, least in (("n_grid", n_grid), ("min_bads", min_bads)):
        if not least >= 1:
            raise ValueError(f"{name} must be >= 1, got {least!r}")
    labels, pooled, few = _pooled(segment_labels(segment), values, min_bads)
    names = sorted(labels.unique(), key=lambda name: (name == POOLED, name))
    if len([name for name in names if name not in few]) < 2:
        return None
    grid = np.unique(points)
    if len(grid) > n_grid:
        grid = np.unique(np.quantile(points, np.linspace(0, 1, n_grid), method="inverted_cdf"))
    sums = _sums_above(points, values, labels.to_numpy(), names, grid)
    whole = {name: each.sum(axis=0, keepdims=True) for name, each in sums.items()}
    limits = max_bad_rate, min_approval
    at = _single(whole, grid, limits)
    chosen = _choose(sums, limits, {names.index(name): at for name in few})
    if chosen is None:  # the single cutoff of all is among the choices
        raise ValueError(f"no cutoffs keep an expected bad rate <= {max_bad_rate:g}")
    rows = np.arange(len(names))
    kept = {name: each[rows, chosen] for name, each in sums.items()}
    table = pd.DataFrame(
        {
            "cutoff": grid[chosen],
            "applications": sums["applications"][:, 0].astype(np.int64),
            "bad": sums["known_bad"][:, 0].astype(np.int64),
            "approval_rate": kept["applications"] / sums["applications"][:, 0],
            "bad_rate": kept["bad"] / np.where(kept["loans"] > 0, kept["loans"], np.nan),
            "profit_amount": kept["profit_amount"],
        },
        index=pd.Index(names, name=segment.name or "segment"),
    )
    return SegmentChoice(
        table=table,
        single=float(grid[at]),
        pooled=pooled,
        max_bad_rate=max_bad_rate,
        min_approval=min_approval,
        gain_amount=float(kept["profit_amount"].sum() - whole["profit_amount"][0, at]),
    )


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
        the two decide differently, and `moved_bad`, the bads among them. Below 20 moved the
        intervals are NaN: too few to say.

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
    for name, weight in (("gain", apart), ("seen_gain", apart * known)):
        total, error = expected.profit(weight)
        width = special.ndtri(0.5 + level / 2) * error if moved >= _MIN_MOVED else np.nan
        found |= {
            f"{name}_amount": total,
            f"{name}_low": total - width,
            f"{name}_high": total + width,
        }
    bads = float(values["bad"].to_numpy() @ ((apart != 0) & known))
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
        `pays`: the lower end of the gain is above 0. A way without enough bads in two segments has
        0 segments and NaN.
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
        choice = segment_cutoffs(
            score["choosing"],
            expected["choosing"],
            label["choosing"],
            **limits,
            n_grid=n_grid,
            min_bads=min_bads,
        )
        if choice is None:
            told[name] = pd.Series({"segments": 0, "pooled": ""})
            continue
        choices[str(name)] = choice
        judged = judge_segments(
            choice, score["judging"], expected["judging"], label["judging"], level=each
        )
        told[name] = pd.concat(
            [
                pd.Series({"segments": len(choice.table), "pooled": ", ".join(choice.pooled)}),
                judged,
                pd.Series({"choosing_gain_amount": choice.gain_amount}),
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
    *("seen_gain_low", "seen_gain_high", "moved", "moved_bad", "choosing_gain_amount"),
]


def _pooled(
    labels: pd.Series, values: pd.DataFrame, min_bads: int
) -> tuple[pd.Series, tuple[str, ...], set[str]]:
    """Labels with small segments taken together, their names, and who keeps the single cutoff."""
    bads = (values["bad"].to_numpy() * values["known"].to_numpy(dtype=float)).round()
    each = pd.Series(bads).groupby(labels.to_numpy()).sum()
    small = each.index[each < min_bads]
    labels = labels.where(~labels.isin(small), POOLED)
    few = {POOLED} if len(small) and each[small].sum() < min_bads else set()
    return labels, tuple(map(str, small)), few


def _sums_above(
    points: np.ndarray,
    values: pd.DataFrame,
    labels: np.ndarray,
    names: Sequence[str],
    grid: np.ndarray,
) -> dict[str, np.ndarray]:
    """Sums at or above each candidate, a row a segment."""
    loans, bad, profit, known = (values[name].to_numpy(dtype=float) for name in _VALUES)
    place = pd.Index(names).get_indexer(labels)
    # below the lowest candidate is nobody: it is the lowest score
    cell = place * len(grid) + np.searchsorted(grid, points, side="right") - 1
    shape = (len(names), len(grid))
    weights = {
        "applications": np.ones(len(points)),
        "loans": loans,
        "bad": bad,
        "profit_amount": profit,
        "known_bad": bad * known,
    }
    return {
        name: np.bincount(cell, weights=weight, minlength=shape[0] * shape[1])
        .reshape(shape)[:, ::-1]
        .cumsum(axis=1)[:, ::-1]
        for name, weight in weights.items()
    }


def _single(whole: dict[str, np.ndarray], grid: np.ndarray, limits: tuple[float, float]) -> int:
    """Place of the best single cutoff within the limits."""
    at = _choose(whole, limits, {})
    if at is not None:
        return int(at[0])
    max_bad_rate, min_approval = limits
    approval = whole["applications"][0] / whole["applications"][0, 0]
    rate = whole["bad"][0] / np.where(whole["loans"][0] > 0, whole["loans"][0], np.nan)
    lowest = np.where(approval >= min_approval - _SLACK, rate, np.inf).argmin()
    raise ValueError(
        f"no cutoff has an expected bad rate <= {max_bad_rate:g} and an approval rate >= "
        f"{min_approval:g}: of those approving enough, the lowest rate is {rate[lowest]:.6g}, at "
        f"cutoff {grid[lowest]:g}"
    )


def _choose(
    sums: dict[str, np.ndarray], limits: tuple[float, float], fixed: dict[int, int]
) -> np.ndarray | None:
    """Place of each segment's cutoff, None where no choice keeps the limits."""
    max_bad_rate, min_approval = limits
    n_segments, n_points = sums["profit_amount"].shape
    over = (sums["bad"] - max_bad_rate * sums["loans"]).ravel()
    approved = sums["applications"].ravel()
    everybody = float(sums["applications"][:, 0].sum())
    one_each = np.kron(np.eye(n_segments), np.ones(n_points))
    upper = np.ones((n_segments, n_points))
    for segment, place in fixed.items():
        upper[segment] = 0
        upper[segment, place] = 1
    slack = _SLACK * max(everybody, 1.0)
    found = optimize.milp(
        -sums["profit_amount"].ravel(),
        integrality=np.ones(n_segments * n_points),
        bounds=optimize.Bounds(0, upper.ravel()),
        constraints=[
            optimize.LinearConstraint(one_each, 1, 1),
            optimize.LinearConstraint(over[None], -np.inf, slack),
            optimize.LinearConstraint(approved[None], min_approval * everybody - slack, np.inf),
        ],
        options={"mip_rel_gap": 0.0},
    )
    if found.x is None:
        return None
    chosen: np.ndarray = found.x.reshape(n_segments, n_points).argmax(axis=1)
    return chosen

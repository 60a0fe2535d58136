"""A cutoff for each segment by one choice: the integer program, and what it chose.

Takes the score, what each application is expected to add and its segment; gives the cutoffs that
earn the most together within limits of them all, and the single one beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import optimize

from riskkit.checks import numeric_array, refuse_missing, same_rows
from riskkit.frontier.unseen import Expected

__all__ = ["NoCutoff", "SegmentChoice", "segment_cutoffs", "segment_labels"]

POOLED = "small segments"
_VALUES = ("loans", "bad", "profit_amount", "known")
# of the last digit of a sum of floats
_SLACK = 1e-9


class NoCutoff(ValueError):
    """No single cutoff keeps the limits that were asked for."""


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
        A score is missing, lengths differ, a limit lies outside [0, 1], or an option is out of
        range; `NoCutoff`, one of them, where no single cutoff keeps both limits: the message names
        the nearest.

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
    raise NoCutoff(
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

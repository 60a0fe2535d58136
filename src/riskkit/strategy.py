"""Answers: where to put the cutoff, what it approves, what it costs, and who changes sides.

Takes counts per score point (:func:`riskkit.metrics.score_counts`) and gives a cutoff table with
one row per possible cutoff, the row that a criterion chooses, and the swap set between two scores.
An application is approved when its score is at or above the cutoff.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from riskkit import metrics

__all__ = [
    "Economics",
    "at_approval_rates",
    "choose_cutoff",
    "cutoff_table",
    "goals_table",
    "swap_set",
]

DECISIONS = ("both approve", "only a", "only b", "neither")


@dataclass(frozen=True)
class Economics:
    """What an average loan brings or costs, all in one unit of money, none negative.

    Parameters
    ----------
    margin_amount : float
        Earned on a good loan over its life, after funding, before the cost per loan.
    loss_amount : float
        Lost on a bad loan, after recoveries.
    cost_amount : float
        Spent on every approved loan: acquisition, bureau, servicing.

    Examples
    --------
    >>> Economics(margin_amount=60, loss_amount=600, cost_amount=5)
    Economics(margin_amount=60, loss_amount=600, cost_amount=5)
    """

    margin_amount: float
    loss_amount: float
    cost_amount: float

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{each.name} must be finite and >= 0, got {value!r}")


def cutoff_table(
    counts: pd.DataFrame, economics: Economics, *, old_approval_rate: float | None = None
) -> pd.DataFrame:
    """Approvals, bad rate and profit of every possible cutoff.

    profit = good × margin − bad × loss − (good + bad) × cost, over known outcomes: applications
    never booked, or not matured yet, add nothing. Where a cutoff approves more than the old policy
    did, bad rate and profit rest on the few whom the old policy let through, so the row is marked
    `inferred`.

    Parameters
    ----------
    counts : DataFrame, index `score`
        `applications`, `booked`, `good`, `bad`, from :func:`riskkit.metrics.score_counts`.
        Further columns (its `sums`) are summed at or above the cutoff under their own names.
    economics : Economics
        Per loan, in the unit that profit shall have.
    old_approval_rate : float, optional
        Share of these applications that the old policy approved, in [0, 1]. Without it no row is
        marked.

    Returns
    -------
    DataFrame of shape (n_distinct_scores, 9 + further columns), index `cutoff` ascending
        At or above the cutoff: `applications` (approved), `approval_rate` (÷ all applications),
        `booked`, `good`, `bad`, `bad_rate` (bad ÷ known outcomes, NaN where none is known),
        `share_of_booked_kept` (÷ all booked, NaN where none is booked), `profit_amount`,
        `inferred` (bool: below the safest cutoff that approves as many as the old policy did).
        Empty counts give an empty
        table.

    Raises
    ------
    ValueError
        A column is missing or takes a name of this table, a score occurs twice, or
        `old_approval_rate` is outside [0, 1].

    Source
    ------
    Thomas, Edelman, Crook (2002), Credit Scoring and Its Applications; riskkit definition.

    Examples
    --------
    >>> bands = pd.DataFrame(
    ...     {"good": [200, 300, 500], "bad": [40, 20, 10]}, index=pd.Index([1, 2, 3], name="score")
    ... )
    >>> bands["applications"] = bands["booked"] = bands["good"] + bands["bad"]
    >>> table = cutoff_table(bands, Economics(60, 600, 5))
    >>> table[["applications", "share_of_booked_kept", "bad_rate", "profit_amount"]].round(4)
    ... # doctest: +NORMALIZE_WHITESPACE
            applications  share_of_booked_kept  bad_rate  profit_amount
    cutoff
    1               1070                1.0000    0.0654          12650
    2                830                0.7757    0.0361          25850
    3                510                0.4766    0.0196          21450
    """
    if old_approval_rate is not None and not 0 <= old_approval_rate <= 1:
        raise ValueError(f"old_approval_rate must lie in [0, 1], got {old_approval_rate!r}")
    missing = [name for name in metrics.COUNT_COLUMNS if name not in counts.columns]
    if missing:
        raise ValueError(f"counts lack {missing}, they have {list(counts.columns)}")
    if not counts.index.is_unique:
        raise ValueError("counts must have one row a score, got duplicates; see add_counts")

    # pandas sums ascending, approvals add up from the safest score down
    above = counts.sort_index(ascending=False).cumsum().sort_index()
    known = above["good"] + above["bad"]
    # not counts.sum(): under weights the two may differ in the last bit, and the rate must end at 1
    total = above.max()
    table = pd.DataFrame(
        {
            "applications": above["applications"],
            "approval_rate": above["applications"] / total["applications"],
            "booked": above["booked"],
            "good": above["good"],
            "bad": above["bad"],
            "bad_rate": above["bad"] / known,
            "share_of_booked_kept": above["booked"] / total["booked"],
            "profit_amount": above["good"] * economics.margin_amount
            - above["bad"] * economics.loss_amount
            - known * economics.cost_amount,
        }
    )
    # a rate read off a table like this one must not miss its own row by a rounding
    limit = math.inf if old_approval_rate is None else old_approval_rate - 1e-9
    # the old policy's own cutoff on this score is the safest that approves as many as it did
    reached = table.index[table["approval_rate"] >= limit]
    table["inferred"] = table.index < (reached.max() if len(reached) else -math.inf)
    further = [name for name in counts.columns if name not in metrics.COUNT_COLUMNS]
    taken = [name for name in further if name in table.columns]
    if taken:
        raise ValueError(f"counts must not carry columns named {taken}: the table has its own")
    table[further] = above[further]
    return table.rename_axis(index="cutoff")


def choose_cutoff(
    table: pd.DataFrame,
    *,
    max_bad_rate: float | None = None,
    min_approval: float | None = None,
    objective: str | None = None,
) -> pd.Series:
    """Row of a cutoff table that a criterion chooses.

    `max_bad_rate` alone takes the cutoff with the greatest approval among those that keep to it;
    `min_approval` alone the safest cutoff that still approves so many; `objective="profit"` the
    most profitable cutoff among those that keep to every limit given.

    Parameters
    ----------
    table : DataFrame, index `cutoff`
        From :func:`cutoff_table`.
    max_bad_rate : float, optional
        Ceiling of the bad rate of known outcomes, a fraction. A cutoff without known outcomes
        does not keep to it.
    min_approval : float, optional
        Floor of the approval rate, a fraction of all applications.
    objective : "profit", optional
        Needs known outcomes too; of equally profitable cutoffs the safest is taken.

    Returns
    -------
    Series, name = the cutoff
        The row, with the table's columns.

    Raises
    ------
    ValueError
        No criterion is given, or both limits without an objective, or an unknown objective, or
        the table is empty. Where no cutoff keeps to the limits, the message names the limit and
        the nearest value that can be had.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> counts = metrics.score_counts([1, 1, 2, 2, 3, 3], [1, 1, 1, 0, 0, 0])
    >>> table = cutoff_table(counts, Economics(60, 40, 5))
    >>> choose_cutoff(table, max_bad_rate=0.3).name, choose_cutoff(table, min_approval=0.1).name
    (2, 3)
    >>> choose_cutoff(table, objective="profit").name
    2
    """
    if objective not in (None, "profit"):
        raise ValueError(f"objective must be 'profit', got {objective!r}")
    limits = {"max_bad_rate": max_bad_rate, "min_approval": min_approval}
    for name, limit in limits.items():
        if limit is not None and not 0 <= limit <= 1:
            raise ValueError(f"{name} must be a fraction in [0, 1], got {limit!r}")
    given = [name for name, limit in limits.items() if limit is not None]
    if objective is None and len(given) != 1:
        raise ValueError(
            "choose_cutoff needs max_bad_rate or min_approval, or objective='profit' (alone or "
            f"within both), got {' and '.join(given) or 'none'}"
        )
    if table.empty:
        raise ValueError("the cutoff table is empty: there is no cutoff to choose")

    candidates = table.sort_index()
    if min_approval is not None:
        candidates = _at_least(candidates, min_approval)
    if max_bad_rate is not None:
        within = "" if min_approval is None else f" with approval_rate >= {min_approval:g}"
        candidates = _at_most(candidates, max_bad_rate, within)
    if objective == "profit":
        known = candidates[candidates["bad_rate"].notna()]
        if known.empty:
            raise ValueError("no cutoff within the limits has known outcomes to earn a profit on")
        # from the safest down, so that a tie goes to the safest
        cutoff = known["profit_amount"].iloc[::-1].idxmax()
    elif max_bad_rate is not None:
        cutoff = candidates.index[0]
    else:
        cutoff = candidates.index[-1]
    # a plain number for a name, fit for notebook parameters and JSON
    return table.loc[cutoff].rename(np.asarray(cutoff).item())


def goals_table(
    tables: Mapping[str, pd.DataFrame], *, min_approval: float, max_bad_rate: float
) -> pd.DataFrame:
    """Cutoff of each model for each of three goals, side by side.

    Parameters
    ----------
    tables : mapping of model to DataFrame
        Of :func:`cutoff_table`.
    min_approval, max_bad_rate : float
        As in :func:`choose_cutoff`.

    Returns
    -------
    DataFrame, index (goal, model)
        Goals approval (the safest cutoff that approves enough), bad rate (the lowest cutoff that
        keeps the ceiling; all NaN where none does) and profit (the most profitable); `cutoff`,
        then the columns of the cutoff table.

    Raises
    ------
    ValueError
        An argument is out of range, or too few applications are approved at any cutoff.
    """
    goals: dict[str, dict[str, Any]] = {
        "approval": {"min_approval": min_approval},
        "bad rate": {"max_bad_rate": max_bad_rate},
        "profit": {"objective": "profit"},
    }
    return _rows(
        {
            (goal, model): choose_cutoff(table, **limits)
            if goal != "bad rate" or (table["bad_rate"] <= max_bad_rate).any()
            else pd.Series(np.nan, index=table.columns, name=np.nan)
            for goal, limits in goals.items()
            for model, table in tables.items()
        },
        ["goal", "model"],
    )


def at_approval_rates(
    tables: Mapping[str, pd.DataFrame], approval_rates: Sequence[float]
) -> pd.DataFrame:
    """The safest cutoff of each model that reaches each approval rate.

    Returns
    -------
    DataFrame, index (at least, model), the former as text
        `cutoff`, then the columns of the cutoff table. Scores are whole points, so the approval
        rate is the next one attainable.
    """
    return _rows(
        {
            (f"{100 * rate:.6g}%", model): choose_cutoff(table, min_approval=rate)
            for rate in approval_rates
            for model, table in tables.items()
        },
        ["at least", "model"],
    )


def _rows(chosen: Mapping[tuple[str, str], pd.Series], names: list[str]) -> pd.DataFrame:
    rows = [row.to_frame().T.rename_axis(index="cutoff").reset_index() for row in chosen.values()]
    table = pd.concat(rows, ignore_index=True).infer_objects()
    return table.set_index(pd.MultiIndex.from_tuples(chosen, names=names))


def swap_set(
    score_a: ArrayLike,
    score_b: ArrayLike,
    y: ArrayLike,
    *,
    cutoff_a: float,
    cutoff_b: float,
    booked: ArrayLike | None = None,
) -> pd.DataFrame:
    """Applications, and how they turned out, by the decisions of two scores.

    The swap set proper is the two middle rows: whom one score approves and the other declines.
    Whoever the old policy declined has no outcome, so bad rates are on booked loans.

    Parameters
    ----------
    score_a, score_b : array of shape (n,)
        Of the same applications, on any scales, higher is safer.
    y : array of shape (n,)
        1 bad, 0 good, missing where unknown.
    cutoff_a, cutoff_b : float
        Approved at or above.
    booked : bool array of shape (n,), optional
        Whether the application became a loan; by default, whether y is known.

    Returns
    -------
    DataFrame of shape (4, 6), index `decision`: both approve, only a, only b, neither
        `applications`, `booked`, `good`, `bad`, `bad_rate` (bad ÷ known outcomes, NaN where none
        is known), `share_of_applications`.

    Raises
    ------
    ValueError
        A score or a cutoff is missing, y is not 0, 1 or missing, or lengths differ.

    Source
    ------
    Siddiqi (2006), Credit Risk Scorecards.

    Examples
    --------
    >>> swap_set([1, 2, 3, 4], [4, 1, 3, 2], [1, None, 0, 0], cutoff_a=3, cutoff_b=3)[
    ...     ["applications", "booked", "bad", "bad_rate"]
    ... ]  # doctest: +NORMALIZE_WHITESPACE
                  applications  booked  bad  bad_rate
    decision
    both approve             1       1    0       0.0
    only a                   1       1    0       0.0
    only b                   1       1    1       1.0
    neither                  1       0    0       NaN
    """
    approved = []
    for name, score, cutoff in (("a", score_a, cutoff_a), ("b", score_b, cutoff_b)):
        points = np.asarray(score, dtype=float)
        if np.isnan(points).any() or math.isnan(cutoff):
            raise ValueError(f"score_{name} and cutoff_{name} must not be missing")
        approved.append(points >= cutoff)
    by_a, by_b = approved
    if by_a.shape != by_b.shape:
        raise ValueError(f"score_a and score_b must have one length, got {by_a.size}, {by_b.size}")
    # the place in DECISIONS, counted like a score
    decision = np.where(by_a, np.where(by_b, 0, 1), np.where(by_b, 2, 3))
    counts = metrics.score_counts(decision, y, booked=booked)
    table = counts.reindex(range(len(DECISIONS)), fill_value=0)
    table.index = pd.Index(DECISIONS, name="decision")
    table["bad_rate"] = table["bad"] / (table["good"] + table["bad"])
    table["share_of_applications"] = table["applications"] / table["applications"].sum()
    return table


def _at_least(candidates: pd.DataFrame, min_approval: float) -> pd.DataFrame:
    kept = candidates[candidates["approval_rate"] >= min_approval]
    if kept.empty:
        rates = candidates["approval_rate"]
        raise ValueError(
            f"no cutoff has approval_rate >= {min_approval:g}: the highest attainable is "
            f"{rates.max():.6g}, at cutoff {rates.idxmax()}"
        )
    return kept


def _at_most(candidates: pd.DataFrame, max_bad_rate: float, within: str) -> pd.DataFrame:
    kept = candidates[candidates["bad_rate"] <= max_bad_rate]
    if kept.empty:
        rates = candidates["bad_rate"].dropna()
        if rates.empty:
            raise ValueError(f"no cutoff{within} has known outcomes, so none keeps max_bad_rate")
        raise ValueError(
            f"no cutoff{within} has bad_rate <= {max_bad_rate:g}: the lowest attainable is "
            f"{rates.min():.6g}, at cutoff {rates.idxmin()}"
        )
    return kept

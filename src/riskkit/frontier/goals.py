"""The cutoff of each goal, how sure it is, and whether the goals agree within chance.

Takes cutoff tables and drawn curves of the same applications; gives a row per goal and model.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import special

from riskkit import metrics
from riskkit.checks import check_level
from riskkit.frontier.curves import Curve, Curves
from riskkit.frontier.emp import emp_draws
from riskkit.strategy import goals_table

__all__ = ["GOALS", "goal_cutoffs", "normal_ends"]

_NEWTON_STEPS, _LONGEST_STEP = 6, 1.0
# in this order; the first four are those of strategy.goals_table
GOALS = (
    *("approval", "bad rate", "profit", "profit, inferred too"),
    *("marginal profit zero", "expected maximum profit"),
)


def goal_cutoffs(
    tables: Mapping[str, pd.DataFrame],
    curves: Curves,
    *,
    min_approval: float,
    max_bad_rate: float,
    max_never_booked: float = 0.2,
    p0: float = 0.55,
    p1: float = 0.1,
    roi: float = 0.2644,
    level: float = 0.95,
) -> pd.DataFrame:
    """Cutoff of each goal and model, between which ends other draws would put it.

    Goals: approval, bad rate, profit (of the cutoffs that are not inferred, as each draw has
    them) and profit, inferred too, as in :func:`riskkit.strategy.goals_table`; marginal profit
    zero, the lowest score of which a loan is expected to earn; expected maximum profit, the score
    that declines the share that :func:`expected_maximum_profit` expects. The last three rest on
    known outcomes, wherever they fall, and are held against each other.

    The marginal profit is (1 − p) · margin − p · loss − cost, p by the logistic line of bad on the
    score, margin of the goods and loss of the bads by straight lines on the score: a line through
    the steps of the sums, whose maximum need not lie at the same score.

    Parameters
    ----------
    tables : mapping of model to DataFrame
        Of :func:`riskkit.strategy.cutoff_tables`.
    curves : Curves
        Of :func:`draw_curves`, of the same applications.
    min_approval, max_bad_rate : float
        As in :func:`riskkit.strategy.choose_cutoff`.
    max_never_booked : float
        Share of the approved that was never booked, beyond which a cutoff is inferred; that of
        the tables.
    p0, p1, roi
        As in :func:`expected_maximum_profit`.
    level : float
        Confidence level, in (0, 1). Intervals of cutoffs lie between quantiles over draws.

    Returns
    -------
    DataFrame, index (goal, model)
        `cutoff`, `cutoff_low`, `cutoff_high`; `apart`, how many points it lies above the most
        profitable one, inferred too, with `apart_low`, `apart_high` over the same draws,
        simultaneous over the last two goals of all models (Bonferroni); `less_amount`, what it
        earns on known outcomes less than that one, with `less_low`, `less_high`; then the columns
        of the cutoff table. A goal that no cutoff meets is a row of NaN. Where no row is inferred,
        the two goals of profit are the same, and the second is left out.

    Raises
    ------
    ValueError
        The tables are of other models, an argument is out of range, or too few applications are
        approved at any cutoff.

    Source
    ------
    riskkit definition; Verbraken et al. (2014) for the last goal.
    """
    check_level(level)
    if list(tables) != list(curves.points):
        raise ValueError(f"tables are of {list(tables)}, curves of {list(curves.points)}")
    if not 0 <= max_bad_rate <= 1:
        raise ValueError(f"max_bad_rate must be a fraction in [0, 1], got {max_bad_rate!r}")
    given = goals_table(tables, min_approval=min_approval, max_bad_rate=max_bad_rate)
    ends = np.array([0.5 - level / 2, 0.5 + level / 2])
    # two goals of each model are held against its profit
    wide = np.array([(1 - level) / 2, 1 - (1 - level) / 2]) / (2 * len(tables))
    wide[1] = 1 - wide[0]
    rows = {}
    for model, table in tables.items():
        curve = curves.curve(model)
        drawn = {
            GOALS[0]: _first(curve, curve.approval_rate >= min_approval),
            GOALS[1]: _last(curve, _at_most(curve.bad_rate, max_bad_rate)),
            GOALS[2]: _most_profitable(curve, table, max_never_booked),
            GOALS[3]: _most_profitable(curve, table),
            GOALS[4]: _marginal_zero(curves, model),
            GOALS[5]: emp_draws(curves, model, p0=p0, p1=p1, roi=roi)[:, 2],
        }
        best = drawn[GOALS[3]]
        for goal, cutoffs in drawn.items():
            found: dict[str, float] = {"cutoff": cutoffs[0]}
            if (goal, model) in given.index:
                # the very row of the cutoff table; its scores may have been taken together here
                found["cutoff"] = float(given.loc[(goal, model), "cutoff"])
            found |= dict(zip(("cutoff_low", "cutoff_high"), _between(cutoffs, ends), strict=True))
            apart = cutoffs - best
            found["apart"] = apart[0]
            found |= dict(zip(("apart_low", "apart_high"), _between(apart, wide), strict=True))
            found |= _less(curve, found["cutoff"], best[0], level)
            rows[goal, model] = pd.concat([pd.Series(found), _row_at(table, found["cutoff"])])
    inferred = any(table["inferred"].any() for table in tables.values())
    goals = [goal for goal in GOALS if inferred or goal != GOALS[3]]
    found_rows = pd.DataFrame(
        [rows[goal, model] for goal in goals for model in tables],
        index=pd.MultiIndex.from_tuples(
            [(goal, model) for goal in goals for model in tables], names=["goal", "model"]
        ),
    )
    return found_rows.infer_objects()


def _marginal_zero(curves: Curves, model: str) -> np.ndarray:
    """Lowest score of which a loan is expected to earn, of each draw; NaN where none is."""
    sums, points = curves.sums[model], curves.points[model]
    good, bad = sums["good"], sums["bad"]
    line = _lines(points, good, bad)
    chance = special.expit(line[:, :1] + line[:, 1:] * points)
    margin = _straight(points, good, sums["margin"])
    loss = _straight(points, bad, sums["loss"])
    with np.errstate(invalid="ignore"):
        cost = sums["cost"].sum(axis=1) / (good + bad).sum(axis=1)
        earned = (1 - chance) * margin - chance * loss - cost[:, None]
        earns = earned >= 0
    found: np.ndarray = np.where(earns.any(axis=1), points[earns.argmax(axis=1)], np.nan)
    return found


def _lines(points: np.ndarray, good: np.ndarray, bad: np.ndarray) -> np.ndarray:
    """Intercept and slope of the logit of bad on the score, a row a draw.

    Newton's steps from the line of row 0, :func:`riskkit.metrics.logistic_line`; NaN where that has
    none, or a draw's leave the finite numbers.
    """
    rows = good + bad
    outcome = np.repeat([0.0, 1.0], len(points))
    weight = np.concatenate([good[0], bad[0]])
    seen = weight > 0
    start = metrics.logistic_line(np.tile(points, 2)[seen], outcome[seen], weight[seen])
    if start is None:
        return np.full((len(good), 2), np.nan)
    centre = rows[0] @ points / rows[0].sum()
    spread = max(float(np.sqrt(rows[0] @ (points - centre) ** 2 / rows[0].sum())), 1e-300)
    z = (points - centre) / spread
    line = np.tile([start[0] + start[1] * centre, start[1] * spread], (len(rows), 1))
    for _ in range(_NEWTON_STEPS):
        chance = special.expit(line[:, :1] + line[:, 1:] * z)
        miss, curve = bad - rows * chance, rows * chance * (1 - chance)
        up, turn = miss.sum(axis=1), miss @ z
        flat, tilt, bend = curve.sum(axis=1), curve @ z, curve @ z**2
        scale = np.maximum(flat * bend - tilt**2, 1e-300)
        step = np.column_stack([bend * up - tilt * turn, flat * turn - tilt * up]) / scale[:, None]
        # a full step may overshoot where a draw has few bads
        line = line + np.clip(step, -_LONGEST_STEP, _LONGEST_STEP)
    slope = line[:, 1] / spread
    return np.column_stack([line[:, 0] - slope * centre, slope])


def _straight(points: np.ndarray, weight: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Weighted least squares of total ÷ weight on the points, at every point; a row a draw."""
    whole = np.where(weight.sum(axis=1) > 0, weight.sum(axis=1), np.nan)
    mean = total.sum(axis=1) / whole
    centre = weight @ points / whole
    away = points - centre[:, None]
    spread = (weight * away**2).sum(axis=1)
    slope = (total * away).sum(axis=1) / np.where(spread > 0, spread, np.inf)
    found: np.ndarray = mean[:, None] + slope[:, None] * away
    return found


def _first(curve: Curve, holds: np.ndarray) -> np.ndarray:
    """Safest cutoff of each draw of which something holds."""
    return np.where(holds.any(axis=1), curve.cutoffs[holds.argmax(axis=1)], np.nan)


def _last(curve: Curve, holds: np.ndarray) -> np.ndarray:
    """Lowest cutoff of each draw of which something holds."""
    last = holds.shape[1] - 1 - holds[:, ::-1].argmax(axis=1)
    return np.where(holds.any(axis=1), curve.cutoffs[last], np.nan)


def _at_most(values: np.ndarray, limit: float) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        found: np.ndarray = values <= limit
    return found


def _most_profitable(
    curve: Curve, table: pd.DataFrame, max_never_booked: float = 1.0
) -> np.ndarray:
    """Of the cutoffs whose bad rate is known, in each draw; of equal ones the safest.

    NaN in a draw of which every cutoff approves more who were never booked.
    """
    allowed = table.index[table["bad_rate"].notna()]
    kept = np.isin(curve.cutoffs, allowed.to_numpy(dtype=float)) & (
        curve.never_booked_rate <= max_never_booked
    )
    best = curve.cutoffs[np.where(kept, curve.profit, -np.inf).argmax(axis=1)]
    return np.where(kept.any(axis=1), best, np.nan)


def _between(values: np.ndarray, ends: np.ndarray) -> tuple[float, float]:
    """Quantiles over the draws that have a value; none where the applications themselves have."""
    drawn = values[1:][~np.isnan(values[1:])]
    if np.isnan(values[0]) or not len(drawn):
        return np.nan, np.nan
    low, high = np.quantile(drawn, ends)
    return float(low), float(high)


def _less(curve: Curve, cutoff: float, best: float, level: float) -> dict[str, float]:
    """What a cutoff earns on known outcomes less than the best one."""
    gap = np.full(len(curve.profit), np.nan)
    if not (np.isnan(cutoff) or np.isnan(best)):
        gap = curve.profit[:, curve.place(cutoff)] - curve.profit[:, curve.place(best)]
    return normal_ends(gap, "less", level)


def normal_ends(values: np.ndarray, name: str, level: float) -> dict[str, float]:
    """A sum with its normal interval, whose standard error is that over the draws."""
    if np.isnan(values[0]):
        return {f"{name}_{end}": np.nan for end in ("amount", "low", "high")}
    width = special.ndtri(0.5 + level / 2) * np.nanstd(values[1:], ddof=1)
    return {
        f"{name}_amount": float(values[0]),
        f"{name}_low": float(values[0] - width),
        f"{name}_high": float(values[0] + width),
    }


def _row_at(table: pd.DataFrame, cutoff: float) -> pd.Series:
    """The table's row of a cutoff, of NaN where there is none."""
    above = table[table.index >= cutoff]
    if np.isnan(cutoff) or above.empty:
        row = pd.Series(np.nan, index=table.columns, dtype=object)
        row["inferred"] = False
        return row
    return above.iloc[0].astype(object)

"""Which limits to raise, hold or cut, month by month.

Takes the monthly panel; gives factors, and moves without flip-flop.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from riskkit.checks import Array, require_columns

__all__ = ["LimitRule", "limit_moves", "moves_by_month", "moves_text", "wanted_factors"]

MOVES = ("raised", "held", "cut")
MANY_TIMES, MANY = 3.0, 50  # as many moves as the month before, and at least: told of


@dataclass(frozen=True, kw_only=True)
class LimitRule:
    """When a limit moves, and how far.

    Parameters
    ----------
    raise_above : float
        A limit may rise where the factor wanted is at least so many times the present one; above 1.
    cut_below : float
        It may fall where it is at most so many times the present one; below 1.
    wait_months : int
        So many months in a row that must be so, before a limit moves.
    rest_months : int
        Months after a move in which it may not rise, nor fall but by arrears.
    step_rate : float
        A raise or a cut is at most this fraction of the present limit.
    at_once_below : float
        A factor wanted at most this, such as by arrears, is taken in the month it is seen.
    lowest, highest : float
        Bounds of the factor.

    Raises
    ------
    ValueError
        A number is outside its range.
    """

    raise_above: float = 1.15
    cut_below: float = 0.90
    wait_months: int = 2
    rest_months: int = 6
    step_rate: float = 0.20
    at_once_below: float = 0.50
    lowest: float = 0.25
    highest: float = 1.50

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{each.name} must be finite and > 0, got {value!r}")
        if not self.cut_below < 1 < self.raise_above:
            raise ValueError(
                "cut_below must be below 1 and raise_above above, got "
                f"{self.cut_below!r} and {self.raise_above!r}"
            )
        if not self.lowest <= 1 <= self.highest:
            raise ValueError(f"1 must lie in [lowest, highest], got {self.lowest}, {self.highest}")
        if not (self.step_rate < 1 and self.at_once_below < self.cut_below):
            raise ValueError(
                "step_rate must be below 1 and at_once_below below cut_below, got "
                f"{self.step_rate!r} and {self.at_once_below!r}"
            )


def wanted_factors(
    performance: pd.DataFrame, *, clean_months: int = 3, macro_elasticity: float = 0.5
) -> pd.DataFrame:
    """The factor on its limit that each loan's conduct and the climate would want, month by month.

    Conduct: 1.25 after `clean_months` month-ends without arrears, 1 before; 0.75 with 1 to 30 days
    past due now or in those months; 0.4 with more. Climate: (share of current loans that fell into
    arrears this month, mean of the last three ÷ mean of the twelve before them) to the power of
    −elasticity, within 0.8 and 1.2; 1 while fewer months are known. Nothing later than the month
    itself is read.

    Parameters
    ----------
    performance : DataFrame
        loan_id, mob, month_end, dpd, one row a loan and month; rows after a loan has ended count as
        no account.
    clean_months : int
    macro_elasticity : float
        0: the climate moves nothing.

    Returns
    -------
    DataFrame of shape (n_loans, n_months), index loan_id, columns month_end
        Factors, 1 = the limit as it was given; NaN where there is no account. Attribute
        ``climate``: month → that part of the factor, the same for all loans.

    Source
    ------
    riskkit definition.
    """
    require_columns(performance, ["loan_id", "month_end", "dpd"], "performance")
    panel = performance.pivot(index="loan_id", columns="month_end", values="dpd")
    panel = panel.reindex(columns=sorted(panel.columns))
    dpd = panel.to_numpy(float)
    if "status" in performance:
        status = performance.pivot(index="loan_id", columns="month_end", values="status")
        ended = status.reindex(columns=panel.columns).isin(["prepaid", "matured", "charged_off"])
        dpd = np.where(ended.to_numpy(), np.nan, dpd)
    here = ~np.isnan(dpd)
    worst = dpd.copy()
    seen = here.astype(int)
    for back in range(1, clean_months):
        worst[:, back:] = np.fmax(worst[:, back:], dpd[:, :-back])
        seen[:, back:] += here[:, :-back]
    worst = np.where(here, worst, np.nan)
    conduct = np.select(
        [worst > 30, worst > 0, seen >= clean_months], [0.4, 0.75, 1.25], default=1.0
    )
    climate = _climate(dpd, macro_elasticity)
    found = pd.DataFrame(np.where(here, conduct * climate, np.nan), panel.index, panel.columns)
    found.attrs["climate"] = dict(zip(panel.columns, climate.tolist(), strict=True))
    return found


def _climate(dpd: Array, elasticity: float) -> Array:
    """Factor of each month, from the share of current loans that fell into arrears until then."""
    n_months = dpd.shape[1]
    entered, current = np.zeros(n_months), np.zeros(n_months)
    was_current = (dpd[:, :-1] == 0) & ~np.isnan(dpd[:, 1:])
    current[1:] = was_current.sum(axis=0)
    entered[1:] = (was_current & (dpd[:, 1:] > 0)).sum(axis=0)
    factor = np.ones(n_months)
    for month in range(15, n_months):
        recent, before = slice(month - 2, month + 1), slice(month - 14, month - 2)
        if current[before].sum() and current[recent].sum() and entered[before].sum():
            rate = entered[recent].sum() / current[recent].sum()
            usual = entered[before].sum() / current[before].sum()
            factor[month] = np.clip(max(rate / usual, 1e-6) ** -elasticity, 0.8, 1.2)
    return factor


def limit_moves(wanted: pd.DataFrame, rule: LimitRule) -> pd.DataFrame:
    """Factor on each limit month by month: raised, held or cut, without flip-flop.

    Between `cut_below` and `raise_above` times the present factor nothing moves, and a move needs
    the same signal in `wait_months` months in a row; after it the limit rests. So a limit can turn
    from rising to falling only by arrears or after its rest.

    Parameters
    ----------
    wanted : DataFrame of shape (n_accounts, n_months), columns ascending
        Of :func:`wanted_factors`, or a factor of one's own; NaN: no account, nothing moves.
    rule : LimitRule

    Returns
    -------
    DataFrame, index (account, month)
        factor (after the month's move), move ("raised", "held", "cut"); a row for each month with
        an account.

    Raises
    ------
    ValueError
        A factor wanted is negative, or months do not ascend.
    """
    if not wanted.columns.is_monotonic_increasing:
        raise ValueError("months must ascend from column to column")
    signal = wanted.to_numpy(float)
    if (signal < 0).any():
        raise ValueError("a factor wanted must be >= 0")
    n, n_months = signal.shape
    factor, rest = np.ones(n), np.zeros(n, dtype=int)
    up, down = np.zeros(n, dtype=int), np.zeros(n, dtype=int)
    factors, moves = np.empty((n, n_months)), np.zeros((n, n_months), dtype=int)
    slack = 1 + 1e-9  # a factor that is exactly at a bound is at it, however it was rounded
    for month in range(n_months):
        now = signal[:, month]
        known = ~np.isnan(now)
        up = np.where(known & (now * slack >= rule.raise_above * factor), up + 1, 0)
        down = np.where(known & (now <= rule.cut_below * factor * slack), down + 1, 0)
        at_once = known & (now <= rule.at_once_below) & (now < factor)
        rises = (up >= rule.wait_months) & (rest == 0) & (factor < rule.highest)
        falls = (down >= rule.wait_months) & (rest == 0) & (factor > rule.lowest)
        falls |= at_once & (factor > rule.lowest)
        rises &= ~falls
        up_to = np.minimum(np.minimum(now, factor * (1 + rule.step_rate)), rule.highest)
        down_to = np.maximum(np.maximum(now, factor * (1 - rule.step_rate)), rule.lowest)
        down_to = np.where(at_once, np.maximum(now, rule.lowest), down_to)
        factor = np.where(rises, up_to, np.where(falls, down_to, factor))
        moved = rises | falls
        rest = np.where(moved, rule.rest_months, np.maximum(rest - 1, 0))
        up, down = np.where(moved, 0, up), np.where(moved, 0, down)
        factors[:, month] = factor
        moves[:, month] = np.where(rises, 0, np.where(falls, 2, 1))
    there = ~np.isnan(signal)
    rows, columns = np.nonzero(there)
    index = pd.MultiIndex.from_arrays(
        [wanted.index[rows], wanted.columns[columns]], names=["account", "month"]
    )
    words = pd.Categorical.from_codes(moves[there], categories=list(MOVES))
    return pd.DataFrame({"factor": factors[there], "move": words}, index=index)


def moves_by_month(moves: pd.DataFrame, wanted: pd.DataFrame) -> pd.DataFrame:
    """How many limits are raised, held and cut in each month, and the climate of the month.

    Parameters
    ----------
    moves : DataFrame, index (account, month)
        Of :func:`limit_moves`.
    wanted : DataFrame
        Of :func:`wanted_factors`: that the moves follow.

    Returns
    -------
    DataFrame, index month
        raised, held, cut; climate (the factor on all limits).
    """
    month = moves.index.get_level_values("month")
    counts = pd.crosstab(month, moves["move"]).reindex(columns=[*MOVES], fill_value=0)
    table = pd.DataFrame(counts.to_numpy(), counts.index.rename("month"), [*MOVES])
    climate = pd.Series(wanted.attrs["climate"], dtype=float)
    return table.assign(climate=climate.reindex(table.index).to_numpy())


def moves_text(table: pd.DataFrame) -> str:
    """Sentences on a month in which many limits move at once, and why, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`moves_by_month`, its last months or all, index as it is shown.

    Source
    ------
    riskkit definition: told is the greatest jump to three times as many raises as the month before,
    and to 50 at least.
    """
    raised, climate = table["raised"], table["climate"]
    before = raised.shift()
    jumps = (raised - before)[(raised >= MANY_TIMES * before) & (raised >= MANY)]
    if jumps.empty:
        return "From month to month about as many limits are raised: none moves with many others."
    month = jumps.idxmax()
    place = table.index.get_loc(month)
    was, now = climate.iloc[place - 1], climate.iloc[place]
    low = climate.iloc[: place + 1].min()
    text = (
        f"In {month} {raised[month]:,} limits are raised, after {before[month]:,.0f} in the month "
        f"before. The climate is one factor on all limits: {was:.2f} then, {now:.2f} in {month}"
    )
    if now > low:
        return text + (
            f", up from {low:.2f} at the least. While it is low, nobody's conduct is enough for a "
            "raise; once it has been better for as long as the rule waits, all who have paid "
            "without arrears are raised together."
        )
    return text + ". It does not explain that."

"""Which limits to raise, hold or cut, month by month, and what became of those that moved.

Takes the monthly panel, or applications; gives factors, moves without flip-flop, and outcomes: who
was raised had done better before, so without a random test group no difference is an effect.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from riskkit import metrics
from riskkit.checks import Array, check_level, require_columns

__all__ = [
    "LimitRule",
    "after_moves",
    "limit_moves",
    "limit_outcomes",
    "limit_outcomes_text",
    "moved_limits",
    "wanted_factors",
]

MOVES = ("raised", "held", "cut")
FEWEST_BAD = 30
SELECTION = (
    "Limits were raised for those who had done well and cut for those who had not: without a "
    "group whose limits moved at random, these differences show **selection**, not what a limit "
    "does."
)


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
        Factors, 1 = the limit as it was given; NaN where there is no account.

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
    wanted = conduct * _climate(dpd, macro_elasticity)
    return pd.DataFrame(np.where(here, wanted, np.nan), panel.index, panel.columns)


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


def moved_limits(applications: pd.DataFrame, probability: pd.Series | None = None) -> pd.DataFrame:
    """Loans of returning customers, by whether the limit rose since the customer's loan before.

    Parameters
    ----------
    applications : DataFrame of shape (n,)
        customer_id, applied_at, approved, booked, offer_limit (fen), default_flag.
    probability : Series, index of `applications`, optional
        Of default, as the model saw it.

    Returns
    -------
    DataFrame, index of the later applications
        move ("raised" or "cut" by more than a tenth, else "held"), limit_ratio, bad (1, 0, missing
        where unknown), expected (the probability, where given). Booked loans only, whose customer
        had been approved before.
    """
    names = ["customer_id", "applied_at", "approved", "booked", "offer_limit", "default_flag"]
    require_columns(applications, names, "applications")
    granted = applications[applications["approved"] & (applications["offer_limit"] > 0)]
    granted = granted.sort_values(["customer_id", "applied_at"], kind="stable")
    before = granted.groupby("customer_id")["offer_limit"].shift()
    later = granted[before.notna() & granted["booked"]]
    ratio = later["offer_limit"] / before[later.index]
    found = pd.DataFrame(
        {
            "move": pd.Categorical(
                np.select([ratio > 1.1, ratio < 1 / 1.1], ["raised", "cut"], "held"), list(MOVES)
            ),
            "limit_ratio": ratio,
            "bad": later["default_flag"],
        }
    )
    return found if probability is None else found.assign(expected=probability[found.index])


def after_moves(
    moves: pd.DataFrame, performance: pd.DataFrame, *, months: int = 3, dpd: int = 30
) -> pd.DataFrame:
    """What became of each account after one month's moves.

    Each account counts once, in the latest month that `months` more were seen after.

    Parameters
    ----------
    moves : DataFrame, index (account, month)
        Of :func:`limit_moves`.
    performance : DataFrame
        loan_id, month_end, dpd.
    months : int
        Months looked on.
    dpd : int
        Bad is more than so many days past due within them; who is so already does not count.

    Returns
    -------
    DataFrame, index account
        move, bad (1 or 0).

    Raises
    ------
    ValueError
        `months` is below 1, or fewer were seen.
    """
    ends = np.sort(performance["month_end"].unique())
    if not 1 <= months < len(ends):
        raise ValueError(f"months must lie in 1..{len(ends) - 1}, those seen, got {months!r}")
    month = ends[-1 - months]
    now = performance[performance["month_end"] == month].set_index("loan_id")["dpd"]
    later = performance[performance["month_end"] > month]
    went = later.loc[later["dpd"] > dpd, "loan_id"].unique()
    at_month = moves[moves.index.get_level_values("month") == month].droplevel("month")
    accounts = at_month.index[at_month.index.isin(now.index[now <= dpd])]
    bad = pd.Series(accounts.isin(went).astype(float), index=accounts)
    return pd.DataFrame({"move": at_month.loc[accounts, "move"], "bad": bad})


def limit_outcomes(moves: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """How accounts whose limit rose, stayed or fell turned out.

    Parameters
    ----------
    moves : DataFrame of shape (n,)
        move; bad (1, 0, missing where unknown); expected (a probability), where known.
    level : float
        Confidence level of the intervals, in (0, 1).

    Returns
    -------
    DataFrame, index move
        accounts, loans (of known outcome), bad, bad_rate, bad_low, bad_high (Jeffreys), too_few
        (fewer than 30 bads: too few to say); expected_bad over the same loans, where known.
    """
    check_level(level)
    rows = {}
    for name in MOVES:
        part = moves[moves["move"] == name]
        known = part[part["bad"].notna()]
        n, n_bad = len(known), float(known["bad"].sum())
        rows[name] = {
            "accounts": len(part),
            "loans": n,
            "bad": int(n_bad),
            "bad_rate": n_bad / n if n else np.nan,
            "too_few": n_bad < FEWEST_BAD,
        }
        if "expected" in moves:
            rows[name]["expected_bad"] = known["expected"].sum()
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("move")
    bad, loans = (table[column].to_numpy(float) for column in ("bad", "loans"))
    ends = metrics.jeffreys_interval(bad, loans, level)
    for place, (end, values) in enumerate(zip(("low", "high"), ends, strict=True)):
        table.insert(4 + place, f"bad_{end}", np.where(table["loans"] > 0, values, np.nan))
    return table


def limit_outcomes_text(outcomes: pd.DataFrame) -> str:
    """Sentences on how moved limits turned out, and on what that does not show, as Markdown.

    Parameters
    ----------
    outcomes : DataFrame
        Of :func:`limit_outcomes`.
    """
    told = [
        f"{name} {row['bad_rate']:.1%} of {row['loans']:,} ({row['bad_low']:.1%} to "
        f"{row['bad_high']:.1%}{', too few to say' if row['too_few'] else ''})"
        for name, row in outcomes.iterrows()
        if row["loans"]
    ]
    if not told:
        return "No account whose limit could have moved has a known outcome yet."
    return f"Turned bad, by what became of the limit: {'; '.join(told)}. {SELECTION}"

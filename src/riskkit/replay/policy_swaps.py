"""Who changes places between two policies, whatever they rest on.

Takes whom each policy approves, and the loans there were; gives four groups, with how they turned
out, were inferred, or would truly have, and what the swap is worth.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special

from riskkit import metrics, strategy
from riskkit.chance import normal_interval
from riskkit.checks import (
    check_level,
    flag_array,
    numeric_array,
    outcome_state,
    require_columns,
    same_rows,
)

__all__ = ["GROUPS", "policy_swaps", "rival_policies", "swap_gain", "swaps_against"]

GROUPS = ("both approve", "swapped out", "swapped in", "both decline")
_LOANS = ("default_flag", "booked", "margin_fen", "loss_fen", "cost_fen")


def policy_swaps(
    old: ArrayLike,
    new: ArrayLike,
    loans: pd.DataFrame,
    *,
    score: ArrayLike | None = None,
    truth: ArrayLike | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Applications by the decisions of two policies, and how they turned out.

    Parameters
    ----------
    old, new : bool array of shape (n,)
        Whom each policy approves.
    loans : DataFrame of shape (n, 5 or more)
        default_flag (missing where unknown), booked (bool), and margin_fen, loss_fen, cost_fen of
        :func:`riskkit.strategy.loan_values`.
    score : array of shape (n,), optional
        Higher is safer; tells what those without an outcome are expected to do.
    truth : array of shape (n,), optional
        1 bad, 0 good, of everybody, where the borrowers are simulated.
    level : float

    Returns
    -------
    DataFrame of shape (4, 10 to 12), index group
        Both approve, swapped out, swapped in, both decline: applications, share of all, loans (of
        known outcome), bad, bad_rate with its Jeffreys interval bad_rate_low, bad_rate_high;
        inferred_rate (known outcomes as they are, the others by the logistic line of known ones on
        the score; with `score` only); true_rate (with `truth` only); profit_amount of the loans of
        known outcome, in units of the currency, and profit_low, profit_high. What nobody knows is
        NaN.

    Raises
    ------
    DataContractError
        `loans` lacks a column.
    ValueError
        Lengths differ, or an option is out of range.

    Source
    ------
    Siddiqi (2006), Credit Risk Scorecards, on swap sets; riskkit definition.

    Examples
    --------
    >>> loans = pd.DataFrame({"default_flag": [0, 1, 0, None], "booked": [True, True, True, False],
    ...     "margin_fen": 1_000, "loss_fen": 5_000, "cost_fen": 100})
    >>> swaps = policy_swaps([1, 1, 0, 0], [1, 0, 1, 0], loans)
    >>> swaps[["applications", "bad", "profit_amount"]].T.to_numpy().tolist()
    [[1.0, 1.0, 1.0, 1.0], [0.0, 1.0, 0.0, 0.0], [9.0, -51.0, 9.0, nan]]
    """
    same_rows(old=old, new=new, loans=loans, score=score, truth=truth)
    check_level(level)
    require_columns(loans, _LOANS, "loans")
    n = len(loans)
    before, after = flag_array(old, "old", n), flag_array(new, "new", n)
    group = np.select([before & after, before, after], [0, 1, 2], default=3)
    flag = numeric_array(loans["default_flag"], "default_flag", n).astype(float)
    state = outcome_state(flag)
    money = strategy.profit_sums(loans, flag)
    rows = pd.DataFrame(
        {
            "applications": 1,
            "loans": (state > 0).astype(int),
            "bad": (state == 2).astype(int),
            "profit": money["margin_fen"] - money["loss_fen"] - money["cost_fen"],
            "square": money["profit_squares"],
        }
    )
    if score is not None:
        rows["inferred"] = _inferred(numeric_array(score, "score", n).astype(float), state)
    if truth is not None:
        rows["true"] = numeric_array(truth, "truth", n).astype(float)
    sums = rows.groupby(group).sum().reindex(range(4), fill_value=0)
    known = sums["loans"].to_numpy(float)
    low, high = metrics.jeffreys_interval(sums["bad"].to_numpy(float), known, level)
    some = known > 0
    least, most = normal_interval(sums["profit"], sums["square"], known.sum(), level)
    table = pd.DataFrame(
        {
            "applications": sums["applications"],
            "share": sums["applications"] / max(n, 1),
            "loans": sums["loans"],
            "bad": sums["bad"],
            "bad_rate": np.where(some, sums["bad"] / np.where(some, known, 1), np.nan),
            "bad_rate_low": np.where(some, low, np.nan),
            "bad_rate_high": np.where(some, high, np.nan),
        }
    )
    asked = sums["applications"].where(sums["applications"] > 0)
    for name, column in (("inferred", "inferred_rate"), ("true", "true_rate")):
        if name in sums:
            table[column] = sums[name] / asked
    for name, fen in (("amount", sums["profit"]), ("low", least), ("high", most)):
        table[f"profit_{name}"] = np.where(some, fen / 100, np.nan)
    return table.set_axis(pd.Index(GROUPS, name="group"))


def _inferred(score: np.ndarray, state: np.ndarray) -> np.ndarray:
    """Known outcomes as they are, the others as booked loans of their score."""
    known = state > 0
    bad = (state == 2).astype(float)
    line = metrics.logistic_line(score[known], bad[known], np.ones(int(known.sum())))
    if line is None:
        return np.where(known, bad, np.nan)
    return np.where(known, bad, special.expit(line[0] + line[1] * score))


def swaps_against(
    rivals: Mapping[str, ArrayLike],
    new: ArrayLike,
    loans: pd.DataFrame,
    *,
    score: ArrayLike | None = None,
    truth: ArrayLike | None = None,
) -> pd.DataFrame:
    """The swap set of a policy against each of others.

    Parameters
    ----------
    rivals : mapping of name to bool array of shape (n,)
        Of :func:`rival_policies`, say.
    new, loans, score, truth
        As for :func:`policy_swaps`.

    Returns
    -------
    DataFrame, index (against, group)
        Columns of :func:`policy_swaps`.
    """
    tables = {
        name: policy_swaps(old, new, loans, score=score, truth=truth)
        for name, old in rivals.items()
    }
    return pd.concat(tables, names=["against"])


def swap_gain(swaps: pd.DataFrame) -> Mapping[str, float]:
    """What the new policy earns more than the old one on loans of known outcome, with an interval.

    Parameters
    ----------
    swaps : DataFrame, index group
        Of :func:`policy_swaps`.

    Returns
    -------
    dict
        difference, low, high in units of the currency, at the level of the swaps; n_loans, the
        known loans that change places. Missing interval where fewer than twenty do: too few to say.
    """
    moved = swaps.loc[["swapped in", "swapped out"]]
    n_loans = int(moved["loans"].sum())
    amounts = moved["profit_amount"].fillna(0.0).to_numpy()
    widths = (moved["profit_high"] - moved["profit_amount"]).fillna(0.0).to_numpy()
    difference, width = amounts[0] - amounts[1], float(np.hypot(*widths))
    if n_loans < 20:
        width = np.nan
    return {
        "difference": float(difference),
        "low": difference - width,
        "high": difference + width,
        "n_loans": n_loans,
    }


def rival_policies(
    new: pd.Series, today: pd.Series, score: pd.Series, table: pd.DataFrame, y: pd.Series
) -> dict[str, pd.Series]:
    """What a policy is held against: today's, and the cutoff alone, alike in approval or bad rate.

    Parameters
    ----------
    new, today : bool Series of shape (n,)
        Whom the policy, and today's, approves.
    score : Series of shape (n,)
    table : DataFrame, index cutoff
        Of :func:`riskkit.strategy.cutoff_table`, of these applications.
    y : Series of shape (n,)
        1 bad, 0 good, missing where unknown.

    Returns
    -------
    dict of name to bool Series of shape (n,)
        Today's policy, unless it declined nobody; the safest cutoff that approves as many; the
        lowest one with no higher bad rate among the loans seen, where there is one.
    """
    rivals = {} if today.all() else {"today's policy": today}
    alike = strategy.choose_cutoff(table, min_approval=float(new.mean()))
    rivals["the cutoff alone, equal approval"] = score >= float(str(alike.name))
    rate = y[new].mean()
    if (table["bad_rate"] <= rate).any():
        as_bad = strategy.choose_cutoff(table, max_bad_rate=float(rate))
        rivals["the cutoff alone, equal bad rate"] = score >= float(str(as_bad.name))
    return rivals

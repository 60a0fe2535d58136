"""How many are left at each step from the application to the loan, and where the others went.

Takes applications and the step at which each was lost; gives a row a step, in all or by channel.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from riskkit.checks import (
    check_level,
    flag_array,
    numeric_array,
    refuse_missing,
    require_columns,
    same_rows,
)
from riskkit.metrics import jeffreys_interval
from riskkit.schema import PolicyFile

__all__ = ["COLUMNS", "LOST_AT", "funnel_table", "funnel_text", "lost_today", "lost_under"]

# where an application may be lost; "unknown": past the offer, which the old policy never made
LOST_AT = ("identity", "rules", "score", "offer", "accepted", "disbursed", "unknown")
# what this room reads of the applications, as far as it is there, beside what the rules read
COLUMNS = (
    *("application_id", "applied_at", "channel", "partner", "amount", "booked_amount"),
    *("approved", "declined_reason", "override", "explored", "accepted", "booked"),
)
LARGEST_SUM = 2.0**62  # whole numbers beyond it do not add up
STEP_OF = {"identity": "identity", "rules": "rules", "score": "score", "by_hand": "offer"}


def lost_today(applications: pd.DataFrame, declined_reasons: Mapping[str, str]) -> pd.Series:
    """The step at which each application was lost as it happened.

    Parameters
    ----------
    applications : DataFrame
        approved, booked and, where there are any, declined_reason and accepted (bool: the offer
        was taken). Without `accepted`, who let an offer go is lost at "disbursed".
    declined_reasons : mapping of reason to {"identity", "rules", "score", "by_hand"}
        Of a policy file. Who was declined by hand, or for a reason that is not in it, got through
        the score and is lost at "offer".

    Returns
    -------
    Series of shape (n,), category of LOST_AT; missing where the loan was paid out

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> asked = pd.DataFrame({"approved": [False, True, True], "booked": [False, False, True],
    ...     "declined_reason": ["age", None, None]})
    >>> lost_today(asked, {"age": "rules"}).tolist()
    ['rules', 'disbursed', nan]
    """
    require_columns(applications, ["approved", "booked"], "applications")
    approved = flag_array(applications["approved"], "approved", len(applications))
    at = np.full(len(applications), LOST_AT.index("offer"))
    if "declined_reason" in applications:
        reason = applications["declined_reason"]
        for name, step in declined_reasons.items():
            at[reason.isin([name]).to_numpy(bool)] = LOST_AT.index(STEP_OF[step])
    return _lost(applications, np.where(approved, -1, at), np.zeros(len(approved), dtype=bool))


def lost_under(
    applications: pd.DataFrame,
    policy: PolicyFile,
    flags: pd.DataFrame,
    passes: pd.Series | np.ndarray,
) -> pd.Series:
    """The step at which each application would be lost under rules and a cutoff.

    Whether an offer is taken is known only of those to whom one was made: any other who would get
    one now is lost from sight, at "unknown".

    Parameters
    ----------
    applications : DataFrame
        As for :func:`lost_today`.
    policy : PolicyFile
    flags : bool DataFrame of shape (n, n_rules)
        Of :func:`fired`.
    passes : bool array of shape (n,)
        Whether the score is at or above the cutoff.

    Returns
    -------
    Series of shape (n,), category of LOST_AT; missing where the loan was paid out

    Source
    ------
    riskkit definition.
    """
    same_rows(applications=applications, flags=flags, passes=passes)
    require_columns(applications, ["approved", "booked"], "applications")
    steps = np.array([LOST_AT.index(rule.step) for rule in policy.rules])
    fires = flags.to_numpy(bool)
    at = np.where(fires, steps, len(LOST_AT)).min(axis=1, initial=len(LOST_AT))
    fails = ~flag_array(passes, "passes", len(flags))
    at = np.where(at < len(LOST_AT), at, np.where(fails, LOST_AT.index("score"), -1))
    return _lost(applications, at, ~flag_array(applications["approved"], "approved", len(flags)))


def _lost(applications: pd.DataFrame, at: np.ndarray, is_unseen: np.ndarray) -> pd.Series:
    """The steps behind the offer added; codes of LOST_AT as a category."""
    booked = flag_array(applications["booked"], "booked", len(at))
    passed = at < 0
    at = np.where(passed & is_unseen, LOST_AT.index("unknown"), at)
    at = np.where(passed & ~is_unseen & ~booked, LOST_AT.index("disbursed"), at)
    if "accepted" in applications:
        # who was made no offer has taken none; of the others the loan tells
        accepted = applications["accepted"]
        told = accepted.notna().to_numpy()
        taken = booked.copy()
        taken[told] = flag_array(accepted[told].to_numpy(), "accepted", int(told.sum()))
        refused = ~taken
        at = np.where(passed & ~is_unseen & refused, LOST_AT.index("accepted"), at)
    codes = pd.Categorical.from_codes(at, categories=list(LOST_AT))
    return pd.Series(codes, index=applications.index, name="lost_at")


def funnel_table(
    applications: pd.DataFrame,
    lost_at: pd.Series,
    *,
    by: pd.Series | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """How many are left at each step, in all or by group.

    At every step applications + lost + unknown are the applications of the step before.

    Parameters
    ----------
    applications : DataFrame
        amount (requested, fen) and, where there are any, booked_amount (fen) and accepted.
    lost_at : Series of shape (n,)
        Of :func:`lost_today` or :func:`lost_under`.
    by : Series of shape (n,), optional
        Such as the channel.
    level : float

    Returns
    -------
    DataFrame, index step, or (group, step) with the largest group first
        applied, identity, rules, score, offer, accepted (only where the applications say who took
        an offer) and disbursed. `applications` left, `lost` at the step, `unknown` (lost from
        sight: nobody knows what they would do); share_of_all; share_of_step (left ÷ those of the
        step before that are not lost from sight, NaN where there are none), share_low and
        share_high (its Jeffreys interval); ticket_amount (mean of what the ones left asked for, at
        "disbursed" of what was paid out, in units of the currency).

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> asked = pd.DataFrame({"approved": [False, True, True], "booked": [False, False, True],
    ...     "declined_reason": ["age", None, None], "amount": [500_00, 700_00, 900_00]})
    >>> table = funnel_table(asked, lost_today(asked, {"age": "rules"}))
    >>> table["applications"].to_dict()
    {'applied': 3, 'identity': 3, 'rules': 2, 'score': 2, 'offer': 2, 'disbursed': 1}
    """
    check_level(level)
    require_columns(applications, ["amount"], "applications")
    same_rows(applications=applications, lost_at=lost_at, by=by)
    steps = [step for step in LOST_AT[:-1] if step != "accepted" or "accepted" in applications]
    code = lost_at.cat.codes.to_numpy().astype(np.int64)
    everyone, booked = np.ones(len(code), dtype=bool), code < 0
    asked = _fen(applications["amount"], "amount", everyone)
    paid = asked
    if "booked_amount" in applications:
        paid = _fen(applications["booked_amount"], "booked_amount", booked)
    if by is None:
        return _funnel(code, asked, paid, steps, level).rename_axis("step")
    groups = by.astype("str").where(by.notna(), "none")
    tables = {
        name: _funnel(code[rows], asked[rows], paid[rows], steps, level)
        for name in groups.value_counts().index
        if len(rows := np.flatnonzero(groups == name))
    }
    if not tables:
        empty = _funnel(code, asked, paid, steps, level).iloc[:0]
        empty.index = pd.MultiIndex.from_arrays([[], []], names=[by.name or "group", "step"])
        return empty
    return pd.concat(tables, names=[by.name or "group", "step"])


def _fen(column: pd.Series, name: str, rows: np.ndarray) -> np.ndarray:
    """Amounts in fen, known of these rows at least; 0 elsewhere."""
    values = numeric_array(column, name)
    told = values[rows]
    refuse_missing(told, name)
    if len(told) and not np.abs(told.astype(float)).sum() < LARGEST_SUM:
        raise ValueError(f"{name} must add up to less than {LARGEST_SUM:g} fen")
    found = np.zeros(len(values), dtype=np.int64)
    found[rows] = told.astype(np.int64)
    return found


def funnel_text(table: pd.DataFrame) -> str:
    """Where most are lost, and how many get a loan, as Markdown.

    Parameters
    ----------
    table : DataFrame, index step
        Of :func:`funnel_table` at its usual level, in all.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> asked = pd.DataFrame({"approved": [False, True, True], "booked": [False, False, True],
    ...     "declined_reason": ["age", None, None], "amount": [500_00, 700_00, 900_00]})
    >>> print(funnel_text(funnel_table(asked, lost_today(asked, {"age": "rules"}))))
    ... # doctest: +NORMALIZE_WHITESPACE
    Of 3 who applied, 1 (33.3%, 95 % interval 3.9% to 82.3%) come to a loan. Most are lost at
    *rules*: 1; of those who reach it, it leaves 66.7% (17.7% to 96.1%).
    """
    applied, last = table.iloc[0], table.iloc[-1]
    n = int(applied["applications"])
    if not n:
        return "Nobody applied."
    if table.loc["offer", "applications"] == n:
        return (
            "Everyone in these data was approved: who was declined, and at which step, is not in "
            "them."
        )
    ends = jeffreys_interval(np.array([last["applications"]]), np.array([n]), 0.95)
    low, high = (float(end[0]) for end in ends)
    worst = table.loc[table["lost"].idxmax()]
    text = (
        f"Of {n:,} who applied, {last['applications']:,.0f} ({last['applications'] / n:.1%}, 95 % "
        f"interval {low:.1%} to {high:.1%}) come to a loan. Most are lost at *{worst.name}*: "
        f"{worst['lost']:,.0f}; of those who reach it, it leaves {worst['share_of_step']:.1%} "
        f"({worst['share_low']:.1%} to {worst['share_high']:.1%})."
    )
    unknown = int(table["unknown"].sum())
    if unknown:
        text += (
            f" {unknown:,} would get an offer whom the old policy made none: whether they take it "
            "nobody knows, and they are not among those with a loan."
        )
    return text


def _funnel(
    code: np.ndarray, asked: np.ndarray, paid: np.ndarray, steps: list[str], level: float
) -> pd.DataFrame:
    n = len(code)
    lost = np.bincount(code + 1, minlength=len(LOST_AT) + 1)[1:]
    amounts = np.zeros(len(LOST_AT) + 1, dtype=np.int64)
    np.add.at(amounts, code + 1, asked)
    unseen = LOST_AT.index("unknown")
    rows, left, amount = {}, n, int(asked.sum())
    rows["applied"] = (n, 0, 0, amount / n / 100 if n else np.nan)
    for step in steps:
        at = LOST_AT.index(step)
        # those without an offer in the past are lost from sight at the first step behind it
        is_first = step == steps[steps.index("offer") + 1]
        unknown = int(lost[unseen]) if is_first else 0
        left -= int(lost[at]) + unknown
        amount -= int(amounts[at + 1]) + (int(amounts[unseen + 1]) if is_first else 0)
        money = int(paid[code < 0].sum()) if step == "disbursed" else amount
        rows[step] = (left, int(lost[at]), unknown, money / left / 100 if left else np.nan)
    names = ["applications", "lost", "unknown", "ticket_amount"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=names)
    base = (table["applications"] + table["lost"]).to_numpy(float)
    base[0] = 0
    of_step = np.divide(table["applications"], base, out=np.full(len(base), np.nan), where=base > 0)
    low, high = jeffreys_interval(table["applications"].to_numpy(float), base, level)
    table["share_of_all"] = table["applications"] / n if n else np.nan
    table["share_of_step"] = of_step
    table["share_low"] = np.where(base > 0, low, np.nan)
    table["share_high"] = np.where(base > 0, high, np.nan)
    order = ["applications", "lost", "unknown", "share_of_all", "share_of_step"]
    return table[[*order, "share_low", "share_high", "ticket_amount"]]

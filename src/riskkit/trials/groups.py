"""What the groups of a test did, each beside the control group.

Takes applications and the group each was dealt to; gives a row a group.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import special, stats

from riskkit.chance import (
    MIN_BADS,
    fisher_p_value,
    holm,
    p_text,
    rate_columns,
    rate_text,
    seen_counts,
)
from riskkit.checks import check_level, flag_array, require_columns, same_rows
from riskkit.columns import verbatim
from riskkit.evidence import share_difference
from riskkit.schema import CONTRACT

__all__ = ["CONTROL", "TESTS", "arms_of", "trial_table", "trial_text", "untested_text"]

# what of the applications is read here, besides their outcome
COLUMNS = (
    *("application_id", "applied_at", "approved", "booked"),
    *("offer_apr", "offer_limit", "test_group"),
)
CONTROL, *_arms = CONTRACT["applications"]["test_group"].one_of
TESTS = {what: tuple(arm for arm in _arms if arm.endswith(what)) for what in ("price", "limit")}


def arms_of(applications: pd.DataFrame, what: str) -> pd.Series | None:
    """Groups of one test among the approved: its arms and the control; None where there is none.

    Parameters
    ----------
    applications : DataFrame of shape (n,)
        approved and, where there are tests, test_group as in the data contract.
    what : {"price", "limit"}

    Returns
    -------
    Series of str of shape (n,), or None
        Missing where in no group of this test. None without an arm, and without a control group.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> dealt = {"approved": True, "test_group": ["control", "lower price", "lower limit", None]}
    >>> arms_of(pd.DataFrame(dealt), "price").tolist()
    ['control', 'lower price', nan, nan]
    """
    if what not in TESTS:
        raise ValueError(f"what must be one of {', '.join(TESTS)}, got {what!r}")
    if "test_group" not in applications:
        return None
    require_columns(applications, ["approved"], "applications")
    group = applications["test_group"].where(applications["approved"].astype(bool))
    group = group.where(group.isin([CONTROL, *TESTS[what]]))
    has_both = (group == CONTROL).any() and group.isin(TESTS[what]).any()
    return group if has_both else None


def untested_text(applications: pd.DataFrame) -> str:
    """What no test at random tells of price and of limit, as Markdown; empty where both are tested.

    Parameters
    ----------
    applications : DataFrame
        As for :func:`arms_of`.

    Source
    ------
    riskkit definition.
    """
    return " ".join(trial_text(None, what) for what in TESTS if arms_of(applications, what) is None)


def trial_table(
    applications: pd.DataFrame,
    group: pd.Series,
    *,
    control: str | None = None,
    score: pd.Series | np.ndarray | None = None,
    profit_amount: pd.Series | np.ndarray | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Take-up, bad rate and profit of each test group, beside the control group.

    Parameters
    ----------
    applications : DataFrame of shape (n,)
        approved, booked, default_flag.
    group : Series of shape (n,)
        To which group each was dealt: a price, a limit, a text. Missing: in no test.
    control : str, optional
        By default the largest group.
    score : array of shape (n,), optional
        Known before the dealing; its `balance_p_value` says whether the groups can have been dealt
        at random.
    profit_amount : array of shape (n,), optional
        In units of the currency, missing where not known.
    level : float

    Returns
    -------
    DataFrame, index group, the control first
        applications, approved, booked; take_up_rate (booked ÷ approved) with _low and _high, and
        take_up_difference (against control) with _low, _high and take_up_p_value; loans, bad,
        bad_rate with _low and _high, bad_difference with _low, _high and bad_p_value (Fisher's
        exact test); with `profit_amount` profit_per_loan_amount and profit_difference_amount with
        profit_difference_low, _high and profit_p_value (Welch); all p-values after Holm over groups
        and measures. balance_p_value, the same in every row (Kruskal, Wallis over all groups), NaN
        without score.

    Raises
    ------
    ValueError
        The control is no group, or there is only one; somebody is booked but not approved.

    Source
    ------
    Newcombe (1998), Statistics in Medicine 17(8), method 10; Welch (1947), Biometrika 34;
    Kruskal, Wallis (1952), JASA 47; Holm (1979), Scandinavian Journal of Statistics 6(2).
    """
    check_level(level)
    require_columns(applications, ["approved", "booked", "default_flag"], "applications")
    same_rows(applications=applications, group=group, score=score, profit_amount=profit_amount)
    names = [str(name) for name in group.dropna().astype("str").value_counts().index]
    if len(names) < 2:
        raise ValueError(f"a test needs at least two groups, found {names}")
    approved, booked = (
        flag_array(applications[name], name, len(applications)) for name in ("approved", "booked")
    )
    unapproved = booked & ~approved
    if unapproved.any():
        raise ValueError(f"who is booked was approved; {int(unapproved.sum())} rows say otherwise")
    first = names[0] if control is None else control
    if first not in names:
        raise ValueError(f"control must be one of the groups {names}, got {control!r}")
    told = group.astype("str").where(group.notna())
    ordered = [first, *(name for name in names if name != first)]
    members = {name: (told == name).to_numpy(bool) for name in ordered}
    money = None if profit_amount is None else np.asarray(profit_amount, dtype=float)
    rows = {
        name: _row(applications, rows, members[first], money, level, is_control=name == first)
        for name, rows in members.items()
    }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("group")
    tested = [name for name in table if str(name).endswith("_p_value")]
    table[tested] = holm(table[tested].to_numpy(float).ravel()).reshape(len(table), len(tested))
    balance = np.nan
    if score is not None:
        points = np.asarray(score, dtype=float)
        parts = [points[rows & ~np.isnan(points)] for rows in members.values()]
        if all(len(part) for part in parts) and len(np.unique(np.concatenate(parts))) > 1:
            balance = float(stats.kruskal(*parts).pvalue)
    return table.assign(balance_p_value=balance)


def _row(
    applications: pd.DataFrame,
    rows: np.ndarray,
    control: np.ndarray,
    money: np.ndarray | None,
    level: float,
    *,
    is_control: bool,
) -> dict[str, Any]:
    n = len(applications)
    approved, booked = (flag_array(applications[k], k, n) for k in ("approved", "booked"))
    flag = applications["default_flag"].to_numpy(float)
    counts = [int((booked & part).sum()) for part in (rows, control)]
    sizes = [int((approved & part).sum()) for part in (rows, control)]
    (bad, loans), (other_bad, others) = seen_counts(flag, rows), seen_counts(flag, control)
    row: dict[str, Any] = {
        "applications": int(rows.sum()),
        "approved": sizes[0],
        "booked": counts[0],
        **rate_columns(counts[0], sizes[0], "take_up", level),
        **_difference("take_up", counts, sizes, level, is_control),
        "loans": loans,
        "bad": bad,
        **rate_columns(bad, loans, "bad", level),
        **_difference("bad", [bad, other_bad], [loans, others], level, is_control),
    }
    if money is not None:
        ours, theirs = (money[part & ~np.isnan(money)] for part in (rows, control))
        row["profit_per_loan_amount"] = ours.mean() if len(ours) else np.nan
        row |= _profit_difference(ours, theirs, level, is_control)
    return row


def _difference(
    name: str, counts: list[int], sizes: list[int], level: float, is_control: bool
) -> dict[str, float]:
    ends = [f"{name}_difference{end}" for end in ("", "_low", "_high")]
    if is_control or not min(sizes):
        return dict.fromkeys([*ends, f"{name}_p_value"], np.nan)
    share, other, low, high = share_difference(counts, sizes, level)
    p_value = fisher_p_value(counts[0], sizes[0], counts[1], sizes[1])
    told = dict(zip(ends, (share - other, low, high), strict=True))
    return {**told, f"{name}_p_value": p_value}


def _profit_difference(
    ours: np.ndarray, theirs: np.ndarray, level: float, is_control: bool
) -> dict[str, float]:
    names = [f"profit_{end}" for end in ("difference_amount", "difference_low", "difference_high")]
    if is_control or min(len(ours), len(theirs)) < 2:
        return dict.fromkeys([*names, "profit_p_value"], np.nan)
    gap = float(ours.mean() - theirs.mean())
    error = float(np.sqrt(ours.var(ddof=1) / len(ours) + theirs.var(ddof=1) / len(theirs)))
    half = float(special.ndtri(0.5 + level / 2)) * error
    p_value = float(stats.ttest_ind(ours, theirs, equal_var=False).pvalue) if error else np.nan
    return {
        **dict(zip(names, (gap, gap - half, gap + half), strict=True)),
        "profit_p_value": p_value,
    }


def trial_text(table: pd.DataFrame | None, what: str) -> str:
    """What the test groups teach, as Markdown; that nothing can be learnt where there are none.

    Parameters
    ----------
    table : DataFrame or None
        Of :func:`trial_table` at its usual level; None: nobody was dealt to a group.
    what : str
        What was tested, such as "limit".

    Source
    ------
    riskkit definition.
    """
    if table is None:
        return (
            f"There is no test group of the {what}: whoever has another {what} was chosen for it, "
            "so what became of them is **selection**, and shows no effect."
        )
    control = verbatim(table.index[0])
    balance = table["balance_p_value"].iloc[0]
    text = ""
    if balance < 0.05:
        text = (
            f"**The groups were not dealt at random**: their scores differ ({p_text(balance)}), so "
            "differences below are selection as well as effect.\n\n"
        )
    elif pd.isna(balance):
        text = "Whether the groups were dealt at random cannot be checked without a score.\n\n"
    lines = []
    for name, row in table.iloc[1:].iterrows():
        parts = [_measure(row, "take_up", "take-up")]
        bads = sorted([row["bad"], table["bad"].iloc[0]])
        is_clear = row["bad_p_value"] < 0.05
        few = bads[1] < MIN_BADS or (bads[0] < MIN_BADS and not is_clear)
        parts.append(
            f"bad rate {rate_text(row['bad'], row['loans'])}, too few to say"
            if few
            else _measure(row, "bad", "bad rate")
        )
        lines.append(f"- *{verbatim(name)}* against *{control}*: {'; '.join(parts)}.")
    return text + "\n".join(lines)


def _measure(row: pd.Series, name: str, words: str) -> str:
    value = row[f"{name}_difference"]
    if pd.isna(value):
        return f"{words} not known"
    low, high = row[f"{name}_difference_low"], row[f"{name}_difference_high"]
    is_clear = row[f"{name}_p_value"] < 0.05
    verdict = "**beyond chance**" if is_clear else "cannot be told from chance"
    return (
        f"{words} {100 * value:+.1f} points ({100 * low:+.1f} to {100 * high:+.1f}), {verdict} "
        f"({p_text(row[f'{name}_p_value'])} after Holm)"
    )

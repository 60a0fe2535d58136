"""What became of those whose limit moved.

Takes applications, or moves and the monthly panel; gives bads by what became of the limit. Without
a random test group no difference is an effect.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from riskkit import metrics
from riskkit.chance import fisher_p_value, p_text
from riskkit.checks import check_level, require_columns
from riskkit.credit_limits.moves import MOVES

__all__ = ["after_moves", "limit_outcomes", "limit_outcomes_text", "moved_limits"]

FEWEST_BAD = 30
SIGNIFICANT = 0.05


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
        move, bad (1 or 0). Attributes ``month`` (of the moves), ``months`` and ``late``: how many
        accounts of each move do not count, being more than `dpd` days past due already.

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
    found = pd.DataFrame({"move": at_month.loc[accounts, "move"], "bad": bad})
    late = at_month.loc[~at_month.index.isin(accounts), "move"].value_counts()
    late_of = {name: int(late.get(name, 0)) for name in MOVES}
    found.attrs = {"month": str(month)[:7], "months": months, "late": late_of}
    return found


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
        (fewer than 30 bads: too few to say); expected_bad and expected_rate over the same loans,
        where known. Attributes as `moves` has them.
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
            rows[name]["expected_rate"] = known["expected"].mean()
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("move")
    bad, loans = (table[column].to_numpy(float) for column in ("bad", "loans"))
    ends = metrics.jeffreys_interval(bad, loans, level)
    for place, (end, values) in enumerate(zip(("low", "high"), ends, strict=True)):
        table.insert(4 + place, f"bad_{end}", np.where(table["loans"] > 0, values, np.nan))
    table.attrs = dict(moves.attrs)
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
    return (
        f"{_judged_text(outcomes)}Turned bad, by what became of the limit: {'; '.join(told)}. "
        f"{_expected_text(outcomes)}{_difference_text(outcomes)}"
    )


def _judged_text(outcomes: pd.DataFrame) -> str:
    """Which accounts are judged, and why not all."""
    accounts, loans = int(outcomes["accounts"].sum()), int(outcomes["loans"].sum())
    about = outcomes.attrs
    if "month" in about:
        return (
            f"Judged are the moves of one month, {about['month']}, the latest that was watched for "
            f"{about['months']} months after, so that each of {accounts:,} accounts counts once. "
            f"{_late_text(about['late'])}"
        )
    if loans == accounts:
        return ""
    return f"Of {accounts:,} such loans {loans:,} have a known outcome; the others have none yet. "


def _late_text(late: dict[str, int]) -> str:
    told = ", ".join(f"{n:,} {name}" for name, n in late.items() if n)
    return f"Too late already to be judged: {told}. " if told else ""


def _expected_text(outcomes: pd.DataFrame) -> str:
    if "expected_rate" not in outcomes:
        return ""
    known = outcomes[outcomes["loans"] > 0]
    told = "; ".join(f"{name} {row['expected_rate']:.1%}" for name, row in known.iterrows())
    return f"Their grades let expect: {told}. "


def _difference_text(outcomes: pd.DataFrame) -> str:
    """Whether raised and cut differ, and why that is no effect of the limit."""
    raised, cut = outcomes.loc["raised"], outcomes.loc["cut"]
    counts = [int(row[name]) for row in (raised, cut) for name in ("bad", "loans")]
    p_value = fisher_p_value(counts[0], counts[1], counts[2], counts[3])
    if np.isnan(p_value):
        return "Raised and cut cannot be compared: one of them has no known outcome."
    if p_value > SIGNIFICANT:
        text = f"Raised and cut do not differ beyond chance ({p_text(p_value)})."
    else:
        less = "less" if raised["bad_rate"] < cut["bad_rate"] else "more"
        text = f"The raised failed {less} often than the cut, beyond chance ({p_text(p_value)})."
    return (
        f"{text} As long as no limits move at random, a difference, or none, shows **selection** "
        "as much as what a limit does."
    )

"""The limits as they would be granted, beside today's: who gets more, and what bounds a limit.

Takes applicants, the table of limits and what they have today; gives a row a grade.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtri

from riskkit.checks import check_level, same_rows
from riskkit.columns import verbatim

__all__ = [
    "granted_findings",
    "granted_limits",
    "granted_table",
    "granted_text",
    "limit_bound",
]

NOT_KNOWN, TOO_LOW, NO_LIMIT = "income not known", "income too low", "no limit in the table"
INCOME, LARGEST, TABLE = "income", "largest ever lent", "table"
ALL = "all"
MATERIAL = 0.10  # of today's mean limit: a change worth a finding


def granted_limits(applicants: pd.DataFrame, chosen: pd.DataFrame, smallest: float) -> pd.Series:
    """Limit of each applicant: of grade and income band, but no more than the income carries.

    Parameters
    ----------
    applicants : DataFrame of shape (n,)
        grade, income_band and principal_amount, as for :func:`limit_options`.
    chosen : DataFrame, index (grade, income_band)
        Of :func:`choose_limits`.
    smallest : float
        The smallest level above 0: who could borrow less gets nothing, and so much is what an
        income that nobody knows carries.

    Returns
    -------
    Series, index of `applicants`
        Units of the currency; 0 where nothing is lent, or the table has no such cell.
    """
    limit = np.fmin(
        _of_table(applicants, chosen, "limit_amount"),
        applicants["principal_amount"].fillna(smallest).to_numpy(float),
    )
    return pd.Series(
        np.where(limit >= smallest, limit, 0.0), index=applicants.index, name="limit_amount"
    )


def _of_table(applicants: pd.DataFrame, chosen: pd.DataFrame, column: str) -> np.ndarray:
    """A column of the table for each applicant; 0 where the table has no such cell."""
    cell = pd.MultiIndex.from_arrays(
        [applicants["grade"], applicants["income_band"].astype(object)]
    )
    values = chosen[column]
    values.index = pd.MultiIndex.from_arrays(
        [values.index.get_level_values(0), values.index.get_level_values(1).astype(object)]
    )
    found: np.ndarray = values.reindex(cell).fillna(0.0).to_numpy(float)
    return found


def limit_bound(applicants: pd.DataFrame, chosen: pd.DataFrame, smallest: float) -> pd.Series:
    """What bounds each applicant's limit, or why there is none.

    Parameters
    ----------
    applicants, chosen, smallest
        As for :func:`granted_limits`.

    Returns
    -------
    Series of categories, index of `applicants`
        Of a limit: "income" (it carries no more), "largest ever lent" (to the grade) or "table"
        (its level, below both). Where there is none: "income not known", "income too low" (it
        carries less than the smallest limit) or "no limit in the table" (none pays within the
        budget).
    """
    level, carried = _of_table(applicants, chosen, "limit_amount"), applicants["principal_amount"]
    seen = _of_table(applicants, chosen, "seen_amount") if "seen_amount" in chosen else np.inf
    granted = granted_limits(applicants, chosen, smallest).to_numpy() > 0
    kinds = {
        INCOME: granted & (carried.fillna(smallest).to_numpy(float) <= level),
        LARGEST: granted & (level >= seen),
        TABLE: granted,
        NOT_KNOWN: carried.isna().to_numpy(),
        TOO_LOW: carried.to_numpy(float) < smallest,
    }
    words = np.select([*kinds.values()], [*kinds], NO_LIMIT)
    return pd.Series(
        pd.Categorical(words, [*kinds, NO_LIMIT]), index=applicants.index, name="bound"
    )


def granted_table(
    applicants: pd.DataFrame,
    chosen: pd.DataFrame,
    today_amount: pd.Series,
    smallest: float,
    *,
    level: float = 0.95,
) -> pd.DataFrame:
    """Limits as they would be granted, by grade, beside today's.

    Parameters
    ----------
    applicants : DataFrame of shape (n,)
        As for :func:`granted_limits`, with amount (asked for, units of the currency).
    chosen : DataFrame
        Of :func:`choose_limits`.
    today_amount : Series, index of `applicants`
        Today's limit, units of the currency; 0 or missing: none.
    smallest : float
        As for :func:`granted_limits`.
    level : float
        Confidence level of the intervals, in (0, 1).

    Returns
    -------
    DataFrame, index grade, safest first, then "all"
        applicants; granted (who would have a limit); compared (who have one today and would have
        one), of these today_mean_amount, new_mean_amount, today_median_amount, new_median_amount,
        change_amount (of the means) with change_low, change_high (paired, normal), raised_share,
        cut_share; today_total_amount, new_total_amount (of all applicants); income_share,
        largest_share, table_share (of the granted, by what bounds the limit); asks_more (of them,
        how many ask for more); seen_amount (the most that may be lent to the grade, where bound;
        of all the greatest); alike_amount (mean limit of all applicants, were they of this grade:
        same incomes, debts, prices and terms; NaN of all). A mean of nobody is NaN.

    Raises
    ------
    ValueError
        The indexes differ.

    Source
    ------
    riskkit definition.
    """
    check_level(level)
    same_rows(applicants=applicants, today_amount=today_amount)
    people = pd.DataFrame(
        {
            "grade": applicants["grade"],
            "new": granted_limits(applicants, chosen, smallest),
            "today": today_amount.fillna(0.0).astype(float),
            "bound": limit_bound(applicants, chosen, smallest),
            "asked": applicants["amount"].astype(float),
        }
    )
    grades = [g for g in chosen.index.unique("grade") if (people["grade"] == g).any()]
    rows = {}
    for grade in [*grades, ALL]:
        part = people if grade == ALL else people[people["grade"] == grade]
        rows[grade] = _row(part, level)
        if "seen_amount" in chosen:
            of_grade = chosen if grade == ALL else chosen.xs(grade, level="grade")
            rows[grade]["seen_amount"] = of_grade["seen_amount"].max()
        alike = np.nan
        if grade != ALL:
            alike = granted_limits(applicants.assign(grade=grade), chosen, smallest).mean()
        rows[grade]["alike_amount"] = alike
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("grade")


def _row(part: pd.DataFrame, level: float) -> dict[str, float]:
    both = part[(part["today"] > 0) & (part["new"] > 0)]
    change = both["new"] - both["today"]
    mean, n = change.mean(), len(both)
    half = ndtri((1 + level) / 2) * (change.std() / np.sqrt(n) if n > 1 else np.nan)
    bound = part.loc[part["new"] > 0, "bound"]
    return {
        "applicants": len(part),
        "granted": len(bound),
        "compared": n,
        "today_mean_amount": both["today"].mean(),
        "new_mean_amount": both["new"].mean(),
        "today_median_amount": both["today"].median(),
        "new_median_amount": both["new"].median(),
        "change_amount": mean,
        "change_low": mean - half,
        "change_high": mean + half,
        "raised_share": (change > 0).mean() if n else np.nan,
        "cut_share": (change < 0).mean() if n else np.nan,
        "today_total_amount": part["today"].sum(),
        "new_total_amount": part["new"].sum(),
        "income_share": (bound == INCOME).mean(),
        "largest_share": (bound == LARGEST).mean(),
        "table_share": (bound == TABLE).mean(),
        "asks_more": int((part["asked"] > part["new"])[part["new"] > 0].sum()),
    }


def granted_text(table: pd.DataFrame, currency: str) -> str:
    """Sentences on what the limits change, and on what decides them, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`granted_table`.
    currency : str
    """
    unit, total, each = verbatim(currency), table.loc[ALL], table.drop(index=ALL)
    text = ""
    if total["compared"]:
        told = "; ".join(
            f"{verbatim(grade)} {row['today_mean_amount']:,.0f} to {row['new_mean_amount']:,.0f}"
            for grade, row in each[each["compared"] > 0].iterrows()
        )
        change = total["new_total_amount"] / total["today_total_amount"] - 1
        text += (
            f"Of {total['compared']:,.0f} who have a limit today and would have one, "
            f"{total['raised_share']:.0%} get a higher one and {total['cut_share']:.0%} a lower "
            f"one; on average, from today to then, {told} {unit}. All limits together go from "
            f"{total['today_total_amount']:,.0f} to {total['new_total_amount']:,.0f} {unit} "
            f"({change:+.1%}). "
        )
    n = total["granted"]
    parts = [(total["table_share"], "the table itself"), (total["income_share"], "the income")]
    if "seen_amount" in table:
        parts.append((total["largest_share"], "the largest amount ever lent to the grade"))
    decides = "; ".join(
        f"{words} {'**nobody**' if not n or share == 0 else f'{share * n:,.0f} ({share:.1%})'}"
        for share, words in parts
    )
    text += f"What bounds the {n:,.0f} limits: {decides}"
    asks = int(total["asks_more"])
    text += f". {asks:,} of {total['applicants']:,.0f} ask for more than they may borrow. "
    if "seen_amount" in table:
        seen = "; ".join(f"{verbatim(g)} {x:,.0f}" for g, x in each["seen_amount"].items())
        text += (
            f"Larger amounts than these were never lent, so nobody knows how they are repaid, and "
            f"no limit goes beyond: {seen} {unit}. "
        )
    alike = each["alike_amount"]
    text += (
        "At equal income, debts, price and term a riskier grade is never granted more: were all "
        f"applicants of one grade, their mean limit would be {alike.iloc[0]:,.0f} {unit} of "
        f"{verbatim(alike.index[0])} and {alike.iloc[-1]:,.0f} of {verbatim(alike.index[-1])}. "
        "The means of the grades differ otherwise, as their incomes, debts and terms do."
        if len(each)
        else ""
    )
    return text.strip()


def granted_findings(table: pd.DataFrame) -> list[tuple[str, str, bool]]:
    """Findings on limits that rise where no loan tells how that ends: (topic, text, whether red).

    Amber where the mean limit of a grade rises by a tenth or more, beyond chance.

    Parameters
    ----------
    table : DataFrame
        Of :func:`granted_table`.
    """
    each = table.drop(index=ALL)
    rises = each[
        (each["change_low"] > 0) & (each["change_amount"] >= MATERIAL * each["today_mean_amount"])
    ]
    if rises.empty:
        return []
    told = ", ".join(
        f"{grade} {row['change_amount'] / row['today_mean_amount']:+.0%} "
        f"({row['change_low'] / row['today_mean_amount']:+.0%} to "
        f"{row['change_high'] / row['today_mean_amount']:+.0%})"
        for grade, row in rises.iterrows()
    )
    total = table.loc[ALL]
    text = (
        f"mean limits rise from today's: {told}; incomes bound {total['income_share']:.0%} of all "
        f"limits, the table of limits {total['table_share']:.0%}"
    )
    return [("Limits", text, False)]

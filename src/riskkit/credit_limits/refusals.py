"""Who is approved, has a price, and still gets nothing for the income: how many, of which group.

Takes what bounds each limit and the protected groups; gives a row a reason and group, and words.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from riskkit import evidence
from riskkit.chance import fisher_p_value, holm, rate_columns
from riskkit.checks import check_level, same_rows
from riskkit.columns import verbatim
from riskkit.credit_limits.granted import NOT_KNOWN, TOO_LOW

__all__ = ["refusal_findings", "refusal_text", "refusals_by_group"]

REASONS = (NOT_KNOWN, TOO_LOW)
ALL = ("all", "all")
SIGNIFICANT = 0.05


def refusals_by_group(
    bound: pd.Series, groups: pd.DataFrame, *, min_rows: int = 30, level: float = 0.95
) -> pd.DataFrame:
    """How many of each protected group are approved and get nothing for their income.

    Parameters
    ----------
    bound : Series of shape (n,)
        Of :func:`limit_bound`, of applicants who are approved and have a price.
    groups : DataFrame of shape (n, n_attributes)
        Of :func:`riskkit.evidence.protected_groups`, of the same rows.
    min_rows : int
        Smaller groups are not compared.
    level : float
        Confidence level of the intervals, in (0, 1).

    Returns
    -------
    DataFrame, index (reason, attribute, group)
        For each reason first ("all", "all"): applicants, refused, refused_rate with
        refused_rate_low and refused_rate_high (Jeffreys); others_rate (of the others of the
        attribute), adjusted_p_value (Fisher's exact test against them, two-sided; Holm, over all
        groups and both reasons), beyond_chance (it is at most .05).

    Raises
    ------
    ValueError
        The indexes differ.

    Source
    ------
    Fisher (1935), The Design of Experiments; Holm (1979), Scandinavian Journal of Statistics 6.
    """
    check_level(level)
    same_rows(bound=bound, groups=groups)
    rows = {}
    for reason in REASONS:
        refused = (bound == reason).to_numpy()
        rows[reason, *ALL] = _counted(refused, np.ones(len(refused), dtype=bool), level)
        for attribute in groups.columns:
            column = groups[attribute].astype("category")
            told = column.notna().to_numpy()
            for group in column.cat.categories:
                here = (column == group).to_numpy()
                if not here.any():
                    continue
                row = _counted(refused, here, level)
                others = told & ~here
                if min(here.sum(), others.sum()) >= min_rows:
                    counts = int(refused[others].sum()), int(others.sum())
                    row["others_rate"] = counts[0] / counts[1]
                    row["p_value"] = fisher_p_value(
                        int(row["refused"]), int(row["applicants"]), counts[0], counts[1]
                    )
                rows[reason, attribute, group] = row
    table = pd.DataFrame.from_dict(rows, orient="index", columns=COLUMNS)
    # where nobody is compared, too, these are numbers
    table = table.astype({"others_rate": float, "p_value": float})
    table.index = pd.MultiIndex.from_tuples([*rows], names=["reason", "attribute", "group"])
    table["adjusted_p_value"] = holm(table.pop("p_value"))
    table["beyond_chance"] = table["adjusted_p_value"] <= SIGNIFICANT
    return table


COLUMNS = (
    *("applicants", "refused", "refused_rate", "refused_rate_low", "refused_rate_high"),
    *("others_rate", "p_value"),
)


def _counted(refused: np.ndarray, here: np.ndarray, level: float) -> dict[str, float]:
    n, out = int(here.sum()), int(refused[here].sum())
    return {"applicants": n, "refused": out, **rate_columns(out, n, "refused", level)}


def refusal_text(table: pd.DataFrame) -> str:
    """Sentences on who is approved and gets nothing for the income, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`refusals_by_group`.
    """
    told = _heavier(table)
    text = f"{_counts(table)}. "
    if told:
        return text + f"More often than others, beyond chance: {verbatim('; '.join(told))}."
    if table["adjusted_p_value"].notna().any():
        return text + "No protected group is refused so more often than others, beyond chance."
    return text + "No protected group could be compared."


def refusal_findings(table: pd.DataFrame) -> list[tuple[str, str, bool]]:
    """Findings on who gets nothing for the income: (topic, text, whether red), all amber.

    Parameters
    ----------
    table : DataFrame
        Of :func:`refusals_by_group`.
    """
    if not sum(_refused(table, reason) for reason in REASONS):
        return []
    told = _heavier(table)
    more = f"; more often than others, beyond chance: {'; '.join(told)}" if told else ""
    return [("No limit", f"{_counts(table)}{more}".replace("**", ""), False)]


def _refused(table: pd.DataFrame, reason: str) -> int:
    return int(table.at[(reason, *ALL), "refused"])


def _counts(table: pd.DataFrame) -> str:
    """How many get nothing, and why."""
    everybody = int(table.at[(NOT_KNOWN, *ALL), "applicants"])
    unknown, low = (_refused(table, reason) for reason in REASONS)
    rate = rate_columns(unknown + low, everybody, "refused", 0.95)
    between = (
        f" ({rate['refused_rate']:.1%}; {rate['refused_rate_low']:.1%} to "
        f"{rate['refused_rate_high']:.1%})"
        if everybody
        else ""
    )
    return (
        f"**{unknown + low:,}** of {everybody:,} who are approved and have a price{between} get "
        f"nothing for their income: of {unknown:,} it is not known, of {low:,} it carries less "
        "than the smallest limit"
    )


def _heavier(table: pd.DataFrame) -> Sequence[str]:
    """Groups that a reason refuses more often than the others of their attribute."""
    rows = table[table["beyond_chance"] & (table["refused_rate"] > table["others_rate"])]
    return [
        f"{evidence.group_text(attribute, group)} {row['refused_rate']:.1%} "
        f"({row['refused_rate_low']:.1%} to {row['refused_rate_high']:.1%}; others "
        f"{row['others_rate']:.1%}), {reason}"
        for (reason, attribute, group), row in rows.iterrows()
    ]

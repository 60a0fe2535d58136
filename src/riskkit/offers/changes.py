"""Who pays more than today, who less, and whose price of today the law no longer allows.

Takes applications with their price of today and the new one; gives a row a group, and sentences.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from riskkit.checks import require_columns
from riskkit.columns import verbatim

__all__ = ["price_changes", "price_changes_text"]

SMALLEST = 0.00005  # prices are stated to a hundredth of a percentage point


def price_changes(
    applications: pd.DataFrame,
    by: Sequence[str] = ("grade", "term_months"),
    *,
    cap_apr: float | None = None,
) -> pd.DataFrame:
    """Today's price against the new one, of those who were offered one and are offered one.

    Parameters
    ----------
    applications : DataFrame
        `offer_apr` of today and the new `price`, fractions a year, both all-in, missing where
        nothing is offered; the columns of `by`. Plans without interest count for nothing: a
        merchant pays them.
    by : sequence of str
    cap_apr : float, optional

    Returns
    -------
    DataFrame, index `by`
        `offers`; `old_apr`, `new_apr`, means; `dearer_share`, `cheaper_share`; `above_cap_share`,
        of today's prices, NaN without a cap. A group without such offers is no row. They are all
        there are, and no sample: no figure has an interval.

    Raises
    ------
    DataContractError
        A missing column.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> asked = pd.DataFrame({"grade": ["A", "A", "B"], "offer_apr": [0.18, 0.26, None],
    ...     "price": [0.20, 0.20, 0.24]})
    >>> price_changes(asked, ["grade"], cap_apr=0.24).loc["A"].round(3).tolist()
    [2.0, 0.22, 0.2, 0.5, 0.5, 0.5]
    """
    require_columns(applications, [*by, "offer_apr", "price"], "applications")
    had = applications[(applications["offer_apr"] > 0) & applications["price"].notna()]
    old, new = had["offer_apr"].astype(float), had["price"].astype(float)
    each = had[[*by]].assign(
        offers=1,
        old_apr=old,
        new_apr=new,
        dearer_share=new - old > SMALLEST,
        cheaper_share=old - new > SMALLEST,
        above_cap_share=np.nan if cap_apr is None else (old - cap_apr > SMALLEST).astype(float),
    )
    grouped = each.groupby([*by], observed=True)
    table = grouped[["old_apr", "new_apr", "dearer_share", "cheaper_share"]].mean()
    table.insert(0, "offers", grouped.size())
    return table.assign(above_cap_share=grouped["above_cap_share"].mean())


def price_changes_text(table: pd.DataFrame, *, cap_apr: float | None = None) -> str:
    """Sentences on who pays more than today and what of today's prices is above the cap, Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`price_changes` by one column, such as the grade.
    cap_apr : float, optional

    Source
    ------
    riskkit definition.
    """
    if table.empty:
        return "Nobody who is offered a price now was offered one before."
    n = table["offers"]
    old, new, dearer, cheaper, above = (
        float(np.average(table[name], weights=n))
        for name in ("old_apr", "new_apr", "dearer_share", "cheaper_share", "above_cap_share")
    )
    text = (
        f"Of {n.sum():,} who were offered a price before and are offered one now, **{dearer:.1%} "
        f"pay more** and {cheaper:.1%} less; on average it was {old:.1%} a year and is {new:.1%}."
    )
    if cap_apr is not None:
        text += (
            f" **{above:.1%} of today's prices lie above the cap** of {cap_apr:.2%} and could not "
            "be offered again: what they earned is no measure of what the new ones may earn."
        )
    change = table["new_apr"] - table["old_apr"]
    for rows, word in (
        (table[change > SMALLEST].sort_values("dearer_share", ascending=False), "Dearer"),
        (table[change < -SMALLEST].sort_values("cheaper_share", ascending=False), "Cheaper"),
    ):
        if len(rows):
            share = "dearer_share" if word == "Dearer" else "cheaper_share"
            told = "; ".join(
                f"{verbatim(name)} from {row['old_apr']:.1%} to {row['new_apr']:.1%} "
                f"({row[share]:.0%} pay {'more' if word == 'Dearer' else 'less'})"
                for name, row in rows.iterrows()
            )
            text += f" {word} on average: {told}."
    return text

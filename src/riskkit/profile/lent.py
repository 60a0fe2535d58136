"""What was lent at each score.

Takes applications, in one frame or in parts; gives amounts that any grades add up.
"""

from __future__ import annotations

from functools import partial

import pandas as pd

from riskkit.partitions import total
from riskkit.tables import Table

__all__ = ["lent_by_score"]


def lent_by_score(applications: pd.DataFrame | Table, score: str) -> pd.DataFrame:
    """What was lent at each score, by term, so that it can be told by any grade.

    Parameters
    ----------
    applications : DataFrame or Table
        The score, term_months, booked, and booked_amount, or else amount.
    score : str
        Its column.

    Returns
    -------
    DataFrame
        The score, term_months, amount (minor units); booked loans only.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> loans = pd.DataFrame({"points": [600, 600], "term_months": 6, "booked": True,
    ...     "amount": [500, 700]})
    >>> lent_by_score(loans, "points").values.tolist()
    [[600, 6, 1200]]
    """
    lent = "booked_amount" if "booked_amount" in applications.columns else "amount"
    of_score = partial(_lent, score=score, amount=lent)
    columns = [score, "term_months", "booked", lent]
    return total(of_score, applications, columns=columns).reset_index()


def _lent(applications: pd.DataFrame, score: str, amount: str) -> pd.DataFrame:
    booked = applications[applications["booked"].to_numpy(bool)].dropna(subset=[amount])
    sums = booked.groupby([score, "term_months"])[amount].sum()
    return sums.rename("amount").to_frame()

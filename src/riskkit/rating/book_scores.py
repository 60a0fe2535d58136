"""Scores of the loans by whose course grades are judged: those of the commonest term.

Takes the scores of all applications; gives a lookup of the score of each such loan.
"""

from __future__ import annotations

from functools import partial

import pandas as pd

from riskkit.loan_values import LoanValues
from riskkit.partitions import collected, total
from riskkit.tables import Table

__all__ = ["scores_of_commonest_term"]


def scores_of_commonest_term(scores: pd.DataFrame | Table, model: str) -> tuple[int, LoanValues]:
    """The term that most loans have, in months, and the score of each loan of it.

    Parameters
    ----------
    scores : DataFrame or Table
        application_id, booked (bool), term_months, and the model's score. Of terms equally common,
        the shortest.
    model : str

    Returns
    -------
    int, LoanValues

    Raises
    ------
    ValueError
        No loan was booked.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> scores = pd.DataFrame({"application_id": ["a", "b", "c"], "booked": [True, True, False],
    ...     "term_months": [12, 6, 6], "scorecard": [600, 610, 620]})
    >>> term, known = scores_of_commonest_term(scores, "scorecard")
    >>> term, known.of(pd.Series(["b", "a"])).tolist()
    (6, [610.0, nan])
    """
    terms = total(_terms, scores, columns=["booked", "term_months"])["n"]
    if terms.empty:
        raise ValueError("no loan was booked")
    term = int(terms.sort_index().idxmax())
    rows = collected(
        partial(_of_term, term=term, model=model),
        scores,
        columns=["application_id", "booked", "term_months", model],
    )
    return term, LoanValues(rows["application_id"], rows[model])


def _terms(scores: pd.DataFrame) -> pd.DataFrame:
    """How many loans have each term."""
    return scores.loc[scores["booked"], "term_months"].value_counts().rename("n").to_frame()


def _of_term(scores: pd.DataFrame, term: int, model: str) -> pd.DataFrame:
    wanted = scores["booked"] & (scores["term_months"] == term)
    return scores.loc[wanted, ["application_id", model]]

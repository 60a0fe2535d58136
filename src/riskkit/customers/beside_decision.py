"""Applications beside what was decided on them, no column of the source overwritten.

Takes applications and decisions; gives both in one table, and the features by the names they then
have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from riskkit.checks import DataContractError, require_columns
from riskkit.schema import Feature

__all__ = ["beside_decision"]

# what is told of an applicant beside the source's own columns
OURS = ("score", "grade", "segment", "price", "limit", "income_band")


def beside_decision(
    applications: pd.DataFrame, decisions: pd.DataFrame, features: Sequence[Feature]
) -> tuple[pd.DataFrame, list[Feature]]:
    """Applications with the score and grade they were decided by.

    Parameters
    ----------
    applications : DataFrame, one row per application
        application_id, and the source's columns. One that has a name of ours (score, grade,
        segment, price, limit, income_band) gets another, such as ``score_of_source``.
    decisions : DataFrame, one row per application
        application_id, score, grade.
    features : sequence of Feature
        The catalogue.

    Returns
    -------
    DataFrame, index of `applications`; list of Feature
        The catalogue with the names that the table has.

    Raises
    ------
    DataContractError
        A column is missing, or the other name is taken, too.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> asked = pd.DataFrame({"application_id": ["a"], "score": [0.3]})
    >>> decided = pd.DataFrame({"application_id": ["a"], "score": [612.0], "grade": ["A1"]})
    >>> beside_decision(asked, decided, [])[0].iloc[0].to_dict()
    {'application_id': 'a', 'score_of_source': 0.3, 'score': 612.0, 'grade': 'A1'}
    """
    require_columns(applications, ["application_id"], "applications")
    require_columns(decisions, ["application_id", "score", "grade"], "decisions")
    other = {name: f"{name}_of_source" for name in OURS if name in applications}
    if taken := [name for name in other.values() if name in applications]:
        raise DataContractError("applications", [f"{name}: the name is taken" for name in taken])
    known = decisions.set_index("application_id").reindex(applications["application_id"])
    people = applications.rename(columns=other)
    people = people.assign(score=known["score"].to_numpy(), grade=known["grade"].to_numpy())
    renamed = [replace(feature, name=other.get(feature.name, feature.name)) for feature in features]
    return people, renamed

"""What a run leaves of every application: what is known of it, and its score by each model.

Takes applications, all or a piece of them, and models; gives the table `scores`.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from riskkit.scoring.score import Model, model_levels

__all__ = ["scored_applications", "scored_columns"]

KNOWN = (
    *("application_id", "applied_at", "amount", "term_months", "approved", "booked"),
    *("default_flag", "sample"),
)


def scored_columns(models: Mapping[str, Model]) -> list[str]:
    """Columns of applications that :func:`scored_applications` asks for, as far as there are any.

    Parameters
    ----------
    models : mapping of str to Scorecard or Challenger
    """
    asked = (name for model in models.values() for name in model_levels(model))
    return list(dict.fromkeys([*KNOWN, *asked]))


def scored_applications(applications: pd.DataFrame, models: Mapping[str, Model]) -> pd.DataFrame:
    """What is known of each application, and its credit score by each model.

    Parameters
    ----------
    applications : DataFrame of shape (n_rows,)
        The models' features, default_flag and sample; no row hangs on another, so that pieces give
        what all rows give.
    models : mapping of str to Scorecard or Challenger
        Name of the column to model.

    Returns
    -------
    DataFrame, index of `applications`
        application_id, applied_at, amount, term_months, approved, booked, default_flag, sample, as
        far as there are any, and a whole number a model.

    Raises
    ------
    ValueError
        A feature of a model is missing.

    Source
    ------
    riskkit definition.
    """
    known = applications.filter(items=list(KNOWN))
    scores = {name: model.credit_score(applications) for name, model in models.items()}
    return known.assign(**scores)

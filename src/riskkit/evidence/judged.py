"""All applications of the time that judges, with what the sections by group ask of them.

Takes scores beside applications, in one frame or in parts; gives the rows that taught no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pandas as pd

from riskkit.evidence.segments import BY_COLUMN, coded_families
from riskkit.partitions import collected
from riskkit.schema import Feature
from riskkit.tables import Table
from riskkit.target import SampleRoles

__all__ = ["judged_applications"]

KNOWN = (
    *("application_id", "applied_at", "sample", "approved", "booked", "default_flag"),
    *("declined_reason", *BY_COLUMN),
)


def judged_applications(
    applications: pd.DataFrame | Table, features: Sequence[Feature], models: Sequence[str]
) -> pd.DataFrame:
    """Those of :func:`riskkit.target.judging_rows`, of all there are.

    Parameters
    ----------
    applications : DataFrame or Table
        All of them: application_id, sample, applied_at where there is an out-of-time sample.
    features : sequence of Feature
        Those protected, and those whose codes make segments, are kept.
    models : sequence of str
        Columns of scores.

    Returns
    -------
    DataFrame
        In the order of the applications: what :func:`segments`, :func:`protected_groups`,
        :func:`fairness_table` and :func:`declines_by_group` ask, as far as the applications have
        it.

    Source
    ------
    riskkit definition.
    """
    names = [f.name for f in features if f.protected]
    for coded, _, _ in coded_families(features, applications.columns).values():
        names += coded
    columns = [n for n in dict.fromkeys([*KNOWN, *models, *names]) if n in applications.columns]
    judging = partial(_judging, roles=SampleRoles.of(applications), columns=columns)
    return collected(judging, applications, columns=columns)


def _judging(rows: pd.DataFrame, roles: SampleRoles, columns: list[str]) -> pd.DataFrame:
    return rows.loc[roles.judging(rows), columns]

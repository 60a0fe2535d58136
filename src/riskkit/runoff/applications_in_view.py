"""The applications of loans that are looked at one by one, and of them what is read.

Takes all applications, of any size; gives those of some loans, and of all that were lent lately.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from riskkit.checks import Array
from riskkit.loan_values import is_among
from riskkit.partitions import collected
from riskkit.runoff.planned_lending import lent_lately
from riskkit.schema import FundingFile
from riskkit.tables import Table, hash_ids

__all__ = ["applications_in_view"]

_KEY = ("application_id", "applied_at", "booked")
# terms of a loan, and what a loan tape tells
_READ = (
    *(*_KEY, "booked_amount", "amount", "term_months"),
    *("offer_apr", "offer_limit", "offer_fee_rate", "product"),
    *("scenario", "region", "partner", "channel", "customer_id", "age"),
)


def applications_in_view(
    applications: pd.DataFrame | Table,
    ids: pd.Index,
    day: pd.Timestamp | str,
    *,
    lookback_months: int,
    file: FundingFile | None = None,
    overlays: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Applications of some loans, and of all that were lent in the last months.

    Parameters
    ----------
    applications : DataFrame or Table
        A Table is read block by block.
    ids : Index
        Such as :func:`riskkit.arrears.loans_in_view`.
    day, lookback_months
        As of :func:`riskkit.runoff.planned_loans`; of applications without dates nobody knows which
        were lately.
    file : FundingFile, optional
    overlays : DataFrame, optional
        Of :func:`riskkit.schema.read_provisions`: columns that their segments name are read, too.

    Returns
    -------
    DataFrame
        In the order of the table, counted from 0: terms, prices, what a loan tape tells, and what
        segments name, as far as there are.

    Source
    ------
    riskkit definition.
    """
    segments = [] if file is None else [block.segment for block in file.stress.values()]
    segments += [] if file is None else [block.segment for block in file.sharing.values()]
    segments += [] if overlays is None else list(overlays["segment"])
    wanted = [*_READ, *(column for segment in segments for column in segment)]
    columns = [name for name in dict.fromkeys(wanted) if name in applications.columns]
    hashes = np.unique(hash_ids(ids))
    keep = partial(_in_view, hashes=hashes, day=day, lookback_months=lookback_months)
    found = collected(keep, applications, columns=columns)
    return found[columns].reset_index(drop=True)


def _in_view(
    applications: pd.DataFrame, hashes: Array, day: pd.Timestamp | str, lookback_months: int
) -> pd.DataFrame:
    wanted = is_among(applications["application_id"], hashes)
    if set(_KEY) <= set(applications.columns):
        wanted[lent_lately(applications, day, lookback_months)] = True
    return applications[wanted]

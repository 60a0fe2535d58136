"""All lights of a portfolio, month by month, from its tables alone.

Takes applications, panel and instalments; gives the colours that monitoring would have shown.
"""

from __future__ import annotations

import pandas as pd

from riskkit.lights.colours import lights_history
from riskkit.lights.signs import join_signs, monthly_signs, share_signs
from riskkit.monitoring import monthly_counts
from riskkit.schema import LimitsFile

__all__ = ["portfolio_lights"]


def portfolio_lights(
    applications: pd.DataFrame,
    performance: pd.DataFrame,
    instalments: pd.DataFrame,
    limits: LimitsFile,
    observed_to: pd.Timestamp | str,
) -> pd.DataFrame:
    """Colour of every light in every month, each told from itself and the months before.

    Parameters
    ----------
    applications, performance, instalments : DataFrame
        Of the data contract; scores and rules are not asked for.
    limits : LimitsFile
    observed_to : date
        Last day seen.

    Returns
    -------
    DataFrame, index (light, month)
        Of :func:`riskkit.lights.lights_history`.

    Raises
    ------
    DataContractError
        A missing column.

    Source
    ------
    riskkit definition.
    """
    tables = {"performance": performance, "instalments": instalments}
    counts = monthly_counts(applications, observed_to=observed_to, **tables)
    shares = share_signs(applications, limits, observed_to)
    return lights_history(join_signs(monthly_signs(counts, observed_to), shares), limits)

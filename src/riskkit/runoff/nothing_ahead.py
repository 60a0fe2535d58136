"""Whether there is anything to follow into the months ahead, and what is lacking for it.

Takes the book of a day, the applications and what is fitted on the past; gives a sentence.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from riskkit.arrears import N_STATES
from riskkit.columns import calendar_months
from riskkit.provisions import LossModel
from riskkit.runoff.daily_lending import LEAST_WEEKS
from riskkit.tables import Table

__all__ = ["nothing_ahead_text"]


def nothing_ahead_text(
    book: pd.DataFrame,
    applications: pd.DataFrame | Table,
    model: LossModel,
    day: pd.Timestamp | str,
    *,
    lookback_months: int,
) -> str:
    """Why the cash of the months ahead cannot be followed, as Markdown; empty where it can.

    It needs a default of the past, that says what one loses; a loan that still has to pay, or one
    lent in the months that new ones are modelled on; and two weeks since the first application.

    Parameters
    ----------
    book : DataFrame
        Of :func:`riskkit.arrears.book_at`.
    applications : DataFrame or Table
        applied_at, booked.
    model : LossModel
        Of :func:`riskkit.provisions.fit_losses`.
    day : Timestamp or str
        Today.
    lookback_months : int
        As of :func:`riskkit.runoff.planned_loans`.

    Source
    ------
    riskkit definition.
    """
    last = pd.Timestamp(day)
    if not isinstance(applications, pd.DataFrame):
        applications = applications.frame(["applied_at", "booked"])
    asked = applications["applied_at"]
    booked = applications["booked"].astype("boolean").fillna(False).to_numpy(bool)
    month = int(calendar_months([last])[0]) - (0 if last.is_month_end else 1)
    lent_in = calendar_months(asked[booked & asked.notna().to_numpy()])
    lately = (lent_in <= month) & (lent_in > month - lookback_months)
    owing = (book["state"] < N_STATES).to_numpy() & (book["balance"] > 0).to_numpy()
    lacking = []
    if np.isnan(model.lgd.at_default["lgd"]):
        lacking.append("no default of the past says what one loses")
    if not owing.any() and not lately.any():
        which = "month" if lookback_months == 1 else f"{lookback_months} months"
        lacking.append(f"no loan still has to pay, and none was lent in the last {which}")
    known = asked[(asked <= last).to_numpy(bool)].dt.normalize()
    n_days = 0 if known.empty else (last.normalize() - known.min()).days + 1
    if n_days < 7 * LEAST_WEEKS:
        least = 7 * LEAST_WEEKS
        lacking.append(f"lending ahead needs {least} days behind, and {n_days} are known")
    return f"**No cash can be followed ahead:** {'; '.join(lacking)}." if lacking else ""

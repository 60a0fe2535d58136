"""Who comes back: the share of borrowers who apply again, and borrow again, within a year.

Takes applications and what to tell borrowers apart by; gives a row a group.
"""

from __future__ import annotations

import pandas as pd

from riskkit.checks import check_level, require_columns
from riskkit.columns import among
from riskkit.customers.segments import rate_interval

__all__ = ["retention"]

FEWEST_RETURNED = 30


def retention(
    applications: pd.DataFrame,
    observed_to: pd.Timestamp,
    by: pd.Series,
    *,
    within_days: int = 365,
    level: float = 0.95,
) -> pd.DataFrame:
    """Share of borrowers who come back within a year, of those watched for a whole year.

    Parameters
    ----------
    applications : DataFrame of shape (n,)
        customer_id, applied_at, booked.
    observed_to : Timestamp
        The last day seen.
    by : Series, index of `applications`
        Segment, grade or the like, of a customer's first loan.
    within_days : int
        Days within which a return counts; of borrowers seen for fewer, nothing is said.
    level : float
        Confidence level of the intervals, in (0, 1).

    Returns
    -------
    DataFrame, index the values of `by`
        customers (with a first loan so long ago), returned, return_rate, return_low, return_high
        (Jeffreys; who applied again), rebooked_rate (who took another loan), rebooked_low,
        rebooked_high, too_few (fewer than 30 came back).

    Raises
    ------
    ValueError
        `within_days` is below 1.
    """
    check_level(level)
    if within_days < 1:
        raise ValueError(f"within_days must be >= 1, got {within_days!r}")
    require_columns(applications, ["customer_id", "applied_at", "booked"], "applications")
    columns = ["customer_id", "applied_at", "booked"]
    asked = applications[columns].assign(by=by).sort_values("applied_at", kind="stable")
    first = asked[asked["booked"]].drop_duplicates("customer_id").set_index("customer_id")
    first = first[first["applied_at"] <= observed_to - pd.Timedelta(days=within_days)]
    start = first["applied_at"].reindex(asked["customer_id"]).set_axis(asked.index)
    after = (asked["applied_at"] - start).dt.days
    again = asked[(after > 0) & (after <= within_days)]
    first["returned"] = among(first.index, again["customer_id"])
    first["rebooked"] = among(first.index, again.loc[again["booked"], "customer_id"])
    rows = {}
    for value, part in first.groupby("by", observed=True, sort=True):
        n, returned = len(part), float(part["returned"].sum())
        rebooked = float(part["rebooked"].sum())
        low, high = rate_interval(returned, n, level)
        rows[value] = {
            "customers": n,
            "returned": int(returned),
            "return_rate": returned / n,
            "return_low": low,
            "return_high": high,
            "rebooked_rate": rebooked / n,
        }
        rows[value]["rebooked_low"], rows[value]["rebooked_high"] = rate_interval(
            rebooked, n, level
        )
        rows[value]["too_few"] = returned < FEWEST_RETURNED
    names = ["customers", "returned", "return_rate", "return_low", "return_high"]
    names += ["rebooked_rate", "rebooked_low", "rebooked_high", "too_few"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=names)
    return table.rename_axis(by.name or "group")

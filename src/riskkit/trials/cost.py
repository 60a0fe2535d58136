"""What the arms of a test cost or bring against the control group.

Takes applications that were dealt to groups and what each loan brought; gives a row an arm.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special

from riskkit.chance import MIN_BADS
from riskkit.checks import check_level, require_columns, same_rows
from riskkit.trials.groups import CONTROL, TESTS, arms_of

__all__ = ["ALL_ARMS", "trial_cost"]

ALL_ARMS = "both arms"


def trial_cost(
    applications: pd.DataFrame,
    what: str,
    profit_amount: pd.Series | np.ndarray,
    *,
    level: float = 0.95,
) -> pd.DataFrame | None:
    """Money that a test's arms brought beyond what the control group did an offer; None: no test.

    An offer that nobody takes brings 0, which is part of what a price costs. Offers made later than
    the last one whose outcome is known do not count, taken or not.

    Parameters
    ----------
    applications : DataFrame of shape (n,)
        approved, booked, default_flag, test_group; applied_at where it is known.
    what : {"price", "limit"}
    profit_amount : array of shape (n,)
        What each loan of known outcome brought, in units of the currency.
    level : float

    Returns
    -------
    DataFrame, index group, or None
        "control", the arms there are and "both arms" (as one test); offers, loans, bad;
        profit_per_offer_amount; difference_amount (its excess over the control group's, times the
        offers) with _low and _high, NaN of the control and of fewer than two offers; few (fewer
        than 30 bads in the arm or in the control group).

    Raises
    ------
    ValueError
        A loan of known outcome has no profit.

    Source
    ------
    Welch (1947), Biometrika 34, for the variance of a difference of means.
    """
    check_level(level)
    group = arms_of(applications, what)
    if group is None:
        return None
    require_columns(applications, ["booked", "default_flag"], "applications")
    same_rows(applications=applications, profit_amount=profit_amount)
    booked, known = applications["booked"].to_numpy(bool), applications["default_flag"].notna()
    counted = known.to_numpy() | ~booked
    if "applied_at" in applications and known.any():
        day = applications["applied_at"]
        counted &= (day <= day[known].max()).to_numpy()
    money = np.where(booked, np.asarray(profit_amount, dtype=float), 0.0)
    bad = (applications["default_flag"] == 1).to_numpy()
    if np.isnan(money[counted & group.notna().to_numpy()]).any():
        raise ValueError("profit_amount must be known of every loan of known outcome")
    members = {
        name: counted & (group == name).to_numpy(bool)
        for name in (CONTROL, *TESTS[what])
        if (group == name).any()
    }
    rows = {}
    for name, rows_of in members.items():
        values = money[rows_of]
        rows[name] = {
            "offers": len(values),
            "loans": int((booked & rows_of).sum()),
            "bad": int((bad & rows_of).sum()),
            "profit_per_offer_amount": values.mean() if len(values) else np.nan,
            "variance": values.var(ddof=1) if len(values) > 1 else np.nan,
        }
    return _against_control(pd.DataFrame.from_dict(rows, orient="index"), level)


def _against_control(table: pd.DataFrame, level: float) -> pd.DataFrame:
    arms = table.iloc[1:]
    own, n = table["profit_per_offer_amount"].iloc[0], table["offers"].iloc[0]
    excess = (arms["profit_per_offer_amount"] - own) * arms["offers"]
    # of each arm's sum, and of the control's mean taken as many times
    of_sum = arms["variance"] * arms["offers"]
    of_mean = table["variance"].iloc[0] / n if n else np.nan
    both = arms[["offers", "loans", "bad"]].sum().astype(float)
    weighted = (arms["profit_per_offer_amount"] * arms["offers"]).sum()
    both["profit_per_offer_amount"] = weighted / both["offers"] if both["offers"] else np.nan
    table = pd.concat([table, both.rename(ALL_ARMS).to_frame().T])
    difference = excess.copy()
    difference[ALL_ARMS] = excess.sum(min_count=len(arms))
    variance = of_sum + arms["offers"] ** 2 * of_mean
    variance[ALL_ARMS] = of_sum.sum(min_count=len(arms)) + both["offers"] ** 2 * of_mean
    half = float(special.ndtri(0.5 + level / 2)) * np.sqrt(variance)
    table["difference_amount"] = difference
    table["difference_low"], table["difference_high"] = difference - half, difference + half
    table["few"] = np.minimum(table["bad"], table["bad"].iloc[0]) < MIN_BADS
    whole = dict.fromkeys(["offers", "loans", "bad"], "int64")
    return table.drop(columns="variance").astype(whole).rename_axis("group")

"""What a plan truly brought: the same borrowers of the synthetic lender, treated as it says.

Takes a plan of a past month-end and the world it was made in; gives the gain that followed, with
its interval, beside the one expected.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from riskkit import synthetic
from riskkit.chance import normal_interval
from riskkit.checks import DataContractError
from riskkit.collection_actions.cases import gain_text

__all__ = ["realised_gain", "realised_text"]


def realised_gain(
    world: synthetic.World,
    applications: pd.DataFrame,
    plan: pd.DataFrame,
    *,
    horizon_months: int = 6,
    level: float = 0.95,
) -> pd.DataFrame:
    """What the plan brought within the horizon more than all alike, and than nothing done.

    The borrowers, their luck and the climate are the same each time; nothing differs but how hard
    collections worked on a case in the month after its plan. After that month it is treated today's
    way. A loan that is a case of several plans is performed for each of them anew, so that every
    gain is of one month's action.

    Parameters
    ----------
    world : World
        That the plan's cases come from.
    applications : DataFrame
        Of this world, those of the plan's loans among them.
    plan : DataFrame
        Of :func:`treatment_plan`, or several of different month-ends one below the other, made at
        least `horizon_months` before the last one seen. All alike is the mean strength of each.
    horizon_months : int
    level : float
        In (0, 1).

    Returns
    -------
    DataFrame, index against ("all alike", "nothing done")
        `gain_amount`, fen, with `gain_low` and `gain_high`: how far the luck of so few loans moves
        it, those of one loan taken together. `cases`; `moved_cases`, to which it made a difference.

    Raises
    ------
    DataContractError
        A loan of the plan is not among the applications, or they are none of this world.
    ValueError
        The horizon is not over.

    Source
    ------
    riskkit definition: common random numbers.
    """
    if plan.empty:
        raise ValueError("the plan has no case")
    end = plan["month_end"].max() + pd.offsets.MonthEnd(horizon_months)
    if end > world.lender.observed_to:
        raise ValueError(
            f"horizon_months: the {horizon_months} months after the plan end on {end:%Y-%m-%d}, "
            f"after the last day seen, {world.lender.observed_to:%Y-%m-%d}"
        )
    people = applications[applications["application_id"].isin(plan["loan_id"])]
    if len(people) < plan["loan_id"].nunique():
        lacking = plan["loan_id"].nunique() - len(people)
        raise DataContractError("applications", [f"{lacking:,} loans of the plan are not there"])
    strength = plan["strength"].to_numpy(float)
    ways = {
        "plan": strength,
        "all alike": plan.groupby("month_end")["strength"].transform("mean").to_numpy(),
        "nothing done": np.zeros(len(plan)),
    }
    came = {name: np.zeros(len(plan)) for name in ways}
    number = plan.groupby("loan_id").cumcount().to_numpy()
    for each in np.unique(number):
        rows_of = np.flatnonzero(number == each)
        some = plan.iloc[rows_of]
        asked = people[people["application_id"].isin(some["loan_id"])]
        for name, factor in ways.items():
            came[name][rows_of] = _collected(world, asked, some, factor[rows_of], horizon_months)
    loan = pd.factorize(plan["loan_id"])[0]
    rows = {}
    for name in ("all alike", "nothing done"):
        gain = came["plan"] - came[name]
        total, of_loans = float(gain.sum()), np.bincount(loan, weights=gain)
        low, high = normal_interval(total, float((of_loans**2).sum()), len(of_loans), level)
        rows[name] = {
            "gain_amount": total,
            "gain_low": float(low),
            "gain_high": float(high),
            "cases": len(plan),
            "moved_cases": int((gain != 0).sum()),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(index="against")


def _collected(
    world: synthetic.World,
    people: pd.DataFrame,
    plan: pd.DataFrame,
    factor: np.ndarray,
    horizon_months: int,
) -> np.ndarray:
    """Fen that each case of a plan, one a loan, brought within the horizon."""
    intensity = pd.DataFrame(
        {"loan_id": plan["loan_id"].array, "mob": plan["mob"].to_numpy() + 1, "factor": factor}
    )
    panel = synthetic.perform(people, world.lender, world.seed, intensity).performance
    since = plan.set_index("loan_id")["mob"].reindex(panel["loan_id"]).to_numpy()
    after = panel["mob"].to_numpy() - since
    inside = (after > 0) & (after <= horizon_months)
    amount = panel["paid_amount"] + panel["recovered_amount"]
    sums = amount[inside].groupby(panel["loan_id"][inside]).sum()
    return sums.reindex(plan["loan_id"], fill_value=0).to_numpy(float)


def realised_text(
    expected: pd.DataFrame | None, realised: pd.DataFrame | None, currency: str
) -> str:
    """Sentences on the expected gain of a past plan beside the one that followed, as Markdown.

    Parameters
    ----------
    expected, realised : DataFrame or None
        Of :func:`plan_gain` and :func:`realised_gain`, of one plan; None where there is none.
    currency : str

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> realised_text(None, None, "CNY")
    'No past plan can be performed again, so the gain is expected and not measured.'
    """
    if expected is None or realised is None:
        return "No past plan can be performed again, so the gain is expected and not measured."
    told = {
        name: gain_text(table.loc["all alike"], currency)
        for name, table in (("expected", expected), ("realised", realised))
    }
    row = realised.loc["all alike"]
    apart = (
        row["gain_low"] > expected.loc["all alike", "gain_high"]
        or row["gain_high"] < expected.loc["all alike", "gain_low"]
    )
    verdict = "They are **apart** beyond chance." if apart else "The intervals meet."
    return (
        f"Plans made the same way for {row['cases']:,.0f} cases of earlier month-ends let expect "
        f"{told['expected']} more than all alike; the same borrowers, performed again under "
        f"either, truly brought **{told['realised']}** more; {row['moved_cases']:,.0f} of them "
        f"paid otherwise under the two. {verdict}"
    )

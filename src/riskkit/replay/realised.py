"""What becomes of a policy on the synthetic lender: the same people, under other decisions.

Takes applications of a simulated world and whom a policy approves; gives who then took a loan and
who turned bad, and the forecast beside it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from riskkit import synthetic
from riskkit.checks import flag_array, same_rows

__all__ = ["in_downturn", "offers_to", "realise", "replay_table", "replay_worlds"]


def offers_to(applications: pd.DataFrame, approved: np.ndarray) -> pd.DataFrame:
    """Applications as another policy decides them.

    Whom the old policy approved, too, keeps its offer; whom it declined is offered what was asked
    for, at the median price of the old policy's offers and without a fee.

    Parameters
    ----------
    applications : DataFrame of shape (n, …)
        Of a simulated portfolio: approved, amount, offer_apr, offer_fee_rate, offer_limit, …
    approved : bool array of shape (n,)

    Returns
    -------
    DataFrame of shape (n, …)
        For :func:`riskkit.synthetic.perform`.

    Raises
    ------
    ValueError
        Lengths differ, or the old policy made no offer whose price could be taken.
    """
    same_rows(applications=applications, approved=approved)
    granted = flag_array(approved, "approved", len(applications))
    had = applications["approved"].to_numpy(bool)
    prices = applications.loc[had, "offer_apr"]
    if prices.empty and granted.any():
        raise ValueError("the old policy made no offer whose price could be taken")
    new = granted & ~had
    apr = applications["offer_apr"].to_numpy(float).copy()
    apr[new] = prices.median()
    apr[~granted] = np.nan
    kept = granted & had
    return applications.assign(
        approved=granted,
        offer_apr=apr,
        offer_fee_rate=np.where(kept, applications["offer_fee_rate"], 0.0),
        offer_limit=np.where(
            kept, applications["offer_limit"], np.where(new, applications["amount"], 0)
        ).astype(np.int64),
    )


def in_downturn(world: synthetic.World, onset: pd.Timestamp) -> synthetic.World:
    """The same world, but that the climate turns for the worse from a month on.

    Raises
    ------
    ValueError
        Another scenario than base or downturn, in which other people would apply.
    """
    if world.lender.scenario not in ("base", "downturn"):
        raise ValueError(
            f"in the scenario {world.lender.scenario} other people apply than in a downturn"
        )
    month = f"{onset:%Y-%m}"
    return synthetic.World(
        lender=replace(world.lender, scenario="downturn", onset_month=month), seed=world.seed
    )


def realise(
    world: synthetic.World, applications: pd.DataFrame, approved: np.ndarray
) -> pd.DataFrame:
    """Who takes a loan under a policy, and who turns bad within twelve months.

    Parameters
    ----------
    world : World
        That the applications come from.
    applications, approved
        As for :func:`offers_to`.

    Returns
    -------
    DataFrame of shape (n, 3), index of `applications`
        approved, booked (bool); default_flag (of the booked, as if all had been watched for twelve
        months; missing of the others).

    Raises
    ------
    DataContractError
        As :func:`riskkit.synthetic.perform`: the applications are none of this world.
    """
    offered = offers_to(applications, approved)
    portfolio = synthetic.perform(offered, world.lender, world.seed)
    booked = portfolio.applications["booked"].to_numpy(bool)
    bad = portfolio.truth["simulated_default_12m"].to_numpy(float)
    return pd.DataFrame(
        {
            "approved": offered["approved"].to_numpy(bool),
            "booked": booked,
            "default_flag": np.where(booked, bad, np.nan),
        },
        index=applications.index,
    )


def replay_table(
    predicted: pd.DataFrame | None, realised: pd.DataFrame, values: pd.DataFrame
) -> pd.DataFrame:
    """The forecast of a policy beside what became of it.

    Parameters
    ----------
    predicted : DataFrame, index figure, or None
        Of :func:`riskkit.replay.forecast`; None where nothing was foretold.
    realised : DataFrame of shape (n, 3)
        Of :func:`realise`.
    values : DataFrame of shape (n, 3)
        margin_fen, loss_fen, cost_fen of each as a loan.

    Returns
    -------
    DataFrame of shape (3, 5), index figure
        predicted, low, high, realised, is_inside (whether it lies in the interval).
    """
    same_rows(realised=realised, values=values)
    booked = realised["booked"].to_numpy(bool)
    bad = realised["default_flag"].to_numpy(float)[booked] == 1
    margin, loss, cost = (
        values[name].to_numpy(float)[booked] for name in ("margin_fen", "loss_fen", "cost_fen")
    )
    figures = {
        "approval_rate": realised["approved"].mean(),
        "bad_rate": bad.mean() if booked.any() else np.nan,
        "profit_amount": (np.where(bad, -loss, margin) - cost).sum() / 100,
    }
    if predicted is None:
        index = pd.Index(list(figures), name="figure")
        predicted = pd.DataFrame(np.nan, index=index, columns=["predicted", "low", "high"])
    table = predicted.assign(realised=pd.Series(figures))
    return table.assign(is_inside=table["realised"].between(table["low"], table["high"]))


def replay_worlds(
    world: synthetic.World,
    applications: pd.DataFrame,
    approved: pd.Series,
    predicted: pd.DataFrame | None,
    values: pd.DataFrame,
) -> pd.DataFrame:
    """The forecast beside what came of the policy as the months were, and in a downturn.

    Parameters
    ----------
    world, applications, approved
        As for :func:`realise`.
    predicted, values
        As for :func:`replay_table`.

    Returns
    -------
    DataFrame, index (world, figure)
        Columns of :func:`replay_table`. The downturn begins with the first of the applications;
        where a lender's scenario changes who applies, there is none.
    """
    worlds = {f"as it was ({world.lender.scenario})": world}
    if world.lender.scenario == "base":
        worlds["in a downturn"] = in_downturn(world, applications["applied_at"].min())
    granted = approved.to_numpy(bool)
    tables = {
        name: replay_table(predicted, realise(each, applications, granted), values)
        for name, each in worlds.items()
    }
    return pd.concat(tables, names=["world"])

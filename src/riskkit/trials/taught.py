"""What tests at random teach and cost, in sentences, and which parameters of demand they replace.

Takes tables of slopes and of money; gives Markdown and parameters.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from riskkit.chance import p_text
from riskkit.columns import verbatim
from riskkit.trials.cost import ALL_ARMS
from riskkit.trials.slopes import FEW, NONE

__all__ = ["check_demand", "cost_text", "demand_parameters", "demand_table", "demand_text"]

SOURCES = ("assumed", "tests")
# parameter of demand → the slope that stands for it, and the sign that it may have
_STANDS_FOR = {
    "take_up_logit_per_apr": (("price", "take-up"), -1),
    "price_logit": (("price", "default"), 1),
}
_UNITS = {"price": "a unit of APR", "limit": "a unit of the limit's logarithm"}
_COUNTED = {"take-up": "offers", "default": "loans"}


def check_demand(demand_from: str) -> None:
    """Refuse a source of demand that there is not.

    Raises
    ------
    ValueError
        Names the choices and the value.
    """
    if demand_from not in SOURCES:
        raise ValueError(f"demand_from must be one of {', '.join(SOURCES)}, got {demand_from!r}")


def demand_parameters(
    slopes: pd.DataFrame | None, assumed: Mapping[str, float], demand_from: str
) -> dict[str, float]:
    """Parameters of demand: as assumed, or as tests of price tell where they tell anything.

    Parameters
    ----------
    slopes : DataFrame or None
        Of :func:`demand_from_tests`.
    assumed : mapping of str to float
        take_up_logit_per_apr, price_logit; others stay as they are.
    demand_from : {"assumed", "tests"}

    Returns
    -------
    dict of str to float
        A slope of the sign that no demand has (a dearer loan taken more, or repaid better) is 0. Of
        "too few to say" the assumption stays.

    Raises
    ------
    ValueError
        `demand_from` is another, or "tests" and there is no test of price.

    Source
    ------
    riskkit definition.
    """
    check_demand(demand_from)
    if demand_from == "assumed":
        return dict(assumed)
    if slopes is None or not _tests_price(slopes):
        raise ValueError(
            'demand_from="tests" needs a test of price: applications with test_group "control" and '
            '"lower price" or "higher price"; take demand_from="assumed"'
        )
    return {**assumed, **_told(slopes)}


def _tests_price(slopes: pd.DataFrame) -> bool:
    return "price" in slopes.index.get_level_values("test")


def _told(slopes: pd.DataFrame) -> dict[str, float]:
    told = {}
    for name, (key, sign) in _STANDS_FOR.items():
        if slopes.loc[key, "verdict"] != FEW:
            slope = float(slopes.loc[key, "slope"])
            told[name] = slope if slope * sign > 0 else 0.0
    return told


def demand_table(
    slopes: pd.DataFrame | None, assumed: Mapping[str, float], demand_from: str
) -> pd.DataFrame | None:
    """Demand as tests of price estimate it, beside what is assumed and what is used.

    Parameters
    ----------
    slopes, assumed, demand_from
        As for :func:`demand_parameters`.

    Returns
    -------
    DataFrame, index parameter, or None
        assumed, estimated, low, high, counted, needed, verdict; used. None without a test of price.

    Source
    ------
    riskkit definition.
    """
    used = demand_parameters(slopes, assumed, demand_from)
    if slopes is None or not _tests_price(slopes):
        return None
    columns = {"slope": "estimated", "low": "low", "high": "high", "counted": "counted"}
    columns |= {"needed": "needed", "verdict": "verdict"}
    rows = {
        name: {"assumed": assumed[name]}
        | {said: slopes.loc[key, column] for column, said in columns.items()}
        | {"used": used[name]}
        for name, (key, _) in _STANDS_FOR.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("parameter")


def demand_text(slopes: pd.DataFrame | None, demand_from: str = "") -> str:
    """How take-up and default answer to price and limit, as Markdown, a line a slope.

    Parameters
    ----------
    slopes : DataFrame or None
        Of :func:`demand_from_tests` at its usual level; None: nothing was tested.
    demand_from : {"", "assumed", "tests"}
        What the prices rest on, where any rest on it.

    Source
    ------
    riskkit definition.
    """
    if slopes is None:
        return (
            "No price and no limit was ever dealt at random: **how demand answers to them is "
            "assumed**, and nothing here can tell whether rightly."
        )
    rows = zip(slopes.index, slopes.iterrows(), strict=True)
    lines = [f"- {_line(test, outcome, row)}" for (test, outcome), (_, row) in rows]
    text = "\n".join(lines)
    if not _tests_price(slopes):
        return f"{text}\n\nNo price was dealt at random: how demand answers to it is assumed."
    told = [key for key, _ in _STANDS_FOR.values() if slopes.loc[key, "verdict"] != FEW]
    if demand_from == "tests" and len(told) == len(_STANDS_FOR):
        text += "\n\nWhat follows takes demand from **what the test tells**, not on the assumption."
    elif demand_from == "tests" and told:
        text += (
            f"\n\nWhat follows takes demand from **what the test tells** of {told[0][1]}; "
            "of the other it tells too little, and the assumption stays."
        )
    elif demand_from == "tests":
        text += "\n\nThe test tells too little: **what follows takes demand from the assumption**."
    elif demand_from == "assumed":
        text += (
            "\n\nWhat follows takes demand from the assumption; a run may take what the test tells "
            "in its place."
        )
    return text


def _line(test: str, outcome: str, row: pd.Series) -> str:
    unit, counted = _UNITS[test], _COUNTED[outcome]
    begin = f"**{outcome.capitalize()} by {test}**"
    if pd.isna(row["slope"]):
        rarer = f"{row['rarer']:,} of the rarer outcome"
        return f"{begin}: {rarer} in {row['counted']:,} {counted}, {FEW}."
    told = (
        f"{begin}: log-odds {row['slope']:+.2f} {unit} ({row['low']:+.2f} to {row['high']:+.2f}) "
        f"on {row['counted']:,} {counted}"
    )
    power = f"tell {row['worth_telling']:g} from nothing in four tests of five"
    if row["verdict"] == FEW:
        return f"{told}: {FEW}; to {power}, {row['needed']:,.0f} would be needed."
    if row["verdict"] == NONE:
        return f"{told}: cannot be told from nothing, though {row['needed']:,.0f} would {power}."
    return f"{told}: **{row['verdict']}** ({p_text(row['p_value'])} after Holm)."


def cost_text(cost: pd.DataFrame | None, what: str, currency: str) -> str:
    """What a test costs, as Markdown; empty without one.

    Parameters
    ----------
    cost : DataFrame or None
        Of :func:`trial_cost` at its usual level.
    what : str
        What was tested, such as "limit".
    currency : str

    Source
    ------
    riskkit definition.
    """
    if cost is None:
        return ""
    row = cost.loc[ALL_ARMS]
    if pd.isna(row["difference_low"]):
        return f"What the test of the {what} costs is not known: no loan's outcome is known."
    amount, low, high = row["difference_amount"], row["difference_low"], row["difference_high"]
    does, sign = ("has cost", -1) if amount < 0 else ("has brought", 1)
    ends = sorted((sign * low, sign * high))
    text = (
        f"The test of the {what} {does} {sign * amount:,.0f} {verbatim(currency)} on "
        f"{row['offers']:,} offers, against the control group (95 % interval {ends[0]:,.0f} to "
        f"{ends[1]:,.0f})"
    )
    if row["few"]:
        return f"{text}, on {row['bad']:,} bads: {FEW}."
    return f"{text}." if low > 0 or high < 0 else f"{text}, which cannot be told from nothing."

"""What a year of the money that is lent out costs, by what funds the lender and its pool.

Takes lines, tranches and the tiers of the pool as plain tables; gives a row per part of the cost,
and the rate that they come to.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from riskkit.checks import require_columns
from riskkit.columns import interval_text

__all__ = ["headline", "implied_rate", "implied_text"]

HELD, FILLED = "Loans funded", "Loans funded, tiers filled"
LACKING = "Cash that is lacking"
CASH = "Cash held"
_ROWS = HELD, FILLED, LACKING, CASH
_COLUMNS = "amount", "rate", "cost_amount", "cost_low", "cost_high", "rate_low", "rate_high"
_NEEDED = ["held_amount", "needed_amount", "needed_low", "needed_high", "needed_so_far"]


def implied_rate(
    lines: pd.DataFrame,
    pool: pd.DataFrame,
    *,
    cash_rate: float,
    tranches: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """The rate a year that lines, tranches and the cash of the pool imply, part by part.

    Debt D (what is drawn on lines, and tranches) pays for loans F and for the cash C that the pool
    holds: F = D − C. The rate is what a year costs ÷ F:

        (Σ drawn · rate + Σ tranche · rate − C · cash_rate) ÷ F

    Cash that the tiers lack would be drawn at the mean rate m of the debt, and cost
    m − cash_rate: with it the rate is that of filled tiers. The lender's own money is no part of
    it, and a deal's fee is none where the lender is paid it as servicer.

    Parameters
    ----------
    lines : DataFrame, index line
        `drawn_amount` (fen), `rate` (a year).
    pool : DataFrame, index tier
        `held_amount`, `needed_amount`, `needed_low`, `needed_high`, `needed_so_far` (fen): the
        rows of one course of :func:`riskkit.funding.fund_pool`; without rows, no pool.
    cash_rate : float
        Earned a year on cash.
    tranches : DataFrame, index tranche, optional
        `amount` (fen, sold to investors), `rate`. What they bring repays lines, the dearest first.

    Returns
    -------
    DataFrame, index part
        A row for each line and tranche (a name that two have, or another row, with "(line)" or
        "(tranche)" after it), then "Cash held" (earns: below 0), if any, and their sum "Loans
        funded": `amount` (fen), `rate`,
        `cost_amount` (a year, fen); of the sum `rate` is the rate implied. Then "Cash that is
        lacking" and the sum with it, "Loans funded, tiers filled", with `cost_low`, `cost_high`,
        `rate_low` and `rate_high` of the size's interval. Where nobody has said what is held, all
        that is needed is lacking. NaN where debt funds nothing but cash. No debt: no rows.

    Raises
    ------
    ValueError
        A rate or an amount below 0.
    DataContractError
        A missing column.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> lines = pd.DataFrame({"drawn_amount": [1000], "rate": [0.05]}, index=["bank"])
    >>> pool = pd.DataFrame({"held_amount": [200.0], "needed_amount": [300.0],
    ...     "needed_low": [280.0], "needed_high": [320.0], "needed_so_far": [300.0]}, index=["a"])
    >>> table = implied_rate(lines, pool, cash_rate=0.01)
    >>> table["cost_amount"].tolist()
    [50.0, -2.0, 48.0, 4.0, 52.0]
    >>> table.loc[["Loans funded", "Loans funded, tiers filled"], "rate"].tolist()
    [0.06, 0.065]
    """
    require_columns(lines, ["drawn_amount", "rate"], "lines")
    require_columns(pool, _NEEDED, "pool")
    debt = lines[["drawn_amount", "rate"]].set_axis(["amount", "rate"], axis=1)
    kinds = ["line"] * len(lines)
    if tranches is not None:
        require_columns(tranches, ["amount", "rate"], "tranches")
        debt = pd.concat(
            [_left_drawn(debt, tranches["amount"].sum()), tranches[["amount", "rate"]]]
        )
        kinds += ["tranche"] * len(tranches)
    debt = debt.set_axis(_told_apart(debt.index.astype("str"), kinds))
    debt = debt[debt["amount"] != 0].astype(float)
    stated = {"cash_rate": cash_rate, **debt.min().dropna()}
    for name, value in stated.items():
        if not value >= 0:
            raise ValueError(f"{name} must be >= 0, got {value:g}")
    if debt.empty:
        return pd.DataFrame(columns=list(_COLUMNS), dtype=float).rename_axis("part")
    debt["cost_amount"] = debt["amount"] * debt["rate"]
    parts = debt.to_dict("index")
    held = float(pool["held_amount"].sum())
    funded = float(debt["amount"].sum()) - held
    if held:
        parts[CASH] = _part(held, -cash_rate)
    base = funded if funded > 0 else np.nan
    cost = sum(part["cost_amount"] for part in parts.values())
    parts[HELD] = {"amount": funded, "rate": cost / base, "cost_amount": cost}
    if len(pool):
        mean = debt["cost_amount"].sum() / debt["amount"].sum()
        lacking = _part(_lacking(pool, held), mean - cash_rate)
        parts[LACKING] = lacking
        ends = ("amount", "low", "high")
        total = {f"cost_{end}": cost + lacking[f"cost_{end}"] for end in ends}
        rates = {f"rate_{end}": total[f"cost_{end}"] / base for end in ends}
        parts[FILLED] = {"amount": funded, "rate": rates.pop("rate_amount"), **total, **rates}
    return pd.DataFrame.from_dict(
        parts, orient="index", columns=list(_COLUMNS), dtype=float
    ).rename_axis("part")


def _told_apart(names: pd.Index, kinds: Sequence[str]) -> list[str]:
    """Names of lines and tranches; where two are the same, or a row is called so, with the kind."""
    clear = ~(names.duplicated(keep=False) | names.isin(_ROWS))
    return [
        name if is_clear else f"{name} ({kind})"
        for name, kind, is_clear in zip(names, kinds, clear, strict=True)
    ]


def _left_drawn(lines: pd.DataFrame, proceeds: float) -> pd.DataFrame:
    """Lines once the dearest of them are repaid from what a sale of loans brings."""
    dearest = lines.sort_values("rate", ascending=False, kind="stable")
    before = dearest["amount"].cumsum() - dearest["amount"]
    repaid = (proceeds - before).clip(lower=0)
    left = (dearest["amount"] - repaid).clip(lower=0)
    return dearest.assign(amount=left).reindex(lines.index)


def _part(amount: float | dict[str, float], rate: float) -> dict[str, float]:
    """What an amount costs a year, with an interval where the amount has one."""
    if not isinstance(amount, dict):
        return {"amount": amount, "rate": abs(rate), "cost_amount": amount * rate}
    costs = {f"cost_{end}": value * rate for end, value in amount.items()}
    low, high = sorted([costs["cost_low"], costs["cost_high"]])
    return costs | {"amount": amount["amount"], "rate": rate, "cost_low": low, "cost_high": high}


def _lacking(pool: pd.DataFrame, held: float) -> dict[str, float]:
    """What all tiers together need beyond what they hold, with its interval."""
    last = pool.iloc[-1]
    before = last["needed_so_far"] - last["needed_amount"]
    ends = {"amount": last["needed_so_far"]}
    ends |= {end: before + last[f"needed_{end}"] for end in ("low", "high")}
    # np.maximum keeps the NaN of an end that nobody knows
    return {end: float(np.maximum(value - held, 0.0)) for end, value in ends.items()}


def headline(table: pd.DataFrame) -> pd.Series:
    """The row of the rate to reckon with: with the cash held, or filled where none is stated."""
    at = FILLED if CASH not in table.index and FILLED in table.index else HELD
    row: pd.Series = table.loc[at]
    return row


def implied_text(
    table: pd.DataFrame, funding_rate: float, with_deal: pd.DataFrame | None = None
) -> str:
    """Sentences on what money costs beside what the run reckons with, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`implied_rate`.
    funding_rate : float
        That of the run.
    with_deal : DataFrame, optional
        The same, were the loans of a deal sold and lines repaid from it.
    """
    run = f"The run uses {funding_rate:.1%} a year"
    if table.empty:
        return f"{run}. What money costs is **not known**: no funder is in the funding file."
    row = headline(table)
    if np.isnan(row["rate"]):
        return f"{run}. What is drawn funds nothing but the pool: it implies **no rate**."
    text = f"{run}, lines and pool imply **{_sure(row)}**"
    text += f": set `-p funding_rate={row['rate']:.3f}`, and 04, 07, 08 and 09 reckon with it."
    if row.name == HELD and FILLED in table.index and table.loc[LACKING, "amount"] > 0:
        text += (
            f" Were the tiers filled with money that is drawn for it, {_sure(table.loc[FILLED])}."
        )
    if with_deal is not None and not with_deal.equals(table) and HELD in with_deal.index:
        sold = with_deal.loc[HELD, "rate"]
        text += f" With the deal, and lines repaid from it, **{sold:.2%}**."
    return text


def _sure(row: pd.Series) -> str:
    if row["rate_low"] == row["rate_high"]:
        return f"{row['rate']:.2%}"
    return interval_text(row["rate"], row["rate_low"], row["rate_high"], "percent2")

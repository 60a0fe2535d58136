"""What a year of the money that is lent out costs, by what funds the lender and its pool.

Takes lines, tranches and the tiers of the pool as plain tables; gives a row per part of the cost,
and the rate that they come to.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from riskkit.checks import require_columns

__all__ = ["implied_rate", "implied_text"]

LOANS = "Loans funded"
_COLUMNS = "amount", "rate", "cost_amount", "cost_low", "cost_high"


def implied_rate(
    lines: pd.DataFrame,
    pool: pd.DataFrame,
    *,
    balance: int,
    cash_rate: float,
    tranches: pd.DataFrame | None = None,
    fee_amount: int = 0,
    equity_rate: float | None = None,
) -> pd.DataFrame:
    """The rate a year that lines, tranches and the cash of the pool imply, part by part.

    Debt D (what is drawn on lines, and tranches) pays for loans F and for the cash C that the pool
    holds: F = D − C. Cash that the pool needs beyond what it holds would be drawn at the mean rate
    of the debt. The rate is what a year costs ÷ F:

        (Σ drawn · rate + Σ tranche · rate + fees + lacking cash · mean rate − cash · cash_rate) ÷ F

    With a rate that the lender's own money must earn, the rest of the balance costs that, and the
    whole is divided by the balance. Cash is what the tiers need where they hold less, or where
    nobody has said what they hold, and what they hold otherwise.

    Parameters
    ----------
    lines : DataFrame, index line
        `drawn_amount` (fen), `rate` (a year).
    pool : DataFrame, index tier
        `held_amount`, `needed_amount`, `needed_low`, `needed_high` (fen): the rows of the first
        course of :func:`riskkit.funding.fund_pool`; without rows, a lender without a pool.
    balance : int
        Owed by performing loans, fen.
    cash_rate : float
        Earned a year on cash.
    tranches : DataFrame, index tranche, optional
        `amount` (fen, sold to investors), `rate`.
    fee_amount : int
        Fees of a deal, a year, fen.
    equity_rate : float, optional
        That the lender's own money must earn, a year.

    Returns
    -------
    DataFrame, index part
        A row for each line and tranche, then "Fees of the deal", "Cash still to be drawn", "Cash
        held" (earns, below 0), "Own money" as far as there are any, and last "Loans funded":
        `amount` (fen), `rate`, `cost_amount` (a year, fen) with `cost_low` and `cost_high` where it
        rests on simulated sizes; of the last row `rate`, with `rate_low` and `rate_high`, is the
        rate implied. It is NaN where debt funds nothing but cash. No debt and no own money with a
        rate: no rows.

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
    >>> pool = pd.DataFrame({"held_amount": [200.0], "needed_amount": [150.0],
    ...                      "needed_low": [140.0], "needed_high": [160.0]}, index=["daily"])
    >>> table = implied_rate(lines, pool, balance=1200, cash_rate=0.01)
    >>> table["cost_amount"].tolist(), float(table["rate"].iloc[-1])
    ([50.0, -2.0, 48.0], 0.06)
    """
    require_columns(lines, ["drawn_amount", "rate"], "lines")
    require_columns(pool, ["held_amount", "needed_amount", "needed_low", "needed_high"], "pool")
    debt = lines[["drawn_amount", "rate"]].set_axis(["amount", "rate"], axis=1)
    if tranches is not None:
        require_columns(tranches, ["amount", "rate"], "tranches")
        debt = pd.concat([debt, tranches[["amount", "rate"]]])
    debt = debt[debt["amount"] != 0].astype(float)
    stated = {"cash_rate": cash_rate, "fee_amount": fee_amount, "balance": balance}
    stated |= {
        "equity_rate": equity_rate or 0.0,
        "amount": debt["amount"].min() if len(debt) else 0,
    }
    stated["rate"] = debt["rate"].min() if len(debt) else 0.0
    for name, value in stated.items():
        if not value >= 0:
            raise ValueError(f"{name} must be >= 0, got {value:g}")
    if debt.empty and equity_rate is None:
        return pd.DataFrame(columns=[*_COLUMNS, "rate_low", "rate_high"], dtype=float)
    drawn = float(debt["amount"].sum())
    paid = float((debt["amount"] * debt["rate"]).sum())
    mean_rate = paid / drawn if drawn else equity_rate or 0.0
    held = pool["held_amount"].fillna(0).sum()
    cash = {end: _cash(pool, f"needed_{end}") for end in ("amount", "low", "high")}
    own = max(balance - drawn + held, 0.0) if equity_rate is not None else 0.0
    loans = float(balance) if equity_rate is not None else drawn - held
    fixed = paid + fee_amount + own * (equity_rate or 0.0)
    lacking = {end: amount - held for end, amount in cash.items()}
    rows = [
        (str(name), row["amount"], row["rate"], row["amount"] * row["rate"])
        for name, row in debt.iterrows()
    ]
    rows += [("Fees of the deal", np.nan, np.nan, float(fee_amount))] if fee_amount else []
    parts = {name: dict(zip(_COLUMNS, values, strict=False)) for name, *values in rows}
    for name, sizes, rate in (
        ("Cash still to be drawn", lacking, mean_rate),
        ("Cash in the pool", cash, -cash_rate),
    ):
        if sizes["amount"] > 0:
            costs = sorted(sizes[end] * rate for end in ("low", "high"))
            values = [sizes["amount"], abs(rate), sizes["amount"] * rate, *costs]
            parts[name] = dict(zip(_COLUMNS, values, strict=True))
    if own > 0:
        parts["Own money"] = dict(
            zip(_COLUMNS, [own, equity_rate, own * (equity_rate or 0.0)], strict=False)
        )
    total = {end: fixed + lacking[end] * mean_rate - cash[end] * cash_rate for end in cash}
    parts[LOANS] = {"amount": loans, "cost_amount": total["amount"]}
    parts[LOANS] |= {"cost_low": total["low"], "cost_high": total["high"]}
    base = loans if loans > 0 else np.nan
    parts[LOANS] |= {"rate": total["amount"] / base}
    parts[LOANS] |= {f"rate_{end}": total[end] / base for end in ("low", "high")}
    columns = [*_COLUMNS, "rate_low", "rate_high"]
    return pd.DataFrame.from_dict(parts, orient="index", columns=columns, dtype=float).rename_axis(
        "part"
    )


def _cash(pool: pd.DataFrame, column: str) -> float:
    """Cash in the tiers: each holds what it needs, or what it holds if that is more."""
    held = pool["held_amount"].fillna(0).to_numpy(float)
    return float(np.maximum(pool[column].to_numpy(float), held).sum())


def implied_text(table: pd.DataFrame, funding_rate: float) -> str:
    """A sentence on what money costs beside what the run reckons with, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`implied_rate`.
    funding_rate : float
        That of the run.
    """
    run = f"The run uses {funding_rate:.1%} a year"
    if table.empty:
        return f"{run}. What money costs is **not known**: no funder is in the funding file."
    rate, low, high = table.loc[LOANS, ["rate", "rate_low", "rate_high"]]
    if np.isnan(rate):
        return f"{run}. What is drawn funds nothing but the pool: it implies **no rate**."
    sure = "" if np.isnan(low) or low == high else f" ({low:.2%} to {high:.2%})"
    text = f"{run}, pool and tranches imply **{rate:.2%}**{sure}"
    text += f": set `-p funding_rate={rate:.3f}`, and 04, 07, 08 and 09 reckon with it"
    debt = table.drop(index=LOANS)
    cash = [name for name in ("Cash still to be drawn", "Cash in the pool") if name in debt.index]
    if "Cash in the pool" in cash and "Own money" not in debt.index:
        lent = debt.drop(index=cash)
        plain = lent["cost_amount"].sum() / lent["amount"].sum()
        text += f". Without cash to hold it would be {plain:.2%}"
    return f"{text}."

"""Losses, profit and cash under each scenario, one at a time and all together.

Takes a lender; gives a row per scenario and month, and a summary of the first year.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import special

from riskkit import runoff
from riskkit.checks import check_seed
from riskkit.funding.stress_paths import Shock, no_shock, together
from riskkit.funding.stressed_lender import (
    StressedLender,
    chance_errors,
    condensed_lender,
    course_of,
    refusals,
)
from riskkit.funding.stressed_loans import (
    ONE_LOAN,
    nothing_in_default,
    stressed_loans,
    taken,
    with_counts,
)

__all__ = ["ALL", "BASE", "CLIMATE", "shocks_of", "stress", "stress_summary"]

BASE, ALL, CLIMATE = "base", "all together", "climate alone"
_YEAR = 12
# of fewer expected defaults no interval says how far chance may go
_FEW_DEFAULTS = 10
_LEVEL = 0.95
_Z = float(special.ndtri(0.5 + _LEVEL / 2))


def stress(lender: StressedLender, *, seed: int, n_paths: int = 4) -> pd.DataFrame:
    """Default, loss, provision, profit and cash by month, under each scenario and under all.

    The base, each scenario of the funding file that can be run, and one course in which all of them
    come at once, where there are several. Means are exact; only their chance is sampled.

    Parameters
    ----------
    lender : StressedLender
    seed : int
    n_paths : int
        Courses in which loans are rolled on, to see what chance makes.

    Returns
    -------
    DataFrame, index (scenario, month)
        Columns of :func:`riskkit.funding.stressed_lender.course_of`; `loss_error`, `profit_error`
        (standard deviations of the sums up to the month) and `cash_error`, by
        :func:`riskkit.funding.stressed_lender.chance_errors`, fen; and `unprofitable_rate`: of the
        amount lent in the first month in which the scenario touches new loans (else the first), the
        share of loans expected to cost more than they bring in their life, NaN in other months.

    Raises
    ------
    ValueError
        A scenario is called "base", "all together" or "climate alone", or an option is out of
        range.

    Source
    ------
    riskkit definition.
    """
    check_seed("seed", seed)
    parts = {}
    lender = lender.remembering()
    for name, shock in shocks_of(lender).items():
        errors = chance_errors(lender, shock, seed=seed, n_paths=n_paths)
        # sums are those of loans taken together; what a loan earns is its own
        course = course_of(*condensed_lender(lender, shock))
        parts[name] = course.join(errors).assign(unprofitable_rate=_unprofitable(lender, shock))
    return pd.concat(parts, names=["scenario", "month"])


def shocks_of(lender: StressedLender) -> dict[str, Shock]:
    """The base, each scenario that can be run, and all of them together where there are several."""
    refused = refusals(lender)
    for name in (BASE, ALL, CLIMATE):
        if name in lender.file.stress:
            raise ValueError(f"a scenario must have a name of its own, got {name!r}")
    n_months = lender.loans.n_months
    single = {name: lender.shock(name) for name in lender.file.stress if name not in refused}
    shocks = {BASE: no_shock(n_months), **single}
    if len(single) > 1:
        shocks[ALL] = together(list(single.values()), n_months)
    return shocks


def _unprofitable(lender: StressedLender, shock: Shock) -> np.ndarray:
    """Share of what is lent in one month that costs more than it brings; NaN in other months.

    A loan brings interest and what is withheld, and costs its loss, funds at `funding_rate`,
    acquisition and servicing.
    """
    touched = np.isfinite(shock.cap_apr) | (shock.volume_factor != 1)
    for worse in shock.new_loans:
        touched |= (worse.logit != 0) | (worse.never_paying_rate != 0)
    start = int(np.argmax(touched)) + 1
    result = np.full(lender.n_months, np.nan)
    rows = np.flatnonzero(lender.loans.start == start)
    of_rows = tuple(replace(one, covers=one.covers[rows]) for one in shock.new_loans)
    loans, number, moves = stressed_loans(
        taken(lender.loans, rows),
        lender.numbers[rows],
        lender.moves,
        replace(shock, new_loans=of_rows),
    )
    lent = loans.owed[:, 0]
    if start > lender.n_months or not lent.sum() > 0:
        return result
    n = len(lent)
    counted = with_counts(loans, number)
    # one group of each loan's money, then one of each loan's number
    place = np.append(np.arange(n), np.arange(n))
    counted = replace(
        counted,
        group=place + n * counted.group,
        groups=pd.RangeIndex(2 * n).astype("str"),
        **nothing_in_default(2 * n, loans.n_months),
    )
    climate = lender.climate_under(shock)
    # until the last of them can default
    longer = np.append(climate, np.full(loans.n_months, climate[-1]))
    longer = longer[: min(max(counted.last_month, start), loans.n_months)]
    cash = runoff.expected_cash(
        counted, moves, climate=longer, day=lender.day, lgd_factor=shock.lgd_factor
    ).amounts
    of = {name: values[0].sum(axis=1) for name, values in cash.items()}
    costs = lender.costs
    brought = of["interest_amount"] + of["fee_amount"] - of["loss_amount"]
    funds = costs.funding_rate / _YEAR * of["balance"]
    service = costs.servicing_amount * of["balance"][n:] / ONE_LOAN
    profit = (brought - funds)[:n] - service - costs.acquisition_amount * number
    result[start - 1] = lent[profit < 0].sum() / lent.sum()
    return result


def stress_summary(table: pd.DataFrame, lender: StressedLender) -> pd.DataFrame:
    """What a year brings under each scenario, and how sure that is.

    Parameters
    ----------
    table : DataFrame
        Of :func:`stress`.
    lender : StressedLender

    Returns
    -------
    DataFrame, index scenario: base, the file's in its order, all together
        `months` looked at, at most 12; amounts in fen, with 95 % intervals in `_low` and `_high`
        for what chance makes of single loans (which default, which are lent), not for the
        climate or for errors of the estimate, and NaN where fewer than ten defaults are expected:
        `default_amount`, `default_rate` (of what was owed
        today or has been lent since), `loss_amount`, `provision_amount` (at the end),
        `profit_amount`, `lowest_cash_amount` and the `lowest_cash_month` in which it is so low,
        `cash_gone_month` (first with none left; NaT if never), `reserve_amount` (at the end) and
        `reserve_gone_month`, `repaid_amount` (to funders), `undrawn_amount` (what lines could
        still lend in the month of the lowest cash);
        `more_loss_amount`, `less_profit_amount`: than in
        the base; `loss_interaction_amount`, `profit_interaction_amount`: of all together, how much
        more that is than the sum of the single ones (NaN of these); `unprofitable_rate`; and
        `not_run`: why a scenario was not, "" of the others.

    Source
    ------
    riskkit definition.
    """
    told = refusals(lender)
    rows = {}
    for name, part in table.groupby(level="scenario", sort=False):
        rows[name] = _year_of(part.droplevel("scenario").iloc[:_YEAR], lender)
    order = [BASE, *lender.file.stress, *([ALL] if ALL in rows else [])]
    summary = pd.DataFrame.from_dict(rows, orient="index").reindex(order)
    summary["not_run"] = [told.get(name, "") for name in order]
    base = summary.loc[BASE]
    summary["more_loss_amount"] = summary["loss_amount"] - base["loss_amount"]
    summary["less_profit_amount"] = base["profit_amount"] - summary["profit_amount"]
    for one in ("loss", "profit"):
        more = summary["more_loss_amount" if one == "loss" else "less_profit_amount"]
        summary[f"{one}_interaction_amount"] = np.nan
        if ALL in rows:
            summed = more.drop(index=[BASE, ALL]).sum()
            summary.loc[ALL, f"{one}_interaction_amount"] = more[ALL] - summed
    for name in ("lowest_cash_month", "cash_gone_month", "reserve_gone_month"):
        summary[name] = pd.to_datetime(summary[name])
    return summary.rename_axis(index="scenario")


def _year_of(year: pd.DataFrame, lender: StressedLender) -> dict[str, object]:
    """One row of the summary."""
    last = year.iloc[-1]
    default = year["default_amount"].sum()
    base = lender.balance + year["lent_amount"].sum()
    loss, profit = year["loss_amount"].sum(), year["profit_amount"].sum()
    cash, reserve = year["closing_amount"], year["reserve_amount"]
    known = cash.notna().any()
    lowest = cash.idxmin() if known else pd.NaT
    low, error = year.loc[lowest, ["closing_amount", "cash_error"]] if known else (np.nan,) * 2
    # one multiple of all standard deviations, and none where they mean nothing
    width = _Z if year["default_loans"].sum() >= _FEW_DEFAULTS else np.nan
    return {
        "months": len(year),
        "default_amount": default,
        "default_rate": default / base if base > 0 else np.nan,
        **_interval("loss_amount", loss, width * last["loss_error"]),
        "provision_amount": last["provision_amount"],
        **_interval("profit_amount", profit, width * last["profit_error"]),
        **_interval("lowest_cash_amount", low, width * error),
        "lowest_cash_month": lowest,
        "repaid_amount": year["repaid_amount"].sum(),
        "undrawn_amount": year["undrawn_amount"].get(lowest, np.nan),
        "cash_gone_month": _first_gone(cash),
        **_interval("reserve_amount", reserve.iloc[-1], width * last["profit_error"]),
        "reserve_gone_month": _first_gone(reserve),
        "unprofitable_rate": year["unprofitable_rate"].max(),
    }


def _interval(name: str, value: float, half: float) -> dict[str, float]:
    stem = name.removesuffix("_amount")
    return {name: value, f"{stem}_low": value - half, f"{stem}_high": value + half}


def _first_gone(amounts: pd.Series) -> pd.Timestamp:
    """First month with nothing left; NaT if there is always some, or nobody knows."""
    gone = amounts.index[amounts.to_numpy() <= 0]
    return gone[0] if len(gone) else pd.NaT

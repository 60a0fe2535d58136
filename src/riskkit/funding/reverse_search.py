"""How bad it must get until the reserve, or the cash, is gone.

Takes a lender; gives the severity found by root search, with what was left just below and above it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize

from riskkit.funding.stress_paths import Shock, climate_shift, together
from riskkit.funding.stress_table import ALL, BASE, CLIMATE, shocks_of
from riskkit.funding.stressed_lender import (
    StressedLender,
    condensed_lender,
    course_of,
    refusals,
    running_today,
)

__all__ = ["reverse_stress"]

_YEAR = 12
# log-odds of a missed payment up to which a climate is tried: then nearly nobody pays
_MOST_CLIMATE = 6.0


def reverse_stress(
    lender: StressedLender, *, most_severity: float = 10.0, tolerance: float = 0.01
) -> pd.DataFrame:
    """How bad it must get within a year until the reserve, or the cash, is gone.

    Severity multiplies what a scenario moves; that of the climate alone is the log-odds of a missed
    payment added in every month ahead. The severity from which on nothing is left is found by
    Brent's method between severities that were run, and confirmed: the lender is run with one just
    below and with one just above it.

    Parameters
    ----------
    lender : StressedLender
    most_severity : float
        Up to which scenarios are tried; the climate alone up to 6.
    tolerance : float
        Between what is just below and just above, at most.

    Returns
    -------
    DataFrame, index (scenario, target)
        Scenarios: the climate alone, the file's, all together. Targets: "reserve" and "cash" (their
        lowest month-end), or, where nobody has said what is held, "profit" of the year. `severity`
        (0 where it is gone in the base; NaN where up to `tried_to` it is not, or the scenario
        cannot be run), `tried_to`, `base_amount`, `below_severity`, `below_amount`,
        `above_severity`, `above_amount` (amount left when run so), `month` in which it is gone just
        above, `climate` (its highest log-odds then), `climate_sds` (the same in standard deviations
        of the climate of a month; NaN where none is known, or it is untouched), `default_rate`
        (share of the loans of the year that default then), `base_default_rate`, `not_run` (why a
        scenario was not run, else "").

    Raises
    ------
    ValueError
        `most_severity` or `tolerance` is not positive.

    Source
    ------
    Reverse stress testing: European Banking Authority (2018), EBA/GL/2018/04; root search: Brent
    (1973), Algorithms for Minimization without Derivatives, chapter 4.
    """
    for name, value in (("most_severity", most_severity), ("tolerance", tolerance)):
        if not 0 < value < np.inf:
            raise ValueError(f"{name} must be > 0 and finite, got {value!r}")
    lender = lender.remembering()
    n_months = lender.loans.n_months
    shocks = shocks_of(lender)
    scenarios = [name for name in shocks if name not in (BASE, ALL)]
    severities: dict[str, Severity] = {
        CLIMATE: lambda _, severity: climate_shift(severity, n_months),
        **{name: _scenario(name) for name in scenarios},
    }
    if ALL in shocks:
        severities[ALL] = _all_of(scenarios, n_months)
    base = _outcome(condensed_lender(lender, shocks[BASE])[0], shocks[BASE])
    targets = ("profit",) if lender.held_amount is None else ("cash", "reserve")
    rows = {}
    for name, severity in severities.items():
        few, _ = condensed_lender(lender, shocks.get(name, shocks[BASE]))
        runs = _Tried(few, severity, {0.0: base})
        most = _MOST_CLIMATE if name == CLIMATE else most_severity
        runs.left(most, targets[-1])  # which tells of all targets
        for target in targets:
            rows[name, target] = _searched(runs, target, most, tolerance)
    for name, why in refusals(lender).items():
        for target in targets:
            rows[name, target] = {"not_run": why}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=_COLUMNS)
    table.index = pd.MultiIndex.from_tuples(table.index, names=["scenario", "target"])
    return table.assign(month=pd.to_datetime(table["month"]))


_COLUMNS = [
    "severity", "tried_to", "base_amount", "below_severity", "below_amount", "above_severity",
    "above_amount", "month", "climate", "climate_sds", "default_rate", "base_default_rate",
    "not_run",
]  # fmt: skip


Severity = Callable[[StressedLender, float], Shock]


def _scenario(name: str) -> Severity:
    return lambda lender, severity: lender.shock(name, severity)


def _all_of(names: list[str], n_months: int) -> Severity:
    return lambda lender, severity: together(
        [lender.shock(name, severity) for name in names], n_months
    )


@dataclass(frozen=True)
class _Tried:
    """A scenario at any severity, run once for each, and for cash alone where no more is asked."""

    lender: StressedLender
    shock: Severity
    seen: dict[float, dict[str, Any]]

    def left(self, severity: float, target: str) -> float:
        """What is left of a target."""
        if target not in self.seen.get(severity, {}):
            shock = self.shock(self.lender, severity)
            self.seen[severity] = _outcome(self.lender, shock, cash_alone=target == "cash")
        return float(self.seen[severity][target])

    def around(self, target: str) -> tuple[float, float]:
        """The highest severity run below the least at which nothing is left, and that."""
        run = {s: self.left(s, target) for s in self.seen if target in self.seen[s]}
        gone = min((s for s in run if run[s] <= 0), default=np.inf)
        return max((s for s in run if s < gone), default=gone), gone


def _outcome(lender: StressedLender, shock: Shock, *, cash_alone: bool = False) -> dict[str, Any]:
    """What is left of each target in a year, when it was gone, and how many loans defaulted."""
    year = course_of(lender, shock, cash_alone=cash_alone).iloc[:_YEAR]
    left = {"cash": year["closing_amount"]}
    if not cash_alone:
        left |= {"reserve": year["reserve_amount"], "profit": year["profit_amount"].cumsum()[-1:]}
    loans = running_today(lender) + year["lent_loans"].sum()
    found: dict[str, Any] = {
        "climate": year["climate"].max(),
        "default_rate": year["default_loans"].sum() / loans if loans > 0 else np.nan,
    }
    for target, amounts in left.items():
        gone = amounts.index[amounts.to_numpy() <= 0]
        found[target] = amounts.min()
        found[f"{target}_month"] = gone[0] if len(gone) else pd.NaT
    return found


def _searched(runs: _Tried, target: str, most: float, tolerance: float) -> dict[str, Any]:
    """One row of the table."""
    left = partial(runs.left, target=target)
    row = {
        "tried_to": most,
        "base_amount": left(0.0),
        "base_default_rate": runs.seen[0.0]["default_rate"],
        "not_run": "",
    }
    if left(0.0) > 0 and left(most) > 0:
        return row
    if left(0.0) > 0:
        left(min(1.0, most))
    low, high = runs.around(target)
    if high - low > tolerance:
        root = optimize.brentq(left, low, high, xtol=tolerance / 2)
        low, high = runs.around(target)
        if high - low > tolerance:
            for severity in (root - tolerance / 2, root + tolerance / 2):
                left(min(max(severity, low), high))
            low, high = runs.around(target)
    return row | _found(runs, target, low, high)


def _found(runs: _Tried, target: str, below: float, above: float) -> dict[str, Any]:
    """What was seen on either side of a severity at which the target is gone."""
    beyond, sd = runs.seen[above], runs.lender.usual_sd
    return {
        "severity": above,
        "below_severity": below,
        "below_amount": runs.left(below, target),
        "above_severity": above,
        "above_amount": runs.left(above, target),
        "month": beyond[f"{target}_month"],
        "climate": beyond["climate"],
        "climate_sds": beyond["climate"] / sd if sd and beyond["climate"] else np.nan,
        "default_rate": beyond["default_rate"],
    }

"""How bad it must get until the reserve, or the cash, is gone.

Takes a lender; gives the severity found by root search, with what was left just below and above it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize

from riskkit.funding.stress_paths import Shock, climate_shift, together
from riskkit.funding.stress_table import ALL, BASE, shocks_of
from riskkit.funding.stressed_lender import (
    StressedLender,
    condensed_lender,
    course_of,
    refusals,
    running_today,
)

__all__ = ["CLIMATE", "reverse_stress"]

CLIMATE = "climate alone"
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
        of the climate of a month; NaN where none is known), `default_rate` (share of the loans of
        the year that default then), `base_default_rate`, `not_run` (why a scenario was not run,
        else "").

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
    n_months = lender.loans.n_months
    scenarios = [name for name in shocks_of(lender) if name not in (BASE, ALL)]
    tried = {
        CLIMATE: _tried(lender, lambda _, severity: climate_shift(severity, n_months)),
        **{name: _tried(lender, _scenario(name)) for name in scenarios},
    }
    if len(scenarios) > 1:
        tried[ALL] = _tried(lender, _all_of(scenarios, n_months))
    targets = ("profit",) if lender.held_amount is None else ("reserve", "cash")
    rows = {}
    for name, runs in tried.items():
        most = _MOST_CLIMATE if name == CLIMATE else most_severity
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
    """A scenario at any severity, run once for each."""

    lender: StressedLender
    shock: Severity
    seen: dict[float, dict[str, Any]] = field(default_factory=dict)

    def left(self, severity: float, target: str) -> float:
        """What is left of a target."""
        if severity not in self.seen:
            self.seen[severity] = _outcome(self.lender, self.shock(self.lender, severity))
        return float(self.seen[severity][target])


def _tried(lender: StressedLender, shock: Severity) -> _Tried:
    return _Tried(condensed_lender(lender, shock(lender, 1.0)), shock)


def _outcome(lender: StressedLender, shock: Shock) -> dict[str, Any]:
    """What is left of each target in a year, when it was gone, and how many loans defaulted."""
    year = course_of(lender.remembering(), shock).iloc[:_YEAR]
    found: dict[str, Any] = {
        "profit": year["profit_amount"].sum(),
        "profit_month": year.index[-1],
        "climate": year["climate"].max(),
    }
    for target, column in (("reserve", "reserve_amount"), ("cash", "closing_amount")):
        left = year[column]
        gone = left.index[left.to_numpy() <= 0]
        found[target] = left.min()
        found[f"{target}_month"] = gone[0] if len(gone) else pd.NaT
    loans = running_today(lender) + year["lent_loans"].sum()
    found["default_rate"] = year["default_loans"].sum() / loans if loans > 0 else np.nan
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
    if left(0.0) <= 0:
        return row | _found(runs, target, 0.0, 0.0)
    left(min(1.0, most)), left(most)
    if all(left(severity) > 0 for severity in runs.seen):
        return row
    # what other targets have been run at narrows this one down
    high = min(severity for severity in runs.seen if left(severity) <= 0)
    low = max(severity for severity in runs.seen if severity < high)
    if high - low > tolerance:
        root = optimize.brentq(left, low, high, xtol=tolerance / 4)
        low, high = _around(runs, target, low, high)
        if high - low > tolerance:
            left(min(root + tolerance / 2, high)), left(max(root - tolerance / 2, low))
            low, high = _around(runs, target, low, high)
    return row | _found(runs, target, low, high)


def _around(runs: _Tried, target: str, low: float, high: float) -> tuple[float, float]:
    """The nearest severities run between two at which there is something left, and is not."""
    between = sorted(severity for severity in runs.seen if low <= severity <= high)
    gone = min(severity for severity in between if runs.left(severity, target) <= 0)
    return max(severity for severity in between if severity < gone), gone


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
        "climate_sds": beyond["climate"] / sd if sd else np.nan,
        "default_rate": beyond["default_rate"],
    }

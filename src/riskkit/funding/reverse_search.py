"""How bad it must get until the year's profit, the reserve or the cash is gone.

Takes a lender; gives the severity found by root search, with what was left just below and above it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy import optimize

from riskkit.funding.stress_paths import Shock, climate_shift, no_shock, together
from riskkit.funding.stress_table import ALL, BASE, shocks_of
from riskkit.funding.stressed_lender import StressedLender, course_of, refusals

__all__ = ["CLIMATE", "reverse_stress"]

CLIMATE = "climate alone"
TARGETS = "profit", "reserve", "cash"
_YEAR = 12
# log-odds of a missed payment up to which a climate is tried: then nearly nobody pays
_MOST_CLIMATE = 6.0
_STEPS = 4


def reverse_stress(
    lender: StressedLender, *, most_severity: float = 10.0, tolerance: float = 0.01
) -> pd.DataFrame:
    """How bad it must get within a year until profit, reserve or cash is gone.

    Severity multiplies what a scenario moves; that of the climate alone is the log-odds of a missed
    payment added in every month ahead. The least severity at which the lowest amount of the months
    looked at is no longer above 0 is bracketed by steps from 0 on, found by Brent's method and
    confirmed: the lender is run with a severity just below and with one just above.

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
        Scenarios: the climate alone, the file's, all together. Targets: "profit" (of the year),
        "reserve" and "cash" (lowest month-end). `severity` (0 where it is gone in the base; NaN
        where up to `tried_to` it is not, or it cannot be told), `tried_to`, `base_amount`,
        `below_severity`, `below_amount`, `above_severity`, `above_amount` (amount left when run
        so), `month` in which it is gone just above, `climate` (its highest log-odds then),
        `climate_sds` (the same in standard deviations of the lender's climate; NaN where none is
        known), `default_rate` (share of the loans of the year that default then),
        `base_default_rate`, `not_run` (why it cannot be told, else "").

    Raises
    ------
    ValueError
        `most_severity` or `tolerance` is not positive.

    Source
    ------
    European Banking Authority (2018), EBA/GL/2018/04, section 4.6 (reverse stress testing); Brent
    (1973), Algorithms for Minimization without Derivatives, chapter 4.
    """
    for name, value in (("most_severity", most_severity), ("tolerance", tolerance)):
        if not 0 < value < np.inf:
            raise ValueError(f"{name} must be > 0 and finite, got {value!r}")
    n_months = lender.loans.n_months
    scenarios = [name for name in shocks_of(lender) if name not in (BASE, ALL)]

    def all_of_them(severity: float) -> Shock:
        return together([lender.shock(name, severity) for name in scenarios], n_months)

    tried: dict[str, _Tried] = {
        CLIMATE: _Tried(lender, lambda severity: climate_shift(severity, n_months))
    }
    for name in scenarios:
        tried[name] = _Tried(lender, lambda severity, name=name: lender.shock(name, severity))
    if len(scenarios) > 1:
        tried[ALL] = _Tried(lender, all_of_them)
    base = _outcome(lender, no_shock(n_months))
    rows = {}
    for name, runs in tried.items():
        most = _MOST_CLIMATE if name == CLIMATE else most_severity
        runs.seen[0.0] = base
        for target in TARGETS:
            rows[name, target] = _searched(lender, runs, target, most, tolerance)
    for name, why in refusals(lender).items():
        for target in TARGETS:
            rows[name, target] = {"not_run": why}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=_COLUMNS)
    table.index = pd.MultiIndex.from_tuples(table.index, names=["scenario", "target"])
    return table.assign(month=pd.to_datetime(table["month"]))


_COLUMNS = [
    "severity", "tried_to", "base_amount", "below_severity", "below_amount", "above_severity",
    "above_amount", "month", "climate", "climate_sds", "default_rate", "base_default_rate",
    "not_run",
]  # fmt: skip


@dataclass(frozen=True)
class _Tried:
    """A scenario at any severity, run once for each."""

    lender: StressedLender
    shock: Callable[[float], Shock]
    seen: dict[float, pd.Series] = field(default_factory=dict)

    def at(self, severity: float) -> pd.Series:
        if severity not in self.seen:
            self.seen[severity] = _outcome(self.lender, self.shock(severity))
        return self.seen[severity]


def _outcome(lender: StressedLender, shock: Shock) -> pd.Series:
    """What is left of each target in a year, when it was gone, and how many loans defaulted."""
    year = course_of(lender, shock).iloc[:_YEAR]
    running = (lender.loans.start == 0).sum()
    month = pd.Timestamp("NaT")
    found: dict[str, object] = {
        "profit": float(year["profit_amount"].sum()),
        "profit_month": year.index[-1],
        "climate": float(year["climate"].max()),
    }
    for target, column in (("reserve", "reserve_amount"), ("cash", "closing_amount")):
        left = year[column]
        gone = left.index[left.to_numpy() <= 0]
        found[target] = left.min()
        found[f"{target}_month"] = gone[0] if len(gone) else month
    lent = year["lent_loans"].sum()
    whole = running + lent
    found["default_rate"] = year["default_loans"].sum() / whole if whole > 0 else np.nan
    return pd.Series(found, dtype=object)


def _searched(
    lender: StressedLender, runs: _Tried, target: str, most: float, tolerance: float
) -> dict[str, object]:
    """One row of the table."""
    base = runs.at(0.0)
    row = {
        "tried_to": most,
        "base_amount": base[target],
        "base_default_rate": base["default_rate"],
        "not_run": "",
    }
    if np.isnan(base[target]):
        return row | {"not_run": "nobody has said what cash is held"}
    if base[target] <= 0:
        return row | _found(lender, runs, target, 0.0, 0.0)
    # halves, so that a scenario that bites early is not stepped over
    steps = [0.0, *(most / 2**k for k in range(_STEPS, -1, -1))]
    for low, high in pairwise(steps):
        if runs.at(high)[target] <= 0:
            root = optimize.brentq(
                lambda severity: runs.at(severity)[target], low, high, xtol=tolerance / 4
            )
            for confirmed in (root - tolerance / 2, root + tolerance / 2):
                runs.at(min(max(confirmed, low), high))
            above = min(s for s in runs.seen if s > low and runs.at(s)[target] <= 0)
            below = max(s for s in runs.seen if s < above and runs.at(s)[target] > 0)
            return row | _found(lender, runs, target, below, above)
    return row


def _found(
    lender: StressedLender, runs: _Tried, target: str, below: float, above: float
) -> dict[str, object]:
    """What was seen on either side of a severity at which the target is gone."""
    beyond = runs.at(above)
    sd = lender.usual_sd
    return {
        "severity": above,
        "below_severity": below,
        "below_amount": runs.at(below)[target],
        "above_severity": above,
        "above_amount": beyond[target],
        "month": beyond[f"{target}_month"],
        "climate": beyond["climate"],
        "climate_sds": beyond["climate"] / sd if sd else np.nan,
        "default_rate": beyond["default_rate"],
    }

"""Lights that are of no use: nothing moves them, or they are always on.

Takes histories of the lights in a normal world, in worlds with a known change, and with every
figure broken as the limits file says; gives a row per light.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from riskkit.schema import LimitsFile

__all__ = ["inject_breaches", "useless_lights", "useless_text"]

ALWAYS = 0.9  # of the months: so often red tells nothing


def inject_breaches(
    signs: pd.DataFrame, limits: LimitsFile, onset: pd.Timestamp | str
) -> pd.DataFrame:
    """Signs whose figures break from a month on, each as its light's `breach` says.

    The numerator is multiplied, counted from at least one, and a rate never passes 1; a mean is
    moved with all its loans.

    Parameters
    ----------
    signs : DataFrame, index (light, month)
        Of :func:`monthly_signs` and :func:`share_signs`.
    limits : LimitsFile
    onset : date
        First month that is broken.

    Source
    ------
    riskkit definition.
    """
    names, months = (signs.index.get_level_values(level) for level in ("light", "month"))
    times = pd.Series({name: light.breach for name, light in limits.lights.items()}, dtype=float)
    factor = times.reindex(names).fillna(1).to_numpy()
    factor = np.where(months >= pd.Timestamp(onset), factor, 1.0)
    x, n = signs["numerator"].to_numpy(float), signs["denominator"].to_numpy(float)
    is_mean = (signs["kind"] == "mean").to_numpy()
    least = np.where(factor > 1, np.maximum(x, 1), x)
    broken = np.where(factor == 1, x, least * factor)
    is_count = signs["kind"].isin(["number", "rate"]).to_numpy()
    broken = np.where(is_count, np.rint(broken), broken)
    broken = np.where(np.isnan(n) | is_mean, broken, np.minimum(broken, n))
    return signs.assign(numerator=broken, squares=signs["squares"] * factor**2)


def useless_lights(
    limits: LimitsFile,
    base: pd.DataFrame,
    scenarios: Mapping[str, pd.DataFrame],
    broken: pd.DataFrame,
    onset: pd.Timestamp | str,
    *,
    within_months: int = 6,
) -> pd.DataFrame:
    """Which lights neither their own scenario nor their breach turns red, or that always are.

    Parameters
    ----------
    limits : LimitsFile
    base : DataFrame
        Of :func:`riskkit.lights.lights_history` where nothing changes.
    scenarios : mapping of scenario to DataFrame
        Histories with a change from `onset` on.
    broken : DataFrame
        History of :func:`inject_breaches`.
    onset : date
    within_months : int
        Months from the onset on within which red counts.

    Returns
    -------
    DataFrame, index light
        `red_rate`, share of the months red where nothing changes (NaN of no month); `by_scenario`,
        `by_breach`: months from the onset to red, NaN where it does not come in time or is red
        before; `useless`, and `why` in words ("" where it is of use).

    Source
    ------
    riskkit definition.
    """
    rows = {}
    for name, light in limits.lights.items():
        red_rate = _reds(base, name).mean()
        by_breach = _delay(broken, name, onset, within_months)
        of_scenario = scenarios.get(light.scenario or "", base.iloc[:0])
        by_scenario = _delay(of_scenario, name, onset, within_months)
        why = ""
        if np.isnan(red_rate):
            why = "nothing is counted for it"
        elif red_rate >= ALWAYS:
            why = "always red"
        elif np.isnan(by_breach) and np.isnan(by_scenario):
            why = "neither its scenario nor its breach turns it red"
        rows[name] = {
            "red_rate": red_rate, "by_scenario": by_scenario, "by_breach": by_breach,
            "useless": bool(why), "why": why,
        }  # fmt: skip
    columns = ["red_rate", "by_scenario", "by_breach", "useless", "why"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("light")


def useless_text(table: pd.DataFrame) -> str:
    """Names the lights of no use, or says that there is none.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> table = pd.DataFrame({"useless": [True, False], "why": ["always red", ""]}, list("ab"))
    >>> useless_text(table)
    '1 of 2 lights is of no use: a (always red).'
    """
    off = table[table["useless"]]
    if off.empty:
        return f"Each of the {len(table)} lights turns red when it should, and is not always so."
    named = ", ".join(f"{name} ({row['why']})" for name, row in off.iterrows())
    return (
        f"{len(off)} of {len(table)} lights {'is' if len(off) == 1 else 'are'} of no use: {named}."
    )


def _reds(history: pd.DataFrame, name: str) -> pd.Series:
    if name not in history.index.get_level_values("light"):
        return pd.Series(dtype=float)
    return history.loc[name, "colour"] == "red"


def _delay(history: pd.DataFrame, name: str, onset: pd.Timestamp | str, within: int) -> float:
    """Months from the onset to the first red one; NaN where late, or red already before."""
    red = _reds(history, name)
    start = pd.Timestamp(onset)
    months = red.index[red]
    if not len(red) or red[red.index < start].iloc[-1:].any():
        return np.nan
    later = months[(months >= start) & (months < start + pd.DateOffset(months=within))]
    if not len(later):
        return np.nan
    return float((later[0].year - start.year) * 12 + later[0].month - start.month)

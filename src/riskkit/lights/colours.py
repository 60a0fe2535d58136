"""Which colour each light has each month: by its limits, and by moves beyond chance.

Takes signs and the limits file; gives a row per light and month.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special

from riskkit.checks import Array
from riskkit.lights.reference import Watch, follow, scaled
from riskkit.metrics import jeffreys_interval

if TYPE_CHECKING:
    from riskkit.schema import LimitsFile

__all__ = ["COLOURS", "WORSE", "lights_history", "months_by_light"]

# from what nobody can say to the worst
COLOURS = ("grey", "green", "amber", "red")
GREY, GREEN, AMBER, RED = range(4)
WORSE = {"higher": 1, "lower": -1, "either": 0}
NORMAL = float(special.ndtri(0.975))
COLUMNS = {
    "value": "float64", "low": "float64", "high": "float64", "expected": "float64",
    "score": "float64", "moved": "int64", "by_limit": "str", "by_move": "str", "colour": "str",
    "since": "datetime64[ns]", "settled": "bool", "known": "datetime64[ns]",
}  # fmt: skip


def lights_history(
    signs: pd.DataFrame, limits: LimitsFile, *, watch: Watch | None = None
) -> pd.DataFrame:
    """Colour of every light in every month, each told from that month and those before alone.

    By its limits a light is red once the interval of its value lies beyond the red limit, and stays
    so until the value itself is back on this side; amber where the value is beyond the amber limit;
    grey where the value is within its limits, but the interval reaches beyond red. By its moves it
    is red once scores of the months against those before (:func:`riskkit.lights.reference.follow`)
    add up to `watch.red`, and stays so until they come down to half of it; amber between; grey with
    fewer than `watch.least_months` months before. The worse of the two is its colour, and grey
    only what neither can tell.

    Parameters
    ----------
    signs : DataFrame, index (light, month)
        Of :func:`monthly_signs` and :func:`share_signs`.
    limits : LimitsFile
        Lights without a row among the signs have none here; signs without a light neither.
    watch : Watch, optional

    Returns
    -------
    DataFrame, index (light, month), in the order of the file
        `value` with `low` and `high` (95 %: Jeffreys of a rate of counts and of a number, normal of
        a mean; of money as the months before differed), `expected` from the months before, `score`
        (normal), `moved` (1 up, −1 down, 0: not beyond chance); `by_limit` and `by_move`, the
        colours ("" of a light without limits, or that is not watched); `colour`, `since` (first
        month of it without a break), `settled` (the level that had been red for long is the
        reference from here on), `known` (day from which the month is known). A month without a
        figure is no row.

    Source
    ------
    riskkit definition.
    """
    lights = [name for name in limits.lights if name in signs.index.get_level_values(0)]
    if not lights:
        return _empty()
    own = signs[signs.index.get_level_values("light").isin(lights)]
    days = own.index.get_level_values("month")
    months = pd.date_range(days.min(), days.max(), freq="MS", name="month")
    scale = scaled(own, lights, months)
    told = [limits.lights[name] for name in lights]
    worse = np.array([WORSE[light.worse] for light in told])
    moves = follow(scale, np.array([light.usual_drift for light in told]), worse, watch)
    lower, upper = (scale.back(scale.y + side * moves.scatter) for side in (-NORMAL, NORMAL))
    expected = scale.back(moves.expected)
    tables = {}
    for place, (name, light) in enumerate(zip(lights, told, strict=True)):
        counted = own.loc[name].reindex(months)
        value, low, high = _values(counted, (lower[place], upper[place]))
        by_move = np.where(np.isnan(moves.score[place]), GREY, GREEN)
        by_move = np.where(moves.amber[place], AMBER, by_move)
        by_move = np.where(moves.red[place], RED, by_move)
        told_by_move = by_move if light.watched else None
        by_limit = None
        if light.amber is not None and light.red is not None:
            by_limit = _by_limit(value, low, high, light.amber, light.red, int(worse[place]))
        both = [colours for colours in (told_by_move, by_limit) if colours is not None]
        colour = np.maximum.reduce(both)
        up, down = moves.up[place], moves.down[place]
        table = pd.DataFrame(
            {
                "value": value,
                "low": low,
                "high": high,
                "expected": expected[place],
                "score": moves.score[place],
                "moved": np.where(
                    moves.red[place] | moves.amber[place], np.where(up >= down, 1, -1), 0
                ),
                "by_limit": _words(by_limit, len(months)),
                "by_move": _words(told_by_move, len(months)),
                "colour": _words(colour, len(months)),
                "settled": moves.settled[place],
                "known": counted["known"],
            },
            index=months,
        )
        tables[name] = _since(table[table["value"].notna()])
    history = pd.concat(tables, names=["light", "month"])
    return history[list(COLUMNS)].astype(COLUMNS)


def months_by_light(
    history: pd.DataFrame, labels: Mapping[str, str], last: int = 24
) -> pd.DataFrame:
    """Colours of the last months, a row per light and a column per month.

    Parameters
    ----------
    history : DataFrame
        Of :func:`lights_history`.
    labels : mapping of light to str
    last : int
        So many months at most.

    Returns
    -------
    DataFrame, index light (its label), columns "2024-05" and so on
        Words; empty where a month has no figure.
    """
    wide = history["colour"].unstack("month").reindex(history.index.unique("light"))
    wide = wide.reindex(columns=sorted(wide.columns)[-last:])
    wide = wide.set_axis([f"{month:%Y-%m}" for month in wide.columns], axis=1)
    return wide.fillna("").rename(index=lambda name: labels.get(name, name))


def _empty() -> pd.DataFrame:
    index = pd.MultiIndex.from_arrays([[], pd.DatetimeIndex([])], names=["light", "month"])
    return pd.DataFrame(columns=list(COLUMNS), index=index).astype(COLUMNS)


def _words(codes: Array | None, n: int) -> list[str]:
    return [""] * n if codes is None else [COLOURS[code] for code in codes]


def _values(counted: pd.DataFrame, band: tuple[Array, Array]) -> tuple[Array, Array, Array]:
    """Value of a light in each month with its interval; `band` where loans follow no law."""
    x, n, squares = (counted[c].to_numpy(float) for c in ("numerator", "denominator", "squares"))
    kind = counted["kind"].dropna().iloc[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == "number":
            low = np.where(x > 0, special.gammaincinv(x + 0.5, 0.025), 0.0)
            return x, np.where(np.isnan(x), np.nan, low), special.gammaincinv(x + 0.5, 0.975)
        if kind == "rate":
            return x / n, *jeffreys_interval(x, n, 0.95)
        if kind == "mean":
            error = np.sqrt(np.maximum(squares - x**2 / n, 0) / (n - 1) / n)
            return x / n, x / n - NORMAL * error, x / n + NORMAL * error
        return (x if kind == "amount" else x / n), *band


def _by_limit(value: Array, low: Array, high: Array, amber: float, red: float, worse: int) -> Array:
    """Colours by the limits, month after month, since a red one stays until it is back."""
    sign = 1 if worse > 0 else -1
    near, far = (low, high) if sign > 0 else (high, low)
    proven = sign * (near - red) > 0
    beyond_red, beyond_amber = sign * (value - red) > 0, sign * (value - amber) > 0
    unclear = ~beyond_amber & (sign * (far - red) > 0)
    colours = np.full(len(value), GREEN)
    is_red = False
    for month in range(len(value)):
        if np.isnan(value[month]):
            colours[month] = GREY
            continue
        is_red = bool(proven[month] or (is_red and beyond_red[month]))
        if is_red:
            colours[month] = RED
        elif beyond_amber[month]:
            colours[month] = AMBER
        elif unclear[month]:
            colours[month] = GREY
    return colours


def _since(table: pd.DataFrame) -> pd.DataFrame:
    """With the first month of each month's colour."""
    run = (table["colour"] != table["colour"].shift()).cumsum()
    first = pd.Series(table.index, index=table.index).groupby(run).transform("first")
    return table.assign(since=first)

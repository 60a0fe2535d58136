"""Which light is on, since when and why: the table that a manager reads first.

Takes the history of the lights and the limits file; gives a row per light at the last month seen,
words and findings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskkit.columns import interval_text, verbatim
from riskkit.lights.colours import COLOURS, WORSE

if TYPE_CHECKING:
    from riskkit.schema import LimitsFile

__all__ = [
    "attention_table", "bound_text", "figure_text", "light_findings", "light_table", "lights_text",
    "to_do_table",
]  # fmt: skip

MONTHS_BEFORE = 12
TEXTS = ("label", "section", "unit", "colour", "why", "owner", "to_do")
NUMBERS = (
    "value", "low", "high", "before", "mean_before", "target_low", "target_high", "amber", "red",
    "expected",
)  # fmt: skip
COLUMNS = (
    "label", "section", "unit", "month", "value", "low", "high", "before", "mean_before",
    "target_low", "target_high", "amber", "red", "colour", "since", "why", "owner", "to_do",
    "expected", "verify",
)  # fmt: skip


def light_table(history: pd.DataFrame, limits: LimitsFile) -> pd.DataFrame:
    """Each light of the file at the last month that it is known of.

    Parameters
    ----------
    history : DataFrame
        Of :func:`riskkit.lights.lights_history`.
    limits : LimitsFile

    Returns
    -------
    DataFrame, index light, in the order of the file
        `label`, `section`, `unit`; `month` judged; `value`, `low`, `high`; `before` (a month
        earlier), `mean_before` (of up to twelve months before, each counting once); `target_low`,
        `target_high`, `amber`, `red` (NaN where none); `colour`, `since`, `why`; `owner`, `to_do`;
        `expected` (from the months before), `verify`. A light that nothing was counted for is
        grey, its figures NaN.

    Source
    ------
    riskkit definition.
    """
    there = set(history.index.get_level_values("light"))
    rows = {}
    for name, light in limits.lights.items():
        low, high = light.target or (np.nan, np.nan)
        bounds = {
            "target_low": low, "target_high": high,
            "amber": np.nan if light.amber is None else light.amber,
            "red": np.nan if light.red is None else light.red,
        }  # fmt: skip
        row = bounds | {
            "label": light.label, "section": light.section, "unit": light.unit,
            "owner": light.owner, "to_do": light.to_do, "verify": light.verify,
            "colour": "grey", "why": "This source does not tell it.",
            "month": pd.NaT, "since": pd.NaT,
        }  # fmt: skip
        if name in there:
            own = history.loc[name]
            last, earlier = own.iloc[-1], own["value"].iloc[-1 - MONTHS_BEFORE : -1]
            month = own.index[-1]
            row |= {k: last[k] for k in ("value", "low", "high", "expected", "colour", "since")}
            row |= {
                "month": month,
                "before": own["value"].get(month - pd.DateOffset(months=1), np.nan),
                "mean_before": earlier.mean() if len(earlier) else np.nan,
                "why": _why(own, bounds, light.unit, WORSE[light.worse]),
            }
        rows[name] = row
    table = pd.DataFrame.from_dict(rows, orient="index", columns=COLUMNS)
    table = table.astype(dict.fromkeys(TEXTS, "str") | dict.fromkeys(NUMBERS, "float64"))
    for day in ("month", "since"):
        table[day] = pd.to_datetime(table[day]).astype("datetime64[ns]")
    return table.astype({"verify": "bool"}).rename_axis("light")


def figure_text(value: float, unit: str, low: float = np.nan, high: float = np.nan) -> str:
    """A light's figure in its unit, with its interval where it has one."""
    kind = "percent2" if unit == "rate" else "whole"
    if unit in ("points", "days"):
        return interval_text(round(value, 1), round(low, 1), round(high, 1), "general")
    return interval_text(value, low, high, kind)


def bound_text(value: float, unit: str) -> str:
    """A limit or an end of a target as it was written; a dash where there is none."""
    if np.isnan(value):
        return "–"
    return f"{100 * value:.6g}%" if unit == "rate" else f"{value:,.10g}"


def _why(own: pd.DataFrame, bounds: dict[str, float], unit: str, worse: int) -> str:
    """One sentence on the colour of the last month."""
    last, told = own.iloc[-1], []
    figure = figure_text(last["value"], unit, last["low"], last["high"])
    by_limit, by_move, colour = last["by_limit"], last["by_move"], last["colour"]
    limit = {name: bound_text(bound, unit) for name, bound in bounds.items()}
    expected = figure_text(last["expected"], unit)
    side, near = ("above", last["low"]) if worse >= 0 else ("below", last["high"])
    if by_limit == colour == "red":
        proven = worse * (near - bounds["red"]) > 0
        beyond = " by more than chance" if proven else ", and not back since it was beyond chance"
        told.append(f"{figure} is {side} the limit of {limit['red']}{beyond}")
    elif by_limit == colour == "amber" and worse * (last["value"] - bounds["red"]) > 0:
        told.append(f"{figure} is {side} the limit of {limit['red']}, but that may be chance")
    elif by_limit == colour == "amber":
        told.append(f"{figure} is {side} {limit['amber']}, the limit for amber")
    if by_move == colour and colour in ("red", "amber"):
        way = "higher" if last["moved"] > 0 else "lower"
        sure = "than chance explains" if colour == "red" else "than is usual, if not yet for sure"
        if last["low"] <= last["expected"] <= last["high"]:
            # what was beyond chance is the sum of the months before
            way = f"by itself as usual; the months before add up to {way}"
        told.append(f"{figure} where {expected} was expected, {way} {sure}")
    if colour == "grey" and by_limit == "grey":
        told.append(f"{figure}: too few to say whether it is {side} {limit['red']}")
    elif colour == "grey":
        told.append(f"{figure}: too few months before to say what is usual")
    if not told:
        within = "within its limits" if by_limit == "green" else ""
        usual = {
            "green": f"as expected ({expected})",
            "grey": "too few months to say what is usual",
        }
        parts = [part for part in (within, usual.get(by_move, "")) if part]
        told.append(" and ".join(parts).capitalize())
    if own["settled"].iloc[-MONTHS_BEFORE:].any():
        told.append("a level held for a year is the reference now")
    if last["value"] < bounds["target_low"] or last["value"] > bounds["target_high"]:
        told.append(f"the target is {limit['target_low']} to {limit['target_high']}")
    return "; ".join(told) + "."


def lights_text(table: pd.DataFrame) -> str:
    """How many lights are on and which, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`light_table`.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> lights_text(pd.DataFrame({"colour": [], "label": []}))
    'No figure is watched: `data/limits.yaml` has no light of this source.'
    """
    if table.empty:
        return "No figure is watched: `data/limits.yaml` has no light of this source."
    told = []
    for colour in ("red", "amber", "grey"):
        labels = [verbatim(label) for label in table.loc[table["colour"] == colour, "label"]]
        if labels:
            ending = ", too few to say" if colour == "grey" else ""
            text = f"{len(labels)} {'is' if len(labels) == 1 else 'are'} {colour}{ending}"
            told.append(f"**{text}** ({', '.join(labels)})")
    if not told:
        every = "The one light is" if len(table) == 1 else f"All {len(table)} lights are"
        return f"**{every} green.**"
    green = " All others are green." if (table["colour"] == "green").any() else ""
    return f"Of {len(table)} lights {'; '.join(told)}.{green}"


def light_findings(table: pd.DataFrame) -> list[tuple[str, str, bool]]:
    """The lights that are amber: topic, text with what is done about it, and that it is not red.

    A red light is an alert, which :mod:`riskkit.pipeline` tells with its state and above all
    findings: as a finding it would stand there twice, also once somebody has acknowledged it.

    Parameters
    ----------
    table : DataFrame
        Of :func:`light_table`.

    Source
    ------
    riskkit definition.
    """
    return [
        (
            "Lights",
            f"{row['label']}, since {row['since']:%B %Y}: {row['why'].removesuffix('.')} "
            f"({row['owner']}: {row['to_do'].removesuffix('.')})",
            False,
        )
        for _, row in table[table["colour"] == "amber"].iterrows()
    ]


def to_do_table(table: pd.DataFrame) -> pd.DataFrame:
    """The lights that are on, red first: since when, what is done, by whom.

    Returns
    -------
    DataFrame, index light (its label)
        `colour`, `since` ("2024-03"), `to_do`, `owner`.

    Source
    ------
    riskkit definition.
    """
    on = table[table["colour"].isin(["red", "amber"])]
    on = on.sort_values(
        "colour", key=lambda c: c.map(COLOURS.index), ascending=False, kind="stable"
    )
    shown = on.set_index("label")[["colour", "since", "to_do", "owner"]].rename_axis("light")
    return shown.assign(since=shown["since"].dt.strftime("%Y-%m"))


def attention_table(found: Sequence[tuple[str, str, bool]], limits: LimitsFile) -> pd.DataFrame:
    """What sections have found, red first: what it is, what is done, by whom.

    Parameters
    ----------
    found : sequence of (topic, text, is_red)
    limits : LimitsFile
        Who owns each topic and does what; a topic without an owner there says so.

    Returns
    -------
    DataFrame, index topic
        Texts `colour`, `found`, `to_do`, `owner`.

    Source
    ------
    riskkit definition.
    """
    rows = []
    for topic, text, is_red in sorted(found, key=lambda row: not row[2]):
        duty = limits.findings.get(topic)
        rows.append(
            {
                "topic": topic,
                "colour": "red" if is_red else "amber",
                "found": text,
                "to_do": duty.to_do if duty else "–",
                "owner": duty.owner if duty else "no owner named",
            }
        )
    columns = ["topic", "colour", "found", "to_do", "owner"]
    return pd.DataFrame(rows, columns=columns, dtype="str").set_index("topic")

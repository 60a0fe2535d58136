"""Which light is on, since when and why: the table that a manager reads first.

Takes the history of the lights and the limits file; gives a row per light at the last month seen,
words, findings, and the table as a page shows it.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskkit.columns import interval_text, verbatim
from riskkit.lights.colours import COLOURS, WORSE

if TYPE_CHECKING:
    from riskkit.schema import LimitsFile

__all__ = ["light_findings", "light_table", "lights_html", "lights_text", "to_do_table"]

MONTHS_BEFORE = 12
LEFT = ' style="text-align: left"'
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
    elif by_limit == colour == "amber":
        told.append(f"{figure} is {side} {limit['amber']}, the limit for amber")
    if by_move == colour and colour in ("red", "amber"):
        way = "higher" if last["moved"] > 0 else "lower"
        sure = "than chance explains" if colour == "red" else "than is usual, if not yet for sure"
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
    'No figure is watched: `data/limits.yaml` names no light.'
    """
    if table.empty:
        return "No figure is watched: `data/limits.yaml` names no light."
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
    """What deserves attention: topic, text, whether it is red, a light each.

    Parameters
    ----------
    table : DataFrame
        Of :func:`light_table`.

    Source
    ------
    riskkit definition.
    """
    on = table[table["colour"].isin(["red", "amber"])]
    on = on.sort_values(
        "colour", key=lambda c: c.map(COLOURS.index), ascending=False, kind="stable"
    )
    return [
        (
            "Lights",
            f"{row['label']}, since {row['since']:%B %Y}: {row['why'].removesuffix('.')} "
            f"({row['owner']})",
            row["colour"] == "red",
        )
        for _, row in on.iterrows()
    ]


def to_do_table(table: pd.DataFrame) -> pd.DataFrame:
    """The lights that are on, red first: since when, what is done, by whom.

    Returns
    -------
    DataFrame, index label
        `colour`, `since` ("2024-03"), `to_do`, `owner`.

    Source
    ------
    riskkit definition.
    """
    on = table[table["colour"].isin(["red", "amber"])]
    on = on.sort_values(
        "colour", key=lambda c: c.map(COLOURS.index), ascending=False, kind="stable"
    )
    shown = on.set_index("label")[["colour", "since", "to_do", "owner"]]
    return shown.assign(since=shown["since"].dt.strftime("%Y-%m"))


def lights_html(table: pd.DataFrame, history: pd.DataFrame, months: int = 24) -> str:
    """The lights as a page shows them: colour and word, figures, target, a line over the months.

    Parameters
    ----------
    table : DataFrame
        Of :func:`light_table`.
    history : DataFrame
        That it was made from.
    months : int
        So many in the line; a month that was amber or red has a dot on it.

    Returns
    -------
    str
        An HTML table, everything in it escaped; colours are those of the pages' style sheet, the
        words stand without it.

    Source
    ------
    riskkit definition.
    """
    there = set(history.index.get_level_values("light"))
    lines = []
    for name, row in table.iterrows():
        unit = row["unit"]
        target = "–"
        if not np.isnan(row["target_low"]):
            target = " to ".join(bound_text(row[c], unit) for c in ("target_low", "target_high"))
        short = [
            f"{row['since']:%Y-%m}" if pd.notna(row["since"]) else "–",
            *(figure_text(row[c], unit) for c in ("value", "before", "mean_before")),
            target,
        ]
        cells = [f'<span class="light {row["colour"]}">{row["colour"]}</span>']
        cells += [html.escape(text) for text in short]
        line = _line(history.loc[name].iloc[-months:], unit) if name in there else ""
        body = "".join(f'<td style="white-space: nowrap">{cell}</td>' for cell in cells)
        why = f'<td style="text-align: left; min-width: 15rem">{html.escape(row["why"])}</td>'
        body += f"<td>{line}</td>{why}"
        lines.append(f'<tr><th scope="row">{html.escape(row["label"])}</th>{body}</tr>')
    heads = [
        "light", "colour", "since", "last month", "month before", "mean of 12 before", "target",
        f"last {months} months", "why",
    ]  # fmt: skip
    top = "".join(f'<th scope="col"{LEFT if head == "why" else ""}>{head}</th>' for head in heads)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _line(own: pd.DataFrame, unit: str) -> str:
    """A small line of the months with dots where it was on, and what it shows in words."""
    values, on = own["value"], own["colour"].isin(["amber", "red"])
    if len(values) < 2:
        return ""
    low, high = values.min(), values.max()
    x = np.linspace(3, 97, len(values))
    y = 17 - 14 * (values.to_numpy() - low) / ((high - low) or 1.0)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    dots = "".join(
        f'<g class="light {colour}"><circle cx="{a:.1f}" cy="{b:.1f}" r="2.6" '
        'fill="currentColor"/></g>'
        for a, b, colour in zip(x[on], y[on], own["colour"][on], strict=True)
    )
    told = f"{len(values)} months, {figure_text(low, unit)} to {figure_text(high, unit)}"
    months = ", ".join(f"{month:%Y-%m} {own.loc[month, 'colour']}" for month in own.index[on])
    told = html.escape(f"{told}; {months}" if months else told)
    return (
        f'<svg class="trend" viewBox="0 0 100 20" width="112" height="22" role="img" '
        f'aria-label="{told}"><title>{told}</title>'
        f'<polyline fill="none" stroke="currentColor" points="{points}"/>{dots}</svg>'
    )

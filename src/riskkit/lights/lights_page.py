"""The lights as pages show them: a table with lines over the months, colours by month, key figures.

Takes the table of lights and their history; gives HTML in which everything is escaped, whose
colours are those of the pages' style sheet, and texts.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from riskkit.lights.colours import months_by_light
from riskkit.lights.light_table import bound_text, figure_text

__all__ = ["light_figures", "light_trends", "lights_html", "months_html"]

LEFT = ' style="text-align: left"'
WHOLE = ' style="white-space: nowrap"'
CLOSE = ' style="text-align: center; padding-right: 0.3rem"'  # twelve months on one page


def lights_html(table: pd.DataFrame, history: pd.DataFrame, months: int = 24) -> str:
    """The lights as a page shows them: colour and word, figures, target, a line over the months.

    Parameters
    ----------
    table : DataFrame
        Of :func:`riskkit.lights.light_table`.
    history : DataFrame
        That it was made from.
    months : int
        So many in the line; a month that was amber or red has a dot on it.

    Returns
    -------
    str
        An HTML table; below the figure stands its interval, where it has one.

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
        shown = figure_text(row["value"], unit)
        # the interval by itself: what is left of the figure with it
        ends = figure_text(row["value"], unit, row["low"], row["high"]).removeprefix(shown)
        short = [
            f"{row['month']:%Y-%m}" if pd.notna(row["month"]) else "–",
            f"{shown}\n{ends.strip(' ()')}".strip(),
            *(figure_text(row[c], unit) for c in ("before", "mean_before")),
            target,
        ]
        since = f"<br>since {row['since']:%Y-%m}" if pd.notna(row["since"]) else ""
        cells = [f'<span class="light {row["colour"]}">{row["colour"]}</span>{since}']
        cells += [html.escape(text).replace("\n", "<br>") for text in short]
        line = _line(history.loc[name].iloc[-months:], unit) if name in there else ""
        body = "".join(f"<td{WHOLE}>{cell}</td>" for cell in cells)
        why = f'<td style="text-align: left; min-width: 12rem">{html.escape(row["why"])}</td>'
        body += f"<td>{line}</td>{why}"
        label = row["label"] if unit in ("rate", "count") else f"{row['label']}, {unit}"
        lines.append(f'<tr><th scope="row">{html.escape(label)}</th>{body}</tr>')
    heads = [
        "light", "colour", "month", "figure, 95 % interval", "month before",
        "mean of 12 before", "target", f"last {months} months", "why",
    ]  # fmt: skip
    top = "".join(f'<th scope="col"{LEFT if head == "why" else ""}>{head}</th>' for head in heads)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def months_html(history: pd.DataFrame, labels: Mapping[str, str], last: int = 12) -> str:
    """The lights that were on within the last months, in their colours; empty where none was.

    Parameters
    ----------
    history : DataFrame
        Of :func:`riskkit.lights.lights_history`.
    labels : mapping of light to str
    last : int
        So many months.

    Returns
    -------
    str
        An HTML table, a column a month: the colour, "·" for green, a dash where there is no figure
        yet.

    Source
    ------
    riskkit definition.
    """
    months = months_by_light(history, labels, last=last)
    on = months[months.isin(["red", "amber"]).any(axis=1)]
    if on.empty:
        return ""
    lines = []
    for label, row in on.iterrows():
        cells = "".join(f"<td{CLOSE}>{_word(word)}</td>" for word in row)
        lines.append(f'<tr><th scope="row">{html.escape(str(label))}</th>{cells}</tr>')
    top = "".join(f'<th scope="col"{CLOSE}>{month}</th>' for month in on)
    return (
        f"<table><caption>Lights that were on within the last {on.shape[1]} months (· green, "
        "– not yet known)</caption>"
        f'<thead><tr><th scope="col">light</th>{top}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table>"
    )


def _word(colour: str) -> str:
    if colour in ("red", "amber"):
        style = "margin-right: 0; white-space: nowrap"
        return f'<span class="light {colour}" style="{style}">{colour}</span>'
    return {"green": "·", "": "–"}.get(colour, colour)


def light_figures(table: pd.DataFrame, lights: Sequence[str]) -> dict[str, str]:
    """Key figures of a front page: label of the light → figure, interval, month and colour.

    Parameters
    ----------
    table : DataFrame
        Of :func:`riskkit.lights.light_table`.
    lights : sequence of str
        Their names; one that is not in the table, or has no figure, is left out.

    Source
    ------
    riskkit definition.
    """
    told = {}
    for name in lights:
        if name in table.index and pd.notna(table.loc[name, "value"]):
            row = table.loc[name]
            unit = "" if row["unit"] in ("rate", "count") else f" {row['unit']}"
            figure = figure_text(row["value"], row["unit"], row["low"], row["high"])
            told[str(row["label"])] = f"{figure}{unit} in {row['month']:%B %Y}, {row['colour']}"
    return told


def light_trends(table: pd.DataFrame, history: pd.DataFrame, months: int = 24) -> pd.DataFrame:
    """How the lights went, a column a light by its label, a row a month ("2024-05").

    Parameters
    ----------
    table : DataFrame
        Of :func:`riskkit.lights.light_table`.
    history : DataFrame
        That it was made from.
    months : int
        So many at most; NaN where one has no figure.

    Source
    ------
    riskkit definition.
    """
    wide = history["value"].unstack("light").sort_index().tail(months)
    wide = wide.set_axis([f"{month:%Y-%m}" for month in wide.index])
    wide = wide.rename_axis("month").rename_axis(columns=None)
    return wide.rename(columns=table["label"].to_dict())


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

"""Blocks of a page that answer a choice: a cutoff under a slider, the curves of a kind of loan.

Takes tables; gives HTML that shows one choice as it stands, and holds every other one as data for
the page's own script. The texts are written here, so that what a slider shows is what a table says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from riskkit.columns import interval_text, number_text
from riskkit.documents.shell import fragment_html
from riskkit.vintage import CURVE_MEASURES, event_text, until_still

__all__ = [
    "Explorer",
    "curve_chooser",
    "cutoff_cells",
    "cutoff_labels",
    "cutoff_slider",
    "swap_cells",
]

_MOST_DIGITS = 7  # of a rate, which is shown with two of a per cent


@dataclass(frozen=True, repr=False)
class Explorer:
    """A block of a page; in a notebook it shows the one choice that it starts with."""

    html: str = field(repr=False)

    def _repr_html_(self) -> str:
        return self.html


def cutoff_slider(
    tables: Mapping[str, pd.DataFrame],
    swaps: Mapping[str, pd.DataFrame],
    starts: Mapping[str, float],
    *,
    rate_name: str,
    money: str,
) -> Explorer:
    """Every cutoff of two models: what it approves, how that repays and earns, who changes places.

    Parameters
    ----------
    tables : mapping of model to DataFrame, index `cutoff`
        Of :func:`strategy.cutoff_table`, of the same applications; two of them.
    swaps : mapping of model to DataFrame, index (a, b, decision)
        Of :func:`strategy.swap_sets`: the model's cutoffs, each beside one of the other.
    starts : mapping of model to number
        Cutoff to begin at; of the first model, what stands there without scripts.
    rate_name, money : str
        What the share approved is called, and the currency.

    Raises
    ------
    ValueError
        Not two models.

    Source
    ------
    riskkit definition.
    """
    if len(tables) != 2:
        raise ValueError(f"a slider is over two models, got {list(tables)}")
    first, second = tables
    all_booked = all((table["never_booked_rate"] == 0).all() for table in tables.values())
    labels = cutoff_labels(rate_name, money, all_booked=all_booked)
    # of the second model, "only a" is only the second
    orders = {first: (0, 1, 2, 3), second: (0, 2, 1, 3)}
    positions = {}
    for model, other in ((first, second), (second, first)):
        pairs = swaps[model].groupby(level=["a", "b"], sort=False)
        positions[model] = [
            {
                "told": f"{model} {cutoff:g}, {other} {beside:g}",
                "heads": [f"{model} from {cutoff:g} on", f"{other} from {beside:g} on"],
                "figures": _side_by_side(
                    tables[model].loc[cutoff], tables[other].loc[beside], n_lines=len(labels)
                ),
                "swaps": [swap_cells(pair.iloc[at]) for at in orders[model]],
            }
            for (cutoff, beside), pair in pairs
        ]
    at = {
        model: int(np.abs(table.index.to_numpy() - starts[model]).argmin())
        for model, table in tables.items()
    }
    return Explorer(
        fragment_html(
            "slider.html.j2",
            models=list(tables),
            labels=labels,
            decisions=["both approve", f"only {first}", f"only {second}", "neither"],
            shown=positions[first][at[first]],
            data=_json({"positions": positions, "starts": at}),
        )
    )


def curve_chooser(
    curves: pd.DataFrame, start: Mapping[str, Any], milestones: Sequence[int]
) -> Explorer:
    """Vintage curves of a term, an event and a measure to choose; nothing without scripts.

    Parameters
    ----------
    curves : DataFrame, index (term, event, measure, cohort)
        Of :func:`vintage.curve_choices`.
    start : mapping of level to value
        `term`, `event` and `measure` to begin with.
    milestones : sequence of int
        Months on book of the table below the curves.

    Source
    ------
    riskkit definition.
    """
    told, drawn_months = {}, {}
    for (term, event, measure), own in curves.groupby(level=["term", "event", "measure"]):
        curve = own.drop(columns="loans")
        key = f"{term}|{event}|{measure}"
        drawn_months[key] = until_still(curve).shape[1]
        told[key] = [
            {
                "name": str(cohort),
                "loans": number_text(loans, "whole"),
                "values": [round(value, _MOST_DIGITS) for value in row[~np.isnan(row)]],
            }
            for cohort, loans, row in zip(
                own.index.get_level_values("cohort"),
                own["loans"],
                curve.to_numpy(dtype=float),
                strict=True,
            )
            if not np.isnan(row).all()
        ]
    choices = {
        "term": {term: f"{term} months" for term in curves.index.unique("term")},
        "event": {event: event_text(event) for event in curves.index.unique("event")},
        "measure": {measure: CURVE_MEASURES[measure] for measure in curves.index.unique("measure")},
    }
    return Explorer(
        fragment_html(
            "curves.html.j2",
            choices=choices,
            start={level: start.get(level) for level in choices},
            milestones=list(milestones),
            data=_json(
                {"curves": told, "drawn_months": drawn_months, "milestones": list(milestones)}
            ),
        )
    )


def cutoff_labels(rate_name: str, money: str, *, all_booked: bool) -> list[str]:
    """What is told of a cutoff, a label for each of the first :func:`cutoff_cells`.

    Parameters
    ----------
    rate_name, money : str
        What the share approved is called, and the currency.
    all_booked : bool
        Whether nobody approved was never booked, so that nothing is to be guessed.
    """
    labels = [
        rate_name,
        "loans with a known outcome",
        "bads",
        "bad rate, 95 % interval",
        f"profit, {money}, 95 % interval",
    ]
    if all_booked:
        return labels
    return [*labels, "expected bad rate of all approved", "never booked", "inferred"]


def cutoff_cells(row: pd.Series) -> list[str]:
    """What a cutoff approves and brings, as text; the last three are of those never booked.

    Parameters
    ----------
    row : Series
        Of :func:`strategy.cutoff_table`.
    """
    return [
        number_text(row["approval_rate"], "percent"),
        number_text(row["good"] + row["bad"], "whole"),
        number_text(row["bad"], "whole"),
        interval_text(row["bad_rate"], row["bad_rate_low"], row["bad_rate_high"], "percent2"),
        interval_text(row["profit_amount"], row["profit_low"], row["profit_high"], "whole"),
        number_text(row["expected_bad_rate"], "percent2"),
        number_text(row["never_booked_rate"], "percent"),
        "yes" if row["inferred"] else "no",
    ]


def swap_cells(row: pd.Series) -> list[str]:
    """Applications, booked, bads and bad rate of a decision of :func:`strategy.swap_set`."""
    bad_rate = interval_text(row["bad_rate"], row["bad_rate_low"], row["bad_rate_high"], "percent2")
    counts = [number_text(row[name], "whole") for name in ("applications", "booked", "bad")]
    return [*counts, bad_rate]


def _side_by_side(*rows: pd.Series, n_lines: int) -> list[list[str]]:
    """The first lines of cells of each cutoff, a line a figure."""
    return [list(line) for line in zip(*map(cutoff_cells, rows), strict=True)][:n_lines]


def _json(data: Any) -> str:
    """JSON that may stand within a script element of a page: nothing in it ends one."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")

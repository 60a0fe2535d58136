"""The vintage explorer: which curves it draws, and each cohort at an age.

Takes a book and what is known of its loans; gives a view for a notebook.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from riskkit import documents, vintage
from riskkit.columns import interval_text, number_text
from riskkit.tables import Table
from riskkit.widgets.view import View, plain_number
from riskkit.widgets.vintage_session import VintageSession

__all__ = ["VintageExplorer", "vintage_explorer"]

_FREQS = {"M": "months", "Q": "quarters", "Y": "years"}


def vintage_explorer(
    book: pd.DataFrame | Table,
    applications: pd.DataFrame,
    *,
    parts: Sequence[str] = (),
    milestones: Sequence[int] = (3, 6, 9, 12),
) -> VintageExplorer:
    """Explorer of every vintage curve for a notebook; in a run, the curves to choose on its page.

    Parameters
    ----------
    book : DataFrame or Table
        As for :func:`riskkit.vintage.cohort_counts`.
    applications : DataFrame
        `application_id`, `term_months` and, of `parts`, those that are there.
    parts : sequence of str
        Columns that loans can be split by.
    milestones : sequence of int
        Months on book of the table on a page.
    """
    asked = applications.set_index("application_id")
    known = asked[[name for name in parts if name in asked]]
    return VintageExplorer(VintageSession(book, asked["term_months"], known), milestones)


class VintageExplorer(View):
    """View of a :class:`VintageSession`.

    Parameters
    ----------
    session : VintageSession
    milestones : sequence of int
    """

    script = "vintage_explorer"

    def __init__(self, session: VintageSession, milestones: Sequence[int] = (3, 6, 9, 12)) -> None:
        super().__init__()
        self.session = session
        self._milestones = milestones

    def __repr__(self) -> str:
        return f"VintageExplorer of {len(self.session.terms)} terms"

    def do(self, asked: Mapping[str, Any]) -> str:
        """Look at what was chosen."""
        self.session.choose(**{name: value for name, value in asked.items() if name != "act"})
        return ""

    def shown(self) -> dict[str, Any]:
        """The curves that were chosen, and each cohort at one age."""
        session = self.session
        texts = {
            "term": [f"{term} months" for term in session.terms],
            "event": [vintage.event_text(event) for event in session.events],
            "measure": [vintage.CURVE_MEASURES[name] for name in session.measures],
            "part": [name.replace("_", " ") for name in session.parts],
            "level": session.levels,
            "cohort_freq": list(_FREQS.values()),
        }
        known = session.choices()
        table = session.at_month()
        return {
            "choices": [
                {
                    "name": name,
                    "label": name.removesuffix("_freq").replace("_", " "),
                    "values": known[name],
                    "texts": texts[name],
                    "at": getattr(session, name),
                }
                for name in known
            ],
            "month": session.month,
            "last_month": max(session.curves.shape[1] - 1, 0),
            "curves": [
                {
                    "name": str(cohort),
                    "values": [plain_number(value) for value in row[~np.isnan(row)]],
                }
                for cohort, row in zip(
                    session.curves.index, session.curves.to_numpy(dtype=float), strict=True
                )
            ],
            "heads": ["cohort", "loans", *(["bad"] if "bad" in table else []), self._rate_name],
            "rows": [_cells(str(cohort), row) for cohort, row in table.iterrows()],
        }

    @property
    def _rate_name(self) -> str:
        ends = "" if self.session.measure == "amount" else ", 95 % interval"
        return f"{vintage.CURVE_MEASURES[self.session.measure]}{ends}"

    def static_html(self) -> str:
        """The block of a page on which a reader chooses among the curves, without segments."""
        session = self.session
        dpds = tuple(int(event) for event in session.events if event.isdigit())
        every = vintage.curve_choices(session.counts(), dpds=dpds, cohort_freq=session.cohort_freq)
        start = {"term": session.term, "event": session.event, "measure": session.measure}
        return documents.curve_chooser(every, start, self._milestones).html


def _cells(cohort: str, row: pd.Series) -> list[str]:
    """A cohort at the month that is looked at, as text."""
    cells = [cohort, number_text(row["loans"], "whole")]
    if "bad" not in row:
        return [*cells, number_text(row["rate"], "percent2")]
    rate = interval_text(row["rate"], row["low"], row["high"], "percent2")
    return [*cells, number_text(row["bad"], "whole"), rate]

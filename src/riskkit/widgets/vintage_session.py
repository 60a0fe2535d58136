"""A session of looking at vintage curves, without a view: choose what to draw, and an age.

Takes a book and what is known of its loans; gives the curves that were chosen, and each cohort at
one month on book with its interval.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

import pandas as pd

from riskkit import vintage
from riskkit.metrics import jeffreys_interval
from riskkit.tables import Table

__all__ = ["VintageSession"]

ALL = "all loans"
_UNKNOWN = -1  # term of a loan without one
_Freq = Literal["M", "Q", "Y"]
# what is counted, and how the curves are asked for
_MEASURES: Mapping[str, Mapping[str, Any]] = {
    "loans": {},
    "amount": {"measure": "amount"},
    "now": {"ever": False},
}


class VintageSession:
    """Vintage curves of one term and, if asked for, of one part of its loans.

    Parameters
    ----------
    book : DataFrame or Table
        As for :func:`riskkit.vintage.cohort_counts`.
    term_months : Series, index loan id
        Of each loan; one without a term is left out.
    parts : DataFrame, same index
        What loans can be split by, such as `channel` or `grade`: a column each, of text.
    dpds : sequence of int, in days
        Thresholds to choose from; outcomes know one event only.
    cohort_freq : {"M", "Q", "Y"}
        To begin with.

    Attributes
    ----------
    term, event, measure, part, level, cohort_freq : value
        What is looked at. `event` is a threshold as text, or "default"; `measure` is loans, amount
        or now; `part` a column of `parts`, or "all loans", whose only level is the empty one.
    month : int
        The month on book that the cohorts are compared at.

    Raises
    ------
    ValueError
        No loan of the book has a term, or another index of `parts`.
    """

    def __init__(
        self,
        book: pd.DataFrame | Table,
        term_months: pd.Series,
        parts: pd.DataFrame,
        *,
        dpds: tuple[int, ...] = (30, 60, 90),
        cohort_freq: _Freq = "Q",
    ) -> None:
        if not parts.index.equals(term_months.index):
            raise ValueError("parts must have the index of term_months, loan by loan")
        self._book, self._dpds = book, dpds
        self._terms = term_months.fillna(_UNKNOWN).astype("int64")
        self._parts = parts
        self._counts: dict[str, pd.DataFrame] = {}
        counts = self.counts()
        if counts.empty:
            raise ValueError("no loan of the book has a term")
        loans = counts.groupby(level="term_months")["loans"].sum()
        outcomes = "ever_default_loans" in counts
        self.terms = [int(term) for term in loans.index]
        self.events = ["default"] if outcomes else [str(dpd) for dpd in dpds]
        lacking = {"now"} if outcomes else set()
        lacking |= set() if "amount" in counts else {"amount"}
        self.measures = [name for name in _MEASURES if name not in lacking]
        self.parts = [ALL, *(str(name) for name in self._parts if self._levels(name))]
        self.term, self.event, self.measure = int(loans.idxmax()), self.events[-1], "loans"
        self.part, self.level, self.cohort_freq = ALL, "", cohort_freq
        self.month = 0
        self._look()

    @property
    def levels(self) -> list[str]:
        """Levels of the part that is looked at, the one of most loans first."""
        return [""] if self.part == ALL else self._levels(self.part)

    def choose(self, **asked: Any) -> None:
        """Look at something else: any of the attributes but `level` of another part.

        Raises
        ------
        ValueError
            Something there is not; nothing has changed.
        """
        before = {name: getattr(self, name) for name in (*self.choices(), "month")}
        try:
            for name, value in asked.items():
                self._choose(name, value)
            self._look()
        except ValueError:
            for name, value in before.items():
                setattr(self, name, value)
            self._look()
            raise

    def at_month(self) -> pd.DataFrame:
        """Each cohort at the month that is looked at, those that have got there.

        Returns
        -------
        DataFrame, index cohort
            `loans` of the cohort and `rate`, the curve's value. By number of loans also `bad`,
            loans behind it, and `low`, `high`, its Jeffreys 95 % interval; a share of the amount
            has none, as few large loans may make it.
        """
        rate = self.curves[self.month].dropna() if self.month in self.curves else pd.Series()
        table = pd.DataFrame({"loans": self.loans.reindex(rate.index), "rate": rate})
        if self.measure == "amount":
            return table
        table.insert(1, "bad", (table["rate"] * table["loans"]).round().astype("int64"))
        table["low"], table["high"] = jeffreys_interval(table["bad"], table["loans"], 0.95)
        return table

    def choices(self) -> dict[str, list[Any]]:
        """What can be looked at, by attribute."""
        return {
            "term": self.terms,
            "event": self.events,
            "measure": self.measures,
            "part": self.parts,
            "level": self.levels,
            "cohort_freq": list(get_args(_Freq)),
        }

    def _choose(self, name: str, value: Any) -> None:
        if name == "month":
            self.month = int(value)
            return
        if name not in self.choices():
            raise ValueError(f"there is nothing called {name!r} to choose")
        if value not in (known := self.choices()[name]):
            raise ValueError(f"{name} is one of {known}, got {value!r}")
        setattr(self, name, value)
        if name == "part":
            self.level = self.levels[0]

    def _look(self) -> None:
        """Curves and loans of what was chosen, and a month that some cohort has reached."""
        counts = self.counts(self.part)
        if self.part != ALL:
            counts = counts.xs(self.level, level="part")
        own = counts.loc[counts.index.get_level_values("term_months") == self.term]
        own = own.droplevel("term_months")
        dpd = int(self.event) if self.event.isdigit() else 0
        curves = vintage.vintage_table(
            own, dpd=dpd, cohort_freq=self.cohort_freq, **_MEASURES[self.measure]
        )
        starts = pd.DatetimeIndex(own.index.get_level_values("cohort"))
        periods = starts.to_period(self.cohort_freq).astype(str)
        curves.index = pd.DatetimeIndex(curves.index).to_period(self.cohort_freq).astype(str)
        self.loans = own["loans"].groupby(periods).sum()
        self.curves = vintage.until_still(curves) if len(curves) else curves
        last = max(self.curves.shape[1] - 1, 0)
        self.month = min(self.month, last) if 0 < self.month else min(6, last)

    def counts(self, part: str = ALL) -> pd.DataFrame:
        """Counts of :func:`riskkit.vintage.cohort_counts` by term, and by a part; counted once."""
        if part not in self._counts:
            kinds = self._terms.to_frame("term_months")
            if part != ALL:
                kinds["part"] = self._parts[part].astype("str").fillna("")
            by = kinds.groupby(list(kinds), sort=False).ngroup().rename("kind")
            of = kinds.drop_duplicates(ignore_index=True)  # in the order of the groups
            counts = vintage.cohort_counts(self._book, dpd=self._dpds, by=by)
            at = counts.index.get_level_values("kind")
            levels = {name: of[name].to_numpy()[at] for name in kinds}
            levels |= {name: counts.index.get_level_values(name) for name in ("cohort", "mob")}
            counts.index = pd.MultiIndex.from_arrays(list(levels.values()), names=list(levels))
            self._counts[part] = counts[counts.index.get_level_values("term_months") != _UNKNOWN]
        return self._counts[part]

    def _levels(self, part: str) -> list[str]:
        """Levels of a column, of most loans first; none where it does not split them."""
        count = self._parts[part].value_counts()
        return [] if len(count) < 2 else [str(level) for level in count.index]

"""Counts by cohort as arrays of cohort × month on book: what curves and risk sets are read off.

Takes the counts of :func:`riskkit.vintage.cohort_counts`; gives arrays, and what is in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskkit.checks import Array
from riskkit.columns import calendar_months
from riskkit.tables import Table
from riskkit.vintage.counts import Passed, cohort_counts

__all__ = [
    "CohortGrids",
    "as_counts",
    "censored_column",
    "check_vanished",
    "cohort_grids",
    "event_of",
    "observed_counts",
    "shifted",
    "tall",
]


def check_vanished(vanished: str, *, ever: bool = True) -> None:
    """Refuse an unknown treatment of vanished loans, or one that current curves cannot have."""
    if vanished not in ("censored", "event"):
        raise ValueError(f"vanished must be 'censored' or 'event', got {vanished!r}")
    if vanished == "event" and not ever:
        raise ValueError("vanished='event' needs ever=True: nobody sees a vanished loan's arrears")


def as_counts(book: pd.DataFrame | Table, dpd: Passed) -> pd.DataFrame:
    """Counts, each cell once; a book is counted first."""
    if not isinstance(book, pd.DataFrame) or "mob" not in book.index.names:
        return cohort_counts(book, dpd=(dpd,))
    # counts of parts laid one below the other are not added up yet
    return book if book.index.is_unique else book.groupby(level=book.index.names).sum()


def event_of(counts: pd.DataFrame, dpd: Passed) -> str:
    """How the event's columns are named."""
    if "ever_default_loans" in counts.columns:
        return "default"
    if f"ever_{dpd}_loans" in counts.columns:
        return str(dpd)
    counted = [name.split("_")[1] for name in counts.columns if name.startswith("ever_")]
    thresholds = ", ".join(dict.fromkeys(counted)) or "none"
    raise ValueError(f"dpd must be one of the thresholds counted ({thresholds}), got {dpd!r}")


def censored_column(event: str) -> str:
    """Name of the column of the censored, who are of one kind only in outcomes."""
    return "censored_loans" if event == "default" else f"censored_{event}_loans"


def observed_counts(
    counts: pd.DataFrame, observed_to: pd.Timestamp | str | None
) -> tuple[pd.DataFrame, int | None]:
    """Part of the counts whose cohorts exist at `observed_to`, and its month; None if open."""
    cohort = calendar_months(counts.index.get_level_values("cohort"))
    if observed_to is not None:
        month = calendar_months([observed_to])[0]
        return counts[cohort <= month], month
    if counts.empty or "ever_default_loans" in counts.columns:
        return counts, None
    return counts, int((cohort + counts.index.get_level_values("mob").to_numpy()).max())


@dataclass(frozen=True, kw_only=True)
class CohortGrids:
    """Counts as arrays, ([by,] cohort) × mob; of :func:`cohort_grids`.

    Parameters
    ----------
    counts : DataFrame
    row, mob : array
        Place of each of its cells.
    cohorts : Index
    width : int
        Months, from 0 on.
    """

    counts: pd.DataFrame
    row: NDArray[np.intp]
    mob: NDArray[np.int64]
    cohorts: pd.Index
    width: int

    def of(self, column: str) -> NDArray[np.int64]:
        """One column, 0 where there is no cell; of loans of a kind never counted, nothing."""
        there = column in self.counts.columns
        return self._filled(self.counts[column].to_numpy(np.int64) if there else 0)

    def has_rows(self) -> NDArray[np.int64]:
        """1 where there is a cell."""
        return self._filled(1)

    def _filled(self, values: NDArray[np.int64] | int) -> NDArray[np.int64]:
        grid = np.zeros((len(self.cohorts), self.width), np.int64)
        grid[self.row, self.mob] = values
        return grid


def cohort_grids(counts: pd.DataFrame, *, one_more: bool = False) -> CohortGrids:
    """Counts that are not empty as arrays, with a month after the last where asked for."""
    of_cell = cast(pd.MultiIndex, counts.index).droplevel("mob")
    row, cohorts = of_cell.factorize(sort=True)
    cohorts = cohorts.set_names(of_cell.names)
    mob = counts.index.get_level_values("mob").to_numpy(np.int64)
    width = int(mob.max()) + 1 + one_more
    return CohortGrids(counts=counts, row=row, mob=mob, cohorts=cohorts, width=width)


def shifted(cells: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same, a month later."""
    later = np.zeros_like(cells)
    later[:, 1:] = cells[:, :-1]
    return later


def tall(grids: Mapping[str, Array], rows: pd.Index, mob: pd.Index) -> pd.DataFrame:
    """Grids of the same shape as columns, a row per cell."""
    levels: list[Any] = [rows.get_level_values(i).repeat(len(mob)) for i in range(rows.nlevels)]
    levels.append(np.tile(mob.to_numpy(np.int64), len(rows)))
    index = pd.MultiIndex.from_arrays(levels, names=[*rows.names, "mob"])
    return pd.DataFrame({name: grid.ravel() for name, grid in grids.items()}, index=index)

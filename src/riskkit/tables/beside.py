"""Two tables of one row an id, read as one: the columns of the second beside those of the first.

Takes the places of both; gives a place of which nothing is read before it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskkit.checks import DataContractError, missing_columns
from riskkit.columns import among
from riskkit.tables.chunks import Rows

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["BesideRows"]

_READ_AT_ONCE = 500_000  # rows of the second table, where its ids stand elsewhere


class BesideRows:
    """Rows of a first table with what a second one knows of the same id.

    Tables that were made of one another have their ids in one order, so what belongs to rows of the
    first stands at the same positions of the second. Where it does not, the second is read through.
    """

    def __init__(self, first: Rows, second: Rows, on: str):
        for place in (first, second):
            missing = missing_columns(place.columns, [on])
            if missing:
                raise DataContractError(place.name, [missing])
        self.name = first.name
        self.n_rows = first.n_rows
        self._first, self._second, self._on = first, second, on
        self._added = [name for name in second.columns if name not in first.columns]
        self.columns = [*first.columns, *self._added]

    def row_bytes(self, columns: Sequence[str]) -> int:
        """Guess of the memory one row takes in a frame."""
        own, added = self._divided(columns)
        return self._first.row_bytes(own) + (self._second.row_bytes(added) if added else 0)

    def chunks(self, columns: Sequence[str] | None, rows: int) -> Iterator[pd.DataFrame]:
        """Frames of at most `rows` rows."""
        for start in range(0, self.n_rows, rows):
            yield self.between(range(start, min(start + rows, self.n_rows)), columns)

    def ranges(self, columns: Sequence[str], rows: int, whole: str | None) -> list[range]:
        """Positions of pieces of about `rows` rows, of the first table's row groups."""
        own, _ = self._divided(columns)
        return self._first.ranges(own or [self._on], rows, whole)

    def between(self, rows: range, columns: Sequence[str] | None) -> pd.DataFrame:
        """The rows at these positions of the first table, at least one."""
        own, added = self._divided(columns)
        read = own if not added or self._on in own else [*own, self._on]
        return self._beside(self._first.between(rows, read), rows, own, added)[
            list(self.columns if columns is None else columns)
        ]

    def column(self, name: str) -> pa.ChunkedArray:
        """One column of all rows, as arrow holds it."""
        import pyarrow as pa

        if name in self._first.columns:
            return self._first.column(name)
        return pa.chunked_array([pa.Array.from_pandas(self.frame([name])[name])])

    def values(self, chunk: pd.DataFrame, column: str) -> pd.Series:
        """One column of a chunk."""
        return chunk[column]

    def picked(self, chunk: pd.DataFrame, keep: NDArray[np.bool_]) -> pd.DataFrame:
        """The rows to keep of a chunk."""
        return chunk[keep]

    def joined(self, chunks: Sequence[pd.DataFrame], columns: Sequence[str] | None) -> pd.DataFrame:
        """Chunks one below another."""
        both = pd.concat(chunks, ignore_index=True)
        return both[list(self.columns if columns is None else columns)]

    def frame(self, columns: Sequence[str] | None) -> pd.DataFrame:
        """All rows."""
        if self.n_rows:
            return self.between(range(self.n_rows), columns)
        own, added = self._divided(columns)
        empty = self._first.frame(own).join(self._second.frame(added).iloc[:0])
        return empty[list(self.columns if columns is None else columns)]

    def _divided(self, columns: Sequence[str] | None) -> tuple[list[str], list[str]]:
        """Those of the columns that the first table has, and those that the second adds."""
        asked = self.columns if columns is None else columns
        return [n for n in asked if n in self._first.columns], [
            n for n in asked if n in self._added
        ]

    def _beside(
        self, frame: pd.DataFrame, rows: range, own: list[str], added: list[str]
    ) -> pd.DataFrame:
        if not added:
            return frame
        read = [self._on, *added]
        if rows.stop <= self._second.n_rows:
            there = self._second.between(rows, read)
            if (there[self._on].to_numpy() == frame[self._on].to_numpy()).all():
                return pd.concat([frame, there[added]], axis=1)
        ids = pd.Index(frame[self._on])
        parts = [self._second.frame(read).iloc[:0]] if not self._second.n_rows else []
        for range_ in self._second.ranges(read, _READ_AT_ONCE, None) if not parts else ():
            part = self._second.between(range_, read)
            parts.append(part[among(part[self._on], ids)])
        known = pd.concat(parts, ignore_index=True)
        twice = int(known[self._on].duplicated().sum())
        if twice:
            raise DataContractError(
                self._second.name, [f"{self._on}: {twice:,} of {len(known):,} rows come again"]
            )
        return frame.merge(known, on=self._on, how="left")

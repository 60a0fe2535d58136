"""Rows that come in chunks, and blocks of them that never split a loan.

Takes chunks as a reader gives them; gives frames.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskkit.checks import DataContractError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["NUMBER_BYTES", "TEXT_BYTES", "FrameRows", "Rows", "cut", "require_together"]

NUMBER_BYTES = 8
TEXT_BYTES = 40  # a guess: an offset and some thirty letters


class Rows(Protocol):
    """What a :class:`riskkit.tables.Table` needs to know of the place where its rows live.

    A chunk is whatever knows its length and can be sliced by position; only the place itself looks
    inside.
    """

    name: str
    columns: list[str]
    n_rows: int

    def row_bytes(self, columns: Sequence[str]) -> int:
        """Guess of the memory one row takes in a frame."""

    def chunks(self, columns: Sequence[str] | None, rows: int) -> Iterator[Any]:
        """Chunks of at most `rows` rows and at least one, in the table's order."""

    def ranges(self, columns: Sequence[str], rows: int, whole: str | None) -> list[range]:
        """Positions of pieces of about `rows` rows, together all rows; `whole` is never split."""

    def between(self, rows: range, columns: Sequence[str] | None) -> pd.DataFrame:
        """The rows at these positions, at least one."""

    def column(self, name: str) -> pa.ChunkedArray:
        """One column of all rows, as arrow holds it."""

    def values(self, chunk: Any, column: str) -> pd.Series:
        """One column of a chunk."""

    def picked(self, chunk: Any, keep: NDArray[np.bool_]) -> Any:
        """The rows to keep of a chunk, as a chunk."""

    def joined(self, chunks: Sequence[Any], columns: Sequence[str] | None) -> pd.DataFrame:
        """Frame of the columns of chunks that follow one another, at least one chunk."""

    def frame(self, columns: Sequence[str] | None) -> pd.DataFrame:
        """All rows."""


class FrameRows:
    """Rows of a frame in memory; a chunk is a range, or an array, of positions."""

    name = "frame"

    def __init__(self, frame: pd.DataFrame):
        self._plain = frame.index.nlevels == 1 and frame.index.name is None
        self._frame = frame
        self._levels = [name for name in frame.index.names if name is not None]
        self.columns = [*frame.columns, *self._levels]
        self.n_rows = len(frame)

    def row_bytes(self, columns: Sequence[str]) -> int:
        """Guess of the memory one row takes."""
        types = [self.values(range(0), name).dtype for name in columns]
        return sum(t.itemsize if t.kind in "biufcmM" else TEXT_BYTES for t in types)

    def chunks(self, columns: Sequence[str] | None, rows: int) -> Iterator[range]:
        """Ranges of at most `rows` positions."""
        n = len(self._frame)
        yield from (range(start, min(start + rows, n)) for start in range(0, n, rows))

    def ranges(self, columns: Sequence[str], rows: int, whole: str | None) -> list[range]:
        """Positions of pieces of about `rows` rows, together all rows; `whole` is never split."""
        starts = np.arange(0, self.n_rows, rows)
        if whole is not None and self.n_rows:
            ids = self.values(range(self.n_rows), whole)
            first = np.append(True, _changes(ids)).nonzero()[0]
            starts = np.unique(first[np.searchsorted(first, starts, side="right") - 1])
        return [range(a, b) for a, b in itertools.pairwise([*starts.tolist(), self.n_rows])]

    def between(self, rows: range, columns: Sequence[str] | None) -> pd.DataFrame:
        """The rows at these positions, a slice of the frame."""
        return self.joined([rows], columns)

    def column(self, name: str) -> pa.ChunkedArray:
        """One column of all rows, as arrow holds it."""
        import pyarrow as pa

        everything = range(len(self._frame))
        return pa.chunked_array([pa.Array.from_pandas(self.values(everything, name))])

    def values(self, chunk: range, column: str) -> pd.Series:
        """One column at the positions, or a kept index."""
        rows = slice(chunk.start, chunk.stop)
        if column in self._levels:
            return self._frame.index[rows].get_level_values(column).to_series()
        return self._frame[column].iloc[rows]

    def picked(self, chunk: range, keep: NDArray[np.bool_]) -> NDArray[np.intp]:
        """The positions to keep."""
        return chunk.start + np.flatnonzero(keep)

    def joined(
        self, chunks: Sequence[range | NDArray[np.intp]], columns: Sequence[str] | None
    ) -> pd.DataFrame:
        """Slice of the frame, or the rows that were picked."""
        first, last = chunks[0], chunks[-1]
        if isinstance(first, range) and isinstance(last, range):
            # a slice is a view
            rows = self._frame.iloc[first.start : last.stop]
        else:
            rows = self._frame.iloc[np.concatenate(chunks)]
        return self._asked(rows, columns)

    def frame(self, columns: Sequence[str] | None) -> pd.DataFrame:
        """All rows; the frame's own memory."""
        return self._asked(self._frame.copy(deep=False), columns)

    def _asked(self, rows: pd.DataFrame, columns: Sequence[str] | None) -> pd.DataFrame:
        if columns is not None:
            rows = rows[[name for name in columns if name not in self._levels]]
        return rows.reset_index(drop=True) if self._plain else rows


def cut(
    place: Rows, columns: Sequence[str] | None, rows: int, whole: str | None
) -> Iterator[pd.DataFrame]:
    """Frames of at most `rows` rows; with `whole`, equal neighbours in it stay in one frame.

    Raises
    ------
    DataContractError
        A value of `whole` comes again after it had ended, within a block or in the next.
    """
    held: list[Any] = []
    n_held = 0
    loans = _Loans(place.name, whole)
    for chunk in place.chunks(columns, rows):
        held.append(chunk)
        if whole is not None:
            loans.add(n_held, place.values(chunk, whole))
        n_held += len(chunk)
        while end := _end_of_block(loans.starts, n_held, rows, whole):
            block, held = _divided(held, end)
            n_held -= end
            loans.leave(end)
            yield place.joined(block, columns)
    if n_held:
        loans.leave(n_held)
        yield place.joined(held, columns)


def _end_of_block(starts: NDArray[np.intp], n_held: int, rows: int, whole: str | None) -> int:
    """Rows in the first block of those held; 0 where more must be read to know."""
    if whole is None:
        return rows if n_held >= rows else 0
    if n_held <= rows or len(starts) < 2:
        return 0
    within = int(np.searchsorted(starts, rows, side="right")) - 1
    return int(starts[max(within, 1)])


def _divided(held: list[Any], end: int) -> tuple[list[Any], list[Any]]:
    """The first `end` rows of the chunks held, and the rest."""
    before: list[Any] = []
    for number, chunk in enumerate(held):
        if end <= len(chunk):
            rest = [chunk[end:]] if end < len(chunk) else []
            return [*before, chunk[:end]], [*rest, *held[number + 1 :]]
        before.append(chunk)
        end -= len(chunk)
    return before, []


class _Loans:
    """Where each loan starts in the rows held, and which loan that is."""

    def __init__(self, what: str, column: str | None):
        self._what = what
        self._column = column
        self._ids: list[Any] = []
        self._ended: set[Any] = set()
        self.starts: NDArray[np.intp] = np.empty(0, dtype=np.intp)

    def add(self, n_held: int, ids: pd.Series) -> None:
        new = np.ones(len(ids), dtype=bool)
        new[1:] = _changes(ids)
        if self._ids:
            first, last = ids.iloc[0], self._ids[-1]
            new[0] = pd.isna(first) or pd.isna(last) or first != last
        where = np.flatnonzero(new)
        self.starts = np.append(self.starts, n_held + where)
        self._ids.extend(ids.iloc[where].tolist())

    def leave(self, end: int) -> None:
        """Let the rows of a block go, at the end of a loan; refuse one that came again."""
        if self._column is None:
            return
        n = int(np.searchsorted(self.starts, end))
        here: set[Any] = set()
        for loan in self._ids[:n]:
            if (loan in here or loan in self._ended) and not pd.isna(loan):
                raise _again(self._what, self._column)
            here.add(loan)
        self._ended = here
        self.starts = self.starts[n:] - end
        self._ids = self._ids[n:]


def require_together(frame: pd.DataFrame, whole: str, what: str) -> None:
    """Refuse a value that comes again after its rows had ended.

    Raises
    ------
    DataContractError
    """
    named = whole in frame.index.names
    ids = frame.index.get_level_values(whole).to_series() if named else frame[whole]
    first = ids[np.append(True, _changes(ids))] if len(ids) else ids
    again = first[first.duplicated() & first.notna()]
    if len(again):
        raise _again(what, whole)


def _again(what: str, column: str) -> DataContractError:
    # which one is not told: an id has no place in a log
    told = f"{column}: one comes again after its rows ended; expected rows sorted by {column}"
    return DataContractError(what, [told])


def _changes(ids: pd.Series) -> NDArray[np.bool_]:
    """Whether each value but the first differs from the one before; a missing one always does."""
    values = ids.array
    return pd.array(values[1:] != values[:-1], dtype="boolean").fillna(True).to_numpy(dtype=bool)

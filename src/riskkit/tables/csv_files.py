"""Rows of CSV files, read chunk by chunk in the types that all of them together have.

Takes :class:`riskkit.tables.files.Files`; gives frames.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from riskkit.checks import DataContractError
from riskkit.tables.chunks import FrameChunks, chunk_kind, common_type
from riskkit.tables.files import Files, column_differences

__all__ = ["CsvRows"]

_LEARN_BYTES = 1 << 26
_BIG = "big"  # a chunk with whole numbers beyond 64 bits, whatever pandas made of it


class CsvRows(FrameChunks):
    """Rows of CSV files of the same columns.

    The types are those that pandas gives the file read whole. They are learnt in a pass over it,
    chunk by chunk, before the first chunk is handed out, or in passing where all of it is read.
    """

    def __init__(self, files: Files, text: Sequence[str] = ()):
        self.name = files.name
        self._files = files
        self._text = set(text)
        for path in files.paths:
            first_row = self._whole(path, nrows=1)
            columns = list(first_row.columns)
            if path == files.paths[0]:
                self.columns = columns
            violations = column_differences(columns, self.columns, files.paths[0].name)
            if not isinstance(first_row.index, pd.RangeIndex):
                # pandas would take the first cells for labels of the rows
                violations = ["the first row has more cells than there are column names"]
            if violations:
                raise DataContractError(files.label(path), violations)

    def learn(self) -> None:
        """Count the rows and settle the types, in a pass."""
        if self._types is not None:
            return
        n_rows = 0
        kinds: dict[str, set[str]] = {name: set() for name in self.columns}
        rows = max(1, _LEARN_BYTES // self.row_bytes(self.columns))
        for chunk in self._all_chunks(rows, self.columns, dict.fromkeys(self._text, "str")):
            n_rows += len(chunk)
            for name in self.columns:
                kinds[name].add(_kind(chunk[name]))
        self.n_rows = n_rows
        self._types = {
            name: "str" if name in self._text else self._common(name, found)
            for name, found in kinds.items()
        }

    def chunks(self, columns: Sequence[str] | None, rows: int) -> Iterator[pd.DataFrame]:
        """Frames of at most `rows` rows, in the types of the whole."""
        self.learn()
        wanted = self.columns if columns is None else list(columns)
        for chunk in self._all_chunks(rows, wanted, self._parsed_types()):
            yield self._typed(chunk)[wanted]

    def frame(self, columns: Sequence[str] | None) -> pd.DataFrame:
        """All rows; learns the types in passing where it reads all of a file."""
        wanted = self.columns if columns is None else list(columns)
        if self._types is None and len(self._files.paths) == 1:
            path = self._files.paths[0]
            frame = self._whole(path, usecols=wanted, dtype=dict.fromkeys(self._text, "str"))
            for name in wanted:
                # pandas forgets the blank cells in a column of numbers beyond 64 bits
                if frame[name].dtype == "str" and (blank := frame[name] == "").any():
                    frame[name] = frame[name].mask(blank)
            self.n_rows = len(frame)
            if columns is None:
                self._types = {name: str(frame[name].dtype) for name in wanted}
            return frame[wanted]
        self.learn()
        pieces = [
            self._typed(self._whole(path, usecols=wanted, dtype=self._parsed_types()))
            for path in self._files.paths
        ]
        return self.joined(pieces, wanted)

    def _common(self, column: str, kinds: set[str]) -> str:
        if _BIG in kinds or ("uint64" in kinds and not kinds <= {"int", "uint64"}):
            # what pandas makes of them depends on the rest of the column: ask it
            kinds = {
                chunk_kind(self._whole(path, usecols=[column])[column])
                for path in self._files.paths
            }
            if "uint64" in kinds and not kinds <= {"int", "uint64"}:
                return "str"  # as pandas has it where a cell is blank: no digit is lost
        return common_type(kinds, none="float64", mixed="str")

    def _parsed_types(self) -> dict[str, str]:
        """Dtypes to parse with; object (True, False and a gap) must be inferred."""
        return {name: kind for name, kind in (self._types or {}).items() if kind != "object"}

    def _typed(self, chunk: pd.DataFrame) -> pd.DataFrame:
        inferred = [
            name
            for name, kind in (self._types or {}).items()
            if kind == "object" and name in chunk.columns
        ]
        return chunk.astype(dict.fromkeys(inferred, "object"))

    def _all_chunks(
        self, rows: int, columns: Sequence[str], types: dict[str, str]
    ) -> Iterator[pd.DataFrame]:
        for path in self._files.paths:
            with (
                self._files.reading(path),
                self._reader(path, usecols=columns, dtype=types, chunksize=rows) as chunks,
            ):
                for chunk in chunks:
                    if len(chunk):
                        yield chunk

    def _whole(self, path: Path, **options: Any) -> pd.DataFrame:
        with self._files.reading(path):
            return self._reader(path, **options)

    def _reader(self, path: Path, **options: Any) -> Any:
        # a blank cell is the only missing value: "NA" or "None" may be a category
        return pd.read_csv(path, keep_default_na=False, na_values=[""], low_memory=False, **options)


def _kind(values: pd.Series) -> str:
    """Kind of a chunk's column; numbers too big for pandas make it object or text."""
    kind = chunk_kind(values)
    if kind == "object" and any(type(value) is int for value in values):
        return _BIG
    if kind == "str" and _all_numbers(values.head(100)) and _all_numbers(values):
        return _BIG
    return kind


def _all_numbers(values: pd.Series) -> bool:
    there = values[values != ""].dropna()  # beside such numbers pandas forgets the blank cells
    return bool(pd.to_numeric(there, errors="coerce").notna().all())

"""Rows of a file as it holds them, block by block, each with its number.

Takes :class:`riskkit.tables.Files`; gives arrow tables. :func:`riskkit.tables.as_parts` would
not do: there, one broken line refuses the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from riskkit.checks import DataContractError, missing_columns
from riskkit.tables import (
    BLOCK_BYTES,
    BLOCK_ROWS,
    Block,
    CsvFile,
    Files,
    ParquetRows,
    column_differences,
)

__all__ = ["Block", "CsvInput", "Input", "ParquetInput", "open_input"]


class Input:
    """Rows of a file and how far they are read.

    Attributes
    ----------
    columns : list of str
    types : dict of str to pyarrow.DataType
        Of each column; CSV files know only text.
    n_rows : int
        In the files read so far to their end, as the reader itself counts them.
    total, position : int
        Size of the input and what is read of it, in `unit`.
    """

    columns: list[str]
    types: dict[str, pa.DataType]
    n_rows = 0
    total = 0
    position = 0
    unit = "rows"
    is_csv = False

    def __init__(self, files: Files):
        self._files = files
        self.name = files.name

    def blocks(self, columns: Sequence[str], rows: int | None) -> Iterator[Block]:
        """Blocks of at most `rows` rows of these columns."""
        raise NotImplementedError

    def require(self, columns: Sequence[str]) -> None:
        """Refuse an input that lacks one of the columns, or has one twice.

        Raises
        ------
        DataContractError
        """
        twice = [name for name in columns if self.columns.count(name) > 1]
        missing = missing_columns(self.columns, columns)
        violations = [missing] if missing else []
        violations += [f"two columns of one name: {name}" for name in twice]
        if violations:
            raise DataContractError(self.name, violations)


def open_input(
    source: str | Path | Sequence[str | Path], encoding: str = "utf-8", delimiter: str = ","
) -> Input:
    """The rows of a file, a folder of parts, or files of the same columns.

    The encoding and the delimiter are those of CSV.

    Raises
    ------
    DataContractError
        As :class:`riskkit.tables.Table` raises it.
    """
    files = Files(source)
    if files.kind == "Excel":
        raise DataContractError(files.name, ["expected a .parquet, .csv or .csv.gz file to score"])
    if files.kind == "CSV":
        return CsvInput(files, encoding, delimiter)
    return ParquetInput(files)


class ParquetInput(Input):
    """Rows of parquet files."""

    def __init__(self, files: Files):
        super().__init__(files)
        self._rows = ParquetRows(files)
        self.columns = self._rows.columns
        self.total = self.n_rows = self._rows.n_rows
        with files.reading(files.paths[0]):
            fields = parquet.read_schema(files.paths[0])
        self.types = {field.name: field.type for field in fields}

    def blocks(self, columns: Sequence[str], rows: int | None) -> Iterator[Block]:
        """Blocks of at most `rows` rows, by default as many as :class:`Table` reads at once."""
        if rows is None:
            rows = min(BLOCK_ROWS, max(1, BLOCK_BYTES // max(1, self._rows.row_bytes(columns))))
        for table in self._rows.chunks(columns, rows):
            numbers = np.arange(self.position + 1, self.position + 1 + len(table))
            self.position += len(table)
            yield Block(table, numbers, [])


class CsvInput(Input):
    """Rows of CSV files, every cell as its text; a blank cell is missing."""

    unit = "B"
    is_csv = True

    def __init__(self, files: Files, encoding: str, delimiter: str):
        super().__init__(files)
        self.total = sum(path.stat().st_size for path in files.paths)
        self._readers = []
        for path in files.paths:
            with files.reading(path):
                self._readers.append(CsvFile(path, encoding, delimiter))
            names = self._readers[-1].names
            self.columns = self._readers[0].names
            violations = column_differences(names, self.columns, files.paths[0].name)
            if violations:
                raise DataContractError(files.label(path), violations)
        self.types = dict.fromkeys(self.columns, pa.string())

    def blocks(self, columns: Sequence[str], rows: int | None) -> Iterator[Block]:
        """Blocks of at most `rows` rows, by default as many as 4 MiB of the file hold.

        Raises
        ------
        DataContractError
            A quote is never closed, so nobody can say where its row ends; a row is longer than
            4 MiB; the file is damaged.
        """
        for reader in self._readers:
            before, first = self.position, self.n_rows
            with self._files.reading(reader.path):
                for block in reader.blocks(columns, rows):
                    self.position = before + reader.position
                    broken = [(first + number, reason) for number, reason in block.broken]
                    yield Block(block.table, first + block.numbers, broken)
            self.n_rows = first + reader.n_rows
            self.position = before + reader.position

"""Rows of a sheet of a workbook, as Excel keeps them.

Takes the path of an ``.xlsx`` file; gives rows of values.
"""

from __future__ import annotations

import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice, repeat
from pathlib import Path
from typing import IO, Any

from riskkit.checks import DataContractError

__all__ = ["Fault", "sheet_rows"]

_ROWS = 5_000
# A workbook of a few kilobytes may unpack to gigabytes. Its texts and styles are held whole, of a
# sheet one row at a time.
_HELD_BYTES = 1 << 28
_ROW_BYTES = 1 << 26
_PIECE = 1 << 20
_TAIL = 64  # of a piece, in which the next one's first mark may begin
MOST_ROWS = 1_048_576
_ROW_NUMBER = re.compile(rb'<(?:\w+:)?row [^>]{0,40}?\br="(\d{7,40})')


class Fault(str):
    """What is wrong with a cell, in its place."""


def sheet_rows(path: Path, sheet: str) -> Iterator[list[tuple[Any, ...]]]:
    """Rows of a sheet that are not blank, some thousands at a time; the first has the names.

    Blank cells at the end of a row are left out. An error of Excel's and a formula whose value is
    not stored are a :class:`Fault`.

    Raises
    ------
    DataContractError
        There is no such sheet, or none is named and there are several.
    ValueError
        It is no workbook, damaged, or one of its rows or its texts take more than any should.
    """
    has_formulas = _looked_through(path)
    with _workbook(path, data_only=True) as book, _workbook(path, data_only=False) as formulas:
        names = [worksheet.title for worksheet in book.worksheets]
        name = names[0] if not sheet and len(names) == 1 else sheet
        if name not in names:
            fault = f"sheet: no {sheet!r}" if sheet else "sheet: name one of several"
            raise DataContractError(path.name, [f"{fault}; there are {', '.join(names)}"])
        cells = _cells(book[name])
        written = _cells(formulas[name]) if has_formulas else repeat(())
        rows = zip(cells, written, strict=False)
        while read := _read(rows):
            if values := [row for row in map(_values, read) if row]:
                yield values


@contextmanager
def _workbook(path: Path, *, data_only: bool) -> Iterator[Any]:
    import openpyxl

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and rules that hold no values
            book = openpyxl.load_workbook(path, read_only=True, data_only=data_only)
    except Exception as error:  # whatever a damaged archive makes of its readers
        raise ValueError(f"no .xlsx workbook ({type(error).__name__})") from error
    try:
        yield book
    finally:
        book.close()


def _cells(worksheet: Any) -> Iterator[Any]:
    worksheet.reset_dimensions()  # some writers state them wrong, and cells beyond would be lost
    return worksheet.iter_rows()


def _read(rows: Iterator[Any]) -> list[Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of dates that cannot be: the cell is an error
            return list(islice(rows, _ROWS))
    except Exception as error:
        raise ValueError(f"damaged .xlsx workbook ({type(error).__name__})") from error


def _values(pair: tuple[Any, Any]) -> tuple[Any, ...]:
    cells, written = pair
    values: list[Any] = [cell.value for cell in cells]
    for at, cell in enumerate(cells):
        if cell.data_type == "e":
            values[at] = Fault(f"the error {cell.value} of Excel in cell {cell.coordinate}")
        elif values[at] == "":
            values[at] = None
        elif values[at] is None and at < len(written) and written[at].value is not None:
            values[at] = Fault(f"a formula without a stored value in cell {written[at].coordinate}")
    while values and values[-1] is None:
        values.pop()
    return tuple(values)


def _looked_through(path: Path) -> bool:
    """Whether a sheet has formulas; refuses what would not fit into memory.

    Raises
    ------
    ValueError
    """
    try:
        with zipfile.ZipFile(path) as archive:
            has_formulas = False
            for info in archive.infolist():
                if info.filename.startswith("xl/worksheets/"):
                    with archive.open(info) as file:
                        has_formulas |= _sheet_looked_through(file, info.filename)
                elif info.filename.endswith((".xml", ".rels")) and info.file_size > _HELD_BYTES:
                    raise ValueError(
                        f"{info.filename} unpacks to {info.file_size:,} bytes; expected at most "
                        f"{_HELD_BYTES:,}: save the sheet as CSV"
                    )
            return has_formulas
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise ValueError(f"no .xlsx workbook ({type(error).__name__})") from error


def _sheet_looked_through(file: IO[bytes], name: str) -> bool:
    has_formulas, since_row, last = False, 0, b""
    while piece := file.read(_PIECE):
        seen = last + piece
        has_formulas = has_formulas or b"<f" in seen
        if any(int(number) > MOST_ROWS for number in _ROW_NUMBER.findall(seen)):
            raise ValueError(f"{name} has a row beyond {MOST_ROWS:,}, as no sheet of Excel's has")
        end = seen.rfind(b"row>")
        since_row = len(seen) - end if end >= 0 else since_row + len(piece)
        if since_row > _ROW_BYTES:
            raise ValueError(
                f"{name} has a row of more than {_ROW_BYTES:,} bytes, as no sheet of Excel's has"
            )
        last = seen[-_TAIL:]
    return has_formulas

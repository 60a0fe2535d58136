"""Rows of CSV files as text, for good: a cell is its text, or missing, or the file is refused.

Takes a path; gives arrow tables of text.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

import pyarrow as pa

from riskkit.checks import DataContractError, missing_columns
from riskkit.tables.csv_files import CsvFile
from riskkit.tables.files import Files, column_differences

__all__ = ["chosen_columns", "text_tables"]

_SHOWN = 3


def text_tables(
    files: Files, columns: Sequence[str] | None, encoding: str, delimiter: str
) -> Iterator[pa.Table]:
    """Tables of text that follow one another, at least one, with the columns in the files' order.

    Raises
    ------
    DataContractError
        A column is missing or there twice; a line has too many or too few cells; a quote is never
        closed; a file is damaged, empty, or has other columns than the first.
    """
    names: list[str] = []
    chosen: list[str] = []
    for path in files.paths:
        with files.reading(path):
            file = CsvFile(path, encoding, delimiter)
            if not names:
                names = file.names
                chosen = chosen_columns(names, columns, files.label(path))
                yield pa.table({name: pa.array([], pa.string()) for name in chosen})
            violations = column_differences(file.names, names, files.paths[0].name)
            if violations:
                raise DataContractError(files.label(path), violations)
            yield from _texts(file, chosen, files.label(path))


def chosen_columns(names: Sequence[str], columns: Sequence[str] | None, what: str) -> list[str]:
    """The columns to read, in the order of the source.

    Raises
    ------
    DataContractError
        One is missing, with the nearest name there is, or there twice.
    """
    wanted = list(names) if columns is None else list(columns)
    violations = []
    missing = [name for name in wanted if name not in names]
    if missing:
        violations.append(missing_columns(names, missing))
    for name in missing:
        near = difflib.get_close_matches(name, names, n=1)
        if near:
            violations.append(f"{name}: the nearest name is {near[0]!r}")
    twice = [name for name in dict.fromkeys(wanted) if list(names).count(name) > 1]
    violations += [f"two columns of one name: {name}" for name in twice]
    if violations:
        raise DataContractError(what, violations)
    return [name for name in names if name in set(wanted)]


def _texts(file: CsvFile, columns: list[str], what: str) -> Iterator[pa.Table]:
    broken: list[str] = []
    n_broken = 0
    schema = pa.schema({name: pa.string() for name in columns})
    for block in file.blocks(columns):
        n_broken += len(block.broken)
        for number, reason in block.broken[: _SHOWN - len(broken)]:
            # how many fields, not what they hold: an id or a name is not for messages
            broken.append(f"row {number:,}: {reason.partition(':')[0]}")
        if not n_broken:
            yield block.table.cast(schema)
    if n_broken:
        more = [f"{n_broken:,} rows in all"] if n_broken > len(broken) else []
        raise DataContractError(what, [*broken, *more])

"""Somebody's file as parquet parts of text, once; from then on it is read like any other table.

Takes a file or a query; gives a :class:`riskkit.tables.Table`.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from riskkit.tables.files import (
    FOLDER_MODE,
    GROUP_ROWS,
    Files,
    part_path,
    repetitive,
    whole,
)
from riskkit.tables.table import Table, database_url
from riskkit.tables.texts import chosen_columns, csv_texts, query_texts, sheet_texts

__all__ = ["as_parts"]

PART_BYTES = 1 << 26


def as_parts(
    source: str | Path | Sequence[str | Path],
    folder: str | Path,
    *,
    columns: Sequence[str] | None = None,
    query: str | None = None,
    encoding: str = "utf-8",
    delimiter: str = ",",
    sheet: str = "",
) -> Table:
    r"""The rows of a source as a table; all but parquet is first written to `folder`, as text.

    Each cell is its text, or missing where it is blank or NULL; nothing is parsed, stripped or
    left out. Values of Excel and of a database become text that gives them again: 1, 0.1, true,
    2023-07-05, 2023-07-05 10:00:00. An empty line, or a blank row of a sheet, is no row. One fault
    refuses the source; rows are counted from 1, without the header.

    Parameters
    ----------
    source : path, sequence of paths, or SQLAlchemy URL
        A ``.csv``, ``.csv.gz`` or ``.xlsx`` file, or several of CSV with the same columns; a
        database, with a `query`. Parquet, a file or a folder of parts, is the table as it is.
    folder : path
        Where the parts go, of at most 500,000 rows and some 64 MiB of text each, readable for owner
        and group. It must be new or empty, and is there whole or not at all.
    columns : sequence of str, optional
        Those to keep, in the source's order; all by default.
    query : str, optional
        One SELECT, run read only and for `$RISKKIT_QUERY_SECONDS` at most, by default an hour. With
        PostgreSQL, what its functions may do beyond tables is up to the rights of the role.
    encoding, delimiter : str
        Of CSV: a codec of Python, and one ASCII character.
    sheet : str
        Of a workbook with several.

    Returns
    -------
    Table

    Raises
    ------
    DataContractError
        There is no such file, or of an unknown kind; a wanted column is missing, with the nearest
        name there is, or there twice; lines have too many or too few cells (the first three and how
        many); a quote is not closed; the text is in another encoding, or its names are parted by
        another delimiter (with the one that would do); no sheet is named and there are several; a
        cell holds an error of Excel's, a formula without a stored value, or a value that has no
        text; the database does not answer or refuses the query.
    FileExistsError
        The folder holds something.
    ValueError
        No columns are asked for; a URL has no query, or a file has one.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     path = Path(name) / "loans.csv"
    ...     _ = path.write_text("id,amount,code\n007,1000,01\n008,,1\n")
    ...     as_parts(path, path.with_name("parts"), columns=["id", "amount"]).frame()
        id amount
    0  007   1000
    1  008    NaN
    """
    if columns is not None and not columns:
        raise ValueError("columns must name at least one")
    folder = Path(folder)
    address = database_url(source, query)
    if address is not None and query is not None:
        texts = query_texts(address, query, columns)
    else:
        files = Files(source)
        if files.kind == "parquet":
            table = Table(source)
            chosen_columns(table.columns, columns, files.name)
            return table
        if files.kind == "CSV":
            texts = csv_texts(files, columns, encoding, delimiter)
        else:
            texts = sheet_texts(files, columns, sheet)
    with _staged(folder) as staging, ThreadPoolExecutor(1) as writer:
        written: Future[None] | None = None
        for number, part in enumerate(_parts(texts)):
            if written is not None:
                written.result()  # no more than two parts are in memory
            written = writer.submit(_write, part, part_path(staging, number))
        if written is not None:
            written.result()
    return Table(folder)


def _write(part: pa.Table, path: Path) -> None:
    with whole(path) as file:
        parquet.write_table(
            part,
            file,
            compression="zstd",
            row_group_size=GROUP_ROWS,
            use_dictionary=repetitive(part.slice(0, 1_000).to_pandas()),
        )


@contextmanager
def _staged(folder: Path) -> Iterator[Path]:
    """Folder beside `folder` that takes its place when all is written, or goes."""
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty")
    staging = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
    staging.parent.mkdir(parents=True, exist_ok=True)
    staging.mkdir(FOLDER_MODE)
    try:
        yield staging
        staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _parts(texts: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Tables of at most 500,000 rows and some 64 MiB of text."""
    held: list[pa.Table] = []
    n_rows = n_bytes = 0
    for text in texts:
        for start in range(0, max(1, len(text)), GROUP_ROWS):
            piece = text.slice(start, GROUP_ROWS)
            if n_rows and (n_rows + len(piece) > GROUP_ROWS or n_bytes + piece.nbytes > PART_BYTES):
                yield pa.concat_tables(held)
                held, n_rows, n_bytes = [], 0, 0
            held.append(piece)
            n_rows += len(piece)
            n_bytes += piece.nbytes
    yield pa.concat_tables(held)

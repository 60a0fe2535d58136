"""Somebody's file as parquet parts of text, once; from then on it is read like any other table.

Takes a file or a query; gives a :class:`riskkit.tables.Table`.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from riskkit.tables.files import GROUP_ROWS, Files, part_path, repetitive, whole
from riskkit.tables.table import Table
from riskkit.tables.texts import chosen_columns, text_tables

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
    """The rows of a source as a table; all but parquet is first written to `folder`, as text."""
    if query is not None or sheet:
        raise NotImplementedError("queries and sheets")
    files = Files(source)
    if files.kind == "parquet":
        table = Table(source)
        chosen_columns(table.columns, columns, files.name)
        return table
    folder = Path(folder)
    with _staged(folder) as staging:
        texts = text_tables(files, columns, encoding, delimiter)
        for number, part in enumerate(_parts(texts)):
            with whole(part_path(staging, number)) as path:
                parquet.write_table(
                    part,
                    path,
                    compression="zstd",
                    row_group_size=GROUP_ROWS,
                    use_dictionary=repetitive(part.slice(0, 1_000).to_pandas()),
                )
                path.chmod(0o640)
    return Table(folder)


@contextmanager
def _staged(folder: Path) -> Iterator[Path]:
    """Folder beside `folder` that takes its place when all is written, or goes."""
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty")
    staging = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
    staging.mkdir(parents=True)
    try:
        staging.chmod(0o750)
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

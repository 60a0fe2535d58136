"""Hand-over tables of more rows than a notebook's memory: parts on disk, and a sample beside them.

Takes tables and what to make of their pieces; leaves a folder of parts, named as the file would be
that holds them all, and in it the rows of the customers that are sampled.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from riskkit import loan_values, partitions
from riskkit.checks import DataContractError
from riskkit.pipeline.manifest import is_in_parts
from riskkit.tables import Table, write_table

__all__ = [
    "leave_parts",
    "leave_sample",
    "leave_table",
    "rows_or_sample",
    "sample_of",
    "sample_text",
    "sampled_ids",
]

SAMPLE = "sample.parquet"  # in a table's folder, beside its parts
KEYS = ("application_id", "loan_id")  # a loan is called as its application is
MOST_ROWS = {"performance": 50_000_000, "instalments": 50_000_000}
MOST_APPLICATIONS = 5_000_000


def leave_table(table: pd.DataFrame | Table, path: Path) -> Path:
    """The path, at which the table is left: a frame in a file, a table in as many parts as it has.

    Parts that lie in the path's own folder are moved, all others copied.
    """
    if isinstance(table, pd.DataFrame):
        _clear(path)
        return write_table(table, path)
    parts = table.folder
    if parts is not None and parts.is_relative_to(path.parent):
        _clear(path)
        moved = parts.rename(path)
        for place in parts.parents:
            if place == path.parent or any(place.iterdir()):
                break
            place.rmdir()
        return moved
    # a source's tables are sampled together, or not at all
    return leave_parts(_as_it_is, table, path, in_parts=True)


def leave_parts(
    fn: Callable[[pd.DataFrame], pd.DataFrame],
    source: Table,
    path: Path,
    columns: Sequence[str] | None = None,
    *,
    in_parts: bool = False,
) -> Path:
    """The path, at which is left what `fn` makes of each piece of a table, whole or not at all.

    A source in a file of one piece gives a file unless `in_parts`, any other a folder of parts.
    """
    if columns is not None:
        columns = [name for name in columns if name in source.columns]
    pieces = source.pieces(columns)
    if len(pieces) < 2 and source.folder is None and not in_parts:
        frame = pieces[0].read() if pieces else source.frame(columns)
        return leave_table(fn(frame), path)
    folder = path.with_name(f".{path.stem}")
    shutil.rmtree(folder, ignore_errors=True)
    try:
        for _ in partitions.each(partial(_made, fn, path.name), source, folder, columns=columns):
            pass
        _clear(path)
        (folder / path.name).rename(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return path


def _made(
    fn: Callable[[pd.DataFrame], pd.DataFrame], name: str, frame: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    return {name: fn(frame)}


def _as_it_is(frame: pd.DataFrame) -> pd.DataFrame:
    return frame


def _clear(path: Path) -> None:
    if is_in_parts(path):
        shutil.rmtree(path)
    elif path.suffix == ".parquet" and path.exists():
        path.unlink()


def sampled_ids(applications: Table, n: int) -> pd.Series | None:
    """Ids of the applications of whole customers, at most `n` of them; None where these are all.

    Raises
    ------
    ValueError
        `n` is negative.
    DataContractError
        One customer alone has more than `n` applications.
    """
    if n < 0:
        raise ValueError(f"sample_applications must be 0 or more, got {n!r}")
    if not 0 < n < len(applications):
        return None
    chosen = loan_values.whole_customers(applications, n, "sampled")
    if chosen.empty:
        raise DataContractError(
            "applications",
            [f"customer_id: no sample of {n:,} applications, one customer alone has more"],
        )
    return chosen


def leave_sample(path: Path, ids: pd.Series) -> None:
    """Put the rows of these applications, or their loans, beside a table's parts."""
    table = Table(path)
    key = next((name for name in KEYS if name in table.columns), None)
    if key is not None:
        write_table(loan_values.rows_of(table, ids, key=key), path / SAMPLE)


def sample_of(path: Path) -> Table | None:
    """The sampled rows beside a table's parts; None where there are none."""
    sample = path / SAMPLE
    return Table(sample) if is_in_parts(path) and sample.is_file() else None


def rows_or_sample(path: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Rows of a table that was left: all of them, or those of the sample where there is one.

    Raises
    ------
    DataContractError
        A column is missing; there are too many rows for a notebook's memory, and no sample.
    """
    sample = sample_of(path)
    if sample is not None:
        return sample.frame(columns)
    table, most = Table(path), MOST_ROWS.get(path.stem, MOST_APPLICATIONS)
    if len(table) > most:
        raise DataContractError(
            path.stem,
            [
                f"{len(table):,} rows, more than the {most:,} that are read into memory at once: "
                "run with --profile large, or give sample_applications"
            ],
        )
    return table.frame(columns)


def sample_text(path: Path) -> str:
    """How many of the applications are sampled, in a sentence; empty where all are read."""
    sample = sample_of(path)
    if sample is None:
        return ""
    chosen, n = len(sample), len(Table(path))
    return (
        f"*Counts are of all {n:,} applications. What needs single applications or loans rests on "
        f"a sample of {chosen:,} ({chosen / n:.1%}): whole customers, chosen by a hash of their "
        "id. Such sections say so.*"
    )

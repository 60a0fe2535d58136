"""Where rows live: files and queries in, parquet out, and a handle that reads in blocks.

Takes a path or a database URL; gives frames. What is written appears whole or not at all. A table
is one file, or a folder of parts that :func:`riskkit.partitions.each` wrote.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskkit.schema.contract import DataContractError, missing_columns

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

__all__ = ["Table", "part_path", "read_table", "write_table"]

BLOCK_ROWS = 500_000


def read_table(
    path_or_url: str | Path, query: str | None = None, *, text: Sequence[str] = ()
) -> pd.DataFrame:
    """Rows of a parquet or CSV file, of a folder of parquet parts, or of a SQL query.

    Parameters
    ----------
    path_or_url : str or Path
        A ``.parquet``, ``.csv`` or ``.csv.gz`` file, a folder as :class:`Table` takes, or a
        SQLAlchemy URL. Keep URLs in an environment variable: no message of this function repeats
        one.
    query : str, optional
        The SELECT to run; needed with a URL, refused with a file.
    text : sequence of str
        Columns of a CSV file to read as text, such as ids with leading zeros.

    Raises
    ------
    DataContractError
        The file is not there, of an unknown kind, empty or truncated; the parts of a folder do
        not make one table; the database does not answer or refuses the query.
    """
    if "://" in str(path_or_url):
        return _read_sql(str(path_or_url), query)
    if query is not None:
        raise ValueError(f"query needs a database URL, got the file {Path(path_or_url).name}")
    path = Path(path_or_url)
    name = path.name.lower()
    if path.is_dir() or name.endswith(".parquet"):
        return Table(path).frame()
    if not path.is_file():
        raise DataContractError(path.name, [f"no file at {path}"])
    if not name.endswith((".csv", ".csv.gz")):
        raise DataContractError(
            path.name, [f"unknown kind of file {path.suffix!r}; expected .parquet, .csv or .csv.gz"]
        )
    with _readable(path.name):
        # a blank cell is the only missing value: "NA" or "None" may be a category
        return pd.read_csv(
            path,
            keep_default_na=False,
            na_values=[""],
            low_memory=False,
            dtype=dict.fromkeys(text, "str"),
        )


@contextmanager
def _readable(what: str) -> Iterator[None]:
    """Turn a reader's complaint into one line about the file."""
    try:
        yield
    except (OSError, ValueError, EOFError) as error:
        # pyarrow and pandas report a broken file as ArrowInvalid, ParserError, EmptyDataError or
        # BadGzipFile, all of them among these three
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataContractError(what, [f"unreadable: {reason}"]) from error


def _read_sql(url: str, query: str | None) -> pd.DataFrame:
    import sqlalchemy

    if query is None:
        raise ValueError("a database URL needs a query")
    try:
        engine = sqlalchemy.create_engine(url)
    except Exception as error:
        # a driver's import or the URL's parser may raise anything, and would repeat the URL
        raise DataContractError(
            "database", [f"not a usable database URL ({type(error).__name__})"]
        ) from None
    try:
        with engine.connect() as connection:
            try:
                return pd.read_sql_query(sqlalchemy.text(query), connection)
            except pd.errors.DatabaseError as error:
                cause = getattr(error.__cause__, "orig", error)
                reason = str(cause).splitlines()[0]
                raise DataContractError("database", [f"query refused: {reason}"]) from None
    except sqlalchemy.exc.SQLAlchemyError as error:
        # drivers put user and host into their text
        kind = type(getattr(error, "orig", error)).__name__
        raise DataContractError(
            "database", [f"no answer from the {engine.dialect.name} database ({kind})"]
        ) from None
    finally:
        engine.dispose()


def write_table(frame: pd.DataFrame, path: str | Path) -> Path:
    """Path of the parquet file, written whole or not at all.

    Equal frames give equal bytes. A named index is kept; a plain one is dropped.

    Raises
    ------
    OSError
        The folder is not there or not writable; an earlier file of that name stays as it was.
    """
    path = Path(path)
    staging = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    keep_index = frame.index.nlevels > 1 or frame.index.name is not None
    try:
        frame.to_parquet(
            staging,
            index=keep_index,
            compression="zstd",
            row_group_size=BLOCK_ROWS,
            use_dictionary=_repetitive(frame),
        )
        with staging.open("rb") as file:
            os.fsync(file.fileno())
        staging.replace(path)
    finally:
        staging.unlink(missing_ok=True)
    return path


def part_path(folder: str | Path, number: int) -> Path:
    """Path of a part of the table in `folder`, counted from 0.

    Examples
    --------
    >>> part_path("performance", 7).as_posix()
    'performance/part-00007.parquet'
    """
    return Path(folder) / f"part-{number:05d}.parquet"


def _repetitive(frame: pd.DataFrame) -> list[str]:
    """Columns worth a dictionary: one of values that hardly repeat costs time and saves nothing."""
    head = frame.head(1_000)
    return [str(name) for name in frame.columns if head[name].nunique() <= len(head) // 2]


class Table:
    """Rows on disk, read whole or in blocks that never split a loan.

    Parameters
    ----------
    path : str or Path
        A parquet file of :func:`write_table`, or a folder of ``part-*.parquet`` files of the same
        columns, read in the order of their numbers as one table.
    whole : str, optional
        Column whose equal neighbours must stay in one block, such as ``loan_id``, in whichever
        parts they are.

    Raises
    ------
    DataContractError
        There is no such file, or no part in the folder; a file is no parquet; a part has other
        columns or types than the first; the column `whole` is missing.
    """

    def __init__(self, path: str | Path, *, whole: str | None = None):
        self.path = Path(path)
        self.whole = whole
        self.parts: tuple[Path, ...] = (self.path,)
        if self.path.is_dir():
            # by length first: part-100000 comes after part-99999
            parts = sorted(self.path.glob("part-*.parquet"), key=lambda p: (len(p.name), p.name))
            self.parts = tuple(parts)
            if not parts:
                raise DataContractError(self.path.name, [f"no part-*.parquet in {self.path}"])
        elif not self.path.is_file():
            raise DataContractError(self.path.name, [f"no file at {self.path}"])
        self.n_rows = 0
        for part in self.parts:
            with self._opened(part) as file:
                self.n_rows += file.metadata.num_rows
                schema = file.schema_arrow
            if part == self.parts[0]:
                expected = schema
            violations = _differences(schema, expected, self.parts[0].name)
            if violations:
                raise DataContractError(self._name(part), violations)
        self._columns: list[str] = expected.names
        self._require([] if whole is None else [whole])

    def __len__(self) -> int:
        return self.n_rows

    def __repr__(self) -> str:
        return f"Table({self.path.name}, {self.n_rows:,} rows)"

    def frame(
        self, columns: Sequence[str] | None = None, *, max_rows: int | None = None
    ) -> pd.DataFrame:
        """All rows, refused where there are more than `max_rows`.

        Raises
        ------
        ValueError
            The table is larger than `max_rows`.
        DataContractError
            A column is missing, or a file is damaged.
        """
        import pyarrow as pa

        if max_rows is not None and self.n_rows > max_rows:
            raise ValueError(
                f"{self.path.name} has {self.n_rows:,} rows, more than max_rows={max_rows:,}"
            )
        return pa.concat_tables(self._pieces(columns)).to_pandas()

    def blocks(
        self, columns: Sequence[str] | None = None, *, rows: int = BLOCK_ROWS
    ) -> Iterator[pd.DataFrame]:
        """Frames of at most `rows` rows, in the table's order, however it is divided into parts.

        With `whole`, a block ends where a loan does, so each loan is in exactly one block; only a
        loan of more than `rows` rows makes a longer one. No rows give no block.

        Raises
        ------
        ValueError
            `rows` is not positive.
        DataContractError
            A column is missing, or a file is damaged.
        """
        import pyarrow as pa

        if rows < 1:
            raise ValueError(f"rows must be at least 1, got {rows!r}")
        if columns is not None and self.whole is not None and self.whole not in columns:
            columns = [*columns, self.whole]
        held: pa.Table | None = None
        for piece in self._pieces(columns, rows):
            held = piece if held is None else pa.concat_tables([held, piece])
            while end := self._end_of_block(held, rows):
                yield held.slice(0, end).to_pandas()
                held = held.slice(end)
        if held is not None and held.num_rows:
            yield held.to_pandas()

    def _end_of_block(self, held: pa.Table, rows: int) -> int:
        """Rows in the first block of those held; 0 where more must be read to know."""
        import pyarrow.compute as pc

        if self.whole is None:
            return rows if held.num_rows >= rows else 0
        if held.num_rows <= rows:
            return 0
        loan = held[self.whole]
        changes = pc.fill_null(pc.not_equal(loan.slice(1), loan.slice(0, len(loan) - 1)), True)
        starts = np.flatnonzero(changes.to_numpy()) + 1
        if not starts.size:
            return 0
        within = int(np.searchsorted(starts, rows, side="right"))
        return int(starts[max(within - 1, 0)])

    def _pieces(self, columns: Sequence[str] | None, rows: int | None = None) -> Iterator[pa.Table]:
        """The parts, or batches of at most `rows` rows of them; an index is always among them."""
        import pyarrow as pa

        wanted = None if columns is None else list(columns)
        self._require(wanted or [])
        for part in self.parts:
            with self._opened(part) as file:
                if rows is None:
                    yield file.read(wanted, use_pandas_metadata=True)
                    continue
                for batch in file.iter_batches(rows, columns=wanted, use_pandas_metadata=True):
                    yield pa.Table.from_batches([batch])

    @contextmanager
    def _opened(self, part: Path) -> Iterator[pq.ParquetFile]:
        import pyarrow.parquet as pq

        with _readable(self._name(part)), pq.ParquetFile(part) as file:
            yield file

    def _name(self, part: Path) -> str:
        return part.name if part == self.path else f"{self.path.name}/{part.name}"

    def _require(self, columns: Sequence[str]) -> None:
        missing = missing_columns(self._columns, columns)
        if missing:
            raise DataContractError(self.path.name, [missing])


def _differences(found: pa.Schema, expected: pa.Schema, first: str) -> list[str]:
    """One line for each way in which a part's columns differ from those of the first part."""
    if found.names != expected.names:
        return [
            f"expected the columns {', '.join(expected.names)} as in {first}, "
            f"found {', '.join(found.names)}"
        ]
    return [
        f"{right.name}: expected {_kind(right)} as in {first}, found {_kind(wrong)}"
        for right, wrong in zip(expected, found, strict=True)
        if _kind(right) != _kind(wrong)
    ]


def _kind(field: pa.Field) -> str:
    return f"{field.type}{'' if field.nullable else ' not null'}"

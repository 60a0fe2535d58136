"""Where rows live: files and queries in, parquet out, and a handle that reads in blocks.

Takes a path or a database URL; gives frames. What is written appears whole or not at all.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from riskkit.schema.contract import DataContractError

__all__ = ["Table", "read_table", "write_table"]

BLOCK_ROWS = 500_000


def read_table(
    path_or_url: str | Path, query: str | None = None, *, text: Sequence[str] = ()
) -> pd.DataFrame:
    """Rows of a parquet or CSV file, or of a SQL query.

    Parameters
    ----------
    path_or_url : str or Path
        A ``.parquet``, ``.csv`` or ``.csv.gz`` file, or a SQLAlchemy URL. Keep URLs in an
        environment variable: no message of this function repeats one.
    query : str, optional
        The SELECT to run; needed with a URL, refused with a file.
    text : sequence of str
        Columns of a CSV file to read as text, such as ids with leading zeros.

    Raises
    ------
    DataContractError
        The file is not there, of an unknown kind, empty or truncated; the database does not
        answer or refuses the query.
    """
    if "://" in str(path_or_url):
        return _read_sql(str(path_or_url), query)
    if query is not None:
        raise ValueError(f"query needs a database URL, got the file {Path(path_or_url).name}")
    path = Path(path_or_url)
    if not path.is_file():
        raise DataContractError(path.name, [f"no file at {path}"])
    name = path.name.lower()
    try:
        if name.endswith(".parquet"):
            return pd.read_parquet(path)
        if name.endswith((".csv", ".csv.gz")):
            # a blank cell is the only missing value: "NA" or "None" may be a category
            return pd.read_csv(
                path,
                keep_default_na=False,
                na_values=[""],
                low_memory=False,
                dtype=dict.fromkeys(text, "str"),
            )
    except (OSError, ValueError, EOFError) as error:
        # pyarrow and pandas report a broken file as ArrowInvalid, ParserError, EmptyDataError or
        # BadGzipFile, all of them among these three
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataContractError(path.name, [f"unreadable: {reason}"]) from error
    raise DataContractError(
        path.name, [f"unknown kind of file {path.suffix!r}; expected .parquet, .csv or .csv.gz"]
    )


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
        frame.to_parquet(staging, index=keep_index, compression="zstd", row_group_size=BLOCK_ROWS)
        with staging.open("rb") as file:
            os.fsync(file.fileno())
        staging.replace(path)
    finally:
        staging.unlink(missing_ok=True)
    return path


class Table:
    """Rows on disk, read whole or in blocks that never split a loan.

    Parameters
    ----------
    path : str or Path
        A parquet file of :func:`write_table`.
    whole : str, optional
        Column whose equal neighbours must stay in one block, such as ``loan_id``.

    Raises
    ------
    DataContractError
        The file is not there or no parquet.
    """

    def __init__(self, path: str | Path, *, whole: str | None = None):
        import pyarrow.parquet as pq

        self.path = Path(path)
        self.whole = whole
        if not self.path.is_file():
            raise DataContractError(self.path.name, [f"no file at {self.path}"])
        try:
            metadata = pq.read_metadata(self.path)
        except (OSError, ValueError) as error:
            raise DataContractError(self.path.name, [f"unreadable: {error}"]) from error
        self.n_rows: int = metadata.num_rows

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
        """
        if max_rows is not None and self.n_rows > max_rows:
            raise ValueError(
                f"{self.path.name} has {self.n_rows:,} rows, more than max_rows={max_rows:,}"
            )
        return pd.read_parquet(self.path, columns=None if columns is None else list(columns))

    def blocks(
        self, columns: Sequence[str] | None = None, *, rows: int = BLOCK_ROWS
    ) -> Iterator[pd.DataFrame]:
        """Frames of about `rows` rows each, in the file's order.

        With `whole`, the last loan of a block is carried over into the next, so each loan is in
        exactly one block.
        """
        import pyarrow.parquet as pq

        if columns is not None and self.whole is not None and self.whole not in columns:
            columns = [*columns, self.whole]
        carried: pd.DataFrame | None = None
        with pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(
                batch_size=rows, columns=None if columns is None else list(columns)
            ):
                block = batch.to_pandas()
                if self.whole is None:
                    yield block
                    continue
                if carried is not None:
                    block = pd.concat([carried, block], ignore_index=True)
                last = block[self.whole].iloc[-1]
                start = int((block[self.whole] == last).to_numpy().argmax())
                carried = block.iloc[start:]
                if start:
                    yield block.iloc[:start]
        if carried is not None:
            yield carried

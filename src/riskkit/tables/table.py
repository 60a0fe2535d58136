"""Where rows live, whole or in blocks: a frame or parquet files.

Takes a frame or paths; gives frames. :class:`Table` is the handle that everything
that counts reads from.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from riskkit.checks import DataContractError, missing_columns
from riskkit.tables.beside import BesideRows
from riskkit.tables.chunks import FrameRows, Rows, cut, require_together
from riskkit.tables.files import Files
from riskkit.tables.parquet import ParquetRows
from riskkit.tables.query import NAME, query_rows
from riskkit.tables.sample import hash_ids, hash_limit
from riskkit.tables.texts import chosen_columns, csv_texts, sheet_texts, typed_frame

__all__ = ["Piece", "Table", "database_url", "read_table"]

# of a block or piece; fewer need less memory, more take less time
BLOCK_ROWS = int(os.environ.get("RISKKIT_BLOCK_ROWS") or 500_000)
BLOCK_BYTES = 1 << 26


def read_table(
    path_or_url: str | Path, query: str | None = None, *, text: Sequence[str] = ()
) -> pd.DataFrame:
    """Rows of a parquet, CSV or Excel file, of a folder of parquet parts, or of a SQL query.

    CSV and Excel are read as :func:`riskkit.tables.as_parts` reads them, and each column gets the
    type that loses nothing of any cell: codes with leading zeros, or of more than 15 digits, stay
    text. Only a blank cell is missing. Of a query, the types are those that pandas gives its rows.

    Parameters
    ----------
    path_or_url : str or Path
        A ``.parquet``, ``.csv``, ``.csv.gz`` or ``.xlsx`` file of one sheet, a folder as
        :class:`Table` takes, or a SQLAlchemy URL. Keep URLs in an environment variable: no message
        of this function repeats one.
    query : str, optional
        The SELECT to run; needed with a URL, refused with a file.
    text : sequence of str
        Columns of a CSV or Excel file to leave as text, whatever they hold.

    Raises
    ------
    DataContractError
        The file is not there, of an unknown kind, empty, or cannot be read cell by cell; the parts
        of a folder do not make one table; the database does not answer or refuses the query.
    """
    address = database_url(path_or_url, query)
    if address is not None and query is not None:
        with query_rows(address, query) as (names, blocks):
            rows = [tuple(row) for block in blocks for row in block]
        chosen_columns(names, None, NAME)
        return pd.DataFrame.from_records(rows, columns=names, coerce_float=True)
    files = Files(path_or_url)
    if files.kind == "parquet":
        return Table(path_or_url).frame()
    texts = csv_texts(files) if files.kind == "CSV" else sheet_texts(files)
    return typed_frame(pa.concat_tables(texts), text)


def database_url(source: Any, query: str | None) -> str | None:
    """The URL in full, where a source is one.

    Raises
    ------
    ValueError
        A URL has no query, or anything else has one.
    """
    if hasattr(source, "render_as_string"):  # a sqlalchemy.URL, which hides its password in str()
        source = source.render_as_string(hide_password=False)
    is_url = isinstance(source, str) and "://" in source
    if is_url and query is None:
        raise ValueError("a database URL needs a query")
    if query is not None and not is_url:
        raise ValueError(f"query needs a database URL, got the file {Files(source).name}")
    return source if is_url else None


class Table:
    """Rows wherever they live, read whole, in blocks that never split a loan, or as a sample.

    Parameters
    ----------
    source : DataFrame, path or sequence of paths (or what :meth:`beside` makes of two)
        A frame in memory; a ``.parquet`` file; a folder of ``part-*.parquet`` files, read in the
        order of their numbers; files of the same columns and types, read in the order given as one
        table. CSV, Excel and queries become parts first: :func:`riskkit.tables.as_parts`.
    whole : str, optional
        Column whose equal neighbours must stay in one block, such as ``loan_id``, in whichever
        files they are. The rows must be sorted by it.
    dtypes : mapping of str to (dtype, dtype), optional
        Of files that anybody may have written: the dtype of a column that lacks no value, and of
        one that lacks some. What pandas noted in the files, an index too, is then not read.

    Raises
    ------
    DataContractError
        A file is not there, broken, no parquet, or has other columns or types than the first; a
        name stands for two columns; the column `whole` is missing.

    Notes
    -----
    A column has one dtype, in every block as in the frame: the one that all of its rows need.

    A kept index is one with a name, as in :func:`write_table`; any other is counted from 0 in each
    frame.

    Examples
    --------
    >>> loans = pd.DataFrame({"loan_id": ["a", "a", "b", "b", "c"], "mob": [0, 1, 0, 1, 0]})
    >>> table = Table(loans, whole="loan_id")
    >>> table
    Table(frame, 2 columns, 5 rows)
    >>> [len(block) for block in table.blocks(rows=3)]
    [2, 3]
    """

    def __init__(
        self,
        source: pd.DataFrame | str | Path | Sequence[str | Path] | BesideRows,
        *,
        whole: str | None = None,
        dtypes: Mapping[str, tuple[Any, Any]] | None = None,
    ):
        self.whole = whole
        path = Path(source) if isinstance(source, str | Path) else None
        self._folder = path if path is not None and path.is_dir() else None
        self._rows: Rows
        if isinstance(source, BesideRows):
            self._rows = source
        elif isinstance(source, pd.DataFrame):
            self._rows = FrameRows(source)
        else:
            self._rows = ParquetRows(_files(source), dtypes)
        names = pd.Index(self._rows.columns)
        if not names.is_unique:
            twice = ", ".join(map(str, names[names.duplicated()].unique()))
            raise DataContractError(self._rows.name, [f"two columns of one name: {twice}"])
        self._require([] if whole is None else [whole])

    @property
    def folder(self) -> Path | None:
        """The folder whose parts are the rows; None where they live elsewhere."""
        return self._folder

    @property
    def columns(self) -> list[str]:
        """Names of the columns, in the order of the source; a kept index is among them."""
        return list(self._rows.columns)

    @property
    def stored_types(self) -> dict[str, pa.DataType]:
        """Type of each column as parquet files hold it; empty of what is no file."""
        return self._rows.stored_types() if isinstance(self._rows, ParquetRows) else {}

    @property
    def n_rows(self) -> int:
        """Number of rows, also ``len(table)``."""
        return self._rows.n_rows

    def __len__(self) -> int:
        return self.n_rows

    def __repr__(self) -> str:
        rows = self._rows
        return f"Table({rows.name}, {len(rows.columns)} columns, {rows.n_rows:,} rows)"

    def frame(
        self, columns: Sequence[str] | None = None, *, max_rows: int | None = None
    ) -> pd.DataFrame:
        """All rows, refused where there are more than `max_rows`.

        Raises
        ------
        ValueError
            The table is larger than `max_rows`.
        DataContractError
            A column is missing, a file is damaged.
        """
        self._require(columns or [])
        if max_rows is not None and self.n_rows > max_rows:
            raise ValueError(
                f"{self._rows.name} has {self.n_rows:,} rows, more than max_rows={max_rows:,}"
            )
        return self._rows.frame(columns)

    def blocks(
        self, columns: Sequence[str] | None = None, rows: int | None = None
    ) -> Iterator[pd.DataFrame]:
        """Frames of at most `rows` rows, in the table's order, however it is divided into files.

        With `whole`, a block ends where a loan does, so each loan is in exactly one block; only a
        loan of more than `rows` rows makes a longer one. No rows give no block. Blocks of a frame
        in memory are slices of it and copy nothing, unless `columns` are chosen.

        Parameters
        ----------
        columns : sequence of str, optional
            Those to read, in this order; `whole` is added where it is absent.
        rows : int, optional
            500,000, or fewer where those would take more than 64 MiB.

        Raises
        ------
        ValueError
            `rows` is not positive.
        DataContractError
            A column is missing, a file is damaged, or a loan that had
            ended comes again, within a block or in the next. One that comes again later is not
            noticed.
        """
        if rows is not None and rows < 1:
            raise ValueError(f"rows must be at least 1, got {rows!r}")
        self._require(columns or [])
        if columns is not None and self.whole is not None and self.whole not in columns:
            columns = [*columns, self.whole]
        if rows is None:
            rows = self._block_rows(self.columns if columns is None else columns)
        return cut(self._rows, columns, rows, self.whole)

    def pieces(self, columns: Sequence[str] | None = None, rows: int | None = None) -> list[Piece]:
        """The same rows as :meth:`blocks`, each piece still to be read, wherever it is wanted.

        A piece of parquet files is a number of whole row groups, so that it can be read by itself:
        by a thread, another process or another machine that sees the same files. Pieces are of at
        most `rows` rows, or of one row group where that is larger. With `whole`, a loan that goes
        on in the next row group is in the piece that it began in.

        Parameters
        ----------
        columns : sequence of str, optional
            Those to read, in this order; `whole` is added where it is absent.
        rows : int, optional
            As of :meth:`blocks`.

        Raises
        ------
        ValueError
            `rows` is not positive.
        DataContractError
            A column is missing, a file is damaged. Once a piece is read: a loan that had ended
            comes again in it.
        """
        if rows is not None and rows < 1:
            raise ValueError(f"rows must be at least 1, got {rows!r}")
        self._require(columns or [])
        if columns is not None and self.whole is not None and self.whole not in columns:
            columns = [*columns, self.whole]
        read = self.columns if columns is None else list(columns)
        cuts = self._rows.ranges(read, rows or self._block_rows(read), self.whole)
        return [Piece(self, cut, None if columns is None else read) for cut in cuts]

    def between(self, rows: range, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """The rows at these positions, such as those of another table's piece.

        Raises
        ------
        ValueError
            There is no such position.
        DataContractError
            A column is missing, a file is damaged.
        """
        self._require(columns or [])
        if not 0 <= rows.start < rows.stop <= self.n_rows or rows.step != 1:
            raise ValueError(f"rows must lie within 0..{self.n_rows:,}, got {rows!r}")
        return self._rows.between(rows, columns)

    def beside(self, other: Table, on: str = "application_id") -> Table:
        """These rows with the columns that another table of one row an id adds to them.

        Nothing is read before it is asked for. It is quick where both tables have the ids in one
        order, as a table has that was made of the other; else the other is read through for each
        piece. What the other does not know is missing; a column of both is this table's.

        Parameters
        ----------
        other : Table
        on : str
            Column of the ids, in both.

        Raises
        ------
        DataContractError
            One of them has no such column. Once rows are read: an id comes again in `other`.

        Examples
        --------
        >>> scores = Table(pd.DataFrame({"application_id": ["a", "b"], "score": [600, 500]}))
        >>> asked = Table(pd.DataFrame({"application_id": ["b", "a"], "channel": ["app", "web"]}))
        >>> scores.beside(asked).frame(["score", "channel"]).to_dict("list")
        {'score': [600, 500], 'channel': ['web', 'app']}
        """
        return Table(BesideRows(self._rows, other._rows, on), whole=self.whole)

    def column(self, name: str) -> Any:
        """One column as arrow holds it, of all rows.

        Raises
        ------
        DataContractError
            It is missing, or a file is damaged.
        """
        self._require([name])
        return self._rows.column(name)

    def sample(
        self, n: int = 100_000, columns: Sequence[str] | None = None, by: str = "application_id"
    ) -> pd.DataFrame:
        """The `n` rows with the smallest hash of their id, in the table's order.

        The same rows whatever the order of the rows, their division into files and blocks, and the
        type in which ids are stored (:func:`hash_ids`); all rows where there are no more than `n`.
        Rows of one id are in or out together, so where ids repeat, the sample may be smaller. The
        ids are read first, alone, then the columns of the rows chosen: memory holds a block and
        the sample.

        Raises
        ------
        ValueError
            `n` is not positive, or the first id in the sample alone has more than `n` rows.
        DataContractError
            A column or an id is missing, a file is damaged.
        """
        if n < 1:
            raise ValueError(f"n must be at least 1, got {n!r}")
        self._require([*(columns or []), by])
        place = self._rows
        if place.n_rows <= n:
            return place.frame(columns)
        hashes = (self._hashes(chunk, by) for chunk in place.chunks([by], self._block_rows([by])))
        limit = hash_limit(hashes, n)
        if limit is None:
            return place.frame(columns)
        wanted = self.columns if columns is None else list(columns)
        read = wanted if by in wanted else [*wanted, by]
        chosen = []
        for chunk in place.chunks(read, self._block_rows(read)):
            keep = self._hashes(chunk, by) < limit
            if keep.any():
                chosen.append(place.picked(chunk, keep))
        if not chosen:
            raise ValueError(f"no sample of {n:,} rows: one {by} alone has more")
        return place.joined(chosen, wanted)

    def _block_rows(self, columns: Sequence[str]) -> int:
        return min(BLOCK_ROWS, max(1, BLOCK_BYTES // max(1, self._rows.row_bytes(columns))))

    def _hashes(self, chunk: Any, by: str) -> NDArray[np.uint64]:
        ids = self._rows.values(chunk, by)
        missing = int(ids.isna().sum())
        if missing:
            raise DataContractError(
                self._rows.name, [f"{by}: missing in {missing:,} of {len(ids):,} rows read at once"]
            )
        return hash_ids(ids)

    def _require(self, columns: Sequence[str]) -> None:
        missing = missing_columns(self._rows.columns, columns)
        if missing:
            raise DataContractError(self._rows.name, [missing])


@dataclass(frozen=True)
class Piece:
    """Rows of a table that are still to be read; can be sent to another process.

    Parameters
    ----------
    table : Table
    rows : range
        Positions in the table.
    columns : sequence of str or None
        Those to read; None: all.
    """

    table: Table
    rows: range
    columns: Sequence[str] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def read(self) -> pd.DataFrame:
        """The rows.

        Raises
        ------
        DataContractError
            A file is damaged, or a loan comes again after its rows ended.
        """
        frame = self.table.between(self.rows, self.columns)
        if self.table.whole is not None:
            require_together(frame, self.table.whole, self.table._rows.name)
        return frame


def _files(source: str | Path | Sequence[str | Path]) -> Files:
    is_url = hasattr(source, "render_as_string") or (isinstance(source, str) and "://" in source)
    files = None if is_url else Files(source)
    if files is None or files.kind != "parquet":
        raise DataContractError(
            NAME if files is None else files.name,
            [
                "a Table reads frames and parquet; make parts of it with tables.as_parts, "
                "or a frame with tables.read_table"
            ],
        )
    return files

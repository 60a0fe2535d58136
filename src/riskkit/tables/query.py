"""Rows of a SQL query, streamed: the one place that knows a database, and its secrets.

Takes a SQLAlchemy URL and a SELECT; gives frames.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pandas as pd

from riskkit.checks import DataContractError
from riskkit.tables.chunks import FrameChunks, chunk_kind, common_type

if TYPE_CHECKING:
    import sqlalchemy

__all__ = ["QueryRows"]

_FETCH_VALUES = 400_000  # a value is a Python object until it is in a frame
_NEVER_MISSING = ("bool", "int64", "uint64")


class QueryRows(FrameChunks):
    """Rows of a query, by a cursor that stays in the database where it has one.

    A driver says little about types, and pandas finds one for the values it is given: a number
    column without a value in some chunk would change its type there. So the query is run once to
    settle the types and count the rows, unless all of it is read first, and once for each reading.
    No message repeats the URL, the user or the password.
    """

    name = "database"

    def __init__(self, url: str, query: str):
        self._url = url
        self._query = query
        with self._result() as result:
            self.columns = list(result.keys())

    def learn(self) -> None:
        """Count the rows and settle the types, in a pass."""
        if self._types is not None:
            return
        n_rows = 0
        kinds: dict[str, set[str]] = {name: set() for name in self.columns}
        for rows in self._fetched():
            n_rows += len(rows)
            chunk = self._inferred(rows, self.columns)
            for name in self.columns:
                kinds[name].add(chunk_kind(chunk[name]))
        self.n_rows = n_rows
        self._types = {
            name: common_type(found, none="object", mixed="object") for name, found in kinds.items()
        }

    def chunks(self, columns: Sequence[str] | None, rows: int) -> Iterator[pd.DataFrame]:
        """Frames of at most `rows` rows, in the types of the whole."""
        self.learn()
        wanted = self.columns if columns is None else list(columns)
        for fetched in self._fetched(rows):
            yield self._typed(self._inferred(fetched, wanted), fetched)

    def frame(self, columns: Sequence[str] | None) -> pd.DataFrame:
        """All rows; learns the types in passing where it reads all columns."""
        wanted = self.columns if columns is None else list(columns)
        with self._result() as result:
            rows = result.fetchall()
        frame = self._inferred(rows, wanted)
        if self._types is not None:
            return self._typed(frame, rows)
        self.n_rows = len(frame)
        if columns is None and frame.columns.is_unique:
            self._types = {name: str(frame[name].dtype) for name in wanted}
        return frame

    def _inferred(self, rows: Sequence[Any], columns: Sequence[str]) -> pd.DataFrame:
        """Frame of the columns, each in the type that pandas finds for these rows."""
        if list(columns) == self.columns:
            records = [tuple(row) for row in rows]
        else:
            places = [self.columns.index(name) for name in columns]
            records = [tuple(row[place] for place in places) for row in rows]
        return pd.DataFrame.from_records(records, columns=list(columns), coerce_float=True)

    def _typed(self, chunk: pd.DataFrame, rows: Sequence[Any]) -> pd.DataFrame:
        """The chunk in the types of the whole."""
        for name in chunk.columns:
            column, kind = chunk[name], (self._types or {})[name]
            if str(column.dtype) == kind:
                continue
            if kind == "object":
                place = self.columns.index(name)
                chunk[name] = pd.Series([row[place] for row in rows], dtype=object)
            elif kind not in _NEVER_MISSING and not column.notna().any():
                chunk[name] = pd.Series([None] * len(chunk), dtype=kind)
            elif kind in ("float64", "uint64") and column.dtype.kind in "iu":
                chunk[name] = column.astype(kind)
            else:
                raise DataContractError(
                    self.name,
                    [
                        f"{name}: expected {kind} as when the query was first read, found "
                        f"{column.dtype}; the rows changed meanwhile"
                    ],
                )
        return chunk

    def _fetched(self, rows: int | None = None) -> Iterator[Sequence[Any]]:
        fetch = max(1, min(_FETCH_VALUES // len(self.columns), rows or _FETCH_VALUES))
        with self._result() as result:
            # without a size, a server-side cursor is fetched whole
            yield from result.partitions(fetch)

    @contextmanager
    def _result(self) -> Iterator[sqlalchemy.CursorResult]:
        """The query's result, closed at the end; what goes wrong becomes one line."""
        import sqlalchemy

        try:
            engine = sqlalchemy.create_engine(self._url)
        except Exception as error:
            # a driver's import or the URL's parser may raise anything, and would repeat the URL
            raise DataContractError(
                self.name, [f"not a usable database URL ({type(error).__name__})"]
            ) from None
        connected = False
        try:
            with engine.connect() as connection:
                connected = True
                # the text as it stands: a colon or a per cent sign in it is no parameter
                cursor = connection.execution_options(stream_results=True, no_parameters=True)
                result = cursor.exec_driver_sql(self._query)
                if not result.returns_rows:
                    raise DataContractError(
                        self.name, ["query refused: it returns no rows, expected a SELECT"]
                    )
                # a cursor in the database is closed before its connection is
                with closing(result):
                    yield result
        except sqlalchemy.exc.SQLAlchemyError as error:
            line = _complaint(error, engine, connected)
            raise DataContractError(self.name, [line]) from None
        finally:
            engine.dispose()


def _complaint(
    error: sqlalchemy.exc.SQLAlchemyError, engine: sqlalchemy.Engine, connected: bool
) -> str:
    """One line on what went wrong; drivers put user and host into their own."""
    cause = getattr(error, "orig", None) or error
    kind = type(cause).__name__
    if not connected:
        return f"no answer from the {engine.dialect.name} database ({kind})"
    if getattr(error, "connection_invalidated", False):
        return f"the {engine.dialect.name} database stopped answering ({kind})"
    reason = str(cause).splitlines()[0]
    url = engine.url
    options = (str(value) for value in url.query.values())
    if any(secret and secret in reason for secret in (url.username, url.password, *options)):
        reason = kind
    return f"query refused: {reason}"

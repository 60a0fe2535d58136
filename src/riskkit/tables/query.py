"""Rows of a SQL query, streamed and read only: the one place that knows a database, its secrets.

Takes a SQLAlchemy URL and a SELECT; gives rows as Python values.
"""

from __future__ import annotations

import os
import re
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from riskkit.checks import DataContractError
from riskkit.columns import shown

if TYPE_CHECKING:
    import sqlalchemy

__all__ = ["NAME", "query_rows"]

NAME = "database"
QUERY_SECONDS = 3_600.0
# kind of database → packages beside SQLAlchemy
_DRIVERS = {"postgresql": ("psycopg",), "duckdb": ("duckdb", "duckdb_engine")}
_FETCH_VALUES = 400_000  # a value is a Python object until it is in a table

# What a query says in a string, a quoted name or a comment. A comment within a comment ends here
# at the first end, so what PostgreSQL takes for comment is looked at, never the other way round.
_QUOTED = re.compile(
    r"""--[^\n]* | /\*.*?\*/ | \b[eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*"
    | `[^`]*` | (?<![\w$])\$(?P<tag>(?:[A-Za-z_]\w*)?)\$.*?\$(?P=tag)\$""",
    re.DOTALL | re.VERBOSE,
)
_CHANGES = re.compile(r"\(\s*(INSERT|UPDATE|DELETE|MERGE)\s|\b(INTO)\b")
_STATEMENTS = ("SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "VALUES", "TABLE")
_SQLITE_READS = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE)
_SQLITE_NEVER = ("load_extension", "fts3_tokenizer")


@contextmanager
def query_rows(url: str, query: str) -> Iterator[tuple[list[str], Iterator[Sequence[Any]]]]:
    """Names of the columns of a query, and its rows, some at a time.

    A cursor stays in the database where it has one. The query is one SELECT, and runs read only:
    SQLite opens the file so and asks an authorizer about each step, DuckDB has neither files nor
    settings beside its own, PostgreSQL is in a READ ONLY transaction that is rolled back. It is
    stopped after `$RISKKIT_QUERY_SECONDS`, by default an hour. No message repeats the URL, the user
    or the password, nor what a server says of a query.

    What functions of PostgreSQL may do beyond tables (`pg_read_file`, `lo_export`, `dblink`,
    `pg_terminate_backend`) is a matter of the role's rights: give riskkit a role that may only read
    the tables it needs.

    Raises
    ------
    DataContractError
        The query is no single SELECT; there is no read-only way to this kind of database; it does
        not answer, refuses the query, or takes too long; `$RISKKIT_QUERY_SECONDS` is no number of
        seconds.
    """
    sqlalchemy = _imported()
    limit = _seconds()
    _require_select(query)
    engine = _engine(url)
    stopped = threading.Event()
    try:
        with _connected(engine) as connection:
            _restrict(connection, limit)
            with _stopping(connection, limit, stopped):
                # the text as it stands: a colon or a per cent sign in it is no parameter
                cursor = connection.execution_options(stream_results=True, no_parameters=True)
                # a cursor in the database is closed before its connection is
                with closing(cursor.exec_driver_sql(query)) as result:
                    yield list(result.keys()), _fetched(result, stopped)
    except (sqlalchemy.exc.SQLAlchemyError, TimeoutError) as error:
        late = stopped.is_set() or "statement timeout" in str(error)
        line = f"query stopped after {limit:,g} s, the limit ($RISKKIT_QUERY_SECONDS)"
        if not late:
            line = _complaint(error, engine)
        raise DataContractError(NAME, [line]) from None
    finally:
        engine.dispose()


def _imported() -> Any:
    """SQLAlchemy, which a source of files does without."""
    try:
        import sqlalchemy

        return sqlalchemy
    except ImportError:
        raise DataContractError(NAME, [_lacking("SQLAlchemy")]) from None


def _lacking(package: str) -> str:
    return f"a query needs {package}, which is not installed: pip install 'riskkit[sql]'"


def _require_driver(kind: str) -> None:
    for package in _DRIVERS.get(kind, ()):
        if find_spec(package) is None:
            raise DataContractError(NAME, [_lacking(package)])


def _seconds() -> float:
    given = os.environ.get("RISKKIT_QUERY_SECONDS", str(QUERY_SECONDS))
    try:
        limit = float(given)
    except ValueError:
        limit = 0.0
    if not 0 < limit <= threading.TIMEOUT_MAX:
        raise DataContractError(
            NAME, [f"RISKKIT_QUERY_SECONDS must be a number of seconds > 0, got {shown(given)}"]
        )
    return limit


def _require_select(query: str) -> None:
    """Refuse what is not one SELECT, or one WITH whose parts and whole are."""
    text = _QUOTED.sub(" ", query).upper().strip().removesuffix(";").strip()
    found = _CHANGES.search(text)
    outer, inner = text, ""
    while inner != outer:
        inner, outer = outer, re.sub(r"\([^()]*\)", " ", outer)
    words = re.findall(r"\w+", outer) or ["nothing"]
    first = words[0]
    if first == "WITH":
        first = next((word for word in words if word in _STATEMENTS), "WITH alone")
    if re.search(r"""['"`]|/\*""", text):
        wrong = "a quote or a comment that is not closed"
    elif ";" in text:
        wrong = "several statements"
    elif first != "SELECT":
        wrong = first
    elif found:
        wrong = found[1] or found[2]
    else:
        return
    raise DataContractError(
        NAME, [f"query refused: expected one SELECT, or WITH and a SELECT, found {wrong}"]
    )


def _engine(address: str) -> sqlalchemy.Engine:
    """Engine of a kind of database that can be read without a risk of changing it."""
    import sqlalchemy

    try:
        url = sqlalchemy.make_url(address)
        kind = url.get_backend_name()
        _require_driver(kind)
        # a password that is not percent-encoded ends where the parser takes it to, not the owner
        if any("@" in str(part) for part in (url.host, url.database, *url.query.items())):
            raise ValueError
        if kind == "postgresql":
            return sqlalchemy.create_engine(url.set(drivername="postgresql+psycopg"))
        if kind not in ("sqlite", "duckdb"):
            url.get_dialect()  # a word that is no database at all is another fault
            raise DataContractError(
                NAME, [f"no read-only way for {kind} yet; there are postgresql, sqlite, duckdb"]
            )
        path = Path(url.database or "")
        if not path.is_file():
            raise DataContractError(NAME, [f"no file of {kind} where the URL points"])
        if kind == "duckdb":
            locked = {"enable_external_access": False, "lock_configuration": True}
            return sqlalchemy.create_engine(
                sqlalchemy.URL.create("duckdb", database=str(path)),
                connect_args={"read_only": True, "config": locked},
                poolclass=sqlalchemy.pool.NullPool,
            )
        address = f"file:{quote(str(path.resolve()))}?mode=ro"
        return sqlalchemy.create_engine(
            "sqlite://",
            creator=lambda: sqlite3.connect(address, uri=True),
            poolclass=sqlalchemy.pool.NullPool,
        )
    except DataContractError:
        raise
    except Exception as error:
        # a driver's import or the URL's parser may raise anything, and would repeat the URL
        raise DataContractError(
            NAME, [f"not a usable database URL ({type(error).__name__})"]
        ) from None


def _connected(engine: sqlalchemy.Engine) -> sqlalchemy.Connection:
    try:
        return engine.connect()
    except Exception as error:  # a driver may raise anything, and put the address into it
        kind = type(getattr(error, "orig", None) or error).__name__
        raise DataContractError(NAME, [f"no answer from {_named(engine)} ({kind})"]) from None


def _named(engine: sqlalchemy.Engine) -> str:
    """A database by its kind, host and name."""
    url, kind = engine.url, engine.dialect.name
    if kind != "postgresql":  # a file, whose path the owner knows
        return f"the {kind} database"
    return f"the {kind} database {url.database!r} at {url.host or 'this machine'}"


def _restrict(connection: sqlalchemy.Connection, limit: float) -> None:
    """Let the connection only read; DuckDB was opened so."""
    kind = connection.dialect.name
    if kind == "postgresql":
        connection.execution_options(postgresql_readonly=True)
        # the server's own limit, should this side be gone; it knows no more than 24 days
        milliseconds = min(max(1, round(limit * 1_000)), 2**31 - 1)
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {milliseconds}")
    elif kind == "sqlite":
        _raw(connection).set_authorizer(_authorized)


def _raw(connection: sqlalchemy.Connection) -> Any:
    return connection.connection.driver_connection


def _authorized(action: int, _: str | None, name: str | None, *rest: str | None) -> int:
    reads = action in _SQLITE_READS
    calls = action == sqlite3.SQLITE_FUNCTION and name not in _SQLITE_NEVER
    return sqlite3.SQLITE_OK if reads or calls else sqlite3.SQLITE_DENY


@contextmanager
def _stopping(
    connection: sqlalchemy.Connection, limit: float, stopped: threading.Event
) -> Iterator[None]:
    """Stop what the connection runs when the limit is over."""
    raw = _raw(connection)
    interrupt = raw.cancel if connection.dialect.name == "postgresql" else raw.interrupt

    def stop() -> None:
        stopped.set()
        interrupt()

    timer = threading.Timer(limit, stop)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()  # or it might interrupt a connection that is being closed


def _fetched(result: sqlalchemy.CursorResult, stopped: threading.Event) -> Iterator[Sequence[Any]]:
    # without a size, a server-side cursor is fetched whole
    for rows in result.partitions(max(1, _FETCH_VALUES // len(result.keys()))):
        if stopped.is_set():
            raise TimeoutError
        yield rows


def _complaint(error: Exception, engine: sqlalchemy.Engine) -> str:
    """One line on what went wrong; of a server's own text, which may repeat anything, its kind."""
    cause = getattr(error, "orig", None) or error
    kind = type(cause).__name__
    if getattr(error, "connection_invalidated", False):
        return f"{_named(engine)} stopped answering ({kind})"
    if engine.dialect.name == "postgresql":
        # of the server, where there is one
        place = getattr(getattr(cause, "diag", None), "statement_position", None)
        at = f" at letter {place} of the query" if place else ""
        return f"query refused: {kind}{at}, by {_named(engine)}"
    return f"query refused: {str(cause).partition(chr(10))[0] or kind}"

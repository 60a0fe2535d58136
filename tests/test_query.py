"""A query reads, once and for a while, and changes nothing."""

import hashlib
import sqlite3
from contextlib import closing

import duckdb
import pytest
import sqlalchemy

from riskkit import schema, tables
from riskkit.checks import DataContractError
from riskkit.tables import as_parts
from riskkit.tables.query import query_rows

ENGINES = ["sqlite", "duckdb", "postgresql"]
TABLES = "SELECT schemaname, tablename FROM pg_tables ORDER BY 1, 2"
FOREVER = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"


@pytest.fixture(params=ENGINES)
def book(request, tmp_path):
    """URL of a database with a table of 1,000 loans, which is the same when the test is over."""
    path = tmp_path / "book.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres")
        engine = sqlalchemy.create_engine(url)
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE IF EXISTS loans, copied, more")
            connection.exec_driver_sql("DROP SCHEMA IF EXISTS book CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA book; CREATE SEQUENCE book.s")
            connection.exec_driver_sql(
                "CREATE TABLE loans AS SELECT i, lpad(i::text, 4, '0') AS id"
                " FROM generate_series(0, 999) AS i"
            )
            before = connection.exec_driver_sql(TABLES).all()
        yield url
        with engine.connect() as connection:
            assert connection.exec_driver_sql(TABLES).all() == before
            assert connection.exec_driver_sql("SELECT sum(i) FROM loans").scalar() == 499_500
            assert not connection.exec_driver_sql("SELECT is_called FROM book.s").scalar()
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE loans; DROP SCHEMA book CASCADE")
        engine.dispose()
        assert not list(tmp_path.glob("*.csv"))
        return
    if request.param == "sqlite":
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("CREATE TABLE loans (i INTEGER, id VARCHAR)")
            rows = [(number, f"{number:04d}") for number in range(1_000)]
            connection.executemany("INSERT INTO loans VALUES (?, ?)", rows)
    else:
        with duckdb.connect(str(path)) as connection:
            columns = "i, lpad(i::VARCHAR, 4, '0') AS id"
            connection.execute(f"CREATE TABLE loans AS SELECT {columns} FROM range(1000) t(i)")
    before = hashlib.sha256(path.read_bytes()).digest()
    yield f"{request.param}:///{path}"
    assert hashlib.sha256(path.read_bytes()).digest() == before
    assert {found.name for found in tmp_path.iterdir()} <= {"book.db", "parts"}


def refused(url, query, match):
    with pytest.raises(DataContractError, match=match) as caught, query_rows(url, query) as found:
        list(found[1])
    assert "://" not in str(caught.value)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT i, id FROM loans ORDER BY i",
        "-- drop table loans;\nSELECT i, id FROM loans /* ; */ ORDER BY i ;\n",
        "WITH chosen AS (SELECT * FROM loans), more(i, id) AS (SELECT * FROM chosen) "
        "SELECT i, id FROM more ORDER BY i",
        "with recursive chosen as (select i, id from loans) select * from chosen order by i",
        "SELECT i, id FROM loans WHERE id <> '; DELETE INTO ''x'' --' AND i > -1 ORDER BY i",
        "SELECT i, replace(id, 'x', 'y') AS \"id\" FROM loans ORDER BY i",
        "SELECT i, id FROM (SELECT * FROM loans) AS merged ORDER BY i",
    ],
)
def test_a_select_is_read_whatever_its_strings_and_comments_say(book, query, tmp_path):
    frame = as_parts(book, tmp_path / "parts", query=query).frame()
    assert frame["i"].tolist() == [str(i) for i in range(1_000)]
    assert frame["id"].tolist() == [f"{i:04d}" for i in range(1_000)]
    assert schema.read_table(book, query)["i"].tolist() == list(range(1_000))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("DROP TABLE loans", "DROP"),
        ("/* a */ drop table loans -- SELECT", "DROP"),
        ("DELETE FROM loans", "DELETE"),
        ("COPY loans TO 'x.csv'", "COPY"),
        ("ATTACH 'x.db' AS x", "ATTACH"),
        ("PRAGMA database_list", "PRAGMA"),
        ("CALL x()", "CALL"),
        ("EXPLAIN ANALYZE DELETE FROM loans", "EXPLAIN"),
        ("SET x = 1", "SET"),
        ("VALUES (1)", "VALUES"),
        ("", "nothing"),
        ("-- only a comment", "nothing"),
        ("SELECT 1; DROP TABLE loans", "several statements"),
        ("SELECT 1 AS a; SELECT 2 AS a", "several statements"),
        ("SELECT ';'; DROP TABLE loans; --'", "several statements"),
        (r"SELECT E'\'' AS a; DROP TABLE loans; --'", "several statements"),
        ("SELECT 1 AS a$b$; DROP TABLE loans; --$b$", "several statements"),
        ("SELECT $b$ ' $b$ AS a; DROP TABLE loans; --'", "several statements"),
        ("SELECT 1 /* /* */ ; DROP TABLE loans; */", "several statements"),
        ("WITH x AS (DELETE FROM loans RETURNING *) SELECT * FROM x", "DELETE"),
        (
            "WITH x AS MATERIALIZED (\n update loans SET i = 1) SELECT * FROM x",
            "UPDATE",
        ),
        ("WITH x AS (SELECT 1) DELETE FROM loans", "DELETE"),
        ("WITH x AS (SELECT 1) INSERT INTO loans SELECT 1, 'a'", "INSERT"),
        ("WITH x AS (SELECT 1)", "WITH alone"),
        ("SELECT * INTO copied FROM loans", "INTO"),
        ("SELECT 1 /* DROP", "a quote or a comment that is not closed"),
        ("SELECT 'a", "a quote or a comment that is not closed"),
    ],
)
def test_what_is_not_one_select_is_refused_before_the_database_is_asked(query, found):
    refused("sqlite:////absent", query, f"query refused: expected one SELECT.* {found}$")


@pytest.mark.parametrize(
    "query",
    [
        "DROP TABLE loans",
        "DELETE FROM loans",
        "WITH x AS (DELETE FROM loans RETURNING *) SELECT * FROM x",
        "SELECT * INTO copied FROM loans",
        "CREATE TABLE more AS SELECT 1 AS a",
        "ATTACH '{folder}/x.csv' AS x",
        "COPY loans TO '{folder}/x.csv'",
        "EXPORT DATABASE '{folder}/x.csv'",
        "VACUUM INTO '{folder}/x.csv'",
        "PRAGMA user_version = 7",
        "SET threads = 1",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT load_extension('x')",
        "SELECT nextval('book.s')",
        "SELECT set_config('transaction_read_only', 'off', true)",
        "SELECT * FROM loans FOR UPDATE",
    ],
)
def test_the_database_itself_lets_nothing_be_changed_or_read_beside_it(
    book, query, monkeypatch, tmp_path
):
    """As if the first look at the query had missed it; each is refused, or gives no row of it."""
    monkeypatch.setattr(tables.query, "_require_select", lambda query: None)
    refused(book, query.format(folder=tmp_path), "query refused: ")


def test_a_file_of_sqlite_is_open_for_reading_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(tables.query, "_require_select", lambda query: None)
    monkeypatch.setattr(tables.query, "_authorized", lambda *_: sqlite3.SQLITE_OK)
    with closing(sqlite3.connect(tmp_path / "t.db")) as connection, connection:
        connection.execute("CREATE TABLE t (a)")
    refused(f"sqlite:///{tmp_path}/t.db", "DROP TABLE t", "attempt to write a readonly database")


def test_of_two_statements_the_database_runs_neither_or_changes_nothing(book, monkeypatch):
    monkeypatch.setattr(tables.query, "_require_select", lambda query: None)
    for query in ("SELECT 1 AS a; DROP TABLE loans", "COMMIT; DROP TABLE loans"):
        refused(book, query, "query refused: ")


def test_what_postgres_lets_a_reader_do_is_undone_at_the_end(postgres):
    change = "SELECT set_config('default_transaction_read_only', 'off', false) AS a"
    assert schema.read_table(postgres, change)["a"].tolist() == ["off"]
    made = schema.read_table(postgres, "SELECT lo_create(0) AS a")["a"].iloc[0]
    left = f"SELECT count(*) AS n FROM pg_largeobject_metadata WHERE oid = {made}"
    assert schema.read_table(postgres, left)["n"].tolist() == [0]


@pytest.mark.parametrize(
    "query",
    [FOREVER, "SELECT a.i AS i FROM loans a, loans b, loans c, loans d, loans e, loans f"],
    ids=["no row comes", "rows never end"],
)
def test_a_query_is_stopped_at_its_limit(book, query, monkeypatch):
    monkeypatch.setenv("RISKKIT_QUERY_SECONDS", "0.5")
    refused(book, query, r"query stopped after 0.5 s, the limit \(\$RISKKIT_QUERY_SECONDS\)")


def test_a_query_cannot_lift_its_limit(postgres, monkeypatch):
    monkeypatch.setenv("RISKKIT_QUERY_SECONDS", "0.5")
    monkeypatch.setattr(tables.query, "_FETCH_VALUES", 2)  # a row at a time: the second sleeps
    query = (
        "SELECT set_config('statement_timeout', '0', false), pg_sleep(i * 60)"
        " FROM generate_series(0, 1) AS i"
    )
    refused(postgres, query, "query stopped after 0.5 s")


@pytest.mark.parametrize("given", ["", "0", "-1", "nan", "an hour", "1e99"])
def test_a_limit_that_is_no_number_of_seconds_is_refused(given, monkeypatch):
    monkeypatch.setenv("RISKKIT_QUERY_SECONDS", given)
    with pytest.raises(ValueError, match="RISKKIT_QUERY_SECONDS must be a number of seconds > 0"):
        schema.read_table("sqlite:///x.db", "SELECT 1")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql+pymysql://alice:s3cret@host/x", "no read-only way for mysql yet; there are postg"),
        ("oracle://alice:s3cret@host/x", "no read-only way for oracle yet"),
        ("mssql+pyodbc://alice:s3cret@host/x", "no read-only way for mssql yet"),
        ("sqlite://", "no file of sqlite where the URL points"),
        ("sqlite:////absent/s3cret.db", "no file of sqlite where the URL points"),
        ("sqlite:///file:s3cret?mode=rwc&uri=true", "no file of sqlite where the URL points"),
        ("duckdb:///:memory:", "no file of duckdb where the URL points"),
        ("duckdb:///md:s3cret", "no file of duckdb where the URL points"),
        ("nodialect://alice:s3cret@host/x", "not a usable database URL"),
    ],
)
def test_other_databases_and_absent_files_are_refused_by_kind_alone(url, message):
    with pytest.raises(DataContractError, match=message) as caught:
        schema.read_table(url, "SELECT 1")
    assert "s3cret" not in str(caught.value)
    assert "alice" not in str(caught.value)


def test_a_file_that_is_no_database_is_one_line(tmp_path):
    (tmp_path / "s3cret.db").write_text("no database " * 100)
    for kind in ("sqlite", "duckdb"):
        with pytest.raises(DataContractError, match=r"query refused|no answer from the") as caught:
            schema.read_table(f"{kind}:///{tmp_path}/s3cret.db", "SELECT * FROM t")
        assert "s3cret" not in str(caught.value)


def test_a_url_needs_a_query_and_a_query_a_url(tmp_path):
    (tmp_path / "a.csv").write_text("x\n1\n")
    for read in (schema.read_table, lambda source, query=None: as_parts(source, "p", query=query)):
        with pytest.raises(ValueError, match="a database URL needs a query"):
            read("sqlite:///x.db")
        with pytest.raises(ValueError, match=r"query needs a database URL, got the file a\.csv"):
            read(tmp_path / "a.csv", query="SELECT 1")


def test_columns_of_one_name_are_refused_where_both_are_wanted(book, tmp_path):
    query = "SELECT i AS x, id AS x, id FROM loans ORDER BY i"
    for read in (schema.read_table, lambda url, query: as_parts(url, tmp_path / "p", query=query)):
        with pytest.raises(DataContractError, match="two columns of one name: x"):
            read(book, query)
    frame = as_parts(book, tmp_path / "parts", query=query, columns=["id"]).frame()
    assert frame["id"].tolist()[:2] == ["0000", "0001"]

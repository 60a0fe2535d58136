"""Rows of a real database, and what it keeps to itself."""

import re

import pandas as pd
import pytest
import sqlalchemy
from pandas.testing import assert_frame_equal

from riskkit import schema, tables
from riskkit.checks import DataContractError
from riskkit.tables import as_parts
from riskkit.tables.query import query_rows


@pytest.fixture
def database(postgres):
    """SQLAlchemy engine of the tests' PostgreSQL; what a test makes there is dropped."""
    engine = sqlalchemy.create_engine(postgres)
    yield engine
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("DROP TABLE IF EXISTS loans"))
    engine.dispose()


def url_of(engine):
    return engine.url.render_as_string(hide_password=False)


@pytest.fixture
def panel(database):
    """120 loans of 3 rows in PostgreSQL, with columns whose values come late, or never."""
    with database.begin() as connection:
        connection.execute(
            sqlalchemy.text(
                "CREATE TABLE loans AS SELECT"
                "  lpad((i / 3)::text, 4, '0') AS loan_id, i % 3 AS mob,"
                "  i::bigint AS paid, (i / 4.0)::numeric(10, 2) AS rate,"
                "  CASE WHEN i > 200 THEN i END AS late_number,"
                "  CASE WHEN i > 200 THEN i % 2 = 0 END AS late_truth,"
                "  CASE WHEN i > 200 THEN 'x' END AS late_text,"
                "  CASE WHEN i > 200 THEN timestamp '2024-01-01' + i * interval '1 day' END"
                "    AS late_moment,"
                "  CASE WHEN i < 150 THEN date '2024-01-01' + i END AS early_date,"
                "  NULL::int AS never"
                " FROM generate_series(0, 359) AS i"
            )
        )
    return url_of(database), "SELECT * FROM loans ORDER BY loan_id, mob"


def test_postgres_gives_its_types_as_pandas_has_them_and_their_text_as_parts(
    panel, database, tmp_path, monkeypatch
):
    url, query = panel
    monkeypatch.setattr(tables.query, "_FETCH_VALUES", 10 * 32)
    with database.connect() as connection:
        whole = pd.read_sql_query(sqlalchemy.text(query), connection)
    assert_frame_equal(schema.read_table(url, query), whole)
    assert whole["late_number"].dtype == "float64"
    assert whole["late_moment"].dtype == "datetime64[us]"
    table = as_parts(database.url, tmp_path / "p", query=query)
    texts = table.frame()
    assert len(table) == 360
    assert_frame_equal(texts.isna(), whole.isna())
    assert (texts.dtypes == "str").all()
    assert texts.iloc[0].dropna().tolist() == ["0000", "0", "0", "0.00", "2024-01-01"]
    assert texts.iloc[202, 4:8].tolist() == ["202", "true", "x", "2024-07-21"]
    assert (texts["rate"].astype(float) == whole["rate"]).all()
    dates = as_parts(url, tmp_path / "q", query=query, columns=["early_date", "paid"]).frame()
    assert dates.columns.tolist() == ["paid", "early_date"]
    assert (dates["early_date"].dropna() == whole["early_date"].dropna().astype("str")).all()


def test_postgres_is_asked_for_a_few_rows_at_a_time(database, monkeypatch):
    monkeypatch.setattr(tables.query, "_FETCH_VALUES", 100)
    # rows that no one could hold
    query = "SELECT generate_series(1, 100000000000) AS loan_id"
    with query_rows(url_of(database), query) as (names, blocks):
        assert names == ["loan_id"]
        assert [next(blocks)[0][0] for _ in range(3)] == [1, 101, 201]


SECRETS = re.compile("lender|s3cret|riskkit-postgres|://")


def test_a_url_object_keeps_the_password_it_hides(postgres, monkeypatch):
    given, create = [], sqlalchemy.create_engine
    monkeypatch.setattr("sqlalchemy.create_engine", lambda url: given.append(url) or create(url))
    url = sqlalchemy.make_url(postgres)
    assert schema.read_table(url, "SELECT 1 AS x")["x"].tolist() == [1]
    assert given == [url]


@pytest.mark.parametrize("when", ["first", "later"])
def test_a_server_that_goes_away_is_one_line_without_secrets(
    panel, database, monkeypatch, tmp_path, when
):
    url, query = panel
    monkeypatch.setattr(tables.query, "_FETCH_VALUES", 10 * 20)
    own, seen = tables.texts._text, []

    def cut_off(value):
        seen.append(value)
        if len(seen) == (1 if when == "first" else 2500):
            with database.connect() as connection:
                connection.execute(
                    sqlalchemy.text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE pid <> pg_backend_pid() AND datname = current_database()"
                    )
                )
        return own(value)

    monkeypatch.setattr(tables.texts, "_text", cut_off)
    with pytest.raises(DataContractError) as caught:
        as_parts(url, tmp_path / "p", query=query)
    (line,) = caught.value.violations
    assert re.fullmatch(r"the postgresql database '\w+' at .* stopped answering \(\w+\)", line)
    assert not SECRETS.search(str(caught.value))
    assert caught.value.__suppress_context__
    assert caught.value.__cause__ is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT 1 / 0 AS x", "query refused: DivisionByZero, by"),
        ("SELECT * FROM absent", "query refused: UndefinedTable at letter"),
        # the reason names the user: its kind is all that is said
        ("SELECT 'lender'::int", r"query refused: InvalidTextRepresentation at letter"),
    ],
)
def test_what_postgres_refuses_is_told_without_secrets(postgres, query, message, tmp_path):
    for read in (schema.read_table, lambda url, query: as_parts(url, tmp_path / "p", query=query)):
        with pytest.raises(DataContractError, match=message) as caught:
            read(postgres, query)
        assert not SECRETS.search(str(caught.value))


def test_a_colon_or_a_per_cent_sign_in_a_query_is_no_parameter(postgres):
    query = "SELECT '12:30 :x' AS said, 7::int AS number WHERE 'abc' LIKE '%b%' ORDER BY 1"
    assert schema.read_table(postgres, query).iloc[0].tolist() == ["12:30 :x", 7]

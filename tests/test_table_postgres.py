"""A table over a real database, and what it keeps to itself."""

import re

import pandas as pd
import pytest
import sqlalchemy
from pandas.testing import assert_frame_equal

from riskkit import schema, tables
from riskkit.checks import DataContractError
from riskkit.tables import Table


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


def test_postgres_blocks_hold_whole_loans_in_the_types_of_the_frame(panel, database, monkeypatch):
    url, query = panel
    monkeypatch.setattr(tables.query, "_FETCH_VALUES", 10 * 32)
    with database.connect() as connection:
        whole = pd.read_sql_query(sqlalchemy.text(query), connection)
    assert_frame_equal(schema.read_table(url, query), whole)
    table = Table(url, query=query, whole="loan_id")
    blocks = list(table.blocks(rows=50))
    assert {len(block) for block in blocks[:-1]} == {48}
    for block in blocks:
        assert (block.dtypes == whole.dtypes).all()
    assert_frame_equal(pd.concat(blocks, ignore_index=True), whole)
    assert_frame_equal(table.frame(), whole)
    assert_frame_equal(Table(database.url, query=query).frame(["paid"]), whole[["paid"]])
    assert whole["late_number"].dtype == "float64"
    assert whole["late_text"].dtype == "str"
    assert whole["late_moment"].dtype == "datetime64[us]"
    assert len(table) == 360


def test_postgres_is_asked_for_a_few_rows_at_a_time(database, monkeypatch):
    monkeypatch.setattr(tables.query, "_FETCH_VALUES", 100)
    # rows that no one could hold
    table = Table(url_of(database), query="SELECT generate_series(1, 100000000000) AS loan_id")
    monkeypatch.setattr(tables.query.QueryRows, "_types", {"loan_id": "int64"})
    blocks = table.blocks(rows=250)
    assert [next(blocks)["loan_id"].iloc[0] for _ in range(3)] == [1, 251, 501]
    blocks.close()


def test_postgres_gives_the_sample_of_the_file(panel, tmp_path):
    url, query = panel
    table = Table(url, query=query)
    file = Table(schema.write_table(table.frame(), tmp_path / "t.parquet"))
    sample = table.sample(90, ["loan_id", "paid"], by="loan_id")
    assert len(sample) == 90
    assert_frame_equal(sample, file.sample(90, ["loan_id", "paid"], by="loan_id"))


SECRETS = re.compile("lender|s3cret|riskkit-postgres|://")


def test_a_url_object_keeps_the_password_it_hides(postgres, monkeypatch):
    given, create = [], sqlalchemy.create_engine
    monkeypatch.setattr("sqlalchemy.create_engine", lambda url: given.append(url) or create(url))
    url = sqlalchemy.make_url(postgres)
    assert Table(url, query="SELECT 1 AS x").frame()["x"].tolist() == [1]
    assert {sqlalchemy.make_url(text) for text in given} == {url}


@pytest.mark.parametrize("when", ["learning", "reading"])
def test_a_server_that_goes_away_is_one_line_without_secrets(panel, database, monkeypatch, when):
    url, query = panel
    monkeypatch.setattr(tables.query, "_FETCH_VALUES", 10 * 20)
    table = Table(url, query=query)

    def cut_off(*_):
        with database.connect() as connection:
            connection.execute(
                sqlalchemy.text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE pid <> pg_backend_pid() AND datname = current_database()"
                )
            )

    if when == "learning":
        monkeypatch.setattr(tables.query, "chunk_kind", cut_off)
        blocks = table.blocks(rows=50)
    else:
        blocks = table.blocks(rows=50)
        next(blocks)
        cut_off()
    with pytest.raises(DataContractError) as caught:
        list(blocks)
    (line,) = caught.value.violations
    assert re.fullmatch(r"the postgresql database stopped answering \(\w+\)", line)
    assert not SECRETS.search(str(caught.value))
    assert caught.value.__suppress_context__
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT 1 / 0 AS x", "query refused: division by zero"),
        ("SELECT * FROM absent", 'query refused: relation "absent" does not exist'),
        # the reason names the user: its kind is all that is said
        ("SELECT 'lender'::int", r"query refused: InvalidTextRepresentation$"),
    ],
)
def test_what_postgres_refuses_is_told_without_secrets(postgres, query, message):
    for read in (schema.read_table, lambda url, query: Table(url, query=query).frame()):
        with pytest.raises(DataContractError, match=message) as caught:
            read(postgres, query)
        assert not SECRETS.search(str(caught.value))


@pytest.mark.parametrize("rows", ["mob = 1", "true"])
def test_rows_that_changed_between_two_readings_are_refused(panel, database, rows):
    url, query = panel
    table = Table(url, query=query)
    assert len(table) == 360
    with database.begin() as connection:
        connection.execute(sqlalchemy.text(f"UPDATE loans SET paid = NULL WHERE {rows}"))
    with pytest.raises(DataContractError, match=r"paid: expected int64 .*rows changed meanwhile"):
        list(table.blocks())


def test_a_colon_or_a_per_cent_sign_in_a_query_is_no_parameter(postgres):
    query = "SELECT '12:30 :x' AS said, 7::int AS number WHERE 'abc' LIKE '%b%' ORDER BY 1"
    assert schema.read_table(postgres, query).iloc[0].tolist() == ["12:30 :x", 7]

"""Bins as SQL: what transform gives, bit for bit, in DuckDB and in a real PostgreSQL."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from binning_rows import (
    FLOATS,
    STRANGE,
    STRANGE_NAMES,
    beside,
    borrowers,
    fitted,
)
from hypothesis import given, settings
from hypothesis import strategies as st

BORROWERS, LABELS = borrowers()


class DuckDb:
    """Tables of an in-memory database."""

    dialect, place = "duckdb", "?"

    def __init__(self):
        import duckdb

        self.connection = duckdb.connect()
        self.cursor = self.connection.cursor()

    def close(self):
        self.connection.close()


class Postgres:
    """Tables of a schema of its own, dropped at the end."""

    dialect, place = "postgres", "%s"

    def __init__(self, url):
        import psycopg

        self.connection = psycopg.connect(url.replace("+psycopg", ""), autocommit=True)
        self.cursor = self.connection.cursor()
        self.cursor.execute("CREATE SCHEMA binning")
        self.cursor.execute("SET search_path TO binning")

    def close(self):
        self.cursor.execute("DROP SCHEMA binning CASCADE")
        self.connection.close()


@pytest.fixture(params=["duckdb", "postgres"])
def database(request):
    if request.param == "duckdb":
        made = DuckDb()
    else:
        made = Postgres(request.getfixturevalue("postgres"))
    yield made
    made.close()


def store(database, columns, table="t"):
    """Make a table of named columns, each of an SQL type and its values, and number its rows."""
    names = ['"' + name.replace('"', '""') + '"' for name in columns]
    typed = [f"{name} {kind}" for name, (kind, _) in zip(names, columns.values(), strict=True)]
    database.cursor.execute(f"CREATE TABLE {table} (row_number INTEGER, {', '.join(typed)})")
    rows = zip(*(values for _, values in columns.values()), strict=True)
    places = ", ".join([database.place] * (len(columns) + 1))
    if database.place == "%s":
        table = table.replace("%", "%%")
    database.cursor.executemany(
        f"INSERT INTO {table} VALUES ({places})", [(i, *row) for i, row in enumerate(rows)]
    )


def assert_sql_is_transform(database, binner, X, table="t"):
    query = binner.to_sql(table, database.dialect, keys=["row_number"])
    database.cursor.execute(f"SELECT * FROM ({query}) AS q ORDER BY row_number")
    assert [column[0] for column in database.cursor.description] == ["row_number", *binner.bins_]
    found = database.cursor.fetchall()
    for number, wanted in enumerate(binner.transform(X).to_numpy().tolist()):
        assert list(found[number]) == [number, *wanted], X.iloc[number].to_dict()
    assert len(found) == len(X)
    assert all(isinstance(value, float) for value in found[0][1:])


EDGES = [-1 / 3, 5e-324, 0.1, 0.1 + 0.2, 2.5, 1e16]
CODES = [-9.0, 0.7, 99999999.0]


@pytest.mark.parametrize("merge", [False, True])
def test_sql_is_transform_on_awkward_floats(database, merge):
    binner = fitted(pd.DataFrame({"x": FLOATS}), special_codes={"x": CODES}).set_edges("x", EDGES)
    if merge:
        first, *_, missing = binner.bins_["x"].apart
        binner = binner.merge_bins("x", 2, missing).merge_bins("x", 0, first)
    assert len(set(binner.bins_["x"].woe[:-1])) == len(binner.bins_["x"].counts)
    values = [*FLOATS, *beside(EDGES), *beside(CODES), *beside([1e300, 123.456])]
    store(database, {"x": ("DOUBLE PRECISION", [*map(float, values), None])})
    assert_sql_is_transform(database, binner, pd.DataFrame({"x": [*values, None]}, dtype=float))


def test_an_infinite_code_is_a_code(database):
    values = [np.inf, -np.inf, 1.0, 2.0, np.nan]
    binner = fitted(pd.DataFrame({"x": values}), special_codes={"x": [np.inf, -np.inf]})
    store(database, {"x": ("DOUBLE PRECISION", values)})
    assert_sql_is_transform(database, binner, pd.DataFrame({"x": values}))


def test_sql_is_transform_on_every_type_of_column(database):
    single = np.array([0.1, 0.2, 0.3, 1 / 3, 1e30, -0.0, 7, 8], dtype=np.float32)
    frame = pd.DataFrame(
        {
            "single": single,
            "whole": pd.array([1, 2, 3, -9, None, 4, 5, 6], dtype="Int64"),
            "large": np.array([2**53, 2**53 - 1, -(2**53), 0, 1, 2, 3, 4]),
            "flag": pd.array([True, False, None, True, False, None, True, True], dtype="boolean"),
            "decimal": [Decimal(v) for v in "0.1 0.25 -3.3333 12345678.9 0 1 2".split()] + [None],
            "text": ["b", "a", None, "", "c", "d ", "d", "e"],
            "code": pd.Categorical([1, 2, 3, None, 10, 1, 2, 3]),
        }
    )
    binner = fitted(frame, special_codes={"whole": [-9]})
    edge = float(binner.edges["single"][0])
    assert edge in single.astype(float)
    types = {
        "single": "REAL", "whole": "INTEGER", "large": "BIGINT", "flag": "BOOLEAN",
        "decimal": "NUMERIC(12, 4)", "text": "TEXT", "code": "INTEGER",
    }  # fmt: skip
    values = frame.astype(object).where(frame.notna(), None)
    store(database, {name: (kind, values[name].tolist()) for name, kind in types.items()})
    assert_sql_is_transform(database, binner, frame)


def test_sql_is_transform_on_strange_texts_and_names(database):
    numbers = np.arange(len(STRANGE) + 1.0)
    columns = {name: np.roll(numbers, k) for k, name in enumerate(STRANGE_NAMES)}
    frame = pd.DataFrame({**columns, "level": [*STRANGE, None]})
    binner = fitted(frame, max_bins=4)
    groups = [STRANGE[k::7] for k in range(7)]
    binner = binner.group_levels("level", groups).merge_bins("level", 3, 7)
    unseen = ["B", "a  ", "IT'S", "顾", "É", "\u00e9 ", "NULL", "nan", "%"]
    X = pd.concat([frame, pd.DataFrame({"level": unseen})], ignore_index=True)
    store(
        database,
        {name: ("DOUBLE PRECISION", X[name].tolist()) for name in STRANGE_NAMES}
        | {"level": ("TEXT", X["level"].astype(object).where(X["level"].notna(), None).tolist())},
    )
    assert_sql_is_transform(database, binner, X)


def test_a_table_may_stand_in_a_schema_and_have_any_name(database):
    database.cursor.execute('CREATE SCHEMA "my ""risk"""')
    X = pd.DataFrame({"x": [1.0, 2.0, 3.0]})
    store(database, {"x": ("DOUBLE PRECISION", X["x"].tolist())}, '"my ""risk"""."select % :a"')
    try:
        assert_sql_is_transform(database, fitted(X), X, ('my "risk"', "select % :a"))
    finally:
        database.cursor.execute('DROP SCHEMA "my ""risk""" CASCADE')


def test_missing_never_seen_in_fit_and_unseen_levels_are_the_riskiest(database):
    X = pd.DataFrame({"x": [1.0, 2.0, 3.0], "level": ["a", "b", "c"]})
    binner = fitted(X, special_codes={"x": [-9]})
    later = pd.DataFrame({"x": [np.nan, -9, 1], "level": [None, "d", "a"]})
    store(database, {"x": ("DOUBLE PRECISION", [None, -9.0, 1.0]),
                     "level": ("TEXT", [None, "d", "a"])})  # fmt: skip
    assert_sql_is_transform(database, binner, later)
    woe = binner.transform(later)
    for name in X:
        assert (woe[name][:2] == binner.table(name)["woe"].min()).all()


def test_names_that_are_whole_numbers_name_columns(database):
    X = pd.DataFrame({0: [1.0, 2.0, 3.0], 1: [3.0, 2.0, 1.0]})
    store(database, {str(name): ("DOUBLE PRECISION", X[name].tolist()) for name in X})
    query = fitted(X).to_sql("t", database.dialect)
    database.cursor.execute(query)
    assert [column[0] for column in database.cursor.description] == ["0", "1"]


# no column of text in a database holds these
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=4)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_sql_of_random_binners_is_transform_in_duckdb(data):
    number = st.one_of(st.floats(allow_nan=False), st.integers(-4, 4).map(lambda k: k / 10))
    values = data.draw(st.lists(number, min_size=3, max_size=12, unique=True))
    texts = data.draw(st.lists(TEXT, min_size=3, max_size=12, unique=True))
    n = len(values) + len(texts)
    fit = pd.DataFrame({"x": [values[i % len(values)] for i in range(n)] + [np.nan]})
    fit["level"] = [texts[i % len(texts)] for i in range(n)] + [None]
    codes = data.draw(st.lists(st.sampled_from(values), max_size=2, unique=True))
    binner = fitted(fit, data.draw(st.integers(0, 99)), special_codes={"x": codes})
    for _ in range(data.draw(st.integers(0, 3))):
        name = data.draw(st.sampled_from(["x", "level"]))
        n_bins, n_rows = binner.bins_[name].n_bins, len(binner.bins_[name].counts)
        if n_rows > n_bins:
            pair = st.integers(0, n_rows - 1), st.integers(n_bins, n_rows - 1)
            i, j = data.draw(st.tuples(*pair))
            binner = binner.merge_bins(name, i, j) if i != j else binner
    x = [*beside([*values, *binner.edges["x"], *codes]), np.nan]
    level = [*texts, *(text + " " for text in texts), data.draw(TEXT), None]
    n = max(len(x), len(level))
    later = pd.DataFrame(
        {
            "row_number": range(n),
            "x": [x[i % len(x)] for i in range(n)],
            "level": pd.Series([level[i % len(level)] for i in range(n)], dtype=object),
        }
    )
    database = DuckDb()
    database.connection.register("later", later)
    database.connection.execute("CREATE TABLE t AS SELECT * FROM later")
    assert_sql_is_transform(database, binner, later)
    database.close()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("t", "oracle"), r"dialect must be one of \('duckdb', 'postgres'\), got 'oracle'"),
        (("",), "no database has a column or table called ''"),
        (("t\0",), r"no database has a column or table called 't\\x00'"),
        (("x" * 64, "postgres"), "PostgreSQL cuts names off after 63 bytes; .* has 64"),
        (("顾" * 22, "postgres"), "PostgreSQL cuts names off after 63 bytes; .* has 66"),
    ],
)
def test_what_no_database_can_hold_is_refused(arguments, message):
    binner = fitted(pd.DataFrame({"x": [1.0, 2.0, 3.0]}))
    with pytest.raises(ValueError, match=message):
        binner.to_sql(*arguments)
    assert "x" * 63 in binner.to_sql("x" * 63, "postgres")
    assert "x" * 64 in binner.to_sql("x" * 64, "duckdb")


def test_a_feature_and_a_level_that_no_database_can_hold_are_refused():
    with pytest.raises(ValueError, match=r"no database has the text 'a\\x00b'"):
        fitted(pd.DataFrame({"level": ["a\0b", "c"]})).to_sql("t")
    long = fitted(pd.DataFrame({"f" * 64: [1.0, 2.0]}))
    with pytest.raises(ValueError, match="PostgreSQL cuts names off"):
        long.to_sql("t", "postgres")
    with pytest.raises(ValueError, match="no database has a column or table called ''"):
        fitted(pd.DataFrame({"": [1.0, 2.0]})).to_sql("t")


@pytest.mark.parametrize("keys", [["id", "x"], ["id", "id"]])
def test_two_columns_of_one_name_are_refused(keys):
    binner = fitted(pd.DataFrame({"x": [1.0, 2.0]}))
    with pytest.raises(ValueError, match=rf"passed on once, .* too: \['{keys[1]}'\]"):
        binner.to_sql("t", keys=keys)

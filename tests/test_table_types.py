"""A column has one type, in every block as in the frame."""

import tempfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from stored_tables import all_blocks

from riskkit import schema, tables
from riskkit.tables import Table
from riskkit.tables.chunks import chunk_kind, common_type

CELLS = ["1", "-3", "2.5", "", "True", "False", "x", "007", "1e3", "nan", "NA", " 4"]
HUGE = "18446744073709551615"


@settings(max_examples=150, deadline=None)
@example(column=[HUGE, "", "1e3"], rows=1, learn=2, frame_first=False)
@example(column=[HUGE + "0", "1"], rows=1, learn=1, frame_first=False)
@given(
    column=st.lists(st.sampled_from(CELLS), max_size=3, unique=True).flatmap(
        lambda some: st.lists(st.sampled_from([*some, "7", HUGE, ""]), max_size=9)
    ),
    rows=st.integers(1, 5),
    learn=st.integers(1, 4),
    frame_first=st.booleans(),
)
def test_csv_columns_have_the_type_of_the_file_read_whole(column, rows, learn, frame_first):
    lines = "".join(f"{cell},{number}\n" for number, cell in enumerate(column))
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables.csv_files, "_LEARN_BYTES", 2 * 40 * learn)
        path = Path(folder) / "t.csv"
        path.write_text("a,number\n" + lines)
        whole = pd.read_csv(path, keep_default_na=False, na_values=[""], low_memory=False)
        if HUGE in column:
            # pandas forgets the blank cells there
            whole["a"] = whole["a"].mask(whole["a"].astype("str") == "")
        table = Table(path)
        if frame_first:
            assert_frame_equal(table.frame(), whole)
        if column:
            for block in table.blocks(rows=rows):
                assert (block.dtypes == whole.dtypes).all()
            assert_frame_equal(all_blocks(table, rows=rows), whole)
        assert_frame_equal(table.frame(), whole)
        assert_frame_equal(schema.read_table(path), whole)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("1\n2\n", "\n\n", "float64"),
        ('1\n2\n""\n', "3\n", "float64"),
        ("1\n", "2.5\n", "float64"),
        ("1\n", "x\n", "str"),
        ("True\n", "1\n", "str"),
        ("True\n", "False\n", "bool"),
        ("True\n", '""\n', "object"),
        (f"{HUGE}\n", "1\n", "uint64"),
        (f"{HUGE}\n", "x\n", "str"),
        (f"{HUGE}\n", '""\n', "str"),
        (f"{HUGE}\n", "-1\n", "str"),
        (f"{HUGE}\n", "1.5\n", "str"),
        ('""\n', '""\n', "float64"),
        ('""\n', "x\n", "str"),
    ],
)
def test_csv_files_of_one_table_settle_on_one_type(tmp_path, first, second, expected):
    for name, cells in (("a", first), ("b", second)):
        lines = [f"{line},0" for line in cells.splitlines()]
        (tmp_path / f"{name}.csv").write_text("\n".join(["x,y", *lines, ""]))
    table = Table([tmp_path / "a.csv", tmp_path / "b.csv"])
    assert table.frame()["x"].dtype == expected
    for block in table.blocks(rows=1):
        assert block["x"].dtype == expected
    assert_frame_equal(all_blocks(table, rows=1), table.frame())


def test_text_columns_of_a_csv_keep_their_zeros(tmp_path):
    (tmp_path / "t.csv").write_text("id,x\n007,1\n,2\n08,3\n")
    table = Table(tmp_path / "t.csv", text=["id", "absent"])
    assert table.frame()["id"].tolist()[::2] == ["007", "08"]
    assert [block["id"].dtype for block in table.blocks(rows=1)] == ["str"] * 3


SQL_VALUES = st.sampled_from([1, -2, 2.5, None, "a", b"x", 2**62])


@settings(max_examples=80, deadline=None)
@given(
    values=st.lists(SQL_VALUES, max_size=3, unique_by=repr).flatmap(
        lambda some: st.lists(st.sampled_from([*some, 7, None]), max_size=9)
    ),
    rows=st.integers(1, 5),
    frame_first=st.booleans(),
)
def test_columns_of_a_query_have_the_type_of_the_result_read_whole(values, rows, frame_first):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables.query, "_FETCH_VALUES", 2 * rows)
        engine = sqlalchemy.create_engine(f"sqlite:///{folder}/t.db")
        query = "SELECT n, a FROM t ORDER BY n"
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text("CREATE TABLE t (n, a)"))
            for n, value in enumerate(values):
                connection.execute(
                    sqlalchemy.text("INSERT INTO t VALUES (:n, :a)"), [{"n": n, "a": value}]
                )
        with engine.connect() as connection:
            whole = pd.read_sql_query(sqlalchemy.text(query), connection)
        engine.dispose()
        table = Table(str(engine.url), query=query)
        if frame_first:
            assert_frame_equal(table.frame(), whole)
        if values:
            for block in table.blocks(rows=rows):
                assert (block.dtypes == whole.dtypes).all()
            assert_frame_equal(all_blocks(table, rows=rows), whole)
        assert_frame_equal(table.frame(), whole)
        assert_frame_equal(table.frame(["a"]), whole[["a"]])
        assert_frame_equal(schema.read_table(str(engine.url), query), whole)


@pytest.mark.parametrize(
    "values", [[2**63, 1], [2**63, None], [2**63, 1.5], [2**63, -1], [2**63, "a"], [2**63, 1, None]]
)
def test_numbers_beyond_64_bits_settle_as_pandas_has_them_in_a_query(values):
    kinds = {chunk_kind(pd.DataFrame.from_records([(value,)])[0]) for value in values}
    whole = pd.DataFrame.from_records([(value,) for value in values], coerce_float=True)[0]
    assert common_type(kinds, none="object", mixed="object") == whole.dtype


@settings(max_examples=40, deadline=None)
@given(
    gaps=st.lists(st.sampled_from(["none", "some", "all"]), min_size=1, max_size=4),
    rows=st.integers(1, 5),
    pandas=st.booleans(),
    statistics=st.booleans(),
)
def test_parquet_columns_have_one_type_with_and_without_gaps(gaps, rows, pandas, statistics):
    values = {
        "whole": ([1, 2, 3], pa.int32()),
        "truth": ([True, False, True], pa.bool_()),
        "text": (["a", "b", "c"], pa.string()),
        "date": ([10, 20, 30], pa.date32()),
        "level": (["y", "x", "y"], pa.dictionary(pa.int8(), pa.string())),
    }
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number, gap in enumerate(gaps):
            keep = {"none": [1, 1, 1], "some": [1, 0, 1], "all": [0, 0, 0]}[gap]
            columns = {
                name: pa.array(
                    [v if k else None for v, k in zip(cells, keep, strict=True)],
                    kind if name != "level" else pa.string(),
                )
                for name, (cells, kind) in values.items()
            }
            columns["level"] = columns["level"].dictionary_encode()
            rows_here = pa.table(columns)
            if pandas and number == 0:
                kept = rows_here.slice(0, 0).to_pandas()
                metadata = pa.Schema.from_pandas(kept).metadata
                rows_here = rows_here.replace_schema_metadata(metadata)
            paths.append(Path(folder) / f"{number}.parquet")
            pq.write_table(rows_here, paths[-1], row_group_size=2, write_statistics=statistics)
        table = Table(paths)
        whole = table.frame()
        for block in table.blocks(rows=rows):
            assert (block.dtypes == whole.dtypes).all()
        assert_frame_equal(all_blocks(table, rows=rows), whole)
        if set(gaps) == {"none"}:
            assert whole["whole"].dtype == "int32"
            assert whole["truth"].dtype == "bool"
        if gaps != ["all"] * len(gaps):
            assert whole["level"].dropna().isin(["x", "y"]).all()


def test_nullable_pandas_types_survive_in_blocks(tmp_path):
    frame = pd.DataFrame(
        {"n": pd.array([1, None, 3], "Int64"), "b": pd.array([True, False, None], "boolean")}
    )
    table = Table(schema.write_table(frame, tmp_path / "t.parquet"))
    assert_frame_equal(all_blocks(table, rows=1), frame)

"""A column has one type, in every block as in the frame."""

import tempfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from stored_tables import all_blocks

from riskkit import schema
from riskkit.tables import Table

CELLS = ["1", "-3", "2.5", "", "True", "false", "x", "007", "1e-05", "1E2", "nan", " 4", "-0"]
HUGE = "1234567890123456"


@settings(max_examples=150, deadline=None)
@example(column=["1", ""])
@example(column=[HUGE, "1.5"])
@given(
    column=st.lists(st.sampled_from(CELLS), max_size=3, unique=True).flatmap(
        lambda some: st.lists(st.sampled_from([*some, "7", HUGE, ""]), max_size=9)
    )
)
def test_a_csv_column_has_a_type_that_loses_nothing_of_any_cell(column):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_text("a,n\n" + "".join(f"{cell},{n}\n" for n, cell in enumerate(column)))
        found = schema.read_table(path)["a"]
    assert found.isna().tolist() == [cell == "" for cell in column]
    there = [cell for cell in column if cell]
    if not there or set(there) <= {"1", "-3", "2.5", "7", "1e-05", "-0"}:
        expected = {float} if "" in column or {"2.5", "1e-05", "-0"} & set(there) else {int}
        assert {type(value) for value in found.tolist()} <= expected
        assert list(map(repr, found.dropna())) == [
            repr(next(iter(expected))(cell)) for cell in there
        ]
    elif set(there) <= {"True", "false"}:
        assert found.dtype == ("object" if "" in column else "bool")
        assert found.dropna().tolist() == [cell == "True" for cell in there]
    else:
        assert found.dtype == "str"
        assert found.dropna().tolist() == there


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=9))
def test_floats_come_back_from_a_csv_as_they_were_written(values):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_text("".join(f"{line}\n" for line in ["x", *map(repr, values)]))
        found = schema.read_table(path)["x"]
    assert [float(value).hex() for value in found] == [value.hex() for value in values]


def test_text_columns_of_a_csv_stay_text_whatever_they_hold(tmp_path):
    (tmp_path / "t.csv").write_text("id,x\n7,1\n,2\n8,3\n")
    frame = schema.read_table(tmp_path / "t.csv", text=["id", "absent"])
    assert frame["id"].tolist()[::2] == ["7", "8"]
    assert frame["x"].dtype == "int64"


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

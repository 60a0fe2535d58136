"""A table in blocks that never split a loan, wherever its rows live."""

import subprocess
import sys
import tempfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from stored_tables import KINDS, all_blocks, stored, write_parts

from riskkit import schema, tables
from riskkit.checks import DataContractError
from riskkit.tables import Table

LENGTHS = [3, 1, 5, 2, 4, 1]


@pytest.fixture
def book():
    """Six loans, sorted; the frame of one table."""
    return pd.DataFrame(
        {
            "loan_id": [f"L{i}" for i, n in enumerate(LENGTHS) for _ in range(n)],
            "mob": [m for n in LENGTHS for m in range(n)],
            "paid": np.arange(sum(LENGTHS)) / 4,
        }
    )


@pytest.mark.parametrize("rows", [1, 3, 4, 7, 16, 100])
def test_blocks_never_split_a_loan_and_hold_every_row(tmp_path, book, rows):
    table = Table(schema.write_table(book, tmp_path / "p.parquet"), whole="loan_id")
    blocks = list(table.blocks(["mob"], rows=rows))
    both = pd.concat(blocks, ignore_index=True)
    assert_frame_equal(both, book[["mob", "loan_id"]])
    seen = [set(block["loan_id"]) for block in blocks]
    assert sum(len(s) for s in seen) == len(LENGTHS)
    assert all(len(block) <= rows or len(set(block["loan_id"])) == 1 for block in blocks)
    with pytest.raises(ValueError, match="more than max_rows=3"):
        table.frame(max_rows=3)


@pytest.mark.parametrize("whole", [None, "loan_id"])
@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5, 9, 16, 100])
@pytest.mark.parametrize("cuts", [(), (3,), (1, 2, 5, 6), (0, 7, 7, 15), tuple(range(1, 16))])
def test_a_folder_of_parts_reads_as_the_one_file(tmp_path, book, cuts, rows, whole):
    file = Table(schema.write_table(book, tmp_path / "p.parquet"), whole=whole)
    parts = Table(write_parts(book, tmp_path / "p", *cuts), whole=whole)
    assert len(parts) == len(file) == 16
    assert_frame_equal(parts.frame(), book)
    assert_frame_equal(parts.frame(["paid", "loan_id"]), book[["paid", "loan_id"]])
    assert_frame_equal(schema.read_table(tmp_path / "p"), book)
    with pytest.raises(ValueError, match="p has 16 rows, more than max_rows=15"):
        parts.frame(max_rows=15)
    blocks = list(parts.blocks(rows=rows))
    for ours, expected in zip(blocks, file.blocks(rows=rows), strict=True):
        assert_frame_equal(ours, expected)
    assert_frame_equal(pd.concat(blocks, ignore_index=True), book)
    assert all(len(block) for block in blocks)
    if whole is None:
        assert {len(block) for block in blocks[:-1]} <= {rows}


def test_blocks_of_known_loans_end_where_a_loan_does(tmp_path, book):
    table = Table(write_parts(book, tmp_path / "p", 2, 8), whole="loan_id")
    assert [len(block) for block in table.blocks(rows=4)] == [4, 5, 2, 4, 1]
    assert [len(block) for block in table.blocks(rows=7)] == [4, 7, 5]


def test_rows_without_a_loan_do_not_pile_up_and_no_rows_give_no_block(tmp_path, book):
    book.loc[3:, "loan_id"] = None
    table = Table(schema.write_table(book, tmp_path / "p.parquet"), whole="loan_id")
    assert [len(block) for block in table.blocks(rows=4)] == [4, 4, 4, 4]
    empty = Table(schema.write_table(book.head(0), tmp_path / "e.parquet"), whole="loan_id")
    assert list(empty.blocks()) == []
    assert_frame_equal(empty.frame(), book.head(0))


def test_parts_are_read_in_the_order_of_their_numbers_and_nothing_else_is(tmp_path, book):
    folder = tmp_path / "p"
    folder.mkdir()
    for number in (100_000, 99_999, 7):
        part = book.assign(mob=number).head(1)
        schema.write_table(part, tables.part_path(folder, number))
    (folder / ".part-00008.parquet.0123").touch()
    (folder / "README.md").touch()
    assert Table(folder).frame()["mob"].tolist() == [7, 99_999, 100_000]


def test_an_index_is_kept_whichever_columns_are_read(tmp_path, book):
    indexed = book.set_index("loan_id")
    table = Table(write_parts(indexed, tmp_path / "p", 4), whole="loan_id")
    assert_frame_equal(table.frame(["paid"]), indexed[["paid"]])
    both = pd.concat(list(table.blocks(["paid"], rows=5)))
    assert_frame_equal(both, indexed[["paid"]])


@pytest.mark.parametrize("read", [Table, schema.read_table])
@pytest.mark.parametrize(
    ("part", "message"),
    [
        (b"PAR1 no", r"^p/part-00001\.parquet breaks.*\n  - unreadable: "),
        (
            {"mob": "int32"},
            r"^p/part-00001\.parquet .*\n  - mob: expected int64 as in part-00000\.parquet, "
            r"found int32",
        ),
        (
            {"mob": "float64", "paid": "str"},
            r"mob: expected int64 .* found double\n  - paid: expected double .* found large_string",
        ),
        (
            ["loan_id", "paid"],
            r"^p/part-00001\.parquet .*\n  - expected the columns loan_id, mob, paid as in "
            r"part-00000\.parquet, found loan_id, paid$",
        ),
        (["loan_id", "paid", "mob"], "found loan_id, paid, mob$"),
    ],
)
def test_parts_that_make_no_table_are_named_with_what_was_expected(
    tmp_path, book, part, message, read
):
    folder = write_parts(book, tmp_path / "p", 5, 9)
    path = folder / "part-00001.parquet"
    if isinstance(part, bytes):
        path.write_bytes(part)
    else:
        schema.write_table(book[part] if isinstance(part, list) else book.astype(part), path)
    with pytest.raises(DataContractError, match=message):
        read(folder)


def test_a_folder_without_parts_and_an_absent_table_are_named(tmp_path):
    for read in (Table, schema.read_table):
        with pytest.raises(DataContractError, match=rf"no part-\*\.parquet in {tmp_path}"):
            read(tmp_path)
        with pytest.raises(DataContractError, match=r"no file at .*absent\.parquet"):
            read(tmp_path / "absent.parquet")


def test_missing_columns_are_named_with_those_there_are(tmp_path, book):
    path = schema.write_table(book, tmp_path / "p.parquet")
    message = r"missing columns dpd; present: loan_id, mob, paid"
    with pytest.raises(DataContractError, match=message):
        Table(path, whole="dpd")
    with pytest.raises(DataContractError, match=message):
        Table(path).frame(["mob", "dpd"])
    with pytest.raises(DataContractError, match=message):
        next(Table(path).blocks(["mob", "dpd"]))
    with pytest.raises(ValueError, match="rows must be at least 1, got 0"):
        next(Table(path).blocks(rows=0))


def test_damage_inside_a_part_is_named_when_it_is_read(tmp_path, book):
    folder = write_parts(book, tmp_path / "p", 8)
    path = folder / "part-00001.parquet"
    path.write_bytes(b"PAR1" + b"\xff" * 60 + path.read_bytes()[64:])
    table = Table(folder)
    with pytest.raises(DataContractError, match=r"^p/part-00001.parquet .*\n  - unreadable"):
        table.frame()
    with pytest.raises(DataContractError, match=r"^p/part-00001.parquet .*\n  - unreadable"):
        list(table.blocks(rows=3))


def test_memory_does_not_grow_with_the_file(tmp_path):
    path = tmp_path / "t.parquet"
    numbers = pd.DataFrame(np.random.default_rng(0).normal(size=(600_000, 40))).add_prefix("x")
    rows = pa.Table.from_pandas(numbers)
    pq.write_table(rows, path, row_group_size=200_000, use_dictionary=False)
    code = (
        "import sys, pyarrow as pa; from riskkit.tables import Table\n"
        "print(sum(len(block) for block in Table(sys.argv[1]).blocks(rows=20_000)))\n"
        "print(pa.default_memory_pool().max_memory())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    n, most_bytes = map(int, done.stdout.split())
    assert n == 600_000
    # the file holds 183 MiB of numbers, a row group 61, a block 6
    assert most_bytes < 40 << 20


# -- wherever rows live ----------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 5), min_size=1, max_size=8),
    cuts=st.lists(st.integers(0, 12), max_size=3),
    rows=st.integers(1, 9),
    whole=st.sampled_from([None, "loan_id"]),
)
def test_blocks_are_the_frame_of_every_source_and_end_at_the_same_rows(lengths, cuts, rows, whole):
    n = sum(lengths)
    frame = pd.DataFrame(
        {
            "loan_id": np.repeat([f"{i:03d}" for i in range(len(lengths))], lengths),
            "mob": np.arange(n),
            "paid": np.where(np.arange(n) % 3 == 1, np.nan, np.arange(n) / 4),
        }
    )
    expected = [len(block) for block in Table(frame, whole=whole).blocks(rows=rows)]
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            table = stored(kind, frame, folder, [cut for cut in cuts if cut <= n], whole=whole)
            assert [len(block) for block in table.blocks(rows=rows)] == expected
            for block in table.blocks(rows=rows):
                assert block.index.equals(pd.RangeIndex(len(block)))
                assert (block.dtypes == table.frame().dtypes).all()
            assert_frame_equal(all_blocks(table, rows=rows), frame)
            assert_frame_equal(table.frame(), frame)
            assert_frame_equal(table.frame(["paid", "mob"]), frame[["paid", "mob"]])
            assert len(table) == table.n_rows == n
            assert table.columns == list(frame.columns)


@pytest.mark.parametrize("kind", KINDS)
def test_no_rows_give_no_block_and_an_empty_sample_with_columns(kind, book, tmp_path):
    table = stored(kind, book.head(0), tmp_path, whole="loan_id")
    assert list(table.blocks()) == []
    assert table.n_rows == 0
    assert list(table.frame().columns) == list(book.columns)
    for columns in (None, ["paid", "mob"]):
        sample = table.sample(5, columns, by="loan_id")
        assert len(sample) == 0
        assert list(sample.columns) == (columns or list(book.columns))


@pytest.mark.parametrize("kind", KINDS)
def test_a_loan_that_comes_again_within_a_block_or_in_the_next_is_named(kind, book, tmp_path):
    order = ["L0", "L0", "L1", "L0", "L2", "L3"]
    frame = pd.DataFrame({"loan_id": order, "mob": range(6)})
    table = stored(kind, frame, tmp_path, [2], whole="loan_id")
    message = r"loan_id: one comes again after its rows ended; expected rows sorted by loan_id"
    for rows in (2, 3, 4, 100):
        with pytest.raises(DataContractError, match=message):
            list(table.blocks(["mob"], rows=rows))
    # L0 ends with the first block, L1 is the second, and the third knows of the second alone
    apart = stored(kind, frame.replace("L2", "L0"), tmp_path / "apart", [2], whole="loan_id")
    with pytest.raises(DataContractError, match=message):
        list(apart.blocks(rows=5))
    assert [len(block) for block in apart.blocks(rows=1)] == [2, 1, 2, 1]


@pytest.mark.parametrize("dtype", ["int64", "category", "Int64", "string", "object"])
def test_loans_of_any_type_stay_whole(dtype):
    ids = pd.Series([1, 1, 2, 2, 2, 3]).astype("str" if dtype == "string" else "int64")
    table = Table(pd.DataFrame({"loan_id": ids.astype(dtype)}), whole="loan_id")
    assert [len(block) for block in table.blocks(rows=3)] == [2, 3, 1]


def test_missing_ids_are_loans_of_their_own_and_never_come_again():
    ids = pd.Series(["x", "x", "x", None, "a", None, None, "b", None, None])
    for missing in (ids, ids.astype("category"), ids.astype("string"), ids.astype(object)):
        table = Table(pd.DataFrame({"loan_id": missing}), whole="loan_id")
        # read two by two: after the three rows of x, each block ends within what was read at once
        assert [len(block) for block in table.blocks(rows=2)] == [3, 2, 2, 2, 1]


def test_a_frame_in_memory_is_neither_copied_nor_open_to_changes(book):
    table = Table(book, whole="loan_id")
    for block in [*table.blocks(rows=4), table.frame()]:
        assert np.shares_memory(block["paid"].to_numpy(), book["paid"].to_numpy())
        block.loc[0, "paid"] = -1.0
    assert (book["paid"] >= 0).all()
    filtered = Table(book[book["mob"] > 0])
    assert_frame_equal(filtered.frame(), book[book["mob"] > 0].reset_index(drop=True))


def test_the_index_of_a_frame_is_kept_if_it_has_a_name(book):
    indexed = book.set_index("loan_id")
    table = Table(indexed, whole="loan_id")
    assert table.columns == ["mob", "paid", "loan_id"]
    assert_frame_equal(pd.concat(list(table.blocks(["paid"], rows=5))), indexed[["paid"]])
    assert [len(block) for block in table.blocks(rows=4)] == [4, 5, 2, 4, 1]
    assert table.sample(5, by="loan_id").index.name == "loan_id"


@pytest.mark.parametrize(
    ("source", "options", "error", "message"),
    [
        ("a.csv", {}, DataContractError, r"^a\.csv .*\n.*as_parts, or a frame with tables.read_ta"),
        ("a.xlsx", {}, DataContractError, r"^a\.xlsx .*\n.*reads frames and parquet; make parts"),
        (
            "sqlite:///s3cret",
            {},
            DataContractError,
            r"^database breaks .*\n.*make parts of it with",
        ),
        ("url", {}, DataContractError, r"^database .*\n.*make parts of it with"),
        (
            ["b.parquet", "a.csv"],
            {},
            DataContractError,
            r"^a.csv .*\n.*expected a parquet file as b",
        ),
        (["b.parquet", "no.parquet"], {}, DataContractError, "no file at .*no.parquet"),
        ([], {}, DataContractError, "no files: the sequence is empty"),
        ("a.xls", {}, DataContractError, r"unknown kind of file '.xls'; expected .parquet, .csv, "),
        ("f", {"whole": "z"}, DataContractError, "missing columns z; present: x, y"),
        ("twice", {}, DataContractError, "two columns of one name: x"),
    ],
)
def test_sources_that_make_no_table_are_refused_clearly(tmp_path, source, options, error, message):
    for name in ("a.csv", "a.xls", "a.xlsx", "b.parquet"):
        (tmp_path / name).write_text("x")
    frame = pd.DataFrame({"x": [1], "y": [2]})
    if source == "f":
        source = frame
    elif source == "twice":
        source = pd.concat([frame, frame[["x"]]], axis=1)
    elif isinstance(source, list):
        source = [tmp_path / name for name in source]
    elif source == "url":
        source = sqlalchemy.make_url("sqlite:///s3cret")
    elif "://" not in source:
        source = tmp_path / source
    with pytest.raises(error, match=message) as caught:
        Table(source, **options)
    assert "s3cret" not in str(caught.value)


def test_a_table_names_itself(book, tmp_path):
    assert repr(stored("frame", book, tmp_path)) == "Table(frame, 3 columns, 16 rows)"
    assert repr(stored("parts", book, tmp_path)) == "Table(t, 3 columns, 16 rows)"
    several = stored("parquets", book, tmp_path, [3, 9])
    assert repr(several) == "Table(2.parquet and 2 more, 3 columns, 16 rows)"


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_are_smaller_where_rows_are_wide(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(tables.table, "BLOCK_BYTES", 8 * 30 * 10)
    wide = pd.DataFrame(np.random.default_rng(0).normal(size=(25, 30))).add_prefix("x")
    table = stored(kind, wide, tmp_path)
    assert [len(block) for block in table.blocks()] == [10, 10, 5]
    assert [len(block) for block in table.blocks(["x0", "x1"])] == [25]


def test_blocks_of_eighty_numbers_have_a_hundred_thousand_rows():
    assert tables.table.BLOCK_BYTES // (80 * 8) == 104_857
    table = Table(pd.DataFrame(np.zeros((500_001, 2))).add_prefix("x"))
    assert [len(block) for block in table.blocks()] == [500_000, 1]


def test_text_counts_by_what_the_file_holds(tmp_path, monkeypatch):
    frame = pd.DataFrame({"note": [f"{i:04000d}" for i in range(400)]})
    path = schema.write_table(frame, tmp_path / "t.parquet")
    monkeypatch.setattr(tables.table, "BLOCK_BYTES", 400_000)
    assert max(len(block) for block in Table(path).blocks()) <= 100


def test_pieces_keep_a_named_index_and_loans_in_it_whole(tmp_path, monkeypatch):
    monkeypatch.setattr("riskkit.tables.table.BLOCK_ROWS", 3)
    loans = pd.DataFrame({"loan_id": list("aabbbcdd"), "n": range(8)}).set_index("loan_id")
    for number, rows in enumerate([slice(0, 4), slice(4, 7), slice(7, 8)]):
        tables.write_table(loans.iloc[rows], tables.part_path(tmp_path, number))
    pieces = tables.Table(tmp_path, whole="loan_id").pieces()
    assert [piece.read().index.tolist() for piece in pieces] == [list("aabbb"), list("cdd")]
    pd.testing.assert_frame_equal(pd.concat([piece.read() for piece in pieces]), loans)

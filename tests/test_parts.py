"""Somebody's file as parts of text: every cell as it was, or one message and nothing written."""

import csv
import datetime as dt
import gzip
import io
import sqlite3
import stat
import subprocess
import sys
import tempfile
import warnings
import zipfile
from contextlib import closing
from pathlib import Path

import duckdb
import numpy as np
import openpyxl
import pandas as pd
import pyarrow.parquet as pq
import pytest
import sqlalchemy
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from riskkit import schema, tables
from riskkit.checks import DataContractError
from riskkit.tables import as_parts

NAMES = ["id", "姓名", "rate", "note"]
ROWS = [
    ["007", "张三", "0.1", "plain"],
    ["08", "李四", None, 'says "no"'],
    ["1E2", "欧阳", "-3", "two\nlines, and a comma; a semicolon"],
    ["9999999999999999999", "A|B", "1e-07", " blanks "],
    ["N/A", None, "nan", "NULL"],
]
CLEAN = pd.DataFrame(ROWS, columns=NAMES, dtype="str")


def csv_text(delimiter=",", line_end="\n"):
    text = CLEAN.to_csv(index=False, sep=delimiter, lineterminator="\r\n")
    return text if line_end == "\r\n" else text.replace("\r\n", line_end)


def workbook(path, rows, sheets=()):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for sheet in sheets:
        book.create_sheet(sheet)
    book.save(path)
    return path


def database(kind, path):
    connection = sqlite3.connect(path) if kind == "sqlite" else duckdb.connect(str(path))
    with closing(connection):
        columns = ", ".join(f'"{name}" VARCHAR' for name in NAMES)
        connection.execute(f"CREATE TABLE t ({columns})")
        connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", ROWS)
        connection.commit()
    return f"{kind}:///{path}"


def dropped(url):
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE clean")
    engine.dispose()


SOURCES = {
    "csv": (".csv", csv_text().encode(), {}),
    "csv.gz": (".csv.gz", gzip.compress(csv_text().encode()), {}),
    "bom": (".csv", csv_text().encode("utf-8-sig"), {}),
    "bom, said": (".csv", csv_text().encode("utf-8-sig"), {"encoding": "UTF-8-SIG"}),
    "no last line end": (".csv", csv_text().rstrip("\n").encode(), {}),
    "CR LF": (".csv", csv_text(line_end="\r\n").encode(), {}),
    "empty lines": (".csv", csv_text().replace("\n", "\n\n").encode(), {}),
    "gbk": (".csv", csv_text().encode("gbk"), {"encoding": "gbk"}),
    "gbk.gz": (".csv.gz", gzip.compress(csv_text().encode("gbk")), {"encoding": "gb18030"}),
    "utf-16": (".csv", csv_text().encode("utf-16"), {"encoding": "utf-16"}),
    "utf-16-be": (".csv", csv_text().encode("utf-16-be"), {"encoding": "utf-16-be"}),
    "semicolon": (".csv", csv_text(";").encode(), {"delimiter": ";"}),
    "tab": (".csv", csv_text("\t").encode(), {"delimiter": "\t"}),
    "pipe, gbk": (".csv", csv_text("|").encode("gbk"), {"delimiter": "|", "encoding": "gbk"}),
}


@pytest.mark.parametrize("kind", [*SOURCES, "xlsx", "sqlite", "duckdb", "postgresql"])
@pytest.mark.parametrize("columns", [None, ["note", "id"]])
def test_a_clean_source_gives_the_same_cells_in_every_form(kind, columns, tmp_path, request):
    options = {}
    if kind in SOURCES:
        ending, content, options = SOURCES[kind]
        if kind == "empty lines":
            content = content.replace(b"two\n\nlines", b"two\nlines")
        source = tmp_path / f"t{ending}"
        source.write_bytes(content)
    elif kind == "xlsx":
        source = workbook(tmp_path / "t.xlsx", [NAMES, *ROWS])
    elif kind == "postgresql":
        source = request.getfixturevalue("postgres")
        engine = sqlalchemy.create_engine(source)
        CLEAN.to_sql("clean", engine, index=False, if_exists="replace")
        engine.dispose()
        request.addfinalizer(lambda: dropped(source))
        options = {"query": "SELECT * FROM clean"}
    else:
        source = database(kind, tmp_path / "t.db")
        options = {"query": "SELECT * FROM t"}
    table = as_parts(source, tmp_path / "parts", columns=columns, **options)
    expected = CLEAN if columns is None else CLEAN[["id", "note"]]
    assert_frame_equal(table.frame(), expected)
    assert [path.name for path in (tmp_path / "parts").iterdir()] == ["part-00000.parquet"]


def test_parquet_is_the_table_as_it_is(tmp_path):
    path = schema.write_table(pd.DataFrame({"x": [1, 2]}), tmp_path / "t.parquet")
    assert as_parts(path, tmp_path / "p").frame()["x"].dtype == "int64"
    assert as_parts([path, path], tmp_path / "p").n_rows == 4
    assert [found.name for found in tmp_path.iterdir()] == ["t.parquet"]
    with pytest.raises(DataContractError, match=r"^t.parquet .*\n.*missing columns y; present: x"):
        as_parts(path, tmp_path / "p", columns=["y"])


def test_csv_files_of_the_same_columns_are_one_table(tmp_path):
    paths = [tmp_path / "b.csv", tmp_path / "a.csv"]
    paths[0].write_text("id,x\n1,2\n")
    paths[1].write_text("id,x\n3,4\n")
    assert as_parts(paths, tmp_path / "p").frame()["id"].tolist() == ["1", "3"]
    paths[1].write_text("x,id\n3,4\n")
    with pytest.raises(DataContractError, match=r"^a.csv .*\n.*the columns id, x as in b.csv, fou"):
        as_parts(paths, tmp_path / "q")


def test_values_of_excel_become_text_that_gives_them_again(tmp_path):
    values = [1, 0.1, 2.0, 1e-7, True, dt.date(2023, 7, 5), dt.datetime(2023, 7, 5, 10), "01", None]
    source = workbook(tmp_path / "t.xlsx", [[], list("abcdefghi"), [], values, [], ["x"]])
    frame = as_parts(source, tmp_path / "p").frame()
    texts = ["1", "0.1", "2", "1e-07", "true", "2023-07-05", "2023-07-05 10:00:00", "01"]
    assert frame.iloc[0, :8].tolist() == texts
    assert frame["i"].isna().all()
    assert frame["a"].tolist() == ["1", "x"]
    typed = schema.read_table(source)
    assert typed["b"].dtype == "float64"
    assert typed["h"].dtype == "str"


def test_a_workbook_whose_stated_size_is_wrong_is_read_whole(tmp_path):

    path = workbook(tmp_path / "t.xlsx", [["id", "x"], ["1", "2"], ["3", "4"]])
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    assert b'<dimension ref="A1:B3"' in files[sheet]
    files[sheet] = files[sheet].replace(b'<dimension ref="A1:B3"', b'<dimension ref="A1"')
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    assert as_parts(path, tmp_path / "p").frame()["x"].tolist() == ["2", "4"]


# -- refusals --------------------------------------------------------------------------------------


def refused(folder, name, content, match, **options):
    path = folder / name
    if isinstance(content, str | bytes):
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    else:
        content(path)
    before = sorted(found.name for found in folder.iterdir())
    with pytest.raises(DataContractError, match=match) as caught:
        as_parts(path, folder / "parts", **options)
    assert sorted(found.name for found in folder.iterdir()) == before
    return str(caught.value)


LONG = "id,x\n" + "1,2\n" * 6


@pytest.mark.parametrize(
    ("content", "options", "match"),
    [
        ("", {}, r"^t\.csv .*\n  - the file is empty"),
        ("\n\r\n", {}, "no line with the names of the columns"),
        ("id,x\n1,2,3\n", {}, r"row 1: 3 fields instead of 2$"),
        ("id,x\n1,2\n\n3\n", {}, r"row 2: 1 fields instead of 2$"),
        ('id,x\n1,"a\nb"\n2,3\n1,234,5\n', {}, r"row 3: 3 fields instead of 2$"),
        ("id,x\n1,2\n  \n", {}, r"row 2: 1 fields instead of 2$"),
        (
            LONG + "1\n1,2,3\n" * 3,
            {},
            r"row 7: 1 .*\n  - row 8: 3 .*\n  - row 9: 1 .*\n  - 6 faults in all$",
        ),
        ('id,x\n1,2\n2,"3\n4,5\n', {}, "a row after row .* never ends: is a quote not closed?"),
        ('id,x\n1,"2"3\n', {}, "line 2: text follows the quote that closes the cell begun on li"),
        ("id,x,id\n1,2,3\n", {}, "two columns of one name: id$"),
        ("id,x,id\n1,2,3\n", {"columns": ["x", "id"]}, "two columns of one name: id$"),
        ("id,amount\n1,2\n", {"columns": ["id", "amuont"]}, "amuont: the nearest name is 'amount'"),
        ("id,amount\n1,2\n", {"columns": ["zzz"]}, "missing columns zzz; present: id, amount$"),
        ("id;x\n1;2\n", {}, "names of the columns: delimiter: ';' would part them"),
        ("id;x,y\n1;2\n", {"columns": ["id"]}, "delimiter: ';' would part them"),
        ("id\tx\n1\t2\n", {"columns": ["amount"]}, r"delimiter: '\\t' would part them"),
        ("id,x\n1,2\n", {"delimiter": ";"}, "delimiter: ',' would part them"),
        ("id,x\n1,2\n", {"delimiter": ";;"}, "delimiter must be one ASCII character, got ';;'"),
        ("id,x\n1,2\n", {"delimiter": '"'}, "delimiter must be one ASCII character, got '\"'"),
        ("id,x\n1,2\n", {"encoding": "gkb"}, "encoding: no codec of Python is called 'gkb'"),
        ("id,x\n1,2\n", {"encoding": "hex"}, "encoding: no codec of Python is called 'hex'"),
        ("编号,x\n1,2\n".encode("gbk"), {}, "byte 1, line 1: no utf-8 text; encoding: gb18030 wou"),
        ("id,x\n1,张三\n".encode("gbk"), {}, "byte 8, line 2: no utf-8 text; encoding: gb18030"),
        ("id,x\n1,张三\n".encode("utf-16"), {}, "no utf-8 text; encoding: utf-16 would read it"),
        ("id,x\n1,2\n".encode("utf-16-le"), {}, "line 1: bytes of value 0; encoding: utf-16-le"),
        ("id,x\n1,2\n".encode("utf-16-be"), {}, "line 1: bytes of value 0; encoding: utf-16-be"),
        ("id,x\n1,Müller\n".encode("cp1252"), {}, "byte 9, line 2: no utf-8 .* cp1252 would read"),
        ("id,x\n1,张三丰\n", {"encoding": "gbk"}, "no gbk text; encoding: utf-8 would read it"),
        ("id,x\n1,张三丰\n", {"encoding": "ascii"}, "byte 8, line 2: no ascii text; .* utf-8"),
        ("id,x\n1,张三\n".encode("gbk"), {"encoding": "utf-16"}, "no utf-16 .* gb18030 would read"),
    ],
)
def test_a_csv_file_that_cannot_be_read_cell_by_cell_is_refused(tmp_path, content, options, match):
    refused(tmp_path, "t.csv", content, match, **options)


def test_a_message_has_no_cell_of_the_file(tmp_path):
    content = LONG + "s3cret,s3cret,s3cret\ns3cret\n"
    assert "s3cret" not in refused(tmp_path, "t.csv", content, "row 7: 3 fields")
    refused(tmp_path, "t.csv", 'id,x\n1,"s3cret"s3cret\n', r"line 2: text follows((?!s3cret).)*$")


@pytest.mark.parametrize("at", [10, 60_000, 399_999])
def test_bytes_in_another_encoding_are_found_wherever_they_are(tmp_path, at):
    lines = [f"{i:07d},plain text" for i in range(400_000)]
    lines[at] = f"{at:07d},张三"
    content = "\n".join(["id,x", *lines]).encode("gbk")
    place = content.index("张三".encode("gbk")) + 1
    match = f"byte {place:,}, line {at + 2:,}: no utf-8 text; encoding: gb18030 would read it"
    refused(tmp_path, "t.csv", content, match)
    if at == 10:
        # of columns that nobody asks for, nothing is said
        assert as_parts(tmp_path / "t.csv", tmp_path / "p", columns=["id"]).n_rows == 400_000


def test_a_column_twice_or_without_a_name_is_fine_where_it_is_not_wanted(tmp_path):
    (tmp_path / "t.csv").write_text("id,x,x,,\n1,2,3,4,5\n")
    assert as_parts(tmp_path / "t.csv", tmp_path / "p", columns=["id"]).columns == ["id"]


def test_a_header_alone_is_a_table_without_rows(tmp_path):
    (tmp_path / "t.csv").write_text("id,x")
    workbook(tmp_path / "t.xlsx", [["id", "x"]])
    for name in ("t.csv", "t.xlsx"):
        table = as_parts(tmp_path / name, tmp_path / f"{name} parts")
        assert (table.columns, table.n_rows) == (["id", "x"], 0)
        assert schema.read_table(tmp_path / name).columns.tolist() == ["id", "x"]


def formula(path):
    workbook(path, [["id", "x"], ["1", "=1+1"], ["2", None]])


def typed(value, form):
    def write(path):
        book = openpyxl.Workbook()
        book.active.append(["id", "x"])
        book.active.append(["1", value])
        book.active["B2"].number_format = form
        book.save(path)

    return write


@pytest.mark.parametrize(
    ("content", "options", "match"),
    [
        ("no zip", {}, r"^t\.xlsx .*\n  - unreadable: no \.xlsx workbook \(BadZipFile\)"),
        (lambda p: workbook(p, []), {}, "unreadable: no row with the names of the columns"),
        (
            lambda p: workbook(p, [["a"]], ["B"]),
            {},
            "name one of several; there are Sheet, B",
        ),
        (lambda p: workbook(p, [["a"]]), {"sheet": "x"}, "sheet: no 'x'; there are Sheet$"),
        (lambda p: workbook(p, [["a", "a"], [1, 2]]), {}, "two columns of one name: a"),
        (lambda p: workbook(p, [["ab"], [1]]), {"columns": ["abc"]}, "the nearest name is 'ab'"),
        (lambda p: workbook(p, [["a"], [1], [1, 2]]), {}, "row 2: 2 cells instead of 1"),
        (formula, {}, "row 1: x: a formula without a stored value in cell B2"),
        (
            lambda p: workbook(p, [["a"], [1], [], ["#N/A"], ["#DIV/0!"], ["#REF!"], ["#N/A"]]),
            {},
            r"row 2: a: the error #N/A of Excel in cell A4\n(.*\n)+  - 4 faults in all$",
        ),
        (typed(10**9, "yyyy-mm-dd"), {}, "row 1: x: the error #VALUE! of Excel in cell B2"),
        (typed(dt.timedelta(hours=30), "[h]:mm"), {}, "row 1: x: timedelta, which has no text"),
    ],
)
def test_a_workbook_that_cannot_be_read_cell_by_cell_is_refused(tmp_path, content, options, match):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        refused(tmp_path, "t.xlsx", content, match, **options)


def test_of_a_workbook_only_wanted_columns_must_have_values(tmp_path):
    formula(tmp_path / "t.xlsx")
    frame = as_parts(tmp_path / "t.xlsx", tmp_path / "p", columns=["id"]).frame()
    assert frame["id"].tolist() == ["1", "2"]


def test_values_of_a_query_without_a_text_are_refused(tmp_path):
    with closing(sqlite3.connect(tmp_path / "t.db")) as connection, connection:
        connection.execute("CREATE TABLE t (id, photo)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", [(1, None), (2, b"\0")])
    url = f"sqlite:///{tmp_path}/t.db"
    with pytest.raises(DataContractError, match="row 2: photo: bytes, which has no text"):
        as_parts(url, tmp_path / "p", query="SELECT * FROM t ORDER BY id")
    frame = as_parts(url, tmp_path / "p", query="SELECT * FROM t ORDER BY id", columns=["id"])
    assert frame.frame()["id"].tolist() == ["1", "2"]


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "t.csv").write_text("id\n1\n")
    with pytest.raises(FileExistsError, match="is not empty"):
        as_parts(tmp_path / "t.csv", tmp_path)
    with pytest.raises(ValueError, match="columns must name at least one"):
        as_parts(tmp_path / "t.csv", tmp_path / "p", columns=[])
    (tmp_path / "p").mkdir()
    assert as_parts(tmp_path / "t.csv", tmp_path / "p").n_rows == 1


# -- parts -----------------------------------------------------------------------------------------


def test_parts_are_for_owner_and_group(tmp_path):
    (tmp_path / "t.csv").write_text("id\n1\n")
    as_parts(tmp_path / "t.csv", tmp_path / "deep" / "p")
    folder = tmp_path / "deep" / "p"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o750
    assert stat.S_IMODE((folder / "part-00000.parquet").stat().st_mode) == 0o640


def test_parts_and_blocks_are_bounded_in_rows_and_bytes(tmp_path, monkeypatch):
    frame = pd.DataFrame({"id": [f"{i:06d}" for i in range(20_000)], "note": "x" * 90})
    frame.to_csv(tmp_path / "t.csv", index=False)
    monkeypatch.setattr(tables.csv_files, "CSV_BYTES", 100_000)
    monkeypatch.setattr(tables.parts, "PART_BYTES", 400_000)
    table = as_parts(tmp_path / "t.csv", tmp_path / "bytes")
    assert_frame_equal(table.frame(), frame)
    parts = sorted((tmp_path / "bytes").iterdir())
    sizes = [pq.read_table(path).nbytes for path in parts]
    assert len(parts) >= 5
    assert max(sizes) <= 500_000
    monkeypatch.setattr(tables.parts, "GROUP_ROWS", 300)
    as_parts(tmp_path / "t.csv", tmp_path / "rows", columns=["id"])
    lengths = [pq.read_metadata(path).num_rows for path in sorted((tmp_path / "rows").iterdir())]
    assert max(lengths) <= 300
    assert sum(lengths) == 20_000


def test_memory_does_not_grow_with_the_file(tmp_path):

    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.integers(0, 10**9, (30_000, 40))).add_prefix("x")
    frame.to_csv(tmp_path / "t.csv", index=False)
    text = (tmp_path / "t.csv").read_bytes()
    head, _, lines = text.partition(b"\n")
    (tmp_path / "t.csv").write_bytes(head + b"\n" + lines * 12)
    code = (
        "import sys; from riskkit.tables import as_parts\n"
        "n = as_parts(sys.argv[1], sys.argv[2]).n_rows\n"
        # not ru_maxrss, which knows of the tests' own memory
        "most = [line for line in open('/proc/self/status') if line.startswith('VmHWM')]\n"
        "print(n, int(most[0].split()[1]) >> 10)"
    )
    arguments = [sys.executable, "-c", code, tmp_path / "t.csv", tmp_path / "p"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    n, most_mib = map(int, done.stdout.split())
    assert n == 360_000
    # the file has 137 MiB, a part 64
    assert most_mib < 500


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(*[st.text(st.sampled_from('ab,"\n\r; \u4e2d'), max_size=5) for _ in range(3)]),
        max_size=8,
    ),
    size=st.integers(60, 200),
    encoding=st.sampled_from(["utf-8", "utf-16", "gb18030"]),
    delimiter=st.sampled_from(",;|"),
)
def test_any_cells_come_back_whatever_the_size_of_the_pieces(rows, size, encoding, delimiter):

    # an empty line is no row
    rows = [("id", *row) for row in rows]
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerows([["id", "a", "b", "c"], *rows])
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables.csv_files, "CSV_BYTES", size)
        path = Path(folder) / "t.csv"
        path.write_bytes(text.getvalue().encode(encoding))
        table = as_parts(path, path.with_name("p"), encoding=encoding, delimiter=delimiter)
        found = table.frame().astype(object)
    assert found.where(found.notna(), "").to_numpy().tolist() == [list(row) for row in rows]


CELLS = st.sampled_from(["1", "a, b", 'say "hi"', "two\nlines", '5" pipe', ""])


@settings(max_examples=200, deadline=None)
@given(
    rows=st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=6),
    where=st.integers(0, 10_000),
    size=st.integers(80, 200),
)
def test_one_stray_quote_gives_the_cells_or_a_refusal_never_other_lines(rows, where, size):
    """A quote put anywhere is a letter of its cell, or is named; no other cell changes."""

    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([["a", "b", "c"], *rows])
    clean = text.getvalue()
    where = 6 + where % (len(clean) - 5)
    spoiled = clean[:where] + '"' + clean[where:]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables.csv_files, "CSV_BYTES", size)
        path = Path(folder) / "t.csv"
        path.write_text(spoiled, newline="")
        try:
            found = as_parts(path, path.with_name("p")).frame().astype(object)
        except DataContractError:
            return
    cells = found.where(found.notna(), "").to_numpy().tolist()
    assert len(cells) == len(rows)
    changed = [
        (one, other)
        for row, expected in zip(cells, rows, strict=True)
        for one, other in zip(row, expected, strict=True)
        if one != other
    ]
    assert len(changed) <= 1
    assert all(one.replace('"', "") == other.replace('"', "") for one, other in changed)

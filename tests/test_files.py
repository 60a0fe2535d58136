"""Tables on disk."""

import errno
import gzip
import re
import stat
import tempfile
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from riskkit import schema
from riskkit.checks import DataContractError
from riskkit.draft.rawfile import open_raw
from riskkit.schema.yaml_text import read_yaml
from riskkit.tables import Files, as_parts, read_json, scratch_folder, whole


def test_equal_frames_give_equal_bytes_and_survive(tmp_path, applications):
    first = schema.write_table(applications, tmp_path / "a.parquet").read_bytes()
    assert schema.write_table(applications.copy(), tmp_path / "b.parquet").read_bytes() == first
    pd.testing.assert_frame_equal(schema.read_table(tmp_path / "a.parquet"), applications)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.parquet", "b.parquet"]


def test_a_failed_write_leaves_the_old_table(tmp_path, applications):
    path = schema.write_table(applications, tmp_path / "a.parquet")
    before = path.read_bytes()
    with pytest.raises(Exception, match="object"):
        schema.write_table(pd.DataFrame({"x": [object()]}), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.parquet"]


def test_a_write_that_fails_late_leaves_the_old_table(tmp_path, applications, monkeypatch):
    path = schema.write_table(applications, tmp_path / "a.parquet")
    before = path.read_bytes()

    def full(file):
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="no space left"):
            schema.write_table(applications.head(1), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.parquet"]


def test_who_reads_while_a_table_is_replaced_sees_the_old_one(tmp_path, applications):
    path = schema.write_table(applications, tmp_path / "a.parquet")
    before = path.read_bytes()
    with path.open("rb") as reader:
        schema.write_table(applications.head(1), path)
        assert reader.read() == before
    assert len(schema.read_table(path)) == 1


@pytest.mark.parametrize("name", ["cut.parquet", "empty.csv", "broken.csv.gz"])
def test_unreadable_file_is_one_clear_error(tmp_path, applications, name):
    path = tmp_path / name
    if name.endswith("parquet"):
        whole = schema.write_table(applications, path).read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    elif name.endswith("gz"):
        path.write_bytes(gzip.compress(b"a,b\n1,2\n" * 1000)[:40])
    else:
        path.touch()
    with pytest.raises(
        DataContractError, match=f"{name} breaks the data contract:\n.*(unreadable|empty)"
    ):
        schema.read_table(path)


def test_missing_file_and_unknown_kind_are_named(tmp_path):
    with pytest.raises(DataContractError, match="no file at"):
        schema.read_table(tmp_path / "absent.csv")
    (tmp_path / "x.xls").touch()
    with pytest.raises(DataContractError, match=r"expected \.parquet, \.csv, \.csv\.gz, \.xlsx"):
        schema.read_table(tmp_path / "x.xls")


def test_sql_query_is_read(tmp_path):
    url = f"sqlite:///{tmp_path / 'book.db'}"
    import sqlalchemy

    engine = sqlalchemy.create_engine(url)
    pd.DataFrame({"a": [1, 2]}).to_sql("loans", engine, index=False)
    engine.dispose()
    assert schema.read_table(url, "SELECT a FROM loans WHERE a > 1")["a"].tolist() == [2]
    with pytest.raises(DataContractError, match="query refused: no such table"):
        schema.read_table(url, "SELECT a FROM absent")


def test_database_that_does_not_answer_keeps_its_secrets():
    pytest.importorskip("psycopg", reason="the sql extra is not installed")
    url = "postgresql+psycopg://alice:s3cret@127.0.0.1:1/loans?connect_timeout=2"
    with pytest.raises(DataContractError, match="no answer from the postgresql database") as caught:
        schema.read_table(url, "SELECT 1")
    text = str(caught.value)
    assert not re.search("s3cret|alice", text)
    assert "'loans' at 127.0.0.1" in text
    assert caught.value.__suppress_context__


def test_unusable_url_keeps_its_secrets():
    with pytest.raises(DataContractError, match="not a usable database URL") as caught:
        schema.read_table("nodialect://alice:s3cret@host/x", "SELECT 1")
    assert "s3cret" not in str(caught.value)


def test_a_full_disk_names_the_file(tmp_path):
    def fill():
        with whole(tmp_path / "a.txt"):
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match=r"No space left on device: '.*a\.txt'"):
        fill()
    assert list(tmp_path.iterdir()) == []


def test_folders_of_dead_owners_go_and_those_of_others_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead, other = tmp_path / "riskkit.dead", tmp_path / "riskkit-postgres-x"
    for folder in (dead, other):
        folder.mkdir()
        (folder / "left").touch()
    (tmp_path / "riskkit.link").symlink_to(other)
    with scratch_folder() as mine, scratch_folder() as second:
        assert not dead.exists()
        assert mine.exists()
        assert stat.S_IMODE(second.stat().st_mode) == 0o700
    assert {path.name for path in tmp_path.iterdir()} == {"riskkit-postgres-x", "riskkit.link"}
    assert (other / "left").exists()


def test_what_the_kernel_makes_up_is_no_file(tmp_path):
    # reading some of them never ends
    for name in ("a.csv", "a.csv.gz", "a.parquet", "a.xlsx"):
        (tmp_path / name).symlink_to("/proc/self/mem")
        for read in (Files, read_json, read_yaml, open_raw):
            with pytest.raises(DataContractError, match="the file is empty"):
                read(tmp_path / name)


def gzipped(path, *pieces):
    with gzip.open(path, "wb", compresslevel=1) as file:
        for piece, times in pieces:
            for _ in range(times):
                file.write(piece)
    return path


MIB = 1 << 20


@pytest.mark.parametrize(
    ("piece", "match"),
    [
        (b"," * MIB, "no line with the names of the columns|field larger|no rows"),
        (b"a" * MIB, "no line with the names of the columns|field larger|no rows"),
        (b"\n" * MIB, "no line with the names of the columns|field larger|no rows"),
        (b",a" * 200_000 + b"\n", "200,001 columns; expected at most 100,000|field larger"),
    ],
)
def test_a_small_file_that_unpacks_to_an_endless_header_is_refused(tmp_path, piece, match):
    path = gzipped(tmp_path / "a.csv.gz", (piece, 6))
    for read in (schema.read_table, open_raw):
        with pytest.raises(DataContractError, match=match):
            read(path)


def swollen(path, part, *pieces):
    """A workbook one part of which is another."""
    book = openpyxl.Workbook()
    book.active.append(["id", "x"])
    book.save(path.with_suffix(".good"))
    with (
        zipfile.ZipFile(path.with_suffix(".good")) as good,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as bad,
    ):
        for info in good.infolist():
            if info.filename != part:
                bad.writestr(info, good.read(info))
        with bad.open(part, "w") as file:
            for piece, times in pieces:
                for _ in range(times):
                    file.write(piece)
    return path


SHEET = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'


@pytest.mark.parametrize(
    ("part", "pieces", "match"),
    [
        (
            "worksheets/sheet1.xml",
            [(SHEET + b'<row><c t="inlineStr"><is><t>', 1), (b"a" * MIB, 70)],
            "sheet1.xml has a row of more than 67,108,864 bytes",
        ),
        (
            "worksheets/sheet1.xml",
            [(SHEET + b"<row>", 1), (b"<c><v>1</v></c>" * 70_000, 70)],
            "sheet1.xml has a row of more than 67,108,864 bytes",
        ),
        (
            "worksheets/sheet1.xml",
            [(SHEET + b'<row r="99999999"><c><v>1</v></c></row></sheetData></worksheet>', 1)],
            "sheet1.xml has a row beyond 1,048,576",
        ),
        (
            "sharedStrings.xml",
            [(b"<si><t>a</t></si>" * 65_536, 250)],
            "sharedStrings.xml unpacks to .* bytes; expected at most 268,435,456",
        ),
    ],
)
def test_a_workbook_that_unpacks_beyond_any_sheet_is_refused(tmp_path, part, pieces, match):
    path = swollen(tmp_path / "a.xlsx", f"xl/{part}", *pieces)
    for read in (lambda path: as_parts(path, tmp_path / "parts"), open_raw):
        with pytest.raises(DataContractError, match=match):
            read(path)
    assert not (tmp_path / "parts").exists()


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (b"numpy_type", b"numpy_tipe"),
        (b'"int64"', b'"imt64"'),
    ],
)
def test_what_pandas_noted_in_a_file_and_cannot_read_is_refused(tmp_path, good, bad):
    frame = pd.DataFrame({"id": ["a", "b"], "n": [1, 2], "level": pd.Categorical(["x", "y"])})
    table = pa.Table.from_pandas(frame)
    noted = table.schema.metadata[b"pandas"]
    assert good in noted
    altered = table.replace_schema_metadata({b"pandas": noted.replace(good, bad)})
    parquet.write_table(altered, tmp_path / "a.parquet")
    with pytest.raises(DataContractError, match="what pandas noted in it"):
        schema.read_table(tmp_path / "a.parquet")


def test_a_scratch_folder_taken_for_a_leftover_before_it_is_locked_is_made_anew(monkeypatch):
    made = []
    really = tempfile.mkdtemp

    def raced(**settings):
        made.append(really(**settings))
        if len(made) == 1:
            Path(made[0]).rmdir()
        return made[-1]

    monkeypatch.setattr(tempfile, "mkdtemp", raced)
    with scratch_folder() as folder:
        assert str(folder) == made[1]
        assert folder.is_dir()

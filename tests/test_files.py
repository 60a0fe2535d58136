"""Tables on disk."""

import errno
import gzip
import re
import stat
import tempfile

import pandas as pd
import pytest

from riskkit import schema
from riskkit.checks import DataContractError
from riskkit.tables import scratch_folder, whole


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
    with pytest.raises(DataContractError, match=f"{name} breaks the data contract:\n.*unreadable"):
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

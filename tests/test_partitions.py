"""Sums over blocks, and copies of blocks on disk."""

import json
import os
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import active_children, get_context

import numpy as np
import pandas as pd
import pytest

from riskkit.partitions import add_counts, each, total
from riskkit.tables import Table


def count(block):
    return block.groupby("key", dropna=False)[["n"]].sum()


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    return pd.DataFrame({"key": rng.choice([1.0, 2.0, np.nan], 200), "n": rng.integers(0, 9, 200)})


@pytest.mark.parametrize("n_blocks", [1, 2, 7, 50])
def test_any_partition_gives_the_counts_of_the_whole(rows, n_blocks):
    blocks = np.array_split(np.arange(len(rows)), n_blocks)
    frames = [rows.iloc[block] for block in blocks]
    pd.testing.assert_frame_equal(total(count, frames), count(rows))
    with ThreadPoolExecutor(2) as pool:
        pd.testing.assert_frame_equal(total(count, frames, pool), count(rows))


@pytest.mark.parametrize("place", ["frame", "parts"])
def test_every_executor_counts_the_blocks_of_a_table_alike(rows, tmp_path, place):
    if place == "frame":
        table = Table(rows)
    else:
        list(each(loans_and_late, [rows.iloc[:70], rows.iloc[70:]], tmp_path))
        table = Table(tmp_path / "loans")
    expected = count(rows)
    pd.testing.assert_frame_equal(total(count, table.blocks(rows=30)), expected)
    for pool in (ThreadPoolExecutor(2), spawned(1)):
        with pool:
            pd.testing.assert_frame_equal(total(count, table.blocks(rows=30), pool), expected)
    distributed = pytest.importorskip("distributed", reason="the dask extra is not installed")
    with distributed.Client(processes=False, n_workers=1, dashboard_address=None) as client:
        counts = total(count, table.blocks(rows=30), client.get_executor())
    pd.testing.assert_frame_equal(counts, expected)


def test_rows_are_rows_where_none_of_the_columns_is_there(rows, tmp_path):
    list(each(loans_and_late, [rows.iloc[:70], rows.iloc[70:]], tmp_path))
    loans = Table(tmp_path / "loans")
    assert total(len, loans, columns=["nothing"]) == len(rows) == total(len, loans, columns=[])


def test_blocks_are_not_all_read_at_once(rows):
    read = []

    def blocks():
        for number in range(50):
            read.append(number)
            yield rows

    seen = []

    def watch(block):
        seen.append(len(read) - len(seen))
        return count(block)

    with ThreadPoolExecutor(1) as pool:
        total(watch, blocks(), pool)
    assert max(seen) < 10


def test_no_block_and_unequal_columns_are_refused(rows):
    with pytest.raises(ValueError, match="at least one block"):
        total(count, [])
    with pytest.raises(ValueError, match="the same columns"):
        add_counts(count(rows), count(rows).assign(more=1))


# -- copies on disk ------------------------------------------------------------------------------


def loans_and_late(block, limit=5):
    return {"loans": block, "late": block[block["n"] > limit]}


def die_while_writing(block):
    if len(block) == 2:
        os.fsync = lambda file: os._exit(1)  # in this process only: its part is still temporary
    return {"loans": block}


def files(folder):
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def spawned(workers):
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"))


def test_a_copy_has_a_part_for_each_block_and_the_rows_of_the_whole(rows, tmp_path):
    blocks = [rows.iloc[:90], rows.iloc[90:91], rows.iloc[91:]]
    counted = list(each(loans_and_late, blocks, tmp_path / "new" / "copy"))
    assert [part["loans"] for part in counted] == [90, 1, 109]
    assert sum(part["late"] for part in counted) == (rows["n"] > 5).sum()
    folder = tmp_path / "new" / "copy"
    names = [f"part-0000{number}.parquet" for number in range(3)]
    assert sorted(files(folder)) == [f"{t}/{name}" for t in ("late", "loans") for name in names]
    pd.testing.assert_frame_equal(Table(folder / "loans").frame(), rows)
    late = rows[rows["n"] > 5].reset_index(drop=True)
    pd.testing.assert_frame_equal(Table(folder / "late").frame(), late)


def test_threads_processes_and_dask_write_the_bytes_of_a_serial_run(rows, tmp_path):
    fn = partial(loans_and_late, limit=3)
    blocks = [rows.iloc[start : start + 30] for start in range(0, 200, 30)]
    expected = list(each(fn, blocks, tmp_path / "serial"))
    for name, pool in (("threads", ThreadPoolExecutor(2)), ("processes", spawned(2))):
        with pool:
            assert list(each(fn, blocks, tmp_path / name, pool)) == expected
        assert files(tmp_path / name) == files(tmp_path / "serial")
    distributed = pytest.importorskip("distributed", reason="the dask extra is not installed")
    with distributed.Client(processes=False, n_workers=1, dashboard_address=None) as client:
        assert list(each(fn, blocks, tmp_path / "dask", client.get_executor())) == expected
    assert files(tmp_path / "dask") == files(tmp_path / "serial")


@pytest.mark.parametrize(("threads", "ahead"), [(0, 1), (1, 4), (8, 4)])
def test_nothing_happens_before_it_is_iterated_and_then_a_few_blocks_at_a_time(
    rows, tmp_path, threads, ahead
):
    read = []

    def blocks():
        for number in range(30):
            read.append(number)
            yield rows

    with ThreadPoolExecutor(threads or 1) as pool:
        parts = each(loans_and_late, blocks(), tmp_path, pool if threads else None)
        assert not read
        most = max(len(read) - done for done, _ in enumerate(parts))
    assert most == ahead
    assert len(read) == 30
    assert not files(tmp_path).keys() - {
        f"{t}/part-{number:05d}.parquet" for t in ("late", "loans") for number in range(30)
    }


def test_parts_of_an_earlier_copy_are_refused_and_left_alone(rows, tmp_path):
    (tmp_path / "loans").mkdir()
    (tmp_path / "notes.txt").touch()
    list(each(loans_and_late, [rows, rows], tmp_path))
    before = files(tmp_path)
    with pytest.raises(FileExistsError, match=f"{tmp_path}/(late|loans) already holds parts"):
        each(loans_and_late, [rows], tmp_path)
    assert files(tmp_path) == before


def test_an_error_cancels_what_waits_and_lets_what_runs_finish_its_part(rows, tmp_path):
    ran, second_runs = [], threading.Event()

    def fn(number):
        ran.append(number)
        if number == 0:
            second_runs.wait()
            raise ZeroDivisionError("in block 0")
        second_runs.set()
        time.sleep(0.3)
        return {"loans": rows}

    with ThreadPoolExecutor(2) as pool:
        with pytest.raises(ZeroDivisionError, match="in block 0"):
            list(each(fn, range(9), tmp_path, pool))
        left = files(tmp_path)
        time.sleep(0.4)
    assert files(tmp_path) == left
    assert set(left) == {f"loans/part-0000{number}.parquet" for number in ran if number}
    assert max(ran) < 3


@pytest.mark.parametrize("pool", [None, "threads"])
def test_a_part_that_cannot_be_written_leaves_only_the_whole_ones(rows, tmp_path, pool):
    def fn(number):
        return {"loans": rows if number < 2 else pd.DataFrame({"x": [object()]})}

    with (
        ThreadPoolExecutor(1) as threads,
        pytest.raises(Exception, match="object"),
    ):
        list(each(fn, range(3), tmp_path, threads if pool else None))
    assert sorted(files(tmp_path)) == ["loans/part-00000.parquet", "loans/part-00001.parquet"]
    assert len(Table(tmp_path / "loans")) == 400


def test_a_killed_process_leaves_no_half_and_no_temporary_file(rows, tmp_path):
    blocks = [rows, rows, rows, rows, rows.iloc[:2], rows]  # read when the first part is written
    others = set(active_children())
    with spawned(2) as pool:
        with pytest.raises(BrokenProcessPool):
            list(each(die_while_writing, blocks, tmp_path, pool))
        assert set(active_children()) <= others
        left = files(tmp_path)
    assert {"loans/part-00000.parquet"} <= left.keys()
    assert left.keys() <= {f"loans/part-0000{number}.parquet" for number in (0, 1, 2, 3, 5)}
    assert len(Table(tmp_path / "loans")) == 200 * len(left)


def test_stopping_early_waits_for_what_runs_and_leaves_whole_parts(rows, tmp_path):
    def slow(number):
        time.sleep(0.1)
        return {"loans": rows}

    with ThreadPoolExecutor(1) as pool:
        parts = each(slow, range(9), tmp_path, pool)
        next(parts)
        time.sleep(0.05)
        parts.close()
        left = files(tmp_path)
        assert sorted(left) == ["loans/part-00000.parquet", "loans/part-00001.parquet"]
    assert files(tmp_path) == left
    assert len(Table(tmp_path / "loans")) == 400


def test_a_copy_of_nothing_and_a_function_that_gives_no_dict_are_refused(rows, tmp_path):
    with pytest.raises(ValueError, match="at least one block"):
        list(each(loans_and_late, [], tmp_path))
    with pytest.raises(TypeError, match="dict of table name to DataFrame, got DataFrame"):
        list(each(count, [rows], tmp_path))
    assert not files(tmp_path)


def test_copies_tell_how_many_rows_and_blocks_they_took(rows, tmp_path, monkeypatch):
    told = tmp_path / "passes.jsonl"
    monkeypatch.setenv("RISKKIT_PASSES", str(told))
    list(each(loans_and_late, [rows.iloc[:70], rows.iloc[70:]], tmp_path / "copy"))
    found = json.loads(told.read_text())
    assert (found["blocks"], found["rows"]) == (2, len(rows))

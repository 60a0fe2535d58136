"""Blocks counted by a Dask cluster of real processes: the same counts, also when one is killed."""

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from runner_in_peril import STAGES, Peril, seeds_of, write_project

from riskkit import partitions
from riskkit.loan_values import LoanValues
from riskkit.partitions import WorkersLost, collected, each, total
from riskkit.partitions.workers import at_work
from riskkit.tables import Table, part_path, write_table

N_PARTS, ROWS = 6, 400

dask = pytest.importorskip("dask", reason="the dask extra is not installed")
distributed = pytest.importorskip("distributed", reason="the dask extra is not installed")


@pytest.fixture(scope="module")
def loans():
    rng = np.random.default_rng(5)
    n = N_PARTS * ROWS
    ids = [f"L{i // 3:05d}" for i in range(n)]
    return pd.DataFrame({"loan_id": ids, "key": rng.integers(0, 4, n), "n": rng.integers(0, 9, n)})


@pytest.fixture(scope="module")
def table(loans, tmp_path_factory):
    folder = tmp_path_factory.mktemp("loans")
    for number in range(N_PARTS):
        rows = loans.iloc[number * ROWS : (number + 1) * ROWS].reset_index(drop=True)
        write_table(rows, part_path(folder, number))
    return folder


@pytest.fixture
def pieces(table, monkeypatch):
    """The table, each part a piece of its own."""
    monkeypatch.setattr("riskkit.tables.table.BLOCK_ROWS", ROWS)
    return Table(table, whole="loan_id")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cluster")
    with partitions.local_cluster(2, folder) as environment, pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        yield at_work()


def counted(block, values=None, marker=""):
    """Sums by key; the first to see the marked block ends its own process."""
    if marker and block["loan_id"].iloc[0] == "L00267":
        try:
            os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            pass
        else:
            os.kill(os.getpid(), signal.SIGKILL)
    keys = block["key"] if values is None else values.of(block["loan_id"])
    return block.groupby(keys)[["n"]].sum()


def late(block, marker=""):
    counted(block, marker=marker)
    return {"late": block[block["n"] > 6]}


def test_workers_count_what_one_process_counts(pieces, loans, cluster):
    assert type(cluster).__module__.startswith("distributed")
    assert len(pieces.pieces()) > 3
    pd.testing.assert_frame_equal(total(counted, pieces), counted(loans))
    rows = collected(partial(late_rows), pieces)
    pd.testing.assert_frame_equal(rows, late_rows(loans).reset_index(drop=True))


def late_rows(block):
    return block[block["n"] > 6]


@pytest.mark.parametrize("size", ["small", "shared"])
def test_a_killed_worker_costs_a_retry_and_no_double_count(pieces, loans, cluster, tmp_path, size):
    ids = pd.Series(loans["loan_id"].unique())
    n = 20_000 if size == "shared" else len(ids)  # what is large is sent to each worker once
    more = pd.concat([ids, pd.Series([f"M{i}" for i in range(n)])], ignore_index=True)
    values = LoanValues(more, pd.Series(range(len(more)), name="value") % 5)
    marker = tmp_path / "killed"
    found = total(partial(counted, values=values, marker=str(marker)), pieces)
    assert marker.exists()
    pd.testing.assert_frame_equal(found, counted(loans, values))


def test_a_killed_worker_leaves_whole_parts(pieces, loans, cluster, tmp_path):
    marker, folder = tmp_path / "killed", tmp_path / "copy"
    rows = sum(part["late"] for part in each(partial(late, marker=str(marker)), pieces, folder))
    assert marker.exists()
    assert rows == (loans["n"] > 6).sum() == len(Table(folder / "late"))
    assert not list(folder.rglob(".part*"))


def test_an_error_of_a_task_is_told_as_it_is(pieces, cluster):
    with pytest.raises(KeyError, match="nothing"):
        total(broken, pieces)


def broken(block):
    return block["nothing"]


def test_a_task_counts_alone(pieces, cluster):
    assert total(within, pieces) == 0


def within(block):
    return 0 if at_work() is None else 1


@pytest.fixture
def own_cluster(tmp_path, monkeypatch):
    """A scheduler and a worker of their own, as an operator would start them, without keys."""
    for name in [name for name in os.environ if name.startswith("DASK_")]:
        monkeypatch.delenv(name)
    file = tmp_path / "scheduler.json"
    # where this module is found, whatever pytest calls it
    here = [str(folder) for folder in Path(__file__).parents[:2]]
    path = os.pathsep.join([*here, os.environ.get("PYTHONPATH", "")])
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path}
    quiet["env"] = {**os.environ, "PYTHONPATH": path}
    there = ["--no-dashboard", "--scheduler-file", str(file)]
    alone = ["--host", "127.0.0.1", "--port", "0"]
    command = [sys.executable, "-m", "dask"]
    with (
        dask.config.set({"distributed.comm.require-encryption": None}),
        subprocess.Popen([*command, "scheduler", *alone, *there], **quiet) as scheduler,
        subprocess.Popen([*command, "worker", "--nthreads", "1", *there], **quiet) as worker,
    ):
        try:
            with distributed.Client(scheduler_file=str(file), timeout=60) as client:
                client.wait_for_workers(1, timeout=60)
                address = client.scheduler.address
            yield scheduler, address
        finally:
            worker.kill()
            scheduler.kill()


def test_a_lost_scheduler_is_one_clear_error(pieces, own_cluster, monkeypatch, tmp_path):
    scheduler, address = own_cluster
    monkeypatch.setenv(partitions.SCHEDULER, address)
    monkeypatch.setattr("riskkit.partitions.workers._LOST_SECONDS", 1.0)
    partitions.check_scheduler(address)
    with pytest.raises(WorkersLost, match=f"the Dask scheduler at {address} is gone"):
        list(each(partial(killing, scheduler.pid), pieces, tmp_path / "copy"))
    # nobody waits for the worker, but what has its final name is whole
    for part in tmp_path.rglob("part-*.parquet"):
        assert (Table(part).frame()["n"] > 6).all()


def killing(pid, block):
    if block["loan_id"].iloc[0] == "L00267":
        os.kill(pid, signal.SIGKILL)
    return {"late": block[block["n"] > 6]}


def test_a_run_whose_scheduler_is_lost_ends_with_code_1(own_cluster, tmp_path_factory):
    scheduler, address = own_cluster
    folder = tmp_path_factory.mktemp("lost")  # sockets have short names
    peril = Peril(folder / "runner")
    try:
        project = write_project(folder / "project")
        joined = ["--engine", "dask", "--scheduler", address]
        code = peril.run(project, *joined, "-p", f"trouble=kill {scheduler.pid}")
        told = peril.log.read_text()
        assert code == 1, told
        assert f"the Dask scheduler at {address} is gone" in told
        assert list(seeds_of(project / "data" / "runs" / "r")) == [STAGES[0]]  # what is done stays
    finally:
        peril.close()


def test_nobody_at_the_address_is_told():
    with pytest.raises(WorkersLost, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        partitions.check_scheduler("tcp://127.0.0.1:9")


def out_of_time(block):
    raise TimeoutError("the task's own")


def test_a_tasks_own_time_limit_is_told_as_it_is(pieces, cluster):
    with pytest.raises(TimeoutError, match="the task's own"):
        total(out_of_time, pieces)

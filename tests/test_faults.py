"""A run that cannot be broken: what dies, hangs, fills up or is forbidden, on the real thing."""

import os
import random
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager

import pytest
import real_parts
from runner_in_peril import (
    STAGES,
    Peril,
    halves,
    seeds_of,
    strangers,
    wait_until,
    write_project,
)

from riskkit.pipeline.folders import locked
from riskkit.pipeline.manifest import read_manifest


@pytest.fixture(scope="module")
def peril(tmp_path_factory):
    made = Peril(tmp_path_factory.mktemp("peril") / "runner")
    yield made
    made.close()


@pytest.fixture(scope="module")
def finished(peril):
    """A project that has been run once, undisturbed."""
    project = write_project(peril.folder / "finished")
    assert peril.run(project) == 0, peril.log.read_text()
    return project


@pytest.fixture
def project(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "project")
    return tmp_path / "project"


def run_dir_of(project):
    return project / "data" / "runs" / "r"


def bytes_of(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def settles(peril, project, seed):
    """A plain run goes through, ends as an undisturbed one, and leaves nothing else behind."""
    run_dir = run_dir_of(project)
    assert peril.run(project, "-p", f"seed={seed}") == 0, peril.log.read_text()
    assert seeds_of(run_dir) == dict.fromkeys(STAGES, seed)
    assert read_manifest(run_dir)["status"] == "done"
    assert halves(project) == []
    assert strangers(project, peril.scratch) == []
    assert peril.kernels() == []
    with locked(run_dir):
        pass


def test_a_runner_killed_at_twenty_random_moments_ends_as_an_undisturbed_one(peril, project):
    run_dir = run_dir_of(project)
    begun = time.monotonic()
    assert peril.run(project, "--force") == 0
    whole = time.monotonic() - begun
    draw = random.Random(20)
    reached = []
    for seed in range(2, 22):
        peril.start(project, "-p", f"seed={seed}")
        time.sleep(draw.uniform(0, 0.9 * whole))  # most before it has ended by itself
        peril.kill(signal.SIGKILL)
        reached.append(peril.end())
        # whatever was killed: each stage is of one run, each file whole, and a report is there
        assert halves(project) == []
        assert set(seeds_of(run_dir)) == set(STAGES)
        assert (project / "reports/runs/r/index.html").is_file()
    assert reached.count(-signal.SIGKILL) >= 10, reached
    settles(peril, project, 22)


def test_a_kernel_that_is_killed_fails_its_stage_alone(peril, project):
    run_dir = run_dir_of(project)
    before = bytes_of(run_dir / "02_two")
    peril.start(project, "-p", "trouble=wait")
    wait_until(lambda: list(run_dir.glob(".staging-*/started")))
    (kernel,) = peril.kernels()
    assert kernel > 1
    os.kill(kernel, signal.SIGKILL)
    assert peril.end() == 1
    assert "the notebook's process ended on signal SIGKILL" in peril.log.read_text()
    assert bytes_of(run_dir / "02_two") == before
    assert strangers(project, peril.scratch) == []
    settles(peril, project, 1)


def test_a_kernel_dies_with_its_runner(peril, project):
    run_dir = run_dir_of(project)
    peril.start(project, "-p", "trouble=hang")
    # one that hears nothing, not even that it has no parent any more
    wait_until(lambda: list(run_dir.glob(".staging-*/started")))
    (kernel,) = peril.kernels()
    peril.kill(signal.SIGKILL)
    peril.end()
    wait_until(lambda: kernel not in peril.kernels(), seconds=5)
    settles(peril, project, 1)


def test_a_kernel_that_outlives_its_runner_does_not_write_into_the_next_run(peril, project):
    run_dir = run_dir_of(project)
    peril.start(project, "-p", "trouble=outlive")
    wait_until(lambda: list(run_dir.glob(".staging-*/started")))
    (kernel,) = peril.kernels()
    peril.kill(signal.SIGKILL)
    peril.end()
    assert peril.run(project, "-p", "seed=2") == 0, peril.log.read_text()
    assert kernel in peril.kernels()  # it did live on
    assert seeds_of(run_dir) == dict.fromkeys(STAGES, 2)
    assert strangers(project, peril.scratch) == []
    (run_dir / "over").touch()
    wait_until(lambda: kernel not in peril.kernels())
    assert seeds_of(run_dir) == dict.fromkeys(STAGES, 2)
    settles(peril, project, 2)


@pytest.mark.parametrize(
    ("given", "place"), [("seed=2", ".staging-01_one-*"), ("trouble=wait", ".staging-*/started")]
)
def test_a_runner_that_is_told_to_end_leaves_nothing_behind(peril, project, given, place):
    peril.start(project, "-p", given)
    wait_until(lambda: list(run_dir_of(project).glob(place)))
    peril.kill(signal.SIGTERM)
    assert peril.end() == 143
    assert peril.kernels() == []
    assert halves(project) == []
    assert not [name for name in strangers(project, peril.scratch) if name.startswith(".")]
    settles(peril, project, 1)


def test_a_hung_cell_ends_at_its_limit(peril, project):
    before = bytes_of(run_dir_of(project) / "02_two")
    assert peril.run(project, "-p", "trouble=hang", "--timeout", "2") == 1
    assert "TimeLimit: the stage took longer than 2 seconds" in peril.log.read_text()
    assert bytes_of(run_dir_of(project) / "02_two") == before
    assert peril.kernels() == []
    settles(peril, project, 1)


def test_a_limit_of_memory_is_told_as_one(peril, project):
    before = bytes_of(run_dir_of(project) / "02_two")
    assert peril.run(project, "-p", "trouble=memory", memory=8 << 30) == 1
    assert "02_two failed: MemoryError: " in peril.log.read_text()
    assert "memory" in peril.log.read_text().partition("MemoryError: ")[2]
    assert bytes_of(run_dir_of(project) / "02_two") == before
    settles(peril, project, 1)


# -- disks -----------------------------------------------------------------------------------------


@contextmanager
def mounted(folder, megabytes):
    """A disk of that size; CI must be able to mount one."""
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs"]
    done = subprocess.run(
        ["mount", *options, str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        real_parts.absent(f"no disk can be mounted here (mount -t tmpfs): {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


ONE = ("--only", "02", "--force")  # one kernel is enough


def test_a_full_disk_loses_nothing_and_the_run_after_goes_through(peril, finished, tmp_path):
    with mounted(tmp_path / "disk", 4) as disk:
        project = shutil.copytree(finished, disk / "project")
        run_dir = run_dir_of(project)
        before = bytes_of(run_dir / "02_two")
        # the notebook fills it
        assert peril.run(project, "-p", "trouble=fill") == 1
        assert "No space left on device" in peril.log.read_text()
        assert bytes_of(run_dir / "02_two") == before
        assert read_manifest(run_dir)["stages"]["02_two"]["status"] == "failed"
        page = (project / "reports/runs/r/02_two.html").read_text()
        assert "No space left on device" in page
        assert (strangers(project, peril.scratch), halves(project)) == ([], [])
        settles(peril, project, 1)
        # somebody else does, before the run or so that it fills up within
        for free in (0, 12_000):
            room = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
            with (disk / "filler").open("wb") as file:
                file.write(b"x" * max(room - free, 0))
            assert peril.run(project, *ONE) == 1
            assert "No space left on device" in peril.log.read_text()
            assert halves(project) == []
            assert seeds_of(run_dir) == dict.fromkeys(STAGES, 1)
            assert strangers(project, peril.scratch) == []
            (disk / "filler").unlink()
        settles(peril, project, 1)


def test_a_disk_that_may_only_be_read_is_told_and_nothing_changes(peril, finished, tmp_path):
    with mounted(tmp_path / "disk", 8) as disk:
        project = shutil.copytree(finished, disk / "project")
        before = bytes_of(project)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        assert peril.run(project, *ONE) == 2
        assert "Read-only file system" in peril.log.read_text()
        assert bytes_of(project) == before
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        settles(peril, project, 1)


def test_reports_that_may_only_be_read_stay_as_they_were(peril, finished, tmp_path):
    project = shutil.copytree(finished, tmp_path / "project")
    kept = (project / "reports").rename(tmp_path / "kept")
    with mounted(project / "reports", 8) as reports:
        shutil.copytree(kept, reports, dirs_exist_ok=True)
        before = bytes_of(reports)
        subprocess.run(["mount", "-o", "remount,ro", str(reports)], check=True)
        assert peril.run(project, *ONE) == 2
        assert "Read-only file system" in peril.log.read_text()
        assert (bytes_of(reports), halves(project)) == (before, [])
        assert strangers(project, peril.scratch) == []
        subprocess.run(["mount", "-o", "remount,rw", str(reports)], check=True)
        settles(peril, project, 1)

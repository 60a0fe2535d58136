"""One run of profile large through all stages: seconds, peak memory, and what its passes took.

``make scale SIZE=3000000`` prints the rows of docs/scale.md for that size; with ``WORKERS=2`` its
blocks are counted by so many worker processes of a Dask cluster that the run joins, and
``AGAINST=RUN`` holds each table against those of an earlier run of the same size.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from riskkit import partitions
from riskkit.pipeline.manifest import left_in, read_manifest
from riskkit.tables import Table, hash_file

PROJECT = Path(__file__).parents[2]
POLL_SECONDS = 0.5


class Memory:
    """Within it, the peak of the resident memory of this process's descendants, summed.

    What several of them share, such as compiled libraries, is counted once.
    """

    def __enter__(self) -> Memory:
        self.peak, self.series = 0, []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(POLL_SECONDS):
            now = sum(map(resident, descendants(os.getpid())))
            self.peak = max(self.peak, now)
            self.series.append((time.time(), now))

    def between(self, start: float, stop: float) -> int:
        """The peak while a stage was at work; of all that was, where another was, too."""
        return max((bytes for at, bytes in self.series if start <= at <= stop), default=0)


def descendants(pid: int) -> Iterator[int]:
    """Processes below one, as far as they are still there."""
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                yield child
                yield from descendants(child)


def resident(pid: int) -> int:
    """Bytes of a process in memory, and its part of what it shares with others."""
    try:
        told = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    found = re.search(r"^Pss:\s+(\d+) kB", told, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def run(size: int, jobs: int, name: str, environment: dict[str, str]) -> tuple[float, Memory]:
    """Seconds of a run and its memory."""
    command = [sys.executable, "-m", "riskkit.cli", "run", "--profile", "large", "--force"]
    command += ["-p", f"n_applicants={size}", "--jobs", str(jobs), "--run", name]
    command += ["--timeout", "36000", "--project", str(PROJECT)]
    if scheduler := environment.get(partitions.SCHEDULER):
        command += ["--engine", "dask", "--scheduler", scheduler]
    start = time.perf_counter()
    with Memory() as memory:
        code = subprocess.run(command, env={**os.environ, **environment}, check=False).returncode
    if code not in (0, 3):
        raise SystemExit(f"the run ended with code {code}")
    return time.perf_counter() - start, memory


def stage_rows(run_dir: Path, memory: Memory, size: int) -> pd.DataFrame:
    """Seconds, seconds a million applicants and peak memory of each stage."""
    rows = {}
    for name, record in read_manifest(run_dir)["stages"].items():
        start, stop = (pd.Timestamp(record[key]).timestamp() for key in ("started", "finished"))
        rows[name] = {
            "stage seconds": record["seconds"],
            "s a million": record["seconds"] / size * 1e6,
            "peak GiB": memory.between(start, stop) / 2**30,
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def pass_rows(file: Path) -> pd.DataFrame:
    """What the passes over blocks took, by stage."""
    passes = pd.read_json(file, lines=True)
    table = passes.groupby("stage").agg(
        passes=("blocks", "size"),
        blocks=("blocks", "sum"),
        rows=("rows", "sum"),
        seconds=("seconds", "sum"),
        task_seconds=("task_seconds", "sum"),
        sent_bytes=("sent_bytes", "sum"),
        result_bytes=("result_bytes", "sum"),
    )
    table["s a block"] = table["task_seconds"] / table["blocks"]
    table["result KB a block"] = table["result_bytes"] / table["blocks"] / 1e3
    return table


def differences(run_dir: Path, other: Path) -> list[str]:
    """Files of two runs that do not say the same, but for floating sums within 1e-9."""
    found = []
    for stage in sorted(path for path in run_dir.iterdir() if (path / "key_figures.json").exists()):
        for name in left_in(stage):
            mine, theirs = stage / name, other / stage.name / name
            if not theirs.exists():
                found.append(f"{stage.name}/{name} is not there")
            elif hash_file(mine) != hash_file(theirs) and not _alike(mine, theirs):
                found.append(f"{stage.name}/{name}")
    return found


def _alike(mine: Path, theirs: Path) -> bool:
    if mine.suffix == ".json":
        return _same_values(json.loads(mine.read_text()), json.loads(theirs.read_text()))
    if mine.suffix != ".parquet":
        return mine.suffix in (".html", ".docx")  # these name their run
    one, other = Table(mine), Table(theirs)
    if len(one) != len(other):
        return False
    try:
        for piece in one.pieces():
            pd.testing.assert_frame_equal(
                piece.read(), other.between(piece.rows), rtol=1e-9, atol=1e-9
            )
    except AssertionError:
        return False
    return True


def _same_values(one: Any, other: Any) -> bool:
    """Whether JSON says the same, but for hashes and the last digits of sums."""
    if isinstance(one, dict) and isinstance(other, dict):
        names = (one.keys() | other.keys()) - {"sha256"}
        return all(_same_values(one.get(name), other.get(name)) for name in names)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same_values, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    return bool(one == other)


def main() -> None:
    """Run, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("size", type=int)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--against", default="")
    asked = parser.parse_args()
    name = f"scale-{asked.size}" + (f"-dask{asked.workers}" if asked.workers else "")
    with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as stack:
        passes = Path(scratch) / "passes.jsonl"
        environment = {"RISKKIT_PASSES": str(passes)}
        if asked.workers:
            cluster = partitions.local_cluster(asked.workers, Path(scratch))
            environment |= stack.enter_context(cluster)
        seconds, memory = run(asked.size, asked.jobs, name, environment)
        run_dir = PROJECT / "data" / "runs" / name
        stages, counted = stage_rows(run_dir, memory, asked.size), pass_rows(passes)
        passes.replace(run_dir / "passes.jsonl")
        told = {"size": asked.size, "workers": asked.workers, "seconds": seconds}
        stages.assign(**told).to_csv(run_dir / "stages.csv", index_label="stage")
    pd.set_option("display.width", 200)
    print(
        f"{asked.size:,} applicants, jobs {asked.jobs}, workers {asked.workers}: {seconds:.1f} s, "
    )
    print(f"{seconds / asked.size * 1e6:.1f} s a million, peak {memory.peak / 2**30:.2f} GiB")
    print(stages.round(2).to_string())
    print(counted.round(3).to_string())
    if asked.against:
        told = differences(run_dir, PROJECT / "data" / "runs" / asked.against)
        print("equal to the other run" if not told else "differs in " + ", ".join(told))


if __name__ == "__main__":
    main()

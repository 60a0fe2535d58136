"""Runs whose stages work side by side, in kernels of their own: results, failures, signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from riskkit import pipeline
from riskkit.pipeline import runner
from riskkit.pipeline.manifest import read_manifest

PARAMETERS = 'run_dir = ""\noutput_dir = ""\nmeet = ""\ntrouble = ""\nadded = 0'
FIRST = "from pathlib import Path\n(Path(output_dir) / 't.txt').write_text('1')"
# side by side, each waits for the other: one after another they would wait in vain
BESIDE = """
import os, time
from pathlib import Path
from riskkit import pipeline
stage = pipeline.open_stage({name!r}, globals())
if meet:
    (Path(meet) / stage.name).touch()
    end = time.monotonic() + 60
    while len(os.listdir(meet)) < 2:
        assert time.monotonic() < end, "nobody came"
        time.sleep(0.05)
if trouble == stage.name:
    time.sleep(300)
if trouble == "undeclared":
    getattr(stage, "path")("secret.txt")
text = stage.path("t.txt").read_text() + str(added)
stage.write_text({name!r} + ".txt", text)
"""
LAST = """
from riskkit import pipeline
stage = pipeline.open_stage("04_d", globals())
stage.write_text("all.txt", stage.path("02_b.txt").read_text())
"""


def write_notebook(project: Path, name: str, source: str, leaves: list[str]) -> None:
    (project / "notebooks").mkdir(parents=True, exist_ok=True)
    cells = [new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}), new_code_cell(source)]
    notebook = new_notebook(cells=cells, metadata={"riskkit": {"leaves": leaves}})
    nbformat.write(notebook, project / "notebooks" / f"{name}.ipynb")


def make_project(folder: Path) -> Path:
    write_notebook(folder, "01_a", FIRST, ["t.txt"])
    for name in ("02_b", "03_c"):
        write_notebook(folder, name, BESIDE.format(name=name), [f"{name}.txt"])
    write_notebook(folder, "04_d", LAST, ["all.txt"])
    return folder


@pytest.fixture(autouse=True)
def _unchanging_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody editing the package while the tests run must not outdate what they cache."""
    monkeypatch.setattr(runner, "package_hash", lambda: "package")


def run_in(project: Path, **settings: object) -> pipeline.RunResult:
    given = {"profile": "quick", "progress": False, "run": "r", "jobs": 2, **settings}
    return pipeline.run(project=project, **given)


def states(result: pipeline.RunResult) -> dict[str, str]:
    return {stage.name: stage.status for stage in result.stages}


def outputs(result: pipeline.RunResult) -> dict[str, dict[str, str]]:
    stages = read_manifest(result.run_dir)["stages"]
    return {name: record["outputs"] for name, record in stages.items()}


def lines(result: pipeline.RunResult) -> list[dict[str, object]]:
    text = (result.run_dir / "run.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_side_by_side_leaves_what_one_after_another_leaves(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    project, meet = make_project(tmp_path), tmp_path / "meet"
    meet.mkdir()
    both = run_in(project, parameters={"meet": str(meet)}, progress=True)
    assert states(both) == dict.fromkeys(("01_a", "02_b", "03_c", "04_d"), "done")
    manifest = read_manifest(both.run_dir)
    path = manifest["critical_path"]
    assert path["stages"] in (["01_a", "02_b", "04_d"], ["01_a", "03_c"])
    assert manifest["jobs"] == 2
    told = capfd.readouterr().err
    assert "critical path: 01_a → 0" in told
    assert "[3/4] 03_c ...\n" in told
    assert "[3/4] 03_c: done in " in told
    alone = run_in(project, run="alone", jobs=1)
    assert outputs(alone) == outputs(both)
    # the log tells it, too, and both were at work at the same time
    events = [(line["event"], line.get("stage")) for line in lines(both)]
    assert events[0] == ("run_start", None)
    assert events[-1] == ("run_end", None)
    middle = events.index(("stage_start", "03_c"))
    assert ("stage_end", "02_b") in events[middle:]
    # another 02 is none of 03's concern, and 04 has not changed but for what it reads
    write_notebook(project, "02_b", BESIDE.format(name="02_b") + "\n# new", ["02_b.txt"])
    again = run_in(project, run="alone")
    assert list(states(again).values()) == ["up to date", "done", "up to date", "up to date"]


def test_what_a_stage_reads_beyond_its_cells_words_fails_it_and_a_cell_that_hangs_ends_beside_it(
    tmp_path: Path,
) -> None:
    project = make_project(tmp_path)
    hang = BESIDE.format(name="03_c").replace('trouble == "undeclared"', "time.sleep(300)")
    write_notebook(project, "03_c", hang, ["03_c.txt"])
    result = run_in(project, parameters={"trouble": "undeclared"}, timeout_seconds=10)
    assert list(states(result).values()) == ["done", "failed", "failed", "not run"]
    assert result.failure == result.failures["02_b"]
    assert "02_b reads 'secret.txt', which nothing in its notebook" in str(result.failure)
    cut_off = "TimeLimit: the stage took longer than 10 seconds"
    assert str(result.failures["03_c"]) == cut_off
    failed = [line for line in lines(result) if "why" in line]
    why = {line["stage"]: line["why"] for line in failed}
    assert why["02_b"].startswith("BadInput: …")
    assert why["03_c"] == cut_off
    assert "secret" not in (result.run_dir / "run.log").read_text()


def children_of(pid: int) -> list[int]:
    """Processes that this one has started, in whichever thread."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def test_a_signal_ends_all_kernels(tmp_path: Path) -> None:
    project, meet = make_project(tmp_path), tmp_path / "meet"
    meet.mkdir()
    (meet / "one").touch()
    for name in ("02_b", "03_c"):
        hang = BESIDE.format(name=name).replace("trouble == stage.name", "True")
        write_notebook(project, name, hang, [f"{name}.txt"])
    options = ["--run", "r", "--project", str(project), "--jobs", "2", "-p", f"meet={meet}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "riskkit.cli", "run", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    end = time.monotonic() + 90
    while len(os.listdir(meet)) < 3:
        assert time.monotonic() < end
        time.sleep(0.05)
    kernels = children_of(process.pid)
    assert len(kernels) >= 2
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 128 + signal.SIGTERM
    assert not [pid for pid in kernels if Path(f"/proc/{pid}/cmdline").exists()]
    run_dir = project / "data/runs/r"
    assert [path.name for path in run_dir.glob(".staging*")] == []
    assert read_manifest(run_dir)["status"] == "interrupted"
    assert read_manifest(run_dir)["stages"].keys() == {"01_a"}

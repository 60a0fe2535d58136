"""The whole suite at 50,000 applicants against papermill's and nbconvert's own commands.

Run with ``make bench``; prints both times, where ours went, and the bound of the critical path.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from riskkit.pipeline.manifest import read_manifest
from riskkit.pipeline.notebooks import find_notebooks

PROJECT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
RATIO, OVERHEAD_SECONDS = 0.6, 2.0


def timed(*commands):
    start = time.perf_counter()
    for command in commands:
        told = subprocess.run(command, capture_output=True, text=True, check=False)
        assert told.returncode == 0, told.stderr[-3000:]
    return time.perf_counter() - start


def peer_commands(notebook, run_dir):
    """Each notebook as one runs it without us: papermill, then a page of nbconvert."""
    done = run_dir / f"{notebook.name}.ipynb"
    own = {"run_dir": run_dir, "output_dir": run_dir / notebook.name}
    own |= {"n_applicants": 50_000} if "n_applicants" in notebook.parameters else {}
    options = [text for name, value in own.items() for text in ("-p", name, str(value))]
    folder = ["--cwd", str(notebook.path.parent)]
    return (
        [BIN / "papermill", notebook.path, done, "-k", "python3", *folder, *options],
        [BIN / "jupyter", "nbconvert", "--to", "html", "--no-input", done],
    )


def test_the_suite(tmp_path, monkeypatch):
    # both read the same notebooks; ours writes into a project of its own
    project = tmp_path / "project"
    project.mkdir()
    for name in ("notebooks", "data", "docs"):
        if name == "data":
            (project / name).mkdir()
            for child in (PROJECT / name).iterdir():
                if child.name != "runs":
                    (project / name / child.name).symlink_to(child)
        else:
            (project / name).symlink_to(PROJECT / name)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(PROJECT / "src"), *sys.path[:1]]))
    command = [sys.executable, "-m", "riskkit.cli", "run", "--force", "--project", project]
    ours = timed([*command, "--run", "bench"])
    manifest = read_manifest(project / "data" / "runs" / "bench")
    run_dir = tmp_path / "peer"
    run_dir.mkdir()
    notebooks = find_notebooks(PROJECT)
    theirs = timed(*(c for notebook in notebooks for c in peer_commands(notebook, run_dir)))
    print(
        f"\n{len(notebooks)} notebooks: {ours:.1f} s, one after another by their commands ", end=""
    )
    print(f"{theirs:.1f} s, ratio {ours / theirs:.2f} (limit {RATIO})")
    print(json.dumps(manifest["critical_path"], ensure_ascii=False))
    for name, record in manifest["stages"].items():
        over = record["seconds"] - record["cell_seconds"]
        print(f"{name}: {record['seconds']:.1f} s, {over:.2f} s of it not in cells")
        assert over <= OVERHEAD_SECONDS
    assert ours <= RATIO * theirs

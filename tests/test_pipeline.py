"""The runner, on small projects of its own; the real notebooks are in test_suite.py."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from own_data import OWN_MAPPING
from typer.testing import CliRunner

from riskkit import cli, pipeline
from riskkit.checks import DataContractError
from riskkit.pipeline import (
    BadInput,
    RunBusy,
    TableMissing,
    open_stage,
    rebuild_index,
    runner,
)
from riskkit.pipeline.findings import Finding, findings_in
from riskkit.pipeline.folders import clean_up, locked, swap_in
from riskkit.pipeline.front_page import index_page
from riskkit.pipeline.history import previous_of
from riskkit.pipeline.manifest import read_manifest, stage_state, write_manifest
from riskkit.pipeline.notebooks import find_notebooks, find_project, leave_out, pick
from riskkit.pipeline.parameters import Parameter, check_names, convert, declared_parameters
from riskkit.pipeline.run_log import LOGS
from riskkit.tables import whole

# -- a project to run ------------------------------------------------------------------------------

OPEN = (
    "import pandas as pd\nfrom riskkit import pipeline, schema\n"
    "stage = pipeline.open_stage({name!r}, globals())"
)
FIRST = """
numbers = pd.Series(range(n_applicants), dtype="int64") * (seed % 97)
stage.write("applications", pd.DataFrame({"x": numbers}))
stage.key_figures({"Applications": f"{n_applicants:,}", "Bad rate": "6.1 %"})
"""
TROUBLE = """
import os, time, warnings
if trouble == "error":
    raise RuntimeError("no answer from postgresql://anna:s3cret@db/risk")
if trouble == "contract":
    raise schema.DataContractError("applications", ["amount: 3 rows below 0"])
if trouble == "sleep":
    time.sleep(120)
if trouble == "die":
    os._exit(9)
if trouble == "crash":
    os.kill(os.getpid(), 11)
"""
SECOND = """
import sys
frame = stage.table("applications").frame()
stage.write("bins", frame.describe())
stage.output("binning.json").write_text('{"schema_version": 1}')
stage.output("interpreter.txt").write_text(sys.executable)
"""
FIGURE = """
import warnings
from IPython.display import display
warnings.warn("mind the gap")
print("written to", output_dir)
svg = "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"
alt = {"image/svg+xml": {"alt": 'Bad rate by "channel"'}}
display({"image/svg+xml": svg, "text/plain": "figure"}, metadata=alt, raw=True)
"""


def code(source: str, *tags: str) -> Any:
    return new_code_cell(source.strip(), metadata={"tags": list(tags)})


def prose(source: str, *tags: str) -> Any:
    return new_markdown_cell(source, metadata={"tags": list(tags)})


def parameters_cell(*lines: str) -> Any:
    return code("\n".join(('run_dir = ""', 'output_dir = ""', *lines)), "parameters")


def write_notebook(project: Path, name: str, cells: Sequence[Any], **said: Any) -> None:
    (project / "notebooks").mkdir(parents=True, exist_ok=True)
    notebook = new_notebook(cells=list(cells), metadata={"riskkit": said} if said else {})
    nbformat.write(notebook, project / "notebooks" / f"{name}.ipynb")


def make_project(folder: Path) -> Path:
    write_notebook(
        folder,
        "01_borrowers",
        [
            prose("# Who borrows\n\nDecides **whom** to look at.\n\nMore words."),
            parameters_cell(
                "seed = 42  # random seed",
                "n_applicants = 100  # applications to simulate",
                "rate = 0.5",
                'source = ""',
                'root = ""',
                "max_applications = 0  # a sample",
            ),
            code(OPEN.format(name="01_borrowers")),
            code(FIRST),
        ],
        check="synthetic.check_world",
        leaves=["applications", "truth"],
    )
    write_notebook(
        folder,
        "02_woe_binning",
        [
            prose("# Bins\n\nDecides the bins."),
            parameters_cell('trouble = ""  # what goes wrong'),
            code(OPEN.format(name="02_woe_binning")),
            prose("## Where it hurts"),
            code(TROUBLE),
            code(SECOND),
            code('pd.DataFrame({"bad_rate": [0.5]})'),
            prose("## Against the truth\n\nHow close.", "needs:truth"),
            code('stage.table("truth")', "needs:truth", "raises-exception"),
            prose("## After"),
        ],
        leaves=["bins", "binning.json", "interpreter.txt"],
    )
    write_notebook(
        folder,
        "03_models",
        [
            prose("# Models"),
            parameters_cell("seed = 42  # the same seed"),
            code(OPEN.format(name="03_models")),
            code('schema.read_table(stage.path("bins.parquet")).shape'),
            code(FIGURE),
        ],
    )
    return folder


@pytest.fixture(autouse=True)
def _unchanging_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody editing the package while the tests run must not outdate what they cache."""
    monkeypatch.setattr(runner, "package_hash", lambda: "package")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "my project")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose run `base` is done; tests read it, or run it again without changing it.

    A foreign kernel called python3 stands first in Jupyter's path meanwhile.
    """
    folder = make_project(tmp_path_factory.mktemp("finished"))
    foreign = tmp_path_factory.mktemp("jupyter")
    (foreign / "kernels" / "python3").mkdir(parents=True)
    spec = {"argv": ["false", "{connection_file}"], "display_name": "Other", "language": "python"}
    (foreign / "kernels" / "python3" / "kernel.json").write_text(json.dumps(spec))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(foreign))
        assert run_in(folder, run="base").exit_code == 0
    return folder


def run_in(project: Path, *stages: str, **settings: Any) -> pipeline.RunResult:
    settings = {"profile": "quick", "progress": False, **settings}
    return pipeline.run(stages or None, project=project, **settings)


def states(result: pipeline.RunResult) -> list[str]:
    return [stage.status for stage in result.stages]


def bytes_below(folder: Path, pattern: str = "*") -> dict[str, bytes]:
    files = sorted(p for p in folder.rglob(pattern) if p.is_file())
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}


def leftovers(run_dir: Path) -> list[str]:
    return [p.name for p in run_dir.iterdir() if re.match(r"\.(staging|old)", p.name)]


# -- parameters ------------------------------------------------------------------------------------


def test_a_parameters_cell_declares_names_types_and_comments() -> None:
    found = declared_parameters(
        "# the lender\nseed = 42  # random seed\nrate: float = -0.5\n"
        "terms = [\n  3, 6]  # months\n",
        "01",
    )
    assert found == {
        "seed": Parameter("seed", 42, "random seed"),
        "rate": Parameter("rate", -0.5),
        "terms": Parameter("terms", [3, 6], "months"),
    }


@pytest.mark.parametrize(
    "source", ["import os", "x = y", "x = len('a')", "x = 1 + 1", "x, y = 1, 2", "x = None", "x ="]
)
def test_anything_but_a_literal_in_the_parameters_cell_is_refused(source: str) -> None:
    with pytest.raises(BadInput, match="01_borrowers: param"):
        declared_parameters(source, "01_borrowers")


@pytest.mark.parametrize(
    ("default", "given", "value"),
    [
        (1, "50_000", 50_000),
        (1, " -3 ", -3),
        (1, 7, 7),
        (1.0, "1e-3", 0.001),
        (1.0, 2, 2.0),
        (True, "False", False),
        (False, "true", True),
        ("", "a=b", "a=b"),
        ("", "12", "12"),
        ([1], "[1, 2]", [1, 2]),
        ([0.5], "[1, 0.25]", [1.0, 0.25]),
        ([], '["a", 1]', ["a", 1]),
    ],
)
def test_text_is_converted_to_the_type_of_the_default(default: Any, given: Any, value: Any) -> None:
    converted = convert(Parameter("x", default), given)
    assert converted == value
    assert type(converted) is type(value)


@pytest.mark.parametrize(
    ("default", "given"),
    [
        (1, "3.0"),
        (1, "1e4"),
        (1, "many"),
        (1, 3.0),
        (1, True),
        (1.0, "nan"),
        (1.0, float("inf")),
        (1.0, True),
        (True, "yes"),
        (True, 1),
        ("", 3),
        ([1], "1, 2"),
        ([1], '["a"]'),
        ([1], '{"a": 1}'),
    ],
)
def test_a_value_of_another_type_is_refused(default: Any, given: Any) -> None:
    with pytest.raises(ValueError, match=r"must be (a|true)"):
        convert(Parameter("x", default), given)


@settings(max_examples=50)
@given(
    st.one_of(
        st.integers(),
        st.booleans(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.lists(st.integers()),
    )
)
def test_a_value_written_as_json_comes_back_the_same(value: Any) -> None:
    assert convert(Parameter("x", value), json.dumps(value)) == value


def test_every_problem_with_parameters_is_named_at_once_with_the_closest_known_name() -> None:
    declared = {"01_a": {"seed": Parameter("seed", 1)}, "02_b": {"pdo": Parameter("pdo", 20)}}
    with pytest.raises(BadInput) as caught:
        check_names(declared, {"seeds": 1, "pdo": "x", "run_dir": "/tmp"})
    message = str(caught.value)
    assert "'seeds'; did you mean seed?" in message
    assert "pdo must be a whole number, got 'x'" in message
    assert "run_dir is set by the runner" in message
    assert "there are: pdo, seed" in message


def test_one_name_in_two_notebooks_gets_one_value() -> None:
    declared = {"01_a": {"seed": Parameter("seed", 1)}, "02_b": {"seed": Parameter("seed", 2)}}
    assert check_names(declared, {"seed": "7"}) == {"01_a": {"seed": 7}, "02_b": {"seed": 7}}
    assert check_names(declared, {}) == {"01_a": {"seed": 1}, "02_b": {"seed": 2}}


# -- notebooks -------------------------------------------------------------------------------------


def test_a_notebook_tells_its_title_and_purpose(project: Path) -> None:
    first, second, third = find_notebooks(project)
    assert (first.title, first.purpose) == ("Who borrows", "Decides **whom** to look at.")
    assert (second.name, second.number) == ("02_woe_binning", 2)
    assert third.purpose == ""
    assert list(first.parameters)[:4] == ["run_dir", "output_dir", "seed", "n_applicants"]
    assert (first.check, first.leaves) == ("synthetic.check_world", ("applications", "truth"))
    assert (third.check, third.leaves) == ("", ())


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"chek": "synthetic.check_world"}, "must hold check, leaves and findings and nothing"),
        ({"check": "os.path.join"}, "must be module.function of riskkit, found 'os.path.join'"),
        ({"check": ["a.b"]}, "must be module.function of riskkit"),
        ({"leaves": "bins"}, "leaves must be a list of names, found 'bins'"),
        ({"findings": ["Drift"]}, "findings must map topics to headings, found ['Drift']"),
        ({"findings": {"Drift": 1}}, "findings must map topics to headings"),
        ({"check": "os.remove"}, "its check, os.remove, is no public function of riskkit"),
        ({"check": "synthetic.np"}, "is no public function of riskkit"),
        ({"check": "synthetic.importlib"}, "is no public function of riskkit"),
        ({"check": "cli.main_"}, "is no public function of riskkit"),
    ],
)
def test_metadata_that_say_something_else_are_refused(
    tmp_path: Path, said: dict[str, Any], message: str
) -> None:
    write_notebook(tmp_path, "01_one", [prose("# One"), parameters_cell()], **said)
    with pytest.raises(BadInput, match=re.escape(message)) as caught:
        run_in(tmp_path)
    assert "01_one" in str(caught.value)
    assert not (tmp_path / "data").exists()


def test_the_project_is_looked_for_upwards(project: Path, tmp_path: Path) -> None:
    (project / "docs" / "deep").mkdir(parents=True)
    assert find_project(project / "docs" / "deep") == project
    assert find_project(project / "notebooks") == project
    with pytest.raises(BadInput, match="or above it"):
        find_project(tmp_path)


def test_a_stage_is_picked_by_number_or_name(project: Path) -> None:
    notebooks = find_notebooks(project)
    for wanted in ("02", "2", 2, "02_woe_binning"):
        assert pick(notebooks, wanted).name == "02_woe_binning"
    with pytest.raises(BadInput, match="no stage '07'; there are 01_borrowers, 02_"):
        pick(notebooks, "07")


def test_neighbours_left_out_for_one_reason_become_one_sentence_under_their_heading() -> None:
    cells = [prose(t) for t in ("a", "## Truth\n\nx", "b", "# D", "e")]
    kept = leave_out(cells, {1: "truth", 2: "truth", 3: "performance"}, str)
    assert [k if isinstance(k, str) else k.source for k in kept] == [
        "a",
        "## Truth\n\n*Skipped: this source has no `truth` table "
        "(the synthetic lender's own default probabilities).*",
        "# D\n\n*Skipped: this source has no `performance` table "
        "(one row per loan and month-end).*",
        "e",
    ]


def test_what_is_left_out_for_want_of_a_model_says_so() -> None:
    cells = [prose("## Card"), prose("b")]
    assert leave_out(cells, {0: "selected", 1: "selected"}, str) == [
        "## Card\n\n*Skipped: no feature offered tells enough for a model.*"
    ]
    assert leave_out(cells, {0: "scores", 1: "scores"}, str) == [
        "## Card\n\n*Skipped: there is no model.*"
    ]
    assert leave_out(cells[1:], {0: "performance.balance"}, str) == [
        "*Skipped: this source has no `balance` (the outstanding principal at each month-end) in "
        "its `performance`.*"
    ]


# -- hand-over -------------------------------------------------------------------------------------


def test_a_stage_reads_what_the_nearest_earlier_one_left(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [1, 2]})
    for i, name in enumerate(("01_a", "02_b", "04_d")):
        open_stage(name, run_dir=tmp_path, output_dir=tmp_path / name).write("t", frame + i)
    stage = open_stage("03_c", run_dir=tmp_path, output_dir=tmp_path / "03_c")
    pd.testing.assert_frame_equal(stage.table("none", "t").frame(), frame + 1)
    assert stage.path("t.parquet") == tmp_path / "02_b" / "t.parquet"
    assert stage.has("t")
    assert stage.has("t.parquet")
    assert not stage.has("truth")
    first = open_stage("01_a", run_dir=tmp_path, output_dir=tmp_path / "01_a")
    assert not first.has("t")  # its own table is no hand-over to itself


def test_blocks_of_loans_months_and_dues_hold_whole_loans_and_others_need_no_order(
    tmp_path: Path,
) -> None:
    panel = pd.DataFrame({"loan_id": ["b", "b", "a", "a", "a"], "mob": [0, 1, 0, 1, 2]})
    names = ("performance", "instalments", "other")
    first = open_stage("01_a", run_dir=tmp_path, output_dir=tmp_path / "01_a")
    written = [first.write(name, panel) for name in names]
    second = open_stage("02_b", run_dir=tmp_path, output_dir=tmp_path / "02_b")
    read = [second.table(name) for name in names]
    for tables in (written, read):
        assert [[len(block) for block in t.blocks(rows=3)] for t in tables] == [
            [2, 3],
            [2, 3],
            [3, 2],
        ]
        for table in tables:
            pd.testing.assert_frame_equal(table.frame(), panel)
    assert second.table("outcomes", "performance").n_rows == 5


def test_a_cache_is_the_runs_and_no_output(
    tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = open_stage("01_a", run_dir=tmp_path / "r", output_dir=tmp_path / "r" / "01_a")
    umask = os.umask(0o022)
    folder = stage.cache("parts")
    os.umask(umask)
    assert folder == tmp_path / "r" / ".parts"
    assert folder.stat().st_mode & 0o777 == 0o750
    (folder / "kept").touch()
    assert stage.cache("parts") == folder
    assert (folder / "kept").is_file()
    monkeypatch.chdir(project)
    lab = open_stage("01_borrowers").cache("parts")
    assert lab == project / "data" / "runs" / "lab" / ".parts"
    assert not open_stage("02_woe_binning").has("parts")


def test_what_a_run_caches_is_not_hashed_and_stays_with_it(tmp_path: Path) -> None:
    keep = 'stage.cache("parts").joinpath(str(time.time())).touch()\nstage.output("x").touch()'
    cells = [prose("# One"), parameters_cell(), code(OPEN.format(name="01_one"))]
    write_notebook(tmp_path, "01_one", [*cells, code(f"import time\n{keep}")])
    first = run_in(tmp_path)
    assert list(read_manifest(first.run_dir)["stages"]["01_one"]["outputs"]) == ["x"]
    assert len(list((first.run_dir / ".parts").iterdir())) == 1
    assert states(run_in(tmp_path)) == ["up to date"]
    assert states(run_in(tmp_path, force=True)) == ["done"]
    assert len(list((first.run_dir / ".parts").iterdir())) == 2
    # a run that comes to nothing leaves nothing, its cache neither
    trouble = 'raise schema.DataContractError("applications", ["no"])'
    write_notebook(tmp_path, "01_one", [*cells, code(f"import time\n{keep}\n{trouble}")])
    with pytest.raises(BadInput):
        run_in(tmp_path, run="other")
    left = sorted(path.name for path in (tmp_path / "data" / "runs").iterdir())
    assert left == ["synthetic-quick", "synthetic-quick.previous"]


def test_a_missing_table_names_the_notebook_to_run_first(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project / "notebooks")
    stage = open_stage("03_models")
    with pytest.raises(TableMissing, match=r"^03_models needs `binning.json`: run 02_woe_binning"):
        stage.path("binning.json")
    with pytest.raises(TableMissing, match=r"needs `truth`: run 01_borrowers first") as caught:
        stage.table("truth")
    assert caught.value._render_traceback_() == [str(caught.value)]


def test_a_table_the_source_does_not_have_is_told_apart_from_a_notebook_not_run(
    finished: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(finished / "notebooks")
    with pytest.raises(TableMissing, match=r"source has no `truth` table \(the synthetic"):
        open_stage("03_models").table("truth")
    # nor can a notebook that would not leave it help
    shutil.copytree(finished / "notebooks", tmp_path / "notebooks")
    first = tmp_path / "data/runs/lab/01_borrowers"
    shutil.copytree(finished / "data/runs/base/01_borrowers", first)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TableMissing, match="source has no `truth` table"):
        open_stage("03_models").table("truth")
    with pytest.raises(TableMissing, match="run 02_woe_binning first"):
        open_stage("03_models").table("bins")


def test_the_tables_of_a_stage_that_failed_or_is_stale_are_not_read(tmp_path: Path) -> None:
    for name in ("01_a", "02_b"):
        folder = tmp_path / name
        open_stage(name, run_dir=tmp_path, output_dir=folder).write("t", pd.DataFrame({"x": [1]}))
    first = {"status": "done", "inputs": {}, "outputs": {"t.parquet": "new"}}
    second = {"status": "done", "inputs": {"01_a/t.parquet": "new"}, "outputs": {}}
    third = open_stage("03_c", run_dir=tmp_path, output_dir=tmp_path / "03_c")
    for record, nearest in (
        (second, "02_b"),
        ({**second, "status": "failed"}, "01_a"),
        ({**second, "inputs": {"01_a/t.parquet": "old"}}, "01_a"),
    ):
        write_manifest(tmp_path, {"stages": {"01_a": first, "02_b": record}})
        assert third.path("t.parquet") == tmp_path / nearest / "t.parquet"


def test_the_lab_builds_on_the_latest_run_until_it_has_its_own(
    finished: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    project = make_project(tmp_path)
    runs = project / "data" / "runs"
    for run, value in (("old", 1), ("new", 2)):
        for name in ("01_borrowers", "02_woe_binning"):
            out = runs / run / name
            open_stage(name, run_dir=runs / run, output_dir=out).write(
                "applications" if name[1] == "1" else "bins", pd.DataFrame({"x": [value]})
            )
        stages = {
            n: {"status": "done", "inputs": {}, "outputs": {}}
            for n in ("01_borrowers", "02_woe_binning")
        }
        write_manifest(runs / run, {"stages": stages})
        os.utime(runs / run / "manifest.json", (value, value))
    monkeypatch.chdir(project / "notebooks")
    second, third = open_stage("02_woe_binning"), open_stage("03_models")
    assert second.table("applications").frame()["x"].tolist() == [2]
    shutil.rmtree(runs / "lab" / "03_models")
    second.write("bins", pd.DataFrame({"x": [9]}))
    os.utime(runs / "old" / "manifest.json", (9, 9))  # now the latest, but not what 02 was made of
    assert third.table("bins").frame()["x"].tolist() == [9]
    assert third.table("applications").frame()["x"].tolist() == [2]
    # the first notebook done again outdates everything the run has
    open_stage("01_borrowers").write("applications", pd.DataFrame({"x": [7]}))
    shutil.rmtree(runs / "lab" / "02_woe_binning")
    assert third.table("applications").frame()["x"].tolist() == [7]
    with pytest.raises(TableMissing, match="run 02_woe_binning first"):
        third.table("bins")


def test_open_stage_refuses_half_a_place_and_a_nameless_stage(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="together, or neither"):
        open_stage("01_a", run_dir=tmp_path)
    with pytest.raises(BadInput, match="NN_name"):
        open_stage("models", run_dir=tmp_path, output_dir=tmp_path)


# -- manifest --------------------------------------------------------------------------------------


def test_a_stage_is_stale_when_what_it_read_has_changed_since() -> None:
    first = {"status": "done", "inputs": {}, "outputs": {"t": "1"}}
    second = {"status": "done", "inputs": {"01_a/t": "1"}, "outputs": {}}
    manifest = {"stages": {"01_a": first, "02_b": second}}
    assert stage_state(manifest, "02_b") == "done"
    assert stage_state(manifest, "03_c") == "not run"
    manifest["stages"]["01_a"] = {**first, "outputs": {"t": "2"}}
    assert stage_state(manifest, "02_b") == "stale"
    manifest["stages"]["01_a"] = {**first, "status": "failed"}
    assert stage_state(manifest, "02_b") == "stale"


def test_a_newer_manifest_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"schema_version": 99, "stages": {}}')
    with pytest.raises(BadInput, match="schema version 99; this riskkit reads 1"):
        read_manifest(tmp_path)


# -- folders ---------------------------------------------------------------------------------------


def test_a_second_run_is_kept_out_and_the_lock_is_free_afterwards(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "r"),
        pytest.raises(RunBusy, match="another run is working"),
        locked(tmp_path / "r"),
    ):
        pass
    with locked(tmp_path / "r"):
        pass


def test_a_result_moved_aside_by_a_killed_run_comes_back(tmp_path: Path) -> None:
    for name in (".old-01_a", ".old-02_b", "02_b", ".staging-03_c-12ab"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "name").write_text(name)
    clean_up(tmp_path, tmp_path)
    assert {p.name: (p / "name").read_text() for p in tmp_path.iterdir()} == {
        "01_a": ".old-01_a",
        "02_b": "02_b",
    }


def test_half_a_file_of_a_killed_run_is_removed(tmp_path: Path) -> None:
    run_dir, report_dir = tmp_path / "run", tmp_path / "report"
    for folder, name in ((run_dir, "manifest.json"), (report_dir, "index.html")):
        folder.mkdir()
        (folder / ".lock").touch()
        with whole(folder / name) as staging:
            staging.write_text("all")
        staging.write_text("half")  # under this name a killed one leaves it
    clean_up(run_dir, report_dir)
    assert {p.name for p in run_dir.iterdir()} == {".lock", "manifest.json"}
    assert {p.name for p in report_dir.iterdir()} == {".lock", "index.html"}


def test_a_new_result_takes_the_place_of_the_old(tmp_path: Path) -> None:
    for name in ("new", "01_a"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    swap_in(tmp_path / "new", tmp_path / "01_a")
    assert [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*")] == [
        "01_a",
        "01_a/new",
    ]


def test_a_kill_between_the_two_renames_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("new", "01_a"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    rename = Path.rename

    def killed(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise KeyboardInterrupt
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", killed)
        with pytest.raises(KeyboardInterrupt):
            swap_in(tmp_path / "new", tmp_path / "01_a")
    clean_up(tmp_path, tmp_path)
    assert (tmp_path / "01_a" / "01_a").is_file()


# -- runs ------------------------------------------------------------------------------------------


def test_a_run_leaves_tables_pages_and_a_manifest(finished: Path) -> None:
    run_dir, report_dir = finished / "data/runs/base", finished / "reports/runs/base"
    assert len(pd.read_parquet(run_dir / "01_borrowers/applications.parquet")) == 5000
    assert {p.name for p in report_dir.iterdir()} == {
        "index.html",
        "01_borrowers.html",
        "02_woe_binning.html",
        "03_models.html",
    }
    assert leftovers(run_dir) == []
    manifest = read_manifest(run_dir)
    assert manifest["status"] == "done"
    assert manifest["seeds"] == {"seed": 42}
    # what has no effect without a source is not listed
    assert manifest["stages"]["01_borrowers"]["parameters"] == {
        "seed": 42,
        "n_applicants": 5000,
        "rate": 0.5,
    }
    # what it reads, and no more
    inputs = manifest["stages"]["02_woe_binning"]["inputs"]
    assert set(inputs) == {"01_borrowers/applications.parquet"}
    for record in manifest["stages"].values():
        assert record["cell_seconds"] < record["seconds"]


def test_the_kernel_is_this_interpreter_whatever_kernels_are_installed(finished: Path) -> None:
    text = (finished / "data/runs/base/02_woe_binning/interpreter.txt").read_text()
    assert text == sys.executable


def test_only_what_a_run_left_is_shown_and_published(tmp_path: Path) -> None:
    leave = 'stage.output("doc.html").write_text("<title>Doc</title>" + "<title>" * 100_000)\n'
    leave += 'stage.key_figures({"Loans": "7"})'
    cells = [prose("# One"), parameters_cell(), code(OPEN.format(name="01_one")), code(leave)]
    write_notebook(tmp_path, "01_one", cells)
    done = run_in(tmp_path)
    folder, shown = done.run_dir / "01_one", done.report_dir
    assert (shown / "doc.html").is_file()
    # a stranger, a link and a page of another name are no documents of the run
    (folder / "02_two.html").write_text("mine")
    (folder / "evil.html").write_text("<script>")
    (folder / "host.html").symlink_to("/etc/hostname")
    assert "Loans" in pipeline.rebuild_index(done.run_dir).read_text()
    assert not any((shown / name).exists() for name in ("02_two.html", "evil.html", "host.html"))
    (folder / "key_figures.json").write_text('{"Loans": "GHOST"}')
    page = pipeline.rebuild_index(done.run_dir).read_text()
    assert "key_figures.json of this stage is not as the run left it" in page
    before = (shown / "doc.html").read_bytes()
    (folder / "doc.html").write_text("<title>Doc</title><script>")
    with pytest.raises(BadInput, match=r"doc\.html is not as run .* left it"):
        pipeline.rebuild_index(done.run_dir)
    assert (shown / "doc.html").read_bytes() == before


def test_a_copy_of_a_run_elsewhere_has_no_report_to_write(tmp_path: Path) -> None:
    cells = [prose("# One"), parameters_cell(), code(OPEN.format(name="01_one"))]
    write_notebook(tmp_path, "01_one", cells)
    done = run_in(tmp_path)
    before = done.index.read_bytes()
    shutil.copytree(done.run_dir, tmp_path / "backup" / done.run_dir.name)
    with pytest.raises(BadInput, match="its runs are in data/runs"):
        pipeline.rebuild_index(tmp_path / "backup" / done.run_dir.name)
    assert done.index.read_bytes() == before


def test_a_page_is_whole_and_loads_nothing(finished: Path) -> None:
    pages = {p.name: p.read_text() for p in (finished / "reports/runs/base").glob("*.html")}
    for text in pages.values():
        assert text.startswith('<!DOCTYPE html>\n<html lang="en">')
        scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
        hashes = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts]
        assert [f"script-src 'sha256-{own}'" in text for own in hashes] == [True]
        assert text.count("<script") == 1
        assert "staging" not in text
        assert str(finished) not in text
        sources = re.findall(r'(?:src|href)="([^"]*)"', text)
        assert all(s.startswith(("data:", "#")) or s in pages for s in sources), sources
    second = pages["02_woe_binning.html"]
    assert "import sys" not in second  # code is hidden
    assert '<h2 id="Against-the-truth">' in second
    assert "Skipped: this source has no <code>truth</code> table" in second
    assert "How close." not in second
    assert '<a rel="prev" href="01_borrowers.html">← Who borrows</a>' in second
    assert '<a rel="next" href="03_models.html">Models →</a>' in second
    assert "what goes wrong" in second
    third = pages["03_models.html"]
    assert "written to 03_models" in third
    assert re.search(r"""<img alt=(['"])Bad rate by ("|&quot;)channel\2\1 src="data:image""", third)
    assert re.search(r'<pre class="wide muted"[^>]*>notebook cell:\d+: UserWarning: mind', third)
    first = pages["01_borrowers.html"]
    assert ">n_applicants<" in first
    assert not re.search(">(root|source|max_applications)<", first)
    index = pages["index.html"]
    assert "<h1>Synthetic lender</h1>" in index
    assert "<title>Synthetic lender · riskkit</title>" in index
    assert re.search(r"<dt>Run</dt>\s*<dd>base</dd>", index)
    for shown in ("Decides <strong>whom</strong>", "6.1 %", "5,000", "All 3 stages are done"):
        assert shown in index


def test_the_index_shows_what_can_be_read_of_a_stages_findings(
    finished: Path, tmp_path: Path
) -> None:
    run_dir = tmp_path / "run"
    shutil.copytree(finished / "data/runs/base", run_dir)
    manifest = json.loads((run_dir / "manifest.json").read_text())
    notebooks = find_notebooks(finished)
    stage = run_dir / "02_woe_binning"
    good = {"topic": "Drift", "text": "a <b>feature</b> moved", "red": False}
    for told in ([good, {"topic": "lost"}], [good, None]):
        (stage / "findings.json").write_text(json.dumps(told))
        (stage / "key_figures.json").write_text("[1, 2]")
        index = index_page(manifest, notebooks, run_dir, tmp_path)
        assert "a &lt;b&gt;feature&lt;/b&gt; moved" in index
        assert "findings.json of this stage cannot be read, or not all of it" in index
        lost = index.index("of this stage cannot be read")
        assert lost < index.index("a &lt;b&gt;feature&lt;/b&gt; moved")  # red first
    (stage / "findings.json").unlink()
    index = index_page(manifest, notebooks, run_dir, tmp_path)
    assert "of this stage cannot be read" not in index


def test_the_index_says_until_when_the_data_reach_and_whether_loans_are_others(
    finished: Path, tmp_path: Path
) -> None:
    run_dir = tmp_path / "run"
    shutil.copytree(finished / "data/runs/base", run_dir)
    manifest = json.loads((run_dir / "manifest.json").read_text())
    notebooks = find_notebooks(finished)
    until = "31 December 2024; judged on applications in July 2023"
    figures = {"Data until": until, "AUC": "0.751 (0.70 to 0.80)"}
    (run_dir / "02_woe_binning" / "key_figures.json").write_text(json.dumps(figures))
    earlier = manifest | {"started": "2020-01-01T00:00:00+00:00"}
    told = {"02_woe_binning": {"Data until": until, "AUC": "0.732"}}
    line = {"started": earlier["started"], "finished": earlier["started"], "figures": told}
    (run_dir / "history.jsonl").write_text(json.dumps(line) + "\n")
    kept = previous_of(run_dir)
    kept.mkdir()
    index = index_page(manifest, notebooks, run_dir, tmp_path)
    lead = re.search('<p class="lead">(.*?)</p>', index, re.DOTALL)
    assert lead is not None
    assert f"Data until: {until}. " in lead[1]
    assert index.count(until) == 2  # and among the facts, but not among the figures
    manifest["stages"]["02_woe_binning"]["outputs"]["samples.parquet"] = "now"
    for then, are_others in (("now", False), ("then", True)):
        earlier = json.loads(json.dumps(manifest)) | {"started": earlier["started"]}
        earlier["stages"]["02_woe_binning"]["outputs"]["samples.parquet"] = then
        (kept / "manifest.json").write_text(json.dumps(earlier))
        index = index_page(manifest, notebooks, run_dir, tmp_path)
        assert "+0.019" in index
        assert ("change, other loans" in index) == are_others
        assert ("which was made on other loans" in index) == are_others
    # of a run that is not kept nobody knows
    shutil.rmtree(kept)
    assert "other loans" not in index_page(manifest, notebooks, run_dir, tmp_path)


FOUND = """
told = [("Drift", "a <b>feature</b> moved", False), ("Leak", "one", True), ("Leak", "two", True)]
told += [("Old", "elsewhere", False)]
stage.findings(told)
"""
LIMITS = """
findings:
  Leak: {owner: <i>Head of data</i>, to_do: Show when it was known., within_days: 7}
  Drift: {owner: Head of monitoring, to_do: Find what moved., within_days: 30}
"""


def with_findings(project: Path) -> Path:
    opened = [prose("# One"), parameters_cell(), code(OPEN.format(name="01_one"))]
    cells = [*opened, prose("## What's `in` it?")]
    write_notebook(project, "01_one", cells)
    (project / "data").mkdir()
    cells = [prose("# Two"), parameters_cell(), code(OPEN.format(name="02_two"))]
    cells += [prose("### Does it leak?"), code(FOUND), prose("## Conclusion")]
    places = {"Leak": "Does it leak?", "Drift": "01_one#What's in it?", "Old": "Nowhere"}
    write_notebook(project, "02_two", cells, findings=places)
    return project


def findings_on(index: Path) -> list[str]:
    """Words of each finding of the front page, one line each."""
    items = re.findall(r"<li>\n<p><span class=.light.*?</li>", index.read_text(), re.DOTALL)
    return [" ".join(re.sub("<[^>]+>", " ", item).split()) for item in items]


def test_a_finding_has_its_owner_its_day_and_its_place(tmp_path: Path) -> None:
    project = with_findings(tmp_path)
    (project / "data" / "limits.yaml").write_text(LIMITS)
    result = run_in(project)
    manifest = read_manifest(result.run_dir) | {"finished": "2026-11-29T23:00:00+00:00"}
    write_manifest(result.run_dir, manifest)
    pipeline.rebuild_index(result.run_dir)
    # topics that share a light stand once; what nobody owns comes first
    assert findings_on(result.index) == [
        "red Leak : one two &lt;i&gt;Head of data&lt;/i&gt; , by 6 December 2026 : "
        "Show when it was known.",
        "amber Old : elsewhere no owner named (data/limits.yaml)",
        "amber Drift : a &lt;b&gt;feature&lt;/b&gt; moved Head of monitoring , by 29 December 2026 "
        ": Find what moved.",
    ]
    page = result.index.read_text()
    said = "Of what was found, 1 is red and 2 amber. The first is due by 6 December 2026. 1 of"
    assert f"{said} them have no owner." in page
    links = dict(re.findall(r'<a href="([^"]+)">(Leak|Old|Drift)</a>', page))
    assert links == {
        "02_two.html#Does-it-leak?": "Leak",
        "02_two.html": "Old",
        "01_one.html#What&#39;s-in-it?": "Drift",
    }
    for link in links:
        name, _, anchor = html.unescape(link).partition("#")
        shown = html.unescape((result.report_dir / name).read_text())
        assert not anchor or f'id="{anchor}"' in shown
    told = json.loads((result.run_dir / "02_two" / "findings.json").read_text())
    assert {row["topic"]: row["section"] for row in told} == find_notebooks(project)[1].findings


def test_another_limits_file_makes_another_front_page_and_runs_no_stage(tmp_path: Path) -> None:
    project = with_findings(tmp_path)
    result = run_in(project)
    nobody = "no owner named (data/limits.yaml)"
    assert [line.count(nobody) for line in findings_on(result.index)] == [1, 1, 1]
    assert "3 of them have no owner." in result.index.read_text()
    (project / "data" / "limits.yaml").write_text(LIMITS)
    assert states(run_in(project)) == ["up to date"] * 2
    assert [line.count(nobody) for line in findings_on(result.index)] == [0, 1, 0]
    (project / "data" / "limits.yaml").write_text(LIMITS.replace("Head of mon", "Desk of mon"))
    pipeline.rebuild_index(result.run_dir)
    assert "Desk of monitoring" in result.index.read_text()
    # a link to nowhere is no absent file
    (project / "data" / "limits.yaml").unlink()
    (project / "data" / "limits.yaml").symlink_to("nowhere.yaml")
    with pytest.raises(DataContractError, match=r"limits\.yaml"):
        run_in(project)


@pytest.mark.parametrize("command", ["run", "report"])
def test_a_limits_file_that_cannot_be_stops_what_would_use_it(tmp_path: Path, command: str) -> None:
    project = with_findings(tmp_path)
    done = run_in(project)
    before = bytes_below(project / "data" / "runs") | bytes_below(project / "reports")
    (project / "data" / "limits.yaml").write_text(LIMITS.replace("within_days: 7", "in_days: 7"))
    given = ["report", str(done.run_dir)]
    if command == "run":
        given = ["run", "--project", str(project), "--profile", "quick", "--force"]
    result = CliRunner().invoke(cli.app, given)
    assert result.exit_code == 2
    assert "limits.yaml" in result.stderr
    assert "findings.Leak.in_days: unknown key; did you mean 'within_days'?" in result.stderr
    assert before == bytes_below(project / "data" / "runs") | bytes_below(project / "reports")


def test_findings_of_an_older_run_and_of_no_project_have_no_section(tmp_path: Path) -> None:
    stage = open_stage("03_models", run_dir=tmp_path, output_dir=tmp_path / "03_models")
    said = stage.findings([("Drift", "it moved", False), ("Leak", "*one*", True)])
    assert said == "- red: **Leak**, \\*one\\*\n- amber: **Drift**, it moved"
    rows = findings_in(tmp_path / "03_models")
    assert [(row.topic, row.section) for row in rows] == [("Leak", ""), ("Drift", "")]
    old = [{"topic": "Drift", "text": "it moved", "red": False}]
    (tmp_path / "03_models" / "findings.json").write_text(json.dumps(old))
    assert findings_in(tmp_path / "03_models") == [Finding("Drift", "it moved", False)]
    spoiled = [old[0] | {"section": 7}]
    (tmp_path / "03_models" / "findings.json").write_text(json.dumps(spoiled))
    (lost,) = findings_in(tmp_path / "03_models")
    assert (lost.topic, lost.red) == ("Files of the run", True)


def test_equal_runs_give_equal_bytes(finished: Path) -> None:
    run_in(finished, run="again")
    for folder, pattern in (("data", "*.parquet"), ("reports", "0*.html")):
        one = bytes_below(finished / folder / "runs/base", pattern)
        two = bytes_below(finished / folder / "runs/again", pattern)
        assert one == two
        assert one


def test_what_is_up_to_date_is_not_run_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert states(run_in(project)) == ["done", "done", "done"]
    tables = project / "data/runs/synthetic-quick"
    before = {p: p.stat().st_ino for p in tables.rglob("*.parquet")}
    assert states(run_in(project)) == ["up to date"] * 3
    assert {p: p.stat().st_ino for p in tables.rglob("*.parquet")} == before
    index = (project / "reports/runs/synthetic-quick/index.html").read_text()
    assert index.count("up to date") == 3
    # a page or an output that has changed, another parameter, another notebook
    (project / "reports/runs/synthetic-quick/03_models.html").write_text("")
    assert states(run_in(project)) == ["up to date", "up to date", "done"]
    (tables / "02_woe_binning/binning.json").write_text("{}")
    assert states(run_in(project)) == ["up to date", "done", "up to date"]
    assert states(run_in(project, parameters={"trouble": "none"}))[:2] == ["up to date", "done"]
    path = project / "notebooks/03_models.ipynb"
    path.write_text(path.read_text().replace("# Models", "# Models!"))
    assert states(run_in(project, parameters={"trouble": "none"})) == ["up to date"] * 2 + ["done"]
    assert states(run_in(project, only="03", force=True)) == ["done"]
    monkeypatch.setattr(runner, "package_hash", lambda: "another")
    assert states(run_in(project, only="03")) == ["done"]


def test_running_one_stage_makes_later_ones_stale_and_needs_the_earlier(project: Path) -> None:
    with pytest.raises(BadInput, match="03_models needs 01_borrowers, which is not run in run"):
        run_in(project, start="03")
    assert not (project / "data").exists()
    run_in(project, "01", "02")
    assert states(run_in(project, start="03")) == ["done"]
    assert states(run_in(project, only=1, parameters={"seed": "7"})) == ["done"]
    index = (project / "reports/runs/synthetic-quick/index.html").read_text()
    assert "Out of date, because an earlier stage has changed since: Bins, Models." in index
    # a what-if must not pass for the nightly report
    assert re.search(r"other than the notebooks’ own.*?>seed</th><td>7</td>", index, re.DOTALL)
    with pytest.raises(BadInput, match="03_models needs 02_woe_binning, which is stale"):
        run_in(project, only="03", parameters={"seed": 7})
    run_in(project, "02", "03", parameters={"seed": 7})
    with pytest.raises(BadInput, match="seed is 42, but 01_borrowers ran with 7"):
        run_in(project, only="03")
    with pytest.raises(BadInput, match="neighbours; 02_woe_binning would be out of date"):
        run_in(project, "01", "03")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"parameters": {"sede": 1}}, "did you mean seed?"),
        ({"parameters": {"seed": "x"}}, "seed must be a whole number"),
        ({"parameters": {"output_dir": "/tmp"}}, "set by the runner"),
        ({"parameters": {"n_applicants": 0}}, "n_applicants must be >= 1"),
        ({"parameters": {"seed": -1}}, "seed must be >= 0"),
        ({"parameters": {"rate": 1}, "only": "02"}, "rate is no parameter of 02_woe"),
        ({"profile": "huge"}, "no profile 'huge'; there are quick, default"),
        ({"source": "none.yaml"}, "no source mapping at"),
        ({"root": "somewhere"}, "give it with a source"),
        ({"parameters": {"max_applications": 9}}, "give it with a source"),
        ({"parameters": {"source": "a.yaml", "seed": 1}}, "seed is for the simulated lender; a"),
        ({"parameters": {"source": "a.yaml", "max_applications": -1}}, "must be >= 0, got -1"),
        ({"only": "09"}, "no stage '09'"),
        ({"only": "01", "start": "02"}, "give one of"),
        ({"run": "../up"}, "a run's name is"),
        ({"run": "lab"}, "a run's name is"),
        ({"run": "x" * 101}, "a run's name is at most 100 letters"),
        ({"timeout_seconds": 0}, "must be > 0"),
    ],
)
def test_bad_usage_is_refused_before_anything_is_written(
    finished: Path, settings: dict[str, Any], message: str
) -> None:
    before = sorted(finished.rglob("*"))
    with pytest.raises(BadInput, match=re.escape(message)):
        run_in(finished, **{"run": "bad", **settings})
    assert sorted(finished.rglob("*")) == before


def test_a_failed_stage_leaves_its_page_and_notebook_and_stops_the_run(project: Path) -> None:
    result = run_in(project, parameters={"trouble": "error"}, run="r")
    assert result.exit_code == 1
    assert states(result) == ["done", "failed", "not run"]
    assert result.failure is not None
    assert result.failure.name == "RuntimeError"
    assert leftovers(result.run_dir) == []
    assert not (result.run_dir / "02_woe_binning").exists()
    page = (result.report_dir / "02_woe_binning.html").read_text()
    assert page.index("This stage failed in “Where it hurts”") < page.index("<h1")
    assert "RuntimeError: what it says may hold a password and is not shown" in page
    kept = nbformat.read(result.report_dir / "02_woe_binning.failed.ipynb", as_version=4)
    nbformat.validate(kept)
    assert "This stage failed" in kept.cells[0].source
    everything = b"".join(bytes_below(project / "reports").values())
    everything += (result.run_dir / "manifest.json").read_bytes()
    assert b"s3cret" not in everything
    assert b"anna" not in everything
    # put right, it goes on where it stopped
    assert states(run_in(project, run="r")) == ["up to date", "done", "done"]
    assert not (result.report_dir / "02_woe_binning.failed.ipynb").exists()


WRITE = """
title = "Card &amp; <b>more</b>" if words != "none" else ""
page = f"<title>{title}</title><p>{words}, that is all</p>"
if words == "error":
    raise RuntimeError(words)
stage.output(file).write_text(page)
"""


def with_document(project: Path) -> Path:
    parameters = ('words = "one"  # what it says', 'file = "card.html"', "share = 0.5")
    cells = [prose("# Models"), parameters_cell(*parameters)]
    cells += [code(OPEN.format(name="01_models")), code(WRITE)]
    write_notebook(project, "01_models", cells)
    return project


def test_a_document_is_shown_beside_its_page_and_stays_as_long_as_it_holds(tmp_path: Path) -> None:
    project = with_document(tmp_path)
    result = run_in(project)
    shown = result.report_dir / "card.html"
    made = result.run_dir / "01_models" / "card.html"
    link = '<a href="card.html">Card &amp; &lt;b&gt;more&lt;/b&gt;</a>'
    pages = [result.index, result.report_dir / "01_models.html"]
    assert "<p>one, that is all</p>" in shown.read_text()
    assert [link in page.read_text() for page in pages] == [True, True]
    names = {"card.html", "index.html", "01_models.html"}
    assert {p.name for p in result.report_dir.iterdir()} == names
    # not run again, it stays; lost or changed, it comes back
    before = shown.stat().st_ino, shown.read_text()
    assert states(run_in(project)) == ["up to date"]
    assert (shown.stat().st_ino, shown.read_text()) == before
    for harm in (shown.unlink, lambda: shown.write_text("another")):
        harm()
        assert states(run_in(project)) == ["up to date"]
        assert shown.read_text() == before[1]
        assert link in result.index.read_text()
    shown.unlink()
    pipeline.rebuild_index(result.run_dir)
    assert shown.read_text() == before[1]
    assert link in result.index.read_text()
    # run again, it is replaced; under another name, the old one goes
    assert states(run_in(project, parameters={"words": "two"})) == ["done"]
    assert "<p>two" in shown.read_text()
    run_in(project, parameters={"words": "none", "file": "other.html"})
    assert not made.exists()
    assert {p.name for p in result.report_dir.iterdir()} == names - {"card.html"} | {"other.html"}
    assert '<a href="other.html"></a>' not in result.index.read_text()
    assert '<a href="other.html">other</a>' in result.index.read_text()


def test_a_document_for_word_is_published_as_its_page_is(tmp_path: Path) -> None:
    leave = 'stage.output("doc.html").write_text("<title>Doc</title>")\n'
    leave += 'stage.output("doc.docx").write_bytes(b"a \\xff document")\n'
    leave += 'if both: stage.output("alone.docx").write_bytes(b"2")'
    cells = [prose("# One"), parameters_cell("both = True"), code(OPEN.format(name="01_one"))]
    write_notebook(tmp_path, "01_one", [*cells, code(leave)])
    done = run_in(tmp_path)
    folder, shown = done.run_dir / "01_one", done.report_dir / "doc.docx"
    links = '<a href="alone.docx">alone (Word)</a> · <a href="doc.html">Doc</a> · '
    links += '<a href="doc.docx">Doc (Word)</a>'
    for page in (done.index, done.report_dir / "01_one.html"):
        assert links in page.read_text()
    assert shown.read_bytes() == b"a \xff document"
    # what no manifest holds, and a link, are no documents of the run
    (folder / "mine.docx").write_bytes(b"mine")
    (folder / "host.docx").symlink_to("/etc/hostname")
    shown.write_bytes(b"another")
    pipeline.rebuild_index(done.run_dir)
    assert {p.name for p in done.report_dir.glob("*.docx")} == {"doc.docx", "alone.docx"}
    assert shown.read_bytes() == b"a \xff document"
    (folder / "doc.docx").write_bytes(b"altered")
    with pytest.raises(BadInput, match=r"doc\.docx is not as run .* left it"):
        pipeline.rebuild_index(done.run_dir)
    assert shown.read_bytes() == b"a \xff document"
    for strange in ("mine.docx", "host.docx"):
        (folder / strange).unlink()
    assert states(run_in(tmp_path, parameters={"both": False})) == ["done"]
    assert {p.name for p in done.report_dir.glob("*.docx")} == {"doc.docx"}


def test_documents_that_name_their_run_do_not_tell_equal_runs_apart(tmp_path: Path) -> None:
    leave = 'stage.output("doc.html").write_text(stage.run)\n'
    leave += 'stage.output("doc.docx").write_text(stage.run)\nstage.key_figures({"a": "1"})'
    cells = [prose("# One"), parameters_cell(), code(OPEN.format(name="01_one")), code(leave)]
    write_notebook(tmp_path, "01_one", cells)
    one, other = (run_in(tmp_path, run=name) for name in ("one", "other"))
    assert (one.report_dir / "doc.html").read_text() == "one"
    assert (other.report_dir / "doc.docx").read_text() == "other"
    hashes = [pipeline.open_run(run.run_dir).hashes() for run in (one, other)]
    assert hashes[0] == hashes[1]
    assert set(hashes[0]) == {"01_one/key_figures.json"}


def test_a_failed_stage_shows_no_document_as_its_own(tmp_path: Path) -> None:
    project = with_document(tmp_path)
    result = run_in(project)
    assert states(run_in(project, parameters={"words": "error"})) == ["failed"]
    for page in (result.index, result.report_dir / "01_models.html"):
        assert 'href="card.html"' not in page.read_text()
    # what the last success left is still there
    assert "<p>one" in (result.report_dir / "card.html").read_text()
    # nor does the index link to what nobody has put there
    (result.report_dir / "card.html").unlink()
    write_manifest(result.run_dir, read_manifest(result.run_dir) | {"stages": {}})
    pipeline.rebuild_index(result.run_dir)
    assert "card.html" not in result.index.read_text()


@pytest.mark.parametrize("name", ["index.html", "04_cutoffs.html"])
def test_a_document_may_not_take_the_name_of_a_page(tmp_path: Path, name: str) -> None:
    stage = open_stage("03_models", run_dir=tmp_path, output_dir=tmp_path / "03_models")
    with pytest.raises(BadInput, match=f"{name} is a page of the report"):
        stage.output(name)
    assert stage.output("04_cutoffs.json") == tmp_path / "03_models" / "04_cutoffs.json"


def test_a_stage_tells_its_parameters_and_the_hashes_of_files(tmp_path: Path) -> None:
    project = with_document(tmp_path)
    run_dir = project / "data/runs/r"
    stage = open_stage("01_models", run_dir=run_dir, output_dir=run_dir / "01_models")
    variables = {"words": "", "file": "a.html", "share": 0.25, "run_dir": "x", "other": 1}
    table = stage.parameters(variables)
    assert table["value"].to_dict() == {"words": "–", "file": "a.html", "share": "0.25"}
    assert table.loc["words", "meaning"] == "what it says"
    assert table.index.name == "parameter"
    (run_dir / "01_models" / "old.json").write_text("old")
    (run_dir / "01_models" / "both.json").write_text("old")
    later = open_stage("02_more", run_dir=run_dir, output_dir=run_dir / "02_more")
    later.output("both.json").write_text("new")
    hashes = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("old", "new")}
    assert later.hashes("old.json", "both.json") == {
        "old.json": hashes["old"],
        "both.json": hashes["new"],
    }
    with pytest.raises(TableMissing):
        later.hashes("absent.json")


def test_a_stage_that_fails_keeps_the_tables_of_its_last_success(project: Path) -> None:
    done = run_in(project, "01", "02")
    before = bytes_below(done.run_dir / "02_woe_binning")
    for trouble, how in (
        ("die", "ended by itself with code 9"),
        ("crash", "ended on signal SIGSEGV, so a compiled library has crashed"),
    ):
        assert run_in(project, parameters={"trouble": trouble}).exit_code == 1
        assert bytes_below(done.run_dir / "02_woe_binning") == before
        index = html.unescape(done.index.read_text())
        assert f"KernelDied: the notebook's process {how}" in index
        assert "Failed at “Bins”" in index


def test_data_that_break_the_contract_are_bad_input_and_nothing_is_written(project: Path) -> None:
    with pytest.raises(BadInput, match="amount: 3 rows below 0"):
        run_in(project, parameters={"trouble": "contract"})
    assert [p.name for p in project.iterdir()] == ["notebooks"]
    done = run_in(project, "01", "02")
    logs = [done.run_dir.relative_to(project).joinpath(name).as_posix() for name in LOGS]
    before = bytes_below(project)
    with pytest.raises(BadInput, match="amount: 3 rows below 0"):
        run_in(project, parameters={"trouble": "contract"})
    after = bytes_below(project)
    for log in logs:  # which says so, and nothing else does
        assert b"refused" in after.pop(log).removeprefix(before.pop(log))
    assert after == before
    assert leftovers(done.run_dir) == []


def test_the_time_limit_is_on_the_stage_as_a_whole(tmp_path: Path) -> None:
    sleepy = [code("import time\ntime.sleep(0.9)") for _ in range(20)]
    write_notebook(tmp_path, "01_slow", [prose("# Slow"), *sleepy])
    result = run_in(tmp_path, timeout_seconds=2.5)
    assert result.failure is not None
    assert str(result.failure) == "TimeLimit: the stage took longer than 2.5 seconds"
    node = nbformat.read(result.report_dir / "01_slow.failed.ipynb", as_version=4)
    reached = [c for c in node.cells if c.cell_type == "code" and c.execution_count]
    assert len(reached) < 10


def test_a_need_is_met_by_what_the_notebook_itself_has_written(tmp_path: Path) -> None:
    write_notebook(
        tmp_path,
        "01_borrowers",
        [
            prose("# Borrowers"),
            parameters_cell(),
            code(OPEN.format(name="01_borrowers")),
            code('stage.write("truth", pd.DataFrame({"x": [1]}))'),
            code('print("truth is here")', "needs:truth"),
            code('print("panel is here")', "needs:performance"),
        ],
    )
    result = run_in(tmp_path)
    page = (result.report_dir / "01_borrowers.html").read_text()
    assert "truth is here" in page
    assert "panel is here" not in page
    assert "no <code>performance</code> table" in page


def test_a_section_may_need_one_column_of_a_table(tmp_path: Path) -> None:
    opening = prose("# Borrowers"), parameters_cell(), code(OPEN.format(name="01_borrowers"))
    write_notebook(
        tmp_path,
        "01_borrowers",
        [*opening, code('stage.write("applications", pd.DataFrame({"applied_at": [1]}))')],
        leaves=["applications"],
    )
    cells = [
        prose("# Bins"),
        parameters_cell(),
        code(OPEN.format(name="02_bins")),
        code('print("dates are here")', "needs:applications.applied_at"),
        prose("## By term\n\nThe mix.", "needs:applications.term_months"),
        code('print("terms are here")', "needs:applications.term_months"),
    ]
    write_notebook(tmp_path, "02_bins", cells)
    page = (run_in(tmp_path).report_dir / "02_bins.html").read_text()
    assert "dates are here" in page
    assert "terms are here" not in page
    assert "The mix." not in page
    assert (
        "Skipped: this source has no <code>term_months</code> (the months over which a loan is "
        "repaid) in its <code>applications</code>." in page
    )


def test_an_error_stops_the_run_though_jupyterlab_would_go_on(tmp_path: Path) -> None:
    cells = [code("1 / 0", "raises-exception"), code("print('went on')")]
    write_notebook(tmp_path, "01_borrowers", [prose("# Borrowers"), *cells])
    result = run_in(tmp_path)
    assert result.exit_code == 1
    assert str(result.failure) == "ZeroDivisionError: division by zero"
    assert "went on" not in (result.report_dir / "01_borrowers.html").read_text()


def test_a_source_is_hashed_into_the_cache_and_its_path_is_not_in_the_page(
    project: Path,
    tmp_path: Path,
    own_source: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mapping = own_source().rename(tmp_path / "bank.yaml")
    monkeypatch.chdir(tmp_path)

    def again(*stages: str, **settings: Any) -> pipeline.RunResult:
        return run_in(project, *(stages or ("01",)), **settings)

    own = {"source": "bank.yaml", "root": "."}
    first = again(**own)
    assert first.run_dir.name == "mine-quick"  # its name, not the file's
    assert states(again(**own)) == ["up to date"]
    data = tmp_path / "loans.csv"
    data.write_text(data.read_text().replace("3000", "3001"))
    assert states(again(**own)) == ["done"]
    index = first.index.read_text()
    for shown in ("<h1>My loans</h1>", "<title>My loans · riskkit</title>", "<dd>mine-quick</dd>"):
        assert shown in index
    # what is for the simulated lender only is not listed
    manifest = read_manifest(first.run_dir)
    assert manifest["seeds"] == {"seed": 42}  # of 03, which simulates nothing
    assert manifest["stages"]["01_borrowers"]["parameters"] == {
        "rate": 0.5,
        "source": "bank.yaml",
        "root": ".",
        "max_applications": 5000,
    }
    assert ">n_applicants<" not in (first.report_dir / "01_borrowers.html").read_text()
    # a later stage, which takes no source, does not make it another lender's
    assert states(again("02", run="mine-quick")) == ["done"]
    manifest = read_manifest(first.run_dir)
    assert (manifest["title"], manifest["source"]) == ("My loans", "bank.yaml")
    assert "<h1>My loans</h1>" in first.index.read_text()
    whole_source = again(profile="default", **own)
    assert whole_source.run_dir.name == "mine-default"
    shown = read_manifest(whole_source.run_dir)["stages"]["01_borrowers"]["parameters"]
    assert shown["max_applications"] == 0
    for path in first.report_dir.iterdir():
        assert str(tmp_path) not in path.read_text()
    assert str(tmp_path) not in (first.run_dir / "manifest.json").read_text()
    assert mapping.is_file()


def test_what_a_database_holds_is_never_up_to_date(
    project: Path, own_source: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    block = {
        "sql": {"url_env": "MY_BOOK", "query": "SELECT * FROM loans"},
        "columns": OWN_MAPPING["applications"]["columns"],
    }
    monkeypatch.setenv("MY_BOOK", "sqlite:///never.read")
    source = own_source({**OWN_MAPPING, "applications": block})
    for _ in range(2):
        assert states(run_in(project, "01", source=source)) == ["done"]


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("My loans 2024", "My_loans_2024-quick"),
        ("消费贷", "消费贷-quick"),
        ("../up", ""),
        ("", ""),
    ],
)
def test_the_mappings_name_makes_the_runs_name_or_is_refused(
    project: Path, own_source: Callable[..., Path], name: str, folder: str
) -> None:
    source = own_source({**OWN_MAPPING, "name": name})
    if folder:
        assert run_in(project, "01", source=source).run_dir.name == folder
        return
    with pytest.raises(DataContractError, match="name: "):
        run_in(project, "01", source=source)
    assert not (project / "data").exists()


# -- signals ---------------------------------------------------------------------------------------

WRITER = """
import time
for i in range(600):
    stage.output("orphan.txt").write_text(str(i))
    time.sleep(0.05)
"""


def start_runner(project: Path) -> subprocess.Popen[bytes]:
    # whatever is ignored where the tests run, as under nohup
    heard = "import signal as s; s.signal(s.SIGHUP, s.SIG_DFL); "
    heard += "s.signal(s.SIGINT, s.default_int_handler); from riskkit import cli; cli.main()"
    command = [sys.executable, "-c", heard, "run", "--run", "r", "--project", str(project)]
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def wait_for(condition: Callable[[], Any], seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    pytest.fail("waited in vain")


@pytest.fixture
def writing(tmp_path: Path) -> Path:
    """A project with one stage done, and its notebook now one that writes for half a minute."""
    start = [prose("# Writer"), parameters_cell(), code(OPEN.format(name="01_writer"))]
    write_notebook(
        tmp_path, "01_writer", [*start, code('stage.write("t", pd.DataFrame({"x": [1]}))')]
    )
    assert run_in(tmp_path, run="r").exit_code == 0
    write_notebook(tmp_path, "01_writer", [*start, code(WRITER)])
    return tmp_path


def orphan(project: Path) -> list[Path]:
    return list((project / "data/runs/r").glob(".staging-*/orphan.txt"))


def test_a_killed_runner_harms_no_result_and_no_later_run(
    writing: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path_factory.mktemp("scratch")
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    run_dir = writing / "data/runs/r"
    before = bytes_below(run_dir / "01_writer")
    page = (writing / "reports/runs/r/01_writer.html").read_bytes()
    runner = start_runner(writing)
    wait_for(lambda: orphan(writing))
    runner.send_signal(signal.SIGKILL)
    runner.wait()  # the kernel lives on for up to a second, and writes
    assert bytes_below(run_dir / "01_writer") == before
    assert (writing / "reports/runs/r/01_writer.html").read_bytes() == page
    assert len(list(scratch.glob("riskkit.*"))) == 1
    write_notebook(writing, "01_writer", [prose("# Writer"), parameters_cell(), code("1 + 1")])
    assert run_in(writing, run="r").exit_code == 0
    assert bytes_below(run_dir / "01_writer") == {}
    assert list(scratch.glob("riskkit.*")) == []


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 143)]
)
def test_an_interrupted_runner_tidies_up(writing: Path, number: int, code: int) -> None:
    run_dir = writing / "data/runs/r"
    before = bytes_below(run_dir / "01_writer")
    runner = start_runner(writing)
    wait_for(lambda: orphan(writing))
    with pytest.raises(RunBusy):
        run_in(writing, run="r")
    children = Path(f"/proc/{runner.pid}/task/{runner.pid}/children")
    kernels = children.read_text().split() if children.exists() else []
    runner.send_signal(number)
    assert runner.wait(timeout=30) == code
    assert leftovers(run_dir) == []
    assert bytes_below(run_dir / "01_writer") == before
    assert read_manifest(run_dir)["status"] == "interrupted"
    assert not [pid for pid in kernels if Path(f"/proc/{pid}/cmdline").exists()]


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with pipeline.stoppable():
            os.kill(os.getpid(), signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) != signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_somebody_put_into_a_stage_is_not_removed(tmp_path: Path) -> None:
    cells = [prose("# One"), parameters_cell(), code(OPEN.format(name="01_one"))]
    write_notebook(tmp_path, "01_one", [*cells, code('stage.output("x").touch()')])
    folder = run_in(tmp_path).run_dir / "01_one"
    (folder / "my notes.txt").write_text("mine")
    with pytest.raises(BadInput, match=r"holds 'my notes\.txt', which no run has left there"):
        run_in(tmp_path)
    assert (folder / "my notes.txt").read_text() == "mine"
    (folder / "my notes.txt").unlink()
    (folder / "x").unlink()
    assert states(run_in(tmp_path)) == ["done"]


def test_what_a_run_writes_is_for_owner_and_group(tmp_path: Path) -> None:
    cells = [prose("# One"), parameters_cell(), code(OPEN.format(name="01_one"))]
    leave = 'stage.write("t", pd.DataFrame({"x": [1]}))\nstage.key_figures({"a": "b"})'
    write_notebook(tmp_path, "01_one", [*cells, code(leave)])
    result = run_in(tmp_path)
    for above in (result.run_dir, result.report_dir):
        assert stat.S_IMODE(above.stat().st_mode) == 0o750
        for path in above.rglob("*"):
            expected = 0o750 if path.is_dir() else 0o640
            assert stat.S_IMODE(path.stat().st_mode) == expected, path


OUTSIDE = (
    b"""{"schema_version": 1, "stages": {"01_one": {"status": "failed", "outputs": {"%s": ""}}}}"""
)
ODD_MANIFESTS = [
    b"",
    b"[]",
    b"{}",
    b"\xff",
    b"[" * 100_000,
    b'{"schema_version": 1}',
    b'{"schema_version": "1", "stages": {}}',
    b'{"schema_version": true, "stages": {}}',
    b'{"schema_version": 0, "stages": {}}',
    b'{"schema_version": 2, "stages": {}}',
    b'{"schema_version": 1, "stages": []}',
    b'{"schema_version": 1, "stages": {"01_one": []}}',
    b'{"schema_version": 1, "stages": {"01_one": {}}}',
    b'{"schema_version": 1, "stages": {"01_one": {"status": "done"}}}',
    b'{"schema_version": 1, "stages": {"01_one": {"status": 7}}}',
    b'{"schema_version": 1, "stages": {"01_one": {"status": "failed", "outputs": {"x": 1}}}}',
    b'{"schema_version": 1, "stages": {"../../x": {"status": "failed"}}}',
    OUTSIDE % b"../a.html",
    OUTSIDE % b"/a.html",
    b'{"schema_version": 1, "stages": {}, "seeds": {"seed": NaN}}',
    b'{"schema_version": 1, "schema_version": 1, "stages": {}}',
    b'{"schema_version": 1, "stages": {}, "more": 1}',
    b'{"schema_version": 1, "stages": {}, "title": ["a"]}',
]


@pytest.mark.parametrize("content", ODD_MANIFESTS, ids=range(len(ODD_MANIFESTS)))
def test_a_manifest_that_is_none_is_bad_input(tmp_path: Path, content: bytes) -> None:
    write_notebook(tmp_path, "01_one", [prose("# One"), parameters_cell()])
    run_dir = tmp_path / "data/runs/synthetic-quick"
    run_dir.mkdir(parents=True)
    (run_dir / "manifest.json").write_bytes(content)
    for job in (lambda: run_in(tmp_path), lambda: rebuild_index(run_dir)):
        with pytest.raises(BadInput, match="manifest"):
            job()
    assert (run_dir / "manifest.json").read_bytes() == content


def test_a_manifest_that_says_too_little_makes_no_page(tmp_path: Path) -> None:
    write_notebook(tmp_path, "01_one", [prose("# One"), parameters_cell()])
    run_dir = tmp_path / "data/runs/r"
    run_dir.mkdir(parents=True)
    (run_dir / "manifest.json").write_text('{"schema_version": 1, "stages": {}}')
    with pytest.raises(BadInput, match="does not say on what the run was made"):
        rebuild_index(run_dir)


def test_an_address_in_one_text_and_a_mail_in_another_are_no_credentials(tmp_path: Path) -> None:
    kinds = ('see = ""', 'by = ""')
    write_notebook(tmp_path, "01_one", [prose("# One"), parameters_cell(*kinds)])
    given = {"see": "https://example.org", "by": "anna@example.org"}
    for _ in range(2):
        assert run_in(tmp_path, parameters=given).exit_code == 0
    manifest = tmp_path / "data/runs/synthetic-quick/manifest.json"
    manifest.write_text(manifest.read_text().replace("anna@", "postgresql://a:s3cret@"))
    with pytest.raises(BadInput, match=r"stages\.01_one\.parameters\.by looks like") as caught:
        run_in(tmp_path, parameters=given)
    assert "s3cret" not in str(caught.value)

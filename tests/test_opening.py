"""Notebooks outside the runner: their parameters, what they read, what they skip."""

from __future__ import annotations

import datetime
import html
import os
import re
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from riskkit import pipeline
from riskkit.pipeline import BadInput, Stage, TableMissing, open_stage
from riskkit.pipeline.lab import reading_text
from riskkit.pipeline.manifest import write_manifest
from riskkit.pipeline.notebooks import cells_with_needs, find_notebooks, home_of
from riskkit.pipeline.opening import UNDER_RUNNER
from riskkit.pipeline.skipping import Skipper
from riskkit.tables import write_table

PROJECT = Path(__file__).parents[1]
FRAME = pd.DataFrame({"x": [1]})
NOW = datetime.datetime(2026, 3, 2, 12, 30, tzinfo=datetime.UTC)


@pytest.fixture
def variables(tmp_path: Path) -> Any:
    """What a notebook's variables are before anybody sets one, as a function of its name."""
    declared = {notebook.name: notebook.parameters for notebook in find_notebooks(PROJECT)}
    places = {"run_dir": str(tmp_path / "run"), "output_dir": str(tmp_path / "out")}

    def of(name: str, **given: Any) -> dict[str, Any]:
        defaults = {key: parameter.default for key, parameter in declared[name].items()}
        return {**defaults, **places, "other": object(), **given}

    return of


def leave(path: Path) -> Path:
    """A table that a stage has left."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_table(FRAME, path)


# -- parameters ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("02_woe_binning", {"max_bins": 1}),
        ("02_woe_binning", {"max_bins": 7.5}),
        ("02_woe_binning", {"test_share": float("nan")}),
        ("02_woe_binning", {"stable_over": 3, "use_protected": 1}),
        ("02_woe_binning", {"edits": "absent.json"}),
        ("03_models", {"pdo": 0}),
        ("04_cutoffs", {"loss_rate": 60.0}),
        ("05_vintages", {"cohort_freq": "W"}),
        ("05_vintages", {"appetite_rate": 2.0}),
        ("08_provisions_funding", {"provisions_file": "absent.yaml"}),
        ("08_provisions_funding", {"funding_file": "absent.yaml"}),
        ("09_monitoring", {"limits_file": "absent.yaml"}),
        ("09_monitoring", {"actions": "call: cost -4, per day 4, strength 1"}),
        ("06_validation", {"approval_rate": 1.0}),
        ("07_offers", {"limit_levels": "2 1"}),
        ("01_borrowers", {"scenario": "boom"}),
        ("01_borrowers", {"root": "somewhere"}),
        ("01_borrowers", {"source": "absent.yaml"}),
        ("01_borrowers", {"source": "postgresql://anna:s3cret@db/risk"}),
    ],
)
def test_a_wrong_parameter_is_refused_in_the_words_of_the_command_line(
    name: str, given: dict[str, Any], variables: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput) as on_the_command_line:
        pipeline.run(parameters=given, project=PROJECT)
    with pytest.raises(BadInput) as here:
        open_stage(name, variables(name, **given))
    told = str(on_the_command_line.value).splitlines()[0].replace(f"{tmp_path}/", "")
    assert str(here.value) == told
    assert here.value._render_traceback_() == [told]
    assert not (tmp_path / "out").exists()


def test_text_is_no_number_where_it_stays_text(variables: Any) -> None:
    with pytest.raises(BadInput, match=r"^max_bins must be a whole number, got '8'$"):
        open_stage("02_woe_binning", variables("02_woe_binning", max_bins="8"))


def test_a_type_that_the_saved_notebook_declares_wrong_is_refused_too(
    tmp_path: Path, monkeypatch: Any
) -> None:
    notebook = nbformat.read(PROJECT / "notebooks" / "02_woe_binning.ipynb", as_version=4)
    cell = next(c for c in notebook.cells if "parameters" in c.metadata.get("tags", []))
    cell.source = cell.source.replace("min_iv = 0.02", 'min_iv = "0.02"')
    (tmp_path / "notebooks").mkdir()
    nbformat.write(notebook, tmp_path / "notebooks" / "02_woe_binning.ipynb")
    monkeypatch.chdir(tmp_path)
    (changed,) = find_notebooks(tmp_path)
    values = {name: parameter.default for name, parameter in changed.parameters.items()}
    with pytest.raises(BadInput, match=r"^min_iv is of another kind than it must be, got '0.02'"):
        open_stage("02_woe_binning", values)


def test_the_runners_own_kernels_check_nothing_twice(variables: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv(UNDER_RUNNER, "1")
    open_stage("02_woe_binning", variables("02_woe_binning", max_bins=1))


def test_places_come_with_the_parameters(variables: Any, tmp_path: Path) -> None:
    stage = open_stage("03_models", variables("03_models"))
    assert (stage.run_dir, stage.output_dir) == (tmp_path / "run", tmp_path / "out")
    assert stage.output_dir.is_dir()
    with pytest.raises(BadInput, match="together, or neither"):
        open_stage("03_models", variables("03_models", run_dir=""))


def test_the_notebooks_are_found_from_anywhere(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert home_of("03_models") == PROJECT
    assert home_of("03_other") is None
    for folder, name in ((tmp_path / "mine", "03_other"), (tmp_path / "other", "03_models")):
        (folder / "notebooks").mkdir(parents=True)
        nbformat.write(new_notebook(), folder / "notebooks" / f"{name}.ipynb")
    assert home_of("03_other", tmp_path / "mine" / "data") == tmp_path / "mine"
    # the nearest is another project: it has no notebook of that name
    monkeypatch.chdir(tmp_path / "mine")
    assert home_of("03_models") == PROJECT
    monkeypatch.chdir(tmp_path / "other")
    assert home_of("03_models") == tmp_path / "other"


def test_a_stage_tells_its_parameters_wherever_it_writes(variables: Any, monkeypatch: Any) -> None:
    values = variables("03_models", pdo=40.0)
    monkeypatch.chdir(Path(values["output_dir"]).parent)
    told = open_stage("03_models", values).parameters(values)
    assert told.loc["pdo", "value"] == "40.0"


# -- what the lab reads ----------------------------------------------------------------------------


def test_the_lab_says_which_run_it_reads_and_what_was_redone(
    tmp_path: Path, monkeypatch: Any
) -> None:
    runs = tmp_path / "data" / "runs"
    (tmp_path / "notebooks").mkdir()
    for name in ("01_borrowers", "02_woe_binning", "03_models", "04_cutoffs"):
        nbformat.write(new_notebook(), tmp_path / "notebooks" / f"{name}.ipynb")
    monkeypatch.chdir(tmp_path / "notebooks")

    def read_by(name: str) -> str:
        return reading_text(open_stage(name), NOW)

    def redo(name: str, minutes: int) -> None:
        path = leave(runs / "lab" / name / "t.parquet")
        stamp = (NOW - datetime.timedelta(minutes=minutes)).timestamp()
        os.utime(path, (stamp, stamp))

    assert read_by("01_borrowers") == (
        "Reads no earlier stage. Leaves its tables in data/runs/lab/01_borrowers."
    )
    shutil.rmtree(runs / "lab" / "01_borrowers")
    for name in ("01_borrowers", "02_woe_binning"):
        leave(runs / "nightly" / name / "t.parquet")
    done = {"status": "done", "inputs": {}, "outputs": {}}
    manifest: dict[str, Any] = {"stages": {"01_borrowers": done, "02_woe_binning": done}}
    write_manifest(runs / "nightly", {**manifest, "finished": "2026-03-01T10:00:00+00:00"})
    assert read_by("03_models") == ("Reads run nightly, finished 1 day ago (2026-03-01 10:00 UTC).")
    redo("02_woe_binning", 125)
    assert read_by("03_models") == (
        "Reads run nightly, finished 1 day ago (2026-03-01 10:00 UTC), "
        "and what was redone in the lab: 02_woe_binning (2 hours ago)."
    )
    # 03 has been opened above, and has left nothing
    assert read_by("04_cutoffs").endswith(
        "02_woe_binning (2 hours ago), 03_models (opened, has left nothing yet)."
    )
    redo("01_borrowers", 0)
    assert read_by("02_woe_binning") == "Reads what was redone in the lab: 01_borrowers (just now)."
    shutil.rmtree(runs / "lab" / "01_borrowers")
    write_manifest(runs / "nightly", {**manifest, "started": "2026-03-02T12:29:00+00:00"})
    assert "still running, begun 1 minute ago" in read_by("02_woe_binning")


def test_what_another_source_left_in_the_lab_is_not_this_ones(
    tmp_path: Path, monkeypatch: Any
) -> None:
    (tmp_path / "notebooks").mkdir()
    for name in ("01_borrowers", "02_woe_binning"):
        said = {"riskkit": {"leaves": ["applications", "performance"]}}
        nbformat.write(new_notebook(metadata=said), tmp_path / "notebooks" / f"{name}.ipynb")
    monkeypatch.chdir(tmp_path)

    def opened(*tables: str) -> Stage:
        stage = open_stage("01_borrowers")
        os.utime(stage.output_dir / ".opened")
        for name in tables:
            leave(stage.output_dir / f"{name}.parquet")
        return stage

    later = open_stage("02_woe_binning")
    opened("applications", "performance").key_figures({})
    assert later.has("performance")
    # the same notebook on another source, which has no performance
    first = opened("applications")
    assert first.can_read("applications")
    assert not first.can_read("performance")
    # not yet at its end: the lab is as it was
    assert later.has("performance")
    first.key_figures({})
    assert later.has("applications")
    assert not later.has("performance")
    assert not later.has("performance.x")
    with pytest.raises(TableMissing, match="this source has no `performance` table"):
        later.table("performance")
    # nothing was removed, and what is left again counts again
    leave(first.output_dir / "performance.parquet")
    assert later.has("performance")


def test_nobody_knows_what_a_notebook_that_has_not_run_would_leave(
    tmp_path: Path, variables: Any
) -> None:
    stage = open_stage("04_cutoffs", variables("04_cutoffs"))
    with pytest.raises(TableMissing, match=r"^04_cutoffs needs `scores`: run 03_models first$"):
        stage.has("scores")
    leave(tmp_path / "run" / "03_models" / "comparison.parquet")
    assert not stage.has("scores")
    assert str(stage.lacking("scores")) == "there is no model"


# -- what a notebook shows in a kernel -------------------------------------------------------------

OPEN = """
import pandas as pd
from riskkit import pipeline
stage = pipeline.open_stage("02_bins", globals())
"""
CELLS = [
    (["parameters"], 'run_dir = ""\noutput_dir = ""\nbins = 5\nbefore = 1'),
    ([], OPEN),
    ([], OPEN),  # twice, as one does
    (["needs:truth"], "before = 2\nmean, other = 1, [never for never in [1]]"),
    (["needs:applications.age"], "old = stage.table('applications').frame()['age']"),
    (
        ["needs:applications.x"],
        "young = stage.table('applications').frame()['x']; int(young.sum())",
    ),
    ([], "before, int(young.sum())"),
    ([], "# mine\nlift = mean * 2"),  # of a name that a skipped cell would have made
    ([], "lift + 1"),
    ([], "exec('mean', {})"),  # elsewhere, where the name is another's
    ([], "mean = 3\nmean"),
    ([], "del mean\nmean"),  # no longer the skipped cell's
    ([], "stage.table('truth').frame()['true_pd'].mean()"),  # untagged
    ([], "never"),
    ([], "stage.has('unknown')"),
    ([], "sum('Skipper' in repr(h) for h in get_ipython().events.callbacks['pre_run_cell'])"),
]


def lab_project(folder: Path, cells: list[tuple[list[str], str]]) -> Any:
    """A lab of two notebooks whose first has run, and the second as it is executed."""
    (folder / "notebooks").mkdir(parents=True)
    first = new_notebook(metadata={"riskkit": {"leaves": ["applications", "truth"]}})
    nbformat.write(first, folder / "notebooks" / "01_people.ipynb")
    leave(folder / "data" / "runs" / "lab" / "01_people" / "applications.parquet")
    made = [new_markdown_cell("# Bins")]
    made += [new_code_cell(source.strip(), metadata={"tags": tags}) for tags, source in cells]
    notebook = new_notebook(cells=made)
    nbformat.write(notebook, folder / "notebooks" / "02_bins.ipynb")
    return notebook


def execute(notebook: Any, folder: Path, **settings: Any) -> list[str]:
    """What each code cell shows, as plain text; errors with their names."""
    client = NotebookClient(notebook, resources={"metadata": {"path": str(folder)}}, **settings)
    client.execute()
    shown = []
    for cell in notebook.cells[1:]:
        texts = [
            f"{o.ename}: {o.evalue}|{len(o.traceback)}"
            if o.output_type == "error"
            else o.get("text") or o["data"].get("text/plain", "")
            for o in cell.outputs
        ]
        shown.append(" ".join(texts))
    return shown


def test_sections_without_their_table_show_one_grey_line(tmp_path: Path) -> None:
    notebook = lab_project(tmp_path, CELLS)
    shown = execute(notebook, tmp_path / "notebooks", allow_errors=True)
    truth = (
        "Skipped: this source has no `truth` table "
        "(the synthetic lender's own default probabilities)."
    )
    assert shown[:3] == ["", *[shown[1]] * 2]
    assert shown[1] == "Reads what was redone in the lab: 01_people (just now)."
    assert shown[3] == truth
    assert shown[4] == "Skipped: this source has no `age` in its `applications`."
    # what is there runs, and a skipped cell has done nothing
    assert shown[5:7] == ["1", "(1, 1)"]
    assert shown[7:9] == [truth, truth]
    assert shown[9].startswith("NameError: name 'mean' is not defined|")
    assert shown[10] == "3"
    assert shown[11].startswith("NameError: name 'mean' is not defined|")
    assert not shown[11].endswith("|1")  # the traceback that Python always shows
    assert shown[12] == truth
    assert shown[13].startswith("NameError: name 'never'")
    assert shown[14] == "False"
    assert shown[15] == "1"  # the opening cell has run twice
    grey = notebook.cells[4].outputs[0].data["text/html"]
    assert re.fullmatch(r'<p style="color: [^"<>]+">[^<>]*</p>', grey)
    assert html.unescape(re.sub("<.*?>", "", grey)) == truth


def test_a_notebook_stops_at_what_an_earlier_one_has_not_left(tmp_path: Path) -> None:
    cells = [*CELLS[:2], ([], "stage.path('bins.json')"), ([], "1")]
    notebook = lab_project(tmp_path, cells)
    (tmp_path / "data" / "runs" / "lab" / "01_people" / "applications.parquet").unlink()
    (tmp_path / "data" / "runs" / "lab" / "01_people").rmdir()
    with pytest.raises(CellExecutionError, match=r"02_bins needs `bins\.json`: run 01_people"):
        execute(notebook, tmp_path / "notebooks")
    (error,) = notebook.cells[3].outputs
    assert error.traceback == ["02_bins needs `bins.json`: run 01_people first"]
    assert notebook.cells[4].outputs == []


def test_a_cell_is_known_by_its_id_though_it_was_changed(tmp_path: Path, monkeypatch: Any) -> None:
    twins = [([], "1"), (["needs:applications"], "2"), (["needs:truth"], "2")]
    ids = [cell.id for cell in lab_project(tmp_path, twins).cells[1:]]
    monkeypatch.chdir(tmp_path)
    cells = cells_with_needs(tmp_path / "notebooks" / "02_bins.ipynb")
    skipper = Skipper(SimpleNamespace(user_ns={}), open_stage("02_bins"), cells)

    def lacks(source: str, cell_id: str | None) -> bool:
        skipper.before(SimpleNamespace(raw_cell=source, cell_id=cell_id))
        return skipper.lacking is not None

    # as JupyterLab sends it
    assert lacks("2 + 2", ids[2])
    assert not lacks("2 + 2", ids[1])
    assert not lacks("1", ids[0])
    # cells of one source that need different things are told apart by their ids alone
    assert not lacks("2", None)

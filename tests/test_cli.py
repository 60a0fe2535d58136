"""The command line: what it prints, and its exit codes."""

from __future__ import annotations

import dataclasses
import io
import json
import warnings
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from own_data import OWN_CSV, changed
from pyarrow import parquet
from thin_sources import thin_source
from typer.testing import CliRunner, Result

from riskkit import cli, schema
from riskkit.cli import app
from riskkit.pipeline.folders import locked
from riskkit.pipeline.manifest import hash_folder
from riskkit.schema.features import feature_table
from riskkit.scorecard import Scorecard
from riskkit.tables import sealed


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    parameters = new_code_cell("seed = 1\nfail = False", metadata={"tags": ["parameters"]})
    trouble = "if fail:\n    raise RuntimeError('at mysql://anna:s3cret@db\\nsecond line')"
    cells = [new_markdown_cell("# One"), parameters, new_code_cell(trouble)]
    (tmp_path / "notebooks").mkdir()
    nbformat.write(new_notebook(cells=cells), tmp_path / "notebooks" / "01_one.ipynb")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def mapping(own_source) -> Path:
    return own_source()


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_help_names_the_commands() -> None:
    result = call("--help")
    assert result.exit_code == 0
    for command in ("init", "run", "report", "verify", "compare", "score", "draft", "validate"):
        assert f"\n  {command} " in result.stdout


def test_a_run_prints_where_its_report_is_and_report_writes_it_anew(project: Path) -> None:
    result = call("run", "--profile", "quick", "-p", "seed=7")
    assert result.exit_code == 0
    assert result.stdout == "reports/runs/synthetic-quick/index.html\n"
    assert "[1/1] 01_one: done in" in result.stderr
    index = project / result.stdout.strip()
    index.unlink()
    assert call("report", "data/runs/synthetic-quick").stdout == result.stdout
    assert index.is_file()


def test_a_failed_stage_is_one_message_and_code_1(project: Path) -> None:
    result = call("run", "-p", "fail=true", "--run", "r")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-2:] == [
        "01_one failed: RuntimeError: what it says may hold a password and is not shown",
        "read reports/runs/r/01_one.html",
    ]
    assert "Traceback" not in result.stderr
    debug = call("run", "-p", "fail=true", "--run", "r", "--debug")
    assert debug.exit_code == 1
    assert "s3cret" not in debug.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-p", "sed=1"), "riskkit: no notebook has a parameter 'sed'; did you mean seed?"),
        (("-p", "seed=x"), "riskkit: seed must be a whole number, got 'x'"),
        (("-p", "seed"), "riskkit: a parameter is given as NAME=VALUE, got 'seed'"),
        (("-p", "seed=1", "-p", "seed=2"), "riskkit: parameter seed is given twice"),
        (("--profile", "huge"), "riskkit: no profile 'huge'"),
        (("--project", "nowhere"), "riskkit: no notebooks/NN_name.ipynb in"),
        (("--only", "03"), "riskkit: no stage '03'"),
    ],
)
def test_bad_usage_is_one_message_and_code_2(
    project: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = call("run", *arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith(message)
    assert result.stdout == ""
    assert [p.name for p in project.iterdir()] == ["notebooks"]


def test_a_busy_run_is_code_4(project: Path) -> None:
    with locked(project / "data" / "runs" / "r"):
        result = call("run", "--run", "r")
    assert result.exit_code == 4
    assert result.stderr.startswith("riskkit: another run is working in")


def test_what_is_no_run_has_no_report(project: Path) -> None:
    result = call("report", project)
    assert result.exit_code == 2
    assert "is not a run's folder" in result.stderr


def test_debug_shows_where_bad_usage_came_from(project: Path) -> None:
    result = call("run", "-p", "sed=1", "--debug")
    assert result.exit_code == 2
    assert "Traceback" in result.stderr
    assert result.stderr.splitlines()[-2].startswith("riskkit: no notebook has")


def test_a_source_that_fits_is_summarised(mapping: Path) -> None:
    result = call("validate", "--source", mapping)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("My loans: fits the data contract\n")
    assert "labelled: 3 rows, 1 bad, 33.33% " in result.stdout
    assert "seen to 2023-09-30" in result.stdout


def test_a_source_that_does_not_fit_lists_every_violation_with_code_2(mapping: Path) -> None:
    (mapping.parent / "loans.csv").write_text(
        OWN_CSV.replace("1000.50", "-4")
        .replace("2023-02-15", "1823-02-15")
        .replace("3,2023", "1,2023")
        .replace("lost", "lots")
    )
    result = call("validate", "--source", mapping)
    assert result.exit_code == 2
    # of cells, rows and words, all at once
    for column in ("amount", "applied_at", "application_id", "outcomes.event"):
        assert f"  - {column}: " in result.stderr
    assert "Traceback" not in result.stderr
    absent = call("validate", "--source", "none.yaml")
    assert absent.exit_code == 2
    assert "none.yaml" in absent.stderr


@pytest.fixture
def scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Scorecard, pd.DataFrame]:
    """A run's folder with a scorecard, and a file of applications."""
    rng = np.random.default_rng(3)
    rows = pd.DataFrame({"income": rng.lognormal(8, 0.6, 1200)})
    rows["job"] = rng.choice(["clerk", "driver"], len(rows))
    odds = -1.5 - (np.log(rows["income"]) - 8) + (rows["job"] == "driver")
    card = Scorecard().fit(rows, (rng.random(len(rows)) < 1 / (1 + np.exp(-odds))).astype(int))
    stage = tmp_path / "run" / "03_models"
    stage.mkdir(parents=True)
    card.save(stage / "scorecard.json")
    income = schema.Feature(name="income", label="Monthly income", family="application", unit="EUR")
    borrowers = tmp_path / "run" / "01_borrowers"
    borrowers.mkdir()
    schema.write_table(feature_table([income]), borrowers / "features.parquet")
    rows.insert(0, "application_id", [f"A{number}" for number in range(len(rows))])
    rows.to_csv(tmp_path / "in.csv", index=False)
    monkeypatch.chdir(tmp_path)
    return card, rows


def test_a_file_is_scored_with_a_runs_scorecard(scored: tuple[Scorecard, pd.DataFrame]) -> None:
    card, rows = scored
    for model in ("run", "run/03_models/scorecard.json"):
        result = call("score", "--model", model, "--input", "in.csv", "--output", "out.parquet")
        assert result.exit_code == 0, result.output
        assert result.stdout == "1,200 rows: 1,200 scored, 0 rejected\n"
        assert result.stderr == ""
        found = schema.read_table("out.parquet")
        assert found["credit_score"].tolist() == card.credit_score(rows).tolist()
        Path("out.parquet").unlink()


def test_rejected_rows_and_strange_levels_are_stated_with_code_0(
    scored: tuple[Scorecard, pd.DataFrame],
) -> None:
    text = Path("in.csv").read_text().replace("clerk", "pilot", 3)
    Path("in.csv").write_text(f"{text}A1200,much,clerk\nA1201,5\n")
    files = ("--input", "in.csv", "--output", "out.csv.gz", "--reasons", "2")
    result = call("score", "--model", "run", *files)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "1,202 rows: 1,200 scored, 2 rejected (side file out.rejected.csv)",
        "levels never seen in training: job in 3 rows",
    ]
    found = schema.read_table("out.csv.gz")
    names = ["application_id", "credit_score", "default_probability", "reason_1", "reason_2"]
    assert list(found.columns) == names
    reasons = pd.concat([found["reason_1"], found["reason_2"]]).dropna()
    # the run's own words; it has none for the job
    assert set(reasons.str.split(":").str[0]) == {"Monthly income", "job"}
    assert reasons[reasons.str.startswith("Monthly")].str.contains(" EUR").all()
    assert len(Path("out.rejected.csv").read_text().splitlines()) == 3
    assert call("score", "--model", "run", *files, "--rejected", "bad.csv").exit_code == 0
    assert Path("bad.csv").read_bytes() == Path("out.rejected.csv").read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"--input": "none.csv"}, "no file at none.csv"),
        ({"--input": "in.txt"}, "unknown kind of file '.txt'"),
        ({"--input": "thin.csv"}, "income"),
        ({"--output": "out.xlsx"}, "unknown kind of file '.xlsx'"),
        ({"--output": "none/out.csv"}, "no folder none"),
        ({"--output": "in.csv"}, "in.csv would replace what is read"),
        ({"--model": "none.json"}, "no file at none.json"),
        ({"--model": "newer.json"}, "schema_version 99 is newer than 2"),
        ({"--model": "in.csv"}, "no JSON that could be read"),
        ({"--model": "."}, "no finished stage in . has left a scorecard.json"),
        ({"--output": "run/out.csv"}, "run/out.csv is in the run's own folder"),
        ({"--rejected": "run/bad.csv"}, "run/bad.csv is in the run's own folder"),
        ({"--rejected": "run/03_models/scorecard.json"}, "is in the run's own folder"),
        ({"--reasons": "-1"}, "--reasons: n_reasons must be at least 0, at most 100, got -1"),
        ({"--reasons": "101"}, "at most 100, got 101"),
    ],
)
def test_what_cannot_be_scored_is_one_message_and_code_2(
    scored: tuple[Scorecard, pd.DataFrame], change: dict[str, str], message: str
) -> None:
    Path("in.txt").write_text("")
    scored[1][["application_id", "job"]].to_csv("thin.csv", index=False)
    model = Path("run/03_models/scorecard.json").read_text()
    Path("newer.json").write_text(model.replace('"schema_version": 2', '"schema_version": 99', 1))
    before = sorted(Path().rglob("*"))
    options = {"--model": "run", "--input": "in.csv", "--output": "out.csv"} | change
    result = call("score", *(word for pair in options.items() for word in pair))
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert sorted(Path().rglob("*")) == before


def test_a_scorecard_is_held_to_the_runs_manifest(scored: tuple[Scorecard, pd.DataFrame]) -> None:
    left = {stage: hash_folder(Path("run") / stage) for stage in ("01_borrowers", "03_models")}
    inputs = {f"01_borrowers/{name}": sha for name, sha in left["01_borrowers"].items()}
    stages = {
        "01_borrowers": {"status": "done", "inputs": {}, "outputs": left["01_borrowers"]},
        "03_models": {"status": "done", "inputs": inputs, "outputs": left["03_models"]},
    }
    Path("run/manifest.json").write_text(json.dumps({"schema_version": 1, "stages": stages}))
    asked = ("score", "--model", "run", "--input", "in.csv", "--output", "out.csv")
    assert call(*asked).exit_code == 0
    # another card, whole and under a checksum of its own, is not the run's
    other = sealed(scored[0].to_json() | {"dropped": {"age": "not taken"}})
    Path("run/03_models/scorecard.json").write_text(json.dumps(other))
    result = call(*asked)
    assert result.exit_code == 2
    assert result.stderr.endswith("scorecard.json is not as run run left it: run it again\n")


def test_a_scorecard_of_a_stage_that_failed_since_is_not_used(
    scored: tuple[Scorecard, pd.DataFrame],
) -> None:
    stages = {"03_models": {"status": "failed"}}
    Path("run/manifest.json").write_text(json.dumps({"schema_version": 1, "stages": stages}))
    result = call("score", "--model", "run", "--input", "in.csv", "--output", "out.csv")
    assert result.exit_code == 2
    assert result.stderr == "riskkit: no finished stage in run has left a scorecard.json\n"


OUT_OF_RANGE = [
    "n_applicants=0", "n_applicants=1000000000000", "n_months=0", "n_months=100000",
    "start_month=x", "onset_month=2024-01", "roll_months=0", "seed=-1",
    "seed=99999999999999999999999", "out_of_time_from=2023-02-30", "test_share=1.5",
    "sample_seed=-1", "max_bins=1", "min_bin_size=0.9", "min_bads=-1", "below_min_bads=x",
    "neighbour_p_value=2", "chance_p_value=-1", "stable_over=month", "min_iv=-1",
    "n_permutations=0", "n_permutations=999999999", "max_correlation=7", "max_vif=0", "max_psi=-1",
    "pdo=0", "pdo=1e308", "target_score=-1e300", "target_odds=-3", "max_p_value=0",
    "keep_features=income", "model_seed=4294967296", "loss_rate=7", "cost_amount=-1",
    "funding_rate=99", "margin_rate=-2", "target_approval_rate=3", "max_bad_rate=-1",
    "max_declined_rate=5", "term_months=-3", "cohort_freq=W", "approval_rate=2",
    "pdo=nan", "loss_rate=inf", "max_bins=1e3", "max_bins=٣.٥", "use_protected=maybe",
]  # fmt: skip


@pytest.mark.parametrize("given", OUT_OF_RANGE)
def test_a_parameter_out_of_range_is_refused_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    (tmp_path / "notebooks").symlink_to(Path(__file__).parents[1] / "notebooks")
    monkeypatch.chdir(tmp_path)
    result = call("run", "-p", given)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"riskkit: {given.split('=')[0]} ")
    assert [path.name for path in tmp_path.iterdir()] == ["notebooks"]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("validate", "--source", "x" * 5_000), "File name too long: 'x"),
        (("validate", "--source", "loop"), "no file at loop"),
        (("validate", "--source", "deep.yaml"), "nested deeper than 30 levels"),
        (("validate", "--source", "latin.yaml"), "no UTF-8 text in line 1"),
        (("validate", "--source", "/dev/zero"), "no file at /dev/zero"),
        (("draft", "--input", "loop"), "no file at loop"),
        (("draft", "--input", "x" * 5_000), "File name too long"),
        (("report", "loop"), "loop"),
        (("report", "x" * 5_000), "is not a run's folder"),
        (("score", "--model", "loop", "--input", "a.csv", "--output", "b.csv"), "no file at loop"),
        (("score", "--model", "m" * 300, "--input", "a.csv", "--output", "b.csv"), "too long"),
        (("run", "--source", "x" * 5_000), "File name too long"),
        (("run", "--project", "loop"), "loop"),
        (("run", "-p", f"edits={'x' * 5_000}"), "File name too long"),
    ],
)
def test_a_path_that_cannot_be_is_one_message_and_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], message: str
) -> None:
    (tmp_path / "notebooks").symlink_to(Path(__file__).parents[1] / "notebooks")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "deep.yaml").write_text("a: " + "[" * 5_000 + "]" * 5_000)
    (tmp_path / "latin.yaml").write_bytes(b"name: \xe9")
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    result = call(*command)
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert len(result.stderr) < 600
    assert "Traceback" not in result.stderr
    assert sorted(tmp_path.iterdir()) == before


ODD_COLUMNS = {
    "list": pa.array([[1], [2], [3]]),
    "struct": pa.array([{"a": 1}] * 3),
    "binary": pa.array([b"\xff", b"a", None]),
    "bool": pa.array([True, False, None]),
    "time": pa.array([1, 2, 3], pa.time64("us")),
    "duration": pa.array([1, 2, 3], pa.duration("s")),
    "late": pa.array([2**31 - 1] * 3, pa.date32()),
    "no utf-8": pa.Array.from_buffers(
        pa.string(),
        3,
        [None, pa.py_buffer(np.array([0, 2, 4, 6], "int32")), pa.py_buffer(b"a\xff" * 3)],
    ),
}


@pytest.mark.parametrize("kind", list(ODD_COLUMNS))
@pytest.mark.parametrize("column", ["when", "id", "income", "outcome"])
def test_an_odd_column_of_parquet_is_a_result_or_one_message(
    own_source: Any, column: str, kind: str
) -> None:
    source = own_source(changed(applications__path="loans.parquet"))
    table = pa.Table.from_pandas(pd.read_csv(io.StringIO(OWN_CSV)))
    place = table.column_names.index(column)
    table = table.set_column(place, column, ODD_COLUMNS[kind])
    parquet.write_table(table, source.with_name("loans.parquet"))
    for command in (
        ("validate", "--source", source),
        ("draft", "--input", source.with_name("loans.parquet"), "--output", source.with_name("d")),
    ):
        result = call(*command)
        assert result.exit_code in (0, 2), result.stderr
        assert "--debug shows where" not in result.stderr
        assert "\x00" not in result.stderr


@pytest.mark.parametrize(
    "note", ["{bad", "[1]", '{"index_columns": 5}', '{"index_columns": ["x"]}']
)
def test_an_odd_note_of_pandas_in_parquet_is_one_message(own_source: Any, note: str) -> None:
    source = own_source(changed(applications__path="loans.parquet"))
    table = pa.Table.from_pandas(pd.read_csv(io.StringIO(OWN_CSV)))
    noted = table.replace_schema_metadata({"pandas": note})
    parquet.write_table(noted, source.with_name("loans.parquet"))
    result = call("validate", "--source", source)
    assert result.exit_code == 2
    assert "its index cannot be read" in result.stderr


def test_a_broken_manifest_leaves_no_lock(project: Path) -> None:
    run_dir = project / "data/runs/r"
    run_dir.mkdir(parents=True)
    (run_dir / "manifest.json").write_text("[]")
    assert call("run", "--run", "r").exit_code == 2
    assert [path.name for path in run_dir.iterdir()] == ["manifest.json"]


def test_a_long_value_is_cut_in_its_message(project: Path) -> None:
    result = call("run", "-p", f"seed={'x' * 5_000}")
    assert result.exit_code == 2
    assert len(result.stderr) < 300


def test_no_name_of_a_file_steers_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "l\x1b[31m\u202ered.csv"
    path.write_text("id,amount,status\n1,100,paid\n2,250,lost\n3,300,paid\n")
    result = call("draft", "--input", str(path), "--label", "status")
    assert result.exit_code == 0
    assert not set(result.output) & {"\x1b", "\u202e"}
    assert "‹U+001B›" in result.output


def test_a_message_is_no_longer_than_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "k.json").write_text(json.dumps({"kind": "k" * 300_000}))
    result = call("score", "--model", str(tmp_path / "k.json"), "--input", "a", "--output", "b.csv")
    assert result.exit_code == 2
    assert len(result.stderr) < 101_000
    assert "more letters" in result.stderr


def test_a_letter_of_number_0_is_no_part_of_a_parameter() -> None:
    result = call("run", "-p", "edits=\0")
    assert result.exit_code == 2
    assert "letter of number 0" in result.stderr


def test_validate_says_what_of_a_panel_was_not_seen(monkeypatch):
    source = thin_source("gaps", n=60)
    monkeypatch.setattr(schema, "load_source", lambda *args, **options: source)
    assert "not every loan" not in call("validate", "--source", "mine.yaml").output.lower()
    panel = source.performance
    panel = panel[~((panel["loan_id"] == panel["loan_id"].iloc[0]) & (panel["mob"] == 0))]
    late = dataclasses.replace(source, performance=panel.reset_index(drop=True))
    monkeypatch.setattr(schema, "load_source", lambda *args, **options: late)
    said = " ".join(call("validate", "--source", "mine.yaml").output.split())
    assert "Not every loan was seen throughout." in said
    assert "there are 1 (" in said
    assert "first seen after their month of disbursal" in said


@pytest.mark.parametrize("debug", [False, True])
def test_a_warning_is_one_line_unless_its_place_is_asked_for(debug):
    before = warnings.formatwarning
    with cli._one_message(debug):
        told = warnings.formatwarning("history.jsonl is a folder", UserWarning, "main.py", 7)
    assert (told == "riskkit: history.jsonl is a folder\n") != debug
    assert warnings.formatwarning is before

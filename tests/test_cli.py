"""The command line: what it prints, and its exit codes."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from own_data import OWN_CSV
from typer.testing import CliRunner, Result

from riskkit.cli import app
from riskkit.pipeline.folders import locked


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
    for command in ("run", "report", "validate"):
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
        "01_one failed: RuntimeError: at mysql://***@db",
        "read reports/runs/r/01_one.html",
    ]
    assert "Traceback" not in result.stderr
    debug = call("run", "-p", "fail=true", "--run", "r", "--debug")
    assert debug.exit_code == 1
    assert "Traceback" in debug.stderr
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
    assert result.stdout.startswith("My loans: fits the data contract\n  applications  3 rows\n")
    assert "performance   not in this source" in result.stdout
    assert "33.33% bad" in result.stdout


def test_a_source_that_does_not_fit_lists_every_violation_with_code_2(mapping: Path) -> None:
    (mapping.parent / "loans.csv").write_text(
        OWN_CSV.replace("1000.50", "-4")
        .replace("2023-02-15", "1823-02-15")
        .replace("3,2023", "1,2023")
    )
    result = call("validate", "--source", mapping)
    assert result.exit_code == 2
    for column in ("amount", "applied_at", "application_id"):
        assert f"  - {column}: " in result.stderr
    assert "Traceback" not in result.stderr
    absent = call("validate", "--source", "none.yaml")
    assert absent.exit_code == 2
    assert "none.yaml" in absent.stderr

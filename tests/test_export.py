"""What leaves a run: its workbook and its model document, held to the manifest."""

from __future__ import annotations

import io
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import openpyxl
import pandas as pd
import pytest
from nbformat.v4 import new_markdown_cell, new_notebook
from typer.testing import CliRunner, Result

from riskkit import pipeline, schema
from riskkit.cli import app
from riskkit.pipeline.export import RESULTS, ROWS_OF
from riskkit.pipeline.manifest import hash_folder, inputs_of, write_manifest
from riskkit.pipeline.notebooks import TABLES, find_notebooks
from riskkit.schema.features import feature_table
from riskkit.tables import write_json, write_table

PROJECT = Path(__file__).parents[1]
FEATURES = [
    schema.Feature(name="income", label="Monthly =income", family="application"),
    schema.Feature(name="debt", label="=1+1", family="application"),
]


def seal(run_dir: Path, **changes: Any) -> None:
    """Write the manifest of a run whose stages hold what they hold now."""
    manifest: dict[str, Any] = {
        "run": run_dir.name, "title": "A lender", "source": "own", "profile": "quick",
        "status": "done", "started": "2026-01-02T03:04:05+00:00",
        "finished": "2026-01-02T03:14:05+00:00",
        "versions": {"riskkit": "1.2.3", "python": "3.11"}, "stages": {},
    }  # fmt: skip
    for folder in sorted(p for p in run_dir.iterdir() if p.is_dir()):
        manifest["stages"][folder.name] = {
            "status": "done",
            "inputs": inputs_of(manifest, folder.name),
            "outputs": hash_folder(folder),
        }
    for stage, record in changes.items():
        manifest["stages"][stage] |= record
    write_manifest(run_dir, manifest)


@pytest.fixture
def run_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small finished run in a project of its own, which is the working folder."""
    (tmp_path / "notebooks").mkdir()
    for name in ("01_borrowers", "02_woe_binning", "06_validation"):
        cells = [new_markdown_cell(f"# {name}")]
        nbformat.write(new_notebook(cells=cells), tmp_path / "notebooks" / f"{name}.ipynb")
    run = tmp_path / "data" / "runs" / "small"
    first, second, last = (
        run / name for name in ("01_borrowers", "02_woe_binning", "06_validation")
    )
    for folder in (first, second, last):
        folder.mkdir(parents=True)
    people = pd.DataFrame({"application_id": ["A1", "A2"], "income": [1.0, 2.0]})
    write_table(people, first / "applications.parquet")
    write_table(people.set_index("application_id"), first / "incomes.parquet")
    write_table(feature_table(FEATURES), first / "features.parquet")
    write_json(first / "key_figures.json", {"Bad rate": "6.1 %", "=sum": "-1"})
    selection = pd.DataFrame(
        {"iv": [0.51234, np.nan], "with": [None, "income"], "selected": [True, False],
         "reason": ["kept", "correlation with income above 0.7"]},
        index=pd.Index(["income", "debt"], name="feature"),
    )  # fmt: skip
    write_table(selection, second / "selection.parquet")
    both = pd.MultiIndex.from_product([["train", "out_of_time"], ["scorecard"]])
    ranked = pd.DataFrame(
        {"good": [5.0, 6.0], "bad_rate": [0.1, np.inf], "auc": [0.71234, np.nan],
         "auc_low": [0.6, np.nan], "loans": [1234, 5]},
        index=both.set_names(["sample", "model"]),
    )  # fmt: skip
    write_table(ranked, second / "discrimination.parquet")
    write_table(ranked.head(0), second / "comparison.parquet")
    months = pd.DataFrame(
        [[0.0, 0.1], [0.0, np.nan]],
        index=pd.DatetimeIndex(["2023-01-01", "2023-04-01"], name="cohort"),
        columns=pd.Index([0, 1], name="mob"),
    )
    write_table(months, second / "vintages.parquet")
    told = [{"topic": "Leak", "text": "@debt", "red": True}]
    write_json(second / "findings.json", told)
    (last / "model_card.html").write_text("<title>Model document</title>")
    (last / "model_card.docx").write_bytes(b"a document")
    seal(run)
    monkeypatch.chdir(tmp_path)
    return run


def book_of(run_dir: Path) -> Any:
    return openpyxl.load_workbook(io.BytesIO(pipeline.run_workbook(run_dir)))


def cells(worksheet: Any) -> list[tuple[Any, ...]]:
    return [tuple(cell.value for cell in row) for row in worksheet.iter_rows()]


def report(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["report", *map(str, arguments)])


# -- the workbook ----------------------------------------------------------------------------------


def test_every_table_of_results_has_a_sheet_and_no_table_of_applications(run_dir: Path) -> None:
    book = book_of(run_dir)
    assert book.sheetnames == [
        "Contents", "Key figures", "Findings", "01 features", "02 comparison", "02 discrimination",
        "02 selection", "02 vintages",
    ]  # fmt: skip
    contents = [row[:5] for row in cells(book.worksheets[0]) if any(row)]
    assert contents[:6] == [
        ("A lender", None, None, None, None),
        ("Run", "small", None, None, None),
        ("Source", "own", None, None, None),
        ("Profile", "quick", None, None, None),
        ("Finished", "2026-01-02 03:14:05 UTC", None, None, None),
        ("riskkit", "1.2.3", None, None, None),
    ]
    assert ("02_woe_binning", "selection", RESULTS["selection"], "02 selection", 2) in contents
    assert contents[-4:] == [
        ("Not in this workbook", None, None, None, None),
        ("stage", "table", "reason", "file in the run", None),
        ("01_borrowers", "applications",
         "one row per application: carries ids of applications, and may not fit",
         "01_borrowers/applications.parquet", None),
        ("01_borrowers", "incomes",
         "one row per application: carries ids of applications, and may not fit",
         "01_borrowers/incomes.parquet", None),
    ]  # fmt: skip
    assert "A1" not in [cell for worksheet in book for row in cells(worksheet) for cell in row]


def test_cells_are_those_of_the_tables_in_their_looks(run_dir: Path) -> None:
    book = book_of(run_dir)
    assert cells(book["02 discrimination"]) == [
        ("sample", "model", "good", "bad rate", "AUC", "AUC low", "loans"),
        ("train", "scorecard", 5, 0.1, 0.71234, 0.6, 1234),
        ("out of time", "scorecard", 6, "∞", None, None, 5),
    ]
    formats = [cell.number_format for cell in book["02 discrimination"][2]]
    assert formats == ["General", "General", "#,##0", "0.00%", "0.000", "0.000", "#,##0"]
    headings = ("sample", "model", "good", "bad rate", "auc", "auc low", "loans")
    assert cells(book["02 comparison"]) == [headings]
    quarters = book["02 vintages"]
    assert cells(quarters)[0] == ("cohort", "mob 0", "mob 1")
    assert [cell.number_format for cell in quarters[2]] == ["yyyy-mm-dd", "0.00%", "0.00%"]
    assert cells(quarters)[2][1:] == (0, None)


def test_features_are_called_by_their_labels(run_dir: Path) -> None:
    shown = cells(book_of(run_dir)["02 selection"])
    assert shown == [
        ("feature", "iv", "with", "selected", "reason"),
        ("Monthly =income", 0.51234, None, True, "kept"),
        ("=1+1", None, "Monthly =income", False, "correlation with Monthly =income above 0.7"),
    ]
    names = cells(book_of(run_dir)["01 features"])
    assert [row[:2] for row in names] == [
        ("name", "label"), ("income", "Monthly =income"), ("debt", "=1+1")
    ]  # fmt: skip


def test_beside_labels_that_repeat_stand_the_names(run_dir: Path) -> None:
    alike = [replace(feature, label="Same") for feature in FEATURES]
    write_table(feature_table(alike), run_dir / "01_borrowers" / "features.parquet")
    seal(run_dir)
    shown = [row[:2] for row in cells(book_of(run_dir)["02 selection"])]
    assert shown == [("feature", "feature name"), ("Same", "income"), ("Same", "debt")]


def test_key_figures_and_findings_of_all_stages_have_a_sheet_each(run_dir: Path) -> None:
    book = book_of(run_dir)
    assert cells(book["Key figures"]) == [
        ("stage", "key figure", "value"),
        ("01_borrowers", "Bad rate", "6.1 %"),
        ("01_borrowers", "=sum", "-1"),
    ]
    nobody = "no owner named (data/limits.yaml)"
    assert cells(book["Findings"]) == [
        ("stage", "light", "topic", "finding", "section", "owner", "to do", "by"),
        ("02_woe_binning", "red", "Leak", "@debt", None, nobody, None, None),
    ]
    texts = [cell for worksheet in book for row in worksheet for cell in row if cell.value]
    assert "f" not in {cell.data_type for cell in texts}


def test_findings_of_the_workbook_have_an_owner_and_a_day(run_dir: Path) -> None:
    told = [{"topic": "Leak", "text": "t", "red": False, "section": "02_woe_binning#Bins"}]
    write_json(run_dir / "02_woe_binning" / "findings.json", told)
    seal(run_dir)
    limits = "findings: {Leak: {owner: =Head, to_do: Look., within_days: 30}}"
    (run_dir.parents[1] / "limits.yaml").write_text(limits)
    book = book_of(run_dir)
    assert cells(book["Findings"])[1:] == [
        ("02_woe_binning", "amber", "Leak", "t", "02_woe_binning: Bins", "=Head", "Look.",
         "2026-02-01"),
    ]  # fmt: skip
    assert {cell.data_type for row in book["Findings"] for cell in row} == {"s"}
    (run_dir.parents[1] / "limits.yaml").write_text("findings: [Leak]")
    with pytest.raises(schema.DataContractError, match="findings: expected a block of keys"):
        book_of(run_dir)


def test_a_stage_that_is_not_done_is_left_out_and_named(run_dir: Path) -> None:
    seal(run_dir, **{"02_woe_binning": {"status": "failed"}})
    book = book_of(run_dir)
    assert book.sheetnames == ["Contents", "Key figures", "Findings", "01 features"]
    rows = cells(book.worksheets[0])
    assert ("02_woe_binning", "all", "the stage is failed", "02_woe_binning/", None) in rows
    assert ("06_validation", "all", "the stage is stale", "06_validation/", None) in rows
    seal(run_dir, **{"01_borrowers": {"status": "failed"}})
    with pytest.raises(pipeline.BadInput, match="is done: there is nothing to export"):
        pipeline.run_workbook(run_dir)


def test_a_table_too_large_for_a_sheet_is_left_out(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline.export, "MOST_ROWS", 1)
    monkeypatch.setattr(pipeline.export, "_labels", lambda files: {})
    book = book_of(run_dir)
    assert book.sheetnames == ["Contents", "Key figures", "Findings", "02 comparison"]
    assert "2 rows of 5 columns do not fit" in [row[2] for row in cells(book.worksheets[0])]


def test_equal_runs_give_equal_workbooks(run_dir: Path) -> None:
    assert pipeline.run_workbook(run_dir) == pipeline.run_workbook(run_dir)


def test_every_table_that_a_notebook_leaves_is_told_of() -> None:
    left = {name for notebook in find_notebooks(PROJECT) for name in notebook.leaves}
    tables = {name for name in left if "." not in name}
    rows_of_somebody = {"samples", "scores", "decisions"}
    assert tables - set(RESULTS) - set(TABLES) - rows_of_somebody == set()


def test_the_workbook_of_a_run_holds_its_tables(synthetic_run: Any) -> None:
    """Every figure of every table, in its order, and nothing of any application."""
    book = book_of(synthetic_run.run_dir)
    sheets = {name.lower(): cells(book[name]) for name in book.sheetnames}
    paths = sorted(synthetic_run.run_dir.glob("*/*.parquet"))
    n_shown = 0
    for path in paths:
        name = f"{path.parent.name[:2]} {path.stem.replace('_', ' ')}"
        frame = pd.read_parquet(path)
        if set(frame.reset_index().columns) & set(ROWS_OF):
            assert name not in sheets
            continue
        n_shown += 1
        shown = pd.DataFrame(sheets[name][1:])
        assert len(shown) == len(frame), name
        n_levels = shown.shape[1] - frame.shape[1]
        assert n_levels == frame.index.nlevels
        for place, column in enumerate(frame.columns, n_levels):
            if pd.api.types.is_numeric_dtype(frame[column]):
                # Excel has no number for an open end of a band
                found = shown[place].replace({"−∞": -np.inf, "∞": np.inf}).astype("float64")
                expected = frame[column].astype("float64").to_numpy()
                np.testing.assert_allclose(
                    found.to_numpy(), expected, rtol=1e-14, err_msg=f"{name}.{column}"
                )
    assert n_shown == len(sheets) - 3
    assert n_shown >= 12


# -- the command -----------------------------------------------------------------------------------


def test_report_exports_both_and_writes_the_front_page(run_dir: Path) -> None:
    result = report(run_dir, "--xlsx", "out.xlsx", "--docx", "out.docx")
    assert result.exit_code == 0, result.output
    assert result.stdout == "reports/runs/small/index.html\nout.xlsx\nout.docx\n"
    assert Path("out.docx").read_bytes() == b"a document"
    assert Path("out.xlsx").read_bytes() == pipeline.run_workbook(run_dir)
    assert {Path(name).stat().st_mode & 0o777 for name in ("out.xlsx", "out.docx")} == {0o640}


def refused(*arguments: object) -> str:
    """The one message of a call that writes nothing."""
    before = {path: path.lstat().st_mtime_ns for path in Path().rglob("*")}
    result = report(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert {path: path.lstat().st_mtime_ns for path in Path().rglob("*")} == before
    return result.stderr


def test_a_file_that_is_there_stays(run_dir: Path) -> None:
    Path("out.xlsx").write_text("mine")
    os.symlink("nowhere", "out.docx")
    said = refused(run_dir, "--xlsx", "out.xlsx")
    assert said == ("riskkit: out.xlsx is there already and stays as it is; name another --xlsx\n")
    assert "out.docx is there already" in refused(run_dir, "--docx", "out.docx")
    # neither is written where one cannot be
    assert "out.docx" in refused(run_dir, "--xlsx", "new.xlsx", "--docx", "out.docx")
    assert Path("out.xlsx").read_text() == "mine"


@pytest.mark.parametrize(
    ("option", "file", "message"),
    [
        ("--xlsx", "out.xls", "--xlsx names a .xlsx file, got 'out.xls'"),
        ("--xlsx", "out.docx", "--xlsx names a .xlsx file, got 'out.docx'"),
        ("--docx", "", "--docx names a .docx file, got '.'"),
        ("--docx", ".docx", "--docx names a .docx file, got '.docx'"),
        ("--docx", "no/where/out.docx", "no folder no/where"),
        ("--xlsx", "data/runs/small/out.xlsx", "is in a run's folder: name another --xlsx"),
    ],
)
def test_a_file_that_cannot_be_is_one_message(
    run_dir: Path, option: str, file: str, message: str
) -> None:
    said = refused(run_dir, option, file)
    assert message in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "file", ["02_woe_binning/vintages.parquet", "01_borrowers/applications.parquet",
             "01_borrowers/key_figures.json"],
)  # fmt: skip
def test_an_altered_run_is_refused(run_dir: Path, file: str) -> None:
    path = run_dir / file
    path.write_bytes(path.read_bytes() + b" ")
    said = refused(run_dir, "--xlsx", "out.xlsx", "--docx", "out.docx")
    assert said.endswith(f"{path.name} is not as run small left it: run it again\n")
    path.unlink()
    assert "is not as run small left it" in refused(run_dir, "--xlsx", "out.xlsx")


def test_an_altered_document_is_refused_and_no_workbook_written(run_dir: Path) -> None:
    (run_dir / "06_validation" / "model_card.docx").write_bytes(b"another document")
    said = refused(run_dir, "--xlsx", "out.xlsx", "--docx", "out.docx")
    assert said.endswith("model_card.docx is not as run small left it: run it again\n")


def test_a_run_without_the_document_says_what_to_run(run_dir: Path) -> None:
    (run_dir / "06_validation" / "model_card.docx").unlink()
    seal(run_dir)
    said = refused(run_dir, "--docx", "out.docx")
    assert "was made before there was a model document for Word: run 06_validation again" in said
    shutil.rmtree(run_dir / "06_validation")
    seal(run_dir)
    assert "has left a model document: run 06_validation first" in refused(
        run_dir, "--docx", "out.docx"
    )
    assert "no manifest.json" in refused("notebooks")
    assert "no stage in" in refused("notebooks", "--xlsx", "out.xlsx")


def test_a_manifest_that_says_no_time_is_one_message(run_dir: Path) -> None:
    manifest = json.loads((run_dir / "manifest.json").read_text())
    (run_dir / "manifest.json").write_text(json.dumps(manifest | {"finished": "soon"}))
    assert "does not say when the run was made: 'soon'" in refused(run_dir, "--xlsx", "a.xlsx")

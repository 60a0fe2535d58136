"""Hand-over tables in parts: left whole or not at all, hashed, kept, verified, read in the lab."""

from __future__ import annotations

import datetime
import io
from functools import partial
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from riskkit import pipeline
from riskkit.checks import DataContractError
from riskkit.pipeline.export import run_workbook
from riskkit.pipeline.finished import open_run
from riskkit.pipeline.folders import swap_in
from riskkit.pipeline.handover import Stage
from riskkit.pipeline.history import keep_previous
from riskkit.pipeline.lab import _left
from riskkit.pipeline.large_tables import rows_or_sample
from riskkit.pipeline.manifest import (
    hash_folder,
    is_in_parts,
    read_manifest,
    same_files,
    write_manifest,
)
from riskkit.pipeline.parameters import BadInput
from riskkit.pipeline.verify import changed_files, verify_run
from riskkit.tables import Table, part_path, table, write_table

FIRST, SECOND = "01_borrowers", "02_woe_binning"
N = 60


@pytest.fixture(autouse=True)
def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "BLOCK_ROWS", 25)


def applications() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "application_id": [f"a{k:03}" for k in range(N)],
            "customer_id": [f"c{k // 3:02}" for k in range(N)],
            "amount": np.arange(N),
        }
    )


def panel() -> pd.DataFrame:
    months = pd.DataFrame({"mob": range(2)})
    loans = applications()[["application_id"]].iloc[::2]
    return loans.rename(columns={"application_id": "loan_id"}).merge(months, how="cross")


def parts(frame: pd.DataFrame, folder: Path, rows: int = 20) -> Table:
    folder.mkdir(parents=True)
    for number, start in enumerate(range(0, len(frame), rows)):
        part = frame.iloc[start : start + rows].reset_index(drop=True)
        write_table(part, part_path(folder, number))
    return Table(folder)


def large_run(run_dir: Path, sample: int = 30) -> Path:
    """A run of one stage, whose tables are in parts with a sample beside them."""
    folder = run_dir / FIRST
    folder.mkdir(parents=True)
    stage = Stage(FIRST, folder, run_dir=run_dir)
    for name, frame in {"applications": applications(), "performance": panel()}.items():
        stage.write(name, parts(frame, folder / f".{name}"))
    stage.write("curve", pd.DataFrame({"mob": [0, 1], "rate": [0.1, 0.2]}))
    stage.leave_samples(sample)
    return manifest_of(run_dir)


def manifest_of(run_dir: Path) -> Path:
    moment = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC).isoformat(timespec="seconds")
    outputs = hash_folder(run_dir / FIRST)
    record = {"status": "done", "started": moment, "inputs": {}, "outputs": outputs, "needs": {}}
    manifest = {"run": run_dir.name, "status": "done", "started": moment, "finished": moment}
    write_manifest(run_dir, {**manifest, "stages": {FIRST: record}})
    return run_dir


def doubled(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(amount=2 * frame["amount"])


def failing_at(frame: pd.DataFrame, amount: int) -> pd.DataFrame:
    if (frame["amount"] == amount).any():
        raise RuntimeError("half way")
    return doubled(frame)


def test_parts_are_one_table_with_a_sample_of_whole_customers_beside_them(tmp_path: Path) -> None:
    run_dir = large_run(tmp_path / "big")
    stage = Stage(SECOND, run_dir / SECOND, run_dir=run_dir)
    assert_frame_equal(stage.table("applications").frame(), applications())
    assert stage.table("performance").whole == "loan_id"
    people = stage.rows("applications")
    assert 0 < len(people) <= 30
    assert (people.groupby("customer_id").size() == 3).all()
    loans = stage.rows("performance")
    assert set(loans["loan_id"]) == set(people["application_id"]) & set(panel()["loan_id"])
    assert f"a sample of {len(people)}" in stage.sample_text
    assert list(stage.rows("applications", ["amount"])) == ["amount"]


def test_what_is_said_of_sampled_rows_begins_by_saying_so(tmp_path: Path) -> None:
    run_dir = large_run(tmp_path / "big")
    stage = Stage(SECOND, run_dir / SECOND, run_dir=run_dir)
    assert stage.of_sample("These limits lend 763 CNY.") == (
        "*Of the sample:* These limits lend 763 CNY."
    )
    assert stage.of_sample("") == ""
    told = stage.sampled_findings([("Limits", "mean limits rise", False)])
    assert told == [("Limits", "of the sample: mean limits rise", False)]
    whole = large_run(tmp_path / "whole", sample=0)
    stage = Stage(SECOND, whole / SECOND, run_dir=whole)
    assert stage.of_sample("These limits lend 763 CNY.") == "These limits lend 763 CNY."
    assert stage.sampled_findings([("Limits", "rise", False)]) == [("Limits", "rise", False)]


def test_rows_of_a_table_that_is_too_large_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_dir = large_run(tmp_path / "big", sample=0)
    stage = Stage(SECOND, run_dir / SECOND, run_dir=run_dir)
    assert stage.sample_text == ""
    assert len(stage.rows("applications")) == N
    monkeypatch.setattr("riskkit.pipeline.large_tables.MOST_APPLICATIONS", N - 1)
    with pytest.raises(
        DataContractError, match=r"60 rows, more than the 59 .* sample_applications"
    ):
        stage.rows("applications")


def test_what_is_made_of_each_piece_is_left_in_parts_with_its_sample(tmp_path: Path) -> None:
    run_dir = large_run(tmp_path / "big")
    stage = Stage(SECOND, run_dir / SECOND, run_dir=run_dir)
    stage.output_dir.mkdir()
    left = stage.write_each("scores", doubled, stage.table("applications"))
    assert_frame_equal(left.frame(), doubled(applications()))
    assert is_in_parts(stage.output_dir / "scores.parquet")
    rows = rows_or_sample(stage.output_dir / "scores.parquet")
    assert_frame_equal(rows, doubled(stage.rows("applications")))


def test_a_source_in_single_files_is_sampled_in_all_of_its_tables(tmp_path: Path) -> None:
    """As one in_contract is: a panel of one piece was left whole beside sampled applications."""
    run_dir = tmp_path / "big"
    first = Stage(FIRST, run_dir / FIRST, run_dir=run_dir)
    first.output_dir.mkdir(parents=True)
    for name, frame in {"applications": applications(), "performance": panel()}.items():
        first.write(name, Table([write_table(frame, tmp_path / f"{name}.parquet")]))
    first.leave_samples(30)
    stage = Stage(SECOND, run_dir / SECOND, run_dir=manifest_of(run_dir))
    stage.output_dir.mkdir()
    people = stage.rows("applications")
    assert 0 < len(people) <= 30
    assert set(stage.rows("performance")["loan_id"]) <= set(people["application_id"])
    everybody = stage.table("applications")
    scored = stage.write_each("scores", doubled, everybody.beside(everybody))
    assert_frame_equal(stage.sampled(scored), doubled(people))


def test_a_file_takes_the_place_of_parts_and_parts_that_of_a_file(tmp_path: Path) -> None:
    run_dir = large_run(tmp_path / "big")
    stage = Stage(SECOND, run_dir / SECOND, run_dir=run_dir)
    path = stage.output_dir / "scores.parquet"
    path.parent.mkdir()
    for _ in range(2):
        stage.write("scores", applications())
        assert path.is_file()
        stage.write_each("scores", doubled, stage.table("applications"))
        assert path.is_dir()
        assert_frame_equal(Table(path).frame(), doubled(applications()))
    assert hash_folder(stage.output_dir).keys() == {"scores.parquet"}
    # and of a whole stage that is run again
    for content in (applications(), parts(applications(), run_dir / ".new", rows=50)):
        staging = run_dir / f".{SECOND}"
        staging.mkdir()
        Stage(SECOND, staging, run_dir=run_dir).write("scores", content)
        swap_in(staging, stage.output_dir)
        assert_frame_equal(Table(path).frame(), applications())
    assert [one.name for one in stage.output_dir.iterdir()] == ["scores.parquet"]


@pytest.mark.parametrize("before", [None, "file", "parts"])
def test_an_error_half_way_leaves_what_was_there(tmp_path: Path, before: str | None) -> None:
    run_dir = large_run(tmp_path / "big")
    stage = Stage(SECOND, run_dir / SECOND, run_dir=run_dir)
    stage.output_dir.mkdir()
    asked = stage.table("applications")
    if before == "file":
        stage.write("scores", applications())
    elif before == "parts":
        stage.write("scores", asked)
    was = hash_folder(stage.output_dir)
    with pytest.raises(RuntimeError, match="half way"):
        stage.write_each("scores", partial(failing_at, amount=N - 1), asked)
    assert hash_folder(stage.output_dir) == was
    assert len(was) == (before is not None)
    # a part that a killed kernel has left is no hindrance either
    parts(applications(), stage.output_dir / ".scores" / "scores.parquet")
    stage.write_each("scores", doubled, asked)
    assert hash_folder(stage.output_dir).keys() == {"scores.parquet"}


def change_part(folder: Path) -> None:
    write_table(applications().iloc[:20].assign(amount=1), part_path(folder, 0))


def add_part(folder: Path) -> None:
    write_table(applications().iloc[:1], part_path(folder, 9))


def drop_part(folder: Path) -> None:
    part_path(folder, 1).unlink()


def swap_parts(folder: Path) -> None:
    one, other = part_path(folder, 0), part_path(folder, 1)
    one.rename(folder / "aside")
    other.rename(one)
    (folder / "aside").rename(other)


def change_sample(folder: Path) -> None:
    write_table(applications().iloc[:3], folder / "sample.parquet")


def add_strange_file(folder: Path) -> None:
    (folder / "notes.txt").write_text("mine")


def hide_strange_file(folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / ".notes").write_text("mine")


@pytest.mark.parametrize(
    "tamper",
    [
        change_part, add_part, drop_part, swap_parts, change_sample, add_strange_file,
        hide_strange_file,
    ],
)  # fmt: skip
def test_a_table_in_parts_that_is_not_as_the_run_left_it_is_found(tmp_path: Path, tamper) -> None:
    run_dir = large_run(tmp_path / "big")
    assert changed_files(verify_run(run_dir)) == []
    assert open_run(run_dir).table("performance").whole == "loan_id"
    outputs = read_manifest(run_dir)["stages"][FIRST]["outputs"]
    assert set(outputs) == {"applications.parquet", "performance.parquet", "curve.parquet"}
    tamper(run_dir / FIRST / "applications.parquet")
    assert changed_files(verify_run(run_dir)) == [f"{FIRST}/applications.parquet"]
    assert not same_files(run_dir / FIRST, outputs)
    with pytest.raises(BadInput, match=r"applications\.parquet is not as run big left it"):
        open_run(run_dir)


def test_a_folder_where_a_file_was_and_a_file_where_a_folder_was_are_found(tmp_path: Path) -> None:
    run_dir = large_run(tmp_path / "big")
    stage = Stage(FIRST, run_dir / FIRST, run_dir=run_dir)
    stage.write("applications", applications())
    curve = Table(run_dir / FIRST / "curve.parquet").frame()
    (run_dir / FIRST / "curve.parquet").unlink()
    parts(curve, run_dir / FIRST / "curve.parquet")
    changed = changed_files(verify_run(run_dir))
    assert changed == [f"{FIRST}/applications.parquet", f"{FIRST}/curve.parquet"]


def test_the_run_before_keeps_its_parts_when_new_ones_are_written(tmp_path: Path) -> None:
    run_dir = large_run(tmp_path / "big")
    keep_previous(run_dir, read_manifest(run_dir), [FIRST])
    kept = tmp_path / "big.previous" / FIRST / "applications.parquet"
    own = run_dir / FIRST / "applications.parquet"
    # linked, so that millions of rows are on disk once
    assert part_path(kept, 1).samefile(part_path(own, 1))
    assert (kept / "sample.parquet").samefile(own / "sample.parquet")
    change_part(own)
    assert_frame_equal(Table(kept).frame(), applications())
    assert changed_files(verify_run(tmp_path / "big.previous")) == []


def test_the_lab_opens_over_a_run_of_parts(tmp_path: Path) -> None:
    runs = tmp_path / "data" / "runs"
    run_dir = large_run(runs / "big")
    stage = Stage(SECOND, runs / "lab" / SECOND)
    stage.output_dir.mkdir(parents=True)
    stage.open_in_lab()
    assert len(stage.table("applications")) == N
    assert 0 < len(stage.rows("applications")) <= 30
    assert stage.can_read("applications.amount")
    assert not stage.can_read("scores")
    now = datetime.datetime.now(datetime.UTC)
    assert _left(stage.output_dir, now) == "opened, has left nothing yet"
    stage.write_each("scores", doubled, stage.table("applications"))
    assert stage.can_read("scores.amount")
    assert _left(stage.output_dir, now) == "just now"
    # the run below has not changed
    assert changed_files(verify_run(run_dir)) == []
    # what an earlier opening left does not count
    stage.open_in_lab()
    assert not stage.can_read("scores")


def test_the_workbook_leaves_tables_in_parts_out_and_names_them(tmp_path: Path) -> None:
    run_dir = large_run(tmp_path / "big")
    book = openpyxl.load_workbook(io.BytesIO(run_workbook(run_dir)))
    told = [str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row]
    assert f"{FIRST}/applications.parquet" in told
    assert any(text.endswith("carries ids of applications, and may not fit") for text in told)
    assert "01 curve" in book.sheetnames
    add_strange_file(run_dir / FIRST / "applications.parquet")
    with pytest.raises(pipeline.BadInput, match="is not as run big left it"):
        run_workbook(run_dir)

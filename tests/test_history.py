"""What a run told before, and the run that was there before it."""

import json
import os
import shutil

import pytest

from riskkit.pipeline.history import (
    append_history,
    change_text,
    keep_previous,
    last_before,
    previous_of,
    recover_previous,
)
from riskkit.pipeline.manifest import hash_folder, write_manifest

STAGES = ["01_one", "02_two"]


def run_of(folder, *, told="first", status="done"):
    """A run of two stages that left one file each; its manifest."""
    records = {}
    for number, stage in enumerate(STAGES):
        (folder / stage).mkdir(parents=True, exist_ok=True)
        (folder / stage / "t.txt").write_text(f"{told} {number}")
        records[stage] = {"status": "done", "outputs": hash_folder(folder / stage)}
    records["01_one"]["inputs"] = {}
    records["02_two"]["inputs"] = {
        f"01_one/{name}": sha for name, sha in records["01_one"]["outputs"].items()
    }
    records["02_two"]["status"] = status
    manifest = {
        "run": folder.name, "status": "done", "started": told, "finished": told, "stages": records
    }  # fmt: skip
    write_manifest(folder, manifest)
    return manifest


def test_a_good_run_is_kept_as_it_was(tmp_path):
    folder = tmp_path / "night"
    manifest = run_of(folder)
    keep_previous(folder, manifest, STAGES)
    kept = previous_of(folder)
    assert kept.name == "night.previous"
    assert (kept / "01_one" / "t.txt").samefile(folder / "01_one" / "t.txt")
    # a stage replaces its file, and never writes into it
    (folder / "01_one" / "t.txt").unlink()
    run_of(folder, told="second")
    assert (kept / "01_one" / "t.txt").read_text() == "first 0"
    assert json.loads((kept / "manifest.json").read_text())["started"] == "first"
    keep_previous(folder, run_of(folder, told="second"), STAGES)
    assert (kept / "01_one" / "t.txt").read_text() == "second 0"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["night", "night.previous"]


def test_what_is_not_good_is_not_kept_and_leaves_what_is(tmp_path):
    folder = tmp_path / "night"
    keep_previous(folder, run_of(folder), STAGES)
    failed = run_of(folder, told="second", status="failed")
    keep_previous(folder, failed, STAGES)
    keep_previous(folder, run_of(folder, told="third"), [*STAGES, "03_three"])
    kept = json.loads((previous_of(folder) / "manifest.json").read_text())
    assert kept["started"] == "first"


def test_where_files_cannot_be_linked_they_are_copied(tmp_path, monkeypatch):
    def refused(*_):
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refused)
    folder = tmp_path / "night"
    keep_previous(folder, run_of(folder), STAGES)
    copy = previous_of(folder) / "02_two" / "t.txt"
    assert copy.read_text() == "first 1"
    assert not copy.samefile(folder / "02_two" / "t.txt")


def test_history_grows_by_a_line_a_run_and_tells_the_one_before(tmp_path):
    for day in ("2026-01-01", "2026-01-02", "2026-01-03"):
        manifest = {"started": day, "finished": day, "stages": {"01_one": {"parameters": {"a": 1}}}}
        append_history(tmp_path, manifest, {"01_one": {"Loans": day[-1]}})
    assert last_before(tmp_path, "2026-01-03")["figures"] == {"01_one": {"Loans": "2"}}
    assert last_before(tmp_path, "2026-01-01") == {}
    lines = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert len({line["inputs"] for line in lines}) == 1
    append_history(tmp_path, manifest | {"stages": {"01_one": {"parameters": {"a": 2}}}}, {})
    last = json.loads((tmp_path / "history.jsonl").read_text().splitlines()[-1])
    assert last["inputs"] != lines[0]["inputs"]


def test_a_line_cut_by_a_kill_costs_no_other(tmp_path):
    manifest = {"started": "2026-01-01", "finished": "", "stages": {}}
    append_history(tmp_path, manifest, {"01_one": {"Loans": "1"}})
    with (tmp_path / "history.jsonl").open("a") as file:
        file.write('{"started": "2026-01-02", "figu')
    append_history(tmp_path, manifest | {"started": "2026-01-03"}, {})
    assert last_before(tmp_path, "2026-01-03")["started"] == "2026-01-01"
    assert last_before(tmp_path, "2026-01-09")["started"] == "2026-01-03"


@pytest.mark.parametrize(
    ("now", "before", "told"),
    [
        ("5,000", "6,000", "-1,000"),
        ("57.1%", "56.4%", "+0.7 pp"),
        ("4.47% (13 bads)", "4.47% (12 bads)", "was: 4.47% (12 bads)"),
        ("+0.032 (-0.044 to +0.107)", "-0.010 (…)", "+0.042"),
        ("1 of 6", "1 of 6", "unchanged"),
        ("1 of 6", "2 of 6", "-1"),
        ("568 (scorecard)", "none", "was: none"),
        ("0.5", "50%", "was: 50%"),
        ("−1.5", "1.5", "-3.0"),
        ("", "", "unchanged"),
    ],
)
def test_a_change_is_that_of_the_number_that_begins_the_text(now, before, told):
    assert change_text(now, before) == told


@pytest.mark.parametrize("gone", ["status", "folder", "file"])
def test_a_run_that_did_not_end_or_lost_a_file_is_not_kept(tmp_path, gone):
    folder = tmp_path / "night"
    manifest = run_of(folder)
    if gone == "status":
        manifest["status"] = "running"
    elif gone == "folder":
        shutil.rmtree(folder / "02_two")
    else:
        (folder / "02_two" / "t.txt").unlink()
    keep_previous(folder, manifest, STAGES)
    assert [path.name for path in tmp_path.iterdir()] == ["night"]


@pytest.mark.parametrize("kind", ["folder", "file", "link", "loose", "other"])
def test_what_somebody_put_in_its_place_stays(tmp_path, kind):
    folder = tmp_path / "night"
    manifest = run_of(folder)
    kept = previous_of(folder)
    if kind == "folder":
        kept.mkdir()
        (kept / "notes.txt").write_text("mine")
    elif kind == "file":
        kept.write_text("mine")
    elif kind == "link":
        kept.symlink_to(folder)
    elif kind == "loose":
        kept.symlink_to(tmp_path / "nowhere")
    else:
        run_of(kept)  # a run of another name
        (kept / "notes.txt").write_text("mine")
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    with pytest.warns(UserWarning, match="stays: the run before is not kept"):
        keep_previous(folder, manifest, STAGES)
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before


def test_a_kill_between_the_two_names_loses_nothing(tmp_path):
    folder = tmp_path / "night"
    keep_previous(folder, run_of(folder), STAGES)
    kept = previous_of(folder)
    kept.rename(tmp_path / f".night.previous.{'a' * 32}.old")
    (tmp_path / f".night.previous.{'b' * 32}.new").mkdir()
    mine = tmp_path / ".night.previous.mine.new"
    mine.mkdir()
    recover_previous(folder)
    assert (kept / "01_one" / "t.txt").read_text() == "first 0"
    assert mine.is_dir()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".night.previous.mine.new", "night", "night.previous"
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["symlink", "hard link", "pipe", "folder"])
def test_history_is_written_to_a_file_of_its_own_alone(tmp_path, kind):
    run_dir, other = tmp_path / "night", tmp_path / "other.txt"
    run_dir.mkdir()
    other.write_text("mine")
    path = run_dir / "history.jsonl"
    if kind == "symlink":
        path.symlink_to(other)
    elif kind == "hard link":
        path.hardlink_to(other)
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    manifest = {"started": "2026-01-01", "finished": "2026-01-01", "stages": {}}
    with pytest.warns(UserWarning, match="this run has no line in it"):
        append_history(run_dir, manifest, {})
    assert other.read_text() == "mine"
    assert last_before(run_dir, "2027") == {}


@pytest.mark.parametrize(
    "content", ["[" * 200_000, '{"started":"0","figures":{}}', "\x00", '"x"', "\udcff"]
)
def test_history_that_says_nothing_is_none(tmp_path, content):
    (tmp_path / "history.jsonl").write_text(content, errors="surrogateescape")
    assert last_before(tmp_path, "2027") == {}

"""How many good runs of before are kept, under which names, and what a kill leaves of them."""

import json
import shutil
from pathlib import Path

import pytest
from test_history import STAGES, run_of

from riskkit import pipeline
from riskkit.pipeline import BadInput
from riskkit.pipeline.history import KEPT_NAME, keep_previous, previous_of, recover_previous
from riskkit.pipeline.plan import make_plan

NIGHTS = [f"2026-11-{day:02}T02:00:00+00:00" for day in range(1, 6)]


def names(folder):
    return sorted(path.name for path in folder.parent.iterdir() if path != folder)


def started(folder):
    return json.loads((folder / "manifest.json").read_text())["started"]


def nights(folder, keep, told=NIGHTS, status="done"):
    """So many nights: what was there is kept, then a new run takes its place."""
    for night in told:
        if folder.is_dir():
            manifest = json.loads((folder / "manifest.json").read_text())
            keep_previous(folder, manifest, STAGES, keep)
            # a stage is replaced, never written into
            shutil.rmtree(folder)
        run_of(folder, told=night, status=status)
    return folder


@pytest.mark.parametrize("keep", [1, 2, 3, 9])
def test_the_newest_are_kept_and_the_newest_of_all_has_the_plain_name(tmp_path, keep):
    folder = nights(tmp_path / "night", keep)
    kept = NIGHTS[:-1][::-1][:keep]
    assert started(previous_of(folder)) == kept[0]
    dated = [f"night.previous-{night[:10].replace('-', '')}T020000" for night in kept[1:]]
    assert names(folder) == sorted(["night.previous", *dated])
    for name, night in zip(dated, kept[1:], strict=True):
        assert started(tmp_path / name) == night
        assert (tmp_path / name / "01_one" / "t.txt").read_text() == f"{night} 0"


def test_fewer_wanted_than_are_there_removes_the_oldest(tmp_path):
    folder = nights(tmp_path / "night", 4)
    assert len(names(folder)) == 4
    nights(folder, 2, ["2026-11-06T02:00:00+00:00"])
    assert names(folder) == ["night.previous", "night.previous-20261104T020000"]


def test_runs_of_one_second_are_told_apart(tmp_path):
    folder = nights(tmp_path / "night", 3, NIGHTS[:1] * 6)
    stamp = "night.previous-20261101T020000"
    assert names(folder) == ["night.previous", f"{stamp}-3", f"{stamp}-4"]


def test_a_run_that_is_not_good_costs_no_good_one(tmp_path):
    folder = nights(tmp_path / "night", 2, NIGHTS[:3])
    before = names(folder)
    nights(folder, 2, NIGHTS[3:], status="failed")
    nights(folder, 2, ["2026-11-07T02:00:00+00:00"], status="failed")
    # 03 was good, and is kept since 04 began
    assert started(previous_of(folder)) == NIGHTS[2]
    assert len(names(folder)) == len(before)


def test_what_somebody_has_put_there_is_no_kept_run_and_stays(tmp_path):
    mine = tmp_path / "night.previous-20200101T000000"
    mine.mkdir()
    (mine / "notes.txt").write_text("mine")
    other = tmp_path / "night.previous-notes"
    other.mkdir()
    nights(tmp_path / "night", 2)
    assert (mine / "notes.txt").read_text() == "mine"
    assert other.is_dir()


@pytest.mark.parametrize("moment", range(3))
def test_a_kill_at_any_name_loses_no_good_run(tmp_path, monkeypatch, moment):
    folder = nights(tmp_path / "night", 2, NIGHTS[:3])
    manifest = json.loads((folder / "manifest.json").read_text())
    rename, done = Path.rename, []

    def killed(self, target):
        if len(done) == moment:
            raise KeyboardInterrupt
        done.append(target)
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", killed)
        with pytest.raises(KeyboardInterrupt):
            keep_previous(folder, manifest, STAGES, 2)
    recover_previous(folder)
    assert not [name for name in names(folder) if name.startswith(".")]
    # the newest kept run is the newest that was kept whole
    assert started(previous_of(folder)) == (NIGHTS[2] if moment == 2 else NIGHTS[1])
    keep_previous(folder, manifest, STAGES, 2)
    assert started(previous_of(folder)) == NIGHTS[2]


def test_a_run_may_not_be_called_as_a_kept_one_nor_keep_or_do_nothing(tmp_path):
    (tmp_path / "notebooks").mkdir()
    empty = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "notebooks" / "01_a.ipynb").write_text(json.dumps(empty))
    for name in ("a.previous", "a.previous-20261101T020000", "a.previous-20261101T020000-2"):
        assert KEPT_NAME.search(name)
        with pytest.raises(BadInput, match=r"nor ending as '\.previous' runs do"):
            make_plan(None, {}, "quick", None, None, name, tmp_path, None, None)
    for keep in (0, -1, True):
        with pytest.raises(BadInput, match="keep must be a whole number >= 1"):
            pipeline.run(project=tmp_path, keep=keep)
        with pytest.raises(BadInput, match="jobs must be a whole number >= 1"):
            pipeline.run(project=tmp_path, jobs=keep)
    assert [path.name for path in tmp_path.iterdir()] == ["notebooks"]

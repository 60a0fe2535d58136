"""What a run says of itself in its logs, and what it never does."""

import json

import pytest

from riskkit.pipeline import run_log
from riskkit.pipeline.run_log import LOGS, RunLog, reason_text, trim_logs


@pytest.mark.parametrize(
    ("name", "message", "told"),
    [
        ("KeyError", "'L000123'", "KeyError: …"),
        ("ValueError", "no loan L000123 in “books”\nrow 7: Anna", "ValueError: no loan … in …"),
        ("DataContractError", "amount: 3 rows < 0", "DataContractError: amount: … rows < …"),
        ("RuntimeError", "no answer from postgresql://anna:s3cret@db/risk", "RuntimeError"),
        ("KernelDied", "the notebook's process ended by itself with code 9",
         "KernelDied: the notebook's process ended by itself with code 9"),
        ("MemoryError", "", "MemoryError"),
    ],
)  # fmt: skip
def test_a_reason_holds_no_cell_of_the_data(name, message, told):
    assert reason_text(name, message) == told


def test_a_reason_is_one_line_of_bounded_length():
    told = reason_text("ValueError", "word " * 500 + "\nmore")
    assert len(told) == run_log.LONGEST_REASON
    assert "\n" not in told


def test_each_event_is_a_line_of_text_and_one_of_json(tmp_path):
    log = RunLog(tmp_path)
    log.tell("stage_start", stage="01_a")
    log.tell("stage_end", stage="01_a", status="failed", seconds=1.5, why="KeyError: …")
    text, as_json = ((tmp_path / name).read_text().splitlines() for name in LOGS)
    assert text[1].endswith("stage_end stage=01_a status=failed seconds=1.5 why=KeyError: …")
    line = json.loads(as_json[1])
    assert {key: line[key] for key in ("run", "event", "seconds")} == {
        "run": tmp_path.name, "event": "stage_end", "seconds": 1.5
    }  # fmt: skip
    assert text[1].startswith(line["at"])
    assert "why" not in json.loads(as_json[0])
    for name in LOGS:
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("kind", ["folder", "link", "hard link"])
def test_a_log_that_cannot_be_written_is_told_once_and_costs_the_other_nothing(tmp_path, kind):
    other = tmp_path / "other"
    other.write_text("mine")
    path = tmp_path / LOGS[0]
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to(other)
    else:
        path.hardlink_to(other)
    log = RunLog(tmp_path)
    with pytest.warns(UserWarning, match=r"run\.log .*this run has no line in it from now on"):
        log.tell("run_start")
    log.tell("run_end")
    trim_logs(tmp_path)
    assert other.read_text() == "mine"
    assert len((tmp_path / LOGS[1]).read_text().splitlines()) == 2


def test_a_log_that_has_grown_long_keeps_its_newer_half_by_whole_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(run_log, "MOST_BYTES", 400)
    log = RunLog(tmp_path)
    for number in range(20):
        log.tell("run_start", number=number)
    before = [(tmp_path / name).read_text() for name in LOGS]
    trim_logs(tmp_path)
    for name, was in zip(LOGS, before, strict=True):
        kept = (tmp_path / name).read_text()
        assert was.endswith(kept)
        assert 100 < len(kept) <= 200
        assert kept.splitlines()[0] in was.splitlines()
    trim_logs(tmp_path)
    assert (tmp_path / LOGS[0]).read_text() == before[0][-len((tmp_path / LOGS[0]).read_text()) :]

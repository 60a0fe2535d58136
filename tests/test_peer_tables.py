"""The page that sets riskkit beside other tools, and how its tables come about."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from benchmarks import side_by_side
from benchmarks.peers import beyond, binners, traps
from binning_rows import borrowers

from riskkit.binning import WoeBinner

PAGE = side_by_side.PAGE.read_text()
BORROWERS, LABELS = borrowers()


def test_every_tool_is_pinned_asked_and_has_its_place_on_the_page():
    pinned = {path.stem: path.read_text() for path in side_by_side.SCRIPTS.glob("*.txt")}
    assert set(pinned) == set(side_by_side.PEERS)
    asked = set(binners.BINNERS) | set(beyond.TOOLS)
    assert set(pinned) <= asked
    assert set(pinned) == set(traps.TOOLS)
    assert set(side_by_side.BINNERS) == set(binners.BINNERS)
    assert {name for pair in side_by_side.BEYOND.values() for name in pair} == set(beyond.TOOLS)
    for name, wanted in pinned.items():
        version = re.search(rf"^{name}(?:\[\w+\])?==(\S+)$", wanted, flags=re.M)[1]
        assert f"\n### {name} {version} (" in PAGE
        assert f"\n| {name} {'.'.join(version.split('.')[:2])} |" in PAGE


def test_each_mark_of_the_page_is_there_once():
    marks = ["when", "binning", *side_by_side.BEYOND]
    marks += [f"traps of {name}" for name in side_by_side.PEERS]
    found = {name: f"table of {name}" for name in marks}
    page = side_by_side.put_into(PAGE, found)
    assert all(f"<!-- {name} -->\ntable of {name}\n<!-- end" in page for name in marks)
    assert side_by_side.put_into(page, found) == page
    assert set(re.findall(r"<!-- (?!end)(.*?) -->", PAGE)) == set(marks)
    with pytest.raises(AssertionError, match="another: 0 places"):
        side_by_side.put_into(PAGE, {"another": ""})


def test_information_is_told_from_woe_alone():
    binner = WoeBinner().fit(BORROWERS, LABELS)
    woe = binner.transform(BORROWERS)
    for name, iv in binner.iv.items():
        assert side_by_side.information(woe[name].to_numpy(), LABELS) == pytest.approx(iv)
    # a bin without bads, by half a count
    y = np.array([0, 0, 0, 1, 0, 1])
    assert side_by_side.information(np.array([1, 1, 2, 2, 2, 2]), y) == pytest.approx(
        (2 / 4 - 0) * np.log((2.5 / 4) / (0.5 / 2)) + (2 / 4 - 1) * np.log((2 / 4) / (2 / 2))
    )


def test_a_tool_that_fails_or_takes_too_long_has_its_message(tmp_path, monkeypatch):
    monkeypatch.setattr(side_by_side, "SCRIPTS", tmp_path)
    monkeypatch.setattr(side_by_side, "python_of", lambda name: Path(sys.executable))
    (tmp_path / "fails.py").write_text("raise ValueError('no such thing')")
    (tmp_path / "sleeps.py").write_text("import time; time.sleep(9)")
    assert side_by_side.ask("fails.py", "toad", tmp_path) == {"failed": "ValueError: no such thing"}
    monkeypatch.setattr(side_by_side, "LIMIT_SECONDS", 0.2)
    assert side_by_side.ask("sleeps.py", "toad", tmp_path) == {"failed": "not done in 0.2 s"}


def test_a_table_shows_figures_and_failures():
    table = pd.DataFrame(
        {"seconds": [1.234, np.nan], "version": ["1.0", None], "failed": [None, "no room"]},
        index=["a", "b"],
    )
    columns = {"version": ("version", "{}"), "seconds": ("s", "{:.1f}")}
    assert side_by_side.as_markdown(table, columns).splitlines() == [
        "| tool | version | s |",
        "| --- | --- | ---: |",
        "| a | 1.0 | 1.2 |",
        "| b | failed: no room |  |",
    ]

"""riskkit beside other tools, each in an environment of its own; see side_by_side.py.

Run with ``make bench``. Nothing here holds riskkit to be the faster or the better: that is on the
page, as measured. What is held is that everybody ran, and that the page still says what is so.
"""

import json
import subprocess

import numpy as np
import pandas as pd
import pytest
from benchmarks import side_by_side
from test_coming_from import X, Y, run

ROWS = side_by_side.FOLDER / "rows"


@pytest.fixture(scope="module")
def rows():
    side_by_side.write_rows(ROWS)
    return ROWS


def test_binning(rows):
    table = side_by_side.binning_table(rows)
    print(f"\n{side_by_side.binning_markdown(table)}")
    failed = table.get("failed", pd.Series(dtype=object)).dropna()
    assert failed.to_dict() == {}
    # none of ours is behind the tool whose bins are of the same kind
    assert table.at["riskkit", "iv_unused"] >= 0.99 * table.at["optbinning", "iv_unused"]


@pytest.mark.parametrize("topic", side_by_side.BEYOND)
def test_beyond_binning(rows, topic):
    table = side_by_side.beyond_table(rows, topic).set_index("tool")
    print(f"\n{side_by_side.as_markdown(table, side_by_side.BEYOND_COLUMNS[topic])}")
    assert table.get("failed", pd.Series(dtype=object)).dropna().to_dict() == {}
    assert set(table.index) == {name.split(",")[0] for name in side_by_side.BEYOND[topic]}
    if topic == "cutoffs":
        assert table["approval_rate"].max() == table.loc["riskkit", "approval_rate"]


def test_the_page_has_the_traps_of_the_pinned_versions(rows):
    found = side_by_side.trap_lists(side_by_side.trap_table(rows))
    page = side_by_side.PAGE.read_text()
    assert side_by_side.put_into(page, found) == page


def test_the_bins_of_scorecardpy_become_a_binner(tmp_path):
    """The code on the page, with bins that scorecardpy makes in its own environment."""
    X.assign(bad=Y).to_parquet(tmp_path / "rows.parquet")
    script = side_by_side.SCRIPTS / "scorecardpy_bins.py"
    subprocess.run([side_by_side.python_of("scorecardpy"), script, tmp_path], check=True)
    stored = json.loads((tmp_path / "bins.json").read_text())
    space = run(
        "Coming from scorecardpy", X=X, y=Y, bins={n: pd.DataFrame(t) for n, t in stored.items()}
    )
    theirs, ours = pd.read_parquet(tmp_path / "woe.parquet"), space["ours"]
    # codes and missing words are binned there, and scored otherwise: see its traps
    apart = {"late": X["late"] == -9, "job": X["job"].isna()}
    for name in ours:
        own = apart.get(name, pd.Series(False, X.index))
        np.testing.assert_allclose(ours.loc[~own, name], -theirs.loc[~own, name], atol=1e-12)
        table = pd.DataFrame(stored[name])
        if own.any():
            (woe,) = table.loc[table["is_special_values"], "woe"]
            np.testing.assert_allclose(ours.loc[own, name], -woe, atol=1e-12)

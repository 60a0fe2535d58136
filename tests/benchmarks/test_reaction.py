"""How fast the editors answer a click, in a real browser on a real JupyterLab.

`pytest -s tests/benchmarks/test_reaction.py` prints the median and the slowest of 50 moves at
1,000,000 applicants; the time is the browser's own, from the click to the drawing that answers it.
"""

import statistics

import nbformat
import pytest
from jupyter_lab import Lab, served

N = 1_000_000
MOVES = 50

BINS = f"""
import numpy as np, pandas as pd
from riskkit import binning, widgets
rng = np.random.default_rng(1)
age = rng.integers(20, 70, {N}).astype(float)
job = pd.Series(rng.choice(list("abcdefgh"), {N})).astype("str")
bad = rng.random({N}) < 1 / (1 + np.exp(1.5 + age / 30))
day = pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 700, {N}), "D")
loans = pd.DataFrame({{"application_id": np.arange({N}).astype(str), "applied_at": day,
                      "age": age, "job": job, "default_flag": bad.astype(float)}})
sample = np.where(rng.random({N}) < 0.7, "train", "test")
training = loans[sample == "train"]
binner = binning.WoeBinner(trend="none").fit(training[["age", "job"]], training["default_flag"])
editor = widgets.bin_editor(binner, loans, sample)
editor.act({{"act": "look", "feature": "age"}})
editor
"""
CUTOFF = f"""
import numpy as np, pandas as pd
from riskkit import strategy, widgets
rng = np.random.default_rng(1)
risk = rng.normal(size={N})
bad = rng.random({N}) < 1 / (1 + np.exp(2.2 - 1.2 * risk))
approved = risk + rng.normal(0, 1, {N}) < 1
booked = approved & (rng.random({N}) < 0.9)
scores = pd.DataFrame({{
    "scorecard": np.rint(600 - 20 * (risk + rng.normal(0, 1.2, {N}))),
    "challenger": np.rint(600 - 20 * (risk + rng.normal(0, 0.5, {N}))),
}})
amount = rng.integers(1, 20, {N}) * 50_000
money = strategy.loan_values(amount, loss_rate=0.6, cost_amount=10, margin_rate=0.12)
flag = np.where(booked, bad * 1.0, np.nan)
loans = money.assign(amount=amount, approved=approved, booked=booked, default_flag=flag)
sha256 = dict.fromkeys(scores, "0" * 64)
session = widgets.CutoffSession(scores, loans, sha256=sha256, chosen_on="a million")
widgets.CutoffExplorer(session)
"""
# from the click to the drawing that answers it; a click that changes nothing is no move
TIMED = """async ([host, moves, click]) => {
  const act = new Function("host", "at", click);
  const times = [];
  for (let at = 0; at < moves; at += 1) {
    times.push(await new Promise((done) => {
      const watch = new MutationObserver(() => {
        watch.disconnect();
        requestAnimationFrame(() => done(performance.now() - begun));
      });
      watch.observe(host, { childList: true });
      const begun = performance.now();
      act(host, at);
    }));
  }
  return times;
}"""
CLICKS = {
    "bins": """const key = at % 2 ? "undo" : "merge-0";
      host.querySelector(`[data-key="${key}"]`).click();""",
    "cutoff": """const slider = host.querySelectorAll("input[type=range]")[1];
      slider.value = 20 + (at % 40);
      slider.dispatchEvent(new Event("input"));""",
}


@pytest.mark.parametrize(("name", "cell"), [("bins", BINS), ("cutoff", CUTOFF)])
def test_an_editor_answers_at_once(chromium, tmp_path, name, cell):
    project = tmp_path / "project"
    (project / "notebooks").mkdir(parents=True)
    cells = [nbformat.v4.new_code_cell("pass") for _ in range(5)]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell), *cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, project / "notebooks" / "00_move.ipynb")
    with served(project, tmp_path / "settings") as address:
        lab = Lab(chromium, address)
        lab.open("00_move.ipynb")
        lab.run_all()
        host = lab.editor().element_handle()
        times = lab.page.evaluate(TIMED, [host, MOVES, CLICKS[name]])
    print(
        f"\n{name}: {MOVES} moves at {N:,} applicants, median {statistics.median(times):.0f} ms, "
        f"slowest {max(times):.0f} ms"
    )
    assert len(times) == MOVES

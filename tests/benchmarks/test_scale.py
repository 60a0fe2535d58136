"""Time and peak memory over the size of the world and of a table, each in a process of its own.

Run with ``make bench``. What must hold at any size is a ratio: ten times the applicants cost ten
times the time and no more memory.
"""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from riskkit import schema, tables

SIZES = (100_000, 1_000_000, 10_000_000)
# a portfolio on disk by two threads, with a progress bar; then what it took, as JSON
WRITE = """
import json, resource, sys, time
from concurrent.futures import ThreadPoolExecutor
from tqdm import tqdm
from riskkit import synthetic
folder, n = sys.argv[1], int(sys.argv[2])
start, loan_months = time.perf_counter(), 0
with ThreadPoolExecutor(2) as pool:
    parts = synthetic.write_portfolio(folder, synthetic.Lender(), n, seed=1, executor=pool)
    with tqdm(total=n, unit="applicant", unit_scale=True) as bar:
        for part in parts:
            bar.update(part["applications"])
            loan_months += part["performance"]
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"seconds": seconds, "peak_bytes": peak, "loan_months": loan_months}))
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Seconds, peak memory and loan-months by number of applicants."""
    taken = {}
    for n in SIZES:
        folder = tmp_path_factory.mktemp(f"world{n}")
        command = [sys.executable, "-c", WRITE, str(folder), str(n)]
        answer = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
        taken[n] = json.loads(answer.stdout)
        assert len(tables.Table(folder / "applications")) == n
        assert len(tables.Table(folder / "performance")) == taken[n]["loan_months"]
        for path in sorted(folder.rglob("*.parquet")):
            path.unlink()
    for n, run in taken.items():
        print(
            f"\n{n:>10,} applicants, {run['loan_months']:>11,} loan-months: "
            f"{run['seconds']:6.1f} s, {run['seconds'] / n * 1e6:5.1f} s a million, "
            f"peak {run['peak_bytes'] / 2**30:.2f} GiB"
        )
    return taken


def test_ten_times_the_applicants_take_ten_times_the_time(runs):
    million, ten = runs[1_000_000], runs[10_000_000]
    assert ten["seconds"] / 10 <= 1.3 * million["seconds"]


def test_memory_is_bounded_by_a_block(runs):
    assert runs[10_000_000]["peak_bytes"] <= 1.3 * runs[1_000_000]["peak_bytes"]


# counts of a folder of parquet parts by two threads, then the bins; then what it took, as JSON
COUNT = """
import json, resource, sys, time
from riskkit import binning, schema, tables
start = time.perf_counter()
table = tables.Table(sys.argv[1])
counts = binning.count_features(table, "default_flag")
counted = time.perf_counter()
binner = binning.WoeBinner().fit_counts(counts)
end = time.perf_counter()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"count": counted - start, "bin": end - counted, "peak_bytes": peak,
                  "rows": int(counts["x0"].total.sum())}))
"""
N_FEATURES, ROWS_A_PART = 80, 250_000


def _write_features(folder, n_rows):
    """Parts of 80 numbers, an id and a label that half of them move."""
    rng = np.random.default_rng(1)
    for number in range(n_rows // ROWS_A_PART):
        first = number * ROWS_A_PART
        values = rng.standard_normal((N_FEATURES, ROWS_A_PART), dtype=np.float32)
        logit = values[::2].sum(axis=0) / 10 - 2.5
        frame = pd.DataFrame(
            values.T.astype(np.float64), columns=[f"x{i}" for i in range(N_FEATURES)]
        )
        frame["default_flag"] = (rng.random(ROWS_A_PART) < 1 / (1 + np.exp(-logit))).astype(int)
        frame["application_id"] = [f"A{i:08d}" for i in range(first, first + ROWS_A_PART)]
        schema.write_table(frame, tables.part_path(folder, number))


@pytest.fixture(scope="module")
def counting(tmp_path_factory):
    """Seconds and peak memory of counting by number of rows."""
    folder = tmp_path_factory.mktemp("features")
    taken = {}
    for n_rows in (1_000_000, 20_000_000):
        _write_features(folder, n_rows)
        size = sum(path.stat().st_size for path in folder.iterdir())
        command = [sys.executable, "-c", COUNT, str(folder)]
        answer = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
        taken[n_rows] = json.loads(answer.stdout)
        assert taken[n_rows]["rows"] == n_rows
        print(
            f"\n{n_rows:>10,} × {N_FEATURES} ({n_rows * N_FEATURES * 8 / 1e9:.1f} GB as float64, "
            f"{size / 1e9:.1f} GB of parquet): counted in {taken[n_rows]['count']:.1f} s, "
            f"{taken[n_rows]['count'] / n_rows * 1e6:.2f} s a million, binned in "
            f"{taken[n_rows]['bin']:.1f} s, peak {taken[n_rows]['peak_bytes'] / 2**30:.2f} GiB"
        )
    for path in folder.iterdir():
        path.unlink()
    return taken


def test_twenty_million_rows_are_counted_in_bounded_memory(counting):
    assert counting[20_000_000]["peak_bytes"] <= 3 * 2**30


def test_twenty_times_the_rows_take_twenty_times_the_time(counting):
    assert counting[20_000_000]["count"] / 20 <= 1.3 * counting[1_000_000]["count"]

"""Time and peak memory over the size of the world, each size in a process of its own.

Run with ``make bench``. What must hold at any size is a ratio: ten times the applicants cost ten
times the time and no more memory.
"""

import json
import subprocess
import sys

import pytest

from riskkit import schema

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
        assert len(schema.Table(folder / "applications")) == n
        assert len(schema.Table(folder / "performance")) == taken[n]["loan_months"]
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

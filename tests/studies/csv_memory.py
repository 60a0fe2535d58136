"""Does memory stay bounded where a CSV is larger than memory?

A CSV of so many bytes is made, turned into parquet parts of text, read as numbers and counted, all
but the making in a process of its own, whose peak memory is read. The file is gone afterwards.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

from studies import Study

MIB = 2**20
N_NUMBERS, BLOCK_ROWS = 12, 100_000

# VmHWM, since a child inherits ru_maxrss from the process that started it
COUNT = """
import json, re, sys, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from riskkit import binning, partitions, tables

def numbers_of(block):
    numbers = [name for name in block if name.startswith("x")]
    return {"loans": block.astype(dict.fromkeys(numbers, "float64") | {"bad": "int8"})}

def memory(key):
    return int(re.search(rf"{key}:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024

source, folder, scale = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
tables.parts.PART_BYTES //= scale
tables.table.BLOCK_BYTES //= scale
tables.csv_files.CSV_BYTES //= scale
before, start = memory("VmRSS"), time.perf_counter()
with ThreadPoolExecutor(2) as two:
    text = tables.as_parts(source, folder / "text")
    for _ in partitions.each(numbers_of, text.blocks(), folder / "read", two):
        pass
    loans = tables.Table(folder / "read" / "loans")
    counts = binning.count_features(loans, "bad", executor=two)
assert {int(feature.total.sum()) for feature in counts.values()} == {len(loans)}
seconds, peak = time.perf_counter() - start, memory("VmHWM")
print(json.dumps({
    "rows": len(loans),
    "seconds": round(seconds, 1),
    "peak_mib": round(peak, 1),
    "taken_mib": round(peak - before, 1),
}))
"""


def write_csv(path: Path, n_bytes: int, seed: int) -> None:
    """At least so many bytes of loans: an id, a date, numbers of several kinds, a city, a label."""
    rng = np.random.default_rng(seed)
    days = np.array([f"2023-{month:02d}-{day:02d}" for month in range(1, 13) for day in (1, 9, 28)])
    first = 0
    with path.open("wb") as file:
        while file.tell() < n_bytes:
            ids = np.arange(first, first + BLOCK_ROWS)
            columns = {"application_id": np.char.mod("A%09d", ids)}
            columns["applied_at"] = rng.choice(days, BLOCK_ROWS)
            for number in range(N_NUMBERS):
                values = rng.exponential(10.0**number, BLOCK_ROWS) / 1000
                columns[f"x{number}"] = values.round(number % 4)
            columns["city"] = rng.choice(["上海", "München", "Delhi", "Łódź"], BLOCK_ROWS)
            columns["bad"] = (rng.random(BLOCK_ROWS) < 0.1).astype(int)
            options = csv.WriteOptions(include_header=first == 0)
            csv.write_csv(pa.table(columns), file, options)
            first += BLOCK_ROWS


def measure(mebibytes: int, scale: int, seed: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="riskkit-study-") as name:
        source = Path(name) / "loans.csv"
        write_csv(source, mebibytes * MIB, seed)
        command = [sys.executable, "-c", COUNT, str(source), name, str(scale)]
        answer = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
        return {"bytes": source.stat().st_size, **json.loads(answer.stdout)}


STUDY = Study(
    name="csv_memory",
    modules=("tables", "partitions", "binning"),
    cases=[
        *({"mebibytes": 75, "scale": 32, "seed": seed} for seed in range(1, 9)),
        *({"mebibytes": size, "scale": 1, "seed": 1} for size in (100, 1_000, 5_000)),
    ],
    measure=measure,
)

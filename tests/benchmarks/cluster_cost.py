"""What a run costs on a cluster, reckoned from runs that were measured: time, bytes and memory.

Takes what ``make scale SIZE=… WORKERS=1 JOBS=1`` left of one size or two; prints a row a stage for
as many applicants and workers as are asked::

    python tests/benchmarks/cluster_cost.py scale-1000000-dask1 scale-3000000-dask1 \\
        --applicants 1000000000 --workers 100

A stage takes what it does alone, then for each pass over blocks the tasks shared by the workers,
what the pass took beside its tasks, and the way of the bytes: what is sent with each block and what
comes back goes through the stage's network card; what is sent once goes to the scheduler, to a
worker, and from each that has it to another, so that twice as many have it each time. Of two runs
each measure is continued as a straight line; of one it is taken as it is, so that only the number
of workers may differ.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import pandas as pd

RUNS = Path(__file__).parents[2] / "data" / "runs"
ONCE_BYTES = 1 << 16  # a task larger than this is sent once to each worker, not with each block
NETWORK_BYTES = 1.25e9  # a second, of 10 Gbit/s
MEASURES = ["alone s", "tasks s", "beside s", "blocks", "each block", "each worker", "results"]


def measured(run: Path) -> tuple[pd.DataFrame, int]:
    """Seconds, blocks, bytes and memory of each stage of a run, and its number of applicants."""
    if not (run / "stages.csv").is_file():
        raise SystemExit(f"{run.name} is no run that make scale has ended")
    stages = pd.read_csv(run / "stages.csv", index_col="stage")
    passes = pd.read_json(run / "passes.jsonl", lines=True)
    once = passes["sent_bytes"] > ONCE_BYTES
    passes["each worker"] = passes["sent_bytes"].where(once, 0)
    passes["each block"] = passes["sent_bytes"].mask(once, 0) * passes["blocks"]
    passes["beside s"] = (passes["seconds"] - passes["task_seconds"]).clip(0)
    table = passes.groupby("stage").agg(
        **{
            "pass s": ("seconds", "sum"),
            "tasks s": ("task_seconds", "sum"),
            "beside s": ("beside s", "sum"),
            "blocks": ("blocks", "sum"),
            "each block": ("each block", "sum"),
            "each worker": ("each worker", "sum"),
            "results": ("result_bytes", "sum"),
        }
    )
    table = table.reindex(stages.index).fillna(0)
    table["alone s"] = stages["stage seconds"] - table["pass s"]
    table["peak GiB"] = stages["peak GiB"]
    return table[[*MEASURES, "peak GiB"]], int(stages["size"].iloc[0])


def at_size(runs: list[tuple[pd.DataFrame, int]], applicants: int) -> pd.DataFrame:
    """The measures at another size, on the straight line through the smallest and the largest."""
    (small, n_small), (large, n_large) = runs[0], runs[-1]
    if n_small == n_large:
        if applicants != n_large:
            raise SystemExit("another number of applicants needs runs of two sizes")
        return large
    slope = (large - small) / (n_large - n_small)
    return (large + slope * (applicants - n_large)).clip(lower=0)


def cost(table: pd.DataFrame, workers: int, network: float) -> pd.DataFrame:
    """Seconds of each stage by where they go."""
    hops = 2 + math.ceil(math.log2(workers))
    carried = table["each block"] + table["each worker"] * hops + table["results"]
    found = pd.DataFrame(
        {
            "alone s": table["alone s"],
            "tasks s": table["tasks s"] / workers,
            "beside s": table["beside s"],
            "network s": carried / network,
        }
    )
    found["all s"] = found.sum(axis=1)
    found["s a block"] = table["tasks s"] / table["blocks"]
    found["KB a block back"] = table["results"] / table["blocks"] / 1e3
    found["sent GB"] = (table["each block"] + table["each worker"]) / 1e9
    found["back GB"] = table["results"] / 1e9
    return found.assign(**{"peak GiB": table["peak GiB"]})


def main() -> None:
    """Reckon, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", nargs="+")
    parser.add_argument("--applicants", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--network", type=float, default=NETWORK_BYTES, help="bytes a second")
    asked = parser.parse_args()
    runs = sorted((measured(RUNS / run) for run in asked.run), key=lambda pair: pair[1])
    table = at_size(runs, asked.applicants or runs[-1][1])
    found = cost(table, asked.workers, asked.network)
    found.loc["all"] = found.sum()
    found.loc["all", "peak GiB"] = found["peak GiB"].iloc[:-1].max()
    found.loc["all", ["s a block", "KB a block back"]] = float("nan")
    pd.set_option("display.width", 200)
    print(found.round(2).to_string())


if __name__ == "__main__":
    main()

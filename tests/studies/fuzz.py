"""Does anything drawn at random at a door end otherwise than with a result or one message?

Mappings, CSV, parquet, models and parameters of runs are drawn by ``tests/fuzz.py``; bad is a
traceback, a code that is neither 0 nor 2, no message, a file changed or left behind, or an altered
model that was used.
"""

import fuzz
import numpy as np

from studies import Study

N_DRAWS = 200


def measure(door: str, seed: int) -> dict[str, float]:
    """What became of the draws."""
    tried, bad = fuzz.fuzz(door, N_DRAWS, seed)
    return {"tried": tried, "bad": len(bad)}


def none_bad(values: np.ndarray) -> tuple[float, float]:
    """No more than any row of the table has."""
    return values.min(), values.max()


STUDY = Study(
    name="fuzz",
    modules=("checks", "columns", "tables", "schema", "scoring", "pipeline", "draft", "cli"),
    cases=[{"door": door, "seed": seed} for door in fuzz.DOORS for seed in range(1, 11)],
    measure=measure,
    interval=none_bad,
)

"""Is a spoilt file ever read as something else, or refused without saying what is wrong?

A random clean table, with columns of every kind, is spoilt by each spoiler of ``tests/spoilers.py``
so many times; what comes of it is the clean source, or one message that names the column, the row
and the fault, and shows no value of an id, a name or a protected column.
"""

from collections import Counter

import numpy as np
import spoilers

from studies import Study

N_DRAWS = 100


def measure(spoiler: str, seed: int) -> dict[str, float]:
    """What became of the draws."""
    draws = range(seed * N_DRAWS, (seed + 1) * N_DRAWS)
    outcomes = Counter(spoilers.outcome(spoiler, draw)[0] for draw in draws)
    read, refused = outcomes["read"], outcomes["refused"]
    return {"read": read, "refused": refused, "neither": N_DRAWS - read - refused}


def extremes(values: np.ndarray) -> tuple[float, float]:
    """The least and the greatest number that any row of the table has."""
    return values.min(), values.max()


STUDY = Study(
    name="spoilers",
    modules=("checks", "columns", "tables", "schema", "target"),
    cases=[{"spoiler": name, "seed": 0} for name in spoilers.SPOILERS],
    measure=measure,
    interval=extremes,
)

"""Does any spoilt mapping end in something else than one message and exit code 2?

Mutants of ``tests/mutants.py``, so many of each kind, through ``riskkit validate``.
"""

import tempfile
from pathlib import Path

import mutants

from studies import Study
from studies.spoilers import extremes

N_MUTANTS = 14  # of each kind


def measure(kind: str, seed: int) -> dict[str, float]:
    """How many mutants did what they should not, and the seconds of the slowest."""
    verdicts = []
    for number in range(seed * N_MUTANTS, (seed + 1) * N_MUTANTS):
        with tempfile.TemporaryDirectory(prefix="riskkit-study-") as folder:
            verdicts.append(mutants.verdict(kind, number, Path(folder)))
    faulty = sum(bool(verdict.faults) for verdict in verdicts)
    slowest = max(verdict.seconds for verdict in verdicts)
    return {"mutants": len(verdicts), "faulty": faulty, "slowest_seconds": round(slowest, 2)}


STUDY = Study(
    name="mutants",
    modules=("checks", "columns", "schema", "tables", "cli"),
    cases=[{"kind": kind, "seed": 0} for kind in mutants.MUTATIONS],
    measure=measure,
    interval=extremes,
)

"""Full counts that take hours: each study leaves a table, and a test repeats a slice of it.

A study is a module of this folder with a ``STUDY``. ``make study NAME`` fills ``NAME.csv`` beside
it, one row a case, with the commit and the hash of the modules that the row measured. A study that
was killed goes on where it was: what these very modules have measured is not measured again.
"""

import hashlib
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from riskkit import tables

FOLDER = Path(__file__).parent
PROJECT = FOLDER.parents[1]


def prediction_interval(values: np.ndarray) -> tuple[float, float]:
    """Where one more value of the same normal distribution lies 999 times in a thousand.

    Source: Hahn, Meeker (1991), Statistical Intervals, section 4.7.
    """
    n = len(values)
    assert n >= 3, f"an interval needs at least three seeds, got {n}"
    width = stats.t.ppf(0.9995, n - 1) * values.std(ddof=1) * np.sqrt(1 + 1 / n)
    return values.mean() - width, values.mean() + width


@dataclass(frozen=True)
class Study:
    """What is measured, on which cases, and how close a repetition must come.

    Parameters
    ----------
    name : str
        Of its module and of its table.
    modules : sequence of str
        Rooms of riskkit that the numbers depend on.
    cases : sequence of dict
        Arguments of `measure`, of the same names in each case, ``seed`` among them.
    measure : callable
        ``measure(**case)`` returns a dict of numbers.
    interval : callable
        From the values of one number, one a seed, to the least and the greatest that a repetition
        may find.
    folder : Path
        Where the table stands.
    """

    name: str
    modules: Sequence[str]
    cases: Sequence[Mapping[str, Any]]
    measure: Callable[..., Mapping[str, float]]
    interval: Callable[[np.ndarray], tuple[float, float]] = prediction_interval
    folder: Path = FOLDER

    @property
    def path(self) -> Path:
        return self.folder / f"{self.name}.csv"

    def rows(self, **case: Any) -> pd.DataFrame:
        """The rows so far of a case, or of a part of one such as all its seeds; as text."""
        if not self.path.exists():
            return pd.DataFrame(columns=["commit", "modules"])
        return _of_case(pd.read_csv(self.path, dtype="str", keep_default_na=False), case)


def _of_case(rows: pd.DataFrame, case: Mapping[str, Any]) -> pd.DataFrame:
    for name, value in case.items():
        rows = rows[rows[name] == str(value)] if name in rows else rows[:0]
    return rows


def modules_hash(modules: Sequence[str], source: Path = PROJECT / "src" / "riskkit") -> str:
    """sha256 over the names and bytes of the modules' files."""
    total = hashlib.sha256()
    for name in sorted(modules):
        for path in sorted((source / name).rglob("*.py")) or [source / f"{name}.py"]:
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            total.update(f"{path.relative_to(source).as_posix()} {content}\n".encode())
    return total.hexdigest()


def run(study: Study, say: Callable[[str], None] = print) -> None:
    """Fill the study's table, which is written whole after each case.

    A row that other modules have left stays until its case is measured again; the row of a case
    that is no more goes.
    """
    modules, commit = modules_hash(study.modules), _commit()
    for number, case in enumerate(study.cases, 1):
        place = f"{study.name} {number}/{len(study.cases)} {dict(case)}"
        if (study.rows(**case)["modules"] == modules).any():
            say(f"{place}: there")
            continue
        found = study.measure(**case)
        row = {**case, **found, "commit": commit, "modules": modules}
        there = study.rows()
        measured = [
            pd.DataFrame([row]).astype("str") if other is case else _of_case(there, other)
            for other in study.cases
        ]
        with tables.whole(study.path) as path:
            pd.concat(measured).to_csv(path, index=False)
        say(f"{place}: {dict(found)}")


def compare(
    study: Study, found: Mapping[str, float], record: Callable[[str, object], None], **case: Any
) -> None:
    """Hold what a slice found to the study's interval of its case, over all seeds of the table.

    Where the modules are no longer those that were measured, nothing fails: `record` (pytest's
    ``record_property``) is told that the study is stale and which numbers it no longer has, and the
    summary of the tests shows it.
    """
    rows = study.rows(**case)
    assert len(rows), f"no row of {case} in {study.path.name}: make study {study.name}"
    beyond = []
    for name, value in found.items():
        low, high = study.interval(rows[name].astype(float).to_numpy())
        if not low <= value <= high:
            beyond.append(f"{name} {value:.6g} was {low:.6g} to {high:.6g}")
    if set(rows["modules"]) == {modules_hash(study.modules)}:
        assert not beyond, f"{study.name} {case}: {'; '.join(beyond)}"
    else:
        changed, commits = ", ".join(study.modules), ", ".join(sorted(set(rows["commit"])))
        told = [f"{study.name}: stale, {changed} are not all as they were at {commits}", *beyond]
        record("stale", "; ".join(told))


def stale(reports: Iterable[Any]) -> list[str]:
    """What pytest's reports say of stale studies, each once."""
    told = [pair for report in reports for pair in getattr(report, "user_properties", ())]
    return sorted({text for name, text in told if name == "stale"})


def _commit() -> str:
    """The commit at hand; "+" where the package is not as that left it."""
    git = ["git", "-C", str(PROJECT)]
    commit = subprocess.check_output([*git, "rev-parse", "--short=12", "HEAD"], text=True).strip()
    changed = subprocess.check_output([*git, "status", "--porcelain", "src"], text=True)
    return f"{commit}+" if changed else commit

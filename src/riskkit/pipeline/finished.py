"""A run that is over, to be read and not to be worked in: what it was made of, and what it left.

Takes a run's folder; gives a :class:`FinishedRun`, every file of which is as the run left it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riskkit.pipeline.front_page import key_figures_in
from riskkit.pipeline.handover import KEY_FIGURES, WHOLE, require_as_left
from riskkit.pipeline.large_tables import rows_or_sample, sample_of
from riskkit.pipeline.manifest import read_manifest, stage_state
from riskkit.pipeline.notebooks import find_notebooks, find_project
from riskkit.pipeline.parameters import BadInput
from riskkit.pipeline.report import DOCUMENTS
from riskkit.tables import Table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FinishedRun", "open_run"]


@dataclass(frozen=True)
class FinishedRun:
    """A run whose stages are done and whose files are those of its manifest.

    Parameters
    ----------
    run_dir : Path
    manifest : mapping of str to Any
    """

    run_dir: Path
    manifest: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Name of the run's folder."""
        return self.run_dir.name

    def path(self, filename: str) -> Path | None:
        """Path of a file that a stage left, the last one that did; None where none has."""
        for stage, record in sorted(self.manifest["stages"].items(), reverse=True):
            if filename in record["outputs"]:
                return self.run_dir / stage / filename
        return None

    def table(self, name: str) -> Table | None:
        """A table that a stage left, as a handle on its rows; None where none has."""
        path = self.path(f"{name}.parquet")
        return None if path is None else Table(path, whole=WHOLE.get(name))

    def rows(self, name: str, columns: Sequence[str] | None = None) -> pd.DataFrame | None:
        """Rows of a table that a stage left; None where none has.

        All of them; of a table in parts, those of the sampled customers, where there is a sample.

        Raises
        ------
        DataContractError
            A column is missing, or there are too many rows and no sample.
        """
        path = self.path(f"{name}.parquet")
        return None if path is None else rows_or_sample(path, columns)

    @property
    def n_sampled(self) -> int | None:
        """How many applications :meth:`rows` reads; None where it reads all, or there are none."""
        path = self.path("applications.parquet")
        sample = None if path is None else sample_of(path)
        return None if sample is None else len(sample)

    def hashes(self) -> dict[str, str]:
        """``stage/file`` → sha256 of all that the stages left, but for documents.

        These say the same as tables and models do, and name their run.
        """
        return {
            f"{stage}/{name}": sha
            for stage, record in sorted(self.manifest["stages"].items())
            for name, sha in sorted(record["outputs"].items())
            if not name.endswith(DOCUMENTS)
        }

    def source_hashes(self) -> list[str] | None:
        """Hashes of the mapping and its files; none where the lender is simulated.

        None where a database was read, of which nobody keeps a hash.
        """
        first = min(self.manifest["stages"], default="")
        hashes: list[str] | None = self.manifest["stages"].get(first, {}).get("source_files", [])
        return hashes

    def parameters(self) -> dict[str, Any]:
        """Parameter → value, as the user gave it; those without effect are not among them."""
        return {
            name: value
            for _, record in sorted(self.manifest["stages"].items())
            for name, value in record.get("parameters", {}).items()
        }

    def meanings(self) -> dict[str, str]:
        """Parameter → what it means, from the project's notebooks; empty outside a project."""
        try:
            notebooks = find_notebooks(find_project(self.run_dir))
        except BadInput:
            return {}
        return {
            name: parameter.help
            for notebook in notebooks
            for name, parameter in notebook.parameters.items()
        }

    def key_figures(self, filename: str) -> dict[str, str]:
        """Key figures of the stage that left that file, label → text; none where none has."""
        path = self.path(filename)
        listed = (
            path is not None and KEY_FIGURES in self.manifest["stages"][path.parent.name]["outputs"]
        )
        return key_figures_in(path.parent) if path is not None and listed else {}


def open_run(run_dir: str | Path) -> FinishedRun:
    """The run in that folder, all of its files held to its manifest.

    Stages that the run was not asked for are simply not there.

    Raises
    ------
    BadInput
        The folder is no run's; a stage failed, is out of date or has not run to its end; a file is
        not as the run left it.
    """
    given, run_dir = Path(run_dir), Path(run_dir).resolve()
    manifest = read_manifest(run_dir)
    if not manifest:
        raise BadInput(f"{str(given)[:200]} is not a run's folder: it has no manifest.json")
    stages = manifest["stages"]
    states = {stage: stage_state(manifest, stage) for stage in sorted(stages)}
    for stage, state in states.items():
        if state != "done":
            raise BadInput(f"{stage} of run {run_dir.name} is {state}: run it again")
    if manifest.get("status") != "done" or not stages:
        raise BadInput(f"run {run_dir.name} has not run to its end: run it again")
    for stage, record in stages.items():
        for name, sha in record["outputs"].items():
            require_as_left(run_dir / stage / name, sha, run_dir)
    return FinishedRun(run_dir, manifest)

"""May these stages run on what is there of their run.

Takes a plan and the run's manifest; gives nothing, or refuses before anything is replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from riskkit.pipeline.handover import FINDINGS, KEY_FIGURES
from riskkit.pipeline.manifest import left_in, same_files, stage_state
from riskkit.pipeline.parameters import BadInput
from riskkit.pipeline.plan import Plan
from riskkit.pipeline.stage_graph import needed_by, not_declared

__all__ = ["check_needed", "check_strangers"]


def check_needed(plan: Plan, manifest: Mapping[str, Any]) -> None:
    """Refuse to start where what the stages need, and are not to run, is not there, or not alike.

    Raises
    ------
    BadInput
    """
    selected = {stage.name for stage in plan.selected}
    for earlier in plan.notebooks:
        readers = [s for s in plan.selected if earlier.name in needed_by(plan.needs, [s.name])]
        if earlier.name in selected or not readers:
            continue
        state = stage_state(manifest, earlier.name)
        record = manifest["stages"].get(earlier.name, {})
        if state == "done" and not same_files(plan.run_dir / earlier.name, record["outputs"]):
            state = "changed on disk"
        if state != "done":
            raise BadInput(
                f"{readers[0].name} needs {earlier.name}, which is {state} in run {plan.name!r}: "
                f"run it first (--from {earlier.name[:2]})"
            )
        if told := not_declared(earlier, record["outputs"], readers):
            raise BadInput(told)
        for stage in readers:
            for name, value in plan.shown[stage.name].items():
                was = record["parameters"].get(name, value)
                if was != value:
                    raise BadInput(
                        f"{name} is {value!r}, but {earlier.name} ran with {was!r}: "
                        f"give {name}={was}, or run --from {earlier.name[:2]}"
                    )


def check_strangers(plan: Plan, records: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse to replace a stage's folder that somebody has put a file into.

    Raises
    ------
    BadInput
    """
    for stage in plan.selected:
        folder = plan.run_dir / stage.name
        if stage.name not in records or not folder.is_dir():
            continue
        # a process killed between its files and its record has left some of these
        left = {name if "." in name else f"{name}.parquet" for name in stage.leaves}
        known = {*records[stage.name].get("outputs", {}), *left, KEY_FIGURES, FINDINGS}
        strange = [name for name in left_in(folder) if name not in known]
        if strange:
            raise BadInput(
                f"{folder} holds {strange[0]!r}, which no run has left there and the next would "
                "remove: move it"
            )

"""May this run start, and what exactly will it do.

Takes what the user asked for; gives a :class:`Plan`, or refuses with one message before anything
is written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from riskkit.pipeline.handover import LAB
from riskkit.pipeline.manifest import hash_file, mask, mask_all
from riskkit.pipeline.notebooks import Notebook, find_notebooks, find_project, pick
from riskkit.pipeline.parameters import BadInput, check_names

__all__ = ["PROFILES", "Plan", "make_plan"]

PROFILES: dict[str, dict[str, Any]] = {
    "quick": {"n_applicants": 5_000},
    "default": {"n_applicants": 50_000},
}
SYNTHETIC = "synthetic"
_RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]*")
_SIMULATED = (
    "n_applicants",
    "start_month",
    "n_months",
    "scenario",
    "onset_month",
    "without_families",
    "seed",
    "bad_dpd",
    "bad_window_months",
    "indeterminate_dpd",
)
_WORLD = ("start_month", "n_months", "scenario", "onset_month")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A run that nothing speaks against."""

    name: str
    profile: str
    source: str
    notebooks: list[Notebook]
    selected: list[Notebook]
    values: dict[str, dict[str, Any]]  # stage -> parameter -> what the notebook gets
    shown: dict[str, dict[str, Any]]  # the same as the user gave it
    source_hashes: list[str] | None  # None: a database is among the sources
    run_dir: Path
    report_dir: Path


def make_plan(
    stages: Sequence[str | int] | None,
    parameters: Mapping[str, Any],
    profile: str,
    source: str | Path | None,
    root: str | Path | None,
    run: str | None,
    project: str | Path | None,
    only: str | int | None,
    start: str | int | None,
) -> Plan:
    """Everything a run needs to know, checked; the arguments are those of ``pipeline.run``.

    Raises
    ------
    BadInput, DataContractError
        What speaks against it, in one message.
    """
    if profile not in PROFILES:
        raise BadInput(f"no profile {profile!r}; there are {', '.join(PROFILES)}")
    folder = find_project(project)
    if project is not None and folder != Path(project).resolve():
        raise BadInput(f"no notebooks/NN_name.ipynb in {project}")
    notebooks = find_notebooks(folder)
    declared = {n.name: n.parameters for n in notebooks}
    given: dict[str, Any] = dict(parameters)
    for name, path in (("source", source), ("root", root)):
        if path is not None:
            if name in given:
                raise BadInput(f"{name} is given twice, as a parameter and with --{name}")
            given[name] = str(path)
    shown = check_names(declared, given)
    selected = _select(notebooks, stages, only, start)
    for name in given:
        if not any(name in shown[n.name] for n in selected):
            raise BadInput(f"{name} is no parameter of {', '.join(n.name for n in selected)}")
    for name, value in PROFILES[profile].items():
        for stage in shown.values():
            if name in stage and name not in given:
                stage[name] = value
    values = {stage: dict(pairs) for stage, pairs in shown.items()}
    for pairs in values.values():
        for name in ("source", "root", "edits"):
            if pairs.get(name):
                pairs[name] = str(Path(pairs[name]).expanduser().resolve())
        _check_edits(pairs.get("edits"))
    first = values[notebooks[0].name]
    label = SYNTHETIC
    hashes: list[str] | None = []
    if first.get("source"):
        for name in _SIMULATED:
            if name in given:
                raise BadInput(f"{name} is for the simulated lender; a source states its own")
        label = Path(first["source"]).stem
        hashes = _check_source(first["source"], first.get("root") or None)
    elif first.get("root"):
        raise BadInput("root is the folder of a source's files: give it with a source")
    else:
        _check_world(first)
    name = run if run is not None else f"{re.sub(r'[^A-Za-z0-9_.-]', '_', label)}-{profile}"
    if not _RUN_NAME.fullmatch(name) or name == LAB:
        raise BadInput(
            f"a run's name is letters, digits, '_', '.' and '-', and not {LAB!r}; got {name!r}"
        )
    return Plan(
        name=name,
        profile=profile,
        source=mask(shown[notebooks[0].name].get("source") or SYNTHETIC),
        notebooks=notebooks,
        selected=selected,
        values=values,
        shown=mask_all(shown),
        source_hashes=hashes,
        run_dir=folder / "data" / "runs" / name,
        report_dir=folder / "reports" / "runs" / name,
    )


def _select(
    notebooks: list[Notebook],
    stages: Sequence[str | int] | None,
    only: str | int | None,
    start: str | int | None,
) -> list[Notebook]:
    if sum(choice is not None for choice in (stages, only, start)) > 1:
        raise BadInput("give one of stages, only and from, not several")
    if start is not None:
        return notebooks[notebooks.index(pick(notebooks, start)) :]
    wanted = [only] if only is not None else stages
    if wanted is None:
        return notebooks
    names = {pick(notebooks, w).name for w in wanted}
    selected = [n for n in notebooks if n.name in names]
    if not selected:
        raise BadInput("no stage is asked for")
    between = notebooks[notebooks.index(selected[0]) : notebooks.index(selected[-1]) + 1]
    if between != selected:
        skipped = [n.name for n in between if n not in selected]
        raise BadInput(f"stages must be neighbours; {', '.join(skipped)} would be out of date")
    return selected


def _check_source(path: str, root: str | None) -> list[str] | None:
    """Hashes of the files behind a mapping that can work; None where a database is read."""
    import yaml

    from riskkit import schema

    if not Path(path).is_file():
        raise BadInput(f"no source mapping at {path}")
    if root is not None and not Path(root).is_dir():
        raise BadInput(f"root: no folder at {root}")
    schema.check_source(path, root)
    mapping = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    if any(isinstance(block, dict) and "sql" in block for block in mapping.values()):
        return None
    return [hash_file(file) for file in schema.source_files(path, root)]


def _check_edits(path: str | None) -> None:
    """Refuse what is no binner whose edits could be made again."""
    if not path:
        return
    from riskkit.binning import WoeBinner

    if not Path(path).is_file():
        raise BadInput(f"edits: no file at {path}")
    try:
        WoeBinner.load(path)
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"edits: {Path(path).name} is no binning.json: {error}") from None


def _check_world(values: Mapping[str, Any]) -> None:
    """Refuse a synthetic lender that cannot be."""
    world = {name: values[name] for name in _WORLD if name in values}
    if values.get("n_applicants", 1) < 1:
        raise BadInput(f"n_applicants must be >= 1, got {values['n_applicants']}")
    if values.get("seed", 0) < 0:
        raise BadInput(f"seed must be >= 0, got {values['seed']}")
    if not world:
        return
    from riskkit import synthetic

    if world.get("onset_month") == "":
        del world["onset_month"]
    try:
        if "without_families" in values:
            world["families"] = synthetic.families_without(values["without_families"])
        synthetic.Lender(**world)
    except ValueError as error:
        raise BadInput(str(error)) from None

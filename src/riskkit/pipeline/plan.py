"""May this run start, and what exactly will it do.

Takes what the user asked for; gives a :class:`Plan`, or refuses with one message before anything
is written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riskkit.checks import nearest_name
from riskkit.pipeline.findings import limits_of
from riskkit.pipeline.handover import LAB
from riskkit.pipeline.history import KEPT_NAME, PREVIOUS
from riskkit.pipeline.notebooks import Notebook, find_notebooks, find_project, pick
from riskkit.pipeline.parameters import BadInput, check_names, given_path
from riskkit.pipeline.refused import (
    SIGNED,
    checked_mapping,
    refuse_passwords,
    refuse_signed,
    without_effect,
)
from riskkit.pipeline.report import glossary_terms
from riskkit.pipeline.rule_files import (
    DATA_FILES,
    LIMITS_FILE,
    RULES,
    SCOPE,
    data_path,
    policy_path,
    refuse_data_file,
    refuse_policy,
)
from riskkit.pipeline.stage_graph import Needs, depend_on, needs_of, skipped_between
from riskkit.tables import hash_file

if TYPE_CHECKING:
    from riskkit.documents import Term
    from riskkit.schema import LimitsFile

__all__ = ["PROFILES", "Plan", "make_plan"]

PROFILES: dict[str, dict[str, Any]] = {
    "quick": {"n_applicants": 5_000, "max_applications": 5_000},
    "default": {"n_applicants": 50_000},
    "large": {"n_applicants": 1_000_000, "sample_applications": 300_000},
}
SYNTHETIC = "synthetic"
SYNTHETIC_TITLE = "Synthetic lender"
LONGEST_NAME = 100
_RUN_NAME = re.compile(r"[^\W_][\w.\-]*")  # letters of any script: sources are named in many
_NOT_IN_NAMES = re.compile(r"[^\w.\-]")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A run that nothing speaks against."""

    name: str
    profile: str
    title: str
    source: str
    notebooks: list[Notebook]
    selected: list[Notebook]
    needs: dict[str, dict[str, list[str]]]  # stage -> stage it needs -> files it may read of it
    values: dict[str, dict[str, Any]]  # stage -> parameter -> what the notebook gets
    shown: dict[str, dict[str, Any]]  # the same as the user gave it, where it has an effect
    source_hashes: list[str] | None  # None: a database is among the sources
    run_dir: Path
    report_dir: Path
    terms: Sequence[Term]  # of the glossary
    limits: LimitsFile  # who owns which finding
    # parameter that names a file, such as `rules` -> stage -> the file it reads, if any
    data_files: dict[str, dict[str, Path | None]]


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
    refuse_passwords(given)
    shown = check_names(declared, given)
    needs = needs_of(notebooks)
    selected = _select(notebooks, needs, stages, only, start)
    for name in given:
        if not any(name in shown[n.name] for n in selected):
            raise BadInput(f"{name} is no parameter of {', '.join(n.name for n in selected)}")
    for name, value in PROFILES[profile].items():
        for stage in shown.values():
            if name in stage and name not in given:
                stage[name] = value
    values = {stage: dict(pairs) for stage, pairs in shown.items()}
    for pairs in values.values():
        for name in ("source", "root", RULES, *DATA_FILES, *SIGNED):
            if pairs.get(name):
                pairs[name] = str(given_path(pairs[name]).resolve())
        refuse_signed(pairs)
    for notebook in notebooks:
        for name, why in without_effect(notebook, values[notebook.name]).items():
            if given.get(name, "") != "":
                raise BadInput(f"{name} {why}")
            shown[notebook.name].pop(name, None)
    first = values[notebooks[0].name]
    described = _check_source(first.get("source"), first.get("root") or None)
    for pairs in values.values():
        for family in str(pairs.get(SEGMENT_FAMILIES, "")).split():
            if family not in described.families:
                near = nearest_name(family, sorted(described.families))
                raise BadInput(f"{SEGMENT_FAMILIES}: no feature is of the family {family!r}{near}")
    name = _run_name(run, described.name, profile)
    data_files = {name: _data_files(folder, values, name) for name in DATA_FILES}
    return Plan(
        name=name,
        profile=profile,
        title=described.title,
        source=shown[notebooks[0].name].get("source") or SYNTHETIC,
        notebooks=notebooks,
        selected=selected,
        needs=needs,
        values=values,
        shown=shown,
        source_hashes=described.hashes,
        run_dir=folder / "data" / "runs" / name,
        report_dir=folder / "reports" / "runs" / name,
        terms=glossary_terms(folder),
        limits=_limits(folder, data_files[LIMITS_FILE]),
        data_files={RULES: _policies(folder, values, described), **data_files},
    )


def _select(
    notebooks: list[Notebook],
    needs: Needs,
    stages: Sequence[str | int] | None,
    only: str | int | None,
    start: str | int | None,
) -> list[Notebook]:
    if sum(choice is not None for choice in (stages, only, start)) > 1:
        raise BadInput("give one of stages, only and from, not several")
    if start is not None:
        first = pick(notebooks, start).name
        names = {first} | depend_on(needs, [first])
        return [n for n in notebooks if n.name in names]
    wanted = [only] if only is not None else stages
    if wanted is None:
        return notebooks
    names = {pick(notebooks, w).name for w in wanted}
    selected = [n for n in notebooks if n.name in names]
    if not selected:
        raise BadInput("no stage is asked for")
    if skipped := skipped_between(needs, names):
        raise BadInput(f"stages must be neighbours; {', '.join(skipped)} would be out of date")
    return selected


SEGMENT_FAMILIES = "segment_families"  # the parameter that names families of features
# of features, as a mapping and as the simulated lender call them
_KINDS = {"number": "number", "months_since": "number", "numeric": "number", "category": "text"}


@dataclass(frozen=True)
class _Described:
    """What a mapping says of itself, and what it reads."""

    name: str
    title: str
    hashes: list[str] | None  # of the mapping and its files; None where a database is read
    columns: frozenset[str]  # of its applications
    kinds: dict[str, str]  # of them, as far as known: number, text, date or boolean
    families: frozenset[str]  # of its features


def _check_source(path: str | None, root: str | None) -> _Described:
    """Refuse a mapping that cannot work; without one the lender is simulated."""
    from riskkit import schema

    contract = schema.CONTRACT["applications"]
    kinds = {name: "number" if r.kind == "integer" else r.kind for name, r in contract.items()}
    if not path:
        from riskkit import synthetic

        kinds |= {one.name: _KINDS[one.kind] for one in synthetic.FEATURES}
        families = frozenset(one.family for one in synthetic.FEATURES)
        return _Described(SYNTHETIC, SYNTHETIC_TITLE, [], frozenset(kinds), kinds, families)
    mapping = checked_mapping(path, root)
    folder = mapping.folder(path, root)
    files = [Path(path), *mapping.files(folder)]
    hashes = None if mapping.reads_database else [hash_file(file) for file in files]
    columns = frozenset(mapping.application_columns(folder))
    kinds |= {name: _KINDS[one.type] for name, one in mapping.features.items()}
    families = frozenset(one.family for one in mapping.features.values())
    return _Described(mapping.name, mapping.title, hashes, columns, kinds, families)


def _policies(
    project: Path, values: Mapping[str, Mapping[str, Any]], described: _Described
) -> dict[str, Path | None]:
    """The policy file of each stage that may read one; a file that cannot be is refused."""
    policies = {}
    for stage, pairs in values.items():
        if RULES not in pairs:
            continue
        path = policy_path(project, described.name, pairs[RULES])
        if path is not None:
            refuse_policy(path, described.columns, described.kinds)
        policies[stage] = path
    return policies


def _data_files(
    project: Path, values: Mapping[str, Mapping[str, Any]], parameter: str
) -> dict[str, Path | None]:
    """The file of each stage that reads one by a parameter; a file that cannot be is refused."""
    found = {}
    for stage, pairs in values.items():
        if parameter not in pairs:
            continue
        path = data_path(project, parameter, pairs[parameter])
        if path is not None:
            refuse_data_file(parameter, path, pairs.get(SCOPE))
        found[stage] = path
    return found


def _limits(project: Path, files: Mapping[str, Path | None]) -> LimitsFile:
    """The limits file that a stage is given; the project's where none reads one."""
    from riskkit import schema

    given = [path for path in files.values() if path is not None]
    return schema.read_limits(given[0]) if given else limits_of(project)


def _run_name(given: str | None, source: str, profile: str) -> str:
    """Name of the run's folders: the one given, else made of the source's name and the profile."""
    name = given if given is not None else f"{_NOT_IN_NAMES.sub('_', source)}-{profile}"
    taken = name == LAB or KEPT_NAME.search(name)
    if not _RUN_NAME.fullmatch(name) or taken or len(name) > LONGEST_NAME:
        hint = "" if given is not None else "; it is made of the source's name, or give --run"
        raise BadInput(
            f"a run's name is at most {LONGEST_NAME} letters, digits, '_', '.' and '-', beginning "
            f"with one of the first two, not {LAB!r}, nor ending as {PREVIOUS!r} runs do; "
            f"got {name[:40]!r}{hint}"
        )
    return name

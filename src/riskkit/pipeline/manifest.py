"""What a run's manifest says: parameters, versions, hashes, timings, and what is still up to date.

Takes files and records; gives JSON-ready dicts.
"""

from __future__ import annotations

import datetime
import hashlib
import os
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from riskkit.checks import DataContractError, password_places
from riskkit.pipeline.notebooks import STAGE_NAME
from riskkit.pipeline.parameters import BadInput
from riskkit.pipeline.what_is_read import ANYTHING
from riskkit.tables import hash_file, read_json, stored, stored_faults, whole, write_json

__all__ = [
    "MANIFEST",
    "hash_folder",
    "inputs_of",
    "is_in_a_run",
    "now",
    "package_hash",
    "read_manifest",
    "same_files",
    "seeds",
    "stage_state",
    "versions",
    "write_manifest",
    "write_text",
]

MANIFEST = "manifest.json"
SCHEMA_VERSION = 1
PACKAGES = (
    "numpy",
    "pandas",
    "pyarrow",
    "scipy",
    "scikit-learn",
    "glum",
    "lightgbm",
    "pydantic",
    "matplotlib",
    "seaborn",
    "papermill",
    "nbconvert",
)


def now() -> str:
    """The time in UTC, to the second, ISO 8601."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def write_text(path: Path, text: str) -> None:
    """Write the file whole or not at all."""
    with whole(path) as staging:
        staging.write_text(text, encoding="utf-8")


def read_manifest(run_dir: Path) -> dict[str, Any]:
    """The run's manifest; empty where there is none.

    Raises
    ------
    BadInput
        It is no JSON, of a newer schema version, or not as a run has left it.
    """
    path = run_dir / MANIFEST
    if not os.path.lexists(path):
        return {}
    try:
        manifest = read_json(path)
    except DataContractError as error:
        raise BadInput(f"{path} is not a manifest of this suite: {error.violations[0]}") from None
    version = manifest.get("schema_version") if isinstance(manifest, dict) else None
    if isinstance(version, int) and version != SCHEMA_VERSION and version is not True:
        raise BadInput(f"{path} has schema version {version}; this riskkit reads {SCHEMA_VERSION}")
    if places := [*password_places(manifest)]:
        raise BadInput(f"{path}: {places[0]} looks like a database's address or a password")
    if faults := [*stored_faults(manifest, StoredManifest)] or _odd_stages(manifest["stages"]):
        raise BadInput(f"{path} is not a manifest of this suite: {'; '.join(faults)}")
    return dict(manifest)


@stored
@dataclass
class StoredStage:
    """What a run keeps of a stage; of one that failed, less."""

    status: Literal["done", "failed"]
    started: str = ""
    finished: str = ""
    seconds: float = 0.0
    cell_seconds: float = 0.0
    error: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    notebook: str = ""
    package: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    needs: dict[str, list[str]] | None = None
    inputs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    page: str = ""
    reused: bool = False
    source_files: list[str] | None = None
    edits_file: str = ""
    decision_file: str = ""
    rules_file: str = ""
    caps_file: str = ""
    provisions_file: str = ""
    funding_file: str = ""
    limits_file: str = ""


@stored
@dataclass
class StoredLineage:
    """What a run keeps of what it was made from."""

    commit: str = ""
    code: str = ""
    files: dict[str, str] = field(default_factory=dict)
    given: dict[str, str] = field(default_factory=dict)
    parameters: str = ""
    inputs: str = ""
    models: str = ""


@stored
@dataclass
class StoredManifest:
    """What a run keeps of itself."""

    schema_version: int
    stages: dict[str, StoredStage]
    run: str = ""
    status: str = ""
    profile: str = ""
    title: str = ""
    source: str = ""
    started: str = ""
    finished: str = ""
    seeds: dict[str, int] = field(default_factory=dict)
    package: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    jobs: int = 1
    critical_path: dict[str, Any] = field(default_factory=dict)
    lineage: StoredLineage = field(default_factory=StoredLineage)
    alerts: str = ""  # hash of alerts.json


def _odd_stages(stages: Mapping[str, Any]) -> list[str]:
    """Stages that are none, or name files outside their folder, which a run may remove."""
    odd = [f"{name!r} is no stage" for name in stages if not STAGE_NAME.fullmatch(name)]
    for name, record in stages.items():
        if record["status"] == "done" and not {"inputs", "outputs"} <= set(record):
            odd.append(f"{name} is done, and says not from what and to what")
        odd += [
            f"{name}: {file!r} is no file of a stage"
            for file in record.get("outputs", {})
            if Path(file).is_absolute() or ".." in Path(file).parts
        ]
    return odd


def write_manifest(run_dir: Path, manifest: Mapping[str, Any]) -> None:
    """Write the manifest whole or not at all."""
    stages = dict(sorted(manifest["stages"].items()))
    content = {"schema_version": SCHEMA_VERSION, **manifest, "stages": stages}
    write_json(run_dir / MANIFEST, content)


def is_in_a_run(path: Path) -> bool:
    """Whether a path is within a folder that a run has left."""
    return any((folder / MANIFEST).is_file() for folder in path.resolve().parents)


def hash_folder(folder: Path) -> dict[str, str]:
    """File name -> sha256 of everything in the folder, sub-folders included.

    A table in parts is one file here, as everywhere in a manifest.
    """
    return {name: hash_file(folder / name) for name in left_in(folder)}


def left_in(folder: Path) -> list[str]:
    """Names of all files in the folder and its sub-folders, tables in parts among them, sorted."""
    found: list[str] = []
    for path in folder.iterdir():
        if not path.is_dir() or path.is_symlink() or is_in_parts(path):
            found.append(path.name)
        else:
            found += [f"{path.name}/{name}" for name in left_in(path)]
    return sorted(found)


def is_in_parts(path: Path) -> bool:
    """Whether it is a table in parts: a folder named as a parquet file is."""
    return path.suffix == ".parquet" and path.is_dir() and not path.is_symlink()


def is_left(path: Path) -> bool:
    """Whether there is a file, or a table in parts."""
    return path.is_file() or is_in_parts(path)


def same_files(folder: Path, hashes: Mapping[str, str]) -> bool:
    """Whether the folder holds exactly these files with these hashes."""
    return folder.is_dir() and hash_folder(folder) == dict(hashes)


def package_hash() -> str:
    """One hash over riskkit's own source files."""
    root = Path(__file__).parents[1]
    total = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            name = path.relative_to(root).as_posix()
            total.update(f"{name}\0{hash_file(path)}\0".encode())
    return total.hexdigest()


def versions() -> dict[str, str]:
    """Versions of Python, riskkit and the packages that decide the numbers."""
    found = {"python": platform.python_version(), "platform": sys.platform}
    for name in ("riskkit", *PACKAGES):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def inputs_of(
    manifest: Mapping[str, Any], stage: str, needs: Mapping[str, Sequence[str]] | None = None
) -> dict[str, str]:
    """What earlier stages have left for this one, ``01_borrowers/features.parquet`` -> sha256.

    Parameters
    ----------
    manifest : mapping
    stage : str
    needs : mapping of stage to file names, optional
        What it may read, of :func:`stage_graph.needs_of`; without it, all of all stages before.
    """
    stages = manifest.get("stages", {})
    if needs is None:
        needs = {earlier: [ANYTHING] for earlier in stages if earlier < stage}
    return {
        f"{earlier}/{name}": sha
        for earlier, files in sorted(needs.items())
        for name, sha in stages.get(earlier, {}).get("outputs", {}).items()
        if ANYTHING in files or name in files
    }


def stage_state(manifest: Mapping[str, Any], stage: str) -> str:
    """``done``, ``failed``, ``stale`` or ``not run``.

    Stale: done, but on other inputs than the stages it needs have left by now, or one of these is
    not done any more. A record that does not say what its stage needs, as older ones, needs all
    that is before it.
    """
    states: dict[str, str] = {}
    for name, record in sorted(manifest.get("stages", {}).items()):
        needs = record.get("needs")
        needed = [one for one in states if one < name] if needs is None else [*needs]
        if record["status"] != "done":
            states[name] = str(record["status"])
        elif any(states.get(one) != "done" for one in needed):
            states[name] = "stale"
        else:
            fits = record["inputs"] == inputs_of(manifest, name, needs)
            states[name] = "done" if fits else "stale"
    return states.get(stage, "not run")


def seeds(parameters: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The parameters that are seeds."""
    return {name: value for name, value in parameters if name == "seed" or name.endswith("_seed")}

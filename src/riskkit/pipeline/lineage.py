"""What a run was made from: commit, lock, limits, and every file that it was given, as hashes.

Takes a plan and the records of its stages; gives what the manifest keeps under `lineage`.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riskkit.pipeline.findings import LIMITS
from riskkit.pipeline.parameters import given_path
from riskkit.pipeline.refused import SIGNED, checked_mapping
from riskkit.pipeline.rule_files import DATA_FILES, RULES
from riskkit.tables import hash_file

if TYPE_CHECKING:
    from riskkit.pipeline.plan import Plan

__all__ = ["LOCK_FILE", "code_state", "digests", "lineage_of"]

LOCK_FILE = "requirements.lock"
# models, bins and decisions are JSON; these are not
_NO_MODELS = ("key_figures.json", "findings.json")
# what a stage's record keeps of what it was given
_INPUTS = ("source_files", "inputs")
_GIT_SECONDS = 20


def lineage_of(plan: Plan, before: Mapping[str, Any]) -> dict[str, Any]:
    """What a plan is made from, before any of it is run.

    Parameters
    ----------
    plan : Plan
    before : mapping
        The manifest there was: a run of later stages alone is still made from what the first read.

    Returns
    -------
    dict
        `commit`: of the project, empty where there is none; `code`: in words, how far the files are
        that commit's; `files`: path from the project → sha256; `given`: the same of files outside
        it, under the path that was given. Files that are not there are not among them.
    """
    project = plan.run_dir.parents[2]
    commit, code = code_state(project)
    was = before.get("lineage", {}) if plan.notebooks[0] not in plan.selected else {}
    files = {key: dict(was.get(key, {})) for key in ("files", "given")}
    source = _source_files(plan)
    # what a plan has hashed already need not be read again
    known = dict(zip(source, plan.source_hashes or (), strict=False))
    for path, given in {**_project_files(plan, project), **_given_files(plan), **source}.items():
        if path.is_file():
            sha = known.get(path) or hash_file(path)
            if path.is_relative_to(project):
                files["files"][path.relative_to(project).as_posix()] = sha
            else:
                files["given"][given] = sha
    return {
        "commit": commit,
        "code": code,
        **{key: dict(sorted(found.items())) for key, found in files.items()},
    }


def digests(stages: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """One hash each over the parameters, the inputs and the models of a run's stages."""
    models = {
        f"{stage}/{name}": sha
        for stage, record in stages.items()
        for name, sha in record.get("outputs", {}).items()
        if name.endswith(".json") and name not in _NO_MODELS
    }
    return {
        "parameters": _digest({n: r.get("parameters", {}) for n, r in stages.items()}),
        "inputs": _digest({n: _given(r) for n, r in stages.items()}),
        "models": _digest(models),
    }


def code_state(project: Path) -> tuple[str, str]:
    """The project's commit, and in words how far its files are those of the commit.

    No Git, no repository and a repository that Git refuses are no fault of a run: the commit is
    empty then, and the words say why.

    Source
    ------
    riskkit definition.
    """
    head = _git(project, "rev-parse", "--verify", "HEAD")
    if isinstance(head, str):
        return "", head
    if head.returncode:
        told = head.stderr.strip().splitlines()
        return "", f"no commit: {told[0][:200] if told else 'Git does not say why'}"
    commit = head.stdout.strip()
    # without the locks that it would like to have, it writes nothing
    status = _git(project, "--no-optional-locks", "status", "--porcelain", "--", ".")
    if isinstance(status, str) or status.returncode:
        return commit, "whether anything has changed since the commit is not known"
    changed = len(status.stdout.splitlines())
    if not changed:
        return commit, "as committed"
    return commit, f"{changed} file{'' if changed == 1 else 's'} changed since the commit"


def _git(project: Path, *arguments: str) -> subprocess.CompletedProcess[str] | str:
    """What Git says, or why it says nothing."""
    # variables that would point it at another repository, as within a hook
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    try:
        return subprocess.run(
            ["git", "-C", str(project), *arguments],
            env={**environment, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_GIT_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        return "no commit: there is no git on this machine"
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"no commit: git cannot be asked ({type(error).__name__})"


def _project_files(plan: Plan, project: Path) -> dict[Path, str]:
    """Files of the project that every plan goes by."""
    found = [project / LOCK_FILE, project / LIMITS]
    for files in plan.data_files.values():
        found += [path for path in files.values() if path is not None]
    # a link in the project is the project's
    return {path: str(path) for path in found}


def _given_files(plan: Plan) -> dict[Path, str]:
    """Files that parameters name → the path that was given."""
    return {
        given_path(pairs[name]).absolute(): str(plan.shown[stage].get(name, pairs[name]))
        for stage, pairs in plan.values.items()
        for name in (RULES, *DATA_FILES, *SIGNED)
        if pairs.get(name)
    }


def _source_files(plan: Plan) -> dict[Path, str]:
    """The mapping and its files, in the order in which a plan hashes them → as they were given."""
    first = plan.notebooks[0].name
    source, root = (plan.values[first].get(name) or None for name in ("source", "root"))
    if source is None:
        return {}
    shown = plan.shown[first]
    mapping = checked_mapping(source, root)
    folder = mapping.folder(source, root)
    above = str(folder) if root is None and folder != Path(source).parent else ""
    given = Path(shown.get("root") or above or Path(shown["source"]).parent)
    files = mapping.files(folder)
    return {
        Path(source): str(shown["source"]),
        **{path: str(given / os.path.relpath(path, folder)) for path in files},
    }


def _given(record: Mapping[str, Any]) -> dict[str, Any]:
    keys = sorted(key for key in record if key in _INPUTS or key.endswith("_file"))
    return {key: record[key] for key in keys}


def _digest(values: Any) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

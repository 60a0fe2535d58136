"""Which policy file's rules a run goes by: the one it is given, else the project's for its source.

Takes a project, the name of a source and the value of the parameter ``rules``; gives a path, or
refuses a file that no source could be held to.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from riskkit.checks import DataContractError, nearest_name
from riskkit.pipeline.parameters import BadInput

__all__ = ["POLICIES", "RULES", "policy_path", "refuse_policy"]

POLICIES = "data/policies"
RULES = "rules"  # the parameter that names a file


def policy_path(project: Path | None, source: str, given: str = "") -> Path | None:
    """The policy file: the given one, else the project's for the source; None where there is none.

    Parameters
    ----------
    project : Path or None
    source : str
        Name of the source: ``data/policies/NAME.yaml``.
    given : str
        Value of the parameter ``rules``.
    """
    if given:
        return Path(given).expanduser()
    if project is None:
        return None
    name = re.sub(r"[^\w.-]", "_", source)[:100]
    path = project / POLICIES / f"{name}.yaml"
    # a link to nowhere is a file that cannot be read
    return path if path.exists() or path.is_symlink() else None


def refuse_policy(path: Path, columns: Collection[str] | None = None) -> None:
    """Refuse a policy file that cannot be read, or that reads what the source does not have.

    Parameters
    ----------
    path : Path
    columns : collection of str, optional
        Columns of the source's applications; without them only the file is checked.

    Raises
    ------
    BadInput, DataContractError
    """
    from riskkit import schema

    if not path.is_file():
        raise BadInput(f"{RULES}: no file at {path}")
    policy = schema.read_policy(path)
    if columns is None:
        return
    faults = [
        f"rule {rule.name}: the source has no column {name}{nearest_name(name, columns)}"
        for rule in policy.rules
        for name in rule.columns
        if name not in columns
    ]
    if faults:
        raise DataContractError(path.name, faults)

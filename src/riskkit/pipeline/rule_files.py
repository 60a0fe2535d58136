"""Which rules, caps, limits and files of finance a run goes by: the one given, else the project's.

Takes a project, the name of a source and the values of the parameters that name a file; gives a
path, or refuses a file that no source could be held to.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from riskkit.checks import DataContractError, nearest_name
from riskkit.pipeline.parameters import BadInput, given_path

if TYPE_CHECKING:
    from riskkit.schema import PolicyFile

__all__ = [
    "CAPS",
    "DATA_FILES",
    "FUNDING",
    "LIMITS_FILE",
    "POLICIES",
    "PROVISIONS",
    "RULES",
    "SCOPE",
    "data_path",
    "policy_path",
    "refuse_data_file",
    "refuse_policy",
]

POLICIES = "data/policies"
# parameters that name a file
RULES, CAPS, LIMITS_FILE = "rules", "caps", "limits_file"
PROVISIONS, FUNDING = "provisions_file", "funding_file"
DATA_FILES = {
    CAPS: "data/caps.yaml",
    PROVISIONS: "data/provisions.yaml",
    FUNDING: "data/funding.yaml",
    LIMITS_FILE: "data/limits.yaml",
}
SCOPE = "cap_scope"
_STORED = {"number": "float64", "text": "str", "date": "datetime64[us]", "boolean": "bool"}


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
        return given_path(given)
    if project is None:
        return None
    name = re.sub(r"[^\w.-]", "_", source)[:100]
    path = project / POLICIES / f"{name}.yaml"
    # a link to nowhere is a file that cannot be read
    return path if path.exists() or path.is_symlink() else None


def data_path(project: Path | None, parameter: str, given: str = "") -> Path | None:
    """The file of a parameter: the given one, else the project's; None where there is none.

    Parameters
    ----------
    project : Path or None
    parameter : str
        Of :data:`DATA_FILES`.
    given : str
        Its value.
    """
    if given:
        return given_path(given)
    path = None if project is None else project / DATA_FILES[parameter]
    return path if path is not None and (path.exists() or path.is_symlink()) else None


def refuse_data_file(parameter: str, path: Path, scope: str | None = None) -> None:
    """Refuse a file that cannot be read, or one of caps that has none of the scope asked for.

    Parameters
    ----------
    parameter : str
        Of :data:`DATA_FILES`.
    path : Path
    scope : str, optional
        Value of the parameter ``cap_scope``.

    Raises
    ------
    BadInput, DataContractError
    """
    from riskkit import schema

    readers = {
        CAPS: schema.read_caps,
        PROVISIONS: schema.read_provisions,
        FUNDING: schema.read_funding,
        LIMITS_FILE: schema.read_limits,
    }
    if not path.is_file():
        raise BadInput(f"{parameter}: no file at {path}")
    content = readers[parameter](path)
    if parameter != CAPS or scope is None:
        return
    scopes = [*dict.fromkeys(content["scope"])]
    if scope not in scopes:
        raise BadInput(
            f"{SCOPE}: {path.name} has no cap of scope {scope!r}{nearest_name(scope, scopes)}"
        )


def refuse_policy(
    path: Path,
    columns: Collection[str] | None = None,
    kinds: Mapping[str, str] | None = None,
) -> None:
    """Refuse a policy file that cannot be read, or that reads what the source does not have.

    Parameters
    ----------
    path : Path
    columns : collection of str, optional
        Columns of the source's applications; without them only the file is checked.
    kinds : mapping of column to {"number", "text", "date", "boolean"}, optional
        What they hold, as far as that is known before they are read.

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
    faults += _misread(policy, kinds or {})
    if faults:
        raise DataContractError(path.name, faults)


def _misread(policy: PolicyFile, kinds: Mapping[str, str]) -> list[str]:
    """Conditions that no column of its kind can be held to, and what cannot rise or fall."""
    from riskkit.policy import condition_table

    known = [rule for rule in policy.rules if all(name in kinds for name in rule.columns)]
    empty = {name: pd.Series(dtype=_STORED[kinds[name]]) for rule in known for name in rule.columns}
    faults = [
        f"changeable.{name}: only numbers fall or rise, and the source holds {kinds[name]} there"
        for name in policy.changeable
        if kinds.get(name, "number") != "number"
    ]
    try:
        condition_table(pd.DataFrame(empty), policy.model_copy(update={"rules": known}))
    except DataContractError as error:
        faults += error.violations
    return faults

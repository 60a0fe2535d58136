"""What a notebook's parameters may not be, whoever sets them: the command line, papermill, a cell.

Takes values by name; gives nothing, or one message. Only a public function of riskkit is called:
a notebook names it, and nothing it holds is run.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riskkit.checks import may_hold_password
from riskkit.columns import shown
from riskkit.pipeline.notebooks import Notebook
from riskkit.pipeline.parameters import BadInput, convert, given_path
from riskkit.pipeline.rule_files import (
    DATA_FILES,
    RULES,
    SCOPE,
    refuse_data_file,
    refuse_policy,
)

if TYPE_CHECKING:
    from riskkit.schema import SourceMapping
    from riskkit.tables import JsonModel

__all__ = [
    "SIGNED",
    "check_variables",
    "checked_mapping",
    "refuse_passwords",
    "refuse_signed",
    "without_effect",
]

# parameters that name a file of what somebody has signed: room, kind of model, usual file name
SIGNED = {
    "edits": ("binning", "WoeBinner", "binning.json"),
    "decision": ("strategy", "Decision", "decision.json"),
}


def check_variables(notebook: Notebook, variables: Mapping[str, Any]) -> None:
    """Hold a notebook's variables to what the command line takes for its parameters.

    Given is what is another than the notebook's file says. A variable that is not there is not
    checked.

    Raises
    ------
    BadInput, DataContractError
        In the words of the command line.
    """
    declared = {n: p for n, p in notebook.parameters.items() if n in variables}
    given = {n: variables[n] for n, p in declared.items() if variables[n] != p.default}
    refuse_passwords(given)
    values, problems = {}, []
    for name, parameter in declared.items():
        try:
            values[name] = convert(parameter, variables[name], from_text=False)
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise BadInput("; ".join(problems))
    refuse_signed(values)
    for name, why in without_effect(notebook, values).items():
        if given.get(name, "") != "":
            raise BadInput(f"{name} {why}")
    if values.get(RULES):
        refuse_policy(given_path(values[RULES]))
    for name in DATA_FILES:
        if values.get(name):
            refuse_data_file(name, given_path(values[name]), values.get(SCOPE))
    if values.get("source"):
        checked_mapping(values["source"], values.get("root") or None)


def refuse_passwords(given: Mapping[str, Any]) -> None:
    """Refuse what would stand in the manifest and on pages, without repeating it."""
    for name, value in given.items():
        if may_hold_password(str(value)):
            raise BadInput(
                f"{name[:40]!r} is given what looks like a database's address or a password: a "
                "mapping names the environment variable that holds it (sql: url_env)"
            )


def without_effect(notebook: Notebook, values: Mapping[str, Any]) -> Mapping[str, str]:
    """Parameters without effect, each with the reason, by the function that the notebook names.

    Raises
    ------
    BadInput
        There is no such function, or it refuses the values.
    """
    if not notebook.check:
        return {}
    room, _, name = notebook.check.partition(".")
    try:
        module = importlib.import_module(f"riskkit.{room}")
        check: Callable[[Mapping[str, Any]], Mapping[str, str]] = getattr(module, name)
        if name not in module.__all__:
            raise AttributeError(name)
    except (ImportError, AttributeError):
        raise BadInput(
            f"{notebook.name}: its check, {notebook.check}, is no public function of riskkit"
        ) from None
    try:
        return check(values)
    except ValueError as error:
        raise BadInput(str(error)) from None
    except TypeError:
        # a cell of parameters that is saved as it was changed declares its own, wrong type
        raise BadInput(_of_wrong_kind(check, values)) from None


def _of_wrong_kind(check: Callable[[Mapping[str, Any]], Any], values: Mapping[str, Any]) -> str:
    """Which value a check cannot even compare: the one without which it can."""
    for name in values:
        try:
            check({other: value for other, value in values.items() if other != name})
        except TypeError:
            continue
        except ValueError:
            pass
        return f"{name} is of another kind than it must be, got {shown(values[name])}"
    return "more than one parameter is of another kind than it must be"


def refuse_signed(values: Mapping[str, Any]) -> None:
    """Refuse files of what somebody has signed that no notebook could take."""
    for name, (room, kind, usual) in SIGNED.items():
        if not values.get(name):
            continue
        path = Path(values[name])
        if not path.is_file():
            raise BadInput(f"{name}: no file at {path}")
        model: type[JsonModel] = getattr(importlib.import_module(f"riskkit.{room}"), kind)
        try:
            model.load(path)
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(f"{name}: {path.name} is no {usual}: {error}") from None


def checked_mapping(path: str, root: str | None) -> SourceMapping:
    """A source's mapping that can work.

    Raises
    ------
    BadInput, DataContractError
    """
    from riskkit import schema

    if not Path(path).is_file():
        raise BadInput(f"no source mapping at {path}")
    if root is not None and not Path(root).is_dir():
        raise BadInput(f"root: no folder at {root}")
    return schema.check_source(path, root)

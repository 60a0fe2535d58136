"""What may be set in a notebook, and is what was given of the right name and type.

Takes the source of a cell tagged ``parameters`` and ``NAME=VALUE`` pairs; gives typed values.
Everything is read as literals: nothing given here is executed.
"""

from __future__ import annotations

import ast
import difflib
import io
import json
import math
import os
import tokenize
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from riskkit.columns import shown

__all__ = [
    "OWN",
    "BadInput",
    "Parameter",
    "check_names",
    "convert",
    "declared_parameters",
    "given_path",
    "parse_pairs",
]

OWN = ("run_dir", "output_dir")
"""Parameters that only the runner sets."""

_EXPECTED = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    list: "a list as JSON, such as [1, 2]",
}


def given_path(given: str | Path) -> Path:
    """The path that was given, with ~ as the home of its user; of a user who is none, as it is."""
    return Path(os.path.expanduser(given))


class BadInput(ValueError):
    """What was given cannot be run: a parameter, a stage, a path, a project. Exit code 2."""

    def _render_traceback_(self) -> list[str]:
        # one line in JupyterLab: what is wrong, not where it was found
        return [str(self)]


@dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell: name, default (its type is the parameter's), comment."""

    name: str
    default: Any
    help: str = ""

    @property
    def expected(self) -> str:
        """The type in words."""
        return _EXPECTED[type(self.default)]


def declared_parameters(source: str, where: str) -> dict[str, Parameter]:
    """Parameters a cell declares, in its order.

    Parameters
    ----------
    source : str
        Assignments of literals, one a line; the comment behind one is its help.
    where : str
        The notebook's name, for messages.

    Raises
    ------
    BadInput
        Something else than ``name = literal`` is in the cell.

    Example
    -------
    >>> declared_parameters("pdo = 20  # points", "03_models")
    {'pdo': Parameter(name='pdo', default=20, help='points')}
    """
    try:
        statements = ast.parse(source).body
    except SyntaxError as error:
        raise BadInput(f"{where}: parameters cell, line {error.lineno}: {error.msg}") from None
    comments = {
        token.start[0]: token.string.lstrip("# ").strip()
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    found: dict[str, Parameter] = {}
    for statement in statements:
        target, value = None, None
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target, value = statement.targets[0], statement.value
        elif isinstance(statement, ast.AnnAssign):
            target, value = statement.target, statement.value
        try:
            if not isinstance(target, ast.Name) or value is None:
                raise ValueError
            default = ast.literal_eval(value)
        except ValueError:
            raise BadInput(
                f"{where}: parameters cell, line {statement.lineno}: "
                f"expected name = literal, found {ast.unparse(statement)!r}"
            ) from None
        if type(default) not in _EXPECTED:
            raise BadInput(
                f"{where}: parameter {target.id} has the default {default!r}; "
                "a default is a bool, int, float, str or list, and says which type is wanted"
            )
        comment = comments.get(statement.end_lineno or statement.lineno, "")
        found[target.id] = Parameter(target.id, default, comment)
    return found


def convert(parameter: Parameter, value: Any, *, from_text: bool = True) -> Any:
    """The value in the parameter's type.

    Parameters
    ----------
    parameter : Parameter
    value : Any
    from_text : bool
        Text is read as the command line writes it; otherwise it is refused but for a text.

    Raises
    ------
    ValueError
        It is of another type; the message says what was expected.

    Example
    -------
    >>> convert(Parameter("n_applicants", 1000), "50_000")
    50000
    """
    kind = type(parameter.default)
    refusal = ValueError(f"{parameter.name} must be {parameter.expected}, got {shown(value)}")
    if from_text and isinstance(value, str) and kind is not str:
        value = _from_text(value.strip(), kind, refusal)
    if kind is float and type(value) is int:
        value = float(value)
    if isinstance(value, tuple) and kind is list:
        value = list(value)
    if type(value) is not kind:
        raise refusal
    if kind is float and not math.isfinite(value):
        raise refusal
    if kind is list and parameter.default:
        item = Parameter(f"each item of {parameter.name}", parameter.default[0])
        return [convert(item, v, from_text=from_text) for v in value]
    return value


def _from_text(text: str, kind: type, refusal: ValueError) -> Any:
    try:
        if kind is bool:
            return {"true": True, "false": False}[text.lower()]
        if kind is list:
            return json.loads(text)
        return kind(text)
    except (KeyError, ValueError):
        raise refusal from None


def parse_pairs(pairs: Sequence[str]) -> dict[str, str]:
    """Names and texts of ``NAME=VALUE`` arguments.

    Raises
    ------
    BadInput
        A pair has no ``=``, or a name comes twice.

    Example
    -------
    >>> parse_pairs(["seed=7", "scenario=base"])
    {'seed': '7', 'scenario': 'base'}
    """
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        name = name.strip()
        if not equals or not name:
            raise BadInput(f"a parameter is given as NAME=VALUE, got {pair!r}")
        if name in found:
            raise BadInput(f"parameter {name} is given twice")
        if "\0" in value:
            raise BadInput(f"parameter {name} holds a letter of number 0")
        found[name] = value
    return found


def check_names(
    declared: Mapping[str, Mapping[str, Parameter]], given: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Values by stage and name: the given ones where a stage declares them, else its defaults.

    Parameters
    ----------
    declared : mapping of stage to its parameters
    given : mapping of name to value or text

    Raises
    ------
    BadInput
        Names every unknown parameter and every value of a wrong type.
    """
    known = sorted({name for d in declared.values() for name in d} - set(OWN))
    problems: list[str] = []
    for name, value in given.items():
        owners = [d[name] for d in declared.values() if name in d]
        if name in OWN:
            problems.append(f"{name} is set by the runner and cannot be given")
        elif not owners:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            problems.append(f"no notebook has a parameter {name!r}{hint}")
        for parameter in owners if name not in OWN else ():
            try:
                convert(parameter, value)
            except ValueError as error:
                problems.append(str(error))
                break
    if problems:
        text = "; ".join(problems)
        raise BadInput(f"{text}\nparameters there are: {', '.join(known) or 'none'}")
    return {
        stage: {
            name: convert(p, given[name]) if name in given else p.default
            for name, p in parameters.items()
            if name not in OWN
        }
        for stage, parameters in declared.items()
    }

"""A YAML file held to its grammar: blocks of keys as checked models, or every fault at once.

Takes a path and a block's class; gives the block.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from riskkit.checks import DataContractError, password_places
from riskkit.schema.mapping import Block, brief, first_lines, grammar_lines
from riskkit.schema.yaml_text import read_yaml

__all__ = ["read_blocks"]

_Grammar = TypeVar("_Grammar", bound=Block)


def read_blocks(path: str | Path, grammar: type[_Grammar]) -> _Grammar:
    """What a file says, checked.

    Raises
    ------
    DataContractError
        No file, no YAML, what looks like a password, an unknown key, a missing one, or a value that
        cannot be: each with the line or the key, and what was expected there.
    """
    content = read_yaml(path)
    name = Path(path).name
    if not isinstance(content, dict):
        raise DataContractError(name, [f"expected a block of keys, found {brief(content)}"])
    if places := [*password_places(content)]:
        lines = [f"{place}: looks like a database's address or a password" for place in places]
        raise DataContractError(name, first_lines(lines))
    try:
        return grammar.model_validate(content)
    except ValidationError as error:
        raise DataContractError(name, grammar_lines(error, content, grammar)) from None

"""The limits file: who owns what a report finds, what is to be done about it, and by when.

Takes a YAML file; gives its blocks as checked models. The file belongs to the lender, not to the
code: a topic that no notebook knows is no fault, since a notebook of the lender's own may.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from riskkit.schema.mapping import Block, Name, Text, Whole
from riskkit.schema.yaml_grammar import read_blocks

__all__ = ["Assignment", "LimitsFile", "read_limits"]

LONGEST_SENTENCE = 400
MOST_DAYS = 3650


def one_line(value: Any, longest: int = LONGEST_SENTENCE) -> str:
    """Text that can stand in one line of a page; one that goes over several is one all the same."""
    if isinstance(value, bool) or not isinstance(value, str):
        raise ValueError("text")
    plain = " ".join(value.split())
    if not plain or not plain.isprintable() or len(plain) > longest:
        raise ValueError(f"a sentence of at most {longest} signs that can be seen")
    return plain


class Assignment(Block):
    """Whose a kind of finding is: who answers for it, what that person does, within how long."""

    owner: Annotated[Text, BeforeValidator(one_line)]
    to_do: Annotated[Text, BeforeValidator(one_line)]
    within_days: Annotated[Whole, Field(ge=1, le=MOST_DAYS)]


class LimitsFile(Block):
    """All that the file says; `findings` by the topic under which a stage tells them."""

    findings: dict[Name, Assignment] = Field(default_factory=dict)


def read_limits(path: str | Path) -> LimitsFile:
    """The limits file.

    Parameters
    ----------
    path : str or Path

    Raises
    ------
    DataContractError
        No file, no YAML, an unknown key, a missing one, or a value that cannot be: each with the
        line or the key, and what was expected there.

    Source
    ------
    riskkit definition.
    """
    return read_blocks(path, LimitsFile)

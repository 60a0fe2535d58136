"""The policy file: whose rules decline whom, before any score is asked.

Takes a YAML file; gives its rules as checked models, in the order in which they are asked. Nothing
in it is executed: a condition is a column, an operator and a value, and stays plain data.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from riskkit.checks import DataContractError
from riskkit.schema.limits_file import one_line
from riskkit.schema.mapping import (
    Block,
    Name,
    Operator,
    Scalar,
    Text,
    brief,
    first_lines,
)
from riskkit.schema.yaml_grammar import read_blocks

__all__ = ["ORDERINGS", "Condition", "PolicyFile", "PolicyRule", "read_policy"]

ORDERINGS = ("<", "<=", ">", ">=")
LONGEST_LABEL = 200
# what a page or a query calls the reason of those whom no rule declines
TAKEN = ("score", "approved", "todays_policy")


class Condition(Block):
    """One comparison of a column of the applications with a value.

    Attributes
    ----------
    column, operator
        The operators are those of a mapping's row filters.
    value : str, bool, or list of str
        As written; true or false of ``is_missing``, a list of ``in`` and ``not_in``.
    times : str
        A column of numbers by which the value is multiplied; only of an ordering.
    """

    column: Name
    operator: Operator
    value: Any
    times: Annotated[Text, Field(max_length=200)] = ""

    def text(self) -> str:
        """The condition in words.

        Examples
        --------
        >>> Condition(column="debt", operator=">", value="6", times="income").text()
        'debt > 6 × income'
        """
        if self.operator == "is_missing":
            return f"{self.column} is {'' if self.value else 'not '}missing"
        given = self.value if isinstance(self.value, list) else [self.value]
        value = ", ".join(str(one).lower() if isinstance(one, bool) else str(one) for one in given)
        name = self.operator.replace("_", " ")
        return f"{self.column} {name} {value}{f' × {self.times}' if self.times else ''}"


class PolicyRule(Block):
    """A rule: whom it declines, under which name, at which step of the funnel."""

    name: Name
    label: Annotated[Text, BeforeValidator(partial(one_line, longest=LONGEST_LABEL))]
    step: Literal["identity", "rules"]
    any: list[Condition] = Field(default_factory=list)
    all: list[Condition] = Field(default_factory=list)

    @property
    def conditions(self) -> list[Condition]:
        """Its conditions, whether one is enough or all are needed."""
        return [*self.any, *self.all]

    @property
    def columns(self) -> list[str]:
        """Columns of the applications that it reads, each once."""
        read = [name for one in self.conditions for name in (one.column, one.times) if name]
        return list(dict.fromkeys(read))

    def text(self) -> str:
        """The rule in words."""
        told = (" or " if self.any else " and ").join(one.text() for one in self.conditions)
        return told


class PolicyFile(Block):
    """A lender's rules in the order in which they are asked; the first that fires is the reason.

    A condition compares the value v of its column:

    ================================  =======================================================
    v is missing                      only ``is_missing: true`` is met
    v is a declared special code      only ``==`` and ``in`` that name the code itself, and
                                      ``is_missing: false``, are met; no ordering, no ``!=``
    the value of ``times`` is         no ordering is met
    missing or a special code
    otherwise                         numbers by their value, texts and truth values as written,
                                      days by their date
    ================================  =======================================================

    A bound with ``times`` is the value times the other column, in double precision. ``any`` fires
    where at least one condition is met, ``all`` where every one is. So what nobody knows declines
    nobody in silence. ``changeable`` names the numbers that an applicant can change, and which way.
    """

    name: Name
    rules: list[PolicyRule]
    declined_reasons: dict[Scalar, Literal["identity", "rules", "score", "by_hand"]] = Field(
        default_factory=dict
    )
    changeable: dict[Name, Literal["falls", "rises"]] = Field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """Columns of the applications that its rules read, each once."""
        return list(dict.fromkeys(name for rule in self.rules for name in rule.columns))


def read_policy(path: str | Path) -> PolicyFile:
    """The rules of a policy file.

    Parameters
    ----------
    path : str or Path

    Raises
    ------
    DataContractError
        No file, no YAML, or what breaks the grammar: every violation with its key and what was
        expected there.

    Source
    ------
    riskkit definition.
    """
    policy = read_blocks(path, PolicyFile)
    if found := [*_contradictions(policy)]:
        raise DataContractError(Path(path).name, first_lines(found))
    return policy


def _contradictions(policy: PolicyFile) -> Iterator[str]:
    if not policy.rules:
        yield "rules: expected at least one rule, found none"
    seen: dict[str, int] = {}
    for number, rule in enumerate(policy.rules, start=1):
        where = f"rules[{number}]"
        if rule.name in seen:
            yield f"{where}.name: {brief(rule.name)} is that of rules[{seen[rule.name]}], too"
        seen.setdefault(rule.name, number)
        if rule.step == "identity" and any(one.step == "rules" for one in policy.rules[:number]):
            yield f"{where}.step: identity is checked before the other rules; move it above them"
        if rule.name in TAKEN:
            yield f"{where}.name: {rule.name} is no rule's name; choose another"
        if bool(rule.any) == bool(rule.all):
            told = "both any and all; one of the two" if rule.any else "any or all is missing"
            yield f"{where}: {told}, with at least one condition"
        for kind, conditions in (("any", rule.any), ("all", rule.all)):
            for place, condition in enumerate(conditions, start=1):
                yield from _of_condition(f"{where}.{kind}[{place}]", condition)


def _of_condition(where: str, condition: Condition) -> Iterator[str]:
    value, operator = condition.value, condition.operator
    wants_list = operator in ("in", "not_in")
    if operator == "is_missing":
        if not isinstance(value, bool):
            yield f"{where}.value: expected true or false, found {brief(value)}"
    elif wants_list != isinstance(value, list):
        expected = "a list" if wants_list else f"one value for {operator}"
        hint = "" if wants_list else "; a list goes with in and not_in"
        yield f"{where}.value: expected {expected}, found {brief(value)}{hint}"
    elif wants_list and not value:
        yield f"{where}.value: expected a list of at least one value, found none"
    elif any(
        one is None or isinstance(one, dict | list) for one in (value if wants_list else [value])
    ):
        yield f"{where}.value: expected a value, found {brief(value)}"
    elif any("\0" in str(one) for one in (value if wants_list else [value])):
        yield f"{where}.value: expected a text without the sign NUL, which no database holds"
    elif operator in ORDERINGS and isinstance(value, bool):
        yield f"{where}.value: expected a number or a date for {operator}, found {brief(value)}"
    if condition.times and operator not in ORDERINGS:
        yield f"{where}.times: only {', '.join(ORDERINGS)} have it"

"""The limits file: who owns what a report finds, which figures are watched, and who has seen what.

Takes a YAML file; gives its blocks as checked models. The file belongs to the lender, not to the
code: a topic that no notebook knows is no fault, since a notebook of the lender's own may. A light
that nothing measures is one, since it would stay dark for ever.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from riskkit.schema.mapping import Block, Day, Name, Number, Text, Truth, Whole, near
from riskkit.schema.yaml_grammar import read_blocks

__all__ = ["Acknowledgement", "Assignment", "Light", "LimitsFile", "read_limits"]

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


class Light(Block):
    """A figure that is watched month by month: its limits, whose it is, and what is done.

    Parameters
    ----------
    label, owner, to_do : str
    unit : str
        "rate" (a fraction), "points", "days", "count", or the currency, in whole units of it.
    section : str
        Heading of the monitoring page that shows more.
    target : [low, high], optional
        Where the lender wants it to be.
    amber, red : float, optional
        Limits of the appetite: both or neither.
    worse : {"higher", "lower", "either"}
        Which way is bad; "either" only without limits.
    watched : bool
        Whether a move beyond chance lights it, whatever the limits.
    usual_drift : float
        By what fraction of itself it may move within a year in normal times.
    scenario : str, optional
        Of the synthetic lender, in which it must turn red.
    breach : float
        By what its figures are multiplied where a test breaks it: it must turn red then.
    verify : bool
        True until somebody has confirmed the limits for this lender.
    """

    label: Annotated[Text, BeforeValidator(one_line)]
    unit: Name
    section: Annotated[Text, BeforeValidator(one_line)] = ""
    target: tuple[Number, Number] | None = None
    amber: Number | None = None
    red: Number | None = None
    worse: Literal["higher", "lower", "either"]
    watched: Truth = True
    usual_drift: Annotated[Number, Field(ge=0, le=10)] = 0.05
    scenario: Name | None = None
    breach: Annotated[Number, Field(ge=0, le=1000)]
    owner: Annotated[Text, BeforeValidator(one_line)]
    to_do: Annotated[Text, BeforeValidator(one_line)]
    verify: Truth = False

    @field_validator("target", mode="before")
    @classmethod
    def _two_numbers(cls, value: Any) -> Any:
        if not isinstance(value, list) or len(value) != 2:
            raise ValueError("two numbers, [low, high]")
        return value

    @model_validator(mode="after")
    def _right_way_round(self) -> Light:
        if self.target is not None and self.target[0] > self.target[1]:
            raise ValueError(f"the low end of target first, found {list(self.target)}")
        if (self.amber is None) != (self.red is None):
            raise ValueError("amber and red, or neither")
        if self.amber is not None and self.red is not None:
            self._check_limits(self.amber, self.red)
        elif not self.watched:
            raise ValueError("limits, amber and red, of a light that is not watched for moves")
        bad = {"higher": self.breach > 1, "lower": self.breach < 1, "either": self.breach != 1}
        if not bad[self.worse]:
            raise ValueError(f"a breach that makes it worse, found times {self.breach:g}")
        return self

    def _check_limits(self, amber: float, red: float) -> None:
        if self.worse == "either":
            raise ValueError("worse: higher or lower, of a light with limits")
        sign = 1 if self.worse == "higher" else -1
        if sign * amber > sign * red:
            side = "below" if sign > 0 else "above"
            raise ValueError(
                f"amber {side} red or equal, since {self.worse} is worse; found amber {amber:g} "
                f"and red {red:g}"
            )
        wanted = self.target[1 if sign > 0 else 0] if self.target is not None else amber
        if sign * wanted > sign * amber:
            raise ValueError(f"amber {amber:g} outside the target, found target {wanted:g}")


class Acknowledgement(Block):
    """Who has seen that a light is red, until when it need not be told again, and why."""

    by: Annotated[Text, BeforeValidator(one_line)]
    until: Day
    reason: Annotated[Text, BeforeValidator(one_line)]


class LimitsFile(Block):
    """All that the file says.

    Parameters
    ----------
    lender : str, optional
        Name of the source whose lights these are: no other one is held to them. Whoever owns what
        is found is the same for all.
    findings : dict of str to Assignment
        By the topic under which a stage tells them.
    lights : dict of str to Light
        By the name of what is measured: one of `LIGHTS`, or a value's share such as
        "channel_partner", which begins with one of `SHARES`.
    acknowledged : dict of str to Acknowledgement
        By the name of a light of this file.
    """

    LIGHTS: ClassVar[tuple[str, ...]] = (
        "applications", "disbursed_amount", "approval", "booking", "override", "exception",
        "bad", "fpd1", "fpd7", "fpd30", "entered", "collected_0", "collected_1", "collected_3",
        "collected_7", "mob3_30", "m0_m1", "m1_m2", "m2_m3", "m0_m1_balance", "m1_m2_balance",
        "m2_m3_balance", "open_30", "balance_30", "mean_score", "mean_ticket",
    )  # fmt: skip
    SHARES: ClassVar[tuple[str, ...]] = ("channel_", "declined_reason_")

    lender: Name | None = None
    findings: dict[Name, Assignment] = Field(default_factory=dict)
    lights: dict[Name, Light] = Field(default_factory=dict)
    acknowledged: dict[Name, Acknowledgement] = Field(default_factory=dict)

    @field_validator("lights", mode="after")
    @classmethod
    def _measured(cls, lights: dict[str, Light]) -> dict[str, Light]:
        for name in lights:
            if name not in cls.LIGHTS and not name.startswith(cls.SHARES):
                shares = [f"{start}..." for start in cls.SHARES]
                raise ValueError(
                    f"lights that are measured, {name!r} is none"
                    + near(name, [*cls.LIGHTS, *shares])
                )
        return lights

    def of_source(self, name: str) -> LimitsFile:
        """The file as it holds for a source: without lights where `lender` names another one."""
        if self.lender in (None, name):
            return self
        return self.model_copy(update={"lights": {}, "acknowledged": {}})

    @model_validator(mode="after")
    def _of_lights(self) -> LimitsFile:
        for name in self.acknowledged:
            if name not in self.lights:
                raise ValueError(
                    f"lights of this file under acknowledged, {name!r} is none"
                    + near(name, self.lights)
                )
        return self


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

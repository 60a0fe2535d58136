"""The caps file: how much a loan may cost by law, to whom, from when until when, and who says so.

Takes a YAML file; gives a table of caps. They are data, not code: laws change, and whether a line
applies is for the lender's lawyers, which is why each is marked until somebody has verified it.
"""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import BeforeValidator, Field, model_validator

from riskkit.checks import DataContractError
from riskkit.schema.limits_file import one_line
from riskkit.schema.mapping import (
    Block,
    Day,
    Distinct,
    Name,
    Number,
    Text,
    Truth,
    first_lines,
)
from riskkit.schema.yaml_grammar import read_blocks

__all__ = ["read_caps"]

Sentence = Annotated[Text, BeforeValidator(one_line)]
Rate = Annotated[Number, Field(ge=0, le=10)]


class Cap(Block):
    """A line that a price may not pass: a rate, or so many times the loan prime rate."""

    scope: Name
    lender: Sentence
    borrower: Sentence
    start: Annotated[Day, Field(alias="from")]
    until: Day | None = None
    rate: Rate | None = None
    times_lpr: Rate | None = None
    measured_by: Literal["nominal", "effective", "irr"]
    effect: Sentence = ""
    source: Sentence
    title_zh: Sentence = ""
    source_zh: Sentence = ""
    verify: Truth

    @model_validator(mode="after")
    def _one_of_two(self) -> Cap:
        if (self.rate is None) == (self.times_lpr is None):
            raise ValueError("either rate or times_lpr")
        if self.until is not None and self.until < self.start:
            raise ValueError("until on or after from")
        return self


class CapsFile(Block):
    """All that the file says; `lpr`: one-year loan prime rates by the day of publication."""

    caps: dict[Name, Cap]
    lpr: Annotated[dict[Day, Rate], Distinct] = Field(default_factory=dict)


def read_caps(path: str | Path) -> pd.DataFrame:
    """Caps on the price of loans, a row for each and each loan prime rate that it went by.

    Parameters
    ----------
    path : str or Path
        Blocks under `caps` with the keys scope, lender, borrower, from, until (empty: still in
        force), rate or times_lpr, measured_by, effect, source, title_zh, source_zh (for Chinese
        pages), verify; under `lpr` one-year loan
        prime rates by their date.

    Returns
    -------
    DataFrame, index (name, from)
        `scope`; `until`, NaT where in force; `cap_rate`, a fraction per year; `times_lpr`,
        `lpr_rate`, `lpr_date`, missing where the cap is a plain rate; `measured_by`: nominal
        (twelve times the monthly rate of return), effective (that rate compounded over twelve
        months) or irr (the yearly rate of return of dated payments), of all that is paid; `lender`,
        `borrower`, `effect` (what becomes of a price above), `source`, `title_zh`, `source_zh`,
        `verify` (true until somebody has compared it with the law).

    Raises
    ------
    DataContractError
        No file, no YAML, an unknown key, a missing one, a value that cannot be, or a multiple of a
        loan prime rate without one from its first day on: each with its key.

    Source
    ------
    riskkit definition.
    """
    file = read_blocks(path, CapsFile)
    first = min(file.lpr, default=None)
    if lacking := [
        f"caps.{key}.times_lpr: expected a loan prime rate of {cap.start} or before under lpr"
        for key, cap in file.caps.items()
        if cap.times_lpr is not None and (first is None or first > cap.start)
    ]:
        raise DataContractError(Path(path).name, first_lines(lacking))
    return _table(file)


def _table(file: CapsFile) -> pd.DataFrame:
    rows = []
    for name, cap in file.caps.items():
        told = cap.model_dump(exclude={"start", "until", "rate"}) | {"name": name}
        if cap.rate is not None:
            dated = {"from": cap.start, "until": cap.until, "cap_rate": cap.rate}
            rows.append(told | dated | {"lpr_rate": None, "lpr_date": None})
        else:
            rows += [told | period for period in _lpr_periods(cap, sorted(file.lpr.items()))]
    columns = [
        "name", "from", "scope", "until", "cap_rate", "times_lpr", "lpr_rate", "lpr_date",
        "measured_by", "lender", "borrower", "effect", "source",
        "title_zh", "source_zh", "verify",
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns)
    for day in ("from", "until", "lpr_date"):
        table[day] = pd.to_datetime(table[day])
    rates = ["cap_rate", "times_lpr", "lpr_rate"]
    return table.astype(dict.fromkeys(rates, "float64")).set_index(["name", "from"])


def _lpr_periods(cap: Cap, lpr: list[tuple[datetime.date, float]]) -> list[dict[str, Any]]:
    """The cap for as long as each loan prime rate is the latest."""
    periods = []
    for (day, rate), following in zip(lpr, [*lpr[1:], None], strict=True):
        start = max(day, cap.start)
        ends = [cap.until] if cap.until is not None else []
        ends += [following[0] - datetime.timedelta(days=1)] if following else []
        until = min(ends, default=None)
        if until is None or until >= start:
            # a multiple of a rate of two digits has no more than rounding behind the tenth
            cap_rate = round((cap.times_lpr or 0.0) * rate, 10)
            dated = {"from": start, "until": until, "cap_rate": cap_rate}
            periods.append(dated | {"lpr_rate": rate, "lpr_date": day})
    return periods

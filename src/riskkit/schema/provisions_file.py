"""The provisions file: overlays, macro scenarios, loan categories and the budget of losses.

Takes a YAML file; gives a table of each. They are data, not code: an overlay is somebody's decision
with a name and an end, and rules of classification change by their date.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import pandas as pd
from pydantic import BeforeValidator, Field, model_validator

from riskkit.checks import DataContractError
from riskkit.schema.limits_file import one_line
from riskkit.schema.mapping import Block, Day, Name, Number, Scalar, Text, Truth, Whole, first_lines
from riskkit.schema.yaml_grammar import read_blocks

__all__ = ["read_provisions"]

Sentence = Annotated[Text, BeforeValidator(one_line)]
Share = Annotated[Number, Field(ge=0, le=1)]
Days = Annotated[Whole, Field(ge=0, le=3660)]
# in units of the currency; as fen still exact in a float, so that sums of many are in 64 bits
Money = Annotated[Number, Field(ge=-1e13, le=1e13)]
# of what the two sums may differ, for weights written with a few digits
_ROUNDING = 1e-9


class Overlay(Block):
    """What is added to the model's provision of a segment, who says so, why, and until when."""

    reason: Sentence
    approver: Sentence
    start: Annotated[Day, Field(alias="from")]
    until: Day
    amount: Money | None = None
    factor: Annotated[Number, Field(ge=0, le=10)] | None = None
    segment: dict[Name, Scalar] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_of_two(self) -> Overlay:
        if (self.amount is None) == (self.factor is None):
            raise ValueError("either amount or factor")
        if self.until < self.start:
            raise ValueError("until on or after from")
        return self


class Scenario(Block):
    """A course of the climate ahead: how likely, and how far it shifts a missed payment."""

    weight: Share
    climate: Annotated[Number, Field(ge=-5, le=5)]
    ramp_months: Annotated[Whole, Field(ge=1, le=120)] = 1
    lgd_factor: Annotated[Number, Field(ge=0, le=5)] = 1.0
    verify: Truth = False


class Categories(Block):
    """Days past due and expected losses from which a loan is in a category, and what is set aside.

    `special_mention` .. `loss`: more than so many days past due; `doubtful_loss_rate`,
    `loss_loss_rate`: from so much of the book value expected to be lost.
    """

    start: Annotated[Day, Field(alias="from")]
    special_mention: Days
    substandard: Days
    doubtful: Days
    loss: Days
    doubtful_loss_rate: Share
    loss_loss_rate: Share
    special_mention_rate: Share
    substandard_rate: Share
    doubtful_rate: Share
    loss_rate: Share
    general_rate: Share
    source: Sentence
    verify: Truth

    @model_validator(mode="after")
    def _rising(self) -> Categories:
        days = [self.special_mention, self.substandard, self.doubtful, self.loss]
        rates = [self.special_mention_rate, self.substandard_rate, self.doubtful_rate]
        rates.append(self.loss_rate)
        if days != sorted(set(days)) or rates != sorted(rates):
            raise ValueError("days that rise from category to category, and rates that do not fall")
        if self.doubtful_loss_rate > self.loss_loss_rate:
            raise ValueError("doubtful_loss_rate of at most loss_loss_rate")
        return self


class ProvisionsFile(Block):
    """All that the file says; amounts in units of the currency."""

    overlays: dict[Name, Overlay] = Field(default_factory=dict)
    scenarios: dict[Name, Scenario] = Field(default_factory=dict)
    five_categories: dict[Name, Categories] = Field(default_factory=dict)
    budget: dict[Text, Money] = Field(default_factory=dict)


def read_provisions(path: str | Path) -> dict[str, pd.DataFrame]:
    """Overlays, scenarios, categories and budget of a provisions file, a table each.

    Parameters
    ----------
    path : str or Path
        Blocks under `overlays` with the keys reason, approver, from, until, amount or factor, and
        under segment columns with the value that a loan must have; under `scenarios` weight,
        climate, ramp_months, lgd_factor, verify; under `five_categories` the keys of the table
        below and from; under `budget` the net loss of months "YYYY-MM". Each may be left out.

    Returns
    -------
    dict of str to DataFrame
        `overlays`, index name: reason, approver, from, until, amount (int64 fen, <NA> where a
        factor), factor, segment (a mapping of column to text). `scenarios`, index name: weight,
        climate (log-odds of a missed payment), ramp_months, lgd_factor, verify (true until somebody
        has made it his own view). `categories`, index from,
        ascending: name, days (special_mention, substandard, doubtful, loss), doubtful_loss_rate,
        loss_loss_rate, the provision rates special_mention_rate .. loss_rate, general_rate, source,
        verify. `budget`, index month (its first day): budget_amount, int64 fen.

    Raises
    ------
    DataContractError
        No file, no YAML, an unknown key, a missing one, a value that cannot be, weights that do not
        sum to 1, two categories from one day, or a budget of no month: each with its key.

    Source
    ------
    riskkit definition.
    """
    file = read_blocks(path, ProvisionsFile)
    faults = [
        f'budget.{month}: expected a month "YYYY-MM" as a key'
        for month in file.budget
        if not re.fullmatch(r"(19|20)\d\d-(0[1-9]|1[0-2])", month)
    ]
    total = sum(one.weight for one in file.scenarios.values())
    if file.scenarios and abs(total - 1) > _ROUNDING:
        faults.append(f"scenarios: expected weights that sum to 1, found {total:g}")
    days = [one.start for one in file.five_categories.values()]
    if len(set(days)) < len(days):
        faults.append("five_categories: expected one block from each day")
    if faults:
        raise DataContractError(Path(path).name, first_lines(faults))
    return {
        "overlays": _overlays(file),
        "scenarios": _rows(dict(file.scenarios), Scenario).set_index("name"),
        "categories": _categories(file),
        "budget": pd.DataFrame(
            {"budget_amount": [round(amount * 100) for amount in file.budget.values()]},
            index=pd.DatetimeIndex([f"{month}-01" for month in file.budget], name="month"),
        )
        .astype("int64")
        .sort_index(),
    }


def _rows(blocks: dict[str, Block], grammar: type[Block]) -> pd.DataFrame:
    columns = ["name", *grammar.model_fields]
    rows = [{"name": name, **block.model_dump()} for name, block in blocks.items()]
    return pd.DataFrame(rows, columns=columns).rename(columns={"start": "from"})


def _overlays(file: ProvisionsFile) -> pd.DataFrame:
    table = _rows(dict(file.overlays), Overlay).set_index("name")
    amounts = [one.amount for one in file.overlays.values()]
    fen = [pd.NA if amount is None else round(amount * 100) for amount in amounts]
    table["amount"] = pd.array(fen, dtype="Int64")
    for day in ("from", "until"):
        table[day] = pd.to_datetime(table[day])
    return table.astype({"factor": "float64"})


def _categories(file: ProvisionsFile) -> pd.DataFrame:
    table = _rows(dict(file.five_categories), Categories)
    table["from"] = pd.to_datetime(table["from"])
    return table.set_index("from").sort_index()

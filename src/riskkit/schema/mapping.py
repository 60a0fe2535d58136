"""The grammar of a source mapping: what a user may write, and everything wrong with what they did.

Takes a YAML file; gives its blocks as checked models, read once. Nothing in a mapping is executed.
"""

from __future__ import annotations

import datetime
import difflib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from riskkit.checks import DataContractError
from riskkit.columns import CellRule, parse_text, shown
from riskkit.schema.contract import OUTCOME_COLUMNS, PERFORMANCE_COLUMNS
from riskkit.schema.yaml_text import read_yaml
from riskkit.target import BadDefinition

__all__ = [
    "APPLICATION_TYPES",
    "INSTALMENT_TYPES",
    "RESERVED",
    "TABLES",
    "Column",
    "FeatureBlock",
    "Label",
    "MappedTable",
    "Outcomes",
    "Performance",
    "RowFilter",
    "SourceMapping",
    "read_mapping",
]

APPLICATION_TYPES = {
    "application_id": "text",
    "customer_id": "text",
    "applied_at": "date",
    "channel": "text",
    "partner": "text",
    "scenario": "text",
    "amount": "integer",
    "term_months": "integer",
    "approved": "boolean",
    "declined_reason": "text",
    "override": "boolean",
    "offer_apr": "number",
    "offer_limit": "integer",
    "booked": "boolean",
}
# columns of applications that are no feature, whatever they hold
RESERVED = (
    "application_id",
    "customer_id",
    "applied_at",
    "amount",
    "approved",
    "booked",
    "default_flag",
)
INSTALMENT_TYPES = {
    "loan_id": "text",
    "number": "integer",
    "due_date": "date",
    "due_amount": "integer",
    "paid_date": "date",
    "paid_amount": "integer",
}
TABLES: dict[str, Mapping[str, str]] = {
    "applications": APPLICATION_TYPES,
    "performance": PERFORMANCE_COLUMNS,
    "instalments": INSTALMENT_TYPES,
    "outcomes": OUTCOME_COLUMNS,
}
OPERATORS = ("==", "!=", "<", "<=", ">", ">=", "in", "not_in")
TEXT_OPERATORS = ("starts_with", "not_starts_with")
FILTER_OPERATORS = (*OPERATORS, *TEXT_OPERATORS, "is_missing")


def _whole(value: Any) -> int:
    if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,15}", value):
        return int(value)
    raise ValueError("a whole number")


def _number(value: Any) -> float:
    try:
        return float(parse_text(value, CellRule(kind="number")))
    except (ValueError, TypeError, AttributeError):
        raise ValueError("a number") from None


def _truth(value: Any) -> bool:
    known = {"yes": True, "no": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in known:
        return known[value]
    raise ValueError("true or false")


def _day(value: Any) -> datetime.date:
    try:
        return parse_text(value, CellRule(kind="date")).date()
    except (ValueError, TypeError, AttributeError):
        raise ValueError("a date such as 2023-07-01") from None


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str):
        raise ValueError("text")
    return value


def _scalar(value: Any) -> str:
    """A value of a data column; true and false are the words."""
    if isinstance(value, bool):
        return str(value).lower()
    return _text(value)


Whole = Annotated[int, BeforeValidator(_whole)]
Number = Annotated[float, BeforeValidator(_number)]
Truth = Annotated[bool, BeforeValidator(_truth)]
Day = Annotated[datetime.date, BeforeValidator(_day)]
Text = Annotated[str, BeforeValidator(_text)]
Scalar = Annotated[str, BeforeValidator(_scalar)]


class Block(BaseModel):
    """A block of keys; an unknown one is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Column(Block):
    """A column of the source, and how its cells are written; its name alone is enough."""

    column: Text
    format: Text = ""
    decimal: Literal["", ".", ","] = ""
    thousands: Literal["", ",", ".", " ", "'"] = ""
    percent: Truth = False
    strip: list[Text] = Field(default_factory=list)
    missing: list[Scalar] | None = None
    words: dict[Text, Scalar] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, value: Any) -> Any:
        return {"column": value} if isinstance(value, str) else value


class FeatureBlock(Column):
    """What is known of a feature."""

    label: Text
    family: Text
    type: Literal["number", "category", "months_since"]
    unit: Text = ""
    risk_direction: Whole = Field(default=0, ge=-1, le=1)
    special_codes: dict[Number, Text] = Field(default_factory=dict)
    levels: dict[Text, Text] = Field(default_factory=dict)
    dates_as: dict[Day, Number] = Field(default_factory=dict)
    protected: Truth = False
    known_afterwards: Truth = False

    @property
    def offered(self) -> bool:
        """Whether a model may use it."""
        return not (self.protected or self.known_afterwards)


class Sql(Block):
    """A query, and the name of the environment variable that holds the database's URL."""

    url_env: Text
    query: Text


class RowFilter(Block):
    """Rows to keep."""

    column: Text
    operator: Literal[FILTER_OPERATORS]  # type: ignore[valid-type]
    value: Any
    type: Literal["", "text", "number", "date", "boolean"] = ""

    @property
    def text(self) -> str:
        """The filter in words."""
        return f"{self.column} {self.operator} {self.value}"


class Duplicates(Block):
    """What to do with rows that are the same in some columns of the contract."""

    by: list[Text] = Field(default_factory=list)
    keep: Literal["first", "last", "refuse"] = "refuse"


class MappedTable(Block):
    """Where a table's rows are, which of them count, and which column is which."""

    path: Text = ""
    sql: Sql | None = None
    encoding: Text = "utf-8"
    delimiter: Text = ","
    sheet: Text = ""
    rows: list[RowFilter] = Field(default_factory=list)
    duplicates: Duplicates = Field(default_factory=Duplicates)
    columns: dict[Text, Column] = Field(default_factory=dict)


class Performance(MappedTable):
    """The monthly panel; loan, month and days past due are enough."""

    seen_from_start: Truth = False
    left_current: Literal["", "repaid", "unknown"] = ""


class Event(Block):
    """How a loan ended, by its final status."""

    column: Text
    default: list[Scalar]
    repaid: list[Scalar]
    ignored: list[Scalar] = Field(default_factory=list)


class Outcomes(MappedTable):
    """How each loan ended: a table of its own, or columns of the applications."""

    event: Event | None = None
    last_payment: Column | None = None
    default_lag_months: Whole = Field(default=0, ge=0, le=120)


class Label(Block):
    """A label that the source brings: values that are bad and good, or days past due."""

    column: Text
    bad: list[Scalar] = Field(default_factory=list)
    good: list[Scalar] = Field(default_factory=list)
    ignored: list[Scalar] = Field(default_factory=list)
    days_past_due: Literal["", "worst", "snapshot"] = ""
    at: Day | None = None


class Bad(Block):
    """The definition of bad."""

    dpd: Whole | None = 90
    window_months: Whole | None = 12
    by_term: dict[Whole, Whole] | None = None
    indeterminate_dpd: Whole | None = None


class Control(Block):
    """Totals that the data must have."""

    rows: Whole | None = None
    bads: Whole | None = None
    amount_by_month: dict[Text, Number] = Field(default_factory=dict)


class SourceMapping(Block):
    """A source mapping, as its owner wrote it."""

    name: Text
    title: Text
    currency: Text
    amounts_in: Literal["major", "minor"]
    accepted_only: Truth = False
    notes: list[Text] = Field(default_factory=list)
    out_of_time_from: Day | None = None
    observed_to: Day | None = None
    missing: list[Scalar] = Field(default_factory=list)
    control: Control = Field(default_factory=Control)
    applications: MappedTable
    performance: Performance | None = None
    instalments: MappedTable | None = None
    outcomes: Outcomes | None = None
    label: Label | None = None
    bad: Bad = Field(default_factory=Bad)
    features: dict[Text, FeatureBlock]

    @property
    def tables(self) -> dict[str, MappedTable]:
        """The tables it maps, by name."""
        there = {name: getattr(self, name) for name in TABLES}
        return {name: table for name, table in there.items() if table is not None}

    @property
    def definition(self) -> BadDefinition:
        """The definition of bad."""
        return BadDefinition(**self.bad.model_dump())

    @property
    def reads_database(self) -> bool:
        """Whether a table is the result of a query."""
        return any(table.sql is not None for table in self.tables.values())

    @property
    def depends_on_time(self) -> bool:
        """Whether a label exists only once the loans were watched for long enough."""
        worst = self.label is not None and self.label.days_past_due == "worst"
        return worst or self.performance is not None or self.outcomes is not None

    def rule(self, column: Column, kind: str) -> CellRule:
        """How the cells of a column are written."""
        return CellRule(
            kind=kind,
            format=column.format,
            decimal=column.decimal,
            thousands=column.thousands,
            percent=column.percent,
            strip=tuple(column.strip),
            missing=tuple(self.missing if column.missing is None else column.missing),
            words=column.words,
        )

    def files(self, folder: Path) -> list[Path]:
        """The data files it names."""
        return list(dict.fromkeys(folder / t.path for t in self.tables.values() if t.path))

    def folder(self, path: str | Path, root: str | Path | None) -> Path:
        """Folder of the data files: argument, else ``$RISKKIT_DATA``, else the mapping's own."""
        return Path(root or os.environ.get("RISKKIT_DATA") or Path(path).parent)


def read_mapping(path: str | Path) -> SourceMapping:
    """The mapping of a file, checked.

    Raises
    ------
    DataContractError
        The file is not there, no YAML, or breaks the grammar; every violation is listed.
    """
    content = read_yaml(path)
    name = Path(path).name
    if not isinstance(content, dict):
        raise DataContractError(name, [f"expected a block of keys, found {_brief(content)}"])
    try:
        mapping = SourceMapping.model_validate(content)
    except ValidationError as error:
        raise DataContractError(name, _grammar_lines(error, content)) from None
    found = [*_unmapped(mapping), *_contradictions(mapping)]
    if found:
        raise DataContractError(name, list(dict.fromkeys(found)))
    return mapping


# -- what pydantic found, in the words of this house -----------------------------------------------


def _grammar_lines(error: ValidationError, content: Mapping[str, Any]) -> list[str]:
    lines = []
    for item in error.errors(include_url=False):
        where = ""
        for part in item["loc"]:
            where += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if where else part
        where = where.removesuffix(".[key]")
        kind, context = item["type"], item.get("ctx", {})
        if kind == "missing":
            lines.append(f"{where}: missing")
        elif kind == "extra_forbidden":
            lines.append(f"{where}: unknown key{_known_hint(item['loc'])}")
        else:
            expected = {
                "dict_type": "a block of keys",
                "model_type": "a block of keys",
                "model_attributes_type": "a block of keys",
                "list_type": "a list",
                "string_type": "text",
                "literal_error": f"one of {context.get('expected', '')}",
                "value_error": str(context.get("error", "")),
                "greater_than_equal": f"at least {context.get('ge')}",
                "less_than_equal": f"at most {context.get('le')}",
            }.get(kind, item["msg"])
            lines.append(f"{where}: expected {expected}, found {_brief(_at(content, item['loc']))}")
    return list(dict.fromkeys(lines))


def _at(content: Any, loc: tuple[Any, ...]) -> Any:
    """What stands at a place of the content."""
    for part in loc:
        if part == "[key]":
            return loc[-2]
        try:
            content = content[part]
        except (KeyError, IndexError, TypeError):
            break
    return content


def _brief(value: Any) -> str:
    return shown(value) if isinstance(value, str) else shown(repr(value)).strip("'\"")


def _known_hint(loc: tuple[Any, ...]) -> str:
    """The nearest key, or all that are known there."""
    model: Any = SourceMapping
    for part in loc[:-1]:
        if isinstance(part, str) and part in model.model_fields:
            model = _model_in(model.model_fields[part].annotation) or model
    return near(str(loc[-1]), model.model_fields)


def _model_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, Block):
        return annotation
    inner = (_model_in(part) for part in getattr(annotation, "__args__", ()))
    return next((model for model in inner if model is not None), None)


def near(word: str, known: Any) -> str:
    """The end of a sentence on an unknown word: the nearest known one, or all of them."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(known)}"


# -- what the blocks say of each other ------------------------------------------------------------


def _unmapped(mapping: SourceMapping) -> list[str]:
    """Columns of applications that are not mapped although something in the mapping needs them."""
    needed = [("amount", "every application has one")]
    if mapping.applications.sql is not None:
        needed.append(("application_id", "rows of a query have no lasting number to take instead"))
    if not mapping.accepted_only:
        needed += [(name, "accepted_only is not true") for name in ("approved", "booked")]
    for table in ("performance", "outcomes", "instalments"):
        if table in mapping.tables:
            names = ("application_id", "applied_at", "term_months")
            needed += [(name, f"needed for {table}") for name in names]
    for name, feature in mapping.features.items():
        if feature.type == "months_since":
            needed.append(("applied_at", f"the months of {name} are counted up to it"))
    if mapping.out_of_time_from is not None:
        needed.append(("applied_at", "out_of_time_from needs it"))
    if mapping.label is not None and mapping.label.days_past_due:
        needed.append(("applied_at", "label.days_past_due needs it: its window starts there"))
    if mapping.control.amount_by_month:
        needed.append(("applied_at", "control.amount_by_month needs it"))
    # one reason each, the first
    reasons = dict(reversed(needed))
    return [
        f"applications.columns.{name}: missing; {reasons[name]}"
        for name in APPLICATION_TYPES
        if name in reasons and name not in mapping.applications.columns
    ]


def _contradictions(mapping: SourceMapping) -> list[str]:
    found = [line for name, table in mapping.tables.items() for line in _of_table(name, table)]
    try:
        _ = mapping.definition
    except ValueError as error:
        found.append(str(error))
    if not (mapping.performance or mapping.outcomes or mapping.label):
        found.append("one of performance, outcomes or label is needed to know who was bad")
    if mapping.label is not None:
        found += _of_label(mapping.label, mapping)
    outcomes = mapping.outcomes
    if outcomes is not None:
        if outcomes.event is not None:
            if outcomes.last_payment is None:
                found.append("outcomes.last_payment: missing")
            lists = {"default": outcomes.event.default, "repaid": outcomes.event.repaid}
            found += _in_both("outcomes.event", lists | {"ignored": outcomes.event.ignored})
        elif not outcomes.columns:
            found.append("outcomes: columns or event is missing")
    panel = mapping.performance
    if panel is not None:
        found += [
            f"performance.columns.{name}: missing"
            for name in ("loan_id", "month_end", "dpd")
            if name not in panel.columns
        ]
        if "cohort" not in panel.columns and not panel.seen_from_start:
            found.append(
                "performance.columns.cohort: missing; map the date of disbursal, or state "
                "seen_from_start: true where each loan's first row is its month of disbursal"
            )
    if not mapping.features:
        found.append("features: none is described")
    elif not any(feature.offered for feature in mapping.features.values()):
        found.append("features: all are protected or known afterwards, so no model could be made")
    for name, feature in mapping.features.items():
        found += _of_feature(name, feature, mapping)
    return found


def _of_table(name: str, table: MappedTable) -> Iterator[str]:
    if table.path and table.sql is not None:
        yield f"{name}: both path and sql; one is enough"
    if not (table.path or table.sql) and (name != "outcomes" or table.columns):
        yield f"{name}: path or sql is missing"
    if not table.columns and name != "outcomes":
        yield f"{name}.columns: missing"
    if len(table.delimiter) != 1:
        yield f"{name}.delimiter: expected one sign, found {_brief(table.delimiter)}"
    for column, mapped in table.columns.items():
        where = f"{name}.columns.{column}"
        if column not in TABLES[name]:
            yield f"{where}: unknown column{near(column, TABLES[name])}"
        else:
            yield from _of_cells(where, mapped, TABLES[name][column])
    for column in table.duplicates.by:
        if column not in table.columns:
            yield f"{name}.duplicates.by: {column} is not mapped{near(column, table.columns)}"
    for number, row in enumerate(table.rows, start=1):
        where = f"{name}.rows[{number}]"
        wants_list = row.operator in ("in", "not_in")
        if row.operator == "is_missing" and not isinstance(row.value, bool):
            yield f"{where}.value: expected true or false, found {_brief(row.value)}"
        elif wants_list != isinstance(row.value, list):
            expected = "a list" if wants_list else f"one value for {row.operator}"
            hint = "" if wants_list else "; a list goes with in and not_in"
            yield f"{where}.value: expected {expected}, found {_brief(row.value)}{hint}"
        elif row.value is None or isinstance(row.value, dict):
            yield f"{where}.value: expected a value, found {_brief(row.value)}"


def _of_cells(where: str, column: Column, kind: str) -> Iterator[str]:
    """Keys that say how cells are written, but of another kind of column."""
    of_numbers = ("decimal", "thousands", "percent", "strip")
    for key in of_numbers if kind not in ("number", "integer") else ():
        if getattr(column, key):
            yield f"{where}.{key}: only a column of numbers has one"
    if column.format and kind not in ("date", "months_since"):
        yield f"{where}.format: only a column of dates has one"
    if column.format and column.format != "excel" and "%" not in column.format:
        example = '"%d.%m.%Y", for example, or excel'
        yield f"{where}.format: expected {example}, found {_brief(column.format)}"
    if column.words and kind not in ("text", "boolean"):
        yield f"{where}.words: only a column of text or truth values has them"
    if column.decimal and column.decimal == column.thousands:
        yield f"{where}: decimal and thousands are the same sign, {column.decimal!r}"


def _of_label(label: Label, mapping: SourceMapping) -> Iterator[str]:
    lists = {"bad": label.bad, "good": label.good, "ignored": label.ignored}
    if label.days_past_due:
        if any(lists.values()):
            yield "label: days_past_due and lists of values; one is enough"
        if mapping.bad.dpd is None or mapping.bad.window_months is None:
            yield "label.days_past_due: bad.dpd and bad.window_months are needed"
        if (label.days_past_due == "snapshot") != (label.at is not None):
            yield "label.at: the date of the snapshot goes with days_past_due: snapshot"
        return
    yield from (f"label.{key}: missing" for key in ("bad", "good") if not lists[key])
    yield from _in_both("label", lists)


def _in_both(where: str, lists: Mapping[str, list[str]]) -> Iterator[str]:
    seen: dict[str, str] = {}
    for key, values in lists.items():
        for value in values:
            if value in seen:
                yield f"{where}: {_brief(value)} stands under {seen[value]} and under {key}"
            seen.setdefault(value, key)


def _of_feature(name: str, feature: FeatureBlock, mapping: SourceMapping) -> Iterator[str]:
    where = f"features.{name}"
    kind = {"category": "category", "number": "number", "months_since": "date"}[feature.type]
    yield from _of_cells(where, feature, kind)
    if feature.type == "category":
        for key in ("risk_direction", "special_codes"):
            if getattr(feature, key):
                yield f"{where}.{key}: a category has none"
    elif feature.levels:
        yield f"{where}.levels: only a category has levels"
    if feature.dates_as and feature.type != "months_since":
        yield f"{where}.dates_as: only months_since has it"
    taken = mapping.applications.columns.get(name)
    if name in RESERVED or (
        name in APPLICATION_TYPES and (taken is None or taken.column != feature.column)
    ):
        yield f"{where}: the name is taken by a column of applications; choose another"
    event = mapping.outcomes.event if mapping.outcomes is not None else None
    labels = {block.column for block in (mapping.label, event) if block is not None}
    if not feature.known_afterwards and feature.column in labels:
        yield f"{where}.column: {feature.column} is the column of the label, no feature"

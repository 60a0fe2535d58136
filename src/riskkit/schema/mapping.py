"""The grammar of a source mapping: what a user may write, and everything wrong with what they did.

Takes a YAML file; gives its blocks as checked models, read once. Nothing in a mapping is executed.
"""

from __future__ import annotations

import codecs
import datetime
import difflib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import pyarrow as pa
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WrapValidator,
    model_validator,
)

from riskkit.checks import LONGEST_NAME, DataContractError, is_plain_name, password_places
from riskkit.columns import CellRule, parse_text, shown
from riskkit.schema.contract import CONTRACT, KEYS
from riskkit.schema.yaml_text import read_yaml
from riskkit.target import BadDefinition

__all__ = [
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
FEATURE_KINDS = {"category": "category", "number": "number", "months_since": "date"}
# needed columns that follow from others
DERIVED: dict[str, tuple[str, ...]] = {
    "performance": ("cohort", "mob", "status"),
    "instalments": (),
    "outcomes": (),
}
MOST_LINES = 40
_FILL_IN = "<fill in"
_PLAIN_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?"
Operator = Literal[
    "==", "!=", "<", "<=", ">", ">=",
    "in", "not_in", "starts_with", "not_starts_with", "is_missing",
]  # fmt: skip


def _number(value: Any) -> float:
    """A number with a point, whatever signs the columns have."""
    if not isinstance(value, str) or not re.fullmatch(_PLAIN_NUMBER, value, re.ASCII):
        raise ValueError("a number")
    return float(value)


def _whole(value: Any) -> int:
    if not isinstance(value, str) or not re.fullmatch(r"[+-]?[0-9]{1,15}", value):
        raise ValueError("a whole number")
    return int(value)


def _truth(value: Any) -> bool:
    if isinstance(value, bool) or value in ("yes", "no"):
        return value in (True, "yes")
    raise ValueError("true or false")


def _day(value: Any) -> datetime.date:
    try:
        return parse_text(_text(value), CellRule(kind="date")).date()
    except (ValueError, pa.ArrowException):
        raise ValueError("a date such as 2023-07-01") from None


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str):
        raise ValueError("text")
    return value


def _scalar(value: Any) -> str:
    """A value of a data column; true and false are the words."""
    return str(value).lower() if isinstance(value, bool) else _text(value)


def _name(value: Any) -> str:
    """A name that can stand in messages, paths and pages; a header may go over several lines."""
    if not is_plain_name(_text(value)):
        raise ValueError(f"a name of at most {LONGEST_NAME} signs that can be seen")
    return value


def _distinct(value: Any, handler: Any) -> Any:
    """A block whose keys still differ once they are read: 6 and 06 are one number."""
    read = handler(value)
    if isinstance(value, dict) and len(read) != len(value):
        raise ValueError("keys that differ")
    return read


Whole = Annotated[int, BeforeValidator(_whole)]
Number = Annotated[float, BeforeValidator(_number)]
Truth = Annotated[bool, BeforeValidator(_truth)]
Day = Annotated[datetime.date, BeforeValidator(_day)]
Text = Annotated[str, BeforeValidator(_text)]
Scalar = Annotated[str, BeforeValidator(_scalar)]
Name = Annotated[str, BeforeValidator(_name)]
Distinct = WrapValidator(_distinct)


class Block(BaseModel):
    """A block of keys; an unknown one is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Column(Block):
    """A column of the source, and how its cells are written; its name alone is enough."""

    column: Name
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
    special_codes: Annotated[dict[Number, Text], Distinct] = Field(default_factory=dict)
    levels: dict[Scalar, Text] = Field(default_factory=dict)
    dates_as: dict[Scalar, Number] = Field(default_factory=dict)
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

    column: Name
    operator: Operator
    value: Any
    type: Literal["", "text", "number", "date", "boolean"] = ""

    def text(self, *, shows_value: bool = True) -> str:
        """The filter in words; its value may be that of a cell nobody may show."""
        value = str(self.value).lower() if isinstance(self.value, bool) else self.value
        return f"{self.column} {self.operator} {value if shows_value else '…'}"


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

    column: Name
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

    column: Name
    bad: list[Scalar] = Field(default_factory=list)
    good: list[Scalar] = Field(default_factory=list)
    ignored: list[Scalar] = Field(default_factory=list)
    days_past_due: Literal["", "worst", "snapshot"] = ""
    at: Day | None = None


class Bad(Block):
    """The definition of bad."""

    dpd: Whole | None = 90
    window_months: Whole | None = 12
    by_term: Annotated[dict[Whole, Whole], Distinct] | None = None
    indeterminate_dpd: Whole | None = None


class Control(Block):
    """Totals that the data must have."""

    rows: Whole | None = None
    bads: Whole | None = None
    amount_by_month: dict[Text, Number] = Field(default_factory=dict)


class SourceMapping(Block):
    """A source mapping, as its owner wrote it."""

    name: Name
    title: Name
    currency: Name
    amounts_in: Literal["major", "minor"]
    in_contract: Truth = False
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
    features: dict[Name, FeatureBlock]

    @property
    def tables(self) -> dict[str, MappedTable]:
        """The tables it maps, by name."""
        there = {name: getattr(self, name) for name in CONTRACT}
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

    @property
    def amount_scale(self) -> int:
        """Smallest units of money in one of the amounts as they are written."""
        return 100 if self.amounts_in == "major" else 1

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
            words=column.levels if isinstance(column, FeatureBlock) else column.words,
        )

    def files(self, folder: Path) -> list[Path]:
        """The data files it names."""
        return list(dict.fromkeys(folder / t.path for t in self.tables.values() if t.path))

    def application_columns(self, folder: Path) -> list[str]:
        """Names of columns of the applications as they will be, before they are read.

        Raises
        ------
        DataContractError
            Of tables ``in_contract``: their file is not usable.
        """
        if not self.in_contract:
            return [*self.applications.columns, *self.features]
        # it reads mappings itself
        from riskkit.schema.contract_source import contract_table, described_columns

        name = "applications"
        return described_columns(self, name, contract_table(self, folder, name))

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
        raise DataContractError(name, [f"expected a block of keys, found {brief(content)}"])
    if places := [*password_places(content)]:
        raise DataContractError(
            name,
            first_lines(
                [
                    f"{place}: looks like a database's address or a password; sql: url_env names "
                    "the environment variable that holds it"
                    for place in places
                ]
            ),
        )
    if places := [*_to_fill_in(content)]:
        raise DataContractError(name, first_lines(places))
    try:
        mapping = SourceMapping.model_validate(content)
    except ValidationError as error:
        raise DataContractError(name, grammar_lines(error, content, SourceMapping)) from None
    of_tables = _beyond_contract if mapping.in_contract else _of_tables
    if found := [*of_tables(mapping), *_contradictions(mapping)]:
        raise DataContractError(name, first_lines(found))
    return mapping


def _to_fill_in(values: Any, where: str = "") -> Iterator[str]:
    """Places that a mapping as it was laid leaves to its owner, such as ``<fill in a name>``."""
    if isinstance(values, str) and values.startswith(_FILL_IN):
        hint = values.removeprefix(_FILL_IN).removesuffix(">").strip()
        yield f"{where}: still to be filled in" + (f": {brief(hint)}" if hint else "")
    elif isinstance(values, dict):
        for key, value in values.items():
            yield from _to_fill_in(value, f"{where}.{_cut(key)}" if where else _cut(key))
    elif isinstance(values, list):
        for number, value in enumerate(values, 1):
            yield from _to_fill_in(value, f"{where}[{number}]")


def first_lines(lines: list[str]) -> list[str]:
    """Each line once, and of very many the first ones."""
    once = list(dict.fromkeys(lines))
    more = len(once) - MOST_LINES
    return once if more <= 0 else [*once[:MOST_LINES], f"and {more:,} more faults"]


# -- what pydantic found, in the words of this house -----------------------------------------------


def grammar_lines(
    error: ValidationError, content: Mapping[str, Any], grammar: type[BaseModel]
) -> list[str]:
    """What pydantic found of a content that is no such block, a line a fault."""
    lines = []
    # a mapping may have thousands of faults; those behind the last line shown are only counted
    for item in error.errors(include_url=False):
        where = ""
        for part in item["loc"]:
            word = f"[{part + 1}]" if isinstance(part, int) else _cut(part)
            where += word if isinstance(part, int) or not where else f".{word}"
        where = where.removesuffix(".[key]")
        kind, context = item["type"], item.get("ctx", {})
        if kind == "missing":
            lines.append(f"{where}: missing")
        elif kind == "extra_forbidden":
            lines.append(f"{where}: unknown key{_known_hint(item['loc'], grammar)}")
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
                "greater_than": f"more than {context.get('gt')}",
                "less_than": f"less than {context.get('lt')}",
            }.get(kind, item["msg"])
            lines.append(f"{where}: expected {expected}, found {brief(_at(content, item['loc']))}")
    return first_lines(lines)


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


def _cut(text: str) -> str:
    """A key, cut and without signs that nobody sees."""
    return text if len(text) <= 40 and text.isprintable() else shown(text)


def brief(value: Any) -> str:
    """What stands there, cut and without signs that nobody sees."""
    return shown(value) if isinstance(value, str) else shown(repr(value)).strip("'\"")


def _known_hint(loc: tuple[Any, ...], grammar: type[BaseModel]) -> str:
    """The nearest key, or all that are known there."""
    model: Any = grammar
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
        for name in CONTRACT["applications"]
        if name in reasons and name not in mapping.applications.columns
    ]


def _of_tables(mapping: SourceMapping) -> Iterator[str]:
    """What is wrong with what is said of the tables, each for itself and together."""
    yield from _unmapped(mapping)
    for name, table in mapping.tables.items():
        yield from _of_table(name, table)
    if not (mapping.performance or mapping.outcomes or mapping.label):
        yield "one of performance, outcomes or label is needed to know who was bad"
    if mapping.label is not None:
        yield from _of_label(mapping.label, mapping)
    if mapping.outcomes is not None:
        yield from _of_outcomes(mapping.outcomes)
    if mapping.performance is not None:
        yield from _of_panel(mapping.performance)


def _beyond_contract(mapping: SourceMapping) -> Iterator[str]:
    """What a mapping says although its tables hold the contract's columns already."""
    as_they_are = "tables in_contract are taken as they are"
    if mapping.amounts_in != "minor":
        yield f"amounts_in: expected minor, the smallest unit of money; {as_they_are}"
    if mapping.missing:
        yield f"missing: {as_they_are}"
    for name, table in mapping.tables.items():
        if not table.path:
            yield f"{name}.path: missing"
        elif Path(table.path).suffix not in ("", ".parquet"):
            yield f"{name}.path: expected a .parquet file, or a folder of them"
        yield from (
            f"{name}.{key}: {as_they_are}" for key in sorted(table.model_fields_set - {"path"})
        )
    if mapping.label is not None:
        yield f"label: the column default_flag of applications says it; {as_they_are}"
    if mapping.performance or mapping.outcomes:
        if mapping.observed_to is None:
            yield "observed_to: missing; the last day that performance or outcomes show"
        if mapping.bad.window_months is None and not mapping.bad.by_term:
            yield "bad.window_months: missing; tables in_contract are labelled piece by piece"
    elif mapping.instalments:
        yield "instalments: performance or outcomes belong to them"
    stated = {"label", "family", "unit", "risk_direction", "special_codes", "type", "column"}
    stated |= {"protected", "known_afterwards"}
    for name, feature in mapping.features.items():
        where = f"features.{_cut(name)}"
        if feature.column != name:
            yield f"{where}.column: expected {_cut(name)}, as the feature; {as_they_are}"
        if feature.type == "months_since":
            yield f"{where}.type: expected number or category; {as_they_are}"
        yield from (
            f"{where}.{key}: {as_they_are}" for key in sorted(feature.model_fields_set - stated)
        )


def _contradictions(mapping: SourceMapping) -> Iterator[str]:
    if not re.fullmatch(r"\w[\w .-]{0,59}", mapping.name):
        yield (
            "name: it names folders; expected at most 60 letters, digits, blanks, points and "
            f"hyphens, found {brief(mapping.name)}"
        )
    try:
        _ = mapping.definition
    except ValueError as error:
        yield str(error)
    label_at = mapping.label.at if mapping.label is not None else None
    for name, later in (("out_of_time_from", mapping.out_of_time_from), ("label.at", label_at)):
        if later and mapping.observed_to and later > mapping.observed_to:
            yield f"{name}: {later} is later than observed_to, {mapping.observed_to}"
    for month in mapping.control.amount_by_month:
        if not re.fullmatch("[0-9]{4}-(0[1-9]|1[0-2])", month):
            yield f"control.amount_by_month: expected a month as 2023-01, found {brief(month)}"
    if not mapping.features:
        yield "features: none is described"
    elif not any(feature.offered for feature in mapping.features.values()):
        yield "features: all are protected or known afterwards, so no model could be made"
    for name, feature in mapping.features.items():
        yield from _of_feature(name, feature, mapping)


def _of_outcomes(outcomes: Outcomes) -> Iterator[str]:
    if outcomes.event is not None:
        if outcomes.last_payment is None:
            yield "outcomes.last_payment: missing"
        else:
            yield from _of_cells("outcomes.last_payment", outcomes.last_payment, "date")
        event = outcomes.event
        lists = {"default": event.default, "repaid": event.repaid, "ignored": event.ignored}
        yield from _in_both("outcomes.event", lists)
        if outcomes.columns:
            yield "outcomes: both columns and event; one is enough"
    elif not outcomes.columns:
        yield "outcomes: columns or event is missing"


def _of_panel(panel: Performance) -> Iterator[str]:
    if panel.seen_from_start == ("cohort" in panel.columns):
        yield (
            "performance.columns.cohort: map the date of disbursal, or state seen_from_start: true "
            "where each loan's first row is its month of disbursal; one of the two"
        )
    if panel.left_current and "status" in panel.columns:
        yield "performance.left_current: status is mapped, which says how loans left"


def _of_table(name: str, table: MappedTable) -> Iterator[str]:
    contract = CONTRACT[name]
    if table.path and table.sql is not None:
        yield f"{name}: both path and sql; one is enough"
    if not (table.path or table.sql) and (name != "outcomes" or table.columns):
        yield f"{name}: path or sql is missing"
    for column, rule in contract.items():
        # what applications need depends on the rest of the mapping
        is_missing = rule.needed and name != "applications" and column not in table.columns
        if is_missing and (table.path or table.sql) and column not in DERIVED[name]:
            yield f"{name}.columns.{column}: missing"
    yield from _of_file(name, table)
    for column, mapped in table.columns.items():
        where = f"{name}.columns.{_cut(column)}"
        if column not in contract:
            yield f"{where}: unknown column{near(column, contract)}"
        else:
            yield from _of_cells(where, mapped, contract[column].kind)
    by = table.duplicates.by or (KEYS[name] if table.duplicates.keep != "refuse" else ())
    for column in by:
        if column not in table.columns:
            yield f"{name}.duplicates.by: {_cut(column)} is not mapped{near(column, table.columns)}"
    for number, row in enumerate(table.rows, start=1):
        where = f"{name}.rows[{number}]"
        wants_list = row.operator in ("in", "not_in")
        if row.operator == "is_missing" and not isinstance(row.value, bool):
            yield f"{where}.value: expected true or false, found {brief(row.value)}"
        elif wants_list != isinstance(row.value, list):
            expected = "a list" if wants_list else f"one value for {row.operator}"
            hint = "" if wants_list else "; a list goes with in and not_in"
            yield f"{where}.value: expected {expected}, found {brief(row.value)}{hint}"
        elif any(
            value is None or isinstance(value, dict | list)
            for value in (row.value if wants_list else [row.value])
        ):
            yield f"{where}.value: expected a value, found {brief(row.value)}"


def _of_file(name: str, table: MappedTable) -> Iterator[str]:
    """Keys that say how a file is written, but of another kind of file."""
    path = table.path.lower()
    for key, default, endings in (
        ("encoding", "utf-8", (".csv", ".csv.gz")),
        ("delimiter", ",", (".csv", ".csv.gz")),
        ("sheet", "", (".xlsx",)),
    ):
        if getattr(table, key) != default and not path.endswith(endings):
            yield f"{name}.{key}: only {' or '.join(endings)} has one"
    if len(table.delimiter) != 1 or table.delimiter in '\n\r"\0':
        yield f"{name}.delimiter: expected one sign, found {brief(table.delimiter)}"
    try:
        "".encode(codecs.lookup(table.encoding).name)
    except (LookupError, ValueError):
        yield f"{name}.encoding: no text encoding is called {brief(table.encoding)}"


def _of_cells(where: str, column: Column, kind: str) -> Iterator[str]:
    """Keys that say how cells are written, but of another kind of column."""
    for key in ("decimal", "thousands", "percent", "strip"):
        if getattr(column, key) and kind not in ("number", "integer"):
            yield f"{where}.{key}: only a column of numbers has one"
    if column.format and kind != "date":
        yield f"{where}.format: only a column of dates has one"
    elif column.format not in ("", "excel") and not _is_format(column.format):
        example = '"%d.%m.%Y", for example, or excel'
        yield f"{where}.format: expected {example}, found {brief(column.format)}"
    if column.words and kind not in ("text", "boolean"):
        yield f"{where}.words: only a column of text or truth values has them"
    if column.decimal and column.decimal == column.thousands:
        yield f"{where}: decimal and thousands are the same sign, {column.decimal!r}"
    for sign in column.strip:
        if not sign.strip() or re.search("[0-9.,%+-]", sign):
            yield f"{where}.strip: a sign without digits, points or %, found {brief(sign)}"


def _is_format(text: str) -> bool:
    """Whether a format of dates says year and month, each once."""
    day = datetime.datetime(2023, 11, 29)
    try:
        read = datetime.datetime.strptime(day.strftime(text), text)
    except (ValueError, re.error):
        return False
    return (read.year, read.month) == (2023, 11)


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
                yield f"{where}: {brief(value)} stands under {seen[value]} and under {key}"
            seen.setdefault(value, key)


def _of_feature(name: str, feature: FeatureBlock, mapping: SourceMapping) -> Iterator[str]:
    where = f"features.{_cut(name)}"
    kind = FEATURE_KINDS[feature.type]
    yield from _of_cells(where, feature, kind)
    if feature.type == "category":
        for key in ("risk_direction", "special_codes"):
            if getattr(feature, key):
                yield f"{where}.{key}: a category has none"
    elif feature.levels:
        yield f"{where}.levels: only a category has levels"
    if feature.words:
        yield f"{where}.words: levels say what the values of a category mean"
    if feature.dates_as and feature.type != "months_since":
        yield f"{where}.dates_as: only months_since has it"
    for code in feature.dates_as.values():
        if code not in feature.special_codes:
            yield f"{where}.dates_as: {code:g} is not among special_codes, which say what it means"
    if name in RESERVED:
        yield f"{where}: the name is taken by a column of applications; choose another"
    elif name in CONTRACT["applications"] and not mapping.in_contract:
        yield from _of_shared_name(where, name, feature, mapping)
    event = mapping.outcomes.event if mapping.outcomes is not None else None
    labels = {block.column for block in (mapping.label, event) if block is not None}
    if not feature.known_afterwards and feature.column in labels:
        yield f"{where}.column: {feature.column} is the column of the label, no feature"


def _of_shared_name(
    where: str, name: str, feature: FeatureBlock, mapping: SourceMapping
) -> Iterator[str]:
    """A feature that is a column of applications, too, is one and the same."""
    taken = mapping.applications.columns.get(name)
    same_kind = {"text": "category", "integer": "number", "number": "number"}
    kind = CONTRACT["applications"][name].kind
    if (
        taken is None
        or taken.column != feature.column
        or same_kind.get(kind) != feature.type
        or mapping.rule(taken, kind) != mapping.rule(feature, kind)
    ):
        yield f"{where}: the name is taken by a column of applications; choose another"

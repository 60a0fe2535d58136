"""A source whose files hold the contract's columns already, of whatever size.

Takes a mapping that says ``in_contract``; gives a :class:`Source` of tables that are checked, and
its applications labelled, piece by piece. Nothing is converted or filtered; only columns that
neither the contract nor a feature describes are left out.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from riskkit import partitions
from riskkit.checks import DataContractError, missing_columns
from riskkit.columns import month_texts
from riskkit.loan_values import BOOK_COLUMNS, LoanValues
from riskkit.schema.contract import CONTRACT, ColumnRule, check_target, violations_in_parts
from riskkit.schema.facts import Reading, Source
from riskkit.schema.mapping import SourceMapping
from riskkit.schema.outcomes import last_whole_month
from riskkit.schema.stated import control_lines, stated_facts, unseen_text
from riskkit.tables import Table
from riskkit.target import BadDefinition, default_flags

__all__ = ["contract_source", "contract_table", "described_columns"]

FLAG = "default_flag"
_EXPECTED = {
    "text": "text",
    "date": "a date, or a timestamp without a time zone",
    "integer": "whole numbers",
    "number": "numbers",
    "boolean": "truth values",
}
_WHOLE = {"performance": "loan_id", "instalments": "loan_id"}


def contract_source(
    mapping: SourceMapping, folder: Path, parts: Path, what: str, *, shows_values: bool
) -> Source:
    """The source; a table stays where it is, unless a label or undescribed columns make a copy.

    Parameters
    ----------
    mapping : SourceMapping
        That says ``in_contract``.
    folder : Path
        Of the files.
    parts : Path
        Folder for the copies.
    what : str
        Name of the mapping, for messages.
    shows_values : bool
        Whether a message may show a value that breaks a rule.

    Raises
    ------
    DataContractError
        A file is not usable, a table breaks the contract, or tables do not go together.
    """
    tables = {name: contract_table(mapping, folder, name) for name in mapping.tables}
    _stop(what, _of_columns(mapping, tables))
    _stop(what, _of_rows(mapping, tables, shows_values))
    seen = pd.concat([_seen(name, table) for name, table in tables.items()])
    _stop(what, [*_strays(tables), *_beyond(seen, mapping)])
    reading = Reading()
    observed_to = _observed_to(seen, mapping, reading)
    book = tables.get("performance", tables.get("outcomes"))
    is_labelled = FLAG in tables["applications"].columns
    flags = None
    if not is_labelled:
        if book is None or observed_to is None:
            raise DataContractError(
                what, [f"applications.{FLAG}: missing, and no performance or outcomes tell it"]
            )
        flags = _flags(book, tables["applications"], mapping.definition, observed_to)
    for name, table in tables.items():
        told = flags if name == "applications" else None
        tables[name] = _described(mapping, name, table, told, parts)
    check_target(tables["applications"])
    by_month = partitions.total(
        _by_month, tables["applications"], columns=["applied_at", "amount", "booked", FLAG]
    )
    rows, bads, n_booked = (int(by_month[name].sum()) for name in ("rows", "bads", "booked"))
    _stop(what, control_lines(mapping, rows, bads, by_month["amount"]))
    if flags is not None and len(flags) < n_booked:
        lost = n_booked - len(flags)
        reading.warnings.append(f"{lost:,} booked loans have no month or end, so no label")
    facts: dict[str, Any] = {**stated_facts(mapping), **tables}
    return Source(
        **facts,
        observed_to=observed_to,
        label_text=f"labelled 1 in {FLAG} by its source" if is_labelled else "",
        reading=reading,
    )


def _stop(what: str, lines: Iterable[str]) -> None:
    if found := list(lines):
        raise DataContractError(what, found)


def contract_table(mapping: SourceMapping, folder: Path, name: str) -> Table:
    """The table behind a block that says ``in_contract``.

    Raises
    ------
    DataContractError
        A folder without parquet files, or what :class:`riskkit.tables.Table` refuses.
    """
    path = folder / mapping.tables[name].path
    try:
        files = _files(path) if path.is_dir() else [path]
        stored = Table(files, dtypes={}).stored_types
        dtypes = {
            column: _dtypes(kind, stored[column])
            for column, kind in _kinds(mapping, name).items()
            if column in stored and _holds(kind, stored[column])
        }
        return Table(files, whole=_WHOLE.get(name), dtypes=dtypes)
    except DataContractError as error:
        # files of several tables may have one name
        raise DataContractError(f"{name}: {error.what}", error.violations) from None


def _files(folder: Path) -> list[Path]:
    """The folder's parquet files; hidden ones, and such as _SUCCESS, are no data to anybody."""
    inside = [path for path in folder.iterdir() if not path.name.startswith((".", "_"))]
    deeper = sorted(path.name for path in inside if path.is_dir())
    if deeper:
        said = f"expected .parquet files alone, found the folder {deeper[0]} among them"
        raise DataContractError(folder.name, [said])
    files = [path for path in inside if path.suffix.lower() == ".parquet"]
    if not files:
        raise DataContractError(folder.name, ["no .parquet file in this folder"])
    return sorted(files, key=_by_numbers)


def _by_numbers(path: Path) -> list[tuple[str, int]]:
    """What names are sorted by, whoever wrote the files: data_2 before data_10."""
    return [(text, int(digits or 0)) for text, digits in re.findall(r"(\D*)(\d*)", path.name)]


# -- columns ---------------------------------------------------------------------------------------


def described_columns(mapping: SourceMapping, name: str, table: Table) -> list[str]:
    """Columns of a table ``in_contract`` that the contract or a feature describes."""
    known = _kinds(mapping, name)
    return [column for column in table.columns if column in known]


def _kinds(mapping: SourceMapping, name: str) -> dict[str, str]:
    """Kind of each column of the contract, and of each feature, by its name."""
    kinds = {column: rule.kind for column, rule in CONTRACT[name].items()}
    if name != "applications":
        return kinds
    of_type = {"category": "text"}
    features = {one: of_type.get(f.type, f.type) for one, f in mapping.features.items()}
    return {**kinds, FLAG: "number", **features}


def _holds(kind: str, stored: pa.DataType) -> bool:
    """Whether a type of files is of a kind; one whose every value is missing is of any."""
    types = pa.types
    if types.is_null(stored):
        return True
    if kind == "text":
        value = stored.value_type if types.is_dictionary(stored) else stored
        texts = types.is_string, types.is_large_string, types.is_string_view
        return any(is_text(value) for is_text in texts)
    if kind == "date":
        # midnight in a time zone may be the day before in another
        return types.is_date(stored) or (types.is_timestamp(stored) and stored.tz is None)
    if kind == "boolean":
        return types.is_boolean(stored)
    return types.is_integer(stored) or (kind == "number" and types.is_floating(stored))


def _dtypes(kind: str, stored: pa.DataType) -> tuple[str, str]:
    """Dtype of a column without a missing value, and with one, however narrow it is stored.

    What is counted from small or unsigned numbers would not fit into them.
    """
    if kind == "date":
        unit = stored.unit if pa.types.is_timestamp(stored) else "ms"
        return f"datetime64[{unit}]", f"datetime64[{unit}]"
    if kind == "number" and pa.types.is_signed_integer(stored):
        return "int64", "float64"
    of_kind = {
        "text": ("str", "str"),
        "boolean": ("bool", "boolean"),
        "integer": ("int64", "Int64"),
        "number": ("float64", "float64"),
    }
    return of_kind[kind]


def _of_columns(mapping: SourceMapping, tables: Mapping[str, Table]) -> Iterator[str]:
    """Columns that are missing or of another type; a table has one type for all of its rows."""
    for name, table in tables.items():
        stored = table.stored_types
        kinds = _kinds(mapping, name)
        needed = [column for column, rule in CONTRACT[name].items() if rule.needed]
        if name == "applications":
            # the book is counted by months of application and by term
            needed += ("applied_at", "term_months") if len(tables) > 1 else ()
            needed += mapping.features
        if missing := missing_columns(stored, list(dict.fromkeys(needed))):
            yield f"{name}: {missing}"
        for column, found in stored.items():
            if column in kinds and not _holds(kinds[column], found):
                yield f"{name}: {column}: expected {_EXPECTED[kinds[column]]}, found {found}"
            elif column not in kinds and pa.types.is_nested(found):
                yield f"{name}: {column}: expected one value a row, found {found}; leave it out"


def _of_rows(
    mapping: SourceMapping, tables: Mapping[str, Table], shows_values: bool
) -> Iterator[str]:
    """What the rows of each table break, piece by piece."""
    for name, table in tables.items():
        # whole numbers need no look: they are finite
        more = {
            one: ColumnRule(kind="number", filled=False)
            for one in (mapping.features if name == "applications" else ())
            if pa.types.is_floating(table.stored_types[one])
        }
        try:
            lines: Iterable[str] = violations_in_parts(
                name, table, more=more, labelled=False, shows_values=shows_values
            )
        except DataContractError as error:
            lines = [f"{error.what}: {line}" for line in error.violations]
        yield from (f"{name}: {line}" for line in lines)


# -- what tables say together ----------------------------------------------------------------------


def _strays(tables: Mapping[str, Table]) -> Iterator[str]:
    """Tables with rows of loans that are no booked application."""
    booked = LoanValues.from_table(tables["applications"], "booked")
    for name, table in tables.items():
        if name == "applications":
            continue
        count = partial(_strays_in, booked=booked)
        if n := partitions.total(count, table, columns=["loan_id"]):
            yield f"{name}.loan_id: {n:,} rows are of loans that are no booked application"


def _strays_in(frame: pd.DataFrame, booked: LoanValues) -> int:
    # an id that applications do not know is missing here
    return int((~booked.of(frame["loan_id"]).eq(True)).sum())


def _seen(name: str, table: Table) -> pd.DataFrame:
    """First and last day of each date column that tells what was seen."""
    dates = [
        column
        for column, rule in CONTRACT[name].items()
        # a plan reaches further than what is seen
        if rule.kind == "date" and column != "due_date" and column in table.columns
    ]
    days = partitions.collected(partial(_days_in, dates=dates), table, columns=dates)
    found = days.groupby("column", sort=False).agg(first=("first", "min"), last=("last", "max"))
    return found.assign(table=name).reset_index()


def _days_in(frame: pd.DataFrame, dates: list[str]) -> pd.DataFrame:
    days = [(name, frame[name].min(), frame[name].max()) for name in dates]
    return pd.DataFrame(days, columns=["column", "first", "last"])


def _beyond(seen: pd.DataFrame, mapping: SourceMapping) -> Iterator[str]:
    """Dates later than what is stated as seen, and one date on every application."""
    for row in seen.itertuples():
        end = mapping.observed_to
        if end is not None and row.last >= pd.Timestamp(end) + pd.Timedelta(days=1):
            yield (
                f"{row.table}.{row.column}: the last day is {row.last:%Y-%m-%d}, expected on or "
                f"before observed_to, {end}"
            )
        if row.column == "applied_at" and row.first == row.last:
            yield (
                f"applications.applied_at: every row bears {row.first:%Y-%m-%d}; leave the column "
                "out where nobody knows when they applied"
            )


def _observed_to(
    seen: pd.DataFrame, mapping: SourceMapping, reading: Reading
) -> pd.Timestamp | None:
    """The last month-end seen whole: as it is stated, else that of the last application."""
    last = seen["last"].max()
    if mapping.observed_to is not None:
        end = pd.Timestamp(mapping.observed_to)
        reading.warnings += unseen_text(end, last)
        return last_whole_month(end)
    return None if pd.isna(last) else last + pd.offsets.MonthEnd(0)


# -- the label -------------------------------------------------------------------------------------


def _flags(
    book: Table, applications: Table, definition: BadDefinition, observed_to: pd.Timestamp
) -> LoanValues:
    """Label of each loan of the book."""
    terms = LoanValues.from_table(applications, "term_months")
    of_block = partial(_flags_in, definition=definition, observed_to=observed_to, terms=terms)
    columns = [*BOOK_COLUMNS, "term_months"]
    found = LoanValues.collected(of_block, book, columns, "loan_id")
    return found.mapped(itemgetter(FLAG), FLAG)


def _flags_in(
    book: pd.DataFrame, definition: BadDefinition, observed_to: pd.Timestamp, terms: LoanValues
) -> pd.DataFrame:
    flags = default_flags(book, definition, observed_to, term_months=terms)
    return flags.rename(FLAG).rename_axis("loan_id").reset_index()


def _described(
    mapping: SourceMapping, name: str, table: Table, flags: LoanValues | None, parts: Path
) -> Table:
    """The table as it is, or a copy: with the label, and without what no key describes.

    That may be names and numbers of people, which are for no page and no hand-over.
    """
    columns = described_columns(mapping, name, table)
    if flags is None and columns == table.columns:
        return table
    folder = parts / f"{name} described"
    shutil.rmtree(folder, ignore_errors=True)  # of an earlier reading
    for _ in partitions.each(partial(_part, name, flags), table, folder, columns=columns):
        pass
    return Table(folder / name, whole=_WHOLE.get(name))


def _part(name: str, flags: LoanValues | None, frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    if flags is not None:
        known = flags.of(frame["application_id"]).astype("float64")
        frame = frame.assign(**{FLAG: known.where(frame["booked"])})
    return {name: frame}


def _by_month(applications: pd.DataFrame) -> pd.DataFrame:
    """Rows, bads, booked ones and amount asked for, by month of application where it is known."""
    counts = pd.DataFrame(
        {
            "rows": 1,
            "bads": applications[FLAG] == 1,
            "booked": applications["booked"],
            "amount": applications["amount"],
        }
    )
    if "applied_at" not in applications:
        return counts.groupby(lambda _: "").sum()
    return counts.groupby(month_texts(applications["applied_at"])).sum()

"""The grammar of a source mapping: what a user may write, and everything wrong with what they did.

Takes a YAML file; gives its checked blocks. Nothing in a mapping is executed.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from riskkit.checks import DataContractError
from riskkit.schema.contract import OUTCOME_COLUMNS, PERFORMANCE_COLUMNS
from riskkit.target.labels import BadDefinition

__all__ = ["check_source", "read_mapping", "reads_database", "source_files", "source_names"]

FEATURE_TYPES = ("number", "category", "months_since")
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


_READ = {"path": (str, False), "sql": (dict, False), "rows": (list, False)}
_TABLE = {**_READ, "columns": (dict, True)}
_GRAMMAR: dict[str, dict[str, tuple[Any, bool]]] = {
    "": {
        "name": (str, True),
        "title": (str, True),
        "currency": (str, True),
        "amounts_in": (str, True),
        "accepted_only": (bool, False),
        "notes": (list, False),
        "out_of_time_from": (object, False),
        "applications": (dict, True),
        "performance": (dict, False),
        "instalments": (dict, False),
        "outcomes": (dict, False),
        "label": (dict, False),
        "bad": (dict, False),
        "features": (dict, True),
    },
    "applications": _TABLE,
    "performance": _TABLE,
    "instalments": _TABLE,
    "outcomes": {
        **_READ,
        "columns": (dict, False),
        "event": (dict, False),
        "last_payment": (str, False),
        "default_lag_months": (int, False),
    },
    "outcomes.event": {"column": (str, True), "default": (list, True), "repaid": (list, True)},
    "label": {"column": (str, True), "bad": (list, True), "good": (list, True)},
    "bad": {
        "dpd": (object, False),
        "window_months": (object, False),
        "by_term": (dict, False),
        "indeterminate_dpd": (int, False),
    },
    "sql": {"url_env": (str, True), "query": (str, True)},
    "rows": {"column": (str, True), "operator": (str, True), "value": (object, True)},
    "feature": {
        "column": (str, True),
        "label": (str, True),
        "family": (str, True),
        "type": (str, True),
        "unit": (str, False),
        "risk_direction": (int, False),
        "special_codes": (dict, False),
        "levels": (dict, False),
        "protected": (bool, False),
        "known_afterwards": (bool, False),
    },
}
_TYPE_NAMES = {str: "text", dict: "a block of keys", list: "a list", bool: "true or false"}

OPERATORS: dict[str, Callable[[pd.Series, Any], pd.Series]] = {
    "==": lambda s, v: s == v,
    "!=": lambda s, v: s != v,
    "<": lambda s, v: s < v,
    "<=": lambda s, v: s <= v,
    ">": lambda s, v: s > v,
    ">=": lambda s, v: s >= v,
    "in": lambda s, v: s.isin(v),
    "not_in": lambda s, v: ~s.isin(v),
    "starts_with": lambda s, v: s.astype("str").str.startswith(v),
    "not_starts_with": lambda s, v: ~s.astype("str").str.startswith(v),
    "is_missing": lambda s, v: s.isna() == v,
}


def _unknown(word: str, known: Any) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(known)}"


def _check_block(block: Any, grammar: str, where: str, found: list[str]) -> bool:
    """Append what is wrong with one block of keys; True where it can be walked further."""
    rules = _GRAMMAR[grammar]
    if not isinstance(block, dict):
        found.append(f"{where or 'mapping'}: expected a block of keys, found {block!r}")
        return False
    prefix = f"{where}." if where else ""
    for key, value in block.items():
        if key not in rules:
            found.append(f"{prefix}{key}: unknown key{_unknown(str(key), rules)}")
            continue
        expected = rules[key][0]
        # YAML's true is an int to isinstance
        wrong_bool = expected is int and isinstance(value, bool)
        if not isinstance(value, expected) or wrong_bool:
            name = _TYPE_NAMES.get(expected, "a whole number")
            found.append(f"{prefix}{key}: expected {name}, found {value!r}")
    for key, (_, needed) in rules.items():
        if needed and key not in block:
            found.append(f"{prefix}{key}: missing")
    return True


def _unmapped(mapping: Mapping[str, Any]) -> list[str]:
    """Columns of applications that are not mapped although something in the mapping needs them."""
    block = mapping.get("applications")
    if not isinstance(block, dict) or not isinstance(block.get("columns"), dict):
        return []
    mapped = block["columns"]
    needed = [("amount", "every application has one")]
    if "sql" in block:
        needed.append(("application_id", "rows of a query have no lasting number to take instead"))
    if mapping.get("accepted_only") is not True:
        needed += [(name, "accepted_only is not true") for name in ("approved", "booked")]
    for table in ("performance", "outcomes", "instalments"):
        if table in mapping:
            names = ("application_id", "applied_at", "term_months")
            needed += [(name, f"needed for {table}") for name in names]
    features = mapping.get("features")
    for name, feature in (features if isinstance(features, dict) else {}).items():
        if isinstance(feature, dict) and feature.get("type") == "months_since":
            needed.append(("applied_at", f"the months of {name} are counted up to it"))
    if mapping.get("out_of_time_from") is not None:
        needed.append(("applied_at", "out_of_time_from needs it"))
    # one reason each, the first
    reasons = dict(reversed(needed))
    return [
        f"applications.columns.{name}: missing; {reasons[name]}"
        for name in APPLICATION_TYPES
        if name in reasons and name not in mapped
    ]


def _check_mapping(mapping: Any) -> list[str]:
    """Every violation of the mapping's grammar."""
    found: list[str] = []
    if not _check_block(mapping, "", "", found):
        return found
    if mapping.get("amounts_in") not in ("major", "minor", None):
        found.append(f"amounts_in: expected major or minor, found {mapping['amounts_in']!r}")
    contract: dict[str, Mapping[str, str]] = {
        "applications": APPLICATION_TYPES,
        "performance": PERFORMANCE_COLUMNS,
        "instalments": INSTALMENT_TYPES,
        "outcomes": OUTCOME_COLUMNS,
    }
    for table, columns in contract.items():
        block = mapping.get(table)
        if block is None or not _check_block(block, table, table, found):
            continue
        if "sql" in block:
            _check_block(block["sql"], "sql", f"{table}.sql", found)
        if "path" in block and "sql" in block:
            found.append(f"{table}: both path and sql; one is enough")
        reads_own = table != "outcomes" or "columns" in block
        if reads_own and "path" not in block and "sql" not in block:
            found.append(f"{table}: path or sql is missing")
        rows = block.get("rows", [])
        for number, row in enumerate(rows if isinstance(rows, list) else [], start=1):
            where = f"{table}.rows[{number}]"
            if _check_block(row, "rows", where, found) and row.get("operator") not in OPERATORS:
                found.append(
                    f"{where}.operator: unknown {row.get('operator')!r}"
                    f"{_unknown(str(row.get('operator')), OPERATORS)}"
                )
        mapped = block.get("columns", {})
        for name, column in (mapped if isinstance(mapped, dict) else {}).items():
            if name not in columns:
                found.append(f"{table}.columns.{name}: unknown column{_unknown(name, columns)}")
            elif not isinstance(column, str):
                found.append(
                    f"{table}.columns.{name}: expected the name of a column, found {column!r}"
                )
    found += _unmapped(mapping)
    outcomes = mapping.get("outcomes")
    if isinstance(outcomes, dict):
        if "event" in outcomes:
            _check_block(outcomes["event"], "outcomes.event", "outcomes.event", found)
            if "last_payment" not in outcomes:
                found.append("outcomes.last_payment: missing")
        elif "columns" not in outcomes:
            found.append("outcomes: columns or event is missing")
    for key in ("label", "bad"):
        if key in mapping:
            _check_block(mapping[key], key, key, found)
    if not any(key in mapping for key in ("performance", "outcomes", "label")):
        found.append("one of performance, outcomes or label is needed to know who was bad")
    windows = mapping.get("bad", {})
    windows = windows.get("by_term") if isinstance(windows, dict) else None
    for term, window in (windows if isinstance(windows, dict) else {}).items():
        if not isinstance(term, int) or not isinstance(window, int):
            found.append(f"bad.by_term: expected months: months, found {term!r}: {window!r}")
    features = mapping.get("features")
    if features == {}:
        found.append("features: none is described")
    applied = mapping.get("applications")
    mapped = applied.get("columns") if isinstance(applied, dict) else None
    if not all(isinstance(note, str) for note in mapping.get("notes") or []):
        found.append("notes: expected a list of sentences; put quotes around one with a colon")
    described = features.values() if isinstance(features, dict) else []
    if described and not any(
        isinstance(f, dict) and not f.get("protected") and not f.get("known_afterwards")
        for f in described
    ):
        found.append("features: all are protected or known afterwards, so no model could be made")
    for name, feature in (features if isinstance(features, dict) else {}).items():
        where = f"features.{name}"
        if not isinstance(name, str):
            found.append(f"{where}: expected text as a name; put quotes around it")
            continue
        if not _check_block(feature, "feature", where, found):
            continue
        if feature.get("type") not in FEATURE_TYPES:
            found.append(
                f"{where}.type: expected one of {', '.join(FEATURE_TYPES)}, "
                f"found {feature.get('type')!r}"
            )
        if feature.get("risk_direction", 0) not in (-1, 0, 1):
            found.append(
                f"{where}.risk_direction: expected -1, 0 or 1, found {feature['risk_direction']!r}"
            )
        if feature.get("type") == "category":
            for key in ("risk_direction", "special_codes"):
                if feature.get(key):
                    found.append(f"{where}.{key}: a category has none")
        elif "levels" in feature:
            found.append(f"{where}.levels: only a category has levels")
        levels = feature.get("levels", {})
        for level, word in levels.items() if isinstance(levels, dict) else ():
            # YAML reads a bare yes as true
            if isinstance(level, bool) or not isinstance(word, str):
                found.append(
                    f"{where}.levels: expected a value and its meaning as text, "
                    f"found {level!r}: {word!r}; put quotes around it"
                )
        taken = mapped.get(name) if isinstance(mapped, dict) else None
        if name in RESERVED or (name in APPLICATION_TYPES and taken != feature.get("column")):
            found.append(f"{where}: the name is taken by a column of applications; choose another")
        codes = feature.get("special_codes", {})
        for code in codes if isinstance(codes, dict) else {}:
            if isinstance(code, bool) or not isinstance(code, int | float) or code != code:
                found.append(f"{where}.special_codes: expected numbers, found {code!r}")
    return found


def read_mapping(path: str | Path) -> dict[str, Any]:
    """Blocks of a mapping that holds to the grammar.

    Raises
    ------
    DataContractError
        The file is not there, no YAML, or breaks the grammar; every violation is listed.
    """
    import yaml

    path = Path(path)
    if not path.is_file():
        raise DataContractError(path.name, [f"no mapping at {path}"])
    try:
        mapping = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or type(error).__name__
        raise DataContractError(path.name, [f"no valid YAML{where}: {problem}"]) from error
    found = _check_mapping(mapping)
    if not found:
        try:
            bad_definition(mapping)
            out_of_time_from(mapping)
        except (ValueError, TypeError) as error:
            found.append(str(error))
    if found:
        raise DataContractError(path.name, found)
    return mapping


def bad_definition(mapping: Mapping[str, Any]) -> BadDefinition:
    """Definition of bad that the mapping states, or the default one."""
    return BadDefinition(**mapping.get("bad", {}))


def out_of_time_from(mapping: Mapping[str, Any]) -> pd.Timestamp | None:
    """First day of the out-of-time sample, where the mapping chooses one."""
    value = mapping.get("out_of_time_from")
    return None if value is None else pd.Timestamp(value)


def data_folder(path: str | Path, root: str | Path | None) -> Path:
    """Folder of the data files: argument, else ``$RISKKIT_DATA``, else the mapping's own."""
    return Path(root or os.environ.get("RISKKIT_DATA") or Path(path).parent)


def source_files(path: str | Path, root: str | Path | None = None) -> list[Path]:
    """Files a mapping reads, itself first; SQL queries have none.

    Raises
    ------
    DataContractError
        The mapping is not there or not valid.
    """
    mapping = read_mapping(path)
    folder = data_folder(path, root)
    tables = ("applications", "performance", "instalments", "outcomes")
    names = [mapping[t]["path"] for t in tables if "path" in mapping.get(t, {})]
    return [Path(path), *dict.fromkeys(folder / name for name in names)]


def source_names(path: str | Path) -> tuple[str, str]:
    """Name and title of a mapping: short for folders, full for reports.

    Raises
    ------
    DataContractError
        The mapping is not there or not valid.
    """
    mapping = read_mapping(path)
    return mapping["name"], mapping["title"]


def reads_database(path: str | Path) -> bool:
    """Whether a query is among what a mapping reads.

    Raises
    ------
    DataContractError
        The mapping is not there or not valid.
    """
    tables = ("applications", "performance", "instalments", "outcomes")
    mapping = read_mapping(path)
    return any("sql" in mapping.get(table, {}) for table in tables)


def check_source(path: str | Path, root: str | Path | None = None) -> None:
    """Refuse a mapping that cannot work, without reading the data.

    Raises
    ------
    DataContractError
        The mapping is not there, no YAML, or has an unknown key or a wrong value; a file it
        names is not there; an environment variable it names is not set.
    """
    mapping = read_mapping(path)
    found = [f"no file at {file}" for file in source_files(path, root) if not file.is_file()]
    for table in ("applications", "performance", "instalments", "outcomes"):
        variable = mapping.get(table, {}).get("sql", {}).get("url_env")
        if variable is not None and not os.environ.get(variable):
            found.append(f"{table}.sql.url_env: environment variable {variable} is not set")
    if found:
        raise DataContractError(Path(path).name, found)

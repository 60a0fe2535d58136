"""Foreign data through a declarative mapping: a user's files or queries in the contract's columns.

Takes a YAML mapping; gives a :class:`Source` of validated tables. Nothing in a mapping is executed.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from riskkit.schema.contract import (
    OUTCOME_COLUMNS,
    PERFORMANCE_COLUMNS,
    DataContractError,
    Feature,
    check_target,
    feature_table,
    validate_applications,
    validate_outcomes,
    validate_performance,
)
from riskkit.schema.labels import BadDefinition, default_flags
from riskkit.schema.tables import read_table

__all__ = ["Source", "SourceFacts", "check_source", "load_source", "source_files"]

FEATURE_TYPES = ("number", "category", "months_since")
_MONEY = ("amount", "offer_limit", "due_amount", "paid_amount", "balance", "recovered_amount")
_APPLICATION_TYPES = {
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
_INSTALMENT_TYPES = {
    "loan_id": "text",
    "number": "integer",
    "due_date": "date",
    "due_amount": "integer",
    "paid_date": "date",
    "paid_amount": "integer",
}


@dataclass(frozen=True, kw_only=True)
class SourceFacts:
    """What a report must know of its data beside the tables.

    Parameters
    ----------
    name, title : str
        Short name for folders, full name for reports.
    currency : str
        ISO code of the amounts.
    accepted_only : bool
        The data hold granted loans only, so rates are shares of booked loans, not of applications.
    bad : BadDefinition
    observed_to : Timestamp
        The last month-end seen.
    out_of_time_from : Timestamp or None
        The source's own choice of the out-of-time sample.
    notes : tuple of str
        What the reader of a report should know about these data.
    """

    name: str
    title: str
    currency: str
    accepted_only: bool
    bad: BadDefinition
    observed_to: pd.Timestamp
    out_of_time_from: pd.Timestamp | None = None
    notes: tuple[str, ...] = ()

    @property
    def rate_name(self) -> str:
        """What a share of approved rows is called here."""
        return "share of booked kept" if self.accepted_only else "approval rate"

    def save(self, path: str | Path) -> None:
        """Write the facts as JSON."""
        values = {f.name: getattr(self, f.name) for f in fields(SourceFacts)}
        values["bad"] = asdict(self.bad)
        for key in ("observed_to", "out_of_time_from"):
            values[key] = None if values[key] is None else f"{values[key]:%Y-%m-%d}"
        text = json.dumps(values, indent=1, ensure_ascii=False)
        Path(path).write_text(text + "\n", encoding="utf-8")

    @staticmethod
    def load(path: str | Path) -> SourceFacts:
        """Read facts that :meth:`save` wrote."""
        values = json.loads(Path(path).read_text(encoding="utf-8"))
        # JSON keys are text
        by_term = values["bad"].pop("by_term")
        windows = None if by_term is None else {int(t): w for t, w in by_term.items()}
        values["bad"] = BadDefinition(**values["bad"], by_term=windows)
        values["observed_to"] = pd.Timestamp(values["observed_to"])
        if values["out_of_time_from"] is not None:
            values["out_of_time_from"] = pd.Timestamp(values["out_of_time_from"])
        return SourceFacts(**values | {"notes": tuple(values["notes"])})


@dataclass(frozen=True, kw_only=True)
class Source(SourceFacts):
    """A lender's data in the contract's columns.

    Parameters
    ----------
    features : tuple of Feature
    applications : DataFrame
    performance, outcomes, instalments, truth : DataFrame or None
        What the source can feed; truth is the synthetic lender's alone.
    """

    features: tuple[Feature, ...]
    applications: pd.DataFrame
    performance: pd.DataFrame | None = None
    outcomes: pd.DataFrame | None = None
    instalments: pd.DataFrame | None = None
    truth: pd.DataFrame | None = None

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables there are, by name; the feature catalogue among them."""
        names = ("applications", "performance", "outcomes", "instalments", "truth")
        found = {name: getattr(self, name) for name in names}
        there = {name: table for name, table in found.items() if table is not None}
        return there | {"features": feature_table(self.features)}


# -- the mapping's grammar: key -> (type, needed) ------------------------------------------------

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
        "protected": (bool, False),
        "known_afterwards": (bool, False),
    },
}
_TYPE_NAMES = {str: "text", dict: "a block of keys", list: "a list", bool: "true or false"}

_OPERATORS: dict[str, Callable[[pd.Series, Any], pd.Series]] = {
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


def _check_mapping(mapping: Any) -> list[str]:
    """Every violation of the mapping's grammar."""
    found: list[str] = []
    if not _check_block(mapping, "", "", found):
        return found
    if mapping.get("amounts_in") not in ("major", "minor", None):
        found.append(f"amounts_in: expected major or minor, found {mapping['amounts_in']!r}")
    contract: dict[str, Mapping[str, str]] = {
        "applications": _APPLICATION_TYPES,
        "performance": PERFORMANCE_COLUMNS,
        "instalments": _INSTALMENT_TYPES,
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
        if table != "outcomes" and "path" not in block and "sql" not in block:
            found.append(f"{table}: path or sql is missing")
        rows = block.get("rows", [])
        for number, row in enumerate(rows if isinstance(rows, list) else [], start=1):
            where = f"{table}.rows[{number}]"
            if _check_block(row, "rows", where, found) and row.get("operator") not in _OPERATORS:
                found.append(
                    f"{where}.operator: unknown {row.get('operator')!r}"
                    f"{_unknown(str(row.get('operator')), _OPERATORS)}"
                )
        mapped = block.get("columns", {})
        for name, column in (mapped if isinstance(mapped, dict) else {}).items():
            if name not in columns:
                found.append(f"{table}.columns.{name}: unknown column{_unknown(name, columns)}")
            elif not isinstance(column, str):
                found.append(
                    f"{table}.columns.{name}: expected the name of a column, found {column!r}"
                )
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
    features = mapping.get("features")
    for name, feature in (features if isinstance(features, dict) else {}).items():
        where = f"features.{name}"
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
        codes = feature.get("special_codes", {})
        for code in codes if isinstance(codes, dict) else {}:
            if not isinstance(code, int | float):
                found.append(f"{where}.special_codes: expected numbers, found {code!r}")
    return found


def _read_mapping(path: str | Path) -> dict[str, Any]:
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
            _bad_definition(mapping)
            _out_of_time_from(mapping)
        except (ValueError, TypeError) as error:
            found.append(str(error))
    if found:
        raise DataContractError(path.name, found)
    return mapping


def _bad_definition(mapping: Mapping[str, Any]) -> BadDefinition:
    return BadDefinition(**mapping.get("bad", {}))


def _out_of_time_from(mapping: Mapping[str, Any]) -> pd.Timestamp | None:
    value = mapping.get("out_of_time_from")
    return None if value is None else pd.Timestamp(value)


def _folder(path: str | Path, root: str | Path | None) -> Path:
    return Path(root or os.environ.get("RISKKIT_DATA") or Path(path).parent)


def source_files(path: str | Path, root: str | Path | None = None) -> list[Path]:
    """Files a mapping reads, itself first; SQL queries have none.

    Raises
    ------
    DataContractError
        The mapping is not there or not valid.
    """
    mapping = _read_mapping(path)
    folder = _folder(path, root)
    tables = ("applications", "performance", "instalments", "outcomes")
    names = [mapping[t]["path"] for t in tables if "path" in mapping.get(t, {})]
    return [Path(path), *dict.fromkeys(folder / name for name in names)]


def check_source(path: str | Path, root: str | Path | None = None) -> None:
    """Refuse a mapping that cannot work, without reading the data.

    Raises
    ------
    DataContractError
        The mapping is not there, no YAML, or has an unknown key or a wrong value; a file it
        names is not there; an environment variable it names is not set.
    """
    mapping = _read_mapping(path)
    found = [f"no file at {file}" for file in source_files(path, root) if not file.is_file()]
    for table in ("applications", "performance", "instalments", "outcomes"):
        variable = mapping.get(table, {}).get("sql", {}).get("url_env")
        if variable is not None and not os.environ.get(variable):
            found.append(f"{table}.sql.url_env: environment variable {variable} is not set")
    if found:
        raise DataContractError(Path(path).name, found)


# -- from raw columns to the contract ------------------------------------------------------------


def _read_block(block: Mapping[str, Any], folder: Path) -> pd.DataFrame:
    if "sql" in block:
        return read_table(os.environ[block["sql"]["url_env"]], block["sql"]["query"])
    return read_table(folder / block["path"])


def _keep_rows(raw: pd.DataFrame, block: Mapping[str, Any], what: str) -> pd.DataFrame:
    keep = pd.Series(True, index=raw.index)
    for row in block.get("rows", []):
        if row["column"] not in raw.columns:
            raise DataContractError(what, [_missing_columns([row["column"]], raw)])
        try:
            keep &= _OPERATORS[row["operator"]](raw[row["column"]], row["value"])
        except TypeError as error:
            raise DataContractError(
                what, [f"rows: cannot compare {row['column']} with {row['value']!r}: {error}"]
            ) from error
    if len(raw) == 0 or not keep.any():
        raise DataContractError(what, ["no rows" if len(raw) == 0 else "the row filters keep none"])
    return raw[keep].reset_index(drop=True)


def _missing_columns(missing: list[str], raw: pd.DataFrame) -> str:
    return f"missing columns {', '.join(missing)}; present: {', '.join(map(str, raw.columns))}"


def _convert(raw: pd.Series, kind: str, name: str, scale: int, found: list[str]) -> pd.Series:
    """One source column as a contract type; cells that do not convert are reported."""
    if kind in ("text", "category"):
        numbers = pd.api.types.is_float_dtype(raw) and (raw.dropna() % 1 == 0).all()
        # an integer id that sits beside blanks was read as float
        return (raw.astype("Int64") if numbers else raw).astype("str").where(raw.notna())
    if kind == "date":
        result = pd.to_datetime(raw, errors="coerce", format="ISO8601")
        if getattr(result.dt, "tz", None) is not None:
            result = result.dt.tz_localize(None)
        expected = "an ISO date such as 2011-07-01"
    elif kind == "boolean":
        words = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
        result = raw.astype("str").str.lower().str.removesuffix(".0").map(words)
        expected = "true/false, yes/no or 1/0"
    else:
        result = pd.to_numeric(raw, errors="coerce").astype("float64") * scale
        expected = "a number"
    broken = result.isna() & raw.notna()
    if kind == "integer" and not broken.any():
        # amounts such as 225.0000001 are cents after rounding; 36.5 months are no term
        rounded = result.round()
        broken = (result - rounded).abs() > (0.5 if scale > 1 else 0.0)
        result, expected = rounded, "a whole number"
        if not broken.any() and result.notna().all():
            result = result.astype("int64")
    if kind == "boolean" and not result.isna().any():
        result = result.astype(bool)
    if broken.any():
        row = int(broken.to_numpy().argmax())
        found.append(
            f"{name}: {int(broken.sum()):,} rows are not {expected}, for example "
            f"{raw.iloc[row]!r} (column {raw.name!r}, row {row + 1:,})"
        )
    elif kind in ("integer", "boolean") and result.isna().any():
        found.append(f"{name}: {int(result.isna().sum()):,} rows are missing")
    return result


def _contract_frame(
    raw: pd.DataFrame, columns: Mapping[str, str], types: Mapping[str, str], scale: int, what: str
) -> tuple[pd.DataFrame, list[str]]:
    missing = [column for column in columns.values() if column not in raw.columns]
    if missing:
        raise DataContractError(what, [_missing_columns(missing, raw)])
    found: list[str] = []
    frame = pd.DataFrame(
        {
            name: _convert(raw[column], types[name], name, scale if name in _MONEY else 1, found)
            for name, column in columns.items()
        }
    )
    return frame, found


def _add_features(
    frame: pd.DataFrame, raw: pd.DataFrame, features: Mapping[str, Any], found: list[str]
) -> None:
    for name, feature in features.items():
        column, kind = raw[feature["column"]], feature["type"]
        if kind == "months_since":
            since = _convert(column, "date", name, 1, found)
            then = since.dt.year * 12 + since.dt.month
            frame[name] = (
                frame["applied_at"].dt.year * 12 + frame["applied_at"].dt.month - then
            ).astype("float64")
        elif name not in frame.columns:
            frame[name] = _convert(column, kind, name, 1, found)


def _outcomes_from_events(
    raw: pd.DataFrame, applications: pd.DataFrame, block: Mapping[str, Any], found: list[str]
) -> pd.DataFrame:
    """One outcome per loan from its final status and the month of its last payment.

    A loan in default leaves the book `default_lag_months` after its last payment; one that never
    paid, `default_lag_months` after disbursal. A repaid loan is matured at or after its term.
    """
    status, last = block["event"]["column"], block["last_payment"]
    missing = [column for column in (status, last) if column not in raw.columns]
    if missing:
        raise DataContractError("outcomes", [_missing_columns(missing, raw)])
    paid = _convert(raw[last], "date", last, 1, found)
    issued = applications["applied_at"]
    months = (paid.dt.year - issued.dt.year) * 12 + (paid.dt.month - issued.dt.month)
    mob = months.fillna(0).clip(lower=0).astype("int64")
    default = raw[status].isin(block["event"]["default"])
    repaid = raw[status].isin(block["event"]["repaid"])
    term = applications["term_months"]
    event = np.select(
        [default, repaid & (mob >= term), repaid], ["default", "matured", "prepaid"], "censored"
    )
    return pd.DataFrame(
        {
            "loan_id": applications["application_id"],
            "cohort": issued.dt.to_period("M").dt.start_time,
            "term_months": term,
            "amount": applications["amount"],
            "event": pd.Series(event, dtype="str"),
            "event_mob": mob + default * block.get("default_lag_months", 0),
        }
    )


def load_source(path: str | Path, root: str | Path | None = None) -> Source:
    """Source described by a mapping, every table validated.

    Parameters
    ----------
    path : str or Path
        The YAML mapping; see ``data/README.md`` for its keys.
    root : str or Path, optional
        Folder of the data files: argument, else ``$RISKKIT_DATA``, else the mapping's folder.

    Raises
    ------
    DataContractError
        Lists every violation found at the step that failed: mapping, files, columns, cells,
        rows, label.
    """
    check_source(path, root)
    mapping = _read_mapping(path)
    folder = _folder(path, root)
    scale = 100 if mapping["amounts_in"] == "major" else 1
    block = mapping["applications"]
    raw = _keep_rows(_read_block(block, folder), block, "applications")
    features = mapping["features"]
    wanted = [*block["columns"].values(), *(f["column"] for f in features.values())]
    if "label" in mapping:
        wanted.append(mapping["label"]["column"])
    missing = [column for column in dict.fromkeys(wanted) if column not in raw.columns]
    if missing:
        raise DataContractError("applications", [_missing_columns(missing, raw)])
    applications, found = _contract_frame(
        raw, block["columns"], _APPLICATION_TYPES, scale, "applications"
    )
    if "customer_id" not in applications and "application_id" in applications:
        applications["customer_id"] = applications["application_id"]
    accepted_only = mapping.get("accepted_only", False)
    if accepted_only:
        applications["approved"] = True
        applications["booked"] = True
    applications["default_flag"] = np.nan
    if found:
        # without its contract columns the rest cannot be made
        raise DataContractError("applications", found)
    validate_applications(applications)
    _add_features(applications, raw, features, found)
    tables: dict[str, pd.DataFrame | None] = dict.fromkeys(
        ("performance", "outcomes", "instalments")
    )
    if "event" in mapping.get("outcomes", {}):
        tables["outcomes"] = _outcomes_from_events(raw, applications, mapping["outcomes"], found)
    if found:
        raise DataContractError("applications", found)
    contracts: dict[str, tuple[Mapping[str, str], Callable[..., Any] | None]] = {
        "performance": (PERFORMANCE_COLUMNS, validate_performance),
        "outcomes": (OUTCOME_COLUMNS, validate_outcomes),
        "instalments": (_INSTALMENT_TYPES, None),
    }
    for name, (types, validate) in contracts.items():
        block = mapping.get(name, {})
        if "columns" in block:
            own = _keep_rows(_read_block(block, folder), block, name)
            table, broken = _contract_frame(own, block["columns"], types, scale, name)
            if broken:
                raise DataContractError(name, broken)
            if name == "performance" and {"loan_id", "mob"} <= set(table.columns):
                table = table.sort_values(["loan_id", "mob"], ignore_index=True)
            tables[name] = table
        if tables[name] is not None and validate is not None:
            validate(tables[name])
    bad = _bad_definition(mapping)
    applications, observed_to = _label(applications, raw, mapping, bad, tables)
    check_target(applications)
    return Source(
        name=mapping["name"],
        title=mapping["title"],
        currency=mapping["currency"],
        accepted_only=accepted_only,
        features=tuple(_feature(name, f) for name, f in features.items()),
        bad=bad,
        observed_to=observed_to,
        applications=applications,
        performance=tables["performance"],
        outcomes=tables["outcomes"],
        instalments=tables["instalments"],
        out_of_time_from=_out_of_time_from(mapping),
        notes=tuple(mapping.get("notes", ())),
    )


def _label(
    applications: pd.DataFrame,
    raw: pd.DataFrame,
    mapping: Mapping[str, Any],
    bad: BadDefinition,
    tables: Mapping[str, pd.DataFrame | None],
) -> tuple[pd.DataFrame, pd.Timestamp]:
    """Applications with their label, and the last month-end seen."""
    performance, outcomes = tables["performance"], tables["outcomes"]
    if "label" in mapping:
        rule = mapping["label"]
        column = raw[rule["column"]]
        known = column.isin(rule["bad"]) | column.isin(rule["good"])
        flags = column.isin(rule["bad"]).astype(float).where(known & applications["booked"])
        observed_to = applications["applied_at"].max() + pd.offsets.MonthEnd(0)
        return applications.assign(default_flag=flags), observed_to
    if performance is not None:
        book, observed_to = performance, performance["month_end"].max()
    else:
        assert outcomes is not None  # _check_mapping asks for one of the three
        book = outcomes
        last = outcomes["cohort"].dt.to_period("M") + outcomes["event_mob"]
        observed_to = last.max().end_time.normalize()
    terms = applications.set_index("application_id")["term_months"]
    flags = default_flags(book, bad, observed_to, term_months=terms)
    labelled = applications["application_id"].map(flags)
    return applications.assign(default_flag=labelled.astype("float64")), observed_to


def _feature(name: str, block: Mapping[str, Any]) -> Feature:
    return Feature(
        name=name,
        label=block["label"],
        family=block["family"],
        unit=block.get("unit", "months" if block["type"] == "months_since" else ""),
        kind="category" if block["type"] == "category" else "numeric",
        risk_direction=block.get("risk_direction", 0),
        special_codes={float(k): str(v) for k, v in block.get("special_codes", {}).items()},
        protected=block.get("protected", False),
        known_afterwards=block.get("known_afterwards", False),
    )

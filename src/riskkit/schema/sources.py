"""Foreign data in the contract's columns: a user's files or queries through their mapping.

Takes a mapping and the files it names; gives a :class:`Source` of validated tables.
"""

from __future__ import annotations

import html
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from riskkit.checks import DataContractError, require_columns
from riskkit.columns import calendar_months
from riskkit.schema.contract import (
    OUTCOME_COLUMNS,
    PERFORMANCE_COLUMNS,
    check_target,
    validate_applications,
    validate_outcomes,
    validate_performance,
)
from riskkit.schema.features import Feature, feature_table
from riskkit.schema.mapping import (
    APPLICATION_TYPES,
    INSTALMENT_TYPES,
    OPERATORS,
    bad_definition,
    check_source,
    data_folder,
    out_of_time_from,
    read_mapping,
)
from riskkit.tables import hash_ids, read_table, whole
from riskkit.target.labels import BadDefinition, default_flags

__all__ = ["Source", "SourceFacts", "load_source"]

_MONEY = ("amount", "offer_limit", "due_amount", "paid_amount", "balance", "recovered_amount")


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
    observed_to : Timestamp or None
        The last month-end seen; None where the data bear no dates.
    out_of_time_from : Timestamp or None
        The source's own choice of the out-of-time sample.
    notes : tuple of str
        What the reader of a report should know about these data.
    label_text : str
        In words, a label that the source brings ready-made instead of following from `bad`.
    """

    name: str
    title: str
    currency: str
    accepted_only: bool
    bad: BadDefinition
    observed_to: pd.Timestamp | None = None
    out_of_time_from: pd.Timestamp | None = None
    notes: tuple[str, ...] = ()
    label_text: str = ""

    @property
    def bad_text(self) -> str:
        """What counts as bad, in words."""
        return self.label_text or str(self.bad)

    @property
    def notes_text(self) -> str:
        """The notes as a Markdown list; what a mapping says is text, never markup."""
        return "\n".join(f"- {html.escape(note)}" for note in self.notes)

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
        with whole(path) as staging:
            staging.write_text(text + "\n", encoding="utf-8")

    @staticmethod
    def load(path: str | Path) -> SourceFacts:
        """Read facts that :meth:`save` wrote."""
        values = json.loads(Path(path).read_text(encoding="utf-8"))
        # JSON keys are text
        by_term = values["bad"].pop("by_term")
        windows = None if by_term is None else {int(t): w for t, w in by_term.items()}
        values["bad"] = BadDefinition(**values["bad"], by_term=windows)
        for key in ("observed_to", "out_of_time_from"):
            values[key] = None if values[key] is None else pd.Timestamp(values[key])
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

    def thinned(self, max_applications: int) -> Source:
        """A sample of whole customers with at most so many applications, and their loans' rows.

        The customers with the smallest hash of their id, so equal data give equal samples. Where
        there are no more applications, or `max_applications` is 0, all stay; else a note says how
        many do. Labels stay as they are, although few of a cohort may be left.

        Raises
        ------
        ValueError
            `max_applications` is negative.
        DataContractError
            No good or no bad is left.

        Source
        ------
        riskkit definition.
        """
        if max_applications < 0:
            raise ValueError(f"max_applications must be >= 0, got {max_applications!r}")
        n_all = len(self.applications)
        if not 0 < max_applications < n_all:
            return self
        # ids as they are would give the hash by which target.judging_rows samples again
        hashes = hash_ids("thinned " + self.applications["customer_id"].astype("str"))
        limit = np.partition(hashes, max_applications)[max_applications]
        applications = self.applications[hashes < limit].reset_index(drop=True)
        sample = f"{len(applications):,} of {n_all:,} applications"
        try:
            check_target(applications)
        except DataContractError as error:
            where = f"in a sample of {sample}; give a larger max_applications, or 0 for all"
            raise DataContractError(error.what, [f"{error.violations[0]}, {where}"]) from error
        note = (
            f"These are {sample}: whole customers, chosen by a hash of their id, for a quick look."
        )
        ids = applications["application_id"]
        keys = dict.fromkeys(("performance", "outcomes", "instalments"), "loan_id")
        others = {
            name: table[table[key].isin(ids)].reset_index(drop=True)
            for name, key in (keys | {"truth": "application_id"}).items()
            if (table := getattr(self, name)) is not None
        }
        return replace(self, applications=applications, notes=(*self.notes, note), **others)


def _read_block(block: Mapping[str, Any], folder: Path, types: Mapping[str, str]) -> pd.DataFrame:
    """Rows of a block's file or query; what is mapped as text is read as text (ids with zeros)."""
    if "sql" in block:
        return read_table(os.environ[block["sql"]["url_env"]], block["sql"]["query"])
    columns = block.get("columns", {})
    text = [column for name, column in columns.items() if types.get(name) == "text"]
    return read_table(folder / block["path"], text=text)


def _keep_rows(raw: pd.DataFrame, block: Mapping[str, Any], what: str) -> pd.DataFrame:
    keep = pd.Series(True, index=raw.index)
    for row in block.get("rows", []):
        require_columns(raw, [row["column"]], what)
        try:
            keep &= OPERATORS[row["operator"]](raw[row["column"]], row["value"])
        except TypeError as error:
            raise DataContractError(
                what, [f"rows: cannot compare {row['column']} with {row['value']!r}: {error}"]
            ) from error
    if len(raw) == 0 or not keep.any():
        raise DataContractError(what, ["no rows" if len(raw) == 0 else "the row filters keep none"])
    return raw[keep]


def _convert(raw: pd.Series, kind: str, name: str, scale: int, found: list[str]) -> pd.Series:
    """One source column as a contract type; cells that do not convert are reported."""
    if kind in ("text", "category"):
        numbers = pd.api.types.is_float_dtype(raw) and (raw.dropna() % 1 == 0).all()
        # an integer id that sits beside blanks was read as float
        return (raw.astype("Int64") if numbers else raw).astype("str").where(raw.notna())
    if kind == "date":
        try:
            result = pd.to_datetime(raw, errors="coerce", format="ISO8601")
        except ValueError:  # several time zones in one column
            result = pd.to_datetime(raw, errors="coerce", format="ISO8601", utc=True)
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
        # an infinite value is no measurement
        result = result.where(np.isfinite(result))
    broken = result.isna() & raw.notna()
    if kind == "integer" and not broken.any():
        # amounts such as 225.0000001 are cents after rounding; 36.5 months are no term
        rounded = result.round()
        off = (result - rounded).abs() > (0.5 if scale > 1 else 0.0)
        broken = off
        result, expected = rounded, "a whole number"
        if not broken.any() and result.notna().all():
            result = result.astype("int64")
    if kind == "boolean" and not result.isna().any():
        result = result.astype(bool)
    if broken.any():
        row = int(broken.to_numpy().argmax())
        example = raw.iloc[row].item() if hasattr(raw.iloc[row], "item") else raw.iloc[row]
        found.append(
            f"{name}: {int(broken.sum()):,} rows are not {expected}, for example "
            f"{example!r} (column {raw.name!r}, row {row + 1:,})"
        )
    elif kind in ("integer", "boolean") and result.isna().any():
        found.append(f"{name}: {int(result.isna().sum()):,} rows are missing")
    return result


def _contract_frame(
    raw: pd.DataFrame, columns: Mapping[str, str], types: Mapping[str, str], scale: int, what: str
) -> tuple[pd.DataFrame, list[str]]:
    require_columns(raw, list(columns.values()), what)
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
            months = calendar_months(frame["applied_at"]) - calendar_months(since)
            frame[name] = pd.Series(months, dtype="float64").where(since.notna())
        elif name not in frame.columns:
            words = {str(level): word for level, word in feature.get("levels", {}).items()}
            values = _convert(column, kind, name, 1, found)
            frame[name] = values.replace(words) if words else values


def _outcomes_from_events(
    raw: pd.DataFrame, applications: pd.DataFrame, block: Mapping[str, Any], found: list[str]
) -> pd.DataFrame:
    """One outcome per loan from its final status and the month of its last payment.

    A loan in default leaves the book `default_lag_months` after its last payment; one that never
    paid, `default_lag_months` after disbursal. A repaid loan is matured at or after its term.
    """
    status, last = block["event"]["column"], block["last_payment"]
    require_columns(raw, [status, last], "outcomes")
    paid = _convert(raw[last], "date", last, 1, found)
    issued = applications["applied_at"]
    # never paid: as if the last payment were made at issue
    months = calendar_months(paid.fillna(issued)) - calendar_months(issued)
    mob = pd.Series(months).clip(lower=0)
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
    mapping = read_mapping(path)
    folder = data_folder(path, root)
    scale = 100 if mapping["amounts_in"] == "major" else 1
    block = mapping["applications"]
    raw = _keep_rows(_read_block(block, folder, APPLICATION_TYPES), block, "applications")
    row_numbers = (raw.index + 1).astype("str")
    raw = raw.reset_index(drop=True)
    features = mapping["features"]
    wanted = [*block["columns"].values(), *(f["column"] for f in features.values())]
    if "label" in mapping:
        wanted.append(mapping["label"]["column"])
    require_columns(raw, list(dict.fromkeys(wanted)), "applications")
    applications, found = _contract_frame(
        raw, block["columns"], APPLICATION_TYPES, scale, "applications"
    )
    if "application_id" not in applications:
        applications["application_id"] = row_numbers
    if "customer_id" not in applications:
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
        "instalments": (INSTALMENT_TYPES, None),
    }
    for name, (types, validate) in contracts.items():
        block = mapping.get(name, {})
        if "columns" in block:
            own = _keep_rows(_read_block(block, folder, types), block, name)
            own = own.reset_index(drop=True)
            table, broken = _contract_frame(own, block["columns"], types, scale, name)
            if broken:
                raise DataContractError(name, broken)
            if name == "performance" and {"loan_id", "mob"} <= set(table.columns):
                table = table.sort_values(["loan_id", "mob"], ignore_index=True)
            tables[name] = _of_booked(table, applications, name)
        if tables[name] is not None and validate is not None:
            validate(tables[name])
    bad = bad_definition(mapping)
    applications, observed_to = _label(applications, raw, mapping, bad, tables)
    check_target(applications)
    undated = _no_time_axis(applications)
    if undated:
        applications = applications.drop(columns="applied_at", errors="ignore")
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
        out_of_time_from=None if undated else out_of_time_from(mapping),
        notes=(*mapping.get("notes", ()), *undated, *_unfollowed(applications, tables)),
        label_text=_label_text(mapping),
    )


def _of_booked(table: pd.DataFrame, applications: pd.DataFrame, name: str) -> pd.DataFrame:
    """Rows of the loans that are booked applications here; the row filters drop the others."""
    if "loan_id" not in table.columns:
        return table  # its validation says so
    ours = table["loan_id"].isin(applications.loc[applications["booked"], "application_id"])
    if not ours.any():
        example = table["loan_id"].iloc[0]
        raise DataContractError(
            name, [f"loan_id: no loan is a booked application, for example {example!r}"]
        )
    return table[ours].reset_index(drop=True)


def _label(
    applications: pd.DataFrame,
    raw: pd.DataFrame,
    mapping: Mapping[str, Any],
    bad: BadDefinition,
    tables: Mapping[str, pd.DataFrame | None],
) -> tuple[pd.DataFrame, pd.Timestamp | None]:
    """Applications with their label, and the last month-end seen."""
    performance, outcomes = tables["performance"], tables["outcomes"]
    if "label" in mapping:
        rule = mapping["label"]
        column = raw[rule["column"]]
        known = column.isin(rule["bad"]) | column.isin(rule["good"])
        flags = column.isin(rule["bad"]).astype(float).where(known & applications["booked"])
        last_seen = None
        if "applied_at" in applications:
            last_seen = applications["applied_at"].max() + pd.offsets.MonthEnd(0)
        return applications.assign(default_flag=flags), last_seen
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


def _no_time_axis(applications: pd.DataFrame) -> list[str]:
    """A note where nothing can be compared over time: no dates, or one date on every row."""
    without = (
        "so models are judged on other loans of the same time, and nothing here tells whether "
        "they would last."
    )
    if "applied_at" not in applications:
        return [f"The data do not say when anybody applied, {without}"]
    first = applications["applied_at"].iloc[0]
    if (applications["applied_at"] == first).all():
        return [f"Every application bears the date {first:%Y-%m-%d}, {without}"]
    return []


def _unfollowed(applications: pd.DataFrame, tables: Mapping[str, pd.DataFrame | None]) -> list[str]:
    """A note on booked loans of which the source tells nothing more."""
    for name in ("performance", "outcomes"):
        book = tables[name]
        if book is not None:
            lost = applications["booked"] & ~applications["application_id"].isin(book["loan_id"])
            if lost.any():
                return [f"{int(lost.sum()):,} booked loans have no row in {name}, so no label."]
            return []
    return []


def _label_text(mapping: Mapping[str, Any]) -> str:
    if "label" not in mapping:
        return ""
    rule = mapping["label"]
    return f"labelled {' or '.join(map(str, rule['bad']))} in {rule['column']} by its source"


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

"""Foreign data in the contract's columns: a user's files or queries through their mapping.

Takes a mapping and the files it names; gives a :class:`Source` of validated tables, or one message
that lists everything wrong with them.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from riskkit.checks import DataContractError
from riskkit.columns import Fault
from riskkit.schema.contract import (
    OUTCOME_COLUMNS,
    PERFORMANCE_COLUMNS,
    application_violations,
    check_target,
    outcome_violations,
    performance_violations,
)
from riskkit.schema.facts import Reading, Source
from riskkit.schema.feature_cells import contract_values, feature_values, must_be_there
from riskkit.schema.features import Feature
from riskkit.schema.mapping import (
    APPLICATION_TYPES,
    INSTALMENT_TYPES,
    Column,
    FeatureBlock,
    MappedTable,
    SourceMapping,
    read_mapping,
)
from riskkit.schema.outcomes import (
    derived_panel,
    label_by_days,
    label_by_values,
    outcomes_of_events,
)
from riskkit.schema.raw_rows import Faults, RawRows, open_rows

__all__ = ["check_source", "load_source", "source_files"]


def source_files(path: str | Path, root: str | Path | None = None) -> list[Path]:
    """Files a mapping reads, itself first; SQL queries have none.

    Raises
    ------
    DataContractError
        The mapping is not there or not valid.
    """
    mapping = read_mapping(path)
    return [Path(path), *mapping.files(mapping.folder(path, root))]


def check_source(path: str | Path, root: str | Path | None = None) -> SourceMapping:
    """The mapping, if it can work; the data are not read.

    Raises
    ------
    DataContractError
        The mapping is not there, no YAML, or has an unknown key or a wrong value; a file it
        names is not there; an environment variable it names is not set.
    """
    mapping = read_mapping(path)
    folder = mapping.folder(path, root)
    found = [f"no file at {file}" for file in mapping.files(folder) if not file.is_file()]
    for name, table in mapping.tables.items():
        if table.sql is not None and not os.environ.get(table.sql.url_env):
            variable = table.sql.url_env
            found.append(f"{name}.sql.url_env: environment variable {variable} is not set")
    if found:
        raise DataContractError(Path(path).name, found)
    return mapping


def load_source(
    path: str | Path,
    root: str | Path | None = None,
    *,
    parts: str | Path | None = None,
    shows_values: bool = True,
) -> Source:
    """Source of validated tables from a mapping and the files it names.

    Parameters
    ----------
    path : str or Path
        The mapping, a YAML file; ``data/README.md`` lists its keys.
    root : str or Path, optional
        Folder of the data files; ``$RISKKIT_DATA`` or else the mapping's folder where not given.
    parts : str or Path, optional
        Folder in which CSV, Excel and queries are kept as parquet parts; a temporary one otherwise.
    shows_values : bool
        Whether a message may show the cell at fault. Values of ids, names, contacts and protected
        columns are never shown, others are cut at 40 characters.

    Returns
    -------
    Source

    Raises
    ------
    DataContractError
        The mapping, a file or a query is not usable, or the data break the contract; every
        violation is listed: row, column, what was expected.
    """
    mapping = check_source(path, root)
    faults = Faults(shows_values, [])
    with _kept(parts) as folder:
        return _Loading(mapping, mapping.folder(path, root), folder, faults).source(Path(path).name)


@contextmanager
def _kept(parts: str | Path | None) -> Iterator[Path]:
    if parts is not None:
        yield Path(parts)
        return
    with tempfile.TemporaryDirectory(prefix="riskkit-") as folder:
        yield Path(folder)


class _Loading:
    """One reading of a source: its tables one after another, its faults gathered."""

    def __init__(self, mapping: SourceMapping, folder: Path, parts: Path, faults: Faults):
        self._mapping = mapping
        self._folder = folder
        self._parts = parts
        self._faults = faults
        self._scale = {"major": 100, "minor": 1}[mapping.amounts_in]
        self._reading = Reading()
        self._dates: list[tuple[str, RawRows, str, pd.Series]] = []  # none may be later than seen

    def source(self, what: str) -> Source:
        """The whole source.

        Raises
        ------
        DataContractError
        """
        mapping, faults = self._mapping, self._faults
        rows = self._open("applications", mapping.applications, self._wanted())
        if rows is None:
            self._stop(what)
        assert rows is not None
        applications = self._applications(rows)
        tables = self._tables(rows, applications)
        self._stop(what)
        observed_to = self._observed_to(applications)
        self._stop(what)
        self._label(rows, applications, tables, observed_to)
        self._control(applications)
        for name, violations, table in (
            ("applications", application_violations, applications),
            ("performance", performance_violations, tables["performance"]),
            ("outcomes", outcome_violations, tables["outcomes"]),
        ):
            if table is not None:
                numbers = table.attrs.pop("numbers", None)
                prefix = "" if name == "applications" else f"{name}: "
                for line in violations(table, numbers):
                    faults.add(prefix + line)
        self._stop(what)
        check_target(applications)
        undated = _no_time_axis(applications)
        if undated:
            applications = applications.drop(columns="applied_at", errors="ignore")
        start = mapping.out_of_time_from
        return Source(
            name=mapping.name,
            title=mapping.title,
            currency=mapping.currency,
            accepted_only=mapping.accepted_only,
            features=tuple(_feature(name, f) for name, f in mapping.features.items()),
            bad=mapping.definition,
            observed_to=observed_to,
            applications=applications,
            **tables,
            out_of_time_from=None if undated or start is None else pd.Timestamp(start),
            notes=(*mapping.notes, *undated, *_unfollowed(applications, tables)),
            label_text=_label_text(mapping),
            reading=self._reading,
        )

    def _stop(self, what: str) -> None:
        if self._faults.lines:
            raise DataContractError(what, self._faults.lines)

    def _wanted(self) -> list[str]:
        """Columns of the applications' file that the mapping names."""
        mapping = self._mapping
        names = [feature.column for feature in mapping.features.values()]
        if mapping.label is not None:
            names.append(mapping.label.column)
        if mapping.outcomes is not None and mapping.outcomes.event is not None:
            names.append(mapping.outcomes.event.column)
            if mapping.outcomes.last_payment is not None:
                names.append(mapping.outcomes.last_payment.column)
        return names

    def _open(self, name: str, block: MappedTable, more: list[str]) -> RawRows | None:
        """The rows that the filters keep; None, and the fault noted, where they cannot be read."""
        columns = [column.column for column in block.columns.values()]
        columns += [row.column for row in block.rows]
        wanted = list(dict.fromkeys([*columns, *more]))
        url = os.environ[block.sql.url_env] if block.sql is not None else None
        try:
            table = open_rows(name, block, wanted, self._folder, url, self._parts)
            rows = RawRows(name, table, self._mapping, self._faults)
            rows.filter(block, self._reading)
        except DataContractError as error:
            for line in error.violations:
                self._faults.add(f"{error.what}: {line}")
            return None
        return rows

    def _contract(
        self, rows: RawRows, block: MappedTable, types: Mapping[str, str]
    ) -> pd.DataFrame:
        """The mapped columns in the contract's types, duplicates dealt with."""
        frame = pd.DataFrame(
            {
                name: self._column(rows, column, name, types)
                for name, column in block.columns.items()
            }
        )
        by = [name for name in block.duplicates.by or [next(iter(frame))] if name in frame]
        if block.duplicates.keep != "refuse" and by:
            again = frame.duplicated(by, keep=block.duplicates.keep).to_numpy()
            if again.any():
                rows.warnings.append(
                    f"{int(again.sum()):,} rows with the same {', '.join(by)} were left out, "
                    f"the {block.duplicates.keep} kept"
                )
                rows.keep(~again)
                frame = frame[~again].reset_index(drop=True)
        return frame

    def _column(
        self, rows: RawRows, column: Column, name: str, types: Mapping[str, str]
    ) -> pd.Series:
        kind = types[name]
        cells = rows.cells(column.column)
        values, read = contract_values(cells, name, column, kind, self._mapping)
        rows.tell(read, column, name)
        if must_be_there(name, kind):
            rows.require(values, name, column.column)
        if kind == "integer" and values.notna().all():
            values = values.astype("int64")
        if kind == "date" and name != "due_date":
            self._dates.append((name, rows, column.column, values))
        return values

    def _applications(self, rows: RawRows) -> pd.DataFrame:
        mapping = self._mapping
        frame = self._contract(rows, mapping.applications, APPLICATION_TYPES)
        if "application_id" not in frame:
            frame["application_id"] = pd.Series(rows.numbers).astype("str")
        if "customer_id" not in frame:
            frame["customer_id"] = frame["application_id"]
        if mapping.accepted_only:
            frame["approved"] = True
            frame["booked"] = True
        frame["default_flag"] = np.nan
        for name, feature in mapping.features.items():
            if name not in frame.columns:
                frame[name] = self._feature_values(rows, frame, name, feature)
        self._reading.warnings += rows.warnings
        frame.attrs["numbers"] = rows.numbers
        return frame

    def _feature_values(
        self, rows: RawRows, frame: pd.DataFrame, name: str, feature: FeatureBlock
    ) -> pd.Series:
        cells = rows.cells(feature.column)
        values, read = feature_values(cells, name, self._mapping, frame.get("applied_at"))
        rows.tell(read, feature, name, private=feature.protected)
        warnings = self._reading.warnings
        for level in sorted(set(feature.levels) - set(read.series.dropna())):
            warnings.append(f"{name}: level {level!r} never occurs")
        for code in feature.special_codes:
            if not (values == code).any():
                warnings.append(f"{name}: special code {code:g} never occurs")
        for day in feature.dates_as:
            if str(day) not in read.used:
                warnings.append(f"{name}: {day} never occurs in column {feature.column}")
        if feature.type == "months_since" and (later := values[read.series.notna()] < 0).any():
            warnings.append(
                f"{name}: {int(later.sum()):,} dates are later than the application; "
                "known afterwards?"
            )
        return values

    def _tables(self, rows: RawRows, applications: pd.DataFrame) -> dict[str, pd.DataFrame | None]:
        mapping = self._mapping
        tables: dict[str, pd.DataFrame | None] = dict.fromkeys(
            ("performance", "outcomes", "instalments")
        )
        if mapping.outcomes is not None and mapping.outcomes.event is not None:
            tables["outcomes"] = self._events(rows, applications)
        types = {
            "performance": PERFORMANCE_COLUMNS,
            "outcomes": OUTCOME_COLUMNS,
            "instalments": INSTALMENT_TYPES,
        }
        for name in types:
            block = mapping.tables.get(name)
            if block is None or not block.columns:
                continue
            own = self._open(name, block, [])
            if own is None:
                continue
            table = self._contract(own, block, types[name])
            self._reading.warnings += [f"{name}: {text}" for text in own.warnings]
            table.attrs["numbers"] = own.numbers
            tables[name] = self._of_booked(table, applications, name)
        return tables

    def _events(self, rows: RawRows, applications: pd.DataFrame) -> pd.DataFrame:
        block = self._mapping.outcomes
        assert block is not None
        assert block.event is not None
        assert block.last_payment is not None
        event = block.event
        meanings = {"default": event.default, "repaid": event.repaid, "ignored": event.ignored}
        status = rows.read(Column(column=event.column), "text", "outcomes.event")
        meaning = label_by_values(status, meanings, "outcomes.event", self._faults, self._reading)
        last = rows.read(block.last_payment, "date", "outcomes.last_payment")
        self._dates.append(("last_payment", rows, block.last_payment.column, last))
        if not {"applied_at", "term_months"} <= set(applications):
            return pd.DataFrame()
        return outcomes_of_events(meaning, last, applications, block.default_lag_months)

    def _of_booked(
        self, table: pd.DataFrame, applications: pd.DataFrame, name: str
    ) -> pd.DataFrame:
        """Rows of the loans that are booked applications here; how many are not is said."""
        booked = applications.loc[applications["booked"] == True, "application_id"]  # noqa: E712
        ours = table["loan_id"].isin(booked).to_numpy()
        if not ours.any():
            self._faults.add(f"{name}.loan_id: no loan is a booked application")
            return table
        if not ours.all():
            self._reading.warnings.append(
                f"{name}: {int((~ours).sum()):,} rows of loans that are no booked application here "
                "were left out"
            )
        numbers = table.attrs["numbers"][ours]
        table = table[ours].reset_index(drop=True)
        table.attrs["numbers"] = numbers
        return table

    # -- how far the data reach --------------------------------------------------------------------

    def _observed_to(self, applications: pd.DataFrame) -> pd.Timestamp | None:
        """The last month-end that was seen whole; a date beyond what is stated is a fault."""
        mapping = self._mapping
        if mapping.observed_to is not None:
            end = pd.Timestamp(mapping.observed_to)
            for name, rows, column, dates in self._dates:
                late = np.flatnonzero(dates >= end + pd.Timedelta(days=1))
                if len(late):
                    rows.note(
                        name, column, Fault(late, f"on or before observed_to, {end:%Y-%m-%d}")
                    )
            return (
                end + pd.offsets.MonthEnd(0) if end.is_month_end else end - pd.offsets.MonthEnd(1)
            )
        if "applied_at" not in applications:
            return None
        last_applied = applications["applied_at"].max()
        if not mapping.depends_on_time:
            return last_applied + pd.offsets.MonthEnd(0)
        events = [dates.max() for name, _, _, dates in self._dates if name != "applied_at"]
        latest = max((event for event in events if pd.notna(event)), default=last_applied)
        if latest.to_period("M") != last_applied.to_period("M"):
            self._faults.add(
                "observed_to: missing; the outcome depends on the last day seen, and the data do "
                f"not show it: the last application is of {last_applied:%Y-%m}, the latest other "
                f"date of {latest:%Y-%m}"
            )
        self._reading.warnings.append(
            f"observed_to is not stated: {latest:%Y-%m}, the month of the last application and of "
            "the latest event, is taken"
        )
        return latest + pd.offsets.MonthEnd(0)

    def _label(
        self,
        rows: RawRows,
        applications: pd.DataFrame,
        tables: dict[str, pd.DataFrame | None],
        observed_to: pd.Timestamp | None,
    ) -> None:
        """Add the label to the applications; complete a panel that holds days past due alone."""
        mapping = self._mapping
        panel = tables["performance"]
        if panel is not None and mapping.performance is not None:
            assert observed_to is not None
            tables["performance"] = panel = derived_panel(
                panel, mapping.performance, applications, observed_to, self._faults, self._reading
            )
        rule = mapping.label
        booked = applications["booked"].astype(bool)
        if rule is not None and rule.days_past_due:
            days = rows.read(Column(column=rule.column), "number", "label")
            flags, bias = label_by_days(days, applications, rule, mapping.definition, observed_to)
            self._reading.warnings += bias
        elif rule is not None:
            lists = {"bad": rule.bad, "good": rule.good, "ignored": rule.ignored}
            status = rows.read(Column(column=rule.column), "text", "label")
            meaning = label_by_values(status, lists, "label", self._faults, self._reading)
            flags = meaning.map({"bad": 1.0, "good": 0.0})
        else:
            book = panel if panel is not None else tables["outcomes"]
            if book is None or self._faults.lines:
                return
            from riskkit.target import default_flags

            terms = applications.set_index("application_id")["term_months"]
            assert observed_to is not None
            by_loan = default_flags(book, mapping.definition, observed_to, term_months=terms)
            flags = applications["application_id"].map(by_loan)
        applications["default_flag"] = flags.astype("float64").where(booked)

    def _control(self, applications: pd.DataFrame) -> None:
        """Hold the totals that the owner states against the data."""
        control = self._mapping.control
        totals: list[tuple[str, float, float]] = []
        if control.rows is not None:
            totals.append(("rows", control.rows, len(applications)))
        if control.bads is not None:
            totals.append(("bads", control.bads, (applications["default_flag"] == 1).sum()))
        if control.amount_by_month:
            months = applications["applied_at"].dt.strftime("%Y-%m")
            sums = applications.groupby(months)["amount"].sum() / self._scale
            for month, amount in control.amount_by_month.items():
                totals.append((f"amount_by_month.{month}", amount, sums.get(month, 0.0)))
        for name, stated, found in totals:
            if abs(stated - found) > 0.005:
                self._faults.add(
                    f"control.{name}: {stated:,.10g} stated, {found:,.10g} in the data"
                )


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


def _label_text(mapping: SourceMapping) -> str:
    rule = mapping.label
    if rule is None:
        return ""
    if rule.days_past_due:
        when = "at worst" if rule.days_past_due == "worst" else f"on {rule.at}"
        window = mapping.bad.window_months
        return (
            f"more than {mapping.bad.dpd} days past due {when} by {rule.column}, known once "
            f"{window} months have passed"
        )
    return f"labelled {' or '.join(rule.bad)} in {rule.column} by its source"


def _feature(name: str, block: FeatureBlock) -> Feature:
    return Feature(
        name=name,
        label=block.label,
        family=block.family,
        unit=block.unit or ("months" if block.type == "months_since" else ""),
        kind="category" if block.type == "category" else "numeric",
        risk_direction=block.risk_direction,
        special_codes=dict(block.special_codes),
        protected=block.protected,
        known_afterwards=block.known_afterwards,
    )

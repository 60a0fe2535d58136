"""Foreign data in the contract's columns: a user's files or queries through their mapping.

Takes a mapping and the files it names; gives a :class:`Source` of validated tables, or one message
that lists everything wrong with them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskkit.checks import DataContractError
from riskkit.columns import Fault, among, calendar_months, month_texts
from riskkit.schema.contract import CONTRACT, KEYS, across_columns, check_target
from riskkit.schema.contract_source import contract_source
from riskkit.schema.facts import Reading, Source
from riskkit.schema.feature_cells import feature_values
from riskkit.schema.free_memory import refuse_too_large
from riskkit.schema.mapping import (
    Column,
    FeatureBlock,
    MappedTable,
    Performance,
    SourceMapping,
    read_mapping,
)
from riskkit.schema.outcomes import (
    derived_months,
    flags_of_days,
    last_whole_month,
    meanings_of,
    outcomes_of_events,
    with_status,
)
from riskkit.schema.raw_rows import Faults, RawRows, open_rows
from riskkit.schema.stated import control_lines, stated_facts, unseen_text
from riskkit.tables import scratch_folder
from riskkit.target import default_flags

__all__ = ["check_source", "load_source"]


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
    there = Path.exists if mapping.in_contract else Path.is_file
    found = [f"no file at {file}" for file in mapping.files(folder) if not there(file)]
    for name, table in mapping.tables.items():
        if table.sql is not None and not os.environ.get(table.sql.url_env):
            variable = table.sql.url_env
            found.append(f"{name}.sql.url_env: environment variable {variable} is not set")
        elif table.sql is not None and "://" not in os.environ[table.sql.url_env]:
            found.append(
                f"{name}.sql.url_env: environment variable {table.sql.url_env} holds no address "
                "such as postgresql://user:password@host/database"
            )
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
        Needed of a mapping that says ``in_contract``, whose tables are handles on parts.
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
    if mapping.in_contract:
        if parts is None:
            raise ValueError("a source in_contract needs a folder for its parts")
        where, what = mapping.folder(path, root), Path(path).name
        return contract_source(mapping, where, Path(parts), what, shows_values=shows_values)
    faults = Faults(shows_values)
    with _kept(parts) as folder:
        return _Loading(mapping, mapping.folder(path, root), folder, faults).source(Path(path).name)


@contextmanager
def _kept(parts: str | Path | None) -> Iterator[Path]:
    if parts is not None:
        yield Path(parts)
        return
    with scratch_folder() as folder:
        yield folder


@dataclass
class _Read:
    """A table in the contract's columns, as far as its file has them, and its rows."""

    rows: RawRows
    frame: pd.DataFrame


class _Loading:
    """One reading of a source: all of its files, then what they say together."""

    def __init__(self, mapping: SourceMapping, folder: Path, parts: Path, faults: Faults):
        self._mapping = mapping
        self._folder = folder
        self._parts = parts
        self._faults = faults
        self._reading = Reading()
        self._dates: list[tuple[RawRows, str, str, pd.Series]] = []  # none is later than seen

    def source(self, what: str) -> Source:
        """The whole source.

        Raises
        ------
        DataContractError
            With the faults of all files; where they have none, with what does not go together.
        """
        mapping = self._mapping
        tables = {name: self._table(name, block) for name, block in mapping.tables.items()}
        read = {name: table for name, table in tables.items() if table is not None}
        said = self._said(read["applications"]) if "applications" in read else None
        observed_to = self._observed_to(read)
        self._stop(what)
        assert said is not None
        applications = read["applications"].frame
        frames = {
            name: self._of_booked(table, applications, name)
            for name, table in read.items()
            if name != "applications"
        }
        if "performance" in frames and "status" not in frames["performance"]:
            assert mapping.performance is not None
            frames["performance"] = with_status(
                frames["performance"],
                mapping.performance,
                applications,
                observed_to,
                self._faults,
                self._reading,
            )
        if mapping.outcomes is not None and mapping.outcomes.event is not None:
            frames["outcomes"] = outcomes_of_events(
                said["event"], said["last_payment"], applications, mapping.outcomes, self._reading
            )
        self._stop(what)
        applications["default_flag"] = self._flags(said, applications, frames, observed_to)
        self._control(applications)
        self._stop(what)
        check_target(applications)
        undated = _no_time_axis(applications)
        if undated:
            applications = applications.drop(columns="applied_at", errors="ignore")
        facts = stated_facts(mapping)
        if undated:
            facts["out_of_time_from"] = None
        facts["notes"] += (*undated, *_unfollowed(applications, frames))
        return Source(
            **facts,
            observed_to=observed_to,
            applications=applications,
            **frames,
            label_text=_label_text(mapping),
            reading=self._reading,
        )

    def _stop(self, what: str) -> None:
        if self._faults.lines:
            raise DataContractError(what, self._faults.lines)

    # -- what each file says -----------------------------------------------------------------------

    def _table(self, name: str, block: MappedTable) -> _Read | None:
        """The rows that the filters keep, in the contract's columns; faults are noted."""
        if not (block.path or block.sql):
            return None  # outcomes that are columns of the applications
        url = os.environ[block.sql.url_env] if block.sql is not None else None
        columns = [column.column for column in block.columns.values()]
        columns += [row.column for row in block.rows]
        columns += self._more_columns() if name == "applications" else []
        try:
            table = open_rows(block, columns, self._folder, url, self._parts / name)
            refuse_too_large(name, table.n_rows, dict.fromkeys(columns))
            rows = RawRows(name, table, self._mapping, self._faults, self._reading)
            rows.filter(block)
        except DataContractError as error:
            for line in error.violations:
                self._faults.add(f"{error.what}: {line}")
            return None
        frame = pd.DataFrame(
            {one: rows.contract_column(column, one) for one, column in block.columns.items()}
        )
        frame = self._without_repeats(rows, block, frame)
        for one, column in block.columns.items():
            if CONTRACT[name][one].kind == "date" and one != "due_date":
                self._dates.append((rows, one, column.column, frame[one]))
        order = np.arange(len(rows))
        if name == "applications":
            frame = self._completed(rows, frame)
        elif name == "performance" and not rows.has_fault(""):
            assert isinstance(block, Performance)
            frame, order = derived_months(frame, block)
        if not rows.has_fault(""):
            self._together(rows, frame, order)
        return _Read(rows, frame)

    def _more_columns(self) -> list[str]:
        """Columns of the applications' file beside those of the contract."""
        mapping = self._mapping
        names = [feature.column for feature in mapping.features.values()]
        if mapping.label is not None:
            names.append(mapping.label.column)
        if mapping.outcomes is not None and mapping.outcomes.event is not None:
            names.append(mapping.outcomes.event.column)
            assert mapping.outcomes.last_payment is not None
            names.append(mapping.outcomes.last_payment.column)
        return names

    def _without_repeats(
        self, rows: RawRows, block: MappedTable, frame: pd.DataFrame
    ) -> pd.DataFrame:
        """The rows without those that the mapping drops because others are the same."""
        keep, by = block.duplicates.keep, block.duplicates.by or KEYS[rows.name]
        if keep == "refuse":
            # of a panel, months that follow one another say it
            if set(by) <= set(frame) and (rows.name != "performance" or block.duplicates.by):
                rows.note_repeats(frame, {name: block.columns[name] for name in by})
            return frame
        again = frame.duplicated(by, keep=keep) & frame[list(by)].notna().all(axis=1)
        if not again.any():
            return frame
        n = int(again.sum())
        rows.say(f"duplicates: {n:,} rows with the same {', '.join(by)} were left out, {keep} kept")
        rows.keep(~again.to_numpy())
        return frame[~again].reset_index(drop=True)

    def _together(self, rows: RawRows, frame: pd.DataFrame, order: NDArray[np.intp]) -> None:
        """Note where columns do not go together; `order` says where the frame's rows were."""
        for name, (expected, broken) in across_columns(rows.name, frame):
            if broken.any():
                block = self._mapping.tables[rows.name]
                column = block.columns[name].column if name in block.columns else name
                rows.note(name, column, Fault(np.sort(order[broken]), expected))

    def _completed(self, rows: RawRows, frame: pd.DataFrame) -> pd.DataFrame:
        """Applications with the ids and decisions that follow, and the features."""
        mapping = self._mapping
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
        return frame

    def _feature_values(
        self, rows: RawRows, frame: pd.DataFrame, name: str, feature: FeatureBlock
    ) -> pd.Series:
        cells = rows.cells(feature.column)
        values, read = feature_values(cells, feature, self._mapping, frame.get("applied_at"))
        rows.note_cells(read, feature, name)
        if feature.type == "months_since" and (later := values[read.series.notna()] < 0).any():
            rows.say(
                f"{name}: {int(later.sum()):,} dates are later than the application; known "
                "afterwards?"
            )
        for code in feature.special_codes:
            if not (values == code).any():
                rows.say(f"{name}: special code {code:g} never occurs")
        return values

    def _said(self, read: _Read) -> dict[str, pd.Series]:
        """What the applications' file says of the label: meanings, days past due, last payments."""
        mapping, rows = self._mapping, read.rows
        rule, outcomes = mapping.label, mapping.outcomes
        said = {}
        if rule is not None and rule.days_past_due:
            said["days"] = rows.read(Column(column=rule.column), "number", "label")
        elif rule is not None:
            lists = {"bad": rule.bad, "good": rule.good, "ignored": rule.ignored}
            words = rows.read(Column(column=rule.column), "text", "label")
            said["label"] = meanings_of(words, lists, "label", rows, rule.column)
        if outcomes is not None and outcomes.event is not None:
            assert outcomes.last_payment is not None
            event = outcomes.event
            lists = {"default": event.default, "repaid": event.repaid, "ignored": event.ignored}
            words = rows.read(Column(column=event.column), "text", "outcomes.event")
            said["event"] = meanings_of(words, lists, "outcomes.event", rows, event.column)
            name, column = "outcomes.last_payment", outcomes.last_payment.column
            said["last_payment"] = last = rows.read(outcomes.last_payment, "date", name)
            self._dates.append((rows, name, column, last))
            early = calendar_months(last) < calendar_months(read.frame["applied_at"])
            early &= (last.notna() & read.frame["applied_at"].notna()).to_numpy()
            if early.any():
                rows.note(
                    name,
                    column,
                    Fault(np.flatnonzero(early), "in the month of application or later"),
                    rows.cells(column),
                )
        return said

    # -- how far the data reach --------------------------------------------------------------------

    def _observed_to(self, read: Mapping[str, _Read]) -> pd.Timestamp | None:
        """The last month-end that was seen whole; a date beyond what is stated is a fault."""
        mapping = self._mapping
        stated = mapping.observed_to
        if stated is None and mapping.label is not None:
            stated = mapping.label.at
        if stated is not None:
            end = pd.Timestamp(stated)
            for rows, name, column, dates in self._dates:
                late = np.flatnonzero(dates >= end + pd.Timedelta(days=1))
                if len(late) and mapping.observed_to is not None:
                    expected = f"on or before observed_to, {end:%Y-%m-%d}"
                    rows.note(name, column, Fault(late, expected), rows.cells(column))
            latest = max((dates.max() for *_, dates in self._dates), default=end)
            self._reading.warnings += unseen_text(end, latest)
            return last_whole_month(end)
        if "applications" not in read or "applied_at" not in read["applications"].frame:
            return None
        last_applied = read["applications"].frame["applied_at"].max()
        events = [dates.max() for _, name, _, dates in self._dates if name != "applied_at"]
        latest = max((event for event in events if pd.notna(event)), default=last_applied)
        if pd.isna(last_applied) or not mapping.depends_on_time:
            return last_applied + pd.offsets.MonthEnd(0)
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

    # -- what the files say together ---------------------------------------------------------------

    def _of_booked(self, read: _Read, applications: pd.DataFrame, name: str) -> pd.DataFrame:
        """Rows of the loans that are booked applications here; how many are not is said."""
        booked = applications.loc[applications["booked"], "application_id"]
        ours = among(read.frame["loan_id"], booked)
        if not ours.any():
            self._faults.add(f"{name}.loan_id: no loan is a booked application")
        elif not ours.all():
            self._reading.warnings.append(
                f"{name}: {int((~ours).sum()):,} rows of loans that are no booked application here "
                "were left out"
            )
        return read.frame[ours].reset_index(drop=True)

    def _flags(
        self,
        said: Mapping[str, pd.Series],
        applications: pd.DataFrame,
        frames: Mapping[str, pd.DataFrame],
        observed_to: pd.Timestamp | None,
    ) -> pd.Series:
        """Label of each application; missing where it was not booked."""
        mapping = self._mapping
        if "days" in said:
            assert mapping.label is not None
            day = mapping.label.at
            seen = observed_to if day is None else last_whole_month(pd.Timestamp(day))
            assert seen is not None
            flags = flags_of_days(said["days"], applications, mapping.definition, seen)
            if day is not None:
                self._reading.warnings.append(
                    f"label: days past due are those of {day} alone, so a loan that was "
                    "worse before and was paid or written off by then counts as good"
                )
        elif "label" in said:
            flags = said["label"].map({"bad": 1.0, "good": 0.0})
        else:
            book = frames["performance"] if "performance" in frames else frames["outcomes"]
            terms = applications.set_index("application_id")["term_months"]
            assert observed_to is not None
            by_loan = default_flags(book, mapping.definition, observed_to, term_months=terms)
            flags = applications["application_id"].map(by_loan)
        n = int((flags.notna() & ~applications["booked"]).sum())
        if n:
            self._reading.warnings.append(
                f"label: {n:,} applications that were not booked have one, which does not count"
            )
        return flags.astype("float64").where(applications["booked"])

    def _control(self, applications: pd.DataFrame) -> None:
        """Hold the totals that the owner states against the data."""
        amounts = None
        if self._mapping.control.amount_by_month:
            months = month_texts(applications["applied_at"])
            amounts = applications.groupby(months)["amount"].sum()
        bads = int((applications["default_flag"] == 1).sum())
        for line in control_lines(self._mapping, len(applications), bads, amounts):
            self._faults.add(line)


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


def _unfollowed(applications: pd.DataFrame, frames: Mapping[str, pd.DataFrame]) -> list[str]:
    """A note on booked loans of which the source tells nothing more."""
    name = next((name for name in ("performance", "outcomes") if name in frames), None)
    if name is None:
        return []
    lost = applications["booked"] & ~among(applications["application_id"], frames[name]["loan_id"])
    n = int(lost.sum())
    return [f"{n:,} booked loans have no row in {name}, so no label."] if n else []


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

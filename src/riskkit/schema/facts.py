"""What a report must know of its data beside the tables, and the tables themselves.

Takes what a mapping or the synthetic lender states; gives :class:`Source`, which notebooks read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from riskkit import partitions
from riskkit.checks import DataContractError
from riskkit.columns import verbatim
from riskkit.loan_values import rows_of, whole_customers
from riskkit.schema.contract import check_target
from riskkit.schema.features import Feature, feature_table
from riskkit.tables import Table, read_json, write_json
from riskkit.target import BadDefinition

__all__ = ["Reading", "Source", "SourceFacts"]


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
        return "\n".join(f"- {verbatim(note)}" for note in self.notes)

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
        write_json(path, values)

    @staticmethod
    def load(path: str | Path) -> SourceFacts:
        """Read facts that :meth:`save` wrote."""
        values = read_json(path)
        # JSON keys are text
        by_term = values["bad"].pop("by_term")
        windows = None if by_term is None else {int(t): w for t, w in by_term.items()}
        values["bad"] = BadDefinition(**values["bad"], by_term=windows)
        for key in ("observed_to", "out_of_time_from"):
            values[key] = None if values[key] is None else pd.Timestamp(values[key])
        return SourceFacts(**values | {"notes": tuple(values["notes"])})


@dataclass(kw_only=True)
class Reading:
    """What was read of a source, and what is to be said of it.

    Parameters
    ----------
    filters : list of (table, filter in words, rows before, rows after)
    labels : DataFrame or None
        Of a label or event by values: index value; rows, meaning.
    warnings : list of str
        What the owner should look at, in sentences without values of private columns.
    """

    filters: list[tuple[str, str, int, int]] = field(default_factory=list)
    labels: pd.DataFrame | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What filters kept, and the warnings, as a Markdown list."""
        lines = [
            f"{table}: {words} keeps {after:,} of {before:,} rows"
            for table, words, before, after in self.filters
        ]
        return "\n".join(f"- {verbatim(line)}" for line in (*lines, *self.warnings))


@dataclass(frozen=True, kw_only=True)
class Source(SourceFacts):
    """A lender's data in the contract's columns.

    Parameters
    ----------
    features : tuple of Feature
    applications : DataFrame or Table
    performance, outcomes, instalments, truth : DataFrame, Table or None
        What the source can feed; truth is the synthetic lender's alone. All are frames, or all
        handles on parts.
    reading : Reading
        How it was read.
    """

    features: tuple[Feature, ...]
    applications: pd.DataFrame | Table
    performance: pd.DataFrame | Table | None = None
    outcomes: pd.DataFrame | Table | None = None
    instalments: pd.DataFrame | Table | None = None
    truth: pd.DataFrame | Table | None = None
    reading: Reading = field(default_factory=Reading)

    @property
    def tables(self) -> dict[str, pd.DataFrame | Table]:
        """The tables there are, by name; the feature catalogue among them."""
        names = ("applications", "performance", "outcomes", "instalments", "truth")
        found = {name: getattr(self, name) for name in names}
        there = {name: table for name, table in found.items() if table is not None}
        return there | {"features": feature_table(self.features)}

    def handed_over(self, tables: Mapping[str, Table]) -> Source:
        """The same source, its tables in parts where they lie now; frames stay in memory.

        Parameters
        ----------
        tables : mapping of name to Table
            What :meth:`riskkit.pipeline.Stage.write` gave back.
        """
        there = {name: getattr(self, name, None) for name in tables}
        moved: dict[str, Any] = {
            name: tables[name] for name, own in there.items() if isinstance(own, Table)
        }
        return replace(self, **moved)

    def in_parts(self, folder: Path | None) -> Source:
        """The same source, its frames written to parts; None leaves them in memory.

        Parameters
        ----------
        folder : Path or None
            Must hold no parts yet.
        """
        if folder is None:
            return self
        moved: dict[str, Any] = {}
        for name, own in self.tables.items():
            if name == "features" or isinstance(own, Table):
                continue
            whole = "loan_id" if name == "performance" else None
            part = partial(_named, name)
            for _ in partitions.each(part, Table(own, whole=whole), folder / name):
                pass
            moved[name] = Table(folder / name / name, whole=whole)
        return replace(self, **moved)

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
        ids = whole_customers(self.applications, max_applications, "thinned")
        applications = rows_of(self.applications, ids)
        sample = f"{len(applications):,} of {n_all:,} applications"
        try:
            check_target(applications)
        except DataContractError as error:
            where = f"in a sample of {sample}; give a larger max_applications, or 0 for all"
            raise DataContractError(error.what, [f"{error.violations[0]}, {where}"]) from error
        note = (
            f"These are {sample}: whole customers, chosen by a hash of their id, for a quick look."
        )
        keys = dict.fromkeys(("performance", "outcomes", "instalments"), "loan_id")
        others = {
            name: rows_of(table, ids, key=key)
            for name, key in (keys | {"truth": "application_id"}).items()
            if (table := getattr(self, name)) is not None
        }
        return replace(self, applications=applications, notes=(*self.notes, note), **others)


def _named(name: str, frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return {name: frame}

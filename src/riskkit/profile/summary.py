"""What was read of a source, for its owner to act on.

Takes a loaded source; gives sections of a page, or text: rows and filters, labels, features,
warnings.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from riskkit.profile.described_features import feature_profile
from riskkit.schema import Source
from riskkit.tables import Table

__all__ = ["source_sections", "source_summary"]

_CHANGES_RESULTS = ("left out", "observed_to", "still open", "later than", "past due", "blank")


def source_sections(source: Source) -> list[tuple[str, list[Any]]]:
    """What was read: tables, row filters, labels, features and warnings, the weightiest first.

    Parameters
    ----------
    source : Source
        Of :func:`riskkit.schema.load_source`.

    Returns
    -------
    list of (heading, parts)
        As :func:`riskkit.documents.document_html` takes them: frames, texts, and a list of
        warnings. What the source has none of is left out.
    """
    tables = {name: table for name, table in source.tables.items() if name != "features"}
    sections: list[tuple[str, list[Any]]] = [
        (
            "Tables",
            [
                pd.DataFrame(
                    [
                        {"table": name, "rows": f"{len(table):,}"} | _dates(table)
                        for name, table in tables.items()
                    ]
                ).set_index("table")
            ],
        )
    ]
    if source.reading.filters:
        names = ["table", "kept by", "rows before", "rows after"]
        filters = pd.DataFrame(source.reading.filters, columns=names).set_index("table")
        sections.append(("Row filters", [filters]))
    labels = [] if source.reading.labels is None else [source.reading.labels]
    flags = _column(source.applications, "default_flag")
    end = "" if source.observed_to is None else f"; seen to {source.observed_to:%Y-%m-%d}"
    told = (
        f"labelled: {int(flags.notna().sum()):,} rows, {int(flags.sum()):,} bad, "
        f"{flags.mean():.2%} ({source.bad_text}){end}"
    )
    sections += [("Labels", [*labels, told]), ("Features", [_features(source)])]
    warnings = sorted(
        source.reading.warnings, key=lambda text: not any(key in text for key in _CHANGES_RESULTS)
    )
    return [*sections, ("Warnings", [warnings])] if warnings else sections


def source_summary(source: Source) -> str:
    """The text of :func:`source_sections`."""
    parts = [f"{source.title}: fits the data contract"]
    for heading, found in source_sections(source):
        for part in found:
            if isinstance(part, pd.DataFrame):
                parts.append(part.reset_index().to_string(index=False, na_rep="–"))
            elif isinstance(part, list):
                parts.append("\n".join([f"{heading.lower()}:", *(f"  - {text}" for text in part)]))
            else:
                parts.append(part)
    return "\n\n".join(parts)


def _column(table: pd.DataFrame | Table, name: str) -> pd.Series:
    return table.frame([name])[name] if isinstance(table, Table) else table[name]


def _dates(table: pd.DataFrame | Table) -> dict[str, str]:
    """First and last of the table's main date, where it has one."""
    for name in ("applied_at", "month_end", "cohort", "due_date"):
        if name in table.columns:
            dates = _column(table, name)
            first, last = dates.min(), dates.max()
            return {"date": name, "first": f"{first:%Y-%m-%d}", "last": f"{last:%Y-%m-%d}"}
    return {}


def _features(source: Source) -> pd.DataFrame:
    table = feature_profile(source.applications, source.features)
    kinds = pd.Series({f.name: f.kind for f in source.features})
    shown = pd.DataFrame(
        {
            "type": kinds,
            "missing": table["missing_rate"].map("{:.1%}".format),
            "special": table["special_rate"].map("{:.1%}".format),
            "distinct": table["distinct"],
            "5 %": table["p5"].map("{:,.6g}".format),
            "median": table["median"].map("{:,.6g}".format),
            "95 %": table["p95"].map("{:,.6g}".format),
            "use": table["use"],
        }
    ).replace("nan", "–")
    return shown.rename_axis("feature")

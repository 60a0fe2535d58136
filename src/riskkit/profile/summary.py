"""What was read of a source, for its owner to act on.

Takes a loaded source; gives text: rows and filters, labels, features, warnings.
"""

from __future__ import annotations

import pandas as pd

from riskkit.profile.applications import feature_profile
from riskkit.schema import Source

__all__ = ["source_summary"]

_CHANGES_RESULTS = ("left out", "observed_to", "still open", "later than", "past due", "blank")


def source_summary(source: Source) -> str:
    """Text on what was read: rows, filters, labels, features and warnings, the weightiest first.

    Parameters
    ----------
    source : Source
        Of :func:`riskkit.schema.load_source`.
    """
    parts = [f"{source.title}: fits the data contract"]
    tables = {name: table for name, table in source.tables.items() if name != "features"}
    parts.append(
        pd.DataFrame(
            [
                {"table": name, "rows": f"{len(table):,}"} | _dates(table)
                for name, table in tables.items()
            ]
        ).to_string(index=False, na_rep="–")
    )
    filters = source.reading.filters
    if filters:
        names = ["table", "kept by", "rows before", "rows after"]
        parts.append(pd.DataFrame(filters, columns=names).to_string(index=False))
    if source.reading.labels is not None:
        parts.append(source.reading.labels.reset_index().to_string(index=False))
    flags = source.applications["default_flag"]
    end = "" if source.observed_to is None else f"; seen to {source.observed_to:%Y-%m-%d}"
    parts.append(
        f"labelled: {int(flags.notna().sum()):,} rows, {int(flags.sum()):,} bad, "
        f"{flags.mean():.2%} ({source.bad_text}){end}"
    )
    parts.append(_features(source))
    warnings = sorted(
        source.reading.warnings, key=lambda text: not any(key in text for key in _CHANGES_RESULTS)
    )
    if warnings:
        parts.append("\n".join(["warnings:", *(f"  - {text}" for text in warnings)]))
    return "\n\n".join(parts)


def _dates(table: pd.DataFrame) -> dict[str, str]:
    """First and last of the table's main date, where it has one."""
    for name in ("applied_at", "month_end", "cohort", "due_date"):
        if name in table:
            first, last = table[name].min(), table[name].max()
            return {"date": name, "first": f"{first:%Y-%m-%d}", "last": f"{last:%Y-%m-%d}"}
    return {}


def _features(source: Source) -> str:
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
    return shown.rename_axis("feature").reset_index().to_string(index=False)

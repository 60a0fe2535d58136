"""What the moved mix says in words.

Takes the table of :func:`riskkit.monitoring.stability_table`; gives sentences and findings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd

from riskkit.columns import interval_text, verbatim
from riskkit.monitoring.moved_mix import CHANCE, MOVED, SCORE, SMALL, TOO_FEW
from riskkit.monitoring.new_values import JUMPED, NEW

__all__ = ["stability_findings", "stability_text"]

NAMED = 5  # features told by name


def stability_text(table: pd.DataFrame, labels: Mapping[str, str]) -> str:
    """Sentences on how far score and features have moved in the last month, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`stability_table`.
    labels : mapping of feature to label

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> stability_text(pd.DataFrame({"told": []}), {})
    'Nobody applied after the development sample, or nothing is known of when: no move can be seen.'
    """
    if table.empty:
        return (
            "Nobody applied after the development sample, or nothing is known of when: no move can "
            "be seen."
        )
    last = _last_month(table)
    month = last.index.get_level_values("month")[0]
    features = last.drop(index=SCORE, level="feature", errors="ignore")
    text = f"In {month:%B %Y}, against the development sample: "
    if SCORE in last.index.get_level_values("feature"):
        text += _of_score(last.loc[(SCORE, month)])
    if features.empty:
        return text.strip()
    tested = features[features["told"] != TOO_FEW]
    if tested.empty:
        return f"{text} Too few applied in the month to say of any feature."
    moved = tested[tested["told"] == MOVED].sort_values("psi", ascending=False, kind="stable")
    n_small = int((tested["told"] == SMALL).sum())
    if moved.empty:
        text += f"**No feature of {len(tested)} has moved by more than is tolerated**"
    else:
        told = "; ".join(_told(row, labels, verbatim) for _, row in moved.head(NAMED).iterrows())
        more = len(moved) - NAMED
        text += f"**{len(moved)} of {len(tested)} features have moved**: {told}"
        text += f"; and {more} more" if more > 0 else ""
    if n_small:
        text += f". {n_small} more moved beyond chance, but not for certain by more than tolerated"
    return f"{text}. p-values are adjusted for the features looked at in the month (Holm)."


def stability_findings(
    table: pd.DataFrame, labels: Mapping[str, str], changes: pd.DataFrame | None = None
) -> list[tuple[str, str, bool]]:
    """What deserves attention of the last month: topic, text, whether it is red.

    A feature or the score is a finding where it has moved beyond tolerance and its light is not
    green; the score alone can be red. New categories and jumps of what is missing are amber.

    Parameters
    ----------
    table : DataFrame
        Of :func:`stability_table`.
    labels : mapping of feature to label
    changes : DataFrame, optional
        Of :func:`value_changes`.

    Source
    ------
    riskkit definition.
    """
    of_values = [] if changes is None else _of_values(changes, labels)
    if table.empty:
        return of_values
    last = _last_month(table)
    moved = last[(last["told"] == MOVED) & last["light"].isin(["amber", "red"])]
    found = []
    for (name, month), row in moved.sort_values("psi", ascending=False, kind="stable").iterrows():
        red = name == SCORE and row["light"] == "red"
        found.append(("Stability", f"{_told(row, labels, str)} in {month:%B %Y}", red))
    return found + of_values


def _of_values(changes: pd.DataFrame, labels: Mapping[str, str]) -> list[tuple[str, str, bool]]:
    """New categories, and what is missing or coded more often than before."""
    found = []
    for (name, value), row in changes[changes["told"].isin([NEW, JUMPED])].iterrows():
        rate = interval_text(row["rate"], row["rate_low"], row["rate_high"], "percent2")
        how = "is new" if row["told"] == NEW else f"is up from {row['base_rate']:.2%}"
        found.append(("Stability", f"{labels.get(name, name)}, {value}: {how}, {rate}", False))
    return found


def _last_month(table: pd.DataFrame) -> pd.DataFrame:
    months = table.index.get_level_values("month")
    return table[months == months.max()]


def _of_score(row: pd.Series) -> str:
    if row["told"] == TOO_FEW:
        return "the score of too few is known to say how its distribution has moved. "
    how = {
        CHANCE: "differs by no more than chance",
        SMALL: "has moved beyond chance, but not for certain by more than is tolerated",
        MOVED: "**has moved by more than is tolerated**",
    }[row["told"]]
    mean = interval_text(row["points"], row["points_low"], row["points_high"], "signed2")
    sizes = _sizes(row) if pd.notna(row["psi_critical"]) else f"PSI {row['psi']:.3f}"
    return f"the distribution of the score {how} ({sizes}), its mean by {mean} points. "


def _sizes(row: pd.Series) -> str:
    # of many rows what chance reaches is little, yet not nothing
    return f"PSI {row['psi']:.3f}, by chance below {max(row['psi_critical'], 0.001):.3f}"


def _told(row: pd.Series, labels: Mapping[str, str], written: Callable[[object], str]) -> str:
    name = row.name[0]
    label = "The score" if name == SCORE else written(labels.get(name, name))
    text = f"{label} ({_sizes(row)}"
    if pd.notna(row["points"]):
        points = interval_text(row["points"], row["points_low"], row["points_high"], "signed2")
        text += f"; it moves the mean score by {points} points"
    return f"{text})"

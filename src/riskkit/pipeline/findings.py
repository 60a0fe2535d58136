"""What the stages found to deserve attention: whose it is, what is done about it, and by when.

Takes what the stages of a run have left and the project's limits file, ``data/limits.yaml``; gives
a :class:`Finding` each.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riskkit.checks import DataContractError
from riskkit.pipeline.handover import FINDINGS
from riskkit.tables import read_json

if TYPE_CHECKING:
    from riskkit.schema import LimitsFile

__all__ = ["LIMITS", "Finding", "findings_in", "left_json", "limits_of", "lost", "one_each"]

LIMITS = "data/limits.yaml"
NO_OWNER = f"no owner named ({LIMITS})"


@dataclass(frozen=True)
class Finding:
    """What deserves attention.

    Parameters
    ----------
    topic : str
        What it is about; the limits file names an owner by it.
    text : str
    red : bool
    section : str
        Heading under which the stage's page shows it; of another page, ``NN_name#heading``.
    """

    topic: str
    text: str
    red: bool
    section: str = ""

    @property
    def light(self) -> str:
        """Its colour."""
        return "red" if self.red else "amber"

    @property
    def place(self) -> str:
        """Its section in words."""
        return self.section.replace("#", ": ")

    def owner(self, limits: LimitsFile) -> str:
        """Who answers for it; a sentence where nobody does."""
        assigned = limits.findings.get(self.topic)
        return assigned.owner if assigned else NO_OWNER

    def to_do(self, limits: LimitsFile) -> str:
        """What is done about it; empty where nobody has said."""
        assigned = limits.findings.get(self.topic)
        return assigned.to_do if assigned else ""

    def due(self, limits: LimitsFile, finished: str) -> datetime.date | None:
        """By which day, counted from the day a run finished; None where nobody has said."""
        assigned = limits.findings.get(self.topic)
        try:
            day = datetime.datetime.fromisoformat(finished).date()
        except ValueError:
            return None
        return day + datetime.timedelta(days=assigned.within_days) if assigned else None


def limits_of(project: Path) -> LimitsFile:
    """The project's limits file; one that says nothing where it has none.

    Raises
    ------
    DataContractError
        It is not of the form that :func:`schema.read_limits` reads.
    """
    from riskkit import schema

    path = project / LIMITS
    # a link to nowhere is a file that cannot be read
    return schema.read_limits(path) if path.exists() or path.is_symlink() else schema.LimitsFile()


def findings_in(folder: Path) -> list[Finding]:
    """What a stage found to deserve attention."""
    told = left_json(folder / FINDINGS)
    rows = [_finding(row) for row in told if _is_finding(row)] if isinstance(told, list) else []
    if told is not None and (not isinstance(told, list) or len(rows) < len(told)):
        rows.append(lost(f"{FINDINGS} of this stage cannot be read, or not all of it"))
    return rows


def lost(text: str) -> Finding:
    """That something of the run is not as it was left."""
    return Finding("Files of the run", text, True)


def one_each(findings: Sequence[Finding]) -> dict[Finding, list[str]]:
    """The first finding of each topic, light and section → the texts of all that share them."""
    first: dict[tuple[str, bool, str], Finding] = {}
    texts: dict[Finding, list[str]] = {}
    for finding in findings:
        kind = (finding.topic, finding.red, finding.section)
        texts.setdefault(first.setdefault(kind, finding), []).append(finding.text)
    return texts


def left_json(path: Path) -> Any:
    """What a stage has left in a file; None where it cannot be read."""
    try:
        return read_json(path)
    except DataContractError:
        return None


def _finding(row: dict[str, Any]) -> Finding:
    return Finding(row["topic"], row["text"], row["red"], row.get("section", ""))


def _is_finding(row: Any) -> bool:
    # what was left before there were sections has none
    kinds = {"topic": str, "text": str, "red": bool, "section": str}
    whole = {"section": ""} | row if isinstance(row, dict) else {}
    return bool(whole) and all(isinstance(whole.get(key), kind) for key, kind in kinds.items())

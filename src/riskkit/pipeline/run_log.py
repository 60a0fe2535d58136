"""What a run did and when, line by line: ``run.log`` to read, ``run.jsonl`` for other programs.

Takes events; gives lines at the end of both files in the run's folder. No line holds a cell of
anybody's data: of what a notebook's error says, what is quoted and what has a digit in it is left
out. A log that cannot be written costs the run nothing but a warning.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from riskkit.checks import may_hold_password, warn
from riskkit.columns import visible
from riskkit.pipeline.folders import append_line
from riskkit.pipeline.manifest import now
from riskkit.tables import whole

__all__ = ["LOGS", "RunLog", "reason_text", "trim_logs"]

LOGS = ("run.log", "run.jsonl")
MOST_BYTES = 1 << 20  # of a file when a run begins; then the older half goes
LONGEST_REASON = 300
# errors of which the runner says all itself
_OWN_WORDS = frozenset({"TimeLimit", "KernelDied", "KernelNotStarted", "NotDeclared"})
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`|“[^”]*”|‘[^’]*’")
_WITH_DIGIT = re.compile(r"\S*\d\S*")


def reason_text(name: str, message: str) -> str:
    """Why a stage failed, in one line that holds no cell of anybody's data.

    Parameters
    ----------
    name : str
        Of the exception.
    message : str
        What it says.

    Examples
    --------
    >>> reason_text("KeyError", "'L000123'"), reason_text("ValueError", "pdo must be > 0")
    ('KeyError: …', 'ValueError: pdo must be > …')
    """
    lines = message.strip().splitlines()
    if not lines or may_hold_password(message):
        return name
    said = lines[0]
    if name not in _OWN_WORDS:
        said = _WITH_DIGIT.sub("…", _QUOTED.sub("…", said))
    return f"{name}: {visible(said)}"[:LONGEST_REASON]


def trim_logs(run_dir: Path) -> None:
    """Leave the newer half of a log that has grown too long, from a whole line on."""
    for name in LOGS:
        path = run_dir / name
        try:
            if path.is_symlink() or not path.is_file() or path.stat().st_size <= MOST_BYTES:
                continue
            with path.open("rb") as file:
                file.seek(-MOST_BYTES // 2, os.SEEK_END)
                _, _, kept = file.read().partition(b"\n")
            with whole(path) as staging:
                staging.write_bytes(kept)
        except OSError as error:
            warn(f"{path} cannot be cut to its newer half: {error.strerror}")


class RunLog:
    """The two logs of one run.

    Parameters
    ----------
    run_dir : Path
        Of the run, which holds it alone.
    """

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        self.is_lost: set[str] = set()

    def tell(self, event: str, **facts: Any) -> None:
        """Add a line: what happened, and facts of it that are numbers or the runner's own words.

        Parameters
        ----------
        event : str
            ``run_start``, ``stage_start``, ``stage_end`` or ``run_end``.
        facts : str, int or float
        """
        at = now()
        shown = {key: value for key, value in facts.items() if value != ""}
        words = [f"{key}={value}" for key, value in shown.items()]
        line = {"at": at, "run": self.run_dir.name, "event": event, **shown}
        texts = (" ".join([at, event, *words]), json.dumps(line, ensure_ascii=False))
        for name, text in zip(LOGS, texts, strict=True):
            if name in self.is_lost:
                continue
            path = self.run_dir / name
            try:
                append_line(path, text)
            except OSError as error:
                self.is_lost.add(name)
                why = f"cannot be written to ({error.strerror})" if error.errno else str(error)
                warn(f"{path} {why}: this run has no line in it from now on")

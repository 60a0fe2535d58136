"""What JupyterLab shows beside a notebook's own results: one grey line at a time.

Takes a stage; gives which run it reads, how old that is, and what was redone in the lab.
"""

from __future__ import annotations

import datetime
import html
import sys
from pathlib import Path
from typing import Any

from riskkit.pipeline.handover import Stage
from riskkit.pipeline.manifest import is_left, read_manifest

__all__ = ["reading_text", "shell_here", "show_grey"]

# the second colour of JupyterLab's theme, light or dark; elsewhere a grey that reads on both
GREY = "color: var(--jp-ui-font-color2, #767676); margin: 0.2em 0"


def shell_here() -> Any:
    """IPython's shell that runs this; None elsewhere."""
    ipython = sys.modules.get("IPython")  # where nobody has imported it, there is none
    return None if ipython is None else ipython.get_ipython()


def show_grey(shell: Any, text: str) -> None:
    """Show one line of plain text in grey."""
    shown = f'<p style="{GREY}">{html.escape(text)}</p>'
    shell.display_pub.publish({"text/html": shown, "text/plain": text})


def reading_text(stage: Stage, now: datetime.datetime | None = None) -> str:
    """What a stage in the lab reads: the run and its age, and the stages redone in the lab.

    Parameters
    ----------
    stage : Stage
        Without a `run_dir`.
    now : datetime, optional
        With its time zone.
    """
    now = now or datetime.datetime.now(datetime.UTC)
    own, base, below = stage.lab_layers()
    told = []
    if base is not None and below:
        told.append(f"run {base.name}, {_finished(base, now)}")
    redone = [f"{folder.name} ({_left(folder, now)})" for folder in reversed(own)]
    if redone:
        told.append(f"what was redone in the lab: {', '.join(redone)}")
    if not told:
        return f"Reads no earlier stage. Leaves its tables in {_short(stage.output_dir)}."
    return f"Reads {', and '.join(told)}."


def _finished(run_dir: Path, now: datetime.datetime) -> str:
    manifest = read_manifest(run_dir)
    stamp = str(manifest.get("finished") or manifest.get("started") or "")
    try:
        moment = datetime.datetime.fromisoformat(stamp)
    except ValueError:
        return "which does not say when it was made"
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    verb = "finished" if manifest.get("finished") else "still running, begun"
    return f"{verb} {_ago(moment, now)} ({moment.astimezone(datetime.UTC):%Y-%m-%d %H:%M} UTC)"


def _left(folder: Path, now: datetime.datetime) -> str:
    """When the last file of a stage's folder was written."""
    files = [path for path in folder.glob("*") if is_left(path) and not path.name.startswith(".")]
    times = [path.stat().st_mtime for path in files]
    if not times:
        return "opened, has left nothing yet"
    return _ago(datetime.datetime.fromtimestamp(max(times), datetime.UTC), now)


def _ago(moment: datetime.datetime, now: datetime.datetime) -> str:
    """How long ago, in the largest unit that fits."""
    minutes = int((now - moment).total_seconds() // 60)
    for unit, length in (("day", 60 * 24), ("hour", 60), ("minute", 1)):
        count = minutes // length
        if count >= 1:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def _short(path: Path) -> str:
    """The path as it is written from the project: data/runs/lab/NN_name."""
    return "/".join(path.parts[-4:])

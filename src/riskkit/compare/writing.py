"""Where the comparison of two runs is written, and what it may replace.

Takes two runs' folders; gives the path of a page that is written whole or not at all, and refuses
to touch a file that no earlier comparison has left.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from riskkit.compare.run_page import comparison_sections
from riskkit.compare.run_tables import read_run
from riskkit.pipeline import BadInput, is_in_a_run, open_run
from riskkit.tables import whole

__all__ = ["compare_runs", "is_comparison", "page_path"]

_SEAL = re.compile(rb"<!-- riskkit compare ([0-9a-f]{64}) -->\n\Z")


def compare_runs(run_a: str | Path, run_b: str | Path, output: str | Path | None = None) -> Path:
    """Write the page that says what changed from run A to run B; returns its path.

    Equal runs give equal bytes.

    Parameters
    ----------
    run_a, run_b : path
        Folders of finished runs, the earlier and the later; they may be the same.
    output : path, optional
        By default beside the report of B, ``compare-<A>.html``.

    Raises
    ------
    BadInput
        A folder holds no finished run or a file that is not as the run left it; the output is in a
        run's own folder, in none that is there, or a file that no comparison has left.
    """
    from riskkit.documents import document_html

    a, b = open_run(run_a), open_run(run_b)
    path = page_path(a.run_dir, b.run_dir, output)
    try:
        sections = comparison_sections(read_run(a), read_run(b), b.meanings())
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        raise BadInput(
            f"runs {a.name} and {b.name} cannot be compared: a table of one is not as this riskkit "
            f"leaves it ({type(error).__name__}: {str(error)[:200]})"
        ) from error
    title = f"What has changed: {b.manifest.get('title') or b.name}"
    subtitle = " ".join(
        f"{which}: run {run.name}, finished {run.manifest['finished'][:16].replace('T', ' ')} UTC."
        for which, run in (("A, the earlier", a), ("B, the later", b))
    )
    home = "index.html" if output is None else ""
    page = document_html(title, sections, subtitle=subtitle, home=home).encode()
    with whole(path) as staging:
        staging.write_bytes(page + _seal(page))
    return path


def page_path(run_a: Path, run_b: Path, output: str | Path | None = None) -> Path:
    """Where the page goes: the output given, else beside the report of B.

    Raises
    ------
    BadInput
        As :func:`compare_runs`.
    """
    if output is None:
        runs = run_b.parent
        folder = runs.parent.parent / "reports" / "runs" / run_b.name
        if (runs.name, runs.parent.name) != ("runs", "data") or not folder.is_dir():
            raise BadInput(f"run {run_b.name} has no report to stand beside: give --output")
        path = folder / f"compare-{run_a.name}.html"
    else:
        path = Path(output)
        if path.suffix != ".html":
            raise BadInput(f"the output is a page, NAME.html, got {path.name!r}")
        if not path.parent.is_dir():
            raise BadInput(f"no folder {path.parent}")
    if is_in_a_run(path):
        raise BadInput(f"{path} is in a run's folder: name another one")
    if os.path.lexists(path) and not is_comparison(path):
        raise BadInput(
            f"{path} is no unchanged page of an earlier comparison and stays as it is: name "
            "another --output"
        )
    return path


def is_comparison(path: Path) -> bool:
    """Whether that is a page of an earlier comparison, which nobody has changed since."""
    if path.is_symlink() or not path.is_file():
        return False
    content = path.read_bytes()
    found = _SEAL.search(content)
    return found is not None and _seal(content[: found.start()]) == found.group()


def _seal(page: bytes) -> bytes:
    """Last line of a page: a comment that no browser shows, with the hash of all above it."""
    return f"<!-- riskkit compare {hashlib.sha256(page).hexdigest()} -->\n".encode()

"""When are two versions of a file the same: what in it was written by somebody.

Takes a file's content; gives its hash, or how many lines differ. Of a notebook count the cells'
sources, kinds and tags and what it says to riskkit; outputs, counts, ids and whatever else
JupyterLab writes when a notebook is opened or run do not. Of any file, the ends of lines do not.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

__all__ = ["changed_lines", "fingerprint", "fingerprint_of", "has_no_place"]

OTHER = "no plain file of the project"


def fingerprint(name: str, content: bytes) -> str:
    r"""sha256 of what counts in a file; a notebook that is none counts as text.

    Examples
    --------
    >>> fingerprint("a.yaml", b"owner: me\r\n") == fingerprint("a.yaml", b"owner: me\n")
    True
    """
    return hashlib.sha256("\n".join(_lines(name, content)).encode()).hexdigest()


def fingerprint_of(project: Path, name: str) -> str | None:
    """The same of a file in a project; None where nothing is there.

    What is a link or a folder there, or lies behind a link out of the project, is the user's own:
    it is like no content.
    """
    path = project / name
    if path.is_symlink() or has_no_place(project, name):
        return OTHER
    if not path.exists():
        return None
    if not path.is_file():
        return OTHER
    return fingerprint(name, path.read_bytes())


def has_no_place(project: Path, name: str) -> bool:
    """Whether a file could be laid in no folder of the project: a link out, or a file, is there."""
    home = project.resolve()
    for above in Path(name).parents:
        path = project / above
        # a link to itself is no folder
        if os.path.lexists(path) and not (path.is_dir() and path.resolve().is_relative_to(home)):
            return True
    return False


def changed_lines(name: str, before: bytes, after: bytes) -> tuple[int, int]:
    r"""How many lines there are after that were not before, and how many were that are not now.

    Examples
    --------
    >>> changed_lines("a.yaml", b"owner: me\nday: 1\n", b"owner: me\nday: 2\nday: 3\n")
    (2, 1)
    """
    import difflib

    matcher = difflib.SequenceMatcher(
        None, _lines(name, before), _lines(name, after), autojunk=False
    )
    moves = [move for move in matcher.get_opcodes() if move[0] != "equal"]
    added = sum(end - start for *_, start, end in moves)
    return added, sum(move[2] - move[1] for move in moves)


def _lines(name: str, content: bytes) -> list[str]:
    text = content.decode("utf-8", errors="surrogateescape").replace("\r\n", "\n")
    if name.endswith(".ipynb"):
        try:
            return _notebook_lines(json.loads(text))
        except (ValueError, KeyError, TypeError, AttributeError):
            pass  # no notebook: what stands there counts as it stands
    # what is no UTF-8 comes through as it is
    return text.encode("utf-8", errors="backslashreplace").decode().split("\n")


def _notebook_lines(notebook: dict[str, Any]) -> list[str]:
    said = json.dumps(notebook.get("metadata", {}).get("riskkit", {}), sort_keys=True)
    lines = [said]
    for cell in notebook["cells"]:
        source = cell["source"]
        text = source if isinstance(source, str) else "".join(source)
        lines.append(f"%% {cell['cell_type']} {sorted(cell.get('metadata', {}).get('tags', []))}")
        lines += text.replace("\r\n", "\n").split("\n")
    return lines

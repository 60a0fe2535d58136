"""Which files a project begins with: those of the suite that are installed, and some of its own.

Gives path in the project → content. A wheel carries the suite's files; in a checkout they are the
checkout's own, the same ones, since its ``pyproject.toml`` says what goes into the wheel.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

import riskkit
from riskkit.pipeline import BadInput

__all__ = ["shipped_files"]

PACKAGE = Path(riskkit.__file__).parent
CARRIED = PACKAGE / "project"
TEMPLATES = Path(__file__).parent / "templates"
# path in the project → template of it; a name with a dot in front is easily lost on the way
TEMPLATE_OF = {
    ".gitignore": "gitignore",
    "Makefile": "Makefile",
    "README.md": "README.md",
    "data/sources/my_lender.yaml": "my_lender.yaml",
}
VERSION = "@VERSION@"


@cache
def shipped_files() -> dict[str, bytes]:
    """Path in a project → what this version lays there, by path.

    Raises
    ------
    BadInput
        The installation has lost its files.
    """
    files = {name: path.read_bytes() for name, path in _suite_files().items()}
    if not any(name.startswith("notebooks/") for name in files):
        raise BadInput(f"the notebooks are missing in {PACKAGE}: install riskkit again")
    for name, template in TEMPLATE_OF.items():
        text = (TEMPLATES / template).read_text(encoding="utf-8")
        files[name] = text.replace(VERSION, riskkit.__version__).encode()
    return dict(sorted(files.items()))


def _suite_files() -> dict[str, Path]:
    """Path in the project → the installed file."""
    checkout = PACKAGE.parents[1]
    said = checkout / "pyproject.toml"
    if PACKAGE.parent.name == "src" and said.is_file():
        build = tomllib.loads(said.read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
        carried = build["targets"]["wheel"]["force-include"]
        inside = f"{PACKAGE.name}/{CARRIED.name}/"
        return {path.removeprefix(inside): checkout / own for own, path in carried.items()}
    return {
        path.relative_to(CARRIED).as_posix(): path for path in CARRIED.rglob("*") if path.is_file()
    }

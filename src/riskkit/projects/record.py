"""What was laid in a project, by which version: ``.riskkit/laid.json``.

Takes and gives path in the project → :class:`Laid`. So whether somebody has edited a file is known
and not guessed, whatever versions lie between.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from riskkit.pipeline import BadInput
from riskkit.tables import whole

__all__ = ["RECORD", "Laid", "put_file", "read_record", "record_text", "write_record"]

RECORD = ".riskkit/laid.json"


@dataclass(frozen=True, kw_only=True)
class Laid:
    """How a file was laid.

    Parameters
    ----------
    sha256 : str
        Of :func:`fingerprints.fingerprint`; empty: it was not laid, since something lay there.
    riskkit : str
        The version that laid it.
    offered : str
        The same hash of a later version that was put beside the file, since somebody had edited it.
    """

    sha256: str
    riskkit: str
    offered: str = ""

    def __post_init__(self) -> None:
        if not all(isinstance(value, str) for value in asdict(self).values()):
            raise TypeError("sha256, riskkit and offered are texts")


def read_record(project: Path) -> dict[str, Laid]:
    """What was laid in a project.

    Raises
    ------
    BadInput
        Nothing was, or the record is damaged.
    """
    path = project / RECORD
    if not path.is_file():
        raise BadInput(
            f"{project} has no {RECORD}: it is no project that riskkit init has laid. A checkout "
            "of riskkit is brought up to date with git; riskkit init FOLDER lays a new project"
        )
    try:
        files = json.loads(path.read_text(encoding="utf-8"))["files"]
        record = {str(name): Laid(**said) for name, said in files.items()}
        if any(Path(name).is_absolute() or ".." in Path(name).parts for name in record):
            raise ValueError("a path out of the project")
        return record
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadInput(
            f"{path} is damaged; bring back an earlier one, or lay a new project and take your "
            "files over"
        ) from None


def record_text(files: Mapping[str, Laid]) -> str:
    """The record as it is written."""
    told = {name: asdict(laid) for name, laid in sorted(files.items())}
    return json.dumps({"files": told}, indent=1, ensure_ascii=False) + "\n"


def write_record(project: Path, files: Mapping[str, Laid]) -> None:
    """Write it, whole or not at all."""
    put_file(project, RECORD, record_text(files).encode())


def put_file(project: Path, name: str, content: bytes) -> None:
    """Write a file whole or not at all; as readable as before, a new one as the record is."""
    path = project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = (path if path.exists() else project / RECORD).stat().st_mode
    with whole(path) as staging:
        staging.write_bytes(content)
        staging.chmod(stat.S_IMODE(mode))

"""What a file of scores was made of, kept beside it; and what scoring may therefore replace.

Takes the files of one scoring; gives a small sealed JSON file, and refuses to touch a file that no
earlier scoring of that name has left.
"""

from __future__ import annotations

import datetime
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from riskkit.checks import DataContractError
from riskkit.tables import (
    hash_file,
    read_json,
    seal_holds,
    sealed,
    stored,
    stored_faults,
    write_json,
)

__all__ = ["ScoresRecord", "Watched", "hash_files", "record_path", "replaced_hashes"]

KIND = "riskkit.ScoresRecord"
VERSION = 1


@stored
@dataclass(frozen=True, kw_only=True)
class ScoresRecord:
    """What was scored, by what, and the files it left.

    Parameters
    ----------
    model, model_sha256 : str
        Kind and checksum of the model's content.
    input_sha256 : str
        Of the input's bytes; of several files, of the list of theirs.
    mapping_sha256 : str or None
    n_rows, n_scored, n_rejected, n_reasons : int
    scores_sha256 : str
    rejected_sha256 : str or None
        Of the side file; None where there is none.
    replaces : list of str
        Hashes of the files that these took the place of; a process killed in between has left them.
    """

    model: str
    model_sha256: str
    input_sha256: str
    mapping_sha256: str | None
    n_rows: int
    n_scored: int
    n_rejected: int
    n_reasons: int
    scores_sha256: str
    rejected_sha256: str | None
    replaces: list[str]
    riskkit: str
    written_at: str

    @staticmethod
    def made(**values: Any) -> ScoresRecord:
        """Record with the time and the version of riskkit."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        return ScoresRecord(riskkit=metadata.version("riskkit"), written_at=now, **values)

    def save(self, path: Path) -> None:
        """Write it, whole or not at all."""
        write_json(path, sealed({"kind": KIND, "schema_version": VERSION, **vars(self)}))

    @staticmethod
    def read(path: Path) -> ScoresRecord | None:
        """The record at a path; None where there is none, or the file is none."""
        try:
            values = read_json(path)
        except DataContractError:
            return None
        if not isinstance(values, dict) or not seal_holds(values):
            return None
        version = values.pop("schema_version", None)
        if values.pop("kind", None) != KIND or version != VERSION:
            return None
        values.pop("sha256")
        return None if stored_faults(values, ScoresRecord) else ScoresRecord(**values)

    @property
    def own(self) -> set[str]:
        """Hashes of what this scoring and the one before have left."""
        known = {self.scores_sha256, self.rejected_sha256, *self.replaces}
        return {sha for sha in known if sha is not None}


def replaced_hashes(record: Path, outputs: Sequence[Path], inputs: Sequence[Path]) -> list[str]:
    """Hashes of the outputs that are there, each left by an earlier scoring of that name.

    Parameters
    ----------
    record : Path
        Where the record of the outputs is, or will be.
    outputs : sequence of Path
    inputs : sequence of Path
        Input, model and mapping, which are never replaced, be they outputs of before or not.

    Raises
    ------
    DataContractError
        A file is there that no earlier scoring of that name has left, or it has changed since.
    """
    before = ScoresRecord.read(record)
    violations, hashes = [], []
    for path in (*outputs, record):
        if not os.path.lexists(path):
            continue
        if any(path.exists() and given.exists() and path.samefile(given) for given in inputs):
            violations.append(f"{path} would replace what is read")
        elif not path.is_file():
            violations.append(f"{path} is no file")
        elif path == record:
            if before is None:
                violations.append(f"{path} is no record of scores: move it, or name another")
        else:
            sha = hash_file(path)
            hashes.append(sha)
            if before is None or sha not in before.own:
                violations.append(
                    f"{path} is no output of an earlier scoring of that name, or has changed "
                    "since: move it, or name another"
                )
    if violations:
        raise DataContractError(outputs[0].name, violations)
    return hashes


class Watched:
    """Files that nobody may write to while an input is scored.

    Parameters
    ----------
    paths : sequence of Path
        Those that are not there must not come into being.
    """

    def __init__(self, paths: Sequence[Path]):
        self._found = {path: _sign(path) for path in paths}

    def require_unchanged(self) -> None:
        """Refuse to go on where one has changed.

        Raises
        ------
        DataContractError
            Names it.
        """
        for path, before in self._found.items():
            if _sign(path) != before:
                raise DataContractError(
                    path.name,
                    [f"{path} has changed while the input was scored: nothing is written"],
                )


def record_path(output: Path) -> Path:
    """Where the record of an output stands."""
    return output.with_name(f"{output.name}.record.json")


def hash_files(paths: Sequence[Path]) -> str:
    """sha256 of a file; of several, of their names and hashes."""
    if len(paths) == 1:
        return hash_file(paths[0])
    lines = "".join(f"{hash_file(path)}  {path.name}\n" for path in paths)
    return hashlib.sha256(lines.encode()).hexdigest()


def _sign(path: Path) -> tuple[int, ...] | None:
    """What tells a file from another one, or from itself once written to."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

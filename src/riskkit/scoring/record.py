"""What a file of scores was made of, kept beside it; and what scoring may therefore replace.

Takes the files of one scoring; gives a small sealed JSON file, and refuses to touch a file that no
earlier scoring of that name has left.
"""

from __future__ import annotations

import datetime
import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from riskkit.checks import DataContractError
from riskkit.tables import read_json, seal_holds, sealed, stored, stored_faults, write_json

__all__ = ["Replaced", "ScoresRecord", "hash_files", "record_path"]

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


class Replaced:
    """The files that are to be replaced, which are outputs of earlier scorings and nothing else.

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

    def __init__(self, record: Path, outputs: Sequence[Path], inputs: Sequence[Path]):
        self._paths = (*outputs, record)
        before = ScoresRecord.read(record)
        violations = []
        self.hashes: list[str] = []
        for path in self._paths:
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
                sha = hash_files([path])
                self.hashes.append(sha)
                if before is None or sha not in before.own:
                    violations.append(
                        f"{path} is no output of an earlier scoring of that name, or has changed "
                        "since: move it, or name another"
                    )
        if violations:
            raise DataContractError(outputs[0].name, violations)
        self._found = self._signs()

    def require_unchanged(self) -> None:
        """Refuse to go on where somebody has written to these files meanwhile."""
        for path, before, now in zip(self._paths, self._found, self._signs(), strict=True):
            if before != now:
                raise DataContractError(
                    path.name, [f"{path} has changed while the input was scored; it stays"]
                )

    def _signs(self) -> list[tuple[int, ...] | None]:
        return [_sign(path) for path in self._paths]


def record_path(output: Path) -> Path:
    """Where the record of an output stands."""
    return output.with_name(f"{output.name}.record.json")


def hash_files(paths: Iterable[Path]) -> str:
    """sha256 of a file; of several, of their names and hashes.

    Raises
    ------
    DataContractError
        A file changes while it is read.
    """
    found = []
    for path in paths:
        with path.open("rb") as file:
            before = _sign(path)
            found.append((path.name, hashlib.file_digest(file, "sha256").hexdigest()))
            if _sign(path) != before:
                raise DataContractError(path.name, [f"{path} changes while it is read"])
    if len(found) == 1:
        return found[0][1]
    lines = "".join(f"{sha}  {name}\n" for name, sha in found)
    return hashlib.sha256(lines.encode()).hexdigest()


def _sign(path: Path) -> tuple[int, ...] | None:
    """What tells a file from another one, or from itself once written to."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

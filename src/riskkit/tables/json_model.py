"""Models on disk: versioned JSON under a checksum, read and never executed.

Takes a fitted model's plain values; gives a file that appears whole, and the model again where
nothing in it has changed.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NoReturn, Self, TypeVar

from riskkit.checks import DataContractError
from riskkit.tables.files import require_file, whole

__all__ = [
    "JsonModel",
    "read_json",
    "seal_holds",
    "sealed",
    "stored",
    "stored_faults",
    "write_json",
]

CHECKSUM = "sha256"
MOST_BYTES = 1 << 28
_MOST_FAULTS = 10
_Kind = TypeVar("_Kind")


class JsonModel:
    """Saving and loading for a class that knows its plain values.

    A subclass names its `json_kind`, gives its values in `_values`, says in `json_shape` (a
    :func:`stored` dataclass) what each is, and takes them in `_from_values`, which refuses what no
    fit can have left. It raises `json_version` when the format changes.
    """

    json_kind: ClassVar[str]
    json_version: ClassVar[int] = 1
    json_shape: ClassVar[type]

    def _values(self) -> dict[str, Any]:
        raise NotImplementedError

    @classmethod
    def _from_values(cls, values: Mapping[str, Any]) -> Self:
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON, with kind, schema version and a checksum of them all.

        Raises
        ------
        ValueError
            A value is not finite.
        """
        kind = {"kind": self.json_kind, "schema_version": self.json_version}
        return sealed({**kind, **self._values()})

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Model of :meth:`to_json`.

        Raises
        ------
        DataContractError
            Another kind of model, one of another version, one that has changed since it was saved,
            or one that no fit can have left.
        """
        if not isinstance(values, Mapping) or values.get("kind") != cls.json_kind:
            found = values.get("kind") if isinstance(values, Mapping) else type(values).__name__
            raise DataContractError(cls.json_kind, [f"expected a {cls.json_kind}, found {found!r}"])
        version = values.get("schema_version")
        if version != cls.json_version or isinstance(version, bool):
            what_to_do = "is newer than" if _is_above(version, cls.json_version) else "is not"
            raise DataContractError(
                cls.json_kind,
                [
                    f"schema_version {version!r} {what_to_do} {cls.json_version}, "
                    "the one this riskkit reads and writes"
                ],
            )
        try:
            holds = seal_holds(values)
        except (ValueError, TypeError) as error:
            raise DataContractError(cls.json_kind, [f"no plain values: {error}"]) from error
        if not holds:
            raise DataContractError(
                cls.json_kind,
                ["its checksum does not hold: the file has changed since it was saved, or is cut"],
            )
        # as a file would hold it
        own = json.loads(_text(values))
        for key in ("kind", "schema_version", CHECKSUM):
            del own[key]
        if faults := stored_faults(own, cls.json_shape):
            raise DataContractError(cls.json_kind, faults)
        try:
            return cls._from_values(own)
        except DataContractError:
            raise
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise DataContractError(cls.json_kind, [f"no whole model: {error}"]) from error

    def save(self, path: str | Path) -> None:
        """Write the model as JSON, whole or not at all."""
        write_json(path, self.to_json())

    @staticmethod
    def checksum_of(path: str | Path) -> str:
        """Checksum that a model's file holds, whichever kind it is of.

        Raises
        ------
        DataContractError
            The file is not there, or holds none.
        """
        values = read_json(path)
        checksum = values.get(CHECKSUM) if isinstance(values, Mapping) else None
        if not isinstance(checksum, str):
            raise DataContractError(Path(path).name, [f"no model: it has no {CHECKSUM}"])
        return checksum

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a model that :meth:`save` wrote.

        Raises
        ------
        DataContractError
            As :meth:`from_json`; the file is not there, or holds no JSON.
        """
        values = read_json(path)
        try:
            return cls.from_json(values)
        except DataContractError as error:
            raise DataContractError(Path(path).name, error.violations) from error


def read_json(path: str | Path) -> Any:
    """What a JSON file holds.

    Stricter than JSON's readers are: a key given twice, of which they take the last, and numbers
    that are none are refused, too.

    Raises
    ------
    DataContractError
        The file is not there, is empty or above 256 MiB, cannot be read, is not UTF-8, or holds no
        such JSON.
    """
    path = Path(path)
    require_file(path, most_bytes=MOST_BYTES)
    try:
        text = path.read_text(encoding="utf-8")
        return json.loads(
            text, parse_constant=_no_number, parse_float=_finite, object_pairs_hook=_once
        )
    except RecursionError:
        reason = "nested too deeply"
    except (OSError, ValueError) as error:
        reason = str(error)
    raise DataContractError(path.name, [f"no JSON that could be read: {reason}"])


def write_json(path: str | Path, values: Any) -> None:
    """Write values as JSON, whole or not at all.

    Raises
    ------
    ValueError
        A number is not finite.
    """
    text = json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False)
    with whole(path) as staging:
        staging.write_text(text + "\n", encoding="utf-8")


def sealed(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with a checksum of them, which tells whether any, or their order, has changed.

    It is no signature: whoever can write the file can write its checksum.
    """
    plain = {key: value for key, value in values.items() if key != CHECKSUM}
    return {**plain, CHECKSUM: _checksum(_text(plain))}


def seal_holds(values: Mapping[str, Any]) -> bool:
    """Whether values are as :func:`sealed` left them."""
    plain = {key: value for key, value in values.items() if key != CHECKSUM}
    return values.get(CHECKSUM) == _checksum(_text(plain))


def stored(kind: type[_Kind]) -> type[_Kind]:
    """Class decorator of a dataclass that describes a file: its keys, no others, each of its type.

    Nothing is made of it; :func:`stored_faults` holds values to it.
    """
    kind.__pydantic_config__ = {  # type: ignore[attr-defined]
        "strict": True,
        "extra": "forbid",
        "allow_inf_nan": False,
    }
    return kind


def stored_faults(values: Any, shape: type) -> list[str]:
    """Where JSON's values are not as a :func:`stored` dataclass says: the first ten faults."""
    from pydantic import TypeAdapter, ValidationError

    try:
        # from text, since a dict is no dataclass where types are strict
        TypeAdapter(shape).validate_json(json.dumps(values))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        lines = [
            f"{'.'.join(str(part)[:60] for part in item['loc']) or 'values'}: {item['msg']}"
            for item in found
        ]
        more = len(lines) - _MOST_FAULTS
        return lines if more <= 0 else [*lines[:_MOST_FAULTS], f"and {more:,} more faults"]
    return []


def _text(plain: Mapping[str, Any]) -> str:
    # numbers as Python writes them, which reads them back bit by bit
    try:
        return json.dumps(plain, separators=(",", ":"), allow_nan=False)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _is_above(version: Any, newest: int) -> bool:
    return isinstance(version, int) and version > newest


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number(text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for i, (key, _) in enumerate(pairs) if key in dict(pairs[:i]))
        raise ValueError(f"the key {twice!r} stands twice")
    return found

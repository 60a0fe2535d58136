"""Models on disk: versioned JSON that is read, never executed.

Takes a fitted model's plain values; gives a file that appears whole, and the model again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from riskkit.tables.files import whole

__all__ = ["JsonModel"]


class JsonModel:
    """Saving and loading for a class that knows its plain values.

    A subclass names its `json_kind`, gives its values in `_values` and takes them in
    `_from_values`; it raises `json_version` when old readers could not read a new file.
    """

    json_kind: ClassVar[str]
    json_version: ClassVar[int] = 1

    def _values(self) -> dict[str, Any]:
        raise NotImplementedError

    @classmethod
    def _from_values(cls, values: Mapping[str, Any]) -> Self:
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON, with kind and schema version."""
        return {
            "kind": self.json_kind,
            "schema_version": self.json_version,
            **self._values(),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Model of :meth:`to_json`.

        Raises
        ------
        ValueError
            Another kind of model, or one written by a newer version.
        """
        if values.get("kind") != cls.json_kind:
            raise ValueError(f"expected a {cls.json_kind}, found {values.get('kind')!r}")
        if values["schema_version"] > cls.json_version:
            raise ValueError(
                f"schema_version {values['schema_version']} is newer than {cls.json_version}, "
                "the newest this riskkit reads"
            )
        return cls._from_values(values)

    def save(self, path: str | Path) -> None:
        """Write the model as JSON, whole or not at all."""
        text = json.dumps(self.to_json(), indent=1, ensure_ascii=False)
        with whole(path) as staging:
            staging.write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a model that :meth:`save` wrote."""
        return cls.from_json(json.loads(Path(path).read_text(encoding="utf-8")))

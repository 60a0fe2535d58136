"""YAML as its owner wrote it: plain words are text, nothing is executed or expanded at length.

Takes the text of a mapping; gives blocks, lists and texts. YAML 1.1 would read ``no`` as false, 01
as 1, 12:30 as 750, and of two equal keys the second; here ``no`` and 01 are what stands there,
only true and false are truth values, and a key that stands twice is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from riskkit.checks import DataContractError
from riskkit.tables import require_file

__all__ = ["read_yaml"]

MOST_BYTES = 8_000_000
LONGEST_TEXT = 100_000  # letters; of a query, say
MOST_VALUES = 500_000  # once every alias is written out
DEEPEST = 30
_NOTHING = {"", "~", "null", "Null", "NULL"}
_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_TEXT_TAG = "tag:yaml.org,2002:str"


@dataclass
class _Open:
    """A block or list whose end has not come yet."""

    value: Any
    anchor: str | None
    size: int = 1
    key: str | None = None
    lines: dict[str, int] | None = None  # of a block: where each key stands


def read_yaml(path: str | Path) -> Any:
    """What a YAML file says: dicts with text keys, lists, texts, true, false and None.

    Raises
    ------
    DataContractError
        No file, no UTF-8, no YAML, more than 8 MB, a text of more than 100,000 letters, nested too
        deep, more values than 500,000 once aliases are written out, a tag, a key that stands
        twice, more than one document.

    Source
    ------
    YAML 1.2 core schema, of which only null, true and false are resolved.
    """
    path = Path(path)
    require_file(path, most_bytes=MOST_BYTES)
    import yaml

    try:
        text = path.read_text(encoding="utf-8-sig")
        return _built(yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise DataContractError(path.name, [f"no UTF-8 text in line {line}"]) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or type(error).__name__
        raise DataContractError(path.name, [f"no valid YAML{where}: {problem}"]) from error
    except _Refused as error:
        raise DataContractError(path.name, [str(error)]) from None


class _Refused(ValueError):
    """What the text says is refused."""


def _built(events: Iterator[Any]) -> Any:
    import yaml

    stack: list[_Open] = []
    anchors: dict[str, tuple[Any, int]] = {}
    documents: list[Any] = []
    total = 0
    for event in events:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            _refuse_tag(event, line)
            if len(stack) == DEEPEST:
                raise _Refused(f"line {line}: nested deeper than {DEEPEST} levels")
            is_block = isinstance(event, yaml.MappingStartEvent)
            if stack and stack[-1].lines is not None and stack[-1].key is None:
                raise _Refused(f"line {line}: expected text as a key, found a block or list")
            value: Any = {} if is_block else []
            stack.append(_Open(value, event.anchor, lines={} if is_block else None))
            continue
        if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            done = stack.pop()
            value, size, anchor = done.value, done.size, done.anchor
        elif isinstance(event, yaml.ScalarEvent):
            _refuse_tag(event, line)
            value, size, anchor = _scalar(event), 1, event.anchor
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in anchors:
                raise _Refused(f"line {line}: *{event.anchor} stands for nothing before it")
            (value, size), anchor = anchors[event.anchor], None
        else:
            continue
        if anchor is not None:
            anchors[anchor] = value, size
        total += size if isinstance(event, yaml.ScalarEvent | yaml.AliasEvent) else 1
        if total > MOST_VALUES:
            raise _Refused(f"more than {MOST_VALUES:,} values once every alias is written out")
        if not stack:
            documents.append(value)
        else:
            _put(stack[-1], value, size, line)
    if len(documents) > 1:
        raise _Refused(f"expected one document, found {len(documents)}")
    return documents[0] if documents else None


def _put(parent: _Open, value: Any, size: int, line: int) -> None:
    """Add a value to the block or list it stands in; in a block every other one is a key."""
    parent.size += size
    if parent.lines is None:
        parent.value.append(value)
    elif parent.key is None:
        if isinstance(value, dict | list):
            raise _Refused(f"line {line}: expected text as a key, found a block or list")
        key = {None: "null", True: "true", False: "false"}.get(value, value)
        if key in parent.lines:
            first = parent.lines[key]
            raise _Refused(f"line {line}: the key {key!r} stands twice, first in line {first}")
        parent.lines[key] = line
        parent.key = key
    else:
        parent.value[parent.key] = value
        parent.key = None


def _scalar(event: Any) -> Any:
    if len(event.value) > LONGEST_TEXT:
        line, n = event.start_mark.line + 1, len(event.value)
        raise _Refused(f"line {line}: a text of {n:,} letters; at most {LONGEST_TEXT:,} are read")
    plain = event.implicit[0] and event.style in (None, "")
    if plain and event.value in _NOTHING:
        return None
    return _TRUTH.get(event.value, event.value) if plain else event.value


def _refuse_tag(event: Any, line: int) -> None:
    if event.tag not in (None, "!", _TEXT_TAG):
        raise _Refused(f"line {line}: tags such as {event.tag} are not read")

"""Pages of the library: one a room in the order of the map in CONTRIBUTING.md, and the commands."""

from __future__ import annotations

import ast
import builtins
import functools
import importlib
import inspect
import re
from collections.abc import Collection, Iterator, Set
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

PROJECT = Path(__file__).resolve().parents[1]
SOURCE = PROJECT / "src" / "riskkit"

LONGEST_VALUE = 160  # letters of a constant that are shown
# what a class has of others, and is no part of how it is used here
OTHERS = "TransformerMixin, BaseEstimator, BaseModel, Mapping, Exception, tuple, dict, str"
# what others document, on pages that are not here
ELSEWHERE = re.compile(
    r"(np|numpy|pd|pandas|pa|pyarrow|pydantic|sklearn|scipy|matplotlib|nbformat|jupyter_client|typer"
    r"|anywidget|traitlets|docx|openpyxl|concurrent|functools|collections|pathlib|typing|datetime|enum)\."
    r"|(Axes|Figure|Path|Styler)$"
)
# what a signature makes of numpy's aliases -> as it is written
UNFOLDED = {
    r"~numpy\._typing\._array_like\._Buffer \| .*?\[complex \| bytes \| str\]": "ArrayLike",
    r"~numpy\.ndarray\[tuple\[~typing\.Any, \.\.\.\], ~numpy\.dtype\[([^]]+)\]\]": r"NDArray[\1]",
}


class Room(NamedTuple):
    """A room of the library, as the map in CONTRIBUTING.md has it."""

    group: str
    name: str
    question: str
    seam: str


# -- what there is ---------------------------------------------------------------------------------


@functools.cache
def rooms() -> tuple[Room, ...]:
    """Rooms of the library, in the order of the map.

    Raises
    ------
    ValueError
        Where the map and the folder of the library differ.
    """
    found: list[Room] = []
    row = re.compile(r"^\| (?:\*(\w+)\*)? ?\| `(\w+)` \| (.+?) \| (.+?) \|$", re.MULTILINE)
    for group, name, question, seam in row.findall((PROJECT / "CONTRIBUTING.md").read_text()):
        seam = "" if seam == "–" else seam
        found.append(Room(group or found[-1].group, name, question, seam))
    there = {path.stem for path in SOURCE.iterdir() if not path.name.startswith((".", "_"))}
    if odd := sorted({room.name for room in found} ^ there):
        raise ValueError(f"the map in CONTRIBUTING.md and src/riskkit differ in: {odd}")
    return tuple(found)


@functools.cache
def tree_of(path: Path) -> ast.Module:
    """Syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def leads_somewhere(target: str, module: str) -> bool:
    """Whether there is what a docstring refers to: here, in Python, or in a library we build on."""
    room, _, rest = target.partition(".")
    return bool(
        hasattr(builtins, target)
        or ELSEWHERE.match(target)
        or is_of_the_library(target, module)
        or (rest and is_of_the_library(rest, f"riskkit.{room}"))
        or (target[0].isupper() and any(target in _names_of(one.name) for one in rooms()))
    )


def is_of_the_library(target: str, module: str) -> bool:
    """Whether there is what a docstring of a module refers to, with a page of its own or without.

    Parameters
    ----------
    target : str
        As it stands in the docstring: `f`, `Class.f`, `riskkit.room.f` or `riskkit.room.file.f`.
    module : str
        The room's, such as riskkit.binning.
    """
    parts = target.split(".")
    if parts[0] == "riskkit":
        module, parts = ".".join(parts[:2]), parts[2:]
    room = module.split(".")[1] if "." in module else ""
    if len(parts) > 1 and (SOURCE / room / f"{parts[0]}.py").exists():
        parts = parts[1:]
    return bool(room) and ".".join(parts) in _names_of(room)


@functools.cache
def _names_of(room: str) -> frozenset[str]:
    """Files of a room and the names they define, those of a class as `f` and as `Class.f`."""
    names = {""}
    for path in (SOURCE / f"{room}.py", *(SOURCE / room).rglob("*.py")):
        if not path.exists():
            continue
        body = tree_of(path).body
        names |= {path.stem, *_defined(body)}
        for node in body:
            if isinstance(node, ast.ClassDef):
                members = {*_defined(node.body), *_attributes(node)}
                names |= members | {f"{node.name}.{name}" for name in members}
    return frozenset(names)


def _defined(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (name.id for name in targets if isinstance(name, ast.Name))


def _attributes(class_: ast.ClassDef) -> Iterator[str]:
    """Names that methods of a class set on `self`."""
    for node in ast.walk(class_):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


# -- a room ----------------------------------------------------------------------------------------


def room_page(room: Room) -> str:
    """Page of a room in reStructuredText: its question, its docstring, its names, each in full."""
    face = importlib.import_module(f"riskkit.{room.name}")
    lines = [room.name, "=" * len(room.name), "", f"**{room.question}**", ""]
    if room.seam:
        lines += [f"Heavy dependency behind it: {room.seam}.", ""]
    lines += [f".. automodule:: {face.__name__}", "   :no-members:", ""]
    lines += ["**Its names**", ""]
    names = list(face.__all__)
    lines += [".. list-table::", "   :class: names", "   :widths: auto", ""]
    for name in names:
        home = _home(getattr(face, name), room.name)
        first = " ".join(first_line(face, name).split())
        lines += [f"   * - :py:obj:`{name} <riskkit.{home}.{name}>`", f"     - {first}"]
    for name in names:
        # what another room has made stands on that room's page
        if _home(getattr(face, name), room.name) == room.name:
            lines += ["", *_entry(face, name)]
    return "\n".join(lines) + "\n"


def plain_signature(text: str) -> str:
    """A signature as it is written: no check of a type, no alias unfolded.

    A default that is made anew each time, or is a path of this machine, is shown as `...`.

    Examples
    --------
    >>> plain_signature("(a: list[Annotated[int, Ge(0, b=[])]] = <factory>, c: int)")
    '(a: list[int] = ..., c: int)'
    >>> plain_signature("(a: Path = PosixPath('/b'))")
    '(a: Path = ...)'
    >>> plain_signature("(a: ~numpy.ndarray[tuple[~typing.Any, ...], ~numpy.dtype[~numpy.int64]])")
    '(a: ~numpy.typing.NDArray[~numpy.int64])'
    """
    text = re.sub(r"<factory>|\w+Path\('[^']*'\)", "...", text)
    for unfolded, alias in UNFOLDED.items():
        text = re.sub(unfolded, f"~numpy.typing.{alias}", text)
    while (begin := text.find("Annotated[")) >= 0:
        depth, comma, at = 0, 0, begin + len("Annotated[")
        while depth >= 0:
            depth += (text[at] in "[(") - (text[at] in "])")
            if text[at] == "," and depth == 0 and not comma:
                comma = at
            at += 1
        text = text[:begin] + text[begin + len("Annotated[") : comma] + text[at:]
    return text


def _home(value: object, room: str) -> str:
    """Room that made a class or function; of anything else the room at hand."""
    module = getattr(value, "__module__", "") if callable(value) else ""
    return module.split(".")[1] if module.startswith("riskkit.") else room


def first_line(face: ModuleType, name: str) -> str:
    """What comes back of a name of a room's face, in the words of its docstring."""
    value = getattr(face, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        return (inspect.getdoc(value) or "").split("\n\n")[0]
    return constant_text(face, name)


def _entry(face: ModuleType, name: str) -> list[str]:
    value, whole = getattr(face, name), f"{face.__name__}.{name}"
    if inspect.isclass(value):
        return [f".. autoclass:: {whole}", "   :members:", f"   :inherited-members: {OTHERS}"]
    if inspect.isfunction(value):
        return [f".. autofunction:: {whole}"]
    shown = repr(value)
    lines = [f".. py:data:: {whole}"]
    if len(shown) <= LONGEST_VALUE and not shown.startswith("<") and "riskkit." not in shown:
        lines.append(f"   :value: {shown}")
    return [*lines, "", f"   {constant_text(face, name)}"]


@functools.cache
def _comments(room: str) -> dict[str, str]:
    """Constant of a room -> the comment above or beside it."""
    found: dict[str, str] = {}
    for path in (SOURCE / f"{room}.py", *sorted((SOURCE / room).rglob("*.py"))):
        if not path.exists():
            continue
        text = path.read_text(encoding="utf-8")
        above = re.findall(r"((?:^# .*\n)+)^([A-Z]\w*)\b[^=\n]*= ", text, re.MULTILINE)
        for comment, name in above:
            found.setdefault(name, " ".join(re.sub(r"^# ?", "", comment, flags=re.M).split()))
        for name, comment in re.findall(r"^([A-Z]\w*)\b[^=\n]*= .*?  # (.*)$", text, re.MULTILINE):
            found.setdefault(name, comment)
    return found


def constant_text(face: ModuleType, name: str) -> str:
    """What a constant holds: the comment at its definition, else its value or its first keys."""
    value = getattr(face, name)
    said = _comments(face.__name__.split(".")[1]).get(name, "")
    if said:
        return f"{said[0].upper()}{said[1:].rstrip('.')}."
    if isinstance(value, str | int | float):
        return f"``{value!r}``."
    within = sorted(value) if isinstance(value, Set) else value
    names = (
        [one for one in within if isinstance(one, str) and one]
        if isinstance(value, Collection)
        else []
    )
    shown = ", ".join(f"``{name}``" for name in names[:6])
    return f"{shown}{', …' if len(names) > 6 else ''}." if names else "A constant."


# -- the command line ------------------------------------------------------------------------------


def commands() -> dict[str, Any]:
    """Command of `riskkit` -> what typer made of it."""
    from typer.main import get_command

    from riskkit.cli import app

    return dict(get_command(app).commands)


def options(command: Any) -> dict[str, Any]:
    """Option or argument of a command, as it is typed -> what typer made of it."""
    return {
        name: parameter
        for parameter in command.params
        for name in (
            parameter.opts if parameter.param_type_name == "option" else [parameter.name.upper()]
        )
    }


def commands_page(room: Room) -> str:
    """Page of the command line in Markdown: each command with its options, from their own help."""
    from riskkit import cli

    lines = ["# cli", "", f"**{room.question}**", "", inspect.getdoc(cli) or "", ""]
    for name, command in commands().items():
        lines += [
            f"## riskkit {name}",
            "",
            command.help,
            "",
            "| option | what | by default |",
            "|---|---|---|",
        ]
        for typed, parameter in options(command).items():
            flag = getattr(parameter, "is_flag", False)
            metavar = (
                "" if flag or typed.isupper() else f" {parameter.metavar or parameter.name.upper()}"
            )
            default = "" if flag or parameter.default in (None, "") else f"`{parameter.default}`"
            default = "needed" if parameter.required else default
            text = re.sub(r"([|<])", r"\\\1", parameter.help or "")
            # else two hyphens would become a dash
            text = re.sub(r"(--[a-z]+)", r"`\1`", text)
            lines.append(f"| `{typed}{metavar}` | {text} | {default} |")
        lines.append("")
    return "\n".join(lines)

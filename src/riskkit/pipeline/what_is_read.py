"""What a notebook reads of earlier ones, found in its cells and not said a second time.

Takes a notebook's cells; gives the names that it may ask its stage for, and what it imports. Names
that stand in the code are found, through variables, lists and f-strings too; what cannot be told
from the code counts as everything. So the graph of stages may have an edge too many, and a stage
that reads by a name that was not found is refused when it does (:class:`Sees`).
"""

from __future__ import annotations

import ast
import itertools
import json
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from threading import Lock

__all__ = ["ANYTHING", "Sees", "files_named", "imports_in", "matches", "reads_in"]

ANYTHING = "*"
"""Stands in a name for any text; alone, for everything that earlier stages have left."""

_READERS = frozenset({"table", "rows", "path", "has", "can_read", "hashes", "lacking"})
_PLACES = frozenset({"earlier", "lab_layers", "run_dir"})  # through these a notebook sees all
_MOST_NAMES = 1_000  # that one expression may stand for
# CPython before 3.11.8 and 3.12.2 counts how deep it is in a tree for all threads together, and
# ends with SystemError where a collection of garbage lets another one parse (cpython#106905)
_ONE_AT_A_TIME = Lock()


@dataclass(frozen=True)
class Sees:
    """What a stage may see of a run: nothing that its notebook's code does not name.

    Parameters
    ----------
    needs : mapping of stage to file names
        What earlier stages may have left for it; ``*`` for all of it.
    reads : sequence of str
        Names it asks for, whether or not a stage leaves them.
    """

    needs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    reads: Sequence[str] = ()

    def allows(self, name: str) -> bool:
        """Whether its code names that table, column or file."""
        asked = files_named(name)
        return any(matches(read, file) for read in self.reads for file in asked)

    def as_text(self) -> str:
        """The same as one line of JSON."""
        return json.dumps({"needs": {k: [*v] for k, v in self.needs.items()}, "reads": self.reads})

    @classmethod
    def from_text(cls, text: str) -> Sees:
        """What :meth:`as_text` has written."""
        return cls(**json.loads(text))


def files_named(name: str) -> tuple[str, ...]:
    """Files that a name may stand for, names as in :func:`handover.holds`.

    Examples
    --------
    >>> files_named("truth"), files_named("applications.applied_at")
    (('truth', 'truth.parquet'), ('applications.applied_at', 'applications.applied_at.parquet', \
'applications.parquet'))
    """
    table, _, _ = name.rpartition(".")
    return (name, f"{name}.parquet", *((f"{table}.parquet",) if table else ()))


def matches(read: str, file: str) -> bool:
    """Whether a name that a notebook reads stands for that file.

    Examples
    --------
    >>> matches("bins", "bins.parquet"), matches("*.json", "binning.json"), matches("a", "b")
    (True, True, False)
    """
    return any(
        re.fullmatch(".*".join(map(re.escape, name.split(ANYTHING))), file, re.DOTALL) is not None
        for name in files_named(read)
    )


@cache
def reads_in(cells: tuple[tuple[str, tuple[str, ...]], ...]) -> tuple[str, ...]:
    """Names of tables, columns and files that a notebook may ask its stage for, sorted.

    Parameters
    ----------
    cells : tuple of (source, needs)
        The code of each cell, empty for one of text, and what its tags say it needs.

    Examples
    --------
    >>> reads_in((('both = ["a", "b"]', ()), ("[stage.table(x) for x in both]", ("c|d",))))
    ('a', 'b', 'c', 'd')
    """
    found = {name for _, needed in cells for need in needed for name in need.split("|")}
    trees = [_parsed(source) for source, _ in cells]
    if None in trees:
        return (ANYTHING,)  # a cell in IPython's own words: it may read by them, too
    nodes = [node for tree in trees if tree is not None for node in ast.walk(tree)]
    stages = {"stage", *_opened_as(nodes)}
    scope = _Scope(_given(nodes), {})
    for tree in trees:
        if tree is not None and any(_is_stage(node, stages) for node in ast.walk(tree)):
            for name in _asked(tree, stages, scope):
                found.add(ANYTHING if name is None else name)
    return (ANYTHING,) if ANYTHING in found else tuple(sorted(found))


def _parsed(source: str) -> ast.AST | None:
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # is told when the cell runs
        try:
            return ast.parse(source)
        except (SyntaxError, ValueError):
            return None


def imports_in(sources: Iterable[str]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Modules that code imports, each with what it takes of it, in order.

    Examples
    --------
    >>> imports_in(["import numpy as np", "from riskkit import plots, schema", "%magic"])
    (('numpy', ()), ('riskkit', ('plots', 'schema')))
    """
    found: dict[tuple[str, tuple[str, ...]], None] = {}
    for source in sources:
        tree = _parsed(source)
        for node in () if tree is None else ast.walk(tree):
            if isinstance(node, ast.Import):
                found |= {(alias.name, ()): None for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found[(node.module, tuple(alias.name for alias in node.names))] = None
    return tuple(found)


@dataclass(frozen=True)
class _Scope:
    """What the notebook's variables are given, and those of the comprehensions around a place."""

    given: Mapping[str, Sequence[ast.AST | None]]
    inner: Mapping[str, frozenset[str] | None]
    busy: frozenset[str] = frozenset()

    def names(self, variable: str) -> frozenset[str] | None:
        """The texts that a variable may stand for; None: nobody can tell."""
        if variable in self.inner:
            return self.inner[variable]
        values = self.given.get(variable, [None])
        if None in values or variable in self.busy:
            return None
        scope = _Scope(self.given, {}, self.busy | {variable})
        return _all_of([_names(value, scope) for value in values if value is not None])


def _opened_as(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Variables that hold the stage."""
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            called = node.value.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if name == "open_stage":
                yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _given(nodes: Iterable[ast.AST]) -> dict[str, list[ast.AST | None]]:
    """What each variable is given wherever it is, outside comprehensions; None: something else."""
    given: dict[str, list[ast.AST | None]] = {}
    stored: list[ast.Name] = []
    known: set[ast.AST] = set()
    for node in nodes:
        if isinstance(node, ast.Assign):
            pairs = [(target, node.value) for target in node.targets]
        elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr) and node.value:
            pairs = [(node.target, node.value)]
        elif isinstance(node, ast.For):
            pairs = [(node.target, node.iter)]
        elif isinstance(node, ast.comprehension):
            known |= {*ast.walk(node.target)}
            continue
        else:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                stored.append(node)
            continue
        for target, value in pairs:
            if isinstance(target, ast.Name):
                known.add(target)
                given.setdefault(target.id, []).append(value)
    for name in stored:
        if name not in known:
            given.setdefault(name.id, []).append(None)
    return given


def _asked(node: ast.AST, stages: set[str], scope: _Scope) -> Iterator[str | None]:
    """Names in calls of the stage's readers below a node; None for one that cannot be told."""
    scope = _within(node, scope)
    if isinstance(node, ast.Attribute) and _is_stage(node.value, stages) and node.attr in _PLACES:
        yield None
    if isinstance(node, ast.Call):
        called = node.func
        if (
            isinstance(called, ast.Attribute)
            and _is_stage(called.value, stages)
            and called.attr in _READERS
        ):
            for argument in _named(node, called.attr):
                yield from _names(argument, scope) or [None]
    for child in ast.iter_child_nodes(node):
        yield from _asked(child, stages, scope)


def _named(call: ast.Call, reader: str) -> list[ast.expr]:
    """Arguments that name what is read; of rows, the columns behind the name are none."""
    if reader != "rows":
        return [*call.args, *(keyword.value for keyword in call.keywords)]
    by_name = [keyword.value for keyword in call.keywords if keyword.arg != "columns"]
    return [*call.args[:1], *by_name]


def _is_stage(node: ast.AST, stages: set[str]) -> bool:
    return isinstance(node, ast.Name) and node.id in stages


_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def _within(node: ast.AST, scope: _Scope) -> _Scope:
    """The variables as a comprehension's own see them."""
    if not isinstance(node, _COMPREHENSIONS):
        return scope
    for part in node.generators:
        own = [name.id for name in ast.walk(part.target) if isinstance(name, ast.Name)]
        single = isinstance(part.target, ast.Name)
        values = _names(part.iter, scope) if single else None
        scope = replace(scope, inner={**scope.inner, **dict.fromkeys(own, values)})
    return scope


def _names(node: ast.AST, scope: _Scope) -> frozenset[str] | None:
    """The texts that an expression, or the elements of it, may be; None: nobody can tell."""
    if isinstance(node, ast.Constant):
        return frozenset({node.value}) if isinstance(node.value, str) else None
    if isinstance(node, ast.Name):
        return scope.names(node.id)
    if isinstance(node, ast.Starred | ast.FormattedValue):
        return _names(node.value, scope)
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return _all_of([_names(element, scope) for element in node.elts])
    if isinstance(node, ast.Dict):
        return _all_of([None if key is None else _names(key, scope) for key in node.keys])
    if isinstance(node, ast.IfExp):
        return _all_of([_names(node.body, scope), _names(node.orelse, scope)])
    if isinstance(node, ast.JoinedStr):
        return _joined([_names(part, scope) for part in node.values])
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts = [_names(node.left, scope), _names(node.right, scope)]
        # of two texts, or of two lists
        both = _all_of(parts)
        return None if both is None else both | (_joined(parts) or frozenset())
    return None


def _all_of(parts: Sequence[frozenset[str] | None]) -> frozenset[str] | None:
    known = [part for part in parts if part is not None]
    return frozenset().union(*known) if len(known) == len(parts) else None


def _joined(parts: Sequence[frozenset[str] | None]) -> frozenset[str]:
    """Texts put together; a part that nobody can tell is any text."""
    choices = [[ANYTHING] if part is None else sorted(part) for part in parts]
    several = itertools.islice(itertools.product(*choices), _MOST_NAMES + 1)
    texts = frozenset("".join(one) for one in several)
    return texts if len(texts) <= _MOST_NAMES else frozenset({ANYTHING})

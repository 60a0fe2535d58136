"""Which notebooks are there, what do they say of themselves, what can a source not feed.

Takes the project's folder; gives one :class:`Notebook` a file, in the order they run. What its code
does not tell, a notebook says in its file's metadata, such as
``"riskkit": {"check": "synthetic.check_world", "leaves": ["applications", "source.json"],
"findings": {"Cutoff": "Where to cut?"}}``.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from riskkit.pipeline.parameters import BadInput, Parameter, declared_parameters
from riskkit.pipeline.what_is_read import imports_in, reads_in

__all__ = [
    "TABLES",
    "Notebook",
    "cells_with_needs",
    "find_notebooks",
    "find_project",
    "first_absent",
    "home_of",
    "lack_of",
    "leave_out",
    "needs",
    "pick",
]

STAGE_NAME = re.compile(r"\d\d_\w+")
METADATA = "riskkit"
LONGEST_STAGE = 100
CHECK_NAME = re.compile(r"[a-z_]+\.[a-z_]+")
NEED_TAG = "needs:"
TABLES = {
    "applications": "one row per application",
    "performance": "one row per loan and month-end",
    "instalments": "one row per loan and instalment, with the days due and paid",
    "outcomes": "one row per loan, with how and when it ended",
    "features": "one row per feature: label, unit, family, risk direction",
    "truth": "the synthetic lender's own default probabilities",
}
COLUMNS = {
    "applied_at": "the day of an application",
    "term_months": "the months over which a loan is repaid",
    "declined_reason": "why an application was declined",
    "explored": "who was approved at random",
    "collection_group": "which loans in arrears were left alone by a draw",
    "test_group": "which offers were dealt at random to a test of price or of limits",
    "offer_limit": "how much was offered",
    "stated_income": "the income that applicants state",
    "balance": "the outstanding principal at each month-end",
    "treatment": "what was done for loans in arrears",
    "expected_loss_lifetime": "what each running loan is truly expected to lose",
    "true_pd": "the true probability of what counts as bad here",
}
# tables that are absent for what was found, not for what the source lacks
REASONS = {
    "selected": "no feature offered tells enough for a model",
    "scores": "there is no model",
    "scorecard.json": "there is no model",
    "challenger.json": "there is no model",
    "policy_rules": "nobody stated policy rules for this source; see data/README.md",
    "world.json": "its borrowers are not simulated, so nobody can ask them what if",
    "rating_scale": "there is no model to rate by; run 04_cutoffs first",
    "decisions": "there is no model to decide by; run 04_cutoffs first",
    "climate_factor": "no cash can be followed ahead; 08_provisions_funding says why",
    "rules": "no rule was left to judge; run 04_cutoffs first",
}


@dataclass(frozen=True, kw_only=True)
class Notebook:
    """One stage of the suite, as its file describes it.

    Parameters
    ----------
    name : str
        File name without suffix, such as ``02_woe_binning``.
    path : Path
    title, purpose : str
        First heading and first paragraph, as Markdown.
    parameters : dict of str to Parameter
        What the cell tagged ``parameters`` declares.
    check : str
        The function of riskkit that says whether the parameters can be, as ``module.function``;
        empty: none. It takes their values by name, gives those without effect with the reason, and
        raises ValueError.
    leaves : tuple of str
        Tables, and files with their suffix, that the notebook may leave to later ones.
    findings : mapping of str to str
        Topic of what it may find → the heading under which its page shows that, or
        ``NN_name#heading`` where another page does.
    sha256 : str
        Hash of the file's bytes.
    cells : tuple of (source, needs)
        The code of each cell, empty for one of text, and what its tags say it needs.
    """

    name: str
    path: Path
    title: str
    purpose: str
    parameters: dict[str, Parameter]
    check: str
    leaves: tuple[str, ...]
    sha256: str
    findings: Mapping[str, str] = field(default_factory=dict)
    cells: tuple[tuple[str, tuple[str, ...]], ...] = field(default=(), repr=False)

    @property
    def number(self) -> int:
        """The number the file name begins with."""
        return int(self.name[:2])

    @property
    def reads(self) -> tuple[str, ...]:
        """What its code may ask earlier stages for (:func:`what_is_read.reads_in`)."""
        return reads_in(self.cells)

    @property
    def imports(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """What its code imports."""
        return imports_in(source for source, _ in self.cells)


def find_project(start: Path | str | None = None) -> Path:
    """Folder that holds ``notebooks/``: `start` (the working folder) or the nearest one above it.

    Raises
    ------
    BadInput
        There is none.
    """
    start = Path(start or ".").resolve()
    for folder in (start, *start.parents):
        if _files(folder):
            return folder
    raise BadInput(
        f"no notebooks/NN_name.ipynb in {start} or above it; begin with: riskkit init FOLDER, "
        "or give a project's folder with --project"
    )


def home_of(name: str, *near: Path) -> Path | None:
    """The project that holds the notebook of that name; None where there is none.

    Looked for from the working folder upwards, then from the folders `near`, then from where
    riskkit is installed: a notebook may be run from anywhere, into any folder.
    """
    for start in (Path(), *near, Path(__file__)):
        try:
            project = find_project(start)
        except BadInput:
            continue
        if any(path.stem == name for path in _files(project)):
            return project
    return None


def _files(project: Path) -> list[Path]:
    return sorted(
        p for p in (project / "notebooks").glob("*.ipynb") if STAGE_NAME.fullmatch(p.stem)
    )


def find_notebooks(project: Path) -> list[Notebook]:
    """The project's notebooks in the order they run.

    Raises
    ------
    BadInput
        A notebook is not readable, two share a number, a parameters cell holds more than literals,
        or the metadata say what nobody understands.
    """
    notebooks = [_read(path) for path in _files(project)]
    numbers = [notebook.number for notebook in notebooks]
    if len(set(numbers)) < len(numbers):
        raise BadInput(f"two notebooks share a number: {[n.name for n in notebooks]}")
    return notebooks


def _read(path: Path) -> Notebook:
    content = path.read_bytes()
    try:
        notebook = json.loads(content)
        cells: list[dict[str, Any]] = notebook["cells"]
        said = _said(path.name, notebook.get("metadata", {}).get(METADATA, {}))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"{path.name} is not a notebook (nbformat 4)") from None
    tagged = [cell for cell in cells if "parameters" in _tags(cell)]
    if len(tagged) > 1:
        raise BadInput(f"{path.name} has {len(tagged)} cells tagged 'parameters', expected one")
    prose = [_source(cell) for cell in cells if cell.get("cell_type") == "markdown"]
    title, purpose = _headline("\n\n".join(prose))
    codes = [_source(cell) if cell.get("cell_type") == "code" else "" for cell in cells]
    return Notebook(
        name=path.stem,
        path=path,
        title=title or path.stem,
        purpose=purpose,
        parameters=declared_parameters(_source(tagged[0]), path.stem) if tagged else {},
        check=said.get("check", ""),
        leaves=tuple(said.get("leaves", ())),
        findings=said.get("findings", {}),
        sha256=hashlib.sha256(content).hexdigest(),
        cells=tuple((code, tuple(needs(cell))) for code, cell in zip(codes, cells, strict=True)),
    )


def _said(name: str, metadata: Any) -> dict[str, Any]:
    """Check, what is left and where findings stand, from a notebook's own metadata."""
    where = f"{name}: metadata {METADATA!r}"
    if not isinstance(metadata, dict) or not set(metadata) <= {"check", "leaves", "findings"}:
        raise BadInput(
            f"{where} must hold check, leaves and findings and nothing else, found {metadata!r}"
        )
    check, leaves = metadata.get("check", ""), metadata.get("leaves", [])
    if not isinstance(check, str) or (check and not CHECK_NAME.fullmatch(check)):
        raise BadInput(f"{where}: check must be module.function of riskkit, found {check!r}")
    if not isinstance(leaves, list) or not all(isinstance(item, str) for item in leaves):
        raise BadInput(f"{where}: leaves must be a list of names, found {leaves!r}")
    places = metadata.get("findings", {})
    texts = [*places, *places.values()] if isinstance(places, dict) else [None]
    if not all(isinstance(text, str) for text in texts):
        raise BadInput(f"{where}: findings must map topics to headings, found {places!r}")
    return metadata


def _headline(prose: str) -> tuple[str, str]:
    blocks = [block.strip() for block in re.split(r"\n\s*\n|(?<=\S)\n(?=#)", prose)]
    title = next((b for b in blocks if re.match(r"#\s", b)), "")
    heading, _, rest = title.partition("\n")
    text = [rest] if rest.strip() else [b for b in blocks if b and not b.startswith("#")]
    return heading.lstrip("#").strip(), " ".join(text[0].split()) if text else ""


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def _tags(cell: dict[str, Any]) -> list[str]:
    return list(cell.get("metadata", {}).get("tags", []))


def pick(notebooks: Sequence[Notebook], wanted: str | int) -> Notebook:
    """The notebook with that name or number (``04``, ``4``, ``04_cutoffs``).

    Raises
    ------
    BadInput
        There is none.
    """
    text = str(wanted).strip()[:LONGEST_STAGE]
    for notebook in notebooks:
        if text == notebook.name or (text.isdecimal() and int(text) == notebook.number):
            return notebook
    raise BadInput(f"no stage {text!r}; there are {', '.join(n.name for n in notebooks)}")


def needs(cell: dict[str, Any]) -> list[str]:
    """Hand-over tables and columns that a cell is tagged to need.

    ``needs:performance``, ``needs:one|other``, ``needs:applications.applied_at``.
    """
    return [tag.removeprefix(NEED_TAG) for tag in _tags(cell) if tag.startswith(NEED_TAG)]


def leave_out(
    cells: Sequence[Any], missing: dict[int, str], new_cell: Callable[[str], Any]
) -> list[Any]:
    """The cells, each run of left-out neighbours replaced by one that says why.

    Parameters
    ----------
    cells : sequence of notebook cells
    missing : dict of int to str
        Position of a cell to leave out -> the table or column it needs.
    new_cell : callable
        Makes a Markdown cell from its text.
    """
    kept: list[Any] = []
    run: list[int] = []
    for i, cell in enumerate([*cells, None]):
        if i in missing and (not run or missing[run[0]] == missing[i]):
            run.append(i)
            continue
        if run:
            kept.append(new_cell(_why(missing[run[0]], [_source(cells[j]) for j in run])))
        run = [i] if i in missing else []
        if not run and cell is not None:
            kept.append(cell)
    return kept


def cells_with_needs(path: Path) -> dict[str, Any]:
    """A notebook's code cells that need something, by their id and by their source.

    Where cells of the same source need different things, only the ids tell them apart.
    """
    cells = [c for c in json.loads(path.read_bytes())["cells"] if c.get("cell_type") == "code"]
    needs_of: dict[str, set[tuple[str, ...]]] = {}
    for cell in cells:
        needs_of.setdefault(_source(cell).strip(), set()).add(tuple(needs(cell)))
    found = {}
    for cell in cells:
        if needs(cell):
            found[cell.get("id", "")] = cell
            if len(needs_of[_source(cell).strip()]) == 1:
                found[_source(cell).strip()] = cell
    return found


def first_absent(cell: dict[str, Any], has: Callable[[str], bool]) -> str | None:
    """The first need of a cell that is not met; None where all are, or it has none."""
    for need in needs(cell):
        if not any(has(name) for name in need.split("|")):
            return need
    return None


def lack_of(need: str) -> str:
    """What is lacking where a table, file or column that is needed is not there, in words."""
    if need in REASONS:
        return REASONS[need]
    table, _, column = need.partition(".")
    is_column = table in TABLES and bool(column)
    kinds = COLUMNS if is_column else TABLES
    names = [column] if is_column else need.split("|")
    files = not is_column and all("." in name for name in names)
    absent = " or ".join(f"`{name}`" for name in names) + ("" if is_column or files else " table")
    told = "; ".join(kinds[name] for name in names if name in kinds)
    described = f" ({told})" if told else ""
    where = f" in its `{table}`" if is_column else ""
    return f"this source has no {absent}{described}{where}"


def _why(need: str, sources: Sequence[str]) -> str:
    heading = next(
        (line for s in sources for line in s.splitlines() if re.match(r"#{1,6}\s", line)), ""
    )
    reason = f"*Skipped: {lack_of(need)}.*"
    return f"{heading}\n\n{reason}" if heading else reason

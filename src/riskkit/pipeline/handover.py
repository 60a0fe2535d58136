"""Hand-over: how a notebook finds what earlier ones left, and where it leaves its own.

A run is a folder with one folder a stage; tables in it are parquet, everything else is a file
under its own name. A notebook reads and writes through its :class:`Stage`, in JupyterLab and under
the runner alike.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riskkit.columns import verbatim
from riskkit.pipeline.folders import own_folder
from riskkit.pipeline.lab_layers import base_run, not_outdated, stage_folders
from riskkit.pipeline.large_tables import (
    leave_parts,
    leave_sample,
    leave_table,
    rows_or_sample,
    sample_text,
    sampled_ids,
)
from riskkit.pipeline.manifest import is_in_parts, is_left, read_manifest, write_text
from riskkit.pipeline.notebooks import (
    STAGE_NAME,
    Notebook,
    find_notebooks,
    home_of,
    lack_of,
    pick,
)
from riskkit.pipeline.parameters import OWN, BadInput
from riskkit.pipeline.rule_files import policy_path, refuse_policy
from riskkit.pipeline.what_is_read import Sees
from riskkit.tables import Table, hash_file, write_json

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "FINDINGS",
    "KEY_FIGURES",
    "LAB",
    "Stage",
    "TableMissing",
    "holds",
    "require_as_left",
    "run_files",
]

KEY_FIGURES = "key_figures.json"
FINDINGS = "findings.json"
LAB = "lab"
DECISIONS = "decisions"  # in the lab's folder
# in a stage's folder in the lab: when its notebook was last opened, and when the opening was that
# came to an end; what is older than that is of another source or other parameters
OPENED, SINCE = ".opened", ".since"
WHOLE = {
    "performance": "loan_id",
    "instalments": "loan_id",
}  # tables of several rows a loan, sorted by it


class TableMissing(LookupError):
    """An earlier notebook has not run yet, or the source has no such table.

    Parameters
    ----------
    message : str
    run_first : str
        The notebook that would leave it; empty: none would.
    """

    def __init__(self, message: str, run_first: str = "") -> None:
        super().__init__(message)
        self.run_first = run_first

    def _render_traceback_(self) -> list[str]:
        # one line in JupyterLab: what to do, not where it happened
        return [str(self)]


@dataclass(frozen=True)
class Stage:
    """One notebook's access to a run.

    Parameters
    ----------
    name : str
        The notebook's name, such as ``03_models``.
    output_dir : Path
        Where it writes.
    run_dir : Path or None
        The run it reads; None in JupyterLab: the lab's folder, over the latest run.
    sees : Sees or None
        What of the run it may see; None, where no runner started it: all that is before it.
    """

    name: str
    output_dir: Path
    run_dir: Path | None = None
    sees: Sees | None = None

    @property
    def run(self) -> str:
        """Name of the run it works in; "lab" in JupyterLab."""
        return (self.run_dir or self.output_dir.parent).name

    def table(self, *names: str) -> Table:
        """The first of these tables that an earlier stage left, as a handle on its rows.

        Blocks of ``performance`` hold whole loans.

        Raises
        ------
        TableMissing
            None is there; says which notebook to run first, or that this source has none.
        """
        return _table(self._find(*(f"{name}.parquet" for name in names)))

    def path(self, filename: str) -> Path:
        """Path of a file that an earlier stage left.

        Raises
        ------
        TableMissing
            It is not there.
        """
        return self._find(filename)

    def has(self, name: str) -> bool:
        """Whether an earlier stage left that table, column or file; names as in :func:`holds`.

        Raises
        ------
        TableMissing
            The notebook that may leave it has not run yet, so that nobody knows.
        """
        self._require_named(name)
        found = any(holds(folder, name) for folder in self.earlier())
        if not found and (lacking := self.lacking(name)).run_first:
            raise lacking
        return found

    def can_read(self, name: str) -> bool:
        """Whether an earlier stage, or this one, has left that; names as in :func:`holds`.

        In the lab, what this stage left before it was opened this time does not count.
        """
        self._require_named(name)
        earlier = any(holds(folder, name) for folder in self.earlier())
        return earlier or holds(self.output_dir, name, since=OPENED)

    def open_in_lab(self) -> None:
        """Note that what is left from now on is of this opening."""
        (self.output_dir / OPENED).touch()

    def lacking(self, need: str) -> TableMissing:
        """Why a table, column or file that no earlier stage left is not there.

        Parameters
        ----------
        need : str
            As the tag of a cell names it: ``truth``, ``performance|outcomes``,
            ``applications.applied_at``.
        """
        wanted = {part for name in need.split("|") for part in (name, name.partition(".")[0])}
        done = {folder.name for folder in self.earlier()}
        earlier = self._notebooks_before()
        writers = [n for n in earlier if wanted & set(n.leaves) and n.name not in done]
        if not writers:
            return TableMissing(lack_of(need))
        return _to_run(self.name, need.split("|"), writers[0].name)

    def rows(self, name: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Rows of a table that an earlier stage left, for what needs single rows.

        All of them; of a table in parts, those of the sampled customers, and
        :attr:`sample_text` says so. Rows of all tables are of the same customers.

        Raises
        ------
        TableMissing
            The table is not there; says which notebook to run first, or that this source has none.
        DataContractError
            A column is missing, or there are too many rows and no sample.
        """
        return rows_or_sample(self._find(f"{name}.parquet"), columns)

    @property
    def sample_text(self) -> str:
        """How many of the applications :meth:`rows` reads, in a sentence; empty: all."""
        return sample_text(self._find("applications.parquet"))

    def of_sample(self, said: str) -> str:
        """What was said of single rows; of a sample it begins by saying so.

        Amounts and numbers of the sample are a small part of those of all: a page that tells both
        must not let one be taken for the other.
        """
        return f"*Of the sample:* {said}" if said and self.sample_text else said

    def sampled_findings(
        self, told: Sequence[tuple[str, str, bool]]
    ) -> list[tuple[str, str, bool]]:
        """Findings of single rows, as :meth:`findings` takes them; those of a sample say so."""
        mark = "of the sample: " if self.sample_text else ""
        return [(topic, f"{mark}{text}", red) for topic, text, red in told]

    def write(self, name: str, table: pd.DataFrame | Table) -> Table:
        """Leave a table to later stages, whole or not at all; returns a handle on its rows."""
        return _table(leave_table(table, self.output_dir / f"{name}.parquet"))

    def write_each(
        self,
        name: str,
        fn: Callable[[pd.DataFrame], pd.DataFrame],
        source: Table,
        columns: Sequence[str] | None = None,
    ) -> Table:
        """Leave what `fn` makes of each piece of a table, and the sampled customers' rows of it.

        Parameters
        ----------
        name : str
            Of the table to leave.
        fn : callable
            From rows to rows, in their order; picklable, as of :func:`riskkit.partitions.each`.
        source : Table
        columns : sequence of str, optional
            Of the source, those that `fn` needs, as far as it has them.
        """
        path = self.output_dir / f"{name}.parquet"
        # what lies beside parts is in no folder, and its sample is to be left all the same
        in_parts = bool(self.sample_text)
        leave_parts(fn, source, path, columns, in_parts=in_parts)
        if in_parts:
            leave_sample(path, self.rows("applications", ["application_id"])["application_id"])
        return _table(path)

    def derived(
        self,
        name: str,
        fn: Callable[[pd.DataFrame], pd.DataFrame],
        source: pd.DataFrame | Table,
        columns: Sequence[str] | None = None,
    ) -> pd.DataFrame | Table:
        """What `fn` makes of a table's rows, for this notebook alone: a frame, or parts of one.

        A frame, or a table in one file, gives a frame. What is in parts gives parts, in the run's
        :meth:`cache`.

        Parameters
        ----------
        name, fn, columns
            As of :meth:`write_each`.
        source : DataFrame or Table
        """
        if isinstance(source, Table) and source.folder is None:
            there = source.columns if columns is None else columns
            source = source.frame([one for one in there if one in source.columns])
        if not isinstance(source, Table):
            return fn(source)
        path = self.cache(f"{self.name}-{name}") / f"{name}.parquet"
        leave_parts(fn, source, path, columns)
        return _table(path)

    def leave_samples(self, n: int) -> str:
        """Put the rows of at most `n` applications beside each table in parts that this stage left.

        Parameters
        ----------
        n : int
            Of whole customers, chosen by a hash of their id; 0: no sample.

        Returns
        -------
        str
            How many of the applications they are, in a sentence; empty where all are read.

        Raises
        ------
        ValueError, DataContractError
            Of :func:`large_tables.sampled_ids`.
        """
        path = self.output_dir / "applications.parquet"
        ids = sampled_ids(Table(path), n) if is_in_parts(path) else None
        for table in sorted(self.output_dir.glob("*.parquet")) if ids is not None else ():
            if is_in_parts(table):
                leave_sample(table, ids)
        return sample_text(path)

    def sampled(self, table: pd.DataFrame | Table) -> pd.DataFrame:
        """Rows of a table that this stage has left: all, or of one in parts those of its sample.

        Raises
        ------
        DataContractError
            There are too many rows and no sample.
        """
        if not isinstance(table, Table):
            return table
        return table.frame() if table.folder is None else rows_or_sample(table.folder)

    def scratch(self, name: str) -> Path:
        """An empty place within the stage's own folder, for parts that are then handed over.

        It is no output, and what an earlier attempt has left in it goes.
        """
        path = self.output_dir / f".{name}"
        shutil.rmtree(path, ignore_errors=True)
        return path

    def cache(self, name: str) -> Path:
        """A folder of the run for what can be made again, made where it is absent.

        It is no output: nothing in it is hashed, handed over or shown, and it goes with the run.
        Owner and group may read it.
        """
        run_dir = self.output_dir.parent if self.run_dir is None else self.run_dir
        return own_folder(run_dir / f".{name}")

    def decisions(self, filename: str, source: str) -> Path | None:
        """Where JupyterLab keeps what has been decided by hand; None in a run, which takes a file.

        The folder is beside the lab's stages, so that no notebook run again writes over it.

        Parameters
        ----------
        filename : str
        source : str
            Name of the source: what was decided about one says nothing of another.
        """
        if self.run_dir is not None:
            return None
        of_source = re.sub(r"[^\w\-]", "_", source)[:100]
        return own_folder(self.output_dir.parent / DECISIONS / of_source) / filename

    def policy(self, given: str, source: str) -> Path | None:
        """The policy file whose rules count: the one given, else the project's for the source.

        Parameters
        ----------
        given : str
            A path; empty: ``data/policies/NAME.yaml`` of the source, where there is one.
        source : str
            Name of the source.

        Raises
        ------
        BadInput, DataContractError
            It cannot be read.
        """
        path = policy_path(home_of(self.name, self.output_dir), source, given)
        if path is not None:
            refuse_policy(path)
        return path

    def output(self, filename: str) -> Path:
        """Where to save a file for later stages, such as a model.

        A ``.html`` or ``.docx`` file is a document: the report shows it beside the stage's page.

        Raises
        ------
        BadInput
            The report has a page of that name.
        """
        stem, _, suffix = filename.rpartition(".")
        if suffix == "html" and (stem == "index" or STAGE_NAME.fullmatch(stem)):
            raise BadInput(f"{filename} is a page of the report; give the document another name")
        return self.output_dir / filename

    def write_text(self, filename: str, text: str) -> Path:
        """Leave a file of text, such as a document, whole or not at all; names as for output."""
        path = self.output(filename)
        write_text(path, text)
        return path

    def hashes(self, *filenames: str) -> dict[str, str]:
        """File name -> sha256 of what this stage, or else the nearest earlier one, has left.

        Raises
        ------
        TableMissing
            One is not there.
        """
        own = {name: self.output_dir / name for name in filenames}
        return {
            name: hash_file(path if is_left(path) else self._find(name))
            for name, path in own.items()
        }

    def parameters(self, values: Mapping[str, Any]) -> pd.DataFrame:
        """What the notebook's parameters are set to.

        Parameters
        ----------
        values : mapping of str to Any
            The notebook's variables, such as ``globals()``.

        Returns
        -------
        DataFrame, index parameter
            value and meaning, as text; without the run's own folders.
        """
        import pandas as pd

        notebook = self._notebook()
        if notebook is None:
            raise BadInput(f"no notebook {self.name} in {Path().resolve()} or above it")
        rows = {
            name: {"value": str(values[name]) or "–", "meaning": parameter.help}
            for name, parameter in notebook.parameters.items()
            if name not in OWN
        }
        table = pd.DataFrame.from_dict(rows, orient="index", columns=["value", "meaning"])
        return table.rename_axis("parameter")

    def key_figures(self, figures: Mapping[str, str], trends: pd.DataFrame | None = None) -> None:
        """Leave the stage's key figures to the index page.

        Parameters
        ----------
        figures : mapping of label to formatted text
        trends : DataFrame, index month, oldest first; a column a label, optional
            How these figures went; missing in months that are not matured.
        """
        told: dict[str, Any] = {str(label): str(text) for label, text in figures.items()}
        for label, trend in ({} if trends is None else trends).items():
            points = {str(month): float(value) for month, value in trend.dropna().items()}
            if len(points) > 1 and len(set(points.values())) > 1:
                told[str(label)] = {"text": told[str(label)], "trend": points}
        opened = self.output_dir / OPENED
        if opened.is_file():  # the end of an opening in the lab
            since, when = self.output_dir / SINCE, opened.stat().st_mtime_ns
            since.touch()
            os.utime(since, ns=(when, when))
        write_json(self.output_dir / KEY_FIGURES, told)

    def findings(self, told: Sequence[tuple[str, str, bool]]) -> str:
        """Leave what deserves attention to the index page; the same as a Markdown list.

        Parameters
        ----------
        told : sequence of (topic, text, is_red)
            In plain words; red is what a test rejects or a rule forbids. Under which heading each
            topic stands is in the notebook's metadata; who owns it, in ``data/limits.yaml``.
        """
        ordered = sorted(told, key=lambda row: not row[2])
        declared = self._notebook()
        places = declared.findings if declared else {}
        rows = [
            {"topic": topic, "text": text, "red": bool(red), "section": places.get(topic, "")}
            for topic, text, red in ordered
        ]
        write_json(self.output_dir / FINDINGS, rows)
        return "\n".join(
            f"- {'red' if red else 'amber'}: **{verbatim(topic)}**, {verbatim(text)}"
            for topic, text, red in ordered
        )

    def project_file(self, path: str) -> Path:
        """Path of a file of the project, such as ``data/caps.yaml``.

        Raises
        ------
        BadInput
            There is no such project, or no such file in it.
        """
        project = home_of(self.name, self.output_dir)
        if project is None or not (project / path).is_file():
            raise BadInput(f"{self.name} needs {path} of the project that holds it")
        return project / path

    def owners(self) -> dict[str, str]:
        """Who owns each topic of findings, by the project's limits file; nobody without one."""
        # what reads findings reads stages
        from riskkit.pipeline.findings import limits_of

        project = home_of(self.name, self.output_dir)
        assigned = {} if project is None else limits_of(project).findings
        return {topic: one.owner for topic, one in assigned.items()}

    def _notebook(self) -> Notebook | None:
        """The notebook's own description; None outside a project."""
        project = home_of(self.name, self.output_dir)
        return None if project is None else pick(find_notebooks(project), self.name)

    def earlier(self) -> list[Path]:
        """Folders of the stages before this one, nearest first; under a runner, of those needed."""
        if self.run_dir is not None and self.sees is not None:
            # the runner starts no stage before those that it needs are done
            needed = [self.run_dir / name for name in sorted(self.sees.needs, reverse=True)]
            return [folder for folder in needed if folder.is_dir()]
        if self.run_dir is not None:
            return stage_folders(self.run_dir, self.name)
        own, _, below = self.lab_layers()
        return sorted(own + below, key=lambda folder: folder.name, reverse=True)

    def lab_layers(self) -> tuple[list[Path], Path | None, list[Path]]:
        """Stages redone in the lab, the run below them, and what of its stages still counts."""
        lab = self.output_dir.parent
        own = stage_folders(lab, self.name)
        base = base_run(lab, remembered=bool(own))
        redone = {folder.name for folder in own}
        return own, base, [] if base is None else not_outdated(base, self.name, redone)

    def _find(self, *filenames: str) -> Path:
        self._require_named(*filenames)
        folders = self.earlier()
        for filename in filenames:
            for folder in folders:
                if _is_left(folder / filename):
                    return folder / filename
        raise self._missing(filenames, {folder.name for folder in folders})

    def _require_named(self, *names: str) -> None:
        """Refuse to look for what the order of stages, and what is up to date, know nothing of."""
        for name in names:
            if self.sees is not None and not self.sees.allows(name):
                asked = name.removesuffix(".parquet")
                raise BadInput(
                    f"{self.name} reads {asked!r}, which nothing in its notebook's cells says: "
                    f'name it there as it stands, such as stage.has("{asked}"), so that it runs '
                    "after what leaves it and again when that has changed"
                )

    def _notebooks_before(self) -> list[Notebook]:
        """The notebooks before this one; under a runner, those that it needs."""
        earlier = _earlier_notebooks(self.name, self.output_dir)
        return [n for n in earlier if self.sees is None or n.name in self.sees.needs]

    def _missing(self, filenames: tuple[str, ...], done: set[str]) -> TableMissing:
        names = [f.removesuffix(".parquet") for f in filenames]
        earlier = self._notebooks_before()
        writers = [n for n in earlier if any(name in n.leaves for name in names)]
        first = next((n.name for n in writers or earlier if n.name not in done), None)
        if first is None:
            return TableMissing(lack_of("|".join(names)))
        return _to_run(self.name, names, first)


def _to_run(name: str, wanted: Sequence[str], first: str) -> TableMissing:
    told = " or ".join(f"`{one}`" for one in wanted)
    return TableMissing(f"{name} needs {told}: run {first} first", first)


def run_files(run_dir: Path, *filenames: str) -> list[Path]:
    """Files that a run's finished stages have left, each held to the run's manifest.

    Raises
    ------
    TableMissing
        No finished stage has left one.
    BadInput
        One is not as the run left it.
    """
    # as a stage behind all others finds them: not where a stage failed or is stale
    stage = Stage("99_none", run_dir, run_dir=run_dir)
    paths = [stage.path(name) for name in filenames]
    stages = read_manifest(run_dir).get("stages", {})
    # the lab's folder has no manifest
    for path in paths if stages else ():
        require_as_left(path, stages[path.parent.name]["outputs"].get(path.name), run_dir)
    return paths


def require_as_left(path: Path, sha256: str | None, run_dir: Path) -> None:
    """Refuse a file of a run that its manifest does not know, or that has changed since.

    Raises
    ------
    BadInput
    """
    if not is_left(path) or hash_file(path) != sha256:
        raise BadInput(f"{path} is not as run {run_dir.name} left it: run it again")


def holds(folder: Path, name: str, since: str = SINCE) -> bool:
    """Whether a stage's folder has that.

    Parameters
    ----------
    folder : Path
    name : str
        A table (``truth``), a column of one (``applications.applied_at``) or a file
        (``binning.json``).
    since : str
        The file in the folder that says from when on a file counts, where there is one.
    """
    if _is_left(folder / name, since) or _is_left(folder / f"{name}.parquet", since):
        return True
    table, _, column = name.rpartition(".")
    path = folder / f"{table}.parquet"
    if not _is_left(path, since):
        return False
    return column in Table(path).columns


def _is_left(path: Path, since: str = SINCE) -> bool:
    """Whether the file is there, and in the lab no older than the opening that came to an end."""
    stamp = path.with_name(since)
    if not is_left(path) or not stamp.is_file():
        return is_left(path)
    return path.stat().st_mtime_ns >= stamp.stat().st_mtime_ns


def _table(path: Path) -> Table:
    """Handle on the rows of a table that a stage has left."""
    return Table(path, whole=WHOLE.get(path.stem))


def _earlier_notebooks(name: str, near: Path) -> list[Notebook]:
    project = home_of(name, near)
    return [] if project is None else [n for n in find_notebooks(project) if n.name < name]

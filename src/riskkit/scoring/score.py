"""Score every row of a file that has a score, and say of every other row why it has none.

Takes a model, a file and perhaps its owner's mapping; gives a file of scores, a side file, and
their numbers of rows.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from riskkit.challenger import Challenger
from riskkit.checks import DataContractError
from riskkit.schema import Feature, read_mapping
from riskkit.scorecard import Scorecard
from riskkit.scoring import cells
from riskkit.scoring.coding import ID, Coding, Levels, RunCoding, SourceCoding
from riskkit.scoring.reading import Block, Input, open_input
from riskkit.scoring.record import ScoresRecord, Watched, hash_files, record_path, replaced_hashes
from riskkit.scoring.writing import ScoreWriter, SideFile
from riskkit.tables import Files, as_parts, read_json, scratch_folder

__all__ = ["Model", "ScoringResult", "check_reasons", "load_model", "model_levels", "score_file"]

MOST_REASONS = 100
KINDS = (".parquet", ".csv", ".csv.gz")
_MODELS = (Scorecard, Challenger)

Model = Scorecard | Challenger


@dataclass(frozen=True)
class ScoringResult:
    """What became of a file.

    Parameters
    ----------
    n_rows, n_scored, n_rejected : int
        The first is the sum of the others.
    output : Path
    rejected : Path or None
        The side file; None where no row was rejected.
    unseen : dict of feature to int
        Scored rows with a level that the model has never seen.
    """

    n_rows: int
    n_scored: int
    n_rejected: int
    output: Path
    rejected: Path | None = None
    unseen: dict[str, int] = field(default_factory=dict)


def load_model(path: str | Path) -> Model:
    """Model of a JSON file, a scorecard or a challenger.

    Raises
    ------
    DataContractError
        The file is not there, damaged, altered, no such model, or of another version.
    """
    values = read_json(path)
    kind = values.get("kind") if isinstance(values, dict) else None
    for model in _MODELS:
        if kind == model.json_kind:
            try:
                return model.from_json(values)
            except DataContractError as error:
                raise DataContractError(Path(path).name, error.violations) from error
    names = " or ".join(model.json_kind for model in _MODELS)
    raise DataContractError(Path(path).name, [f"expected a {names}, found {kind!r}"])


def score_file(
    model: Model | str | Path,
    input: str | Path | Sequence[str | Path],
    output: str | Path,
    *,
    mapping: str | Path | None = None,
    n_reasons: int = 0,
    features: Sequence[Feature] | None = None,
    rejected: str | Path | None = None,
    rows: int | None = None,
    progress: bool = True,
) -> ScoringResult:
    """Numbers of rows scored and rejected; writes the scores, and the rejected to a side file.

    The output has, in the order of the input, `application_id` (text), `credit_score` (whole
    number), `default_probability` and `reason_1`, ..., which are those of the model itself on each
    row, whatever the blocks. It appears whole or not at all, as does the side file, just before it,
    and a record of both, ``scores.csv.record.json``: hashes of model and input, rows read, scored
    and rejected.

    The input is named and coded as a run's `applications.parquet`, or, with a `mapping`, as its
    owner names and codes it. A row is rejected, with every reason there is, where

    - its `application_id` is missing, or repeats that of an earlier row, rejected or not;
    - a number is none, such as text, or infinite; a level or id is no UTF-8;
    - a cell says nothing by the mapping's rule for it; the reason names the key that would read it;
    - a CSV line has too many or too few fields.

    A blank cell is a missing value, which the models know. A level never seen in training has its
    own points; it is counted, not rejected.

    Parameters
    ----------
    model : Scorecard, Challenger or path
        A fitted one, or the JSON file of one.
    input : path or sequence of paths
        ``.parquet``, ``.csv``, ``.csv.gz`` or a folder of parts; with a mapping, ``.xlsx``, too,
        which is first copied to a temporary folder. Other columns are not read.
    output : path
        ``.parquet``, ``.csv`` or ``.csv.gz``; an older output of that name is replaced, as long as
        nobody has changed it, and no other file is.
    mapping : path, optional
        The mapping of the source that the run was made from. Columns of the application that the
        model needs, features and their codes, encoding, delimiter and sheet are read as it says.
        Without an id in it, the number of the row is the id. Its row filters and its rule for
        duplicates are not applied: every row of the input is to be scored.
    n_reasons : int
        Reasons for each score, in words, the costliest first.
    features : sequence of Feature, optional
        The catalogue, for the words of the reasons: labels, units, the meaning of special codes.
    rejected : path, optional
        The side file, always CSV, in the mapping's encoding and delimiter: `row` (from 1, without
        the header), `reasons`, and the columns read, as they were. By default beside the output,
        ``scores.rejected.csv`` for ``scores.parquet``. Where no row is rejected there is none, nor
        an older one.
    rows : int, optional
        Rows of a block at most; by default some 64 MiB of parquet or 4 MiB of CSV.
    progress : bool
        Show a bar on stderr where that is a terminal.

    Returns
    -------
    ScoringResult

    Raises
    ------
    DataContractError
        A file is missing, damaged, or of an unknown kind; a column is missing or cannot hold what
        the model needs; the mapping is not valid, or does not know a feature of the model as the
        model has it; a file would be replaced that is no earlier output; the input changes while
        it is read. Nothing is written.
    ValueError
        `n_reasons` or `rows` is out of range.

    Notes
    -----
    Memory holds a block, and 8 bytes a row to know ids that repeat; see
    :class:`riskkit.scoring.cells.SeenIds`.

    Source
    ------
    riskkit definition.
    """
    check_reasons(n_reasons)
    if rows is not None and rows < 1:
        raise ValueError(f"rows must be at least 1, got {rows!r}")
    read_only = [Path(mapping)] if mapping is not None else []
    if isinstance(model, str | Path):
        read_only.append(Path(model))
        model = load_model(model)
    known = model_levels(model)
    files = Files(input)
    coding: Coding = RunCoding(known, is_csv=files.kind == "CSV")
    if mapping is not None:
        described = read_mapping(mapping)
        # files in_contract are named and coded as in a run
        if not described.in_contract:
            coding = SourceCoding(known, described, Path(mapping).name)
    output = Path(output)
    if not output.name.lower().endswith(KINDS):
        kinds = ", ".join(KINDS)
        raise DataContractError(
            str(output)[-80:], [f"unknown kind of file {output.suffix!r}; expected {kinds}"]
        )
    side_path = _side_path(output) if rejected is None else Path(rejected)
    record = record_path(output)
    _check_paths(output, side_path, record, files)
    outputs, read = [output, side_path], [*files.paths, *read_only]
    watched = Watched([*outputs, record, *read])
    replaces = replaced_hashes(record, outputs, read)
    counts: Counter[str] = Counter()
    unseen: Counter[str] = Counter()
    schema = _schema(n_reasons)
    seen = cells.SeenIds()
    with (
        ThreadPoolExecutor(1) as beside,
        _opened(input, files, coding) as source,
        ScoreWriter(output, schema) as scores,
        SideFile(side_path, coding.columns, coding.encoding, coding.delimiter) as side,
    ):
        of_input = beside.submit(hash_files, files.paths)
        for block in _shown(source, source.blocks(coding.columns, rows), progress):
            judged = _Judged(block, coding, seen)
            side.write(judged.rejected())
            counts["rejected"] += len(judged.reasons) + len(block.broken)
            if judged.good.any():
                table = _scored(model, judged, n_reasons, features, schema)
                scores.write(table)
                counts["scored"] += len(table)
                unseen.update(judged.unseen(known))
        if source.n_rows != counts["scored"] + counts["rejected"]:
            # of a file that is damaged, or by a fault of ours: either way nothing is written
            raise DataContractError(
                source.name,
                [
                    f"{source.n_rows:,} rows by its own count, but {counts['scored']:,} scored "
                    f"and {counts['rejected']:,} rejected: it is damaged, or rows were lost"
                ],
            )
        scores.finish()
        side.finish()
        found = ScoresRecord.made(
            model=model.json_kind,
            model_sha256=model.to_json()["sha256"],
            input_sha256=of_input.result(),
            mapping_sha256=None if mapping is None else hash_files([Path(mapping)]),
            n_rows=source.n_rows,
            n_scored=counts["scored"],
            n_rejected=counts["rejected"],
            n_reasons=n_reasons,
            scores_sha256=scores.content_hash(),
            rejected_sha256=side.content_hash() if counts["rejected"] else None,
            replaces=replaces,
        )
        watched.require_unchanged()
        # first the record, which knows what is there before and after: whenever this process is
        # killed, the next one knows its files
        found.save(record)
        # a full disk cannot part the two files any more
        if counts["rejected"]:
            side.publish()
        else:
            side_path.unlink(missing_ok=True)  # of an earlier file
        scores.publish()
    return ScoringResult(
        source.n_rows,
        counts["scored"],
        counts["rejected"],
        output,
        side_path if counts["rejected"] else None,
        {name: n for name, n in unseen.items() if n},
    )


def check_reasons(n_reasons: int) -> None:
    """Refuse a number of reasons that no score has.

    Raises
    ------
    ValueError
    """
    if not 0 <= n_reasons <= MOST_REASONS:
        raise ValueError(f"n_reasons must be at least 0, at most {MOST_REASONS}, got {n_reasons!r}")


@contextmanager
def _opened(
    input: str | Path | Sequence[str | Path], files: Files, coding: Coding
) -> Iterator[Input]:
    """The rows of the input, which can be scored; a sheet of a workbook by way of parts of text."""
    with ExitStack() as stack:
        if files.kind == "Excel" and coding.sheet is not None:
            folder = stack.enter_context(scratch_folder()) / "parts"
            as_parts(input, folder, columns=coding.columns, sheet=coding.sheet)
            input = folder
        source = open_input(input, coding.encoding, coding.delimiter)
        source.name = files.name
        source.require(coding.columns)
        coding.require(source.types, source.name)
        yield source


class _Judged:
    """Cells of a block as the model takes them, and the rows it cannot take."""

    def __init__(self, block: Block, coding: Coding, seen: cells.SeenIds):
        self._block = block
        self.reasons: dict[int, list[str]] = {}
        decoded = {name: cells.decoded(block.table.column(name)) for name in coding.columns}
        self._read = {name: array for name, (array, _) in decoded.items()}
        coded = coding.coded(decoded, block.numbers)
        self.ids, self._features = coded.ids, coded.features
        self._note(coded.id_name, coded.no_id)
        there = np.ones(len(self.ids), dtype=bool)
        there[list(coded.no_id)] = False
        again = np.flatnonzero(there)[seen.repeated(self.ids.filter(pa.array(there)))]
        repeats = {
            at: f"{self.ids[at].as_py()!r} repeats an earlier row's" for at in again.tolist()
        }
        self._note(coded.id_name, repeats)
        for name, bad in coded.faults:
            self._note(name, bad)
        self.good = np.ones(len(self.ids), dtype=bool)
        self.good[list(self.reasons)] = False

    def frame(self) -> pd.DataFrame:
        """Features of the good rows."""
        frame = pd.DataFrame(self._features, copy=False)
        return frame if self.good.all() else frame[self.good].reset_index(drop=True)

    def unseen(self, features: Levels) -> dict[str, int]:
        """Good rows with a level that the model does not know."""
        found = {}
        for name, known in features.items():
            values = self._features[name]
            if known is not None and isinstance(values, pd.Categorical):
                strange = np.append(~values.categories.isin(list(known)), False)
                found[name] = int(strange[values.codes[self.good]].sum())
        return found

    def rejected(self) -> Iterator[tuple[int, list[str], list[object]]]:
        """Number, reasons and cells of each bad row, in the order of the input."""
        at = sorted(self.reasons)
        # the texts that ids and levels go by: the row means the same when it is scored again
        read = [
            cells.texts_of(array.take(pa.array(at, pa.int64()))).to_pylist()
            for array in self._read.values()
        ]
        found = [
            (int(self._block.numbers[row]), self.reasons[row], list(line))
            for row, line in zip(at, zip(*read, strict=True), strict=True)
        ]
        found += [(number, [reason], []) for number, reason in self._block.broken]
        yield from sorted(found, key=lambda row: row[0])

    def _note(self, name: str, bad: cells.Reasons) -> None:
        for at, reason in bad.items():
            self.reasons.setdefault(int(at), []).append(f"{name}: {reason}")


def _scored(
    model: Model,
    judged: _Judged,
    n_reasons: int,
    features: Sequence[Feature] | None,
    schema: pa.Schema,
) -> pa.Table:
    frame = judged.frame()
    good = judged.ids if judged.good.all() else judged.ids.filter(pa.array(judged.good))
    columns = [good, *(column.to_numpy() for _, column in model.scored(frame).items())]
    if n_reasons:
        texts = np.full((len(frame), n_reasons), None, dtype=object)
        found = model.reasons(frame, n_reasons, features=features)["reason"]
        row, rank = (found.index.get_level_values(k).to_numpy() for k in ("row", "rank"))
        texts[row, rank - 1] = found.to_numpy(dtype=object)
        columns += list(texts.T)
    return pa.table(
        [pa.array(values, kind.type) for values, kind in zip(columns, schema, strict=True)],
        schema=schema,
    )


def model_levels(model: Model) -> Levels:
    """Known levels of each feature of a model; None for a number."""
    if isinstance(model, Scorecard):
        groups = {name: model.binner_.bins_[name].groups for name in model.points_}
        return {
            name: None if found is None else frozenset(level for g in found for level in g)
            for name, found in groups.items()
        }
    return {
        name: frozenset(model.levels_[name]) if name in model.levels_ else None
        for name in model.feature_names_in_
    }


def _schema(n_reasons: int) -> pa.Schema:
    fields = {ID: pa.string(), "credit_score": pa.int64(), "default_probability": pa.float64()}
    fields |= {f"reason_{rank}": pa.string() for rank in range(1, n_reasons + 1)}
    return pa.schema(fields)


def _side_path(output: Path) -> Path:
    stem = next((output.name[: -len(k)] for k in KINDS if output.name.lower().endswith(k)), "")
    return output.with_name(f"{stem}.rejected.csv")


def _check_paths(output: Path, side_path: Path, record: Path, files: Files) -> None:
    violations = []
    if not side_path.name.lower().endswith(".csv"):
        violations.append(f"{side_path} is to be the side file, which is .csv")
    if files.holds(output):
        violations.append(f"{output} would be a part of the input from then on")
    for path in (output, side_path):
        if not path.parent.is_dir():
            violations.append(f"no folder {path.parent}")
        elif path.is_dir():
            violations.append(f"{path} is a folder")
    if len({path.resolve() for path in (output, side_path, record)}) < 3:
        violations.append(f"{side_path} is to be the side file, too")
    if violations:
        raise DataContractError(output.name, violations)


def _shown(source: Input, blocks: Iterator[Block], progress: bool) -> Iterator[Block]:
    """The blocks, with a bar on stderr where somebody looks."""
    from tqdm import tqdm

    silent = not (progress and sys.stderr.isatty())
    with tqdm(
        total=source.total,
        desc=source.name,
        unit=source.unit if source.unit == "B" else f" {source.unit}",
        unit_scale=True,
        disable=silent,
        file=sys.stderr,
    ) as bar:
        for block in blocks:
            yield block
            bar.update(source.position - bar.n)

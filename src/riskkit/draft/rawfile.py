"""A file whose encoding, delimiter and sheet nobody has stated: what they are, and its first rows.

Takes a path; gives :class:`RawFile`, columns of text as the file holds them or typed as parquet.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from riskkit.checks import DataContractError
from riskkit.columns import CellRule, read_cells
from riskkit.tables import MOST_COLUMNS, as_parts, require_file, scratch_folder

__all__ = ["RawColumn", "RawFile", "counts_of", "open_raw"]

SAMPLE_ROWS = 200_000
SAMPLE_CELLS = 20_000_000
SAMPLE_BYTES = 1 << 28
HEADER_LETTERS = 1 << 22
_DELIMITERS = ",;\t|"
_KINDS = (".csv", ".csv.gz", ".parquet", ".xlsx")


@dataclass(frozen=True)
class RawColumn:
    """A column of the sample.

    Parameters
    ----------
    name : str
        As the file writes it.
    number : int
        Its place in the file, from 1.
    cells : Array of shape (n_rows,)
        Text as a file holds it, or typed as parquet does.
    """

    name: str
    number: int
    cells: pa.Array

    @property
    def is_text(self) -> bool:
        """Whether the file holds it as text."""
        return pa.types.is_string(self.cells.type)

    @cached_property
    def counts(self) -> pd.Series:
        """Rows of each distinct text without blanks around it, most frequent first; none blank."""
        return counts_of(self.cells)

    @property
    def n_filled(self) -> int:
        """Rows in which something stands."""
        return int(self.counts.sum())


def counts_of(cells: pa.Array) -> pd.Series:
    """Rows of each distinct text, as a mapping reads text; the most frequent first."""
    if pa.types.is_string(cells.type):
        found = cells.dictionary_encode()
        trimmed = pc.utf8_trim_whitespace(found.dictionary)
        rows = np.bincount(found.indices.drop_null().to_numpy(), minlength=len(trimmed))
        table = pa.table({"text": trimmed, "rows": rows}).filter(pc.not_equal(trimmed, ""))
        table = table.group_by("text", use_threads=False).aggregate([("rows", "sum")])
        counts = pd.Series(
            table["rows_sum"].to_numpy(), index=pd.Index(table["text"].to_numpy(), dtype="object")
        )
        return counts.sort_values(ascending=False, kind="stable")
    return read_cells(cells, CellRule(kind="category")).series.dropna().value_counts()


@dataclass(frozen=True)
class RawFile:
    """The first rows of a file, and how it has to be read.

    Parameters
    ----------
    path : Path
    columns : list of RawColumn
    n_rows : int
        Of the sample.
    is_whole : bool
        Whether the sample is the whole file.
    encoding, delimiter, sheet : str
        As a mapping states them; empty where they do not apply.
    sure : bool
        Whether the encoding could be no other.
    remarks : list of str
        What is to be said of the file.
    """

    path: Path
    columns: list[RawColumn]
    n_rows: int
    is_whole: bool
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    sure: bool = True
    remarks: list[str] = field(default_factory=list)

    @property
    def n_cells_text(self) -> str:
        """Size of what was looked at, in words."""
        rows = f"{self.n_rows:,} rows" if self.is_whole else f"the first {self.n_rows:,} rows"
        return f"{rows}, {len(self.columns)} columns"

    def all_cells(self, column: RawColumn) -> pa.Array:
        """Cells of a column in every row, where the sample is not the whole file."""
        if self.is_whole:
            return column.cells
        if not self.delimiter:
            from pyarrow import parquet

            file = parquet.ParquetFile(self.path)
            name = file.schema_arrow.names[column.number - 1]
            return _plain(file.read(columns=[name]).column(0))
        names = [str(number) for number in range(1, len(self.columns) + 1)]
        with pa.input_stream(self.path, compression="detect") as stream:
            wanted = [str(column.number)]
            tables = _parsed(stream, names, self.delimiter, [], self.encoding, wanted)
            try:
                return pa.chunked_array(
                    [table.column(0) for table in tables], pa.string()
                ).combine_chunks()
            except (pa.ArrowInvalid, UnicodeDecodeError):
                return column.cells


def open_raw(path: str | Path) -> RawFile:
    """The first rows of a file of unknown encoding, delimiter and sheet.

    Parameters
    ----------
    path : str or Path
        A ``.csv``, ``.csv.gz``, ``.parquet`` or ``.xlsx`` file.

    Returns
    -------
    RawFile
        Of at most 200,000 rows, 20 million cells and 256 MiB.

    Raises
    ------
    DataContractError
        No such file, another kind, no rows, or unreadable.

    Source
    ------
    riskkit definition.
    """
    path = Path(path)
    require_file(path)
    name = path.name.lower()
    if not name.endswith(_KINDS):
        raise DataContractError(path.name, [f"expected a file of {', '.join(_KINDS)}"])
    try:
        if name.endswith(".parquet"):
            raw = _open_parquet(path)
        elif name.endswith(".xlsx"):
            raw = _open_excel(path)
        else:
            raw = _open_csv(path)
    except (pa.ArrowException, OSError, EOFError, zipfile.BadZipFile, csv.Error) as error:
        raise DataContractError(path.name, [f"unreadable: {str(error).splitlines()[0]}"]) from error
    if not raw.n_rows:
        raise DataContractError(path.name, ["no rows"])
    return raw


def _limit(n_columns: int) -> int:
    return min(SAMPLE_ROWS, SAMPLE_CELLS // max(1, n_columns))


def _plain(cells: Any) -> pa.Array:
    """One array, its text as plain strings."""
    if isinstance(cells, pa.ChunkedArray):
        cells = pa.concat_arrays(cells.chunks) if cells.num_chunks else pa.array([], cells.type)
    if pa.types.is_dictionary(cells.type):
        cells = cells.dictionary_decode()
    if pa.types.is_large_string(cells.type) or pa.types.is_string_view(cells.type):
        cells = cells.cast(pa.string())
    return pa.array([None] * len(cells), pa.string()) if pa.types.is_null(cells.type) else cells


# -- parquet and Excel -----------------------------------------------------------------------------


def _open_parquet(path: Path) -> RawFile:
    from pyarrow import parquet

    file = parquet.ParquetFile(path)
    limit = _limit(len(file.schema_arrow.names))
    batches, n = [], 0
    for batch in file.iter_batches(batch_size=min(limit, 65_536)):
        batches.append(batch)
        n += len(batch)
        if n >= limit:
            break
    table = pa.Table.from_batches(batches, file.schema_arrow).slice(0, limit)
    columns = [
        RawColumn(name, number, _plain(table.column(number - 1)))
        for number, name in enumerate(table.column_names, start=1)
    ]
    return RawFile(path, columns, len(table), len(table) == file.metadata.num_rows)


def _open_excel(path: Path) -> RawFile:
    sheets = _sheets(path)
    sheet = max(sheets, key=lambda name: sheets[name])
    with scratch_folder() as folder:
        table = as_parts(path, folder / "rows", sheet=sheet)
        names = [name for name in table.columns]
        limit = _limit(len(names))
        columns = [
            RawColumn(name, number, _plain(table.column(name).slice(0, limit)))
            for number, name in enumerate(names, start=1)
        ]
        n = table.n_rows
    others = ", ".join(name for name in sheets if name != sheet)
    remarks = [f"the largest sheet; there are also: {others}"] if others else []
    return RawFile(
        path, columns, min(n, limit), n <= limit, sheet=sheet if others else "", remarks=remarks
    )


def _sheets(path: Path) -> dict[str, int]:
    """Bytes of each sheet of a workbook, by its name."""
    with zipfile.ZipFile(path) as archive:
        sizes = {info.filename: info.file_size for info in archive.infolist()}
        parts = ("xl/workbook.xml", "xl/_rels/workbook.xml.rels")
        if any(sizes.get(part, 1 << 30) > 1 << 22 for part in parts):
            raise DataContractError(path.name, ["no Excel workbook with a list of its sheets"])
        book, links = (ElementTree.fromstring(archive.read(part)) for part in parts)
    files = {link.get("Id"): link.get("Target", "") for link in links}
    found = {}
    for sheet in book.iterfind(".//{*}sheets/{*}sheet"):
        link = next((v for k, v in sheet.attrib.items() if k.endswith("}id")), "")
        target = files.get(link, "").lstrip("/").removeprefix("xl/")
        found[sheet.get("name", "")] = sizes.get(f"xl/{target}", 0)
    if not found:
        raise DataContractError(path.name, ["no sheets"])
    return found


# -- CSV -------------------------------------------------------------------------------------------


def _open_csv(path: Path) -> RawFile:
    with pa.input_stream(path, compression=None) as stream:
        opened = gzip.open(stream) if path.name.lower().endswith(".gz") else stream
        raw = opened.read(SAMPLE_BYTES)
        is_whole = not opened.read(1)
    encoding, sure = _encoding(raw)
    text = raw.decode(encoding, errors="strict" if is_whole else "ignore")
    text = text.removeprefix("\ufeff")
    if not is_whole:
        text = text[: text.rfind("\n") + 1]
    delimiter = _delimiter(text)
    head = io.StringIO(text[:HEADER_LETTERS], newline="")
    header = next(csv.reader(head, delimiter=delimiter), [])
    if not header:
        raise DataContractError(path.name, ["no rows"])
    if len(header) > MOST_COLUMNS:
        fault = f"{len(header):,} columns; expected at most {MOST_COLUMNS:,}"
        raise DataContractError(path.name, [fault])
    names = [str(number) for number in range(1, len(header) + 1)]
    broken: list[int] = []
    limit = _limit(len(header))
    tables, n = [], 0
    for table in _parsed(io.BytesIO(text.encode()), names, delimiter, broken):
        tables.append(table)
        n += len(table)
        if n > limit:
            break
    if not n:
        raise DataContractError(path.name, ["no rows"])
    rows = pa.concat_tables(tables).slice(0, limit)
    columns = [
        RawColumn(name, number, _plain(rows.column(number - 1)))
        for number, name in enumerate(header, start=1)
    ]
    remarks = []
    if broken:
        remarks.append(
            f"{len(broken):,} lines have a cell too many or too few, the first is row "
            f"{broken[0]:,}; they are refused when the file is read"
        )
    whole = is_whole and n <= limit
    return RawFile(path, columns, len(rows), whole, encoding, delimiter, sure=sure, remarks=remarks)


def _parsed(
    stream: Any,
    names: list[str],
    delimiter: str,
    broken: list[int],
    encoding: str = "utf8",
    wanted: list[str] | None = None,
) -> Iterator[pa.Table]:
    """Tables of text, block by block, without the header; lines of another length are noted."""
    from pyarrow import csv as arrow_csv

    def note(row: Any) -> str:
        broken.append((row.number or 1) - 1)
        return "skip"

    reader = arrow_csv.open_csv(
        stream,
        read_options=arrow_csv.ReadOptions(
            column_names=names,
            skip_rows_after_names=1,
            block_size=1 << 24,
            use_threads=False,
            encoding=encoding,
        ),
        parse_options=arrow_csv.ParseOptions(
            delimiter=delimiter, newlines_in_values=True, invalid_row_handler=note
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            include_columns=wanted,
        ),
    )
    for batch in reader:
        yield pa.Table.from_batches([batch])


def _encoding(raw: bytes) -> tuple[str, bool]:
    """The encoding that reads these bytes, and whether no other could."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16", True
    head = raw[:4000]
    for order, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
        if len(head) > 20 and zeros.count(0) > len(zeros) * 0.4:
            return order, True
    if _decodes(raw, "utf-8"):
        return "utf-8", True
    # a Chinese character of GBK is two bytes with the first bit set; an accent is one alone
    runs = [len(run) for run in re.findall(rb"[\x80-\xff]+", raw[:1_000_000])]
    even = sum(run % 2 == 0 for run in runs)
    if even >= 0.8 * len(runs):
        for name in ("gbk", "gb18030"):
            if _decodes(raw, name):
                return name, False
    return "cp1252" if not re.search(rb"[\x81\x8d\x8f\x90\x9d]", raw) else "latin-1", False


def _decodes(raw: bytes, encoding: str) -> bool:
    try:
        # its last character may be cut
        codecs.getincrementaldecoder(encoding)().decode(raw)
    except UnicodeDecodeError:
        return False
    return True


def _delimiter(text: str) -> str:
    """The sign that cuts header and lines into the same number of cells, and into most."""
    lines = io.StringIO("\n".join(text[:400_000].splitlines()[:200]), newline="")
    best, most = ",", 1
    for sign in _DELIMITERS:
        lines.seek(0)
        widths = [len(row) for row in csv.reader(lines, delimiter=sign) if row]
        if not widths or widths[0] <= most:
            continue
        if Counter(widths)[widths[0]] >= 0.8 * len(widths):
            best, most = sign, widths[0]
    return best

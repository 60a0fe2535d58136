"""Where rows live, and how files are written: whole or not at all.

Takes frames, files and queries; gives frames, blocks of them, samples, and models on disk.
"""

from riskkit.tables.csv_files import MOST_COLUMNS, Block, CsvFile
from riskkit.tables.files import (
    FOLDER_MODE,
    Files,
    column_differences,
    hash_file,
    new_file,
    part_path,
    require_file,
    scratch_folder,
    whole,
    write_table,
)
from riskkit.tables.json_model import (
    JsonModel,
    read_json,
    seal_holds,
    sealed,
    stored,
    stored_faults,
    write_json,
)
from riskkit.tables.parquet import ParquetRows
from riskkit.tables.parts import as_parts
from riskkit.tables.sample import hash_ids
from riskkit.tables.table import BLOCK_BYTES, BLOCK_ROWS, Table, read_table
from riskkit.tables.workbook import Sheet, undated, workbook_bytes

__all__ = [
    "BLOCK_BYTES",
    "BLOCK_ROWS",
    "FOLDER_MODE",
    "MOST_COLUMNS",
    "Block",
    "CsvFile",
    "Files",
    "JsonModel",
    "ParquetRows",
    "Sheet",
    "Table",
    "as_parts",
    "column_differences",
    "hash_file",
    "hash_ids",
    "new_file",
    "part_path",
    "read_json",
    "read_table",
    "require_file",
    "scratch_folder",
    "seal_holds",
    "sealed",
    "stored",
    "stored_faults",
    "undated",
    "whole",
    "workbook_bytes",
    "write_json",
    "write_table",
]

"""Where rows live, and how files are written: whole or not at all.

Takes frames, files and queries; gives frames, blocks of them, samples, and models on disk.
"""

from riskkit.tables.csv_files import Block, CsvFile
from riskkit.tables.files import Files, column_differences, part_path, whole, write_table
from riskkit.tables.json_model import (
    JsonModel,
    read_json,
    require_arguments,
    sealed,
    stored,
    stored_faults,
)
from riskkit.tables.parquet import ParquetRows
from riskkit.tables.parts import as_parts
from riskkit.tables.sample import hash_ids
from riskkit.tables.table import BLOCK_BYTES, BLOCK_ROWS, Table, read_table

__all__ = [
    "BLOCK_BYTES",
    "BLOCK_ROWS",
    "Block",
    "CsvFile",
    "Files",
    "JsonModel",
    "ParquetRows",
    "Table",
    "as_parts",
    "column_differences",
    "hash_ids",
    "part_path",
    "read_json",
    "read_table",
    "require_arguments",
    "sealed",
    "stored",
    "stored_faults",
    "whole",
    "write_table",
]

"""Where rows live, and how files are written: whole or not at all.

Takes frames, files and queries; gives frames, blocks of them, samples, and models on disk.
"""

from riskkit.tables.files import part_path, whole, write_table
from riskkit.tables.json_model import JsonModel
from riskkit.tables.parts import as_parts
from riskkit.tables.sample import hash_ids
from riskkit.tables.table import Table, read_table

__all__ = [
    "JsonModel",
    "Table",
    "as_parts",
    "hash_ids",
    "part_path",
    "read_table",
    "whole",
    "write_table",
]

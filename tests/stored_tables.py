"""Rows kept in every kind of place that a table can be read from."""

from pathlib import Path

import numpy as np
import pandas as pd

from riskkit import schema, tables
from riskkit.tables import Table

KINDS = ["frame", "parquet", "parts", "parquets"]


def stored(kind, frame, folder, cuts=(), **options):
    """A table of the frame's rows, kept in that kind of place."""
    folder = Path(folder) / kind
    folder.mkdir(parents=True)
    pieces = [frame.iloc[rows] for rows in np.split(np.arange(len(frame)), sorted(cuts))]
    if kind == "frame":
        return Table(frame, **options)
    if kind == "parquet":
        return Table(schema.write_table(frame, folder / "t.parquet"), **options)
    if kind == "parts":
        return Table(write_parts(frame, folder / "t", *sorted(cuts)), **options)
    paths = [folder / f"{name}.parquet" for name in reversed(range(len(pieces)))]
    for path, piece in zip(paths, pieces, strict=True):
        schema.write_table(piece, path)
    return Table(paths, **options)


def all_blocks(table, **options):
    return pd.concat(list(table.blocks(**options)), ignore_index=True)


def write_parts(frame, folder, *cuts):
    """Parts of the frame, cut before these rows."""
    folder.mkdir()
    for number, rows in enumerate(np.split(np.arange(len(frame)), cuts)):
        schema.write_table(frame.iloc[rows], tables.part_path(folder, number))
    return folder

"""Rows kept in every kind of place that a table can be read from."""

from pathlib import Path

import numpy as np
import pandas as pd
import sqlalchemy

from riskkit import schema, tables
from riskkit.tables import Table

KINDS = ["frame", "parquet", "parts", "parquets", "csv", "csv.gz", "csvs", "sql"]


def stored(kind, frame, folder, cuts=(), **options):
    """A table of the frame's rows, kept in that kind of place."""
    folder = Path(folder) / kind
    folder.mkdir(parents=True)
    pieces = [frame.iloc[rows] for rows in np.split(np.arange(len(frame)), sorted(cuts))]
    text = [name for name in frame.columns if frame[name].dtype == "str"]
    if kind == "frame":
        return Table(frame, **options)
    if kind == "parquet":
        return Table(schema.write_table(frame, folder / "t.parquet"), **options)
    if kind == "parts":
        return Table(write_parts(frame, folder / "t", *sorted(cuts)), **options)
    if kind == "parquets":
        paths = [folder / f"{name}.parquet" for name in reversed(range(len(pieces)))]
        for path, piece in zip(paths, pieces, strict=True):
            schema.write_table(piece, path)
        return Table(paths, **options)
    if kind == "csvs":
        paths = [folder / f"{name}.csv" for name in reversed(range(len(pieces)))]
        for path, piece in zip(paths, pieces, strict=True):
            piece.to_csv(path, index=False)
        return Table(paths, text=text, **options)
    if kind.startswith("csv"):
        frame.to_csv(folder / f"t.{kind}", index=False)
        return Table(folder / f"t.{kind}", text=text, **options)
    url = f"sqlite:///{folder / 't.db'}"
    engine = sqlalchemy.create_engine(url)
    frame.reset_index(drop=True).to_sql("t", engine, index_label="place")
    engine.dispose()
    names = ", ".join(frame.columns)
    return Table(url, query=f"SELECT {names} FROM t ORDER BY place", **options)


def all_blocks(table, **options):
    return pd.concat(list(table.blocks(**options)), ignore_index=True)


def write_parts(frame, folder, *cuts):
    """Parts of the frame, cut before these rows."""
    folder.mkdir()
    for number, rows in enumerate(np.split(np.arange(len(frame)), cuts)):
        schema.write_table(frame.iloc[rows], tables.part_path(folder, number))
    return folder

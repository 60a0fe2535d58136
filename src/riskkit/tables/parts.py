"""Temporary."""

from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from riskkit.checks import DataContractError
from riskkit.tables.table import Table


def as_parts(
    source, folder, *, columns=None, query=None, encoding="utf-8", delimiter=",", sheet=""
):
    """Temporary."""
    if str(source).endswith(".parquet"):
        return Table(source)
    try:
        head = pc.open_csv(source).schema.names
        for c in columns or []:
            if head.count(c) > 1:
                raise DataContractError(Path(source).name, [f"two columns named {c}"])
        miss = [c for c in columns or [] if c not in head]
        if miss:
            raise DataContractError(Path(source).name, [f"missing columns {miss}"])
        t = pc.read_csv(
            source,
            convert_options=pc.ConvertOptions(
                column_types={n: pa.string() for n in head},
                include_columns=columns,
                strings_can_be_null=True,
                null_values=[""],
            ),
            parse_options=pc.ParseOptions(newlines_in_values=True, delimiter=delimiter),
        )
    except pa.ArrowInvalid as e:
        raise DataContractError(Path(source).name, [str(e)]) from e
    Path(folder).mkdir(parents=True, exist_ok=True)
    pq.write_table(t, Path(folder) / "part-00000.parquet")
    return Table(folder)

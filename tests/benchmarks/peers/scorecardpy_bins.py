"""Bins and WoE that scorecardpy makes of FOLDER/rows.parquet, in its own environment.

    python scorecardpy_bins.py FOLDER

leaves bins.json, a table a feature, and woe.parquet.
"""

import json
import sys
from pathlib import Path


def main(folder):
    import pandas as pd
    import scorecardpy

    rows = pd.read_parquet(folder / "rows.parquet")
    bins = scorecardpy.woebin(rows, y="bad", special_values={"late": [-9]}, no_cores=1)
    woe = scorecardpy.woebin_ply(rows, bins, no_cores=1).drop(columns="bad")
    woe.rename(columns=lambda name: name.removesuffix("_woe")).to_parquet(folder / "woe.parquet")
    columns = ["breaks", "is_special_values", "woe"]
    stored = {name: table[columns].to_dict("list") for name, table in bins.items()}
    (folder / "bins.json").write_text(json.dumps(stored))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

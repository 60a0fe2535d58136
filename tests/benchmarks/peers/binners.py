"""What a binning tool does on the common rows: run in the tool's own environment, told its name.

    python binners.py NAME FOLDER

reads FOLDER/fit.parquet and FOLDER/unused.parquet, and leaves there NAME.json (seconds, memory,
version) and NAME.npz, the WoE of both. All have one core, at most 8 bins and at least 5 % of the
rows in each, where they know such limits. A tool is imported by its own function alone, since each
environment has one.
"""

import json
import os
import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path

MAX_BINS, MIN_BIN_SIZE = 8, 0.05
CODES = (-9.0, -8.0)


def riskkit(X, y, levels):
    return fitted_riskkit(X, y, trend="auto")


def riskkit_without_trend(X, y, levels):
    return fitted_riskkit(X, y, trend="none")


def fitted_riskkit(X, y, trend):
    from riskkit.binning import WoeBinner

    binner = WoeBinner(
        max_bins=MAX_BINS, min_bin_size=MIN_BIN_SIZE, special_codes=list(CODES), trend=trend
    )
    return binner.fit(X, y).transform


def optbinning(X, y, levels):
    from optbinning import BinningProcess

    process = BinningProcess(
        list(X.columns),
        categorical_variables=levels,
        max_n_bins=MAX_BINS,
        min_bin_size=MIN_BIN_SIZE,
        special_codes=list(CODES),
        n_jobs=1,
    )
    process.fit(X, y)
    return lambda Z: process.transform(Z, metric_special="empirical", metric_missing="empirical")


def toad(X, y, levels):
    from toad.transform import Combiner, WOETransformer

    # it knows no special codes; without "all", the limit that is reached first ends the merging
    combiner = Combiner()
    combiner.fit(
        X,
        y,
        method="chi",
        n_bins=MAX_BINS,
        min_samples=MIN_BIN_SIZE,
        constraint_mode="all",
        empty_separate=True,
    )
    encoder = WOETransformer().fit(combiner.transform(X), y)
    return lambda Z: encoder.transform(combiner.transform(Z))


def scorecardpy(X, y, levels):
    import scorecardpy

    bins = scorecardpy.woebin(
        X.assign(bad=y),
        y="bad",
        special_values={name: list(CODES) for name in X if name not in levels},
        bin_num_limit=MAX_BINS,
        count_distr_limit=MIN_BIN_SIZE,
        no_cores=1,
        print_info=False,
    )
    woe = [f"{name}_woe" for name in X]
    return lambda Z: scorecardpy.woebin_ply(Z, bins, no_cores=1, print_info=False)[woe]


def scorecardpipeline(X, y, levels):
    from scorecardpipeline import Combiner, WOETransformer

    # toad's binning and optbinning's behind one face; by default it asks toad
    both = X.assign(target=y)
    combiner = Combiner(max_n_bins=MAX_BINS, min_bin_size=MIN_BIN_SIZE).fit(both)
    encoder = WOETransformer().fit(combiner.transform(both))
    # a label is wanted of rows to be scored, too, and not looked at
    return lambda Z: encoder.transform(combiner.transform(Z.assign(target=0)))[list(X)]


def woe_scoring(X, y, levels):
    from woe_scoring import WOETransformer

    # with `prefix=""` its transform drops what it has made
    encoder = WOETransformer(
        max_bins=MAX_BINS, min_pct_group=MIN_BIN_SIZE, n_jobs=1, cat_features=levels
    )
    encoder.fit(X, y)
    return lambda Z: encoder.transform(Z)[[f"WOE_{name}" for name in X]]


def fastbinning(X, y, levels):
    import numpy as np
    from fastbinning import CategoricalBinning, NumericalBinning

    # arrays of one feature each; it knows no special codes, so they are missing to it; of a grid of
    # limits those of numbers at which its IV is highest, since at 5 % it splits hardly any of them
    limits = {True: (MAX_BINS, MIN_BIN_SIZE, 1.0), False: (MAX_BINS, 0.001, 0.3)}
    fitted, numbers = {}, {}

    def array(Z, name):
        if name in levels:
            return Z[name].map(numbers[name]).fillna(-1).to_numpy(np.int32)
        return Z[name].mask(Z[name].isin(CODES)).to_numpy(np.float64)

    for name in X:
        is_level = name in levels
        if is_level:
            numbers[name] = {level: place for place, level in enumerate(X[name].unique())}
        fitted[name] = (CategoricalBinning if is_level else NumericalBinning)(*limits[is_level])
        fitted[name].fit(array(X, name), y.astype(np.int32))
    return lambda Z: np.column_stack([fitted[name].transform(array(Z, name)) for name in fitted])


def tide_binning(X, y, levels):
    from tide import TIDE

    # it knows no greatest number of bins
    binner = TIDE(min_sample_rate=MIN_BIN_SIZE, cat_values=list(CODES), handle_unknown="worst")
    binner.fit(X, y)
    return lambda Z: binner.transform(Z)[[f"{name}_woe" for name in X]]


def bayesrisk(X, y, levels):
    import pandas as pd
    from bayesrisk.binning.transformer import WoEBinner
    from bayesrisk.data.config import MissingConfig
    from bayesrisk.data.special import SpecialValuePolicy

    numbers = tuple(name for name in X if name not in levels)
    codes = [{"label": "no record", "columns": numbers, "sentinels": CODES}]
    masked = SpecialValuePolicy(MissingConfig(special_values=codes)).apply(X)
    binner = WoEBinner(
        max_n_bins=MAX_BINS, min_bin_size=MIN_BIN_SIZE, categorical_columns=tuple(levels), n_jobs=1
    )
    binner.fit(masked.frame, pd.Series(y, index=X.index), special=masked)
    return lambda Z: binner.transform(Z)[[f"{name}__woe" for name in X]]


BINNERS = {
    "riskkit": riskkit,
    "riskkit, no trend": riskkit_without_trend,
    "optbinning": optbinning,
    "toad": toad,
    "scorecardpy": scorecardpy,
    "scorecardpipeline": scorecardpipeline,
    "woe-scoring": woe_scoring,
    "fastbinning": fastbinning,
    "tide-binning": tide_binning,
    "bayesrisk": bayesrisk,
}


def megabytes(what):
    """Memory of this process: VmRSS now, VmHWM at the peak since it was last reset."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(what + ":")[1].split()[0]) / 1024


def main(name, folder):
    warnings.simplefilter("ignore")
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    import numpy as np
    import pandas as pd

    rows, unused = (pd.read_parquet(folder / f"{part}.parquet") for part in ("fit", "unused"))
    y = rows.pop("bad").to_numpy()
    unused = unused.drop(columns="bad")
    levels = [column for column in rows if not pd.api.types.is_numeric_dtype(rows[column])]
    few = rows.head(2000)
    BINNERS[name](few, y[:2000], levels)(few)  # whatever is imported or compiled once
    Path("/proc/self/clear_refs").write_text("5")
    before = megabytes("VmRSS")
    begun = time.perf_counter()
    taken = []
    while len(taken) < 3 and (not taken or time.perf_counter() - begun < 10):
        start = time.perf_counter()
        transform = BINNERS[name](rows.copy(), y, levels)
        fitted = time.perf_counter()
        woe = transform(rows.copy())
        taken.append((fitted - start, time.perf_counter() - fitted))
        if len(taken) == 1:
            added = megabytes("VmHWM") - before
    found = [np.asarray(woe, dtype=np.float64), np.asarray(transform(unused), dtype=np.float64)]
    np.savez(folder / f"{name}.npz", fit=found[0], unused=found[1])
    result = {
        "version": version(name.split(",")[0]),
        "pandas": pd.__version__,
        "fit": min(fit for fit, _ in taken),
        "transform": min(transform for _, transform in taken),
        "megabytes": added,
    }
    (folder / f"{name}.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

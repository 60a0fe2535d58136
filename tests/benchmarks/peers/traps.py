"""What to beware of in a tool, asked of it: run in its own environment, told its name.

    python traps.py NAME FOLDER

leaves "NAME traps.json": for each trap its words and whether the installed version still falls
into it. A tool that has mended one is not blamed for it any more.
"""

import contextlib
import json
import sys
import warnings
from pathlib import Path


def risk_of_x(n=2000, seed=0):
    """A number, and bads the rarer, the higher it is."""
    import numpy as np

    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    return x, (rng.random(n) < 1 / (1 + np.exp(1 + x))).astype(int)


def optbinning():
    import numpy as np
    import pandas as pd
    from optbinning import BinningProcess, OptimalBinning, Scorecard
    from optbinning.metrics.classification import ks
    from sklearn.linear_model import LogisticRegression

    bads, scores = np.array([0, 0, 0, 0, 1, 1]), np.array([0.1, 0.1, 0.2, 0.2, 0.9, 0.9])
    yield "its KS of 2 bads and 4 goods wholly apart is not 1", abs(ks(bads, scores)[0] - 1) > 0.01
    yield "its KS of equal scores is not 0", abs(ks(bads, np.full(6, 0.5))[0]) > 0.01

    x, y = risk_of_x()
    x[:300] = np.nan
    y[:300] = np.arange(300) % 2
    binning = OptimalBinning("x", special_codes=[-9.0]).fit(x, y)
    yield (
        "a missing value has a WoE of 0 unless asked otherwise",
        (binning.transform([np.nan], metric="woe")[0] == 0),
    )

    # 600 points at 20 goods to 1 bad; reversed, at 20 bads to 1 good
    X = pd.DataFrame({"x": x})
    card = Scorecard(
        BinningProcess(["x"]),
        LogisticRegression(),
        scaling_method="pdo_odds",
        scaling_method_params={"pdo": 20, "odds": 20, "scorecard_points": 600},
        reverse_scorecard=True,
    ).fit(X, y)
    p = card.predict_proba(X)[:, 1]
    slope, at_even_odds = np.polyfit(np.log(p / (1 - p)), card.score(X), 1)
    yield (
        "its reversed card has not the points at the odds that were asked for",
        (abs(at_even_odds + slope * np.log(20) - 600) > 1),
    )

    levels, bad = list("abcdefgh") * 2, np.repeat([0, 1], 8)
    rows = np.array([100] * 8 + [30, 2, 80, 10, 60, 5, 40, 1])
    weighted = OptimalBinning("job", dtype="categorical").fit(levels, bad, sample_weight=rows)
    repeated = OptimalBinning("job", dtype="categorical")
    repeated.fit(np.repeat(levels, rows), np.repeat(bad, rows))
    for each in (weighted, repeated):
        each.binning_table.build()
    yield (
        "levels are ordered without their weights",
        (weighted.binning_table.iv < repeated.binning_table.iv / 2),
    )


def toad():
    import numpy as np
    import pandas as pd
    from toad.metrics import AUC, PSI
    from toad.transform import Combiner, WOETransformer

    expected, now = ["a"] * 50 + ["b"] * 50, ["a"] * 50 + ["z"] * 50
    yield "its PSI is 0 where half the rows are of a level never seen", PSI(now, expected) == 0

    bads, score = np.array([0, 0, 1, 1]), np.array([0.2, 0.4, 0.6, 0.8])
    yield "its AUC turns round where a score is above 1", AUC(score, bads) != AUC(2 * score, bads)

    x, y = risk_of_x()
    jobs = pd.DataFrame({"job": np.where(x > 0, "safe", "risky")})
    encoder = WOETransformer().fit(jobs, y)
    woe = encoder.transform(pd.DataFrame({"job": ["safe", "new"]}))["job"]
    yield "a level never seen gets the WoE of the safest", woe[1] == woe[0]

    X = pd.DataFrame({"x": x})
    X.loc[:300, "x"] = np.nan
    rules = Combiner().fit(X, y, method="chi", n_bins=5).export()["x"]
    yield "a missing number is -1 unless `empty_separate` is asked", not np.isnan(rules).any()

    small = Combiner().fit(pd.DataFrame({"x": x}), y, method="chi", n_bins=8, min_samples=0.05)
    share = small.transform(pd.DataFrame({"x": x}))["x"].value_counts(normalize=True)
    yield (
        "a bin may be smaller than `min_samples` unless `constraint_mode` is all",
        (share.min() < 0.05),
    )


def scorecardpy():
    import numpy as np
    import pandas as pd
    import scorecardpy

    x, y = risk_of_x()
    rows = pd.DataFrame({"x": x, "job": np.where(x > 0, "a", "b"), "bad": y})
    bins = quietly(lambda: scorecardpy.woebin(rows, y="bad", print_info=False))
    new = pd.DataFrame({"x": [np.nan, 0.0], "job": ["a", "c"]})
    woe = quietly(lambda: scorecardpy.woebin_ply(new, bins, no_cores=1, print_info=False))
    yield "a missing value where none was seen in fit has no WoE", np.isnan(woe["x_woe"][0])
    yield "a level never seen has no WoE", np.isnan(woe["job_woe"][1])

    rows.loc[:300, "x"] = -9.0
    rows.loc[rows.index % 5 == 0, "job"] = None
    bins = quietly(
        lambda: scorecardpy.woebin(rows, y="bad", special_values={"x": [-9.0]}, print_info=False)
    )
    woe = quietly(lambda: scorecardpy.woebin_ply(rows, bins, no_cores=1, print_info=False))
    of_code = bins["x"].loc[bins["x"]["is_special_values"], "woe"].iloc[0]
    yield (
        "a special code among floats has a bin in fit, and is scored as an ordinary value",
        (abs(woe["x_woe"][0] - of_code) > 1e-9),
    )
    yield "None among words has a bin in fit, and no WoE when scored", np.isnan(woe["job_woe"][0])


def scorecardpipeline():
    import pandas as pd
    from scorecardpipeline import Combiner

    x, y = risk_of_x()
    rows = pd.DataFrame({"x": x, "target": y})
    combiner = Combiner(max_n_bins=8, min_bin_size=0.05).fit(rows)
    share = combiner.transform(rows)["x"].value_counts(normalize=True)
    yield "a bin may be smaller than `min_bin_size`", share.min() < 0.05 - 1e-9


def woe_scoring():
    import numpy as np
    import pandas as pd
    from woe_scoring import WOETransformer

    x, y = risk_of_x()
    x[:300] = np.nan
    X = pd.DataFrame({"x": x, "job": np.where(x > 0, "a", "b")})
    nothing = WOETransformer(prefix="", cat_features=["job"])
    nothing.fit(X, y)
    yield 'its transform gives no column under `prefix=""`', nothing.transform(X).shape[1] == 0
    encoder = WOETransformer(cat_features=["job"])
    encoder.fit(X, y)
    seen = set(encoder.transform(X.iloc[300:])["WOE_x"])
    yield (
        "missing values have no bin of their own",
        (encoder.transform(X.head(1))["WOE_x"].iloc[0] in seen),
    )


def fastbinning():
    import numpy as np
    from fastbinning import NumericalBinning

    rng = np.random.default_rng(0)
    x = rng.normal(size=100_000)
    rare = (rng.random(len(x)) < 1 / (1 + np.exp(3 - x))).astype(np.int32)
    yield (
        "one bin of a number that tells much, where bads are 7 % and bins at least 5 %",
        (len(NumericalBinning(8, 0.05, 1.0).fit(x, rare)) == 1),
    )
    even = (rng.random(len(x)) < 1 / (1 + np.exp(-x))).astype(np.int32)
    yield (
        "two bins where eight were allowed and `max_bin_pct` is 1",
        (len(NumericalBinning(8, 0.05, 1.0).fit(x, even)) <= 2),
    )


def tide_binning():
    import numpy as np
    import pandas as pd
    from tide import TIDE

    x, y = risk_of_x()
    binner = TIDE().fit(pd.DataFrame({"x": x}), y)
    new = binner.transform(pd.DataFrame({"x": [np.nan, -123.0]}))
    yield "a missing value where none was seen in fit stays missing", bool(pd.isna(new["x_woe"][0]))
    codes = TIDE(cat_values=[-9.0]).fit(pd.DataFrame({"x": np.where(x > 2, -9, x)}), y)
    level = codes.transform(pd.DataFrame({"x": ["new"]}))["x_woe"][0]
    yield "a value in no bin is left raw among the WoE, unless asked otherwise", level == "new"


def bayesrisk():
    import numpy as np
    import pandas as pd
    from bayesrisk.binning.transformer import WoEBinner
    from bayesrisk.data.config import MissingConfig
    from bayesrisk.data.special import SpecialValuePolicy

    x, y = risk_of_x()
    x[:300] = -9.0
    codes = [{"label": "none", "columns": ("x",), "sentinels": (-9.0,)}]
    masked = SpecialValuePolicy(MissingConfig(special_values=codes)).apply(pd.DataFrame({"x": x}))
    binner = WoEBinner(keep_structural_columns=False)
    binner.fit(masked.frame, pd.Series(y), special=masked)
    new = pd.DataFrame({"x": np.linspace(-2, 2, 300)})
    apart = new.set_axis(new.index + len(x))
    yield (
        "new rows take the special values of those rows of fit that bear their index",
        bool((binner.transform(new).to_numpy() != binner.transform(apart).to_numpy()).any()),
    )


def pycreditools():
    import inspect

    from pycreditools import run_simulation

    yield (
        "a simulation draws at random, with no argument for the seed, unless asked otherwise",
        (
            inspect.signature(run_simulation).parameters["method"].default.value == "stochastic"
            and "seed" not in inspect.signature(run_simulation).parameters
        ),
    )


def rejectkit():
    import numpy as np
    from rejectkit import Parcelling
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 1))
    y = (rng.random(len(X)) < 1 / (1 + np.exp(2 - X[:, 0]))).astype(int)
    accepted = X[:, 0] < 0
    said = []
    for uplift in (1.0, 1.3):
        _, bad, weight = Parcelling(LogisticRegression(), uplift=uplift).fit_resample(
            X[accepted], y[accepted], X[~accepted]
        )
        inferred = slice(accepted.sum(), None)
        said.append(np.average(bad[inferred], weights=weight[inferred]))
    model = LogisticRegression().fit(X[accepted], y[accepted])
    alone = model.predict_proba(X[~accepted])[:, 1].mean()
    # its bands are tenths of the accepted, and those beyond them all share the last
    yield (
        "its parcelling at an uplift of 1.3 may say less than the model of the accepted itself",
        (said[1] < alone),
    )


def cranalytics():
    import numpy as np
    from cranalytics.vintage import CurveFitter

    # a curve that has hardly begun: nothing is taken from older cohorts
    mob = np.arange(1, 6)
    curve = np.array([0, 0, 0.001, 0.008, 0.02])
    ends = [CurveFitter(method).fit(mob, curve).ultimate_ for method in ("weibull", "gompertz")]
    yield "the end of a young cohort is a matter of the curve's family", (max(ends) > 2 * min(ends))


TOOLS = {
    "optbinning": optbinning,
    "toad": toad,
    "scorecardpy": scorecardpy,
    "scorecardpipeline": scorecardpipeline,
    "woe-scoring": woe_scoring,
    "fastbinning": fastbinning,
    "tide-binning": tide_binning,
    "bayesrisk": bayesrisk,
    "pycreditools": pycreditools,
    "rejectkit": rejectkit,
    "cranalytics": cranalytics,
}


def quietly(call):
    with contextlib.redirect_stdout(sys.stderr):
        return call()


def main(name, folder):
    warnings.simplefilter("ignore")
    found = {words: bool(shown) for words, shown in TOOLS[name]()}
    (folder / f"{name} traps.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

"""What tools beyond binning do on common rows: run in a tool's own environment, told its name.

    python beyond.py NAME FOLDER

Declined applicants (rejectkit), cutoffs (pycreditools) and young cohorts (cranalytics), each with
riskkit's own answer under the name "riskkit, of ...". Leaves NAME.json: version, and for each
method its seconds and what it found.
"""

import json
import os
import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path

UPLIFT = 1.3
MAX_BAD_RATE = 0.03


def timed(call):
    start = time.perf_counter()
    found = call()
    return {"seconds": time.perf_counter() - start, **found}


# -- declined applicants: models for everybody, judged by other applicants -------------------------


def split_of(folder):
    import numpy as np

    kept = np.load(folder / "applicants.npz")
    woe, labelled, declined = kept["woe"], kept["labelled"], kept["declined"]
    return woe, kept["bad"], labelled, declined, kept["other_woe"]


def predictions(model, woe, declined, other):
    return {
        "declined_bad_rate": float(model.predict_proba(woe[declined])[:, 1].mean()),
        "probability": model.predict_proba(other)[:, 1].round(9).tolist(),
    }


def rejectkit(folder):
    from rejectkit import HeckmanClassifier, RejectInferenceClassifier
    from sklearn.linear_model import LogisticRegression

    woe, bad, labelled, declined, other = split_of(folder)
    accepted, refused = woe[labelled], woe[declined]

    def of_method(method, **parameters):
        model = RejectInferenceClassifier(
            LogisticRegression(max_iter=1000), method=method, method_params=parameters
        )
        return predictions(model.fit(accepted, bad[labelled], refused), woe, declined, other)

    def heckman():
        model = HeckmanClassifier(LogisticRegression(max_iter=1000))
        return predictions(model.fit(accepted, bad[labelled], refused), woe, declined, other)

    return {
        "fuzzy": timed(lambda: of_method("fuzzy")),
        "parcelling, 1.3": timed(lambda: of_method("parcelling", uplift=UPLIFT)),
        "reweighting": timed(lambda: of_method("reweighting")),
        "extrapolation": timed(lambda: of_method("extrapolation")),
        "self-learning": timed(lambda: of_method("selflearning")),
        "Heckman": timed(heckman),
    }


def riskkit_of_declined(folder):
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    from riskkit import reject_inference as declined_of

    woe, bad, labelled, declined, other = split_of(folder)
    y = np.where(labelled, bad, np.nan)

    def fitted(rows):
        model = LogisticRegression(max_iter=1000)
        place = rows["position"].to_numpy()
        model.fit(woe[place], rows["bad"], sample_weight=rows["weight"])
        return model

    def scored():
        model = fitted(declined_of.accepted_only(y, declined))
        return model.predict_proba(woe)[:, 1]

    def of_rows(rows):
        return predictions(fitted(rows), woe, declined, other)

    return {
        "none": timed(lambda: of_rows(declined_of.accepted_only(y, declined))),
        "fuzzy": timed(lambda: of_rows(declined_of.fuzzy_augmentation(y, declined, scored()))),
        "parcelling, 1.3": timed(
            lambda: of_rows(declined_of.parcelling(y, declined, scored(), uplift=UPLIFT))
        ),
        "reweighting": timed(
            lambda: of_rows(
                declined_of.reweighting(
                    y, declined, declined_of.acceptance_by_band(y, declined, scored())
                )
            )
        ),
    }


# -- cutoffs: the most approvals whose bad rate is at most 3 % -------------------------------------


def pycreditools(folder):
    import pandas as pd
    from pycreditools import CreditPolicy, optimize_cutoffs

    scores = pd.read_parquet(folder / "scores.parquet")
    scores["row"] = range(len(scores))
    policy = CreditPolicy(applicant_id_col="row", score_cols=["score"], actual_default_col="bad")

    def best(**grid):
        found = optimize_cutoffs(
            scores, policy, target_default_rate=MAX_BAD_RATE, min_approval_rate=0.0, **grid
        )
        return {
            "cutoff": found.best_combination["score"],
            "approval_rate": found.metrics["overall_approval_rate"],
            "bad_rate": found.metrics["overall_default_rate"],
        }

    every = sorted(scores["score"].unique().tolist())
    return {
        "its grid of ten": timed(best),
        "every score": timed(lambda: best(cutoff_ranges={"score": every})),
    }


def riskkit_of_cutoffs(folder):
    import pandas as pd

    from riskkit import metrics, strategy

    scores = pd.read_parquet(folder / "scores.parquet")

    def best():
        counts = metrics.score_counts(scores["score"], scores["bad"])
        table = strategy.cutoff_table(counts, strategy.Economics(60, 600, 5))
        chosen = strategy.choose_cutoff(table, max_bad_rate=MAX_BAD_RATE)
        return {
            "cutoff": float(chosen.name),
            "approval_rate": float(chosen["approval_rate"]),
            "bad_rate": float(chosen["bad_rate"]),
        }

    return {"every score": timed(best)}


# -- young cohorts: where their curves will stand at the last month on book ------------------------


def cranalytics(folder):
    import pandas as pd
    from cranalytics import vintage

    curves = pd.read_parquet(folder / "curves.parquet")
    last = int(curves["months_on_book"].max())

    def by_run():
        found = vintage.run(
            curves, min_maturity_months=last, extrapolate_tails=True, tail_max_mob=last
        )
        tails = found.tail_projections
        ends = tails[tails["months_on_book"] == last].set_index("vintage_date")
        return {"ends": ends["cumulative_loss_rate"].to_dict()}

    def by_curve(method):
        ends = {}
        for cohort, curve in curves.groupby("vintage_date"):
            if curve["months_on_book"].max() < last:
                seen = curve[curve["months_on_book"] > 0]
                fitter = vintage.CurveFitter(method)
                try:
                    fitter.fit(seen["months_on_book"], seen["cumulative_loss_rate"])
                except (RuntimeError, ValueError):  # it says so where it does not converge
                    continue
                ends[cohort] = float(fitter.predict([last])[0])
        return {"ends": ends}

    return {
        "its run": timed(by_run),
        "Weibull": timed(lambda: by_curve("weibull")),
    }


def riskkit_of_cohorts(folder):
    import pandas as pd

    from riskkit import projection, vintage

    panel = pd.read_parquet(folder / "panel.parquet")

    def ends(method):
        counts = vintage.cohort_counts(panel, dpd=(60,))
        table = projection.projection_table(projection.fit_hazards(counts, dpd=60), method=method)
        return {"ends": table["end_rate"].drop("all").to_dict()}

    return {
        "hazard model": timed(lambda: ends("hazards")),
        "chain ladder": timed(lambda: ends("chain_ladder")),
    }


TOOLS = {
    "rejectkit": rejectkit,
    "riskkit, of declined": riskkit_of_declined,
    "pycreditools": pycreditools,
    "riskkit, of cutoffs": riskkit_of_cutoffs,
    "cranalytics": cranalytics,
    "riskkit, of cohorts": riskkit_of_cohorts,
}


def main(name, folder):
    warnings.simplefilter("ignore")
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    TOOLS[name](folder)  # whatever is imported or compiled once
    result = {"version": version(name.split(",")[0]), "methods": TOOLS[name](folder)}
    (folder / f"{name}.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

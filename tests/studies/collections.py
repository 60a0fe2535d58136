"""Does the early warning's lift come true, and does a plan of collections bring what it promises?

Fifty thousand applicants a seed, and twenty thousand beside them for the tests, of whom a twentieth
in arrears is left alone by a draw each month. The score at origination is a plain card of another
draw. Warned is of the last six month-ends whose outcome is known; planned are the cases of six
month-ends, by what was known at the first of them, and the same borrowers are performed again under
the plan and under the same effort for all alike.
"""

from dataclasses import replace
from functools import cache

import pandas as pd

from riskkit import binning, collection_actions, early_warning, synthetic
from riskkit.scorecard import Scorecard
from studies import Study
from studies.world_models import CODES, LENDER, NAMES

SIZES = (50_000, 20_000)
HELD_OUT_RATE = 0.05
OTHERS = {"score at origination": "score", "days past due": "days"}


@cache
def card() -> Scorecard:
    """A plain card of another draw: no loan of a seed has taught it anything."""
    loans = synthetic.simulate(LENDER, 12_000, seed=0).applications
    loans = loans[loans["default_flag"].notna()]
    binner = binning.WoeBinner(min_bads=5, special_codes=CODES, infeasible="one_bin")
    return Scorecard(binner, max_p_value=None).fit(loans[NAMES], loans["default_flag"])


def measure(seed: int, n_applicants: int) -> dict[str, float]:
    """Lift of the early warning, and the plans' gain as expected and as it came."""
    lender = replace(LENDER, collection_holdout_rate=HELD_OUT_RATE)
    world = synthetic.simulate(lender, n_applicants, seed)
    people = world.applications.assign(points=card().credit_score(world.applications[NAMES]))
    borrowers = early_warning.borrowers_of(people, "points")
    return warned(world, borrowers, lender) | planned(world, borrowers, lender, seed)


def warned(
    world: synthetic.Portfolio, borrowers: pd.DataFrame, lender: synthetic.Lender
) -> dict[str, float]:
    """How well the early warning ranks, alone and beside what is known without it."""
    marks = early_warning.landmark_panel(
        world.performance, lender.observed_to, instalments=world.instalments, borrowers=borrowers
    )
    judged, _ = early_warning.judge_warning(marks)
    table = early_warning.lift_table(judged).loc["all"]
    row = table.loc["early warning"]
    found = {name: float(row[name]) for name in ("auc", "lift", "lift_low", "lift_high")}
    found["bad_ratio"] = float(row["bad"] / row["expected_bad"])
    for method, name in OTHERS.items():
        for ending in ("", "_low", "_high"):
            found[f"gain_{name}{ending}"] = float(table.loc[method, f"auc_gain{ending}"])
    return found


def planned(
    world: synthetic.Portfolio, borrowers: pd.DataFrame, lender: synthetic.Lender, seed: int
) -> dict[str, float]:
    """What six plans promised, and what they brought, in units of the currency."""
    cases = collection_actions.collection_cases(
        world.performance, lender.observed_to, borrowers=borrowers
    )
    # as many hands for as many applicants
    text = collection_actions.EXAMPLE_ACTIONS
    actions = tuple(
        replace(action, per_day=action.per_day * len(borrowers) / SIZES[0])
        for action in collection_actions.read_actions(text)
    )
    plan, expected = collection_actions.past_plans(cases, actions, lender.observed_to)
    kept = synthetic.World(lender=lender, seed=seed)
    realised = collection_actions.realised_gain(kept, world.applications, plan)
    found = {"cases": float(len(plan))}
    for against, name in {"all alike": "alike", "nothing done": "nothing"}.items():
        for kind, table in {"expected": expected, "realised": realised}.items():
            for ending in ("amount", "low", "high"):
                value = table.loc[against, f"gain_{ending}"] / 100
                found[f"{name}_{kind}_{ending}"] = float(value)
    return found


def summary(rows: pd.DataFrame) -> pd.Series:
    """Means over seeds of one size, and how often what came lay in what was promised."""
    values = rows.drop(columns=["commit", "modules"], errors="ignore").astype(float)
    found = {"seeds": float(len(values))}
    for name in ("auc", "lift", "bad_ratio", "gain_score", "gain_days"):
        found[name] = values[name].mean()
    for name in ("alike", "nothing"):
        came, low, high = (
            values[f"{name}_{kind}"]
            for kind in ("realised_amount", "expected_low", "expected_high")
        )
        found[f"{name}_expected"] = values[f"{name}_expected_amount"].mean()
        found[f"{name}_realised"] = came.mean()
        found[f"{name}_realised_error"] = came.std(ddof=1) / len(values) ** 0.5
        found[f"{name}_inside"] = float(came.between(low, high).sum())
        found[f"{name}_positive"] = float((came > 0).sum())
    return pd.Series(found)


STUDY = Study(
    name="collections",
    modules=("synthetic", "early_warning", "collection_actions", "binning", "scorecard"),
    cases=[{"seed": seed, "n_applicants": size} for size in SIZES for seed in range(1, 25)],
    measure=measure,
)

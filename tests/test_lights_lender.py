"""The project's own lights on the synthetic lender: calm in normal times, lit where it changes."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
from studies import alarms

from riskkit import lights
from riskkit.schema import LimitsFile
from riskkit.synthetic import Lender

SEED = 1002  # of those that the lights were tuned on
ONSET = pd.Timestamp("2023-07-01")


@pytest.fixture(scope="module")
def limits() -> LimitsFile:
    return alarms.limits()


@pytest.fixture(scope="module")
def signs() -> pd.DataFrame:
    return alarms.world("base", SEED)


@pytest.fixture(scope="module")
def base(signs, limits) -> pd.DataFrame:
    return lights.lights_history(signs, limits)


def test_every_light_of_the_file_is_told_and_calm_where_nothing_changes(base, limits):
    assert base.index.unique("light").tolist() == list(limits.lights)
    assert not (base["colour"] == "red").any()
    assert (base["colour"] == "green").mean() > 0.75
    table = lights.light_table(base, limits)
    assert (table["month"] >= "2024-11-01").all()
    assert table[["value", "low", "high", "before", "mean_before"]].notna().all(axis=None)
    within = table["value"].between(table["target_low"], table["target_high"])
    assert within[table["target_low"].notna()].all()


def test_every_light_turns_red_under_the_breach_that_it_states(signs, base, limits):
    broken = lights.lights_history(lights.inject_breaches(signs, limits, ONSET), limits)
    found = lights.useless_lights(limits, base, {}, broken, ONSET)
    assert found["by_breach"].between(0, 2).all()
    assert not found["useless"].any()
    assert lights.useless_text(found).startswith(f"Each of the {len(found)} lights turns red")


def test_useless_lights_of_a_file_are_found_and_named(signs, limits):
    # a breach too small to see, and a limit that is always passed
    dull = {"watched": False, "breach": 1.01}
    sharp = {"target": None, "amber": 0.001, "red": 0.002}
    own = dict(limits.lights)
    own["open_30"] = own["open_30"].model_copy(update=dull)
    own["override"] = own["override"].model_copy(update=sharp)
    spoiled = limits.model_copy(update={"lights": own})
    histories = [
        lights.lights_history(table, spoiled)
        for table in (signs, lights.inject_breaches(signs, spoiled, ONSET))
    ]
    found = lights.useless_lights(spoiled, histories[0], {}, histories[1], ONSET)
    assert found.index[found["useless"]].tolist() == ["override", "open_30"]
    assert found.loc["override", "why"] == "always red"


def test_each_scenario_turns_red_the_lights_that_name_it(base, limits):
    lender = Lender()
    for scenario in alarms.SCENARIOS:
        history = lights.lights_history(alarms.world(scenario, SEED), limits)
        found = lights.useless_lights(limits, base, {scenario: history}, base, ONSET,
                                      within_months=12)  # fmt: skip
        named = [name for name, light in limits.lights.items() if light.scenario == scenario]
        assert found.loc[named, "by_scenario"].notna().any(), scenario
        # nothing is told of the change before it comes
        early = history[history.index.get_level_values("month") < ONSET]
        assert not (early["colour"] == "red").any()
    assert lender.onset_index == 18


def test_the_study_holds_what_the_lights_promise():
    rows = alarms.STUDY.rows()
    told = alarms.summary(rows)
    sys.stdout.write(f"\n{told.T.to_string()}\n")
    assert (told["seeds"] == 200).all()
    assert (told["upper_rate"] <= 0.10).all()
    assert (told["delay"] <= told["known_delay"] + 1).all()


def test_the_studys_summary_is_a_plain_count():
    rows = pd.DataFrame(
        {"scenario": "growth", "seed": range(10), "red_in_base": [1] + [0] * 9,
         "red_before": [1] + [0] * 9, "delay": [0, *[2.0] * 5, *[3.0] * 4],
         "base_peak": np.arange(10.0), "peak_before": 0.0}
    )  # fmt: skip
    peaks = {f"peak_{month:02d}": 4.0 * month for month in range(alarms.YEAR)}
    told = alarms.summary(rows.assign(**peaks)).loc["growth"]
    # one of ten worlds, that of 9, may lie above the bound, which is 8: passed in month 3
    assert (told["bound"], told["known_delay"], told["delay"]) == (8, 3, 2)
    assert told["red_in_base"] == 1

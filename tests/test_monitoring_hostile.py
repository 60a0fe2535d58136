"""Monitoring on rows that no contract would let through, and on values called as ours are."""

import functools

import numpy as np
import pandas as pd
import pytest
from thin_sources import CATEGORY, thin_source

from riskkit import lights, monitoring
from riskkit.binning import WoeBinner
from riskkit.partitions import add_counts
from riskkit.schema import LimitsFile

SOURCE = thin_source("hostile", n=200)
ASKED, OBSERVED = SOURCE.applications, SOURCE.observed_to
BASE = (ASKED["applied_at"] < "2022-09-01").to_numpy()


def counted(applications=ASKED, **more):
    return monitoring.monthly_counts(applications, observed_to=OBSERVED, **more)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: counted(pd.concat([ASKED, ASKED[:3]])), "application_id: 3 rows repeat an id"),
        (lambda: counted(ASKED.assign(applied_at=ASKED["applied_at"].dt.tz_localize("UTC"))),
         "applied_at must have no time zone, got dates in UTC"),
        (lambda: counted(ASKED.assign(applied_at=ASKED["applied_at"].where(BASE))),
         "applied_at must be known of every row, missing in"),
        (lambda: monitoring.value_counts(
            ASKED.assign(applied_at=ASKED["applied_at"].where(BASE)), [CATEGORY], base=BASE),
         "applied_at must be known of every row"),
        (lambda: counted(score=np.full(200, np.inf)), "score must be at most 1,000,000 either way"),
        (lambda: counted(score=np.full(200, -1e19)), "score must be at most 1,000,000 either way"),
        (lambda: monitoring.stability_counts(ASKED, base=BASE, score=np.full(200, np.inf)),
         "score must be at most"),
        (lambda: monitoring.monthly_counts(ASKED, observed_to=None), "observed_to must be a day"),
    ],
)  # fmt: skip
def test_rows_that_cannot_be_are_refused_in_words(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_book_without_one_application_is_counted():
    counts = counted(ASKED[:0], performance=SOURCE.performance)
    whole = counted(performance=SOURCE.performance)
    assert counts["disbursed"].sum() == whole["disbursed"].sum() > 0
    assert counts["disbursed_amount"].sum() == 0
    of_none = counted(ASKED[:0], performance=SOURCE.performance, by="channel")
    assert of_none.index.unique("channel").tolist() == ["none"]


def test_a_category_called_as_a_value_of_ours_is_not_that():
    odd = ["missing", None, "special 7", "a value", "level x", "NaN", 1, 1.0, "1"]
    cities = pd.Series((odd * 23)[:200], dtype=object)
    applications = ASKED.assign(city=cities.where(~BASE, "missing"))
    counts = monitoring.value_counts(applications, [CATEGORY], base=BASE)
    rows = counts.loc["city"].groupby(level="value").sum()
    later = cities[~BASE]
    wanted = {name: int((later == name).sum()) for name in ("missing", "special 7", "a value")}
    assert {name: rows.loc[f"level {name}", "rows"] for name in wanted} == wanted
    assert rows.loc["level missing", "base_rows"] == BASE.sum()
    assert (rows.loc["missing", "rows"], rows.loc["missing", "base_rows"]) == (
        later.isna().sum(), 0,
    )  # fmt: skip
    assert rows.loc["level level x", "rows"] == (later == "level x").sum()
    changed = monitoring.value_changes(counts).loc["city"]
    assert changed["kind"].to_dict() == {
        name: "missing" if name == "missing" else "category" for name in changed.index
    }
    part = np.arange(200) % 3
    parts = [
        monitoring.value_counts(applications[part == k], [CATEGORY], base=BASE[part == k])
        for k in range(3)
    ]
    pd.testing.assert_frame_equal(functools.reduce(add_counts, parts).sort_index(), counts)


def test_bins_without_a_development_sample_or_a_month_are_no_rows():
    known = ASKED["default_flag"].notna()
    binner = WoeBinner().fit(ASKED.loc[known, ["income"]], ASKED.loc[known, "default_flag"])
    everything = monitoring.stability_counts(ASKED, base=np.zeros(200, bool), binner=binner)
    assert monitoring.stability_bins(everything, binner).empty
    counts = monitoring.stability_counts(ASKED, base=BASE, binner=binner)
    assert monitoring.stability_bins(counts, binner, month="1999-01-01").empty
    assert len(monitoring.stability_bins(counts, binner))


def test_a_light_of_a_value_called_none_does_not_count_what_is_missing():
    light = {"label": "x", "unit": "rate", "worse": "higher", "amber": "0.1", "red": "0.2",
             "breach": "2", "owner": "a", "to_do": "b"}  # fmt: skip
    limits = LimitsFile.model_validate({"lights": {"channel_None": light}})
    channel = pd.Series(["None", None] * 100, dtype=object)
    signs = lights.share_signs(ASKED.assign(channel=channel), limits, OBSERVED)
    assert signs["numerator"].sum() == 100
    told = lights.lights_text(pd.DataFrame({"colour": ["green"], "label": ["x"]}))
    assert told == "**The one light is green.**"

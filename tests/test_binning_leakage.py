"""What only bads, or only goods, have is told as leakage, whatever the limits on bins."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit import binning, schema
from riskkit.binning import WoeBinner, count_features
from riskkit.binning.leakage import LEAKAGE_IV, one_class_iv

N = 4000
RNG = np.random.default_rng(0)
Y = (RNG.random(N) < 0.08).astype(int)
BAD = Y == 1
FLIPPED = np.where(np.isin(np.arange(N), [*np.flatnonzero(BAD)[:3], *range(4)]), 1 - Y, Y)
LEAKS = {
    "the label": Y.astype(float),
    "the label, seven rows wrong": FLIPPED.astype(float),
    "the label as levels": pd.Series(np.where(BAD, "lost", "paid")),
    "the label as truth": BAD,
    "many levels": pd.Series(np.where(BAD, "lost ", "paid "))
    + pd.Series(np.arange(N) % 4).map(str),
    "there for bads only": np.where(BAD, RNG.random(N), np.nan),
    "there for goods only": np.where(BAD, np.nan, RNG.random(N)),
    "above 0 for bads only": np.where(BAD, RNG.random(N), 0.0),
    "above 0 for goods only": np.where(BAD, 0.0, RNG.random(N)),
    "a third of the bads": np.where(BAD & (RNG.random(N) < 0.34), 1.0, 0.0),
    "three quarters of the goods": np.where(~BAD & (RNG.random(N) < 0.75), 1.0, 0.0),
    "a band of values": np.where(BAD, RNG.uniform(5, 6, N), RNG.choice([4.5, 7.0], N)),
    "a special code": np.where(BAD, -9.0, RNG.random(N)),
}
SOUND = {
    "noise": RNG.normal(size=N),
    "few values": RNG.poisson(2, N).astype(float),
    "a rare level of goods": pd.Series(np.where(~BAD & (RNG.random(N) < 0.02), "rare", "other")),
    "a fifth of the goods": np.where(~BAD & (RNG.random(N) < 0.2), 1.0, 0.0),
    "levels of twenty rows": pd.Series((np.arange(N) // 20).astype(str)),
    "strong, yet a risk": Y + 1.2 * RNG.normal(size=N),
    "three bads": np.where(np.cumsum(BAD) <= 3, BAD, 0).astype(float),
    "missing for most": np.where(RNG.random(N) < 0.9, np.nan, RNG.random(N)),
}
LIMITS = ({}, {"min_bads": 5, "infeasible": "one_bin"}, {"min_bads": 400, "infeasible": "one_bin"})


def smoothed(goods, bads):
    """IV of parts by the definition, in plain words."""
    iv = 0.0
    for good, bad in zip(goods, bads, strict=True):
        half = 0.5 if good == 0 or bad == 0 else 0.0
        woe = np.log((good + half) / sum(goods) / ((bad + half) / sum(bads)))
        iv += (good / sum(goods) - bad / sum(bads)) * woe
    return iv


@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize("name", LEAKS)
def test_what_one_class_alone_has_is_possible_leakage_under_any_limit(name, limits):
    X = pd.DataFrame({"x": LEAKS[name], "noise": SOUND["noise"]})
    binner = WoeBinner(**limits).fit(X, Y)
    assert list(binner.leakage_) == ["x"]
    assert binner.iv["x"] >= binner.leakage_["x"] > LEAKAGE_IV
    table = binning.select_features(binner, binner.transform(X))
    assert table.loc["x", ["selected", "leakage", "reason"]].tolist() == [
        False,
        True,
        "possible leakage",
    ]
    assert table.index[0] == "x"


@pytest.mark.parametrize("name", SOUND)
def test_what_chance_or_risk_makes_is_none(name):
    binner = WoeBinner(infeasible="one_bin").fit(pd.DataFrame({"x": SOUND[name]}), Y)
    assert binner.leakage_ == {}
    assert binner.iv["x"] == binner.bins_["x"].iv


def test_the_information_value_is_that_of_half_counts():
    goods, bads = (~BAD).sum(), BAD.sum()
    binner = WoeBinner().fit(pd.DataFrame({"x": LEAKS["the label"]}), Y)
    assert binner.bins_["x"].iv == 0
    assert binner.iv["x"] == pytest.approx(smoothed([goods, 0], [0, bads]))
    third = LEAKS["a third of the bads"] == 1
    binner = WoeBinner().fit(pd.DataFrame({"x": LEAKS["a third of the bads"]}), Y)
    expected = smoothed([goods, 0], [bads - third.sum(), third.sum()])
    assert binner.iv["x"] == pytest.approx(expected)
    # where the bins show it themselves, both are the same
    binner = WoeBinner().fit(pd.DataFrame({"x": LEAKS["there for bads only"]}), Y)
    assert binner.leakage_["x"] == pytest.approx(binner.bins_["x"].iv)


def test_special_codes_weights_and_parts_tell_the_same():
    X = pd.DataFrame({"x": LEAKS["a special code"]})
    plain = WoeBinner(special_codes=[-9]).fit(X, Y)
    # weights below 1 say how much a row counts, not that there are fewer
    small = np.full(N, 0.002)
    counted = WoeBinner(special_codes=[-9]).fit(X, Y, sample_weight=small)
    assert list(plain.leakage_) == list(counted.leakage_) == ["x"]
    edges = count_features(X, Y).edges
    parts = [count_features(X[rows], Y[rows], edges) for rows in (slice(0, 900), slice(900, N))]
    whole = count_features(X, Y, edges)
    assert one_class_iv((parts[0] + parts[1])["x"]) == one_class_iv(whole["x"]) > LEAKAGE_IV


def test_a_saved_binner_knows_its_leaks():
    binner = WoeBinner().fit(pd.DataFrame({"x": LEAKS["the label"]}), Y)
    values = json.loads(json.dumps(binner.to_json()))
    assert WoeBinner.from_json(values).leakage_ == binner.leakage_
    pd.testing.assert_series_equal(WoeBinner.from_json(values).iv, binner.iv)


def test_the_far_end_of_a_strong_feature_is_no_leakage():
    """Six bads in a row at the end of 800 loans once took a feature of the lender off the card."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        y = np.repeat([1, 0], [45, 755])
        x = rng.normal(size=800) + 0.9 * y
        x[:6] = x.max() + np.arange(1, 7)
        binner = WoeBinner().fit(pd.DataFrame({"x": x}), y)
        assert binner.leakage_ == {}
        assert binner.iv["x"] == binner.bins_["x"].iv


def test_a_handful_of_rows_proves_nothing():
    few = pd.DataFrame({"x": [0.0] * 5 + [1.0] * 5})
    assert WoeBinner().fit(few, [0] * 5 + [1] * 5).leakage_ == {}
    many = pd.concat([few] * 4)
    assert WoeBinner().fit(many, [*[0] * 5, *[1] * 5] * 4).leakage_


# derandomized: one feature of chance in a thousand is allowed to look like a leak
@settings(derandomize=True)
@given(st.integers(0, 10_000), st.floats(0.01, 0.5), st.integers(40, 2000))
def test_no_feature_of_chance_leaks_and_every_copy_of_the_label_does(seed, rate, n):
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < rate).astype(int)
    if min(y.sum(), n - y.sum()) < 8:
        y[:16] = [0, 1] * 8
    X = pd.DataFrame(
        {
            "number": rng.normal(size=n),
            "few": rng.poisson(1, n).astype(float),
            "levels": rng.integers(0, n // 20, n).astype(str),
            "rare": rng.random(n) < 0.05,
            "copy": y + rng.random(n) / 2,
        }
    )
    assert list(WoeBinner(infeasible="one_bin").fit(X, y).leakage_) == ["copy"]


def test_lending_club_tells_what_is_known_only_afterwards(shared_data):
    mapping = Path(__file__).parents[1] / "data" / "sources" / "lending_club.yaml"
    data = schema.load_source(mapping, shared_data / "lending_club")
    loans = data.applications[data.applications["default_flag"].notna()]
    afterwards = {f.name for f in data.features if f.known_afterwards}
    before = [f.name for f in data.features if f.name not in afterwards]
    binner = WoeBinner(min_bads=5, infeasible="one_bin")
    leaks = binner.fit(loans[before + sorted(afterwards)], loans["default_flag"]).leakage_
    assert {"recoveries", "collection_recovery_fee", "total_rec_prncp"} <= set(leaks) <= afterwards

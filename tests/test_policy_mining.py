"""Rules mined from crossed bins: the best ones there are, and whether they hold elsewhere."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from riskkit import binning, policy
from riskkit.schema import Feature

FEATURES = [
    Feature(name="x", label="X", family="f", special_codes={-9: "none"}),
    Feature(name="z", label="Z", family="f"),
    Feature(name="job", label="Job", family="f", kind="category"),
    Feature(name="flag", label="Flag", family="f"),
    Feature(name="gender", label="Gender", family="p", kind="category", protected=True),
]
CODES = {"x": [-9.0]}


def world(seed, n=4_000, planted=0.0):
    """Applicants whose risk rests on x a little, and on high x with high z where planted."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "x": np.where(rng.random(n) < 0.1, -9.0, rng.integers(0, 8, n)),
            "z": np.where(rng.random(n) < 0.05, np.nan, rng.normal(size=n).round(1)),
            "job": rng.choice(["office", "gig", "none"], n),
            "flag": rng.random(n) < 0.3,
            "gender": rng.choice(["f", "m"], n),
        }
    )
    risk = 0.08 + 0.01 * frame["x"].clip(lower=0)
    risk += planted * ((frame["x"] >= 6) & (frame["z"] >= 1.2))
    risk += 0.05 * (frame["gender"] == "m")
    y = pd.Series((rng.random(n) < risk).astype(float))
    y[rng.random(n) < 0.2] = np.nan
    return frame, y


def fitted(frame, y):
    known = y.notna()
    binner = binning.WoeBinner(special_codes=CODES, max_bins=5, min_bin_size=0.03)
    return binner.fit(frame[known], y[known].astype(int))


@pytest.fixture(scope="module")
def planted():
    frame, y = world(1, planted=0.6)
    return frame, y, fitted(frame, y)


def single_cuts(binner, frame):
    """Every single cut as a flag a row, made from values and without any bins' numbers."""
    cuts = {}
    for name in ("x", "z"):
        values = frame[name]
        there = values.notna() & ~values.isin(CODES.get(name, []))
        for edge in binner.bins_[name].edges:
            cuts[name, "<", edge] = there & (values < edge)
            cuts[name, ">=", edge] = there & (values >= edge)
        cuts[name, "missing"] = values.isna()
    cuts["x", "=="] = frame["x"] == -9
    groups = binner.bins_["job"].groups
    if len(groups) > 1:
        bins = binner.bins_["job"].counts
        worst = np.argsort(-(bins[:, 1] / np.maximum(bins.sum(axis=1), 1))[: len(groups)])
        sets = [list(groups[k]) for k in worst]
        sets += [[v for k in worst[:m] for v in groups[k]] for m in range(2, len(groups))]
        for number, levels in enumerate(sets):
            cuts["job", number] = frame["job"].isin(levels)
    cuts["job", "missing"] = frame["job"].isna()
    if len(binner.bins_["flag"].edges):
        cuts["flag", True], cuts["flag", False] = frame["flag"], ~frame["flag"]
    cuts["flag", "missing"] = frame["flag"].isna()
    return cuts


def test_the_first_rule_is_the_best_of_all_by_brute_force(planted):
    frame, y, binner = planted
    cuts = single_cuts(binner, frame)
    rules = [flag for flag in cuts.values()]
    rules += [cuts[a] & cuts[b] for a, b in combinations(cuts, 2) if a[0] != b[0]]
    rules = [flag.to_numpy() for flag in rules if flag.any()]
    known, bad = y.notna().to_numpy(), (y == 1).to_numpy()
    best = -np.inf
    for flag in rules:
        if flag.sum() > 0.03 * len(frame):
            continue
        here, rest = flag & known, ~flag & known
        best = max(best, bad[here].sum() - here.sum() * bad[rest].mean())
    mined = policy.mine_rules(binner, frame, y, FEATURES, max_loss_rate=0.03, n_rules=3)
    assert mined["excess_bads"].iloc[0] == pytest.approx(best)
    assert mined["tried"].iloc[0] == len(rules)
    row = mined.iloc[0]
    table = [[row["bad"], row["loans"] - row["bad"]],
             [row["rest_bad"], row["rest_loans"] - row["rest_bad"]]]  # fmt: skip
    raw = stats.fisher_exact(table, alternative="greater").pvalue
    assert row["p_value"] == pytest.approx(min(1, raw * len(rules)))


def test_rules_fire_on_whom_they_were_counted_on(planted):
    frame, y, binner = planted
    mined = policy.mine_rules(binner, frame, y, FEATURES, max_loss_rate=0.05, n_rules=4)
    flags = policy.fired(frame, policy.mined_policy(mined), CODES)
    assert flags.sum().tolist() == mined["fires"].tolist()
    assert (mined["fires"] <= 0.05 * len(frame)).all()
    first = policy.declined_by(flags).value_counts(sort=False)
    assert first.tolist() == mined["applications"].tolist()
    judged = policy.judge_mined(mined, frame, y, CODES)
    same = ["rule", "fires", "applications", "loans", "bad", "rest_loans", "rest_bad"]
    pd.testing.assert_frame_equal(judged[same], mined[same])


def test_what_is_planted_is_found_and_holds_on_other_loans(planted):
    frame, y, binner = planted
    mined = policy.mine_rules(binner, frame, y, FEATURES, max_loss_rate=0.05, n_rules=3)
    assert set(mined.loc[1, ["column_a", "column_b"]]) == {"x", "z"}
    others = world(2, planted=0.6)
    judged = policy.judge_mined(mined, *others, CODES)
    assert judged.loc[1, "verdict"] == "holds"
    text = policy.mined_text(mined, judged, "on other loans")
    assert f"Of {mined['tried'].iloc[0]:,} rules" in text
    assert "hold there" in text
    # the same in a world without it does not
    elsewhere = policy.judge_mined(mined, *world(3), CODES)
    assert elsewhere.loc[1, "verdict"] != "holds"
    told = policy.mined_text(mined, elsewhere, "on other loans")
    assert "**None of them holds there beyond chance**" in told


def test_a_rule_that_finds_whom_the_policy_declines_already_is_none_to_be_tried(planted):
    frame, y, binner = planted
    mined = policy.mine_rules(binner, frame, y, FEATURES, max_loss_rate=0.05, n_rules=1)
    others, flag = world(2, planted=0.6)
    judged = policy.judge_mined(mined, others, flag, CODES)
    hit = policy.fired(others, policy.mined_policy(mined), CODES)["mined_1"]
    # a score that knows nearly all of the bads which the rule finds
    passes = ~(hit & (flag == 1) & (hit.cumsum() > 3))
    behind = policy.judge_mined(mined, others[passes], flag[passes], CODES)
    words = {"behind": behind, "policy": "the score"}
    text = policy.mined_text(mined, judged, "on other loans", **words)
    n, left = int(judged["bad"].sum()), int(behind["bad"].sum())
    assert f"**None holds there**: of {n:,} bads they find, {n - left:,} go before them." in text
    assert (
        f"Behind the score, which declines before them, they are left {(passes & hit).sum()}"
        in (text)
    )
    assert policy.policy_findings(judged=behind, policy="the score") == []
    # behind a score that knows nothing of them they hold
    words["behind"] = judged
    assert "**There too hold** *" in policy.mined_text(mined, judged, "on other loans", **words)
    told = policy.policy_findings(judged=judged, policy="the score")
    assert "did not choose them, behind the score; the first" in told[0][1]


def test_the_luck_of_the_search_is_taken_off():
    found = []
    for seed in range(8):
        frame, y = world(20 + seed, n=1_500)
        y = y.where(y.isna(), np.random.default_rng(seed).permutation(y.fillna(0)))
        mined = policy.mine_rules(fitted(frame, y), frame, y, FEATURES, max_loss_rate=0.05)
        found += mined["p_value"].iloc[:1].tolist()
        judged = policy.judge_mined(mined, *world(40 + seed, n=1_500), CODES)
        assert judged["p_value"].notna().all()
    assert min(found) >= 0.05


def test_protected_attributes_and_what_is_known_afterwards_are_never_used(planted):
    frame, y, _ = planted
    told = frame.assign(gender=np.where(y == 1, "m", "f"), later=(y == 1).astype(float))
    features = [*FEATURES, Feature(name="later", label="L", family="f", known_afterwards=True)]
    binner = fitted(told, y)
    assert {"gender", "later"} <= set(binner.bins_)
    mined = policy.mine_rules(binner, told, y, features, max_loss_rate=0.3)
    assert not {"gender", "later"} & {*mined["column_a"], *mined["column_b"]}


def test_nothing_to_find_is_no_rule(planted):
    frame, y, binner = planted
    none = policy.mine_rules(binner, frame, np.zeros(len(frame)), FEATURES)
    assert none.empty
    assert policy.judge_mined(none, frame, y).empty
    assert "No rule was found" in policy.mined_text(none, policy.judge_mined(none, frame, y), "")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_loss_rate": 0.0}, r"max_loss_rate must lie in \(0, 1\), got 0.0"),
        ({"n_rules": 0}, "n_rules must be at least 1, got 0"),
        ({"level": 1.0}, "level"),
    ],
)
def test_settings_that_cannot_be_are_refused(planted, settings, message):
    frame, y, binner = planted
    with pytest.raises(ValueError, match=message):
        policy.mine_rules(binner, frame, y, FEATURES, **settings)

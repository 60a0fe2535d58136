"""Why the approval rate moved: parts that add up, and causes that are found."""

from __future__ import annotations

from functools import cache
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from riskkit import policy
from riskkit.policy.funnel import LOST_AT
from riskkit.policy.moves import FACTORS


def lost(codes):
    return pd.Series(pd.Categorical.from_codes(codes, categories=list(LOST_AT)))


def random_world(rng, n, n_origins=3):
    """Lost steps, period, origin and score without rhyme or reason; some origins may be empty."""
    codes = rng.choice(np.arange(-1, len(LOST_AT)), n)
    later = rng.random(n) < rng.uniform(0.2, 0.8)
    later[:2] = [True, False]
    origin = pd.Series(rng.choice([f"o{k}" for k in range(n_origins)], n))
    return lost(codes), later, origin, rng.integers(500, 520, n)


def approved(lost_at):
    return ~lost_at.isin(["identity", "rules", "score", "offer"])


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.integers(2, 60), st.integers(1, 4), st.booleans())
def test_the_parts_add_up_to_the_change_exactly(seed, n, n_origins, is_scored):
    rng = np.random.default_rng(seed)
    lost_at, later, origin, score = random_world(rng, n, n_origins)
    more = {"score": score} if is_scored else {}
    moves = policy.approval_moves(lost_at, later, origin=origin, n_bands=4, n_draws=2, **more)
    rate = approved(lost_at)
    change = rate[later].mean() - rate[~later].mean()
    whole = moves.loc["all"]
    assert whole.loc["change", "points"] == pytest.approx(change, abs=1e-12)
    assert whole.drop("change")["points"].sum() == pytest.approx(change, abs=1e-12)
    assert whole["later"].iloc[0] == pytest.approx(rate[later].mean())
    of_origins = moves.drop("all", level="origin")["points"].groupby(level="factor").sum()
    assert np.allclose(of_origins[[*FACTORS, "change"]], whole["points"], atol=1e-12)
    for name, part in moves.drop("all", level="origin").groupby(level="origin"):
        points = part.droplevel("origin")["points"]
        assert points[list(FACTORS)].sum() == pytest.approx(points["change"], abs=1e-12)
        assert part["later_n"].iloc[0] == ((origin == name) & later).sum()


def test_every_part_is_the_mean_over_all_orders():
    """By walking through the 120 orders one factor at a time, from counts without arrays."""
    rng = np.random.default_rng(4)
    lost_at, later, origin, score = random_world(rng, 3_000)
    high = pd.Series(score >= 510)
    values = {}
    for period in (False, True):
        for name in sorted(set(origin)):
            mine = (later == period) & (origin == name).to_numpy()
            ruled = mine & ~lost_at.isin(["identity", "rules"]).to_numpy()
            w, r = mine.sum() / (later == period).sum(), ruled.sum() / mine.sum()
            scored = ruled & (lost_at != "score").to_numpy()
            g, q = {}, {}
            for band in (False, True):
                of_band = ruled & (high == band).to_numpy()
                g[band] = of_band.sum() / ruled.sum()
                q[band] = (scored & of_band).sum() / of_band.sum()
            h = (scored & approved(lost_at).to_numpy()).sum() / scored.sum()
            values[period, name] = (w, r, g, q, h)

    @cache
    def rate(periods):
        total = 0.0
        for name in sorted(set(origin)):
            w, r, g, q, h = (values[p, name][k] for k, p in enumerate(periods))
            total += w * r * sum(g[band] * q[band] for band in (False, True)) * h
        return total

    expected = np.zeros(5)
    for order in permutations(range(5)):
        periods = [False] * 5
        for factor in order:
            after = [*periods]
            after[factor] = True
            expected[factor] += (rate(tuple(after)) - rate(tuple(periods))) / 120
            periods = after
    two_bands = np.where(high, 600, 500)
    moves = policy.approval_moves(lost_at, later, origin=origin, score=two_bands, n_draws=2)
    assert moves.loc["all"]["points"].to_numpy()[:5] == pytest.approx(expected, abs=1e-12)


def applicants(rng, n):
    return pd.DataFrame({
        "origin": rng.choice(["app", "web"], n, p=[0.6, 0.4]),
        "score": rng.normal(600, 30, n).round(),
        "fires": rng.random(n) < 0.1, "hand": rng.random(n) < 0.02,
    })  # fmt: skip


def decided(asked, cutoff):
    codes = np.select(
        [asked["fires"], asked["score"] < cutoff, asked["hand"]],
        [LOST_AT.index(step) for step in ("rules", "score", "offer")],
        default=-1,
    )
    return lost(codes)


@pytest.mark.parametrize("cause", FACTORS)
def test_one_cause_is_found_and_none_beside_it(cause):
    rng = np.random.default_rng(8)
    before = applicants(rng, 20_000)
    after = before.copy()
    cutoffs = [580, 580]
    if cause == "traffic mix":
        web = before["origin"] == "web"
        before.loc[web, "score"] -= 40
        after = pd.concat([before, before[web]], ignore_index=True)
    elif cause == "policy rules":
        after["fires"] |= rng.random(len(after)) < 0.1
    elif cause == "score shift":
        after["score"] -= 15
    elif cause == "cutoff":
        cutoffs = [580, 590]
    else:
        after["hand"] |= rng.random(len(after)) < 0.1
    asked = pd.concat([before, after], ignore_index=True)
    later = np.arange(len(asked)) >= len(before)
    lost_at = pd.concat(
        [decided(before, cutoffs[0]), decided(after, cutoffs[1])], ignore_index=True
    )
    moves = policy.approval_moves(
        lost_at, later, origin=asked["origin"], score=asked["score"], n_bands=60, n_draws=60
    )
    whole = moves.loc["all"]
    assert whole.loc[cause, "points"] == pytest.approx(whole.loc["change", "points"], abs=2e-3)
    assert abs(whole.loc["change", "points"]) > 0.01
    assert whole.loc[cause, "p_value"] < 1e-4
    text = policy.moves_text(moves)
    assert "**beyond chance**" in text
    assert f"beyond chance (after Holm): {cause}" in text


def test_intervals_cover_a_change_that_is_none():
    covered = false_alarms = 0
    for seed in range(80):
        rng = np.random.default_rng(seed)
        asked = applicants(rng, 2_000)
        later = rng.random(2_000) < 0.5
        moves = policy.approval_moves(
            decided(asked, 580), later, origin=asked["origin"], score=asked["score"], n_draws=60
        ).loc["all"]
        change = moves.loc["change"]
        covered += change["low"] <= 0 <= change["high"]
        false_alarms += bool((moves["p_value"].drop("change") < 0.05).any())
    low, high = stats.binom.interval(0.999, 80, 0.95)
    assert low <= covered <= high
    assert false_alarms <= stats.binom.ppf(0.999, 80, 0.05)


def test_where_everybody_was_approved_nothing_is_said_of_it():
    moves = policy.approval_moves(lost([-1] * 10), np.arange(10) < 5, n_draws=5)
    assert policy.moves_text(moves).startswith("Everyone in these data was approved")


def test_without_a_score_its_shift_and_the_cutoff_are_one():
    rng = np.random.default_rng(3)
    lost_at, later, origin, _ = random_world(rng, 500)
    moves = policy.approval_moves(lost_at, later, n_draws=20)
    assert list(moves.index.unique("origin")) == ["all"]
    assert moves.loc[("all", "score shift"), "points"] == 0
    assert moves.loc[("all", "traffic mix"), "points"] == 0
    assert "By origin" not in policy.moves_text(moves, is_scored=False)
    assert origin.notna().all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"later": np.zeros(4, dtype=bool)}, "both periods need at least one application"),
        ({"score": [1.0, np.nan, 2.0, 3.0]}, "score is missing somewhere"),
        ({"origin": pd.Series(["a", None, "b", "c"])}, "origin is missing somewhere"),
        ({"lost_at": pd.Series(pd.Categorical([*"abcd"]))}, "lost_today or lost_under"),
        ({"n_bands": 0}, "n_bands"),
    ],
)
def test_periods_that_cannot_be_compared_are_refused(change, message):
    given_ = {"lost_at": lost([-1, 0, 1, 2]), "later": np.array([True, False] * 2)} | change
    with pytest.raises(ValueError, match=message):
        policy.approval_moves(**given_)


def test_origins_of_few_applications_are_told_together():
    asked = pd.DataFrame({"channel": ["app"] * 98 + ["fax", None], "partner": [None] * 100})
    asked.loc[:49, "partner"] = "dune"
    assert policy.traffic(asked, least=0.02).value_counts().to_dict() == {
        "app, dune": 50, "app": 48, "others": 2,
    }  # fmt: skip
    assert set(policy.traffic(asked[[]])) == {"all"}


# -- decline reasons, and the target band ---------------------------------------------------------


def test_the_shift_of_a_reason_is_tested_and_adjusted():
    reasons = ["age"] * 100 + ["points"] * 300 + [None] * 600
    asked = pd.DataFrame({
        "declined_reason": reasons * 2, "approved": ([False] * 400 + [True] * 600) * 2,
    })  # fmt: skip
    later = np.arange(2_000) >= 1_000
    asked.loc[1_100:1_179, "declined_reason"] = "age"
    asked.loc[1_400:1_404, "approved"] = False
    shift = policy.reason_shift(asked, later)
    assert shift[["earlier_n", "later_n"]].T.to_dict("list") == {
        "age": [100, 180], "points": [300, 220], "not recorded": [0, 5],
    }  # fmt: skip
    raw = [
        stats.fisher_exact([[180, 820], [100, 900]]).pvalue * 3,
        stats.fisher_exact([[220, 780], [300, 700]]).pvalue * 2,
        stats.fisher_exact([[5, 995], [0, 1000]]).pvalue,
    ]
    assert shift["p_value"].to_numpy() == pytest.approx(raw, rel=1e-6)
    assert (shift["low"] < shift["difference"]).all()
    text = policy.reasons_text(shift)
    assert text.startswith("Of 3 reasons, beyond chance (Fisher, after Holm): age from 10.0%")
    assert "not recorded" not in text
    assert "none declines more" in policy.reasons_text(
        policy.reason_shift(asked[:200], later[:200] | (np.arange(200) % 2 == 0))
    )


@pytest.mark.parametrize(
    ("approved_n", "lights"),
    [(600, []), (505, []), (495, [False]), (440, [True]), (710, [False]), (790, [True])],
)
def test_a_breach_of_the_band_is_amber_within_its_interval_and_red_beyond(approved_n, lights):
    found = policy.band_findings(approved_n, 1_000, 0.5, 0.7)
    assert [is_red for _, _, is_red in found] == lights
    for topic, text, _ in found:
        assert topic == "Approval rate"
        assert "the target band of 50.0% to 70.0%" in text


def test_a_band_that_is_none_is_refused():
    with pytest.raises(ValueError, match="a target band needs"):
        policy.band_findings(1, 2, 0.7, 0.5)
    assert policy.band_findings(0, 0, 0.5, 0.7) == []

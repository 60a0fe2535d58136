from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scored_loans import scored_loans
from studies import compare
from studies.segment_gain import STUDY, summary

from riskkit import frontier
from riskkit.schema import Feature

SEX = Feature(name="gender", label="Gender", family="protected", kind="category", protected=True)
AGE = Feature(name="age", label="Age", family="protected", protected=True)


def seen_loans(score, bad, margin, loss):
    """What applications add that were all seen."""
    flags = np.asarray(bad, dtype=float)
    loans = pd.DataFrame({"approved": True, "booked": True, "default_flag": flags})
    loans = loans.assign(margin_fen=margin, loss_fen=loss, cost_fen=0)
    return frontier.Expected.of(pd.DataFrame({"s": np.asarray(score, dtype=float)}), loans)


rows = st.lists(
    st.tuples(st.integers(0, 3), st.booleans(), st.sampled_from("abc"), st.integers(1, 9)),
    min_size=3,
    max_size=40,
)


@given(rows, st.floats(0.2, 0.9), st.floats(0.1, 0.9))
@settings(max_examples=40, deadline=None)
def test_the_choice_is_the_best_of_all_choices(rows, max_bad_rate, min_approval):
    score, bad, segment, amount = (np.array(column) for column in zip(*rows, strict=True))
    expected = seen_loans(score, bad, 100 * amount, 300 * amount)
    profit = expected.frame["profit_amount"].to_numpy()
    limits = {"max_bad_rate": max_bad_rate, "min_approval": min_approval}

    def kept(above):
        return (
            bad[above].sum() <= max_bad_rate * above.sum() + 1e-9
            and above.mean() >= min_approval - 1e-9
        )

    singles = [profit[score >= c].sum() for c in np.unique(score) if kept(score >= c)]
    names = np.unique(segment)
    label = pd.Series(segment, name="way")
    if not singles:
        # one bad each at least, or there is nothing to choose
        if all(bad[segment == name].any() for name in names) and len(names) > 1:
            with pytest.raises(ValueError, match="no cutoff has an expected bad rate"):
                frontier.segment_cutoffs(score, expected, label, **limits, min_bads=1)
        return
    choice = frontier.segment_cutoffs(score, expected, label, **limits, min_bads=1)
    if not all(bad[segment == name].any() for name in names) or len(names) < 2:
        return
    assert choice is not None
    best = -np.inf
    for cutoffs in product(np.unique(score), repeat=len(names)):
        above = score >= pd.Series(segment).map(dict(zip(names, cutoffs, strict=True))).to_numpy()
        if kept(above):
            best = max(best, profit[above].sum())
    assert choice.gain_amount == pytest.approx(best - max(singles), abs=1e-6)
    above = score >= choice.of(label)
    assert kept(above)
    assert profit[above].sum() == pytest.approx(best, abs=1e-6)


def two_worlds(n=4_000, seed=1, apart=0.0):
    """A score that misses what segment b is riskier by; segments, and what all would add."""
    rng = np.random.default_rng(seed)
    segment = pd.Series(rng.choice(["a", "b"], n), name="way")
    score = np.rint(rng.normal(550, 30, n))
    logit = (520 - score) / 20 + apart * (segment == "b")
    bad = rng.random(n) < 1 / (1 + np.exp(-logit))
    return score, seen_loans(score, bad, 10_000, 60_000), segment


def test_segments_that_differ_get_cutoffs_of_their_own_and_gain_elsewhere():
    score, expected, segment = two_worlds(apart=2.0)
    choice = frontier.segment_cutoffs(score, expected, segment)
    cutoffs = choice.table["cutoff"]
    # the logit of one is that of the other 40 points further up
    assert cutoffs["b"] - cutoffs["a"] == pytest.approx(40, abs=14)
    assert cutoffs["a"] < choice.single < cutoffs["b"]
    assert choice.gain_amount > 0
    told = frontier.judge_segments(choice, *two_worlds(seed=2, apart=2.0))
    assert told["gain_low"] > 0
    assert told["gain_amount"] == pytest.approx(told["seen_gain_amount"])
    score, expected, segment = two_worlds(seed=2, apart=2.0)
    wrong = segment.map({"a": "b", "b": "a"})
    assert frontier.judge_segments(choice, score, expected, wrong)["gain_high"] < 0


def test_candidates_are_quantiles_and_limits_hold():
    score, expected, segment = two_worlds(apart=1.0)
    limits = {"max_bad_rate": 0.17, "min_approval": 0.5}
    fine = frontier.segment_cutoffs(score, expected, segment, **limits, n_grid=1_000)
    rough = frontier.segment_cutoffs(score, expected, segment, **limits, n_grid=10)
    frame = expected.frame
    for choice in (fine, rough):
        above = score >= choice.of(segment)
        assert above.mean() >= 0.5
        assert frame["bad"][above].sum() <= 0.17 * frame["loans"][above].sum() + 1e-6
        # the single one of its own grid is among its choices
        assert choice.gain_amount >= -1e-6
    assert set(rough.table["cutoff"]) <= set(np.quantile(score, np.linspace(0, 1, 10),
                                                         method="inverted_cdf"))  # fmt: skip
    with pytest.raises(
        ValueError, match=r"bad rate <= 0.001 and an approval rate >= 0.9: .*at cutoff"
    ):
        frontier.segment_cutoffs(score, expected, segment, max_bad_rate=0.001, min_approval=0.9)
    with pytest.raises(ValueError, match=r"min_approval must be a fraction in \[0, 1\], got 50"):
        frontier.segment_cutoffs(score, expected, segment, min_approval=50)


def test_small_segments_are_taken_together_or_keep_the_single_cutoff():
    score, expected, segment = two_worlds()
    small = segment.where(np.arange(len(segment)) % 100 > 1, "tiny")
    small[5], small[7] = "one", None
    choice = frontier.segment_cutoffs(score, expected, small)
    assert choice.pooled == ("one", "tiny", "unknown")
    assert choice.table.loc["small segments", "cutoff"] == choice.single
    # what the choice has not seen keeps the single cutoff, too
    assert choice.of(pd.Series(["never seen", "tiny", "a"])).tolist() == [
        *[choice.single] * 2,
        choice.table.loc["a", "cutoff"],
    ]
    assert frontier.segment_cutoffs(score, expected, segment, min_bads=10_000) is None
    assert frontier.segment_cutoffs(score, expected, segment.where(segment == "", "all")) is None


def test_few_that_change_sides_are_too_few_to_say():
    score, expected, segment = two_worlds(n=1_000)
    choice = frontier.segment_cutoffs(score, expected, segment)
    choice.table["cutoff"] = choice.single
    told = frontier.judge_segments(choice, score, expected, segment)
    assert told["moved"] == 0
    assert np.isnan(told["gain_low"])
    text = frontier.segments_text(
        pd.DataFrame([told], index=pd.Index(["w<ay"], name="way")).assign(segments=2, pays=False),
        "CNY",
        refused={"Gender": "a protected attribute"},
    )
    assert text.startswith("**One cutoff for all**")
    assert r"w\<ay: too few to say" in text
    assert "- Gender: a protected attribute" in text


def test_protected_attributes_are_refused_as_segments():
    n = 400
    rng = np.random.default_rng(1)
    asked = pd.DataFrame(
        {"gender": rng.choice(["f", "m"], n), "age": rng.integers(18, 60, n), "way": "x"}
    )
    with pytest.raises(ValueError, match="segment 'gender' is a protected attribute"):
        frontier.check_segment(asked["gender"], [SEX])
    with pytest.raises(ValueError, match="segment 'Gender' is a protected attribute"):
        frontier.check_segment(asked["gender"].rename("Gender"), [SEX])
    young = pd.Series(np.where(asked["age"] < 30, "a", "b"), name="scenario")
    frontier.check_segment(young, [SEX, AGE])
    with pytest.raises(ValueError, match="segment 'scenario' follows from 'age'"):
        frontier.check_segment(young, [SEX, AGE], asked)
    # a segment that merely leans on the attribute, and one of a single value, are none
    leans = young.mask(rng.random(n) < 0.1, "a")
    frontier.check_segment(leans, [SEX, AGE], asked)
    frontier.check_segment(asked["way"], [SEX, AGE], asked)


def test_gains_are_judged_on_others_and_widened_for_the_ways_tried():
    scores, loans, _ = scored_loans(n=8_000)
    rng = np.random.default_rng(4)
    segments = pd.DataFrame(
        {"chance": rng.choice(["a", "b", "c"], len(loans)), "lone": ["x"] * len(loans)}
    )
    half = rng.random(len(loans)) < 0.5
    given = {"model": "sharp", "features": [SEX], "choosing": half, "judging": ~half}
    both, choices = frontier.segment_gains(scores, loans, segments, **given)
    one, _ = frontier.segment_gains(scores, loans, segments[["chance"]], **given)
    assert set(choices) == {"chance"}
    assert both.loc["lone", "segments"] == 0
    assert np.isnan(both.loc["lone", "gain_amount"])
    assert not both["pays"].any()
    assert both.loc["chance", "gain_amount"] == one.loc["chance", "gain_amount"]
    width = [t.loc["chance", "gain_high"] - t.loc["chance", "gain_low"] for t in (both, one)]
    assert width[0] == pytest.approx(width[1] * 2.2414 / 1.95996, rel=1e-4)
    text = frontier.segments_text(both, "CNY")
    assert "2 ways tried" in text
    assert "lone: fewer than two segments" in text
    paying = frontier.segments_text(both.assign(pays=[True, False]), "CNY")
    assert paying.startswith("**Cutoffs by chance pay**")
    nothing, _ = frontier.segment_gains(scores, loans, segments[[]], **given)
    assert nothing.empty
    assert "nothing to cut the applicants by" in frontier.segments_text(nothing, "CNY")
    limits = {"max_bad_rate": 0.01, "min_approval": 0.9}
    unmet, _ = frontier.segment_gains(scores, loans, segments, **given, **limits)
    assert "no cutoff has an expected bad rate <= 0.01" in unmet.loc["chance", "reason"]
    with pytest.raises(ValueError, match="no application may choose and judge"):
        frontier.segment_gains(scores, loans, segments, **given | {"judging": half})
    with pytest.raises(ValueError, match="scores lack 'other'"):
        frontier.segment_gains(scores, loans, segments, **given | {"model": "other"})


def test_segments_that_carry_nothing_gain_nothing_beyond_noise(record_property):
    """The study `segment_gain` counts twenty seeds; here one world again."""
    case = {"world": "same"}
    compare(STUDY, STUDY.measure(seed=1, **case), record_property, **case)


def test_by_the_study_the_gain_is_above_nothing_only_where_segments_differ():
    rows = STUDY.rows()
    table = summary(rows)
    assert table.loc[("base", "term"), "gain_low"] > 0
    assert (table.loc["same", "gain_low"] <= 0).all()
    assert (table.loc["same", "true_low"] <= 0).all()

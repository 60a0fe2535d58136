"""Price and limit by protected group: the gap, what explains it, what is called one."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit import evidence, offers
from riskkit.chance import holm


def frame(rows):
    """Prices, one attribute and strata from (price, group, stratum, times)."""
    each = [row[:3] for row in rows for _ in range(row[3])]
    price, group, stratum = zip(*each, strict=True)
    return pd.Series(price), pd.DataFrame({"Gender": group}), pd.Series(stratum)


def test_a_gap_worked_by_hand_splits_into_mix_and_treatment():
    # men: 40 in grade A at 10 %, 60 in B at 20 %: 16 %; women: 30 in A at 11 %, 10 in B at 20 %
    price, group, grade = frame(
        [(0.10, "m", "A", 40), (0.20, "m", "B", 60), (0.11, "f", "A", 30), (0.20, "f", "B", 10)]
    )
    found = offers.offer_gaps(price, group, grade).loc[("Gender", "f")]
    assert found["mean_value"] == pytest.approx(0.1325)
    assert found["gap"] == pytest.approx(-0.0275)
    # like with like she pays 1 point more on three quarters of her loans
    assert found["unexplained"] == pytest.approx(0.0075)
    assert found["explained"] == pytest.approx(-0.035)
    # nothing varies within a cell, so it is certain
    assert found["p_value"] == 0
    assert bool(found["beyond_chance"])


def test_a_price_that_is_a_table_of_the_strata_leaves_nothing_unexplained():
    rng = np.random.default_rng(1)
    grade = pd.Series(rng.integers(0, 5, 400))
    price = grade.map({0: 0.1, 1: 0.13, 2: 0.17, 3: 0.2, 4: 0.24})
    group = pd.DataFrame({"Age": rng.choice(["old", "young"], 400)})
    found = offers.offer_gaps(price, group, grade)
    young = found[~found["is_reference"].astype(bool)].iloc[0]
    assert young["unexplained"] == 0
    assert young["p_value"] == 1
    assert offers.gap_findings(found, "price") == []
    # a check that cannot fail is no evidence, and does not sound like it
    text = offers.gap_text(found, "price", held="grade and term")
    assert text.startswith("The price is a table of grade and term: **by construction** no group")
    assert "by more than chance and by enough" not in text
    assert found.attrs["fixed_share"] == 1


def test_the_plain_gap_is_told_where_like_with_like_cannot_differ():
    price, group, grade = frame(
        [(0.10, "m", "A", 90), (0.20, "m", "B", 30), (0.10, "f", "A", 25), (0.20, "f", "B", 75)]
    )
    found = offers.offer_gaps(price, group, grade)
    assert found.loc[("Gender", "f"), "unexplained"] == 0
    assert bool(found.loc[("Gender", "f"), "gap_beyond_chance"])
    text = offers.gap_text(found, "price", held="grade").replace("\\", "")
    assert "By the mix of grade, Gender f pays 5.0 points a year more" in text


def test_strata_that_nearly_fix_a_limit_are_said_to_leave_little_to_find():
    rng = np.random.default_rng(3)
    band = pd.Series(rng.integers(0, 20, 2000))
    limit = 1000.0 * band + rng.normal(0, 500, 2000)
    group = pd.DataFrame({"Age": rng.choice(["old", "young"], 2000)})
    found = offers.offer_gaps(limit, group, band)
    assert 0.98 < found.attrs["fixed_share"] < 1
    text = offers.gap_text(found, "limit", "CNY", held="income")
    assert "This check can hardly fail: income fix" in text
    loose = offers.offer_gaps(limit, group, band * 0)
    assert loose.attrs["fixed_share"] == pytest.approx(0, abs=1e-9)
    assert "can hardly fail" not in offers.gap_text(loose, "limit", "CNY")


def test_a_gap_with_a_reason_is_amber_and_told_of_those_worse_off_alone():
    price, group, grade = frame(
        [(5000.0, "m", "A", 60), (4000.0, "f", "A", 40), (7000.0, "x", "A", 40)]
    )
    limits = offers.offer_gaps(price, group, grade)
    about = {"held": "grade and term", "reason": "as incomes differ"}
    ((topic, text, red),) = offers.gap_findings(limits, "limit", "CNY", **about)
    assert (topic, red) == ("Limit by group", False)
    assert text.startswith("at equal grade and term, beyond chance, as incomes differ: Gender f")
    assert "Gender x" not in text
    ((_, _, red),) = offers.gap_findings(limits, "limit", "CNY")
    assert red


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_the_parts_add_up_to_the_gap(seed):
    rng = np.random.default_rng(seed)
    group = pd.DataFrame({"G": rng.choice(["a", "b", "c"], 300, p=[0.5, 0.3, 0.2])})
    found = offers.offer_gaps(
        pd.Series(rng.normal(0.2, 0.03, 300)), group, pd.Series(rng.integers(0, 4, 300))
    )
    others = found[~found["is_reference"].astype(bool)]
    assert np.allclose(others["explained"] + others["unexplained"], others["gap"])
    assert (others["unexplained_low"] < others["unexplained_high"]).all()
    assert found["applicants"].sum() == 300


def test_the_interval_holds_nothing_where_there_is_nothing_as_often_as_it_says():
    rng = np.random.default_rng(7)
    outside = 0
    for _ in range(150):
        grade = pd.Series(rng.integers(0, 3, 200))
        price = pd.Series(0.1 + 0.05 * grade + rng.normal(0, 0.02, 200))
        group = pd.DataFrame({"G": np.where(rng.random(200) < 0.3, "b", "a")})
        row = offers.offer_gaps(price, group, grade).loc[("G", "b")]
        outside += not row["unexplained_low"] <= 0 <= row["unexplained_high"]
    assert 1 <= outside <= 18  # 7.5 of 150 expected


def test_small_groups_and_foreign_strata_are_not_compared():
    price, group, grade = frame(
        [(0.1, "m", "A", 50), (0.2, "f", "B", 40), (0.3, "x", "A", 29), (0.1, None, "A", 5)]
    )
    found = offers.offer_gaps(price, group, grade)
    assert np.isnan(found.loc[("Gender", "x"), "gap"])
    # no man is in B: there is a gap, and nobody to compare with
    assert found.loc[("Gender", "f"), "gap"] == pytest.approx(0.1)
    assert found.loc[("Gender", "f"), "compared_share"] == 0
    assert np.isnan(found.loc[("Gender", "f"), "p_value"])
    assert offers.gap_text(found, "price") == "No protected group could be compared."
    empty = offers.offer_gaps(price, pd.DataFrame(index=price.index), grade)
    assert empty.empty
    assert offers.gap_findings(empty, "price") == []


def test_holm_worked_by_hand():
    # Holm (1979): .01 × 4, then .02 × 3, .021 × 2 and .5, never falling
    assert np.allclose(
        holm(np.array([0.5, 0.01, np.nan, 0.021, 0.02])),
        [0.5, 0.04, np.nan, 0.06, 0.06],
        equal_nan=True,
    )


def test_only_what_is_beyond_chance_and_matters_is_told_and_is_red():
    price, group, grade = frame(
        [(0.100, "m", "A", 60), (0.102, "f", "A", 40), (0.120, "x", "A", 40)]
    )
    ((topic, text, red),) = offers.gap_findings(offers.offer_gaps(price, group, grade), "price")
    assert (topic, red) == ("Price by group", True)
    assert "Gender x pays 2.0 points a year more" in text
    assert " f " not in text  # a fifth of a point is beyond chance, and matters to nobody
    limits = offers.offer_gaps(price * 1e5, group, grade)
    told = offers.gap_text(limits, "limit", "CNY").replace("\\", "")
    assert "Gender x may borrow 2,000 CNY more" in told
    with pytest.raises(ValueError, match="measure must be one of price, limit"):
        offers.gap_text(limits, "joy")


def test_the_name_of_a_group_is_text_and_never_markup():
    price, group, grade = frame([(0.1, "m", "A", 60), (0.2, "<b>*f*</b>", "A", 40)])
    gaps = offers.offer_gaps(price, group, grade)
    assert "<b>" not in offers.gap_text(gaps, "price")
    assert "<b>*f*</b>" in offers.gap_findings(gaps, "price")[0][1]  # escaped where it is shown


def test_four_fifths_of_each_way_of_deciding():
    groups = pd.DataFrame({"City tier": ["tier_1"] * 500 + ["tier_2"] * 500 + ["tier_3"] * 40})
    approved = np.r_[np.arange(500) % 10 < 9, np.arange(500) % 10 < 6, np.arange(40) % 10 < 7]
    table = evidence.fairness_table(
        approved, np.zeros(1040), np.full(1040, 0.05), groups, min_rows=30
    )
    found = offers.fairness_findings({"the rules": table})
    assert [(topic, red) for topic, _, red in found] == [
        ("Fairness of offers", True),
        ("Fairness of offers", False),
    ]
    assert found[0][1] == "the rules: below 0.8, beyond chance: City tier 2 0.667"
    assert "which chance can explain: City tier 3 0.778" in found[1][1]
    assert offers.fairness_findings({"nobody": table.iloc[:0]}) == []
    # beside what is so today, and whether the change is more than chance
    today = np.r_[np.arange(500) % 10 < 9, np.arange(500) % 10 < 8, np.arange(40) % 10 < 7]
    changes = {"the rules": evidence.impact_changes(today, approved, groups)}
    proven, perhaps = offers.fairness_findings({"the rules": table}, changes=changes)
    assert "City tier 2 0.667 (today 0.889; -0.222, -0.2" in proven[1]
    assert "(today 0.778; +0.000, +0.000 to +0.000, as chance may have it)" in perhaps[1]


def test_a_step_below_four_fifths_tells_its_own_part_and_the_incomes_behind_it():
    groups = pd.DataFrame({"Gender": ["m"] * 500 + ["f"] * 500})
    about = (np.zeros(1000), np.full(1000, 0.05), groups)
    price = np.r_[np.arange(500) % 10 < 8, np.arange(500) % 10 < 6]
    limit = np.r_[np.arange(500) % 10 < 8, np.arange(500) % 10 < 5]
    ways = {
        "a price": evidence.fairness_table(price, *about),
        "a limit": evidence.fairness_table(limit, *about),
    }
    income = groups.assign(income=[6000.0] * 500 + [4500.0] * 500).groupby("Gender")["income"]
    incomes = pd.concat({"Gender": income.median()})
    (_, first, _), (_, second, _) = offers.fairness_findings(
        ways, after={"a limit": "a price"}, income_amount=incomes
    )
    assert first.endswith("Gender f 0.750")
    assert second.endswith(
        "Gender f 0.625 (0.833 by this step; median income 4,500, of the other groups 6,000)"
    )


def test_gaps_refuse_what_is_missing():
    price, group, grade = frame([(0.1, "m", "A", 40)])
    with pytest.raises(ValueError, match="values"):
        offers.offer_gaps(price.where(price.index > 3), group, grade)
    with pytest.raises(ValueError, match="strata must not be missing, 1 are"):
        offers.offer_gaps(price, group, grade.where(grade.index > 0))
    with pytest.raises(ValueError, match="values and groups carry different indexes"):
        offers.offer_gaps(price, group.set_axis(range(1, 41)), grade)

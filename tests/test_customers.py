"""Segments of customers: found, described, found again."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from riskkit import customers
from riskkit.checks import DataContractError
from riskkit.customers.segment_stability import adjusted_rand, cross_counts, jaccard
from riskkit.schema import Feature

NONE = {-9.0: "no bureau record"}


def feature(name, family="payment", **facts):
    return Feature(name=name, label=facts.pop("label", name), family=family, **facts)


FEATURES = [
    feature("orders", label="Orders in 6 months"),
    feature("night", label="Share of spend at night", unit="fraction"),
    feature("inquiries", "bureau", label="Credit inquiries", special_codes=NONE),
    feature("debt", "bureau", label="Debt elsewhere", special_codes=NONE),
    feature("age", protected=True),
    feature("later", known_afterwards=True),
    feature("channel", kind="category"),
]


def applicants(n=600, seed=1, noise=1.0):
    """Three kinds of customers, a third each: safe buyers, middling, risky thin files."""
    rng = np.random.default_rng(seed)
    kind = np.arange(n) % 3
    thin = kind == 2
    applications = pd.DataFrame(
        {
            "application_id": [f"A{i:06d}" for i in range(n)],
            "applied_at": pd.Timestamp("2024-01-10")
            + pd.to_timedelta((np.arange(n) // 3 % 6) * 30, "D"),
            "score": np.array([620, 570, 520])[kind] + rng.normal(0, 8 * noise, n).round(),
            "orders": np.array([40.0, 20, 4])[kind] + rng.normal(0, 2 * noise, n).round(),
            "night": np.clip(np.array([0.1, 0.3, 0.6])[kind] + rng.normal(0, 0.03, n), 0, 1),
            "inquiries": np.where(thin, -9.0, kind * 6 + rng.integers(0, 3, n)),
            "debt": np.where(thin, -9.0, 1000.0 * (1 + kind) + rng.exponential(100, n)),
            "age": rng.integers(20, 60, n),
            "later": kind,
            "channel": "app",
            "amount": 500_000,
        }
    )
    applications["approved"] = kind < 2
    applications["booked"] = applications["approved"] & (np.arange(n) % 7 > 0)
    bad = (np.arange(n) % 10 < kind * 3).astype(float)
    applications["default_flag"] = np.where(applications["booked"], bad, np.nan)
    return applications, kind


def test_segments_of_three_kinds_are_these_kinds_and_numbered_from_the_safest():
    applications, kind = applicants()
    found = customers.fit_segments(applications, FEATURES, k=3)
    assert (found.assign(applications) - 1 == kind).all()
    # what is protected, known afterwards or a category never counts
    assert found.names == ["score", "orders", "night", "inquiries", "debt"]
    assert [mark.columns for mark in found.marks] == [("inquiries", "debt")]


def test_segments_depend_on_neither_the_order_of_the_rows_nor_the_index():
    applications, _ = applicants(noise=3)
    shuffled = applications.sample(frac=1, random_state=3)
    one = customers.fit_segments(applications, FEATURES, k=4).assign(applications)
    other = customers.fit_segments(shuffled.set_axis(range(1, 601)), FEATURES, k=4)
    again = other.assign(shuffled)
    assert (again.loc[applications.index] == one).mean() > 0.99


def test_a_heavy_tail_moves_nobody_else():
    applications, kind = applicants()
    applications["debt"] = applications["debt"].astype(float)
    applications.loc[0, "debt"] = 1e12
    found = customers.fit_segments(applications, FEATURES, k=3).assign(applications)
    assert (found - 1 == kind)[1:].all()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_a_monotone_change_of_unit_changes_no_segment(seed):
    applications, _ = applicants(200, seed, noise=3)
    changed = applications.assign(orders=np.exp(applications["orders"] / 50) * 7)
    pd.testing.assert_series_equal(
        customers.fit_segments(applications, FEATURES, k=3).assign(applications),
        customers.fit_segments(changed, FEATURES, k=3).assign(changed),
    )


def test_a_missing_value_and_a_special_code_are_no_numbers():
    applications, _ = applicants()
    applications.loc[applications.index % 3 == 1, "night"] = np.nan
    found = customers.fit_segments(applications, FEATURES, k=3)
    assert {mark.columns for mark in found.marks} == {("night",), ("inquiries", "debt")}
    coded = found.coded(applications)
    assert np.isfinite(coded).all()
    # where nothing is known it stands at the median
    place = found.names.index("inquiries")
    assert (coded[applications["inquiries"] == -9, place] == 0).all()
    # a code of another number is the same code
    other = [
        feature(f.name, f.family, special_codes={-7.0: "none"}) if f.special_codes else f
        for f in FEATURES
    ]
    recoded = applications.replace({"inquiries": {-9: -7}, "debt": {-9: -7}})
    again = customers.fit_segments(recoded, other, k=3)
    assert np.allclose(again.centres, found.centres)


def test_segments_refuse_what_they_cannot_be_made_of():
    applications, _ = applicants(30)
    with pytest.raises(ValueError, match=r"k must be a whole number in 2..30, the rows, got 1"):
        customers.fit_segments(applications, FEATURES, k=1)
    with pytest.raises(ValueError, match="families must be some of payment, bureau, got telecom"):
        customers.fit_segments(applications, FEATURES, k=3, families=["telecom"])
    with pytest.raises(ValueError, match="no numeric feature"):
        customers.fit_segments(applications, FEATURES[4:], k=3)
    with pytest.raises(DataContractError, match="score"):
        customers.fit_segments(applications.drop(columns="score"), FEATURES, k=3)
    found = customers.fit_segments(applications, FEATURES, k=3)
    with pytest.raises(DataContractError, match="orders"):
        found.assign(applications.drop(columns="orders"))
    same = applications.assign(score=600, orders=1, night=0.5, inquiries=1, debt=2)
    with pytest.raises(ValueError, match="rows that differ"):
        customers.fit_segments(same.assign(score=[600, 601] * 15), FEATURES, k=3)


# -- described -------------------------------------------------------------------------------------


def test_the_table_says_what_sets_a_segment_apart():
    applications, kind = applicants()
    found = customers.fit_segments(applications, FEATURES, k=3)
    table = customers.segment_table(found, applications)
    assert table["applicants"].tolist() == [200, 200, 200]
    assert table["approval_rate"].tolist() == [1, 1, 0]
    part = applications[kind == 1]
    assert table.loc[2, "bad"] == part["default_flag"].sum()
    assert table.loc[2, "bad_rate"] == part["default_flag"].mean()
    assert table.loc[2, "bad_low"] < table.loc[2, "bad_rate"] < table.loc[2, "bad_high"]
    assert table.loc[2, "take_up_rate"] == part["booked"].sum() / part["approved"].sum()
    assert table["average_ticket_amount"].tolist()[:2] == [5000, 5000]
    assert np.isnan(table.loc[3, "bad_rate"])
    assert table["too_few"].tolist() == [True, False, True]
    own, others = (applications.loc[rows, "night"].median() for rows in (kind == 0, kind > 0))
    assert f"Share of spend at night {own:.0%}, others {others:.0%}" in table.loc[1, "apart"]
    assert "no bureau record: 100%, others 0%" in table.loc[3, "apart"]
    assert table["apart"].str.count(";").max() <= 3
    # a name in a few words, by what sets it apart the most
    assert table["name"].is_unique
    assert table.loc[1, "name"].startswith("share of spend at night low")
    assert "no bureau record" in table.loc[3, "name"]
    # all say the same of one kind, so one is said of those that go together
    assert "Orders in 6 months" not in table.loc[1, "apart"]


def test_the_short_rule_is_judged_on_rows_that_did_not_grow_it():
    applications, _ = applicants(1200)
    found = customers.fit_segments(applications, FEATURES, k=3)
    rules = customers.segment_rules(found, applications)
    assert rules["applicants"].sum() == rules.attrs["applicants"] < 700
    assert rules.attrs["agreement_rate"] > 0.98 > rules.attrs["largest_share"]
    assert set(rules["segment"]) == {1, 2, 3}
    assert not rules["rule"].str.contains("-9|nan").any()
    # a segmentation of noise has no short rule
    rng = np.random.default_rng(2)
    noise = applications.assign(
        **{name: rng.normal(size=1200) for name in found.names if name != "score"},
        score=rng.normal(600, 20, 1200),
    )
    noisy = customers.segment_rules(
        customers.fit_segments(noise, FEATURES, k=6), noise, max_depth=1
    )
    assert noisy.attrs["agreement_rate"] < 0.6
    # a tree deep enough to know by heart what it has seen
    deep = customers.segment_rules(
        customers.fit_segments(noise, FEATURES, k=6), noise.head(300), max_depth=12
    )
    assert deep.attrs["agreement_rate"] < 0.85
    with pytest.raises(ValueError, match="two rows"):
        customers.segment_rules(found, applications.head(1))


def test_a_segment_that_nothing_sets_apart_is_between_the_others():
    applications, _ = applicants()
    found = customers.fit_segments(applications, FEATURES[:1], k=3)
    table = customers.segment_table(found, applications)
    assert table["name"].tolist() == ["score high", "between the others", "score low"]


def test_bads_of_a_segment_beside_what_its_grades_let_expect():
    applications, kind = applicants(1800)
    found = customers.fit_segments(applications, FEATURES, k=3)
    true = pd.Series(np.array([0.0001, 0.3, 0.6])[kind], applications.index)
    table = customers.segment_table(found, applications, probability=true)
    known = applications["default_flag"].notna() & (kind == 1)
    assert table.loc[2, "expected_bad"] == pytest.approx(0.3 * known.sum())
    assert not table["beyond_grade"].any()
    assert np.isnan(table.loc[3, "p_value"])  # nobody of them has a loan
    returned = pd.DataFrame(
        {"customers": [400, 400], "returned": [80, 84], "return_rate": [0.2, 0.21]}
    )
    text = customers.segment_use_text(table, returned)
    assert "for price and limit nothing follows from a segment" in text
    assert "Nor do they differ in coming back" in text
    # half as risky as it is
    low = customers.segment_table(found, applications, probability=true / 2)
    assert low["beyond_grade"].tolist() == [False, True, False]
    back = returned.assign(returned=[80, 160], return_rate=[0.2, 0.4])
    told = customers.segment_use_text(low, back).replace("\\", "")
    bads, expected = int(low.loc[2, "bad"]), low.loc[2, "expected_bad"]
    assert f"segment 2 ({low.loc[2, 'name']}): {bads} bads, {expected:,.0f} expected" in told
    assert "They differ in coming back (p-value below 0.001): from 20.0% to 40.0%" in told
    assert "cannot be said" in customers.segment_use_text(low)


def test_a_rule_that_is_right_in_three_of_four_does_not_say_nearly_the_same():
    about = {"agreement_rate": 0.74, "agreement_low": 0.734, "agreement_high": 0.744}
    rules = pd.DataFrame({"segment": [1]})
    rules.attrs = about | {"largest_share": 0.24}
    text = customers.rules_text(rules)
    assert "**74%** (73.4% to 74.4%)" in text
    assert "nearly" not in text
    assert "of 26% they say another" in text
    rules.attrs = about | {"agreement_rate": 0.97, "agreement_low": 0.96, "largest_share": 0.24}
    assert "nearly the same" in customers.rules_text(rules)


# -- found again -----------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=60))
def test_the_adjusted_rand_index_is_that_of_scikit_learn(pairs):
    one, other = np.array(pairs).T
    both = cross_counts(one, other, 4)
    assert adjusted_rand(both) == pytest.approx(adjusted_rand_score(one, other))


def test_jaccard_of_counts_worked_by_hand():
    # 8 of segment one fall together with 2 others; 5 of 7 of segment two
    both = np.array([[8.0, 2, 0], [2, 5, 0], [0, 0, 0]])
    assert jaccard(both)[:2].tolist() == [8 / 12, 5 / 9]
    assert np.isnan(jaccard(both)[2])


def test_the_right_number_of_segments_is_found_again_and_noise_is_not():
    applications, _ = applicants(noise=0.5)
    found = customers.segment_stability(applications, FEATURES, ks=(3, 5), n_boot=10, n_rows=500)
    assert found.loc[3, "verdict"].tolist() == ["highly stable"] * 3
    assert found.loc[3, "adjusted_rand"].min() > 0.99
    assert found.loc[5, "jaccard"].min() < 0.95
    assert (found["jaccard_low"] <= found["jaccard_high"]).all()
    assert found.groupby(level="k")["share"].sum().round(9).tolist() == [1, 1]
    with pytest.raises(ValueError, match="n_boot"):
        customers.segment_stability(applications, FEATURES, ks=(3,), n_boot=1)


def test_the_segments_that_are_judged_are_those_that_are_used():
    # many more rows than a sample has: once segments of the sample were judged, and others used
    applications, _ = applicants(3000, noise=4)
    stability = customers.segment_stability(applications, FEATURES, ks=(5,), n_boot=2, n_rows=200)
    used = customers.fit_segments(applications, FEATURES, k=5).assign(applications)
    sizes = used.value_counts().sort_index().tolist()
    assert stability.loc[5, "applicants"].tolist() == sizes
    assert stability.attrs == {"samples": 2, "rows": 200}


def by_period(*rands, psi=0.001, light="green"):
    names = [f"2024Q{number}" for number in range(1, len(rands) + 1)]
    index = pd.MultiIndex.from_product([names, [1, 2]], names=["period", "segment"])
    table = pd.DataFrame({"adjusted_rand": np.repeat(rands, 2)}, index=index)
    table["psi"] = np.where(np.arange(len(table)) < 2, 0.0, psi)
    return table.assign(psi_critical=0.005, light=light)


def steady(jaccard_low=0.8):
    index = pd.MultiIndex.from_product([[2], [1, 2]], names=["k", "segment"])
    rows = {"jaccard": [0.95, 0.9], "jaccard_low": [0.9, jaccard_low], "jaccard_high": 1.0}
    ends = {"adjusted_rand": 0.8, "adjusted_rand_low": 0.53, "adjusted_rand_high": 0.94}
    return pd.DataFrame(rows | ends, index=index)


def test_segments_that_a_quarter_alone_does_not_give_are_no_green_verdict():
    months = by_period(0.73, 0.42, 0.29, 0.40, psi=0.064)
    ((topic, finding, red),) = customers.segment_findings(steady(), months, 2)
    assert (topic, red) == ("Customer segments", False)
    assert "in 3 of 4 periods" in finding
    assert "adjusted Rand 0.29 at worst" in finding
    text = customers.segment_text(steady(), months, 2)
    assert "0.29 to 0.73, in the middle 0.41" in text
    assert "in 3 of 4 (2024Q2, 2024Q3 and 2024Q4) below 0.65" in text
    assert "**not the same in every period**" in text
    # a move that is small is still told to be beyond chance
    assert "still small (green); in 3 of 3 later periods by more than chance" in text
    good = by_period(0.9, 0.8, 0.7)
    assert customers.segment_findings(steady(), good, 2) == []
    assert "in none of 3 periods below 0.65" in customers.segment_text(steady(), good, 2)


def test_a_segment_that_dissolves_in_some_samples_is_told_with_its_interval():
    text = customers.segment_text(steady(jaccard_low=0.13), None, 2)
    assert "dissolved in some samples: **segment 2 (0.90; 0.13 to 1.00)**" in text


def test_the_number_of_segments_is_the_most_that_are_found_again():
    index = pd.MultiIndex.from_tuples([(k, s + 1) for k in (2, 3, 4) for s in range(k)])
    table = pd.DataFrame(index=index.set_names(["k", "segment"]))
    table["jaccard"] = [0.9, 0.9, 0.75, 0.8, 0.9, 0.99, 0.99, 0.99, 0.74]
    assert customers.stable_k(table) == 3
    assert customers.stable_k(table - 0.2) == 2


def test_segments_by_period_add_up_and_a_shift_shows():
    applications, kind = applicants(1800)
    # in the last two months hardly anybody safe applies
    late = applications["applied_at"] >= "2024-05-01"
    applications = applications[~(late & (kind == 0) & (np.arange(1800) % 4 > 0))]
    found = customers.fit_segments(applications, FEATURES, k=3)
    months = customers.segment_months(found, applications, freq="M")
    assert months.groupby(level="period")["share"].sum().round(9).eq(1).all()
    assert months["applicants"].sum() == len(applications)
    first, last = (months.xs(period) for period in ("2024-01", "2024-06"))
    assert first["psi"].eq(0).all()
    assert (first["adjusted_rand"] > 0.99).all()
    assert last["light"].isin(["amber", "red"]).all()
    stability = customers.segment_stability(applications, FEATURES, ks=(3,), n_boot=5, n_rows=300)
    ((topic, text, _),) = customers.segment_findings(stability, months, 3)
    assert topic == "Customer segments"
    assert "have moved" in text
    told = customers.segment_text(stability, months, 3)
    assert "Every segment is found again in nearly every sample" in told
    assert "2024-0" in told


def test_an_unstable_segment_is_said_to_be():
    rng = np.random.default_rng(5)
    applications, _ = applicants(400)
    for name in ("orders", "night", "inquiries", "debt", "score"):
        applications[name] = rng.normal(50, 5, 400)
    stability = customers.segment_stability(
        applications, FEATURES, ks=(4, 6), n_boot=10, n_rows=200
    )
    assert (stability["verdict"] == "unstable").any()
    k = int(stability.groupby(level="k")["jaccard"].min().idxmin())
    months = customers.segment_months(
        customers.fit_segments(applications, FEATURES, k=k), applications, freq="Y"
    )
    assert "Unstable, not to be marketed to: **segment" in customers.segment_text(
        stability, months, k
    )
    assert customers.segment_findings(stability, months, k)[0][0] == "Customer segments"


# -- who comes back --------------------------------------------------------------------------------


def test_only_borrowers_watched_for_a_year_say_who_comes_back():
    day = pd.Timestamp("2023-01-01")
    applications = pd.DataFrame(
        {
            "customer_id": ["a", "a", "b", "b", "c", "d", "e", "e"],
            "applied_at": day + pd.to_timedelta([0, 100, 0, 366, 0, 400, 0, 10], "D"),
            "booked": [True, True, True, True, True, True, False, True],
        }
    )
    group = pd.Series(list("xxxxyxyy"), name="grade")
    found = customers.retention(applications, pd.Timestamp("2024-02-01"), group)
    # b came a day too late, d was watched too briefly, e's first loan was the second application
    assert found.loc["x", ["customers", "returned"]].tolist() == [2, 1]
    assert found.loc["y", ["customers", "returned"]].tolist() == [2, 0]
    assert found.index.name == "grade"
    assert found.loc["x", "rebooked_rate"] == 0.5
    assert (found["return_low"] <= found["return_rate"]).all()
    assert found["too_few"].all()
    nobody = customers.retention(applications, pd.Timestamp("2023-06-01"), group)
    assert nobody.empty
    assert "return_rate" in nobody
    with pytest.raises(ValueError, match="within_days"):
        customers.retention(applications, day, group, within_days=0)


def test_a_column_of_the_source_is_never_overwritten_by_what_was_decided():
    asked = pd.DataFrame(
        {"application_id": ["a", "b"], "grade": ["G", "B"], "score": [0.3, 0.9], "debt": [1, 2]}
    )
    decided = pd.DataFrame(
        {"application_id": ["b", "a"], "score": [612.0, 540.0], "grade": ["A1", "C1"]}
    )
    features = [Feature(name=name, label=name, family="bureau") for name in ("score", "debt")]
    people, named = customers.beside_decision(asked, decided, features)
    assert people["score"].tolist() == [540.0, 612.0]
    assert people["score_of_source"].tolist() == [0.3, 0.9]
    assert people["grade_of_source"].tolist() == ["G", "B"]
    assert [feature.name for feature in named] == ["score_of_source", "debt"]
    with pytest.raises(DataContractError, match="score_of_source: the name is taken"):
        customers.beside_decision(people.assign(grade="x"), decided, features)

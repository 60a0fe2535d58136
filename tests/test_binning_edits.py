"""Bins an analyst decides on: merged, split, given, grouped; their record and its replay."""

import json
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest
from binning_rows import SPECIAL, assert_counts_are_those_of_the_rows, borrowers
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from riskkit.binning import Edit, WoeBinner, count_features, edit_table

BORROWERS, LABELS = borrowers()
WHEN = datetime(2024, 5, 1, 8, 30, tzinfo=timezone(timedelta(hours=8)))


@pytest.fixture(scope="module")
def binner():
    trend = {"inquiries": "ascending"}
    return WoeBinner(special_codes=SPECIAL, trend=trend).fit(BORROWERS, LABELS)


def loaded(binner):
    return WoeBinner.from_json(json.loads(json.dumps(binner.to_json())))


def assert_same_bins(found, expected):
    for name, bins in expected.bins_.items():
        other = found.bins_[name]
        assert (other.groups, other.apart) == (bins.groups, bins.apart), name
        np.testing.assert_array_equal(other.edges, bins.edges)
        np.testing.assert_array_equal(other.counts, bins.counts)


# -- what edits do ---------------------------------------------------------------------------------


def facts(draw, n):
    def column(values):
        return draw(st.lists(values, min_size=n, max_size=n))

    X = pd.DataFrame(
        {
            "x": np.array(column(st.sampled_from([*range(12), -9, -8, None])), dtype=float),
            "level": pd.Series(column(st.sampled_from([*"abcdef", None])), dtype=object),
        }
    )
    y = np.array(column(st.integers(0, 1)))
    y[:2] = [0, 1]
    X.loc[:1, "x"] = [0, 1]
    X.loc[:1, "level"] = ["a", "b"]
    return X, y


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_after_any_edits_the_table_counts_the_rows(data):
    X, y = facts(data.draw, data.draw(st.integers(20, 60)))
    special = {"x": [-9, -8]}
    binner = WoeBinner(min_bin_size=0.01, trend="none", special_codes=special).fit(X, y)
    assert_counts_are_those_of_the_rows(binner, X, y)
    first, n_made = binner.to_json(), 0
    for _ in range(8):
        action = data.draw(
            st.sampled_from(["merge", "merge", "split", "edges", "groups", "edge", "levels"])
        )
        before, feature = binner.to_json(), data.draw(st.sampled_from(["x", "level"]))
        n = len(binner.bins_[feature].counts)
        try:
            if action == "merge":
                i, j = data.draw(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)))
                edited = binner.merge_bins(feature, i, j)
            elif action == "split":
                edited = binner.split_bin("x", data.draw(st.integers(0, 24)) / 2)
            elif action == "edge":
                number = data.draw(st.integers(0, 5))
                edited = binner.move_edge("x", number, data.draw(st.integers(0, 24)) / 2)
            elif action == "levels":
                moving = data.draw(st.sets(st.sampled_from("abcdef"), min_size=1, max_size=2))
                to = data.draw(st.one_of(st.none(), st.integers(0, 5)))
                edited = binner.move_levels("level", sorted(moving), to)
            elif action == "edges":
                chosen = data.draw(st.sets(st.integers(0, 24), max_size=4))
                edited = binner.set_edges("x", sorted(value / 2 for value in chosen))
            else:
                number = {level: data.draw(st.integers(0, 2)) for level in "abcdef"}
                groups = [[v for v, k in number.items() if k == group] for group in range(3)]
                edited = binner.group_levels("level", [group for group in groups if group])
        except ValueError:
            assert binner.to_json() == before
            continue
        n_made += 1
        assert binner.to_json() == before
        assert len(edited.log_) == len(binner.log_) + 1
        assert edited.log_[-1].iv_after == edited.bins_[edited.log_[-1].feature].iv
        assert_counts_are_those_of_the_rows(edited, X, y)
        assert sorted(set(edited.bins_["x"].apart) | set(range(edited.bins_["x"].n_bins))) == list(
            range(len(edited.bins_["x"].counts))
        )
        binner = edited
    again = WoeBinner(special_codes=special, edits=binner.log_).fit(X, y)
    named = {edit.feature for edit in binner.log_}
    for name in named:
        np.testing.assert_array_equal(again.bins_[name].counts, binner.bins_[name].counts)
    assert_same_bins(loaded(binner), binner)
    assert n_made == len(binner.log_)
    assert (binner.to_json() == first) == (n_made == 0)


def test_bins_are_merged_as_the_table_shows_them(binner):
    income, missing = binner.bins_["income"], binner.bins_["income"].apart[-1]
    fewer = binner.merge_bins("income", 2, 1)
    assert fewer.edges["income"].tolist() == np.delete(income.edges, 1).tolist()
    with_missing = binner.merge_bins("income", missing, 0)
    table = with_missing.table("income")
    assert table.index[0] == f"{income.labels[0]}, missing"
    both = income.counts[0] + income.counts[missing]
    assert table.iloc[0][["good", "bad"]].tolist() == both.tolist()
    special, last = binner.bins_["inquiries"].apart
    together = binner.merge_bins("inquiries", special, last)
    assert together.table("inquiries").index[-1] == "special -9, missing"
    # levels in any order, and missing with any of them
    jobs = binner.merge_bins("job", 0, binner.bins_["job"].n_bins - 1).bins_["job"]
    ends = binner.bins_["job"].groups
    assert jobs.groups[0] == tuple(sorted(ends[0] + ends[-1]))
    for edited in (fewer, with_missing, together):
        assert_counts_are_those_of_the_rows(edited, BORROWERS, LABELS)
    assert binner.log_ == ()


def test_an_edge_moves_and_who_shares_a_bin_stays(binner):
    wide = binner.set_edges("inquiries", [2, 4])
    special = wide.bins_["inquiries"].apart[0]
    shared = wide.merge_bins("inquiries", 0, special)
    moved = shared.move_edge("inquiries", 1, 5)
    assert moved.edges["inquiries"].tolist() == [2, 5]
    assert moved.bins_["inquiries"].apart == shared.bins_["inquiries"].apart
    assert_counts_are_those_of_the_rows(moved, BORROWERS, LABELS)
    assert moved.log_[-1].detail == "edge 4 to 5"
    for number, at, message in (
        (2, 5, r"has 2 edges, numbered from 0, got 2"),
        (-1, 5, r"numbered from 0, got -1"),
        (0, 5, "ascending without repeats"),
        (0, np.inf, "must be finite"),
    ):
        with pytest.raises(ValueError, match=message):
            shared.move_edge("inquiries", number, at)
    with pytest.raises(ValueError, match="feature job is a category"):
        binner.move_edge("job", 0, 1)


def test_levels_move_to_another_bin_or_to_one_of_their_own(binner):
    levels = [level for group in binner.bins_["job"].groups for level in group]
    two = binner.group_levels("job", [levels[:2], levels[2:]])
    shared = two.merge_bins("job", two.bins_["job"].apart[-1], 0)
    moved = shared.move_levels("job", [levels[2]], 0)
    assert moved.bins_["job"].groups[0] == tuple(sorted(levels[:3]))
    assert moved.bins_["job"].apart == (0,)
    alone = shared.move_levels("job", [levels[2]], None)
    assert alone.bins_["job"].groups[2] == (levels[2],)
    assert alone.bins_["job"].apart == (0,)
    # a bin that loses its last level is gone, and what stood behind it moves up
    own = two.move_levels("job", levels[2:], 0)
    assert own.bins_["job"].groups == (tuple(sorted(levels)),)
    assert own.bins_["job"].apart == (1,)
    for edited in (moved, alone, own):
        assert_counts_are_those_of_the_rows(edited, BORROWERS, LABELS)
    for names, to, message in (
        (["nobody"], 0, r"expected levels that it has, got \['nobody'\]"),
        ([], 0, "expected levels that it has"),
        ([levels[0]], 2, "has bins of levels 0 to 1, got 2"),
        (levels[:2], 1, "missing values share the bin that would be empty"),
    ):
        with pytest.raises(ValueError, match=message):
            shared.move_levels("job", names, to)
    with pytest.raises(ValueError, match="feature income is a number"):
        binner.move_levels("income", ["a"], 0)


def test_a_split_cuts_where_it_is_told_and_what_shared_the_bin_stands_alone_again(binner):
    wide = binner.set_edges("inquiries", [2, 4])
    shared = wide.merge_bins("inquiries", 0, 4).merge_bins("inquiries", 0, 3)
    assert shared.bins_["inquiries"].labels == ["< 2, special -9, missing", "[2, 4)", "≥ 4"]
    # between two integers an edge stays exactly where it was put
    split = shared.split_bin("inquiries", 0.5)
    labels = ["< 0.5", "[0.5, 2)", "[2, 4)", "≥ 4", "special -9", "missing"]
    assert split.bins_["inquiries"].labels == labels
    assert split.log_[-1].detail == "< 2, special -9, missing at 0.5"
    # the guest of another bin stays there, and the guests of none stay together
    second = wide.merge_bins("inquiries", 1, 3).split_bin("inquiries", 0.5)
    labels = ["< 0.5", "[0.5, 2)", "[2, 4), special -9", "≥ 4", "missing"]
    assert second.bins_["inquiries"].labels == labels
    both = wide.merge_bins("inquiries", 3, 4).split_bin("inquiries", 3)
    labels = ["< 2", "[2, 3)", "[3, 4)", "≥ 4", "special -9, missing"]
    assert both.bins_["inquiries"].labels == labels
    for edited in (split, second, both):
        assert_counts_are_those_of_the_rows(edited, BORROWERS, LABELS)


def test_edges_between_integers_are_kept_and_an_empty_side_is_refused(binner):
    given = binner.set_edges("inquiries", [1.5, 2.5])
    assert given.edges["inquiries"].tolist() == [1.5, 2.5]
    assert given.log_[0].detail == "1.5, 2.5"
    assert given.log_[0].edges == (1.5, 2.5)
    with pytest.raises(ValueError, match=r"no row is in the bin \[2\.1, 2\.9\)"):
        binner.set_edges("inquiries", [2.1, 2.9])
    with pytest.raises(ValueError, match="no row is in the bin ≥ 1000"):
        binner.split_bin("inquiries", 1000)


def test_an_edge_the_counts_cannot_hold_moves_to_the_nearest_and_the_log_says_so():
    values = np.concatenate([np.arange(0, 4000, 10) + 4.0, np.arange(0, 4000, 10) + 6.0])
    y = (np.random.default_rng(0).random(800) < 0.3).astype(int)
    X = pd.DataFrame({"x": values})
    fine = {"x": np.arange(10.0, 4000, 10)}
    binner = WoeBinner().fit_counts(count_features(X, y, fine)).set_edges("x", [2000])
    edited = binner.split_bin("x", 1005.4)
    assert edited.edges["x"].tolist() == [1010, 2000]
    assert edited.log_[-1].detail == "< 2000 at 1005.4 (1005.4 moved to 1010)"
    moved = binner.set_edges("x", [5.5, 1003, 3004.5])
    assert moved.edges["x"].tolist() == [10, 1003, 3000]
    assert moved.log_[-1].detail == "5.5, 1003, 3004.5 (5.5 moved to 10, 3004.5 moved to 3000)"
    for made in (edited, moved):
        assert_counts_are_those_of_the_rows(made, X, y)
    for edges in ([1003, 1004.5], [1005.5, 1007], [1004.5, 1000]):
        with pytest.raises(ValueError, match="feature x: "):
            binner.set_edges("x", edges)
    infinite = pd.DataFrame({"x": [-1.0, np.inf] * 2})
    two = WoeBinner().fit(infinite, [0, 1, 1, 0])
    with pytest.raises(ValueError, match=r"cannot tell all of \[0.0\] apart; .* know are \[\]"):
        two.set_edges("x", [0])
    with pytest.raises(ValueError, match=r"cannot tell all of \[1004.5, 1005.*are \[1000.0, 1010"):
        binner.set_edges("x", [1004.5, 1005.5, 1010])


def test_levels_are_grouped_as_given(binner):
    edited = binner.group_levels("job", [["rare", "farmer"], ["driver"], ["clerk"]])
    assert edited.bins_["job"].groups == (("farmer", "rare"), ("driver",), ("clerk",))
    assert edited.log_[-1].detail == "farmer, rare | driver | clerk"
    assert_counts_are_those_of_the_rows(edited, BORROWERS, LABELS)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda b: b.merge_bins("wealth", 0, 1), "feature 'wealth' is not binned; binned: "),
        (lambda b: b.merge_bins("income", 0, 99), r"has bins 0 to \d+, got 99"),
        (lambda b: b.merge_bins("income", -1, 0), r"has bins 0 to \d+, got -1"),
        (lambda b: b.merge_bins("income", 1, 1), "two bins are needed to merge, got 1 twice"),
        (lambda b: b.merge_bins("income", 0, 2), "only neighbouring bins .* got 0 and 2"),
        (lambda b: b.split_bin("income", b.edges["income"][0]), "is an edge already"),
        (lambda b: b.split_bin("income", np.nan), "edges must be finite numbers"),
        (lambda b: b.split_bin("job", 1), "feature job is a category; use group_levels"),
        (lambda b: b.set_edges("job", [1]), "feature job is a category; use group_levels"),
        (lambda b: b.set_edges("income", [2, 1]), "ascending without repeats, got "),
        (lambda b: b.set_edges("income", [1, 1]), "ascending without repeats, got "),
        (lambda b: b.set_edges("income", [np.inf]), "edges must be finite numbers"),
        (lambda b: b.group_levels("income", [["a"]]), "is a number; use split_bin or set_edges"),
        (
            lambda b: b.group_levels("job", [["clerk", "rare"], ["driver", "clerk"], []]),
            r"in two groups: \['clerk'\]; in no group: \['farmer'\]; a group is empty",
        ),
        (
            lambda b: b.group_levels("job", [["clerk", "rare", "driver", "farmer"], ["pilot"]]),
            "feature job: no row is in the bin pilot",
        ),
        (lambda b: loaded(b).split_bin("income", 7), "a loaded binner has no fine counts"),
        (lambda b: loaded(b).set_edges("income", [7]), "fit one to the rows with edits="),
        (lambda b: loaded(b).group_levels("job", [["a"]]), "a loaded binner has no fine counts"),
    ],
)
def test_what_cannot_be_done_is_refused(binner, edit, message):
    with pytest.raises(ValueError, match=message):
        edit(binner)


# -- the record ------------------------------------------------------------------------------------


def test_the_log_says_who_what_why_and_when(binner):
    edited = binner.merge_bins("income", 0, 1, by="Ana", reason="too alike", decided_at=WHEN)
    start = datetime.now(UTC).replace(microsecond=0)
    edited = edited.group_levels("job", [["rare", "farmer"], ["driver", "clerk"]], by="Bo")
    log = edited.edit_log()
    assert list(log.columns) == [
        "feature", "action", "detail", "by", "reason", "decided_at",
        "n_before", "n_after", "iv_before", "iv_after", "n_tried",
    ]  # fmt: skip
    labels = binner.bins_["income"].labels
    assert log.loc[0].drop(["iv_before", "iv_after"]).tolist() == [
        "income", "merge_bins", f"{labels[0]} with {labels[1]}", "Ana", "too alike",
        "2024-05-01 00:30", len(labels), len(labels) - 1, 1,
    ]  # fmt: skip
    assert edited.log_[0].decided_at == "2024-05-01T00:30:00+00:00"
    naive = binner.merge_bins("income", 0, 1, decided_at=datetime(2024, 5, 1, 0, 30))
    assert naive.log_[0].decided_at == "2024-05-01T00:30:00+00:00"
    assert log["iv_before"].tolist() == [binner.iv["income"], binner.iv["job"]]
    assert log["iv_after"].tolist() == [edited.iv["income"], edited.iv["job"]]
    assert log.loc[0, "iv_after"] < log.loc[0, "iv_before"]
    assert start <= datetime.fromisoformat(edited.log_[1].decided_at) <= datetime.now(UTC)
    assert log.loc[1, ["by", "reason"]].tolist() == ["Bo", ""]
    assert edit_table([]).columns.equals(log.columns)


def test_an_edit_survives_json(binner):
    special, missing = binner.bins_["inquiries"].apart
    edited = binner.merge_bins("inquiries", special, missing).merge_bins("job", 0, 1)
    for edit in edited.log_:
        assert Edit.from_json(json.loads(json.dumps(edit.to_json()))) == edit


def test_a_loaded_binner_can_still_merge(binner):
    again = loaded(binner).merge_bins("income", 0, 1, by="Ana", decided_at=WHEN)
    here = binner.merge_bins("income", 0, 1, by="Ana", decided_at=WHEN)
    assert_same_bins(again, here)
    assert again.log_ == here.log_


# -- replay ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def edited(binner):
    special, missing = binner.bins_["inquiries"].apart
    edited = binner.set_edges("income", [1234.5, 4321.25]).merge_bins("income", 1, 3)
    edited = edited.merge_bins("inquiries", special, missing)
    return edited.group_levels("job", [["driver"], ["clerk", "farmer", "rare"]])


def test_edits_are_made_again_on_other_rows(edited):
    half = np.arange(len(LABELS)) % 2 == 0
    again = WoeBinner(special_codes=SPECIAL, edits=edited.log_).fit(BORROWERS[half], LABELS[half])
    assert again.log_ == edited.log_
    assert again.edges["income"].tolist() == edited.edges["income"].tolist()
    for name in ("income", "inquiries", "job"):
        assert again.bins_[name].apart == edited.bins_[name].apart
        assert again.bins_[name].groups == edited.bins_[name].groups
    assert_counts_are_those_of_the_rows(again, BORROWERS[half], LABELS[half])
    # exactly, also where that many values have no fine edges of their own
    some = WoeBinner().fit(BORROWERS.loc[half, ["income"]], LABELS[half])
    among = np.sort(BORROWERS.loc[half, "income"].dropna())[200:2500:200].tolist()
    log = some.set_edges("income", among).log_
    whole = WoeBinner(edits=log).fit(BORROWERS[["income"]], LABELS)
    assert whole.edges["income"].tolist() == among
    assert set(among) - set(count_features(BORROWERS[["income"]], LABELS).edges["income"])
    plain = WoeBinner(special_codes=SPECIAL).fit(BORROWERS[half], LABELS[half])
    assert again.edges["noise"].tolist() == plain.edges["noise"].tolist()
    # and edited further, then again
    further = again.merge_bins("job", 0, 1)
    assert WoeBinner(special_codes=SPECIAL, edits=further.log_).fit(BORROWERS, LABELS).log_ == (
        further.log_
    )


@pytest.mark.parametrize("weight", [1, 1e-4])
def test_new_levels_join_the_riskiest_group_and_lost_ones_stay(edited, weight):
    rows = BORROWERS.loc[BORROWERS["job"] != "rare", ["job"]]
    y = LABELS[rows.index]
    rows = rows.assign(job=rows["job"].mask(np.arange(len(rows)) % 50 == 0, "astronaut"))
    job = [edit for edit in edited.log_ if edit.feature == "job"]
    again = WoeBinner(edits=job).fit(rows, y, sample_weight=np.full(len(y), weight))
    assert again.bins_["job"].groups == (("astronaut", "driver"), ("clerk", "farmer", "rare"))
    assert again.bins_["job"].counts.sum() == pytest.approx(weight * len(y))


def test_groups_that_lost_all_their_levels_do_not_block_other_edits(binner):
    groups = [["clerk"], ["driver"], ["farmer"], ["rare"]]
    log = binner.group_levels("job", groups).log_
    rows = BORROWERS.loc[BORROWERS["job"].isin(["clerk", "driver"]), ["job"]]
    again = WoeBinner(edits=log).fit(rows, LABELS[rows.index])
    assert again.merge_bins("job", 0, 1).bins_["job"].n_bins == 3
    with pytest.raises(ValueError, match="no row is in the bin farmer"):
        again.group_levels("job", [["farmer"], ["rare"], ["gone"], ["clerk", "driver"]])


def test_edits_that_no_longer_fit_are_refused(edited):
    X = BORROWERS
    other_codes = WoeBinner(special_codes={"inquiries": [-9, -8]}, edits=edited.log_)
    with pytest.raises(ValueError, match=r"inquiries: edited with special codes \(-9.0,\), now"):
        other_codes.fit(X, LABELS)
    again = WoeBinner(special_codes=SPECIAL, edits=edited.log_)
    with pytest.raises(ValueError, match="feature job: edited as a category, now a number"):
        again.fit(X.assign(job=1.0), LABELS)
    with pytest.raises(ValueError, match="feature income: edited as a number, now a category"):
        again.fit(X.assign(income="high"), LABELS)
    with pytest.raises(ValueError, match=r"edits names no feature 'income'; .* no feature 'job'"):
        again.fit(X[["inquiries"]], LABELS)


def test_edits_are_kept_by_clone_and_made_in_every_fold(edited):
    again = WoeBinner(special_codes=SPECIAL, edits=edited.log_)
    assert clone(again).get_params()["edits"] == edited.log_
    model = make_pipeline(again, LogisticRegression())
    assert (cross_val_score(model, BORROWERS, LABELS, scoring="roc_auc", cv=3) > 0.6).all()
    binner = clone(model).fit(BORROWERS[1000:], LABELS[1000:])[0]
    assert binner.edges["income"].tolist() == edited.edges["income"].tolist()


# -- published numbers -----------------------------------------------------------------------------


# ../shared/data/README.md: all 1,000 rows, one bin per category
KNOWN_IV = {
    "status_of_existing_checking_account": 0.666012,
    "credit_history": 0.293234,
    "savings_account_and_bonds": 0.196010,
}


def test_german_credit_has_the_known_ivs_with_one_bin_per_category(shared_data):
    rows = pd.read_csv(shared_data / "german_credit" / "german_credit.csv")
    bad = (rows["creditability"] == "bad").astype(int)
    assert (len(rows), bad.mean()) == (1000, 0.3)
    binner = WoeBinner().fit(rows[list(KNOWN_IV)], bad)
    for feature in KNOWN_IV:
        levels = sorted(rows[feature].unique())
        binner = binner.group_levels(feature, [[level] for level in levels])
    assert binner.iv.round(6).to_dict() == KNOWN_IV

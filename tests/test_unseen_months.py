"""Months of a loan that nobody saw: what labels and moves make of them, recounted loan by loan."""

import math
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from contract_tables import panel
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_panels import last_month, loans_of, odd_panels

from riskkit import migration, target
from riskkit.checks import DataContractError, whole_loans
from riskkit.target import BadDefinition

ENDS = ("prepaid", "matured", "charged_off")


def label_by_hand(loan, n, window, observed):
    """Label of one loan: month by month, the first that is bad or may be decides."""
    if loan.cohort + window > observed:
        return None
    limit = math.inf if n is None else n
    for mob in range(window + 1):
        if mob in loan.rows:
            if loan.past(mob, "loss" if n is None else n):
                return 1
            continue
        before = [m for m in loan.rows if m < mob]
        after = [m for m in loan.rows if m > mob]
        if not after:
            return 0 if loan.end else None
        came_back_gone = loan.rows[min(after)][1] == "charged_off"
        days = 31 * (mob + 1) - 1
        if before:
            days = loan.rows[max(before)][0] + 31 * (mob - max(before))
        if days > limit or came_back_gone:
            return None
    return 0


@settings(max_examples=30, deadline=None)
@given(odd_panels(), st.sampled_from([30, 60, 90, None]), st.integers(1, 6))
def test_labels_are_those_of_a_loop_over_months(panel, n, window):
    observed = last_month(panel)
    definition = BadDefinition(dpd=n, window_months=window)
    flags = target.default_flags(panel, definition, observed.end_time.normalize())

    expected = [label_by_hand(loan, n, window, observed) for loan in loans_of(panel)]
    np.testing.assert_array_equal(flags, np.array(expected, dtype=float))
    table = target.label_table(panel, definition, observed.end_time.normalize())
    assert table["loans"].sum() == len(expected)
    assert table.loc[["good", "bad"], "loans"].tolist() == [expected.count(0), expected.count(1)]
    young = sum(loan.cohort + window > observed for loan in loans_of(panel))
    assert table.loc["cohort not at its window", "loans"] == young


def test_a_late_entrant_is_good_only_if_it_cannot_have_been_bad():
    book = panel(
        early=("2024-01-01", [0] * 7),
        soon=("2024-01-01", [0] * 7),
        late=("2024-01-01", [0] * 7),
        late_bad=("2024-01-01", [0, 0, 0, 0, 31, 61, 92]),
    )
    # first seen at month 2, when nobody can be 90 days past due; at 3 somebody can have been
    entry = book["loan_id"].map({"early": 0, "soon": 2, "late": 3, "late_bad": 3})
    seen = book[book["mob"] >= entry]
    observed = pd.Timestamp("2024-07-31")
    definition = BadDefinition(window_months=6)
    flags = target.default_flags(seen, definition, observed)
    assert flags[["early", "soon"]].tolist() == [0, 0]
    # the bad ones of those who came late would be known, the good ones not
    assert flags[["late", "late_bad"]].isna().all()
    table = target.label_table(seen, definition, observed)
    assert table.loc[["good", "first seen too late"], "loans"].tolist() == [2, 2]
    assert "2 first seen too late" in target.label_text(table)
    assert target.label_text(target.label_table(book, definition, observed)) == ""


def test_a_gap_hides_a_bad_only_where_it_is_long_enough():
    book = panel(
        short=("2024-01-01", [0] * 7),
        long=("2024-01-01", [0] * 7),
        late_before=("2024-01-01", [0, 0, 61, 0, 0, 0, 0]),
        bad_before=("2024-01-01", [0, 31, 61, 92, 0, 0, 0]),
        stops=("2024-01-01", [0, 0]),
    )
    left_out = {"short": [3], "long": [2, 3, 4], "late_before": [3], "bad_before": [4, 5]}
    gone = [m in left_out.get(i, []) for i, m in zip(book["loan_id"], book["mob"], strict=True)]
    seen = book[~np.array(gone)]
    observed = pd.Timestamp("2024-07-31")
    flags = target.default_flags(seen, BadDefinition(window_months=6), observed)
    assert flags["short"] == 0
    assert flags["bad_before"] == 1
    assert flags[["long", "late_before", "stops"]].isna().all()
    table = target.label_table(seen, BadDefinition(window_months=6), observed)
    told = target.label_text(table)
    assert told.startswith("**3 loans** (60.00%) have no label")
    assert "2 months left out, 1 rows stop before the window" in told
    # a month unseen may have been late enough to lie between good and bad
    between = BadDefinition(window_months=6, indeterminate_dpd=30)
    assert np.isnan(target.default_flags(seen, between, observed)["short"])
    whole = target.default_flags(book, between, observed)
    assert whole["short"] == 0


def test_a_default_seen_late_does_not_count_for_the_final_bads():
    terms = pd.Series({"a": 3, "b": 3})
    book = panel(a=("2024-01-01", [0, 31, 61, 92] + [92] * 8), b=("2024-01-01", [0] * 12))
    observed = pd.Timestamp("2024-12-31")
    definition = BadDefinition(window_months=6)
    whole = target.window_coverage(book, definition, observed, terms)
    assert whole.loc[3, ["loans", "final_bads"]].tolist() == [2, 1]
    late = book[(book["loan_id"] == "b") | (book["mob"] >= 4)]
    part = target.window_coverage(late, definition, observed, terms)
    assert part.loc[3, ["loans", "final_bads"]].tolist() == [1, 0]


@settings(max_examples=20, deadline=None)
@given(odd_panels())
def test_moves_are_counted_over_neighbouring_months_only(panel):
    counts = migration.transition_counts(panel, by="months")

    pairs = Counter()
    for loan in loans_of(panel):
        for mob in loan.rows:
            if mob + 1 in loan.rows and loan.rows[mob][1] not in ENDS:
                pairs[loan.rows[mob][0] > 0, loan.rows[mob + 1][1] in ENDS] += 1
    late = counts.index.get_level_values("from_bucket") != "M0 current"
    ended = ~counts.index.get_level_values("to_bucket").str.startswith("M")
    for was_late in (True, False):
        for has_ended in (True, False):
            rows = (late == was_late) & (ended == has_ended)
            assert counts["loans"][rows].sum() == pairs[was_late, has_ended]


@settings(max_examples=20, deadline=None)
@given(odd_panels(), st.integers(1, 3))
def test_rolls_are_counted_of_loans_seen_in_every_month_of_both_windows(panel, months):
    observed = last_month(panel)
    counts = migration.roll_counts(panel, observed.end_time, months=months, by="months")

    known = 0
    for loan in loans_of(panel):
        for mob, (_, status, _) in loan.rows.items():
            to_come = (observed - (loan.cohort + mob)).n
            if status in ENDS or to_come < months or to_come % months:
                continue
            until = mob + months
            if loan.end and loan.last < until:
                until = loan.last
            window = range(max(mob - months + 1, 0), until + 1)
            known += until > mob and all(m in loan.rows for m in window)
    assert counts["loans"].sum() == known


def test_a_loan_cut_by_two_blocks_is_refused():
    blocks = [pd.DataFrame({"loan_id": ids}) for ids in (["a", "b"], [], ["b", "c"])]
    with pytest.raises(DataContractError, match="block 3 begins with the loan that block 2 ended"):
        list(whole_loans(blocks))
    assert len(list(whole_loans(blocks[:2]))) == 2

"""Moves by month, age and duration; over gaps there are none; raw codes; the ends stay ends."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from in_blocks import InBlocks
from migration_panels import gapped_panels, panel_of, panels

from riskkit.checks import DataContractError
from riskkit.migration import (
    bucket,
    bucket_balances,
    code_transition_counts,
    roll_counts,
    square_matrix,
    transition_counts,
    transition_matrix,
)
from riskkit.migration.buckets import bucket_label

M0, M1, M2, M3 = (bucket_label(k) for k in range(4))
M4_UP = bucket_label(4, and_worse=True)
ENDS = {"charged_off": "charged off", "prepaid": "prepaid", "matured": "matured"}
ALL = ["month_end", "mob", "duration"]


def states_of(panel):
    """Label of each row's state."""
    days = bucket(panel["dpd"].to_numpy(), panel["month_end"].to_numpy())
    names = [bucket_label(k) if k < 4 else M4_UP for k in days]
    return [ENDS.get(status, name) for status, name in zip(panel["status"], names, strict=True)]


def moves_by_loop(panel):
    """Moves by month-end, month on book, duration and states, one row at a time."""
    state, loans, balances = states_of(panel), Counter(), Counter()
    ordinal = panel["month_end"].dt.to_period("M").map(lambda month: month.ordinal).tolist()
    for i in range(len(panel) - 1):
        follows = (
            panel["loan_id"][i] == panel["loan_id"][i + 1] and ordinal[i + 1] == ordinal[i] + 1
        )
        if not follows or state[i] in ENDS.values():
            continue
        first = i
        while (
            first > 0
            and panel["loan_id"][first - 1] == panel["loan_id"][i]
            and ordinal[first - 1] == ordinal[first] - 1
            and state[first - 1] == state[i]
        ):
            first -= 1
        came_then = first > 0 and (
            panel["loan_id"][first - 1] == panel["loan_id"][i]
            and ordinal[first - 1] == ordinal[first] - 1
        )
        known = came_then or panel["mob"][first] == 0
        duration = i - first + 1 if known else 0
        key = panel["month_end"][i + 1], panel["mob"][i], duration, state[i], state[i + 1]
        loans[key] += 1
        balances[key] += panel["balance"][i]
    return dict(loans), dict(balances)


@settings(max_examples=20, deadline=None)
@given(gapped_panels(), st.integers(0, 8))
def test_split_moves_match_loop_and_add_up_with_gaps(panel, n_loans):
    counts = transition_counts(panel, by="months", split=ALL)

    seen = counts[counts["loans"] > 0]
    loans, balances = moves_by_loop(panel)
    assert seen["loans"].to_dict() == loans
    assert seen["balance"].to_dict() == balances
    first = panel["loan_id"] < f"L{n_loans:03d}"
    blocks = InBlocks(panel[first], panel[~first])
    pd.testing.assert_frame_equal(transition_counts(blocks, by="months", split=ALL), counts)
    # what is split adds up to what is not
    whole = transition_counts(panel, by="months")
    if len(counts):
        pd.testing.assert_frame_equal(transition_matrix(counts), transition_matrix(whole))
    assert counts["loans"].sum() == whole["loans"].sum()


def rows(*days):
    return [(100, day, "delinquent" if day else "current") for day in days]


# due on the 15th: 16 days past due in December, 47 in January, 76 in February, 107 in March
WHOLE = panel_of([(0, rows(0, 16, 47, 76, 107)), (0, rows(0, 0, 0, 0, 0))])


def test_over_a_gap_there_is_no_move():
    # the first loan is not seen in January, the second enters in January and vanishes
    panel = WHOLE.drop(index=[2, 5, 6, 9]).reset_index(drop=True)

    counts = transition_counts(panel)

    seen = counts["loans"][counts["loans"] > 0].to_dict()
    assert seen == {(M0, M1): 1, (M3, M4_UP): 1, (M0, M0): 1}
    by_age = transition_counts(panel, split=["mob", "duration"])
    # how long the second had been current when it was first seen is not known, and the first
    # came to M3 in a month that was not seen
    assert by_age[by_age["loans"] > 0].index.tolist() == [
        (0, 1, M0, M1), (2, 0, M0, M0), (3, 0, M3, M4_UP),
    ]  # fmt: skip
    assert bucket_balances(panel).loc["2024-01-31"].sum() == 100
    assert bucket_balances(panel, measure="loans").sum(axis=1).tolist() == [1, 1, 1, 2, 1]


def test_rolls_know_only_windows_that_were_seen():
    assert roll_counts(WHOLE, "2024-03-31", months=2)["loans"].sum() == 4
    # a gap after the look, one before it, and a late entry before it
    for hidden, left in ((3, 3), (6, 2), (5, 3), (9, 3)):
        panel = WHOLE.drop(index=hidden).reset_index(drop=True)
        counts = roll_counts(panel, "2024-03-31", months=2)
        assert counts["loans"].sum() == left, hidden


def test_rows_that_go_back_or_are_apart_are_still_refused():
    with pytest.raises(DataContractError, match="2 rows repeat a month of the loan or go back"):
        transition_counts(WHOLE.iloc[[0, 0, 1, 1]])
    with pytest.raises(DataContractError, match="rows of 1 loans are not together"):
        transition_counts(WHOLE.iloc[[0, 1, 5, 6, 2, 3]])
    as_codes = WHOLE.assign(loan_id=WHOLE["loan_id"].astype("category"))
    pd.testing.assert_frame_equal(transition_counts(as_codes), transition_counts(WHOLE))


def test_a_matrix_for_each_month_on_book_and_for_each_term():
    term = pd.Series([3, 12], index=["L000", "L001"], name="term_months")
    counts = transition_counts(WHOLE, split=["mob"], part=term)

    by_age = transition_matrix(counts, each="mob")
    assert by_age.index.names == ["mob", "from_bucket"]
    assert by_age.loc[(0, M0), [M0, M1]].tolist() == [0.5, 0.5]
    assert by_age.loc[(1, M0), M0] == 1
    assert by_age.loc[(1, M4_UP)].isna().all()
    by_term = transition_matrix(counts, each=["term_months"])
    assert by_term.loc[(12, M0), M0] == 1
    assert by_term.index.get_level_values(1)[:5].tolist() == [M0, M1, M2, M3, M4_UP]
    alone = transition_counts(WHOLE, part=term.iloc[:1])
    assert alone["loans"].sum() == 4  # the other loan has no term
    with pytest.raises(ValueError, match=r"not split by duration, but by \['term_months', 'mob'\]"):
        transition_matrix(counts, each="duration")
    with pytest.raises(
        ValueError, match="split must be different ones of month_end, mob, duration"
    ):
        transition_counts(WHOLE, split=["cohort"])


def test_what_has_ended_stays_so():
    panel = panel_of(
        [
            (0, [(100, 0, "current"), (0, 0, "prepaid")]),
            (0, [*rows(0, 16), (100, 47, "charged_off"), (100, 76, "charged_off")]),
            (0, [(100, 0, "current"), (100, 0, "current"), (0, 0, "matured")]),
        ]
    )
    square = square_matrix(transition_matrix(transition_counts(panel, max_bucket=1)))

    assert square.shape == (5, 5)
    later = pd.DataFrame(
        np.linalg.matrix_power(square.to_numpy(), 40), index=square.index, columns=square.columns
    )
    # of four moves out of M0 one pays off, one matures, one falls behind, which is charged off
    assert later.loc[M0, ["prepaid", "matured", "charged off"]].tolist() == pytest.approx(
        [1 / 3] * 3
    )
    assert later.loc["charged off", "charged off"] == 1


@settings(max_examples=15, deadline=None)
@given(panels())
def test_square_rows_sum_to_one(panel):
    square = square_matrix(transition_matrix(transition_counts(panel, by="months")))
    seen = square.notna().all(axis=1)
    np.testing.assert_allclose(square[seen].sum(axis=1), 1)
    assert (square.loc[[*ENDS.values()]].to_numpy() == np.eye(8)[5:]).all()


def test_empty_panel_has_no_split_moves():
    counts = transition_counts(WHOLE.iloc[:0], split=ALL)
    assert len(counts) == 0
    assert counts.index.names == [*ALL, "from_bucket", "to_bucket"]
    assert transition_matrix(counts, each="mob").empty


MONTHS = ["delay_apr", "delay_may", "delay_jun", "delay_jul", "delay_aug", "delay_sep"]


def test_raw_codes_of_taiwan_match_a_recount(taiwan_default):
    applications = taiwan_default.applications

    counts = code_transition_counts(applications, MONTHS)

    by_loop = Counter()
    for codes in applications[MONTHS].itertuples(index=False):
        for name, before, after in zip(MONTHS[1:], codes[:-1], codes[1:], strict=True):
            by_loop[name, before, after] += 1
    assert counts["loans"].to_dict() == dict(by_loop)
    assert counts["loans"].sum() == 5 * 30_000
    matrix = transition_matrix(counts)
    assert matrix.index.tolist() == list(range(-2, 9))
    np.testing.assert_allclose(matrix.sum(axis=1), 1)
    # no ladder: a delay of one month is nearly absent before September, where it is common, and
    # nobody comes to it from minimum paid
    into_one = counts.xs(1, level="to_code")["loans"].groupby(level="month_to").sum()
    assert into_one.loc[["delay_jun", "delay_jul", "delay_aug", "delay_sep"]].tolist() == [
        2, 4, 28, 3_688,
    ]  # fmt: skip
    monthly = transition_matrix(counts, each="month_to")
    assert monthly.index.unique("month_to").tolist() == MONTHS[1:]
    assert monthly.loc[("delay_sep", 0), 1] < 0.001 < monthly.loc[("delay_sep", -2), 1]


def test_codes_that_are_missing_are_no_move():
    frame = pd.DataFrame({"a": [1, None, 2], "b": [None, 1, 3], "c": ["x"] * 3})
    counts = code_transition_counts(frame, ["a", "b"])
    assert counts["loans"].to_dict() == {("b", 2, 3): 1}
    assert len(code_transition_counts(frame.iloc[:0], ["a", "b"])) == 0
    with pytest.raises(ValueError, match="columns must be at least two different ones"):
        code_transition_counts(frame, ["a"])
    with pytest.raises(ValueError, match="missing columns d"):
        code_transition_counts(frame, ["a", "d"])

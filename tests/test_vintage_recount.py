"""Every curve and count against a recount row by row, on panels with all that real ones hold."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_panels import last_month, loans_of, odd_panels, recounted_cells, recounted_risk
from scipy.stats import beta

from riskkit.partitions import add_counts
from riskkit.vintage import (
    cohort_counts,
    curve_choices,
    gaps_text,
    panel_gaps,
    risk_sets,
    vintage_cells,
    vintage_table,
)

EVENTS = (30, 60, 90, "loss")
RISKS = ["at_risk", "events", "prepaid", "matured", "censored"]


@settings(max_examples=20, deadline=None)
@given(odd_panels(), st.sampled_from(EVENTS), st.sampled_from("MQY"))
def test_every_cell_is_what_a_loop_over_loans_counts(panel, n, freq):
    counts = cohort_counts(panel, dpd=EVENTS)

    for ever, measure, vanished in product((True, False), ("loans", "amount"), (True, False)):
        if vanished and not ever:
            continue
        choice = {
            "dpd": n,
            "ever": ever,
            "measure": measure,
            "cohort_freq": freq,
            "vanished": "event" if vanished else "censored",
        }
        expected = recounted_cells(
            panel,
            n,
            **{name.replace("cohort_", ""): v for name, v in choice.items() if name != "dpd"},
        )
        cells = vintage_cells(counts, **choice)
        found = {
            index: (row.past, row.base, row.followed_share)
            for index, row in zip(cells.index, cells.itertuples(), strict=True)
        }
        longest = cells.index.get_level_values("mob").max() if len(cells) else -1
        assert found == {
            index: (past, base, pytest.approx(followed / loans))
            for index, (past, base, followed, loans, _) in expected.items()
            if index[1] <= longest
        }
        rate = {}
        for (cohort, mob), (past, base, _, _, added) in sorted(expected.items()):
            # what was seen of a month goes on from the month before
            before = rate.get((cohort, mob - 1), 0)
            rate[cohort, mob] = before + added / base if ever else past / base
        rates = cells["past_rate"].to_dict()
        assert rates == pytest.approx({index: rate[index] for index in rates})
        # past the last row of any loan nothing can come that was not counted
        assert all(index[1] <= longest or cell[2] for index, cell in expected.items())
        table = vintage_table(counts, **choice)
        shown = {(c, m): v for c, row in table.iterrows() for m, v in row.items() if v == v}
        assert shown == pytest.approx(
            {
                index: past / base
                for index, (past, base, followed, loans, _) in expected.items()
                if followed == loans and index[1] <= longest
            }
        )


@settings(max_examples=25, deadline=None)
@given(odd_panels(), st.sampled_from(EVENTS), st.sampled_from(["censored", "event"]))
def test_risk_sets_are_what_a_loop_over_loans_counts(panel, n, vanished):
    sets = risk_sets(cohort_counts(panel, dpd=EVENTS), dpd=n, vanished=vanished)

    found = sets.groupby("mob")[RISKS].sum().reindex(range(10), fill_value=0)
    np.testing.assert_array_equal(found.to_numpy(), recounted_risk(panel, n, vanished))
    # who is at risk next month are those who were, less who left, and who came
    for _, rows in sets.groupby("cohort"):
        grid = rows.droplevel("cohort").reindex(range(11), fill_value=0)
        left = grid[["events", "prepaid", "matured", "censored"]].sum(axis=1)
        after = grid["at_risk"] - left + grid["entered"]
        assert after.iloc[:-1].tolist() == grid["at_risk"].iloc[1:].tolist()


@settings(max_examples=15, deadline=None)
@given(odd_panels(), st.integers(0, 9))
def test_counts_of_two_parts_of_an_odd_panel_add_up(panel, n_loans):
    first = panel["loan_id"] < f"L{n_loans:02d}"
    whole = cohort_counts(panel, dpd=EVENTS, by="term_months")
    parts = [cohort_counts(panel[side], dpd=EVENTS, by="term_months") for side in (first, ~first)]

    summed = add_counts(*parts)[list(whole.columns)]
    pd.testing.assert_frame_equal(summed, whole, check_index_type=False)


@settings(max_examples=25, deadline=None)
@given(odd_panels())
def test_kinds_of_loans_not_seen_throughout(panel):
    loans, observed = loans_of(panel), last_month(panel)
    stopped = [x for x in loans if x.end is None and x.cohort + x.last < observed]

    table = panel_gaps(panel)

    assert table["loans"].tolist() == [
        len(loans),
        sum(x.entry > 0 for x in loans),
        sum(len(x.rows) < x.last - x.entry + 1 for x in loans),
        sum(x.rows[x.last][0] == 0 for x in stopped),
        sum(x.rows[x.last][0] > 0 for x in stopped),
    ]
    assert table["months"].tolist()[1:3] == [
        sum(x.entry for x in loans),
        sum(x.last - x.entry + 1 - len(x.rows) for x in loans),
    ]
    halves = [panel[panel["loan_id"] < "L03"], panel[panel["loan_id"] >= "L03"]]
    blocks = type("Blocks", (), {"blocks": lambda self: iter(halves)})()
    pd.testing.assert_frame_equal(panel_gaps(blocks), table)


def one_cohort(*loans):
    """Panel of loans granted in January 2024, each given by its months and days past due."""
    parts = []
    for i, (days, status) in enumerate(loans):
        rows = pd.DataFrame({"mob": list(days), "dpd": list(days.values())})
        rows["status"] = np.where(rows["dpd"] > 0, "delinquent", "current")
        if status:
            rows.loc[len(rows) - 1, "status"] = status
        parts.append(rows.assign(loan_id=f"L{i}", balance=100, paid_amount=0))
    panel = pd.concat(parts, ignore_index=True)
    ends = pd.PeriodIndex.from_ordinals(panel["mob"] + pd.Period("2024-01", "M").ordinal, freq="M")
    return panel.assign(
        cohort=pd.Timestamp("2024-01-01"), month_end=ends.to_timestamp(how="end").normalize()
    )


SIX = dict.fromkeys(range(6), 0)


def test_a_late_entrant_is_on_no_curve_and_at_risk_from_its_next_month():
    panel = one_cohort((SIX, None), ({3: 0, 4: 40, 5: 40}, None), ({2: 40, 3: 70}, "charged_off"))
    counts = cohort_counts(panel, dpd=(30,))

    assert vintage_table(counts).loc["2024-01-01"].tolist() == [0] * 6
    sets = risk_sets(counts, dpd=30).droplevel("cohort")
    # the third was past 30 when first seen: when it got there nobody saw
    assert sets["at_risk"].tolist() == [1, 1, 1, 1, 2, 1]
    assert sets["events"].tolist() == [0, 0, 0, 0, 1, 0]
    assert counts["entrants"].tolist() == [0, 0, 1, 1, 0, 0]


def test_a_cohort_of_late_entrants_alone_has_no_curve():
    panel = one_cohort(({2: 0, 3: 0}, None))

    counts = cohort_counts(panel)

    assert vintage_table(counts).empty
    assert vintage_cells(counts).empty
    assert risk_sets(counts)["at_risk"].tolist() == [0, 1]
    assert len(curve_choices(cohort_counts(panel.assign(term_months=3), by="term_months"))) == 0


def test_what_was_passed_in_a_gap_is_dated_where_it_shows():
    panel = one_cohort(({0: 0, 1: 0, 4: 70, 5: 70}, None), (SIX, None))
    counts = cohort_counts(panel, dpd=(30,))

    assert vintage_table(counts)[[2, 3, 4]].to_numpy().tolist() == [[0, 0, 0.5]]
    now = vintage_table(counts, ever=False)
    assert now.isna().to_numpy().tolist() == [[False, False, True, True, False, False]]
    half = vintage_table(counts, ever=False, least_share=0.5)
    assert half.to_numpy().tolist() == [[0, 0, 0, 0, 0.5, 0.5]]


def test_a_vanished_loan_is_the_one_or_the_other():
    panel = one_cohort((SIX, None), ({0: 0, 1: 0, 2: 20}, None), ({0: 0, 1: 0}, None))
    counts = cohort_counts(panel, dpd=(30,))

    assert vintage_table(counts).shape == (1, 2)
    some = vintage_table(counts, least_share=0.3)
    assert some.to_numpy().tolist() == [[0] * 6]
    as_event = vintage_table(counts, least_share=0.3, vanished="event")
    np.testing.assert_allclose(as_event.iloc[0], [0, 0, 0, 1 / 3, 1 / 3, 1 / 3])
    assert vintage_cells(counts)["followed_share"].round(2).tolist() == [1, 1, 0.67, *[0.33] * 3]
    assert panel_gaps(panel)["loans"].tolist() == [3, 0, 0, 1, 1]
    assert "**1** (33.33%) that vanish past due" in gaps_text(panel_gaps(panel))
    # who looks back to the month in which it was last seen cannot know that it vanishes
    assert panel_gaps(panel, observed_to="2024-03-31")["loans"].tolist() == [3, 0, 0, 1, 0]
    back = vintage_table(counts, observed_to="2024-03-31", vanished="event", least_share=0.5)
    assert back.to_numpy().tolist() == [[0, 0, 0]]


def test_a_charge_off_is_a_loss_whatever_the_days():
    panel = one_cohort(({0: 0, 1: 95, 2: 0}, "charged_off"), (SIX, None))
    counts = cohort_counts(panel, dpd=(90, "loss"))

    assert vintage_table(counts, dpd=90).iloc[0].tolist() == [0, 0.5, 0.5, 0.5, 0.5, 0.5]
    assert vintage_table(counts, dpd="loss").iloc[0].tolist() == [0, 0, 0.5, 0.5, 0.5, 0.5]
    assert risk_sets(counts, dpd="loss")["events"].tolist() == [0, 0, 1, 0, 0, 0]
    alone = cohort_counts(panel, dpd=("loss",))
    pd.testing.assert_frame_equal(alone, counts[list(alone)])


def test_a_curve_ends_where_its_last_loan_does():
    panel = one_cohort(({0: 0, 1: 0, 2: 0}, "matured"), ({0: 0, 1: 0}, "prepaid"))
    other = one_cohort((SIX, None)).assign(loan_id="M0", cohort=pd.Timestamp("2024-02-01"))
    other["month_end"] += pd.offsets.MonthEnd(1)
    counts = cohort_counts(pd.concat([panel, other]))

    assert vintage_table(counts).notna().sum(axis=1).tolist() == [6, 6]
    assert vintage_table(counts, open_only=True).notna().sum(axis=1).tolist() == [3, 6]
    cells = vintage_cells(counts, open_only=True)
    assert cells.groupby(level="cohort").size().tolist() == [3, 6]
    now = vintage_table(counts, ever=False, open_only=True)
    assert now.notna().sum(axis=1).tolist() == [3, 6]


def test_a_quarter_shows_in_part_what_its_first_months_have_reached():
    early = one_cohort(({0: 0, 1: 0, 2: 40}, None), ({0: 0, 1: 0, 2: 0}, None))
    late = one_cohort(({0: 0, 1: 40}, None)).assign(cohort=pd.Timestamp("2024-02-01"))
    late["month_end"] += pd.offsets.MonthEnd(1)
    counts = cohort_counts(pd.concat([early, late.assign(loan_id="M")]), dpd=(30,))

    np.testing.assert_allclose(vintage_table(counts, cohort_freq="Q"), [[0, 1 / 3]])
    # the one bad loan of three, and what the two of January added
    part = vintage_table(counts, cohort_freq="Q", least_share=0.6)
    np.testing.assert_allclose(part, [[0, 1 / 3, 1 / 3 + 1 / 2]])
    row = vintage_cells(counts, cohort_freq="Q").iloc[-1]
    assert (row["loans"], row["past"], row["base"], row["is_matured"]) == (3, 1, 2, False)
    assert row["followed_share"] == pytest.approx(2 / 3)
    # Jeffreys of two loans
    assert row["past_low"] == pytest.approx(beta.ppf(0.025, 5 / 3 + 0.5, 1 / 3 + 0.5))
    assert vintage_cells(counts, measure="amount")["past_low"].isna().all()


def test_wrong_choices_are_named():
    counts = cohort_counts(one_cohort((SIX, None)))
    with pytest.raises(ValueError, match="least_share must lie in"):
        vintage_table(counts, least_share=1.5)
    with pytest.raises(ValueError, match="vanished must be"):
        risk_sets(counts, vanished="gone")
    with pytest.raises(ValueError, match="vanished='event' needs ever=True"):
        vintage_table(counts, vanished="event", ever=False)
    with pytest.raises(ValueError, match=r"counted \(30, 60, 90\), got 'loss'"):
        vintage_table(counts, dpd="loss")
    with pytest.raises(ValueError, match="different thresholds"):
        cohort_counts(one_cohort((SIX, None)), dpd=("loss", "loss"))


def test_a_panel_of_nobody_has_no_gaps():
    table = panel_gaps(one_cohort((SIX, None)).iloc[:0])
    assert table["loans"].tolist() == [0] * 5
    assert table["share_rate"].isna().all()

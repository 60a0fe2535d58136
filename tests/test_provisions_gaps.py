"""Late entries, months left out and loans that stop: what was not seen is unknown, never a move."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_books import LAST, small_book, states_of

from riskkit import arrears, provisions
from riskkit.arrears import fit_lgd, how_they_left, landmark_moves, monthly_moves
from riskkit.checks import DataContractError

TO = ["to_0", "to_1", "to_2", "to_3", "to_default", "to_ended"]


def panel_of(*loans):
    """Loans as (id, first month, rows of mob, dpd, status, balance, paid, recovered)."""
    columns = ["mob", "dpd", "status", "balance", "paid_amount", "recovered_amount"]
    parts = []
    for name, start, rows in loans:
        part = pd.DataFrame([(*row, *[0] * (6 - len(row))) for row in rows], columns=columns)
        cohort = pd.Timestamp(f"{start}-01")
        ends = [cohort + pd.DateOffset(months=mob) + pd.offsets.MonthEnd(0) for mob in part["mob"]]
        parts.append(part.assign(loan_id=name, cohort=cohort, month_end=ends))
    return pd.concat(parts, ignore_index=True)


def with_gaps(panel, seed, share=0.3):
    """The same with rows left out anywhere, each loan seen once at least."""
    rng = np.random.default_rng(seed)
    kept = rng.random(len(panel)) >= share
    kept |= ~panel["loan_id"].duplicated(keep="last").to_numpy() & (rng.random(len(panel)) < 0.7)
    return panel[kept].reset_index(drop=True)


# -- moves -----------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_moves_of_a_panel_with_gaps_equal_a_recount_month_by_month(seed):
    panel = with_gaps(small_book(seed)[0], seed)
    monthly, landmarks = Counter(), Counter()
    for _, loan in panel.groupby("loan_id"):
        by_mob = dict(zip(loan["mob"], states_of(loan), strict=True))
        for mob, state in by_mob.items():
            if state > 3 or mob + 1 not in by_mob:
                continue
            monthly[mob, state, by_mob[mob + 1]] += 1
            for found in range(mob):
                if found in by_mob:
                    landmarks[found, by_mob[found], mob, state, by_mob[mob + 1]] += 1
    for table, expected, levels in (
        (monthly_moves(panel), monthly, ["mob", "state"]),
        (landmark_moves(panel), landmarks, ["found_mob", "found_state", "mob", "state"]),
    ):
        counted = {
            (*(key if isinstance(key, tuple) else (key,)), TO.index(name)): n
            for key, row in table.groupby(level=levels).sum().iterrows()
            for name, n in row.items()
            if n
        }
        assert counted == dict(expected)


def test_a_month_left_out_is_no_landmark_and_no_move_leads_over_it():
    one = ("a", "2024-01", [(0, 0, "current", 9), (2, 0, "current", 9), (3, 0, "current", 9)])
    assert monthly_moves(panel_of(one)).reset_index()["mob"].tolist() == [2]
    assert landmark_moves(panel_of(one)).reset_index()["found_mob"].tolist() == [0]
    # the loan before lends no landmark to one that is first seen in its second month
    before = ("A", "2024-01", [(0, 40, "delinquent", 9), (1, 0, "prepaid", 0)])
    late = ("b", "2024-01", [(2, 0, "current", 9), (3, 0, "current", 9)])
    assert landmark_moves(panel_of(before, late)).empty


class Halves:
    """A source whose blocks end within a loan."""

    def __init__(self, panel):
        self.panel = panel

    def blocks(self):
        yield self.panel.head(3)
        yield self.panel.iloc[3:].reset_index(drop=True)


@pytest.mark.parametrize("count", [monthly_moves, landmark_moves])
def test_a_block_that_ends_within_a_loan_is_refused(count):
    panel = panel_of(("a", "2024-01", [(mob, 0, "current", 9) for mob in range(6)]))
    with pytest.raises(DataContractError, match="block 2 begins with the loan that block 1 ended"):
        count(Halves(panel), by="days")


# -- loss given default ----------------------------------------------------------------------------


def defaults(number, rows):
    return [(f"{len(rows)}-{k:02d}", "2024-01", rows) for k in range(number)]


def test_cash_is_discounted_by_months_and_not_by_rows():
    """1 - 0.5 / 1.1^3: half of what is owed comes back three months after default."""
    panel = panel_of(*defaults(40, [
        (0, 0, "current", 1000), (3, 95, "delinquent", 1000), (6, 185, "delinquent", 500, 500),
    ]))  # fmt: skip
    rates = pd.Series(0.1, index=panel["loan_id"].unique())
    lgd = fit_lgd(panel, rates)
    assert lgd.at_default["lgd"] == pytest.approx(1 - 0.5 / 1.1**3)
    table = arrears.lgd_cohorts(panel, rates, lgd)
    assert table.loc["all", "lgd"] == pytest.approx(1 - 0.5 / 1.1**3)


def test_a_month_left_out_after_default_counts_by_the_loans_seen_in_it():
    """Without interest: 30 + 10 % of what is owed by those seen, so 60 % is lost of each."""
    seen = [(2, 65, "delinquent", 1000), (3, 95, "delinquent", 1000),
            (4, 125, "delinquent", 700, 300), (5, 155, "delinquent", 600, 100)]  # fmt: skip
    panel = panel_of(*defaults(10, seen), *defaults(10, [*seen[:2], seen[3]]))
    rates = pd.Series(0.0, index=panel["loan_id"].unique())
    lgd = fit_lgd(panel, rates)
    assert lgd.recovery["rate"].tolist() == pytest.approx([0.3, 0.1])
    assert lgd.recovery["observed_loans"].tolist() == [10, 20]
    table = arrears.lgd_cohorts(panel, rates, lgd)
    assert table.loc["all", "recovered_rate"] == pytest.approx(0.25)
    assert table.loc["all", "lgd"] == pytest.approx(0.6)


def test_recoveries_are_held_against_what_was_foretold_of_as_many_months():
    """Those of January brought 30 + 20 % in two months; those of March are to bring as much."""
    old = [(0, 0, "current", 1000), (3, 95, "delinquent", 1000),
           (4, 125, "delinquent", 700, 300), (5, 155, "delinquent", 500, 200),
           (6, 185, "delinquent", 500), (7, 215, "delinquent", 500)]  # fmt: skip
    young = [(0, 0, "current", 1000), (3, 95, "delinquent", 1000),
             (4, 125, "delinquent", 600, 400), (5, 155, "delinquent", 350, 250)]  # fmt: skip
    loans = [(f"o{k:02d}", "2024-01", old) for k in range(40)]
    loans += [(f"y{k:02d}", "2024-03", young) for k in range(40)]
    panel = panel_of(*loans)
    asked = pd.DataFrame({"application_id": panel["loan_id"].unique(), "offer_apr": 0.0})
    asked = asked.assign(amount=1000, term_months=6)
    table = provisions.recovery_check(panel, asked, months_back=2)
    late = table.loc["in default"]
    # of January's 40 nothing more came; of what they owed and March's owe, the months say how much
    assert late["loans"] == 80
    assert late["balance"] == 40 * 500 + 40 * 1000
    assert late["realised_amount"] == 40 * 650
    assert table.loc["all"].equals(late)
    assert late["realised_low"] <= late["foretold_amount"] <= late["realised_high"]
    assert provisions.recovery_check(panel, asked, months_back=7).empty
    assert provisions.recovery_check(panel.head(0), asked).empty
    few = panel[panel["loan_id"].isin(["o00", "y00"])].reset_index(drop=True)
    told = provisions.recovery_check(few, asked, months_back=2)
    assert set(told["verdict"]) <= {"too few loans to say"}
    with pytest.raises(ValueError, match="months_back must be >= 1, got 0"):
        provisions.recovery_check(panel, asked, months_back=0)


def test_missing_and_negative_amounts_are_named():
    panel = panel_of(("a", "2024-01", [(0, 0, "current", 1000), (1, 0, "current", 500, 510)]))
    for value in (-5.0, np.nan, np.inf):
        odd = panel.assign(balance=[1000.0, value])
        fault = "missing in 1 rows" if np.isnan(value) else "1 rows are not numbers of 0 or"
        with pytest.raises(DataContractError, match=f"balance: {fault}"):
            provisions.cohort_profit(odd, COSTS)


def test_what_vanished_loans_owed_stands_beside_the_profit():
    run = [(0, 0, "current", 1000), (1, 0, "current", 500, 510), (2, 0, "matured", 0, 510)]
    panel = panel_of(("a", "2024-01", run), ("b", "2024-01", run[:2]), ("c", "2024-01", run))
    table = provisions.cohort_profit(panel, COSTS, cohort_freq="M")
    assert table["vanished_loans"].tolist() == [0, 0, 1]
    assert table["vanished_amount"].tolist() == [0, 0, 500]
    kept = pd.concat([table.iloc[[-1]].assign(loans=40, profit_amount=300, profit_low=200)])
    paid = provisions.break_even_table(kept)
    assert paid["verdict"].item() == "has paid, unless vanished loans are lost"
    assert "with it lost, 1 would not have paid" in provisions.break_even_text(paid)


def test_when_a_late_entrant_defaulted_or_was_charged_off_is_not_known():
    """Ten seen into default lose 60 %; ten first seen in it, which bring all, say nothing."""
    seen = [(2, 65, "delinquent", 1000), (3, 95, "delinquent", 1000),
            (4, 125, "delinquent", 600, 400)]  # fmt: skip
    late = [(3, 95, "delinquent", 1000), (4, 0, "prepaid", 0, 1000)]
    panel = panel_of(*defaults(10, seen), *defaults(10, late))
    rates = pd.Series(0.0, index=panel["loan_id"].unique())
    lgd = fit_lgd(panel, rates)
    assert lgd.at_default["loans"] == 10
    assert lgd.at_default["lgd"] == pytest.approx(0.6)
    assert arrears.lgd_cohorts(panel, rates, lgd).loc["all", "loans"] == 10
    # and the loss of a charge-off that nobody saw belongs to no month
    off = [(6, 185, "charged_off", 900, 0, 100), (7, 215, "charged_off", 800, 0, 100)]
    own = [(0, 0, "current", 500), (6, 185, "charged_off", 450, 0, 50)]
    spent = provisions.budget_table(
        panel_of(("a", "2024-01", off), ("b", "2024-01", own)), pd.DataFrame({"budget_amount": []})
    )
    assert spent["entered_amount"].to_dict() == {
        pd.Timestamp("2024-01-01"): 0, pd.Timestamp("2024-07-01"): 1000,
        pd.Timestamp("2024-08-01"): 0,
    }  # fmt: skip
    assert spent["charged_off_amount"].tolist() == [0, 500, 0]
    assert spent["net_loss_amount"].tolist() == [0, 350, -100]


# -- profit of cohorts -----------------------------------------------------------------------------

COSTS = provisions.LendingCosts(funding_rate=0.12, acquisition_amount=7, servicing_amount=2)
PAID_OFF = [(0, 0, "current", 1000), (1, 0, "current", 500, 510), (2, 0, "matured", 0, 510)]


def test_late_entrants_are_in_no_profit_but_in_their_own_number():
    whole = panel_of(*((f"a{k:02d}", "2024-01", PAID_OFF) for k in range(40)))
    late = [(f"b{k}", "2024-01", PAID_OFF[1:]) for k in range(3)]
    panel = pd.concat([whole, panel_of(*late)], ignore_index=True)
    alone, both = (provisions.cohort_profit(of, COSTS) for of in (whole, panel))
    assert both["late_entrants"].tolist() == [3, 3, 3]
    pd.testing.assert_frame_equal(both.assign(late_entrants=0), alone)
    table = provisions.break_even_table(both)
    assert (table["loans"].item(), table["late_entrants"].item()) == (40, 3)
    assert "Left out: 3 loans first seen after month 0." in provisions.break_even_text(table)
    # neither is what they are expected to lose
    one = pd.DataFrame(
        {"cohort": ["2024Q1"], "entry_mob": 1, "stage": 1, "reason": "", "balance": 400,
         "ecl_lifetime_amount": 90, "probability_lifetime": 0.3},
    )  # fmt: skip
    pd.testing.assert_frame_equal(provisions.break_even_table(both, one), table)


def test_a_cohort_of_late_entrants_alone_has_no_profit():
    table = provisions.break_even_table(
        provisions.cohort_profit(panel_of(("a", "2024-01", PAID_OFF[1:])), COSTS)
    )
    assert table["profit_rate"].isna().all()
    assert table["verdict"].item() == "too few loans to say"


def test_principal_repaid_in_a_month_left_out_is_no_interest_lost():
    """Lent 1,000 at 1 % funding a month, of which 500 are repaid by the second month, in which 10
    were paid: the other 490 came in the month left out. Funding 2 x 10, servicing 2 x 2."""
    panel = panel_of(("a", "2024-01", [PAID_OFF[0], (2, 0, "current", 500, 10)]))
    last = provisions.cohort_profit(panel, COSTS).iloc[-1]
    assert last["interest_amount"] == 0
    assert (last["funding_amount"], last["cost_amount"]) == (20, 7 + 4)


# -- movement --------------------------------------------------------------------------------------


def test_a_loan_that_is_not_seen_is_not_written_off():
    live, off = (0, 0, "current", 9), (0, 200, "charged_off", 9)
    panel = panel_of(
        ("gap", "2024-01", [live, (2, 0, "current", 9)]),
        ("off gap", "2024-01", [off, (2, 260, "charged_off", 9)]),
        ("off", "2024-01", [off]),
        ("seen", "2024-01", [live, (1, 0, "current", 9)]),
        ("stops", "2024-01", [live]),
        ("paid", "2024-01", [live, (1, 0, "prepaid", 0)]),
    )
    left = how_they_left(panel, pd.Index(panel["loan_id"].unique()), "2024-02-29")
    assert left.to_dict() == {
        "gap": "not seen", "off gap": "not seen", "off": "written off", "stops": "not seen",
        "paid": "repaid",
    }  # fmt: skip


def test_the_movement_adds_up_though_loans_come_and_go():
    panel, asked = small_book(8, 150)
    kinds = provisions.kinds_of(asked, None)
    months = {age: panel["month_end"].dt.to_period("M") == LAST.to_period("M") - age
              for age in (0, 1)}  # fmt: skip
    live = panel["status"].isin(["current", "delinquent"]) & (panel["mob"] > 1)
    here, there = (set(panel["loan_id"][months[age] & live]) for age in (0, 1))
    both = sorted(here & there)
    stopped, back = both[:3], both[3:7]
    drop = (months[0] & panel["loan_id"].isin(stopped)) | (months[1] & panel["loan_id"].isin(back))
    panel = panel[~drop].reset_index(drop=True)
    model = provisions.fit_losses(panel, asked, LAST)
    book = arrears.book_at(panel, asked, LAST)
    loans = provisions.loan_ecl(book, model, kinds)
    table = provisions.month_movement(panel, asked, book, loans, kinds)
    assert table.loc[["not seen", "seen again or late"], "loans"].tolist() == [3, 4]
    assert table["ecl_amount"].iloc[:-1].sum() == loans["ecl_amount"].sum()
    assert table.index[-1] == "closing"

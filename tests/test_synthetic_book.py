"""The synthetic lender's books: honest in their money, their days and their probabilities."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from synthetic_tables import LENDER, SEED

from riskkit import checks, columns, instalments, synthetic, target

ENDED_WELL = ("prepaid", "matured")
TERMS = ("booked_amount", "term_months", "product", "offer_apr", "offer_fee_rate", "applied_at")


@pytest.fixture(scope="module")
def panel(portfolio):
    """Performance with what the contract says of each loan beside it."""
    loans = portfolio.applications.set_index("application_id")[list(TERMS)]
    return portfolio.performance.join(loans, on="loan_id")


@pytest.fixture(scope="module")
def payments(portfolio):
    """Instalments with the contract beside them, and months counted from disbursal."""
    loans = portfolio.applications.set_index("application_id")[list(TERMS)]
    table = portfolio.instalments.join(loans, on="loan_id")
    cohort = columns.calendar_months(table["applied_at"])
    paid = table["paid_date"].notna()
    table["due_mob"] = columns.calendar_months(table["due_date"]) - cohort
    table["paid_mob"] = np.where(paid, columns.calendar_months(table["paid_date"]) - cohort, -1)
    return table


# --- the panel ---------------------------------------------------------------------------------


def test_dates_and_rows_follow_the_calendar(panel):
    month_end = panel["cohort"].dt.to_period("M") + panel["mob"]
    assert (panel["month_end"].dt.to_period("M") == month_end).all()
    assert panel["month_end"].dt.is_month_end.all()
    assert panel["month_end"].max() == LENDER.observed_to
    assert (panel["cohort"].dt.to_period("M") == panel["applied_at"].dt.to_period("M")).all()
    last = panel.groupby("loan_id").last()
    done = last["status"].isin([*ENDED_WELL, "charged_off"])
    assert (last.loc[~done, "month_end"] == LENDER.observed_to).all()
    ended_early = panel.groupby("loan_id")["status"].agg(lambda s: s.isin(ENDED_WELL).sum())
    assert (ended_early <= 1).all()
    checks.loan_starts(panel)  # sorted, without a gap


def test_a_loan_is_clean_at_disbursal(panel):
    start = panel[panel["mob"] == 0]
    assert (start["balance"] == start["booked_amount"]).all()
    assert (start[["dpd", "due_amount", "paid_amount", "recovered_amount"]] == 0).all(axis=None)
    assert (start["status"] == "current").all()


def test_days_past_due_climb_one_month_at_a_time(panel):
    same = panel["loan_id"].eq(panel["loan_id"].shift())
    step = panel["dpd"].diff()[same]
    days = panel["month_end"].dt.day[same]
    unpaid = panel["paid_amount"][same] == 0
    was_late = panel["dpd"].shift()[same] > 0
    # whoever owes and pays nothing is late by exactly one more calendar month
    assert (step[was_late & unpaid] == days[was_late & unpaid]).all()
    # and whoever pays something is not later than that
    assert (step[~unpaid] < days[~unpaid]).all()
    arrears = pd.cut(panel["dpd"], [-1, 0, 30, 60, 90, 10_000], labels=False)
    jumps = panel[same & (arrears.diff() > 1)]
    # due on 28 February, unpaid: 0 days that day, 31 a month later
    assert (jumps["month_end"].dt.month == 3).all()
    assert (jumps["dpd"] == 31).all()


def test_nobody_is_past_90_days_before_month_4_nor_charged_off_before_7(panel):
    assert panel.loc[panel["dpd"] > 90, "mob"].min() == 4
    charged_off = panel["status"] == "charged_off"
    assert panel.loc[charged_off, "mob"].min() == 7
    assert panel.loc[charged_off, "dpd"].min() > 180
    assert panel.loc[~charged_off, "dpd"].max() <= 180


def test_no_default_begins_after_term_plus_three(panel):
    first = panel[panel["dpd"] > 90].groupby("loan_id")[["mob", "term_months"]].first()
    assert (first["mob"] <= first["term_months"] + 3).all()


def test_status_says_what_the_numbers_say(panel):
    status = panel["status"]
    ended = status.isin(ENDED_WELL)
    assert (panel.loc[ended, ["balance", "dpd"]] == 0).all(axis=None)
    assert (panel.loc[~ended, "balance"] > 0).all()
    assert (panel.loc[status == "delinquent", "dpd"] > 0).all()
    assert (panel.loc[status == "current", "dpd"] == 0).all()
    late_end = panel["mob"] >= panel["term_months"]
    assert late_end[status == "matured"].all()
    assert not late_end[status == "prepaid"].any()


# what the market offers; other plans come by an offer alone
PLANS = instalments.METHODS[:3]


@pytest.mark.parametrize("product", PLANS)
def test_money_is_conserved_against_the_schedule(panel, product):
    """Whatever was paid is a whole number of scheduled instalments, and the rest is the balance."""
    panel = panel[panel["product"] == product]
    kinds = panel.groupby("loan_id")["status"].last()
    some = [loan for _, group in kinds.groupby(kinds) for loan in group.index[:25]]
    assert len(some) > 60
    for _, rows in panel[panel["loan_id"].isin(some)].groupby("loan_id"):
        loan = rows.iloc[0]
        rate = instalments.contract_rate(
            loan["offer_apr"] / 12, loan["term_months"], product, fee_rate=loan["offer_fee_rate"]
        )
        principal = int(loan["booked_amount"])
        table = instalments.schedule(principal, rate, int(loan["term_months"]), method=product)
        due = np.r_[0, table["due_amount"].cumsum()]
        interest = np.r_[0, table["interest_amount"].cumsum()]
        left = np.r_[principal, table["balance"]]
        recovered = rows["recovered_amount"].cumsum()
        for paid, row, back in zip(
            rows["paid_amount"].cumsum(), rows.itertuples(), recovered, strict=True
        ):
            if row.status == "prepaid":
                assert paid == due[row.mob] + left[row.mob]
                continue
            number = int(np.searchsorted(due, paid))
            assert due[number] == paid
            assert row.balance + back == left[number]
            # paid principal + recovered + balance = principal
            assert paid - interest[number] + back + row.balance == principal
        falling_due = rows["due_amount"].to_numpy()[1 : len(due)]
        in_life = (rows["status"] != "charged_off").to_numpy()[1 : len(due)]
        expected = table["due_amount"].to_numpy()[: len(falling_due)]
        np.testing.assert_array_equal(falling_due[in_life], expected[in_life])
        assert (rows["due_amount"].to_numpy()[len(due) :] == 0).all()


def test_recoveries_come_after_charge_off_for_a_year_and_never_exceed_what_is_owed(panel):
    charged_off = panel[panel["status"] == "charged_off"]
    assert (panel.loc[panel["status"] != "charged_off", "recovered_amount"] == 0).all()
    by_loan = charged_off.groupby("loan_id")
    assert by_loan.size().max() == 13
    assert (by_loan["recovered_amount"].first() == 0).all()
    assert (charged_off["recovered_amount"] >= 0).all()
    assert (charged_off["paid_amount"] == 0).all()
    back = by_loan["recovered_amount"].sum()
    assert (back < by_loan["balance"].first()).all()
    assert (by_loan["balance"].first() - back == by_loan["balance"].last()).all()
    full_year = by_loan.size() == 13
    # logit −2.2 a month, more where there is will: about a third to nine in ten within a year
    assert 0.3 < (back[full_year] > 0).mean() < 0.9


@pytest.mark.parametrize(("logit_per_month", "share"), [(-60.0, 0.0), (60.0, 1.0)])
def test_how_often_something_is_recovered_is_the_lenders_parameter(
    portfolio, logit_per_month, share
):
    lender = dataclasses.replace(LENDER, recovery_logit=logit_per_month)
    world = synthetic.perform(portfolio.applications[:2_000], lender, SEED)
    rows = world.performance[world.performance["status"] == "charged_off"]
    after = rows[rows["loan_id"].duplicated()]
    assert (after["recovered_amount"] > 0).mean() == share


# --- instalments -------------------------------------------------------------------------------


def test_every_booked_loan_has_its_instalments_without_gap(portfolio, payments):
    by_loan = payments.groupby("loan_id")["number"]
    assert (payments["number"] == by_loan.cumcount() + 1).all()
    booked = portfolio.applications[portfolio.applications["booked"]]
    old_enough = booked["applied_at"] < "2024-12-01"
    assert set(payments["loan_id"]) == set(booked["application_id"][old_enough])
    assert (payments["number"] <= payments["term_months"]).all()
    # so many as have fallen due, or all where the loan has ended well
    last = portfolio.performance.groupby("loan_id").last()
    rows = by_loan.size().reindex(last.index, fill_value=0)
    loans = portfolio.applications.set_index("application_id").loc[last.index]
    charge_off = portfolio.performance[portfolio.performance["status"] == "charged_off"]
    first_off = charge_off.groupby("loan_id")["mob"].first().reindex(last.index).fillna(99)
    due = np.minimum(np.minimum(last["mob"], loans["term_months"]), first_off)
    ended = last["status"].isin(ENDED_WELL)
    assert (rows == np.where(ended, loans["term_months"], due)).all()


def test_instalments_fall_due_monthly_on_a_day_that_every_month_has(payments):
    day = payments["due_date"].dt.day
    assert day.groupby(payments["loan_id"]).nunique().max() == 1
    shares = day.groupby(payments["loan_id"]).first().value_counts(normalize=True)
    assert set(shares.index) == set(range(4, 29))
    assert shares.max() < 0.07
    assert (payments["due_mob"] == payments["number"]).all()
    settled = payments["paid_mob"].between(0, payments["due_mob"] - 1)
    assert (payments.loc[~settled, "due_date"] <= LENDER.observed_to).all()


def test_payments_come_between_disbursal_and_observation(payments):
    paid = payments["paid_date"].notna()
    assert (payments.loc[paid, "paid_mob"] >= 1).all()
    assert payments["paid_date"].max() <= LENDER.observed_to
    assert (payments["paid_amount"] == payments["due_amount"].where(paid, 0)).all()
    # interest only, settled early: nothing but the last instalment repays any principal
    empty = payments[payments["due_amount"] <= 0]
    assert (empty["due_amount"] == 0).all()
    assert (empty["product"] == "interest_only").all()
    assert (empty["paid_mob"] < empty["due_mob"]).all()
    # oldest first: none is paid before the one before it
    earlier = payments.groupby("loan_id")["paid_date"].shift()
    has_one = payments["number"] > 1
    assert (payments["paid_date"] >= earlier)[has_one & paid].all()
    # nobody pays before the day but in settling all of it
    early = payments["paid_date"] < payments["due_date"]
    assert (payments.loc[early, "paid_mob"] < payments.loc[early, "due_mob"]).all()


def test_arrears_are_paid_early_in_a_month(payments):
    caught_up = payments.loc[payments["paid_mob"] > payments["due_mob"], "paid_date"].dt.day
    # the fourth power of a uniform: half of it within the first sixteenth of the month
    assert abs((caught_up <= 2).mean() - (2 / 30.4) ** 0.25) < 0.05
    assert caught_up.max() > 28


def test_amounts_paid_add_up_to_the_panels_month_by_month(panel, payments):
    by_date = payments[payments["paid_mob"] > 0].groupby(["loan_id", "paid_mob"])["paid_amount"]
    in_panel = panel.set_index(["loan_id", "mob"])["paid_amount"]
    found = by_date.sum().reindex(in_panel.index, fill_value=0)
    assert (found == in_panel).all()
    assert by_date.sum().sum() == in_panel.sum()  # none outside the panel
    due = payments[payments["paid_mob"].isin([-1]) | (payments["paid_mob"] >= payments["due_mob"])]
    due = due.groupby(["loan_id", "due_mob"])["due_amount"].sum()
    # what falls due, the panel says too, but for what was settled before
    assert (due == panel.set_index(["loan_id", "mob"])["due_amount"].reindex(due.index)).all()


def test_days_past_due_follow_from_the_instalments_alone(panel, payments):
    rows = panel[["loan_id", "month_end", "dpd", "status", "mob"]].merge(
        payments[["loan_id", "due_date", "paid_date"]], on="loan_id", how="left"
    )
    unpaid = (rows["due_date"] <= rows["month_end"]) & ~(rows["paid_date"] <= rows["month_end"])
    age = (rows["month_end"] - rows["due_date"]).dt.days.where(unpaid, 0)
    oldest = age.groupby([rows["loan_id"], rows["mob"]], sort=False).max()
    expected = oldest.reindex(pd.MultiIndex.from_frame(panel[["loan_id", "mob"]]))
    assert (panel["dpd"] == expected.to_numpy()).all()
    assert (panel["dpd"] > 0).sum() > 1_000


def test_what_is_settled_early_is_settled_at_its_principal(portfolio, payments):
    settled = payments[(payments["paid_mob"] > 0) & (payments["paid_mob"] < payments["due_mob"])]
    assert set(settled["product"]) == set(PLANS)
    prepaid = portfolio.performance[portfolio.performance["status"] == "prepaid"]
    assert set(settled["loan_id"]) == set(prepaid["loan_id"])
    # all of it on the day this month's instalment is paid
    assert settled.groupby("loan_id")["paid_date"].nunique().max() == 1
    panel = portfolio.performance.set_index(["loan_id", "mob"])["balance"]
    at_end = prepaid.set_index("loan_id")["mob"]
    unpaid = payments[payments["paid_mob"] >= payments["due_mob"]]
    for loan in settled["loan_id"].drop_duplicates()[:60]:
        row = payments[payments["loan_id"] == loan].iloc[0]
        rate = instalments.contract_rate(
            row["offer_apr"] / 12,
            row["term_months"],
            row["product"],
            fee_rate=row["offer_fee_rate"],
        )
        table = instalments.schedule(
            int(row["booked_amount"]), rate, int(row["term_months"]), method=row["product"]
        ).set_index("number")
        mine = settled[settled["loan_id"] == loan].set_index("number")["due_amount"]
        assert (mine == table["principal_amount"].loc[mine.index]).all()
        assert mine.index[0] == at_end[loan] + 1
        others = unpaid[unpaid["loan_id"] == loan].set_index("number")["due_amount"]
        assert (others == table["due_amount"].loc[others.index]).all()
        assert panel[loan, at_end[loan]] == 0


def test_nothing_is_due_after_a_charge_off(portfolio, payments):
    off = portfolio.performance[portfolio.performance["status"] == "charged_off"]
    first = off.groupby("loan_id")["mob"].first()
    rows = payments[payments["loan_id"].isin(first.index)]
    at = rows["loan_id"].map(first)
    assert (rows["due_mob"] <= at).all()
    assert (rows["paid_mob"] < at).all()
    last = rows.groupby("loan_id")["number"].last()
    terms = rows.groupby("loan_id")["term_months"].first()
    assert (last == np.minimum(first, terms).loc[last.index]).all()
    unpaid = rows.groupby("loan_id")["paid_date"].agg(lambda s: s.isna().sum())
    assert unpaid.between(1, 7).all()


def test_some_pay_late_within_the_month_and_the_risky_more(portfolio, payments):
    in_month = payments[payments["paid_mob"] == payments["due_mob"]]
    days = (in_month["paid_date"] - in_month["due_date"]).dt.days
    assert (days >= 0).all()
    assert 0.08 < (days > 0).mean() < 0.25
    risk = portfolio.truth.set_index("application_id")["true_pd_12m"]
    risky = in_month["loan_id"].map(risk) > risk.median()
    assert (days > 0)[risky].mean() > 1.2 * (days > 0)[~risky].mean()
    # first instalments, before any arrears
    first = (in_month["number"] == 1) & (days > 0) & (in_month["due_date"].dt.day < 10)
    assert 4 < days[first].mean() < 6.5
    never = dataclasses.replace(LENDER, late_logit=-60.0)
    punctual = synthetic.perform(portfolio.applications[:1_000], never, SEED).instalments
    first = punctual[(punctual["number"] == 1) & punctual["paid_date"].notna()]
    own = first["paid_date"].dt.to_period("M") == first["due_date"].dt.to_period("M")
    assert (first["paid_date"] == first["due_date"])[own].all()


# --- the truth ---------------------------------------------------------------------------------


def test_label_is_the_simulated_outcome_of_matured_booked_loans(portfolio):
    table, truth = portfolio.applications, portfolio.truth
    first_day = table["applied_at"].dt.to_period("M").dt.to_timestamp()
    reached = first_day + pd.offsets.MonthEnd(13) <= LENDER.observed_to
    known = table["default_flag"].notna()
    assert (known == (table["booked"] & reached)).all()
    assert (table["default_flag"][known] == truth["simulated_default_12m"][known]).all()
    # and what the panel says by the definition of bad
    flags = target.default_flags(portfolio.performance, target.BadDefinition(), LENDER.observed_to)
    by_panel = flags.reindex(table["application_id"]).to_numpy()
    np.testing.assert_array_equal(table["default_flag"].to_numpy(), by_panel)


def test_true_pd_is_the_sum_of_first_default_probabilities(portfolio):
    truth = portfolio.truth
    months = [f"default_at_{mob:02d}" for mob in range(4, 13)]
    np.testing.assert_allclose(truth["true_pd_12m"], truth[months].sum(axis=1), rtol=1e-9)
    assert truth["true_pd_12m"].between(0, 1).all()
    at_risk = truth.filter(like="at_risk_")
    assert (at_risk.diff(axis=1).iloc[:, 1:] <= 1e-12).all(axis=None)
    last = portfolio.applications["term_months"] + 3
    for mob in range(4, 17):
        assert (truth.loc[last < mob, f"default_at_{mob:02d}"] == 0).all()


def test_true_hazards_count_only_what_was_observed(portfolio):
    performance = portfolio.performance
    cohorts = performance.groupby("loan_id")["cohort"].first()
    early = cohorts[cohorts == cohorts.min()]
    table = synthetic.true_hazards(portfolio.truth, early, cohorts.min() + pd.offsets.MonthEnd(7))
    assert table["hazard"].notna().tolist() == [mob <= 6 for mob in table.index]
    rows = portfolio.truth.set_index("application_id").loc[early.index]
    for mob in (4, 5, 6):
        assert table.loc[mob, "hazard"] == pytest.approx(
            rows[f"default_at_{mob:02d}"].sum() / rows[f"at_risk_{mob:02d}"].sum()
        )
    with pytest.raises(ValueError, match="must be in truth, got 1 others: 'X'"):
        synthetic.true_hazards(
            portfolio.truth, pd.Series(cohorts.min(), index=["X"]), LENDER.observed_to
        )


def test_true_curves_cumulate_first_defaults_by_group(portfolio):
    by = portfolio.applications.set_index("application_id")["term_months"]
    curves = synthetic.true_curves(portfolio.truth, by)
    assert curves.columns.tolist() == list(range(17))
    assert (curves[range(4)] == 0).all(axis=None)
    rows = portfolio.truth[portfolio.applications["term_months"] == 6]
    assert curves.loc[6, 12] == pytest.approx(rows["true_pd_12m"].mean())
    assert (curves.diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)

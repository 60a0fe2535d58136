"""New offers against old ones on the same borrowers and random numbers."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from riskkit import offers
from riskkit.checks import DataContractError
from riskkit.instalments import instalment
from riskkit.offers.trial import loan_earnings, offer_trial, trial_rows
from riskkit.synthetic import Lender, Portfolio, World, perform, simulate

LENDER = Lender(n_months=30)
END = LENDER.observed_to
WORLD = World(lender=LENDER, seed=5)
MONEY = {"funding_rate": 0.06, "cost_amount": 30.0}


@pytest.fixture(scope="module")
def old():
    return simulate(LENDER, 3000, seed=5)


def everybody(portfolio, grade="A"):
    asked = portfolio.applications
    return pd.DataFrame(
        {"application_id": asked["application_id"], "approved": True, "grade": grade}
    )


def prices(apr):
    index = pd.MultiIndex.from_product([["A"], range(1, 13)], names=["grade", "term_months"])
    return pd.DataFrame({"offer_apr": apr}, index=index)


def test_the_same_offers_make_no_difference(old):
    again = perform(old.applications, LENDER, 5)
    rows = trial_rows(old.applications, LENDER.observed_to)
    table = offer_trial(old, again, END, **MONEY)
    assert (table["difference"] == 0).all()
    assert not table["is_beyond_chance"].any()
    assert table.loc["approval_rate", "old"] == old.applications["approved"][rows].mean()
    steps = offers.trial_steps(old.applications, {"same": old.applications}, WORLD, **MONEY)
    assert "no more and no less beyond chance" in offers.trial_text(steps, "CNY")


def tiny(paid, *, booked=True, fee=0.0, recovered=0):
    applications = pd.DataFrame(
        {
            "application_id": ["A000000000"],
            "customer_id": ["C0"],
            "approved": [booked],
            "booked": [booked],
            "booked_amount": [100_000 if booked else 0],
            "offer_fee_rate": [fee],
            "default_flag": [0.0 if booked else np.nan],
        }
    )
    panel = pd.DataFrame(
        {
            "loan_id": "A000000000",
            "mob": range(len(paid)),
            "paid_amount": paid,
            "recovered_amount": [0] * (len(paid) - 1) + [recovered],
        }
    )
    panel = panel if booked else panel.iloc[:0]
    return Portfolio(applications, panel, panel, None, panel)


def test_what_a_loan_has_earned_worked_by_hand():
    free = {"funding_rate": 0.0, "cost_amount": 30.0}
    assert loan_earnings(tiny([0, 60_000, 60_000]), **free).tolist() == [170.0]
    # 2 % deducted up front were never paid out
    assert loan_earnings(tiny([0, 60_000, 60_000], fee=0.02), **free).tolist() == [190.0]
    assert loan_earnings(tiny([0, 0], recovered=40_000), **free).tolist() == [-630.0]
    assert loan_earnings(tiny([0], booked=False), **free).tolist() == [0.0]
    # a loan at the cost of funding is worth what was paid out
    due = float(instalment(100_000, 0.06 / 12, 6))
    even = loan_earnings(tiny([0, *[due] * 6]), funding_rate=0.06, cost_amount=0.0)
    assert even.iloc[0] == pytest.approx(0, abs=1e-6)
    with pytest.raises(ValueError, match="funding_rate must be >= 0"):
        loan_earnings(tiny([0]), funding_rate=-1, cost_amount=0)


def test_new_terms_stand_where_the_old_ones_stood(old):
    asked = old.applications
    decisions = everybody(old)
    decisions.loc[0, "approved"] = False
    apr = pd.Series(0.2, index=prices(0.2).index)
    apr[("A", 12)] = np.nan
    limit = pd.Series(1234.0, index=asked.index)
    limit.iloc[1] = 0
    limit.iloc[2] = np.nan
    new = offers.new_offers(asked, decisions, apr.to_frame("offer_apr"), limit)
    assert new["approved"].iloc[:3].tolist() == [False, False, False]
    assert not new.loc[new["term_months"] == 12, "approved"].any()
    taken = new[new["approved"]]
    promoted = asked.loc[taken.index, "offer_apr"] == 0
    assert promoted.any()
    assert (taken["offer_apr"] == np.where(promoted, 0, 0.2)).all()
    assert (taken["offer_limit"] == 123_400).all()
    assert (new["offer_fee_rate"] == 0).all()
    # without new limits the old ones stay, and the declined may have what they ask for
    stays = offers.new_offers(asked, decisions, prices(0.2))
    before = asked["approved"] & stays["approved"]
    assert (stays["offer_limit"] == asked["offer_limit"])[before].all()
    declined = ~asked["approved"] & stays["approved"]
    assert (stays["offer_limit"] == asked["amount"])[declined].all()
    perform(stays, LENDER, 5)  # and the world takes them
    with pytest.raises(DataContractError, match="applications have no decision"):
        offers.new_offers(asked, decisions.iloc[1:], prices(0.2))
    with pytest.raises(DataContractError, match="expected each once"):
        offers.new_offers(asked, pd.concat([decisions, decisions]), prices(0.2))


def test_approving_everybody_earns_less_and_a_fair_trial_says_so(old):
    asked = offers.new_offers(old.applications, everybody(old), prices(0.18))
    new = perform(asked, LENDER, 5)
    rows = trial_rows(old.applications, LENDER.observed_to)
    table = offer_trial(old, new, END, **MONEY)
    assert table.loc["approval_rate", "new"] == 1
    assert table.loc["bad_rate", "low"] > 0
    assert table.loc["profit_amount", "high"] < 0
    steps = offers.trial_steps(old.applications, {"all": asked}, WORLD, **MONEY)
    assert "**the new offers earn less**" in offers.trial_text(steps, "CNY")
    # only those who count are performed, and nothing else changes
    pd.testing.assert_frame_equal(steps.loc["all"][table.columns], table, check_names=False)
    # sums and means tell one story
    profit, mean = table.loc["profit_amount"], table.loc["profit_per_application"]
    assert profit["difference"] == pytest.approx(mean["difference"] * rows.sum())
    assert profit["low"] == pytest.approx(mean["low"] * rows.sum())
    back = offer_trial(new, old, END, **MONEY)
    assert np.allclose(back["difference"], -table["difference"])


def test_each_step_is_told_against_the_one_before_it(old):
    asked, everyone = old.applications, everybody(old)
    limit = asked["amount"] / 100
    steps = {
        "the decision": offers.new_offers(asked, everyone),
        "and the price": offers.new_offers(asked, everyone, prices(0.23)),
        "and the limit": offers.new_offers(asked, everyone, prices(0.23), limit),
    }
    table = offers.trial_steps(asked, steps, WORLD, **MONEY)
    assert [*table.index.unique("step")] == [*steps]
    profit = table.xs("profit_amount", level="measure")
    assert profit["added"].iloc[0] == profit["difference"].iloc[0]
    assert np.allclose(profit["added"].cumsum(), profit["difference"])
    known = offer_trial(
        perform(steps["the decision"], LENDER, 5), perform(steps["and the price"], LENDER, 5),
        END, **MONEY,
    ).loc["profit_amount"]  # fmt: skip
    added = profit.loc["and the price", ["added", "added_low", "added_high"]]
    assert np.allclose(added, known[["difference", "low", "high"]].astype(float))
    text = offers.trial_text(table, "CNY")
    assert "*the decision* -" in text.replace("−", "-")
    assert text.count("**less**") >= 1
    assert "; *and the limit*" in text
    # a step that hardly moves anything among so many is neither
    still = table.copy()
    still.loc[("and the price", "profit_amount"), ["added", "added_low", "added_high"]] = 10, 1, 19
    assert "*and the price* +10 (+1 to +19), **no more, no less**" in offers.trial_text(
        still, "CNY"
    )
    with pytest.raises(ValueError, match="steps must hold one at least"):
        offers.trial_steps(asked, {}, WORLD, **MONEY)


def test_without_new_prices_the_old_ones_stay_and_newcomers_pay_their_terms_median(old):
    asked = old.applications
    new = offers.new_offers(asked, everybody(old))
    had = asked["approved"].to_numpy()
    for name in ("offer_apr", "offer_fee_rate", "offer_limit"):
        pd.testing.assert_series_equal(new.loc[had, name], asked.loc[had, name])
    listed = asked[had & (asked["offer_apr"] > 0)].groupby("term_months")["offer_apr"].median()
    came = new[~had]
    expected = listed.round(4).reindex(came["term_months"]).to_numpy()
    assert np.allclose(came["offer_apr"], expected)
    assert (came["offer_fee_rate"] == 0).all()
    nobody = asked.assign(approved=False, offer_apr=np.nan)
    with pytest.raises(ValueError, match="no old offer whose price could stay"):
        offers.new_offers(nobody, everybody(old))


def test_the_paired_interval_is_that_of_resampled_customers(old):
    asked = offers.new_offers(old.applications, everybody(old), prices(0.18))
    new = perform(asked, LENDER, 5)
    rows = trial_rows(old.applications, LENDER.observed_to)
    table = offer_trial(old, new, END, **MONEY)
    customers, place = np.unique(old.applications.loc[rows, "customer_id"], return_inverse=True)
    flags = [p.applications.loc[rows, "default_flag"] for p in (old, new)]
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(400):
        drawn = rng.integers(len(customers), size=len(customers))
        weight = np.bincount(drawn, minlength=len(customers))[place]
        rates = [np.average(f[f.notna()], weights=weight[f.notna().to_numpy()]) for f in flags]
        draws.append(rates[1] - rates[0])
    low, high = np.quantile(draws, [0.025, 0.975])
    found = table.loc["bad_rate"]
    width = found["high"] - found["low"]
    assert width == pytest.approx(high - low, rel=0.15)
    assert found["low"] == pytest.approx(low, abs=0.15 * width)
    # pairing pays: apart, the two rates would differ by chance far more
    apart = 2 * 1.96 * np.sqrt(sum(f.mean() * (1 - f.mean()) / f.notna().sum() for f in flags))
    assert width < apart


def test_a_trial_of_other_applications_is_refused(old):
    other = replace(old, applications=old.applications.iloc[::-1])
    with pytest.raises(ValueError, match="same applications in the same order"):
        offer_trial(old, other, END, **MONEY)
    with pytest.raises(
        ValueError, match="no application has come to its end: the first is of 2022"
    ):
        offer_trial(old, old, pd.Timestamp("2023-01-31"), **MONEY)


def test_only_loans_that_have_come_to_their_end_are_judged(old):
    rows = trial_rows(old.applications, LENDER.observed_to)
    late = old.applications.loc[rows, "applied_at"].max()
    assert late <= pd.Timestamp("2022-12-30")
    assert not (old.applications.loc[rows, "offer_apr"] == 0).any()
    booked = old.applications.loc[rows & old.applications["booked"], "application_id"]
    last = old.performance[old.performance["loan_id"].isin(booked)].groupby("loan_id").tail(1)
    assert last["status"].isin(["matured", "prepaid", "charged_off"]).all()

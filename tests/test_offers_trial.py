"""New offers against old ones on the same borrowers and random numbers."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from riskkit import offers
from riskkit.checks import DataContractError
from riskkit.instalments import instalment, irr
from riskkit.offers.trial import lawful_offers, loan_earnings, offer_trial, trial_rows
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
        END, **MONEY, level=1 - 0.05 / 3,
    ).loc["profit_amount"]  # fmt: skip
    added = profit.loc["and the price", ["added", "added_low", "added_high"]]
    assert np.allclose(added, known[["difference", "low", "high"]].astype(float))
    text = offers.trial_text(table, "CNY")
    assert "*the decision* -" in text.replace("−", "-")
    assert text.count("**less**") >= 1
    assert "; *and the limit*" in text
    # what is printed is what decides, for all steps together
    still = table.copy()
    columns = ["added", "added_low", "added_high"]
    for ends, verdict in (((10, 1, 19), "more"), ((10, -1, 21), "no more, no less")):
        still.loc[("and the price", "profit_amount"), columns] = ends
        said = f"*and the price* +10 ({ends[1]:+} to +{ends[2]}), **{verdict}**"
        assert said in offers.trial_text(still, "CNY")
    assert "95 % for all steps together" in text
    assert table["lawful"].isna().all()
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


def test_todays_offers_made_lawful_differ_only_where_they_were_above_the_cap(old):
    asked = old.applications
    made = lawful_offers(asked, 0.24)
    above = (asked["offer_apr"] > 0.24).to_numpy()
    assert above.any()
    pd.testing.assert_frame_equal(made[~above], asked[~above])
    assert (made.loc[above, "offer_apr"] == 0.24).all()
    # the fee is a part of the price, and stays as large a part
    share = made.loc[above, "offer_fee_rate"] * asked.loc[above, "offer_apr"]
    assert np.allclose(share, asked.loc[above, "offer_fee_rate"] * 0.24)
    same = [name for name in asked if name not in ("offer_apr", "offer_fee_rate")]
    pd.testing.assert_frame_equal(made[same], asked[same])
    # and so are the prices that the new decision keeps, of those declined before, too
    kept = offers.new_offers(asked, everybody(old), cap_apr=0.24)
    plain = offers.new_offers(asked, everybody(old))
    assert np.allclose(kept["offer_apr"], plain["offer_apr"].clip(upper=0.24))
    # all-in: twelve times the monthly rate of return on what is paid out, the fee off it
    new = perform(made, LENDER, 5)
    panel = new.performance
    ended = panel.groupby("loan_id")["status"].last()
    table = new.applications.set_index("application_id")
    loans = table.loc[ended.index[ended == "matured"]]
    loans = loans[(loans["offer_apr"] == 0.24) & (loans["booked_amount"] >= 200_000)][:20]
    due = new.instalments.set_index("loan_id")["due_amount"]
    for loan in loans.itertuples():
        flows = [-loan.booked_amount * (1 - loan.offer_fee_rate), *due.loc[[loan.Index]]]
        assert 12 * irr(flows) == pytest.approx(0.24, abs=1e-4)


def test_what_the_law_takes_is_told_apart_from_what_the_price_takes(old):
    asked, everyone = old.applications, everybody(old)
    steps = {
        "+ the decision": offers.new_offers(asked, everyone, cap_apr=0.24),
        "+ price": offers.new_offers(asked, everyone, prices(0.24)),
    }
    price, before = (steps[name]["offer_apr"] for name in ("+ price", "+ the decision"))
    moved = np.where(price > before, "up", "same")
    parts = pd.Series(moved, index=asked.index)
    table = offers.trial_steps(asked, steps, WORLD, **MONEY, cap_apr=0.24, parts=parts)
    assert [*table.index.unique("step")] == ["today, made lawful", *steps]
    made = perform(lawful_offers(asked, 0.24), LENDER, 5)
    law = offer_trial(perform(asked, LENDER, 5), made, END, **MONEY).loc["profit_amount"]
    row = table.loc[("today, made lawful", "profit_amount")]
    assert row["added"] == row["difference"] == law["difference"]
    last = table.loc[("+ price", "profit_amount")]
    own = offer_trial(made, perform(steps["+ price"], LENDER, 5), END, **MONEY)
    expected = own.loc["profit_amount", ["difference", "low", "high"]].astype(float)
    assert np.allclose(last[["lawful", "lawful_low", "lawful_high"]].astype(float), expected)
    profit = table.xs("profit_amount", level="measure")
    assert np.allclose(profit["added"].sum(), last["difference"])
    # everybody is in a part, and what the parts add is what the step adds
    added = [table.loc[("+ price", f"profit_amount, {part}"), "added"] for part in ("up", "same")]
    assert sum(added) == pytest.approx(last["added"])
    rows = (parts == "up") & steps["+ price"]["approved"] & trial_rows(asked, END)
    booked = perform(steps["+ price"], LENDER, 5).applications["booked"]
    taken = table.loc[("+ price", "take_up_rate, up")]
    assert taken["new"] == pytest.approx(booked[rows].mean())
    assert taken["added"] < 0
    text = offers.trial_text(table, "CNY", step="+ price")
    assert f"**within the cap** it is {last['lawful']:+,.0f} CNY" in text
    figures = offers.trial_figures(table, "CNY")
    assert figures["Of that, step by step"].startswith(
        f"today, made lawful {law['difference']:+,.0f}"
    )
    assert "; the decision " in figures["Of that, step by step"]


def step_of(added, low, high, **others):
    columns = {"difference": added, "low": low, "high": high, "added": added}
    columns |= {"added_low": low, "added_high": high, "new": 0.9}
    return columns | {"lawful": added, "lawful_low": low, "lawful_high": high} | others


def test_a_step_that_loses_beyond_chance_is_a_finding():
    rows = {
        ("today, made lawful", "profit_amount"): step_of(-100, -120, -80),
        ("+ price", "profit_amount"): step_of(-50, -90, -10, lawful_high=20),
        ("+ price", "profit_amount, A, cheaper"): step_of(-40, -60, -20),
        ("+ price", "profit_amount, A, dearer"): step_of(-10, -30, 10),
        ("+ price", "take_up_rate, A, cheaper"): step_of(0.1, 0, 0.2),
        ("+ price", "take_up_rate, A, dearer"): step_of(-0.1, -0.2, 0.1),
    }
    index = pd.MultiIndex.from_tuples(rows, names=["step", "measure"])
    table = pd.DataFrame([*rows.values()], index=index)
    found = offers.trial_findings(table, "CNY", step="+ price")
    assert [(topic, red) for topic, _, red in found] == [("Profit of offers", False)] * 3
    law, price, part = (text for _, text, _ in found)
    assert law == (
        "today, made lawful: -100 (-120 to -80) CNY, beyond chance: what the cap takes from "
        "today's offers"
    )
    assert price == "+ price: -50 (-90 to -10) CNY, beyond chance"
    assert part == "+ price, of which these lose beyond chance: A, cheaper -40 CNY"
    # together less than today's within the cap: red; a step that may be chance: nothing
    worse = table.copy()
    worse.loc[("+ price", "profit_amount"), ["lawful_high", "added_high"]] = -1, 5
    *_, (topic, text, red) = offers.trial_findings(worse, "CNY")
    assert (topic, red) == ("Profit of offers", True)
    assert text == "the new offers earn less than today's offers within the cap, beyond chance"
    assert len(offers.trial_findings(worse, "CNY")) == 2


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

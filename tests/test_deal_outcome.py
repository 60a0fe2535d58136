"""What a deal pays and loses: cash to the fen, break-evens run again, tables beside recounts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.checks import Array
from riskkit.funding import (
    Deal,
    concentration_table,
    deal_findings,
    deal_outcome,
    deal_text,
    loan_tape,
    select_pool,
    tape_text,
    waterfall,
)
from riskkit.funding.sold_cash import ENDS, FLOWS, cash_of_future, times_defaults
from riskkit.funding.waterfall import pay_out
from riskkit.runoff import AMOUNTS, FutureCash, OpenLoans

DAY = pd.Timestamp("2024-12-31")
POOL_OWED = 10_000_000


def future(
    n_months: int = 14, revolving: int = 0, hazard: float = 0.01, scale: float = 1.0
) -> FutureCash:
    """Loans that default, prepay and repay at rates of their age; those lent ahead alike."""
    groups = ["pool", *(f"lent in month {month:02d}" for month in range(1, revolving + 1))]
    shape = (len(groups), n_months)
    amounts = {name: np.zeros(shape) for name in AMOUNTS}
    opening = np.array([POOL_OWED * scale, *[0.0] * revolving])
    for place in range(len(groups)):
        balance, defaults = opening[place], np.zeros(n_months)
        for h in range(n_months):
            if place == h + 1:
                balance = 2_345_678.25 * scale
                amounts["lent_amount"][place, h] = balance
            elif balance:
                age = h - place
                defaults[h] = balance * min(hazard * (1 + age / 10), 1)
                rest = balance - defaults[h]
                amounts["interest_amount"][place, h] = rest * 0.017
                amounts["prepaid_amount"][place, h] = rest * 0.03
                repaid = rest * 0.97 if age >= 9 else rest * 0.97 / (10 - age)
                amounts["principal_amount"][place, h] = repaid
                balance = rest * 0.97 - repaid
            amounts["balance"][place, h] = balance
        amounts["default_amount"][place] = defaults
        amounts["loss_amount"][place] = 0.7 * defaults
        for lag, share in ((2, 0.2), (3, 0.1)):
            amounts["recovered_amount"][place, lag:] += share * defaults[:-lag]
    return FutureCash(
        months=pd.date_range("2025-01-31", periods=n_months, freq="ME"),
        groups=pd.Index(groups),
        opening=opening,
        amounts={name: values[np.newaxis] for name, values in amounts.items()},
    )


def a_deal(**terms: object) -> Deal:
    notes = pd.DataFrame(
        {"amount": [7_500_000, 1_500_000], "rate": [0.045, 0.08]}, index=["Senior", "Mezzanine"]
    )
    given = {"fee_rate": 0.005, "reserve_rate": 0.02, "reserve": 180_000} | terms
    return Deal(tranches=notes, start=DAY, **given)


def sampled(cash: FutureCash, n_paths: int, seed: int = 0) -> FutureCash:
    """Paths of other default rates, in whole fen."""
    times = np.exp(np.random.default_rng(seed).normal(0.3, 0.9, n_paths))
    paths = times_defaults(cash, times)
    whole = {name: np.floor(values).astype(np.int64) for name, values in paths.amounts.items()}
    return FutureCash(months=cash.months, groups=cash.groups, opening=cash.opening, amounts=whole)


# -- cash of the pool ------------------------------------------------------------------------------


def test_means_become_whole_fen_that_add_up() -> None:
    cash = future(revolving=2)
    pool = cash_of_future(cash, a_deal(revolving_months=2))
    for name in FLOWS:
        expected = np.cumsum(cash.of_group("pool").amounts[name][0, 0])
        off = np.cumsum(pool.amounts[name][0]) - expected
        assert np.abs(off).max() <= (1 if name not in ENDS else len(cash.months))
        assert (pool.amounts[name] >= 0).all()
    ended = sum(pool.amounts[name].sum() for name in ENDS)
    assert ended == pool.opening[0] == POOL_OWED


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**11), st.integers(0, 1))
def test_loans_bought_repay_what_was_spent_to_the_fen(spent: int, place: int) -> None:
    pool = cash_of_future(future(revolving=2), a_deal(revolving_months=2))
    brought = pool.new_loans[place].brings(np.array([spent]))
    assert sum(brought[name].sum() for name in ENDS) == spent
    assert all((values >= 0).all() for values in brought.values())
    shares = pool.new_loans[place].shares["interest_amount"][0]
    assert brought["interest_amount"].sum() == pytest.approx(spent * shares[-1], abs=1)


def test_a_last_rest_of_rounding_is_no_rest() -> None:
    cash = future(revolving=1)
    amounts = {name: values.copy() for name, values in cash.amounts.items()}
    amounts["lent_amount"] *= 1 + 1e-11
    off = FutureCash(months=cash.months, groups=cash.groups, opening=cash.opening, amounts=amounts)
    new_loans = cash_of_future(off, a_deal(revolving_months=1)).new_loans[0]
    brought = new_loans.brings(np.array([10**12]))
    assert sum(brought[name].sum() for name in ENDS) == 10**12


def test_no_more_is_bought_than_is_lent() -> None:
    deal = a_deal(revolving_months=2)
    little = future(revolving=2)
    few = {name: values.copy() for name, values in little.amounts.items()}
    for name in AMOUNTS:
        few[name][:, 1:] /= 10
    few_cash = FutureCash(
        months=little.months, groups=little.groups, opening=little.opening, amounts=few
    )
    paid = pay_out(cash_of_future(few_cash, deal), deal)
    assert paid.by_month["purchased"][0, :2].tolist() == [234_567, 234_567]
    # principal that finds no loans repays notes, it is not paid to the lender
    assert paid.by_tranche["principal"][0, 0, 0] > 500_000


def by_loops(cash: FutureCash, times: float) -> dict[str, Array]:
    """The same shares of what has not defaulted, month by month in plain Python."""
    one = {name: values[0] for name, values in cash.amounts.items()}
    told = {name: np.zeros_like(one["balance"]) for name in (*ENDS, "interest_amount", "balance")}
    for g in range(len(cash.groups)):
        was, now = cash.opening[g], cash.opening[g]
        for h in range(len(cash.months)):
            if was:
                default = min(times * one["default_amount"][g, h] / was, 1) * now
                of_rest = (now - default) / (was - one["default_amount"][g, h])
                told["default_amount"][g, h] = default
                for name in ("principal_amount", "prepaid_amount", "interest_amount"):
                    told[name][g, h] = one[name][g, h] * of_rest
            now += one["lent_amount"][g, h] - sum(told[name][g, h] for name in ENDS)
            was = one["balance"][g, h]
            told["balance"][g, h] = now
    return told


@pytest.mark.parametrize("times", [0.0, 1.0, 3.5, 1000.0])
def test_multiplied_defaults_are_a_recursion_month_by_month(times: float) -> None:
    cash = future(revolving=2)
    found = times_defaults(cash, np.array([1.0, times]))
    for name, expected in by_loops(cash, times).items():
        np.testing.assert_allclose(found.amounts[name][1], expected, atol=1e-3)
        np.testing.assert_allclose(found.amounts[name][0], cash.amounts[name][0], atol=1e-3)
    recovered = found.amounts["recovered_amount"][0]
    np.testing.assert_allclose(recovered, cash.amounts["recovered_amount"][0], atol=1e-3)


# -- outcome ---------------------------------------------------------------------------------------


def test_the_base_is_the_waterfall_of_its_table() -> None:
    deal, cash = a_deal(), future()
    outcome = deal_outcome(deal, {"Base": cash}, funding_rate=0.06)
    pool = cash_of_future(cash, deal)
    table = pd.DataFrame({name: pool.amounts[name][0] for name in FLOWS}, index=cash.months)
    ended = table[list(ENDS)].sum(axis=1).cumsum()
    paid = waterfall(table.assign(balance=POOL_OWED - ended), deal)
    pd.testing.assert_frame_equal(outcome.months, paid, check_freq=False)
    row = outcome.tranches.loc[("Base", "Senior")]
    principal = paid["principal_amount_Senior"]
    days = (paid["pay_date"] - DAY).dt.days
    assert row["life_years"] == pytest.approx((principal * days).sum() / 365 / principal.sum())
    assert row["paid_off"] == paid["pay_date"][paid["balance_Senior"] == 0].iloc[0]
    assert row["interest_amount"] == paid["interest_amount_Senior"].sum()
    cover, interest_cover, owed = [], [], deal.amounts
    for when, month in paid.iterrows():
        if owed[0] > 0:
            backing = month["overcollateralisation"] * owed.sum()
            cover.append((backing / owed[0], backing / owed.sum()))
            fee = month["fee_amount"] + month["fee_carried_amount"]
            due = fee + np.cumsum(month[["due_amount_Senior", "due_amount_Mezzanine"]])
            interest_cover.append(table.loc[when, "interest_amount"] / due.to_numpy())
        owed = np.array([month["balance_Senior"], month["balance_Mezzanine"]])
    for place in (0, 1):  # while the senior is owed the junior is
        of_tranche = outcome.tranches.iloc[place]
        least = min(one[place] for one in cover), min(one[place] for one in interest_cover)
        if place == 0:
            assert of_tranche[["least_cover", "least_interest_cover"]].tolist() == pytest.approx(
                least
            )
        else:
            assert of_tranche["least_interest_cover"] <= least[1]
            assert of_tranche["least_cover"] == paid["overcollateralisation"].min()
    case = outcome.cases.loc["Base"]
    assert case["equity_amount"] == paid["equity_amount"].sum()
    assert case["defaulted_rate"] == pytest.approx(table["default_amount"].sum() / POOL_OWED)
    worth = 1.06 ** (-days / 365)
    hold = (worth * paid["collected_amount"]).sum()
    sell = 9_000_000 - 180_000 + (worth * (paid["equity_amount"] + paid["fee_amount"])).sum()
    assert case["gain_amount"] == pytest.approx(sell - hold)


def test_notes_without_cost_only_cut_the_cash_in_two() -> None:
    """Where money costs nothing either way, nothing is gained by selling."""
    notes = pd.DataFrame({"amount": [POOL_OWED], "rate": [0.0]}, index=["All"])
    deal = Deal(tranches=notes, start=DAY, turbo=True)
    outcome = deal_outcome(deal, {"Base": future(hazard=0.0)}, funding_rate=0.0)
    assert outcome.cases["gain_amount"].iloc[0] == pytest.approx(0)


def test_a_break_even_is_confirmed_by_running_it() -> None:
    deal, cash = a_deal(least_overcollateralisation=1.03, revolving_months=2), future(revolving=2)
    breaks = deal_outcome(deal, {"Base": cash}, funding_rate=0.06).breaks
    assert breaks["times"].is_monotonic_decreasing  # senior breaks last
    for place, name in enumerate(["Senior", "Mezzanine", "lender"]):
        lost = []
        for times in breaks.loc[name, ["times_below", "times"]]:
            paid = pay_out(cash_of_future(times_defaults(cash, np.array([times])), deal), deal)
            if name == "lender":
                at_stake = POOL_OWED + deal.reserve - deal.amounts.sum()
                lost.append(max(at_stake - paid.by_month["equity"].sum(), 0))
            else:
                by = paid.by_tranche
                lost.append((by["balance"] + by["carried"])[0, -1, place])
        assert lost[0] == 0
        assert lost[1] > 0
        assert breaks.loc[name, "times"] - breaks.loc[name, "times_below"] < 1e-3


def test_a_tranche_that_never_loses_has_no_break_even() -> None:
    notes = pd.DataFrame({"amount": [100], "rate": [0.01]}, index=["Tiny"])
    deal = Deal(tranches=notes, start=DAY)
    breaks = deal_outcome(deal, {"Base": future()}, funding_rate=0.06).breaks
    assert np.isnan(breaks.loc["Tiny", "times"])
    assert breaks.loc["Tiny", "times_below"] == 50
    # and one that loses without any default has it at once
    dear = pd.DataFrame({"amount": [12_000_000], "rate": [0.2]}, index=["Too much"])
    over = deal_outcome(Deal(tranches=dear, start=DAY), {"Base": future()}, funding_rate=0.06)
    assert over.breaks.loc["Too much", "times"] == 0
    assert np.isnan(over.breaks.loc["Too much", "times_below"])


def test_losses_over_paths_are_counted_with_their_chance() -> None:
    deal, cash = a_deal(revolving_months=1), future(revolving=1, hazard=0.02)
    paths = sampled(cash, 300)
    outcome = deal_outcome(deal, {"Base": cash}, paths, funding_rate=0.06)
    pool = cash_of_future(paths, deal)
    paid = pay_out(pool, deal)
    lost = (paid.by_tranche["balance"] + paid.by_tranche["carried"])[:, -1]
    risk = outcome.risk
    for place, name in enumerate(deal.names):
        assert risk.loc[name, "losses"] == sum(value > 0 for value in lost[:, place])
        shares = lost[:, place] / deal.amounts[place]
        assert risk.loc[name, "expected_loss_rate"] == pytest.approx(shares.mean())
        assert risk.loc[name, "loss_error"] == pytest.approx(shares.std(ddof=1) / 300**0.5)
    assert 0 < risk.loc["Mezzanine", "losses"] < 300
    assert (risk["loss_rate_low"] <= risk["loss_rate"]).all()
    assert (risk["loss_rate"] <= risk["loss_rate_high"]).all()
    assert risk["losses"].is_monotonic_increasing  # the lender loses first
    row = outcome.cases.loc["all paths"]
    assert row["gain_low"] < row["gain_high"]
    # to the fen on every path: what came in and the reserve is what went out
    out = paid.by_month["fee"] + paid.by_month["purchased"] + paid.by_month["equity"]
    notes = (paid.by_tranche["interest"] + paid.by_tranche["principal"]).sum(axis=(1, 2))
    assert (out.sum(axis=1) + notes == paid.by_month["collected"].sum(axis=1) + deal.reserve).all()


def test_a_pool_followed_for_too_short_is_told() -> None:
    deal = a_deal()
    outcome = deal_outcome(deal, {"Base": future(n_months=5)}, funding_rate=0.06)
    assert outcome.cases["open_rate"].iloc[0] > 0.1
    assert "still performs at the end" in deal_text(outcome, "CNY")


def test_cash_that_cannot_be_of_a_deal_is_refused() -> None:
    deal = a_deal(revolving_months=1)
    with pytest.raises(ValueError, match="at least one scenario"):
        deal_outcome(deal, {}, funding_rate=0.06)
    with pytest.raises(ValueError, match="'Base' is of several"):
        deal_outcome(deal, {"Base": sampled(future(revolving=1), 2)}, funding_rate=0.06)
    with pytest.raises(ValueError, match="group must be one of"):
        deal_outcome(deal, {"Base": future()}, funding_rate=0.06)
    with pytest.raises(ValueError, match="of one path"):
        times_defaults(sampled(future(), 2), np.ones(1))


def test_without_a_deal_there_are_tables_of_no_rows() -> None:
    full = deal_outcome(a_deal(), {"Base": future()}, sampled(future(), 3), funding_rate=0.06)
    none = deal_outcome(None, {}, funding_rate=0.06)
    for name in ("tranches", "cases", "risk", "breaks"):
        table = getattr(none, name)
        assert (len(table), list(table)) == (0, list(getattr(full, name)))
    assert (len(none.months), len(none.balances)) == (0, 0)
    assert "There is no deal to look at" in deal_text(none, "CNY")
    assert not len(deal_outcome(a_deal(), {"Base": future()}, funding_rate=0.06).risk)


def test_scenarios_in_which_investors_fare_as_in_the_base_are_left_out() -> None:
    cash = {"Base": future(), "Same": future(), "Worse": future(hazard=0.06)}
    outcome = deal_outcome(a_deal(), cash, funding_rate=0.06)
    shown = outcome.shown_tranches
    assert list(shown.index.unique("scenario")) == ["Base", "Worse"]
    pd.testing.assert_frame_equal(shown.loc["Worse"], outcome.tranches.loc["Worse"])
    assert deal_outcome(None, {}, funding_rate=0.06).shown_tranches.empty


def test_balances_are_stacked_by_rank() -> None:
    outcome = deal_outcome(a_deal(), {"Base": future()}, funding_rate=0.06)
    first = outcome.balances.iloc[0]
    assert first.index.tolist() == ["Senior", "Mezzanine", "lender"]
    both = outcome.months[["pool_balance", "reserve_amount"]].sum(axis=1)
    assert first.sum() == both.iloc[0]


# -- the loans of a deal ---------------------------------------------------------------------------


def owing(start: list[int]) -> OpenLoans:
    n = len(start)
    return OpenLoans(
        ids=pd.Index([f"L{k}" for k in range(n)]),
        group=np.zeros(n, dtype=np.int64),
        groups=pd.Index(["all"]),
        start=np.array(start),
        state=np.zeros(n, dtype=np.int8),
        cell=np.arange(n),
        left=np.ones(n, dtype=np.int64),
        due=np.tile([0, 110], (n, 1)),
        owed=np.tile([100, 0], (n, 1)),
        fee=np.zeros(n, dtype=np.int64),
        recovered_rate=np.zeros((n, 6)),
        recovery_lags=np.ones(1),
        in_default=np.full((1, 6), 5.0),
    )


def test_the_loans_of_a_deal_are_the_pool_and_what_it_may_buy() -> None:
    in_pool = pd.Series([True, False, True], index=["L0", "L1", "L2"])
    mine = a_deal(revolving_months=2).open_loans(owing([0, 0, 0, 1, 2, 2, 3]), in_pool)
    assert mine.ids.tolist() == ["L0", "L2", "L3", "L4", "L5"]
    assert mine.groups[mine.group].tolist() == [
        "pool", "pool", "lent in month 01", "lent in month 02", "lent in month 02",
    ]  # fmt: skip
    assert mine.cell.tolist() == [0, 2, 3, 4, 5]
    assert not mine.in_default.any()
    little = a_deal(revolving_months=2).open_loans(owing([0, 0, 0, 1, 3]), in_pool)
    assert (little.ids.tolist(), len(little.groups)) == (["L0", "L2", "L3"], 3)
    with pytest.raises(ValueError, match="1 loans of the pool owe nothing, such as L2"):
        a_deal().open_loans(owing([0, 0]), in_pool)


# -- words -----------------------------------------------------------------------------------------


def told_of(
    hazard: float, limits: dict[str, float]
) -> tuple[str, str, list[tuple[str, str, bool]]]:
    ids = pd.Index([f"L{k:03d}" for k in range(200)], name="loan_id")
    book = pd.DataFrame(
        {"state": 0, "dpd": 0, "mob": 2, "term_months": 12, "balance": 50_000, "amount": 90_000},
        index=ids,
    ).assign(effective_rate=0.02)
    asked = pd.DataFrame({"application_id": ids, "region": ["east"] * 140 + ["we$t"] * 60})
    tape, tests = loan_tape(book, asked, {"most_dpd": 0, "no_treatment": True})
    chosen, drawn, refused = select_pool(
        tape.assign(risk=np.arange(200) / 200), limits, alike=["risk"]
    )
    table = concentration_table(chosen, limits)
    cash = {"Base": future(hazard=hazard), "Recession": future(hazard=4 * hazard)}
    outcome = deal_outcome(
        a_deal(most_defaulted=0.1),
        cash,
        sampled(cash["Base"], 50),
        funding_rate=0.06,
    )
    findings = deal_findings(outcome, tests, table, drawn, refused, "CNY")
    return (
        tape_text(chosen, tests, table, drawn, refused, "CNY"),
        deal_text(outcome, "CNY"),
        findings,
    )


def test_words_tell_what_stands_in_the_tables() -> None:
    pool, deal, findings = told_of(0.002, {"region": 0.6, "partner": 0.1})
    assert "200 may be sold: 100,000 CNY" in pool
    assert "region (east, 60.0%)" in pool
    assert "like loans drawn by chance" in pool
    assert "**In Base every tranche is repaid**" in deal
    assert "Under Recession no tranche loses" in deal
    assert "On none of 50 simulated paths a tranche loses anything: at most 4.88% of" in deal
    assert "The lender keeps the first loss: 11,800 CNY at stake" in deal
    assert [(topic, red) for topic, _, red in findings] == [
        ("Concentration", False), ("Concentration", False), ("Securitisation", False),
    ]  # fmt: skip
    assert "east is 70.0% of the book, above the 60.0%" in findings[0][1]
    assert "the limit on partner cannot be checked" in findings[1][1]
    assert "the test of no treatment is not applied" in findings[2][1]
    assert "**Not applied**, since this source does not tell it: no treatment." in pool
    assert "no tranche loses: notes are repaid as in the base. The lender" in deal


def test_a_deal_without_a_pool_is_red_unless_none_is_asked_for() -> None:
    tape = pd.DataFrame({"balance": [1], "eligible": [False], "region": ["east"]})
    chosen, drawn, refused = select_pool(tape, {})
    table = concentration_table(chosen, {})
    tests = pd.DataFrame({"is_known": [True]}, index=["never in default"])
    none = deal_outcome(None, {}, funding_rate=0.06)
    told = deal_findings(none, tests, table, drawn, refused, "CNY")
    assert told == [("Securitisation", "there is no pool for the deal: no loan may be sold", True)]
    some = select_pool(tape.assign(eligible=True), {}, size=0)
    assert deal_findings(none, tests, table, some[1], some[2], "CNY") == []


def test_a_tranche_that_loses_in_the_base_is_red() -> None:
    _, deal, findings = told_of(0.06, {"region": 0.9})
    assert "**In Base not all is repaid**: Mezzanine loses" in deal
    assert "the trigger of defaults is breached on" in deal
    red = [sentence for _, sentence, is_red in findings if is_red]
    assert len(red) == 1
    assert red[0].startswith("in Base Mezzanine loses")
    assert any("in Recession Senior loses" in sentence for _, sentence, _ in findings)
    assert any("is breached in" in sentence for _, sentence, _ in findings)

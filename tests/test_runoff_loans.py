"""Loans of a book and those yet to be lent as open loans: plans, recoveries, cells, groups."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_books import LAST, small_book

from riskkit import arrears, provisions, runoff, synthetic
from riskkit.checks import DataContractError
from riskkit.instalments import schedules


@cache
def fitted(seed=8, n_loans=300):
    panel, asked = small_book(seed, n_loans)
    kinds = provisions.kinds_of(asked, None)
    model = provisions.fit_losses(panel, asked, LAST)
    return arrears.book_at(panel, asked, LAST), model, kinds, asked


def one_loan(**given):
    """A book of one loan of six instalments at 2 % a month, three of them paid."""
    _, planned = schedules(60_000, [0.02], [6])
    known = {
        "balance": int(planned[0, 3]), "amount": 60_000, "term_months": 6, "mob": 3, "state": 0,
        "contract_rate": 0.02, "effective_rate": 0.02, "method": "equal_instalment", "dpd": 0,
        "months_since_default": np.nan, "months_since_charge_off": np.nan,
    } | given  # fmt: skip
    return pd.DataFrame(known, index=pd.Index(["L1"], name="loan_id"))


def opened(book, n_months=8):
    _, model, _, _ = fitted()
    kinds = pd.DataFrame({"kind": "6", "band": ""}, index=book.index)
    return runoff.open_loans(book, model, kinds, n_months=n_months)[0]


def test_the_rest_of_the_plan_is_that_of_the_contract():
    due, planned = schedules(60_000, [0.02], [6])
    loans = opened(one_loan())
    assert loans.left.tolist() == [3]
    assert loans.owed.tolist() == [planned[0, 3:].tolist()]
    assert loans.due.tolist() == [[0, *np.cumsum(due[0, 4:])]]
    # two months in arrears: two more instalments are still to be paid
    late = opened(one_loan(balance=int(planned[0, 1]), state=2))
    assert late.left.tolist() == [5]
    assert late.owed.tolist() == [planned[0, 1:].tolist()]


def test_where_terms_were_changed_the_plan_is_scaled_to_what_is_owed():
    due, planned = schedules(60_000, [0.02], [6])
    balance = int(planned[0, 3]) - 5_001
    loans = opened(one_loan(balance=balance))
    scale = balance / planned[0, 3]
    assert loans.owed[0, 0] == balance
    np.testing.assert_allclose(loans.owed[0, 1:], planned[0, 4:] * scale, atol=0.5)
    np.testing.assert_allclose(np.diff(loans.due[0]), due[0, 4:] * scale, atol=1.6)
    # all that is due is principal and interest
    interest = np.diff(loans.due[0]) + np.diff(loans.owed[0])
    assert (interest > 0).all()
    assert loans.owed[0, -1] == 0
    # owed more than was ever lent: as of a plan not begun
    more = opened(one_loan(balance=66_000))
    assert more.left.tolist() == [6]
    assert more.due[0, -1] == pytest.approx(due[0].sum() * 1.1, abs=5)
    # owed though nothing was lent: due at once
    odd = opened(one_loan(amount=0, balance=500))
    assert odd.due[0, :2].tolist() == [0, 500]


def test_of_interest_only_the_months_in_arrears_are_still_to_be_paid():
    book = one_loan(balance=60_000, method="interest_only", mob=4, state=2)
    loans = opened(book)
    assert loans.left.tolist() == [4]
    assert loans.owed.tolist() == [[60_000, 60_000, 60_000, 60_000, 0]]
    assert loans.due.tolist() == [[0, 1200, 2400, 3600, 64_800]]
    # whatever the arrears say, no more than all but the last can be paid
    assert opened(book.assign(mob=9, state=0)).left.tolist() == [1]


def test_who_defaults_owes_what_provisions_take_as_exposure():
    book, model, kinds, _ = fitted()
    performing = book[book["state"] < 4]
    # a plan of which no part was paid between two instalments, by the months in arrears
    loans, _ = runoff.open_loans(book, model, kinds, n_months=9)
    exposures = arrears.default_exposures(performing, 9)
    due, term = performing["mob"].to_numpy(), performing["term_months"].to_numpy()
    on_plan = (term - loans.left == due - performing["state"].to_numpy()) & (due <= term)
    assert on_plan.sum() > 30
    for ahead in range(1, 10):
        state = np.minimum(3, ahead - 1 + performing["state"].to_numpy())
        reached = np.clip(ahead - 1 + performing["state"].to_numpy() - 3, 0, loans.left)
        owed = loans.owed[np.arange(len(loans.ids)), reached]
        can = on_plan & (state == 3)
        np.testing.assert_allclose(owed[can], exposures[can, ahead - 1], atol=1)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_plans_of_odd_books_begin_at_the_balance_and_end_at_nothing(seed):
    panel, asked = small_book(seed, 40)
    methods = ["equal_instalment", "interest_only", "flat_fee", "equal_principal"]
    asked = asked.assign(product=np.resize(methods, len(asked)))
    book = arrears.book_at(panel, asked, LAST)
    _, model, _, _ = fitted()
    kinds = provisions.kinds_of(asked, None)
    loans, cells = runoff.open_loans(book, model, kinds, n_months=5)
    performing = book[book["state"] < 4]
    assert (loans.owed[:, 0] == performing["balance"]).all()
    assert (np.diff(loans.owed, axis=1) <= 0).all()
    assert (np.diff(loans.due, axis=1) >= 0).all()
    # interest of every instalment, at least none
    assert (np.diff(loans.due, axis=1) + np.diff(loans.owed, axis=1) >= 0).all()
    told = cells.iloc[loans.cell][["mob", "state"]].to_numpy()
    assert (told == performing[["mob", "state"]].to_numpy()).all()
    assert not cells.duplicated().any()
    assert loans.in_default_owed.sum() == book["balance"][book["state"] == 4].sum()


def test_what_a_default_brings_is_worth_one_less_the_loss_at_its_effective_rate():
    book, model, kinds, _ = fitted()
    loans, _ = runoff.open_loans(book, model, kinds, n_months=6)
    performing = book[book["state"] < 4]
    months = np.arange(1, len(loans.recovery_lags) + 1)
    assert loans.recovery_lags.sum() == pytest.approx(1)
    mob = performing["mob"].to_numpy()[:, None] + np.arange(1, 7)
    left = performing["term_months"].to_numpy()[:, None] - mob
    loss = model.lgd.of_default(left, mob, performing["state"].to_numpy()[:, None])
    for i in range(0, len(loans.ids), 7):
        rate = performing["effective_rate"].iloc[i]
        worth = (loans.recovery_lags / (1 + rate) ** months).sum()
        expected = np.minimum((1 - np.minimum(loss[i], 1)) / worth, 1)
        np.testing.assert_allclose(loans.recovered_rate[i], expected)
    # the pattern is that of the past, each month's cash as it came and not as it is worth
    weights = book["balance"] * book["effective_rate"]
    mean = weights.sum() / book["balance"].sum()
    cash = model.lgd.recovery["rate"].to_numpy()[: len(months)] * (1 + mean) ** months
    np.testing.assert_allclose(loans.recovery_lags, cash / cash.sum())


def test_cash_of_a_simulated_lender_is_what_came():
    """What the books of July were expected to bring until December, and what they brought."""
    world = synthetic.simulate(synthetic.Lender(), 8_000, seed=5)
    panel, asked = world.performance, world.applications
    day = panel["month_end"].max() - pd.offsets.MonthEnd(6)
    model = provisions.fit_losses(panel, asked, day)
    book = arrears.book_at(panel, asked, day)
    loans, cells = runoff.open_loans(book, model, provisions.kinds_of(asked, None), n_months=6)
    moves = arrears.ChainMoves(model.chain, cells, 6)
    climate = persistent_climate(300, 6)
    paths = runoff.simulated_cash(loans, moves, climate, day, seed=1)
    rows = panel[panel["loan_id"].isin(loans.ids)]
    before = rows.groupby("loan_id")["balance"].shift()
    bad = (rows["dpd"] > 90) | (rows["status"] == "charged_off")
    gone = bad.groupby(rows["loan_id"]).cummax()
    later = rows["month_end"] > day
    first = gone & ~gone.groupby(rows["loan_id"]).shift(fill_value=False)
    month = rows["month_end"]
    came = {
        "default_amount": before[later & first].sum(),
        "balance": rows["balance"][~gone & (month == day + pd.offsets.MonthEnd(6))].sum(),
        "collected": rows["paid_amount"][later & ~gone].sum(),
    }
    names = ["interest_amount", "principal_amount", "prepaid_amount"]
    foretold = {
        "default_amount": paths.total("default_amount").sum(axis=1),
        "balance": paths.total("balance")[:, -1],
        "collected": sum(paths.total(name).sum(axis=1) for name in names),
    }
    for name, of_paths in foretold.items():
        assert abs(came[name] - of_paths.mean()) < 3.5 * of_paths.std(), name
        assert of_paths.std() < 0.35 * of_paths.mean(), name


def persistent_climate(n_paths, n_months):
    """A climate that persists, of a standard deviation of a quarter."""
    rng, now, months = np.random.default_rng(2), np.zeros(n_paths), []
    for _ in range(n_months):
        now = 0.9 * now + 0.25 * (1 - 0.81) ** 0.5 * rng.normal(size=n_paths)
        months.append(now)
    return np.stack(months, axis=1)


def test_loans_in_default_bring_the_rest_by_the_months_since_until_nothing_comes():
    book, model, kinds, _ = fitted()
    loans, _ = runoff.open_loans(book, model, kinds, n_months=40)
    gone = book[book["state"] == 4]
    lags, cash, loss = loans.recovery_lags, np.zeros(40), np.zeros(41)
    for row, lost in zip(gone.itertuples(), model.lgd.of_book(gone), strict=True):
        since = int(row.months_since_default)
        rest = list(lags[since:]) if since < len(lags) else list(lags)
        rest = [share / sum(rest) for share in rest]
        growth = 1 + row.effective_rate
        worth = sum(share / growth**k for k, share in enumerate(rest, start=1))
        value = 1 - min(lost, 1)
        flows = [row.balance * min(value / worth, 1) * share for share in rest]
        owed = row.balance
        loss[0] += owed - sum(flow / growth**k for k, flow in enumerate(flows, start=1))
        for month, flow in enumerate(flows, start=1):
            owed -= flow
            cash[month - 1] += flow
            to_come = flows[month:]
            if sum(to_come) > 0:
                ahead = sum(one / growth**k for k, one in enumerate(to_come, start=1))
                loss[month] += owed - ahead
    np.testing.assert_allclose(loans.in_default[0], cash, atol=1e-6)
    np.testing.assert_allclose(loans.in_default_loss[0], loss, atol=1e-6)


def test_cash_is_told_apart_by_groups_and_adds_up():
    book, model, kinds, _ = fitted()
    channel = pd.Series(np.resize(["app", "web", "shop"], len(book)), index=book.index).iloc[2:]
    plain, _ = runoff.open_loans(book, model, kinds, n_months=5)
    assert plain.groups.tolist() == [""]
    loans = plain.grouped(channel)
    assert loans.groups.tolist() == ["", "app", "shop", "web"]
    told = pd.Series(loans.groups[loans.group], index=loans.ids)
    assert (told == channel.reindex(loans.ids).fillna("")).all()
    for name in ("in_default", "in_default_loss", "in_default_owed"):
        whole = getattr(plain, name)[0]
        np.testing.assert_allclose(getattr(loans, name).sum(axis=0), whole)


def test_a_book_without_loans_and_one_of_defaults_alone():
    book, model, kinds, _ = fitted()
    for part in (book.head(0), book[book["state"] == 4]):
        loans, cells = runoff.open_loans(part, model, kinds, n_months=4)
        assert len(loans.ids) == len(cells) == 0
        assert loans.last_month == 0
        cash = runoff.expected_cash(
            loans, arrears.ChainMoves(model.chain, cells, 4), climate=np.zeros(4), day=LAST
        )
        assert (cash.total("recovered_amount").sum() > 0) == (len(part) > 0)
    with pytest.raises(ValueError, match="n_months must be >= 1"):
        runoff.open_loans(book, model, kinds, n_months=0)


def test_without_a_default_in_the_past_nothing_can_be_read_off():
    panel, asked = small_book(3, 40)
    ever = panel["loan_id"][(panel["dpd"] > 90) | (panel["status"] == "charged_off")]
    panel = panel[~panel["loan_id"].isin(ever)].reset_index(drop=True)
    model = provisions.fit_losses(panel, asked, LAST)
    book = arrears.book_at(panel, asked, LAST)
    with pytest.raises(ValueError, match="needs a default of the past"):
        runoff.open_loans(book, model, provisions.kinds_of(asked, None), n_months=3)


def lately(n_loans=90, seed=2):
    """Applications of four months, most of them booked."""
    rng = np.random.default_rng(seed)
    days = pd.to_datetime("2024-09-01") + pd.to_timedelta(rng.integers(0, 122, n_loans), "D")
    return pd.DataFrame(
        {
            "application_id": [f"N{i:03d}" for i in range(n_loans)],
            "applied_at": days,
            "booked": rng.random(n_loans) < 0.8,
            "amount": rng.integers(200, 900, n_loans) * 100,
            "term_months": rng.choice([3, 6], n_loans),
            "offer_apr": rng.choice([0.12, 0.24, 0.36], n_loans),
            "offer_fee_rate": rng.choice([0.0, 0.01], n_loans),
        }
    )


def planned(asked, n_months=6, day=LAST, **given):
    _, model, _, _ = fitted()
    kinds = provisions.kinds_of(asked, None)
    return runoff.planned_loans(asked, kinds, model, day, n_months=n_months, **given)


def lent_by_month(loans, n_months):
    return np.bincount(loans.start, loans.owed[:, 0], n_months + 1)[1:]


def test_three_months_ahead_lend_what_the_last_three_did():
    asked = lately()
    past = asked[asked["booked"] & (asked["applied_at"] >= "2024-10-01")]
    past = past.iloc[:-1]
    assert len(past) % 3
    loans, cells = planned(past)
    by_month = lent_by_month(loans, 6)
    assert by_month[:3].sum() == by_month[3:].sum() == past["amount"].sum()
    for first in (1, 2, 3, 4):
        ids = loans.ids[(loans.start >= first) & (loans.start < first + 3)]
        assert sorted(ids) == sorted(past["application_id"])
    # each month in a like mix: no more than a loan or so apart
    assert by_month.max() - by_month.min() < 1.5 * past["amount"].max()
    assert (cells.iloc[loans.cell]["start"].to_numpy() == loans.start).all()
    assert set(cells["mob"]) == set(cells["state"]) == {0}
    shuffled, _ = planned(past.sample(frac=1, random_state=1))
    assert shuffled.ids.tolist() == loans.ids.tolist()


def test_what_is_lent_is_what_was_booked_in_whole_months():
    asked = lately()
    booked = asked[asked["booked"]]
    of_three = booked[booked["applied_at"] >= "2024-10-01"]
    loans, _ = planned(asked)
    assert set(loans.ids) == set(of_three["application_id"])
    # a day within a month: the whole months before it
    early, _ = planned(asked, day="2024-12-30")
    before = booked[booked["applied_at"] < "2024-12-01"]
    assert set(early.ids) == set(before["application_id"])
    some, _ = planned(asked, lending_months=2)
    assert some.start.max() == 2
    assert some.n_months == 6
    nothing, cells = planned(asked.assign(booked=False))
    assert len(nothing.ids) == len(cells) == 0


def test_a_planned_loan_pays_by_the_contract_and_a_fee_is_withheld():
    asked = lately()
    loans, _ = planned(asked)
    terms = arrears.loan_terms(asked, loans.ids.unique(), "lent").loc[loans.ids]
    due, owed = schedules(
        terms["amount"].to_numpy(), terms["contract_rate"].to_numpy(),
        terms["term_months"].to_numpy(),
    )  # fmt: skip
    assert (loans.owed == owed).all()
    assert (loans.due == due.cumsum(axis=1)).all()
    assert (loans.fee == (terms["amount"] * terms["fee_rate"]).round().astype(int)).all()
    assert (loans.state == 0).all()


def test_two_sets_joined_are_both():
    book, model, kinds, _ = fitted()
    today = runoff.open_loans(book, model, kinds, n_months=6)
    loans, cells = planned(lately())
    terms = lately().set_index("application_id")["term_months"]
    new = loans.grouped(terms.astype("str")), cells
    loans, cells = runoff.joined(today, new)
    assert len(loans.ids) == len(today[0].ids) + len(new[0].ids)
    assert len(cells) == len(today[1]) + len(new[1])
    assert loans.groups.tolist() == ["", "3", "6"]
    assert loans.owed.sum() == today[0].owed.sum() + new[0].owed.sum()
    assert (loans.due.max(axis=1) == loans.due[:, -1]).all()
    moves = arrears.ChainMoves(model.chain, cells, 6)
    both = runoff.expected_cash(loans, moves, climate=np.zeros(6), day=LAST)
    for name in ("principal_amount", "default_amount", "balance", "loss_amount"):
        alone = [
            runoff.expected_cash(
                part, arrears.ChainMoves(model.chain, of, 6), climate=np.zeros(6), day=LAST
            ).total(name)
            for part, of in (today, new)
        ]
        np.testing.assert_allclose(both.total(name), sum(alone), rtol=1e-9)
    with pytest.raises(ValueError, match="n_months must be equal, got 6 and 7"):
        runoff.joined(today, planned(lately(), n_months=7))


def test_bad_input_is_refused():
    asked = lately()
    last = asked["applied_at"].where(asked["booked"]).idxmax()
    unpriced = asked.assign(offer_apr=asked["offer_apr"].mask(asked.index == last))
    with pytest.raises(DataContractError, match="offer_apr: missing for 1 loans booked lately"):
        planned(unpriced)
    with pytest.raises(DataContractError, match="missing columns booked"):
        planned(asked.drop(columns="booked"))
    for setting, message in (
        ({"lookback_months": 0}, "lookback_months must be >= 1"),
        ({"lending_months": 7}, "lending_months must lie in 0..n_months = 6"),
    ):
        with pytest.raises(ValueError, match=message):
            planned(asked, **setting)

"""Provisions ahead: today's where stages rest on days, and plain Python at every month-end."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from open_loan_pools import (
    DEFAULT,
    FixedMoves,
    odd_pool,
    plain_moves,
    plain_step,
    pool,
    simple_moves,
)

from riskkit import arrears, provisions, runoff, synthetic

DAY = pd.Timestamp("2024-12-31")


def ahead(loans, moves, climate, **given):
    return runoff.provisions_ahead(loans, moves, climate=climate, day=DAY, **given)


def plain_provisions(loans, moves, climate):
    """Stock by month-end of every loan alone, its own rate, by following all it may do."""
    n_months, last = len(climate), loans.n_months
    climate = [*climate, *[climate[-1]] * last]
    stock = np.zeros((n_months + 1, 3))
    lags = loans.recovery_lags.tolist()

    def open_loss(owed, share, since, rate):
        if since >= len(lags) and since:
            return 0.0
        to_come = sum(lag / (1 + rate) ** k for k, lag in enumerate(lags[since:], start=1))
        return owed * (1 - share * (sum(lags[:since]) + to_come))

    @cache
    def loss_from(i, state, month, until):
        if month > until:
            return 0.0
        rate, total = loans.effective_rate[i], 0.0
        for to, p in plain_moves(moves, month, climate[month - 1], loans.cell[i], state).items():
            if to == DEFAULT:
                owed = plain_step(loans, i, month, state, to)["default_amount"]
                total += p * open_loss(owed, loans.recovered_rate[i, month - 1], 0, rate)
            elif to < DEFAULT:
                total += p * loss_from(i, to, month + 1, until)
        return total / (1 + rate)

    for i in range(len(loans.ids)):
        start, rate = int(loans.start[i]), float(loans.effective_rate[i])
        where = {int(loans.state[i]): 1.0}
        for month in range(start, n_months + 1):
            for state, mass in where.items():
                stage = 0 if state <= 1 else 1
                until = min(month + 12, last) if stage == 0 else last
                stock[month, stage] += mass * loss_from(i, state, month + 1, until)
            then = {}
            for state, mass in where.items():
                if month == n_months:
                    break
                options = plain_moves(moves, month + 1, climate[month], loans.cell[i], state)
                for to, p in options.items():
                    if to < DEFAULT:
                        then[to] = then.get(to, 0.0) + mass * p
                    elif to == DEFAULT:
                        owed = plain_step(loans, i, month + 1, state, to)["default_amount"]
                        share = loans.recovered_rate[i, month]
                        for later in range(month + 1, n_months + 1):
                            loss = open_loss(owed, share, later - month - 1, rate)
                            stock[later, 2] += mass * p * loss
            where = then
    stock[:, 2] += loans.in_default_loss.sum(axis=0)[: n_months + 1]
    return stock


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10_000))
def test_equal_to_every_loan_alone_in_plain_python(seed):
    loans, moves = odd_pool(seed, n_loans=4, n_months=11)
    # one rate: of loans that move alike the mean is taken
    loss = np.random.default_rng(seed).random((3, 12)) * 100
    loans = replace(loans, effective_rate=np.full(4, 0.02), in_default_loss=loss)
    climate = np.random.default_rng(seed).normal(0, 1, 2)
    ours = ahead(loans, moves, climate)
    theirs = plain_provisions(loans, moves, climate)
    np.testing.assert_allclose(ours.iloc[:, :3], theirs, atol=1e-8)
    np.testing.assert_allclose(ours["provision_amount"], theirs.sum(axis=1), atol=1e-8)


def test_one_loan_worked_by_hand():
    loans = pool([[300, 200, 100, 0]], [[0, 110, 220, 330]], 9)
    stock = ahead(loans, simple_moves(), np.zeros(5))
    # 15 + 8 + 3.45 default, 60 % of it is lost; a year holds the whole life
    assert stock["stage_1_amount"].iloc[0] == pytest.approx(0.6 * 26.45)
    # at the end of month 2 .05 are two behind, who will default on 300 each, all others on plan
    assert stock["stage_2_amount"].iloc[2] == pytest.approx(0.6 * 15)
    assert stock["stage_1_amount"].iloc[2] == pytest.approx(0.6 * 11.45)
    # defaults of month 4: 9 lost, nothing of the 6 that come received yet; then 8 more
    assert stock["stage_3_amount"].iloc[3:].tolist() == pytest.approx([0, 9, 9 + 4.8])
    assert stock.index[:2].strftime("%Y-%m-%d").tolist() == ["2024-12-31", "2025-01-31"]


def test_what_nothing_more_comes_of_is_written_off():
    loans = pool([[300, 200, 100, 0]], [[0, 110, 220, 330]], 9, recovery_lags=np.array([1.0]))
    stock = ahead(loans, simple_moves(), np.zeros(7))["stage_3_amount"]
    assert stock.iloc[4:].tolist() == pytest.approx([9, 4.8, 2.07, 0])


def test_todays_stock_is_that_of_the_loans_where_stages_rest_on_days():
    world = synthetic.simulate(synthetic.Lender(), 3_000, seed=3)
    panel, asked = world.performance, world.applications
    day = panel["month_end"].max()
    kinds = provisions.kinds_of(asked, None)
    model = provisions.fit_losses(panel, asked, day)
    book = arrears.book_at(panel, asked, day)
    assert len(book) > 200
    loans, cells = runoff.open_loans(book, model, kinds, n_months=17)
    moves = arrears.ChainMoves(model.chain, cells, 17)
    for climate, factor in ((0.0, 1.0), (0.8, 1.0), (0.0, 0.7)):
        scenario = {"weight": [1.0], "climate": climate, "ramp_months": 1, "lgd_factor": factor}
        outlook = provisions.Outlook(scenarios=pd.DataFrame(scenario, index=["one"]))
        ecl = provisions.loan_ecl(book, model, kinds, outlook)
        stock = ahead(loans, moves, np.full(2, climate), lgd_factor=factor).iloc[0]
        early, gone = book["state"] <= 1, book["state"] == 4
        parts = {
            "stage_1_amount": ecl["ecl_12m_amount"][early],
            "stage_2_amount": ecl["ecl_lifetime_amount"][~early & ~gone],
            "stage_3_amount": ecl["ecl_amount"][gone],
        }
        # off by the mean rate of loans that move alike, and by defaults from few arrears
        for name, amounts in parts.items():
            assert stock[name] == pytest.approx(amounts.sum(), rel=0.002), name


def test_a_worse_climate_and_a_greater_loss_need_more():
    loans, moves = odd_pool(12, n_loans=10, n_months=12)
    calm = ahead(loans, moves, np.zeros(3))
    for climate, factor in ((1.0, 1.0), (0.0, 1.3)):
        more = ahead(loans, moves, np.full(3, climate), lgd_factor=factor)
        assert more["provision_amount"].iloc[-1] > calm["provision_amount"].iloc[-1]


def test_no_loans_need_nothing_and_short_ones_are_refused():
    empty = pool(np.zeros((0, 1), int), np.zeros((0, 1), int), 3)
    stock = ahead(empty, FixedMoves(np.zeros((0, 4, 6))), np.zeros(3))
    assert stock.shape == (4, 4)
    assert not stock.to_numpy().any()
    short = pool([[300, 200, 100, 0]], [[0, 110, 220, 330]], 5)
    with pytest.raises(ValueError, match="until month 6, in which the last can default, got 5"):
        ahead(short, simple_moves(), np.zeros(2))

"""Expected cash: worked by hand, equal to every loan in plain Python, and conserved."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from open_loan_pools import FixedMoves, odd_pool, plain_cash, pool, simple_moves

from riskkit import runoff

DAY = pd.Timestamp("2024-12-31")


def three_instalments(n_months=6, **given):
    return pool([[300, 200, 100, 0]], [[0, 110, 220, 330]], n_months, **given)


def expected(loans, moves, climate=None, **given):
    asked = np.zeros(loans.n_months) if climate is None else climate
    return runoff.expected_cash(loans, moves, climate=asked, day=DAY, **given)


def test_six_months_of_one_loan_worked_by_hand():
    cash = expected(three_instalments(), simple_moves())
    by_hand = {
        "interest_amount": [9, 8.2, 7.01, 0.345, 0, 0],
        "principal_amount": [90, 82, 70.1, 3.45, 0, 0],
        "prepaid_amount": [20, 8, 0, 0, 0, 0],
        # 300 of those who never paid in month 4, 200 of who paid once in month 5, then 100
        "default_amount": [0, 0, 0, 15, 8, 3.45],
        "loss_amount": [0, 0, 0, 9, 4.8, 2.07],
        "recovered_amount": [0, 0, 0, 0, 3, 4.6],
        "balance": [190, 100, 29.9, 11.45, 3.45, 0],
    }
    for name, values in by_hand.items():
        np.testing.assert_allclose(cash.amounts[name][0, 0], values, atol=1e-9, err_msg=name)
    assert cash.opening.tolist() == [300]
    assert cash.months[:2].strftime("%Y-%m-%d").tolist() == ["2025-01-31", "2025-02-28"]
    collected = [119, 98.2, 77.11, 3.795, 3, 4.6]
    np.testing.assert_allclose(cash.total("collected_amount")[0], collected)


def test_a_loan_in_arrears_today_pays_what_it_is_behind_with_when_it_ends():
    moves = np.zeros((1, 4, 6))
    moves[0, 2, 5] = 1  # two behind: ends now
    loans = three_instalments(state=np.array([2], np.int8))
    cash = expected(loans, FixedMoves(moves), np.zeros(1))
    # two missed and the one of this month: all three, so nothing is paid ahead of its plan
    assert cash.total("principal_amount").tolist() == [[300]]
    assert cash.total("interest_amount").tolist() == [[30]]
    assert cash.total("prepaid_amount").tolist() == [[0]]
    loans = three_instalments(state=np.array([1], np.int8))
    moves[0, 1, 5] = 1
    cash = expected(loans, FixedMoves(moves), np.zeros(1))
    assert cash.total("principal_amount").tolist() == [[200]]
    assert cash.total("prepaid_amount").tolist() == [[100]]


def test_a_loan_lent_later_does_the_same_so_many_months_later():
    at_once = expected(three_instalments(), simple_moves())
    loans = three_instalments(start=np.array([2]), fee=np.array([7]))
    later = expected(loans, simple_moves())
    for name in ("interest_amount", "principal_amount", "default_amount"):
        np.testing.assert_allclose(later.total(name)[0, 2:], at_once.total(name)[0, :4])
        assert not later.total(name)[0, :2].any()
    assert later.total("lent_amount")[0].tolist() == [0, 300, 0, 0, 0, 0]
    assert later.total("fee_amount")[0].tolist() == [0, 7, 0, 0, 0, 0]
    assert later.total("balance")[0, :3].tolist() == pytest.approx([0, 300, 190])
    assert later.opening.tolist() == [0]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_equal_to_every_loan_in_plain_python_and_conserved(seed):
    loans, moves = odd_pool(seed)
    climate = np.random.default_rng(seed).normal(0, 1, loans.n_months)
    cash = expected(loans, moves, climate)
    for name, values in plain_cash(loans, moves, climate).items():
        np.testing.assert_allclose(cash.amounts[name][0], values, atol=1e-8, err_msg=name)
    flows = {name: values[0] for name, values in cash.amounts.items()}
    before = np.append(cash.opening[:, None], flows["balance"][:, :-1], axis=1)
    gone = flows["principal_amount"] + flows["prepaid_amount"] + flows["default_amount"]
    np.testing.assert_allclose(flows["balance"], before + flows["lent_amount"] - gone, atol=1e-6)
    assert all((values >= -1e-9).all() for values in flows.values())


def test_more_is_lost_by_the_factor_at_its_value_at_the_default_up_to_the_whole():
    loans = three_instalments(effective_rate=np.array([0.02]))
    worth = (1.02**-1 + 1.02**-2) / 2
    for factor in (1.1, 0.5, 3.0):
        cash = expected(loans, simple_moves(), lgd_factor=factor)
        left = (1 - min(factor * (1 - 0.4 * worth), 1)) / worth
        assert cash.total("loss_amount")[0, 3] == pytest.approx(15 * (1 - min(left, 1)))
    with pytest.raises(ValueError, match="lgd_factor must be >= 0"):
        expected(loans, simple_moves(), lgd_factor=-0.1)


def test_loans_in_default_today_bring_less_by_the_factor():
    given = {"in_default_owed": np.array([1000.0]), "in_default": np.full((1, 2), 150.0)}
    loans = three_instalments(2, in_default_loss=np.array([[700.0, 700.0, 0.0]]), **given)
    cash = expected(loans, simple_moves(), lgd_factor=1.1)
    # of 1,000 owed 30 % come, then 1 - 1.1 * 70 % = 23 %
    np.testing.assert_allclose(cash.total("recovered_amount")[0], 150 * 0.23 / 0.3)


def test_no_loans_give_no_cash():
    empty = pool(np.zeros((0, 1), int), np.zeros((0, 1), int), 3)
    cash = expected(empty, FixedMoves(np.zeros((0, 4, 6))))
    assert all(not values.any() for values in cash.amounts.values())


def test_refused():
    loans = three_instalments()
    with pytest.raises(ValueError, match=r"H in 1..6.*got \(7,\)"):
        expected(loans, simple_moves(), np.zeros(7))
    with pytest.raises(ValueError, match=r"climate must be of shape \(H,\)"):
        expected(loans, simple_moves(), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="climate must be finite"):
        expected(loans, simple_moves(), np.array([np.nan]))
    with pytest.raises(ValueError, match=r"moves must be of shape \(1, 3, 4, 6\)"):
        expected(three_instalments(cell=np.array([2])), simple_moves())

"""Open loans and future cash check themselves, and are told apart by group."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from open_loan_pools import odd_pool, pool

from riskkit import runoff

DAY = pd.Timestamp("2024-12-31")


def cash():
    loans, moves = odd_pool(1)
    return loans, runoff.expected_cash(loans, moves, climate=np.zeros(5), day=DAY)


def test_open_loans_refuse_what_does_not_fit():
    loans = pool([[300, 200, 0], [300, 200, 0]], [[0, 110, 330]] * 2, 4)
    for name, value, message in (
        ("left", np.array([2]), "left must have 2 entries, got 1"),
        ("due", loans.due[:, :2], r"due and owed must be alike, got \(2, 2\) and \(2, 3\)"),
        ("start", np.array([2, 1]), "start must be in ascending order"),
        ("group", np.array([0, 1]), "group must be a position in 1 groups"),
        ("left", np.array([2, 1]), "owed must be 0 once all instalments left are paid"),
        ("in_default", np.zeros((1, 3)), r"in_default must be of shape \(1, 4\), got \(1, 3\)"),
        ("effective_rate", np.zeros(3), r"effective_rate must be of shape \(2,\)"),
        ("in_default_owed", np.ones(2), r"in_default_owed must be of shape \(1,\)"),
        ("in_default_loss", np.ones((1, 4)), r"in_default_loss must be of shape \(1, 5\)"),
    ):
        with pytest.raises(ValueError, match=message):
            replace(loans, **{name: value})
    assert loans.n_months == 4
    # two instalments, three months in arrears and the one of the default itself
    assert loans.last_month == 5
    assert replace(loans, state=np.array([3, 3], np.int8)).last_month == 2


def test_loans_told_apart_anew_bring_the_same_in_all():
    loans, one = cash()
    labels = dict(zip(loans.ids[:5], ["x", "y", "x", "y", "z"], strict=True))
    again = loans.grouped(labels)
    assert again.groups.tolist() == ["", "x", "y", "z"]
    _, moves = odd_pool(1)
    other = runoff.expected_cash(again, moves, climate=np.zeros(5), day=DAY)
    for name in runoff.AMOUNTS:
        np.testing.assert_allclose(other.total(name), one.total(name))
    assert again.in_default[1:].sum() == 0
    assert again.in_default[0].sum() == pytest.approx(loans.in_default.sum())


def test_future_cash_by_group_in_all_and_as_a_table():
    _, one = cash()
    parts = [one.of_group(name) for name in one.groups]
    total = sum(part.total("collected_amount") for part in parts)
    np.testing.assert_allclose(total, one.total("collected_amount"))
    assert sum(part.opening.sum() for part in parts) == one.opening.sum()
    table = one.frame()
    assert table.index.names == ["group", "month"]
    assert table.loc[("b", one.months[2]), "balance"] == one.amounts["balance"][0, 1, 2]
    with pytest.raises(ValueError, match="group must be one of a, b, c, got 'd'"):
        one.of_group("d")


def test_future_cash_refuses_what_does_not_fit():
    _, one = cash()
    lacking = {name: values for name, values in one.amounts.items() if name != "fee_amount"}
    with pytest.raises(ValueError, match="amounts must be lent_amount"):
        replace(one, amounts=lacking)
    with pytest.raises(ValueError, match="fee_amount must be of shape"):
        replace(one, amounts=lacking | {"fee_amount": np.zeros((1, 3, 4))})
    with pytest.raises(ValueError, match="opening must have 3 entries"):
        replace(one, opening=np.zeros(2))

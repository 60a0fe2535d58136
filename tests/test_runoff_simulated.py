"""Simulated cash: conserved to the fen, right in mean and spread, the same for the same seed."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from open_loan_pools import (
    FixedMoves,
    odd_pool,
    plain_cash,
    pool,
    simple_moves,
    with_workouts,
)

from riskkit import runoff

DAY = pd.Timestamp("2024-12-31")


def simulated(loans, moves, climate, seed=1, **given):
    return runoff.simulated_cash(loans, moves, climate, DAY, seed=seed, **given)


def same_plan(n_loans, n_months=6, **given):
    owed, due = [[300, 200, 100, 0]] * n_loans, [[0, 110, 220, 330]] * n_loans
    return pool(owed, due, n_months, **given)


def z_scores(cash, expected, name, most):
    """How far the mean over paths is from what is expected, in standard errors.

    Where an amount is rare its error is at most that of sums of independent amounts up to `most`:
    their variance is at most `most` times their mean.
    """
    values, mean = cash.amounts[name], expected.amounts[name][0]
    seen = (values != np.median(values, axis=0)).sum(axis=0)
    error = np.where(seen > 100, values.std(axis=0), (most * mean) ** 0.5) / cash.n_paths**0.5
    gap = values.mean(axis=0) - mean
    return (gap / np.maximum(error, 1.0)).ravel()  # recoveries are rounded


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_conserved_to_the_fen_on_every_path_in_every_group_and_month(seed):
    loans, moves = odd_pool(seed)
    loans = with_workouts(loans, seed) if seed % 2 else loans
    climate = np.random.default_rng(seed).normal(0, 1, (70, loans.n_months))
    cash = simulated(loans, moves, climate, seed)
    flows = cash.amounts
    assert all(values.dtype == np.int64 for values in flows.values())
    before = np.append(
        np.broadcast_to(cash.opening[:, None], (70, 3, 1)), flows["balance"][:, :, :-1], axis=2
    )
    gone = flows["principal_amount"] + flows["prepaid_amount"] + flows["default_amount"]
    assert (flows["balance"] == before + flows["lent_amount"] - gone).all()
    assert all((values >= 0).all() for values in flows.values())
    assert (flows["loss_amount"] <= flows["default_amount"]).all()
    if not len(loans.workouts):  # all that is owed or nothing
        most = flows["default_amount"].sum(axis=2) + loans.in_default.sum(axis=1)
        assert (flows["recovered_amount"].sum(axis=2) <= most + 1).all()
    # groups have no say in what is drawn
    alike = simulated(loans.grouped({}), moves, climate, seed)
    for name in flows:
        gap = np.abs(alike.total(name) - cash.total(name)).max()
        assert gap <= (3 if name in ("recovered_amount", "loss_amount") else 0), name


@pytest.mark.parametrize("seed", range(6))
def test_the_mean_over_paths_is_what_is_expected(seed):
    loans, moves = odd_pool(seed, n_loans=30, unit=1000)
    loans = with_workouts(loans, seed) if seed % 2 else loans
    for climate in (0.0, 0.8):
        asked = np.full((1500, loans.n_months), climate)
        cash = simulated(loans, moves, asked, seed, lgd_factor=1.1)
        mean = runoff.expected_cash(loans, moves, climate=asked[0], day=DAY, lgd_factor=1.1)
        for name in cash.amounts:
            assert np.abs(z_scores(cash, mean, name, loans.owed.max())).max(initial=0) < 4.2, name


def test_spread_and_correlation_are_those_of_a_plain_simulation():
    loans, moves = odd_pool(11, n_loans=6, n_months=5)
    rng = np.random.default_rng(5)
    plain = [plain_cash(loans, moves, np.zeros(5), rng) for _ in range(800)]
    cash = simulated(loans, moves, np.zeros((20_000, 5)), 3)
    for name in ("principal_amount", "interest_amount", "default_amount", "prepaid_amount"):
        drawn = np.array([one[name].sum() for one in plain])
        ours = cash.amounts[name].sum(axis=(1, 2))
        assert drawn.std() > 0
        # 4 standard errors of a mean and of a variance (Bernoulli-like sums: kurtosis at most 3)
        assert abs(drawn.mean() - ours.mean()) < 4 * ours.std() / 800**0.5
        fourth = ((drawn - drawn.mean()) ** 4).mean()
        error = ((fourth - drawn.var() ** 2) / 800) ** 0.5
        assert abs(drawn.var() - ours.var()) < 4 * error
    early, late = (cash.total("principal_amount")[:, month] for month in (0, 2))
    pair = np.array([one["principal_amount"].sum(axis=0)[[0, 2]] for one in plain])
    assert np.corrcoef(early, late)[0, 1] == pytest.approx(np.corrcoef(pair.T)[0, 1], abs=0.12)


def test_each_path_is_in_its_own_climate_which_all_its_loans_share():
    loans = same_plan(400)
    climate = np.repeat([[-1.0], [1.0]], 500, axis=0) * np.ones(6)
    cash = simulated(loans, simple_moves(), climate)
    for first, sign in ((0, -1.0), (500, 1.0)):
        mean = runoff.expected_cash(loans, simple_moves(), climate=np.full(6, sign), day=DAY).total(
            "default_amount"
        )[0]
        of_paths = cash.total("default_amount")[first : first + 500]
        error = of_paths.std(axis=0) / 500**0.5
        assert (np.abs(of_paths.mean(axis=0) - mean)[3:] < 4 * error[3:]).all()
    # without a common climate 400 loans of one path would differ by chance alone
    together = cash.total("default_amount").sum(axis=1)
    assert together.std() > 4 * together[:500].std()


def test_many_climates_are_taken_to_the_nearest_of_41():
    loans, moves = same_plan(400, n_months=1), simple_moves()
    climate = np.random.default_rng(1).uniform(-3, 3, (3000, 1))
    cash = simulated(loans, moves, climate)
    missed = moves.at(1, climate[:, 0])[:, 0, 0, 1]
    # a missed payment leaves 100 more owed, on time or ended 200 less or nothing
    on_time = moves.at(1, climate[:, 0])[:, 0, 0, 0]
    expected = 400 * (300 * missed + 200 * on_time)
    gap = cash.total("balance")[:, 0] - expected
    # of its own climate every path is off by at most half a step, which evens out
    assert abs(gap.mean()) < 4 * gap.std() / 3000**0.5
    step = 6 / 40
    half = moves.at(1, climate[:, 0] + step / 2)[:, 0, 0, 1] - missed
    chance = (400 * (100**2 * missed + 200**2 * 0.1)) ** 0.5
    assert (np.abs(gap) < 400 * 100 * half + 5 * chance).all()


def test_rare_and_sure_moves_are_exact():
    moves = np.zeros((1, 4, 6))
    moves[0, 0, [0, 1, 4]] = 1 - 3e-5, 1e-5, 2e-5
    moves[0, 1:, 4] = 1
    loans = same_plan(500, n_months=1)
    cash = simulated(loans, FixedMoves(moves), np.zeros((4000, 1)))
    defaults = cash.total("default_amount").sum() / 300
    assert abs(defaults - 40) < 4 * 40**0.5
    missed = (cash.total("balance").sum() - 200 * (500 * 4000 - defaults)) / 100
    assert abs(missed - 20) < 4 * 20**0.5
    for to, name, amount in ((5, "prepaid_amount", 200), (4, "default_amount", 300)):
        sure = np.zeros((1, 4, 6))
        sure[0, 0, to] = 1
        cash = simulated(loans, FixedMoves(sure), np.zeros((3, 1)))
        assert cash.total(name).tolist() == [[500 * amount]] * 3


def test_the_seed_gives_the_same_cash_whatever_the_number_of_threads():
    loans, moves = odd_pool(4, n_loans=40)
    loans = with_workouts(loans, 4)
    climate = np.random.default_rng(0).normal(0, 1, (200, loans.n_months))
    one, other, more = (simulated(loans, moves, climate, 7, n_threads=n) for n in (1, 3, None))
    another = simulated(loans, moves, climate, 8)
    for name, values in one.amounts.items():
        assert (values == other.amounts[name]).all()
        assert (values == more.amounts[name]).all()
    assert (one.total("principal_amount") != another.total("principal_amount")).any()
    # further paths leave the first ones as they are, as far as whole blocks of 64 go
    fewer = simulated(loans, moves, np.zeros((64, loans.n_months)), 7)
    longer = simulated(loans, moves, np.zeros((130, loans.n_months)), 7)
    assert (longer.total("balance")[:64] == fewer.total("balance")).all()


def test_no_loans_one_loan_all_in_default_and_plans_beyond_the_horizon():
    empty = pool(np.zeros((0, 1), int), np.zeros((0, 1), int), 3, in_default=np.full((1, 3), 0.6))
    cash = simulated(empty, FixedMoves(np.zeros((0, 4, 6))), np.zeros((2, 3)))
    # 0.6, 1.2 and 1.8 to date
    assert cash.total("recovered_amount").tolist() == [[1, 0, 1]] * 2
    assert not cash.total("balance").any()
    one = simulated(same_plan(1), simple_moves(), np.zeros((500, 6)))
    assert set(np.unique(one.total("principal_amount")[:, 0])) == {0, 100}
    short = simulated(same_plan(50), simple_moves(), np.zeros((100, 1)))
    assert (short.total("balance") > 0).all()


def test_refused():
    loans = same_plan(2)
    with pytest.raises(ValueError, match=r"\(n_paths, H\) with H in 1..6"):
        simulated(loans, simple_moves(), np.zeros((2, 7)))
    with pytest.raises(ValueError, match="seed"):
        simulated(loans, simple_moves(), np.zeros((2, 6)), seed=-1)
    with pytest.raises(ValueError, match="lgd_factor must be >= 0"):
        simulated(loans, simple_moves(), np.zeros((2, 6)), lgd_factor=-1)

"""Luck of what comes after a default: past workouts drawn anew, of the mean that is expected."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from open_loan_pools import FixedMoves, odd_pool, pool, with_workouts

from riskkit import arrears, provisions, runoff, synthetic
from riskkit.runoff import LoansInDefault
from riskkit.runoff.drawn_recoveries import all_or_nothing, scattered, workout_pattern

DAY = pd.Timestamp("2024-12-31")
N_PATHS = 2_000


def sure_default(n_months=4, **given):
    """A loan that owes 300 and defaults in the first month, as half of it is expected back."""
    moves = np.zeros((1, 4, 6))
    moves[0, :, 4] = 1
    known = {"recovered_rate": np.full((1, n_months), 0.5), "recovery_lags": np.array([0.8, 0.2])}
    return pool([[300, 0]], [[0, 310]], n_months, **(known | given)), FixedMoves(moves)


def recovered(loans, moves, n_paths=N_PATHS, **given):
    climate = np.zeros((n_paths, loans.n_months))
    cash = runoff.simulated_cash(loans, moves, climate, DAY, seed=1, **given)
    return cash.total("recovered_amount")


def courses(cash):
    rows, n = np.unique(cash, axis=0, return_counts=True)
    return dict(zip(map(tuple, rows.tolist()), n.tolist(), strict=True))


def about(n, share):
    """Within four standard errors of a binomial count."""
    return pytest.approx(share * n, abs=4 * (share * (1 - share) * n) ** 0.5)


def test_a_default_repeats_a_past_workout_of_the_mean_expected():
    # of 0.4 and 0.1 on average; 150 are expected, 120 of them in the first month after
    workouts = np.array([[0.8, 0.0], [0.0, 0.2]])
    found = courses(recovered(*sure_default(workouts=workouts)))
    assert set(found) == {(0, 240, 0, 0), (0, 0, 60, 0)}
    assert found[0, 240, 0, 0] == about(N_PATHS, 0.5)
    # in another unit they scatter alike
    assert courses(recovered(*sure_default(workouts=7 * workouts))) == found


def test_months_not_watched_and_months_of_nothing_bring_their_mean():
    workouts = np.array([[0.8, np.nan], [0.0, 0.0]])
    found = courses(recovered(*sure_default(workouts=workouts)))
    assert set(found) == {(0, 240, 30, 0), (0, 0, 30, 0)}
    # workouts watched for less long than cash comes
    found = courses(recovered(*sure_default(workouts=workouts[:, :1])))
    assert set(found) == {(0, 240, 30, 0), (0, 0, 30, 0)}


def test_all_or_nothing_is_paid_where_no_workout_is_known():
    found = courses(recovered(*sure_default()))
    assert set(found) == {(0, 300, 0, 0), (0, 0, 300, 0), (0, 0, 0, 0)}
    assert found[0, 300, 0, 0] == about(N_PATHS, 0.4)
    assert found[0, 0, 300, 0] == about(N_PATHS, 0.1)
    # what comes beyond the last month is not paid in it
    loans, moves = sure_default(2)
    assert set(courses(recovered(loans, moves))) == {(0, 300), (0, 0)}
    assert not recovered(*sure_default(1)).any()
    assert not recovered(*sure_default(recovery_lags=np.zeros(0))).any()


def test_no_cash_of_a_mean_scatters_more_than_all_or_nothing():
    drawn = np.random.default_rng(1).random(20_000)
    means, owed = np.full((20_000, 2), [20.0, 10.0]), np.full(20_000, 100.0)
    paid = all_or_nothing(means, owed, drawn)
    assert set(np.unique(paid)) == {0, 100}
    assert (paid.sum(axis=1) <= 100).all()
    np.testing.assert_allclose(paid.mean(axis=0), [20, 10], rtol=0.06)
    # more expected than is owed: then that, for sure
    assert (all_or_nothing(means, owed / 10, drawn).sum(axis=1) == 30).all()
    assert not all_or_nothing(0 * means, owed, drawn).any()
    assert all_or_nothing(np.zeros((0, 2)), np.zeros(0), np.zeros(0)).shape == (0, 2)


@pytest.mark.parametrize("seed", range(4))
def test_patterns_are_on_average_the_lags(seed):
    loans, _ = odd_pool(seed)
    loans = with_workouts(loans, seed)
    lags = np.array([0.4, 0.3, 0.2, 0.1])
    pattern = workout_pattern(loans.workouts, lags)
    np.testing.assert_allclose(pattern.mean(axis=0), lags)
    assert (pattern[:, 3] == 0.1).all()
    assert (pattern >= 0).all()
    np.testing.assert_allclose(scattered(loans.workouts).mean(axis=0), 1)


def test_what_comes_before_a_default_does_not_depend_on_what_comes_after():
    loans, moves = odd_pool(5, n_loans=30)
    climate = np.random.default_rng(0).normal(0, 1, (130, loans.n_months))
    one, other = (
        runoff.simulated_cash(some, moves, climate, DAY, seed=3)
        for some in (loans, with_workouts(loans, 5))
    )
    for name in set(runoff.AMOUNTS) - {"recovered_amount"}:
        assert (one.amounts[name] == other.amounts[name]).all(), name
    assert (one.amounts["recovered_amount"] != other.amounts["recovered_amount"]).any()


def gone_loans(**given):
    """Two loans in default and nothing else: one repeats a pool, the other all or nothing."""
    known = {
        "group": np.array([0, 0]),
        "owed": np.array([500.0, 1_000.0]),
        "cash": np.array([[100.0, 50.0], [0.0, 250.0]]),
        "pool": np.array([0, -1]),
        "pools": [np.array([[3.0, 0.0], [0.0, 1.0], [0.0, 0.0]])],
    }
    gone = LoansInDefault(**(known | given))
    none = np.zeros((0, 1), dtype=int)
    return pool(none, none, 2, in_default=gone.sums(1), gone=gone), FixedMoves(np.zeros((0, 4, 6)))


def test_loans_in_default_repeat_those_that_were_where_they_are():
    found = courses(recovered(*gone_loans()))
    # 300 and nothing, 0 and 150, or nothing; and 0 or 1,000 in the second month
    assert set(found) == {(a, b + c) for a, b in ((300, 0), (0, 150), (0, 0)) for c in (0, 1_000)}
    for (first, second), n in found.items():
        # 0.75 pays nothing
        assert n == about(N_PATHS, (0.25 if second >= 1_000 else 0.75) / 3), (first, second)


def test_a_factor_of_losses_leaves_loans_in_default_their_luck():
    loans, moves = gone_loans()
    loans = replace(
        loans, in_default_owed=np.array([1_500.0]), in_default_loss=np.array([[900.0, 0.0, 0.0]])
    )
    # 60 % is lost, then 90 %: a quarter of what came before comes still
    paid = recovered(loans, moves, lgd_factor=1.5)
    assert set(paid[:, 0].tolist()) == {0, 75}
    assert paid.sum(axis=1).max() == 1_000 + 75
    np.testing.assert_allclose(paid.mean(axis=0), [25, 75], rtol=0.15)
    assert not recovered(loans, moves, lgd_factor=2.0).any()


def test_loans_in_default_are_told_apart_and_joined():
    loans, moves = gone_loans()
    both, cells = runoff.joined((loans, pd.DataFrame()), (loans, pd.DataFrame()))
    assert both.gone.pool.tolist() == [0, -1, 1, -1]
    assert recovered(both, moves)[:, 1].max() == 2 * 1_150
    assert len(cells) == 0
    alone = replace(loans, gone=None)
    either, _ = runoff.joined((alone, cells), (loans, cells))
    # of the sum of the one nothing but its mean is known
    assert either.gone is None
    again = loans.grouped({})
    assert (again.gone.group == 0).all()
    assert (recovered(again, moves) == recovered(loans, moves)).all()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"owed": np.zeros(1)}, "owed must have 2 entries, got 1"),
        ({"pool": np.array([0, 1])}, "pool must be -1 or a position in 1 pools"),
        ({"pools": [np.zeros((0, 2))]}, "pools must hold a workout each"),
    ],
)
def test_loans_in_default_refuse_what_does_not_fit(given, told):
    with pytest.raises(ValueError, match=told):
        gone_loans(**given)


def test_open_loans_refuse_workouts_that_do_not_fit():
    loans, _ = gone_loans()
    with pytest.raises(ValueError, match="gone must bring what in_default says"):
        replace(loans, in_default=loans.in_default + 5)
    with pytest.raises(ValueError, match="workouts must be shares >= 0"):
        replace(loans, workouts=np.array([[-0.1]]))


# --- workouts of a panel ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lender():
    portfolio = synthetic.simulate(synthetic.Lender(), 6_000, 4)
    day = synthetic.Lender().observed_to
    model = provisions.fit_losses(portfolio.performance, portfolio.applications, day)
    return portfolio, model, arrears.book_at(portfolio.performance, portfolio.applications, day)


def plain_workouts(panel):
    """Cash by month after the first default as shares of what was owed, loan by loan."""
    last = panel["month_end"].max()
    found = {}
    ever = panel.loc[panel["dpd"] > 90, "loan_id"].unique()
    for loan, rows in panel[panel["loan_id"].isin(ever)].groupby("loan_id"):
        bad = rows[rows["dpd"] > 90]
        if bad["balance"].iloc[0] == 0:
            continue
        when = bad["month_end"].iloc[0]
        watched = (last.year - when.year) * 12 + last.month - when.month
        if watched < 12:
            continue
        cash = (rows["paid_amount"] + rows["recovered_amount"]).to_numpy()
        mob = rows["mob"].to_numpy() - bad["mob"].iloc[0]
        found[loan] = [
            float(cash[mob == lag].sum() / bad["balance"].iloc[0]) for lag in range(1, watched + 1)
        ]
    return found


def test_workouts_of_a_panel_are_those_of_its_loans(lender):
    portfolio, model, _ = lender
    workouts = model.lgd.default_workouts
    plain = plain_workouts(portfolio.performance)
    assert workouts.shape == (1_000, max(map(len, plain.values())))
    of_plain = {tuple(np.round(course, 9)) for course in plain.values()}
    of_fit = {tuple(np.round(row[~np.isnan(row)], 9)) for row in workouts}
    assert of_fit <= of_plain
    assert len(of_fit) > 0.9 * len(of_plain)
    # by balances: over the months that all were watched, what came of all that was owed
    first = portfolio.performance.query("dpd > 90").groupby("loan_id")["balance"].first()
    owed = first.loc[list(plain)].to_numpy(float)
    mean = np.average([course[:12] for course in plain.values()], axis=0, weights=owed)
    np.testing.assert_allclose(workouts[:, :12].mean(axis=0), mean, atol=0.002)


def test_open_loans_of_a_book_know_workouts_of_the_mean_expected(lender):
    _, model, book = lender
    kinds = provisions.kinds_of(lender[0].applications, None)
    loans, cells = runoff.open_loans(book, model, kinds, n_months=12)
    assert len(loans.workouts) == 1_000
    gone = loans.gone
    np.testing.assert_allclose(gone.sums(1), loans.in_default)
    brings = book.loc[book["state"] == 4].iloc[: len(gone.pool)]
    assert len(brings) >= len(gone.pool) > 20
    pool_of, pools = model.lgd.workouts_of(book)
    assert (pool_of[(book["state"] < 4).to_numpy()] == -1).all()
    assert len(pools) == len(gone.pools) > 1
    # charged off: those of at least as few months since as any group begins with
    off = book["months_since_charge_off"].notna().to_numpy()
    keys = [key for key in model.lgd.workouts if key[0] == "charged off"]
    lows = [low for _, low in keys]
    since = book["months_since_charge_off"][off].to_numpy()
    wanted = [max((low for low in lows if low <= months), default=lows[0]) for months in since]
    places = [key for key in model.lgd.workouts if key[0] != "first default"]
    assert [places[place][1] for place in pool_of[off]] == wanted
    moves = arrears.ChainMoves(model.chain, cells, 12)
    came = recovered(loans, moves, 1_500)
    ahead = runoff.expected_cash(loans, moves, climate=np.zeros(12), day=DAY)
    error = came.std(axis=0) / 1_500**0.5
    gap = came.mean(axis=0) - ahead.total("recovered_amount")[0]
    assert (np.abs(gap) < 4 * error).all()


def test_few_defaults_know_no_workouts():
    portfolio = synthetic.simulate(synthetic.Lender(), 400, 4)
    model = provisions.fit_losses(
        portfolio.performance, portfolio.applications, synthetic.Lender().observed_to
    )
    assert model.lgd.workouts == {}
    assert model.lgd.default_workouts.shape == (0, 0)

"""Which features a card carries: those that loans support which did not choose their bins."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit

from riskkit.binning import WoeBinner, cross_fitted
from riskkit.scorecard import NoFeatureLeft, Scorecard
from riskkit.scorecard.choice import (
    Loans,
    backward,
    choice_table,
    chosen_again,
    fewest_by_loss,
    one_sided,
)
from riskkit.scorecard.regression import Fit, fit_bounded, refit_bounded

NAMES = ["strong", "weak", "noise", "levels", "copy"]


def lender(seed, n=4_000):
    """Two features that tell, noise of two kinds, and a worse copy of the strongest."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n, 3)), columns=["strong", "weak", "noise"])
    y = (rng.random(n) < expit(-2.2 - X["strong"] - 0.35 * X["weak"])).astype(int).to_numpy()
    X["levels"] = rng.integers(0, 40, n).astype(str)
    X["copy"] = X["strong"] + rng.normal(size=n)
    return X, y


@pytest.fixture(scope="module")
def fitted():
    X, y = lender(1)
    return X, y, Scorecard(WoeBinner(min_bads=5)).fit(X, y)


def log_likelihood(woe, y, fit, weight=1.0):
    logit = fit.intercept + woe @ fit.coefficients
    return float((weight * (y * logit - np.logaddexp(0, logit))).sum())


def loans(seed=2, n=2_000, weight=None, penalty=0.0):
    """WoE as it would be, one column of the wrong sign, and five folds."""
    rng = np.random.default_rng(seed)
    woe = pd.DataFrame(rng.normal(size=(n, 4)), columns=["strong", "weak", "noise", "wrong"])
    logit = -1.5 - woe["strong"] - 0.2 * woe["weak"] + 0.4 * woe["wrong"]
    y = (rng.random(n) < expit(logit)).astype(float).to_numpy()
    return Loans(woe, y, weight, np.arange(n) % 5, penalty)


def test_a_card_carries_what_tells_and_says_why_not_the_rest(fitted):
    X, y, card = fitted
    assert set(card.coefficients_.index) == {"strong", "weak"}
    assert {"noise", "levels", "copy"} == set(card.dropped_)
    every = Scorecard(card.binner_, max_p_value=None).fit(X, y)
    assert len(every.coefficients_) > 2
    assert len(every.choice_) == 0
    table = card.choice_
    assert table.index[table["on_card"]].tolist() == ["strong", "weak"]
    assert table["dropped_as"].dropna().tolist() == [1, 2, 3]
    assert (table.loc[table["on_card"], "p_value"] <= 0.05).all()
    off = table[~table["on_card"]]
    assert (off["p_value"] > 0.05).all()
    for name, p_value in off["p_value"].items():
        text = card.dropped_[name]
        assert text == f"not supported, p = {p_value:.2g}" or text.startswith("wrong sign")
    # the strongest brings something beyond doubt, noise nothing beyond it
    assert table.at["strong", "gain_low"] > 0
    assert (off["gain_low"] < 0).all()
    assert (table["gain_low"] < table["gain_high"]).all()


def test_what_is_on_the_card_is_saved_with_what_speaks_for_it(fitted):
    X, _, card = fitted
    loaded = Scorecard.from_json(card.to_json())
    pd.testing.assert_frame_equal(loaded.choice_, card.choice_)
    assert loaded.dropped_ == card.dropped_
    np.testing.assert_array_equal(loaded.credit_score(X), card.credit_score(X))


def test_the_order_of_rows_and_features_changes_nothing(fitted):
    X, y, card = fitted
    order = np.random.default_rng(3).permutation(len(X))
    again = Scorecard(card.binner_, features=NAMES[::-1]).fit(X.iloc[order], y[order])
    pd.testing.assert_frame_equal(
        again.choice_.loc[card.choice_.index], card.choice_, rtol=1e-6, atol=1e-9
    )


def test_noise_stays_off_at_the_stated_level():
    """The study `noise_card` counts more seeds; here enough to see a test that does nothing."""
    kept = {"noise": 0, "levels": 0}
    for seed in range(24):
        rng = np.random.default_rng(seed)
        X = pd.DataFrame(rng.normal(size=(1_000, 2)), columns=["tells", "noise"])
        X["levels"] = rng.integers(0, 20, len(X)).astype(str)
        y = (rng.random(1_000) < expit(-2 - X["tells"])).astype(int).to_numpy()
        limits = {"min_bads": 5, "infeasible": "one_bin", "trend": {"noise": "ascending"}}
        card = Scorecard(WoeBinner(**limits)).fit(X, y)
        for name in kept:
            kept[name] += name in card.coefficients_.index
    assert max(kept.values()) <= stats.binom.ppf(0.999, 24, 0.05)


def test_other_draws_choose_what_tells_again(fitted):
    X, y, card = fitted
    again = card.choice_["chosen_again"]
    assert (again[["strong", "weak"]] > 0.95).all()
    # of a feature in doubt: its root, and that which it takes, differ by a normal deviate
    unseen = cross_fitted(card.binner_, X, y)
    tested = Loans(unseen.woe, y.astype(float), None, unseen.fold, by_chance=unseen.chance_scores)
    _, dropped = backward(tested, NAMES, 0.05)
    for name in ("noise", "levels"):
        root = np.sqrt(dropped.at[name, "statistic"])
        taken = np.sqrt(tested.least_statistic(name, 0.05))
        assert again[name] == pytest.approx(stats.norm.cdf(root - taken), abs=0.1)
    # as often as new loans would choose a feature that is in doubt
    rows = [loans(seed, n=1_500) for seed in range(40)]
    fresh = np.mean(["weak" in backward(some, list(some.woe), 0.02)[0] for some in rows])
    told = [chosen_again(some, list(some.woe), 0.02)["weak"] for some in rows[:8]]
    assert 0.2 < fresh < 0.95
    assert np.mean(told) == pytest.approx(fresh, abs=0.25)


def test_resamples_of_a_card_by_loss_hold_as_many_features(fitted):
    X, y, card = fitted
    by_loss = Scorecard(card.binner_, max_features=2).fit(X, y)
    again = by_loss.choice_["chosen_again"]
    assert again.sum() <= 2 + 1e-9
    assert again[by_loss.coefficients_.index].min() > 0.8


@pytest.mark.parametrize("weighted", [False, True])
def test_the_statistic_is_that_of_two_fits(weighted):
    weight = np.random.default_rng(4).integers(1, 4, 2_000).astype(float) if weighted else None
    found = loans(weight=weight)
    left, dropped = backward(found, list(found.woe), 0.05)
    assert left == ["strong", "weak"]
    assert dropped.loc["wrong"].tolist() == [0.0, 1.0]
    counted = 1.0 if weight is None else weight
    both = {}
    for names in (["strong", "weak", "noise"], ["strong", "weak"]):
        columns = found.woe[names].to_numpy()
        fit = fit_bounded(columns, found.y, weight)
        both[len(names)] = log_likelihood(columns, found.y, fit, counted)
    if "noise" in dropped.index and dropped.at["noise", "statistic"] > 0:
        expected = 2 * (both[3] - both[2])
        assert dropped.at["noise", "statistic"] == pytest.approx(expected, abs=1e-4)
        # folds share loans
        assert dropped.at["noise", "p_value"] == pytest.approx(
            stats.chi2.sf(expected / 2, 1) / 2, rel=1e-3
        )
    assert one_sided(0.0) == 1.0


def test_in_doubt_chance_is_asked_and_only_then():
    asked = []

    def by_chance(name):
        asked.append(name)
        return np.linspace(-2, 3, 199)

    found = replace(loans(), by_chance=by_chance)
    # a root of 2: 40 of 199 reach it
    assert found.p_value("weak", 4.0) == pytest.approx(41 / 200)
    assert found.p_value("weak", 4.1) < found.p_value("weak", 4.0)
    assert asked == ["weak"]
    for statistic in (0.0, 0.5, 30.0):
        assert found.p_value("strong", statistic) == one_sided(statistic / 2)
    assert asked == ["weak"]
    # the statistic that is just enough at a level
    for level in (0.05, 0.2):
        least = found.least_statistic("weak", level)
        assert found.p_value("weak", least * (1 + 1e-9)) <= level * (1 + 1e-9)
        assert found.p_value("weak", least * 0.9) > level
    # more than anything counted, and a level finer than the count
    assert found.p_value("weak", 3.9**2) == one_sided(3.9**2 / 2) < 1 / 200
    assert found.least_statistic("weak", 0.001) == found.least_statistic("strong", 0.001)
    assert found.least_statistic("weak", 1.0) == 0


def test_gains_are_losses_of_rows_that_a_fit_has_not_seen():
    found = loans()
    left, dropped = backward(found, list(found.woe), 0.05)
    again = chosen_again(found, list(found.woe), 0.05)
    table = choice_table(found, left, dropped, again)
    assert table["chosen_again"].equals(again[table.index])

    def loss(names):
        rows = np.empty(len(found.y))
        for k in range(5):
            own = found.fold == k
            columns = found.woe[names].to_numpy()
            fit = fit_bounded(columns[~own], found.y[~own], None)
            logit = fit.intercept + columns[own] @ fit.coefficients
            rows[own] = np.logaddexp(0, logit) - found.y[own] * logit
        return rows

    for name in table.index:
        fewer = [other for other in left if other != name]
        gained = loss(fewer) - loss([*fewer, name] if name not in left else left)
        row = table.loc[name]
        assert row["gain"] == pytest.approx(gained.mean(), abs=1e-6)
        half = 1.96 * gained.std() / np.sqrt(len(gained))
        assert row["gain_high"] - row["gain"] == pytest.approx(half, rel=1e-3)


def test_what_others_say_or_nobody_can_tell_changes_no_other_share(fitted):
    X, y, card = fitted
    alone = card.choice_["chosen_again"]
    # in a bin of its own on all loans, and in none of those of four folds
    bad, good = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    flag = np.zeros(len(X))
    flag[[*bad[50:90], *good[50:400]]] = 1.0
    more = X.assign(flag=flag, twin=2 * X["strong"])
    groups = np.arange(len(X))
    plain = Scorecard(WoeBinner(min_bads=5)).fit(X, y, groups=groups).choice_["chosen_again"]
    found = Scorecard(WoeBinner(min_bads=40)).fit(more.drop(columns="twin"), y, groups=groups)
    assert found.dropped_["flag"] == "one bin only, on loans that did not choose it"
    assert abs(found.choice_["chosen_again"] - plain).max() < 0.1
    twins = Scorecard(WoeBinner(min_bads=5)).fit(more.drop(columns="flag"), y, groups=groups)
    pd.testing.assert_series_equal(twins.choice_["chosen_again"], plain)
    assert twins.dropped_["twin"] == "says nothing that the others do not say"
    assert alone["strong"] == 1


def test_weights_that_are_parts_of_a_row_and_any_order_give_one_card(fitted):
    X, y, _ = fitted
    weight = np.random.default_rng(5).uniform(0.2, 3, len(X))
    levels = X[["levels"]].assign(group=np.where(X["strong"] > 0, "a", "b"))
    order = np.random.default_rng(6).permutation(len(X))
    binner = WoeBinner(min_bads=0)
    one = Scorecard(binner, max_p_value=1.0).fit(levels, y, weight)
    two = Scorecard(binner, max_p_value=1.0).fit(levels.iloc[order], y[order], weight[order])
    assert two.coefficients_.to_dict() == pytest.approx(one.coefficients_.to_dict())
    pd.testing.assert_frame_equal(one.choice_, two.choice_)
    light = Scorecard(binner).fit(X, y, np.full(len(X), 0.25))
    whole = Scorecard(binner).fit(X, y)
    pd.testing.assert_series_equal(light.choice_["p_value"], whole.choice_["p_value"], rtol=1e-3)


def test_what_is_no_cross_fit_of_these_rows_is_named(fitted):
    X, y, card = fitted
    unseen = cross_fitted(card.binner_, X, y, features=["strong", "weak"])
    with pytest.raises(ValueError, match="unseen lacks the features"):
        Scorecard(card.binner_).fit(X, y, unseen=unseen)
    with pytest.raises(TypeError, match="unseen must be a CrossFitted"):
        Scorecard(card.binner_).fit(X, y, unseen=unseen.woe)
    with pytest.raises(ValueError, match="unseen"):
        Scorecard(card.binner_, features=["strong"]).fit(X[1:], y[1:], unseen=unseen)
    given = Scorecard(card.binner_, features=["strong", "weak"]).fit(X, y, unseen=unseen)
    weight = np.where(np.arange(len(X)) < 3_500, 1.0, 0.0)
    some = Scorecard(card.binner_, features=["strong", "weak"]).fit(X, y, weight, unseen=unseen)
    assert len(some.coefficients_) == len(given.coefficients_)


def test_what_must_stay_stays_and_says_so():
    X, y = lender(5)
    given = {"copy": "the old card had it", "levels": "so had it this"}
    card = Scorecard(WoeBinner(min_bads=5), keep=given).fit(X, y)
    assert "copy" in card.coefficients_.index
    assert card.choice_.at["copy", "on_card"]
    # no reason gives points to a feature of the wrong sign
    assert card.dropped_["levels"].startswith("wrong sign on loans")
    assert not card.choice_.at["levels", "on_card"]
    assert card.choice_.at["levels", "chosen_again"] < 1
    with pytest.raises(ValueError, match="keep"):
        Scorecard(keep={"nobody": "why not"}).fit(X, y)


def test_a_card_by_loss_has_at_most_so_many_features(fitted):
    X, y, card = fitted
    for most in (1, 3):
        found = Scorecard(card.binner_, max_features=most).fit(X, y)
        assert 1 <= len(found.coefficients_) <= most
        assert found.coefficients_.index[0] == "strong"
    rows = loans()
    _, dropped = backward(rows, list(rows.woe), None)
    assert "wrong" not in fewest_by_loss(rows, dropped, 4)
    assert fewest_by_loss(rows, dropped, 1) == ["strong"]


def test_a_feature_beyond_any_doubt_is_on_the_card_by_loss():
    """Its p-value is 0 to a float, which ends no search for the order of all."""
    rng = np.random.default_rng(12)
    woe = pd.DataFrame(rng.normal(size=(20_000, 2)), columns=["strong", "weak"])
    y = (rng.random(20_000) < expit(-1 - 2 * woe["strong"] - 0.1 * woe["weak"])).astype(float)
    rows = Loans(woe, y.to_numpy(), None, np.arange(20_000) % 5)
    _, dropped = backward(rows, list(woe), None)
    assert dropped.at["strong", "p_value"] == 0
    assert dropped.index.tolist() == ["weak", "strong"]
    assert fewest_by_loss(rows, dropped, 1) == ["strong"]


def test_the_same_customers_loans_stay_in_one_fold(fitted):
    X, y, card = fitted
    once = Scorecard(card.binner_, max_p_value=0.3).fit(X, y)
    groups = np.arange(len(X)) // 4
    grouped = Scorecard(card.binner_, max_p_value=0.3).fit(X, y, groups=groups)
    assert (once.choice_["gain"] - grouped.choice_["gain"]).abs().max() > 0
    weight = np.where(np.arange(len(X)) < 3_000, 1.0, 0.0)
    some = Scorecard(card.binner_).fit(X, y, weight, groups=groups)
    part = Scorecard(card.binner_).fit(X[:3_000], y[:3_000], groups=groups[:3_000])
    pd.testing.assert_frame_equal(some.choice_, part.choice_)


def test_a_card_that_nothing_supports_says_so():
    rng = np.random.default_rng(6)
    X = pd.DataFrame({"noise": rng.normal(size=500)})
    y = (rng.random(500) < 0.2).astype(int)
    with pytest.raises(NoFeatureLeft, match=r"that the loans support at p ≤ 0\.05"):
        Scorecard(WoeBinner(min_bads=5)).fit(X, y)
    with pytest.raises(ValueError, match="two goods and two bads"):
        Scorecard(penalty=0.1).fit(X.mask(np.arange(500)[:, None] < 9), np.eye(1, 500).ravel())


@pytest.mark.parametrize(
    ("settings", "text"),
    [({"max_features": 0}, "max_features must be at least 1"), ({"n_folds": 1}, "n_folds must be")],
)
def test_settings_out_of_range_are_named(settings, text):
    with pytest.raises(ValueError, match=text):
        Scorecard(**settings).fit(*lender(7, n=200))


def test_new_loans_judge_each_feature(fitted):
    X, y, card = fitted
    new_X, new_y = lender(8)
    held = card.held_out(X, y, new_X, new_y)
    assert held.index.tolist() == list(card.coefficients_.index)
    assert held["sign_holds"].all()
    assert held.at["strong", "new_gain_low"] > 0
    turned = card.held_out(X, y, new_X.assign(weak=-new_X["weak"]), new_y)
    assert not turned.at["weak", "sign_holds"]
    assert turned.at["weak", "new_gain"] < 0
    # by hand: the same bins, fitted anew without the feature
    names = list(card.points_)
    others = [name for name in names if name != "strong"]
    woe, new_woe = card.binner_.transform(X), card.binner_.transform(new_X)
    losses = []
    for used in (others, names):
        fit = fit_bounded(woe[used].to_numpy(), y.astype(float), None)
        logit = fit.intercept + new_woe[used].to_numpy() @ fit.coefficients
        losses.append((np.logaddexp(0, logit) - new_y * logit).mean())
    assert held.at["strong", "new_gain"] == pytest.approx(losses[0] - losses[1], abs=1e-7)


# --- the fit beneath ---------------------------------------------------------------------------


@pytest.mark.parametrize("penalty", [0.0, 0.02])
@pytest.mark.parametrize("weighted", [False, True])
def test_newtons_steps_end_where_the_bounded_fit_does(weighted, penalty):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        woe = rng.normal(size=(800, 5)) * 0.7
        slopes = rng.normal(-0.3, 0.8, 5)  # some of them above 0
        y = (rng.random(800) < expit(-1.5 + woe @ slopes)).astype(float)
        weight = rng.integers(1, 4, 800).astype(float) if weighted else None
        expected = fit_bounded(woe, y, weight, penalty)
        for start in (Fit(0.0, np.zeros(5)), Fit(-1.0, np.full(5, -3.0))):
            found = refit_bounded(start, woe, y, weight, penalty)
            assert (found.coefficients <= 0).all()
            np.testing.assert_allclose(found.coefficients, expected.coefficients, atol=2e-4)
            assert found.intercept == pytest.approx(expected.intercept, abs=2e-4)


def test_columns_that_say_the_same_have_one_sum():
    rng = np.random.default_rng(9)
    woe = rng.normal(size=(500, 1))
    y = (rng.random(500) < expit(-1 - woe[:, 0])).astype(float)
    one = refit_bounded(Fit(-1.0, np.zeros(1)), woe, y, None)
    two = refit_bounded(Fit(-1.0, np.zeros(2)), np.hstack([woe, woe]), y, None)
    assert two.coefficients.sum() == pytest.approx(one.coefficients[0], rel=1e-3)
    none = refit_bounded(Fit(-1.0, np.zeros(0)), np.empty((500, 0)), y, None)
    assert expit(none.intercept) == pytest.approx(y.mean(), rel=1e-4)

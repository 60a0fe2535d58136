"""The challenger's settings, its calibrations, and what its trees have learned."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pandas as pd
import pytest
import studies
from scipy import stats
from scipy.special import expit, logit
from studies import nested_trees

from riskkit.binning import WoeBinner
from riskkit.challenger import Challenger, partial_dependence, search
from riskkit.challenger.calibration import (
    Isotonic,
    Platt,
    calibration_from,
    fit_calibration,
)
from riskkit.challenger.directions import contrary_gain
from riskkit.schema import Feature
from riskkit.scorecard import Scorecard, ScoreScale
from riskkit.target import deal_folds, group_numbers

NAN = float("nan")
FAST = {"learning_rate": 0.2, "patience_rounds": 5}
SPECIAL = {"inquiries": [-9.0, -8.0]}


def borrowers(n, seed):
    """Rows and labels: numbers, a feature with special codes, text with gaps."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "pressure": rng.normal(size=n),
            "inquiries": rng.poisson(2, n).astype(float),
            "job": rng.choice(["clerk", "driver", "farmer"], n),
        }
    )
    odds = -1.0 + 0.3 * X["inquiries"] + X["pressure"] + 0.5 * (X["job"] == "driver")
    code = rng.choice([0.0, -9.0, -8.0], n, p=[0.8, 0.15, 0.05])
    X["inquiries"] = np.where(code < 0, code, X["inquiries"])
    X.loc[rng.random(n) < 0.1, "pressure"] = np.nan
    X.loc[rng.random(n) < 0.1, "job"] = None
    odds = odds.fillna(-1.0) + 1.5 * (code == -9)
    return X, (rng.random(n) < expit(odds)).astype(int).to_numpy()


@pytest.fixture(scope="module")
def rows():
    return borrowers(4000, 5)


@pytest.fixture(scope="module", params=["platt", "isotonic"])
def model(request, rows):
    trends = {"inquiries": "ascending", "pressure": "ascending"}
    return Challenger(trends, special_codes=SPECIAL, calibration=request.param, **FAST).fit(*rows)


# -- settings --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def few():
    X, y = borrowers(1200, 6)
    return X, y, np.random.default_rng(0).choice([0.5, 1.0, 3.0], 1200)


TWO = {"n_leaves": 2.0, "feature_share": 0.6}


@pytest.mark.parametrize("weighted", [False, True])
def test_settings_are_compared_loan_by_loan(few, weighted):
    X, y, weight = few
    given = weight if weighted else None
    table = search(Challenger(seed=2, n_leaves=4, **FAST), X, y, given, steps=TWO).settings
    assert table.index.tolist() == list(range(1, len(table) + 1))
    assert table.index.name == "setting"
    assert list(table.columns[:3]) == ["n_leaves", "feature_share", "learning_rate"]
    assert (table["n_leaves"].iloc[0], table["feature_share"].iloc[0]) == (4, 1.0)
    assert set(table["folds"]) == {2, 4}
    losses = []
    for row in table.itertuples():
        one = Challenger(seed=2, n_leaves=row.n_leaves, feature_share=row.feature_share, **FAST)
        learning = one._learn(X, y, given)
        crossed = one._cross(learning, row.folds)
        assert np.isnan(crossed.raw[learning.fold >= row.folds]).all()
        bad = expit(crossed.raw)
        losses.append(-np.where(learning.y == 1, np.log(bad), np.log1p(-bad)))
        seen = learning.fold < row.folds
        mean = np.average(losses[-1][seen], weights=learning.weight[seen])
        assert row.n_rounds == crossed.n_rounds
        assert row.log_loss == pytest.approx(mean)
    (best,) = np.flatnonzero(table["chosen"])
    assert table["folds"].iloc[best] == 4
    assert table["log_loss"].iloc[best] == table.loc[table["folds"] == 4, "log_loss"].min()
    for loss, found in zip(losses, table.itertuples(), strict=True):
        seen = learning.fold < found.folds
        share = learning.weight[seen] / learning.weight[seen].sum()
        apart = (loss - losses[best])[seen]
        assert found.excess == pytest.approx(share @ apart, abs=1e-12)
        half = 1.96 * np.sqrt((share**2 * (apart - share @ apart) ** 2).sum())
        assert found.excess_low == pytest.approx(found.excess - half, abs=1e-12)
        assert found.excess_high == pytest.approx(found.excess + half, abs=1e-12)
        if not weighted:
            assert half == pytest.approx(1.96 * apart.std() / np.sqrt(len(apart)))


@pytest.fixture
def raced(few, monkeypatch):
    """A race over losses that a test makes up, and what was measured: setting and folds."""
    from riskkit.challenger import settings

    X, y = few[0].head(400), np.tile([0, 0, 0, 1], 100)  # folds of one size
    log = []

    def race(loss, steps, n_rounds=lambda setting: 7, **parameters):
        def measured(challenger, learning, setting, n_folds):
            log.append(({name: setting[name] for name in steps}, n_folds))
            losses = np.array([loss(setting, fold) for fold in learning.fold], dtype=float)
            seen = learning.fold < n_folds
            losses[~seen] = np.nan
            return settings.Tried(setting, n_folds, n_rounds(setting), losses, losses[seen].mean())

        monkeypatch.setattr(settings, "measure", measured)
        return search(Challenger(**parameters), X, y, steps=steps), log

    return race


def test_a_race_goes_on_where_its_best_lies_on_an_edge(raced):
    found, log = raced(lambda setting, fold: abs(setting["n_leaves"] - 60), {"n_leaves": 2.0})
    assert found.challenger.n_leaves == 64
    assert type(found.challenger.n_leaves) is int
    # those behind on half of the folds are not measured on all
    assert log == [
        ({"n_leaves": n}, folds)
        for n, folds in [
            (8, 4), (4, 2), (16, 2), (16, 4), (32, 2), (32, 4), (64, 2), (64, 4), (128, 2)
        ]
    ]  # fmt: skip
    assert found.settings["n_leaves"].tolist() == [8, 4, 16, 32, 64, 128]
    assert found.settings["folds"].tolist() == [4, 2, 4, 4, 4, 2]
    assert found.settings["excess"].tolist() == pytest.approx([48, 52, 40, 24, 0, 64])


def test_each_axis_has_its_ladder_and_natural_ends(raced):
    far = {"n_leaves": 2, "min_leaf_rows": 1, "feature_share": 1 / 3}

    def loss(setting, fold):
        return sum(abs(np.log(setting[name] / value)) for name, value in far.items())

    steps = {"n_leaves": 2.0, "min_leaf_rows": 2.5, "feature_share": 0.6}
    found, log = raced(loss, steps, n_leaves=8, min_leaf_rows=50, feature_share=0.9)
    assert {name: found.challenger.get_params()[name] for name in far} == pytest.approx(far)
    assert {setting["n_leaves"] for setting, _ in log} >= {8, 4, 2}
    assert {setting["min_leaf_rows"] for setting, _ in log} >= {125, 50, 20, 8, 3, 1}
    shares = {setting["feature_share"] for setting, _ in log}
    assert shares == {1.0, 0.9, 0.9 * 0.6, 1 / 3}  # a tree of three features has one at least
    assert len(log) == len({(*setting.values(), folds) for setting, folds in log})


@pytest.mark.parametrize(
    "loss",
    [
        lambda setting, fold: 1.0,
        lambda setting, fold: fold * 10.0 if setting["n_leaves"] != 8 else 14.0,
        lambda setting, fold: fold * 10.0 if setting["n_leaves"] != 8 else 15.0,
    ],
)
def test_equals_and_those_ahead_on_half_of_the_folds_alone_win_nothing(raced, loss):
    found, _ = raced(loss, {"n_leaves": 2.0})
    assert found.settings.loc[found.settings["chosen"], "n_leaves"].tolist() == [8]
    assert found.challenger.n_leaves == 8


def test_a_setting_that_boosting_does_not_finish_is_not_taken(raced):
    found, log = raced(
        lambda setting, fold: setting["n_leaves"],
        {"n_leaves": 2.0},
        lambda setting: 2000 if setting["n_leaves"] < 4 else 7,
    )
    assert found.challenger.n_leaves == 4
    assert found.settings.query("n_leaves == 2")["excess"].item() < 0
    assert ({"n_leaves": 2}, 4) not in log


@pytest.mark.parametrize(
    ("n_rounds", "own", "expected"),
    [
        (100, 0.03, 0.03),
        (300, 0.03, 0.03),
        (600, 0.03, 0.06),  # 2,000 rounds at .03
        (1500, 0.03, 0.1),
        (1500, 0.2, 0.2),
    ],
)
def test_the_fit_takes_a_rate_at_which_the_rounds_will_do(raced, n_rounds, own, expected):
    found, _ = raced(lambda *_: 1.0, {}, lambda _: n_rounds, learning_rate=own, patience_rounds=50)
    assert found.challenger.learning_rate == pytest.approx(expected)
    assert found.challenger.patience_rounds == 50
    assert found.settings["learning_rate"].tolist() == [max(own, 0.1)]
    assert found.settings["patience_rounds"].tolist() == [15 if own < 0.1 else 50]


@pytest.mark.parametrize(("enough", "patience"), [(0.2, 8), (0.4, 4)])  # 50 at .03
def test_the_race_raises_its_rate_until_boosting_ends(raced, enough, patience):
    found, _ = raced(lambda *_: 1.0, {}, lambda s: 2000 if s["learning_rate"] < enough else 900)
    assert found.settings["learning_rate"].tolist() == [enough]
    assert found.settings["patience_rounds"].tolist() == [patience]
    assert found.challenger.learning_rate == pytest.approx(0.9 * enough)


def test_rounds_at_their_limit_are_told(few, monkeypatch):
    X, y, _ = few
    monkeypatch.setattr("riskkit.challenger.model.MAX_ROUNDS", 9)
    with pytest.warns(UserWarning, match="still gained after 9 rounds; raise learning_rate, now"):
        model = Challenger(learning_rate=0.01).fit(X, y)
    assert model.n_rounds_ == 9


def test_a_search_does_not_depend_on_threads_rows_order_or_what_was_fitted_before(few):
    X, y, weight = few
    challenger = Challenger(special_codes=SPECIAL, **FAST)
    before = challenger.get_params()
    against = {"found_trends": {"pressure": "descending", "inquiries": "ascending"}}
    against["steps"] = {"n_leaves": 2.0}

    def same(found):
        pd.testing.assert_frame_equal(found.settings, expected.settings)
        pd.testing.assert_frame_equal(found.directions, expected.directions)
        assert found.challenger.get_params() == expected.challenger.get_params()

    expected = search(challenger, X, y, weight, **against)
    assert challenger.get_params() == before
    assert not hasattr(challenger, "feature_names_in_")
    with ThreadPoolExecutor(2) as pool:
        same(search(challenger, X, y, weight, executor=pool, **against))
    back = np.arange(len(X))[::-1]
    same(search(challenger, X.iloc[back], y[back], weight[back], **against))
    fitted = Challenger(special_codes=SPECIAL, **FAST).fit(X, y)
    text = json.dumps(fitted.to_json())
    same(search(fitted, X, y, weight, **against))
    assert json.dumps(fitted.to_json()) == text


def test_settings_tried_at_once_do_not_mix(few, monkeypatch):
    X, y, _ = few
    expected = search(Challenger(**FAST), X, y, steps={"n_leaves": 2.0}).settings
    both, cross = Barrier(2, timeout=30), Challenger._cross

    def together(self, learning, n_folds=None):
        if n_folds == 2 and self.n_leaves in (4, 16):  # the first two neighbours
            both.wait()
        return cross(self, learning, n_folds)

    monkeypatch.setattr(Challenger, "_cross", together)
    with ThreadPoolExecutor(2) as pool:
        found = search(Challenger(**FAST), X, y, steps={"n_leaves": 2.0}, executor=pool).settings
    pd.testing.assert_frame_equal(found, expected)


def test_what_was_found_is_what_a_fit_takes(few):
    X, y, _ = few
    found = search(Challenger(**FAST), X, y)
    row = found.settings[found.settings["chosen"]].iloc[0]
    assert not hasattr(found.challenger, "booster_")
    fitted = found.challenger.fit(X, y)
    for name in ("n_leaves", "min_leaf_rows", "feature_share", "learning_rate"):
        assert getattr(fitted, name) == row[name]
    assert fitted.n_rounds_ == row["n_rounds"]
    alone = search(Challenger(**FAST), X, y, steps={})
    assert alone.settings["chosen"].tolist() == [True]
    assert alone.challenger.get_params() == Challenger(**FAST).get_params() | {"trends": {}}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"steps": {"n_folds": 2.0}}, r"steps may name \['n_leaves', .*got \['n_folds'\]"),
        ({"steps": {"n_leaves": 1.0}}, "a step must be > 0, finite and not 1"),
        ({"steps": {"n_leaves": 0.0}}, "a step must be > 0, finite and not 1"),
        ({"level": 0.0}, r"level must lie in \(0, 1\), got 0.0"),
    ],
)
def test_a_search_is_checked_before_anything_is_fitted(few, monkeypatch, given, message):
    monkeypatch.setattr(Challenger, "_learn", None)
    with pytest.raises(ValueError, match=message):
        search(Challenger(), *few[:2], **given)


# -- directions ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def turning():
    """`turn` is risky or safe as `which` says; the others only rise, or tell nothing."""
    rng = np.random.default_rng(3)
    X = pd.DataFrame(rng.normal(size=(1500, 5)), columns=["which", "turn", "rise", "fall", "idle"])
    odds = 2 * X["turn"] * np.sign(X["which"]) + X["rise"] - X["fall"] - 1
    return X, (rng.random(1500) < expit(odds)).astype(int).to_numpy()


FOUND = {"rise": "ascending", "fall": "descending", "idle": "ascending", "turn": "ascending"}


def test_found_directions_bind_but_those_that_unseen_rows_speak_against(turning):
    X, y = turning
    found = search(Challenger(**FAST), X, y, found_trends=FOUND, steps={})
    table = found.directions
    assert table.index.tolist() == ["none", "turn", "all"]
    assert table["bound"].tolist() == [4, 3, 0]
    assert table["chosen"].tolist() == [False, True, False]
    assert found.challenger.trends == {k: v for k, v in FOUND.items() if k != "turn"}
    free = Challenger(**FAST)
    learning = free._learn(X, y, None)

    def losses(model):
        raw = model._cross(model._learn(X, y, None)).raw
        return np.logaddexp(0, raw) - learning.y * raw

    for trends, row in zip((FOUND, found.challenger.trends), table.itertuples(), strict=False):
        apart = losses(Challenger(trends, **FAST)) - losses(free)
        assert row.excess == pytest.approx(apart.mean())
        test = stats.ttest_1samp(apart, 0, alternative="greater")
        assert row.p_value == pytest.approx(test.pvalue, abs=1e-3)
        assert row.chosen == (row.p_value >= 0.05)
    assert table["excess"].iloc[2] == 0


def test_a_level_that_any_excess_reaches_releases_them_in_doubles(turning):
    X, y = turning
    sure = {"which": "ascending", "turn": "descending"}
    found = search(Challenger(**FAST), X, y, found_trends=FOUND | sure, steps={}, level=0.999999)
    assert found.directions["bound"].tolist() == [5, 4, 3, 1, 0]
    assert found.directions["chosen"].tolist() == [False] * 4 + [True]
    assert found.challenger.trends == {}


def test_stated_directions_bind_whatever_they_cost(turning):
    X, y = turning
    stated = {"turn": "ascending"}
    found = search(
        Challenger(stated, **FAST), X, y, found_trends=FOUND | {"turn": "descending"}, steps={}
    )
    assert found.directions.index.tolist() == ["none", "all"]
    assert found.directions["bound"].tolist() == [3, 0]
    assert found.challenger.trends == FOUND
    for trends, log_loss in zip((FOUND, stated), found.directions["log_loss"], strict=True):
        bound = Challenger(trends, **FAST)
        learning = bound._learn(X, y, None)
        raw = bound._cross(learning).raw
        assert log_loss == pytest.approx((np.logaddexp(0, raw) - learning.y * raw).mean())


def test_what_is_no_direction_is_not_tested(rows, monkeypatch):
    X, y = (part[:600] for part in rows)
    found = search(
        Challenger(**FAST), X, y, found_trends={"pressure": "peak", "job": "ascending"}, steps={}
    )
    assert len(found.directions) == 0
    assert found.challenger.trends == {}
    monkeypatch.setattr(Challenger, "_cross", None)
    with pytest.raises(ValueError, match="found_trends"):
        search(Challenger(**FAST), X, y, found_trends={"age": "ascending"})


def test_contrary_gain_is_that_of_splits_against_a_direction(turning):
    X, y = turning
    model = Challenger(**FAST)
    booster = model._grow(model._learn(X, y, None), 5)
    nodes = booster.trees_to_dataframe().set_index("node_index")
    splits = nodes.dropna(subset="split_feature")
    right, left = (nodes.loc[splits[side], "value"].to_numpy() for side in
                   ("right_child", "left_child"))  # fmt: skip
    rises = pd.Series(right > left, index=splits.index)
    gain = contrary_gain(booster, [1, -1, 0, 1, 1])
    for column, direction in enumerate([1, -1, 0, 1, 1]):
        own = splits["split_feature"] == f"Column_{column}"
        against = own & (~rises if direction == 1 else rises)
        expected = splits.loc[against, "split_gain"].sum() if direction else 0.0
        assert gain[column] == pytest.approx(expected, rel=1e-4)
    assert gain[1] > 0


# -- against LightGBM as it comes ------------------------------------------------------------------


def test_a_slice_of_the_study_is_as_it_was(shared_data, record_property):
    found = nested_trees.measure("german_credit", seed=1, folds=1)
    slice_of = {"difference_1": found["difference_1"]}
    studies.compare(nested_trees.STUDY, slice_of, record_property, data="german_credit")


def test_the_challenger_loses_nowhere_against_lightgbm_as_it_comes():
    table = nested_trees.summary(nested_trees.STUDY)
    assert table.index.tolist() == list(nested_trees.SOURCES)
    assert (table["repeats"] >= 10).all()
    assert (table.loc[["taiwan_default", "lending_club"], "low"] > -0.002).all()
    assert (table["high"] >= 0).all()


def test_differences_of_folds_that_share_rows_have_the_corrected_interval():
    # 2 × 5 folds of mean 3 and variance 20/9: the error is that times 1/10 + 1/4
    table = nested_trees.corrected_interval(np.array([1.0, 2, 3, 4, 5] * 2))
    half = 2.262157 * np.sqrt(20 / 9 * 0.35)
    assert table["difference"] == 3
    assert table["low"] == pytest.approx(3 - half, abs=1e-5)
    assert table["high"] == pytest.approx(3 + half, abs=1e-5)


# -- calibration -----------------------------------------------------------------------------------


def raw_scores(n=4000):
    rng = np.random.default_rng(9)
    raw = rng.normal(size=n)
    return raw, (rng.random(n) < expit(0.5 * raw)).astype(float)


def test_isotonic_calibration_needs_a_thousand_bads():
    raw = np.linspace(-1, 1, 3000)
    y = np.repeat([0.0, 1.0], [2001, 999])
    with pytest.raises(ValueError, match="needs at least 1,000 bads, got 999"):
        fit_calibration("isotonic", raw, y, np.ones(3000))
    y[2000] = 1
    assert isinstance(fit_calibration("isotonic", raw, y, np.ones(3000)), Isotonic)


def test_isotonic_probabilities_never_fall_and_never_promise_certainty():
    raw = np.linspace(-3, 3, 4000)
    y = (raw > 0).astype(float)
    steps = fit_calibration("isotonic", raw, y, np.ones(4000))
    found = expit(steps.log_odds(np.linspace(-9, 9, 5000)))
    assert (np.diff(found) >= 0).all()
    assert found[0] == pytest.approx(1 / 8000)
    assert found[-1] == pytest.approx(1 - 1 / 8000)


def pooled(y, weight):
    """Isotonic regression by pooling neighbours that fall, after Ayer et al. (1955)."""
    blocks = []
    for value, w in zip(y, weight, strict=True):
        blocks.append([value, w, 1])
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            later, earlier = blocks.pop(), blocks.pop()
            total = earlier[1] + later[1]
            mean = (earlier[0] * earlier[1] + later[0] * later[1]) / total
            blocks.append([mean, total, earlier[2] + later[2]])
    return np.repeat([b[0] for b in blocks], [b[2] for b in blocks])


def test_isotonic_calibration_is_that_of_pooled_neighbours_by_weight():
    raw, y = raw_scores()
    weight = np.random.default_rng(1).choice([0.5, 1.0, 4.0], len(y))
    steps = fit_calibration("isotonic", raw, y, weight)
    order = np.argsort(raw)
    expected = np.clip(pooled(y[order], weight[order]), 1 / 8000, 1 - 1 / 8000)
    assert expit(steps.log_odds(raw[order])) == pytest.approx(expected, abs=1e-6)


def test_between_two_steps_log_odds_lie_on_a_line():
    steps = Isotonic((0.0, 1.0), (-2.0, 2.0))
    assert steps.log_odds(np.array([-5.0, 0.0, 0.25, 1.0, 5.0])).tolist() == [-2, -2, -1, 2, 2]


@pytest.mark.parametrize("kind", ["platt", "isotonic"])
def test_a_calibration_survives_json_to_the_last_bit(kind):
    raw, y = raw_scores()
    fitted = fit_calibration(kind, raw, y, np.ones(len(y)))
    again = calibration_from(json.loads(json.dumps(fitted.values())))
    assert again == fitted
    assert (again.log_odds(raw) == fitted.log_odds(raw)).all()


def test_platt_is_the_line_of_the_logistic_regression_on_raw_scores():
    from sklearn.linear_model import LogisticRegression

    raw, y = raw_scores()
    weight = np.random.default_rng(1).choice([0.5, 1.0, 4.0], len(y))
    line = fit_calibration("platt", raw, y, weight)
    peer = LogisticRegression(C=np.inf, tol=1e-12).fit(raw[:, None], y, sample_weight=weight)
    assert isinstance(line, Platt)
    assert line.slope == pytest.approx(peer.coef_[0, 0], abs=1e-4)
    assert line.intercept == pytest.approx(peer.intercept_[0], abs=1e-4)
    assert line.log_odds(np.array([0.0, 2.0])).tolist() == [
        line.intercept,
        line.intercept + 2 * line.slope,
    ]


@pytest.mark.parametrize("share", [0, -0.5, 1.2])
def test_parameters_are_checked(rows, share):
    with pytest.raises(ValueError, match=r"feature_share must lie in \(0, 1\], got"):
        Challenger(feature_share=share).fit(*rows)
    with pytest.raises(ValueError, match=r"calibration must be one of .* got 'beta'"):
        Challenger(calibration="beta").fit(*rows)


def test_too_few_bads_for_steps_are_said_by_the_model(few):
    X, y, _ = few
    with pytest.raises(ValueError, match=f"needs at least 1,000 bads, got {y.sum()}"):
        Challenger(calibration="isotonic", **FAST).fit(X, y)


# -- the model -------------------------------------------------------------------------------------


def test_a_saved_model_scores_every_row_alike(rows, model):
    X, _ = rows
    loaded = Challenger.from_json(json.loads(json.dumps(model.to_json())))
    assert loaded.calibration_ == model.calibration_
    assert (loaded.predict_proba(X) == model.predict_proba(X)).all()
    assert (loaded.credit_score(X) == model.credit_score(X)).all()
    pd.testing.assert_frame_equal(loaded.contributions(X), model.contributions(X))


def test_a_direction_binds_whatever_the_calibration(model):
    grid = pd.DataFrame({"pressure": 0.0, "inquiries": np.arange(0, 9.0), "job": "clerk"})
    bad = model.predict_proba(grid)[:, 1]
    assert (np.diff(bad) >= 0).all()
    assert bad[-1] > bad[0]


def test_steps_and_line_are_right_on_the_mean(rows, model):
    X, y = rows
    assert model.predict_proba(X)[:, 1].mean() == pytest.approx(y.mean(), rel=0.05)


def test_a_tree_draws_its_share_of_the_features(rows):
    X, y = rows
    twins = pd.DataFrame({f"x{k}": X["pressure"] for k in range(4)})
    # in a tree of one feature nothing else can split
    trees = Challenger(feature_share=0.25, **FAST).fit(twins, y).booster_.trees_to_dataframe()
    split = trees.dropna(subset="split_feature").groupby("tree_index")["split_feature"]
    assert split.nunique().max() == 1
    assert len(trees["split_feature"].dropna().unique()) > 1


def test_contributions_add_up_to_the_score_before_rounding(rows, model):
    X, _ = rows
    points = model.contributions(X)
    assert list(points.columns) == ["base", *X.columns]
    assert points.index.equals(X.index)
    exact = model.score_scale.score(model.predict_proba(X)[:, 1])
    assert points.sum(axis=1).to_numpy() == pytest.approx(exact)
    assert len(points["base"].unique()) == 1


def test_a_special_codes_column_counts_for_its_feature(rows):
    X, y = rows
    model = Challenger(special_codes=SPECIAL, **FAST).fit(X, y)
    shap = model.booster_.predict(
        model._matrix(X), pred_contrib=True, num_iteration=model.n_rounds_
    )
    # pressure, inquiries, the mark of its codes, job, the base
    assert shap.shape[1] == 5
    factor = -model.score_scale.factor * model.calibration_.slope
    points = model.contributions(X)
    expected = {
        "pressure": shap[:, 0],
        "inquiries": shap[:, 1] + shap[:, 2],
        "job": shap[:, 3],
    }
    for name, values in expected.items():
        assert points[name].to_numpy() == pytest.approx(factor * values, abs=1e-6)
    assert np.abs(shap[:, 2]).max() > 0
    line = model.calibration_.log_odds(shap[0, 4])
    assert points["base"].iloc[0] == pytest.approx(ScoreScale().score(expit(line)))


def test_reasons_are_the_most_negative_contributions(rows, model):
    X, _ = rows
    asked = X.head(200).copy()
    asked.index = [f"row {k}" for k in range(200)]
    points = model.contributions(asked).drop(columns="base")
    found = model.reasons(asked, n=2)
    for row in asked.index:
        lost = points.loc[row]
        expected = lost[lost < 0].sort_values().index[:2].tolist()
        mine = found[found.index.get_level_values("row") == row]
        assert mine["feature"].tolist() == expected
        assert mine.index.get_level_values("rank").tolist() == list(range(1, len(expected) + 1))
        assert mine["points"].to_numpy() == pytest.approx(lost[expected].to_numpy())
        assert mine["points_lost"].to_numpy() == pytest.approx(-lost[expected].to_numpy())
    assert (found["reference_points"] == 0).all()
    gains = (points >= 0).all(axis=1)
    assert gains.any()
    assert not found.index.get_level_values("row").isin(gains.index[gains]).any()


def test_a_reason_is_the_applicants_own_value_in_words(model, monkeypatch):
    asked = pd.DataFrame(
        {
            "pressure": [1234.5678, np.nan, -0.5],
            "inquiries": [-9.0, 3.0, np.nan],
            "job": ["driver", None, "never seen"],
        }
    )
    losses = np.tile([-3.0, -2.0, -1.0], (3, 1))
    monkeypatch.setattr(Challenger, "_parts", lambda self, X: (np.full(3, 500.0), losses))
    debt = Feature(name="pressure", label="Debt", family="application", unit="EUR")
    found = model.reasons(asked, features=[debt])["reason"]
    assert found.tolist() == [
        "Debt: 1,234.57 EUR", "inquiries: special code -9", "job: driver",
        "Debt: missing", "inquiries: 3", "job: missing",
        "Debt: -0.5 EUR", "inquiries: missing", "job: never seen",
    ]  # fmt: skip
    codes = {-9.0: "no bureau record"}
    asking = Feature(name="inquiries", label="Inquiries", family="bureau", special_codes=codes)
    found = model.reasons(asked, features=[debt, asking])["reason"]
    assert found.loc[(0, 2)] == "Inquiries: no bureau record"


def test_a_reason_of_true_and_false_is_yes_or_no():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"phone": rng.random(2000) < 0.5})
    y = (rng.random(2000) < 0.1 + 0.2 * X["phone"]).astype(int).to_numpy()
    model = Challenger(**FAST).fit(X, y)
    assert set(model.reasons(X)["reason"]) == {"phone: yes"}
    assert set(model.reasons(X.astype(float))["reason"]) == {"phone: yes"}


# -- partial dependence ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def card(rows):
    return Scorecard(WoeBinner(special_codes=SPECIAL)).fit(*rows)


def by_loop(model, X, feature, value):
    changed = X.copy()
    changed[feature] = pd.Series([value] * len(X), index=X.index, dtype=X[feature].dtype)
    bad = model.predict_proba(changed)[:, 1]
    return bad.mean(), model.score_scale.score(bad).mean()


def test_partial_dependence_is_the_mean_over_rows_made_alike(rows, model, card):
    X = rows[0].head(300)
    for one in (model, card):
        table = partial_dependence(
            one, X, ["inquiries", "job", "pressure"], special_codes=SPECIAL, n_points=5
        )
        assert list(table.columns) == [
            "feature", "kind", "value", "mean_probability", "mean_score",
        ]  # fmt: skip
        for row in table.itertuples():
            value = {"pressure": np.nan, "job": None}[row.feature] if row.kind == "missing" else (
                row.value
            )  # fmt: skip
            bad, score = by_loop(one, X, row.feature, value)
            assert row.mean_probability == pytest.approx(bad)
            assert row.mean_score == pytest.approx(score)


def test_points_are_quantiles_codes_levels_and_missing(rows, model):
    X, _ = rows
    table = partial_dependence(
        model, X, ["inquiries", "job", "pressure"], special_codes=SPECIAL, n_points=4
    )
    kinds = table.groupby("feature", sort=False)["kind"].agg(list).to_dict()
    values = table.groupby("feature", sort=False)["value"].agg(list).to_dict()
    plain = X.loc[X["inquiries"] >= 0, "inquiries"]
    quantiles = plain.quantile([0.01, 0.01 + 0.98 / 3, 0.01 + 2 * 0.98 / 3, 0.99])
    assert values["inquiries"] == [*sorted(set(quantiles.round())), -9, -8]
    assert kinds["inquiries"][-3:] == ["number", "special", "special"]
    assert values["job"][:3] == X["job"].value_counts().index.tolist()
    assert kinds["job"] == ["level", "level", "level", "missing"]
    assert pd.isna(values["job"][3])
    assert kinds["pressure"] == ["number"] * 4 + ["missing"]
    # codes that are not named are numbers
    unnamed = partial_dependence(model, X, ["inquiries"], n_points=4)
    assert unnamed["value"].iloc[0] == -9
    assert set(unnamed["kind"]) == {"number"}


def test_a_bound_feature_has_a_monotone_dependence(rows, model):
    table = partial_dependence(
        model, rows[0], ["inquiries", "pressure"], special_codes=SPECIAL, max_rows=100
    )
    for name in ("inquiries", "pressure"):
        line = table[(table["feature"] == name) & (table["kind"] == "number")]
        assert line["value"].is_monotonic_increasing
        assert line["mean_probability"].is_monotonic_increasing
        assert line["mean_score"].is_monotonic_decreasing


def test_a_draw_of_rows_stands_for_all_and_moves_with_its_seed(rows, model):
    X, _ = rows
    tables = [
        partial_dependence(model, X, ["pressure"], max_rows=50, seed=seed) for seed in (1, 1, 2)
    ]
    pd.testing.assert_frame_equal(tables[0], tables[1])
    assert (tables[0]["mean_score"] != tables[2]["mean_score"]).all()
    just = X.head(51)
    one_out = partial_dependence(model, just, ["pressure"], max_rows=50, n_points=2)
    assert (
        one_out["mean_score"]
        != partial_dependence(model, just, ["pressure"], n_points=2)["mean_score"]
    ).any()
    # the points are those of all rows
    assert tables[0]["value"].tolist()[:-1] == tables[2]["value"].tolist()[:-1]
    drawn = X.iloc[np.sort(np.random.default_rng(1).choice(len(X), 50, replace=False))]
    value = tables[0]["value"].iloc[3]
    assert tables[0]["mean_score"].iloc[3] == pytest.approx(
        by_loop(model, drawn, "pressure", value)[1]
    )


def test_the_commonest_levels_stand_for_text_and_nobodys_level_is_left_out(rows, model):
    X = rows[0].assign(job=pd.Categorical(rows[0]["job"], ["clerk", "driver", "farmer", "never"]))
    table = partial_dependence(model, X, ["job"], n_points=9)
    assert set(table["value"].dropna()) == {"clerk", "driver", "farmer"}
    two = partial_dependence(model, X, ["job"], n_points=2)
    assert two["value"].dropna().tolist() == X["job"].value_counts().index[:2].tolist()


def test_a_feature_without_any_value_has_the_missing_point_alone(rows, card):
    X = rows[0].head(20).assign(pressure=np.nan)
    table = partial_dependence(card, X, ["pressure"])
    assert table["kind"].tolist() == ["missing"]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (np.arange(20), [0, 9, 19]),
        (np.arange(20) > 12, [0, 1]),
        (pd.array([None, *range(19)], dtype="Int64"), [0, 9, 18, NAN]),
        (pd.array([None, *[True, False] * 9, True], dtype="boolean"), [0, 1, NAN]),
    ],
)
def test_points_are_in_the_columns_own_type(rows, card, column, expected):
    X = rows[0].head(20).assign(pressure=column)
    table = partial_dependence(card, X, ["pressure"], n_points=3)
    assert table["value"].astype(float).tolist() == pytest.approx(expected, nan_ok=True)
    for row in table.itertuples():
        assert row.mean_score == pytest.approx(by_loop(card, X, "pressure", row.value)[1])


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"features": ["age", "job"]}, r"X lacks the features \['age'\]"),
        ({"X": pd.DataFrame({"job": []})}, "X has no rows"),
        ({"n_points": 1}, "n_points must be at least 2, got 1"),
    ],
)
def test_dependence_refuses_what_it_cannot_show(rows, card, keywords, message):
    with pytest.raises(ValueError, match=message):
        partial_dependence(card, **({"X": rows[0], "features": ["job"]} | keywords))


def test_steps_are_on_the_scale_of_their_log_odds(rows):
    steps = Isotonic((0.0, 1.0), tuple(logit([0.1, 0.4])))
    assert expit(steps.log_odds(np.array([0.0, 1.0]))) == pytest.approx([0.1, 0.4])


def test_loans_of_one_customer_go_to_one_fold():
    y = np.tile([0, 0, 0, 1], 100)
    groups = np.repeat([f"C{number}" for number in range(160)], [3, 2] * 80)
    fold = deal_folds(y, 4, 3, group_numbers(groups, y >= 0))
    of_group = pd.DataFrame({"group": groups, "fold": fold, "y": y}).groupby("group")
    assert (of_group["fold"].min() == of_group["fold"].max()).all()
    with_bad = of_group["fold"].first()[of_group["y"].max() == 1]
    assert with_bad.value_counts().max() - with_bad.value_counts().min() <= 1
    # a group of each row is no group at all
    own = deal_folds(y, 4, 3, np.arange(len(y)))
    assert (own == deal_folds(y, 4, 3, np.full(len(y), -1))).all()
    # three customers with bads are too few for four folds
    with pytest.raises(ValueError, match="too few bads for 4 folds: 3"):
        deal_folds(y, 4, 0, np.where(y == 1, np.arange(400) // 134, np.arange(400) + 3))


def test_groups_change_the_folds_and_not_the_order_of_rows():
    X, y = borrowers(600, 7)
    groups = np.arange(600) // 3
    shuffled = np.random.default_rng(5).permutation(600)
    one = Challenger(**FAST).fit(X, y, groups=groups)
    two = Challenger(**FAST).fit(X.iloc[shuffled], y[shuffled], groups=groups[shuffled])
    assert one.to_json() == two.to_json()
    assert one.to_json() != Challenger(**FAST).fit(X, y).to_json()
    table = search(Challenger(**FAST), X, y, groups=groups, steps={}).settings
    plain = search(Challenger(**FAST), X, y, steps={}).settings
    assert (table["log_loss"] != plain["log_loss"]).all()


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_each_row_without_a_group_is_a_group_of_its_own(missing):
    y = np.tile([0, 0, 0, 1], 100)
    groups = np.repeat([f"C{number}" for number in range(200)], 2).astype(object)
    groups[::4] = missing
    numbers = group_numbers(groups, y >= 0)
    assert (numbers[::4] == -1).all()
    fold = deal_folds(y, 4, 0, numbers)
    assert set(np.bincount(fold[::4])) <= set(range(15, 36))
    of_group = pd.Series(fold).groupby(numbers).nunique()
    assert (of_group.drop(-1) == 1).all()
    X, flags = borrowers(400, 8)
    shuffled = np.random.default_rng(5).permutation(400)
    one = Challenger(**FAST).fit(X, flags, groups=groups)
    two = Challenger(**FAST).fit(X.iloc[shuffled], flags[shuffled], groups=groups[shuffled])
    assert one.to_json() == two.to_json()

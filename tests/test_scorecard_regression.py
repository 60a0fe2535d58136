"""The regression behind the card: its fit from a sample, and the features it takes step by step."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import optimize
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from riskkit.binning import WoeBinner
from riskkit.scorecard import Scorecard, reasons_table, regression
from riskkit.scorecard.regression import (
    Fit,
    fit_bounded,
    gradient_at,
    information_at,
)


def lender(n=2000, slopes=(-1.0, -0.5), *, seed=0):
    """WoE of as many features as slopes, labels, and weights."""
    rng = np.random.default_rng(seed)
    woe = rng.normal(size=(n, len(slopes)))
    y = (rng.random(n) < expit(-1.5 + woe @ np.array(slopes))).astype(float)
    return woe, y, rng.uniform(0.2, 3.0, n)


def log_likelihood(at, woe, y, weight):
    log_odds = at[0] + woe @ at[1:]
    return float(weight @ (y * log_odds - np.logaddexp(0, log_odds)))


def newton(woe, y, weight, penalty=0.0):
    """Unbounded maximum by Newton's steps, in plain matrices."""
    design = np.column_stack([np.ones(len(y)), woe])
    ridge = np.diag([0.0] + [penalty * weight.sum()] * woe.shape[1])
    at = np.zeros(design.shape[1])
    for _ in range(30):
        p = expit(design @ at)
        gradient = design.T @ (weight * (y - p)) - ridge @ at
        information = (design * (weight * p * (1 - p))[:, None]).T @ design + ridge
        at = at + np.linalg.solve(information, gradient)
    return at


# -- gradient and information ----------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
def test_gradient_and_information_are_those_of_finite_differences(weighted):
    # more rows than a block holds
    woe, y, weight = lender(regression._BLOCK_ROWS + 500)
    given = weight if weighted else None
    used = weight if weighted else np.ones(len(y))
    at = np.array([-1.2, -0.7, -0.3])
    fit = Fit(at[0], at[1:])
    expected = optimize.approx_fprime(at, log_likelihood, 1e-6, woe, y, used)
    assert gradient_at(fit, woe, y, given) == pytest.approx(expected, rel=1e-4)
    steps = np.eye(3) * 1e-5
    differences = [
        gradient_at(Fit(up[0], up[1:]), woe, y, given)
        - gradient_at(Fit(down[0], down[1:]), woe, y, given)
        for up, down in zip(at + steps, at - steps, strict=True)
    ]
    expected = -np.array(differences) / 2e-5
    assert information_at(fit, woe, given) == pytest.approx(expected, rel=1e-5)


# -- the bounded fit -------------------------------------------------------------------------------


@pytest.fixture
def many(monkeypatch):
    """A thousand rows are many; gives the number of rows of each of glum's fits."""
    monkeypatch.setattr(regression, "_SAMPLE_ROWS", 400)
    sizes = []
    glum = regression._fit_glum

    def counted(woe, y, *rest):
        sizes.append(len(y))
        return glum(woe, y, *rest)

    monkeypatch.setattr(regression, "_fit_glum", counted)
    return sizes


@pytest.mark.parametrize("penalty", [0.0, 0.05])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_fit_from_a_sample_is_the_maximum_of_all_rows(many, weighted, penalty):
    woe, y, weight = lender()
    given = weight if weighted else None
    found = fit_bounded(woe, y, given, penalty)
    assert many == [400]
    expected = newton(woe, y, weight if weighted else np.ones(len(y)), penalty)
    assert [found.intercept, *found.coefficients] == pytest.approx(expected, abs=2e-5)
    # and that of few rows
    few = regression._fit_glum(woe, y, given, penalty)
    assert few.coefficients == pytest.approx(found.coefficients, abs=1e-5)
    if not (weighted or penalty):
        peer = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(woe, y)
        assert found.coefficients == pytest.approx(peer.coef_[0], abs=2e-5)


def test_rows_too_few_to_halve_are_all_taken(many):
    woe, y, _ = lender(799)
    fit_bounded(woe, y, None)
    assert many == [799]


def test_a_bound_that_binds_on_all_rows_is_found_by_the_bounded_fit(many):
    woe, y, _ = lender()
    noise = np.random.default_rng(1).normal(size=len(y))
    woe = np.column_stack([woe, -woe[:, 0] + 0.5 * noise])
    woe[:, 0] += 0.5 * noise
    assert (newton(woe, y, np.ones(len(y)))[1:] > 0).tolist() == [False, False, True]
    found = fit_bounded(woe, y, None)
    assert many == [400, 2000]
    assert found.on_bound.tolist() == [False, False, True]
    assert found.coefficients[2] == 0
    expected = newton(woe[:, :2], y, np.ones(len(y)))
    assert found.coefficients[:2] == pytest.approx(expected[1:], abs=2e-5)


def test_a_bound_that_binds_in_the_sample_alone_does_not_bind(many):
    woe, y, _ = lender()
    # in the sample the second feature has the wrong sign
    woe[::5, 1] *= -1
    assert regression._fit_glum(woe[::5], y[::5], None, 0.0).on_bound.tolist() == [False, True]
    found = fit_bounded(woe, y, None)
    assert not found.on_bound.any()
    assert found.coefficients == pytest.approx(newton(woe, y, np.ones(len(y)))[1:], abs=2e-5)


def no_bads(woe, y, weight):
    y[::5] = 0


def bads_alone(woe, y, weight):
    y[::5] = 1


def one_constant(woe, y, weight):
    woe[::5, 1] = 0.3


def all_constant(woe, y, weight):
    woe[::5] = 0.3


def collinear(woe, y, weight):
    woe[::5, 1] = woe[::5, 0]


def no_weight(woe, y, weight):
    weight[::5] = 0


def no_weight_of_bads(woe, y, weight):
    weight[::5] *= y[::5] == 0


def separable(woe, y, weight):
    y[::5] = woe[::5, 0] < 0


@pytest.mark.parametrize(
    "spoil",
    [
        no_bads,
        bads_alone,
        one_constant,
        all_constant,
        collinear,
        no_weight,
        no_weight_of_bads,
        separable,
    ],
)
@pytest.mark.parametrize("penalty", [0.0, 0.05])
def test_a_sample_that_says_nothing_leads_nobody_astray(many, spoil, penalty):
    woe, y, weight = lender()
    spoil(woe, y, weight)
    found = fit_bounded(woe, y, weight, penalty)
    expected = newton(woe, y, weight, penalty)
    assert [found.intercept, *found.coefficients] == pytest.approx(expected, abs=5e-5)


def test_tiny_samples_of_any_kind_give_the_fit_of_all_rows(monkeypatch):
    monkeypatch.setattr(regression, "_SAMPLE_ROWS", 25)
    from_sample = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        n, k = rng.integers(60, 400), rng.integers(1, 4)
        woe = rng.choice([-1.0, 0.0, 0.7], (n, k)) if seed % 2 else rng.normal(size=(n, k))
        y = (rng.random(n) < expit(-1.5 + woe @ rng.normal(-0.5, 1, k))).astype(float)
        weight = rng.choice([0.0, 1.0, 2.5], n)
        penalty = (0.01, 0.1)[seed % 2]
        full = regression._fit_glum(woe, y, weight, penalty)
        found = fit_bounded(woe, y, weight, penalty)
        assert [found.intercept, *found.coefficients] == pytest.approx(
            [full.intercept, *full.coefficients], abs=1e-4
        )
        from_sample += bool((found.coefficients != full.coefficients).any())
    assert from_sample > 1


@pytest.mark.parametrize("rows", [200, 2000])
def test_separable_rows_are_told_apart_with_and_without_a_sample(many, rows):
    woe, _, _ = lender(rows)
    y = (woe[:, 0] < 0).astype(float)
    found = fit_bounded(woe, y, None)
    assert np.isfinite([found.intercept, *found.coefficients]).all()
    log_odds = found.intercept + woe @ found.coefficients
    assert log_odds[y == 1].min() > log_odds[y == 0].max()


def test_a_card_of_many_rows_is_that_of_the_bounded_fit(many, monkeypatch):
    rng = np.random.default_rng(3)
    n = 3000
    X = pd.DataFrame(rng.normal(size=(n, 2)), columns=["a", "b"])
    X["twin"] = X["a"] + rng.normal(size=n)
    y = (rng.random(n) < expit(-1 + X["a"] + 0.5 * X["b"])).astype(int)
    binner = WoeBinner().fit(X, y)
    sampled = Scorecard(binner).fit(X, y)
    assert 3000 // 7 + 1 in many
    monkeypatch.setattr(regression, "_SAMPLE_ROWS", 100_000)
    full = Scorecard(binner).fit(X, y)
    assert sampled.dropped_ == full.dropped_
    pd.testing.assert_frame_equal(sampled.points_table(), full.points_table())
    pd.testing.assert_frame_equal(sampled.coefficients(), full.coefficients(), rtol=1e-4)


# -- settings --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def applicants():
    rng = np.random.default_rng(8)
    X = pd.DataFrame(rng.normal(size=(3000, 3)), columns=["weak", "strong", "noise"])
    y = (rng.random(3000) < expit(-1 + 0.2 * X["weak"] + X["strong"])).astype(int).to_numpy()
    return X.assign(one="same"), y


@pytest.mark.parametrize("limit", [0, -0.1, 1.5, float("nan")])
def test_a_threshold_that_is_no_p_value_is_refused(applicants, limit):
    with pytest.raises(ValueError, match=r"max_p_value must lie in \(0, 1\], got"):
        Scorecard(max_p_value=limit).fit(*applicants)


def test_a_card_warns_of_nothing_where_columns_lie_apart(applicants):
    X, y = applicants
    woe = np.asfortranarray(X[["weak", "strong"]].to_numpy())[::2]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = fit_bounded(-woe, y[::2].astype(float), None)
    assert (found.coefficients < 0).all()


# -- reasons ---------------------------------------------------------------------------------------


def test_reasons_are_the_largest_losses_and_of_equal_ones_the_first():
    points = np.array([[10.0, 0.0, 15.0], [9.0, 20.0, 19.0], [5.0, 8.0, 14.0]])
    found = reasons_table(
        pd.Index(["x", "y", "z"], name="applicant"),
        ["a", "b", "c"],
        points,
        np.array([10.0, 10.0, 20.0]),
        lambda row, column: f"{row}/{column}",
        2,
    )
    assert found.index.tolist() == [("x", 1), ("x", 2), ("y", 1), ("y", 2), ("z", 1), ("z", 2)]
    assert found.index.names == ["row", "rank"]
    assert found["feature"].tolist() == ["b", "c", "a", "c", "c", "a"]
    assert found["reason"].tolist() == ["0/1", "0/2", "1/0", "1/2", "2/2", "2/0"]
    assert found["points"].tolist() == [0, 15, 9, 19, 14, 5]
    assert found["reference_points"].tolist() == [10, 20, 10, 20, 20, 10]
    # the third loss of z, 2 of b, is one too many
    assert found["points_lost"].tolist() == [10, 5, 1, 1, 6, 5]
    names = [f"x{k}" for k in range(40)]
    alike = reasons_table(
        pd.RangeIndex(1),
        names,
        np.tile([0.0, 1.0], 20)[None],
        np.full(40, 2.0),
        lambda r, c: "",
        30,
    )
    assert alike["feature"].tolist() == names[::2] + names[1:20:2]


def test_who_lost_nothing_has_no_reason():
    none = reasons_table(
        pd.RangeIndex(2), ["a"], np.array([[10.0], [12.0]]), np.array([10.0]), lambda r, c: "", 4
    )
    assert len(none) == 0
    assert list(none.columns) == ["feature", "reason", "points", "reference_points", "points_lost"]
    no_rows = reasons_table(
        pd.RangeIndex(0), ["a"], np.empty((0, 1)), np.array([10.0]), lambda r, c: "", 4
    )
    assert len(no_rows) == 0


def test_a_feature_whose_bins_separate_goods_from_bads_is_left_out():
    """Of whoever has an earlier loan none is bad: the likelihood has no maximum."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {"income": rng.normal(size=400), "earlier": np.where(rng.random(400) < 0.1, 1.0, -8.0)}
    )
    y = (rng.random(400) < expit(-2 - X["income"])) & (X["earlier"] == -8)
    binner = WoeBinner(special_codes={"earlier": [-8.0]}).fit(X, y)
    card = Scorecard(binner).fit(X, y)
    assert list(card.coefficients_.index) == ["income"]
    assert card.dropped_["earlier"] == "no finite estimate: its bins separate goods from bads"
    # a penalty gives it one
    ridge = Scorecard(binner, penalty=0.01).fit(X, y)
    assert set(ridge.coefficients_.index) == {"income", "earlier"}


@pytest.mark.parametrize("seed", [1, 5])
def test_of_features_that_say_the_same_the_last_is_left_out(seed):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"a": rng.integers(0, 3, 600).astype(float), "c": rng.normal(size=600)})
    X["b"] = X["a"]
    y = pd.Series((rng.random(600) < expit(X["a"] + 0.3 * X["c"] - 1)).astype(int))
    loan = np.arange(len(X))
    card = Scorecard().fit(X, y, groups=loan)
    alone = Scorecard(features=[*card.coefficients_.index]).fit(X, y, groups=loan)
    assert set(card.coefficients_.index) | set(card.dropped_) == {"a", "b", "c"}
    assert len(card.dropped_) == 1
    assert np.isfinite(card.vif_).all()
    pd.testing.assert_frame_equal(card.coefficients(), alone.coefficients())

"""Two policies side by side; what one is foretold to bring, and what it brought."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scored_loans import scored_loans
from studies.replay import STUDY, measure, summary

from riskkit import replay, strategy, synthetic
from riskkit.checks import DataContractError
from riskkit.replay.forecast import _logistic, _terms

SCORES, LOANS, BAD = scored_loans()
N = len(LOANS)


def said(swaps):
    """What is said of a swap set against one policy."""
    return replay.policy_swaps_text(pd.concat({"old": swaps}, names=["against"]), "CNY")


@settings(max_examples=30, deadline=None)
@given(cuts=st.tuples(st.integers(540, 640), st.integers(540, 640)), seed=st.integers(0, 99))
def test_swap_sets_balance(cuts, seed):
    old, new = SCORES["blunt"] >= cuts[0], SCORES["sharp"] >= cuts[1]
    swaps = replay.policy_swaps(old, new, LOANS, score=SCORES["sharp"], truth=BAD)
    both, out, into, neither = swaps["applications"]
    assert (both + out, both + into) == (old.sum(), new.sum())
    assert both + out + into + neither == N
    assert swaps["share"].sum() == pytest.approx(1)
    known = LOANS["default_flag"].notna()
    assert swaps["loans"].sum() == known.sum()
    assert swaps["bad"].sum() == LOANS["default_flag"].sum()
    profit = np.where(LOANS["default_flag"] == 1, -LOANS["loss_fen"], LOANS["margin_fen"])
    profit = np.where(known, (profit - LOANS["cost_fen"]) / 100, 0.0)
    assert swaps["profit_amount"].sum() == pytest.approx(profit.sum())
    gain = replay.swap_gain(swaps)
    assert gain["difference"] == pytest.approx(profit[new].sum() - profit[old].sum())
    assert (swaps["true_rate"] * swaps["applications"]).sum() == pytest.approx(BAD.sum())
    # swapping the other way round mirrors the table
    mirrored = replay.policy_swaps(new, old, LOANS)
    assert mirrored.loc["swapped in", "bad"] == swaps.loc["swapped out", "bad"]
    assert replay.swap_gain(mirrored)["difference"] == pytest.approx(-gain["difference"])


def test_a_policy_against_itself_moves_nobody():
    old = SCORES["sharp"] >= 590
    swaps = replay.policy_swaps(old, old, LOANS)
    assert swaps.loc[["swapped in", "swapped out"], "applications"].tolist() == [0, 0]
    assert swaps.loc["swapped in", ["bad_rate", "profit_amount"]].isna().all()
    assert "nobody changes places" in said(swaps)


def test_what_was_never_seen_is_inferred_by_score_and_told():
    old, new = LOANS["approved"], SCORES["sharp"] >= 575
    swaps = replay.policy_swaps(old, new, LOANS, score=SCORES["sharp"], truth=BAD)
    into = swaps.loc["swapped in"]
    assert into["loans"] == 0  # whom the old policy declined, nobody has seen
    assert np.isnan(into["bad_rate"])
    assert into["inferred_rate"] == pytest.approx(into["true_rate"], abs=0.05)
    assert "have no known outcome and add nothing to that" in said(swaps)


def test_too_few_that_change_places_say_nothing():
    old = np.ones(N, bool)
    new = old.copy()
    new[np.flatnonzero(LOANS["default_flag"].notna())[:9]] = False
    swaps = replay.policy_swaps(old, new, LOANS)
    assert np.isnan(replay.swap_gain(swaps)["low"])
    assert "9 of them are loans of known outcome, too few to say more" in said(swaps)


def test_swaps_of_nothing_are_refused():
    with pytest.raises(ValueError, match="new"):
        replay.policy_swaps([True], [True, False], LOANS.head(1))
    with pytest.raises(DataContractError, match="booked"):
        replay.policy_swaps([True], [True], LOANS.head(1).drop(columns="booked"))


def test_the_curve_is_straight_beyond_its_knots_and_smooth_at_them():
    knots = np.array([540.0, 590.0, 640.0])
    score = np.array([440.0, 490.0, 540.0, 640.0, 690.0, 740.0])
    values = _terms(score, knots) @ np.array([0.3, -2.0, 1.5])
    for a, b, c in (values[:3], values[3:]):
        assert b - a == pytest.approx(c - b)
    for knot in knots:
        left, right = (_terms(knot + np.array([-h, h]), knots)[:, 2] for h in (1e-3, 1e-4))
        assert np.ptp(left) / 2e-3 == pytest.approx(np.ptp(right) / 2e-4, abs=1e-4)


def test_the_logistic_fit_is_scikit_learns():
    from sklearn.linear_model import LogisticRegression

    known = LOANS["default_flag"].notna()
    score = SCORES.loc[known, "sharp"].to_numpy(float)
    y = LOANS.loc[known, "default_flag"].to_numpy()
    terms = _terms(score, np.quantile(score, [0.1, 0.5, 0.9]))
    ours, covariance = _logistic(terms, y)
    # the same ridge, on the intercept too
    theirs = LogisticRegression(C=1e3, fit_intercept=False, tol=1e-10, max_iter=10_000)
    np.testing.assert_allclose(ours, theirs.fit(terms, y).coef_[0], rtol=1e-4)
    p = 1 / (1 + np.exp(-terms @ ours))
    information = terms.T @ (terms * (p * (1 - p))[:, None])
    np.testing.assert_allclose(covariance @ information, np.eye(3), atol=0.02)


def months(n, start="2022-01-01", k=18):
    return pd.to_datetime(start) + pd.to_timedelta(np.arange(n) % k * 30.4, unit="D")


def past_of(explored=0.0, uplift=1.0, seed=1, n=20_000):
    """Applications whose declined have so much higher log-odds of bad than their score tells."""
    rng = np.random.default_rng(seed)
    score = np.rint(rng.normal(590, 30, n))
    declined = rng.random(n) < 1 / (1 + np.exp((score - 560) / 12))
    random = rng.random(n) < explored
    logit = -3.2 - 0.03 * (score - 590) + uplift * declined
    bad = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(float)
    approved = ~declined | random
    booked = approved & (rng.random(n) < 0.9)
    return pd.DataFrame(
        {
            "score": score,
            "approved": approved,
            "booked": booked,
            "default_flag": np.where(booked, bad, np.nan),
            "applied_at": months(n),
            "explored": random,
        }
    )


def test_random_approvals_tell_how_much_worse_the_declined_are():
    errors = []
    for seed in range(12):
        curve = replay.fit_outcomes(past_of(explored=0.1, uplift=1.0, seed=seed))
        assert curve.knows_declined
        errors.append((curve.uplift - 1.0) / curve.uplift_error)
    # the prior draws a little towards nought
    assert abs(np.mean(errors)) < 1.0
    assert np.abs(errors).max() < 3.5
    assert "loans approved at random tell of the declined" in replay.forecast_text(curve)


def test_without_random_approvals_the_interval_of_the_declined_is_wide_and_said():
    blind, seen = (replay.fit_outcomes(past_of(explored=e)) for e in (0.0, 0.1))
    assert blind.uplift == 0.0
    assert not blind.knows_declined
    assert "nobody has seen" in replay.forecast_text(blind)
    n = 2_000
    asked = pd.DataFrame(
        {
            "score": 560.0,
            "applied_at": months(n, "2023-07-01", 6),
            "passed_today": False,
            "margin_fen": 30_000,
            "loss_fen": 300_000,
            "cost_fen": 3_000,
        },
        index=range(n),
    )
    every = np.ones(n, bool)
    wide, narrow = (replay.forecast(c, asked, every) for c in (blind, seen))
    width = {name: t.loc["bad_rate", "high"] - t.loc["bad_rate", "low"] for name, t in
             (("wide", wide), ("narrow", narrow))}  # fmt: skip
    assert width["wide"] > 2 * width["narrow"]
    # of those whom the old policy took, nothing is to be feared of the declined
    of_old = asked.assign(passed_today=True)
    a, b = (replay.forecast(c, of_old, every).loc["bad_rate", "predicted"] for c in (blind, seen))
    assert a == pytest.approx(b, rel=0.1)


def test_the_approval_rate_of_a_sample_has_the_chance_of_its_own_applications():
    past = past_of()
    curve = replay.fit_outcomes(past, past["approved"])
    asked = past_of(seed=2, n=400).assign(passed_today=True, margin_fen=10, loss_fen=20, cost_fen=1)
    told = replay.forecast(curve, asked, np.ones(400, bool)).loc["approval_rate"]
    rate = told["predicted"]
    assert told["high"] - told["low"] >= 2 * 1.96 * np.sqrt(rate * (1 - rate) / 400) * 0.999


def test_a_forecast_of_nobody_is_missing_and_one_of_everybody_counts_all():
    curve = replay.fit_outcomes(past_of())
    asked = past_of(seed=2, n=500).assign(passed_today=True, margin_fen=10, loss_fen=20, cost_fen=1)
    nobody = replay.forecast(curve, asked, np.zeros(500, bool))
    assert nobody.loc[["bad_rate", "profit_amount"]].isna().all(axis=None)
    same = replay.forecast(curve, asked, np.ones(500, bool))
    pd.testing.assert_frame_equal(same, replay.forecast(curve, asked, np.ones(500, bool)))
    shuffled = asked.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(same, replay.forecast(curve, shuffled, np.ones(500, bool)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda past: past.drop(columns="booked"), "booked"),
        (lambda past: past.assign(default_flag=0.0), "ten goods and ten bads"),
        (lambda past: past.assign(score=600.0), "more than a few scores"),
    ],
)
def test_past_that_says_nothing_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replay.fit_outcomes(change(past_of(n=2_000)))


WORLD = synthetic.World(lender=synthetic.Lender(n_months=24), seed=5)


@pytest.fixture(scope="module")
def portfolio():
    return synthetic.simulate(WORLD.lender, 4_000, WORLD.seed)


def test_the_old_policy_replayed_is_what_happened(portfolio):
    asked = portfolio.applications
    came = replay.realise(WORLD, asked, asked["approved"].to_numpy())
    assert came["booked"].tolist() == asked["booked"].tolist()
    known = asked["default_flag"].notna()
    assert came["default_flag"][known].tolist() == asked["default_flag"][known].tolist()


def test_a_wider_policy_keeps_what_it_had_and_lends_at_a_usual_price(portfolio):
    asked = portfolio.applications
    every = np.ones(len(asked), bool)
    offered = replay.offers_to(asked, every)
    had = asked["approved"].to_numpy()
    for name in ("offer_apr", "offer_fee_rate", "offer_limit"):
        assert offered.loc[had, name].tolist() == asked.loc[had, name].tolist()
    assert set(offered.loc[~had, "offer_apr"]) == {asked.loc[had, "offer_apr"].median()}
    assert offered.loc[~had, "offer_limit"].tolist() == asked.loc[~had, "amount"].tolist()
    came = replay.realise(WORLD, asked, every)
    assert came.loc[had, "booked"].tolist() == asked.loc[had, "booked"].tolist()
    nobody = replay.realise(WORLD, asked, ~every)
    assert not nobody["booked"].any()
    assert nobody["default_flag"].isna().all()


def test_a_downturn_makes_the_same_people_pay_worse(portfolio):
    asked = portfolio.applications
    late = (asked["applied_at"] >= "2023-01-01").to_numpy()
    granted = asked["approved"].to_numpy()[late]
    base = replay.realise(WORLD, asked[late], granted)
    worse = replay.realise(
        replay.in_downturn(WORLD, pd.Timestamp("2023-01-01")), asked[late], granted
    )
    assert worse["booked"].tolist() == base["booked"].tolist()
    assert worse["default_flag"].sum() > 1.3 * base["default_flag"].sum()
    growth = synthetic.World(lender=synthetic.Lender(scenario="growth"), seed=1)
    with pytest.raises(ValueError, match="scenario growth"):
        replay.in_downturn(growth, pd.Timestamp("2023-01-01"))


def test_realised_figures_are_counted_by_hand():
    predicted = pd.DataFrame(
        {"predicted": [0.5, 0.5, 0.0], "low": [0.4, 0.0, -1.0], "high": [0.6, 0.4, 1.0]},
        index=pd.Index(["approval_rate", "bad_rate", "profit_amount"], name="figure"),
    )
    came = pd.DataFrame(
        {
            "approved": [True, True, False, False],
            "booked": [True, True, False, False],
            "default_flag": [1.0, 0.0, np.nan, np.nan],
        }
    )
    values = pd.DataFrame({"margin_fen": [500] * 4, "loss_fen": [700] * 4, "cost_fen": [10] * 4})
    table = replay.replay_table(predicted, came, values)
    assert table["realised"].tolist() == [0.5, 0.5, -2.2]
    assert table["is_inside"].tolist() == [True, False, False]
    worlds = pd.concat(
        {"as it was": table.assign(is_inside=True), "in a downturn": table}, names=["world"]
    )
    first, second = replay.replay_text(worlds).splitlines()
    assert "all three figures lie within" in first
    assert "bad rate above, profit below its interval" in second
    shown = replay.forecast_shown(worlds, "CNY")
    assert shown.loc[("in a downturn", "profit, CNY")].tolist() == ["0", "-1", "1", "-2", "no"]
    assert shown.loc[("in a downturn", "bad rate"), "came"] == "50.00%"
    assert replay.replay_figures(worlds, "CNY") == {
        "Whole decision, in a downturn": "bad rate 50.00%, foretold 0.00% to 40.00%; "
        "profit, CNY, -2, foretold -1 to 1"
    }
    blind = replay.replay_table(None, came, values)
    told = pd.concat({"as it was": blind}, names=["world"])
    assert "nothing was foretold" in replay.replay_text(told)
    blind_too = pd.concat({"as it was": blind, "in a downturn": blind}, names=["world"])
    assert replay.replay_figures(blind_too, "CNY") == {}
    assert set(replay.forecast_shown(told, "CNY")["within"]) == {"–"}
    assert replay.forecast_shown(None, "CNY").empty


def test_rivals_are_alike_in_approval_or_in_bad_rate():
    table = strategy.cutoff_tables(SCORES, LOANS)["sharp"]
    new = (SCORES["blunt"] >= 600) & LOANS["approved"]
    flag = LOANS["default_flag"]
    rivals = replay.rival_policies(new, LOANS["approved"], SCORES["sharp"], table, flag)
    today, at_approval, at_bad_rate = rivals.values()
    assert today.equals(LOANS["approved"])
    assert 0 <= at_approval.sum() - new.sum() < 300
    assert flag[at_bad_rate].mean() <= flag[new].mean()
    assert at_bad_rate.sum() > new.sum()  # the sharper model lets in more at the same bad rate
    swapped = replay.swaps_against(rivals, new, LOANS, score=SCORES["sharp"])
    assert swapped.index.unique("against").tolist() == list(rivals)
    everybody = pd.Series(True, index=LOANS.index)
    assert "today's policy" not in replay.rival_policies(
        new, everybody, SCORES["sharp"], table, flag
    )


def test_too_few_bads_foretell_nothing():
    past = past_of(n=300)
    past["default_flag"] = past["default_flag"].where(past["default_flag"] != 1, 0.0)
    curve, table = replay.foretell(past, past["approved"], past, past["approved"])
    assert (curve, table) == (None, None)
    assert "Nothing is foretold" in replay.forecast_text(curve)
    more = past_of(n=3_000)
    coming = more.assign(passed_today=True, margin_fen=10, loss_fen=20, cost_fen=1)
    curve, table = replay.foretell(more, more["approved"], coming, more["approved"])
    pd.testing.assert_frame_equal(
        table,
        replay.forecast(replay.fit_outcomes(more, more["approved"]), coming, more["approved"]),
    )


def test_profit_is_inside_its_interval_in_184_to_196_of_200_seeds():
    rows = STUDY.rows()
    found = summary(rows).loc[("within", "profit_amount")]
    assert found["seeds"] == 200
    assert 184 <= found["inside"] <= 196


@pytest.mark.parametrize("where", ["within", "beyond"])
def test_a_seed_of_the_study_is_what_it_was(where, record_property):
    rows = STUDY.rows(seed=1, where=where)
    found = measure(1, where)
    names = ["profit_amount_realised", "profit_amount_predicted", "bad_rate_realised"]
    assert len(rows) == 1, "make study replay"
    for name in names:
        assert found[name] == pytest.approx(float(rows[name].iloc[0]), rel=1e-9)

"""Segments that are protected by another name, and figures that no cutoff or forecast can have."""

import numpy as np
import pandas as pd
import pytest

from riskkit import customers, deployment, frontier, replay, strategy
from riskkit.binning import WoeBinner
from riskkit.schema import Feature
from riskkit.scorecard import Scorecard

SEX = Feature(name="sex", label="Sex", family="protected", kind="category", protected=True)


def people(n=1_000):
    rng = np.random.default_rng(0)
    channel = rng.choice(["app", "shop", "kiosk"], n)
    return pd.DataFrame({"sex": rng.choice(["f", "m"], n), "channel": channel})


def test_a_protected_attribute_is_no_segment_under_whatever_name():
    asked = people()
    noisy = asked["sex"].copy()
    noisy.iloc[:30] = "f"
    smuggled = {
        "copy": asked["sex"],
        "a few rows changed": noisy,
        "a few rows missing": asked["sex"].where(np.arange(len(asked)) % 40 > 0),
        "finer": asked["sex"] + asked["channel"],
    }
    for name, segment in smuggled.items():
        with pytest.raises(ValueError, match=f"segment '{name}' (follows from|tells) 'sex'"):
            frontier.check_segment(segment.rename(name), [SEX], asked)
    for name in (" Sex", "S_E_X", "ＳＥＸ"):
        with pytest.raises(ValueError, match="is a protected attribute"):
            frontier.check_segment(asked["channel"].rename(name), [SEX])
    frontier.check_segment(asked["channel"], [SEX], asked)
    rare = pd.Series(np.where(np.arange(len(asked)) < 20, "vip", "others"), name="status")
    frontier.check_segment(rare, [SEX], asked)


def loans(n=600):
    rng = np.random.default_rng(1)
    score = rng.normal(550, 40, n)
    approved = rng.random(n) < 0.8
    booked = approved & (rng.random(n) < 0.8)
    bad = (rng.random(n) < 1 / (1 + np.exp((score - 500) / 30))).astype(float)
    money = strategy.loan_values(
        pd.Series(np.full(n, 500_000)),
        loss_rate=0.6, cost_amount=30.0, funding_rate=0.06, margin_rate=0.1,
    )  # fmt: skip
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(n) % 300, unit="D")
    return pd.DataFrame(
        {
            "approved": approved,
            "booked": booked,
            "default_flag": np.where(booked, bad, np.nan),
            "score": score,
            "applied_at": days,
        }
    ).join(money)


def test_what_no_cutoff_can_have_is_refused():
    book = loans()
    scores = book[["score"]]
    with pytest.raises(ValueError, match="must be 0, 1 or missing"):
        frontier.draw_curves(
            scores, book.assign(default_flag=book["default_flag"].replace(1.0, 3.0)), n_draws=20
        )
    with pytest.raises(ValueError, match="there must be an application"):
        frontier.marginal_bands(scores.iloc[:0], book.iloc[:0])
    counts = pd.DataFrame({"good": [1, 2], "bad": [2, 1]}, index=[np.nan, 5.0])
    with pytest.raises(ValueError, match="score must be finite"):
        frontier.expected_maximum_profit(counts)
    with pytest.raises(ValueError, match="score must be numeric"):
        frontier.expected_maximum_profit(counts.set_axis(["a", "b"]))
    curves = frontier.draw_curves(scores, book, n_draws=20)
    with pytest.raises(ValueError, match="cutoffs must be finite"):
        frontier.policy_gap(curves, {"score": np.nan})
    tables = strategy.cutoff_tables(scores, book)
    with pytest.raises(ValueError, match="max_bad_rate must be a fraction"):
        frontier.goal_cutoffs(tables, curves, min_approval=0.5, max_bad_rate=-1.0)


def test_a_forecast_of_what_is_not_known_is_refused():
    book = loans()
    past = book[["score", "approved", "booked", "default_flag", "applied_at"]]
    with pytest.raises(ValueError, match="score must be finite, got 600"):
        replay.fit_outcomes(past.assign(score=np.inf))
    curve = replay.fit_outcomes(past)
    asked = book.assign(passed_today=book["approved"])
    everybody = np.ones(len(asked), dtype=bool)
    for name, value in (("score", np.nan), ("score", np.inf), ("margin_fen", np.nan)):
        with pytest.raises(ValueError, match=f"{name} must be finite everywhere"):
            replay.forecast(curve, asked.assign(**{name: value}), everybody)
    with pytest.raises(ValueError, match="n_draws must be at least 2"):
        replay.forecast(curve, asked, everybody, n_draws=1)


def test_changes_at_a_cutoff_that_nobody_can_reach_are_none():
    rng = np.random.default_rng(2)
    X = pd.DataFrame({"debt": rng.integers(0, 40, 2_000).astype(float)})
    y = (rng.random(2_000) < 1 / (1 + np.exp(2.5 - 0.1 * X["debt"]))).astype(float)
    card = Scorecard(WoeBinner()).fit(X, y)
    way = {"debt": "falls"}
    assert deployment.smallest_changes(card, X, 1e12, way).empty
    for cutoff in (np.inf, np.nan, np.zeros(3)):
        with pytest.raises(ValueError, match="cutoff must be finite"):
            deployment.smallest_changes(card, X, cutoff, way)
    with pytest.raises(ValueError, match="an index without repeats"):
        deployment.smallest_changes(card, X.set_axis(np.zeros(len(X))), 500.0, way)


def test_equal_customers_are_no_segments():
    asked = pd.DataFrame({"application_id": [f"a{i}" for i in range(50)], "score": 1.0, "x": 2.0})
    feature = Feature(name="x", label="X", family="payment")
    with pytest.raises(ValueError, match="nothing tells segments apart"):
        customers.fit_segments(asked, [feature], k=2)

"""What a refit gains: found where there is something to gain, not where there is nothing."""

import numpy as np
import pandas as pd
import pytest
from scipy import special

from riskkit import refresh, vintage
from riskkit.binning import WoeBinner
from riskkit.refresh import Gain
from riskkit.scorecard import Scorecard
from riskkit.tables import read_json


def loans_of(n, seed, *, slope=(-0.8, -0.6), level=-2.0, edge=None):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"income": rng.normal(size=n), "age": rng.normal(size=n)})
    income = X["income"] if edge is None else np.where(X["income"].abs() > edge, -1.5, 1.5)
    logit = level + slope[0] * income + slope[1] * X["age"]
    X["default_flag"] = (rng.random(n) < special.expit(logit)).astype(float)
    return X.assign(customer_id=np.arange(n).astype(str))


@pytest.fixture(scope="module")
def then():
    return loans_of(4_000, 1)


@pytest.fixture(scope="module")
def card(then):
    names = ["income", "age"]
    binner = WoeBinner().fit(then[names], then["default_flag"])
    return Scorecard(binner, max_p_value=None).fit(then[names], then["default_flag"])


def beside(then, later):
    loans = pd.concat([then, later], ignore_index=True)
    return loans, np.arange(len(loans)) >= len(then)


def test_nothing_is_gained_where_nothing_has_changed(card, then):
    loans, later = beside(then, loans_of(3_000, 2))
    gains = refresh.refit_gains(card, loans, later)
    new = loans[later]
    gains["calibration"] = refresh.recalibration_gain(
        new["default_flag"], card.predict_proba(new)[:, 1], customers=new["customer_id"]
    )
    table = refresh.refresh_table(gains)
    told = table["told"].to_dict()
    assert told == {
        "binning": "keep",
        "coefficients": "keep",
        "calibration": "keep",
        "cutoff": "not looked at",
        "hazard": "not looked at",
    }
    assert "**Nothing is to be fitted again.**" in refresh.refresh_text(table)
    assert refresh.refresh_findings(table) == []
    # the fitted card is as it was
    assert card.coefficients_.equals(card.coefficients_)


def test_new_coefficients_and_bins_are_found_and_written_beside(card, then, tmp_path):
    """Age has come to tell the most, and income tells now by its distance from the middle."""
    now = loans_of(5_000, 3, slope=(-0.9, -0.2), edge=0.7)
    loans, later = beside(then.iloc[:1000], now)
    gains = refresh.refit_gains(card, loans, later)
    new = loans[later]
    p = card.predict_proba(new)[:, 1]
    gains["calibration"] = refresh.recalibration_gain(new["default_flag"], p)
    table = refresh.refresh_table(gains)
    assert table.loc["binning", "told"] == "refit"
    assert table.loc["calibration", "told"] == "refit"
    assert table.loc["binning", "gain_low"] > 0.01
    before = card.to_json()
    written = refresh.save_proposals(table, card, loans, later, tmp_path)
    assert written == ["proposal_scorecard.json", "proposal_recalibration.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(written)
    assert card.to_json() == before
    proposed = Scorecard.load(tmp_path / "proposal_scorecard.json")
    again = "binning" if table["gain_low"].idxmax() == "binning" else "coefficients"
    best = refresh.refit_card(card, loans, loans["default_flag"], again=again)
    assert (proposed.credit_score(new) == best.credit_score(new)).all()
    line = read_json(tmp_path / "proposal_recalibration.json")
    fitted = special.expit(line["intercept"] + line["slope"] * special.logit(p))
    assert fitted.sum() == pytest.approx(new["default_flag"].sum())
    text = refresh.refresh_text(table)
    assert "**To be fitted again: binning" in text
    assert {red for _, _, red in refresh.refresh_findings(table)} == {False}


def test_a_probability_that_promises_too_little_is_recalibrated(card):
    new = loans_of(4_000, 5, level=-1.3)
    gain = refresh.recalibration_gain(new["default_flag"], card.predict_proba(new)[:, 1])
    assert gain.sign_low > 1.3
    assert gain.gain_low > 0
    assert refresh.refresh_table({"calibration": gain}).loc["calibration", "told"] == "refit"
    # bads over promised, by hand
    expected = card.predict_proba(new)[:, 1].sum()
    assert gain.sign == pytest.approx(new["default_flag"].sum() / expected)


def test_a_recalibration_that_is_not_needed_costs_rather_than_gains():
    """On the loans that fitted it, it would gain on all of these."""
    rng = np.random.default_rng(7)
    gains = []
    for seed in range(40):
        p = special.expit(rng.normal(-1, 1, 400))
        gains.append(refresh.recalibration_gain(rng.random(400) < p, p, seed=seed))
    assert np.mean([gain.gain for gain in gains]) < 0
    assert sum(gain.gain_low > 0 for gain in gains) <= 2


def test_a_cutoff_too_low_is_raised_on_other_loans_than_chose_it():
    rng = np.random.default_rng(9)
    score = rng.integers(500, 700, 4_000)
    bad = rng.random(4_000) < special.expit((560 - score) / 20)
    money = np.where(bad, -6_000_00, 900_00)
    gain = refresh.cutoff_gain(score, money, 500)
    assert gain.sign_high < 0
    assert gain.gain_low > 0
    # no cutoff does better on these loans than the best of all
    best = max(-money[score < cut].sum() for cut in range(500, 700))
    assert gain.gain <= best
    assert refresh.refresh_table({"cutoff": gain}).loc["cutoff", "told"] == "refit"
    high = refresh.cutoff_gain(score, money, 640)
    assert high.gain_low <= 0
    assert high.loans == (score >= 640).sum()
    assert "CNY of profit" in refresh.refresh_text(refresh.refresh_table({"cutoff": gain}), "CNY")
    shown = refresh.refresh_shown(refresh.refresh_table({"cutoff": gain}), "CNY").loc["cutoff"]
    assert shown["value"].startswith(f"{gain.sign / 100:,.0f} (")
    assert shown["gain"].startswith(f"{gain.gain / 100:,.0f} (")
    assert (shown["judged_on"], shown["verdict"]) == (f"{gain.loans:,} loans", "refit")
    assert np.isnan(refresh.cutoff_gain(score[:20], money[:20], 500).gain)


def test_no_cutoff_gains_where_score_and_profit_are_strangers():
    """Chosen on the loans that judge it, a cutoff never loses."""
    rng = np.random.default_rng(11)
    gains = []
    for seed in range(40):
        score, money = rng.integers(500, 600, 500), rng.normal(2, 100, 500)
        gains.append(refresh.cutoff_gain(score, money, 500, seed=seed).gain)
    assert min(gains) < 0
    assert np.mean(gains) < 0


def cohorts(hazard_of, n_cohorts=24, n=2_000, seed=0):
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(n_cohorts):
        cohort = pd.Timestamp("2022-01-01") + pd.DateOffset(months=k)
        alive = n
        events = []
        for mob in range(1, 7):
            d = rng.binomial(alive, hazard_of(k, mob))
            events += [("default", mob)] * d
            alive -= d
        events += [("matured", 6)] * alive
        rows += [(cohort, event, mob) for event, mob in events]
    book = pd.DataFrame(rows, columns=["cohort", "event", "event_mob"])
    book = book.assign(loan_id=np.arange(len(book)), amount=1)
    return vintage.cohort_counts(book)


def test_new_hazards_are_due_where_later_cohorts_default_more():
    last = "2022-12-31"
    same = refresh.hazard_gain(cohorts(lambda k, mob: 0.004 * mob), last)
    more = refresh.hazard_gain(cohorts(lambda k, mob: 0.004 * mob * (1.4 if k > 11 else 1)), last)
    assert same.sign_low < 1.05
    assert abs(more.sign - 1.4) < 0.1
    told = {
        name: refresh.refresh_table({"hazard": gain}).loc["hazard", "told"]
        for name, gain in {"same": same, "more": more}.items()
    }
    assert told == {"same": "keep", "more": "refit"}
    # on the cohorts that made them, new hazards never lose
    small = [refresh.hazard_gain(cohorts(lambda k, mob: 0.02, 14, 120, k), last) for k in range(8)]
    assert min(gain.gain for gain in small) < 0
    nobody = refresh.hazard_gain(cohorts(lambda k, mob: 0.0, 4, 50), last)
    assert np.isnan(nobody.gain)


def test_too_few_later_loans_are_said_to_be(card, then):
    loans, later = beside(then, loans_of(60, 4))
    gains = refresh.refit_gains(card, loans, later)
    new = loans[later]
    p = card.predict_proba(new)[:, 1]
    for y in (new["default_flag"], new["default_flag"] * 0, new["default_flag"] * np.nan):
        gains["calibration"] = refresh.recalibration_gain(y, p)
        table = refresh.refresh_table(gains)
        assert set(table["told"]) == {"too few to say", "not looked at"}
        assert refresh.refresh_text(table).startswith("Too few later loans")
    assert refresh.save_proposals(table, card, loans, later, "nowhere") == []
    assert refresh.refresh_text(refresh.refresh_table({})).startswith("Nothing of the model")


def test_a_part_that_is_off_but_gains_nothing_is_watched():
    off = Gain(1_000, 1.5, 1.3, 1.8, 1.0, 0.001, -0.001, 0.003)
    table = refresh.refresh_table({"calibration": off})
    assert table.loc["calibration", "told"] == "watch"
    assert "To be watched: calibration" in refresh.refresh_text(table)
    with pytest.raises(ValueError, match="no rule"):
        refresh.refresh_table({"price": off})
    with pytest.raises(ValueError, match="again"):
        refresh.refit_card(None, pd.DataFrame(), [], again="all")
    with pytest.raises(ValueError, match="loans"):
        Gain(-1)
    with pytest.raises(ValueError, match="thresholds"):
        refresh.RefreshRule("sign", -1, 0, "unit")


def test_parts_are_shown_each_in_its_unit():
    same = refresh.Gain(4_088, 5_948_811, 3_796_598, 8_101_024, 0.0, 0.0, 0.0, 0.0)
    months = refresh.Gain(32_498, 1.07, 0.98, 1.18, 1.0, 0.0264, -0.0929, 0.1458)
    table = refresh.refresh_table({"cutoff": same, "hazard": months})
    shown = refresh.refresh_shown(table, "CNY")
    assert shown.loc["cutoff", "value"] == "59,488 (37,966 to 81,010) CNY"
    assert shown.loc["cutoff", "gain"] == "none, in every fold the cutoff in use earned most"
    assert shown.loc["hazard", "judged_on"] == "32,498 loan-months"
    unit = "log likelihood, 1,000 loan-months"
    assert shown.loc["hazard", "gain"] == f"0.0264 (-0.0929 to 0.1458) {unit}"
    assert shown.loc["binning"].tolist() == ["Gini in use", "–", "–", "–", "not looked at"]

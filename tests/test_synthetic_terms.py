"""A lender that also lends for 18 and 24 months: the same people, and books that go on."""

import dataclasses

import numpy as np
import pytest
from scipy import stats
from synthetic_tables import LENDER, SEED, within_bonferroni

from riskkit import checks, synthetic, vintage
from riskkit.schema import validate_performance

LONGER = dataclasses.replace(LENDER, longer_term_rates=(0.2, 0.3))


@pytest.fixture(scope="module")
def longer():
    return synthetic.simulate(LONGER, 6_000, SEED)


def test_terms_come_in_the_shares_asked_for(longer):
    terms = longer.applications["term_months"]
    counts = [(terms == term).sum() for term in (18, 24)]
    assert within_bonferroni(counts, 6_000, [0.2, 0.3]).all()
    assert terms.max() == 24
    one = synthetic.Lender(longer_term_rates=(0.1, 0.0))
    assert (one.longest_term_months, one.last_state_mob, one.last_mob) == (18, 24, 36)
    assert synthetic.simulate(one, 500, SEED).applications["term_months"].max() == 18
    assert LENDER.longest_term_months == 12


def test_nothing_else_of_the_applicants_changes(longer):
    plain = synthetic.simulate(LENDER, 6_000, SEED).applications
    table = longer.applications
    same = ["application_id", "customer_id", "applied_at", "channel", "amount", "stated_income"]
    assert table[same].equals(plain[same])
    usual = ~table["term_months"].isin([18, 24])
    assert table.loc[usual, "term_months"].equals(plain.loc[usual, "term_months"])


def test_the_books_run_to_the_end_of_the_longest_loan(longer):
    panel = validate_performance(longer.performance)
    terms = longer.applications.set_index("application_id")["term_months"]
    term = panel["loan_id"].map(terms)
    matured = panel["status"] == "matured"
    assert (panel["mob"] >= term)[matured].all()
    assert matured[term == 24].sum() > 50
    first = panel[panel["dpd"] > 90].groupby("loan_id")["mob"].first()
    assert (first <= terms.reindex(first.index) + 3).all()
    assert first.max() > 16
    paid = longer.instalments.groupby("loan_id")["paid_amount"].sum()
    booked = panel.groupby("loan_id")["paid_amount"].sum()
    assert (paid.reindex(booked.index, fill_value=0) == booked).all()


def test_what_is_simulated_is_what_the_truth_says_to_the_last_month(longer):
    terms = longer.applications.set_index("application_id")["term_months"]
    at = longer.truth.set_index("application_id").filter(like="default_at_")
    assert at.columns[[0, -1]].tolist() == ["default_at_04", "default_at_28"]
    assert (at["default_at_28"] == 0).all()
    panel = longer.performance
    seen = panel.groupby("loan_id")["cohort"].first()
    long = terms.reindex(seen.index) >= 18
    old = seen.index[long & (seen < np.datetime64("2022-10-01"))]  # 27 months or more ago
    first = panel[panel["dpd"] > 90].groupby("loan_id")["mob"].first().reindex(old)
    for late in (False, True):
        expected = at.loc[old, [c for c in at if (int(c[-2:]) > 16) == late]].sum(axis=1)
        error = np.sqrt((expected * (1 - expected)).sum())
        found = ((first > 16) if late else (first <= 16)).sum()
        assert expected.sum() > 5
        # two comparisons: a true mean is further off than this once in a thousand runs
        assert abs(found - expected.sum()) < stats.norm.ppf(1 - 0.001 / 4) * error


def test_true_hazards_and_curves_go_on(longer):
    cohorts = longer.performance.groupby("loan_id")["cohort"].first()
    hazards = synthetic.true_hazards(longer.truth, cohorts, LONGER.observed_to)
    assert hazards.index.tolist() == list(range(4, 29))
    assert (hazards.loc[17:24, "hazard"] > 0).all()
    terms = longer.applications.set_index("application_id")["term_months"]
    curves = synthetic.true_curves(longer.truth, terms)
    assert curves.columns.tolist() == list(range(29))
    assert curves.loc[24, 20] > curves.loc[24, 16]
    assert curves.loc[12, 20] == curves.loc[12, 16]
    counts = vintage.cohort_counts(longer.performance)
    assert not counts.empty


def test_of_long_loans_much_of_the_expected_loss_comes_after_a_year(longer):
    truth = longer.truth.set_index("application_id").dropna(subset="expected_loss_lifetime")
    terms = longer.applications.set_index("application_id")["term_months"].reindex(truth.index)
    sums = truth.groupby(terms)[["expected_loss_12m", "expected_loss_lifetime"]].sum()
    ratio = sums["expected_loss_12m"] / sums["expected_loss_lifetime"]
    assert ratio[24] < ratio[18] < ratio[12]
    assert ratio[24] < 0.9


def test_other_offers_of_the_longer_terms(longer):
    table = longer.applications[:300]
    again = synthetic.perform(table, LONGER, SEED)
    assert again.applications["booked"].equals(table["booked"])
    with pytest.raises(checks.DataContractError, match="term_months: expected 1 to 12"):
        synthetic.perform(table, LENDER, SEED)


def test_a_world_of_longer_terms_is_kept_and_asked_again(tmp_path):
    world = synthetic.World(lender=LONGER, seed=3)
    world.save(tmp_path / "world.json")
    assert synthetic.World.load(tmp_path / "world.json").lender == LONGER


@pytest.mark.parametrize("rates", [(0.6, 0.5), (-0.1, 0.2)])
def test_shares_that_are_none_are_refused(rates):
    with pytest.raises(ValueError, match="longer_term_rates must be fractions that sum to at most"):
        synthetic.Lender(longer_term_rates=rates)
    with pytest.raises(ValueError, match="longer_term_rates must be a tuple of 2 numbers"):
        synthetic.Lender(longer_term_rates=(0.1,))

"""What the truth says of the old policy's decisions, and the families a user may leave out."""

import numpy as np
import pandas as pd
import pytest

from riskkit import synthetic, target
from riskkit.synthetic.features import families_without


def decided():
    """Eight applications with what became of them, and their truth in another order."""
    nan = float("nan")
    columns = ["approved", "booked", "override", "explored", "declined_reason", "default_flag"]
    rows = [
        (True, True, False, False, None, 0.0),
        (True, True, False, False, None, 1.0),
        (True, False, False, False, None, nan),
        (True, True, True, False, None, nan),
        (True, True, False, True, None, 1.0),
        (False, False, False, False, "manual_review", nan),
        (False, False, False, False, "points", nan),
        (False, False, False, False, "points", nan),
    ]
    applications = pd.DataFrame(rows, columns=columns, index=range(10, 18))
    applications["application_id"] = list("abcdefgh")
    truth = pd.DataFrame(
        {
            "application_id": list("abcdefgh"),
            "true_pd": [0.01, 0.03, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6],
            "simulated_default_12m": [0, 1, 0, 0, 1, 0, 1, 1],
        }
    )
    return truth[::-1], applications


def test_truth_by_decision_by_hand():
    table = synthetic.truth_by_decision(*decided())
    assert list(table.index) == ["booked", "approved, not taken up", "declined"]
    assert table.index.name == "decision"
    assert list(table["applications"]) == [4, 1, 3]
    np.testing.assert_allclose(table["true_rate"], [0.34 / 4, 0.05, 1.3 / 3])
    np.testing.assert_allclose(table["simulated_rate"], [0.5, 0, 2 / 3])
    np.testing.assert_allclose(table["observed_rate"], [2 / 3, np.nan, np.nan])


def test_truth_by_rule_by_hand_in_the_order_of_the_policy():
    table = synthetic.truth_by_decision(*decided(), by_rule=True)
    assert list(table.index) == [
        ("approved", "by the rules"),
        ("approved", "by hand, above the cutoff"),
        ("approved", "at random"),
        ("declined", "points"),
        ("declined", "manual_review"),
    ]
    assert table.index.names == ["decision", "rule"]
    assert list(table["applications"]) == [3, 1, 1, 2, 1]
    np.testing.assert_allclose(table["true_rate"], [0.03, 0.1, 0.2, 0.5, 0.3])
    np.testing.assert_allclose(table["simulated_rate"], [1 / 3, 0, 1, 1, 0])
    np.testing.assert_allclose(table["observed_rate"], [0.5, np.nan, 1, np.nan, np.nan])


def test_every_application_falls_under_one_rule():
    portfolio = synthetic.simulate(synthetic.Lender(n_months=18), 2_000, seed=4)
    applications = portfolio.applications
    truth = portfolio.truth.rename(columns={"true_pd_12m": "true_pd"})
    table = synthetic.truth_by_decision(truth, applications, by_rule=True)
    assert table.loc["approved", "applications"].sum() == applications["approved"].sum()
    assert table["applications"].sum() == 2_000


@pytest.fixture(scope="module")
def small():
    return synthetic.simulate(synthetic.Lender(n_months=18), 4_000, seed=5)


@pytest.mark.parametrize("window", [5, 9, 12, None])
def test_the_truth_is_that_of_the_event_called_bad(small, window):
    bad = target.BadDefinition(dpd=90, window_months=window)
    terms = small.applications["term_months"]
    chance = synthetic.true_probability(small.truth, bad, terms)
    at = small.truth.filter(like="default_at_")
    months = at.columns.str[-2:].astype(int)
    within = at.loc[:, months <= (window or 99)].sum(axis=1)
    np.testing.assert_allclose(chance, within, atol=1e-12)
    # and it is what happens: labels of the booked, within three errors of their sum
    by_id = small.applications.set_index("application_id")["term_months"]
    flags = target.default_flags(
        small.performance, bad, synthetic.Lender(n_months=18).observed_to, term_months=by_id
    ).dropna()
    expected = chance.set_axis(small.truth["application_id"]).reindex(flags.index)
    error = np.sqrt((expected * (1 - expected)).sum())
    assert flags.sum() == pytest.approx(expected.sum(), abs=3 * error)


def test_a_window_by_term_counts_for_loans_of_that_term(small):
    terms = small.applications["term_months"]
    bad = target.BadDefinition(by_term={int(terms.iloc[0]): 6})
    chance = synthetic.true_probability(small.truth, bad, terms)
    short = terms == terms.iloc[0]
    within = small.truth[[f"default_at_{mob:02d}" for mob in (4, 5, 6)]].sum(axis=1)
    np.testing.assert_allclose(chance[short], within[short], atol=1e-12)
    np.testing.assert_allclose(chance[~short], small.truth["true_pd_12m"][~short], atol=1e-12)


@pytest.mark.parametrize("given", [{"dpd": 30}, {"dpd": None}, {"indeterminate_dpd": 30}])
def test_of_another_event_there_is_no_truth(small, given):
    bad = target.BadDefinition(**given)
    assert synthetic.true_probability(small.truth, bad, small.applications["term_months"]) is None
    source = synthetic.as_source(synthetic.Lender(n_months=18), 300, seed=1, bad=bad)
    assert not {"true_pd", "simulated_default_12m"} & set(source.truth)


def test_terms_of_other_loans_are_refused(small):
    terms = small.applications["term_months"]
    with pytest.raises(ValueError, match="carry different indexes"):
        synthetic.true_probability(small.truth, target.BadDefinition(), terms[::-1])


def test_what_was_simulated_within_a_year_is_no_truth_of_half_a_year():
    lender = synthetic.Lender(n_months=18)
    year = synthetic.as_source(lender, 300, seed=1).truth
    half = synthetic.as_source(lender, 300, seed=1, bad=target.BadDefinition(window_months=6)).truth
    assert {"true_pd", "simulated_default_12m"} <= set(year)
    assert "simulated_default_12m" not in half
    assert (half["true_pd"] < year["true_pd"]).any()


@pytest.mark.parametrize(
    ("text", "families"),
    [
        ("", synthetic.FAMILIES),
        (" telecom  device ", ("application", "payment", "bureau", "repeat")),
        ("repeat", ("application", "telecom", "device", "payment", "bureau")),
    ],
)
def test_families_without_those_named(text, families):
    assert families_without(text) == families


def test_families_without_refuses_unknown_names_and_an_empty_rest():
    with pytest.raises(ValueError, match=r"must be some of application, .*, got 'weather'"):
        families_without("telecom weather")
    with pytest.raises(ValueError, match="must leave at least one family, got 'app"):
        families_without(" ".join(synthetic.FAMILIES))

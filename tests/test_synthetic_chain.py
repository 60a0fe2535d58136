"""How a synthetic loan lives: the chain, its exact probabilities, climate and collections."""

import dataclasses

import numpy as np
import pytest
from scipy.special import expit, logit
from synthetic_tables import LENDER, SEED, within_bonferroni

from riskkit import synthetic
from riskkit.synthetic import chain


@pytest.fixture(scope="module")
def portfolio():
    return synthetic.simulate(LENDER, 4_000, SEED)


# --- the chain ---------------------------------------------------------------------------------


def one_loan(term, *, log_odds=0.5, balloon=0.0, n=1):
    full = np.full(n, 1)
    return chain.Loans(
        index=np.arange(n),
        term=(full * term).astype(np.int8),
        log_odds=(full * log_odds).astype(np.float32),
        last_log_odds=(full * (log_odds + balloon)).astype(np.float32),
        cohort=full * 3,
        prepay=(full * 0.05).astype(np.float32),
    )


@pytest.mark.parametrize("arrears", range(7))
@pytest.mark.parametrize("mob", [1, 3, 6, 8])
def test_transition_is_the_stated_formula(mob, arrears):
    loans = one_loan(6, log_odds=0.5, balloon=0.8)
    macro = np.linspace(-0.5, 0.5, 60)
    roll, stay, prepay = (
        float(p[0]) for p in chain.transition(LENDER, loans, macro, mob, np.array([arrears]))
    )
    risk = 0.5 + (0.8 if mob >= 6 else 0.0) + macro[3 + mob] - 0.8 * 0.5 ** (mob - 1)
    base = LENDER.roll_logits[arrears] - LENDER.collection_logits[arrears]
    expected = expit(base + LENDER.roll_slopes[arrears] * risk)
    assert roll == pytest.approx(expected, rel=1e-5)
    some = expit(LENDER.stay_logits[arrears]) if arrears else 0.0
    assert stay == pytest.approx((1 - expected) * some, rel=1e-5)
    can_prepay = arrears == 0 and mob < 6
    assert prepay == pytest.approx((1 - expected) * 0.05 if can_prepay else 0.0, rel=1e-5)


def by_paths(lender, loans, macro, last_mob):
    """First-default and at-risk probabilities by walking every path of one loan's ledger.

    An oracle: it keeps a list of unpaid instalments by due month and knows nothing of arrears as a
    state, nor of the recursion.
    """
    term = int(loans.term[0])
    default_at, at_risk = np.zeros(last_mob + 1), np.zeros(last_mob + 1)

    def walk(mob, unpaid, probability):
        if mob > last_mob:
            return
        at_risk[mob] += probability
        arrears = mob - unpaid[0] if unpaid else 0
        roll, stay, prepay = (
            float(p[0]) for p in chain.transition(lender, loans, macro, mob, np.array([arrears]))
        )
        due = [*unpaid, mob] if mob <= term else unpaid
        for share, rest in ((roll, due), (stay, due[1:]), (1 - roll - stay - prepay, [])):
            if rest and mob - rest[0] + 1 >= 4:
                default_at[mob] += probability * share
            elif share > 0 and (rest or mob < term):
                walk(mob + 1, rest, probability * share)

    walk(1, [], 1.0)
    return default_at, at_risk


@pytest.mark.parametrize("balloon", [0.0, 1.5])
@pytest.mark.parametrize("term", [1, 3, 6])
def test_forward_recursion_equals_walking_every_path(term, balloon):
    loans, macro = one_loan(term, balloon=balloon), LENDER.macro_path(5)
    last_mob = min(term + 4, 8)
    default_at, at_risk = by_paths(LENDER, loans, macro, last_mob)
    found = chain.default_probabilities(LENDER, loans, macro)
    np.testing.assert_allclose(found[0][0, 1 : last_mob + 1], default_at[1:], atol=1e-7)
    np.testing.assert_allclose(found[1][0, 1 : last_mob + 1], at_risk[1:], atol=1e-6)


@pytest.mark.parametrize(
    ("term", "log_odds", "balloon"), [(1, 1.5, 0.0), (6, 1.0, 0.0), (6, 0.0, 2.0), (12, 0.0, 0.5)]
)
def test_forward_recursion_equals_brute_force_simulation(term, log_odds, balloon):
    n = 40_000
    macro = LENDER.macro_path(5)
    loans = one_loan(term, log_odds=log_odds, balloon=balloon, n=n)
    states = chain.sample_states(LENDER, loans, macro, seed=5)
    default_at, at_risk = chain.default_probabilities(
        LENDER, one_loan(term, log_odds=log_odds, balloon=balloon), macro
    )
    bad = states >= chain.DEFAULT_ARREARS
    first = np.where(bad.any(axis=1), bad.argmax(axis=1), 99)
    gone = np.maximum.accumulate((states < 0) | bad, axis=1)
    mobs = range(1, chain.default_mobs(LENDER).stop)
    defaults = [(first == mob).sum() for mob in mobs]
    running = [(~gone[:, mob - 1]).sum() for mob in mobs]
    assert sum(defaults) > 300
    assert within_bonferroni(defaults, n, np.clip(default_at[0, 1:], 0, 1)).all()
    assert within_bonferroni(running, n, np.clip(at_risk[0, 1:], 0, 1)).all()


def test_every_loan_comes_to_an_end_and_stays_there():
    loans = one_loan(12, log_odds=2.0, n=5_000)
    states = chain.sample_states(LENDER, loans, np.zeros(99), 1)
    assert set(states[:, -1]) == {chain.PREPAID, chain.MATURED, 7}
    over = (states < 0) | (states == 7)
    first = over.argmax(axis=1)
    assert (states == states[:, -1:])[np.arange(19) >= first[:, None]].all()
    assert (first[states[:, -1] == chain.MATURED] >= 12).all()
    assert (first[states[:, -1] == chain.PREPAID] < 12).all()


# --- climate and collections -------------------------------------------------------------------


def test_downturn_is_worse_from_the_shock_on_and_the_same_before(portfolio):
    table = portfolio.applications
    down = synthetic.perform(table, dataclasses.replace(LENDER, scenario="downturn"), SEED).truth
    ratio = down["true_pd_12m"] / portfolio.truth["true_pd_12m"]
    # 12 months on book end before the onset of 2023-07
    before = table["applied_at"] < "2022-07-01"
    after = table["applied_at"] >= "2023-07-01"
    assert (ratio[before] == 1).all()
    assert (ratio[after] > 1).all()
    assert ratio[after].median() > 1.4
    mild = dataclasses.replace(LENDER, scenario="downturn", downturn_logit=0.0)
    calm = synthetic.perform(table, mild, SEED).truth
    assert calm["true_pd_12m"].equals(portfolio.truth["true_pd_12m"])


def test_the_climate_of_a_calendar_month_acts_in_that_month():
    loans, calm = one_loan(12), np.zeros(60)
    storm = np.where(np.arange(60) == loans.cohort[0] + 4, 1.0, 0.0)
    for mob in range(1, 8):
        quiet, rough = (
            chain.transition(LENDER, loans, macro, mob, 0)[0][0] for macro in (calm, storm)
        )
        assert (rough > 1.5 * quiet) if mob == 4 else (rough == quiet)


def test_a_change_builds_up_over_its_ramp():
    lender = synthetic.Lender(scenario="downturn", onset_month="2022-04", onset_ramp_months=2)
    assert lender.built_up("downturn", 6).tolist() == [0, 0, 0, 0.5, 1, 1]
    assert (lender.built_up("growth", 6) == 0).all()
    added = lender.macro_path(1) - dataclasses.replace(lender, scenario="base").macro_path(1)
    np.testing.assert_allclose(added[:6], 0.6 * np.array([0, 0, 0, 0.5, 1, 1]), atol=1e-12)
    assert len(added) > lender.n_months + lender.last_state_mob


def test_collecting_nothing_raises_everybodys_risk_and_more_lowers_it(portfolio):
    table, today = portfolio.applications, portfolio.truth["true_pd_12m"]
    for level, sign in ((0.0, 1), (2.0, -1)):
        lender = dataclasses.replace(LENDER, collection_intensity=(level,) * 7)
        world = synthetic.perform(table, lender, SEED)
        assert (np.sign(world.truth["true_pd_12m"] - today) == sign).all()
        # who takes the loan, and at what price, is no matter of collections
        assert world.applications["booked"].equals(table["booked"])


@pytest.mark.parametrize("bucket", range(7))
def test_intensity_acts_in_its_own_bucket_only(bucket):
    level = tuple(2.5 if b == bucket else 1.0 for b in range(7))
    more = dataclasses.replace(LENDER, collection_intensity=level)
    for arrears in range(7):
        before, after = (
            chain.transition(lender, one_loan(12), np.zeros(60), 8, np.array([arrears]))
            for lender in (LENDER, more)
        )
        eased = logit(float(before[0][0])) - logit(float(after[0][0]))
        expected = 1.5 * LENDER.collection_logits[bucket] if arrears == bucket else 0.0
        assert eased == pytest.approx(expected, abs=1e-5)

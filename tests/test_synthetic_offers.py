"""The old policy and its offers, and what the same people make of others."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from scipy import stats
from synthetic_tables import KEYS, LENDER, SEED, assert_same_tables

from riskkit import instalments, schema, synthetic
from riskkit.synthetic.applicants import draw_applicants
from riskkit.synthetic.offers import loans_under, offers_in
from riskkit.synthetic.policy import risk_points

FEE_CHANNELS = ("sms_link", "partner")
PROMOTED = ("education", "medical_aesthetics", "electronics")


@pytest.fixture(scope="module")
def growing():
    return synthetic.simulate(dataclasses.replace(LENDER, scenario="growth"), 12_000, SEED)


def month_index(table):
    applied = table["applied_at"]
    return (applied.dt.year - 2022) * 12 + applied.dt.month - 1


def ramp(table):
    """How far the growth has come: over four months from July 2023 on."""
    return ((month_index(table) - 17) / 4).clip(0, 1)


def under(portfolio, **columns):
    """The same people under other offers."""
    return synthetic.perform(portfolio.applications.assign(**columns), LENDER, SEED)


# --- the old policy ----------------------------------------------------------------------------


def first_rule(table, cutoff):
    """Rule that fires first, of those that columns show."""
    rules = {
        "age": ~table["age"].between(20, 55),
        "identity": table["name_phone_match"] == "none",
        "device": table["device_shared_count"] >= 8,
        "bureau_status": table["worst_status_24m"] >= 3,
        # what the customer owes is not in the table; test_synthetic.py has it
        "own_arrears": table["declined_reason"] == "own_arrears",
        "points": risk_points(table) > cutoff,
    }
    return np.select(list(rules.values()), list(rules), default="none")


def test_the_first_rule_that_fires_decides(portfolio, growing):
    rings = synthetic.simulate(
        dataclasses.replace(LENDER, scenario="fraud_ring", ring_rate=0.5), 4_000, SEED
    )
    seen = set()
    for world, loosened in ((portfolio, 0.0), (growing, 0.5), (rings, 0.0)):
        table = world.applications
        cutoff = LENDER.cutoff_points + loosened * ramp(table)
        rule = first_rule(table, cutoff)
        reason = table["declined_reason"].fillna("none")
        by_rule = ~(table["override"] | table["explored"])
        assert (reason == rule)[by_rule & (rule != "none")].all()
        assert set(reason[by_rule & (rule == "none")]) == {"none", "manual_review"}
        assert (reason == "none")[~by_rule].all()
        above = risk_points(table) - cutoff
        assert (rule == "points")[table["override"]].all()
        assert (above <= LENDER.review_points)[table["override"]].all()
        assert not (table["explored"] & table["override"]).any()
        assert set(rule[table["explored"]]) > {"none", "points"}
        seen |= set(reason)
    assert seen == {
        *("none", "age", "identity", "device", "bureau_status", "own_arrears", "points"),
        "manual_review",
    }


def test_a_decision_comes_with_an_offer_or_a_reason(portfolio):
    table = portfolio.applications
    approved = table["approved"]
    assert (approved == table["declined_reason"].isna()).all()
    assert (approved == table["offer_apr"].notna()).all()
    assert (approved == (table["offer_limit"] > 0)).all()
    assert (table.loc[~approved, ["offer_fee_rate", "offer_limit"]] == 0).all(axis=None)
    assert approved[table["booked"]].all()
    lent = np.minimum(table["amount"], table["offer_limit"]).where(table["booked"], 0)
    assert (table["booked_amount"] == lent).all()
    limited = table["booked"] & (table["offer_limit"] < table["amount"])
    assert limited.sum() > 20


def only_new(**parameters):
    return dataclasses.replace(LENDER, returning_rate=0.0, **parameters)


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_rates_of_exceptions_mean_what_they_say(rate):
    def table(**parameters):
        return synthetic.simulate(only_new(**parameters), 2_000, 1).applications

    assert (table(explore_rate=rate)["explored"] == bool(rate)).all()
    assert table(explore_rate=rate)["approved"].all() == bool(rate)
    reviewed = table(override_rate=rate)
    near = risk_points(reviewed) - LENDER.cutoff_points
    caught = first_rule(reviewed, LENDER.cutoff_points) == "points"
    in_band = caught & (near <= LENDER.review_points) & ~reviewed["explored"]
    assert (reviewed["override"][in_band] == bool(rate)).all()
    assert not reviewed["override"][~in_band].any()
    declined = table(manual_decline_rate=rate)
    passed = first_rule(declined, LENDER.cutoff_points) == "none"
    by_hand = declined["declined_reason"] == "manual_review"
    assert (by_hand[passed & ~declined["explored"]] == bool(rate)).all()


def test_overrides_know_something_no_column_shows(portfolio):
    table, truth = portfolio.applications, portfolio.truth
    near = risk_points(table) - LENDER.cutoff_points
    refused = (table["declined_reason"] == "points") & (near < LENDER.review_points)
    willingness = truth["latent_willingness"]
    assert willingness[table["override"]].mean() > willingness[refused].mean() + 0.5


def test_prices_limits_and_fees_are_those_of_the_band(portfolio):
    table = portfolio.applications[portfolio.applications["approved"]]
    band = np.digitize(risk_points(table), [0.6, 1.1, 1.6, 2.1], right=True)
    assert set(band) == set(range(5))
    promoted = table["offer_apr"] == 0
    list_price = np.array([0.18, 0.22, 0.26, 0.30, 0.34])[band] - 0.01 * month_index(table) / 12
    np.testing.assert_allclose(
        table["offer_apr"][~promoted], list_price.round(4)[~promoted], atol=1e-9
    )
    assert (table["channel"][promoted] == "merchant").all()
    assert set(table["scenario"][promoted]) == set(PROMOTED)
    eligible = (table["channel"] == "merchant") & table["scenario"].isin(PROMOTED)
    assert abs(promoted[eligible].mean() - 0.30) < 4 * np.sqrt(0.21 / eligible.sum())

    income = table["verified_income"].fillna(table["stated_income"]).fillna(4_000)
    limit = (np.array([3.0, 2.5, 2.0, 1.5, 1.0])[band] * income / 100).round() * 10_000
    assert (table["offer_limit"] == np.maximum(limit, 50_000)).all()

    fee = table["offer_fee_rate"]
    assert ((fee > 0) == table["channel"].isin(FEE_CHANNELS)).all()
    assert fee.between(0, 1, inclusive="left").all()
    term = table["term_months"]
    life = np.where(table["product"] == "interest_only", term, (term + 1) / 2)
    expected = (0.25 * table["offer_apr"] / 12 * life).where(fee > 0, 0)
    np.testing.assert_allclose(fee, expected, atol=5.1e-5)


def test_truth_ranks_better_than_the_old_policy_and_the_policy_better_than_chance(portfolio):
    bad = portfolio.truth["simulated_default_12m"].to_numpy() == 1

    def gini(risk):
        u = stats.mannwhitneyu(risk[bad], risk[~bad]).statistic
        return 2 * u / bad.sum() / (~bad).sum() - 1

    truth = gini(portfolio.truth["true_pd_12m"].to_numpy())
    policy = gini(risk_points(portfolio.applications))
    assert 0.15 < policy < truth - 0.1


def test_truth_shows_what_the_policy_kept_out(portfolio):
    truth = portfolio.truth.rename(columns={"true_pd_12m": "true_pd"})
    table = synthetic.truth_by_decision(truth, portfolio.applications)
    assert table["applications"].sum() == 12_000
    assert table.loc["declined", "true_rate"] > 1.5 * table.loc["booked", "true_rate"]
    assert np.isnan(table.loc["declined", "observed_rate"])


# --- the price ---------------------------------------------------------------------------------


@pytest.mark.parametrize("product", instalments.METHODS[:3])  # what the market offers
@pytest.mark.parametrize("has_fee", [False, True])
def test_the_price_offered_is_the_rate_of_return_of_what_flows(portfolio, product, has_fee):
    table = portfolio.applications.set_index("application_id")
    ended = portfolio.performance.groupby("loan_id")["status"].last()
    rows = table.loc[ended.index[ended == "matured"]]
    rows = rows[(rows["product"] == product) & ((rows["offer_fee_rate"] > 0) == has_fee)]
    # a fen of rounding must not count
    rows = rows[rows["booked_amount"] >= 200_000][:40]
    assert len(rows) > 8
    due = portfolio.instalments.set_index("loan_id")["due_amount"]
    for loan in rows.itertuples():
        lent = loan.booked_amount * (1 - loan.offer_fee_rate)
        flows = [-lent, *due.loc[[loan.Index]]]
        assert len(flows) == loan.term_months + 1
        assert 12 * instalments.irr(flows) == pytest.approx(loan.offer_apr, abs=1e-4)


# --- the same people under other offers --------------------------------------------------------


@pytest.mark.parametrize("scenario", synthetic.SCENARIOS)
def test_the_offers_made_give_the_portfolio_back(scenario):
    lender = synthetic.Lender(scenario=scenario, ring_rate=0.4, returning_rate=0.4)
    world = synthetic.simulate(lender, 1_500, 2)
    again = synthetic.perform(world.applications, lender, 2)
    assert_same_tables(again.tables, world.tables)
    assert again.outcomes is None


@pytest.mark.parametrize("families", [("repeat",), ("application", "bureau")])
def test_offers_are_performed_whatever_features_are_collected(families):
    lender = synthetic.Lender(families=families)
    world = synthetic.simulate(lender, 500, 2)
    assert_same_tables(synthetic.perform(world.applications, lender, 2).tables, world.tables)


def test_any_rows_in_any_order_give_those_rows(portfolio):
    table = portfolio.applications
    chosen = np.random.default_rng(1).permutation(3_000)[:400]
    some = synthetic.perform(table.iloc[chosen], LENDER, SEED)
    ids = table["application_id"].iloc[chosen]
    for name, key in KEYS.items():
        whole = portfolio.tables[name]
        rows = whole[whole[key].isin(ids)]
        place = pd.Series(np.arange(len(ids)), index=ids)
        order = rows[key].map(place).sort_values(kind="stable").index
        expected = rows.loc[order].reset_index(drop=True)
        assert_frame_equal(some.tables[name], expected, check_exact=True, obj=name)


def test_one_offer_changes_nobody_else(portfolio):
    table = portfolio.applications[:1_000]
    row = table.index[table["booked"] & (table["offer_apr"] > 0)][5]
    other = table["application_id"] != table["application_id"][row]
    price = table["offer_apr"].where(other, table["offer_apr"] + 0.2)
    changed = synthetic.perform(table.assign(offer_apr=price), LENDER, SEED)
    for name, key in KEYS.items():
        found, before = (
            rows[rows[key].isin(table["application_id"][other])].reset_index(drop=True)
            for rows in (changed.tables[name], portfolio.tables[name])
        )
        assert_frame_equal(found, before, check_exact=True)
    assert changed.truth["true_pd_12m"][row] > portfolio.truth["true_pd_12m"][row]


def test_perform_leaves_what_it_is_given_alone(portfolio):
    given = portfolio.applications[:200].copy()
    result = synthetic.perform(given.assign(mine=1), LENDER, SEED)
    assert_frame_equal(given, portfolio.applications[:200], check_exact=True)
    assert (result.applications["mine"] == 1).all()


def test_a_dearer_offer_is_riskier_and_taken_less(portfolio):
    table = portfolio.applications
    dear = under(portfolio, offer_apr=table["offer_apr"] + 0.10)
    taken, before = dear.applications["booked"], table["booked"]
    assert not (taken & ~before).any()
    assert 0.90 < taken.sum() / before.sum() < 0.99
    ratio = dear.truth["true_pd_12m"] / portfolio.truth["true_pd_12m"]
    approved = table["approved"]
    assert (ratio[approved] > 1).all()
    assert ratio[approved].mean() > 1.08
    assert (ratio[~approved] == 1).all()


def test_at_a_higher_price_the_worse_stay(portfolio):
    table = portfolio.applications
    risk = portfolio.truth["true_pd_12m"]  # under the offers made, which does not change
    mean = [risk[table["approved"]].mean(), risk[table["booked"]].mean()]
    for extra in (0.2, 0.4):
        taken = under(portfolio, offer_apr=table["offer_apr"] + extra).applications["booked"]
        mean.append(risk[taken].mean())
    assert mean[1] < mean[2] < mean[3]
    assert mean[3] > 1.03 * mean[1]
    even = dataclasses.replace(LENDER, take_up_risk_slope=0.0)
    dear = table.assign(offer_apr=table["offer_apr"] + 0.4)
    kept = synthetic.perform(dear, even, SEED).applications["booked"]
    assert risk[kept].mean() < mean[3]


def test_a_lower_limit_is_taken_less_and_weighs_less(portfolio):
    table = portfolio.applications
    low = under(portfolio, offer_limit=(np.minimum(table["offer_limit"], table["amount"]) + 1) // 2)
    approved, before = table["approved"], table["booked"]
    taken = low.applications["booked"]
    assert not (taken & ~before).any()
    assert 0.75 < taken.sum() / before.sum() < 0.97
    lent = np.minimum(table["amount"], low.applications["offer_limit"])
    assert (low.applications["booked_amount"] == lent.where(taken, 0)).all()
    start = low.performance[low.performance["mob"] == 0].set_index("loan_id")["balance"]
    by_id = low.applications.set_index("application_id")["booked_amount"]
    assert (start == by_id[by_id > 0]).all()
    ratio = (low.truth["true_pd_12m"] / portfolio.truth["true_pd_12m"])[approved]
    assert (ratio <= 1).all()
    assert (ratio < 1).mean() > 0.9
    # a limit above the wish is no offer to borrow more
    high = under(portfolio, offer_limit=table["offer_limit"].where(~approved, 10**8))
    unlimited = table["offer_limit"] >= table["amount"]
    assert (high.applications["booked_amount"] == table["booked_amount"])[unlimited].all()


def test_a_longer_term_weighs_less(portfolio):
    table = portfolio.applications
    # from 9 to 12 months: within 12 months both can default as early
    some = table[table["term_months"].eq(9) & table["product"].eq("equal_instalment")]
    some = some[some["offer_fee_rate"] == 0]
    short = synthetic.perform(some, LENDER, SEED)
    long = synthetic.perform(some.assign(term_months=12), LENDER, SEED)
    first = [f"default_at_{mob:02d}" for mob in range(4, 9)]
    ratio = long.truth[first].sum(axis=1) / short.truth[first].sum(axis=1)
    assert (ratio <= 1).all()
    assert (ratio < 0.999).mean() > 0.8


def test_only_a_balloon_weighs_more_at_the_end(portfolio):
    table = portfolio.applications
    applicants = draw_applicants(LENDER, np.arange(len(table)), SEED)
    loans = loans_under(LENDER, applicants, offers_in(LENDER, applicants, table))
    heavier = loans.last_log_odds > loans.log_odds
    assert (heavier == (table["product"] == "interest_only")).all()
    assert (heavier | (loans.last_log_odds == loans.log_odds)).all()


def test_another_product_is_another_contract(portfolio):
    table = portfolio.applications
    some = table[table["booked"] & (table["offer_apr"] > 0) & (table["offer_fee_rate"] == 0)][:300]
    some = some[some["term_months"] > 1]
    by_plan = {
        plan: synthetic.perform(some.assign(product=plan), LENDER, SEED)
        for plan in instalments.METHODS
    }
    due = {
        plan: world.instalments.query("number == 1").set_index("loan_id")["due_amount"]
        for plan, world in by_plan.items()
    }
    known = due["interest_only"].index.intersection(due["flat_fee"].index)
    assert (due["interest_only"][known] < 0.1 * due["flat_fee"][known] * 12).all()
    monthly = some.set_index("application_id")["offer_apr"] / 12
    lent = some.set_index("application_id")["booked_amount"]
    interest = (monthly * lent).round().reindex(due["interest_only"].index)
    assert (due["interest_only"] - interest).abs().max() <= 1
    # the first of equal parts is theirs with the interest on all that was lent
    known = due["equal_principal"].index
    parts = lent.reindex(known) // some.set_index("application_id")["term_months"].reindex(known)
    assert (due["equal_principal"] - parts - interest.reindex(known)).abs().max() <= 1
    known = due["interest_only"].index.intersection(due["flat_fee"].index)
    # same price, nearly the same instalment
    np.testing.assert_allclose(
        due["flat_fee"][known], due["equal_instalment"][known], rtol=1e-3, atol=3
    )


def test_what_an_offer_to_the_declined_would_be_is_not_read(portfolio):
    table = portfolio.applications
    declined = ~table["approved"]
    strange = under(
        portfolio,
        offer_apr=table["offer_apr"].where(~declined, 7.0),
        offer_limit=table["offer_limit"].where(~declined, -5),
        offer_fee_rate=table["offer_fee_rate"].where(~declined, np.nan),
    )
    assert_frame_equal(strange.truth, portfolio.truth, check_exact=True)
    assert_frame_equal(strange.performance, portfolio.performance, check_exact=True)


def test_the_declined_are_judged_under_the_reference_offer(portfolio):
    table = portfolio.applications
    declined = table[~table["approved"]]
    months = month_index(declined)
    offered = synthetic.perform(
        declined.assign(
            approved=True,
            offer_apr=0.24 - 0.01 * months / 12,
            offer_fee_rate=0.0,
            offer_limit=declined["amount"],
        ),
        LENDER,
        SEED,
    )
    expected = portfolio.truth[~table["approved"]].reset_index(drop=True)
    # of expected losses there are some once a loan is booked
    losses = ["expected_loss_12m", "expected_loss_lifetime"]
    assert expected[losses].isna().all(axis=None)
    assert offered.truth[losses].notna().any().all()
    found, expected = (truth.drop(columns=losses) for truth in (offered.truth, expected))
    assert_frame_equal(found, expected, check_exact=False, rtol=1e-5)
    assert 0.8 < offered.applications["booked"].mean() < 0.98


# --- errors ------------------------------------------------------------------------------------


def broken(table, column, value, *, approved=True):
    row = table.index[table["approved"] == approved][2]
    values = table[column].astype("float64") if isinstance(value, float) else table[column].copy()
    values[row] = value
    return table.assign(**{column: values})


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (
            "offer_apr",
            np.nan,
            r"offer_apr: expected a fraction in \[0, 1\] where approved.* 1 rows",
        ),
        ("offer_apr", 24.0, r"offer_apr: expected a fraction in \[0, 1\] where approved"),
        ("offer_apr", -0.1, r"offer_apr: expected a fraction in \[0, 1\] where approved"),
        ("offer_fee_rate", 0.9, "offer_fee_rate: expected at least 0, and no more than offer_apr"),
        ("offer_fee_rate", -0.1, "offer_fee_rate: expected at least 0"),
        ("offer_fee_rate", np.nan, "offer_fee_rate: expected at least 0"),
        ("offer_limit", 0, "offer_limit: expected at least 1 fen where approved"),
        ("offer_limit", np.nan, "offer_limit: expected integer, found dtype float64"),
        ("amount", 0, "amount: expected at least 1 fen"),
        ("amount", np.nan, "amount: expected integer, found dtype float64"),
        ("term_months", 6.5, "term_months: expected integer, found dtype float64"),
        ("term_months", 0, "term_months: expected 1 to 12"),
        ("term_months", 13, "term_months: expected 1 to 12, broken by 1 rows"),
        (
            "product",
            "balloon",
            f"product: expected one of {', '.join(instalments.METHODS)}",
        ),
        ("application_id", "A1", "application_id: expected A and nine digits, each once"),
        ("application_id", "B000000007", "application_id: expected A and nine digits, each once"),
    ],
)
def test_perform_refuses_offers_that_cannot_be_made(portfolio, column, value, message):
    table = portfolio.applications[:300]
    with pytest.raises(schema.DataContractError, match=message):
        synthetic.perform(broken(table, column, value), LENDER, SEED)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.assign(approved=t["approved"].astype("int64")), "approved: expected bool"),
        (lambda t: t.assign(applied_at=t["applied_at"].astype("str")), "applied_at: expected d"),
        (lambda t: t[:0], "no rows"),
    ],
)
def test_perform_refuses_tables_of_the_wrong_kind(portfolio, change, message):
    with pytest.raises(schema.DataContractError, match=message):
        synthetic.perform(change(portfolio.applications[:300]), LENDER, SEED)


@pytest.mark.parametrize("seed", [-1, 1.0, "a"])
def test_perform_refuses_what_is_no_seed(portfolio, seed):
    with pytest.raises(ValueError, match="seed must be a whole number"):
        synthetic.perform(portfolio.applications[:300], LENDER, seed)


def test_perform_lists_every_violation_with_the_row(portfolio):
    table = portfolio.applications[:300]
    table = broken(broken(table, "term_months", 24), "amount", 0)
    with pytest.raises(schema.DataContractError) as caught:
        synthetic.perform(table, LENDER, SEED)
    row = table.loc[table["amount"] == 0, "application_id"].iloc[0]
    assert len(caught.value.violations) == 2
    assert all(f"broken by 1 rows, first {row!r}" in line for line in caught.value.violations)


def test_perform_refuses_an_application_twice(portfolio):
    table = portfolio.applications[:50]
    twice = pd.concat([table, table[:1]], ignore_index=True)
    with pytest.raises(schema.DataContractError, match=r"each once, broken by 1 rows, first 'A0"):
        synthetic.perform(twice, LENDER, SEED)


def test_perform_refuses_a_decision_that_is_neither_yes_nor_no(portfolio):
    table = portfolio.applications[:50]
    maybe = table.assign(approved=table["approved"].astype(object).where(table.index > 3))
    with pytest.raises(schema.DataContractError, match="approved: expected boolean"):
        synthetic.perform(maybe, LENDER, SEED)


@pytest.mark.parametrize("column", ["application_id", "approved", "product", "offer_fee_rate"])
def test_perform_names_a_missing_column(portfolio, column):
    table = portfolio.applications[:50].drop(columns=column)
    with pytest.raises(schema.DataContractError, match=f"missing columns {column}; present: "):
        synthetic.perform(table, LENDER, SEED)


@pytest.mark.parametrize(
    ("lender", "seed"),
    [(LENDER, SEED + 1), (dataclasses.replace(LENDER, start_month="2021-01"), SEED)],
)
def test_perform_refuses_the_people_of_another_world(portfolio, lender, seed):
    with pytest.raises(schema.DataContractError, match="not of this lender and seed, for example"):
        synthetic.perform(portfolio.applications[:50], lender, seed)


def test_perform_refuses_a_stranger_among_its_own(portfolio):
    table = portfolio.applications[:50].copy()
    table.loc[3, "application_id"] = "A999999999"
    with pytest.raises(schema.DataContractError, match=r"1 are not of this .* example A999999999"):
        synthetic.perform(table, LENDER, SEED)


def test_asking_or_getting_less_is_one_offer(portfolio):
    """A lower amount is a lower offer, whether the limit or the amount says so."""
    table = portfolio.applications[:3_000]
    half = (table["amount"] // 2).where(table["approved"], table["amount"])
    by_amount = synthetic.perform(table.assign(amount=half), LENDER, SEED)
    limit = half.where(table["approved"], table["offer_limit"])
    by_limit = synthetic.perform(table.assign(offer_limit=limit), LENDER, SEED)
    assert by_amount.applications["booked"].sum() < table["booked"].sum()
    lower = table["offer_limit"] >= half  # where the limit does not bind anyway
    same = lower & table["approved"]
    assert (by_amount.applications["booked"] == by_limit.applications["booked"])[same].all()


def test_a_fee_never_exceeds_the_price():
    dear_fees = dataclasses.replace(LENDER, fee_share=1.0, offer_aprs=(0.0012,) * 5)
    table = synthetic.simulate(dear_fees, 2_000, SEED).applications
    assert (table["offer_fee_rate"] > 0).any()

"""The synthetic lender: reproducible in any partition, honest in its money, true in its truth."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from scipy import stats

from riskkit import instalments, schema, synthetic
from riskkit.synthetic import chain, draws
from riskkit.synthetic.applicants import draw_applicants
from riskkit.synthetic.features import NO_RECORD, RECIPES
from riskkit.synthetic.policy import risk_points

LENDER = synthetic.Lender()
N = 20_000
TABLES = ("applications", "performance", "truth")
ENDED_WELL = ("prepaid", "matured")


@pytest.fixture(scope="module")
def portfolio():
    return synthetic.simulate(LENDER, N, seed=11)


@pytest.fixture(scope="module")
def panel(portfolio):
    """Performance with what the contract says of each loan beside it."""
    loans = portfolio.applications.set_index("application_id")[
        ["amount", "term_months", "offer_apr"]
    ]
    return portfolio.performance.join(loans, on="loan_id")


def within_bonferroni(counts, trials, probabilities, *, alpha=0.01):
    """Whether every count lies in its binomial limits, all at once with probability 1 − alpha.

    Where the trials of a group have different probabilities, the binomial at their mean is wider
    than the truth, so the limits err on the safe side.
    """
    low, high = stats.binom.interval(1 - alpha / len(counts), trials, probabilities)
    return (np.asarray(counts) >= low) & (np.asarray(counts) <= high)


# --- draws -------------------------------------------------------------------------------------


def test_draws_are_uniform_and_unrelated_across_purposes_months_and_neighbours():
    index = np.arange(50_000)
    one = draws.uniform(3, index, "payment", 1)
    assert stats.kstest(one, "uniform").pvalue > 0.001
    others = [
        draws.uniform(3, index, "payment", 2),
        draws.uniform(3, index, "due_day", 1),
        draws.uniform(4, index, "payment", 1),
        draws.uniform(3, index + 1, "payment", 1),
    ]
    assert max(abs(np.corrcoef(one, other)[0, 1]) for other in others) < 4 / np.sqrt(len(index))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 999_999_999), min_size=1, max_size=30), st.integers(0, 2**64 - 1))
def test_a_draw_depends_on_its_own_index_only(indices, seed):
    together = draws.normal(seed, np.array(indices), "x", 5)
    alone = [draws.normal(seed, np.array([i]), "x", 5)[0] for i in indices]
    np.testing.assert_array_equal(together, alone)


def test_draws_refuse_a_negative_seed():
    with pytest.raises(ValueError, match="seed must lie in"):
        draws.uniform(-1, np.arange(3), "x")


# --- the same in any partition -----------------------------------------------------------------


@pytest.mark.parametrize("block_size", [1_700, 333])
def test_blocks_of_any_size_make_the_same_portfolio(portfolio, block_size):
    n = 2_500
    parts = list(synthetic.blocks(LENDER, n, 11, block_size))
    assert len(parts) == -(-n // block_size)
    first = portfolio.applications["application_id"][:n]
    for name in TABLES:
        key = "loan_id" if name == "performance" else "application_id"
        whole = getattr(portfolio, name)
        joined = pd.concat([getattr(part, name) for part in parts], ignore_index=True)
        assert_frame_equal(joined, whole[whole[key].isin(first)], check_exact=True)


def test_the_first_n_applicants_are_the_portfolio_of_n(portfolio):
    small = synthetic.simulate(LENDER, 300, seed=11)
    assert_frame_equal(small.applications, portfolio.applications[:300], check_exact=True)
    assert_frame_equal(small.truth, portfolio.truth[:300], check_exact=True)
    assert_frame_equal(
        small.performance, portfolio.performance[: len(small.performance)], check_exact=True
    )


def test_any_subset_draws_the_same_applicants():
    some = np.array([5, 77, 1_234, 40])
    alone = draw_applicants(LENDER, some, 11).frame
    among = draw_applicants(LENDER, np.arange(2_000), 11).frame.iloc[some]
    assert_frame_equal(alone, among.reset_index(drop=True), check_exact=True)


def test_another_seed_is_another_world(portfolio):
    other = synthetic.simulate(LENDER, 500, seed=12)
    same = other.truth["true_pd_12m"].to_numpy() == portfolio.truth["true_pd_12m"][:500].to_numpy()
    assert not same.any()
    assert not other.applications["applied_at"].equals(portfolio.applications["applied_at"][:500])


def test_one_applicant_is_a_portfolio():
    for seed in range(6):  # some of them booked, some declined: an empty panel
        one = synthetic.simulate(LENDER, 1, seed=seed)
        assert len(one.applications) == len(one.truth) == 1
        assert one.performance["loan_id"].nunique() == one.applications["booked"].sum()


# --- the data contract -------------------------------------------------------------------------


def test_tables_hold_to_the_contract(portfolio):
    schema.validate_applications(portfolio.applications)
    schema.validate_performance(portfolio.performance)
    dtypes = portfolio.applications.dtypes.astype(str)
    for columns, dtype in {
        ("application_id", "customer_id", "channel", "partner", "scenario", "declined_reason"): (
            "str"
        ),
        ("amount", "term_months", "offer_limit"): "int64",
        ("approved", "override", "explored", "booked"): "bool",
        ("offer_apr", "default_flag"): "float64",
        ("applied_at",): "datetime64[s]",
    }.items():
        assert set(dtypes[list(columns)]) == {dtype}
    amounts = ["due_amount", "paid_amount", "balance", "recovered_amount", "dpd", "mob"]
    assert set(portfolio.performance[amounts].dtypes.astype(str)) == {"int64"}
    assert portfolio.instalments is None
    assert portfolio.outcomes is None


def test_the_catalogue_describes_the_columns(portfolio):
    table = portfolio.applications
    for feature in synthetic.FEATURES:
        values = table[feature.name]
        assert pd.api.types.is_numeric_dtype(values) == (feature.kind == "numeric"), feature.name
        coded = bool((values == NO_RECORD).any()) if feature.kind == "numeric" else False
        assert coded == bool(feature.special_codes), feature.name
    protected = {feature.name for feature in synthetic.FEATURES if feature.protected}
    assert protected == {"age", "gender", "city_tier", "region"}
    assert len({feature.name for feature in synthetic.FEATURES}) == len(synthetic.FEATURES)


def test_every_recipe_leaves_room_for_its_own_noise():
    assert all(0 <= recipe.own_weight <= 1 for recipe in RECIPES)  # NaN where loadings exceed one


def test_no_truth_leaks_into_what_the_lender_sees(portfolio):
    visible = set(portfolio.applications) | set(portfolio.performance)
    hidden = set(portfolio.truth) - {"application_id"}
    assert not visible & hidden
    assert not [name for name in visible if "latent" in name or "true" in name]
    latents = portfolio.truth.filter(like="latent_")
    numbers = portfolio.applications.select_dtypes("number")
    # age is all there is to seniority, through a curve; the other factors stay behind noise
    for name in latents:
        values = latents[name].to_numpy()
        likeness = [
            abs(np.corrcoef(column[known], values[known])[0, 1])
            for column in (numbers[c].to_numpy() for c in numbers if c != "age")
            if np.ptp(column[known := ~np.isnan(column)]) > 0
        ]
        assert max(likeness) < 0.9, name


def test_bureau_features_are_missing_together_and_not_at_random(portfolio):
    table = portfolio.applications
    bureau = [f.name for f in synthetic.FEATURES if f.family == "bureau"]
    thin = (table[bureau] == NO_RECORD).sum(axis=1)
    assert set(thin) == {0, len(bureau)}
    assert table.loc[thin > 0, "age"].mean() < table.loc[thin == 0, "age"].mean() - 2


def test_partner_is_known_for_the_partner_channel_only(portfolio):
    table = portfolio.applications
    assert (table["partner"].notna() == (table["channel"] == "partner")).all()


def test_returning_customers_keep_who_they_are(portfolio):
    table = portfolio.applications
    again = table["customer_id"].str[1:] != table["application_id"].str[1:]
    assert 0.07 < again.mean() < 0.15
    first = table.set_index(table["customer_id"].where(~again)).loc[table["customer_id"][again]]
    for name in ("age", "gender", "region", "device_price_tier"):
        assert (first[name].to_numpy() == table.loc[again, name].to_numpy()).all()
    assert (first["applied_at"].to_numpy() <= table.loc[again, "applied_at"].to_numpy()).all()


# --- the old policy ----------------------------------------------------------------------------


def test_decisions_fit_together(portfolio):
    table = portfolio.applications
    assert (table["approved"] == table["declined_reason"].isna()).all()
    assert (table["approved"] == table["offer_apr"].notna()).all()
    assert (table["approved"] == (table["offer_limit"] > 0)).all()
    assert (table["offer_limit"] >= table["amount"])[table["approved"]].all()
    assert table.loc[table["explored"] | table["override"], "approved"].all()
    assert not (table["explored"] & table["override"]).any()
    above = risk_points(table) > LENDER.cutoff_points
    assert above[table["override"]].all()
    assert not (above & table["approved"] & ~table["override"] & ~table["explored"]).any()


def test_overrides_know_something_no_column_shows(portfolio):
    table, truth = portfolio.applications, portfolio.truth
    points = risk_points(table)
    near = (points > LENDER.cutoff_points) & (points < LENDER.cutoff_points + LENDER.review_points)
    refused = near & (table["declined_reason"] == "points")
    willingness = truth["latent_willingness"]
    assert willingness[table["override"]].mean() > willingness[refused].mean() + 0.5


def test_the_world_looks_like_a_phone_lender(portfolio):
    table = portfolio.applications
    n = len(table)
    slack = 3 * np.sqrt(0.25 / n)  # the bands are the world's, these are one draw's
    assert 0.35 - slack < table["approved"].mean() < 0.60 + slack
    assert 0.85 - slack < table["booked"].sum() / table["approved"].sum() < 0.92 + slack
    assert 0.15 - slack < (table["utilisation"] == NO_RECORD).mean() < 0.35 + slack
    flags = table["default_flag"].dropna()
    slack = 3 * np.sqrt(0.06 * 0.94 / len(flags))
    assert 0.04 - slack < flags.mean() < 0.09 + slack
    assert abs(table["explored"].mean() - LENDER.explore_rate) < 4 * np.sqrt(0.015 / n)


def test_applications_grow_and_stay_in_the_calendar(portfolio):
    applied = portfolio.applications["applied_at"]
    assert applied.min() >= pd.Timestamp("2022-01-01")
    assert applied.max() <= LENDER.observed_to == pd.Timestamp("2024-12-31")
    by_year = applied.dt.year.value_counts()
    assert by_year[2022] < by_year[2023] < by_year[2024]


# --- the ledger --------------------------------------------------------------------------------


def test_dates_and_rows_follow_the_calendar(panel):
    month_end = panel["cohort"].dt.to_period("M") + panel["mob"]
    assert (panel["month_end"].dt.to_period("M") == month_end).all()
    assert panel["month_end"].dt.is_month_end.all()
    assert panel["month_end"].max() == LENDER.observed_to
    last = panel.groupby("loan_id").last()
    done = last["status"].isin([*ENDED_WELL, "charged_off"])
    assert (last.loc[~done, "month_end"] == LENDER.observed_to).all()
    ended_early = panel.groupby("loan_id")["status"].agg(lambda s: s.isin(ENDED_WELL).sum())
    assert (ended_early <= 1).all()


def test_a_loan_is_clean_at_disbursal(panel):
    start = panel[panel["mob"] == 0]
    assert (start["balance"] == start["amount"]).all()
    assert (start[["dpd", "due_amount", "paid_amount", "recovered_amount"]] == 0).all(axis=None)
    assert (start["status"] == "current").all()


def test_days_past_due_climb_one_month_at_a_time(panel):
    same = panel["loan_id"].eq(panel["loan_id"].shift())
    step = panel["dpd"].diff()[same]
    days = panel["month_end"].dt.day[same]
    unpaid = panel["paid_amount"][same] == 0
    was_late = panel["dpd"].shift()[same] > 0
    # whoever owes and pays nothing is late by exactly one more calendar month
    assert (step[was_late & unpaid] == days[was_late & unpaid]).all()
    # and whoever pays something is not later than that
    assert (step[~unpaid] < days[~unpaid]).all()
    arrears = pd.cut(panel["dpd"], [-1, 0, 30, 60, 90, 10_000], labels=False)
    jumps = panel[same & (arrears.diff() > 1)]
    # due on 28 February, unpaid: 0 days that day, 31 a month later
    assert (jumps["month_end"].dt.month == 3).all()
    assert (jumps["dpd"] == 31).all()


def test_nobody_is_past_90_days_before_month_4_nor_charged_off_before_7(panel):
    assert panel.loc[panel["dpd"] > 90, "mob"].min() == 4
    charged_off = panel["status"] == "charged_off"
    assert panel.loc[charged_off, "mob"].min() == 7
    assert panel.loc[charged_off, "dpd"].min() > 180
    assert panel.loc[~charged_off, "dpd"].max() <= 180


def test_no_default_begins_after_term_plus_three(panel):
    first = panel[panel["dpd"] > 90].groupby("loan_id")[["mob", "term_months"]].first()
    assert (first["mob"] <= first["term_months"] + 3).all()


def test_status_says_what_the_numbers_say(panel):
    status = panel["status"]
    ended = status.isin(ENDED_WELL)
    assert (panel.loc[ended, ["balance", "dpd"]] == 0).all(axis=None)
    assert (panel.loc[~ended, "balance"] > 0).all()
    assert (panel.loc[status == "delinquent", "dpd"] > 0).all()
    assert (panel.loc[status == "current", "dpd"] == 0).all()
    assert (
        panel.loc[status == "matured", "mob"] >= panel["term_months"][status == "matured"]
    ).all()
    assert (panel.loc[status == "prepaid", "mob"] < panel["term_months"][status == "prepaid"]).all()
    assert (panel.loc[status != "charged_off", "recovered_amount"] == 0).all()
    assert panel.loc[status == "charged_off", "recovered_amount"].sum() > 0
    rows_after = panel[status == "charged_off"].groupby("loan_id").size()
    assert rows_after.max() == 13


def test_money_is_conserved_against_the_schedule(panel):
    """Whatever was paid is a whole number of scheduled instalments, and the rest is the balance."""
    kinds = panel.groupby("loan_id")["status"].last()
    some = [loan for _, group in kinds.groupby(kinds) for loan in group.index[:60]]
    for _, rows in panel[panel["loan_id"].isin(some)].groupby("loan_id"):
        loan = rows.iloc[0]
        table = instalments.schedule(
            int(loan["amount"]), loan["offer_apr"] / 12, int(loan["term_months"])
        )
        due = np.r_[0, table["due_amount"].cumsum()]
        interest = np.r_[0, table["interest_amount"].cumsum()]
        left = np.r_[loan["amount"], table["balance"]]
        recovered = rows["recovered_amount"].cumsum()
        for paid, row, back in zip(
            rows["paid_amount"].cumsum(), rows.itertuples(), recovered, strict=True
        ):
            if row.status == "prepaid":
                assert paid == due[row.mob] + left[row.mob]
                continue
            number = int(np.searchsorted(due, paid))
            assert due[number] == paid
            assert row.balance + back == left[number]
            # paid principal + recovered + balance = principal
            assert paid - interest[number] + back + row.balance == loan["amount"]
        falling_due = rows["due_amount"].to_numpy()[1 : len(due)]
        in_life = (rows["status"] != "charged_off").to_numpy()[1 : len(due)]
        expected = table["due_amount"].to_numpy()[: len(falling_due)]
        np.testing.assert_array_equal(falling_due[in_life], expected[in_life])


def test_dpd_is_the_age_of_the_oldest_unpaid_instalment(panel):
    """Rebuilt from money alone: more has fallen due than was paid, exactly where days are past."""
    live = panel[~panel["status"].isin(["prepaid", "charged_off"])]
    sums = live.groupby("loan_id")[["due_amount", "paid_amount"]].cumsum()
    owed = sums["due_amount"] - sums["paid_amount"]
    assert (owed >= 0).all()
    assert (owed[live["dpd"] > 0] > 0).all()
    # a due day on the month-end itself (28 February) is the one case owed but not past due
    on_the_day = live[(owed > 0) & (live["dpd"] == 0)]
    assert set(on_the_day["month_end"].dt.strftime("%m-%d")) <= {"02-28"}
    assert (sums["paid_amount"][live["status"] == "matured"] > 0).all()


def test_roll_rates_rise_with_the_bucket(panel):
    bucket = pd.cut(panel["dpd"], [-1, 0, 30, 60, 90, 10_000], labels=False)
    same = panel["loan_id"].eq(panel["loan_id"].shift(-1))
    rolled = (bucket.shift(-1) == bucket + 1)[same]
    rates = rolled.groupby(bucket[same]).mean()
    assert rates[0] < 0.06
    assert 0.25 < rates[1] < 0.50
    assert 0.55 < rates[2] < 0.75
    assert rates[3] > 0.75


# --- the truth ---------------------------------------------------------------------------------


def test_label_is_the_simulated_outcome_of_matured_booked_loans(portfolio):
    table, truth = portfolio.applications, portfolio.truth
    first_day = table["applied_at"].dt.to_period("M").dt.to_timestamp()
    reached = first_day + pd.offsets.MonthEnd(13) <= LENDER.observed_to
    known = table["default_flag"].notna()
    assert (known == (table["booked"] & reached)).all()
    assert (table["default_flag"][known] == truth["simulated_default_12m"][known]).all()


def test_true_pd_is_the_sum_of_first_default_probabilities(portfolio):
    truth = portfolio.truth
    months = [f"default_at_{mob:02d}" for mob in range(4, 13)]
    np.testing.assert_allclose(truth["true_pd_12m"], truth[months].sum(axis=1), rtol=1e-9)
    assert truth["true_pd_12m"].between(0, 1).all()
    at_risk = truth.filter(like="at_risk_")
    assert (at_risk.diff(axis=1).iloc[:, 1:] <= 1e-12).all(axis=None)
    last = portfolio.applications["term_months"] + 3
    for mob in range(4, 17):
        assert (truth.loc[last < mob, f"default_at_{mob:02d}"] == 0).all()


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


def one_loan(term, *, log_odds=0.5, n=1):
    full = np.full(n, 1)
    return chain.Loans(
        index=np.arange(n),
        term=(full * term).astype(np.int8),
        log_odds=(full * log_odds).astype(np.float32),
        cohort=full * 3,
        prepay=(full * 0.05).astype(np.float32),
    )


@pytest.mark.parametrize("term", [1, 3, 6])
def test_forward_recursion_equals_walking_every_path(term):
    loans, macro = one_loan(term), LENDER.macro_path(5)
    last_mob = min(term + 4, 8)
    default_at, at_risk = by_paths(LENDER, loans, macro, last_mob)
    found = chain.default_probabilities(LENDER, loans, macro)
    np.testing.assert_allclose(found[0][0, 1 : last_mob + 1], default_at[1:], atol=1e-7)
    np.testing.assert_allclose(found[1][0, 1 : last_mob + 1], at_risk[1:], atol=1e-6)


@pytest.mark.parametrize(("term", "log_odds"), [(1, 1.5), (6, 1.0), (12, 0.0)])
def test_forward_recursion_equals_brute_force_simulation(term, log_odds):
    n = 40_000
    macro = LENDER.macro_path(5)
    states = chain.sample_states(LENDER, one_loan(term, log_odds=log_odds, n=n), macro, seed=5)
    default_at, at_risk = chain.default_probabilities(
        LENDER, one_loan(term, log_odds=log_odds), macro
    )
    bad = states >= chain.DEFAULT_ARREARS
    first = np.where(bad.any(axis=1), bad.argmax(axis=1), 99)
    gone = np.maximum.accumulate((states < 0) | bad, axis=1)
    mobs = range(1, chain.LAST_DEFAULT_MOB + 1)
    defaults = [(first == mob).sum() for mob in mobs]
    running = [(~gone[:, mob - 1]).sum() for mob in mobs]
    assert sum(defaults) > 300
    assert within_bonferroni(defaults, n, np.clip(default_at[0, 1:], 0, 1)).all()
    assert within_bonferroni(running, n, np.clip(at_risk[0, 1:], 0, 1)).all()


def test_every_loan_comes_to_an_end():
    states = chain.sample_states(LENDER, one_loan(12, log_odds=2.0, n=5_000), np.zeros(99), 1)
    assert set(states[:, -1]) <= {chain.PREPAID, chain.MATURED, 7}


def decile_counts(truth, flag):
    """Defaults, loans and the two moments the truth expects of them, by decile of true PD."""
    known = truth[truth[flag].notna()]
    probability = known["true_pd_12m"]
    decile = pd.qcut(probability, 10, labels=False)
    columns = {
        "defaults": known[flag],
        "loans": 1,
        "expected": probability,
        "variance": probability * (1 - probability),
    }
    return pd.DataFrame(columns, index=known.index).groupby(decile).sum()


@pytest.mark.parametrize("flag", ["simulated_default_12m", "default_flag"])
def test_observed_default_rates_follow_the_true_probability(flag):
    groups = []
    for seed in (1, 2, 3, 4, 5):
        drawn = synthetic.simulate(LENDER, 10_000, seed)
        groups.append(decile_counts(drawn.truth.join(drawn.applications["default_flag"]), flag))
    table = pd.concat(groups)
    assert within_bonferroni(
        table["defaults"], table["loans"], table["expected"] / table["loans"]
    ).all()


def test_default_counts_scatter_as_independent_draws_do():
    """Neither tied together nor off centre: standardised residuals have variance one."""
    parts = synthetic.blocks(LENDER, 80_000, 6, 10_000)
    table = pd.concat([decile_counts(part.truth, "simulated_default_12m") for part in parts])
    residual = (table["defaults"] - table["expected"]) / np.sqrt(table["variance"])
    low, high = stats.chi2.interval(0.998, len(residual))
    assert low < (residual**2).sum() < high
    assert abs(residual.sum()) < 3.3 * np.sqrt(len(residual))


def empirical_hazard(performance):
    """First month-ends past 90 days over loans that still ran without one the month before."""
    first = performance[performance["dpd"] > 90].groupby("loan_id")["mob"].min()
    seen = performance.join(first.rename("first"), on="loan_id")
    seen = seen[seen["first"].isna() | (seen["mob"] <= seen["first"])]
    events = (seen["mob"] == seen["first"]).groupby(seen["mob"])
    return pd.DataFrame({"defaults": events.sum(), "at_risk": events.size()})


def test_true_hazards_meet_the_empirical_ones(portfolio):
    performance = portfolio.performance
    cohorts = performance.groupby("loan_id")["cohort"].first()
    true = synthetic.true_hazards(portfolio.truth, cohorts, LENDER.observed_to)
    assert true.index.tolist() == list(range(4, 17))
    seen = empirical_hazard(performance).loc[4:15]
    true = true.loc[4:15]
    assert within_bonferroni(seen["defaults"], seen["at_risk"], true["hazard"]).all()
    # a sum of independent draws: its variance is below its mean
    expected = true["expected_at_risk"]
    assert ((seen["at_risk"] - expected).abs() < 4 * np.sqrt(expected)).all()


def test_true_hazards_count_only_what_was_observed(portfolio):
    performance = portfolio.performance
    cohorts = performance.groupby("loan_id")["cohort"].first()
    early = cohorts[cohorts == cohorts.min()]
    table = synthetic.true_hazards(portfolio.truth, early, cohorts.min() + pd.offsets.MonthEnd(7))
    assert table["hazard"].notna().tolist() == [mob <= 6 for mob in table.index]
    rows = portfolio.truth.set_index("application_id").loc[early.index]
    for mob in (4, 5, 6):
        assert table.loc[mob, "hazard"] == pytest.approx(
            rows[f"default_at_{mob:02d}"].sum() / rows[f"at_risk_{mob:02d}"].sum()
        )
    with pytest.raises(ValueError, match="cohorts must be of loans in truth, got 1 others: 'X'"):
        synthetic.true_hazards(
            portfolio.truth, pd.Series(cohorts.min(), index=["X"]), LENDER.observed_to
        )


def test_truth_ranks_better_than_the_old_policy_and_the_policy_better_than_chance(portfolio):
    bad = portfolio.truth["simulated_default_12m"].to_numpy() == 1

    def gini(risk):
        u = stats.mannwhitneyu(risk[bad], risk[~bad]).statistic
        return 2 * u / bad.sum() / (~bad).sum() - 1

    truth = gini(portfolio.truth["true_pd_12m"].to_numpy())
    policy = gini(risk_points(portfolio.applications))
    assert 0.15 < policy < truth - 0.1


# --- scenarios and drift -----------------------------------------------------------------------


def test_downturn_is_worse_from_the_shock_on_and_the_same_before():
    base, down = (
        synthetic.simulate(dataclasses.replace(LENDER, scenario=name), 4_000, 11).truth
        for name in ("base", "downturn")
    )
    applications = synthetic.simulate(LENDER, 4_000, 11).applications
    # 12 months on book end before the shock of 2023-07
    before = applications["applied_at"] < "2022-07-01"
    after = applications["applied_at"] >= "2023-07-01"
    ratio = down["true_pd_12m"] / base["true_pd_12m"]
    assert (ratio[before] == 1).all()
    assert (ratio[after] > 1).all()
    assert ratio[after].median() > 1.5


def test_the_climate_of_a_calendar_month_acts_in_that_month():
    loans, calm = one_loan(12), np.zeros(60)
    storm = np.where(np.arange(60) == loans.cohort[0] + 4, 1.0, 0.0)
    for mob in range(1, 8):
        quiet, rough = (
            chain.transition(LENDER, loans, macro, mob, 0)[0][0] for macro in (calm, storm)
        )
        assert (rough > 1.5 * quiet) if mob == 4 else (rough == quiet)


def test_a_dearer_offer_is_riskier(portfolio):
    dear = dataclasses.replace(LENDER, offer_aprs=(0.30, 0.30, 0.34, 0.34, 0.34))
    other = synthetic.simulate(dear, 2_000, 11)
    approved = portfolio.applications["approved"][:2_000]
    ratio = other.truth["true_pd_12m"] / portfolio.truth["true_pd_12m"][:2_000]
    assert (ratio[approved] >= 1).all()
    assert ratio[approved].mean() > 1.02
    assert (ratio[~approved] == 1).all()  # the declined keep the list price


def test_only_the_declared_features_drift(portfolio):
    table = portfolio.applications
    late = table["applied_at"] >= "2024-07-01"
    early = table["applied_at"] < "2022-07-01"
    for recipe in RECIPES:
        name = recipe.feature.name
        if recipe.feature.kind == "category" or recipe.feature.family == "bureau":
            continue
        shift = stats.ks_2samp(table.loc[late, name].dropna(), table.loc[early, name].dropna())
        assert (shift.statistic > 0.1) == (recipe.drift_per_year != 0), name
    frozen = synthetic.simulate(dataclasses.replace(LENDER, drift_scale=0.0), 5_000, 11)
    bill = frozen.applications["monthly_phone_bill"]
    assert stats.ks_2samp(bill[late[:5_000]], bill[early[:5_000]]).pvalue > 0.001


# --- errors ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"start_month": "2022"}, "start_month must be a month \"YYYY-MM\", got '2022'"),
        ({"start_month": "2022-13"}, "got '2022-13'"),
        ({"n_months": 0}, r"n_months must be a whole number in 1\.\.600, got 0"),
        ({"n_months": 12.5}, r"n_months must be a whole number in 1\.\.600, got 12\.5"),
        ({"scenario": "boom"}, "scenario must be one of base, downturn, got 'boom'"),
        ({"shock_month": "2030-01"}, "shock_month must lie in the 36 months from 2022-01"),
        ({"explore_rate": 1.5}, r"explore_rate must be a fraction in \[0, 1\], got 1\.5"),
        ({"returning_rate": float("nan")}, "returning_rate must be a fraction .* got nan"),
        ({"monthly_growth_rate": 0.9}, r"monthly_growth_rate must lie in .* got 0\.9"),
        ({"drift_scale": -1}, "drift_scale must be >= 0, got -1"),
        ({"list_apr": 24}, "must be fractions in .* got 24"),
        ({"offer_aprs": (0.2, 0.3)}, "offer_aprs must be a tuple of 5 numbers"),
        ({"roll_logits": (0.0,)}, "roll_logits must be a tuple of 7 numbers"),
        ({"take_up_logit_per_apr": 3.0}, r"take_up_logit_per_apr must be <= 0, got 3\.0"),
        ({"shock_logit": float("inf")}, "shock_logit must be finite, got inf"),
    ],
)
def test_lender_refuses_impossible_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        synthetic.Lender(**parameters)


@pytest.mark.parametrize(
    ("n", "seed", "message"),
    [
        (0, 1, "n_applicants must be a whole number in .* got 0"),
        (2.5, 1, r"n_applicants must be a whole number in .* got 2\.5"),
        (10, -1, "seed must be a whole number in .* got -1"),
        (10, "a", "seed must be a whole number in .* got 'a'"),
    ],
)
def test_simulate_refuses_impossible_numbers(n, seed, message):
    with pytest.raises(ValueError, match=message):
        synthetic.simulate(LENDER, n, seed)


def test_a_lender_may_start_anywhere_and_be_one_month_old():
    young = synthetic.simulate(synthetic.Lender(start_month="2020-02", n_months=1), 400, 1)
    assert young.performance["mob"].eq(0).all()
    assert young.applications["default_flag"].isna().all()
    assert young.performance["month_end"].eq(pd.Timestamp("2020-02-29")).all()


# -- as a source ---------------------------------------------------------------------------------


def test_the_source_holds_the_contract_and_keeps_the_truth_apart():
    source = synthetic.as_source(synthetic.Lender(n_months=18), 1500, seed=4)
    schema.validate_applications(source.applications)
    schema.validate_performance(source.performance)
    offered = {feature.name for feature in source.features if feature.offered}
    assert offered <= set(source.applications.columns)
    assert not set(source.truth.columns) - {"application_id"} & set(source.applications.columns)
    assert set(source.tables) == {"applications", "performance", "truth", "features"}


def test_truth_shows_what_the_policy_kept_out():
    source = synthetic.as_source(synthetic.Lender(n_months=18), 4000, seed=4)
    table = synthetic.truth_by_decision(source.truth, source.applications)
    assert table["applications"].sum() == 4000
    assert table.loc["declined", "true_rate"] > 1.5 * table.loc["booked", "true_rate"]
    assert np.isnan(table.loc["declined", "observed_rate"])

"""Who applies to the synthetic lender: customers, rings, what is remembered, features, market."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from synthetic_tables import LENDER, REPEATS, RINGS, assert_same_tables, rows_of

from riskkit import synthetic
from riskkit.synthetic.features import NO_LOAN, NO_RECORD, RECIPES
from riskkit.synthetic.lender import CHARGE_OFF_ARREARS
from riskkit.synthetic.market import CHANNELS, PARTNERS, PURCHASES
from riskkit.synthetic.people import GROUP


@pytest.fixture(scope="module")
def repeats():
    return synthetic.simulate(REPEATS, 4_000, seed=3)


@pytest.fixture(scope="module")
def rings():
    return synthetic.simulate(RINGS, 100 * GROUP, seed=5)


def number(ids):
    return ids.str[1:].astype("int64")


def months(dates):
    return dates.dt.year * 12 + dates.dt.month


# --- people ------------------------------------------------------------------------------------


@pytest.mark.parametrize("scenario", synthetic.SCENARIOS)
def test_returning_customers_keep_who_they_are_and_come_later(scenario):
    lender = dataclasses.replace(REPEATS, scenario=scenario, ring_rate=0.4)
    table = synthetic.simulate(lender, 3_000, 8).applications
    customer, own = number(table["customer_id"]), number(table["application_id"])
    assert (customer <= own).all()
    assert (customer // GROUP == own // GROUP).all()
    by_customer = table.groupby("customer_id")
    assert by_customer.size().max() == 4
    kept = [recipe.feature.name for recipe in RECIPES if recipe.of_person] + ["device_id"]
    assert by_customer[kept].nunique().max(axis=None) == 1
    assert by_customer["monthly_phone_bill"].nunique().max() > 1
    assert by_customer["applied_at"].is_monotonic_increasing.all()
    assert by_customer["applied_at"].nunique().max() > 1


def test_as_many_return_as_the_lender_says(portfolio):
    table = portfolio.applications
    again = table["customer_id"].str[1:] != table["application_id"].str[1:]
    # the first of each group cannot, and every fifth loan of a long line is somebody new's
    assert 0.15 < again.mean() < 0.18
    never = synthetic.simulate(dataclasses.replace(LENDER, returning_rate=0.0), 500, 1)
    assert never.applications["customer_id"].is_unique
    assert (never.applications["earlier_loans"] == NO_LOAN).all()


def test_applications_grow_and_stay_in_the_calendar(portfolio):
    applied = portfolio.applications["applied_at"]
    assert applied.min() >= pd.Timestamp("2022-01-01")
    assert applied.max() <= LENDER.observed_to == pd.Timestamp("2024-12-31")
    by_year = applied.dt.year.value_counts()
    assert by_year[2022] < by_year[2023] < by_year[2024]


def test_growth_brings_more_applications_from_the_onset_on(portfolio):
    growing = synthetic.simulate(dataclasses.replace(LENDER, scenario="growth"), 12_000, 11)
    late = [(p.applications["applied_at"] >= "2023-11-01").mean() for p in (portfolio, growing)]
    odds = [share / (1 - share) for share in late]
    # six tenths more from the end of the ramp on, and some on the ramp
    assert 1.40 < odds[1] / odds[0] < 1.62


# --- rings -------------------------------------------------------------------------------------


def test_only_the_ring_scenario_has_rings():
    for scenario in ("base", "growth", "downturn"):
        other = synthetic.simulate(dataclasses.replace(RINGS, scenario=scenario), 1_000, 5)
        assert (other.truth["ring"] == -1).all()
        assert other.applications.groupby("device_id")["customer_id"].nunique().max() == 1


def test_a_ring_strikes_once_after_the_onset_within_its_group(rings):
    table = rings.applications.assign(ring=rings.truth["ring"], fraud=rings.truth["fraud"])
    members = table[table["ring"] >= 0]
    assert 0.35 < members["ring"].nunique() / 100 < 0.65  # half the groups of 64
    assert (members["ring"] == number(members["application_id"]) // GROUP).all()
    assert members["fraud"].all()
    assert (members["applied_at"] >= pd.Timestamp("2023-07-01")).all()
    first = members.drop_duplicates("customer_id")
    days = first.groupby("ring")["applied_at"].agg(lambda s: (s.max() - s.min()).days)
    assert days.max() <= 3
    starts = first.groupby("ring")["applied_at"].min()
    assert starts.dt.to_period("M").nunique() > 8  # at different times
    assert table.groupby("customer_id")["ring"].nunique().max() == 1
    new = (table["application_id"].str[1:] == table["customer_id"].str[1:]) & (
        number(table["application_id"]) // GROUP
    ).isin(members["ring"])
    assert abs((table["ring"][new] >= 0).mean() - RINGS.ring_member_rate) < 0.05


def test_a_ring_is_linked_by_its_phone_and_nobody_else_is(rings):
    table = rings.applications.assign(ring=rings.truth["ring"])
    phones = table.groupby("device_id")
    # never across groups, nor with an innocent
    assert phones["ring"].nunique().max() == 1
    owners = phones["customer_id"].nunique()
    assert (phones["ring"].first()[owners >= 2] >= 0).all()
    members = table[table["ring"] >= 0]
    assert members.groupby("ring")["device_id"].nunique().max() == 1
    # who else has applied with this phone before, as the lender sees it
    for _, rows in members.groupby("device_id"):
        new = rows[~rows["customer_id"].duplicated()]
        assert (new["device_shared_count"] == np.arange(len(new))).all()
        assert new["applied_at"].is_monotonic_increasing
        for again in rows.drop(new.index).itertuples():
            others = new.loc[new["customer_id"] != again.customer_id, "applied_at"]
            # which came first on one day no column tells
            low, high = (others < again.applied_at).sum(), (others <= again.applied_at).sum()
            assert low <= again.device_shared_count <= high


def test_a_ring_changes_nobody_outside_its_group(rings):
    base = synthetic.simulate(dataclasses.replace(RINGS, scenario="base"), 100 * GROUP, 5)
    struck = rings.truth.loc[rings.truth["ring"] >= 0, "ring"]
    elsewhere = ~(number(rings.truth["application_id"]) // GROUP).isin(struck)
    assert 1_000 < elsewhere.sum() < len(elsewhere)
    ids = rings.truth["application_id"][elsewhere]
    assert_same_tables(rows_of(rings, ids), rows_of(base, ids))


# --- what the lender remembers -----------------------------------------------------------------


def arrears_by_month(instalments, last):
    """Months in arrears of each loan at the end of each month, from due and paid dates alone."""
    due = months(instalments["due_date"])
    paid = months(instalments["paid_date"]).fillna(10**6)
    columns = {}
    for month in range(due.min() - 1, last + 1):
        oldest = due[(due <= month) & (paid > month)].groupby(instalments["loan_id"]).min()
        columns[month] = (month - oldest + 1).clip(upper=CHARGE_OFF_ARREARS)
    every = instalments["loan_id"].unique()
    return pd.DataFrame({m: s.reindex(every) for m, s in columns.items()}).fillna(0)


@pytest.fixture(scope="module")
def remembered(repeats):
    """What the public tables say of each application's customer on the day."""
    table = repeats.applications.assign(month=months(repeats.applications["applied_at"]))
    arrears = arrears_by_month(repeats.instalments, table["month"].max())
    loans = table.loc[table["booked"], ["customer_id", "application_id", "month"]]
    pairs = table[["customer_id", "application_id", "month"]].merge(
        loans, on="customer_id", suffixes=("", "_loan")
    )
    pairs = pairs[pairs["application_id_loan"] < pairs["application_id"]]
    facts = []
    for pair in pairs.itertuples():
        seen = arrears.reindex([pair.application_id_loan]).loc[:, : pair.month - 1].iloc[0]
        now = seen.iloc[-1] if len(seen) else 0
        facts.append((seen.max(), now, pair.month - pair.month_loan))
    facts = pd.DataFrame(facts, columns=["worst", "now", "since"], index=pairs.index).fillna(0)
    found = facts.groupby(pairs["application_id"]).agg(
        earlier_loans=("worst", "size"),
        earlier_worst_arrears=("worst", "max"),
        months_since_loan=("since", "min"),
        now=("now", "max"),
    )
    return found.reindex(table["application_id"])


def test_the_lender_remembers_earlier_loans_up_to_the_last_month_end(repeats, remembered):
    columns = ["earlier_loans", "earlier_worst_arrears", "months_since_loan"]
    seen = repeats.applications.set_index("application_id")[columns]
    assert_frame_equal(seen, remembered[columns].fillna(NO_LOAN), check_exact=True)
    assert set(seen["earlier_loans"]) == {NO_LOAN, 1, 2, 3}
    assert set(seen["earlier_worst_arrears"]) == {NO_LOAN, *range(CHARGE_OFF_ARREARS + 1)}
    assert (seen["months_since_loan"] == 0).any()
    assert ((seen == NO_LOAN).sum(axis=1).isin([0, 3])).all()


def test_who_owes_on_an_earlier_loan_is_declined(repeats, remembered):
    table = repeats.applications
    owes = (remembered["now"] > 0).to_numpy()
    before = (
        ~table["age"].between(20, 55)
        | (table["name_phone_match"] == "none")
        | (table["device_shared_count"] >= 8)
        | (table["worst_status_24m"] >= 3)
    )
    declined = table["declined_reason"] == "own_arrears"
    assert (declined == (owes & ~before & ~table["explored"])).all()
    assert declined.sum() > 100


# --- features ----------------------------------------------------------------------------------


def test_longer_windows_contain_the_shorter_ones(portfolio):
    table = portfolio.applications
    windows = (7, 30, 90, 180)
    for kind in ("inquiries", "lenders"):
        counts = table[[f"{kind}_{days}d" for days in windows]]
        assert (counts.diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)
        assert (counts.diff(axis=1).iloc[:, 1:] > 0).any().all()
    for days in windows:
        assert (table[f"lenders_{days}d"] <= table[f"inquiries_{days}d"]).all()


def test_bureau_features_are_missing_together_and_not_at_random(portfolio):
    table = portfolio.applications
    bureau = [f.name for f in synthetic.FEATURES if f.family == "bureau"]
    thin = (table[bureau] == NO_RECORD).sum(axis=1)
    assert set(thin) == {0, len(bureau)}
    assert table.loc[thin > 0, "age"].mean() < table.loc[thin == 0, "age"].mean() - 2
    by_customer = (thin > 0).groupby(table["customer_id"]).nunique()
    assert (by_customer == 1).all()


@pytest.mark.parametrize("left_out", [("bureau", "telecom"), ("application", "repeat", "device")])
def test_families_leave_out_their_columns_and_change_nothing_else(left_out):
    whole = synthetic.simulate(REPEATS, 1_000, 4)
    families = tuple(name for name in synthetic.FAMILIES if name not in left_out)
    part = synthetic.simulate(dataclasses.replace(REPEATS, families=families), 1_000, 4)
    gone = [f.name for f in synthetic.FEATURES if f.family in left_out and f.name != "term_months"]
    expected = whole.tables | {"applications": whole.applications.drop(columns=gone)}
    assert_same_tables(part.tables, expected)


def test_missing_rates_are_near_the_recipes(portfolio):
    n = len(portfolio.applications)
    for recipe in RECIPES:
        rate = portfolio.applications[recipe.feature.name].isna().mean()
        if not recipe.missing_rate:
            assert rate == 0, recipe.feature.name
            continue
        slack = 4 * np.sqrt(recipe.missing_rate / n)
        # what makes it likelier for some adds up to a little more
        extra = 0.025 if recipe.missing_loadings else 0.0
        assert -slack < rate - recipe.missing_rate < slack + extra, recipe.feature.name


def test_only_the_declared_features_drift(portfolio):
    table = portfolio.applications
    drifting = {recipe.feature.name for recipe in RECIPES if recipe.drift_per_year}
    for recipe in RECIPES:  # nested windows carry the drift of the one inside, or of their bound
        if {recipe.on_top_of, recipe.at_most} & drifting:
            drifting.add(recipe.feature.name)
    frozen = synthetic.simulate(dataclasses.replace(LENDER, drift_scale=0.0), 12_000, 11)
    for recipe in RECIPES:
        name = recipe.feature.name
        still = frozen.applications[name]
        assert table[name].equals(still) == (name not in drifting), name
        if recipe.drift_per_year:
            measured = (table[name] != NO_RECORD) & table[name].notna()
            late = measured & (table["applied_at"] >= "2024-01-01")
            moved = (table[name] - still)[late].mean()
            assert np.sign(moved) == np.sign(recipe.drift_per_year), name


# --- the market --------------------------------------------------------------------------------


def test_channels_drift_and_growth_buys_traffic(portfolio):
    growing = synthetic.simulate(dataclasses.replace(LENDER, scenario="growth"), 12_000, 11)

    def shares(world, since, until):
        applied = world.applications["applied_at"]
        rows = (applied >= since) & (applied < until)
        return world.applications.loc[rows, "channel"].value_counts(normalize=True)

    first = shares(portfolio, "2022-01", "2022-07")
    last = shares(portfolio, "2024-01", "2025-01")
    for channel in CHANNELS:
        assert abs(first[channel.name] - channel.share) < 0.04
        drift = last[channel.name] - channel.share - 2.5 * channel.share_per_year
        assert abs(drift) < 0.03, channel.name
    # a quarter more beside the whole: (0.13 + 0.25) / 1.25
    assert abs(shares(growing, "2023-11", "2025-01")["partner"] - 0.304) < 0.03
    assert abs(shares(growing, "2022-01", "2023-07")["partner"] - 0.13) < 0.02
    table = portfolio.applications
    assert (table["partner"].notna() == (table["channel"] == "partner")).all()
    assert set(table["partner"].dropna()) == {partner.name for partner in PARTNERS}


def test_a_plan_fits_the_purchase_and_a_shop_its_keeper(portfolio):
    table = portfolio.applications
    seen = pd.crosstab(table["scenario"], table["product"], normalize="index")
    n = table["scenario"].value_counts()
    for purchase in PURCHASES:
        for plan, share in zip(
            ("equal_instalment", "interest_only", "flat_fee"), purchase.plans, strict=True
        ):
            found = seen.loc[purchase.name, plan]
            slack = 4 * np.sqrt(share * (1 - share) / n[purchase.name])
            assert abs(found - share) <= slack, (purchase.name, plan)
    shops = table["scenario"] == "shop_turnover"
    assert (table.loc[shops, "occupation"] == "self_employed").all()
    own = table["occupation"] == "self_employed"
    assert 0.31 < shops[own].mean() < 0.39
    amounts = np.log(table["amount"]).groupby(table["scenario"]).mean()
    assert amounts.idxmin() == "daily_spending"

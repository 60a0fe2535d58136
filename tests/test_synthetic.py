"""The synthetic lender as a whole: the same in any partition, true to the data contract."""

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from scipy import stats
from synthetic_tables import KEYS, LENDER, REPEATS, RINGS, assert_same_tables, rows_of

from riskkit import schema, synthetic, target
from riskkit.checks import DataContractError
from riskkit.synthetic import draws
from riskkit.synthetic.applicants import draw_applicants
from riskkit.synthetic.features import RECIPES
from riskkit.synthetic.people import GROUP
from riskkit.tables import Table, hash_ids, sealed


def read_back(folder):
    """Tables on disk; parquet knows no seconds."""
    tables = {name: Table(folder / name).frame() for name in KEYS}
    for table in tables.values():
        for name in table.select_dtypes("datetime"):
            table[name] = table[name].astype("datetime64[s]")
    return tables


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


@pytest.mark.parametrize("scenario", synthetic.SCENARIOS)
def test_blocks_of_any_size_make_the_same_portfolio(scenario):
    lender = synthetic.Lender(scenario=scenario, ring_rate=0.4, returning_rate=0.4)
    n = 400
    whole = synthetic.simulate(lender, n, 11)
    for block_size in (37, 3 * GROUP, 333):  # two of them cut groups
        parts = list(synthetic.blocks(lender, n, 11, block_size))
        assert len(parts) == -(-n // block_size)
        joined = {
            name: pd.concat([part.tables[name] for part in parts], ignore_index=True)
            for name in KEYS
        }
        assert_same_tables(joined, whole.tables)


@pytest.mark.parametrize("scenario", synthetic.SCENARIOS)
def test_the_first_n_applicants_are_the_portfolio_of_n(scenario):
    lender = synthetic.Lender(scenario=scenario, ring_rate=0.4, returning_rate=0.4)
    large = synthetic.simulate(lender, 500, seed=2)
    for n in (1, 100, 333):
        ids = large.applications["application_id"][:n]
        assert_same_tables(synthetic.simulate(lender, n, seed=2).tables, rows_of(large, ids))


@pytest.mark.parametrize("scenario", synthetic.SCENARIOS)
def test_any_subset_in_any_order_draws_the_same_applicants(scenario):
    lender = synthetic.Lender(scenario=scenario, ring_rate=0.4, returning_rate=0.4)
    some = np.array([1_990, 5, 77, 1_234, 40, 999, 63, 64])
    alone = draw_applicants(lender, some, 11)
    among = draw_applicants(lender, np.arange(2_000), 11)
    assert_frame_equal(alone.frame, among.frame.iloc[some].reset_index(drop=True), check_exact=True)
    np.testing.assert_array_equal(alone.risk, among.risk[some])
    np.testing.assert_array_equal(alone.people.ring, among.people.ring[some])
    np.testing.assert_array_equal(alone.people.time, among.people.time[some])


@pytest.mark.parametrize("kind", ["serial", "threads", "processes"])
def test_files_hold_what_simulate_gives(tmp_path, kind):
    n = 1_500
    expected = synthetic.simulate(RINGS, n, 7).tables
    executors = {
        "serial": lambda: None,
        "threads": lambda: ThreadPoolExecutor(2),
        "processes": lambda: ProcessPoolExecutor(2, mp_context=get_context("spawn")),
    }
    executor = executors[kind]()
    written = list(
        synthetic.write_portfolio(tmp_path, RINGS, n, 7, block_size=600, executor=executor)
    )
    if executor:
        executor.shutdown()
    assert [rows["applications"] for rows in written] == [600, 600, 300]
    assert_same_tables(read_back(tmp_path), expected)
    assert_frame_equal(schema.read_table(tmp_path / "truth"), expected["truth"], check_exact=True)
    with pytest.raises(FileExistsError, match="already holds parts"):
        synthetic.write_portfolio(tmp_path, RINGS, n, 7)


def test_blocks_without_a_loan_or_a_partner_fit_the_others_on_disk(tmp_path):
    list(synthetic.write_portfolio(tmp_path, LENDER, 12, 11, block_size=1))
    found = read_back(tmp_path)
    assert_same_tables(found, synthetic.simulate(LENDER, 12, 11).tables)
    assert not found["applications"]["booked"].all()


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
        ("application_id", "customer_id", "device_id", "channel", "partner", "scenario"): "str",
        ("product", "declined_reason"): "str",
        ("amount", "term_months", "offer_limit", "booked_amount"): "int64",
        ("approved", "override", "explored", "booked"): "bool",
        ("offer_apr", "offer_fee_rate", "default_flag"): "float64",
        ("applied_at",): "datetime64[s]",
    }.items():
        assert set(dtypes[list(columns)]) == {dtype}
    amounts = ["due_amount", "paid_amount", "balance", "recovered_amount", "dpd", "mob"]
    assert set(portfolio.performance[amounts].dtypes.astype(str)) == {"int64"}
    assert portfolio.instalments.dtypes.astype(str).to_dict() == {
        "loan_id": "str",
        "number": "int64",
        "due_date": "datetime64[s]",
        "due_amount": "int64",
        "paid_date": "datetime64[s]",
        "paid_amount": "int64",
    }
    assert portfolio.outcomes is None
    assert set(portfolio.tables) == set(KEYS)


def test_the_catalogue_describes_the_columns(portfolio):
    table = portfolio.applications
    for feature in synthetic.FEATURES:
        values = table[feature.name]
        assert pd.api.types.is_numeric_dtype(values) == (feature.kind == "numeric"), feature.name
        negative = set(values[values < 0]) if feature.kind == "numeric" else set()
        assert negative == set(feature.special_codes), feature.name
    protected = {feature.name for feature in synthetic.FEATURES if feature.protected}
    assert protected == {"age", "gender", "city_tier", "region"}
    assert len({feature.name for feature in synthetic.FEATURES}) == len(synthetic.FEATURES)
    families = {feature.family for feature in synthetic.FEATURES}
    assert families == {"protected", *synthetic.FAMILIES}


def test_every_recipe_leaves_room_for_its_own_noise():
    assert all(0 <= recipe.own_weight <= 1 for recipe in RECIPES)  # NaN where loadings exceed one


def test_no_truth_leaks_into_what_the_lender_sees(portfolio):
    visible = set().union(*(set(portfolio.tables[name]) for name in KEYS if name != "truth"))
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


# --- errors ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"start_month": "2022"}, "start_month must be a month \"YYYY-MM\", got '2022'"),
        ({"start_month": None}, 'start_month must be a month "YYYY-MM", got None'),
        ({"start_month": "2022-13"}, "got '2022-13'"),
        ({"start_month": "1989-12"}, "got '1989-12'"),
        ({"onset_month": "soon"}, "onset_month must be a month \"YYYY-MM\", got 'soon'"),
        ({"onset_month": "2030-01"}, "onset_month must lie in the 36 months from 2022-01"),
        ({"onset_month": "2021-12"}, "onset_month must lie in the 36 months from 2022-01"),
        ({"n_months": 0}, r"n_months must be a whole number in 1\.\.600, got 0"),
        ({"n_months": 601}, r"n_months must be a whole number in 1\.\.600, got 601"),
        ({"n_months": 12.5}, r"n_months must be a whole number in 1\.\.600, got 12\.5"),
        ({"n_months": True}, r"n_months must be a whole number in 1\.\.600, got True"),
        ({"onset_ramp_months": 0}, "onset_ramp_months must be a whole number"),
        ({"macro_cycle_months": 0}, "macro_cycle_months must be a whole number"),
        (
            {"scenario": "boom"},
            "scenario must be one of base, growth, downturn, fraud_ring, got 'boom'",
        ),
        ({"families": ["bureau"]}, "families must be a tuple of some of application, telecom"),
        ({"families": ("bureau", "stars")}, "families must be a tuple of some of .*'stars'"),
        ({"families": ()}, r"families must name at least one family, got \(\)"),
        ({"monthly_growth_rate": 0.9}, r"monthly_growth_rate must lie in .* got 0\.9"),
        ({"list_apr": 24}, "must be fractions in .* got 24"),
        ({"offer_aprs": (0.2, 0.2, 0.2, 0.2, -0.1)}, r"must be fractions in .* got -0\.1"),
        ({"offer_aprs": (0.2, 0.3)}, "offer_aprs must be a tuple of 5 numbers"),
        ({"offer_aprs": [0.2] * 5}, "offer_aprs must be a tuple of 5 numbers"),
        *(
            ({name: (0.0,)}, f"{name} must be a tuple of 7 numbers")
            for name in (
                "roll_logits",
                "roll_slopes",
                "stay_logits",
                "collection_intensity",
                "collection_logits",
            )
        ),
        ({"roll_logits": (0.0,) * 6 + (float("nan"),)}, "roll_logits must be a tuple of 7 numbers"),
        ({"collection_intensity": (1.0,) * 6 + (-1.0,)}, "must be >= 0, got -1.0"),
        ({"take_up_logit_per_apr": 3.0}, r"take_up_logit_per_apr must be <= 0, got 3\.0"),
        *(
            ({name: 1.5}, rf"{name} must be a fraction in \[0, 1\], got 1\.5")
            for name in (
                "explore_rate",
                "override_rate",
                "manual_decline_rate",
                "ring_rate",
                "ring_member_rate",
                "fraud_rate",
                "growth_partner_share",
            )
        ),
        ({"fee_share": 1.1}, r"fee_share must be a fraction in \[0, 1\], got 1\.1"),
        ({"returning_rate": float("nan")}, "returning_rate must be a finite number, got nan"),
        ({"cutoff_points": None}, "cutoff_points must be a finite number, got None"),
        ({"explore_rate": "x"}, "explore_rate must be a finite number, got 'x'"),
        *(
            ({name: -1}, f"{name} must be >= 0, got -1")
            for name in (
                "drift_scale",
                "macro_noise_logit",
                "review_points",
                "growth_volume_rate",
                "take_up_logit_per_shortfall",
                "take_up_risk_slope",
                "late_days",
            )
        ),
        ({"downturn_logit": float("inf")}, "downturn_logit must be a finite number, got inf"),
        ({"late_logit": float("nan")}, "late_logit must be a finite number, got nan"),
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


def test_blocks_refuse_an_impossible_size_before_any_work():
    with pytest.raises(ValueError, match=r"block_size must be a whole number in .* got 0"):
        list(synthetic.blocks(LENDER, 10, 1, 0))


def test_a_lender_may_start_anywhere_and_be_one_month_old():
    young = synthetic.simulate(synthetic.Lender(start_month="2020-02", n_months=1), 400, 1)
    assert young.performance["mob"].eq(0).all()
    assert young.instalments.empty
    assert young.applications["default_flag"].isna().all()
    assert young.performance["month_end"].eq(pd.Timestamp("2020-02-29")).all()


# -- as a source ---------------------------------------------------------------------------------


def test_the_source_holds_the_contract_and_keeps_the_truth_apart():
    lender = synthetic.Lender(n_months=18, families=("telecom", "bureau"))
    source = synthetic.as_source(lender, 1500, seed=4)
    schema.validate_applications(source.applications)
    schema.validate_performance(source.performance)
    assert {f.name for f in source.features} <= set(source.applications.columns)
    assert {f.family for f in source.features if f.offered} == {"telecom", "bureau"}
    assert not set(source.truth.columns) - {"application_id"} & set(source.applications.columns)
    tables = {"applications", "performance", "instalments", "truth", "features"}
    assert set(source.tables) == tables
    drawn = synthetic.simulate(lender, 1500, 4)
    assert_frame_equal(source.applications, drawn.applications, check_exact=True)


def test_another_definition_of_bad_is_another_label():
    lender = synthetic.Lender(n_months=18)
    early = target.BadDefinition(dpd=30, window_months=3)
    flags = synthetic.as_source(lender, 1500, seed=4, bad=early).applications["default_flag"]
    plain = synthetic.simulate(lender, 1500, 4).applications["default_flag"]
    assert flags.notna().sum() > 1.5 * plain.notna().sum()
    assert flags.mean() > 0


def test_a_thinned_source_keeps_whole_customers_with_all_their_rows():
    source = synthetic.as_source(REPEATS, 3_000, seed=4)
    thin = source.thinned(800)
    kept = thin.applications
    assert 780 < len(kept) <= 800
    customers = source.applications["customer_id"]
    assert customers.duplicated().sum() > 500
    assert customers.isin(kept["customer_id"]).sum() == len(kept)
    for name, key in KEYS.items():
        of_kept = source.tables[name][key].isin(kept["application_id"])
        expected = source.tables[name][of_kept].reset_index(drop=True)
        assert_frame_equal(thin.tables[name], expected, check_exact=True)
    assert thin.notes == (
        *source.notes,
        f"These are {len(kept)} of 3,000 applications: whole customers, chosen by a hash of "
        "their id, for a quick look.",
    )
    # the same whatever the order, and a smaller sample is part of a larger one
    turned = replace(source, applications=source.applications[::-1].reset_index(drop=True))
    again = turned.thinned(800).applications
    assert_frame_equal(again[::-1].reset_index(drop=True), kept)
    assert source.thinned(300).applications["application_id"].isin(kept["application_id"]).all()
    # as many as there are, or more: all of them, without a word
    assert source.thinned(3_000) is source
    assert source.thinned(0) is source
    with pytest.raises(ValueError, match="max_applications must be >= 0, got -1"):
        source.thinned(-1)


def test_a_thinned_source_is_sampled_by_another_hash_than_others_use():
    source = synthetic.as_source(LENDER, 3_000, seed=4)
    own = source.applications.assign(customer_id=source.applications["application_id"])
    ids = replace(source, applications=own).thinned(600).applications["application_id"]
    # else all of them would lie among the smallest fifth
    assert 0.25 < (hash_ids(ids) < 2**63).mean() < 0.75


def test_a_sample_of_one_class_says_so():
    source = synthetic.as_source(LENDER, 2_000, seed=4)
    message = (
        "both goods and bads are needed, found 0 good and 1 bad, in a sample of 5 of 2,000 "
        "applications; give a larger max_applications, or 0 for all"
    )
    with pytest.raises(schema.DataContractError, match=message):
        source.thinned(5)


def test_parameters_without_effect_are_named_with_the_reason():
    given = {"source": "", "root": "", "max_applications": 0, "seed": 1, "roll_months": 6}
    assert set(synthetic.check_world(given)) == {"source", "root", "max_applications"}
    idle = synthetic.check_world(given | {"source": "mine.yaml", "scenario": "nonsense"})
    assert set(idle) == {"seed", "scenario"}
    assert set(idle.values()) == {"is for the simulated lender; a source states its own"}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_applicants": 0}, "n_applicants must be >= 1, got 0"),
        ({"seed": -1}, r"seed must be >= 0 and below 2\^31, got -1"),
        ({"source": "a.yaml", "max_applications": -5}, "max_applications must be >= 0, got -5"),
        ({"onset_month": "2030-01"}, "onset_month must lie in the 36 months"),
        ({"without_families": "weather"}, "without_families must be some of"),
        ({"bad_dpd": 0}, "dpd must be at least 1 day, got 0"),
        ({"bad_window_months": 0}, "window_months must be at least 1 month"),
        ({"indeterminate_dpd": 90}, "indeterminate_dpd must lie between 0 and dpd=90"),
    ],
)
def test_a_world_that_cannot_be_is_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        synthetic.check_world(parameters)


def test_a_world_is_kept_and_asked_again(tmp_path):
    lender = synthetic.Lender(n_months=15, scenario="growth", families=("application", "repeat"))
    world = synthetic.World(lender=lender, seed=7)
    world.save(tmp_path / "world.json")
    again = synthetic.World.load(tmp_path / "world.json")
    assert again == world
    base = synthetic.simulate(again.lender, 300, again.seed)
    pd.testing.assert_frame_equal(base.truth, synthetic.simulate(lender, 300, 7).truth)


def test_a_world_of_another_making_is_refused():
    values = synthetic.World(lender=synthetic.Lender(), seed=1).to_json()
    changed = {name: value for name, value in values.items() if name != "sha256"}
    changed["lender"] = values["lender"] | {"n_months": 0}
    with pytest.raises(DataContractError, match="n_months must be a whole number"):
        synthetic.World.from_json(sealed(changed))
    changed["lender"] = values["lender"] | {"moon_phase": 1}
    with pytest.raises(DataContractError, match="moon_phase"):
        synthetic.World.from_json(sealed(changed))
    with pytest.raises(ValueError, match="seed"):
        synthetic.World(lender=synthetic.Lender(), seed=-1)

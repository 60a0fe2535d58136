"""How hard collections work on whom: who is left alone by a draw, and plans for single loans."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from synthetic_tables import LENDER, SEED, assert_same_tables, within_bonferroni

from riskkit import schema, synthetic
from riskkit.checks import DataContractError

# many fall into arrears
LATE = dataclasses.replace(LENDER, n_months=24, roll_logits=(-2.0, -0.45, 1.2, 2.0, 2.2, 2.4, 2.6))
HELD = dataclasses.replace(LATE, collection_holdout_rate=0.3)
LOG = ["collection_group", "collection_action", "contacted"]


@pytest.fixture(scope="module")
def plain():
    return synthetic.simulate(LATE, 6_000, SEED)


@pytest.fixture(scope="module")
def held():
    return synthetic.simulate(HELD, 6_000, SEED)


def begun(panel):
    """Days past due when each row's month began."""
    return panel.groupby("loan_id")["dpd"].shift(fill_value=0)


def test_the_default_world_is_as_it_was_before_collections_could_differ():
    world = synthetic.simulate(LENDER, 3_000, SEED)
    panel, truth = world.performance, world.truth
    assert not set(LOG) & set(panel)
    # counted before the intensity of single loans came in
    sums = [int(panel[name].sum()) for name in ("paid_amount", "dpd", "recovered_amount")]
    assert [*sums, len(panel)] == [845291177, 216102, 3059859, 11079]
    assert truth["true_pd_12m"].sum() == pytest.approx(331.2541646267009, rel=1e-12)
    assert truth["expected_loss_lifetime"].sum() == pytest.approx(5728524.111558228, rel=1e-12)


def test_the_log_holds_to_the_contract_and_other_groups_are_refused(held):
    panel = held.performance
    schema.validate_performance(panel)
    strange = panel.assign(collection_group=panel["collection_group"].replace("held_out", "some"))
    with pytest.raises(DataContractError, match=r"collection_group: .* 'one of treated, held_out'"):
        schema.validate_performance(strange)


def test_a_share_of_every_bucket_is_left_alone_anew_each_month(held):
    panel = held.performance
    late = (begun(panel) > 0) & (panel.groupby("loan_id")["status"].shift() != "charged_off")
    assert (panel["collection_group"].notna() == late).all()
    spared = panel["collection_group"] == "held_out"
    bucket = -(-begun(panel)[late] // 31)
    counts = spared[late].groupby(bucket).agg(["sum", "size"])
    counts = counts[counts["size"] >= 30]
    assert within_bonferroni(counts["sum"], counts["size"], 0.3).all()
    # nor does it hang on the month before
    again = spared[late].groupby(panel["loan_id"][late]).shift()
    both = pd.crosstab(again.dropna().astype(bool), spared[late][again.notna()])
    assert within_bonferroni(both[True], both.sum(axis=1), 0.3).all()
    assert panel.loc[spared, "collection_action"].isna().all()
    assert not panel.loc[spared | ~late, "contacted"].any()
    treated = panel["collection_group"] == "treated"
    assert panel.loc[treated, "collection_action"].notna().all()
    assert 0.2 < panel.loc[treated, "contacted"].mean() < 0.9


def test_until_a_loan_is_left_alone_nothing_differs(plain, held):
    spared = held.performance["collection_group"] == "held_out"
    so_far = spared.groupby(held.performance["loan_id"]).cumsum() > 0
    # repeated customers are decided on what their first loan did
    first = held.applications.loc[~held.applications["customer_id"].duplicated(), "application_id"]
    before = held.performance[~so_far & held.performance["loan_id"].isin(first)]
    same = before.drop(columns=LOG).merge(
        plain.performance, on=["loan_id", "mob"], suffixes=("", "_plain")
    )
    assert len(same) == len(before) > 1_000
    for name in ("dpd", "paid_amount", "balance", "status"):
        assert (same[name] == same[f"{name}_plain"]).all()


def test_all_left_alone_is_no_collections_at_all(plain):
    every = dataclasses.replace(LATE, collection_holdout_rate=1.0)
    none = dataclasses.replace(LATE, collection_intensity=(1.0,) + (0.0,) * 6)
    a, b = (synthetic.perform(plain.applications, one, SEED) for one in (every, none))
    assert_frame_equal(a.performance.drop(columns=LOG), b.performance)
    assert_frame_equal(a.truth, b.truth, rtol=1e-5)


def test_the_truth_knows_the_draw(held, plain):
    truth = held.truth
    expected = truth["true_pd_12m"].sum()
    spread = np.sqrt((truth["true_pd_12m"] * (1 - truth["true_pd_12m"])).sum())
    assert abs(truth["simulated_default_12m"].sum() - expected) < 4 * spread
    # by more than chance: without the draw in it, it would be this
    assert expected - plain.truth["true_pd_12m"].sum() > 5


def test_an_intensity_of_one_changes_nothing_and_one_loan_changes_alone(plain):
    panel, people = plain.performance, plain.applications
    rows = panel[(panel["dpd"] > 0) & (panel["mob"] < 10)].drop_duplicates("loan_id")[:80]
    table = pd.DataFrame({"loan_id": rows["loan_id"], "mob": rows["mob"] + 1, "factor": 1.0})
    same = synthetic.perform(people, LATE, SEED, table)
    assert_same_tables(same.tables, synthetic.perform(people, LATE, SEED).tables)
    harder = synthetic.perform(people, LATE, SEED, table.assign(factor=8.0))
    asked = panel["loan_id"].map(table.set_index("loan_id")["mob"])
    untouched = asked.isna() | (panel["mob"] < asked)
    beside = panel[untouched].merge(
        harder.performance, on=["loan_id", "mob"], suffixes=("", "_harder")
    )
    assert len(beside) == untouched.sum()
    assert (beside["paid_amount"] == beside["paid_amount_harder"]).all()
    assert (beside["dpd"] == beside["dpd_harder"]).all()
    # nobody pays less in that month for being asked harder, and some pay more
    then = table.merge(panel, on=["loan_id", "mob"]).merge(
        harder.performance, on=["loan_id", "mob"], suffixes=("", "_harder")
    )
    gain = then["paid_amount_harder"] - then["paid_amount"]
    assert gain.min() >= 0
    assert (gain > 0).sum() > 5
    # and the truth of these alone
    moved = harder.truth["true_pd_12m"] < plain.truth["true_pd_12m"] - 1e-9
    assert set(harder.truth.loc[moved, "application_id"]) <= set(table["loan_id"])
    assert moved.any()


def test_the_expected_loss_knows_what_is_planned_ahead(plain):
    truth = plain.truth.set_index("application_id")["expected_loss_lifetime"].dropna()
    last = plain.performance.groupby("loan_id").tail(1)
    late = last[last["loan_id"].isin(truth.index) & (last["dpd"] > 0)]
    table = pd.DataFrame({"loan_id": late["loan_id"], "mob": late["mob"] + 1, "factor": 8.0})
    planned = synthetic.perform(plain.applications, LATE, SEED, table).truth
    ahead = planned.set_index("application_id")["expected_loss_lifetime"][truth.index]
    asked = truth.index.isin(late["loan_id"])
    assert asked.sum() > 20
    assert (ahead[asked] < truth[asked]).all()
    assert (ahead[~asked] == truth[~asked]).all()


def test_an_intensity_of_zero_is_to_be_left_alone(plain):
    people = plain.applications
    every = dataclasses.replace(LATE, collection_holdout_rate=1.0)
    mobs = range(1, LATE.last_state_mob + 1)
    booked = people.loc[people["booked"], "application_id"][:300]
    table = pd.MultiIndex.from_product([booked, mobs], names=["loan_id", "mob"]).to_frame(False)
    late = plain.performance[plain.performance["loan_id"].isin(booked)]
    # reminders before the due day go on for who is not in arrears
    ever = late.loc[begun(late) > 0, ["loan_id", "mob"]]
    first = ever.groupby("loan_id")["mob"].min()
    table = table[table["mob"] == table["loan_id"].map(first)].assign(factor=0.0)
    some = people[people["application_id"].isin(table["loan_id"])]
    zero = synthetic.perform(some, LATE, SEED, table).performance
    alone = synthetic.perform(some, every, SEED).performance
    until = zero["mob"] <= zero["loan_id"].map(first)
    assert_frame_equal(
        zero[until].reset_index(drop=True),
        alone[alone["mob"] <= alone["loan_id"].map(first)].drop(columns=LOG).reset_index(drop=True),
    )


def test_a_table_of_intensities_that_fits_no_loan_is_refused(plain):
    people = plain.applications
    loan = people["application_id"].iloc[0]
    good = pd.DataFrame({"loan_id": [loan], "mob": [1], "factor": [1.0]})
    wrong = {
        "loan_id: expected the application_id": good.assign(loan_id="A999999999"),
        "mob: expected 1 to 18": good.assign(mob=0),
        "factor: expected a finite number": good.assign(factor=-1.0),
        "loan_id, mob: expected each once": pd.concat([good, good]),
        "mob: expected integer": good.assign(mob=1.5),
        "missing columns factor": good.drop(columns="factor"),
    }
    for message, table in wrong.items():
        with pytest.raises(DataContractError, match=f"intensity breaks .*\n.*{message}"):
            synthetic.perform(people, LATE, SEED, table)
    with pytest.raises(DataContractError, match="factor: expected a finite number"):
        synthetic.perform(people, LATE, SEED, good.assign(factor=np.inf))
    with pytest.raises(ValueError, match=r"collection_holdout_rate must be a fraction in \[0, 1\]"):
        synthetic.Lender(collection_holdout_rate=1.5)
    with pytest.raises(ValueError, match="collection_holdout_rate must be a fraction"):
        synthetic.check_world({"collection_holdout_rate": -0.1})


def test_a_world_kept_before_there_was_a_draw_is_read(tmp_path):
    world = synthetic.World(lender=HELD, seed=1)
    world.save(tmp_path / "world.json")
    assert synthetic.World.load(tmp_path / "world.json") == world

"""Loans in arrears that are re-aged, extended, restructured or settled: what the books show."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from scipy import stats
from synthetic_tables import SEED, within_bonferroni

from riskkit import schema, synthetic, target
from riskkit.synthetic.relief import TREATMENTS

# many fall into arrears
PLAIN = synthetic.Lender(n_months=24, roll_logits=(-2.0, -0.45, 1.2, 2.0, 2.2, 2.4, 2.6))
TREATS = dataclasses.replace(PLAIN, treatment_rate=0.4)
KEY = ["loan_id", "month_end"]


@pytest.fixture(scope="module")
def plain():
    return synthetic.simulate(PLAIN, 8_000, SEED)


@pytest.fixture(scope="module")
def treated():
    return synthetic.simulate(TREATS, 8_000, SEED)


@pytest.fixture(scope="module")
def both(plain, treated):
    """Each row of the treated panel with the same month as it would be untreated, `_plain`."""
    panel = treated.performance.merge(
        plain.performance, on=KEY, how="left", suffixes=("", "_plain")
    )
    granted = panel["treatment"].notna()
    panel["since"] = granted.groupby(panel["loan_id"]).cummax()
    panel["kind"] = panel["treatment"].groupby(panel["loan_id"]).ffill()
    panel["dpd_before"] = panel.groupby("loan_id")["dpd"].shift()
    panel["balance_before"] = panel.groupby("loan_id")["balance"].shift()
    return panel


def test_a_lender_that_treats_nobody_reports_no_treatment(plain):
    assert "treatment" not in plain.performance


def test_the_contract_holds_with_the_treatments_and_refuses_other_words(treated):
    schema.validate_performance(treated.performance)
    kinds = treated.performance["treatment"]
    assert set(kinds.dropna()) == set(TREATMENTS)
    strange = treated.performance.assign(treatment=kinds.replace("re-age", "magic"))
    with pytest.raises(schema.DataContractError, match=r"treatment: .* 'one of re-age, extension"):
        schema.validate_performance(strange)


def test_treatments_come_in_the_shares_asked_for_to_loans_two_or_three_months_late(both):
    # on 28 February an instalment due that day is not past due, hence 28 days and not 31
    asked = both["dpd_before"].between(28, 92) & ~both["since"].shift(fill_value=False)
    granted = both["treatment"].notna()
    assert both.loc[granted, "dpd_before"].between(28, 92).all()
    n, k = int((asked & (both["dpd_before"] > 31)).sum()), int(granted.sum())
    assert n > 500
    assert within_bonferroni([k], n, [0.4]).all()
    assert both.groupby("loan_id")["treatment"].count().max() == 1
    kinds = both["treatment"].value_counts().reindex(TREATMENTS)
    assert within_bonferroni(kinds.to_numpy(), k, list(TREATS.treatment_shares)).all()


def test_until_something_is_done_nothing_differs(both):
    before = both[~both["since"]]
    for name in ("cohort", "mob", "due_amount", "paid_amount", "balance", "dpd", "status"):
        assert (before[name] == before[f"{name}_plain"]).all()


def test_what_is_done_moves_days_and_no_money(both):
    rows = both[both["since"] & (both["kind"] != "settlement")]
    for name in ("paid_amount", "balance", "recovered_amount"):
        assert (rows[name] == rows[f"{name}_plain"]).all()
    assert (rows["dpd"] <= rows["dpd_plain"]).all()
    late = rows[(rows["dpd_plain"] > 31) & (rows["status"] != "charged_off")]
    assert (late["dpd"] < late["dpd_plain"]).all()
    gone = rows[rows["status"] == "charged_off"]
    assert len(gone) > 100
    assert (gone["dpd"] == gone["dpd_plain"]).all()


@pytest.mark.parametrize(
    ("kind", "worst"), [("re-age", 31), ("extension", 92), ("restructuring", 0)]
)
def test_what_is_reported_in_the_month_itself(both, kind, worst):
    rows = both[both["treatment"] == kind]
    assert len(rows) > 50
    # whoever pays nothing in that month is a month late again, or as late as before, or not at all
    unpaid = rows["paid_amount"] == 0
    assert rows["dpd"].max() <= worst
    assert (rows.loc[unpaid, "dpd"] > 0).all() == (kind != "restructuring")
    if kind == "extension":
        assert (rows.loc[unpaid, "dpd"] - rows.loc[unpaid, "dpd_before"]).abs().max() <= 3


def test_a_settlement_brings_its_share_of_what_is_owed_and_ends_the_loan(both):
    rows = both[both["treatment"] == "settlement"]
    assert len(rows) > 30
    assert (rows["status"] == "matured").all()
    assert (rows[["balance", "dpd"]] == 0).all(axis=None)
    assert (rows["paid_amount"] == np.floor(0.5 * rows["balance_before"])).all()
    assert (rows.index == both.groupby("loan_id")["mob"].idxmax()[rows["loan_id"]]).all()


def test_instalments_and_panel_tell_the_same(treated):
    panel, table = treated.performance, treated.instalments
    month = table["paid_date"].dt.to_period("M").dt.end_time.dt.normalize().dt.as_unit("s")
    paid = table.assign(month_end=month).groupby(KEY)["paid_amount"].sum()
    told = panel[panel["paid_amount"] > 0].set_index(KEY)["paid_amount"]
    assert paid[paid > 0].sort_index().equals(told.sort_index())
    assert (table["paid_date"].notna() | (table["due_date"] <= TREATS.observed_to)).all()
    # days past due on the last day follow from the oldest unpaid due date
    last = panel.groupby("loan_id").last()
    running = last[last["status"].isin(["current", "delinquent"])]
    unpaid = table[table["paid_date"].isna() & table["loan_id"].isin(running.index)]
    oldest = unpaid.groupby("loan_id")["due_date"].min().reindex(running.index)
    days = (TREATS.observed_to - oldest).dt.days.clip(lower=0).fillna(0)
    assert (days == running["dpd"]).all()
    touched = panel.loc[panel["treatment"].notna(), "loan_id"]
    assert running.index.isin(touched).sum() > 30


def test_an_instalment_falls_due_once_in_the_panel_again_after_it_was_moved(treated):
    panel = treated.performance
    moved = panel[panel["treatment"] == "re-age"].set_index("loan_id")["mob"]
    rows = panel[panel["loan_id"].isin(moved.index)]
    since = rows[rows["mob"] >= rows["loan_id"].map(moved)]
    # nothing falls due after the moved last instalment, and never more than the panel's own amounts
    terms = treated.applications.set_index("application_id")["term_months"]
    late = since["mob"] > since["loan_id"].map(terms) + 3
    assert (since.loc[late, "due_amount"] == 0).all()
    assert (since["due_amount"] > 0).any()


def test_who_has_paid_ahead_of_the_moved_dates_owes_nothing_that_month(both):
    sums = both.groupby("loan_id")[["due_amount_plain", "paid_amount_plain"]].cumsum()
    square = sums["paid_amount_plain"] >= sums["due_amount_plain"]
    square = square.groupby(both["loan_id"]).shift(fill_value=False)
    after = both["since"] & both["treatment"].isna() & (both["kind"] != "settlement")
    rows = both[after & square & (both["status"] != "charged_off")]
    assert len(rows) > 30
    assert (rows["due_amount"] == 0).all()


def test_labels_are_those_of_the_reported_days(treated, plain):
    bad = target.BadDefinition()
    terms = treated.applications.set_index("application_id")["term_months"]
    flags = target.default_flags(treated.performance, bad, TREATS.observed_to, term_months=terms)
    own = treated.applications.set_index("application_id")["default_flag"].dropna()
    assert_series = pd.testing.assert_series_equal
    assert_series(flags.dropna().reindex(own.index), own, check_names=False, check_dtype=False)
    untreated = plain.applications.set_index("application_id")["default_flag"].dropna()
    assert own.sum() < untreated.sum()
    assert (own <= untreated).all()


def test_the_truth_is_that_of_arrears_as_they_are(treated, plain):
    losses = ["expected_loss_12m", "expected_loss_lifetime"]
    assert_frame_equal(treated.truth.drop(columns=losses), plain.truth.drop(columns=losses))
    for name in losses:
        known = treated.truth[name].notna()
        assert (treated.truth.loc[known, name] == plain.truth.loc[known, name]).all()
        settled = set(treated.performance.query("treatment == 'settlement'")["loan_id"])
        gone = plain.truth.loc[plain.truth[name].notna() & ~known, "application_id"]
        assert 0 < len(gone) <= len(settled)
        assert set(gone) <= settled


def test_treatments_hide_defaults_and_do_not_undo_them(both):
    """Of loans re-aged, more go past 90 days or are charged off later than by chance alone."""
    aged = both[(both["kind"] == "re-age") & both["since"]]
    reported = (aged["dpd"] > 90).groupby(aged["loan_id"]).any()
    actual = (aged["dpd_plain"] > 90).groupby(aged["loan_id"]).any()
    assert (reported <= actual).all()
    low = stats.beta.ppf(0.0005, reported.sum() + 0.5, (~reported).sum() + 0.5)
    assert low > 0.2
    assert reported.mean() < actual.mean()


def test_some_rows_alone_and_a_stored_world(treated, tmp_path):
    some = synthetic.perform(treated.applications[:1_000], TREATS, SEED)
    ids = treated.applications["application_id"][:1_000]
    for name in ("performance", "instalments"):
        whole = treated.tables[name]
        expected = whole[whole["loan_id"].isin(ids)].reset_index(drop=True)
        assert_frame_equal(some.tables[name], expected, check_exact=True)
    synthetic.World(lender=TREATS, seed=3).save(tmp_path / "world.json")
    assert synthetic.World.load(tmp_path / "world.json").lender == TREATS


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"treatment_rate": 1.5}, r"treatment_rate must be a fraction in \[0, 1\], got 1.5"),
        ({"treatment_shares": (0.0,) * 4}, "treatment_shares must be >= 0, and one > 0"),
        ({"treatment_shares": (1.0, -0.5, 0.0, 0.0)}, "treatment_shares must be >= 0"),
        ({"settled_share": -0.1}, "settled_share must be a fraction"),
    ],
)
def test_settings_that_are_none_are_refused(given, words):
    with pytest.raises(ValueError, match=words):
        synthetic.Lender(**given)

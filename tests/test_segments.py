"""Channel, scenario or grade at equal age and term, against all others of the same cohorts."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from riskkit import segments, vintage
from riskkit.chance import mirrored
from riskkit.checks import DataContractError
from riskkit.tables import Table

MONTHS = pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01"])


def world(seed: int = 1, n: int = 4_000, bad: float = 0.03, riskier: float = 1.0):
    """Outcomes of four months, seen to the end of July, and what was known of the loans."""
    rng = np.random.default_rng(seed)
    start = rng.integers(0, 4, n)
    channel = rng.choice(["app", "shop", "web"], n)
    rate = np.where(channel == "shop", riskier * bad, bad) * np.where(start == 3, 2.0, 1.0)
    is_bad = rng.random(n) < rate
    applications = pd.DataFrame({
        "application_id": [f"L{k:05d}" for k in range(n)], "term_months": 12, "channel": channel,
        "partner": np.where(channel == "shop", rng.choice(["p1", "p2"], n), None),
        "product": "loan", "grade": rng.choice(["A", "B"], n)})  # fmt: skip
    book = pd.DataFrame({
        "loan_id": applications["application_id"], "cohort": MONTHS[start], "amount": 100,
        "event": np.where(is_bad, "default", "censored"),
        "event_mob": np.where(is_bad, rng.integers(1, 4, n), 6 - start)})  # fmt: skip
    return book, applications


def table_of(book, applications, month=3):
    counts = segments.segment_counts(book, segments.segment_values(applications, 12))
    return segments.segment_table(counts, month)


def test_each_part_is_counted_as_a_recount_loan_by_loan():
    book, applications = world()
    table = table_of(book, applications)
    both = book.merge(applications, left_on="loan_id", right_on="application_id")
    for (by, value), row in table.iterrows():
        own = both[both[by].fillna("none") == value]
        assert row["loans"] == len(own)
        assert row["bad"] == ((own["event"] == "default") & (own["event_mob"] <= 3)).sum()
        others = both[both[by].fillna("none") != value]
        rates = others.assign(bad=others["event"] == "default").groupby("cohort")["bad"].mean()
        assert row["others_rate"] == pytest.approx(own["cohort"].map(rates).mean())


def test_the_test_is_that_of_cochran_mantel_and_haenszel():
    book, applications = world(2, riskier=1.5)
    row = table_of(book, applications).loc[("channel", "shop")]
    both = book.assign(own=applications["channel"] == "shop", bad=book["event"] == "default")
    off, variance = 0.0, 0.0
    for _, part in both.groupby("cohort"):
        n, m, d = len(part), int(part["own"].sum()), int(part["bad"].sum())
        off += int((part["own"] & part["bad"]).sum()) - stats.hypergeom.mean(n, d, m)
        variance += stats.hypergeom.var(n, d, m)
    chi2 = (abs(off) - 0.5) ** 2 / variance
    assert row["p_value"] == pytest.approx(stats.chi2.sf(chi2, 1))


def test_only_cohorts_of_which_all_loans_have_reached_the_month_count():
    book, applications = world()
    # by month 5 the cohorts of March and April are too young, being seen to July
    table = table_of(book, applications, 5)
    assert table.loc["channel", "loans"].sum() == (book["cohort"] < MONTHS[2]).sum()
    assert table_of(book, applications, 7).empty


def test_a_part_worse_beyond_chance_is_named_and_found():
    book, applications = world(3, riskier=2.5)
    table = table_of(book, applications)
    assert table.loc[("channel", "shop"), "told"] == "worse beyond chance"
    text = segments.segment_text(table, 3, 12)
    assert "Of the 12-month loans, by month 3 on book **worse beyond chance:** channel shop" in text
    ((topic, found, is_red),) = segments.segment_findings(table, 3, 12)
    assert (topic, is_red) == ("Parts of the loans", False)
    assert found.startswith("Worse than the other 12-month loans of their cohorts by month 3: chan")


def test_without_a_difference_none_is_named():
    table = table_of(*world(4))
    assert set(table["told"]) <= {"may be chance", "too few to say"}
    assert "**no part is worse by more than chance**" in segments.segment_text(table, 3, 12)
    assert segments.segment_findings(table, 3, 12) == []


def test_a_channel_that_grew_in_a_bad_month_is_not_taken_for_a_bad_one():
    book, applications = world(5, n=6_000)
    in_april = (book["cohort"] == MONTHS[3]).to_numpy()
    applications["channel"] = np.where(in_april, "new", "app")
    some = np.flatnonzero(in_april)[::4]
    applications.loc[some, "channel"] = "app"
    row = table_of(book, applications).loc[("channel", "new")]
    rest = table_of(book, applications).loc[("channel", "app")]
    assert row["bad_rate"] > 1.4 * rest["bad_rate"]
    assert row["told"] == "may be chance"


def test_no_partner_is_the_other_channels_once_more_and_no_row():
    table = table_of(*world())
    assert ("partner", "none") not in table.index
    assert {"p1", "p2"} <= set(table.loc["partner"].index)
    # the two grades are one test
    grades = table.loc["grade"]
    assert grades["p_adjusted"].iloc[0] == grades["p_adjusted"].iloc[1]
    tests = table["p_value"].notna().sum() - 1
    least = table["p_value"].min()
    assert table.loc[table["p_value"].idxmin(), "p_adjusted"] == pytest.approx(
        min(tests * least, 1)
    )


def test_groups_are_mirrored_by_others_or_the_rest_of_all():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 9, (2, 5))
    c = rng.integers(0, 9, 5)
    assert mirrored([a, b, c, a, b + c], a + b + c).tolist() == [0, 1, 2, 0, 0]


def test_counts_add_up_over_blocks_and_leave_other_terms_out():
    book, applications = world()
    applications.loc[::5, "term_months"] = 6
    values = segments.segment_values(applications, 12)
    whole = segments.segment_counts(book, values)
    parts = [segments.segment_counts(part, values) for part in (book[:1500], book[1500:])]
    added = pd.concat(parts).groupby(level=whole.index.names).sum()
    pd.testing.assert_frame_equal(added.reindex(whole.index), whole)
    assert whole["loans"].groupby(level="by").sum().unique().tolist() == [len(book) * 4 // 5]
    table = Table(book.sort_values("loan_id", ignore_index=True), whole="loan_id")
    pd.testing.assert_frame_equal(
        segments.segment_counts(table, values).reindex(whole.index), whole
    )


def test_of_many_values_the_smallest_are_together():
    loans = pd.DataFrame({
        "application_id": range(200), "term_months": 12,
        "scenario": [f"s{min(k // 10, 15)}" for k in range(200)]})  # fmt: skip
    values = segments.segment_values(loans, 12)["scenario"]
    assert values.nunique() == 8
    assert (values == "others").sum() > 60


def test_curves_end_at_the_table_and_terms_stand_beside():
    book, applications = world(6)
    applications.loc[::2, "term_months"] = 3
    counts = segments.segment_counts(book, segments.segment_values(applications, 12))
    terms = applications.set_index("application_id")["term_months"]
    by_term = vintage.cohort_counts(book, by=terms)
    curves = segments.segment_curves(counts, 3, beside=by_term)
    table = segments.segment_table(counts, 3)
    for part, row in table.iterrows():
        assert curves.loc[part, 3] == pytest.approx(row["bad_rate"])
    assert curves.loc["term"].index.tolist() == [3, 12]
    assert (curves.diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)


def test_grades_out_of_order_are_said():
    book, applications = world(7, n=8_000)
    bad = (book["event"] == "default").to_numpy()
    rng = np.random.default_rng(1)
    applications["grade"] = np.where(rng.random(len(bad)) < np.where(bad, 0.8, 0.5), "A", "B")
    text = segments.segment_text(table_of(book, applications), 3, 12)
    assert "The grades stand **out of order**: B below A" in text
    assert segments.segment_findings(table_of(book, applications), 3, 12) == []
    applications["grade"] = applications["grade"].map({"A": "B", "B": "A"})
    text = segments.segment_text(table_of(book, applications), 3, 12)
    assert "The grades stand in their order" in text


def test_nobody_and_no_parts_give_no_rows():
    book, applications = world()
    nothing = segments.segment_counts(
        book, segments.segment_values(applications[["application_id", "term_months"]], 12)
    )
    assert segments.segment_table(nothing, 3).empty
    assert segments.segment_curves(nothing, 3).empty
    nobody = segments.segment_counts(book[:0], segments.segment_values(applications, 12))
    assert "no parts to compare" in segments.segment_text(segments.segment_table(nobody, 3), 3, 12)
    with pytest.raises(DataContractError, match="term_months"):
        segments.segment_values(applications[["application_id"]], 12)
    with pytest.raises(ValueError, match="level"):
        segments.segment_table(nothing, 3, level=1.0)


def test_a_panel_is_counted_as_its_outcomes():
    """A loan 95 days past due at the end of month 2, in three cohorts."""
    rows = [(f"L{k:03d}", MONTHS[k % 3], mob, 95 * (k % 7 == 0 and mob >= 2))
            for k in range(210) for mob in range(5)]  # fmt: skip
    book = pd.DataFrame(rows, columns=["loan_id", "cohort", "mob", "dpd"]).assign(status="current")
    values = pd.DataFrame(
        {"channel": ["app", "web"] * 105},
        index=pd.Index([f"L{k:03d}" for k in range(210)], name="loan_id"),
    )
    table = segments.segment_table(segments.segment_counts(book, values), 2)
    bad = pd.Series([k % 7 == 0 for k in range(210)]).groupby(["app", "web"] * 105).sum()
    assert table.xs("channel")["bad"].to_dict() == bad.to_dict()

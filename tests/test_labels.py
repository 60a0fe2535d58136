"""Labels and samples by hand."""

import numpy as np
import pandas as pd
import pytest
from contract_tables import panel

from riskkit import target
from riskkit.target import BadDefinition


def test_label_waits_until_the_whole_cohort_has_reached_the_window():
    # q paid off in month 1, but its cohort has not reached month 3 by March: no label yet
    book = panel(p=("2024-01-01", [0, 0, 0, 0]), q=("2024-02-01", [0, 0]))
    book.loc[book["loan_id"] == "q", "status"] = ["current", "prepaid"]
    definition = BadDefinition(dpd=90, window_months=3)
    flags = target.default_flags(book, definition, pd.Timestamp("2024-04-30"))
    assert flags["p"] == 0
    assert np.isnan(flags["q"])


def test_bad_means_more_than_dpd_and_within_the_window():
    book = panel(
        at_limit=("2024-01-01", [0, 30, 60, 90]),
        beyond=("2024-01-01", [0, 31, 61, 91]),
        too_late=("2024-01-01", [0, 0, 31, 61, 92]),
    )
    flags = target.default_flags(book, BadDefinition(window_months=3), pd.Timestamp("2024-06-30"))
    assert flags.to_dict() == {"at_limit": 0, "beyond": 1, "too_late": 0}


def test_indeterminate_and_window_by_term():
    book = panel(a=("2024-01-01", [0, 0, 70, 0, 0]), b=("2024-01-01", [0, 31, 61, 91, 0]))
    observed = pd.Timestamp("2024-05-31")
    definition = BadDefinition(window_months=3, indeterminate_dpd=60)
    flags = target.default_flags(book, definition, observed)
    assert np.isnan(flags["a"])
    assert flags["b"] == 1
    by_term = BadDefinition(window_months=3, by_term={6: 2})
    terms = pd.Series({"a": 12, "b": 6})
    flags = target.default_flags(book, by_term, observed, term_months=terms)
    assert flags.to_dict() == {"a": 0, "b": 0}
    with pytest.raises(ValueError, match="needs term_months"):
        target.default_flags(book, by_term, observed)


def test_a_loan_that_drops_out_of_the_data_has_no_label():
    book = panel(
        cut=("2024-01-01", [0, 0]),
        bad=("2024-01-01", [0, 31, 61, 91]),
        ended=("2024-01-01", [0, 0]),
    )
    book.loc[(book["loan_id"] == "ended") & (book["mob"] == 1), "status"] = "prepaid"
    flags = target.default_flags(book, BadDefinition(window_months=6), pd.Timestamp("2024-12-31"))
    assert np.isnan(flags["cut"])
    assert flags[["bad", "ended"]].tolist() == [1, 0]


def test_with_no_window_a_label_waits_for_the_whole_cohort():
    # labelling those who ended early would make a young cohort look better or worse than it is
    outcomes = pd.DataFrame(
        {
            "loan_id": list("abc"),
            "cohort": pd.to_datetime(["2024-01-01", "2024-02-01", "2024-02-01"]),
            "term_months": 12,
            "amount": 1,
            "event": ["default", "prepaid", "censored"],
            "event_mob": [5, 1, 9],
        }
    )
    definition = BadDefinition(dpd=None, window_months=None)
    flags = target.default_flags(outcomes, definition, pd.Timestamp("2024-11-30"))
    assert flags["a"] == 1
    assert flags[["b", "c"]].isna().all()


@pytest.mark.parametrize("bad", [{"dpd": 0}, {"window_months": 0}, {"indeterminate_dpd": 90}])
def test_impossible_bad_definition_is_refused(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        BadDefinition(**bad)


def test_window_coverage_counts_late_bads():
    book = panel(
        early=("2023-01-01", [0, 31, 61, 91, *[120] * 8]),
        late=("2023-01-01", [*[0] * 7, 31, 61, 91, 121, 151]),
        good=("2023-01-01", [0] * 12),
    )
    terms = pd.Series(5, index=["early", "late", "good"])
    table = target.window_coverage(
        book, BadDefinition(window_months=6), pd.Timestamp("2023-12-31"), terms
    )
    assert table.loc[5].to_dict() == {
        "loans": 3, "final_bads": 2, "within_window": 1, "caught_rate": 0.5,
    }  # fmt: skip


def many_applications(n=4000, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "application_id": [f"A{i}" for i in range(n)],
            "customer_id": [f"C{i}" for i in rng.integers(0, n // 2, n)],
            "applied_at": pd.Timestamp("2023-01-01")
            + pd.to_timedelta(rng.integers(0, 365, n), "D"),
            "default_flag": np.where(rng.random(n) < 0.1, np.nan, rng.random(n) < 0.2),
        }
    )


def test_no_customer_is_both_in_train_and_test_and_row_order_does_not_matter():
    applications = many_applications()
    sample = target.assign_samples(applications)
    of_customer = sample[sample != "out_of_time"].groupby(
        applications.set_index("application_id")["customer_id"]
    )
    assert of_customer.nunique().max() == 1
    shuffled = target.assign_samples(applications.sample(frac=1, random_state=1))
    pd.testing.assert_series_equal(shuffled.sort_index(), sample.sort_index())


def test_out_of_time_is_later_than_everything_else_and_unlabelled_has_no_sample():
    applications = many_applications()
    sample = target.assign_samples(applications, out_of_time_from=pd.Timestamp("2023-10-01"))
    applied = applications.set_index("application_id")["applied_at"]
    assert applied[sample == "out_of_time"].min() >= pd.Timestamp("2023-10-01")
    assert applied[sample.isin(["train", "test"])].max() < pd.Timestamp("2023-10-01")
    unlabelled = applications["default_flag"].isna().to_numpy()
    assert (sample.isna().to_numpy() == unlabelled).all()
    assert 0.25 < (sample == "test").sum() / sample.isin(["train", "test"]).sum() < 0.35


def test_a_sample_without_bads_is_refused():
    applications = many_applications()
    late = applications["applied_at"] >= pd.Timestamp("2023-10-01")
    applications.loc[late, "default_flag"] = 0
    with pytest.raises(ValueError, match="the out_of_time sample needs goods and bads"):
        target.assign_samples(applications, out_of_time_from=pd.Timestamp("2023-10-01"))


def test_without_dates_customers_are_split_between_train_and_test():
    applications = many_applications()
    plain = applications.drop(columns="applied_at")
    sample = target.assign_samples(plain)
    assert target.samples_present(sample) == ["train", "test"]
    assert (sample.isna().to_numpy() == plain["default_flag"].isna().to_numpy()).all()
    assert sample.groupby(plain.set_index("application_id")["customer_id"]).nunique().max() == 1
    assert 0.25 < (sample == "test").mean() / sample.notna().mean() < 0.35
    # the same customers as with dates
    dated = target.assign_samples(applications)
    before = dated.isin(["train", "test"])
    assert (dated[before] == sample[before]).all()
    with pytest.raises(ValueError, match="out_of_time_from=2023-10-01 needs applied_at"):
        target.assign_samples(plain, out_of_time_from=pd.Timestamp("2023-10-01"))
    with pytest.raises(
        ValueError, match=r"the train sample needs goods .*\[0.0\]; test_share=0.3$"
    ):
        target.assign_samples(plain.assign(default_flag=0.0))


def test_applications_of_one_month_have_no_out_of_time_sample():
    applications = many_applications()
    applications["applied_at"] = pd.Timestamp("2023-05-01") + pd.to_timedelta(
        applications["applied_at"].dt.day.clip(upper=28), "D"
    )
    sample = target.assign_samples(applications)
    assert target.samples_present(sample) == ["train", "test"]


def test_out_of_time_starts_where_goods_and_bads_are_on_either_side():
    applications = many_applications()
    usual = target.assign_samples(applications)
    first = applications.loc[(usual == "out_of_time").to_numpy(), "applied_at"].min().to_period("M")
    months = applications["applied_at"].dt.to_period("M")
    # without bads from the usual month on, it starts a month earlier
    no_bads = applications["default_flag"].mask(
        (months >= first) & applications["default_flag"].notna(), 0.0
    )
    sample = target.assign_samples(applications.assign(default_flag=no_bads))
    late = (sample == "out_of_time").to_numpy()
    assert months[late].min() == first - 1
    assert no_bads[late].sum() > 0
    # bads in the first month alone leave none to either side of any month
    only_first = applications["default_flag"].mask(
        (months > months.min()) & applications["default_flag"].notna(), 0.0
    )
    sample = target.assign_samples(applications.assign(default_flag=only_first))
    assert target.samples_present(sample) == ["train", "test"]


def test_cutoffs_are_judged_on_applications_that_taught_nothing():
    applications = many_applications()
    scores = applications.assign(sample=target.assign_samples(applications).to_numpy())
    judged = target.judging_rows(scores)
    late = scores["sample"] == "out_of_time"
    first = scores.loc[late, "applied_at"].min()
    assert judged.tolist() == (scores["applied_at"] >= first).tolist()
    assert 0 < scores.loc[judged, "default_flag"].isna().sum()


def test_without_dates_cutoffs_are_judged_on_the_test_loans_and_their_share_of_the_declined():
    applications = many_applications().drop(columns="applied_at")
    scores = applications.assign(sample=target.assign_samples(applications).to_numpy())
    judged = target.judging_rows(scores)
    assert set(scores.loc[judged, "sample"].dropna()) == {"test"}
    assert judged[(scores["sample"] == "test").to_numpy()].all()
    declined = scores["default_flag"].isna().to_numpy()
    share = (scores["sample"] == "test").sum() / (~declined).sum()
    assert judged[declined].mean() == pytest.approx(share, abs=0.08)
    shuffled = scores.sample(frac=1, random_state=1)
    assert set(shuffled.index[target.judging_rows(shuffled)]) == set(scores.index[judged])

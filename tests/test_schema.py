"""The data contract, tables on disk, mappings, labels, samples."""

import copy
import gzip
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from own_data import OWN_CSV, OWN_MAPPING

from riskkit import profile, schema, target
from riskkit.checks import DataContractError
from riskkit.schema import Feature
from riskkit.target import BadDefinition

PROJECT = Path(__file__).parents[1]


@pytest.fixture
def applications():
    return pd.DataFrame(
        {
            "application_id": ["a", "b", "c", "d"],
            "customer_id": ["x", "x", "y", "z"],
            "applied_at": pd.to_datetime(["2024-01-03", "2024-01-20", "2024-02-01", "2024-02-02"]),
            "amount": [100_000, 200_000, 50_000, 70_000],
            "term_months": [6, 12, 12, 3],
            "approved": [True, True, True, False],
            "booked": [True, True, False, False],
            "default_flag": [0.0, 1.0, np.nan, np.nan],
        }
    )


# -- contract ------------------------------------------------------------------------------------


def test_valid_applications_come_back_unchanged(applications):
    assert schema.validate_applications(applications) is applications


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"amount": [1.5, 2, 3, 4]}, r"amount: expected integer, found dtype float64"),
        ({"applied_at": ["2024-01-01"] * 4}, r"applied_at: expected date, found dtype str"),
        ({"application_id": ["a", "a", "c", "d"]}, r"application_id: 2 rows break 'no duplicate'"),
        ({"amount": [100, -5, 0, 7]}, r"amount: 2 rows break 'at least 1', for example -5"),
        (
            {
                "applied_at": pd.to_datetime(
                    ["1899-12-31", "2024-01-01", "2024-01-01", "2200-01-01"]
                )
            },
            r"applied_at: 2 rows break 'between 1990-01-01 and 2100-01-01'.*first in row 1",
        ),
        ({"term_months": [0, 1, 1, 1]}, r"term_months: 1 row break 'between 1 and 480'"),
        (
            {"booked": [True, True, False, True]},
            r"booked: 1 row break 'booked only where approved'",
        ),
        ({"default_flag": [0, 2, None, None]}, r"default_flag: 1 row break '1 = bad, 0 = good"),
        ({"default_flag": [0, 1, 1, None]}, r"default_flag: 1 row break 'known only where booked'"),
    ],
)
def test_each_broken_rule_is_named_with_rows_and_example(applications, change, message):
    with pytest.raises(DataContractError, match=message):
        schema.validate_applications(applications.assign(**change))


def test_every_violation_is_listed_not_just_the_first(applications):
    broken = applications.assign(amount=-1, application_id="a").drop(columns="customer_id")
    with pytest.raises(DataContractError) as caught:
        schema.validate_applications(broken)
    assert len(caught.value.violations) == 3
    assert "missing columns customer_id; present: application_id" in caught.value.violations[0]


def test_date_and_term_may_be_unknown_but_not_wrong(applications):
    plain = applications.drop(columns=["applied_at", "term_months"])
    assert schema.validate_applications(plain) is plain
    with pytest.raises(DataContractError, match="term_months: expected integer"):
        schema.validate_applications(plain.assign(term_months=6.0))


def test_no_rows_is_refused(applications):
    with pytest.raises(DataContractError, match="no rows"):
        schema.validate_applications(applications.head(0))


def test_target_with_one_class_is_refused(applications):
    with pytest.raises(DataContractError, match="found 2 good and 0 bad"):
        schema.check_target(applications.assign(default_flag=[0, 0, np.nan, np.nan]))


def test_feature_catalogue_survives_a_table():
    features = [
        Feature(name="age", label="Age", family="identity", unit="years", protected=True),
        Feature(
            name="inq", label="Inquiries", family="bureau", risk_direction=1,
            special_codes={-9.0: "no bureau record"},
        ),
        Feature(name="job", label="Job", family="identity", kind="category"),
    ]  # fmt: skip
    assert schema.features_from_table(schema.feature_table(features)) == features
    long = [Feature(name="x", label="X", family="f", special_codes={99999998.0: "not asked"})]
    assert schema.features_from_table(schema.feature_table(long)) == long
    assert [f.offered for f in features] == [False, True, True]
    assert schema.risk_trends(features) == {"inq": "ascending"}


# -- labels --------------------------------------------------------------------------------------


def panel(**loans):
    """Panel of loans given as (cohort, days past due at each month-end from month 0)."""
    parts = []
    for loan, (cohort, dpd) in loans.items():
        start = pd.Timestamp(cohort)
        ends = pd.date_range(start, periods=len(dpd), freq="ME")
        parts.append(
            pd.DataFrame(
                {
                    "loan_id": loan, "cohort": start, "mob": range(len(dpd)), "month_end": ends,
                    "due_amount": 0, "paid_amount": 0, "balance": 100, "dpd": dpd,
                    "status": ["delinquent" if d else "current" for d in dpd],
                    "recovered_amount": 0,
                }
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cohort": pd.Timestamp("2023-12-01")}, "mob: 3 rows break 'months from cohort"),
        ({"month_end": pd.Timestamp("2024-01-15")}, "3 rows break 'the last day of a month'"),
        ({"mob": [1, 2, 3]}, "1 loans do not begin at month 0, for example loan a"),
    ],
)
def test_a_panel_whose_months_disagree_is_refused(change, message):
    book = panel(a=("2024-01-01", [0, 0, 0]))
    assert schema.validate_performance(book) is book
    with pytest.raises(DataContractError, match=message):
        schema.validate_performance(book.assign(**change))


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


# -- samples -------------------------------------------------------------------------------------


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


def test_sample_sizes_show_months_only_where_they_are_known():
    applications = many_applications()
    samples = applications.assign(sample=target.assign_samples(applications).to_numpy())
    table = profile.sample_sizes(samples)
    assert list(table.index) == ["train", "test", "out_of_time"]
    assert table.loc["train", "first"] == "2023-01"
    plain = profile.sample_sizes(samples.drop(columns="applied_at"))
    pd.testing.assert_frame_equal(plain, table.drop(columns=["first", "last"]))


# -- tables --------------------------------------------------------------------------------------


def test_equal_frames_give_equal_bytes_and_survive(tmp_path, applications):
    first = schema.write_table(applications, tmp_path / "a.parquet").read_bytes()
    assert schema.write_table(applications.copy(), tmp_path / "b.parquet").read_bytes() == first
    pd.testing.assert_frame_equal(schema.read_table(tmp_path / "a.parquet"), applications)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.parquet", "b.parquet"]


def test_a_failed_write_leaves_the_old_table(tmp_path, applications):
    path = schema.write_table(applications, tmp_path / "a.parquet")
    before = path.read_bytes()
    with pytest.raises(Exception, match="object"):
        schema.write_table(pd.DataFrame({"x": [object()]}), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.parquet"]


def test_a_write_that_fails_late_leaves_the_old_table(tmp_path, applications, monkeypatch):
    path = schema.write_table(applications, tmp_path / "a.parquet")
    before = path.read_bytes()

    def full(file):
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="no space left"):
            schema.write_table(applications.head(1), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.parquet"]


def test_who_reads_while_a_table_is_replaced_sees_the_old_one(tmp_path, applications):
    path = schema.write_table(applications, tmp_path / "a.parquet")
    before = path.read_bytes()
    with path.open("rb") as reader:
        schema.write_table(applications.head(1), path)
        assert reader.read() == before
    assert len(schema.read_table(path)) == 1


@pytest.mark.parametrize("name", ["cut.parquet", "empty.csv", "broken.csv.gz"])
def test_unreadable_file_is_one_clear_error(tmp_path, applications, name):
    path = tmp_path / name
    if name.endswith("parquet"):
        whole = schema.write_table(applications, path).read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    elif name.endswith("gz"):
        path.write_bytes(gzip.compress(b"a,b\n1,2\n" * 1000)[:40])
    else:
        path.touch()
    with pytest.raises(DataContractError, match=f"{name} breaks the data contract:\n.*unreadable"):
        schema.read_table(path)


def test_missing_file_and_unknown_kind_are_named(tmp_path):
    with pytest.raises(DataContractError, match="no file at"):
        schema.read_table(tmp_path / "absent.csv")
    (tmp_path / "x.xls").touch()
    with pytest.raises(DataContractError, match=r"expected \.parquet, \.csv, \.csv\.gz, \.xlsx"):
        schema.read_table(tmp_path / "x.xls")


def test_sql_query_is_read(tmp_path):
    url = f"sqlite:///{tmp_path / 'book.db'}"
    import sqlalchemy

    engine = sqlalchemy.create_engine(url)
    pd.DataFrame({"a": [1, 2]}).to_sql("loans", engine, index=False)
    engine.dispose()
    assert schema.read_table(url, "SELECT a FROM loans WHERE a > 1")["a"].tolist() == [2]
    with pytest.raises(DataContractError, match="query refused: no such table"):
        schema.read_table(url, "SELECT a FROM absent")


def test_database_that_does_not_answer_keeps_its_secrets():
    pytest.importorskip("psycopg", reason="the sql extra is not installed")
    url = "postgresql+psycopg://alice:s3cret@127.0.0.1:1/loans?connect_timeout=2"
    with pytest.raises(DataContractError, match="no answer from the postgresql database") as caught:
        schema.read_table(url, "SELECT 1")
    text = str(caught.value)
    assert not re.search("s3cret|alice|127.0.0.1", text)
    assert caught.value.__suppress_context__


def test_unusable_url_keeps_its_secrets():
    with pytest.raises(DataContractError, match="not a usable database URL") as caught:
        schema.read_table("nodialect://alice:s3cret@host/x", "SELECT 1")
    assert "s3cret" not in str(caught.value)


# -- mappings ------------------------------------------------------------------------------------


INCOME = OWN_MAPPING["features"]["income"]


def changed(**changes):
    """The mapping with nested keys set, or removed where the value is ...."""
    mapping = copy.deepcopy(OWN_MAPPING)
    for dotted, value in changes.items():
        *blocks, key = dotted.split("__")
        block = mapping
        for name in blocks:
            block = block[name]
        if value is ...:
            del block[key]
        else:
            block[key] = value
    return mapping


def test_own_data_come_in_the_contracts_columns(own_source):
    source = schema.load_source(own_source())
    assert source.applications["amount"].tolist() == [100_050, 200_000, 50_000]
    assert source.applications["default_flag"].tolist() == [0, 1, 0]
    assert source.outcomes["event"].tolist() == ["prepaid", "default", "matured"]
    assert source.outcomes["event_mob"].tolist() == [5, 3, 7]
    assert source.applications["income"].isna().tolist() == [False, True, False]
    assert source.accepted_only
    assert source.rate_name == "share of booked kept"


def test_root_is_argument_then_environment_then_the_mappings_folder(
    own_source, tmp_path, monkeypatch
):
    path = own_source()
    data = tmp_path / "elsewhere"
    data.mkdir()
    (tmp_path / "loans.csv").rename(data / "loans.csv")
    with pytest.raises(DataContractError, match="no file at"):
        schema.load_source(path)
    monkeypatch.setenv("RISKKIT_DATA", str(data))
    assert len(schema.load_source(path).applications) == 3
    monkeypatch.setenv("RISKKIT_DATA", str(tmp_path))
    assert len(schema.load_source(path, root=data).applications) == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"titel": "x"}, "titel: unknown key; did you mean 'title'"),
        ({"applications__colums": {}}, "applications.colums: unknown key; did you mean 'columns'"),
        ({"name": ...}, "name: missing"),
        ({"amounts_in": "yuan"}, "amounts_in: expected major or minor, found 'yuan'"),
        ({"accepted_only": "yes!"}, "accepted_only: expected true or false"),
        ({"applications__columns__amount": 3}, "columns.amount: expected the name of a column"),
        ({"applications__columns__amout": "x"}, "unknown column; did you mean 'amount'"),
        (
            {"applications__rows": [{"column": "a", "operator": "like", "value": 1}]},
            r"applications.rows\[1\].operator: unknown 'like'",
        ),
        ({"features__income__type": "numeric"}, "features.income.type: expected one of number"),
        ({"features__income__risk_direction": 2}, "risk_direction: expected -1, 0 or 1, found 2"),
        ({"outcomes__event__default": ...}, "outcomes.event.default: missing"),
        ({"outcomes": ...}, "one of performance, outcomes or label is needed"),
        ({"bad__dpd": 0}, "dpd must be at least 1 day"),
        ({"applications__sql": {"url_env": "X", "query": "q"}}, "both path and sql"),
        ({"features": {}}, "features: none is described"),
        ({"features__income__protected": True}, "features: all are protected or known afterwards"),
        ({"features__income__special_codes": {True: "x"}}, "special_codes: expected numbers"),
        ({"features__amount": INCOME}, "features.amount: the name is taken"),
        ({"features__default_flag": INCOME}, "features.default_flag: the name is taken"),
        (
            {"features__job": INCOME | {"type": "category", "risk_direction": 1}},
            "features.job.risk_direction: a category has none",
        ),
        (
            {"features__income__levels": {1: "low"}},
            "features.income.levels: only a category has levels",
        ),
        (
            {"features__job": INCOME | {"type": "category", "levels": {1: 2}}},
            "features.job.levels: expected a value and its meaning as text, found 1: 2",
        ),
        (
            {"features__job": INCOME | {"type": "category", "levels": {True: "x"}}},
            "features.job.levels: .* found True: 'x'; put quotes around it",
        ),
        ({"bad__by_term": {"12": 6}}, "bad.by_term: expected months: months, found '12': 6"),
        ({"outcomes": {"columns": {"event": "outcome"}}}, "outcomes: path or sql is missing"),
        ({"notes": [{"The label": "x"}]}, "notes: expected a list of sentences"),
    ],
)
def test_mapping_error_names_key_and_expectation(own_source, changes, message):
    with pytest.raises(DataContractError, match=message):
        schema.check_source(own_source(changed(**changes)))


@pytest.mark.parametrize("text", ["a: [1, 2", "a:\n\t- b", "- just\n- a list", "\x00"])
def test_what_is_no_mapping_is_refused(own_source, text):
    with pytest.raises(DataContractError, match=r"mine.yaml breaks the data contract"):
        schema.check_source(own_source(text=text))


def test_yaml_is_never_executed(own_source, tmp_path):
    text = f"name: !!python/object/apply:os.system ['touch {tmp_path / 'pwned'}']"
    with pytest.raises(DataContractError, match="no valid YAML at line 1"):
        schema.load_source(own_source(text=text))
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    ("csv", "message"),
    [
        (OWN_CSV.replace("wanted", "wish"), "missing columns wanted; present: id, when, wish"),
        (OWN_CSV.replace("income", "salary"), "missing columns income"),
        (OWN_CSV.replace("last", "ultimo"), "missing columns last"),
        (
            OWN_CSV.replace("2023-02-15", "soon"),
            "applied_at: 1 rows are not an ISO date.*'soon'.*row 2",
        ),
        (OWN_CSV.replace("1000.50", "lots"), "amount: 1 rows are not a number, for example 'lots'"),
        (OWN_CSV.replace(",6,", ",6.5,"), "term_months: 1 rows are not a whole number"),
        (OWN_CSV.replace(",2000,", ",,"), "amount: 1 rows are missing"),
        (OWN_CSV.replace("\n2,", "\n1,"), "application_id: 2 rows break 'no duplicate'"),
        (
            OWN_CSV.replace(",500,", ",-500,"),
            "amount: 1 row break 'at least 1', for example -50000",
        ),
        (OWN_CSV.replace("2023-01-15", "1823-01-15"), "applied_at: 1 row break 'between 1990"),
        (OWN_CSV.replace("3000", "much"), "income: 1 rows are not a number, for example 'much'"),
        (OWN_CSV.replace("3000", "inf"), "income: 1 rows are not a number, for example"),
        (OWN_CSV.replace("lost", "paid"), "both goods and bads are needed, found 3 good and 0 bad"),
        (OWN_CSV.splitlines()[0] + "\n", "no rows"),
        ("", "unreadable"),
    ],
)
def test_bad_cells_are_named_with_column_row_and_expectation(own_source, csv, message):
    with pytest.raises(DataContractError, match=message):
        schema.load_source(own_source(csv=csv))


PLAIN_LABEL = {"column": "outcome", "bad": ["lost"], "good": ["paid"]}
# a label and features, and nothing else
PLAIN = {"outcomes": ..., "label": PLAIN_LABEL, "applications__columns": {"amount": "wanted"}}


def test_a_label_and_features_are_enough(own_source, tmp_path):
    paid = [{"column": "months", "operator": "<", "value": 12}]
    source = schema.load_source(own_source(changed(**PLAIN, applications__rows=paid)))
    applications = source.applications
    # the rows of the file, counted from 1, the one filtered out too
    assert applications["application_id"].tolist() == ["2", "3"]
    assert applications["customer_id"].tolist() == ["2", "3"]
    assert not {"applied_at", "term_months"} & set(applications)
    assert applications["default_flag"].tolist() == [1, 0]
    assert source.observed_to is None
    assert source.notes[-1].startswith("The data do not say when anybody applied, so models are")
    assert profile.period_text(applications) == "without dates"
    assert profile.segment_rates(applications, ["channel", "term_months"]).empty
    source.save(tmp_path / "source.json")
    facts = schema.SourceFacts.load(tmp_path / "source.json")
    assert (facts.observed_to, facts.out_of_time_from) == (None, None)


def test_one_date_on_every_row_is_no_time_axis(own_source):
    csv = re.sub(r"2023-0\d-\d\d,(?=\d)", "2023-01-15,", OWN_CSV)
    mapping = changed(outcomes=..., label=PLAIN_LABEL, out_of_time_from="2023-01-01")
    source = schema.load_source(own_source(mapping, csv=csv))
    assert "applied_at" not in source.applications
    assert source.out_of_time_from is None
    assert source.notes[-1].startswith("Every application bears the date 2023-01-15, so models")
    two = schema.load_source(own_source(mapping))
    assert "applied_at" in two.applications
    assert two.notes == ()


def test_levels_give_codes_their_meaning(own_source):
    levels = {"paid": "repaid", "lost": "charged off", "gone": "unseen"}
    job = INCOME | {"column": "outcome", "type": "category", "levels": levels}
    months = INCOME | {"column": "months", "type": "category", "levels": {12: "a year", 3: "short"}}
    features = {"job": job, "length": months}
    source = schema.load_source(own_source(changed(features=features)))
    assert source.applications["job"].tolist() == ["repaid", "charged off", "repaid"]
    assert source.applications["length"].tolist() == ["a year", "6", "short"]


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({"applications__columns": {}}, ["amount: missing; every application has one"]),
        (
            {"accepted_only": ...},
            ["approved: missing; accepted_only is not true", "booked: missing; accepted_only is"],
        ),
        ({"out_of_time_from": "2023-01-01"}, ["applied_at: missing; out_of_time_from needs it"]),
        (
            {"features__age": INCOME | {"type": "months_since"}},
            ["applied_at: missing; the months of age are counted up to it"],
        ),
        (
            {"outcomes": OWN_MAPPING["outcomes"]},
            [
                "application_id: missing; needed for outcomes",
                "applied_at: missing; needed for outcomes",
                "term_months: missing; needed for outcomes",
            ],
        ),
        (
            {
                "applications__path": ...,
                "applications__sql": {"url_env": "MY_BOOK", "query": "SELECT 1"},
            },
            ["application_id: missing; rows of a query have no lasting number"],
        ),
    ],
)
def test_what_is_not_mapped_but_needed_says_by_what(own_source, changes, lines):
    with pytest.raises(DataContractError) as caught:
        schema.check_source(own_source(changed(**(PLAIN | changes))))
    found = caught.value.violations
    assert len(found) == len(lines)
    for violation, line in zip(found, lines, strict=True):
        assert violation.startswith(f"applications.columns.{line}")


def test_row_filters_and_their_errors(own_source):
    only = {"applications__rows": [{"column": "months", "operator": ">=", "value": 6}]}
    assert len(schema.load_source(own_source(changed(**only))).applications) == 2
    for row, message in (
        ({"column": "moths", "operator": "==", "value": 1}, "missing columns moths"),
        ({"column": "months", "operator": ">", "value": 99}, "the row filters keep none"),
        ({"column": "outcome", "operator": ">", "value": 1}, "cannot compare outcome with 1"),
    ):
        with pytest.raises(DataContractError, match=message):
            schema.load_source(own_source(changed(applications__rows=[row])))


def test_database_source_needs_its_environment_variable(own_source, tmp_path, monkeypatch):
    block = {"sql": {"url_env": "MY_BOOK", "query": "SELECT * FROM loans"}}
    block["columns"] = OWN_MAPPING["applications"]["columns"]
    path = own_source(changed(applications=block))
    with pytest.raises(DataContractError, match="environment variable MY_BOOK is not set"):
        schema.check_source(path)
    import sqlalchemy

    url = f"sqlite:///{tmp_path / 'book.db'}"
    engine = sqlalchemy.create_engine(url)
    pd.read_csv(tmp_path / "loans.csv").to_sql("loans", engine, index=False)
    engine.dispose()
    monkeypatch.setenv("MY_BOOK", url)
    assert schema.load_source(path).applications["amount"].tolist() == [100_050, 200_000, 50_000]
    assert schema.source_files(path) == [path]


def test_ids_keep_their_zeros_and_match_between_tables(own_source, tmp_path):
    csv = OWN_CSV.replace("\n1,", "\n001,").replace("\n2,", "\n002,").replace("\n3,", "\n003,")
    events = "loan,month,term,lent,what,when\n001,2023-01-01,12,5,prepaid,3\n002,2023-02-01,6,5,"
    (tmp_path / "events.csv").write_text(events + "default,3\n999,2023-02-01,6,5,default,3\n")
    columns = {
        "loan_id": "loan",
        "cohort": "month",
        "term_months": "term",
        "amount": "lent",
        "event": "what",
        "event_mob": "when",
    }
    mapping = changed(outcomes={"path": "events.csv", "columns": columns})
    source = schema.load_source(own_source(mapping, csv=csv))
    assert source.outcomes["loan_id"].tolist() == ["001", "002"]
    assert source.applications["default_flag"].tolist()[:2] == [0, 1]
    assert source.notes == ("1 booked loans have no row in outcomes, so no label.",)
    with pytest.raises(
        DataContractError, match="no loan is a booked application, for example '001'"
    ):
        schema.load_source(own_source(mapping))


def test_a_ready_made_label_needs_no_book(own_source):
    mapping = changed(outcomes=..., label={"column": "outcome", "bad": ["lost"], "good": ["paid"]})
    source = schema.load_source(own_source(mapping))
    assert source.applications["default_flag"].tolist() == [0, 1, 0]
    assert source.bad_text == "labelled lost in outcome by its source"


def test_notes_are_text_never_markup(own_source):
    source = schema.load_source(own_source(changed(notes=["<script>alert(1)</script>"])))
    assert source.notes_text == "- &lt;script&gt;alert(1)&lt;/script&gt;"


def test_facts_survive_json(own_source, tmp_path):
    source = schema.load_source(own_source(changed(bad={"by_term": {12: 6}, "window_months": 3})))
    source.save(tmp_path / "source.json")
    facts = schema.SourceFacts.load(tmp_path / "source.json")
    for name in ("title", "bad", "observed_to", "out_of_time_from", "notes", "accepted_only"):
        assert getattr(facts, name) == getattr(source, name)


# -- Lending Club: facts of ../shared/data/README.md ---------------------------------------------


def test_lending_club_rows_and_charge_off_rate(lending_club):
    applications = lending_club.applications
    assert len(applications) == 39_786
    assert applications["default_flag"].mean() == pytest.approx(0.1425, abs=5e-5)
    assert (lending_club.outcomes["event"] != "censored").all()


def test_lending_club_policy_filter_keeps_the_years_apart(shared_data, own_source):
    raw = schema.read_table(shared_data / "lending_club" / "lending_club_2007_2011.csv.gz")
    by_year = pd.to_datetime(raw["issue_d"]).dt.year.value_counts().sort_index()
    assert by_year.to_dict() == {2007: 603, 2008: 2393, 2009: 5281, 2010: 12537, 2011: 21721}


def test_lending_club_charge_off_by_grade(lending_club):
    by_grade = lending_club.applications.groupby("grade")["default_flag"].mean() * 100
    assert by_grade.round(2).tolist() == [5.97, 11.91, 16.72, 21.22, 25.37, 30.65, 31.76]


def test_lending_club_samples_by_issue_month(lending_club):
    sample = target.assign_samples(
        lending_club.applications, out_of_time_from=lending_club.out_of_time_from
    )
    assert (sample == "out_of_time").sum() == 12_493
    assert sample.isin(["train", "test"]).sum() == 27_293


def test_lending_club_offers_no_column_known_afterwards(lending_club, lending_club_mapping):
    offered = {f.name for f in lending_club.features if f.offered}
    assert not offered & {"grade", "sub_grade", "int_rate", "total_pymnt", "recoveries"}
    columns = yaml.safe_load(lending_club_mapping.read_text())["features"]
    known_later = re.compile("total_(pymnt|rec)|recover|last_pymnt|settlement|^grade|int_rate")
    assert not [n for n in offered if known_later.search(columns[n]["column"])]


# -- German Credit and Taiwan: facts of ../shared/data/README.md -----------------------------------


def test_german_credit_rows_and_bad_rate(german_credit):
    applications = german_credit.applications
    assert len(applications) == 1_000
    assert applications["default_flag"].sum() == 300
    assert applications["default_flag"].notna().all()
    assert applications["application_id"].is_unique
    assert "applied_at" not in applications
    assert (applications["term_months"] == applications["term_months"].astype(int)).all()
    assert applications["amount"].sum() == 327_125_800


def test_taiwan_rows_bad_rate_and_codes(taiwan_default):
    applications = taiwan_default.applications
    assert len(applications) == 30_000
    assert applications["default_flag"].mean() == pytest.approx(0.2212, abs=5e-5)
    assert not {"applied_at", "term_months"} & set(applications)
    assert applications["education"].value_counts()["not documented"] == 14 + 280 + 51
    assert applications["marital_status"].value_counts()["not documented"] == 54
    assert set(applications["sex"]) == {"male", "female"}
    ones = [int((applications[f"delay_{m}"] == 1).sum()) for m in ("sep", "aug", "jul", "jun")]
    assert ones == [3_688, 28, 4, 2]
    codes = profile.code_profile(applications, taiwan_default.features)
    assert [code for code, _ in codes.index] == [-2, -1, 0]
    assert (codes["features"] == 6).all()


@pytest.mark.parametrize(
    ("source", "n_columns", "protected"),
    [
        (
            "german_credit",
            20,
            {"personal_status_and_sex", "foreign_worker", "age_in_years"},
        ),
        ("taiwan_default", 23, {"SEX", "AGE", "MARRIAGE"}),
    ],
)
def test_all_columns_are_mapped_and_the_protected_ones_never_offered(
    source, n_columns, protected, request, shared_data
):
    loaded = request.getfixturevalue(source)
    mapping = yaml.safe_load((PROJECT / "data" / "sources" / f"{source}.yaml").read_text())
    column_of = {name: feature["column"] for name, feature in mapping["features"].items()}
    raw = schema.read_table(shared_data / source / mapping["applications"]["path"])
    assert set(raw) - set(column_of.values()) <= {mapping["label"]["column"], "ID"}
    assert len(column_of) == len(loaded.features) == n_columns
    assert {column_of[f.name] for f in loaded.features if f.protected} == protected
    # nothing in these files is known only afterwards, but the label
    assert not [f.name for f in loaded.features if f.known_afterwards]
    assert mapping["label"]["column"] not in column_of.values()
    for feature in loaded.features:
        assert feature.offered == (column_of[feature.name] not in protected)
        values = loaded.applications[feature.name]
        assert values.notna().all()
    assert "CC BY 4.0" in loaded.notes[0]


def test_code_profile_by_hand():
    frame = pd.DataFrame({"a": [1.0, -9.0], "b": [-9.0, -9.0], "c": [-8.0, 0.0]})
    missing = {-9.0: "no record"}
    features = [
        schema.Feature(name="a", label="A", family="x", special_codes=missing),
        schema.Feature(name="b", label="B", family="x", special_codes=missing),
        schema.Feature(name="c", label="C", family="x", special_codes={-8.0: "not asked"}),
    ]
    table = profile.code_profile(frame, features)
    assert list(table.index) == [(-9.0, "no record"), (-8.0, "not asked")]
    assert list(table["holds"]) == ["A, B", "C"]
    assert list(table["features"]) == [2, 1]
    assert list(table["special_rate"]) == [0.75, 0.5]
    assert profile.code_profile(frame, []).empty


def test_family_profile_by_hand():
    frame = pd.DataFrame(
        {
            "a": [1.0, -9.0, np.nan, np.nan],
            "b": [1.0, 2.0, 3.0, np.nan],
            "sex": ["f", "m", None, "f"],
            "paid": [1.0, 2.0, 3.0, 4.0],
            **{f"n{i}": [0.0] * 4 for i in range(5)},
        }
    )
    features = [
        schema.Feature(name="a", label="A", family="bureau", special_codes={-9.0: "none"}),
        schema.Feature(name="sex", label="Sex", family="person", kind="category", protected=True),
        schema.Feature(name="b", label="B", family="bureau"),
        schema.Feature(name="paid", label="Paid", family="bureau", known_afterwards=True),
        *(schema.Feature(name=f"n{i}", label=f"N{i}", family="nil") for i in range(5)),
    ]
    table = profile.family_profile(frame, features)
    assert list(table.index) == ["bureau", "person", "nil"]
    assert list(table["holds"]) == ["A, B, Paid", "Sex", "N0, N1, N2 and 2 more"]
    assert list(table["features"]) == [3, 1, 5]
    assert list(table["offered"]) == [2, 0, 5]
    np.testing.assert_allclose(table["missing_rate"], [(0.5 + 0.25) / 3, 0.25, 0])
    np.testing.assert_allclose(table["special_rate"], [0.25 / 3, 0, 0])

"""The grammar of a mapping: what its owner may write, and what is said of what they did."""

import pytest
from own_data import INCOME, OWN_MAPPING, PLAIN, changed

from riskkit import schema
from riskkit.checks import DataContractError
from riskkit.schema.mapping import read_mapping

LEVELS = INCOME | {"type": "category", "column": "months"}
SINCE = INCOME | {"type": "months_since", "column": "when"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"titel": "x"}, "titel: unknown key; did you mean 'title'"),
        ({"applications__colums": {}}, "applications.colums: unknown key; did you mean 'columns'"),
        ({"name": ...}, "name: missing"),
        ({"name": "../up"}, "name: it names folders; expected .* found '../up'"),
        ({"name": "a\u202eb"}, "name: expected a name of at most 200 signs that can be seen"),
        ({"amounts_in": "yuan"}, "amounts_in: expected one of 'major' or 'minor', found 'yuan'"),
        ({"accepted_only": "yes!"}, "accepted_only: expected true or false, found 'yes!'"),
        ({"applications__columns__amount": ["x"]}, "columns.amount: expected a block of keys"),
        ({"applications__columns__amout": "x"}, "unknown column; did you mean 'amount'"),
        (
            {"applications__rows": [{"column": "a", "operator": "like", "value": 1}]},
            r"applications.rows\[1\].operator: expected one of '==', .* found 'like'",
        ),
        ({"features__income__type": "numeric"}, "features.income.type: expected one of 'number'"),
        ({"features__income__risk_direction": 2}, "risk_direction: expected at most 1, found '2'"),
        ({"outcomes__event__default": ...}, "outcomes.event.default: missing"),
        ({"outcomes__last_payment": ...}, "outcomes.last_payment: missing"),
        ({"outcomes": ...}, "one of performance, outcomes or label is needed"),
        ({"bad__dpd": 0}, "dpd must be at least 1 day"),
        ({"bad__dpd": "ninety"}, "bad.dpd: expected a whole number, found 'ninety'"),
        ({"applications__sql": {"url_env": "X", "query": "q"}}, "both path and sql"),
        ({"features": {}}, "features: none is described"),
        ({"features": ["income"]}, "features: expected a block of keys, found"),
        ({"features__income__protected": True}, "features: all are protected or known afterwards"),
        ({"features__income__special_codes": {True: "x"}}, "special_codes.true: expected a number"),
        (
            {"features__income__special_codes": {"-9": "x", "-9.0": "y"}},
            "special_codes: expected keys that differ",
        ),
        ({"features__amount": INCOME}, "features.amount: the name is taken"),
        ({"features__channel": INCOME}, "features.channel: the name is taken"),
        ({"features__default_flag": INCOME}, "features.default_flag: the name is taken"),
        (
            {"features__job": LEVELS | {"risk_direction": 1}},
            "features.job.risk_direction: a category has none",
        ),
        (
            {"features__income__levels": {"1": "low"}},
            "features.income.levels: only a category has levels",
        ),
        ({"features__job": LEVELS | {"levels": {"1": True}}}, "job.levels.1: expected text, found"),
        ({"features__job": LEVELS | {"levels": ["1"]}}, "job.levels: expected a block of keys"),
        ({"bad__by_term": {"twelve": 6}}, "bad.by_term.twelve: expected a whole number"),
        ({"bad__by_term": {"12": 6, "012": 3}}, "bad.by_term: expected keys that differ"),
        ({"outcomes": {"columns": {"event": "outcome"}}}, "outcomes: path or sql is missing"),
        ({"notes": [{"The label": "x"}]}, r"notes\[1\]: expected text, found {'The label': 'x'}"),
        ({"out_of_time_from": "20230701x"}, "out_of_time_from: expected a date such as 2023-07-01"),
        ({"out_of_time_from": "2024-01-01"}, "out_of_time_from: 2024-01-01 is later than observed"),
        ({"applications__encoding": "mandarin"}, "encoding: no text encoding is called 'mandarin'"),
        ({"applications__encoding": "rot13"}, "encoding: no text encoding is called 'rot13'"),
        (
            {"applications__delimiter": ";;"},
            "applications.delimiter: expected one sign, found ';;'",
        ),
        ({"applications__sheet": "A"}, "applications.sheet: only .xlsx has one"),
        ({"applications__path": "a.parquet", "applications__delimiter": ";"}, "delimiter: only"),
        (
            {"applications__duplicates": {"keep": "some"}},
            "duplicates.keep: expected one of 'first'",
        ),
        (
            {"applications__duplicates": {"by": ["customer_id"], "keep": "first"}},
            "duplicates.by: customer_id is not mapped",
        ),
        (
            {"applications__columns__applied_at": {"column": "when", "format": "day first"}},
            "applied_at.format: expected .*, found 'day first'",
        ),
        (
            {"applications__columns__applied_at": {"column": "when", "format": "%d%d%Y"}},
            "applied_at.format: expected",
        ),
        (
            {"applications__columns__applied_at": {"column": "when", "decimal": ","}},
            "applied_at.decimal: only a column of numbers has one",
        ),
        (
            {"outcomes__last_payment": {"column": "last", "decimal": ","}},
            "last_payment.decimal: only a column of numbers has one",
        ),
        ({"features__income__format": "%Y"}, "income.format: only a column of dates has one"),
        ({"features__income__decimal": "point"}, "income.decimal: expected one of"),
        (
            {"features__income__decimal": ",", "features__income__thousands": ","},
            "income: decimal and thousands are the same sign",
        ),
        ({"features__income__strip": ["k5"]}, "income.strip: a sign without digits"),
        ({"features__income__dates_as": {"9999-12-31": -9}}, "dates_as: only months_since has it"),
        (
            {"features__since": SINCE | {"dates_as": {"9999-12-31": -9}}},
            "since.dates_as: -9 is not among special_codes",
        ),
        ({"outcomes__event__repaid": ["lost"]}, "'lost' stands under default and under repaid"),
        ({"control": {"amount_by_month": {"2023-13": 1}}}, "expected a month as 2023-01"),
    ],
)
def test_mapping_error_names_key_and_expectation(own_source, changes, message):
    with pytest.raises(DataContractError, match=message):
        schema.check_source(own_source(changed(**changes)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label": {"column": "outcome", "bad": ["lost"]}}, "label.good: missing"),
        (
            {"label": {"column": "outcome", "bad": ["lost"], "good": ["lost", "paid"]}},
            "label: 'lost' stands under bad and under good",
        ),
        (
            {"label": {"column": "outcome", "days_past_due": "worst"}},
            "label.days_past_due: bad.dpd and bad.window_months are needed",
        ),
        (
            {"label": {"column": "d", "days_past_due": "snapshot"}, "bad": {}},
            "label.at: the date of the snapshot",
        ),
        (
            {"label": {"column": "d", "days_past_due": "worst", "bad": ["1"]}, "bad": {}},
            "days_past_due and lists of values; one is enough",
        ),
        ({"features__income__column": "outcome"}, "outcome is the column of the label, no feature"),
    ],
)
def test_a_label_that_contradicts_itself_is_refused(own_source, changes, message):
    with pytest.raises(DataContractError, match=message):
        schema.check_source(own_source(changed(**(PLAIN | changes))))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"columns": {"loan_id": "id", "dpd": "d"}}, "performance.columns.month_end: missing"),
        ({}, "performance.columns.cohort: map the date of disbursal, or state seen_from_start"),
        (
            {
                "columns": {"loan_id": "id", "month_end": "m", "dpd": "d", "status": "s"},
                "seen_from_start": True,
                "left_current": "repaid",
            },
            "performance.left_current: status is mapped",
        ),
    ],
)
def test_a_panel_that_lacks_what_it_needs_is_refused(own_source, changes, message):
    block = {"path": "p.csv", "columns": {"loan_id": "id", "month_end": "m", "dpd": "d"}} | changes
    with pytest.raises(DataContractError, match=message):
        schema.check_source(own_source(changed(outcomes=..., performance=block)))


@pytest.mark.parametrize("text", ["a: [1, 2", "a:\n\t- b", "- just\n- a list", "\x00", "", "word"])
def test_what_is_no_mapping_is_refused(own_source, text):
    with pytest.raises(DataContractError, match=r"mine.yaml breaks the data contract"):
        schema.check_source(own_source(text=text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: a\ntitle: b\nname: c", "line 3: the key 'name' stands twice, first in line 1"),
        ("a: &x 1\nb: *y", r"\*y stands for nothing before it|undefined alias"),
        ("a: &x [*x]", r"\*x stands for nothing before it"),
        ("a: 1\n---\nb: 2", "expected one document, found 2"),
        ("a: !!set {b}", "line 1: tags such as tag:yaml.org,2002:set are not read"),
        ("[a, b]: c", "line 1: expected text as a key, found a block or list"),
        ("a: " + "[" * 40 + "]" * 40, "line 1: nested deeper than 30 levels"),
    ],
)
def test_yaml_that_says_more_than_it_shows_is_refused(own_source, text, message):
    with pytest.raises(DataContractError, match=message):
        schema.check_source(own_source(text=text))


def test_yaml_is_never_executed(own_source, tmp_path):
    text = f"name: !!python/object/apply:os.system ['touch {tmp_path / 'pwned'}']"
    with pytest.raises(DataContractError, match=r"line 1: tags such as .*os\.system are not read"):
        schema.load_source(own_source(text=text))
    assert not (tmp_path / "pwned").exists()


def test_anchors_that_multiply_are_refused_before_they_are_written_out(own_source):
    lines = ["a0: &a0 [" + ", ".join("x" * 10) + "]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    with pytest.raises(DataContractError, match="more than 500,000 values"):
        schema.check_source(own_source(text="\n".join(lines)))


def test_scalars_are_read_as_they_are_written(own_source):
    levels = "levels: {01: one, no: 'not at all', 1e2: hundred, true: yes it is, 12:30: half past}"
    text = f"""
name: mine
title: 2023
currency: CNY
amounts_in: minor
accepted_only: true
out_of_time_from: 20230701
observed_to: 2023-09-30
applications: {{path: loans.csv, columns: {{amount: wanted, applied_at: when}}}}
label: {{column: outcome, bad: [no, 01, 1.0], good: [off, ~x]}}
features:
  g: {{column: income, type: category, label: No, family: on, {levels}}}
"""
    mapping = read_mapping(own_source(text=text))
    assert mapping.title == "2023"
    assert str(mapping.out_of_time_from) == "2023-07-01"
    assert mapping.label.bad == ["no", "01", "1.0"]
    assert mapping.label.good == ["off", "~x"]
    assert list(mapping.features["g"].levels) == ["01", "no", "1e2", "true", "12:30"]


def test_plain_numbers_of_a_mapping_have_a_point_whatever_the_columns_have(own_source):
    control = {"amount_by_month": {"2023-01": 12.345}}
    codes = {"special_codes": {"1.500": "a", "-999": "b"}, "decimal": ","}
    mapping = read_mapping(own_source(changed(control=control, features__income=INCOME | codes)))
    assert mapping.control.amount_by_month == {"2023-01": 12.345}
    assert mapping.features["income"].special_codes == {1.5: "a", -999.0: "b"}


def test_thousands_of_faults_are_counted_not_listed(own_source):
    features = {f"f{i}": INCOME | {"typ": "number"} for i in range(1_000)}
    with pytest.raises(DataContractError) as caught:
        schema.check_source(own_source(changed(features=features)))
    assert len(caught.value.violations) == 41
    assert caught.value.violations[-1] == "and 960 more faults"


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
        (
            {"label": {"column": "d", "days_past_due": "worst"}, "bad": {}},
            ["applied_at: missing; label.days_past_due needs it"],
        ),
        (
            {"control": {"amount_by_month": {"2023-01": 5}}},
            ["applied_at: missing; control.amount_by_month needs it"],
        ),
    ],
)
def test_what_is_not_mapped_but_needed_says_by_what(own_source, changes, lines):
    with pytest.raises(DataContractError) as caught:
        schema.check_source(own_source(changed(**(PLAIN | changes))))
    violations = caught.value.violations
    assert len(violations) == len(lines)
    for violation, line in zip(violations, lines, strict=True):
        assert violation.startswith(f"applications.columns.{line}")

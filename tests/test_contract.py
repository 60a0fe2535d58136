"""The contract: what each table must be, and what is said where it is not."""

import numpy as np
import pandas as pd
import pytest
from contract_tables import panel

from riskkit import schema
from riskkit.checks import DataContractError
from riskkit.schema import Feature
from riskkit.schema.features import feature_table


def test_valid_applications_come_back_unchanged(applications):
    assert schema.validate_applications(applications) is applications


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"amount": [1.5, 2, 3, 4]}, r"amount: expected integer, found dtype float64"),
        ({"applied_at": ["2024-01-01"] * 4}, r"applied_at: expected date, found dtype str"),
        (
            {"application_id": ["a", "a", "c", "d"]},
            r"application_id: 1 row repeats an earlier one, row 2: same as row 1",
        ),
        ({"amount": [100, -5, 0, 7]}, r"amount: 2 rows break 'at least 1', for example -5"),
        (
            {
                "applied_at": pd.to_datetime(
                    ["1899-12-31", "2024-01-01", "2024-01-01", "2200-01-01"]
                )
            },
            r"applied_at: 2 rows break 'between 1990-01-01 and 2100-01-01'.*first in row 1",
        ),
        ({"term_months": [0, 1, 1, 1]}, r"term_months: 1 row breaks 'between 1 and 480'"),
        (
            {"booked": [True, True, False, True]},
            r"booked: 1 row breaks 'approved, as booked ones must be'",
        ),
        ({"default_flag": [0, 2, None, None]}, r"default_flag: 1 row breaks '1 = bad, 0 = good"),
        (
            {"default_flag": [0, 1, 1, None]},
            r"default_flag: 1 row breaks 'known only where booked'",
        ),
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
    assert schema.features_from_table(feature_table(features)) == features
    long = [Feature(name="x", label="X", family="f", special_codes={99999998.0: "not asked"})]
    assert schema.features_from_table(feature_table(long)) == long
    assert [f.offered for f in features] == [False, True, True]
    assert schema.risk_trends(features) == {"inq": "ascending"}


def test_no_id_is_shown_and_every_fault_of_a_panel_says_its_row():
    book = pd.concat(
        [panel(secret1=("2024-01-01", [0, 0, 0])), panel(secret2=("2024-01-01", [0, 0]))]
    )
    back = book.iloc[[0, 2, 1, 3, 4]]
    again = book.iloc[[0, 1, 1, 3, 4]]
    ended = book.assign(status=["current", "matured", "current", "current", "current"])
    apart = book.iloc[[0, 3, 1]]
    for broken, message in (
        (back, "mob: 1 row breaks 'after the month before', for example 1, first in row 3"),
        (again, "mob: 1 row breaks 'after the month before', for example 1, first in row 3"),
        (ended, "status: 1 row breaks 'the loan's last row, as a prepaid or matured one must be'"),
        (apart, "loan_id: 1 row breaks 'beside the other rows of their loan', first in row 3"),
    ):
        with pytest.raises(DataContractError, match=message) as caught:
            schema.validate_performance(broken)
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cohort": pd.Timestamp("2023-12-01")}, "mob: 3 rows break 'months from cohort"),
        ({"month_end": pd.Timestamp("2024-01-15")}, "3 rows break 'the last day of a month'"),
        ({"mob": [1, 2, 3]}, "mob: 3 rows break 'months from cohort to month_end'"),
    ],
)
def test_a_panel_whose_months_disagree_is_refused(change, message):
    book = panel(a=("2024-01-01", [0, 0, 0]))
    assert schema.validate_performance(book) is book
    with pytest.raises(DataContractError, match=message):
        schema.validate_performance(book.assign(**change))


def test_late_entries_gaps_and_loans_that_leave_are_allowed():
    book = pd.concat([panel(a=("2024-01-01", [0, 0, 0, 31])), panel(b=("2024-01-01", [0, 0]))])
    seen = book.iloc[[1, 3, 4, 5]]
    assert schema.validate_performance(seen) is seen


def test_a_missing_number_of_a_nullable_type_is_named_like_any_other():
    panel = pd.DataFrame(
        {
            "loan_id": "a",
            "cohort": pd.Timestamp("2024-01-01"),
            "mob": [0, 1],
            "month_end": pd.to_datetime(["2024-01-31", "2024-02-29"]),
            "dpd": pd.array([0, None], dtype="Int64"),
            "status": "current",
        }
    )
    with pytest.raises(DataContractError, match="dpd: 1 row breaks 'filled', first in row 2"):
        schema.validate_performance(panel)

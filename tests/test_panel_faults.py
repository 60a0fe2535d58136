"""What a panel or a table of instalments must not be: errors with words, whoever counts it."""

import numpy as np
import pandas as pd
import pytest

from riskkit import first_payments, migration, schema, treatments, vintage
from riskkit.checks import DataContractError
from riskkit.columns import calendar_months

SHANGHAI = "Asia/Shanghai"
ENDS = pd.to_datetime(["2024-01-31", "2024-02-29"] * 2)


def panel(**columns) -> pd.DataFrame:
    """Two loans of two months, one 40 days past due and treated, one matured."""
    return pd.DataFrame({
        "loan_id": ["a", "a", "b", "b"], "cohort": pd.Timestamp("2024-01-01"), "mob": [0, 1, 0, 1],
        "month_end": ENDS, "dpd": [0, 40, 0, 0], "paid_amount": [0, 0, 0, 50],
        "status": ["current", "delinquent", "current", "matured"], "balance": [100, 100, 50, 0],
        "treatment": pd.Series([None, "re-age", None, None], dtype="str"),
    } | columns)  # fmt: skip


COUNTS = {
    "cohorts": vintage.cohort_counts,
    "gaps": vintage.panel_gaps,
    "treatments": lambda book: treatments.treatment_counts(book, "2024-02-29"),
    "at treatment": treatments.at_treatment,
    "moves": migration.transition_counts,
    "balances": migration.bucket_balances,
    "loss flows": lambda book: migration.loss_flow_counts(book, loss_bucket=4),
}


@pytest.mark.parametrize("count", COUNTS.values(), ids=COUNTS)
@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("dpd", [0, np.nan, 0, 0], "dpd: missing in 1 rows, for example row 2"),
        ("balance", [100, 100, np.nan, 0], "balance: missing in 1 rows, for example row 3"),
        ("loan_id", [None] * 4, "loan_id: missing in 4 rows, for example row 1"),
        ("loan_id", [np.nan] * 4, "loan_id: missing in 4 rows"),
        ("status", pd.array(["current", pd.NA, "current", "matured"], dtype="string"),
         "status: missing in 1 rows, for example row 2"),
        ("status", ["current", None, "current", "matured"], "status: missing in 1 rows"),
    ],
)  # fmt: skip
def test_a_row_of_which_nothing_is_known_is_refused(count, name, values, said):
    with pytest.raises(DataContractError, match=said):
        count(panel(**{name: values}))


@pytest.mark.parametrize("count", COUNTS.values(), ids=COUNTS)
def test_a_panel_without_a_fault_is_counted(count):
    assert len(count(panel()))


def test_cohorts_in_a_time_zone_are_refused_where_they_would_be_a_month_early():
    zoned = panel(cohort=pd.Timestamp("2024-01-01", tz=SHANGHAI))
    with pytest.raises(DataContractError, match="cohort: in the time zone Asia/Shanghai"):
        vintage.cohort_counts(zoned)
    outcomes = pd.DataFrame({
        "loan_id": ["a"], "cohort": [pd.Timestamp("2024-01-01", tz=SHANGHAI)], "amount": 100,
        "event": "matured", "event_mob": 1})  # fmt: skip
    with pytest.raises(ValueError, match="no time zone, got dates in Asia/Shanghai"):
        vintage.cohort_counts(outcomes)
    with pytest.raises(ValueError, match="no time zone"):
        calendar_months(ENDS.tz_localize(SHANGHAI))
    assert calendar_months(ENDS[:1]).tolist() == [54 * 12]


def test_instalments_in_a_time_zone_are_refused():
    dues = pd.DataFrame({
        "loan_id": ["a"], "number": 1, "due_amount": 100, "paid_date": pd.NaT,
        "due_date": pd.to_datetime(["2024-01-05"]).tz_localize(SHANGHAI)})  # fmt: skip
    with pytest.raises(DataContractError, match="due_date: in a time zone"):
        first_payments.payment_default_counts(dues, "2024-03-31")


@pytest.mark.parametrize("name", ["dpd", "mob", "cohort", "balance", "status"])
def test_what_is_counted_apart_must_not_stand_for_what_is_counted(name):
    kinds = pd.Series({"a": 1, "b": 2}, name=name)
    with pytest.raises(ValueError, match=rf"by must not be named as a column.*'{name}'"):
        vintage.cohort_counts(panel(), by=kinds)


def test_a_series_may_be_named_as_a_column_that_is_not_counted():
    kinds = pd.Series({"a": 1, "b": 2}, name="treatment")
    assert vintage.cohort_counts(panel(), by=kinds).index.unique("treatment").tolist() == [1, 2]


@pytest.mark.parametrize("count", [COUNTS["treatments"], treatments.at_treatment])
def test_an_unknown_treatment_is_refused(count):
    with pytest.raises(
        DataContractError, match=r"1 rows are none of re-age, .*, for example 'hug'"
    ):
        count(panel(treatment=[None, "hug", None, None]))


@pytest.mark.parametrize("value", ["amount", "event", "event_mob"])
def test_outcomes_without_a_value_are_refused(value):
    outcomes = pd.DataFrame({
        "loan_id": ["a", "b"], "cohort": pd.Timestamp("2024-01-01"), "amount": [100, 200],
        "event": ["matured", "default"], "event_mob": [1, 2]})  # fmt: skip
    outcomes[value] = [outcomes[value].iloc[0], None]
    with pytest.raises(DataContractError, match=f"{value}: missing for 1 loans"):
        vintage.cohort_counts(outcomes)


@pytest.mark.parametrize(
    ("after", "is_refused"),
    [("delinquent", True), ("current", True), ("charged_off", False), ("matured", False)],
)
def test_a_loan_that_was_charged_off_does_not_go_on_as_before(after, is_refused):
    book = panel(status=["current", "charged_off", "current", "current"]).drop(columns="treatment")
    third = book.iloc[[1]].assign(mob=2, month_end=pd.Timestamp("2024-03-31"), status=after)
    book = pd.concat([book.iloc[:2], third, book.iloc[2:]], ignore_index=True)
    book = book.assign(due_amount=0, recovered_amount=0).astype({"loan_id": "str", "status": "str"})
    if is_refused:
        with pytest.raises(DataContractError, match=r"charged off still, as the row after.*row 3"):
            schema.validate_performance(book)
    else:
        schema.validate_performance(book)

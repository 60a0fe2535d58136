"""Values of loans, looked up by id."""

import numpy as np
import pandas as pd
import pytest

from riskkit.checks import DataContractError
from riskkit.loan_values import LoanValues
from riskkit.tables import Table, part_path, write_table


@pytest.fixture
def loans():
    rng = np.random.default_rng(3)
    ids = pd.Series([f"L{i:05d}" for i in rng.permutation(2_000)])
    return pd.DataFrame(
        {
            "loan_id": ids,
            "term": rng.integers(1, 25, 2_000),
            "channel": rng.choice(["a", "b"], 2_000),
        }
    )


@pytest.mark.parametrize("kind", ["str", "object", "category"])
def test_values_are_those_of_the_ids_on_their_index(loans, kind):
    rows = loans["loan_id"].sample(500, random_state=1).repeat(3).astype(kind)
    found = LoanValues(loans["loan_id"], loans["term"]).of(rows)
    expected = rows.astype("str").map(loans.set_index("loan_id")["term"])
    pd.testing.assert_series_equal(found, expected, check_names=False)
    assert found.name == "term"


def test_an_id_that_is_not_known_is_missing(loans):
    values = LoanValues(loans["loan_id"], loans[["term", "channel"]])
    found = values.of(pd.Series(["L00001", "nobody", "L00002"], index=[7, 8, 9]))
    assert found.isna().any(axis=1).tolist() == [False, True, False]
    assert found.index.tolist() == [7, 8, 9]
    assert LoanValues([], pd.Series([], dtype=float)).of(pd.Series(["a"])).isna().all()


def test_numbers_of_any_kind_are_one_id():
    values = LoanValues(pd.Series([17, 3]), pd.Series([1.0, 2.0]))
    assert values.of(pd.Series(["3", "17"])).tolist() == [2.0, 1.0]


def test_a_table_in_parts_gives_the_same_as_a_frame(loans, tmp_path):
    for number in range(4):
        part = part_path(tmp_path, number)
        write_table(loans.iloc[number * 500 : (number + 1) * 500].reset_index(drop=True), part)
    values = LoanValues.from_table(Table(tmp_path), ["term", "channel"], key="loan_id")
    found = values.of(loans["loan_id"])
    assert found["term"].tolist() == loans["term"].tolist()
    assert found["channel"].astype("str").tolist() == loans["channel"].tolist()
    assert LoanValues.from_table(Table(tmp_path), "term", key="loan_id").name == "term"


def test_ids_that_cannot_be_looked_up_are_refused():
    with pytest.raises(DataContractError, match="1 come more than once"):
        LoanValues(["a", "a"], pd.Series([1, 2]))
    with pytest.raises(DataContractError, match="2 ids for 1 values"):
        LoanValues(["a", "b"], pd.Series([1]))
    with pytest.raises(ValueError, match="must not be missing"):
        LoanValues(["a", None], pd.Series([1, 2]))

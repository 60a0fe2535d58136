"""Schedules and rates: the design's vectors, closed forms, and money that adds up."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit import instalments

METHODS = ("equal_instalment", "interest_only", "flat_fee")
loans = {
    "principal": st.integers(10_000, 5_000_000),
    "rate": st.sampled_from([0.0, 1e-9, 0.005, 0.015, 0.03]),
    "n": st.integers(1, 36),
}


# --- the design's vectors (design.md, "Conventions and formulas") ------------------------------


def test_instalment_matches_design_example():
    assert instalments.instalment(10_000, 0.02, 12) == pytest.approx(945.60, abs=0.005)


def test_schedule_interest_matches_design_example():
    table = instalments.schedule(1_000_000, 0.02, 12)
    assert table["due_amount"].tolist()[:11] == [94_560] * 11
    assert table["interest_amount"].sum() == 134_715


def test_apr_matches_upfront_deduction_example():
    table = instalments.schedule(1_000_000, 0.015, 12, fee_amount=20_000)
    apr, ear = instalments.annualised(instalments.irr(instalments.cashflows(table)))
    assert (round(100 * apr, 2), round(100 * ear, 2)) == (21.91, 24.25)


@pytest.mark.parametrize(
    ("n_months", "apr", "ear"), [(3, 17.91, 19.46), (6, 20.29, 22.29), (12, 21.46, 23.70)]
)
def test_apr_matches_flat_fee_example(n_months, apr, ear):
    table = instalments.schedule(1_200_000, 0.01, n_months, method="flat_fee")
    found = instalments.annualised(instalments.irr(instalments.cashflows(table)))
    assert [round(100 * rate, 2) for rate in found] == [apr, ear]


# --- closed forms and invariants ---------------------------------------------------------------


def test_instalment_at_zero_rate_is_principal_over_months():
    assert instalments.instalment(1_000, 0, 8) == 125.0


def test_instalment_broadcasts_and_keeps_nan():
    found = instalments.instalment([1_000, np.nan], 0.0, [10, 10])
    np.testing.assert_array_equal(found, [100.0, np.nan])


def test_instalment_near_zero_rate_is_continuous():
    # (1+r)ⁿ − 1 computed naively is off by a tenth at r = 1e-15
    assert instalments.instalment(1_200, 1e-15, 12) == pytest.approx(100, rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(**loans, method=st.sampled_from(METHODS))
def test_schedule_repays_the_principal_exactly(principal, rate, n, method):
    table = instalments.schedule(principal, rate, n, method=method)
    assert table["number"].tolist() == list(range(1, n + 1))
    assert table["principal_amount"].sum() == principal
    assert table["balance"].iloc[-1] == 0
    assert (table["due_amount"] == table["interest_amount"] + table["principal_amount"]).all()
    assert (table >= 0).all(axis=None)
    assert set(table.dtypes.astype(str)) == {"int64"}


@settings(max_examples=40, deadline=None)
@given(**loans)
def test_last_instalment_differs_only_by_rounding(principal, rate, n):
    due = instalments.schedule(principal, rate, n)["due_amount"].to_numpy()
    # each of n roundings is at most half a fen, and grows by interest to the end
    assert np.abs(due - instalments.instalment(principal, rate, n)).max() <= n * (1 + rate) ** n


@settings(max_examples=30, deadline=None)
@given(**loans)
def test_many_loans_at_once_equal_one_by_one(principal, rate, n):
    due, balance = instalments.equal_instalments([principal, 50_000], [rate, 0.01], [n, 2])
    table = instalments.schedule(principal, rate, n)
    np.testing.assert_array_equal(due[0, 1 : n + 1], table["due_amount"])
    np.testing.assert_array_equal(balance[0, 1 : n + 1], table["balance"])
    assert due[1, 3:].sum() == balance[1, 2:].sum() == 0


@pytest.mark.parametrize("method", ["equal_instalment", "interest_only"])
def test_irr_of_a_schedule_is_its_rate(method):
    flows = instalments.cashflows(instalments.schedule(5_000_000, 0.017, 9, method=method))
    assert instalments.irr(flows) == pytest.approx(0.017, abs=1e-6)


def test_interest_only_pays_principal_last():
    table = instalments.schedule(90_000, 0.01, 3, method="interest_only")
    assert table["due_amount"].tolist() == [900, 900, 90_900]


def test_xirr_agrees_with_its_definition():
    dates = pd.to_datetime(["2023-01-31", "2023-02-28", "2023-03-31", "2024-03-31"])
    flows = np.array([-1_000.0, 300, 300, 500])
    rate = instalments.xirr(dates, flows)
    years = (dates - dates[0]).days / 365
    assert (flows / (1 + rate) ** years.to_numpy()).sum() == pytest.approx(0, abs=1e-6)


# --- errors ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, 0.01, 3), "principal must be >= 0, got -1"),
        ((1_000, -0.01, 3), "monthly_rate must be >= 0, got -0.01"),
        ((1_000, 0.01, 0), "n_months must be a whole number >= 1, got 0"),
        ((1_000, 0.01, 2.5), "n_months must be a whole number >= 1, got 2.5"),
        ((1_000.5, 0.01, 3), "amounts must be whole fen, got 1000.5"),
    ],
)
def test_schedule_refuses_values_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        instalments.schedule(*arguments)


def test_schedule_refuses_unknown_method_and_fee_above_principal():
    with pytest.raises(ValueError, match=r"method must be one of .* got 'balloon'"):
        instalments.schedule(1_000, 0.01, 3, method="balloon")
    with pytest.raises(ValueError, match=r"fee_amount must lie in 0\.\.principal = 1000, got 2000"):
        instalments.schedule(1_000, 0.01, 3, fee_amount=2_000)


@pytest.mark.parametrize("flows", [[1, 2, 3], [-1, -2], [], [-1, np.nan]])
def test_irr_refuses_flows_that_do_not_go_both_ways(flows):
    with pytest.raises(ValueError, match="cashflows must be finite and go both ways"):
        instalments.irr(flows)


def test_xirr_refuses_unequal_lengths():
    with pytest.raises(ValueError, match="equally long, got 2 and 3"):
        instalments.xirr(["2023-01-01", "2023-02-01"], [-1, 1, 1])


def test_annualised_refuses_total_loss():
    with pytest.raises(ValueError, match="monthly_irr must be > -1"):
        instalments.annualised(-1.0)

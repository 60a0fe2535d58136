"""Schedules and rates: the design's vectors, closed forms, and money that adds up."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit import instalments

METHODS = instalments.METHODS
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


@pytest.mark.parametrize(("n_months", "apr"), [(3, 0.1791), (6, 0.2029), (12, 0.2146)])
def test_contract_rate_matches_flat_fee_example(n_months, apr):
    # the APR is given to 0.005 %, which moves the fee by half of a twelfth of that
    rate = instalments.contract_rate(apr / 12, n_months, "flat_fee")
    assert rate == pytest.approx(0.01, abs=4e-6)


def test_contract_rate_matches_upfront_deduction_example():
    rate = instalments.contract_rate(0.2191 / 12, 12, fee_rate=0.02)
    assert rate == pytest.approx(0.015, abs=5e-6)


# --- what the law publishes: the rate of the US is nominal, that of the EU effective -----------

LATE_MONTH, LATE_WEEK = 1 + 19 / 30, 4 + 4 / 7


@pytest.mark.parametrize(
    ("advance", "payment", "periods", "per_year", "apr"),
    [
        (5_000, 230, np.arange(1, 25), 12, 0.0969),
        (6_000, 200, LATE_MONTH + np.arange(36), 12, 0.1182),
        (500, 17.60, LATE_WEEK + np.arange(30), 52, 0.1496),
    ],
)
def test_nominal_apr_matches_the_examples_of_regulation_z(advance, payment, periods, per_year, apr):
    """12 CFR 1026, Appendix J, (c)(1)(i), (c)(1)(ii), (c)(1)(iv)."""
    found = instalments.nominal_apr(advance, payment, periods, periods_per_year=per_year)
    assert round(found, 4) == apr


def test_the_odd_part_of_a_period_bears_simple_interest():
    # (1 + i)·(1 + i / 2) = 1.3, or i² + 3i − 0.6 = 0
    found = instalments.nominal_apr(100, [130], [1.5], periods_per_year=1)
    assert found == pytest.approx((np.sqrt(9 + 2.4) - 3) / 2, abs=1e-12)


def test_effective_apr_matches_the_examples_of_the_eu_directive():
    """Directive 98/7/EC, Annex II (days over 365, and equal months) and Annex III."""
    by_days = instalments.xirr(["1994-01-01", "1995-07-01"], [-1_000, 1_200])
    by_months = instalments.irr([-1_000, *[0] * 17, 1_200])
    assert round(by_days, 4) == 0.1296
    assert round(instalments.annualised(by_months)[1], 4) == 0.1292
    assert round(instalments.irr([-1_000, 600, 600]), 4) == 0.1307


@given(**loans)
def test_nominal_apr_of_whole_months_is_twelve_times_the_irr(principal, rate, n):
    flows = instalments.cashflows(instalments.schedule(principal, rate, n))
    paid = flows[1:][flows[1:] > 0]
    found = instalments.nominal_apr(principal, paid, np.arange(1, len(paid) + 1))
    # rounding to fen moves the rate of a small loan
    assert found == pytest.approx(12 * rate, abs=12 * (n + 1) / principal)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, [1], [1]), "advance_amount must be > 0, got 0"),
        ((10, [0], [1]), "payment_amounts must be > 0, got 0"),
        ((10, [20], [-1]), "periods must be >= 0, got -1"),
        ((10, [5, 4], [1, 2]), "payments must repay the advance of 10 later, got 9"),
        ((10, [20], [0]), "payments must repay the advance of 10 later, got 20"),
    ],
)
def test_nominal_apr_refuses_what_is_no_loan(arguments, message):
    with pytest.raises(ValueError, match=message):
        instalments.nominal_apr(*arguments)


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


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(*loans.values(), st.sampled_from(METHODS)), min_size=1, max_size=8))
def test_many_loans_at_once_equal_one_by_one(book):
    principal, rate, n, method = zip(*book, strict=True)
    due, balance = instalments.schedules(principal, rate, n, method)
    assert due.shape == balance.shape == (len(book), max(n) + 1)
    assert due.dtype == balance.dtype == np.int64
    assert (due[:, 0] == 0).all()
    np.testing.assert_array_equal(balance[:, 0], principal)
    for row, (p, r, months, name) in enumerate(book):
        table = instalments.schedule(p, r, months, method=name)
        np.testing.assert_array_equal(due[row, 1 : months + 1], table["due_amount"])
        np.testing.assert_array_equal(balance[row, 1 : months + 1], table["balance"])
        assert due[row, months + 1 :].sum() == balance[row, months:].sum() == 0


@settings(max_examples=60, deadline=None)
@given(**loans, method=st.sampled_from(METHODS))
def test_due_sums_to_principal_plus_interest(principal, rate, n, method):
    """Interest is recomputed from its definition, in Python's integers and half-even rounding."""
    due, balance = instalments.schedules(principal, rate, n, method)
    owed = balance[0, :-1].tolist() if method != "flat_fee" else [principal] * n
    assert due[0].sum() == principal + sum(round(base * rate) for base in owed)
    assert (np.diff(balance[0]) <= 0).all()


@pytest.mark.parametrize(
    ("method", "due", "balance"),
    [
        ("equal_instalment", [34_003, 34_003, 34_002], [66_998, 33_665, 0]),
        ("interest_only", [1_000, 1_000, 101_001], [100_001, 100_001, 0]),
        ("flat_fee", [34_333, 34_333, 34_335], [66_668, 33_335, 0]),
        ("equal_principal", [34_333, 34_000, 33_668], [66_668, 33_335, 0]),
    ],
)
def test_last_instalment_absorbs_the_rounding(method, due, balance):
    found = instalments.schedules(100_001, 0.01, 3, method, max_months=4)
    np.testing.assert_array_equal(found[0], [[0, *due, 0]])
    np.testing.assert_array_equal(found[1], [[100_001, *balance, 0]])


@pytest.mark.parametrize("method", METHODS)
def test_half_a_fen_of_interest_is_rounded_to_even(method):
    table = instalments.schedule(250, 0.01, 1, method=method)
    assert table["interest_amount"].tolist() == [2]


def test_a_tiny_loan_paid_off_early_by_rounding_is_never_overpaid():
    due, balance = instalments.schedules(5, 0.0, 8)
    assert due.tolist() == [[0, 1, 1, 1, 1, 1, 0, 0, 0]]
    assert balance.tolist() == [[5, 4, 3, 2, 1, 0, 0, 0, 0]]


def test_schedules_of_no_loans_are_empty():
    due, balance = instalments.schedules([], [], [], [], max_months=6)
    assert due.shape == balance.shape == (0, 7)


@pytest.mark.parametrize("method", METHODS[:3])
@given(**loans)
def test_instalment_is_what_falls_due_each_month_but_the_last(method, principal, rate, n):
    due = instalments.schedule(principal, rate, n, method=method)["due_amount"]
    # flat fee: half a fen of the fee, and up to one of the principal's part
    assert (np.abs(due[:-1] - instalments.instalment(principal, rate, n, method)) < 1.5).all()


def test_instalment_takes_one_method_or_one_for_each_loan():
    found = instalments.instalment(1_200, [0.02, 0.02, 0.0], 12, ["interest_only", *METHODS[2::-2]])
    np.testing.assert_allclose(found, [24, 124, 100])
    assert instalments.instalment(1_200, 0.02, 12, "flat_fee") == 124


@given(**loans)
def test_equal_principal_falls_from_its_first_instalment_by_the_interest_of_a_part(
    principal, rate, n
):
    table = instalments.schedule(principal, rate, n, method="equal_principal")
    first = instalments.instalment(principal, rate, n, "equal_principal")
    expected = first - principal * rate / n * np.arange(n)
    # parts are whole fen and leave less than n fen to the last, which bear interest meanwhile
    slack = 1.5 + rate * n
    assert (np.abs(table["due_amount"] - expected)[:-1] <= slack).all()
    assert abs(table["due_amount"].iloc[-1] - expected[-1]) <= slack + n


def test_equal_principal_of_the_textbook():
    table = instalments.schedule(1_200_000, 0.01, 12, method="equal_principal")
    assert table["due_amount"].tolist()[::11] == [112_000, 101_000]
    # balances 12, 11, … 1 parts of 100,000
    assert table["interest_amount"].sum() == 1_000 * sum(range(1, 13))


METHODS_ON_BALANCE = ["equal_instalment", "interest_only", "equal_principal"]


@pytest.mark.parametrize("method", METHODS_ON_BALANCE)
def test_irr_of_a_schedule_is_its_rate(method):
    flows = instalments.cashflows(instalments.schedule(5_000_000, 0.017, 9, method=method))
    assert instalments.irr(flows) == pytest.approx(0.017, abs=1e-6)


def test_interest_only_pays_principal_last():
    table = instalments.schedule(90_000, 0.01, 3, method="interest_only")
    assert table["due_amount"].tolist() == [900, 900, 90_900]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("fee_rate", [0.0, 0.015])
@pytest.mark.parametrize(("monthly_irr", "n"), [(0.05, 1), (0.017, 3), (0.0199, 12), (0.05, 36)])
def test_irr_of_the_schedule_at_the_contract_rate_is_the_one_asked(
    monthly_irr, n, fee_rate, method
):
    rate = instalments.contract_rate(monthly_irr, n, method, fee_rate=fee_rate)
    fee_amount = round(2_000_000 * fee_rate)
    table = instalments.schedule(2_000_000, rate, n, method=method, fee_amount=fee_amount)
    assert instalments.irr(instalments.cashflows(table)) == pytest.approx(monthly_irr, abs=1e-5)


def flows_of_one(rate, n, method):
    """What a loan of 1 pays by its definition, unrounded."""
    flows = np.full(n + 1, instalments.instalment(1, rate, n, method))
    if method == "equal_principal":
        flows[1:] -= rate / n * np.arange(n)
    flows[0] = -1
    flows[-1] += method == "interest_only"
    return flows


@settings(max_examples=200, deadline=None)
@given(
    rate=st.sampled_from([1e-5, 0.004, 0.02, 0.05]),
    n=st.integers(1, 60),
    method=st.sampled_from(METHODS),
    fee_rate=st.sampled_from([0.0, 1e-6, 0.02, 0.3]),
)
def test_contract_rate_inverts_the_irr(rate, n, method, fee_rate):
    # pyxirr stops at an absolute value of the flows: on a loan of 1 it is right to 1e-9 only
    flows = 1e6 * flows_of_one(rate, n, method)
    flows[0] += 1e6 * fee_rate
    found = instalments.contract_rate(instalments.irr(flows), n, method, fee_rate=fee_rate)
    assert found == pytest.approx(rate, abs=1e-10)


@settings(max_examples=200, deadline=None)
@given(
    monthly_irr=st.floats(0, 0.05),
    n=st.integers(1, 60),
    method=st.sampled_from(METHODS),
    share=st.floats(0, 1),
)
def test_payments_at_the_contract_rate_are_worth_what_was_handed_over(
    monthly_irr, n, method, share
):
    discounts = (1 + monthly_irr) ** -np.arange(1.0, n + 1)
    worth = discounts.sum()
    # at the highest fee the borrower repays the bare principal
    highest = 1 - (discounts[-1] if method == "interest_only" else worth / n)
    fee_rate = share * max(highest, 0)
    rate = instalments.contract_rate(monthly_irr, n, method, fee_rate=fee_rate)
    paid = flows_of_one(rate, n, method)[1:] @ discounts
    assert paid == pytest.approx(1 - fee_rate, abs=1e-12)
    assert 0 <= rate <= monthly_irr + 1e-15


@pytest.mark.parametrize("method", METHODS_ON_BALANCE)
def test_contract_rate_without_a_fee_is_exactly_the_irr(method):
    irr, n = np.meshgrid(np.r_[1e-12, np.linspace(0, 0.05, 501)], np.arange(1, 37))
    np.testing.assert_array_equal(instalments.contract_rate(irr, n, method), irr)


def test_flat_fee_near_zero_is_the_irr_on_the_average_balance():
    irr = np.array([0.0, 1e-12])
    found = instalments.contract_rate(irr, 12, "flat_fee")
    np.testing.assert_allclose(found, irr * 13 / 24, rtol=0, atol=1e-16)


@pytest.mark.parametrize("method", METHODS)
def test_contract_rate_of_a_single_instalment_is_the_same_for_every_method(method):
    rate = instalments.contract_rate(0.05, 1, method, fee_rate=0.02)
    assert rate == pytest.approx(0.98 * 1.05 - 1, abs=1e-15)


def test_contract_rate_broadcasts_all_its_arguments():
    found = instalments.contract_rate([[0.01], [0.02]], 6, METHODS, fee_rate=[[[0.0]], [[0.01]]])
    assert found.shape == (2, 2, 4)
    for (f, i, m), rate in np.ndenumerate(found):
        one = instalments.contract_rate((0.01, 0.02)[i], 6, METHODS[m], fee_rate=(0, 0.01)[f])
        assert rate == pytest.approx(one, abs=1e-15)
        assert isinstance(one, float)


@pytest.mark.parametrize("method", METHODS)
def test_contract_rate_of_nan_is_nan(method):
    found = instalments.contract_rate([np.nan, 0.02], 6, method, fee_rate=0.01)
    np.testing.assert_array_equal(np.isnan(found), [True, False])


@pytest.mark.parametrize("method", METHODS)
def test_a_fee_that_takes_the_whole_irr_leaves_a_contract_rate_of_zero(method):
    irr, n = np.meshgrid(np.linspace(0, 0.05, 201), np.arange(1, 37))
    per_month = instalments.instalment(1, irr, n)
    highest = irr / per_month if method == "interest_only" else 1 - 1 / per_month / n
    # rounding alone takes some of these rates below zero
    for more in (0.0, 1e-17, 1e-15):
        fee_rate = np.maximum(highest, 0) + more
        rate = instalments.contract_rate(irr, n, method, fee_rate=fee_rate)
        assert ((rate >= 0) & (rate < 1e-13)).all()
    with pytest.raises(ValueError, match="fee_rate must leave a contract rate >= 0"):
        instalments.contract_rate(0.02, 12, method, fee_rate=highest[11, 80] + 1e-10)


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


def test_schedules_refuse_fractions_of_a_fen_endless_rates_and_terms_beyond_the_columns():
    with pytest.raises(ValueError, match=r"amounts must be whole fen, got 10\.5"):
        instalments.schedules([10, 10.5], 0.01, 3)
    with pytest.raises(ValueError, match="monthly_rate must be finite, got nan"):
        instalments.schedules(10, [0.01, np.nan], 3)
    with pytest.raises(ValueError, match="n_months must be <= max_months = 6, got 7"):
        instalments.schedules(10, 0.01, [3, 7], max_months=6)


@pytest.mark.parametrize("function", ["instalment", "schedules"])
@pytest.mark.parametrize(
    ("method", "named"), [("balloon", "balloon"), (["flat_fee", None], "None")]
)
def test_unknown_methods_are_refused(function, method, named):
    message = f"method must be one of {', '.join(METHODS)}, got {named!r}"
    with pytest.raises(ValueError, match=message):
        getattr(instalments, function)([1_000, 1_000], 0.01, 3, method)


@pytest.mark.parametrize(
    ("arguments", "fee_rate", "message"),
    [
        ((-0.01, 3), 0, "monthly_irr must be >= 0, got -0.01"),
        ((0.01, 0), 0, "n_months must be a whole number >= 1, got 0"),
        ((0.01, 3, "balloon"), 0, "method must be one of .*, got 'balloon'"),
        ((0.01, 3), -0.1, r"fee_rate must lie in \[0, 1\), got -0.1"),
        ((0.01, 3), 1, r"fee_rate must lie in \[0, 1\), got 1"),
        ((0.01, 3), np.nan, r"fee_rate must lie in \[0, 1\), got nan"),
        (([0.05, 0.01], 3), 0.03, "a contract rate >= 0 at this monthly_irr, got 0.03"),
        ((0, 12, "interest_only"), 0.001, "a contract rate >= 0 at this monthly_irr, got 0.001"),
    ],
)
def test_contract_rate_refuses_values_out_of_range(arguments, fee_rate, message):
    with pytest.raises(ValueError, match=message):
        instalments.contract_rate(*arguments, fee_rate=fee_rate)


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

"""What a borrower is told: payments to the cent, what they cost a year, and the sheet itself."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit import instalments, offers
from riskkit.offers.caps import SOLVED_TO
from riskkit.schema import read_caps

PROJECT = Path(__file__).parents[1]
METHODS = instalments.METHODS
DEAR = 520_000
UPFRONT = offers.Charge(
    name="Platform fee", basis="upfront", rate=0.02, collected_by="Platform Co."
)
MONTHLY = offers.Charge(name="Guarantee", basis="monthly", rate=0.002, collected_by="Guarantor")
OVERDUE = offers.Charge(name="Late interest", basis="overdue", rate=0.0005, collected_by="Bank")


def offer_of(**change):
    terms = {"principal_fen": 1_000_000, "monthly_rate": 0.015, "term_months": 12}
    return offers.Offer(**terms | {"disbursed_on": "2026-08-31", "lender": "Bank"} | change)


@pytest.fixture(scope="module")
def caps():
    return read_caps(PROJECT / "data" / "caps.yaml")


# --- the design's vectors ------------------------------------------------------------------------


def test_apr_and_ear_are_on_what_is_received():
    """10,000 over 12 at 1.5 % a month with 2 % deducted: 21.91 % and 24.25 % (design.md)."""
    told = offers.disclosure(offer_of(charges=(UPFRONT,)))
    assert (round(told.apr, 4), round(told.ear, 4)) == (0.2191, 0.2425)
    assert told.received_amount == 980_000
    assert told.cost_amount == told.paid_amount - 980_000


@pytest.mark.parametrize(("n", "apr", "ear"), [(3, 17.91, 19.46), (12, 21.46, 23.70)])
def test_a_flat_fee_costs_nearly_twice_what_it_says(n, apr, ear):
    told = offers.disclosure(offer_of(monthly_rate=0.01, term_months=n, method="flat_fee"))
    assert (round(100 * told.apr, 2), round(100 * told.ear, 2)) == (apr, ear)


def test_24_percent_simple_are_26_82_percent_compound(caps):
    offer = offers.Offer.at_apr(
        0.24, principal_fen=1_000_000, term_months=12, disbursed_on="2026-08-01", lender="Bank"
    )
    told = offers.disclosure(offer, caps=caps, scope="assisted lending")
    assert (round(told.apr, 4), round(told.ear, 4)) == (0.24, 0.2682)
    assert told.caps["within"].tolist() == [True]
    stricter = caps.assign(measured_by="effective")
    assert (
        not offers.disclosure(offer, caps=stricter, scope="assisted lending").caps["within"].any()
    )


# --- invariants ----------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    principal=st.integers(100_000, 5_000_000),
    n=st.integers(1, 36),
    method=st.sampled_from(METHODS),
    rate=st.sampled_from([0.0, 0.005, 0.02]),
    charges=st.lists(st.sampled_from([UPFRONT, MONTHLY, OVERDUE]), unique=True, max_size=3),
    day=st.sampled_from(["2026-01-31", "2026-08-15", "2028-02-29"]),
)
def test_every_cent_is_accounted_for(principal, n, method, rate, charges, day):
    offer = offer_of(
        principal_fen=principal, term_months=n, method=method, monthly_rate=rate,
        charges=tuple(charges), disbursed_on=day,
    )  # fmt: skip
    told = offers.disclosure(offer)
    plan = told.schedule
    parts = plan["principal_amount"] + plan["interest_amount"] + plan["charges_amount"]
    assert (plan["due_amount"] == parts).all()
    assert plan["balance"].iloc[-1] == 0
    assert plan["principal_amount"].sum() == principal
    assert plan.drop(columns="due_date").dtypes.eq("int64").all()
    # what is paid beside the principal is what the table of costs says
    assert told.costs["amount"].sum() == told.cost_amount == told.paid_amount - told.received_amount
    assert (plan["due_date"].diff().dropna().dt.days.between(28, 31)).all()
    assert plan["due_date"].iloc[0].day <= pd.Timestamp(day).day
    if told.cost_amount:
        worth = plan["due_amount"] @ (1 + told.apr / 12) ** -plan.index.to_numpy(dtype=float)
        assert worth == pytest.approx(told.received_amount, rel=1e-6)
        years = (plan["due_date"] - pd.Timestamp(day)).dt.days / 365
        worth = plan["due_amount"] @ (1 + told.xirr) ** -years
        assert worth == pytest.approx(told.received_amount, rel=1e-6)
        assert told.ear == pytest.approx((1 + told.apr / 12) ** 12 - 1)
    else:
        assert (told.apr, told.ear, told.xirr) == (0, 0, 0)


@pytest.mark.parametrize("method", METHODS)
def test_an_offer_at_a_price_costs_that_price(method):
    offer = offers.Offer.at_apr(
        0.22, principal_fen=3_000_000, term_months=9, method=method, disbursed_on="2026-08-01",
        lender="Bank", charges=(UPFRONT, OVERDUE),
    )  # fmt: skip
    assert offers.disclosure(offer).apr == pytest.approx(0.22, abs=1e-5)


def test_the_four_methods_of_one_price_differ_in_what_is_paid_not_in_the_price():
    table = instalments.methods_table(1_200_000, 0.24, 12, fee_rate=0.01)
    assert tuple(table.index) == METHODS
    np.testing.assert_allclose(table["apr"], 0.24, atol=1e-4)
    plan = instalments.schedule(
        1_200_000, table.loc["equal_principal", "monthly_rate"], 12, method="equal_principal",
        fee_amount=12_000, rounding="down",
    )  # fmt: skip
    row = table.loc["equal_principal"]
    assert row["first_amount"] == plan["due_amount"].iloc[1] / 100
    assert row["last_amount"] == plan["due_amount"].iloc[-1] / 100
    assert row["cost_amount"] == plan["interest_amount"].sum() / 100
    assert row["first_amount"] > row["last_amount"]
    assert table["cost_amount"].idxmax() == "interest_only"


def test_late_interest_is_no_cost_of_normal_performance():
    plain = offers.disclosure(offer_of())
    late = offers.disclosure(offer_of(charges=(OVERDUE,)))
    assert late.apr == plain.apr
    assert late.costs.index.tolist() == plain.costs.index.tolist()
    first = int(late.schedule["due_amount"].iloc[0])
    assert late.on_default.loc["Late interest", "amount"] == round(first * 0.0005 * 30)


# --- the sheet -----------------------------------------------------------------------------------


def text_of(page):
    return " ".join(re.sub(r"<[^>]*>", " ", page.partition("<body>")[2]).split())


@pytest.fixture(scope="module")
def told(caps):
    offer = offer_of(charges=(MONTHLY, UPFRONT, OVERDUE))
    return offers.disclosure(offer, caps=caps, scope="assisted lending")


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("zh", ["综合融资成本明示表", "贷款本金", "等额本息", "收取主体", "单利", "复利",
                "除上述以外无其他费用。", "提前还款", "借款人", "合同编号",
                "按 2026-08-31 放款计算", "助贷业务综合融资成本上限：单利上限 24.00%",
                "本类贷款适用的上限", "金规〔2025〕9号"]),
        ("en", ["All-in financing cost statement", "Principal", "equal instalments",
                "Collected by", "simple", "compound", "no other charges",
                "Early repayment", "Contract no.", "calculated for a payout on 2026-08-31",
                "Legal caps on this kind of loan",
                "Assisted lending, all-in cost: simple cap 24.00%"]),
    ],
)  # fmt: skip
def test_the_sheet_tells_everything_in_its_language(told, language, expected):
    page = offers.disclosure_sheet(told, language)
    text = text_of(page)
    for words in expected:
        assert words in text
    for figure in ("10,000.00", "9,800.00", f"{told.apr:.2%}", f"{told.ear:.2%}", "0.05%", "0.20%"):
        assert figure in text
    for row in told.schedule.itertuples():
        assert f"{row.due_date:%Y-%m-%d} {row.due_amount / 100:,.2f}" in text
    for charge in (MONTHLY, UPFRONT, OVERDUE):
        assert charge.name in text
        assert charge.collected_by in text
    assert f"{told.cost_amount / 100:,.2f}" in text
    # what nobody has compared with the law is the lender's matter
    assert "待核实" not in text
    assert "verified" not in text
    # whatever is not said of a loan without caps and late interest
    bare = text_of(offers.disclosure_sheet(offers.disclosure(offer_of()), language))
    assert expected[-1] not in bare
    assert {"zh": "违约情形下不收取费用", "en": "no costs on default"}[language] in bare


def test_early_repayment_is_free_unless_a_fee_is_stated(told):
    assert "Early repayment: No fee; interest runs to the day" in text_of(
        offers.disclosure_sheet(told, "en")
    )
    assert "提前还款：不收取费用" in text_of(offers.disclosure_sheet(told, "zh"))
    named = {"name": "Early fee", "name_zh": "提前还款违约金", "collected_by": "某某银行"}
    early = offers.Charge(basis="early", rate=0.01, **named)
    costly = offers.disclosure(offer_of(charges=(early,)))
    assert "Early fee: 1.00% of what is repaid early" in text_of(
        offers.disclosure_sheet(costly, "en")
    )
    chinese = text_of(offers.disclosure_sheet(costly, "zh"))
    assert "提前还款违约金：提前归还金额的 1.00%，由某某银行收取。" in chinese
    assert "不收取费用；" not in chinese
    # it is no cost of normal performance
    assert costly.apr == offers.disclosure(offer_of()).apr
    assert costly.costs.index.tolist() == [""]
    free = dataclasses.replace(early, rate=0.0)
    assert offers.disclosure(offer_of(charges=(free,))).on_early.empty


def test_a_chinese_sheet_has_no_half_width_colon_and_no_english_word_of_ours(told):
    page = offers.disclosure_sheet(offers.disclosure(offer_of(lender="某某银行")), "zh")
    assert re.findall(r"[A-Za-z]{3,}|: ", text_of(page)) == ["IRR", "IRR"]
    assert "上限: " not in text_of(offers.disclosure_sheet(told, "zh"))


def test_both_languages_say_the_same_numbers(told):
    numbers = [
        re.findall(r"[\d,]+\.\d\d%?|\d{4}-\d\d-\d\d", text_of(offers.disclosure_sheet(told, each)))
        for each in ("zh", "en")
    ]
    # the source of a cap has a date in English
    assert [n for n in numbers[1] if n != "2025-10-01"] == numbers[0]


def test_a_rate_that_rounds_to_the_cap_and_lies_above_it_is_told_so(caps):
    offer = offer_of(monthly_rate=0.02000002)
    told = offers.disclosure(offer, caps=caps, scope="assisted lending")
    above = dataclasses.replace(told, caps=told.caps.assign(measured_rate=0.240002, within=False))
    text = text_of(offers.disclosure_sheet(above, "en"))
    assert "above Assisted lending, all-in cost: simple cap 24.00%, this loan 24.0002%" in text


@settings(max_examples=150, deadline=None)
@given(
    principal=st.integers(10_000, 5_000_000),
    n=st.integers(1, 36),
    method=st.sampled_from(METHODS),
    deducted=st.sampled_from([0.0, 0.001, 0.01]),
    cap=st.sampled_from([0.12, 0.24, 0.36]),
)
def test_an_offer_at_the_cap_never_costs_more_than_the_cap(principal, n, method, deducted, cap):
    """To the fen: rounding is the lender's loss."""
    fee = (offers.Charge(name="Fee", basis="upfront", rate=deducted, collected_by="P"),)
    terms = {"principal_fen": principal, "term_months": n, "method": method}
    by = {"disbursed_on": "2026-08-01", "lender": "Bank", "charges": fee if deducted else ()}
    if deducted * 12 / n > cap / 3:  # the fee alone would cost too much
        return
    told = offers.disclosure(offers.Offer.at_apr(cap, **terms, **by))
    flows = told.schedule["due_amount"].to_numpy(dtype=float)
    worth = flows @ (1 + cap / 12) ** -np.arange(1.0, n + 1)
    assert worth <= told.received_amount + 1e-4
    assert told.apr <= cap + SOLVED_TO


def test_the_example_that_rounding_put_above_the_cap_is_within_it(caps):
    """5,200 over 12 months at 24 %: to the nearest fen it cost 24.0002 %."""
    offer = offers.Offer.at_apr(
        0.24, principal_fen=DEAR, term_months=12, disbursed_on="2026-08-01", lender="Bank"
    )
    flows = instalments.cashflows(instalments.schedule(DEAR, offer.monthly_rate, 12))
    assert 12 * instalments.irr(flows) > 0.24 + SOLVED_TO
    told = offers.disclosure(offer, caps=caps, scope="assisted lending")
    assert told.apr <= 0.24 + SOLVED_TO
    assert told.caps["within"].tolist() == [True]
    assert told.figures["within_caps"]


def test_a_loan_above_the_cap_is_told_so(caps):
    dear = offers.disclosure(offer_of(monthly_rate=0.03), caps=caps, scope="assisted lending")
    assert "above Assisted lending, all-in cost: simple cap 24.00%, this loan 36.00%" in text_of(
        offers.disclosure_sheet(dear, "en")
    )
    assert "超过" in text_of(offers.disclosure_sheet(dear, "zh"))


def test_text_of_others_stays_text_and_nothing_is_loaded(told):
    strange = '<img src=x onerror="alert(1)"> \u202e'
    charge = dataclasses.replace(MONTHLY, name=strange, collected_by="<b>bold</b>")
    page = offers.disclosure_sheet(
        offers.disclosure(offer_of(lender=strange, charges=(charge,))), "zh"
    )
    assert "<img" not in page
    assert "<b>bold" not in page
    assert "&lt;b&gt;bold" in page
    assert "\u202e" not in page
    for each in ("<script", "http://", "https://", "url(", "@import"):
        assert each not in page
    assert "default-src 'none'" in page


def test_equal_disclosures_give_equal_bytes_and_a_long_plan_two_columns(told):
    assert offers.disclosure_sheet(told) == offers.disclosure_sheet(told)
    long = offers.disclosure(offer_of(term_months=13))
    assert offers.disclosure_sheet(long).count('class="plan"') == 2
    assert offers.disclosure_sheet(told).count('class="plan"') == 1


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lender": " "}, "lender must say who lends"),
        ({"principal_fen": 0}, "principal_fen must be at least 1 fen, got 0"),
        ({"method": "balloon"}, "method must be one of .* got 'balloon'"),
        ({"disbursed_on": "31.08.2026"}, "disbursed_on must be a date, got '31.08.2026'"),
        ({"charges": (UPFRONT,) * 50}, "charges must leave something of the principal"),
    ],
)
def test_offers_that_cannot_be_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        offer_of(**change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": ""}, "name of a charge must say something"),
        (
            {"basis": "yearly"},
            "basis must be one of .* overdue, early, got 'yearly'",
        ),
        ({"rate": 1.0}, r"rate of Guarantee must lie in \[0, 1\), got 1.0"),
    ],
)
def test_charges_that_cannot_be_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(MONTHLY, **change)


def test_what_cannot_be_disclosed_is_refused(told, caps):
    with pytest.raises(ValueError, match="language must be one of zh, en, got 'fr'"):
        offers.disclosure_sheet(told, "fr")
    with pytest.raises(ValueError, match="caps need a scope"):
        offers.disclosure(offer_of(), caps=caps)
    with pytest.raises(ValueError, match="takes no monthly charge"):
        offers.Offer.at_apr(
            0.2, principal_fen=100, term_months=3, disbursed_on="2026-08-01", lender="Bank",
            charges=(MONTHLY,),
        )  # fmt: skip


def test_a_charge_is_called_in_the_language_of_the_sheet():
    named = {"name": "Late fee", "name_zh": "逾期违约金", "collected_by": "Lender"}
    late = offers.Charge(basis="overdue", rate=0.0005, **named)
    plain = offers.Charge(name="Service", basis="upfront", rate=0.01, collected_by="Platform")
    offer = offers.Offer.at_apr(
        0.2,
        principal_fen=1_000_000,
        term_months=6,
        disbursed_on="2026-08-01",
        lender="Lender",
        charges=(late, plain),
    )
    told = offers.disclosure(offer)
    chinese, english = (offers.disclosure_sheet(told, language) for language in ("zh", "en"))
    assert "逾期违约金" in chinese
    assert "Late fee" not in chinese
    assert "Late fee" in english
    assert "逾期违约金" not in english
    assert "Service" in chinese  # without a Chinese name it is the only one there is

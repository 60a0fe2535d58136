"""What money costs: every part adds up, and the run is told where it reckons with another rate."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit import funding
from riskkit.checks import DataContractError

LINES = pd.DataFrame(
    {"drawn_amount": [6_000_000, 4_000_000], "rate": [0.05, 0.06]},
    index=pd.Index(["East", "West"], name="line"),
)


def pool_of(held, needed, low=None, high=None):
    columns = {"held_amount": held, "needed_amount": needed}
    columns |= {"needed_low": low or needed, "needed_high": high or needed}
    return pd.DataFrame(columns, index=[f"tier {n}" for n in range(len(held))])


ENOUGH = pool_of([300_000.0, 700_000.0], [200_000.0, 500_000.0])


def test_a_lender_worked_by_hand():
    """10 million drawn at 5.4 %, a tenth of it cash at 1 %: (540 − 10) ÷ 9,000."""
    table = funding.implied_rate(LINES, ENOUGH, balance=12_000_000, cash_rate=0.01)
    assert list(table.index) == ["East", "West", "Cash in the pool", "Loans funded"]
    assert table["cost_amount"].round(6).tolist() == [300_000, 240_000, -10_000, 530_000]
    total = table.loc["Loans funded"]
    assert total["amount"] == 9_000_000
    assert total["rate"] == pytest.approx(0.53 / 9)
    # the same as the rate paid and what it costs to hold cash
    assert total["rate"] == pytest.approx(0.054 + 0.1 / 0.9 * (0.054 - 0.01))
    assert total["rate_low"] == total["rate_high"] == total["rate"]
    told = funding.implied_text(table, 0.06)
    assert told.startswith("The run uses 6.0% a year, pool and tranches imply **5.89%**: set ")
    assert "`-p funding_rate=0.059`" in told
    assert told.endswith("Without cash to hold it would be 5.40%.")


def test_cash_that_is_lacking_is_drawn_and_its_interval_is_that_of_the_sizes():
    silent = pool_of([np.nan], [1_000_000.0], [800_000.0], [1_500_000.0])
    table = funding.implied_rate(LINES, silent, balance=12_000_000, cash_rate=0.01)
    total = table.loc["Loans funded"]
    assert table.loc["Cash still to be drawn", "amount"] == 1_000_000
    assert total["amount"] == 10_000_000
    for end, cash in (("rate", 1.0), ("rate_low", 0.8), ("rate_high", 1.5)):
        assert total[end] == pytest.approx(0.054 + cash / 10 * (0.054 - 0.01))
    few = silent.assign(needed_high=np.nan)
    total = funding.implied_rate(LINES, few, balance=12_000_000, cash_rate=0.01).iloc[-1]
    assert np.isnan(total["rate_high"])


def test_tranches_fees_and_own_money_have_rows_of_their_own():
    tranches = pd.DataFrame({"amount": [1_000_000], "rate": [0.045]}, index=["Senior"])
    about = {"balance": 12_000_000, "cash_rate": 0.01, "tranches": tranches, "fee_amount": 5_000}
    table = funding.implied_rate(LINES, ENOUGH, equity_rate=0.12, **about)
    assert table.loc["Senior", "cost_amount"] == 45_000
    assert table.loc["Fees of the deal", "cost_amount"] == 5_000
    # 12 million of loans and 1 million of cash are funded by 11 million of debt
    assert table.loc["Own money", "amount"] == 2_000_000
    cost = 540_000 + 45_000 + 5_000 + 240_000 - 10_000
    assert table.loc["Loans funded", "rate"] == pytest.approx(cost / 12_000_000)


@settings(max_examples=50)
@given(
    drawn=st.lists(st.integers(0, 10**9), min_size=1, max_size=3),
    held=st.lists(st.integers(0, 10**8) | st.just(None), min_size=1, max_size=3),
    needed=st.integers(0, 10**8),
    cash_rate=st.floats(0, 0.1),
    equity_rate=st.none() | st.floats(0, 0.2),
)
def test_the_parts_add_up(drawn, held, needed, cash_rate, equity_rate):
    lines = pd.DataFrame({"drawn_amount": drawn, "rate": 0.05}, index=range(len(drawn)))
    pool = pool_of([np.nan if h is None else float(h) for h in held], [float(needed)] * len(held))
    about = {"balance": 5 * 10**8, "cash_rate": cash_rate, "equity_rate": equity_rate}
    table = funding.implied_rate(lines, pool, **about)
    if not any(drawn) and equity_rate is None:
        assert table.empty
        return
    assert table["cost_amount"].iloc[:-1].sum() == pytest.approx(table["cost_amount"].iloc[-1])
    total = table.iloc[-1]
    if total["amount"] > 0:
        assert total["rate"] * total["amount"] == pytest.approx(total["cost_amount"])
    else:
        assert np.isnan(total["rate"])


def test_nobody_funds_the_lender_or_nothing_but_its_cash():
    nobody = funding.implied_rate(LINES.head(0), ENOUGH, balance=1, cash_rate=0.0)
    assert nobody.empty
    assert "**not known**: no funder is in the funding file" in funding.implied_text(nobody, 0.06)
    cash_alone = pool_of([20_000_000.0], [0.0])
    table = funding.implied_rate(LINES, cash_alone, balance=12_000_000, cash_rate=0.01)
    assert np.isnan(table["rate"].iloc[-1])
    assert "**no rate**" in funding.implied_text(table, 0.06)
    without = funding.implied_rate(LINES, ENOUGH.head(0), balance=12_000_000, cash_rate=0.01)
    assert without["rate"].iloc[-1] == pytest.approx(0.054)


@pytest.mark.parametrize(("run", "red"), [(0.06, False), (0.0644, True), (0.052, True)])
def test_a_run_that_reckons_with_another_rate_is_told(run, red):
    table = funding.implied_rate(LINES, ENOUGH, balance=12_000_000, cash_rate=0.01)
    enough = pd.DataFrame(
        {"verdict": ["enough"]},
        index=pd.MultiIndex.from_tuples([("as is", "Daily")], names=["course", "tier"]),
    )
    told = funding.pool_findings(enough, table, "CNY", funding_rate=run)
    assert [topic for topic, _, _ in told] == (["Cost of funds"] if red else [])
    if red:
        sentence = f"the run uses {run:.1%} a year, pool and tranches imply 5.9%: "
        assert told[0][1] == f"{sentence}set -p funding_rate=0.059"


def test_what_cannot_be_is_refused():
    about = {"balance": 1, "cash_rate": 0.01}
    for change in ({"cash_rate": -0.01}, {"balance": -1}, {"fee_amount": -1}):
        (name,) = change
        with pytest.raises(ValueError, match=f"{name} must be >= 0"):
            funding.implied_rate(LINES, ENOUGH, **(about | change))
    with pytest.raises(ValueError, match=r"rate must be >= 0, got -0\.05"):
        funding.implied_rate(LINES.assign(rate=-0.05), ENOUGH, **about)
    with pytest.raises(DataContractError, match="rate"):
        funding.implied_rate(LINES[["drawn_amount"]], ENOUGH, **about)
    with pytest.raises(DataContractError, match="needed_low"):
        funding.implied_rate(LINES, ENOUGH.drop(columns="needed_low"), **about)

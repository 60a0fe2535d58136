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
    table = pd.DataFrame(columns, index=[f"tier {n}" for n in range(len(held))])
    return table.assign(needed_so_far=table["needed_amount"].cumsum())


ENOUGH = pool_of([300_000.0, 700_000.0], [200_000.0, 500_000.0])
SMALL = pool_of([300_000.0, 700_000.0], [600_000.0, 900_000.0], [0.0, 700_000.0], [0.0, 1e6])
BOOK = {"cash_rate": 0.01}


def test_a_lender_worked_by_hand():
    """10 million drawn at 5.4 %, a tenth of it cash at 1 %: (540 − 10) ÷ 9,000."""
    table = funding.implied_rate(LINES, ENOUGH, **BOOK)
    assert list(table.index)[:4] == ["East", "West", "Cash held", "Loans funded"]
    assert table["cost_amount"].iloc[:4].round(6).tolist() == [300_000, 240_000, -10_000, 530_000]
    total = table.loc["Loans funded"]
    assert total["amount"] == 9_000_000
    assert total["rate"] == pytest.approx(0.53 / 9)
    # the same as the rate paid and what it costs to hold cash
    assert total["rate"] == pytest.approx(0.054 + 0.1 / 0.9 * (0.054 - 0.01))
    filled = table.loc["Loans funded, tiers filled"]
    assert (filled[["rate", "rate_low", "rate_high"]] == total["rate"]).all()
    told = funding.implied_text(table, 0.06)
    start = "The run uses 6.0% a year, lines and pool imply **5.89%**: set "
    assert told == f"{start}`-p funding_rate=0.059`, and 04, 07, 08 and 09 reckon with it."


def test_cash_that_is_lacking_is_drawn_and_its_interval_is_that_of_the_sizes():
    table = funding.implied_rate(LINES, SMALL, **BOOK)
    # 1.5 million are needed together (1.3 to 1.6), and 1 million is held
    lacking, filled = table.loc["Cash that is lacking"], table.loc["Loans funded, tiers filled"]
    assert lacking["amount"] == 500_000
    assert lacking["cost_amount"] == pytest.approx(500_000 * (0.054 - 0.01))
    for end, cash in (("rate", 0.5), ("rate_low", 0.3), ("rate_high", 0.6)):
        assert filled[end] == pytest.approx(0.53 / 9 + cash / 9 * (0.054 - 0.01))
    told = funding.implied_text(table, 0.06)
    assert "imply **5.89%**: set" in told
    assert told.endswith("for it, 6.13% (6.04% to 6.18%).")


def test_where_nobody_has_said_what_is_held_the_rate_is_that_of_filled_tiers():
    silent = pool_of([np.nan], [1_000_000.0], [800_000.0], [1_500_000.0])
    table = funding.implied_rate(LINES, silent, **BOOK)
    assert table.loc["Loans funded", "rate"] == pytest.approx(0.054)
    filled = table.loc["Loans funded, tiers filled"]
    for end, cash in (("rate", 1.0), ("rate_low", 0.8), ("rate_high", 1.5)):
        assert filled[end] == pytest.approx(0.054 + cash / 10 * (0.054 - 0.01))
    assert "imply **5.84% (5.75% to 6.06%)**: set `-p funding_rate=0.058`" in (
        funding.implied_text(table, 0.06)
    )
    few = funding.implied_rate(LINES, silent.assign(needed_high=np.nan), **BOOK)
    assert np.isnan(few["rate_high"].iloc[-1])


def test_tranches_repay_the_dearest_line():
    tranches = pd.DataFrame({"amount": [5_000_000], "rate": [0.045]}, index=["Senior"])
    table = funding.implied_rate(LINES, ENOUGH, tranches=tranches, **BOOK)
    assert table.loc["Senior", "cost_amount"] == 225_000
    # of West nothing is left, and of East what five million do not repay
    assert table.index[:3].tolist() == ["East", "Senior", "Cash held"]
    assert table.loc["East", "amount"] == 5_000_000
    cost = 250_000 + 225_000 - 10_000
    assert table.loc["Loans funded", "rate"] == pytest.approx(cost / 9_000_000)


@settings(max_examples=50)
@given(
    drawn=st.lists(st.integers(0, 10**9), min_size=1, max_size=3),
    held=st.lists(st.integers(0, 10**8) | st.just(None), min_size=1, max_size=3),
    needed=st.integers(0, 10**8),
    cash_rate=st.floats(0, 0.1),
)
def test_the_parts_add_up(drawn, held, needed, cash_rate):
    lines = pd.DataFrame({"drawn_amount": drawn, "rate": 0.05}, index=range(len(drawn)))
    pool = pool_of([np.nan if h is None else float(h) for h in held], [float(needed)] * len(held))
    table = funding.implied_rate(lines, pool, cash_rate=cash_rate)
    if not any(drawn):
        assert table.empty
        return
    cost = table["cost_amount"]
    at = table.index.get_loc("Loans funded")
    assert cost.iloc[:at].sum() == pytest.approx(cost.iloc[at], abs=1e-3)
    assert cost.iloc[at : at + 2].sum() == pytest.approx(cost.iloc[-1], abs=1e-3)
    for name in ("Loans funded", "Loans funded, tiers filled"):
        total = table.loc[name]
        if total["amount"] > 0:
            assert total["rate"] * total["amount"] == pytest.approx(total["cost_amount"], abs=1e-3)
        else:
            assert np.isnan(total["rate"])


def test_nobody_funds_the_lender_or_nothing_but_its_cash():
    nobody = funding.implied_rate(LINES.head(0), ENOUGH, **BOOK)
    assert nobody.empty
    assert "**not known**: no funder is in the funding file" in funding.implied_text(nobody, 0.06)
    table = funding.implied_rate(LINES, pool_of([20_000_000.0], [0.0]), **BOOK)
    assert np.isnan(table.loc["Loans funded", "rate"])
    assert "**no rate**" in funding.implied_text(table, 0.06)
    without = funding.implied_rate(LINES, ENOUGH.head(0), **BOOK)
    assert without["rate"].iloc[-1] == pytest.approx(0.054)


@pytest.mark.parametrize(("run", "red"), [(0.06, False), (0.0644, True), (0.052, True)])
def test_a_run_that_reckons_with_another_rate_is_told(run, red):
    table = funding.implied_rate(LINES, ENOUGH, **BOOK)
    enough = pd.DataFrame(
        {"verdict": ["enough"]},
        index=pd.MultiIndex.from_tuples([("as is", "Daily")], names=["course", "tier"]),
    )
    told = funding.pool_findings(enough, table, "CNY", funding_rate=run)
    assert [topic for topic, _, _ in told] == (["Cost of funds"] if red else [])
    if red:
        sentence = f"the run uses {run:.1%} a year, lines and pool imply 5.9%: "
        assert told[0][1] == f"{sentence}set -p funding_rate=0.059"


def test_what_cannot_be_is_refused():
    about = {"cash_rate": 0.01}
    with pytest.raises(ValueError, match="cash_rate must be >= 0"):
        funding.implied_rate(LINES, ENOUGH, cash_rate=-0.01)
    with pytest.raises(ValueError, match=r"rate must be >= 0, got -0\.05"):
        funding.implied_rate(LINES.assign(rate=-0.05), ENOUGH, **about)
    with pytest.raises(DataContractError, match="rate"):
        funding.implied_rate(LINES[["drawn_amount"]], ENOUGH, **about)
    with pytest.raises(DataContractError, match="needed_low"):
        funding.implied_rate(LINES, ENOUGH.drop(columns="needed_low"), **about)

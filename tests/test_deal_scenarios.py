"""Cash of a deal's loans under the scenarios of the funding file, against the engine's own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from stress_world import DAY, N_MONTHS, FixedMoves, funding_file, open_loans

from riskkit import runoff
from riskkit.funding import Deal, StressedLender, deal_outcome, deal_scenarios
from riskkit.funding.sold_cash import cash_of_future
from riskkit.funding.waterfall import pay_out
from riskkit.provisions import LendingCosts

STRESS = {
    "Recession": {"unemployment": 3},
    "New loans bad": {"logit": 1.0},
    "Less is lent": {"volume_factor": 0.25},
    "Less comes": {"lgd_factor": 1.5},
}


def lender(climate: np.ndarray | None = None) -> StressedLender:
    book = [{"amount": 300_000 + 3 * k, "n": 5, "rate": 0.02} for k in range(6)]
    new = [
        {"amount": 200_000, "n": 4, "rate": 0.015, "start": month, "cell": 1}
        for month in (1, 1, 2, 2, 3, 4)
    ]
    return StressedLender(
        loans=open_loans(book + new),
        moves=FixedMoves((0.02, 0.03)),
        day=DAY,
        costs=LendingCosts(funding_rate=0.06, acquisition_amount=0, servicing_amount=0),
        file=funding_file(stress=STRESS, macro_effects={"unemployment": 0.2}),
        climate=climate,
        n_months=12,
    )


def the_deal() -> tuple[Deal, pd.Series]:
    some = lender().loans
    ids = some.ids[some.start == 0]
    in_pool = pd.Series(np.arange(len(ids)) % 2 == 0, index=ids)
    owed = int(some.owed[: len(ids)][in_pool.to_numpy(), 0].sum())
    notes = pd.DataFrame({"amount": [owed * 8 // 10], "rate": [0.05]}, index=["Senior"])
    return Deal(tranches=notes, start=DAY, revolving_months=2), in_pool


def test_the_base_is_the_engine_on_the_loans_of_the_deal() -> None:
    deal, in_pool = the_deal()
    cash = deal_scenarios(lender(), deal, in_pool)
    mine = deal.open_loans(lender().loans, in_pool)
    expected = runoff.expected_cash(mine, lender().moves, climate=np.zeros(N_MONTHS), day=DAY)
    assert list(cash) == ["base", *STRESS, "all together"]
    assert cash["base"].groups.tolist() == ["pool", "lent in month 01", "lent in month 02"]
    for name in runoff.AMOUNTS:
        np.testing.assert_allclose(cash["base"].amounts[name], expected.amounts[name], atol=1e-6)
    # an expected climate stays as it is in its last month
    known = deal_scenarios(lender(np.linspace(0, 1, 12)), deal, in_pool)["base"]
    ahead = np.append(np.linspace(0, 1, 12), np.ones(N_MONTHS - 12))
    expected = runoff.expected_cash(mine, lender().moves, climate=ahead, day=DAY)
    np.testing.assert_allclose(known.amounts["balance"], expected.amounts["balance"], atol=1e-6)


def test_a_scenario_moves_what_it_says_and_nothing_else() -> None:
    deal, in_pool = the_deal()
    cash = deal_scenarios(lender(), deal, in_pool)
    base = cash["base"]

    def apart(name: str, amount: str) -> list[bool]:
        """Whether the pool, and the loans that it may buy, are other than in the base."""
        off = np.abs(cash[name].amounts[amount] - base.amounts[amount])[0].max(axis=1)
        return (off > 1).tolist()

    assert apart("Recession", "default_amount") == [True, True, True]
    assert apart("New loans bad", "default_amount") == [False, True, True]
    assert apart("Less is lent", "lent_amount") == [False, True, True]
    assert apart("Less comes", "default_amount") == [False, False, False]
    assert apart("Less comes", "recovered_amount") == [True, True, True]


def test_every_scenario_keeps_cash_to_the_fen() -> None:
    deal, in_pool = the_deal()
    cash = deal_scenarios(lender(), deal, in_pool)
    outcome = deal_outcome(deal, cash, funding_rate=0.06)
    for name, one in cash.items():
        paid = pay_out(cash_of_future(one, deal), deal)
        notes = paid.by_tranche["interest"].sum() + paid.by_tranche["principal"].sum()
        out = sum(paid.by_month[what].sum() for what in ("fee", "purchased", "equity"))
        assert out + notes == paid.by_month["collected"].sum()
        assert outcome.cases.loc[name, "collected_amount"] == paid.by_month["collected"].sum()
    # a quarter of the loans to buy is there: notes are repaid early
    assert (
        outcome.tranches.loc[("Less is lent", "Senior"), "life_years"]
        < (outcome.tranches.loc[("base", "Senior"), "life_years"])
    )
    bought = outcome.cases["purchased_amount"]
    assert bought["Less is lent"] < bought["base"]


def test_simulated_paths_of_a_deal_scatter_about_its_mean() -> None:
    deal, in_pool = the_deal()
    mine = deal.open_loans(lender().loans, in_pool)
    climate = np.zeros((400, N_MONTHS))
    paths = runoff.simulated_cash(mine, lender().moves, climate, DAY, seed=1)
    outcome = deal_outcome(deal, deal_scenarios(lender(), deal, in_pool), paths, funding_rate=0.06)
    collected = cash_of_future(paths, deal).amounts["principal_amount"].sum(axis=1)
    base = cash_of_future(deal_scenarios(lender(), deal, in_pool)["base"], deal)
    error = collected.std(ddof=1) / 400**0.5
    assert abs(collected.mean() - base.amounts["principal_amount"].sum()) < 4 * error
    assert outcome.risk.loc["Senior", "paths"] == 400


def test_without_a_deal_there_is_no_scenario_of_it() -> None:
    assert deal_scenarios(replace(lender()), None, pd.Series(dtype=bool)) == {}

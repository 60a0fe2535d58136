"""Stress on a simulated lender with the chain fitted to it: what it moves, and the engine's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from stress_world import funding_file

from riskkit import arrears, funding, provisions, runoff, synthetic
from riskkit.funding.stress_paths import climate_shift
from riskkit.funding.stressed_lender import chance_errors, course_of

YEAR = 12


@dataclass(frozen=True)
class World:
    """What the notebook has at hand when it comes to stress."""

    asked: pd.DataFrame
    kinds: pd.DataFrame
    model: Any
    day: pd.Timestamp
    today: Any

    @property
    def followed(self) -> int:
        return self.today[0].n_months

    def planned(self, **other: Any) -> tuple[runoff.OpenLoans, pd.DataFrame]:
        about = {"n_months": self.followed, "lending_months": YEAR}
        return runoff.planned_loans(self.asked, self.kinds, self.model, self.day, **about, **other)

    def lender(self, file: Any, **other: Any) -> funding.StressedLender:
        owing, cells = runoff.joined(self.today, self.planned(**other))
        return funding.StressedLender(
            loans=owing,
            moves=arrears.ChainMoves(self.model.chain, cells, self.followed),
            day=self.day,
            costs=provisions.LendingCosts(),
            file=file,
            traits=self.asked.set_index("application_id"),
        )


@pytest.fixture(scope="module")
def world() -> World:
    book = synthetic.simulate(synthetic.Lender(), 4_000, seed=20)
    panel, asked = book.performance, book.applications
    day = panel["month_end"].max()
    kinds = provisions.kinds_of(asked, None)
    model = provisions.fit_losses(panel, asked, day)
    owing = arrears.book_at(panel, asked, day)
    n_months = YEAR + int(owing["term_months"].max()) + 3
    today = runoff.open_loans(owing, model, kinds, n_months=n_months)
    return World(asked=asked, kinds=kinds, model=model, day=day, today=today)


def test_a_cap_and_a_volume_are_those_of_planned_lending(world: World) -> None:
    """Planned lending at a cap repays by other instalments, but costs and brings about the same."""
    stress = {"Cap": {"cap_apr": 0.12}, "Less": {"volume_factor": 0.5}}
    lender = world.lender(funding_file(stress=stress))
    base = course_of(lender)
    for name, other, column in (
        ("Cap", {"cap_apr": 0.12}, "interest_amount"),
        ("Cap", {"cap_apr": 0.12}, "fee_amount"),
        ("Less", {"volume_factor": 0.5}, "lent_amount"),
        ("Less", {"volume_factor": 0.5}, "loss_amount"),
    ):
        ours = course_of(lender, lender.shock(name))[column].sum()
        theirs = course_of(world.lender(funding_file(), **other))[column].sum()
        moved = base[column].sum() - theirs
        assert moved > 0.02 * base[column].sum()
        assert ours == pytest.approx(theirs, abs=0.15 * moved)


def test_worse_new_loans_default_as_those_of_cells_with_an_offset_do(world: World) -> None:
    lender = world.lender(funding_file(stress={"Worse": {"logit": 0.8}}))
    owing, cells = runoff.joined(world.today, world.planned())
    offset = 0.8 * (cells["start"] > 0).to_numpy(float)[:, None]
    moves = arrears.ChainMoves(world.model.chain, cells, world.followed, climate_offset=offset)
    theirs = runoff.expected_cash(owing, moves, climate=np.zeros(YEAR), day=world.day)
    ours = course_of(lender, lender.shock("Worse"))
    for name in ("default_amount", "loss_amount", "interest_amount"):
        np.testing.assert_allclose(ours[name], theirs.total(name)[0], atol=1)


def test_early_repayment_is_that_of_the_chain(world: World) -> None:
    lender = world.lender(funding_file(stress={"Early": {"prepay_logit": 1.1, "months": 3}}))
    owing, cells = runoff.joined(world.today, world.planned())
    path = np.where(np.arange(world.followed) < 3, 1.1, 0.0)
    moves = arrears.ChainMoves(world.model.chain, cells, world.followed, prepay_logit=path)
    theirs = runoff.expected_cash(owing, moves, climate=np.zeros(YEAR), day=world.day)
    ours = course_of(lender, lender.shock("Early"))
    assert theirs.total("prepaid_amount").sum() > 0
    np.testing.assert_allclose(
        ours["collected_amount"], theirs.total("collected_amount")[0], atol=2
    )


def test_chance_is_that_of_many_simulated_courses(world: World) -> None:
    """Of the loans on the books, whose number and amounts are known: the spread of 300 paths."""
    loans, cells = world.today
    lender = funding.StressedLender(
        loans=loans,
        moves=arrears.ChainMoves(world.model.chain, cells, world.followed),
        day=world.day,
        costs=provisions.LendingCosts(),
        file=funding_file(),
    )
    errors = chance_errors(lender, climate_shift(0, world.followed), seed=4, n_paths=12)
    paths = runoff.simulated_cash(loans, lender.moves, np.zeros((300, YEAR)), world.day, seed=5)
    for column, name in (("loss_error", "loss_amount"), ("cash_error", "collected_amount")):
        spread = paths.total(name).cumsum(axis=1).std(axis=0, ddof=1)
        np.testing.assert_allclose(errors[column].iloc[5:], spread[5:], rtol=0.2)

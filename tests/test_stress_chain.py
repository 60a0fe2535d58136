"""Stress on a simulated lender with the chain fitted to it: what it moves, and the engine's own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from stress_world import funding_file

from riskkit import arrears, funding, provisions, runoff, synthetic
from riskkit.funding.stress_paths import climate_shift
from riskkit.funding.stressed_lender import chance_errors, course_of
from riskkit.funding.stressed_loans import prepaying_moves

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

    def planned(self) -> tuple[runoff.OpenLoans, pd.DataFrame]:
        about = {"n_months": self.followed, "lending_months": YEAR}
        return runoff.planned_loans(self.asked, self.kinds, self.model, self.day, **about)

    def moves(self, cells: pd.DataFrame) -> arrears.ChainMoves:
        return arrears.ChainMoves(self.model.chain, cells, self.followed)

    def cash(self, part: tuple[runoff.OpenLoans, pd.DataFrame], climate: float) -> Any:
        path = np.full(YEAR, climate)
        return runoff.expected_cash(part[0], self.moves(part[1]), climate=path, day=self.day)

    def lender(self, file: Any) -> funding.StressedLender:
        owing, cells = runoff.joined(self.today, self.planned())
        return funding.StressedLender(
            loans=owing,
            moves=self.moves(cells),
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


def test_a_cap_is_about_that_of_contracts_at_the_cap(world: World) -> None:
    """Loans agreed at a cap repay by other instalments, but cost and bring about the same."""
    lender = world.lender(funding_file(stress={"Cap": {"cap_apr": 0.12}}))
    dear = world.asked["offer_apr"] > 0.12
    at_cap = world.asked.assign(
        offer_apr=world.asked["offer_apr"].mask(dear, 0.12),
        offer_fee_rate=world.asked["offer_fee_rate"].mask(dear, 0.0),
    )
    capped = replace(world, asked=at_cap).lender(funding_file())
    for column in ("interest_amount", "fee_amount"):
        base, ours, theirs = (
            course[column].sum()
            for course in (course_of(lender), course_of(lender, lender.shock("Cap")),
                           course_of(capped))
        )  # fmt: skip
        assert base - theirs > 0.02 * base
        assert ours == pytest.approx(theirs, abs=0.15 * (base - theirs))


def test_half_the_volume_is_half_of_what_new_loans_bring(world: World) -> None:
    lender = world.lender(funding_file(stress={"Less": {"volume_factor": 0.5}}))
    ours = course_of(lender, lender.shock("Less"))
    today, new = world.cash(world.today, 0.0), world.cash(world.planned(), 0.0)
    for name in ("lent_amount", "loss_amount", "interest_amount"):
        theirs = today.total(name)[0] + new.total(name)[0] / 2
        np.testing.assert_allclose(ours[name], theirs, rtol=1e-4, atol=len(lender.loans.ids))


def test_worse_new_loans_default_as_in_a_climate_of_their_own(world: World) -> None:
    lender = world.lender(funding_file(stress={"Worse": {"logit": 0.8}}))
    ours = course_of(lender, lender.shock("Worse"))
    today, new = world.cash(world.today, 0.0), world.cash(world.planned(), 0.8)
    for name in ("default_amount", "loss_amount", "interest_amount"):
        theirs = today.total(name)[0] + new.total(name)[0]
        np.testing.assert_allclose(ours[name], theirs, atol=1)


def test_paying_off_early_takes_from_those_who_pay_and_not_from_who_matures(world: World) -> None:
    owing, cells = runoff.joined(world.today, world.planned())
    plain = world.moves(cells)
    wave = prepaying_moves(plain, owing, np.array([0.0, 1.1, 1.1]))
    assert (wave.at(1, np.zeros(1)) == plain.at(1, np.zeros(1))).all()
    calm, wavy = plain.at(2, np.zeros(1))[0], wave.at(2, np.zeros(1))[0]
    assert (wavy[:, 1:] == calm[:, 1:]).all()
    assert (wavy[:, 0, 1:5] == calm[:, 0, 1:5]).all()
    np.testing.assert_allclose(wavy.sum(axis=-1), 1)
    both = (calm[:, 0, 0] > 1e-9) & (calm[:, 0, 5] > 1e-9)
    assert both.any()
    odds = (wavy[:, 0, 5] / wavy[:, 0, 0] / (calm[:, 0, 5] / calm[:, 0, 0]))[both]
    np.testing.assert_allclose(odds, np.exp(1.1))

    class AtTheEnd:
        """Nobody goes on without arrears: who pays has ended."""

        def at(self, ahead: int, climate: np.ndarray) -> np.ndarray:
            moves = np.zeros((len(climate), len(cells), 4, 6))
            moves[..., 0, 1], moves[..., 0, 5], moves[..., 1:, 4] = 0.03, 0.97, 1
            return moves

    last = prepaying_moves(AtTheEnd(), owing, np.full(3, 1.1)).at(1, np.zeros(1))
    np.testing.assert_allclose(last, AtTheEnd().at(1, np.zeros(1)))


def test_early_repayment_is_that_of_moves_with_these_odds(world: World) -> None:
    lender = world.lender(funding_file(stress={"Early": {"prepay_logit": 1.1, "months": 3}}))
    owing, cells = runoff.joined(world.today, world.planned())
    path = np.where(np.arange(world.followed) < 3, 1.1, 0.0)
    moves = prepaying_moves(world.moves(cells), owing, path)
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
        moves=world.moves(cells),
        day=world.day,
        costs=provisions.LendingCosts(),
        file=funding_file(),
    )
    errors = chance_errors(lender, climate_shift(0, world.followed), seed=4, n_paths=12)
    paths = runoff.simulated_cash(loans, lender.moves, np.zeros((300, YEAR)), world.day, seed=5)
    for column, name in (("loss_error", "loss_amount"), ("cash_error", "collected_amount")):
        spread = paths.total(name).cumsum(axis=1).std(axis=0, ddof=1)
        np.testing.assert_allclose(errors[column].iloc[5:], spread[5:], rtol=0.2)

"""Moves by month ahead: those of the default probabilities, in any climate, from any start."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from small_books import small_book

from riskkit import arrears, provisions

STEP = 0.7


def fitted(seed=11, n_loans=200, climate=None):
    panel, asked = small_book(seed, n_loans)
    bands = pd.Series(np.where(asked["amount"] > 600, "large", "small"), asked["application_id"])
    kinds = provisions.kinds_of(asked, bands)
    moves = arrears.monthly_moves(panel, kinds)
    return arrears.fit_chain(moves, arrears.landmark_moves(panel, kinds), climate=climate)


def every_cell(chain, start=0):
    kinds = [(kind, band) for kind in chain.kinds for band in [*chain.bands, "unknown"]]
    cells = [(*one, mob, state, start) for one in kinds for mob in (0, 2, 5) for state in range(4)]
    return pd.DataFrame(cells, columns=["kind", "band", "mob", "state", "start"])


def first_defaults(moves, cells, n_months, climate):
    mass = np.eye(4)[cells["state"]]
    result = []
    for ahead in range(1, n_months + 1):
        after = np.einsum("ns,nst->nt", mass, moves.at(ahead, climate[ahead - 1 : ahead])[0])
        result.append(after[:, arrears.DEFAULT])
        mass = after[:, :4]
    return np.stack(result, axis=1)


@pytest.mark.parametrize("climate", [0.0, -0.6, 0.9])
def test_followed_they_are_the_default_probabilities(climate):
    chain = fitted()
    cells = every_cell(chain)
    ahead = np.full(9, climate)
    ours = first_defaults(arrears.ChainMoves(chain, cells, 9), cells, 9, ahead)
    theirs = arrears.default_probabilities(chain, cells, 9, climate=ahead if climate else None)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_several_climates_at_once_are_each_alone_and_rows_sum_to_one():
    chain = fitted()
    moves = arrears.ChainMoves(chain, every_cell(chain), 5)
    climates = np.array([-1.0, 0.0, 0.5])
    together = moves.at(3, climates)
    assert together.shape == (3, len(moves.cells), 4, 6)
    np.testing.assert_allclose(together.sum(axis=-1), 1)
    for one, expected in zip(climates, together, strict=True):
        assert (moves.at(3, np.array([one]))[0] == expected).all()


def test_loans_lent_later_move_as_those_of_today_so_many_months_earlier():
    chain = fitted()
    cells, later = every_cell(chain), every_cell(chain, start=4)
    today = arrears.ChainMoves(chain, cells, 6)
    planned = arrears.ChainMoves(chain, later, 10)
    climate = np.array([0.3])
    for ahead in (1, 2, 6):
        assert (planned.at(ahead + 4, climate) == today.at(ahead, climate)).all()


def test_a_climate_moves_getting_worse_by_half_of_itself_from_every_state():
    chain = fitted()
    moves = arrears.ChainMoves(chain, every_cell(chain), 3)
    calm, stressed = moves.at(1, np.array([0.0, STEP]))
    for state in range(4):
        worse, more = (m[:, state, state + 1 : 5].sum(axis=1) for m in (calm, stressed))
        inside = (worse > 1e-6) & (worse < 1 - 1e-6)
        assert inside.any()
        gap = (logit(more) - logit(worse))[inside]
        np.testing.assert_allclose(gap, 0.5 * STEP, rtol=1e-6)


def test_a_climate_is_added_to_the_usual_one_of_a_chain_fitted_with_it():
    months = pd.period_range("2022-01", "2024-12", freq="M").astype(str)
    climate = pd.Series(1.5 + np.sin(np.arange(len(months))), index=months)
    chain = fitted(climate=climate)
    assert chain.usual_climate > 1
    cells = every_cell(chain)
    ours = first_defaults(arrears.ChainMoves(chain, cells, 6), cells, 6, np.full(6, STEP))
    usual = np.full(6, chain.usual_climate)
    theirs = arrears.default_probabilities(chain, cells, 6, climate=usual + STEP).to_numpy()
    # the first month is exactly that; later ones differ by what was lived through since
    np.testing.assert_allclose(ours[:, 0], theirs[:, 0], rtol=1e-12)
    np.testing.assert_allclose(ours.sum(axis=1), theirs.sum(axis=1), rtol=0.15)
    ours = first_defaults(arrears.ChainMoves(chain, cells, 6), cells, 6, np.zeros(6))
    theirs = arrears.default_probabilities(chain, cells, 6, climate=usual)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_refused():
    chain = fitted()
    cells = every_cell(chain)
    with pytest.raises(ValueError, match="kind must be one the chain knows, got '99'"):
        arrears.ChainMoves(chain, cells.assign(kind="99"), 3)
    with pytest.raises(ValueError, match=r"state must lie in 0..3"):
        arrears.ChainMoves(chain, cells.assign(state=4), 3)
    with pytest.raises(ValueError, match="mob and start must be >= 0"):
        arrears.ChainMoves(chain, cells.assign(start=-1), 3)
    with pytest.raises(ValueError, match="n_months must be >= 1"):
        arrears.ChainMoves(chain, cells, 0)
    with pytest.raises(ValueError, match=r"ahead must lie in 1..3, got 4"):
        arrears.ChainMoves(chain, cells, 3).at(4, np.zeros(1))
    with pytest.raises(ValueError, match="missing columns start"):
        arrears.ChainMoves(chain, cells.drop(columns="start"), 3)

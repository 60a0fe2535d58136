"""Numbers in ascending order, however they were dealt to places first."""

import numpy as np
import pytest

from riskkit.binning import sorted_numbers
from riskkit.binning.sorted_numbers import ascending

N = 30_000
SHAPES = {
    "normal": lambda rng: rng.normal(size=N),
    "far from 0": lambda rng: 1e9 + rng.normal(size=N),
    "few values": lambda rng: rng.poisson(4, N).astype(float),
    "descending": lambda rng: -np.sort(rng.exponential(size=N)),
    "a few huge": lambda rng: rng.pareto(0.4, N),
    "one value": lambda rng: np.full(N, 3.0),
    "infinities": lambda rng: rng.choice([-np.inf, np.inf, *rng.normal(size=99)], N),
    "the largest": lambda rng: rng.choice([-1.7e308, 1.7e308, *rng.normal(size=9)], N),
    "the smallest": lambda rng: rng.normal(size=N) * 5e-320,
    "alike every thirtieth": lambda rng: np.where(np.arange(N) % 30, rng.normal(size=N), 0.5),
    "few": lambda rng: rng.normal(size=20),
    "none": lambda rng: np.empty(0),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("missing_rate", [0.0, 0.3, 1.0])
def test_many_numbers_are_sorted_and_the_missing_left_out(shape, missing_rate):
    rng = np.random.default_rng(1)
    values = SHAPES[shape](rng)
    values[rng.random(len(values)) < missing_rate] = np.nan
    expected = np.sort(values[~np.isnan(values)])
    given = values.copy()
    np.testing.assert_array_equal(ascending(values), expected)
    np.testing.assert_array_equal(values, given)


def test_numbers_are_dealt_where_a_line_tells_them_apart_alone(monkeypatch):
    dealt = []
    deal = sorted_numbers._dealt
    monkeypatch.setattr(
        sorted_numbers,
        "_dealt",
        lambda values, *line: dealt.append(len(values)) or deal(values, *line),
    )
    rng = np.random.default_rng(1)
    for shape in ("normal", "few values", "a few huge", "one value", "few"):
        dealt.clear()
        ascending(SHAPES[shape](rng))
        assert (N in dealt) == (shape in ("normal", "few values"))

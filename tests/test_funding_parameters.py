"""What the notebook on provisions and funding may be asked for."""

import pytest

from riskkit import funding


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("n_paths", 100, 100_000), ("horizon_months", 12, 120), ("lookback_months", 1, 36),
        ("simulation_seed", 0, 2**31 - 1), ("most_loans", 1_000, 10_000_000),
    ],
)  # fmt: skip
def test_settings_of_the_simulation_have_bounds(name, least, most):
    for value in (least, most):
        assert funding.check_funding({name: value}) == {}
    for value in (least - 1, most + 1):
        with pytest.raises(ValueError, match=f"{name} must lie in .{least}, {most}., got {value}"):
            funding.check_funding({name: value})


def test_what_provisions_refuse_is_refused():
    with pytest.raises(ValueError, match="cohort_freq"):
        funding.check_funding({"n_paths": 200, "cohort_freq": "W"})

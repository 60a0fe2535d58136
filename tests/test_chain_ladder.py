"""The chain ladder and Mack's standard errors: published figures, zeros, gaps."""

import numpy as np
import pandas as pd
import pytest

from riskkit import projection

# Mack (1999), ASTIN Bulletin 29(2), mortgage guarantee business
MORTGAGE = """
58046 127970 476599 1027692 1360489 1647310 1819179 1906852 1950105
24492 141767 984288 2142656 2961978 3683940 4048898 4115760
32848 274682 1522637 3203427 4445927 5158781 5342585
21439 529828 2900301 4999019 6460112 6853904
40397 763394 2920745 4989572 5648563
90748 951994 4210640 5866482
62096 868480 1954797
24983 284441
13121
"""


def mortgage():
    rows = [[float(n) for n in line.split()] for line in MORTGAGE.split("\n") if line]
    return pd.DataFrame({i: pd.Series(row) for i, row in enumerate(rows)}).T


def test_mack_1999_mortgage_guarantee():
    factors = projection.development_factors(mortgage())
    printed = [11.10, 4.092, 1.708, 1.276, 1.139, 1.069, 1.026, 1.023]
    np.testing.assert_array_less(np.abs(factors["factor"] - printed), [0.005, *[0.0005] * 7])
    table = projection.mack_table(mortgage())
    assert round(table.loc["all", "outstanding"]) == 14_546_730
    assert round(table.loc["all", "standard_error"]) == 3_728_870
    errors = table["standard_error"].drop("all") / 1000
    assert errors.round().tolist() == [0, 61, 140, 319, 596, 1038, 1298, 1806, 2182]
    squares = table["process_error"] ** 2 + table["estimation_error"] ** 2
    np.testing.assert_allclose(squares, table["standard_error"] ** 2)


def test_the_last_sigma_is_the_least_of_macks_three():
    sigma = projection.development_factors(mortgage())["sigma_squared"].to_numpy()
    assert sigma[-1] == min(sigma[-2] ** 2 / sigma[-3], sigma[-3], sigma[-2])
    # where the spread grows, no more than the earlier one
    growing = pd.DataFrame([[10, 20, 41, 50], [10, 21, 20, np.nan], [10, 20, np.nan, np.nan]])
    growing = pd.concat([growing, pd.DataFrame([[10, np.nan, np.nan, np.nan]])])
    found = projection.development_factors(growing)["sigma_squared"].to_numpy()
    assert found[1] > found[0]
    assert found[2] == found[0]


def test_the_interval_is_a_lognormal_of_the_outstanding():
    row = projection.mack_table(mortgage()).loc[8]
    low, high = (np.log(row[f"ultimate_{end}"] - row["latest"]) for end in ("low", "high"))
    spread = (high - low) / 2 / 1.959963984540054
    mean = np.exp((low + high) / 2 + spread**2 / 2)
    assert mean == pytest.approx(row["outstanding"])
    assert mean * np.sqrt(np.expm1(spread**2)) == pytest.approx(row["standard_error"])


def test_a_row_of_nothing_is_not_known_and_tells_no_factor():
    triangle = pd.DataFrame(
        [[4, 6, 9], [5, 10, 12], [0, 3, np.nan], [2, np.nan, np.nan], [0, np.nan, np.nan]],
        index=list("abcde"),
    )
    factors = projection.development_factors(triangle)
    assert factors["factor"].tolist() == [16 / 9, 21 / 16]
    assert factors["cohorts"].tolist() == [2, 2]
    table = projection.mack_table(triangle)
    assert table.loc["c", "ultimate"] == pytest.approx(3 * 21 / 16)
    assert table.loc["e"].drop("age").isna()[["ultimate", "standard_error", "ultimate_low"]].all()
    assert table.loc["all", "latest"] == 9 + 12 + 3 + 2
    # two months before it must tell the spread of a factor
    assert projection.mack_table(triangle[:1]).loc["a", "standard_error"] == 0


def test_months_that_all_have_passed_are_certain():
    whole = pd.DataFrame([[1, 2, 3], [2, 4, 5]])
    table = projection.mack_table(whole)
    assert table["ultimate"].tolist() == [3, 5, 8]
    assert table["standard_error"].tolist() == [0, 0, 0]
    assert table["ultimate_low"].tolist() == table["ultimate_high"].tolist() == [3, 5, 8]


def test_a_triangle_without_months_or_rows_is_of_nothing():
    table = projection.mack_table(pd.DataFrame(index=["a", "b"]))
    assert table["ultimate"].isna().tolist() == [True, True, False]
    assert projection.mack_table(pd.DataFrame()).index.tolist() == ["all"]


def test_what_is_no_triangle_is_refused():
    with pytest.raises(ValueError, match="up to its diagonal, got 1 with gaps: 'b'"):
        projection.mack_table(pd.DataFrame([[1, 2], [np.nan, 2]], index=["a", "b"]))
    with pytest.raises(ValueError, match="must be >= 0"):
        projection.development_factors(pd.DataFrame([[1, -2]]))
    with pytest.raises(ValueError, match="level"):
        projection.mack_table(mortgage(), level=1.0)

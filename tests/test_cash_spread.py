"""How far simulated cash scatters: quantiles, their intervals, and what a climate adds."""

import numpy as np
import pandas as pd
import pytest

from riskkit.runoff import AMOUNTS, FutureCash, spread_table, spread_text


def cash_of(collected):
    """Cash of paths that bring so many fen each month, as principal of one group."""
    collected = np.asarray(collected, dtype=np.int64)[:, None, :]
    nothing = np.zeros_like(collected)
    n_months = collected.shape[-1]
    return FutureCash(
        months=pd.date_range("2025-01-31", periods=n_months, freq="ME"),
        groups=pd.Index([""]),
        opening=np.zeros(1, dtype=np.int64),
        amounts=dict.fromkeys(AMOUNTS, nothing) | {"principal_amount": collected},
    )


def scattered(seed, sd, n_paths=2_000, n_months=12):
    draws = np.random.default_rng(seed).normal(100_000, sd, (n_paths, n_months))
    return cash_of(np.rint(draws))


def test_a_table_by_hand():
    # 1,000 paths of one and of two months: 1 .. 1,000 and its double
    steps = np.arange(1, 1_001)
    cash = cash_of(np.stack([steps, steps], axis=1)[::-1])
    table = spread_table({"alone": cash}, horizons=(1, 2, 12))
    assert table.index.tolist() == [(1, "alone"), (2, "alone")]
    one, two = table.loc[(1, "alone")], table.loc[(2, "alone")]
    assert one["mean_amount"] == 500.5
    assert one["sd_amount"] == pytest.approx(steps.std(ddof=1))
    assert one["low_amount"] == pytest.approx(10.99)
    # of binomial(1000, 0.01), less than 4 and more than 17 have at most 2.5 % each: ranks 4 and 18
    assert (one["low_amount_low"], one["low_amount_high"]) == (4, 18)
    assert one["gap_amount"] == pytest.approx(500.5 - 10.99)
    assert two["gap_amount"] == pytest.approx(2 * one["gap_amount"])
    assert (table["gap_ratio"] == 1).all()


def test_the_interval_of_the_rare_amount_holds_as_often_as_it_says():
    true = 100_000 - 2.3263 * 1_000
    inside = 0
    for seed in range(100):
        row = spread_table({"": scattered(seed, 1_000, 500, 1)}, horizons=[1]).iloc[0]
        inside += row["low_amount_low"] <= true <= row["low_amount_high"]
    assert inside >= 88  # of 95 expected; fewer in less than one of 300 runs


def test_more_scatter_is_a_wider_gap():
    table = spread_table(
        {"with luck alone": scattered(1, 500), "with a climate": scattered(2, 900)}
    )
    assert table.index.get_level_values("months").unique().tolist() == [1, 3, 12]
    ratios = table.xs("with a climate", level="course")["gap_ratio"]
    np.testing.assert_allclose(ratios, 1.8, rtol=0.15)
    text = spread_text(table, "CNY")
    assert text.startswith("With a climate:\n\n- within 12 months 12,00")
    assert "\n- within 1 month 1,000 CNY are expected; one path of a hundred" in text
    assert text.count("** as far below as with luck alone.") == 3
    same = {"a": scattered(1, 500), "b": scattered(2, 500)}
    assert "no more than chance explains" in spread_text(spread_table(same), "CNY")
    assert "times" not in spread_text(table.xs("with a climate", level=1, drop_level=False), "")


def test_few_paths_have_no_interval_and_no_scatter_no_ratio():
    table = spread_table({"a": cash_of([[5, 5], [5, 5]]), "b": cash_of([[5, 4], [5, 6]])})
    assert table["low_amount_low"].isna().all()
    assert table.loc[(1, "a"), "gap_amount"] == 0
    assert table["gap_ratio"].isna().all()
    assert "(" not in spread_text(table, "CNY")
    beyond = spread_table({"a": cash_of([[5, 5], [5, 5]])}, horizons=[3])
    assert beyond.empty
    assert spread_text(beyond, "CNY") == "No month ahead was simulated."


def test_a_mean_is_no_simulation():
    for courses in ({}, {"mean": cash_of([[5, 5]])}):
        with pytest.raises(ValueError, match="simulations of two paths or more"):
            spread_table(courses)

"""Columns of one category are found by their words and by what no row has twice."""

import numpy as np
import pandas as pd

from riskkit import profile


def table(n=400):
    rng = np.random.default_rng(1)
    X = pd.DataFrame(
        {
            "home_ownership": rng.choice(["own house", "rent", "mortgage"], n),
            "job": rng.choice(["clerk", "driver", "none"], n),
        }
    )
    hot = pd.get_dummies(X, prefix_sep="_")
    hot["job_changes"] = rng.integers(0, 4, n)
    hot["has_car"], hot["has_phone"], hot["has_flat"] = rng.integers(0, 2, (3, n))
    return hot


def test_columns_of_a_category_are_found_whatever_else_shares_their_words():
    X = table()
    found = profile.one_hot_groups(X, list(X))
    assert set(found) == {"home_ownership", "job"}
    assert sorted(found["home_ownership"]) == [
        "home_ownership_mortgage",
        "home_ownership_own house",
        "home_ownership_rent",
    ]
    assert len(found["job"]) == 3
    numbers = X.astype({name: float for name in X}).rename(columns=lambda n: n.replace("_", "="))
    foreign = pd.get_dummies(pd.DataFrame({"жильё": np.resize(["да", "нет", "ск"], 60)}))
    assert [*profile.one_hot_groups(foreign, list(foreign))] == ["жильё"]
    numbers.iloc[:5] = np.nan
    again = profile.one_hot_groups(numbers, list(numbers))
    assert {len(columns) for columns in again.values()} == {3}
    assert len(again) == 2


def test_facts_that_may_hold_together_or_seldom_are_no_category():
    X = table()
    assert not profile.one_hot_groups(X, ["has_car", "has_phone", "has_flat", "job_changes"])
    assert not profile.one_hot_groups(X, ["job_clerk", "job_driver"])
    rare = pd.DataFrame(np.eye(3, 100).T.astype(int), columns=["flag_a", "flag_b", "flag_c"])
    assert not profile.one_hot_groups(rare, list(rare))
    twice = X.assign(job_clerk=1)
    assert "job" not in profile.one_hot_groups(twice, list(twice))
    assert not profile.one_hot_groups(X, [])

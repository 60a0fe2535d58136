"""Who pays more than today, and what of today's prices the cap no longer allows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from riskkit import offers
from riskkit.checks import DataContractError


def people():
    """Two grades; one without a price of today, one without a new one, one interest-free."""
    return pd.DataFrame(
        {
            "grade": ["A", "A", "A", "B", "B", "B", "B"],
            "term_months": [3, 3, 12, 12, 12, 12, 12],
            "offer_apr": [0.18, 0.26, 0.20, 0.30, np.nan, 0.22, 0.0],
            "price": [0.20, 0.20, 0.20, 0.24, 0.24, np.nan, 0.24],
        }
    )


def test_prices_are_compared_of_those_who_have_both():
    table = offers.price_changes(people(), cap_apr=0.24)
    assert table["offers"].to_dict() == {("A", 3): 2, ("A", 12): 1, ("B", 12): 1}
    assert table.loc[("A", 3)].round(4).tolist() == [2, 0.22, 0.20, 0.5, 0.5, 0.5]
    assert table.loc[("A", 12), ["dearer_share", "cheaper_share"]].tolist() == [0, 0]
    assert table.loc[("B", 12), "above_cap_share"] == 1
    by_grade = offers.price_changes(people(), ["grade"], cap_apr=0.24)
    assert by_grade["offers"].sum() == table["offers"].sum()
    assert by_grade.loc["A", "old_apr"] == pytest.approx(0.64 / 3)
    assert offers.price_changes(people())["above_cap_share"].isna().all()
    # at the cap is not above it, whatever the last digits
    at = people().assign(offer_apr=0.24 + 1e-12)
    assert (offers.price_changes(at, cap_apr=0.24)["above_cap_share"] == 0).all()


def test_who_pays_more_and_what_is_above_the_cap_is_told():
    table = offers.price_changes(people(), ["grade"], cap_apr=0.24)
    text = offers.price_changes_text(table, cap_apr=0.24)
    assert (
        "Of 4 who were offered a price before and are offered one now, **25.0% pay more**" in text
    )
    assert "and 50.0% less" in text
    assert "**50.0% of today's prices lie above the cap** of 24.00%" in text
    assert (
        "Cheaper on average: B from 30.0% to 24.0% (100% pay less); A from 21.3% to 20.0%" in text
    )
    assert "Dearer" not in text
    free = offers.price_changes_text(offers.price_changes(people(), ["grade"]))
    assert "cap" not in free


def test_nobody_with_both_prices_is_said_and_a_missing_column_named():
    nobody = offers.price_changes(people().assign(price=np.nan), ["grade"])
    assert nobody.empty
    assert offers.price_changes_text(nobody).startswith("Nobody who is offered a price now")
    with pytest.raises(DataContractError, match="missing columns price"):
        offers.price_changes(people().drop(columns="price"))

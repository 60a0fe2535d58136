"""The transition matrix by month on book."""

import numpy as np
import pandas as pd
import pytest

from riskkit import migration


def panel(seed: int = 0, n: int = 300) -> pd.DataFrame:
    """Loans of fourteen months that fall a month behind and catch up, later more seldom."""
    rng = np.random.default_rng(seed)
    rows = []
    for loan in range(n):
        dpd = 0
        for mob in range(14):
            back = rng.random() < (0.7 if mob < 7 else 0.3)
            dpd = 0 if dpd and back else (20 if dpd or rng.random() < 0.1 else 0)
            rows.append((f"L{loan:04d}", mob, pd.Timestamp("2023-01-31") + pd.offsets.MonthEnd(mob),
                         dpd, "delinquent" if dpd else "current"))  # fmt: skip
    names = ["loan_id", "mob", "month_end", "dpd", "status"]
    return pd.DataFrame(rows, columns=names)


def test_each_row_is_a_recount_of_the_moves_from_its_months():
    book = panel()
    counts = migration.transition_counts(book, by="days", split=["mob"])
    table = migration.age_matrix(counts)
    after = book.groupby("loan_id")["dpd"].shift(-1)
    moves = book.assign(after=after).dropna(subset=["after"])
    for (bucket, band), row in table.iterrows():
        first, last = (
            (int(band.split()[0]), 99) if band.endswith("on") else (map(int, band.split(" to ")))
        )
        late = not bucket.startswith("M0")
        own = moves[moves["mob"].between(first, last) & ((moves["dpd"] > 0) == late)]
        assert row["loans"] == len(own)
        assert row.filter(like="M0").item() == pytest.approx((own["after"] == 0).mean())
    shares = table.drop(columns="loans").sum(axis=1)
    assert np.allclose(shares, 1)
    assert table["loans"].sum() == len(moves)


def test_words_tell_the_way_back_of_the_young_and_the_old():
    counts = migration.transition_counts(panel(), by="days", split=["mob"])
    text = migration.age_text(migration.age_matrix(counts))
    assert text.startswith("**Age changes the way back**: of loans in M1")
    assert "months 0 to 2 on book" in text
    assert "of those in months 12 on" in text
    alike = panel().assign(mob=lambda rows: rows["mob"])
    alike = alike[alike["mob"] < 7]
    counts = migration.transition_counts(alike, by="days", split=["mob"])
    assert "is not sure" in migration.age_text(migration.age_matrix(counts))


def test_no_moves_and_wrong_ages():
    counts = migration.transition_counts(panel()[:0], by="days", split=["mob"])
    assert migration.age_text(migration.age_matrix(counts)).startswith("Too few loans were late")
    with pytest.raises(ValueError, match="ages must rise from 0 on"):
        migration.age_matrix(counts, (1, 3))
    with pytest.raises(ValueError, match="not split by mob"):
        migration.age_matrix(migration.transition_counts(panel(), by="days"))

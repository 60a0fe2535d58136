"""Parts against others, newest weeks against earlier ones: oracles, false alarms, words."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from riskkit import first_payments as first
from riskkit.synthetic import Lender, simulate

# Admissions to Berkeley in 1973 by department, admitted and rejected men and women: R's dataset
# UCBAdmissions, after Bickel, Hammel, O'Connell (1975), Science 187
BERKELEY = [
    ((512, 313), (89, 19)), ((353, 207), (17, 8)), ((120, 205), (202, 391)),
    ((138, 279), (131, 244)), ((53, 138), (94, 299)), ((22, 351), (24, 317)),
]  # fmt: skip


def counts_of(rows, part="channel"):
    """Counts of (part, day, loans, missed), of the first instalment past 7 days."""
    index = pd.MultiIndex.from_tuples(
        [(value, pd.Timestamp(day), 1, 7) for value, day, _, _ in rows],
        names=[part, "due_date", "number", "days"],
    )
    loans, missed = zip(*((n, d) for _, _, n, d in rows), strict=True)
    flags = {"traced_loans": loans, "first_missed": missed, "young_loans": 0}
    return pd.DataFrame({"loans": loans, "missed": missed, **flags}, index=index)


def test_mantel_haenszel_statistic_of_r():
    rows = [
        (value, f"2024-0{month}-15", admitted + rejected, admitted)
        for month, pair in enumerate(BERKELEY, 1)
        for value, (admitted, rejected) in zip(("men", "women"), pair, strict=True)
    ]

    table = first.part_table(counts_of(rows, "sex"), "sex")

    # R 4, mantelhaen.test(UCBAdmissions): X-squared = 1.4269, df = 1, p-value = 0.2323
    assert table["p_value"].tolist() == pytest.approx([0.2323, 0.2323], abs=5e-5)
    assert stats.chi2.isf(table["p_value"].iloc[0], 1) == pytest.approx(1.4269, abs=5e-5)
    assert table["told"].tolist() == ["may be chance"] * 2
    # taken together, men were admitted far more often: the departments are not mixed up
    assert table["missed_rate"].tolist() == pytest.approx([0.445, 0.304], abs=5e-4)
    assert table["expected_missed"].sum() == pytest.approx(table["missed"].sum())
    men = sum(sum(men) * women[0] / sum(women) for men, women in BERKELEY)
    assert table["others_rate"].iloc[0] == pytest.approx(men / sum(sum(men) for men, _ in BERKELEY))


def test_a_channel_that_grew_in_bad_months_is_no_bad_channel():
    rows = [
        ("app", "2024-01-10", 1000, 20), ("partner", "2024-01-20", 100, 2),
        ("app", "2024-02-10", 100, 10), ("partner", "2024-02-20", 1000, 100),
    ]  # fmt: skip
    table = first.part_table(counts_of(rows), "channel")
    assert table["told"].tolist() == ["may be chance"] * 2
    assert "**No part misses its first instalments more often" in first.part_text(table)
    assert first.part_findings(table) == []


def test_a_bad_channel_is_named_and_a_small_one_is_too_few():
    rows = [
        ("app", "2024-01-10", 2000, 40), ("dune_one", "2024-01-10", 400, 40),
        ("tiny", "2024-01-10", 3, 3), (np.nan, "2024-01-10", 900, 18),
    ]  # fmt: skip
    table = first.part_table(counts_of(rows), "channel")
    told = table["told"].droplevel(["by", "number", "days"]).to_dict()
    assert told == {
        "app": "better beyond chance", "dune_one": "worse beyond chance", "tiny": "too few to say",
        "none": "better beyond chance",
    }  # fmt: skip
    tested = table["p_value"].dropna()
    assert (table["p_adjusted"].dropna() >= tested).all()
    assert table.loc[("channel", "dune_one", 1, 7), "p_adjusted"] == pytest.approx(3 * tested.min())
    text = first.part_text(table)
    assert text.startswith("**Worse beyond chance:** channel dune one, FPD7 10.00% (7.35% to 13.2")
    assert "3 of 4 comparisons have enough loans to say" in text
    ((topic, told, red),) = first.part_findings(table)
    assert (topic, red) == ("First payments", False)
    assert "dune one, FPD7 10.00%" in told


def test_parts_that_say_nothing():
    alone = counts_of([("app", "2024-01-10", 100, 5)])
    empty = first.part_table(alone, "channel")
    assert empty.empty
    assert first.part_text(empty) == "These loans have no parts to compare."
    few = first.part_table(
        counts_of([("app", "2024-01-10", 9, 1), ("sms", "2024-01-10", 9, 0)]), "channel"
    )
    assert few["told"].unique().tolist() == ["too few to say"]
    assert "No part has enough loans" in first.part_text(few)
    with pytest.raises(ValueError, match=r"counts are not by partner, but by \['channel'\]"):
        first.part_table(alone, ["channel", "partner"])


def test_a_partner_that_is_a_channel_is_tested_once():
    rows = [
        (channel, partner, f"2024-0{month}-10", 300, missed)
        for month in (1, 2, 3)
        for channel, partner, missed in (
            ("app", None, 12),
            ("sms", None, 15),
            ("partner", "birch", 20),
            ("partner", "dune", 40),
        )
    ]
    frame = pd.DataFrame(rows, columns=["channel", "partner", "due_date", "loans", "missed"])
    frame = frame.assign(
        due_date=pd.to_datetime(frame["due_date"]),
        number=1,
        days=7,
        traced_loans=frame["loans"],
        first_missed=frame["missed"],
    )
    counts = frame.set_index(["channel", "partner", "due_date", "number", "days"])
    table = first.part_table(counts, ["channel", "partner"])
    # no partner at all is all channels but one
    assert table.index.droplevel(["number", "days"]).tolist() == [
        ("channel", "app"),
        ("channel", "partner"),
        ("channel", "sms"),
        ("partner", "birch"),
        ("partner", "dune"),
    ]
    least = table["p_value"].min()
    assert table["p_adjusted"].min() == pytest.approx(5 * least)
    # two channels are one test, told of both
    two = counts.xs("birch", level="partner", drop_level=False)
    two = pd.concat([two, counts.xs("app", level="channel", drop_level=False)])
    both = first.part_table(two, "channel")
    assert both["p_adjusted"].tolist() == pytest.approx(both["p_value"].tolist())
    assert len(first.part_table(two, ["channel", "partner"])) == 2


def test_the_partner_made_worst_in_the_synthetic_world_is_found():
    lender = Lender()
    portfolio = simulate(lender, 60_000, seed=1)
    partner = portfolio.applications.set_index("application_id")["partner"]
    counts = first.payment_default_counts(
        portfolio.instalments, lender.observed_to, days=[7, 15], parts=partner
    )
    table = first.part_table(counts, "partner")
    worse = table[table["told"] == "worse beyond chance"]
    assert worse.index.unique("value").tolist() == ["dune"]
    assert first.part_text(table).startswith("**Worse beyond chance:** partner dune, FPD15 ")


def weeks(missed, loans=200, number=1, days=7):
    """Counts of weeks that begin on Mondays from 2024 on."""
    mondays = pd.date_range("2024-01-01", periods=len(missed), freq="7D")
    index = pd.MultiIndex.from_product(
        [mondays, [number], [days]], names=["due_date", "number", "days"]
    )
    return pd.DataFrame({"loans": loans, "missed": missed}, index=index)


def test_newest_weeks_by_hand():
    missed = [2, 4] * 6 + [9, 11]
    table = first.newest_table(weeks(missed), "2024-12-31", weeks=2)

    row = table.loc[(1, 7)]
    figures = ["loans", "missed", "earlier_weeks", "earlier_loans", "earlier_missed"]
    assert row[figures].tolist() == [400, 20, 12, 2400, 36]
    rate = 36 / 2400
    spread = sum((d - 3) ** 2 for d in missed[:12]) / (200 * rate * (1 - rate)) / 11
    assert row["spread"] == pytest.approx(spread)
    assert spread < 1
    fisher = stats.fisher_exact([[20, 380], [36, 2364]]).pvalue
    assert row["p_value"] == row["p_adjusted"] == pytest.approx(fisher)
    assert row["told"] == "worse beyond chance"
    text = first.newest_text(table)
    assert text.startswith("**Warning:** FPD7 is 5.00% (3.18% to 7.47%) in the weeks from 25 March")
    assert (
        "to that of 01 April 2024 (20 of 400 loans), against 1.50% in the 12 weeks before" in text
    )
    assert [finding[::2] for finding in first.newest_findings(table)] == [("First payments", False)]


def test_weeks_that_always_differ_are_no_warning():
    missed = [0, 9, 1, 8, 0, 10, 2, 9, 0, 8, 1, 9, 9, 10]
    row = first.newest_table(weeks(missed), "2024-12-31", weeks=2).loc[(1, 7)]
    assert stats.fisher_exact([[19, 381], [57, 2343]]).pvalue < 0.05
    rate = (57 + 19) / 2800
    error = np.sqrt(row["spread"] * rate * (1 - rate) * (1 / 400 + 1 / 2400))
    assert row["p_value"] == pytest.approx(2 * stats.t.sf((19 / 400 - 57 / 2400) / error, 11))
    assert row["told"] == "may be chance"


def test_only_weeks_old_enough_to_the_last_day_are_compared():
    counts = weeks([3] * 12)  # the last from Monday, 18 March, to Sunday, 24 March
    for day, last in (("2024-03-31", "2024-03-11"), ("2024-04-01", "2024-03-18")):
        table = first.newest_table(counts, day, weeks=2)
        assert str(table["last"].iloc[0].date()) == last


def test_newest_weeks_say_so_where_they_cannot_tell():
    few = first.newest_table(weeks([3] * 6), "2024-12-31")
    assert few["told"].tolist() == ["too few to say"]
    assert "too few weeks or loans" in first.newest_text(few)
    assert first.newest_findings(few) == []
    rare = first.newest_table(weeks([0] * 20), "2024-12-31")
    assert rare["told"].tolist() == ["too few to say"]
    assert np.isnan(rare["spread"]).all()
    none = first.newest_table(weeks([3] * 3), "2024-12-31")
    assert none.empty
    assert first.newest_text(none).startswith("There are no weeks yet")
    good = first.newest_table(weeks([9, 11] * 8 + [1] * 4), "2024-12-31")
    assert "some **better**" in first.newest_text(good)
    assert first.newest_findings(good) == []
    usual = first.newest_table(weeks([9, 11] * 10), "2024-12-31")
    assert first.newest_text(usual).startswith("There is **no warning**")


def test_each_part_has_its_own_weeks():
    both = pd.concat({"app": weeks([4] * 20), "sms": weeks([4] * 16 + [20] * 4)}, names=["channel"])
    table = first.newest_table(both, "2024-12-31", by="channel")
    assert table["told"].tolist() == ["may be chance", "worse beyond chance"]
    assert "FPD7 of channel sms is 10.00%" in first.newest_text(table)


def test_wrong_settings_are_refused():
    for name in ("weeks", "earlier_weeks"):
        with pytest.raises(ValueError, match=f"{name} must be >= 1, got 0"):
            first.newest_table(weeks([1]), "2024-12-31", **{name: 0})
    by_disbursal = weeks([1]).rename_axis(index={"due_date": "disbursed"})
    with pytest.raises(ValueError, match="counts must be by due date"):
        first.newest_table(by_disbursal, "2024-12-31")
    with pytest.raises(ValueError, match="counts are not by channel"):
        first.newest_table(weeks([1]), "2024-12-31", by="channel")


def test_false_warnings_are_as_rare_as_promised():
    # a year of weeks that differ by more than chance, the newest four alike: of 150 books, at most
    # 14 have a p-value below 5 % with a probability of 99 % (binomial)
    rng = np.random.default_rng(1)
    books = {
        book: weeks(rng.binomial(400, 0.05 * rng.gamma(8, 1 / 8, size=56))) for book in range(150)
    }
    all_books = pd.concat(books, names=["book"]).assign(loans=400)
    table = first.newest_table(all_books, "2025-12-31", by="book")
    assert stats.binom.ppf(0.99, 150, 0.05) == 14
    assert 1 < (table["p_value"] < 0.05).sum() <= 14
    # the test of the loans alone would warn of far more
    cells = table[["missed", "loans", "earlier_missed", "earlier_loans"]].to_numpy()
    alone = [stats.fisher_exact([[a, n - a], [b, m - b]]).pvalue for a, n, b, m in cells[:60]]
    assert (np.array(alone) < 0.05).sum() > 12

"""Early signs of recent cohorts, and where they are worse."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from riskkit import vintage
from riskkit.vintage.chance import holm

MONTHS = [0, 3, 6, 9, 12]
EVENTS = ("30", "60", "90")


def counts_of(loans, by_month, last_month=12):
    """Counts of quarters; `by_month` is event → (quarters × months 3, 6, 9, 12) new bads.

    The oldest have reached month 12, the last four 9, 6, 3 and 0.
    """
    quarters = pd.date_range("2022-01-01", periods=len(loans), freq="QS")
    rows = {}
    for i, quarter in enumerate(quarters):
        reached = min(last_month, 3 * (len(loans) - 1 - i))
        for m in [month for month in MONTHS if month <= reached]:
            row = {"loans": loans[i] if m == 0 else 0}
            for event in EVENTS:
                new = by_month[event][i][MONTHS.index(m) - 1] if m else 0
                row[f"ever_{event}_loans"] = new
                row[f"censored_{event}_loans"] = 0
                row[f"exit_{event}_loans"] = new
            rows[quarter, m] = row
    frame = pd.DataFrame.from_dict(rows, orient="index")
    return frame.rename_axis(["cohort", "mob"])


RATES = {
    "30": [0.017, 0.027, 0.027, 0.022],
    "60": [0.006, 0.023, 0.022, 0.02],
    "90": [0.0, 0.021, 0.02, 0.018],
}


def drawn(rng, loans, worse=None):
    """Bads of a world: `worse` maps a quarter to what multiplies its rates."""
    times = np.array([(worse or {}).get(i, 1.0) for i in range(len(loans))])
    return {
        event: rng.binomial(np.array(loans)[:, None], np.outer(times, rates))
        for event, rates in RATES.items()
    }


LOANS = [700] * 11


def steady(worse=None):
    """Bads as expected, to the next whole one."""
    times = np.array([(worse or {}).get(i, 1.0) for i in range(len(LOANS))])
    return {
        event: np.round(np.outer(np.array(LOANS) * times, rates)).astype(int)
        for event, rates in RATES.items()
    }


def test_every_recent_cohort_is_compared_at_each_age_and_all_together():
    table = vintage.recent_table(counts_of(LOANS, steady()), 12)

    of_sixty = table.loc["60+"]
    assert of_sixty.index.tolist() == [
        (3, "2023Q4"), (3, "2024Q1"), (3, "2024Q2"), (3, "2023Q4 to 2024Q2"),
        (6, "2023Q4"), (6, "2024Q1"), (6, "2023Q4 to 2024Q1"), (9, "2023Q4"),
    ]  # fmt: skip
    # nobody is 90 days late by month 3: nothing is looked at
    assert table.groupby(level="event").size().to_dict() == {"30+": 8, "60+": 8, "90+": 4}
    row = table.loc[("60+", 6, "2023Q4 to 2024Q1")]
    assert (row["loans"], row["bad"]) == (1400, 2 * (4 + 16))
    assert (row["earlier_loans"], row["earlier_bad"]) == (7 * 700, 7 * (4 + 16))
    assert (row["first"], row["last"], row["earlier_to"]) == ("2023Q4", "2024Q1", "2023Q3")
    cells = [[40, 1360], [140, 4760]]
    assert row["p_value"] == pytest.approx(stats.fisher_exact(cells).pvalue)
    low, high = stats.beta(40.5, 1360.5).ppf([0.025, 0.975])
    assert (row["bad_rate_low"], row["bad_rate_high"]) == pytest.approx((low, high))
    np.testing.assert_allclose(table["p_adjusted"], holm(table["p_value"].to_numpy()))
    assert "no early sign" in vintage.recent_text(table, 12)
    assert "none of 20 comparisons" in vintage.recent_text(table, 12)
    assert vintage.recent_findings(table, 12) == []
    assert vintage.strongest_sign(table) is None


def test_holm_multiplies_the_least_by_all_and_each_next_by_one_fewer():
    found = holm(np.array([0.04, 0.01, np.nan, 0.03]))
    np.testing.assert_allclose(found, [0.06, 0.03, np.nan, 0.06])


def test_a_cohort_hidden_behind_a_newer_one_is_an_early_sign():
    # the newest that has reached month 6 is as ever; the one before it is not
    counts = counts_of(LOANS, steady({7: 2.2}))
    newest = vintage.milestone_table(counts)
    recent = vintage.recent_table(counts, 12)

    sign = vintage.strongest_sign(recent)
    assert sign is not None
    assert sign.name[2] == "2023Q4"
    ((topic, text, is_red),) = vintage.recent_findings(recent, 12)
    assert (topic, is_red) == ("Early signs", False)
    assert text.startswith("2023Q4, 12 months: ")
    assert "adjusted for 20 comparisons" in text
    without = newest.assign(departure_rate=0.0)
    figures = vintage.milestone_figures(without, 12, recent)
    assert figures["Newest cohorts of 12 months, against earlier ones"] == (
        "early sign for the worse"
    )
    assert vintage.milestone_figures(without, 12)[
        "Newest cohorts of 12 months, against earlier ones"
    ] == ("as usual")


def test_signs_that_agree_and_signs_that_do_not_are_told_apart():
    agree = vintage.recent_table(counts_of(LOANS, steady({7: 2.2, 8: 2.2})), 12)
    text = vintage.agreement_text(agree)
    assert text.startswith("**They agree: all stand worse beyond chance.** By month")
    assert text.count("adjusted p-value") == 3
    bads = steady()
    bads["60"] = steady({7: 2.5, 8: 2.5})["60"]
    apart = vintage.agreement_text(vintage.recent_table(counts_of(LOANS, bads), 12))
    assert apart.startswith("**60+ stands worse, not all agree.**")
    bads |= {event: steady({7: 1.15, 8: 1.15})[event] for event in ("30", "90")}
    same_way = vintage.agreement_text(vintage.recent_table(counts_of(LOANS, bads), 12))
    assert "60+ stands worse, 30+ and 90+ point the same way but may be chance." in same_way
    nothing = vintage.agreement_text(vintage.recent_table(counts_of(LOANS, steady()), 12))
    assert nothing.startswith("**None of the signs is more than chance.** By month 6 2023Q4 to")
    better = vintage.recent_table(counts_of(LOANS, steady({7: 0.1, 8: 0.1})), 12)
    assert vintage.agreement_text(better).count("against") == 3
    assert "**better**" in vintage.recent_text(better, 12)
    assert vintage.recent_findings(better, 12) == []


def test_where_nothing_changed_the_family_is_silent_in_95_of_100_worlds():
    rng = np.random.default_rng(11)
    n, signs, spoken = 40, 0, 0
    for _ in range(n):
        counts = counts_of(LOANS, drawn(rng, LOANS))
        recent = vintage.recent_table(counts, 12)
        signs += bool((recent["p_adjusted"] <= 0.05).any())
        # what a committee sees, red and amber together
        red = vintage.milestone_findings(vintage.milestone_table(counts), 12)
        spoken += bool(red or vintage.recent_findings(recent, 12))
    # beyond this, 5 % would be refuted at 1 in 100
    most = stats.binom(n, 0.05).ppf(0.99)
    assert signs <= most
    assert spoken <= most


def test_a_change_in_two_cohorts_is_found_by_taking_them_together():
    rng = np.random.default_rng(12)
    found = 0
    for _ in range(20):
        table = vintage.recent_table(counts_of(LOANS, drawn(rng, LOANS, {7: 1.8, 8: 1.8})), 12)
        found += bool(vintage.recent_findings(table, 12))
    assert found >= 17


def test_without_recent_or_earlier_cohorts_nothing_is_compared():
    one = counts_of([700], {event: [[0] * 4] for event in EVENTS})
    for table in (vintage.recent_table(one, 12), vintage.recent_table(one.iloc[:0], 12)):
        assert table.empty
        assert vintage.recent_text(table, 12).startswith("No recent cohort can be compared yet")
        assert vintage.agreement_text(table).startswith("No recent cohort")
        assert vintage.recent_findings(table, 12) == []
    # all loans of one month are judged by the only month compared
    assert vintage.recent_table(counts_of(LOANS, steady()), 0).index.unique("mob").tolist() == []
    with pytest.raises(ValueError, match="level must lie in"):
        vintage.recent_table(one, 12, level=1)


def test_outcomes_have_one_event():
    months = pd.to_datetime(["2024-01-01", "2024-04-01", "2024-07-01"]).repeat(200)
    events = ["default"] * 6 + ["censored"] * 394 + ["default"] * 30 + ["censored"] * 170
    seen = [3] * 6 + [6] * 394 + [3] * 200
    outcomes = pd.DataFrame(
        {"loan_id": range(600), "cohort": months, "amount": 1, "event": events, "event_mob": seen}
    )
    table = vintage.recent_table(outcomes, 6)
    assert table.index.tolist() == [("default", 3, "2024Q3")]
    assert "in default (30 of 200 loans" in vintage.recent_text(table, 6)
    asked = pd.DataFrame(
        {"application_id": range(600), "term_months": 6, "channel": ["web", "my_shop*"] * 300}
    )
    where = vintage.where_table(outcomes, asked, table.iloc[0], 6)
    assert where.index.tolist() == [("channel", "my_shop*"), ("channel", "web")]
    assert where["loans"].tolist() == [100, 100]
    assert where["bad"].sum() == 30
    assert where["earlier_loans"].tolist() == [200, 200]
    # names of others are text
    assert r"channel my shop\* with" in vintage.where_text(where)


# -- where -----------------------------------------------------------------------------------------


def book_and_applications():
    """Four quarters; in the third 12-month loans of "link" are worse, "tiny" are few."""
    rows = []
    for q, quarter in enumerate(pd.date_range("2023-01-01", periods=4, freq="QS")):
        for channel, n, bads in (("app", 300, 9), ("link", 200, 30 if q == 2 else 6),
                                 ("tiny", 10, 1)):  # fmt: skip
            for i in range(n):
                seen = 3 * (4 - q)
                bad = i < bads and seen >= 3
                rows.append((quarter, 12, channel, "default" if bad else "censored",
                             3 if bad else seen))  # fmt: skip
        for _ in range(100):
            rows.append((quarter, 6, "app", "censored", 3 * (4 - q)))
    names = ["cohort", "term_months", "channel", "event", "event_mob"]
    table = pd.DataFrame(rows, columns=names).assign(amount=1, product="loan")
    table["loan_id"] = [f"L{i}" for i in range(len(table))]
    asked = table.rename(columns={"loan_id": "application_id"})
    return table, asked[["application_id", "term_months", "channel", "product"]]


def test_the_part_that_is_worse_is_named_and_the_small_one_is_too_few_to_say():
    book, asked = book_and_applications()
    of_term = book[asked["term_months"] == 12]
    sign = vintage.recent_table(of_term, 12, cohort_freq="Q")
    row = sign.loc[("default", 3, "2023Q3")]
    where = vintage.where_table(book, asked, row, 12)

    # the product, of one value, is no part
    assert where.index.tolist() == [
        ("term", "6 months"), ("term", "12 months"),
        ("channel", "app"), ("channel", "link"), ("channel", "tiny"),
    ]  # fmt: skip
    assert where["told"].tolist() == [
        "too few to say", "the sign itself", "may be chance", "worse beyond chance",
        "too few to say",
    ]  # fmt: skip
    link = where.loc[("channel", "link")]
    assert link[["loans", "bad", "earlier_loans", "earlier_bad"]].tolist() == [200, 30, 400, 12]
    # two parts are tested
    p_value = stats.fisher_exact([[30, 170], [12, 388]]).pvalue
    assert link["p_adjusted"] == pytest.approx(2 * p_value)
    text = vintage.where_text(where)
    assert text.startswith("**Worse beyond chance:** channel link with 15.00% (30 of 200 loans, ")
    assert "2 of 4 parts have enough bads to say" in text


def test_where_no_part_stands_out_none_is_named():
    book, asked = book_and_applications()
    sign = vintage.recent_table(book[asked["term_months"] == 12], 12).iloc[0]
    alike = asked.assign(channel=["a", "b"] * (len(asked) // 2))
    other = sign.rename(("default", 3, "2023Q2")).replace("2023Q3", "2023Q2")
    other["earlier_to"] = "2023Q1"
    text = vintage.where_text(vintage.where_table(book, alike, other, 12))
    assert text.startswith("**No part is worse by more than chance**")
    none = vintage.where_table(book, asked, None, 12)
    assert none.empty
    assert vintage.where_text(none).startswith("There is no sign to look into")


def test_small_levels_are_together_and_all_loans_are_in_one():
    book, asked = book_and_applications()
    sign = vintage.recent_table(book[asked["term_months"] == 12], 12).iloc[0]
    many = asked.assign(channel=[f"level {i % 20}" for i in range(len(asked))])
    where = vintage.where_table(book, many, sign, 12).loc["channel"]
    assert len(where) == 8
    assert where.index[-1] == "others"
    assert where["loans"].sum() == sign["loans"]
    assert where["bad"].sum() == sign["bad"]
    assert where["earlier_bad"].sum() == sign["earlier_bad"]

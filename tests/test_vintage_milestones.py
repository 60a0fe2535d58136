"""The newest cohorts against the earlier ones."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from riskkit import vintage


def book_of(bads, loans=200):
    """Outcomes: per cohort pairs of a month and its defaults; the others are censored at the end.

    A cohort is watched to the month that is given last.
    """
    rows = []
    for number, (cohort, (events, seen)) in enumerate(bads.items()):
        months = [month for month, count in events for _ in range(count)]
        for loan in range(loans):
            bad = loan < len(months)
            rows.append(
                (f"{number}-{loan}", pd.Timestamp(cohort), 1, "default" if bad else "censored",
                 months[loan] if bad else seen)
            )  # fmt: skip
    return pd.DataFrame(rows, columns=["loan_id", "cohort", "amount", "event", "event_mob"])


CALM = ((4, 4), (8, 4))
# a deterioration that the oldest cohorts, the only ones to have reached month 12, cannot show
TURN = {
    "2023-01-01": (CALM, 12),
    "2023-04-01": (CALM, 12),
    "2023-07-01": (CALM, 9),
    "2023-10-01": (((4, 20),), 6),
}


def test_the_newest_cohort_of_each_month_is_held_against_the_median_of_the_earlier():
    table = vintage.milestone_table(book_of(TURN), [3, 6, 9, 12, 18])
    assert table.index.tolist() == [3, 6, 9, 12]
    assert table["newest"].tolist() == ["2023Q4", "2023Q4", "2023Q3", "2023Q2"]
    assert table["bad"].tolist() == [0, 20, 8, 8]
    assert table["loans"].tolist() == [200] * 4
    assert table["earlier"].tolist() == [3, 3, 2, 1]
    np.testing.assert_allclose(table["bad_rate"], [0, 0.1, 0.04, 0.04])
    np.testing.assert_allclose(table["earlier_median_rate"], [0, 0.02, 0.04, 0.04])
    assert table.loc[6, ["bad_rate_low", "bad_rate_high"]].tolist() == pytest.approx(
        stats.beta(20.5, 180.5).ppf([0.025, 0.975]).tolist()
    )
    # a twentieth shared by the four months
    low = stats.beta(20.5, 180.5).ppf(0.00625)
    np.testing.assert_allclose(table["departure_rate"], [0, low - 0.02, 0, 0])


def test_a_departure_that_all_looks_do_not_bear_out_is_none():
    counts = vintage.cohort_counts(book_of(TURN), dpd=(90,))
    alone = vintage.milestone_table(counts)
    assert alone.loc[6, "departure_rate"] > 0
    # among so many looks the same cohort at the same month is within chance
    place = pd.MultiIndex.from_tuples([("default", 6, "2023Q4")], names=["event", "mob", "cohort"])
    looks = pd.DataFrame({"p_adjusted": [0.2]}, index=place)
    table = vintage.milestone_table(counts, recent=looks)
    assert (table["departure_rate"] == 0).all()
    assert table["looks"].tolist() == [4, 1, 4, 4]
    assert table["p_adjusted"].tolist() == pytest.approx(
        [min(p, 1.0) for p in (4 * table["p_value"]).mask(table.index == 6, 0.2)]
    )
    text = vintage.milestone_text(table)
    assert "in one of 1 looks. Nearest to it comes month 6" in text
    assert text.endswith("(adjusted p-value 0.200).")
    borne_out = vintage.milestone_table(counts, recent=looks.assign(p_adjusted=0.01))
    assert borne_out.loc[6, "departure_rate"] == alone.loc[6, "departure_rate"]


def test_the_worst_departure_is_the_headline_though_older_cohorts_look_as_ever():
    table = vintage.milestone_table(book_of(TURN))
    text = vintage.milestone_text(table)
    assert "stands **worse** than the earlier ones did at its age: by month 6 2023Q4 has" in text
    assert "**10.00%** bad (20 of 200 loans" in text
    assert stats.fisher_exact([[20, 180], [12, 588]]).pvalue < 0.001
    assert "against a median of 2.00% among 3 earlier (adjusted p-value below 0.001)." in text
    found = vintage.milestone_findings(table, 12)
    assert found == [
        ("Newest cohorts", "worse than earlier ones by month 6 of loans of 12 months", True)
    ]
    told = "Of 4 months compared the newest is beyond chance, their number allowed for, at 1 for"
    assert f"{told} the worse, 0 for the better." in text
    low, high = table.loc[6, ["bad_rate_low", "bad_rate_high"]]
    assert vintage.milestone_figures(table, 12) == {
        "Newest cohorts of 12 months, against earlier ones": "worse at 1 of 4 months",
        "2023Q4, 12 months, bad by month 6": f"10.00% (20 bads, {low:.1%} to {high:.1%})",
        "Median of earlier ones by month 6": "2.00%",
    }


def test_worse_goes_before_better_however_large():
    better = TURN | {"2023-01-01": (((8, 60),), 12), "2023-04-01": (CALM, 12)}
    table = vintage.milestone_table(book_of(better))
    assert table.loc[12, "departure_rate"] < -table.loc[6, "departure_rate"] < 0
    assert "**worse**" in vintage.milestone_text(table)
    only_better = vintage.milestone_table(book_of(better), [12])
    text = vintage.milestone_text(only_better)
    assert "stands **better** than the earlier ones did at its age: by month 12 2023Q2" in text
    assert vintage.milestone_figures(only_better, 6)[
        "Newest cohorts of 6 months, against earlier ones"
    ] == ("better at 1 of 1 months")


def test_one_bad_after_cohorts_without_any_is_not_worse():
    none = (((8, 0),), 12)
    book = {"2023-01-01": none, "2023-04-01": none, "2023-07-01": (((4, 1),), 12)}
    table = vintage.milestone_table(book_of(book, loans=100), [6])
    assert table.loc[6, "bad_rate_low"] > table.loc[6, "earlier_median_rate"]
    assert table.loc[6, "departure_rate"] == 0
    # twelve of a hundred are more than chance beside none of two hundred
    many = book | {"2023-07-01": (((4, 12),), 12)}
    worse = vintage.milestone_table(book_of(many, loans=100), [6])
    assert stats.fisher_exact([[12, 88], [0, 200]]).pvalue < 0.05
    assert worse.loc[6, "departure_rate"] > 0


def test_without_a_departure_the_words_say_so():
    calm = {cohort: (CALM, 12) for cohort in list(TURN)[:3]}
    table = vintage.milestone_table(book_of(calm))
    text = vintage.milestone_text(table)
    assert text.startswith("At no month does the newest cohort alone depart")
    assert "comes month 12, by which 2023Q3 has **4.00%** bad" in text
    assert vintage.milestone_findings(table, 6) == []
    assert "for the worse" not in text
    assert (
        vintage.milestone_figures(table, 6)["Newest cohorts of 6 months, against earlier ones"]
        == "as usual"
    )


def test_what_one_test_would_call_worse_is_no_finding_among_several():
    book = {cohort: (CALM, 12) for cohort in list(TURN)[:3]}
    book["2023-10-01"] = (((4, 11),), 6)
    table = vintage.milestone_table(book_of(book))
    assert table.loc[6, "p_value"] < 0.05
    assert (table["departure_rate"] == 0).all()
    assert vintage.milestone_findings(table, 12) == []
    assert vintage.milestone_text(table).count("month 6, by which 2023Q4") == 1


def test_a_single_cohort_has_nothing_to_be_compared_with():
    table = vintage.milestone_table(book_of({"2023-01-01": (CALM, 12)}))
    assert table["earlier"].tolist() == [0] * 4
    assert table[["earlier_median_rate", "departure_rate"]].isna().all(axis=None)
    assert vintage.milestone_text(table) == "No earlier cohort is there to compare the newest with."
    assert vintage.milestone_figures(table, 12) == {}


def test_milestones_of_counts_are_those_of_the_book_and_cohorts_can_be_of_any_length():
    book = book_of(TURN)
    counts = vintage.cohort_counts(book)
    pd.testing.assert_frame_equal(vintage.milestone_table(counts), vintage.milestone_table(book))
    months = vintage.milestone_table(counts, [6], cohort_freq="M")
    assert months["newest"].tolist() == ["2023-10"]
    years = vintage.milestone_table(counts, [6], cohort_freq="Y")
    assert years[["newest", "loans", "bad"]].to_numpy().tolist() == [["2023", 800, 32]]
    with pytest.raises(ValueError, match="level must lie in"):
        vintage.milestone_table(counts, level=1)

"""What a price table says: whom the cap declines, what is clipped, and how sure that is."""

from __future__ import annotations

import pandas as pd
import pytest

from riskkit import offers

CAP = pd.Series(
    {"cap_rate": 0.24, "measured_by": "nominal", "verify": True}, name="Assisted lending"
)
PRICED, AT_CAP, CAP_BELOW, LOSE_AT_CAP, NOTHING, LOSE = (
    "priced", "at cap", "cap below break-even", "takers lose at cap", "no price pays",
    "takers lose",
)  # fmt: skip


def table_of(*rows):
    """Rows of (grade, term, applications, status, sure, bads)."""
    table = pd.DataFrame(
        rows, columns=["grade", "term_months", "applications", "status", "sure", "bad"]
    ).set_index(["grade", "term_months"])
    table["asked_amount"] = 10.0 * table["applications"]
    table["offer_apr"] = table["status"].map({PRICED: 0.2, AT_CAP: 0.24})
    return table


MIXED = table_of(
    ("A", 3, 400, PRICED, True, 40),
    ("A", 12, 100, AT_CAP, False, 40),
    ("B", 3, 200, CAP_BELOW, True, 12),
    ("B", 12, 200, CAP_BELOW, False, 12),
    ("C", 12, 100, NOTHING, True, 90),
)


def test_clipped_and_declined_cells_are_counted_with_their_range():
    text = offers.price_text(MIXED, "CNY", cap=CAP)
    assert "Of 5 cells of grade and term, 1 is priced below the cap of 24.00%" in text
    assert r"(Assisted lending\, nominal\, to be verified)" in text
    assert "1 (100 applications) at it" in text
    assert "**2 cells are declined because the cap lies below their break-even price**" in text
    assert "400 applications (40.0%), asking for 4,000 CNY" in text
    assert "**1 cell is declined because no price at all pays for it**: 100" in text
    # sure: B over 3 and C; at most: also B over 12 and A over 12
    assert "Of 2 cells the 95 % interval" in text
    assert "between 30.0% and 60.0% of the applications are declined" in text
    assert "Grade B rests on fewer than 30 bads: too few to say" in text


def test_what_the_best_prices_would_earn_more_is_no_figure_to_rely_on():
    columns = ["profit_amount", "profit_low", "profit_high"]
    table = table_of(("A", 3, 400, PRICED, True, 40), ("B", 3, 100, LOSE, True, 50))
    table[columns] = [[10.0, 8.0, 11.0], [float("nan")] * 3]
    best = [f"best_{name}" for name in columns]
    table[best] = [[15.0, 14.0, 15.5], [2.0, 1.0, 3.0]]
    text = offers.price_text(table, "CNY")
    # 400 × 10, 8 and 11; 400 × 5 + 100 × 2 more
    assert "expected to earn 4,000 CNY above funding (3,200 to 4,400, were every grade" in text
    assert "some 2,000 more" in text
    assert "2,200" not in text
    assert "**under the demand assumed**" in text
    assert "no reason to charge more until prices are tested at random" in text
    table[best] = table[columns].to_numpy()
    assert "as much as the most profitable lawful ones" in offers.price_text(table, "CNY")
    assert offers.price_findings(table) == [
        ("Price", "no lawful price pays for 20.0% (20.0% to 20.0%) of the applications", False)
    ]


def test_a_cap_that_would_pay_but_not_for_its_takers_is_told_as_that():
    table = table_of(("A", 1, 135, LOSE_AT_CAP, False, 40), ("A", 12, 865, PRICED, True, 40))
    text = offers.price_text(table, "CNY", cap=CAP)
    assert "None is declined because the cap lies below its break-even price." in text
    assert "**1 cell is declined because at the cap those who take it fail too often**: 135" in text
    assert offers.price_figures(table)["Declined by price, of applications"].startswith("13.5%")


def test_shares_are_told_of_all_who_applied_as_well_as_of_those_priced():
    about = {"cap": CAP, "n_asked": 4_000}
    text = offers.price_text(MIXED, "CNY", **about)
    assert "400 applications (40.0% of the approved, 10.0% of all)" in text
    assert "between 7.5% and 15.0% of all applications are declined" in text
    figures = offers.price_figures(MIXED, **about)
    assert figures["Declined by price, of all applications"] == "12.5% (7.5% to 15.0%)"
    told = offers.price_findings(MIXED, **about)[0][1]
    assert told == (
        "no lawful price pays for 500 of the approved, 12.5% (7.5% to 15.0%) of all applications"
    )


JUDGED = {
    "grade_probability": 0.08, "judged_n": 276, "judged_bad": 13, "judged_rate": 0.047,
    "judged_rate_low": 0.027, "judged_rate_high": 0.077, "judged_light": "green",
    "break_even_apr": 0.147, "break_even_judged": 0.114,
}  # fmt: skip


def test_a_grade_priced_outside_what_the_judging_loans_bear_out_is_told_and_found():
    table = table_of(("D", 3, 45, CAP_BELOW, False, 14), ("D", 12, 645, PRICED, True, 14))
    table = table.assign(**JUDGED, judged_apr=[0.24, 0.2])
    sentence = (
        "priced at a probability of 8.00% (14 bads), and of the loans that judge 4.70% turned bad"
    )
    text = offers.price_text(table, "CNY")
    assert f"**Grade D is {sentence}** (13 of 276, 2.70% to 7.70%; which chance can" in text
    assert "break-even over 12 months would be 11.4% instead of 14.7%, and 1 more of its 2" in text
    assert "terms would get an offer (45 applications)." in text
    *_, (topic, found, red) = offers.price_findings(table)
    assert (topic, red) == ("Priced risk", False)
    assert sentence in found
    assert "beyond chance" in offers.price_text(table.assign(judged_light="red"), "CNY")
    nan = float("nan")
    # the other way: dearer than priced
    worse = table.assign(grade_probability=0.01, judged_apr=[nan] * 2)
    assert "and 1 more of its 2 terms would get none (645 applications)" in offers.price_text(
        worse, "CNY"
    )
    # where no price pays at either rate, no price is told
    never = table.assign(break_even_apr=nan, break_even_judged=nan)
    assert "break-even" not in offers.price_text(never, "CNY").partition("Grade D")[2]
    # within the interval, or where nobody judges, there is nothing to tell
    nobody = table.assign(judged_rate_low=nan, judged_rate_high=nan)
    for silent in (table.assign(grade_probability=0.05), nobody):
        assert "loans that judge" not in offers.price_text(silent, "CNY")
        assert len(offers.price_findings(silent)) == 1


def test_a_sure_table_has_no_doubts_and_no_findings():
    table = table_of(("A", 3, 400, PRICED, True, 40), ("B", 3, 10, PRICED, True, 50))
    text = offers.price_text(table, "CNY")
    assert "2 are priced." in text
    assert "cap" not in text
    assert "interval" not in text
    assert "too few" not in text
    assert offers.price_findings(table) == []
    assert offers.price_figures(table) == {
        "Declined by price, of applications": "0.0% (0.0% to 0.0%)",
        "Prices offered, APR": "20.0%",
    }


def test_nobody_to_price_is_said():
    assert offers.price_text(MIXED.iloc[:0], "CNY").startswith("There is nothing to price")


@pytest.mark.parametrize(("sure", "red"), [(True, True), (False, False)])
def test_declining_more_than_half_is_red_only_where_it_is_sure(sure, red):
    table = table_of(("A", 3, 40, PRICED, True, 40), ("B", 3, 60, CAP_BELOW, sure, 50))
    (topic, text, is_red), cap = offers.price_findings(table, cap=CAP)
    assert (topic, is_red) == ("Price", red)
    assert "no lawful price pays for 60.0%" in text
    assert cap == ("Cap", "the line of 24.00% (Assisted lending, nominal, to be verified) decides "
                   "prices", False)  # fmt: skip
    verified = CAP.copy()
    verified["verify"] = False
    assert len(offers.price_findings(table, cap=verified)) == 1


def test_figures_tell_the_range_of_prices_and_the_cap():
    figures = offers.price_figures(MIXED, cap=CAP)
    assert figures["Prices offered, APR"] == "20.0% to 24.0%"
    assert figures["Declined by price, of applications"] == "50.0% (30.0% to 60.0%)"
    assert figures["Cap on the price"] == "24.00% nominal"


def test_names_of_others_are_shown_as_they_are():
    cap = CAP.rename("<b>line</b>")
    assert "<b>" not in offers.price_text(MIXED, "CNY", cap=cap)


def test_subsidies_name_the_cheapest_cells():
    index = pd.MultiIndex.from_tuples(
        [(0.0, "A", 3), (0.0, "A", 12), (0.029, "A", 3), (0.029, "A", 12)],
        names=["plan_apr", "grade", "term_months"],
    )
    table = pd.DataFrame(
        {
            "subsidy_rate": [0.02, 0.05, 0.0, 0.03],
            "subsidy_low": [0.018, 0.045, 0.0, float("nan")],
            "subsidy_high": [0.025, 0.06, 0.0, float("nan")],
        },
        index=index,
    )
    text = offers.subsidy_text(table)
    assert "An interest-free plan pays for itself nowhere." in text
    assert "least of grade A over 3 months: 2.00% (1.80% to 2.50%); grade A over 12" in text
    assert "A plan at 2.90% pays for itself in 1 of 2 cells of grade and term." in text
    assert text.endswith("grade A over 12 months: 3.00%.")
    nothing = table.assign(subsidy_rate=float("nan")).loc[[0.0]]
    assert offers.subsidy_text(nothing) == "An interest-free plan: what it costs is not known."

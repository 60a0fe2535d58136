"""The platform that grew too fast: its ledger by hand and to the fen, its story on one world."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from studies import compare
from studies import growth_case as study

from riskkit import funding, synthetic
from riskkit.checks import DataContractError
from riskkit.funding import Platform
from riskkit.funding.growth_case import platform_ledger


def book(loans, n_months, first="2024-01-31"):
    """Applications and panel of loans: (month lent, amount, fee rate, balances, days past due).

    What a balance falls by is paid, and 100 of interest with it.
    """
    ends = pd.date_range(first, periods=n_months, freq="ME")
    asked, rows = [], []
    for number, (start, amount, fee_rate, balances, dpds) in enumerate(loans):
        asked.append((f"L{number}", amount, fee_rate))
        before = amount
        for mob, (balance, dpd) in enumerate(zip(balances, dpds, strict=True)):
            if start + mob >= n_months:
                break
            paid = before - balance + 100 if balance < before else 0
            end = ends[start + mob]
            status = "matured" if balance == 0 else "current" if dpd == 0 else "delinquent"
            cohort = ends[start] + pd.offsets.MonthBegin(-1)
            rows.append((f"L{number}", cohort, mob, end, balance, dpd, status, paid, 0))
            before = balance
    names = ["loan_id", "cohort", "mob", "month_end", "balance", "dpd", "status", "paid_amount"]
    panel = pd.DataFrame(rows, columns=[*names, "recovered_amount"])
    return pd.DataFrame(asked, columns=["application_id", "booked_amount", "offer_fee_rate"]), panel


# One loan of 10,000 is owed on the first day and never paid; in month 1 another of 10,000 is lent
# for a fee of 2 %, and paid back half by half. The first is 31 days late in month 2, 92 in month 4.
TWO_LOANS = [
    (0, 10_000, 0.0, [10_000] * 5, [0, 0, 31, 61, 92]),
    (1, 10_000, 0.02, [10_000, 5_000, 0], [0, 0, 0]),
]
PLAIN = Platform(
    equity_rate=0.4, cash_rate=0.1, advance_rate=0.8, limit_rate=1.5, line_rate=0.12,
    covenant_rate=0.7, covenant_months=1, amortising_months=2,
    acquisition_amount=50, servicing_amount=10,
)  # fmt: skip


def test_a_ledger_by_hand():
    # it begins with 1,000 of cash and 7,000 of debt; interest is 1 % of the debt before
    table = platform_ledger(*book(TWO_LOANS, 5), PLAIN, "2024-01-31")
    assert table["balance"].tolist() == [20_000, 15_000, 10_000, 10_000]
    assert table["performing_amount"].tolist() == [20_000, 5_000, 0, 0]
    assert table["lent_amount"].tolist() == [10_000, 0, 0, 0]
    assert table["fee_amount"].tolist() == [200, 0, 0, 0]
    assert table["collected_amount"].tolist() == [0, 5_100, 5_100, 0]
    assert table["cost_amount"].tolist() == [70, 20, 10, 10]
    # 1: 1,000 + 200 − 10,000 − 70 − 70 = −8,940; 2,000 are to be held, but of the lines' limit of
    #    15,000 only 8,000 are left
    # 2: −940 + 5,100 − 20 − 150 = 3,990; the lines lend 80 % of 5,000 and take 11,000 back
    # 3: it broke the covenant (10,000 of 15,000 is below, 10,000 of 10,000 is not)
    assert table["interest_amount"].tolist() == [70, 150, 40, 0]
    assert table["drawn_amount"].tolist() == [8_000, -11_000, -4_000, 0]
    assert table["debt_amount"].tolist() == [15_000, 4_000, 0, 0]
    assert table["cash_amount"].tolist() == [-940, -7_010, -5_960, -5_970]
    assert table["covenant_rate"].round(4).tolist() == [0, 0.6667, 1, 1]
    assert table["balance_90_rate"].tolist() == [0, 0, 0, 1]
    assert table["is_broken"].tolist() == [False, False, True, True]


def test_lines_that_stop_are_repaid_in_equal_parts():
    # all of a loan of 9,000 performs but for 31 days in month 1, when the covenant breaks
    loans = [(0, 9_000, 0.0, [9_000, 9_000, 9_000, 9_000], [0, 0, 0, 0])]
    loans.append((0, 1_000, 0.0, [1_000] * 4, [0, 31, 0, 0]))
    platform = dataclasses.replace(PLAIN, covenant_rate=0.05, line_rate=0.0, servicing_amount=0)
    table = platform_ledger(*book(loans, 4), platform, "2024-01-31")
    assert table["is_broken"].tolist() == [True, True, True]
    assert table["debt_amount"].tolist() == [7_000, 3_500, 0]
    assert table["drawn_amount"].tolist() == [0, -3_500, -3_500]

    # and what no longer performs is to be repaid at once: 80 % of 1,000 is left
    loans[0] = (0, 9_000, 0.0, [9_000] * 4, [0, 0, 31, 61])
    table = platform_ledger(*book(loans, 4), platform, "2024-01-31")
    assert table["debt_amount"].tolist() == [7_000, 800, 0]


def test_what_is_lent_after_the_stop_is_not_there():
    table = platform_ledger(*book(TWO_LOANS, 5), PLAIN, "2024-01-31", stop_after="2024-01-31")
    assert table["lent_amount"].tolist() == [0, 0, 0, 0]
    assert table["collected_amount"].tolist() == [0, 0, 0, 0]
    assert table["balance"].tolist() == [10_000] * 4


@st.composite
def books(draw):
    n_months = draw(st.integers(3, 7))
    loans = [(0, 5_000, 0.0, [5_000] * 7, [0, 0, 0, 31, 61, 92, 122])]
    for _ in range(draw(st.integers(0, 6))):
        start, amount = draw(st.integers(0, n_months - 1)), draw(st.integers(1, 9_999))
        falls = sorted(draw(st.lists(st.integers(0, amount), min_size=3, max_size=3)))[::-1]
        dpds = [0, *draw(st.lists(st.sampled_from([0, 15, 45, 95]), min_size=3, max_size=3))]
        loans.append((start, amount, draw(st.sampled_from([0.0, 0.013])), [amount, *falls], dpds))
    return book(loans, n_months)


PLATFORMS = [PLAIN, Platform(), Platform(covenant_months=1, covenant_rate=0.2, limit_rate=1.0)]


@settings(max_examples=40, deadline=None)
@given(books(), st.sampled_from(PLATFORMS))
def test_cash_and_debt_are_conserved_to_the_fen(tables, platform):
    asked, panel = tables
    table = platform_ledger(asked, panel, platform, "2024-01-31")
    opening = int(panel.loc[panel["month_end"] == "2024-01-31", "balance"].sum())
    cash = round(platform.cash_rate * opening)
    debt = opening + cash - round(platform.equity_rate * opening)
    limit = round(platform.limit_rate * opening)
    was_broken = False
    for _, row in table.iterrows():
        came = row["collected_amount"] + row["fee_amount"] + row["drawn_amount"]
        went = row["lent_amount"] + row["cost_amount"] + row["interest_amount"]
        cash, debt = cash + came - went, debt + row["drawn_amount"]
        assert (row["cash_amount"], row["debt_amount"]) == (cash, debt)
        assert debt >= 0
        if row["drawn_amount"] > 0:
            assert not was_broken
            most = round(platform.advance_rate * int(row["performing_amount"]))
            assert debt <= min(limit, most)
        was_broken = was_broken or row["is_broken"]
        assert row["is_broken"] == was_broken
    lent = panel[(panel["mob"] == 0) & (panel["month_end"] > "2024-01-31")]
    assert table["lent_amount"].sum() == lent["balance"].sum()
    later = panel[panel["month_end"] > "2024-01-31"]
    assert table["collected_amount"].sum() == later["paid_amount"].sum()


def test_what_cannot_be_is_refused():
    asked, panel = book(TWO_LOANS, 5)
    with pytest.raises(ValueError, match="owed nothing on 2023-06"):
        platform_ledger(asked, panel, PLAIN, "2023-06-30")
    with pytest.raises(DataContractError, match="offer_fee_rate"):
        platform_ledger(asked.drop(columns="offer_fee_rate"), panel, PLAIN, "2024-01-31")
    with pytest.raises(ValueError, match="every loan must have its application, 1 have none"):
        platform_ledger(asked[:1], panel, PLAIN, "2024-01-31")
    for given_values, told in (
        ({"equity_rate": 0}, r"equity_rate must lie in \(0, 1\], got 0"),
        ({"line_rate": 1.2}, r"line_rate must lie in \[0, 1\], got 1\.2"),
        ({"amortising_months": 0}, "amortising_months must be > 0, got 0"),
        ({"servicing_amount": -1}, "servicing_amount must be >= 0, got -1"),
    ):
        with pytest.raises(ValueError, match=told):
            Platform(**given_values)


# -- the story -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def case():
    return funding.growth_case(synthetic.Lender(n_months=24), 12_000, 2)


def colours(**lights):
    """A history of lights: name to month and colour of its rows, known at the month's end."""
    end = pd.offsets.MonthEnd(0)
    rows = [
        (light, pd.Timestamp(month), 0.05, 0.02, colour, pd.Timestamp(month) + end)
        for light, months in lights.items()
        for month, colour in months.items()
    ]  # fmt: skip
    names = ["light", "month", "value", "expected", "colour", "known"]
    return pd.DataFrame(rows, columns=names).set_index(["light", "month"])


def test_growth_empties_the_platform_that_lasts_without_it(case):
    assert case.lender.n_months == 36  # whatever the lender's own months are
    assert case.onset == pd.Timestamp("2023-07-31")
    assert case.broken <= case.gone
    assert (case.calm_ledger["cash_amount"] > 0).all()
    assert not case.calm_ledger["is_broken"].any()
    # alike before the onset, and then more than three times as large
    before = [t["balance"].iloc[0] for t in (case.ledger, case.calm_ledger)]
    assert 0.8 < before[0] / before[1] < 1.25
    assert case.ledger.loc[case.gone, "balance"] > 3 * before[0]
    # what everybody looks at is lower half a year after the onset than before it
    naive = case.ledger["balance_90_rate"]
    assert naive.iloc[8] < naive.iloc[2]
    # had nothing been lent any more half a year after the onset, it would have lasted
    assert (case.stopped("2024-01-31")["cash_amount"] > 0).all()


def test_a_light_counts_from_the_month_end_at_which_it_is_seen_and_once_it_has_turned(case):
    history = colours(
        applications={"2023-06-01": "red", "2023-07-01": "red", "2023-08-01": "red"},
        channel_partner={"2023-06-01": "red", "2023-07-01": "green", "2023-08-01": "red"},
        fpd7={"2023-07-01": "green", "2023-09-01": "red"},
        m0_m1={"2023-05-01": "red", "2023-06-01": "green"},
    )
    late = history.index.get_level_values("light") == "fpd7"
    history.loc[late, "known"] += pd.Timedelta(days=7)
    reds = case.reds(history)
    assert reds["month"].to_dict() == {
        "channel_partner": pd.Timestamp("2023-08-31"), "fpd7": pd.Timestamp("2023-10-31"),
    }  # fmt: skip
    assert reds["is_payment"].to_dict() == {"channel_partner": False, "fpd7": True}
    assert case.reds(history[:0]).empty


def test_the_months_of_the_story_end_with_the_money(case):
    reds = case.reds(colours(approval={"2023-08-01": "red"}, fpd7={"2023-10-01": "red"}))
    months = case.months(reds, {"fpd7": "First instalment late"})
    assert months.index[-1] == case.gone + pd.offsets.MonthEnd(1)
    events = months["event"][months["event"] != ""].to_dict()
    assert events == {
        case.onset: "lending is loosened",
        pd.Timestamp("2023-08-31"): "red: approval",
        pd.Timestamp("2023-10-31"): "red: First instalment late",
        case.broken: "covenant broken" + ("; money gone" if case.broken == case.gone else ""),
        case.gone: ("covenant broken; " if case.broken == case.gone else "") + "money gone",
    }
    assert case.marks(reds) == {
        "lending loosened": case.onset, "first red light of payments": pd.Timestamp("2023-10-31"),
        "covenant broken": case.broken, "money gone": case.gone,
    }  # fmt: skip
    assert list(case.marks(reds[:0]))[:2] == ["lending loosened", "covenant broken"]
    # of loans lent in October 2023, known at the end of January
    panel = case.grown.performance
    own = panel[(panel["cohort"] == "2023-10-01") & (panel["mob"] <= 3)]
    late = own.groupby("loan_id")["dpd"].max() > 30
    assert months.loc["2024-01-31", "young_30_rate"] == pytest.approx(late.mean())


def test_the_story_in_words(case):
    reds = case.reds(colours(approval={"2023-08-01": "red"}, fpd7={"2023-10-01": "red"}))
    none, labels = reds[:0], {"approval": "Approval rate"}
    text = funding.growth_text(case, reds, none, labels, "CNY")
    assert "In July 2023 the lender loosens its policy" in text
    assert f"**In {case.gone:%B %Y} the money is gone**" in text
    assert "**Monitoring would have shown it in August 2023**" in text
    assert "red was Approval rate. That tells that other people are lent to. That they pay" in text
    assert "showed in October 2023: fpd7 at 5.0% where 2.0% was expected" in text
    assert "Had it lent nothing more from that light on, it would have lasted" in text
    assert "no light turned red in the same months." in text
    assert " nan" not in text
    silent = funding.growth_text(case, none, reds, labels, "CNY")
    assert "**No light was red in time:**" in silent
    assert "2 lights turned red in the same months." in silent


def test_a_case_that_proves_nothing_says_so(case):
    rich = dataclasses.replace(case, ledger=case.calm_ledger)
    text = funding.growth_text(rich, case.reds(colours()), case.reds(colours()), {}, "CNY")
    assert "**It never runs out of money: this case proves nothing.**" in text
    assert "There was nothing to act on." in text
    thin = dataclasses.replace(case, calm_ledger=case.ledger)
    text = funding.growth_text(thin, case.reds(colours()), case.reds(colours()), {}, "CNY")
    assert "**The same lender without growth runs out of money as well, in" in text


# -- other worlds: the study -----------------------------------------------------------------------


def test_in_other_worlds_growth_empties_it_and_a_light_is_red_months_before():
    told = study.summary(study.STUDY.rows())
    n = int(told["worlds"])
    assert n == 50
    assert told["gone"] == 1
    assert told["calm"] >= stats.binom.ppf(0.001, n, 0.95) / n
    assert told["shown_before_gone"] == 1
    assert told["lead_median"] >= 6
    assert told["acted"] > told["stopped"]


def test_a_world_that_was_not_judged_is_as_the_study_found_them(record_property):
    found = study.measure(seed=3)
    names = ("red", "red_payment", "broken", "gone", "naive_then", "acted", "stopped")
    compare(study.STUDY, {name: found[name] for name in names}, record_property)

"""The evidence for a definition of bad."""

import numpy as np
import pandas as pd
import pytest

from riskkit import schema, synthetic, target
from riskkit.target import BadDefinition

OBSERVED = pd.Timestamp("2024-03-31")
NINETY = BadDefinition(dpd=90, window_months=6)
LENDER = synthetic.Lender()


def panel(**loans):
    """Panel of loans given as (cohort, days past due from month 0, status of the last row)."""
    parts = []
    for loan, (cohort, dpd, last) in loans.items():
        status = ["delinquent" if days else "current" for days in dpd]
        status[-1] = last or status[-1]
        ends = pd.date_range(cohort, periods=len(dpd), freq="ME")
        parts.append(
            pd.DataFrame(
                {
                    "loan_id": loan, "cohort": pd.Timestamp(cohort), "mob": range(len(dpd)),
                    "month_end": ends, "balance": 100, "dpd": dpd, "status": status,
                }
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


# terms of 4 months, so the cohorts of January to May 2023 are watched to the end (10 months)
BOOK = panel(
    good=("2023-01-01", [0, 0, 0, 0, 0], "matured"),
    slow=("2023-01-01", [0, 0, 40, 0, 0], "matured"),
    lost=("2023-01-01", [0, 0, 31, 61, 92, 120, 150], None),
    back=("2023-02-01", [0, 0, 31, 61, 92, 120, 0], "matured"),  # 90+ in month 4, then paid off
    late=("2023-02-01", [0, 0, 0, 0, 0, 31, 61, 91, 0], "charged_off"),  # 90+ in month 7, then sold
    sixty=("2023-02-01", [0, 0, 31, 61, 0], "matured"),
    young=("2023-11-01", [0, 0, 31, 61, 92], None),  # its cohort is seen to month 4
)
TERMS = pd.Series(4, index=BOOK["loan_id"].unique())
OUTCOMES = pd.DataFrame(
    {
        "loan_id": list("abcde"),
        "cohort": pd.to_datetime(["2023-01-01", "2023-01-01", "2023-04-01", "2023-04-01",
                                  "2024-02-01"]),
        "term_months": 6,
        "amount": 1,
        "event": ["default", "default", "default", "matured", "censored"],
        "event_mob": [3, 8, 5, 6, 1],
    }
)  # fmt: skip


def table(book=BOOK, chosen=NINETY, terms=TERMS, **settings):
    return target.definition_table(book, chosen, OBSERVED, terms, **settings)


@pytest.fixture(scope="module")
def simulated():
    portfolio = synthetic.simulate(LENDER, 4_000, seed=3)
    terms = portfolio.applications.set_index("application_id")["term_months"]
    return portfolio.performance, terms, portfolio.truth, LENDER.observed_to


def loan_by_loan(book, terms, observed):
    """Facts of each loan, one at a time."""
    facts = []
    for loan, rows in book.groupby("loan_id"):
        first = {}
        for dpd in (30, 60, 90):
            past = rows["mob"][(rows["dpd"] > dpd) | (rows["status"] == "charged_off")]
            first[dpd] = past.min() if len(past) else np.inf
        last, cohort = rows.iloc[-1], rows["cohort"].iloc[0]
        seen = (observed.year - cohort.year) * 12 + observed.month - cohort.month
        facts.append(
            {
                "cohort": cohort, "seen": seen, "term": terms[loan], "worst": rows["dpd"].max(),
                "back": last["dpd"] == 0 and last["status"] != "charged_off",
                **{f"first_{dpd}": month for dpd, month in first.items()},
            }
        )  # fmt: skip
    return pd.DataFrame(facts)


# -- alternatives -------------------------------------------------------------------------------


def test_definitions_of_small_book_by_hand():
    found = table(alternatives=[NINETY, BadDefinition(dpd=30, window_months=6),
                                BadDefinition(dpd=90, window_months=4),
                                BadDefinition(dpd=90, window_months=12)])  # fmt: skip

    # final bads: lost, back, late. young is not watched to the end
    assert found.index.tolist() == ["90+, 6 months", "30+, 6 months", "90+, 4 months",
                                    "90+, 12 months"]  # fmt: skip
    assert found["chosen"].tolist() == [True, False, False, False]
    assert found["labelled"].tolist() == [6, 6, 7, 6]
    assert found["bad"].tolist() == [2, 5, 3, 3]
    np.testing.assert_allclose(found["bad_rate"], [2 / 6, 5 / 6, 3 / 7, 3 / 6])
    assert (found["indeterminate"] == 0).all()
    np.testing.assert_allclose(found["caught_rate"], [2 / 3, 1, 2 / 3, 1])
    # of lost and back; of slow, lost, back, late and sixty; of lost, back and late
    np.testing.assert_allclose(found["came_back_rate"], [1 / 2, 3 / 5, 1 / 2, 1 / 3])
    cohorts = pd.to_datetime(["2023-02-01", "2023-02-01", "2023-11-01", "2023-02-01"])
    assert found["last_cohort"].tolist() == list(cohorts)


def test_indeterminates_of_a_definition_are_counted_and_have_no_label():
    chosen = BadDefinition(dpd=90, window_months=6, indeterminate_dpd=60)

    found = table(chosen=chosen, alternatives=[chosen])

    # sixty, and late, which is bad only after the window
    row = found.loc["90+, 6 months, 61–90 left out"]
    assert row[["indeterminate", "labelled", "bad"]].tolist() == [2, 4, 2]
    assert row["bad_rate"] == 0.5


def test_alternatives_are_a_grid_and_hold_the_chosen_one_once():
    chosen = BadDefinition(dpd=60, window_months=12, indeterminate_dpd=30)
    grid = target.alternative_definitions(chosen, [6, 12])
    assert grid.count(chosen) == 1
    assert [(d.dpd, d.window_months, d.indeterminate_dpd) for d in grid] == [
        (30, 6, None), (30, 12, None), (60, 6, 30), (60, 12, 30), (90, 6, 30), (90, 12, 30),
    ]  # fmt: skip
    by_term = BadDefinition(dpd=90, by_term={3: 6})
    grid = target.alternative_definitions(by_term, [6], dpd=[90])
    assert [d.window_months for d in grid] == [6, 12, 12]
    assert grid[-1] == by_term
    assert [d.by_term for d in grid[:-1]] == [None, None]
    any_time = BadDefinition(dpd=None, window_months=None)
    grid = target.alternative_definitions(any_time, [12, 24])
    assert [(d.dpd, d.window_months) for d in grid] == [(None, 12), (None, 24), (None, None)]


def test_windows_follow_the_longest_usual_term():
    assert target.windows_to_compare(pd.Series([36] * 9 + [60])) == (30, 45, 60, 90)
    # a term of one loan in fifty is not usual
    assert target.windows_to_compare(pd.Series([12] * 49 + [60])) == (6, 9, 12, 18)
    assert target.windows_to_compare(pd.Series([1, 1])) == (1, 2)
    # where every term is rare, all are usual
    assert target.windows_to_compare(pd.Series(range(1, 41))) == (20, 30, 40, 60)
    with pytest.raises(ValueError, match="the term of at least one loan"):
        target.windows_to_compare(pd.Series([], dtype="int64"))


def test_definition_in_few_words():
    assert target.definition_text(BadDefinition()) == "90+, 12 months"
    any_time = BadDefinition(dpd=None, window_months=None, indeterminate_dpd=30)
    assert target.definition_text(any_time) == "charged off, any time, 30+ left out"


def test_outcomes_compare_windows_only():
    chosen = BadDefinition(dpd=None, window_months=6)

    found = table(OUTCOMES, chosen, None)

    assert found.index.tolist() == [f"charged off, {w} months" for w in (3, 4, 6, 9)]
    assert found["bad"].tolist() == [1, 1, 2, 3]
    assert found["labelled"].tolist() == [4, 4, 4, 4]
    # final bads are a and b, seen for 14 months, not c, seen for 11 of the 12 needed
    np.testing.assert_allclose(found["caught_rate"], [0.5, 0.5, 0.5, 1])
    assert found["came_back_rate"].isna().all()
    assert found.loc["charged off, 6 months", "last_cohort"] == pd.Timestamp("2023-04-01")


def test_without_a_window_the_last_cohort_is_one_whose_loans_have_all_ended():
    chosen = BadDefinition(dpd=None, window_months=None)
    april = OUTCOMES["cohort"].where(OUTCOMES["loan_id"] != "e", pd.Timestamp("2023-04-01"))
    mixed = OUTCOMES.assign(cohort=april)

    assert table(OUTCOMES, chosen, None)["last_cohort"].iloc[-1] == pd.Timestamp("2023-04-01")
    assert table(mixed, chosen, None)["last_cohort"].iloc[-1] == pd.Timestamp("2023-01-01")
    censored = OUTCOMES.assign(event="censored")
    row = table(censored, chosen, None).iloc[-1]
    assert row[["last_cohort", "bad_rate", "caught_rate"]].isna().all()
    assert row["labelled"] == 0


def test_with_no_window_terms_wait_for_their_own_only():
    short = panel(
        a=("2023-01-01", [0, 0], "matured"),
        b=("2023-01-01", [0, 0, 0], None),
        c=("2023-01-01", [0, 0, 31], "charged_off"),
    )
    any_time = BadDefinition(window_months=None)
    terms = pd.Series({"a": 1, "b": 24, "c": 1})

    apart = target.default_flags(short, any_time, OBSERVED, term_months=terms)
    together = target.default_flags(short, any_time, OBSERVED)

    assert apart[["a", "c"]].tolist() == [0, 1]
    assert np.isnan(apart["b"])
    assert together.isna().all()
    found = table(short, any_time, terms, alternatives=[any_time])
    assert found["labelled"].tolist() == [2]


def test_definitions_of_the_simulated_book_match_the_loop(simulated):
    book, terms, _, observed = simulated
    loans = loan_by_loan(book, terms, observed)
    watched = loans["seen"] >= loans["term"] + 6
    final = watched & (loans["first_90"] <= loans["seen"])
    chosen = BadDefinition(indeterminate_dpd=30)

    found = target.definition_table(book, chosen, observed, terms)

    assert len(found) == 12
    for definition in target.alternative_definitions(chosen, [6, 9, 12, 18]):
        row = found.loc[target.definition_text(definition)]
        bad = loans[f"first_{definition.dpd}"] <= definition.window_months
        known = loans["seen"] >= definition.window_months
        low = definition.indeterminate_dpd
        between = known & ~bad & (loans["worst"] > (np.inf if low is None else low))
        assert row["labelled"] == (known & ~between).sum()
        assert row["indeterminate"] == between.sum()
        assert row["bad"] == (known & bad).sum()
        assert row["bad_rate"] == pytest.approx(bad[known & ~between].mean())
        assert row["caught_rate"] == pytest.approx(bad[final].mean())
        assert row["came_back_rate"] == pytest.approx(loans["back"][bad & watched].mean())
        assert row["last_cohort"] == loans["cohort"][known].max()
    flags = target.default_flags(book, chosen, observed, term_months=terms)
    mine = found[found["chosen"]].iloc[0]
    assert mine["labelled"] == flags.notna().sum()
    assert mine["bad"] == flags.sum()


def test_bad_rates_by_window_are_those_of_the_truth(simulated):
    book, terms, truth, observed = simulated
    booked = terms[book["loan_id"].unique()]
    found = target.definition_table(book, BadDefinition(), observed, terms)
    cohorts = book.groupby("loan_id")["cohort"].first()

    for window in (6, 9, 12):
        known = cohorts + pd.DateOffset(months=window) <= observed
        ids = known.index[known]
        true = synthetic.true_curves(truth, pd.Series("all", index=ids)).loc["all", window]
        rate = found.loc[f"90+, {window} months", "bad_rate"]
        assert abs(rate - true) < 4 * np.sqrt(true * (1 - true) / len(ids))
    assert len(booked) == len(cohorts)


# -- the window ---------------------------------------------------------------------------------


def test_maturity_of_small_book_by_hand():
    found = target.window_maturity(BOOK, NINETY, OBSERVED, TERMS, windows=[4, 6, 12, 14])

    first = found.loc["2023Q1"]
    assert first["loans"].tolist() == [6, 6, 6, 6]
    # those of February are seen to month 13
    assert first["mature"].tolist() == [6, 6, 6, 3]
    assert first["mature_rate"].tolist() == [1, 1, 1, 0.5]
    assert first["bad"].tolist() == [2, 2, 3, 1]
    # until all cohorts of the quarter are seen to month 14, it has no bad rate there
    np.testing.assert_allclose(first["bad_rate"], [2 / 6, 2 / 6, 3 / 6, np.nan])
    np.testing.assert_allclose(first["shown_rate"], [2 / 3, 2 / 3, 1, np.nan])
    last = found.loc["2023Q4"]
    assert last["mature"].tolist() == [1, 0, 0, 0]
    assert last["bad_rate"].fillna(-1).tolist() == [1, -1, -1, -1]
    assert last["shown_rate"].isna().all()
    assert found.index.names == ["vintage", "window_months"]


def test_maturity_by_default_has_the_chosen_window_too():
    found = target.window_maturity(BOOK, BadDefinition(window_months=5), OBSERVED, TERMS)

    assert found.loc["2023Q1"].index.tolist() == [2, 3, 4, 5, 6]


def test_maturity_of_a_quarter_adds_up_to_the_definitions(simulated):
    book, terms, _, observed = simulated
    found = target.window_maturity(book, BadDefinition(), observed, terms)
    whole = target.definition_table(book, BadDefinition(), observed, terms)

    sums = found.groupby(level="window_months")[["mature", "bad"]].sum()
    for window in (6, 9, 12, 18):
        row = whole.loc[f"90+, {window} months"]
        assert sums.loc[window].tolist() == [row["labelled"], row["bad"]]
    curves = found["bad_rate"].unstack()[found["mature_rate"].unstack().eq(1)]
    assert (curves.diff(axis=1).iloc[:, 1:].fillna(0) >= 0).all(axis=None)


def test_outcomes_mature_too():
    found = target.window_maturity(OUTCOMES, BadDefinition(dpd=None), OBSERVED, None, windows=[6])

    assert found.loc[("2023Q1", 6)].tolist() == [2, 2, 1, 1, 0.5, 0.5]
    assert found.loc[("2024Q1", 6), "mature"] == 0


def test_timing_is_the_coverage_of_every_window(simulated):
    book, terms, _, observed = simulated
    timing = target.bad_timing(book, BadDefinition(), observed, terms)

    assert (timing.iloc[:, -1] == 1).all()
    for window in (5, 9, 12):
        coverage = target.window_coverage(
            book, BadDefinition(window_months=window), observed, terms
        )
        expected = coverage["caught_rate"].dropna()
        np.testing.assert_allclose(timing.loc[expected.index, window], expected)
    by_hand = target.bad_timing(BOOK, NINETY, OBSERVED, TERMS)
    assert by_hand.columns.tolist() == list(range(8))
    np.testing.assert_allclose(by_hand.loc[4], [0, 0, 0, 0, 2 / 3, 2 / 3, 2 / 3, 1])
    nobody = target.bad_timing(BOOK[BOOK["loan_id"] == "good"], NINETY, OBSERVED, TERMS)
    assert nobody.shape == (0, 0)


@pytest.mark.parametrize(
    ("caught", "back", "cohort", "text"),
    [
        (0.91, 0.08, "2023-12-01", "The chosen window is **long enough**: it catches 91% of the "
         "final bads; 8% of its bads came back; the last cohort with all its labels is that of "
         "December 2023."),
        (0.9, np.nan, None, "The chosen window is **long enough**: it catches 90% of the final "
         "bads."),
        (0.5, np.nan, None, "The chosen window is **too short**: it catches 50% of the final bads, "
         "less than 90%."),
        (np.nan, np.nan, None, "The chosen window **cannot be judged** yet: no bad loan was "
         "watched to its end."),
    ],
)  # fmt: skip
def test_text_judges_the_window(caught, back, cohort, text):
    rows = pd.DataFrame(
        {
            "chosen": [False, True],
            "caught_rate": [1.0, caught],
            "worst_term": np.nan,
            "worst_caught_rate": np.nan,
            "came_back_rate": [0.5, back],
            "last_cohort": pd.to_datetime(["2024-01-01", cohort]),
        }
    )
    assert target.window_text(rows) == text
    with pytest.raises(ValueError, match=r"enough must be in \(0, 1\]"):
        target.window_text(rows, enough=0)
    with pytest.raises(ValueError, match="one definition must be the chosen one, got 0"):
        target.window_text(rows.iloc[:1])


@pytest.mark.parametrize(
    ("caught", "worst", "text"),
    [
        (0.91, 0.803, "**long enough over all, but too short for 12-month loans**: it catches 91% "
         "of the final bads, of those of 12-month loans 80%, less than 90%."),
        (0.97, 0.93, "**long enough**: it catches 97% of the final bads, of those of 12-month "
         "loans 93%."),
        (0.7, 0.6, "**too short**: it catches 70% of the final bads, less than 90%, of those of "
         "12-month loans 60%."),
        (0.91, 0.91, "**long enough**: it catches 91% of the final bads."),
    ],
)  # fmt: skip
def test_text_names_the_term_that_the_window_serves_worst(caught, worst, text):
    row = {"caught_rate": caught, "worst_term": 12, "worst_caught_rate": worst}
    rows = pd.DataFrame([row | {"chosen": True, "came_back_rate": None, "last_cohort": pd.NaT}])
    assert target.window_text(rows) == f"The chosen window is {text}"


def test_worst_term_is_the_one_whose_bads_the_window_misses_most():
    # of the 3-month loans 60 are bad by month 5; of the 12-month loans 20 by month 5, 20 by 14; of
    # the 6-month loans, too few to say, none by month 6
    sizes = {(3, 5): 60, (12, 5): 20, (12, 14): 20, (6, 9): 29}
    rows = [pair for pair, n in sizes.items() for _ in range(n)]
    outcomes = pd.DataFrame(rows, columns=["term_months", "event_mob"]).assign(
        cohort=pd.Timestamp("2023-01-01"), amount=1, event="default"
    )
    outcomes["loan_id"] = outcomes.index.astype(str)
    windows = [BadDefinition(dpd=None, window_months=m) for m in (6, 12, 18)]
    observed = pd.Timestamp("2025-12-31")

    found = target.definition_table(outcomes, windows[0], observed, None, alternatives=windows)

    assert found["worst_term"].tolist() == [12, 12, 3]
    assert found["worst_caught_rate"].tolist() == [0.5, 0.5, 1]
    few = outcomes[outcomes["term_months"] == 6]
    nothing = target.definition_table(few, windows[0], observed, None, alternatives=windows)
    assert nothing[["worst_term", "worst_caught_rate"]].isna().all(axis=None)


# -- indeterminates -----------------------------------------------------------------------------


def test_indeterminates_of_small_book_by_hand():
    chosen = BadDefinition(dpd=90, window_months=6, indeterminate_dpd=40)

    found = target.indeterminate_table(BOOK, chosen, OBSERVED, TERMS)

    # labelled: all but young; goods once late: slow (40 days, not more), late and sixty
    assert found.index.tolist() == [15, 30, 40, 60]
    assert found["chosen"].tolist() == [False, False, True, False]
    assert found["indeterminate"].tolist() == [3, 3, 2, 2]
    np.testing.assert_allclose(found["indeterminate_rate"], [3 / 6, 3 / 6, 2 / 6, 2 / 6])
    np.testing.assert_allclose(found["repaid_rate"], [2 / 3, 2 / 3, 1 / 2, 1 / 2])
    np.testing.assert_allclose(found["later_bad_rate"], [1 / 3, 1 / 3, 1 / 2, 1 / 2])
    np.testing.assert_allclose(found["bad_rate"], 2 / 6)
    np.testing.assert_allclose(found["bad_rate_without"], [2 / 3, 2 / 3, 2 / 4, 2 / 4])


def test_indeterminates_end_in_one_way_only(simulated):
    book, terms, _, observed = simulated
    loans = loan_by_loan(book, terms, observed)

    found = target.indeterminate_table(book, BadDefinition(), observed, terms)

    assert found.index.tolist() == [15, 30, 60]
    ways = found[["repaid_rate", "later_bad_rate", "still_late_rate"]]
    np.testing.assert_allclose(ways.sum(axis=1), 1)
    known, bad = loans["seen"] >= 12, loans["first_90"] <= 12
    between = loans[known & ~bad & (loans["worst"] > 30)]
    later = between["first_90"] < np.inf
    expected = [len(between), (between["back"] & ~later).mean(), later.mean()]
    assert found.loc[30, ["indeterminate", "repaid_rate", "later_bad_rate"]].tolist() == expected


def test_nobody_lies_between_in_outcomes_and_below_a_low_threshold():
    none = target.indeterminate_table(OUTCOMES, BadDefinition(dpd=None), OBSERVED, None)
    assert (none["indeterminate"] == 0).all()
    assert none["repaid_rate"].isna().all()
    low = target.indeterminate_table(BOOK, BadDefinition(dpd=15), OBSERVED, TERMS)
    assert low.empty
    assert low.index.name == "more_than_days"


# -- errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "function",
    [
        target.definition_table,
        target.window_maturity,
        target.bad_timing,
        target.indeterminate_table,
    ],
)
def test_a_panel_needs_the_term_of_every_loan(function):
    with pytest.raises(ValueError, match="term_months has no term of 1 loans, for example late"):
        function(BOOK, NINETY, OBSERVED, TERMS.drop("late"))
    with pytest.raises(ValueError, match="a panel does not carry the term"):
        function(BOOK, NINETY, OBSERVED, None)


def test_a_panel_without_a_column_or_out_of_order_is_refused():
    with pytest.raises(schema.DataContractError, match="missing columns status"):
        table(BOOK.drop(columns="status"))
    with pytest.raises(schema.DataContractError, match="repeat a month of the loan or go back"):
        target.default_flags(BOOK.iloc[[0, 2, 1, 3, 4]], NINETY, OBSERVED)


def test_a_book_without_loans_has_no_labels():
    flags = target.default_flags(BOOK.iloc[:0], NINETY, OBSERVED)

    assert flags.empty
    assert flags.name == "default_flag"

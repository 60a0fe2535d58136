"""What was done for loans in arrears: recounts row by row, bounds of the truth, and the words."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from in_blocks import InBlocks
from pandas.testing import assert_frame_equal
from stored_tables import stored

from riskkit import partitions, schema, synthetic, treatments, vintage
from riskkit.schema import CONTRACT, DataContractError

KINDS = CONTRACT["performance"]["treatment"].one_of
SEEN = pd.Timestamp("2024-06-30")
LENDER = synthetic.Lender(n_months=30, roll_logits=(-2.4, -0.45, 1.2, 2.0, 2.2, 2.4, 2.6))
TREATS = dataclasses.replace(LENDER, treatment_rate=0.4)


def panel_of(*loans):
    """Panel of loans, each a cohort month and rows of (dpd, status, treatment)."""
    rows = []
    for number, (cohort, months) in enumerate(loans):
        first = pd.Timestamp(cohort)
        for mob, (dpd, status, treatment) in enumerate(months):
            end = first + pd.offsets.MonthEnd(mob + 1)
            if end <= SEEN:
                balance = 0 if status in ("prepaid", "matured") else 1000 - mob
                rows.append((f"L{number}", first, mob, end, dpd, status, treatment, balance))
    names = ["loan_id", "cohort", "mob", "month_end", "dpd", "status", "treatment", "balance"]
    frame = pd.DataFrame(rows, columns=names)
    return frame.assign(paid_amount=0)


def now(dpd, treatment=None):
    return dpd, "delinquent" if dpd else "current", treatment


ENDED = {"prepaid": (0, "prepaid", None), "matured": (0, "matured", None)}


@st.composite
def panels(draw):
    """Small portfolios with odd cases: treated twice, in month 0, at the very end, lost, gone."""
    loans = []
    for _ in range(draw(st.integers(1, 6))):
        cohort = draw(st.sampled_from(["2023-11-01", "2024-01-01", "2024-03-01"]))
        months = [
            now(
                draw(st.sampled_from([0, 0, 20, 45, 91, 130])),
                draw(st.sampled_from(KINDS + (None,) * 6)),
            )
            for _ in range(draw(st.integers(1, 8)))
        ]
        end = draw(st.sampled_from(["lost", "prepaid", "matured", "charged_off"]))
        if end == "charged_off":
            months += [(190, end, None)] * draw(st.integers(1, 3))
        elif end != "lost":
            months.append((0, end, draw(st.sampled_from((*KINDS, None)))))
        loans.append((cohort, months))
    return panel_of(*loans)


def recount(panel, dpd, months):
    """The same counts, row by row."""
    table = {}
    for _, loan in panel.groupby("loan_id"):
        rows = list(loan.itertuples())
        previous = None
        for i, row in enumerate(rows):
            owed = i > 0 and rows[i - 1].dpd > 0 and rows[i - 1].status != "charged_off"
            done = isinstance(row.treatment, str)
            if not (owed or done):
                continue
            key = row.month_end, row.treatment if done else "none"
            cell = table.setdefault(key, dict.fromkeys(COLUMNS, 0))
            cell["past_due_loans"] += owed
            if not done:
                continue
            cell["treated_loans"] += 1
            cell["treated_amount"] += rows[max(i - 1, 0)].balance
            cell["repeat_loans"] += previous is not None and row.mob - previous <= 12
            previous = row.mob
            over = [r.mob for r in rows[i + 1 :] if r.dpd > dpd or r.status == "charged_off"]
            again = bool(over) and over[0] - row.mob <= months
            ended = rows[-1].status in ("prepaid", "matured")
            age = (SEEN.year - row.month_end.year) * 12 + SEEN.month - row.month_end.month
            if age < months:
                cell["young_loans"] += 1
            elif ended and i == len(rows) - 1:
                cell["closed_loans"] += 1
            elif row.dpd > dpd or row.status == "charged_off":
                cell["still_bad_loans"] += 1
            elif again or ended or rows[-1].mob - row.mob >= months:
                cell["followed_loans"] += 1
                cell["redefault_loans"] += again
            else:
                cell["lost_loans"] += 1
    return table


COLUMNS = (
    "past_due_loans",
    "treated_loans",
    "treated_amount",
    "repeat_loans",
    "young_loans",
    "closed_loans",
    "still_bad_loans",
    "lost_loans",
    "followed_loans",
    "redefault_loans",
)


@given(panel=panels(), months=st.integers(1, 4), dpd=st.sampled_from([0, 30, 90]))
@settings(max_examples=25, deadline=None)
def test_counts_equal_a_recount_row_by_row(panel, months, dpd):
    counts = treatments.treatment_counts(panel, SEEN, dpd=dpd, months=months)
    expected = recount(panel, dpd, months)
    assert {key: dict(row) for key, row in counts.iterrows()} == expected
    parts = ["young_loans", "closed_loans", "still_bad_loans", "lost_loans", "followed_loans"]
    assert (counts[parts].sum(axis=1) == counts["treated_loans"]).all()
    # and counts of two parts add up
    own = panel["loan_id"] == "L0"
    if own.all():
        return
    halves = [
        treatments.treatment_counts(part.reset_index(drop=True), SEEN, dpd=dpd, months=months)
        for part in (panel[own], panel[~own])
    ]
    assert partitions.add_counts(*halves).to_dict() == counts.to_dict()


@given(panel=panels(), dpd=st.sampled_from([0, 30, 90]))
@settings(max_examples=25, deadline=None)
def test_the_event_at_treatment_row_by_row(panel, dpd):
    found = treatments.at_treatment(panel, dpd)
    since = {}
    for row, after in zip(panel.itertuples(), found.itertuples(), strict=True):
        treated = isinstance(row.treatment, str)
        since[row.loan_id] = since.get(row.loan_id, False) or treated
        assert after.dpd == (max(row.dpd, dpd + 1) if since[row.loan_id] else row.dpd)
        if treated and row.status in ("prepaid", "matured") and row.mob > 0:
            assert after.balance == 1000 - (row.mob - 1)
        else:
            assert after.balance == row.balance
    counts = treatments.at_treatment_counts(panel, dpd=(dpd,))
    first = {}
    for row in found.itertuples():
        if row.dpd > dpd or row.status == "charged_off":
            first.setdefault(row.loan_id, (row.cohort, row.mob))
    for cell, n in counts[f"ever_{dpd}_loans"].items():
        assert n == sum(event == cell for event in first.values())


def test_months_and_kinds_by_hand():
    panel = panel_of(
        ("2023-01-01", [now(0), now(20), now(45), now(0, "re-age"), now(20), now(50), now(95)]),
        ("2023-01-01", [now(0), now(20), now(45), now(20, "extension"), now(0), now(0), now(0)]),
        ("2023-01-01", [now(0), now(20), now(45), (0, "matured", "settlement")]),
        ("2023-01-01", [now(0), now(20), now(45), now(76)]),
    )
    counts = treatments.treatment_counts(panel, SEEN, months=3)
    table = treatments.treatment_months(counts)
    april = table.loc["2023-04-30"]
    assert april[list(KINDS)].tolist() == [1, 1, 0, 1]
    assert april[["treated_loans", "past_due_loans", "treated_rate"]].tolist() == [3, 4, 0.75]
    assert april["treated_rate_low"] < 0.75 < april["treated_rate_high"]
    again = treatments.redefault_table(counts)
    assert again.index.tolist() == ["re-age", "extension", "settlement", "all"]
    assert again["redefault_rate"].tolist()[:2] == [1.0, 0.0]
    assert np.isnan(again.loc["settlement", "redefault_rate"])
    assert again.loc["all", ["followed_loans", "redefault_loans", "closed_loans"]].tolist() == [
        2,
        1,
        1,
    ]
    # a thousand less two months each
    assert again.loc["all", "treated_amount"] == 3 * 998


def test_a_second_treatment_within_twelve_months_is_a_repeat():
    for months, repeats in ((12, 1), (13, 0)):
        life = [now(0), now(0, "re-age"), *[now(0)] * (months - 1), now(0, "extension")]
        counts = treatments.treatment_counts(panel_of(("2023-01-01", life)), SEEN)
        assert counts["repeat_loans"].sum() == repeats
        told = treatments.redefault_text(treatments.redefault_table(counts))
        assert ("already treated within twelve months" in told) == bool(repeats)


def test_an_empty_panel_and_one_without_treatments():
    panel = panel_of(("2024-01-01", [now(0), now(20)]))
    for part in (panel, panel[:0]):
        counts = treatments.treatment_counts(part, SEEN)
        assert treatments.redefault_table(counts).empty
        text = treatments.redefault_text(treatments.redefault_table(counts))
        assert text.startswith("Nothing is marked as done")
        assert treatments.redefault_findings(treatments.redefault_table(counts)) == []
        assert len(treatments.at_treatment(part)) == len(part)
    assert treatments.treatment_months(treatments.treatment_counts(panel[:0], SEEN)).empty


def test_a_panel_without_the_column_and_settings_that_are_none_are_refused():
    panel = panel_of(("2024-01-01", [now(0), now(20)]))
    without = panel.drop(columns="treatment")
    for call in (
        lambda: treatments.treatment_counts(without, SEEN),
        lambda: treatments.at_treatment(without),
        lambda: treatments.at_treatment_counts(without),
    ):
        with pytest.raises(DataContractError, match="treatment"):
            call()
    with pytest.raises(ValueError, match="dpd must be >= 0 and months >= 1, got 90 and 0"):
        treatments.treatment_counts(panel, SEEN, months=0)
    with pytest.raises(DataContractError, match="mob"):
        treatments.treatment_counts(panel[::-1].reset_index(drop=True), SEEN)


def test_without_balances_there_are_no_amounts():
    panel = panel_of(("2023-01-01", [now(45), now(0, "re-age")])).drop(columns="balance")
    assert treatments.treatment_counts(panel, SEEN)["treated_amount"].sum() == 0
    assert "balance" not in treatments.at_treatment(panel)


# --- on the synthetic lender -------------------------------------------------------------------


@pytest.fixture(scope="module")
def treated():
    return synthetic.simulate(TREATS, 8_000, seed=4).performance


@pytest.fixture(scope="module")
def plain():
    return synthetic.simulate(LENDER, 8_000, seed=4).performance


@pytest.fixture(scope="module")
def reported(treated):
    return vintage.cohort_counts(treated)


@pytest.fixture(scope="module")
def bound(treated):
    return treatments.at_treatment_counts(treated)


@pytest.mark.parametrize("month", [6, 9, 12])
@pytest.mark.parametrize("dpd", [60, 90])
def test_what_would_be_bad_untreated_lies_between_the_two_curves(
    plain, reported, bound, month, dpd
):
    """The same borrowers, untreated: known, since their lender's draws are the same."""
    table = treatments.hidden_table(reported, bound, month, dpd=dpd, cohort_freq="M")
    untreated = vintage.vintage_table(plain, dpd=dpd)[month].dropna()
    untreated.index = untreated.index.to_period("M").astype(str)
    cohorts = table.drop(index="all")
    truth = untreated.reindex(cohorts.index)
    assert (cohorts["reported_rate"] <= truth + 1e-12).all()
    assert (truth <= cohorts["bound_rate"] + 1e-12).all()
    assert (cohorts["reported_rate"] < truth).any()
    assert (truth < cohorts["bound_rate"]).any()
    assert (table["hidden_bad"] >= 0).all()
    assert table.loc["all", "hidden_bad"] > 20


def test_hidden_rates_are_the_difference_of_two_vintage_curves(reported, bound):
    table = treatments.hidden_table(reported, bound, 9)
    curves = [
        vintage.vintage_table(counts, dpd=90, cohort_freq="Q")[9] for counts in (reported, bound)
    ]
    difference = (curves[1] - curves[0]).dropna()
    np.testing.assert_allclose(table["hidden_rate"][:-1], difference, atol=1e-12)
    every = table.loc["all"]
    assert every["loans"] == table["loans"][:-1].sum()
    assert every["hidden_share"] == every["hidden_bad"] / (
        every["hidden_bad"] + every["reported_bad"]
    )
    assert (table["hidden_rate_low"] <= table["hidden_rate"]).all()


def test_counts_of_other_books_and_months_nobody_reached(reported, bound):
    with pytest.raises(ValueError, match="must be counts of the same book"):
        treatments.hidden_table(reported, bound[:5], 9)
    nobody = treatments.hidden_table(reported, bound, 99)
    assert nobody.empty
    assert "No cohort has reached month 99" in treatments.hidden_text(nobody, 99)
    assert treatments.hidden_findings(nobody, 99) == []


@pytest.mark.parametrize("kind", ["parquet", "parts"])
def test_blocks_of_a_table_count_as_the_whole(treated, bound, kind, tmp_path):
    starts = np.flatnonzero(treated["mob"] == 0)
    table = stored(kind, treated, tmp_path, cuts=starts[[500, 2_000]])
    counts = treatments.treatment_counts(treated, TREATS.observed_to)
    assert_frame_equal(treatments.treatment_counts(table, TREATS.observed_to), counts)
    assert_frame_equal(treatments.at_treatment_counts(table), bound)
    terms = pd.Series(12, index=treated["loan_id"].unique(), name="term_months")
    by_term = treatments.at_treatment_counts(table, by=terms)
    assert_frame_equal(by_term.loc[12], bound)


def test_the_treated_of_the_synthetic_lender_mostly_go_bad_again(treated):
    counts = treatments.treatment_counts(treated, TREATS.observed_to)
    table = treatments.redefault_table(counts)
    assert table.index.tolist() == [*KINDS, "all"]
    assert table.loc["all", "treated_loans"] == treated["treatment"].notna().sum()
    assert (table[["repeat_loans", "lost_loans"]] == 0).all(axis=None)
    assert table.loc["settlement", "followed_loans"] == 0
    text = treatments.redefault_text(table)
    assert "For most of them it put off the loss and did not avert it" in text
    assert "as settled loans do" in text
    red = treatments.redefault_findings(table)
    assert [topic for topic, _, is_red in red if is_red] == ["Treated loans"] * len(red)
    assert red[0][1].startswith("after re-age, ")


def test_words_of_hidden_bads(reported, bound):
    table = treatments.hidden_table(reported, bound, 9)
    text = treatments.hidden_text(table, 9)
    every = table.loc["all"]
    assert f"{every['bound_rate']:.2%} would be bad" in text
    assert f"{every['hidden_bad']:,.0f} loans more were treated and are not" in text
    (finding,) = treatments.hidden_findings(table, 9)
    assert finding[1].startswith(
        f"treatments hide {every['hidden_share']:.0%} of what would be bad"
    )
    # the newest cohort hides as much as the others, until it hides ten times as much
    assert finding[2] is False
    more = table.copy()
    newest = more.index[-2]
    for name in ("hidden_rate", "hidden_rate_low", "hidden_rate_high"):
        more.loc[newest, name] *= 10
    assert treatments.hidden_findings(more, 9)[0][2] is True
    none = treatments.hidden_table(reported, reported, 9)
    assert "No bad is hidden" in treatments.hidden_text(none, 9)
    assert treatments.hidden_findings(none, 9) == []


@pytest.mark.parametrize(
    ("again", "words"),
    [(12, "too few to say"), (40, "Most of them held"), (55, "more often than not is open"),
     (80, "put off the loss")],
)  # fmt: skip
def test_what_a_redefault_rate_means(again, words):
    row = dict.fromkeys(COLUMNS, 0) | {"treated_loans": 100, "followed_loans": 100}
    if again < 30:
        row["followed_loans"] = 30
    row["redefault_loans"] = again if again != 40 else 35
    index = pd.MultiIndex.from_tuples([(SEEN, "re-age")], names=["month_end", "treatment"])
    table = treatments.redefault_table(pd.DataFrame([row], index=index))
    assert words in treatments.redefault_text(table)
    assert bool(treatments.redefault_findings(table)) == (again == 80)


# --- read by a mapping -------------------------------------------------------------------------

MAPPING = """
name: own
title: Own loans
currency: CNY
amounts_in: minor
accepted_only: true
observed_to: 2024-06-30
bad: {dpd: 30, window_months: 6}
applications:
  path: loans.csv
  columns: {application_id: id, applied_at: day, amount: amount, term_months: term}
performance:
  path: panel.csv
  columns:
    loan_id: id
    cohort: cohort
    month_end: month
    dpd: days
    status: status
    treatment: {column: 处理, words: {展期: extension, 重组: restructuring}}
features:
  term: {column: term, label: Term, family: application, type: number}
"""


def own_files(folder, word):
    loans = pd.DataFrame({"id": ["a", "b"], "day": "2023-12-05", "amount": 100_000, "term": [6, 6]})
    months = pd.date_range("2023-12-31", periods=7, freq="ME").strftime("%Y-%m-%d")
    panel = pd.DataFrame(
        [
            (loan, "2023-12-01", month, 10 * mob if loan == "b" else 0, "current", "")
            for loan in ("a", "b")
            for mob, month in enumerate(months)
        ],
        columns=["id", "cohort", "month", "days", "status", "处理"],
    )
    panel.loc[panel["days"] > 0, "status"] = "delinquent"
    panel.loc[12, "处理"] = word
    loans.to_csv(folder / "loans.csv", index=False)
    panel.to_csv(folder / "panel.csv", index=False)
    (folder / "own.yaml").write_text(MAPPING, encoding="utf-8")
    return folder / "own.yaml"


def test_a_mapping_reads_the_treatments_in_the_owners_words(tmp_path):
    source = schema.load_source(own_files(tmp_path, "展期"))
    kinds = source.performance["treatment"]
    assert kinds.notna().sum() == 1
    assert kinds[12] == "extension"


def test_a_word_for_a_treatment_that_nobody_explained_is_named(tmp_path):
    with pytest.raises(DataContractError, match="treatment"):
        schema.load_source(own_files(tmp_path, "打折"))


def test_after_a_gap_nobody_saw_the_month_end_before():
    panel = panel_of(
        ("2024-01-01", [now(0), now(20), now(30), now(40), now(50), now(0, "re-age")]),
        ("2024-01-01", [now(0), now(0), now(30), now(40), now(50), now(0, "extension")]),
    )
    whole = treatments.treatment_counts(panel, "2024-06-30")
    assert whole.loc[("2024-06-30", "re-age"), "past_due_loans"] == 1
    assert whole.loc[("2024-06-30", "re-age"), "treated_amount"] == 996
    gap = panel[~((panel["loan_id"] == "L0") & panel["mob"].isin([2, 3, 4]))]
    counts = treatments.treatment_counts(gap.reset_index(drop=True), "2024-06-30")
    assert counts.loc[("2024-06-30", "re-age"), "past_due_loans"] == 0
    assert counts.loc[("2024-06-30", "re-age"), "treated_amount"] == 995
    assert counts.loc[("2024-06-30", "extension"), "past_due_loans"] == 1


def test_a_loan_cut_by_two_blocks_is_refused():
    panel = panel_of(("2024-01-01", [now(0), now(20), now(0, "re-age")]))
    blocks = InBlocks(panel.head(1), panel.tail(2))
    for count in (treatments.treatment_counts, treatments.at_treatment_counts):
        asked = ["2024-03-31"] if count is treatments.treatment_counts else []
        with pytest.raises(DataContractError, match="begins with the loan that block 1 ended"):
            count(blocks, *asked)

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from riskkit.checks import DataContractError, loan_starts
from riskkit.hazards import hazard_figures, hazard_table, hazard_text
from riskkit.vintage import cohort_counts, vintage_table

START = pd.Period("2024-01", freq="M")
ROWS = ["mob", "balance", "dpd", "status"]
TWELVE = [
    {"dpd": n, "ever": ever, "measure": measure}
    for n, ever, measure in product((30, 60, 90), (True, False), ("loans", "amount"))
]


def panel_of(loans):
    """Panel from (cohort, rows of mob, balance, dpd, status) per loan; term and id are added."""
    records = []
    for i, (cohort, rows) in enumerate(loans):
        born = np.datetime64(cohort, "M")
        for row in rows:
            month_end = (born + np.timedelta64(row[0] + 1, "M")).astype("datetime64[D]")
            month_end -= np.timedelta64(1, "D")
            records.append((f"L{i:03d}", born, month_end, 3 + 3 * (i % 2), *row))
    panel = pd.DataFrame(records, columns=["loan_id", "cohort", "month_end", "term_months", *ROWS])
    dates = {name: panel[name].astype("datetime64[us]") for name in ("cohort", "month_end")}
    return panel.assign(**dates, due_amount=0, paid_amount=0, recovered_amount=0)


def rows_of(balances, days, end=None):
    """Rows of one loan, the last with status `end` if given."""
    status = ["delinquent" if day else "current" for day in days]
    if end is not None:
        status[-1] = end
    return list(zip(range(len(days)), balances, days, status, strict=True))


SMALL = panel_of(
    [
        ("2024-01", rows_of([1200, 1200, 1100, 1100, 1000], [0, 14, 45, 75, 106])),
        ("2024-01", rows_of([800, 800, 700, 600, 500], [0, 0, 40, 10, 0])),
        ("2024-01", rows_of([1000, 0], [0, 0], "prepaid")),
        ("2024-02", rows_of([600, 600, 600, 500], [0, 0, 35, 66], "charged_off")),
    ]
)


@st.composite
def panels(draw, *, prepay=True, last_month=7):
    """Panel of a few loans observed to one month: paid, missed, prepaid or charged off."""
    actions = ["pay", "pay", "miss", "miss", "miss", "off"] + ["prepay"] * prepay
    loans = []
    for _ in range(draw(st.integers(1, 8))):
        born = draw(st.integers(0, 4))
        amount = draw(st.integers(1, 1000)) * 10
        plan = draw(st.lists(st.sampled_from(actions), min_size=last_month, max_size=last_month))
        rows, missed, balance, off, end = [(0, amount, 0, "current")], 0, amount, 0, None
        for mob in range(1, last_month - born + 1):
            action = plan[mob - 1]
            if off:
                off += 1
                if off > 2:
                    break
                end = "charged_off"
            elif action == "miss":
                missed += 1
            elif action == "off":
                missed, off, end = missed + 1, 1, "charged_off"
            elif action == "prepay":
                missed, balance, end = 0, 0, "prepaid"
            else:
                missed, balance = max(missed - 1, 0), balance - amount // 10
            days = 30 * missed - 13 if missed else 0
            rows.append((mob, balance, days, end or ("delinquent" if days else "current")))
            if end == "prepaid":
                break
        loans.append((str(START + born), rows))
    return panel_of(loans)


def by_hand(panel, *, dpd, ever, measure, last_month=7):
    """Vintage table the slow way: a loop over cohorts, months and loans."""
    loans = {}
    for row in panel.itertuples():
        past = row.dpd > dpd or row.status == "charged_off"
        loans.setdefault((row.cohort, row.loan_id), {})[row.mob] = (past, row.balance)
    result = {}
    for cohort in {cohort for cohort, _ in loans}:
        books = [rows for (born, _), rows in loans.items() if born == cohort]
        base = sum(1 if measure == "loans" else rows[0][1] for rows in books)
        for m in range((START + last_month - cohort.to_period("M")).n + 1):
            total = 0
            for rows in books:
                months = range(m + 1) if ever else [m]
                hits = [rows[k][1] for k in months if k in rows and rows[k][0]]
                total += len(hits[:1]) if measure == "loans" else sum(hits[:1])
            result[cohort, m] = total / base
    return result


def cells(table):
    """Every cell that is shown, by (cohort, mob)."""
    return {
        (cohort, mob): value
        for cohort, row in table.iterrows()
        for mob, value in row.items()
        if not np.isnan(value)
    }


def counts_add(a, b):
    return a.add(b, fill_value=0).astype("int64")


class InBlocks:
    """A table on disk, as far as counting is concerned."""

    def __init__(self, *frames):
        self.frames = frames

    def blocks(self):
        return iter(self.frames)


@pytest.mark.parametrize(
    ("dpd", "ever", "measure", "january", "february"),
    [
        (30, True, "loans", [0, 0, 2 / 3, 2 / 3, 2 / 3], [0, 0, 1, 1]),
        (30, True, "amount", [0, 0, 0.6, 0.6, 0.6], [0, 0, 1, 1]),
        (30, False, "loans", [0, 0, 2 / 3, 1 / 3, 1 / 3], [0, 0, 1, 1]),
        (30, False, "amount", [0, 0, 0.6, 1100 / 3000, 1000 / 3000], [0, 0, 1, 500 / 600]),
        (60, True, "loans", [0, 0, 0, 1 / 3, 1 / 3], [0, 0, 0, 1]),
        (60, True, "amount", [0, 0, 0, 1100 / 3000, 1100 / 3000], [0, 0, 0, 500 / 600]),
        (60, False, "loans", [0, 0, 0, 1 / 3, 1 / 3], [0, 0, 0, 1]),
        (60, False, "amount", [0, 0, 0, 1100 / 3000, 1000 / 3000], [0, 0, 0, 500 / 600]),
        (90, True, "loans", [0, 0, 0, 0, 1 / 3], [0, 0, 0, 1]),
        (90, True, "amount", [0, 0, 0, 0, 1000 / 3000], [0, 0, 0, 500 / 600]),
        (90, False, "loans", [0, 0, 0, 0, 1 / 3], [0, 0, 0, 1]),
        (90, False, "amount", [0, 0, 0, 0, 1000 / 3000], [0, 0, 0, 500 / 600]),
    ],
)
def test_twelve_tables_match_small_panel_by_hand(dpd, ever, measure, january, february):
    table = vintage_table(cohort_counts(SMALL), dpd=dpd, ever=ever, measure=measure)

    assert table.index.tolist() == [pd.Timestamp("2024-01-01"), pd.Timestamp("2024-02-01")]
    assert (table.index.name, table.columns.name) == ("cohort", "mob")
    assert table.columns.tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(table.iloc[0], january)
    np.testing.assert_allclose(table.iloc[1], [*february, np.nan])


def test_counts_of_small_panel_by_hand():
    counts = cohort_counts(SMALL, dpd=(90,))

    assert counts.index.names == ["cohort", "mob"]
    assert (counts.dtypes == "int64").all()
    entrants = [name for name in counts if name.startswith("entrant")]
    assert not counts[entrants].any(axis=None)
    assert counts.drop(columns=entrants).loc["2024-01-01"].to_dict("list") == {
        "ever_90_loans": [0, 0, 0, 0, 1],
        "ever_90_amount": [0, 0, 0, 0, 1000],
        "now_90_loans": [0, 0, 0, 0, 1],
        "now_90_amount": [0, 0, 0, 0, 1000],
        "exit_90_loans": [0, 1, 0, 0, 2],
        "prepaid_90_loans": [0, 1, 0, 0, 0],
        "censored_90_loans": [0, 0, 0, 0, 1],
        "vanished_90_loans": [0, 0, 0, 0, 0],
        "vanished_90_amount": [0, 0, 0, 0, 0],
        "lost_loans": [0, 0, 0, 0, 2],
        "unseen_loans": [0, 0, 0, 0, 0],
        "loans": [3, 0, 0, 0, 0],
        "amount": [3000, 0, 0, 0, 0],
    }


@settings(max_examples=20, deadline=None)
@given(panels())
def test_every_table_matches_loop_over_loans(panel):
    counts = cohort_counts(panel)

    for choice in TWELVE:
        table = vintage_table(counts, observed_to=(START + 7).end_time, **choice)
        expected = by_hand(panel, **choice)
        assert cells(table) == pytest.approx(
            {cell: value for cell, value in expected.items() if cell[1] in table.columns}
        )


@settings(max_examples=20, deadline=None)
@given(panels())
def test_ever_never_falls_and_current_never_exceeds_it(panel):
    counts = cohort_counts(panel)

    for dpd in (30, 60, 90):
        ever = vintage_table(counts, dpd=dpd)
        amount = vintage_table(counts, dpd=dpd, measure="amount")
        now = vintage_table(counts, dpd=dpd, ever=False)
        for table in (ever, amount):
            steps = table.diff(axis=1).to_numpy()
            assert (steps[~np.isnan(steps)] >= 0).all()
            assert (table.isna() | ((table >= 0) & (table <= 1))).all(axis=None)
        assert (now.isna() | (now <= ever)).all(axis=None)


@settings(max_examples=20, deadline=None)
@given(panels(), st.integers(0, 8))
def test_counts_of_two_parts_add_up(panel, n_loans):
    first = panel["loan_id"] < f"L{n_loans:03d}"
    whole = cohort_counts(panel, by="term_months")
    parts = [cohort_counts(panel[side], by="term_months") for side in (first, ~first)]

    pd.testing.assert_frame_equal(counts_add(*parts).sort_index(), whole, check_index_type=False)
    stacked = pd.concat(parts)
    pd.testing.assert_frame_equal(hazard_table(stacked), hazard_table(whole))


def test_table_in_blocks_counts_like_frame():
    book = InBlocks(SMALL.iloc[:5], SMALL.iloc[5:10], SMALL.iloc[10:])

    pd.testing.assert_frame_equal(cohort_counts(book), cohort_counts(SMALL))
    pd.testing.assert_frame_equal(vintage_table(book, dpd=60), vintage_table(SMALL, dpd=60))


def test_block_that_splits_a_loan_is_refused():
    with pytest.raises(DataContractError, match="block 2 begins with the loan that block 1 ended"):
        cohort_counts(InBlocks(SMALL.iloc[:3], SMALL.iloc[3:]))


def test_counts_by_values_of_loans_are_counts_by_their_column():
    of_loan = SMALL.groupby("loan_id")["term_months"].first().rename("term")
    plain = SMALL.drop(columns="term_months")
    expected = cohort_counts(SMALL, by="term_months").rename_axis(["term", "cohort", "mob"])

    pd.testing.assert_frame_equal(cohort_counts(plain, by=of_loan), expected)
    book = InBlocks(plain.iloc[:5], plain.iloc[5:10], plain.iloc[10:])
    pd.testing.assert_frame_equal(cohort_counts(book, by=of_loan), expected)
    assert "term" not in plain
    with pytest.raises(DataContractError, match="term: missing for 1 loans"):
        cohort_counts(plain, by=of_loan.iloc[1:])


def test_counts_by_a_column_are_counts_of_its_parts():
    by_term = cohort_counts(SMALL, by="term_months")

    assert by_term.index.names == ["term_months", "cohort", "mob"]
    for term, part in SMALL.groupby("term_months"):
        alone = cohort_counts(part)
        pd.testing.assert_frame_equal(by_term.loc[term], alone)
        pd.testing.assert_frame_equal(
            vintage_table(by_term, observed_to="2024-05-31").loc[term],
            vintage_table(alone, observed_to="2024-05-31").reindex(columns=range(5)),
            check_index_type=False,
            check_names=False,
        )
        pd.testing.assert_frame_equal(hazard_table(by_term).loc[term], hazard_table(alone))


def test_categories_count_like_text():
    lean = SMALL.astype({"loan_id": "category", "status": "category"})

    pd.testing.assert_frame_equal(cohort_counts(lean), cohort_counts(SMALL))


@settings(max_examples=20, deadline=None)
@given(panels(), st.integers(4, 6))
def test_looking_back_equals_having_looked_then(panel, month):
    then = (START + month).end_time.normalize()
    seen = panel[panel["month_end"] <= then]

    counts, counts_then = cohort_counts(panel), cohort_counts(seen)
    for choice in TWELVE:
        now = vintage_table(counts, observed_to=then, **choice)
        was = vintage_table(counts_then, observed_to=then, **choice)
        pd.testing.assert_frame_equal(now[was.columns], was)
    pd.testing.assert_frame_equal(
        hazard_table(counts, dpd=30, observed_to=then),
        hazard_table(counts_then, dpd=30, observed_to=then),
    )


def test_quarter_is_matured_only_where_every_month_of_it_is():
    months = [rows_of([100] * (6 - born), [0] * (6 - born)) for born in range(4)]
    panel = panel_of([(str(START + born), rows) for born, rows in enumerate(months)])

    quarters = vintage_table(panel, cohort_freq="Q")
    years = vintage_table(panel, cohort_freq="Y")

    assert quarters.index.tolist() == [pd.Timestamp("2024-01-01"), pd.Timestamp("2024-04-01")]
    assert quarters.notna().sum(axis=1).tolist() == [4, 3]
    assert quarters.columns.tolist() == [0, 1, 2, 3]
    assert years.notna().sum(axis=1).tolist() == [3]


def test_quarter_weighs_its_months_by_their_base():
    panel = panel_of(
        [
            ("2024-01", rows_of([300, 300], [0, 40])),
            ("2024-02", rows_of([100, 100], [0, 0])),
        ]
    )

    quarter = vintage_table(panel, cohort_freq="Q", measure="amount")

    assert quarter.loc["2024-01-01"].tolist() == [0, 0.75]


def test_loan_whose_rows_stop_early_ends_the_curve_of_its_cohort():
    panel = panel_of(
        [
            ("2024-01", rows_of([100] * 5, [0] * 5)),
            ("2024-01", rows_of([100] * 3, [0] * 3)),
            ("2024-01", rows_of([100, 0], [0, 0], "matured")),
        ]
    )

    assert vintage_table(panel).columns.tolist() == [0, 1, 2]


def test_early_pay_off_stays_in_the_base():
    panel = panel_of(
        [
            ("2024-01", rows_of([100, 0], [0, 0], "prepaid")),
            ("2024-01", rows_of([300, 300, 300], [0, 20, 50])),
        ]
    )

    assert vintage_table(panel)[2].tolist() == [0.5]
    assert vintage_table(panel, measure="amount")[2].tolist() == [0.75]
    assert hazard_table(panel, dpd=30).loc[2, "hazard"] == 1


def test_base_amount_is_the_original_one():
    paid_at_once = panel_of(
        [
            ("2024-01", rows_of([0], [0], "prepaid")),
            ("2024-01", rows_of([300, 300], [0, 20])),
        ]
    ).assign(paid_amount=[100, 0, 0])

    assert cohort_counts(paid_at_once)["amount"].tolist() == [400, 0]
    stated = paid_at_once.assign(amount=[120, 320, 320]).drop(columns="paid_amount")
    assert cohort_counts(stated)["amount"].tolist() == [440, 0]


def test_charged_off_below_the_threshold_is_past_it():
    panel = panel_of([("2024-01", rows_of([100, 90, 80], [0, 5, 5], "charged_off"))])

    assert vintage_table(panel, dpd=90, measure="amount").iloc[0].tolist() == [0, 0, 0.8]
    assert vintage_table(panel, dpd=90, ever=False).iloc[0].tolist() == [0, 0, 1]


def test_exactly_n_days_is_not_past_n():
    counts = cohort_counts(panel_of([("2024-01", rows_of([100] * 6, [30, 31, 60, 61, 90, 91]))]))

    assert vintage_table(counts, dpd=30).iloc[0].tolist() == [0, 1, 1, 1, 1, 1]
    assert vintage_table(counts, dpd=60).iloc[0].tolist() == [0, 0, 0, 1, 1, 1]
    assert vintage_table(counts, dpd=90).iloc[0].tolist() == [0, 0, 0, 0, 0, 1]


@settings(max_examples=20, deadline=None)
@given(panels(prepay=False))
def test_hazards_give_back_the_curve_when_nobody_prepays(panel):
    # one cohort: all loans are observed equally long
    panel = panel[panel["cohort"] == panel["cohort"].iloc[0]]

    hazards = hazard_table(panel, dpd=30)

    curve = vintage_table(panel, dpd=30).iloc[0].reindex(hazards.index)
    np.testing.assert_allclose(1 - np.cumprod(1 - hazards["hazard"]), curve, atol=1e-12)
    np.testing.assert_allclose(1 - hazards["survival"], curve, atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(panels())
def test_cumulative_incidence_is_the_curve_of_one_cohort(panel):
    panel = panel[panel["cohort"] == panel["cohort"].iloc[0]]

    hazards = hazard_table(panel, dpd=30)

    curve = vintage_table(panel, dpd=30).iloc[0].reindex(hazards.index)
    np.testing.assert_allclose(hazards["cumulative_incidence"], curve, atol=1e-12)
    assert (hazards["hazard_low"] <= hazards["hazard"]).all()
    assert (hazards["hazard"] <= hazards["hazard_high"]).all()


def test_hazards_of_small_panel_by_hand():
    hazards = hazard_table(SMALL, dpd=90)

    assert hazards.index.tolist() == [0, 1, 2, 3, 4]
    assert hazards["at_risk"].tolist() == [4, 4, 3, 3, 2]
    assert hazards["events"].tolist() == [0, 0, 0, 1, 1]
    assert hazards["ended"].tolist() == [0, 1, 0, 0, 0]
    np.testing.assert_allclose(hazards["hazard"], [0, 0, 0, 1 / 3, 1 / 2])
    np.testing.assert_allclose(hazards["survival"], [1, 1, 1, 2 / 3, 1 / 3])
    np.testing.assert_allclose(hazards["cumulative_incidence"], [0, 0, 0, 0.25, 0.5])


def test_younger_cohorts_are_at_risk_only_as_far_as_observed():
    panel = panel_of(
        [
            ("2024-01", rows_of([100] * 4, [0] * 4)),
            ("2024-03", rows_of([100] * 2, [0] * 2)),
        ]
    )

    hazards = hazard_table(panel)

    assert hazards["at_risk"].tolist() == [2, 2, 1, 1]
    assert hazards["ended"].tolist() == [0, 0, 0, 0]


def test_interval_is_jeffreys_beta():
    # Beta(5.5, 95.5) quantiles; scipy.stats knows them by another road than scipy.special
    from scipy.stats import beta

    outcomes = pd.DataFrame(
        {
            "loan_id": [f"L{i}" for i in range(100)],
            "cohort": pd.Timestamp("2024-01-01"),
            "amount": 1,
            "event": ["default"] * 5 + ["censored"] * 95,
            "event_mob": 1,
        }
    )

    hazards = hazard_table(outcomes)

    assert hazards.loc[1, "hazard_low"] == pytest.approx(beta.ppf(0.025, 5.5, 95.5))
    assert hazards.loc[1, "hazard_high"] == pytest.approx(beta.ppf(0.975, 5.5, 95.5))
    assert hazards.loc[0, "hazard_low"] == 0


def outcomes_of(**columns):
    n_loans = len(columns["event"])
    frame = pd.DataFrame({"loan_id": [f"L{i}" for i in range(n_loans)], **columns})
    return frame.assign(cohort=pd.to_datetime(frame["cohort"]))


def test_outcomes_are_matured_up_to_the_first_censored_loan():
    outcomes = outcomes_of(
        cohort=["2024-01-01"] * 2 + ["2024-02-01"] * 3,
        amount=[100, 300, 100, 100, 200],
        event=["default", "matured", "default", "censored", "censored"],
        event_mob=[2, 6, 1, 3, 4],
    )

    loans = vintage_table(outcomes)
    amount = vintage_table(outcomes, measure="amount")
    counts = cohort_counts(outcomes)

    np.testing.assert_allclose(loans.iloc[0], [0, 0, 0.5, 0.5, 0.5, 0.5, 0.5])
    np.testing.assert_allclose(loans.iloc[1], [0, 1 / 3, 1 / 3, 1 / 3, np.nan, np.nan, np.nan])
    np.testing.assert_allclose(amount.iloc[1, :4], [0, 0.25, 0.25, 0.25])
    assert counts["censored_loans"].sum() == 2
    assert counts.loc["2024-02-01", "exit_default_loans"].tolist() == [0, 1, 0, 1, 1]
    early = vintage_table(outcomes, observed_to="2024-03-15")
    np.testing.assert_allclose(early, [[0, 0, 0.5], [0, 1 / 3, np.nan]])


def test_cohort_after_the_observation_date_is_left_out():
    table = vintage_table(SMALL, observed_to="2024-01-31")

    assert table.index.tolist() == [pd.Timestamp("2024-01-01")]
    assert table.columns.tolist() == [0]
    assert vintage_table(SMALL, observed_to="2023-12-31").shape == (0, 0)


def test_empty_book_gives_empty_tables():
    counts = cohort_counts(SMALL.iloc[:0])

    assert len(counts) == 0
    assert counts.columns.tolist() == cohort_counts(SMALL).columns.tolist()
    assert vintage_table(counts).shape == (0, 0)
    assert len(hazard_table(counts)) == 0
    pd.testing.assert_frame_equal(
        counts_add(counts, cohort_counts(SMALL)), cohort_counts(SMALL)[counts.columns]
    )


def test_base_of_nothing_warns_and_is_missing():
    panel = panel_of([("2024-01", rows_of([0, 0], [0, 40]))])

    with pytest.warns(UserWarning, match="base of 0 amount"):
        table = vintage_table(panel, measure="amount")
    assert table.isna().all(axis=None)


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ([1, 0, 2, 3, 4], "repeat a month of the loan or go back, for example row 2: mob 0"),
        (
            [0, 2, 1, 3, 4],
            "repeat a month of the loan or go back, for example row 3: mob 1 follows mob 2",
        ),
        (
            [0, 1, 2, 2, 3, 4],
            "repeat a month of the loan or go back, for example row 4: mob 2 follows mob 2",
        ),
        (
            [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1],
            "rows of 1 loans are not together, for example row 11: same loan as row 1, others",
        ),
    ],
)
def test_unsorted_panel_is_refused(order, message):
    with pytest.raises(DataContractError, match=message):
        loan_starts(SMALL.iloc[order])
    with pytest.raises(DataContractError, match=message):
        cohort_counts(SMALL.iloc[order])


def test_loans_together_but_not_in_order_are_counted():
    shuffled = pd.concat([SMALL.iloc[5:], SMALL.iloc[:5]])

    pd.testing.assert_frame_equal(cohort_counts(shuffled), cohort_counts(SMALL))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.drop(columns=["dpd", "status"]), "missing columns dpd, status; present: loan"),
        (lambda p: p.assign(status=["prepaid", *p["status"][1:]]), "1 prepaid or matured rows are"),
        (
            lambda p: p.assign(cohort=p["cohort"].mask(p["mob"] == 4, pd.Timestamp("2024-03-01"))),
            "cohort: changes within a loan in 2 rows",
        ),
        (lambda p: p.assign(cohort=p["cohort"].where(p["loan_id"] != "L001")), "cohort: missing"),
    ],
)
def test_broken_panel_is_refused(change, message):
    with pytest.raises(DataContractError, match=message):
        cohort_counts(change(SMALL))


def test_broken_outcomes_list_every_violation():
    outcomes = outcomes_of(
        cohort=["2024-01-01"] * 3,
        amount=[1, 1, 1],
        event=["default", "lost", "prepaid"],
        event_mob=[1, 1, -1],
    ).assign(loan_id=["a", "a", "b"])

    with pytest.raises(DataContractError) as raised:
        cohort_counts(outcomes)
    assert [line.split(":")[0] for line in raised.value.violations] == [
        "loan_id",
        "event",
        "event_mob",
    ]


def test_wrong_settings_are_refused():
    counts = cohort_counts(SMALL, dpd=(30, 60))
    outcomes = outcomes_of(cohort=["2024-01-01"], amount=[1], event=["default"], event_mob=[1])

    with pytest.raises(ValueError, match=r"thresholds counted \(30, 60\), got 90"):
        vintage_table(counts, dpd=90)
    with pytest.raises(ValueError, match="measure must be"):
        vintage_table(counts, measure="balance")
    with pytest.raises(ValueError, match="cohort_freq must be"):
        vintage_table(counts, cohort_freq="W")
    with pytest.raises(ValueError, match="ever=False needs a performance panel"):
        vintage_table(outcomes, ever=False)
    with pytest.raises(ValueError, match="different thresholds"):
        cohort_counts(SMALL, dpd=(30, 30))


@pytest.fixture(scope="module")
def lending_club_outcomes(lending_club):
    """Outcomes of the policy-compliant 36-month loans issued 2008-2011, through the mapping."""
    outcomes = lending_club.outcomes
    issued = outcomes["cohort"].dt.year.between(2008, 2011)
    return outcomes[issued & (outcomes["term_months"] == 36)]


# published beside the data, per cent charged off by month 6, 12, 18, 24, 36
BY_EVENT_MOB = {
    2008: [1.73, 5.19, 9.09, 12.68, 15.69],
    2009: [2.23, 5.24, 7.49, 9.56, 12.32],
    2010: [1.32, 3.47, 5.42, 7.10, 9.69],
    2011: [1.35, 3.62, 5.80, 7.74, 10.51],
}
BY_LAST_PAYMENT = {
    2008: [2.24, 5.89, 9.67, 13.19, 15.69],
    2009: [2.65, 5.58, 7.76, 9.94, 12.40],
    2010: [1.62, 3.86, 5.68, 7.29, 9.78],
    2011: [1.73, 4.03, 6.13, 8.12, 10.59],
}


@pytest.mark.parametrize(
    ("months_after_last_payment", "published"), [(1, BY_EVENT_MOB), (0, BY_LAST_PAYMENT)]
)
def test_lending_club_vintages_match_published(
    lending_club_outcomes, months_after_last_payment, published
):
    outcomes = lending_club_outcomes.copy()
    # the mapping dates a default one month after the last payment
    outcomes["event_mob"] -= (1 - months_after_last_payment) * (outcomes["event"] == "default")

    table = vintage_table(outcomes, cohort_freq="Y")

    percent = (100 * table[[6, 12, 18, 24, 36]]).round(2)
    assert dict(zip(percent.index.year, percent.to_numpy().tolist(), strict=True)) == published


def test_lending_club_incidence_ends_at_the_share_charged_off(lending_club_outcomes):
    hazards = hazard_table(lending_club_outcomes)

    # 28,845 loans, 11.03 % charged off, every one resolved
    assert hazards.loc[0, "at_risk"] == 28_845
    assert round(100 * hazards["cumulative_incidence"].iloc[-1], 2) == 11.03
    assert hazards["events"].sum() + hazards["ended"].sum() == 28_845


def test_a_panel_of_days_past_due_alone_gives_loans_and_no_amounts():
    thin = SMALL[["loan_id", "cohort", "mob", "month_end", "dpd", "status", "term_months"]]

    counts = cohort_counts(thin)

    full = cohort_counts(SMALL)
    assert not [name for name in counts if "amount" in name]
    pd.testing.assert_frame_equal(counts, full[list(counts)])
    for n in (30, 60, 90):
        for ever in (True, False):
            pd.testing.assert_frame_equal(
                vintage_table(counts, dpd=n, ever=ever), vintage_table(full, dpd=n, ever=ever)
            )
    pd.testing.assert_frame_equal(hazard_table(counts), hazard_table(full))
    with pytest.raises(ValueError, match="measure='amount' needs balances and original amounts"):
        vintage_table(counts, measure="amount")
    # balances alone do not tell what was lent to a loan that ended in its first month
    assert "amount" not in cohort_counts(thin.assign(balance=1))
    assert cohort_counts(thin.assign(balance=1, amount=2))["amount"].sum() == 2 * 4


def test_months_without_a_default_have_no_peak():
    hazards = hazard_table(cohort_counts(SMALL))
    assert hazard_text(hazards) == "Too few loans have defaulted (2) to say in which month most do."
    assert hazard_figures(hazards, 12) == {}
    assert hazard_text(hazards.assign(events=0)) == "No loan has defaulted so far."
    assert hazard_figures(hazards.assign(events=0), 12) == {}


def test_a_month_is_the_worst_only_where_it_is_so_beyond_chance():
    # 64 beside 62 and 50 is chance, beside 40 it is not: p-values 0.93, 0.22 and 0.024
    events = pd.DataFrame({"events": [2, 40, 62, 64, 50, 10]}, index=range(3, 9))
    assert stats.binomtest(64, 114).pvalue > 0.05 > stats.binomtest(64, 104).pvalue
    assert hazard_text(events) == (
        "Most defaults come in months 5 to 7 on book, about alike: 50 to 64 a month."
    )
    label = "Most defaults of 12 months, in months on book"
    assert hazard_figures(events, 12) == {label: "5 to 7, about alike"}
    events.loc[6] = 140
    assert hazard_text(events).startswith("Most defaults come in month 6 on book, more than in any")
    assert hazard_figures(events, 12) == {label: "6"}
    apart = pd.DataFrame({"events": [60, 61, 5, 62, 5, 63, 64]})
    assert "months 0 to 1, 3 and 5 to 6 on book" in hazard_text(apart)

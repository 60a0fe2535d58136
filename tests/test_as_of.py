"""The book as it stood on a day, and the page of vintages made of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from notebook_cells import run_notebook

from riskkit import as_of, schema, synthetic, vintage
from riskkit.pipeline import notebooks
from riskkit.pipeline.opening import UNDER_RUNNER
from riskkit.tables import Table
from riskkit.target import BadDefinition

DAY, LAST = pd.Timestamp("2024-03-31"), pd.Timestamp("2024-12-31")
PROJECT = Path(__file__).parents[1]


def months(first: str, n: int) -> pd.DatetimeIndex:
    return pd.date_range(first, periods=n, freq="ME")


def panel() -> pd.DataFrame:
    """One loan a month from January to June of 2024, each seen to the end of June."""
    rows = [
        {"loan_id": f"L{start}", "cohort": pd.Timestamp(2024, start, 1), "mob": month - start,
         "month_end": pd.Timestamp(2024, month, 1) + pd.offsets.MonthEnd(0),
         "dpd": 95 * (start == 2 and month >= 5), "status": "current"}
        for start in range(1, 7)
        for month in range(start, 7)
    ]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("day", "month_end", "loans"),
    [("2024-03-31", "2024-03-31", 3), ("2024-04-29", "2024-03-31", 3), ("2024-01-31", None, 1)],
)
def test_a_panel_holds_what_was_seen_by_the_day(day, month_end, loans):
    found = as_of.book_as_of(Table(panel(), whole="loan_id"), day, pd.Timestamp("2024-06-30"))
    book = found.book.frame()
    assert book["loan_id"].nunique() == loans
    assert book["month_end"].max() <= pd.Timestamp(day)
    assert found.month_end == pd.Timestamp(month_end or day)
    assert (found.day, found.cut_at) == (pd.Timestamp(day), pd.Timestamp(day))
    expected = panel()[panel()["month_end"] <= day]
    pd.testing.assert_frame_equal(book, expected.reset_index(drop=True))


@pytest.mark.parametrize("day", ["", "2024-06-30"])
def test_the_last_day_cuts_nothing(day):
    found = as_of.book_as_of(Table(panel(), whole="loan_id"), day, pd.Timestamp("2024-06-30"))
    pd.testing.assert_frame_equal(found.book.frame(), panel())
    assert (found.day, found.cut_at) == (pd.Timestamp("2024-06-30"), None)


@pytest.mark.parametrize("day", ["2024-01-30", "2024-07-01"])
def test_a_day_outside_the_data_is_refused(day):
    said = f"between 2024-01-31, the first month-end of the book, and 2024-06-30.*got '{day}'"
    with pytest.raises(ValueError, match=said):
        as_of.book_as_of(Table(panel(), whole="loan_id"), day, pd.Timestamp("2024-06-30"))


@pytest.mark.parametrize("day", ["June", "2024-13-01", "2024", 20240630, "2024-06-30 12:00", None])
def test_what_is_no_day_is_refused_before_a_run(day):
    with pytest.raises(ValueError, match="observed_to must be a day such as 2024-06-30, or empty"):
        vintage.check_vintages({"observed_to": day})


def test_a_day_and_none_are_accepted_before_a_run():
    assert vintage.check_vintages({"observed_to": "2024-06-30"}) == {}
    assert vintage.check_vintages({"observed_to": ""}) == {}


def test_outcomes_are_those_known_by_the_day():
    rng = np.random.default_rng(5)
    n = 200
    cohort = pd.to_datetime([f"2024-{month:02d}-01" for month in rng.integers(1, 7, n)])
    outcomes = pd.DataFrame({
        "loan_id": range(n), "cohort": cohort, "amount": 100,
        "event": rng.choice(["default", "prepaid", "matured", "censored"], n),
        "event_mob": rng.integers(0, 6, n)})  # fmt: skip

    found = as_of.book_as_of(Table(outcomes), "2024-03-15", None)
    assert found.month_end == pd.Timestamp("2024-02-29")
    known = {}
    for row in outcomes.itertuples():
        seen_months = 2 - row.cohort.month  # to the end of February
        if seen_months >= 0:
            later = row.event_mob > seen_months
            known[row.loan_id] = ("censored", seen_months) if later else (row.event, row.event_mob)
    book = found.book.frame().set_index("loan_id")
    assert known == {loan: (row.event, row.event_mob) for loan, row in book.iterrows()}


def test_an_empty_day_of_outcomes_without_a_last_day_is_none():
    outcomes = pd.DataFrame({"loan_id": ["a"], "cohort": [DAY], "event": "matured", "event_mob": 3})
    assert as_of.book_as_of(Table(outcomes), "", None).day is None


def test_the_page_as_of_a_day_is_that_of_data_cut_at_it(tmp_path, monkeypatch):
    """Nothing seen later enters anything: tables, sentences and findings are equal."""
    monkeypatch.setenv(UNDER_RUNNER, "1")
    lender = synthetic.Lender(treatment_rate=0.1)
    world = synthetic.simulate(lender, 1_800, seed=3)
    known = world.applications
    rng = np.random.default_rng(0)
    scores = known[["application_id", "applied_at", "term_months", "booked"]].assign(
        scorecard=rng.integers(450, 650, len(known))
    )
    decisions = known[["application_id"]].assign(grade=rng.choice(["A", "B", "C"], len(known)))
    tables = {
        "performance": world.performance, "instalments": world.instalments,
        "applications": known, "scores": scores, "decisions": decisions, "truth": world.truth,
    }  # fmt: skip
    assert world.performance["month_end"].max() == LAST
    paid_later = tables["instalments"]["paid_date"] > DAY
    book = world.performance[world.performance["month_end"] <= DAY]
    cut = tables | {
        "performance": book,
        "applications": known[known["applied_at"] <= DAY],
        "scores": scores[scores["applied_at"] <= DAY],
        "instalments": world.instalments.assign(
            paid_date=world.instalments["paid_date"].mask(paid_later),
            paid_amount=world.instalments["paid_amount"].mask(paid_later, 0),
        )[world.instalments["loan_id"].isin(book["loan_id"])],
    }
    facts = schema.SourceFacts(
        name="world", title="A world", currency="CNY", accepted_only=False, bad=BadDefinition(),
        observed_to=LAST,
    )  # fmt: skip
    (notebook,) = [n for n in notebooks.find_notebooks(PROJECT) if n.number == 5]
    shown = {}
    for name, frames, last, parameters in (
        ("whole", tables, LAST, {"observed_to": f"{DAY:%Y-%m-%d}"}),
        ("cut", cut, DAY, {}),
    ):
        run_dir = tmp_path / name
        (run_dir / "01_borrowers").mkdir(parents=True)
        for table, frame in frames.items():
            schema.write_table(
                frame.reset_index(drop=True), run_dir / "01_borrowers" / f"{table}.parquet"
            )
        replace(facts, observed_to=last).save(run_dir / "01_borrowers" / "source.json")
        shown[name] = run_notebook(notebook, run_dir, **parameters)

    assert "seen up to 31 March 2024" in "".join(shown["whole"])
    assert sum(len(text) for text in shown["whole"]) > 30_000  # the sections are there
    for whole, alone in zip(shown["whole"], shown["cut"], strict=True):
        assert whole == alone
    for name in ("findings.json", "key_figures.json", "recent.parquet", "projection.parquet"):
        left = [tmp_path / run / "05_vintages" / name for run in ("whole", "cut")]
        assert left[0].exists()
        assert left[0].read_bytes() == left[1].read_bytes(), name

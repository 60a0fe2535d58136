"""The notebooks on sources with nothing to show: none fails, and what they say is right."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from notebook_cells import run_notebooks
from thin_sources import AMOUNTS, CATEGORY, NUMBERS, thin_source

from riskkit import migration
from riskkit.schema import Source

INCOME = NUMBERS["income"]


def constant(source: Source, *names: str) -> Source:
    values = {name: "north" if name == "city" else 1.0 for name in names}
    return replace(source, applications=source.applications.assign(**values))


def bads(source: Source, keep: Callable[[pd.DataFrame], pd.Series]) -> Source:
    """Bads that are not kept are good."""
    applications = source.applications
    flags = applications["default_flag"]
    good = (flags == 1) & ~keep(applications)
    return replace(source, applications=applications.assign(default_flag=flags.mask(good, 0.0)))


def some(n: int) -> Callable[[pd.DataFrame], pd.Series]:
    def keep(applications: pd.DataFrame) -> pd.Series:
        bad = applications["default_flag"] == 1
        return bad & (bad.cumsum() % (bad.sum() // n) == 0)

    return keep


def one_cohort() -> Source:
    """Everybody is declined but the applicants of one month, of whom the features tell little."""
    source = thin_source("one_cohort", n=3_000, declined_rate=0.1, signal=0.4)
    months = source.applications["applied_at"].dt.to_period("M")
    outside = source.applications["booked"] & (months != months.min() + 9)
    applications = source.applications.copy()
    applications.loc[outside, ["approved", "booked"]] = False
    applications.loc[outside, "declined_reason"] = "closed"
    applications.loc[outside, "default_flag"] = np.nan
    booked = applications.loc[applications["booked"], "application_id"]
    assert source.performance is not None
    panel = source.performance[source.performance["loan_id"].isin(booked)]
    return replace(source, applications=applications, performance=panel.reset_index(drop=True))


def counting_months() -> Source:
    """Loan, month and days past due alone, these as 0, 30, 60, ... of months past due."""
    source = thin_source("counting_months")
    assert source.performance is not None
    panel = source.performance.drop(columns=AMOUNTS)
    return replace(source, performance=panel.assign(dpd=(panel["dpd"] + 29) // 30 * 30))


def quiet() -> Source:
    """Bads are the source's word: in the panel nobody is ever past due."""
    source = thin_source("quiet")
    assert source.performance is not None
    status = {"delinquent": "current", "charged_off": "prepaid"}
    panel = source.performance.assign(dpd=0)
    panel["status"] = panel["status"].replace(status)
    return replace(source, performance=panel)


def undated() -> Source:
    return thin_source("undated", dated=False, book="", declined_rate=0)


PLAIN = {"terms": (12,), "channels": (), "declined_rate": 0.0, "gaps": False}
Said = dict[int, list[str]]
CASES: dict[str, tuple[Callable[[], Source], Said, Said]] = {
    "one month": (
        lambda: thin_source("one_month", n_months=1, watched_months=24),
        {
            1: ["900 applications in January 2022", "No feature has moved"],
            4: ["The test sample:"],
            5: ["No earlier cohort is there to compare the newest with."],
        },
        {4: ["judged months"]},
    ),
    "one cohort": (
        one_cohort,
        {2: ["chance gives as much"], 3: ["**There is no model:**"],
         4: ["**There is no cutoff to choose:**"], 5: ["No earlier cohort"],
         9: ["There is no early warning:", "**There is no plan", "No figure is watched"]},
        {},
    ),
    "one term, one level, nobody declined, nothing missing, no channel": (
        lambda: constant(thin_source("one_term", **PLAIN), "city"),
        {1: ["*No value is missing.*", "*Nobody: these data hold granted loans only"],
         2: ["City (one value)"],
         6: ["*Skipped: this source has no `declined_reason` (why an application was declined)"]},
        {},
    ),
    "one feature, no special code": (
        lambda: thin_source("one_feature", features=(INCOME,), gaps=False),
        {1: ["*No value is missing.*", "1 features are offered"], 2: ["**1 of 1** features go on"]},
        {1: ["code / meaning"]},
    ),
    "no numeric feature": (
        lambda: thin_source("no_numbers", features=(CATEGORY,), channels=()),
        {2: ["**1 of 1** features go on, led by City"]},
        {},
    ),
    "a constant feature, and a channel without bads": (
        lambda: bads(constant(thin_source("constant"), "income"), lambda a: a["channel"] == "app"),
        {2: ["Income (one value)"]},
        {},
    ),
    "no feature that tells": (
        lambda: constant(thin_source("worthless", features=(INCOME, CATEGORY)), "income", "city"),
        {
            2: ["**None of 2 features tells enough**", "*No feature has neighbouring bins.*",
                "nothing is tried"],
            3: ["**There is no model:**", "*Skipped: no feature offered tells enough for a"],
            4: ["**There is no cutoff to choose:**", "*Skipped: there is no model.*"],
            5: ["Most defaults come in months"],
            6: ["**There is nothing to validate:**"],
        },
        {2: ["led by"], 3: ["## Conclusion"]},
    ),
    "thirty bads": (
        lambda: bads(thin_source("thirty"), some(30)),
        {1: ["bads in all, are there to learn from"], 4: ["With fewer than 30 bads behind it"]},
        {},
    ),
    "no dates and no book": (
        undated,
        {1: ["*Skipped: this source has no `applied_at` (the day of an application)"],
         5: ["**There is nothing to show:**"], 9: ["**There is nothing to monitor:**"]},
        {},
    ),
    "days past due alone, in multiples of thirty": (
        counting_months,
        {1: ["All days past due of this panel are multiples of 30", "M2 31–60 days"],
         5: ["it begins at two months", "*Skipped: curves by amount need",
             "*Skipped: this source has no `balance` (the outstanding principal at each"]},
        {1: ["2nd month"], 5: ["amount, CNY"]},
    ),
    "outcomes, many of them open": (
        lambda: thin_source("outcomes", book="outcomes", watched_months=3),
        {1: ["*Skipped: this source has no `performance` table"], 5: ["By amount, a loan weighs"]},
        {},
    ),
    "a panel in which nobody is past due": (
        quiet,
        {1: ["No loan was past due in these months", "**cannot be judged** yet"],
         5: ["No loan has defaulted so far."]},
        {1: ["many it calls bad come back"], 5: ["Most defaults come"]},
    ),
    "a book too young to judge": (
        lambda: thin_source("young", n_months=4, watched_months=1, declined_rate=0.0),
        {1: ["**cannot be judged** yet"]},
        {},
    ),
}  # fmt: skip
# what makes these thin is the book, which 02 to 04 do not read
BOOK_ALONE = ("days past due", "outcomes", "a panel", "a book")


@pytest.mark.parametrize("case", CASES)
def test_notebooks_say_what_there_is_and_what_there_is_not(case, tmp_path, monkeypatch):
    source, said, unsaid = CASES[case]
    numbers = "15" if case.startswith(BOOK_ALONE) else "123456"
    numbers += "9" if 9 in said else ""

    shown = run_notebooks(source(), tmp_path, monkeypatch, numbers)

    for number, text in shown.items():
        words = " ".join(re.sub(r"<style.*?</style>|<[^>]+>", " ", text, flags=re.DOTALL).split())
        assert not re.search(r"\b(nan|NaT|inf)\b", words), number
        assert not re.search(r">\s*None\s*<", text), number
        # a table without rows says "none", or a sentence stands in its place
        assert not re.search(r"<tbody>\s*</tbody>", text), number
        for phrase in said.get(number, []):
            assert phrase in words, (number, phrase)
        for phrase in unsaid.get(number, []):
            assert phrase not in words, (number, phrase)


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("one month", "## Conclusion"),
        ("one term, one level, nobody declined, nothing missing, no channel", "## Conclusion"),
        ("a panel in which nobody is past due", "## Conclusion"),
        ("days past due alone, in multiples of thirty", "**There is nothing to provide for:**"),
        ("outcomes, many of them open", "**There is nothing to provide for:**"),
    ],
)
def test_provisions_of_a_thin_book_are_told_as_far_as_it_goes(case, said, tmp_path, monkeypatch):
    source = CASES[case][0]()
    # what a loan costs is nothing that the other notebooks need
    priced = replace(source, applications=source.applications.assign(offer_apr=0.2))
    text = run_notebooks(priced, tmp_path, monkeypatch, "18")[8]
    words = " ".join(re.sub(r"<style.*?</style>|<[^>]+>", " ", text, flags=re.DOTALL).split())
    assert said in words
    assert not re.search(r"\b(nan|NaT|inf)\b", words)
    assert not re.search(r">\s*None\s*<", text)
    assert not re.search(r"<tbody>\s*</tbody>", text)


def test_roll_rates_say_nothing_of_buckets_that_nobody_was_in():
    unseen = [np.nan] * 3
    rates = pd.DataFrame(
        {
            "loans": [900, 300, 0, 0, 0],
            "no_return_rate": [0.0, 0.1, *unseen],
            "no_return_low": [0.0, 0.07, *unseen],
            "no_return_high": [0.01, 0.14, *unseen],
        },
        index=[f"M{k}" for k in range(5)],
    )

    assert "M4, where no loan was seen: the roll rates say nothing of it." in migration.roll_text(
        rates, 90
    )
    assert "come back" in migration.roll_text(rates, 15)
    nobody = rates.assign(no_return_rate=[0.0, *[np.nan] * 4])
    assert migration.roll_text(nobody, 90).startswith("No loan was past due in these months")


def test_what_gives_the_label_away_is_not_offered_to_the_challenger(tmp_path, monkeypatch):
    fees = replace(NUMBERS["income"], name="fees", label="Late fees")
    source = thin_source("leaking", features=(*NUMBERS.values(), fees))
    applications = source.applications
    late = applications["default_flag"] == 1
    applications = applications.assign(fees=applications["fees"].where(late))
    shown = run_notebooks(
        replace(source, applications=applications), tmp_path, monkeypatch, numbers="123"
    )
    (saved,) = tmp_path.rglob("challenger.json")
    assert json.loads(saved.read_text())["features"] == ["income", "calls"]
    assert "Directions found, by what is released" in shown[3]

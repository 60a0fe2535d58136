"""Monitoring of sources with little to show: words, no failure."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from thin_sources import AMOUNTS, thin_source

from riskkit import metrics, monitoring

SMALL = {"n": 300, "n_months": 9, "watched_months": 12}


def told(source):
    """Every sentence that these tables have, by what it is of."""
    asked, observed = source.applications, source.observed_to or pd.Timestamp("2024-01-31")
    score = pd.Series(np.arange(len(asked)) % 50 + 500.0, index=asked.index)
    dated = "applied_at" in asked
    base = asked["applied_at"] <= asked["applied_at"].median() if dated else score > 0
    book = source.performance if source.performance is not None else source.outcomes
    facts = {"observed_to": observed, "performance": book, "score": score}
    counts = monitoring.monthly_counts(asked, **facts)
    signals = monitoring.month_signals(counts, observed)
    reasons = monitoring.decline_table(monitoring.decline_counts(asked), observed)
    early = monitoring.early_read(counts, observed, development_to="2022-03-31")
    moved = monitoring.stability_table(monitoring.stability_counts(asked, base=base, score=score))
    values = monitoring.value_changes(monitoring.value_counts(asked, source.features, base=base))
    of_score = metrics.score_counts(score, asked["default_flag"])
    scale = metrics.master_scale(of_score, edges=[520, 540])
    tested = monitoring.backtest(of_score, scale)
    factor = monitoring.factor_correlation([3], [10])
    words = {
        "business": monitoring.monthly_text(signals),
        "reasons": monitoring.monthly_text(reasons),
        "early": monitoring.early_text(early),
        "stability": monitoring.stability_text(moved, {}),
        "values": monitoring.value_changes_text(values, {}),
        "grades": monitoring.backtest_text(tested, factor),
    }
    if dated:
        months = monitoring.outcome_counts(score, asked["default_flag"], asked["applied_at"])
        by_month = (
            monitoring.calibration_months(months, lambda points: np.full(len(points), 0.15)),
            monitoring.gini_months(months),
        )
        words["months"] = monitoring.model_months_text(*by_month)
        assert isinstance(monitoring.model_months_findings(*by_month), list)
    assert isinstance(monitoring.monthly_findings(signals), list)
    assert isinstance(monitoring.stability_findings(moved, {}, values), list)
    return words


def without_bads():
    source = thin_source("no_bads", bad_rate=1e-9, **SMALL)
    assert not (source.applications["default_flag"] == 1).any()
    return source


def days_alone():
    source = thin_source("days_alone", **SMALL)
    return replace(source, performance=source.performance.drop(columns=AMOUNTS))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda: thin_source("undated", dated=False, book="", declined_rate=0, **SMALL),
            {
                "business": "There are no two months",
                "reasons": "There are no two months",
                "early": "No cohort since",
                "stability": "Nobody applied after",
            },
        ),
        (
            lambda: thin_source("one_month", n=300, n_months=1, watched_months=12),
            {"reasons": "There are no two months", "early": "No cohort since"},
        ),
        (
            lambda: thin_source("outcomes", book="outcomes", channels=(), **SMALL),
            {"early": "No cohort since"},
        ),
        (without_bads, {"grades": "", "months": ""}),
        (days_alone, {"early": "There is too little"}),
    ],
    ids=["undated", "one month", "outcomes", "no bads", "days alone"],
)
def test_every_table_has_words(make, said):
    words = told(make())
    assert all(words.values())
    for name, start in said.items():
        assert words[name].startswith(start), words[name]
    assert not any("nan" in text for text in words.values()), words

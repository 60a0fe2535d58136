"""Objects that show themselves in a notebook, and the one credit score they give."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from riskkit import pipeline
from riskkit.binning import WoeBinner
from riskkit.challenger import Challenger
from riskkit.columns import Description
from riskkit.pipeline.execute import Failure
from riskkit.scorecard import Scorecard

INCOME, MARK = "<b>income</b>", "<b>"


@pytest.fixture(scope="module")
def loans() -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(3)
    X = pd.DataFrame({INCOME: rng.normal(size=2000), "age": rng.normal(size=2000)})
    y = (rng.random(2000) < 1 / (1 + np.exp(2 + 2 * X[INCOME] + X["age"]))).astype(int).to_numpy()
    return X.set_axis([f"A{i}" for i in range(2000)]), y


@pytest.fixture(scope="module")
def fitted(loans: Any) -> dict[str, Any]:
    X, y = loans
    binner = WoeBinner(max_bins=5).fit(X, y)
    return {
        "binner": binner.merge_bins("age", 0, 1, by="Li", reason="alike"),
        "card": Scorecard(binner, max_p_value=None).fit(X, y),
        "trees": Challenger({"age": "descending"}, n_rounds=20).fit(X, y),
    }


def said(shown: Any) -> str:
    """What a notebook shows of an object, without tags."""
    page = shown._repr_html_()
    assert shown._repr_mimebundle_(include=None) == {"text/plain": repr(shown), "text/html": page}
    # names are shown, not obeyed; and the page is the reader's, light or dark
    assert page.count(MARK) == 1
    assert "<i>" not in page
    assert not re.search("color:|background", page)
    return html.unescape(re.sub("<[^>]+>", " ", page))


def test_what_is_not_fitted_says_so_and_how_to() -> None:
    for estimator in (WoeBinner(), Scorecard(), Challenger()):
        words = said(estimator)
        assert f"{type(estimator).__name__}, not fitted" in words
        assert "the defaults" in words
        assert ".fit(X, y)" in words
    assert "WoeBinner(max_bins=5)" in said(WoeBinner(max_bins=5))


def test_what_is_fitted_says_to_what(fitted: dict[str, Any], loans: Any) -> None:
    binner, card, trees = fitted.values()
    words = said(binner)
    assert f"2,000 rows, {loans[1].sum():,} of them bad" in words
    n_bins = sum(bins.n_bins for bins in binner.bins_.values())
    assert f"2 in {n_bins} bins" in words
    assert f"{binner.iv.min():.3f} to {binner.iv.max():.3f}, the largest of {INCOME}" in words
    assert "1: .edit_log() lists them" in words
    assert f".table({INCOME!r})" in words
    score = card.points_table()["points"].groupby(level="feature").agg(["min", "max"]).sum()
    words = said(card)
    assert f"{score['min']} to {score['max']}, base points {card.base_points_}" in words
    assert "600 points at 50 goods to one bad" in words
    words = said(trees)
    assert "2, 1 of them bound to a direction" in words
    assert "20 of at most 8 leaves" in words
    assert "platt" in words
    assert f"most gain {INCOME}" in " ".join(words.split())


def test_a_run_shows_its_stages_and_why_it_failed() -> None:
    stages = (pipeline.StageResult("01_a", "up to date"), pipeline.StageResult("02_b", "failed", 2))
    folders = (Path("runs/<i>"), Path("reports/<i>"))
    result = pipeline.RunResult(*folders, stages, 1, Failure("ValueError", "no <i>"))
    words = said(result)
    assert "Run <i>: failed" in words
    assert re.search(r"01_a\s+up to date\s+02_b\s+failed, 2.0 s", words)
    assert "ValueError: no <i>" in words
    assert str(Path("reports/<i>/02_b.html")) in words
    done = pipeline.RunResult(*folders, stages[:1])
    assert str(done.index) in said(done)


def test_nothing_empty_is_shown() -> None:
    assert "edits" not in Description("x", {"edits": ""}, []).to_html()
    assert "next" not in Description("x", {}, []).to_html()


@pytest.mark.parametrize("name", ["card", "trees"])
def test_a_credit_score_keeps_the_index_of_its_rows(
    name: str, fitted: dict[str, Any], loans: Any
) -> None:
    model, X = fitted[name], loans[0].iloc[::-7]
    score = model.credit_score(X)
    assert isinstance(score, pd.Series)
    assert (score.name, score.dtype) == ("credit_score", np.int64)
    pd.testing.assert_index_equal(score.index, X.index)
    scored = model.scored(X)
    pd.testing.assert_series_equal(scored["credit_score"], score)
    np.testing.assert_array_equal(scored["default_probability"], model.predict_proba(X)[:, 1])
    pd.testing.assert_index_equal(scored.index, X.index)
    # rows find their score again, in whatever order they are asked for
    again = model.credit_score(X.sample(frac=1, random_state=1))
    pd.testing.assert_series_equal(again.reindex(X.index), score)
    assert model.credit_score(X.head(0)).empty

"""Blocks of a page that answer a choice."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from riskkit import documents, metrics, strategy, vintage


@pytest.fixture(scope="module")
def decided():
    """Two scores of the same applications, what became of them, and their cutoff tables."""
    rng = np.random.default_rng(3)
    scores = pd.DataFrame({"card": rng.integers(0, 40, 900), "trees": rng.integers(0, 40, 900)})
    y = pd.Series((rng.random(900) < 0.2).astype(float))
    booked = pd.Series(rng.random(900) < 0.8)
    y[~booked] = np.nan
    money = strategy.Economics(1, 5, 0)
    tables = {
        name: strategy.cutoff_table(metrics.score_counts(scores[name], y, booked=booked), money)
        for name in scores
    }
    return scores, y, booked, tables


def data_of(explorer):
    text = re.search(r'<script type="application/json">(.*?)</script>', explorer.html, re.DOTALL)
    return json.loads(text[1])


def test_swaps_at_equal_approval_are_swap_sets(decided):
    scores, y, booked, tables = decided
    found = strategy.equal_approval_swaps(scores, y, tables, booked=booked)
    for own, other in (("card", "trees"), ("trees", "card")):
        pairs = found[own].index.droplevel("decision").unique()
        assert [cutoff for cutoff, _ in pairs] == tables[own].index.tolist()
        for cutoff, beside in pairs[::7]:
            expected = strategy.swap_set(
                scores[own], scores[other], y, cutoff_a=cutoff, cutoff_b=beside, booked=booked
            )
            pd.testing.assert_frame_equal(found[own].loc[(cutoff, beside)], expected)
            row, rates = tables[own].loc[cutoff], tables[other]["approval_rate"]
            assert rates[beside] >= row["approval_rate"]
            assert not (rates[rates.index > beside] >= row["approval_rate"]).any()


def test_every_cutoff_stands_in_the_slider_as_its_table_says(decided):
    scores, y, booked, tables = decided
    swaps = strategy.equal_approval_swaps(scores, y, tables, booked=booked)
    slider = documents.cutoff_slider(
        tables, swaps, {"card": 20, "trees": 3}, rate_name="approval rate", money="</script>€"
    )
    data = data_of(slider)
    assert data["starts"] == {"card": 20, "trees": 3}
    for model, table in tables.items():
        positions = data["positions"][model]
        assert len(positions) == len(table)
        approved = [position["figures"][0][0] for position in positions]
        assert approved == [f"{rate:.1%}" for rate in table["approval_rate"]]
        for position, (_, row) in zip(positions, table.iterrows(), strict=True):
            both, only_card, only_trees, _ = (int(line[0]) for line in position["swaps"])
            only = only_card if model == "card" else only_trees
            assert both + only == row["applications"]
    # what stands there without scripts is the first model's start
    assert f"{tables['card'].loc[20, 'approval_rate']:.1%}" in slider.html
    assert "&lt;/script&gt;€" in slider.html
    assert slider.html.count("</script>") == 1


def test_a_slider_is_over_two_models(decided):
    _, _, _, tables = decided
    with pytest.raises(ValueError, match="two models"):
        documents.cutoff_slider({"card": tables["card"]}, {}, {}, rate_name="", money="")


def counts_of():
    rng = np.random.default_rng(0)
    n = 300
    outcomes = pd.DataFrame(
        {
            "loan_id": np.arange(n).astype(str),
            "cohort": pd.to_datetime(rng.choice(["2023-01-01", "2023-05-01", "2023-09-01"], n)),
            "amount": rng.integers(100, 900, n),
            "event": rng.choice(["default", "matured"], n, p=[0.2, 0.8]),
            "event_mob": rng.integers(1, 7, n),
        }
    )
    terms = pd.Series(rng.choice([3, 12], n), index=outcomes["loan_id"], name="term_months")
    return vintage.cohort_counts(outcomes, by=terms)


def test_the_curves_to_choose_from_are_vintage_tables():
    counts = counts_of()
    every = vintage.curve_choices(counts)
    assert every.index.unique("event").tolist() == ["default"]
    assert every.index.unique("measure").tolist() == ["loans", "amount"]
    for term in (3, 12):
        for measure in ("loans", "amount"):
            own = every.xs((term, "default", measure), level=["term", "event", "measure"])
            expected = vintage.vintage_table(counts.loc[term], measure=measure, cohort_freq="Q")
            found = own.drop(columns="loans").dropna(axis=1, how="all")
            np.testing.assert_allclose(found.to_numpy(float), expected.to_numpy(float))
            assert own["loans"].sum() == counts.loc[term]["loans"].sum()


def test_a_chooser_holds_every_curve_to_its_last_month():
    every = vintage.curve_choices(counts_of())
    start = {"term": 12, "event": "default", "measure": "loans"}
    chooser = documents.curve_chooser(every, start, [3, 6])
    data = data_of(chooser)
    assert set(data["curves"]) == {
        f"{term}|default|{measure}" for term in (3, 12) for measure in ("loans", "amount")
    }
    own = every.xs((12, "default", "loans"), level=["term", "event", "measure"])
    for curve in data["curves"]["12|default|loans"]:
        row = own.loc[curve["name"]]
        assert curve["loans"] == f"{row['loans']:,.0f}"
        expected = row.drop("loans").dropna().to_numpy(float)
        np.testing.assert_allclose(curve["values"], expected, atol=5e-6)
        # what is not drawn does not move
        still = expected[data["drawn_months"]["12|default|loans"] - 1 :]
        assert len(set(still)) <= 1
    assert 'value="12" selected' in chooser.html

"""The model document: the writer of pages, and what is said of a card."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from riskkit import documents, evidence, metrics, plots, profile
from riskkit.binning import WoeBinner, select_features
from riskkit.documents import Findings, document_html
from riskkit.documents.limits import (
    challenger_limits,
    model_limits,
    rule_limits,
    validation_figures,
)
from riskkit.documents.recommended import rule_text
from riskkit.documents.words import Limit
from riskkit.schema import Feature, SourceFacts, read_limits
from riskkit.scorecard import Scorecard, ScoreScale
from riskkit.target import BadDefinition

# -- the page --------------------------------------------------------------------------------------


class Tags(HTMLParser):
    """Every tag opened, what stays open, and every attribute."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.open: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def words(page: str) -> str:
    """A page's words on one line."""
    return re.sub(r"\s+", " ", re.sub(r"<style.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL))


def figure(label: str = "A curve. It rises.") -> Figure:
    made = Figure(figsize=(2, 1), label=label)
    made.subplots().plot([0, 1])
    return made


def test_sections_are_numbered_listed_and_linked() -> None:
    page = document_html(
        "A document",
        [("One", ["text"]), ("Two", [("Inner", ["a"]), "after", ("More", ["b"])])],
        subtitle="Of a run",
    )
    said = words(page)
    assert "A document Of a run 1 One 2 Two 2.1 Inner 2.2 More" in said
    ids = re.findall(r'<section id="([^"]+)"', page)
    assert ids == ["s1", "s2", "s2-1", "s2-2"]
    assert re.findall(r'href="#([^"]+)"', page) == ids
    assert "<h3>" in page
    assert Tags(page).open == []


def test_a_section_that_holds_nothing_is_left_out_and_not_counted() -> None:
    page = document_html("D", [("Empty", []), ("Hollow", [("Within", [])]), ("Full", ["text"])])
    assert "Empty" not in page
    assert "Hollow" not in page
    assert '<span class="number">1</span>Full' in page


def test_a_page_runs_nothing_and_loads_nothing() -> None:
    tags = Tags(document_html("D", [("S", [figure(), pd.DataFrame({"x": [1]})])]))
    assert not {"script", "link", "iframe", "object", "base"} & set(tags.names)
    assert not [name for name, _ in tags.attributes if name.startswith("on")]
    assert {value[:5] for name, value in tags.attributes if name == "src"} == {"data:"}
    assert dict(tags.attributes)["content"]
    assert "default-src 'none'" in dict(tags.attributes).get("content", "") or any(
        "default-src 'none'" in value for _, value in tags.attributes
    )


EVIL = "<script>alert('x')</script>&"


def test_nothing_in_a_text_is_markup() -> None:
    table = plots.show_table(pd.DataFrame({EVIL: [EVIL]}, index=[EVIL]), caption=EVIL)
    parts = [EVIL, [EVIL], {EVIL: EVIL}, table, figure(f'{EVIL}" onload="x'), (EVIL, [EVIL])]
    page = document_html(EVIL, [(EVIL, parts)], subtitle=EVIL)
    tags = Tags(page)
    assert "script" not in tags.names
    assert "onload" not in {name for name, _ in tags.attributes}
    # title, h1 and subtitle, contents, headings, text, bullet, label and value, table, caption
    assert page.count("&lt;script&gt;") >= 15


def test_tables_and_figures_are_numbered_and_share_no_id() -> None:
    table = plots.show_table(pd.DataFrame({"x": [1]}), caption="Same")
    page = document_html("D", [("A", [table, figure()]), ("B", [[table, table], figure()])])
    assert re.findall(r"Table (\d)\. Same", page) == ["1", "2", "3"]
    assert re.findall(r"<figcaption>Figure (\d)\. A curve<", page) == ["1", "2"]
    ids = re.findall(r'id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert 'alt="A curve. It rises."' in page
    # the table given stays as it was
    assert table.caption == "Same"
    assert page.count('<div class="side">') == 1


def test_equal_parts_give_equal_bytes() -> None:
    def made() -> str:
        return document_html("D", [("S", [figure(), pd.DataFrame({"x": [1.5]}), ["a"]])])

    assert made() == made()


def test_a_part_of_another_kind_is_refused() -> None:
    with pytest.raises(TypeError, match="a part is text, a table or a figure, got int"):
        document_html("D", [("S", [7])])


def test_a_document_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "card.html"
    assert documents.write_document(path, "First", [("S", ["one"])]) == path
    before = path.read_bytes()
    assert b"First" in before

    def broken(*_: Any) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", broken)
        with pytest.raises(OSError, match="disk full"):
            documents.write_document(path, "Second", [("S", ["two"])])
    with pytest.raises(TypeError):
        documents.write_document(path, "Third", [("S", [object()])])
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["card.html"]


# -- what is said of a card ------------------------------------------------------------------------

INCOME = Feature(name="income", label="Income", family="application", risk_direction=-1)
DEBT = Feature(name="debt", label="Debt", family="bureau", special_codes={-9.0: "no record"})
NOISE = Feature(name="noise", label="Shoe size", family="application")
AGE = Feature(name="age", label="Age", family="protected", protected=True)
LATE_FEE = Feature(name="late_fee", label="Late fee", family="bureau", known_afterwards=True)
FEATURES = [INCOME, DEBT, NOISE, AGE, LATE_FEE]
FACTS = SourceFacts(
    name="small", title="A small lender", currency="CNY", accepted_only=False,
    bad=BadDefinition(), observed_to=pd.Timestamp("2024-12-31"), notes=("Two <b>branches</b>.",),
)  # fmt: skip


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    """A card of two features on 4,000 applications, and what a run finds of it."""
    rng = np.random.default_rng(5)
    n = 4_000
    frame = pd.DataFrame({"income": rng.normal(0, 1, n), "debt": rng.normal(0, 1, n)})
    frame["noise"] = rng.normal(0, 1, n)
    risk = -2 - frame["income"] + 0.7 * frame["debt"]
    frame.loc[rng.random(n) < 0.1, "debt"] = -9.0
    bad = (rng.random(n) < 1 / (1 + np.exp(-risk))).astype(float)
    applied = pd.Timestamp("2023-01-01") + pd.to_timedelta(np.arange(n) // 6, unit="D")
    booked = rng.random(n) < 0.8
    late = np.arange(n) >= 2_500
    sample = pd.Series(np.where(late, "out_of_time", "train"), dtype=object).where(booked)
    scores = pd.DataFrame(
        {
            "application_id": np.arange(n).astype(str),
            "applied_at": applied,
            "approved": booked,
            "booked": booked,
            "default_flag": pd.Series(bad).where(booked),
            "sample": sample,
        }
    )
    train = (sample == "train").to_numpy()
    y = bad[train]
    binner = WoeBinner(special_codes={"debt": [-9.0]}).fit(frame[train], y)
    selection = select_features(binner, binner.transform(frame[train]))
    card = Scorecard(binner, features=["income", "debt"], scale=ScoreScale(pdo=20.0)).fit(
        frame[train], y
    )
    scores["scorecard"] = card.credit_score(frame)
    scores["challenger"] = scores["scorecard"] + rng.integers(-20, 20, n)
    judged = scores[(scores["sample"] == "out_of_time").to_numpy()]
    models, flags = judged[["scorecard", "challenger"]], judged["default_flag"]
    predicted = models.apply(card.score_scale.probability)
    known = scores[scores["sample"].notna()]
    both = known[["scorecard", "challenger"]]
    quarter = scores["applied_at"].dt.to_period("Q").astype("str")
    halves = ["scorecard", "challenger"]
    score_features = [Feature(name=name, label=name, family="score") for name in halves]
    taught = metrics.score_counts(scores.loc[train, "scorecard"], y)
    grades = metrics.master_scale(taught)
    found = metrics.score_counts(judged["scorecard"], flags)
    channel = np.where(np.arange(len(judged)) < 15, "shop", "app")
    segment = evidence.ranking_by_segment(
        flags,
        judged["challenger"],
        judged["scorecard"],
        pd.DataFrame({"channel": channel}, index=flags.index),
    )
    calibration = segment[["loans", "bad_rate"]].assign(
        low=0.0,
        high=1.0,
        judged=segment["loans"] >= 30,
        scorecard=0.1,
        scorecard_outside=False,
        challenger=0.1,
        challenger_outside=False,
    )
    findings = {
        "discrimination": metrics.discrimination_table(
            both, known["default_flag"], by=known["sample"], n_boot=0
        ),
        "comparison": metrics.comparison_table(
            known["default_flag"], known["challenger"], known["scorecard"], by=known["sample"]
        ),
        "accuracy": metrics.accuracy_table(flags, predicted),
        "grades": grades[["score_low", "score_high"]].join(metrics.grade_table(found, grades)),
        "segments": segment,
        "calibration": calibration,
        "stability": profile.drift_table(
            scores, score_features, quarter, base=quarter.isin(quarter[train])
        ),
        "families": pd.DataFrame(
            {
                "features": 1, "auc_with": 0.7, "auc_without": [0.6, 0.69],
                "difference": [0.1, 0.01], "low": [0.05, -0.01], "high": [0.15, 0.03],
            },
            index=pd.MultiIndex.from_product([["scorecard"], ["bureau", "application"]]),
        ),
        "learning": pd.DataFrame(
            {
                "rows": [100, 200], "bad": [10, 20], "auc": [0.6, 0.7], "auc_low": [0.5, 0.6],
                "auc_high": [0.7, 0.8], "gain": [np.nan, 0.1], "gain_low": [np.nan, 0.02],
                "gain_high": [np.nan, 0.2],
            },
            index=pd.MultiIndex.from_product([["scorecard"], [0.5, 1.0]], names=["model", "share"]),
        ),
        "splits": pd.DataFrame(
            {
                "training_bad": [99], "own_model": [True], "loans": [500], "bad": [50],
                "auc_split": [0.75], "auc_one": [0.7], "difference": [0.05], "low": [0.01],
                "high": [0.09], "p_value": [0.01],
            },
            index=pd.MultiIndex.from_tuples([("bureau", "all")], names=["split", "segment"]),
        ),
        "fairness": pd.DataFrame(
            {
                "applicants": [100, 100], "approval_rate": [0.5, 0.8], "impact_ratio": [0.625, 1.0],
                "impact_low": [0.5, 1.0], "impact_high": [0.7, 1.0], "loans": [50, 80],
                "bad_rate": 0.1, "bad_low": 0.05, "bad_high": 0.2, "predicted_rate": 0.1,
                "is_reference": [False, True], "beyond_chance": [True, False], "bad": [30, 48],
                "expected_bad": [30.0, 48.0], "bads_to_expected": 1.0, "bads_low": 0.7,
                "bads_high": 1.4, "p_value": 1.0, "adjusted_p_value": 1.0,
            },
            index=pd.MultiIndex.from_tuples(
                [("Age", "below_30"), ("Age", "30 or more")], names=["attribute", "group"]
            ),
        ),
        "declined": pd.DataFrame(
            {"inferred_rate": [0.2, 0.4], "bad_rate": [0.05, 0.07]},
            index=pd.Index([1.0, 2.0], name="uplift"),
        ),
        "ceiling": pd.DataFrame(
            {"auc": [0.7], "gini": [0.4], "expected_gini": [0.35], "share_of_ceiling": [0.875]},
            index=["scorecard"],
        ),
    }  # fmt: skip
    findings["fairness"].attrs["approval_rate"] = 0.64
    return {
        "card": card,
        "facts": FACTS,
        "features": FEATURES,
        "scores": scores,
        "selection": selection,
        "findings": Findings(**findings),
    }


def page_of(made: dict[str, Any], **changes: Any) -> str:
    return document_html("Model document", documents.model_card_sections(**made | changes))


def test_a_model_that_learned_from_a_sample_says_so_wherever_it_shows(made) -> None:
    said = words(page_of(made, sample_text="*It rests on a sample of 300,000 (3.0%).*"))
    assert "Learned from the training loans of a sample of applications, section 3" in said
    assert (
        "It rests on a sample of 300,000 (3.0%). Card and challenger learned from its training "
        "loans alone, and were then calibrated on all training loans."
    ) in said
    assert said.count("Of the sample told of in section 3.") == 2
    assert "sample of applications" not in words(page_of(made))
    assert "section 3." not in words(page_of(made))


def without(made: dict[str, Any], *names: str) -> Findings:
    return replace(made["findings"], **dict.fromkeys(names))


def limits_of(made: dict[str, Any], **changes: Any) -> dict[str, Limit]:
    return {limit.topic: limit for limit in model_limits(**made | changes)}


def test_the_document_has_every_section_a_committee_asks_for(made) -> None:
    page = page_of(
        made,
        parameters=pd.DataFrame({"value": ["20.0"], "meaning": ["points"]}, index=["pdo"]),
        versions={"riskkit": "1.2.3"},
        files={"scorecard.json": "5f" * 32},
    )
    headings = re.findall(r'<h2><span class="number">\d+</span>(.*?)</h2>', page)
    assert headings == [
        "In short", "Purpose", "Sample", "Definition of bad", "The card", "Performance",
        "Calibration", "Stability", "What the model rests on", "Fairness", "The declined",
        "Limits", "Versions",
    ]  # fmt: skip
    said = words(page)
    for text in (
        "A small lender", "CNY", FACTS.bad_text, "riskkit 1.2.3", "5f" * 32, "Share of the ceiling",
        "every 20 points double", "Two &lt;b&gt;branches&lt;/b&gt;.", "special -9: no record",
        "None of them is protected.", "Never offered, because protected: Age.",
        "Never offered, because known only afterwards: Late fee.",
    ):  # fmt: skip
        assert text in said, text
    assert Tags(page).open == []
    assert "nan" not in said.lower().replace("finance", "")
    assert "out_of_time" not in said
    assert page == page_of(
        made,
        parameters=pd.DataFrame({"value": ["20.0"], "meaning": ["points"]}, index=["pdo"]),
        versions={"riskkit": "1.2.3"},
        files={"scorecard.json": "5f" * 32},
    )


def test_points_of_every_bin_are_printed_as_the_card_gives_them(made) -> None:
    card = made["card"]
    said = words(page_of(made))
    for name, label in (("income", "Income"), ("debt", "Debt")):
        table = said.split(f". {label} (")[1].split("Table")[0]
        for text, row in card.binner_.table(name).iterrows():
            points = card.points_table().loc[(name, text), "points"]
            n = row["good"] + row["bad"]
            rate = f"{row['bad_rate']:.2%}" if n else "–"
            cells = f" {n:,.0f} {row['bad']:,.0f} {rate} {row['woe']:+.3f} {points:.0f} "
            assert cells in table, (name, text)
    assert f"starts at {card.base_points_} points" in said


def test_a_figure_that_changes_changes_the_words(made) -> None:
    table = made["findings"].comparison.copy()
    table.loc["out_of_time", ["difference", "low", "high"]] = [0.0312, 0.0111, 0.0512]
    said = words(page_of(made, findings=replace(made["findings"], comparison=table)))
    assert "the challenger ranks better, +0.031 in AUC (+0.011 to +0.051)" in said
    assert "cannot be told" not in said
    table.loc["out_of_time", ["difference", "low", "high"]] = [0.01, -0.01, 0.03]
    said = words(page_of(made, findings=replace(made["findings"], comparison=table)))
    assert "the challenger cannot be told from the card, +0.010 in AUC" in said
    assert "ranks better" not in said
    table.loc["out_of_time", ["difference", "low", "high"]] = [-0.02, -0.03, -0.01]
    findings = replace(made["findings"], comparison=table)
    assert "the challenger ranks worse, -0.020 in AUC" in words(page_of(made, findings=findings))
    assert not limits_of(made, findings=findings)["Challenger"].attention


def test_a_feature_left_out_has_its_reason(made) -> None:
    selection = made["selection"].copy()
    for selected, reason, other, told in (
        (False, "IV below 0.02", None, "IV below 0.02"),
        (False, "correlation with income above 0.7", "income", "correlation with Income above 0.7"),
        (False, "one bin: min_bads=5 leaves no split", None, "one bin: min bads=5 leaves no split"),
        (True, "kept", None, "not taken"),
    ):
        selection.loc["noise", ["iv", "selected", "reason", "with"]] = [
            0.1,
            selected,
            reason,
            other,
        ]
        assert f"Shoe size 0.100 {told}" in words(page_of(made, selection=selection))


def test_what_a_source_cannot_feed_is_left_out_or_named(made) -> None:
    scores = made["scores"].drop(columns="applied_at")
    scores["sample"] = scores["sample"].replace("out_of_time", "test")
    findings = without(made, "stability", "fairness", "declined", "ceiling", "splits")
    for name in ("discrimination", "comparison"):
        table = getattr(findings, name).rename(index={"out_of_time": "test"})
        findings = replace(findings, **{name: table})
    said = words(page_of(made, scores=scores, findings=findings, features=[INCOME, DEBT, NOISE]))
    assert "Against the truth" not in said
    assert "One card or several" not in said
    assert "The applications bear no dates: whether the score moves over time" in said
    assert "names no protected attribute" in said
    assert "No reject inference was made" in said
    assert "out-of-time" not in said
    granted = SourceFacts(
        name="g", title="G", currency="EUR", accepted_only=True, bad=BadDefinition()
    )
    said = words(page_of(made, facts=granted, findings=without(made, "declined")))
    assert "so no statement about the declined is made" in said
    assert "The old policy approved" not in said


def test_where_nobody_was_declined_the_document_says_so(made) -> None:
    everybody = made["scores"].assign(approved=True)
    said = words(page_of(made, scores=everybody, findings=without(made, "declined")))
    assert "Nobody was declined." in said
    assert "does not say whom it declined" not in said


def test_nothing_found_leaves_a_document_still(made) -> None:
    page = page_of(made, findings=Findings())
    assert "What the model rests on" not in page
    assert "ROC, out of time" in page


def test_labels_of_the_source_are_text(made) -> None:
    evil = Feature(name="income", label=EVIL, family=EVIL)
    facts = SourceFacts(
        name="x", title=EVIL, currency=EVIL, accepted_only=False, bad=BadDefinition(),
        notes=(EVIL,), label_text=EVIL,
    )  # fmt: skip
    page = page_of(made, features=[evil, *FEATURES[1:]], facts=facts)
    assert "script" not in Tags(page).names
    assert page.count("&lt;script&gt;") > 10


# -- limits ----------------------------------------------------------------------------------------


def test_limits_say_what_the_tables_say(made) -> None:
    found = limits_of(made)
    scores = made["scores"]
    bads = int(scores.loc[scores["sample"] == "train", "default_flag"].sum())
    assert found["Training"].text == f"{bads:,} bads taught the card, {bads / 2:.1f} a feature"
    assert not found["Training"].attention
    declined = 1 - scores["approved"].mean()
    assert found["Who applies"].text.startswith(f"{declined:.1%} of applicants were declined")
    assert "channel shop" in found["Segments"].text
    text = found["Suppliers"].text
    # the applicant's own form is worth more to nobody who could sell it
    assert text == (
        "without a family that is bought the AUC of a card of all features would fall: bureau by "
        "0.100 (+0.050 to +0.150); not for sale: application"
    )
    assert found["Suppliers"].attention
    assert "the curve still rises" in found["More loans"].text
    text = "several cards would rank better, by bureau (+0.050, +0.010 to +0.090)"
    assert found["One card"].text == text
    assert found["Fairness"].text == (
        "impact ratio below 0.8 beyond chance: Age below 30 (0.625, 0.500 to 0.700)"
    )
    assert found["Fairness"].is_red
    assert "Debt" not in found["Missing values"].text or "riskiest" in found["Missing values"].text


def changed(made: dict[str, Any], name: str, row: Any, **values: Any) -> dict[str, pd.DataFrame]:
    """The findings with other values in one row of one table."""
    table = getattr(made["findings"], name).copy()
    for column, value in values.items():
        table.loc[row, column] = value
    return replace(made["findings"], **{name: table})


LATE = ("out_of_time", "scorecard")
SURE = {"slope": 0.5, "slope_low": 0.4, "slope_high": 0.6}
CAUTIOUS = {"slope": 1.5, "slope_low": 1.4, "slope_high": 1.6}
UNSURE = {"slope": 0.7, "slope_low": 0.3, "slope_high": 1.1}


@pytest.mark.parametrize(
    ("topic", "name", "row", "values", "text", "attention"),
    [
        ("Calibration", "accuracy", "scorecard", SURE, "too sure of itself", True),
        ("Calibration", "accuracy", "scorecard", CAUTIOUS, "too cautious", True),
        ("Calibration", "accuracy", "scorecard", UNSURE, "slope 0.700 (95 %", False),
        ("Calibration by group", "accuracy", "scorecard", {"p_value": 0.04}, "other rates", True),
        ("Calibration by group", "accuracy", "scorecard", {"p_value": 0.06}, "p-value 0.06", False),
        ("Calibration by group", "accuracy", "scorecard", {"p_value": 1e-9}, "below 0.0001", True),
        ("Ranking", "discrimination", LATE, {"auc_high": 0.6}, "promised in training", True),
        ("Ranking", "discrimination", LATE, {"auc_low": 0.49}, "no better than chance", True),
        ("Challenger", "comparison", "out_of_time", {"low": 0.1, "high": 0.2}, "ranks", True),
        ("Segments", "segments", ("channel", "app"), {"auc_b": 0.4}, "than chance: channel", True),
        ("Segments", "segments", ("channel", "app"), {"auc_b_low": 0.4}, "holds 0.5: chan", True),
        ("Fairness", "fairness", ("Age", "below_30"), {"impact_ratio": 0.9}, "no group", False),
        ("Fairness", "fairness", ("Age", "below_30"), {"impact_ratio": 0.9}, "1 interval", False),
        ("One card", "splits", ("bureau", "all"), {"p_value": 0.2}, "chance one of 1 may", False),
        ("Suppliers", "families", ("scorecard", "bureau"), {"low": -1}, "chance can", False),
        ("More loans", "learning", ("scorecard", 1.0), {"gain_low": -1}, "no more than", False),
        ("Grades", "grades", 1, {"light": "red", "side": "overstated"}, "are red", True),
    ],
)
def test_a_limit_deserves_attention_beyond_its_threshold(
    made, topic, name, row, values, text, attention
) -> None:
    findings = changed(made, name, row, **values)
    limit = limits_of(made, findings=findings)[topic]
    assert text in limit.text
    assert limit.attention == attention
    said = words(page_of(made, findings=findings))
    assert said.count(f"{topic}: ") >= 1
    place = said.rindex(f"{topic}: ")
    keep = said.rindex("What to keep in mind")
    assert (place < keep) == attention


@pytest.mark.parametrize(("moved", "attention"), [(0, False), (30, True), (-30, True)])
def test_a_level_that_is_wrong_for_everybody_is_a_limit(made, moved, attention) -> None:
    scores = made["scores"].assign(scorecard=made["scores"]["scorecard"] + moved)
    late = scores[scores["sample"] == "out_of_time"]
    predicted = made["card"].score_scale.probability(late["scorecard"]).mean()
    limit = limits_of(made, scores=scores)["Level of risk"]
    assert limit.text.startswith(
        f"{predicted:.2%} predicted, {late['default_flag'].mean():.2%} bad ("
    )
    assert limit.attention == attention
    # the slope, of unmoved tables here, says nothing of it
    assert not limits_of(made, scores=scores)["Calibration"].attention


def test_of_several_splits_one_that_looks_better_by_chance_is_no_finding(made) -> None:
    one = made["findings"].splits.iloc[0]
    names = ["bureau", "channel", "repeat"]
    index = pd.MultiIndex.from_product([names, ["all"]], names=["split", "segment"])
    splits = pd.DataFrame([one, one, one], index=index)
    splits["p_value"] = [0.02, 0.5, 0.03]
    splits.loc[("channel", "all"), "low"] = -0.1
    findings = replace(made["findings"], splits=splits)
    limit = limits_of(made, findings=findings)["One card"]
    # of three tests the least p-value counts threefold, the next at least as much
    assert limit.text.startswith("looks better, yet by chance one of 3 may: a split by bureau (+")
    assert "repeat" in limit.text
    assert "channel" not in limit.text
    assert not limit.attention
    splits["p_value"] = [0.016, 0.5, 0.03]
    found = model_limits(**made | {"findings": findings})
    told = {limit.attention: limit.text for limit in found if limit.topic == "One card"}
    assert "bureau" in told[True]
    assert "repeat" in told[False]


def test_figures_that_nobody_can_know_are_no_verdict(made) -> None:
    nothing = dict.fromkeys(["difference", "low", "high"], np.nan)
    findings = changed(made, "comparison", "out_of_time", **nothing)
    limit = limits_of(made, findings=findings)["Challenger"]
    assert limit.text == ("the challenger and the card cannot be compared: too few goods or bads")
    nothing = dict.fromkeys(["slope", "slope_low", "slope_high"], np.nan)
    limit = limits_of(made, findings=changed(made, "accuracy", "scorecard", **nothing))[
        "Calibration"
    ]
    assert limit.text.endswith("no slope can be fitted")
    assert limit.attention
    families = made["findings"].families.assign(difference=np.nan)
    assert "Suppliers" not in limits_of(made, findings=replace(made["findings"], families=families))


def test_a_simulated_source_says_which_guess_about_the_declined_was_right(made) -> None:
    assert "Nothing in the data says" in words(page_of(made))
    columns = ["declined_probability", "true_bias", "explored_bias", "explored_bias_low"]
    index = pd.MultiIndex.from_tuples([("none", 1.0), ("fuzzy", 2.0)], names=["method", "uplift"])
    methods = pd.DataFrame(0.1, index=index, columns=[*columns, "explored_bias_high"])
    methods["declined_auc"] = 0.7
    methods.loc[("fuzzy", 2.0), "true_bias"] = -0.05
    said = words(page_of(made, findings=replace(made["findings"], methods=methods)))
    assert "Nothing in the data says" not in said
    assert "Nearest to the truth comes fuzzy at uplift 2." in said


def test_a_ratio_just_below_four_fifths_is_not_told_as_four_fifths(made) -> None:
    # rounded as in the table, to four digits, where these do
    for ratio, told in ((0.79997, "0.79997"), (0.79976, "0.7998"), (0.7912, "0.791")):
        findings = changed(made, "fairness", ("Age", "below_30"), impact_ratio=ratio)
        text = limits_of(made, findings=findings)["Fairness"].text
        assert text.endswith(f": Age below 30 ({told}, 0.500 to 0.700)")


def test_amber_and_red_periods_are_named(made) -> None:
    moved = made["findings"].stability
    when = moved.loc["scorecard"].index[0]
    findings = changed(made, "stability", ("scorecard", when), light="red", psi=0.4)
    limit = limits_of(made, findings=findings)["Stability"]
    assert limit.text.endswith(f": {when} red")
    assert "up to 0.40" in limit.text
    assert limit.attention
    assert not limits_of(made)["Stability"].attention


def test_a_segment_outside_its_interval_counts_only_where_it_has_loans_and_bads(made) -> None:
    off = changed(made, "calibration", ("channel", "shop"), scorecard_outside=True)
    assert "in 0 of 1 segments" in limits_of(made, findings=off)["Calibration by segment"].text
    off = changed(made, "calibration", ("channel", "app"), scorecard_outside=True)
    limit = limits_of(made, findings=off)["Calibration by segment"]
    assert "in 1 of 1 segments of at least 30 loans and 10 bads, seen or expected" in limit.text
    assert limit.text.endswith("where chance alone leaves 0.1: channel app")
    # the document counts and shows the same ones
    said = words(page_of(made, findings=off))
    assert "Shown are 1 of 2 segments, those of at least 30 loans and 10 bads, seen or" in said
    few = changed(made, "calibration", ("channel", "app"), judged=False)
    assert "Calibration by segment" not in limits_of(made, findings=few)


def test_a_red_grade_is_red_only_beyond_few_training_bads_and_many_grades(made) -> None:
    grades = made["findings"].grades.assign(light="green", side="")
    grades.loc[1, ["light", "bad", "n", "probability"]] = ["red", 12, 432, 0.0083]
    grades.loc[1, ["score_low", "score_high", "side"]] = [614.0, 629.0, "understated"]
    for taught, bads, is_red in ((841, 7, False), (84_100, 700, True)):
        told = grades.assign(taught=grades["n"], taught_bad=grades["bad"])
        told.loc[1, ["taught", "taught_bad"]] = [taught, bads]
        limit = limits_of(made, findings=replace(made["findings"], grades=told))["Grades"]
        assert (
            "grade 1, scores 614 to 629 (12 bads of 432, 3.6 expected: understated)" in limit.text
        )
        assert limit.attention
        assert limit.is_red == is_red
        assert ("the chance of its training bads can explain it" in limit.text) != is_red


def bands_of(**first: Any) -> pd.DataFrame:
    """Two groups tested of the scorecard, the first off beyond chance."""
    band = {"score_low": 613.0, "score_high": 685.0, "n": 877, "bad": 16, "expected": 6.6}
    band |= {"part": 13.3, "adjusted_p_value": 0.0125, "side": "understated"}
    other = {"score_low": 548.0, "score_high": 612.0, "n": 900, "bad": 30, "expected": 31.0}
    other |= {"part": 0.1, "adjusted_p_value": 1.0, "side": "overstated"}
    index = pd.MultiIndex.from_product([["scorecard"], [1, 2]], names=["model", "group"])
    return pd.DataFrame([band | first, other], index=index)


def test_grade_and_group_of_the_same_scores_do_not_contradict_each_other(made) -> None:
    grades = made["findings"].grades.assign(light="green", side="", taught=841, taught_bad=7)
    grades.loc[1, ["light", "bad", "n", "probability"]] = ["red", 12, 432, 0.0083]
    grades.loc[1, ["score_low", "score_high", "side"]] = [614.0, 629.0, "understated"]
    apart = replace(made["findings"], grades=grades)
    apart = changed(made | {"findings": apart}, "accuracy", "scorecard", p_value=0.0002)
    for first, is_red in (
        ({}, True),
        ({"adjusted_p_value": 0.06}, False),
        ({"side": "overstated"}, False),
        ({"score_low": 629.0}, False),
    ):
        findings = replace(apart, bands=bands_of(**first))
        found = limits_of(made, findings=findings)
        assert found["Grades"].is_red == is_red
        assert ("see Calibration by group" in found["Grades"].text) == is_red
        assert found["Calibration by group"].is_red
    text = limits_of(made, findings=replace(apart, bands=bands_of()))["Calibration by group"].text
    assert "over 2 groups of loans" in text
    assert text.endswith(", most of all scores 613 to 685 (16 bads, 6.6 expected: understated)")
    unproven = replace(apart, bands=bands_of(adjusted_p_value=0.06))
    text = limits_of(made, findings=unproven)["Calibration by group"].text
    assert "none beyond chance alone, most scores 613 to 685 (16 bads" in text
    assert "The groups compared, out of time" in words(page_of(made, findings=unproven))


def test_the_challenger_is_held_to_its_own_figures(made) -> None:
    grades = made["findings"].grades.assign(light="green", side="")
    fair = made["findings"].fairness
    findings = replace(made["findings"], calibration=None, challenger_grades=grades)
    findings = replace(findings, challenger_fairness=fair)
    findings = changed(made | {"findings": findings}, "accuracy", "challenger", p_value=0.004)
    scale = made["card"].score_scale
    found = {x.topic: x for x in challenger_limits(scale, made["scores"], findings)}
    own = limits_of(made)
    assert found["Calibration by group, challenger"].is_red
    assert not own["Calibration by group"].is_red
    late = made["scores"][made["scores"]["sample"] == "out_of_time"]
    said = f"{scale.probability(late['challenger']).mean():.2%} predicted"
    assert found["Level of risk, challenger"].text.startswith(said)
    assert found["Fairness, challenger"].is_red
    assert found["Grades, challenger"].text.startswith("0 of ")
    # the light of a grade that the challenger states counts the grades already
    for light, is_red in (("amber", False), ("red", True)):
        grades.loc[1, ["light", "side"]] = [light, "overstated"]
        off = replace(findings, challenger_grades=grades)
        limit = {x.topic: x for x in challenger_limits(scale, made["scores"], off)}
        assert limit["Grades, challenger"].attention
        assert limit["Grades, challenger"].is_red == is_red
        assert "expected: overstated)" in limit["Grades, challenger"].text
        figure = validation_figures(off)["Grades of the challenger in red"]
        told = f"1 of {len(grades)}, overstated beyond chance"
        assert figure == (told if is_red else f"0 of {len(grades)}")


def test_only_groups_below_four_fifths_beyond_chance_are_red(made) -> None:
    fair = made["findings"].fairness
    index = [("City tier", f"tier_{n}") for n in (1, 2, 3, 4)]
    table = pd.concat([fair.iloc[[1]], *[fair.iloc[[0]]] * 3])
    table.index = pd.MultiIndex.from_tuples(index, names=fair.index.names)
    table["impact_ratio"] = [1.0, 0.9, 0.799, 0.738]
    table["impact_low"], table["impact_high"] = [1.0, 0.79, 0.76, 0.7], [1.0, 1.0, 0.84, 0.78]
    table["beyond_chance"] = [False, False, False, True]
    findings = replace(made["findings"], fairness=table)
    told = [x for x in model_limits(**made | {"findings": findings}) if x.topic == "Fairness"]
    assert [(x.text, x.is_red, x.attention) for x in told] == [
        ("impact ratio below 0.8 beyond chance: City tier 4 (0.738, 0.700 to 0.780)", True, True),
        (
            "impact ratio below 0.8, which chance in one of 3 groups can explain: City tier 3 "
            "(0.799, 0.760 to 0.840); 1 interval of others may reach below",
            False,
            True,
        ),
    ]
    # the group that others are compared with cannot fall below, and is not counted
    figure = validation_figures(findings)["Groups below four fifths, card"]
    assert figure == "2 of 3 (1 beyond chance); 1 more may lie below"


SURELY = {"p_value": 1e-4, "adjusted_p_value": 1e-3}
UNPROVEN = {"p_value": 0.03, "adjusted_p_value": 0.5}


@pytest.mark.parametrize(
    ("values", "text", "attention", "is_red"),
    [
        ({}, "and no less risky than predicted beyond chance: Age", False, False),
        ({"bad": 10, **SURELY}, "refused on overstated", True, True),
        ({"bad": 10, **UNPROVEN}, "too few loans to say", True, False),
        ({"bad": 7, "expected_bad": 14.4}, "too few loans to say", True, False),
        ({"bad": 60, **SURELY}, "riskier than", True, False),
        (
            {"bad": 10, "p_value": 1e-4, "adjusted_p_value": 1e-3, "impact_ratio": 0.9},
            "not as risky as predicted", True, False,
        ),
    ],
)  # fmt: skip
def test_a_group_refused_on_overstated_risk_is_told(made, values, text, attention, is_red) -> None:
    findings = changed(made, "fairness", ("Age", "below_30"), **values)
    limit = limits_of(made, findings=findings)["Risk by group"]
    assert text in limit.text
    assert (limit.attention, limit.is_red) == (attention, is_red)
    assert "times, 0.70 to 1.40)" in limit.text


def test_a_rule_on_a_protected_attribute_and_heavy_reasons_are_told(made) -> None:
    columns = ["applicants", "declined", "share", "share_of_others", "difference", "low", "high"]
    index = pd.MultiIndex.from_tuples(
        [("Age", "below 26", "age"), ("City tier", "tier_4", "points")],
        names=["attribute", "group", "reason"],
    )
    declines = pd.DataFrame([[1735, 208, 0.12, 0.009, 0.111, 0.1, 0.13]] * 2, index, columns)
    declines["beyond_chance"], declines["impact_ratio"] = True, [0.688, 0.717]
    declines["ratio_without"] = [0.759, 0.917]
    at = pd.MultiIndex.from_tuples([("Age", "age")], names=["attribute", "reason"])
    rules = pd.DataFrame({"declined": [1675], "values": ["18 to 19 or 56 to 60"]}, index=at)
    findings = replace(with_rule(made), declines=declines, attribute_rules=rules)
    red, amber = [x for x in rule_limits(findings) if x.topic == "Decline reasons"]
    assert red.is_red
    assert red.text == (
        "today's policy declines by a protected attribute itself: reason “age” by Age (1,675 "
        "declines, all at 18 to 19 or 56 to 60); the recommended rule keeps that"
    )
    assert not amber.is_red
    assert amber.text == (
        "behind an impact ratio below 0.8: “age” declines 12.0% of Age below 26 against 0.9% of "
        "the others (ratio 0.688, without it 0.76), “points” declines 12.0% of City tier 4 against "
        "0.9% of the others (ratio 0.717, without it 0.92: it alone explains it)"
    )
    said = words(page_of(made, findings=findings, challenger=TREES))
    assert "Reasons that decline a group more often than the others, beyond chance" in said
    none = replace(findings, declines=declines.assign(beyond_chance=False), attribute_rules=None)
    (quiet,) = [x for x in rule_limits(none) if x.topic == "Decline reasons"]
    assert not quiet.attention
    alone = with_rule(made, is_behind=False)
    alone = replace(alone, declines=declines, attribute_rules=rules)
    assert not any("keeps that" in x.text for x in rule_limits(alone))


def test_the_newest_judged_loan_is_not_to_be_old(made) -> None:
    newest = made["scores"].loc[made["scores"]["sample"] == "out_of_time", "applied_at"].max()
    for months, attention in ((11, False), (13, True)):
        today = newest + pd.DateOffset(months=months)
        limit = limits_of(made, today=today)["Age of data"]
        assert limit.attention == attention
        assert f"in {newest:%B %Y}, {months} months before" in limit.text
    assert "Age of data" not in limits_of(made)
    figures = validation_figures(made["findings"], made["facts"], made["scores"])
    assert "; judged on applications from " in figures["Data until"]


def test_the_summary_names_all_lights_of_card_challenger_and_rule(made) -> None:
    findings = with_rule(made)
    said = words(page_of(made, findings=findings, challenger=TREES))
    summary = said[said.rindex("In short") : said.rindex("2 Purpose")]
    place = summary.index("Deserves attention red: ")
    reds = summary[place : summary.index(". amber: ")]
    for topic in ("Fairness", "Fairness, recommended rule", "Fairness, challenger"):
        assert topic in reds
    assert "Model of that rule the challenger, not this card" in summary
    assert "red: Fairness: impact ratio" in said
    assert "amber: Segments: " in said


# -- the recommended rule --------------------------------------------------------------------------

ROW = {
    "model": "challenger", "cutoff": 547.0, "cutoff_low": 540.0, "cutoff_high": 560.0,
    "model_again_rate": 0.88, "is_behind": True, "gain_amount": 1200.0, "gain_low": 300.0,
    "gain_high": 2100.0, "is_expected": False, "optimism_amount": 150.0, "is_taken": True,
    "is_recommended": True, "is_assumed": False,
}  # fmt: skip
FIRST = ROW | {
    "model": "", "cutoff": np.nan, "cutoff_low": np.nan, "cutoff_high": np.nan,
    "model_again_rate": np.nan, "gain_amount": 0.0, "gain_low": 0.0, "gain_high": 0.0,
    "optimism_amount": 0.0, "is_taken": False, "is_recommended": False,
}  # fmt: skip


def rules_of(first: dict[str, Any] = FIRST, name: str = "today's policy", **row: Any) -> Any:
    index = pd.Index([name, "the best"], name="policy")
    return pd.DataFrame([first, ROW | row], index=index)


def test_a_rule_is_told_with_its_interval_and_what_it_earns() -> None:
    assert rule_text(rules_of(), "CNY") == (
        "Recommended: keep today's policy and, of those it approves, decline below 547 points of "
        "the challenger. In 95 of 100 other draws of the loans the best cutoff of the challenger "
        "lies between 540 and 560; 88% of the draws take this model. Against today's policy it "
        "earns +1,200 CNY (95 % interval +300 to +2,100); about 150 CNY of its profit are the luck "
        "of the choice."
    )
    short = "decline below 547 points of the challenger (540 to 560 in 95 of 100 other draws)"
    assert rule_text(rules_of(), "CNY", short=True).endswith(short)
    alone = rule_text(rules_of(is_behind=False, is_expected=True, is_assumed=True), "CNY")
    assert "Recommended: approve from 547 points of the challenger on." in alone
    assert "it is expected to earn +1,200 CNY" in alone
    assert "on economics that nobody stated" in alone


def test_a_rule_that_chance_explains_is_not_called_recommended() -> None:
    kept = rules_of(FIRST | {"is_recommended": True}, is_recommended=False)
    text = rule_text(kept, "CNY")
    assert text.startswith(
        "Recommended: keep today's policy, since no cutoff earns more beyond chance. The best one "
        "found, which is not recommended: keep today's policy and, of those"
    )
    assert rule_text(kept, "CNY", short=True) == "keep today's policy: no cutoff earns more"
    everybody = rules_of(
        FIRST | {"is_behind": False, "is_recommended": True}, "everybody",
        is_behind=False, is_recommended=False, gain_amount=np.nan,
    )  # fmt: skip
    text = rule_text(everybody, "CNY")
    assert text.startswith("Recommended: approve everybody, since")
    assert text.endswith("What it earns is not known.")
    assert rule_text(everybody.head(1), "CNY") == (
        "approve everybody: there is no cutoff to recommend."
    )


def with_rule(made: dict[str, Any], **rows: Any) -> Findings:
    fair = made["findings"].fairness
    tables = {"today's policy": fair.copy(), "recommended rule": fair.assign(impact_high=0.75)}
    for table in tables.values():
        table.attrs = {"approval_rate": 0.58}
    policies = pd.DataFrame(
        {"applications": 100, "approval_rate": 0.58, "loans": 80, "bad": 8, "bad_rate": 0.1,
         "bad_rate_low": 0.05, "bad_rate_high": 0.2, "profit_amount": 1.0, "profit_low": 0.0,
         "profit_high": 2.0},
        index=["today's policy", "the best", "everybody"],
    )  # fmt: skip
    return replace(
        made["findings"], rules=rules_of(**rows), policies=policies, rule_fairness=tables,
        challenger_fairness=fair, challenger_grades=made["findings"].grades,
    )  # fmt: skip


# as much of a challenger as a document reads
TREES = SimpleNamespace(
    feature_names_in_=np.array(["income", "debt", "noise"], dtype=object),
    trends={"income": "descending", "debt": "auto"},
    n_rounds_=144,
    n_leaves=8,
    calibration="platt",
)


def test_the_document_tells_of_the_challenger_and_the_recommended_rule(made) -> None:
    findings = with_rule(made)
    said = words(page_of(made, findings=findings, challenger=TREES))
    place = said.rindex("The challenger and the recommended rule")
    told = said[place : said.rindex("What deserves attention")]
    late = made["findings"].discrimination.loc[("out_of_time", "challenger")]
    for text in (
        rule_text(findings.rules, "CNY").replace("'", "&#x27;"),
        "Rules side by side", "5.00% 20.00%", "recommended rule, 58% approved",
        "0.625 (0.50 to 0.75), below 4/5", "scorecard, 64% approved",
        "144 gradient-boosted trees of up to 8 leaves on 3 features, 1 of them bound",
        "calibrated by a line on the log-odds",
        f"AUC {late['auc']:.3f} (95 % interval {late['auc_low']:.3f}", "Grades of the challenger",
        "Level of risk: ", "Fairness, recommended rule: impact ratio below 0.8",
    ):  # fmt: skip
        assert text in told, text
    assert "everybody" not in told
    summary = said[: said.rindex("Purpose")]
    assert "Recommended rule keep today&#x27;s policy and, of those it approves" in summary


def test_without_a_rule_or_a_protected_attribute_the_document_says_so(made) -> None:
    said = words(page_of(made, challenger=TREES))
    assert "No rule was left to judge." in said
    assert "Fairness as decided" not in said
    nobody = {"today's policy": made["findings"].fairness.head(0)}
    findings = replace(with_rule(made), rule_fairness=nobody)
    said = words(page_of(made, findings=findings, challenger=TREES))
    assert said.count("nothing can be said of fairness") == 1
    assert rule_limits(findings) == []


def test_ratios_side_by_side_are_told_with_their_intervals_or_as_too_few(made) -> None:
    fair = made["findings"].fairness
    few = fair.assign(impact_ratio=np.nan)
    few.attrs["approval_rate"] = 0.5
    shown = documents.show_fairness_beside({"rule": fair, "few": few}, caption="Ratios")
    assert shown.data["rule, 64% approved"].tolist() == [
        "0.625 (0.50 to 0.70), below 4/5", "1, reference",
    ]  # fmt: skip
    # of many applicants two digits would make the interval a point
    many = fair.assign(
        impact_ratio=[0.8809, 1.0], impact_low=[0.8781, 1.0], impact_high=[0.8837, 1.0]
    )
    many.attrs["approval_rate"] = 0.5
    beside = documents.show_fairness_beside({"many": many}, caption="Ratios")
    assert beside.data["many, 50% approved"].tolist() == ["0.881 (0.878 to 0.884)", "1, reference"]
    assert set(shown.data["few, 50% approved"]) == {"too few to say"}
    assert shown.data["applicants"].tolist() == [100, 100]
    # where no attribute is protected there is nothing to count
    nobody = pd.DataFrame(columns=["approval_rate"])
    nobody.attrs["approval_rate"] = 0.5
    none = documents.show_fairness_beside({"rule": nobody}, caption="Ratios")
    assert list(none.data.index) == ["none"]


def test_whom_the_rule_treats_how_is_a_limit_of_what_is_recommended(made) -> None:
    findings = with_rule(made)
    found = {limit.topic: limit for limit in rule_limits(findings)}
    assert found["Fairness, recommended rule"].is_red
    assert list(found) == ["Fairness, today's policy", "Fairness, recommended rule"]
    tables = {"best cutoff, not recommended": findings.rule_fairness["recommended rule"]}
    assert rule_limits(replace(findings, rule_fairness=tables)) == []


def test_every_limit_of_challenger_and_rule_has_an_owner(made) -> None:
    findings = with_rule(made)
    owned = read_limits(Path(__file__).parents[1] / "data" / "limits.yaml").findings
    limits = [
        *model_limits(**made | {"findings": findings}),
        *challenger_limits(made["card"].score_scale, made["scores"], findings),
        *rule_limits(findings),
    ]
    assert len(limits) > 20
    assert {limit.topic for limit in limits} - set(owned) == set()


def test_key_figures_of_a_validation_say_how_sure_they_are(made) -> None:
    figures = validation_figures(with_rule(made))
    assert figures["Groups below four fifths, card"] == "1 of 1 (1 beyond chance)"
    assert figures["Groups below four fifths, recommended rule"].startswith("1 of 1 (1 beyond")
    slope = made["findings"].accuracy.loc["challenger"]
    assert figures["Calibration slope of the challenger"] == (
        f"{slope['slope']:.2f} ({slope['slope_low']:.2f} to {slope['slope_high']:.2f})"
    )
    fair = made["findings"].fairness
    unsure = fair.assign(impact_ratio=0.9, impact_low=0.7, impact_high=1.1)
    figures = validation_figures(replace(made["findings"], fairness=unsure))
    assert (
        figures["Groups below four fifths, card"]
        == "0 of 1 (0 beyond chance); 1 more may lie below"
    )
    nothing = validation_figures(Findings(fairness=fair.assign(impact_ratio=np.nan)))
    assert set(nothing.values()) == {"not known"}
    assert len(nothing) == 6


def test_overlap_unproven_features_and_leakage_are_named(made, monkeypatch) -> None:
    table = made["card"].coefficients()
    table["iv"] = 0.4
    table.loc["debt", ["vif", "high", "iv"]] = [6.0, 0.1, 0.6]
    monkeypatch.setattr(Scorecard, "coefficients", lambda self: table)
    found = limits_of(made)
    for topic in ("Overlapping features", "Unproven features", "Too good to be true"):
        assert found[topic].text.endswith(": Debt")
        assert found[topic].attention


def test_a_protected_attribute_on_the_card_is_a_limit_and_named_in_the_purpose(made) -> None:
    debt = Feature(name="debt", label="Debt", family="bureau", protected=True)
    features = [INCOME, debt, NOISE]
    assert limits_of(made, features=features)["Protected attributes"].text.endswith(": Debt")
    said = words(page_of(made, features=features))
    assert "Debt is protected." in said
    assert "Protected attributes: Debt. On the card: Debt." in said


def test_few_bads_granted_loans_only_and_indeterminates_are_limits(made) -> None:
    scores = made["scores"].copy()
    train = (scores["sample"] == "train") & (scores["default_flag"] == 1)
    scores.loc[scores.index[train][19:], "default_flag"] = 0.0
    bad = BadDefinition(indeterminate_dpd=30)
    facts = SourceFacts(name="g", title="G", currency="EUR", accepted_only=True, bad=bad)
    found = limits_of(made, scores=scores, facts=facts)
    assert found["Training"].text.startswith("19 bads taught the card, 9.5 a feature; fewer than")
    assert found["Training"].attention
    assert "granted loans only" in found["Who applies"].text
    assert "more than 30 days late" in found["Indeterminates"].text
    assert "Indeterminates" not in limits_of(made)
    said = words(page_of(made, facts=facts))
    assert "Loans more than 30 days past due that are not bad are indeterminate" in said


def test_the_judged_sample_is_told_by_its_months(made) -> None:
    scores = made["scores"]
    late = scores[scores["sample"] == "out_of_time"]
    bads = int(late["default_flag"].sum())
    limit = limits_of(made)["Judgement"]
    assert f"judged on {len(late):,} out-of-time loans, {bads:,} of them bad" in limit.text
    assert "9 months (from February 2024 to October 2024)" in limit.text
    assert not limit.attention
    scores = scores.assign(sample=scores["sample"].replace("out_of_time", "test"))
    limit = limits_of(made, scores=scores, findings=Findings())["Judgement"]
    assert "nothing is known of later" in limit.text
    assert limit.attention

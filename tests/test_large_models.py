"""Models of a run whose tables are in parts: scored, counted and compared as from one frame."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from riskkit import evidence, metrics, partitions, profile, scoring
from riskkit.binning import WoeBinner
from riskkit.challenger import Challenger
from riskkit.compare import (
    common_applications,
    comparison_sections,
    population_table,
    read_run,
    run_changes,
)
from riskkit.pipeline import FinishedRun
from riskkit.pipeline.handover import Stage
from riskkit.schema import Feature
from riskkit.scorecard import Scorecard, ScoreScale
from riskkit.tables import Table, part_path, write_table

FEATURES = [
    Feature(name="income", label="Income", family="application"),
    Feature(name="inquiries", label="Inquiries", family="bureau", special_codes={-9.0: "no file"}),
    Feature(name="gender", label="Gender", family="person", kind="category", protected=True),
    Feature(name="age", label="Age", family="person", protected=True),
]
OFFERED = ["income", "inquiries"]
MODELS = ["scorecard", "challenger"]


@pytest.fixture(scope="module")
def applications():
    """Nine hundred of them, a tenth of the scores equal, the last hundred without a label."""
    rng, n = np.random.default_rng(11), 900
    risk = rng.normal(size=n)
    frame = pd.DataFrame(
        {
            "application_id": [f"A{i:04d}" for i in range(n)],
            "customer_id": [f"C{i // 2:04d}" for i in range(n)],
            "applied_at": pd.Timestamp("2023-01-01") + pd.to_timedelta(np.arange(n) // 2, unit="D"),
            "channel": rng.choice(["app", "web"], n),
            "term_months": rng.choice(np.arange(1, 13), n, p=[0.45] + [0.05] * 11),
            "amount": rng.integers(1, 50, n) * 10_000,
            "income": np.rint(50 - 8 * risk + rng.normal(0, 8, n)),
            "inquiries": np.where(rng.random(n) < 0.2, -9.0, np.rint(3 + risk)),
            "gender": rng.choice(["f", "m"], n),
            "age": rng.integers(20, 60, n).astype(float),
            "approved": risk < 1,
        }
    )
    booked = frame["approved"].to_numpy() & (rng.random(n) < 0.9)
    bad = rng.random(n) < 1 / (1 + np.exp(1.5 - risk))
    known = booked & (np.arange(n) < 800)
    frame["declined_reason"] = pd.Series(np.where(frame["approved"], None, "score"), dtype="str")
    frame["booked"] = booked
    frame["booked_amount"] = np.where(booked, frame["amount"], 0)
    frame["default_flag"] = np.where(known, bad.astype(float), np.nan)
    sample = np.where(np.arange(n) < 400, "train", np.where(np.arange(n) < 550, "test", "late"))
    sample = pd.Series(sample, dtype="str").replace("late", "out_of_time")
    frame["sample"] = sample.where(pd.Series(known))
    frame["scorecard"] = np.rint(600 - 15 * risk + rng.normal(0, 9, n)).astype(np.int64)
    frame["challenger"] = np.rint(600 - 15 * risk + rng.normal(0, 4, n)).astype(np.int64)
    return frame


# uneven, one of a single row, an empty one, and a last one in which no outcome is known
CUTS = [0, 1, 1, 430, 470, 800, 900]


def in_parts(frame, folder, order=None):
    """The frame in parts of very uneven size, in this order."""
    bounds = list(pairwise(CUTS))
    folder.mkdir(parents=True)
    for number, place in enumerate(range(len(bounds)) if order is None else order):
        first, last = bounds[place]
        write_table(frame.iloc[first:last].reset_index(drop=True), part_path(folder, number))
    return Table(folder)


@pytest.fixture(params=["another order", "threads"])
def table(request, applications, tmp_path, monkeypatch):
    """The same applications on disk, a piece each part."""
    monkeypatch.setattr("riskkit.tables.table.BLOCK_ROWS", 1)
    order = [4, 2, 0, 5, 1, 3] if request.param == "another order" else None
    parts = in_parts(applications, tmp_path / "parts", order)
    assert len(parts.pieces()) == len(CUTS) - 2  # the empty part makes none
    if request.param != "threads":
        yield parts
        return
    with ThreadPoolExecutor(2) as pool, partitions.using(pool):
        yield parts


def by_id(frame):
    return frame.sort_values("application_id").reset_index(drop=True)


# -- distinct rows, and what is measured from them -------------------------------------------------

COUNTED = ["sample", *MODELS, "default_flag"]


def test_distinct_rows_are_counted_once_each_in_any_parts(applications, table):
    found = partitions.distinct_rows(table, COUNTED)
    pd.testing.assert_frame_equal(found, partitions.distinct_rows(applications, COUNTED))
    filled = applications[COUNTED].astype(object).where(applications[COUNTED].notna(), None)
    expected = Counter(map(tuple, filled.to_numpy().tolist()))
    told = found[COUNTED].astype(object).where(found[COUNTED].notna(), None).to_numpy().tolist()
    assert dict(zip(map(tuple, told), found["rows"], strict=True)) == expected


def test_distinct_rows_of_one_column_keep_the_missing_and_refuse_their_own_name(applications):
    found = partitions.distinct_rows(applications, ["default_flag"])
    assert found["default_flag"].isna().tolist() == [False, False, True]
    assert found["rows"].sum() == len(applications)
    with pytest.raises(ValueError, match="no column may be called rows"):
        partitions.distinct_rows(applications, ["rows"])


def test_metrics_of_distinct_rows_are_those_of_all_rows(applications, table):
    points = partitions.distinct_rows(table, COUNTED)
    y, by = applications["default_flag"], applications["sample"]
    counted = {"by": points["sample"], "weight": points["rows"]}
    found = metrics.discrimination_table(points[MODELS], points["default_flag"], **counted)
    expected = metrics.discrimination_table(applications[MODELS], y, by=by)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    a, b = (points[name] for name in reversed(MODELS))
    found = metrics.comparison_table(points["default_flag"], a, b, **counted)
    a, b = (applications[name] for name in reversed(MODELS))
    expected = metrics.comparison_table(y, a, b, by=by)
    pd.testing.assert_frame_equal(found, expected, rtol=1e-9, atol=1e-12)


def test_a_weight_is_so_many_equal_loans():
    y, a, b = [1, 1, 1, 0, 0, 0, None], [1, 2, 4, 3, 5, 6, 9], [2, 1, 6, 4, 3, 5, 9]
    weight = np.array([2, 1, 3, 4, 1, 0, 5])
    found = metrics.compare(y, a, b, weight=weight)
    expected = metrics.compare(*(np.repeat(np.array(x, float), weight) for x in (y, a, b)))
    pd.testing.assert_series_equal(found, expected, rtol=1e-12)
    once = metrics.compare(y, a, b, weight=np.ones(7))
    pd.testing.assert_series_equal(once, metrics.compare(y, a, b), rtol=1e-12)
    with pytest.raises(ValueError, match="weight"):
        metrics.compare(y, a, b, weight=-weight)
    with pytest.warns(UserWarning, match="two goods and two bads"):
        assert metrics.compare(y, a, b, weight=[1, 0, 0, 1, 1, 1, 1]).isna().all()


# -- scores of every application -------------------------------------------------------------------


@pytest.fixture(scope="module")
def models(applications):
    """A card and a few trees, fitted to the training loans."""
    train = applications[(applications["sample"] == "train").to_numpy()]
    codes = {"inquiries": [-9]}
    binner = WoeBinner(max_bins=3, special_codes=codes).fit(train[OFFERED], train["default_flag"])
    card = Scorecard(binner, max_p_value=None).fit(train, train["default_flag"])
    trees = Challenger(special_codes=codes, n_rounds=5, calibration="none", min_leaf_rows=10)
    return {"scorecard": card, "challenger": trees.fit(train[OFFERED], train["default_flag"])}


KNOWN = ["application_id", "applied_at", "amount", "term_months", "approved", "booked"]
KNOWN += ["default_flag", "sample"]


def test_every_application_is_scored_piece_by_piece_as_in_one_frame(
    applications, models, table, tmp_path
):
    stage = Stage("03_models", tmp_path / "03_models", tmp_path)
    for folder in (stage.output_dir, tmp_path / "01_borrowers"):
        folder.mkdir()
    write_table(applications, tmp_path / "01_borrowers" / "applications.parquet")
    columns = scoring.scored_columns(models)
    assert "gender" not in columns
    unscored = applications.drop(columns=MODELS)
    beside = table.beside(Table(unscored[["application_id", "sample"]]))
    score = partial(scoring.scored_applications, models=models)
    assert "applied_at" in columns  # not every source bears dates
    undated = Table(unscored.drop(columns="applied_at"))
    left = stage.write_each("scores", score, undated, columns)
    assert left.columns == [name for name in [*KNOWN, *MODELS] if name != "applied_at"]
    left = stage.write_each("scores", score, beside, columns)
    expected = scoring.scored_applications(unscored, models)
    pd.testing.assert_frame_equal(by_id(left.frame()), by_id(expected), check_exact=True)
    assert [*expected] == [*KNOWN, *MODELS]
    pd.testing.assert_frame_equal(stage.sampled(left), left.frame())


def test_a_file_is_scored_as_the_run_has_scored_its_applications(applications, models, tmp_path):
    parts = in_parts(applications[["application_id", *OFFERED]], tmp_path / "input")
    for name, model in models.items():
        output = tmp_path / f"{name}.parquet"
        found = scoring.score_file(model, parts.folder, output, rows=100, progress=False)
        assert found.n_rejected == 0
        scores = Table(output).frame()["credit_score"]
        expected = scoring.scored_applications(applications, models)[name]
        assert scores.tolist() == expected.tolist()


def test_a_model_of_a_lucky_sample_is_brought_to_the_level_of_all_training_loans(
    applications, models, table, monkeypatch
):
    """The sample that taught holds half of the goods and a fifth of the bads."""
    monkeypatch.setattr("riskkit.scoring.recalibrated.MIN_EACH", 20)
    train = applications[applications["sample"] == "train"]
    bad = train["default_flag"] == 1
    taught = pd.concat([train[~bad][::2], train[bad][::5]]).sort_index()
    y = taught["default_flag"]
    for name, model in models.items():
        if name == "scorecard":
            lucky = Scorecard(model.binner, max_p_value=None).fit(taught, y)
        else:
            lucky = clone(model).fit(taught[OFFERED], y)
        found = scoring.calibrated(lucky, table, taught)
        before, after = (one.credit_score(train) for one in (lucky, found))
        shift = after - before
        if name == "scorecard":
            # the whole card moves: the others say all of it, those that taught nothing
            assert len(set(shift)) == 1
            others = train.drop(taught.index)
            chance = lucky.scale.probability if lucky.scale else ScoreScale().probability
            moved = (chance(lucky.credit_score(others) + at) for at in np.arange(-80, 1))
            gaps = [abs(p.sum() - others["default_flag"].sum()) for p in moved]
            full = np.arange(-80, 1)[np.argmin(gaps)]
            assert shift[0] == pytest.approx(full * len(others) / len(train), abs=1.01)
        else:
            then, now = (one.scored(train)["default_probability"] for one in (lucky, found))
            assert now.rank().tolist() == then.rank().tolist()
            n_bad = train["default_flag"].sum()
            assert abs(now.sum() - n_bad) < 0.5 * abs(then.sum() - n_bad)
        assert lucky.credit_score(train).tolist() == before.tolist()  # another model


def test_calibration_keeps_a_model_of_all_loans_and_refuses_loans_of_elsewhere(
    applications, models
):
    card, trees = models.values()
    train = applications[applications["sample"] == "train"]
    assert scoring.calibrated(card, applications, train) is card
    assert scoring.calibrated(trees, applications, train) is trees
    with pytest.raises(ValueError, match="must be among the training applications"):
        scoring.calibrated(card, applications, pd.concat([train, train]))
    with pytest.raises(ValueError, match="slope must be > 0"):
        trees.recalibrated(0.0, -1.0)


def test_a_calibrated_model_is_stored_as_it_scores(models, applications, tmp_path):
    card, trees = models.values()
    moved = {"card": card.recalibrated(-0.5), "trees": trees.recalibrated(-0.5, 1.1)}
    assert moved["card"].base_points_ - card.base_points_ in (14, 15)  # 0.5 · 20 ÷ ln 2
    for name, model in moved.items():
        model.save(tmp_path / f"{name}.json")
        again = scoring.load_model(tmp_path / f"{name}.json")
        scores = again.credit_score(applications)
        assert scores.tolist() == model.credit_score(applications).tolist()


# -- what 06 asks of all applications --------------------------------------------------------------


def test_segments_of_some_applications_have_the_bands_of_all(applications, table):
    whole = evidence.segments(applications, FEATURES)
    some = applications.iloc[700:]
    found = evidence.segments(some, FEATURES, of_all=table)
    pd.testing.assert_frame_equal(found, whole.iloc[700:])
    assert found["term"].str.contains("or more").any()  # twelve terms are cut at their quantiles
    assert set(whole["bureau"]) == {"no file", "others"}
    few = applications.assign(term_months=np.where(applications["term_months"] > 6, 12, 6))
    short = few[few["term_months"] == 6]
    assert set(evidence.segments(short, FEATURES, of_all=few)["term"]) == {" 6"}


def test_judged_applications_are_those_that_judge_with_what_is_asked_of_them(applications, table):
    found = evidence.judged_applications(table, FEATURES, MODELS)
    frame = evidence.judged_applications(applications, FEATURES, MODELS)
    pd.testing.assert_frame_equal(by_id(found), by_id(frame))
    late = applications[applications["sample"] == "out_of_time"]
    judging = applications["applied_at"].between(*late["applied_at"].agg(["min", "max"]))
    assert by_id(found)["application_id"].tolist() == (
        applications.loc[judging, "application_id"].tolist()
    )
    assert {"gender", "age", "inquiries", "channel", "declined_reason"} <= set(found)
    assert "income" not in found


def test_what_was_lent_adds_up_by_score_and_term(applications, table):
    found = profile.lent_by_score(table, "scorecard")
    pd.testing.assert_frame_equal(found, profile.lent_by_score(applications, "scorecard"))
    grade = pd.Series(np.where(applications["scorecard"] > 600, 1, 2))
    lent = applications["booked_amount"].where(applications["booked"])
    expected = profile.exposure_table(lent, grade, applications["term_months"])
    of_score = pd.Series(np.where(found["scorecard"] > 600, 1, 2))
    told = profile.exposure_table(found["amount"], of_score, found["term_months"])
    pd.testing.assert_frame_equal(told, expected, check_dtype=False, check_exact=True)


# -- two runs --------------------------------------------------------------------------------------


def run_of(folder, applications, sampled=None):
    """A run that left applications and scores, in one file or in parts with a sample."""
    outputs = {"01_borrowers": "applications.parquet", "03_models": "scores.parquet"}
    for stage, name in outputs.items():
        path = folder / stage / name
        if sampled is None:
            path.parent.mkdir(parents=True)
            write_table(applications, path)
        else:
            in_parts(applications, path)
            write_table(applications[sampled], path / "sample.parquet")
    stages = {stage: {"outputs": {name: ""}} for stage, name in outputs.items()}
    return FinishedRun(folder, {"stages": stages})


def test_a_run_in_parts_is_counted_whole_and_compared_on_its_sample(applications, tmp_path):
    sampled = applications["customer_id"].isin([f"C{i:04d}" for i in range(0, 450, 3)]).to_numpy()
    small = read_run(run_of(tmp_path / "small", applications))
    large = read_run(run_of(tmp_path / "large", applications, sampled))
    assert small.population is None
    pd.testing.assert_frame_equal(small.applications, applications)
    chosen = applications[sampled].reset_index(drop=True)
    pd.testing.assert_frame_equal(large.applications, chosen)
    pd.testing.assert_frame_equal(large.scores, chosen)
    changes = run_changes(small, large)
    told = changes.population
    pd.testing.assert_series_equal(told.loc["A"], told.loc["B"], check_names=False)
    assert told.loc["B", "applications"] == 900
    overlap = common_applications(applications, chosen)
    assert changes.overlap.ids.equals(overlap.ids)
    assert told.loc["in both, by B", "applications"] == sampled.sum()
    pd.testing.assert_frame_equal(
        told.loc[["A"]], population_table({"A": applications}), check_exact=True
    )


def test_a_run_whose_applications_are_sampled_says_so(applications, tmp_path):
    sampled = (np.arange(900) < 300).astype(bool)
    large = read_run(run_of(tmp_path / "large", applications, sampled))
    small = read_run(run_of(tmp_path / "small", applications))
    short = dict(comparison_sections(small, large))["In short"][0]
    assert short["Sample"].startswith(
        "single applications are compared on a sample, of B 300 of 900: whole customers"
    )
    assert short["Applications"].startswith("compared are 900 in A, 300 in B; 300 are in both")
    assert "Sample" not in dict(comparison_sections(small, small))["In short"][0]

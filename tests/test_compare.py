"""What changed between two runs: each table with a known change, the page, and what it replaces."""

from __future__ import annotations

import json
import re
import shutil
from copy import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from riskkit import cli, compare, metrics, strategy, vintage
from riskkit.binning import WoeBinner
from riskkit.cli import app
from riskkit.documents import document_html
from riskkit.schema import Feature, SourceFacts
from riskkit.scorecard import Scorecard, ScoreScale
from riskkit.tables import hash_file
from riskkit.target import BadDefinition

HOSTILE = "<script>alert(1)</script>"
FEATURES = [
    Feature(name="raw_income", label="Monthly income", family="application"),
    Feature(name="raw_arrears", label=HOSTILE, family="bureau"),
    Feature(name="raw_city", label="City", family="application", kind="category"),
]
ALL = [feature.name for feature in FEATURES]
FACTS = SourceFacts(
    name="lender",
    title="The lender",
    currency="CNY",
    accepted_only=False,
    bad=BadDefinition(dpd=90, window_months=12),
    observed_to=pd.Timestamp("2024-12-31"),
)


# -- a small world ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def applications() -> pd.DataFrame:
    rng = np.random.default_rng(7)
    n = 4_000
    table = pd.DataFrame(
        {
            "application_id": [f"APPL-{i:05d}" for i in range(n)],
            "applied_at": pd.Timestamp("2023-01-01")
            + pd.to_timedelta(np.arange(n) * 730 // n, unit="D"),
            "amount": rng.integers(1, 50, n) * 10_000,
            "term_months": 12,
            "raw_income": rng.normal(50, 15, n).round(),
            "raw_arrears": rng.poisson(1.5, n),
            "raw_city": rng.choice(["north", "south", "west"], n),
        }
    )
    risk = -2.2 - (table["raw_income"] - 50) / 20 + 0.6 * table["raw_arrears"]
    risk += table["raw_city"].map({"north": 0.0, "south": 0.7, "west": -0.5})
    bad = rng.random(n) < 1 / (1 + np.exp(-risk))
    table["approved"] = rng.random(n) < 0.8
    table["booked"] = table["approved"]
    table["default_flag"] = np.where(table["booked"], bad, np.nan).astype(float)
    return table


@pytest.fixture(scope="module")
def binner(applications: pd.DataFrame) -> WoeBinner:
    taught = applications[_sample(applications) == "train"]
    return WoeBinner(max_bins=4).fit(taught[ALL], taught["default_flag"])


@pytest.fixture(scope="module")
def run_a(applications: pd.DataFrame, binner: WoeBinner) -> compare.RunTables:
    return _run("june", applications, binner, ALL[:2])


@pytest.fixture(scope="module")
def run_b(applications: pd.DataFrame, binner: WoeBinner) -> compare.RunTables:
    """A feature more on the card, an edge moved by hand, a label corrected, a cohort grown."""
    corrected = applications.copy()
    corrected.loc[_first_bad(applications), "default_flag"] = 0.0
    new = applications.tail(40).assign(
        application_id=[f"NEW-{i}" for i in range(40)],
        applied_at=pd.Timestamp("2025-01-15"),
        default_flag=np.nan,
    )
    edited = binner.set_edges("raw_income", [30, 60], by="R. Analyst", reason="a <b>law</b>")
    run = _run("july", pd.concat([corrected, new], ignore_index=True), edited, ALL)
    return replace(run, vintages=_curves(grown=True)[0], loans=_curves(grown=True)[1])


def _sample(applications: pd.DataFrame) -> pd.Series:
    """The last six months judge; of the others a fifth tests."""
    late = applications["applied_at"] >= "2024-07-01"
    fold = applications["application_id"].str[-1].isin(["3", "8"])
    kind = pd.Series(np.where(late, "out_of_time", np.where(fold, "test", "train")))
    return kind.where(applications["default_flag"].notna().to_numpy())


def _first_bad(applications: pd.DataFrame) -> int:
    return int(applications.index[applications["default_flag"] == 1][0])


def _curves(*, grown: bool = False) -> tuple[pd.DataFrame, pd.Series]:
    """Two cohorts; grown: five loans more in the second, which is older, and a third one."""
    cohorts = pd.to_datetime(["2023-01-01", "2023-04-01", "2023-07-01"])
    rates = {3: [0.0, 0.0, 0.02], 6: [0.05, 0.04, np.nan], 12: [0.1, np.nan, np.nan]}
    curves = pd.DataFrame(rates, index=cohorts.rename("cohort"))
    loans = pd.Series([100, 50, 50], index=curves.index)
    if not grown:
        return curves[:2], loans[:2]
    curves.loc[cohorts[1], [6, 12]] = [3 / 55, 6 / 55]
    return curves, loans.where(loans.index != cohorts[1], 55)


def _run(
    name: str, applications: pd.DataFrame, binner: WoeBinner, on_card: list[str]
) -> compare.RunTables:
    sample = _sample(applications).to_numpy()
    taught = applications[sample == "train"]
    card = Scorecard(binner, features=on_card, max_p_value=None)
    card.fit(taught, taught["default_flag"])
    columns = ["application_id", "applied_at", "approved", "booked", "default_flag"]
    scores = applications[columns].assign(sample=sample)
    scores["scorecard"] = card.credit_score(applications)
    scores["challenger"] = scores["scorecard"] + np.arange(len(scores)) % 7
    money = {"margin_fen": 10_000, "loss_fen": 60_000, "cost_fen": 500}
    loans = applications[["approved", "booked", "default_flag", "amount"]].assign(**money)
    models = scores[["scorecard", "challenger"]]
    tables = strategy.cutoff_tables(models, loans, max_never_booked=0.5)
    policies = pd.DataFrame(
        {name: [0.5, 0.6] for name in compare.cutoff_changes.OF_POLICIES},
        index=pd.Index(["today's policy", "the cutoff alone"], name="policy"),
    )
    curves, n_loans = _curves()
    return compare.RunTables(
        name=name,
        profile="quick",
        parameters={"seed": 1, "cohort_freq": "Q"},
        versions={"numpy": "2.0"},
        hashes={"01_one/applications.parquet": name},
        facts=FACTS,
        features=FEATURES,
        applications=applications,
        scores=scores,
        policies=policies,
        chosen_cutoffs=strategy.goals_table(tables, min_approval=0.5, max_bad_rate=0.1),
        vintages=curves,
        loans=n_loans,
        term_months=12,
        binner=binner,
        card=card,
        advice={"To do, assumed economics": f"do as {name} says"},
    )


def page_of(a: compare.RunTables, b: compare.RunTables) -> str:
    return document_html("a and b", compare.comparison_sections(a, b))


def said(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


# -- inputs ----------------------------------------------------------------------------------------


def test_only_settings_that_differ_are_listed_with_their_meaning() -> None:
    a, b = {"pdo": 20.0, "seed": 1, "edits": "x"}, {"pdo": 40.0, "seed": 1, "edits": ""}
    found = compare.differing_settings(a, b, {"pdo": "points"})
    assert found.to_dict("index") == {
        "edits": {"a": "x", "b": "–", "meaning": "–"},
        "pdo": {"a": "20.0", "b": "40.0", "meaning": "points"},
    }
    assert compare.differing_settings(a, a).empty
    assert compare.differing_settings({"edits": ""}, {}).empty


def test_a_file_that_one_run_lacks_is_not_the_same() -> None:
    a, b = {"w": "a" * 64, "x": "a" * 64, "y": "b"}, {"w": "a" * 63 + "b", "x": "a" * 64, "z": "b"}
    found = compare.file_hashes(a, b)
    # all of a hash is compared, also what is not shown
    assert found["same"].to_dict() == {"w": False, "x": True, "y": False, "z": False}
    assert found.loc["z"].tolist() == ["–", "b", False]


def test_an_application_is_the_same_by_number_and_day(applications: pd.DataFrame) -> None:
    moved = applications.copy()
    moved.loc[:9, "applied_at"] += pd.Timedelta(days=1)
    found = compare.common_applications(applications, moved.iloc[::-1])
    assert (len(found.ids), found.n_other_day, found.is_whole) == (3_990, 10, False)
    assert found.ids[0] == "APPL-00010"
    assert compare.common_applications(applications, applications).is_whole


def test_numbers_that_stand_for_others_are_no_common_applications(
    applications: pd.DataFrame,
) -> None:
    """A simulated lender numbers its applicants anew at every seed."""
    days = applications["applied_at"].sample(frac=1, random_state=1).to_numpy()
    found = compare.common_applications(applications, applications.assign(applied_at=days))
    assert (len(found.ids), found.n_other_day) == (0, 4_000)
    other = compare.common_applications(applications, applications, same_source=False)
    assert (len(other.ids), other.n_other_day) == (0, 0)


def test_without_days_amount_and_term_say_whether_an_application_is_the_same(
    applications: pd.DataFrame,
) -> None:
    a = applications.drop(columns="applied_at")
    b = a.assign(term_months=np.where(a.index < 5, 6, 12))
    assert len(compare.common_applications(a, b).ids) == 3_995


def test_outcomes_corrected_and_known_since_are_told_apart() -> None:
    a = pd.DataFrame({"application_id": list("uvwxyz"), "default_flag": [0, 1, 1, 0, None, 1.0]})
    b = a.assign(default_flag=[0, 1, 0, None, 1, 1.0])
    found = compare.outcome_changes(a, b.iloc[::-1], pd.Index(list("uvwxyz")))
    changed = found.loc[found["changed"], "applications"].to_dict()
    assert changed == {("bad", "good"): 1, ("good", "not known"): 1, ("not known", "bad"): 1}
    assert found["applications"].sum() == 6
    told = compare.sentences.outcomes_text(found)
    assert "1 turned out otherwise by B, 1 are known since, 1 no longer" in told


def test_values_that_differ_are_counted_and_missing_is_no_difference() -> None:
    a = pd.DataFrame({"application_id": [1, 2, 3], "x": [1, 2, 3], "y": [1.0, np.nan, 3.0]})
    b = a.assign(x=[1.0, np.nan, 3.0], z=1)
    found = compare.value_changes(a, b, pd.Index([1, 2, 3]))
    assert found.to_dict("index") == {"x": {"differing": 1, "differing_share": 1 / 3}}


def test_a_population_has_its_bad_rate_with_an_interval(applications: pd.DataFrame) -> None:
    unknown = applications.drop(columns="applied_at").assign(default_flag=np.nan)
    found = compare.population_table({"A": applications, "none": unknown})
    row = found.loc["A"]
    low, high = metrics.jeffreys_interval(row["bad"], row["labelled"], 0.95)
    assert (row["low"], row["high"]) == (low, high)
    assert row["bad_rate"] == applications["default_flag"].mean()
    assert (row["first_day"], row["last_day"]) == ("2023-01-01", "2024-12-30")
    assert found.loc["none", ["bad_rate", "low", "high"]].isna().all()
    assert found.loc["none", "first_day"] == "–"


# -- bins and card ---------------------------------------------------------------------------------


def test_moved_edges_say_who_moved_them(run_a, run_b) -> None:
    found = compare.bin_changes(run_a.binner, run_b.binner)
    assert found["changed"].to_dict() == {name: name == "raw_income" for name in found.index}
    row = found.loc["raw_income"]
    assert row["bins_b"] == "< 30 | [30, 60) | ≥ 60 | missing"
    assert row["by_hand_b"] == "R. Analyst: a <b>law</b>"
    assert (found["by_hand_a"] == "").all()
    assert row["iv_b"] == run_b.binner.bins_["raw_income"].iv != row["iv_a"]


def test_a_feature_of_one_run_has_bins_there_alone(applications, binner) -> None:
    fewer = WoeBinner(max_bins=4).fit(applications[ALL[:2]], applications["default_flag"] == 1)
    found = compare.bin_changes(binner, fewer).loc["raw_city"]
    assert found["in_runs"] == "only A"
    assert found["changed"]
    assert found["bins_b"] == ""
    assert np.isnan(found["iv_b"])


def test_the_order_of_levels_within_a_bin_is_no_change(binner) -> None:
    one = binner.group_levels("raw_city", [["north", "south"], ["west"]])
    other = copy(one)
    turned = replace(one.bins_["raw_city"], groups=(("south", "north"), ("west",)))
    other.bins_ = {**one.bins_, "raw_city": turned}
    assert not compare.bin_changes(one, other)["changed"].any()
    other.bins_["raw_city"] = replace(turned, groups=(("south", "west"), ("north",)))
    assert compare.bin_changes(one, other)["changed"].to_dict()["raw_city"]


def test_population_shift_is_the_psi_of_the_bins_of_a(applications, binner) -> None:
    moved = applications.assign(raw_income=applications["raw_income"] - 10)
    found = compare.population_shift(binner, applications, moved, ["raw_city", "raw_income"])
    bins = binner.bins_["raw_income"]
    counts = [np.bincount(bins.assign(t["raw_income"])) for t in (applications, moved)]
    assert found.index.tolist() == ["raw_income", "raw_city"]
    assert found.loc["raw_income", "psi"] == metrics.psi(*counts) > 0.25
    assert found.loc["raw_income", "light"] == "red"
    assert found.loc["raw_city", "psi"] == 0


def test_a_feature_that_cannot_be_placed_has_no_psi(applications, binner) -> None:
    words = applications.assign(raw_income="much").drop(columns="raw_city")
    found = compare.population_shift(binner, applications, words, [*ALL, "strange"])
    assert found["psi"].isna().to_dict() == {
        "raw_arrears": False,
        "raw_income": True,
        "raw_city": True,
        "strange": True,
    }


def test_a_feature_added_to_the_card_is_named(run_a, run_b) -> None:
    found = compare.coefficient_changes(run_a.card, run_b.card)
    assert found["on_card"].to_dict() == {
        "raw_income": "both",
        "raw_arrears": "both",
        "raw_city": "only B",
    }
    theirs = run_b.card.coefficients()
    for name in ("coefficient", "low", "high"):
        assert found[f"{name}_b"].to_dict() == theirs[name].to_dict()


def test_only_bins_whose_points_differ_are_listed(run_a, run_b) -> None:
    found = compare.points_changes(run_a.card, run_b.card)
    assert (found["points_a"] != found["points_b"]).all()
    city = found.loc["raw_city"]
    assert city["points_a"].isna().all()
    assert city["points_b"].tolist() == run_b.card.points_["raw_city"].tolist()
    assert np.isnan(found.loc[("raw_income", "[30, 60)"), "points_a"])
    assert compare.points_changes(run_a.card, run_a.card).empty


def test_two_bins_that_read_alike_keep_their_own_points(applications) -> None:
    """Levels are named by others: one that reads like the name of a bin of two."""
    twins = applications["raw_city"].map({"north": "a", "south": "a, b", "west": "b"})
    rows = applications.assign(raw_city=twins)
    binner = WoeBinner(max_bins=4).fit(rows[ALL], rows["default_flag"].fillna(0))
    binner = binner.group_levels("raw_city", [["a", "b"], ["a, b"]])
    card = Scorecard(binner, features=["raw_city"], max_p_value=None)
    card.fit(rows, rows["default_flag"].fillna(0))
    assert compare.points_changes(card, card).empty
    other = copy(card)
    other.points_ = {"raw_city": card.points_["raw_city"] + np.array([1, 0, 0, 0])}
    found = compare.points_changes(card, other)
    assert found.index.tolist() == [("raw_city", "a, b")]
    assert (found["points_b"] - found["points_a"]).tolist() == [1]


# -- scores ----------------------------------------------------------------------------------------


def test_pairs_name_no_application_and_follow_the_ids(run_a) -> None:
    ids = pd.Index(["APPL-00003", "APPL-00007", "APPL-99999"])
    found = compare.paired_scores(run_a.scores, run_a.scores.iloc[::-1], ids)
    by_id = run_a.scores.set_index("application_id")["scorecard"]
    assert found["scorecard_a"].tolist() == by_id[ids[:2]].tolist() == found["scorecard_b"].tolist()
    assert "APPL" not in found.to_csv()


def test_a_change_of_scale_alone_moves_no_score(run_a) -> None:
    old, new = run_a.card.score_scale, ScoreScale(pdo=40, target_score=500, target_odds=20)
    pairs = compare.paired_scores(run_a.scores, run_a.scores, _ids(run_a))
    for model in ("scorecard", "challenger"):
        pairs[f"{model}_b"] = new.score(old.probability(pairs[f"{model}_a"]))
    found = compare.score_shift(pairs, old, new)
    np.testing.assert_allclose(found["difference"], 0, atol=1e-9)
    assert (found[["lower_share", "higher_share"]] == 0).all(axis=None)


def test_score_shift_is_a_paired_difference_with_its_interval(run_a) -> None:
    pairs = compare.paired_scores(run_a.scores, run_a.scores, _ids(run_a))
    pairs["scorecard_b"] += np.tile([3, -1], 2_000)
    scale = run_a.card.score_scale
    row = compare.score_shift(pairs, scale, scale).loc["scorecard"]
    assert row["difference"] == 1
    half = 1.959963984540054 * np.std(np.tile([3, -1], 2_000), ddof=1) / np.sqrt(4_000)
    np.testing.assert_allclose([row["low"], row["high"]], [1 - half, 1 + half])
    assert (row["lower_share"], row["higher_share"]) == (0.5, 0.5)


def test_every_application_stays_or_changes_grade(run_a, run_b) -> None:
    pairs = compare.paired_scores(run_a.scores, run_b.scores, _ids(run_a))
    scale = run_a.card.score_scale
    training = run_a.scores[run_a.scores["sample"] == "train"]
    found = compare.grade_changes(pairs, training, scale, scale)
    assert found["applications"].sum() == 4_000
    assert (found[["safer", "same", "riskier"]].sum(axis=1) == found["applications"]).all()
    assert found["safer"].iloc[0] == 0 == found["riskier"].iloc[-1]
    down = pairs.assign(scorecard_b=pairs["scorecard_a"] - 1_000)
    moved = compare.grade_changes(down, training, scale, scale)
    assert moved["riskier"].sum() == 4_000 - moved["applications"].iloc[-1]


def test_only_loans_that_taught_neither_model_judge(run_a, run_b) -> None:
    """A later run may learn from what judged the earlier one."""
    later = run_b.scores.copy()
    learned = later["application_id"].isin(run_a.scores["application_id"][3_500:])
    later.loc[learned & later["sample"].notna(), "sample"] = "train"
    tested = later["application_id"].isin(run_a.scores["application_id"][3_400:3_500])
    later.loc[tested & later["sample"].notna(), "sample"] = "test"
    pairs = compare.paired_scores(run_a.scores, later, _ids(run_a))
    found, kinds = compare.judging_loans(pairs, run_a.scores["sample"], later["sample"])
    assert kinds == ["out_of_time", "out_of_time"]
    assert (found[["sample_a", "sample_b"]] == "out_of_time").all(axis=None)
    assert found["default_flag"].notna().all()
    both = (run_a.scores["sample"] == "out_of_time") & (run_a.scores.index < 3_400)
    assert len(found) == both.sum() > 0
    none, nothing = compare.judging_loans(pairs, run_a.scores["sample"], later["sample"][:0])
    assert none.empty
    assert nothing == []


def test_models_that_learned_from_everything_are_not_judged(run_a) -> None:
    taught = run_a.scores.assign(sample="train")
    pairs = compare.paired_scores(taught, taught, _ids(run_a))
    assert compare.judging_loans(pairs, taught["sample"], taught["sample"])[0].empty


def test_ranking_is_the_paired_delong_test_of_b_less_a(run_a, run_b) -> None:
    pairs = compare.paired_scores(run_a.scores, run_b.scores, _ids(run_a))
    loans, _ = compare.judging_loans(pairs, run_a.scores["sample"], run_b.scores["sample"])
    row = compare.ranking_changes(loans).loc["scorecard"]
    y = loans["default_flag"]
    expected = metrics.compare(y, loans["scorecard_b"], loans["scorecard_a"])
    assert row["auc_a"] == metrics.auc(metrics.score_counts(loans["scorecard_a"], y))
    assert row["difference"] == expected["difference"] == row["auc_b"] - row["auc_a"] > 0
    assert (row["low"], row["high"]) == (expected["low"], expected["high"])
    assert row["low"] > 0
    assert "better beyond chance" in compare.sentences.ranking_text(row)


@pytest.mark.parametrize(("n_bad", "is_said"), [(9, False), (10, True)])
def test_fewer_than_ten_bads_give_no_figure(n_bad: int, is_said: bool) -> None:
    rng = np.random.default_rng(1)
    flags = np.r_[np.ones(n_bad), np.zeros(90)]
    names = [f"{model}_{end}" for model in ("scorecard", "challenger") for end in "ab"]
    loans = pd.DataFrame({name: rng.normal(size=len(flags)) for name in names})
    row = compare.ranking_changes(loans.assign(default_flag=flags)).loc["scorecard"]
    assert row["bad"] == n_bad
    figures = row[["auc_a", "auc_b", "difference", "low", "high", "p_value"]]
    assert figures.notna().all() == is_said
    assert figures.isna().all() != is_said
    assert ("too few to say" in compare.sentences.ranking_text(row)) != is_said


# -- cutoffs ---------------------------------------------------------------------------------------


def test_the_cutoff_of_each_run_is_its_most_profitable(run_a, run_b) -> None:
    chosen = {"A": run_a.chosen_cutoffs, "B": run_b.chosen_cutoffs}
    found = compare.best_cutoffs(chosen)
    assert found.index.tolist() == [
        (model, run) for model in ("scorecard", "challenger") for run in "AB"
    ]
    for model, run in found.index:
        assert found.loc[(model, run), "cutoff"] == chosen[run].loc[("profit", model), "cutoff"]


def test_policies_that_one_run_lacks_have_one_row(run_a, run_b) -> None:
    fewer = run_b.policies.drop("today's policy")
    found = compare.policies_by_run({"A": run_a.policies, "B": fewer})
    assert found.index.tolist() == [
        ("today's policy", "A"),
        ("the cutoff alone", "A"),
        ("the cutoff alone", "B"),
    ]


def test_a_moved_cutoff_moves_who_is_approved(run_a) -> None:
    pairs = compare.paired_scores(run_a.scores, run_a.scores, _ids(run_a))
    at = run_a.scores["scorecard"].median()
    found = compare.swap_sets(pairs, {"scorecard": at}, {"scorecard": at + 10})
    between = run_a.scores["scorecard"].between(at, at + 9)
    assert found.index.unique("model").tolist() == ["scorecard"]
    assert found.loc[("scorecard", "only A"), "applications"] == between.sum() > 0
    assert found.loc[("scorecard", "only B"), "applications"] == 0
    assert found["applications"].sum() == 4_000
    assert found.loc[("scorecard", "only A"), "bad"] == run_a.scores["default_flag"][between].sum()


def test_a_run_without_a_cutoff_has_no_swap_set(run_a) -> None:
    pairs = compare.paired_scores(run_a.scores, run_a.scores, _ids(run_a))
    assert compare.swap_sets(pairs, {"scorecard": np.nan}, {"scorecard": 500.0}).empty
    assert compare.swap_sets(pairs[:0], {"scorecard": 500.0}, {"scorecard": 500.0}).empty


# -- vintages --------------------------------------------------------------------------------------


def test_a_grown_cohort_differs_and_the_others_do_not() -> None:
    one, other = (compare.cohort_milestones(*_curves(grown=grown)) for grown in (False, True))
    found = compare.vintage_changes(one, other)
    second = pd.Timestamp("2023-04-01")
    assert found.index[found["added"]].tolist() == [(second, 3), (second, 6)]
    assert found.index[found["changed"]].tolist() == [(second, 3), (second, 6)]
    row = found.loc[(second, 6)]
    assert (row["loans_a"], row["bad_a"], row["loans_b"], row["bad_b"]) == (50, 2, 55, 3)
    assert row["difference"] == 3 / 55 - 0.04
    low, high = metrics.jeffreys_interval(3, 55, 0.95)
    assert (row["low_b"], row["high_b"]) == (low, high)


def test_a_corrected_loan_is_a_change_of_the_cohort() -> None:
    curves, loans = _curves()
    corrected = curves.copy()
    corrected.iloc[0, 1] += 1 / loans.iloc[0]
    a, b = compare.cohort_milestones(curves, loans), compare.cohort_milestones(corrected, loans)
    found = compare.vintage_changes(a, b)
    assert found.index[found["changed"]].tolist() == [(pd.Timestamp("2023-01-01"), 6)]
    assert not found["added"].any()


def test_cohorts_to_which_loans_were_added_raise_no_alarm(run_a, run_b) -> None:
    told = said(page_of(run_a, run_b))
    assert "of 1 cohort, to 1 of which loans were added" in told
    assert "loans added" in told
    assert "have changed" not in told.partition("In short")[2].partition("Inputs")[0].replace(
        "its data have changed", ""
    )
    curves, loans = _curves()
    curves.iloc[0, 1] += 1 / loans.iloc[0]
    corrected = said(page_of(run_a, replace(run_a, name="b", vintages=curves)))
    assert "of 1 cohort, the data of 1 of which have changed" in corrected
    assert "data changed" in corrected
    # more bads than loans were added: those that were there are others now
    many, grown = _curves(grown=True)
    many.loc[pd.Timestamp("2023-04-01"), 6] = 10 / 55
    both = said(page_of(run_a, replace(run_b, vintages=many, loans=grown)))
    assert "the data of 1 of which have changed" in both


def test_cohorts_are_named_and_judged_as_05_does(run_a) -> None:
    found = compare.run_changes(run_a, run_a)
    assert found.vintages.index.unique("cohort").tolist() == ["2023Q1", "2023Q2"]
    gone = replace(run_a, vintages=run_a.vintages[:1], loans=run_a.loans[:1])
    assert compare.run_changes(run_a, gone).lost_cohorts == ["2023Q2"]
    row = found.vintages.loc[("2023Q1", 6)]
    events = ["default"] * 5 + ["censored"] * 95 + ["censored"] * 50
    outcomes = pd.DataFrame(
        {
            "loan_id": range(150),
            "cohort": pd.to_datetime(["2023-01-01"] * 100 + ["2022-01-01"] * 50),
            "amount": 1,
            "event": events,
            "event_mob": [6] * 150,
        }
    )
    of_05 = vintage.milestone_table(outcomes, [6]).loc[6]
    assert of_05["newest"] == "2023Q1"
    assert (row["low_a"], row["high_a"]) == (of_05["bad_rate_low"], of_05["bad_rate_high"])


def test_what_has_matured_is_told_from_what_is_new() -> None:
    one, other = (compare.cohort_milestones(*_curves(grown=grown)) for grown in (False, True))
    found = compare.matured_milestones(one, other)
    second, third = pd.Timestamp("2023-04-01"), pd.Timestamp("2023-07-01")
    assert found["new"].to_dict() == {(second, 12): False, (third, 3): True}
    assert compare.matured_milestones(other, other).empty


def test_the_loans_of_cohorts_are_those_of_one_term() -> None:
    outcomes = pd.DataFrame(
        {
            "loan_id": list("abcde"),
            "cohort": pd.to_datetime([f"2024-{month:02}-01" for month in (1, 2, 4, 1, 1)]),
            "amount": 1,
            "event": "matured",
            "event_mob": 6,
        }
    )
    terms = pd.DataFrame({"application_id": list("abcde"), "term_months": [6, 6, 6, 12, 12]})
    loans, term = compare.cohort_loans(outcomes, terms, term_months=0, cohort_freq="Q")
    assert term == 6
    assert loans.to_dict() == {pd.Timestamp("2024-01-01"): 2, pd.Timestamp("2024-04-01"): 1}
    loans, term = compare.cohort_loans(outcomes, terms, term_months=12, cohort_freq="Q")
    assert (loans.tolist(), term) == ([2], 12)
    of_term = vintage.cohort_counts(outcomes, by=terms.set_index("application_id")["term_months"])
    curves = vintage.vintage_table(of_term.loc[12], cohort_freq="Q")
    assert curves.index.tolist() == loans.index.tolist()


# -- all of it, and the page -----------------------------------------------------------------------


def test_a_run_compared_with_itself_has_not_changed(run_a) -> None:
    found = compare.run_changes(run_a, run_a)
    assert found.is_same
    for table in (found.facts, found.parameters, found.versions, found.points, found.scale):
        assert table.empty
    assert found.files["same"].all()
    assert found.overlap.is_whole
    assert not found.outcomes["changed"].any()
    assert found.feature_values.empty
    assert not found.bins["changed"].any()
    assert (found.bins["iv_a"] == found.bins["iv_b"]).all()
    assert (found.shift["psi"] == 0).all()
    assert (found.coefficients["on_card"] == "both").all()
    assert (found.scores[["difference", "low", "high", "lower_share", "higher_share"]] == 0).all(
        axis=None
    )
    assert (found.grades[["safer", "riskier"]] == 0).all(axis=None)
    assert (found.ranking[["difference", "low", "high"]] == 0).all(axis=None)
    swapped = found.swaps["applications"].unstack("decision")[["only A", "only B"]]
    assert (swapped == 0).all(axis=None)
    assert not found.vintages["changed"].any()
    assert found.matured.empty
    assert found.lost_cohorts == []
    told = said(page_of(run_a, run_a))
    assert "Changed nothing: files, parameters and versions of the two runs are the same" in told
    assert "the same order of all loans" in told


def test_a_page_says_each_known_change(run_a, run_b) -> None:
    told = said(page_of(run_a, run_b))
    for text in (
        "4,000 in A, 4,040 in B; 4,000 are in both (100.0% of A, 99.0% of B)",
        "of the 4,000 applications in both, 1 turned out otherwise by B",
        "in: City; out: none; 3 on the card of B",
        "better beyond chance",
        "do as june says (assumed economics) → do as july says (assumed economics)",
        "2 milestones known since, 1 new cohort; 2 of 5 milestones in both runs differ",
        "1 of 3 features have other bins",
        "R. Analyst: a &lt;b&gt;law&lt;/b&gt;",
        "Parameters: nothing differs.",
    ):
        assert text in told, text


def test_names_of_others_are_text_and_raw_names_and_ids_are_nowhere(run_a, run_b) -> None:
    page = page_of(run_a, run_b)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "<b>law" not in page
    assert not re.search(r"APPL-|NEW-|raw_", page)


def test_two_features_may_bear_one_label(run_a, run_b) -> None:
    alike = [replace(feature, label="Income") for feature in FEATURES]
    told = said(page_of(replace(run_a, features=alike), replace(run_b, features=alike)))
    assert "in: Income; out: none" in told


def test_equal_runs_give_equal_bytes(run_a, run_b) -> None:
    assert page_of(run_a, run_b) == page_of(run_a, run_b)


@pytest.mark.parametrize(
    ("fields", "section", "text"),
    [
        (["binner"], "Bins", "Run B has left no bins"),
        (["card"], "Card", "Run B has left no scorecard"),
        (["scores"], "Scores", "Run B has left no scores"),
        (["chosen_cutoffs", "policies"], "Cutoffs", "Run B has left no chosen cutoffs"),
        (["vintages", "loans"], "Vintages", "Run B has left no vintages"),
        (["applications"], "Applications", "Run B has left no table of applications"),
    ],
)
def test_what_one_run_lacks_is_one_line(run_a, run_b, fields, section, text) -> None:
    thin = replace(run_b, **dict.fromkeys(fields))
    sections = dict(compare.comparison_sections(run_a, thin))
    if section == "Applications":
        *_, (heading, sections["Applications"]) = sections["Inputs"]
        assert heading == section
    assert sections[section] == [f"{text}: nothing to compare."]
    page_of(run_a, thin)


def test_runs_that_left_nothing_still_have_a_page() -> None:
    bare = compare.RunTables(name="bare")
    told = said(page_of(bare, bare))
    for what in ("bins", "scorecard", "scores", "chosen cutoffs", "vintages"):
        assert f"Neither run has left {what}." in told


def test_disjoint_applications_are_not_held_against_each_other(run_a) -> None:
    ids = "OTHER-" + run_a.applications["application_id"]
    other = replace(
        run_a,
        applications=run_a.applications.assign(application_id=ids),
        scores=run_a.scores.assign(application_id=ids),
        vintages=_curves(grown=True)[0],
        loans=_curves(grown=True)[1],
    )
    found = compare.run_changes(run_a, other)
    assert found.scores.empty
    assert found.ranking.empty
    assert found.swaps.empty
    told = said(page_of(run_a, other))
    assert "4,000 in A, 4,000 in B, none of them in both" in told
    assert "different applications" in told
    assert told.count("The runs have no application in common: no score") == 3
    assert "cohorts of the same month are of other loans" in told
    assert "of 1 cohort, which are of other loans" in told


def test_few_bads_are_said_and_no_auc_is_given(run_a) -> None:
    late = run_a.scores["sample"] == "out_of_time"
    bads = run_a.scores.index[late & (run_a.scores["default_flag"] == 1)]
    few = replace(run_a, scores=run_a.scores.assign(
        default_flag=run_a.scores["default_flag"].mask(run_a.scores.index.isin(bads[9:]), 0.0)
    ))  # fmt: skip
    told = said(page_of(run_a, few))
    assert "too few to say" in told
    assert "9 of them bad" in told
    assert "AUC, A" not in told


def test_curves_of_other_terms_or_cohorts_are_not_compared(run_a) -> None:
    for other in (
        replace(run_a, term_months=24),
        replace(run_a, parameters={**run_a.parameters, "cohort_freq": "M"}),
    ):
        found = compare.run_changes(run_a, other)
        assert found.vintages.empty
        assert found.lacking["vintages"].endswith("not comparable.")


def test_a_cohort_that_is_gone_is_named(run_a, run_b) -> None:
    assert compare.run_changes(run_b, run_a).lost_cohorts == ["2023Q3"]
    assert "Cohorts that only A has: 2023Q3." in said(page_of(run_b, run_a))


def _ids(run: compare.RunTables) -> pd.Index:
    assert run.applications is not None
    return pd.Index(run.applications["application_id"])


# -- from folder to page ---------------------------------------------------------------------------


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["compare", *(str(a) for a in arguments)])


@pytest.fixture
def runs(synthetic_run, tmp_path: Path) -> Path:
    """A folder of runs in a project's layout: one as the notebooks left it, and a later one."""
    for name in ("june", "july"):
        folder = tmp_path / "data" / "runs" / name
        shutil.copytree(synthetic_run.run_dir, folder)
        (tmp_path / "reports" / "runs" / name).mkdir(parents=True)
    july = tmp_path / "data" / "runs" / "july"
    path = july / "03_models" / "scores.parquet"
    scores = pd.read_parquet(path)
    scores["scorecard"] += 1
    scores.to_parquet(path)
    _leave(july, "03_models", "scores.parquet")
    return tmp_path / "data" / "runs"


def _leave(run_dir: Path, stage: str, name: str) -> None:
    """Take a file into the manifest as if the run had left it so."""
    manifest = json.loads((run_dir / "manifest.json").read_text())
    sha = hash_file(run_dir / stage / name)
    manifest["stages"][stage]["outputs"][name] = sha
    for record in manifest["stages"].values():
        if f"{stage}/{name}" in record["inputs"]:
            record["inputs"][f"{stage}/{name}"] = sha
    (run_dir / "manifest.json").write_text(json.dumps(manifest))


def _edit_manifest(run_dir: Path, **changes: object) -> None:
    path = run_dir / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_compare_writes_one_page_beside_the_report_of_the_later_run(runs: Path) -> None:
    done = call(runs / "june", runs / "july")
    page = runs.parents[1] / "reports" / "runs" / "july" / "compare-june.html"
    assert (done.exit_code, Path(done.stdout.strip()).name) == (0, page.name)
    text = page.read_text()
    told = said(text)
    assert "Most profitable cutoff scorecard 5" in told
    assert "the same order of all loans" in told
    assert "the same 5,000 in both" in told
    assert not re.search(r"\bA0\d{8}\b", text)  # no application is named
    assert "http" not in text.split("</style>")[1]
    first = page.read_bytes()
    assert call(runs / "june", runs / "july").exit_code == 0
    assert page.read_bytes() == first
    itself = call(runs / "june", runs / "june")
    assert itself.exit_code == 0
    own = runs.parents[1] / "reports" / "runs" / "june" / "compare-june.html"
    assert "Changed nothing" in said(own.read_text())


def test_a_run_that_is_altered_unfinished_or_absent_is_one_message_and_code_2(runs: Path) -> None:
    _edit_manifest(runs / "june", status="interrupted")
    _expect_refusal(runs, "has not run to its end")
    _edit_manifest(runs / "june", status="done")
    path = runs / "june" / "05_vintages" / "vintages.parquet"
    left = path.read_bytes()
    path.write_bytes(left + b"x")
    _expect_refusal(runs, "vintages.parquet is not as run june left it")
    path.unlink()
    _expect_refusal(runs, "vintages.parquet is not as run june left it")
    path.write_bytes(left)
    manifest = json.loads((runs / "june" / "manifest.json").read_text())
    manifest["stages"]["04_cutoffs"]["status"] = "failed"
    (runs / "june" / "manifest.json").write_text(json.dumps(manifest))
    _expect_refusal(runs, "04_cutoffs of run june is failed")
    (runs / "june" / "manifest.json").unlink()
    _expect_refusal(runs, "is not a run's folder")
    shutil.rmtree(runs / "june")
    _expect_refusal(runs, "is not a run's folder")


def _expect_refusal(runs: Path, message: str) -> None:
    done = call(runs / "june", runs / "july")
    assert done.exit_code == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not list((runs.parents[1] / "reports" / "runs" / "july").iterdir())


def test_only_an_unchanged_page_of_an_earlier_comparison_is_replaced(
    runs: Path, tmp_path: Path
) -> None:
    out = tmp_path / "changes.html"
    assert call(runs / "june", runs / "july", "--output", out).exit_code == 0
    page = out.read_bytes()
    assert call(runs / "july", runs / "june", "--output", out).exit_code == 0
    assert out.read_bytes() != page
    for content in (page.replace(b"In short", b"In brief"), page + b" ", b"<p>mine</p>", b""):
        out.write_bytes(content)
        done = call(runs / "june", runs / "july", "--output", out)
        assert done.exit_code == 2
        assert "stays as it is" in done.stderr
        assert out.read_bytes() == content
    out.unlink()
    (tmp_path / "real.html").write_bytes(page)
    out.symlink_to(tmp_path / "real.html")
    assert call(runs / "june", runs / "july", "--output", out).exit_code == 2
    assert out.is_symlink()


def test_a_page_goes_only_where_it_may(runs: Path, tmp_path: Path) -> None:
    for out, message in (
        (runs / "june" / "page.html", "is in a run's folder"),
        (tmp_path / "nowhere" / "page.html", "no folder"),
        (tmp_path / "page.txt", "the output is a page, NAME.html"),
    ):
        done = call(runs / "june", runs / "july", "--output", out)
        assert (done.exit_code, message in done.stderr) == (2, True)
        assert not out.exists()
    shutil.rmtree(runs.parents[1] / "reports")
    done = call(runs / "june", runs / "july")
    assert done.exit_code == 2
    assert "give --output" in done.stderr


def test_a_good_run_stays_good_whatever_the_one_before_is(runs: Path, capsys) -> None:
    (runs.parents[1] / "notebooks").symlink_to(Path(__file__).parents[1] / "notebooks")
    before = runs / "july.previous"
    before.mkdir()
    cli._compare_with_previous(runs / "july", debug=False)
    assert "not compared with the run before" in capsys.readouterr().err
    shutil.copytree(runs / "june", before, dirs_exist_ok=True)
    cli._compare_with_previous(runs / "july", debug=False)
    assert capsys.readouterr().err == ""
    page = runs.parents[1] / "reports" / "runs" / "july" / "compare-july.previous.html"
    assert page.is_file()


def test_a_fault_of_ours_in_a_comparison_is_not_hidden(runs: Path, monkeypatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("ours")

    shutil.copytree(runs / "june", runs / "july.previous")
    monkeypatch.setattr("riskkit.compare.writing.comparison_sections", broken)
    with pytest.raises(ZeroDivisionError):
        cli._compare_with_previous(runs / "july", debug=False)

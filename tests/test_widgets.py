"""Editing bins and choosing a cutoff without a browser: what the editors hold, show and leave."""

import json
import re
import sys

import numpy as np
import pandas as pd
import pytest
from scored_loans import scored_loans

from riskkit import binning, metrics, strategy, target, widgets
from riskkit.checks import DataContractError
from riskkit.scorecard import Scorecard
from riskkit.widgets.bin_editor import effect_lines
from riskkit.widgets.view import is_attended

HOSTILE = "</script><b onload=1>*job*"


def applications_of(n=6_000, seed=7):
    """Dated applications with a number, a special code, a category and missing values."""
    rng = np.random.default_rng(seed)
    age = rng.integers(20, 70, n).astype(float)
    job = pd.Series(rng.choice(["a", "b", "c", "d"], n, p=[0.4, 0.3, 0.2, 0.1]))
    calls = np.where(rng.random(n) < 0.1, -9.0, rng.poisson(3, n))
    logit = -0.4 - age / 30 + job.map({"a": 0, "b": 0.3, "c": 0.6, "d": 1.2}) + calls / 15
    bad = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(float)
    approved = rng.random(n) < 0.8
    booked = approved & (rng.random(n) < 0.95)
    age[rng.random(n) < 0.05] = np.nan
    return pd.DataFrame(
        {
            "application_id": [f"A{i}" for i in range(n)],
            "customer_id": [f"C{i}" for i in range(n)],
            "applied_at": pd.Timestamp("2023-01-01")
            + pd.to_timedelta(rng.integers(0, 500, n), "D"),
            "age": age,
            "job": job.astype("str"),
            "calls": calls,
            "approved": approved,
            "booked": booked,
            "default_flag": np.where(booked, bad, np.nan),
        }
    )


APPLICATIONS = applications_of()
SAMPLE = target.assign_samples(APPLICATIONS).to_numpy()
FEATURES = ["age", "job", "calls"]
TRAINING = APPLICATIONS[SAMPLE == "train"]


@pytest.fixture(scope="module")
def binner():
    settings = {"special_codes": {"calls": [-9]}, "max_bins": 6, "trend": "none"}
    return binning.WoeBinner(**settings).fit(TRAINING[FEATURES], TRAINING["default_flag"])


@pytest.fixture
def session(binner):
    return widgets.BinSession(binner, APPLICATIONS, SAMPLE)


# -- trying ----------------------------------------------------------------------------------------


def test_edits_are_tried_undone_and_made_again_and_the_binner_stays(session, binner):
    session.look_at("age")
    before = binner.to_json()
    session.edit("merge_bins", 0, 1)
    session.edit("split_bin", 33.0)
    merged_and_split = session.draft.edges["age"].tolist()
    session.undo()
    session.undo()
    assert session.draft.bins_["age"] is binner.bins_["age"]
    assert not session.is_changed
    session.redo()
    session.redo()
    assert session.draft.edges["age"].tolist() == merged_and_split
    assert binner.to_json() == before
    assert session.binner is binner  # nothing was signed
    # an edit after an undo leaves nothing to redo
    session.undo()
    session.edit("merge_bins", 0, 1)
    assert not session.can_redo


def test_a_refused_edit_changes_nothing_and_does_not_count(session):
    session.look_at("age")
    with pytest.raises(ValueError, match="two bins are needed to merge, got 1 twice"):
        session.edit("merge_bins", 1, 1)
    with pytest.raises(ValueError, match=r"an edit is one of merge_bins, .*, got 'save'"):
        session.edit("save", "x.json")
    with pytest.raises(ValueError, match="there is no edit of this session to undo"):
        session.undo()
    with pytest.raises(ValueError, match="there is no edit to make again"):
        session.redo()
    with pytest.raises(ValueError, match="feature 'agee' is not binned"):
        session.look_at("agee")
    assert (session.n_tried, session.is_changed) == (0, False)


def test_what_is_tried_of_a_feature_stays_while_others_are_looked_at(session):
    session.look_at("age")
    session.edit("merge_bins", 0, 1)
    session.look_at("job")
    assert not session.is_changed
    assert session.changed_features() == ["age"]
    session.look_at("age")
    assert session.is_changed


# -- signing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by", "reason", "message"),
    [
        ("", "same risk", "by must say who decides, and is empty"),
        ("Li Wei", " \n", "reason must say why, and is empty"),
        ("Li Wei", "x" * 1_001, "reason has at most 1,000 letters, got 1,001"),
        ("Li\x1b[31m", "same risk", "by holds letters that nobody sees"),
    ],
)
def test_nothing_is_saved_without_a_name_and_a_reason(binner, tmp_path, by, reason, message):
    path = tmp_path / "binning.json"
    session = widgets.BinSession(binner, APPLICATIONS, SAMPLE, save_to=path)
    session.edit("merge_bins", 0, 1)
    with pytest.raises(ValueError, match=re.escape(message)):
        session.save(by, reason)
    assert not path.exists()
    assert session.binner is binner


def test_what_is_signed_is_in_the_file_and_a_later_fit_makes_it_again(binner, tmp_path):
    path = tmp_path / "binning.json"
    session = widgets.BinSession(binner, APPLICATIONS, SAMPLE, save_to=path)
    session.look_at("age")
    session.edit("merge_bins", 0, 1)
    session.look_at("job")
    session.edit("move_levels", ["a"], None) if len(binner.bins_["job"].groups) < 4 else None
    session.look_at("age")
    session.save(" Li Wei ", "same risk")
    log = binning.WoeBinner.load(path).log_
    # the other feature's edit is only tried
    assert [(e.feature, e.action, e.by, e.reason) for e in log] == [
        ("age", "merge_bins", "Li Wei", "same risk")
    ]
    settings = {"special_codes": {"calls": [-9]}, "max_bins": 6, "trend": "none"}
    again = binning.WoeBinner(**settings, edits=log)
    again.fit(TRAINING[FEATURES], TRAINING["default_flag"])
    assert again.edges["age"].tolist() == session.binner.edges["age"].tolist()
    assert len(again.edges["age"]) == len(binner.edges["age"]) - 1
    card = Scorecard(again, features=FEATURES, max_p_value=None)
    card.fit(TRAINING, TRAINING["default_flag"])
    bins_on_card = card.points_table().loc["age"].index.tolist()
    assert bins_on_card == session.binner.table("age").index.tolist()


def test_how_many_edits_were_tried_is_saved_those_undone_among_them(binner, tmp_path):
    path = tmp_path / "binning.json"
    session = widgets.BinSession(binner, APPLICATIONS, SAMPLE, save_to=path)
    session.look_at("age")
    for _ in range(3):
        session.edit("merge_bins", 0, 1)
        session.undo()
    session.edit("merge_bins", 1, 2)
    session.save("Li Wei", "same risk")
    loaded = binning.WoeBinner.load(path)
    assert [edit.n_tried for edit in loaded.log_] == [4]
    assert loaded.edit_log()["n_tried"].tolist() == [4]
    # whoever goes on from there has looked at the loans more often
    settings = {"special_codes": {"calls": [-9]}, "max_bins": 6, "trend": "none"}
    again = binning.WoeBinner(**settings, edits=loaded.log_)
    later = widgets.BinSession(
        again.fit(TRAINING[FEATURES], TRAINING["default_flag"]), APPLICATIONS, SAMPLE
    )
    later.look_at("age")
    later.edit("merge_bins", 0, 1)
    assert later.n_tried == 5


def test_files_of_before_say_nothing_of_tries_and_are_read(binner, tmp_path):
    from riskkit.tables import sealed

    values = binner.merge_bins("age", 0, 1, by="Li Wei", reason="same risk").to_json()
    for edit in values["log"]:
        del edit["n_tried"]
    assert [e.n_tried for e in binning.WoeBinner.from_json(sealed(values)).log_] == [1]


def test_a_signed_edit_can_be_taken_back_and_that_is_signed_too(binner, tmp_path):
    path = tmp_path / "binning.json"
    session = widgets.BinSession(binner, APPLICATIONS, SAMPLE, save_to=path)
    session.look_at("age")
    session.edit("merge_bins", 0, 1)
    session.save("Li Wei", "same risk")
    with pytest.raises(ValueError, match="nothing has changed"):
        session.save("Li Wei", "again")
    session.undo()
    assert session.is_changed
    assert len(session.binner.edges["age"]) == len(binner.edges["age"]) - 1
    session.save("Li Wei", "it was wrong")
    assert binning.WoeBinner.load(path).log_ == ()
    assert session.binner.edges["age"].tolist() == binner.edges["age"].tolist()


def test_decisions_of_somebody_else_are_not_written_over(binner, tmp_path):
    path = tmp_path / "binning.json"
    session = widgets.BinSession(binner, APPLICATIONS, SAMPLE, save_to=path)
    session.look_at("age")
    session.edit("merge_bins", 0, 1)
    binner.merge_bins("job", 0, 1, by="Wang Fang", reason="alike").save(path)
    with pytest.raises(ValueError, match="does not know, the last by Wang Fang about job"):
        session.save("Li Wei", "same risk")
    assert binning.WoeBinner.load(path).log_[0].by == "Wang Fang"


def test_a_loaded_binner_cannot_be_edited_and_says_what_can(binner):
    loaded = binning.WoeBinner.from_json(binner.to_json())
    with pytest.raises(ValueError, match="no fine counts to edit; fit one"):
        widgets.BinSession(loaded, APPLICATIONS, SAMPLE)
    with pytest.raises(ValueError, match="sample must hold training loans"):
        widgets.BinSession(binner, APPLICATIONS, np.where(SAMPLE == "train", "test", SAMPLE))
    with pytest.raises(ValueError, match="must have one length, got 3 and"):
        widgets.BinSession(binner, APPLICATIONS, SAMPLE[:3])


# -- what is shown ---------------------------------------------------------------------------------


def test_loans_out_of_time_are_never_looked_at(binner):
    late = SAMPLE == "out_of_time"
    assert late.sum() > 100
    other = APPLICATIONS.copy()
    other.loc[late, "default_flag"] = 1 - other.loc[late, "default_flag"]
    other.loc[late, ["age", "calls"]] = 999.0
    other.loc[late, "job"] = "never seen"
    states = []
    for loans in (APPLICATIONS, other):
        editor = widgets.bin_editor(binner, loans, SAMPLE)
        for feature in FEATURES:
            states.append(editor.act({"act": "look", "feature": feature}))
            states.append(editor.act({"act": "edit", "edit": "merge_bins", "arguments": [0, 1]}))
            states.append(editor.act({"act": "effect"}))
    half = len(states) // 2
    assert states[:half] == states[half:]


def test_the_table_counts_the_test_loans_and_tests_neighbours(session, binner):
    session.look_at("calls")
    table = session.loans.bin_table(binner, "calls")
    test = APPLICATIONS[SAMPLE == "test"]
    place = binner.bins_["calls"].assign(test["calls"])
    for row, (_, line) in enumerate(table.iterrows()):
        own = test["default_flag"][place == row]
        assert (line["test_loans"], line["test_bad"]) == (len(own), own.sum())
        if len(own):
            low, high = metrics.jeffreys_interval(np.array([own.sum()]), np.array([len(own)]), 0.95)
            assert (line["test_low"], line["test_high"]) == (low[0], high[0])
    pairs = binning.weak_neighbours(binner, min_p_value=0).loc["calls"]
    for (i, j), pair in pairs.iterrows():
        assert table.iloc[i][["next_row", "next_p_value"]].tolist() == [j, pair["p_value"]]
    assert (table["next_row"] >= 0).sum() == len(pairs)


def test_the_iv_of_the_test_loans_is_that_of_the_woe_that_others_taught(session, binner):
    test = APPLICATIONS[SAMPLE == "test"]
    woe, bad = binner.transform(test)["age"].to_numpy(), test["default_flag"].to_numpy() == 1
    found, error = session.loans.test_iv(binner.bins_["age"])
    assert found == pytest.approx(woe[~bad].mean() - woe[bad].mean())
    expected = np.sqrt(woe[~bad].var() / (~bad).sum() + woe[bad].var() / bad.sum())
    assert error == pytest.approx(expected)


def test_the_interval_of_the_test_iv_covers_what_many_loans_say(binner):
    many = applications_of(n=200_000, seed=3).assign(default_flag=lambda t: t["default_flag"])
    known = many[many["default_flag"].notna()]
    woe, bad = binner.transform(known)["age"].to_numpy(), known["default_flag"].to_numpy() == 1
    truth = woe[~bad].mean() - woe[bad].mean()
    inside = 0
    for seed in range(200):
        rows = np.random.default_rng(seed).integers(0, len(known), 1_500)
        loans = widgets.BinSession(
            binner, known.iloc[rows], np.where(np.arange(1_500) < 5, "train", "test")
        ).loans
        found, error = loans.test_iv(binner.bins_["age"])
        inside += abs(found - truth) <= 1.96 * error
    # 95 of 100, within three standard errors of 200 draws
    assert 0.904 <= inside / 200 <= 0.996


def test_months_are_those_of_the_stability_table(session, binner):
    moves = session.loans.by_month(binner, "job")
    kept = np.isin(SAMPLE.astype(object), ["train", "test"])
    loans = APPLICATIONS[kept]
    month = loans["applied_at"].dt.to_period("M").astype("str")
    expected = binning.stability(binner, loans, loans["default_flag"], month, features=["job"])
    expected = expected.loc["job"]
    assert moves.index.tolist() == expected.index.tolist()
    np.testing.assert_allclose(moves["psi"], expected["psi"])
    np.testing.assert_allclose(moves["psi_critical"], expected["psi_critical"])
    assert ((moves["out_of_order"] == 0) == expected["order_holds"]).all()


def test_places_to_cut_are_shares_of_the_training_loans(session, binner):
    cuts = session.loans.cuts(binner.counts_["age"])
    known = TRAINING["age"].dropna()
    for _, cut in cuts.iterrows():
        assert cut["share_below"] == pytest.approx((known < cut["value"]).mean())
    assert cuts["share_below"].is_monotonic_increasing
    state = widgets.bin_editor(binner, APPLICATIONS, SAMPLE)
    state = state.act({"act": "look", "feature": "age"})
    for edge in state["strip"]["edges"]:
        assert edge["share"] == pytest.approx((known < edge["value"]).mean())


def test_a_state_is_plain_json_whatever_the_names(tmp_path):
    odd = APPLICATIONS.rename(columns={"job": HOSTILE}).replace({HOSTILE: {"a": HOSTILE}})
    features = ["age", HOSTILE]
    training = odd[SAMPLE == "train"]
    binner = binning.WoeBinner().fit(training[features], training["default_flag"])
    editor = widgets.bin_editor(binner, odd, SAMPLE, labels={"age": HOSTILE})
    for feature in features:
        state = editor.act({"act": "look", "feature": feature})
        assert json.loads(json.dumps(state, allow_nan=False)) == state
    html = editor.static_html()
    assert HOSTILE not in html
    assert re.search(r'<img src="data:image/svg\+xml;base64,[^"]+" alt="[^"]+">', html)


def test_without_dates_there_are_no_months(binner):
    plain = APPLICATIONS.drop(columns="applied_at")
    state = widgets.bin_editor(binner, plain, np.where(SAMPLE == "out_of_time", None, SAMPLE))
    assert state.state()["months"] == []
    assert state.act({"act": "edit", "edit": "merge_bins", "arguments": [0, 1]})["can_undo"]
    assert state.act({"act": "effect"})["effect"] is not None


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"act": "edit", "edit": "merge_bins", "arguments": [0, 9]}, "has bins 0 to"),
        ({"act": "edit", "edit": "split_bin", "arguments": ["x"]}, ""),
        ({"act": "edit", "edit": "__init__", "arguments": []}, "an edit is one of"),
        ({"act": "look"}, "'feature' is missing"),
        ({"act": "format disk"}, "there is nothing called 'format disk' to do"),
        ({}, "'act' is missing"),
    ],
)
def test_what_cannot_be_done_is_told_and_changes_nothing(binner, asked, message):
    editor = widgets.bin_editor(binner, APPLICATIONS, SAMPLE)
    before = editor.shown()
    state = editor.act(asked)
    assert state["message"]["kind"] == "refused"
    assert message in state["message"]["text"]
    assert {key: value for key, value in state.items() if key != "message"} == before


def test_outside_a_notebook_nobody_can_answer(binner):
    assert not is_attended()
    editor = widgets.bin_editor(binner, APPLICATIONS, SAMPLE)
    assert set(editor._repr_mimebundle_()) == {"text/html", "text/plain"}


def test_without_anywidget_there_is_a_picture_and_the_extra_that_is_lacking(binner, monkeypatch):
    editor = widgets.bin_editor(binner, APPLICATIONS, SAMPLE)
    monkeypatch.setattr("riskkit.widgets.view.is_attended", lambda: True)
    assert WIDGET in editor._repr_mimebundle_()[0]
    monkeypatch.setitem(sys.modules, "anywidget", None)
    shown = editor._repr_mimebundle_()
    assert "pip install 'riskkit[lab]'" in shown["text/html"]
    assert editor.static_html() in shown["text/html"]


# -- what an edit does downstream ------------------------------------------------------------------


def test_the_effect_is_that_of_cards_fitted_before_and_after(binner):
    session = widgets.BinSession(binner, APPLICATIONS, SAMPLE, min_iv=0.0)
    session.look_at("age")
    with pytest.raises(ValueError, match="nothing has changed"):
        session.effect()
    session.edit("merge_bins", 0, 1)
    effect = session.effect()
    test = APPLICATIONS[SAMPLE == "test"]
    cards = [
        Scorecard(b, features=session.features, max_p_value=None).fit(
            TRAINING, TRAINING["default_flag"]
        )
        for b in (session.draft, binner)
    ]
    scores = [np.asarray(card.credit_score(test), dtype=float) for card in cards]
    expected = metrics.compare(test["default_flag"], *scores)
    pd.testing.assert_series_equal(effect.auc, expected)
    for name, card in zip(["after", "before"], cards, strict=True):
        points = card.points_table().loc["age", "points"]
        assert effect.points.loc[name, "points"].tolist() == points.tolist()
    asked = APPLICATIONS[["application_id", "applied_at"]].assign(sample=SAMPLE)
    judged = APPLICATIONS[target.held_out_rows(asked)]
    assert effect.swaps["applications"].sum() == len(judged)
    assert effect.approval_rate == judged["approved"].mean()
    told = effect_lines(effect)
    assert f"{effect.n_change_side:,} of {len(judged):,} applicants change side" in told["lines"][1]
    assert "no loan out of time was looked at" in told["about"]


# -- choosing a cutoff -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lender():
    """Scores of the suite's two models and the money of each loan; a third was declined."""
    scores, loans, _ = scored_loans()
    return scores.set_axis(["scorecard", "challenger"], axis=1), loans


SHA = {"scorecard": "a" * 64, "challenger": "b" * 64}


def cutoff_session(lender, **given):
    return widgets.CutoffSession(*lender, sha256=SHA, chosen_on="the test loans", **given)


def test_every_position_shows_what_the_table_says(lender):
    scores, loans = lender
    session = cutoff_session(lender)
    session.look_behind_policy(False)
    session.link(False)
    tables = strategy.cutoff_tables(scores, loans)
    for model in session.models:
        for cutoff in tables[model].index[:: len(tables[model]) // 20]:
            session.move(model, cutoff)
            pd.testing.assert_series_equal(session.row(model), tables[model].loc[cutoff])
            expected = strategy.swap_set(
                scores["scorecard"],
                scores["challenger"],
                loans["default_flag"],
                cutoff_a=session.cutoffs["scorecard"],
                cutoff_b=session.cutoffs["challenger"],
                booked=loans["booked"],
            )
            pd.testing.assert_frame_equal(session.swaps(), expected)


def test_behind_the_policy_only_those_it_grants_can_pass(lender):
    scores, loans = lender
    session = cutoff_session(lender)
    assert session.behind_policy
    session.move("challenger", 590)
    passed = (scores["challenger"] >= session.cutoffs["challenger"]) & loans["approved"]
    row = session.row("challenger")
    assert row["applications"] == passed.sum()
    assert row["approval_rate"] == pytest.approx(passed.mean())
    assert row["bad"] == loans.loc[passed, "default_flag"].sum()
    assert session.today["approval_rate"] == pytest.approx(loans["approved"].mean())
    assert session.today["bad"] == loans["default_flag"].sum()


def test_linked_the_other_model_approves_no_fewer(lender):
    session = cutoff_session(lender)
    for behind in (True, False):
        session.look_behind_policy(behind)
        for cutoff in (560, 590, 610, 640):
            session.move("scorecard", cutoff)
            own, other = session.row("scorecard"), session.row("challenger")
            assert other["applications"] >= own["applications"]
            table = session.table("challenger")
            above = table[table.index > other.name]
            if len(above):
                assert above["applications"].iloc[0] < own["applications"]


def test_it_begins_where_the_first_model_earns_the_most(lender):
    session = cutoff_session(lender)
    table = session.table("scorecard")
    best = table["profit_amount"][table["bad_rate"].notna()].max()
    assert session.row("scorecard")["profit_amount"] == best


def test_where_nobody_was_declined_there_is_no_policy_to_stand_behind(lender):
    scores, loans = lender
    granted = loans["approved"].to_numpy()
    session = cutoff_session((scores[granted], loans[granted]))
    assert not session.behind_policy
    with pytest.raises(ValueError, match="nobody was declined"):
        session.look_behind_policy(True)
    state = widgets.CutoffExplorer(session).state()
    assert (state["has_policy"], state["heads"][-1]) == (False, "everybody")


def test_a_decision_is_signed_bound_to_its_model_and_refused_for_another(lender, tmp_path):
    path = tmp_path / "decision.json"
    explorer = widgets.CutoffExplorer(cutoff_session(lender, save_to=path))
    explorer.act({"act": "move", "model": "challenger", "cutoff": 590})
    explorer.act({"act": "model", "model": "challenger"})
    assert explorer.act({"act": "save", "by": "", "reason": "x"})["message"]["kind"] == "refused"
    assert not path.exists()
    explorer.act({"act": "save", "by": "Li Wei", "reason": "fewer bads"})
    decision = strategy.Decision.load(path)
    assert decision == explorer.decision
    assert (decision.model, decision.model_sha256) == ("challenger", SHA["challenger"])
    assert decision.cutoffs == {"all": explorer.session.cutoffs["challenger"]}
    assert decision.chosen_on == "6,000 applications, the test loans"
    decision.require_model(SHA)
    with pytest.raises(ValueError, match="was made for another challenger"):
        decision.require_model(SHA | {"challenger": "c" * 64})
    with pytest.raises(ValueError, match=r"about the challenger, and there are only \['card'\]"):
        decision.require_model({"card": "c" * 64})


def test_a_decision_of_somebody_else_is_shown_and_not_written_over(lender, tmp_path):
    path = tmp_path / "decision.json"
    cutoff_session(lender, save_to=path).save("Wang Fang", "as ever")
    explorer = widgets.CutoffExplorer(cutoff_session(lender, save_to=path))
    assert "Decided so far, by Wang Fang" in explorer.state()["so_far"]
    session = explorer.session
    cutoff_session(lender, save_to=path).save("Zhao Min", "meanwhile")
    with pytest.raises(ValueError, match="another decision stands in the file, by Zhao Min"):
        session.save("Li Wei", "fewer bads")
    assert strategy.Decision.load(path).by == "Zhao Min"
    other = {name: "c" * 64 for name in SHA}
    later = widgets.CutoffSession(*lender, sha256=other, chosen_on="x", save_to=path)
    assert "about another model than these" in widgets.CutoffExplorer(later).state()["so_far"]
    later.save("Li Wei", "for the new model")
    later.save("Li Wei", "on second thoughts")
    assert strategy.Decision.load(path).reason == "on second thoughts"


def test_a_category_of_many_levels_shows_those_of_most_loans():
    rng = np.random.default_rng(1)
    city = pd.Series([f"city {i}" for i in rng.geometric(0.01, 6_000)]).astype("str")
    loans = APPLICATIONS.assign(city=city)
    training = loans[SAMPLE == "train"]
    binner = binning.WoeBinner().fit(training[["city"]], training["default_flag"])
    state = widgets.bin_editor(binner, loans, SAMPLE).state()
    assert max(map(len, state["groups"])) == 60 < max(state["n_levels"])
    of_one = state["groups"][int(np.argmax(state["n_levels"]))]
    loans_of = [int(re.match(r"([\d,]+)", level["text"])[1].replace(",", "")) for level in of_one]
    assert loans_of == sorted(loans_of, reverse=True)


def test_a_decision_is_read_only_beside_the_models_it_knows(lender, tmp_path, binner):
    # any model's file has a checksum
    files = {name: tmp_path / f"{name}.json" for name in SHA}
    for path in files.values():
        binner.save(path)
    path = tmp_path / "decision.json"
    assert strategy.Decision.beside(path, files) is None
    assert strategy.Decision.beside(None, files) is None
    own = {name: json.loads(file.read_text())["sha256"] for name, file in files.items()}
    session = widgets.CutoffSession(*lender, sha256=own, chosen_on="x", save_to=path)
    session.save("Li Wei", "fewer bads")
    assert strategy.Decision.beside(path, files) == session.decision
    binner.merge_bins("age", 0, 1).save(files["scorecard"])
    with pytest.raises(DataContractError, match="made for another scorecard"):
        strategy.Decision.beside(path, files)
    with pytest.raises(DataContractError, match=r"none\.json"):
        strategy.Decision.beside(str(tmp_path / "none.json"), files)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cutoffs": {}}, "cutoffs has the one segment 'all', got"),
        ({"cutoffs": {"all": 1.0, "north": 2.0}}, "cutoffs has the one segment"),
        ({"cutoffs": {"all": "500"}}, "cutoffs.all"),
        ({"by": " "}, "by must say who decides"),
        ({"decided_at": "yesterday"}, "Invalid isoformat"),
        ({"decided_at": "2026-01-01T00:00:00"}, "decided_at needs a time zone"),
        ({"behind_policy": "no"}, "behind_policy"),
        ({"run": "rm"}, "run"),
    ],
)
def test_a_decision_that_none_can_have_signed_is_refused(lender, change, message):
    from riskkit.tables import sealed

    values = cutoff_session(lender).save("Li Wei", "fewer bads").to_json()
    with pytest.raises(DataContractError, match=re.escape(message)):
        strategy.Decision.from_json(sealed(values | change))
    with pytest.raises(DataContractError, match="checksum does not hold"):
        strategy.Decision.from_json(values | {"reason": "another"})


def test_the_decided_rule_is_judged_as_a_recommended_one_would_be(lender):
    scores, loans = lender
    found = strategy.recommend(scores, loans, n_draws=60)
    session = cutoff_session(lender)
    for behind, choice, policy in (
        (True, found.behind, strategy.POLICIES[2]),
        (False, found.alone, strategy.POLICIES[1]),
    ):
        session.look_behind_policy(behind)
        session.move(choice.model, choice.cutoff)
        session.decide_about(choice.model)
        decision = session.save("Li Wei", "as recommended")
        decided = strategy.judge_rule(scores, loans, decision.rule, n_draws=60)
        assert decided.index.tolist() == [strategy.POLICIES[0], "as decided"]
        expected = found.policies.loc[policy]
        pd.testing.assert_series_equal(
            decided.loc["as decided"], expected, check_names=False, rtol=1e-9
        )
    with pytest.raises(ValueError, match="scores lack 'challenger'"):
        strategy.judge_rule(scores[["scorecard"]], loans, decision.rule)


def told(decision, **figures):
    row = {
        "applications": 500, "approval_rate": 0.5, "never_booked_rate": 0.1, "loans": 400,
        "bad": 40, "bad_rate": 0.1, "bad_rate_low": 0.08, "bad_rate_high": 0.13,
        "gain_amount": 900.0, "gain_low": 100.0, "gain_high": 1_700.0,
        "expected_gain_amount": 800.0, "expected_gain_low": -50.0, "expected_gain_high": 1_600.0,
    }  # fmt: skip
    policies = pd.DataFrame([row, row | figures], index=["today's policy", "as decided"])
    words = (decision, policies, "CNY", "approval rate")
    return strategy.decision_text(*words, judged="judged months"), strategy.decision_figures(*words)


def test_a_decision_is_told_with_its_interval_and_who_made_it(lender):
    session = cutoff_session(lender)
    decision = session.save("Li *Wei*", "fewer bads")
    text, figures = told(decision)
    assert r"by Li \*Wei\* on 20" in text
    assert "+900 CNY (95 % interval +100 to +1,700), more than chance gives" in text
    assert figures["Bad rate as decided"] == "10.00% (40 bads, 8.0% to 13.0%)"
    assert figures["Decided"].startswith("keep today's policy and decline below")
    assert "cannot tell from nothing" in told(decision, gain_low=-10.0)[0]
    assert "a loss beyond chance" in told(decision, gain_low=-9.0, gain_high=-1.0)[0]
    assert "on 12 bads, too few to say much" in told(decision, bad=12)[0]
    assert "there is nothing to say of them" in told(decision, loans=0)[0]
    # as the only rule it rests on those never booked, too
    session.look_behind_policy(False)
    alone = session.save("Li Wei", "fewer bads")
    text, figures = told(alone)
    assert "is expected to earn +800 CNY (95 % interval -50 to +1,600)" in text
    assert "Profit as decided, expected less that of today's policy" in figures
    assert "What it earns cannot be said" in told(alone, expected_gain_amount=np.nan)[0]


def test_a_cutoff_is_chosen_on_loans_that_do_not_judge_it():
    scores = APPLICATIONS.assign(sample=SAMPLE)
    chosen, judged = target.choosing_rows(scores), target.judging_rows(scores)
    assert not (chosen & judged).any()
    assert set(SAMPLE[chosen][pd.notna(SAMPLE[chosen])]) == {"test"}
    first = APPLICATIONS["applied_at"][SAMPLE == "out_of_time"].min()
    assert APPLICATIONS["applied_at"][chosen].max() < first
    # of those without a label, as large a share as of the labelled
    declined = pd.isna(SAMPLE) & (APPLICATIONS["applied_at"] < first).to_numpy()
    in_time = np.isin(SAMPLE.astype(object), ["train", "test"])
    share = (SAMPLE == "test").sum() / in_time.sum()
    assert chosen[declined].mean() == pytest.approx(share, abs=0.05)
    # without dates the test loans judge, and the others choose
    plain = scores.drop(columns="applied_at")
    plain["sample"] = plain["sample"].where(plain["sample"] != "out_of_time", "test")
    chosen, judged = target.choosing_rows(plain), target.judging_rows(plain)
    assert not (chosen & judged).any()
    assert (chosen | judged)[plain["sample"].notna()].all()
    unlabelled = plain["sample"].isna().to_numpy()
    assert (chosen | judged)[unlabelled].mean() > 0.97


# -- in a kernel -----------------------------------------------------------------------------------

CELL = """
import numpy as np, pandas as pd
from riskkit import binning, widgets
age = np.arange(400.0) % 50
loans = pd.DataFrame({"age": age, "default_flag": (age < 20).astype(float) * (np.arange(400) % 2),
                      "application_id": np.arange(400).astype(str)})
sample = np.where(np.arange(400) < 300, "train", "test")
training = loans[sample == "train"]
binner = binning.WoeBinner().fit(training[["age"]], training["default_flag"])
widgets.bin_editor(binner, loans, sample)
"""
WIDGET = "application/vnd.jupyter.widget-view+json"


def test_a_view_is_live_where_somebody_can_answer_else_a_picture():
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3")
    shown = {}
    try:
        for can_answer in (False, True):
            bundles = []

            def keep(message, bundles=bundles):
                if message["msg_type"] in ("execute_result", "error"):
                    bundles.append(message["content"])

            # as nbconvert, papermill and a run ask it; and as JupyterLab and VS Code do
            client.execute_interactive(CELL, allow_stdin=can_answer, output_hook=keep, timeout=120)
            (content,) = bundles
            shown[can_answer] = content["data"]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert WIDGET not in shown[False]
    assert re.search(r'<img src="data:image/svg\+xml;base64,', shown[False]["text/html"])
    assert WIDGET in shown[True]


def test_who_repays_better_is_said_only_of_enough_bads():
    sides = pd.DataFrame(
        {
            "applications": 100, "bad": [9, 12, 15, 9], "bad_rate": 0.12,
            "bad_rate_low": 0.08, "bad_rate_high": 0.2,
        },
        index=["both approve", "only a", "only b", "neither"],
    )  # fmt: skip
    auc = {"auc_a": 0.7, "auc_b": 0.7, "difference": 0.0, "low": -0.01, "high": 0.01}
    effect = widgets.EffectOfEdit(
        pd.DataFrame(columns=["points", "woe"]), pd.Series(auc), sides, 0.5, 3
    )
    told = effect_lines(effect)["lines"]
    assert told[0].endswith("(-0.0100 to +0.0100): chance can explain that.")
    assert told[2].startswith("Bad rate of those let in 12.00% (8.00% to 20.00%), of those")
    sides.loc["only a", "bad"] = 9
    assert "Too few of them" in effect_lines(effect)["lines"][2]

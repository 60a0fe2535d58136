"""A real JupyterLab in a real browser: bins edited, a cutoff chosen, and the run that uses both."""

import re
import shutil

import pandas as pd
import pytest
from jupyter_lab import Lab, served

from riskkit import pipeline, strategy
from riskkit.binning import WoeBinner
from riskkit.columns import number_text
from riskkit.scorecard import Scorecard


@pytest.fixture(scope="module")
def lab_project(tmp_path_factory, synthetic_run):
    """A project of its own whose last run is that of the session."""
    folder = tmp_path_factory.mktemp("analyst")
    shutil.copytree(synthetic_run.run_dir.parents[2] / "notebooks", folder / "notebooks",
                    ignore=shutil.ignore_patterns(".ipynb_checkpoints"))  # fmt: skip
    shutil.copytree(synthetic_run.run_dir.parents[2] / "docs", folder / "docs")
    for room in ("data", "reports"):
        source = synthetic_run.run_dir.parents[2] / room / "runs" / synthetic_run.run_dir.name
        shutil.copytree(source, folder / room / "runs" / source.name)
    return folder


@pytest.fixture(scope="module")
def lab(chromium, lab_project, tmp_path_factory):
    with served(lab_project, tmp_path_factory.mktemp("settings")) as address:
        yield Lab(chromium, address)


def cells(row):
    return row.locator("th, td").all_inner_texts()


def bins_shown(editor):
    return [cells(row)[0] for row in editor.locator("tbody").first.locator("tr").all()]


def settled(lab, editor, text):
    """Wait until the editor says so."""
    lab.page.wait_for_function(
        "([host, text]) => host.querySelector('.rk-message').textContent.includes(text)",
        arg=[editor.element_handle(), text],
    )


def test_the_lab_opens_on_the_project_and_asks_no_other_machine(lab):
    lab.open("02_woe_binning.ipynb")
    lab.page.get_by_role("tab", name=re.compile("File Browser")).first.wait_for()
    crumbs = lab.page.locator(".jp-FileBrowser-crumbs").inner_text()
    assert "notebooks" in crumbs
    lab.page.locator(".jp-BreadCrumbs-home").click()
    listed = lab.page.locator(".jp-DirListing-content")
    for name in ("data", "notebooks", "reports"):
        listed.get_by_text(name, exact=True).wait_for()
    assert (lab.strange, lab.faults) == ([], [])


def test_bins_are_merged_split_undone_and_signed_and_stand_on_the_next_card(lab, lab_project):
    lab.open("02_woe_binning.ipynb")
    lab.run_all()
    assert lab.red() == []
    editor = lab.editor()
    feature = editor.locator("select").first.input_value()
    before = bins_shown(editor)
    # two bins clicked are one
    columns = editor.locator(".rk-bin")
    columns.nth(0).click()
    columns.nth(1).click()
    settled(lab, editor, "Merge bins")
    assert len(bins_shown(editor)) == len(before) - 1
    assert "after 1 edit" in editor.locator(".rk-figures").inner_text()
    editor.get_by_role("button", name="Undo").click()
    lab.page.wait_for_function(
        "([host, n]) => host.querySelector('tbody').rows.length === n",
        arg=[editor.element_handle(), len(before)],
    )
    assert bins_shown(editor) == before
    # one that is typed is cut, one that makes no sense is refused
    first_edge = float(re.search(r"-?[\d.]+", before[0])[0])
    editor.get_by_label("Value to cut at").fill(f"{first_edge:g}")
    editor.get_by_role("button", name="Split").click()
    settled(lab, editor, "is an edge already")
    assert bins_shown(editor) == before
    # an edge is dragged along the axis of values
    edge = editor.locator(".rk-edge .rk-grip").first.bounding_box()
    ground = editor.locator(".rk-ground").bounding_box()
    x, y = edge["x"] + edge["width"] / 2, edge["y"] + edge["height"] / 2
    lab.page.mouse.move(x, y)
    lab.page.mouse.down()
    lab.page.mouse.move((x + ground["x"]) / 2, y, steps=4)
    lab.page.mouse.up()
    settled(lab, editor, "Move edge")
    moved = bins_shown(editor)
    assert moved != before
    # what it does downstream stands there before it is signed
    editor.get_by_role("button", name="What does it change?").click()
    editor.locator(".rk-effect").wait_for()
    assert "change side" in editor.locator(".rk-effect").inner_text()
    saved = lab_project / "data" / "runs" / "lab" / "decisions" / "synthetic" / "binning.json"
    sign = editor.get_by_role("button", name="Sign and save")
    sign.click()
    settled(lab, editor, "by must say who decides")
    assert not saved.exists()
    editor.get_by_label("Your name").fill("Li Wei")
    editor.get_by_label("Reason").fill("a rounder edge")
    sign.click()
    settled(lab, editor, "Signed and saved")
    log = WoeBinner.load(saved).edit_log()
    assert log[["feature", "by", "reason", "n_tried"]].to_numpy().tolist() == [
        [feature, "Li Wei", "a rounder edge", 2]
    ]
    # run again from the top, the notebook begins with what was signed, and nothing changes twice
    lab.run_all()
    assert bins_shown(lab.editor()) == moved
    assert "by Li Wei" in lab.editor().locator("select option").first.inner_text()
    own = WoeBinner.load(lab_project / "data" / "runs" / "lab" / "02_woe_binning" / "binning.json")
    assert own.table(feature).index.tolist() == moved
    assert len(own.log_) == 1
    assert (lab.strange, lab.faults) == ([], [])


def test_the_cutoff_moves_and_is_signed_for_the_model_of_the_lab(lab, lab_project):
    lab.open("03_models.ipynb")
    lab.run_all()
    lab.open("04_cutoffs.ipynb")
    lab.run_all()
    assert lab.red() == []
    editor = lab.editor()
    decided, swaps = editor.locator("tbody").first, editor.locator("tbody").nth(1)
    slider = editor.get_by_label("Cutoff of the challenger")
    for place in (5, 20, 40):
        assert slider.input_value() != str(place)
        before = decided.inner_text(), swaps.inner_text()
        slider.fill(str(place))
        lab.page.wait_for_function(
            "([host, before]) => host.querySelector('tbody').innerText !== before",
            arg=[editor.element_handle(), before[0]],
        )
        assert swaps.inner_text() != before[1]
    editor.get_by_label("decide about this one").nth(1).check()
    editor.get_by_label("Your name").fill("Li Wei")
    editor.get_by_label("Reason").fill("fewer bads")
    editor.get_by_role("button", name="Sign and save the cutoff of the challenger").click()
    settled(lab, editor, "Signed")
    path = lab_project / "data" / "runs" / "lab" / "decisions" / "synthetic" / "decision.json"
    decision = strategy.Decision.load(path)
    assert (decision.model, decision.by, decision.behind_policy) == ("challenger", "Li Wei", True)
    heads = editor.locator("thead").first.inner_text()
    assert f"challenger from {decision.cutoff:g} on" in heads
    assert (lab.strange, lab.faults) == ([], [])


def test_vintage_curves_are_chosen_in_the_lab(lab):
    lab.open("05_vintages.ipynb")
    lab.run_all()
    assert lab.red() == []
    explorer = lab.editor()

    def chosen(name, value):
        before = explorer.locator("tbody").inner_text()
        explorer.locator(f"[data-key={name}]").select_option(label=value)
        lab.page.wait_for_function(
            "([host, before]) => host.querySelector('tbody').innerText !== before",
            arg=[explorer.element_handle(), before],
        )
        return [cells(row) for row in explorer.locator("tbody tr").all()]

    n_all = sum(int(row[1].replace(",", "")) for row in chosen("cohort_freq", "years"))
    by_level = chosen("part", "channel")
    assert sum(int(row[1].replace(",", "")) for row in by_level) < n_all
    assert explorer.locator("[data-key=level] option").count() == 4
    past_30 = chosen("event", "more than 30 days past due")
    assert [row[1] for row in past_30] == [row[1] for row in by_level]
    assert sum(int(row[2]) for row in past_30) > sum(int(row[2]) for row in by_level)
    month = explorer.get_by_label("Month on book")
    month.fill("2")
    explorer.get_by_text("Cohorts that have reached month 2").wait_for()
    assert explorer.locator(".rk-cohort").count() >= 2
    assert (lab.strange, lab.faults) == ([], [])


def test_the_nights_run_has_those_bins_and_says_what_the_cutoff_brings(lab_project, synthetic_run):
    signed = lab_project / "data" / "runs" / "lab" / "decisions" / "synthetic"
    given = {name: str(signed / f"{file}.json") for name, file in
             (("edits", "binning"), ("decision", "decision"))}  # fmt: skip
    run = pipeline.run(
        project=lab_project,
        profile="quick",
        run=synthetic_run.run_dir.name,
        parameters=given,
        stages=["01_borrowers", "02_woe_binning", "03_models", "04_cutoffs"],
        progress=False,
    )
    assert [stage.status for stage in run.stages] == ["up to date", "done", "done", "done"]
    edited = WoeBinner.load(signed / "binning.json").log_[0]
    card = Scorecard.load(run.run_dir / "03_models" / "scorecard.json")
    assert card.binner_.edges[edited.feature].tolist() == list(edited.edges)
    decision = strategy.Decision.load(signed / "decision.json")
    decided = pd.read_parquet(run.run_dir / "04_cutoffs" / "decided.parquet")
    page = (run.report_dir / "04_cutoffs.html").read_text()
    assert f"below {decision.cutoff:g} of the challenger" in page
    assert number_text(decided.loc["as decided", "approval_rate"], "percent") in page
    assert "Li Wei" in (run.report_dir / "index.html").read_text()
    # without the edits the models are others, and the decision is not about them
    with pytest.raises(pipeline.BadInput, match="decision"):
        pipeline.run(
            project=lab_project,
            profile="quick",
            run=synthetic_run.run_dir.name,
            parameters={"decision": str(signed / "binning.json")},
            progress=False,
        )

"""Which policy file a run goes by, that a wrong one stops it, and that its bytes are an input."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from typer.testing import CliRunner

from riskkit import cli, pipeline, policy, strategy
from riskkit.checks import DataContractError
from riskkit.pipeline import at_work
from riskkit.pipeline.history import _GIVEN
from riskkit.pipeline.manifest import StoredStage
from riskkit.pipeline.plan import make_plan
from riskkit.pipeline.refused import check_variables
from riskkit.pipeline.rule_files import DATA_FILES, RULES, policy_path, refuse_policy

POLICY = """
name: P
rules:
  - name: young
    label: Young
    step: rules
    all: [{column: age, operator: "<", value: 18}]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    cells = [new_markdown_cell("# Cutoffs"), new_code_cell(
        'run_dir = ""\noutput_dir = ""\nsource = ""\nroot = ""\nrules = ""  # a policy file',
        metadata={"tags": ["parameters"]},
    )]  # fmt: skip
    (tmp_path / "notebooks").mkdir()
    nbformat.write(new_notebook(cells=cells), tmp_path / "notebooks" / "01_cutoffs.ipynb")
    (tmp_path / "data" / "policies").mkdir(parents=True)
    return tmp_path


def plan_of(project: Path, **parameters: str):
    return make_plan(None, parameters, "quick", None, None, None, project, None, None)


def recipe_of(project: Path, **parameters: str):
    plan = plan_of(project, **parameters)
    manifest = {"package": "p", "versions": {}, "stages": {}}
    return at_work._recipe(plan, plan.notebooks[0], manifest)


def test_the_projects_file_of_the_source_counts_unless_another_is_given(project: Path) -> None:
    own, other = project / "data" / "policies" / "synthetic.yaml", project / "other.yaml"
    assert plan_of(project).data_files["rules"] == {"01_cutoffs": None}
    own.write_text(POLICY)
    other.write_text(POLICY)
    assert plan_of(project).data_files["rules"] == {"01_cutoffs": own}
    assert plan_of(project, rules=str(other)).data_files["rules"] == {"01_cutoffs": other}
    assert policy_path(project, "mine") is None
    # what a source is called is no path
    assert policy_path(project, "../policies/synthetic") is None
    stage = pipeline.Stage("01_cutoffs", project / "data" / "runs" / "lab" / "01_cutoffs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        assert stage.policy("", "synthetic").resolve() == own.resolve()
        assert stage.policy("", "mine") is None
        assert stage.policy(str(other), "mine") == other


def test_every_byte_of_the_file_is_an_input_and_so_is_its_absence(project: Path) -> None:
    own = project / "data" / "policies" / "synthetic.yaml"
    recipes = [recipe_of(project)]
    own.write_text(POLICY)
    recipes.append(recipe_of(project))
    own.write_text(POLICY + "# a word\n")
    recipes.append(recipe_of(project))
    files = [recipe.pop("rules_file") for recipe in recipes]
    assert files[0] == ""
    assert len({*files}) == 3
    assert recipes[0] == recipes[1] == recipes[2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rules: [", "no valid YAML"),
        (POLICY.replace("step: rules", "step: x"), "expected one of 'identity' or 'rules'"),
        (POLICY.replace("age", "agee"), "rule young: the source has no column agee; did you mean"),
        (POLICY.replace("age", "channel"), "channel holds text, and < compares numbers or dates"),
        (POLICY.replace("18", "young"), "age holds numbers, and 'young' is none of them"),
        (POLICY + "changeable: {channel: falls}", "changeable.channel: only numbers fall or rise"),
    ],
)
def test_a_wrong_file_stops_the_run_before_anything_is_written(
    project: Path, text: str, message: str
) -> None:
    (project / "data" / "policies" / "synthetic.yaml").write_text(text)
    with pytest.raises(DataContractError, match=message):
        plan_of(project)
    other = project / "other.yaml"
    other.write_text(text)
    (project / "data" / "policies" / "synthetic.yaml").write_text(POLICY)
    given = ["run", "--project", str(project), "-p", f"rules={other}"]
    result = CliRunner().invoke(cli.app, given)
    assert result.exit_code == 2
    assert "other.yaml breaks the data contract" in result.stderr
    assert not (project / "data" / "runs").exists()


def test_a_file_that_is_not_there_is_named(project: Path) -> None:
    with pytest.raises(pipeline.BadInput, match=r"rules: no file at .*nowhere\.yaml"):
        plan_of(project, rules=str(project / "nowhere.yaml"))
    (project / "data" / "policies" / "synthetic.yaml").symlink_to("nowhere.yaml")
    with pytest.raises(pipeline.BadInput, match="rules: no file at"):
        plan_of(project)
    notebook = plan_of(project, rules=str(_written(project))).notebooks[0]
    with pytest.raises(pipeline.BadInput, match="rules: no file at"):
        check_variables(notebook, {"rules": "nowhere.yaml"})


def _written(folder: Path) -> Path:
    path = folder / "rules.yaml"
    path.write_text(POLICY)
    return path


def test_the_rules_are_held_to_the_columns_of_the_source(project: Path) -> None:
    refuse_policy(_written(project))
    with pytest.raises(DataContractError, match="rule young: the source has no column age"):
        refuse_policy(_written(project), {"income"})
    refuse_policy(_written(project), {"age"})


def test_a_world_without_a_feature_leaves_its_rules_out_and_says_so(tmp_path: Path) -> None:
    from riskkit.schema import read_policy

    ours = read_policy(_written(tmp_path))
    assert policy.applicable(ours, ["age", "x"]) == (ours, "")
    left, told = policy.applicable(ours, ["x"])
    assert left is None
    assert told == "young is not asked: the applications have no column age"
    assert policy.policy_findings(left_out=told) == [("Policy rules", told, False)]
    assert policy.applicable(None, ["x"]) == (None, "")


@pytest.mark.parametrize(
    "wrong",
    [
        {"band_low": 0.6, "band_high": 0.5},
        {"band_high": 1.2},
        {"approval_months": 0},
        {"n_grades": 0},
        {"n_grades": 10**9},
        {"min_grade_share": 2.0},
        {"min_grade_share": float("nan")},
        {"max_crossed_rate": -1.0},
    ],
)
def test_a_target_band_that_is_none_stops_the_run(wrong: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        strategy.check_cutoffs(wrong)


CAPS = """
caps:
  Line: {scope: banks, lender: a, borrower: b, from: 2020-01-01, rate: 0.2, measured_by: nominal,
    source: s, verify: true}
"""


@pytest.fixture
def priced_project(tmp_path: Path) -> Path:
    cells = [new_markdown_cell("# Offers"), new_code_cell(
        'run_dir = ""\noutput_dir = ""\ncaps = ""  # a file of caps\ncap_scope = "banks"\n'
        'segment_families = ""',
        metadata={"tags": ["parameters"]},
    )]  # fmt: skip
    (tmp_path / "notebooks").mkdir()
    nbformat.write(new_notebook(cells=cells), tmp_path / "notebooks" / "01_cutoffs.ipynb")
    (tmp_path / "data").mkdir()
    return tmp_path


def test_the_bytes_of_the_caps_are_an_input_and_wrong_ones_stop_the_run(
    priced_project: Path,
) -> None:
    own = priced_project / "data" / "caps.yaml"
    found = [recipe_of(priced_project)["caps_file"]]
    for text in (CAPS, CAPS.replace("0.2", "0.3")):
        own.write_text(text)
        found.append(recipe_of(priced_project)["caps_file"])
    assert found[0] == ""
    assert len({*found}) == 3
    with pytest.raises(pipeline.BadInput, match="no cap of scope 'bank'; did you mean 'banks'"):
        plan_of(priced_project, cap_scope="bank")
    with pytest.raises(pipeline.BadInput, match=r"caps: no file at .*nowhere\.yaml"):
        plan_of(priced_project, caps=str(priced_project / "nowhere.yaml"))
    with pytest.raises(pipeline.BadInput, match="no feature is of the family 'buraeu'; did you"):
        plan_of(priced_project, segment_families="repeat buraeu")
    notebook = plan_of(priced_project).notebooks[0]
    with pytest.raises(pipeline.BadInput, match="no cap of scope 'x'"):
        check_variables(notebook, {"caps": str(own), "cap_scope": "x"})
    own.write_text("caps: [")
    with pytest.raises(DataContractError, match="no valid YAML"):
        plan_of(priced_project)
    result = CliRunner().invoke(cli.app, ["run", "--project", str(priced_project)])
    assert result.exit_code == 2
    assert not (priced_project / "data" / "runs").exists()


@pytest.mark.parametrize(
    ("parameter", "name", "other", "wrong", "told"),
    [
        (
            "provisions_file", "provisions.yaml", ("climate: -0.2", "climate: -0.3"),
            ("weight: 0.6", "weight: 0.7"), "weight",
        ),
        (
            "funding_file", "funding.yaml", ("rate: 0.052", "rate: 0.053"),
            ("rate: 0.052", "rate: 5.2"), r"lines\.East Bank\.rate: expected at most 0\.5",
        ),
    ],
)  # fmt: skip
def test_the_bytes_of_a_file_of_finance_are_an_input_and_wrong_ones_stop_the_run(
    tmp_path: Path,
    parameter: str,
    name: str,
    other: tuple[str, str],
    wrong: tuple[str, str],
    told: str,
) -> None:
    cells = [new_markdown_cell("# Provisions"), new_code_cell(
        f'run_dir = ""\noutput_dir = ""\n{parameter} = ""  # a file of figures',
        metadata={"tags": ["parameters"]},
    )]  # fmt: skip
    for folder in ("notebooks", "data"):
        (tmp_path / folder).mkdir()
    nbformat.write(new_notebook(cells=cells), tmp_path / "notebooks" / "01_cutoffs.ipynb")
    own = tmp_path / "data" / name
    project = Path(__file__).parents[1]
    text = (project / "data" / name).read_text(encoding="utf-8")
    found = [recipe_of(tmp_path)[parameter]]
    for written in (text, text.replace(*other)):
        own.write_text(written)
        found.append(recipe_of(tmp_path)[parameter])
    assert found[0] == ""
    assert len({*found}) == 3
    with pytest.raises(pipeline.BadInput, match=rf"{parameter}: no file at .*nowhere\.yaml"):
        plan_of(tmp_path, **{parameter: str(tmp_path / "nowhere.yaml")})
    notebook = plan_of(tmp_path).notebooks[0]
    own.write_text(text.replace(*wrong))
    with pytest.raises(DataContractError, match=told):
        plan_of(tmp_path)
    with pytest.raises(DataContractError, match=told):
        check_variables(notebook, {parameter: str(own)})


def test_every_file_that_a_parameter_names_is_kept_in_the_record_and_told_by_the_history() -> None:
    names = {f"{parameter.removesuffix('_file')}_file" for parameter in [RULES, *DATA_FILES]}
    assert names <= {one.name for one in fields(StoredStage)}
    assert names <= set(_GIVEN)


def test_the_simulated_lenders_columns_are_what_they_are_said_to_be() -> None:
    from riskkit import synthetic
    from riskkit.columns import feature_kinds

    world = synthetic.simulate(synthetic.Lender(), 300, seed=1).applications
    names = [one.name for one in synthetic.FEATURES]
    kinds = feature_kinds(world[names])
    assert {n: {"number": "numeric"}.get(k, k) for n, k in kinds.items()} == {
        one.name: one.kind for one in synthetic.FEATURES
    }

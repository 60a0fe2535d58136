"""Files of ours that came back changed are refused before they are used."""

import json
import subprocess
import sys
from copy import deepcopy

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from riskkit.binning import WoeBinner
from riskkit.challenger import Challenger
from riskkit.checks import DataContractError
from riskkit.scorecard import Scorecard
from riskkit.scoring import load_model
from riskkit.tables import read_json, sealed

FAST = {"n_rounds": 20, "n_folds": 2}


@pytest.fixture(scope="module")
def saved():
    """Values of a card, of trees and of a binner, by name."""
    rng = np.random.default_rng(4)
    X = pd.DataFrame(rng.normal(size=(2000, 3)), columns=["income", "age", "debt"])
    X["job"] = rng.choice(["clerk", "driver", "nurse"], 2000)
    X.loc[rng.random(2000) < 0.1, "debt"] = -9.0
    y = (rng.random(2000) < expit(X["age"] + X["income"] - 1)).astype(int).to_numpy()
    card = Scorecard(WoeBinner(special_codes={"debt": [-9.0]}), max_p_value=None).fit(X, y)
    trees = Challenger(special_codes={"debt": [-9.0]}, **FAST).fit(X, y)
    return {"card": card.to_json(), "trees": trees.to_json(), "binner": card.binner_.to_json()}


def tampered(values, path, change):
    """The values with one place changed."""
    changed = deepcopy(values)
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = change(place[path[-1]])
    return json.loads(json.dumps(changed))


def to(value):
    return lambda _: value


def backwards(found):
    return dict(reversed(found.items())) if isinstance(found, dict) else list(reversed(found))


FEATURES = ("binner", "features")
CARD = [
    (("base_points",), to("500")),
    (("base_points",), lambda n: n + 100),
    (("base_points",), to(2**63 - 1)),
    (("base_points",), to(10**400)),
    (("base_points",), to(True)),
    (("base_points",), to(500.5)),
    (("base_points",), to(None)),
    (("points",), backwards),
    (("points",), to({})),
    (("points", "age"), backwards),
    (("points", "age"), lambda own: own[:-1]),
    (("points", "age"), lambda own: [*own, 0]),
    (("points", "age"), lambda own: [2**63 - 1, *own[1:]]),
    (("points", "age"), lambda own: [str(n) for n in own]),
    (("points", "age"), lambda own: [n + 30 for n in own]),
    (("coefficients", "age"), to("−1")),
    (("coefficients", "age"), to(1e300)),
    (("coefficients", "age"), lambda own: own * 3),
    (("coefficients",), backwards),
    (("intercept",), to(None)),
    (("intercept",), lambda own: own + 1),
    (("scale", "pdo"), to(0.0)),
    (("scale", "pdo"), to(40.0)),
    (("scale",), to({"pdo": 20.0})),
    (("settings",), to({})),
    (("settings",), lambda own: own | {"extra": 1}),
    (("covariance",), lambda own: own[:-1]),
    (("covariance", 0, 0), to(-1.0)),
    (("covariance", 0, 1), lambda own: own + 1),
    (("vif",), to({})),
    (("vif", "age"), to(0.5)),
    (("settings", "keep"), to({"age": 1})),
    (("settings", "n_folds"), to(1)),
    (("settings", "base"), to("nowhere")),
    (("settings", "features"), to(["age", "age"])),
    (("binner", "parameters", "special_codes"), to({"a": 1})),
    (("binner", "parameters", "special_codes"), to({"a": "no number"})),
    (("binner", "parameters", "trend"), to([None])),
    (("binner", "parameters", "trend"), to({"age": "sideways"})),
    (("binner", "parameters", "max_bins"), to("8")),
    (("binner", "parameters", "max_bins"), to(1)),
    (("binner", "parameters", "fixed_edges"), to({"age": ["a"]})),
    (("binner", "parameters", "edits"), to([{}])),
    (("choice",), to([])),
    (("choice", "feature"), lambda own: [[], *own[1:]] if own else [[]]),
    (("bins_given",), to("yes")),
    ((*FEATURES, 0, "edges"), backwards),
    ((*FEATURES, 0, "edges"), lambda own: own[:1] * len(own)),
    ((*FEATURES, 0, "edges"), to(None)),
    ((*FEATURES, 0, "edges"), lambda own: [str(edge) for edge in own]),
    ((*FEATURES, 0, "counts"), lambda own: own[:-1]),
    ((*FEATURES, 0, "counts"), lambda own: [[-1, 2], *own[1:]]),
    ((*FEATURES, 0, "counts"), lambda own: [[1], *own[1:]]),
    ((*FEATURES, 0, "apart"), to([])),
    ((*FEATURES, 0, "apart"), to([99])),
    ((*FEATURES, 0, "name"), to("other")),
    ((*FEATURES, 3, "groups"), lambda own: [*own, own[0]]),
    (FEATURES, lambda own: own[:-1]),
    (FEATURES, lambda own: [*own, own[0]]),
    (("binner", "kind"), to("riskkit.Scorecard")),
]
TREES = [
    (("features",), backwards),
    (("features",), lambda own: own[:-1]),
    (("features",), lambda own: [*own, own[0]]),
    (("features",), lambda own: [*own, "more"]),
    (("levels",), to({"strange": ["a"]})),
    (("levels", "job"), lambda own: [*own, own[0]]),
    (("booleans",), to(["strange"])),
    (("special_codes",), to({"strange": [1.0]})),
    (("special_codes",), to({})),
    (("calibration", "slope"), to(-1.0)),
    (("calibration", "slope"), to(0.0)),
    (("calibration", "kind"), to("isotonic")),
    (("calibration",), to({"kind": "isotonic", "raw": [1.0, 0.0], "log_odds": [0.0, 1.0]})),
    (("calibration",), to({"kind": "isotonic", "raw": [], "log_odds": []})),
    (("n_rounds",), to(0)),
    (("n_rounds",), lambda own: own - 1),
    (("booster",), lambda own: own[:200]),
    (("booster",), lambda own: own[5:]),
    (("booster",), to([])),
    (("booster",), to(["tree"])),
    (("settings",), to({})),
    (("settings", "n_leaves"), to(1)),
    (("settings", "calibration"), to("guess")),
    (("settings", "trends"), to([])),
    (("settings", "special_codes"), to({"debt": 1})),
]


TAMPERED = [
    (model, path, change)
    for model, found in (("card", CARD), ("trees", TREES))
    for path, change in found
]


def ids(found):
    return [f"{model}-{number}-{path[-1]}" for number, (model, path, _) in enumerate(found)]


@pytest.mark.parametrize(("model", "path", "change"), TAMPERED, ids=ids(TAMPERED))
def test_an_altered_model_is_refused(saved, tmp_path, model, path, change):
    file = tmp_path / "model.json"
    file.write_text(json.dumps(tampered(saved[model], path, change)))
    with pytest.raises(DataContractError, match=r"model\.json .*\n.*checksum does not hold"):
        load_model(file)


# names in another order are another model, and nothing else in the file tells
RESEALED = [case for case in TAMPERED if case[1:] != (("features",), backwards)]


@pytest.mark.parametrize(("model", "path", "change"), RESEALED, ids=ids(RESEALED))
def test_an_altered_model_under_a_new_checksum_is_refused_by_what_it_says(
    saved, tmp_path, model, path, change
):
    altered = tampered(saved[model], path, change)
    if path[0] == "binner":
        altered["binner"] = sealed(altered["binner"])
    file = tmp_path / "model.json"
    file.write_text(json.dumps(sealed(altered)))
    with pytest.raises(DataContractError, match=r"model\.json") as refused:
        load_model(file)
    assert "checksum" not in str(refused.value)


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize("key", ["intercept", "slope", "base_points"])
def test_a_number_that_is_none_is_refused(saved, tmp_path, word, key):
    model = saved["trees" if key == "slope" else "card"]
    text = json.dumps(model)
    number = text.split(f'"{key}": ')[1].split(",")[0].split("}")[0]
    (tmp_path / "model.json").write_text(text.replace(f'"{key}": {number}', f'"{key}": {word}', 1))
    with pytest.raises(DataContractError, match=r"is no number|checksum|not JSON compliant"):
        load_model(tmp_path / "model.json")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "the file is empty"),
        (b"\xff\xfe", "no JSON"),
        (b"{" * 100_000, "no JSON"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b'{"kind": "riskkit.Scorecard", "kind": "riskkit.Challenger"}', "'kind' stands twice"),
        (b'{"kind": ["riskkit.Scorecard"]}', "expected a riskkit.Scorecard"),
        (b'{"kind": "riskkit.Scorecard", "schema_version": "2"}', "schema_version '2' is not"),
        (b'{"kind": "riskkit.Scorecard", "schema_version": true}', "schema_version True is not"),
        (b'{"kind": "riskkit.Scorecard", "schema_version": 2}', "checksum"),
        (b"9" * 10_000, "no JSON"),
        (b"\x00", "no JSON"),
    ],
)
def test_what_is_no_file_of_a_model_is_refused(tmp_path, content, match):
    (tmp_path / "model.json").write_bytes(content)
    with pytest.raises(DataContractError, match=match):
        load_model(tmp_path / "model.json")


def test_a_folder_or_a_device_is_no_file_of_a_model(tmp_path):
    for path in (tmp_path, "/dev/zero"):
        with pytest.raises(DataContractError, match="no file at"):
            read_json(path)


def test_layout_is_no_change(saved, tmp_path):
    for model, values in saved.items():
        if model != "binner":
            (tmp_path / "model.json").write_text(json.dumps(values, indent=7))
            assert load_model(tmp_path / "model.json").to_json() == values


def test_a_saved_binner_is_held_to_its_checksum(saved):
    altered = tampered(saved["binner"], ("features", 0, "edges", 0), lambda edge: edge + 1)
    with pytest.raises(DataContractError, match="checksum"):
        WoeBinner.from_json(altered)


def mutated(lines, rng):
    """The lines of boosted trees with one of them changed, and which."""
    at = int(rng.integers(len(lines)))
    name, equals, value = lines[at].partition("=")
    words = value.split(" ")
    word = int(rng.integers(len(words)))
    odd = ["", "-1", "0", "99999", "-99999", "inf", "nan", "1e400", "x", "2147483648", str(10**30)]
    changes = [
        lambda: [*words[:word], str(rng.choice(odd)), *words[word + 1 :]],
        lambda: words[:word] + words[word + 1 :],
        lambda: [*words, words[word]],
        lambda: [*words[:word], *words[word:][::-1]],
    ]
    changed = " ".join(changes[int(rng.integers(4))]())
    whole = [f"{name}{equals}{changed}"]
    return [*lines[:at], *(whole if rng.random() < 0.9 else []), *lines[at + 1 :]], lines[at]


HELD = """
import json, sys
import numpy as np
import pandas as pd
from riskkit.checks import DataContractError
from riskkit.scoring import load_model
X = pd.DataFrame({"income": [0.0, 1.0], "age": [1.0, np.nan], "debt": [-9.0, 2.0]})
X["job"] = ["clerk", "nobody"]
for path in sys.argv[1:]:
    try:
        score = load_model(path).credit_score(X)
    except DataContractError:
        continue
    assert len(score) == 2
print("held")
"""


def test_no_change_of_a_tree_under_a_new_checksum_ends_the_process(saved, tmp_path):
    rng = np.random.default_rng(3)
    paths = []
    for number in range(300):
        lines, _ = mutated(saved["trees"]["booster"], rng)
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(sealed(saved["trees"] | {"booster": lines})))
        paths.append(str(path))
    command = [sys.executable, "-c", HELD, *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "held\n"), done.stderr[-500:]

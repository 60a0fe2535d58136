"""Special codes as an analyst writes them: of every number or by feature, with their meaning."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone

from riskkit.binning import SpecialCodes, WoeBinner, codes_from_json, codes_to_json, count_features
from riskkit.challenger import Challenger, partial_dependence
from riskkit.scorecard import Scorecard

N = 2000
RNG = np.random.default_rng(3)
X = pd.DataFrame(
    {
        "income": RNG.normal(size=N).round(2),
        "late": RNG.poisson(1, N),
        "is_new": RNG.random(N) < 0.3,
        "job": RNG.choice(["a", "b", "-999"], N),
    }
)
Y = (RNG.random(N) < 1 / (1 + np.exp(1 + X["income"]))).astype(int).to_numpy()
X.loc[::7, "income"] = -999.0
X.loc[::9, "late"] = 9999
EVERYWHERE = [-999, 9999]
BY_FEATURE = {"income": EVERYWHERE, "late": EVERYWHERE}
WAYS = {
    "list": EVERYWHERE,
    "tuple": tuple(EVERYWHERE),
    "array": np.array(EVERYWHERE),
    "meanings": {-999: "no record", 9999: "not asked"},
    "by feature": BY_FEATURE,
    "by feature, meanings": {n: dict.fromkeys(EVERYWHERE, "none") for n in BY_FEATURE},
}
FEW = {"patience_rounds": 1, "n_leaves": 2}


@pytest.mark.parametrize("way", WAYS)
def test_one_list_is_of_every_number_and_of_nothing_else(way):
    binner = WoeBinner(special_codes=WAYS[way]).fit(X, Y)
    assert {n: b.special_codes for n, b in binner.bins_.items()} == {
        "income": (-999.0, 9999.0),
        "late": (-999.0, 9999.0),
        "is_new": (),
        "job": (),
    }
    expected = WoeBinner(special_codes=BY_FEATURE).fit(X, Y)
    pd.testing.assert_frame_equal(binner.transform(X), expected.transform(X))
    trees = Challenger(special_codes=WAYS[way], **FEW).fit(X, Y)
    assert trees.special_codes_ == {"income": (-999.0, 9999.0), "late": (-999.0, 9999.0)}
    points = partial_dependence(trees, X, ["income"], special_codes=WAYS[way], n_points=3)
    assert points.loc[points["kind"] == "special", "value"].tolist() == [-999.0]


@pytest.mark.parametrize("way", WAYS)
def test_codes_survive_cloning_saving_and_a_second_fit(way, tmp_path):
    for model, of in (
        (WoeBinner(special_codes=WAYS[way]), lambda fitted: fitted.special_codes),
        (Scorecard(WoeBinner(special_codes=WAYS[way])), lambda card: card.binner.special_codes),
        (Challenger(special_codes=WAYS[way], **FEW), lambda fitted: fitted.special_codes),
    ):
        fitted = clone(model).fit(X, Y)
        fitted.save(tmp_path / "model.json")
        loaded = type(model).load(tmp_path / "model.json")
        found = of(loaded)
        if isinstance(WAYS[way], dict):
            assert found == WAYS[way]
        else:
            assert list(found) == list(WAYS[way])
        again = clone(loaded).fit(X, Y)
        if isinstance(model, WoeBinner):
            pd.testing.assert_frame_equal(again.transform(X), fitted.transform(X))
        else:
            np.testing.assert_array_equal(again.credit_score(X), fitted.credit_score(X))


def test_no_code_reads_minus_zero():
    assert repr(SpecialCodes.read([-0.0, 0, -9], ["x"]).of_numbers) == "(0.0, -9.0)"


def test_parts_of_a_table_are_counted_with_one_list():
    whole = count_features(X, Y, special_codes=EVERYWHERE)
    halves = [
        count_features(X[rows], Y[rows], whole.edges, special_codes=EVERYWHERE)
        for rows in (slice(0, 800), slice(800, N))
    ]
    added = halves[0] + halves[1]
    np.testing.assert_array_equal(added["late"].special, whole["late"].special)
    assert whole["late"].special[1].sum() == (X["late"] == 9999).sum()


@pytest.mark.parametrize("fit", [WoeBinner, Challenger])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"income": -9}, "special_codes of income must be a list of numbers, got -9"),
        ({"income": ["x"]}, r"special_codes of income must be a list of numbers, got \['x'\]"),
        ({"income": "-9"}, "special_codes must be a list of numbers, got {'income': '-9'}"),
        ("-9", "special_codes must be a list of numbers, got '-9'"),
        (-9, "special_codes must be a list of numbers, got -9"),
        ([np.nan], "special_codes: NaN is missing, no special code"),
        ({"income": [np.nan]}, "special_codes of income: NaN is missing"),
        ({"incom": [-9]}, "special_codes names no feature 'incom'; did you mean 'income'"),
    ],
)
def test_what_is_no_list_of_codes_is_refused(fit, given, message):
    with pytest.raises(ValueError, match=message):
        fit(special_codes=given).fit(X, Y)


CODES = st.lists(st.floats(allow_nan=False), min_size=1, max_size=4)
MEANINGS = st.dictionaries(st.floats(allow_nan=False), st.text(), min_size=1, max_size=4)


@given(
    st.none()
    | CODES
    | MEANINGS
    | st.dictionaries(st.sampled_from(["income", "late", "job"]), CODES | MEANINGS, max_size=3)
)
def test_codes_read_from_json_are_those_that_were_given(given):
    back = codes_from_json(json.loads(json.dumps(codes_to_json(given))))
    assert back == given
    assert SpecialCodes.read(back, X.columns) == SpecialCodes.read(given, X.columns)

"""Cards as PMML: what credit_score gives, to the point, in two engines of other houses."""

from xml.etree import ElementTree as ET

import engines
import numpy as np
import pandas as pd
import pytest
import real_parts
from binning_rows import (
    FLOATS,
    SPECIAL,
    STRANGE,
    STRANGE_NAMES,
    beside,
    borrowers,
    fitted,
)

from riskkit.binning import WoeBinner
from riskkit.scorecard import Scorecard, ScoreScale

EDGES = [-1 / 3, 0.0, 0.1, 0.1 + 0.2, 2.5, 1e16]
CODES = [-9.0, 0.7, 99999999.0]
UNSEEN = ["B", "a  ", "IT'S", "顾", "É", "\u00e9 ", "NULL", "nan", "%", "]]>", "<&>"]
WORDS = [
    "",
    " ",
    '"',
    "'",
    "&",
    "<",
    "&amp;",
    "\\",
    "\n",
    "\r\n",
    "\t",
    "客户",
    "😀",
    "a",
    "1",
    "1.0",
]


@pytest.fixture(scope="module")
def read_back(tmp_path_factory):
    """Both engines; CI must have them."""
    if reason := engines.absent():
        real_parts.absent(reason)
    return engines.Engines(tmp_path_factory.mktemp("pmml"))


def card_of(binner, seed=0, **scale):
    """A card of random points, so that no two bins share theirs, and of any base and scale."""
    rng = np.random.default_rng(seed)
    card = Scorecard(binner, scale=ScoreScale(**scale))
    card.binner_, card.classes_, card.intercept_ = binner, np.array([0, 1]), -1.0
    card.coefficients_ = pd.Series(-1.0, pd.Index(list(binner.bins_), name="feature"))
    card._round_to_points()
    for name, points in card.points_.items():
        card.points_[name] = rng.permutation(np.arange(len(points)) - 3) * rng.integers(1, 40)
    card._average()
    return card


def assert_engines_give_the_card(read_back, card, X):
    document = card.to_pmml()
    read_back.validate(document)
    score, probability = (column.to_numpy() for _, column in card.scored(X).items())
    for engine in (read_back.jpmml, read_back.pmml4s):
        found = engine(document, X)
        np.testing.assert_array_equal(found["credit_score"].to_numpy(), score, engine.__name__)
        np.testing.assert_allclose(
            found["default_probability"].astype(float), probability, rtol=0, atol=1e-12
        )


@pytest.mark.parametrize("codes", [CODES, [0.0, np.inf], [-np.inf, 1e16]])
def test_awkward_floats_are_read_as_the_card_reads_them(read_back, codes):
    binner = fitted(pd.DataFrame({"x": FLOATS}), special_codes={"x": codes}).set_edges("x", EDGES)
    values = [*FLOATS, *beside(EDGES), *beside(codes), *beside([1e300, 123.456]), None]
    assert_engines_give_the_card(
        read_back, card_of(binner), pd.DataFrame({"x": values}, dtype=float)
    )


def test_codes_and_missing_that_share_a_bin_share_its_points(read_back):
    binner = fitted(pd.DataFrame({"x": FLOATS}), special_codes={"x": CODES}).set_edges("x", EDGES)
    first, *_, missing = binner.bins_["x"].apart
    binner = binner.merge_bins("x", 2, missing).merge_bins("x", 0, first)
    values = [*FLOATS, *beside(EDGES), *beside(CODES), None]
    assert_engines_give_the_card(
        read_back, card_of(binner), pd.DataFrame({"x": values}, dtype=float)
    )


def test_strange_texts_and_names_survive(read_back):
    names = [*STRANGE_NAMES, "<a & b>", "客户 收入", "]]>", "\ttab\n", " "]
    numbers = np.arange(len(STRANGE) + 1.0)
    columns = {name: np.roll(numbers, k) for k, name in enumerate(names)}
    frame = pd.DataFrame({**columns, "level": [*STRANGE, None]})
    binner = fitted(frame, max_bins=4).group_levels("level", [STRANGE[k::7] for k in range(7)])
    X = pd.concat([frame, pd.DataFrame({"level": UNSEEN})], ignore_index=True)
    assert_engines_give_the_card(read_back, card_of(binner.merge_bins("level", 3, 7)), X)


def test_missing_never_seen_in_fit_and_unseen_levels_are_the_cards(read_back):
    X = pd.DataFrame({"x": [1.0, 2.0, 3.0], "level": ["a", "b", "c"], "flat": [5.0, 5.0, 5.0]})
    card = card_of(fitted(X, special_codes={"x": [-9]}).set_edges("flat", []))
    later = pd.DataFrame({"x": [np.nan, -9, 1], "level": [None, "d", "a"], "flat": [np.nan, 5, 6]})
    assert_engines_give_the_card(read_back, card, later)


def test_nan_is_missing_to_an_engine_that_is_given_it(read_back):
    binner = fitted(pd.DataFrame({"x": FLOATS}), special_codes={"x": CODES}).set_edges("x", EDGES)
    card, X = card_of(binner), pd.DataFrame({"x": [np.nan, 1.0]})
    for engine in (read_back.jpmml, read_back.pmml4s):
        found = engine(card.to_pmml(), X, nan_is_null=False)
        assert found["credit_score"].tolist() == card.credit_score(X).tolist()


def test_true_and_false_are_read_as_one_and_nought(read_back):
    flags = pd.DataFrame({"flag": pd.array([True, False, None], dtype="boolean")})
    card = card_of(fitted(flags))
    assert_engines_give_the_card(read_back, card, pd.DataFrame({"flag": [1.0, 0.0, np.nan]}))
    told = read_back.jpmml(
        card.to_pmml(), pd.DataFrame({"flag": [True, False, None]}, dtype=object)
    )
    assert told["credit_score"].tolist() == card.credit_score(flags).tolist()


@pytest.mark.parametrize("base", ["separate", "spread"])
def test_a_fitted_card_is_read_back_with_its_reasons(read_back, base):
    X, y = borrowers()
    binner = WoeBinner(special_codes=SPECIAL).fit(X, y)
    card = Scorecard(binner, max_p_value=None, base=base).fit(X, y)
    rows = X.head(1500)
    assert_engines_give_the_card(read_back, card, rows)
    reasons = card.reasons(rows)
    told = reasons.groupby(level=0)["feature"].agg(list).reindex(rows.index)
    tied = reasons.reset_index().duplicated(["row", "points_lost"], keep=False)
    untied = ~rows.index.isin(reasons.index.get_level_values(0)[tied])
    assert untied.sum() > 1000
    for engine in (read_back.jpmml, read_back.pmml4s):
        found = engine(card.to_pmml(), rows)[[f"reason_{k}" for k in (1, 2, 3, 4)]]
        for row in rows.index[untied]:
            given = list(dict.fromkeys(found.loc[row].dropna()))  # PMML4S repeats the last one
            assert given == (told[row] if isinstance(told[row], list) else [])


def test_far_out_scores_have_probabilities_of_nought_and_one(read_back):
    card = card_of(fitted(pd.DataFrame({"x": [1.0, 2.0, 3.0]})), pdo=0.02, target_score=0)
    assert_engines_give_the_card(read_back, card, pd.DataFrame({"x": [1.0, 2.0, 3.0, np.nan]}))
    card.base_points_ = 2**40
    assert_engines_give_the_card(read_back, card, pd.DataFrame({"x": [1.0, 2.0, 3.0, np.nan]}))


@pytest.mark.parametrize("seed", range(12))
def test_random_cards_are_read_back(read_back, seed):
    rng = np.random.default_rng(seed)
    pool = np.unique(
        [*rng.normal(size=5).round(1), *rng.integers(-4, 5, 5), *rng.normal(size=4) * 1e9]
    )
    words = rng.permutation(WORDS)[: rng.integers(3, 12)]
    n = 40
    frame = pd.DataFrame({f"x{k}": rng.choice([*pool, np.nan], n) for k in range(3)})
    frame["level"] = pd.Series(rng.choice([*words, None], n), dtype=object)
    codes = {"x0": rng.choice(pool, 2, replace=False).tolist(), "x1": [rng.choice(pool)]}
    binner = fitted(frame, seed, special_codes=codes, max_bins=int(rng.integers(2, 30)))
    card = card_of(binner, seed, pdo=rng.uniform(1, 80), target_score=rng.uniform(-900, 900))
    n = 120
    later = pd.DataFrame()
    for name in frame.columns[:3]:
        at = beside([*pool, *binner.edges[name], *codes.get(name, ())])
        later[name] = rng.choice([*at, np.nan, np.inf, -np.inf, 1.7e308], n)
    later["level"] = pd.Series(rng.choice([*WORDS, *UNSEEN, None], n), dtype=object)
    assert_engines_give_the_card(read_back, card, later)


def test_a_document_is_the_same_each_time_and_is_told_what_to_call_its_outputs():
    card = card_of(fitted(pd.DataFrame({"credit_score": [1.0, 2.0], "reason_1": ["a", "b"]})))
    with pytest.raises(ValueError, match=r"two would be called \['credit_score', 'reason_1'\]"):
        card.to_pmml()
    settings = {"score_as": "points", "probability_as": "pd", "n_reasons": 0}
    document = card.to_pmml(**settings)
    assert document == card.to_pmml(**settings)
    fields = ET.fromstring(document.encode()).iter("{http://www.dmg.org/PMML-4_4}OutputField")
    assert [field.get("name") for field in fields] == ["points", "pd"]


@pytest.mark.parametrize("character", ["\0", "\x0b", "\x1f", "\ufffe", "\uffff"])
def test_what_xml_cannot_hold_is_refused_by_the_features_name(character):
    name = f"a{character}b"
    with pytest.raises(ValueError, match="XML cannot hold the name") as told:
        card_of(fitted(pd.DataFrame({name: [1.0, 2.0]}))).to_pmml()
    assert repr(name) in str(told.value)
    with pytest.raises(ValueError, match="feature job: XML cannot hold the level") as told:
        card_of(fitted(pd.DataFrame({"job": [name, "c"]}))).to_pmml()
    assert repr(name) in str(told.value)


def test_a_feature_without_a_name_and_fewer_than_no_reasons_are_refused():
    with pytest.raises(ValueError, match="no field of PMML has an empty name, got ''"):
        card_of(fitted(pd.DataFrame({"": [1.0, 2.0]}))).to_pmml()
    with pytest.raises(ValueError, match="n_reasons must be at least 0, got -1"):
        card_of(fitted(pd.DataFrame({"x": [1.0, 2.0]}))).to_pmml(n_reasons=-1)

"""What a column is to a binner: numbers, levels, truths, or no feature, however it is stored."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from riskkit.binning import NumericCounts, WoeBinner, count_features
from riskkit.columns import level_text, require_features

BADS = np.array([1, 0, 1, 0, 0, 1])
NUMBERS = [2, 1, None, 2, 3, 1]
TEXTS = ["b", "a", None, "b", "c", "a"]
TRUTHS = [True, False, None, True, True, False]


def arrow(values, kind):
    return pd.array(values, dtype=pd.ArrowDtype(kind))


def counts_of(column, y=BADS):
    return count_features(pd.DataFrame({"x": column}), y)["x"]


DECIMALS = [None if value is None else Decimal(value) for value in NUMBERS]
STORED_NUMBERS = {
    "float64": np.array(NUMBERS, dtype=float),
    "float32": np.array(NUMBERS, dtype=np.float32),
    "object": pd.Series(NUMBERS, dtype=object),
    "mixed floats": pd.Series([2, 1.0, np.nan, 2.0, 3, 1], dtype=object),
    "Int64": pd.array(NUMBERS, dtype="Int64"),
    "UInt8": pd.array(NUMBERS, dtype="UInt8"),
    "Float64": pd.array(NUMBERS, dtype="Float64"),
    "int64[arrow]": arrow(NUMBERS, pa.int64()),
    "double[arrow]": arrow(NUMBERS, pa.float64()),
    "decimal": pd.Series(DECIMALS, dtype=object),
    "decimal and NA": pd.Series([d or pd.NA for d in DECIMALS], dtype=object),
    "decimal128[arrow]": arrow(DECIMALS, pa.decimal128(9, 2)),
    "sparse": pd.arrays.SparseArray(np.array(NUMBERS, dtype=float)),
}
STORED_TEXTS = {
    "object": pd.Series(TEXTS, dtype=object),
    "str": pd.Series(TEXTS, dtype="str"),
    "string": pd.array(TEXTS, dtype="string"),
    "string[arrow]": arrow(TEXTS, pa.string()),
    "large_string[arrow]": arrow(TEXTS, pa.large_string()),
    "category": pd.Categorical(TEXTS),
    "unused levels": pd.Categorical(TEXTS, categories=["z", "c", "b", "a", "y"]),
    "ordered": pd.Categorical(TEXTS, categories=["c", "b", "a"], ordered=True),
}
STORED_TRUTHS = {
    "object": pd.Series(TRUTHS, dtype=object),
    "boolean": pd.array(TRUTHS, dtype="boolean"),
    "bool[arrow]": arrow(TRUTHS, pa.bool_()),
}


@pytest.mark.parametrize("storage", STORED_NUMBERS)
def test_numbers_count_alike_however_they_are_stored(storage):
    column = pd.Series(STORED_NUMBERS[storage])
    found = counts_of(column)
    assert found.edges.tolist() == [2, 3]
    assert found.cells.tolist() == [[1, 1], [1, 1], [1, 0]]
    assert found.missing.tolist() == [0, 1]
    assert (found.lowest == [1, 2, 3]).all()
    assert (found.highest == [1, 2, 3]).all()
    assert (found.n_rows, found.is_boolean) == (6, False)
    bins = WoeBinner(min_bin_size=0.01).fit(pd.DataFrame({"x": column}), BADS).bins_["x"]
    expected = bins.assign(pd.Series(NUMBERS, dtype=float))
    assert bins.assign(column).tolist() == expected.tolist()


@pytest.mark.parametrize("storage", STORED_TEXTS)
def test_levels_count_alike_however_they_are_stored(storage):
    column = pd.Series(STORED_TEXTS[storage])
    found = counts_of(column)
    assert found.levels == ("a", "b", "c")
    assert found.cells.tolist() == [[1, 1], [1, 1], [1, 0]]
    assert (found.missing.tolist(), found.n_rows) == ([0, 1], 6)
    bins = WoeBinner(min_bin_size=0.01).fit(pd.DataFrame({"x": column}), BADS).bins_["x"]
    assert bins.assign(column).tolist() == bins.assign(pd.Series(TEXTS)).tolist()
    assert bins.assign(pd.Series(["b", "?", None]))[1:].tolist() == [len(bins.counts), 1]


@pytest.mark.parametrize("storage", STORED_TRUTHS)
def test_true_and_false_are_one_and_zero(storage):
    found = counts_of(STORED_TRUTHS[storage])
    assert found.edges.tolist() == [1]
    assert found.cells.tolist() == [[1, 1], [2, 1]]
    assert (found.missing.tolist(), found.is_boolean) == ([0, 1], True)
    plain = counts_of(np.array([True, False]), [0, 1])
    assert (plain.cells.tolist(), plain.is_boolean) == ([[0, 1], [1, 0]], True)


def test_levels_that_are_numbers_keep_the_text_of_numbers():
    assert counts_of(pd.Categorical(NUMBERS)).levels == ("1", "2", "3")
    assert counts_of(pd.Categorical([0.5, 1, None, 2, 0.5, 1])).levels == ("0.5", "1", "2")
    # 1 and "1" are one level
    assert counts_of(pd.Categorical([1, "1", 2, 2, "2", None])).levels == ("1", "2")
    series = pd.Series([2.0, np.nan, 0.5, -0.0, np.inf, 1e300])
    assert level_text(series).fillna("-").tolist() == ["2", "-", "0.5", "0", "inf", "1e+300"]
    assert level_text(pd.Series([7, 8])).tolist() == ["7", "8"]


@pytest.mark.parametrize(
    ("column", "edges", "cells", "missing"),
    [
        ([5.0] * 6, [], [[3, 3]], [0, 0]),
        ([np.nan] * 6, [], [[0, 0]], [3, 3]),
        (pd.Series([None] * 6, dtype=object), [], [[0, 0]], [3, 3]),
        # an infinite value is an extreme one, but no edge
        ([-np.inf, 1, np.inf, -np.inf, 2, np.inf], [1, 2], [[1, 1], [1, 0], [1, 2]], [0, 0]),
        ([-np.inf, np.inf] * 3, [], [[3, 3]], [0, 0]),
        ([-0.0, 0.0, -1, -1, -1, -1], [0], [[2, 2], [1, 1]], [0, 0]),
    ],
)
def test_degenerate_numbers_have_a_stated_answer(column, edges, cells, missing):
    found = counts_of(column)
    assert isinstance(found, NumericCounts)
    assert found.edges.tolist() == edges
    assert not np.signbit(found.edges).any()
    assert found.cells.tolist() == cells
    assert found.missing.tolist() == missing


def test_no_row_at_all_is_counted_as_nothing():
    empty = pd.DataFrame({"x": np.empty(0), "level": pd.Series([], dtype="str")})
    found = count_features(empty, [])
    assert found["x"].cells.tolist() == [[0, 0]]
    assert found["level"].levels == ()
    assert found["level"].total.tolist() == [0, 0]


REFUSED = {
    "date": pd.to_datetime(["2000-01-01", None]),
    "zoned": pd.to_datetime(["2000-01-01", None], utc=True),
    "duration": pd.to_timedelta([1, None], unit="D"),
    "period": pd.PeriodIndex(["2000-01", "2000-02"], freq="M"),
    "interval": pd.interval_range(0, 2),
    "complex": np.array([1j, 2]),
    "bytes": pd.Series([b"a", None], dtype=object),
    "mixed": pd.Series([1, "a"], dtype=object),
    "lists": pd.Series([[1], [2]], dtype=object),
    "dates": pd.Series([dt.date(2000, 1, 1), None], dtype=object),
    "arrow date": arrow([dt.date(2000, 1, 1), None], pa.date32()),
    "arrow binary": arrow([b"a", None], pa.binary()),
    "int id": [2**53 + 1, 1],
    "negative id": [-(2**53) - 1, 1],
    "unsigned id": np.array([2**64 - 1, 1], dtype=np.uint64),
    "nullable id": pd.array([2**53 + 1, None], dtype="Int64"),
    "object id": pd.Series([2**53 + 1, None], dtype=object),
    "arrow id": arrow([2**53 + 1, None], pa.int64()),
}


def test_every_column_that_is_no_feature_is_named_at_once():
    allowed = {"largest": [2**53, -(2**53)], "text": ["a", "b"], "never": [None, None]}
    with pytest.raises(TypeError) as caught:
        count_features(pd.DataFrame(REFUSED | allowed), [0, 1])
    named = [part.split(":")[0] for part in str(caught.value).split("; feature ")]
    assert ["feature " + name.removeprefix("feature ") for name in named] == [
        f"feature {name}" for name in REFUSED
    ]
    assert "int id: int64 is no feature; integers beyond 2**53" in str(caught.value)
    assert count_features(pd.DataFrame(allowed), [0, 1])["largest"].cells.tolist() == [
        [0, 1],
        [1, 0],
    ]


def test_a_name_that_occurs_twice_is_refused():
    frame = pd.DataFrame([[1, 2, 3, 4]], columns=["a", "b", "a", "b"])
    with pytest.raises(TypeError, match=r"feature a: .* twice; feature b: the name occurs twice$"):
        count_features(frame, [0])


def test_ids_and_endless_levels_are_no_category():
    ids = [f"L{i}" for i in range(100)]
    many = np.repeat([f"L{i}" for i in range(10_001)], 2)
    labels = np.tile([0, 1], 50)
    with pytest.raises(TypeError, match="feature x: each of 100 rows has its own level; an id"):
        counts_of(ids, labels)
    with pytest.raises(TypeError, match="feature x: 10,001 levels are no category; group them"):
        counts_of(many, np.tile([0, 1], 10_001))
    assert len(counts_of(many[2:], np.tile([0, 1], 10_000)).levels) == 10_000
    assert len(counts_of(ids[1:], labels[1:]).levels) == 99
    assert len(counts_of([*ids[1:], "L1"], labels).levels) == 99
    both = pd.DataFrame({"a": ids, "b": ids})
    with pytest.raises(TypeError, match=r"feature a: .*; feature b: "):
        count_features(both, labels)


def test_a_feature_that_is_there_twice_is_refused_when_it_is_asked_for():
    X = pd.DataFrame([[1.0, 2.0, 3.0]], columns=["a", "a", "b"])
    require_features(X, ["b"])
    with pytest.raises(ValueError, match=r"X has the columns \['a'\] more than once"):
        require_features(X, ["a", "b"])

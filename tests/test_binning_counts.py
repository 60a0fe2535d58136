"""Goods and bads per fine cell: sums over parts, fine edges, Tables."""

import pickle
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from binning_rows import assert_same_counts, borrowers
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit import binning, schema, tables
from riskkit.binning import NumericCounts, count_features
from riskkit.binning.counts import _roundest
from riskkit.partitions import total

BORROWERS, LABELS = borrowers()


def counts_of(column, y, **options):
    return count_features(pd.DataFrame({"x": column}), y, **options)["x"]


# -- sums over parts -------------------------------------------------------------------------------

NUMBER = st.one_of(
    st.integers(-5, 5).map(float),
    st.sampled_from([np.nan, np.inf, -np.inf, -0.0]),
    st.floats(-1e6, 1e6),
)


@st.composite
def rows(draw, max_size=50):
    """Frame, labels, weights that are whole numbers (or none), and each row's part."""
    n = draw(st.integers(1, max_size))

    def column(values):
        return draw(st.lists(values, min_size=n, max_size=n))

    frame = pd.DataFrame(
        {
            "x": np.array(column(NUMBER)),
            "whole": pd.array(column(st.one_of(st.integers(-3, 3), st.none())), dtype="Int64"),
            "flag": pd.Series(column(st.sampled_from([True, False, None])), dtype=object),
            "level": pd.Series(column(st.sampled_from(["a", "b", "c", None])), dtype=object),
            "code": pd.Categorical(column(st.sampled_from([1, 2, None])), categories=[1, 2, 3]),
        }
    )
    weight = draw(st.one_of(st.none(), st.just(column(st.integers(0, 3)))))
    weight = None if weight is None else np.array(weight, dtype=float)
    part = np.array(column(st.integers(0, 3)))
    return frame, np.array(column(st.integers(0, 1))), weight, part


@settings(max_examples=40, deadline=None)
@given(rows(), st.integers(2, 20))
def test_counts_of_parts_add_up_to_the_whole(data, n_points):
    X, y, weight, part = data
    options = {"special_codes": {"x": [-5, 0], "whole": [3]}, "n_points": n_points}
    whole = count_features(X, y, sample_weight=weight, **options)

    def counts(mask):
        own = None if weight is None else weight[mask]
        return count_features(X[mask], y[mask], whole.edges, sample_weight=own, **options)

    # an empty part among them
    added = total(counts, [part == number for number in range(5)])
    assert_same_counts(added, whole)
    n = len(y) if weight is None else weight.sum()
    for found in whole.values():
        assert found.total.sum() == n
        assert found.n_rows == (len(y) if weight is None else (weight > 0).sum())
        if isinstance(found, NumericCounts):
            assert len(found.cells) <= n_points


@settings(max_examples=40, deadline=None)
@given(rows())
def test_whole_weights_are_repetitions_and_no_weight_is_no_row(data):
    X, y, weight, part = data
    weight = part if weight is None else weight.astype(int)
    weighted = count_features(X, y, sample_weight=weight)
    times = np.repeat(np.arange(len(y)), weight)
    repeated = count_features(X.iloc[times], y[times], weighted.edges)
    for name, found in weighted.items():
        assert (found.cells == repeated[name].cells).all()
        assert (found.missing == repeated[name].missing).all()
    present = weight > 0
    absent = count_features(X[present], y[present], sample_weight=weight[present])
    assert_same_counts(weighted, absent)


@settings(max_examples=40, deadline=None)
@given(st.lists(NUMBER, min_size=1, max_size=60), st.integers(2, 8), st.floats(-10, 10))
def test_an_edge_stays_or_moves_to_where_the_counts_know_both_sides(values, n_points, at):
    column = np.array(values)
    found = counts_of(column, np.zeros(len(column), dtype=int), n_points=n_points)
    cell, edge = found.boundary(at)
    assert found.cells[:cell].sum() == (column < edge).sum()
    known = np.sort(column[np.isfinite(column)])
    if edge == -np.inf:  # no edge to move to
        assert len(found.edges) == 0
        assert np.nanmin(column) < at <= np.nanmax(column)
    elif edge != at:
        # values on both sides, in one cell with no edge nearer
        assert edge in found.edges
        assert abs(edge - at) == np.abs(found.edges - at).min()
        low, high = np.searchsorted(known, at, side="left"), np.searchsorted(known, edge)
        assert low != high


def test_values_that_must_be_edges_are_edges():
    values = np.linspace(0, 1000, 5001)
    wanted = [-5.5, 3.14159, 500.0, 2000.0]
    found = counts_of(values, np.arange(5001) % 2, boundaries={"x": wanted}, n_points=50)
    assert set(wanted) < set(found.edges)
    assert len(found.edges) == 49 + 3  # 500 is one of its own
    assert found.cells.sum() == 5001


def shortest(low, high):
    """The coarsest place at which a decimal is in (low, high], by exact arithmetic."""
    start = int(np.log10(max(abs(low), abs(high)))) + 2
    for place in range(start, -320, -1):
        unit = Fraction(10) ** place
        times = Fraction(high) // unit
        for k in (times + 1, times):
            if low < float(k * unit) <= high:
                return place
    raise AssertionError


def has_place(value, place):
    unit = Fraction(10) ** place
    times = Fraction(value) // unit
    return value in (float(times * unit), float((times + 1) * unit))


@settings(max_examples=100, deadline=None)
@given(
    st.one_of(st.floats(-1e6, 1e6), st.floats(-1e300, 1e300), st.floats(0, 1e-290)),
    st.one_of(st.integers(1, 60).map(lambda k: 2.0**-k), st.integers(0, 10_000).map(float)),
)
def test_edges_are_round_numbers(low, gap):
    assert_is_round(low, low + gap * max(abs(low), 1e-300))


# just below a decimal and on one: times a power of ten, both end on the other side
@pytest.mark.parametrize(("low", "high"), [(0.9294338961, 0.9299999999999999), (1.25292, 1.253)])
def test_edges_are_round_numbers_beside_a_decimal(low, high):
    assert_is_round(low, high)


def assert_is_round(low, high):
    (found,) = _roundest(np.array([low]), np.array([high]))
    if high == low or not np.isfinite(high):
        assert found == high
    else:
        assert low < found <= high
        if high - low > 1e-20 and abs(high) < 1e20:  # powers of ten that are floats
            assert has_place(found, shortest(low, high))


def test_edges_of_many_values_read_well():
    incomes = np.random.default_rng(0).lognormal(8, 1, 20_000)
    edges = counts_of(incomes, np.arange(20_000) % 2, n_points=200).edges
    assert len(edges) == 199
    assert np.median([len(f"{edge:g}") for edge in edges]) <= 4
    # still about equal numbers between them
    cells = np.diff(np.searchsorted(np.sort(incomes), edges))
    assert 40 < cells.min() <= cells.max() < 160


def test_counts_of_different_kinds_or_edges_do_not_add():
    def of(**columns):
        return count_features(pd.DataFrame(columns), [0, 1, 0])

    a = of(x=[1.0, 2, 3])
    with pytest.raises(ValueError, match="feature x: counts add up on equal edges only"):
        a + of(x=[1.0, 2, 4])
    with pytest.raises(ValueError, match=r"feature x: .*NumericCounts.*CategoryCounts"):
        a + of(x=["1", "2", "3"])
    with pytest.raises(ValueError, match=r"equal features only, got \['x'\] and \['z'\]"):
        a + of(z=[1.0, 2, 3])
    other = count_features(pd.DataFrame({"x": [1.0, 2, 3]}), [0, 1, 0], special_codes={"x": [9]})
    with pytest.raises(ValueError, match=r"equal special codes only, got \(\) and \(9.0,\)"):
        a + other
    with pytest.raises(ValueError, match="edges must be ascending without repeats"):
        count_features(pd.DataFrame({"x": [1.0]}), [0], {"x": np.array([2.0, 1.0])})


def test_a_special_code_is_a_number_named_once():
    found = counts_of(
        [-9.0, 0, 1, 2, -9, 0], [1, 0, 1, 0, 0, 1], special_codes={"x": [-9, 0.0, -9.0, -0.0]}
    )
    assert found.special_codes == (-9, 0)
    assert found.special.tolist() == [[1, 1], [1, 1]]
    with pytest.raises(ValueError, match="special_codes of x: NaN is missing, no special code"):
        counts_of([1.0, 2], [0, 1], special_codes={"x": [-9, np.nan]})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"y": [0, 2]}, "y must be 1"),
        ({"y": [0, np.nan]}, "y must be 1"),
        ({"y": pd.array([0, None], dtype="Int64")}, "y must be 1"),
        ({"y": [0]}, "y must have 2 rows like X, got 1"),
        (
            {"y": [0, 1], "sample_weight": [1, -1]},
            "sample_weight must be finite and >= 0, got -1 in 1",
        ),
        (
            {"y": [0, 1], "sample_weight": [1, np.nan]},
            "sample_weight must be finite and >= 0, got nan",
        ),
        (
            {"y": [0, 1], "sample_weight": [1, np.inf]},
            "sample_weight must be finite and >= 0, got inf",
        ),
        ({"y": [0, 1], "sample_weight": [1]}, "sample_weight must have 2 rows"),
    ],
)
def test_labels_and_weights_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        count_features(pd.DataFrame({"x": [1.0, 2.0]}), **options)


# -- named columns and Tables ----------------------------------------------------------------------


def applications():
    """Borrowers with ids, labels of which some are missing, and weights."""
    frame = BORROWERS.iloc[:3000].assign(bad=LABELS[:3000].astype(float), weight=1.0)
    frame.insert(0, "application_id", np.arange(3000) + 10_000)
    frame["flag"] = pd.Series(np.where(frame["inquiries"] > 2, True, None), dtype=object)
    frame["job"] = frame["job"].astype(object)
    frame["never"] = np.nan
    # the first block has no weight, no flag, no job, and a part of no label
    frame.loc[:99, ["weight", "flag", "job"]] = [0.0, None, None]
    frame.loc[frame.index % 7 == 0, "bad"] = np.nan
    return frame


FEATURES = ["inquiries", "income", "job", "noise", "flag", "never"]


def test_named_label_and_weight_are_columns_that_are_no_features():
    frame = applications().drop(columns="application_id")
    found = count_features(frame, "bad", sample_weight="weight")
    known = frame["bad"].notna()
    expected = count_features(
        frame.loc[known, FEATURES], frame.loc[known, "bad"],
        sample_weight=frame.loc[known, "weight"],
    )  # fmt: skip
    assert_same_counts(found, expected)
    only = count_features(frame, "bad", features=["income", "job"])
    assert list(only) == ["income", "job"]


@pytest.fixture
def small_blocks(monkeypatch):
    """Tables in blocks of a hundred rows, edges from a sample of a thousand."""
    monkeypatch.setattr("riskkit.tables.table.BLOCK_ROWS", 100)
    monkeypatch.setattr(binning.counts, "_SAMPLE_ROWS", 1000)


@pytest.mark.usefixtures("small_blocks")
def test_a_table_is_counted_as_its_frame_on_edges_of_its_sample():
    frame = applications()
    table = tables.Table(frame)
    options = {"special_codes": {"inquiries": [-9]}, "n_points": 60}
    found = count_features(
        table, "bad", sample_weight="weight", boundaries={"income": [4321.5]}, **options
    )
    sample = table.sample(1000)
    assert len(sample) == 1000
    edges = count_features(
        sample, "bad", sample_weight="weight", features=FEATURES,
        boundaries={"income": [4321.5]}, **options,
    ).edges  # fmt: skip
    expected = count_features(
        frame, "bad", edges, sample_weight="weight", features=FEATURES, **options
    )
    assert_same_counts(found, expected)
    assert 4321.5 in found["income"].edges
    assert found["flag"].is_boolean
    assert isinstance(found["never"], NumericCounts)
    assert found["income"].n_rows == (frame["bad"].notna() & (frame["weight"] > 0)).sum()


class Picklers(Executor):
    """What processes do to a task: it is pickled, and so is its result."""

    def submit(self, fn, /, *args, **kwargs):
        done = Future()
        again, values = pickle.loads(pickle.dumps((fn, args)))
        done.set_result(pickle.loads(pickle.dumps(again(*values, **kwargs))))
        return done


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("features", [FEATURES, ["job"]])
def test_order_parts_blocks_and_executor_change_no_count(tmp_path, monkeypatch, features):
    frame = applications()
    options = {"features": features, "n_points": 60, "sample_weight": "weight"}
    expected = count_features(tables.Table(frame), "bad", **options)
    # parquet knows what is true, and wants to know what is text
    shuffled = frame.drop(columns="flag").astype({"job": "str"}).sample(frac=1, random_state=3)
    for number, part in enumerate(np.array_split(np.arange(3000), [1, 1, 1200])):
        schema.write_table(shuffled.iloc[part], tables.part_path(tmp_path, number))
    table = tables.Table(tmp_path)
    with ThreadPoolExecutor(2) as threads:
        for rows_of_a_block, executor in ((37, threads), (1500, None), (700, Picklers())):
            monkeypatch.setattr("riskkit.tables.table.BLOCK_ROWS", rows_of_a_block)
            found = count_features(
                table, "bad", **options | {"features": [n for n in features if n != "flag"]},
                executor=executor,
            )  # fmt: skip
            for name, counts in found.items():
                assert_same_counts({name: counts}, {name: expected[name]})


def test_a_table_needs_the_names_of_label_and_weight():
    table = tables.Table(applications())
    with pytest.raises(TypeError, match="label and weight of a Table are named by their columns"):
        count_features(table, LABELS[:3000])
    with pytest.raises(TypeError, match="label and weight of a Table"):
        count_features(table, "bad", sample_weight=LABELS[:3000])
    ids = applications().astype({"application_id": "str"})
    with pytest.raises(TypeError, match="feature application_id: each of 2,571 rows"):
        count_features(tables.Table(ids), "bad", features=["income", "application_id"])

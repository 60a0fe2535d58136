"""A sample that no order, division or place changes."""

import tempfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from stored_tables import KINDS, stored

from riskkit import tables
from riskkit.checks import DataContractError
from riskkit.tables import Table, hash_ids
from riskkit.tables.sample import hash_limit


def test_ids_hash_as_they_always_did():
    # SipHash by pandas.util.hash_array; a sample drawn today is drawn in ten years
    ids = ["A-17", "17", "顾客", ""]
    expected = [
        12574020718715503928,
        1568588710791152757,
        10134842610205466680,
        1760245841805064774,
    ]
    assert hash_ids(ids).tolist() == expected


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=20))
def test_ids_hash_alike_however_they_are_stored(numbers):
    ids = pd.Series(numbers, dtype="int64")
    text = ids.astype("str")
    expected = hash_ids(text)
    for dtype in ("int32", "float64", "Int64", "object", "category", "int64[pyarrow]"):
        np.testing.assert_array_equal(hash_ids(ids.astype(dtype)), expected)
    for dtype in ("object", "category", "string", "string[pyarrow]"):
        np.testing.assert_array_equal(hash_ids(text.astype(dtype)), expected)
    arrow = text.astype(pd.ArrowDtype(pa.large_string()))
    np.testing.assert_array_equal(hash_ids(arrow), expected)
    np.testing.assert_array_equal(hash_ids(numbers) if numbers else expected, expected)


@settings(max_examples=60, deadline=None)
@given(
    hashes=st.lists(st.lists(st.integers(0, 30), max_size=9), max_size=6),
    n=st.integers(1, 12),
)
def test_the_limit_leaves_whole_ids_and_no_more_than_n_rows(hashes, n):
    blocks = [np.array(block, dtype=np.uint64) for block in hashes]
    limit = hash_limit(iter(blocks), n)
    ordered = sorted(value for block in hashes for value in block)
    if len(ordered) <= n:
        assert limit is None
    else:
        assert limit == ordered[n]


@settings(max_examples=12, deadline=None)
@given(
    order=st.permutations(range(24)),
    cuts=st.lists(st.integers(0, 24), max_size=3),
    n=st.integers(1, 30),
    block_bytes=st.integers(1, 1000),
)
def test_a_sample_is_the_same_for_any_order_division_and_place(order, cuts, n, block_bytes):
    ids = pd.Series([f"{i:03d}" for i in range(24)])
    frame = pd.DataFrame({"application_id": ids, "x": np.arange(24) / 2})
    chosen = frame[np.argsort(np.argsort(hash_ids(ids))) < n]
    shuffled = frame.iloc[order]
    expected = shuffled[shuffled["x"].isin(chosen["x"])].reset_index(drop=True)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables.table, "BLOCK_BYTES", block_bytes)
        for kind in KINDS:
            table = stored(kind, shuffled, folder, cuts)
            assert_frame_equal(table.sample(n), expected)
            assert_frame_equal(table.sample(n, ["x"]), expected[["x"]])
        for dtype in ("category", "object", "int32", "int64", "string[pyarrow]"):
            # zeros in front make other ids of the numbers: give both none
            plain = shuffled["application_id"].astype("int64")
            texts = shuffled.assign(application_id=plain.astype("str"))
            other = shuffled.assign(application_id=plain.astype(dtype))
            assert_frame_equal(Table(other).sample(n, ["x"]), Table(texts).sample(n, ["x"]))


def test_all_rows_of_an_id_are_in_the_sample_or_none(tmp_path):
    rng = np.random.default_rng(0)
    ids = pd.Series(rng.integers(0, 50, 400)).astype("str")
    frame = pd.DataFrame({"loan_id": ids, "x": range(400)})
    sample = Table(frame).sample(100, by="loan_id")
    assert 80 < len(sample) <= 100
    rows_of = ids.value_counts()
    assert all(n == rows_of[name] for name, n in sample["loan_id"].value_counts().items())
    again = Table(frame.iloc[rng.permutation(400)]).sample(100, by="loan_id")
    assert sorted(again["x"]) == sorted(sample["x"])
    with pytest.raises(ValueError, match="no sample of 10 rows: one loan_id alone has more"):
        Table(frame.assign(loan_id="a")).sample(10, by="loan_id")


def test_a_sample_needs_its_ids():
    mob = [0, 1, 2, 0, 0, 1]
    book = pd.DataFrame({"loan_id": list("aaabcc"), "mob": mob})
    table = Table(book.assign(loan_id=book["loan_id"].where(book["mob"] > 0)))
    with pytest.raises(DataContractError, match="loan_id: missing in 3 of 6 rows"):
        table.sample(3, by="loan_id")
    with pytest.raises(DataContractError, match="missing columns application_id; present: loan_id"):
        table.sample(3)
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        table.sample(0, by="mob")
    with pytest.raises(ValueError, match="ids must not be missing, 1 of 2 are"):
        hash_ids(["a", None])

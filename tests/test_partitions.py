"""Sums over blocks."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from riskkit.partitions import add_counts, total


def count(block):
    return block.groupby("key", dropna=False)[["n"]].sum()


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    return pd.DataFrame({"key": rng.choice([1.0, 2.0, np.nan], 200), "n": rng.integers(0, 9, 200)})


@pytest.mark.parametrize("n_blocks", [1, 2, 7, 50])
def test_any_partition_gives_the_counts_of_the_whole(rows, n_blocks):
    blocks = np.array_split(np.arange(len(rows)), n_blocks)
    frames = [rows.iloc[block] for block in blocks]
    pd.testing.assert_frame_equal(total(count, frames), count(rows))
    with ThreadPoolExecutor(2) as pool:
        pd.testing.assert_frame_equal(total(count, frames, pool), count(rows))


def test_blocks_are_not_all_read_at_once(rows):
    read = []

    def blocks():
        for number in range(50):
            read.append(number)
            yield rows

    seen = []

    def watch(block):
        seen.append(len(read) - len(seen))
        return count(block)

    with ThreadPoolExecutor(1) as pool:
        total(watch, blocks(), pool)
    assert max(seen) < 10


def test_no_block_and_unequal_columns_are_refused(rows):
    with pytest.raises(ValueError, match="at least one block"):
        total(count, [])
    with pytest.raises(ValueError, match="the same columns"):
        add_counts(count(rows), count(rows).assign(more=1))

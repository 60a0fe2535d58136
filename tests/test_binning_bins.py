"""The bins of one feature: WoE and IV by hand, the course, edges and labels."""

import numpy as np
import pandas as pd
import pytest
from binning_rows import bins_of, borrowers

from riskkit.binning import FeatureBins, WoeBinner


def test_woe_and_iv_of_the_textbook_bins():
    # the design's vector: goods (200, 300, 500), bads (40, 20, 10)
    bins = bins_of([200, 300, 500], [40, 20, 10])
    assert bins.woe[:3] == pytest.approx([-1.049822, 0.048790, 1.252763], abs=1e-6)
    assert bins.iv == pytest.approx(0.838046, abs=1e-6)
    table = bins.table()
    assert table["iv"].sum() == pytest.approx(bins.iv)
    assert table["share"].tolist() == pytest.approx([240 / 1070, 320 / 1070, 510 / 1070, 0])
    assert table["bad_rate"].tolist()[:3] == pytest.approx([40 / 240, 20 / 320, 10 / 510])


def test_pure_bin_is_smoothed_by_half_a_count_totals_unchanged():
    bins = bins_of([100, 50], [10, 0])
    assert bins.adjusted.tolist() == [False, True, False]
    assert bins.woe[1] == pytest.approx(np.log((50.5 / 150) / (0.5 / 10)))
    # IV sums the unadjusted difference of shares times that WoE
    assert bins.iv_parts[1] == pytest.approx((50 / 150 - 0) * bins.woe[1])
    assert np.isfinite(bins.woe).all()


@pytest.mark.parametrize(
    ("bads", "trend"),
    [
        ([10, 20, 30], "ascending"),
        ([30, 20, 10], "descending"),
        ([10, 30, 20], "peak"),
        ([20, 10, 30], "valley"),
        ([10, 30, 20, 40], "mixed"),
        ([20, 20, 20], "flat"),
        ([10, 20, 20], "ascending"),
    ],
)
def test_the_course_of_the_bad_rate(bads, trend):
    goods = [100 - bad for bad in bads]
    assert bins_of(goods, bads).trend == trend
    levels = tuple((f"{k}",) for k in range(len(bads)))
    assert bins_of(goods, bads, groups=levels).trend == "unordered"


def test_bins_are_closed_below_open_above():
    bins = bins_of([1, 1, 1], [1, 1, 1], (1, 1))
    values = pd.Series([0.999, 1.0, 1.999, 2.0, -np.inf, np.inf, -0.0, np.nan])
    assert bins.assign(values).tolist() == [0, 1, 1, 2, 0, 2, 0, 3]
    assert bins.labels == ["< 1", "[1, 2)", "≥ 2", "missing"]
    assert bins.table()[["low", "high"]].iloc[1].tolist() == [1, 2]


def test_labels_tell_every_bin_apart():
    codes, edges = (9999998.0, 9999999.0, 0.1), np.array([1.0, np.nextafter(1, 2)])
    bins = FeatureBins("x", edges, None, codes, np.ones((7, 2)))
    assert bins.labels == [
        "< 1.0", "[1.0, 1.0000000000000002)", "≥ 1.0000000000000002", "special 9999998",
        "special 9999999", "special 0.1", "missing",
    ]  # fmt: skip
    levels = tuple("abcdefgh")
    assert bins_of([1], [1], groups=(levels,)).labels == ["a, b, c, d, e, f and 2 more", "missing"]


@pytest.mark.parametrize("name", ["inquiries", "income", "job"])
def test_one_value_has_the_place_of_a_row_of_many(name):
    X, y = borrowers()
    bins = WoeBinner(special_codes={"inquiries": [-9.0]}).fit(X, y).bins_[name]
    column = X[name].head(500)
    if name == "job":
        odd = ["unseen", None, np.nan, "clerk"]
    else:
        edges = bins.edges.tolist()
        odd = [np.nan, np.inf, -np.inf, -9.0, -0.0, *edges, *np.nextafter(edges, -np.inf)]
    column = pd.concat([column, pd.Series(odd, dtype=column.dtype)], ignore_index=True)
    assert [bins.place(value) for value in column.tolist()] == bins.assign(column).tolist()


@pytest.mark.parametrize("n_edges", [0, 1, 7, 40, 300])
@pytest.mark.parametrize("n_rows", [1, 20_001, 140_000])
def test_every_row_of_many_has_the_entry_of_its_bin(n_edges, n_rows):
    """Whether two rows are looked up at once or one, in one block or several."""
    rng = np.random.default_rng(n_rows + n_edges)
    edges = np.sort(rng.normal(size=n_edges))
    bins = FeatureBins("x", edges, None, (-9.0, np.inf), np.ones((n_edges + 4, 2)))
    values = rng.choice([*edges, *rng.normal(size=50), -9.0, np.nan, np.inf, -np.inf], n_rows)
    place = np.searchsorted(edges, values, side="right")
    place[values == -9], place[values == np.inf], place[np.isnan(values)] = n_edges + np.arange(
        1, 4
    )
    for entries in (rng.normal(size=n_edges + 5), np.arange(n_edges + 5, dtype=np.int16)):
        expected = entries[place]
        assert bins.look_up(pd.Series(values), entries).tolist() == expected.tolist()
        apart = np.empty((n_rows, 2), dtype=entries.dtype)[:, 0]
        assert bins.look_up(pd.Series(values), entries, apart) is apart
        assert apart.tolist() == expected.tolist()

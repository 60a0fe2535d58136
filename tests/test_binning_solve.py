"""The best cuts: against every partition there is, against optbinning, and under each limit."""

import itertools

import numpy as np
import pandas as pd
import pytest
from binning_rows import borrowers
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from riskkit.binning import WoeBinner, count_features
from riskkit.binning.solve import (
    Asked,
    Limits,
    best_cuts,
    cuts_of_each,
    many_cuts,
    why_one_bin,
)

DIRECTIONS = ("ascending", "descending", "peak", "valley", "none")
BORROWERS, LABELS = borrowers()


def bins_between(cells, cuts):
    return np.array([part.sum(axis=0) for part in np.split(cells, cuts)], dtype=float)


def iv_of(bins, total):
    shares = bins / total
    return float(((shares[:, 0] - shares[:, 1]) * np.log(shares[:, 0] / shares[:, 1])).sum())


def follows(rate, trend):
    steps = np.diff(rate) * (-1 if trend in ("descending", "valley") else 1)
    if trend in ("ascending", "descending"):
        return (steps > 0).all()
    turns = range(len(steps) + 1)
    return trend == "none" or any((steps[:k] > 0).all() and (steps[k:] < 0).all() for k in turns)


def p_value(first, second):
    """That two bins have one bad rate: χ² of the two by two table, without correction."""
    (a, b), (c, d) = first, second
    margins = (a + b) * (c + d) * (a + c) * (b + d)
    return stats.chi2.sf((a * d - b * c) ** 2 * (a + b + c + d) / margins, 1)


def holds(first, second, limits):
    """Whether two neighbours, given by period, change places or lie too close in none."""
    joined, pending = [], np.zeros((2, 2))
    for period in zip(first, second, strict=True):
        pending = pending + period
        if (pending[:, 1] >= 20).all():
            joined.append(pending)
            pending = np.zeros((2, 2))
    if not joined:
        return True
    joined[-1] = joined[-1] + pending
    both = np.sum([first, second], axis=1)
    sign = np.sign(np.diff(both[:, 1] / both.sum(axis=1))[0])
    gaps, chances = [], []
    for pair in joined:
        rate = pair[:, 1] / pair.sum(axis=1)
        gaps.append(sign * (rate[1] - rate[0]))
        pooled = pair[:, 1].sum() / pair.sum()
        error = np.sqrt(pooled * (1 - pooled) * (1 / pair.sum(axis=1)).sum())
        chances.append(stats.norm.cdf(gaps[-1] / error if error > 0 else 0.0))
    reverses = min(chances) * len(joined) <= limits.max_reversal_p_value
    return not reverses and min(gaps) >= limits.min_period_gap


def allowed(bins, limits, trend):
    pairs = list(itertools.pairwise(bins))
    if not (bins > 0).all() or any(p_value(*pair) > limits.max_p_value for pair in pairs):
        return False
    return (
        (bins > 0).all()
        and len(bins) <= limits.max_bins
        and (bins.sum(axis=1) >= limits.min_rows).all()
        and (bins[:, 1] >= limits.min_bads).all()
        and follows(bins[:, 1] / bins.sum(axis=1), trend)
    )


def every_partition(n_cells, candidates):
    for n_cuts in range(n_cells):
        yield from itertools.combinations(candidates, n_cuts)


@settings(max_examples=40, deadline=None)
@given(
    cells=st.integers(3, 40).flatmap(
        lambda most: st.lists(
            st.tuples(st.integers(0, most), st.integers(0, most)), min_size=2, max_size=8
        )
    ),
    apart=st.tuples(st.integers(0, 20), st.integers(0, 20)),
    limits=st.builds(
        Limits,
        st.integers(2, 6),
        st.integers(0, 12).map(float),
        st.integers(0, 5).map(float),
        max_p_value=st.sampled_from([1.0, 0.6, 0.3, 0.1, 0.01]),
    ),
    data=st.data(),
)
def test_no_partition_has_a_larger_iv(cells, apart, limits, data):
    cells = np.array(cells)
    total = cells.sum(axis=0) + apart
    assume((total > 0).all())
    candidates = np.arange(1, len(cells))
    if data.draw(st.booleans()):
        chosen = data.draw(st.sets(st.sampled_from(candidates.tolist()), min_size=1))
        candidates = np.array(sorted(chosen))
    every = [bins_between(cells, cuts) for cuts in every_partition(len(cells), candidates)]
    for trend in DIRECTIONS:
        cuts = best_cuts(cells, total, limits, trend, candidates)
        assert set(cuts) <= set(candidates)
        possible = [iv_of(bins, total) for bins in every if allowed(bins, limits, trend)]
        if not possible:
            assert len(cuts) == 0
            continue
        found = bins_between(cells, cuts)
        assert allowed(found, limits, trend)
        assert iv_of(found, total) == pytest.approx(max(possible), abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(
    periods=st.lists(
        st.lists(st.tuples(st.integers(1, 60), st.integers(1, 40)), min_size=6, max_size=6),
        min_size=1,
        max_size=4,
    ),
    limits=st.builds(
        Limits,
        st.just(5),
        st.just(0.0),
        st.just(0.0),
        max_p_value=st.sampled_from([1.0, 0.4]),
        max_reversal_p_value=st.sampled_from([0.0, 0.2, 0.6]),
        min_period_gap=st.sampled_from([-np.inf, 0.0, 0.02]),
    ),
)
def test_no_partition_that_holds_in_every_period_has_a_larger_iv(periods, limits):
    periods = np.array(periods)
    cells = periods.sum(axis=0)
    total = cells.sum(axis=0)
    every = list(every_partition(len(cells), range(1, len(cells))))

    def fits(cuts, trend):
        by_period = [bins_between(cells, cuts) for cells in periods]
        pairs = itertools.pairwise(zip(*by_period, strict=True))
        return allowed(bins_between(cells, cuts), limits, trend) and all(
            holds(np.array(first), np.array(second), limits) for first, second in pairs
        )

    for trend in DIRECTIONS:
        cuts = best_cuts(cells, total, limits, trend, periods=periods)
        possible = [iv_of(bins_between(cells, some), total) for some in every if fits(some, trend)]
        if possible:
            assert fits(tuple(cuts), trend)
            assert iv_of(bins_between(cells, cuts), total) == pytest.approx(
                max(possible), abs=1e-12
            )
        else:
            assert len(cuts) == 0


@pytest.mark.parametrize("n_cells", [60, 300])
def test_many_sets_of_counts_are_cut_as_each_alone(n_cells):
    rng = np.random.default_rng(3)
    rows = rng.integers(20, 60, n_cells)
    draws = rng.multivariate_hypergeometric(rows, 3 * n_cells, 12)
    cells = np.stack([rows - draws, draws], axis=2)
    total, (n_rows,) = cells[0].sum(axis=0), {rows.sum()}
    for max_p_value in (1.0, 0.3):
        limits = Limits(4, 0.05 * n_rows, 5, max_p_value=max_p_value)
        found = many_cuts(cells, total, limits, ["auto", *DIRECTIONS])
        for trend, together in found.items():
            alone = [best_cuts(one, total, limits, trend) for one in cells]
            assert [cuts.tolist() for cuts in together] == [cuts.tolist() for cuts in alone]
            # on few cells the directions leave one cut at most
            assert max(map(len, together)) >= (2 if n_cells == 300 or trend == "none" else 0)


def features_of(rng, n_rows=2_000):
    """Counts of features of several numbers of cells, with the same goods and bads in all."""
    for n_cells in (2, 5, 15, 15, 40, 64, 65, 66, 200, 200, 400):
        rows = rng.multinomial(n_rows, np.full(n_cells, 1 / n_cells))
        bads = rng.multivariate_hypergeometric(rows, n_rows // 5)
        yield np.stack([rows - bads, bads], axis=1)


@pytest.mark.parametrize("max_p_value", [1.0, 0.3])
def test_features_side_by_side_are_cut_as_each_alone(max_p_value):
    rng = np.random.default_rng(5)
    limits = Limits(5, 60, 5, max_p_value=max_p_value)
    trends = itertools.cycle(["auto", "auto", "peak", "none"])
    asked = []
    for cells, trend in zip(features_of(rng), trends, strict=False):
        periods = np.array([cells // 2, cells - cells // 2])
        inner = np.arange(1, len(cells), 2)
        asked += [
            Asked(cells, cells.sum(axis=0), limits, trend),
            Asked(cells, cells.sum(axis=0), limits, trend, candidates=inner),
            Asked(cells, cells.sum(axis=0) + np.array([3, 1]), limits, trend),
            Asked(cells, cells.sum(axis=0), limits, trend, periods=periods),
        ]
    found = cuts_of_each(asked)
    assert {len(cuts) for cuts in found} >= {1, 3, 4}
    for one, cuts in zip(asked, found, strict=True):
        alone = best_cuts(one.cells, one.total, one.limits, one.trend, one.candidates, one.periods)
        assert cuts.tolist() == alone.tolist()


@pytest.mark.parametrize("trend", ["auto", *DIRECTIONS])
def test_ranked_bad_rates_lead_where_every_pair_does(trend):
    """Where neighbours must differ, though by next to nothing, each pair is looked at."""
    rng = np.random.default_rng(6)
    any_gap = Limits(6, 60, 0)
    all_pairs = Limits(6, 60, 0, max_p_value=1 - 1e-12)
    for cells in features_of(rng):
        total = cells.sum(axis=0)
        ranked = best_cuts(cells, total, any_gap, trend)
        assert ranked.tolist() == best_cuts(cells, total, all_pairs, trend).tolist()


def test_a_thousand_cells_give_many_sets_nearly_the_same_iv():
    rng = np.random.default_rng(4)
    draws = rng.multivariate_hypergeometric(np.full(5_000, 2), 800, 50)
    cells = np.stack([2 - draws, draws], axis=2)
    total, limits = cells[0].sum(axis=0), Limits(8, 500, 5)

    def iv(one, cuts):
        shares = np.add.reduceat(one, [0, *cuts]) / total
        return ((shares[:, 0] - shares[:, 1]) * np.log(shares[:, 0] / shares[:, 1])).sum()

    thinned = many_cuts(cells, total, limits, ["none"])["none"]
    few = [iv(*pair) for pair in zip(cells, thinned, strict=True)]
    all_ = [iv(one, best_cuts(one, total, limits, "none")) for one in cells]
    assert 0.93 < np.mean(few) / np.mean(all_) < 1


def sampled(shape, n=20_000, n_cells=2000, seed=1):
    """Cells of a feature whose log-odds have a shape, and each row's cell and label."""
    rng = np.random.default_rng(seed)
    x = np.sort(rng.normal(size=n))
    y = (rng.random(n) < 1 / (1 + np.exp(-shape(x)))).astype(int)
    cell = np.arange(n) * n_cells // n
    return np.bincount(cell * 2 + y, minlength=2 * n_cells).reshape(-1, 2), cell, y


SHAPES = {
    "ascending": lambda x: -2 + 0.8 * x,
    "descending": lambda x: -2 - 0.5 * x,
    "peak": lambda x: -1.5 - 0.6 * x**2,
    "valley": lambda x: -2.5 + 0.5 * x**2,
    "none": lambda x: -2 + np.sin(3 * x),
}


@pytest.mark.parametrize("trend", SHAPES)
def test_many_cells_are_cut_as_well_as_by_others(trend):
    cells, cell, y = sampled(SHAPES[trend])
    total, limits = cells.sum(axis=0), Limits(5, 0.05 * len(y), 20)
    cuts = best_cuts(cells, total, limits, trend)
    bins = bins_between(cells, cuts)
    assert allowed(bins, limits, trend)
    # every partition of twenty cells in a hundred of them
    coarse = np.arange(100, 2000, 100)
    every = [
        bins_between(cells, chosen)
        for n_cuts in range(limits.max_bins)
        for chosen in itertools.combinations(coarse, n_cuts)
    ]
    best = max(iv_of(found, total) for found in every if allowed(found, limits, trend))
    assert iv_of(bins, total) >= best

    from optbinning import OptimalBinning

    peer = OptimalBinning(
        dtype="numerical",
        monotonic_trend=None if trend == "none" else trend,
        max_n_bins=5,
        min_bin_size=0.05,
        min_event_rate_diff=0,
    )
    peer.fit(cell, y)
    theirs = bins_between(cells, np.ceil(peer.splits).astype(int))
    assert theirs.sum() == len(y)
    assert iv_of(bins, total) >= 0.99 * iv_of(theirs, total)


@pytest.mark.parametrize("trend", [name for name in SHAPES if name != "none"])
def test_auto_takes_the_simplest_course_that_the_data_show(trend):
    cells, _, y = sampled(SHAPES[trend])
    limits = Limits(8, 0.05 * len(y), 0)
    found = best_cuts(cells, cells.sum(axis=0), limits)
    expected = best_cuts(cells, cells.sum(axis=0), limits, trend)
    assert found.tolist() == expected.tolist()
    assert len(found) >= 4


def test_auto_takes_no_course_where_the_data_have_none():
    cells, _, y = sampled(SHAPES["none"])
    limits = Limits(8, 0.05 * len(y), 0)
    cuts = best_cuts(cells, cells.sum(axis=0), limits)
    assert cuts.tolist() == best_cuts(cells, cells.sum(axis=0), limits, "none").tolist()
    rate = bins_between(cells, cuts)
    rate = rate[:, 1] / rate.sum(axis=1)
    assert not any(follows(rate, trend) for trend in DIRECTIONS[:-1])


def test_noise_in_few_rows_is_given_a_simple_course():
    simple = 0
    for seed in range(20):
        cells, _, _ = sampled(lambda x: -1 + 0.8 * x, n=400, n_cells=400, seed=seed)
        cuts = best_cuts(cells, cells.sum(axis=0), Limits(8, 20, 0))
        bins = bins_between(cells, cuts)
        simple += follows(bins[:, 1] / bins.sum(axis=1), "ascending")
    assert simple >= 18


def test_the_constraint_that_leaves_one_bin_is_named():
    cells = np.array([[50, 2], [50, 4], [50, 8]])
    total = cells.sum(axis=0)
    wide = Limits(5, 0, 0)
    for limits, trend, why in (
        (wide, "descending", "a falling bad rate"),
        (Limits(5, 0, 8.5), "auto", "8.5 bads a bin"),
        (Limits(5, 120, 0), "none", "loans enough in each bin"),
        (Limits(5, 120, 12), "none", "12 bads a bin together with loans enough in each bin"),
        (Limits(5, 0, 0, max_p_value=0.01), "auto", "neighbours that differ at p ≤ 0.01"),
        (
            Limits(5, 120, 12),
            "valley",
            "a valley of the bad rate together with 12 bads a bin and loans enough in each bin",
        ),
    ):
        assert len(best_cuts(cells, total, limits, trend)) == 0
        assert why_one_bin(cells, total, limits, trend) == why
    pure = np.array([[50, 0], [50, 4]])
    assert why_one_bin(pure, pure.sum(axis=0), wide, "auto") == ""


@pytest.mark.parametrize("trend", ["auto", "ascending", "none"])
def test_one_rate_throughout_is_one_bin_and_no_fault_of_a_trend(trend):
    # sums of parts differ by their rounding, which must not look like a course
    for seed in range(40):
        times = np.random.default_rng(seed).integers(1, 60, 7)
        cells = np.column_stack([5 * times, 2 * times])
        total = cells.sum(axis=0) + np.array([7, 13])
        limits = Limits(8, 0, 0)
        assert len(best_cuts(cells, total, limits, trend)) == 0
        assert why_one_bin(cells, total, limits, trend) == ""


def test_scaled_weights_give_the_same_bins():
    """Optbinning floors fractional weights per bin, and ignores those of categories."""
    plain = WoeBinner().fit(BORROWERS, LABELS)
    tiny = WoeBinner().fit(BORROWERS, LABELS, sample_weight=np.full(len(LABELS), 1e-4))
    assert tiny.iv.to_dict() == pytest.approx(plain.iv.to_dict())
    for name, bins in plain.bins_.items():
        assert tiny.bins_[name].groups == bins.groups
        np.testing.assert_array_equal(tiny.bins_[name].edges, bins.edges)


def test_a_weight_of_ten_is_ten_rows():
    edges = count_features(BORROWERS, LABELS).edges
    X, y = BORROWERS.iloc[:600], LABELS[:600]
    weighted = count_features(X, y, edges, sample_weight=np.full(600, 10))
    repeated = count_features(X.loc[X.index.repeat(10)], np.repeat(y, 10), edges)
    ten, rows = WoeBinner().fit_counts(weighted), WoeBinner().fit_counts(repeated)
    for name, bins in rows.bins_.items():
        assert ten.bins_[name].groups == bins.groups
        np.testing.assert_array_equal(ten.bins_[name].edges, bins.edges)
        np.testing.assert_array_equal(ten.bins_[name].counts, bins.counts)
    stated = WoeBinner(trend="none").fit(X[["income"]], y)
    scaled = WoeBinner(trend="none").fit(X[["income"]], y, sample_weight=np.full(600, 10))
    assert scaled.edges["income"].tolist() == stated.edges["income"].tolist()


def test_limits_are_met_to_the_rounding_of_weights():
    # a tenth is no float: ten bins of a tenth of the rows must all be large enough
    X = pd.DataFrame({"x": np.repeat(np.arange(10.0), 30)})
    y = np.concatenate([np.arange(30) <= k for k in range(10)]).astype(int)
    binner = WoeBinner(max_bins=10, min_bin_size=0.1, trend="ascending")
    for weight in (0.1, 1 / 3, 1e-7):
        found = binner.fit(X, y, sample_weight=np.full(300, weight)).bins_["x"]
        assert found.n_bins == 10

"""Optbinning beside ours: equal where limits agree, a tested reason where not, and taken over."""

import ast
import json
import sys
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from binning_rows import SPECIAL, borrowers
from IPython.display import Markdown
from optbinning import (
    BinningProcess,
    ContinuousOptimalBinning,
    MulticlassOptimalBinning,
    OptimalBinning,
    OptimalPWBinning,
)
from sklearn.base import clone

from riskkit import binning, plots
from riskkit.binning import WoeBinner, count_features, second_opinion
from riskkit.binning.optbinning import PeerCuts, peer_cuts
from riskkit.binning.solve import Limits

# this file of optbinning writes a text into a column of floats when it prints a table; the same
# warning from anywhere else is an error
pytestmark = pytest.mark.filterwarnings(
    "ignore:Setting an item of incompatible dtype::optbinning.binning.binning_statistics"
)
BORROWERS, LABELS = borrowers()
PROJECT = Path(__file__).parents[1]
EMPIRICAL = {"metric": "woe", "metric_special": "empirical", "metric_missing": "empirical"}


def opinion_of(values, y, **settings):
    """One feature's row of the table."""
    weight = settings.pop("sample_weight", None)
    binner = WoeBinner(**settings).fit(pd.DataFrame({"x": values}), y, sample_weight=weight)
    return second_opinion(binner, ["x"]).loc["x"]


def steps(bads, n=200):
    """A value of each rate, with n rows: its number of bads."""
    values = np.repeat(np.arange(float(len(bads))), n)
    y = np.concatenate([np.arange(n) < bad for bad in bads]).astype(int)
    return values, y


# -- side by side ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bads", [[40, 60, 80, 100], [100, 60, 80, 20], [20, 40, 90, 60, 30], [90, 50, 20, 40, 80]]
)
@pytest.mark.parametrize("trend", ["none", "auto"])
def test_small_problems_have_the_same_bins(bads, trend):
    found = opinion_of(*steps(bads), trend=trend)
    assert found["why"] == "the same bins"
    assert found["cuts"] == found["their_cuts"]
    assert found["share"] == pytest.approx(1, abs=1e-12)
    assert found["n_bins"] == found["their_n_bins"] >= (len(bads) if trend == "none" else 3)
    assert found["trend"] == found["their_trend"]


@pytest.mark.parametrize("weight", [None, 1e-4, 0.3])
def test_levels_and_specials_have_the_same_bins_under_any_weight(weight):
    """Optbinning floors fractional weights per bin, and ignores those of categories."""
    names = ["inquiries", "job"]
    given = None if weight is None else np.full(len(LABELS), weight)
    X = BORROWERS[names].assign(job=BORROWERS["job"].replace("rare", "farmer"))
    binner = WoeBinner(special_codes=SPECIAL).fit(X, LABELS, sample_weight=given)
    table = second_opinion(binner, names)
    assert table.index.tolist() == names
    assert set(table["why"]) == {"the same bins"}
    assert table["their_iv"].to_numpy() == pytest.approx(binner.iv[names].to_numpy())


def test_weights_decide_the_order_of_levels():
    """By rows a is the safest level, by weight the riskiest."""
    levels = np.repeat(["a", "b", "c"], 300)
    y = np.concatenate([np.arange(300) < bads for bads in (30, 60, 90)]).astype(int)
    weight = np.where((levels == "a") & (y == 1), 20.0, 1.0)
    found = opinion_of(levels, y, sample_weight=weight)
    assert found["why"] == "the same bins"
    assert found["their_cuts"] == "b | c | a"
    assert found["their_iv"] > 0.3


def test_counts_are_cut_where_optbinning_cuts_the_rows():
    income = BORROWERS["income"].round(-2)
    counts = count_features(pd.DataFrame({"x": income}), LABELS)["x"]
    filled = np.flatnonzero(counts.cells.sum(axis=1))
    limits = Limits(8, 0.05 * len(LABELS), 40)
    for trend in ("auto", "descending", "none"):
        found = peer_cuts(counts.cells[filled], counts.total, limits, 0.05, trend)
        peer = OptimalBinning(
            max_n_bins=8,
            min_bin_size=0.05,
            min_bin_n_event=40,
            monotonic_trend=None if trend == "none" else trend,
        ).fit(income.to_numpy(), LABELS)
        assert found.status == peer.status == "OPTIMAL"
        values = counts.lowest[filled]
        assert len(found.cuts) >= 3
        assert set(found.cuts) <= set(found.prebins)
        assert len(found.prebins) + 1 == peer._n_prebins
        assert np.searchsorted(values, peer.splits).tolist() == found.cuts.tolist()


def test_their_bins_are_of_our_counts_and_within_the_limits():
    binner = WoeBinner(special_codes=SPECIAL, max_bins=5, min_bads=60).fit(BORROWERS, LABELS)
    table = second_opinion(binner, ["income", "noise"])
    for name, row in table.iterrows():
        edges = [] if row["their_cuts"] == "none" else map(float, row["their_cuts"].split(", "))
        theirs = binner.set_edges(name, list(edges)).bins_[name]
        assert row["their_iv"] == pytest.approx(theirs.iv)
        assert row["their_n_bins"] == theirs.n_bins <= 5
        assert theirs.n_bins == 1 or theirs.counts[: theirs.n_bins, 1].min() >= 60
        assert row["share"] == pytest.approx(binner.bins_[name].iv / theirs.iv)


# -- why -------------------------------------------------------------------------------------------


def test_a_course_that_auto_refuses_is_named_with_what_it_asks():
    values, y = steps([20, 30, 40, 36], n=300)
    found = opinion_of(values, y)
    assert (found["trend"], found["their_trend"]) == ("ascending", "peak")
    gain = found["their_iv"] - found["iv"]
    asked = 6 * (1 / y.sum() + 1 / (1 - y).sum())
    assert 0 < gain < asked
    assert found["why"] == (
        f"the course: ours ascending, theirs peak; its turn gains an IV of {gain:.4f}, and 'auto' "
        f"asks for {asked:.4f}, as chance may give as much; bound to theirs, we have the same bins"
    )


def test_cuts_their_pre_binning_lacks_are_named():
    found = opinion_of(BORROWERS["income"], LABELS)
    assert found["trend"] == found["their_trend"] == "descending"
    cuts, theirs = (found[name].split(", ") for name in ("cuts", "their_cuts"))
    text, bound = found["why"].split("; ", 1)
    n_cuts, lacking = text.removeprefix("their pre-binning: ").split(" cuts, without ours at ")
    assert len(theirs) <= int(n_cuts) < 20
    assert set(lacking.split(", ")) <= set(cuts) - set(theirs)
    assert bound == "bound to theirs, we have the same bins"
    # which is so: ours, bound to the pre-bins' cuts that theirs are among
    binner = WoeBinner(candidate_edges={"x": [float(edge) for edge in theirs]})
    binner.fit(pd.DataFrame({"x": BORROWERS["income"]}), LABELS)
    assert binner.bins_["x"].iv == pytest.approx(found["their_iv"], rel=1e-3)


def test_our_search_is_named_where_their_cuts_tell_more(monkeypatch):
    from riskkit.binning import choose

    # a search that sees every other value alone
    cuts = np.array([1], dtype=np.intp)
    monkeypatch.setattr(choose, "cuts_of_each", lambda asked: [cuts] * len(asked))
    found = opinion_of(*steps([40, 60, 80, 100]))
    assert found["share"] < 0.9
    assert found["why"].startswith("our search: it looks at some sixty cells of equal weight first")
    assert found["why"].endswith(f"an IV of {found['their_iv']:.4f}")


def test_decisions_by_hand_and_given_edges_are_named():
    values, y = steps([40, 60, 80, 100])
    X = pd.DataFrame({"x": values})
    binner = WoeBinner().fit(X, y).merge_bins("x", 0, 1, by="me", reason="alike")
    assert second_opinion(binner, ["x"]).at["x", "why"] == (
        "ours were decided by hand (merge_bins); without that, the same bins"
    )
    for name, words in (
        ("fixed_edges", "ours are the fixed_edges"),
        ("candidate_edges", "ours begin at candidate_edges alone"),
    ):
        binner = WoeBinner(**{name: {"x": [2.0]}}).fit(X, y)
        assert binner.bins_["x"].n_bins == 2
        why = second_opinion(binner, ["x"]).at["x", "why"]
        assert why == f"{words}; without that, the same bins"


def test_neighbours_that_must_differ_must_do_so_in_theirs():
    values, y = steps([40, 44, 80, 85, 100])
    levels = np.array(list("abcde"))[values.astype(int)]
    for x in (values, levels):
        free, bound = opinion_of(x, y), opinion_of(x, y, max_p_value=0.01)
        assert free["why"] == bound["why"] == "the same bins"
        assert bound["their_n_bins"] < free["their_n_bins"]
        # a test of weights is ours alone
        weighted = opinion_of(x, y, max_p_value=0.01, sample_weight=np.full(len(y), 0.5))
        assert weighted["their_n_bins"] == free["their_n_bins"]
        assert weighted["why"] == (
            "ours have neighbours that differ at p ≤ 0.01, judged by weight; "
            "without that, the same bins"
        )


def test_an_order_kept_in_every_period_is_named():
    early, y_early = steps([20, 100, 60], n=400)
    late, y_late = steps([20, 60, 110], n=400)
    X, y = pd.DataFrame({"x": np.append(early, late)}), np.append(y_early, y_late)
    binner = WoeBinner().fit(X, y, stable_over=np.repeat(["2023Q1", "2023Q2"], len(early)))
    assert binner.bins_["x"].n_bins == 2
    assert second_opinion(binner, ["x"]).at["x", "why"] == (
        "ours keep their order in every period (stable_over); without that, the same bins"
    )


def test_the_least_size_is_of_all_rows_the_missing_among_them():
    values, y = steps([20, 40, 60, 80], n=200)
    x = np.append(values, np.full(1600, np.nan))
    y = np.append(y, np.arange(1600) % 4 == 0)
    found = opinion_of(x, y, min_bin_size=0.15)  # 360 of 2,400 rows: two values at least
    assert found["n_bins"] == found["their_n_bins"] == 2
    assert found["why"] == "the same bins"


def test_a_turn_that_gains_nothing_is_no_question_of_chance(monkeypatch):
    turned = PeerCuts(np.array([2, 3]), np.array([1, 2, 3]), "OPTIMAL")
    monkeypatch.setattr(sys.modules[second_opinion.__module__], "peer_cuts", lambda *_: turned)
    why = opinion_of(*steps([40, 60, 80, 78]), max_bins=3)["why"]
    assert why.startswith("the course: ours ascending, theirs peak, both allowed by 'auto'; bound")


def test_rare_levels_are_named():
    levels = np.repeat(["a", "b", "c", "few", "fewer"], [600, 600, 600, 15, 12])
    rng = np.random.default_rng(1)
    rates = {"a": 0.1, "b": 0.2, "c": 0.4, "few": 0.15, "fewer": 0.5}
    y = (rng.random(len(levels)) < pd.Series(levels).map(rates)).astype(int).to_numpy()
    why = opinion_of(levels, y)["why"]
    assert why.startswith("rare levels, which stand together in ours: few")
    assert "; the others are parted alike" in why


def test_an_order_of_levels_by_few_rows_is_named():
    """Drawn towards the average, a small level may change places with a large one."""
    rng = np.random.default_rng(43)
    n_levels = rng.integers(5, 14)
    sizes, rates = rng.integers(25, 400, n_levels), rng.uniform(0.03, 0.5, n_levels)
    levels = np.repeat([f"l{i}" for i in range(n_levels)], sizes)
    y = (rng.random(len(levels)) < np.repeat(rates, sizes)).astype(int)
    found = opinion_of(levels, y, max_bins=int(rng.integers(2, 7)))
    assert found["cuts"] != found["their_cuts"]
    assert found["why"] == (
        "the order of levels: in ours, rates of few rows are drawn towards the average; "
        "in their order, we have the same bins"
    )


def test_missing_values_among_the_riskiest_are_told_apart():
    values, y = steps([20, 30, 40, 36], n=300)
    X = np.append(values, np.full(300, np.nan))
    found = opinion_of(X, np.append(y, np.arange(300) < 25), missing="riskiest")
    assert found["why"].startswith(
        "with special codes and missing values apart, as both solvers see them; "
    )
    binner = WoeBinner(missing="riskiest", trend="peak")
    binner.fit(pd.DataFrame({"x": X}), np.append(y, np.arange(300) < 25))
    found = second_opinion(binner, ["x"]).loc["x"]
    assert found["why"] == "the same bins"
    assert found["iv"] == found["their_iv"] == binner.bins_["x"].iv


def test_a_feature_that_neither_can_split_is_one_bin_to_both():
    values, y = steps([40, 60, 80, 100])
    for x, settings in (
        (values, {"trend": "descending", "infeasible": "one_bin"}),
        (np.ones(len(y)), {}),
        (np.full(len(y), np.nan), {}),
        (np.full(len(y), "a"), {}),
    ):
        found = opinion_of(x, y, **settings)
        assert found["n_bins"] == found["their_n_bins"] == 1
        assert found["why"] == "the same bins"
        assert np.isnan(found["share"])
        assert found["cuts"] == found["their_cuts"]


def test_pre_bins_without_bads_are_merged_as_optbinning_does():
    rng = np.random.default_rng(4)
    for _ in range(30):
        values, y = steps(rng.integers(0, 4, 14) ** 2, n=40)
        counts = count_features(pd.DataFrame({"x": values}), y)["x"]
        found = peer_cuts(counts.cells, counts.total, Limits(8, 28, 0), 0.05, "none")
        peer = OptimalBinning(min_bin_size=0.05, max_n_bins=8, monotonic_trend=None).fit(values, y)
        assert len(found.prebins) + 1 == max(peer._n_prebins, 1)
        assert set(found.cuts) <= set(found.prebins)


def test_what_their_solver_passes_over_is_named(monkeypatch):
    """Seen with `min_bin_n_event` on some rows: bins within all limits, and of a larger IV."""
    poorer = PeerCuts(np.array([1]), np.array([1, 2, 3]), "OPTIMAL")
    monkeypatch.setattr(sys.modules[second_opinion.__module__], "peer_cuts", lambda *_: poorer)
    found = opinion_of(*steps([40, 60, 80, 100]))
    assert found["why"] == (
        "their solver passes over bins of these cuts, within all limits, of an IV of "
        f"{found['iv']:.4f}"
    )


@pytest.mark.parametrize(
    ("cuts", "settings", "words"),
    [
        ([1, 2, 3], {"min_bads": 50}, "40 bads in < 1, less than min_bads=50"),
        ([1, 2, 3], {"min_bin_size": 0.3}, "200 rows in < 1, less than min_bin_size: 240"),
        ([1, 2, 3], {"max_bins": 3}, "4 bins, more than max_bins=3"),
        ([1], {"trend": "descending", "infeasible": "one_bin"}, "the course ascending, not the"),
    ],
)
def test_a_limit_that_theirs_break_is_named(monkeypatch, cuts, settings, words):
    """A solver that broke a limit would be told so; optbinning's own does not."""
    broken = PeerCuts(np.array(cuts), np.array([1, 2, 3]), "FEASIBLE")
    monkeypatch.setattr(sys.modules[second_opinion.__module__], "peer_cuts", lambda *_: broken)
    why = opinion_of(*steps([40, 60, 80, 100]), **settings)["why"]
    assert why.startswith(f"their solver ends with FEASIBLE; theirs break a limit: {words}")
    alone = "ours are one bin: asking for a falling bad rate leaves no split"
    assert (alone in why) == (len(cuts) == 1)


def test_shares_of_ordinary_values_alone_are_named():
    """Optbinning weighs bins by their shares of the rows that have a value."""
    rng = np.random.default_rng(2)
    whys = []
    for _ in range(12):
        bads = rng.integers(20, 180, 12)
        values, y = steps(bads)
        missing = np.full(4000, np.nan)
        whys.append(
            opinion_of(
                np.append(values, missing),
                np.append(y, np.arange(4000) % 40 == 0),
                trend="none",
                max_bins=4,
                min_bin_size=0.001,
            )["why"]
        )
    assert "their shares are of ordinary values alone, without special and missing ones" in whys
    assert all("theirs break" not in why for why in whys)


def test_what_cannot_be_asked_is_refused(tmp_path):
    binner = WoeBinner().fit(BORROWERS[["income"]], LABELS)
    with pytest.raises(
        ValueError, match="features names no feature 'incom'; did you mean 'income'"
    ):
        second_opinion(binner, ["incom"])
    binner.save(tmp_path / "binning.json")
    with pytest.raises(ValueError, match="no fine counts"):
        second_opinion(WoeBinner.load(tmp_path / "binning.json"), ["income"])


def test_without_optbinning_a_clear_word_and_no_opinion(monkeypatch):
    binner = WoeBinner().fit(BORROWERS[["income"]], LABELS)
    fitted = OptimalBinning(name="income").fit(BORROWERS["income"], LABELS)
    assert binning.has_optbinning()
    monkeypatch.setitem(sys.modules, "optbinning", None)
    assert not binning.has_optbinning()
    for ask in (
        lambda: second_opinion(binner, ["income"]),
        lambda: WoeBinner.from_optbinning(fitted),
    ):
        with pytest.raises(ImportError, match=r"pip install riskkit\[suite\]"):
            ask()
    assert second_opinion(binner, []).empty


@pytest.mark.parametrize("installed", [True, False])
def test_the_notebook_shows_the_strongest_or_one_line(monkeypatch, installed):
    if not installed:
        monkeypatch.setitem(sys.modules, "optbinning", None)
    (notebook,) = (PROJECT / "notebooks").glob("02_*.ipynb")
    (cell,) = (
        cell
        for cell in json.loads(notebook.read_text())["cells"]
        if "binning.second_opinion" in "".join(cell["source"])
    )
    *lines, last = ast.parse("".join(cell["source"])).body
    binner = WoeBinner(special_codes=SPECIAL).fit(BORROWERS, LABELS)
    names = {"binner": binner, "binning": binning, "plots": plots, "Markdown": Markdown}
    names |= {"strongest": binner.iv.index[:3], "labels": {name: name for name in BORROWERS}}
    exec(compile(ast.Module(lines, []), "cell", "exec"), names)
    shown = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
    if installed:
        page = shown.to_html()
        assert all(name in page for name in binner.iv.index[:3])
        assert "the same bins" in page
    else:
        assert shown.data.count("\n") == 0
        assert "pip install riskkit[suite]" in shown.data


# -- taken over ------------------------------------------------------------------------------------


def assert_taken_over(binner, X, theirs):
    """The same WoE on every row: in Python, from JSON, and in SQL."""
    np.testing.assert_allclose(binner.transform(X)[list(theirs)], theirs, rtol=0, atol=1e-12)
    saved = json.loads(json.dumps(binner.to_json()))
    again = WoeBinner.from_json(saved)
    pd.testing.assert_frame_equal(again.transform(X), binner.transform(X))
    rows = X.reset_index(drop=True)  # which DuckDB finds by this name
    assert len(rows)
    found = duckdb.sql(binner.to_sql("rows")).df()
    np.testing.assert_array_equal(found.to_numpy(), binner.transform(X).to_numpy())


def process_of(X, y, **settings):
    levels = list(X.select_dtypes(exclude="number"))
    X = X.astype(dict.fromkeys(levels, object))
    process = BinningProcess(list(X), categorical_variables=levels, **settings)
    return process.fit(X, y), X


def test_a_process_is_taken_over_with_every_row():
    codes = {"inquiries": {"special_codes": [-9]}, "income": {"special_codes": {"none": [0.0]}}}
    X = BORROWERS.copy()
    X.loc[::17, "income"] = 0.0
    X.loc[::13, "job"] = None
    process, X = process_of(X, LABELS, binning_fit_params=codes)
    binner = WoeBinner.from_optbinning(process)
    assert list(binner.bins_) == list(X)
    assert binner.special_codes == {"inquiries": [-9.0], "income": [0.0]}
    assert_taken_over(binner, X, process.transform(X, **EMPIRICAL))
    for name, bins in binner.bins_.items():
        table = process.get_binned_variable(name).binning_table
        assert bins.iv == pytest.approx(table.build().loc["Totals", "IV"])
        assert table.n_event.sum() == bins.counts[:, 1].sum()
        assert binner.table(name)["bad"].sum() == LABELS.sum()


def test_german_credit_is_taken_over(german_credit):
    frame = german_credit.applications
    names = [f.name for f in german_credit.features if f.name in frame]
    X, y = frame[names], frame["default_flag"].to_numpy(int)
    process, X = process_of(X, y, n_jobs=1)
    binner = WoeBinner.from_optbinning(process)
    assert any(bins.groups for bins in binner.bins_.values())
    assert any(bins.edges is not None for bins in binner.bins_.values())
    theirs = process.transform(X, **EMPIRICAL)
    np.testing.assert_allclose(binner.transform(X), theirs, rtol=0, atol=1e-12)


def test_bins_taken_over_are_counted_again_and_edited():
    X = BORROWERS[["inquiries", "job"]].astype({"job": object})
    process, X = process_of(X, LABELS, special_codes=[-9])
    taken = WoeBinner.from_optbinning(process)
    merged = taken.merge_bins("inquiries", 0, 1, by="me", reason="alike")
    assert merged.bins_["inquiries"].n_bins == taken.bins_["inquiries"].n_bins - 1
    log = merged.edit_log()
    assert log["action"].tolist() == ["from_optbinning", "from_optbinning", "merge_bins"]
    counted = clone(taken).fit(X, LABELS)
    for name, bins in taken.bins_.items():
        again = counted.bins_[name]
        np.testing.assert_array_equal(again.counts, bins.counts)
        assert (again.groups, again.labels) == (bins.groups, bins.labels)
    assert counted.merge_bins("inquiries", 0, 1).split_bin(
        "inquiries", counted.edges["inquiries"][0]
    )
    why = second_opinion(counted, ["inquiries"]).at["inquiries", "why"]
    assert why.startswith("ours were decided by hand (from_optbinning)") or why == "the same bins"


@pytest.mark.parametrize("cutoff", [None, 0.05])
def test_levels_of_any_kind_and_the_rest_bin_are_taken_over(cutoff):
    rng = np.random.default_rng(3)
    for levels in (["a", "b b", "it's", "z"], [1, 2, 3, 10], [1.5, 2.0, 3.25, 9.0]):
        x = pd.Series(rng.choice(np.array(levels), 3000, p=[0.5, 0.3, 0.17, 0.03]))
        rates = dict(zip(levels, [0.1, 0.2, 0.3, 0.4], strict=True))
        y = (rng.random(3000) < x.map(rates)).astype(int)
        fitted = OptimalBinning(name="x", dtype="categorical", cat_cutoff=cutoff)
        fitted.fit(x.to_numpy(), y.to_numpy())
        X = pd.DataFrame({"x": x})
        theirs = pd.DataFrame({"x": fitted.transform(x.to_numpy(), **EMPIRICAL)})
        for taken in (fitted, fitted.binning_table):
            binner = WoeBinner.from_optbinning(taken)
            np.testing.assert_allclose(binner.transform(X), theirs, rtol=0, atol=1e-12)
        frame = fitted.binning_table.build()
        printed = WoeBinner.from_optbinning(frame, name="x")
        assert printed.bins_["x"].to_json() == binner.bins_["x"].to_json()
        assert len(set(binner.transform(X)["x"])) == (4 if cutoff else 3)


def test_special_codes_share_a_bin_as_they_do_there():
    x = BORROWERS["inquiries"].to_numpy().copy()
    x[::7], x[::11], x[::19] = -8, -7, np.nan
    for codes, n_apart in (
        ([-9, -8, -7], 2),
        ({"none": [-9, -8], "other": -7}, 3),
        ({"a": -9, "b": -8, "c": -7}, 4),
        (None, 1),
    ):
        fitted = OptimalBinning(name="x", special_codes=codes).fit(x, LABELS)
        binner = WoeBinner.from_optbinning(fitted)
        bins = binner.bins_["x"]
        assert len(bins.counts) == bins.n_bins + n_apart
        X = pd.DataFrame({"x": x})
        assert_taken_over(binner, X, pd.DataFrame({"x": fitted.transform(x, **EMPIRICAL)}))


def test_special_codes_of_a_category_become_levels():
    x = BORROWERS["job"].astype(object).to_numpy().copy()
    x[::9], x[::14], x[::20] = "unknown", "refused", None
    for codes in (["unknown", "refused"], {"u": ["unknown"], "r": "refused"}):
        fitted = OptimalBinning(name="x", dtype="categorical", special_codes=codes).fit(x, LABELS)
        binner = WoeBinner.from_optbinning(fitted)
        X = pd.DataFrame({"x": x})
        assert_taken_over(binner, X, pd.DataFrame({"x": fitted.transform(x, **EMPIRICAL)}))


def test_documented_differences():
    x = np.array(["a"] * 300 + ["b"] * 300 + ["only_good"] * 60, dtype=object)
    y = np.concatenate([np.arange(300) < 30, np.arange(300) < 90, np.zeros(60)]).astype(int)
    x[:40] = None
    y[:40] = 0  # missing has no bad
    fitted = OptimalBinning(name="x", dtype="categorical", min_prebin_size=0.01).fit(x, y)
    binner = WoeBinner.from_optbinning(fitted)
    X = pd.DataFrame({"x": [None, "never seen", "b"]}, dtype=object)
    theirs = fitted.transform(X["x"].to_numpy(), **EMPIRICAL)
    ours = binner.transform(X)["x"].to_numpy()
    assert theirs[:2] == pytest.approx([0, 0])
    goods, bads = (y == 0).sum(), y.sum()
    assert ours[0] == pytest.approx(np.log((40.5 / goods) / (0.5 / bads)))
    assert ours[1] == ours[2] == min(binner.bins_["x"].woe)
    assert theirs[2] == pytest.approx(ours[2], abs=1e-12)
    assert ours[2] < 0  # more bads than average: the sign is the same


def test_only_selected_variables_are_taken_over():
    process, _ = process_of(
        BORROWERS[["income", "noise"]], LABELS, selection_criteria={"iv": {"min": 0.02}}
    )
    binner = WoeBinner.from_optbinning(process)
    assert list(binner.bins_) == list(process.get_support(names=True)) == ["income"]
    assert list(binner.feature_names_in_) == ["income"]
    process, _ = process_of(BORROWERS[["noise"]], LABELS, selection_criteria={"iv": {"min": 9}})
    with pytest.raises(ValueError, match="selected no variable"):
        WoeBinner.from_optbinning(process)


def test_what_cannot_be_taken_over_is_refused():
    x = BORROWERS["noise"].to_numpy()
    take = WoeBinner.from_optbinning
    for fitted, name in (
        (ContinuousOptimalBinning(name="x").fit(x, x + LABELS), "ContinuousOptimalBinning"),
        (MulticlassOptimalBinning(name="x").fit(x, LABELS + (x > 1)), "MulticlassOptimalBinning"),
        (OptimalPWBinning(name="x").fit(x, LABELS), "OptimalPWBinning"),
        ({"x": [1, 2]}, "dict"),
    ):
        with pytest.raises(TypeError, match=f"is a {name}; bins are taken over from"):
            take(fitted)
    with pytest.raises(ValueError, match="not fitted yet"):
        take(OptimalBinning(name="x"))
    with pytest.raises(ValueError, match="not fitted yet"):
        take(BinningProcess(["x"]))
    plain = OptimalBinning().fit(BORROWERS["income"].to_numpy(), LABELS)
    with pytest.raises(ValueError, match=r"no name; give it with name="):
        take(plain)
    assert list(take(plain, name="x").bins_) == ["x"]
    with pytest.raises(ValueError, match="rounds its edges for display"):
        take(plain.binning_table.build(), name="x")
    with pytest.raises(ValueError, match=r"lacks the columns \['Bin', 'Non-event', 'Event'\]"):
        take(pd.DataFrame({"woe": [1.0]}), name="x")
    with pytest.raises(ValueError, match="names its variables"):
        take(process_of(BORROWERS[["income"]], LABELS)[0], name="x")


def test_codes_levels_and_fixed_woe_that_cannot_be_taken_over_are_refused(tmp_path):
    x = BORROWERS["inquiries"].to_numpy()
    take = WoeBinner.from_optbinning
    twice = OptimalBinning(name="x", special_codes={"a": [-9, 0], "b": 0}).fit(x, LABELS)
    with pytest.raises(ValueError, match=r"counted twice cannot be taken over: \[0\]"):
        take(twice)
    nan = OptimalBinning(name="x", special_codes=[-9, np.nan]).fit(x, LABELS)
    with pytest.raises(ValueError, match="counted twice cannot be taken over: NaN"):
        take(nan)
    given = OptimalBinning(name="x", special_codes=[-9]).fit(x, LABELS)
    given.to_json(str(tmp_path / "peer.json"))
    read = OptimalBinning(name="x")
    read.read_json(str(tmp_path / "peer.json"))
    with pytest.raises(ValueError, match="its special codes are none, those of its table"):
        take(read)
    read.set_params(special_codes=[-9])
    assert take(read).bins_["x"].to_json() == take(given).bins_["x"].to_json()
    levels = np.full(len(LABELS), 1, dtype=object)
    levels[BORROWERS["noise"] > 0] = "1"
    alike = OptimalBinning(name="x", dtype="categorical").fit(levels, LABELS)
    with pytest.raises(ValueError, match=r"two levels have the same text: \['1'\]"):
        take(alike)
    fixed = {"income": {"metric_missing": 0.3}}
    process, _ = process_of(BORROWERS[["income"]], LABELS, binning_transform_params=fixed)
    with pytest.raises(ValueError, match="give something else than the WoE"):
        take(process)
    special = OptimalBinning(name="x", dtype="categorical", special_codes=["rare"])
    special.fit(BORROWERS["job"].astype(object).to_numpy(), LABELS)
    with pytest.raises(ValueError, match="does not say which its special codes are"):
        take(special.binning_table.build(), name="x")

"""The code of docs/compare.md for those who come from optbinning or toad, as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from riskkit import metrics
from riskkit.binning import WoeBinner

# what the peers warn of is not ours to mend
# what the others are warned of is theirs
pytestmark = [
    pytest.mark.filterwarnings(f"ignore::Warning:{name}") for name in ("optbinning", "toad")
]

PAGE = (Path(__file__).parents[1] / "docs" / "compare.md").read_text()
N = 3000
RNG = np.random.default_rng(0)
X = pd.DataFrame(
    {
        "income": RNG.normal(8000, 2000, N).round(-2),
        "late": RNG.poisson(1.0, N).astype(float),
        "job": RNG.choice(list("abcd"), N),
    }
)
RISK = 1.2 + (X["income"] - 8000) / 2000 - 0.6 * X["late"] - (X["job"] == "a")
Y = (RNG.random(N) < 1 / (1 + np.exp(RISK))).astype(int).to_numpy()
X.loc[::9, "income"] = np.nan
X.loc[::7, "late"] = -9.0
X.loc[::11, "job"] = None


def code_under(heading):
    """The Python blocks of a section of the page, as one text."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return "\n".join(re.findall(r"```python\n(.*?)```", section, flags=re.S))


def run(heading, **names):
    """What the names of a section's code stand for after it has run."""
    space = dict(names)
    exec(compile(code_under(heading), heading, "exec"), space)
    return space


def assert_same_but_for_rounding(points, theirs):
    """Whole points of each feature and of the base are each up to half a point away."""
    assert np.abs(points - theirs).max() <= (X.shape[1] + 1) / 2
    assert points.std() > 20


@pytest.fixture(scope="module")
def from_optbinning():
    # what optbinning makes of None among words is a level of its own
    return run("Coming from optbinning", X=X.fillna({"job": "none"}).astype({"job": object}), y=Y)


def test_woe_of_optbinning_is_taken_over_sign_and_all(from_optbinning):
    ours, theirs = from_optbinning["ours"], from_optbinning["theirs"]
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)
    assert ours.nunique().min() >= 3
    # without asking, what is special or missing has no WoE there
    plain = from_optbinning["process"].transform(from_optbinning["X"])
    assert set(plain.loc[X["late"] == -9, "late"]) == {0}
    assert set(plain.loc[X["income"].isna(), "income"]) == {0}


def test_tables_of_optbinning_have_their_counterparts(from_optbinning):
    process, binner = from_optbinning["process"], from_optbinning["binner"]
    theirs = process.summary().set_index("name")["iv"].astype(float)
    pd.testing.assert_series_equal(
        binner.iv.sort_index(), theirs.sort_index(), check_names=False, check_index_type=False
    )
    for name in ("income", "late"):
        of_name = process.get_binned_variable(name)
        np.testing.assert_array_equal(binner.edges[name], of_name.splits)
        built = of_name.binning_table.build()
        assert built.loc["Totals", "Event"] == binner.table(name)["bad"].sum()


def test_a_card_of_optbinning_gives_the_same_points(from_optbinning):
    theirs = from_optbinning["their_card"].score(from_optbinning["X"])
    assert_same_but_for_rounding(from_optbinning["points"], theirs)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"max_n_bins": 3}, {"max_bins": 3}),
        ({"min_bin_size": 0.2}, {"min_bin_size": 0.2}),
        ({"max_pvalue": 0.001}, {"max_p_value": 0.001}),
        ({"monotonic_trend": "descending"}, {"trend": "descending"}),
    ],
)
def test_a_setting_of_optbinning_has_its_counterpart(theirs, ours):
    """Their bins satisfy our setting of the other name, and ours bin as well under it."""
    from optbinning import OptimalBinning

    income = X["income"].to_numpy()
    theirs = {"max_n_bins": 8, "min_bin_size": 0.05} | theirs
    fitted = OptimalBinning("income", **theirs).fit(income, Y)
    binner = WoeBinner(**ours).fit(X[["income"]], Y)
    edges = {"income": fitted.splits.tolist()}
    of_theirs = WoeBinner(**ours, fixed_edges=edges).fit(X[["income"]], Y)
    assert binner.iv["income"] >= 0.98 * of_theirs.iv["income"]


def test_splits_of_the_user_have_their_counterpart():
    from optbinning import OptimalBinning

    splits = [6000.0, 8000.0, 10_000.0]
    fitted = OptimalBinning("income", user_splits=splits, user_splits_fixed=[True] * 3)
    fitted.fit(X["income"].to_numpy(), Y)
    binner = WoeBinner(fixed_edges={"income": splits}).fit(X[["income"]], Y)
    np.testing.assert_array_equal(binner.edges["income"], fitted.splits)


@pytest.fixture(scope="module")
def from_toad():
    pytest.importorskip("toad", reason="toad is not installed: pip install toad")
    return run("Coming from toad", X=X, y=Y)


def test_the_rules_of_toad_become_a_binner(from_toad):
    ours, theirs = from_toad["ours"], from_toad["theirs"]
    np.testing.assert_allclose(ours, -theirs[list(ours)], rtol=0, atol=1e-12)
    assert ours.nunique().min() >= 3
    assert set(from_toad["binner"].edit_log()["reason"]) == {"from toad"}


def test_a_card_of_toad_gives_the_same_points(from_toad):
    assert_same_but_for_rounding(from_toad["points"], from_toad["their_card"].predict(X))


def test_figures_of_toad_have_their_counterparts(from_toad):
    from toad.metrics import KS, PSI, KS_bucket

    points = from_toad["points"]
    counts = metrics.score_counts(points, Y)
    assert metrics.ks(counts) == pytest.approx(KS(points, Y))
    base, now = from_toad["combiner"].transform(X)["income"], points // 20
    now, base = now[: N // 2], points[N // 2 :] // 20
    shared = np.isin(now, base), np.isin(base, now)
    now, base = now[shared[0]], base[shared[1]]
    ours = metrics.psi(pd.Series(base).value_counts(), pd.Series(now).value_counts())
    assert ours == pytest.approx(PSI(now, base))
    # toad's first bucket is of the lowest scores, the riskiest, as our first group is
    buckets, groups = KS_bucket(points, Y, bucket=5), metrics.gains_table(counts, n_groups=5)
    np.testing.assert_allclose(buckets["bad_rate"], groups["bad_rate"], rtol=0.1)


def test_the_page_names_no_call_of_ours_that_is_not_there():
    """Every `name.call` of the tables of calls is looked up."""
    import riskkit
    from riskkit import binning, plots, scorecard, widgets

    places = {
        "binner": WoeBinner,
        "card": scorecard.Scorecard,
        "metrics": metrics,
        "binning": binning,
        "plots": plots,
        "widgets": widgets,
        "WoeBinner": WoeBinner,
        "riskkit": riskkit,
    }
    asked = set()
    for line in PAGE.splitlines():
        cells = line.split(" | ")
        if line.startswith("| `") and len(cells) == 2:
            asked |= set(re.findall(r"\b(\w+)\.(\w+)", cells[1]))
            bare = re.findall(r"`(set_edges|group_levels|merge_bins|save|load)`", cells[1])
            asked |= {("binner", name) for name in bare}
    assert len(asked) > 20
    for place, name in sorted(asked):
        __import__(f"riskkit.{name}") if place == "riskkit" else None
        assert hasattr(places[place], name), f"{place}.{name}"

"""Figures and tables for reports."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from riskkit import binning, metrics, migration, plots, strategy, vintage
from riskkit.plots import style
from riskkit.schema import BadDefinition


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=900), "b": rng.choice(["$x", "<b>", "y"], 900)})
    y = (rng.random(900) < 1 / (1 + np.exp(1.5 - X["a"]))).astype(int).to_numpy()
    return X, y, np.rint(600 - 20 * X["a"]).to_numpy()


@pytest.fixture(scope="module")
def panel():
    ends = pd.date_range("2024-01-31", periods=6, freq="ME")
    loans = {f"L{i}": [0, 20, 50, 80, 110, 140] if i % 4 == 0 else [0] * 6 for i in range(40)}
    return pd.DataFrame(
        {
            "loan_id": np.repeat(list(loans), 6),
            "cohort": pd.Timestamp("2024-01-01"),
            "mob": np.tile(range(6), 40),
            "month_end": np.tile(ends, 40),
            "balance": 100,
            "dpd": np.concatenate(list(loans.values())),
            "status": "current",
            "due_amount": 0,
            "paid_amount": 0,
            "recovered_amount": 0,
        }
    )


def every_figure(rows, panel):
    """Each plot function on a table of the function it is made for."""
    X, y, score = rows
    binner = binning.WoeBinner().fit(X, y)
    counts = metrics.score_counts(score, y)
    table = strategy.cutoff_table(counts, strategy.Economics(1, 5, 0))
    probability = np.full(900, 0.3) + X["a"].to_numpy() * 0.01
    months = pd.Series(pd.date_range("2024-01-01", periods=900, freq="D").strftime("%Y-%m"))
    rates = pd.DataFrame(
        {"applications": [5, 7], "approval_rate": [0.5, 0.6], "bad_rate": [0.1, np.nan]},
        index=["2024-01", "2024-02"],
    )
    cohorts = vintage.cohort_counts(panel)
    timing = pd.DataFrame([[0, 0.5, 1], [0, 0, 1]], index=[3, 12]).rename_axis("term_months")
    return {
        "rates": plots.plot_application_rates(rates),
        "timing": plots.plot_bad_timing(timing, BadDefinition(window_months=1)),
        "iv": plots.plot_iv(binner.iv, min_iv=0.02),
        "bins": plots.plot_bins(binner.table("b"), "Price in $ and $"),
        "stability": plots.plot_stability(binning.stability(binner, X, y, months)),
        "roc": plots.plot_roc({"card": metrics.roc_curve_table(counts)}),
        "scores": plots.plot_scores(counts, "Scores"),
        "calibration": plots.plot_calibration({"card": metrics.calibration_table(y, probability)}),
        "cutoffs": plots.plot_cutoffs({"card": table}, "approval rate"),
        "profit": plots.plot_profit({"card": table}, "approval rate", "CNY"),
        "vintage": plots.plot_vintage(vintage.vintage_table(cohorts), "Ever 30+"),
        "hazard": plots.plot_hazard(vintage.hazard_table(cohorts, dpd=30)),
        "transitions": plots.plot_transitions(
            migration.transition_matrix(migration.transition_counts(panel))
        ),
    }


def test_every_figure_has_a_title_named_axes_and_alt_text(rows, panel):
    plots.use_report_style()
    for name, ax in every_figure(rows, panel).items():
        assert ax.get_title(loc="left"), name
        assert ax.get_xlabel() or ax.get_ylabel(), name
        alt = ax.figure.get_label()
        assert alt.startswith(ax.get_title(loc="left")), name
        assert len(alt) > len(ax.get_title(loc="left")) + 10, name


def test_equal_figures_are_equal_bytes_with_their_alt_text(rows, panel):
    plots.use_report_style()
    first = {name: style.svg_of(ax.figure) for name, ax in every_figure(rows, panel).items()}
    plt.close("all")
    again = {name: style.svg_of(ax.figure) for name, ax in every_figure(rows, panel).items()}
    assert first == again
    svg, metadata = first["roc"]
    assert metadata["alt"].startswith("ROC")
    assert "<dc:date>" not in svg


def test_grid_of_bins_carries_the_alt_text_of_each(rows):
    X, y, _ = rows
    binner = binning.WoeBinner().fit(X, y)
    tables = {"first": binner.table("a"), "second": binner.table("b"), "third": binner.table("a")}
    assert plots.plot_bins_grid(tables).get_label().count("bad rate from") == 3


def test_curves_of_any_groups_are_named_by_what_they_are():
    curves = pd.DataFrame({0: [0.0, 0.0], 16: [0.05, 0.09]}, index=pd.Index([6, 12]))
    by_term = plots.plot_vintage(curves.rename_axis("term_months"), "True curves")
    assert by_term.get_legend().get_title().get_text() == "term months"
    assert [text.get_text() for text in by_term.get_legend().get_texts()] == ["6", "12"]
    assert by_term.get_ylabel() == "share of loans"
    assert "2 lines by term months; the highest point is 9.0%" in by_term.figure.get_label()
    by_cohort = plots.plot_vintage(curves.rename_axis("cohort"), "Ever 30+")
    assert by_cohort.get_legend().get_title().get_text() == "cohort"
    assert by_cohort.get_ylabel() == "share of the cohort"


def test_drift_shows_the_movers_and_says_against_what():
    index = pd.MultiIndex.from_product([["calm", "mover"], ["Q1", "Q2"]])
    drift = pd.DataFrame(
        {"psi": [0.01, 0.02, 0.05, 0.3]}, index=index.set_names(["feature", "period"])
    )
    ax = plots.plot_stability(drift, against="the first year", top=1)
    assert [text.get_text() for text in ax.get_yticklabels()] == ["mover"]
    assert ax.get_title(loc="left") == "PSI against the first year"
    assert "The largest PSI is 0.30, of mover" in ax.figure.get_label()


def test_drift_without_a_later_period_says_so():
    none = pd.DataFrame(
        {"psi": []}, index=pd.MultiIndex.from_arrays([[], []], names=["feature", "period"])
    )
    ax = plots.plot_stability(none)
    assert [text.get_text() for text in ax.texts] == ["no later period to compare"]
    assert "No later period to compare." in ax.figure.get_label()


def test_the_sample_is_named_in_the_title_and_small_money_in_thousands(rows):
    X, y, score = rows
    counts = metrics.score_counts(score, y)
    roc = plots.plot_roc({"card": metrics.roc_curve_table(counts)}, "ROC, test")
    assert roc.get_title(loc="left") == "ROC, test"
    table = metrics.calibration_table(y, np.full(900, 0.3) + X["a"].to_numpy() * 0.01)
    assert plots.plot_calibration({"card": table}, "Fit, test").get_title(loc="left") == "Fit, test"
    for loss, unit in ((5, "thousand"), (50_000, "million")):
        cutoffs = strategy.cutoff_table(counts, strategy.Economics(1, loss, 0))
        ax = plots.plot_profit({"card": cutoffs}, "approval rate", "CNY")
        assert ax.get_ylabel() == f"profit, {unit} CNY"
        shown = ax.lines[0].get_ydata() * {"thousand": 1e3, "million": 1e6}[unit]
        np.testing.assert_allclose(shown, cutoffs["profit_amount"])


def test_timing_shows_the_windows_of_the_definition():
    timing = pd.DataFrame([[0, 0.5, 1], [0, 0, 1]], index=[3, 12]).rename_axis("term_months")
    own = BadDefinition(window_months=2, by_term={3: 1, 12: 9})
    ax = plots.plot_bad_timing(timing, own)
    shown = {line.get_label(): line for line in ax.get_lines()}
    assert {"3", "12", "window, 2"} <= set(shown)
    # the window of 9 lies past the months drawn
    dots = [line.get_xydata().tolist() for line in ax.get_lines() if line.get_marker() == "o"]
    assert dots == [[[1, 0.5]]]
    assert ax.figure.get_label().endswith("shown by month 1 to 2, by term.")
    without = plots.plot_bad_timing(timing, BadDefinition(window_months=None))
    assert [line.get_label() for line in without.get_lines()] == ["3", "12"]
    empty = plots.plot_bad_timing(timing.iloc[:0], own)
    assert "No loan was bad" in empty.figure.get_label()


def test_given_axes_are_drawn_on(rows):
    _, y, score = rows
    _, ax = plt.subplots()
    assert plots.plot_scores(metrics.score_counts(score, y), "Scores", ax=ax) is ax


def test_tables_are_escaped_everywhere():
    """Pandas' Styler lets <script> in labels through."""
    evil = "<script>alert(1)</script>"
    frame = pd.DataFrame({evil: [evil]}, index=pd.Index([evil], name=evil))
    assert "<script>" not in plots.show_table(frame, caption=evil).to_html()


def test_equal_tables_are_equal_html_and_leave_the_frame_alone():
    frame = pd.DataFrame({"bad_rate": [0.1, np.nan], "loans": [12345, 2]}, index=["a", "b"])
    before = frame.copy()
    first = plots.show_table(frame, heat=["bad_rate"]).to_html()
    assert plots.show_table(frame.copy(), heat=["bad_rate"]).to_html() == first
    pd.testing.assert_frame_equal(frame, before)
    assert "10.0%" in first
    assert "12,345" in first
    assert "–" in first


def test_long_tables_say_that_they_are_cut():
    frame = pd.DataFrame({"n": range(50)})
    html = plots.show_table(frame, rows=10, caption="Loans").to_html()
    assert "Loans (first 10 of 50 rows)" in html
    assert html.count("<tr>") == 11


def test_formats_can_be_chosen_by_column():
    frame = pd.DataFrame({"x": [0.12345], "y": [1234567.0], "when": [pd.Timestamp("2024-03-01")]})
    html = plots.show_table(frame, {"x": "percent2"}, names={"x": "X!"}).to_html()
    for text in ("12.35%", "1,234,567", "2024-03", "X!"):
        assert text in html

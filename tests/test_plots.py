"""Figures and tables for reports."""

import re
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import real_parts

from riskkit import binning, hazards, metrics, migration, plots, profile, strategy, vintage
from riskkit.plots import style
from riskkit.target import BadDefinition


@pytest.fixture(autouse=True)
def close_figures():
    plots.use_report_style()  # whichever test comes first
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


def money_of(y):
    """Money of equal loans, as :func:`strategy.profit_sums` gives it."""
    fen = pd.DataFrame(
        {"margin_fen": 6_000, "loss_fen": 60_000, "cost_fen": 500}, index=range(len(y))
    )
    return strategy.profit_sums(fen, y)


def every_figure(rows, panel):
    """Each plot function on a table of the function it is made for."""
    X, y, score = rows
    binner = binning.WoeBinner().fit(X, y)
    counts = metrics.score_counts(score, y)
    table = strategy.cutoff_table(counts, strategy.Economics(1, 5, 0))
    probability = np.full(900, 0.3) + X["a"].to_numpy() * 0.01
    months = pd.Series(pd.date_range("2024-01-01", periods=900, freq="D").strftime("%Y-%m"))
    people = pd.DataFrame({"approved": True, "booked": True, "amount": 100, "default_flag": y})
    people.loc[people.index[:90], ["approved", "booked"]] = False
    rates = profile.application_rates(people, months)
    grade = pd.Series(np.arange(900) % 3)
    sensible = strategy.sensitivity_table(
        strategy.cutoff_table(metrics.score_counts(score, y, sums=money_of(y)))
    )
    cohorts = vintage.cohort_counts(panel)
    timing = pd.DataFrame([[0, 0.5, 1], [0, 0, 1]], index=[3, 12]).rename_axis("term_months")
    return {
        "rates": plots.plot_application_rates(rates),
        "timing": plots.plot_bad_timing(timing, BadDefinition(window_months=1)),
        "iv": plots.plot_iv(binner.iv, min_iv=0.02),
        "bins": plots.plot_bins(binner.table("b"), "Price in $ and $"),
        "stability": plots.plot_stability(binning.stability(binner, X, y, months)),
        "roc": plots.plot_roc(
            {"card": metrics.roc_curve_table(counts)}, "ROC, late", n_good=700, n_bad=200
        ),
        "ks": plots.plot_ks({"card": metrics.roc_curve_table(counts)}, "KS, late"),
        "scores": plots.plot_scores(counts, "Scores", declined=counts.head(40)),
        "bands": plots.plot_score_bands(metrics.gains_table(counts), "Bands", cutoff=score[5]),
        "sensitivity": plots.plot_sensitivity(sensible, "CNY"),
        "funnel": plots.plot_funnel(profile.funnel_table(people)),
        "exposure": plots.plot_amounts(
            profile.exposure_table(people["amount"], grade, grade * 3 + 3).T,
            "What was lent",
            "CNY",
            stacked=True,
        ),
        "calibration": plots.plot_calibration({"card": metrics.calibration_table(y, probability)}),
        "cutoffs": plots.plot_cutoffs({"card": table}, "approval rate"),
        "profit": plots.plot_cutoffs({"card": table}, "approval rate", currency="CNY"),
        "vintage": plots.plot_vintage(vintage.vintage_table(cohorts), "Ever 30+"),
        "hazard": plots.plot_hazard(hazards.hazard_table(cohorts, dpd=30)),
        "transitions": plots.plot_transitions(
            migration.transition_matrix(migration.transition_counts(panel))
        ),
    }


def test_every_figure_has_a_title_named_axes_and_alt_text(rows, panel):
    plots.use_report_style()
    drawn = every_figure(rows, panel)
    drawn |= {"prices": plots.plot_prices(prices()), "budget": plots.plot_budget(budgets(), "CNY")}
    for name, one in drawn.items():
        figure = getattr(one, "figure", one)
        titled = [ax for ax in figure.axes if ax.get_title(loc="left")]
        assert titled, name
        assert any(ax.get_xlabel() or ax.get_ylabel() for ax in titled) or name == "funnel", name
        for ax in titled:
            assert f"{ax.get_title(loc='left')}. " in figure.get_label(), name
        assert len(figure.get_label()) > len(titled[0].get_title(loc="left")) + 10, name


def test_equal_figures_are_equal_bytes_with_their_alt_text(rows, panel):
    plots.use_report_style()
    drawn = every_figure(rows, panel)
    first = {name: style.svg_of(getattr(one, "figure", one)) for name, one in drawn.items()}
    plt.close("all")
    drawn = every_figure(rows, panel)
    again = {name: style.svg_of(getattr(one, "figure", one)) for name, one in drawn.items()}
    assert first == again
    svg, metadata = first["roc"]
    assert metadata["alt"].startswith("ROC")
    assert "<dc:date>" not in svg


def test_grid_of_bins_carries_the_alt_text_of_each(rows):
    X, y, _ = rows
    binner = binning.WoeBinner().fit(X, y)
    tables = {"first": binner.table("a"), "second": binner.table("b"), "third": binner.table("a")}
    assert plots.plot_bins(tables).get_label().count("bad rate from") == 3


def test_a_fitted_binner_is_drawn_as_its_tables_are(rows):
    X, y, _ = rows
    # of a Series, "iv" would be the value of a feature of that name
    binner = binning.WoeBinner().fit(X.rename(columns={"a": "iv"}), y)
    drawn = [
        (plots.plot_iv(binner), plots.plot_iv(binner.iv)),
        (plots.plot_bins(binner, "iv"), plots.plot_bins(binner.table("iv"), "iv")),
        (
            plots.plot_bins(binner),
            plots.plot_bins({name: binner.table(name) for name in binner.iv.index}),
        ),
    ]
    for own, of_tables in drawn:
        assert plots.picture_of(own) == plots.picture_of(of_tables)


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


def cohort_curves(n):
    """Each quarter three months younger than the one before."""
    months = np.arange(3 * n)
    rows = [np.where(months < 3 * (n - i), 0.005 * months, np.nan) for i in range(n)]
    names = pd.period_range("2022-01", periods=n, freq="Q").astype(str)
    return pd.DataFrame(rows, index=pd.Index(names, name="cohort"), columns=months)


def test_the_newest_cohorts_are_told_apart_and_named_at_their_ends():
    from matplotlib.colors import to_hex, to_rgb

    curves = cohort_curves(10)
    # the last has three months only: no curve yet
    ax = plots.plot_vintage(curves, "Ever 90+")
    lines = dict(zip(curves.index, ax.get_lines(), strict=True))
    oldest, *newest = ax.texts
    assert oldest.get_text() == "2022Q1"
    assert [text.get_text() for text in newest] == ["2023Q2", "2023Q3", "2023Q4", "2024Q1"]
    coloured = [lines[text.get_text()] for text in newest]
    colours = [to_hex(line.get_color()) for line in coloured]
    assert len(set(colours)) == 4
    assert len({line.get_marker() for line in coloured}) == 4
    # the name stands at the end of its line, in its colour
    for text, line in zip(newest, coloured, strict=True):
        assert text.xy == tuple(line.get_xydata()[-1])
        assert to_hex(text.get_color()) == to_hex(line.get_color())
    greys = [to_rgb(lines[name].get_color()) for name in curves.index[1:5]]
    assert all(max(grey) - min(grey) < 0.01 for grey in greys)
    assert [sum(grey) for grey in greys] == sorted((sum(g) for g in greys), reverse=True)
    assert len(ax.get_legend().get_texts()) == 10


def test_a_cohort_has_one_colour_in_all_pictures_whatever_is_drawn_of_it():
    curves = cohort_curves(8)
    early = curves.iloc[:, 1:]  # as if another measure began a month later
    ended = curves.loc[:, :12]
    projected = curves.ffill(axis=1)  # all have a curve, the newest too
    colours = []
    for table in (curves, early, ended, projected):
        ax = plots.plot_vintage(table, "x")
        named = dict(zip(curves.index, ax.get_lines()[: len(curves)], strict=True))
        colours.append({name: line.get_color() for name, line in named.items()})
    assert all(one == colours[0] for one in colours)
    assert len(set(list(colours[0].values())[-5:])) == 5
    assert ax.texts[-1].get_text() == "2023Q4"


def test_parts_have_a_picture_each_and_what_is_beyond_chance_is_thick():
    index = pd.MultiIndex.from_tuples(
        [("channel", "app"), ("channel", "sms_link"), ("term", 1), ("term", 12)],
        names=["by", "value"],
    )
    curves = pd.DataFrame([[0, 0.01, 0.02], [0, 0.02, 0.05], [0, 0.01, 0.01], [0, 0, 0.04]],
                          index=index)  # fmt: skip
    told = pd.Series(["may be chance", "worse beyond chance"], index=index[:2])
    figure = plots.plot_vintage(curves, "Ever 90+", told=told).figure
    channel, term = figure.axes
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["By channel", "By term"]
    assert [text.get_text() for text in channel.texts] == ["app", "sms link: worse"]
    thin, thick = channel.get_lines()
    assert thick.get_linewidth() > 2 * thin.get_linewidth()
    # after its last default the shortest term goes on for one month only
    assert [text.get_text() for text in term.texts] == ["1", "12"]
    assert "By term. 2 lines; the highest point is 4.0%." in figure.get_label()
    assert figure.get_suptitle() == "Ever 90+"
    names = [text.get_window_extent().y1 for text in channel.texts]
    assert max(names) <= channel.get_window_extent().y1 + 12


def test_effects_are_drawn_with_intervals_and_those_beyond_chance_in_red():
    index = pd.MultiIndex.from_tuples(
        [("age", "4"), ("calendar", "2024Q1"), ("calendar", "2024Q2 to 2024Q3"),
         ("cohort", "2023Q4"), ("trend", "a year")], names=["effect", "level"])  # fmt: skip
    effects = pd.DataFrame(
        {"ratio": [2, 1.0, 1.6, 0.9, 1.1], "ratio_low": [1, 0.8, 1.3, 0.7, 1.0],
         "ratio_high": [3, 1.2, 2.0, 1.2, 1.3], "p_adjusted": [np.nan, 1, 0.01, 1, 0.5],
         "ratio_if_calendar": 1.0, "ratio_if_cohort": 1.0}, index=index)  # fmt: skip
    figure = plots.plot_hazard(effects).figure
    calendar, cohort = figure.axes
    assert "By calendar: all loans at once. 1 of 2 depart" in figure.get_label()
    assert [text.get_text() for text in calendar.get_xticklabels()] == ["2024Q1", "2024Q2–\n2024Q3"]
    points = [line for line in calendar.get_lines() if line.get_marker() == "o"]
    assert [line.get_xydata().tolist() for line in points] == [[[0, 1.0]], [[1, 1.6]]]
    assert points[1].get_color() == style.BAD
    assert len(cohort.get_xticks()) == 1


def test_at_most_a_dozen_of_many_cohorts_are_drawn():
    ax = plots.plot_vintage(cohort_curves(30), "Ever 90+")
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert len(ax.get_lines()) == len(names) == 12
    assert names[0] == "2022Q1"
    assert names[-5:] == ["2028Q2", "2028Q3", "2028Q4", "2029Q1", "2029Q2"]
    assert "30 lines by cohort" in ax.figure.get_label()
    assert "12 of them are drawn" in ax.figure.get_label()
    grades = cohort_curves(20).rename_axis("grade")
    assert len(plots.plot_vintage(grades, "x").get_lines()) == 12


def test_what_a_part_of_a_cohort_has_reached_is_dashed():
    whole = cohort_curves(3)
    partial = whole.copy()
    partial.loc["2022Q2", [6, 7]] = [0.031, 0.036]
    ax = plots.plot_vintage(whole, "Ever 90+", partial=partial)
    dashed = [line for line in ax.get_lines() if line.get_linestyle() == "--"]
    assert [line.get_xydata().tolist() for line in dashed] == [[[5, 0.025], [6, 0.031], [7, 0.036]]]
    solid = next(line for line in ax.get_lines() if line.get_label() == "2022Q2")
    assert solid.get_color() == dashed[0].get_color()
    assert solid.get_xdata().tolist() == [0, 1, 2, 3, 4, 5]
    assert "dashed" in ax.figure.get_label()


def test_few_or_no_cohorts_are_drawn_too():
    assert [text.get_text() for text in plots.plot_vintage(cohort_curves(2), "x").texts] == [
        "2022Q1"
    ]
    none = plots.plot_vintage(cohort_curves(1).iloc[:0], "x")
    assert none.get_lines() == []


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
        ax = plots.plot_cutoffs({"card": cutoffs}, "approval rate", currency="CNY")
        assert ax.get_ylabel() == f"profit, {unit} CNY"
        shown = ax.lines[0].get_ydata() * {"thousand": 1e3, "million": 1e6}[unit]
        np.testing.assert_allclose(shown, cutoffs["profit_amount"])


def test_cutoffs_are_dotted_where_inferred_and_the_best_seen_is_marked():
    counts = pd.DataFrame(
        {"applications": 100, "booked": [20, 60, 90, 95], "good": [18, 60, 89, 95],
         "bad": [2, 0, 1, 0]},
        index=pd.Index([500, 520, 540, 560], name="score"),
    )  # fmt: skip
    table = strategy.cutoff_table(counts, strategy.Economics(10, 100, 0), max_never_booked=0.1)
    assert table["inferred"].tolist() == [True, True, False, False]
    drawn = [
        plots.plot_cutoffs({"card": table}, "approval rate"),
        plots.plot_cutoffs({"card": table}, "approval rate", currency="CNY"),
    ]
    for ax in drawn:
        line, white = ax.lines[:2]
        assert not np.isnan(line.get_ydata()).any()
        assert np.isnan(white.get_ydata()).tolist() == [False, False, True, True]
        assert ax.get_legend().get_title().get_text() == "dotted where inferred"
    dots = [d for d in drawn[1].lines if d.get_marker() == "o"]
    assert [dot.get_xdata()[0] for dot in dots] == [0.5, 0.75]
    assert [dot.get_markerfacecolor() == "white" for dot in dots] == [False, True]
    assert "card is best at 50%; card is best at 75%, which is inferred." in (
        drawn[1].figure.get_label()
    )
    # granted loans only
    whole = strategy.cutoff_table(
        counts.assign(applications=counts["booked"]), strategy.Economics(10, 100, 0)
    )
    ax = plots.plot_cutoffs({"card": whole}, "share of booked kept", currency="CNY")
    assert ax.get_legend().get_title().get_text() == ""
    assert len([d for d in ax.lines if d.get_marker() == "o"]) == 1


def prices():
    index = pd.MultiIndex.from_product([["A1", "B1"], [3, 6]], names=["grade", "term_months"])
    return pd.DataFrame(
        {
            "break_even_apr": [0.10, 0.08, 0.30, 0.20],
            "break_even_low": [0.08, 0.07, 0.20, 0.15],
            "break_even_high": [0.14, 0.10, 0.90, 0.28],
            "cap_apr": 0.24,
            "offer_apr": [0.18, 0.16, np.nan, 0.24],
            "status": ["priced", "priced", "cap below break-even", "at cap"],
        },
        index=index,
    )


def budgets():
    index = pd.Index([1e5, 1e6, 2e6], name="budget_amount")
    return pd.DataFrame(
        {"profit_amount": [2e5, 9e5, 8e5], "lent_amount": [3e6, 2e7, 4e7]}, index=index
    )


def test_prices_have_a_panel_a_term_with_whiskers_a_cap_and_a_cross_for_nothing():
    figure = plots.plot_prices(prices())
    first, second = figure.axes
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["3 months", "6 months"]
    lines = lines_of(first)
    assert lines["break-even, 95 %"] == [[0, 0.10], [1, 0.30]]
    assert lines["offered"][0] == [0, 0.18]
    assert [x for x, _ in lines["nothing offered"]] == [1]
    assert [y for _, y in lines["cap, 24.0%"]] == [0.24, 0.24]
    whiskers = first.collections[0].get_segments()
    assert whiskers[0][:, 1].tolist() == [0.08, 0.14]
    # one that goes on far beyond the cap leaves the picture, which stays readable
    assert whiskers[1][1, 1] > first.get_ylim()[1] == second.get_ylim()[1] == 0.48
    told = figure.get_label()
    assert "3 months. Break-even price of grade A1 10.0%, offered 18.0%; B1 30.0%, nothing" in told
    assert lines_of(second)["nothing offered"] == []
    free = plots.plot_prices(prices().assign(cap_apr=np.nan))
    assert not any(name.startswith("cap") for name in lines_of(free.axes[0]))
    assert free.axes[0].get_ylim()[1] > 0.9
    assert plots.plot_prices(prices().iloc[:0]).get_label() == ""


def test_a_budget_shows_profit_and_lending_in_their_units():
    figure = plots.plot_budget(budgets(), "CNY", budget=1.5e6)
    profit, lent = figure.axes
    assert profit.get_lines()[0].get_xydata().tolist() == [[0.1, 200], [1, 900], [2, 800]]
    assert (profit.get_ylabel(), lent.get_ylabel()) == ("thousand CNY", "million CNY")
    assert profit.get_xlabel() == "budget of expected losses, million CNY"
    assert set(profit.get_lines()[1].get_xdata()) == {1.5}
    assert "Amount lent. From 3,000,000 at the smallest budget to 40,000,000" in figure.get_label()


def amounts_by_month(**columns):
    months = pd.date_range("2025-01-31", periods=3, freq="ME").rename("month")
    return pd.DataFrame(columns, index=months)


def test_amounts_are_lines_with_bands_limits_and_marks_in_their_unit():
    table = amounts_by_month(
        cash=[2e6, 1e6, -5e5], cash_low=[2e6, 5e5, -1e6], cash_high=[2e6, 2e6, 1e5], drawn=[3e6] * 3
    )
    marks = {
        "loosened": table.index[1],
        "gone": table.index[1],
        "later": pd.Timestamp("2030-01-31"),
    }
    ax = plots.plot_amounts(table, "Cash", "CNY", limits={"reserve": 1.5e6}, marks=marks)
    lines = lines_of(ax)
    assert lines["cash"] == [[0, 2], [1, 1], [2, -0.5]]
    assert lines["drawn"] == [[0, 3], [1, 3], [2, 3]]
    assert {y for _, y in lines["reserve"]} == {1.5}
    (band,) = ax.collections
    assert band.get_paths()[0].get_extents().get_points().tolist() == [[0, -1], [2, 2]]
    assert [text.get_text() for text in ax.texts] == ["loosened, gone"]
    assert 0 in [
        set(line.get_ydata()).pop() for line in ax.lines if len(set(line.get_ydata())) == 1
    ]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["2025-01", "2025-02", "2025-03"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("month", "million CNY")
    assert "Cash. cash from 2 to -0.5 million; drawn from 3 to 3 million." in ax.figure.get_label()


def test_shares_stand_below_their_amounts_and_gaps_stay_gaps():
    table = amounts_by_month(cash=[2e5, 1e5, np.nan])
    shares = amounts_by_month(late=[np.nan, 0.02, 0.04])
    ax = plots.plot_amounts(
        table, "Cash", "CNY", shares=shares, shares_title="Late", marks={"seen": table.index[2]}
    )
    upper, lower = ax.figure.axes
    assert upper is ax
    assert np.isnan(lines_of(lower)["late"][0][1])
    assert lines_of(lower)["late"][1:] == [[1, 0.02], [2, 0.04]]
    assert [len(one.texts) for one in (upper, lower)] == [1, 0]
    assert "cash from 200 to 100 thousand. Late. late from 2 to 4 %." in ax.figure.get_label()
    for wrong in ({"shares": shares}, {"shares": shares.iloc[1:], "shares_title": "Late"}):
        with pytest.raises(ValueError, match="at the months of the table and have a title"):
            plots.plot_amounts(table, "Cash", "CNY", **wrong)


def test_stacked_parts_stand_on_one_another():
    table = amounts_by_month(senior=[6e5, 3e5, 0.0], junior=[1e5, 1e5, np.nan])
    ax = plots.plot_amounts(table, "Notes", "CNY", stacked=True)
    senior, junior = (one.get_paths()[0].get_extents() for one in ax.collections)
    assert (senior.y0, senior.y1, junior.y1) == (0, 600, 700)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["junior", "senior"]
    assert "Of all that is shown, senior 81.8%, junior 18.2%." in ax.figure.get_label()
    kinds = table.set_axis(pd.Index([3, 6, 12], name="term, months"))
    bars = plots.plot_amounts(kinds, "Lent", "CNY", stacked=True).patches
    assert [bar.get_height() for bar in bars] == [600, 300, 0, 100, 100, 0]
    assert [bar.get_y() for bar in bars] == [0, 0, 0, 600, 300, 0]
    with pytest.raises(ValueError, match=r"stacked amounts must be >= 0, got -0\.1"):
        plots.plot_amounts(table - 100, "Notes", "CNY", stacked=True)


@pytest.mark.parametrize("n_lines", [0, 1, 9, 20])
def test_amounts_of_no_month_or_of_many_lines_are_drawn(n_lines):
    table = amounts_by_month(**{f"line {k}": [k * 1e6] * 3 for k in range(n_lines)})
    for stacked in (False, True):
        for own in (table, table.head(0)):
            ax = plots.plot_amounts(own, "Lines", "CNY", stacked=stacked)
            assert "Lines. " in ax.figure.get_label()
    looks = {(line.get_color(), str(line._unscaled_dash_pattern)) for line in
             plots.plot_amounts(table, "Lines", "CNY").lines}  # fmt: skip
    assert len(looks) == n_lines


def test_a_table_of_bins_without_a_title_is_refused(rows):
    X, y, _ = rows
    with pytest.raises(ValueError, match="title must say which feature"):
        plots.plot_bins(binning.WoeBinner().fit(X, y).table("a"))


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
    assert "10.00%" in first
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


# -- models ----------------------------------------------------------------------------------------


def lines_of(ax):
    return {line.get_label(): line.get_xydata().tolist() for line in ax.get_lines()}


def test_cap_shows_each_model_between_chance_and_the_perfect_score():
    caught = pd.DataFrame({"loan_share": [0, 0.2, 1], "bad_share": [0, 0.5, 1]})
    none = pd.DataFrame({"loan_share": [0, 1], "bad_share": [0, 1]})
    ax = plots.plot_cap({"card": caught, "trees": none}, 0.3, "CAP, test")
    lines = lines_of(ax)
    assert list(lines) == ["card", "trees", "perfect score", "chance"]
    assert lines["card"] == [[0, 0], [0.2, 0.5], [1, 1]]
    assert lines["perfect score"] == [[0, 0], [0.3, 1], [1, 1]]
    assert lines["chance"] == [[0, 0], [1, 1]]
    assert ax.get_title(loc="left") == "CAP, test"
    assert ax.figure.get_label() == (
        "CAP, test. Of all bads, the riskiest tenth of the loans holds 25% by card, 10% by trees."
    )
    _, own = plt.subplots()
    assert plots.plot_cap({"card": caught}, 0.3, "CAP", ax=own) is own


def test_learning_curve_has_a_line_and_a_band_a_model():
    index = pd.MultiIndex.from_product([["trees", "card"], [0.5, 1.0]], names=["model", "share"])
    table = pd.DataFrame(
        {
            "bad": [50, 100, 50, 100],
            "auc": [0.6, 0.7, 0.62, 0.65],
            "auc_low": [0.5, 0.6, 0.52, 0.55],
            "auc_high": [0.7, 0.8, 0.72, 0.75],
        },
        index=index,
    )
    ax = plots.plot_learning_curve(table)
    assert lines_of(ax) == {
        "trees": [[50, 0.6], [100, 0.7]],
        "card": [[50, 0.62], [100, 0.65]],
    }
    assert len(ax.collections) == 2
    band = ax.collections[0].get_datalim(ax.transData)
    assert [band.ymin, band.ymax] == pytest.approx([0.5, 0.8])
    assert ax.get_xlim()[0] == 0
    assert ax.figure.get_label().endswith("AUC at the end: trees 0.700, card 0.650.")


def dependence():
    rows = [
        ("x", "number", 1.0, 520), ("x", "number", 2.0, 500), ("x", "special", -9.0, 480),
        ("x", "special", -8.0, 470), ("x", "missing", np.nan, 490), ("job", "level", "clerk", 510),
        ("job", "level", "driver", 505), ("a", "number", 0.0, 500), ("b", "number", 0.0, 500),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["feature", "kind", "value", "mean_score"])


def test_dependence_has_axes_a_feature_and_a_line_a_special_value():
    figure = plots.plot_partial_dependence(dependence(), {"x": "Delay"})
    first, second, third, fourth, *rest = figure.axes
    assert [ax.get_title(loc="left") for ax in (first, second, third, fourth)] == [
        "Delay", "job", "a", "b",
    ]  # fmt: skip
    # rows of three; what is left over is not shown
    assert len(figure.axes) == 6
    assert [ax.get_visible() for ax in rest] == [False, False]
    lines = lines_of(first)
    assert first.get_lines()[0].get_xydata().tolist() == [[1, 520], [2, 500]]
    assert [y for line in first.get_lines()[2:] for y in set(line.get_ydata())] == [480, 470, 490]
    assert {"special", "missing"} <= set(lines)
    assert [text.get_text() for text in first.get_legend().get_texts()] == ["special", "missing"]
    assert second.get_legend() is None
    assert second.get_lines()[1].get_ydata().tolist() == [510, 505]
    assert [text.get_text() for text in second.get_xticklabels()] == ["clerk", "driver"]
    assert first.get_ylabel() == fourth.get_ylabel() == "mean score"
    assert first.get_ylim() == fourth.get_ylim()
    told = figure.get_label()
    assert "Delay. The mean score spans 50 points." in told
    assert "job. The mean score spans 5 points." in told


def test_contributions_show_the_largest_on_top():
    points = pd.DataFrame(
        {
            "base": 500.0,
            "small": [0.0, 1, 0, 1, 0],
            "large": [-20.0, -10, 0, 10, 20],
            "tiny": [0.0, 0, 0, 0, 0.1],
        }
    )
    ax = plots.plot_contributions(points, {"large": "Delay"}, top=2)
    assert [text.get_text() for text in ax.get_yticklabels()] == ["small", "Delay"]
    middle = next(line for line in ax.get_lines() if line.get_marker() == "o")
    assert middle.get_xydata().tolist() == [[0, 0], [0, 1]]
    tails, halves = (bars.get_segments() for bars in ax.collections)
    assert tails[1][:, 0].tolist() == pytest.approx([-18, 18])
    assert halves[1][:, 0].tolist() == [-10, 10]
    assert ax.figure.get_label().endswith("The largest on average is Delay.")
    assert ax.get_xlabel() == "points added to the average score"


def test_figures_of_models_are_equal_bytes():
    plots.use_report_style()

    def drawn():
        figure = plots.plot_partial_dependence(dependence(), {"x": "Price in $ and $"})
        return style.svg_of(figure)

    assert drawn() == drawn()


def test_a_table_without_rows_is_drawn_without_a_warning():
    table = pd.DataFrame({"bad_rate": pd.Series(dtype=float)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ">none</th>" in plots.show_table(table, heat=["bad_rate"]).to_html()


def test_a_column_without_a_value_has_no_shade_and_no_warning():
    table = pd.DataFrame({"seen_rate": [0.1, 0.9], "unseen_rate": [np.nan, np.nan]})
    for heat in (["seen_rate", "unseen_rate"], ["unseen_rate"]):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            page = plots.show_table(table, heat=heat).to_html()
        assert ("background-color: rgba(" in page) == ("seen_rate" in heat)


def test_shades_lie_over_any_ground_and_leave_the_text_its_colour():
    table = pd.DataFrame({"a": [0.0, 1.0, np.nan], "b": [2.0, 4.0, 3.0]})
    own = plots.show_table(table, heat=["a", "b"]).to_html()
    assert re.findall(r"rgba\(200, 85, 61, ([\d.]+)\)", own) == ["0.000", "0.660", "0.330"]
    assert "color: #" not in own.replace("background-color: #", "")
    whole = plots.show_table(table, heat=True).to_html()
    assert sorted(re.findall(r"61, ([\d.]+)\)", whole)) == [
        "0.000",
        "0.165",
        "0.330",
        "0.495",
        "0.660",
    ]


def test_a_book_of_few_loans_shows_its_hazard():
    few = hazards.hazard_table(
        pd.DataFrame(
            {
                "loan_id": ["a", "b", "c"], "cohort": pd.Timestamp("2024-01-01"), "amount": 1,
                "event": ["default", "matured", "matured"], "event_mob": [2, 3, 3],
            }
        )
    )  # fmt: skip
    ax = plots.plot_hazard(few)
    assert ax.lines[0].get_xdata().tolist() == [0, 1, 2, 3]
    assert "highest in month 2" in ax.figure.get_label()
    calm = plots.plot_hazard(few.assign(hazard=0.0))
    assert "No loan has defaulted so far." in calm.figure.get_label()


def test_a_share_in_a_name_does_not_make_a_percentage():
    table = pd.DataFrame(
        {"device_shared_count": [0.5], "shareholders": [3.5], "late_share": [0.5], "share": [0.25]}
    )
    page = plots.show_table(table).to_html()
    assert page.count("%</td>") == 2
    assert ">50.0%<" in page
    assert ">25.0%<" in page


def test_letters_without_a_font_are_said_once(monkeypatch):
    monkeypatch.setattr(style, "CJK_FONTS", ())
    style._say_boxes.cache_clear()
    plots.use_report_style()
    figure, ax = plt.subplots()
    ax.set_title("通过率")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in range(2):
            style.svg_of(figure)
    assert [str(one.message).partition(";")[0] for one in told] == [
        "letters without a font here are boxes in figures"
    ]


def test_fonts_installed_since_matplotlib_listed_them_are_found(monkeypatch):
    from matplotlib import font_manager

    if not any(style._CJK_FILE.search(path) for path in font_manager.findSystemFonts()):
        real_parts.absent(
            "no Chinese font here; on Debian or Ubuntu: apt-get install fonts-noto-cjk"
        )
    manager = font_manager.fontManager
    stale = [font for font in manager.ttflist if font.name not in style.CJK_FONTS]
    stale = [font for font in stale if not style._CJK_FILE.search(font.fname)]
    monkeypatch.setattr(manager, "ttflist", stale)
    style._say_boxes.cache_clear()
    plots.use_report_style()
    figure, ax = plt.subplots()
    ax.set_title("通过率")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        style.svg_of(figure)


def test_counts_have_thousands_separators_on_an_axis_too():
    months = pd.DataFrame(
        {"applications": [300_000, 200_000], "approval_rate": 1.0, "bad_rate": np.nan}
        | {"labelled": 0, "bad": 0},
        index=["2024-01", "2024-02"],
    )
    volume, *_ = plots.plot_application_rates(months).axes
    volume.figure.canvas.draw()
    assert "200,000" in [label.get_text() for label in volume.get_yticklabels()]


def test_what_chance_reaches_is_never_told_as_nothing():
    reached = pd.DataFrame({"psi_critical": [0.0004, 0.0251, np.nan]})
    (_, rows) = plots.table_cells(plots.show_table(reached, {"psi_critical": "critical"}))
    assert [row[-1].text for row in rows] == ["< 0.001", "0.025", "–"]
    asked = plots.number_format(reached["psi_critical"], "psi_critical", "critical")
    assert asked.startswith('[<0.001]"< 0.001"')


def test_a_counted_p_value_says_no_more_than_was_counted():
    counted = pd.DataFrame({"p": [1 / (99 + 1), 0.02, 0.0004, np.nan]})
    (_, rows) = plots.table_cells(plots.show_table(counted, {"p": "p_counted"}))
    assert [row[-1].text for row in rows] == ["at most 0.01", "0.020", "< 0.001", "–"]
    assert plots.number_format(counted["p"], "p", "p_counted").startswith('[<=0.01]"at most')


def test_a_table_that_is_cut_says_where_the_rest_is():
    table = pd.DataFrame({"n": range(3)})
    cut = plots.show_table(table, caption="T", rows=2, rest="t.parquet")
    assert cut.caption == "T (first 2 of 3 rows; all in t.parquet)"
    assert plots.show_table(table, caption="T", rows=2).caption == "T (first 2 of 3 rows)"
    assert plots.show_table(table, caption="T", rows=3, rest="t.parquet").caption == "T"


def test_short_headings_figures_and_days_stay_on_one_line_and_sentences_get_room():
    table = pd.DataFrame(
        {"n": [1], "day": ["2024-03-01"], "why": ["a sentence that says why it was left out"]},
        index=["out of time"],
    )
    page = plots.show_table(table).to_html()
    assert '<span class="short">out of time</span>' in page
    labels = pd.Index(["车辆抵押", "01_borrowers/applications.parquet"])
    other = plots.show_table(pd.DataFrame({"n": range(2)}, labels))
    assert '<span class="short">车辆抵押</span>' in other.to_html()
    assert [row[0].text for row in plots.table_cells(other)[1]] == list(labels)
    styles = re.findall(r"#T_\w+ (td[.\w]*) \{([^}]*)\}", page)
    told = {cell: " ".join(rules.split()) for cell, rules in styles}
    assert told["td"] == "white-space: nowrap;"
    assert "td.col0" not in told
    assert "white-space" not in told.get("td.col1", "")
    assert told["td.col2"] == "white-space: normal; min-width: 7rem;"
    longer = plots.show_table(table.assign(why=table["why"] + ", and of whom")).to_html()
    assert "min-width: 11rem" in longer

"""Lights: what months before lead to expect, moves beyond chance, limits, and colours over time."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from riskkit import lights
from riskkit.lights import Watch
from riskkit.lights.reference import Scaled, follow, scaled
from riskkit.schema import LimitsFile

PLAIN = {"label": "A figure", "unit": "rate", "owner": "Head of risk", "to_do": "Look."}
MONTHS = pd.date_range("2022-01-01", periods=36, freq="MS", name="month")


def limits_of(**of_lights: dict[str, str]) -> LimitsFile:
    """A limits file; numbers as they stand in YAML, as text."""
    blocks = {
        name: PLAIN | {"worse": "higher", "breach": "3"} | block
        for name, block in of_lights.items()
    }
    return LimitsFile.model_validate({"lights": blocks})


def signs_of(kind: str = "rate", light: str = "fpd7", **columns: object) -> pd.DataFrame:
    columns = {"denominator": np.nan, "squares": np.nan} | columns
    table = pd.DataFrame(columns)
    months = MONTHS[: len(table)]
    table.index = pd.MultiIndex.from_product([[light], months], names=["light", "month"])
    known = months + pd.offsets.MonthEnd(0)
    return table.astype("float64").assign(kind=kind, known=known)


def rates(bads: list[int], n: int = 1000, **settings: object) -> pd.DataFrame:
    return signs_of(numerator=bads, denominator=n, **settings)


def normal_scale(y: np.ndarray) -> Scaled:
    """Rows of numbers that vary by 1."""
    n = len(y)
    return Scaled(y, np.ones_like(y), np.ones(n, dtype=bool), ["mean"] * n)


def followed(y: np.ndarray, drift: float = 0.001, worse: int = 1, **watch: float):
    rows = np.atleast_2d(y)
    full = np.full(len(rows), drift), np.full(len(rows), worse)
    return follow(normal_scale(rows), *full, Watch(**watch))


# -- scale and score -------------------------------------------------------------------------------


def test_counts_are_scaled_as_anscombe_has_it():
    bads = rates([0, 25, 1000])
    scale = scaled(bads, ["fpd7"], MONTHS[:3])
    expected = [np.arcsin(np.sqrt((d + 0.375) / 1000.75)) for d in (0, 25, 1000)]
    assert scale.y[0] == pytest.approx(expected, rel=1e-12)
    assert scale.variance[0] == pytest.approx(1 / 4002)
    number = scaled(signs_of("number", numerator=[16, 100]), ["fpd7"], MONTHS[:2])
    assert number.y[0] == pytest.approx([np.sqrt(16.375), np.sqrt(100.375)])
    assert number.back(number.y)[0] == pytest.approx([16, 100])
    # points 1, 2, 3: mean 2, variance 1, that of the mean 1/3
    mean = scaled(signs_of("mean", numerator=[6], denominator=3, squares=14), ["fpd7"], MONTHS[:1])
    assert (mean.y[0, 0], mean.variance[0, 0]) == pytest.approx((2, 1 / 3))
    money = scaled(signs_of("amount", numerator=[100, 0]), ["fpd7"], MONTHS[:2])
    assert money.y[0, 0] == pytest.approx(np.log(100))
    assert np.isnan(money.y[0, 1])
    assert not money.has_law.any()


def test_a_score_is_students_of_the_line_through_the_months_before():
    rng = np.random.default_rng(5)
    n = rng.integers(200, 900, 15)
    bads = rng.binomial(n, 0.1)
    drift, watch = 0.3, Watch()
    scale = scaled(signs_of(numerator=bads, denominator=n), ["fpd7"], MONTHS[:15])
    moves = follow(scale, np.array([drift]), np.array([0]), watch)
    y, w = scale.y[0], 4 * n + 2.0
    # the drift's prior is one more observation of the slope: least squares of one row more
    level = np.average(y[:14], weights=w[:14])
    slope = drift / 12 * np.tan(level) / 2
    rows = np.vstack([np.column_stack([np.ones(14), np.arange(14) - 14]), [0, 1]])
    weights = np.sqrt(np.append(w[:14], 1 / slope**2))
    design, target = rows * weights[:, None], np.append(y[:14], 0) * weights
    coefficients, squares, *_ = np.linalg.lstsq(design, target, rcond=None)
    freedom = watch.prior_months + 14 - 1
    spread = max((watch.prior_months + squares[0]) / freedom, 1)
    variance = spread * (1 / w[14] + np.linalg.inv(design.T @ design)[0, 0])
    t = (y[14] - coefficients[0]) / np.sqrt(variance)
    assert moves.expected[0, 14] == pytest.approx(coefficients[0])
    assert moves.score[0, 14] == pytest.approx(stats.norm.ppf(stats.t.cdf(t, freedom)))
    assert np.isnan(moves.score[0, : watch.least_months]).all()
    assert np.isfinite(moves.score[0, watch.least_months :]).all()


@pytest.mark.parametrize("spread", [1.0, 3.0])
def test_scores_are_normal_however_much_months_differ(spread):
    y = 50 + spread * np.random.default_rng(1).normal(size=(1000, 30))
    late = followed(y).score[:, 20:]
    assert late.mean() == pytest.approx(0, abs=0.03)
    # never less than single loans' chance; of more, eight months' worth of belief is not learned
    assert late.std() == pytest.approx(0.94 if spread == 1 else 1.13, abs=0.03)


def test_red_is_rare_where_nothing_changes_and_sure_where_all_does():
    rng = np.random.default_rng(2)
    y = 50 + rng.normal(size=(2000, 30))
    in_a_year = followed(y).red[:, 18:].any(axis=1).mean()
    assert 0.0005 < in_a_year < 0.02
    either = followed(y, worse=0).red[:, 18:].any(axis=1).mean()
    assert either <= in_a_year
    y[:, 18:] += 4
    delays = followed(y).red[:, 18:].argmax(axis=1)
    assert np.median(delays) == 0
    assert followed(-y).red[:, 18:].mean() < 0.001  # better is no worse


def test_a_trend_is_no_move_where_drift_is_usual():
    line = 50 + 0.15 * np.arange(36) + 0.3 * np.random.default_rng(3).normal(size=(200, 36))
    assert followed(line, drift=0.05, worse=0).red.any(axis=1).mean() < 0.02
    assert followed(line, drift=0.0001).red.any(axis=1).mean() > 0.9
    steps = line + np.where(np.arange(36) >= 20, 5, 0)
    assert followed(steps, drift=0.05, worse=0).red[:, 20:22].any(axis=1).all()


def test_what_is_suspected_teaches_nothing_and_red_goes_out_when_the_figure_is_back():
    y = np.tile([50.0, 51.0], 18)
    y[20:26] += 6
    moves = followed(y)
    assert moves.red[0].nonzero()[0].tolist() == [20, 21, 22, 23, 24, 25]
    assert moves.expected[0, 26] == pytest.approx(50.5, abs=0.1)
    forgetful = followed(y, calm=0.99, red=1e9).expected[0, 26]
    assert forgetful > 51.5  # where nothing is ever suspected


def test_a_level_that_was_red_for_a_year_is_the_new_reference():
    y = np.tile([50.0, 51.0], 18)
    y[12:] += 8
    moves = followed(y)
    assert moves.settled[0].nonzero()[0].tolist() == [24]
    assert moves.red[0, 12:24].all()
    assert not moves.red[0, 24:].any()
    assert moves.expected[0, 30] == pytest.approx(58.5, abs=0.2)
    assert not followed(y, settled_months=40).settled.any()


def test_watch_refuses_what_cannot_be():
    for name, value, text in [
        ("slack", 0, "slack must be > 0"),
        ("calm", 1, r"calm must lie in \(0, 1\)"),
        ("least_months", 2, "least_months must lie in 3"),
        ("settled_months", 0, "settled_months must be >= 1"),
    ]:
        with pytest.raises(ValueError, match=text):
            Watch(**{name: value})


# -- colours ---------------------------------------------------------------------------------------

USUAL = [30, 28, 33, 31, 27, 30, 32, 29, 31, 30, 28, 33]


def test_each_month_is_told_from_those_before_alone():
    rng = np.random.default_rng(8)
    table = pd.concat(
        [
            rates(rng.binomial(1000, 0.03, 36).tolist()),
            rates(rng.binomial(1000, 0.2, 36).tolist(), light="approval"),
        ]
    )
    limits = limits_of(
        fpd7={"amber": "0.03", "red": "0.035"}, approval={"worse": "either", "breach": "2"}
    )
    whole = lights.lights_history(table, limits)
    for last in (5, 17, 30):
        part = table[table.index.get_level_values("month") <= MONTHS[last]]
        told = lights.lights_history(part, limits)
        before = whole[whole.index.get_level_values("month") <= MONTHS[last]]
        pd.testing.assert_frame_equal(told, before)
    # and one light's colour is no other's business
    alone = lights.lights_history(table, limits_of(fpd7={"amber": "0.03", "red": "0.035"}))
    pd.testing.assert_frame_equal(alone, whole.loc[["fpd7"]])


def by_limit(bads, n=1000, **block):
    history = lights.lights_history(rates(bads, n), limits_of(fpd7={"watched": "no"} | block))
    assert (history["by_move"] == "").all()
    return history["colour"].tolist()


def test_a_limit_is_red_beyond_chance_and_amber_at_the_value():
    # 95 % of 60 in 1000: 4.7 % to 7.6 %; of 75: 6.0 % to 9.3 %
    block = {"amber": "0.05", "red": "0.055"}
    assert by_limit([20, 45, 55, 60, 75], **block) == ["green", "grey", "amber", "amber", "red"]
    # red until the value is back on this side of the red limit
    assert by_limit([75, 60, 56, 54, 60, 20], **block) == [
        "red", "red", "red", "amber", "amber", "green",
    ]  # fmt: skip
    lower = {"worse": "lower", "breach": "0.5", "amber": "0.9", "red": "0.85"}
    assert by_limit([950, 880, 800, 845, 860], **lower) == [
        "green", "amber", "red", "red", "amber",
    ]  # fmt: skip


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(0, 100), min_size=1, max_size=12))
def test_colours_by_limit_as_a_plain_loop_has_them(bads):
    expected, is_red = [], False
    for bad in bads:
        low, high = stats.beta.ppf([0.025, 0.975], bad + 0.5, 100 - bad + 0.5)
        low, high = (0 if bad == 0 else low), (1 if bad == 100 else high)
        is_red = low > 0.4 or (is_red and bad > 40)
        colour = "amber" if bad > 30 else "grey" if high > 0.4 else "green"
        expected.append("red" if is_red else colour)
    assert by_limit(bads, 100, amber="0.3", red="0.4") == expected


def test_the_worse_of_limit_and_move_counts_and_since_is_its_first_month():
    bads = [*USUAL, 31, 60, 62, 61, 63]
    history = lights.lights_history(rates(bads), limits_of(fpd7={"amber": "0.08", "red": "0.1"}))
    own = history.loc["fpd7"]
    assert own["colour"].tolist() == ["green"] * 13 + ["red"] * 4
    assert own["by_limit"].tolist() == ["green"] * 17
    assert own["by_move"].tolist() == ["grey"] * 8 + ["green"] * 5 + ["red"] * 4
    assert own["since"].tolist() == [MONTHS[0]] * 13 + [MONTHS[13]] * 4
    assert own["moved"].tolist() == [0] * 13 + [1] * 4
    lower = lights.lights_history(rates(bads), limits_of(fpd7={"worse": "lower", "breach": "0.5"}))
    assert lower["colour"].tolist() == ["grey"] * 8 + ["green"] * 9


def test_money_has_the_interval_that_months_before_give_it():
    shares = np.array([0.92, 0.93, 0.91, 0.925, 0.915] * 4)
    table = signs_of("amount_rate", "collected_7", numerator=shares * 1e6, denominator=1e6)
    block = {"worse": "lower", "breach": "0.9", "amber": "0.89", "red": "0.85", "watched": "no"}
    history = lights.lights_history(table, limits_of(collected_7=block))
    assert history["low"].iloc[:8].isna().all()
    last = history.iloc[-1]
    assert 0.89 < last["low"] < last["value"] < last["high"] < 0.95
    fallen = table.assign(numerator=np.where(np.arange(20) > 17, 0.7e6, table["numerator"]))
    colours = lights.lights_history(fallen, limits_of(collected_7=block))["colour"]
    assert colours.iloc[16:].tolist() == ["green", "green", "red", "red"]


# -- thin sources ----------------------------------------------------------------------------------


def test_thin_sources_are_grey_in_words():
    limits = limits_of(fpd7={}, m0_m1={})
    nothing = lights.lights_history(lights.join_signs(), limits)
    table = lights.light_table(nothing, limits)
    assert table["colour"].tolist() == ["grey", "grey"]
    assert table["why"].tolist() == ["This source does not tell it."] * 2
    assert lights.lights_text(table) == (
        "Of 2 lights **2 are grey, too few to say** (A figure, A figure)."
    )
    assert "–" in lights.lights_html(table, nothing)
    one = lights.light_table(lights.lights_history(rates([30]), limits), limits)
    assert (
        one.loc["fpd7", "why"]
        == "3.00% (2.07% to 4.20%): too few months before to say what is usual."
    )
    assert np.isnan(one.loc["fpd7", "before"])
    assert one.dtypes.equals(table.dtypes)
    assert lights.months_by_light(nothing, {}).empty
    assert lights.light_findings(table) == []
    assert lights.lights_text(table[:0]).startswith("No figure is watched")
    no_lights = LimitsFile()
    assert lights.light_table(lights.lights_history(rates([30]), no_lights), no_lights).empty


def test_zero_bads_and_a_first_one_are_no_alarm():
    limits = limits_of(declined_reason_device={})
    calm = rates([0] * 20 + [1, 0, 0], 500, light="declined_reason_device")
    assert set(lights.lights_history(calm, limits)["colour"]) == {"grey", "green"}
    ring = rates([0] * 20 + [9], 500, light="declined_reason_device")
    assert lights.lights_history(ring, limits)["colour"].iloc[-1] == "red"


# -- signs -----------------------------------------------------------------------------------------


def test_a_month_is_judged_once_all_of_it_is_known():
    columns = {"fpd30_missed": 3, "fpd30_due": 100, "m0_m1_loans": 5, "m0_loans": 200}
    counts = pd.DataFrame(columns, index=MONTHS[:4])
    counts.loc[MONTHS[1], ["m0_m1_loans", "m0_loans"]] = 0
    signs = lights.monthly_signs(counts, "2022-04-29")
    months = {
        name: own.index.get_level_values("month").month.tolist()
        for name, own in signs.groupby(level="light")
    }
    # March's first instalments are 30 days old at the end of April; April is not over
    assert months == {"fpd30": [1, 2], "m0_m1": [1, 3]}
    assert signs.loc["fpd30", "known"].tolist() == [
        pd.Timestamp("2022-03-02"),
        pd.Timestamp("2022-03-30"),
    ]
    money = pd.DataFrame(
        {"disbursed_amount": [500_000], "disbursed": [10], "disbursed_squares": [2_600_000]},
        index=MONTHS[:1],
    )
    ticket = lights.monthly_signs(money, "2022-02-01").loc["mean_ticket"].iloc[0]
    assert ticket["numerator"] / ticket["denominator"] == 500
    with pytest.raises(ValueError, match="indexed by month"):
        lights.monthly_signs(counts.reset_index(), "2022-04-29")


def test_shares_are_of_all_applications_and_zero_is_known():
    asked = pd.DataFrame(
        {
            "applied_at": pd.to_datetime(["2022-01-03", "2022-01-09", "2022-03-31", "2022-03-31"]),
            "channel": ["partner", "app", "partner", None],
        }
    )
    limits = limits_of(channel_partner={}, channel_fax={}, declined_reason_device={})
    signs = lights.share_signs(asked, limits, "2022-03-31")
    assert signs["numerator"].tolist() == [1, 1, 0, 0]
    assert signs["denominator"].tolist() == [2, 2, 2, 2]
    assert signs.index.get_level_values("light").unique().tolist() == [
        "channel_partner", "channel_fax",
    ]  # fmt: skip
    assert lights.share_signs(asked[:0], limits, "2022-03-31").empty
    with pytest.raises(ValueError, match="got twice: channel_partner, 2022-01"):
        lights.join_signs(signs, signs)


def test_a_sign_says_what_it_takes():
    with pytest.raises(ValueError, match="all others one"):
        lights.Sign("bad")
    with pytest.raises(ValueError, match="kind must be one of number"):
        lights.Sign("bad", "labelled", kind="share")
    assert set(lights.SIGNS) == set(LimitsFile.LIGHTS)


# -- table and words -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def told():
    limits = limits_of(
        fpd7={"amber": "0.08", "red": "0.1", "target": ["0", "0.04"], "label": "Late <b>1st</b>"},
        fpd30={"amber": "0.04", "red": "0.05", "watched": "no", "label": "Later"},
        m0_m1={"label": "Fall behind"},
    )
    table = pd.concat(
        [
            rates([*USUAL, 31, 60]),
            rates([*USUAL, 31, 45], light="fpd30"),
            rates([*USUAL, 31, 30], light="m0_m1"),
        ]
    )
    history = lights.lights_history(table, limits)
    return lights.light_table(history, limits), history


def test_the_table_says_what_is_on_since_when_and_why(told):
    table, _ = told
    assert table["colour"].tolist() == ["red", "amber", "green"]
    assert table["since"].tolist() == [MONTHS[13], MONTHS[13], MONTHS[8]]
    assert (table["month"] == MONTHS[13]).all()
    row = table.loc["fpd7"]
    assert (row["value"], row["before"]) == (0.06, 0.031)
    assert row["mean_before"] == pytest.approx(np.mean([*USUAL[1:], 31]) / 1000)
    assert (row["target_low"], row["target_high"], row["amber"], row["red"]) == (0, 0.04, 0.08, 0.1)
    assert row["why"] == (
        "6.00% (4.65% to 7.60%) where 3.03% was expected, higher than chance explains; "
        "the target is 0% to 4%."
    )
    assert table.loc["fpd30", "why"] == ("4.50% (3.34% to 5.92%) is above 4%, the limit for amber.")
    assert table.loc["m0_m1", "why"] == "As expected (3.03%)."
    assert np.isnan(table.loc["m0_m1", "red"])


def test_a_red_light_whose_last_month_is_as_expected_says_so():
    # far above for one month, so that the sum is not gone a month later
    limits = limits_of(fpd7={"label": "Late"})
    history = lights.lights_history(rates([*USUAL, 75, 31]), limits)
    row = lights.light_table(history, limits).loc["fpd7"]
    assert row["colour"] == "red"
    assert "by itself as usual; the months before add up to higher than chance" in row["why"]


def test_words_findings_and_what_to_do_begin_with_red(told):
    table, history = told
    text = lights.lights_text(table)
    assert text.startswith(
        r"Of 3 lights **1 is red** (Late \<b\>1st\<\/b\>); **1 is amber** (Later)"
    )
    # a red one is an alert, and told as such: no finding beside it
    ((topic, found, is_red),) = lights.light_findings(table[::-1])
    assert (topic, is_red) == ("Lights", False)
    assert found.startswith("Later, since February 2023: 4.50%")
    assert found.endswith(f"({table.loc['fpd30', 'owner']}: {table.loc['fpd30', 'to_do'][:-1]})")
    assert lights.to_do_table(table)["since"].tolist() == ["2023-02", "2023-02"]
    assert lights.lights_text(table[2:]) == "**The one light is green.**"
    page = lights.lights_html(table, history)
    assert '<span class="light red">red</span>' in page
    assert "Late &lt;b&gt;1st" in page
    assert "<b>" not in page
    assert page.count("<polyline") == 3
    assert page.count("<circle") == 2
    assert "14 months, 2.70% to 6.00%; 2023-02 red" in page
    # month judged, and the interval below the figure
    assert '<td style="white-space: nowrap">2023-02</td>' in page
    assert "6.00%<br>4.65% to 7.60%" in page
    assert "red</span><br>since 2023-02" in page
    months = lights.months_by_light(history, table["label"].to_dict(), last=2)
    assert months.columns.tolist() == ["2023-01", "2023-02"]
    assert months.loc["Later"].tolist() == ["green", "amber"]


def test_beyond_the_limit_of_red_by_chance_is_not_said_to_be_below_it():
    limits = limits_of(fpd30={"amber": "0.04", "red": "0.05", "watched": "no"})
    history = lights.lights_history(rates([*USUAL, 31, 52], light="fpd30"), limits)
    row = lights.light_table(history, limits).loc["fpd30"]
    assert row["colour"] == "amber"
    assert row["why"] == "5.20% (3.95% to 6.71%) is above the limit of 5%, but that may be chance."


def test_months_that_were_on_stand_in_their_colours(told):
    table, history = told
    labels = table["label"].to_dict()
    page = lights.months_html(history, labels, last=2)
    assert page.count("<tr>") == 3
    assert "Late &lt;b&gt;1st" in page
    assert "Fall behind" not in page
    assert page.count(">red</span>") == page.count(">amber</span>") == 1
    assert page.count(">·</td>") == 2
    # Later, amber in the month after, has no figure in this one
    gap = history.drop(index=[("fpd30", MONTHS[12])])
    assert lights.months_html(gap, labels, last=2).count(">–</td>") == 1
    assert lights.months_html(history.loc[["m0_m1"]], labels) == ""


def test_key_figures_have_interval_month_colour_and_a_trend(told):
    table, history = told
    of_money = table.assign(unit=["rate", "CNY", "rate"])
    of_money.loc["fpd30", ["value", "low", "high"]] = [6030.0, 5705.0, 6354.0]
    of_money.loc["m0_m1", "value"] = np.nan
    assert lights.light_figures(of_money, ["fpd30", "fpd7", "m0_m1", "no_such"]) == {
        "Later": "6,030 (5,705 to 6,354) CNY in February 2023, amber",
        "Late <b>1st</b>": "6.00% (4.65% to 7.60%) in February 2023, red",
    }
    trends = lights.light_trends(table, history, months=3)
    assert trends.index.tolist() == ["2022-12", "2023-01", "2023-02"]
    assert trends["Late <b>1st</b>"].tolist()[1:] == [0.031, 0.06]


def test_what_was_found_stands_with_whose_it_is():
    duty = {"owner": "Head of collections", "to_do": "Look.", "within_days": "7"}
    limits = LimitsFile(findings={"Collections": duty})
    found = [("Collections", "a", False), ("New", "b", True)]
    table = lights.attention_table(found, limits)
    assert table.index.tolist() == ["New", "Collections"]
    assert table["colour"].tolist() == ["red", "amber"]
    assert table["owner"].tolist() == ["no owner named", "Head of collections"]
    assert table["to_do"].tolist() == ["–", "Look."]
    assert lights.attention_table([], limits).empty


def test_units_are_those_of_the_file():
    from riskkit.lights.light_table import figure_text

    assert figure_text(0.0512, "rate", 0.04, 0.06) == "5.12% (4.00% to 6.00%)"
    assert figure_text(12_345.6, "CNY") == "12,346"
    assert figure_text(552.94, "points") == "552.9"
    assert figure_text(float("nan"), "rate") == "–"


# -- useless lights --------------------------------------------------------------------------------


def test_a_light_that_nothing_moves_and_one_that_is_always_red_are_named():
    limits = limits_of(
        fpd7={"breach": "3"},
        m0_m1={"amber": "0.5", "red": "0.6", "watched": "no", "breach": "2"},
        fpd30={"amber": "0.01", "red": "0.011", "watched": "no"},
        m1_m2={"amber": "0.5", "red": "0.6", "watched": "no", "scenario": "downturn"},
        open_30={},
    )
    names = ["fpd7", "m0_m1", "fpd30", "m1_m2"]
    table = pd.concat([rates(USUAL * 2, light=name) for name in names])
    onset = MONTHS[18]
    base = lights.lights_history(table, limits)
    broken = lights.lights_history(lights.inject_breaches(table, limits, onset), limits)
    fallen = pd.concat(
        [table.drop("m1_m2", level="light"), rates(USUAL + USUAL[:7] + [700] * 5, light="m1_m2")]
    )
    scenarios = {"downturn": lights.lights_history(fallen, limits)}
    found = lights.useless_lights(limits, base, scenarios, broken, onset)
    assert found["why"].to_dict() == {
        "fpd7": "",
        "m0_m1": "neither its scenario nor its breach turns it red",
        "fpd30": "always red",
        "m1_m2": "",
        "open_30": "nothing is counted for it",
    }
    assert found.loc["fpd7", "by_breach"] == 0
    assert found.loc["m1_m2", "by_scenario"] == 1
    assert lights.useless_text(found) == (
        "3 of 5 lights are of no use: m0_m1 (neither its scenario nor its breach turns it red), "
        "fpd30 (always red), open_30 (nothing is counted for it)."
    )


def test_a_breach_multiplies_counts_and_never_passes_the_whole():
    table = pd.concat(
        [
            rates([0, 400, 0, 400], light="fpd7"),
            signs_of("mean", "mean_score", numerator=[500.0] * 4, denominator=10, squares=30_000.0),
        ]
    )
    limits = limits_of(fpd7={"breach": "5"}, mean_score={"worse": "lower", "breach": "0.9"})
    broken = lights.inject_breaches(table, limits, MONTHS[2])
    assert broken.loc["fpd7", "numerator"].tolist() == [0, 400, 5, 1000]
    assert broken.loc["mean_score", "numerator"].tolist() == [500, 500, 450, 450]
    assert broken.loc["mean_score", "squares"].tolist()[2] == pytest.approx(30_000 * 0.81)


def test_defaults_stand_in_one_place():
    fields = {field.name: field.default for field in dataclasses.fields(Watch)}
    assert Watch(**fields) == Watch()
    colours = set(itertools.chain(lights.COLOURS))
    assert colours == {"grey", "green", "amber", "red"}

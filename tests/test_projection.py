"""Projection of immature cohorts: counts at the diagonal, the model, its intervals, the words."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import approx_fprime
from studies import compare
from studies.projection import STUDY, measure_cohort, poisson_binomial

from riskkit import hazards, projection, vintage
from riskkit.projection import ageing, ends, seasoning

TERM, FIRST = 6, 3
SEASONING = np.array([0, 0, 0, 0.004, 0.012, 0.010, 0.008, 0.25, 0.4])  # arrears outlive the term
PREPAID = np.array([0.03] * TERM + [0.96, 0.3, 0.3])


def world(seed, *, n_months=24, loans=400, cohort_sd=0.2, calendar_sd=0.03):
    """Counts of cohorts whose hazards are known, each watched to its end; and the ends."""
    rng = np.random.default_rng(seed)
    level = rng.normal(0, cohort_sd, n_months)
    calendar = np.cumsum(rng.normal(0, calendar_sd, n_months + len(SEASONING)))
    rows = []
    for cohort in range(n_months):
        at_risk = loans
        start = pd.Timestamp("2022-01-01") + pd.DateOffset(months=cohort)
        for mob, base in enumerate(SEASONING):
            chance = 1 - (1 - base) ** np.exp(level[cohort] + calendar[cohort + mob])
            failed = rng.binomial(at_risk, chance)
            ended = rng.binomial(at_risk - failed, PREPAID[mob])
            # whoever is left at the end has ended, too
            ended = at_risk - failed if mob == len(SEASONING) - 1 else ended
            at_risk -= failed + ended
            rows.append((start, mob, loans if mob == 0 else 0, failed, failed + ended))
    names = ["cohort", "mob", "loans", "ever_90_loans", "exit_90_loans"]
    counts = pd.DataFrame(rows, columns=names).set_index(["cohort", "mob"])
    counts["amount"] = counts["loans"] * 100_000
    counts["ever_90_amount"] = counts["ever_90_loans"] * 60_000
    return counts.assign(censored_90_loans=0)


def seen(counts, n_months=24):
    """What was known at the end of the last month of lending."""
    return {"observed_to": counts.index[0][0] + pd.DateOffset(months=n_months - 1)}


@cache
def fitted(seed=1, **how):
    counts = world(seed, **how)
    return counts, projection.fit_hazards(counts, **seen(counts), n_draws=1_000)


# -- counts ----------------------------------------------------------------------------------------


@st.composite
def books(draw):
    """A small panel of loans that end in every way, some before the last month seen."""
    n_months = 7
    rows = []
    for loan in range(draw(st.integers(1, 8))):
        cohort = draw(st.integers(0, n_months - 1))
        life = draw(st.integers(0, n_months - 1))
        event = draw(st.one_of(st.none(), st.integers(0, life)))
        how = draw(st.sampled_from(["prepaid", "matured", "current"]))
        for mob in range(min(life, n_months - 1 - cohort) + 1):
            late = event is not None and mob >= event
            status = how if mob == life and not late else "delinquent" if late else "current"
            rows.append((f"L{loan}", cohort, mob, 95 if late else 0, status))
    panel = pd.DataFrame(rows, columns=["loan_id", "start", "mob", "dpd", "status"])
    starts = pd.Timestamp("2024-01-01") + panel["start"].map(lambda n: pd.DateOffset(months=n))
    return panel.assign(cohort=starts.astype("datetime64[s]"))


@settings(max_examples=15, deadline=None)
@given(books(), st.integers(0, 6))
def test_hidden_months_leave_what_was_known_then(panel, hidden):
    last = (panel["start"] + panel["mob"]).max() - hidden
    found = ageing.ageing_of(vintage.cohort_counts(panel, dpd=(90,)), hidden_months=hidden)
    first = panel["start"].min()
    assert found.n_cohorts == max(min(panel["start"].max(), last) - first + 1, 0)
    for place in range(found.n_cohorts):
        cohort = first + place
        own = panel[(panel["start"] == cohort) & (panel["start"] + panel["mob"] <= last)]
        assert found.loans[place] == own["loan_id"].nunique()
        lives = [loan.sort_values("mob") for _, loan in own.groupby("loan_id")]
        for mob in range(found.events.shape[1]):
            at_risk = events = ended = 0
            for loan in lives:
                before, now = loan[loan["mob"] < mob], loan[loan["mob"] == mob]
                if (before["dpd"] > 90).any() or now.empty:
                    continue
                at_risk += 1
                events += int(now["dpd"].iloc[0] > 90)
                ended += int(now["status"].iloc[0] in ("prepaid", "matured"))
            cell = (found.at_risk[place, mob], found.events[place, mob], found.ended[place, mob])
            assert cell == (at_risk, events, ended)
            if mob == last - cohort:
                assert found.left[place] == at_risk - events - ended
        if last - cohort >= found.events.shape[1]:
            assert found.left[place] == 0


def test_the_triangle_is_the_vintage_curve_times_its_loans():
    counts, _ = fitted()
    for freq in ("M", "Q"):
        triangle = projection.event_triangle(counts, cohort_freq=freq, **seen(counts))
        curves = vintage.vintage_table(counts, dpd=90, cohort_freq=freq, **seen(counts))
        loans = 400 * (3 if freq == "Q" else 1)
        expected = curves.reindex(columns=triangle.columns).to_numpy() * loans
        np.testing.assert_allclose(triangle.to_numpy(), expected, atol=1e-9)
        assert triangle.columns.tolist() == list(range(FIRST, len(SEASONING)))


def test_outcomes_are_projected_by_their_default():
    rng = np.random.default_rng(0)
    months = pd.to_datetime("2024-01-01") + pd.to_timedelta(31 * (np.arange(600) % 10), "D")
    event = rng.choice(["default", "matured"], 600, p=[0.2, 0.8])
    mob = np.where(event == "default", rng.integers(1, 5, 600), 6)
    left = 10 - 1 - (months.year * 12 + months.month - 2024 * 12 - 1)
    outcomes = pd.DataFrame(
        {
            "loan_id": range(600),
            "cohort": months.to_period("M").to_timestamp(),
            "amount": 100,
            "event": np.where(mob <= left, event, "censored"),
            "event_mob": np.minimum(mob, left),
        }
    )
    model = projection.fit_hazards(vintage.cohort_counts(outcomes), n_draws=400)
    table = projection.projection_table(model)
    assert table["bad"]["all"] == (outcomes["event"] == "default").sum()
    ended = table["method"] == "ended"
    assert ended.sum() == 4  # those that have come to month 6
    assert table["end_rate"]["all"] == pytest.approx(0.2, abs=0.05)


# -- the model -------------------------------------------------------------------------------------


def cells():
    counts = world(3, n_months=10, loans=60)
    of = ageing.ageing_of(counts, **seen(counts, 10))
    return seasoning._cells_of(of, FIRST, 8)


def test_the_slope_and_the_information_are_those_of_the_likelihood():
    some = cells()
    effects = np.random.default_rng(0).normal(0, 0.3, some.n_effects)
    effects[: some.n_mobs] -= 4
    _, slope, weight = seasoning._likelihood(some, effects)
    numeric = approx_fprime(effects, lambda at: seasoning._likelihood(some, at)[0], 1e-7)
    np.testing.assert_allclose(seasoning._gathered(some, slope), numeric, rtol=1e-3, atol=1e-2)
    # information: of the numbers of events expected, the slope's own slope is what is expected
    hazard = -np.expm1(-np.exp(seasoning._log_hazard(some, effects)))
    told = replace(some, events=some.at_risk * hazard)

    def score(at):
        return seasoning._gathered(told, seasoning._likelihood(told, at)[1])

    numeric = approx_fprime(effects, score, 1e-6)
    np.testing.assert_allclose(seasoning._information(some, weight), -numeric, rtol=1e-3, atol=1e-2)


def test_without_loans_no_spread_is_likelier_than_another():
    none = replace(cells(), at_risk=np.zeros(0), events=np.zeros(0))
    empty = np.zeros(0, np.int64)
    none = replace(none, mob=empty, cohort=empty, calendar=empty)
    found = [
        seasoning._mode_of(none, cohort_sd, calendar_sd).log_likelihood
        for cohort_sd in seasoning.COHORT_SDS
        for calendar_sd in seasoning.CALENDAR_SDS
    ]
    np.testing.assert_allclose(found, found[0], atol=1e-8)
    assert seasoning._prior_masses().sum() == pytest.approx(1)


def test_draws_scatter_as_the_information_says():
    some = cells()
    fit = seasoning._mode_of(some, 0.2, 0.05)
    draws = seasoning._draws_of(fit, 40_000, np.random.default_rng(1))
    covariance = np.linalg.inv(fit.factor @ fit.factor.T)
    np.testing.assert_allclose(draws.mean(axis=0), fit.effects, atol=0.05)
    scale = np.sqrt(np.diag(covariance))
    off = (np.cov(draws.T) - covariance) / np.outer(scale, scale)
    assert np.abs(off).max() < 0.03
    score = seasoning._gathered(some, seasoning._likelihood(some, fit.effects)[1])
    centre = np.where(np.arange(some.n_effects) < some.n_mobs, some.mean, 0)
    np.testing.assert_allclose(
        score, seasoning._precision(some, 0.2, 0.05) @ (fit.effects - centre), atol=0.05
    )


def test_the_calendar_walks_on_into_the_months_to_come():
    _, model = fitted()
    steps = np.diff(model.calendar[:, 23:], axis=1)  # from the last month seen on
    assert steps.shape[1] == model.end_mob
    spread = steps / model.calendar_sd[:, np.newaxis]
    assert spread.std() == pytest.approx(1, abs=0.03)
    assert np.abs(np.corrcoef(spread.T) - np.eye(model.end_mob)).max() < 0.15


def test_many_loans_give_back_hazards_cohorts_and_their_spread():
    counts, model = world(5, loans=40_000, n_months=30), None
    model = projection.fit_hazards(counts, **seen(counts, 30), n_draws=1_000)
    rng = np.random.default_rng(5)
    level = rng.normal(0, 0.2, 30)
    found = model.cohort.mean(axis=0)[:22]  # those that have had events
    assert np.corrcoef(found, level[:22])[0, 1] > 0.97
    low, high = np.quantile(model.cohort_sd, [0.01, 0.99])
    assert low <= 0.2 <= high
    pooled = hazards.hazard_table(counts, **seen(counts, 30))["hazard"]
    own = model.hazard(np.full(5, 10), np.arange(FIRST, FIRST + 5)).mean(axis=0)
    np.testing.assert_allclose(own, pooled[FIRST : FIRST + 5], rtol=0.5)
    assert (model.seasoning[:, :FIRST] == -np.inf).all()


def test_a_hidden_month_is_not_looked_at():
    counts = world(2)
    whole = projection.fit_hazards(counts, **seen(counts), hidden_months=5, n_draws=200)
    month = pd.DatetimeIndex(counts.index.get_level_values("cohort")).to_period("M")
    known = np.asarray(month.astype("int64")) + counts.index.get_level_values("mob")
    last = pd.Period("2022-01", "M").ordinal + 24 - 1 - 5
    cut = projection.fit_hazards(counts[known <= last], n_draws=200)
    pd.testing.assert_frame_equal(
        projection.projection_table(whole), projection.projection_table(cut)
    )


def test_expected_ends_are_the_mean_of_the_draws_and_a_plain_recursion():
    _, model = fitted()
    drawn = model.ageing.bad + ends.draw_events(model).sum(axis=2)
    expected = ends.expected_ends(model)
    error = drawn.std(axis=0) / np.sqrt(model.n_draws)
    assert (np.abs(drawn.mean(axis=0) - expected) <= 4.5 * error + 1e-9).all()
    cohort = model.ageing.n_cohorts - 3
    total = 0.0
    for draw in range(model.n_draws):
        at_risk = float(model.ageing.left[cohort])
        for mob in range(3, model.end_mob + 1):
            log_hazard = (
                model.seasoning[draw, mob]
                + model.cohort[draw, cohort]
                + model.calendar[draw, cohort + mob]
            )
            failed = at_risk * (1 - np.exp(-np.exp(log_hazard)))
            total += failed
            at_risk = (at_risk - failed) * (1 - model.ended_rate[draw, mob])
    assert expected[cohort] == pytest.approx(total / model.n_draws)


def test_intervals_hold_what_comes():
    inside = []
    for seed in range(15):
        counts, model = fitted(seed=100 + seed)
        table = projection.projection_table(model)
        came = counts["ever_90_loans"].groupby("cohort").sum().to_numpy() / 400
        own = table.drop(index="all")
        held = (own["end_rate_low"] <= came) & (came <= own["end_rate_high"])
        inside.append(held[own["method"] != "ended"])
    # eight cohorts a world, which share its calendar; by chance alone 2 points either way
    assert len(np.concatenate(inside)) == 120
    assert 0.9 <= np.concatenate(inside).mean() <= 0.99


# -- tables ----------------------------------------------------------------------------------------


def test_the_table_says_what_is_known_and_by_what():
    _, model = fitted()
    table = projection.projection_table(model, appetite_rate=0.05)
    own = table.drop(index="all")
    assert own.index.tolist() == [str(month) for month in model.ageing.months]
    assert own["age"].tolist() == [8] * 15 + [*range(8, -1, -1)]
    ended = own[own["method"] == "ended"]
    assert len(ended) == 16
    assert (ended["end_bad"] == ended["bad"]).all()
    assert (ended["end_rate_low"] == ended["end_rate_high"]).all()
    np.testing.assert_allclose(ended["end_amount_rate"], 0.6 * ended["end_rate"])
    np.testing.assert_allclose(own["end_amount_rate"], 0.6 * own["end_rate"], rtol=0.02)
    assert table.loc["all", ["loans", "bad", "end_bad"]].tolist() == pytest.approx(
        own[["loans", "bad", "end_bad"]].sum().tolist()
    )
    sure = own["verdict"].map({"above": 1.0, "within": 0.0})
    unsure = own["verdict"] == "too few to say"
    assert ((own["probability_above"] - sure).abs()[~unsure] <= 0.025).all()
    assert own["probability_above"][unsure].between(0.02, 0.98).all()
    assert {"above", "within", "too few to say"} >= set(own["verdict"])
    assert (own["end_rate_low"] * own["loans"] >= own["bad"] - 1e-9).all()


def test_quarters_are_the_sums_of_their_months():
    _, model = fitted()
    months, quarters = (projection.projection_table(model, cohort_freq=freq) for freq in "MQ")
    sums = months.drop(index="all").groupby(np.repeat(quarters.index[:-1], 3))["end_bad"].sum()
    np.testing.assert_allclose(quarters["end_bad"].drop("all"), sums)
    pd.testing.assert_series_equal(quarters.loc["all"], months.loc["all"])
    assert quarters["age"].tolist()[-2] == 0


def test_the_chain_ladder_speaks_where_events_were_seen():
    counts, model = fitted()
    table = projection.projection_table(model, method="chain_ladder", appetite_rate=0.05)
    ladder = projection.mack_table(projection.event_triangle(counts, **seen(counts)))
    by_chain = table[table["method"] == "chain ladder"]
    assert by_chain["age"].tolist() == [7, 6, 5, 4, 3][: len(by_chain)]
    np.testing.assert_allclose(by_chain["end_bad"], ladder["ultimate"][by_chain.index])
    assert by_chain["end_amount_rate"].isna().all()
    young = table[(table["age"] < FIRST).fillna(False)]
    assert young["method"].tolist() == ["hazard model"] * 3
    same = projection.projection_table(model).loc[young.index, "end_bad"]
    pd.testing.assert_series_equal(young["end_bad"], same)


def test_curves_go_on_from_what_was_seen():
    _, model = fitted()
    curves = projection.projected_curves(model)
    table = projection.projection_table(model)
    for cohort in ("2023-06", "2023-12"):
        curve = curves.loc[cohort]
        assert (curve["rate"].diff().dropna() >= 0).all()
        assert curve["is_projected"].tolist() == [m > table.loc[cohort, "age"] for m in range(9)]
        known = curve[~curve["is_projected"]]
        assert (known["rate_low"] == known["rate_high"]).all()
        last = curve.iloc[-1][["rate", "rate_low", "rate_high"]].tolist()
        named = ["end_rate", "end_rate_low", "end_rate_high"]
        assert last == pytest.approx(table.loc[cohort, named].tolist())


def test_a_backtest_holds_projections_to_what_came():
    counts = world(1)
    table = projection.backtest(counts, (2, 5), **seen(counts), n_draws=400)
    assert table.loc[2].index[-1] == "2023-10"
    for (hidden, cohort), row in table.iterrows():
        own = counts.loc[pd.Timestamp(cohort), "ever_90_loans"]
        assert row["bad"] == own.loc[: row["age"]].sum()
        assert row["realised_bad"] == own.loc[: row["to_mob"]].sum()
        assert row["to_mob"] == min(row["age"] + hidden, 8)
        assert row["is_inside"] == (row["bad_low"] <= row["realised_bad"] <= row["bad_high"])
    coverage = projection.backtest_coverage(table)
    assert coverage.index.tolist() == [
        (hidden, band) for hidden in (2, 5) for band in ("0 to 2", "3 to 5", "6 to 8", "all")
    ]
    assert coverage.loc[(5, "all"), "cohorts"] == len(table.loc[5])
    assert (
        coverage.loc[(5, "6 to 8"), "inside"] == table.loc[5].query("age >= 6")["is_inside"].sum()
    )
    told = projection.backtest_text(coverage)
    of_all = coverage.loc[(5, "all")]
    # what a cohort had by then was no forecast
    assert of_all["realised_new"] == (table["realised_bad"] - table["bad"]).loc[5].sum()
    assert f"{of_all['realised_new']:.0f} came" in told
    ends = stats.chi2.ppf([0.025, 0.975], 2 * of_all["realised_new"] + np.array([0, 2])) / 2
    ends /= of_all["projected_new"]
    assert of_all[["ratio_low", "ratio_high"]].tolist() == pytest.approx(ends.tolist())
    off = coverage.xs("all", level="age")["ratio_high"] < 1
    assert ("run too high" in told) == off.any()


def test_a_backtest_of_too_few_months_is_empty_and_says_so():
    counts = world(1)
    table = projection.backtest(counts, (23,), **seen(counts))
    assert table.empty
    coverage = projection.backtest_coverage(table)
    assert projection.backtest_text(coverage).startswith("There is no earlier month")


def test_the_change_is_new_data_and_other_hazards():
    counts = world(1)
    change = projection.projection_change(counts, **seen(counts), n_draws=400)
    parts = change[["new_data_rate", "factors_rate"]].sum(axis=1)
    np.testing.assert_allclose(parts, change["change_rate"])
    np.testing.assert_allclose(
        change["end_rate"] - change["previous_rate"], change["change_rate"], atol=1e-12
    )
    # the cohorts that had a month to come, and what it brought
    assert change.index.tolist() == [f"2023-{month:02d}" for month in range(4, 12)] + ["all"]
    new = counts.loc[(pd.Timestamp("2023-06-01"), 6), "ever_90_loans"]
    assert change.loc["2023-06", "new_bad"] == new
    # until the term has passed, what is new are the bads
    young = [f"2023-{month:02d}" for month in range(7, 12)]
    surprise = (change["new_bad"] - change["expected_bad"])[young]
    np.testing.assert_allclose(change.loc[young, "new_data_rate"] * 400, surprise, atol=1.5)
    assert np.corrcoef(change.loc[young, "new_data_rate"], surprise)[0, 1] > 0.95
    quarters = projection.projection_change(counts, **seen(counts), n_draws=400, cohort_freq="Q")
    pd.testing.assert_series_equal(quarters.loc["all"], change.loc["all"])
    told = projection.change_text(change)
    assert f"at **{change.loc['all', 'end_rate']:.2%}**" in told
    assert f"({change.loc['all', 'new_bad']:.0f} bads came where " in told


def test_a_bad_month_moves_both_parts_up():
    counts = world(1)
    month = pd.DatetimeIndex(counts.index.get_level_values("cohort")).to_period("M")
    last = np.asarray(month.astype("int64")) + counts.index.get_level_values("mob")
    mob = counts.index.get_level_values("mob")
    hit = (last == last.min() + 23) & (mob >= FIRST) & (mob <= TERM)
    for name, n in (("ever_90_loans", 8), ("exit_90_loans", 8)):
        counts[name] += hit * n
    change = projection.projection_change(counts, **seen(counts), n_draws=400).loc["all"]
    assert change["new_data_rate"] > 0
    assert change["factors_rate"] > 0


# -- words -----------------------------------------------------------------------------------------


def test_words_name_the_cohorts_above_the_appetite():
    _, model = fitted()
    high = projection.projection_table(model, appetite_rate=0.005)
    text = projection.projection_text(high, TERM, 0.005)
    assert "**8 of 8 open cohorts will end above the appetite of 0.50%**: 2023-05:" in text
    ((topic, told, red),) = projection.projection_findings(high, TERM, 0.005)
    assert (topic, red) == ("Projection", True)
    assert "8 of 8 open cohorts of 6 months will end above the appetite of 0.50%" in told
    low = projection.projection_table(model, appetite_rate=0.5)
    text = projection.projection_text(low, TERM, 0.5)
    assert text.endswith("No open cohort will for certain end above the appetite of 50.00%.")
    assert projection.projection_findings(low, TERM, 0.5) == []
    row = low.loc["2023-12"]
    figures = projection.projection_figures(low, TERM)
    assert next(iter(figures)) == "2023-12 of 6 months will end at, bad"
    assert figures["2023-12 of 6 months will end at, bad"].startswith(f"{row['end_rate']:.2%} (")


def test_words_say_that_there_are_too_few():
    _, model = fitted()
    rate = projection.projection_table(model).loc["2023-12", "end_rate"]
    table = projection.projection_table(model, appetite_rate=rate)
    text = projection.projection_text(table, TERM, rate)
    assert "there are too few bads to say; likeliest to end above it is" in text


def test_a_book_too_young_to_know_its_end_says_so():
    counts = world(1)
    model = projection.fit_hazards(counts, observed_to="2022-06-30", n_draws=200)
    assert model.end_mob == 5
    table = projection.projection_table(model, appetite_rate=0.1)
    text = projection.projection_text(table, TERM, 0.1)
    assert "**No cohort has been watched to the end of its term**: the projection stops at " in text


def test_a_book_without_open_cohorts_has_nothing_to_project():
    counts = world(1)
    model = projection.fit_hazards(counts, n_draws=200)
    table = projection.projection_table(model, appetite_rate=0.05)
    assert (table["method"] == "ended").all()
    assert "nothing to project" in projection.projection_text(table, TERM, 0.05)
    assert projection.projection_figures(table, TERM) == {}
    assert projection.projection_findings(table, TERM, 0.05) == []
    change = projection.projection_change(counts, observed_to="2024-12-31", n_draws=200)
    assert change.index.tolist() == []


@pytest.mark.parametrize("observed_to", ["2022-03-31", "2021-01-01", None])
def test_without_an_event_nothing_is_projected_and_that_is_said(observed_to):
    counts = world(1) if observed_to else world(1)[:0]
    assert projection.fit_hazards(counts, observed_to=observed_to) is None
    table = projection.projection_table(None, appetite_rate=0.05)
    assert table.empty
    assert "verdict" in table
    text = projection.projection_text(table, TERM, 0.05)
    assert text == "No loan of 6 months has turned bad yet: nothing can be projected."
    assert projection.projection_figures(table, TERM) == {}
    assert projection.projection_findings(table, TERM, 0.05) == []
    assert projection.projected_curves(None).empty
    change = projection.projection_change(counts, observed_to=observed_to)
    assert projection.change_text(change).startswith("There is no earlier projection")
    back = projection.backtest(counts, (1,), observed_to=observed_to)
    assert projection.backtest_text(projection.backtest_coverage(back)).startswith("There is no")


# -- errors and the study --------------------------------------------------------------------------


def test_what_cannot_be_projected_is_refused():
    counts, model = fitted()
    with pytest.raises(ValueError, match="counts must be of loans of one term"):
        projection.fit_hazards(pd.concat({12: counts}, names=["term"]))
    with pytest.raises(ValueError, match=r"thresholds counted \(90\), got 30"):
        projection.fit_hazards(counts, dpd=30)
    with pytest.raises(ValueError, match="n_draws must be at least 100"):
        projection.fit_hazards(counts, n_draws=10)
    with pytest.raises(ValueError, match="hidden_months must be >= 0"):
        projection.fit_hazards(counts, hidden_months=-1)
    with pytest.raises(ValueError, match="method must be"):
        projection.projection_table(model, method="both")
    with pytest.raises(ValueError, match="appetite_rate must lie in"):
        projection.projection_table(model, appetite_rate=5)
    with pytest.raises(ValueError, match="cohort_freq must be one of"):
        projection.projected_curves(model, cohort_freq="W")
    with pytest.raises(ValueError, match="hidden_months must be > 0"):
        projection.backtest(counts, (0,))
    with pytest.raises(ValueError, match="months must be > 0"):
        projection.projection_change(counts, months=0)


def test_the_oracle_sums_chances_as_a_binomial():
    from scipy import stats

    low, high = poisson_binomial(np.full(40, 0.2))
    assert (low, high) == tuple(stats.binom.ppf([0.025, 0.975], 40, 0.2))
    assert poisson_binomial(np.array([0.0, 1.0, 1.0])) == (2, 2)


def test_the_study_repeats(record_property):
    found = measure_cohort(seed=1, age=9)
    kept = ("low", "high", "oracle_low", "oracle_high", "projected")
    compare(STUDY, {f"9_{name}": found[name] for name in kept}, record_property)

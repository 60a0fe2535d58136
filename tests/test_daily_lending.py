"""Lending by day is the loans' own, and its forecast holds as often as it says on the lender."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from studies import compare, lending

from riskkit import runoff
from riskkit.checks import DataContractError

DAY = pd.Timestamp("2024-12-31")


def asked(dates, **columns):
    table = {"applied_at": pd.to_datetime(list(dates)), "booked": True, "amount": 100_000}
    return pd.DataFrame(table | columns)


def daily_of(paid, day=DAY):
    """A table of lending by day that ends with a day."""
    index = pd.date_range(end=day, periods=len(paid), name="date")
    paid = np.asarray(paid, np.int64)
    return pd.DataFrame({"loans": 1, "paid_out_amount": paid, "is_spread": False}, index=index)


# -- by day ----------------------------------------------------------------------------------------


def test_every_day_of_the_lender_is_a_sum_over_its_loans(portfolio):
    applications = portfolio.applications
    daily = runoff.daily_lending(applications, DAY)
    assert len(daily) == (DAY - applications["applied_at"].min()).days + 1
    loans = applications[applications["booked"]]
    found = {day: [0, 0, 0] for day in daily.index}
    for row in loans.itertuples():
        sums = found[row.applied_at]
        sums[0] += 1
        sums[1] += row.booked_amount
        sums[2] += row.booked_amount - int(row.booked_amount * row.offer_fee_rate + 1e-6)
    columns = ["loans", "lent_amount", "paid_out_amount"]
    assert daily[columns].to_numpy().tolist() == list(found.values())
    assert (daily["fee_amount"] == daily["lent_amount"] - daily["paid_out_amount"]).all()
    without = applications.drop(columns="booked_amount")
    pd.testing.assert_frame_equal(runoff.daily_lending(without, DAY), daily)
    early = runoff.daily_lending(applications, "2023-05-31")
    pd.testing.assert_frame_equal(early, daily[:"2023-05-31"], check_freq=False)


def test_dates_that_are_months_alone_are_spread_over_their_days_to_the_fen():
    table = asked(["2024-10-01", "2024-10-01", "2024-11-01", "2024-12-01"])
    daily = runoff.daily_lending(table, "2024-12-31")
    assert daily["is_spread"].all()
    months = daily.groupby(daily.index.to_period("M"))
    assert months["lent_amount"].sum().tolist() == [200_000, 100_000, 100_000]
    assert months["loans"].sum().tolist() == [2, 1, 1]
    assert (months["lent_amount"].max() - months["lent_amount"].min()).max() <= 1
    ends = asked(["2024-10-31", "2024-11-30", "2024-12-31"])
    daily = runoff.daily_lending(ends, "2024-12-31")
    assert (len(daily), daily["lent_amount"].sum(), daily["is_spread"].all()) == (92, 300_000, True)
    one_other_day = pd.concat([table, asked(["2024-11-13"])])
    assert not runoff.daily_lending(one_other_day, DAY)["is_spread"].any()


def test_who_has_no_loan_is_not_paid_and_times_of_day_do_not_matter():
    table = asked(["2024-12-30 23:59", "2024-12-31 00:00"], booked=[True, False])
    daily = runoff.daily_lending(table, DAY)
    assert daily["loans"].tolist() == [1, 0]
    assert runoff.daily_lending(table, "2024-01-01").empty
    assert runoff.daily_lending(table.head(0), DAY).empty


def test_a_loan_of_no_day_is_refused():
    with pytest.raises(DataContractError, match="applied_at: missing for 1 loans"):
        runoff.daily_lending(asked(["2024-12-30", None]), DAY)
    declined = asked(["2024-12-30", None], booked=[True, False])
    assert runoff.daily_lending(declined, DAY)["loans"].sum() == 1
    with pytest.raises(DataContractError, match="applied_at"):
        runoff.daily_lending(asked(["2024-12-30"]).drop(columns="applied_at"), DAY)


# -- ahead -----------------------------------------------------------------------------------------


@settings(max_examples=20)
@given(
    paid=st.lists(st.integers(0, 10**7), min_size=14, max_size=260),
    n_days=st.integers(1, 40),
    seed=st.integers(0, 99),
)
def test_paths_are_whole_and_the_same_for_a_seed(paid, n_days, seed):
    daily = daily_of(paid)
    paths = runoff.lending_paths(daily, n_days, 7, seed)
    assert paths.shape == (7, n_days)
    assert paths.dtype == np.int64
    assert (paths >= 0).all()
    assert (paths == runoff.lending_paths(daily, n_days, 7, seed)).all()


def test_a_stream_without_noise_goes_on_with_its_trend_for_as_long_as_it_was_seen():
    weekday = np.array([4, 1, 1, 1, 1, 5, 8])
    weekly = np.exp(0.02 * np.arange(26))
    paid = np.rint(1e6 * weekly[:, None] * weekday).ravel()
    path = runoff.lending_paths(daily_of(paid), 7 * 40, 1, 1)[0].reshape(40, 7)
    ahead = np.exp(0.02 * (25 + np.minimum(np.arange(1, 41), 26)))
    np.testing.assert_allclose(path, 1e6 * ahead[:, None] * weekday, rtol=1e-4)
    # seven weeks tell no trend
    path = runoff.lending_paths(daily_of(paid[-49:]), 14, 400, 1).sum(axis=1).mean()
    assert path / 2 == pytest.approx(paid[-49:].sum() / 7, rel=0.05)


def test_weekdays_and_bursts_come_as_they_were():
    rng = np.random.default_rng(4)
    burst = np.repeat(np.where(rng.random(13) < 0.3, 3.0, 1.0), 2)  # of two weeks each
    paid = np.rint(1e6 * burst[:, None] * [2, 1, 1, 1, 1, 1, 0]).ravel()
    paths = runoff.lending_paths(daily_of(paid), 26 * 7, 500, 3).reshape(500, 26, 7)
    assert not paths[:, :, 6].any()
    days = paths.sum(axis=(0, 1))
    np.testing.assert_allclose(days[:6] / days[1], [2, 1, 1, 1, 1, 1], rtol=1e-3)
    weeks = paths.sum(axis=2)
    # a week is like the one before it more often than like one far off
    near = np.mean([np.corrcoef(week[:-1], week[1:])[0, 1] for week in weeks])
    far = np.mean([np.corrcoef(week[:-6], week[6:])[0, 1] for week in weeks])
    assert near > far + 0.2


def test_what_half_a_year_does_not_tell_is_in_the_paths():
    """Weeks of chance alone: what comes in a quarter lies in the interval nine times of ten."""
    rng = np.random.default_rng(6)
    n_streams, inside, spreads = 250, 0, []
    streams = rng.gamma(20, 1e6 / 20, (n_streams, 39)).repeat(7, axis=1) / 7
    for stream in np.rint(streams).astype(np.int64):
        paths = runoff.lending_paths(daily_of(stream[: 26 * 7]), 91, 200, 1)
        week, sums = paths[:, :7].sum(axis=1), paths.sum(axis=1)
        spreads.append(week.std() / week.mean())
        low, high = np.quantile(sums, [0.05, 0.95])
        inside += low <= stream[26 * 7 :].sum() <= high
    low, high = stats.binom.interval(0.999, n_streams, 0.9)
    # no stream has a trend, of which none is expected: a little too wide
    assert low <= inside <= high + 0.05 * n_streams
    # one week alone: its own chance, and a little for what is not known of the level
    assert 1 < np.median(spreads) / 20**-0.5 < 1.4


def test_a_stream_that_has_stopped_stays_stopped():
    paid = np.append(np.full(30, 1_000_000), np.zeros(26 * 7))
    assert not runoff.lending_paths(daily_of(paid), 30, 5, 1).any()


@pytest.mark.parametrize(("where", "days"), [("base", 91), ("growth", 91)])
def test_a_slice_of_the_study_repeats(where, days, record_property):
    found = lending.measure(1, where, days)
    compare(lending.STUDY, found, record_property, where=where, days=days)


@pytest.mark.parametrize("days", lending.HORIZONS)
def test_what_is_paid_out_lies_where_it_was_foretold_nine_times_of_ten(days):
    table = lending.summary(lending.STUDY.rows()).loc[("base", str(days))]
    low, _ = stats.binom.interval(0.999, table["cuts"], 0.9)
    # a little too wide errs on the safe side
    _, high = stats.binom.interval(0.999, table["cuts"], 0.94)
    assert low <= table["inside"] <= high


def test_a_stream_that_turns_was_not_foretold():
    table = lending.summary(lending.STUDY.rows())
    turned = table.loc[("growth", "91")]
    assert turned["inside_rate"] < table.loc[("base", "91"), "inside_rate"] - 0.1
    # what came was more than was foretold
    assert turned["error"] < table.loc[("base", "91"), "error"] - 0.02


def test_fewer_than_two_weeks_tell_nothing():
    with pytest.raises(ValueError, match="lending ahead needs 14 days behind, got 13"):
        runoff.lending_paths(daily_of([1] * 13), 1, 1, 1)
    daily = daily_of([1] * 14)
    for about, told in (
        ((0, 1, 1), "n_days must be >= 1, got 0"),
        ((1, 0, 1), "n_paths must be >= 1, got 0"),
        ((1, 1, -1), "seed must be >= 0"),
    ):
        with pytest.raises(ValueError, match=told):
            runoff.lending_paths(daily, *about)


# -- the table and its words -----------------------------------------------------------------------


def test_the_forecast_is_held_to_what_came():
    steady = daily_of(1e6 * (10 + np.random.default_rng(1).normal(size=400)))
    paths = runoff.lending_paths(steady, 120, 300, 1)
    table = runoff.lending_table(steady, paths)
    assert list(table.index) == [30, 91]
    assert table["was_inside"].tolist() == [True, True]
    assert table.loc[30, "came_amount"] == steady["paid_out_amount"].iloc[-30:].sum()
    told = runoff.lending_text(steady, table, "CNY")
    assert "Within 91 days **" in told
    assert "the interval holds nine times of ten" in told
    assert "held for 30, 91 days. A loan counts on the day of its application." in told
    fewer = 1 + (steady.index > "2024-11-01")
    turned = steady.assign(paid_out_amount=steady["paid_out_amount"] // fewer)
    table = runoff.lending_table(turned, paths)
    assert table["was_inside"].tolist() == [True, False]
    assert "held not for 91 days: **the stream has turned" in runoff.lending_text(
        turned, table, "CNY"
    )


def test_weeks_for_a_picture_are_the_days_and_the_paths():
    daily = daily_of(np.arange(400) * 1_000)
    paths = runoff.lending_paths(daily, 30, 50, 1)
    weeks = runoff.lending_weeks(daily, paths)
    assert len(weeks) == 52 + 4
    behind, ahead = weeks.iloc[:52], weeks.iloc[52:]
    assert behind.index[-1] == DAY
    assert behind["paid_out_amount"].iloc[-1] == 1_000 * sum(range(393, 400))
    assert ahead["foretold_amount"].sum() == pytest.approx(paths[:, :28].sum() / 50)
    assert (ahead["foretold_low"] <= ahead["foretold_high"]).all()
    assert behind["foretold_amount"].isna().all()
    assert ahead["paid_out_amount"].isna().all()
    none = runoff.lending_weeks(daily.head(0), paths[:, :3])
    assert none.empty


def test_a_short_past_has_no_forecast_to_hold():
    daily = daily_of([1_000_000] * 20)
    table = runoff.lending_table(daily, runoff.lending_paths(daily, 30, 50, 1))
    assert table["was_inside"].isna().all()
    assert np.isnan(table.loc[30, "came_amount"])
    assert "The same forecast" not in runoff.lending_text(daily, table, "CNY")
    few = runoff.lending_table(daily, runoff.lending_paths(daily, 5, 50, 1))
    assert few.empty
    assert "**not known**" in runoff.lending_text(daily, few, "CNY")
    months = asked(["2024-10-01", "2024-11-01", "2024-12-01"])
    spread = runoff.daily_lending(months, DAY)
    table = runoff.lending_table(spread, runoff.lending_paths(spread, 30, 50, 1))
    assert "months alone are known" in runoff.lending_text(spread, table, "CNY")
    with pytest.raises(ValueError, match="level"):
        runoff.lending_table(daily, np.ones((2, 30), np.int64), level=1.0)


# -- within a month --------------------------------------------------------------------------------


def test_the_profile_is_the_share_that_was_paid_by_each_day(portfolio):
    profile = runoff.cash_profile(portfolio.instalments, DAY)
    assert profile.name == "days of payment"
    paid = portfolio.instalments
    recent = paid[(paid["paid_date"] > "2023-12-31") & (paid["paid_date"] <= DAY)]
    by_tenth = recent.loc[recent["paid_date"].dt.day <= 10, "paid_amount"].sum()
    assert profile[10] == pytest.approx(by_tenth / recent["paid_amount"].sum())
    assert profile.is_monotonic_increasing
    assert profile.iloc[-1] == 1
    told = runoff.cash_profile_text(profile)
    assert told.startswith("By days of payment of the last twelve months, ")
    early = runoff.cash_profile(paid, "2023-12-31")
    pd.testing.assert_series_equal(
        early, runoff.cash_profile(paid[paid["paid_date"] <= "2023-12-31"], "2023-12-31")
    )
    assert not early.equals(profile)
    unpaid = portfolio.instalments.assign(paid_date=pd.NaT)
    due = runoff.cash_profile(unpaid, DAY)
    assert (due.name, due[3]) == ("due days", 0)  # nothing falls due before the 4th
    few = runoff.cash_profile(portfolio.instalments.head(50), DAY)
    assert few.name == "evenly"
    assert "not known" in runoff.cash_profile_text(few)
    with pytest.raises(DataContractError, match="paid_date"):
        runoff.cash_profile(unpaid.drop(columns="paid_date"), DAY)


@settings(max_examples=30)
@given(
    amounts=st.lists(st.integers(0, 10**12), min_size=4, max_size=4),
    steps=st.lists(st.integers(0, 5), min_size=31, max_size=31).filter(any),
    year=st.sampled_from([2023, 2024]),
)
def test_a_month_is_spread_to_the_last_fen(amounts, steps, year):
    profile = pd.Series(np.cumsum(steps) / sum(steps), index=range(1, 32))
    days = pd.date_range(f"{year}-01-01", f"{year}-04-30")
    spread = runoff.spread_over_days(np.array([amounts, amounts[::-1]]), days, profile)
    assert (spread >= 0).all()
    months = pd.DataFrame(spread.T, index=days).groupby(days.month).sum()
    assert months.to_numpy().T.tolist() == [amounts, amounts[::-1]]


def test_days_are_those_of_the_months():
    profile = runoff.cash_profile(None, DAY)
    with pytest.raises(ValueError, match="must begin with the first of a month, got 2024-01-02"):
        runoff.spread_over_days(
            np.ones((1, 2), int), pd.date_range("2024-01-02", periods=3), profile
        )
    with pytest.raises(ValueError, match="days of 2 months need as many, got 1"):
        runoff.spread_over_days(
            np.ones((1, 1), int), pd.date_range("2024-01-01", periods=32), profile
        )
    none = runoff.spread_over_days(np.ones((2, 1), int), pd.DatetimeIndex([]), profile)
    assert none.shape == (2, 0)

"""Early warning of running loans: recounts row by row, no look ahead, lift with its interval."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from first_payment_books import books
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_panels import odd_panels
from pandas.testing import assert_frame_equal
from scipy import stats

from riskkit import early_warning as ew
from riskkit import metrics, synthetic
from riskkit.checks import DataContractError
from riskkit.early_warning.warning_lift import _listed

LENDER = synthetic.Lender(n_months=24, roll_logits=(-2.6, -0.45, 1.2, 2.0, 2.2, 2.4, 2.6))
SEEN = LENDER.observed_to
DEFINITION = ew.WarningDefinition()


@pytest.fixture(scope="module")
def world():
    return synthetic.simulate(LENDER, 9_000, seed=4)


def marks_of(world, **tables):
    return ew.landmark_panel(
        tables.get("performance", world.performance),
        SEEN,
        instalments=tables.get("instalments", world.instalments),
        borrowers=ew.borrowers_of(world.applications.assign(points=stand_in(world)), "points"),
    )


def stand_in(world):
    """A score at origination as a lender without bureau data may have it."""
    return -world.applications["stated_income"].rank(ascending=False, pct=True)


@pytest.fixture(scope="module")
def marks(world):
    return marks_of(world)


# -- landmarks -------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(
    panel=odd_panels(most_loans=5),
    dpd=st.sampled_from([30, 60]),
    horizon=st.integers(1, 4),
    data=st.data(),
)
def test_landmarks_are_what_a_loop_over_rows_finds(panel, dpd, horizon, data):
    n = len(panel)
    due, paid, action = (
        data.draw(st.lists(st.sampled_from(values), min_size=n, max_size=n))
        for values in ([0, 100], [0, 60, 100], [None, "call"])
    )
    lenders = data.draw(st.lists(st.integers(0, 4), min_size=n, max_size=n))
    panel = panel.assign(
        due_amount=due, paid_amount=paid, collection_action=action, other_lenders=lenders
    )
    last = panel["month_end"].max()
    definition = ew.WarningDefinition(dpd=dpd, horizon_months=horizon)
    found = ew.landmark_panel(panel, last, definition=definition)
    rows = [row for row in panel.itertuples() if row.status in ("current", "delinquent")]
    rows = [row for row in rows if row.dpd <= dpd]
    assert len(found) == len(rows)
    for mark, row in zip(found.itertuples(), rows, strict=True):
        loan = panel[panel["loan_id"] == row.loan_id]
        back = loan[(loan["mob"] <= row.mob) & (loan["mob"] > row.mob - 6)]
        three = back[back["mob"] > row.mob - 3]
        ahead = loan[(loan["mob"] > row.mob) & (loan["mob"] <= row.mob + horizon)]
        assert (mark.loan_id, mark.month_end) == (row.loan_id, row.month_end)
        assert mark.worst_dpd == back["dpd"].max()
        assert mark.late_months == (back["dpd"] > 0).sum()
        partly = (back["paid_amount"] > 0) & (back["paid_amount"] < back["due_amount"])
        assert mark.part_payments == partly.sum()
        ignored = back["collection_action"].notna() & (back["paid_amount"] == 0)
        assert mark.ignored_reminders == ignored.sum()
        owed = three["due_amount"].sum()
        share = three["paid_amount"].sum() / owed if owed else np.nan
        assert mark.paid_share == pytest.approx(share, nan_ok=True)
        assert mark.repaid_share == pytest.approx(1 - row.balance / loan["balance"].iloc[0])
        before = loan.loc[loan["mob"] == row.mob - 3, "other_lenders"]
        growth = row.other_lenders - before.iloc[0] if len(before) else np.nan
        assert mark.other_lenders_growth == pytest.approx(growth, nan_ok=True)
        event = ((ahead["dpd"] > dpd) | (ahead["status"] == "charged_off")).any()
        ended = ahead["status"].isin(["prepaid", "matured"]).any()
        over = row.month_end + pd.offsets.MonthEnd(horizon) <= last
        known = over and (event or ended or len(ahead) == horizon)
        assert mark.flag == pytest.approx(float(event) if known else np.nan, nan_ok=True)


@settings(max_examples=25, deadline=None)
@given(book=books(), day=st.integers(0, 5))
def test_lateness_is_what_was_known_on_the_day(book, day):
    end = pd.Timestamp("2024-01-31") + pd.offsets.MonthEnd(day)
    loans = sorted(set(book["loan_id"]) | {"L9"})
    panel = pd.DataFrame(
        {"loan_id": loans, "mob": day, "month_end": end, "dpd": 0, "status": "current"}
    )
    shuffled = book.sample(frac=1, random_state=day)
    found = ew.landmark_panel(panel, end, instalments=shuffled).set_index("loan_id")
    for loan in loans:
        days, late = [], 0
        dues = book[(book["loan_id"] == loan) & (book["due_date"] < end)]
        for row in dues.sort_values("due_date").itertuples():
            whole = pd.isna(row.paid_amount) or row.paid_amount >= row.due_amount
            paid = row.paid_date if whole and not pd.isna(row.paid_date) else None
            until = end if paid is None else min(paid, end)
            days.append(max((until - row.due_date).days, 0))
            late += paid is None or paid > row.due_date
        mark = found.loc[loan]
        assert mark["days_late_last"] == pytest.approx(days[-1] if days else np.nan, nan_ok=True)
        mean = np.mean(days[-3:]) if days else np.nan
        assert mark["days_late_mean"] == pytest.approx(mean, nan_ok=True)
        share = late / len(days) if days else np.nan
        assert mark["late_share"] == pytest.approx(share, nan_ok=True)


def test_nothing_after_a_landmark_moves_its_features(world, marks):
    day = pd.Timestamp("2023-06-30")
    rng = np.random.default_rng(1)
    panel, dues = world.performance.copy(), world.instalments.copy()
    later = (panel["month_end"] > day).to_numpy()
    for name in ("dpd", "paid_amount", "balance"):
        panel.loc[later, name] = rng.permutation(panel.loc[later, name].to_numpy()) + 7
    panel.loc[later & (panel["status"] != "matured"), "status"] = "delinquent"
    paid_later = (dues["paid_date"] > day) | dues["paid_date"].isna()
    dues.loc[paid_later, "paid_date"] = day + pd.Timedelta(days=1)
    dues = dues[(dues["due_date"] <= day) | (rng.random(len(dues)) < 0.5)]
    other = marks_of(world, performance=panel, instalments=dues)
    names = [name for name in ew.BEHAVIOUR if name in marks]
    assert {"dpd", "burden", "late_share", "paid_share", "score", "months_left"} <= set(names)
    before, after = (
        each[each["month_end"] <= day].reset_index(drop=True) for each in (marks, other)
    )
    assert len(before) > 10_000
    assert_frame_equal(before[["loan_id", *names]], after[["loan_id", *names]])
    known = before["month_end"] <= day - pd.offsets.MonthEnd(3)
    assert_frame_equal(before.loc[known, ["flag"]], after.loc[known, ["flag"]])
    # which makes the score of the day the same, whatever came after
    scores = [ew.score_today(each[each["month_end"] <= day], day)[0] for each in (marks, other)]
    assert_frame_equal(scores[0][["loan_id", "probability"]], scores[1][["loan_id", "probability"]])


def test_the_fit_sees_no_window_that_overlaps_the_judged_months(marks):
    judged, score = ew.judge_warning(marks, months=4)
    first = judged["month_end"].min()
    assert judged["month_end"].nunique() == 4
    assert (score.taught["last"] + pd.offsets.MonthEnd(3) < first).all()
    # whatever happens in windows that end in the judged months or later, the cards stay
    overlaps = marks["month_end"] + pd.offsets.MonthEnd(3) >= first
    turned = marks.assign(flag=marks["flag"].where(~overlaps, 1 - marks["flag"]))
    again, _ = ew.judge_warning(turned, months=4)
    assert_frame_equal(judged.drop(columns="flag"), again.drop(columns="flag"))
    # and a month before the embargo, they do not
    touched = marks["month_end"] + pd.offsets.MonthEnd(4) >= first
    turned = marks.assign(flag=marks["flag"].where(~touched, 1 - marks["flag"]))
    other, _ = ew.judge_warning(turned, months=4)
    assert not np.allclose(other["probability"], judged["probability"])


# -- lift ------------------------------------------------------------------------------------------


def small_judged(n=900, seed=2):
    rng = np.random.default_rng(seed)
    risk = rng.normal(size=n)
    return pd.DataFrame(
        {
            "loan_id": [f"L{k:04}" for k in range(n)],
            "month_end": rng.choice(pd.to_datetime(["2024-01-31", "2024-02-29"]), n),
            "dpd": np.where(rng.random(n) < 0.2, rng.integers(1, 30, n), 0),
            "score": np.round(-0.4 * risk + rng.normal(size=n), 1),
            "flag": (rng.random(n) < 1 / (1 + np.exp(2 - risk))).astype(float),
            "probability": 1 / (1 + np.exp(-np.round(risk, 1))),
        }
    )


def test_the_area_and_its_interval_are_delongs_where_every_loan_is_seen_once():
    judged = small_judged()
    table = ew.lift_table(judged)
    for method, score in {
        "early warning": -judged["probability"],
        "score at origination": judged["score"],
    }.items():
        row = table.loc[("all", method)]
        assert row["auc"] == pytest.approx(metrics.auc(metrics.score_counts(score, judged["flag"])))
    paired = metrics.compare(judged["flag"], -judged["probability"], judged["score"])
    row = table.loc[("all", "score at origination")]
    assert row["auc_gain"] == pytest.approx(paired["difference"])
    # DeLong divides by n − 1 of each class, the sums over loans by n − 1 of all
    width = paired["high"] - paired["low"]
    assert row["auc_gain_high"] - row["auc_gain_low"] == pytest.approx(width, rel=0.01)


def test_a_loan_seen_twice_is_no_second_witness():
    judged = small_judged()
    twice = pd.concat([judged, judged.assign(month_end=pd.Timestamp("2024-03-31"))])
    one, two = (
        ew.lift_table(each.assign(month_end=pd.Timestamp("2024-01-31"))) for each in (judged, twice)
    )
    names = ["auc", "auc_low", "auc_high", "auc_gain_low", "capture_rate_low", "lift_high"]
    assert_frame_equal(one.loc[["all"], names], two.loc[["all"], names])
    assert (two["bad"] == 2 * one["bad"]).all()


def test_the_area_covers_the_truth_at_its_level_with_loans_seen_again_and_again():
    rng = np.random.default_rng(5)
    truth, inside = stats.norm.cdf(1 / np.sqrt(2)), 0
    for _ in range(60):
        bad = rng.random(150) < 0.4
        # five landmarks a loan, alike but for a little
        risk = np.repeat(rng.normal(bad, 1), 5)
        judged = pd.DataFrame(
            {
                "loan_id": np.repeat([f"L{k}" for k in range(150)], 5),
                "month_end": pd.Timestamp("2024-01-31"),
                "dpd": 0,
                "flag": np.repeat(bad, 5).astype(float),
                "probability": risk,
            }
        )
        row = ew.lift_table(judged).iloc[0]
        inside += row["auc_low"] <= truth <= row["auc_high"]
    low, high = stats.binom.interval(0.999, 60, 0.95)
    assert low <= inside <= high


@settings(max_examples=50, deadline=None)
@given(
    risk=st.lists(st.integers(0, 3), min_size=1, max_size=12),
    share=st.floats(0.05, 0.95),
    data=st.data(),
)
def test_the_list_takes_the_riskiest_and_ties_in_part(risk, share, data):
    month = data.draw(st.lists(st.integers(0, 1), min_size=len(risk), max_size=len(risk)))
    risk, month = np.array(risk, dtype=float), pd.factorize(np.array(month))[0]
    listed = _listed(risk, month, share)
    for each in np.unique(month):
        inside = month == each
        room = share * inside.sum()
        for value in np.unique(risk)[::-1]:
            tied = inside & (risk == value)
            if tied.any():
                part = min(room / tied.sum(), 1)
                assert listed[tied] == pytest.approx(part, abs=1e-9)
                room -= part * tied.sum()


def test_too_few_bads_say_so_and_days_alone_are_no_method_for_who_owes_nothing():
    judged = small_judged().assign(flag=lambda t: (np.arange(len(t)) < 20).astype(float))
    table = ew.lift_table(judged)
    assert table["auc"].isna().all()
    assert ew.lift_text(table, "late").startswith("Too few to say: 20 of 900 landmarks")
    assert ew.lift_findings(table) == []
    assert ("nothing past due", "days past due") not in table.index
    with pytest.raises(ValueError, match=r"share must lie in \(0, 1\), got 1"):
        ew.lift_table(judged, share=1)
    with pytest.raises(DataContractError, match="missing columns probability"):
        ew.lift_table(judged.drop(columns="probability"))


def test_a_warning_that_knows_no_more_than_the_score_is_told():
    judged = small_judged().assign(probability=lambda t: -t["score"])
    table = ew.lift_table(judged)
    assert table.loc[("all", "score at origination"), "auc_gain"] == 0
    ((topic, text, is_red),) = [f for f in ew.lift_findings(table) if "origination" in f[1]]
    assert (topic, is_red) == ("Early warning", False)
    assert text.startswith("It is not beyond chance better than the score at origination alone")


# -- on the synthetic lender -----------------------------------------------------------------------


def test_behaviour_warns_better_than_origination_or_days_alone(marks):
    judged, score = ew.judge_warning(marks, leave_out=marks["loan_id"].iloc[:1])
    assert marks["loan_id"].iloc[0] not in set(judged["loan_id"])
    assert set(score.cards) == {"nothing past due", "past due"}
    table = ew.lift_table(judged)
    whole = table.loc["all"]
    assert (whole["auc_gain_low"].drop("early warning") > 0.02).all()
    row = whole.loc["early warning"]
    assert row["lift_low"] > 4
    # what was expected came, within the chance of loans that go bad
    assert row["expected_bad"] == pytest.approx(row["bad"], rel=0.15)
    text = ew.lift_text(table, DEFINITION.told)
    assert "It ranks better than the score at origination alone" in text
    assert "It ranks better than the days past due alone" in text
    assert ew.lift_findings(table) == []
    read = score.coefficients
    assert (read.drop(columns="what").min() < 0).all()


def test_the_list_holds_the_riskiest_and_the_page_no_id(marks):
    live, score = ew.score_today(marks, SEEN)
    assert (score.taught["last"] == SEEN - pd.offsets.MonthEnd(3)).all()
    assert (live["month_end"] == SEEN).all()
    reminders = ew.reminder_list(live, 60)
    assert reminders.index.tolist() == list(range(1, 61))
    rest = live[~live["loan_id"].isin(reminders["loan_id"])]
    assert reminders["probability"].min() >= rest["probability"].max()
    profile = ew.reminder_profile(reminders, live)
    assert (profile["listed"] >= 5).all()
    assert profile["times"].is_monotonic_decreasing
    late = profile.loc["past due now"]
    assert late["listed"] == (reminders["dpd"] > 0).sum()
    assert late["book_rate"] == pytest.approx((live["dpd"] > 0).mean())
    text = ew.reminder_text(reminders, live, DEFINITION.told)
    shown = text + profile.to_string()
    assert f"**60 of {len(live):,} running loans**" in text
    assert not any(loan in shown for loan in live["loan_id"])
    few = ew.reminder_profile(ew.reminder_list(live, 4), live)
    assert few.empty
    with pytest.raises(ValueError, match="capacity must be >= 1, got 0"):
        ew.reminder_list(live, 0)


# -- thin sources ----------------------------------------------------------------------------------


def test_days_past_due_alone_are_enough_and_nothing_is_no_error(world):
    panel = world.performance[["loan_id", "mob", "month_end", "dpd", "status"]]
    marks = ew.landmark_panel(panel, SEEN)
    assert not {"burden", "late_share", "paid_share", "score"} & set(marks)
    judged, score = ew.judge_warning(marks)
    assert score is not None
    assert "score at origination" not in ew.lift_table(judged).index.get_level_values("method")
    empty = ew.landmark_panel(panel[:0], SEEN)
    judged, score = ew.judge_warning(empty)
    assert (len(judged), score) == (0, None)
    table = ew.lift_table(judged)
    assert table.empty
    assert ew.lift_text(table, "late").startswith("There is no early warning")
    assert ew.lift_findings(table) == []
    live, score = ew.score_today(empty, SEEN)
    assert ew.reminder_list(live, 5).empty
    # loans, but none of them ever late
    good = marks[marks["flag"] != 1]
    live, score = ew.score_today(good, SEEN)
    assert score is None
    assert ew.reminder_list(live, 5).empty


def test_a_group_with_few_bads_shares_a_card_with_the_other(marks):
    few = (marks["dpd"] > 0) & (marks["flag"] == 1)
    score = ew.fit_warning(marks[~few | (few.cumsum() <= 20)], SEEN)
    assert set(score.cards) == {"all"}
    late, current = (score.probability(marks[marks["dpd"] > n][:5]) for n in (0, -1))
    assert np.isfinite([*late, *current]).all()


def test_bad_settings_are_refused(marks, world):
    for wrong in ({"dpd": 0}, {"horizon_months": 0}, {"dpd": 30.5}, {"horizon_months": True}):
        with pytest.raises(ValueError, match="must be a whole number of at least 1"):
            ew.WarningDefinition(**wrong)
    with pytest.raises(ValueError, match="months must be >= 1, got 0"):
        ew.judge_warning(marks, months=0)
    with pytest.raises(DataContractError, match="missing columns status"):
        ew.landmark_panel(world.performance.drop(columns="status"), SEEN)
    with pytest.raises(DataContractError, match="missing columns application_id"):
        ew.borrowers_of(pd.DataFrame({"x": [1]}))


def test_income_is_the_verified_one_where_it_is_known():
    people = pd.DataFrame(
        {
            "application_id": ["a", "b", "c"],
            "verified_income": [5_000.0, np.nan, -9.0],
            "stated_income": [9_000.0, 4_000.0, 3_000.0],
        }
    )
    assert ew.borrowers_of(people)["income"].tolist() == [5_000.0, 4_000.0, 3_000.0]
    assert ew.borrowers_of(people[["application_id"]], "score").columns.tolist() == []


def test_a_definition_is_told():
    assert dataclasses.replace(DEFINITION, horizon_months=1).told.endswith("the next month-end")

"""The business by month: recounted by hand, equal over any partition, judged against its past."""

from functools import reduce

import numpy as np
import pandas as pd
import pytest
from synthetic_tables import LENDER

from riskkit import monitoring, synthetic
from riskkit.checks import DataContractError
from riskkit.migration import bucket
from riskkit.partitions import add_counts

OBSERVED = pd.Timestamp("2024-12-31")


@pytest.fixture(scope="module")
def book():
    source = synthetic.as_source(LENDER, 400, seed=5)
    applications = source.applications
    score = pd.Series(np.arange(len(applications)) % 40 + 500.0).where(
        np.arange(len(applications)) % 17 > 0
    )
    exceptions = np.arange(len(applications)) % 23 == 0
    return applications, source.performance, source.instalments, score, exceptions


def counted(book, rows=None, by=None):
    applications, performance, instalments, score, exceptions = book
    rows = np.ones(len(applications), dtype=bool) if rows is None else rows
    ids = set(applications.loc[rows, "application_id"])
    return monitoring.monthly_counts(
        applications[rows].reset_index(drop=True),
        observed_to=OBSERVED,
        performance=performance[performance["loan_id"].isin(ids)].reset_index(drop=True),
        instalments=instalments[instalments["loan_id"].isin(ids)].reset_index(drop=True),
        score=score[rows].reset_index(drop=True),
        exceptions=exceptions[rows],
        by=by,
    )


def month_of(day):
    return pd.Timestamp(day).replace(day=1)


def asked_by_hand(applications, score, exceptions):
    """Applications and decisions, row by row."""
    found = {}
    for row, points, fires in zip(applications.itertuples(), score, exceptions, strict=True):
        cell = found.setdefault(month_of(row.applied_at), {})
        add = {
            "applications": 1,
            "approved": int(row.approved),
            "booked": int(row.booked),
            "booked_amount": row.booked_amount if row.booked else 0,
            "scored": int(points == points),
            "score_sum": 0 if points != points else int(points),
            "score_squares": 0 if points != points else int(points) ** 2,
            "overrides": int(row.approved and row.override and not row.explored),
            "exceptions": int(row.approved and fires and not row.override and not row.explored),
            "labelled": int(row.default_flag == row.default_flag),
            "bad": int(row.default_flag == 1),
        }
        for name, value in add.items():
            cell[name] = cell.get(name, 0) + value
    return found


def dues_by_hand(instalments):
    """First dues and collection, instalment by instalment."""
    found = {}
    for row in instalments.itertuples():
        age = (OBSERVED - row.due_date).days
        if age < 0:
            continue
        cell = found.setdefault(month_of(row.due_date), {})
        paid = row.paid_date == row.paid_date and row.paid_date <= OBSERVED
        late = (row.paid_date - row.due_date).days if paid else 10**6
        whole = late if paid and row.paid_amount >= row.due_amount else 10**6
        # nothing due is paid when it falls due, and is no instalment to collect
        whole = min(whole, 0) if row.due_amount == 0 else whole
        falls_due = row.due_amount > 0
        add = {"due_instalments": int(falls_due), "due_amount": row.due_amount}
        add["entered"] = int(whole > 0)
        for n in (0, 1, 3, 7):
            if age >= n:
                add[f"due_{n}_amount"] = row.due_amount
                in_time = min(row.paid_amount, row.due_amount) if late <= n else 0
                add[f"collected_{n}_amount"] = in_time
        for n in (1, 7, 30):
            if row.number == 1 and age > n:
                add |= {f"fpd{n}_due": 1, f"fpd{n}_missed": int(whole > n)}
        for name, value in add.items():
            cell[name] = cell.get(name, 0) + value
    return found


def book_by_hand(performance):
    """Stocks, moves and 30+ at month 3, loan by loan."""
    found = {}

    def add(month, **values):
        cell = found.setdefault(month, {})
        for name, value in values.items():
            cell[name] = cell.get(name, 0) + int(value)

    for _, loan in performance.groupby("loan_id", sort=False):
        rows = list(loan.itertuples())
        ripe = rows[0].cohort + pd.DateOffset(months=3)
        if ripe + pd.offsets.MonthEnd(0) <= OBSERVED and rows[0].mob == 0:
            early = [row for row in rows if row.mob <= 3]
            late = any(row.dpd > 30 or row.status == "charged_off" for row in early)
            add(ripe, mob3_loans=1, mob3_30=late)
        before = None
        for row in rows:
            month, is_open = month_of(row.month_end), row.status in ("current", "delinquent")
            depth = int(bucket(np.array([row.dpd]), np.array([row.month_end], "datetime64[ns]"))[0])
            if is_open:
                late = row.dpd > 30
                add(month, open_loans=1, open_30=late, balance=row.balance)
                add(month, balance_30=row.balance * late)
            if before is not None and before[0] < 3:
                k, owed = before
                deeper = row.status == "charged_off" or (is_open and depth > k)
                add(month, **{f"m{k}_loans": 1, f"m{k}_balance": owed})
                add(month, **{f"m{k}_m{k + 1}_loans": deeper})
                add(month, **{f"m{k}_m{k + 1}_balance": row.balance * deeper})
            before = (depth, row.balance) if is_open else None
    return found


def test_every_column_is_what_a_plain_recount_gives(book):
    applications, performance, instalments, score, exceptions = book
    table = counted(book)
    by_hand = [
        asked_by_hand(applications, score, exceptions),
        dues_by_hand(instalments),
        book_by_hand(performance),
    ]
    names = {name for found in by_hand for cell in found.values() for name in cell}
    disbursed = {"disbursed", "disbursed_amount", "disbursed_squares"}
    assert names | disbursed == set(table.columns)
    for found in by_hand:
        expected = pd.DataFrame.from_dict(found, orient="index").reindex(table.index).fillna(0)
        pd.testing.assert_frame_equal(
            table[expected.columns], expected.astype(np.int64), check_freq=False, check_names=False
        )
    assert (table.dtypes == np.int64).all()
    first = performance.drop_duplicates("loan_id").set_index("loan_id")["cohort"]
    lent = applications.set_index("application_id")["booked_amount"].loc[first.index]
    by_cohort = lent.groupby(first.to_numpy()).agg(["size", "sum"])
    seen = table.loc[by_cohort.index]
    assert (seen["disbursed"] == by_cohort["size"]).all()
    assert (seen["disbursed_amount"] == by_cohort["sum"]).all()


def test_counts_of_parts_add_up_to_those_of_the_whole(book):
    part = np.random.default_rng(0).integers(0, 3, len(book[0]))
    for by, n_parts in ((None, 3), ("channel", 2)):
        whole = counted(book, by=by)
        parts = [counted(book, part % n_parts == k, by=by) for k in range(n_parts)]
        pd.testing.assert_frame_equal(
            reduce(add_counts, parts)[whole.columns], whole, check_freq=False
        )
    together = counted(book, by="channel").groupby(level="month").sum()
    pd.testing.assert_frame_equal(together, counted(book), check_freq=False)


def test_what_a_source_lacks_is_no_column():
    asked = pd.DataFrame({"application_id": ["a", "b"], "amount": [100_000, 250_000]})
    assert monitoring.monthly_counts(asked, observed_to=OBSERVED).empty
    dated = asked.assign(applied_at=pd.to_datetime(["2024-01-03", "2024-04-01"]))
    table = monitoring.monthly_counts(dated, observed_to=OBSERVED)
    assert list(table.columns) == ["applications"]
    assert table["applications"].tolist() == [1, 0, 0, 1]
    outcomes = pd.DataFrame(
        {
            "loan_id": ["a", "b"],
            "cohort": pd.to_datetime(["2024-01-01"] * 2),
            "event": ["default", "matured"],
            "event_mob": [3, 6],
        }
    )
    told = monitoring.monthly_counts(asked, observed_to=OBSERVED, performance=outcomes)
    assert told.to_dict("list") == {
        "disbursed": [2],
        "disbursed_amount": [350_000],
        "disbursed_squares": [1_000**2 + 2_500**2],
    }
    assert monitoring.monthly_rates(table).empty
    assert monitoring.month_signals(table, OBSERVED).empty
    assert "no two months" in monitoring.monthly_text(monitoring.month_signals(table, OBSERVED))


def test_over_a_gap_and_after_a_charge_off_there_is_no_move():
    panel = pd.DataFrame(
        {
            # "a" is not seen in month 2; "b" is written off early and keeps rows
            "loan_id": ["a", "a", "a", "b", "b", "b", "b"],
            "cohort": pd.Timestamp("2024-01-01"),
            "mob": [0, 1, 3, 0, 1, 2, 3],
            "dpd": [0, 0, 40, 0, 10, 20, 20],
            "status": ["current"] * 2
            + ["delinquent", "current", "delinquent"]
            + ["charged_off"] * 2,
            "balance": 1_000,
            "month_end": pd.to_datetime(
                [
                    *("2024-01-31", "2024-02-29", "2024-04-30"),
                    *("2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"),
                ]
            ),
        }
    )
    asked = pd.DataFrame({"application_id": ["a", "b"]})
    table = monitoring.monthly_counts(asked, observed_to=OBSERVED, performance=panel)
    moves = table[["m0_loans", "m0_m1_loans", "m1_loans", "m1_m2_loans", "open_loans", "open_30"]]
    assert moves.to_numpy().tolist() == [
        [0, 0, 0, 0, 2, 0],
        [2, 1, 0, 0, 2, 0],
        [0, 0, 1, 1, 0, 0],
        [0, 0, 0, 0, 1, 1],
    ]
    # a charge-off is past any number of days
    assert table.loc["2024-04-01", ["mob3_loans", "mob3_30"]].tolist() == [2, 2]


def test_a_part_that_is_missing_is_called_none(book):
    applications = book[0].assign(channel=book[0]["channel"].where(book[0].index % 2 == 0))
    table = counted((applications, *book[1:]), by="channel")
    assert "none" in table.index.get_level_values("channel")
    assert table["applications"].sum() == len(applications)


def test_bad_input_is_refused(book):
    asked = book[0].drop(columns="channel")
    with pytest.raises(DataContractError, match="channel"):
        monitoring.monthly_counts(asked, observed_to=OBSERVED, by="channel")
    with pytest.raises(ValueError, match="whole points"):
        monitoring.monthly_counts(asked, observed_to=OBSERVED, score=np.full(len(asked), 1.5))


# -- rates and the newest month --------------------------------------------------------------------


def months(n, **columns):
    index = pd.date_range("2023-01-01", periods=n, freq="MS", name="month")
    return pd.DataFrame({name: np.broadcast_to(v, n) for name, v in columns.items()}, index)


def test_means_have_the_interval_of_their_own_variance():
    score, lent = np.array([500, 520, 610]), np.array([100_000, 300_000, 200_000])
    table = months(
        1,
        scored=3,
        score_sum=score.sum(),
        score_squares=(score**2).sum(),
        disbursed=3,
        disbursed_amount=lent.sum(),
        disbursed_squares=((lent // 100) ** 2).sum(),
    )
    rates = monitoring.monthly_rates(table)
    for name, values in (("mean_score", score), ("mean_ticket", lent)):
        row = rates.loc[name].iloc[0]
        half = 1.959963984540054 * values.std() / np.sqrt(3)
        got = row[["rate", "rate_low", "rate_high"]].tolist()
        np.testing.assert_allclose(got, values.mean() + np.array([0, -half, half]))


def test_money_has_a_rate_but_no_interval():
    rates = monitoring.monthly_rates(months(2, due_1_amount=[100, 0], collected_1_amount=[80, 0]))
    assert rates["rate"].iloc[0] == 0.8
    assert rates["rate"].isna().tolist() == [False, True]
    assert rates["rate_low"].isna().all()


def test_a_month_is_judged_once_all_of_it_is_old_enough():
    table = months(14, fpd7_due=500, fpd7_missed=20, fpd30_due=500, fpd30_missed=5)
    signals = monitoring.month_signals(table, "2024-02-29")
    # the last day of January is 29 days old, that of December 60
    assert signals["month"].dt.strftime("%Y-%m").to_dict() == {
        "fpd7": "2024-01",
        "fpd30": "2023-12",
    }


def test_a_jump_is_told_and_which_way_is_worse():
    table = months(13, fpd7_due=1000, fpd7_missed=[30] * 12 + [70], applications=900)
    table["approved"] = [450] * 12 + [300]
    signals = monitoring.month_signals(table, "2024-02-29")
    assert signals["told"].to_dict() == {
        "approval": "lower beyond chance",
        "fpd7": "worse beyond chance",
    }
    [(topic, text, red)] = monitoring.monthly_findings(signals)
    assert (topic, red) == ("Business", False)
    assert "FPD7 7.00%" in text
    assert "**Beyond chance:**" in monitoring.monthly_text(signals)
    better = monitoring.month_signals(
        table.assign(fpd7_missed=[70] * 12 + [30])[["fpd7_due", "fpd7_missed"]], "2024-02-29"
    )
    assert better["told"].tolist() == ["better beyond chance"]
    assert monitoring.monthly_findings(better) == []


def test_months_that_always_differ_make_no_alarm():
    """The chance of single loans would cry; the usual spread of the months would not."""
    missed = [20, 60, 25, 70, 30, 65, 20, 75, 25, 60, 30, 70, 80]
    table = months(13, fpd7_due=1000, fpd7_missed=missed)
    row = monitoring.month_signals(table, "2024-02-29").loc["fpd7"]
    assert row["spread"] > 5
    assert row["told"] == "may be chance"


def test_few_months_and_few_loans_say_nothing():
    for n, due in ((5, 1000), (13, 10)):
        table = months(n, fpd7_due=due, fpd7_missed=due // 10)
        signals = monitoring.month_signals(table, "2024-12-31")
        assert signals["told"].tolist() == ["too few to say"]
        assert "too few" in monitoring.monthly_text(signals)
    no_bads = monitoring.month_signals(months(13, fpd7_due=1000, fpd7_missed=0), "2024-12-31")
    assert no_bads["told"].tolist() == ["too few to say"]


def test_reasons_of_declines_by_channel():
    n = 13
    day = pd.date_range("2023-01-01", periods=n, freq="MS").repeat(200)
    asked = pd.DataFrame({"applied_at": day, "channel": np.tile(["app", "shop"], 100 * n)})
    place = np.arange(len(asked)) % 200
    newest = (day == day.max()) & (asked["channel"] == "shop")
    declined = (place < 20) | (newest & (place < 100))
    asked = asked.assign(approved=~declined, declined_reason=np.where(declined, "rule", None))
    counts = monitoring.decline_counts(asked, by="channel")
    assert counts["rule"].sum() == declined.sum()
    table = monitoring.decline_table(counts, "2024-01-31")
    assert table["told"].to_dict() == {
        ("app", "rule"): "may be chance",
        ("shop", "rule"): "higher beyond chance",
    }
    half = asked.index % 2 == 0
    parts = [monitoring.decline_counts(asked[rows], by="channel") for rows in (half, ~half)]
    assert add_counts(*parts)[counts.columns].equals(counts)
    assert "channel shop" in monitoring.monthly_text(table)
    assert monitoring.decline_counts(asked.drop(columns="declined_reason")).empty


# -- early read ------------------------------------------------------------------------------------


def test_young_cohorts_are_held_against_the_development_vintage():
    due = [400] * 12
    table = months(12, fpd7_due=due, fpd7_missed=[12] * 8 + [12, 14, 10, 40])
    early = monitoring.early_read(table, "2024-03-01", development_to="2023-07-31")
    cohorts = early.loc["fpd7"].index.strftime("%Y-%m").tolist()
    # counted by the month due, a month after disbursal
    assert cohorts == ["2023-08", "2023-09", "2023-10", "2023-11"]
    assert (early["earlier_n"] == 8 * 400).all()
    assert early["told"].tolist() == ["may be chance"] * 3 + ["worse beyond chance"]
    assert early.loc[("fpd7", "2023-11-01"), "month"] == pd.Timestamp("2023-12-01")
    [(topic, text, red)] = monitoring.early_findings(early)
    assert (topic, red) == ("Early read", True)
    assert "November 2023" in text
    assert "Start worse" in monitoring.early_text(early)


def test_an_early_read_without_a_vintage_or_months_since_is_empty():
    table = months(6, fpd7_due=400, fpd7_missed=12)
    for development_to in ("2022-01-01", "2024-01-01"):
        early = monitoring.early_read(table, "2024-03-01", development_to=development_to)
        assert early.empty
        assert monitoring.early_text(early).startswith("No cohort")
        assert monitoring.early_findings(early) == []
    few = monitoring.early_read(table, "2024-03-01", development_to="2022-12-31")
    assert set(few["told"]) == {"too few to say"}
    assert "too little" in monitoring.early_text(few)
    with pytest.raises(ValueError, match="fpd9"):
        monitoring.early_read(table, "2024-03-01", development_to="2023-01-01", signs=["fpd9"])


@pytest.mark.parametrize("scenario", ["base", "fraud_ring"])
def test_a_ring_of_fraud_shows_in_the_first_instalments_and_the_base_world_does_not(scenario):
    source = synthetic.as_source(synthetic.Lender(scenario=scenario), 20_000, seed=21)
    counts = monitoring.monthly_counts(
        source.applications, observed_to=source.observed_to, instalments=source.instalments
    )
    early = monitoring.early_read(counts, source.observed_to, development_to="2023-06-30")
    assert (early["told"] == "worse beyond chance").any() == (scenario == "fraud_ring")

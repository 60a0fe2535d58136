"""Cash of the pool: kept to the fen, drawn in order, and enough as often as it is said to be."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from riskkit import funding, runoff, schema
from riskkit.checks import DataContractError
from riskkit.funding.fund_pool import balances_of
from riskkit.funding.pool_cash import PoolCash
from riskkit.provisions import LendingCosts

DAY = pd.Timestamp("2024-05-31")
TIERS = pd.DataFrame(
    {"horizon_days": [30, 91, 365], "held_amount": [np.nan] * 3},
    index=pd.Index(["Daily", "Bursts", "Risk reserve"], name="tier"),
)
EVENLY = runoff.cash_profile(None, DAY)


def flows_of(net):
    """A pool whose net outflow is given by path and day."""
    net = np.asarray(net, np.int64)
    days = pd.date_range(DAY + pd.Timedelta(days=1), periods=net.shape[1])
    inflow, outflow = np.maximum(-net, 0), np.maximum(net, 0)
    return PoolCash(days=days, inflow=inflow, outflow=outflow, parts=pd.DataFrame(index=days))


def tiers_of(horizons, held):
    names = pd.Index([f"tier {n}" for n in range(1, len(horizons) + 1)])
    return pd.DataFrame({"horizon_days": horizons, "held_amount": held}, index=names)


def future_cash(n_paths=3, n_months=12, seed=1, opening=1_000_000, dtype=np.int64):
    """Made-up cash of one group whose balance moves as it must."""
    rng = np.random.default_rng(seed)
    shape = (n_paths, 1, n_months)
    amounts = {name: rng.integers(0, 50_000, shape).astype(dtype) for name in runoff.AMOUNTS}
    less = amounts["principal_amount"] + amounts["prepaid_amount"] + amounts["default_amount"]
    amounts["lent_amount"] = less  # a book that stays as large as it is
    amounts["balance"] = opening + np.zeros(shape, dtype)
    months = pd.date_range(DAY, periods=n_months + 1, freq="ME")[1:]
    return runoff.FutureCash(
        months=months, groups=pd.Index(["all"]), opening=np.array([opening]), amounts=amounts
    )


def daily_of(loans=2, paid_out=1_000):
    index = pd.date_range(end=DAY, periods=120, name="date")
    return pd.DataFrame({"loans": loans, "paid_out_amount": paid_out}, index=index)


def lines_of(**lines):
    columns = ["drawn_amount", "limit_amount", "rate", "notice_days", "until"]
    table = pd.DataFrame.from_dict(lines, orient="index", columns=columns)
    return table.assign(until=pd.to_datetime(table["until"]))


# -- balances --------------------------------------------------------------------------------------


def test_five_days_worked_by_hand():
    flows = flows_of([[4, -2, 13, -8, -9]])
    found = balances_of(flows, np.array([3, 4, 5]))
    assert {name: values[0].tolist() for name, values in found.items()} == {
        0: [0, 1, 0, 0, 3],
        1: [3, 4, 0, 0, 4],
        2: [5, 5, 0, 5, 5],
        "free": [0, 0, 0, 0, 2],
        "owed": [0, 0, 3, 0, 0],
    }


def by_hand(net, sizes):
    """Each fen moved one by one, in plain Python."""
    tiers, free, owed = list(sizes), 0, 0
    for amount in net:
        for _ in range(max(amount, 0)):
            if free:
                free -= 1
            elif any(tiers):
                tiers[next(nth for nth, held in enumerate(tiers) if held)] -= 1
            else:
                owed += 1
        for _ in range(max(-amount, 0)):
            lacking = [nth for nth, held in enumerate(tiers) if held < sizes[nth]]
            if owed:
                owed -= 1
            elif lacking:
                tiers[lacking[-1]] += 1
            else:
                free += 1
        yield free, *tiers, owed


nets = st.lists(st.integers(-12, 12), min_size=1, max_size=9)


@settings(max_examples=60)
@given(net=nets, sizes=st.lists(st.integers(0, 9), min_size=1, max_size=3))
def test_cash_is_kept_to_the_fen_each_day_and_tiers_are_drawn_in_order(net, sizes):
    flows = flows_of([net])
    found = balances_of(flows, np.array(sizes))
    columns = [found["free"], *(found[nth] for nth in range(len(sizes))), found["owed"]]
    told = np.stack([values[0] for values in columns], axis=1)
    assert told.tolist() == [list(row) for row in by_hand(net, sizes)]
    assert (told >= 0).all()
    kept = told[:, :-1].sum(axis=1) - told[:, -1]
    assert kept.tolist() == (sum(sizes) - np.cumsum(net)).tolist()


@settings(max_examples=25)
@given(st.lists(st.lists(st.integers(-12, 12), min_size=6, max_size=6), min_size=1, max_size=5))
def test_shortfalls_are_those_of_the_balances(nets):
    flows = flows_of(nets)
    tiers = tiers_of([2, 6], [3, 5])
    table = funding.fund_pool({"as is": flows}, tiers).loc["as is"]
    small = balances_of(flows, np.array([3]))["owed"][:, :2] > 0
    both = balances_of(flows, np.array([3, 5]))["owed"] > 0
    rates = [small.any(axis=1).mean(), both.any(axis=1).mean()]
    assert table["shortfall_rate"].tolist() == rates
    days = funding.pool_balances(flows, tiers)
    assert days["short_rate"].iloc[-1] == rates[1]
    left = days["free_amount"] + days["pool_amount"] - days["owed_amount"]
    moved = (days["inflow_amount"] - days["outflow_amount"]).cumsum()
    np.testing.assert_allclose(left, 8 + moved, atol=1e-9)


@settings(max_examples=25)
@given(nets=st.lists(st.lists(st.integers(-9, 9), min_size=6, max_size=6), min_size=2, max_size=30))
def test_sizes_rise_with_level_and_horizon_and_are_the_largest_that_any_path_needs(nets):
    flows = flows_of(nets)
    tiers = tiers_of([1, 3, 6], [np.nan] * 3)
    levels = {level: funding.fund_pool({"": flows}, tiers, level=level) for level in (0.5, 0.999)}
    for table in levels.values():
        assert (table["needed_amount"] >= 0).all()
        assert table["needed_so_far"].is_monotonic_increasing
        assert table["needed_amount"].cumsum().tolist() == table["needed_so_far"].tolist()
        assert (table["paid_out_so_far"] >= table["needed_so_far"]).all()
    low, high = (levels[level]["needed_so_far"] for level in (0.5, 0.999))
    assert (low <= high).all()
    spent = np.cumsum(nets, axis=1)
    assert high.tolist() == [max(spent[:, :days].max(), 0) for days in (1, 3, 6)]


def test_cash_that_is_paid_out_is_not_there_later():
    # 10 come and go: kept, they pay for what follows; paid out, the pool must
    table = funding.fund_pool({"": flows_of([[-10, 4, 9]])}, tiers_of([3], [np.nan]))
    assert table["needed_so_far"].tolist() == [3]
    assert table["paid_out_so_far"].tolist() == [13]


# -- how sure the sizes are ------------------------------------------------------------------------


def exact_size(n_days, level):
    """Of a walk of ±1: P(max ≥ a) = P(S ≥ a) + P(S > a), by the reflection principle.

    Source: Feller (1968), An Introduction to Probability Theory, volume 1, III.7.
    """
    walk = stats.binom(n_days, 0.5)

    def beyond(a):
        reached = (n_days + a) / 2
        return walk.sf(np.ceil(reached) - 1) + walk.sf(np.floor(reached))

    # the largest loss that is exceeded on at most 1 − level of the paths
    return next(a for a in range(n_days + 1) if beyond(a + 1) <= 1 - level)


def test_sizes_of_a_random_walk_are_those_of_the_reflection_principle():
    steps = 2 * np.random.default_rng(3).integers(0, 2, (20_000, 91)) - 1
    exact = [exact_size(n, 0.99) for n in (30, 91)]
    assert exact == [14, 24]
    table = funding.fund_pool({"": flows_of(steps)}, tiers_of([30, 91], [14, 10])).loc[""]
    before = [0, table["needed_so_far"].iloc[0]]
    assert (table["needed_low"] + before <= exact).all()
    assert (table["needed_high"] + before >= exact).all()
    for days, held, row in zip((30, 91), (14, 24), table.itertuples(), strict=True):
        walk = stats.binom(days, 0.5)
        beyond = held + 1
        reached = (days + beyond) / 2
        chance = walk.sf(np.ceil(reached) - 1) + walk.sf(np.floor(reached))
        low, high = stats.binom.interval(0.999, 20_000, chance)
        assert low <= row.shortfall_rate * 20_000 <= high


def test_the_interval_of_a_size_covers_it():
    rng = np.random.default_rng(5)
    exact = stats.norm.ppf(0.99)
    inside = 0
    drawn = np.rint(1e6 * (rng.normal(size=(200, 600)) + 10)).astype(np.int64)
    found = [runoff.quantile_interval(values, 0.99) for values in drawn]
    for _, low, high in found:
        inside += low <= 1e6 * (exact + 10) <= high
    row = funding.fund_pool({"": flows_of(drawn[0][:, None])}, tiers_of([1], [np.nan])).iloc[0]
    assert tuple(row[["needed_amount", "needed_low", "needed_high"]]) == found[0]
    # between two ranks the quantile lies where as many draws lie below it
    below = stats.binom(600, 0.99)
    covered = below.cdf(below.ppf(0.975)) - below.cdf(below.ppf(0.025) - 1)
    assert 0.95 <= covered <= 0.97
    low, high = stats.binom.interval(0.999, 200, covered)
    assert low <= inside <= high


def test_a_verdict_needs_paths_enough():
    walk = 2 * np.random.default_rng(3).integers(0, 2, (2_000, 30)) - 1
    much, little = tiers_of([30], [20]), tiers_of([30], [8])
    told = [
        funding.fund_pool({"": flows_of(walk[:n])}, tiers)["verdict"].item()
        for n, tiers in ((2_000, much), (100, much), (2_000, little), (100, little))
    ]
    assert told == ["enough", "too few paths to say", "too small", "too small"]
    few = funding.fund_pool({"": flows_of(walk[:100])}, much).iloc[0]
    assert np.isnan(few["needed_high"])
    assert few["needed_low"] >= 0
    silent = funding.fund_pool({"": flows_of(walk)}, tiers_of([1, 30], [5, np.nan])).loc[""]
    assert silent["verdict"].tolist()[1] == "nobody has said what is held"
    assert silent[["held_so_far", "shortfall_rate", "empty_days"]].iloc[1].isna().all()
    assert silent["needed_amount"].notna().all()


def test_the_day_on_which_the_pool_is_empty():
    # of twenty paths one is empty on day 2, nine on day 4, ten never
    nets = [[2, 5, 0, 0]] + [[0, 0, 0, 7]] * 9 + [[0, 0, 0, 6]] * 10
    row = funding.fund_pool({"": flows_of(nets)}, tiers_of([4], [6])).iloc[0]
    assert (row["earliest_days"], row["empty_days"], row["shortfall_rate"]) == (2, 4, 0.5)
    row = funding.fund_pool({"": flows_of(nets[:1] + nets[10:] * 2)}, tiers_of([4], [6])).iloc[0]
    assert np.isnan([row["earliest_days"], row["empty_days"]]).all()


# -- inflow and outflow ----------------------------------------------------------------------------


def test_what_months_bring_comes_on_their_days_to_the_fen():
    cash = future_cash()
    lending = np.full((3, 365), 7, np.int64)
    flows = funding.pool_cash(cash, lending, daily_of(), EVENLY)
    by_month = pd.DataFrame(flows.inflow.T, index=flows.days).groupby(pd.Grouper(freq="ME")).sum()
    assert by_month.to_numpy().T.tolist() == cash.total("collected_amount").tolist()
    assert (flows.outflow == 7).all()
    assert flows.parts["collected_amount"].sum() == pytest.approx(flows.inflow.sum() / 3)


def test_a_profile_decides_when_in_the_month_it_comes():
    cash = future_cash(n_paths=1, dtype=float)
    early = pd.Series([0.0] * 4 + [1.0] * 27, index=range(1, 32))
    flows = funding.pool_cash(cash, np.zeros((2, 365), np.int64), daily_of(), early)
    assert set(flows.days[flows.inflow[1] > 0].day) == {5}
    assert flows.inflow.shape == (2, 365)
    one = funding.pool_cash(future_cash(), np.ones((1, 365), np.int64), daily_of(), early)
    assert one.outflow.shape == one.inflow.shape == (3, 365)


def test_lending_costs_at_its_day_and_the_book_at_each_month_end():
    costs = LendingCosts(acquisition_amount=3_000, servicing_amount=300)
    lending = np.zeros((3, 61), np.int64)
    lending[:, 4] = 5_000
    flows = funding.pool_cash(future_cash(), lending, daily_of(), EVENLY, costs=costs, n_loans=40)
    # two loans for every 1,000 paid out, and forty loans served
    expected = np.zeros(61, np.int64)
    expected[4], expected[29], expected[60] = 5_000 + 10 * 3_000, 40 * 300, 40 * 300
    assert (flows.outflow == expected).all()
    assert flows.parts["cost_amount"].sum() == 10 * 3_000 + 2 * 40 * 300


def test_where_more_is_lent_than_planned_more_comes_back():
    cash = future_cash(n_months=3)
    new = future_cash(n_paths=1, n_months=3, seed=2, dtype=float)
    plan = (new.amounts["lent_amount"] - new.amounts["fee_amount"])[:, 0]
    new.amounts["lent_amount"][:, 0] += np.abs(plan.min()) + 1_000
    plan = (new.amounts["lent_amount"] - new.amounts["fee_amount"])[:, 0]
    days = pd.date_range("2024-06-01", "2024-08-31")
    lending = np.zeros((3, len(days)), np.int64)
    lending[:, days.day == 9] = plan * [[1], [2], [0]]
    flows = funding.pool_cash(cash, lending, daily_of(), EVENLY, to_come=new)
    came = pd.DataFrame(flows.inflow.T, index=days.month).groupby(level=0).sum().T.to_numpy()
    # in the first month nothing new has paid; then as planned, twice that, and nothing
    more = np.array([[0, 0, 0], [0, 1, 1], [0, -1, -1]]) * new.total("collected_amount")
    expected = np.maximum(cash.total("collected_amount") + more, 0)
    np.testing.assert_allclose(came, expected, atol=1)
    as_planned = funding.pool_cash(cash, lending, daily_of(), EVENLY)
    assert as_planned.inflow.sum() == cash.total("collected_amount").sum()
    with pytest.raises(ValueError, match="to_come must be of the same months as cash"):
        funding.pool_cash(cash, lending, daily_of(), EVENLY, to_come=future_cash(n_months=4))


LINES = lines_of(
    East=(1_200_000, 1_500_000, 0.05, 45, None), West=(600_000, 600_000, 0.06, 90, "2024-08-15")
)


def test_lines_cost_interest_until_they_end_or_their_funder_leaves():
    lending = np.zeros((3, 122), np.int64)
    flows = funding.pool_cash(future_cash(), lending, daily_of(), EVENLY, lines=LINES)
    out = pd.Series(flows.outflow[0], index=flows.days.strftime("%m-%d"))
    east, west = 5_000, 3_000
    until = round(west * 15 / 31)
    assert out[out > 0].to_dict() == {
        "06-30": east + west,
        "07-31": east + west,
        "08-15": 600_000 + until,
        "08-31": east,
        "09-30": east,
    }
    # a contract that ends before notice does is repaid when it ends
    west_leaves = funding.pool_cash(
        future_cash(), lending, daily_of(), EVENLY, lines=LINES, exits=["West"]
    )
    assert (west_leaves.outflow == flows.outflow).all()
    left = funding.pool_cash(
        future_cash(), lending, daily_of(), EVENLY, lines=LINES, exits=["East"]
    )
    out = pd.Series(left.outflow[0], index=left.days.strftime("%m-%d"))
    # 45 days from 31 May
    assert out["07-15"] == 1_200_000 + round(east * 15 / 31)
    assert out["08-31"] == 0
    assert left.parts["repaid_amount"].sum() == 1_800_000


def test_what_is_prepaid_repays_lines_that_are_secured_by_it():
    lending = np.zeros((3, 365), np.int64)
    cash = future_cash(opening=2_000_000)
    secured = LINES.iloc[:1]
    flows = funding.pool_cash(cash, lending, daily_of(), EVENLY, lines=secured, repays_prepaid=True)
    prepaid = cash.total("prepaid_amount")
    at = flows.days.is_month_end
    repaid = np.rint(1_200_000 * (prepaid / 2_000_000)).astype(np.int64)
    owed = 1_200_000 - np.hstack([np.zeros((3, 1), np.int64), repaid.cumsum(axis=1)[:, :-1]])
    interest = np.rint(owed * (0.05 / 12)).astype(np.int64)
    assert flows.outflow[:, at].tolist() == (repaid + interest).tolist()
    most = future_cash(opening=10_000)
    gone = funding.pool_cash(most, lending, daily_of(), EVENLY, lines=secured, repays_prepaid=True)
    assert gone.parts["repaid_amount"].sum() == 1_200_000


def test_a_funder_that_leaves_empties_a_pool_that_is_otherwise_enough():
    lending = np.zeros((400, 365), np.int64)
    cash = future_cash(n_paths=400)
    tiers = TIERS.assign(held_amount=[50_000.0, 50_000.0, 50_000.0])
    courses = {
        "As expected": {},
        "East leaves": {"exits": ["East"]},
        "Both leave": {"exits": ["East", "West"]},
    }
    flows = {
        name: funding.pool_cash(
            cash, lending, daily_of(), EVENLY, lines=LINES.assign(until=pd.NaT), **about
        )
        for name, about in courses.items()
    }
    table = funding.fund_pool(flows, tiers)
    whole = table.xs("Risk reserve", level="tier")
    assert whole["needed_so_far"].is_monotonic_increasing
    assert whole["verdict"].tolist() == ["enough", "too small", "too small"]
    assert whole.loc["East leaves", "empty_days"] == 45
    # the first month is over before notice is
    daily = table.xs("Daily", level="tier")["needed_so_far"]
    assert (daily == daily.iloc[0]).all()
    told = funding.pool_stress_text(table, "CNY")
    assert "**East leaves**: the tiers would need " in told
    assert ", on half of them by day 45" in told
    assert "one in twenty" not in told
    assert " more than is expected; what they hold: **too small**" in told
    same = {"As expected": flows["As expected"], "Nothing": flows["As expected"]}
    told = funding.pool_stress_text(funding.fund_pool(same, tiers), "CNY")
    assert ", no other than is expected as far as the paths tell; " in told
    assert funding.pool_stress_text(table.iloc[:3], "CNY") == "No stress of the pool is stated."
    findings = funding.pool_findings(table, pd.DataFrame(), "CNY", funding_rate=0.06)
    assert [topic for topic, _, _ in findings] == ["Fund pool", "Fund pool"]
    assert findings[0][1].startswith("East leaves: it is used up on 100% of the paths, by day 45")


def test_lines_that_could_still_lend_are_told_beside_the_tiers():
    spent = np.array([[10, 20, 30]] * 400)
    days = pd.date_range("2024-06-01", periods=3)
    tiers = pd.DataFrame({"horizon_days": [2, 3], "held_amount": [15, 5]}, index=["a", "b"])

    def table_of(undrawn):
        outflow = np.diff(spent, axis=1, prepend=0)
        flows = PoolCash(
            days=days,
            inflow=np.zeros_like(outflow),
            outflow=outflow,
            parts=pd.DataFrame(index=days),
            undrawn=None if undrawn is None else np.array(undrawn),
        )
        return funding.fund_pool({"as is": flows}, tiers).loc["as is"]

    assert table_of(None)["verdict"].tolist() == ["too small", "too small"]
    both = table_of([10, 10, 10])
    assert both["shortfall_rate"].tolist() == [1, 1]
    assert both["short_with_lines_rate"].tolist() == [0, 0]
    assert both["verdict"].tolist() == ["only with lines", "only with lines"]
    # of so few paths nobody can say whether lines are enough
    spent = spent[:50]
    assert table_of([10, 10, 10])["verdict"].tolist() == ["too small without lines"] * 2
    spent = np.repeat(spent, 8, axis=0)
    # a line that ends before the day lends nothing then
    assert table_of([10, 10, 0])["verdict"].tolist() == ["only with lines", "too small"]
    with pytest.raises(ValueError, match="undrawn must be of shape"):
        table_of([10])
    text = funding.pool_findings(
        funding.fund_pool({"as is": flows_of(spent)}, tiers), pd.DataFrame(), "CNY",
        funding_rate=0.06,
    )  # fmt: skip
    assert text[0][2]


def test_common_bad_months_need_more_than_independent_defaults():
    rng = np.random.default_rng(2)
    own = rng.normal(0, 100, (2_000, 365))
    common = own + rng.normal(0, 30, (2_000, 1))
    courses = {"As expected": flows_of(np.rint(common + rng.normal(0, 300, common.shape)))}
    courses["Lending as foretold"] = flows_of(np.rint(common))
    courses["Defaults independent"] = flows_of(np.rint(own))
    tiers = TIERS.assign(held_amount=[200.0, 200.0, 200.0])
    table = funding.fund_pool(courses, tiers)
    told = funding.pool_text(table, "CNY", lines=LINES)
    assert "**too small**, used up within 365 days on" in told
    assert " 3,000 more could be drawn on lines." in told
    needed = table["needed_so_far"].unstack("course").iloc[-1]
    share = 1 - needed["Defaults independent"] / needed["Lending as foretold"]
    assert f"{share:.0%} too little, since bad months are bad for all loans." in told
    few = {name: flows_of(flows.spent[:40]) for name, flows in courses.items()}
    assert "too few to say how far these are apart" in funding.pool_text(
        funding.fund_pool(few, tiers), "CNY"
    )
    assert funding.pool_stress_text(table, "CNY") == "No stress of the pool is stated."
    findings = funding.pool_findings(table, pd.DataFrame(), "CNY", funding_rate=0.06)
    ((topic, sentence, red),) = findings
    assert (topic, red) == ("Fund pool", True)
    assert "up to Daily it is used up within 30 days" in sentence
    silent = funding.pool_text(funding.fund_pool(courses, TIERS), "CNY", lines=LINES.head(0))
    assert "neither interest nor repayments are counted" in silent
    assert "**what it holds nobody has said**" in silent


# -- tables of the file, and what cannot be --------------------------------------------------------


def test_a_funding_file_becomes_tables_in_fen():
    file = schema.FundingFile.model_validate(
        {
            "tiers": {
                "Daily": {"horizon_days": "30"},
                "Bursts": {"horizon_days": "91", "held": "25 %"},
            },
            "lines": {
                "East": {"drawn": "2.5", "limit": "30 %", "rate": "0.05", "notice_days": "30"},
                "Gone": {
                    **{"drawn": "1", "limit": "1", "rate": "0.05", "notice_days": "30"},
                    "until": "2024-05-30",
                },
            },
        }
    )
    tiers, lines = funding.pool_tables(file, 1_000, DAY)
    assert tiers["horizon_days"].tolist() == [30, 91]
    np.testing.assert_array_equal(tiers["held_amount"], [np.nan, 250])
    assert list(lines.index) == ["East"]
    amounts = ["drawn_amount", "limit_amount", "notice_days"]
    assert lines.loc["East", amounts].tolist() == [250, 300, 30]
    assert lines["until"].isna().all()
    tiers, lines = funding.pool_tables(schema.FundingFile(), 1_000, DAY)
    assert lines.empty
    assert tiers["horizon_days"].tolist() == [30, 91, 365]
    flows = funding.pool_cash(
        future_cash(), np.zeros((3, 365), np.int64), daily_of(), EVENLY, lines=lines
    )
    told = funding.fund_pool({"": flows}, tiers)["verdict"]
    assert set(told) == {"nobody has said what is held"}


def test_by_month_sums_and_ends_are_those_of_the_days():
    flows = funding.pool_cash(future_cash(), np.full((3, 75), 900, np.int64), daily_of(), EVENLY)
    tiers = tiers_of([30, 75], [10_000.0, 5_000.0])
    days = funding.pool_balances(flows, tiers)
    months = funding.pool_balances(flows, tiers, freq="M")
    assert list(months.index) == [pd.Timestamp("2024-06-30"), pd.Timestamp("2024-07-31")]
    assert months["lent_amount"].tolist() == [900 * 30, 900 * 31]
    ends = ["pool_amount", "tier: tier 1", "pool_p01_amount", "short_rate"]
    assert months[ends].equals(days.loc[months.index, ends])
    assert funding.pool_balances(flows_of([[1, 2]]), tiers_of([2], [1.0]), freq="M").empty


def test_what_cannot_be_is_refused_by_name():
    flows = flows_of([[1, 2]])
    with pytest.raises(ValueError, match=r"horizon_days must be >= 1 and ascending, got \[2, 1\]"):
        funding.fund_pool({"": flows}, tiers_of([2, 1], [0, 0]))
    with pytest.raises(ValueError, match="tier 1 lasts 3 days, and cash is known for 2"):
        funding.fund_pool({"": flows}, tiers_of([3], [0]))
    with pytest.raises(ValueError, match="held_amount must be >= 0, got -1"):
        funding.fund_pool({"": flows}, tiers_of([1], [-1]))
    with pytest.raises(ValueError, match="courses must hold one"):
        funding.fund_pool({}, TIERS)
    with pytest.raises(ValueError, match="tiers must hold one"):
        funding.fund_pool({"": flows}, TIERS.head(0))
    with pytest.raises(ValueError, match="tiers must have names of their own"):
        funding.fund_pool({"": flows}, pd.concat([TIERS, TIERS]))
    with pytest.raises(DataContractError, match="held_amount"):
        funding.fund_pool({"": flows}, TIERS[["horizon_days"]])
    with pytest.raises(ValueError, match="freq must be 'D' or 'M', got 'W'"):
        funding.pool_balances(flows, TIERS, freq="W")
    with pytest.raises(ValueError, match="outflow must be >= 0"):
        PoolCash(days=flows.days, inflow=flows.inflow, outflow=-flows.outflow, parts=flows.parts)
    with pytest.raises(ValueError, match="inflow must be whole fen"):
        PoolCash(
            days=flows.days, inflow=1.0 * flows.inflow, outflow=flows.outflow, parts=flows.parts
        )
    with pytest.raises(ValueError, match=r"outflow must be of shape \(1, 2\)"):
        PoolCash(
            days=flows.days, inflow=flows.inflow, outflow=flows.outflow[:, :1], parts=flows.parts
        )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"daily": daily_of().iloc[:-1]}, "must be a month-end, got 2024-05-30"),
        ({"daily": daily_of().iloc[:0]}, "daily must have days"),
        ({"cash": future_cash(n_months=2)}, "cash must reach 2025-05, got 2024-07"),
        ({"cash": future_cash(n_paths=9)}, "lending must have 9 paths, or one, got 3"),
        ({"lines": LINES, "exits": ["North"]}, r"exits must be lines \(East, West\), got"),
        ({"exits": ["East"]}, "exits must be lines, and there are none"),
    ],
)
def test_flows_that_do_not_fit_are_refused(change, told):
    about = {"cash": future_cash(), "lending": np.zeros((3, 365), np.int64), "daily": daily_of()}
    with pytest.raises(ValueError, match=told):
        funding.pool_cash(**(about | {"profile": EVENLY} | change))

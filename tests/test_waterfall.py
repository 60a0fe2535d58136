"""Waterfall: two deals worked by hand, a published one, a recount in plain Python, invariants."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.checks import DataContractError
from riskkit.funding import Deal, waterfall
from riskkit.funding.sold_cash import ENDS, FLOWS, SoldCash, cash_of_table
from riskkit.funding.waterfall import pay_out, payment_table

START = pd.Timestamp("2025-01-31")
MONTHS = pd.date_range("2025-02-28", periods=4, freq="ME")


def notes(**tranches: tuple[float, ...]) -> pd.DataFrame:
    rows = {name: (*values, 0)[:3] for name, values in tranches.items()}
    return pd.DataFrame.from_dict(
        rows, orient="index", columns=["amount", "rate", "accrued_amount"]
    )


def collections(
    opening: int, months: pd.DatetimeIndex = MONTHS, **flows: list[int]
) -> pd.DataFrame:
    table = pd.DataFrame({f"{name}_amount": values for name, values in flows.items()}, index=months)
    for name in FLOWS:
        table[name] = table.get(name, 0)
    return table.assign(balance=opening - table[list(ENDS)].sum(axis=1).cumsum())


# -- oracles ---------------------------------------------------------------------------------------


def test_two_tranches_over_four_months_worked_by_hand() -> None:
    """Pool 1,000.00, A 800.00 at 6 %, B 100.00 at 12 %, so that 100.00 must stay behind the notes.

    Days 28, 31, 30, 31 of 365, interest cut to the fen.

    1. 215.00 come in, 200.00 of it principal; pool 800.00. Interest A 3.68 (3.682), B 0.92. Notes
       are to be 800 − 100 = 700.00: A gets 200.00 and owes on 600.00. The lender gets 10.40.
    2. 192.00 come in, 180.00 principal; 20.00 default; pool 600.00. Interest A 3.05 (3.057), B 1.01
       (1.019). Notes are to be 500.00, so 200.00 are due, but 187.94 are left: A owes 412.06. The
       spread of 7.94 has paid for a part of the default; the lender gets nothing.
    3. 259.00 come in, 250.00 principal; pool 350.00. Interest A 2.03 (2.032), B 0.98 (0.986).
       Due are 512.06 − 250.00 = 262.06, there are 255.99: A owes 156.07.
    4. 306.00 come in, 300.00 principal; 50.00 default; pool 0. Interest A 0.79 (0.795), B 1.01.
       A gets its 156.07, B its 100.00, the lender what is left: 48.13.
    """
    pool = collections(
        100_000,
        interest=[1500, 1200, 900, 600],
        principal=[20_000, 18_000, 25_000, 30_000],
        default=[0, 2000, 0, 5000],
    )
    deal = Deal(tranches=notes(A=(80_000, 0.06), B=(10_000, 0.12)), start=START)
    paid = waterfall(pool, deal)
    assert paid["interest_amount_A"].tolist() == [368, 305, 203, 79]
    assert paid["interest_amount_B"].tolist() == [92, 101, 98, 101]
    assert paid["principal_amount_A"].tolist() == [20_000, 18_794, 25_599, 15_607]
    assert paid["balance_A"].tolist() == [60_000, 41_206, 15_607, 0]
    assert paid["principal_amount_B"].tolist() == [0, 0, 0, 10_000]
    assert paid["equity_amount"].tolist() == [1040, 0, 0, 4813]
    assert paid["defaulted_rate"].tolist() == [0, 0.02, 0.02, 0.07]


def test_reserve_and_trigger_worked_by_hand() -> None:
    """Pool 1,000.00, A 700.00 at 6 %, B 200.00 at 9 %, reserve 2 % of the notes, fee 1.2 %.

    The trigger is an overcollateralisation below 1.10; 18.00 are in the reserve.

    1. (900 + 100 + 18) ÷ 900 = 1.131. In hand 116.00 + 18.00; fee 0.92, interest A 3.22, B 1.38,
       reserve 18.00; A gets the 100.00 due, the lender 10.48.
    2. 90.00 default: (800 + 10 + 18) ÷ 800 = 1.035, breached. In hand 12.00 + 18.00; fee 0.91, A
       3.05; the reserve falls to 2 % of 800.00 = 16.00; all else, 10.04, repays A. B's 1.52 are
       owed on.
    3. 1.00 comes in: with the reserve 17.00. Fee 0.78, A 2.90 (2.909); the reserve should hold
       15.79 and keeps 13.32. B is now owed 2.99.
    4. The last month: 720.00 come in, 100.00 default, the reserve is released. Fee 0.81, A 3.00 and
       its 589.96, then B's interest, 4.51, then 135.04 of its principal. B loses 64.96.
    """
    pool = collections(
        100_000,
        interest=[1600, 200, 0, 2000],
        principal=[10_000, 1000, 0, 70_000],
        default=[0, 9000, 0, 10_000],
        recovered=[0, 0, 100, 0],
    )
    deal = Deal(
        tranches=notes(A=(70_000, 0.06), B=(20_000, 0.09)),
        start=START,
        fee_rate=0.012,
        reserve_rate=0.02,
        reserve=1800,
        least_overcollateralisation=1.10,
    )
    paid = waterfall(pool, deal)
    assert paid["overcollateralisation"].round(3).tolist()[:2] == [1.131, 1.035]
    assert paid["breached"].tolist() == ["", *["overcollateralisation"] * 3]
    assert paid["fee_amount"].tolist() == [92, 91, 78, 81]
    assert paid["interest_amount_A"].tolist() == [322, 305, 290, 300]
    assert paid["interest_amount_B"].tolist() == [138, 0, 0, 451]
    assert paid["carried_amount_B"].tolist() == [0, 152, 299, 0]
    assert paid["reserve_amount"].tolist() == [1800, 1600, 1332, 0]
    assert paid["principal_amount_A"].tolist() == [10_000, 1004, 0, 58_996]
    assert paid["principal_amount_B"].tolist() == [0, 0, 0, 13_504]
    assert paid["equity_amount"].tolist() == [1048, 0, 0, 0]
    assert paid["balance_B"].iloc[-1] == 6496


def test_the_published_chinese_deal_to_the_cent() -> None:
    """AbsBox, Chinese benchmark test01: collections as its engine prints them, paid on the 26th.

    A1's interest due on 2022-03-26 is 5.49 there, an input. With 3.89 owed on the first of January,
    56 days to the first pay date (1.07) and 28 more (0.53) make it.
    """
    amounts = [
        7.79, 7.62, 7.37, 7.30, 7.12, 6.98, 6.81, 6.68, 6.54, 6.37,
        6.24, 6.08, 5.96, 5.82, 5.66, 5.56, 5.42, 5.30, 5.17, 5.07,
    ]  # fmt: skip
    months = pd.date_range("2022-01-31", periods=20, freq="ME")
    pool = pd.DataFrame({"interest_amount": [round(100 * x) for x in amounts]}, index=months)
    deal = Deal(
        tranches=notes(A1=(10_000, 0.07, 389), B=(2000, 0.0)),
        start=pd.Timestamp("2022-01-01"),
        pay_day=26,
        fee_owed=1000,
        turbo=True,
    )
    paid = waterfall(pool, deal).set_index("pay_date")
    assert paid.index[0] == pd.Timestamp("2022-02-26")
    assert paid["fee_amount"].tolist()[:3] == [779, 221, 0]
    march = paid.loc["2022-03-26"]
    interest = ["due_amount_A1", "interest_amount_A1", "carried_amount_A1"]
    assert march[interest].tolist() == [549, 541, 8]
    assert paid.loc["2022-04-26", interest].tolist() == [67, 67, 0]
    assert paid["balance_A1"].tolist()[1:] == [
        10_000, 9330, 8653, 7992, 7339, 6701, 6072, 5452, 4847, 4250, 3667, 3092, 2526, 1975, 1430,
        896, 371, 0, 0,
    ]  # fmt: skip
    assert paid.loc["2023-08-26", "balance_B"] == 1856
    assert paid.loc["2023-09-26", "balance_B"] == 1349


def test_pay_dates_are_the_next_such_day() -> None:
    deal = Deal(tranches=notes(A=(1, 0)), start=START, pay_day=28)
    found = deal.pay_dates(pd.DatetimeIndex(["2025-02-27", "2025-02-28", "2024-12-31"]))
    assert [str(day.date()) for day in found] == ["2025-02-28", "2025-03-28", "2025-01-28"]


# -- a recount in plain Python ---------------------------------------------------------------------


def cut(amount: int, millionths: int, days: int) -> int:
    return amount * millionths * days // (365 * 10**6)


def recount(pool: pd.DataFrame, deal: Deal, purchases: pd.DataFrame | None) -> list[dict]:
    """The rules of `waterfall`, month by month in whole numbers of Python."""
    rows = [{name: int(value) for name, value in row.items()} for row in pool.to_dict("records")]
    opening = rows[0]["balance"] + sum(rows[0][name] for name in ENDS)
    balance, defaulted, breach = opening, 0, ""
    owed = [int(x) for x in deal.amounts]
    carried, rates = [int(x) for x in deal.accrued], [int(x) for x in deal.rates]
    fee_owed, reserve, before, told = deal.fee_owed, deal.reserve, deal.start, []
    over = max(opening - sum(owed), 0)
    for t, (day, row) in enumerate(zip(deal.pay_dates(pool.index), rows, strict=True)):
        days, before, last = (day - before).days, day, t == len(rows) - 1
        fee_owed += cut(balance, round(deal.fee_rate * 10**6), days)
        for k, rate in enumerate(rates):
            carried[k] += cut(owed[k], rate, days)
        balance -= sum(row[name] for name in ENDS)
        defaulted += row["default_amount"]
        principal_in = row["principal_amount"] + row["prepaid_amount"]
        if sum(owed) and not breach:
            ratio = (balance + principal_in + reserve) / sum(owed)
            if deal.least_overcollateralisation and ratio < deal.least_overcollateralisation:
                breach = "overcollateralisation"
            elif deal.most_defaulted and defaulted > deal.most_defaulted * opening:
                breach = "defaults"
        pot = principal_in + row["interest_amount"] + row["recovered_amount"] + reserve
        paid: dict = {"interest": [0] * len(owed), "principal": [0] * len(owed)}

        def pay(amount: int) -> int:
            nonlocal pot
            amount = min(pot, amount)
            pot -= amount
            return amount

        def interest(k: int) -> int:
            amount = pay(carried[k])
            carried[k] -= amount
            return amount

        paid["fee"] = pay(fee_owed)
        fee_owed -= paid["fee"]
        for k in range(len(owed)):
            if k == 0 or not breach:
                paid["interest"][k] += interest(k)
        revolves = t < deal.revolving_months and not breach
        everything = sum(owed) if breach or deal.turbo or last else 0
        due = max(everything, sum(owed) - max(balance - over, 0))
        held = cut(sum(owed), round(deal.reserve_rate * 10**6), 365)
        if last or (
            not revolves and (balance == 0 or (due == sum(owed) and pot >= due + sum(carried)))
        ):
            held = 0
        reserve = pay(held)
        bought = pay(max(opening - balance, 0)) if revolves and not last else 0
        if bought:
            for name, values in brought(bought, purchases, len(rows) - t - 1).items():
                for ahead, value in enumerate(values):
                    rows[t + 1 + ahead][name] += value
        balance += bought
        due = max(everything, sum(owed) - max(balance - over, 0))
        for k in range(len(owed)):
            paid["interest"][k] += interest(k)
            amount = pay(min(due, owed[k]))
            due, owed[k] = due - amount, owed[k] - amount
            paid["principal"][k] = amount
        paid |= {"equity": pot, "reserve": reserve, "bought": bought, "breach": breach}
        told.append(paid | {"balance": owed.copy(), "carried": carried.copy(), "pool": balance})
    return told


def brought(spent: int, purchases: pd.DataFrame, n: int) -> dict[str, list[int]]:
    """Whole fen by month: each sum from the first month on is cut, as are sums of what ends."""
    flows = {name: [] for name in FLOWS}
    for name in ("interest_amount", "recovered_amount"):
        upto, before = 0.0, 0
        for share in purchases[name][:n]:
            upto += share
            flows[name].append(int(spent * upto + 1e-6) - before)
            before += flows[name][-1]
    upto, before = 0.0, 0
    for month in range(min(n, len(purchases))):
        for name in ENDS:
            upto += purchases[name].iloc[month]
            whole = 1.0 if abs(upto - 1) < 1e-9 else upto
            flows[name].append(int(spent * whole + 1e-6) - before)
            before += flows[name][-1]
    return flows


PURCHASES = pd.DataFrame(
    {
        "interest_amount": [0.25, 0.125, 0.0625],
        "principal_amount": [0.25, 0.25, 0.25],
        "prepaid_amount": [0.0, 0.0625, 0.0],
        "default_amount": [0.0, 0.0625, 0.125],
        "recovered_amount": [0.0, 0.0, 0.0625],
    },
    index=[1, 2, 3],
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[pd.DataFrame, Deal]:
    n = draw(st.integers(1, 8))
    months = pd.date_range("2025-02-28", periods=n, freq="ME")
    opening = draw(st.integers(0, 2_000_000))
    left, flows = opening, {name: [] for name in FLOWS}
    for _ in range(n):
        flows["interest_amount"].append(draw(st.integers(0, 40_000)))
        flows["recovered_amount"].append(draw(st.integers(0, 20_000)))
        for name in ENDS:
            part = draw(st.sampled_from([0, 0, 1, 7, 25, 60, 100]))
            flows[name].append(left * part // 100)
            left -= flows[name][-1]
    pool = collections(opening, months, **{k.removesuffix("_amount"): v for k, v in flows.items()})
    amounts = draw(st.lists(st.integers(1, 900_000), min_size=1, max_size=3))
    rates = draw(st.lists(st.integers(0, 400_000), min_size=3, max_size=3))
    table = notes(**{f"T{k}": (x, rates[k] / 10**6, 137 * k) for k, x in enumerate(amounts)})
    deal = Deal(
        tranches=table,
        start=START,
        pay_day=draw(st.sampled_from([None, 15])),
        fee_rate=draw(st.sampled_from([0.0, 0.01, 0.3])),
        fee_owed=draw(st.sampled_from([0, 5000])),
        reserve_rate=draw(st.sampled_from([0.0, 0.02, 0.3])),
        reserve=draw(st.sampled_from([0, 30_000])),
        revolving_months=draw(st.integers(0, 3)),
        turbo=draw(st.booleans()),
        least_overcollateralisation=draw(st.sampled_from([None, 0.5, 1.05])),
        most_defaulted=draw(st.sampled_from([None, 0.05, 0.4])),
    )
    return pool, deal


@settings(max_examples=60, deadline=None)
@given(cases())
def test_a_recount_in_plain_python_pays_the_same(case: tuple[pd.DataFrame, Deal]) -> None:
    pool, deal = case
    paid = waterfall(pool, deal, purchases=PURCHASES)
    for (_, row), expected in zip(paid.iterrows(), recount(pool, deal, PURCHASES), strict=True):
        for place, name in enumerate(deal.names):
            for what in ("interest", "principal", "carried"):
                assert row[f"{what}_amount_{name}"] == expected[what][place], (what, name)
            assert row[f"balance_{name}"] == expected["balance"][place]
        whole = {"fee": "fee", "equity": "equity", "reserve": "reserve", "purchased": "bought"}
        assert {name: row[f"{name}_amount"] for name in whole} == {
            name: expected[other] for name, other in whole.items()
        }
        assert (row["pool_balance"], row["breached"]) == (expected["pool"], expected["breach"])


@settings(max_examples=60, deadline=None)
@given(cases())
def test_cash_is_kept_and_ranks_hold_under_every_trigger(case: tuple[pd.DataFrame, Deal]) -> None:
    pool, deal = case
    cash = cash_of_table(pool, deal, PURCHASES)
    paid = pay_out(cash, deal)
    by, of = paid.by_month, {name: values[0] for name, values in paid.by_tranche.items()}
    out = by["fee"] + by["purchased"] + by["reserve"] + by["equity"]
    out = out[0] + of["interest"].sum(axis=1) + of["principal"].sum(axis=1)
    opening = np.append(deal.reserve, by["reserve"][0, :-1])
    assert np.array_equal(opening + by["collected"][0], out)
    assert np.array_equal(opening + by["collected"][0], by["available"][0])
    moved = np.cumsum(by["purchased"] - by["principal_in"] - by["default"], axis=1)
    assert np.array_equal(by["pool"], cash.opening + moved)
    assert all((values >= 0).all() for values in [*by.values(), *of.values()])
    assert (of["interest"] + of["carried"] == of["due"]).all()
    before = np.vstack([deal.amounts, of["balance"][:-1]])
    assert (before - of["principal"] == of["balance"]).all()
    # senior before junior: principal of a tranche only once those before it owe nothing
    for place in range(1, len(deal.names)):
        earlier = of["balance"][:, :place].sum(axis=1)
        assert (earlier[of["principal"][:, place] > 0] == 0).all()
        late = (by["breach"][0] > 0) & (of["interest"][:, place] > 0)
        assert (earlier[late] == 0).all()
        # losses bottom up: who lost anything stands above tranches that were repaid nothing
        if of["balance"][-1, place - 1] > 0:
            assert of["principal"][:, place].sum() == 0
    equity = by["equity"][0] > 0
    assert (of["carried"].sum(axis=1)[equity] == 0).all()
    assert (of["balance"].sum(axis=1)[equity & (by["breach"][0] > 0)] == 0).all()
    assert (np.diff(by["breach"][0] > 0) >= 0).all()


def test_many_paths_are_paid_as_each_one_alone() -> None:
    rng = np.random.default_rng(3)
    months = pd.date_range("2025-02-28", periods=6, freq="ME")
    tables = []
    for _ in range(5):
        parts = rng.dirichlet(np.ones(18), 1)[0] * 90_000
        ends = parts.astype(int).reshape(6, 3)
        tables.append(
            collections(
                100_000,
                months,
                interest=list(rng.integers(0, 3000, 6)),
                principal=list(ends[:, 0]),
                prepaid=list(ends[:, 1]),
                default=list(ends[:, 2]),
            )
        )
    deal = Deal(
        tranches=notes(A=(70_000, 0.05), B=(15_000, 0.1)),
        start=START,
        reserve_rate=0.01,
        revolving_months=2,
        least_overcollateralisation=1.1,
    )
    alone = [cash_of_table(table, deal, PURCHASES) for table in tables]
    together = SoldCash(
        months=months,
        opening=np.concatenate([one.opening for one in alone]),
        amounts={name: np.vstack([one.amounts[name] for one in alone]) for name in FLOWS},
        new_loans=alone[0].new_loans,
    )
    paid = pay_out(together, deal)
    for path, table in enumerate(tables):
        expected = waterfall(table, deal, purchases=PURCHASES)
        pd.testing.assert_frame_equal(payment_table(paid, deal, path), expected)


# -- what the terms do -----------------------------------------------------------------------------


def test_while_it_revolves_the_pool_is_kept_up_and_no_note_is_repaid() -> None:
    pool = collections(100_000, interest=[3000] * 4, principal=[20_000] * 4, default=[500] * 4)
    deal = Deal(tranches=notes(A=(90_000, 0.06)), start=START, revolving_months=2)
    paid = waterfall(pool, deal, purchases=PURCHASES)
    # what defaulted is bought again out of the spread
    assert paid["purchased_amount"].tolist()[0] == 20_500
    assert paid["pool_balance"].tolist()[:2] == [100_000, 100_000]
    assert paid["principal_amount_A"].tolist()[:2] == [0, 0]
    assert (paid["principal_amount_A"].iloc[2:] > 0).all()


def test_a_breach_stops_purchases_and_turns_all_cash_to_the_notes() -> None:
    flows = {"interest": [3000] * 4, "principal": [20_000] * 4, "default": [4000, 0, 0, 0]}
    deal = Deal(
        tranches=notes(A=(90_000, 0.06)), start=START, revolving_months=3, most_defaulted=0.039
    )
    paid = waterfall(collections(100_000, **flows), deal, purchases=PURCHASES)
    assert paid["breached"].tolist() == ["defaults"] * 4
    assert paid["purchased_amount"].sum() == 0
    assert paid["equity_amount"].tolist()[:3] == [0, 0, 0]
    # at the limit is not above it
    quiet = Deal(
        tranches=notes(A=(90_000, 0.06)), start=START, revolving_months=3, most_defaulted=0.04
    )
    assert (
        waterfall(collections(100_000, **flows), quiet, purchases=PURCHASES)["breached"].iloc[0]
        == ""
    )


def test_the_reserve_is_held_while_the_notes_are_not_due_in_full() -> None:
    """There is cash for all notes, but 10.00 of principal are due: the rest is the lender's."""
    pool = collections(100_000, interest=[20_000, 0, 0, 0], principal=[1000, 0, 0, 0])
    deal = Deal(tranches=notes(A=(10_000, 0.0)), start=START, reserve_rate=0.1, reserve=1000)
    paid = waterfall(pool, deal)
    assert paid["principal_amount_A"].iloc[0] == 1000
    assert paid["reserve_amount"].tolist() == [1000, 900, 900, 0]
    assert paid["equity_amount"].tolist() == [20_000, 100, 0, 0]


def test_principal_in_hand_backs_the_notes_as_the_pool_does() -> None:
    pool = collections(100_000, principal=[10_000] * 4, prepaid=[10_000] * 4, default=[100] * 4)
    least = 99_900 / 90_000  # all but the default is still there
    terms = {"tranches": notes(A=(90_000, 0.0)), "start": START}
    holds = waterfall(pool, Deal(least_overcollateralisation=least, **terms))
    assert holds["breached"].iloc[0] == ""
    assert holds["overcollateralisation"].iloc[0] == least
    breaks = waterfall(pool, Deal(least_overcollateralisation=least + 1e-6, **terms))
    assert breaks["breached"].iloc[0] == "overcollateralisation"


def test_large_amounts_are_exact() -> None:
    amount = 9_000_000_000_000_019
    deal = Deal(tranches=notes(A=(amount, 0.333333)), start=START, turbo=True)
    paid = waterfall(pd.DataFrame({"interest_amount": [10**16]}, index=MONTHS[:1]), deal)
    assert paid["interest_amount_A"].iloc[0] == amount * 333_333 * 28 // (365 * 10**6)


# -- refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"tranches": notes(A=(0, 0.1))}, "amount must be > 0"),
        ({"tranches": notes(A=(1.5, 0.1))}, "whole fen"),
        ({"tranches": notes()}, "names of their own"),
        ({"tranches": notes(A=(1, 4.5))}, "the rate of A must lie"),
        ({"fee_rate": float("nan")}, "fee_rate must lie"),
        ({"reserve_rate": 1.0}, "reserve_rate"),
        ({"reserve": -1}, "reserve must be >= 0"),
        ({"revolving_months": -1}, "revolving_months"),
        ({"pay_day": 31}, "pay_day"),
        ({"most_defaulted": 0.0}, "most_defaulted"),
        ({"start": pd.Timestamp("2025-01-31 12:00")}, "start must be a day"),
    ],
)
def test_terms_that_cannot_be_are_refused(change: dict, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        Deal(**{"tranches": notes(A=(100, 0.05)), "start": START} | change)


def test_a_table_that_cannot_be_a_pool_is_refused() -> None:
    good = collections(1000, interest=[10] * 4, principal=[100] * 4)
    deal = Deal(tranches=notes(A=(900, 0.05)), start=START)
    with pytest.raises(ValueError, match=r"it is not: 2025-03-31"):
        waterfall(good.assign(balance=[900, 700, 600, 500]), deal)
    with pytest.raises(ValueError, match="interest_amount must be whole fen"):
        waterfall(good.assign(interest_amount=[1.5, 0, 0, 0]), deal)
    with pytest.raises(ValueError, match="interest_amount must be whole fen"):
        waterfall(good.assign(interest_amount=[np.nan, 0, 0, 0]), deal)
    with pytest.raises(ValueError, match="ascending"):
        waterfall(good.iloc[::-1], deal)
    with pytest.raises(ValueError, match="need a month"):
        waterfall(good.iloc[:0], deal)
    with pytest.raises(DataContractError, match="balance"):
        waterfall(good.drop(columns="balance"), deal)
    revolving = Deal(tranches=notes(A=(900, 0.05)), start=START, revolving_months=1)
    with pytest.raises(ValueError, match="needs purchases"):
        waterfall(good, revolving)
    with pytest.raises(ValueError, match="at most 1"):
        waterfall(good, revolving, purchases=PURCHASES * 1.1)
    late = Deal(tranches=notes(A=(900, 0.05)), start=pd.Timestamp("2026-01-31"))
    with pytest.raises(ValueError, match="after its first pay date"):
        waterfall(good, late)


def test_terms_of_a_file_become_a_deal_of_a_pool() -> None:
    shares = {"A": SimpleNamespace(share=0.7, rate=0.04), "B": SimpleNamespace(share=0.4, rate=0.1)}
    terms = SimpleNamespace(
        tranches=shares, fee_rate=0.0, reserve_rate=0.0, revolving_months=0,
        least_overcollateralisation=None, most_defaulted=None,
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"at most 1, got 1\.1"):
        Deal.of_pool(100, terms, START)
    shares["B"].share = 0.3
    assert Deal.of_pool(101, terms, START).amounts.tolist() == [70, 30]
    with pytest.raises(ValueError, match="amount must be > 0"):
        Deal.of_pool(1, terms, START)

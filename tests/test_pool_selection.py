"""The loan tape, its concentrations, and the pool chosen from it: recounts, limits, blindness."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from riskkit.checks import DataContractError
from riskkit.funding import concentration_table, loan_tape, select_pool, tape_text

SEGMENT_COLUMNS = "product", "scenario", "region", "partner", "channel", "borrower"


def world(n: int, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    ids = pd.Index([f"L{k:05d}" for k in range(n)], name="loan_id")
    book = pd.DataFrame(
        {
            "state": rng.choice([0, 0, 0, 1, 4], n),
            "dpd": rng.choice([0, 0, 0, 5, 40], n),
            "mob": rng.integers(0, 12, n),
            "term_months": 12,
            "balance": rng.integers(1000, 900_000, n),
            "amount": rng.integers(900_000, 2_000_000, n),
            "effective_rate": rng.choice([0.01, 0.02, 0.03], n),
        },
        index=ids,
    )
    asked = pd.DataFrame(
        {
            "application_id": ids,
            "customer_id": rng.choice([f"C{k}" for k in range(max(n // 2, 1))], n),
            "region": rng.choice(["east", "west", "north", "south"], n, p=[0.4, 0.3, 0.2, 0.1]),
            "scenario": rng.choice(["rent", "travel", "phone"], n, p=[0.6, 0.3, 0.1]),
            "partner": rng.choice(np.array(["birch", "dune", None], dtype=object), n),
        }
    )
    return book, asked


def plain_tape(n: int, seed: int = 0, **columns: object) -> pd.DataFrame:
    """A tape of which everything may be sold."""
    book, asked = world(n, seed)
    tape, _ = loan_tape(book.assign(state=0), asked, {})
    return tape.assign(**columns)


# -- the tape --------------------------------------------------------------------------------------


def test_tests_of_loans_are_a_recount() -> None:
    book, asked = world(400)
    asked = asked.assign(age=np.where(np.arange(400) % 50 == 0, np.nan, 40.0))
    criteria = {"most_dpd": 5, "least_mob": 2, "least_left": 3, "most_amount": 15_000.0}
    criteria |= {"most_apr": 0.24, "least_age": 18}
    tape, tests = loan_tape(book, asked, criteria)
    age = asked.set_index("application_id")["age"]
    fails = {
        loan: [
            name
            for name, failed in [
                ("never in default", row["state"] == 4),
                ("most_dpd", row["dpd"] > 5),
                ("least_mob", row["mob"] < 2),
                ("least_left", 12 - row["mob"] < 3),
                ("most_amount", row["amount"] > 1_500_000),
                ("most_apr", round(12 * row["effective_rate"], 9) > 0.24),
                ("least_age", not age[loan] >= 18),
            ]
            if failed
        ]
        for loan, row in book.iterrows()
    }
    assert tape["reason"].to_dict() == {loan: (names or [""])[0] for loan, names in fails.items()}
    assert tape["eligible"].to_dict() == {loan: not names for loan, names in fails.items()}
    for name in ["never in default", *criteria]:
        whom = {
            "": [loan for loan, names in fails.items() if name in names],
            "alone_": [loan for loan, names in fails.items() if names == [name]],
            "first_": [loan for loan, names in fails.items() if names[:1] == [name]],
        }
        for which, ids in whom.items():
            expected = [len(ids), book.loc[ids, "balance"].sum()]
            assert tests.loc[name, [f"{which}loans", f"{which}balance"]].tolist() == expected
    # who may be sold, and who fails what first, are all there are
    assert tests["first_loans"].sum() == len(book)
    assert tests["first_balance"].sum() == book["balance"].sum()


def test_what_a_source_does_not_know_is_told_and_not_asked() -> None:
    book, asked = world(50)
    criteria = {"no_treatment": True, "least_age": 18, "most_dpd": 0}
    tape, tests = loan_tape(book, asked[["application_id"]], criteria)
    assert tests.index[~tests["is_known"]].tolist() == ["no_treatment", "least_age"]
    assert tests.loc["no_treatment", "loans"] == 0
    assert not {"region", "age"} & set(tape)
    rows = concentration_table(tape, {"region": 0.3}).loc["book"]
    assert (rows["verdict"] == "not known").all()
    chosen, _, _ = select_pool(tape, {"region": 0.3})
    assert chosen["in_pool"].equals(chosen["eligible"].rename("in_pool"))
    nobody, drawn, refused = select_pool(tape, {}, size=0, alike=["dpd"])
    assert (nobody["in_pool"].sum(), len(drawn), refused) == (0, 0, "none is asked for")


def test_a_loan_that_was_ever_treated_may_be_kept_out() -> None:
    book, asked = world(6)
    panel = pd.DataFrame({"loan_id": book.index.repeat(2), "treatment": [None] * 11 + ["re-age"]})
    tape, tests = loan_tape(book, asked, {"no_treatment": True}, performance=panel)
    assert tape["treated"].tolist() == [False] * 5 + [True]
    assert tests.loc["no_treatment", "loans"] == 1
    assert "no_treatment" not in loan_tape(book, asked, {"no_treatment": False})[1].index


def test_no_loan_gives_an_empty_tape() -> None:
    book, asked = world(3)
    tape, tests = loan_tape(book.iloc[:0], asked, {"most_dpd": 0})
    assert (len(tape), tests["loans"].sum()) == (0, 0)
    assert (concentration_table(tape, {})["verdict"] == "not known").all()
    chosen, drawn, refused = select_pool(tape, {}, alike=["dpd"])
    assert (len(chosen), len(drawn), refused) == (0, 0, "no loan may be sold")
    told = tape_text(chosen, tests, concentration_table(chosen, {}), drawn, refused, "CNY")
    assert told == "There are no loans on the books."


def test_a_test_that_there_is_not_is_refused() -> None:
    book, asked = world(3)
    with pytest.raises(ValueError, match="did you mean 'most_dpd'"):
        loan_tape(book, asked, {"most_dpt": 0})
    with pytest.raises(DataContractError, match="effective_rate"):
        loan_tape(book.drop(columns="effective_rate"), asked, {})
    with pytest.raises(ValueError, match="did you mean 'region'"):
        concentration_table(plain_tape(3), {"regoin": 0.3})
    with pytest.raises(ValueError, match="limit of region must lie"):
        select_pool(plain_tape(3), {"region": 30})


# -- concentrations --------------------------------------------------------------------------------


def test_concentrations_are_a_recount() -> None:
    tape = plain_tape(60, seed=2)
    table = concentration_table(tape, {"region": 0.9, "scenario": 0.1})
    total = tape["balance"].sum()
    for column in ("region", "scenario", "partner", "borrower"):
        shares = (tape.groupby(column)["balance"].sum() / total).to_dict()
        unnamed = tape.loc[tape[column].isna(), "balance"] / total
        row = table.loc[("book", column)]
        assert row["n_values"] == len(shares)
        largest = "" if column == "borrower" else max(shares, key=shares.get)
        assert row["largest"] == largest
        assert row["largest_share"] == pytest.approx(max(shares.values()))
        named = sum(shares.values())
        index = sum((share / named) ** 2 for share in shares.values())
        assert row["effective"] <= len(shares) + 1e-9
        assert row["index"] == pytest.approx(index)
        assert row["effective"] == pytest.approx(1 / index)
        assert row["unnamed_share"] == pytest.approx(unnamed.sum())
    verdicts = table.loc["book", "verdict"]
    assert verdicts[["region", "scenario", "partner"]].tolist() == ["within", "above", "no limit"]


def test_loans_without_a_value_are_no_value() -> None:
    tape = pd.DataFrame({"balance": [10, 10, 80], "partner": ["a", "b", None]})
    row = concentration_table(tape, {}).loc[("book", "partner")]
    assert row[["effective", "largest_share", "unnamed_share"]].tolist() == [2, 0.1, 0.8]
    none = concentration_table(tape[2:], {"partner": 0.1}).loc[("book", "partner")]
    assert none[["index", "effective"]].isna().all()
    assert none["verdict"] == "within"


def test_of_equal_parts_the_effective_number_is_their_number() -> None:
    tape = pd.DataFrame({"balance": [5] * 8, "region": list("abcdabcd")})
    assert concentration_table(tape, {}).loc[("book", "region"), "effective"] == 4


# -- the pool --------------------------------------------------------------------------------------


@settings(max_examples=12, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(30, 120),
    st.sampled_from([0.35, 0.5, 0.75]),
    st.sampled_from([0.4, 0.55, 1.0]),
    st.sampled_from([0.05, 0.2, 1.0]),
    st.sampled_from([None, 0.2, 0.6]),
)
def test_no_limit_is_broken_and_order_does_not_matter(
    seed: int, n: int, region: float, scenario: float, borrower: float, size: float | None
) -> None:
    tape = plain_tape(n, seed)
    limits = {"region": region, "scenario": scenario, "borrower": borrower}
    most = None if size is None else int(tape["balance"].sum() * size)
    chosen, _, refused = select_pool(tape, limits, size=most)
    assert bool(refused) != chosen["in_pool"].any()
    rows = concentration_table(chosen, limits).loc["pool"]
    assert not rows["verdict"].isin(["above"])[list(limits)].any()
    assert most is None or tape["balance"][chosen["in_pool"]].sum() <= most
    again, _, same = select_pool(tape.sample(frac=1, random_state=seed), limits, size=most)
    assert again["in_pool"].sort_index().equals(chosen["in_pool"])
    assert same == refused


def test_the_pool_is_the_largest_there_is_but_for_whole_loans() -> None:
    """Equal loans of four classes: every number of each is tried."""
    there = {("east", "rent"): 9, ("east", "phone"): 5, ("west", "rent"): 4, ("west", "phone"): 2}
    names = [key for key, n in there.items() for _ in range(n)]
    tape = pd.DataFrame(names, columns=["region", "scenario"])
    tape = tape.assign(balance=100, eligible=True).rename_axis("loan_id")
    limits = {"region": 0.6, "scenario": 0.55}
    best = 0
    for counts in itertools.product(*(range(n + 1) for n in there.values())):
        total = sum(counts)
        shares = [
            sum(n for n, key in zip(counts, there, strict=True) if value in key) / max(total, 1)
            for value in ("east", "west", "rent", "phone")
        ]
        if max(shares[:2]) <= 0.6 and max(shares[2:]) <= 0.55:
            best = max(best, total)
    chosen, _, _ = select_pool(tape, limits)
    assert best - 2 <= chosen["in_pool"].sum() <= best


def test_a_single_limit_is_met_as_its_closed_form_says() -> None:
    """The pool is the S of S = sum of min(owed by the value, limit × S), found by iteration."""
    tape = plain_tape(3000, seed=5)
    owed = tape.groupby("region")["balance"].sum()
    total = float(owed.sum())
    for _ in range(200):
        total = float(np.minimum(owed, 0.28 * total).sum())
    chosen, _, _ = select_pool(tape, {"region": 0.28})
    assert tape["balance"][chosen["in_pool"]].sum() == pytest.approx(total, rel=0.005)


def test_a_pool_of_a_size_is_close_to_it_and_to_the_mix() -> None:
    tape = plain_tape(2000, seed=1)
    limits = {"region": 0.5, "scenario": 0.7}
    most = int(tape["balance"].sum() * 0.4)
    chosen, _, _ = select_pool(tape, limits, size=most)
    pool = tape[chosen["in_pool"]]
    assert 0.98 * most < pool["balance"].sum() <= most
    for column in limits:  # no limit binds: the mix of the tape is kept
        shares = [
            one.groupby(column)["balance"].sum() / one["balance"].sum() for one in (tape, pool)
        ]
        assert (shares[0] - shares[1]).abs().max() < 0.02


def test_limits_that_leave_no_pool_are_named() -> None:
    tape = plain_tape(200)
    chosen, drawn, refused = select_pool(tape, {"region": 0.2, "scenario": 0.9}, alike=["dpd"])
    assert refused == "no pool meets the limits: region at most 0.2 cannot be met by itself"
    assert not chosen["in_pool"].any()
    _, tests = loan_tape(*world(200), {})
    table = concentration_table(chosen, {"region": 0.2})
    told = tape_text(chosen, tests, table, drawn, refused, "CNY")
    assert "**There is no pool**: no pool meets the limits: region" in told
    both = pd.DataFrame({"region": ["a", "b"], "scenario": ["x", "x"]}).assign(
        balance=100, eligible=True
    )
    other = pd.DataFrame({"region": ["a"], "scenario": ["y"]}).assign(balance=200, eligible=True)
    tape = pd.concat([both, other], ignore_index=True).rename_axis("loan_id")
    _, _, refused = select_pool(tape, {"region": 0.51, "scenario": 0.5})
    assert "there is one without any of region at most 0.51, scenario at most 0.5" in refused


def test_loans_are_chosen_blindly() -> None:
    """A risk that has nothing to do with the id departs no oftener than chance has it."""
    departs = 0
    for seed in range(40):
        tape = plain_tape(120, seed, risk=np.random.default_rng(seed + 1000).random(120))
        size = int(tape["balance"].sum() * 0.5)
        _, drawn, _ = select_pool(tape, {"region": 0.35}, size=size, alike=["risk"])
        departs += drawn["p_value"].iloc[0] <= 0.05
    assert departs <= stats.binom(40, 0.05).ppf(0.999)


def test_a_pool_of_picked_loans_is_told_apart() -> None:
    """The same test on a pool in which somebody has let the order of ids tell the risk."""
    tape = plain_tape(300, seed=4)
    first, _, _ = select_pool(tape, {}, size=int(tape["balance"].sum() * 0.5))
    grade = np.where(first["in_pool"], "A", "B")
    grade[:40] = "B"
    picked = tape.assign(grade=grade, risk=np.where(first["in_pool"], 0.01, 0.05))
    size = int(tape["balance"].sum() * 0.5)
    chosen, drawn, _ = select_pool(picked, {}, size=size, alike=["grade", "risk"])
    assert drawn.loc[[("grade", "A"), ("risk", "")], "verdict"].tolist() == ["more", "less"]
    table = concentration_table(chosen, {})
    _, tests = loan_tape(*world(300, 4), {})
    told = tape_text(chosen, tests, table, drawn, "", "CNY")
    assert "not like loans drawn by chance" in told


def test_the_reckoning_of_chance_is_that_of_draws_without_replacement() -> None:
    """Mean and spread against many draws from the same classes."""
    tape = plain_tape(80, seed=9, risk=np.random.default_rng(9).random(80))
    chosen, drawn, _ = select_pool(tape, {"region": 0.6}, size=int(9e6), alike=["risk"])
    rng = np.random.default_rng(0)
    sizes = chosen[chosen["in_pool"]].groupby("region").size()
    total = 0.0
    for region, n in sizes.items():
        risk = chosen.loc[chosen["region"] == region, "risk"].to_numpy()
        total += rng.permuted(np.tile(risk, (4000, 1)), axis=1)[:, :n].sum(axis=1)
    means = total / sizes.sum()
    row = drawn.loc[("risk", "")]
    assert row["chance_mean"] == pytest.approx(np.mean(means), abs=4 * np.std(means) / 4000**0.5)
    half = (row["chance_high"] - row["chance_low"]) / 2
    assert half == pytest.approx(1.96 * np.std(means), rel=0.05)

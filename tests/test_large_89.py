"""What provisions, funding and monitoring count: the same of one frame and of any parts of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal, assert_series_equal
from stress_world import two_loans

from riskkit import (
    arrears,
    first_payments,
    funding,
    lights,
    monitoring,
    partitions,
    policy,
    provisions,
    refresh,
    runoff,
    schema,
    synthetic,
    vintage,
)
from riskkit.binning import WoeBinner
from riskkit.funding.stress_paths import no_shock
from riskkit.funding.stressed_lender import chance_errors, condensed_lender, course_of
from riskkit.loan_values import LoanValues, rows_of
from riskkit.tables import Table, part_path, table, write_table

WAYS = ["one file", "uneven parts", "another order", "an empty part", "all missing", "threads"]
FEATURES = ["channel", "age"]


@pytest.fixture(scope="module")
def world() -> SimpleNamespace:
    lender = synthetic.Lender()
    book = synthetic.simulate(lender, 2_500, seed=21)
    asked = book.applications.reset_index(drop=True)
    rng = np.random.default_rng(1)
    late = asked["applied_at"] > asked["applied_at"].quantile(0.6)
    scores = pd.DataFrame(
        {
            "application_id": asked["application_id"],
            "applied_at": asked["applied_at"],
            "scorecard": rng.integers(500, 700, len(asked)),
            "sample": np.where(late, "out_of_time", "train"),
            "default_flag": asked["default_flag"],
        }
    )
    decided = scores[["application_id"]].assign(
        grade=pd.cut(scores["scorecard"], 3, labels=list("CBA")).astype("str"),
        score=scores["scorecard"] + 7,
    )
    known = asked["default_flag"].notna()
    binner = WoeBinner(max_bins=4).fit(asked.loc[known, FEATURES], asked.loc[known, "default_flag"])
    return SimpleNamespace(
        asked=asked,
        panel=book.performance.reset_index(drop=True),
        dues=book.instalments.reset_index(drop=True),
        scores=scores,
        decided=decided,
        observed=pd.Timestamp(lender.observed_to),
        binner=binner,
    )


def in_parts(frame: pd.DataFrame, folder: Path, way: str) -> Table:
    """The frame in one file, or cut where loans begin into parts of very different length."""
    whole = "loan_id" if "loan_id" in frame else None
    ids = frame[whole or "application_id"].to_numpy(object)
    starts = np.flatnonzero(np.append(True, ids[1:] != ids[:-1]))
    shares = [] if way == "one file" else [0.01, 0.012, 0.3, 0.9]
    cuts = [0, *(starts[int(share * len(starts))] for share in shares), len(frame)]
    parts = [frame.iloc[a:b] for a, b in itertools.pairwise(cuts)]
    if way == "another order":
        parts = [parts[number] for number in (3, 0, 4, 2, 1)]
    if way == "an empty part":
        parts.insert(2, frame.iloc[:0])
    if way == "all missing":
        nobody = np.zeros(len(parts[1]), dtype=bool)
        for name in {"declined_reason", "paid_date"} & set(frame):
            parts[1] = parts[1].assign(**{name: parts[1][name].where(nobody)})
        if "paid_date" in frame:
            parts[1] = parts[1].assign(paid_amount=0)
    folder.mkdir()
    for number, part in enumerate(parts):
        write_table(part.reset_index(drop=True), part_path(folder, number))
    return Table(folder, whole=whole)


@pytest.fixture(params=WAYS)
def both(
    request: pytest.FixtureRequest,
    world: SimpleNamespace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tuple[SimpleNamespace, SimpleNamespace]]:
    """The world as frames, and as tables in parts of few rows."""
    way = request.param
    monkeypatch.setattr(table, "BLOCK_ROWS", 10**6 if way == "one file" else 300)
    names = ("asked", "panel", "dues", "scores", "decided")
    tables = {name: in_parts(getattr(world, name), tmp_path / name, way) for name in names}
    frames = {name: one.frame() for name, one in tables.items()}
    rest = {"observed": world.observed, "binner": world.binner}
    with partitions.using(ThreadPoolExecutor(3)) if way == "threads" else nullcontext():
        yield SimpleNamespace(**frames, **rest), SimpleNamespace(**tables, **rest)


def same(one: Any, other: Any, *, in_any_order: bool = False) -> None:
    """Counts exactly, sums of floats within 1e-9."""
    if isinstance(one, pd.Series):
        assert_series_equal(one.sort_index(), other.sort_index())
        return
    if in_any_order:
        one, other = one.sort_index(), other.sort_index()
    assert_frame_equal(one, other, rtol=1e-9, atol=1e-9, check_freq=False)


def bands_of(there: SimpleNamespace) -> pd.Series:
    decided = there.decided if isinstance(there.decided, pd.DataFrame) else there.decided.frame()
    return decided.set_index("application_id")["grade"]


def kinds_in(there: SimpleNamespace) -> Any:
    if isinstance(there.asked, pd.DataFrame):
        return provisions.kinds_of(there.asked, bands_of(there))
    return provisions.counted_kinds(there.asked, there.decided)


def applications_in(there: SimpleNamespace) -> pd.DataFrame:
    """What the notebook reads of single loans: of a frame everybody."""
    if isinstance(there.asked, pd.DataFrame):
        return there.asked
    ends = arrears.last_month_ends(there.panel)
    ids = arrears.loans_in_view(there.panel, ends)
    return runoff.applications_in_view(there.asked, ids, ends[0], lookback_months=3)


def fitted(there: SimpleNamespace) -> provisions.LossModel:
    counted = kinds_in(there)
    asked = applications_in(there)
    return provisions.fit_losses(
        there.panel,
        asked,
        arrears.last_month_ends(there.panel)[0],
        bands=bands_of(there),
        counted=counted if isinstance(counted, LoanValues) else None,
    )


CATALOGUE = [
    SimpleNamespace(name="channel", kind="category", special_codes=()),
    SimpleNamespace(name="bureau_score", kind="number", special_codes=(-9,)),
]
RULES = SimpleNamespace(lights={"channel_partner": None, "declined_reason_score": None})
POLICY = """
name: P
rules:
  - name: young
    label: Young
    step: rules
    all: [{column: age, operator: "<", value: 30}]
"""


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> schema.PolicyFile:
    path = tmp_path_factory.mktemp("policy") / "p.yaml"
    path.write_text(POLICY)
    return schema.read_policy(path)


def is_frame(there: SimpleNamespace) -> bool:
    return isinstance(there.asked, pd.DataFrame)


def by_loan(there: SimpleNamespace, column: str) -> Any:
    if is_frame(there):
        return there.asked.set_index("application_id")[column]
    return LoanValues.from_table(there.asked, column)


def monthly(there: SimpleNamespace, by: str | None = None) -> pd.DataFrame:
    about: dict[str, Any] = {"performance": there.panel, "instalments": there.dues, "by": by}
    if is_frame(there):
        fires = policy.fired(there.asked, there.rules).any(axis=1)
        known = there.scores.set_index("application_id")["scorecard"]
        points = known.reindex(there.asked["application_id"]).to_numpy()
        about |= {"score": points, "exceptions": fires}
        return monitoring.monthly_counts(there.asked, observed_to=there.observed, **about)
    about |= {"score": "scorecard", "rules": there.rules}
    scored = there.asked.beside(there.scores)
    return monitoring.monthly_counts(scored, observed_to=there.observed, **about)


def base_of(there: SimpleNamespace) -> Any:
    last = refresh.taught_to(there.scores)
    return (there.asked["applied_at"] <= last).to_numpy() if is_frame(there) else last


def moved_mix(there: SimpleNamespace) -> pd.DataFrame:
    about: dict[str, Any] = {"base": base_of(there), "binner": there.binner}
    if is_frame(there):
        known = there.scores.set_index("application_id")["scorecard"]
        points = known.reindex(there.asked["application_id"]).to_numpy()
        return monitoring.stability_counts(there.asked, score=points, **about)
    scored = there.asked.beside(there.scores)
    return monitoring.stability_counts(scored, score="scorecard", **about)


def outcomes(there: SimpleNamespace) -> pd.DataFrame:
    """Of decided scores, after the last who was taught."""
    last = refresh.taught_to(there.scores) - pd.DateOffset(months=6)
    if is_frame(there):
        points = there.decided.set_index("application_id")["score"]
        points = points.reindex(there.scores["application_id"]).to_numpy()
        keep = (there.scores["applied_at"] > last).to_numpy()
        keep = keep & (there.scores["sample"] != "train").to_numpy()
        rows = there.scores[keep]
        return monitoring.outcome_counts(points[keep], rows["default_flag"], rows["applied_at"])
    graded = there.scores.beside(there.decided)
    names = {"score": "score", "y": "default_flag", "applied_at": "applied_at"}
    return monitoring.outcome_counts(**names, table=graded, later_than=last, unseen=True)


def movement(there: SimpleNamespace) -> pd.DataFrame:
    asked, day = applications_in(there), arrears.last_month_ends(there.panel)[0]
    kinds, counted = provisions.kinds_of(asked, bands_of(there)), kinds_in(there)
    about = {} if is_frame(there) else {"counted": counted}
    model = fitted(there)
    book = arrears.book_at(there.panel, asked, day)
    loans = provisions.loan_ecl(book, model, kinds)
    return provisions.month_movement(there.panel, asked, book, loans, kinds, **about)


def recoveries(there: SimpleNamespace) -> pd.DataFrame:
    asked = applications_in(there)
    if is_frame(there):
        return provisions.recovery_check(there.panel, asked, months_back=6)
    watched = {"by": "months", "watched_to": arrears.last_month_ends(there.panel)[0]}
    gone = arrears.defaulted_loans(there.panel)
    return provisions.recovery_check(gone, asked, months_back=6, **watched)


MEASURES: dict[str, Callable[[SimpleNamespace], Any]] = {
    "monthly moves": lambda w: arrears.monthly_moves(w.panel, kinds_in(w)),
    "landmark moves": lambda w: arrears.landmark_moves(
        w.panel, kinds_in(w), as_of=arrears.last_month_ends(w.panel)[1]
    ),
    "budget": lambda w: provisions.budget_table(
        w.panel, pd.DataFrame({"budget_amount": []}, index=pd.DatetimeIndex([]))
    ),
    "cohort profit": lambda w: provisions.cohort_profit(w.panel, provisions.LendingCosts()),
    "daily lending": lambda w: runoff.daily_lending(w.asked, w.observed),
    "cash profile": lambda w: runoff.cash_profile(w.dues, w.observed),
    "months": monthly,
    "months by channel": partial(monthly, by="channel"),
    "days": lambda w: lights.days_table(w.asked, w.observed, instalments=w.dues),
    "shares": lambda w: lights.share_signs(w.asked, RULES, w.observed),
    "declines": lambda w: monitoring.decline_counts(w.asked, by="channel").sort_index(axis=1),
    "first payments": lambda w: first_payments.payment_default_counts(
        w.dues, w.observed, numbers=[1], days=[7], parts=by_loan(w, "channel")
    ),
    "cohorts by term": lambda w: vintage.cohort_counts(
        w.panel, dpd=(90,), by=by_loan(w, "term_months")
    ),
    "new values": lambda w: monitoring.value_counts(w.asked, CATALOGUE, base=base_of(w)),
    "moved mix": moved_mix,
    "outcomes": outcomes,
    "losses given default": lambda w: fitted(w).lgd.rates,
    "movement": movement,
    "recoveries": recoveries,
}


def test_counts_of_parts_are_those_of_the_whole(
    both: tuple[SimpleNamespace, SimpleNamespace], rules: schema.PolicyFile
) -> None:
    frames, tables = both
    frames.rules = tables.rules = rules
    for name, measure in MEASURES.items():
        one, other = measure(frames), measure(tables)
        assert len(one), name
        try:
            same(one, other)
        except AssertionError as unlike:
            raise AssertionError(f"{name}: {unlike}") from None


def test_books_of_parts_are_those_of_the_whole(
    both: tuple[SimpleNamespace, SimpleNamespace],
) -> None:
    frames, tables = both
    day, before = arrears.last_month_ends(frames.panel)
    assert arrears.last_month_ends(tables.panel) == [day, before]
    asked = applications_in(tables)
    books = [arrears.book_at(w.panel, asked, before) for w in (frames, tables)]
    same(*books)
    left = [arrears.how_they_left(w.panel, books[0].index, day) for w in (frames, tables)]
    assert len(left[0])
    same(*left)
    late = frames.panel["dpd"] > 90
    bad = set(frames.panel["loan_id"][late | (frames.panel["status"] == "charged_off")])
    rows = frames.panel[frames.panel["loan_id"].isin(bad)].reset_index(drop=True)
    found = arrears.defaulted_loans(tables.panel)
    same(rows[list(found)], found)
    seen = set(frames.panel["loan_id"][frames.panel["month_end"].isin([day, before])])
    assert set(arrears.loans_in_view(tables.panel, [day, before])) == bad | seen
    month = pd.Period(frames.asked["applied_at"].max(), "M")
    lately = frames.asked[frames.asked["applied_at"].dt.to_period("M") == month]
    applied = lights.applied_in(tables.asked, month, ["application_id", "nowhere"])
    same(lately[["application_id"]].reset_index(drop=True), applied)
    assert lights.values_seen(tables.asked, "channel") == sorted(frames.asked["channel"].unique())
    assert lights.values_seen(tables.asked, "nowhere") == []
    some = frames.asked["application_id"].iloc[[5, 900, 901]]
    same(
        frames.asked[frames.asked["application_id"].isin(some)].reset_index(drop=True),
        rows_of(tables.asked, some),
    )


def test_losses_by_loan_do_not_depend_on_how_many_are_reckoned_at_once(
    world: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = world.panel["month_end"].max()
    model, kinds = fitted(world), provisions.kinds_of(world.asked, bands_of(world))
    book = arrears.book_at(world.panel, world.asked, day)
    at_once = provisions.loan_ecl(book, model, kinds)
    monkeypatch.setattr("riskkit.provisions.book_loss._MOST_LOANS", 7)
    same(at_once, provisions.loan_ecl(book, model, kinds))


def test_followed_loans_have_the_money_of_all(world: SimpleNamespace) -> None:
    day = world.panel["month_end"].max()
    model, kinds = fitted(world), provisions.kinds_of(world.asked, bands_of(world))
    book = arrears.book_at(world.panel, world.asked, day)
    about = {"lookback_months": 3}
    losses = provisions.loan_ecl(book, model, kinds)["ecl_lifetime_amount"]
    ahead = {"n_months": 20, "lending_months": 12, **about}

    def owing(most_loans: int) -> tuple[Any, runoff.OpenLoans]:
        some = runoff.followed_loans(
            book, world.asked, day, most_loans=most_loans, losses=losses, **about
        )
        today, cells = runoff.open_loans(some.book, model, kinds, n_months=20)
        planned, more = runoff.planned_loans(some.applications, kinds, model, day, **ahead)
        both = runoff.joined((some.scaled(today), cells), (some.scaled(planned), more))
        return some, both[0]

    everybody, whole = owing(len(book))
    assert everybody.are_all
    assert everybody.text == ""
    assert everybody.numbers(whole) is None
    some, part = owing(len(book) // 2)
    assert not some.are_all
    assert f"of {len(book):,} loans" in some.text
    runs = book["state"] < arrears.DEFAULT
    mean = losses[runs].sum() / book["balance"][runs].sum()
    of_part = losses[runs & book.index.isin(some.book.index)].sum()
    own = some.book["balance"][some.book["state"] < arrears.DEFAULT].sum()
    off = of_part / own / mean - 1
    assert f"is {abs(off):.1%} {'above' if off >= 0 else 'below'} that of all" in some.text
    assert 0.3 * len(book) < len(some.book) < 0.7 * len(book)
    runs, more = part.start == 0, whole.start == 0
    n = len(part.ids)
    assert abs(part.owed[runs, 0].sum() - whole.owed[more, 0].sum()) < n
    assert part.in_default_owed.sum() == pytest.approx(whole.in_default_owed.sum())
    # loans to come: the lookback is what is scaled, and is dealt out four times
    assert part.owed[~runs, 0].sum() == pytest.approx(whole.owed[~more, 0].sum(), rel=0.02)
    number = some.numbers(part)
    assert number is not None
    assert number[runs].sum() == pytest.approx(more.sum())
    assert some.n_running == more.sum()
    assert some.balance == whole.owed[more, 0].sum()
    values = pd.Series(1, index=book.index)
    assert list(some.of(values).index) == list(some.book.index)
    with pytest.raises(ValueError, match="most_loans must be >= 1, got 0"):
        runoff.followed_loans(book, world.asked, day, most_loans=0, **about)


def test_a_row_may_stand_for_several_loans() -> None:
    lender = two_loans()
    several = np.array([3.0, 5.0])
    one, many = course_of(lender), course_of(replace(lender, number=several))
    # its money is that of all of them already, only numbers grow
    amounts = [name for name in one if name.endswith("_amount") and name != "cost_amount"]
    assert_frame_equal(one[["loss_amount", "balance"]], many[["loss_amount", "balance"]])
    assert amounts
    start = one["lent_loans"].to_numpy()
    assert many["lent_loans"].tolist() == (5 * start).tolist()
    assert many["running_loans"].iloc[0] > one["running_loans"].iloc[0]
    # and taken together they are as many
    together, shock = condensed_lender(
        replace(lender, number=several), no_shock(lender.loans.n_months)
    )
    assert together.numbers.sum() == several.sum()
    assert_frame_equal(course_of(together, shock), many)
    errors = [
        chance_errors(replace(lender, number=number), no_shock(lender.loans.n_months), seed=1)
        for number in (None, np.array([4.0, 4.0]))
    ]
    assert_frame_equal(errors[0] / 2, errors[1])


def test_money_of_open_loans_is_multiplied_and_so_is_a_pool_of_which_a_part_is_followed() -> None:
    loans = two_loans().loans
    more = loans.times(np.array([2.0, 1.5]), 3.0)
    assert more.owed[0].tolist() == (2 * loans.owed[0]).tolist()
    assert more.due[1].tolist() == np.rint(1.5 * loans.due[1]).tolist()
    assert more.fee.tolist() == np.rint(loans.fee * [2.0, 1.5]).tolist()
    assert more.in_default.tolist() == (3 * loans.in_default).tolist()
    notes = pd.DataFrame({"amount": [900], "rate": [0.05]}, index=["Senior"])
    deal = funding.Deal(tranches=notes, start=pd.Timestamp("2024-01-31"))
    running = loans.ids[loans.start == 0]
    chosen = pd.Series(True, index=running)
    mine = deal.open_loans(loans, chosen)
    owed = int(mine.owed[mine.start == 0, 0].sum())
    assert deal.open_loans(loans, chosen, owed).owed.tolist() == mine.owed.tolist()
    part = deal.open_loans(loans, chosen, 3 * owed)
    assert int(part.owed[part.start == 0, 0].sum()) == 3 * owed

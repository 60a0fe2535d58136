"""The chain of arrears: counts equal to a recount, probabilities those of brute force and truth."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from small_books import LAST, small_book, states_of

from riskkit import arrears, provisions, schema, synthetic, tables
from riskkit.arrears import book_at, default_exposures, landmark_moves, monthly_moves
from riskkit.arrears.default_chain import (
    default_probabilities,
    fit_chain,
    performing_probabilities,
)
from riskkit.partitions import add_counts

TO = ["to_0", "to_1", "to_2", "to_3", "to_default", "to_ended"]


def kinds_of_book(asked):
    band = np.where(asked["amount"] > 600, "large", "small")
    return provisions.kinds_of(asked, pd.Series(band, index=asked["application_id"]))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_moves_equal_a_recount_row_by_row(seed):
    panel, asked = small_book(seed)
    kinds = kinds_of_book(asked)
    monthly, landmarks = Counter(), Counter()
    for name, loan in panel.groupby("loan_id"):
        states, kind, band = states_of(loan), kinds["kind"][name], kinds["band"][name]
        months = ((loan["month_end"].dt.year - 1970) * 12 + loan["month_end"].dt.month - 1).tolist()
        for at in range(len(states) - 1):
            if states[at] > 3:
                break
            monthly[kind, band, at, states[at], months[at + 1], states[at + 1]] += 1
            for found in range(at):
                landmarks[kind, found, states[found], at, states[at], states[at + 1]] += 1
    for table, expected in (
        (monthly_moves(panel, kinds), monthly),
        (landmark_moves(panel, kinds), landmarks),
    ):
        counted = {
            (*key, TO.index(name)): n
            for key, row in table.iterrows()
            for name, n in row.items()
            if n
        }
        assert counted == dict(expected)


def test_moves_of_two_parts_add_up_to_those_of_the_whole():
    panel, asked = small_book(5, 30)
    kinds = kinds_of_book(asked)
    first = panel["loan_id"] < "L015"
    for count in (monthly_moves, landmark_moves):
        parts = [count(panel[of].reset_index(drop=True), kinds) for of in (first, ~first)]
        pd.testing.assert_frame_equal(add_counts(*parts), count(panel, kinds), check_names=False)


def test_an_empty_panel_has_no_moves_and_no_chain():
    panel, asked = small_book(1)
    empty = monthly_moves(panel.head(0), kinds_of_book(asked))
    assert list(empty) == TO
    assert len(empty) == 0
    with pytest.raises(ValueError, match="needs moves"):
        fit_chain(empty, landmark_moves(panel.head(0)))


def brute_paths(chain, kind, mob, state, n_months):
    """All paths of a loan through the fitted moves, in plain Python, without bands and climate."""
    last = chain.moves.shape[1] - 1
    defaults, running = [0.0] * n_months, [1.0] + [0.0] * n_months

    def go(now, ahead, probability):
        if ahead == n_months or probability == 0:
            return
        at = chain.moves[kind, min(mob, last), state, min(mob + ahead, last), now]
        defaults[ahead] += probability * at[4]
        running[ahead + 1] += probability * at[:4].sum()
        for to in range(4):
            go(to, ahead + 1, probability * at[to])

    go(state, 0, 1.0)
    return defaults, running


def test_probabilities_are_those_of_all_paths():
    panel, asked = small_book(11, 200)
    kinds = provisions.kinds_of(asked, None)
    chain = fit_chain(monthly_moves(panel, kinds), landmark_moves(panel, kinds))
    cases = pd.DataFrame(
        {"kind": ["3", "6", "6"], "band": "", "mob": [1, 0, 4], "state": [1, 0, 3]}
    )
    found = default_probabilities(chain, cases, 5).to_numpy()
    running = performing_probabilities(chain, cases, 5).to_numpy()
    for row, case in enumerate(cases.itertuples()):
        kind = list(chain.kinds).index(case.kind)
        defaults, alive = brute_paths(chain, kind, case.mob, case.state, 5)
        np.testing.assert_allclose(found[row], defaults, atol=1e-12)
        np.testing.assert_allclose(running[row], alive, atol=1e-12)


def test_every_row_of_moves_sums_to_one_and_no_path_to_more():
    panel, asked = small_book(2, 100)
    kinds = kinds_of_book(asked)
    climate = pd.Series(
        np.linspace(-0.3, 0.3, 60),
        index=pd.period_range("2022-01", periods=60, freq="M").astype(str),
    )
    monthly = monthly_moves(panel, kinds)
    chain = fit_chain(monthly, landmark_moves(panel, kinds), climate=climate)
    np.testing.assert_allclose(chain.moves.sum(axis=-1), 1, atol=1e-9)
    np.testing.assert_allclose(chain.band_shares.sum(axis=-1), 1, atol=1e-9)
    grid = pd.MultiIndex.from_product(
        [chain.kinds, chain.bands, range(10), range(4)], names=["kind", "band", "mob", "state"]
    ).to_frame(index=False)
    calm = default_probabilities(chain, grid, 12, climate=np.full(12, -0.5)).to_numpy()
    harsh = default_probabilities(chain, grid, 12, climate=np.full(12, 0.5)).to_numpy()
    for found in (calm, harsh):
        assert found.min() >= 0
        assert found.sum(axis=1).max() <= 1 + 1e-9
    assert (harsh.sum(axis=1) >= calm.sum(axis=1) - 1e-9).all()


def test_a_loan_moves_first_as_all_in_its_state_do_and_then_as_those_found_there():
    panel, asked = small_book(11, 200)
    kinds = provisions.kinds_of(asked, None)
    monthly, landmarks = monthly_moves(panel, kinds), landmark_moves(panel, kinds)
    chain, blind = fit_chain(monthly, landmarks), fit_chain(monthly, landmarks.head(0))
    six, mobs = list(chain.kinds).index("6"), np.arange(8)
    for state in range(4):
        first = six, mobs, state, mobs, state
        np.testing.assert_allclose(chain.moves[first], blind.moves[first], atol=1e-12)
    then = six, 2, 1, 3, 0
    assert np.abs(chain.moves[then] - blind.moves[then]).max() > 0.01


def test_a_table_is_counted_block_by_block(tmp_path):
    panel, asked = small_book(5, 30)
    kinds = kinds_of_book(asked)
    schema.write_table(panel, tmp_path / "performance.parquet")
    table = tables.Table(tmp_path / "performance.parquet")
    for count in (monthly_moves, landmark_moves):
        pd.testing.assert_frame_equal(
            count(table, kinds), count(panel, kinds), check_index_type=False
        )


def test_bands_keep_the_mean_of_their_cell_in_every_month_ahead():
    panel, asked = small_book(3, 400)
    kinds = kinds_of_book(asked)
    monthly, landmarks = monthly_moves(panel, kinds), landmark_moves(panel, kinds)
    chain = fit_chain(monthly, landmarks)
    shares = chain.band_shares[list(chain.kinds).index("6"), 2, 0]
    cases = pd.DataFrame({"kind": "6", "band": chain.bands, "mob": 2, "state": 0})
    of_bands = default_probabilities(chain, cases, 9).to_numpy()
    alone = default_probabilities(chain, cases.head(1).assign(band="not known"), 9).to_numpy()[0]
    # the counts hold already that the worse band leaves first
    np.testing.assert_allclose(shares @ of_bands, alone, rtol=1e-3, atol=1e-9)
    assert of_bands[0].sum() != pytest.approx(of_bands[1].sum(), rel=1e-6)


def moves_of(rows):
    """Counts of loans without arrears, by (mob, month) who stayed and who got worse."""
    index = ["kind", "band", "mob", "state", "month"]
    table = pd.DataFrame(rows, columns=["mob", "month", "to_0", "to_1"])
    table = table.assign(kind="6", band="", state=0)
    return table.set_index(index).reindex(columns=TO, fill_value=0).astype("int64")


def test_who_has_come_through_bad_months_is_better():
    """A lender of two kinds of people, one with e times the odds: the sorting is found again."""
    climate = np.where(np.arange(60) < 30, 0.0, 1.0)
    rows = []
    for start in range(60):
        people = np.array([40_000.0, 40_000.0])
        for mob in range(min(12, 60 - start)):
            worse = expit(np.array([-4.0, -2.0]) + climate[start + mob])
            rows.append((mob, start + mob, (people * (1 - worse)).sum(), (people * worse).sum()))
            people = people * (1 - worse)
    monthly = moves_of(rows).groupby(level=["kind", "band", "mob", "state", "month"]).sum()
    by_month = pd.Series(climate, index=np.arange(60).astype("datetime64[M]"))
    chain = fit_chain(monthly, landmark_moves(small_book(1)[0].head(0)), climate=by_month)
    slope, lived = chain.climate.slopes[0]
    # of both kinds together, as they were granted
    together = [expit(np.array([-4.0, -2.0]) + bad).mean() for bad in (0, 1)]
    assert slope == pytest.approx(logit(together[1]) - logit(together[0]), abs=0.03)
    assert -2.5 < lived < -0.5
    # a loan of ten months, all of them bad, in one more bad month: as it will be
    late = chain.climate.logits(np.array([0]), np.array([10]), 1.0, chain.climate.lived[0, [10]])
    usual = chain.moves[0, 10, 0, 10, 0, 1]
    foretold = expit(logit(usual) + late[0, 0])
    blind = expit(logit(usual) + slope * (1 - chain.climate.usual[0, 10, 0, 0]))
    left = np.array([1.0, 1.0]) * (1 - expit(np.array([-4.0, -2.0]) + 1)) ** 10
    true = (left * expit(np.array([-4.0, -2.0]) + 1)).sum() / left.sum()
    # one slope for all ages is no mixture, but leaves a third of the error at most
    assert blind > 1.25 * true
    assert abs(foretold / true - 1) < abs(blind / true - 1) / 3


def test_the_climate_must_be_known_where_moves_were_counted():
    panel, asked = small_book(3, 40)
    kinds = kinds_of_book(asked)
    climate = pd.Series([0.1], index=["2024-12"])
    with pytest.raises(ValueError, match="climate must be known in every month"):
        fit_chain(monthly_moves(panel, kinds), landmark_moves(panel, kinds), climate=climate)


def test_an_unknown_kind_and_a_weight_of_nothing_are_refused():
    panel, asked = small_book(3, 40)
    kinds = kinds_of_book(asked)
    monthly, landmarks = monthly_moves(panel, kinds), landmark_moves(panel, kinds)
    strange = pd.DataFrame({"kind": ["99"], "band": "", "mob": 0, "state": 0})
    with pytest.raises(ValueError, match="kind must be one the chain knows, got '99'"):
        default_probabilities(fit_chain(monthly, landmarks), strange, 3)
    with pytest.raises(ValueError, match="least_loans must be > 0, got 0"):
        fit_chain(monthly, landmarks, least_loans=0)


# -- the book and what it would owe ----------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 3))
def test_the_book_equals_a_recount(seed, months_ago):
    panel, asked = small_book(seed)
    day = LAST - pd.offsets.MonthEnd(months_ago)
    book = book_at(panel, asked, day)
    expected = {}
    for name, loan in panel.groupby("loan_id"):
        rows = loan[loan["month_end"] <= day]
        if rows.empty or rows["month_end"].iloc[-1] != day:
            continue
        last = rows.iloc[-1]
        if last["status"] in ("prepaid", "matured"):
            continue
        states = states_of(rows)
        since = states.index(4) if 4 in states else None
        late = [
            i
            for i, row in enumerate(rows.itertuples())
            if row.dpd > 90 or row.status == "charged_off"
        ]
        expected[name] = (
            last["balance"], states[-1], np.nan if since is None else len(rows) - 1 - since,
            len(rows) - 1 - late[-1] if late else np.nan,
        )  # fmt: skip
    columns = ["balance", "state", "months_since_default", "months_since_90"]
    got = book[columns].astype(float)
    assert list(got.index) == list(expected)
    np.testing.assert_array_equal(
        got.to_numpy(), np.array([*expected.values()], dtype=float).reshape(-1, 4)
    )


def test_exposures_follow_the_schedule_that_is_left():
    book = pd.DataFrame(
        {
            "balance": [600, 900], "amount": 900, "term_months": 3, "mob": [1, 1],
            "contract_rate": 0.0, "method": "equal_instalment",
        }
    )  # fmt: skip
    # one paid, in default three months later at the earliest with one paid; never paid, in default
    # with none, one or two paid
    assert default_exposures(book, 5).tolist() == [
        [600, 600, 600, 600, 300],
        [900, 900, 900, 600, 300],
    ]


def test_a_loan_without_price_is_named():
    panel, asked = small_book(4)
    with pytest.raises(ValueError, match=r"offer_apr: missing for \d+ loans on the books"):
        book_at(panel, asked.assign(offer_apr=np.nan), LAST)


# -- recovery --------------------------------------------------------------------------------------


def test_the_expected_loss_recovers_the_truth():
    """Twelve thousand applicants: within what chance and the study's bias leave."""
    lender = synthetic.Lender(scenario="downturn")
    portfolio = synthetic.simulate(lender, 12_000, seed=2)
    path = lender.macro_path(2)
    climate = pd.Series(
        path, index=pd.period_range(lender.start_month, periods=len(path), freq="M").astype(str)
    )
    panel, asked, day = portfolio.performance, portfolio.applications, lender.observed_to
    model = provisions.fit_losses(panel, asked, day, climate=climate)
    book = arrears.book_at(panel, asked, day)
    kinds = provisions.kinds_of(asked, None)
    loans = provisions.loan_ecl(book, model, kinds, provisions.Outlook(climate=climate))
    truth = portfolio.truth.set_index("application_id").reindex(loans.index)
    there = truth["expected_loss_lifetime"].notna() & (book["state"] < 4)
    for ours, theirs in (
        ("ecl_lifetime_amount", "expected_loss_lifetime"),
        ("ecl_12m_amount", "expected_loss_12m"),
    ):
        ratio = loans[ours][there].sum() / truth[theirs][there].sum()
        assert 0.85 < ratio < 1.15

"""Losses split between lender and partner: by hand, by recount, and against closed forms."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from riskkit import risk_sharing, schema
from riskkit.checks import DataContractError
from riskkit.risk_sharing import Arrangement, shared_losses
from riskkit.risk_sharing.sharing_table import mean_interval, worst_interval
from riskkit.runoff import AMOUNTS, FutureCash

YUAN = 100  # fen


def cash_of(opening, groups=("Partner",), **amounts):
    """Cash with the given amounts, (n_paths, H) of one group or (n_paths, G, H); the rest 0."""
    given_amounts = {}
    for name, values in amounts.items():
        values = np.asarray(values)
        given_amounts[name] = values[:, None] if values.ndim == 2 else values
    shape = next(iter(given_amounts.values())).shape
    amounts = {name: given_amounts.get(name, np.zeros(shape, np.int64)) for name in AMOUNTS}
    if "loss_amount" not in given_amounts:  # nothing comes in later
        amounts["loss_amount"] = amounts["default_amount"] - amounts["recovered_amount"]
    return FutureCash(
        months=pd.date_range("2025-01-31", periods=shape[2], freq="ME"),
        groups=pd.Index(groups),
        opening=np.broadcast_to(np.asarray(opening), (len(groups),)),
        amounts=amounts,
    )


def guarantee(**given):
    return Arrangement(kind="capped_guarantee", **({"cover_rate": 0.6} | given))


def layer(attach, detach, **given):
    return Arrangement(kind="excess", attach_rate=attach, detach_rate=detach, **given)


def pro_rata(share, **given):
    return Arrangement(kind="pro_rata", share=share, **given)


# -- by hand ---------------------------------------------------------------------------------------

# Three loans of 1,000 each: A defaults in month 1 owing 900, B in month 2 owing 600, C in month 3
# owing 500. Of A 90 comes in in month 2, of A and B 150 in month 3, of all three 200 in month 4,
# and 60 more is expected after it: A loses 700, B 450, C 350.
THREE_LOANS = cash_of(
    3_000 * YUAN,
    default_amount=np.array([[900, 600, 500, 0]]) * YUAN,
    recovered_amount=np.array([[0, 90, 150, 200]]) * YUAN,
    loss_amount=np.array([[700, 450, 350, 0]]) * YUAN,
    balance=np.array([[2_000, 1_200, 500, 0]]) * YUAN,
)


def test_a_guarantee_that_runs_out_in_month_3_by_hand():
    # cover 60 % of 3,000; the first two defaults are paid whole, of the third what is left, 300.
    # Of what comes in it has all until then, and 1,800 of 2,000 after it
    shared = shared_losses(THREE_LOANS, guarantee(premium_rate=0.12), n_months=4)
    assert shared.cover.tolist() == [[180_000, 90_000, 30_000, 0, 0]]
    assert shared.whole.tolist() == [[90_000, 51_000, 35_000, -20_000]]
    assert shared.partner.tolist() == [[90_000, 51_000, 15_000, -18_000]]
    assert shared.lender.tolist() == [[0, 0, 20_000, -2_000]]
    assert shared.after_whole.tolist() == [-6_000]
    assert shared.after_partner.tolist() == [-5_400]
    assert shared.whole_total.tolist() == [150_000]
    assert shared.partner_total.tolist() == [132_600]
    assert shared.lender_total.tolist() == [17_400]
    assert shared.used_up.tolist() == [[False, False, True, True]]
    # 1 % a month of what is owed when the month begins, until there is no cover
    assert shared.covered.tolist() == [[300_000, 200_000, 120_000, 0]]
    assert shared.price.tolist() == [[3_000, 2_000, 1_200, 0]]


def test_cover_that_is_restored_by_hand():
    # month 2: 900 − 600 + 90 = 390 left; month 3: all of it called, 150 restored
    shared = shared_losses(THREE_LOANS, guarantee(is_restored=True), n_months=4)
    assert shared.cover.tolist() == [[180_000, 90_000, 39_000, 15_000, 33_900]]
    assert shared.restored.tolist() == [[0, 9_000, 15_000, 18_900]]
    assert shared.partner.tolist() == [[90_000, 51_000, 24_000, -18_900]]
    assert shared.used_up.tolist() == [[False] * 4]


def test_a_layer_from_2_to_5_percent_by_hand():
    # of 100,000: net losses so far 1,500, 4,000, 6,000, 5,200, in the end 4,500
    cash = cash_of(
        100_000 * YUAN,
        default_amount=np.array([[1_500, 2_500, 2_000, 0]]) * YUAN,
        recovered_amount=np.array([[0, 0, 0, 800]]) * YUAN,
        loss_amount=np.array([[1_000, 2_000, 1_500, 0]]) * YUAN,
    )
    shared = shared_losses(cash, layer(0.02, 0.05), n_months=4)
    assert shared.partner.tolist() == [[0, 200_000, 100_000, 0]]
    assert shared.cover.tolist() == [[300_000, 300_000, 100_000, 0, 0]]
    assert shared.partner_total.tolist() == [250_000]
    assert shared.lender_total.tolist() == [200_000]
    # a first loss takes the first 2 % and no more, and what comes in later is not of that layer
    first = shared_losses(cash, Arrangement(kind="first_loss", detach_rate=0.02), n_months=4)
    assert first.partner.tolist() == [[150_000, 50_000, 0, 0]]
    assert first.partner_total.tolist() == [200_000]


def test_what_comes_in_goes_first_to_whom_the_last_loss_fell_on():
    cash = cash_of(
        100_000 * YUAN,
        default_amount=np.array([[4_000, 0, 0]]) * YUAN,
        recovered_amount=np.array([[0, 1_500, 1_500]]) * YUAN,
    )
    shared = shared_losses(cash, layer(0.02, 0.05), n_months=3)
    assert shared.partner.tolist() == [[200_000, -150_000, -50_000]]
    assert shared.lender.tolist() == [[200_000, 0, -100_000]]
    assert shared.restored.tolist() == [[0, 150_000, 50_000]]
    assert shared.cover.tolist() == [[300_000, 100_000, 250_000, 300_000]]


def test_a_partner_bank_has_its_share_of_everything():
    shared = shared_losses(THREE_LOANS, pro_rata(0.7, fee_rate=0.12), n_months=4)
    assert shared.partner.tolist() == [[63_000, 35_700, 24_500, -14_000]]
    assert shared.after_partner.tolist() == [-4_200]
    assert shared.cover is None
    assert shared.covered.tolist() == [[210_000, 140_000, 84_000, 35_000]]
    assert shared.price.tolist() == [[2_100, 1_400, 840, 350]]
    assert not shared.used_up.any()


def test_what_is_lent_under_the_arrangement_adds_to_its_cover():
    cash = cash_of(
        100_000,
        lent_amount=np.array([[50_000, 50_000]]),
        default_amount=np.array([[0, 30_000]]),
    )
    shared = shared_losses(cash, guarantee(cover_rate=0.1), n_months=2)
    assert shared.base.tolist() == [200_000]
    assert shared.cover.tolist() == [[20_000, 20_000, 0]]
    # and in the months looked at alone
    assert shared_losses(cash, guarantee(cover_rate=0.1), n_months=1).base.tolist() == [150_000]


# -- by recount ------------------------------------------------------------------------------------


def recounted(defaults, recovered, lost, base, one):
    """Partner's losses by month and in all, and cover, path by path in plain Python."""
    parts, covers = [], []
    if one.kind == "capped_guarantee":
        cover, called, defaulted, back = round(one.cover_rate * base), 0, 0, 0
        covers.append(cover)
        for default, came_in in zip(defaults, recovered, strict=True):
            returned = round(came_in * (called / defaulted)) if defaulted else 0
            returned = min(returned, called - back)
            call = min(default, cover)
            cover += (returned if one.is_restored else 0) - call
            called, defaulted, back = called + call, defaulted + default, back + returned
            parts.append(call - returned)
            covers.append(cover)
        rest = round((defaulted - sum(recovered) - lost) * (called / defaulted)) if defaulted else 0
        return parts, called - back - max(min(rest, called - back), -back), covers
    attach, detach = round((one.attach_rate or 0) * base), round((one.detach_rate or 0) * base)

    def borne(loss):
        if one.kind == "pro_rata":
            return round(one.share * loss)
        return min(max(loss - attach, 0), detach - attach)

    so_far, before = 0, 0
    covers.append(detach - attach)
    for default, came_in in zip(defaults, recovered, strict=True):
        so_far += default - came_in
        parts.append(borne(so_far) - before)
        before = borne(so_far)
        covers.append(detach - attach - before)
    return parts, borne(lost), covers


ARRANGEMENTS = [
    pro_rata(0.37),
    Arrangement(kind="first_loss", detach_rate=0.1),
    layer(0.05, 0.3),
    layer(0.1, 1.0),
    guarantee(cover_rate=0.2),
    guarantee(cover_rate=0.2, is_restored=True),
]


@st.composite
def courses(draw):
    """Defaults of some months on some paths, what comes in of them, and what is lost in the end."""
    n_paths, n_months = draw(st.integers(1, 3)), draw(st.integers(1, 5))
    fen = st.integers(0, 2_000)
    grid = st.lists(fen, min_size=n_paths * n_months, max_size=n_paths * n_months)
    defaults = np.array(draw(grid)).reshape(n_paths, n_months)
    shares = np.array(draw(grid)).reshape(n_paths, n_months) / 2_000
    before = np.cumsum(defaults, axis=1) - defaults
    recovered = np.rint(before * shares / n_months).astype(np.int64)
    lent = np.array(draw(grid)).reshape(n_paths, n_months)
    rest = draw(st.integers(-50, 500))
    opening = draw(st.integers(0, 10_000))
    loss = np.maximum(defaults - recovered, 0)
    loss[:, -1] += rest
    return cash_of(
        opening, default_amount=defaults, recovered_amount=recovered, loss_amount=loss,
        lent_amount=lent, balance=np.zeros_like(lent),
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(courses(), st.sampled_from(ARRANGEMENTS))
def test_both_sides_add_up_to_the_fen_and_cover_rises_by_what_is_restored_alone(cash, one):
    n_months = len(cash.months)
    shared = shared_losses(cash, one, n_months=n_months)
    assert (shared.lender + shared.partner == shared.whole).all()
    assert (shared.whole.sum(axis=1) + shared.after_whole == shared.whole_total).all()
    assert (shared.lender_total + shared.partner_total == shared.whole_total).all()
    assert (shared.whole_total == cash.total("loss_amount").sum(axis=1)).all()
    for path in range(cash.n_paths):
        course = [cash.amounts[name][path, 0].tolist() for name in ("default_amount",
                  "recovered_amount", "loss_amount")]  # fmt: skip
        base = int(cash.opening[0]) + int(cash.amounts["lent_amount"][path].sum())
        assert base == shared.base[path]
        parts, total, cover = recounted(course[0], course[1], sum(course[2]), base, one)
        assert shared.partner[path].tolist() == parts
        assert shared.partner_total[path] == total
        if one.kind != "pro_rata":
            assert shared.cover[path].tolist() == cover
            assert min(cover) >= 0
            rises = np.diff(cover) - shared.restored[path]
            assert (rises <= 0).all()
            # nobody pays more than its cover, nor is paid more than it has paid
            assert (np.cumsum(parts) >= 0).all()
        if one.kind == "capped_guarantee" and not one.is_restored:
            assert (np.diff(cover) <= 0).all()


# -- against closed forms --------------------------------------------------------------------------


def exponential_paths(n_paths, mean, *, rng=None):
    """Losses of one month that are exponential: evenly spaced quantiles, or draws."""
    u = (np.arange(n_paths) + 0.5) / n_paths if rng is None else rng.random(n_paths)
    return np.rint(-mean * np.log1p(-u)).astype(np.int64)[:, None]


def test_the_expected_loss_of_a_layer_is_that_of_the_closed_form():
    # E[min((X − a)+, d − a)] = θ (exp(−a/θ) − exp(−d/θ)): Klugman, Panjer, Willmot (2012),
    # Loss Models, example 8.6 and its like
    theta, base = 30_000, 1_000_000
    cash = cash_of(base, default_amount=exponential_paths(20_000, theta))
    for attach, detach in ((0.0, 0.02), (0.02, 0.05), (0.05, 1.0)):
        one = (
            layer(attach, detach) if attach else Arrangement(kind="first_loss", detach_rate=detach)
        )
        total = shared_losses(cash, one, n_months=1).partner_total
        expected = theta * (np.exp(-attach * base / theta) - np.exp(-detach * base / theta))
        assert total.mean() == pytest.approx(expected, rel=2e-3)


def test_layers_that_lie_on_each_other_bear_the_whole():
    cash = cash_of(1_000_000, default_amount=exponential_paths(500, 40_000))
    stack = [Arrangement(kind="first_loss", detach_rate=0.02), layer(0.02, 0.05), layer(0.05, 1.0)]
    parts = [shared_losses(cash, one, n_months=1) for one in stack]
    assert (sum(part.partner for part in parts) == parts[0].whole).all()


def test_the_interval_of_the_99_percent_loss_holds_it_as_often_as_it_says():
    # 99 % quantile of a uniform is 0.99, whatever the losses' law: order statistics
    rng = np.random.default_rng(1)
    inside = [
        low <= 0.99 <= high
        for _ in range(400)
        for _, low, high in [worst_interval(rng.random(1_000))]
    ]
    assert stats.binom.cdf(sum(inside), 400, 0.95) > 0.001
    assert sum(inside) < 400


def test_too_few_paths_have_no_interval():
    values = np.arange(368.0)
    assert worst_interval(values)[1:] == (359.0, 367.0)
    assert np.isnan(worst_interval(values[:367])[2])
    assert worst_interval(values[:100])[0] == 98
    assert np.isnan(worst_interval(values[:1])).all()
    assert mean_interval(values[:1])[0] == 0
    assert np.isnan(mean_interval(values[:1])[1:]).all()


def test_the_fair_premium_of_a_layer_is_in_its_interval():
    theta, base, capital = 30_000, 1_000_000, 0.2
    a, d = 0.02 * base, 0.05 * base
    mean = theta * (np.exp(-a / theta) - np.exp(-d / theta))
    worst = min(-theta * np.log(0.01), d) - a  # the whole layer
    fair = ((1 - capital) * mean + capital * worst) / base
    rng, inside = np.random.default_rng(2), 0
    for _ in range(60):
        defaults = np.zeros((1_000, 12), np.int64)
        defaults[:, :1] = exponential_paths(1_000, theta, rng=rng)
        cash = cash_of(base, default_amount=defaults, balance=np.full((1_000, 12), base))
        row = risk_sharing.price_table(cash, {"Partner": layer(0.02, 0.05)}, capital_rate=capital)
        # the layer that is used up is not covered any more: the premium is for fewer months
        covered = row["covered_amount"].item()
        inside += row["fair_low"].item() <= fair * base / covered <= row["fair_high"].item()
    assert inside >= stats.binom.ppf(0.001, 60, 0.95)


def test_a_layer_that_no_path_reaches_may_yet_be_reached():
    defaults = np.zeros((2_000, 12), np.int64)
    cash = cash_of(1_000_000, default_amount=defaults, balance=np.full((2_000, 12), 1_000_000))
    row = risk_sharing.price_table(cash, {"Partner": layer(0.5, 0.7)}).loc["Partner"]
    assert row["fair_rate"] == row["fair_low"] == 0
    # Jeffreys of 0 of 2,000 at 1 − 0.05/3, of a layer of 20 %, kept in a part of 1 − 0.1
    often = stats.beta.ppf(1 - 0.05 / 3 / 2, 0.5, 2_000.5)
    assert row["fair_high"] == pytest.approx(0.9 * 0.2 * often)


def test_a_partner_bank_can_pay_what_is_left_of_interest():
    # 24 % of interest on a level balance, 3 % lost for sure, 6 % cost of funds: 15 % are left
    n = 600  # at the level of three errors together fewer are too few
    amounts = {
        "interest_amount": np.full((n, 12), 20_000),
        "default_amount": np.full((n, 12), 2_500),
        "balance": np.full((n, 12), 1_000_000),
    }
    cash = cash_of(1_000_000, **amounts)
    for fee, verdict in ((0.16, "generous"), (0.15, "may be fair"), (0.14, "too low")):
        agreed = {"Partner": pro_rata(0.5, fee_rate=fee)}
        table = risk_sharing.price_table(cash, agreed, level_error=0.01)
        assert table["fair_rate"].item() == pytest.approx(0.15)
        assert table["verdict"].item() == verdict
        assert table["price_amount"].item() == pytest.approx(fee * 500_000, abs=6)


def test_a_premium_is_dear_above_the_interval_and_cheap_below_it():
    cash = cash_of(
        1_000_000,
        default_amount=np.repeat(exponential_paths(2_000, 2_000), 12, axis=1),
        balance=np.full((2_000, 12), 1_000_000),
    )

    def priced(rate, **given):
        arrangements = {"Partner": guarantee(cover_rate=1.0, premium_rate=rate)}
        return risk_sharing.price_table(cash, arrangements, **given).iloc[0]

    fair = priced(0.0)
    assert fair["fair_low"] < fair["fair_rate"] < fair["fair_high"]
    assert fair["verdict"] == "cheap"
    assert priced(fair["fair_high"] * 1.001)["verdict"] == "dear"
    assert priced(fair["fair_high"] * 0.999)["verdict"] == "may be fair"
    assert priced(fair["fair_low"] * 0.999)["verdict"] == "cheap"
    # what is not known of the level of losses widens it on both sides, and more than in proportion
    wide = priced(0.0, level_error=0.1)
    assert wide["fair_rate"] == fair["fair_rate"]
    assert wide["fair_low"] == pytest.approx(fair["fair_low"] * (1 - 0.2394), rel=1e-3)
    assert wide["fair_high"] == pytest.approx(fair["fair_high"] * (1 + 0.2394), rel=1e-3)
    assert priced(0.5, level_error=np.inf)["verdict"] == "too few to say"
    with pytest.raises(ValueError, match=r"capital_rate must lie in \[0, 1\], got -1"):
        priced(0.0, capital_rate=-1)
    with pytest.raises(ValueError, match="level_error must be >= 0, got nan"):
        priced(0.0, level_error=np.nan)


def test_the_level_of_losses_is_not_known_without_a_default():
    seen = pd.Series({"loans": 0, "lgd": np.nan, "lgd_low": np.nan, "lgd_high": np.nan})
    assert risk_sharing.loss_error(seen) == np.inf
    sure = pd.Series({"loans": 100, "lgd": 0.5, "lgd_low": 0.5, "lgd_high": 0.5})
    assert risk_sharing.loss_error(sure) == pytest.approx(0.1)


# -- wrong way -------------------------------------------------------------------------------------


def defaults_of(n_paths, n_loans, climate_sd, rng):
    """Defaults by month of equal loans, all in one climate, with the same mean whatever it does."""
    grid = rng.normal(0, 1, 20_000)
    usual = np.log(0.004 / 0.996)
    mean = (1 / (1 + np.exp(-(usual + climate_sd * grid)))).mean()
    climate = climate_sd * rng.normal(0, 1, (n_paths, 1))
    p = 0.004 / mean / (1 + np.exp(-(usual + climate)))
    return rng.binomial(n_loans, np.repeat(p, 12, axis=1)) * 10_000


def test_a_common_climate_makes_a_guarantors_bad_year_worse_though_the_mean_is_the_same():
    rng, n_loans = np.random.default_rng(3), 1_000
    one = {"Partner": guarantee(cover_rate=0.1)}
    rows = {}
    for sd in (0.0, 0.5):
        cash = cash_of(n_loans * 10_000, default_amount=defaults_of(2_000, n_loans, sd, rng))
        rows[sd] = risk_sharing.sharing_table(cash, one).loc["Partner"]
    alone, common = rows[0.0], rows[0.5]
    assert common["whole_loss_amount"] == pytest.approx(alone["whole_loss_amount"], rel=0.05)
    assert common["partner_99_low"] > 1.3 * alone["partner_99_high"]
    # and the cover ends where it is needed: what is above it is the lender's own
    assert alone["used_up_rate"] == 0 < common["used_up_low"]
    assert common["lender_99_low"] > alone["lender_99_high"]


# -- tables ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def year():
    """Three groups on 500 paths: a bank, a guarantor, and loans of nobody."""
    rng = np.random.default_rng(4)
    climate = np.exp(0.4 * rng.normal(0, 1, (500, 1, 1)))
    defaults = np.rint(climate * rng.gamma(2, 1_000, (500, 3, 12))).astype(np.int64)
    return cash_of(
        [1_000_000, 3_000_000, 2_000_000],
        groups=("", "Bank", "Guarantor"),
        default_amount=defaults,
        loss_amount=defaults // 2,
        recovered_amount=defaults // 4,
        balance=np.full((500, 3, 12), 1_000_000),
        interest_amount=np.full((500, 3, 12), 20_000),
    )


AGREED = {
    "Bank": pro_rata(0.7, fee_rate=0.03, limit=2_000_000),
    "Guarantor": guarantee(cover_rate=0.02, premium_rate=0.05, limit=50_000),
    "Insurer": layer(0.02, 0.05, premium_rate=0.02),
}


def test_each_side_of_each_arrangement_adds_up_to_the_book(year):
    table = risk_sharing.sharing_table(year, AGREED)
    assert list(table.index) == [*AGREED, "no arrangement", "all loans"]
    parts, whole = table.iloc[:-1], table.iloc[-1]
    for name in ("balance", "exposure_amount", "whole_loss_amount", "lender_loss_amount"):
        assert parts[name].sum() == pytest.approx(whole[name])
    lost = year.total("loss_amount").sum(axis=1)
    assert whole["whole_loss_amount"] == pytest.approx(lost.mean())
    assert whole["whole_99_amount"] == np.sort(lost)[494]
    assert table.loc["Bank", "exposure_amount"] == 2_100_000
    assert table["limit_verdict"].tolist() == ["beyond", "within", "no limit", "", ""]
    assert table.loc["Bank", "limit_use"] == pytest.approx(1.05)
    # partners take of the bad years, too
    assert whole["lender_99_amount"] < whole["whole_99_amount"]
    assert table.loc["Insurer"].filter(like="amount").fillna(0).sum() == 0
    assert np.isnan(table.loc["Bank", "used_up_rate"])


def test_concentration_is_that_of_what_is_relied_on(year):
    partners = risk_sharing.partner_table(risk_sharing.sharing_table(year, AGREED))
    assert list(partners.index) == ["Bank", "Guarantor", "Insurer", "all partners"]
    share = 2_100_000 / 2_140_000
    last = partners.iloc[-1]
    assert last["herfindahl"] == pytest.approx(share**2 + (1 - share) ** 2)
    assert last["exposure_rate"] == pytest.approx(1)
    # in one climate the worst years of all partners are nearly the same ones
    assert 0.8 < last["ceded_99_amount"] / partners["ceded_99_amount"].iloc[:-1].sum() <= 1


def test_cover_left_by_month(year):
    cover = risk_sharing.cover_table(year, AGREED)
    assert list(cover.index.unique("arrangement")) == ["Guarantor"]
    own = cover.loc["Guarantor"]
    shared = shared_losses(year.of_group("Guarantor"), AGREED["Guarantor"])
    assert own["cover_amount"].tolist() == shared.cover[:, 1:].mean(axis=0).tolist()
    assert (own["cover_low"] <= own["cover_amount"]).all()
    assert own["used_up_rate"].is_monotonic_increasing
    assert own["used_up_rate"].iloc[-1] == (shared.cover[:, -1] == 0).mean()
    month = risk_sharing.sharing_table(year, AGREED).loc["Guarantor", "used_up_month"]
    first = [(path == 0).argmax() + 1 for path in shared.cover[:, 1:] if (path == 0).any()]
    assert month == np.median(first)
    assert risk_sharing.cover_table(year, {}).empty


def test_without_arrangements_everything_is_the_lenders(year):
    alone = year.of_group("")
    table = risk_sharing.sharing_table(alone, {})
    assert list(table.index) == ["no arrangement", "all loans"]
    assert table["partner_loss_amount"].tolist() == [0, 0]
    partners = risk_sharing.partner_table(table)
    assert partners.empty
    prices = risk_sharing.price_table(alone, {})
    assert prices.empty
    text = risk_sharing.sharing_text(table, prices, partners, {}, "CNY")
    assert text.startswith("**Nobody shares the losses:**")
    assert risk_sharing.sharing_findings(table, prices, partners, "CNY") == []
    with pytest.raises(ValueError, match="groups of cash must be arrangements, got 'Bank'"):
        risk_sharing.sharing_table(year, {})


def test_words_and_findings_say_what_the_tables_say(year):
    table = risk_sharing.sharing_table(year, AGREED)
    prices = risk_sharing.price_table(year, AGREED)
    partners = risk_sharing.partner_table(table)
    text = risk_sharing.sharing_text(table, prices, partners, AGREED, "CNY")
    assert "- **Bank** (70% of all losses): bears" in text
    assert "- **Guarantor** (defaults until 2% is called)" in text
    assert "- **Insurer** (losses from 2% to 5%): no loan is of it today." in text
    assert "The fee is 3.00% a year of the balance, **too low** beside" in text
    assert "nan" not in text
    told = risk_sharing.sharing_findings(table, prices, partners, "CNY")
    assert {topic for topic, _, _ in told} == {"Risk sharing"}
    reds = [sentence for _, sentence, red in told if red]
    assert reds == ["21,000 CNY rely on Bank, beyond the limit of 20,000"]
    sentences = " ".join(sentence for _, sentence, _ in told)
    assert "the fee of Bank is too low: 3.00%" in sentences
    assert "98% of what partners stand for is Bank" in sentences


def test_one_path_has_no_interval_and_no_verdict(year):
    mean = FutureCash(
        months=year.months,
        groups=year.groups,
        opening=year.opening,
        amounts={name: values[:1].astype(float) + 0.25 for name, values in year.amounts.items()},
    )
    table = risk_sharing.sharing_table(mean, AGREED)
    assert np.isnan(table.loc["Bank", "lender_loss_low"])
    prices = risk_sharing.price_table(mean, AGREED)
    assert set(prices["verdict"]) == {"too few to say"}
    partners = risk_sharing.partner_table(table)
    text = risk_sharing.sharing_text(table, prices, partners, AGREED, "CNY")
    assert "there are too few paths or defaults to say" in text
    assert "nan" not in text


# -- which loans are of which ----------------------------------------------------------------------


def test_a_loan_is_of_the_first_arrangement_whose_segment_it_is_in():
    loans = pd.DataFrame(
        {"channel": ["app", "app", "shop", None], "term_months": [12.0, 6.0, 12.0, 12.0]},
        index=list("abcd"),
    )
    long_app = {"channel": "app", "term_months": "12"}
    agreed = {"First": pro_rata(0.5, segment=long_app)}
    agreed["Second"] = pro_rata(0.5, segment={"channel": "app"})
    assert risk_sharing.arrangement_of(loans, agreed).to_dict() == {
        "a": "First", "b": "Second", "c": "", "d": "",
    }  # fmt: skip
    agreed["Rest"] = pro_rata(0.1)
    assert risk_sharing.arrangement_of(loans, agreed).tolist() == [
        "First", "Second", "Rest", "Rest",
    ]  # fmt: skip
    assert risk_sharing.arrangement_of(loans, {}).tolist() == [""] * 4
    assert risk_sharing.arrangement_of(loans[:0], agreed).tolist() == []
    agreed["Broken"] = pro_rata(0.1, segment={"partner": "dune"})
    with pytest.raises(DataContractError, match=r"Broken\.segment: the loans have no column"):
        risk_sharing.arrangement_of(loans, agreed)


def test_arrangements_of_a_funding_file(tmp_path):
    path = tmp_path / "funding.yaml"
    path.write_text(
        """
sharing:
  Bank: {kind: pro_rata, segment: {channel: app}, share: 0.7, fee_rate: 0.03, limit: 30 %}
  Guarantor: {kind: capped_guarantee, segment: {channel: partner}, cover_rate: 0.05, \
premium_rate: 0.02}
  First: {kind: first_loss, segment: {channel: shop}, attach_rate: 0, detach_rate: 0.02, \
premium_rate: 0.01}
  Insurer: {kind: excess, attach_rate: 0.02, detach_rate: 0.08, premium_rate: 0.015}
"""
    )
    sharing = schema.read_funding(path).sharing
    assert risk_sharing.arrangements_of(sharing, 1_000_000) == {
        "Bank": pro_rata(0.7, segment={"channel": "app"}, fee_rate=0.03, limit=300_000),
        "Guarantor": guarantee(cover_rate=0.05, segment={"channel": "partner"}, premium_rate=0.02),
        "First": Arrangement(
            kind="first_loss", segment={"channel": "shop"}, detach_rate=0.02, premium_rate=0.01
        ),
        "Insurer": layer(0.02, 0.08, premium_rate=0.015),
    }
    with pytest.raises(ValueError, match="must not be called 'all loans'"):
        risk_sharing.arrangements_of({"all loans": sharing["Bank"]}, 1)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"kind": "lottery"}, "kind must be one of pro_rata"),
        ({"kind": "pro_rata"}, r"share of pro_rata must lie in \(0, 1\], got None"),
        ({"kind": "pro_rata", "share": 1.2}, r"must lie in \(0, 1\], got 1\.2"),
        ({"kind": "first_loss", "detach_rate": 0.1, "share": 0.5}, "first_loss has no share"),
        ({"kind": "excess", "attach_rate": 0.1, "detach_rate": 0.1}, "detach_rate must be above"),
        ({"kind": "pro_rata", "share": 0.5, "premium_rate": 0.1}, "pro_rata has no premium_rate"),
        ({"kind": "capped_guarantee", "cover_rate": 0.1, "fee_rate": 0.1}, "has no fee_rate"),
        ({"kind": "capped_guarantee", "cover_rate": 0.1, "premium_rate": 2}, "premium_rate must"),
        ({"kind": "pro_rata", "share": 0.5, "is_restored": True}, "is_restored is of"),
        ({"kind": "pro_rata", "share": 0.5, "limit": -1}, "limit must be >= 0, got -1"),
    ],
)
def test_an_arrangement_that_cannot_be_is_refused(given, told):
    with pytest.raises(ValueError, match=told):
        Arrangement(**given)


def test_months_that_are_not_there_are_refused():
    with pytest.raises(ValueError, match="n_months must lie in 1 to 4, got 12"):
        shared_losses(THREE_LOANS, guarantee())

"""What to do, and what it earns with each loan's own money."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scored_loans import scored_loans

from riskkit import instalments, metrics, partitions, strategy
from riskkit.strategy import POLICIES
from riskkit.target import expected_loans

TODAY, ALONE, BEHIND, EVERYBODY = POLICIES


def test_a_priced_loan_earns_what_its_schedule_brings():
    amount, apr, months = np.array([520_000, 1_000_000]), np.array([0.18, 0.24]), np.array([6, 12])
    values = strategy.loan_values(
        amount, apr=apr, term_months=months, loss_rate=0.6, cost_amount=30, funding_rate=0.06
    )
    due, balance = instalments.schedules(amount, apr / 12, months)
    # funding costs on what is owed at the beginning of each month
    expected = due.sum(axis=1) - amount - balance.sum(axis=1) * 0.06 / 12
    # the schedule rounds each instalment to whole fen
    np.testing.assert_allclose(values["margin_fen"], expected, atol=12)
    assert values["loss_fen"].tolist() == [312_000, 600_000]
    assert values["cost_fen"].tolist() == [3_000, 3_000]


def test_a_month_at_twenty_percent_a_year_is_a_sixtieth():
    values = strategy.loan_values(
        [600_000], apr=[0.2], term_months=[1], loss_rate=0, cost_amount=0, margin_rate=0.1
    )
    assert values["margin_fen"].tolist() == [10_000]


def test_interest_only_owes_all_until_the_end_and_a_free_loan_costs_its_funding():
    values = strategy.loan_values(
        [120_000] * 2,
        apr=[0.12, 0.0],
        term_months=[10, 3],
        interest_only=[True, False],
        loss_rate=0,
        cost_amount=0,
        funding_rate=0.06,
    )
    # 120,000 owed ten months at a half percent; 120, 80 and 40 thousand at minus a half
    assert values["margin_fen"].tolist() == [6_000, -1_200]


def test_a_price_of_nearly_nothing_loses_what_its_funding_costs():
    values = strategy.loan_values(
        [1_000_000] * 2,
        apr=[1e-18, 0.0],
        term_months=[12, 12],
        loss_rate=0,
        cost_amount=0,
        funding_rate=0.05,
    )
    assert values["margin_fen"].tolist() == [-27_083, -27_083]


def test_who_has_no_price_gets_the_median_one_and_without_prices_a_share_of_the_amount():
    keywords = {"loss_rate": 0.5, "cost_amount": 0, "margin_rate": 0.1}
    values = strategy.loan_values(
        [100_000] * 4, apr=[0.12, np.nan, 0.24, 0.36], term_months=[1] * 4, **keywords
    )
    assert values["margin_fen"].tolist() == [1_000, 2_000, 2_000, 3_000]
    index = pd.Index(["a", "b"])
    unpriced = strategy.loan_values(pd.Series([100_000, 7], index=index), **keywords)
    assert unpriced["margin_fen"].to_dict() == {"a": 10_000, "b": 1}


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"loss_rate": -0.1}, "loss_rate must be finite and >= 0, got -0.1"),
        ({"cost_amount": np.nan}, "cost_amount must be finite"),
        ({"margin_rate": None}, "no price is known: give margin_rate"),
        ({"apr": [0.1]}, "apr needs term_months"),
        ({"amount": [np.nan]}, "amount must be finite and >= 0, got nan in 1 rows"),
        ({"amount": [-5]}, "amount must be finite and >= 0, got -5 in 1 rows"),
        ({"apr": [np.inf], "term_months": [1]}, "apr must be finite and >= 0, got inf"),
        ({"apr": [-0.1], "term_months": [1]}, "apr must be finite and >= 0, got -0.1"),
        ({"interest_only": [None]}, "interest_only must be true or false"),
        ({"interest_only": ["no"]}, "interest_only"),
        ({"apr": [0.1], "term_months": [np.inf]}, "term_months must be finite"),
        ({"amount": [1e19]}, "margin_fen must stay below|loss_fen must stay below"),
        ({"apr": [0.1, 0.2], "term_months": [1]}, "apr must have 1 rows"),
    ],
)
def test_loan_values_refuse_what_makes_no_sense(keywords, message):
    given = {"amount": [100], "loss_rate": 0.6, "cost_amount": 1, "margin_rate": 0.1} | keywords
    with pytest.raises(ValueError, match=message):
        strategy.loan_values(**given)


@pytest.fixture(scope="module")
def world():
    return scored_loans()


def profit_of(loans, rows):
    """What known loans earned, in units of the currency, counted one by one."""
    y = loans["default_flag"].to_numpy()
    earned = np.where(y == 0, loans["margin_fen"], -loans["loss_fen"]) - loans["cost_fen"]
    return earned[rows & ~np.isnan(y)].sum() / 100


def test_each_cutoff_earns_the_money_of_its_own_loans(world):
    scores, loans, _ = world
    tables = strategy.cutoff_tables(scores, loans)
    for name, cutoff in (("blunt", 590), ("sharp", 611)):
        rows = scores[name].to_numpy() >= cutoff
        found = tables[name].loc[cutoff]
        assert found["profit_amount"] == pytest.approx(profit_of(loans, rows), abs=1e-6)
        assert found["profit_low"] < found["profit_amount"] < found["profit_high"]


def test_money_adds_over_blocks(world):
    scores, loans, _ = world
    y = loans["default_flag"]
    sums = strategy.profit_sums(loans, y)
    whole = metrics.score_counts(scores["sharp"], y, booked=loans["booked"], sums=sums)
    blocks = [
        metrics.score_counts(
            scores["sharp"][part], y[part], booked=loans["booked"][part], sums=sums[part]
        )
        for part in (slice(0, 1_000), slice(1_000, None))
    ]
    added = partitions.add_counts(*blocks)
    whole_fen = ["margin_fen", "loss_fen", "cost_fen"]
    assert (added[whole_fen] == whole[whole_fen]).all(axis=None)
    assert added["profit_squares"].sum() == pytest.approx(whole["profit_squares"].sum())
    with pytest.raises(ValueError, match="economics would be another's"):
        strategy.cutoff_table(whole, strategy.Economics(1, 1, 1))
    with pytest.raises(ValueError, match=r"counts lack \['margin_fen'"):
        strategy.cutoff_table(whole.drop(columns=[*whole_fen]))


@pytest.fixture(scope="module")
def found(world):
    scores, loans, _ = world
    return strategy.recommend(scores, loans, n_draws=100)


def test_the_recommended_cutoffs_are_the_best_of_their_rows(world, found):
    scores, loans, _ = world
    for choice in (found.alone, found.behind):
        assert choice.model == "sharp"
        assert choice.difference["low"] > 0
    tables = strategy.cutoff_tables(scores, loans)
    known = tables["sharp"][tables["sharp"]["bad_rate"].notna()]
    seen = known[~known["inferred"]]
    assert found.alone.cutoff == strategy.choose_cutoff(seen, objective="profit").name
    assert found.behind.cutoff == strategy.choose_cutoff(known, objective="profit").name
    assert found.alone.is_lowest == (found.alone.cutoff == seen.index.min())
    for choice in (found.alone, found.behind):
        assert choice.low <= choice.high
        assert choice.model_again > 0.9
        assert choice.profit_amount == choice.row["profit_amount"] - choice.optimism_amount


def test_policies_stand_like_for_like(world, found):
    scores, loans, _ = world
    score, approved = scores["sharp"].to_numpy(), loans["approved"].to_numpy()
    masks = {
        TODAY: approved,
        ALONE: score >= found.alone.cutoff,
        BEHIND: approved & (score >= found.behind.cutoff),
        EVERYBODY: np.ones(len(loans), dtype=bool),
    }
    assert list(found.policies.index) == list(masks)
    for policy, mask in masks.items():
        row, known = found.policies.loc[policy], mask & loans["default_flag"].notna().to_numpy()
        assert row["applications"] == mask.sum()
        assert row["loans"] == known.sum()
        assert row["bad"] == loans["default_flag"][known].sum()
        assert row["lent_amount"] == loans["amount"][known].sum() / 100
        assert row["profit_amount"] == pytest.approx(profit_of(loans, mask), abs=1e-6)
        today = profit_of(loans, approved)
        assert row["gain_amount"] == pytest.approx(row["profit_amount"] - today, abs=1e-6)
    assert found.policies.loc[TODAY, ["gain_low", "gain_high"]].tolist() == [0, 0]


def test_the_expected_rate_is_the_one_of_the_cutoff_table(found):
    row = found.policies.loc[ALONE]
    assert row["expected_bad_rate"] == pytest.approx(found.alone.row["expected_bad_rate"], abs=1e-6)


def test_what_is_expected_of_everybody_is_what_they_would_have_done(world, found):
    # the old policy knew no more than the score and a little noise, so the line tells of all
    _, loans, bad = world
    row = found.policies.loc[EVERYBODY]
    stands_for = expected_loans(loans) + loans["default_flag"].notna()
    truth = (stands_for * bad).sum() / stands_for.sum()
    assert row["expected_bad_rate"] == pytest.approx(truth, rel=0.12)
    assert row["expected_bad_rate_low"] < row["expected_bad_rate"] < row["expected_bad_rate_high"]
    assert row["expected_profit_low"] < row["expected_profit_amount"] < row["expected_profit_high"]


def test_expected_profit_takes_those_unseen_by_the_line_of_their_score(world, found):
    scores, loans, _ = world
    score, y = scores["sharp"].to_numpy(dtype=float), loans["default_flag"].to_numpy()
    known = ~np.isnan(y)
    a, b = metrics.logistic_line(score[known], y[known], np.ones(known.sum()))
    chance = 1 / (1 + np.exp(-a - b * score))
    approved, booked = loans["approved"].to_numpy(), loans["booked"].to_numpy()
    # of an offer that was not taken nothing comes
    stands_for = np.where(known | (approved & ~booked), 0, booked.sum() / approved.sum())
    one = loans["margin_fen"] - loans["cost_fen"]
    one -= chance * (loans["margin_fen"] + loans["loss_fen"])
    for policy, rows in ((EVERYBODY, np.ones(len(y), dtype=bool)), (TODAY, approved)):
        expected = profit_of(loans, rows) + (stands_for * one)[rows].sum() / 100
        row = found.policies.loc[policy]
        assert row["expected_profit_amount"] == pytest.approx(expected, rel=1e-6)
        assert row["expected_loans"] == pytest.approx((known + stands_for)[rows].sum())


def test_a_choice_among_noise_is_as_lucky_as_its_draws_say():
    # a score that tells nothing: its best cutoff earns more than nothing on the loans that chose it
    rng = np.random.default_rng(8)
    lucky, told = [], []
    for seed in range(40):
        n = 1_000
        scores = pd.DataFrame(rng.integers(400, 800, (n, 2)), columns=["a", "b"])
        y = (rng.random(n) < 0.2).astype(float)
        loans = pd.DataFrame(
            {"margin_fen": 10_000, "loss_fen": 40_000, "cost_fen": 0, "amount": 100_000},
            index=range(n),
        ).assign(approved=True, booked=True, default_flag=y)
        choice = strategy.recommend(scores, loans, n_draws=60, seed=seed).alone
        share = (scores["a"] >= choice.cutoff).mean()
        # the truth of a loan is 0.8 · 100 − 0.2 · 400 = 0
        lucky.append(choice.row["profit_amount"] - 0 * share)
        told.append(choice.optimism_amount)
    error = np.std(np.array(lucky) - told, ddof=1) / np.sqrt(len(lucky))
    assert np.mean(lucky) > 500
    # Efron's optimism of a maximum is known to be a little too small
    assert np.mean(told) == pytest.approx(np.mean(lucky), abs=4 * error)


def test_where_nobody_was_declined_the_cutoff_stands_against_everybody(world):
    scores, loans, bad = world
    all_in = loans.assign(approved=True, booked=True, default_flag=bad.astype(float))
    found = strategy.recommend(scores, all_in, n_draws=20)
    assert found.behind is None
    assert list(found.policies.index) == [EVERYBODY, ALONE]
    assert found.policies.loc[ALONE, "gain_amount"] > 0
    assert (found.policies["expected_loans"] == found.policies["loans"]).all()
    text = strategy.recommendation_text(found, "CNY", "share of booked kept")
    assert "Against everybody that is +" in text
    assert "never booked" not in text


def test_without_a_cutoff_or_an_outcome_it_says_so(world):
    scores, loans, _ = world
    # the safest were declined, so at each cutoff some of the approved were never booked
    odd = loans.assign(booked=loans["booked"] & (scores < scores.quantile(0.9)).all(axis=1))
    odd["default_flag"] = odd["default_flag"].where(odd["booked"])
    none = strategy.recommend(scores, odd, max_never_booked=0, n_draws=20)
    assert none.alone is None
    assert none.taken is none.behind
    assert "No cutoff is recommended as the only rule" in strategy.recommendation_text(
        none, "CNY", "approval rate"
    )
    unknown = strategy.recommend(scores, loans.assign(default_flag=np.nan), n_draws=20)
    assert unknown.alone is unknown.behind is None
    assert list(unknown.policies.index) == [TODAY, EVERYBODY]
    assert unknown.policies["expected_bad_rate"].isna().all()


def test_the_text_names_cutoffs_money_and_luck(found):
    text = strategy.recommendation_text(found, "CNY", "approval rate")
    assert f"**{found.alone.cutoff:.0f}** points (approval rate" in text
    assert (
        f"Behind today's policy, as a second hurdle, **{found.behind.cutoff:.0f}** points" in text
    )
    assert f"{found.behind.optimism_amount:,.0f} CNY of its profit are luck" in text
    figures = strategy.recommendation_figures(found, "CNY", "approval rate", mark=", assumed")
    assert figures["Cutoff as the only rule, assumed"] == f"{found.alone.cutoff:.0f} (sharp)"
    assert figures["To do, assumed"] == found.name
    assert found.behind_less_alone["high"] < 0
    assert found.name == f"approve from {found.alone.cutoff:.0f} of the sharp on"
    label = "Profit of the cutoff alone, expected less that of today's policy, assumed"
    assert figures[label].startswith("+")


def test_tables_behind_the_policy_are_of_those_it_approves_and_rates_of_all(world):
    scores, loans, _ = world
    tables = strategy.cutoff_tables(scores, loans, behind=True)
    approved = loans["approved"].to_numpy()
    for name, cutoff in (("blunt", 590.0), ("sharp", 611.0)):
        passed = approved & (scores[name].to_numpy() >= cutoff)
        row = tables[name].loc[cutoff]
        assert row["applications"] == passed.sum()
        assert row["approval_rate"] == pytest.approx(passed.mean())
        assert row["profit_amount"] == pytest.approx(profit_of(loans, passed))
    sensible = strategy.sensitivity_table(tables["sharp"])
    text = strategy.sensitivity_text(sensible, "approval rate", rule="behind today's policy")
    assert "the best cutoff behind today's policy" in text


def test_what_is_recommended_is_judged_on_loans_that_did_not_choose_it(world, found):
    scores, loans, _ = world
    half = np.arange(len(loans)) % 2 == 0
    chosen = strategy.recommend(scores[half], loans[half], n_draws=40)
    other_scores, other_loans = scores[~half], loans[~half]
    elsewhere = strategy.judge_rule(other_scores, other_loans, chosen.best_rule)
    rule = chosen.taken
    passed = other_scores[rule.model].to_numpy() >= rule.cutoff
    if rule is chosen.behind:
        passed &= other_loans["approved"].to_numpy()
    row = elsewhere.loc["as decided"]
    assert row["applications"] == passed.sum()
    assert row["profit_amount"] == pytest.approx(profit_of(other_loans, passed))
    earned = row["margin_amount"] - row["loss_amount"] - row["cost_amount"]
    assert earned == pytest.approx(row["profit_amount"])
    text = strategy.elsewhere_text(chosen, elsewhere, "CNY", "the other half")
    assert "**On other loans**, the other half, which did not choose it" in text
    declined = int(elsewhere["loans"].iloc[0] - row["loans"])
    assert f" declines {declined:,} loans more" in text or declined <= 0
    assert strategy.elsewhere_text(chosen, None, "CNY", "x") == ""


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (1.0, 9.0, "it holds there, beyond chance"),
        (-1.0, 9.0, "these loans cannot tell that from nothing"),
        (-9.0, -1.0, "**there it loses, beyond chance**"),
    ],
)
def test_the_verdict_of_other_loans_follows_its_interval(world, found, low, high, verdict):
    elsewhere = strategy.judge_rule(*world[:2], found.best_rule)
    gain = found.gain[1]
    elsewhere.loc["as decided", [f"{gain}_low", f"{gain}_high"]] = [low, high]
    assert verdict in strategy.elsewhere_text(found, elsewhere, "CNY", "others")
    elsewhere.loc["as decided", f"{gain}_amount"] = np.nan
    assert "no outcome is known" in strategy.elsewhere_text(found, elsewhere, "CNY", "others")


def test_how_wrong_the_economics_may_be_is_where_the_gain_is_nothing(found):
    text = strategy.recommendation_text(found, "CNY", "approval rate")
    earned = float(re.search(r"a good loan earned more than ([\d.]+) times", text)[1])
    lost = float(re.search(r"a bad one lost less than ([\d.]+) times", text)[1])
    today, behind = found.policies.loc[TODAY], found.policies.loc[BEHIND]
    margin, loss, cost = (
        today[f"{name}_amount"] - behind[f"{name}_amount"] for name in ("margin", "loss", "cost")
    )
    assert earned * margin == pytest.approx(loss + cost, rel=0.05)
    assert lost * loss == pytest.approx(margin - cost, rel=0.05)
    dearer = found.policies.assign(margin_amount=found.policies["cost_amount"] * 0)
    assert "would earn nothing more" not in strategy.recommendation_text(
        replace(found, policies=dearer), "CNY", "approval rate"
    )


def test_a_cutoff_at_the_end_of_its_range_is_said_to_be_there(found):
    for low, high, told in (
        (found.behind.cutoff - 9, found.behind.cutoff, "upper end, so another draw would rather"),
        (found.behind.cutoff, found.behind.cutoff + 9, "lower end, so another draw would rather"),
    ):
        at_end = replace(found, behind=replace(found.behind, low=low, high=high))
        assert told in strategy.recommendation_text(at_end, "CNY", "approval rate")
    within = replace(found.behind, low=found.behind.cutoff - 9, high=found.behind.cutoff + 9)
    text = strategy.recommendation_text(replace(found, behind=within), "CNY", "approval rate")
    assert "end, so another draw" not in text.split("Behind today's policy")[1]


def test_key_figures_of_a_hurdle_say_what_it_costs_and_whether_it_holds(found, world):
    cautious = replace(found, behind_less_alone=None)
    elsewhere = strategy.judge_rule(*world[:2], cautious.best_rule)
    figures = strategy.recommendation_figures(
        cautious,
        "CNY",
        "approval rate",
        period="in May 2023",
        elsewhere=elsewhere,
        others="the test loans",
    )
    profit = figures["Profit of the cutoff behind today's policy, less that of today's policy"]
    assert profit.endswith("of it luck of the choice; in May 2023")
    assert figures["The same on the test loans, which did not choose it"].startswith("+")
    today, behind = cautious.policies.loc[TODAY], cautious.policies.loc[BEHIND]
    goods = (today["loans"] - today["bad"]) - (behind["loans"] - behind["bad"])
    assert figures["What the cutoff costs"].startswith(f"{goods:,.0f} good loans, their margin of")
    never = f"{behind['never_booked_rate']:.1%}"
    assert figures["Never booked, of those approved behind it"] == never


def test_a_gain_that_chance_explains_is_called_so(found):
    policies = found.policies.copy()
    policies.loc[BEHIND, "gain_low"] = found.behind.optimism_amount - 1
    doubtful = replace(found, policies=policies)
    text = strategy.recommendation_text(doubtful, "CNY", "approval rate")
    assert "which these loans cannot tell from nothing" in text


def test_recommend_refuses_what_it_cannot_read(world):
    scores, loans, _ = world
    with pytest.raises(ValueError, match=r"needs two models, got \['blunt'\]"):
        strategy.recommend(scores[["blunt"]], loans)
    with pytest.raises(ValueError, match=r"loans lack \['amount'\]"):
        strategy.recommend(scores, loans.drop(columns="amount"))
    with pytest.raises(ValueError, match="n_draws must be at least 20, got 5"):
        strategy.recommend(scores, loans, n_draws=5)


def test_the_order_of_the_rows_changes_nothing(world, found):
    scores, loans, _ = world
    order = np.random.default_rng(1).permutation(len(loans))
    again = strategy.recommend(scores.iloc[order], loans.iloc[order], n_draws=100)
    for name in ("alone", "behind"):
        one, other = getattr(found, name), getattr(again, name)
        assert one.cutoff == other.cutoff
        assert one.optimism_amount == pytest.approx(other.optimism_amount)
        assert (one.low, one.high) == (other.low, other.high)
    pd.testing.assert_frame_equal(found.policies, again.policies)


def test_where_every_cutoff_loses_it_says_so(world):
    scores, loans, _ = world
    lost = loans.assign(default_flag=loans["default_flag"].where(loans["default_flag"].isna(), 1.0))
    found = strategy.recommend(scores, lost, n_draws=20)
    text = strategy.recommendation_text(found, "CNY", "approval rate")
    assert "**earns nothing, and loses least** at" in text
    assert "**no cutoff earns anything**" in text
    figures = strategy.recommendation_figures(found, "CNY", "approval rate")
    assert "nan" not in " ".join(figures.values())


def test_a_hurdle_that_declines_none_earns_nothing_more(world):
    scores, loans, _ = world
    paid = loans.assign(default_flag=loans["default_flag"].where(loans["default_flag"].isna(), 0.0))
    found = strategy.recommend(scores, paid, n_draws=20)
    assert found.policies.loc[BEHIND, "gain_amount"] == 0
    text = strategy.recommendation_text(found, "CNY", "approval rate")
    assert "more, for it declines none of them." in text
    assert "-" not in re.findall(r"about (\S+) CNY of its profit are luck", text)[-1]


@pytest.fixture(scope="module")
def turned():
    """The first model tells the safe apart, of whom all were approved, the second the risky."""
    rng = np.random.default_rng(11)
    n = 8_000
    risk = rng.normal(size=n)
    bad = rng.random(n) < 1 / (1 + np.exp(1.5 - risk))
    approved = (rng.random(n) < 0.5) | (risk < -0.3)
    # safe applicants are as the first model sees them, risky ones as the second does
    low, high = risk + rng.normal(0, 0.3, n), risk + rng.normal(0, 0.3, n)
    blurred = rng.normal(size=n)
    first = np.where(risk < -0.3, low, -0.3 + 0.05 * blurred)
    second = np.where(risk < -0.3, -0.3 + 0.05 * blurred, high)
    scores = pd.DataFrame(
        {"first": np.rint(600 - 40 * first), "second": np.rint(600 - 40 * second)}
    )
    values = strategy.loan_values(
        np.full(n, 100_000), loss_rate=0.6, cost_amount=1, margin_rate=0.2
    )
    loans = values.assign(
        amount=100_000,
        approved=approved,
        booked=approved,
        default_flag=np.where(approved, bad.astype(float), np.nan),
    )
    return scores, loans


def test_each_cutoff_is_of_the_model_that_is_best_there(turned):
    scores, loans = turned
    found = strategy.recommend(scores, loans, max_never_booked=0.05, n_draws=60)
    y = loans["default_flag"]
    sums = strategy.profit_sums(loans, y)
    profit = (sums["margin_fen"] - sums["loss_fen"] - sums["cost_fen"]).where(y.notna()) / 100
    tables = strategy.cutoff_tables(scores, loans)
    known = {name: table[table["bad_rate"].notna()] for name, table in tables.items()}
    cutoffs = {
        name: strategy.choose_cutoff(table, objective="profit").name
        for name, table in known.items()
    }
    gap = strategy.profit_difference(scores[["second", "first"]], profit, cutoffs)
    assert gap["low"] > 0
    assert found.behind.model == "second"
    assert found.alone.model == "first"
    pd.testing.assert_series_equal(found.behind.difference, gap)
    # each draw chooses as the loans themselves did
    assert found.behind.model_again > 0.5
    assert found.alone.model_again > 0.5


def test_one_score_far_out_does_not_turn_the_line(world, found):
    scores, loans, _ = world
    odd = scores.copy()
    odd.loc[loans.index[loans["default_flag"] == 1][0], "sharp"] = 9_999
    turned = strategy.recommend(odd, loans, n_draws=40)
    row = turned.policies.loc[ALONE]
    assert row["expected_bad_rate"] == pytest.approx(turned.alone.row["expected_bad_rate"])
    rates = turned.policies["expected_bad_rate"]
    assert (turned.policies["expected_bad_rate_low"] <= rates).all()
    assert (turned.policies["expected_bad_rate_high"] >= rates).all()
    # the flat line that such a loan makes expects of all what is known of the booked
    assert turned.policies.loc[EVERYBODY, "expected_bad_rate_high"] < 0.3


def test_too_few_swapped_loans_choose_no_model_in_any_draw():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=15), (rng.random(15) < 0.35).astype(float)
    scores = pd.DataFrame(
        {"a": 600 + 40 * rng.normal(size=15), "b": 600 + 40 * (x - 2 * y)}
    ).round()
    values = strategy.loan_values([100_000] * 15, margin_rate=0.3, loss_rate=0.6, cost_amount=3)
    loans = values.assign(amount=100_000, approved=True, booked=True, default_flag=y)
    found = strategy.recommend(scores, loans, n_draws=100).alone
    assert found.model == "a"
    # a draw of fifteen holds twenty swapped loans next to never
    assert found.model_again > 0.9


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"approved": np.nan}, "approved must be true or false everywhere"),
        ({"approved": False}, "loans must be approved where booked"),
        ({"booked": False}, "default_flag must be missing where not booked"),
        ({"amount": np.nan}, "amount must be finite everywhere"),
    ],
)
def test_loans_that_contradict_themselves_are_refused(world, wrong, message):
    scores, loans, _ = world
    with pytest.raises(ValueError, match=message):
        strategy.recommend(scores, loans.assign(**wrong), n_draws=20)
    with pytest.raises(ValueError, match="sharp must be finite everywhere"):
        strategy.recommend(scores.assign(sharp=np.inf), loans, n_draws=20)


def test_sensitivity_moves_the_best_cutoff(world):
    scores, loans, _ = world
    table = strategy.cutoff_tables(scores, loans, max_never_booked=1)["sharp"]
    found = strategy.sensitivity_table(table)
    assert found.loc[(1, 1), "cutoff"] == strategy.choose_cutoff(table, objective="profit").name
    assert found.loc[(0.75, 1.25), "cutoff"] > found.loc[(1.25, 0.75), "cutoff"]
    approved = scores["sharp"] >= found.loc[(0.75, 1.25), "cutoff"]
    y = loans["default_flag"]
    own = 0.75 * loans["margin_fen"].where(y == 0, 0) - 1.25 * loans["loss_fen"].where(y == 1, 0)
    own -= loans["cost_fen"].where(y.notna(), 0)
    expected = own[approved].sum() / 100
    assert found.loc[(0.75, 1.25), "profit_amount"] == pytest.approx(expected, abs=1e-6)
    with pytest.raises(ValueError, match="lacks"):
        strategy.sensitivity_table(table.drop(columns="margin_fen"))


def test_the_unseen_the_worse_the_less_the_cutoff_alone_gains(found):
    gains = found.uplifts["expected_gain_amount"]
    assert list(gains.index) == [1.0, 1.5, 2.0, 3.0]
    assert gains[1.0] == pytest.approx(found.policies.loc[ALONE, "expected_gain_amount"])
    assert (gains.diff().dropna() < 0).all()
    assert (found.uplifts["expected_bad_rate"].diff().dropna() > 0).all()


def test_the_hurdle_less_the_cutoff_alone_is_paired(found):
    expected = found.policies["expected_profit_amount"]
    apart = found.behind_less_alone
    assert apart["difference"] == pytest.approx(expected[BEHIND] - expected[ALONE])
    # paired, so narrower than the two intervals set against each other
    loose = (
        found.policies.loc[BEHIND, "expected_profit_high"]
        - found.policies.loc[ALONE, "expected_profit_low"]
    )
    assert apart["high"] < loose


def test_what_was_seen_is_taken_where_chance_explains_the_other(found):
    doubtful = found.behind_less_alone.replace(found.behind_less_alone["high"], 1.0)
    for_hurdle = replace(found, behind_less_alone=doubtful)
    assert for_hurdle.taken is found.behind
    assert (
        for_hurdle.name
        == f"keep today's policy and decline below {found.behind.cutoff:.0f} of the sharp"
    )
    told = strategy.recommendation_text(for_hurdle, "CNY", "approval rate")
    assert "chance can explain that, and behind it every loan has been seen" in told
    policies = found.policies.copy()
    policies.loc[BEHIND, "gain_low"] = 0.0
    nothing = replace(for_hurdle, policies=policies)
    assert nothing.name == "keep today's policy: no cutoff earns more beyond chance"


def test_each_draw_keeps_the_share_never_booked_itself(world):
    scores, loans, _ = world
    asked = strategy.cutoff_tables(scores, loans)["sharp"]
    seen = asked[asked["bad_rate"].notna()]
    free = strategy.choose_cutoff(seen, objective="profit")
    # a limit that binds below the best cutoff
    limit = float(free["never_booked_rate"]) * 0.6
    bound = strategy.recommend(scores, loans, max_never_booked=limit, n_draws=200)
    assert bound.alone.is_lowest
    assert bound.alone.low < bound.alone.cutoff < bound.alone.high


@pytest.mark.parametrize(
    ("bad", "n", "text"),
    [
        ((3, 4), (80, 90), "Too few to say: among those on whom the models differ, 7 bads"),
        ((30, 32), (400, 410), "These loans do not tell which model lets in fewer bads: 30 bads"),
        ((60, 30), (400, 410), "*second only* has the lower bad rate: 30 bads of 410 loans"),
    ],
)
def test_the_swap_set_is_judged_by_one_test_of_both(bad, n, text):
    rows = ["both approve", "first only", "second only", "neither"]
    table = pd.DataFrame({"bad": [9, *bad, 9], "good": [9, n[0] - bad[0], n[1] - bad[1], 9]}, rows)
    assert strategy.swap_text(table).startswith(text)


def test_the_range_of_the_cutoff_under_other_economics_is_told(world):
    scores, loans, _ = world
    table = strategy.sensitivity_table(strategy.cutoff_tables(scores, loans)["sharp"])
    text = strategy.sensitivity_text(table, "approval rate")
    assert f"between {table['cutoff'].min():.0f} (approval rate" in text
    assert f"and {table['cutoff'].max():.0f} (" in text
    assert strategy.sensitivity_text(table.iloc[:0], "approval rate") == ""
    held = strategy.sensitivity_text(table.iloc[:1], "approval rate", is_lowest=True)
    assert held.endswith("the lowest that is looked at: below it too many were never booked.")
    alike = strategy.sensitivity_text(table.iloc[:1], "approval rate")
    assert alike.endswith(f"stays {table['cutoff'].iloc[0]:.0f}.")

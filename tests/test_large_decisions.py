"""Decisions on applications in parts: the same as on one frame, however the parts are cut."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from riskkit import deployment, partitions, policy, rating, target, vintage
from riskkit.checks import DataContractError
from riskkit.deployment import ScoreRule
from riskkit.loan_values import LoanValues
from riskkit.schema import PolicyFile
from riskkit.tables import Table, part_path, write_table

RULES = PolicyFile(
    name="P",
    rules=[
        {
            "name": name,
            "label": name.title(),
            "step": "rules",
            "all": [{"column": name, "operator": ">", "value": str(bound)}],
        }
        for name, bound in (("debt", 8), ("age", 60))
    ],
)
CODES = {"debt": [-9.0]}
RULE = ScoreRule("scorecard", 560.0, True)
N = 600


def applications(n=N, seed=4):
    """Applications with scores, decisions and outcomes; of the second half of ids none is dated."""
    rng = np.random.default_rng(seed)
    score = rng.integers(500, 640, n)
    approved = (score > 530) & (rng.random(n) < 0.8)
    booked = approved & (rng.random(n) < 0.9)
    bad = np.where(booked, (rng.random(n) < (650 - score) / 400).astype(float), np.nan)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.sort(rng.integers(0, 360, n)), "D")
    late = days >= pd.Timestamp("2024-10-01")
    sample = np.where(late, "out_of_time", np.where(rng.random(n) < 0.3, "test", "train"))
    flag = np.where(rng.random(n) < 0.9, bad, np.nan)
    frame = pd.DataFrame(
        {
            "application_id": [f"A{i:04d}" for i in range(n)],
            "applied_at": days.astype("datetime64[ms]"),
            "approved": approved,
            "booked": booked,
            "default_flag": flag,
            "sample": pd.Series(sample).where(~np.isnan(flag)).astype("str"),
            "scorecard": score,
            "challenger": score + rng.integers(-20, 20, n),
            "term_months": rng.choice([6, 12], n),
        }
    )
    asked = pd.DataFrame(
        {
            "application_id": frame["application_id"],
            "amount": rng.integers(1, 50, n) * 100_000,
            "channel": pd.Series(rng.choice(["app", "web", "rare"], n, p=[0.6, 0.398, 0.002])),
            "partner": pd.Series(rng.choice(["dune", None], n), dtype="str"),
            "declined_reason": pd.Series(np.where(approved, None, rng.choice(["age", "low"], n))),
            "debt": rng.choice([-9.0, 1.0, 9.0, np.nan], n),
            "age": rng.integers(18, 80, n),
            "truth": (rng.random(n) < 0.2).astype(float),
        }
    )
    asked["declined_reason"] = asked["declined_reason"].astype("str")
    return frame, asked


FRAME, ASKED = applications()
BOTH = FRAME.merge(ASKED, on="application_id")


def in_parts(folder, frame, cuts):
    """A table in parts between these positions, some of them empty."""
    folder.mkdir()
    for number, (start, stop) in enumerate(zip([0, *cuts], [*cuts, len(frame)], strict=True)):
        write_table(frame.iloc[start:stop].reset_index(drop=True), part_path(folder, number))
    return Table(folder)


@pytest.fixture(params=["pieces", "another order and threads"])
def tables(request, tmp_path, monkeypatch):
    """Scores and applications in uneven parts, one empty, one without any partner."""
    monkeypatch.setattr("riskkit.tables.table.BLOCK_ROWS", 70)
    cuts = [13, 13, 200, 450]
    asked = ASKED.copy()
    asked.loc[200:449, "partner"] = None
    frame = FRAME
    if request.param != "pieces":
        asked = asked.sample(frac=1, random_state=1).reset_index(drop=True)
    scores = in_parts(tmp_path / "scores", frame, cuts)
    table = scores.beside(in_parts(tmp_path / "asked", asked, cuts))
    whole = frame.merge(asked, on="application_id")
    if request.param != "pieces":
        with ThreadPoolExecutor(2) as pool, partitions.using(pool):
            yield table, whole
    else:
        yield table, whole


def test_columns_beside_are_those_of_the_same_id(tables):
    table, whole = tables
    assert len(table) == N
    assert table.columns == list(whole.columns)
    pd.testing.assert_frame_equal(table.frame(), whole)
    read = partitions.collected(lambda rows: rows, table, columns=["partner", "age"])
    pd.testing.assert_frame_equal(read, whole[["partner", "age"]])
    blocks = pd.concat(table.blocks(["age", "scorecard"], rows=250), ignore_index=True)
    pd.testing.assert_frame_equal(blocks, whole[["age", "scorecard"]])
    assert table.column("age").to_pylist() == whole["age"].tolist()
    assert len(table.sample(50, ["age"])) == 50


def test_an_id_beside_that_is_not_known_is_missing_and_one_that_comes_twice_is_refused():
    few = ASKED[["application_id", "age"]].iloc[5:9]
    table = Table(FRAME).beside(Table(few.reset_index(drop=True)))
    assert table.frame(["age"])["age"].dropna().tolist() == few["age"].tolist()
    twice = pd.concat([few, few], ignore_index=True)
    with pytest.raises(DataContractError, match="application_id: 4 of 8 rows come again"):
        Table(FRAME).beside(Table(twice)).frame()
    with pytest.raises(DataContractError, match="other"):
        Table(FRAME).beside(Table(few), on="other")
    empty = Table(FRAME.iloc[:0]).beside(Table(few))
    assert list(empty.frame().columns) == [*FRAME.columns, "age"]


def test_roles_of_rows_in_parts_are_those_of_the_frame(tables):
    table, whole = tables
    roles = target.SampleRoles.of(table)
    assert roles == target.SampleRoles.of(whole)
    assert roles.is_late
    sampled = whole["application_id"].iloc[::17]
    rows = target.deciding_rows(table, roles, ["application_id", "age"], sampled=sampled)
    judged, chosen = target.judging_rows(whole), target.choosing_rows(whole)
    in_it = judged | chosen | whole["application_id"].isin(sampled).to_numpy()
    assert 0 < judged.sum() < N > chosen.sum() > 0
    assert not (judged & chosen).any()
    told = whole.loc[in_it, ["application_id", "age"]].assign(
        chooses=chosen[in_it],
        judges=judged[in_it],
        sampled=whole.loc[in_it, "application_id"].isin(sampled),
    )
    pd.testing.assert_frame_equal(rows, told.reset_index(drop=True))
    assert target.deciding_rows(table, roles, ["age"])["sampled"].sum() == N


def test_without_late_months_the_test_sample_judges_and_training_loans_choose(tables):
    _, whole = tables
    early = whole.assign(sample=whole["sample"].replace("out_of_time", "test"))
    roles = target.SampleRoles.of(early)
    assert not roles.is_late
    assert (roles.judging(early) == target.held_out_rows(early)).all()
    assert not (roles.judging(early) & roles.choosing(early)).any()


@pytest.mark.parametrize("truth", [None, "truth"])
def test_effects_of_rules_counted_in_parts_are_those_of_the_frame(tables, truth):
    table, whole = tables
    counted = policy.effects_of_all(
        table,
        RULES,
        special_codes=CODES,
        passes=RULE.passes,
        score=RULE.model,
        read=RULE.read,
        truth=truth,
    )
    passes = RULE.passes(whole)
    margin = passes & (whole["scorecard"] < whole.loc[passes, "scorecard"].quantile(0.2))
    known = {} if truth is None else {"truth": whole[truth]}
    flags = policy.fired(whole, RULES, CODES)
    plain = policy.rule_effects(flags, RULES, whole, passes=passes, margin=margin, **known)
    pd.testing.assert_frame_equal(counted, plain, check_exact=True)
    assert counted["declines_alone"].min() > 0
    assert 0 < counted["margin_loans"].iloc[0] < counted["passed_loans"].iloc[0]


@pytest.mark.parametrize("share", [0.1, 0.2, 1 / 3, 0.5, 0.99])
def test_a_margin_ends_at_the_quantile_of_the_scores_counted(share):
    scores = pd.Series([500, 500, 510, 530, 530, 531, 600])
    counts = scores.value_counts()
    # one who passes at each score, so that the margin is whoever lies below the quantile
    from riskkit.policy.effects import _quantile

    assert _quantile(counts, share) == pytest.approx(scores.quantile(share), abs=1e-12)


def test_effects_refuse_a_margin_that_is_no_share(tables):
    with pytest.raises(ValueError, match="margin_share must lie in"):
        policy.effects_of_all(
            tables[0], RULES, passes=RULE.passes, score="scorecard", margin_share=1.5
        )


def test_origins_and_periods_of_some_rows_are_those_of_all(tables):
    table, whole = tables
    all_origins = policy.traffic(whole)
    assert "others" in set(all_origins)
    some = whole.iloc[::7]
    told = policy.traffic(some, of_all=table)
    assert told.tolist() == all_origins.iloc[::7].tolist()
    later = policy.two_periods(whole["applied_at"], 3)
    pair = policy.compared_rows(table, 3, ["application_id", "approved", "no such column"])
    plain = whole.loc[later.notna(), ["application_id", "approved"]]
    plain = plain.assign(later=later[later.notna()].astype(bool)).reset_index(drop=True)
    pd.testing.assert_frame_equal(pair, plain)


def test_one_month_alone_compares_nothing():
    month = BOTH[BOTH["applied_at"].dt.month == 3]
    assert policy.compared_rows(Table(month), 6, ["approved"]).empty
    # nor do months between which nobody applied
    apart = BOTH[BOTH["applied_at"].dt.month.isin([1, 12])]
    assert policy.compared_rows(Table(apart), 2, ["approved"]).empty
    with pytest.raises(ValueError, match="months must be at least 1"):
        policy.compared_rows(Table(month), 0, ["approved"])


def scale_of(whole):
    known = whole[whole["default_flag"].notna()]
    return rating.rating_scale(known["scorecard"], known["default_flag"], n_grades=4)


@pytest.mark.parametrize("rules", [None, RULES])
def test_decisions_left_in_parts_are_those_of_the_frame(tables, rules, tmp_path):
    table, whole = tables
    scale = scale_of(whole)
    how = {"rule": RULE, "scale": scale, "policy": rules, "special_codes": CODES}
    decided = partitions.collected(lambda rows: deployment.decide_rows(rows, **how), table)
    flags = pd.DataFrame(index=whole.index) if rules is None else policy.fired(whole, RULES, CODES)
    plain = deployment.decide(
        flags, whole["scorecard"], scale, {"all": 560.0}, passed_today=whole["approved"]
    )
    pd.testing.assert_frame_equal(decided, whole[["application_id"]].join(plain))
    left = in_parts(tmp_path / "decisions", decided, [100, 100, 333])
    rows = deployment.approved_rows(left.beside(table), ["grade", "amount", "nothing"])
    told = decided[["grade"]].astype(object).join(whole["amount"])[decided["approved"]]
    pd.testing.assert_frame_equal(rows, told.reset_index(drop=True))


def test_a_rule_that_declines_nobody_more_starts_at_the_lowest_score_of_all(tables):
    table, whole = tables
    rule = deployment.rule_in_force(None, None, table, "challenger")
    assert rule == ("challenger", whole["challenger"].min(), True)
    assert rule.passes(whole).equals(whole["approved"])


def performance(whole):
    """A panel of the loans booked, six months each; whoever is bad is past due from month three."""
    loans = whole[whole["booked"]]
    frames = [
        pd.DataFrame(
            {
                "loan_id": loans["application_id"],
                "cohort": loans["applied_at"].dt.to_period("M").dt.start_time,
                "mob": mob,
                "dpd": np.where((loans["default_flag"] == 1) & (mob >= 3), 30 * mob, 0),
                "status": "active",
                "balance": 100_000,
            }
        )
        for mob in range(6)
    ]
    return pd.concat(frames).sort_values(["loan_id", "mob"]).reset_index(drop=True)


def test_grades_on_the_book_in_parts_are_those_of_the_frame(tables, tmp_path):
    table, whole = tables
    term, known = rating.scores_of_commonest_term(table, "scorecard")
    loans = whole[whole["booked"]]
    assert term == loans["term_months"].mode()[0]
    of_term = loans[loans["term_months"] == term].set_index("application_id")["scorecard"]
    panel = performance(whole)
    book = Table(in_parts(tmp_path / "book", panel, [61, 61, 900]).folder, whole="loan_id")
    scale = scale_of(whole)
    for scores in (of_term, known):
        for source in (panel, book):
            settled, counts = rating.settle_scale(scale, source, scores)
            if scores is of_term and source is panel:
                plain, plain_counts = settled, counts
            pd.testing.assert_frame_equal(settled, plain)
            pd.testing.assert_frame_equal(counts, plain_counts)
    assert plain_counts["loans"].sum() == len(of_term)
    nobody = rating.grade_counts(book, LoanValues(["nobody"], pd.Series(["A1"], name="grade")))
    assert nobody.empty
    assert nobody.index.names == ["grade", "cohort", "mob"]


def test_a_book_is_counted_by_a_lookup_as_by_a_series(tables, tmp_path):
    _, whole = tables
    panel = performance(whole)
    book = Table(in_parts(tmp_path / "book", panel, [61, 61, 900]).folder, whole="loan_id")
    terms = whole.set_index("application_id")["term_months"]
    known = LoanValues.from_table(Table(whole), "term_months")
    plain = vintage.cohort_counts(panel, dpd=(90,), by=terms)
    for source in (panel, book):
        counted = vintage.cohort_counts(source, dpd=(90,), by=known)
        pd.testing.assert_frame_equal(counted, plain)


def test_no_loan_has_no_commonest_term():
    with pytest.raises(ValueError, match="no loan was booked"):
        rating.scores_of_commonest_term(FRAME.assign(booked=False), "scorecard")

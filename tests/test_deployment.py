"""The decision leaves the notebook: SQL is Python on every row, and changes are the least ones."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit import deployment, policy, strategy
from riskkit.binning import WoeBinner
from riskkit.schema import Feature, PolicyFile
from riskkit.scorecard import Scorecard

SCALE = pd.DataFrame(
    {
        "score_low": [600.0, 550.0, -np.inf],
        "score_high": [np.inf, 600.0, 550.0],
        "probability": [0.01, 0.05, 0.2],
    },
    index=pd.Index(["A1", "B1", "C1"], name="grade"),
)
NAN = float("nan")
# every kind of cell: plain, at the bound, special, missing
DEBTS = [0.0, 6.0, 11.999, 12.0, 12.001, 1e300, -9.0, NAN]
INCOMES = [2.0, 0.0, -8.0, NAN]
WORDS = ["none", "no", "None", "it's", "", None]
ANSWERS = [True, False, None]
CODES = {"debt": [-9.0], "income": [-8.0]}


def strange_applicants():
    """Every combination of such cells, each an application."""
    rows = list(product(DEBTS, INCOMES, WORDS, ANSWERS))
    frame = pd.DataFrame(rows, columns=["debt", "income", "word", "answer"])
    days = pd.to_datetime(["2024-01-01", "2024-06-30", None])
    return frame.assign(
        application_id=[f"a{i}" for i in range(len(frame))],
        word=frame["word"].astype("str"),
        answer=frame["answer"].astype("boolean"),
        born=days[np.arange(len(frame)) % 3],
        approved=np.arange(len(frame)) % 5 > 0,
        channel=pd.Series(["app", "shop", "kiosk's", None])[np.arange(len(frame)) % 4].tolist(),
        credit_score=(np.arange(len(frame)) * 7 % 200 + 450).astype(float),
    )


def rule(name, conditions, needs="any"):
    return {"name": name, "label": name.title(), "step": "rules", needs: conditions}


def one(column, operator, value, **more):
    return {"column": column, "operator": operator, "value": value, **more}


RULES = {
    "ordering": [one("debt", o, "12") for o in ("<", "<=", ">", ">=")],
    "equal": [one("debt", "==", "12"), one("debt", "==", "-9"), one("debt", "!=", "12")],
    "listed": [one("debt", "in", ["6", "-9"]), one("debt", "not_in", ["6", "0"])],
    "times": [one("debt", ">", "6", times="income"), one("debt", "<=", "6", times="income")],
    "missing": [one(n, "is_missing", True) for n in ("debt", "word", "answer", "born")],
    "there": [one(n, "is_missing", False) for n in ("debt", "word", "answer", "born")],
    "text": [one("word", "==", "it's"), one("word", "!=", "none"), one("word", "in", ["no", ""])],
    "begins": [one("word", "starts_with", "no"), one("word", "not_starts_with", "no")],
    "truth": [one("answer", "==", True), one("answer", "!=", True)],
    "day": [one("born", "<", "2024-06-30"), one("born", ">=", "2024-06-30")],
}  # fmt: skip


@pytest.fixture(params=["duckdb", "postgres"])
def ask(request):
    """A function from a query's maker and a frame to the rows it gives, in one of the databases."""
    if request.param == "duckdb":
        import duckdb

        connection = duckdb.connect()

        def run(frame, make):
            connection.register("asked_for", frame)
            return connection.sql(make("asked_for", "duckdb")).df()

        yield run
        connection.close()
    else:
        import sqlalchemy

        engine = sqlalchemy.create_engine(request.getfixturevalue("postgres"))

        def run(frame, make):
            frame.to_sql("asked_for", engine, if_exists="replace", index=False)
            with engine.connect() as connection:
                return pd.read_sql(
                    sqlalchemy.text(make("asked_for", "postgres").replace(":", "\\:")), connection
                )

        yield run
        engine.dispose()


def same(found, decided, ids):
    """Whether what a database says of each application is what Python says."""
    found = found.set_index("application_id").loc[ids]
    pd.testing.assert_series_equal(
        found["declined_by"].astype(object).fillna("").reset_index(drop=True),
        decided["declined_by"].astype(object).fillna("").reset_index(drop=True),
    )
    assert found["approved"].tolist() == decided["approved"].tolist()
    assert found["grade"].tolist() == decided["grade"].astype(str).tolist()
    assert found["cutoff"].tolist() == decided["cutoff"].tolist()
    assert found["credit_score"].tolist() == decided["score"].tolist()


@pytest.mark.parametrize("behind", [False, True])
def test_sql_decides_what_python_decides_on_every_kind_of_cell(ask, behind):
    asked = strange_applicants()
    for name, conditions in RULES.items():
        rules = [rule(f"{name}_{i}", [c]) for i, c in enumerate(conditions)]
        # each alone, so that none hides behind another, and all of a kind together
        policies = [[each] for each in rules] + [[rule("every", conditions, "all")], rules]
        for listed in policies:
            ours = PolicyFile(name="Ours", rules=listed)
            table = policy.condition_table(asked, ours, CODES)
            fired = policy.fired(asked, ours, CODES)
            passed = asked["approved"] if behind else None
            decided = deployment.decide(
                fired, asked["credit_score"], SCALE, {"all": 560}, passed_today=passed
            )
            found = ask(
                asked,
                lambda name, dialect, table=table: deployment.decision_sql(
                    table,
                    None,
                    SCALE,
                    {"all": 560},
                    table=name,
                    dialect=dialect,
                    behind_today=behind,
                ),
            )
            same(found, decided, asked["application_id"])


def test_each_segment_has_its_cutoff_and_whoever_has_none_the_common_one(ask):
    asked = strange_applicants()
    ours = PolicyFile(name="Ours", rules=[rule("none", [one("word", "==", "none")])])
    cutoffs = {"app": 500.0, "kiosk's": 640.5, "all": 560.0}
    fired = policy.fired(asked, ours)
    decided = deployment.decide(
        fired, asked["credit_score"], SCALE, cutoffs, segment=asked["channel"]
    )
    assert set(decided["cutoff"][asked["channel"] == "shop"]) == {560.0}
    assert set(decided["cutoff"][asked["channel"].isna()]) == {560.0}
    without = {name: value for name, value in cutoffs.items() if name != "all"}
    strict = deployment.decide(
        fired, asked["credit_score"], SCALE, without, segment=asked["channel"]
    )
    assert set(strict["cutoff"][asked["channel"] == "shop"]) == {640.5}
    for stated, expected in ((cutoffs, decided), (without, strict)):
        found = ask(
            asked,
            lambda name, dialect, stated=stated: deployment.decision_sql(
                policy.condition_table(asked, ours), None, SCALE, stated,
                table=name, dialect=dialect, segment="channel",
            ),
        )  # fmt: skip
        same(found, expected, asked["application_id"])


def card_of(n=4_000, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "debt": np.where(rng.random(n) < 0.1, -9.0, rng.integers(0, 40, n).astype(float)),
            "on_time": np.where(rng.random(n) < 0.1, NAN, rng.random(n).round(3)),
            "word": rng.choice(["none", "no", "yes"], n),
        }
    )
    logit = -2.5 + 0.06 * X["debt"].clip(lower=0) - 2.0 * X["on_time"].fillna(0.5)
    logit += (X["word"] == "none") * 0.8
    y = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(float)
    binner = WoeBinner(
        trend={"debt": "ascending", "on_time": "descending"}, special_codes={"debt": [-9]}
    )
    return Scorecard(binner).fit(X, y), X


CARD, APPLICANTS = card_of()


def test_sql_of_a_card_with_rules_on_its_own_features_is_python_on_every_row(ask):
    asked = APPLICANTS.head(1_500).assign(
        application_id=[f"a{i}" for i in range(1_500)], income=np.arange(1_500) % 7.0
    )
    rules = [
        rule("word", [one("word", "in", ["none", "never"])]),
        rule("debt", [one("debt", ">=", "5", times="income"), one("debt", "==", "-9")]),
    ]
    ours = PolicyFile(name="Ours", rules=rules)
    codes = {"debt": [-9.0]}
    score = CARD.credit_score(asked)
    cutoffs = {"all": float(score.median())}
    decided = deployment.decide(policy.fired(asked, ours, codes), score, SCALE, cutoffs)
    assert decided["declined_by"].value_counts(dropna=False).min() > 50
    found = ask(
        asked,
        lambda name, dialect: deployment.decision_sql(
            policy.condition_table(asked, ours, codes), CARD, SCALE, cutoffs,
            table=name, dialect=dialect,
        ),
    )  # fmt: skip
    same(found, decided, asked["application_id"])


EXTREMES = [0.0, -0.0, 1.0, np.inf, -np.inf, NAN, 1e308, -1.7e308, 5e-324, 2.5e-310, 3.0, -9.0]


def test_bounds_beyond_all_numbers_are_pythons_in_sql(ask):
    cells = list(product(EXTREMES, EXTREMES))
    asked = pd.DataFrame(cells, columns=["debt", "income"]).assign(
        application_id=[f"a{i}" for i in range(len(cells))], credit_score=570.0
    )
    conditions = [
        one("debt", operator, value, times="income")
        for operator in ("<", ">=")
        for value in ("0", "10", "-10", "0.1", "1e-300")
    ]
    # each alone, so that none hides behind another
    for condition in conditions:
        ours = PolicyFile(name="Ours", rules=[rule("bound", [condition])])
        fired = policy.fired(asked, ours)
        with np.errstate(all="ignore"):
            bound = float(condition["value"]) * asked["income"].to_numpy()
            meets = np.less if condition["operator"] == "<" else np.greater_equal
            assert fired["bound"].tolist() == meets(asked["debt"].to_numpy(), bound).tolist()
        decided = deployment.decide(fired, asked["credit_score"], SCALE, {"all": 560})
        found = ask(
            asked,
            lambda name, dialect, ours=ours: deployment.decision_sql(
                policy.condition_table(asked, ours), None, SCALE, {"all": 560},
                table=name, dialect=dialect,
            ),
        )  # fmt: skip
        same(found, decided, asked["application_id"])


def test_a_score_that_is_no_number_is_not_approved_in_sql(ask):
    asked = strange_applicants().head(3).assign(credit_score=[NAN, 570.0, NAN])
    found = ask(
        asked,
        lambda name, dialect: deployment.decision_sql(
            None, None, SCALE, {"all": 560}, table=name, dialect=dialect
        ),
    ).set_index("application_id")
    assert found["approved"].loc[asked["application_id"]].tolist() == [False, True, False]
    assert set(found["declined_by"].dropna()) == {"score"}


def test_what_a_query_cannot_say_is_refused_or_told_in_its_file(tmp_path):
    asked = pd.DataFrame({"d": [1.0], "D": [2.0], "顾" * 22: [3.0]})
    about = {"table": "t", "scale": SCALE, "cutoffs": {"all": 560}, "card": None}
    alike = PolicyFile(name="Ours", rules=[rule("a", [one("d", ">", "1"), one("D", ">", "1")])])
    with pytest.raises(ValueError, match="differ in capitals alone"):
        deployment.decision_sql(policy.condition_table(asked, alike), **about)
    for key in ("credit_score", "Approved", "grade"):
        with pytest.raises(ValueError, match="key must not be called as a column of the answer"):
            deployment.decision_sql(None, **about, key=key)
    long = PolicyFile(name="Ours", rules=[rule("a", [one("顾" * 22, ">", "1.00000000001")])])
    conditions = policy.condition_table(asked, long)
    table = deployment.save_decision(
        tmp_path, conditions, None, SCALE, {"all": 560.123456789012}, model="challenger"
    )
    assert "SELECT" in (tmp_path / "decision_duckdb.sql").read_text()
    told = (tmp_path / "decision_postgres.sql").read_text()
    assert told.startswith("-- no query: PostgreSQL cuts names off")
    assert told.count("\n") == 1
    # what people read decides as the query does
    assert table["condition"].tolist()[:2] == [
        "顾" * 22 + " > 1.00000000001",
        "score < 560.12345678901204",
    ]


def test_the_table_for_people_names_every_step_in_order():
    ours = PolicyFile(
        name="Ours",
        rules=[rule("debt", [one("debt", ">", "6", times="income"), one("debt", "==", "-9")])],
    )
    conditions = policy.condition_table(strange_applicants(), ours, CODES)
    table = deployment.decision_table(
        conditions, SCALE, {"app": 540, "all": 560}, model="scorecard", segment="channel",
        behind_today=True,
    )  # fmt: skip
    assert table["step"].tolist() == [
        "rules",
        "policy",
        "score",
        "score",
        "grade",
        "grade",
        "grade",
    ]
    assert table["condition"].tolist()[:3] == [
        "debt > 6 × income or debt == -9",
        "approved is false",
        "score < 540 where channel is app",
    ]
    assert table["condition"].tolist()[-3:] == [
        "score >= 600",
        "score >= 550 and score < 600",
        "score < 550",
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"cutoffs": {"app": 5}}, "one cutoff is called 'all'"),
        ({"cutoffs": {"all": NAN}}, "must be finite"),
        ({"score": [1.0, NAN]}, "score"),
        ({"score": [1.0]}, "score"),
        ({"scale": SCALE.iloc[:2]}, "the lowest grade must have score_low -inf"),
        ({"scale": SCALE.iloc[:0]}, "the lowest grade must have score_low -inf"),
        ({"scale": SCALE.set_axis(["A", "A", "B"])}, "a name and a score_low of its own"),
        ({"fired": pd.DataFrame({"todays_policy": [True, False]})}, "neither score nor todays"),
        ({"segment": pd.Series([1.0, 2.5])}, "segment must be text, or whole numbers"),
    ],
)
def test_a_decision_that_cannot_be_made_is_refused(given, message):
    fired = pd.DataFrame({"age": [True, False]})
    arguments = {"fired": fired, "score": [500, 600], "scale": SCALE, "cutoffs": {"all": 550}}
    with pytest.raises(ValueError, match=message):
        deployment.decide(**(arguments | given))


CHANGEABLE = {"debt": "falls", "on_time": "rises"}


def every_way(applicant, cutoff):
    """The least distance of all ways to reach the cutoff, by trying each; None if none does."""
    found = []
    options = []
    for name, way in CHANGEABLE.items():
        bins, points = CARD.binner_.bins_[name], CARD.points_[name]
        value = applicant[name]
        at = bins.place(value)
        loans = bins.counts[: bins.n_bins].sum(axis=1)
        middle = (loans.cumsum() - loans / 2) / loans.sum()
        ways = [(0, 0.0)]
        if not np.isnan(value) and value not in bins.special_codes:
            for other in range(bins.n_bins):
                if (other < at) if way == "falls" else (other > at):
                    ways.append((points[other] - points[at], abs(middle[other] - middle[at])))
        options.append(ways)
    missing = cutoff - CARD.credit_score(applicant.to_frame().T.infer_objects()).iloc[0]
    for ways in product(*options):
        if sum(gain for gain, _ in ways) >= missing:
            found.append(sum(distance for _, distance in ways))
    return min(found, default=None)


@settings(max_examples=15, deadline=None)
@given(start=st.integers(0, 3_900), above=st.integers(1, 60))
def test_the_change_is_the_least_of_all_that_reach_the_cutoff(start, above):
    X = APPLICANTS.iloc[start : start + 12]
    score = CARD.credit_score(X)
    cutoff = float(score.median() + above)
    changes = deployment.smallest_changes(CARD, X, cutoff, CHANGEABLE)
    told = set(changes.index.get_level_values("row"))
    for row, applicant in X.iterrows():
        least = every_way(applicant, cutoff)
        if score[row] >= cutoff or least is None:
            assert row not in told
            continue
        assert changes.loc[row, "distance"].sum() == pytest.approx(least)
        assert score[row] + changes.loc[row, "points"].sum() >= cutoff


def test_who_changes_as_told_reaches_the_cutoff():
    X = APPLICANTS.head(400)
    cutoff = float(CARD.credit_score(X).quantile(0.6))
    features = [
        Feature(name="debt", label="Debt", family="bureau", unit="CNY", special_codes={-9: "none"}),
        Feature(name="on_time", label="Paid on time", family="payment", unit="fraction"),
    ]
    changes = deployment.smallest_changes(CARD, X, cutoff, CHANGEABLE, features=features)
    moved = X.copy()
    for (row, _), change in changes.iterrows():
        edge = float(change["needed"].replace("below ", "").split(" ")[0].replace(",", ""))
        if change["feature"] == "on_time":
            edge = round(edge / 100, 12)
        falls = change["needed"].startswith("below")
        moved.loc[row, change["feature"]] = np.nextafter(edge, -np.inf) if falls else edge
    rows = changes.index.get_level_values("row").unique()
    assert len(rows) > 30
    assert (CARD.credit_score(moved.loc[rows]) >= cutoff).all()
    assert set(changes["label"]) == {"Debt", "Paid on time"}


def test_nothing_is_told_of_what_nobody_can_change():
    X = APPLICANTS.head(200)
    cutoff = float(CARD.credit_score(X).max())
    assert deployment.smallest_changes(CARD, X, cutoff, {}).empty
    assert deployment.smallest_changes(CARD, X, cutoff, {"height": "rises"}).empty
    unknown = X.assign(debt=-9.0, on_time=NAN)
    assert deployment.smallest_changes(CARD, unknown, cutoff, CHANGEABLE).empty
    with pytest.raises(ValueError, match="only numbers fall or rise"):
        deployment.smallest_changes(CARD, X, cutoff, {"word": "rises"})
    with pytest.raises(ValueError, match="falls or rises"):
        deployment.smallest_changes(CARD, X, cutoff, {"debt": "shrinks"})


def test_the_rule_in_force_is_the_signed_one_else_the_best_else_none():
    scores = pd.DataFrame({"scorecard": [500.0, 600.0], "challenger": [510.0, 590.0]})
    signed = strategy.Decision(
        model="challenger",
        model_sha256="0" * 64,
        cutoffs={"all": 555.0},
        behind_policy=False,
        by="A. Analyst",
        reason="Volume",
        decided_at="2026-11-30T08:00:00+00:00",
        chosen_on="test loans",
    )
    best = ("scorecard", 573.0, True)
    assert deployment.rule_in_force(signed, best, scores) == ("challenger", 555.0, False)
    assert deployment.rule_in_force(None, best, scores) == best
    nobody = deployment.rule_in_force(None, None, scores)
    assert nobody == ("scorecard", 500.0, True)
    assert (scores[nobody.model] >= nobody.cutoff).all()


def test_files_of_the_decision_say_what_is_decided(tmp_path):
    import duckdb

    asked = APPLICANTS.head(500).assign(
        application_id=[f"a{i}" for i in range(500)], approved=np.arange(500) % 3 > 0
    )
    ours = PolicyFile(name="Ours", rules=[rule("word", [one("word", "==", "none")])])
    how = {"cutoffs": {"all": 560.0}, "scale": SCALE}
    written = deployment.save_decision(
        tmp_path,
        policy.condition_table(asked, ours),
        CARD,
        model="scorecard",
        behind_today=True,
        **how,
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "decision_duckdb.sql",
        "decision_postgres.sql",
        "decision_table.csv",
    ]
    again = pd.read_csv(tmp_path / "decision_table.csv", index_col="order")
    assert again.to_numpy().tolist() == written.to_numpy().tolist()
    connection = duckdb.connect()
    connection.register("applications", asked)
    found = connection.sql((tmp_path / "decision_duckdb.sql").read_text()).df()
    connection.close()
    decided = deployment.decide(
        policy.fired(asked, ours), CARD.credit_score(asked), passed_today=asked["approved"], **how
    )
    same(found, decided, asked["application_id"])
    table = deployment.decline_table(decided, {"word": "Word"})
    assert table["applications"].sum() == 500
    assert table.index.tolist() == ["word", "todays_policy", "score", "approved"]


def test_without_rules_the_score_alone_decides(tmp_path):
    asked = APPLICANTS.head(100)
    nothing = pd.DataFrame(index=asked.index)
    decided = deployment.decide(nothing, CARD.credit_score(asked), SCALE, {"all": 560.0})
    assert set(decided["declined_by"].dropna()) == {"score"}
    table = deployment.save_decision(
        tmp_path, None, None, SCALE, {"all": 560.0}, model="challenger"
    )
    assert table["step"].tolist() == ["score", "grade", "grade", "grade"]
    assert 'CAST(asked."credit_score" AS FLOAT8)' in (tmp_path / "decision_duckdb.sql").read_text()


def test_changes_are_counted_and_told():
    X = APPLICANTS.head(400)
    cutoff = float(CARD.credit_score(X).quantile(0.6))
    changes = deployment.smallest_changes(CARD, X, cutoff, CHANGEABLE)
    table = deployment.changes_table(changes)
    assert table["applications"].sum() == len(changes)
    assert table["applications"].is_monotonic_decreasing
    n_below = int((CARD.credit_score(X) < cutoff).sum())
    n = changes.index.get_level_values("row").nunique()
    text = deployment.changes_text(changes, n_below)
    assert f"Of {n_below:,} whom the score declines, {n:,}" in text
    assert f"The other {n_below - n:,} would not" in text
    assert "declines nobody" in deployment.changes_text(changes.iloc[:0], 0)

"""The rating scale: grades that rise, that differ, that keep their order on the book."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit import metrics, rating, synthetic

LEVELS = np.array([500, 520, 540, 560, 580, 600, 620])
RATES = np.array([0.30, 0.18, 0.10, 0.06, 0.035, 0.02, 0.01])


def loans(n=2_000, seed=3, rates=RATES):
    """As many loans at each score, whose bad rates fall with it."""
    rng = np.random.default_rng(seed)
    score = np.repeat(LEVELS, n)
    return score, (rng.random(len(score)) < np.repeat(rates, n)).astype(float)


def test_a_scale_parts_what_differs_into_five_letters_and_finer():
    score, y = loans()
    scale = rating.rating_scale(score, y, n_grades=7)
    # of all ways to part seven grades into five letters, the one that tells the most
    good, bad = (scale["n"] - scale["bad"]).to_numpy(), scale["bad"].to_numpy()

    def worth(starts):
        g, b = (np.add.reduceat(part, [0, *starts]) for part in (good, bad))
        g, b = g / g.sum(), b / b.sum()
        return ((g - b) * np.log(g / b)).sum()

    best = max(combinations(range(1, 7), 4), key=worth)
    assert np.flatnonzero(scale["letter"] != scale["letter"].shift())[1:].tolist() == list(best)
    assert scale.index.str[0].tolist() == scale["letter"].tolist()
    assert scale["score_low"].tolist() == [620, 600, 580, 560, 540, 520, -np.inf]
    assert scale["n"].tolist() == [2_000] * 7
    np.testing.assert_allclose(scale["probability"], RATES[::-1], rtol=0.35)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(30, 400),
    n_grades=st.integers(1, 12),
    share=st.sampled_from([0.02, 0.1, 0.3]),
)
def test_whatever_the_loans_probabilities_rise_and_no_grade_is_small(seed, n, n_grades, share):
    rng = np.random.default_rng(seed)
    score = np.rint(rng.normal(560, 30, n * 5))
    y = (rng.random(n * 5) < 1 / (1 + np.exp((score - 500) / 20))).astype(float)
    scale = rating.rating_scale(score, y, n_grades=n_grades, min_share=share)
    assert 1 <= len(scale) <= n_grades
    assert (np.diff(scale["bad_rate"]) > 0).all()
    assert (np.diff(scale["probability"]) >= 0).all()
    assert len(scale) == 1 or scale["share"].min() >= share - 1e-12
    assert scale["n"].sum() == len(score)
    assert scale["bad"].sum() == y.sum()
    # letters follow each other and never come back
    assert scale["letter"].is_monotonic_increasing
    assert scale["letter"].iloc[0] == "A"
    assert scale.index.is_unique
    # bands join without a gap, the ends open
    assert scale["score_high"].tolist() == [np.inf, *scale["score_low"].tolist()[:-1]]
    assert scale["score_low"].iloc[-1] == -np.inf


def test_noise_makes_one_grade():
    rng = np.random.default_rng(1)
    scale = rating.rating_scale(rng.integers(500, 600, 3_000), rng.random(3_000) < 0.05)
    assert len(scale) <= 2


def test_nobody_bad_is_one_grade_at_the_floor():
    scale = rating.rating_scale([500, 550, 600], [0, 0, 0])
    assert scale.index.tolist() == ["A1"]
    assert scale["probability"].tolist() == [0.0005]


def test_unknown_outcomes_choose_nothing():
    score, y = loans(300)
    more = rating.rating_scale(np.append(score, [510] * 500), np.append(y, [np.nan] * 500))
    pd.testing.assert_frame_equal(more, rating.rating_scale(score, y))


def test_periods_that_change_places_are_not_told_apart():
    score, y = loans(1_500, rates=np.array([0.2, 0.2, 0.05, 0.05, 0.05, 0.05, 0.05]))
    period = np.tile([0, 1], len(score) // 2)
    at = (score == 500) | (score == 520)
    swapped = at & (period == 1)
    # in the second period the riskiest score pays, and its neighbour does not
    y[swapped & (score == 500)] = 0
    y[swapped & (score == 520)] = np.tile([1, 0], (swapped & (score == 520)).sum() // 2)
    free = rating.rating_scale(score, y)
    held = rating.rating_scale(score, y, periods=period)
    assert len(held) < len(free) or 520 not in held["score_low"].tolist()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"score": [1, 2], "y": [np.nan, np.nan]}, "needs loans of known outcome"),
        ({"score": [1, np.nan], "y": [0, 1]}, "score"),
        ({"score": [1, 2], "y": [0, 1], "floor": 1.0}, "floor must lie in"),
        ({"score": [1, 2], "y": [0, 1], "n_grades": 0}, "n_grades"),
        ({"score": [1, 2, 3], "y": [0, 1]}, "y"),
    ],
)
def test_a_scale_of_nothing_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        rating.rating_scale(**given)


def test_a_scale_beside_other_loans_finds_a_grade_that_is_wrong():
    score, y = loans()
    scale = rating.rating_scale(score, y)
    other, worse = loans(seed=4, rates=np.where(LEVELS == 580, 0.10, RATES))
    judged = rating.judge_scale(scale, metrics.score_counts(other, worse))
    wrong = rating.grade_of([580], scale)[0]
    assert judged.loc[wrong, ["light", "side"]].tolist() == ["red", "understated"]
    assert judged.drop(wrong)["light"].isin(["green", "amber"]).all()
    assert judged["applications"].sum() == len(other)
    assert wrong in rating.rating_text(judged, no_pairs(), n_asked=10)
    assert ("Rating scale", True) in {
        (t, red) for t, _, red in rating.rating_findings(judged, no_pairs())
    }


def no_pairs():
    return rating.crossing_table(pd.DataFrame(), pd.DataFrame(index=["A1"]))


def outcomes(grades, bad_months, n=100, cohort="2023-01-01"):
    """Loans of each grade, of which some default in each of the months given."""
    rows = []
    for grade, months in zip(grades, bad_months, strict=True):
        ends = [*months, *[12] * (n - len(months))]
        events = ["default"] * len(months) + ["matured"] * (n - len(months))
        rows += [
            {
                "loan_id": f"{grade}{i:03d}",
                "cohort": cohort,
                "amount": 100,
                "event": e,
                "event_mob": m,
            }
            for i, (m, e) in enumerate(zip(ends, events, strict=True))
        ]
    table = pd.DataFrame(rows).assign(cohort=lambda t: pd.to_datetime(t["cohort"]))
    return table, table.set_index("loan_id").index.str[:2].to_series(table["loan_id"].tolist())


def bands(*bad):
    """A scale of so many bads of a hundred loans a grade, by hand."""
    y = np.concatenate([np.arange(100) < b for b in bad]).astype(float)
    score = np.repeat(600 - 20 * np.arange(len(bad)), 100)
    return rating.rating_scale(score, y, min_share=0.1)


def test_months_in_which_curves_cross_are_counted_by_hand():
    # safer: 12 bads in month 4; riskier: 6 in month 4, 12 more in month 8
    book, grades = outcomes(["A1", "B1"], [[4] * 12, [4] * 6 + [8] * 12])
    scale = pd.DataFrame(index=pd.Index(["A1", "B1"], name="grade"))
    table = rating.crossing_table(rating.grade_counts(book, grades), scale)
    pair = table.loc[("A1", "B1")]
    # months 4 to 12 are compared, and 4 to 7 are the wrong way round
    assert pair[["loans", "bad", "months", "crossed"]].tolist() == [200, 30, 9, 4]
    assert pair["crossed_rate"] == pytest.approx(4 / 9)
    assert pair[["safer_rate", "riskier_rate"]].tolist() == pytest.approx([0.12, 0.18])
    assert pair["is_crossing"]
    allowed = rating.crossing_table(rating.grade_counts(book, grades), scale, max_crossed_rate=0.5)
    assert not allowed["is_crossing"].any()


def test_curves_that_touch_do_not_cross():
    book, grades = outcomes(["A1", "B1"], [[4] * 12, [4] * 12 + [8] * 6])
    scale = pd.DataFrame(index=pd.Index(["A1", "B1"], name="grade"))
    assert rating.crossing_table(rating.grade_counts(book, grades), scale)["crossed"].tolist() == [
        0
    ]


def test_grades_that_cross_become_one_and_the_rest_stays():
    scale = bands(6, 25, 60)
    assert scale.index.tolist() == ["A1", "B1", "C1"]
    book, grades = outcomes(scale.index, [[4] * 14, [5] * 10, [4] * 60])
    counts = rating.grade_counts(book, grades)
    found = rating.without_crossings(scale, counts)
    assert found.index.tolist() == ["A1", "B1"]
    assert found["score_low"].tolist() == [580, -np.inf]
    assert found["bad"].tolist() == [31, 60]
    assert found["probability"].tolist() == pytest.approx([0.155, 0.6])
    straight, of_grade = outcomes(scale.index, [[4] * 6, [4] * 25, [4] * 60])
    pd.testing.assert_frame_equal(
        rating.without_crossings(scale, rating.grade_counts(straight, of_grade)), scale
    )


def test_too_few_bads_say_nothing_of_the_order():
    scale = bands(6, 25)
    book, grades = outcomes(scale.index, [[4] * 3, [5] * 2])
    table = rating.crossing_table(rating.grade_counts(book, grades), scale)
    assert not table["is_crossing"].any()
    assert table["crossed_rate"].iloc[0] > 0.1
    text = rating.rating_text(rating.judge_scale(scale, counts_of(scale)), table, n_asked=2)
    assert "too few to say" in text


def counts_of(scale):
    return metrics.score_counts([600] * 100 + [580] * 100, [1] * 6 + [0] * 94 + [1] * 25 + [0] * 75)


def test_a_grade_nobody_was_lent_to_cannot_be_compared():
    scale = bands(6, 25, 60)
    book, grades = outcomes(["A1", "C1"], [[4] * 5, [4] * 50])
    table = rating.crossing_table(rating.grade_counts(book, grades), scale)
    assert table["months"].tolist() == [0, 0]
    assert not table["is_crossing"].any()
    nothing = rating.grade_counts(book, grades.iloc[:0])
    assert rating.crossing_table(nothing, scale)["months"].tolist() == [0, 0]


def test_counts_of_a_table_in_blocks_are_those_of_the_whole(tmp_path):
    from riskkit import schema
    from riskkit.tables import Table

    book = synthetic.simulate(synthetic.Lender(n_months=18), 1_500, seed=2).performance
    loans_of = book["loan_id"].unique()
    grades = pd.Series(np.where(np.arange(len(loans_of)) % 3 == 0, "A1", "B1"), loans_of)
    schema.write_table(book, tmp_path / "performance.parquet")
    of_blocks = rating.grade_counts(Table(tmp_path / "performance.parquet"), grades)
    pd.testing.assert_frame_equal(of_blocks, rating.grade_counts(book, grades))


def test_a_scale_is_settled_on_the_book_and_its_curves_drawn():
    scale = bands(6, 25, 60)
    book, grades = outcomes(scale.index, [[4] * 14, [5] * 10, [4] * 60])
    score = grades.map({"A1": 600.0, "B1": 580.0, "C1": 560.0}).astype(float)
    settled, counts = rating.settle_scale(scale, book, score)
    assert settled.index.tolist() == ["A1", "B1"]
    curves = rating.grade_curves(counts)
    assert curves.index.tolist() == ["A1", "B1"]
    assert curves[12].tolist() == pytest.approx([24 / 200, 0.6])
    assert not rating.crossing_table(counts, settled)["is_crossing"].any()
    nobody, nothing = rating.settle_scale(scale, book, score.iloc[:0])
    assert nobody is scale
    assert nothing.empty


def test_on_the_synthetic_lender_the_truth_rises_with_the_grade():
    portfolio = synthetic.simulate(synthetic.Lender(), 12_000, seed=4)
    asked = portfolio.applications
    # a score that knows a good part of the truth
    rng = np.random.default_rng(0)
    odds = portfolio.truth["true_pd_12m"].clip(1e-5, 1 - 1e-5)
    score = np.rint(480 - 29 * (np.log(odds / (1 - odds)) + rng.normal(0, 0.7, len(odds))))
    known = asked["default_flag"].notna()
    scale = rating.rating_scale(score[known], asked["default_flag"][known])
    assert len(scale) >= 5
    grade = rating.grade_of(score, scale)
    truth = portfolio.truth["true_pd_12m"].groupby(grade, observed=False).mean()
    assert (np.diff(truth) > 0).all()
    # of those booked: the declined of a score are worse, and nobody saw them
    booked = portfolio.truth["true_pd_12m"][known].groupby(grade[known], observed=False).mean()
    inside = (booked >= scale["bad_rate_low"] * 0.85) & (booked <= scale["bad_rate_high"] * 1.15)
    assert inside.all()

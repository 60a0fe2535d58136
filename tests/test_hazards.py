"""Cumulative incidence: published figures, closed forms, and recounts with fractions."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_panels import odd_panels, recounted_risk
from scipy.stats import beta

from riskkit import hazards, synthetic, vintage
from riskkit.hazards.incidence import _incidences

CAUSES = ("default", "prepaid", "matured")
COLUMNS = {"default": "events", "prepaid": "prepaid", "matured": "matured"}


def outcomes_of(events):
    """Outcomes of one cohort from (event, month) per loan."""
    frame = pd.DataFrame(events, columns=["event", "event_mob"])
    frame["loan_id"] = [f"L{i}" for i in range(len(frame))]
    return frame.assign(cohort=pd.Timestamp("2024-01-01"), amount=100)


def test_one_cause_is_kaplan_meier_with_greenwoods_error():
    # remission of 21 patients under 6-MP, Freireich et al. (1963); survival and Greenwood error as
    # printed in Klein, Moeschberger (2003), Survival Analysis, table 4.1B
    relapsed = [6, 6, 6, 7, 10, 13, 16, 22, 23]
    censored = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    table = hazards.incidence_table(
        outcomes_of([("default", t) for t in relapsed] + [("censored", t) for t in censored])
    )

    at = [6, 7, 10, 13, 16, 22, 23]
    printed = [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    errors = [0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346]
    assert (1 - table["default_rate"])[at].round(3).tolist() == printed
    assert table["default_error"][at].round(4).tolist() == errors
    assert table["at_risk"][at].tolist() == [21, 17, 15, 12, 11, 7, 6]


def test_loans_all_followed_have_the_errors_and_intervals_of_plain_shares():
    plan = {("default", 2): 7, ("default", 5): 4, ("prepaid", 1): 12, ("prepaid", 3): 5}
    plan |= {("matured", 6): 22}
    outcomes = outcomes_of([key for key, n in plan.items() for _ in range(n)])

    table = hazards.incidence_table(outcomes)

    for cause in CAUSES:
        seen = np.array([sum(n for (e, t), n in plan.items() if e == cause and t <= m)
                         for m in range(7)])  # fmt: skip
        share = seen / 50
        np.testing.assert_allclose(table[f"{cause}_rate"], share, atol=1e-12)
        np.testing.assert_allclose(table[f"{cause}_error"], np.sqrt(share * (1 - share) / 50))
        np.testing.assert_allclose(
            table[f"{cause}_low"], np.where(seen, beta.ppf(0.025, seen + 0.5, 50.5 - seen), 0)
        )
        np.testing.assert_allclose(table[f"{cause}_high"], beta.ppf(0.975, seen + 0.5, 50.5 - seen))


def by_fractions(risk):
    """Cumulative incidences from (at risk, default, prepaid, matured, …) by month, exactly."""
    still, sums, rows = Fraction(1), [Fraction(0)] * 3, []
    for at_risk, *ended in risk.tolist():
        if not at_risk:
            still, sums = None, [None] * 3
        if still is not None:
            sums = [s + still * Fraction(d, at_risk) for s, d in zip(sums, ended[:3], strict=True)]
            still *= 1 - Fraction(sum(ended[:3]), at_risk)
        rows.append([*sums, still])
    return rows


@settings(max_examples=25, deadline=None)
@given(odd_panels(), st.sampled_from([30, 90, "loss"]), st.sampled_from(["censored", "event"]))
def test_incidences_are_those_of_a_loop_over_loans_and_sum_to_one(panel, n, vanished):
    counts = vintage.cohort_counts(panel, dpd=(30, 90, "loss"))

    table = hazards.incidence_table(counts, dpd=n, vanished=vanished)

    risk = recounted_risk(panel, n, vanished)
    expected = [[np.nan if x is None else float(x) for x in row] for row in by_fractions(risk)]
    names = [*(f"{cause}_rate" for cause in CAUSES), "open_rate"]
    np.testing.assert_allclose(
        table[names], np.reshape(expected[: len(table)], (-1, 4)), atol=1e-12
    )
    sums = table[names].sum(axis=1, skipna=False).dropna()
    np.testing.assert_allclose(sums, 1)
    hazard = hazards.hazard_table(counts, dpd=n, vanished=vanished)
    np.testing.assert_allclose(table["default_rate"], hazard["cumulative_incidence"], atol=1e-12)
    naive = 1 - hazard["survival"]
    assert (table["default_rate"].fillna(0) <= naive.fillna(1) + 1e-12).all()
    for cause in CAUSES:
        known = table.dropna()
        assert (known[f"{cause}_low"] <= known[f"{cause}_rate"] + 1e-9).all()
        assert (known[f"{cause}_rate"] <= known[f"{cause}_high"] + 1e-9).all()


def test_the_error_is_the_delta_methods_by_finite_differences():
    rng = np.random.default_rng(0)
    at_risk, risk = 60, []
    for _ in range(6):
        at_risk += int(rng.integers(0, 9))  # late entrants
        ended = rng.multinomial(at_risk, [0.06, 0.09, 0.03, 0.82])[:3]
        lost = int(rng.integers(0, 4))
        risk.append((at_risk, *ended))
        at_risk -= int(ended.sum()) + lost
    pooled = pd.DataFrame(risk, columns=["at_risk", "events", "prepaid", "matured"])

    def share(rates):
        still, total = 1.0, 0.0
        for month in rates.reshape(-1, 3):
            total += still * month[0]
            still *= 1 - month.sum()
        return total

    table = _incidences(pooled.rename_axis("mob"), 0.95)
    rates = pooled[["events", "prepaid", "matured"]].to_numpy() / pooled[["at_risk"]].to_numpy()
    flat, step = rates.ravel(), 1e-6
    slopes = np.array([(share(flat + step * e) - share(flat - step * e)) / (2 * step)
                       for e in np.eye(len(flat))]).reshape(-1, 3)  # fmt: skip
    variance = sum(
        slope @ (np.diag(p) - np.outer(p, p)) @ slope / n
        for slope, p, n in zip(slopes, rates, pooled["at_risk"], strict=True)
    )
    assert table["default_error"].iloc[-1] == pytest.approx(np.sqrt(variance), rel=1e-6)


def test_intervals_hold_the_truth_as_often_as_they_say():
    rng, inside = np.random.default_rng(1), []
    truth = 0.01 * sum(0.94**m for m in range(6))
    for _ in range(300):
        at_risk, rows = 300, []
        for _ in range(6):
            default, prepaid, lost, stay = rng.multinomial(at_risk, [0.01, 0.05, 0.05, 0.89])
            # lost loans leave after the month in which they could have defaulted
            more = rng.multinomial(lost, [0.01, 0.05, 0.94])
            rows.append((at_risk, default + more[0], prepaid + more[1], 0))
            at_risk = stay
        pooled = pd.DataFrame(rows, columns=["at_risk", "events", "prepaid", "matured"])
        row = _incidences(pooled.rename_axis("mob"), 0.95).iloc[-1]
        inside.append(row["default_low"] <= truth <= row["default_high"])
    assert 0.92 <= np.mean(inside) <= 0.98


def test_months_in_which_nobody_was_at_risk_leave_the_incidence_unknown():
    panel = pd.DataFrame(
        {
            "loan_id": ["a", "b", "b", "b"], "cohort": pd.Timestamp("2024-01-01"),
            "mob": [0, 3, 4, 5], "dpd": [0, 0, 0, 95],
            "status": ["matured", "current", "current", "delinquent"],
        }
    )  # fmt: skip
    hazard = hazards.hazard_table(panel)
    assert hazard["at_risk"].tolist() == [1, 0, 0, 0, 1, 1]
    np.testing.assert_array_equal(hazard["hazard"], [0, np.nan, np.nan, np.nan, 0, 1])
    table = hazards.incidence_table(panel)
    assert table["default_rate"].notna().tolist() == [True] + [False] * 5
    assert table["default_high"].notna().tolist() == [True] + [False] * 5
    only_late = hazards.incidence_table(panel[panel["loan_id"] == "b"])
    assert "no incidence to tell" in hazards.incidence_text(only_late)


def test_no_default_has_an_interval_of_the_loans_followed():
    table = hazards.incidence_table(outcomes_of([("prepaid", 1)] * 10 + [("matured", 3)] * 30))
    assert table["default_rate"].tolist() == [0] * 4
    np.testing.assert_allclose(table["default_high"], beta.ppf(0.975, 0.5, 40.5))


def test_each_ends_part_in_what_kaplan_meier_says_too_much():
    """Half of those at risk default late; before, as many are prepaid in month 1, mature in 2."""
    rows = [("default", 3)] * 30 + [("matured", 3)] * 30 + [("prepaid", 1)] * 60
    rows += [("matured", 2)] * 120
    table = hazards.incidence_table(outcomes_of(rows))
    # a quarter was prepaid, of the rest two thirds have matured
    assert table["default_rate"].iloc[-1] == pytest.approx(30 / 240)
    told = hazards.incidence_text(table)
    # all censored: half; prepayment alone: of 180 left, 30
    assert "would say 50.00%" in told
    assert f"{100 * (30 / 180 - 30 / 240):+.2f} percentage points since the prepaid" in told
    assert f"{100 * (0.5 - 30 / 180):+.2f} since it lets the matured go on" in told


def test_counts_by_a_column_and_none_at_all():
    outcomes = outcomes_of([("default", 2), ("prepaid", 1), ("matured", 3), ("censored", 2)])
    by = hazards.incidence_table(
        vintage.cohort_counts(outcomes.assign(kind=["x", "x", "y", "y"]), by="kind")
    )
    assert by.index.names == ["kind", "mob"]
    own = hazards.incidence_table(outcomes.iloc[2:])
    pd.testing.assert_frame_equal(by.loc["y"], own)
    assert hazards.incidence_table(outcomes.iloc[:0]).empty
    with pytest.raises(ValueError, match="vanished must be"):
        hazards.incidence_table(outcomes, vanished="lost")


def test_vanished_loans_are_told_with_both_shares():
    rows = [(f"L{i}", m, 0, "current") for i in range(40) for m in range(4)]
    rows += [("M", m, 20 * m, "current") for m in range(3)]
    panel = pd.DataFrame(rows, columns=["loan_id", "mob", "dpd", "status"])
    panel["cohort"] = pd.Timestamp("2024-01-01")
    tables = [hazards.incidence_table(panel, vanished=v) for v in ("censored", "event")]
    told = hazards.incidence_text(*tables)
    assert "**1 loan vanished past due**: taken for a default in the month after" in told
    assert f"the share is {1 / 41:.2%}" in told
    assert "No loan vanished past due." in hazards.incidence_text(tables[0], tables[0])


def test_incidence_of_the_synthetic_lender_meets_the_truth(portfolio):
    # of cohorts seen for all of their defaults, nobody is censored, and the truth is known
    panel = portfolio.performance
    last = panel["month_end"].max().to_period("M")
    cohort = panel.groupby("loan_id")["cohort"].first().dt.to_period("M")
    ripe = cohort.index[cohort + 16 <= last]
    table = hazards.incidence_table(panel[panel["loan_id"].isin(ripe)]).loc[5:16]
    true = synthetic.true_curves(portfolio.truth, pd.Series("all", index=ripe)).loc["all"]
    assert len(ripe) > 1000
    assert len(table) >= 8
    # three errors: the months of one book rise and fall together
    off = (table["default_rate"] - true[table.index]).abs()
    assert (off < 3 * table["default_error"]).all()

"""The whole decision in words: what it brings, costs, and whose each part is."""

import numpy as np
import pandas as pd
import pytest
from scored_loans import scored_loans

from riskkit import replay
from riskkit.schema import Feature, PolicyFile

SCORES, LOANS, _ = scored_loans()
TODAY = LOANS["approved"]
BARE = TODAY & (SCORES["sharp"] >= 560)
SCALE = pd.DataFrame(
    {"score_low": [600.0, 550.0, 500.0, -np.inf], "score_high": [np.inf, 600.0, 550.0, 500.0]},
    index=pd.Index(["A1", "B1", "C1", "D1"], name="grade"),
)
OWNERS = {"Policy rules": "Head <of> policy", "Cutoff": "Head of credit", "Economics": "CFO"}


def swapped(new, **rivals):
    return replay.swaps_against({"today's policy": TODAY, **rivals}, new, LOANS)


def told(table, **more):
    words = {"policy": "2 rules, then the cutoff", "cutoff": 560.0, "currency": "CNY"}
    return replay.whole_decision_text(table, SCALE, **words | more)


def test_figures_of_the_whole_decision_are_those_of_its_loans():
    rng = np.random.default_rng(1)
    new = BARE & (rng.random(len(LOANS)) > 0.1)
    table = swapped(new, **{replay.WITHOUT_RULES: BARE})
    cost = replay.cost_of_declining(TODAY, new, LOANS)
    flag = LOANS["default_flag"]
    out = TODAY & ~new
    assert cost["applications"] == out.sum()
    assert cost["good"] == (out & (flag == 0)).sum()
    assert cost["lent_amount"] == pytest.approx(LOANS["amount"][out & flag.notna()].sum() / 100)
    margin = LOANS["margin_fen"][out & (flag == 0)].sum() / 100
    assert cost["margin_amount"] == pytest.approx(margin)
    text = told(table, cost=cost, luck_amount=1_234.4, owners=OWNERS, assumed=" on paper")
    assert f"It approves {new.mean():.1%} of {len(LOANS):,} applications" in text
    assert f"today's policy {TODAY.mean():.1%}" in text
    assert f"{flag[new].mean():.2%} (" in text
    assert f"{cost['good']:,} good loans, their margin of {margin:,.0f} CNY" in text
    gain = replay.swap_gain(table.loc["today's policy"])
    assert f"brings, on the loans seen, {gain['difference']:+,.0f} CNY" in text
    assert "about 1,234 CNY of it are luck" in text
    assert "on paper." in text
    rules = replay.swap_gain(table.loc[replay.WITHOUT_RULES])
    assert f"The rules' own part of that: they decline {(BARE & ~new).sum():,}" in text
    assert f"{rules['difference']:+,.0f} CNY" in text
    assert ("not for profit" in text) == (not rules["low"] > 0)
    assert "the rules: Head \\<of\\> policy; the cutoff: Head of credit; the economics: CFO" in (
        text
    )
    assert "the grades:" not in text  # nobody owns them here
    about = {"cost": cost, "mark": ", x", "period": "in May"}
    figures = replay.whole_decision_figures(table, "2 rules, then the cutoff", "CNY", **about)
    assert figures["Whole decision"].startswith("2 rules, then the cutoff: approves ")
    assert list(figures)[1:] == [
        "What it brings against today's policy, on the loans seen, x",
        "What it costs",
        "Of that the rules, x",
    ]
    assert figures["Of that the rules, x"].startswith(f"{rules['difference']:+,.0f} CNY")
    assert figures[next(name for name in figures if "brings" in name)].endswith("; in May")
    assert f"{cost['good']:,} good loans, their margin" in figures["What it costs"]


@pytest.mark.parametrize(
    ("cutoff", "says"),
    [
        (560, "A1 and B1; C1 and D1 lie below the cutoff; the cutoff runs through B1."),
        (550, "A1 and B1; C1 and D1 lie below the cutoff."),
        (500, "A1, B1 and C1; D1 lies below the cutoff."),
        (600, "A1; B1, C1 and D1 lie below the cutoff."),
        (400, "A1, B1, C1 and D1; the cutoff runs through D1."),
    ],
)
def test_grades_below_the_cutoff_are_named(cutoff, says):
    assert f"Lent to are the grades {says}" in told(swapped(BARE), cutoff=cutoff)


def test_what_chance_or_too_few_loans_leave_open_is_said():
    same = told(swapped(TODAY))
    assert "too few to say, 0 loans of known outcome change places." in same
    assert "beyond" not in same
    assert "The rules" not in same
    few = TODAY.copy()
    few[np.flatnonzero(LOANS["default_flag"] == 1)[:40]] = False
    assert "more than chance gives" in told(swapped(few))
    low = replay.swap_gain(swapped(few).loc["today's policy"])["low"]
    assert "more than chance gives" in told(swapped(few), luck_amount=low - 1)
    assert "the luck of the choice may explain" in told(swapped(few), luck_amount=low + 1)
    good = TODAY.copy()
    good[np.flatnonzero(LOANS["default_flag"] == 0)[:40]] = False
    table = swapped(good, **{replay.WITHOUT_RULES: TODAY})
    assert "a loss beyond chance" in told(table)
    assert "the rules" not in told(swapped(good), owners=OWNERS)


def test_rules_that_read_a_protected_attribute_are_named():
    one = {"operator": ">", "value": 55}
    rules = PolicyFile.model_validate(
        {
            "name": "Ours",
            "rules": [
                {
                    "name": name,
                    "label": f"By {name}",
                    "step": "rules",
                    "all": [one | {"column": name}],
                }
                for name in ("age", "debt")
            ],
        }
    )
    features = [
        Feature(name="age", label="Age", family="person", protected=True),
        Feature(name="debt", label="Debt", family="bureau"),
    ]
    text = told(swapped(BARE), rules=rules, features=features)
    assert "**Declined by a protected attribute** is who meets: By age." in text
    assert "protected" not in told(swapped(BARE), rules=rules, features=features[1:])


def test_whom_nobody_has_seen_is_told():
    wide = SCORES["sharp"] >= 560
    unseen = (wide & ~TODAY).sum()
    assert f"Of those it lets in {unseen:,} have no known outcome" in told(swapped(wide))
    everybody = replay.swaps_against({"the cutoff alone": wide}, BARE, LOANS)
    cost = replay.cost_of_declining(TODAY | True, BARE, LOANS)
    text = told(everybody, cost=cost)
    assert "costs" not in text  # as nothing is told of what it brings
    assert "No cutoff of the score" not in text
    assert "No cutoff of the score is part of it" in told(everybody, is_advised=False)
    assert "today's policy" not in text
    assert "brings" not in str(replay.whole_decision_figures(everybody, "x", "CNY", cost=cost))

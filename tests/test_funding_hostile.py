"""Funding on sources and files that do not fit: told in a sentence or refused by name."""

from __future__ import annotations

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from notebook_cells import run_notebooks
from open_loan_pools import pool, simple_moves
from thin_sources import thin_source

from riskkit import funding, provisions, risk_sharing, runoff, schema
from riskkit.checks import DataContractError
from riskkit.funding import pool_courses
from riskkit.funding.deal_outcome import ALL_PATHS
from riskkit.funding.growth_words import _what_happened
from riskkit.funding.loan_tape import SEGMENTS
from riskkit.funding.stress_table import ALL, BASE, CLIMATE
from riskkit.risk_sharing import arrangements
from riskkit.runoff.simulated_cash import simulated_cash
from riskkit.schema import funding_file

DAY = pd.Timestamp("2024-02-29")
HOSTILE = """
climate: {sd: 0.25, persistence: 0.9}
tiers:
  a|`*<b>${x} 🏦: {horizon_days: 30, held: 5 %}
  Vault: {horizon_days: 365, held: 5 %}
lines:
  a|`*<b>${x} 🏦: {drawn: 40 %, limit: 55 %, rate: 0.05, notice_days: 90}
  Ended: {drawn: 10 %, limit: 10 %, rate: 0.05, notice_days: 30, until: 2020-01-01}
stress:
  Ended line: {exits: [Ended]}
  Ring: {segment: {partner: dune}, logit: 1}
  a|`*<b>${x} 🏦: {exits: ["a|`*<b>${x} 🏦"], prepay_logit: 1, logit: 0.5}
sharing:
  Merchants' bank: {kind: pro_rata, share: 0.7, segment: {scenario: phones}, fee_rate: 0.02}
  a|`*<b>${x} 🏦: {kind: capped_guarantee, cover_rate: 0.05, premium_rate: 0.02, limit: 0 %}
deal:
  eligibility: {most_dpd: 0, no_treatment: true}
  size: 30 %
  concentration: {region: 0.2}
  tranches: {"a|`*<b>${x} 🏦": {share: 0.5, rate: 0.05}, Junior: {share: 0.2, rate: 0.09}}
  revolving_months: 1
"""


def read(folder, text):
    path = folder / "funding.yaml"
    path.write_text(text, encoding="utf-8")
    return schema.read_funding(path)


def own_file(monkeypatch, tmp_path, text):
    """Every notebook reads this file of funding, whatever the project's says."""
    file = read(tmp_path, text)
    monkeypatch.setattr(schema, "read_funding", lambda path: file)


def words_of(text):
    return " ".join(re.sub(r"<style.*?</style>|<[^>]+>", " ", text, flags=re.DOTALL).split())


def priced(source):
    return replace(source, applications=source.applications.assign(offer_apr=0.2))


# -- the page --------------------------------------------------------------------------------------


def test_a_file_of_columns_that_the_source_lacks_is_told_and_ends_no_night(monkeypatch, tmp_path):
    own_file(monkeypatch, tmp_path, HOSTILE)
    # a path in a hundred is all that a hundred paths can say
    monkeypatch.setattr(runoff.ClimateFactor, "paths", _few_paths)
    source = priced(thin_source("hostile", n=300, watched_months=2, channels=()))
    text = run_notebooks(source, tmp_path, monkeypatch, "18")[8]
    words = words_of(text)
    assert "Merchants' bank shares nothing: the loans have no column scenario." in words
    assert "segment: the loans have no column 'partner'" in words
    assert "🏦 (line)" in words
    assert "🏦 (tranche)" in words
    assert "## Conclusion" in words
    assert not re.search(r"\b(nan|NaT|inf)\b", words)


_paths = runoff.ClimateFactor.paths


def _few_paths(self, n_paths, n_months, seed):
    return _paths(self, min(n_paths, 120), n_months, seed)


def test_where_no_cash_can_be_followed_the_page_says_why(monkeypatch, tmp_path):
    source = priced(thin_source("over", n=200, watched_months=24))
    words = words_of(run_notebooks(source, tmp_path, monkeypatch, "18")[8])
    why = "No cash can be followed ahead:** no loan still has to pay, and none was lent in the last"
    assert f"{why} 3 months." in words
    assert "*Skipped: no cash can be followed ahead; 08_provisions_funding says why.*" in words
    assert "There is nothing to set aside" in words


# -- what is lacking -------------------------------------------------------------------------------


def _known(lgd=0.6):
    at = pd.Series({"loans": 4, "lgd": lgd, "lgd_low": np.nan, "lgd_high": np.nan})
    return SimpleNamespace(lgd=SimpleNamespace(at_default=at))


def _asked(*days, booked=True):
    days = pd.to_datetime(list(days))
    return pd.DataFrame({"applied_at": days, "booked": booked})


def _book(state=(0,), balance=(900,)):
    return pd.DataFrame({"state": state, "balance": balance})


@pytest.mark.parametrize(
    ("book", "asked", "lgd", "told"),
    [
        (_book(), _asked("2024-01-03"), 0.6, ""),
        # a book of defaults alone, but lending goes on
        (_book((4,)), _asked("2024-02-03"), 0.6, ""),
        (_book(), _asked("2024-01-03"), np.nan, "no default of the past says what one loses"),
        (_book((4,)), _asked("2023-11-30"), 0.6, "none was lent in the last 3 months"),
        (_book((0,), (0,)), _asked("2024-01-03", booked=False), 0.6, "no loan still has to pay"),
        (_book(), _asked("2024-02-17"), 0.6, "needs 14 days behind, and 13 are known"),
        (_book(), _asked("2024-02-16"), 0.6, ""),
        (_book(), _asked("2024-03-01"), 0.6, "needs 14 days behind, and 0 are known"),
    ],
)
def test_what_cash_ahead_needs(book, asked, lgd, told):
    text = runoff.nothing_ahead_text(book, asked, _known(lgd), DAY, lookback_months=3)
    assert (text == "") == (told == "")
    assert told in text


def test_defaults_that_nobody_watched_say_nothing_of_what_one_loses():
    text = provisions.lgd_text(_known(np.nan).lgd)
    assert "4 loans have been in default" in text
    assert "**not known**" in text
    assert "nan" not in text


def test_one_month_before_last_month_is_no_month_to_compare_with():
    first, last = pd.Timestamp("2024-01-31"), DAY
    panel = pd.DataFrame({"loan_id": ["a", "a", "b"], "month_end": [first, last, last]})
    kinds = pd.DataFrame({"kind": "x", "band": ""}, index=pd.Index(["a", "b"], name="loan_id"))
    none = pd.DataFrame()
    table = provisions.month_movement(panel, none, none, none, kinds)
    assert table.empty


def test_where_nothing_ever_came_in_a_factor_invents_no_recovery():
    given = {"recovered_rate": np.zeros((1, 4)), "recovery_lags": np.zeros(0)}
    loans = pool([[900, 600, 300, 0]], [[0, 330, 650, 960]], 4, **given)
    cash = simulated_cash(loans, simple_moves(), np.full((70, 4), 3.0), DAY, seed=1, lgd_factor=0.5)
    assert cash.amounts["default_amount"].sum() > 0
    assert np.array_equal(cash.amounts["loss_amount"], cash.amounts["default_amount"])


# -- files -----------------------------------------------------------------------------------------


def test_names_of_rows_are_taken_and_segments_of_a_deal_are_known(tmp_path):
    of_courses = {BASE, ALL, CLIMATE, ALL_PATHS, "As expected"}
    of_partners = {arrangements.NONE, arrangements.ALL, "all partners"}
    assert {k: {*names} for k, names in funding_file.TAKEN.items()} == {
        "stress": of_courses,
        "sharing": of_partners,
    }
    for name in of_courses:
        with pytest.raises(DataContractError, match=f"stress.{name}: expected another name"):
            read(tmp_path, f"stress: {{{name}: {{logit: 1}}}}")
    for name in of_partners:
        with pytest.raises(DataContractError, match=f"sharing.{name}: expected another name"):
            read(tmp_path, f"sharing: {{{name}: {{kind: pro_rata, share: 0.5}}}}")
    deal = "deal: {{size: 1, tranches: {{A: {{share: 0.5, rate: 0}}}}, concentration: {{{}: 0.5}}}}"
    for name in SEGMENTS:
        assert [*read(tmp_path, deal.format(name)).deal.concentration] == [name]
    with pytest.raises(DataContractError, match=r"concentration.city: expected one of 'product'"):
        read(tmp_path, deal.format("city"))


@pytest.mark.parametrize(
    ("day", "days", "months", "least"),
    [
        ("2024-02-29", 366, 12, 13), ("2023-02-28", 367, 12, 13), ("2024-02-29", 800, 12, 27),
        ("2024-03-15", 32, 1, 2),
    ],
)  # fmt: skip
def test_no_tier_lasts_longer_than_cash_is_followed(tmp_path, day, days, months, least):
    file = read(tmp_path, f"tiers: {{Vault: {{horizon_days: {days}}}}}")
    with pytest.raises(DataContractError, match=f"tiers.Vault.horizon_days: {days} days are bey"):
        funding.pool_tables(file, 100, pd.Timestamp(day), months)
    with pytest.raises(DataContractError, match=f"set horizon_months to {least} or more"):
        funding.pool_tables(file, 100, pd.Timestamp(day), months)
    tiers, _ = funding.pool_tables(file, 100, pd.Timestamp(day), least)
    assert tiers["horizon_days"].tolist() == [days]
    assert len(funding.pool_tables(file, 100, pd.Timestamp(day))[0]) == 1


def test_who_leaves_in_a_wave_of_early_repayment_leaves_and_who_has_left_does_not(
    monkeypatch, tmp_path
):
    file = read(
        tmp_path,
        """
lines:
  East: {drawn: 1, limit: 1, rate: 0, notice_days: 9}
  Gone: {drawn: 1, limit: 1, rate: 0, notice_days: 9, until: 2020-01-01}
stress:
  Both: {exits: [East, Gone], prepay_logit: 1}
  Late: {exits: [Gone]}
""",
    )
    monkeypatch.setattr(pool_courses, "simulated_cash", lambda *a, **k: "wave")
    monkeypatch.setattr(pool_courses, "prepaying_moves", lambda moves, *a: moves)
    monkeypatch.setattr(pool_courses, "pool_cash", lambda cash, *a, **k: (cash, k))
    daily = pd.DataFrame(index=pd.DatetimeIndex([DAY]))
    lending = np.zeros((1, 1))
    drawn = (None, None, np.zeros((1, 12)), "paths", lending, daily, None)
    assert funding.leaving_courses(file, *drawn, seed=1, n_loans=2) == {
        "Both": ("wave", {"n_loans": 2, "exits": ["East"]}),
        "Both, lines repaid from it": (
            "wave", {"n_loans": 2, "exits": ["East"], "repays_prepaid": True},
        ),
    }  # fmt: skip


def test_lines_and_tranches_of_one_name_are_told_apart():
    lines = pd.DataFrame(
        {"drawn_amount": [900, 300, 200], "rate": [0.05, 0.02, 0.01]},
        index=["A", "Cash held", "C"],
    )
    notes = pd.DataFrame({"amount": [100], "rate": [0.04]}, index=["A"])
    nothing = pd.DataFrame(columns=[
        "held_amount", "needed_amount", "needed_low", "needed_high", "needed_so_far",
    ], dtype=float)  # fmt: skip
    table = funding.implied_rate(lines, nothing, cash_rate=0, tranches=notes)
    amounts = {"A (line)": 800, "Cash held (line)": 300, "C": 200, "A (tranche)": 100}
    assert table["amount"].to_dict() == {**amounts, "Loans funded": 1_400}
    assert table.loc["Loans funded", "cost_amount"] == pytest.approx(40 + 6 + 2 + 4)


def test_a_limit_of_nothing_is_passed_by_anything():
    bank = risk_sharing.Arrangement(kind="pro_rata", share=0.5, limit=0)
    months = pd.date_range("2025-01-31", periods=12, freq="ME")
    cash = runoff.FutureCash(
        months=months,
        groups=pd.Index(["Bank"]),
        opening=np.array([1_000]),
        amounts={name: np.zeros((2, 1, 12), np.int64) for name in runoff.AMOUNTS},
    )
    row = risk_sharing.sharing_table(cash, {"Bank": bank}).loc["Bank"]
    assert (row["exposure_amount"], row["limit_amount"], row["limit_verdict"]) == (500, 0, "beyond")
    assert np.isnan(row["limit_use"])


def test_a_platform_that_fails_before_it_grows_has_not_failed_after_it():
    months = pd.date_range("2023-05-31", periods=3, freq="ME")
    amounts = {"balance": [500_00, 400_00, 300_00], "cash_amount": [10_00, -20_00, -30_00]}
    case = SimpleNamespace(
        ledger=pd.DataFrame(amounts, index=months),
        platform=funding.Platform(),
        onset=months[2],
        broken=None,
        gone=months[1],
    )
    text = _what_happened(case, "CNY")
    assert "In June 2023 the money is gone**, 1 month **before** lending was loosened" in text


# -- parameters ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("partner_capital_rate", (0.0, 1.0), (-0.1, 1.1, float("nan"))),
        ("growth_applicants", (1_000, 1_000_000), (0, 100, 2_000_000)),
        ("funding_rate", (0.0, 1.0), (-0.01, 6.0, float("nan"))),
    ],
)
def test_rates_and_applicants_have_bounds(name, good, bad):
    for value in good:
        assert funding.check_funding({name: value}) == {}
    for value in bad:
        with pytest.raises(ValueError, match=f"{name} must lie in"):
            funding.check_funding({name: value})
    # what the run may be given, a platform takes
    assert funding.Platform(line_rate=1.0).line_rate == 1

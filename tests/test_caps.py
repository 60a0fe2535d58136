"""Caps: what may stand in their file, what the project's own says, and which one binds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from riskkit import instalments, offers
from riskkit.offers.caps import cap_test
from riskkit.schema import DataContractError, read_caps

PROJECT = Path(__file__).parents[1]
GOOD = (
    "{scope: any, lender: a, borrower: b, from: 2025-10-01, rate: 0.24, measured_by: nominal, "
    "source: law, verify: true}"
)


def written(folder: Path, text: str) -> Path:
    path = folder / "caps.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def caps():
    return read_caps(PROJECT / "data" / "caps.yaml")


# --- the project's own ---------------------------------------------------------------------------


def test_every_line_that_comes_with_the_suite_is_to_be_verified(caps):
    assert caps["verify"].all()
    assert caps["source"].str.len().min() > 20
    assert set(caps["measured_by"]) <= {"nominal", "effective", "irr"}


@pytest.mark.parametrize(
    ("scope", "day", "rate"),
    [
        ("assisted lending", "2025-10-01", 0.24),
        ("assisted lending", "2025-09-30", None),
        ("small-loan company", "2026-06-01", 0.24),
        ("small-loan company", "2027-12-31", 0.12),
        # of the lines of 24 and 36 % the lower binds, for everybody
        ("assisted lending", "2015-09-01", 0.24),
        ("private lending", "2020-08-19", 0.24),
        ("private lending", "2020-08-20", 4 * 0.0385),
        ("private lending", "2024-07-21", 4 * 0.0345),
        ("private lending", "2024-07-22", 4 * 0.0335),
        ("private lending", "2015-08-31", None),
    ],
)
def test_the_cap_of_a_day_binds_on_its_first_and_last_day(caps, scope, day, rate):
    found = offers.cap_on(caps, day, scope)
    assert (None if found is None else found["cap_rate"]) == rate


def test_a_multiple_of_the_loan_prime_rate_says_which_one_it_went_by(caps):
    found = offers.cap_on(caps, "2022-01-20", "private lending")
    assert (found["times_lpr"], found["lpr_rate"]) == (4, 0.037)
    assert found["lpr_date"] == pd.Timestamp("2022-01-20")
    periods = caps.loc["Private lending, four times LPR"]
    # without a gap or an overlap
    starts = periods.index[1:] - pd.Timedelta(days=1)
    assert (periods["until"].iloc[:-1].to_numpy() == starts.to_numpy()).all()


# --- by which measure ----------------------------------------------------------------------------


def caps_of(**rates):
    rows = {
        name: {"scope": "any", "until": pd.NaT, "cap_rate": rate, "measured_by": name}
        | {"source": "law", "title_zh": "", "source_zh": "", "verify": True}
        for name, rate in rates.items()
    }
    table = pd.DataFrame.from_dict(rows, orient="index")
    start = pd.Timestamp("2025-01-01")
    return table.set_axis(
        pd.MultiIndex.from_tuples([(name, start) for name in rows], names=["name", "from"])
    )


def test_24_percent_nominal_is_26_82_percent_effective():
    found = offers.cap_on(caps_of(nominal=0.24), "2026-01-01", "any")
    assert round(found["effective_rate"], 4) == 0.2682
    assert found["nominal_rate"] == 0.24
    assert instalments.annualised(0.24 / 12)[1] == pytest.approx(found["effective_rate"])


def test_the_cap_that_binds_is_the_lowest_once_all_are_effective():
    found = offers.cap_on(caps_of(nominal=0.24, irr=0.25, effective=0.26), "2026-01-01", "any")
    assert found.name == "irr"
    assert found["effective_rate"] == 0.25
    assert 12 * (1.25 ** (1 / 12) - 1) == pytest.approx(found["nominal_rate"])


def test_each_cap_is_tested_by_its_own_measure():
    caps = caps_of(nominal=0.24, effective=0.24, irr=0.27)
    apr, ear = instalments.annualised(0.02)
    found = cap_test(caps, "2026-01-01", "any", apr=apr, ear=ear, xirr=0.271)
    assert found["within"].to_dict() == {"nominal": True, "effective": False, "irr": False}
    assert found["measured_rate"].tolist() == pytest.approx([0.24, 0.2682, 0.271], abs=5e-5)
    assert found["headroom_rate"].tolist() == pytest.approx([0, -0.0282, -0.001], abs=5e-5)
    without_dates = cap_test(caps, "2026-01-01", "any", apr=apr, ear=ear)
    assert without_dates.loc["irr", "measured_rate"] == ear


def test_a_price_that_rounds_to_the_cap_and_lies_above_it_is_above_it():
    caps = caps_of(nominal=0.24)
    for apr, within in ((0.24 + 1e-9, True), (0.240002, False)):
        found = cap_test(caps, "2026-01-01", "any", apr=apr, ear=1)
        assert found["within"].tolist() == [within]


def test_where_no_cap_is_in_force_nothing_is_tested():
    assert offers.cap_on(caps_of(nominal=0.24), "2024-12-31", "any") is None
    assert cap_test(caps_of(nominal=0.24), "2024-12-31", "any", apr=1, ear=2).empty


def test_a_scope_that_no_cap_has_is_refused(caps):
    with pytest.raises(ValueError, match="no cap of scope 'asisted lending'; did you mean 'assist"):
        offers.cap_on(caps, "2026-01-01", "asisted lending")


# --- the file ------------------------------------------------------------------------------------


def test_a_cap_of_a_file_is_a_row(tmp_path):
    text = f"caps: {{X: {GOOD.replace('rate: 0.24', 'times_lpr: 4, until: 2025-12-31')}}}\n"
    table = read_caps(written(tmp_path, text + "lpr: {2025-05-20: 0.03, 2025-11-20: 0.029}"))
    assert table.index.tolist() == [
        ("X", pd.Timestamp("2025-10-01")),
        ("X", pd.Timestamp("2025-11-20")),
    ]
    np.testing.assert_allclose(table["cap_rate"], [0.12, 0.116])
    assert table["until"].astype(str).tolist() == ["2025-11-19", "2025-12-31"]
    assert read_caps(written(tmp_path, "caps: {}")).empty


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "expected a block of keys"),
        ("lpr: {}", "caps: missing"),
        (f"caps: {{X: {GOOD}, Y: 3}}", "caps.Y: expected a block of keys, found"),
        (f"caps: {{X: {GOOD.replace('nominal', 'simple')}}}", "expected one of 'nominal', 'eff"),
        (f"caps: {{X: {GOOD.replace('0.24', '24%')}}}", "rate: expected a number, found '24%'"),
        (f"caps: {{X: {GOOD.replace('0.24', '24')}}}", "rate: expected at most 10"),
        (f"caps: {{X: {GOOD.replace('rate: 0.24, ', '')}}}", "either rate or times_lpr"),
        (f"caps: {{X: {GOOD.replace('rate', 'times_lpr: 4, rate')}}}", "either rate or times_lpr"),
        (f"caps: {{X: {GOOD.replace('2025-10-01', '1.10.2025')}}}", "a date such as"),
        (f"caps: {{X: {GOOD.replace('rate', 'until: 2025-09-30, rate')}}}", "until on or after"),
        (f"caps: {{X: {GOOD.replace('source: law, ', '')}}}", r"caps\.X\.source: missing"),
        (f"caps: {{X: {GOOD.replace('scope', 'scoop')}}}", "scoop: unknown key; did you mean"),
        (f"caps: {{X: {GOOD.replace('true', 'maybe')}}}", "verify: expected true or false"),
        (f"caps: {{X: {GOOD.replace('rate', 'times_lpr')}}}", "a loan prime rate of 2025-10-01 or"),
        (f"caps: {{X: {GOOD}}}\nlpr: {{May: 0.03}}", "lpr.May: expected a date such as"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(tmp_path, text, message):
    with pytest.raises(DataContractError, match=f"(?s){message}"):
        read_caps(written(tmp_path, text))

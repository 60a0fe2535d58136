"""The funding file: what may stand in it, what is refused, what its blocks say of themselves."""

from __future__ import annotations

import datetime
import re
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from fuzz import changed, spoiled
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit import schema, synthetic
from riskkit.schema.funding_file import Size

PROJECT = Path(__file__).parents[1]
FILE = PROJECT / "data" / "funding.yaml"
OWN = """
lender: mine
climate: {sd: 0.3, persistence: 0.8}
tiers:
  Till: {horizon_days: 7, held: 250000}
  Vault: {horizon_days: 365}
cash_rate: 0.01
lines:
  North Bank: {drawn: 40 %, limit: 55%, rate: 0.05, notice_days: 90, until: 2025-06-30}
  South Bank: {drawn: 1e6, limit: 2000000, rate: .07, notice_days: 0}
macro_effects: {unemployment: 0.12, income: -0.03, verify: true}
stress:
  Recession: {unemployment: 3, income: -5, from_month: 2, ramp_months: 3, months: 6}
  Bad partner: {segment: {channel: partner, term_months: 12}, logit: 0.8}
  Run: {exits: [North Bank, South Bank]}
sharing:
  Bank: {kind: pro_rata, segment: {channel: app}, share: 0.7, fee_rate: 0.03, limit: 30 %}
  Guarantor:
    {kind: capped_guarantee, segment: {channel: partner}, cover_rate: 0.05, premium_rate: 0.02}
  Backer: {kind: first_loss, segment: {channel: merchant}, detach_rate: 0.04, premium_rate: 0.02}
  Insurer: {kind: excess, attach_rate: 0.02, detach_rate: 0.08, premium_rate: 0.015}
deal:
  eligibility: {most_dpd: 0, least_mob: 1, least_amount: 1000, most_amount: 30000}
  concentration: {scenario: 0.3}
  size: 50 %
  tranches: {Senior: {share: 0.7, rate: 0.045}, Junior: {share: 0.1, rate: 0.07}}
  least_overcollateralisation: 1.25
"""


def read(folder: Path, text: str) -> schema.FundingFile:
    path = folder / "funding.yaml"
    path.write_text(text, encoding="utf-8")
    return schema.read_funding(path)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> schema.FundingFile:
    return read(tmp_path_factory.mktemp("own"), OWN)


# -- what stands there -----------------------------------------------------------------------------


def test_a_lenders_own_file_is_read_as_it_stands(own):
    assert own.lender == "mine"
    assert (own.climate.sd, own.climate.persistence, own.climate.verify) == (0.3, 0.8, False)
    assert [*own.tiers] == ["Till", "Vault"]
    assert own.tiers["Till"].held.fen(10**9) == 25_000_000
    assert own.tiers["Vault"].held is None
    north, south = own.lines.values()
    assert (north.drawn, north.limit) == (Size(share=0.4), Size(share=0.55))
    assert (north.rate, north.notice_days, north.until) == (0.05, 90, datetime.date(2025, 6, 30))
    assert (south.drawn, south.rate, south.until) == (Size(amount=1e6), 0.07, None)
    assert own.stress["Bad partner"].segment == {"channel": "partner", "term_months": "12"}
    assert own.stress["Run"].exits == ["North Bank", "South Bank"]
    assert (own.sharing["Backer"].attach_rate, own.sharing["Backer"].detach_rate) == (None, 0.04)
    assert own.deal.sold_rate == pytest.approx(0.8)
    assert own.deal.eligibility.most_apr is None
    assert own.deal.eligibility.no_treatment is False
    assert own.unverified == ("macro_effects",)


def test_every_block_may_be_left_out(tmp_path):
    file = read(tmp_path, "lender: mine")
    assert (file.climate, file.deal, file.cash_rate) == (None, None, 0.0)
    assert (file.lines, file.stress, file.sharing) == ({}, {}, {})
    assert {name: tier.horizon_days for name, tier in file.tiers.items()} == {
        "Daily": 30, "Bursts": 91, "Risk reserve": 365,
    }  # fmt: skip
    assert all(tier.held is None for tier in file.tiers.values())
    assert file.unverified == ()


def test_the_file_of_another_lender_says_nothing(own):
    assert own.of_source("mine") is own
    nobody = own.of_source("german_credit")
    assert nobody == schema.FundingFile(lender="mine")
    assert (nobody.lines, nobody.deal, nobody.cash_rate) == ({}, None, 0.0)
    anybody = own.model_copy(update={"lender": None})
    assert anybody.of_source("german_credit") is anybody


def test_the_projects_own_file_is_of_the_synthetic_lender_and_all_of_it_an_example():
    file = schema.read_funding(FILE)
    assert file.of_source("synthetic") is file
    blocks = [file.climate, file.macro_effects, file.deal, *file.lines.values()]
    blocks += [*file.stress.values(), *file.sharing.values()]
    assert len(file.unverified) == len(blocks)
    assert len(file.stress) >= 6
    kinds = {sharing.kind for sharing in file.sharing.values()}
    assert {"pro_rata", "capped_guarantee"} <= kinds
    assert len(kinds) == 3


def test_its_segments_and_columns_are_those_of_the_synthetic_lender():
    file = schema.read_funding(FILE)
    world = synthetic.simulate(synthetic.Lender(), 3_000, seed=20)
    applications = world.applications
    for block in (*file.stress.values(), *file.sharing.values()):
        assert block.covers(applications).any()
    for column in file.deal.concentration:
        assert column in applications
    assert applications["offer_apr"].max() > file.stress["Prices capped"].cap_apr


def test_lines_run_until_the_last_day_of_their_contract(own):
    assert [*own.lines_on(datetime.date(2025, 6, 30))] == ["North Bank", "South Bank"]
    assert [*own.lines_on(pd.Timestamp("2025-07-01"))] == ["South Bank"]


# -- sizes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("40 %", 400_000), ("40%", 400_000), ('"40 %"', 400_000), ("40.5   %", 405_000),
        (".5 %", 5_000), ("0 %", 0), ("100 %", 1_000_000), ("0", 0), ("12.34", 1_234),
        ("1e3", 100_000), ('"1.5e+3"', 150_000), ("10000000000000", 10**15),
    ],
)  # fmt: skip
def test_a_size_is_an_amount_or_a_share_of_the_balance(tmp_path, text, fen):
    file = read(tmp_path, f"tiers: {{A: {{horizon_days: 1, held: {text}}}}}")
    assert file.tiers["A"].held.fen(1_000_000) == fen


@given(st.integers(0, 10**15), st.integers(0, 10_000))
@settings(max_examples=50, deadline=None)
def test_a_share_is_whole_fen_within_half_a_fen(balance, basis_points):
    fen = Size(share=basis_points / 10_000).fen(balance)
    assert isinstance(fen, int)
    assert abs(fen * 10_000 - basis_points * balance) <= 5_000 + 10_000 * balance * 1e-15


def test_a_size_in_words():
    assert Size(share=0.055).text() == "5.5 % of the balance"
    assert Size(amount=1_250_000.0).text() == "1,250,000"
    with pytest.raises(ValueError, match="either amount or share"):
        Size()


# -- what blocks say of themselves -----------------------------------------------------------------


def test_the_course_of_a_stress_is_that_of_a_count_by_hand(own):
    assert own.stress["Recession"].course(9) == pytest.approx([0, 1 / 3, 2 / 3, 1, 1, 1, 1, 0, 0])
    assert own.stress["Run"].course(3).tolist() == [1, 1, 1]
    assert own.stress["Run"].course(0).tolist() == []


def test_a_macro_path_moves_the_log_odds_by_its_effects(own):
    moved = {name: own.macro_effects.log_odds(stress) for name, stress in own.stress.items()}
    assert moved == {"Recession": pytest.approx(3 * 0.12 + 5 * 0.03), "Bad partner": 0, "Run": 0}


def test_a_segment_holds_the_loans_with_all_of_its_values(own):
    loans = pd.DataFrame(
        {"channel": ["partner", "partner", "app", None], "term_months": [12.0, 6.0, 12.0, np.nan]}
    )
    bad_partner = own.stress["Bad partner"]
    assert bad_partner.covers(loans).tolist() == [True, False, False, False]
    assert own.sharing["Insurer"].covers(loans).all()
    assert own.sharing["Bank"].covers(loans.head(0)).tolist() == []
    with pytest.raises(schema.DataContractError, match="segment: the loans have no column 'chan"):
        bad_partner.covers(loans.drop(columns="channel"))


# -- what cannot be --------------------------------------------------------------------------------

AMOUNT_OR_SHARE = "expected an amount in units of the currency, or a share of the balance as 40 %"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        # keys
        ("lender: mine", "lendre: mine", "lendre: unknown key; did you mean 'lender'"),
        ("lines:", "line:", "line: unknown key; did you mean 'lines'"),
        ("notice_days: 0", "notice: 0",
         "South Bank.notice: unknown key; did you mean 'notice_days"),
        ("logit: 0.8", "logitt: 0.8", "Bad partner.logitt: unknown key; did you mean 'logit'"),
        ("ramp_months: 3", "rampmonths: 3",
         "Recession.rampmonths: unknown key; did you mean 'ramp_mo"),
        ("{channel: partner, term_months: 12}, logit: 0.8", "{channel: x}, logit: 1, channel: x",
         "stress.Bad partner.channel: unknown key"),
        ("least_mob: 1", "last_mob: 1",
         "deal.eligibility.last_mob: unknown key; did you mean 'least"),
        ("  size: 50 %\n", "", "deal.size: missing"),
        (", notice_days: 0", "", "lines.South Bank.notice_days: missing"),
        ("{sd: 0.3, persistence: 0.8}", "{sd: 0.3}", "climate.persistence: missing"),
        ("rate: 0.045", "rte: 0.045", "tranches.Senior.rte: unknown key; did you mean 'rate'"),
        # blocks
        ("climate: {sd: 0.3, persistence: 0.8}", "climate: 0.3",
         "climate: expected a block of keys"),
        ("climate: {sd: 0.3, persistence: 0.8}", "climate: [0.3, 0.8]",
         "climate: expected a block"),
        ("{channel: app}", "[app]", "sharing.Bank.segment: expected a block of keys"),
        ("{channel: app}", "{channel: [app, partner]}", "Bank.segment.channel: expected text"),
        ("{channel: app}", "{channel: }", "Bank.segment.channel: expected text, found None"),
        ("[North Bank, South Bank]", "North Bank", "stress.Run.exits: expected a list"),
        ("[North Bank, South Bank]", "[[North Bank]]", r"stress.Run.exits\[1\]: expected text"),
        ("{horizon_days: 365}", "[365]", "tiers.Vault: expected a block of keys"),
        # numbers as YAML has them
        ("rate: .07", "rate: yes", "South Bank.rate: expected a number, found 'yes'"),
        ("rate: .07", "rate: true", "South Bank.rate: expected a number, found True"),
        ("rate: .07", "rate: .nan", "South Bank.rate: expected a number, found '.nan'"),
        ("rate: .07", "rate: .inf", "South Bank.rate: expected a number"),
        ("rate: .07", "rate: 7 %", "South Bank.rate: expected a number, found '7 %'"),
        ("rate: .07", 'rate: "0,07"', "South Bank.rate: expected a number, found '0,07'"),
        ("rate: .07", "rate: 0_07", "South Bank.rate: expected a number"),
        ("rate: .07", "rate: ０.07", "South Bank.rate: expected a number"),
        ("rate: .07", "rate: 2024-01-01", "South Bank.rate: expected a number"),
        ("rate: .07", "rate: ", "South Bank.rate: expected a number, found None"),
        ("rate: .07", "rate: 7", "South Bank.rate: expected at most 0.5, found '7'"),
        ("rate: .07", "rate: -0.01", "South Bank.rate: expected at least 0"),
        ("rate: .07", "rate: 1e99", "South Bank.rate: expected at most 0.5"),
        ("notice_days: 0", "notice_days: 1.5", "notice_days: expected a whole number"),
        ("notice_days: 0", "notice_days: 1e2", "notice_days: expected a whole number"),
        ("notice_days: 0", "notice_days: -1", "notice_days: expected at least 0"),
        ("notice_days: 0", f"notice_days: {'9' * 400}", "notice_days: expected a whole number"),
        ("until: 2025-06-30", "until: 2025-06-31", "North Bank.until: expected a date such as"),
        ("until: 2025-06-30", "until: forever", "North Bank.until: expected a date such as"),
        ("income: -0.03, verify: true", "income: -0.03, verify: 1", "verify: expected true or fal"),
        # sizes
        ("held: 250000", "held: 250k", f"tiers.Till.held: {AMOUNT_OR_SHARE}, found '250k'"),
        ("held: 250000", "held: -1", f"tiers.Till.held: {AMOUNT_OR_SHARE}"),
        ("held: 250000", "held: -4 %", f"tiers.Till.held: {AMOUNT_OR_SHARE}"),
        ("held: 250000", "held: 4 ％", f"tiers.Till.held: {AMOUNT_OR_SHARE}"),
        ("held: 250000", "held: 4\u00a0%", f"tiers.Till.held: {AMOUNT_OR_SHARE}"),
        ("held: 250000", 'held: "250,000"', f"tiers.Till.held: {AMOUNT_OR_SHARE}"),
        ("held: 250000", "held: .nan", f"tiers.Till.held: {AMOUNT_OR_SHARE}"),
        ("held: 250000", "held: [4, 5]", f"tiers.Till.held: {AMOUNT_OR_SHARE}"),
        ("held: 250000", "held: yes", f"tiers.Till.held: {AMOUNT_OR_SHARE}"),
        ("held: 250000", "held: 4 % 5 %", f"tiers.Till.held: {AMOUNT_OR_SHARE}"),
        ("held: 250000", "held: 140 %", "tiers.Till.held: expected a share of at most 100 %"),
        ("held: 250000", "held: 2e13", r"tiers.Till.held: expected an amount of at most 1e\+13"),
        ("limit: 55%", "limit: 1001 %", "North Bank.limit: expected a share of at most 1000 %"),
        ("limit: 55%", "limit: 39 %",
         "North Bank: expected a limit of at least what is drawn, 40 %"),
        ("limit: 2000000", "limit: 999999", "South Bank: expected a limit of at least what is dra"),
        ("size: 50 %", "size: 0 %", "deal: expected a size above 0"),
        # bounds, and what must fit
        ("sd: 0.3", "sd: 30", "climate.sd: expected at most 3"),
        ("persistence: 0.8", "persistence: 1", "climate.persistence: expected less than 1"),
        ("horizon_days: 7", "horizon_days: 0", "tiers.Till.horizon_days: expected at least 1"),
        ("horizon_days: 365", "horizon_days: 7",
         "tiers.Vault.horizon_days: expected more than the 7"),
        ("unemployment: 0.12", "unemployment: 12",
         "macro_effects.unemployment: expected at most 1"),
        (", income: -0.03", "",
         "stress.Recession.income: expected an effect of it under macro_eff"),
        ("unemployment: 3", "unemployment: 300", "Recession.unemployment: expected at most 100"),
        ("from_month: 2", "from_month: 0", "Recession.from_month: expected at least 1"),
        ("ramp_months: 3", "ramp_months: 0", "Recession.ramp_months: expected at least 1"),
        ("ramp_months: 3", "ramp_months: 7", "Recession: expected months of at least ramp_months"),
        (", logit: 0.8", "", "Bad partner: expected something that it moves"),
        ("logit: 0.8", "volume_factor: 2", "expected logit or never_paying_rate of the loans of"),
        ("logit: 0.8", "never_paying_rate: 1.2", "never_paying_rate: expected at most 1"),
        ("logit: 0.8", "logit: 0.8, cap_apr: 0", "Bad partner.cap_apr: expected more than 0"),
        ("logit: 0.8", "logit: 0.8, volume_factor: -1", "volume_factor: expected at least 0"),
        ("exits: [North Bank,", "exits: [Nort Bank,",
         "stress.Run.exits: expected names of lines, 'Nort Bank' is none; did you mean 'North"),
        ("[North Bank, South Bank]", "[North Bank, North Bank]", "Run: expected exits that differ"),
        ("kind: pro_rata", "kind: quota", "sharing.Bank.kind: expected one of 'pro_rata', 'capped"),
        ("share: 0.7, fee_rate", "fee_rate", "sharing.Bank: expected share, which pro_rata needs"),
        ("share: 0.7, fee_rate", "share: 70, fee_rate", "sharing.Bank.share: expected at most 1"),
        ("share: 0.7, fee_rate", "share: 0, fee_rate", "sharing.Bank.share: expected more than 0"),
        ("fee_rate: 0.03", "premium_rate: 0.03",
         "Bank: expected fee_rate in place of premium_rate"),
        ("fee_rate: 0.03", "cover_rate: 0.03", "Bank: expected no cover_rate, which pro_rata does"),
        ("cover_rate: 0.05, ", "", "Guarantor: expected cover_rate, which capped_guarantee needs"),
        ("detach_rate: 0.04", "detach_rate: 0.04, attach_rate: 0.01",
         "attach_rate of 0, or kind ex"),
        ("attach_rate: 0.02", "attach_rate: 0",
         "Insurer: expected an attach_rate above 0, or kind"),
        ("detach_rate: 0.08", "detach_rate: 0.02",
         "Insurer: expected a detach_rate above attach_r"),
        ("{channel: merchant}", "{channel: app, term_months: 12}",
         "sharing.Backer.segment: expected loans that Bank before it does not take all of"),
        ("segment: {channel: app}, ", "",
         "sharing.Guarantor.segment: expected loans that Bank bef"),
        ("share: 0.1,", "share: 0.3,", "deal: expected shares of tranches that sum to less than 1"),
        ("share: 0.7, rate", "share: 1, rate", "tranches.Senior.share: expected less than 1"),
        ("{Senior: {share: 0.7, rate: 0.045}, Junior: {share: 0.1, rate: 0.07}}", "{}",
         "deal: expected at least one tranche"),
        ("ation: 1.25", "ation: 1.26",
         "expected least_overcollateralisation of at most 1.25, that"),
        ("ation: 1.25", "ation: 0.9", "least_overcollateralisation: expected at least 1"),
        ("scenario: 0.3", "scenario: 30", "deal.concentration.scenario: expected at most 1"),
        ("scenario: 0.3", "scenario: 0", "deal.concentration.scenario: expected more than 0"),
        ("most_amount: 30000", "most_amount: 999",
         "expected a least_amount of at most most_amount"),
        # the file itself
        ("cash_rate: 0.01", "cash_rate: 0.01\ncash_rate: 0.02", "the key 'cash_rate' stands twice"),
        ("  South Bank:", "  North Bank:", "the key 'North Bank' stands twice, first in line 9"),
        ("  Till:", "\tTill:", "no valid YAML at line"),
        ("lender: mine", "lender: !!str mine\nx: !!python/name:os.system", "line 3: tags such as"),
        ("lender: mine", "lender: postgresql://anna:s3cret@db/risk",
         "looks like a database's addr"),
        ("lender: mine", "lender: [mine]", "lender: expected text"),
        ("  North Bank:", '  "a\\u202eb":', "a name of at most 200 signs that can be seen"),
        ("  North Bank:", f"  {'x' * 201}:", "a name of at most 200 signs that can be seen"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_key_and_what_was_expected(tmp_path, old, new, told):
    assert OWN.count(old) >= 1
    with pytest.raises(schema.DataContractError) as refused:
        read(tmp_path, OWN.replace(old, new, 1))
    assert str(refused.value).startswith("funding.yaml breaks the data contract")
    assert re.search(told, str(refused.value)), str(refused.value)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("limit: 55%", "limit: 1000 %"), ("limit: 55%", "limit: 40 %"),
        ("ramp_months: 3", "ramp_months: 6"), ("horizon_days: 7", "horizon_days: 364"),
        ("rate: .07", "rate: 0.5"), ("size: 50 %", "size: 100 %"), ("share: 0.1,", "share: 0.05,"),
        ("sd: 0.3", "sd: 0"), ("logit: 0.8", "logit: -5"), ("rate: 0.05, n", "rate: 0, n"),
    ],
)  # fmt: skip
def test_what_just_can_be_is_read(tmp_path, old, new):
    assert OWN.count(old) == 1
    read(tmp_path, OWN.replace(old, new))


# -- and whatever else stands there ----------------------------------------------------------------


@settings(max_examples=120, deadline=None, database=None, derandomize=True)
@given(
    changed(yaml.load(OWN, yaml.BaseLoader)).map(yaml.safe_dump).map(str.encode)
    | spoiled(OWN.encode())
)
def test_whatever_stands_in_the_file_is_read_or_refused_in_words(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "funding.yaml")
        path.write_bytes(content)
        try:
            file = schema.read_funding(path)
        except schema.DataContractError as error:
            file, said = schema.FundingFile(), str(error)
        else:
            said = "funding.yaml\n  - as it should be"
    assert re.match(r"funding\.yaml.*\n  - \S", said), said
    for line in file.lines.values():
        assert 0 <= line.drawn.fen(2_400_000_000) < 2**53
        assert 0 <= line.rate <= 0.5
    for stress in file.stress.values():
        course = stress.course(24)
        assert ((course >= 0) & (course <= 1)).all()
    assert file.deal is None or 0 < file.deal.sold_rate < 1

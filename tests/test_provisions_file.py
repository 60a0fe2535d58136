"""The provisions file: overlays, categories, budget; what is refused, named and dated."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from riskkit import provisions, schema
from riskkit.provisions.overlays import overlay_text

PROJECT = Path(__file__).parents[1]
FILE = PROJECT / "data" / "provisions.yaml"
OVERLAY = """
overlays:
  Floods:
    reason: Collections stopped in two provinces.
    approver: Chief risk officer
    from: 2024-01-01
    until: 2024-06-30
    factor: 1.2
    segment: {stage: 2, channel: merchant}
  Late file:
    reason: A partner's payments came a week late.
    approver: Head of finance
    from: 2024-03-01
    until: 2024-12-31
    amount: -12.5
budget:
  2024-02: 1000
  2024-01: 900.5
"""


def read(tmp_path, text):
    path = tmp_path / "provisions.yaml"
    path.write_text(text)
    return schema.read_provisions(path)


@pytest.fixture
def loans():
    return pd.DataFrame(
        {
            "stage": [1, 2, 2, 3],
            "channel": ["app", "merchant", "app", "merchant"],
            "ecl_amount": [1_000, 10_000, 4_000, 50_000],
        }
    )


def test_the_projects_own_file_is_read():
    file = schema.read_provisions(FILE)
    assert file["scenarios"]["weight"].sum() == pytest.approx(1)
    assert file["categories"]["verify"].all()
    rules = provisions.rules_in_force(file["categories"], "2024-12-31")
    assert rules["name"] == "Rules on classification of financial assets (2023)"
    assert rules["has_begun"]
    assert not provisions.rules_in_force(file["categories"], "2023-06-30")["has_begun"]
    with pytest.raises(ValueError, match="five_categories must hold rules"):
        provisions.rules_in_force(file["categories"].head(0), "2024-12-31")


def test_overlays_add_to_their_segment_and_not_to_each_other(tmp_path, loans):
    table = provisions.overlay_table(loans, read(tmp_path, OVERLAY)["overlays"], "2024-04-30")
    assert table["overlay_amount"].tolist() == [2_000, -1_250]
    assert table["loans"].tolist() == [1, 4]
    assert table["segment"].tolist() == ["stage 2, channel merchant", "all loans"]
    overlays, own = read(tmp_path, OVERLAY)["overlays"], loans.drop(columns="channel")
    # what the loans say of themselves goes before what their applications say
    beside = loans[["channel"]].iloc[::-1].assign(stage=9)
    joined = provisions.overlay_table(own, overlays, "2024-04-30", with_columns=beside)
    pd.testing.assert_frame_equal(joined, table)
    text = overlay_text(table, "CNY")
    assert text == "**2 overlays in force** add 7.50 CNY to the model's provision."


def test_an_expired_overlay_is_refused_and_named(tmp_path, loans):
    overlays = read(tmp_path, OVERLAY)["overlays"]
    table = provisions.overlay_table(loans, overlays, "2024-07-31")
    assert table["is_applied"].tolist() == [False, True]
    assert "Floods (expired on 2024-06-30)" in overlay_text(table, "CNY")
    early = provisions.overlay_table(loans, overlays, "2024-02-29")
    assert early["refused"].tolist() == ["", "begins on 2024-03-01"]
    on_the_day = provisions.overlay_table(loans, overlays, "2024-06-30")
    assert on_the_day["is_applied"].all()


def test_overlays_that_cannot_be_are_refused(tmp_path, loans):
    overlays = read(tmp_path, OVERLAY)["overlays"]
    with pytest.raises(ValueError, match="no column 'channel'"):
        provisions.overlay_table(loans.drop(columns="channel"), overlays, "2024-04-30")
    less = read(tmp_path, OVERLAY.replace("-12.5", "-1000"))["overlays"]
    with pytest.raises(ValueError, match="'Late file' must not bring the provision"):
        provisions.overlay_table(loans, less, "2024-04-30")


@pytest.mark.parametrize("segment", ["{stage: 9}", "{stage: yes}"])
def test_an_overlay_for_nobody_is_refused_whatever_it_adds(tmp_path, loans, segment):
    text = OVERLAY.replace("{stage: 2, channel: merchant}", segment)
    for add, what in (("factor: 1.2", "a factor"), ("amount: 5", "an amount")):
        overlays = read(tmp_path, text.replace("factor: 1.2", add))["overlays"]
        told = f"overlays.Floods: {what} for a segment without loans"
        with pytest.raises(schema.DataContractError, match=told):
            provisions.overlay_table(loans, overlays, "2024-04-30")
        expired = provisions.overlay_table(loans, overlays, "2024-07-31")
        assert expired["is_applied"].tolist() == [False, True]
        # a month ago there may have been none yet
        before = provisions.overlay_table(loans, overlays, "2024-04-30", refuse_empty=False)
        assert before["overlay_amount"].tolist() == [0, -1_250]


@pytest.mark.parametrize(("value", "n"), [("yes", 3), ("true", 3), ("no", 1)])
def test_truths_of_a_segment_are_those_of_the_file(tmp_path, loans, value, n):
    text = OVERLAY.replace("{stage: 2, channel: merchant}", f"{{is_new: {value}}}")
    loans = loans.assign(is_new=[True, False, True, True])
    overlays = read(tmp_path, text)["overlays"]
    assert provisions.overlay_table(loans, overlays, "2024-04-30").loc["Floods", "loans"] == n


def test_numbers_of_a_segment_are_compared_as_numbers(tmp_path, loans):
    text = OVERLAY.replace("{stage: 2, channel: merchant}", "{term_months: 12}")
    overlays = read(tmp_path, text)["overlays"]
    terms = pd.Series([12.0, np.nan, 6.0, 12.0])
    for term in (terms, terms.astype("Int64")):
        table = provisions.overlay_table(loans.assign(term_months=term), overlays, "2024-04-30")
        assert table.loc["Floods", "loans"] == 2


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("amount: -12.5", "amount: 1.0e+17", "overlays.Late file.amount"),
        ("amount: -12.5", "amount: 1.0e+20", "overlays.Late file.amount"),
        ("2024-02: 1000", "2024-02: 1.0e+20", "budget.2024-02"),
        ("    factor: 1.2\n", "    factor: 1.2\n    amount: 5\n", "either amount or factor"),
        ("    factor: 1.2\n", "", "either amount or factor"),
        ("until: 2024-06-30", "until: 2023-06-30", "until on or after from"),
        ("    approver: Chief risk officer\n", "", "approver"),
        ("factor: 1.2", "factor: 1.2\n    who: me", "who"),
        ("2024-02: 1000", "2024-13: 1000", "expected a month"),
        (
            "budget:",
            "scenarios:\n  Base: {weight: 0.5, climate: 0}\nbudget:",
            "sum to 1, found 0.5",
        ),
    ],
)
def test_faults_of_the_file_are_named(tmp_path, old, new, told):
    assert old in OVERLAY
    with pytest.raises(schema.DataContractError, match=told):
        read(tmp_path, OVERLAY.replace(old, new))


def test_categories_that_do_not_rise_are_refused(tmp_path):
    text = FILE.read_text()
    with pytest.raises(schema.DataContractError, match="days that rise"):
        read(tmp_path, text.replace("doubtful: 270", "doubtful: 370"))
    with pytest.raises(schema.DataContractError, match="at most loss_loss_rate"):
        read(tmp_path, text.replace("doubtful_loss_rate: 0.5", "doubtful_loss_rate: 0.95"))


def test_the_budget_is_in_fen_by_month(tmp_path):
    budget = read(tmp_path, OVERLAY)["budget"]
    assert budget["budget_amount"].to_dict() == {
        pd.Timestamp("2024-01-01"): 90_050, pd.Timestamp("2024-02-01"): 100_000,
    }  # fmt: skip


# -- five categories -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rules():
    return provisions.rules_in_force(schema.read_provisions(FILE)["categories"], "2024-12-31")


@pytest.mark.parametrize(
    ("dpd", "loss", "category"),
    [
        (0, 0.01, "normal"),
        (1, 0.01, "special mention"),
        (90, 0.49, "special mention"),
        (91, 0.49, "substandard"),
        (270, 0.0, "substandard"),
        (271, 0.0, "doubtful"),
        (360, 0.0, "doubtful"),
        (361, 0.0, "loss"),
        (0, 0.5, "doubtful"),
        (100, 0.9, "loss"),
        (91, float("nan"), "substandard"),
    ],
)
def test_days_and_expected_losses_make_the_category(rules, dpd, loss, category):
    assert provisions.five_category([dpd], [loss], rules)[0] == category


def test_the_expected_loss_is_asked_of_impaired_loans_alone(rules):
    days, rates = [0, 60, 60, 0, 100], [0.95, 0.7, 0.7, 0.1, 0.6]
    category = provisions.five_category(days, rates, rules, is_impaired=[0, 0, 1, 1, 1])
    assert list(category) == ["normal", "special mention", "doubtful", "substandard", "doubtful"]


def test_provisions_and_ratios_by_hand(rules):
    """900 normal, 50 special mention, 30 substandard, 15 doubtful, 5 loss: specific provision
    1 + 7.5 + 7.5 + 5 = 21, general 10; non-performing 50."""
    balance = np.array([900, 50, 30, 15, 5]) * 100
    category = provisions.five_category([0, 5, 91, 271, 361], [0.0] * 5, rules)
    table = provisions.category_table(category, balance, rules)
    assert table["specific_amount"].tolist() == [0, 100, 750, 750, 500, 2_100]
    assert table.loc["all", "general_amount"] == 1_000
    both = provisions.coverage_table(table, 5_000)
    assert both["provision_amount"].tolist() == [5_000, 3_100, 5_000]
    assert both["coverage_ratio"].tolist() == [1.0, 0.62, 1.0]
    assert both["provision_loan_ratio"].tolist() == [0.05, 0.031, 0.05]
    text = provisions.category_text(table, both, rules)
    assert text.startswith("**5.00%** of the balance")
    assert "To be verified" in text
    early = rules.copy()
    early["has_begun"] = False
    assert "begin on 2023-07-01" in provisions.category_text(table, both, early)


def test_a_book_without_loans_has_no_ratios(rules):
    table = provisions.category_table(provisions.five_category([], [], rules), [], rules)
    both = provisions.coverage_table(table, 0)
    assert both["coverage_ratio"].isna().all()
    assert both["provision_loan_ratio"].isna().all()
    assert provisions.category_text(table, both, rules) == "No loan on the books owes anything."


def test_days_below_zero_are_refused(rules):
    with pytest.raises(ValueError, match="dpd must be >= 0, got -1"):
        provisions.five_category([-1], [0.0], rules)
    with pytest.raises(ValueError, match="dpd must be known of every loan, got 1 missing"):
        provisions.five_category([float("nan"), 3], [0.0, 0.0], rules)
    with pytest.raises(ValueError, match="equally long, got 1 and 2"):
        provisions.five_category([1], [0.0, 0.1], rules)

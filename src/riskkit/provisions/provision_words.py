"""What to say of the provisions, and what deserves attention.

Takes the tables of this room; gives Markdown and findings.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from riskkit.arrears import (
    LossGivenDefault,
)
from riskkit.columns import verbatim
from riskkit.provisions.five_categories import LARGER
from riskkit.provisions.overlays import overlay_text
from riskkit.provisions.realised_recoveries import LESS
from riskkit.provisions.staging import CHARGED_OFF

__all__ = [
    "category_text",
    "ecl_text",
    "lgd_text",
    "provision_figures",
    "provision_findings",
]

_FEW_DEFAULTS = 30
_HIGH_PROBABILITY = 0.2  # from which supervisors' reviews have asked for stage 2; to be verified


def ecl_text(
    stages: pd.DataFrame,
    loans: pd.DataFrame,
    overlay_amount: int,
    currency: str,
    *,
    scenarios: pd.DataFrame | None = None,
    overlays: pd.DataFrame | None = None,
) -> str:
    """Sentences on what must be set aside and in which stage it lies, as Markdown.

    With scenarios and overlays also the loss of each scenario, of all weighted after each, and what
    overlays add.

    Parameters
    ----------
    stages : DataFrame
        Of :func:`riskkit.provisions.stage_table`.
    loans : DataFrame
        Of :func:`riskkit.provisions.loan_ecl`.
    overlay_amount : int
        Fen.
    currency : str
    scenarios : DataFrame, index name, optional
    overlays : DataFrame, optional
        Of :func:`riskkit.provisions.overlay_table`.
    """
    whole = stages.loc["all"]
    if not whole["balance"] > 0:
        return "There is nothing to set aside: no loan on the books owes anything."
    total = (whole["ecl_amount"] + overlay_amount) / 100
    text = (
        f"**{total:,.0f} {currency}** must be set aside for {whole['loans']:,.0f} loans that owe "
        f"{whole['balance'] / 100:,.0f}: {total * 100 / whole['balance']:.2%} of it."
    )
    for stage, what in (("2", "riskier than expected"), ("3", "in default")):
        row = stages.loc[stage]
        share = row["ecl_amount"] / whole["ecl_amount"] if whole["ecl_amount"] else np.nan
        text += (
            f" Stage {stage} ({what}) has {row['balance_share']:.1%} of the balance"
            + ("" if np.isnan(share) else f" and {share:.0%} of the model's loss")
            + "."
        )
    gone = loans[loans["reason"] == CHARGED_OFF]
    if len(gone):
        lost, left = gone["ecl_amount"].sum(), whole["balance"] - gone["balance"].sum()
        text += (
            f" **Of it {lost / 100:,.0f} is of {len(gone):,} charged-off loans** that are not "
            "written off yet, whose loss the budget and the profit of cohorts hold already: the "
            "two are never to be added up. "
        )
        kept = total * 100 - lost
        text += f"Without them {kept / 100:,.0f} is set aside" + (
            f", {kept / left:.2%} of {left / 100:,.0f}." if left > 0 else "."
        )
    text += _risky_all_along(loans)
    if scenarios is None or overlays is None:
        return text
    return f"{text}\n\n{_scenario_text(loans, scenarios, overlays, currency)}"


def _risky_all_along(loans: pd.DataFrame) -> str:
    """Loans of stage 1 that are likely to default, as they were when they were granted."""
    risky = loans[(loans["stage"] == 1) & (loans["probability_12m"] >= _HIGH_PROBABILITY)]
    if risky.empty:
        return ""
    more = (risky["ecl_lifetime_amount"] - risky["ecl_12m_amount"]).sum() / 100
    n = len(risky)
    return (
        f" **{n:,} loan{'' if n == 1 else 's'} of stage 1**, owing "
        f"{risky['balance'].sum() / 100:,.0f}, will default within 12 months with a probability of "
        f"{_HIGH_PROBABILITY:.0%} or more: as risky when granted, they have not become riskier. "
        f"In stage 2 they would need {more:,.0f} more (`backstop_probability`)."
    )


def _scenario_text(
    loans: pd.DataFrame, scenarios: pd.DataFrame, overlays: pd.DataFrame, currency: str
) -> str:
    more = overlay_text(overlays, currency)
    if len(scenarios) < 2:
        return f"There is one scenario: the months ahead are as the past. {more}"
    told = [
        f"{verbatim(str(name))} {loans[f'ecl_amount_{name}'].sum() / 100:,.0f} "
        f"(weight {one['weight']:.0%})"
        for name, one in scenarios.iterrows()
    ]
    mean = loans["ecl_amount"].sum() / 100
    weighted = f"weighted **{mean:,.0f} {verbatim(currency)}**"
    return f"Scenario by scenario: {', '.join(told)}; {weighted}. {more}"


def lgd_text(lgd: LossGivenDefault) -> str:
    """Sentence on what a default loses and how sure that is, as Markdown.

    Parameters
    ----------
    lgd : LossGivenDefault
    """
    at = lgd.at_default
    if not at["loans"] > 0:
        return (
            "No loan has been in default: what one would lose is **not known**, and "
            "all of it is taken as lost."
        )
    if np.isnan(at["lgd"]):
        return (
            f"{at['loans']:,.0f} loans have been in default, none for long enough to see what it "
            "brings: what one loses is **not known**, and all of it is taken as lost."
        )
    sure = f"{at['lgd']:.1%} ({at['lgd_low']:.1%} to {at['lgd_high']:.1%})"
    text = f"A loan first in default loses **{sure}** of what it then owes, "
    text += f"by {at['loans']:,.0f} defaults, discounted at the effective rate."
    if at["loans"] < _FEW_DEFAULTS:
        return f"{text} These are too few to say."
    watched = lgd.recovery
    oldest = int(watched.index[watched["observed_loans"] > 0].max())
    return (
        f"{text} The oldest was watched for {oldest} months; what a younger one still brings is "
        "what older ones brought at its age."
    )


def provision_figures(
    stages: pd.DataFrame,
    added: int,
    lgd: LossGivenDefault,
    coverage: pd.DataFrame,
    currency: str,
) -> dict[str, str]:
    """What the front page shows of the provision: label → text.

    Parameters
    ----------
    stages : DataFrame
        Of :func:`riskkit.provisions.stage_table`.
    added : int
        What overlays add, fen.
    lgd : LossGivenDefault
    coverage : DataFrame
        Of :func:`riskkit.provisions.coverage_table`.
    currency : str
    """
    whole, at = stages.loc["all"], lgd.at_default
    amount = whole["ecl_amount"] + added
    figures = {"Set aside by IFRS 9": f"{amount / 100:,.0f} {currency}"}
    if whole["balance"] > 0:
        apart = stages.loc[stages.index.astype(str).isin(["2", "3"]), "balance_share"].sum()
        figures["Of the balance"] = f"{amount / whole['balance']:.2%}"
        figures["Balance in stages 2 and 3"] = f"{apart:.1%}"
    for system, row in coverage.drop(index=LARGER, errors="ignore").iterrows():
        if pd.notna(row["coverage_ratio"]):
            figures[f"Coverage by {system}"] = f"{row['coverage_ratio']:.0%}"
    if at["loans"] > 0 and pd.notna(at["lgd"]):
        sure = f"{at['lgd']:.1%} ({at['lgd_low']:.1%} to {at['lgd_high']:.1%})"
        figures["Loss given default"] = f"{sure}, by {at['loans']:,.0f} defaults"
    return figures


def category_text(table: pd.DataFrame, coverage: pd.DataFrame, rules: pd.Series) -> str:
    """Sentences on the five categories and on both provisions side by side, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`riskkit.provisions.category_table`.
    coverage : DataFrame
        Of :func:`riskkit.provisions.coverage_table`.
    rules : Series
        Of :func:`riskkit.provisions.rules_in_force`.
    """
    bad = table["balance"].iloc[2:5].sum()
    total = table.loc["all", "balance"]
    if not total > 0:
        return "No loan on the books owes anything."
    larger = coverage["provision_amount"].iloc[:2].idxmax()
    text = f"**{bad / total:.2%}** of the balance is substandard or worse. "
    text += f"{larger} asks for more"
    ratio = coverage.loc[LARGER, "coverage_ratio"]
    if not np.isnan(ratio):
        text += f", and covers {ratio:.0%} of what is substandard or worse"
    text += f"; that is {coverage.loc['the larger', 'provision_loan_ratio']:.2%} of all loans."
    if not rules["has_begun"]:
        text += f" **These rules begin on {rules['from']:%Y-%m-%d}**, after the day of these books."
    note = " **To be verified**: nobody has compared these rules with the law."
    return text + (note if rules["verify"] else "")


def provision_findings(
    *,
    lgd: LossGivenDefault,
    overlays: pd.DataFrame,
    movement: pd.DataFrame,
    budget: pd.DataFrame,
    cohorts: pd.DataFrame,
    scenarios: pd.DataFrame,
    rules: pd.Series,
    recoveries: pd.DataFrame,
    currency: str,
) -> list[tuple[str, str, bool]]:
    """What of the provisions deserves attention: topic, sentence, and whether it is red.

    Parameters
    ----------
    lgd : LossGivenDefault
    overlays : DataFrame
        Of :func:`riskkit.provisions.overlay_table`.
    movement : DataFrame
        Of :func:`riskkit.provisions.movement_table`; empty where there is one month only.
    budget : DataFrame
        Of :func:`riskkit.provisions.budget_table`.
    cohorts : DataFrame
        Of :func:`riskkit.provisions.break_even_table`.
    scenarios : DataFrame, index name
        Of :func:`riskkit.schema.read_provisions`.
    rules : Series
        Of :func:`riskkit.provisions.rules_in_force`.
    recoveries : DataFrame
        Of :func:`riskkit.provisions.recovery_check`.
    currency : str
    """
    told = []
    if unverified := _unverified(scenarios, rules):
        told.append(("Provision rules", f"nobody has verified {unverified}", False))
    for name, one in overlays[~overlays["is_applied"]].iterrows():
        told.append(("Overlays", f"{name} is refused: it {one['refused']}", True))
    if lgd.at_default["loans"] < _FEW_DEFAULTS:
        n = int(lgd.at_default["loans"])
        told.append(
            ("Loss given default", f"{n} defaults are too few to say what one loses", False)
        )
    if len(recoveries) and recoveries["verdict"].iloc[-1] == LESS:
        came, foretold = recoveries.iloc[-1][["realised_amount", "foretold_amount"]] / 100
        brought = f"brought {came:,.0f} {currency}, and {foretold:,.0f} was foretold"
        told.append(("Loss given default", f"loans in default {brought}: beyond chance", True))
    if len(movement):
        opening, closing = movement["ecl_amount"].iloc[[0, -1]]
        if opening > 0 and closing > 1.1 * opening:
            rise = f"{(closing - opening) / 100:,.0f} {currency}, {closing / opening - 1:.0%}"
            told.append(("Provision", f"it has risen by {rise} within a month", False))
    told += _budget_findings(budget, currency)
    lost = cohorts.index[cohorts["verdict"] == "has lost"]
    if len(lost):
        named = ", ".join(str(name) for name in lost[-6:])
        told.append(("Cohort profit", f"these have lost, beyond chance: {named}", True))
    return told


def _unverified(scenarios: pd.DataFrame, rules: pd.Series) -> str:
    """What of the provisions file is marked to be verified; "" if nothing is."""
    told = []
    if "verify" in scenarios and len(named := scenarios.index[scenarios["verify"].astype(bool)]):
        told.append(f"the scenarios of the climate ({', '.join(str(name) for name in named)})")
    if bool(rules["verify"]):
        told.append(f"days and rates of the categories ({rules['name']})")
    return " and ".join(told)


def _budget_findings(budget: pd.DataFrame, currency: str) -> list[tuple[str, str, bool]]:
    """Whether the last month's loss is over budget, or that nobody has said what it may be."""
    if budget.empty:
        return []
    last = budget.iloc[-1]
    loss = f"net loss of {last.name:%B %Y}, {last['net_loss_amount'] / 100:,.0f} {currency}"
    if np.isnan(last["budget_amount"]):
        known = budget.index[budget["budget_amount"].notna()]
        end = f"ends with {known[-1]:%B %Y}" if len(known) else "is in no file"
        told = f"the budget {end}: whether the {loss}, is within it nobody can say"
        return [("Loss against budget", told, False)]
    if not last["over_amount"] > 0:
        return []
    over = f"{last['over_amount'] / 100:,.0f} {currency} over budget in {last.name:%B %Y}"
    red = bool(last["over_amount"] > 0.1 * last["budget_amount"])
    return [("Loss against budget", f"net loss {over}", red)]

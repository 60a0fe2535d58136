"""What a model cannot be asked, and what about it deserves attention: the limits of a scorecard.

Takes the card, its samples and the tables a run has found; gives one :class:`Limit` a matter, in
words of which every figure and every judgement is computed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskkit.binning import LEAKAGE_IV
from riskkit.chance import holm
from riskkit.documents.calibration import grades_limit, limits_of_calibration
from riskkit.documents.fairness import declines_limits, group_limits, groups_text, risk_limit
from riskkit.documents.words import (
    SIGNIFICANT,
    Findings,
    Limit,
    count,
    groups,
    interval,
    listed,
    loans,
    plain,
    verdict,
)
from riskkit.evidence import RECOMMENDED, TODAY
from riskkit.profile import period_text
from riskkit.schema import Feature, SourceFacts
from riskkit.target import samples_present

if TYPE_CHECKING:
    from riskkit.scorecard import Scorecard, ScoreScale

__all__ = [
    "challenger_limits",
    "model_limits",
    "rule_limits",
    "validation_figures",
]

# where a figure begins to deserve attention
MAX_DECLINED = 0.5
MAX_VIF = 5.0
MIN_BADS_PER_FEATURE = 10  # Peduzzi et al. (1996), Journal of Clinical Epidemiology 49(12)
# Collins, Ogundimu, Altman (2016), Statistics in Medicine 35(2), on external validation
MIN_JUDGED_BADS = 100
MAX_AGE_MONTHS = 12  # of the newest judged loan


def model_limits(
    card: Scorecard,
    facts: SourceFacts,
    features: Sequence[Feature],
    scores: pd.DataFrame,
    selection: pd.DataFrame,
    findings: Findings,
    *,
    today: pd.Timestamp | None = None,
) -> list[Limit]:
    """What the model cannot be asked, and what about it deserves attention, all computed.

    Parameters
    ----------
    card, facts, features, scores, selection, findings, today
        As in :func:`model_card_sections`.

    Returns
    -------
    list of Limit
        topic, text, attention; a matter that cannot be computed from what is given is not in it.
    """
    labels = {feature.name: feature.label for feature in features}
    return [
        *_limits_of_sample(card, facts, scores),
        *_age_of_data(scores, today),
        *_limits_of_features(card, features, selection, labels),
        *_limits_of_performance(scores, findings),
        *limits_of_calibration(card.score_scale, scores, findings),
        *_limits_over_time(scores, findings),
        *_limits_of_dependence(findings),
        *_limits_of_fairness(features, card, findings),
    ]


def challenger_limits(scale: ScoreScale, scores: pd.DataFrame, findings: Findings) -> list[Limit]:
    """Whether the challenger's probabilities hold, and whom it treats how.

    Parameters
    ----------
    scale : ScoreScale
    scores : DataFrame
        As in :func:`model_card_sections`.
    findings : Findings
        Its own grades and fairness are `challenger_grades` and `challenger_fairness`.
    """
    own = replace(
        findings, grades=findings.challenger_grades, fairness=findings.challenger_fairness
    )
    found = [
        *limits_of_calibration(scale, scores, own, "challenger"),
        *group_limits(own.fairness),
        *risk_limit(own.fairness),
        *_suppliers(own, "challenger", "the challenger"),
    ]
    return [limit._replace(topic=f"{limit.topic}, challenger") for limit in found]


def rule_limits(findings: Findings) -> list[Limit]:
    """Whom today's policy and the recommended rule treat how, and by which reasons.

    Parameters
    ----------
    findings : Findings
        A rule of `rule_fairness` that nobody recommends is passed over.
    """
    found = [
        limit._replace(topic=f"{limit.topic}, {name}")
        for name, table in findings.rule_fairness.items()
        if name in (TODAY, RECOMMENDED) and len(table)
        for limit in group_limits(table)
    ]
    return [*found, *declines_limits(findings)]


def _limits_of_sample(card: Scorecard, facts: SourceFacts, scores: pd.DataFrame) -> list[Limit]:
    found = []
    if facts.accepted_only:
        text = "the data hold granted loans only; for people like the declined the score is a guess"
        found.append(Limit("Who applies", text, True))
    else:
        declined = 1 - scores["approved"].mean()
        text = f"{declined:.1%} of applicants were declined; for people like them it extrapolates"
        found.append(Limit("Who applies", text, declined > MAX_DECLINED))
    bads = int(scores.loc[scores["sample"] == "train", "default_flag"].sum())
    each = bads / max(len(card.coefficients_), 1)
    text = f"{bads:,} bads taught the card, {each:.1f} a feature"
    few = each < MIN_BADS_PER_FEATURE
    text += f"; fewer than {MIN_BADS_PER_FEATURE} make coefficients unsure" if few else ""
    found.append(Limit("Training", text, few))
    kinds = samples_present(scores["sample"])
    late = scores[scores["sample"] == kinds[-1]]
    bads = int(late["default_flag"].sum())
    text = f"judged on {len(late):,} {loans(kinds[-1])}, {bads:,} of them bad"
    if kinds[-1] != "out_of_time":
        text += "; they come from the same time as the training loans, so nothing is known of later"
    elif "applied_at" in late:
        months = late["applied_at"].dt.to_period("M").nunique()
        text += f", applied for in {count(months, 'month')} ({period_text(late)})"
    few = bads < MIN_JUDGED_BADS
    text += f"; fewer than {MIN_JUDGED_BADS} bads judge little" if few else ""
    found.append(Limit("Judgement", text, few or kinds[-1] != "out_of_time"))
    between = facts.bad.indeterminate_dpd
    if between is not None and not facts.label_text:
        text = f"loans once more than {between} days late but not bad are left out of all bad rates"
        found.append(Limit("Indeterminates", text, True))
    return found


def _age_of_data(scores: pd.DataFrame, today: pd.Timestamp | None) -> list[Limit]:
    """How old the newest judged loan is."""
    if today is None or "applied_at" not in scores:
        return []
    late = scores.loc[scores["sample"] == samples_present(scores["sample"])[-1], "applied_at"]
    newest = late.max()
    if pd.isna(newest):
        return []
    months = 12 * (today.year - newest.year) + today.month - newest.month
    text = f"the newest judged loan was applied for in {newest:%B %Y}, {count(months, 'month')} "
    text += "before the models were judged"
    return [Limit("Age of data", text, newest < today - pd.DateOffset(months=MAX_AGE_MONTHS))]


def _limits_of_features(
    card: Scorecard, features: Sequence[Feature], selection: pd.DataFrame, labels: Mapping[str, str]
) -> list[Limit]:
    table = card.coefficients()
    found = []

    def names(which: pd.Series) -> str:
        return listed(labels.get(str(name), str(name)) for name in table.index[which.to_numpy()])

    overlapping = table["vif"] > MAX_VIF
    if overlapping.any():
        text = f"VIF above {MAX_VIF:g}: {names(overlapping)}"
        found.append(Limit("Overlapping features", text, True))
    else:
        text = f"the highest VIF on the card is {table['vif'].max():.2f}"
        found.append(Limit("Overlapping features", text, False))
    unproven = table["high"] >= 0
    if unproven.any():
        text = f"their intervals hold 0, so the training loans do not prove them: {names(unproven)}"
        found.append(Limit("Unproven features", text, True))
    for name, reason in (card.keep or {}).items():
        if name in table.index:
            text = f"{labels.get(name, name)} is on the card whatever its test says: {reason}"
            found.append(Limit("Kept for a reason", text, True))
    too_good = table["iv"] > LEAKAGE_IV
    if too_good.any():
        text = f"IV above {LEAKAGE_IV:g}, to be checked for leakage: {names(too_good)}"
        found.append(Limit("Too good to be true", text, True, True))
    unseen = [f.label for f in features if f.name in table.index and _as_riskiest(card, f.name)]
    if unseen:
        text = "never missing in training, so a missing value is taken for the riskiest: "
        text += listed(unseen)
        found.append(Limit("Missing values", text, False))
    return found


def _as_riskiest(card: Scorecard, name: str) -> bool:
    """Whether a missing value, of which training had none, gets the fewest points."""
    bins, points = card.binner_.table(name), card.points_[name][:-1]
    at = bins.index == "missing"
    none = not bins.loc[at, ["good", "bad"]].to_numpy().sum()
    return bool(at.any() and none and points[at].max() == points.min())


def _limits_of_performance(scores: pd.DataFrame, findings: Findings) -> list[Limit]:
    kinds = samples_present(scores["sample"])
    found = []
    table = findings.discrimination
    if table is not None:
        now, then = (table.loc[(kind, "scorecard")] for kind in (kinds[-1], kinds[0]))
        text = (
            f"AUC {interval(now['auc'], now['auc_low'], now['auc_high'])} on the "
            f"{loans(kinds[-1])}, {then['auc']:.3f} in training"
        )
        lost = then["auc"] > now["auc_high"]
        text += "; it does not hold what it promised in training" if lost else ""
        blind = now["auc_low"] <= 0.5
        text += "; the interval holds 0.5, which is no better than chance" if blind else ""
        found.append(Limit("Ranking", text, bool(lost or blind)))
    if findings.comparison is not None:
        row = findings.comparison.loc[kinds[-1]]
        found.append(Limit("Challenger", verdict(row), bool(row["low"] > 0)))
    segments = findings.segments
    if segments is not None and len(segments):
        few = segments["difference"].isna()
        if few.any():
            text = f"too few goods or bads to judge: {groups(segments.index[few])}"
            found.append(Limit("Segments", text, True))
        worse = segments["auc_b"] < 0.5
        unsure = ~worse & (segments["auc_b_low"] <= 0.5)
        for which, words in (
            (worse, "the card ranks no better than chance"),
            (unsure, "the interval of the card's AUC holds 0.5"),
        ):
            if which.any():
                text = f"{words}: {groups(segments.index[which])}"
                found.append(Limit("Segments", text, True))
    return found


def _limits_over_time(scores: pd.DataFrame, findings: Findings) -> list[Limit]:
    if "applied_at" not in scores:
        return [Limit("Stability", "the applications bear no dates, so it is not known", True)]
    moved = findings.stability
    if moved is None or moved.empty:
        return [Limit("Stability", "there are no later applications to compare with", True)]
    own = moved.loc[["scorecard"]] if "scorecard" in moved.index else moved
    off = own[own["light"].isin(["amber", "red"])]
    highest = own["psi"].max()
    periods = own.index.get_level_values("period")
    text = f"PSI of the card's score up to {highest:.2f} over {count(len(periods), 'period')}"
    if len(off):
        lights = ", ".join(f"{when} {light}" for (_, when), light in off["light"].items())
        text += f": {lights}"
    return [Limit("Stability", text, len(off) > 0)]


def _limits_of_dependence(findings: Findings) -> list[Limit]:
    found = _suppliers(findings, "scorecard", "a card of all features")
    learned = findings.learning
    if learned is not None and "scorecard" in learned.index.get_level_values(0):
        last = learned.loc["scorecard"].iloc[-1]
        if pd.notna(last["gain"]):
            rising = last["gain_low"] > 0
            text = (
                f"the last loans brought {last['gain']:+.3f} in AUC "
                f"({last['gain_low']:+.3f} to {last['gain_high']:+.3f})"
            )
            text += "; the curve still rises" if rising else ", no more than chance"
            found.append(Limit("More loans", text, bool(rising)))
    split = findings.splits
    if split is not None and len(split):
        whole = split[split.index.get_level_values("segment") == "all"]
        better = whole["low"] > 0
        proven = better & (holm(whole["p_value"]) < SIGNIFICANT)
        for which, words in (
            (proven, "several cards would rank better, by"),
            (better & ~proven, f"looks better, yet by chance one of {len(whole)} may: a split by"),
        ):
            if which.any():
                told = (
                    f"{plain(name)} ({row['difference']:+.3f}, {row['low']:+.3f} to "
                    f"{row['high']:+.3f})"
                    for (name, _), row in whole[which].iterrows()
                )
                found.append(Limit("One card", f"{words} {listed(told)}", which is proven))
    return found


def _suppliers(findings: Findings, model: str, called: str) -> list[Limit]:
    """Which families that are bought a model rests on."""
    worth = findings.families
    if worth is None or model not in worth.index.get_level_values(0):
        return []
    known = worth.loc[model].dropna(subset="difference")
    own = [family for family in known.index if family in findings.own_families]
    bought = known.drop(index=own).sort_values("difference", ascending=False, kind="stable")
    if bought.empty:
        return []
    proven = bought["low"] > 0
    shown = bought[proven] if proven.any() else bought.head(1)
    falls = listed(
        f"{plain(family)} by {row['difference']:.3f} ({row['low']:+.3f} to {row['high']:+.3f})"
        for family, row in shown.iterrows()
    )
    text = f"without a family that is bought the AUC of {called} would fall: {falls}"
    text += "" if proven.any() else ", which chance can explain"
    text += f"; not for sale: {listed(plain(name) for name in own)}" if own else ""
    return [Limit("Suppliers", text, bool(proven.any()))]


def _limits_of_fairness(
    features: Sequence[Feature], card: Scorecard, findings: Findings
) -> list[Limit]:
    used = [f.label for f in features if f.protected and f.name in card.coefficients_.index]
    found = []
    if used:
        text = f"on the card, which many laws forbid: {listed(used)}"
        found.append(Limit("Protected attributes", text, True))
    return [*found, *group_limits(findings.fairness), *risk_limit(findings.fairness)]


# -- key figures -----------------------------------------------------------------------------------


def validation_figures(
    findings: Findings, facts: SourceFacts | None = None, scores: pd.DataFrame | None = None
) -> dict[str, str]:
    """What the front page shows of a validation: label → text, each with how sure it is.

    Parameters
    ----------
    findings : Findings
    facts : SourceFacts, optional
    scores : DataFrame, optional
        As in :func:`model_card_sections`.

    Returns
    -------
    dict of str to str
        Until when the data reach, where facts and scores bear dates; calibration slope, grades in
        red and groups below four fifths of both models; groups of today's policy and of the
        recommended rule, where it is another.
    """
    figures = {}
    if facts is not None and scores is not None and "applied_at" in scores:
        until = facts.observed_to or scores["applied_at"].max()
        late = scores[scores["sample"] == samples_present(scores["sample"])[-1]]
        day = f"{until.day} {until:%B %Y}"
        figures["Data until"] = f"{day}; judged on applications {period_text(late)}"
    grades = {"card": findings.grades, "challenger": findings.challenger_grades}
    fair = {"card": findings.fairness, "challenger": findings.challenger_fairness}
    for name, model in (("card", "scorecard"), ("challenger", "challenger")):
        figures[f"Calibration slope of the {name}"] = _slope_text(findings.accuracy, model)
        figures[f"Grades of the {name} in red"] = _grades_text(findings, grades[name], model)
        figures[f"Groups below four fifths, {name}"] = groups_text(fair[name])
    for name, table in findings.rule_fairness.items():
        if name in (TODAY, RECOMMENDED):
            figures[f"Groups below four fifths, {name}"] = groups_text(table)
    return figures


def _slope_text(accuracy: pd.DataFrame | None, model: str) -> str:
    if accuracy is None or not np.isfinite(accuracy.loc[model, "slope"]):
        return "not known"
    row = accuracy.loc[model]
    return f"{row['slope']:.2f} ({row['slope_low']:.2f} to {row['slope_high']:.2f})"


def _grades_text(findings: Findings, grades: pd.DataFrame | None, model: str) -> str:
    if grades is None:
        return "not known"
    off = grades[grades["light"] == "red"]
    if off.empty:
        return f"0 of {len(grades)}"
    surely = grades_limit(grades, findings.bands_of(model)).is_red
    sides = " and ".join(dict.fromkeys(off["side"]))
    told = f"{sides} beyond chance" if surely else f"{sides}, which chance can explain"
    return f"{len(off)} of {len(grades)}, {told}"

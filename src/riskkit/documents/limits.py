"""What a model cannot be asked, and what about it deserves attention: the limits of a scorecard.

Takes the card, its samples and the tables a run has found; gives one :class:`Limit` a matter, in
words of which every figure and every judgement is computed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from riskkit import metrics
from riskkit.binning import LEAKAGE_IV
from riskkit.documents.words import (
    MIN_LOANS,
    Findings,
    count,
    groups,
    interval,
    large,
    listed,
    loans,
    plain,
    verdict,
)
from riskkit.evidence import FOUR_FIFTHS, RECOMMENDED, TODAY
from riskkit.profile import period_text
from riskkit.schema import Feature, SourceFacts
from riskkit.target import samples_present

if TYPE_CHECKING:
    from riskkit.scorecard import Scorecard, ScoreScale

__all__ = [
    "Limit",
    "below_text",
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
MIN_BADS = 10  # of a segment, seen or expected
SIGNIFICANT = 0.05  # p-value below which a test rejects
SURELY = 0.01
MIN_P_VALUE = 0.0001  # smaller ones are called below it


class Limit(NamedTuple):
    """One thing to know before the model is used: of what, in words, whether it is a worry.

    A worry is red where a test rejects the model, not only where little is known.
    """

    topic: str
    text: str
    attention: bool
    is_red: bool = False


def model_limits(
    card: Scorecard,
    facts: SourceFacts,
    features: Sequence[Feature],
    scores: pd.DataFrame,
    selection: pd.DataFrame,
    findings: Findings,
) -> list[Limit]:
    """What the model cannot be asked, and what about it deserves attention, all computed.

    Parameters
    ----------
    card, facts, features, scores, selection, findings
        As in :func:`model_card_sections`.

    Returns
    -------
    list of Limit
        topic, text, attention; a matter that cannot be computed from what is given is not in it.
    """
    labels = {feature.name: feature.label for feature in features}
    return [
        *_limits_of_sample(card, facts, scores),
        *_limits_of_features(card, features, selection, labels),
        *_limits_of_performance(scores, findings),
        *_limits_of_calibration(card.score_scale, scores, findings),
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
    found = [*_limits_of_calibration(scale, scores, own, "challenger"), *_limit_of_groups(own)]
    return [limit._replace(topic=f"{limit.topic}, challenger") for limit in found]


def rule_limits(findings: Findings) -> list[Limit]:
    """Whom today's policy and the recommended rule treat how.

    Parameters
    ----------
    findings : Findings
        A rule of `rule_fairness` that nobody recommends is passed over.
    """
    return [
        limit._replace(topic=f"{limit.topic}, {name}")
        for name, table in findings.rule_fairness.items()
        if name in (TODAY, RECOMMENDED) and len(table)
        for limit in _limit_of_groups(replace(findings, fairness=table))
    ]


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


def _limits_of_calibration(
    scale: ScoreScale, scores: pd.DataFrame, findings: Findings, model: str = "scorecard"
) -> list[Limit]:
    late = scores[scores["sample"] == samples_present(scores["sample"])[-1]]
    bads, n = late["default_flag"].sum(), late["default_flag"].count()
    predicted = float(scale.probability(late[model]).mean())
    least, most = (float(end) for end in metrics.jeffreys_interval(bads, n, 0.95))
    # the slope is silent on a level that is wrong for everybody
    text = f"{predicted:.2%} predicted, {bads / n:.2%} bad ({least:.2%} to {most:.2%})"
    found = [Limit("Level of risk", text, not least <= predicted <= most)]
    if findings.accuracy is not None:
        row = findings.accuracy.loc[model]
        ends = row["slope_low"], row["slope_high"]
        text = f"slope {interval(row['slope'], *ends)}, where 1 is perfect"
        if pd.isna(row["slope"]):
            text = "too few goods or bads, or the score separates them: no slope can be fitted"
        elif ends[1] < 1:
            text += "; too sure of itself"
        elif ends[0] > 1:
            text += "; too cautious"
        found.append(Limit("Calibration", text, not ends[0] <= 1 <= ends[1]))
        found.append(_groups_apart(row["hosmer_lemeshow"], row["p_value"]))
    table = findings.calibration
    if table is not None and len(large(table)):
        table = large(table)
        # of fewer bads, seen and expected, an interval says little
        table = table[table["loans"] * table[["bad_rate", model]].max(axis=1) >= MIN_BADS]
        off = table[f"{model}_outside"].astype(bool)
        expected = 0.05 * len(table)
        text = (
            f"the prediction lies outside the 95 % interval in {off.sum()} of {len(table)} "
            f"segments of at least {MIN_LOANS} loans and {MIN_BADS} bads, where chance alone "
            f"leaves {expected:.1f}"
        )
        many = off.sum() > expected + 2 * np.sqrt(expected)
        text += f": {groups(table.index[off])}" if off.any() else ""
        found.append(Limit("Calibration by segment", text, bool(many)))
    if findings.grades is not None and "light" in findings.grades:
        found.append(_limit_of_grades(findings.grades))
    return found


def _groups_apart(statistic: float, p_value: float) -> Limit:
    said = f"{p_value:.4f}" if p_value >= MIN_P_VALUE else f"below {MIN_P_VALUE:g}"
    text = f"Hosmer–Lemeshow {statistic:.1f} over groups of loans, p-value {said}"
    apart = p_value < SIGNIFICANT
    text += "; groups turn bad at other rates than predicted" if apart else ""
    # near 5 % the verdict hangs on how loans are grouped
    return Limit("Calibration by group", text, apart, p_value < SURELY)


def _limit_of_grades(grades: pd.DataFrame) -> Limit:
    """Grades that turn bad more often than the training loans promised.

    The light takes the probability of a grade as known. Here it is what a few training bads say,
    and one of all the grades may miss by chance: only what is left after both is red.
    """
    lights = grades["light"].value_counts()
    red, amber = (int(lights.get(name, 0)) for name in ("red", "amber"))
    text = f"{red} of {len(grades)} are red, {amber} amber"
    off = grades[grades["light"] == "red"]
    told = (
        f"grade {grade} ({row['bad']:,.0f} bads of {row['n']:,.0f}, "
        f"{row['probability'] * row['n']:.1f} expected)"
        for grade, row in off.iterrows()
    )
    text += f": {listed(told)}" if len(off) else ""
    if not len(off):
        return Limit("Grades", text, False)
    if "taught" not in grades:
        # probabilities that the model states, with no count of loans behind them
        surely = bool(_holm(grades["jeffreys_p_value"])[off.index].min() < SIGNIFICANT)
        text += "" if surely else "; chance in one of so many can explain it"
        return Limit("Grades", text, True, surely)
    counts = grades[["bad", "n", "taught_bad", "taught"]].fillna(0).to_numpy()
    p_values = pd.Series(
        [
            stats.fisher_exact(
                [[bad, n - bad], [before, loans - before]], alternative="greater"
            ).pvalue
            for bad, n, before, loans in counts.astype(int)
        ],
        index=grades.index,
    )
    surely = bool(_holm(p_values)[off.index].min() < SIGNIFICANT)
    text += "" if surely else "; training bads are few, and chance in one of so many can explain it"
    return Limit("Grades", text, True, surely)


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
    found = []
    worth = findings.families
    if worth is not None and "scorecard" in worth.index.get_level_values(0):
        of_card = worth.loc["scorecard"].dropna(subset="difference")
        if len(of_card):
            most = of_card["difference"].idxmax()
            row = of_card.loc[most]
            proven = row["low"] > 0
            text = (
                f"without the family {most} the AUC of a card of all features would fall by "
                f"{row['difference']:.3f} ({row['low']:+.3f} to {row['high']:+.3f})"
            )
            text += "" if proven else ", which chance can explain"
            found.append(Limit("Suppliers", text, bool(proven)))
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
        proven = better & (_holm(whole["p_value"]) < SIGNIFICANT)
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


def _holm(p_values: pd.Series) -> pd.Series:
    """P-values of several tests, so that one in twenty such sets errs at 0.05 (Holm, 1979)."""
    ascending = p_values.dropna().sort_values()
    stepped = ascending * np.arange(len(ascending), 0, -1)
    return stepped.cummax().clip(upper=1.0).reindex(p_values.index)


def _limits_of_fairness(
    features: Sequence[Feature], card: Scorecard, findings: Findings
) -> list[Limit]:
    used = [f.label for f in features if f.protected and f.name in card.coefficients_.index]
    found = []
    if used:
        text = f"on the card, which many laws forbid: {listed(used)}"
        found.append(Limit("Protected attributes", text, True))
    return [*found, *_limit_of_groups(findings)]


def _limit_of_groups(findings: Findings) -> list[Limit]:
    table = findings.fairness
    if table is None or table.empty:
        text = "treatment of protected groups could not be looked at"
        return [Limit("Fairness", text, True)]
    low = table["impact_ratio"] < FOUR_FIFTHS
    reach = int((~low & (table["impact_low"] < FOUR_FIFTHS)).sum())
    text = f"no group has an impact ratio below {FOUR_FIFTHS:g}"
    if low.any():
        ratios = (
            f"{what} {plain(who)} ({below_text(row['impact_ratio'])}, {row['impact_low']:.2f} to "
            f"{row['impact_high']:.2f})"
            for (what, who), row in table[low].iterrows()
        )
        text = f"impact ratio below {FOUR_FIFTHS:g}: {listed(ratios)}"
    text += f"; {count(reach, 'interval')} of others may reach below" if reach else ""
    # beyond chance only where the whole interval lies below
    surely = bool((table["impact_high"] < FOUR_FIFTHS).any())
    return [Limit("Fairness", text, bool(low.any()), surely)]


def below_text(ratio: float) -> str:
    """A ratio below four fifths, in as many digits as it takes not to read as four fifths."""
    digits = 3
    while float(f"{ratio:.{digits}f}") >= FOUR_FIFTHS:
        digits += 1
    return f"{ratio:.{digits}f}"


# -- key figures -----------------------------------------------------------------------------------


def validation_figures(findings: Findings) -> dict[str, str]:
    """What the front page shows of a validation: label → text, each with how sure it is.

    Parameters
    ----------
    findings : Findings

    Returns
    -------
    dict of str to str
        Calibration slope, grades in red and groups below four fifths of both models; groups of
        today's policy and of the recommended rule, where it is another.
    """
    figures = {}
    grades = {"card": findings.grades, "challenger": findings.challenger_grades}
    fair = {"card": findings.fairness, "challenger": findings.challenger_fairness}
    for name, model in (("card", "scorecard"), ("challenger", "challenger")):
        figures[f"Calibration slope of the {name}"] = _slope_text(findings.accuracy, model)
        figures[f"Grades of the {name} in red"] = _grades_text(grades[name])
        figures[f"Groups below four fifths, {name}"] = _groups_text(fair[name])
    for name, table in findings.rule_fairness.items():
        if name in (TODAY, RECOMMENDED):
            figures[f"Groups below four fifths, {name}"] = _groups_text(table)
    return figures


def _slope_text(accuracy: pd.DataFrame | None, model: str) -> str:
    if accuracy is None or not np.isfinite(accuracy.loc[model, "slope"]):
        return "not known"
    row = accuracy.loc[model]
    return f"{row['slope']:.2f} ({row['slope_low']:.2f} to {row['slope_high']:.2f})"


def _grades_text(grades: pd.DataFrame | None) -> str:
    if grades is None:
        return "not known"
    red = int((grades["light"] == "red").sum())
    if not red:
        return f"{red} of {len(grades)}"
    surely = "beyond chance" if _limit_of_grades(grades).is_red else "which chance can explain"
    return f"{red} of {len(grades)}, {surely}"


def _groups_text(table: pd.DataFrame | None) -> str:
    if table is None or table.empty or table["impact_ratio"].isna().all():
        return "not known"
    below = table["impact_ratio"] < FOUR_FIFTHS
    surely = int((below & (table["impact_high"] < FOUR_FIFTHS)).sum())
    perhaps = int((~below & (table["impact_low"] < FOUR_FIFTHS)).sum())
    return f"{below.sum()} of {len(table)} ({surely} beyond chance; {perhaps} more may be)"

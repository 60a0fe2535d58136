"""What a committee must know of a scorecard, in the order it asks: the parts of a model document.

Takes the card, its samples and the tables a run has found; gives sections for
:func:`write_document`. Every figure and every judgement in the words is computed from them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from riskkit.documents.features import selection_in_labels
from riskkit.documents.limits import challenger_limits, model_limits, rule_limits
from riskkit.documents.looks import show_finding
from riskkit.documents.performance import calibration_parts, performance_parts, stability_parts
from riskkit.documents.recommended import recommended_parts, rule_text
from riskkit.documents.words import (
    Findings,
    Limit,
    count,
    interval,
    lights_in_words,
    listed,
    loans,
    plain,
    samples_in_words,
    verdict,
)
from riskkit.evidence import FOUR_FIFTHS
from riskkit.plots import new_axes, plot_learning_curve, show_table
from riskkit.profile import period_text, sample_sizes
from riskkit.schema import Feature, SourceFacts
from riskkit.target import samples_present

if TYPE_CHECKING:
    from riskkit.challenger import Challenger
    from riskkit.documents.page import Section
    from riskkit.scorecard import Scorecard

__all__ = ["model_card_sections"]


def model_card_sections(
    card: Scorecard,
    facts: SourceFacts,
    features: Sequence[Feature],
    scores: pd.DataFrame,
    selection: pd.DataFrame,
    findings: Findings,
    *,
    challenger: Challenger | None = None,
    parameters: pd.DataFrame | None = None,
    versions: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
    today: pd.Timestamp | None = None,
    sample_text: str = "",
) -> list[Section]:
    """Sections of a model document; what a source cannot feed is left out or named as missing.

    Parameters
    ----------
    card : Scorecard
    facts : SourceFacts
    features : sequence of Feature
        The whole catalogue, those set aside included.
    scores : DataFrame
        Every application: sample, default_flag, approved, booked, scorecard, challenger, and
        applied_at where it is known.
    selection : DataFrame
        Of :func:`binning.select_features`.
    findings : Findings
    challenger : Challenger, optional
        The other model, which a rule may be recommended of.
    parameters : DataFrame, optional
        Index parameter: value, meaning.
    versions, files : mapping of str to str, optional
        Package → version; file → sha256.
    today : Timestamp, optional
        Against which the age of the data is told.
    sample_text : str
        How many of the applications were read row by row, of :class:`pipeline.Stage`; empty: all.
    """
    limits = model_limits(card, facts, features, scores, selection, findings, today=today)
    every = [*limits, *rule_limits(findings)]
    if challenger is not None:
        every += challenger_limits(card.score_scale, scores, findings)
    labels = {feature.name: feature.label for feature in features}
    return [
        ("In short", _summary(card, facts, scores, findings, every, files or {}, sample_text)),
        ("Purpose", _purpose(card, facts, features)),
        ("Sample", _sample(facts, scores, sample_text)),
        ("Definition of bad", _definition(facts, scores)),
        ("The card", _card(card, features, labels, selection)),
        ("Performance", performance_parts(scores, findings)),
        ("Calibration", calibration_parts(card, scores, findings)),
        ("Stability", stability_parts(facts, scores, findings)),
        ("What the model rests on", _of_sample(_dependence(findings), sample_text)),
        ("Fairness", _fairness(features, card, findings)),
        ("The declined", _of_sample(_declined(facts, scores, findings), sample_text)),
        (
            "The challenger and the recommended rule",
            recommended_parts(challenger, card.score_scale, facts, scores, findings),
        ),
        ("Limits", _limits(limits)),
        ("Versions", _versions(card, parameters, versions, files)),
    ]


# -- sections --------------------------------------------------------------------------------------


def _summary(
    card: Scorecard,
    facts: SourceFacts,
    scores: pd.DataFrame,
    findings: Findings,
    limits: Sequence[Limit],
    files: Mapping[str, str],
    sample_text: str,
) -> list[Any]:
    kinds = samples_present(scores["sample"])
    sizes = sample_sizes(scores)
    told = {
        "Source": facts.title,
        "Model": f"scorecard of {count(len(card.coefficients_), 'feature')} in whole points",
        "Bad": facts.bad_text,
    }
    for row in sizes.itertuples():
        told[loans(row.Index).capitalize()] = (
            f"{row.loans:,}, of which {row.bad:,} bad ({row.bad_rate:.1%})"
        )
    if sample_text:
        told["Learned from"] = "the training loans of a sample of applications, section 3"
    found = findings.discrimination
    if found is not None:
        row = found.loc[(kinds[-1], "scorecard")]
        told[f"AUC, {plain(kinds[-1])}"] = interval(row["auc"], row["auc_low"], row["auc_high"])
    if findings.comparison is not None:
        told["Against the challenger"] = verdict(findings.comparison.loc[kinds[-1]])
    if findings.rules is not None:
        told["Recommended rule"] = rule_text(findings.rules, facts.currency, short=True)
        taken = findings.rules[findings.rules["is_recommended"].astype(bool)]
        if len(taken) and taken["model"].iloc[0] == "challenger":
            told["Model of that rule"] = "the challenger, not this card: boosted trees, section 12"
    told["Deserves attention"] = lights_in_words(limits) or "nothing below its threshold"
    if "scorecard.json" in files:
        told["Model file"] = f"scorecard.json, sha256 {files['scorecard.json']}"
    return [told]


def _purpose(card: Scorecard, facts: SourceFacts, features: Sequence[Feature]) -> list[Any]:
    scale = card.score_scale
    used = [feature for feature in features if feature.name in card.coefficients_.index]
    families = listed(dict.fromkeys(feature.family for feature in used))
    target, odds = scale.target_score, scale.target_odds
    return [
        "The card estimates, from what is known when somebody applies, the probability that the "
        f"loan turns bad: {facts.bad_text}. A higher score is safer. It was made on "
        f"the data of “{facts.title}”.",
        f"It adds up whole points. A score of {target:g} means {odds:g} good loans to one bad, a "
        f"probability of {float(scale.probability(target)):.2%}, and every {scale.pdo:g} points "
        f"double these odds: {target - scale.pdo:g} stands for "
        f"{float(scale.probability(target - scale.pdo)):.2%}, {target + scale.pdo:g} for "
        f"{float(scale.probability(target + scale.pdo)):.2%}.",
        f"It knows an applicant by {count(len(used), 'feature')} ({families}). {_forbidden(used)} "
        f"Amounts are in {facts.currency}.",
    ]


def _forbidden(used: Sequence[Feature]) -> str:
    parts = []
    for what, names in (
        ("protected", [f.label for f in used if f.protected]),
        ("known only after the decision", [f.label for f in used if f.known_afterwards]),
    ):
        parts.append(f"{listed(names)} {'is' if len(names) == 1 else 'are'} {what}." if names
                     else f"None of them is {what}.")  # fmt: skip
    return " ".join(parts)


def _of_sample(parts: list[Any], sample_text: str) -> list[Any]:
    # a section of one sentence shows no figure
    is_counted = any(not isinstance(part, str) for part in parts)
    return ["Of the sample told of in section 3.", *parts] if sample_text and is_counted else parts


def _sample(facts: SourceFacts, scores: pd.DataFrame, sample_text: str) -> list[Any]:
    sizes = sample_sizes(scores)
    booked = int(scores["booked"].sum())
    labelled = int(scores["default_flag"].notna().sum())
    parts: list[Any] = [
        f"{len(scores):,} applications {period_text(scores)}, {booked:,} of them booked loans, "
        f"{labelled:,} with a known outcome.",
    ]
    if facts.observed_to is not None:
        parts.append(f"Loans were watched up to {facts.observed_to:%d %B %Y}.")
    if facts.accepted_only:
        parts.append("The source holds granted loans only; who was declined is not known.")
    else:
        parts.append(f"The old policy approved {scores['approved'].mean():.1%} of applicants.")
    caption = "Loans that taught the model and loans that judged it"
    parts.append(show_table(samples_in_words(sizes), caption=caption))
    if sample_text:
        parts.append(
            f"{sample_text.strip('*')} Card and challenger learned from its training loans alone, "
            "and were then calibrated on all training loans."
        )
    parts.append(
        f"No model was fitted on the {loans(sizes.index[-1])}; every judgement below is made on "
        "them unless it says otherwise. Intervals take loans as independent of each other, also "
        "those of one customer."
    )
    if facts.notes:
        parts += ["What the source says of itself:", list(facts.notes)]
    return parts


def _definition(facts: SourceFacts, scores: pd.DataFrame) -> list[Any]:
    booked = int(scores["booked"].sum())
    unknown = int((scores["booked"] & scores["default_flag"].isna()).sum())
    told = f"Each of the {booked:,} booked loans has an outcome under this definition."
    if unknown:
        told = (
            f"{unknown:,} of {booked:,} booked loans ({unknown / booked:.1%}) have no outcome "
            "under this definition, and neither taught nor judged the model."
        )
    parts = [f"A loan is bad when it is {facts.bad_text}.", told]
    between = facts.bad.indeterminate_dpd
    if between is not None and not facts.label_text:
        parts.append(
            f"Loans more than {between} days past due that are not bad are indeterminate: they "
            "have no label, so the bad rates here are not those of the whole book."
        )
    return parts


def _card(
    card: Scorecard,
    features: Sequence[Feature],
    labels: Mapping[str, str],
    selection: pd.DataFrame,
) -> list[Any]:
    table = card.coefficients()
    # that of a test made once, of features as given; the one that chose them stands instead
    shown = table.drop(columns=["z", "p_value"])
    tested = "All features with the right sign are on the card; none was tested."
    if len(card.choice_):
        shown = shown.join(card.choice_[["p_value", "chosen_again"]])
        tested = (
            "Features were chosen by a likelihood ratio test, one-sided, on loans that did not "
            "choose their bins; its p-value is one after selection, and so too small. Beside it "
            "stands in what share of 200 resamples the test chooses the feature again. The "
            "coefficients come from that regression, since bins flatter the loans that made them."
        )
    shown = shown.rename(index=labels)
    start = "No points are given in advance."
    if card.base != "spread":
        start = f"Every applicant starts at {card.base_points_} points."
    by_name = {feature.name: feature for feature in features}
    bins = [_bins(card, by_name[str(name)]) for name in table.index]
    return [
        "A logistic regression on the weight of evidence (WoE) of bins, rounded to whole points; "
        "the rounded card is the model. No coefficient may be above 0, so that a safer bin never "
        f"costs points. {tested} {start} The points of one bin of each feature are added; its "
        "reach is from the fewest to the most of them.",
        show_finding("coefficients", shown, caption="Features on the card, by their reach"),
        ("Features with their bins", [
            "Bins are made on the training loans; loans, bad rate and WoE are those of these "
            "loans. A bin without loans is treated like the riskiest.", bins,
        ]),
        ("Features left out", _left_out(card, features, labels, selection)),
    ]  # fmt: skip


def _bins(card: Scorecard, feature: Feature) -> Any:
    bins = card.binner_.table(feature.name)
    table = pd.DataFrame(
        {
            "loans": (bins["good"] + bins["bad"]).astype("int64"),
            "bad": bins["bad"].astype("int64"),
            "bad_rate": bins["bad_rate"],
            "woe": bins["woe"],
            "points": card.points_[feature.name][:-1],
        }
    )
    meanings = {f"special {code:g}": text for code, text in feature.special_codes.items()}
    table.index = pd.Index(
        [f"{name}: {meanings[name]}" if name in meanings else str(name) for name in table.index],
        name="bin",
    )
    stated = {1: "more is riskier", -1: "more is safer", 0: "no direction of risk stated"}
    told = [feature.family, feature.unit, stated[feature.risk_direction]]
    caption = f"{feature.label} ({', '.join(word for word in told if word)})"
    formats = {"woe": "signed", "loans": "whole", "bad": "whole"}
    return show_table(table, formats, names={"woe": "WoE"}, caption=caption, rows=len(table) + 1)


def _left_out(
    card: Scorecard,
    features: Sequence[Feature],
    labels: Mapping[str, str],
    selection: pd.DataFrame,
) -> list[Any]:
    left = selection[~selection.index.isin(card.coefficients_.index)]
    dropped = [
        card.dropped_.get(str(name), "not taken") if row["selected"] else row["reason"]
        for name, row in left.iterrows()
    ]
    # labels before underscores go: they find the names they stand for
    table = selection_in_labels(left.assign(reason=dropped), labels)[["iv", "reason"]]
    table["reason"] = table["reason"].map(plain)
    parts: list[Any] = []
    if len(table):
        parts.append(
            show_table(
                table.rename_axis("feature"),
                {"iv": "three"},
                names={"iv": "IV"},
                caption="Offered, and not on the card",
                rows=len(table),
            )
        )
    aside = {
        "protected": [f.label for f in features if f.protected and f.name not in selection.index],
        "known only afterwards": [f.label for f in features if f.known_afterwards],
    }
    for why, names in aside.items():
        if names:
            parts.append(f"Never offered, because {why}: {listed(names)}.")
    return parts


def _dependence(findings: Findings) -> list[Any]:
    parts: list[Any] = []
    if findings.families is not None:
        parts.append(
            ("Families of features", [
                "Both models are fitted without each family in turn. The card is one of all binned "
                "features that are left, so that others can stand in; with all of them it need not "
                "be the card above. Families tell part of the same story: their worth does not "
                "add up.",
                show_finding(
                    "families", findings.families, caption="What each family is worth"
                ),
            ])
        )  # fmt: skip
    if findings.learning is not None:
        table = findings.learning
        shown = table.dropna(axis=1, how="all")
        inner: list[Any] = [
            "Both models learn from more and more of the training loans; gain is that over the "
            "next smaller share. A share with too few bads is left out.",
            show_finding("learning", shown, caption="AUC by loans learned from"),
        ]
        if len(set(table.index.get_level_values("share"))) > 1:
            inner.append(plot_learning_curve(table, ax=new_axes(6.4, 3.4)))
        parts.append(("More loans", inner))
    split = findings.splits
    if split is not None and len(split):
        told = "Splitting pays where the interval over all loans lies above 0."
        caption = "A card for each segment against one for all"
        table = show_finding("splits", split, caption=caption)
        parts.append(("One card or several", [told, table]))
    return parts


def _fairness(features: Sequence[Feature], card: Scorecard, findings: Findings) -> list[Any]:
    protected = [feature for feature in features if feature.protected]
    if not protected:
        return ["The source names no protected attribute: nothing can be said of fairness."]
    used = [f.label for f in protected if f.name in card.coefficients_.index]
    told = f"On the card: {listed(used)}." if used else "None of them is on the card."
    parts: list[Any] = [
        f"Protected attributes: {listed(f.label for f in protected)}. {told} Other features may "
        "stand in for them.",
    ]
    found = findings.fairness
    if found is None or found.empty:
        return parts
    parts += [
        f"The card at a cutoff that approves {found.attrs['approval_rate']:.0%} of the applicants "
        "it is judged on. The impact ratio is a group's approval rate over that of the group "
        f"approved most often, small groups aside; below {FOUR_FIFTHS:g} it calls for reasons. Bad "
        "rates are of loans that were granted.",
        show_finding("fairness", found, caption="The scorecard, by group"),
    ]  # fmt: skip
    return parts


def _declined(facts: SourceFacts, scores: pd.DataFrame, findings: Findings) -> list[Any]:
    if facts.accepted_only:
        return ["The source holds granted loans only, so no statement about the declined is made."]
    if scores["approved"].all():
        return ["Nobody was declined."]
    if findings.declined is None:
        return ["No reject inference was made: the source does not say whom it declined, or why."]
    methods = findings.methods
    unknown = "The"
    if methods is None:
        unknown = "Nothing in the data says what the declined would have done; the"
    parts: list[Any] = [
        f"The card learned from loans the old policy granted. {unknown} table shows what would "
        "follow if they were so many times as bad as accepted applicants with the same score, at "
        "the old policy's approval rate. For this alone cards are made that learn from every loan "
        "with an outcome.",
        show_finding("declined", findings.declined, caption="By assumed uplift"),
    ]
    if methods is not None:
        parts.append(("Which guess was right", _methods(methods)))
    return parts


def _methods(found: pd.DataFrame) -> list[Any]:
    best = found["true_bias"].abs().idxmin()
    return [
        "This source is simulated: it knows the truth about the declined, and its lender approved "
        "some applicants at random, which is what a real one could measure by. Nearest to the "
        f"truth comes {best[0]} at uplift {best[1]:g}. Another lender's uplift is its own.",
        show_finding("methods", found, caption="Methods of reject inference"),
    ]


def _limits(limits: Sequence[Limit]) -> list[Any]:
    def told(attention: bool) -> list[str]:
        # red first
        ordered = sorted(limits, key=lambda x: not x.is_red)
        return [x.told for x in ordered if x.attention == attention]

    return [
        ("What deserves attention", [told(True)] if told(True) else []),
        ("What to keep in mind", [told(False)] if told(False) else []),
    ]


def _versions(
    card: Scorecard,
    parameters: pd.DataFrame | None,
    versions: Mapping[str, str] | None,
    files: Mapping[str, str] | None,
) -> list[Any]:
    parts: list[Any] = []
    if files:
        table = pd.DataFrame({"sha256": files}).rename_axis("file")
        parts += [
            "This document describes the very files with these hashes, and no others.",
            show_table(table, caption="Files"),
        ]
    if parameters is not None and len(parameters):
        parts.append(show_table(parameters, caption="Parameters of the models", rows=60))
    settings = {
        name: value
        for name, value in card.binner_.get_params(deep=False).items()
        if isinstance(value, int | float | str)
    }
    table = pd.DataFrame({"value": {name: str(value) for name, value in settings.items()}})
    parts.append(show_table(table.rename_axis("setting"), caption="Settings of the bins"))
    if versions:
        table = pd.DataFrame({"version": versions}).rename_axis("package")
        parts.append(show_table(table, caption="Versions"))
    return parts

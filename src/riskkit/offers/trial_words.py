"""What a trial of new offers says, in words for a report.

Takes the trial's steps; gives sentences, key figures and findings.
"""

from __future__ import annotations

import pandas as pd

from riskkit.columns import verbatim
from riskkit.offers.trial import LAWFUL, PART, TAKEN

__all__ = ["trial_figures", "trial_findings", "trial_text"]

MIN_BADS = 30


def trial_text(steps: pd.DataFrame, currency: str, *, step: str = "") -> str:
    """Sentences on whether the new offers earn more, and what each step does, as Markdown.

    Judged by profit, which was chosen beforehand; the other measures say how it came about.

    Parameters
    ----------
    steps : DataFrame
        Of :func:`trial_steps`.
    currency : str
    step : str
        The one whose parts were told apart, if any: those are named that gain or lose by it.

    Source
    ------
    riskkit definition. A step is said to earn more or less where its interval does not hold 0,
    which is printed as it decides: for all steps together (Bonferroni).
    """
    unit = verbatim(currency)
    names = _steps(steps)
    last = steps.loc[names[-1]]
    profit, bad = last.loc["profit_amount"], last.loc["bad_rate"]
    approval, take_up = last.loc["approval_rate"], last.loc["take_up_rate"]
    ends = f"{profit['difference']:+,.0f} {unit} ({profit['low']:+,.0f} to {profit['high']:+,.0f})"
    few = steps.attrs["bad"] < MIN_BADS
    if not profit["is_beyond_chance"]:
        verdict = f"the new offers earn **no more and no less beyond chance**: {ends}"
    else:
        verdict = f"**the new offers earn {_more(profit['difference'])}**: {ends}"
    text = (
        f"On {steps.attrs['applications']:,} applications whose loans have all come to their end, "
        f"with the same borrowers and the same random numbers, {verdict}, from "
        f"{profit['old']:,.0f} to {profit['new']:,.0f} {unit}. Approved are {approval['new']:.1%} "
        f"instead of {approval['old']:.1%}; of the offers {take_up['new']:.1%} instead of "
        f"{take_up['old']:.1%} are taken; {bad['new']:.2%} instead of {bad['old']:.2%} of the "
        f"loans turn bad ({bad['low'] * 100:+.2f} to {bad['high'] * 100:+.2f} points)"
        f"{' (fewer than 30 bads on a side: too few to say)' if few else ''}."
    )
    if LAWFUL in names:
        text += (
            " Against what today's offers would earn **within the cap** it is "
            f"{profit['lawful']:+,.0f} {unit} ({profit['lawful_low']:+,.0f} to "
            f"{profit['lawful_high']:+,.0f})."
        )
    if len(names) > 1:
        told = [f"*{verbatim(name)}* {_verdict(steps.loc[name, :])}" for name in names]
        text += (
            f" Step by step, of profit in {unit}, 95 % for all steps together: {'; '.join(told)}."
        )
    return text + _parts_text(steps, step, unit)


def _parts_text(steps: pd.DataFrame, step: str, unit: str) -> str:
    """Which parts a step makes earn more or less beyond chance, and what it does to take-up."""
    if step not in _steps(steps):
        return ""
    own = steps.loc[step]
    parts = own.filter(like=PART, axis=0).sort_values("added")
    told = []
    for rows, word in (
        (parts[parts["added_high"] < 0], "lose"),
        (parts[parts["added_low"] > 0].iloc[::-1], "gain"),
    ):
        each = []
        for measure, row in rows.iterrows():
            taken = own.loc[TAKEN + str(measure).removeprefix(PART)]
            before = taken["new"] - taken["added"]
            each.append(
                f"{verbatim(str(measure).removeprefix(PART))} {row['added']:+,.0f} (taken up "
                f"{before:.1%}, then {taken['new']:.1%})"
            )
        if each:
            told.append(f"these {word} beyond chance, {unit}: {'; '.join(each)}")
    return f" Of *{verbatim(step)}* {'; '.join(told)}." if told else ""


def trial_figures(steps: pd.DataFrame, currency: str) -> dict[str, str]:
    """Key figures: what the new offers earn more than the old ones, and which step how much of it.

    Parameters
    ----------
    steps, currency
        As in :func:`trial_text`.
    """
    unit, names = verbatim(currency), _steps(steps)
    profit = steps.loc[(names[-1], "profit_amount")]
    total = f"{profit['difference']:+,.0f} {unit} ({profit['low']:+,.0f} to {profit['high']:+,.0f})"
    total += f", on {steps.attrs['applications']:,} simulated applications"
    figures = {"New offers less old, profit": total}
    if len(names) > 1:
        told = [f"{name.removeprefix('+ ')} {_ends(steps.loc[name, :])}" for name in names]
        figures["Of that, step by step"] = f"{'; '.join(told)} {unit}"
    return figures


def trial_findings(
    steps: pd.DataFrame, currency: str, *, step: str = ""
) -> list[tuple[str, str, bool]]:
    """Steps that lose money beyond chance: (topic, sentence, whether it is red).

    Parameters
    ----------
    steps, currency
        As in :func:`trial_text`.
    step : str
        The one whose parts were told apart, if any: its parts are named where they lose.

    Returns
    -------
    list
        A step that loses beyond chance is a warning, one by the law as well, and so is a part of
        `step`. Red is only that all steps together lose, against today's offers within the cap
        where there is one.
    """
    names = _steps(steps)
    found = []
    for name in names:
        row = steps.loc[(name, "profit_amount")]
        if row["added_high"] < 0:
            why = ": what the cap takes from today's offers" if name == LAWFUL else ""
            text = f"{name}: {_ends(steps.loc[name, :])} {currency}, beyond chance{why}"
            found.append(("Profit of offers", text, False))
    if step in names:
        own = steps.loc[step].filter(like=PART, axis=0)
        losing = own[own["added_high"] < 0]
        if len(losing):
            told = "; ".join(
                f"{measure.removeprefix(PART)} {row['added']:+,.0f}"
                for measure, row in losing.sort_values("added").iterrows()
            )
            text = f"{step}, of which these lose beyond chance: {told} {currency}"
            found.append(("Profit of offers", text, False))
    last = steps.loc[(names[-1], "profit_amount")]
    within = LAWFUL in names
    if last["lawful_high" if within else "high"] < 0:
        than = "today's offers within the cap" if within else "today's offers"
        text = f"the new offers earn less than {than}, beyond chance"
        found.append(("Profit of offers", text, True))
    return found


def _steps(steps: pd.DataFrame) -> list[str]:
    return [*dict.fromkeys(steps.index.get_level_values("step"))]


def _verdict(step: pd.DataFrame) -> str:
    """What one step adds, and whether that is beyond chance among all steps."""
    row = step.loc["profit_amount"]
    beyond = row["added_low"] > 0 or row["added_high"] < 0
    return f"{_ends(step)}, **{_more(row['added']) if beyond else 'no more, no less'}**"


def _ends(step: pd.DataFrame) -> str:
    row = step.loc["profit_amount"]
    return f"{row['added']:+,.0f} ({row['added_low']:+,.0f} to {row['added_high']:+,.0f})"


def _more(difference: float) -> str:
    return "more" if difference > 0 else "less"

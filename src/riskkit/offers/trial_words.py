"""What a trial of new offers says, in words for a report.

Takes the trial's steps; gives sentences.
"""

from __future__ import annotations

import pandas as pd
from scipy.special import ndtri

from riskkit.columns import verbatim

__all__ = ["trial_text"]

MIN_BADS = 30


def trial_text(steps: pd.DataFrame, currency: str) -> str:
    """Sentences on whether the new offers earn more, and what each step does, as Markdown.

    Judged by profit, which was chosen beforehand; the other measures say how it came about.

    Parameters
    ----------
    steps : DataFrame
        Of :func:`trial_steps`.
    currency : str

    Source
    ------
    riskkit definition. A step is said to earn more or less where its 95 % interval does not hold
    0, adjusted for the number of steps (Bonferroni).
    """
    unit = verbatim(currency)
    names = [*dict.fromkeys(steps.index.get_level_values("step"))]
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
    if len(names) > 1:
        told = [_step_text(name, steps.loc[name, "profit_amount"], len(names)) for name in names]
        text += f" Step by step, of profit in {unit}: {'; '.join(told)}."
    return text


def _step_text(name: str, row: pd.Series, n_steps: int) -> str:
    """What one step adds, and whether that is beyond chance among all steps."""
    half = (row["added_high"] - row["added_low"]) / 2
    # from one interval of 95 % to one of each of so many
    half *= ndtri(1 - 0.025 / n_steps) / ndtri(0.975)
    verdict = _more(row["added"]) if abs(row["added"]) > half else "no more, no less"
    return (
        f"*{verbatim(name)}* {row['added']:+,.0f} ({row['added_low']:+,.0f} to "
        f"{row['added_high']:+,.0f}), **{verdict}**"
    )


def _more(difference: float) -> str:
    return "more" if difference > 0 else "less"

"""What to say of a projection: where cohorts end, which beyond the appetite, and how sure that is.

Takes the tables of this room; gives Markdown, and what deserves attention.
"""

from __future__ import annotations

import pandas as pd

from riskkit.columns import interval_text
from riskkit.projection.chain_ladder import ALL
from riskkit.projection.ends import ABOVE, ENDED, UNSURE

__all__ = [
    "backtest_text",
    "change_text",
    "projection_figures",
    "projection_findings",
    "projection_text",
]

CAVEAT = (
    "Age, cohort and calendar cannot be told apart in full, since each is given by the other two: "
    "a trend is laid to the calendar here, and goes on without a slope."
)


def projection_text(table: pd.DataFrame, term_months: int, appetite_rate: float) -> str:
    """Where the open cohorts will end and which beyond the appetite, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`projection_table`, with an appetite.
    term_months : int
        Of the loans.
    appetite_rate : float
        That it was made for.

    Source
    ------
    riskkit definition.
    """
    if table.empty:
        return f"No loan of {term_months} months has turned bad yet: nothing can be projected."
    cohorts = _open(table)
    if cohorts.empty:
        return f"No cohort of {term_months} months is still open: there is nothing to project."
    newest, whole = cohorts.iloc[-1], table.loc[ALL]
    end_mob = int(newest["end_mob"])
    text = (
        f"By month {end_mob} on book **{_told(whole)}** of all loans of {term_months} months will "
        f"have turned bad, {int(whole['bad']):,} have so far. The newest cohort, {newest.name}, "
        f"will end at {_told(newest)}, by the {newest['method']}. {CAVEAT}"
    )
    if end_mob < term_months:
        text += (
            f" **No cohort has been watched to the end of its term**: the projection stops at "
            f"month {end_mob}."
        )
    return f"{text}\n\n{_appetite_sentence(cohorts, appetite_rate)}"


def _appetite_sentence(cohorts: pd.DataFrame, appetite_rate: float) -> str:
    above = cohorts[cohorts["verdict"] == ABOVE]
    unsure = cohorts[cohorts["verdict"] == UNSURE]
    limit = f"the appetite of {appetite_rate:.2%}"
    if len(above):
        named = "; ".join(f"{name}: {_told(row)}" for name, row in above.iterrows())
        text = f"**{len(above)} of {len(cohorts)} open cohorts will end above {limit}**: {named}."
    else:
        text = f"No open cohort will for certain end above {limit}."
    if unsure.empty:
        return text
    likely = unsure["probability_above"].dropna()
    text += f" Of {len(unsure)} there are too few bads to say"
    if len(likely):
        text += (
            f"; likeliest to end above it is {likely.idxmax()}, with a probability of "
            f"{likely.max():.0%}"
        )
    return f"{text}."


def projection_figures(table: pd.DataFrame, term_months: int) -> dict[str, str]:
    """Label to text of where the newest cohort and all will end; nothing where none is open.

    Parameters
    ----------
    table : DataFrame
        Of :func:`projection_table`.
    term_months : int
        Of the loans.

    Source
    ------
    riskkit definition.
    """
    cohorts = _open(table)
    if cohorts.empty:
        return {}
    newest = cohorts.iloc[-1]
    label = f"of {term_months} months will end at, bad"
    return {
        f"{newest.name} {label}": _told(newest),
        f"All cohorts {label}": _told(table.loc[ALL]),
    }


def projection_findings(
    table: pd.DataFrame, term_months: int, appetite_rate: float
) -> list[tuple[str, str, bool]]:
    """Which open cohorts will end above the appetite: topic, text, and that it is red.

    Parameters
    ----------
    table : DataFrame
        Of :func:`projection_table`, with an appetite.
    term_months : int
        Of the loans.
    appetite_rate : float
        That it was made for.

    Source
    ------
    riskkit definition.
    """
    cohorts = _open(table)
    above = cohorts[cohorts["verdict"] == ABOVE]
    if above.empty:
        return []
    named = "; ".join(f"{name} at {_told(row)}" for name, row in above.iterrows())
    text = (
        f"{len(above)} of {len(cohorts)} open cohorts of {term_months} months will end above the "
        f"appetite of {appetite_rate:.2%}: {named}"
    )
    return [("Projection", text, True)]


def backtest_text(coverage: pd.DataFrame) -> str:
    """How often what came lay in the intervals of earlier projections, as a Markdown list.

    Parameters
    ----------
    coverage : DataFrame
        Of :func:`backtest_coverage`.

    Source
    ------
    riskkit definition.
    """
    if coverage.empty:
        return "There is no earlier month from which a projection could be held against what came."
    lines = []
    for hidden, row in coverage.xs(ALL, level="age").iterrows():
        times = ""
        if row["projected_new"] > 0:
            times = f", {row['ratio']:.2f} times as many ({row['ratio_low']:.2f} to "
            times += f"{row['ratio_high']:.2f})"
        lines.append(
            f"- {hidden} month{'' if hidden == 1 else 's'} ago: of {row['cohorts']:,.0f} cohorts "
            f"{row['inside']:,.0f} lie in the interval foretold; {row['projected_new']:,.0f} bads "
            f"more were foretold by now, {row['realised_new']:,.0f} came{times}."
        )
    of_all = coverage.xs(ALL, level="age")
    for side, off in (("low", of_all["ratio_low"] > 1), ("high", of_all["ratio_high"] < 1)):
        if off.any():
            lines.append(
                f"\n**Forecasts have run too {side}** from {int(off.sum())} of {len(of_all)} "
                "months looked back at, beyond the chance of single loans, though one bad month "
                "puts several cohorts out at once; those of today may be so, too."
            )
    return "\n".join(lines)


def change_text(change: pd.DataFrame) -> str:
    """Why the projection has changed, as Markdown.

    Parameters
    ----------
    change : DataFrame
        Of :func:`projection_change`.

    Source
    ------
    riskkit definition.
    """
    if change.empty:
        return (
            "There is no earlier projection to compare: no bad was known then, or no open cohort."
        )
    whole = change.loc[ALL]
    largest = change.drop(index=ALL)["change_rate"].abs().idxmax()
    row = change.loc[largest]
    return (
        f"The end of the cohorts open then was expected at {whole['previous_rate']:.2%} and is now "
        f"at **{whole['end_rate']:.2%}**: {_points(whole['new_data_rate'])} by the new data "
        f"({whole['new_bad']:,.0f} bads came where {whole['expected_bad']:,.1f} were expected, and "
        f"more or fewer loans are left at risk), {_points(whole['factors_rate'])} because the "
        "hazards to come are judged otherwise. Most "
        f"moved {largest}, from {row['previous_rate']:.2%} to {row['end_rate']:.2%} "
        f"({_points(row['new_data_rate'])} new data, {_points(row['factors_rate'])} hazards)."
    )


def _open(table: pd.DataFrame) -> pd.DataFrame:
    return table[(table["method"] != ENDED) & (table.index != ALL)]


def _told(row: pd.Series) -> str:
    return interval_text(row["end_rate"], row["end_rate_low"], row["end_rate_high"], "percent2")


def _points(rate: float) -> str:
    return f"{100 * rate:+.2f} points"

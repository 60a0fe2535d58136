"""The evidence for a definition of bad: its alternatives, and how long loans must be watched.

Takes the monthly panel or the outcomes; gives tables of what each definition would have labelled.
Outcomes know one event, their default: windows can be compared with them, days past due cannot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from riskkit.columns import calendar_months
from riskkit.loan_values import LoanValues
from riskkit.tables import Table
from riskkit.target.labels import BadDefinition, _flags, _watched_to_the_end
from riskkit.target.loan_ends import loan_ends

__all__ = [
    "alternative_definitions",
    "bad_timing",
    "definition_table",
    "definition_text",
    "indeterminate_table",
    "window_maturity",
    "window_text",
    "windows_to_compare",
]

QUARTER = 3  # months
ENOUGH_BADS = 30  # final bads of a term, for a share of them to say something of it


def windows_to_compare(term_months: pd.Series) -> tuple[int, ...]:
    """Windows of a half, three quarters, all and one and a half of the longest usual term.

    Usual is a term that at least a twentieth of the loans have.

    Parameters
    ----------
    term_months : Series
        Term of each loan.

    Returns
    -------
    tuple of int
        Months, ascending, each once.

    Raises
    ------
    ValueError
        No loan has a term.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> windows_to_compare(pd.Series([3, 6, 12, 12]))
    (6, 9, 12, 18)
    """
    shares = term_months.value_counts(normalize=True)
    if shares.empty:
        raise ValueError("windows_to_compare needs the term of at least one loan")
    usual = shares.index[shares >= min(0.05, shares.max())]
    longest = int(usual.max())
    return tuple(sorted({max(1, round(longest * part)) for part in (0.5, 0.75, 1, 1.5)}))


def alternative_definitions(
    chosen: BadDefinition, windows: Sequence[int], *, dpd: Sequence[int] = (30, 60, 90)
) -> tuple[BadDefinition, ...]:
    """Every pair of a threshold and a window, and the chosen definition itself.

    Parameters
    ----------
    chosen : BadDefinition
        Its indeterminates are kept where they fit; with no `dpd` only windows vary.
    windows : sequence of int
        Months; the chosen one joins them.
    dpd : sequence of int
        Days past due; the chosen one joins them.

    Returns
    -------
    tuple of BadDefinition
        By days past due, then by window, the chosen one last of its days; none twice.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> [definition_text(d) for d in alternative_definitions(BadDefinition(), [6, 12], dpd=[30])]
    ['30+, 6 months', '30+, 12 months', '90+, 6 months', '90+, 12 months']
    """
    found: list[BadDefinition] = []
    days: list[int | None] = [None]
    if chosen.dpd is not None:
        days = [*sorted({*dpd, chosen.dpd})]
    own = [] if chosen.window_months is None else [chosen.window_months]
    for past in days:
        low = chosen.indeterminate_dpd
        if low is not None and past is not None and low >= past:
            low = None
        for window in sorted({*windows, *own}):
            found.append(
                replace(chosen, dpd=past, window_months=window, by_term=None, indeterminate_dpd=low)
            )
        if past == chosen.dpd and chosen not in found:
            found.append(chosen)
    return tuple(found)


def definition_text(definition: BadDefinition) -> str:
    """Few words for a row of a table; ``str(definition)`` is the sentence.

    Examples
    --------
    >>> definition_text(BadDefinition(dpd=60, by_term={3: 6}, indeterminate_dpd=30))
    '60+, 12 months (term 3: 6), 31–60 left out'
    """
    late = "charged off" if definition.dpd is None else f"{definition.dpd}+"
    window = definition.window_months
    text = f"{late}, {'any time' if window is None else f'{window} months'}"
    if definition.by_term:
        terms = ", ".join(f"{term}: {own}" for term, own in sorted(definition.by_term.items()))
        text += f" (term {terms})"
    low = definition.indeterminate_dpd
    if low is not None:
        text += f", {low + 1}–{definition.dpd} left out" if definition.dpd else f", {low}+ left out"
    return text


def definition_table(
    book: pd.DataFrame | Table,
    chosen: BadDefinition,
    observed_to: pd.Timestamp,
    term_months: pd.Series | LoanValues,
    *,
    alternatives: Sequence[BadDefinition] | None = None,
) -> pd.DataFrame:
    """What each alternative definition would have labelled.

    Final bads are the loans that were bad at any time by the days past due of the chosen
    definition, among loans whose cohort was watched for the term and six months more.

    Parameters
    ----------
    book : DataFrame or Table
        The monthly panel (performance), or the outcomes.
    chosen : BadDefinition
    observed_to : Timestamp
        The last month-end seen.
    term_months : Series, index loan_id, or LoanValues
        Term of each loan of the book; outcomes carry their own.
    alternatives : sequence of BadDefinition, optional
        By default :func:`alternative_definitions` of `chosen` and :func:`windows_to_compare`.

    Returns
    -------
    DataFrame, index definition (in few words)
        - `last_cohort`: the youngest with every loan watched for the window; NaT where none;
        - `chosen`;
        - `labelled`: loans with a label; `bad` of them, `bad_rate`;
        - `indeterminate`: loans without a label because they fell behind, but not far enough;
        - `caught_rate`: share of final bads that are bad by this definition; `worst_term`, in
          months, of those with at least 30 final bads the one it catches the least of, and
          `worst_caught_rate`, that share; missing where no term has so many;
        - `came_back_rate`: share of its bads, among the loans watched to the end, that were paid
          off or stood current at last: called bad too early. NaN for outcomes.

        A rate of nothing is NaN.

    Raises
    ------
    ValueError
        A loan of the book without a term.

    Source
    ------
    Siddiqi (2006), Credit Risk Scorecards, chapter 4: performance window and definition of bad.

    Examples
    --------
    >>> book = pd.DataFrame({
    ...     "loan_id": ["a", "b", "c"], "cohort": pd.Timestamp("2023-01-01"), "term_months": 6,
    ...     "event": ["default", "default", "matured"], "event_mob": [4, 8, 6]})
    >>> table = definition_table(
    ...     book, BadDefinition(dpd=None, window_months=6), pd.Timestamp("2024-01-31"), None)
    >>> table["caught_rate"].to_dict()["charged off, 6 months"]
    0.5
    """
    base = _with_terms(book, chosen.dpd, observed_to, term_months)
    by_dpd = {chosen.dpd: base}
    watched = _watched_to_the_end(base)
    final = watched & (base["first_bad_mob"] <= base["observed_mob"])
    final_terms = base["term_months"][final]
    finals = final_terms.groupby(final_terms).size()
    enough = finals.index[finals >= ENOUGH_BADS]
    if alternatives is None:
        windows = windows_to_compare(base["term_months"])
        alternatives = alternative_definitions(chosen, windows)
    rows = []
    for definition in alternatives:
        if definition.dpd not in by_dpd:
            # one pass over the rows for each threshold, not for each definition
            by_days = loan_ends(book, definition.dpd, observed_to)
            columns = by_days[["first_bad_mob", "unseen_from"]]
            by_dpd[definition.dpd] = base.assign(**columns)
        loans = by_dpd[definition.dpd]
        flags = _flags(loans, definition)
        everyone = _flags(loans, replace(definition, indeterminate_dpd=None))
        bad = loans["first_bad_mob"] <= definition.window_of(loans["term_months"])
        came_back = np.nan if "event" in book.columns else _rate(loans["repaid"][bad & watched])
        immature = loans["cohort"][~_mature(loans, definition)]
        mature = loans["cohort"][~loans["cohort"].isin(immature.unique())]
        by_term = bad[final].groupby(final_terms).mean().reindex(enough)
        worst = None if by_term.empty else by_term.idxmin()
        rows.append(
            {
                "definition": definition_text(definition),
                "last_cohort": mature.max(),
                "chosen": definition == chosen,
                "labelled": int(flags.notna().sum()),
                "bad": int(flags.sum()),
                "bad_rate": flags.mean(),
                "indeterminate": int((everyone.notna() & flags.isna()).sum()),
                "caught_rate": _rate(bad[final]),
                "worst_term": np.nan if worst is None else int(worst),
                "worst_caught_rate": np.nan if worst is None else by_term[worst],
                "came_back_rate": came_back,
            }
        )
    return pd.DataFrame(rows).set_index("definition")


def window_text(table: pd.DataFrame, *, enough: float = 0.9) -> str:
    """One sentence on whether the chosen window is long enough, over all and by term, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`definition_table`, with the chosen definition among its rows.
    enough : float
        Least share of the final bads that a window should catch, in (0, 1].

    Raises
    ------
    ValueError
        `enough` out of range, or not exactly one chosen definition.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> table = pd.DataFrame({
    ...     "chosen": [True], "caught_rate": 0.91, "worst_term": 12, "worst_caught_rate": 0.8,
    ...     "came_back_rate": None, "last_cohort": pd.NaT})
    >>> print(window_text(table))  # doctest: +NORMALIZE_WHITESPACE
    The chosen window is **long enough over all, but too short for 12-month loans**: it catches 91%
    of the final bads, of those of 12-month loans 80%, less than 90%.
    """
    if not 0 < enough <= 1:
        raise ValueError(f"enough must be in (0, 1], got {enough!r}")
    if table["chosen"].sum() != 1:
        raise ValueError(f"one definition must be the chosen one, got {table['chosen'].sum()}")
    row = table[table["chosen"]].iloc[0]
    if pd.isna(row["caught_rate"]):
        return "The chosen window **cannot be judged** yet: no bad loan was watched to its end."
    short = f", less than {enough:.0%}"
    long_enough, worst = row["caught_rate"] >= enough, row["worst_caught_rate"]
    verdict = "long enough" if long_enough else "too short"
    caught = f"{row['caught_rate']:.0%} of the final bads{'' if long_enough else short}"
    # with one term there is nothing to add
    if worst < row["caught_rate"] and not np.isclose(worst, row["caught_rate"]):
        loans = f"{row['worst_term']:.0f}-month loans"
        caught += f", of those of {loans} {worst:.0%}"
        if long_enough and worst < enough:
            verdict += f" over all, but too short for {loans}"
            caught += short
    text = f"The chosen window is **{verdict}**: it catches {caught}"
    if pd.notna(row["came_back_rate"]):
        text += f"; {row['came_back_rate']:.0%} of its bads came back"
    if pd.notna(row["last_cohort"]):
        text += f"; the last cohort with all its labels is that of {row['last_cohort']:%B %Y}"
    return f"{text}."


def window_maturity(
    book: pd.DataFrame | Table,
    definition: BadDefinition,
    observed_to: pd.Timestamp,
    term_months: pd.Series | LoanValues,
    *,
    windows: Sequence[int] | None = None,
) -> pd.DataFrame:
    """How far each quarter's loans have shown, window by window.

    Parameters
    ----------
    book : DataFrame or Table
        The monthly panel (performance), or the outcomes.
    definition : BadDefinition
        Its days past due count, for every window.
    observed_to : Timestamp
        The last month-end seen.
    term_months : Series, index loan_id, or LoanValues
        Term of each loan of the book; outcomes carry their own.
    windows : sequence of int, optional
        Months; by default :func:`windows_to_compare` and the definition's own.

    Returns
    -------
    DataFrame, index (vintage, window_months)
        Vintage is the quarter of the cohort, such as "2024Q1". `loans`; `mature` of them, whose
        cohort was watched for the window, `mature_rate`; `bad` of these; `bad_rate`, NaN until the
        quarter's last cohort was watched for the window, since those that have already ended are
        not like the others; and
        `shown_rate`: bads within the window as a share of the final bads, NaN until every loan of
        the vintage was watched for the window, and for its term and six months more.

    Raises
    ------
    ValueError
        A loan of the book without a term.

    Source
    ------
    Siddiqi (2006), Credit Risk Scorecards, chapter 4: performance window.
    """
    loans = _with_terms(book, definition.dpd, observed_to, term_months)
    if windows is None:
        own = [] if definition.window_months is None else [definition.window_months]
        windows = sorted({*windows_to_compare(loans["term_months"]), *own})
    month = calendar_months(loans["cohort"])
    quarter = pd.PeriodIndex.from_ordinals(month // QUARTER, freq="Q").astype(str)
    watched = _watched_to_the_end(loans)
    final = loans["first_bad_mob"] <= loans["observed_mob"]
    seen = calendar_months([observed_to])[0] - pd.Series(month).groupby(quarter).max()
    parts = []
    for window in windows:
        flags = _flags(loans, BadDefinition(dpd=definition.dpd, window_months=window))
        shown = final & (loans["first_bad_mob"] <= window)
        cells = pd.DataFrame(
            {"mature": flags.notna(), "bad": flags.eq(1), "final": final, "shown": shown}
        )
        sums = cells.assign(loans=1, watched=watched).groupby(quarter).sum()
        table = sums[["loans", "mature"]].copy()
        table["mature_rate"] = sums["mature"] / sums["loans"]
        table["bad"] = sums["bad"]
        ripe = (sums["mature"] > 0) & (seen >= window)
        table["bad_rate"] = sums["bad"] / sums["mature"].where(ripe)
        settled = (sums["watched"] == sums["loans"]) & (sums["mature"] == sums["loans"])
        table["shown_rate"] = sums["shown"] / sums["final"].where(settled)
        parts.append(table)
    both = pd.concat(dict(zip(windows, parts, strict=True)), names=["window_months", "vintage"])
    return both.swaplevel().sort_index()


def bad_timing(
    book: pd.DataFrame | Table,
    definition: BadDefinition,
    observed_to: pd.Timestamp,
    term_months: pd.Series | LoanValues,
) -> pd.DataFrame:
    """Share of the final bads that has shown by each month on book, by term.

    :func:`window_coverage` for every window at once, over the same loans.

    Parameters
    ----------
    book : DataFrame or Table
        The monthly panel (performance), or the outcomes.
    definition : BadDefinition
        Its days past due count; its window does not.
    observed_to : Timestamp
        The last month-end seen.
    term_months : Series, index loan_id, or LoanValues
        Term of each loan of the book; outcomes carry their own.

    Returns
    -------
    DataFrame, index term_months, columns mob 0, 1, ... to the month of the last bad
        Fractions that rise to 1. A term without final bads is no row.

    Raises
    ------
    ValueError
        A loan of the book without a term.

    Source
    ------
    riskkit definition.
    """
    loans = _with_terms(book, definition.dpd, observed_to, term_months)
    final = loans[_watched_to_the_end(loans) & (loans["first_bad_mob"] <= loans["observed_mob"])]
    counts = pd.crosstab(final["term_months"], final["first_bad_mob"])
    last = int(np.max(final["first_bad_mob"].to_numpy(), initial=-1))
    counts = counts.reindex(columns=pd.RangeIndex(last + 1, name="mob"), fill_value=0)
    return counts.cumsum(axis=1).div(counts.sum(axis=1), axis=0)


def indeterminate_table(
    book: pd.DataFrame | Table,
    definition: BadDefinition,
    observed_to: pd.Timestamp,
    term_months: pd.Series | LoanValues,
    *,
    dpd: Sequence[int] = (15, 30, 60),
) -> pd.DataFrame:
    """Loans between good and bad: how many they are, and what became of them.

    Parameters
    ----------
    book : DataFrame or Table
        The monthly panel; outcomes have no days past due, so nobody lies between.
    definition : BadDefinition
        Indeterminates of its own join those tried.
    observed_to : Timestamp
        The last month-end seen.
    term_months : Series, index loan_id, or LoanValues
        Term of each loan of the book.
    dpd : sequence of int
        Lower limits tried, of which those below the definition's own count.

    Returns
    -------
    DataFrame, index more_than_days
        - `chosen`: whether the definition leaves them out;
        - `indeterminate`: loans with a label that were once more than so many days past due but
          are not bad, `indeterminate_rate` of all labelled;
        - what became of them, fractions that sum to 1: `repaid_rate` were paid off or stood
          current at last, `later_bad_rate` were bad after the window, `still_late_rate` neither;
        - `bad_rate` with them as good, and `bad_rate_without` them.

        A rate of nothing is NaN.

    Raises
    ------
    ValueError
        A loan of the book without a term.

    Source
    ------
    Siddiqi (2006), Credit Risk Scorecards, chapter 4: indeterminates.
    """
    loans = _with_terms(book, definition.dpd, observed_to, term_months)
    flags = _flags(loans, replace(definition, indeterminate_dpd=None))
    labelled = flags.notna()
    own = [] if definition.indeterminate_dpd is None else [definition.indeterminate_dpd]
    limits = [n for n in sorted({*dpd, *own}) if definition.dpd is None or n < definition.dpd]
    rows = []
    for limit in limits:
        between = loans[labelled & (flags == 0) & (loans["worst_dpd"] > limit)]
        rest = labelled.sum() - len(between)
        later = between["first_bad_mob"] <= between["observed_mob"]
        repaid = between["repaid"] & ~later
        rows.append(
            {
                "more_than_days": limit,
                "chosen": limit == definition.indeterminate_dpd,
                "indeterminate": len(between),
                "indeterminate_rate": len(between) / labelled.sum() if labelled.any() else np.nan,
                "repaid_rate": _rate(repaid),
                "later_bad_rate": _rate(later),
                "still_late_rate": _rate(~repaid & ~later),
                "bad_rate": flags.mean(),
                "bad_rate_without": flags.sum() / rest if rest else np.nan,
            }
        )
    columns = ["chosen", "indeterminate", "indeterminate_rate", "repaid_rate", "later_bad_rate"]
    columns += ["still_late_rate", "bad_rate", "bad_rate_without"]
    return pd.DataFrame(rows, columns=["more_than_days", *columns]).set_index("more_than_days")


def _with_terms(
    book: pd.DataFrame | Table,
    dpd: int | None,
    observed_to: pd.Timestamp,
    term_months: pd.Series | LoanValues | None,
) -> pd.DataFrame:
    """One row per loan, its term among the columns."""
    loans = loan_ends(book, dpd, observed_to, term_months)
    if "term_months" not in loans:
        raise ValueError("a panel does not carry the term: term_months is needed")
    lost = loans.index[loans["term_months"].isna()]
    if len(lost):
        example = "" if isinstance(book, Table) else f", for example {lost[0]}"
        raise ValueError(f"term_months has no term of {len(lost):,} loans{example}")
    loans["term_months"] = loans["term_months"].astype("int64")
    return loans


def _mature(loans: pd.DataFrame, definition: BadDefinition) -> pd.Series:
    """Whether a loan was watched for the window, or with no window to its end."""
    if definition.window_months is None and not definition.by_term:
        return loans["ended"]
    return loans["observed_mob"] >= definition.window_of(loans["term_months"])


def _rate(values: pd.Series) -> float:
    """Share of True, NaN of nothing; pandas would say so too, but with a warning in some types."""
    return float(values.mean()) if len(values) else np.nan

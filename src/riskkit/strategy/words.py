"""What a cutoff means, in words for a report.

Takes a row of a cutoff table; gives sentences.
"""

from __future__ import annotations

import pandas as pd

__all__ = ["bad_rate_text", "cutoff_text", "hurdle_text"]


def bad_rate_text(row: pd.Series, *, short: bool = False) -> str:
    """Bad rate of known outcomes in words, with the number of bads and the interval.

    Parameters
    ----------
    row : Series
        Of :func:`cutoff_table` at its usual level.
    short : bool
        For a key figure.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> row = pd.Series(
    ...     {"good": 80, "bad": 3, "bad_rate": 3/83, "bad_rate_low": 0.01, "bad_rate_high": 0.09})
    >>> bad_rate_text(row), bad_rate_text(row, short=True)
    ('3.61% (3 bads of 83 loans, 95 % interval 1.00% to 9.00%)', '3.61% (3 bads, 1.0% to 9.0%)')
    """
    if pd.isna(row["bad_rate"]):
        return "not known"
    low, high = row["bad_rate_low"], row["bad_rate_high"]
    bads = f"{row['bad_rate']:.2%} ({row['bad']:,.0f} bad{'' if row['bad'] == 1 else 's'}"
    if short:
        return f"{bads}, {low:.1%} to {high:.1%})"
    n_known = row["good"] + row["bad"]
    return f"{bads} of {n_known:,.0f} loans, 95 % interval {low:.2%} to {high:.2%})"


def cutoff_text(row: pd.Series, *, min_bads: int = 30) -> str:
    """Sentences on whose the bad rate at a cutoff is, and on whom nobody has seen, as Markdown.

    Parameters
    ----------
    row : Series
        Of :func:`cutoff_table`.
    min_bads : int
        With fewer bads, the text says how few they are.

    Source
    ------
    riskkit definition; on rates from few defaults: Pluto, Tasche (2005), Thinking positively.
    """
    text = f"The bad rate of the loans booked among the approved is {bad_rate_text(row)}."
    if row["bad"] < min_bads:
        text += (
            f" With fewer than {min_bads} bads behind it, it may be far from the next loans': "
            "go by the interval."
        )
    unseen = row["applications"] - row["booked"]
    if unseen > 0:
        text += (
            f" Of the {row['applications']:,.0f} approved, {unseen:,.0f} "
            f"({row['never_booked_rate']:.1%}) were never booked: nobody has seen them repay."
        )
        if pd.notna(row["expected_bad_rate"]):
            text += (
                " If they repay like booked loans of their score, "
                f"**{row['expected_bad_rate']:.2%} of all the approved** turn bad; more do if the "
                "old policy had reasons to decline them that the score does not know."
            )
    return text


def hurdle_text(row: pd.Series, everything_amount: float, currency: str) -> str:
    """Sentences on an inferred cutoff as a hurdle behind the old policy, as Markdown.

    Parameters
    ----------
    row : Series
        Of :func:`goals_table`, with its `cutoff`.
    everything_amount : float
        Profit of all booked loans.
    currency : str

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> row = pd.Series({
    ...     "cutoff": 560, "share_of_booked_kept": 0.9, "profit_amount": 12_000, "inferred": True,
    ...     "approval_rate": 0.5, "never_booked_rate": 0.3, "bad_rate": 0.05,
    ...     "expected_bad_rate": 0.06})
    >>> print(hurdle_text(row, 11_000, "CNY"))  # doctest: +NORMALIZE_WHITESPACE
    As a second hurdle behind the old policy, **560** rests on loans seen: of those booked it would
    have kept 90.0%, at 12,000 CNY against 11,000 for all. As the only rule it is inferred: of the
    50.0% it approves, 30.0% were never booked, and 6.00% of all are expected bad, not 5.00%. Try
    it on a small share first.
    """
    if not row["inferred"]:
        return f"Keeping every booked loan earns {everything_amount:,.0f} {currency}."
    bad, expected = f"{row['bad_rate']:.2%}", f"{row['expected_bad_rate']:.2%}"
    told = f", and {expected} of all are expected bad" + (f", not {bad}" if bad != expected else "")
    return (
        f"As a second hurdle behind the old policy, **{row['cutoff']:.0f}** rests on loans seen: "
        f"of those booked it would have kept {row['share_of_booked_kept']:.1%}, at "
        f"{row['profit_amount']:,.0f} {currency} against {everything_amount:,.0f} for all. As the "
        f"only rule it is inferred: of the {row['approval_rate']:.1%} it approves, "
        f"{row['never_booked_rate']:.1%} were never booked"
        f"{told if pd.notna(row['expected_bad_rate']) else ''}. Try it on a small share first."
    )

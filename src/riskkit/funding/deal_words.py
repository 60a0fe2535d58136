"""What to say of a pool and of a deal, and what deserves attention.

Takes the tables of the loan tape, the pool and :class:`DealOutcome`; gives Markdown and findings.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from riskkit.chance import p_text
from riskkit.columns import verbatim
from riskkit.funding.deal_outcome import ALL_PATHS, LENDER, DealOutcome
from riskkit.funding.pool_selection import NOT_ASKED

__all__ = ["deal_findings", "deal_text", "tape_text"]

MUCH_OPEN = 0.01  # of the pool still performing at the end: it was not followed far enough


def tape_text(
    tape: pd.DataFrame,
    tests: pd.DataFrame,
    concentrations: pd.DataFrame,
    drawn: pd.DataFrame,
    refused: str,
    currency: str,
) -> str:
    """Sentences on what may be sold, what is, where it stands at a limit, and whether blindly.

    Parameters
    ----------
    tape, drawn : DataFrame
    refused : str
        Of :func:`riskkit.funding.select_pool`.
    tests : DataFrame
        Of :func:`riskkit.funding.loan_tape`.
    concentrations : DataFrame
        Of :func:`riskkit.funding.concentration_table`.
    currency : str

    Returns
    -------
    str
        Markdown.
    """
    balance, pool = tape["balance"], tape["in_pool"].to_numpy(bool)
    if tape.empty:
        return "There are no loans on the books."
    may, all_owed = int(balance[tape["eligible"]].sum()), int(balance.sum())
    text = (
        f"Of {len(tape):,} loans that owe {all_owed / 100:,.0f} {currency}, "
        f"{int(tape['eligible'].sum()):,} may be sold: {may / 100:,.0f} {currency}, "
        f"{may / max(all_owed, 1):.0%} of the balance. "
    )
    failed = tests.drop("eligible")["first_balance"]
    if failed.max() > 0:
        worst = str(failed.idxmax())
        owed = f"{failed.max() / 100:,.0f} {currency}"
        text += f"Most of the rest fails the test *{_plain(worst)}* ({owed}). "
    if unknown := [_plain(name) for name in tests.index[~tests["is_known"]]]:
        text += f"**Not applied**, since this source does not tell it: {', '.join(unknown)}. "
    if refused:
        return text + f"**There is no pool**: {refused}."
    sold = int(balance[pool].sum())
    text += (
        f"**The pool** holds {int(pool.sum()):,} of them and {sold / 100:,.0f} {currency}, "
        f"{sold / max(may, 1):.0%} of what may be sold."
    )
    rows = concentrations.loc["pool"]
    at = [
        f"{name} ({verbatim(row['largest'])}, {row['largest_share']:.1%})"
        for name, row in rows.iterrows()
        if row["verdict"] == "at the limit"
    ]
    text += f" At its limit stands {', '.join(at)}." if at else " No limit keeps it smaller."
    return text + _drawn_text(drawn)


def _plain(name: object) -> str:
    return str(name).replace("_", " ")


def _drawn_text(drawn: pd.DataFrame) -> str:
    if drawn.empty:
        return ""
    off = drawn[drawn["verdict"].isin(["more", "less"])]
    if len(off):
        named = ", ".join(_departure(where, row) for where, row in off.iterrows())
        return f" **It is not like loans drawn by chance** from the same classes: {named}."
    tried = drawn["p_value"].dropna()
    if tried.empty:
        return " Too few loans to say whether it is like loans drawn by chance."
    return (
        f" It is like loans drawn by chance from the same classes: none of {len(tried)} figures "
        f"departs (least {p_text(float(tried.min()))} after Holm)."
    )


def _departure(where: object, row: pd.Series) -> str:
    column, value = where if isinstance(where, tuple) else (where, "")
    name = f"{column} {value}".strip()
    means = f"{row['pool_mean']:.2%} against {row['chance_mean']:.2%}"
    return f"{row['verdict']} of {verbatim(name)} ({means}, {p_text(float(row['p_value']))})"


def deal_text(outcome: DealOutcome, currency: str) -> str:
    """Sentences on who is paid, who loses when, and what the lender keeps and gains, as Markdown.

    Parameters
    ----------
    outcome : DealOutcome
        Of :func:`riskkit.funding.deal_outcome`.
    currency : str

    Returns
    -------
    str
    """
    if outcome.deal is None:
        return "There is no deal to look at: none is stated, or there is no pool for it."
    parts = [_base_text(outcome), _stress_text(outcome, currency), _risk_text(outcome.risk)]
    parts += [_break_text(outcome.breaks), _keeps_text(outcome, currency)]
    return "\n\n".join(part for part in parts if part)


def _base_text(outcome: DealOutcome) -> str:
    base = str(outcome.cases.index[0])
    rows, case = outcome.tranches.loc[base], outcome.cases.iloc[0]
    losers = _losers(rows)
    if losers:
        text = f"**In {verbatim(base)} not all is repaid**: {losers}."
    else:
        paid = [f"{verbatim(name)} on {row['paid_off']:%d %B %Y}" for name, row in rows.iterrows()]
        text = f"**In {verbatim(base)} every tranche is repaid**: {', '.join(paid)}."
    text += f" Overcollateralisation is {case['least_overcollateralisation']:.2f} at its lowest"
    if case["breached"]:
        text += f"; the trigger of {case['breached']} is breached on {case['breached_on']:%d %B %Y}"
    text += "."
    if case["open_rate"] > MUCH_OPEN:
        text += (
            f" **{case['open_rate']:.0%} of the pool still performs at the end of the months looked"
            " at**: what it would bring counts as lost."
        )
    return text


def _losers(rows: pd.DataFrame) -> str:
    """Tranches that are not paid in full, with what they lose; "" where all are."""
    told = []
    for name, row in rows.iterrows():
        lost = row["loss_amount"] + row["unpaid_amount"]
        if lost > 0:
            told.append(f"{verbatim(name)} loses {lost / row['amount']:.1%}")
    return ", ".join(told)


def _stress_text(outcome: DealOutcome, currency: str) -> str:
    names = [name for name in outcome.cases.index[1:] if name != ALL_PATHS]
    if not names:
        return ""
    lost = {name: _losers(outcome.tranches.loc[name]) for name in names}
    told = [f"{verbatim(name)}: {losers}" for name, losers in lost.items() if losers]
    of = f"the {len(names)} other scenarios" if len(names) > 1 else verbatim(names[0])
    worst = outcome.cases.loc[names, "equity_amount"].idxmin()
    cover = outcome.cases.loc[worst, "least_overcollateralisation"]
    least = f"{outcome.cases.loc[worst, 'equity_amount'] / 100:,.0f} {currency}"
    keeps = (
        f" The lender is paid least in {verbatim(worst)}, {least}, where overcollateralisation is "
        f"{cover:.2f} at its lowest."
    )
    if told:
        return f"Of {of}, {len(told)} cost investors something. {'; '.join(told)}.{keeps}"
    other = [verbatim(name) for name in outcome.shown_tranches.index.unique("scenario")[1:]]
    same = "are repaid as in the base" + (f", but for {', '.join(other)}" if other else "")
    return f"Under {of} no tranche loses: notes {same}.{keeps}"


def _risk_text(risk: pd.DataFrame) -> str:
    if risk.empty:
        return ""
    lender, notes = risk.loc[LENDER], risk.drop(LENDER)
    n, most = f"{int(lender['paths']):,} simulated paths", notes["loss_rate_high"].max()
    told = [_struck_text(name, row) for name, row in notes.iterrows() if row["losses"]]
    text = f"On none of {n} a tranche loses anything: at most {most:.2%} of all paths would (95 %)."
    if told:
        text = f"Of {n} a tranche is not paid in full: {'; '.join(told)}."
    if late := [name for name, rate in notes["late_rate"].items() if rate > 0]:
        rates = (f"{verbatim(name)} on {notes.loc[name, 'late_rate']:.1%}" for name in late)
        text += f" Interest is late: {', '.join(rates)}."
    return (
        f"{text} The lender gets back less than it has at stake on "
        f"{lender['loss_rate']:.1%} ({lender['loss_rate_low']:.1%} to "
        f"{lender['loss_rate_high']:.1%}). The intervals are those of chance among the paths, not "
        "of an error in the climate or the default rates."
    )


def _struck_text(name: object, row: pd.Series) -> str:
    """How often a tranche loses, and how much on average."""
    error = 1.96 * row["loss_error"]
    return (
        f"{verbatim(name)} on {row['losses']:,.0f}, {row['loss_rate']:.2%} "
        f"({row['loss_rate_low']:.2%} to {row['loss_rate_high']:.2%}), expected loss "
        f"{row['expected_loss_rate']:.3%} ± {error:.3%}"
    )


def _break_text(breaks: pd.DataFrame) -> str:
    told = [
        f"{verbatim(name)} at {row['times']:.1f} times (defaults of {row['defaulted_rate']:.0%} of "
        "the pool)"
        if np.isfinite(row["times"])
        else f"{verbatim(name)} not at {row['times_below']:.0f} times"
        for name, row in breaks.iterrows()
    ]
    return (
        f"The default rates of every month multiplied, the first fen is lost by {'; '.join(told)}: "
        "in expected cash, with no chance in it."
    )


def _keeps_text(outcome: DealOutcome, currency: str) -> str:
    case = outcome.cases.iloc[0]
    amounts = ["at_stake_amount", "equity_amount", "fee_amount", "gain_amount"]
    stake, equity, fee, gain = (f"{abs(case[name]) / 100:,.0f} {currency}" for name in amounts)
    without = f"{case['gain_without_fee_amount'] / 100:,.0f}"
    gains = "gains" if case["gain_amount"] >= 0 else "costs"
    text = (
        f"The lender keeps the first loss: {stake} at stake, for which it is paid {equity}, and "
        f"{fee} of fees as servicer. Notes cost {case['cost_rate']:.2%} a year, fee included. "
        f"Against holding the loans at `funding_rate` the sale {gains} {gain} "
        f"in today's money (without the fee {without})"
    )
    if ALL_PATHS not in outcome.cases.index:
        return text + "."
    paths = outcome.cases.loc[ALL_PATHS]
    low, high = (f"{paths[name] / 100:,.0f}" for name in ("gain_low", "gain_high"))
    return text + f"; in the middle 95 % of the paths {low} to {high}."


def deal_findings(
    outcome: DealOutcome,
    tests: pd.DataFrame,
    concentrations: pd.DataFrame,
    drawn: pd.DataFrame,
    refused: str,
    currency: str,
) -> list[tuple[str, str, bool]]:
    """What of the pool and the deal deserves attention: topic, sentence, and whether it is red.

    Parameters
    ----------
    outcome : DealOutcome
    tests, concentrations, drawn : DataFrame
    refused : str
        As for :func:`tape_text`.
    currency : str

    Returns
    -------
    list of (str, str, bool)
        Topics "Concentration" and "Securitisation". Red: a deal without a pool, a tranche that
        loses in the base, or a pool that is not like loans drawn by chance.
    """
    told = _concentration_findings(concentrations)
    for name in tests.index[~tests["is_known"]]:
        sentence = f"the test of {_plain(name)} is not applied: this source does not tell it"
        told.append(("Securitisation", sentence, False))
    off = drawn[drawn["verdict"].isin(["more", "less"])]
    for where, row in off.iterrows():
        sentence = f"the pool is not like loans drawn by chance: {_departure(where, row)}"
        told.append(("Securitisation", sentence, True))
    if refused not in ("", NOT_ASKED):
        told.append(("Securitisation", f"there is no pool for the deal: {refused}", True))
    if outcome.deal is None:
        return told
    base = outcome.cases.index[0]
    for number, name in enumerate(name for name in outcome.cases.index if name != ALL_PATHS):
        if losers := _losers(outcome.tranches.loc[name]):
            told.append(("Securitisation", f"in {verbatim(name)} {losers}", number == 0))
    case = outcome.cases.loc[base]
    if case["breached"]:
        when = f"{case['breached_on']:%B %Y}"
        told.append(
            ("Securitisation", f"the trigger of {case['breached']} is breached in {when}", False)
        )
    if case["open_rate"] > MUCH_OPEN:
        rest = f"{case['open_rate']:.0%} of the pool still performs"
        told.append(("Securitisation", f"{rest} at the end of the months looked at", False))
    if case["gain_amount"] < 0:
        cost = f"{-case['gain_amount'] / 100:,.0f} {currency}"
        told.append(("Securitisation", f"selling costs {cost} more than holding the loans", False))
    return told


def _concentration_findings(concentrations: pd.DataFrame) -> list[tuple[str, str, bool]]:
    """Where the book is above what a pool may be, and which limits cannot be checked."""
    told = []
    for name, row in concentrations.loc["book"].iterrows():
        if row["verdict"] == "above":
            share = f"{row['largest_share']:.1%} of the book, above the {row['limit']:.1%}"
            sentence = f"{name}: {verbatim(row['largest'])} is {share} that a pool may have"
            told.append(("Concentration", sentence, False))
        elif row["verdict"] == "not known" and not np.isnan(row["limit"]):
            sentence = f"the limit on {name} cannot be checked: this source does not tell it"
            told.append(("Concentration", sentence, False))
    return told

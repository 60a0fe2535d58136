"""What a price table says, in words for a report.

Takes a price table, the cap and subsidies; gives sentences, key figures and findings.
"""

from __future__ import annotations

import pandas as pd

from riskkit.columns import verbatim
from riskkit.offers.price import STATUSES

__all__ = ["price_figures", "price_findings", "price_text", "subsidy_text"]

MIN_BADS = 30
_PRICED, _AT_CAP, _CAP_BELOW, _LOSE_AT_CAP, _NOTHING_PAYS, _LOSE, _UNSEEN = STATUSES


def price_text(
    table: pd.DataFrame,
    currency: str,
    *,
    cap: pd.Series | None = None,
    n_asked: int | None = None,
) -> str:
    """Sentences on whom the cap declines, whose price it clips, and how sure that is, as Markdown.

    Told, too, is which grade's probability the loans that judge contradict, and what that would
    change. What the most profitable prices would earn instead comes last, without an interval:
    it hangs on a demand that nobody has measured.

    Parameters
    ----------
    table : DataFrame, index (grade, term_months)
        Of :func:`price_table`.
    currency : str
    cap : Series, optional
        Of :func:`cap_on`, named by it.
    n_asked : int, optional
        All applications, of those declined before any price, too: shares are told of them as well.

    Source
    ------
    riskkit definition. The range of a share is what it is where cells that are not sure are all
    declined, or none: decided at the ends of their probabilities' 95 % intervals.

    Examples
    --------
    >>> table = pd.DataFrame({"applications": [60, 40], "asked_amount": [600.0, 400.0],
    ...     "bad": [50, 50], "status": ["at cap", "cap below break-even"], "sure": True})
    >>> print(price_text(table, "CNY"))  # doctest: +NORMALIZE_WHITESPACE
    Of 2 cells of grade and term, none is priced below the cap and 1 (60 applications) at it, since
    the price aimed at lies above. **1 cell is declined because the cap lies below its break-even
    price**: 40 applications (40.0%), asking for 400 CNY.
    """
    if table.empty:
        return "There is nothing to price: nobody asks for a loan of a known grade and term."
    counts = (
        table.groupby("status")["applications"].agg(["size", "sum"]).reindex(STATUSES).fillna(0)
    )
    n_priced, n_capped = (int(counts.loc[status, "size"]) for status in (_PRICED, _AT_CAP))
    has_cap = cap is not None or table["status"].isin([_AT_CAP, _CAP_BELOW]).any()
    has_cap |= "cap_apr" in table and table["cap_apr"].notna().any()
    below = " below the cap" if has_cap else ""
    if cap is not None:
        below += f" of {cap['cap_rate']:.2%} ({verbatim(_cap_told(cap))})"
    text = (
        f"Of {len(table)} cell{'s' if len(table) > 1 else ''} of grade and term, "
        f"{n_priced or 'none'} {'are' if n_priced > 1 else 'is'} priced{below}"
    )
    if n_capped:
        text += (
            f" and {n_capped} ({counts.loc[_AT_CAP, 'sum']:,.0f} applications) at it, since the "
            "price aimed at lies above"
        )
    text += "."
    if has_cap:
        text += f" {_declined_text(table, _CAP_BELOW, currency, n_asked)}"
    for status in (_LOSE_AT_CAP, _NOTHING_PAYS, _LOSE):
        if (table["status"] == status).any():
            text += f" {_declined_text(table, status, currency, n_asked)}"
    unseen = table[table["status"] == _UNSEEN]
    if len(unseen):
        n = len(unseen)
        text += (
            f" Too few to say of {n} cell{'s' if n > 1 else ''} "
            f"({unseen['applications'].sum():,} applications): no loan of their term has defaulted "
            "yet."
        )
    doubts = _doubt(table, n_asked) + "".join(f" {told}" for told in _contradicted(table))
    return text + doubts + _best_text(table, currency)


def _best_text(table: pd.DataFrame, currency: str) -> str:
    """What the most profitable lawful prices would earn above those offered."""
    if "best_profit_amount" not in table or table["best_profit_amount"].isna().all():
        return ""
    n = table["applications"]
    earned, low, high = (
        float((n * table[f"profit_{end}"].fillna(0.0)).sum()) for end in ("amount", "low", "high")
    )
    more = float((n * table["best_profit_amount"]).sum()) - earned
    unit = verbatim(currency)
    expected = (
        f"These prices are expected to earn {earned:,.0f} {unit} above funding ({low:,.0f} to "
        f"{high:,.0f}, were every grade at the same end of its interval)"
    )
    if abs(more) < 0.005 * abs(earned):
        return f" {expected}, as much as the most profitable lawful ones under the demand assumed."
    return (
        f" {expected}; the most profitable lawful ones, **under the demand assumed**, some "
        f"{float(f'{more:.1g}'):,.0f} more. Nobody has measured that demand, and no interval holds "
        "what that leaves open: it is no reason to charge more until prices are tested at random."
    )


def price_figures(
    table: pd.DataFrame, *, cap: pd.Series | None = None, n_asked: int | None = None
) -> dict[str, str]:
    """Key figures: what share of the applications gets no offer, and at which price the others do.

    Parameters
    ----------
    table, cap, n_asked
        As in :func:`price_text`.
    """
    offered = table[table["offer_apr"].notna()]
    of_all = "applications" if n_asked is None else "all applications"
    figures = {f"Declined by price, of {of_all}": _share_text(table, _declined(table), n_asked)}
    if len(offered):
        low, high = offered["offer_apr"].min(), offered["offer_apr"].max()
        figures["Prices offered, APR"] = f"{low:.1%}" if low == high else f"{low:.1%} to {high:.1%}"
    if cap is not None:
        figures["Cap on the price"] = f"{cap['cap_rate']:.2%} {cap['measured_by']}"
    return figures


def price_findings(
    table: pd.DataFrame, *, cap: pd.Series | None = None, n_asked: int | None = None
) -> list[tuple[str, str, bool]]:
    """What of the prices belongs on the front page: (topic, sentence, whether it is red).

    Parameters
    ----------
    table, cap, n_asked
        As in :func:`price_text`.

    Returns
    -------
    list
        Nothing where every cell is priced. Declined applications are a warning, and red where they
        are more than half of those priced, whatever the intervals let be. A grade whose priced
        probability lies outside the interval of the loans that judge is a warning, and so is a cap
        that nobody has verified.
    """
    found = []
    declined = _declined(table)
    if declined.any():
        least, _ = _range(table, declined)
        text = f"no lawful price pays for {_share_text(table, declined)} of the applications"
        if n_asked is not None:
            text = (
                f"no lawful price pays for {table['applications'][declined].sum():,} of the "
                f"approved, {_share_text(table, declined, n_asked)} of all applications"
            )
        found.append(("Price", text, bool(least > 0.5)))
    found += [
        ("Priced risk", text.replace("**", "").removesuffix("."), False)
        for text in _contradicted(table, plain=True)
    ]
    if cap is not None and bool(cap["verify"]):
        text = (
            f"the line of {cap['cap_rate']:.2%} ({cap.name}, {cap['measured_by']}, to be verified) "
            "decides prices"
        )
        found.append(("Cap", text, False))
    return found


def subsidy_text(table: pd.DataFrame, *, cells: int = 3) -> str:
    """Sentences on what merchants must pay for plans below cost, as Markdown.

    Parameters
    ----------
    table : DataFrame, index (plan_apr, grade, term_months)
        Of :func:`subsidy_table`.
    cells : int
        How many of the cheapest are named.

    Source
    ------
    riskkit definition.
    """
    sentences = []
    for plan_apr, plan in table.groupby(level="plan_apr"):
        known = plan[plan["subsidy_rate"].notna()].sort_values("subsidy_rate", kind="stable")
        name = "An interest-free plan" if plan_apr == 0 else f"A plan at {plan_apr:.2%}"
        if known.empty:
            sentences.append(f"{name}: what it costs is not known.")
            continue
        free = int((known["subsidy_high"].fillna(known["subsidy_rate"]) == 0).sum())
        paid = known[known["subsidy_rate"] > 0]
        text = f"{name} pays for itself in {free} of {len(known)} cells of grade and term."
        if not free:
            text = f"{name} pays for itself nowhere."
        if len(paid):
            named = "; ".join(
                _subsidy_told(index, row) for index, row in paid.head(cells).iterrows()
            )
            text += f" The merchant's part, of the amount, is least of {named}."
        sentences.append(text)
    return " ".join(sentences)


def _subsidy_told(index: tuple, row: pd.Series) -> str:
    months = f"{index[2]} month{'' if index[2] == 1 else 's'}"
    text = f"grade {verbatim(index[1])} over {months}: {row['subsidy_rate']:.2%}"
    if pd.isna(row["subsidy_low"]):
        return text
    return f"{text} ({row['subsidy_low']:.2%} to {row['subsidy_high']:.2%})"


def _declined(table: pd.DataFrame) -> pd.Series:
    return table["status"].isin([_CAP_BELOW, _LOSE_AT_CAP, _NOTHING_PAYS, _LOSE])


def _declined_text(
    table: pd.DataFrame, status: str, currency: str, n_asked: int | None = None
) -> str:
    rows = table[table["status"] == status]
    why, whose = {
        _CAP_BELOW: ("because the cap lies below {} break-even price", ("its", "their")),
        _LOSE_AT_CAP: (
            "because at the cap those who take {} fail too often",
            ("it", "them"),
        ),
        _NOTHING_PAYS: ("because no price at all pays for {}", ("it", "them")),
        _LOSE: ("because those who take {} price fail too often for it", ("its", "their")),
    }[status]
    if rows.empty:
        return f"None is declined {why.format(whose[0])}."
    n, one = len(rows), len(rows) == 1
    asking = rows["applications"].sum()
    share = f"{asking / table['applications'].sum():.1%}"
    if n_asked is not None:
        share += f" of the approved, {asking / max(n_asked, 1):.1%} of all"
    return (
        f"**{n} cell{' is' if one else 's are'} declined {why.format(whose[not one])}**: "
        f"{asking:,} applications ({share}), asking for "
        f"{rows['asked_amount'].sum():,.0f} {verbatim(currency)}."
    )


def _contradicted(table: pd.DataFrame, *, plain: bool = False) -> list[str]:
    """A sentence for each grade that is priced outside what the loans that judge bear out."""
    if "judged_apr" not in table:
        return []
    told = []
    for grade, cells in table.groupby(level="grade", sort=False, observed=True):
        row = cells.loc[cells["applications"].idxmax()]
        priced, rate = row["grade_probability"], row["judged_rate"]
        if not (priced < row["judged_rate_low"] or priced > row["judged_rate_high"]):
            continue
        beyond = row["judged_light"] in ("amber", "red")
        chance = "beyond chance" if beyond else "which chance can explain among so many grades"
        name = grade if plain else verbatim(grade)
        text = (
            f"**Grade {name} is priced at a probability of {priced:.2%} "
            f"({row['bad']:,.0f} bads), and of the loans that judge {rate:.2%} turned bad** "
            f"({row['judged_bad']:,.0f} of {row['judged_n']:,.0f}, {row['judged_rate_low']:.2%} to "
            f"{row['judged_rate_high']:.2%}; {chance})"
        )
        ends = ["break_even_judged", "break_even_apr"]
        if cells[ends].notna().all(axis=1).any():
            told_of = cells.dropna(subset=ends)
            row = told_of.loc[told_of["applications"].idxmax()]
            term = row.name[1]
            text += (
                f": at that rate break-even over {term} month{'' if term == 1 else 's'} would be "
                f"{row['break_even_judged']:.1%} instead of {row['break_even_apr']:.1%}"
            )
        now, then = cells["offer_apr"].notna(), cells["judged_apr"].notna()
        for moved, said in ((then & ~now, "would get an offer"), (now & ~then, "would get none")):
            if moved.any():
                n = int(moved.sum())
                asking = cells["applications"][moved].sum()
                text += f", and {n} more of its {len(cells)} terms {said} ({asking:,} applications)"
        told.append(f"{text}.")
    return told


def _doubt(table: pd.DataFrame, n_asked: int | None = None) -> str:
    """What of it the probabilities do not bear out, and where there are too few bads to say."""
    text = ""
    unsure = table[~table["sure"].astype(bool)]
    if len(unsure):
        low, high = _range(table, _declined(table), n_asked)
        text += (
            f" Of {len(unsure)} cell{'s' if len(unsure) > 1 else ''} the 95 % interval of the "
            f"probability does not say on which side of the line: between {low:.1%} and {high:.1%} "
            f"of {'the' if n_asked is None else 'all'} applications are declined."
        )
    if "bad" in table:
        few = table[table["bad"] < MIN_BADS]
        grades = (
            [verbatim(grade) for grade in few.index.get_level_values(0).unique()]
            if len(few)
            else []
        )
        if grades:
            text += (
                f" Grade{'s' if len(grades) > 1 else ''} {', '.join(grades)} rest"
                f"{'' if len(grades) > 1 else 's'} on fewer than {MIN_BADS} bads: too few to say "
                "more of the price than its interval."
            )
    return text


def _range(
    table: pd.DataFrame, declined: pd.Series, n_asked: int | None = None
) -> tuple[float, float]:
    """Share of applications declined at the least and at the most."""
    sure, n = table["sure"].astype(bool), table["applications"]
    total = max(float(n.sum() if n_asked is None else n_asked), 1.0)
    return float(n[declined & sure].sum()) / total, float(n[declined | ~sure].sum()) / total


def _share_text(table: pd.DataFrame, declined: pd.Series, n_asked: int | None = None) -> str:
    low, high = _range(table, declined, n_asked)
    n = table["applications"]
    share = n[declined].sum() / max(n.sum() if n_asked is None else n_asked, 1)
    return f"{share:.1%} ({low:.1%} to {high:.1%})"


def _cap_told(cap: pd.Series) -> str:
    mark = ", to be verified" if bool(cap["verify"]) else ""
    return f"{cap.name}, {cap['measured_by']}{mark}"

"""The disclosure of an offer as a page to read, print on one sheet of A4 and sign.

Takes a disclosure; gives HTML in Chinese or English that loads nothing and runs nothing.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from riskkit.columns import visible
from riskkit.offers.disclosure import LATE_EXAMPLE_DAYS, Disclosure
from riskkit.offers.sheet_words import LANGUAGES, WORDS

if TYPE_CHECKING:
    import jinja2

__all__ = ["disclosure_sheet"]

ASSETS = Path(__file__).parent / "assets"
# a browser may show what is in the file, and fetch, run or send nothing
POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'"
LONGEST_COLUMN = 12  # instalments below each other; more go side by side


def disclosure_sheet(
    told: Disclosure, language: str = "zh", *, currency: str = "CNY", name: str = ""
) -> str:
    """One page in the form of the all-in financing cost statement (综合融资成本明示表).

    Principal; each cost with how it is charged, how much and who collects it; the annualised cost
    in normal performance, simple and compounded, each by its name; costs on default; what early
    repayment costs; that there are no others; the caps tested; and the repayment plan. Who borrows
    and the number of the contract are left to be filled in.

    Parameters
    ----------
    told : Disclosure
        Of :func:`disclosure`.
    language : {"zh", "en"}
    currency : str
        ISO code, shown in English.
    name : str
        Tells the page from others where they are listed, such as a grade; not on the sheet itself.

    Returns
    -------
    str
        HTML without a script or an address; text of the offer is shown as text. Equal disclosures
        give equal bytes.

    Raises
    ------
    ValueError
        Another language.

    Source
    ------
    riskkit definition, after the statement that personal loans in China need from 2026-08-01;
    wording and form are to be verified. That a cap is, too, is no matter of the borrower's, and
    not on the sheet.
    """
    if language not in LANGUAGES:
        raise ValueError(f"language must be one of {', '.join(LANGUAGES)}, got {language!r}")
    # braces would be places to fill
    currency = currency.translate(str.maketrans("{}", "()"))
    words = {name: text.replace("{currency}", currency) for name, text in WORDS[language].items()}
    offer = told.offer
    page = _template().render(
        words=words,
        name=name,
        policy=POLICY,
        css=(ASSETS / "sheet.css").read_text(encoding="utf-8"),
        lead=words["lead"].format(day=f"{pd.Timestamp(offer.disbursed_on):%Y-%m-%d}"),
        loan=[
            (words["borrower"], ""),
            (words["contract"], ""),
            (words["lender"], offer.lender),
            (words["principal"], _money(offer.principal_fen, language, currency)),
            (words["received"], _money(told.received_amount, language, currency)),
            (words["disbursed"], f"{pd.Timestamp(offer.disbursed_on):%Y-%m-%d}"),
            (
                words["term"],
                words["month" if offer.term_months == 1 else "months"].format(offer.term_months),
            ),
            (words["method"], words[offer.method]),
        ],
        costs=[
            _cost(row, _named(row, language), words, offer.method)
            for _, row in told.costs.iterrows()
        ],
        total=_amount(told.cost_amount),
        yearly=[
            (words["simple"], words["simple_how"], f"{told.apr:.2%}"),
            (words["compound"], words["compound_how"], f"{told.ear:.2%}"),
        ],
        caps=[_cap(row, name, words, language) for name, row in told.caps.iterrows()],
        on_default=[
            _late(row, _named(row, language), words) for _, row in told.on_default.iterrows()
        ],
        example=words["example"].format(days=LATE_EXAMPLE_DAYS),
        on_early=[_early(row, _named(row, language), words) for _, row in told.on_early.iterrows()],
        plans=_plans(told.schedule),
        has_charges=bool(told.schedule["charges_amount"].any()),
    )
    return visible(page)


def _named(row: pd.Series, language: str) -> str:
    """What a charge is called in the language of the sheet."""
    return str(row["name_zh"] or row.name) if language == "zh" else str(row.name)


def _cost(row: pd.Series, name: str, words: dict[str, str], method: str) -> dict[str, str]:
    flat = method == "flat_fee"
    is_interest = row["basis"] == "interest"
    how = {
        "interest": words["of_principal" if flat else "of_balance"],
        "monthly": words["of_principal"],
        "upfront": words["once"],
    }[row["basis"]]
    return {
        "name": words["fee_as_interest" if flat else "interest"] if is_interest else name,
        "how": words[f"how_{row['basis']}"],
        "standard": how.format(rate=_rate(row["rate"])),
        "amount": _amount(row["amount"]),
        "who": str(row["collected_by"]),
    }


def _late(row: pd.Series, name: str, words: dict[str, str]) -> dict[str, str]:
    return {
        "name": name,
        "how": words["how_overdue"],
        "standard": words["per_day"].format(rate=_rate(row["rate"])),
        "amount": _amount(row["amount"]),
        "who": str(row["collected_by"]),
    }


def _early(row: pd.Series, name: str, words: dict[str, str]) -> str:
    return words["early_fee"].format(
        name=name, rate=_rate(row["rate"]), who=str(row["collected_by"])
    )


def _cap(row: pd.Series, name: Any, words: dict[str, str], language: str) -> dict[str, Any]:
    if language == "zh":
        name, source = row["title_zh"] or name, row["source_zh"] or row["source"]
    else:
        source = row["source"]
    line = words["cap_line"].format(
        measure=words[row["measured_by"]],
        cap=f"{row['cap_rate']:.2%}",
        rate=_beside(row["measured_rate"], row["cap_rate"]),
    )
    return {
        "name": str(name),
        "line": line,
        "within": bool(row["within"]),
        "verdict": words["within" if row["within"] else "beyond"],
        "source": str(source),
    }


def _beside(rate: float, cap: float) -> str:
    """A rate to two digits, and to four where two would hide that it lies above the cap."""
    hidden = rate > cap and f"{rate:.2%}" == f"{cap:.2%}"
    return f"{rate:.4%}" if hidden else f"{rate:.2%}"


def _plans(plan: pd.DataFrame) -> list[list[dict[str, str]]]:
    """Rows of the repayment plan, of a long one in two columns."""
    amounts = [name for name in plan.columns if name != "due_date"]
    rows = [
        {"number": str(number), "due_date": f"{row['due_date']:%Y-%m-%d}"}
        | {name: _amount(row[name]) for name in amounts}
        for number, row in plan.iterrows()
    ]
    if len(rows) <= LONGEST_COLUMN:
        return [rows]
    half = (len(rows) + 1) // 2
    return [rows[:half], rows[half:]]


def _amount(fen: Any) -> str:
    return f"{int(fen) / 100:,.2f}"


def _money(fen: int, language: str, currency: str) -> str:
    return f"{_amount(fen)} {'元' if language == 'zh' else currency}"


def _rate(rate: float) -> str:
    """A rate in per cent with two digits behind the point, and more where it has them."""
    text = f"{100 * rate:.4f}"
    return f"{text[:-2]}{text[-2:].rstrip('0')}%"


@cache
def _template() -> jinja2.Template:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ASSETS),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template("sheet.html.j2")

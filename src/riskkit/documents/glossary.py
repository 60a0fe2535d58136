"""What the words of a report mean: each explained where a page first uses it.

Takes ``docs/glossary.md`` and a page; gives the page with its terms linked, and a page of them all.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from riskkit.checks import DataContractError

__all__ = ["Term", "explained", "glossary_sections", "read_glossary"]

GLOSSARY_PAGE = "glossary.html"
MOST_BYTES = 1_000_000
_HEADING = re.compile(r"### (?P<names>.+?) · (?P<chinese>.+)")
# what is a link, code or a heading of its own stays as it is
_CLOSED = (
    "a", "abbr", "button", "code", "h1", "h2", "h3", "label", "option", "output", "pre", "script",
    "style", "summary", "svg", "thead", "title",
)  # fmt: skip
_WORDS = ("cap",)  # what an abbreviation means in small letters
_PIECE = re.compile(r"<!--.*?-->|<(/?)([a-zA-Z][a-zA-Z0-9]*)\b[^>]*>|<![^>]*>", re.DOTALL)


@dataclass(frozen=True)
class Term:
    """One entry.

    Parameters
    ----------
    names : tuple of str
        The word, and others for it.
    chinese : str
    meaning : str
    section : str
    """

    names: tuple[str, ...]
    chinese: str
    meaning: str
    section: str

    @property
    def anchor(self) -> str:
        """Its place on the page of all terms."""
        return re.sub(r"[^a-z0-9]+", "-", self.names[0].lower()).strip("-")


def read_glossary(path: Path) -> tuple[Term, ...]:
    """The entries of a glossary in Markdown: ``### word, other word · 中文``, then what it means.

    Raises
    ------
    DataContractError
        A heading of another form, an entry without a meaning, a word that has two, or more than
        1 MB.
    """
    if path.stat().st_size > MOST_BYTES:
        raise DataContractError(path.name, [f"more than {MOST_BYTES:,} bytes"])
    section, found, faults = "", [], []
    blocks = re.split(r"(?m)^(?=#{2,3} )", path.read_text(encoding="utf-8"))
    for block in blocks[1:]:
        heading, _, text = block.partition("\n")
        meaning = " ".join(text.split())
        if heading.startswith("## "):
            section = heading.removeprefix("## ").strip()
            continue
        named = _HEADING.fullmatch(heading.strip())
        if named is None or not meaning:
            faults.append(f"{heading!r}: expected '### word · 中文' and what it means")
            continue
        names = tuple(name.strip() for name in named["names"].split(","))
        if not all(names):
            faults.append(f"{heading!r}: a word is empty")
            continue
        found.append(Term(names, named["chinese"].strip(), meaning, section))
    words = [name.lower() for term in found for name in term.names]
    twice = sorted({word for word in words if words.count(word) > 1})
    faults += [f"{word!r} has two entries" for word in twice]
    if faults:
        raise DataContractError(path.name, faults)
    return tuple(found)


def explained(body: str, terms: Sequence[Term]) -> str:
    """HTML in which the first use of each term is a link to its entry, and says it on hover.

    Parameters
    ----------
    body : str
        Of a page; what is within links, code, headings of the page or pictures stays as it is.
    terms : sequence of Term

    Examples
    --------
    >>> term = Term(("AUC",), "曲线下面积", "Rank.", "Models")
    >>> explained("<p>AUC, AUC</p>", [term]).count("<a ")
    1
    """
    by_word = {_plain(name): term for term in terms for name in term.names}
    if not by_word:
        return body
    longest_first = sorted((name for term in terms for name in term.names), key=len, reverse=True)
    words = re.compile(
        rf"(?<![\w-])(?:{'|'.join(map(_with_plural, longest_first))})(?![\w-])", re.IGNORECASE
    )
    told: set[Term] = set()

    def link(found: re.Match[str]) -> str:
        word = _plain(found[0])
        # letters of other alphabets may look alike to the pattern, and not to the words
        term = by_word.get(word) or by_word.get(word[:-1])
        if term is None or term in told or not _is_written(found[0], term):
            return found[0]
        told.add(term)
        says = html.escape(f"{term.meaning} ({term.chinese})", quote=True)
        return f'<a class="term" href="{GLOSSARY_PAGE}#{term.anchor}" title="{says}">{found[0]}</a>'

    return "".join(words.sub(link, piece) if is_text else piece for piece, is_text in _pieces(body))


def glossary_sections(terms: Sequence[Term]) -> list[tuple[str, list[Term]]]:
    """Terms by the section that they stand in, in order."""
    sections: dict[str, list[Term]] = {}
    for term in terms:
        sections.setdefault(term.section, []).append(term)
    return list(sections.items())


def _pieces(body: str) -> Iterator[tuple[str, bool]]:
    """Parts of HTML, and whether each is text that may be linked."""
    closed: list[str] = []
    at = 0
    for mark in _PIECE.finditer(body):
        yield body[at : mark.start()], not closed
        yield mark[0], False
        at = mark.end()
        name = (mark[2] or "").lower()
        if name not in _CLOSED or mark[0].endswith("/>"):
            continue
        if not mark[1]:
            closed.append(name)
        elif closed and closed[-1] == name:
            closed.pop()
    yield body[at:], not closed


def _is_written(word: str, term: Term) -> bool:
    """Whether a word can be the term: CAP is a curve, a cap is not."""
    same = next(name for name in term.names if word.lower().startswith(_plain(name)))
    return word.startswith(same) if same.isupper() and same.lower() in _WORDS else True


def _with_plural(name: str) -> str:
    return f"{re.escape(html.escape(name, quote=False))}s?"


def _plain(word: str) -> str:
    return html.unescape(word).lower()

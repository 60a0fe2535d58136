"""A page to read, print and file: numbered sections of text, tables and figures in one file.

Takes headings with their parts; gives HTML that loads nothing, runs nothing and holds nothing
dated or random, so that equal parts give equal bytes.
"""

from __future__ import annotations

import base64
import copy
import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from riskkit.documents.shell import TEMPLATES, page_html
from riskkit.plots import picture_of, show_table
from riskkit.tables import whole

__all__ = [
    "WAY_BACK",
    "Part",
    "Section",
    "document_html",
    "figure_caption",
    "filled",
    "write_document",
]

WAY_BACK = "← Overview"

# text, bullets, label -> text, a table, a figure, or a section within
Part = Any
Section = tuple[str, Sequence[Part]]


def write_document(
    path: str | Path,
    title: str,
    sections: Sequence[Section],
    *,
    subtitle: str = "",
    home: str = "",
) -> Path:
    """Write the page of :func:`document_html` whole or not at all; returns its path."""
    path = Path(path)
    page = document_html(title, sections, subtitle=subtitle, home=home)
    with whole(path) as staging:
        staging.write_text(page, encoding="utf-8")
    return path


def document_html(
    title: str, sections: Sequence[Section], *, subtitle: str = "", home: str = ""
) -> str:
    """Page of numbered sections with their contents on top.

    Parameters
    ----------
    title, subtitle : str
    home : str
        The page beside it that it belongs to, which a link on top leads back to.
    sections : sequence of (heading, parts)
        A part is text (one paragraph), a list of text (bullets), a mapping of label to text, a
        DataFrame, a Styler of :func:`plots.show_table`, a Figure or Axes, a list of these (side by
        side), or a section within this one. Text is text: nothing in it is markup. Tables and
        figures are numbered through the page. A section without parts is left out.

    Raises
    ------
    TypeError
        A part of another kind.
    """
    writer = _Writer()
    body = "".join(
        line
        for i, section in enumerate(filled(sections), 1)
        for line in writer.section(section, (i,))
    )
    return page_html(
        "document.html.j2",
        title=title,
        subtitle=subtitle,
        home=home,
        way_back=WAY_BACK,
        css=(TEMPLATES / "document.css").read_text(encoding="utf-8"),
        contents=_contents(writer.headings),
        body=body,
    )


def _contents(headings: Sequence[tuple[tuple[int, ...], str]]) -> str:
    """List of links to the sections, those within another one below it."""
    if not headings:
        return ""
    level = len(headings[0][0])
    starts = [i for i, (number, _) in enumerate(headings) if len(number) == level]
    items = []
    for start, end in zip(starts, [*starts[1:], len(headings)], strict=True):
        number, heading = headings[start]
        inner = _contents(headings[start + 1 : end])
        items.append(f'<li><a href="#{_anchor(number)}">{_told(number, heading)}</a>{inner}</li>\n')
    return f"<ol>\n{''.join(items)}</ol>\n"


def filled(parts: Sequence[Part]) -> list[Part]:
    """The parts without sections that hold nothing, at any depth."""
    kept = []
    for part in parts:
        if isinstance(part, tuple):
            heading, inner = part
            part = (heading, filled(inner))
            if not part[1]:
                continue
        kept.append(part)
    return kept


def _told(number: tuple[int, ...], heading: str) -> str:
    dotted = ".".join(map(str, number))
    return f'<span class="number">{dotted}</span>{html.escape(heading)}'


def _anchor(number: tuple[int, ...]) -> str:
    return "s" + "-".join(map(str, number))


@dataclass
class _Writer:
    """Parts as HTML; counts what is numbered through the page."""

    headings: list[tuple[tuple[int, ...], str]] = field(default_factory=list)
    n_tables: int = 0
    n_figures: int = 0

    def section(self, section: Section, number: tuple[int, ...]) -> Iterator[str]:
        heading, parts = section
        self.headings.append((number, heading))
        level = len(number) + 1
        yield f'<section id="{_anchor(number)}">\n<h{level}>{_told(number, heading)}</h{level}>\n'
        within = 0
        for part in parts:
            if isinstance(part, tuple):
                within += 1
                yield from self.section(part, (*number, within))
            else:
                yield self.part(part)
        yield "</section>\n"

    def part(self, part: Part) -> str:
        from pandas.io.formats.style import Styler

        if isinstance(part, str):
            return f"<p>{html.escape(part)}</p>\n"
        if isinstance(part, list) and not all(isinstance(item, str) for item in part):
            return f'<div class="side">\n{"".join(map(self.part, part))}</div>\n'
        if isinstance(part, list):
            return "<ul>\n" + "".join(f"<li>{html.escape(s)}</li>\n" for s in part) + "</ul>\n"
        if isinstance(part, Mapping):
            rows = (
                f"<dt>{html.escape(str(label))}</dt><dd>{html.escape(str(text))}</dd>\n"
                for label, text in part.items()
            )
            return "<dl>\n" + "".join(rows) + "</dl>\n"
        if isinstance(part, pd.DataFrame):
            return self.table(show_table(part, rows=max(len(part), 1)))
        if isinstance(part, Styler):
            return self.table(part)
        picture = picture_of(part)
        if picture is not None:
            return self.figure(*picture)
        raise TypeError(f"a part is text, a table or a figure, got {type(part).__name__}")

    def table(self, style: Any) -> str:
        self.n_tables += 1
        # the given one stays as it is, and no two tables of a page share an id
        shown = copy.copy(style).set_uuid(f"t{self.n_tables}")
        shown.set_caption(f"Table {self.n_tables}. {style.caption or ''}".strip())
        return f'<div class="wide" tabindex="0">\n{shown.to_html()}</div>\n'

    def figure(self, picture: bytes, alt: str) -> str:
        self.n_figures += 1
        # as an image: ids within one picture cannot meet those of another
        data = base64.b64encode(picture).decode()
        image = f'<img alt="{html.escape(alt)}" src="data:image/svg+xml;base64,{data}">'
        told = html.escape(figure_caption(self.n_figures, alt))
        return f"<figure>\n{image}\n<figcaption>{told}</figcaption>\n</figure>\n"


def figure_caption(number: int, alt: str) -> str:
    """Number of a figure and its title, with which its alt text begins.

    Examples
    --------
    >>> figure_caption(2, "ROC, out of time. 2 lines by model; the highest point is 90%.")
    'Figure 2. ROC, out of time'
    >>> figure_caption(1, "")
    'Figure 1'
    """
    title = alt.partition(". ")[0].rstrip(".")
    return f"Figure {number}. {title}" if title else f"Figure {number}"

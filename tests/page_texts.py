"""What a page and a document of Word say, in the order it is read, so that they can be compared."""

from __future__ import annotations

import io
from html.parser import HTMLParser
from typing import Any

import docx
from docx.oxml.ns import qn

# what is said, in the order it is read: ("h2", "1 One"), ("row", "a", "1"), ("figure", alt text)
Said = list[tuple[str, ...]]


class Page(HTMLParser):
    """What a page says, but for its contents."""

    KEPT = ("h1", "h2", "h3", "h4", "p", "li", "dt", "dd", "caption", "figcaption", "th", "td")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.said: Said = []
        self.row: list[str] = []
        self.text: str | None = None
        self.skipped = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.skipped = self.skipped or tag == "nav"
        if tag == "img":
            self.said.append(("figure", dict(attrs)["alt"] or ""))
        if tag == "span" and self.text is not None:
            self.handle_data("")
        if tag in self.KEPT:
            self.text = ""

    def handle_data(self, data: str) -> None:
        if self.text is not None:
            self.text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "span" and self.text is not None:
            self.text += " "
        if tag == "nav":
            self.skipped = False
        elif tag == "tr":
            self.said.append(("row", *self.row))
            self.row = []
        elif tag in self.KEPT and not self.skipped:
            text = " ".join((self.text or "").split())
            if tag in ("th", "td"):
                self.row.append(text)
            else:
                self.said.append((tag, text))
            self.text = None


STYLES = {
    "Title": "h1", "Subtitle": "p", "Heading 1": "h2", "Heading 2": "h3", "Heading 3": "h4",
    "Normal": "p", "List Bullet": "li",
}  # fmt: skip


def document_says(content: bytes) -> Said:
    """What a document says, but for its contents and what people write."""
    document = docx.Document(io.BytesIO(content))
    said: Said = []
    for part in document.iter_inner_content():
        if isinstance(part, docx.table.Table):
            said += [("row", *row) for row in rows_of(part)]
            continue
        assert part.style is not None
        style, text = part.style.name, " ".join(part.text.split())
        if (alt := part._p.xpath(".//wp:docPr/@descr")) or style == "Caption":
            figure = text.startswith("Figure ")
            said.append(("figure", *alt) if alt else ("figcaption" if figure else "caption", text))
        elif style == "Label":
            label, text = (" ".join(one.split()) for one in part.text.split("\t"))
            said += [("dt", label), ("dd", text)]
        elif style in STYLES and text:
            said.append((STYLES[style], text))
    end = said.index(("h2", "Judgement and sign-off"))
    return said[:end]


def rows_of(table: Any) -> list[list[str]]:
    """Cells of a table where they begin, as HTML has them."""
    return [
        [
            " ".join("".join(cell.xpath(".//w:t/text()")).split())
            for cell in row.iterchildren(qn("w:tc"))
            if not cell.xpath("./w:tcPr/w:vMerge[@w:val='continue']")
        ]
        for row in table._tbl.iterchildren(qn("w:tr"))
    ]

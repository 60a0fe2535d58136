"""The document of :mod:`riskkit.documents.page` for Word: the same sections in the same words.

Takes headings with their parts; gives a ``.docx`` file, equal bytes for equal parts. What only a
person may write stands in it as empty, marked blocks.
"""

from __future__ import annotations

import copy
import html
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from riskkit.columns import visible
from riskkit.documents.page import WAY_BACK, Part, Section, figure_caption, filled
from riskkit.plots import picture_of, show_table, table_cells
from riskkit.tables import undated, whole

__all__ = ["BY_PEOPLE", "Blank", "word_document", "write_word_document"]

_NAMESPACE = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
# in twentieths of a point: A4 with margins of 2 cm
_PAGE, _MARGIN = (11906, 16838), 1134
_TEXT_WIDTH = _PAGE[0] - 2 * _MARGIN
_EMU = 635  # of pictures, in one twentieth of a point
# a letter of a table's figures and the margins of a cell, in 8 and in 7 points
_LETTER, _SMALL_LETTER, _CELL_MARGINS = 84, 74, 150
_LONGEST_WORD, _LONGEST_CELL = 24, 60
_LABEL_WIDTH = 2700
_LONGEST_PROPERTY = 255
_LINE, _INK, _SOFT, _BLANK_FILL, _BLANK_LINE = "C9D1D9", "27496D", "5B6673", "FFF4D6", "D9A400"
_WHITESPACE = re.compile(r"[\t\n\v\f\r]+")
_MARKED, _SIGNING = "To be written", "Judgement and sign-off"
_SIGNED = ("Name", "Role", "Date", "Signature")
_N_SIGNATURES = 3


class Blank(NamedTuple):
    """A block that a person fills in: its name, what is asked, whether it is signed."""

    name: str
    asked: str
    is_signed: bool = False


BY_PEOPLE = (
    Blank(
        "purpose and approved use",
        "Which decision the model may be used for, for whom, from when, and what it may not be "
        "used for.",
    ),
    Blank(
        "judgement of the model owner",
        "Whether the model is fit for that use, what is done about what deserves attention, and "
        "who watches it.",
    ),
    Blank(
        "judgement of the validator",
        "What was checked independently, what was found, and under which conditions the model "
        "may be used.",
    ),
    Blank("sign-off", "Who approves the model, and when.", True),
)


def write_word_document(
    path: str | Path,
    title: str,
    sections: Sequence[Section],
    *,
    subtitle: str = "",
    home: str = "",
    by_people: Sequence[Blank] = BY_PEOPLE,
) -> Path:
    """Write the file of :func:`word_document` whole or not at all; returns its path."""
    path = Path(path)
    content = word_document(title, sections, subtitle=subtitle, home=home, by_people=by_people)
    with whole(path) as staging:
        staging.write_bytes(content)
    return path


def word_document(
    title: str,
    sections: Sequence[Section],
    *,
    subtitle: str = "",
    home: str = "",
    by_people: Sequence[Blank] = BY_PEOPLE,
) -> bytes:
    """The sections of :func:`document_html` as a document of Word.

    Parameters
    ----------
    title, subtitle, home : str
    sections : sequence of (heading, parts)
        As in :func:`document_html`; parts side by side stand below each other. Tables and figures
        have the numbers they have on the page, cells the same text. Figures are pictures of 200
        dots per inch with their alt text.
    by_people : sequence of Blank
        The first stands before the sections, the others behind them.

    Raises
    ------
    TypeError
        A part of another kind.
    """
    import docx

    document = docx.Document()
    _set_up(document, title)
    writer = _Writer(document)
    if home:
        writer.way_back(home)
    writer.paragraph(title, "Title")
    if subtitle:
        writer.paragraph(subtitle, "Subtitle")
    for blank in by_people[:1]:
        writer.blank(blank)
    parts = filled(sections)
    writer.contents(_headings(parts), bool(by_people[1:]))
    for i, section in enumerate(parts, 1):
        writer.section(section, (i,))
    if by_people[1:]:
        writer.heading(_SIGNING, "signing", 1)
    for blank in by_people[1:]:
        writer.blank(blank)
    buffer = io.BytesIO()
    document.save(buffer)
    return undated(buffer.getvalue())


def _headings(
    parts: Sequence[Part], above: tuple[int, ...] = ()
) -> list[tuple[tuple[int, ...], str]]:
    """Number and words of every section, in the order they are read."""
    found: list[tuple[tuple[int, ...], str]] = []
    sections = [part for part in parts if isinstance(part, tuple)]
    for i, (heading, inner) in enumerate(sections, 1):
        found += [((*above, i), heading), *_headings(inner, (*above, i))]
    return found


def _dotted(number: tuple[int, ...], heading: str) -> str:
    return f"{'.'.join(map(str, number))} {heading}"


def _bookmark(number: tuple[int, ...]) -> str:
    return "s" + "_".join(map(str, number))


# -- XML -------------------------------------------------------------------------------------------


def _element(tag: str, *children: Any, **attributes: object) -> Any:
    """An element of Word's namespace, as are its attributes."""
    from lxml import etree

    made = etree.Element(
        f"{{{_NAMESPACE}}}{tag}",
        {f"{{{_NAMESPACE}}}{name}": str(value) for name, value in attributes.items()},
        nsmap={"w": _NAMESPACE},
    )
    made.extend(children)
    return made


def _words(text: str) -> str:
    """Text as a page shows it: on one line, and nothing in it hidden."""
    return _WHITESPACE.sub(" ", visible(text))


def _run(text: str, *properties: Any) -> Any:
    words = _element("t")
    words.text = _words(text)
    words.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
    return _element("r", *([_element("rPr", *properties)] if properties else []), words)


def _field(code: str) -> list[Any]:
    """What Word computes, such as the number of a page."""
    instruction = _element("instrText")
    instruction.text = code
    marks = [_element("fldChar", fldCharType=kind) for kind in ("begin", "end")]
    return [_element("r", part) for part in (marks[0], instruction, marks[1])]


def _paragraph(style_id: str, *runs: Any, properties: Sequence[Any] = ()) -> Any:
    return _element("p", _element("pPr", _element("pStyle", val=style_id), *properties), *runs)


def _borders(tag: str, sides: Sequence[str], colour: str, space: int = 0) -> Any:
    lines = [_element(side, val="single", sz=4, space=space, color=colour) for side in sides]
    return _element(tag, *lines)


# -- the document ----------------------------------------------------------------------------------


def _set_up(document: Any, title: str) -> None:
    """Page, styles, footer and properties; nothing in them is dated."""
    from docx.enum.style import WD_STYLE_TYPE
    from docx.shared import Pt, RGBColor, Twips

    page = document.sections[0]
    page.page_width, page.page_height = map(Twips, _PAGE)
    page.left_margin = page.right_margin = page.top_margin = page.bottom_margin = Twips(_MARGIN)
    styles = document.styles
    for name, size, before, after in (
        ("Normal", 10, 3, 6),
        ("Title", 22, 0, 8),
        ("Subtitle", 12, 0, 8),
        ("Heading 1", 15, 18, 6),
        ("Heading 2", 12, 12, 4),
        ("Heading 3", 11, 10, 4),
        ("Caption", 9, 10, 3),
        ("List Bullet", 10, 0, 3),
    ):
        style = styles[name]
        style.font.name, style.font.size = "Calibri", Pt(size)
        style.paragraph_format.space_before = Pt(before)
        style.paragraph_format.space_after = Pt(after)
        if name not in ("Normal", "List Bullet"):
            style.font.color.rgb = RGBColor.from_string(_INK)
    for name in ("Table text", "Label", "Contents", _MARKED):
        style = styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
        style.base_style = styles["Normal"]
        style.paragraph_format.space_before = style.paragraph_format.space_after = Pt(1)
    styles["Table text"].font.size = Pt(8)
    labels = styles["Label"].paragraph_format
    labels.left_indent, labels.first_line_indent = Twips(_LABEL_WIDTH), -Twips(_LABEL_WIDTH)
    labels.tab_stops.add_tab_stop(Twips(_LABEL_WIDTH))
    box = styles[_MARKED].element.get_or_add_pPr()
    sides = ("top", "left", "bottom", "right")
    shade = _element("shd", val="clear", color="auto", fill=_BLANK_FILL)
    # the order of the elements is Word's: borders and shading come before spacing
    for place, part in enumerate((_borders("pBdr", sides, _BLANK_LINE, space=4), shade)):
        box.insert(place, part)
    properties = document.core_properties
    properties.title = _words(title)[:_LONGEST_PROPERTY]
    properties.author, properties.comments = "riskkit", ""
    for element in list(properties._element):
        if element.tag.endswith(("}created", "}modified")):
            properties._element.remove(element)
    footer = page.footer.paragraphs[0]
    footer._p.append(_run(f"{title}, page ", _element("color", val=_SOFT), _element("sz", val=16)))
    footer._p.extend(_field("PAGE"))


@dataclass
class _Writer:
    """Parts as Word keeps them; counts what is numbered through the document."""

    document: Any
    n_tables: int = 0
    n_figures: int = 0
    n_bookmarks: int = 0
    style_ids: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.style_ids = {style.name: style.style_id for style in self.document.styles}
        self.end = self.document.element.body[-1]  # the page's settings stay last

    def add(self, element: Any) -> None:
        self.end.addprevious(element)

    def paragraph(self, text: str, style: str, *, properties: Sequence[Any] = ()) -> None:
        self.add(_paragraph(self.style_ids[style], _run(text), properties=properties))

    def way_back(self, home: str) -> None:
        """A link to the page beside the document that it belongs to."""
        from docx.opc.constants import RELATIONSHIP_TYPE

        to = self.document.part.relate_to(home, RELATIONSHIP_TYPE.HYPERLINK, is_external=True)
        link = _element("hyperlink", _run(WAY_BACK, _element("color", val=_INK)), history=1)
        link.set(f"{{{_RELATIONS}}}id", to)
        self.add(_paragraph(self.style_ids["Normal"], link))

    def contents(self, headings: Sequence[tuple[tuple[int, ...], str]], is_signed: bool) -> None:
        """Links to the sections."""
        links = [(_dotted(n, heading), _bookmark(n), len(n)) for n, heading in headings]
        links += [(_SIGNING, "signing", 1)] if is_signed else []
        for told, bookmark, level in links:
            indent = _element("ind", left=360 * (level - 1))
            shown = _run(told, _element("color", val=_INK))
            link = _element("hyperlink", shown, anchor=bookmark, history=1)
            self.add(_paragraph(self.style_ids["Contents"], link, properties=[indent]))

    def heading(self, told: str, bookmark: str, level: int) -> None:
        self.n_bookmarks += 1
        start = _element("bookmarkStart", id=self.n_bookmarks, name=bookmark)
        end = _element("bookmarkEnd", id=self.n_bookmarks)
        style = self.style_ids[f"Heading {min(level, 9)}"]
        self.add(_paragraph(style, start, _run(told), end))

    def section(self, section: Section, number: tuple[int, ...]) -> None:
        heading, parts = section
        self.heading(_dotted(number, heading), _bookmark(number), len(number))
        within = 0
        for part in parts:
            if isinstance(part, tuple):
                within += 1
                self.section(part, (*number, within))
            else:
                self.part(part)

    def part(self, part: Part) -> None:
        from pandas.io.formats.style import Styler

        if isinstance(part, str):
            self.paragraph(part, "Normal")
        elif isinstance(part, list):
            for item in part:
                if isinstance(item, str) and all(isinstance(one, str) for one in part):
                    self.paragraph(item, "List Bullet")
                else:
                    self.part(item)
        elif isinstance(part, Mapping):
            for label, text in part.items():
                named = _run(str(label), _element("b"))
                tab = _element("r", _element("tab"))
                self.add(_paragraph(self.style_ids["Label"], named, tab, _run(str(text))))
        elif isinstance(part, pd.DataFrame):
            self.table(show_table(part, rows=max(len(part), 1)))
        elif isinstance(part, Styler):
            self.table(part)
        else:
            picture = picture_of(part, "png")
            if picture is None:
                kind = type(part).__name__
                raise TypeError(f"a part is text, a table or a figure, got {kind}")
            self.figure(*picture)

    def table(self, style: Any) -> None:
        self.n_tables += 1
        caption = f"Table {self.n_tables}. {html.unescape(style.caption or '')}".strip()
        self.paragraph(caption, "Caption", properties=[_element("keepNext")])
        head, body = table_cells(style)
        leading = style.data.index.nlevels
        kinds = [pd.api.types.is_numeric_dtype(kind) for kind in style.data.dtypes]
        is_right = [False] * leading + kinds
        self.add(_table(_grid(head), _grid(body), is_right, self.style_ids["Table text"], caption))

    def figure(self, picture: bytes, alt: str) -> None:
        self.n_figures += 1
        _, image = self.document.part.get_or_add_image(io.BytesIO(picture))
        share = min(1.0, _TEXT_WIDTH * _EMU / image.width)
        size = (int(image.width * share), int(image.height * share))
        inline = self.document.part.new_pic_inline(io.BytesIO(picture), *size)
        for named in (inline.docPr, inline.graphic.graphicData.pic.nvPicPr.cNvPr):
            named.set("descr", _words(alt))
            named.set("name", f"Figure {self.n_figures}")
        drawn = _element("r", _element("drawing", inline))
        keep = [_element("keepNext")]
        self.add(_paragraph(self.style_ids["Normal"], drawn, properties=keep))
        self.paragraph(figure_caption(self.n_figures, alt), "Caption")

    def blank(self, blank: Blank) -> None:
        """A shaded box to write in, and lines to sign on."""
        style, keep = self.style_ids[_MARKED], [_element("keepNext")]
        marked = _run(f"{_MARKED} by a person: {blank.name}", _element("b"))
        self.add(_paragraph(style, marked, properties=keep))
        asked = _run(blank.asked, _element("i"), _element("color", val=_SOFT))
        self.add(_paragraph(style, asked, properties=keep))
        if not blank.is_signed:
            for _ in range(3):
                self.add(_paragraph(style))
        self.add(_paragraph(self.style_ids["Normal"]))
        if blank.is_signed:
            rows = [[_Placed("", 1, False)] * len(_SIGNED)] * _N_SIGNATURES
            head = [[_Placed(name, 1, False) for name in _SIGNED]]
            text = self.style_ids["Table text"]
            alike = [_TEXT_WIDTH // len(_SIGNED)] * len(_SIGNED)
            no_right = [False] * len(_SIGNED)
            self.add(_table(head, rows, no_right, text, blank.name, widths=alike, height=560))


# -- tables ----------------------------------------------------------------------------------------


class _Placed(NamedTuple):
    """A cell in its row; `goes_on` where it belongs to one above."""

    text: str
    n_columns: int
    is_merged: bool
    goes_on: bool = False


def _grid(rows: Sequence[Sequence[Any]]) -> list[list[_Placed]]:
    """Rows in which every column is filled: Word wants a cell also below one that spans rows."""
    placed: list[list[_Placed]] = []
    open_rows: dict[int, int] = {}  # column → rows that a cell above still takes
    for row in rows:
        line: list[_Placed] = []
        column, cells = 0, iter(row)
        while True:
            if open_rows.get(column):
                open_rows[column] -= 1
                line.append(_Placed("", 1, True, True))
                column += 1
                continue
            cell = next(cells, None)
            if cell is None:
                break
            open_rows[column] = cell.n_rows - 1
            line.append(_Placed(cell.text, cell.n_columns, cell.n_rows > 1))
            column += cell.n_columns
        placed.append(line)
    return placed


def _table(
    head: Sequence[Sequence[_Placed]],
    body: Sequence[Sequence[_Placed]],
    is_right: Sequence[bool],
    style_id: str,
    described: str,
    *,
    widths: Sequence[int] | None = None,
    height: int = 0,
) -> Any:
    """A table whose heading is repeated on each page and whose rows are not broken."""
    small = False
    if widths is None:
        widths, small = _widths([*head, *body], len(is_right))
    properties = _element(
        "tblPr",
        _element("tblW", w=sum(widths), type="dxa"),
        _borders("tblBorders", ("top", "bottom", "insideH"), _LINE),
        _element("tblLayout", type="fixed"),
        _element("tblCellMar", *(_element(side, w=60, type="dxa") for side in ("left", "right"))),
        _element("tblLook", val="0420", firstRow=1, noVBand=1),
        _element("tblDescription", val=_words(described)),
    )
    grid = _element("tblGrid", *(_element("gridCol", w=width) for width in widths))
    size = [_element("sz", val=14)] if small else []
    made = _element("tbl", properties, grid)
    for rows, is_head in ((head, True), (body, False)):
        for row in rows:
            made.append(_row(row, widths, is_right, style_id, size, is_head, height))
    return made


def _row(
    row: Sequence[_Placed],
    widths: Sequence[int],
    is_right: Sequence[bool],
    style_id: str,
    size: Sequence[Any],
    is_head: bool,
    height: int,
) -> Any:
    settings = [_element("cantSplit")]
    settings += [_element("trHeight", val=height)] if height and not is_head else []
    settings += [_element("tblHeader")] if is_head else []
    made = _element("tr", _element("trPr", *settings))
    column = 0
    for cell in row:
        width = sum(widths[column : column + cell.n_columns])
        about = [_element("tcW", w=width, type="dxa")]
        about += [_element("gridSpan", val=cell.n_columns)] if cell.n_columns > 1 else []
        if cell.is_merged:
            about.append(_element("vMerge", val="continue" if cell.goes_on else "restart"))
        looks = [_element("b")] if is_head else []
        runs = [_run(cell.text, *looks, *map(copy.copy, size))] if cell.text else []
        aligned = [_element("jc", val="right")] if is_right[column] else []
        text = _paragraph(style_id, *runs, properties=aligned)
        made.append(_element("tc", _element("tcPr", *about), text))
        column += cell.n_columns
    return made


def _widths(rows: Sequence[Sequence[_Placed]], n_columns: int) -> tuple[list[int], bool]:
    """Widths of the columns within the page, and whether the letters have to be small."""
    least, most = [1] * n_columns, [1] * n_columns
    for row in rows:
        column = 0
        for cell in row:
            if cell.n_columns == 1:
                words = max(map(len, cell.text.split()), default=1)
                least[column] = max(least[column], min(words, _LONGEST_WORD))
                most[column] = max(most[column], min(len(cell.text), _LONGEST_CELL))
            column += cell.n_columns
    for letter in (_LETTER, _SMALL_LETTER):
        small = letter == _SMALL_LETTER
        low, high = ([n * letter + _CELL_MARGINS for n in sizes] for sizes in (least, most))
        if sum(high) <= _TEXT_WIDTH:
            return high, small
        if sum(low) <= _TEXT_WIDTH:
            room, wanted = _TEXT_WIDTH - sum(low), sum(high) - sum(low)
            widths = [lo + room * (hi - lo) // wanted for lo, hi in zip(low, high, strict=True)]
            return widths, small
    return [_TEXT_WIDTH * width // sum(low) for width in low], True

"""The model document for Word: held to the page it is made beside."""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import docx
import numpy as np
import pandas as pd
import pytest
from docx.oxml.ns import qn
from matplotlib.figure import Figure
from page_texts import Page, document_says
from PIL import Image

from riskkit import documents, plots
from riskkit.columns import visible
from riskkit.documents import document_html
from riskkit.documents.word import BY_PEOPLE, word_document


def figure(label: str = "A curve. It rises.", size: tuple[float, float] = (2, 1)) -> Figure:
    made = Figure(figsize=size, label=label)
    made.subplots().plot([0, 1])
    return made


HOSTILE = [
    "<script>alert('x')</script>&amp;",
    "</w:t></w:r></w:p><w:p>",
    "]]><!-- <?xml version='1.0'?>",
    "\u202egnirts \x00\x07\x1b",
    "half a letter \ud800 \uffff",
    "x" * 300,
    "通过率，负债",
    "{MERGEFIELD a} _x0041_",
]


def everything(text: str) -> list[Any]:
    """Sections with every kind of part, `text` in each place that takes one."""
    # a column of pandas holds no half letters
    word = text.encode("utf-8", "replace").decode()
    index = pd.MultiIndex.from_tuples([(word, "a"), (word, "b"), ("z", "c")], names=[word, "of"])
    table = pd.DataFrame(
        {"bad_rate": [0.1234, np.nan, 1], word: [word, "<", None], "p_value": [1e-9, 0.5, 1]},
        index=index,
    )
    nothing = table.head(0)
    return [
        (text, [text, [text, "b"], {text: text, "label": text}]),
        (
            "Tables",
            [
                plots.show_table(table, caption=word),
                [plots.show_table(nothing, caption="Empty"), pd.DataFrame({"n": [1000]})],
                (text, [figure(text), ("Deeper", [figure(size=(12, 2))]), ("Hollow", [])]),
            ],
        ),
    ]


def test_the_document_says_what_the_page_says_in_the_same_order() -> None:
    sections = everything("Text & more")
    about = {"subtitle": "Of a run", "home": "index.html"}
    page = Page(document_html("A <title>", sections, **about))
    content = word_document("A <title>", sections, **about)
    said = document_says(content)
    assert said == page.said
    assert said[:3] == [("p", "← Overview"), ("h1", "A <title>"), ("p", "Of a run")]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        relations = archive.read("word/_rels/document.xml.rels").decode()
    assert re.findall(r'Target="([^"]*)" TargetMode="External"', relations) == ["index.html"]
    assert ("h3", "2.1 Text & more") in said
    assert ("caption", "Table 1. Text & more") in said
    assert ("row", "Text & more", "a", "12.34%", "Text & more", "< 0.0001") in said
    assert [text[:9] for kind, text, *_ in said if kind == "figcaption"].count("Figure 2.") == 1
    assert "Hollow" not in str(said)


def test_the_document_of_a_run_says_what_its_page_says(synthetic_run: Any) -> None:
    folder = synthetic_run.run_dir / "06_validation"
    page = Page((folder / "model_card.html").read_text(encoding="utf-8")).said
    said = document_says((folder / "model_card.docx").read_bytes())
    assert said == page
    kinds = Counter(kind for kind, *_ in said)
    assert kinds["h2"] == 14
    assert min(kinds["caption"], kinds["row"] / 5, kinds["figure"] * 3, kinds["li"]) > 10


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_shown_and_changes_no_structure(text: str) -> None:
    plain, odd = (word_document(word, everything(word)) for word in ("plain", text))
    with zipfile.ZipFile(io.BytesIO(odd)) as archive:
        assert archive.testzip() is None
    elements = [
        Counter(e.tag for e in docx.Document(io.BytesIO(content)).element.iter())
        for content in (plain, odd)
    ]
    # letters become smaller where words are wide
    for found in elements:
        found.pop(qn("w:sz"), None)
    assert elements[0] == elements[1]
    shown = " ".join(visible(text).split())
    said = document_says(odd)
    assert said[:3] == [("h1", shown), ("h2", f"1 {shown}"), ("p", shown)]
    assert ("figure", visible(text)) in said


def test_a_table_repeats_its_heading_and_breaks_no_row() -> None:
    many = pd.DataFrame({"n": range(60)}, index=pd.RangeIndex(60, name="row"))
    content = word_document("D", [("S", [plots.show_table(many, rows=60, caption="Many")])])
    table, *_ = docx.Document(io.BytesIO(content)).tables
    rows = list(table._tbl.iterchildren(qn("w:tr")))
    assert len(rows) == 61
    assert [bool(row.xpath("./w:trPr/w:tblHeader")) for row in rows] == [True] + [False] * 60
    assert all(row.xpath("./w:trPr/w:cantSplit") for row in rows)
    assert table._tbl.xpath("./w:tblPr/w:tblDescription/@w:val") == ["Table 1. Many"]
    caption = table._tbl.getprevious()
    assert caption.xpath("./w:pPr/w:keepNext")


def test_every_table_fits_the_page_and_every_row_its_grid() -> None:
    wide = pd.DataFrame({f"a column of figures {n}": [n / 7] for n in range(14)})
    content = word_document("D", [("S", [wide]), *everything("y" * 300)])
    page = docx.Document(io.BytesIO(content))
    section = page.sections[0]
    room = section.page_width.twips - section.left_margin.twips - section.right_margin.twips
    for table in page.tables:
        widths = [int(w) for w in table._tbl.xpath("./w:tblGrid/w:gridCol/@w:w")]
        assert sum(widths) <= room
        assert min(widths) >= 120 + 74  # the margins of a cell and one letter
        for row in table._tbl.iterchildren(qn("w:tr")):
            spans = [int(n) for n in row.xpath("./w:tc/w:tcPr/w:gridSpan/@w:val")]
            cells = row.xpath("count(./w:tc)")
            assert cells - len(spans) + sum(spans) == len(widths)


def test_figures_are_of_200_dots_per_inch_and_within_the_page() -> None:
    content = word_document("D", [("S", [figure(), figure("Wide.", (12, 2))])])
    document = docx.Document(io.BytesIO(content))
    small, wide = document.inline_shapes
    assert small.width.inches == pytest.approx(2, abs=0.3)  # its margins are cut
    section = document.sections[0]
    room = section.page_width - section.left_margin - section.right_margin
    assert wide.width.inches == pytest.approx(room / 914400, abs=0.01)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        pictures = [name for name in archive.namelist() if name.endswith(".png")]
        sizes = [Image.open(io.BytesIO(archive.read(name))).info["dpi"][0] for name in pictures]
    assert sizes == pytest.approx([200, 200], abs=1)


def test_contents_lead_to_every_heading() -> None:
    content = word_document("D", everything("Text"))
    body = docx.Document(io.BytesIO(content)).element.body
    links = body.xpath(".//w:hyperlink/@w:anchor")
    assert links == ["s1", "s2", "s2_1", "s2_1_1", "signing"]
    assert links == body.xpath(".//w:bookmarkStart/@w:name")
    told = ["".join(link.xpath(".//w:t/text()")) for link in body.xpath(".//w:hyperlink")]
    assert told[2:] == ["2.1 Text", "2.1.1 Deeper", "Judgement and sign-off"]


def test_what_only_a_person_may_write_is_an_empty_marked_block() -> None:
    document = docx.Document(io.BytesIO(word_document("D", [("S", ["text"])])))
    marked = [
        p for p in document.paragraphs if p.style is not None and p.style.name == "To be written"
    ]
    names = [p.text for p in marked if p.text.startswith("To be written by a person: ")]
    assert names == [f"To be written by a person: {blank.name}" for blank in BY_PEOPLE]
    assert [n.split(": ")[1] for n in names] == [
        "purpose and approved use", "judgement of the model owner", "judgement of the validator",
        "sign-off",
    ]  # fmt: skip
    assert sum(not p.text for p in marked) == 9  # three lines to write on in each of three
    style = document.styles["To be written"].element
    assert style.xpath("./w:pPr/w:shd/@w:fill") == ["FFF4D6"]
    assert [e.tag.split("}")[1] for e in style.pPr][:3] == ["pBdr", "shd", "spacing"]
    (signed,) = document.tables
    assert [cell.text for cell in signed.rows[0].cells] == ["Name", "Role", "Date", "Signature"]
    assert {cell.text for row in list(signed.rows)[1:] for cell in row.cells} == {""}
    # the first stands before what the model says, the others behind it
    texts = [p.text for p in document.paragraphs]
    assert texts.index(names[0]) < texts.index("text") < texts.index(names[1])


def test_equal_parts_give_equal_bytes_and_nothing_is_dated() -> None:
    first, second = (word_document("D", everything("Text")) for _ in range(2))
    assert first == second
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        core = archive.read("docProps/core.xml").decode()
    assert not re.search(r"created|modified|python-docx", core)
    properties = docx.Document(io.BytesIO(first)).core_properties
    assert (properties.title, properties.author) == ("D", "riskkit")


def test_a_part_of_another_kind_is_refused() -> None:
    with pytest.raises(TypeError, match="a part is text, a table or a figure, got int"):
        word_document("D", [("S", [7])])


def test_a_document_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "card.docx"
    assert documents.write_word_document(path, "First", [("S", ["one"])]) == path
    assert path.stat().st_mode & 0o777 == 0o640
    before = path.read_bytes()

    def broken(*_: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_bytes", broken)
    with pytest.raises(OSError, match="disk full"):
        documents.write_word_document(path, "Second", [("S", ["two"])])
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["card.docx"]


def test_the_table_given_stays_as_it_was() -> None:
    table = plots.show_table(pd.DataFrame({"x": [1]}), caption="Same & so")
    word_document("D", [("S", [table])])
    assert table.caption == "Same &amp; so"

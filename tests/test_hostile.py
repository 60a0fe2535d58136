"""Text of others is text: a run of hostile names has the pages of one of plain names."""

import base64
import hashlib
import html
import io
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_notebook, new_output
from page_texts import Page, document_says

from riskkit import pipeline
from riskkit.columns import verbatim, visible
from riskkit.pipeline import report

# plain name of a feature -> what a stranger calls it
NAMES = {
    "income": "<script>alert(1)</script>",
    "age": "a\"b' onload='x",
    "debt": "back\\slash \\(x\\)",
    "calls": "$x$ and $$y$$",
    "bills": "%s %d {0} {name}",
    "gaps": "# heading\n- item",
    "visits": "[link](javascript:alert(1))",
    "orders": "![img](data:image/png;base64,AAAA)",
    "spend": "**bold** _it_ `code` ~~s~~ | a | b |",
    "tenure": "通过率，负债",
    "limit": "index",
    "load": "score",
    "ratio": "bin",
    "city": "<img src=x onerror=alert(1)>",
    "plan": "</td></tr></table><form action=x>",
    "shade": "x" * 200,
}
CATEGORIES = ("city", "plan", "shade")
LEVELS = ("<b>n</b>", "' OR 1=1 --", "\u202egnirts", "$\\frac{a}{b}$")
TITLE = "<h1>T</h1> [x](javascript:alert(1)) </title><script>1</script>"
CURRENCY = "<u>€</u>$*"
NOTE = "![a](x) <form action=y><input></form> [go](javascript:1) http://example.org <!-- "
FAMILY = "</style><style>*{display:none}</style>"


def write_source(folder: Path) -> Path:
    """A mapping whose every name is hostile, and its file; the mapping's path."""
    rng = np.random.default_rng(5)
    n = 700
    risk = rng.normal(size=n)
    days = pd.Timestamp("2022-01-01") + pd.to_timedelta(np.arange(n), unit="D")
    frame = pd.DataFrame({"id": np.arange(n), "when": days.strftime("%Y-%m-%d")})
    frame["amount"] = rng.integers(1_000, 9_000, n)
    frame["channel"] = rng.choice(LEVELS, n)
    for number, (plain, name) in enumerate(NAMES.items()):
        own = risk * (0.8 if number < 8 else 0.2) + rng.normal(size=n)
        levels = np.array(LEVELS)[np.clip(own + 2, 0, 3).astype(int)]
        frame[name] = levels if plain in CATEGORIES else own.round(3)
    frame.loc[rng.random(n) < 0.1, NAMES["debt"]] = -9
    frame.loc[rng.random(n) < 0.1, NAMES["calls"]] = np.nan
    frame["label"] = np.where(rng.random(n) < 1 / (1 + np.exp(1.5 - risk)), "<bad>", "&good;")
    folder.mkdir()
    frame.to_csv(folder / "loans.csv", index=False)
    features = {
        name: {
            "column": name,
            "type": "category" if plain in CATEGORIES else "number",
            "label": name.replace("\n", " "),
            "family": FAMILY,
        }
        for plain, name in NAMES.items()
    }
    features[NAMES["debt"]]["special_codes"] = {-9: "<i>none</i>"}
    features[NAMES["city"]]["protected"] = True
    columns = {"application_id": "id", "applied_at": "when", "amount": "amount"}
    mapping = {
        "name": "hostile",
        "title": TITLE,
        "currency": CURRENCY,
        "amounts_in": "major",
        "accepted_only": True,
        "notes": [NOTE],
        "applications": {"path": "loans.csv", "columns": columns | {"channel": "channel"}},
        "label": {"column": "label", "bad": ["<bad>"], "good": ["&good;"]},
        "features": features,
    }
    path = folder / "hostile.yaml"
    path.write_text(yaml.safe_dump(mapping, allow_unicode=True), encoding="utf-8")
    return path


class Marks(HTMLParser):
    """Elements with the names of their attributes, and what links lead to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[tuple[str, ...]] = Counter()
        self.links: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found[(tag, *sorted(name for name, _ in attrs))] += 1
        self.links |= {value or "" for name, value in attrs if name in ("href", "action", "src")}


def marks_of(page: str) -> Marks:
    marks = Marks()
    marks.feed(page)
    return marks


@pytest.fixture(scope="module")
def hostile_run(project, tmp_path_factory):
    """A run whose every name is hostile."""
    source = write_source(tmp_path_factory.mktemp("hostile") / "own")
    result = pipeline.run(
        source=source, run="hostile", project=project, progress=False,
        parameters={"economics_from": TITLE, "n_permutations": 19},
    )  # fmt: skip
    assert result.exit_code in (0, 3), result.failure  # 3: a light is red
    return result


@pytest.fixture(scope="module")
def pages(hostile_run):
    """Its pages, by file."""
    return {path.name: path.read_text() for path in hostile_run.report_dir.glob("*.html")}


def test_hostile_names_add_no_element_and_no_attribute(pages, synthetic_run):
    assert len(pages) == 12
    shown = [marks_of(path.read_text()) for path in synthetic_run.report_dir.glob("*.html")]
    plain = {mark for marks in shown for mark in marks.found}
    for name, page in pages.items():
        odd = marks_of(page)
        # where no font has Chinese letters, the page says so
        said = {("pre", "class", "tabindex")} if "letters without a font" in page else set()
        assert set(odd.found) - plain - said == set(), name
        ours = {link for link in odd.links if not link.startswith(("#", "data:image/"))}
        assert all(
            link.partition("#")[0].endswith((".html", ".docx", ".ipynb")) for link in ours
        ), ours


def test_hostile_names_are_shown_as_they_are(pages):
    said = "".join(pages.values())
    for word in (*NAMES.values(), TITLE, CURRENCY, *LEVELS):
        word = visible(word)
        shown = html.escape(" ".join(word.split()))
        assert shown in said or shown.replace("&#x27;", "'").replace("&quot;", '"') in said, word


def test_nothing_turns_the_writing_around(pages):
    for name, page in pages.items():
        assert not {"\u202e", "\u2066"} & set(page), name
    assert "‹U+202E›gnirts" in pages["06_validation.html"]


def test_the_document_for_word_says_what_its_page_says(hostile_run, pages):
    content = (hostile_run.run_dir / "06_validation" / "model_card.docx").read_bytes()
    assert document_says(content) == Page(pages["model_card.html"]).said


def test_no_name_becomes_a_formula_of_the_workbook(hostile_run):
    book = openpyxl.load_workbook(io.BytesIO(pipeline.run_workbook(hostile_run.run_dir)))
    kinds = {cell.data_type for worksheet in book for row in worksheet for cell in row}
    assert kinds <= {"s", "n", "b", "d"}
    labels = {row[0].value for row in book["02 selection"].iter_rows(min_row=2)}
    assert NAMES["income"] in labels


def test_every_page_forbids_scripts_but_ours_forms_and_other_bases(pages):
    own = (report.TEMPLATES / "page.js").read_text()
    digest = base64.b64encode(hashlib.sha256(f"\n{own}".encode()).digest()).decode()
    plain = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        "form-action 'none'; base-uri 'none'"
    )
    for name, page in pages.items():
        policy = page.split('http-equiv="Content-Security-Policy" content="')[1].split('"')[0]
        is_document = name == "model_card.html"
        assert policy == (plain if is_document else f"{plain}; script-src 'sha256-{digest}'"), name
        assert page.count("<script>") == (not is_document), name


def markdown_page(text: str) -> str:
    shown = new_output("display_data", data={"text/markdown": text})
    body, _ = report._exporter().from_notebook_node(
        new_notebook(cells=[new_code_cell("", outputs=[shown])])
    )
    return body


TEXTS = [
    *NAMES.values(),
    *LEVELS,
    TITLE,
    CURRENCY,
    NOTE,
    FAMILY,
    "",
    "1. one\n2. two",
    "> quote",
    "    code",
    "```\nfence\n```",
    "<!-- comment",
    "&lt;b&gt; &amp; &#60;",
    "a\n\n---\n\nb",
    "<http://example.org>",
    "[ref]: http://x",
    "![][1]",
    "\\[x\\] \\\\(y\\\\)",
    "<details open ontoggle=x>",
    "\\*not\\*",
]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_any_text_in_markdown_is_one_line_of_text(text):
    plain = marks_of(markdown_page(f"Said: **{verbatim('plain')}**, {verbatim('plain')}."))
    page = markdown_page(f"Said: **{verbatim(text) or 'nothing'}**, {verbatim(text)}.")
    marks = marks_of(page)
    assert marks.found == plain.found
    assert marks.links == plain.links

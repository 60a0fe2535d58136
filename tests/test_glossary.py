"""Terms explained where a page first uses them."""

from html.parser import HTMLParser
from pathlib import Path

import pytest

from riskkit import documents
from riskkit.checks import DataContractError
from riskkit.documents import Term, explained, read_glossary

OWN = Path(__file__).parents[1] / "docs" / "glossary.md"
TERMS = (
    Term(("bad rate",), "坏账率", 'Bad & "known"', "Bad"),
    Term(("bad",), "坏", "Late.", "Bad"),
    Term(("cohort", "vintage"), "批次", "A month's loans.", "Book"),
)


def test_the_glossary_of_the_project_is_read_whole():
    terms = read_glossary(OWN)
    assert len(terms) > 50
    assert len({term.anchor for term in terms}) == len(terms)
    said = {term.chinese for term in terms}
    assert {"通过率", "迁徙率", "入催率", "回款率", "首逾", "拨备覆盖率"} <= said
    assert next(section for section, _ in documents.glossary_sections(terms)) == "Applying"


def test_a_term_is_explained_once_by_its_longest_word_in_any_case_and_number():
    page = explained("<p>Bad rates, bads and bad; Vintages of a cohort.</p>", TERMS)
    assert page.count("<a ") == 3
    assert (
        'href="glossary.html#bad-rate" title="Bad &amp; &quot;known&quot; (坏账率)">Bad rates<'
        in page
    )
    assert ">bads</a> and bad;" in page
    assert ">Vintages</a> of a cohort." in page


@pytest.mark.parametrize(
    "body",
    [
        "<title>bad</title>",
        "<p><a href='x'>bad <b>cohort</b></a></p>",
        "<pre>bad</pre><code>cohort</code>",
        "<script>bad < cohort</script>",
        '<img alt="bad cohort" src="data:,bad">',
        "<!-- bad -->",
        "<thead><tr><th>bad</th></tr></thead>",
        "<svg><text>bad</text></svg>",
        "<p>badly, a bad-tempered, unbad, bad_debt</p>",
        "<p>",
    ],
)
def test_what_is_no_word_of_the_page_stays_as_it_is(body):
    assert explained(body, TERMS) == body


def test_text_of_a_page_is_the_same_with_terms_explained():
    class Texts(HTMLParser):
        said = ""

        def handle_data(self, data):
            self.said += data

    body = "<p>bad &amp; cohort</p><ul><li>bad rate &lt; 1</li></ul><p>Vintage</p>"
    before, after = Texts(), Texts()
    before.feed(body)
    after.feed(explained(body, TERMS))
    assert before.said == after.said


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("### AUC\nRank.", "expected '### word · 中文'"),
        ("### AUC · 面积\n\n### KS · 值\nGap.", "what it means"),
        ("### AUC · 面积\nRank.\n### auc · 面\nRank.", "'auc' has two entries"),
    ],
)
def test_a_glossary_that_says_too_little_is_refused(tmp_path, text, match):
    (tmp_path / "glossary.md").write_text(f"# Glossary\n\n{text}\n")
    with pytest.raises(DataContractError, match=match):
        read_glossary(tmp_path / "glossary.md")


@pytest.mark.parametrize("word", ["ıv", "İv", "pſi", "loſs", "GINı"])
def test_letters_that_only_look_alike_are_no_words_of_the_glossary(word):
    terms = [Term((name,), "值", "Told.", "") for name in ("IV", "PSI", "loss", "Gini")]
    page = f"<p>{word}</p>"
    assert explained(page, terms) == page


def test_a_glossary_of_any_length_is_not_read(tmp_path):
    path = tmp_path / "glossary.md"
    path.write_text("### a · b\nc\n" * 100_000)
    with pytest.raises(DataContractError, match="more than 1,000,000 bytes"):
        read_glossary(path)


def test_an_abbreviation_is_not_the_word_it_spells():
    terms = (Term(("CAP",), "曲线", "A curve.", "Models"),)
    page = explained("<p>A cap on the rate; the CAP curve.</p>", terms)
    assert page.count("<a ") == 1
    assert ">CAP</a> curve." in page


@pytest.mark.parametrize(
    "word",
    ["DeLong", "Wald", "CAP", "lift", "parcelling", "uplift", "Jeffreys interval", "Holm",
     "swap set", "mix", "expected bads"],
)  # fmt: skip
def test_words_that_the_pages_use_are_explained(word):
    (term,) = (term for term in read_glossary(OWN) if word in term.names)
    assert any("一" <= letter <= "鿿" for letter in term.chinese)
    assert 'class="term"' in explained(f"<p>The {word} is told.</p>", [term])

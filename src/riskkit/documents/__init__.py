"""Documents to print and file: what a committee must know of a model, on one page.

Takes a model and the tables a run has found; gives sections, and of these a page that needs nothing
else, or a document of Word in the same words.
"""

from riskkit.documents.explorers import (
    curve_chooser,
    cutoff_cells,
    cutoff_labels,
    cutoff_slider,
    swap_cells,
)
from riskkit.documents.features import (
    bins_in_words,
    feature_title,
    iv_text,
    labels_in_row,
    selection_in_labels,
)
from riskkit.documents.glossary import (
    Term,
    explained,
    glossary_sections,
    read_glossary,
)
from riskkit.documents.limits import (
    challenger_limits,
    model_limits,
    rule_limits,
    validation_figures,
)
from riskkit.documents.looks import sheet_look, show_finding
from riskkit.documents.model_card import model_card_sections
from riskkit.documents.page import document_html, write_document
from riskkit.documents.recommended import rule_text, show_fairness_beside
from riskkit.documents.shell import fragment_html, page_html
from riskkit.documents.word import write_word_document
from riskkit.documents.words import Findings, plain

__all__ = [
    "Findings",
    "Term",
    "bins_in_words",
    "challenger_limits",
    "curve_chooser",
    "cutoff_cells",
    "cutoff_labels",
    "cutoff_slider",
    "document_html",
    "explained",
    "feature_title",
    "fragment_html",
    "glossary_sections",
    "iv_text",
    "labels_in_row",
    "model_card_sections",
    "model_limits",
    "page_html",
    "plain",
    "read_glossary",
    "rule_limits",
    "rule_text",
    "selection_in_labels",
    "sheet_look",
    "show_fairness_beside",
    "show_finding",
    "swap_cells",
    "validation_figures",
    "write_document",
    "write_word_document",
]

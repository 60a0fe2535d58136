"""The disclosure sheet in a real browser: both languages, every width, light and dark, on paper."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from riskkit import offers
from riskkit.schema import read_caps

PROJECT = Path(__file__).parents[2]
PHONE = 390
LANGUAGES = ("zh", "en")
CHARGES = (
    offers.Charge(
        name="增信服务费", basis="monthly", rate=0.0025, collected_by="某某融资担保有限公司"
    ),
    offers.Charge(name="Platform fee", basis="upfront", rate=0.01, collected_by="Platform Co."),
    offers.Charge(name="逾期罚息", basis="overdue", rate=0.0005, collected_by="某某银行"),
)


@pytest.fixture(scope="module")
def sheets(tmp_path_factory):
    """Sheets of the longest plan and of a plain one, in both languages."""
    folder = tmp_path_factory.mktemp("sheets")
    caps = read_caps(PROJECT / "data" / "caps.yaml")
    for term in (12, 36):
        offer = offers.Offer(
            principal_fen=123_456_789, monthly_rate=0.0155, term_months=term,
            method="equal_principal", disbursed_on="2026-08-31", lender="某某银行股份有限公司",
            charges=CHARGES,
        )  # fmt: skip
        told = offers.disclosure(offer, caps=caps, scope="assisted lending")
        for language in LANGUAGES:
            page = offers.disclosure_sheet(told, language)
            (folder / f"{language}{term}.html").write_text(page, encoding="utf-8")
    return folder


@pytest.fixture(scope="module", params=LANGUAGES)
def opened(request, chromium, sheets):
    """A page without a network, the language of the sheets it opens, and what it asked for."""
    context = chromium.new_context(offline=True)
    page = context.new_page()
    page.language, page.asked, page.faults = request.param, [], []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("console", lambda told: page.faults.append(told.text))
    yield page
    context.close()


def open_sheet(page, sheets, term):
    page.asked.clear()
    page.goto((sheets / f"{page.language}{term}.html").as_uri())


def test_the_sheet_asks_for_nothing_and_fits_its_screen(opened, sheets):
    for width in (PHONE, 1280):
        opened.set_viewport_size({"width": width, "height": 900})
        open_sheet(opened, sheets, 36)
        assert opened.asked == [opened.url]
        assert opened.faults == []
        assert opened.evaluate("document.documentElement.scrollWidth") <= width
        # a charge can be read without moving it: each of its cells is within the screen
        ends = opened.locator(".charges tbody td").evaluate_all(
            "cells => cells.map(cell => cell.getBoundingClientRect())"
            ".flatMap(box => [box.left, box.right])"
        )
        assert min(ends) >= 0
        assert 0 < max(ends) <= width
        # and so is every amount of the plan, the balance in its last cell, too
        ends = opened.locator(".plan tbody td").evaluate_all(
            "cells => cells.map(cell => cell.getBoundingClientRect())"
            ".flatMap(box => [box.left, box.right])"
        )
        assert min(ends) >= 0
        assert 0 < max(ends) <= width
        assert opened.locator(".plans").evaluate("box => box.scrollWidth <= box.clientWidth")
    assert opened.evaluate("document.documentElement.lang").startswith(opened.language)


def test_the_sheet_prints_on_one_page_of_a4(opened, sheets):
    for term in (12, 36):
        open_sheet(opened, sheets, term)
        printed = opened.pdf(prefer_css_page_size=True)
        assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1


def test_the_sheet_has_no_serious_fault_of_access(opened, sheets):
    for scheme in ("light", "dark"):
        opened.emulate_media(color_scheme=scheme)
        open_sheet(opened, sheets, 12)
        found = Axe().run(opened).response["violations"]
        assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []


def test_chinese_is_drawn_by_a_font_that_has_it(opened, sheets):
    """The box for a missing sign looks alike whatever the sign."""
    open_sheet(opened, sheets, 12)
    drawn = opened.evaluate(
        """() => ['综', '合'].map(sign => {
            const canvas = document.createElement('canvas');
            canvas.width = canvas.height = 40;
            const pen = canvas.getContext('2d');
            pen.font = '32px ' + getComputedStyle(document.body).fontFamily;
            pen.fillText(sign, 2, 34);
            return canvas.toDataURL();
        })"""
    )
    assert drawn[0] != drawn[1]

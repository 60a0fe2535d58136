"""The pages of a run in a real browser: offline, at every width, in the light and in the dark."""

from contextlib import contextmanager

import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe

from riskkit.columns import number_text

PAGES = (
    "index", "01_borrowers", "02_woe_binning", "03_models", "04_cutoffs", "05_vintages",
    "06_validation", "07_offers", "08_provisions_funding", "09_monitoring", "model_card",
    "glossary", "offer_A1_zh",
)  # fmt: skip
STAGES = PAGES[1:10]
PHONE = 390
MOST_BYTES = 3 << 20


@pytest.fixture(scope="module")
def reports(synthetic_run):
    return synthetic_run.report_dir


@contextmanager
def opened(browser, path, *, width=1280, dark=False, scripts=True):
    """A page from disk without a network, what it asked for, and what went wrong in it."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if dark else "light",
        java_script_enabled=scripts,
        offline=True,
    )
    page = context.new_page()
    page.asked, page.faults = [], []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("console", lambda told: page.faults.append(told.text) if told.type == "error" else None)
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.goto(path.as_uri())
    yield page
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_from_disk_and_asks_for_nothing(chromium, reports, name):
    path = reports / f"{name}.html"
    assert path.stat().st_size < MOST_BYTES
    with opened(chromium, path) as page:
        asked = [url for url in page.asked if not url.startswith("data:")]
        assert asked == [path.as_uri()]
        assert page.faults == []
        assert page.locator("h1").count() == 1


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_a_phone(chromium, reports, name):
    with opened(chromium, reports / f"{name}.html", width=PHONE) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE


@pytest.mark.parametrize("name", ["03_models", "05_vintages", "model_card"])
def test_pictures_and_captions_can_be_read_on_a_phone(chromium, reports, name):
    with opened(chromium, reports / f"{name}.html", width=PHONE) as page:
        shown = page.locator("figure img").all()
        for picture in shown:
            # of a width for which it was drawn, or nearly; it moves in its own box
            drawn, natural = picture.evaluate("img => [img.width, img.naturalWidth]")
            assert drawn >= 0.7 * min(natural, 960)
        tables = page.locator("table:visible caption").all()
        for caption in tables:
            box = caption.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= PHONE
        assert len(shown) > 2
        assert len(tables) > 2


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_no_serious_fault_of_access(chromium, reports, name, dark):
    with opened(chromium, reports / f"{name}.html", dark=dark) as page:
        found = Axe().run(page).response["violations"]
    serious = [
        (one["id"], node["html"][:160])
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"][:3]
    ]
    assert serious == []


def shown_figures(page):
    """What the slider's tables say: label -> cells."""
    return {
        row.locator("th").inner_text(): row.locator("td").all_inner_texts()
        for row in page.locator("[data-slider] tbody tr").all()
    }


def test_the_slider_says_what_the_table_of_cutoffs_says(chromium, reports, synthetic_run):
    cutoffs = pd.read_parquet(synthetic_run.run_dir / "04_cutoffs" / "cutoffs.parquet")
    with opened(chromium, reports / "04_cutoffs.html") as page:
        place = page.locator("[data-slider]")
        for model, other in (("scorecard", "challenger"), ("challenger", "scorecard")):
            place.locator("select").select_option(model)
            own = cutoffs.loc[model]
            for at in range(0, len(own), max(1, len(own) // 10)):
                place.locator("input").fill(str(at))
                said = shown_figures(page)
                row = own.iloc[at]
                heads = place.locator("thead").first.inner_text()
                assert f"{model} from {own.index[at]:g} on" in heads
                assert said["approval rate"][0] == number_text(row["approval_rate"], "percent")
                assert said["bads"][0] == number_text(row["bad"], "whole")
                ends = ("", "_low", "_high")
                rates = [number_text(row[f"bad_rate{end}"], "percent2") for end in ends]
                assert said["bad rate, 95 % interval"][0] == "{} ({} to {})".format(*rates)
                ends = ("amount", "low", "high")
                money = [number_text(row[f"profit_{end}"], "whole") for end in ends]
                assert said["profit, CNY, 95 % interval"][0] == "{} ({} to {})".format(*money)
                assert said["inferred"][0] == ("yes" if row["inferred"] else "no")
                approve = (said[who][0] for who in ("both approve", f"only {model}"))
                n_approved = sum(int(number.replace(",", "")) for number in approve)
                assert n_approved == row["applications"]
                beside = cutoffs.loc[other]
                approved = float(said["approval rate"][1].rstrip("%"))
                assert approved >= round(100 * row["approval_rate"], 1)
                assert int(said["bads"][1]) in set(beside["bad"])


def test_the_curves_of_a_choice_are_those_of_the_run(chromium, reports, synthetic_run):
    vintages = pd.read_parquet(synthetic_run.run_dir / "05_vintages" / "vintages.parquet")
    with opened(chromium, reports / "05_vintages.html") as page:
        place = page.locator("[data-curves]")
        head = place.locator("thead th").all_inner_texts()[2:]
        rows = place.locator("tbody tr")
        assert rows.count() == vintages.notna().any(axis=1).sum()
        for at, (_, curve) in enumerate(vintages.iterrows()):
            cells = rows.nth(at).locator("td").all_inner_texts()[1:]
            for month, cell in zip(head, cells, strict=True):
                assert cell == number_text(curve.get(month), "percent2")
        before = page.locator("[data-curves] polyline").count()
        assert before == rows.count()
        for number, option in ((1, "30"), (2, "amount"), (0, "3")):
            place.locator("select").nth(number).select_option(option)
            assert place.locator("polyline").count() == rows.count() > 0
        assert page.faults == []


def test_tables_sort_and_filter(chromium, reports):
    with opened(chromium, reports / "06_validation.html") as page:
        table = page.locator(
            "table", has=page.locator("caption", has_text="Predicted and observed")
        )
        head = table.locator("thead button", has_text="loans")
        head.click()
        assert table.locator("th[aria-sort='ascending']").inner_text().startswith("loans")
        loans = [
            int(text.replace(",", ""))
            for text in table.locator("tbody tr td:first-of-type").all_inner_texts()
        ]
        assert loans == sorted(loans)
        head.click()
        again = [
            int(text.replace(",", ""))
            for text in table.locator("tbody tr td:first-of-type").all_inner_texts()
        ]
        assert again == loans[::-1]
        field = page.locator("input[type=search]").filter(visible=True).first
        field.fill("channel")
        assert page.faults == []


def test_without_scripts_all_but_the_choices_stands_there(chromium, reports):
    for name in STAGES:
        with (
            opened(chromium, reports / f"{name}.html") as whole,
            opened(chromium, reports / f"{name}.html", scripts=False) as plain,
        ):
            tables = plain.locator("main table").filter(visible=True).count()
            hidden = plain.locator("[data-curves] table").count()
            assert tables == whole.locator("main table").filter(visible=True).count() - hidden
            assert plain.locator(".controls").filter(visible=True).count() == 0
            assert plain.locator("figure img").count() == whole.locator("figure img").count() > 0
    with opened(chromium, reports / "04_cutoffs.html", scripts=False) as page:
        assert shown_figures(page)["approval rate"][0].endswith("%")

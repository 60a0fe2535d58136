"""Pictures of a real run for the README, and one of its pages to open from the repository.

    .venv/bin/riskkit run -p n_applicants=40000 && .venv/bin/riskkit run
    .venv/bin/python docs/pictures.py reports/runs/synthetic-default

Needs Chromium (`apt-get install chromium`).
"""

import re
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
PICTURES = {
    "index": ("front_page", 1350, ""),
    "04_cutoffs": ("cutoffs", 1000, "[data-slider]"),
    "05_vintages": ("vintages", 1000, "[data-curves]"),
}
SAMPLE = "04_cutoffs"


def main(reports: Path) -> None:
    """Write the pictures and the sample beside this file."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for page_name, (picture, height, around) in PICTURES.items():
            page = browser.new_page(viewport={"width": 1280, "height": height})
            page.goto((reports / f"{page_name}.html").resolve().as_uri())
            shown = page.locator(around) if around else page
            shown.screenshot(path=HERE / f"{picture}.png")
        browser.close()
    text = (reports / f"{SAMPLE}.html").read_text(encoding="utf-8")
    # alone it has no neighbours, and no glossary
    text = re.sub(r"<nav aria-label=\"Stages.*?</nav>", "", text, flags=re.DOTALL)
    text = re.sub(r'<a class="(?:term|suite)" href="[^"]*"', '<span class="term"', text)
    text = re.sub(r"(<span class=\"term\"[^>]*>.*?)</a>", r"\1</span>", text, flags=re.DOTALL)
    (HERE / "sample_report.html").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Pictures of a real run and a real JupyterLab session for the README, and one page to open.

    .venv/bin/riskkit run -p n_applicants=40000 && .venv/bin/riskkit run
    .venv/bin/python docs/pictures.py reports/runs/synthetic-default
    .venv/bin/python docs/pictures.py lab

The second reads the latest run. Needs Chromium (`apt-get install chromium`).
"""

import re
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

HERE = Path(__file__).parent
PICTURES = {
    "index": ("front_page", 1350, ""),
    "04_cutoffs": ("cutoffs", 1000, "[data-slider]"),
    "05_vintages": ("vintages", 1000, "[data-curves]"),
}
SAMPLE = "08_provisions_funding"


def of_reports(browser: Browser, reports: Path) -> None:
    """Write the pictures and the sample beside this file."""
    for page_name, (picture, height, around) in PICTURES.items():
        page = browser.new_page(viewport={"width": 1280, "height": height})
        page.goto((reports / f"{page_name}.html").resolve().as_uri())
        shown = page.locator(around) if around else page
        shown.screenshot(path=HERE / f"{picture}.png")
    text = (reports / f"{SAMPLE}.html").read_text(encoding="utf-8")
    # alone it has no neighbours, and no glossary
    text = re.sub(r"<nav aria-label=\"Stages.*?</nav>", "", text, flags=re.DOTALL)
    text = re.sub(r'<a class="(?:term|suite)" href="[^"]*"', '<span class="term"', text)
    text = re.sub(r"(<span class=\"term\"[^>]*>.*?)</a>", r"\1</span>", text, flags=re.DOTALL)
    (HERE / "sample_report.html").write_text(text, encoding="utf-8")


def of_lab(browser: Browser) -> None:
    """Edit a bin and move a cutoff in a lab of its own on the latest run."""
    sys.path.insert(0, str(HERE.parent / "tests"))
    from jupyter_lab import Lab, served

    runs = HERE.parent / "data" / "runs"
    latest = max(runs.glob("*/manifest.json"), key=lambda path: path.stat().st_mtime).parent
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        shutil.copytree(HERE.parent / "notebooks", project / "notebooks")
        shutil.copytree(latest, project / "data" / "runs" / latest.name)
        with served(project, Path(folder) / "settings") as address:
            lab = Lab(browser, address, width=1400, height=1800)
            for notebook, picture, click in (
                ("02_woe_binning.ipynb", "bin_editor", "merge with"),
                ("03_models.ipynb", "", ""),
                ("04_cutoffs.ipynb", "cutoff_explorer", ""),
            ):
                lab.open(notebook)
                lab.run_all()
                if not picture:
                    continue
                editor = lab.editor()
                editor.scroll_into_view_if_needed()
                if click:
                    editor.get_by_role("button", name=click).last.click()
                    editor.get_by_role("button", name="What does it change?").click()
                    editor.locator(".rk-effect").wait_for()
                editor.screenshot(path=HERE / f"{picture}.png")


def main(what: str) -> None:
    """Write the pictures of the reports in a folder, or of the lab."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        if what == "lab":
            of_lab(browser)
        else:
            of_reports(browser, Path(what))
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])

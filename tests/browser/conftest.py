"""The real browser of these tests."""

import os
import shutil

import pytest
import real_parts
from playwright.sync_api import sync_playwright


@pytest.fixture(scope="module")
def chromium():
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        real_parts.absent("no Chromium here; on Debian or Ubuntu: apt-get install chromium")
    # root has no sandbox of its own
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()

"""A real JupyterLab on a project, and what an analyst does in it: open, run, look, click."""

import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

from playwright.sync_api import TimeoutError

PROJECT = Path(__file__).parents[1]
TOKEN = "tests"
# every cell is drawn, in view or not
_SETTINGS = {"@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"}}
_SECONDS = 120
_ERROR = "application/vnd.jupyter.error"
# a cell that is run shows a star until its number comes
_SOME_RUN = """() => [...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")]
  .some((prompt) => prompt.textContent.includes("*"))"""
_ALL_RAN = """() => {
  const texts = [...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")]
    .map((prompt) => prompt.textContent);
  return texts.length > 5 && texts.every((text) => /\\d/.test(text));
}"""


@contextmanager
def served(root, settings_dir):
    """Address of the lab that `make lab` serves in a folder with a project's notebooks."""
    for name in ("Makefile", "pyproject.toml", "requirements.lock", ".venv", ".jupyterlab"):
        (root / name).symlink_to(PROJECT / name)
    for name, values in _SETTINGS.items():
        path = settings_dir / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = f"--no-browser --allow-root --ServerApp.port={port} --ServerApp.port_retries=0"
    options += f" --IdentityProvider.token={TOKEN}"
    environment = os.environ | {"JUPYTERLAB_SETTINGS_DIR": str(settings_dir)}
    log = settings_dir / "lab.log"
    with log.open("wb") as told:
        process = subprocess.Popen(
            ["make", "-C", root, "lab", f"LAB_OPTIONS={options}"],
            stdout=told,
            stderr=told,
            env=environment,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(address, process, log)
        yield address
    finally:
        for last_word in (
            signal.SIGTERM,
            signal.SIGKILL,
        ):  # a kernel at work may not hear the first
            with suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(process.pid, last_word)
                process.wait(timeout=20)


def _wait(address, process, log):
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/api/status?token={TOKEN}", timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-3_000:]}")


class Lab:
    """One page of the lab.

    `faults` are what went wrong in the browser, `strange` the addresses elsewhere it asked for.
    """

    def __init__(self, browser, address, width=1400, height=1000):
        self.address, self.faults, self.strange = address, [], []
        self.page = browser.new_page(viewport={"width": width, "height": height})
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", self._note)
        self.page.set_default_timeout(_SECONDS * 1_000)

    def _note(self, request):
        if not re.match(rf"{re.escape(self.address)}|data:|blob:", request.url):
            self.strange.append(request.url)

    def open(self, notebook):
        """Open a notebook of the project in a fresh kernel."""
        self._shut_down()
        self.page.goto(f"{self.address}/lab/tree/notebooks/{notebook}?token={TOKEN}&reset")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell")
        self._connected()

    def run_all(self):
        """Run the notebook from top to bottom, and wait until it has."""
        for _ in range(3):
            self.page.get_by_role("menuitem", name="Run", exact=True).click()
            self.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
            # a kernel that has just come up may not have heard it
            with suppress(TimeoutError):
                self.page.wait_for_function(_SOME_RUN, timeout=10_000)
                break
        self.page.wait_for_function(_ALL_RAN)
        self._idle()

    def red(self):
        """Texts of tracebacks that stand in the notebook."""
        return self.page.locator(f"[data-mime-type='{_ERROR}']").all_inner_texts()

    def editor(self):
        """The one widget of ours that stands in the notebook."""
        return self.page.locator(".rk")

    def _idle(self):
        self.page.wait_for_function(
            "document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status === 'idle'"
        )

    def _connected(self):
        """Wait for a kernel that hears the page: what is run before is lost without a word."""
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end:
            kernels = [session["kernel"] for session in _api(self.address, "sessions")]
            if any(k["connections"] and k["execution_state"] == "idle" for k in kernels):
                break
            time.sleep(0.2)
        self.page.locator(".jp-StatusBar-Widget").get_by_text("Idle").first.wait_for()
        self._idle()

    def _shut_down(self):
        for session in _api(self.address, "sessions"):
            _api(self.address, f"sessions/{session['id']}", "DELETE")


def _api(address, path, method="GET"):
    request = urllib.request.Request(
        f"{address}/api/{path}", method=method, headers={"Authorization": f"token {TOKEN}"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        text = answer.read()
    return json.loads(text) if text else None

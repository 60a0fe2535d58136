"""Debian's cron, started at the beginning of a session: its minute passes beside other tests."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

from runner_in_peril import write_project

PROJECT = Path(__file__).parents[1]
PAGE = PROJECT / "docs" / "schedule.md"
ENDED = "riskkit ended with"
DONE_SECONDS = 600

# a cron, for as long as it takes; where one is at work here already, that one reads the line
KEEPER = """
import pathlib, subprocess, sys, time
table, log, ended, seconds = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), *sys.argv[3:]
cron = subprocess.Popen([sys.argv[5], "-f"])
end = time.monotonic() + float(seconds)
try:
    while time.monotonic() < end and not (log.is_file() and ended in log.read_text()):
        if log.is_file():
            table.unlink(missing_ok=True)  # one night is enough
        time.sleep(0.5)
finally:
    table.unlink(missing_ok=True)
    cron.kill()
    cron.wait()
""".replace("*sys.argv[3:]", "*sys.argv[3:5]")


def blocks(kind):
    """Code of that kind that stands in docs/schedule.md."""
    return re.findall(rf"```{kind}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def why_not():
    """Why there can be no cron here; empty: there can."""
    if shutil.which("cron", path="/usr/sbin:/usr/bin") is None:
        return "no cron here; on Debian or Ubuntu: apt-get install cron"
    if os.geteuid() != 0 or not os.access("/etc/cron.d", os.W_OK):
        return "cron's tables are root's, and the tests are not"
    return ""


def lay_out(folder):
    """A small project at the place that the documented lines name."""
    project = write_project(folder / "nightly")
    (project / "data").mkdir()
    (project / ".venv").symlink_to(sys.prefix)
    return project


def begin(session_folder):
    """Have cron run the documented line in a minute, once a session, whoever asks first."""
    with (session_folder / "cron.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (session_folder / "nightly").exists() or why_not():
            return
        project = lay_out(session_folder)
        (lines,) = blocks("cron")
        lines, n = re.subn(r"^15 2 \* \* \* risk ", "* * * * * root ", lines, flags=re.MULTILINE)
        assert n == 1
        lines = lines.replace("/srv/riskkit", str(project))
        # the package of these tests, wherever the environment has its own
        table = Path("/etc/cron.d") / f"riskkit-test-{uuid.uuid4().hex[:8]}"
        table.write_text(f"PYTHONPATH={PROJECT / 'src'}\n{lines}")
        table.chmod(0o644)
        program = shutil.which("cron", path="/usr/sbin:/usr/bin")
        given = [str(table), str(project / "data/cron.log"), ENDED, str(DONE_SECONDS), program]
        subprocess.Popen(
            [sys.executable, "-c", KEEPER, *given],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ).returncode = 0  # nobody waits for it: it ends when cron's night is over

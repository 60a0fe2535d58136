"""The lines of docs/schedule.md, as they stand there, by the real schedulers."""

import json
import re
import shutil
import subprocess
import time

import nightly_cron
import pytest
import real_parts
from runner_in_peril import STAGES, seeds_of

from riskkit import cli
from riskkit.pipeline.manifest import read_manifest


def test_systemd_takes_the_units(tmp_path):
    if shutil.which("systemd-analyze") is None:
        real_parts.absent("no systemd-analyze here; on Debian or Ubuntu: apt-get install systemd")
    project = nightly_cron.lay_out(tmp_path)
    service, timer = nightly_cron.blocks("ini")
    service = service.replace("/srv/riskkit", str(project))
    units = {"riskkit.service": service, "riskkit.timer": timer}

    def verified():
        for name, text in units.items():
            (tmp_path / name).write_text(text)
        command = ["systemd-analyze", "verify", *(str(tmp_path / name) for name in units)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    done = verified()
    assert (done.returncode, "riskkit" in done.stderr) == (0, False), done.stderr
    # and it would say what it does not take
    units["riskkit.service"] = service.replace("Type=oneshot", "Type=nightly")
    assert "Failed to parse service type" in verified().stderr
    units["riskkit.service"] = service.replace("bin/riskkit run", "bin/nothing run")
    assert verified().returncode != 0


@pytest.mark.parametrize(
    ("code", "ends", "said"),
    [
        (0, 0, ""),
        (1, 1, ""),
        (2, 2, ""),
        (3, 0, "an alert is red"),
        (4, 0, "at work"),
        (143,) * 2 + ("",),
    ],
)
def test_any_scheduler_reads_the_exit_code(tmp_path, code, ends, said):
    program = tmp_path / ".venv" / "bin" / "riskkit"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\nexit {code}\n")
    program.chmod(0o755)
    (script,) = nightly_cron.blocks("sh")
    script = script.replace("/srv/riskkit", str(tmp_path))
    for shell in (["sh", "-c"], ["bash", "-e", "-c"]):
        done = subprocess.run([*shell, script], capture_output=True, text=True, check=False)
        assert done.returncode == ends
        assert said in done.stdout


def test_the_page_has_the_codes_of_the_command_line():
    text = nightly_cron.PAGE.read_text(encoding="utf-8")
    told = {int(n) for row in re.findall(r"^\| ([\d, ]+) \|", text, re.M) for n in row.split(",")}
    assert told == {0, cli.FAILED, cli.BAD_INPUT, 3, cli.BUSY, cli.INTERRUPTED, cli.TERMINATED}
    assert all(str(code) in cli.__doc__ for code in told)


def test_cron_runs_the_line_in_a_clean_environment(session_folder):
    if reason := nightly_cron.why_not():
        real_parts.absent(reason)
    project = session_folder / "nightly"
    log = project / "data" / "cron.log"
    end = time.monotonic() + 200
    while not (log.is_file() and nightly_cron.ENDED in log.read_text()):
        assert time.monotonic() < end, "cron has not run the line"
        time.sleep(0.5)
    assert log.read_text().endswith(f"{nightly_cron.ENDED} 0\n"), log.read_text()
    (run_dir,) = (project / "data" / "runs").iterdir()
    assert read_manifest(run_dir)["status"] == "done"
    assert seeds_of(run_dir) == dict.fromkeys(STAGES, 1)
    assert (project / "reports" / "runs" / run_dir.name / "index.html").is_file()
    assert log.stat().st_mode & 0o027 == 0
    # the environment was cron's, not that of the tests
    environment = json.loads((project / "data" / "environment.txt").read_text())
    assert {name: environment[name] for name in ("LC_ALL", "PATH", "SHELL")} == {
        "LC_ALL": "C.UTF-8", "PATH": "/usr/local/bin:/usr/bin:/bin", "SHELL": "/bin/sh"
    }  # fmt: skip
    assert "PYTEST_CURRENT_TEST" not in environment
    assert "HOME" in environment

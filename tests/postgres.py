"""A PostgreSQL server of the tests' own: on a socket in a temporary folder, gone when they end."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USER, PASSWORD = "lender", "s3cret"
_DEBIAN = Path("/usr/lib/postgresql")
_START_SECONDS = 60
# its input ends with the tests, however they end; SIGINT is the server's fast shutdown
_UNTIL_STDIN_ENDS = '"$0" "$@" & read -r _; kill -INT $!; wait $!; rm -rf data'


def binaries() -> Path | None:
    """Folder of initdb and postgres: the newest of Debian's packages, else what is on the PATH."""
    found = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


@contextmanager
def server(programs: Path) -> Iterator[str]:
    """SQLAlchemy URL of an empty database, with a user and a password that it does not check."""
    # PostgreSQL refuses to run as root
    account = {"user": "postgres", "group": "postgres", "extra_groups": []}
    who = account if os.geteuid() == 0 else {}
    environment = {**os.environ, "LC_ALL": "C"}
    # not pytest's folder: its name is too long for a socket, and only its owner may enter it
    with tempfile.TemporaryDirectory(prefix="riskkit-postgres-") as name:
        folder = Path(name)
        if who:
            shutil.chown(folder, "postgres", "postgres")
        options = {"cwd": folder, "env": environment, **who}
        initdb = [programs / "initdb", "--pgdata=data", f"--username={USER}", "--auth=trust"]
        made = subprocess.run(
            [*initdb, "--encoding=UTF8", "--no-sync"], capture_output=True, text=True, **options
        )
        assert made.returncode == 0, made.stderr
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": name,
            "fsync": "off",
            "full_page_writes": "off",
            "synchronous_commit": "off",
        }
        arguments = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        log = folder / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["sh", "-c", _UNTIL_STDIN_ENDS, programs / "postgres", "-D", "data", *arguments],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # an interrupt of the tests is not for the server
                **options,
            )
            with process:  # leaving it closes the input and waits
                _wait_until_ready(programs, folder, log)
                yield f"postgresql+psycopg://{USER}:{PASSWORD}@/postgres?host={name}"


def _wait_until_ready(programs: Path, folder: Path, log: Path) -> None:
    ready = [programs / "pg_isready", "--quiet", f"--host={folder}"]
    deadline = time.monotonic() + _START_SECONDS
    while subprocess.run(ready).returncode:
        if time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}")
        time.sleep(0.05)

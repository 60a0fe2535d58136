"""A runner that tests may kill: forked from a process that has imported all, in folders of its own.

The kernels are real ones; each costs a third of a second, and the imports are paid for once.
"""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

FILES = 4  # of each stage
STAGES = ("01_one", "02_two")

# one line of JSON in: arguments and limit of memory; two out: the runner's id, how it ended
ZYGOTE = """
import json, os, resource, signal, sys
for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
    signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
from riskkit import cli, compare, documents, pipeline, schema, synthetic
from riskkit.pipeline import execute, notebooks, report
import nbformat, pathlib
execute.load_engine()
found = notebooks.find_notebooks(pathlib.Path(sys.argv[1]))
report.stage_page(nbformat.read(found[0].path, 4), found[0], found, {})
print("ready", flush=True)
for line in sys.stdin:
    told = json.loads(line)
    pid = os.fork()
    if not pid:
        os.dup2(os.open(told["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640), 2)
        os.dup2(2, 1)
        if told["memory"]:
            resource.setrlimit(resource.RLIMIT_AS, (told["memory"], told["memory"]))
        sys.argv = ["riskkit", *told["arguments"]]
        cli.main()
    print("runner", pid, flush=True)
    print("ended", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""

OPEN = """
import json, os, time
from pathlib import Path
out = Path(output_dir)
Path(run_dir).parents[1].joinpath("environment.txt").write_text(json.dumps({**os.environ}))
"""
# several files that belong together; the second stage says of which seed the first one's are
LEAVE = """
before = Path(run_dir, "01_one", "0.txt")
of = before.read_text() if before.is_file() and out.name.startswith(".staging-02") else str(seed)
assert of == str(seed), of
for number in range({files}):
    (out / f"{{number}}.txt").write_text(str(seed))
"""
TROUBLE = """
if trouble == "wait":
    (out / "started").touch()
    time.sleep(60)
if trouble == "hang":
    import re
    (out / "started").touch()
    re.match("(a+)+$", "a" * 50 + "b")  # no signal is heard within
if trouble.startswith("kill "):
    from riskkit.partitions import total
    total(lambda number: os.kill(int(trouble.split()[1]), number), [9, 9])
if trouble == "memory":
    whole = bytearray(1 << 40)
if trouble == "fill":
    (out / "big").write_bytes(b"x" * (64 << 20))
if trouble == "outlive":
    import ctypes
    parent = os.getppid()
    ctypes.CDLL(None).prctl(1, 0)  # nobody tells it of the runner's death,
    os.getppid = lambda: parent    # and it does not see for itself
    (out / "started").touch()
    for number in range(1200):
        time.sleep(0.05)
        if Path(run_dir, "over").exists():
            break
        try:
            (out / f"{number % 4}.txt").write_text("orphan")
        except OSError:
            pass
    os._exit(0)
"""


def write_project(folder):
    files = [f"{number}.txt" for number in range(FILES)]
    for name in STAGES:
        values = 'run_dir = ""\noutput_dir = ""\nseed = 1'
        values += '\ntrouble = ""' if name == STAGES[1] else ""
        cells = [
            new_markdown_cell(f"# {name}"),
            new_code_cell(values, metadata={"tags": ["parameters"]}),
            new_code_cell(OPEN.strip()),
            *([new_code_cell(TROUBLE.strip())] if name == STAGES[1] else []),
            new_code_cell(LEAVE.format(files=FILES).strip()),
        ]
        if name == STAGES[1]:
            cells[-1].metadata["tags"] = ["needs:0.txt"]
        (folder / "notebooks").mkdir(parents=True, exist_ok=True)
        said = {"riskkit": {"leaves": files}} if name == STAGES[0] else {}
        nbformat.write(
            new_notebook(cells=cells, metadata=said), folder / "notebooks" / f"{name}.ipynb"
        )
    return folder


class Peril:
    """A project, and the process that forks its runners."""

    def __init__(self, folder):
        self.folder = folder
        self.scratch = folder / "scratch"
        self.scratch.mkdir(parents=True)
        self.log = folder / "log.txt"
        self.running = 0
        self.process = subprocess.Popen(
            [sys.executable, "-c", ZYGOTE, str(write_project(folder / "any"))],
            env={**os.environ, "TMPDIR": str(self.scratch)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout.readline() == "ready\n"

    def start(self, project, *arguments, memory=0):
        """Begin a run."""
        if self.running:  # of a test that failed
            self.kill(signal.SIGKILL)
            self.end()
        self.log.unlink(missing_ok=True)
        arguments = ["run", "--run", "r", "--project", str(project), *arguments]
        told = {"arguments": arguments, "memory": memory, "log": str(self.log)}
        self.process.stdin.write(json.dumps(told) + "\n")
        self.process.stdin.flush()
        self.running = self._told("runner")

    def kill(self, number):
        """Send the runner a signal, if it is one: 0 and -1 would be the tests themselves."""
        assert self.running > 1
        with suppress(ProcessLookupError):  # it has ended by itself
            os.kill(self.running, number)

    def end(self):
        """Exit code of the runner that was begun."""
        code, self.running = self._told("ended"), 0
        return code

    def _told(self, what):
        word, _, number = self.process.stdout.readline().partition(" ")
        assert word == what, word
        return int(number)

    def run(self, project, *arguments, memory=0):
        self.start(project, *arguments, memory=memory)
        return self.end()

    def kernels(self):
        """Ids of the kernels that run for this project's runners."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                own = f"TMPDIR={self.scratch}\0".encode() in (path.parent / "environ").read_bytes()
                if own and b"waiting_kernel" in path.read_bytes():
                    found.append(int(path.parent.name))
        return found

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def wait_until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
    return found


def seeds_of(run_dir):
    """Stage → the one seed that all its files are of; a file that is half there is found here."""
    told = {}
    for stage in STAGES:
        if (run_dir / stage).is_dir():
            files = {p.name: p.read_text() for p in (run_dir / stage).iterdir()}
            assert set(files) == {f"{n}.txt" for n in range(FILES)}, files
            assert len(set(files.values())) == 1, files
            told[stage] = int(files["0.txt"])
    return told


def halves(project):
    """Files under their final names that are not whole."""
    found = []
    for path in (project / "reports").rglob("*.html"):
        text = path.read_text()
        if not (text[:15].lower() == "<!doctype html>" and "</html>" in text):
            found.append(path.name)
    for path in (project / "data").rglob("[!.]*.json"):
        if not path.name.startswith(".") and not path.read_text().rstrip().endswith("}"):
            found.append(path.name)
    return found


def strangers(project, scratch):
    """What a run leaves behind that is not its result: temporary files and folders."""
    left = [p for top in ("data", "reports") for p in (project / top).rglob(".*")]
    return [p.name for p in [*left, *scratch.iterdir()] if p.name != ".lock"]

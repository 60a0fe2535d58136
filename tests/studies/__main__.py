"""``make study NAME``: run studies by their names."""

import importlib
import signal
import sys

from studies import FOLDER, run

names = sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_"))
wanted = sys.argv[1:]
if not wanted or set(wanted) - set(names):
    sys.exit(f"make study NAME, where NAME is one of: {', '.join(names)}")
# so that a study that is ended removes its files
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
for name in wanted:
    run(importlib.import_module(f"studies.{name}").STUDY)

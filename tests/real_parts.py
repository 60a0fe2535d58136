"""Parts that some machines lack: a server, a Java machine, an extra."""

import os

import pytest


def absent(reason):
    """Skip what needs the part, with the reason printed; CI must have it, and fails."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)

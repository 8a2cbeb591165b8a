"""What all tests share: a test that needs a real program skips without it, and fails for that in CI."""

from __future__ import annotations

import os
import shutil

import pytest


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Act on `@pytest.mark.real("nginx")`."""
    for marker in item.iter_markers("real"):
        for program in marker.args:
            path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))
            if shutil.which(program, path=path):
                continue
            if os.environ.get("CI") == "true":
                pytest.fail(f"{program} is not installed, and in CI every real program must be", pytrace=False)
            pytest.skip(f"needs {program} on PATH")

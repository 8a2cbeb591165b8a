"""A file is written whole or not at all: under another name first, which takes the place of the old one at the end."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["write_whole"]


def write_whole(path: Path, content: bytes) -> None:
    """Write a file. Raises OSError; then whatever was at `path` is there still, and nothing is left of the new one."""
    beside = path.with_name(path.name + ".part")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # some disks notice that they are full no sooner
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise

"""Folders of an experiment: their paths are short enough for the unix sockets that lie in them."""

from __future__ import annotations

import tempfile
from typing import Final

__all__ = ["PATH_LIMIT", "short_folder"]

PATH_LIMIT: Final = 104
"""Bytes of a unix socket's path on macOS, its closing zero among them; Linux has 108."""
ROOM: Final = 40
"""Of these, for the folder's own name and what lies in it."""


def short_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a new folder, where temporary files are, or in /tmp if that place has too long a path."""
    where = tempfile.gettempdir()
    short = len(where.encode()) <= PATH_LIMIT - ROOM
    return tempfile.TemporaryDirectory(
        prefix="lesson-",
        dir=where if short else "/tmp",  # noqa: S108  # a folder of its own
        ignore_cleanup_errors=True,  # a server that was killed may be writing still
    )

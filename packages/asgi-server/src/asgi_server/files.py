"""Files that an application names, for the server to send ("Path Send": `http.response.pathsend`).

What the application saves is reading the file and passing it on, piece by piece, through `send`. The pieces are read in
threads of the loop's own: a disk cannot be awaited, and one that has to think would hold up everybody else.
"""

from __future__ import annotations

import asyncio
import os
import stat
from io import FileIO

from gateway_core.errors import ApplicationError

__all__ = ["PIECE", "open_file", "read"]

PIECE = 256 * 1024
"""Bytes that are read at once: more than a socket mostly takes, so that the way to a thread and back (some 50 µs) is
little beside it; and all that a client who does not read costs in memory."""


def open_file(path: object) -> tuple[FileIO, int]:
    """Open a file to be sent; return it with its size. Raises ApplicationError.

    It must be a regular one: a pipe without a writer would never open, and has no size.
    """
    if not isinstance(path, str) or not os.path.isabs(path):  # noqa: PTH117 - a path of the application's, as it is
        raise ApplicationError(f"the path of a file to send is a str, and absolute, not {path!r:.200}")
    try:
        file = FileIO(path, opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise ApplicationError(f"the file {path!r:.200} cannot be sent: {why}") from None
    found = os.fstat(file.fileno())
    if not stat.S_ISREG(found.st_mode):
        file.close()
        raise ApplicationError(f"{path!r:.200} cannot be sent: it is no regular file")
    return file, found.st_size


async def read(file: FileIO, left: int) -> bytes:
    """Read the next piece of a file, of which so many bytes are left; b"" at its end. Raises OSError."""
    return await asyncio.to_thread(file.read, min(left, PIECE)) if left else b""

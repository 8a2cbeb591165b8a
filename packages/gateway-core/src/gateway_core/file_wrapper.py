"""`wsgi.file_wrapper` (PEP 3333, "Optional Platform-Specific File Handling"): a file as the content of a response.

::

    return environ["wsgi.file_wrapper"](open("museum.pdf", "rb"))

To anybody else the wrapper is an iterable of blocks, so middleware may do with it what it does with any. If the very
object comes back to the server, and what it wraps is a real file, the server need not read it at all: `part` says which
bytes of which descriptor the kernel is to send.

    real file, raw content, a transport that can      sendfile, from the current position on
    anything else                                     read(block_size), again and again

Only exact types of `io` count as real files. `fileno()` alone proves nothing: that of a `gzip.GzipFile` leads to the
compressed bytes, that of a text file to bytes that were not decoded.
"""

from __future__ import annotations

import io
import os
import stat

TYPE_CHECKING = False  # not from typing: a CGI program imports this module for each request, and nothing else needs it
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

__all__ = ["BLOCK_SIZE", "FileWrapper"]

BLOCK_SIZE = 64 * 1024
"""Bytes that are read at a time, if the application does not say: as much as a usual socket buffer takes in one go."""


class FileWrapper:
    """What `environ["wsgi.file_wrapper"]` is: `FileWrapper(filelike, block_size)`.

    `filelike` has `read(size)`; if it has `close()` too, so has the wrapper. Nothing is read or sent before the server
    asks for it.
    """

    def __init__(self, filelike: Any, block_size: int = BLOCK_SIZE) -> None:
        if block_size < 1:
            raise ValueError(f"block_size must be at least 1, not {block_size}")
        self._file = filelike
        self._block_size = block_size
        if hasattr(filelike, "close"):
            self.close = filelike.close

    def __iter__(self) -> Iterator[bytes]:
        return self.blocks(None)

    def blocks(self, limit: int | None) -> Iterator[bytes]:
        """Read blocks from the current position to the end, or `limit` bytes."""
        left = limit
        while left is None or left > 0:
            data = self._file.read(self._block_size if left is None else min(self._block_size, left))
            if not data and isinstance(data, bytes):
                return
            yield data  # whatever it is: that it must be bytes is checked by who takes it
            if left is not None:
                left -= len(data)

    def part(self) -> tuple[int, int, int] | None:
        """Return descriptor, position and number of bytes from there to the end; None if it is not a real file.

        A file without bytes is none either: those of /proc say 0, and have some.
        """
        file = self._file
        buffered = type(file) is io.BufferedReader or type(file) is io.BufferedRandom
        try:
            raw = file.raw if buffered else file
            if type(raw) is not io.FileIO or not raw.readable():
                return None
            position = file.tell()  # of what was read, which is less than what the buffer has taken
            status = os.fstat(raw.fileno())
        except (OSError, ValueError):  # no position in a pipe, no descriptor any more
            return None
        count = status.st_size - position
        return (raw.fileno(), position, count) if stat.S_ISREG(status.st_mode) and count > 0 else None

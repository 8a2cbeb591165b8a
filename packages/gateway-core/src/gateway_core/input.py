"""Request content for `wsgi.input`.

Servers read the content before they call the application: in memory while it is small, in a temporary file beyond that.
So a slow sender costs a descriptor and no thread, and an application never sees half a request. A CGI program is the
exception: its content comes on standard input while it runs, and `LimitedInput` gives it the end of file that the pipe
may not.
"""

from __future__ import annotations

import io

TYPE_CHECKING = False  # not from typing: a CGI program imports this module for each request, and nothing else needs it
if TYPE_CHECKING:
    from typing import IO, Protocol

    class _Readable(Protocol):
        def readinto(self, buffer: memoryview, /) -> int | None: ...


__all__ = ["MEMORY_MAX", "LimitedInput", "spool"]

MEMORY_MAX = 64 * 1024
"""Bytes of content that stay in memory; more goes to a temporary file. Most forms and API calls are smaller."""


def spool() -> IO[bytes]:
    """Return an empty file for content: in memory up to MEMORY_MAX bytes, on disk beyond, gone when it is closed."""
    import tempfile  # here: few requests need it, and it is slow to import

    return tempfile.SpooledTemporaryFile(MEMORY_MAX, prefix="gatelab-content-")


class _Limited(io.RawIOBase):
    def __init__(self, raw: _Readable, length: int) -> None:
        self._raw = raw
        self._left = length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)[: self._left]  # type: ignore[arg-type]  # RawIOBase says object, and gives a buffer
        if not view:
            return 0
        count = self._raw.readinto(view) or 0
        if not count:
            raise ConnectionError(f"the request's content ended {self._left} bytes early")
        self._left -= count
        return count


class LimitedInput(io.BufferedReader):
    """The first `length` bytes of `raw`, then end of file; reading raises ConnectionError if `raw` ends before."""

    def __init__(self, raw: _Readable, length: int) -> None:
        super().__init__(_Limited(raw, length))

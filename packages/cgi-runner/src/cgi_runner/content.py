"""A request's content on standard input, for a program whose server may not read before it has written.

Our host moves content and output at the same time. Apache's mod_cgid and fcgiwrap do not: they write all content to the
program, and then read what it says. An application that answers while it reads would bring both to a stop for good::

    server   writes content, and waits:  the pipe is full  -->  [pipe]  -->  program
             does not read yet           [pipe is full]  <--  waits, writes output

So a program never waits for its output alone while there is content: what arrives meanwhile is taken out of the pipe
and kept, in memory or in a temporary file without a name, until the application asks for it. As long as output fits
into the pipe, nothing is taken, and an application that answers without reading a large upload does just that.

When the answer is given, the rest is read and dropped, though a program may leave it (RFC 3875 section 4.2). fcgiwrap
takes a program that has not read everything for a broken one (502). mod_cgid's pipe is a socket: closed with content in
it, it is reset, and the end of the response with it.

Content that came in chunks has no CONTENT_LENGTH under mod_cgid, though section 4.1.2 wants one; but it has an end. So
it is read to that end first, and has a length from then on.
"""

from __future__ import annotations

import io
import os
import select

from gateway_core.input import LimitedInput, spool

TYPE_CHECKING = False  # not from typing, which every request with content would pay for
if TYPE_CHECKING:
    from typing import IO

__all__ = ["PIECE", "Content", "collect"]

PIECE = select.PIPE_BUF
"""Bytes that go into a pipe at once, without waiting, when poll says that it can be written to (POSIX)."""

_BLOCK = 64 * 1024


class Content:
    """The first `length` bytes of standard input; `left` of them are still in the pipe."""

    def __init__(self, length: int) -> None:
        self.left = length
        self._stdin = io.FileIO(0, closefd=False)
        self._kept: IO[bytes] | None = None
        self._read = 0  # of what is kept

    def file(self) -> LimitedInput:
        """Return it as `wsgi.input`."""
        return LimitedInput(self, self.left)

    def readinto(self, buffer: memoryview, /) -> int:
        """Read what was kept, then from the pipe. Returns 0 at the end of either, which may come too early."""
        if self._kept is not None:
            self._kept.seek(self._read)
            data = self._kept.read(len(buffer))
            if data:
                self._read += len(data)
                buffer[: len(data)] = data
                return len(data)
        count = self._stdin.readinto(buffer) or 0
        self.left -= count
        return count

    def room(self, output: int, wanted: int) -> int:
        """Wait until the descriptor `output` takes something, and keep what arrives until then.

        Returns how many of `wanted` bytes can be written to it: all of them, once no content is left.
        """
        poll = select.poll()
        poll.register(output, select.POLLOUT)
        poll.register(0, select.POLLIN)
        while self.left:
            ready = {descriptor for descriptor, _ in poll.poll()}
            if output in ready:  # it takes something, or never will again
                return min(wanted, PIECE)
            self._keep()
        return wanted

    def leave(self) -> None:
        """Read what is left, and drop it."""
        try:
            while self.left and (data := os.read(0, min(_BLOCK, self.left))):
                self.left -= len(data)
        except ConnectionError:  # of a socket: the server has what it wants
            pass

    def _keep(self) -> None:
        data = os.read(0, min(_BLOCK, self.left))
        self.left -= len(data)
        if not data:
            self.left = 0  # who reads finds that out
        if self._kept is None:
            self._kept = spool()
        self._kept.seek(0, os.SEEK_END)
        self._kept.write(data)


def collect() -> tuple[IO[bytes], int]:
    """Read standard input to its end; return a file of that, at its beginning, and how much it is."""
    kept = spool()
    while data := os.read(0, _BLOCK):
        kept.write(data)
    length = kept.tell()
    kept.seek(0)
    return kept, length

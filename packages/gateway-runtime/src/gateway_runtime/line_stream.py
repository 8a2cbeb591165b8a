r"""`wsgi.errors`: standard error as a text stream whose lines stay whole.

Several workers, each with several threads, share one standard error. What they write shall not tear each other's lines,
so text waits here until its line has an end, and then goes in one `write` system call::

    thread A    write("one, ")  write("two\n")        ->    "one, two\n"
    thread B    write("three\nfour\nfi")             ->    "three\nfour\n"    "fi" waits for its end, or for flush()

Such a write is atomic for a file that is open for appending, and for a pipe up to PIPE_BUF; of more than that much, the
lines go in several. It writes to the descriptor, not to `sys.stderr`, so it follows wherever descriptor 2 is turned to.
"""

from __future__ import annotations

import io
import os
import threading
from select import PIPE_BUF
from typing import TextIO

__all__ = ["ERRORS", "LineStream"]

_REST_MAX = 64 * 1024
"""Characters that may wait for the end of their line; then they go without one. No line of a log is so long."""


class _Rest(threading.local):
    text = ""


class LineStream(io.TextIOBase):
    r"""A text stream to a descriptor. Takes every `str`, and never raises because of where it goes.

    What cannot be encoded (lone surrogates) is written as `\udcff`; nothing else is changed.
    """

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._rest = _Rest()  # each thread has its own

    def writable(self) -> bool:
        """It is for writing only."""
        return True

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._fd

    def write(self, text: str, /) -> int:
        """Write the lines that have an end now; keep the rest until it has one. Raises TypeError if it is not `str`."""
        if not isinstance(text, str):
            raise TypeError(f"wsgi.errors takes str, not {type(text).__name__}")
        lines, newline, rest = text.rpartition("\n")
        if newline:
            self._send(self._rest.text + lines + newline)
            self._rest.text = rest
        else:
            self._rest.text += rest
        if len(self._rest.text) > _REST_MAX:
            self.flush()
        return len(text)

    def flush(self) -> None:
        """Write what this thread has left without an end."""
        rest, self._rest.text = self._rest.text, ""
        if rest:
            self._send(rest)

    def close(self) -> None:
        """Write what is left, and stay open: the next request has the same stream."""
        self.flush()

    def _send(self, text: str) -> None:
        data = text.encode(self.encoding, self.errors)
        try:
            while data:
                end = len(data)
                if end > PIPE_BUF:  # as many whole lines as fit, or one that does not
                    end = data.rfind(b"\n", 0, PIPE_BUF) + 1 or data.find(b"\n") + 1 or end
                data = data[os.write(self._fd, data[:end]) :]
        except OSError:
            pass  # a closed standard error, or a full disk, is not the application's fault


ERRORS: TextIO = LineStream(2)  # type: ignore[assignment]  # TextIO is the type of what open() gives, this is the class
"""The stream of every environ."""

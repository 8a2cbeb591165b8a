r"""What a program says on its standard error, made fit for a log: one line a call, tagged, bounded, harmless.

A program's words may contain what a client sent, so nothing of them may move the cursor of the terminal that shows
the log, or end a line and begin a forged one: control and non-ASCII bytes are written as `\x1b`.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["LINE_MAX", "TOTAL_MAX", "StderrLog", "printable"]

LINE_MAX = 1500
"""Characters of one line that are logged at once, escapes included; a longer line becomes several. With its tag it is
one write."""

_ESCAPE = 4
"""Characters that a byte may become."""

TOTAL_MAX = 64 * 1024
"""Bytes of one request's words that are logged. The rest is read, so that the program can go on, and dropped."""


_SHOWN = [chr(byte) if 32 <= byte < 127 or byte == 9 else f"\\x{byte:02x}" for byte in range(256)]
_SHOWN[ord("\\")] = "\\\\"


def printable(data: bytes) -> str:
    """Return `data` as ASCII text with every other byte (and the backslash) escaped; a tab stays a tab."""
    return "".join(map(_SHOWN.__getitem__, data))


class StderrLog:
    """Takes bytes as they come; gives whole lines to `write` (text without newline)."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._rest = b""
        self._left = TOTAL_MAX

    def feed(self, data: bytes) -> None:
        """Log each line that is complete, or as long as a line may be."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._log(line)
        while len(self._rest) > LINE_MAX:
            self._log(self._rest[:LINE_MAX])
            self._rest = self._rest[LINE_MAX:]

    def close(self) -> None:
        """Log what came after the last newline."""
        rest, self._rest = self._rest, b""
        if rest:
            self._log(rest)

    def _log(self, line: bytes) -> None:
        if self._left <= 0:
            return
        line = line.rstrip(b"\r")
        step = LINE_MAX if len(printable(line)) == len(line) else LINE_MAX // _ESCAPE
        for start in range(0, max(len(line), 1), step):
            self._write(printable(line[start : start + step]))
        self._left -= len(line) + 1
        if self._left <= 0:
            self._write(f"(more than {TOTAL_MAX} bytes on standard error: the rest is dropped)")

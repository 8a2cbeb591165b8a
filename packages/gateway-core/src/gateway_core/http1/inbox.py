"""Bytes that have arrived and are not read yet: the part of the codec that both roles share.

Usually a request comes in one piece and is read at once, so the piece itself is the buffer and nothing is copied. Only
when a piece ends in the middle of something are bytes collected, in a bytearray, which grows and shrinks in amortised
constant time: one byte at a time costs no more than linear time.
"""

from __future__ import annotations

import re

from ..errors import RemoteProtocolError

__all__ = ["BARE_LF", "Inbox", "take_line"]

BARE_LF = re.compile(rb"(?<!\r)\n")
"""A line end without CR. RFC 9112 section 2.2 would allow it in a head. Actually we refuse it: peers that disagree
about where a line ends disagree about where a request ends (CVE-2019-16785)."""


class Inbox:
    """A buffer, how far it was read (`_at`), and how far it was searched in vain (`_searched`)."""

    __slots__ = ("_at", "_buffer", "_eof", "_searched")

    def __init__(self) -> None:
        self._buffer: bytes | bytearray = b""
        self._at = 0
        self._searched = 0
        self._eof = False

    def receive_data(self, data: bytes) -> None:
        """Take the next bytes from the peer; b"" is end of file."""
        if not data:
            self._eof = True
        elif self._at == len(self._buffer):
            self._buffer = data
            self._at = self._searched = 0
        else:
            rest = self._buffer if isinstance(self._buffer, bytearray) else bytearray(self._buffer)
            del rest[: self._at]
            rest += data
            self._buffer = rest
            self._searched = max(0, self._searched - self._at)
            self._at = 0

    def _take(self, limit: int) -> bytes:
        """Return and pass over all unread bytes, at most `limit`."""
        at, buffer = self._at, self._buffer
        self._at = end = min(len(buffer), at + limit)
        if at == 0 and end == len(buffer) and isinstance(buffer, bytes):
            return buffer
        return bytes(buffer[at:end])

    def _drop(self) -> None:
        """Forget the unread bytes."""
        self._buffer = b""
        self._at = self._searched = 0


def take_line(buffer: bytes | bytearray, at: int, limit: int, status: int, seen: int = 0) -> tuple[bytes, int] | None:
    """Return the line that begins at `at`, without its CRLF, and where the next one begins; None if it is incomplete.

    `seen`: bytes of it that an earlier call has looked at in vain, all but the last one that there was.
    Raises RemoteProtocolError: 400 for a bare LF, `status` for a line longer than `limit` bytes, as soon as either is
    certain, and always the one that comes first in the stream.
    """
    end = buffer.find(b"\r\n", at + seen, at + limit + 2)
    if buffer.find(b"\n", at + seen, at + limit + 1 if end < 0 else end) >= 0:
        raise RemoteProtocolError("a line ends with LF, not CRLF")
    if end >= 0:
        return bytes(buffer[at:end]), end + 2
    if len(buffer) - at > limit + 1:
        raise RemoteProtocolError(f"a line is longer than {limit} bytes", status)
    return None

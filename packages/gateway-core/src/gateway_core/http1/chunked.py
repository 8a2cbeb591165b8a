"""The chunked transfer coding (RFC 9112 section 7.1), both ways.

::

    5;ext=1 CRLF        chunk-size in hexadecimal, extensions
    hello CRLF          that many bytes
    0 CRLF              last-chunk
    Expires: ... CRLF   trailer section, usually empty
    CRLF

Most request smuggling goes through a chunked decoder that guesses. This one takes the grammar by the letter: CRLF only,
hexadecimal digits only, and trailers that try to steer anything are refused.
"""

from __future__ import annotations

import enum
import re

from ..errors import RemoteProtocolError
from .grammar import HOP_BY_HOP, TCHAR, split_field
from .inbox import take_line
from .limits import CHUNK_LINE, CHUNK_OVERHEAD, CHUNK_OVERHEAD_RATIO, Limits

__all__ = ["LAST_CHUNK", "ChunkedReader", "encode_chunk"]

LAST_CHUNK = b"0\r\n\r\n"
"""The last chunk and an empty trailer section."""

# Section 7.1.1: chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
# RFC 9110 section 5.6.4: quoted-string.
_TOKEN = TCHAR + rb"++"
_QUOTED = rb'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*+"'
_EXTENSION = rb"[ \t]*+;[ \t]*+" + _TOKEN + rb"(?:[ \t]*+=[ \t]*+(?:" + _TOKEN + rb"|" + _QUOTED + rb"))?+"
# chunk-size = 1*HEXDIG. Actually at most 16 of them, leading zeros included: 64 bits.
_SIZE = rb"([0-9A-Fa-f]{1,16}+)"
_SIZE_LINE = re.compile(_SIZE + rb"(?:" + _EXTENSION + rb")*+")
_PLAIN_SIZE_LINE = re.compile(_SIZE + rb"\r\n")

_NOT_IN_TRAILERS = HOP_BY_HOP | {
    "authorization", "content-encoding", "content-length", "content-range", "content-type", "cookie", "expect", "host",
    "set-cookie",
}  # fmt: skip
"""RFC 9110 section 6.5.1: fields that steer framing, routing or access must not come after the content."""


def encode_chunk(data: bytes) -> bytes:
    """Encode one chunk. `data` is not empty, since an empty chunk would be the last."""
    return b"%x\r\n%b\r\n" % (len(data), data)


class _Part(enum.Enum):
    """What comes next."""

    SIZE = "a line with the size of a chunk"
    CONTENT = "content of a chunk"
    BREAK = "the CRLF behind a chunk"
    TRAILERS = "a line of the trailer section"


_SIZE_NEXT = _Part.SIZE


class ChunkedReader:
    """Decode one message's content.

    `complete` turns True after the trailer section. `fault` is set, not raised, so that the content before it can be
    given first, wherever the bytes were split.
    """

    __slots__ = (
        "_left", "_limits", "_overhead", "_part", "_seen", "_size", "_trailer_room", "_trailers",
        "complete", "fault",
    )  # fmt: skip

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._part = _Part.SIZE
        self._left = 0  # bytes of this chunk still to come
        self._size = 0  # bytes of content announced so far
        self._overhead = 0  # bytes of framing so far
        self._seen = 0  # bytes of an incomplete line that were looked at
        self._trailers = 0
        self._trailer_room = limits.head
        self.complete = False
        self.fault: RemoteProtocolError | None = None

    def decode(self, buffer: bytes | bytearray, at: int) -> tuple[bytes, int]:
        """Return the content that `buffer` holds from `at` on, and up to where it was read."""
        pieces: list[bytes] = []
        if self.fault is not None:  # it is told once the content before it was taken; reading on would find others
            return b"", at
        try:
            while not self.complete:
                if self._part is _SIZE_NEXT and not self._seen:
                    at = self._pass_whole_chunks(buffer, at, pieces)
                after = self._step(buffer, at, pieces)
                if after is None:
                    break
                at = after
        except RemoteProtocolError as error:
            self.fault = error
        return b"".join(pieces), at

    def _pass_whole_chunks(self, buffer: bytes | bytearray, at: int, pieces: list[bytes]) -> int:
        """Read chunks that are here from size to CRLF and have nothing unusual, and return where the next one begins.

        The steps below would do the same; this is for speed, since a peer may well send chunks of one byte.
        """
        size, overhead, most = self._size, self._overhead, self._limits.body
        while (match := _PLAIN_SIZE_LINE.match(buffer, at)) is not None:
            begin = match.end()
            length = int(match[1], 16)
            end = begin + length
            spent = overhead + begin - at + 2
            total = size + length
            if not length or total > most or spent > CHUNK_OVERHEAD + CHUNK_OVERHEAD_RATIO * total:
                break
            if buffer[end : end + 2] != b"\r\n":
                break
            pieces.append(bytes(buffer[begin:end]))
            at, size, overhead = end + 2, total, spent
        self._size, self._overhead = size, overhead
        return at

    def _step(self, buffer: bytes | bytearray, at: int, pieces: list[bytes]) -> int | None:
        """Read one part. Like each of them, return where it ended, or None if more bytes are needed."""
        match self._part:
            case _Part.SIZE:
                return self._read_size(buffer, at)
            case _Part.CONTENT:
                return self._read_content(buffer, at, pieces)
            case _Part.BREAK:
                return self._read_break(buffer, at)
            case _Part.TRAILERS:
                return self._read_trailer(buffer, at)

    def _take_line(self, buffer: bytes | bytearray, at: int, limit: int, status: int) -> tuple[bytes, int] | None:
        """As `take_line`, looking at each byte once even if they come one by one."""
        taken = take_line(buffer, at, limit, status, self._seen)
        self._seen = max(0, len(buffer) - at - 1) if taken is None else 0
        return taken

    def _read_size(self, buffer: bytes | bytearray, at: int) -> int | None:
        taken = self._take_line(buffer, at, CHUNK_LINE, 400)
        if taken is None:
            return None
        line, after = taken
        match = _SIZE_LINE.fullmatch(line)
        if match is None:
            raise RemoteProtocolError("a chunk does not begin with its size in hexadecimal")
        size = self._left = int(match[1], 16)
        self._size += size
        self._overhead += len(line) + 4
        if self._size > self._limits.body:
            raise RemoteProtocolError(f"the content is larger than {self._limits.body} bytes", 413)
        if self._overhead > CHUNK_OVERHEAD + CHUNK_OVERHEAD_RATIO * self._size:
            raise RemoteProtocolError("the chunks have too little content for their framing")
        self._part = _Part.CONTENT if size else _Part.TRAILERS
        return after

    def _read_content(self, buffer: bytes | bytearray, at: int, pieces: list[bytes]) -> int | None:
        piece = bytes(buffer[at : at + self._left])
        if not piece:
            return None
        pieces.append(piece)
        self._left -= len(piece)
        if not self._left:
            self._part = _Part.BREAK
        return at + len(piece)

    def _read_break(self, buffer: bytes | bytearray, at: int) -> int | None:
        found = buffer[at : at + 2]
        if found == b"\r\n":
            self._part = _Part.SIZE
            return at + 2
        if found not in (b"", b"\r"):
            raise RemoteProtocolError("a chunk is not followed by CRLF")
        return None

    def _read_trailer(self, buffer: bytes | bytearray, at: int) -> int | None:
        """Check a trailer field and drop it: none that we know of is of use to a WSGI application (section 7.1.2)."""
        taken = self._take_line(buffer, at, min(self._limits.field_line, self._trailer_room), 431)
        if taken is None:
            return None
        line, after = taken
        if not line:
            self.complete = True
            return after
        self._trailers += 1
        self._trailer_room -= min(self._trailer_room, len(line) + 2)
        if self._trailers > self._limits.fields:
            raise RemoteProtocolError(f"there are more than {self._limits.fields} trailer fields", 431)
        name, _ = split_field(line)
        if name.lower() in _NOT_IN_TRAILERS:
            raise RemoteProtocolError(f"the field {name.lower()} must not be a trailer")
        return after

"""uwsgi: a packet, the content, and back an HTTP response or another packet.

::

    00 b2 01 00  0e 00 REQUEST_METHOD 03 00 GET ...     one message: the packet
    content                                             in pieces
    64 00 00 00                                         a ping; 64 00 00 01 is its answer
"""

from __future__ import annotations

from gateway_core.errors import RemoteProtocolError
from uwsgi_gateway.protocol import (
    HEADER_SIZE,
    MODIFIERS,
    PING,
    PONG,
    WSGI,
    PacketHeader,
    ServerConnection,
    decode_packet_header,
)

from . import meanings
from .cgi_head import response
from .content import content
from .message import Field, size_of
from .one_shot import judge, rest
from .stream import Lost, Steps, Stream

__all__ = ["Uwsgi"]


class Uwsgi:
    """The decoder of one connection."""

    name = "uwsgi"

    def front(self, stream: Stream) -> Steps[None]:
        """Decode one request."""
        if not (yield from stream.more()):
            return
        length = yield from _packet(stream)
        if length is None:
            yield from content(stream, None)
        else:
            yield from rest(stream, length)

    def backend(self, stream: Stream) -> Steps[None]:
        """Decode one response: a status line, as uWSGI sends it, a head as of CGI, or a packet."""
        first = yield from stream.peek(1)
        if not first:
            return
        if first.isalpha() and first[0] != PONG[0]:
            yield from response(stream, status_line=True)
        else:
            yield from _packet(stream)


def _packet(stream: Stream) -> Steps[int | None]:
    """Decode a packet, and return how much content follows; None if that is not known. Raises Lost after a fault."""
    start = yield from stream.peek(HEADER_SIZE)
    if len(start) < HEADER_SIZE:
        raise RemoteProtocolError(f"the {stream.sender} closed in the middle of the uwsgi head")
    header = decode_packet_header(start)
    size = HEADER_SIZE + header.size
    data = yield from stream.peek(size)
    if len(data) < size:
        raise RemoteProtocolError(f"the {stream.sender} closed in the middle of the uwsgi head")
    length, fault = judge(ServerConnection(), data) if header.modifier1 == WSGI else (None, "")
    yield stream.cut(size, _title(header, start), (_header(header, start), *_vars(data[HEADER_SIZE:])), fault)
    if fault:
        raise Lost
    return length


def _title(header: PacketHeader, start: bytes) -> str:
    name = {PING: "ping", PONG: "pong"}.get(start) or MODIFIERS.get(header.modifier1, f"modifier {header.modifier1}")
    return f"packet, {name}, {size_of(header.size)}"


def _header(header: PacketHeader, start: bytes) -> Field:
    name = MODIFIERS.get(header.modifier1, "unknown")
    second = {PING: "a question", PONG: "the answer"}.get(start, "")
    children = (
        Field("modifier1", 0, 1, str(header.modifier1), name),
        Field("datasize", 1, 3, f"{header.size:,}", "little-endian: bytes of the block"),
        Field("modifier2", 3, 4, str(header.modifier2), second),
    )
    return Field("header", 0, HEADER_SIZE, name, "", children)


def _vars(block: bytes) -> list[Field]:
    """Return a field for each variable of the block, which stands behind the header."""
    found: list[Field] = []
    at = 0
    while at < len(block):
        strings = _two_strings(block, at)
        if strings is None:
            rest = Field("undecoded", HEADER_SIZE + at, HEADER_SIZE + len(block), size_of(len(block) - at))
            return [*found, rest]
        middle, end = strings
        found.append(_variable(block, at, middle, end))
        at = end
    return found


def _two_strings(block: bytes, at: int) -> tuple[int, int] | None:
    """Return where the name at `at` and the value behind it end; None if they are not wholly there."""
    middle = at + 2 + int.from_bytes(block[at : at + 2], "little")
    end = middle + 2 + int.from_bytes(block[middle : middle + 2], "little")
    return None if middle + 2 > len(block) or end > len(block) else (middle, end)


def _variable(block: bytes, at: int, middle: int, end: int) -> Field:
    name, value = block[at + 2 : middle].decode("latin-1"), block[middle + 2 : end].decode("latin-1")
    start = HEADER_SIZE
    children = (
        Field("name size", start + at, start + at + 2, str(middle - at - 2), "little-endian"),
        Field("name", start + at + 2, start + middle, name),
        Field("value size", start + middle, start + middle + 2, str(end - middle - 2), "little-endian"),
        Field("value", start + middle + 2, start + end, value),
    )
    label = name or "(no name)"
    return Field(label, start + at, start + end, value, meanings.of_variable(name), children)

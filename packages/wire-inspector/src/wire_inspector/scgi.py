r"""SCGI: a netstring of headers, the content, and back the response of a CGI program.

::

    70: CONTENT_LENGTH \0 27 \0 SCGI \0 1 \0 ... ,      one message: the head
    What is the answer to life?                         content, in pieces
"""

from __future__ import annotations

from gateway_core.errors import RemoteProtocolError
from scgi_server.protocol import MAX_LENGTH_DIGITS, ServerConnection, decode_netstring

from . import meanings
from .cgi_head import response
from .message import Field, size_of
from .one_shot import judge, rest
from .stream import MAX_FIELDS, MAX_HEAD, Steps, Stream

__all__ = ["SCGI"]


class SCGI:
    """The decoder of one connection."""

    name = "SCGI"

    def front(self, stream: Stream) -> Steps[None]:
        """Decode one request."""
        if not (yield from stream.more()):
            return
        string, size = yield from _netstring(stream)
        colon = size - len(string) - 2
        length, fault = judge(ServerConnection(max_head=MAX_HEAD), bytes(stream.buffer[:size]))
        headers = _headers(string, colon + 1)
        fields = (
            Field("length", 0, colon, f"{len(string):,}", "decimal: bytes between the colon and the comma"),
            Field(":", colon, colon + 1, ""),
            *headers,
            Field(",", size - 1, size, "", "ends the netstring"),
        )
        yield stream.cut(size, f"netstring, {len(headers)} headers, {size_of(len(string))}", fields, fault)
        if not fault:
            yield from rest(stream, length)

    def backend(self, stream: Stream) -> Steps[None]:
        """Decode one response."""
        if (yield from stream.more()):
            yield from response(stream)


def _netstring(stream: Stream) -> Steps[tuple[bytes, int]]:
    """Wait for a netstring and return its string and its size. Raises RemoteProtocolError."""
    size = 1
    while True:
        start = yield from stream.peek(size)
        if len(start) < size or b":" in start or size > MAX_LENGTH_DIGITS:
            break
        size += 1
    decoded = decode_netstring(start, MAX_HEAD)
    if decoded is None and b":" in start:
        digits = start.partition(b":")[0]
        decoded = decode_netstring((yield from stream.peek(len(digits) + int(digits) + 2)), MAX_HEAD)
    if decoded is None:
        raise RemoteProtocolError("the front closed in the middle of the SCGI head")
    return decoded


def _headers(string: bytes, start: int) -> list[Field]:
    """Return a field for each header of the string, which stands at `start`."""
    found: list[Field] = []
    at = 0
    while at < len(string):
        middle = string.find(b"\0", at) + 1
        end = string.find(b"\0", middle) + 1 if middle else 0
        if not end or len(found) == MAX_FIELDS:
            return [*found, Field("undecoded", start + at, start + len(string), size_of(len(string) - at))]
        found.append(_header(string[at : middle - 1], string[middle : end - 1], start + at))
        at = end
    return found


def _header(name: bytes, value: bytes, start: int) -> Field:
    text, middle = name.decode("latin-1"), start + len(name)
    end = middle + 1 + len(value)
    children = (
        Field("name", start, middle, text),
        Field("NUL", middle, middle + 1, ""),
        Field("value", middle + 1, end, value.decode("latin-1")),
        Field("NUL", end, end + 1, ""),
    )
    return Field(text or "(no name)", start, end + 1, value.decode("latin-1"), meanings.of_variable(text), children)

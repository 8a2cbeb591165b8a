"""HTTP/1.1 (RFC 9112): heads, content by length, chunks, and up to the close.

::

    POST /a HTTP/1.1 CRLF Host: a CRLF ... CRLF     request head       HTTP/1.1 200 OK CRLF ... CRLF    response head
    content                                         in pieces, or      5 CRLF hello CRLF                chunk
                                                                       0 CRLF CRLF                      last chunk

How long an answer is depends on what was asked, so the requests' methods wait in a line for their answers. The codec
judges every line and all framing; in its error state the rest is not decoded, since nobody can tell where it begins.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable

from gateway_core.errors import RemoteProtocolError
from gateway_core.events import Fields
from gateway_core.http1 import ChunkedReader, ClientConnection, Limits
from gateway_core.http1.framing import message_codings, request_framing
from gateway_core.http1.grammar import REQUEST_FIELDS, content_length
from gateway_core.http1.limits import EMPTY_LINES
from gateway_core.http1.request_line import REQUEST_LINES, RequestLine, check_method
from gateway_core.mismatch import ENOUGH

from .content import content
from .lines import blank_line, field_line, status_line, words
from .message import Field, size_of
from .stream import MAX_FIELDS, MAX_HEAD, Lost, Steps, Stream

__all__ = ["HTTP"]

LIMITS = Limits(request_line=MAX_HEAD, field_line=MAX_HEAD, fields=MAX_FIELDS, head=MAX_HEAD, body=1 << 62)
"""An inspector shows what passes; how much of it is too much is for the servers to say."""

WHOLE_CHUNK = 64 * 1024
"""Bytes of a chunk that is shown as one message; a larger one comes in pieces, so that it need not be kept."""

CRLF = b"\r\n"
_HTTP = b"HTTP/"
_HEXADECIMAL = re.compile(rb"[0-9A-Fa-f]{1,16}")
_CHUNKED = -1
_TO_THE_END = None
_REQUEST_WORDS = ("method", "target", "version")
_REQUEST_MEANINGS = ("what to do", "with what", "the highest that the sender speaks")


class HTTP:
    """The decoder of one connection."""

    name = "HTTP"

    def __init__(self) -> None:
        self._methods: deque[str] = deque()
        self._switched = False

    def front(self, stream: Stream) -> Steps[None]:
        """Decode requests."""
        empty = 0
        while (yield from stream.more()):
            if self._switched:
                yield from content(stream, _TO_THE_END)
                return
            if (yield from stream.peek(len(CRLF))) == CRLF:
                empty += 1
                if empty > EMPTY_LINES:
                    raise RemoteProtocolError("there are empty lines instead of a request")
                yield stream.cut(len(CRLF), "empty line", (Field("CRLF", 0, 2, "", "skipped before a request"),))
                continue
            empty = 0
            length = yield from self._request_head(stream)
            yield from _content(stream, length)

    def backend(self, stream: Stream) -> Steps[None]:
        """Decode responses."""
        while (yield from stream.more()):
            length = yield from self._response_head(stream)
            yield from _content(stream, length)
        if self._methods:
            raise RemoteProtocolError("the connection ended before the response's head")

    def _request_head(self, stream: Stream) -> Steps[int | None]:
        """Decode a request's head, and return how much content follows."""
        lines: list[RequestLine] = []
        fields: Fields = []

        def read(line: bytes, at: int) -> Field:
            text = line.removesuffix(CRLF)
            if at:
                fields.append(REQUEST_FIELDS[text])
                return field_line(line, at)
            lines.append(REQUEST_LINES[text])
            children = words(_REQUEST_WORDS, line, 0, _REQUEST_MEANINGS)
            return Field("request line", 0, len(line), text.decode("latin-1"), "", children)

        check_method((yield from stream.peek(ENOUGH)))
        found = yield from _lines(stream, "request head", read)
        line = lines[0]
        title = f"request head, {line.method} {line.target}"
        try:
            framing = request_framing(line.version, line.host, fields, LIMITS, False)
        except RemoteProtocolError as error:
            yield stream.cut(found[-1].end, title, found, str(error))
            raise Lost from None
        self._methods.append(line.method)
        yield stream.cut(found[-1].end, title, found)
        return _CHUNKED if framing.length is None else framing.length

    def _response_head(self, stream: Stream) -> Steps[int | None]:
        """Decode a response's head, and return how much content follows."""
        method = self._methods[0] if self._methods else ""
        start = yield from stream.peek(len(_HTTP))
        if start != _HTTP:
            _judge_response(start + CRLF + CRLF, method)

        def read(line: bytes, at: int) -> Field:
            if not line.endswith(CRLF):
                _judge_response(line, method)
            return field_line(line, at) if at else status_line(line, 0)

        found = yield from _lines(stream, "response head", read)
        size = found[-1].end
        title = f"response head, {found[0].value.partition(' ')[2]}"
        try:
            _judge_response(bytes(stream.buffer[:size]), method)
        except RemoteProtocolError as error:
            yield stream.cut(size, title, found, str(error))
            raise Lost from None
        yield stream.cut(size, title, found)
        version, status = found[0].value.split(" ")[:2]
        if status.startswith("1") and status != "101":
            return 0
        if self._methods:
            self._methods.popleft()
        if status == "101":
            self._switched = True
            return _TO_THE_END
        return _response_length(version, int(status), method, found)


def _judge_response(head: bytes, method: str) -> None:
    """Let the codec read a whole head. Raises RemoteProtocolError."""
    codec = ClientConnection(head=method == "HEAD", limits=LIMITS)
    codec.receive_data(head)
    codec.next_event()


def _response_length(version: str, status: int, method: str, found: tuple[Field, ...]) -> int | None:
    """Return how much content follows a head that the codec has accepted (RFC 9112 section 6.3)."""
    if method == "HEAD" or status in (204, 304):
        return 0
    values: dict[str, list[str]] = {}
    for field in found[1:-1]:
        values.setdefault(field.name.lower(), []).append(field.value)
    if message_codings(values.get("transfer-encoding", []), version == "HTTP/1.0", 502):
        return _CHUNKED
    return content_length(values.get("content-length", []), 502)


def _lines(stream: Stream, title: str, read: Callable[[bytes, int], Field]) -> Steps[tuple[Field, ...]]:
    """Read lines up to the empty one, which is the last field; `read` makes a field of each of the others.

    What `read` refuses, and the end in the middle, make a message with a fault out of what there is. Raises Lost then.
    """
    found: list[Field] = []
    at = 0
    while True:
        end = yield from stream.line_end(at)
        line = bytes(stream.buffer[at:end] if end >= 0 else stream.buffer[at:])
        if line == CRLF and at:
            return (*found, blank_line(line, at))
        fault = "" if end >= 0 else f"the connection ended in the middle of the {title}"
        if not fault:
            try:
                found.append(read(line, at))
            except RemoteProtocolError as error:
                fault = str(error)
        if fault:
            if line:
                found.append(Field("undecoded", at, at + len(line), line.rstrip(CRLF).decode("latin-1")))
            yield stream.cut(at + len(line), title, tuple(found), fault)
            raise Lost
        at = end


def _content(stream: Stream, length: int | None) -> Steps[None]:
    """Decode the content behind a head."""
    if length == _CHUNKED:
        yield from _chunks(stream)
    else:
        yield from content(stream, length)


def _chunks(stream: Stream) -> Steps[None]:
    """Decode chunks up to the last one (RFC 9112 section 7.1). The codec reads along."""
    codec = ChunkedReader(LIMITS)
    while True:
        end = yield from stream.line_end(0)
        if end < 0:
            raise RemoteProtocolError("the connection ended before the last chunk")
        size_line = bytes(stream.buffer[:end])
        digits = _HEXADECIMAL.match(size_line)
        size = int(digits[0], 16) if digits else 0
        if digits and not size:
            found = yield from _lines(stream, "last chunk", lambda line, at: _last_chunk_line(codec, line, at))
            yield stream.cut(found[-1].end, "last chunk", found)
            return
        _judge_chunk(codec, size_line)
        if size <= WHOLE_CHUNK:
            yield from _whole_chunk(stream, codec, size_line, size)
        else:
            yield stream.cut(end, f"chunk of {size_of(size)} begins", (_size_line(size_line, size),))
            yield from _large_chunk(stream, codec, size)


def _whole_chunk(stream: Stream, codec: ChunkedReader, size_line: bytes, size: int) -> Steps[None]:
    at = len(size_line)
    end = at + size
    data = yield from stream.peek(end + 2)
    _judge_chunk(codec, data[at:])
    if len(data) < end + 2:
        raise RemoteProtocolError("the connection ended in the middle of a chunk")
    fields = (_size_line(size_line, size), Field("content", at, end, size_of(size)), Field("CRLF", end, end + 2, ""))
    yield stream.cut(end + 2, f"chunk, {size_of(size)}", fields)


def _large_chunk(stream: Stream, codec: ChunkedReader, size: int) -> Steps[None]:
    """Cut off the content of a chunk as it comes, and the CRLF behind it."""
    left = size
    while left:
        if not (yield from stream.more()):
            raise RemoteProtocolError("the connection ended in the middle of a chunk")
        piece = bytes(stream.buffer[:left])
        _judge_chunk(codec, piece)
        left -= len(piece)
        yield stream.cut(len(piece), f"content, {size_of(len(piece))}")
    tail = yield from stream.peek(len(CRLF))
    _judge_chunk(codec, tail)
    if tail != CRLF:
        raise RemoteProtocolError("the connection ended in the middle of a chunk")
    yield stream.cut(len(CRLF), "chunk ends", (Field("CRLF", 0, 2, ""),))


def _judge_chunk(codec: ChunkedReader, data: bytes) -> None:
    """Let the codec read some whole parts. Raises RemoteProtocolError."""
    codec.decode(data, 0)
    if codec.fault is not None:
        raise codec.fault


def _last_chunk_line(codec: ChunkedReader, line: bytes, at: int) -> Field:
    _judge_chunk(codec, line)
    return field_line(line, at) if at else _size_line(line, 0)


def _size_line(line: bytes, size: int) -> Field:
    """Return the field of `5;ext=1 CRLF`."""
    digits, semicolon, extensions = line.removesuffix(CRLF).partition(b";")
    at = len(digits)
    children = [Field("size", 0, at, digits.decode("latin-1"), f"hexadecimal: {size_of(size)}")]
    if semicolon:
        children.append(Field("extensions", at, len(line) - 2, extensions.decode("latin-1")))
    children.append(Field("CRLF", len(line) - 2, len(line), ""))
    return Field("chunk size", 0, len(line), digits.decode("latin-1"), size_of(size), tuple(children))

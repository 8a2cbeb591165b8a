r"""The reading half of a server's connection: bytes to requests (RFC 9112 sections 2 to 7).

::

    READING HEAD --head--> READING CONTENT --content complete--> PAUSED --the response has ended--> READING HEAD
         |  \------------head without content---------------------^                                      |
         +--end of file, or the last response has ended--> CLOSED <--------------------------------------+

A head without content is the common case, and it is one event from one look at the buffer. All that follows from other
field names, limits, faults and half a head lies on slower paths beside it.

The answer to a faulty head does not depend on how its bytes were split. Whatever makes a head hopeless before its end
(a bare LF, a line beyond its limit) only starts the search: `check_lines` then names the first fault in the stream.
"""

from __future__ import annotations

import enum
from typing import Final, NoReturn

from ..errors import RemoteProtocolError
from ..events import NEED_DATA, PAUSED, ConnectionClosed, Data, EndOfMessage, Fields, NotNow, Phase
from ..mismatch import ENOUGH, mismatch
from .chunked import ChunkedReader
from .framing import STEERING, Framing, request_framing
from .grammar import REQUEST_FIELDS
from .head_limits import check_lines
from .inbox import BARE_LF, Inbox
from .limits import DEFAULT_LIMITS, EMPTY_LINES, Limits
from .request import HttpRequest
from .request_line import METHOD_SO_FAR, REQUEST_LINES, check_method

__all__ = ["Reading", "RequestEvent", "RequestReader"]


RequestEvent = HttpRequest | Data | EndOfMessage | ConnectionClosed | NotNow
"""What `next_event` of a server gives."""


class Reading(enum.Enum):
    """What the bytes to come are."""

    HEAD = "a request line and fields, perhaps after empty lines"
    CONTENT = "content of the request"
    PAUSED = "a next request, not to be read before the response to this one has ended"
    CLOSED = "nothing that we will read"


# A look into an enum is a call, in 3.11.
_HEAD: Final = Reading.HEAD
_CONTENT: Final = Reading.CONTENT
_PAUSED: Final = Reading.PAUSED
_CLOSED: Final = Reading.CLOSED

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_new: Final = tuple.__new__  # a NamedTuple's own constructor is a Python function around it
_PLAIN = ["host"]
"""The names that steer, in a request that needs no more thought."""

_PLAIN_FRAMING = Framing()

_REMEMBERED = 4096
"""Bytes of field lines that a connection remembers: what browsers send, and few enough for thousands of connections."""


class RequestReader(Inbox):
    """`receive_data` and `next_event`. After a RemoteProtocolError, `next_event` raises the same again."""

    __slots__ = (
        "_allow_missing_host", "_careful", "_chunked", "_empty_lines", "_error", "_faulty_head", "_framing",
        "_last_fields", "_last_framing", "_last_lines", "_left", "_limits", "_line", "_memory", "_pending", "_reading",
        "_request",
    )  # fmt: skip

    def __init__(self, limits: Limits = DEFAULT_LIMITS, allow_missing_host: bool = False) -> None:
        super().__init__()
        self._limits = limits
        self._careful = min(limits.request_line, limits.field_line, limits.head)
        # Lines that are remembered were within all limits, and must be so behind any request line.
        self._memory = min(_REMEMBERED, limits.head - limits.request_line)
        self._allow_missing_host = allow_missing_host
        self._reading = _HEAD
        self._error: RemoteProtocolError | None = None
        self._faulty_head = False  # the head of a HEAD request had a fault
        self._line = 0  # where the incomplete line of half a head begins, counted from `_at`
        self._empty_lines = 0
        self._request: HttpRequest | None = None  # the one that is being read or answered
        self._framing = Framing()
        self._left = 0  # bytes of content still to come
        self._chunked: ChunkedReader | None = None
        self._pending = b""
        # The field lines of the last request without content, and what they came to: see _read_head.
        self._last_lines = b""
        self._last_fields: Fields = []
        self._last_framing = _PLAIN_FRAMING

    def receive_data(self, data: bytes) -> None:
        """Take the next bytes from the peer; b"" is end of file. Dropped after an error or the last response."""
        if data and self._reading is _HEAD and self._at == len(self._buffer) and self._error is None:
            self._buffer = data
            self._at = self._searched = 0
        elif self._error is None and self._reading is not _CLOSED:
            super().receive_data(data)

    @property
    def exhausted(self) -> bool:
        """Has all that came been read?"""
        return self._at == len(self._buffer) and not self._eof

    def data_to_send(self) -> bytes:
        """Return what is to be sent by itself, once: 100 Continue (RFC 9110 section 10.1.1), or b""."""
        data, self._pending = self._pending, b""
        return data

    def next_event(self) -> RequestEvent:
        """Return HttpRequest, if incomplete then Data..., EndOfMessage; or ConnectionClosed, NEED_DATA, PAUSED.

        Raises RemoteProtocolError with status 400, 413, 414, 417, 431, 501 or 505.
        """
        if self._error is not None:
            raise self._error
        try:
            reading = self._reading
            if reading is _HEAD:
                if self._at == len(self._buffer) and not self._eof:
                    return NEED_DATA
                return self._read_head()
            if reading is _CONTENT:
                return self._read_content()
        except RemoteProtocolError as fault:
            error = self._error = self._stranger() or fault
            begun = self._empty_lines <= EMPTY_LINES  # beyond that it does not matter what follows, nor if it is here
            self._faulty_head = begun and self._buffer[self._at : self._at + 5] == b"HEAD "
            self._drop()
            raise error from None
        return PAUSED if reading is _PAUSED else ConnectionClosed()

    def _stranger(self) -> RemoteProtocolError | None:
        """If what should be a head begins as none does, and as another protocol does, say so."""
        begun = self._reading is not _HEAD or METHOD_SO_FAR.match(self._buffer, self._at) is not None
        if begun or self._empty_lines > EMPTY_LINES:
            return None
        return mismatch(bytes(self._buffer[self._at : self._at + ENOUGH]), "HTTP")

    @property
    def phase(self) -> Phase:
        """What the peer is to send now; BUSY while a response is under way or the connection is over."""
        if self._reading is _HEAD:
            return Phase.HEAD if self._at < len(self._buffer) else Phase.IDLE
        return Phase.BODY if self._reading is _CONTENT else Phase.BUSY

    # -- the head ------------------------------------------------------------------------------------------------

    def _read_head(self) -> RequestEvent:
        """Read a head. The hot path of every HTTP request: longer than others on purpose.

        On a kept connection the lines after the request line are mostly those of the last request, byte for byte.
        Then so are the fields and what they mean; the list is the same one, so nobody may change it.
        """
        buffer, at, last = self._buffer, self._at, self._last_lines
        if last and at == 0 and type(buffer) is bytes and buffer.endswith(last) and len(buffer) <= self._careful:
            # If one line and the field lines of last time is all that has arrived, then it is one request.
            line = buffer[: -len(last)]
            known = REQUEST_LINES.get(line)
            if known is None and b"\r\n" not in line:
                known = REQUEST_LINES[line]
            if known is not None:
                method, target, version, host = known
                if version == "HTTP/1.1" and host is None:
                    self._at = self._searched = len(buffer)
                    self._line = self._empty_lines = 0
                    self._framing = self._last_framing
                    self._reading = _PAUSED
                    request = self._request = _new(HttpRequest, (method, target, version, self._last_fields, b"", True))
                    return request
        end = buffer.find(b"\r\n\r\n", self._searched)
        if end < 0:
            return self._read_half_a_head()
        line_end = buffer.find(b"\r\n", at)
        head = bytes(buffer[at:end])
        lines = head.split(b"\r\n")
        if not lines[0]:
            self._skip_empty_lines()
            return self._read_head()
        if len(head) > self._careful or len(lines) > self._limits.fields:
            check_lines(lines, self._limits)
        method, target, version, host = REQUEST_LINES[lines[0]]
        del lines[0]
        fields = [REQUEST_FIELDS[line] for line in lines]
        steering = [name for name, _ in fields if name in STEERING]
        if steering != _PLAIN or version == "HTTP/1.0" or host is not None:
            framing = request_framing(version, host, fields, self._limits, self._allow_missing_host)
            if host is not None:
                fields = [("host", host), *[field for field in fields if field[0] != "host"]]
        else:
            framing = _PLAIN_FRAMING
        self._at = self._searched = end + 4
        self._line = 0
        if framing.length != 0:
            return self._begin_content(HttpRequest(method, target, version, fields, b"", False), framing)
        if end - line_end <= self._memory and version == "HTTP/1.1" and host is None:
            self._last_lines = bytes(buffer[line_end : end + 4])
            self._last_fields = fields
            self._last_framing = framing
        self._framing = framing
        self._reading = _PAUSED
        self._empty_lines = 0
        request = self._request = HttpRequest(method, target, version, fields, b"", True)
        return request

    def _read_half_a_head(self) -> ConnectionClosed | NotNow:
        """No empty line yet: see whether there ever can be a request."""
        self._skip_empty_lines()
        buffer, at = self._buffer, self._at
        size = len(buffer)
        if self._eof:
            if size > at:
                raise RemoteProtocolError("the peer closed in the middle of a request's head")
            self._reading = _CLOSED
            return ConnectionClosed()
        start = max(at, self._searched)
        if (
            (size - at >= ENOUGH and (METHOD_SO_FAR.match(buffer, at) is None or BARE_LF.search(buffer, start)))
            or self._has_overlong_line(size)
            or size - at > self._limits.head + len(b"\r\n\r")
        ):
            self._refuse_half_a_head()
        line_end = buffer.rfind(b"\r\n", start)
        if line_end >= 0:
            self._line = line_end + 2 - at
        self._searched = max(at, size - len(b"\r\n\r"))
        return NEED_DATA

    def _has_overlong_line(self, size: int) -> bool:
        """Look at the lines that have not been looked at, which begin with the one that was incomplete."""
        line = self._at + self._line
        if size - line <= self._careful:
            return False
        limits = self._limits
        first, *others = bytes(self._buffer[line:]).removesuffix(b"\r").split(b"\r\n")
        limit = limits.field_line if self._line else limits.request_line
        return len(first) > limit or any(len(line) > limits.field_line for line in others)

    def _refuse_half_a_head(self) -> NoReturn:
        """Raise the first fault of a head that is hopeless."""
        head = bytes(self._buffer[self._at :])
        check_method(head)
        check_lines(head.removesuffix(b"\r").split(b"\r\n"), self._limits)
        raise AssertionError("a head was taken for hopeless that has no fault")

    def _skip_empty_lines(self) -> None:
        """Pass over empty lines before a request line (RFC 9112, 2.2). Raises RemoteProtocolError beyond a few."""
        while self._buffer[self._at : self._at + 2] == b"\r\n":
            self._at += 2
            self._empty_lines += 1
            if self._empty_lines > EMPTY_LINES:
                raise RemoteProtocolError("there are empty lines instead of a request")
        self._searched = max(self._searched, self._at)

    # -- content -------------------------------------------------------------------------------------------------

    def _begin_content(self, request: HttpRequest, framing: Framing) -> HttpRequest:
        """Give the request with as much of its content as has arrived."""
        self._reading = _CONTENT
        self._empty_lines = 0
        self._framing = framing
        self._left = framing.length or 0
        self._chunked = ChunkedReader(self._limits) if framing.length is None else None
        here = self._at < len(self._buffer)
        body, complete = self._content()
        if complete:
            self._reading = _PAUSED
        elif framing.expects and not here:
            self._pending += _CONTINUE  # section 10.1.1: not needed where content is on its way already
        request = self._request = request._replace(body=body, complete=complete)
        return request

    def _read_content(self) -> RequestEvent:
        body, complete = self._content()
        if body:
            return Data(body)
        if complete:
            self._reading = _PAUSED
            return EndOfMessage()
        if self._chunked is not None and self._chunked.fault is not None:
            raise self._chunked.fault
        if self._eof:
            raise RemoteProtocolError("the peer closed in the middle of a request's content")
        return NEED_DATA

    def _content(self) -> tuple[bytes, bool]:
        """Return the content that has arrived, and whether that was all of it."""
        if self._chunked is not None:
            body, self._at = self._chunked.decode(self._buffer, self._at)
            complete = self._chunked.complete
        else:
            body = self._take(self._left)
            self._left -= len(body)
            complete = not self._left
        self._searched = self._at
        return body, complete

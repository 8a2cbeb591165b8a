"""The client's connection: `RequestWriter`, and the reading half, bytes to a response.

RFC 9112 section 6.3, for responses::

    answer to HEAD, 204, 304        no content
    Transfer-Encoding: chunked      until the last chunk
    Content-Length: n               n bytes
    neither                         until the peer closes

1xx responses but 101 are passed over. Whatever a backend does wrong is a 502: nothing of a broken head is given on.
"""

from __future__ import annotations

import enum
import re

from ..errors import RemoteProtocolError
from ..events import NEED_DATA, Data, EndOfMessage, Fields, NotNow, Request, Response
from ..memo import Memo
from .chunked import ChunkedReader
from .framing import message_codings
from .grammar import HOP_BY_HOP, content_length, options, split_field
from .inbox import BARE_LF, Inbox
from .limits import INTERIM_RESPONSES, RESPONSE_LIMITS, Limits
from .request import HttpRequest
from .request_writer import RequestWriter

__all__ = ["ClientConnection", "ResponseEvent"]

# RFC 9112 section 4: status-line = HTTP-version SP status-code SP [ reason-phrase ]. The second SP is not optional.
_STATUS_LINE = re.compile(rb"HTTP/1\.([0-9]) ([1-5][0-9]{2}) ([\t\x20-\x7e\x80-\xff]*+)")

_BAD = 502

_FIELDS: Memo[bytes, tuple[str, str]] = Memo(split_field, len)

ResponseEvent = Response | Data | EndOfMessage | NotNow
"""What `next_event` of a client gives."""


class _Reading(enum.Enum):
    """What the bytes to come are."""

    HEAD = "a status line and fields"
    LENGTH = "content, counted"
    CHUNKS = "content in chunks"
    CLOSE = "content until end of file"
    DONE = "nothing"


class ClientConnection(Inbox):
    """One request and its response, without I/O.

    `keep_alive`: ask the server to keep the connection. `head`: the request is a HEAD, so the response has no content.
    `reusable` says, after EndOfMessage, whether another request may follow (with a new object). Fields of the
    connection itself (Connection, Transfer-Encoding...) end here and are not part of the Response, but for a 101.
    """

    __slots__ = ("_chunked", "_error", "_head", "_interim", "_left", "_limits", "_persistent", "_reading", "_writer")

    def __init__(self, keep_alive: bool = False, head: bool = False, limits: Limits = RESPONSE_LIMITS) -> None:
        super().__init__()
        self._writer = RequestWriter(keep_alive)
        self._persistent = keep_alive
        self._head = head
        self._limits = limits
        self._reading = _Reading.HEAD
        self._left = 0
        self._chunked = ChunkedReader(limits)
        self._interim = 0
        self._error: RemoteProtocolError | None = None

    @property
    def reusable(self) -> bool:
        """May another request follow on this connection?"""
        clean = self._error is None and self._at == len(self._buffer) and not self._eof
        return clean and self._persistent and self._writer.sent and self._reading is _Reading.DONE

    def send(self, event: HttpRequest | Request | Data | EndOfMessage) -> bytes:
        """Encode the request. One that is incomplete and has no length goes in chunks. Raises LocalProtocolError."""
        return self._writer.send(event)

    def next_event(self) -> ResponseEvent:
        """Return Response, Data..., EndOfMessage, then NEED_DATA for ever. Raises RemoteProtocolError (502)."""
        if self._error is not None:
            raise self._error
        try:
            return self._read_head() if self._reading is _Reading.HEAD else self._read_content()
        except RemoteProtocolError as error:
            error.status = _BAD
            self._error = error
            raise

    # -- the head ------------------------------------------------------------------------------------------------

    def _read_head(self) -> Response | NotNow:
        while True:
            end = self._buffer.find(b"\r\n\r\n", self._searched)
            if end < 0:
                return self._read_half_a_head()
            if end - self._at > self._limits.head:
                raise self._too_long()
            lines = bytes(self._buffer[self._at : end]).split(b"\r\n")
            self._at = self._searched = end + 4
            response = self._decode(lines)
            if response.status >= 200 or response.status == 101:
                return response
            self._interim += 1
            if self._interim > INTERIM_RESPONSES:
                raise RemoteProtocolError("there are only interim responses", _BAD)

    def _read_half_a_head(self) -> NotNow:
        size = len(self._buffer)
        if size - self._at > self._limits.head + len(b"\r\n\r"):
            raise self._too_long()
        if BARE_LF.search(self._buffer, max(self._at, self._searched)):
            raise RemoteProtocolError("a line ends with LF, not CRLF", _BAD)
        if self._eof:
            where = "in the middle of" if size > self._at else "before"
            raise RemoteProtocolError(f"the connection ended {where} the response's head", _BAD)
        self._searched = max(self._at, size - len(b"\r\n\r"))
        return NEED_DATA

    def _too_long(self) -> RemoteProtocolError:
        return RemoteProtocolError(f"the response's head is longer than {self._limits.head} bytes", _BAD)

    def _decode(self, lines: list[bytes]) -> Response:
        """Decode a head, and find out how its content ends."""
        match = _STATUS_LINE.fullmatch(lines[0])
        if match is None:
            raise RemoteProtocolError("the response does not begin with a status line of HTTP/1.x", _BAD)
        if len(lines) - 1 > self._limits.fields:
            raise RemoteProtocolError(f"the response has more than {self._limits.fields} fields", _BAD)
        fields = [_FIELDS[line] for line in lines[1:]]
        status = int(match[2])
        if status >= 200 or status == 101:
            self._frame(status, match[1] == b"0", fields)
            if status != 101:
                fields = [field for field in fields if field[0].lower() not in HOP_BY_HOP]
        return Response(status, match[3].decode("latin-1").strip(" \t"), fields)

    def _frame(self, status: int, old: bool, fields: Fields) -> None:
        wishes = options(fields, "connection")
        if "close" in wishes or (old and "keep-alive" not in wishes):
            self._persistent = False
        length = content_length([value for name, value in fields if name.lower() == "content-length"], _BAD)
        chunked = message_codings([value for name, value in fields if name.lower() == "transfer-encoding"], old, _BAD)
        if chunked and length is not None:
            raise RemoteProtocolError("the response has both Content-Length and Transfer-Encoding", _BAD)
        if self._head or status in (204, 304):
            self._reading = _Reading.LENGTH
        elif chunked:
            self._reading = _Reading.CHUNKS
        elif length is not None and status != 101:
            self._reading, self._left = _Reading.LENGTH, length
        else:
            self._reading = _Reading.CLOSE
            self._persistent = False

    # -- content -------------------------------------------------------------------------------------------------

    def _read_content(self) -> ResponseEvent:
        reading = self._reading
        if reading is _Reading.DONE:
            return NEED_DATA
        if reading is _Reading.CHUNKS:
            data, self._at = self._chunked.decode(self._buffer, self._at)
            complete = self._chunked.complete
        elif reading is _Reading.LENGTH:
            data = self._take(self._left)
            self._left -= len(data)
            complete = not self._left
        else:
            data = self._take(len(self._buffer))
            complete = self._eof
        if data:
            return Data(data)
        if complete:
            self._reading = _Reading.DONE
            return EndOfMessage()
        if self._chunked.fault is not None:
            raise self._chunked.fault
        if self._eof:
            raise RemoteProtocolError("the connection ended in the middle of the response's content", _BAD)
        return NEED_DATA

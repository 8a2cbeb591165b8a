"""The server's connection: `RequestReader`, and beside it the writing half, values to bytes.

How the end of a response is marked (RFC 9112 section 6.3)::

    HEAD, 1xx, 204, 304          by the empty line           nothing to send, whatever the application gives
    length known                 by Content-Length           for every version
    unknown, HTTP/1.1            by the last chunk           the connection stays
    unknown, HTTP/1.0            by closing                  1.0 knows no chunks

One response answers one request, in order. The next request is read when `end` has been called (`PAUSED` until then).
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from typing import Final

from ..cgi import phrase
from ..errors import LocalProtocolError, RemoteProtocolError
from ..events import Fields
from .chunked import LAST_CHUNK, encode_chunk
from .limits import DEFAULT_LIMITS, RETRY_AFTER, Limits
from .request_reader import Reading, RequestReader
from .response_lines import LENGTHS, PLAIN_HEADS, RESPONSE_FIELDS, SERVER_LINES, STATUS_LINES

__all__ = ["ServerConnection"]


class _Writing(enum.Enum):
    """What is to be sent next."""

    HEAD = "the head of a response"
    CONTENT = "content, marked by its length or by closing"
    CHUNKS = "content in chunks"
    BARE = "the end: no content may follow"
    RAW = "whatever the application gives, head and all"
    NOTHING = "nothing: the last response has ended"


# A look into an enum is a call, in 3.11.
_HEAD: Final = _Writing.HEAD
_CONTENT: Final = _Writing.CONTENT
_CHUNKS: Final = _Writing.CHUNKS
_BARE: Final = _Writing.BARE
_RAW: Final = _Writing.RAW
_NEXT: Final = Reading.HEAD
_PAUSED: Final = Reading.PAUSED

_CLOSE, _KEEP_ALIVE = b"Connection: close\r\n\r\n", b"Connection: keep-alive\r\n\r\n"


class ServerConnection(RequestReader):
    """One connection of an HTTP/1.1 server, without I/O: decoder and encoder.

    `allow_missing_host`: accept HTTP/1.1 without Host (an empty one is refused in any case). `server`: value of Server,
    "" for none. `date()` gives the value of Date (see `http_date`). Without it no Date is sent, which is what RFC 9110
    section 6.6.1 asks of a server without a clock.
    """

    __slots__ = (
        "_date", "_plain", "_plain_fields", "_plain_status", "_refused", "_room", "_server", "_writing",
        "close_after", "last",
    )  # fmt: skip

    raw = True

    def __init__(
        self,
        limits: Limits = DEFAULT_LIMITS,
        allow_missing_host: bool = False,
        server: str = "gatelab",
        date: Callable[[], bytes] | None = None,
    ) -> None:
        super().__init__(limits, allow_missing_host)
        self._server = SERVER_LINES[server]
        self._date = date
        # The last plain head, since the next response often has the same; Response gives the very same list then.
        self._plain = b""
        self._plain_status = ""
        self._plain_fields: Fields | None = None
        self._writing = _HEAD
        self._room: int | None = None  # bytes of content that may still be sent
        self._refused = False
        self.close_after = False
        """The connection must close when the response has ended. Set before `head`, it makes this response the last."""
        self.last = False
        """Somebody wants the next head to say that its response is the last. Another thread may say so at any moment:
        a response that has begun is not touched by it, since its client has been told that it may send one more."""

    # -- the response --------------------------------------------------------------------------------------------

    def head(self, status: str, fields: Fields, length: int | None) -> bytes:
        """Encode the head. `status` is "200 OK"; `length` the bytes of content if known. Raises LocalProtocolError."""
        request = self._request
        if request is None or self._writing is not _HEAD:
            raise LocalProtocolError("there is no request to answer")
        line, code, bare = STATUS_LINES[status]
        parts = [line]
        dated = self._date is None
        served = not self._server
        for field in fields:
            encoded, steers = RESPONSE_FIELDS[field]
            if steers:
                if steers == "content-length":
                    length = _declared(field[1], length, fields)
                    continue
                if steers == "date":
                    dated = True
                else:
                    served = True
            parts.append(encoded)
        if not dated:
            parts.append(b"Date: %b\r\n" % self._date())  # type: ignore[misc]  # dated is True if it is None
        if not served:
            parts.append(self._server)
        if bare or request.method == "HEAD":
            self._writing = _BARE
            if length is not None and (code == 304 or (length and code != 204)):
                # A length that nobody declared for HEAD is that of the content that was not made: 0 says nothing.
                parts.append(b"Content-Length: %d\r\n" % length)
        elif length is not None:
            self._writing = _CONTENT
            self._room = length
            parts.append(b"Content-Length: %d\r\n" % length)
        elif request.version == "HTTP/1.0":
            self._writing = _CONTENT
            self._room = None
            self.close_after = True
        else:
            self._writing = _CHUNKS
            parts.append(b"Transfer-Encoding: chunked\r\n")
        parts.append(self._connection_line(request.version))
        return b"".join(parts)

    def _connection_line(self, version: str) -> bytes:
        """Decide whether the connection stays (RFC 9112 section 9.3), say so where due, and end the head."""
        if self._reading is Reading.CONTENT or not self._framing.persistent:
            self.close_after = True  # content that was not read would be taken for a request (CVE-2022-22720)
        if self.last:
            self.close_after = True
        if self.close_after:
            return _CLOSE
        return _KEEP_ALIVE if version == "HTTP/1.0" else b"\r\n"

    def data(self, data: bytes) -> bytes:
        """Encode a piece of content, not empty. Raises LocalProtocolError if none, or not so much, may follow."""
        if self._writing is _CHUNKS and data:
            return encode_chunk(data)
        if self._writing is _RAW:
            return data
        if self._writing is not _CONTENT:
            raise LocalProtocolError("no content may be sent here")
        if self._room is not None:
            if len(data) > self._room:
                raise LocalProtocolError("there is more content than Content-Length")
            self._room -= len(data)
        return data

    def begin_raw(self) -> None:
        """From here on `data` is sent as it is: somebody else has written the whole response, and it is the last one.

        Where it ends only closing can tell, so the connection has no use after it. Raises LocalProtocolError.
        """
        if self._request is None or self._writing is not _HEAD:
            raise LocalProtocolError("there is no request to answer, or its response has begun")
        self._writing = _RAW
        self.close_after = True

    def skip(self, count: int) -> None:
        """Take note of `count` bytes of content that are sent without being encoded. Raises LocalProtocolError."""
        if self._writing is not _CONTENT or self._room is None or count > self._room:
            raise LocalProtocolError("only content of a known length, and no more, goes without being encoded")
        self._room -= count

    def end(self) -> bytes:
        """Encode the end of a complete response; then the next request may be read, or `close_after` is True."""
        writing = self._writing
        if self._request is None or writing is _HEAD or writing is _Writing.NOTHING:
            raise LocalProtocolError("there is no response to end")
        if self._reading is Reading.CONTENT or (self._room and writing is _CONTENT):
            self.close_after = True  # the request was not read to its end, or too little was sent: only closing tells
        self._room = None
        self._request = None
        if self.close_after:
            self._writing = _Writing.NOTHING
            self._reading = Reading.CLOSED
            self._drop()
        else:
            self._writing = _HEAD
            self._reading = _NEXT
        return LAST_CHUNK if writing is _CHUNKS else b""

    def whole(self, status: str, fields: Fields, data: bytes) -> bytes:
        """Encode a response that is at hand as a whole; `data` is not empty. The hot path of every HTTP response."""
        request, date = self._request, self._date
        if fields is self._plain_fields and status == self._plain_status:
            plain = self._plain
        else:
            plain = self._plain = PLAIN_HEADS[status, *fields]
            self._plain_status, self._plain_fields = status, fields
        stays = self._framing.persistent and not (self.close_after or self.last)
        usual = plain and stays and self._reading is _PAUSED
        if request is None or not usual or date is None or request[2] != "HTTP/1.1" or request[0] == "HEAD":
            head = self.head(status, fields, len(data))
            if self._writing is _BARE:
                self._writing = _HEAD  # nothing was sent yet
            return head + self.data(data) + self.end()
        self._request = None
        self._reading = _NEXT
        # A join takes half as long as a format. The length is the last line, with the empty one behind it.
        return b"".join((plain, b"Date: ", date(), b"\r\n", self._server, LENGTHS[len(data)], data))

    # -- beside the response -------------------------------------------------------------------------------------

    def interim(self, code: int, fields: Iterable[tuple[str, str]] = ()) -> bytes:
        """Encode a 1xx response before the final one, such as 103 Early Hints with its Link fields.

        b"" for HTTP/1.0, which knows none. 100 Continue needs no call: `data_to_send` has it when it is due. 101 is
        refused: nothing here switches protocols. Raises LocalProtocolError.
        """
        if not 100 <= code <= 199 or code == 101 or self._request is None or self._writing is not _HEAD:
            raise LocalProtocolError("an interim response is a 1xx other than 101, before the final response")
        encoded = [RESPONSE_FIELDS[field] for field in fields]
        if any(steers == "content-length" for _, steers in encoded):
            raise LocalProtocolError("an interim response has no content, and so no Content-Length")
        if self._request.version == "HTTP/1.0":
            return b""
        return f"HTTP/1.1 {code} {phrase(code)}\r\n".encode() + b"".join(line for line, _ in encoded) + b"\r\n"

    def refusal(self, error: RemoteProtocolError) -> bytes:
        """Encode the whole answer to a faulty request, at most once; the connection is then over.

        b"" if there is nothing to say: it was said already, or the last response has ended. Raises LocalProtocolError
        if a response is half sent: then only closing is left.
        """
        if self._refused or self._writing is _Writing.NOTHING:
            return b""
        if self._writing is not _HEAD:
            raise LocalProtocolError("a response is half sent, another one cannot follow")
        self._refused = self.close_after = True
        self._writing = _Writing.NOTHING
        self._reading = Reading.CLOSED
        self._pending = b""
        bare = self._faulty_head if self._request is None else self._request.method == "HEAD"
        self._request = None
        self._drop()
        body = f"{error}\n".encode("latin-1", "backslashreplace")
        date = b"Date: %b\r\n" % self._date() if self._date is not None else b""
        head = (
            f"HTTP/1.1 {error.status} {phrase(error.status)}\r\n"
            "Content-Type: text/plain; charset=iso-8859-1\r\n"
            f"Content-Length: {len(body)}\r\n"
        )
        if error.status == 503:
            head += f"Retry-After: {RETRY_AFTER}\r\n"
        return head.encode() + date + self._server + _CLOSE + (b"" if bare else body)


def _declared(value: str, length: int | None, fields: Fields) -> int:
    """Return the length that a Content-Length field declares, if nothing contradicts it."""
    declared = int(value)
    if length is not None and length != declared:
        raise LocalProtocolError("Content-Length is not the length of the content")
    if sum(name.lower() == "content-length" for name, _ in fields) > 1:
        raise LocalProtocolError("Content-Length comes more than once")
    return declared

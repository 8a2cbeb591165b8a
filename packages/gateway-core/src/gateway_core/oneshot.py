"""One request a connection: what SCGI and uwsgi have in common, which is everything but the framing of the head.

::

    front  ->  [ the meta-variables, framed ] [ content: CONTENT_LENGTH bytes ]
    front  <-  [ response head ] [ content ] close

Both codecs are this pair of classes with a way to read and to write the frame. The end of a request is counted, since a
server cannot wait for an end of file that a front has no reason to send. The end of a response is the close.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from typing import Final

from . import cgi
from .errors import LocalProtocolError, PeerMismatch, RemoteProtocolError
from .events import (
    NEED_DATA,
    ConnectionClosed,
    Data,
    EndOfMessage,
    Fields,
    NotNow,
    Request,
    Response,
    Variables,
)
from .memo import KEY_MAX, Memo
from .mismatch import ENOUGH, http_refusal, mismatch, recognise

__all__ = ["OneShotClient", "OneShotServer"]


class _Input(enum.Enum):
    """How far the request has been read."""

    HEAD = "the frame with the meta-variables is not complete"
    CONTENT = "content is still to come"
    DONE = "the request is complete; what follows is ignored"


class _Output(enum.Enum):
    """How far our message has been sent."""

    HEAD = "nothing yet"
    CONTENT = "the head went out"
    DONE = "complete"


_READ_HEAD, _READ_CONTENT, _READ_DONE = _Input  # a look into an enum is a call, in 3.11
_SENT_HEAD, _SENT_CONTENT, _SENT_DONE = _Output


def _encode_lines(key: _Key) -> bytes:
    first, *fields = key
    return cgi.encode_lines(first, fields, None)[:-2]


def _size(key: _Key) -> int:
    first, *fields = key
    if any(name.lower() == "set-cookie" for name, _ in fields):
        return KEY_MAX + 1  # a secret, and another one the next time
    return len(first) + sum(len(name) + len(value) for name, value in fields)


_Key = tuple[str, *tuple[tuple[str, str], ...]]
_RESPONSE_HEADS: Final[Memo[_Key, bytes]] = Memo(_encode_lines, _size)
"""First lines and fields that come together again and again, as they are sent. Raises LocalProtocolError."""


class OneShotServer(ABC):
    """The application's side. `max_head` is the largest frame, in bytes, that is taken.

    Also the *encoder* of its one response: `head`, `data`, `end`, `close_after`.
    """

    protocol: str
    close_after = True
    raw = True

    def __init__(self, max_head: int) -> None:
        self._max_head = max_head
        self._buffer: bytes | bytearray = b""  # a piece itself, as long as there is one: most heads come in one
        self._input = _READ_HEAD
        self._output = _SENT_HEAD
        self._left = 0  # content bytes still to come
        self._eof = False
        self._error: RemoteProtocolError | None = None
        self._answer = b""  # to a question that needs no application
        self._peer_speaks_http = False

    @abstractmethod
    def _decode_head(self, buffer: bytes | bytearray) -> tuple[Variables, int] | None:
        """Return the variables and the size of the frame in bytes; None: not complete. Raises RemoteProtocolError."""

    # -- input ---------------------------------------------------------------------------------------------------

    exhausted = False  # it is never asked: a response ends the connection

    def receive_data(self, data: bytes) -> None:
        """Take the next bytes of the front; b"" is end of file. What follows a complete request is dropped here."""
        if not data:
            self._eof = True
        elif self._input is not _READ_DONE:
            if not self._buffer:
                self._buffer = data
                return
            if isinstance(self._buffer, bytes):
                self._buffer = bytearray(self._buffer)
            self._buffer += data

    def next_event(self) -> Request | Data | EndOfMessage | ConnectionClosed | NotNow:
        """Return the next event, or NEED_DATA. Raises RemoteProtocolError, the same one ever after."""
        if self._error is not None:
            raise self._error
        try:
            if self._input is _READ_HEAD:
                return self._read_head()
            if self._input is _READ_CONTENT:
                return self._read_content()
        except RemoteProtocolError as error:
            self._error = error
            self._input = _READ_DONE  # so that nothing is kept of what may still come
            if isinstance(self._buffer, bytearray):
                self._buffer.clear()  # the error's traceback holds it too
            self._buffer = b""
            raise
        return NEED_DATA  # also at end of file: a front may close its half and still read the response

    def _read_head(self) -> Request | ConnectionClosed | NotNow:
        buffer = self._buffer
        if not buffer:
            return ConnectionClosed() if self._eof else NEED_DATA
        decoded = self._decode_head(buffer)
        if decoded is None:
            if self._eof:
                raise RemoteProtocolError(f"the front closed in the middle of the {self.protocol} head")
            return NEED_DATA
        variables, size = decoded
        length = cgi.content_length(variables) or 0
        body = bytes(buffer[size : size + length])
        self._buffer = b""
        self._left = length - len(body)
        self._input = _READ_CONTENT if self._left else _READ_DONE
        return Request(variables, body, complete=not self._left)

    def _read_content(self) -> Data | EndOfMessage | NotNow:
        if self._buffer:
            data = bytes(self._buffer[: self._left])
            self._buffer = b""
            self._left -= len(data)
            return Data(data)
        if not self._left:
            self._input = _READ_DONE
            return EndOfMessage()
        if self._eof:
            raise RemoteProtocolError(f"the front closed {self._left} bytes before the end of the content")
        return NEED_DATA

    def _check_peer(self, buffer: bytes | bytearray, note: str = "") -> None:
        """Raise PeerMismatch if the first bytes are those of another protocol."""
        error = mismatch(bytes(buffer[:ENOUGH]), self.protocol, note)
        if error is not None:
            guess = recognise(bytes(buffer[:ENOUGH]))
            self._peer_speaks_http = guess is not None and guess.protocol == "HTTP"
            raise error

    def _undecided(self, buffer: bytes | bytearray) -> bool:
        """Are these first bytes too few to name another protocol, with more to come?"""
        return len(buffer) < ENOUGH and not self._eof

    # -- output --------------------------------------------------------------------------------------------------

    def data_to_send(self) -> bytes:
        """Return, once, the bytes that answer a question which needs no application."""
        answer, self._answer = self._answer, b""
        return answer

    def refusal(self, error: RemoteProtocolError) -> bytes:
        """Return a whole response that tells the front what is wrong; in HTTP if that is what the peer speaks."""
        if self._output is not _SENT_HEAD:
            return b""
        self._output = _SENT_DONE
        if isinstance(error, PeerMismatch):
            return http_refusal(error.status, str(error)) if self._peer_speaks_http else b""
        return self._refusal(error.status, str(error))

    def _refusal(self, status: int, sentence: str) -> bytes:
        return cgi.refusal(status, sentence)

    def _status(self, status: str) -> str:
        """Return the first line of a response, without its end."""
        return f"Status: {status}"

    def head(self, status: str, fields: Fields, length: int | None) -> bytes:
        """Encode the response head. `status` is "200 OK", `length` the bytes of content if known."""
        if self._output is not _SENT_HEAD:
            raise LocalProtocolError("a connection carries one response")
        head = cgi.encode_lines(self._status(status), fields, None if status.startswith("204") else length)
        self._output = _SENT_CONTENT
        return head

    def data(self, data: bytes) -> bytes:
        """Encode a piece of content: as it is."""
        if self._output is not _SENT_CONTENT:
            raise LocalProtocolError("content belongs between the head and the end of a response")
        return data

    def skip(self, count: int) -> None:
        """Content goes as it is, so there is nothing to count."""
        if self._output is not _SENT_CONTENT:
            raise LocalProtocolError("content belongs between the head and the end of a response")

    def end(self) -> bytes:
        """Encode the end: nothing, since the close is the end."""
        if self._output is not _SENT_CONTENT:
            raise LocalProtocolError("a response ends once, after its head")
        self._output = _SENT_DONE
        return b""

    def whole(self, status: str, fields: Fields, data: bytes) -> bytes:
        """Encode all of a response; what its head says but for the length was mostly said before."""
        if self._output is not _SENT_HEAD:
            raise LocalProtocolError("a connection carries one response")
        head = _RESPONSE_HEADS[self._status(status), *fields]
        self._output = _SENT_DONE
        return b"%bContent-Length: %d\r\n\r\n%b" % (head, len(data), data)

    def send(self, event: Response | Data | EndOfMessage) -> bytes:
        """Encode one event of the response. Raises LocalProtocolError out of turn."""
        if isinstance(event, Response):
            return self.head(f"{event.status} {event.reason}", event.fields, None)
        return self.data(event.data) if isinstance(event, Data) else self.end()


class OneShotClient(ABC):
    """The web server's side. `head` says that the request is a HEAD, so content is discarded.

    `keep_alive` is there because every client codec has it: these protocols have no such thing.
    """

    reusable = False

    def __init__(self, keep_alive: bool = False, head: bool = False, *, status_line: bool = False) -> None:
        self._parser = cgi.ResponseParser(head=head, status_line=status_line)
        self._output = _SENT_HEAD
        self._left = 0  # content bytes still to send
        self._started = False  # the response head has come
        self._ended = False

    @abstractmethod
    def _encode_head(self, variables: Variables) -> bytes:
        """Frame the variables, CONTENT_LENGTH first. Raises LocalProtocolError if they cannot be framed."""

    def send(self, event: Request | Data | EndOfMessage) -> bytes:
        """Encode one event of the request. Raises LocalProtocolError out of turn, or for a wrong CONTENT_LENGTH."""
        if isinstance(event, Request):
            return self._send_request(event)
        if self._output is not _SENT_CONTENT:
            raise LocalProtocolError("content belongs between the head and the end of a request")
        if isinstance(event, Data):
            return self._send_content(event.data)
        if self._left:
            raise LocalProtocolError(f"the content is {self._left} bytes shorter than CONTENT_LENGTH")
        self._output = _SENT_DONE
        return b""

    def _send_request(self, request: Request) -> bytes:
        if self._output is not _SENT_HEAD:
            raise LocalProtocolError("a connection carries one request")
        try:
            length = cgi.content_length(request.variables)
        except RemoteProtocolError as error:
            raise LocalProtocolError(str(error)) from None
        if length is None and not request.complete:
            raise LocalProtocolError("the length of the content must be known before its first byte is sent")
        if length is None:
            length = len(request.body)
        if length < len(request.body) or (request.complete and length != len(request.body)):
            raise LocalProtocolError(f"the content has {len(request.body)} bytes, CONTENT_LENGTH promises {length}")
        others = [(name, value) for name, value in request.variables if name != "CONTENT_LENGTH"]
        head = self._encode_head([("CONTENT_LENGTH", str(length)), *others])
        self._left = length - len(request.body)
        self._output = _SENT_DONE if request.complete else _SENT_CONTENT
        return head + request.body

    def _send_content(self, data: bytes) -> bytes:
        if len(data) > self._left:
            raise LocalProtocolError("the content is longer than CONTENT_LENGTH")
        self._left -= len(data)
        return data

    def receive_data(self, data: bytes) -> None:
        """Take the next bytes of the application; b"" is end of file."""
        if not self._ended:
            self._parser.receive_data(data)

    def next_event(self) -> Response | Data | EndOfMessage | NotNow:
        """Return Response, Data..., EndOfMessage; NEED_DATA after that. Raises RemoteProtocolError (502).

        The message ends at its Content-Length if it has one, without waiting for the close.
        """
        if self._ended:
            return NEED_DATA
        if self._started and self._parser.complete:
            self._ended = True
            return EndOfMessage()
        event = self._parser.next_event()
        if isinstance(event, Response):
            self._started = True
        elif isinstance(event, EndOfMessage):
            self._ended = True
        return event
